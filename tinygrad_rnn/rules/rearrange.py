"""Rules of the functions that move entries about: turn, repeat, cut and pad.

Where the way back is not a function of the same kind, it is found by sending the numbers of the places through the
function itself: `places(x)` goes in, what comes out says for each entry where in x it came from.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_rnn.core.tables import composite, defvjp, primitive
from tinygrad_rnn.errors import UnsupportedError, UsageError
from tinygrad_rnn.rules.indexing import places, put_back

Array = Any

defvjp(np.flip, lambda g, y, m, axis=None: np.flip(g, axis))
defvjp(np.fliplr, lambda g, y, m: np.fliplr(g))
defvjp(np.flipud, lambda g, y, m: np.flipud(g))
defvjp(np.roll, lambda g, y, a, shift, axis=None: np.roll(g, np.negative(shift), axis))
defvjp(np.rot90, lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
defvjp(np.tril, lambda g, y, m, k=0: np.tril(g, k))
defvjp(np.triu, lambda g, y, m, k=0: np.triu(g, k))
defvjp(
    np.diag,
    lambda g, y, v, k=0: np.diag(g, k) if v.ndim == 1 else put_back(g, v, np.diag(places(v), k)),
)
defvjp(
    np.diagonal,
    lambda g, y, a, offset=0, axis1=0, axis2=1: put_back(
        g, a, np.diagonal(places(a), offset, axis1, axis2)
    ),
)
defvjp(np.tile, lambda g, y, A, reps: put_back(g, A, np.tile(places(A), reps)))
defvjp(
    np.repeat,
    lambda g, y, a, repeats, axis=None: put_back(g, a, np.repeat(places(a), repeats, axis)),
)
defvjp(np.resize, lambda g, y, a, new_shape: put_back(g, a, np.resize(places(a), new_shape)))
defvjp(
    sliding_window_view,
    lambda g, y, x, window_shape, axis=None, *, subok=False, writeable=False: put_back(
        g, x, sliding_window_view(places(x), window_shape, axis)
    ),
)


@composite(np.diagflat)
def diagflat(v: Array, k: int = 0) -> Array:
    """A matrix with the entries of v on a diagonal and 0 elsewhere."""
    return np.diag(np.ravel(v), k)


@composite(np.linalg.diagonal)
def matrix_diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """The diagonals of a stack of matrices."""
    return np.diagonal(x, offset, -2, -1)


@primitive
def pad_with_constant(x: Array, pad_width: Any, constant_values: Any) -> Array:
    """`np.pad` with mode="constant"."""
    return np.pad(x, pad_width, constant_values=constant_values)


@primitive
def pad_with_copies(x: Array, pad_width: Any, mode: Any) -> Array:
    """`np.pad` with copies of entries of the array."""
    return np.pad(x, pad_width, mode)


defvjp(
    pad_with_constant,
    lambda g, y, x, pad_width, constant_values: np.reshape(
        g[np.pad(np.ones(x.shape, bool), pad_width)], x.shape
    ),
)
defvjp(
    pad_with_copies,
    lambda g, y, x, pad_width, mode: put_back(g, x, np.pad(places(x), pad_width, mode)),
)


@composite(np.pad)
def pad(array: Array, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0) -> Array:
    """Entries put around an array: a constant, or entries of the array itself."""
    if mode == "constant":
        return pad_with_constant(array, pad_width, constant_values)
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return pad_with_copies(array, pad_width, mode)
    if mode not in (
        "empty",
        "linear_ramp",
        "maximum",
        "mean",
        "median",
        "minimum",
    ) and not callable(mode):
        raise UsageError(
            f"np.pad knows no mode={mode!r}. Use 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'."
        )
    raise UnsupportedError(
        f"np.pad on Tensors takes no mode={mode!r}, which computes what it puts there. "
        "Use 'constant', 'edge', 'reflect', 'symmetric' or 'wrap', or np.concatenate with what you compute yourself."
    )
