"""Rules of the functions that make new arrays: copies, one value everywhere, spaced numbers."""

from operator import index

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Shape
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite, defvjp, primitive
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.rules.shape import floating

defvjp(np.copy, lambda g, y, a, order="K", subok=False: g)


@primitive
def filled(value: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """The value everywhere in an array of this shape."""
    return np.full(shape, value, dtype)


defvjp(filled, lambda g, y, value, shape, dtype: g, None, None)


@composite(np.full_like)
def full_like(
    a: Array,
    fill_value: Array,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Shape | None = None,
    *,
    device: None = None,
) -> Array:
    """In the shape and dtype of a: recorded if the value is, else a plain array."""
    dtype = np.dtype(a.dtype if dtype is None else dtype)
    shape = a.shape if shape is None else shape
    if dtype.kind != "f":  # asarray refuses a value that requires a gradient: rounding loses it
        return np.full(shape, np.asarray(fill_value), dtype)
    return filled(fill_value, shape, dtype)


@composite(np.linspace)
def linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: None = None,
) -> Array | tuple[Array, Array]:
    """`num` numbers from start to stop, or before it (endpoint=False); `retstep` adds the step."""
    num = index(num)
    if num < 0:
        raise UsageError(f"np.linspace of num={num}: how many numbers there are is 0 or more.")
    delta = 1.0 * np.subtract(stop, start)
    steps = num - 1 if endpoint else num
    step = delta / steps if steps > 0 else np.nan * delta
    number = np.arange(num, dtype=delta.dtype).reshape((-1,) + (1,) * delta.ndim)
    y = number * (step if steps > 0 else delta) + start
    if endpoint and num > 1:
        last = np.broadcast_to(floating(stop, delta), delta.shape)
        y = np.concatenate([y[:-1], np.expand_dims(last, 0)])
    y = np.moveaxis(y, 0, axis)
    if dtype is not None:
        y = astype(np.floor(y) if np.dtype(dtype).kind in "iu" else y, np.dtype(dtype))
    return (y, step) if retstep else y


@composite(np.logspace)
def logspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    base: float | Array = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Array:
    """The powers of a base with these exponents."""
    if np.ndim(base):
        raise UsageError(
            f"np.logspace on Tensors has one base, not an array of shape {np.shape(base)}."
        )
    y: Array = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else astype(y, np.dtype(dtype))  # NumPy rounds towards 0 here
