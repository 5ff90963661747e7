"""Under the map: the table of (3.1), and how to read the picture."""

import math

import numpy as np

from tinygrad_rnn.draw.measures import CHIPPED
from tinygrad_rnn.draw.network import Network
from tinygrad_rnn.draw.palette import (
    COLUMN,
    DIRECT,
    FADED,
    FORWARD,
    GREY,
    INDIRECT,
    INK,
    OTHERS,
    PAPER,
    WEIGHTS,
    blend,
    readable,
)
from tinygrad_rnn.draw.scene import Box, Item, Line, Text, extent
from tinygrad_rnn.draw.symbols import (
    definition,
    joint_name,
    joint_symbol,
    term_symbol,
    time,
    total_symbol,
)
from tinygrad_rnn.flow.terms import Row
from tinygrad_rnn.guards.numbers import number, percent, typeset
from tinygrad_rnn.nn import RNNCell
from tinygrad_rnn.nn.unroll import Unrolled

_ROW = 18.5
_MOST = 7


def table(picture: Network, x: float, y: float) -> tuple[list[Item], float, float]:
    """Norm and share of every term at t; returns (items, width, height)."""
    run, t, scale = picture.run, picture.t, picture.scale
    rows = picture.flow.table(t, most=_MOST)
    colors = {s.ks[0]: s.color for s in picture.strands if not s.summed}
    symbols = [_what(picture, row) for row in rows]
    wide = max([extent(symbol, 10) for symbol in symbols] + [90.0])
    at = {
        "name": x + 28,
        "symbol": x + 100,
        "norm": x + 100 + wide + 62,
        "share": x + 100 + wide + 126,
    }
    bar = at["share"] + 10
    items: list[Item] = [
        Text(x, y, f"eq. (3.1) at t = {time(run, t)}{_where(picture)}", 12.5, INK),
        Text(at["norm"], y, "norm", 10, GREY, "end"),
        Text(at["share"], y, "share ¹", 10, GREY, "end"),
    ]
    longest = max([abs(row.share) for row in rows if row.share == row.share] + [1.0])
    for i, (row, symbol) in enumerate(zip(rows, symbols, strict=True), 1):
        line = y + i * _ROW
        there = any(k in picture.support.senders for k in row.ks)
        color = colors.get(row.ks[0], OTHERS) if len(row.ks) == 1 else OTHERS
        color = color if there else GREY
        items += [
            Text(at["name"], line, _name(run, row, t), 10, readable(color)),
            Text(at["symbol"], line, symbol, 10, INK),
        ]
        if not there:
            continue
        width, dotted = max(1.2, scale.width(row.norm)), not scale.visible(row.norm)
        if any(picture.support.reaches(k, t) for k in row.ks):
            items.append(Line(((x, line), (x + 21, line)), color, width, dotted))
        items += [
            Text(at["norm"], line, number(row.norm), 10, INK, "end"),
            Text(at["share"], line, typeset(percent(row.share)), 10, INK, "end"),
        ]
        if row.share == row.share:
            length = max(1.0, 70 * abs(row.share) / longest)
            negative = row.share < 0
            fill, border = (PAPER, 1.0) if negative else (color, 0.0)
            middle = bar + length / 2
            items.append(Box(middle, line, length, 9, fill=fill, stroke=color, width=border))
    line = y + (len(rows) + 1) * _ROW
    whole = typeset(percent(math.nan)) if math.isnan(rows[0].share) else "100 %"  # 0 has no shares
    items += [
        Line(((x, line - 10), (at["share"], line - 10)), FORWARD, 1.2),
        Text(at["name"], line, "sum", 10, INK),
        Text(at["symbol"], line, total_symbol(run, t), 10, INK),
        Text(at["norm"], line, number(picture.flow.total_norm(t)), 10, INK, "end"),
        Text(at["share"], line, whole, 10, INK, "end"),
    ]
    return items, bar + 74 - x, (len(rows) + 1) * _ROW + 8


def _name(run: Unrolled, row: Row, t: int) -> str:
    if row.ks == (t,):
        return "direct"
    return f"k = {time(run, row.ks[0])}" if len(row.ks) == 1 else f"{len(row.ks)} others"


def _what(picture: Network, row: Row) -> str:
    if len(row.ks) > 1:
        return "smaller terms, summed"
    k, support = row.ks[0], picture.support
    if k not in support.senders:
        return support.why_not(k)
    return term_symbol(picture.run, k, picture.t, own=support.senders[k] == {k})


