"""A share in the shape and dtype of the operand it belongs to."""

from typing import Any

import numpy as np

from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.primitive import name_of
from tinygrad_rnn.rules.shape import astype, unbroadcast

Array = Any


def fit(share: Array, primal: Array, tensor: Any, argnum: int) -> Array:
    """Sum away broadcast axes and give the share its operand's dtype; anything else is a wrong rule."""
    shape = primal.shape
    extra = share.ndim - len(shape)
    if extra > 0 and share.shape[extra:] == shape and type(share) is np.ndarray and share.dtype == primal.dtype:
        return np.add.reduce(share, axis=tuple(range(extra)))  # of a bias; quicker
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, share.shape[extra:], strict=True)):
        raise wrong(tensor, argnum, f"a share of shape {share.shape}; the argument has shape {shape}")
    if share.shape != shape:
        share = unbroadcast(share, shape)
    return share if share.dtype == primal.dtype else astype(share, primal.dtype)


def wrong(tensor: Any, argnum: int, what: str) -> GradientError:
    """The error of a rule that does not return a share."""
    fun = name_of(tensor.fun or repr)
    return GradientError(f"the rule of {fun} for argument {argnum} returned {what}. Fix the rule given to defvjp.")
