// Beside the map: the table of (3.1), one path factor by factor, the bars of the weights.

function fill(table, heads, rows) {
  table.replaceChildren(html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...rows));
  return table;
}

function drawTable(table, state, choose) {
  const { t } = state, { ks, shades, others: count } = D.tables[t - 1];
  const rows = ks.map((k, i) =>
    ({ k, norm: norm(k, t), share: tableShares[t - 1][i], shade: shades[i] }));
  const whole = total[t - 1] !== 0 && Number.isFinite(total[t - 1]) ? "100 %" : percent(null);
  if (count) rows.push({ k: null, norm: others.norms[t - 1], share: others.shares[t - 1] });
  const longest = Math.max(1, ...rows.map((r) => Math.abs(r.share)).filter(Number.isFinite));
  const body = rows.map((row) => {
    if (row.k !== null && !reaches(row.k, t)) {
      const why = sends(row.k) ? whyNot(row.k, t) : "no loss at this step";
      return html("tr", {}, html("td", {}, row.k === t ? "direct" : `k = ${row.k}`),
        html("td", { class: "left note", colspan: "4" }, why));
    }
    const k = row.k, color = k === null ? "var(--grey)" : colorOf(row.shade);
    const name = k === null ? `${count} smaller, summed` : k === t ? "direct" : `k = ${k}`;
    const style = `height: ${1 + 6 * shareOf(row.norm)}px; background: ${color}`;
    const swatch = html("span", { class: "swatch", style }), label = `follow the path of ${name}`;
    const press = k === null ? name : html("button", { type: "button", "aria-label": label }, name);
    if (k !== null) press.addEventListener("click", () => choose(k, t));
    const bar = html("i", { style: Number.isFinite(row.share)
      ? `width: ${Math.max(1, (70 * Math.abs(row.share)) / longest)}px; ` +
        (row.share < 0 ? `border: 1px solid ${color}` : `background: ${color}`) : "" });
    return html("tr", { class: k !== null && k === state.chosen ? "chosen" : "" },
      html("td", { colspan: k === null ? "2" : null }, swatch, press),
      ...(k === null ? [] : [html("td", { class: "left" }, termSymbol(k, t))]),
      html("td", {}, number(row.norm)), html("td", {}, percent(row.share)),
      html("td", { class: "share" }, bar));
  });
  const heads = ["term", "", "norm", "share", ""].map((h) => html("th", { scope: "col" }, h));
  const sum = html("tr", { class: "sum" }, html("td", {}, "sum"),
    html("td", { class: "left" }, totalSymbol(t)),
    html("td", { id: "total" }, number(total[t - 1])), html("td", {}, whole), html("td"));
  fill(table, heads, [...body, sum]);
}

function drawPath(box, state) {
  const { t, chosen: k } = state;
  const tell = (words) => box.replaceChildren(html("p", { class: "note" }, words));
  if (k === null) {
    return tell("Choose a line of the map, a row of the table, or a cell of the heat map: " +
      "its Jacobian product appears here.");
  }
  if (!reaches(k, t)) return tell(`There is no such path: ${whyNot(k, t)}.`);
  const factors = k > t ? ` = ${productSymbol(k, t)}` : "", small = matrices && D.width <= 24;
  const product = html("p", { id: "product" }, termSymbol(k, t) + factors);
  const result = html("p", {}, html("b", {}, `norm ${number(norm(k, t), 6)}`),
    ...(share(k, t) === null ? [] : [`, share ${percent(share(k, t))} of ${totalSymbol(t)}`]));
  const rows = [];
  for (let j = k; j >= t; j--) {
    const first = j === k, ratio = first ? null : norm(k, j) / norm(k, j + 1);
    rows.push(html("tr", {},
      html("td", {}, first ? directSymbol(k) : `· J${sub(j + 1)} = ∂${joint(j + 1)}/∂${joint(j)}`),
      html("td", {}, first || !gains ? "" : number(gains[j - 1])),
      html("td", {}, first ? "" : `× ${number(ratio)}`),
      html("td", {}, html("b", {}, number(norm(k, j)))),
      html("td", { class: "left entries" }, ...(!first && small ? [picture(j + 1)] : []),
        ` ${vectors ? list(vector(k, j), 4) : ""}`)));
  }
  const last = small ? "J, and the row so far" : "the row so far";
  const heads = ["factor", "‖J‖", "gain", "norm so far", last].map((h) =>
    html("th", { scope: "col", class: h === last ? "left" : null }, h));
  const factorsBox = html("div", { class: "factors", tabindex: "0", role: "region",
    "aria-label": "factors of the path" }, fill(html("table"), heads, rows));
  box.replaceChildren(product, result, factorsBox);
}

