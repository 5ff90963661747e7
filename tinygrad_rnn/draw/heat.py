"""The heat map: the norm of every term dL_k/dh_k . dh_k/dh_t over (k, t), on a log scale.

Of one network, or of several side by side.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.draw.axis import step_ticks
from tinygrad_rnn.draw.cells import NO_TERM, Cells
from tinygrad_rnn.draw.measures import Preset
from tinygrad_rnn.draw.palette import (
    BELOW,
    CIVIDIS,
    COLUMN,
    GREY,
    INK,
    NOT_A_NUMBER,
    LogScale,
    blend,
)
from tinygrad_rnn.draw.scene import Box, Item, Scene, Text, extent, fitted, scaled
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.draw.symbols import definition, joint_name, part_names
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.guards.numbers import number

_SIDE, _SIDE_OF_MANY = 430.0, 340.0  # of a whole map, in points; of each of several
_STRIP = 56.0  # height of a map of one row
_BAR = 110.0  # the least height of the colour scale
_AWAY = 62.0  # from the left edge to a map, and from one map to the next
_BESIDE = 57.0  # from the last map to the right edge, for the colour scale without words
_LEFT = 26.0  # room for the numbers of a picture without words
_MOST = 150  # cells along a side; longer sequences are drawn in blocks
_DECADES = 8.0  # at most, on a scale of several maps


def heat_scene(
    flows: Mapping[str, GradientFlow],
    t: int | None,
    preset: str = "lecture",
    unit: str = "norm",
    note: str = "",
    names: Mapping[str, Sequence[str]] | None = None,
) -> Scene:
    """For each network a map with its title: columns t receive, rows k send.

    The direct diagonal is framed, column t marked.  All maps have one colour scale.  Where only the
    last step has a loss, a map is its row alone.  Of a long sequence each cell is a block of terms
    and shows the largest.
    """
    chosen = Preset.named(preset)
    words = chosen.words
    supports = {title: Support(flow) for title, flow in flows.items()}
    norms = [_terms(flow, supports[title]) for title, flow in flows.items()]
    lasts = [{len(flow)} if len(flow) > 1 else set() for flow in flows.values()]
    only_last = [{*support.senders} for support in supports.values()] == lasts
    scale = _common(norms)
    maps = _placed(supports, norms, only_last, chosen)
    symbol, meaning = _state(
        [(names or {}).get(title) or part_names(flow.states) for title, flow in flows.items()]
    )
    block = maps[0].block
    right, bottom = max(m.right for m in maps), max(m.bottom for m in maps)

    lengths = " and ".join(str(T) for T in dict.fromkeys(len(n) for n in norms))
    title = f"‖∂L_k/∂{symbol}_k · ∂{symbol}_k/∂{symbol}_t‖, T = {lengths}"
    sends = "only L_T sends" if only_last else "row k sends"
    about = f"norm of every term of (3.1): {sends}, column t receives"
    if block > 1:
        about += f"; each cell: the largest of {block} × {block} terms"
    about += "".join(f"; {words}" for words in (note, meaning) if words)
    items: list[Item] = (
        [Text(18, 22, title, 16, INK), Text(18, 46, about, 10, GREY)] if words else []
    )
    for m in maps:
        items += m.cells(scale)
        items += m.column(t) if t is not None and t <= len(m.norms) else []
        items += _labels(m, symbol, words, only_last, min(m.top for m in maps), m is maps[-1])
    beside, bar_bottom = (
        right + (34 if words else 14),
        max(bottom, maps[0].top + _BAR) if words else bottom,
    )
    fills = {item.fill for item in items if isinstance(item, Box)}
    items += _bar(scale, beside, maps[0].top, bar_bottom, 3 if words else 2)
    if not words:
        return Scene(chosen.width or right + 110, bottom + 31, title, tuple(items))
    items.append(Text(beside - 7, maps[0].top - 12, unit, 10, INK))
    foot = "orange frames: the direct terms"
    if COLUMN in fills:
        foot += "; pale: no loss at k, or no path from it to t"
    if NOT_A_NUMBER in fills:
        foot += "; pink: not a number"
    if t is not None:
        foot += f"; black frame: the terms of ∂L/∂{symbol} at t = {t}"
    end = max(bottom + 56, bar_bottom + 26)
    items.append(Text(18, end, foot, 9.5, GREY))
    words_end = max(extent(about, 10), extent(foot, 9.5)) + 36
    width = max(right + 110, beside + extent(unit, 10) + 11, words_end, 400)
    return scaled(Scene(width, end + 18, title, tuple(items)), chosen.scale)


def _terms(flow: GradientFlow, support: Support) -> Array:
    """(T, T): the norm of every term, NO_TERM where there is none."""
    times = range(1, len(flow) + 1)
    there = [[k >= t and support.reaches(k, t) for t in times] for k in times]
    return np.where(there, flow.norms(), NO_TERM)


def _state(names: Sequence[Sequence[str]]) -> tuple[str, str]:
    """What the states are called, and what that means: h, or s = (h, c)."""
    symbols, meanings = {joint_name(each) for each in names}, {definition(each) for each in names}
    if len(symbols) == 1:
        return symbols.pop(), meanings.pop() if len(meanings) == 1 else "s: the whole state"
    return "s", "s: the whole state"


def _placed(
    supports: Mapping[str, Support], norms: Sequence[Array], only_last: bool, preset: Preset
) -> list[Cells]:
    """Maps side by side, or, of one row each, one below another."""
    count, block = len(norms), math.ceil(max(map(len, norms)) / _MOST)
    cells = [math.ceil(len(n) / block) for n in norms]
    left, top = (_AWAY, 74.0) if preset.words else (_LEFT, 16.0)
    above = (24.0 if only_last else 30.0) if any(supports) else 0.0
    top -= 12.0 if only_last and preset.words else 0.0
    if preset.width is None:
        w = min((_SIDE if count == 1 or only_last else _SIDE_OF_MANY) / max(cells), 44.0)
    elif only_last:
        w = (preset.width - _LEFT - _BESIDE) / max(cells)
    else:
        w = (preset.width - _LEFT - _BESIDE - (count - 1) * left) / sum(cells)
    h = _STRIP * (1.0 if preset.words else 0.5) if only_last else w
    maps, x, y = [], left, top + above
    for (title, support), terms, n in zip(supports.items(), norms, cells, strict=True):
        low = 0.0 if only_last else h * (max(cells) - n)  # all stand on one line
        first = len(terms) if only_last else 1
        maps.append(Cells(title, terms, support.senders, block, first, x, y + low, w, h))
        x, y = (x, y + h + above + 10) if only_last else (x + n * w + left, y)
    return maps


def _labels(
    m: Cells, symbol: str, words: bool, only_last: bool, highest: float, last: bool
) -> list[Item]:
    """The title of a map, over the highest, and its axes; maps below one another share one."""
    T = len(m.norms)
    marks = step_ticks(T, 12 if words else max(1, min(12, int((m.right - m.left) / 16))))
    items: list[Item] = []
    short = (
        not words and m.title and not only_last
    )  # of two in one column there is no room for more
    k_axis, t_axis = (
        ("k", "t") if short else ("k (which loss sends it)", f"t (which {symbol} receives it)")
    )
    if m.title:
        size, above = (13, 14 if only_last else 34) if words else (10, 10 if only_last else 24)
        room = m.right - m.left + (_AWAY if words or only_last else _LEFT - 6)
        items.append(
            Text(
                m.left,
                (m.top if only_last else highest) - above,
                fitted(m.title, size, room),
                size,
                INK,
            )
        )
    if not only_last:
        beside = m.left - 7 if words else m.left - _LEFT + 3
        items.append(Text(beside, m.top - (12 if words else 11 if short else 8), k_axis, 10, INK))
        items += [Text(m.left - 7, m.center(n, n)[1], str(n), 9, INK, "end") for n in marks]
    if last or not only_last:
        items += [Text(m.center(T, n)[0], m.bottom + 13, str(n), 9, INK, "middle") for n in marks]
        low = m.bottom + (32 if words else 24)
        items.append(Text((m.left + m.right) / 2, low, t_axis, 10, INK, "middle"))
    return items


def _common(norms: Sequence[Array]) -> LogScale:
    """One scale for all maps, which holds the decades of each, up to _DECADES in all."""
    each = [LogScale(n[n > 0].tolist()) for n in norms if np.any(n > 0)]
    return LogScale([end for scale in each for end in (scale.bottom, scale.top)], _DECADES)


def _bar(scale: LogScale, x: float, top: float, bottom: float, digits: int) -> list[Item]:
    """The colour scale with its decades; below it is the colour of everything smaller."""
    steps = 64
    height = (bottom - top - 14) / steps
    items: list[Item] = [
        Box(
            x,
            bottom - 14 - (i + 0.5) * height,
            14,
            height + 1.2,
            fill=blend(CIVIDIS, (i + 0.5) / steps),
            width=0,
        )
        for i in range(steps)
    ]
    items.append(Box(x, bottom - 5, 14, 10, fill=BELOW, width=0))
    items.append(Text(x + 13, bottom - 5, "smaller", 8.5, GREY))
    first, last = (
        math.ceil(math.log10(scale.bottom) - 1e-9),
        math.floor(math.log10(scale.top) + 1e-9),
    )
    ends = {end: number(end, digits) for end in (scale.bottom, scale.top)}
    decades = {10.0**e: number(10.0**e) for e in range(first, last + 1)}
    placed: list[float] = []
    for norm, label in (ends | decades).items():
        y = bottom - 14 - scale.share(norm) * (bottom - 14 - top)
        if all(abs(y - other) > 11 for other in placed):
            placed.append(y)
            items.append(Text(x + 13, y, label, 9, INK))
    return items
