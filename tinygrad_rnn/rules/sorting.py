"""Rules of sorting: entries are moved, so their gradients are moved back.

Among equal entries the earlier one counts as the smaller.
"""

from math import prod

import numpy as np

from tinygrad_rnn._typing import Array, Axis
from tinygrad_rnn.core.tables import composite, defvjp
from tinygrad_rnn.rules.reduce import axes_of


def _along(x: Array, index: Array, axis: int) -> Array:
    """x[..., index, ...] line by line, as `np.take_along_axis`."""
    key = list(np.ogrid[tuple(map(slice, index.shape))])
    key[axis] = index
    return x[tuple(key)]


def _put_back(g: Array, y: Array, a: Array, axis: int | None = -1) -> Array:
    """The share of a, rearranged line by line to y: the i-th smallest of a is that of y."""
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
