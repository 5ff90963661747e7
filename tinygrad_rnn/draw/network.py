"""The network in a map: one column for each step, x, h, y and L from the bottom, forward lines."""

from dataclasses import replace
from functools import cached_property

import numpy as np

from tinygrad_rnn.draw.links import Link, main_links, within
from tinygrad_rnn.draw.measures import Measures, Preset, left_out, shown_columns
from tinygrad_rnn.draw.palette import (
    CHOSEN,
    COLUMN,
    FADED,
    FORWARD,
    GREY,
    INK,
    LOSS,
    PAPER,
    WEIGHTS,
    WIRE,
    LogScale,
)
from tinygrad_rnn.draw.roles import roles
from tinygrad_rnn.draw.scene import Box, Item, Line, Point, Shape, Text, Triangle, fitted, subscript
from tinygrad_rnn.draw.strands import strands
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.draw.symbols import state_names, state_symbol, time
from tinygrad_rnn.errors import GradientError, ShapeError
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.nn.unroll import Unrolled


class Network:
    """The layout of one network, and its boxes and forward lines among the `items`."""

    def __init__(self, run: Unrolled, t: int, flow: GradientFlow, preset: Preset):
        self.run, self.t, self.flow, self.T, self.preset = run, t, flow, len(run), preset
        self.columns = shown_columns(t, self.T, preset.columns)
        self.size = size = Measures.of(len(self.columns), preset.width)
        self.support = Support(flow)
        self.strands = strands(flow, self.support, t, self.columns)
        self.scale = LogScale([n for s in self.strands for n in s.norms.values()])
        self.top = 40.0 if preset.words else 3.0
        self.x = {
            column: size.left + (i + 0.5) * size.pitch for i, column in enumerate(self.columns)
        }
        self.names = state_names(run)
        tracks = len(self.strands) - 1
        self.h_top = self.top + size.rows[2]
        self.h_height = max(tracks * size.track + 3.2 * size.type + 12, 4.5 * size.type)
        self.h_height += (len(self.names) - 1) * self._apart
        self.h_bottom = self.h_top + self.h_height
        self.forward = self._part(0)
        self.bottom = self.h_bottom + size.below
        names = {p: name for name, p in flow.parameters.items()}
        self.roles: dict[str, list[str]] = {}
        for p, role in roles(run).items():
            self.roles.setdefault(role, []).append(names.get(p, p.name or "?"))
        self.items: list[Item] = []
        self.gains: dict[int, float] = {}  # t -> the norm of J_t that is written

    def draw(self) -> None:
        """All columns, then the state before the first."""
        self._backgrounds()
        for column in self.columns:
            if column > 0:
                self._network(column)
        self._initial()

    @property
    def _apart(self) -> float:
        """The distance of the parts of a state, each on a row of its own."""
        return max(self.size.height + 2, 14) if self.size.chip else 1.75 * self.size.type

    def _part(self, i: int) -> float:
        """The row of part i of a state: above the parts of the same time it is computed from."""
        order = sorted(range(len(self.names)), key=lambda part: (len(self._within[part]), part))
        return self.h_bottom - 1.5 * self.size.type - order.index(i) * self._apart

    @cached_property
    def _within(self) -> list[set[int]]:
        """From which parts of the same time each is computed: h from c, a layer from that below."""
        links = within(self.run, self.T)
        return [{i for i, j in links if j == part} for part in range(len(self.names))]

    def _backgrounds(self) -> None:
        middle, height = (self.top + self.bottom) / 2, self.bottom - self.top
        for column, x in self.x.items():
            if column <= 0:
                count = left_out(self.columns, column)
                self.items.append(Text(x, self.top + 16, "⋯", 14, GREY, "middle"))
                words = f"{count} steps" if self.preset.words else f"{count}"
                self.items.append(Text(x, self.top + 32, words, 7.5, GREY, "middle"))
                continue
            fill = CHOSEN if column == self.t else COLUMN
            self.items.append(Box(x, middle, self.size.pitch - 5, height, fill=fill, width=0))
            at = time(self.run, column)
            label = f"t = {at}" if self.size.chip else str(at)
            color = FADED if self.faded(column) else INK
            y, big = self.top + self.size.label, 0.35 * self.size.type + 6.5
            self.items.append(Text(x, y, label, big, color, "middle"))

    def faded(self, t: int) -> bool:
        """Whether no gradient to h_t of the picture passes the state of a column."""
        return t < self.t or not self.support.state(t)

    def part_faded(self, t: int, i: int) -> bool:
        """The same of one part of that state."""
        return t < self.t or not self.support.part(t, parts(self.run.states[t - 1])[i])

    def _link_faded(self, t: int, link: Link) -> bool:
        """Whether none passes back along a link from the state at t - 1 to that at t."""
        return t <= self.t or self.part_faded(t, link[1]) or self.part_faded(t - 1, link[0])

    def _network(self, t: int) -> None:
        """x_t, h_t, y_t, L_t of one column and the forward lines between them."""
        run, size, x, faded = self.run, self.size, self.x[t], self.faded(t)
        unsent = faded or t not in self.support.losses  # nothing comes down through y_t
        y_loss, y_out = self.top + size.rows[0], self.top + size.rows[1]
        above = 28 if size.chip else 20
        y_in = self.bottom - (above if self.preset.words else size.height / 2 + 4)

        def node(symbol: str, y: float, shape: Shape, faded: bool, fill: str = PAPER) -> None:
            ink = FADED if faded else INK
            width = size.node * (0.75 if symbol == "x" else 1)
            label, key = symbol + subscript(time(run, t)), f"{symbol}{t}"
            box = Box(x, y, width, size.height, label, shape, fill, ink, key=key)
            self.items.append(replace(box, size=size.type, color=ink))

        tip = f"{state_symbol(run, t)}: shape {parts(run.states[t - 1])[0].shape}"
        middle, border = (self.h_top + self.h_bottom) / 2, 2.0 if t == self.t else 1.0
        box = Box(x, middle, size.node, self.h_height, shape="round", width=border, key=f"h{t}")
        self.items.append(replace(box, stroke=FADED if faded else INK, tip=tip))
        for i, name in enumerate(self.names):
            ink = FADED if self.part_faded(t, i) else INK
            big = size.type * (1.3 if self.preset.words else 1.1)
            label = fitted(name + subscript(time(run, t)), big, size.node - 2)
            self.items.append(Text(x, self._part(i), label, big, ink, "middle"))
        for low, high in within(run, t) if size.chip else ():
            if abs(self._part(low) - self._part(high)) < 1.5 * self._apart:
                self._between(x + size.node * 0.36, low, high, self.part_faded(t, high))
        node("x", y_in, "ellipse", faded)
        self._up(x, y_in - size.height / 2, self.h_bottom, "input", faded, f"x{t}", f"h{t}")
        upper, below = self.h_top, "h"
        if run.outputs:
            node("y", y_out, "round", unsent)
            end = y_out + size.height / 2
            self._up(x - size.offset, upper, end, "readout", unsent, f"h{t}", f"y{t}")
            upper, below = y_out - size.height / 2, "y"
        if t in self.support.losses:
            node("L", y_loss, "rect", unsent, COLUMN if unsent else LOSS)
            end = y_loss + size.height / 2
            self._up(x - size.offset, upper, end, "", unsent, f"{below}{t}", f"L{t}")
        if t + 1 in self.x:
            self._recurrent(x + size.node / 2, self.x[t + 1] - size.node / 2, t + 1)
        elif t < self.T:
            self._right(x + size.node / 2, x + size.pitch - size.node / 2, t + 1, "", "")
        if t - 1 not in self.x and t > 1:
            self._right(x - size.pitch + size.node / 2, x - size.node / 2, t, "", f"h{t}")

    def _between(self, x: float, low: int, high: int, faded: bool) -> None:
        """A short arrow from one part to the next inside the box of the state."""
        color = FADED if faded else FORWARD
        a, b = self._part(low), self._part(high)
        sign = 1 if b > a else -1
        a, b = a + sign * 0.3 * self.size.type, b - sign * 0.4 * self.size.type
        self.items.append(Line(((x, a), (x, b - sign * 3)), color, 1.0))
        self.items.append(Triangle(x, b, "down" if sign > 0 else "up", 3.5, 4, color))

    def _initial(self) -> None:
        """The state before the first column, dashed."""
        first = self.columns[0]
        if first != 1 or not self.preset.words:
            return
        size = self.size
        x = size.left - (52 if size.chip else 0.5 * size.left)
        width = 40 if size.chip else min(20, size.left - 4)
        height = size.height if size.chip else 1.5 * size.type
        color = WIRE if self.t == 1 else FADED
        for i, name in enumerate(self.names):
            label = fitted(name + subscript(time(self.run, 0)), size.type, width)
            box = Box(x, self._part(i), width, height, label, "round", stroke=color, dashed=True)
            key = "" if i else "h0"
            self.items.append(replace(box, color=color, size=size.type, key=key))
        self._recurrent(x + width / 2, self.x[1] - size.node / 2, 1)

    def _recurrent(self, start: float, end: float, t: int) -> None:
        """h_(t-1) -> h_t with its weight and the norm of its Jacobian."""
        links = main_links(self.run, t)
        if not links:
            return
        faded = all(self._link_faded(t, link) for link in links)
        height = self._height((0, 0) if (0, 0) in links else links[0])
        middle, chip = (start + end) / 2, self._chip_width("recurrent")
        self._right(start, end, t, f"h{t - 1}", f"h{t}", Box(middle, height, chip, 0.46 * chip))
        self._chip(middle, height, "recurrent", faded)
        norm = self._jacobian_norm(t) if self.size.chip and not faded and t > 1 else None
        if norm is not None:
            self.gains[t] = norm
            label = number(norm, 3 if norm >= 0.01 else 2)
            if self.size.numbers:
                label = f"‖J{subscript(time(self.run, t))}‖ = {number(norm)}"
            tip = f"largest singular value of J_{time(self.run, t)}"
            self.items.append(Text(middle, self.forward + 18, label, 8.5, GREY, "middle", tip))

    def _jacobian_norm(self, t: int) -> float | None:
        """The largest singular value of J_t; None without a finite Jacobian for each row."""
        try:
            return float(np.max(self.flow.singular_values(t)))
        except (GradientError, ShapeError, np.linalg.LinAlgError):
            return None

    # -- lines -----------------------------------------------------------------------------------

    def _up(
        self, x: float, low: float, high: float, role: str, faded: bool, source: str, end: str
    ) -> None:
        """A forward line upwards, interrupted by its weight, with an arrow head."""
        arrow, color = 6.0 if self.size.chip else 4.0, FADED if faded else FORWARD
        stops = [(low, high + arrow)]
        if self._chip_width(role):
            middle = (low + high) / 2
            half = self.size.chip * 0.24
            stops = [(low, middle + half), (middle - half, high + arrow)]
            self._chip(x, middle, role, faded)
        for a, b in stops:
            self.items.append(Line(((x, a), (x, b)), color, 1.0, ends=(source, end)))
        self.items.append(Triangle(x, high, "up", arrow, arrow, color))

    def _right(
        self, a: float, b: float, t: int, source: str, end: str, chip: Box | None = None
    ) -> None:
        """The forward lines from the parts of h_(t-1) to those of h_t, interrupted by a weight."""
        arrow = min(6.0 if self.size.chip else 4.0, 0.5 * abs(b - a))
        for i, j in sorted(
            main_links(self.run, t), key=lambda link: (link[0] != link[1], link == (0, 0), link)
        ):
            color, y = FADED if self._link_faded(t, (i, j)) else FORWARD, self._part(j)
            for points in self._ways((a, self._part(i)), (b - arrow, y), chip):
                self.items.append(Line(points, color, 1.0, ends=(source, end)))
            self.items.append(Triangle(b, y, "right", arrow, arrow, color))

    def _height(self, link: Link) -> float:
        """The row of a link half way."""
        return (self._part(link[0]) + self._part(link[1])) / 2

    def _ways(self, start: Point, end: Point, chip: Box | None) -> list[tuple[Point, ...]]:
        """The pieces of a line to the right: two if a weight stands in its way, or one past it."""
        low, high = start[1], end[1]
        if not chip or not chip.w:
            return [(start, end)]
        left, right = chip.x - chip.w / 2, chip.x + chip.w / 2
        if chip.y == (low + high) / 2:
            return [(start, (left, chip.y)), ((right, chip.y), end)]
        if low == high:
            return [(start, end)]
        past = (high - low) * min(0.5, (chip.h / 2 + 3) / abs(high - low))
        return [(start, (left, low + past), (right, high - past), end)]

    def _chip_width(self, role: str) -> float:
        return self.size.chip if self.roles.get(role) else 0.0

    def _chip(self, x: float, y: float, role: str, faded: bool) -> None:
        if not self._chip_width(role):
            return
        fill, stroke = WEIGHTS[role]
        type_size = self.size.chip * 0.24
        label = fitted(", ".join(self.roles[role]), type_size, self.size.chip - 3)
        if faded:
            fill, stroke = PAPER, FADED
        box = Box(x, y, self.size.chip, self.size.chip * 0.46, label, "round", fill, stroke)
        ink, tip = FADED if faded else INK, ", ".join(self.roles[role])
        self.items.append(replace(box, size=type_size, color=ink, tip=tip))
