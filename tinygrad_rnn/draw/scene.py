"""A picture as data: a frozen list of boxes, texts, triangles and lines with positions.

Coordinates are points (1/72 inch), x to the right, y downwards.  Layouts make scenes; writers draw
them.  Lines are drawn last, over everything else, each in the order given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from tinygrad_rnn.draw.palette import INK, PAPER

Point: TypeAlias = tuple[float, float]
Shape = Literal["rect", "round", "ellipse"]
Direction = Literal["left", "right", "up", "down"]


@dataclass(frozen=True)
class Box:
    """A shape around (x, y) with a centred label; `key` lets lines name it as an end."""

    x: float
    y: float
    w: float
    h: float
    label: str = ""
    shape: Shape = "rect"
    fill: str = PAPER
    stroke: str = INK
    width: float = 1.0
    dashed: bool = False
    size: float = 11.0
    color: str = INK
    tip: str = ""
    key: str = ""


@dataclass(frozen=True)
class Text:
    """Text whose middle line is at y; x is its start, middle or end."""

    x: float
    y: float
    label: str
    size: float = 10.0
    color: str = INK
    anchor: Literal["start", "middle", "end"] = "start"
    tip: str = ""


@dataclass(frozen=True)
class Triangle:
    """An arrow head: its tip at (x, y), pointing in one of four directions."""

    x: float
    y: float
    toward: Direction
    length: float
    breadth: float
    fill: str


@dataclass(frozen=True)
class Line:
    """A polyline with rounded corners; `ends` are the keys of the boxes it joins."""

    points: tuple[Point, ...]
    color: str
    width: float = 1.0
    dotted: bool = False
    radius: float = 0.0
    tip: str = ""
    ends: tuple[str, str] = ("", "")

    @property
    def sharp(self) -> bool:
        """Whether it has corners, which a pen must not lengthen to spikes."""
        return len(self.points) > 2 and not self.radius


Item = Box | Text | Triangle | Line


@dataclass(frozen=True)
class Scene:
    """Everything a writer needs."""

    width: float
    height: float
    title: str
    items: tuple[Item, ...]


def corners(line: Line) -> list[tuple[Point, Point, Point, Point]]:
    """The line as cubic Bezier pieces (start, control, control, end), straight or round corners."""
    pieces = []
    start = line.points[0]
    for before, corner, after in zip(line.points, line.points[1:], line.points[2:], strict=False):
        into, out = _shortened(corner, before, line.radius), _shortened(corner, after, line.radius)
        pieces.append(_straight(start, into))
        if into != out:
            pieces.append((into, _between(into, corner, 0.55), _between(out, corner, 0.55), out))
        start = out
    pieces.append(_straight(start, line.points[-1]))
    return pieces


def _straight(a: Point, b: Point) -> tuple[Point, Point, Point, Point]:
    return a, _between(a, b, 1 / 3), _between(a, b, 2 / 3), b


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _shortened(corner: Point, toward: Point, radius: float) -> Point:
    """The point at `radius` from the corner, at most half way along."""
    length = ((toward[0] - corner[0]) ** 2 + (toward[1] - corner[1]) ** 2) ** 0.5
    return _between(corner, toward, min(radius / length, 0.5)) if length else corner


def coordinate(x: float) -> str:
    """A length in points as the writers write it: to a hundredth."""
    return f"{x:.2f}".rstrip("0").rstrip(".")


def clean(text: str, most: int = 200) -> str:
    """Text that every format can carry: no control characters or lone surrogates, not too long."""
    shown = "".join(c if c.isprintable() or c == " " else "\ufffd" for c in text.replace("\n", " "))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def extent(label: str, size: float) -> float:
    """About how wide a label is when it is drawn, in points."""
    label = clean(label)
    narrow = sum(c in "₀₁₂₃₄₅₆₇₈₉ilj.,;:|'!()[]" for c in label)
    return size * (0.58 * (len(label) - narrow) + 0.36 * narrow)


def fitted(label: str, size: float, width: float) -> str:
    """The label cut with an ellipsis so that it fits."""
    label = clean(label)
    if extent(label, size) <= width:
        return label
    while label and extent(label + "…", size) > width:
        label = label[:-1]
    return label + "…"


def subscript(n: int) -> str:
    """12 as ₁₂."""
    return str(n).translate(str.maketrans("0123456789-", "₀₁₂₃₄₅₆₇₈₉₋"))


def scaled(scene: Scene, factor: float) -> Scene:
    """The same picture in another size, type and lines as well."""
    if factor == 1.0:
        return scene

    def grown(item: Item) -> Item:
        names = {"x", "y", "w", "h", "width", "size", "length", "breadth", "radius"} & {
            f.name for f in fields(item)
        }
        changes: dict[str, Any] = {name: getattr(item, name) * factor for name in names}
        if isinstance(item, Line):
            changes["points"] = tuple((x * factor, y * factor) for x, y in item.points)
        return replace(item, **changes)

    return Scene(
        scene.width * factor, scene.height * factor, scene.title, tuple(map(grown, scene.items))
    )


def mirrored(items: Sequence[Item], around: float) -> list[Item]:
    """Left and right exchanged around a vertical line; text still reads from left to right."""
    swap = {"left": "right", "right": "left", "start": "end", "end": "start"}

    def turned(item: Item) -> Item:
        if isinstance(item, Line):
            return replace(item, points=tuple((2 * around - x, y) for x, y in item.points))
        changes: dict[str, Any] = {"x": 2 * around - item.x}
        for name in ("toward", "anchor"):
            if (old := getattr(item, name, None)) in swap:
                changes[name] = swap[old]
        return replace(item, **changes)

    return [turned(item) for item in items]


def below(upper: Scene, lower: Scene) -> Scene:
    """Two pictures as one, the second below the first; keys of its boxes get a prime."""

    def moved(item: Item) -> Item:
        if isinstance(item, Line):
            ends = (item.ends[0] and item.ends[0] + "'", item.ends[1] and item.ends[1] + "'")
            return replace(
                item, points=tuple((x, y + upper.height) for x, y in item.points), ends=ends
            )
        if isinstance(item, Box) and item.key:
            item = replace(item, key=item.key + "'")
        return replace(item, y=item.y + upper.height)

    items = (*upper.items, *map(moved, lower.items))
    return Scene(max(upper.width, lower.width), upper.height + lower.height, upper.title, items)


def stacked(items: Sequence[Item]) -> tuple[Item, ...]:
    """Items in drawing order: lines last."""
    return (
        *(i for i in items if not isinstance(i, Line)),
        *(i for i in items if isinstance(i, Line)),
    )
