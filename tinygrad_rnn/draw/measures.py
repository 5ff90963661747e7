"""How large things are in the map of (3.1), and which steps it shows, for every length of sequence."""

from dataclasses import dataclass
from typing import NamedTuple

from tinygrad_rnn.errors import UsageError


class Limits(NamedTuple):
    """Which columns a long map keeps."""

    most: int = 30  # above this, steps in the middle are left out
    before: int = 2  # kept before t
    near: int = 14  # kept after t
    far: int = 8  # kept at the end


EVERY = Limits()


@dataclass(frozen=True)
class Preset:
    """What a picture is for.  lecture: as large as it needs; paper: one column of 3.4 inches; poster: three times."""

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


@dataclass(frozen=True)
class Measures:
    """Sizes in points for one range of T."""

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
        """Labels everywhere up to 6 columns, no norms per hop up to 12, compact above; or all within a width."""
        if width is not None:
            pitch = (width - 6) / columns
            chip = 30.0 if pitch >= 54 else 0.0
            node = min(0.42 * pitch if chip else 0.7 * pitch, 30)
            return Measures(pitch, node, 14, 6.0, 7.5, chip, False, (24, 50, 84 if chip else 74), 3.2, 0.3 * node,
                            3, 58 if chip else 34, 7)  # fmt: skip
        if columns <= 6:
            return Measures(168, 62, 26, 19, 14, 38, True, (64, 124, 196), 6.5, 16, 88, 96)
        if columns <= 12:
            return Measures(104, 58, 24, 11.5, 13, 30, False, (58, 114, 182), 5.5, 15, 88, 96)
        return Measures(50, 28, 17, 6.2, 8, 0, False, (52, 100, 160), 3.6, 10, 44, 60)


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
