"""`x[key]` and its transpose, each the other's derivative, and the functions that choose entries."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.core.structural import astype, scatter
from tinygrad_rnn.core.tables import composite, defconstant, defvjp, primitive
from tinygrad_rnn.rules.shape import as_array

Array = Any


def places(x: Array) -> Array:
    """The numbers of the places of x, row by row, in its shape."""
    return np.arange(x.size).reshape(x.shape)


def put_back(g: Array, x: Array, origin: Array) -> Array:
    """The share of x in g, whose entries were taken from the given places of x."""
    return np.reshape(scatter(np.reshape(g, -1), np.reshape(origin, -1), (x.size,)), x.shape)


defvjp(
    np.take,
    lambda g, y, a, indices, axis=None, out=None, mode="raise": put_back(
        g, a, np.take(places(a), indices, axis, mode=mode)
    ),
)
defvjp(
    np.take_along_axis,
    lambda g, y, arr, indices, axis=-1: put_back(
        g, arr, np.take_along_axis(places(arr), indices, axis)
    ),
)
defvjp(
    np.delete, lambda g, y, arr, obj, axis=None: put_back(g, arr, np.delete(places(arr), obj, axis))
)


@composite(np.compress)
def compress(condition: Array, a: Array, axis: int | None = None, out: None = None) -> Array:
    """The slices along an axis for which the condition holds."""
    return np.take(a, np.flatnonzero(condition), axis)


@composite(np.extract)
def extract(condition: Array, arr: Array) -> Array:
    """The entries for which the condition holds."""
    return np.take(arr, np.flatnonzero(condition))


@composite(np.select)
def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Any = 0) -> Array:
    """Each entry from the first of the choices whose condition holds."""
    arrays: list[Array] = [
        c if isinstance(c, (int, float)) else as_array(c) for c in (*choicelist, default)
    ]
    *choices, y = arrays
    dtype = np.result_type(*choices, y)  # of all together: numbers do not widen float32
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        y = np.where(condition, choice, y)
    return y if y.dtype == dtype else astype(y, dtype)


@composite(np.choose)
def choose(a: Array, choices: Sequence[Array], out: None = None, mode: str = "raise") -> Array:
    """Each entry from the choice whose number `a` holds at its place."""
    chosen = number_of_choice(a, len(choices), mode)
    return np.select([chosen == n for n in range(len(choices))], choices)


@primitive
def number_of_choice(a: Array, count: int, mode: Any) -> Array:
    """`a` brought into 0 ... count - 1 as the mode says."""
    return np.choose(a, np.arange(count), mode=mode)


defconstant(number_of_choice)
