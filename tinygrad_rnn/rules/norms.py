"""Norms of vectors and matrices.  At a kink, at the zero vector above all, the gradient is 0."""

from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, Axis
from tinygrad_rnn.core.tables import composite, defvjp
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.rules.reduce import restore, shared
from tinygrad_rnn.rules.scale import extent, fitted, ordinary, unit, wide, with_infinite


def _vector_norm(g: Array, y: Array, x: Array, axis: Axis, p: float) -> Array:
    if abs(p) == np.inf:  # entries equally large share equally
        return np.sign(x) * shared(g, y, np.abs(x), axis)
    g, y = restore(g, x, axis), restore(y, x, axis)
    if p == 0:  # counts
        return np.zeros_like(x)
    if p == 2:
        return (g / y) * x if ordinary(y) else fitted(g * unit(wide(x), axis), x)
    if ordinary(y, p):
        return g * np.sign(x) * (np.where(x == 0, 1.0, np.abs(x)) / y) ** (p - 1)
    return fitted(g * _slope(wide(x), axis, p), x)


def _slope(x: Array, axis: Axis, p: float) -> Array:
    """sign(x) (|x| / norm) ** (p - 1), of entries of any size."""
    none = np.equal(x, 0)
    u = np.where(none, 1.0, np.abs(x) / extent(x, axis, p < 0))
    total = np.sum(np.where(none, 0.0 if p > 0 else np.inf, u**p), axis=axis, keepdims=True)
    slope = np.sign(x) * (u ** (p - 1) * np.where(total == 0, 1.0, total) ** (1 / p - 1))
    if p < 0 or p == 1:  # infinite entries are no different
        return slope
    return with_infinite(slope, x, axis, 0.0 if p > 1 else np.inf)


defvjp(
    np.linalg.vector_norm,
    lambda g, y, x, /, *, axis=None, keepdims=False, ord=2: _vector_norm(  # noqa: A006
        g, y, x, axis, 2 if ord is None else ord
    ),
)


@composite(np.linalg.matrix_norm)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:  # noqa: A002
    """The norm of the last two axes."""
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


@composite(np.linalg.norm)
def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    """Of the vectors along one axis, of the matrices along two, or of everything."""
    if ord is None:
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims)
    axes = tuple(range(x.ndim)) if axis is None else tuple(np.atleast_1d(axis).tolist())
    if len(axes) == 1 and not isinstance(ord, str):
        return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=ord)
    if len(axes) != 2:
        raise UsageError(
            f"np.linalg.norm of order {ord!r} is over one axis or two, not {axes}. Give the axis."
        )
    if ord == "fro":
        return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        summed, chosen = axes if abs(ord) == 1 else axes[::-1]
        sums = np.sum(np.abs(x), axis=summed, keepdims=True)
        extreme = (_largest if ord > 0 else np.min)(sums, axis=chosen, keepdims=True)
        return extreme if keepdims else np.squeeze(extreme, axes)
    if ord not in (2, -2, "nuc"):
        raise UsageError(
            f"{ord!r} is no order of a matrix norm. "
            "Use 'fro', 'nuc', 1, -1, 2, -2, np.inf or -np.inf."
        )
    singular = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
    y = (np.sum if ord == "nuc" else _largest if ord == 2 else np.min)(singular, axis=-1)
    return np.expand_dims(y, axes) if keepdims else y


def _largest(sizes: Array, **options: Any) -> Any:
    """The largest of sizes; 0 if there are none."""
    return np.max(sizes, initial=0.0, **options)
