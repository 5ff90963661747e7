"""Every operation of an unrolled network, one column for each step.

A cell goes from left to right, its rows found by `layered`; the way from h_t to L_t goes upwards.
The gradient goes beside each forward wire: orange + blue = black is (3.1) as backpropagation
executes it.
"""

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.board import Board, Gradients, facts, written
from tinygrad_rnn.draw.key import how_to_read
from tinygrad_rnn.draw.layered import depths, rows
from tinygrad_rnn.draw.palette import COLUMN, DIRECT, FORWARD, GREY, INDIRECT_SUM, INK, TOTAL
from tinygrad_rnn.draw.roles import roles
from tinygrad_rnn.draw.route import channels, route
from tinygrad_rnn.draw.scene import Box, Item, Line, Point, Scene, Text, Triangle, subscript
from tinygrad_rnn.draw.steps import Node, Steps, Value, operands
from tinygrad_rnn.draw.symbols import cell_name, state_names
from tinygrad_rnn.flow.listed import parameters
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn.unroll import Unrolled

_DX, _DY, _UP = 54.0, 60.0, 40.0  # distance of layers, of rows, and of the steps from h up to L
_MOST, _FIRST, _LAST = 8, 4, 2  # steps drawn: all up to _MOST, else the first and the last
_TOP = 92.0


