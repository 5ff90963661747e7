"""The nonlinear functions of neural networks that NumPy lacks, each one node with a one-line rule.

They are exact far out: no overflow at +-1000, no loss of the small tail of a probability, and the
limit at +-infinity.
"""

import numpy as np

from tinygrad_rnn._typing import Array, Axis
from tinygrad_rnn.core.tables import defvjp, primitive
from tinygrad_rnn.rules.reduce import restore
from tinygrad_rnn.rules.scale import HALF, fitted, moderate, wide


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
def weighted(w: Array, x: Array) -> Array:
    """w * x, elementwise, and 0 where w is 0, even if x is infinite: 0 log 0 = 0."""
    return np.multiply(w, np.where(np.equal(w, 0), 0.0, x))


@primitive
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """log of the sum of exp(x) over `axis` (None: over all axes)."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros_like(top))
    with np.errstate(divide="ignore"):  # all -inf: log 0 is right
        e = np.exp(x - top)
        total: Array = (np.log(_total(e, axis)) + top).astype(e.dtype, copy=False)
    return total if keepdims else np.squeeze(total, axis=axis)


@primitive
def softmax(x: Array, axis: Axis = -1) -> Array:
    """exp(x) / sum(exp(x)) over `axis`: probabilities; NaN if several entries are inf."""
    e = np.exp(_below_top(x, axis))
    return (e / _total(e, axis)).astype(e.dtype, copy=False)


@primitive
def log_softmax(x: Array, axis: Axis = -1) -> Array:
    """log(softmax(x)) over `axis`, without forming the probabilities."""
    below = _below_top(x, axis)
    e = np.exp(below)
    return (below - np.log(_total(e, axis))).astype(e.dtype, copy=False)


def _total(e: Array, axis: Axis) -> Array:
    """The sum, in float32 for float16: of 100,000 ones it would be infinite."""
    return np.add.reduce(e, axis=axis, dtype=np.float32 if e.dtype == HALF else None, keepdims=True)


def _below_top(x: Array, axis: Axis) -> Array:
    """x less its largest entry: 0 there, also if that entry is infinite and alone."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True)
    if np.isfinite(top).all():
        return x - top
    at_top = np.equal(x, top)
    alone = at_top & (np.sum(at_top, axis=axis, keepdims=True) == 1)
    with np.errstate(invalid="ignore"):
        return np.where(alone, np.zeros_like(top), x - top)


def _logsumexp(g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """softmax(x).  If y is inf, only one inf alone counts; if it is -inf, nothing is sent."""
    usual = moderate(y)
    g, y = restore(g, x, axis), restore(y, x, axis)
    if usual:
        e: Array = np.exp(x - y)
        return g * e
    infinite = np.isinf(y)
    at_top = np.equal(x, y) & np.greater(y, 0)
    alone = at_top & (np.count_nonzero(at_top, axis=axis, keepdims=True) == 1)
    return g * np.where(infinite, alone, softmax(np.where(infinite, 0.0, x), axis))


def _softmax(g: Array, y: Array, x: Array, axis: int = -1) -> Array:
    return fitted(y * (g - np.sum(wide(g * y), axis=axis, keepdims=True)), g)


def _log_softmax(g: Array, y: Array, x: Array, axis: int = -1) -> Array:
    return fitted(g - np.exp(y) * np.sum(wide(g), axis=axis, keepdims=True), g)


defvjp(sigmoid, lambda g, y, x: g * (y - y * y))  # a scalar would take NumPy as long as the rest
defvjp(relu, lambda g, y, x: np.where(x > 0, g, 0.0))
defvjp(softplus, lambda g, y, x: g * sigmoid(x))
defvjp(weighted, lambda g, y, w, x: g * x, lambda g, y, w, x: g * w)
defvjp(logsumexp, _logsumexp)
defvjp(softmax, _softmax)
defvjp(log_softmax, _log_softmax)
