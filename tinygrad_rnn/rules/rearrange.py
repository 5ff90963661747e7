"""Rules of the functions that choose entries, move them about or sort them: the way back for each.

That of `x[key]` itself is in core/structural.py.
"""

from collections.abc import Sequence
from functools import partial
from inspect import Parameter, signature
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_rnn._typing import Array, ArrayLike, Axis, Function
from tinygrad_rnn.core.structural import astype, scatter
from tinygrad_rnn.core.tables import composite, defconstant, defvjp, primitive
from tinygrad_rnn.errors import UnsupportedError, UsageError
from tinygrad_rnn.rules.reduce import axes_of
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


# -- moved about -----------------------------------------------------------------------------------

defvjp(np.flip, lambda g, y, m, axis=None: np.flip(g, axis))
defvjp(np.fliplr, lambda g, y, m: np.fliplr(g))
defvjp(np.flipud, lambda g, y, m: np.flipud(g))
defvjp(np.roll, lambda g, y, a, shift, axis=None: np.roll(g, np.negative(shift), axis))
defvjp(np.rot90, lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
defvjp(np.tril, lambda g, y, m, k=0: np.tril(g, k))
defvjp(np.triu, lambda g, y, m, k=0: np.triu(g, k))
defvjp(
    np.diag,
    lambda g, y, v, k=0: np.diag(g, k) if v.ndim == 1 else put_back(g, v, np.diag(positions(v), k)),
)
composite(np.diagflat)(lambda v, k=0: np.diag(np.ravel(v), k))
composite(np.linalg.diagonal)(lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))


@primitive
def pad_with_constant(x: Array, pad_width: Any, constant_values: ArrayLike) -> Array:
    """`np.pad` with mode="constant"."""
    return np.pad(x, pad_width, constant_values=constant_values)


@primitive
def pad_with_copies(x: Array, pad_width: Any, mode: Any) -> Array:
    """`np.pad` with copies of entries of the array."""
    return np.pad(x, pad_width, mode)


defvjp(
    pad_with_constant,
    lambda g, y, x, pad_width, constant_values: np.reshape(
        g[np.pad(np.ones(x.shape, bool), pad_width)], x.shape
    ),
)
defmoved(np.diagonal, np.tile, np.repeat, np.resize, sliding_window_view, pad_with_copies)

_COPYING = ("edge", "reflect", "symmetric", "wrap")
_COMPUTING = ("empty", "linear_ramp", "maximum", "mean", "median", "minimum")


@composite(np.pad)
def pad(
    array: Array, pad_width: Any, mode: Any = "constant", *, constant_values: ArrayLike = 0
) -> Array:
    """Entries put around an array: a constant, or entries of the array itself."""
    if mode == "constant":
        return pad_with_constant(array, pad_width, constant_values)
    if mode in _COPYING:
        return pad_with_copies(array, pad_width, mode)
    known = "Use 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'"
    if mode not in _COMPUTING and not callable(mode):
        raise UsageError(f"np.pad knows no mode={mode!r}. {known}.")
    raise UnsupportedError(
        f"np.pad on Tensors takes no mode={mode!r}, which computes what it puts there. "
        f"{known}, or np.concatenate with what you compute yourself."
    )


# -- sorted: among equal entries the earlier one counts as the smaller -----------------------------


def _line_by_line(x: Array, index: Array, axis: int) -> Array:
    """x[..., index, ...] line by line, as `np.take_along_axis`."""
    key = list(np.ogrid[tuple(map(slice, index.shape))])
    key[axis] = index
    return x[tuple(key)]


def _unsorted(g: Array, y: Array, a: Array, axis: int | None = -1) -> Array:
    """The share of a, rearranged line by line to y: the i-th smallest of a is that of y."""
    rank = np.argsort(np.argsort(a, axis, kind="stable"), axis, kind="stable")
    if axis is None:
        return np.reshape(g[np.argsort(y, kind="stable")[rank]], a.shape)
    return _line_by_line(g, _line_by_line(np.argsort(y, axis, kind="stable"), rank, axis), axis)


defvjp(
    np.sort,
    lambda g, y, a, axis=-1, kind=None, order=None, *, stable=None: _unsorted(g, y, a, axis),
)
defvjp(
    np.partition,
    lambda g, y, a, kth, axis=-1, kind="introselect", order=None: _unsorted(g, y, a, axis),
    None,
)


@composite(np.median)
def median(
    a: Array,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Array:
    """The middle entry, or the mean of the two in the middle; NaN where an entry is NaN."""
    axes = axes_of(axis, a.ndim)
    others = tuple(i for i in range(a.ndim) if i not in axes)
    n = prod(a.shape[i] for i in axes)
    lines = np.reshape(np.transpose(a, others + axes), (*(a.shape[i] for i in others), n))
    middle = np.mean(np.sort(lines)[..., (n - 1) // 2 : n // 2 + 1], -1)
    middle = np.where(np.any(np.isnan(lines), -1), np.nan, middle)
    shape = tuple(1 if i in axes else m for i, m in enumerate(a.shape))
    return np.reshape(middle, shape) if keepdims else middle
