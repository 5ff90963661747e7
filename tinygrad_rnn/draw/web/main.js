// What the reader has chosen, and what follows from it.

const state = { t: D.t, chosen: null, frame: null };
let timer = null;

const slider = byId("t");
slider.max = T;
const heat = new Heat(byId("heat"), choose);

function render() {
  const { t, frame } = state;
  slider.value = t;
  slider.setAttribute("aria-valuetext", `t = ${t}, norm ${number(total[t - 1], 6)}`);
  byId("which").textContent = joint(t);
  byId("now").textContent = `t = ${t}, ‖${totalSymbol(t)}‖ = ${number(total[t - 1], 6)}`;
  document.querySelectorAll(".t-now").forEach((node) => { node.textContent = t; });
  const start = frame === null ? "▶ Play backward pass" : "▶ Go on";
  byId("play").textContent = timer ? "❚❚ Pause" : start;
  byId("caption").textContent = frame === null ? "" : story(frame);
  if (!byId("map-panel").hidden) drawMap(byId("map"), state, choose);
  drawTable(byId("terms"), state, choose);
  drawPath(byId("path"), state);
  drawWeights(byId("weights"), state, goTo);
  heat.frame(state);
}

function goTo(t) {
  if (t < 1 || t > T || t === state.t) return;
  stop();
  const { chosen } = state;
  Object.assign(state, { t, frame: null, chosen: chosen !== null && chosen >= t ? chosen : null });
  render();
}

function choose(k, t) {
  stop();
  const again = k === state.chosen && t === state.t;
  Object.assign(state, { t, chosen: again ? null : k, frame: null });
  hideTip();
  render();
}

// -- the backward pass, one time step after the other: from T down to the chosen t -------------

function story(j) {
  const direct = reaches(j, j)
    ? `direct ${termSymbol(j, j)}, norm ${number(norm(j, j))}` : whyNot(j, j);
  const sum = `‖${totalSymbol(j)}‖ = ${number(total[j - 1])}`;
  const steps = `Step ${T - j + 1} of ${T - state.t + 1}, at ${joint(j)}: `;
  if (!D.earliest.some((e, i) => e !== null && e <= j && i + 1 > j)) {
    return `${steps}${direct}; nothing comes from later losses: ${sum}`;
  }
  const size = number(indirect[j - 1]);
  const later = `indirect, from ${joint(j + 1)} through J${sub(j + 1)}, norm ${size}`;
  return `${steps}${direct}${reaches(j, j) ? " + " : "; "}${later}: ${sum}`;
}

function step() {
  state.frame = state.frame === null || state.frame <= state.t ? T : state.frame - 1;
  if (state.frame === state.t) stop();
  render();
}

function stop() {
  clearInterval(timer);
  timer = null;
}

function play() {
  if (timer) {
    stop();
    render();
  } else {
    timer = setInterval(step, Math.max(150, Math.min(900, 9000 / (T - state.t + 1))));
    step();
  }
}

// -- controls ---------------------------------------------------------------------------------

slider.addEventListener("input", () => goTo(Number(slider.value)));
byId("play").addEventListener("click", play);
byId("step").addEventListener("click", () => { stop(); step(); });

function showOperations(operations) {
  byId("map-panel").hidden = operations;
  byId("operations-panel").hidden = !operations;
  byId("cells").setAttribute("aria-pressed", String(!operations));
  byId("operations").setAttribute("aria-pressed", String(operations));
  document.body.classList.toggle("long", operations || !sizesOf(T).chips);
  document.body.classList.toggle("longest", !operations && T > D.longest);  // the heat map first
  heat.fit();
  render();
}
byId("cells").addEventListener("click", () => showOperations(false));
byId("operations").addEventListener("click", () => showOperations(true));

const theme = () => document.documentElement.dataset.theme;
function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
}
const wantsDark = matchMedia("(prefers-color-scheme: dark)");
setTheme(wantsDark.matches ? "dark" : "light");
wantsDark.addEventListener("change", () => setTheme(wantsDark.matches ? "dark" : "light"));
byId("theme").addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark"));
let before = null;  // paper is white
addEventListener("beforeprint", () => { before = theme(); setTheme("light"); });
addEventListener("afterprint", () => { if (before) setTheme(before); });

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    hideTip();
    if (state.chosen !== null || state.frame !== null) {
      stop();
      Object.assign(state, { chosen: null, frame: null });
      render();
    }
    return;
  }
  if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey) return;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) {
    event.preventDefault();
    goTo(state.t + by);
  }
});

// -- the operations: tooltips of the picture become items that tell ----------------------------

for (const title of byId("ops").querySelectorAll("g > title")) {
  const group = title.parentNode, [name, ...rest] = title.textContent.split("; ");
  item(group, [name, ...rest], { key: "op" });
  title.remove();
}
roving(byId("ops"));

// (3.1) with its two kinds of terms in their colours
function formula(node, text) {  // _x_ is a subscript
  text.split("_").forEach((piece, i) => node.append(i % 2 ? html("sub", {}, piece) : piece));
  return node;
}
const s = joint("");
if (D.earliest.some((e) => e !== 1)) {
  byId("pale").textContent = " Pale: no loss at k, or no path from it to t.";
}
formula(byId("law"), `∂L/∂${s}_t_ = `).append(
  formula(html("span", { class: "d" }), `∂L_t_/∂${s}_t_`), formula(html("span"), " + Σ_k>t_ "),
  formula(html("span", { class: "i" }), `∂L_k_/∂${s}_k_ · ∂${s}_k_/∂${s}_t_`),
  `  (3.1)${D.states.length > 1 ? `, s = (${D.states.join(", ")})` : ""}`);
let widthBefore = 0;
new ResizeObserver(() => {
  const width = byId("map").clientWidth;
  if (width && width !== widthBefore) {
    widthBefore = width;
    heat.fit();
    render();
  }
}).observe(byId("map"));
showOperations(false);
