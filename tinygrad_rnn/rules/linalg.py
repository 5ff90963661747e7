"""Rules of the matrix product in all its shapes."""

from math import prod
from typing import Any

import numpy as np

from tinygrad_rnn.primitive import defvjp

Array = Any


def _array(x: Any) -> Array:
    """A constant operand as an array: it may have been given as a list."""
    return x if hasattr(x, "ndim") else np.asarray(x)


def _matmul_left(g: Array, y: Array, a: Array, b: Array) -> Array:
    b = _array(b)
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if a.ndim == 1:  # a vector on the left is one row
        return np.squeeze(np.expand_dims(g, -2) @ np.swapaxes(b, -1, -2), -2)
    return g @ (b.T if b.ndim == 2 else np.swapaxes(b, -1, -2))


def _matmul_right(g: Array, y: Array, a: Array, b: Array) -> Array:
    a = _array(a)
    if b.ndim == 1:
        return np.expand_dims(g, -1) * a
    if a.ndim == 1:
        return np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if a.ndim == 2 and b.ndim == 2:
        return a.T @ g
    if b.ndim == 2:  # stacked rows against one matrix: one product instead of a sum of products
        rows = prod(g.shape[:-1])
        return a.reshape((rows, b.shape[0])).T @ g.reshape((rows, b.shape[1]))
    return np.swapaxes(a, -1, -2) @ g


defvjp(np.matmul, _matmul_left, _matmul_right)
