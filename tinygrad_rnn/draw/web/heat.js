// The heat map: the norm of every term over (k, t). Pixels on a canvas, everything else above it.

const BESIDE = 74;  // the width of the scale beside the map

function heatColor(n) {
  if (Number.isNaN(n)) return D.colors.nan;
  return visible(n) ? blend(D.colors.cividis, shareOf(n)) : D.colors.below;
}

class Heat {
  constructor(box, choose) {
    this.left = 34; this.upper = 22;
    this.cursor = null;
    this.canvas = html("canvas", { width: T, height: T, "aria-hidden": "true" });
    this.paint();
    this.frames = svg("g", { "aria-hidden": "true" });
    this.scales = svg("g", { "aria-hidden": "true" });
    this.svg = svg("svg", { tabindex: "0", role: "application" }, this.scales, this.frames);
    this.box = box;
    box.className = "heat";
    box.append(this.canvas, this.svg);
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerleave", hideTip);
    this.svg.addEventListener("click", (event) => {
      const cell = this.cellAt(event);
      if (cell) choose(...(this.cursor = cell));
    });
    this.svg.addEventListener("focus", () => this.point(this.cursor));
    this.svg.addEventListener("blur", () => this.frame());
    this.svg.addEventListener("keydown", (event) => this.key(event, choose));
  }

  // Fit the map to the width there is; its type keeps its size.
  fit() {
    this.side = Math.max(160, Math.min(360, this.box.clientWidth - this.left - BESIDE));
    const { left, upper, side } = this, width = left + side + BESIDE, height = upper + side + 38;
    build(this.svg, { width, height, viewBox: `0 0 ${width} ${height}` }, []);
    for (const [name, length] of Object.entries({ left, top: upper, width: side, height: side })) {
      this.canvas.style[name] = `${length}px`;
    }
    this.scales.replaceChildren(...this.ticks(), ...this.bar(), ...this.diagonal());
  }

  paint() {
    const context = this.canvas.getContext("2d"), image = context.createImageData(T, T);
    for (let k = 1; k <= T; k++) {
      for (let t = 1; t <= k; t++) {
        const color = reaches(k, t) ? [...heatColor(norm(k, t)), 255] : D.colors.pale;
        image.data.set(color, 4 * ((T - k) * T + t - 1));
      }
    }
    context.putImageData(image, 0, 0);
  }

  x(t) { return this.left + ((t - 1) * this.side) / T; }
  y(k) { return this.upper + ((T - k) * this.side) / T; }

  ticks() {
    const half = this.side / T / 2;
    const text = (x, y, anchor, words) => svg("text", { x, y, "text-anchor": anchor }, words);
    const bottom = this.upper + this.side;
    return [
      ...D.ticks.flatMap((n) => [
        text(this.x(n) + half, bottom + 14, "middle", String(n)),
        text(this.left - 6, this.y(n) + half + 4, "end", String(n)),
      ]),
      text(this.left + this.side / 2, bottom + 32, "middle", `t (which ${joint("")} receives it)`),
      text(this.left, 12, "start", "k (which loss sends it)"),
    ];
  }

  // The scale: its colours, its ends and the colour of everything smaller.
  bar() {
    const x = this.left + this.side + 14, steps = 40, h = (this.side - 16) / steps;
    const field = (y, height, color) =>
      svg("rect", { x, y: this.upper + y, width: 12, height, fill: `rgb(${color})` });
    const label = (y, what) =>
      svg("text", { x: x + 16, y: this.upper + y, "text-anchor": "start" }, what);
    const colors = Array.from({ length: steps }, (_, i) =>
      heatColor(bottom * (top_ / bottom) ** ((i + 0.5) / steps)));
    return [
      ...colors.map((color, i) => field((steps - 1 - i) * h, h + 0.5, color)),
      field(this.side - 12, 12, D.colors.below),
      label(9, number(top_)), label(this.side - 18, number(bottom, 2)),
      label(this.side - 2, "less"),
    ];
  }

  diagonal() {
    const cell = this.side / T, width = Math.min(1.8, cell * 0.15);
    const steps = Array.from({ length: T }, (_, i) => i + 1).filter((t) => reaches(t, t));
    return steps.map((t) => svg("rect", { x: this.x(t), y: this.y(t), width: cell, height: cell,
      fill: "none", stroke: "var(--direct)", "stroke-width": width }));
  }

  // Frames: the column of t, the chosen cell, the cursor of the keyboard.
  frame(state) {
    this.state = state || this.state;
    const { t, chosen } = this.state, cell = this.side / T;
    const frame = (k, u, height, color, width) => svg("rect", { x: this.x(u), y: this.y(k),
      width: cell, height, fill: "none", stroke: `var(--${color})`, "stroke-width": width });
    const around = (k, u, height, color, width) => [  // paper on both sides of the line
      frame(k, u, height, "paper", width + (width < 3 ? 1.5 : 2)),
      frame(k, u, height, color, width),
    ];
    this.frames.replaceChildren(...around(T, t, cell * (T - t + 1), "ink", 2));
    if (chosen !== null) this.frames.append(...around(chosen, t, cell, "direct", 2.5));
    if (document.activeElement === this.svg && this.cursor) {
      this.frames.append(...around(...this.cursor, cell, "focus", 3));
    }
    if (!this.cursor || this.cursor[1] !== t) this.cursor = [chosen ?? t, t];
    this.name();
  }

  name() {
    const [k, t] = this.cursor;
    this.svg.setAttribute("aria-label", "heat map of the norms of all terms; arrow keys move, " +
      `Enter chooses. Now ${this.lines(k, t).join("; ")}`);
  }

  lines(k, t) {
    if (!reaches(k, t)) return [`k = ${k}, t = ${t}`, whyNot(k, t)];
    return [`k = ${k}, t = ${t}${k === t ? " (direct)" : ""}`, `norm ${number(norm(k, t), 6)}`,
      ...(share(k, t) === null ? [] : [`share ${percent(share(k, t))} of ${totalSymbol(t)}`]),
      `shape (${D.width},), ${termSymbol(k, t)}`];
  }

  cellAt(event) {
    const frame = this.svg.getBoundingClientRect();
    const t = Math.floor(((event.clientX - frame.left - this.left) * T) / this.side) + 1;
    const k = T - Math.floor(((event.clientY - frame.top - this.upper) * T) / this.side);
    return t >= 1 && t <= k && k <= T ? [k, t] : null;
  }

  hover(event) {
    const cell = this.cellAt(event);
    if (cell) showTip(this.lines(...cell), event.clientX, event.clientY);
    else hideTip();
    this.svg.style.cursor = cell ? "pointer" : "default";
  }

  point(cell) {
    this.cursor = cell;
    this.frame();
    this.cursor = cell;
    this.name();
    const { left, top } = this.svg.getBoundingClientRect(), half = this.side / T / 2;
    showTip(this.lines(...cell), left + this.x(cell[1]) + half, top + this.y(cell[0]) + half);
  }

  key(event, choose) {
    const [k, t] = this.cursor;
    const goal = { ArrowLeft: [k, t - 1], ArrowRight: [k, t + 1],
      ArrowUp: [k + 1, t], ArrowDown: [k - 1, t] }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(k, t);
    else if (!goal) return;
    else if (goal[1] >= 1 && goal[1] <= goal[0] && goal[0] <= T) this.point(goal);
    event.preventDefault();
    event.stopPropagation();
  }
}
