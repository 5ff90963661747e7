"""x[key] and its transpose."""

from typing import Any

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.core.structural import getitem, scatter


def _scatter(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """The sum over all entries of g of its value at the place that the key gives it."""
    places = np.arange(int(np.prod(shape))).reshape(shape)[key]
    return (
        np.bincount(np.ravel(places), np.ravel(g), int(np.prod(shape)))
        .reshape(shape)
        .astype(g.dtype)
    )


MEANING.update({getitem: lambda x, key: x[key], scatter: _scatter})

KEYS: list[tuple[tuple[int, ...], Any]] = [
    ((4, 3), slice(1, 3)),
    ((4,), slice(None, None, -1)),
    ((4, 3), slice(3, None, -2)),
    ((4, 3), (slice(None), slice(None, None, -1))),
    ((4, 3), (slice(0, 4, 2), slice(1, None))),
    ((4, 3), slice(2, 2)),
    ((4, 3), 1),
    ((4, 3), -1),
    ((4,), np.int64(2)),
    ((4, 3), (1, 2)),
    ((4, 3), (slice(None), 0)),
    ((2, 3, 2), ...),
    ((2, 3, 2), (..., 0)),
    ((2, 3, 2), (1, ..., slice(None, None, -1))),
    ((4,), None),
    ((4, 3), (None, 1)),
    ((4, 3), (slice(None), None, -1)),
    ((), ()),
    ((), None),
    ((), ...),
    ((3,), True),
    ((4, 3), np.array([0, 2, 0])),
    ((4, 3), np.array([-1, 3, 0, -4])),
    ((4,), np.array([[0, 1], [1, 1]])),
    ((4, 3), [0, 0, 2]),
    ((4,), [True, False, True, True]),
    ((4, 3), (np.array([0, 1, 0]), np.array([2, 1, 2]))),
    ((4, 3), (np.array([[0], [1]]), np.array([2, 2]))),
    ((4, 3), (slice(None), np.array([1, 1]))),
    ((4, 3), (slice(1, 3), [0, 0])),
    ((4, 3), (np.array([1, 1]), slice(None, None, -2))),
    ((4, 3), (np.array([1, 1]), None, 2)),
    ((2, 3, 2), (np.array([0, 0]), slice(None), np.array([1, 1]))),
    ((2, 3, 2), (..., np.array([1, 1]), 0)),
    ((4, 3), ((0, 0, 1), slice(None))),  # a tuple within a tuple is an integer array
    ((4,), ((2, 2, 2),)),
    ((4,), range(3)),
    ((4,), np.array(2)),
    ((4,), np.array([], dtype=int)),
    ((4,), []),
    ((4,), np.array([True, False, True, True])),
    ((2, 3), np.array([[True, False, True], [False, False, True]])),
    ((2, 3), np.zeros((2, 3), dtype=bool)),
    ((2, 3, 2), (np.array([False, True]), slice(0, 2))),
    ((2, 3), (np.array([True, True]), 1)),
    ((2, 3), (np.array([True, True]), np.array([2, 2]))),
    ((3, 2, 2), (0, np.array([[True, False], [True, True]]))),
    ((0, 3), slice(None)),
]
for shape, key in KEYS:
    case(getitem, normal(*shape), key)
    case(scatter, normal(*np.zeros(shape)[key].shape), key, shape)

TAKES: list[tuple[tuple[int, ...], Any, Any]] = [
    ((4,), [0, 2, 0], None),
    ((4,), 1, None),
    ((2, 3), [5, 0, 5], None),
    ((2, 3), [[1, 1], [0, -1]], 0),
    ((2, 3), 2, -1),
    ((2, 3, 2), np.array([1, 1, 0]), 1),
    ((2, 3), [], 1),
]
for shape, indices, axis in TAKES:
    case(np.take, normal(*shape), indices, axis)
case(np.take, normal(2, 3), indices=[0, 0], axis=1)
case(np.take, normal(3), [-5, 1, 7], mode="wrap")
case(np.take, normal(2, 3), [-5, 1, 7], 1, mode="clip")
case(np.take, normal(2, 3), [0, 5], 1, None, "wrap")
case(np.take_along_axis, normal(2, 3), np.array([[0, 0], [2, 1]]), 1)
case(np.take_along_axis, normal(2, 3), np.array([[0, 1, 0]]), axis=0)
case(np.take_along_axis, normal(2, 3), np.array([5, 0, 5]), None)
case(np.take_along_axis, normal(3, 1, 2), np.array([[[1], [-1]]]), axis=-1)
DELETIONS: list[tuple[tuple[int, ...], Any, Any]] = [
    ((4,), 1, None),
    ((4,), [0, -1], None),
    ((2, 3), 4, None),
    ((3, 2), 1, 0),
    ((2, 4), slice(None, None, 2), -1),
    ((3, 2), [True, False, True], 0),
    ((3,), [], None),
]
for shape, obj, axis in DELETIONS:
    case(np.delete, normal(*shape), obj, axis)
case(np.delete, normal(3), obj=[0, 0])
case(np.compress, [True, False, True], normal(4))
case(np.compress, [False, True], normal(2, 3), 0)
case(np.compress, normal(2, 3), via=lambda x: np.compress(condition=[0, 1, 1], a=x, axis=-1))
case(np.compress, [True, False, True], normal(4), None, None)
case(np.extract, np.array([[True, False, True], [False, False, True]]), normal(2, 3))
case(np.extract, normal(2, 3), via=lambda x: np.extract(x > 0, x))
case(np.select, normal(4), normal(4), via=lambda a, b: np.select([a > 0, b > 0], [a, b]))
case(np.select, normal(4), via=lambda a: np.select([a > 0.5, a < -1], [a * a, 7.0], a[0]))
case(
    np.select,
    normal(2, 1),
    via=lambda a: np.select([[True, False, True]], choicelist=[a], default=[1, 2, 3]),
)
case(np.choose, normal(3), normal(3), via=lambda a, b: np.choose([0, 1, 1], [a, b]))
case(np.choose, normal(2, 1), normal(), via=lambda a, b: np.choose([[0, 1, 2]], (a, b, 7.0)))
case(np.choose, normal(2), normal(2), via=lambda a, b: np.choose([-1, 5], [a, b], mode="wrap"))
case(np.choose, normal(2), normal(2), via=lambda a, b: np.choose([-1, 5], [a, b], mode="clip"))
case(np.choose, normal(2), normal(2), via=lambda a, b: np.choose([-1, 5], [a, b], None, "wrap"))
