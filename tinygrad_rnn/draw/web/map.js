// The map: one column for each step, every term of (3.1) for h_t as a line of its own.

// The sizes that come with the data, and what follows from the width of the window.
function measures(columns, width) {
  const size = sizesOf(columns), widest = D.sizes[0].pitch;
  const pitch = Math.max(size.least, Math.min(widest, (width - size.left - 6) / columns));
  const node = Math.min(size.chips ? size.node : Infinity, pitch * size.share);
  const chip = pitch >= 110 ? 42 : 34;
  return { ...size, pitch, node, chip, side: node * 0.28, numbers: pitch >= 130 };
}

// The lines of one map with their norms: the term of each loss, or the sum of those left out.
function strands(t) {
  return D.strands[t - 1].map(([k, last, end, shade]) => {
    const columns = columnsOf(t), sum = !columns.includes(k);
    const hops = columns.filter((j) => j >= end && j <= k)
      .map((j) => [j, sum ? sums[t - 1][j - t] : norm(k, j)]);
    return { k, last, sum, shade, hops: new Map(hops) };
  });
}

// Near is strong, far is faint; two neighbouring colours are mixed.  The direct term has no shade.
function colorOf(shade) {
  if (shade === null) return "var(--direct)";
  const position = shade * (D.shades - 1), i = Math.min(D.shades - 2, Math.floor(position));
  return `color-mix(in srgb, var(--i${i + 1}) ${Math.round(100 * (position - i))}%, var(--i${i}))`;
}

