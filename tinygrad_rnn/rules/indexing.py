"""Rules of the functions that choose entries; that of `x[key]` itself is in core/structural.py."""

from collections.abc import Sequence
from functools import partial
from inspect import Parameter, signature
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike, Function
from tinygrad_rnn.core.structural import astype, scatter
from tinygrad_rnn.core.tables import composite, defconstant, defvjp, primitive
from tinygrad_rnn.rules.shape import as_array


def positions(x: Array) -> Array:
    """The numbers of the entries of x, row by row, in its shape."""
    return np.arange(x.size).reshape(x.shape)


def put_back(g: Array, x: Array, origin: Array) -> Array:
    """The share of x in g, whose entries were taken from these positions of x."""
    return np.reshape(scatter(np.reshape(g, -1), np.reshape(origin, -1), (x.size,)), x.shape)


def defmoved(*funs: Function) -> None:
    """Give functions that move entries about their rule: the positions go through the function too.

    What comes out says for each entry where in x it came from.
    """
    for fun in funs:
        form = signature(fun)
        before = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in ("g", "y")]
        rule: Any = partial(_moved, fun)
        rule.__signature__ = form.replace(parameters=[*before, *form.parameters.values()])
        defvjp(fun, rule)


def _moved(fun: Function, g: Array, y: Array, x: Array, *args: Any, **kwargs: Any) -> Array:
    return put_back(g, x, fun(positions(x), *args, **kwargs))


defmoved(np.take, np.take_along_axis, np.delete)

composite(np.extract)(lambda condition, arr: np.take(arr, np.flatnonzero(condition)))
composite(np.compress)(
    lambda condition, a, axis=None, out=None: np.take(a, np.flatnonzero(condition), axis)
)


@composite(np.select)
def select(
    condlist: Sequence[Array], choicelist: Sequence[ArrayLike], default: ArrayLike = 0
) -> Array:
    """Each entry from the first of the choices whose condition holds."""
    every = (*choicelist, default)
    *choices, y = [c if isinstance(c, (int, float)) else as_array(c) for c in every]
    dtype = np.result_type(*choices, y)  # of all together: numbers do not widen float32
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        y = np.where(condition, choice, y)
    y = as_array(y)
    return y if y.dtype == dtype else astype(y, dtype)


@composite(np.choose)
def choose(a: Array, choices: Sequence[Array], out: None = None, mode: str = "raise") -> Array:
    """Each entry from the choice whose number `a` holds there."""
    chosen = number_of_choice(a, len(choices), mode)
    return np.select([chosen == n for n in range(len(choices))], choices)


@primitive
def number_of_choice(a: Array, count: int, mode: Any) -> Array:
    """`a` brought into 0 ... count - 1 as the mode says."""
    return np.choose(a, np.arange(count), mode=mode)


defconstant(number_of_choice)
