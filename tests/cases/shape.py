"""Functions that move entries about."""

from typing import Any

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.rules.shape import astype, concatenate, stack

MEANING.update(
    {
        astype: lambda x, dtype: x.astype(dtype),
        concatenate: lambda *arrays, axis=0: np.concatenate(arrays, axis),
        stack: lambda *arrays, axis=0: np.stack(arrays, axis),
    }
)

case(np.reshape, normal(2, 3), (3, 2))
case(np.reshape, normal(2, 3), -1)
case(np.reshape, normal(2, 3), (1, -1, 2))
case(np.reshape, normal(1, 1), ())
case(np.reshape, normal(), (1, 1))
case(np.reshape, normal(0, 3), (3, 0))
case(np.transpose, normal(2, 3))
case(np.transpose, normal(2, 3, 1, 2))
case(np.transpose, normal(2, 3, 1, 2), (3, 1, 0, 2))
case(np.transpose, normal(2, 3, 2), (-1, 0, -2))
case(np.transpose, normal(2, 3, 2), axes=(1, 2, 0))
case(np.transpose, normal(3))
case(np.transpose, normal(), ())
case(np.swapaxes, normal(2, 3, 2), 0, 1)
case(np.swapaxes, normal(2, 3, 2), -1, 0)
case(np.swapaxes, normal(2, 3, 2), axis1=-2, axis2=-1)
case(np.expand_dims, normal(2, 3), 1)
case(np.expand_dims, normal(2, 3), -1)
case(np.expand_dims, normal(2, 3), axis=(0, -1))
case(np.expand_dims, normal(), 0)
case(np.squeeze, normal(2, 1, 3, 1))
case(np.squeeze, normal(2, 1, 3, 1), 1)
case(np.squeeze, normal(2, 1, 3, 1), axis=-1)
case(np.squeeze, normal(1, 2, 1), axis=(0, -1))
case(np.squeeze, normal(1, 1))
case(np.squeeze, normal(2, 3))
case(np.broadcast_to, normal(), (2, 3))
case(np.broadcast_to, normal(3), (2, 3))
case(np.broadcast_to, normal(3, 1), (2, 3, 2))
case(np.broadcast_to, normal(2, 3), (2, 3))
case(np.broadcast_to, normal(1), shape=(0,))
case(np.ravel, normal(2, 3))
case(np.ravel, normal())
case(astype, normal(2, 3), np.dtype(np.float64))
case(astype, normal(), np.dtype(np.float64))

PIECES = [
    ([(3,), (2,)], 0),
    ([(2, 3), (1, 3)], 0),
    ([(2, 1), (2, 2), (2, 1)], 1),
    ([(2, 1), (2, 2)], -1),
    ([(1, 3, 2), (2, 3, 2)], -3),
    ([(2, 3)], 0),
    ([(2,), (0,), (1,)], 0),
]
for shapes, axis in PIECES:
    case(concatenate, *(normal(*s) for s in shapes), axis=axis)
    case(np.concatenate, *(normal(*s) for s in shapes), via=lambda *xs, axis=axis: np.concatenate(xs, axis=axis))
case(np.concatenate, normal(2, 3), normal(2), normal(), via=lambda *xs: np.concatenate(xs, axis=None))
case(np.concatenate, normal(2, 3), via=lambda x: np.concatenate([x, x], 1))
case(np.concatenate, normal(2), via=lambda x: np.concatenate([[1.0, 2.0], x, np.array([3], dtype=np.int16)]))
for shape, axis in [((3,), 0), ((3,), 1), ((2, 3), 1), ((2, 3), -1), ((2, 3), -3), ((), 0), ((0, 2), 0)]:
    case(stack, normal(*shape), normal(*shape), normal(*shape), axis=axis)
    case(np.stack, normal(*shape), normal(*shape), via=lambda *xs, axis=axis: np.stack(xs, axis=axis))
case(np.stack, normal(2), via=lambda x: np.stack([x, np.array([1, 2], dtype=np.int16), x], -1))
for shape, parts, axis in [
    ((4,), 2, 0),
    ((2, 6), 3, -1),
    ((3, 2), 3, 0),
    ((5, 2), [1, 3], 0),
    ((2, 5), np.array([2]), 1),
    ((2, 5), (1, 1, 4), -1),  # the second part is empty
    ((4,), [3, -2], 0),
    ((4,), [2, 9], 0),  # past the end
]:

    def weigh(x: Any, parts: Any = parts, axis: int = axis) -> Any:
        return np.concatenate([(i + 1) * part for i, part in enumerate(np.split(x, parts, axis))], axis)

    case(np.split, normal(*shape), via=weigh)
case(np.split, normal(4, 2), via=lambda x: np.split(x, 2)[1])
