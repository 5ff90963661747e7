"""The operations the walk itself needs, with their rules: summing over broadcast axes, another dtype, an index.

A share comes back in the shape and dtype of the operand it belongs to; `fit` sees to that with the first two.
"""

from typing import Any

import numpy as np

from tinygrad_rnn.core.tables import defvjp, primitive
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of

Array = Any


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum g over the axes along which an array of this shape was broadcast."""
    extra = g.ndim - len(shape)
    axes = [
        *range(extra),
        *(extra + i for i, n in enumerate(shape) if n == 1 != g.shape[extra + i]),
    ]
    return np.sum(g, axis=tuple(axes), keepdims=True).reshape(shape)


@primitive
def astype(x: Array, dtype: Any) -> Array:
    """x in another floating dtype."""
    return np.asarray(x).astype(dtype)


@primitive
def getitem(x: Array, key: Any) -> Array:
    """x[key]: slices, integers, integer arrays, masks, `...` and None, alone or mixed."""
    return x[key]


@primitive
def scatter(g: Array, key: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of this shape to which g is added at [key]; an index that repeats accumulates."""
    out = np.zeros(shape, np.asarray(g).dtype)
    if any(_may_repeat(k) for k in (key if isinstance(key, tuple) else (key,))):
        np.add.at(out, key, g)
    else:
        out[key] = g
    return out


def _may_repeat(key: Any) -> bool:
    return isinstance(key, (list, tuple, np.ndarray)) and np.asarray(key).dtype != bool


defvjp(astype, lambda g, y, x, dtype: astype(g, x.dtype), None)
defvjp(getitem, lambda g, y, x, key: scatter(g, key, x.shape), None)
defvjp(scatter, lambda g, y, x, key, shape: getitem(g, key), None, None)


def fit(share: Array, primal: Array, tensor: Any, argnum: int) -> Array:
    """Sum away broadcast axes and give the share its operand's dtype; anything else is a wrong rule."""
    shape = primal.shape
    extra = share.ndim - len(shape)
    if (
        extra > 0
        and share.shape[extra:] == shape
        and type(share) is np.ndarray
        and share.dtype == primal.dtype
    ):
        return np.add.reduce(share, axis=tuple(range(extra)))  # of a bias; quicker
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, share.shape[extra:], strict=True)):
        raise wrong(
            tensor, argnum, f"a share of shape {share.shape}; the argument has shape {shape}"
        )
    if share.shape != shape:
        share = unbroadcast(share, shape)
    return share if share.dtype == primal.dtype else astype(share, primal.dtype)


def wrong(tensor: Any, argnum: int, what: str) -> GradientError:
    """The error of a rule that does not return a share."""
    fun = name_of(tensor.fun or repr)
    return GradientError(
        f"the rule of {fun} for argument {argnum} returned {what}. Fix the rule given to defvjp."
    )
