"""x[key], its transpose, and astype: the rules that the core itself needs."""

from typing import Any

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.core.structural import astype, getitem, scatter


def _scatter(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """The sum over all entries of g of its value at the index that the key gives it."""
    indices = np.arange(int(np.prod(shape))).reshape(shape)[key]
    return (
        np.bincount(np.ravel(indices), np.ravel(g), int(np.prod(shape)))
        .reshape(shape)
        .astype(g.dtype)
    )


MEANING.update(
    {
        getitem: lambda x, key: x[key],
        scatter: _scatter,
        astype: lambda x, dtype: x.astype(dtype),
    }
)

case(astype, normal(2, 3), np.dtype(np.float64))
case(astype, normal(), np.dtype(np.float64))

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
