"""Scene -> SVG, without any program outside Python."""

from tinygrad_rnn.draw.palette import FONT, PAPER
from tinygrad_rnn.draw.scene import (
    Box,
    Item,
    Line,
    Scene,
    Text,
    Triangle,
    clean,
    coordinate,
    corners,
    stacked,
)


def to_svg(scene: Scene, scale: float = 1.0) -> str:
    """The whole picture as one SVG document; text stays text, tips become tooltips."""
    size = (
        f'width="{coordinate(scene.width * scale)}pt" height="{coordinate(scene.height * scale)}pt"'
    )
    size += f' viewBox="0 0 {coordinate(scene.width)} {coordinate(scene.height)}"'
    body = "\n".join(_item(item) for item in stacked(scene.items))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}">\n'
        f"<title>{escape(clean(scene.title))}</title>\n"
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n{body}\n</svg>\n'
    )


def _item(item: Item) -> str:
    if isinstance(item, Box):
        return _tipped(item.tip, _shape(item) + (_text(_label(item)) if item.label else ""))
    if isinstance(item, Text):
        return _tipped(item.tip, _text(item))
    if isinstance(item, Triangle):
        return f'<polygon points="{_triangle(item)}" fill="{item.fill}"/>'
    return _tipped(item.tip, _line(item))


def _tipped(tip: str, drawn: str) -> str:
    return f"<g><title>{escape(clean(tip, 500))}</title>{drawn}</g>" if tip else drawn


def _shape(box: Box) -> str:
    style = f'fill="{box.fill}"'
    if box.width:
        style += f' stroke="{box.stroke}" stroke-width="{coordinate(box.width)}"'
        style += ' stroke-dasharray="4 3"' if box.dashed else ""
    if box.shape == "ellipse":
        at = _attributes(cx=box.x, cy=box.y, rx=box.w / 2, ry=box.h / 2)
        return f"<ellipse {at} {style}/>"
    rounding = f' rx="{coordinate(min(9.0, box.w / 4, box.h / 2))}"' if box.shape == "round" else ""
    at = _attributes(x=box.x - box.w / 2, y=box.y - box.h / 2, width=box.w, height=box.h)
    return f"<rect {at}{rounding} {style}/>"


def _attributes(**lengths: float) -> str:
    return " ".join(f'{name}="{coordinate(x)}"' for name, x in lengths.items())


def _label(box: Box) -> Text:
    return Text(box.x, box.y, box.label, box.size, box.color, "middle")


def _text(text: Text) -> str:
    at = _attributes(x=text.x, y=text.y + 0.35 * text.size)
    style = f'text-anchor="{text.anchor}" font-size="{coordinate(text.size)}" fill="{text.color}"'
    return f"<text {at} {style}>{escape(clean(text.label))}</text>"


def _triangle(head: Triangle) -> str:
    dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[head.toward]
    base_x, base_y = head.x + dx * head.length, head.y + dy * head.length
    side_x, side_y = dy * head.breadth / 2, dx * head.breadth / 2
    points = [
        (head.x, head.y),
        (base_x + side_x, base_y + side_y),
        (base_x - side_x, base_y - side_y),
    ]
    return " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)


def _line(line: Line) -> str:
    start = line.points[0]
    path = f"M{coordinate(start[0])} {coordinate(start[1])}"
    for _, a, b, end in corners(line):
        path += "C" + " ".join(map(coordinate, (*a, *b, *end)))
    style = ' stroke-dasharray="1 4" stroke-linecap="round"' if line.dotted else ""
    style += ' stroke-linejoin="round"' if line.sharp else ""
    pen = f'stroke="{line.color}" stroke-width="{coordinate(line.width)}"{style}'
    return f'<path d="{path}" fill="none" {pen}/>'


def escape(text: str) -> str:
    """Text as XML content; & first."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
