"""The nonlinear functions of neural networks that NumPy lacks, each one node with a one-line rule.

They are exact far out: no overflow at +-1000, and no loss of the small tail of a probability.
"""

from typing import Any

import numpy as np

from tinygrad_rnn.primitive import defvjp, primitive
from tinygrad_rnn.rules.reduce import restore

Array = Any


@primitive
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), elementwise."""
    e = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, np.ones_like(e), e) / (1.0 + e)


@primitive
def relu(x: Array) -> Array:
    """max(x, 0), elementwise; the slope at 0 is taken as 0, as PyTorch and JAX do."""
    return np.maximum(x, np.zeros_like(x))


@primitive
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), elementwise."""
    return np.logaddexp(x, np.zeros_like(x))


@primitive
def logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """log of the sum of exp(x) over `axis` (None: over all axes)."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros_like(top))
    with np.errstate(divide="ignore"):  # all -inf: log 0 is right
        total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


@primitive
def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x)) over `axis`: a probability distribution."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


@primitive
def log_softmax(x: Array, axis: int = -1) -> Array:
    """log(softmax(x)) over `axis`, without forming the probabilities."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _logsumexp(g: Array, y: Array, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    y = np.where(y == -np.inf, 0.0, y)  # only -inf in the sum: it sends 0, not exp(-inf + inf)
    return restore(g, x, axis, keepdims) * np.exp(x - restore(y, x, axis, keepdims))


defvjp(sigmoid, lambda g, y, x: g * (y - y * y))  # a scalar would take NumPy as long as the rest
defvjp(relu, lambda g, y, x: np.where(x > 0, g, 0.0))
defvjp(softplus, lambda g, y, x: g * sigmoid(x))
defvjp(logsumexp, _logsumexp)
defvjp(softmax, lambda g, y, x, axis=-1: y * (g - np.sum(g * y, axis=axis, keepdims=True)))
defvjp(
    log_softmax,
    lambda g, y, x, axis=-1: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True),
)
