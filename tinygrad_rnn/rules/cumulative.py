"""Rules of the running sums and products, of differences, and of the trapezoid."""

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_rnn._typing import Array, Shape
from tinygrad_rnn.core.tables import composite, defvjp, primitive
from tinygrad_rnn.rules.nonlinear import weighted
from tinygrad_rnn.rules.scale import fitted, multiplies
from tinygrad_rnn.rules.shape import as_array


@primitive
def recurrence(a: Array, b: Array) -> Array:
    """y_0 = b_0, y_i = a_(i-1) y_(i-1) + b_i along the first axis; a has one entry less than b.

    0 times y is 0, even if y has overflowed.
    """
    y = np.array(b)
    for i in range(1, len(y)):
        y[i] += weighted(a[i - 1], y[i - 1])
    return y


def _backwards(a: Array, g: Array) -> Array:
    """s_i = g_i + a_i s_(i+1): the share of b_i."""
    return recurrence(a[::-1], g[::-1])[::-1]


defvjp(
    recurrence,
    lambda g, y, a, b: y[:-1] * _backwards(a, g)[1:],
    lambda g, y, a, b: _backwards(a, g),
)


def _first(x: Array, axis: int | None) -> Array:
    """The axis of the sums made the first; None: all entries in one."""
    return np.reshape(x, -1) if axis is None or x.ndim < 2 else np.swapaxes(x, 0, axis)


def _back(x: Array, axis: int | None, shape: Shape) -> Array:
    """The inverse of `_first`."""
    return np.reshape(x, shape) if axis is None or len(shape) < 2 else np.swapaxes(x, 0, axis)


def _cumsum(g: Array, a: Array, axis: int | None) -> Array:
    return _back(np.cumsum(_first(g, axis)[::-1], 0)[::-1], axis, a.shape)


def _cumprod(g: Array, y: Array, a: Array, axis: int | None) -> Array:
    x, y, g = _first(fitted(a, g), axis), _first(y, axis), _first(g, axis)
    before = np.concatenate([np.ones_like(y[:1]), y[:-1]])  # y_i = y_(i-1) x_i, also for an x of 0
    share = weighted(before, _backwards(x[1:], g))
    if not multiplies(x):  # products of all that follow may overflow, but for no reason
        none = np.equal(x, 0)
        sums = np.cumsum(weighted(g, y)[::-1], 0)[::-1] / np.where(none, 1.0, x)
        share = np.where(none | np.isfinite(share), share, sums)
    return _back(share, axis, a.shape)


defvjp(np.cumsum, lambda g, y, a, axis=None, dtype=None, out=None: _cumsum(g, a, axis))
defvjp(np.cumprod, lambda g, y, a, axis=None, dtype=None, out=None: _cumprod(g, y, a, axis))


def _pairs(a: Array, axis: int) -> tuple[Array, Array]:
    """Each entry's next, and each entry, along an axis."""
    before = (slice(None),) * normalize_axis_index(axis, a.ndim)
    return a[(*before, slice(1, None))], a[(*before, slice(None, -1))]


@composite(np.diff)
def diff(
    a: Array,
    n: int = 1,
    axis: int = -1,
    prepend: Array | None = None,
    append: Array | None = None,
) -> Array:
    """The n-th difference of neighbours along an axis."""
    if n < 0:
        raise ValueError(f"np.diff of order {n}: the order is a count of differences, 0 or more.")
    if prepend is not None or append is not None:
        edge = list(np.shape(a))
        edge[axis] = 1
        pieces = [piece for piece in (prepend, a, append) if piece is not None]
        a = np.concatenate([p if np.ndim(p) else np.broadcast_to(p, edge) for p in pieces], axis)
    for _ in range(n):
        later, earlier = _pairs(a, axis)
        a = later - earlier
    return a


@composite(np.trapezoid)
def trapezoid(y: Array, x: Array | None = None, dx: float | Array = 1.0, axis: int = -1) -> Array:
    """The integral of y along an axis; x says where its entries lie, or dx how far apart."""
    later, earlier = _pairs(as_array(y), axis)
    if x is not None:
        dx = np.diff(x, axis=axis) if np.ndim(x) > 1 else np.diff(x)
        if np.ndim(x) == 1:
            dx = np.reshape(dx, (-1,) + (1,) * (later.ndim - 1 - axis % later.ndim))
    integral: Array = np.sum(dx * (later + earlier) / 2.0, axis)
    return integral
