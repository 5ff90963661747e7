"""Any computation graph, from left to right: leaves, operations, and the gradients of a scalar result."""

from typing import Any

from tinygrad_rnn.backprop import ancestors
from tinygrad_rnn.draw.board import Board, Gradients, facts, written
from tinygrad_rnn.draw.layered import depths, rows
from tinygrad_rnn.draw.palette import FORWARD, GREY, INK, TOTAL, number
from tinygrad_rnn.draw.route import channels, route
from tinygrad_rnn.draw.scene import Item, Line, Scene, Text, clean, extent
from tinygrad_rnn.tensor import Tensor

_DX, _DY = 92.0, 52.0


def graph_scene(root: Tensor) -> Scene:
    """Every Tensor that `root` was computed from; named results get a box of their own behind their operation."""
    board = Board(Gradients(root) if root.requires_grad and root.size == 1 else None)
    grads = board.gradients
    tensors = ancestors([root])
    shown = {x: ("value", x) if x.fun is not None and (x.name or x is root) else x for x in tensors}
    nodes: list[Any] = []
    edges: list[tuple[Any, Any]] = []
    for x in tensors:
        nodes.append(x)
        edges += [(shown[a], x) for a in dict.fromkeys(a for a in x.args if isinstance(a, Tensor))]
        if shown[x] is not x:
            nodes.append(shown[x])
            edges.append((x, shown[x]))
    layer = depths(nodes, edges)
    for x in reversed(tensors):  # a leaf stands beside the first operation that uses it
        if x.fun is None:
            layer[x] = min([layer[b] for a, b in edges if a is x], default=1) - 1
    row, via = rows(layer, edges)
    turns = channels(layer, row, via, edges, _DX)
    title = f"Graph of {clean(root.name or 'a Tensor', 60)}: {sum(x.fun is not None for x in tensors)} operations"

    def place(at: int, r: int) -> tuple[float, float]:
        return 64 + at * _DX, 84 + r * _DY

    for node in nodes:
        x, y = place(layer[node], row[node])
        if isinstance(node, tuple):
            _, tensor = node
            board.value(node, tensor, written(tensor.name or "result"), x, y, "loss" if tensor is root else "state")
        elif node.fun is None:
            kind = "value" if node.requires_grad else "input"
            board.value(node, node, written(node.name or "×".join(map(str, node.shape)) or "number"), x, y, kind)
        else:
            board.op(node, x, y)
    for a, b in edges:
        source = a[1] if isinstance(a, tuple) else a
        norm = None
        if grads is not None:
            norm = grads.whole.get(source) if isinstance(b, tuple) else grads.along.get((b, source))
        places = [(*place(*spot), turns[spot[0], a]) for spot in via[(a, b)]]
        end = board.boxes[b]
        points = route(board.boxes[a], [*places, (end.x, end.y, turns[layer[b], a])], end)
        tip = f"from {facts(source)}" + ("" if norm is None else f"; gradient norm {norm:.6g}")
        board.wire(points, norm, TOTAL, norm if isinstance(a, tuple) or source.fun is None else None, tip)
    lowest = max([*row.values(), *(r for spots in via.values() for _, r in spots)])
    right, bottom = place(max(layer.values()), lowest)
    line = bottom + 52
    items: list[Item] = [Text(18, 22, title, 15, INK), *board.items]
    items += [Line(((18, line), (44, line)), FORWARD, 1.2), Text(50, line, "forward", 10, INK)]
    if grads is None:
        note = "not a scalar that requires a gradient: no backward pass"
    else:
        items.append(Line(((110, line), (136, line)), TOTAL, 4))
        span = f"{number(grads.scale.top)} down to {number(grads.scale.bottom)}"
        note = f"gradient of {clean(root.name or 'the result', 40)}; width: log of its norm, {span}; numbers: norms"
    items.append(Text(142, line, note, 10, GREY))
    width = max(right + 70, 142 + extent(note, 10) + 20, extent(title, 15) + 36)
    return Scene(width, line + 22, title, tuple(items))
