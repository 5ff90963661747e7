"""Bounds on values, checked whenever there are numbers: at once, or in each run of a cell that `scan` has traced."""

from typing import Any

import numpy as np

from tinygrad_rnn.core.tables import defvjp, primitive
from tinygrad_rnn.errors import DataError

Array = Any


@primitive
def checked(x: Array, low: float, high: float, complaint: str) -> Array:
    """x, whose entries must lie in [low, high]; otherwise a DataError: the complaint about the first, {wrong}."""
    outside = (x < low) | (x > high)
    if np.any(outside):
        raise DataError(complaint.format(wrong=x[outside].flat[0]))
    return x[...]  # a view: whoever keeps it can tell that it is another's


defvjp(checked, lambda g, y, x, low, high, complaint: g, None, None, None)
