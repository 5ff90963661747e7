"""Rules of the functions that give the same entries another shape or dtype."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike, DTypeLike, Function
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite, defvjp
from tinygrad_rnn.errors import DTypeError, ShapeError, UnsupportedError, UsageError

Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]


def as_array(x: Any) -> Array:
    """An operand as an array (or Tensor): it may have been given as a list or a number."""
    array: Array = x if hasattr(x, "ndim") else np.asarray(x)
    return array


def floating(x: ArrayLike, g: Array) -> Array:
    """In floats: the logarithm of an int8 would be a float16, a truth value less 1 an int64."""
    if isinstance(x, (int, float)):
        return np.asarray(x, g.dtype)
    x = as_array(x)
    return x if x.dtype.kind == "f" else x.astype(g.dtype)


def cast(x: Array, dtype: DTypeLike, casting: Casting, name: str) -> Array:
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

if hasattr(np, "astype"):  # new in NumPy 2.1
    composite(np.astype)(lambda x, dtype, /, *, copy=True, device=None: x.astype(dtype))


# -- row by row, or by columns ---------------------------------------------------------------------

composite(np.ravel)(lambda a, order="C": np.reshape(_columns_first(a, order, "np.ravel"), -1))


@composite(np.reshape)
def reshape(
    a: Array, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: bool | None = None
) -> Any:
    """By rows a primitive, by columns (order="F") not; newshape is its name before NumPy 2.1."""
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
            f"{name} on Tensors takes no order={order!r}, which depends on the layout in memory. "
            "Use 'C' or 'F'."
        )
    return np.transpose(a) if order == "F" else a


# -- axes moved and added --------------------------------------------------------------------------


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


def _at_least(ndim: int, longer: Function) -> Function:
    """Arrays with this many axes at least: one array for one, a tuple for several."""

    def definition(*arys: ArrayLike) -> Array | tuple[Array, ...]:
        arrays = map(as_array, arys)
        grown = tuple(x if x.ndim >= ndim else np.reshape(x, longer(x.shape)) for x in arrays)
        return grown[0] if len(grown) == 1 else grown

    return definition


composite(np.atleast_1d)(_at_least(1, lambda shape: 1))
composite(np.atleast_2d)(_at_least(2, lambda shape: (1, -1)))  # a vector is a row
composite(np.atleast_3d)(_at_least(3, lambda s: (*s, 1) if len(s) == 2 else (1, -1, 1)))


# -- common shapes ---------------------------------------------------------------------------------


@composite(np.broadcast_arrays)
def broadcast_arrays(*args: Array, subok: bool = False) -> tuple[Array, ...]:
    """All arrays in their common shape."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in args)


def _along_own(x: Array, axis: int, ndim: int) -> Array:
    """All entries of x along one of so many axes."""
    return np.reshape(x, tuple(-1 if i == axis else 1 for i in range(ndim)))


@composite(np.meshgrid)
def meshgrid(
    *xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Array, ...]:
    """A grid: each vector along an axis of its own, the same along the others."""
    if indexing not in ("xy", "ij"):
        raise UsageError(f"np.meshgrid has indexing='xy' or 'ij', not {indexing!r}.")
    n = len(xi)
    axes = [1, 0, *range(2, n)][:n] if indexing == "xy" and n > 1 else range(n)
    grid = tuple(_along_own(x, axis, n) for x, axis in zip(xi, axes, strict=True))
    return grid if sparse else np.broadcast_arrays(*grid)


@composite(np.ix_)
def ix_(*args: ArrayLike) -> tuple[Array, ...]:
    """Vectors along axes of their own; of truth values the indices of those that are true."""
    vectors = [as_array(a) for a in args]
    if any(a.ndim != 1 for a in vectors):
        shapes = ", ".join(str(a.shape) for a in vectors)
        raise ShapeError(f"np.ix_ takes vectors, not arrays of shapes {shapes}.")
    vectors = [np.flatnonzero(a) if a.dtype.kind == "b" else a for a in vectors]
    return tuple(_along_own(a, i, len(vectors)) for i, a in enumerate(vectors))
