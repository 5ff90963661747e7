"""Functions about arrays rather than of them: what they give is constant, what they cannot do on Tensors is refused."""

from typing import Any

import numpy as np

from tinygrad_rnn.core.tables import composite, defconstant, defrefused, defvjp, primitive
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.rules.shape import as_array

Array = Any

defconstant(
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type
)
defconstant(np.zeros_like, np.ones_like, np.empty_like)
defconstant(
    np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj, np.may_share_memory, np.shares_memory
)
defconstant(np.nonzero, np.flatnonzero, np.argwhere, np.diag_indices_from, np.tril_indices_from)
defconstant(
    np.triu_indices_from,
    np.ravel_multi_index,
    np.unravel_index,
    np.einsum_path,
    np.linalg.matrix_rank,
)
defconstant(np.array_repr, np.array_str, np.array2string)


defvjp(np.copy, lambda g, y, a, order="K", subok=False: g)


@primitive
def filled(value: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """The value everywhere in an array of this shape."""
    return np.full(shape, value, dtype)


defvjp(filled, lambda g, y, value, shape, dtype: g, None, None)


@composite(np.ix_)
def ix_(*args: Array) -> tuple[Array, ...]:
    """Vectors along axes of their own; of truth values the places of those that are true."""
    vectors = [as_array(a) for a in args]
    if any(a.ndim != 1 for a in vectors):
        raise ShapeError(
            f"np.ix_ takes vectors, not arrays of shapes {', '.join(str(a.shape) for a in vectors)}."
        )
    vectors = [np.flatnonzero(a) if a.dtype.kind == "b" else a for a in vectors]
    return tuple(
        np.reshape(a, (1,) * i + (a.size,) + (1,) * (len(vectors) - i - 1))
        for i, a in enumerate(vectors)
    )


@composite(np.full_like)
def full_like(
    a: Array,
    fill_value: Array,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: None = None,
) -> Array:
    """The value everywhere, in the shape and dtype of a: recorded if the value is, else a plain array."""
    dtype = np.dtype(a.dtype if dtype is None else dtype)
    shape = a.shape if shape is None else shape
    if (
        dtype.kind != "f"
    ):  # asarray refuses a value that requires a gradient: rounding would lose it
        return np.full(shape, np.asarray(fill_value), dtype)
    return filled(fill_value, shape, dtype)


defrefused(
    "writes into an array, and what was recorded earlier would change with it. "
    "Build a new one with np.where or np.concatenate, or pass x.data.",
    np.copyto,
    np.put,
    np.place,
    np.putmask,
    np.put_along_axis,
    np.fill_diagonal,
)
defrefused(
    "stores values, not graphs. Pass x.data.",
    np.save,
    np.savez,
    np.savez_compressed,
    np.savetxt,
)
defrefused(
    "calls a function with plain slices, where nothing is recorded. "
    "Call the function on whole Tensors, or np.stack its results.",
    np.apply_along_axis,
    np.apply_over_axes,
    np.piecewise,
)
