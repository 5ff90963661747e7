"""Curves over a common axis: learning curves, errors along a sequence, norms against distance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tinygrad_rnn.draw.palette import CURVES, FADED, GREY, INK, number, readable
from tinygrad_rnn.draw.scene import Box, Item, Line, Point, Scene, Text, extent
from tinygrad_rnn.errors import ShapeError, UsageError

_LEFT, _TOP, _WIDTH, _HEIGHT = 70.0, 78.0, 470.0, 270.0  # of the plot, in points
_DOTS = 40  # a measured curve of more points has no marks
_APART = 14.0  # of labels


@dataclass(frozen=True)
class Curve:
    """One line of a plot.  x and y have one entry for each point; a y that cannot be drawn leaves a gap.

    dotted  for what is computed and not measured: a bound, a baseline
    color   as "#D55E00"; without one the curves take turns
    names   a text beside each point, or none
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dotted: bool = False
    color: str = ""
    names: Sequence[str] = ()


class Axis:
    """From values to places on paper: the ends of the axis, its ticks, and where a value lies between the ends."""

    def __init__(self, low: float, high: float, log: bool):
        self.log = log
        if low == high:
            low, high = (low / 2, high * 2) if log else (low - 1, high + 1)
        self.low, self.high = low, high

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end; nan for what has no place."""
        value = float(value)  # NumPy's scalars print their type
        if not math.isfinite(value) or (self.log and value <= 0):
            return math.nan
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values between the ends, with their labels: about six."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            step = max(1, math.ceil((last - first) / 7))
            if last > first:
                return [(10.0**e, f"1e{e}" if abs(e) > 3 else f"{10.0**e:g}") for e in range(first, last + 1, step)]
            return [(self.low, number(self.low)), (self.high, number(self.high))]
        wanted = (self.high - self.low) / 4 * (1 + 1e-9)
        size = 10.0 ** math.floor(math.log10(wanted))
        apart = max(s * size for s in (1, 2, 5) if s * size <= wanted)
        first, last = math.ceil(self.low / apart - 1e-9), math.floor(self.high / apart + 1e-9)
        return [(i * apart, f"{i * apart:.10g}") for i in range(first, last + 1)]


def curves_scene(
    curves: Sequence[Curve],
    title: str,
    x_label: str,
    y_label: str,
    log: bool,
    y_range: tuple[float, float] | None,
    note: str,
) -> Scene:
    """All curves in one frame, the labels at the right."""
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
        items += [Line(piece, color, 1.8, curve.dotted, tip=curve.label) for piece in _pieces(points)]
        if not curve.dotted and (len(curve.x) <= _DOTS or curve.names):
            items += _marks(curve, points, color)
        heights = [min(max(y, _TOP), bottom) for _, y in points if not math.isnan(y)]
        ends.append((heights[-1] if heights else bottom, curve, color))
    items += _legend(ends)
    widest = max(extent(curve.label, 10) for curve in curves)
    return Scene(max(right + 50 + widest, extent(title, 16) + 36), bottom + 52, title, tuple(items))


def _frame(across: Axis, up: Axis) -> list[Item]:
    """The two axes with their ticks, and a thin line at each height that has a label."""
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    items: list[Item] = []
    for value, label in across.ticks():
        x = _LEFT + across.share(value) * _WIDTH
        items += [Text(x, bottom + 14, label, 9, INK, "middle"), Line(((x, bottom), (x, bottom + 4)), INK, 0.8)]
    for value, label in up.ticks():
        y = bottom - up.share(value) * _HEIGHT
        items += [Text(_LEFT - 8, y, label, 9, INK, "end"), Line(((_LEFT, y), (right, y)), FADED, 0.5)]
    return [*items, Line(((_LEFT, _TOP), (_LEFT, bottom), (right, bottom)), INK, 0.8)]


def _legend(ends: Sequence[tuple[float, Curve, str]]) -> list[Item]:
    """A sample of each curve and its label, beside the height at which it ends where there is room."""
    items: list[Item] = []
    x = _LEFT + _WIDTH + 8
    for y, (_, curve, color) in zip(_spread([y for y, _, _ in ends]), ends, strict=True):
        items.append(Line(((x, y), (x + 18, y)), color, 1.8, curve.dotted))
        items.append(Text(x + 24, y, curve.label, 10, readable(color)))
    return items


def _axes(curves: Sequence[Curve], log: bool, y_range: tuple[float, float] | None) -> tuple[Axis, Axis]:
    """Axes that hold every point that can be drawn.  Raises UsageError if there is none."""
    for curve in curves:
        if len(curve.x) != len(curve.y) or len(curve.names) not in (0, len(curve.x)):
            raise ShapeError(
                f"the curve {curve.label!r} has {len(curve.x)} x, {len(curve.y)} y and {len(curve.names)} names; "
                "each point needs an x and a y, and names are for all or none."
            )
    drawn = [
        (float(x), float(y))
        for curve in curves
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log)
    ]
    if not drawn:
        raise UsageError("there is no point to draw: every curve is empty, not finite, or not positive on a log scale.")
    xs, ys = [x for x, _ in drawn], [y for _, y in drawn]
    low, high = y_range or (min(ys), max(ys))
    if y_range is None and log:
        low, high = low / 1.2, high * 1.2
    elif y_range is None:
        low = 0.0 if 0 < low < high / 2 else low
        high += 0.04 * (high - low)
    return Axis(min(xs), max(xs), False), Axis(low, high, log)


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


def _marks(curve: Curve, points: Sequence[Point], color: str) -> list[Item]:
    """A dot at each point that shows its values, and its name."""
    items: list[Item] = []
    for i, (x, y) in enumerate(points):
        if math.isnan(x) or not _TOP - 1e-6 <= y <= _TOP + _HEIGHT + 1e-6:
            continue
        tip = f"{curve.label}: {curve.x[i]:g}, {curve.y[i]:.6g}"
        items.append(Box(x, y, 5, 5, shape="ellipse", fill=color, width=0, tip=tip))
        if curve.names:
            beside = [points[j][1] for j in (i - 1, i + 1) if 0 <= j < len(points)]
            below = sum(beside) < y * len(beside)  # where the curve does not go
            items.append(Text(x, y + (13 if below else -9), curve.names[i], 10, INK, "middle"))
    return items


def _spread(ys: Sequence[float]) -> list[float]:
    """Places for labels that want to stand at ys: in the same order, far enough apart."""
    order = sorted(range(len(ys)), key=lambda i: ys[i])
    places = list(ys)
    for before, after in pairwise(order):
        places[after] = max(places[after], places[before] + _APART)
    overhang = max(0.0, max(places, default=0.0) - (_TOP + _HEIGHT))
    limit = math.inf
    for i in reversed(order):  # push back up what stands too low
        places[i] = min(places[i], limit, _TOP + _HEIGHT if overhang else math.inf)
        limit = places[i] - _APART
    return places
