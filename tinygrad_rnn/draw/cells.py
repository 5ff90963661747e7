"""The cells of one heat map: a square for every term, frames around direct ones and a column."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.draw.palette import (
    BELOW,
    CIVIDIS,
    COLUMN,
    DIRECT,
    INK,
    NOT_A_NUMBER,
    PAPER,
    LogScale,
    blend,
)
from tinygrad_rnn.draw.scene import Box, Item, Line, Point
from tinygrad_rnn.guards.numbers import number

NO_TERM = -1.0  # the norm of a term that there is not: no loss, or no path


@dataclass(frozen=True)
class Cells:
    """The cells of one network, from an upper left corner on.

    norms   (T, T): of every term, NO_TERM where there is none
    direct  the steps that have a direct term
    block   how many steps a cell stands for
    first   the lowest row that is drawn: 1, or T where only the last step has a loss
    w, h    the size of a cell
    """

    title: str
    norms: Array
    direct: Collection[int]
    block: int
    first: int
    left: float
    top: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.w * math.ceil(len(self.norms) / self.block)

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.h * (self._row(len(self.norms)) + 1)

    def center(self, k: int, j: int) -> Point:
        """The middle of the cell of the term (k, j)."""
        x = self.left + ((j - 1) // self.block + 0.5) * self.w
        return x, self.bottom - (self._row(k) + 0.5) * self.h

    def _row(self, k: int) -> int:
        return (k - 1) // self.block - (self.first - 1) // self.block

    def cells(self, scale: LogScale) -> list[Item]:
        """Every term, and a frame around the direct ones."""
        T, block = len(self.norms), self.block
        shown, items = _largest(self.norms, block), list[Item]()
        rows = [k for k in range(1, T + 1, block) if self._row(k) >= 0]
        for k in rows:
            for j in range(1, k + 1, block):
                norm = float(shown[(k - 1) // block, (j - 1) // block])
                tip = f"k = {_span(k, block, T)}, t = {_span(j, block, T)}: "
                if norm == NO_TERM:
                    tip += "no gradient can flow"
                else:
                    tip += f"norm {'up to ' if block > 1 else ''}{number(norm, 6)}"
                    tip += " (direct)" if k == j else ""
                # a little overlap hides the hairlines that viewers leave between neighbours
                fill, w, h = _color(norm, scale), self.w + 0.6, self.h + 0.6
                items.append(Box(*self.center(k, j), w, h, fill=fill, width=0, tip=tip))
        for k in rows:
            if any(t in self.direct for t in range(k, k + block)):
                items += _frame(*self.center(k, k), self.w, self.h, DIRECT, min(1.6, self.w * 0.15))
        return items

    def column(self, t: int) -> list[Item]:
        """A frame around the terms that h_t receives."""
        x, _ = self.center(t, t)
        height = self.h * (self._row(len(self.norms)) - max(self._row(t), 0) + 1)
        middle = self.top + height / 2
        # white around it, so that it shows on dark cells
        white = _frame(x, middle, self.w + 3, height + 3, PAPER, 1.6)
        return white + _frame(x, middle, self.w, height, INK, 2.0)


def _color(norm: float, scale: LogScale) -> str:
    if math.isnan(norm):
        return NOT_A_NUMBER
    if norm == NO_TERM:
        return COLUMN
    return blend(CIVIDIS, scale.share(norm)) if scale.visible(norm) else BELOW


def _largest(norms: Array, block: int) -> Array:
    """The largest norm of each block."""
    cells = math.ceil(len(norms) / block)
    padded = np.full((cells * block, cells * block), NO_TERM)
    padded[: len(norms), : len(norms)] = norms
    largest: Array = np.max(padded.reshape(cells, block, cells, block), axis=(1, 3))
    return largest


def _span(first: int, block: int, T: int) -> str:
    last = min(first + block - 1, T)
    return str(first) if block == 1 else f"{first} to {last}"


def _frame(x: float, y: float, w: float, h: float, color: str, width: float) -> list[Item]:
    a, b, c, d = x - w / 2, x + w / 2, y - h / 2, y + h / 2
    return [Line(((a, c), (b, c), (b, d), (a, d), (a, c - width / 2)), color, width)]
