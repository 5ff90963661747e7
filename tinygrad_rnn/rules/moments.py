"""Rules of means, variances and standard deviations.

The slope of std is 0 where the variance is 0, as the norm's is at 0.
"""

from typing import Any

import numpy as np

from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite, defvjp
from tinygrad_rnn.errors import DivisionError, ShapeError, UsageError
from tinygrad_rnn.rules.reduce import among, axes_of, count, restore, spread
from tinygrad_rnn.rules.scale import HALF, extent, finite, fitted, ordinary, over, unit, wide

Array = Any


def _deviation(a: Array, axis: Any, where: Any) -> Array:
    if where is True:
        return a - np.mean(a, axis=axis, keepdims=True)
    return np.where(where, a - np.mean(a, axis=axis, keepdims=True, where=where), 0.0)


def _scaled_deviation(a: Array, axis: Any, where: Any) -> tuple[Array, Array]:
    """The same over the largest entry, and that; NaN where the mean is no number."""
    a = wide(among(where, a))
    scale = extent(a, axis)
    deviation = _deviation(a / scale, axis, where)
    known = np.isfinite(np.sum(deviation, axis=axis, keepdims=True))
    return among(where, np.where(known, deviation, np.nan)), scale


def _freedom(a: Array, y: Array, axis: Any, ddof: Any, where: Any, keepdims: bool = True) -> Any:
    """The count less ddof, by which squares are divided."""
    left = count(a, y, axis, where, keepdims) - ddof
    return max(left, 0) if where is True else np.maximum(left, 0)


def _var(g: Array, y: Array, a: Array, axis: Any, ddof: Any, where: Any) -> Array:
    share = over(restore(2.0 * g, a, axis), _freedom(a, y, axis, ddof, where))
    a = fitted(a, g)
    if finite(y):
        return share * _deviation(a, axis, where)
    deviation, scale = _scaled_deviation(a, axis, where)
    return fitted(share * deviation * scale, g)


def _std(g: Array, y: Array, a: Array, axis: Any, ddof: Any, where: Any) -> Array:
    g, n, a = restore(g, a, axis), _freedom(a, y, axis, ddof, where), fitted(a, g)
    if ordinary(y):
        deviation = _deviation(
            _deviation(a, axis, where), axis, where
        )  # the mean of equal numbers may be off by eps
        return over(g, n) / restore(y, a, axis) * deviation
    deviation, _ = _scaled_deviation(a, axis, where)
    return fitted(over(g, np.sqrt(n)) * unit(deviation, axis), g)


defvjp(
    np.mean,
    lambda g, y, a, axis=None, dtype=None, out=None, keepdims=False, *, where=True: among(
        where, spread(over(restore(g, a, axis), count(a, y, axis, where)), a.shape)
    ),
)


def _of_squares(rule: Any) -> Any:
    """A rule of var or std, as NumPy's options come to it."""
    return (
        lambda g, y, a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, correction=None: (
            rule(g, y, a, axis, ddof if correction is None else correction, where)
        )
    )


defvjp(np.var, _of_squares(_var))
defvjp(np.std, _of_squares(_std))


# -- of a mean that is given --------------------------------------------------------------------------


def _distances(a: Array, dtype: Any, where: Any, mean: Array) -> Array:
    distances = among(where, wide(a) - mean)
    return distances if dtype is None else astype(distances, np.dtype(dtype))


def _one_of(ddof: float, correction: float | None) -> float:
    if correction is not None and ddof:
        raise UsageError("ddof and correction are two names of one number. Give one of them.")
    return ddof if correction is None else correction


def _result(y: Array, a: Array, dtype: Any) -> Array:
    return fitted(y, a) if a.dtype == HALF and dtype is None else y


@composite(np.var)
def var(
    a: Array,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Array = None,
    correction: Any = None,
) -> Array:
    """The mean square of the distances from a mean that is given; without one, a primitive."""
    if mean is None:
        return NotImplemented
    squares = np.square(_distances(a, dtype, where, mean))
    total = np.sum(squares, axis=axis, keepdims=keepdims)
    ddof = _one_of(ddof, correction)
    return _result(over(total, _freedom(a, total, axis, ddof, where, keepdims)), a, dtype)


@composite(np.std)
def std(
    a: Array,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Array = None,
    correction: Any = None,
) -> Array:
    """The root of that mean square."""
    if mean is None:
        return NotImplemented
    distances = _distances(a, dtype, where, mean)
    size = np.linalg.vector_norm(distances, axis=axis, keepdims=keepdims)
    ddof = _one_of(ddof, correction)
    n = _freedom(a, size, axis, ddof, where, keepdims)
    return _result(over(size, np.sqrt(n)), a, dtype)


# -- with weights -------------------------------------------------------------------------------------


@composite(np.average)
def average(
    a: Array,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """The mean with weights of a's shape, or of the shape of the axes alone; `returned` adds their sum."""
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        total: Array = np.asarray(count(a, mean, axis, True), mean.dtype)
    else:
        w = _against(weights, np.shape(a), axis)
        total = np.sum(w, axis=axis, keepdims=keepdims)
        if np.any(total == 0):
            raise DivisionError(
                "the weights of np.average sum to 0, so there is no mean. Give other weights."
            )
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
