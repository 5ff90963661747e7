"""Positions for a graph of unknown shape, found by Graphviz's `dot`.

Boxes stand from left to right; lines turn at right angles.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from tinygrad_rnn.draw.dot import program, run_graphviz
from tinygrad_rnn.draw.scene import Point

N = TypeVar("N", bound=Hashable)  # a node


def dot_layout(
    sizes: Mapping[N, Point], edges: Sequence[tuple[N, N]]
) -> tuple[dict[N, Point], dict[tuple[N, N], list[Point]]]:
    """The middle of each box, from (0, 0) to the right and down, and the corners of each line.

    sizes: node -> (width, height) in points

    Raises DrawError if Graphviz is missing, fails or takes too long.
    """
    names = {node: f"n{i}" for i, node in enumerate(sizes, 1)}
    text = [
        "digraph { rankdir=LR; splines=ortho; nodesep=0.35; ranksep=0.6;",
        'node [shape=box, fixedsize=true, label=""];',
    ]
    text += [
        f"{names[n]} [width={w / 72:.4f}, height={h / 72:.4f}];" for n, (w, h) in sizes.items()
    ]
    text += [f"{names[a]} -> {names[b]};" for a, b in edges]
    command = program('layout="dot"', 'use layout="layered"'), "-Kdot", "-Tplain"
    told = [
        line.split()
        for line in run_graphviz("\n".join([*text, "}"]), *command).decode().splitlines()
    ]
    height = next(float(words[3]) for words in told if words[0] == "graph")
    nodes = {name: node for node, name in names.items()}
    ends = {(names[a], names[b]): (a, b) for a, b in edges}

    def point(x: str, y: str) -> Point:
        return float(x) * 72, (height - float(y)) * 72

    places = {nodes[words[1]]: point(*words[2:4]) for words in told if words[0] == "node"}
    lines: dict[tuple[N, N], list[Point]] = {}
    for words in told:
        if words[0] == "edge":
            a, b = ends[words[1], words[2]]
            numbers = words[4 : 4 + 2 * int(words[3])]
            # every third point: the rest are controls
            bends = [point(*numbers[i : i + 2]) for i in range(0, len(numbers), 6)]
            lines[a, b] = _straightened(
                bends, places[a], places[b], sizes[a][0] / 2, sizes[b][0] / 2
            )
    return places, lines


def _straightened(
    bends: list[Point], start: Point, end: Point, before: float, after: float
) -> list[Point]:
    """The line at exact right angles, from the right of one box to the left of the other."""
    out, into = (start[0] + before, start[1]), (end[0] - after, end[1])
    turns = [x for (x, y), (u, v) in zip(bends, bends[1:], strict=False) if abs(x - u) < abs(y - v)]
    inside = [min(max(x, out[0] + 4), into[0] - 4) for x in turns]
    heights = [
        v for (x, y), (u, v) in zip(bends, bends[1:], strict=False) if abs(x - u) < abs(y - v)
    ]
    points, y = [out], out[1]
    for i, x in enumerate(inside):
        lower = into[1] if i == len(inside) - 1 else heights[i]
        points += [(x, y), (x, lower)]
        y = lower
    if not inside and abs(into[1] - out[1]) > 1e-9:
        middle = (out[0] + into[0]) / 2
        points += [(middle, out[1]), (middle, into[1])]
    return [*points, into]
