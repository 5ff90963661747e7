"""Numbers evenly spaced between two others, in terms of arithmetic."""

from operator import index
from typing import Any

import numpy as np

from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.rules.shape import floating

Array = Any


@composite(np.linspace)
def linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: None = None,
) -> Any:
    """`num` numbers from start to stop, or before it (endpoint=False); `retstep` adds the step."""
    num = index(num)
    if num < 0:
        raise UsageError(f"np.linspace of num={num}: how many numbers there are is 0 or more.")
    delta = 1.0 * np.subtract(stop, start)
    steps = num - 1 if endpoint else num
    step = delta / steps if steps > 0 else np.nan * delta
    place = np.arange(num, dtype=delta.dtype).reshape((-1,) + (1,) * delta.ndim)
    y = place * (step if steps > 0 else delta) + start
    if endpoint and num > 1:
        last = np.broadcast_to(floating(stop, delta), delta.shape)
        y = np.concatenate([y[:-1], np.expand_dims(last, 0)])
    y = _as(np.moveaxis(y, 0, axis), dtype)
    return (y, step) if retstep else y


def _as(y: Array, dtype: Any) -> Array:
    if dtype is None:
        return y
    return astype(np.floor(y) if np.dtype(dtype).kind in "iu" else y, np.dtype(dtype))


@composite(np.logspace)
def logspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    base: Array = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    """The powers of a base with these exponents."""
    if np.ndim(base):
        raise UsageError(
            f"np.logspace on Tensors has one base, not an array of shape {np.shape(base)}."
        )
    y = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else astype(y, np.dtype(dtype))  # NumPy rounds towards 0 here
