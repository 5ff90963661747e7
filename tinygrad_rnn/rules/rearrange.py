"""Rules of the functions that move entries about: turn, repeat, cut and pad."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_rnn._typing import Array, ArrayLike
from tinygrad_rnn.core.tables import composite, defvjp, primitive
from tinygrad_rnn.errors import UnsupportedError, UsageError
from tinygrad_rnn.rules.indexing import defmoved, positions, put_back

defvjp(np.flip, lambda g, y, m, axis=None: np.flip(g, axis))
defvjp(np.fliplr, lambda g, y, m: np.fliplr(g))
defvjp(np.flipud, lambda g, y, m: np.flipud(g))
defvjp(np.roll, lambda g, y, a, shift, axis=None: np.roll(g, np.negative(shift), axis))
defvjp(np.rot90, lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
defvjp(np.tril, lambda g, y, m, k=0: np.tril(g, k))
defvjp(np.triu, lambda g, y, m, k=0: np.triu(g, k))
defvjp(
    np.diag,
    lambda g, y, v, k=0: np.diag(g, k) if v.ndim == 1 else put_back(g, v, np.diag(positions(v), k)),
)
composite(np.diagflat)(lambda v, k=0: np.diag(np.ravel(v), k))
composite(np.linalg.diagonal)(lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))


@primitive
def pad_with_constant(x: Array, pad_width: Any, constant_values: ArrayLike) -> Array:
    """`np.pad` with mode="constant"."""
    return np.pad(x, pad_width, constant_values=constant_values)


@primitive
def pad_with_copies(x: Array, pad_width: Any, mode: Any) -> Array:
    """`np.pad` with copies of entries of the array."""
    return np.pad(x, pad_width, mode)


def _pad_with_constant(
    g: Array, y: Array, x: Array, pad_width: Any, constant_values: ArrayLike
) -> Array:
    return np.reshape(g[np.pad(np.ones(x.shape, bool), pad_width)], x.shape)


defvjp(pad_with_constant, _pad_with_constant)
defmoved(np.diagonal, np.tile, np.repeat, np.resize, sliding_window_view, pad_with_copies)

_COPYING = ("edge", "reflect", "symmetric", "wrap")
_COMPUTING = ("empty", "linear_ramp", "maximum", "mean", "median", "minimum")


@composite(np.pad)
def pad(
    array: Array, pad_width: Any, mode: Any = "constant", *, constant_values: ArrayLike = 0
) -> Array:
    """Entries put around an array: a constant, or entries of the array itself."""
    if mode == "constant":
        return pad_with_constant(array, pad_width, constant_values)
    if mode in _COPYING:
        return pad_with_copies(array, pad_width, mode)
    known = "Use 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'"
    if mode not in _COMPUTING and not callable(mode):
        raise UsageError(f"np.pad knows no mode={mode!r}. {known}.")
    raise UnsupportedError(
        f"np.pad on Tensors takes no mode={mode!r}, which computes what it puts there. "
        f"{known}, or np.concatenate with what you compute yourself."
    )
