"""Any computation graph, from left to right: leaves, operations, gradients of a scalar result."""

import math
from collections.abc import Collection
from typing import Literal, TypeAlias

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.board import Board, Gradients, facts, written
from tinygrad_rnn.draw.dot_layout import dot_layout
from tinygrad_rnn.draw.folding import Fold, folds
from tinygrad_rnn.draw.layered import depths, rows
from tinygrad_rnn.draw.palette import FORWARD, GREY, INK, TOTAL
from tinygrad_rnn.draw.route import channels, route
from tinygrad_rnn.draw.scene import Item, Line, Point, Scene, Text, clean, extent
from tinygrad_rnn.guards.numbers import number, typeset

Layout = Literal["layered", "dot"]
Node: TypeAlias = (
    Tensor | Fold | tuple[str, Tensor]
)  # ("value", x) stands behind the operation of x

_DX, _DY, _LEFT, _TOP = 92.0, 58.0, 64.0, 84.0


class AnyGraph:
    """What is drawn of one graph: Tensors, the values of named results, and Folds."""

    def __init__(self, root: Tensor, fold: bool | Collection[str] | None, limit: int):
        self.root, self.tensors = root, ancestors([root])
        self.board = Board(Gradients(root) if root.requires_grad and root.size == 1 else None)
        self.folds = folds(self.tensors, fold, limit)
        self.nodes: list[Node] = []
        self.told: set[Node] = set()  # values whose gradient has its number
        joined: dict[
            tuple[Node, Node], list[Tensor]
        ] = {}  # (from, to) -> the Tensors that go along
        last = {f: f.members[-1].serial for f in set(self.folds.values())}
        for x in self.tensors:
            fold_ = self.folds.get(x)
            if fold_ is None or last[fold_] == x.serial:
                self.nodes.append(fold_ or x)
            for a in dict.fromkeys(a for a in x.args if isinstance(a, Tensor)):
                ends = self._shown(a), fold_ or x
                if ends[0] is not ends[1]:
                    joined.setdefault(ends, []).append(a)
            if fold_ is None and self._shown(x) is not x:
                self.nodes.append(self._shown(x))
                joined[x, self._shown(x)] = [x]
        self.edges = list(joined)
        self.joined = {ends: list(dict.fromkeys(xs)) for ends, xs in joined.items()}

    def _shown(self, x: Tensor) -> Node:
        """Where the lines of a Tensor begin: a named result, and the root, has a box of its own."""
        if x in self.folds:
            return self.folds[x]
        return ("value", x) if x.fun is not None and (x.name or x is self.root) else x

    def norm(self, a: Node, b: Node) -> float | None:
        """The norm of the gradient that comes back along an edge, over all its Tensors."""
        grads = self.board.gradients
        if grads is None:
            return None
        if isinstance(b, tuple):
            return grads.whole.get(b[1])
        users = b.operations if isinstance(b, Fold) else [b]
        sent = [grads.together(x, users) for x in self.joined[a, b] if x.requires_grad]
        return math.hypot(*sent) if sent else None

    def place(self, node: Node, x: float, y: float) -> None:
        """One box, and below a value its shape, or the number it is."""
        board = self.board
        if isinstance(node, Fold):
            board.fold(node, node.name, len(node.operations) or len(node.members), node.tip, x, y)
            return
        tensor = node[1] if isinstance(node, tuple) else node
        if tensor is node and tensor.fun is not None:
            board.op(node, x, y)
            return
        shape = "×".join(map(str, tensor.shape))
        name = tensor.name or ("result" if tensor is not node else shape or "number")
        kind = "loss" if tensor is self.root else "state" if tensor is not node else "input"
        board.value(
            node,
            tensor,
            written(name),
            x,
            y,
            "value" if kind == "input" and tensor.requires_grad else kind,
        )
        below = (
            typeset(number(tensor.data.item()))
            if tensor.size == 1
            else shape
            if tensor.name
            else ""
        )
        if below:
            board.items.append(Text(x, y + 21, below, 8.5, GREY, "middle", facts(tensor)))

    def wire(self, a: Node, b: Node, points: list[Point]) -> None:
        """One edge and its gradient."""
        carried, norm = self.joined[a, b], self.norm(a, b)
        tip = "from " + "; ".join(facts(x) for x in carried[:4])
        tip += "" if norm is None else f"; gradient norm {number(norm, 6)}"
        self.board.wire(points, norm, TOTAL, None if a in self.told else self._number(a, norm), tip)
        self.told.add(a)

    def _number(self, a: Node, norm: float | None) -> float | None:
        """What is written where gradients arrive: the norm of all at a value, its own at a fold."""
        if isinstance(a, Fold):
            return norm
        tensor = a[1] if isinstance(a, tuple) else a
        grads = self.board.gradients
        return (
            grads.whole.get(tensor)
            if grads is not None and (tensor is not a or tensor.fun is None)
            else None
        )


