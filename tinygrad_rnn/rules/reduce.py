"""Rules of the reductions over axes."""

from typing import Any

import numpy as np

from tinygrad_rnn.primitive import defconstant, defvjp

Array = Any


def restore(g: Array, x: Array, axis: Any, keepdims: bool) -> Array:
    """Give a reduced array its lost axes back, with length 1, so that it broadcasts against x."""
    if keepdims or g.ndim == x.ndim:
        return g
    if axis is None:
        return g.reshape((1,) * x.ndim)
    return np.expand_dims(g, axis)


def _sum(g: Array, y: Array, a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    return np.broadcast_to(restore(g, a, axis, keepdims), a.shape)


def _mean(g: Array, y: Array, a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    count = a.size // max(y.size, 1)  # a Python int: float32 stays float32
    return np.broadcast_to(restore(g / count, a, axis, keepdims), a.shape)


def _extremum(g: Array, y: Array, a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    chosen = (a == restore(y, a, axis, keepdims)).astype(g.dtype)  # ties share equally
    ties = np.sum(chosen, axis=axis, keepdims=True)
    return restore(g, a, axis, keepdims) * (chosen / ties)


defvjp(np.sum, _sum)
defvjp(np.mean, _mean)
defvjp(np.max, _extremum)
defvjp(np.min, _extremum)

defconstant(np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero)
