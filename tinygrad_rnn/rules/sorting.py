"""Rules of sorting: entries are moved, so their gradients are moved back.

Among equal entries the earlier one counts as the smaller.
"""

from math import prod
from typing import Any

import numpy as np

from tinygrad_rnn.core.tables import composite, defconstant, defvjp
from tinygrad_rnn.rules.reduce import axes_of

Array = Any


def _along(x: Array, index: Array, axis: int) -> Array:
    """x[..., index, ...] line by line, as `np.take_along_axis`."""
    key = list(np.ogrid[tuple(map(slice, index.shape))])
    key[axis] = index
    return x[tuple(key)]


def _put_back(g: Array, y: Array, a: Array, axis: int | None = -1) -> Array:
    """Share of `a` whose lines were rearranged to y: the i-th smallest of a is the i-th smallest of y."""
    rank = np.argsort(np.argsort(a, axis, kind="stable"), axis, kind="stable")
    if axis is None:
        return np.reshape(g[np.argsort(y, kind="stable")[rank]], a.shape)
    return _along(g, _along(np.argsort(y, axis, kind="stable"), rank, axis), axis)


defvjp(
    np.sort,
    lambda g, y, a, axis=-1, kind=None, order=None, *, stable=None: _put_back(g, y, a, axis),
)
defvjp(
    np.partition,
    lambda g, y, a, kth, axis=-1, kind="introselect", order=None: _put_back(g, y, a, axis),
    None,
)


@composite(np.median)
def median(
    a: Array,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Array:
    """The middle entry, or the mean of the two in the middle; NaN where an entry is NaN."""
    axes = axes_of(axis, a.ndim)
    kept = tuple(i for i in range(a.ndim) if i not in axes)
    n = prod(a.shape[i] for i in axes)
    lines = np.reshape(np.transpose(a, kept + axes), (*(a.shape[i] for i in kept), n))
    middle = np.mean(np.sort(lines)[..., (n - 1) // 2 : n // 2 + 1], -1)
    middle = np.where(np.any(np.isnan(lines), -1), np.nan, middle)
    return (
        np.reshape(middle, tuple(1 if i in axes else m for i, m in enumerate(a.shape)))
        if keepdims
        else middle
    )


defconstant(np.argsort, np.argpartition, np.searchsorted, np.digitize, np.unique)
defconstant(np.nonzero, np.argwhere, np.flatnonzero)