def graph_scene(
    root: Tensor,
    fold: bool | Collection[str] | None = None,
    limit: int = 200,
    layout: Layout = "layered",
) -> Scene:
    """Every Tensor that `root` was computed from."""
    drawn = AnyGraph(root, fold, limit)
    right, bottom = _by_dot(drawn) if layout == "dot" else _layered(drawn)
    board, grads = drawn.board, drawn.board.gradients
    count = sum(x.fun is not None for x in drawn.tensors)
    title = f"Graph of {clean(root.name or 'a Tensor', 60)}: {count} operations"
    line = bottom + 52
    items: list[Item] = [Text(18, 22, title, 15, INK), *board.items]
    items += [Line(((18, line), (44, line)), FORWARD, 1.2), Text(50, line, "forward", 10, INK)]
    if grads is None:
        note = "not a scalar that requires a gradient: no backward pass"
    else:
        items.append(Line(((110, line), (136, line)), TOTAL, 4))
        span = f"{number(grads.scale.top)} down to {number(grads.scale.bottom)}"
        whose = clean(root.name or "the result", 40)
        note = f"gradient of {whose}; width: log of its norm, {span}; numbers: norms"
    items.append(Text(142, line, note, 10, GREY))
    width = max(right + 70, 142 + extent(note, 10) + 20, extent(title, 15) + 36)
    return Scene(width, line + 22, title, tuple(items))


def _layered(drawn: AnyGraph) -> tuple[float, float]:
    """Place and wire by layers, without any program; returns the lower right corner."""
    nodes, edges = drawn.nodes, drawn.edges
    layer = depths(nodes, edges)
    after: dict[Node, int] = {}
    for a, b in edges:
        after[a] = min(after.get(a, layer[b]), layer[b])
    starts = set(nodes) - {b for _, b in edges}
    for x in starts:  # a leaf stands beside the first operation that uses it
        layer[x] = after.get(x, 1) - 1
    row, via = rows(layer, edges)
    turns = channels(layer, row, via, edges, _DX)

    def place(at: int, r: int) -> Point:
        return _LEFT + at * _DX, _TOP + r * _DY

    for node in nodes:
        drawn.place(node, *place(layer[node], row[node]))
    for a, b in edges:
        places = [(*place(*spot), turns[spot[0], a]) for spot in via[(a, b)]]
        end = drawn.board.boxes[b]
        drawn.wire(
            a, b, route(drawn.board.boxes[a], [*places, (end.x, end.y, turns[layer[b], a])], end)
        )
    lowest = max([*row.values(), *(r for spots in via.values() for _, r in spots)])
    return place(max(layer.values()), lowest)


def _by_dot(drawn: AnyGraph) -> tuple[float, float]:
    """Place and wire as Graphviz's `dot` does; raises DrawError without it."""
    for node in drawn.nodes:
        drawn.place(node, 0, 0)
    boxes = drawn.board.boxes
    drawn.board.items.clear()
    spots, lines = dot_layout(
        {node: (boxes[node].w, boxes[node].h + 16) for node in drawn.nodes}, drawn.edges
    )
    for node, (x, y) in spots.items():
        drawn.place(node, x + _LEFT, y + _TOP)
    for (a, b), points in lines.items():
        drawn.wire(a, b, [(x + _LEFT, y + _TOP) for x, y in points])
    return max(x for x, _ in spots.values()) + _LEFT, max(y for _, y in spots.values()) + _TOP
