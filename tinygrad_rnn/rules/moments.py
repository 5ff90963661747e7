"""Rules of means, variances and standard deviations.

The slope of std is 0 where the variance is 0, as the norm's is at 0.
"""

from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, Axis, DTypeLike, Function, Shape
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite, defvjp
from tinygrad_rnn.errors import DivisionError, ShapeError, UsageError
from tinygrad_rnn.rules.reduce import Mask, among, axes_of, count, restore, spread
from tinygrad_rnn.rules.scale import HALF, extent, finite, fitted, ordinary, over, unit, wide


def _deviation(a: Array, axis: Axis, where: Mask) -> Array:
    if where is True:
        deviation: Array = a - np.mean(a, axis=axis, keepdims=True)
        return deviation
    return np.where(where, a - np.mean(a, axis=axis, keepdims=True, where=where), 0.0)


def _scaled_deviation(a: Array, axis: Axis, where: Mask) -> tuple[Array, Array]:
    """The same over the largest entry, and that; NaN where the mean is no number."""
    a = wide(among(where, a))
    scale = extent(a, axis)
    deviation = _deviation(a / scale, axis, where)
    known = np.isfinite(np.sum(deviation, axis=axis, keepdims=True))
    return among(where, np.where(known, deviation, np.nan)), scale


def _freedom(
    a: Array, y: Array, axis: Axis, ddof: float, where: Mask, keepdims: bool = True
) -> float | Array:
    """The count less ddof, by which squares are divided."""
    left = count(a, y, axis, where, keepdims) - ddof
    return max(left, 0) if where is True else np.maximum(left, 0)


def _var(g: Array, y: Array, a: Array, axis: Axis, ddof: float, where: Mask) -> Array:
    share = over(restore(2.0 * g, a, axis), _freedom(a, y, axis, ddof, where))
    a = fitted(a, g)
    if finite(y):
        return share * _deviation(a, axis, where)
    deviation, scale = _scaled_deviation(a, axis, where)
    return fitted(share * deviation * scale, g)


def _std(g: Array, y: Array, a: Array, axis: Axis, ddof: float, where: Mask) -> Array:
    g, n, a = restore(g, a, axis), _freedom(a, y, axis, ddof, where), fitted(a, g)
    if ordinary(y):  # twice, since the mean of equal numbers may be off by eps
        deviation = _deviation(_deviation(a, axis, where), axis, where)
        return over(g, n) / restore(y, a, axis) * deviation
    deviation, _ = _scaled_deviation(a, axis, where)
    return fitted(over(g, np.sqrt(n)) * unit(deviation, axis), g)


defvjp(
    np.mean,
    lambda g, y, a, axis=None, dtype=None, out=None, keepdims=False, *, where=True: among(
        where, spread(over(restore(g, a, axis), count(a, y, axis, where)), a.shape)
    ),
)


def _one_of(ddof: float, correction: float | None) -> float:
    if correction is not None and ddof:
        raise UsageError("ddof and correction are two names of one number. Give one of them.")
    return ddof if correction is None else correction


def _of_squares(rule: Function) -> Function:
    """A rule of var or std, as NumPy's options come to it."""
    return lambda g, y, a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options: rule(
        g, y, a, axis, _one_of(ddof, options.get("correction")), options.get("where", True)
    )


def _about_a_mean(size: Function, divisor: Function) -> Function:
    """var or std about a mean that is given: the size of the distances over that of their number.

    Without a mean both are primitives.
    """

    def definition(
        a: Array,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Mask = True,
        mean: Array | None = None,
        correction: float | None = None,
    ) -> Any:
        if mean is None:
            return NotImplemented
        distances = among(where, wide(a) - mean)
        if dtype is not None:
            distances = astype(distances, np.dtype(dtype))
        y: Array = size(distances, axis=axis, keepdims=keepdims)
        n = _freedom(a, y, axis, _one_of(ddof, correction), where, keepdims)
        y = over(y, divisor(n))
        return fitted(y, a) if a.dtype == HALF and dtype is None else y

    return definition


defvjp(np.var, _of_squares(_var))
defvjp(np.std, _of_squares(_std))
composite(np.var)(_about_a_mean(lambda x, **options: np.sum(np.square(x), **options), lambda n: n))
composite(np.std)(_about_a_mean(np.linalg.vector_norm, np.sqrt))


# -- with weights ----------------------------------------------------------------------------------


@composite(np.average)
def average(
    a: Array,
    axis: Axis = None,
    weights: Array | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Array | tuple[Array, Array]:
    """Weights have a's shape, or that of the axes alone; `returned` adds their sum."""
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


def _against(weights: Array, shape: Shape, axis: Axis) -> Array:
    """Weights of the axes alone, with length 1 along the others."""
    if np.shape(weights) == shape:
        return weights
    axes = axes_of(axis, len(shape))
    lengths = tuple(shape[i] for i in axes)
    if np.shape(weights) != lengths:
        raise ShapeError(
            f"np.average of shape {shape} over axis {axis} with weights of shape "
            f"{np.shape(weights)}: weights need the shape of the array, or {lengths}, that of the "
            "axes."
        )
    in_order = np.transpose(weights, sorted(range(len(axes)), key=axes.__getitem__))
    return np.reshape(in_order, tuple(n if i in axes else 1 for i, n in enumerate(shape)))
