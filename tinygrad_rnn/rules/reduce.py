"""Rules of sums, products, the largest and smallest entries over axes; and of those that skip NaN.

Equal entries of max and min share equally.  What a nan-function skips or `where=` leaves out gets
0.
"""

from math import prod
from typing import TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_rnn._typing import Array, Axis, DTypeLike, Function, Kwargs, Shape
from tinygrad_rnn.core.tables import composite, defconstant, defvjp, primitive
from tinygrad_rnn.errors import AxisError
from tinygrad_rnn.rules.scale import fitted, multiplies, over

Mask: TypeAlias = Array | bool  # which entries count


def restore(g: Array, x: Array, axis: Axis) -> Array:
    """Give a reduced array its lost axes back, with length 1, so that it broadcasts against x."""
    if g.ndim == x.ndim:
        return g
    return g.reshape((1,) * x.ndim) if axis is None else np.expand_dims(g, axis)


def spread(g: Array, shape: Shape) -> Array:
    """`np.broadcast_to`, which is four times as slow for one number: an array with strides of 0."""
    if type(g) is not np.ndarray or g.size != 1:
        return np.broadcast_to(g, shape)
    y: Array = np.ndarray(shape, g.dtype, g, 0, (0,) * len(shape))
    y.flags.writeable = False
    return y


def axes_of(axis: Axis, ndim: int) -> Shape:
    """The axes that `axis=` names, from the front; None: all.  In NumPy a number has axis 0."""
    named = range(ndim) if axis is None or ndim == 0 else axis
    try:
        return normalize_axis_tuple(named, ndim)
    except np.exceptions.AxisError as error:
        raise AxisError(f"{error}. Axes are numbered from 0, and from -1 backwards.") from error


def given(**options: object) -> Kwargs:
    """The options that say something else than NumPy's defaults."""
    return {n: v for n, v in options.items() if v is not None and v is not True}


def among(where: Mask, x: Array, otherwise: float = 0.0) -> Array:
    """x, with something else instead of the entries that `where=` leaves out."""
    return x if where is True else np.where(where, x, otherwise)


def count(a: Array, y: Array, axis: Axis, where: Mask, keepdims: bool = True) -> int | Array:
    """How many entries make one entry of y: a number, or with `where=` an array."""
    if where is True:
        return int(a.size // max(y.size, 1))
    counts: Array = np.count_nonzero(np.broadcast_to(where, a.shape), axis, keepdims=keepdims)
    return counts


# -- sums and products -----------------------------------------------------------------------------


def _prod(g: Array, a: Array, axis: Axis, initial: float | None, where: Mask) -> Array:
    others = _product_of_others(among(where, fitted(a, g), 1.0), axes_of(axis, a.ndim))
    if initial is not None:
        others = others * np.asarray(initial, g.dtype)
    return among(where, restore(g, a, axis) * others)


def _product_of_others(a: Array, axes: Shape) -> Array:
    """For each entry the product of all others over the axes: not y / a, since a may be 0."""
    order = axes + tuple(i for i in range(a.ndim) if i not in axes)
    rows = np.transpose(a, order)
    x = rows.reshape((prod(rows.shape[: len(axes)]), *rows.shape[len(axes) :]))
    others = _others(x) if multiplies(x) else _others_of_any_size(x)
    return np.transpose(others.reshape(rows.shape), sorted(range(a.ndim), key=order.__getitem__))


def _others(x: Array) -> Array:
    """Along the first axis."""
    one = np.ones_like(x[:1])
    before = np.cumprod(np.concatenate([one, x[:-1]]), 0)
    after = np.cumprod(np.concatenate([one, x[:0:-1]]), 0)[::-1]
    return before * after


def _others_of_any_size(x: Array) -> Array:
    """The same by numbers near 1 and powers of two, which are added up apart."""
    e = exponents(x)
    rest = np.sum(e, axis=0, keepdims=True) - e
    half = rest // 2
    near_1 = _others(x / power_of_two(e, x.dtype)) * power_of_two(half, x.dtype)
    y: Array = near_1 * power_of_two(rest - half, x.dtype)
    return y


@primitive
def exponents(x: Array) -> Array:
    """Integers e: |x| is from 2**(e - 1/2) to 2**(e + 1/2).  0 where x is 0 or not finite."""
    mantissa, e = np.frexp(np.where(np.isfinite(x), x, 0))
    below = (mantissa != 0) & (np.abs(mantissa) < 0.5**0.5)
    return np.asarray(e - below)


@primitive
def power_of_two(e: Array, dtype: DTypeLike) -> Array:
    """2**e, at most the largest there is: 0 times it is 0."""
    power = np.ldexp(np.ones((), dtype), np.asarray(e, np.intc))
    return np.asarray(np.minimum(power, np.finfo(power.dtype).max))


defconstant(exponents, power_of_two)

defvjp(
    np.sum,
    lambda g, y, a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True: among(
        where, spread(restore(g, a, axis), a.shape)
    ),
)
defvjp(
    np.prod,
    lambda g, y, a, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True: _prod(
        g, a, axis, initial, where
    ),
)


# -- the largest and the smallest ------------------------------------------------------------------


def shared(
    g: Array, y: Array, a: Array, axis: Axis, initial: float | None = None, where: Mask = True
) -> Array:
    """g in equal shares for the entries of a that are y, and for the initial value; NaN if y is."""
    g, y = restore(g, a, axis), restore(y, a, axis)
    chosen = np.equal(a, y) if where is True else np.logical_and(np.equal(a, y), where)
    if axis is None and type(chosen) is np.ndarray:
        ties: int | Array = int(np.count_nonzero(chosen))
    else:
        ties = np.sum(chosen, axis=axis, keepdims=True)
    if initial is not None:
        ties = ties + np.equal(y, np.asarray(initial, y.dtype))
    return np.where(chosen, over(g, ties), fitted(np.divide(0.0, ties), g))


for extremum in (np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin):
    defvjp(
        extremum,
        lambda g, y, a, axis=None, out=None, keepdims=False, initial=None, where=True: shared(
            g, y, a, axis, initial, where
        ),
    )

composite(np.ptp)(
    lambda a, axis=None, out=None, keepdims=False: (
        np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)
    )
)


# -- NaN passed over -------------------------------------------------------------------------------


def _without_nan(fun: Function, neutral: int) -> Function:
    return lambda a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True: fun(
        np.where(np.isnan(a), neutral, a),
        axis=axis,
        keepdims=keepdims,
        **given(dtype=dtype, initial=initial, where=where),
    )


composite(np.nansum)(_without_nan(np.sum, 0))
composite(np.nanprod)(_without_nan(np.prod, 1))
composite(np.nanmean)(
    lambda a, axis=None, dtype=None, out=None, keepdims=False, *, where=True: over(
        np.nansum(a, axis=axis, keepdims=keepdims, **given(dtype=dtype, where=where)),
        np.sum(~np.isnan(a), axis=axis, keepdims=keepdims, **given(where=where)),
    )
)