// state: { t, chosen: k or null, frame: the step the backward pass has come to, or null }
function drawMap(box, state, choose) {
  const { t } = state, columns = columnsOf(t), m = measures(columns.length, box.clientWidth);
  const lines = strands(t), tracks = lines.length - 1;
  const x = new Map(columns.map((c, i) => [c, m.left + (i + 0.5) * m.pitch]));
  const [yLoss, yOut, top] = m.rows, hTop = D.outputs ? top : 96;
  const inside = m.inside + (m.chips ? 0 : 13 * D.states.length);
  const hBottom = hTop + Math.max(tracks * m.track + inside, 70), yForward = hBottom - 17;
  const yIn = hBottom + m.below, bottomEdge = yIn + 22;
  const width = m.left + columns.length * m.pitch + 4;
  const height = bottomEdge + 2, viewBox = `0 0 ${width} ${height}`;
  const svgMap = svg("svg", { width, height, viewBox, role: "group", "aria-label":
    `map of all terms of ${totalSymbol(t)}; up and down arrows move between its items` });
  const backgrounds = svg("g"), network = svg("g"), paths = svg("g");
  svgMap.append(backgrounds, network, paths);

  for (const c of columns) {
    if (c <= 0) gap(c);
    else column(c);
  }
  start();
  lines.forEach((strand, i) => paths.append(strandOf(strand, hTop + 12 + (tracks - i) * m.track)));

  const scroll = box.scrollLeft, key = document.activeElement?.dataset?.key;
  box.replaceChildren(svgMap);
  roving(box);
  box.scrollLeft = scroll;
  const now = x.get(t);
  if (now - m.pitch < box.scrollLeft || now + m.pitch > box.scrollLeft + box.clientWidth) {
    box.scrollLeft = now - 2 * m.pitch;
  }
  const nodes = [...box.querySelectorAll("[data-key]")];
  if (key) nodes.find((node) => node.dataset.key === key)?.focus();

  function text(px, py, label, size, more = {}) {
    const where = { x: px, y: py + 0.35 * size, "font-size": size, "text-anchor": "middle" };
    return svg("text", { ...where, ...more }, label);
  }

  function gap(c) {
    const i = columns.indexOf(c), count = columns[i + 1] - (i ? columns[i - 1] : 0) - 1;
    const px = x.get(c), size = Math.min(11, m.pitch / 4);
    network.append(text(px, 20, "⋯", 15), text(px, 36, `${count} steps`, size));
  }

  function column(c) {
    const px = x.get(c), group = part(c < t || silent(c)), out = part(c < t || !sends(c));
    const now = c === t ? " now" : "";
    backgrounds.append(svg("rect", { class: `background${now}`, x: px - m.pitch / 2 + 2, y: 2,
      width: m.pitch - 4, height: bottomEdge - 2 }));
    group.append(text(px, 17, m.chips ? `t = ${c}` : String(c), 12));
    node(group, "x", c, px, yIn, 0.75);
    up(group, px, yIn - m.height / 2, hBottom, "input", c);
    if (D.outputs) {
      up(out, px - m.side, hTop, yOut + m.height / 2, "readout", c);
      node(out, "y", c, px, yOut, 1);
    }
    if (sends(c)) {
      up(out, px - m.side, D.outputs ? yOut - m.height / 2 : hTop, yLoss + m.height / 2, "", c);
      node(out, "L", c, px, yLoss, 1);
    }
    const facts = [stateSymbol(c), ...values.h.flatMap((h) => valueLines(h, c)), ...D.equations.h,
      silent(c) ? "no loss reaches it" : `‖${totalSymbol(c)}‖ = ${number(total[c - 1], 6)}`,
      ...(sends(c) ? [] : ["no loss at this step"])];
    const cell = item(svg("g"), facts, { key: `h${c}` });
    cell.append(svg("rect", { class: `node${now}`, x: px - m.node / 2, y: hTop, width: m.node,
      height: hBottom - hTop, rx: 9 }));
    const symbols = D.states.map((s, i) =>
      svg("tspan", { class: D.reached[c - 1][i] ? "" : "silent" }, s + sub(c)));
    if (m.chips) {
      const label = text(px, yForward, "", D.states.length > 1 ? 12 : 17);
      symbols.forEach((s, i) => label.append(i ? " " : "", s));
      cell.append(label);
    } else {
      const lowest = yForward + 3 - 13 * (symbols.length - 1);
      symbols.forEach((s, i) => cell.append(text(px, lowest + 13 * i, s, 11)));
    }
    group.append(cell);
    const before = x.get(c - 1) ?? px - m.pitch, after = x.get(c + 1) ?? px + m.pitch;
    if (c > 1) right(before + m.node / 2, px - m.node / 2, c, x.has(c - 1));
    if (!x.has(c + 1) && c < T) right(px + m.node / 2, after - m.node / 2, c + 1, false);
    network.append(group, out);
  }

  // A group of the network, past if no gradient to h_t passes it.
  function part(past) { return svg("g", { class: past ? "past" : "" }); }

  function node(group, symbol, c, px, py, factor) {
    const w = m.node * factor, label = symbol + sub(c);
    const facts = [label, ...valueLines(values[symbol], c), ...(D.equations[symbol] || [])];
    const g = item(svg("g"), facts, { key: symbol + c });
    const h = m.height, kind = symbol === "L" ? "node loss" : "node", round = symbol === "x";
    g.append(round ? svg("ellipse", { class: kind, cx: px, cy: py, rx: w / 2, ry: h / 2 })
      : svg("rect", { class: kind, x: px - w / 2, y: py - h / 2, width: w, height: h,
        rx: symbol === "y" ? 8 : 0 }));
    g.append(text(round ? px : px - w * 0.1, py, label, m.type));  // lines pass on its right
    group.append(g);
  }

  function start() {
    if (columns[0] !== 1) return;
    const px = m.chips ? 22 : 14, w = m.chips ? 40 : 24, group = part(true);
    const box = { x: px - w / 2, y: yForward - 11, width: w, height: 22, rx: 7 };
    group.append(svg("rect", { class: "node start", ...box }),
      text(px, yForward, m.chips ? stateSymbol(0) : joint(0), 11));
    network.append(group);
    right(px + w / 2, x.get(1) - m.node / 2, 1, true);
  }

  function head(px, py, toward, size) {
    const [dx, dy] = { up: [0, 1], right: [-1, 0] }[toward];
    return svg("polygon", { class: "head", points:
      `${px},${py} ${px + dx * size + dy * size / 2},${py + dy * size + dx * size / 2} ` +
      `${px + dx * size - dy * size / 2},${py + dy * size - dx * size / 2}` });
  }

  function up(group, px, low, high, role, c) {
    const wire = svg("line", { class: "wire", x1: px, y1: low, x2: px, y2: high + 5 });
    group.append(wire, head(px, high, "up", 6));
    chip(group, px, (low + high) / 2, role, c);
  }

  // From the state before to that at c, if there is a path; whole: not only to or from a gap.
  function right(from, to, c, whole) {
    if (!D.linked[c - 1]) return;
    const past = c <= t || silent(c) || silent(c - 1), group = part(past);
    group.append(svg("line", { class: "wire", x1: from, y1: yForward, x2: to - 5, y2: yForward }),
      head(to, yForward, "right", 6));
    if (whole) chip(group, (from + to) / 2, yForward, "recurrent", c);
    if (whole && !past && gains && m.chips) {
      const gain = gains[c - 2], few = gain < 0.01 ? 2 : 3;
      const label = m.numbers ? `‖J${sub(c)}‖ = ${number(gain)}` : number(gain, few);
      group.append(text((from + to) / 2, yForward + 18, label, m.numbers ? 11 : 10.5));
    }
    network.append(group);
  }

  // A parameter where it is applied: the same colour is the same tensor.
  function chip(group, px, py, role, c) {
    const own = weights.filter((w) => w.role === role);
    if (!m.chips || !own.length) return;
    const facts = [own.map((w) => w.name).join(", ") + ` at t = ${c}`];
    for (const w of own) {
      facts.push(`${w.name}: ${shapeText(w.shape)}, ‖∂L/∂${w.name}‖ = ${number(w.norm, 6)}`,
        w.norms[c - 1] === 0 ? "this step adds nothing"
          : `this step adds ${number(w.norms[c - 1], 6)}, share ${percent(w.shares[c - 1])}`,
        ...(w.entries ? [`value ${list(w.entries, 16)}`] : []));
    }
    if (role === "recurrent" && c > 1 && gains) {
      facts.push(`‖J${sub(c)}‖ = ${number(gains[c - 2], 6)}, largest singular value`);
    }
    facts.push(...(role === "readout" ? D.equations.y : D.equations.h));
    const g = item(svg("g"), facts, { key: `${role}${c}` });
    const w = m.chip, h = 17, label = own.map((each) => each.name).join(", ");
    const shown = label.length > 6 ? label.slice(0, 5) + "…" : label;
    g.append(svg("rect", { class: `chip ${role}`, x: px - w / 2, y: py - h / 2, width: w,
      height: h, rx: 5 }), text(px, py, shown, 10.5));
    group.append(g);
  }

  function strandOf(strand, y) {
    const direct = strand.k === t, arriving = strand.hops.get(t);
    const several = `losses ${strand.k} to ${strand.last}, summed`;
    const name = strand.sum ? several : termSymbol(strand.k, t);
    const kind = direct ? "direct term of (3.1)" : "indirect term of (3.1)";
    const facts = arriving === undefined ? [name, `no gradient of it gets to ${joint(t)}`]
      : [name, kind, `norm ${number(arriving, 6)}`];
    if (!strand.sum && arriving !== undefined) {
      facts.push(`share ${percent(share(strand.k, t))} of ${totalSymbol(t)}`);
      if (strand.k > t) facts.push(`= ${productSymbol(strand.k, t)}`);
      const v = vector(strand.k, t);
      if (v) facts.push(`shape (${D.width},): ${list(v, 10)}`);
    }
    const style = `--strand: ${colorOf(strand.shade)}`;
    const g = item(svg("g", { class: "strand", style }), facts,
      { key: `term${strand.k}`, press: strand.sum ? null : () => choose(strand.k, t) });
    const { chosen } = state, other = chosen < strand.k || chosen > strand.last;
    if (chosen !== null && other) g.classList.add("dim");
    const side = m.side;
    if (direct) {
      if (!reached(strand.k)) return g;
      const px = x.get(t) + side, w = wide(arriving), tip = 5 + 1.5 * w;
      line(g, `M${px} ${origin(t)}V${hTop - tip}`, arriving, facts);
      const high = hTop - tip, half = 3 + w;
      g.append(triangle(`${px},${hTop} ${px - half},${high} ${px + half},${high}`));
      beside(g, px + w / 2 + 6, arriving);
      return g;
    }
    let from = x.get(strand.k);
    if (!strand.sum) {
      const px = from + side, r = Math.min(10, m.track), edge = from - m.node / 2;
      const own = strand.hops.get(strand.k);
      if (reached(strand.k) && drawn(strand, strand.k)) {
        line(g, `M${px} ${origin(strand.k)}V${y - r}Q${px} ${y} ${px - r} ${y}H${edge}`, own,
          [termSymbol(strand.k, strand.k), `direct at ${joint(strand.k)}: norm ${number(own, 6)}`,
            ...facts.slice(4, 5)]);
        beside(g, px + wide(own) / 2 + 6, own);
      }
      from = edge;
    } else {
      from = x.get(columns.filter((c) => c <= 0).pop());
      g.append(svg("rect", { x: from - 3, y: y - 3, width: 6, height: 6 }));
    }
    for (const j of [...strand.hops.keys()].sort((a, b) => b - a)) {
      if (j === strand.k && !strand.sum) continue;
      const n = strand.hops.get(j), last = j === t, w = wide(n), tip = last ? 5 + 1.5 * w : 0;
      const to = last ? x.get(t) + m.node / 2 : x.get(j) - m.node / 2;
      if (reached(j) && drawn(strand, j)) {
        const what = strand.sum ? `${name}, at ${joint(j)}` : termSymbol(strand.k, j);
        const end = to + tip, arrival = `norm ${number(n, 6)} on arrival at ${joint(j)}`;
        line(g, `M${from} ${y}H${end}`, n, last ? facts : [what, arrival]);
        if (last) g.append(triangle(`${to},${y} ${end},${y - 2 - w} ${end},${y + 2 + w}`));
        if (m.numbers) g.append(text((x.get(j) + x.get(j + 1)) / 2, y - w / 2 - 7, number(n), 11));
      }
      from = x.get(j) - m.node / 2;
    }
    return g;
  }

  // Where the gradient that enters at s_k comes from: its loss, or just above, from elsewhere.
  function origin(k) { return D.own[k - 1] ? yLoss + m.height / 2 : hTop - 26; }

  // The visible line, and a wide invisible one that is easier to hit and tells what this piece is.
  function line(g, d, n, facts) {
    const hit = svg("path", { class: "hit", d, "data-tells": "" });
    told.set(hit, facts);
    g.append(svg("path", { d, "stroke-width": wide(n), class: visible(n) ? "" : "dotted" }), hit);
  }

  function triangle(points) { return svg("polygon", { points }); }

  function beside(g, px, n) {
    const y = (yOut + m.height / 2 + hTop) / 2 - 4;
    if (m.numbers) g.append(text(px, y, number(n), 11, { "text-anchor": "start" }));
  }

  function wide(n) { return D.thin + (m.thick - D.thin) * shareOf(n); }
  function reached(j) { return state.frame === null || j >= state.frame; }
  // A compact map leaves out hops below the scale, but no line has a hole.
  function drawn(strand, j) {
    return m.chips || [...strand.hops].some(([i, n]) => i <= j && visible(n));
  }
}
