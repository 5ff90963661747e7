"""Scene -> SVG, without any program outside Python."""

from tinygrad_rnn.draw.palette import FONT
from tinygrad_rnn.draw.scene import Box, Item, Line, Scene, Text, Triangle, clean, corners, stacked


def to_svg(scene: Scene, scale: float = 1.0) -> str:
    """The whole picture as one SVG document; text stays text, tips become tooltips."""
    size = f'width="{_n(scene.width * scale)}pt" height="{_n(scene.height * scale)}pt"'
    size += f' viewBox="0 0 {_n(scene.width)} {_n(scene.height)}"'
    body = "\n".join(_item(item) for item in stacked(scene.items))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}">\n'
        f"<title>{escape(clean(scene.title))}</title>\n"
        f'<rect width="100%" height="100%" fill="#FFFFFF"/>\n{body}\n</svg>\n'
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
        style += f' stroke="{box.stroke}" stroke-width="{_n(box.width)}"'
        style += ' stroke-dasharray="4 3"' if box.dashed else ""
    if box.shape == "ellipse":
        return f'<ellipse cx="{_n(box.x)}" cy="{_n(box.y)}" rx="{_n(box.w / 2)}" ry="{_n(box.h / 2)}" {style}/>'
    rounding = f' rx="{_n(min(9.0, box.w / 4, box.h / 2))}"' if box.shape == "round" else ""
    corner = f'x="{_n(box.x - box.w / 2)}" y="{_n(box.y - box.h / 2)}"'
    return f'<rect {corner} width="{_n(box.w)}" height="{_n(box.h)}"{rounding} {style}/>'


def _label(box: Box) -> Text:
    return Text(box.x, box.y, box.label, box.size, box.color, "middle")


def _text(text: Text) -> str:
    where = f'x="{_n(text.x)}" y="{_n(text.y + 0.35 * text.size)}" text-anchor="{text.anchor}"'
    return f'<text {where} font-size="{_n(text.size)}" fill="{text.color}">{escape(clean(text.label))}</text>'


def _triangle(head: Triangle) -> str:
    dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[head.toward]
    base_x, base_y = head.x + dx * head.length, head.y + dy * head.length
    side_x, side_y = dy * head.breadth / 2, dx * head.breadth / 2
    points = [
        (head.x, head.y),
        (base_x + side_x, base_y + side_y),
        (base_x - side_x, base_y - side_y),
    ]
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _line(line: Line) -> str:
    start = line.points[0]
    path = f"M{_n(start[0])} {_n(start[1])}"
    for _, a, b, end in corners(line):
        path += f"C{_n(a[0])} {_n(a[1])} {_n(b[0])} {_n(b[1])} {_n(end[0])} {_n(end[1])}"
    style = ' stroke-dasharray="1 4" stroke-linecap="round"' if line.dotted else ""
    style += ' stroke-linejoin="round"' if line.sharp else ""
    pen = f'stroke="{line.color}" stroke-width="{_n(line.width)}"{style}'
    return f'<path d="{path}" fill="none" {pen}/>'


def escape(text: str) -> str:
    """Text as XML content; & first."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
