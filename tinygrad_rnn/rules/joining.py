"""Rules of the functions that put arrays together and take them apart again."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Function
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite, defvjp_variadic, primitive
from tinygrad_rnn.errors import DTypeError, ShapeError
from tinygrad_rnn.rules.rearrange import positions
from tinygrad_rnn.rules.shape import Casting, as_array, cast


@primitive
def concatenate(*arrays: Array, axis: int = 0) -> Array:
    """The arrays one after another along an existing axis; `np.concatenate` without the list."""
    return np.concatenate(arrays, axis=axis)


@primitive
def stack(*arrays: Array, axis: int = 0) -> Array:
    """The arrays along a new axis; `np.stack` without the list."""
    return np.stack(arrays, axis=axis)


def _concatenate(
    argnums: Sequence[int], g: Array, y: Array, *arrays: Array, axis: int = 0
) -> list[Array]:
    ends = [0, *accumulate(np.shape(a)[axis] for a in arrays)]
    return [_along(g, axis, slice(ends[i], ends[i + 1])) for i in argnums]


def _along(x: Array, axis: int, which: int | slice) -> Array:
    """What is taken along an axis; everything along those before it."""
    return x[(*(slice(None),) * (axis % x.ndim), which)]


defvjp_variadic(concatenate, _concatenate)
defvjp_variadic(stack, lambda argnums, g, y, *arrays, axis=0: [_along(g, axis, i) for i in argnums])


# -- together --------------------------------------------------------------------------------------


composite(np.concatenate)(
    lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": _one_after_another(
        _cast(arrays, dtype, casting, "np.concatenate"), axis
    )
)
composite(np.stack)(
    lambda arrays, axis=0, out=None, *, dtype=None, casting="same_kind": stack(
        *_cast(arrays, dtype, casting, "np.stack"), axis=axis
    )
)
composite(np.hstack)(
    lambda tup, *, dtype=None, casting="same_kind": _side_by_side(
        [np.atleast_1d(a) for a in _cast(tup, dtype, casting, "np.hstack")]
    )
)
composite(np.vstack)(
    lambda tup, *, dtype=None, casting="same_kind": concatenate(
        *map(np.atleast_2d, _cast(tup, dtype, casting, "np.vstack")), axis=0
    )
)
composite(np.dstack)(lambda tup: concatenate(*map(np.atleast_3d, tup), axis=2))
composite(np.column_stack)(
    lambda tup: concatenate(
        *(a if np.ndim(a) >= 2 else np.reshape(a, (-1, 1)) for a in tup), axis=1
    )
)
composite(np.append)(lambda arr, values, axis=None: np.concatenate((arr, values), axis=axis))


def _one_after_another(arrays: Sequence[Array], axis: int | None) -> Array:
    return concatenate(*map(np.ravel, arrays)) if axis is None else concatenate(*arrays, axis=axis)


def _side_by_side(arrays: Sequence[Array]) -> Array:
    """Along the second axis, vectors along their only one."""
    return concatenate(*arrays, axis=0 if arrays and arrays[0].ndim == 1 else 1)


def _cast(
    arrays: Sequence[Array], dtype: DTypeLike | None, casting: Casting, name: str
) -> Sequence[Array]:
    """The arrays in the dtype that is asked for, or that they have together."""
    if dtype is None and casting == "same_kind":  # all real numbers have a dtype together
        return arrays
    arrays = [as_array(a) for a in arrays]
    dtype = np.result_type(*(a.dtype for a in arrays)) if dtype is None else dtype
    return [cast(a, dtype, casting, name) for a in arrays]


@composite(np.block)
def block(arrays: Any) -> Array:
    """The innermost lists are joined along the last axis, their lists along the one before."""
    depth = _depth(arrays)
    return _block(arrays, -depth, max(depth, _most_axes(arrays)))


def _block(arrays: Any, axis: int, ndim: int) -> Array:
    if not isinstance(arrays, list):
        return np.reshape(arrays, (1,) * (ndim - np.ndim(arrays)) + np.shape(arrays))
    return concatenate(*(_block(a, axis + 1, ndim) for a in arrays), axis=axis)


def _depth(arrays: Any) -> int:
    """How deep the lists are nested: equally everywhere."""
    if not isinstance(arrays, list):
        return 0
    depths = set(map(_depth, arrays))
    if len(depths) != 1:
        raise ShapeError(
            "np.block needs lists that are nested equally deep everywhere and are not empty."
        )
    return 1 + depths.pop()


def _most_axes(arrays: Any) -> int:
    return max(map(_most_axes, arrays)) if isinstance(arrays, list) else np.ndim(arrays)


@composite(np.insert)
def insert(arr: Array, obj: Any, values: Array, axis: int | None = None) -> Array:
    """The values before the given entries of the array, in its dtype."""
    arr, values = as_array(arr), as_array(values)
    if arr.dtype.kind != "f":
        raise DTypeError(
            f"np.insert would round the values to {arr.dtype}. "
            "Convert the array first, x.astype(float)."
        )
    both = np.concatenate((arr, astype(values, arr.dtype)), axis=None)
    old, new = positions(arr), arr.size + positions(values)
    return both[np.insert(old, obj if isinstance(obj, slice) else np.asarray(obj), new, axis)]


# -- apart -----------------------------------------------------------------------------------------


@composite(np.split)
def split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Equal shares, or what lies between the given indices, as a list."""
    n, length = indices_or_sections, ary.shape[axis]
    if np.ndim(n) == 0 and (n < 1 or length % n):
        raise ShapeError(
            f"an axis of length {length} cannot be split into {n} equal pieces. "
            "Use np.array_split, or give the indices where to split."
        )
    return array_split(ary, n, axis)


@composite(np.array_split)
def array_split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Of equal length, the first ones longer by one if need be, or between the given indices."""
    length = ary.shape[axis]
    if np.ndim(indices_or_sections) == 0:
        sections = int(indices_or_sections)
        if sections < 1:
            raise ShapeError(f"np.array_split needs at least one piece, not {sections}.")
        each, longer = divmod(length, sections)
        ends = [each * i + min(i, longer) for i in range(1, sections + 1)]
    else:
        ends = [*(int(i) for i in indices_or_sections), length]
    return [_along(ary, axis, slice(a, b)) for a, b in zip([0, *ends], ends, strict=False)]


def _split_along(axis: int, least: int, name: str) -> Function:
    def definition(ary: Array, indices_or_sections: Any) -> list[Array]:
        if ary.ndim < least:
            raise ShapeError(
                f"{name} needs an array of {least} axes or more; this one has shape {ary.shape}."
            )
        return split(ary, indices_or_sections, min(axis, ary.ndim - 1))

    return definition


composite(np.hsplit)(_split_along(1, 1, "np.hsplit"))
composite(np.vsplit)(_split_along(0, 2, "np.vsplit"))
composite(np.dsplit)(_split_along(2, 3, "np.dsplit"))


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The arrays that lie along an axis, as a tuple."""
    if x.ndim == 0:
        raise ShapeError("np.unstack needs an array of one axis or more.")
    return tuple(_along(x, axis, i) for i in range(x.shape[axis]))


if hasattr(np, "unstack"):  # new in NumPy 2.1
    composite(np.unstack)(unstack)
