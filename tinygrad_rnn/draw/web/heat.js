// The heat map: the norm of every term over (k, t). Pixels on a canvas, everything else above it.

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
    this.side = Math.max(160, Math.min(360, this.box.clientWidth - this.left - 64));
    const { left, upper, side } = this, width = left + side + 64, height = upper + side + 38;
    build(this.svg, { width, height, viewBox: `0 0 ${width} ${height}` }, []);
    Object.assign(this.canvas.style, { left: `${left}px`, top: `${upper}px`, width: `${side}px`, height: `${side}px` });
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
    return [...D.ticks.flatMap((n) => [
      svg("text", { x: this.x(n) + half, y: this.upper + this.side + 14, "text-anchor": "middle" }, String(n)),
      svg("text", { x: this.left - 6, y: this.y(n) + half + 4, "text-anchor": "end" }, String(n)),
    ]), svg("text", { x: this.left + this.side / 2, y: this.upper + this.side + 32, "text-anchor": "middle" },
      `t (which ${joint("")} receives it)`),
    svg("text", { x: this.left, y: 12 }, "k (which loss sends it)")];
  }

  // The scale: its colours, its ends and the colour of everything smaller.
  bar() {
    const x = this.left + this.side + 14, steps = 40, h = (this.side - 16) / steps, parts = [];
    for (let i = 0; i < steps; i++) {
      const color = heatColor(bottom * (top_ / bottom) ** ((i + 0.5) / steps));
      parts.push(svg("rect", { x, y: this.upper + (steps - 1 - i) * h, width: 12, height: h + 0.5, fill: `rgb(${color})` }));
    }
    parts.push(svg("rect", { x, y: this.upper + this.side - 12, width: 12, height: 12, fill: `rgb(${D.colors.below})` }));
    const label = (y, what) => svg("text", { x: x + 16, y, "text-anchor": "start" }, what);
    parts.push(label(this.upper + 9, number(top_)), label(this.upper + this.side - 18, number(bottom)),
      label(this.upper + this.side - 2, "less"));
    return parts;
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
    const around = (k, u, height, color, width) => svg("rect", { x: this.x(u), y: this.y(k), width: cell, height,
      fill: "none", stroke: color, "stroke-width": width });
    this.frames.replaceChildren(
      around(T, t, cell * (T - t + 1), "var(--paper)", 3.5), around(T, t, cell * (T - t + 1), "var(--ink)", 2));
    if (chosen !== null) this.frames.append(around(chosen, t, cell, "var(--paper)", 4), around(chosen, t, cell, "var(--direct)", 2.5));
    if (document.activeElement === this.svg && this.cursor) {
      this.frames.append(around(...this.cursor, cell, "var(--paper)", 5), around(...this.cursor, cell, "var(--focus)", 3));
    }
    if (!this.cursor || this.cursor[1] !== t) this.cursor = [chosen ?? t, t];
    this.name();
  }

  name() {
    const [k, t] = this.cursor;
    this.svg.setAttribute("aria-label",
      `heat map of the norms of all terms; arrow keys move, Enter chooses. Now ${this.lines(k, t).join("; ")}`);
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
    const frame = this.svg.getBoundingClientRect(), half = this.side / T / 2;
    showTip(this.lines(...cell), frame.left + this.x(cell[1]) + half, frame.top + this.y(cell[0]) + half);
  }

  key(event, choose) {
    const [k, t] = this.cursor;
    const goal = { ArrowLeft: [k, t - 1], ArrowRight: [k, t + 1], ArrowUp: [k + 1, t], ArrowDown: [k - 1, t] }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(k, t);
    else if (!goal) return;
    else if (goal[1] >= 1 && goal[1] <= goal[0] && goal[0] <= T) this.point(goal);
    event.preventDefault();
    event.stopPropagation();
  }
}