def legend(picture: Network, x: float, y: float) -> tuple[list[Item], float, float]:
    """How to read the map; returns (items, width, height)."""
    size, scale, run = picture.size, picture.scale, picture.run
    shown = [t for t in picture.columns if t > 0]
    silent = set(shown) - picture.support.losses
    state = joint_name(picture.names)
    lines = [("forward", "forward pass")]
    if any(s.color == DIRECT for s in picture.strands):
        way = f"its own loss, L → {'y → ' if run.outputs else ''}{picture.names[0]}"
        if picture.support.senders[picture.t] != {picture.t}:
            way = f"past all later states, ∂⁺L/∂{state}"
        lines.append(("direct", f"gradient, direct: {way}"))
    if any(s.color != DIRECT for s in picture.strands):
        later = "an earlier" if run.backward else "a later"
        lines.append(("indirect", f"gradient, indirect: {later} loss; dark = near, light = far"))
    if picture.strands:
        span = f"width: log of the norm, {number(scale.top)} down to {number(scale.bottom)}"
        small = (
            "dotted: smaller" if len(picture.columns) <= CHIPPED else "a line that ends: smaller"
        )
        lines.append(("width", f"{span}; {small}"))
    if silent or any(picture.part_faded(t, i) for t in shown for i in range(len(picture.names))):
        goal = joint_symbol(run, picture.t)
        lines.append(("grey", f"grey: no gradient to {goal} passes here"))
    if silent:
        lines.append(("", "without L: the step has no loss"))
    if size.chip and picture.strands and picture.roles:
        lines.append(("weights", "same colour and name = the same tensor, shared by every t"))
    if picture.gains:
        before = "t+1" if run.backward else "t−1"
        jacobian = f"J = ∂{state}(t)/∂{state}({before}){_law(picture)}{_where(picture)}"
        mark = "‖J‖" if size.numbers else "0.82"
        lines.append((mark, f"{jacobian}; ‖J‖: largest singular value"))
    if any(s.summed for s in picture.strands):
        lines.append(("square", "the terms of the steps left out, summed"))
    if picture.strands:
        lines.append(("", "¹ projection on the sum: shares add up to 100 %, norms do not"))
    items: list[Item] = [Text(x, y, "how to read it", 12.5, INK)]
    for i, (mark, label) in enumerate(lines, 1):
        line = y + i * _ROW
        items += _mark(mark, x, line)
        items.append(Text(x + 50, line, label, 10, INK))
    return items, 50 + max(extent(label, 10) for _, label in lines), len(lines) * _ROW + 8


def _where(picture: Network) -> str:
    """What s is, if the state has several parts."""
    return f", {definition(picture.names)}" if len(picture.names) > 1 else ""


def _law(picture: Network) -> str:
    """The Jacobian of (1.1), where that is the equation of the cell."""
    cell, weights = picture.run.cell, picture.roles.get("recurrent")
    elman = isinstance(cell, RNNCell) and type(cell).step is RNNCell.step and cell.f is np.tanh
    return f" = diag(1−{picture.names[0]}²)·{weights[0]}ᵀ" if elman and weights else ""


def _mark(mark: str, x: float, y: float) -> list[Item]:
    if mark == "forward":
        return [Line(((x, y), (x + 38, y)), FORWARD, 1.2)]
    if mark == "direct":
        return [Line(((x, y), (x + 38, y)), DIRECT, 6)]
    if mark == "indirect":
        return [
            Line(((x + 5.4 * i, y), (x + 5.4 * (i + 1), y)), c, 6) for i, c in enumerate(INDIRECT)
        ]
    if mark == "width":
        return [
            Line(((x + 12.7 * i, y), (x + 12.7 * (i + 1), y)), GREY, w)
            for i, w in enumerate((6.5, 3.5, 1.0))
        ]
    if mark == "weights":
        return [Box(x + 6 + 13 * i, y, 10, 10, fill=WEIGHTS[r][0], stroke=WEIGHTS[r][1])
                for i, r in enumerate(("input", "recurrent", "readout"))]  # fmt: skip
    if mark == "grey":
        return [Box(x + 19, y, 36, 11, shape="round", fill=COLUMN, stroke=FADED)]
    if mark == "square":
        return [Box(x + 19, y, 5, 5, fill=blend(INDIRECT, 0.5), width=0)]
    return [Text(x + 19, y, mark, 9, GREY, "middle")] if mark else []
