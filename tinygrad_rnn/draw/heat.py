"""The heat map: the norm of every term dL_k/dh_k . dh_k/dh_t over (k, t), on a log scale."""

import math
from typing import Any

import numpy as np

from tinygrad_rnn.draw.measures import Preset
from tinygrad_rnn.draw.palette import BELOW, CIVIDIS, DIRECT, GREY, INK, LogScale, blend, number
from tinygrad_rnn.draw.scene import Box, Item, Line, Scene, Text, scaled
from tinygrad_rnn.flow import GradientFlow

Array = Any

_SIDE = 430.0  # of the whole map, in points
_LEFT = 26.0  # room for the numbers of a picture without words
_MOST = 150  # cells along a side; longer sequences are drawn in blocks


def heat_scene(flow: GradientFlow, t: int | None, symbol: str, preset: str = "lecture") -> Scene:
    """Columns t receive, rows k send; the direct diagonal framed, column t marked.

    Of a long sequence each cell is a block of terms and shows the largest.
    """
    T = len(flow)
    norms = flow.norms()
    scale = LogScale([float(n) for n in norms[np.tril_indices(T)]])
    block = math.ceil(T / _MOST)
    shown = _largest(norms, block)
    cells = len(shown)
    chosen = Preset.named(preset)
    side = min(_SIDE / cells, 44.0) if chosen.width is None else (chosen.width - _LEFT - 54) / cells
    left, top, above, below, beside = (62.0, 74.0, 12, 32, 34) if chosen.words else (_LEFT, 16.0, 8, 24, 14)
    bottom = top + side * cells
    title = f"‖∂L_k/∂{symbol}_k · ∂{symbol}_k/∂{symbol}_t‖, T = {T}"
    note = "norm of every term of (3.1): row k sends, column t receives"
    if block > 1:
        note += f"; each cell: the largest of {block} × {block} terms"
    items: list[Item] = [Text(18, 22, title, 16, INK), Text(18, 46, note, 10, GREY)] if chosen.words else []

    def center(k: int, j: int) -> tuple[float, float]:
        """The middle of the cell of the term (k, j)."""
        return left + ((j - 1) // block + 0.5) * side, bottom - ((k - 1) // block + 0.5) * side

    for k in range(1, T + 1, block):
        for j in range(1, k + 1, block):
            norm = float(shown[(k - 1) // block, (j - 1) // block])
            fill = blend(CIVIDIS, scale.share(norm)) if scale.visible(norm) else BELOW
            tip = f"k = {_span(k, block, T)}, t = {_span(j, block, T)}: norm {'up to ' if block > 1 else ''}{norm:.6g}"
            tip += " (direct)" if k == j else ""
            # a little overlap hides the hairlines that viewers leave between neighbours
            items.append(Box(*center(k, j), side + 0.6, side + 0.6, fill=fill, width=0, tip=tip))
    for k in range(1, T + 1, block):
        items += _frame(*center(k, k), side, side, DIRECT, min(1.6, side * 0.15))
    if t is not None:
        x, _ = center(t, t)
        height = side * (cells - (t - 1) // block)
        items += _frame(x, top + height / 2, side + 3, height + 3, "#FFFFFF", 1.6)  # so that it shows on dark cells
        items += _frame(x, top + height / 2, side, height, INK, 2.0)
    for n in _ticks(T):
        x, y = center(n, n)
        items.append(Text(x, bottom + 13, str(n), 9, INK, "middle"))
        items.append(Text(left - 7, y, str(n), 9, INK, "end"))
    middle = left + side * cells / 2
    items.append(Text(middle, bottom + below, f"t (which {symbol} receives it)", 10, INK, "middle"))
    items.append(Text(left - 7 if chosen.words else 3, top - above, "k (which loss sends it)", 10, INK))
    items += _bar(scale, left + side * cells + beside, top, bottom)
    if not chosen.words:
        return Scene(chosen.width or left + side * cells + 110, bottom + 31, title, tuple(items))
    foot = "orange frames: the direct terms"
    if t is not None:
        foot += f"; black frame: the terms of ∂L/∂{symbol} at t = {t}"
    items.append(Text(18, bottom + 56, foot, 9.5, GREY))
    scene = Scene(max(left + side * cells + 110, 400), bottom + 74, title, tuple(items))
    return scaled(scene, chosen.scale)


def _largest(norms: Array, block: int) -> Array:
    """The largest norm of each block."""
    cells = math.ceil(len(norms) / block)
    padded = np.zeros((cells * block, cells * block))
    padded[: len(norms), : len(norms)] = norms
    return np.max(padded.reshape(cells, block, cells, block), axis=(1, 3))


def _span(first: int, block: int, T: int) -> str:
    last = min(first + block - 1, T)
    return str(first) if block == 1 else f"{first} to {last}"


def _frame(x: float, y: float, w: float, h: float, color: str, width: float) -> list[Item]:
    a, b, c, d = x - w / 2, x + w / 2, y - h / 2, y + h / 2
    return [Line(((a, c), (b, c), (b, d), (a, d), (a, c - width / 2)), color, width)]


def _ticks(T: int) -> list[int]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, T) if T / s <= 12)
    return sorted({1, *range(step, T + 1, step)})


def _bar(scale: LogScale, x: float, top: float, bottom: float) -> list[Item]:
    """The colour scale with its decades; below it is the colour of everything smaller."""
    steps = 64
    height = (bottom - top - 14) / steps
    items: list[Item] = [
        Box(x, bottom - 14 - (i + 0.5) * height, 14, height + 0.4, fill=blend(CIVIDIS, (i + 0.5) / steps), width=0)
        for i in range(steps)
    ]
    items.append(Box(x, bottom - 5, 14, 10, fill=BELOW, width=0))
    items.append(Text(x + 13, bottom - 5, "smaller", 8.5, GREY))
    first, last = math.ceil(math.log10(scale.bottom) - 1e-9), math.floor(math.log10(scale.top) + 1e-9)
    ends = {scale.bottom: number(scale.bottom), scale.top: number(scale.top)}
    decades = {10.0**e: f"1e{e}" if abs(e) > 2 else f"{10.0**e:g}" for e in range(first, last + 1)}
    placed: list[float] = []
    for norm, label in (ends | decades).items():
        y = bottom - 14 - scale.share(norm) * (bottom - 14 - top)
        if all(abs(y - other) > 11 for other in placed):
            placed.append(y)
            items.append(Text(x + 13, y, label, 9, INK))
    return items
