"""What NumPy lacks: the nonlinear functions and the losses of recurrent networks.

Everything takes Tensors or arrays.  Losses give a scalar and sum over a batch unless their name says mean.
Numbers in brackets are those of docs/equations.md.
"""

from typing import Any

import numpy as np

from tinygrad_rnn.errors import DataError, ShapeError
from tinygrad_rnn.rules.nonlinear import log_softmax, logsumexp, relu, sigmoid, softmax, softplus

__all__ = [
    "cross_entropy",
    "half_squared_error",
    "identity",
    "log_softmax",
    "logsumexp",
    "mean_squared_error",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "squared_error",
]

Array = Any


def identity(x: Array) -> Array:
    """x itself: the g of (1.2) for regression."""
    return x


def half_squared_error(y: Array, target: Array) -> Array:
    """1/2 sum (y - target)^2, the loss above (3.2), whose derivative is y - target.  y, target: (B, O) -> ()."""
    error = _difference(y, target)
    return 0.5 * np.sum(error * error)


def squared_error(y: Array, target: Array) -> Array:
    """sum (target - y)^2, the E_t of the folded model.  y, target: (B, O) -> ()."""
    error = _difference(y, target)
    return np.sum(error * error)


def mean_squared_error(y: Array, target: Array) -> Array:
    """The mean of (y - target)^2 over all entries.  y, target: (B, O) -> ()."""
    error = _difference(y, target)
    return np.mean(error * error)


def cross_entropy(logits: Array, target: Array) -> Array:
    """-log softmax(logits)[target], averaged over the batch: the loss for a softmax read-out, before softmax.

    logits: (..., O); target: class indices (...), integers in 0..O-1, or probabilities (..., O).
    Raises ShapeError if they do not go together, DataError for a class out of range.
    """
    target = np.asarray(target)
    scores = log_softmax(logits)
    if target.dtype.kind not in "iu":
        _same_shape(logits, target)
        return -np.sum(scores * target) / max(1, target.size // target.shape[-1])
    if target.shape != logits.shape[:-1]:
        raise ShapeError(
            f"class indices have shape {target.shape}; logits {logits.shape} need {logits.shape[:-1]}, "
            "one class for each row."
        )
    classes = logits.shape[-1]
    if target.size and (target.min() < 0 or target.max() >= classes):
        raise DataError(
            f"class indices run from {target.min()} to {target.max()}; with {classes} logits "
            f"they must lie in 0..{classes - 1}."
        )
    chosen = scores.reshape((-1, classes))[np.arange(target.size), target.ravel()]
    return -np.mean(chosen)


def _difference(y: Array, target: Array) -> Array:
    _same_shape(y, target)
    return y - target


def _same_shape(y: Array, target: Array) -> None:
    """Broadcasting a target against an output is a mistake that NumPy would not report."""
    if np.shape(y) != np.shape(target):
        raise ShapeError(f"y has shape {np.shape(y)} and target {np.shape(target)}; a loss needs the same shape.")
