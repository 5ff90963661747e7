"""Curves over a common axis: learning curves, errors along a sequence, norms against distance."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from tinygrad_rnn.draw.axis import Axis
from tinygrad_rnn.draw.curve import Curve, checked
from tinygrad_rnn.draw.palette import CURVES, FADED, GREY, INK, readable
from tinygrad_rnn.draw.scene import Box, Item, Line, Point, Scene, Text, extent
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.guards.numbers import number

_LEFT, _TOP, _WIDTH, _HEIGHT = 70.0, 78.0, 470.0, 270.0  # of the plot, in points
_DOTS = 40  # a measured curve of more points has no marks
_MANY, _FINEST = 10_000, 0.125  # a line of more points is drawn with few in each strip so wide
_APART = 14.0  # of labels


def curves_scene(
    lines: Sequence[Curve],
    title: str,
    x_label: str,
    y_label: str,
    log: bool,
    y_range: tuple[float, float] | None,
    note: str,
) -> Scene:
    """All curves in one frame, the labels at the right."""
    curves = [checked(curve) for curve in lines]
    across, up = _axes(curves, log, y_range)
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    items: list[Item] = [
        Text(18, 22, title, 16, INK),
        Text(18, 44, note, 10, GREY),
        Text(_LEFT - 8, _TOP - 16, y_label, 10, INK),
        Text(_LEFT + _WIDTH / 2, bottom + 34, x_label, 10, INK, "middle"),
    ]
    items += _frame(across, up)
    ends: list[tuple[float, Curve, str]] = []
    for i, curve in enumerate(curves):
        color = curve.color or CURVES[i % len(CURVES)]
        points = [
            (_LEFT + across.share(x) * _WIDTH, bottom - up.share(y) * _HEIGHT)
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
        pieces = map(_thinned, _pieces(points))
        items += [Line(piece, color, 1.8, curve.dotted, tip=curve.label) for piece in pieces]
        every = not curve.dotted and (len(points) <= _DOTS or curve.names)
        items += _marks(curve, points, color, range(len(points)) if every else _alone(points))
        heights = [min(max(y, _TOP), bottom) for _, y in points if not math.isnan(y)]
        ends.append((heights[-1] if heights else bottom, curve, color))
    items += _legend(ends)
    widest = max(extent(curve.label, 10) for curve in curves)
    wide = max(extent(title, 16), extent(note, 10)) + 36
    lowest = max(item.y for item in items if isinstance(item, Text))
    return Scene(max(right + 50 + widest, wide), max(bottom + 52, lowest + 18), title, tuple(items))


def _frame(across: Axis, up: Axis) -> list[Item]:
    """The two axes with their ticks, and a thin line at each height that has a label."""
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    items: list[Item] = []
    for value, label in across.ticks():
        x = _LEFT + across.share(value) * _WIDTH
        items += [
            Text(x, bottom + 14, label, 9, INK, "middle"),
            Line(((x, bottom), (x, bottom + 4)), INK, 0.8),
        ]
    for value, label in up.ticks():
        y = bottom - up.share(value) * _HEIGHT
        items += [
            Text(_LEFT - 8, y, label, 9, INK, "end"),
            Line(((_LEFT, y), (right, y)), FADED, 0.5),
        ]
    return [*items, Line(((_LEFT, _TOP), (_LEFT, bottom), (right, bottom)), INK, 0.8)]


def _legend(ends: Sequence[tuple[float, Curve, str]]) -> list[Item]:
    """A sample of each curve and its label, beside the end of the curve where there is room."""
    items: list[Item] = []
    x = _LEFT + _WIDTH + 8
    for y, (_, curve, color) in zip(_spread([y for y, _, _ in ends]), ends, strict=True):
        items.append(Line(((x, y), (x + 18, y)), color, 1.8, curve.dotted))
        items.append(Text(x + 24, y, curve.label, 10, readable(color)))
    return items


def _axes(
    curves: Sequence[Curve], log: bool, y_range: tuple[float, float] | None
) -> tuple[Axis, Axis]:
    """Axes that hold every point that can be drawn.  Raises UsageError if there is none."""
    drawn = [
        (x, y)
        for curve in curves
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log)
    ]
    if not drawn:
        raise UsageError(
            "there is no point to draw: every curve is empty, not finite, or not positive on a "
            "log scale."
        )
    xs, ys = [x for x, _ in drawn], [y for _, y in drawn]
    low, high = min(ys), max(ys)
    if y_range is not None:
        low, high = _ends(y_range, log)
    elif log:
        low, high = low / 1.2, high * 1.2
    else:
        low = 0.0 if 0 < low < high / 2 else low
        high += 0.04 * (high - low)
    return Axis(min(xs), max(xs), False), Axis(low, high, log)


def _ends(y_range: Iterable[float], log: bool) -> tuple[float, float]:
    """The ends of the upward axis as they were given.  Raises RangeError."""
    try:
        low, high = map(float, y_range)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"y_range is {y_range!r}; it must be two numbers.") from error
    if not -math.inf < low <= high < math.inf or (log and low <= 0):
        raise RangeError(
            f"y_range is ({number(low, 6)}, {number(high, 6)}); it must be two finite numbers, "
            "the smaller one first, and positive on a log scale."
        )
    return low, high


def _pieces(points: Sequence[Point]) -> list[tuple[Point, ...]]:
    """The polyline within the frame, cut where it leaves it and where a point is missing."""
    pieces: list[list[Point]] = []
    for a, b in pairwise(points):
        cut = _cut(a, b)
        if cut is None:
            continue
        if pieces and pieces[-1][-1] == cut[0]:
            pieces[-1].append(cut[1])
        else:
            pieces.append(list(cut))
    return [tuple(piece) for piece in pieces]


def _cut(a: Point, b: Point) -> tuple[Point, Point] | None:
    """What of a segment lies between the top and the bottom of the frame."""
    bottom = _TOP + _HEIGHT
    if any(map(math.isnan, (*a, *b))) or max(a[1], b[1]) < _TOP or min(a[1], b[1]) > bottom:
        return None

    def inside(p: Point, q: Point) -> Point:
        y = min(max(p[1], _TOP), bottom)
        return p if y == p[1] else (p[0] + (q[0] - p[0]) * (y - p[1]) / (q[1] - p[1]), y)

    return inside(a, b), inside(b, a)


def _thinned(piece: tuple[Point, ...]) -> tuple[Point, ...]:
    """A long line without what no eye can see.

    The first point of each strip, the lowest, the highest and the last remain.
    """
    if len(piece) <= _MANY:
        return piece
    shown: list[Point] = []
    for _, strip in groupby(piece, key=lambda point: point[0] // _FINEST):
        points = list(strip)
        heights = [y for _, y in points]
        ends = {0, heights.index(min(heights)), heights.index(max(heights)), len(points) - 1}
        shown += [points[i] for i in sorted(ends)]
    return tuple(shown)


def _alone(points: Sequence[Point]) -> list[int]:
    """The points that no line shows: those between two gaps, and one of several at one spot."""
    found = []
    for missing, stretch in groupby(range(len(points)), key=lambda i: math.isnan(sum(points[i]))):
        first, *others = stretch
        if not missing and all(points[i] == points[first] for i in others):
            found.append(first)
    return found


def _marks(curve: Curve, points: Sequence[Point], color: str, which: Iterable[int]) -> list[Item]:
    """A dot at each of some points that shows its values, and its name."""
    items: list[Item] = []
    for i in which:
        x, y = points[i]
        if math.isnan(x) or not _TOP - 1e-6 <= y <= _TOP + _HEIGHT + 1e-6:
            continue
        tip = f"{curve.label}: {number(curve.x[i], 6)}, {number(curve.y[i], 6)}"
        items.append(Box(x, y, 5, 5, shape="ellipse", fill=color, width=0, tip=tip))
        if curve.names:
            beside = [points[j][1] for j in (i - 1, i + 1) if 0 <= j < len(points)]
            below = sum(beside) < y * len(beside)  # where the curve does not go
            items.append(Text(x, y + (13 if below else -9), curve.names[i], 10, INK, "middle"))
    return items


def _spread(ys: Sequence[float]) -> list[float]:
    """Heights for labels that want to stand at ys: in the same order, far enough apart.

    Too many stand one below the other, beyond the frame.
    """
    order = sorted(range(len(ys)), key=lambda i: ys[i])
    heights = list(ys)
    if len(ys) * _APART > _HEIGHT + _APART:
        return [_TOP + order.index(i) * _APART for i in range(len(ys))]
    for before, after in pairwise(order):
        heights[after] = max(heights[after], heights[before] + _APART)
    overhang = max(0.0, max(heights, default=0.0) - (_TOP + _HEIGHT))
    limit = math.inf
    for i in reversed(order):  # push back up what stands too low
        heights[i] = min(heights[i], limit, _TOP + _HEIGHT if overhang else math.inf)
        limit = heights[i] - _APART
    return heights
