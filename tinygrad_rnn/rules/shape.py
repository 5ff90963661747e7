"""Rules of the functions that only move entries about, and `unbroadcast`, the transpose of broadcasting."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.primitive import composite, defconstant, defvjp, defvjp_variadic, primitive

Array = Any


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum g over the axes along which an array of this shape was broadcast."""
    extra = g.ndim - len(shape)
    axes = [*range(extra), *(extra + i for i, n in enumerate(shape) if n == 1 != g.shape[extra + i])]
    return np.sum(g, axis=tuple(axes), keepdims=True).reshape(shape)


def _inverse(axes: Sequence[int]) -> list[int]:
    return sorted(range(len(axes)), key=[a % len(axes) for a in axes].__getitem__)


@primitive
def astype(x: Array, dtype: Any) -> Array:
    """x in another floating dtype."""
    return np.asarray(x).astype(dtype)


@primitive
def concatenate(*arrays: Array, axis: int = 0) -> Array:
    """The arrays one after another along an existing axis; `np.concatenate` without the list."""
    return np.concatenate(arrays, axis=axis)


@primitive
def stack(*arrays: Array, axis: int = 0) -> Array:
    """The arrays along a new axis; `np.stack` without the list."""
    return np.stack(arrays, axis=axis)


def _concatenate(argnum: int, g: Array, y: Array, *arrays: Array, axis: int = 0) -> Array:
    start = sum(np.shape(a)[axis] for a in arrays[:argnum])
    piece = slice(start, start + np.shape(arrays[argnum])[axis])
    return g[(slice(None),) * (axis % g.ndim) + (piece,)]


def _stack(argnum: int, g: Array, y: Array, *arrays: Array, axis: int = 0) -> Array:
    return g[(slice(None),) * (axis % g.ndim) + (argnum,)]


defvjp(astype, lambda g, y, x, dtype: astype(g, x.dtype), None)
defvjp(np.reshape, lambda g, y, a, shape: np.reshape(g, a.shape), None)
defvjp(np.transpose, lambda g, y, a, axes=None: np.transpose(g, None if axes is None else _inverse(axes)))
defvjp(np.swapaxes, lambda g, y, a, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.expand_dims, lambda g, y, a, axis: np.reshape(g, a.shape))
defvjp(np.squeeze, lambda g, y, a, axis=None: np.reshape(g, a.shape))
defvjp(np.broadcast_to, lambda g, y, array, shape: g)
defvjp_variadic(concatenate, _concatenate)
defvjp_variadic(stack, _stack)


@composite(np.concatenate)
def _concatenate_list(arrays: Sequence[Array], axis: int | None = 0) -> Array:
    return concatenate(*map(np.ravel, arrays)) if axis is None else concatenate(*arrays, axis=axis)


@composite(np.stack)
def _stack_list(arrays: Sequence[Array], axis: int = 0) -> Array:
    return stack(*arrays, axis=axis)


@composite(np.ravel)
def ravel(a: Array) -> Array:
    """All entries in one axis, row by row."""
    return np.reshape(a, -1)


@composite(np.split)
def split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Equal parts, or the parts between the given indices, as a list."""
    length = ary.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        sections = int(indices_or_sections)
        if sections < 1 or length % sections:
            raise ValueError(f"an axis of length {length} cannot be split into {sections} equal parts")
        ends = [length // sections * i for i in range(1, sections + 1)]
    else:
        ends = [*(int(i) for i in indices_or_sections), length]
    before = (slice(None),) * (axis % ary.ndim)
    return [ary[(*before, slice(a, b))] for a, b in zip([0, *ends], ends, strict=False)]


defconstant(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.full_like, np.result_type)
