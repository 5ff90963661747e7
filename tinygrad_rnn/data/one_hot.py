"""Symbols as unit vectors: the local representation of the classic tasks."""

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike
from tinygrad_rnn.core.operators import operand, value
from tinygrad_rnn.errors import DTypeError, RangeError
from tinygrad_rnn.guards.arguments import check_count, real_dtype
from tinygrad_rnn.guards.boundary import public


@public
def one_hot(symbols: Array, size: int, dtype: DTypeLike = float) -> Array:
    """Unit vectors: symbols (...) of integers in 0..size-1 -> (..., size).

    Raises DTypeError for symbols that are no integers, RangeError for one outside.
    """
    symbols, size = value(operand(symbols, "the array symbols")), check_count(size, "size")
    if symbols.size and symbols.dtype.kind not in "iu":
        raise DTypeError(f"symbols have dtype {symbols.dtype}; they are integers in 0..{size - 1}.")
    if symbols.size and not 0 <= symbols.min() <= symbols.max() < size:
        found = f"symbols run from {symbols.min()} to {symbols.max()}"
        raise RangeError(f"{found}; with size {size} they must lie in 0..{size - 1}.")
    vectors = np.zeros((*symbols.shape, size), real_dtype(dtype))
    np.put_along_axis(vectors, symbols.astype(int)[..., None], 1, -1)
    return vectors
