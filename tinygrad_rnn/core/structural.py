"""The operations that the walk itself needs, with their rules: another dtype, an index.

A share goes on in the shape and dtype of the operand that it belongs to; `fit` sees to that.
"""

from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Function, Shape
from tinygrad_rnn.core.tables import defvjp, primitive
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of


def unbroadcast(g: Any, shape: Shape) -> Any:
    """Sum g over the axes along which an array of this shape was broadcast."""
    extra = g.ndim - len(shape)
    ones = [extra + i for i, n in enumerate(shape) if n == 1 != g.shape[extra + i]]
    return np.sum(g, axis=(*range(extra), *ones), keepdims=True).reshape(shape)


@primitive
def astype(x: Array, dtype: DTypeLike) -> Array:
    """x in another floating dtype."""
    return np.asarray(x).astype(dtype)


@primitive
def getitem(x: Array, key: Any) -> Array:
    """x[key]: slices, integers, integer arrays, masks, `...` and None, alone or mixed."""
    entries: Array = x[key]
    return entries


@primitive
def scatter(g: Array, key: Any, shape: Shape) -> Array:
    """Zeros of this shape to which g is added at [key]; an index that repeats accumulates."""
    out = np.zeros(shape, np.asarray(g).dtype)
    if any(_may_repeat(k) for k in (key if isinstance(key, tuple) else (key,))):
        np.add.at(out, key, g)
    else:
        out[key] = g
    return out


def _may_repeat(key: object) -> bool:
    return isinstance(key, (list, tuple, np.ndarray)) and np.asarray(key).dtype != bool


defvjp(astype, lambda g, y, x, dtype: astype(g, x.dtype), None)
defvjp(getitem, lambda g, y, x, key: scatter(g, key, x.shape), None)
defvjp(scatter, lambda g, y, x, key, shape: getitem(g, key), None, None)


def fit(share: Any, primal: Array, fun: Function, argnum: int) -> Any:
    """The share summed over broadcast axes, in its operand's dtype; else the rule is wrong."""
    shape, dtype = primal.shape, primal.dtype
    extra = share.ndim - len(shape)
    plain = type(share) is np.ndarray and share.dtype == dtype
    if extra > 0 and plain and share.shape[extra:] == shape:  # of a bias; quicker
        return np.add.reduce(share, axis=tuple(range(extra)))
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, share.shape[extra:], strict=True)):
        what = f"a share of shape {share.shape}; the argument has shape {shape}"
        raise wrong(fun, argnum, what)
    if share.shape != shape:
        share = unbroadcast(share, shape)
    return share if share.dtype == dtype else astype(share, dtype)


def wrong(fun: Function, argnum: int, what: str) -> GradientError:
    """The error of a rule that does not return a share."""
    return GradientError(
        f"the rule of {name_of(fun)} for argument {argnum} returned {what}. "
        "Fix the rule given to defvjp."
    )
