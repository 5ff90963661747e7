"""How large things are in the map of (3.1), and which steps it shows, for every T."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from tinygrad_rnn._typing import Kwargs
from tinygrad_rnn.errors import UsageError


class Limits(NamedTuple):
    """Which columns a long map shows."""

    most: int = 30  # above this, steps in the middle are left out
    before: int = 2  # shown before t
    near: int = 14  # shown after t
    far: int = 8  # shown at the end


EVERY = Limits()


@dataclass(frozen=True)
class Preset:
    """What a picture is for.

    lecture: as large as it needs; paper: one column of 3.4 inches; poster: three times a lecture.
    """

    columns: Limits = EVERY
    width: float | None = None  # of the whole picture, in points; None: as wide as it needs
    words: bool = True  # title, table and legend; a paper has a caption instead
    scale: float = 1.0

    @staticmethod
    def named(name: str) -> "Preset":
        """UsageError for any other name."""
        if not isinstance(name, str) or name not in PRESETS:
            raise UsageError(f"there is no preset {name!r}. Use {', '.join(PRESETS)}.")
        return PRESETS[name]


PRESETS = {
    "lecture": Preset(),
    "paper": Preset(Limits(9, 1, 4, 2), 3.4 * 72, words=False),
    "poster": Preset(scale=3.0),
}


LABELLED, CHIPPED = 6, 12  # up to so many columns: norms at every hop; names of weights, and times


@dataclass(frozen=True)
class Measures:
    """Sizes in points for one range of T; columns are a pitch apart."""

    pitch: float
    node: float  # width of a box
    height: float  # height of y and L
    track: float  # distance of tracks
    type: float  # type size in boxes
    chip: float  # width of a weight chip; 0: none
    numbers: bool  # norms at every hop
    rows: tuple[float, float, float]  # L, y, top of h, from the top of the column
    thick: float  # the widest line
    offset: float  # forward lines left of the middle, gradients right of it
    left: float  # where the first column begins
    below: float  # from the bottom of h to the bottom of the column
    label: float = 15.0  # the middle of the label of a column

    @staticmethod
    def of(columns: int, width: float | None = None) -> "Measures":
        """Labels everywhere up to LABELLED columns, compact above CHIPPED; or within a width."""
        if width is None:
            return next(measures for most, measures in SIZES if columns <= most)
        pitch = (width - 6) / columns
        chip = 30.0 if pitch >= 54 else 0.0
        node = min(0.42 * pitch if chip else 0.7 * pitch, 30)
        rows, below = ((24.0, 50.0, 84.0), 58) if chip else ((24.0, 50.0, 74.0), 34)
        return Measures(pitch, node, 14, 6.0, 7.5, chip, False, rows, 3.2, 0.3 * node, 3, below, 7)


SIZES = (  # of a picture: up to how many columns
    (LABELLED, Measures(168, 62, 26, 19, 14, 38, True, (64, 124, 196), 6.5, 16, 88, 96)),
    (CHIPPED, Measures(104, 58, 24, 11.5, 13, 30, False, (58, 114, 182), 5.5, 15, 88, 96)),
    (math.inf, Measures(50, 28, 17, 6.2, 8, 0, False, (52, 100, 160), 3.6, 10, 44, 60)),
)


class Screen(NamedTuple):
    """What the map of the page has of its own, in pixels: its pitch follows the window."""

    least: float  # the smallest pitch
    left: float
    share: float  # of a pitch that a node takes at most
    type: float
    rows: tuple[float, float, float]  # L, y, top of h, from the top of the column
    inside: float  # of h, besides its tracks
    below: float  # from the bottom of h to the middle of x


_FEW = Screen(76, 84, 0.52, 14, (48, 96, 152), 46, 66)
SCREENS = (_FEW, _FEW, Screen(40, 34, 0.7, 11, (48, 84, 116), 26, 36))  # as SIZES


def page_sizes() -> list[Kwargs]:
    """For each range of columns the sizes of the page's map, most of them those of a picture."""
    shared = ("pitch", "node", "height", "track", "thick")
    return [
        {"columns": None if most == math.inf else most, "chips": size.chip > 0}
        | {name: getattr(size, name) for name in shared}
        | screen._asdict()
        for (most, size), screen in zip(SIZES, SCREENS, strict=True)
    ]


def shown_columns(t: int, T: int, limits: Limits = EVERY) -> list[int]:
    """The steps that get a column; 0 and below stand for a gap, which is of two steps or more."""
    if limits.most >= T:
        return list(range(1, T + 1))
    first, last, tail = t - limits.before, t + limits.near, T - limits.far + 1
    first = 1 if first <= 2 else first
    if last + 2 >= tail:
        return [*([0] if first > 1 else []), *range(first, T + 1)]
    return [*([0] if first > 1 else []), *range(first, last + 1), -1, *range(tail, T + 1)]


def left_out(columns: list[int], gap: int) -> int:
    """How many steps a gap stands for."""
    i = columns.index(gap)
    return columns[i + 1] - (columns[i - 1] if i else 0) - 1
