"""The main picture: one node for each h_t, and every term of (3.1) for one t as a line of its own.

Columns are time steps; from the bottom x, h, y, L.  Term k is one line L_k -> y_k -> h_k -> ... -> h_t on its
own track; at each hop its width is the log of the norm of dL_k/dh_k . dh_k/dh_j.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from tinygrad_rnn.backprop import ancestors
from tinygrad_rnn.draw.legend import legend, table
from tinygrad_rnn.draw.measures import Measures, Preset, left_out, shown_columns
from tinygrad_rnn.draw.palette import (
    CHOSEN,
    COLUMN,
    DIRECT,
    FADED,
    FORWARD,
    GREY,
    INK,
    LOSS,
    PAPER,
    WEIGHTS,
    LogScale,
    number,
    readable,
)
from tinygrad_rnn.draw.roles import roles
from tinygrad_rnn.draw.scene import Box, Item, Line, Scene, Text, Triangle, below, fitted, mirrored, scaled, subscript
from tinygrad_rnn.draw.strands import Strand, strands
from tinygrad_rnn.draw.symbols import cell_name, state_names, state_symbol, time, total_symbol
from tinygrad_rnn.errors import GradientError, ShapeError
from tinygrad_rnn.flow import GradientFlow
from tinygrad_rnn.unroll import Unrolled, parts


class Map:
    """The layout of one map."""

    def __init__(self, run: Unrolled, t: int, flow: GradientFlow, preset: Preset):
        self.run, self.t, self.flow, self.T, self.preset = run, t, flow, len(run), preset
        self.columns = shown_columns(t, self.T, preset.columns)
        self.size = size = Measures.of(len(self.columns), preset.width)
        self.strands = list(strands(flow, t, self.columns))
        self.scale = LogScale([n for s in self.strands for n in s.norms.values()])
        self.top = 40.0 if preset.words else 3.0
        self.x = {column: size.left + (i + 0.5) * size.pitch for i, column in enumerate(self.columns)}
        self.names = state_names(run)
        tracks = len(self.strands) - 1
        self.h_top = self.top + size.rows[2]
        self.h_height = max(tracks * size.track + 3.2 * size.type + 12, 4.5 * size.type)
        self.h_height += (len(self.names) - 1) * self._apart
        self.h_bottom = self.h_top + self.h_height
        self.forward = self._part(0)
        self.bottom = self.h_bottom + size.below
        self.roles = {role: [p.name or "?" for p, r in roles(run).items() if r == role] for role in WEIGHTS}
        self.items: list[Item] = []

    def scene(self) -> Scene:
        """Columns, then the network, then the gradients, then the table."""
        title = f"Unrolled {cell_name(self.run)}, T = {self.T}: where {total_symbol(self.run, self.t)} comes from"
        self._backgrounds()
        for column in self.columns:
            if column > 0:
                self._network(column)
        self._initial()
        for track, strand in enumerate(reversed(self.strands)):
            self._strand(strand, self.h_top + 12 * min(1, self.size.type / 8) + track * self.size.track)
        right = max(self.x.values()) + self.size.pitch / 2
        if self.run.backward:  # time still goes from left to right
            self.items = mirrored(self.items, (self.size.left + right) / 2)
            right += self.size.left - 14
        if not self.preset.words:
            return Scene(self.preset.width or right + 3, self.bottom + 3, title, tuple(self.items))
        self.items.insert(0, Text(18, 20, title, 16, INK))
        colors = {s.ks[0]: s.color for s in self.strands if len(s.ks) == 1}
        shown, width, height = table(self.run, self.flow, self.t, colors, 18, self.bottom + 30, self.scale)
        self.items += shown
        explained, more_width, more_height = legend(self, width + 60, self.bottom + 30)
        self.items += explained
        whole = max(right + 14, width + 60 + more_width)
        return Scene(whole, self.bottom + 30 + max(height, more_height) + 14, title, tuple(self.items))

    @property
    def _apart(self) -> float:
        """The distance of the parts of a state, each on a row of its own."""
        return max(self.size.height + 2, 14) if self.size.chip else 1.75 * self.size.type

    def _part(self, i: int) -> float:
        """The row of part i of a state; what is computed from other parts of the same time stands above them."""
        order = sorted(range(len(self.names)), key=lambda part: (len(self._within[part]), part))
        return self.h_bottom - 1.5 * self.size.type - order.index(i) * self._apart

    @cached_property
    def _within(self) -> list[set[int]]:
        """From which parts of the same time each part is computed: h from c, a layer from that below."""
        state = parts(self.run.states[-1])
        stop = {*parts(self.run.states[-2] if self.T > 1 else self.run.initial), *state}
        reach = [set(ancestors([x], stop=stop - {x})) for x in state]
        return [{j for j, y in enumerate(state) if x is not y and y in reach[i]} for i, x in enumerate(state)]

    # -- what is drawn --------------------------------------------------------------------------------

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
            color = FADED if column < self.t else INK
            self.items.append(Text(x, self.top + self.size.label, label, 0.35 * self.size.type + 6.5, color, "middle"))

    def _network(self, t: int) -> None:
        """x_t, h_t, y_t, L_t of one column and the forward lines between them."""
        run, size, x, faded = self.run, self.size, self.x[t], t < self.t
        ink, line = (FADED, FADED) if faded else (INK, FORWARD)
        y_loss, y_out = self.top + size.rows[0], self.top + size.rows[1]
        y_in = self.bottom - ((28 if size.chip else 20) if self.preset.words else size.height / 2 + 4)

        def node(symbol: str, y: float, shape: Any, fill: str = PAPER) -> None:
            width = size.node * (0.75 if symbol == "x" else 1)
            label, key = symbol + subscript(time(run, t)), f"{symbol}{t}"
            box = Box(x, y, width, size.height, label, shape, fill, ink, size=size.type, color=ink, key=key)
            self.items.append(box)

        symbol = state_symbol(run, t)
        middle, tip = (self.h_top + self.h_bottom) / 2, f"{symbol}: shape {parts(run.states[t - 1])[0].shape}"
        border = 2.0 if t == self.t else 1.0
        self.items += [
            Box(x, middle, size.node, self.h_height, shape="round", width=border, stroke=ink, key=f"h{t}", tip=tip),
        ]
        for i, name in enumerate(self.names):
            big = size.type * (1.3 if self.preset.words else 1.1)
            label = fitted(name + subscript(time(run, t)), big, size.node - 2)
            self.items.append(Text(x, self._part(i), label, big, ink, "middle"))
        for high, within in enumerate(self._within if size.chip else ()):
            for low in within:
                if abs(self._part(low) - self._part(high)) < 1.5 * self._apart:
                    self._between(x + size.node * 0.36, low, high, line)
        node("x", y_in, "ellipse")
        self._up(x, y_in - size.height / 2, self.h_bottom, line, "input", faded, f"x{t}", f"h{t}")
        upper, below = self.h_top, "h"
        if run.outputs:
            node("y", y_out, "round")
            self._up(x - size.offset, upper, y_out + size.height / 2, line, "readout", faded, f"h{t}", f"y{t}")
            upper, below = y_out - size.height / 2, "y"
        node("L", y_loss, "rect", COLUMN if faded else LOSS)
        self._up(x - size.offset, upper, y_loss + size.height / 2, line, "", faded, f"{below}{t}", f"L{t}")
        if t + 1 in self.x:
            self._recurrent(x + size.node / 2, self.x[t + 1] - size.node / 2, t + 1, faded)
        elif t < self.T:
            self._right(x + size.node / 2, x + size.pitch - size.node / 2, line, "", "")
        if t - 1 not in self.x and t > 1:
            self._right(x - size.pitch + size.node / 2, x - size.node / 2, line, "", f"h{t}")

    def _between(self, x: float, low: int, high: int, color: str) -> None:
        """A short arrow from one part to the next inside the box of the state."""
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
        x, width = size.left - (52 if size.chip else 0.5 * size.left), 40 if size.chip else min(20, size.left - 4)
        height = size.height if size.chip else 1.5 * size.type
        color = "#8B949E" if self.t == 1 else FADED
        for i, name in enumerate(self.names):
            label = fitted(name + subscript(time(self.run, 0)), size.type, width)
            box = Box(x, self._part(i), width, height, label, "round", stroke=color, color=color, dashed=True)
            self.items.append(replace(box, size=size.type, key="" if i else "h0"))
        self._recurrent(x + width / 2, self.x[1] - size.node / 2, 1, True)

    def _recurrent(self, start: float, end: float, t: int, faded: bool) -> None:
        """h_(t-1) -> h_t with its weight and the norm of its Jacobian."""
        middle, chip = (start + end) / 2, self._chip_width("recurrent")
        self._right(start, end, FADED if faded else FORWARD, f"h{t - 1}", f"h{t}", chip, middle)
        self._chip(middle, self.forward, "recurrent", faded)
        norm = self._jacobian_norm(t) if self.size.chip and not faded and t > 1 else None
        if norm is not None:
            label = f"‖J{subscript(time(self.run, t))}‖ = {number(norm)}" if self.size.numbers else f"{norm:.2f}"
            tip = f"largest singular value of J_{time(self.run, t)}"
            self.items.append(Text(middle, self.forward + 18, label, 8.5, GREY, "middle", tip))

    def _jacobian_norm(self, t: int) -> float | None:
        """The largest singular value of J_t; None where there is no Jacobian for each row, or it is not finite."""
        try:
            return float(np.max(self.flow.singular_values(t)))
        except (GradientError, ShapeError, np.linalg.LinAlgError):
            return None

    # -- lines ----------------------------------------------------------------------------------------

    def _up(self, x: float, low: float, high: float, color: str, role: str, faded: bool, source: str, end: str) -> None:
        """A forward line upwards, interrupted by its weight, with an arrow head."""
        arrow = 6.0 if self.size.chip else 4.0
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
        self, a: float, b: float, color: str, source: str, end: str, chip: float = 0.0, middle: float = 0.0
    ) -> None:
        arrow = min(6.0 if self.size.chip else 4.0, 0.5 * abs(b - a))
        y = self.forward
        for i in range(1, len(self.names)):
            self.items.append(Line(((a, self._part(i)), (b - arrow, self._part(i))), color, 1.0, ends=(source, end)))
            self.items.append(Triangle(b, self._part(i), "right", arrow, arrow, color))
        runs = [(a, middle - chip / 2), (middle + chip / 2, b - arrow)] if chip else [(a, b - arrow)]
        self.items += [Line(((p, y), (q, y)), color, 1.0, ends=(source, end)) for p, q in runs]
        self.items.append(Triangle(b, y, "right", arrow, arrow, color))

    def _chip_width(self, role: str) -> float:
        return self.size.chip if self.roles.get(role) else 0.0

    def _chip(self, x: float, y: float, role: str, faded: bool) -> None:
        if not self._chip_width(role):
            return
        fill, stroke = WEIGHTS[role]
        type_size = self.size.chip * 0.24
        label = fitted(", ".join(self.roles[role]), type_size, self.size.chip - 3)
        if faded:
            fill, stroke = "#FFFFFF", FADED
        self.items.append(
            Box(x, y, self.size.chip, self.size.chip * 0.46, label, "round", fill, stroke,
                size=type_size, color=FADED if faded else INK, tip=", ".join(self.roles[role]))
        )  # fmt: skip

    def _strand(self, strand: Strand, track: float) -> None:
        """One term from its loss to h_t, hop by hop; below the scale it is dotted, or left out if there are many."""
        t, k = self.t, strand.ks[0]
        if strand.ks == (t,):
            self._direct(strand)
            return
        edge = {j: self.x[j] - self.size.node / 2 for j in strand.norms}
        if len(strand.ks) == 1:
            before = edge[k]
            self._descent(strand, track)
        else:
            before = self.x[next(c for c in reversed(self.columns) if c <= 0)]
            self.items.append(Box(before, track, 5, 5, fill=strand.color, width=0))
        for j in sorted((j for j in strand.norms if strand.ks != (j,)), reverse=True):
            self._hop(strand, j, track, before, edge[j] if j > t else self.x[t] + self.size.node / 2)
            before = edge[j]

    def _descent(self, strand: Strand, track: float) -> None:
        """L_k -> y_k -> h_k and round the corner on to the track."""
        (k,) = strand.ks
        norm, x = strand.norms[k], self.x[k] + self.size.offset
        if not self._drawn(strand, k):
            return
        source = self.top + self.size.rows[0] + self.size.height / 2
        path = ((x, source), (x, track), (self.x[k] - self.size.node / 2, track))
        width, radius, ends = self._width(norm), min(10.0, self.size.track), (f"L{k}", f"h{k}")
        dotted = not self.scale.visible(norm)
        self.items.append(Line(path, strand.color, width, dotted, radius, self._tip(strand, k), ends))
        self._norm_beside(x + width / 2 + 5, norm, strand.color)

    def _hop(self, strand: Strand, j: int, track: float, start: float, end: float) -> None:
        """One hop to h_j, with an arrow head if it is the last."""
        norm = strand.norms[j]
        if not self._drawn(strand, j):
            return
        width, arrow, least = self._width(norm), 0.0, 4 if self.size.chip else 2.5
        if j == self.t:
            arrow = least + 1.5 * width
            breadth = min(least + 2.1 * width, 1.9 * self.size.track)
            self.items.append(Triangle(end, track, "left", arrow, breadth, strand.color))
        path, dotted = ((start, track), (end + arrow, track)), not self.scale.visible(norm)
        ends = (f"h{j + 1}", f"h{j}")
        self.items.append(Line(path, strand.color, width, dotted, tip=self._tip(strand, j), ends=ends))
        if self.size.numbers:
            middle, above = (self.x[j] + self.x[j + 1]) / 2, track - width / 2 - 6
            self.items.append(Text(middle, above, number(norm), 9, readable(strand.color), "middle"))

    def _direct(self, strand: Strand) -> None:
        """The first term of (3.1): straight down."""
        norm, x, least = strand.norms[self.t], self.x[self.t] + self.size.offset, 4 if self.size.chip else 3
        width = self._width(norm)
        arrow = least + 1.5 * width
        source = self.top + self.size.rows[0] + self.size.height / 2
        path, dotted = ((x, source), (x, self.h_top - arrow)), not self.scale.visible(norm)
        ends = (f"L{self.t}", f"h{self.t}")
        self.items.append(Line(path, DIRECT, width, dotted, tip=self._tip(strand, self.t), ends=ends))
        self.items.append(Triangle(x, self.h_top, "down", arrow, least + 2.1 * width, DIRECT))
        self._norm_beside(x + width / 2 + 5, norm, DIRECT)

    def _width(self, norm: float) -> float:
        return self.scale.width(norm, self.size.thick)

    def _drawn(self, strand: Strand, j: int) -> bool:
        """A compact map leaves out hops below the scale, but no line has a hole."""
        return len(self.columns) <= 12 or any(self.scale.visible(n) for i, n in strand.norms.items() if i <= j)

    def _norm_beside(self, x: float, norm: float, color: str) -> None:
        if self.size.numbers:
            y = (self.h_top + self.top + self.size.rows[1] + self.size.height / 2) / 2 - 6
            self.items.append(Text(x, y, number(norm), 9.5, readable(color)))

    def _tip(self, strand: Strand, j: int) -> str:
        ks = [time(self.run, k) for k in strand.ks]
        what = f"loss {ks[0]}" if len(ks) == 1 else f"losses {ks[0]} to {ks[-1]}, summed"
        at = "direct" if strand.ks[0] == j else f"at h_{time(self.run, j)}"
        return f"{what}, {at}: norm {strand.norms[j]:.6g}"


def paths_scene(runs: Sequence[tuple[Unrolled, GradientFlow]], t: int, preset: str = "lecture") -> Scene:
    """The map of (3.1) for h_t: of several networks over the same time, one row for each."""
    chosen = Preset.named(preset)
    rows = [Map(run, time(run, t), flow, chosen).scene() for run, flow in runs]
    return scaled(reduce(below, rows), chosen.scale)
