"""Rules of the reductions over axes.

Equal entries of max and min share equally.  The slope of std is 0 where the variance is 0, as the norm's is at 0.
NaN entries that a nan-function passes over get 0.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.primitive import composite, defconstant, defvjp
from tinygrad_rnn.rules.elementwise import ratio

Array = Any


def restore(g: Array, x: Array, axis: Any, keepdims: bool) -> Array:
    """Give a reduced array its lost axes back, with length 1, so that it broadcasts against x."""
    if keepdims or g.ndim == x.ndim:
        return g
    if axis is None:
        return g.reshape((1,) * x.ndim)
    return np.expand_dims(g, axis)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that `axis=` names, counted from the front; None names all.  NumPy lets a number without axes have 0."""
    axes: tuple[int, ...] = normalize_axis_tuple(range(ndim) if axis is None or ndim == 0 else axis, ndim)
    return axes


def _count(a: Array, y: Array) -> int:
    """How many entries make one entry of y; a Python int, so that float32 stays float32."""
    return int(a.size // max(y.size, 1))


def _sum(g: Array, y: Array, a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    return np.broadcast_to(restore(g, a, axis, keepdims), a.shape)


def _mean(g: Array, y: Array, a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    return np.broadcast_to(restore(g / _count(a, y), a, axis, keepdims), a.shape)


def _prod(g: Array, y: Array, a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    return restore(g, a, axis, keepdims) * _product_of_others(a, axes_of(axis, a.ndim))


def _product_of_others(a: Array, axes: tuple[int, ...]) -> Array:
    """For each entry the product of all others over the axes: never by y / a, since an entry may be 0."""
    order = axes + tuple(i for i in range(a.ndim) if i not in axes)
    rows = np.transpose(a, order)
    x = rows.reshape((prod(rows.shape[: len(axes)]), *rows.shape[len(axes) :]))
    one = np.ones_like(x[:1])
    before = np.cumprod(np.concatenate([one, x[:-1]]), 0)
    after = np.cumprod(np.concatenate([one, x[:0:-1]]), 0)[::-1]
    return np.transpose((before * after).reshape(rows.shape), sorted(range(a.ndim), key=order.__getitem__))


def _extremum(g: Array, y: Array, a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    chosen = (a == restore(y, a, axis, keepdims)).astype(g.dtype)  # ties share equally
    ties = np.sum(chosen, axis=axis, keepdims=True)
    return restore(g, a, axis, keepdims) * (chosen / ties)


def _deviation(a: Array, axis: Any) -> Array:
    return a - np.mean(a, axis=axis, keepdims=True)


def _var(g: Array, y: Array, a: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Array:
    return restore(2.0 * g, a, axis, keepdims) * _deviation(a, axis) / max(_count(a, y) - ddof, 0)


def _std(g: Array, y: Array, a: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Array:
    g, y, n = restore(g, a, axis, keepdims), restore(y, a, axis, keepdims), max(_count(a, y) - ddof, 0)
    return ratio(g * _deviation(a, axis) / n, y)


defvjp(np.sum, _sum)
defvjp(np.mean, _mean)
defvjp(np.prod, _prod)
for extremum in (np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin):
    defvjp(extremum, _extremum)
defvjp(np.var, _var)
defvjp(np.std, _std)


@composite(np.ptp)
def ptp(a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """Peak to peak."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@composite(np.nansum)
def nansum(a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The sum of the entries that are numbers."""
    return np.sum(np.where(np.isnan(a), 0, a), axis=axis, keepdims=keepdims)


@composite(np.nanprod)
def nanprod(a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The product of the entries that are numbers."""
    return np.prod(np.where(np.isnan(a), 1, a), axis=axis, keepdims=keepdims)


@composite(np.nanmean)
def nanmean(a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The mean of the entries that are numbers."""
    count = np.sum(~np.isnan(a), axis=axis, keepdims=keepdims, dtype=a.dtype)
    return nansum(a, axis, keepdims=keepdims) / count


@composite(np.average)
def average(a: Array, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """The mean with weights of a's shape, or of the shape of the axes alone; `returned` adds their sum."""
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        total: Array = np.asarray(_count(a, mean), mean.dtype)
    else:
        w = _against(weights, np.shape(a), axis)
        total = np.sum(w, axis=axis, keepdims=keepdims)
        if np.any(total == 0):
            raise ZeroDivisionError("the weights of np.average sum to 0, so there is no mean. Give other weights.")
        mean = np.sum(np.multiply(a, w), axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape)) if returned else mean


def _against(weights: Array, shape: tuple[int, ...], axis: Any) -> Array:
    """Weights of the axes alone, with length 1 along the others."""
    if np.shape(weights) == shape:
        return weights
    axes = axes_of(axis, len(shape))
    if np.shape(weights) != tuple(shape[i] for i in axes):
        raise ShapeError(
            f"np.average of shape {shape} over axis {axis} with weights of shape {np.shape(weights)}: "
            f"weights need the shape of the array, or {tuple(shape[i] for i in axes)}, that of the axes."
        )
    in_order = np.transpose(weights, sorted(range(len(axes)), key=axes.__getitem__))
    return np.reshape(in_order, tuple(n if i in axes else 1 for i, n in enumerate(shape)))


defconstant(np.argmax, np.argmin, np.nanargmax, np.nanargmin)
