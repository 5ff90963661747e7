"""Scene -> TikZ: in a paper the picture has the paper's fonts, and its symbols are mathematics.

`\\input` the file in a document that loads the package tikz; nothing else is needed.
"""

import re

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

_AT_ONCE = 100  # pieces of a path on one line: TeX reads no line of 200,000 characters
_SPECIAL = {c: rf"\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
    "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
}  # fmt: skip
_MATHS = {
    "∂": r"\partial ", "·": r"\cdot ", "Σ": r"\Sigma ", "σ": r"\sigma ", "‖": r"\| ",
    "×": r"\times ", "÷": r"\div ", "−": "-", "√": r"\surd ", "⋯": r"\cdots ", "²": "^2",
    "¹": "^1", "ᵀ": r"^\top ", "→": r"\to ", "…": r"\ldots ", "↑": r"\uparrow ", "⁺": "^+",
}  # fmt: skip
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₋"
_SYMBOL = re.compile(
    r"(?<![A-Za-z_])([A-Za-z])_([A-Za-z]+\d*)(?![A-Za-z_])"
    rf"|([A-Za-z]\d?)([{_SUBSCRIPTS}]+)|([{''.join(_MATHS)}])"
)


def to_tikz(scene: Scene) -> str:
    """A tikzpicture; points of the scene are TeX's bp."""
    items = stacked(scene.items)
    colors = sorted({c for item in items for c in _colors(item)})
    lines = [
        f"% {clean(scene.title)}",
        r"\begin{tikzpicture}[x=1bp, y=-1bp, line cap=butt, inner sep=0pt]",
    ]
    lines += [rf"\definecolor{{c{c}}}{{HTML}}{{{c}}}" for c in colors]
    lines += [rf"\useasboundingbox (0, 0) rectangle {_point((scene.width, scene.height))};"]
    lines += [_item(item) for item in items]
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def latex(label: str) -> str:
    r"""A label as LaTeX: h₁₂ as $h_{12}$, W_hh as $W_{hh}$, ∂ as $\partial$; all else is text."""
    label, written, end = clean(label), "", 0
    for match in _SYMBOL.finditer(label):
        written += _text(label[end : match.start()])
        base, index, base2, low, sign = match.groups()
        digits = "".join("0123456789-"[_SUBSCRIPTS.index(c)] for c in low or "")
        written += (
            f"${_MATHS[sign].strip()}$" if sign else f"${base or base2}_{{{index or digits}}}$"
        )
        end = match.end()
    return written + _text(label[end:])


def _text(text: str) -> str:
    """TeX's special characters as they look; what its fonts may lack as a question mark."""
    return "".join(_SPECIAL.get(c, c if " " <= c <= "~" else "?") for c in text)


def _item(item: Item) -> str:
    if isinstance(item, Line):
        return _line(item)
    if isinstance(item, Triangle):
        dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[item.toward]
        x, y, half = item.x + dx * item.length, item.y + dy * item.length, item.breadth / 2
        sides = [(x + dy * half, y + dx * half), (x - dy * half, y - dx * half)]
        around = " -- ".join(map(_point, [(item.x, item.y), *sides]))
        return rf"\fill[c{item.fill[1:]}] {around} -- cycle;"
    if isinstance(item, Text):
        anchor = {"start": "mid west", "middle": "mid", "end": "mid east"}[item.anchor]
        return _node(item.label, item.x, item.y, item.size, item.color, anchor)
    return _box(item)


def _box(box: Box) -> str:
    style = [f"fill=c{box.fill[1:]}"]
    if box.width:
        style += [
            f"draw=c{box.stroke[1:]}",
            f"line width={coordinate(box.width)}bp",
            *(["dashed"] if box.dashed else []),
        ]
    if box.shape == "round":
        style.append(f"rounded corners={coordinate(min(9.0, box.w / 4, box.h / 2))}bp")
    if box.shape == "ellipse":
        radii = f"x radius={coordinate(box.w / 2)}, y radius={coordinate(box.h / 2)}"
        shape = f"{_point((box.x, box.y))} ellipse [{radii}]"
    else:
        start, end = (box.x - box.w / 2, box.y - box.h / 2), (box.x + box.w / 2, box.y + box.h / 2)
        shape = f"{_point(start)} rectangle {_point(end)}"
    drawn = rf"\path[{', '.join(style)}] {shape};"
    return (
        f"{drawn}\n{_node(box.label, box.x, box.y, box.size, box.color, 'mid')}"
        if box.label
        else drawn
    )


def _line(line: Line) -> str:
    path = _point(line.points[0])
    for i, (_, a, b, end) in enumerate(corners(line), 1):
        path += f" .. controls {_point(a)} and {_point(b)} .. {_point(end)}"
        path += "" if i % _AT_ONCE else "\n"
    style = ", dotted" if line.dotted else ""
    style += ", line join=round" if line.sharp else ""
    return rf"\draw[c{line.color[1:]}, line width={coordinate(line.width)}bp{style}] {path};"


def _node(label: str, x: float, y: float, size: float, color: str, anchor: str) -> str:
    font = rf"\fontsize{{{coordinate(size)}}}{{{coordinate(1.2 * size)}}}\selectfont"
    style = f"anchor={anchor}, font={font}, text=c{color[1:]}"
    return rf"\node[{style}] at {_point((x, y))} {{{latex(label)}}};"


def _colors(item: Item) -> list[str]:
    if isinstance(item, Box):
        return [c[1:] for c in (item.fill, item.stroke, item.color)]
    return [(item.fill if isinstance(item, Triangle) else item.color)[1:]]


def _point(point: tuple[float, float]) -> str:
    return f"({coordinate(point[0])}, {coordinate(point[1])})"
