"""Rules of the functions that give the same entries another shape or dtype."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite, defvjp
from tinygrad_rnn.errors import DTypeError, ShapeError, UnsupportedError, UsageError

Array = Any


def as_array(x: Any) -> Array:
    """An operand as an array (or Tensor): it may have been given as a list or a number."""
    return x if hasattr(x, "ndim") else np.asarray(x)


def floating(x: Any, g: Array) -> Array:
    """An operand in floats: the logarithm of an int8 is a float16, a truth value less 1 an int64."""
    if isinstance(x, (int, float)):
        return np.asarray(x, g.dtype)
    x = as_array(x)
    return x if x.dtype.kind == "f" else x.astype(g.dtype)


def cast(x: Array, dtype: Any, casting: Any, name: str) -> Array:
    """x in the dtype that a call of `name` asks for; a plain array if that is not floating."""
    dtype = np.dtype(dtype)
    if not np.can_cast(x.dtype, dtype, casting):
        raise DTypeError(
            f"{name} of dtype {x.dtype} as {dtype} is no {casting!r} cast. "
            "Give another casting=, or x.astype(...) yourself."
        )
    return x if x.dtype == dtype else astype(x, dtype) if dtype.kind == "f" else x.astype(dtype)


def _inverse(axes: Sequence[int]) -> list[int]:
    return sorted(range(len(axes)), key=[a % len(axes) for a in axes].__getitem__)


defvjp(np.reshape, lambda g, y, a, shape, order="C", *, copy=None: np.reshape(g, a.shape), None)
defvjp(
    np.transpose,
    lambda g, y, a, axes=None: np.transpose(g, None if axes is None else _inverse(axes)),
)
defvjp(np.swapaxes, lambda g, y, a, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.moveaxis, lambda g, y, a, source, destination: np.moveaxis(g, destination, source))
defvjp(np.expand_dims, lambda g, y, a, axis: np.reshape(g, a.shape))
defvjp(np.squeeze, lambda g, y, a, axis=None: np.reshape(g, a.shape))
defvjp(np.broadcast_to, lambda g, y, array, shape, subok=False: g)


def astype_by_name(
    x: Array,
    dtype: Any,
    /,
    *,
    copy: bool = True,
    device: None = None,
) -> Array:
    """x.astype(dtype): recorded for floating dtypes, a plain array for others."""
    return x.astype(dtype)


if hasattr(np, "astype"):  # new in NumPy 2.1
    composite(np.astype)(astype_by_name)


@composite(np.ravel)
def ravel(a: Array, order: str = "C") -> Array:
    """All entries in one axis, row by row, or with order="F" column by column."""
    return np.reshape(_columns_first(a, order, "np.ravel"), -1)


@composite(np.reshape)
def reshape(
    a: Array,
    shape: Any = None,
    order: str = "C",
    *,
    newshape: Any = None,  # its name before NumPy 2.1
    copy: bool | None = None,
) -> Array:
    """The entries in another shape: row by row, which is a primitive, or by columns (order="F")."""
    if order == "C" and newshape is None:
        return NotImplemented
    shape = newshape if shape is None else shape
    if order == "C":
        return np.reshape(a, shape)
    backwards = tuple(np.atleast_1d(shape).tolist())[::-1]
    return np.transpose(np.reshape(_columns_first(a, order, "np.reshape"), backwards))


def _columns_first(a: Array, order: str, name: str) -> Array:
    if order not in ("C", "F", "A", "K"):
        raise UsageError(f"{name} knows no order={order!r}. Use 'C' or 'F'.")
    if order not in ("C", "F"):
        raise UnsupportedError(
            f"{name} on Tensors takes no order={order!r}, which depends on the layout in memory. Use 'C' or 'F'."
        )
    return np.transpose(a) if order == "F" else a


@composite(np.matrix_transpose)
@composite(np.linalg.matrix_transpose)
def matrix_transpose(x: Array, /) -> Array:
    """The last two axes exchanged."""
    if x.ndim < 2:
        raise ShapeError(
            f"np.matrix_transpose needs two axes at least, not shape {x.shape}. Use np.atleast_2d."
        )
    return np.swapaxes(x, -1, -2)


@composite(np.rollaxis)
def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    """An axis moved back until it lies before the axis `start`."""
    axis, start = (i + a.ndim if i < 0 else i for i in (axis, start))
    return np.moveaxis(a, axis, start - (axis < start))


@composite(np.atleast_1d)
def atleast_1d(*arys: Array) -> Array:
    """Each array with one axis at least."""
    return _each(arys, lambda x: x if x.ndim else np.reshape(x, 1))


@composite(np.atleast_2d)
def atleast_2d(*arys: Array) -> Array:
    """Each array with two axes at least: a vector is a row."""
    return _each(arys, lambda x: x if x.ndim >= 2 else np.reshape(x, (1, -1)))


@composite(np.atleast_3d)
def atleast_3d(*arys: Array) -> Array:
    """Each array with three axes at least: a vector lies along the middle one, a matrix along the first two."""
    return _each(
        arys,
        lambda x: x if x.ndim >= 3 else np.reshape(x, (*x.shape, 1) if x.ndim == 2 else (1, -1, 1)),
    )


def _each(arrays: Sequence[Array], change: Any) -> Any:
    """As NumPy has it: one array for one, a tuple for several."""
    changed = tuple(change(as_array(a)) for a in arrays)
    return changed[0] if len(changed) == 1 else changed


@composite(np.broadcast_arrays)
def broadcast_arrays(*args: Array, subok: bool = False) -> tuple[Array, ...]:
    """All arrays in their common shape."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in args)


@composite(np.meshgrid)
def meshgrid(
    *xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Array, ...]:
    """The coordinates of a grid: each vector along an axis of its own, and the same along the others."""
    if indexing not in ("xy", "ij"):
        raise UsageError(f"np.meshgrid has indexing='xy' or 'ij', not {indexing!r}.")
    n = len(xi)
    axes = [1, 0, *range(2, n)][:n] if indexing == "xy" and n > 1 else range(n)
    grid = tuple(
        np.reshape(x, [-1 if i == axis else 1 for i in range(n)])
        for x, axis in zip(xi, axes, strict=True)
    )
    return grid if sparse else np.broadcast_arrays(*grid)
