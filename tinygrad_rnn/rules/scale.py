"""Squares and products that neither over- nor underflow on the way; float16 computed in float32.

Rules are quick where `within` says that their numbers are ordinary, and careful elsewhere.  What
they divide by then, an `extent`, is a constant, as a sign is: what does not depend on the scale has
no slope by it.
"""

import math
from functools import cache

import numpy as np

from tinygrad_rnn._typing import Array, Axis, DType
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import defconstant, primitive

HALF = np.dtype(np.float16)


def wide(x: Array) -> Array:
    """x with room for sums and squares: float16 as float32."""
    return astype(x, np.dtype(np.float32)) if x.dtype == HALF else x


def fitted(x: Array, like: Array) -> Array:
    """x in the dtype of another."""
    return x if x.dtype == like.dtype else astype(x, like.dtype)


def over(g: Array, n: float | Array) -> Array:
    """g / n for counts n, in the dtype of g: a float16 holds no count above 65,504."""
    return g / n if type(n) is int and g.dtype != HALF else fitted(wide(g) / n, g)


def _root(x: float | np.floating, p: float) -> float:
    """x ** (1 / p), for a p of any size."""
    return math.exp(min(max(float(np.log(x)) / p, -700.0), 700.0))


@cache
def _bounds(dtype: DType, p: float) -> tuple[float, float]:
    """Between them a norm of order p is exact: no power over- or underflows.  No float16 is."""
    if dtype == HALF:
        return np.inf, np.inf
    facts = np.finfo(dtype)
    small, large = (_root(x, p) for x in (facts.tiny / facts.eps, facts.max))
    low, high = (small, np.inf) if p > 0 else (large, small)
    return max(low, float(facts.tiny)), high


def within(y: Array, low: float, high: float) -> bool:
    """Do all entries lie between these?  Of a traced value, which has no numbers, not known: no."""
    if type(y) is not np.ndarray:
        inside = (y > low) & (y < high)
        return isinstance(inside, (np.ndarray, np.bool_)) and bool(inside.all())
    if y.size <= 8:  # quicker in Python
        return all([low < x < high for x in y.ravel().tolist()])  # noqa: C419 (a list is quicker)
    return bool(low < y.min() and y.max() < high)


def finite(y: Array) -> bool:
    """Are these squares, or sums of them, as exact as their dtype?"""
    return y.dtype != HALF and within(y, -1.0, np.inf)


def moderate(y: Array) -> bool:
    """Are these logarithms so small that their exponential is as exact as their dtype?"""
    return y.dtype != HALF and within(y, -64.0, 64.0)


def ordinary(y: Array, p: float = 2) -> bool:
    """Are these norms of order p as exact as their dtype?"""
    return within(y, *_bounds(y.dtype, p))


@cache
def _factors(dtype: DType, n: int) -> tuple[float, float]:
    """Between them no product of n numbers over- or underflows."""
    bound = _root(np.finfo(dtype).max, max(n, 1))
    return 1 / bound, bound


def multiplies(x: Array) -> bool:
    """Does no product of entries along the first axis over- or underflow?"""
    return within(np.abs(x), *_factors(x.dtype, len(x)))


def extreme(y: Array) -> bool:
    """Is any entry 0, infinite or NaN?  Of a traced value not known: no."""
    inside = (y > 0) & (y < np.inf)
    return isinstance(inside, (np.ndarray, np.bool_)) and not inside.all()


@primitive
def extent(x: Array, axis: Axis = None, least: bool = False) -> Array:
    """The largest |x| over the axes that is neither 0 nor infinite, or the least; 1 if none is."""
    size = np.abs(x)
    counts = (size > 0) & (size < np.inf)
    pick, none = (np.min, np.inf) if least else (np.max, 0.0)
    y: Array = pick(size, axis=axis, keepdims=True, initial=none, where=counts)
    return np.where(np.equal(y, none), np.ones_like(y), y)


defconstant(extent)


def unit(x: Array, axis: Axis = None) -> Array:
    """x / |x|, vector by vector along the axes: the slope of the norm.  0 for a zero vector.

    One infinite entry alone is all that counts.  Of several none does: the norm is infinite without
    it.
    """
    u = x / extent(x, axis)
    square = np.sum(u * u, axis=axis, keepdims=True)
    u = np.where(square == 0, 0.0, u / np.sqrt(np.where(square == 0, 1.0, square)))
    return with_infinite(u, x, axis, 0.0)


def with_infinite(slope: Array, x: Array, axis: Axis, several: float) -> Array:
    """The slope of a norm: at an infinite entry its sign, times `several` if there are more."""
    infinite = np.isinf(x)
    alone = np.count_nonzero(infinite, axis=axis, keepdims=True) == 1
    return np.where(infinite, np.where(alone, np.sign(x), np.copysign(several, x)), slope)