class Operations:
    """The layout of one picture."""

    def __init__(self, run: Unrolled):
        self.run, self.T = run, len(run)
        self.board = Board(Gradients(run.loss))
        self.graph = Steps(run)
        self.losses = self.graph.losses
        self.parts = state_names(run)
        self.names = {p: name for name, p in parameters(ancestors(self.losses.values())).items()}
        # beside the operation that uses them
        self.roles = roles(run) | dict.fromkeys(run.outside, "bias")
        times = range(1, self.T + 1)
        self.steps = list(times if self.T <= _MOST else (*times[:_FIRST], *times[-_LAST:]))
        self.cells = {t: self.graph.cell(t) for t in self.steps}
        self.heads = {t: self.graph.head(t) for t in self.steps}
        tallest = max(max(depth.values(), default=0) for depth, _ in self.heads.values())
        self.main = _TOP + 34 + tallest * _UP  # the row of h
        self.lowest = self.main
        self.folded: list[Point] = []  # where losses that are not drawn go on to their sum

    def scene(self) -> Scene:
        """Columns from left to right, then the bus of the losses."""
        title = f"Unrolled {cell_name(self.run)}, T = {self.T}, every operation"
        x, columns = 84.0, []
        for i, part in enumerate(self.graph.state(0)):
            label, y = self.parts[i] + subscript(0), self._row(_state_row(i))
            self.board.value(Value("h", 0, i), part, label, 40, y, "initial")
        before = 0
        for t in self.steps:
            if t != before + 1:
                self._fold(x + 34, before + 1, t - 1)
                x += 78
            width = self._cell(t, x, before)
            self._readout(t)
            columns.append((t, x, width))
            x += width + 10
            before = t
        bottom = self.lowest + 50
        backgrounds: list[Item] = [Text(18, 22, title, 16, INK)]
        for t, left, width in columns:
            middle, high = left + width / 2, bottom - 52
            backgrounds += [
                Box(middle, (52 + bottom) / 2, width, high, fill=COLUMN, width=0),
                Text(left + 14, 68, f"t = {t}", 12, INK),
            ]
        self._bus(x)
        shown, right = how_to_read(self.run, self.board, bottom + 22)
        items = (*backgrounds, *self.board.items, *shown)
        return Scene(max(x + 70, right), bottom + 62, title, items)

    def _fold(self, x: float, first: int, last: int) -> None:
        """The steps that are not drawn, counted; and whether they are copies of the one before."""
        shown = self.graph.kinds(first - 1)
        copies = all(self.graph.kinds(t) == shown for t in range(first, last + 1))
        label = "⋯ the same ⋯" if copies else "⋯ others ⋯"
        self.board.items.append(Text(x, self.main - 30, f"× {last - first + 1}", 13, INK, "middle"))
        self.board.items.append(Text(x, self.main - 15, label, 9.5, GREY, "middle"))
        if count := sum(first <= t <= last for t in self.losses):
            words = "1 loss" if count == 1 else f"{count} losses"
            self.board.items.append(Text(x, 68, words, 9.5, GREY, "middle"))
            self.folded.append((x, 60.0))

    # -- one step --------------------------------------------------------------------------------

    def _row(self, row: int) -> float:
        return self.main + row * _DY

    def _cell(self, t: int, left: float, before: int) -> float:
        """Place the operations of one cell and wire them; returns the width of its column."""
        run, board, ops = self.run, self.board, self.cells[t]
        inside = set(ops)
        old = {x: Value("h", t - 1, i) for i, x in enumerate(self.graph.state(t - 1))}
        x_t = run.xs[t - 1]
        edges: list[tuple[Node, Node]] = []
        for op in ops:
            for x in operands(op):
                if x in old or x in inside or x is x_t:
                    edges.append((old.get(x, x), op))
        new = [(Value("h", t, i), x) for i, x in enumerate(self.graph.state(t))]
        edges += [(x, key) for key, x in new if x in inside]
        edges += [(old[x], key) for key, x in new if x in old]
        nodes: list[Node] = [*old.values(), x_t, *ops, *(key for key, _ in new)]
        layer = depths(nodes, edges)
        last = max([layer[op] for op in ops], default=0) + 1
        layer.update({key: last for key, _ in new})
        states = [*old.values(), *(key for key, _ in new)]
        fixed: dict[Node, int] = {x_t: 1, **{key: _state_row(key.part) for key in states}}
        row, via = rows(layer, edges, fixed)

        def place(layer: int, row: int) -> Point:
            return left + 32 + layer * _DX + (14 if layer else 0), self._row(row)

        def at(node: Node) -> Point:
            return place(layer[node], row[node])

        for op in ops:
            board.op(op, *at(op), gates=getattr(run.cell, "gates", ()))
            self._chips(op, *at(op))
        for key, x in new:
            (px, py), label = at(key), self.parts[key.part] + subscript(t)
            board.value(key, x, label, px + 8, py, "state", board.silent(x))
        readers = [self.graph.tensor(b) for a, b in edges if a is x_t]
        if readers:
            name, (px, py) = written(x_t.name or "x"), at(x_t)
            board.value(x_t, x_t, name, px + 4, py, "input", board.silent(*readers))
        passed = {spot for spots in via.values() for spot in spots}
        occupied = {(layer[n], row[n]) for n in row} | passed
        self.lowest = max([self.lowest, *(self._row(r) for _, r in occupied)])
        turns = channels(layer, row, via, edges, _DX)
        labelled: set[Node] = set()
        for a, b in edges:
            drawn = not isinstance(a, Value) or before == t - 1  # or a state of a step that is not
            start = board.boxes[a] if drawn else Box(left - 6, at(a)[1], 0, 0)
            end = board.boxes[b]
            places = [(*place(*spot), turns[spot[0], a]) for spot in via[(a, b)]]
            between = range(min(row[a], row[b]), max(row[a], row[b]) + 1)
            blocked = any((layer[b], r) in occupied for r in between if r != row[b])
            under = not blocked and not self._bears_chips(b) and not places
            points = route(start, [*places, (end.x, end.y, turns[layer[b], a])], end, under)
            self._wire(t, a, b, points, a not in labelled)
            labelled.add(a)
        return last * _DX + 92

    def _wire(self, t: int, a: Node, b: Node, points: list[Point], first: bool) -> None:
        """One edge of a cell: blue where its gradient ends at the state before, black elsewhere.

        The first of several that end there bears the norm of their sum, the second term of (3.1).
        """
        source = self.graph.tensor(a)
        grads = self.board.gradients
        assert grads is not None
        if b in self.board.boxes and isinstance(b, Value):  # the result and the box of its value
            norm = grads.whole.get(source) if self.graph.listed.get(source, t) == t else None
            label = norm if len(points) == 2 else None
            self.board.wire(points, norm, TOTAL, label, self._tip(source, norm), norm is None)
            return
        norm = grads.along.get((self.graph.tensor(b), source))
        state = isinstance(a, Value)
        several = state and first and norm is not None
        label = grads.together(source, set(self.cells[t])) if several else None
        color, faded = INDIRECT_SUM if state else TOTAL, self._silent(b)
        self.board.wire(points, norm, color, label, self._tip(source, norm), faded)

    def _silent(self, node: Node) -> bool:
        """Whether no gradient comes to a node."""
        return self.board.silent(self.graph.tensor(node))

    def _tip(self, source: Tensor, norm: float | None) -> str:
        return "" if norm is None else f"to {facts(source)}; gradient norm {number(norm, 6)}"

    def _bears_chips(self, op: Node) -> bool:
        return isinstance(op, Tensor) and any(a in self.roles for a in operands(op))

    def _chips(self, op: Tensor, x: float, y: float, upwards: bool = False) -> None:
        for i, a in enumerate(a for a in operands(op) if a in self.roles):
            name, role = self.names.get(a, a.name or "·"), self.roles[a]
            faded = self.board.silent(op)
            if upwards:
                self.board.chip(a, name, role, x - 52, y + 17 * i, (x - 13, y + 17 * i), faded)
            else:
                self.board.chip(a, name, role, x, y + 31 + 17 * i, (x, y + 13), faded)

    # -- from the state up to the loss -----------------------------------------------------------

    def _readout(self, t: int) -> None:
        depth, edges = self.heads[t]
        base = self.board.boxes[Value("h", t)]
        lowest = [node for node, d in depth.items() if d == 0 and isinstance(node, Value)]
        fixed: dict[Node, int] = {node: i for i, node in enumerate(lowest)}
        row, _ = rows(depth, edges, fixed)
        for node in depth:
            if node in self.board.boxes:
                continue
            x, y = base.x - row[node] * 62, self.main - depth[node] * _UP
            if isinstance(node, Value):
                tensor, faded = self.graph.tensor(node), self._silent(node)
                name = written(tensor.name or node.symbol)
                kind = "loss" if node.symbol == "L" else "value"
                self.board.value(node, tensor, name, x, y, kind, faded)
            else:
                self.board.op(node, x, y)
                self._chips(node, x, y, upwards=True)
        grads = self.board.gradients
        assert grads is not None
        for a, b in edges:
            start, end = self.board.boxes[a], self.board.boxes[b]
            points = [(start.x, start.y - start.h / 2), (end.x, end.y + end.h / 2)]
            if abs(start.x - end.x) > 1e-9:
                middle = end.y + end.h / 2 + 7
                points = [points[0], (start.x, middle), (end.x, middle), points[1]]
            source = self.graph.tensor(a)
            norm = (
                grads.whole.get(source)
                if isinstance(b, Value)
                else grads.along.get((self.graph.tensor(b), source))
            )
            into_state = isinstance(a, Value) and a.symbol in ("h", "y")
            label, faded = norm if into_state else None, self._silent(b)
            self.board.wire(points, norm, DIRECT, label, self._tip(source, norm), faded)

    # -- around it -------------------------------------------------------------------------------

    def _bus(self, right: float) -> None:
        """L = sum of L_t: one line over all columns."""
        y = 40.0
        self.board.value("L", self.run.loss, "L = Σ", right + 26, y, "loss")
        drawn = [self.board.boxes[Value("L", t)] for t in self.steps if t in self.losses]
        for start in [*((box.x, box.y - box.h / 2) for box in drawn), *self.folded]:
            path = (start, (start[0], y), (right - 8, y))
            self.board.items.append(Line(path, FORWARD, 1.0, radius=6))
        self.board.items.append(
            Triangle(right + 26 - self.board.boxes["L"].w / 2, y, "right", 6, 6, FORWARD)
        )


def _state_row(part: int) -> int:
    """h on the main row, then the input, then the other parts."""
    return part if part == 0 else part + 1


def operations_scene(run: Unrolled) -> Scene:
    """Every operation of the network."""
    return Operations(run).scene()
