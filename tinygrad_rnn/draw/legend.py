"""Under the map: the table of (3.1), and how to read the picture."""

from typing import Any

import numpy as np

from tinygrad_rnn.draw.palette import (
    DIRECT,
    FORWARD,
    GREY,
    INDIRECT,
    INK,
    WEIGHTS,
    LogScale,
    blend,
    number,
    percent,
    readable,
)
from tinygrad_rnn.draw.scene import Box, Item, Line, Text, extent
from tinygrad_rnn.draw.symbols import term_symbol, time, total_symbol
from tinygrad_rnn.flow import GradientFlow, Row
from tinygrad_rnn.unroll import Unrolled

_ROW = 18.5
_MOST = 7


def table(
    run: Unrolled, flow: GradientFlow, t: int, colors: dict[int, str], x: float, y: float, scale: LogScale
) -> tuple[list[Item], float, float]:
    """Norm and share of every term at t; returns (items, width, height)."""
    rows = flow.table(t, most=_MOST)
    wide = max([extent(term_symbol(run, k, t), 10) for row in rows for k in row.ks[:1]] + [90.0])
    at = {"name": x + 28, "symbol": x + 100, "norm": x + 100 + wide + 62, "share": x + 100 + wide + 126}
    bar = at["share"] + 10
    items: list[Item] = [
        Text(x, y, f"eq. (3.1) at t = {time(run, t)}", 12.5, INK),
        Text(at["norm"], y, "norm", 10, GREY, "end"),
        Text(at["share"], y, "share ¹", 10, GREY, "end"),
    ]
    longest = max([abs(row.share) for row in rows if row.share == row.share] + [1.0])
    for i, row in enumerate(rows, 1):
        line = y + i * _ROW
        color = DIRECT if row.ks == (t,) else colors.get(row.ks[0], "#7F9CC0")
        color = color if len(row.ks) == 1 else "#7F9CC0"
        items += [
            Line(((x, line), (x + 21, line)), color, max(1.2, scale.width(row.norm)), not scale.visible(row.norm)),
            Text(at["name"], line, _name(run, row, t), 10, readable(color)),
            Text(at["symbol"], line, _what(run, row, t), 10, INK),
            Text(at["norm"], line, number(row.norm), 10, INK, "end"),
            Text(at["share"], line, percent(row.share), 10, INK, "end"),
        ]  # fmt: skip
        if row.share == row.share:
            length = max(1.0, 70 * abs(row.share) / longest)
            negative = row.share < 0
            items.append(Box(bar + length / 2, line, length, 9, fill="#FFFFFF" if negative else color, stroke=color,
                             width=1.0 if negative else 0.0))  # fmt: skip
    line = y + (len(rows) + 1) * _ROW
    items += [
        Line(((x, line - 10), (at["share"], line - 10)), FORWARD, 1.2),
        Text(at["name"], line, "sum", 10, INK),
        Text(at["symbol"], line, total_symbol(run, t), 10, INK),
        Text(at["norm"], line, number(flow.total_norm(t)), 10, INK, "end"),
        Text(at["share"], line, "100 %", 10, INK, "end"),
    ]
    return items, bar + 74 - x, (len(rows) + 1) * _ROW + 8


def _name(run: Unrolled, row: Row, t: int) -> str:
    if row.ks == (t,):
        return "direct"
    return f"k = {time(run, row.ks[0])}" if len(row.ks) == 1 else f"{len(row.ks)} others"


def _what(run: Unrolled, row: Row, t: int) -> str:
    return term_symbol(run, row.ks[0], t) if len(row.ks) == 1 else "smaller terms, summed"


def legend(picture: Any, x: float, y: float) -> tuple[list[Item], float, float]:
    """How to read the map; returns (items, width, height)."""
    size, scale = picture.size, picture.scale
    span = f"width: log of the norm, {number(scale.top)} down to {number(scale.bottom)}"
    span += "; dotted: smaller" if len(picture.columns) <= 12 else "; a line that ends: smaller"
    lines: list[tuple[str, str]] = [
        ("forward", "forward pass"),
        ("direct", "gradient, direct: its own loss, L → y → h"),
        ("indirect", "gradient, indirect: a later loss; dark = near, light = far"),
        ("width", span),
    ]
    if size.chip and any(picture.roles.values()):
        lines.append(("weights", "same colour = the same tensor, shared by every t"))
    if size.chip:
        law = "diag(1−h²)·W_hhᵀ" if getattr(picture.run.cell, "f", None) is np.tanh else ""
        mark = "‖J‖" if size.numbers else "0.82"
        before = "t+1" if picture.run.backward else "t−1"
        lines.append((mark, f"J = ∂h(t)/∂h({before}){' = ' + law if law else ''}; ‖J‖: largest singular value"))
    if any(len(s.ks) > 1 for s in picture.strands):
        lines.append(("square", "the terms of the steps left out, summed"))
    lines.append(("", "¹ projection on the sum: shares add up to 100 %, norms do not"))
    items: list[Item] = [Text(x, y, "how to read it", 12.5, INK)]
    for i, (mark, label) in enumerate(lines, 1):
        line = y + i * _ROW
        items += _mark(mark, x, line)
        items.append(Text(x + 50, line, label, 10, INK))
    return items, 50 + max(extent(label, 10) for _, label in lines), len(lines) * _ROW + 8


def _mark(mark: str, x: float, y: float) -> list[Item]:
    if mark == "forward":
        return [Line(((x, y), (x + 38, y)), FORWARD, 1.2)]
    if mark == "direct":
        return [Line(((x, y), (x + 38, y)), DIRECT, 6)]
    if mark == "indirect":
        return [Line(((x + 5.4 * i, y), (x + 5.4 * (i + 1), y)), c, 6) for i, c in enumerate(INDIRECT)]
    if mark == "width":
        return [Line(((x + 12.7 * i, y), (x + 12.7 * (i + 1), y)), GREY, w) for i, w in enumerate((6.5, 3.5, 1.0))]
    if mark == "weights":
        return [Box(x + 6 + 13 * i, y, 10, 10, fill=WEIGHTS[r][0], stroke=WEIGHTS[r][1])
                for i, r in enumerate(("input", "recurrent", "readout"))]  # fmt: skip
    if mark == "square":
        return [Box(x + 19, y, 5, 5, fill=blend(INDIRECT, 0.5), width=0)]
    return [Text(x + 19, y, mark, 9, GREY, "middle")] if mark else []
