// Beside the map: the table of (3.1), one path factor by factor, the bars of the weights.

function drawTable(table, state, choose) {
  const { t } = state, { ks, shades, others: count } = D.tables[t - 1];
  const rows = ks.map((k, i) => ({ k, norm: norm(k, t), share: tableShares[t - 1][i], shade: shades[i] }));
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
    const swatch = html("span", { class: "swatch", style: `height: ${1 + 6 * shareOf(row.norm)}px; background: ${color}` });
    const press = k === null ? name : html("button", { type: "button", "aria-label": `follow the path of ${name}` }, name);
    if (k !== null) press.addEventListener("click", () => choose(k, t));
    const bar = html("i", { style: Number.isFinite(row.share)
      ? `width: ${Math.max(1, (70 * Math.abs(row.share)) / longest)}px; ` +
        (row.share < 0 ? `border: 1px solid ${color}` : `background: ${color}`) : "" });
    return html("tr", { class: k !== null && k === state.chosen ? "chosen" : "" },
      html("td", { colspan: k === null ? "2" : null }, swatch, press),
      ...(k === null ? [] : [html("td", { class: "left" }, termSymbol(k, t))]),
      html("td", {}, number(row.norm)), html("td", {}, percent(row.share)), html("td", { class: "share" }, bar));
  });
  table.replaceChildren(
    html("thead", {}, html("tr", {}, ...["term", "", "norm", "share", ""].map((h) => html("th", { scope: "col" }, h)))),
    html("tbody", {}, ...body, html("tr", { class: "sum" }, html("td", {}, "sum"), html("td", { class: "left" }, totalSymbol(t)),
      html("td", { id: "total" }, number(total[t - 1])), html("td", {}, whole), html("td"))));
}

function drawPath(box, state) {
  const { t, chosen: k } = state;
  if (k === null) {
    box.replaceChildren(html("p", { class: "note" },
      "Choose a line of the map, a row of the table, or a cell of the heat map: its Jacobian product appears here."));
    return;
  }
  if (!reaches(k, t)) {
    box.replaceChildren(html("p", { class: "note" }, `There is no such path: ${whyNot(k, t)}.`));
    return;
  }
  const product = html("p", { id: "product" }, `${termSymbol(k, t)}${k > t ? ` = ${productSymbol(k, t)}` : ""}`);
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
      html("td", { class: "left entries" }, ...(!first && matrices && D.width <= 24 ? [picture(j + 1)] : []),
        ` ${vectors ? list(vector(k, j), 4) : ""}`)));
  }
  const heads = ["factor", "‖J‖", "gain", "norm so far", matrices && D.width <= 24 ? "J, and the row so far" : "the row so far"];
  box.replaceChildren(product, result, html("div", { class: "factors", tabindex: "0", role: "region",
    "aria-label": "factors of the path" }, html("table", {},
    html("thead", {}, html("tr", {}, ...heads.map((h, i) => html("th", { scope: "col", class: i === 4 ? "left" : null }, h)))), html("tbody", {}, ...rows))));
}

// A Jacobian as a small picture: blue positive, orange negative, the stronger the larger.
function picture(j) {
  const rows = matrix(j), n = rows.length, top = Math.max(...rows.flat().map(Math.abs)) || 1;
  const canvas = html("canvas", { width: n, height: n, role: "img",
    "aria-label": `J${sub(j)}: ${n} by ${n}, entries from ${number(Math.min(...rows.flat()), 6)} to ${number(Math.max(...rows.flat()), 6)}` });
  const side = Math.max(28, Math.min(48, 4 * n));
  canvas.style.width = canvas.style.height = `${side}px`;
  const context = canvas.getContext("2d"), image = context.createImageData(n, n);
  rows.forEach((row, r) => row.forEach((value, c) => {
    const share = Math.abs(value) / top, color = D.colors[value > 0 ? "positive" : "negative"];
    image.data.set([...color.map((x) => Math.round(255 + (x - 255) * share)), 255], 4 * (r * n + c));
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
    const chart = svg("svg", { viewBox: `0 0 ${T} 1`, preserveAspectRatio: "none", tabindex: "0", role: "application",
      "data-weight": w.name });
    w.norms.forEach((n, i) => {
      const h = Number.isFinite(n) ? n && Math.max(0.02, n / most) : 1;  // of nothing no bar
      chart.append(svg("rect", { class: i + 1 === state.t ? "now" : "", x: i + gap / 2, y: 1 - h, width: 1 - gap, height: h }));
    });
    const added = (t) => (w.norms[t - 1] === 0
      ? ["adds nothing", `norm of ∂L/∂${w.name}: ${number(w.norm, 6)}`]
      : [`adds a gradient of norm ${number(w.norms[t - 1], 6)}`,
        `share ${percent(w.shares[t - 1])} of ∂L/∂${w.name}, norm ${number(w.norm, 6)}`]);
    const lines = (t) => [`${w.name} at t = ${t}`, ...added(t), shapeText(w.shape)];
    const name = (t) => chart.setAttribute("aria-label", `bars, left and right arrows move. ${lines(t).join("; ")}`);
    name(state.t);
    const stepAt = (event) => {
      const frame = chart.getBoundingClientRect();
      return Math.max(1, Math.min(T, Math.floor(((event.clientX - frame.left) / frame.width) * T) + 1));
    };
    chart.addEventListener("pointermove", (event) => showTip(lines(stepAt(event)), event.clientX, event.clientY));
    chart.addEventListener("pointerleave", hideTip);
    chart.addEventListener("click", (event) => goTo(stepAt(event)));
    chart.addEventListener("focus", () => {
      const frame = chart.getBoundingClientRect();
      showTip(lines(state.t), frame.left + (frame.width * state.t) / T, frame.bottom - 12);
    });
    const label = html("b", { style: `background: var(--${w.role}); border-color: var(--${w.role}-line)` }, w.name);
    return html("div", { class: "weight" }, html("div", { class: "name" }, label, html("div", { class: "note" }, number(w.norm))), chart);
  }));
  if (focused !== undefined) [...box.querySelectorAll("svg")].find((c) => c.dataset.weight === focused)?.focus();
}
