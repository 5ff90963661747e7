"""Rules of the matrix product in all its shapes, and the other products in terms of it."""

from functools import reduce
from math import prod
from operator import index
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tables import composite, defvjp
from tinygrad_rnn.errors import LinAlgError, ShapeError
from tinygrad_rnn.rules.shape import as_array


def _matmul_left(g: Array, y: Array, a: Array, b: Array) -> Array:
    b = as_array(b)
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if a.ndim == 1:  # a vector on the left is one row
        return np.squeeze(np.expand_dims(g, -2) @ np.swapaxes(b, -1, -2), -2)
    return g @ (b.T if b.ndim == 2 else np.swapaxes(b, -1, -2))


def _matmul_right(g: Array, y: Array, a: Array, b: Array) -> Array:
    a = as_array(a)
    if b.ndim == 1:
        return np.expand_dims(g, -1) * a
    if a.ndim == 1:
        share: Array = np.expand_dims(a, -1) * np.expand_dims(g, -2)
        return share
    if a.ndim == 2 and b.ndim == 2:
        return a.T @ g
    if b.ndim == 2:  # stacked rows against one matrix: one product instead of a sum of products
        rows = prod(g.shape[:-1])
        return a.reshape((rows, b.shape[0])).T @ g.reshape((rows, b.shape[1]))
    return np.swapaxes(a, -1, -2) @ g


defvjp(np.matmul, _matmul_left, _matmul_right)


# -- products of vectors and stacks of them --------------------------------------------------------

composite(np.linalg.matmul)(lambda x1, x2, /: np.matmul(x1, x2))
composite(np.vdot)(lambda a, b, /: np.matmul(np.ravel(a), np.ravel(b)))
composite(np.outer)(lambda a, b, out=None: np.reshape(a, (-1, 1)) * np.ravel(b))
composite(np.vecdot)(
    lambda x1, x2, /: np.squeeze(np.expand_dims(x1, -2) @ np.expand_dims(x2, -1), (-2, -1))
)
composite(np.linalg.vecdot)(
    lambda x1, x2, /, *, axis=-1: np.vecdot(_axis_last(x1, axis), _axis_last(x2, axis))
)
if hasattr(np, "matvec"):  # new in NumPy 2.2
    composite(np.matvec)(lambda x1, x2, /: np.squeeze(np.matmul(x1, np.expand_dims(x2, -1)), -1))
    composite(np.vecmat)(lambda x1, x2, /: np.squeeze(np.matmul(np.expand_dims(x1, -2), x2), -2))


def _axis_last(x: Array, axis: int) -> Array:
    return np.moveaxis(as_array(x), axis, -1)


@composite(np.linalg.outer)
def outer_of_vectors(x1: Array, x2: Array, /) -> Array:
    """`np.outer` of vectors only."""
    if (np.ndim(x1), np.ndim(x2)) != (1, 1):
        raise ShapeError(
            f"np.linalg.outer needs two vectors, not shapes {np.shape(x1)} and {np.shape(x2)}."
        )
    return np.outer(x1, x2)


@composite(np.cross)
def cross(
    a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """The vector product in three dimensions."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _axis_last(a, axisa), _axis_last(b, axisb)
    if (a.shape[-1], b.shape[-1]) != (3, 3):
        raise ShapeError(
            f"np.cross on Tensors needs vectors of length 3, not {a.shape[-1]} and {b.shape[-1]}."
        )
    left, right = [1, 2, 0], [2, 0, 1]
    return np.moveaxis(a[..., left] * b[..., right] - a[..., right] * b[..., left], -1, axisc)


composite(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: np.cross(x1, x2, axis=axis))


# -- products of more axes -------------------------------------------------------------------------


def _product(a: Array, b: Array, axes: tuple[int, int]) -> Array:
    """The sum over one axis of each; of a number with anything, their product."""
    return a * b if 0 in (np.ndim(a), np.ndim(b)) else np.tensordot(a, b, axes)


composite(np.inner)(lambda a, b, /: _product(a, b, (-1, -1)))
composite(np.dot)(
    lambda a, b, out=None: (
        np.matmul(a, b) if np.ndim(a) and 1 <= np.ndim(b) <= 2 else _product(a, b, (-1, -2))
    )
)


@composite(np.linalg.tensordot)
@composite(np.tensordot)
def tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    """The sum over the given axes of both, or over the last n of a and the first n of b."""
    a, b = as_array(a), as_array(b)
    summed: Any = (range(-axes, 0), range(axes)) if np.ndim(axes) == 0 else map(np.atleast_1d, axes)
    over_a, over_b = (
        [range(x.ndim)[i] for i in over] for x, over in zip((a, b), summed, strict=True)
    )
    if len(set(over_a)) < len(over_a) or len(set(over_b)) < len(over_b):
        raise ShapeError(f"np.tensordot sums over each axis once, not over {over_a} and {over_b}.")
    lengths, others = [a.shape[i] for i in over_a], [b.shape[i] for i in over_b]
    if lengths != others:
        raise ShapeError(
            f"np.tensordot of {a.shape} and {b.shape} sums over axes of lengths {lengths} and "
            f"{others}."
        )
    of_a, of_b = list(ascii_lowercase[: a.ndim]), list(ascii_uppercase[: b.ndim])
    for i, j in zip(over_a, over_b, strict=True):
        of_b[j] = of_a[i]
    rest = [c for c in of_a if c not in of_b] + [c for c in of_b if c not in of_a]
    subscripts = f"{''.join(of_a)},{''.join(of_b)}->{''.join(rest)}"
    product: Array = np.einsum(subscripts, a, b, optimize=True)
    return product


@composite(np.kron)
def kron(a: Array, b: Array) -> Array:
    """The Kronecker product: every entry of a times the whole of b, block by block."""
    ndim = max(np.ndim(a), np.ndim(b))
    of_a, of_b = ((1,) * (ndim - np.ndim(x)) + np.shape(x) for x in (a, b))
    blocks = np.reshape(a, [n for i in of_a for n in (i, 1)])
    inside = np.reshape(b, [n for j in of_b for n in (1, j)])
    return np.reshape(blocks * inside, [i * j for i, j in zip(of_a, of_b, strict=True)])


# -- powers and traces -----------------------------------------------------------------------------

composite(np.linalg.multi_dot)(lambda arrays, *, out=None: reduce(np.matmul, arrays))


@composite(np.linalg.matrix_power)
def matrix_power(a: Array, n: int) -> Array:
    """The product of n factors a, of the inverse if n is negative; by squaring."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError(f"np.linalg.matrix_power needs square matrices, not shape {a.shape}.")
    n = index(n)
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        identity: Array = 0.0 * a + np.eye(a.shape[-1], dtype=a.dtype)
        return identity
    if n == 1:
        return +a
    half: Array = matrix_power(a, n // 2)
    return half @ half if n % 2 == 0 else half @ half @ a


composite(np.trace)(
    lambda a, offset=0, axis1=0, axis2=1, dtype=None, out=None: np.sum(
        np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype
    )
)
composite(np.linalg.trace)(lambda x, /, *, offset=0, dtype=None: np.trace(x, offset, -2, -1, dtype))
