"""`x[key]` and its transpose, each the other's derivative."""

from typing import Any

import numpy as np

from tinygrad_rnn.primitive import defvjp, primitive

Array = Any


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


defvjp(getitem, lambda g, y, x, key: scatter(g, key, x.shape), None)
defvjp(scatter, lambda g, y, x, key, shape: getitem(g, key), None, None)
