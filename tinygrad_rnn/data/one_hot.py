"""Symbols as unit vectors: the local representation of the classic tasks."""

from typing import Any

import numpy as np

Array = Any


def one_hot(symbols: Array, size: int, dtype: Any = float) -> Array:
    """Unit vectors: symbols (...) of integers in 0..size-1 -> (..., size)."""
    return np.eye(size, dtype=dtype)[symbols]