// A Jacobian as a small picture: blue positive, orange negative, the stronger the larger.
function picture(j) {
  const rows = matrix(j), n = rows.length, entries = rows.flat();
  const top = Math.max(...entries.map(Math.abs)) || 1;
  const span = [Math.min, Math.max].map((end) => number(end(...entries), 6)).join(" to ");
  const canvas = html("canvas", { width: n, height: n, role: "img",
    "aria-label": `J${sub(j)}: ${n} by ${n}, entries from ${span}` });
  const side = Math.max(28, Math.min(48, 4 * n));
  canvas.style.width = canvas.style.height = `${side}px`;
  const context = canvas.getContext("2d"), image = context.createImageData(n, n);
  rows.forEach((row, r) => row.forEach((value, c) => {
    const share = Math.abs(value) / top, color = D.colors[value > 0 ? "positive" : "negative"];
    image.data.set([...blend([D.colors.zero, color], share), 255], 4 * (r * n + c));
  }));
  context.putImageData(image, 0, 0);
  told.set(canvas, [`J${sub(j)} = ∂${joint(j)}/∂${joint(j - 1)}, shape (${n}, ${n})`,
    ...(n <= 8 ? rows.map((row) => list(row)) : [`entries up to ${number(top, 6)}`])]);
  return canvas;
}

// One row of bars for each parameter; left and right arrows walk along them.
function drawWeights(box, state, goTo) {
  const focused = document.activeElement?.dataset?.weight;
  box.replaceChildren(...weights.map((w) => {
    const gap = T > 150 ? 0 : 0.16, most = Math.max(...w.norms.filter(Number.isFinite)) || 1;
    const chart = svg("svg", { viewBox: `0 0 ${T} 1`, preserveAspectRatio: "none", tabindex: "0",
      role: "application", "data-weight": w.name });
    w.norms.forEach((n, i) => {
      const h = Number.isFinite(n) ? n && Math.max(0.02, n / most) : 1;  // of nothing no bar
      chart.append(svg("rect", { class: i + 1 === state.t ? "now" : "", x: i + gap / 2, y: 1 - h,
        width: 1 - gap, height: h }));
    });
    const added = (t) => (w.norms[t - 1] === 0
      ? ["adds nothing", `norm of ∂L/∂${w.name}: ${number(w.norm, 6)}`]
      : [`adds a gradient of norm ${number(w.norms[t - 1], 6)}`,
        `share ${percent(w.shares[t - 1])} of ∂L/∂${w.name}, norm ${number(w.norm, 6)}`]);
    const lines = (t) => [`${w.name} at t = ${t}`, ...added(t), shapeText(w.shape)];
    chart.setAttribute("aria-label",
      `bars, left and right arrows move. ${lines(state.t).join("; ")}`);
    const stepAt = (event) => {
      const frame = chart.getBoundingClientRect();
      const at = Math.floor(((event.clientX - frame.left) / frame.width) * T) + 1;
      return Math.max(1, Math.min(T, at));
    };
    chart.addEventListener("pointermove", (event) =>
      showTip(lines(stepAt(event)), event.clientX, event.clientY));
    chart.addEventListener("pointerleave", hideTip);
    chart.addEventListener("click", (event) => goTo(stepAt(event)));
    chart.addEventListener("focus", () => {
      const frame = chart.getBoundingClientRect();
      showTip(lines(state.t), frame.left + (frame.width * state.t) / T, frame.bottom - 12);
    });
    const style = `background: var(--${w.role}); border-color: var(--${w.role}-line)`;
    const name = html("div", { class: "name" }, html("b", { style }, w.name),
      html("div", { class: "note" }, number(w.norm)));
    return html("div", { class: "weight" }, name, chart);
  }));
  const charts = [...box.querySelectorAll("svg")];
  if (focused !== undefined) charts.find((c) => c.dataset.weight === focused)?.focus();
}
