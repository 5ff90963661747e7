"""Right-angled ways for wires between layers."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from tinygrad_rnn.draw.scene import Box, Point

N = TypeVar("N", bound=Hashable)  # a node


def channels(
    layer: Mapping[N, int],
    row: Mapping[N, int],
    via: Mapping[tuple[N, N], list[tuple[int, int]]],
    edges: Sequence[tuple[N, N]],
    pitch: float,
) -> dict[tuple[int, N], float]:
    """How far before a layer the lines from each node turn; in one channel they stand apart."""
    turning: dict[int, list[N]] = {}
    for a, b in edges:
        spots = [(layer[a], row[a]), *via[(a, b)], (layer[b], row[b])]
        for (_, r), (n, s) in zip(spots, spots[1:], strict=False):
            starts = turning.setdefault(n, [])
            if r != s and all(a is not other for other in starts):
                starts.append(a)
    bends: dict[tuple[int, N], float] = {
        (n, a): pitch / 2 for a, b in edges for n in range(layer[a], layer[b] + 1)
    }
    for n, starts in turning.items():
        apart = min(9.0, 22.0 / max(1, len(starts) - 1))
        for i, a in enumerate(starts):
            bends[n, a] = pitch / 2 + (i - (len(starts) - 1) / 2) * apart
    return bends


def route(
    start: Box, places: list[tuple[float, float, float]], end: Box, under: bool = False
) -> list[Point]:
    """From the right of one box to the left of another.

    places  (x, y, how far before x to turn) of what the line passes
    under   into the end from above or below, if that way is free
    """
    points: list[Point] = [(start.x + start.w / 2, start.y)]
    for x, y, turn in places:
        last = points[-1]
        if abs(y - last[1]) > 1e-9:
            if under:
                side = end.h / 2 if last[1] > end.y else -end.h / 2
                return [*points, (end.x, last[1]), (end.x, end.y + side)]
            points += [(x - turn, last[1]), (x - turn, y)]
    return [*points, (end.x - end.w / 2, end.y)]
