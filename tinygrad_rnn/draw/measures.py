"""How large things are in the map of (3.1), and which steps it shows, for every length of sequence."""

from dataclasses import dataclass

_MOST_COLUMNS = 30  # above this, steps in the middle are left out
_BEFORE, _NEAR, _FAR = 2, 14, 8  # columns kept before t, from t on, and at the end


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

    @staticmethod
    def of(columns: int) -> "Measures":
        """Labels everywhere up to 6 columns, no norms per hop up to 12, compact above."""
        if columns <= 6:
            return Measures(168, 62, 26, 19, 14, 38, True, (64, 124, 196), 6.5, 16)
        if columns <= 12:
            return Measures(104, 58, 24, 11.5, 13, 30, False, (58, 114, 182), 5.5, 15)
        return Measures(50, 28, 17, 6.2, 8, 0, False, (52, 100, 160), 3.6, 10)


def shown_columns(t: int, T: int) -> list[int]:
    """The steps that get a column; 0 and below stand for a gap, which is of two steps or more."""
    if T <= _MOST_COLUMNS:
        return list(range(1, T + 1))
    first, last, tail = t - _BEFORE, t + _NEAR, T - _FAR + 1
    first = 1 if first <= 2 else first
    if last + 2 >= tail:
        return [*([0] if first > 1 else []), *range(first, T + 1)]
    return [*([0] if first > 1 else []), *range(first, last + 1), -1, *range(tail, T + 1)]


def left_out(columns: list[int], gap: int) -> int:
    """How many steps a gap stands for."""
    i = columns.index(gap)
    return columns[i + 1] - (columns[i - 1] if i else 0) - 1
