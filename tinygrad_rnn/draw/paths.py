"""The main picture: one node for each h_t, and every term of (3.1) for one t as a line of its own.

Columns are time steps; from the bottom x, h, y, L.  Term k is one line L_k -> y_k -> h_k -> ... ->
h_t on its own track; at each hop its width is the log of the norm of dL_k/dh_k . dh_k/dh_j.
"""

from collections.abc import Sequence
from functools import reduce

from tinygrad_rnn.draw.legend import legend, table
from tinygrad_rnn.draw.measures import CHIPPED, Preset
from tinygrad_rnn.draw.network import Network
from tinygrad_rnn.draw.palette import DIRECT, INK, readable
from tinygrad_rnn.draw.scene import Box, Line, Scene, Text, Triangle, below, mirrored, scaled
from tinygrad_rnn.draw.strands import Strand
from tinygrad_rnn.draw.symbols import cell_name, joint_name, time, total_symbol
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn.unroll import Unrolled


class Map(Network):
    """A network, and every term of (3.1) for one t as a line."""

    def scene(self) -> Scene:
        """Columns, then the network, then the gradients, then the table."""
        total = total_symbol(self.run, self.t)
        title = f"Unrolled {cell_name(self.run)}, T = {self.T}: "
        reached = self.support.state(self.t)
        title += f"where {total} comes from" if reached else f"{total} = 0: no loss reaches it"
        self.draw()
        for track, strand in enumerate(reversed(self.strands)):
            self._strand(
                strand, self.h_top + 12 * min(1, self.size.type / 8) + track * self.size.track
            )
        right = max(self.x.values()) + self.size.pitch / 2
        if self.run.backward:  # time still goes from left to right
            self.items = mirrored(self.items, (self.size.left + right) / 2)
            right += self.size.left - 14
        if not self.preset.words:
            return Scene(self.preset.width or right + 3, self.bottom + 3, title, tuple(self.items))
        self.items.insert(0, Text(18, 20, title, 16, INK))
        shown, width, height = table(self, 18, self.bottom + 30)
        self.items += shown
        explained, more_width, more_height = legend(self, width + 60, self.bottom + 30)
        self.items += explained
        whole = max(right + 14, width + 60 + more_width)
        return Scene(
            whole, self.bottom + 30 + max(height, more_height) + 14, title, tuple(self.items)
        )

    def _strand(self, strand: Strand, track: float) -> None:
        """One term from its loss to h_t, hop by hop.

        Below the scale it is dotted, or left out if there are many columns.
        """
        t, k = self.t, strand.ks[0]
        if k == t:
            self._direct(strand)
            return
        edge = {j: self.x[j] - self.size.node / 2 for j in strand.norms}
        if not strand.summed:
            before = edge[k]
            self._descent(strand, track)
        else:
            before = self.x[next(c for c in reversed(self.columns) if c <= 0)]
            self.items.append(Box(before, track, 5, 5, fill=strand.color, width=0))
        for j in sorted((j for j in strand.norms if j < k), reverse=True):
            self._hop(
                strand, j, track, before, edge[j] if j > t else self.x[t] + self.size.node / 2
            )
            before = edge[j]

    def _descent(self, strand: Strand, track: float) -> None:
        """L_k -> y_k -> h_k and round the corner on to the track."""
        k = strand.ks[0]
        norm, x = strand.norms[k], self.x[k] + self.size.offset
        if not self._drawn(strand, k):
            return
        source = self._start(k)
        path = ((x, source), (x, track), (self.x[k] - self.size.node / 2, track))
        width, radius, ends = self._width(norm), min(10.0, self.size.track), (f"L{k}", f"h{k}")
        dotted = not self.scale.visible(norm)
        self.items.append(
            Line(path, strand.color, width, dotted, radius, self._tip(strand, k), ends)
        )
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
        self.items.append(
            Line(path, strand.color, width, dotted, tip=self._tip(strand, j), ends=ends)
        )
        if self.size.numbers:
            middle, above = (self.x[j] + self.x[j + 1]) / 2, track - width / 2 - 6
            self.items.append(
                Text(middle, above, number(norm), 9, readable(strand.color), "middle")
            )

    def _direct(self, strand: Strand) -> None:
        """The first term of (3.1): straight down."""
        norm, x, least = (
            strand.norms[self.t],
            self.x[self.t] + self.size.offset,
            4 if self.size.chip else 3,
        )
        width = self._width(norm)
        arrow = least + 1.5 * width
        source = self._start(self.t)
        path, dotted = ((x, source), (x, self.h_top - arrow)), not self.scale.visible(norm)
        ends = (f"L{self.t}", f"h{self.t}")
        self.items.append(
            Line(path, DIRECT, width, dotted, tip=self._tip(strand, self.t), ends=ends)
        )
        self.items.append(Triangle(x, self.h_top, "down", arrow, least + 2.1 * width, DIRECT))
        self._norm_beside(x + width / 2 + 5, norm, DIRECT)

    def _start(self, k: int) -> float:
        """Where the gradient that enters at h_k comes from: its loss, or elsewhere, just above."""
        if k in self.support.senders[k]:
            return self.top + self.size.rows[0] + self.size.height / 2
        return self.h_top - 2.2 * self.size.type

    def _width(self, norm: float) -> float:
        return self.scale.width(norm, self.size.thick)

    def _drawn(self, strand: Strand, j: int) -> bool:
        """A compact map leaves out hops below the scale, but no line has a hole."""
        return len(self.columns) <= CHIPPED or any(
            self.scale.visible(n) for i, n in strand.norms.items() if i <= j
        )

    def _norm_beside(self, x: float, norm: float, color: str) -> None:
        if self.size.numbers:
            y = (self.h_top + self.top + self.size.rows[1] + self.size.height / 2) / 2 - 6
            self.items.append(Text(x, y, number(norm), 9.5, readable(color)))

    def _tip(self, strand: Strand, j: int) -> str:
        ks, state = [time(self.run, k) for k in strand.ks], joint_name(self.names)
        what = f"loss {ks[0]}" if len(ks) == 1 else f"losses {ks[0]} to {ks[-1]}, summed"
        senders = self.support.senders[strand.ks[0]]
        if len(ks) == 1 and senders != {strand.ks[0]}:
            several = ", ".join(str(time(self.run, k)) for k in sorted(senders))
            what = f"losses {several}, which read {state}_{ks[0]}"
        at = "direct" if strand.ks[0] == j else f"at {state}_{time(self.run, j)}"
        return f"{what}, {at}: norm {number(strand.norms[j], 6)}"


def paths_scene(
    runs: Sequence[tuple[Unrolled, GradientFlow]], t: int, preset: str = "lecture"
) -> Scene:
    """The map of (3.1) for h_t: of several networks over the same time, one row for each."""
    chosen = Preset.named(preset)
    rows = [Map(run, time(run, t), flow, chosen).scene() for run, flow in runs]
    return scaled(reduce(below, rows), chosen.scale)
