"""Functions that put arrays together and take them apart again."""

from typing import Any

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.rules.joining import concatenate, stack

MEANING.update(
    {
        concatenate: lambda *arrays, axis=0: np.concatenate(arrays, axis),
        stack: lambda *arrays, axis=0: np.stack(arrays, axis),
    }
)

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
    case(
        np.concatenate,
        *(normal(*s) for s in shapes),
        via=lambda *xs, axis=axis: np.concatenate(xs, axis=axis),
    )
case(
    np.concatenate, normal(2, 3), normal(2), normal(), via=lambda *xs: np.concatenate(xs, axis=None)
)
case(np.concatenate, normal(2, 3), via=lambda x: np.concatenate([x, x], 1))
case(
    np.concatenate,
    normal(2),
    via=lambda x: np.concatenate([[1.0, 2.0], x, np.array([3], dtype=np.int16)]),
)
for shape, axis in [
    ((3,), 0),
    ((3,), 1),
    ((2, 3), 1),
    ((2, 3), -1),
    ((2, 3), -3),
    ((), 0),
    ((0, 2), 0),
]:
    case(stack, normal(*shape), normal(*shape), normal(*shape), axis=axis)
    case(
        np.stack, normal(*shape), normal(*shape), via=lambda *xs, axis=axis: np.stack(xs, axis=axis)
    )
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
        return np.concatenate(
            [(i + 1) * part for i, part in enumerate(np.split(x, parts, axis))], axis
        )

    case(np.split, normal(*shape), via=weigh)
case(np.split, normal(4, 2), via=lambda x: np.split(x, 2)[1])

for of, shapes in [
    (np.hstack, [(3,), (2,)]),
    (np.hstack, [(), ()]),
    (np.hstack, [(2, 1), (2, 3)]),
    (np.hstack, [(2, 1, 2), (2, 3, 2)]),
    (np.hstack, [(0,), (2,)]),
    (np.vstack, [(3,), (3,)]),
    (np.vstack, [(), ()]),
    (np.vstack, [(2, 3), (3,)]),
    (np.vstack, [(0, 3), (1, 3)]),
    (np.vstack, [(2, 3, 1), (1, 3, 1)]),
    (np.dstack, [(3,), (3,)]),
    (np.dstack, [(2, 3), (2, 3, 2)]),
    (np.dstack, [(), ()]),
    (np.column_stack, [(3,), (3,)]),
    (np.column_stack, [(3, 2), (3,)]),
    (np.column_stack, [(2, 0), (2,)]),
]:
    case(of, *(normal(*s) for s in shapes), via=lambda *xs, of=of: of(xs))
for of in (np.hstack, np.vstack, np.dstack, np.column_stack):
    case(of, normal(2), via=lambda x, of=of: of([x, [1.0, 2.0], x, np.array([3, 4], np.int16)]))
    case(of, normal(2, 2), via=lambda x, of=of: of(x))  # the rows of one array
    case(of, normal(2, 2), via=lambda x, of=of: of(tup=(x, x)))

case(
    np.block, normal(2, 2), normal(2, 1), normal(1, 3), via=lambda a, b, c: np.block([[a, b], [c]])
)
case(np.block, normal(2), normal(), via=lambda a, b: np.block([a, b, 3.0]))
case(np.block, normal(2), via=lambda a: np.block([[a], [a]]))
case(
    np.block,
    normal(2, 2, 1),
    normal(2),
    via=lambda a, b: np.block([[a], [np.reshape(b, (2, 1, 1))]]),
)
case(np.block, normal(1), normal(1), via=lambda a, b: np.block([[[a], [b]], [[b], [b]]]))
case(np.block, normal(2), via=lambda a: np.block(a))

case(np.append, normal(2, 2), normal(3))
case(np.append, normal(2, 2), normal(1, 2), 0)
case(np.append, normal(2, 2), normal(2, 1), axis=-1)
case(np.append, normal(2), via=lambda x: np.append([1.0], values=x))
case(np.append, normal(2), via=lambda x: np.append(x, 3.0))
for shape, obj, values, axis in [
    ((4,), 1, (), None),
    ((4,), [1, 3], (), None),
    ((4,), [1, 1, -1], (3,), None),
    ((2, 2), 3, (), None),
    ((3, 2), 1, (2,), 0),
    ((3, 2), 1, (), 1),
    ((3, 2), [0, 2], (2, 2), 0),
    ((3, 2), slice(0, 2), (2, 1), 0),
    ((2, 3), -1, (2,), -1),
    ((0,), 0, (), None),
]:
    case(np.insert, normal(*shape), obj, normal(*values), axis)
case(np.insert, normal(3), via=lambda x: np.insert(x, 1, 7))
case(np.insert, normal(2), via=lambda x: np.insert(arr=[1.0, 2.0, 3.0], obj=1, values=x))


def weigh(parts: Any) -> Any:
    """All parts in one vector, each with a weight of its own."""
    return np.concatenate([(i + 1) * part for i, part in enumerate(parts)], axis=None)


for shape, indices_or_sections, axis in [
    ((5,), 3, 0),
    ((2, 5), 2, -1),
    ((2,), 3, 0),  # the third part is empty
    ((5, 2), [1, 3], 0),
    ((2, 4), (3, -2), 1),
]:
    case(
        np.array_split,
        normal(*shape),
        via=lambda x, n=indices_or_sections, axis=axis: weigh(np.array_split(x, n, axis)),
    )
for of, shape in [
    (np.hsplit, (4,)),
    (np.hsplit, (2, 4)),
    (np.hsplit, (1, 4, 2)),
    (np.vsplit, (4, 1)),
    (np.vsplit, (4, 2, 1)),
    (np.dsplit, (1, 2, 4)),
    (np.dsplit, (1, 1, 4, 2)),
]:
    case(of, normal(*shape), via=lambda x, of=of: weigh(of(x, 2)))
    case(of, normal(*shape), via=lambda x, of=of: weigh(of(x, [1, 3])))
if hasattr(np, "unstack"):
    case(np.unstack, normal(3), via=lambda x: weigh(np.unstack(x)))
    case(np.unstack, normal(2, 3), via=lambda x: weigh(np.unstack(x, axis=-1)))
    case(np.unstack, normal(2, 3, 2), via=lambda x: weigh(np.unstack(x, axis=1)))
