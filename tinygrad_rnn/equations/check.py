"""One line of the table: what was compared, how far apart it is, and how far it may be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike

ROUNDING = 1e-12  # two exact ways to the same number, float64
CENTRAL = 1e-8  # against central differences, whose own error is near 1e-9
MISPRINT = 1e-3  # a wrong formula has to miss by more than this


@dataclass(frozen=True)
class Check:
    """One comparison.

    equation    "002 (3.1)": the text and the number in it; "(5.1)": the number in docs/equations.md
    compared    what was compared with what
    difference  the largest absolute difference; for "falls" the fall, before minus after
    tolerance   "agrees" passes up to it, "differs" and "falls" pass beyond it
    kind        "agrees": a right equation; "differs": a text's formula that is wrong; "falls": a
                loss after an update
    """

    equation: str
    compared: str
    difference: float
    tolerance: float
    kind: Literal["agrees", "differs", "falls"] = "agrees"

    @property
    def passed(self) -> bool:
        """Whether the equation holds, or the wrong one does not; NaN and infinity never pass."""
        if not np.isfinite(self.difference):
            return False
        agrees = self.difference <= self.tolerance
        return agrees if self.kind == "agrees" else not agrees


def agrees(
    equation: str, compared: str, a: ArrayLike, b: ArrayLike, tolerance: float = ROUNDING
) -> Check:
    """a and b, arrays or lists of arrays, are the same number computed in two ways."""
    return Check(equation, compared, largest_difference(a, b), tolerance)


def differs(
    equation: str, compared: str, printed: ArrayLike, right: ArrayLike, tolerance: float = MISPRINT
) -> Check:
    """What a text prints is not the right number."""
    return Check(equation, compared, largest_difference(printed, right), tolerance, "differs")


def falls(equation: str, compared: str, before: float, after: float) -> Check:
    """A loss is lower after than before."""
    return Check(equation, compared, float(before) - float(after), 0.0, "falls")


def largest_difference(a: ArrayLike, b: ArrayLike) -> float:
    """max |a - b|; nan if the shapes differ, for broadcasting would hide a mistake."""
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float(np.max(np.abs(x - y))) if x.shape == y.shape and x.size else float("nan")


def central_difference(f: Callable[[Array], float], x: Array | float, step: float = 1e-5) -> Array:
    """df/dx of a scalar function, entry by entry: (f(x + step) - f(x - step)) / (2 step)."""
    slope = np.zeros(np.shape(x))
    for entry in np.ndindex(slope.shape):
        shift = np.zeros(slope.shape)
        shift[entry] = step
        slope[entry] = (f(x + shift) - f(x - shift)) / (2 * step)
    return slope
