"""Entries chosen, moved, padded and sorted, away from ties."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cases.table import MEANING, case, distinct, normal
from tinygrad_rnn.rules.rearrange import pad_with_constant, pad_with_copies

MEANING.update(
    {
        pad_with_constant: lambda x, pad_width, constant_values: np.pad(
            x, pad_width, mode="constant", constant_values=constant_values
        ),
        pad_with_copies: lambda x, pad_width, mode: np.pad(x, pad_width, mode=mode),
    }
)

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

FLIPS: list[tuple[tuple[int, ...], Any]] = [
    ((3,), None),
    ((2, 3), None),
    ((2, 3), 0),
    ((2, 3), -1),
    ((2, 3, 2), (0, -1)),
    ((0, 3), 0),
    ((), None),
]
for shape, axis in FLIPS:
    case(np.flip, normal(*shape), axis)
case(np.flip, normal(2, 3), axis=1)
case(np.flip, normal(2, 3), via=lambda x: np.flip(m=x, axis=1))
for shape in [(2, 3), (3, 2, 2), (0, 2)]:
    case(np.fliplr, normal(*shape))
    case(np.flipud, normal(*shape))
case(np.flipud, normal(3))

SHIFTS: list[tuple[tuple[int, ...], Any, Any]] = [
    ((4,), 1, None),
    ((4,), -5, None),
    ((2, 3), 2, None),
    ((2, 3), 1, 0),
    ((2, 3), -2, -1),
    ((2, 3, 2), (1, 2), (0, 1)),
    ((2, 3, 2), 1, (0, -1)),
    ((3, 2), (1, 1), (0, 0)),
    ((3, 2), (1, 1), None),
    ((), 1, None),
    ((0, 3), 1, 1),
]
for shape, shift, axis in SHIFTS:
    case(np.roll, normal(*shape), shift, axis)
case(np.roll, normal(2, 3), shift=np.array([1, 2]), axis=(0, 1))
case(np.roll, normal(2, 3), [1, 2], axis=(0, 1))

for k in (-1, 0, 1, 2, 3, 5):
    case(np.rot90, normal(2, 3), k)
case(np.rot90, normal(2, 3))
case(np.rot90, normal(2, 3, 2), 1, (1, 2))
case(np.rot90, normal(2, 3, 2), k=-1, axes=(-1, 0))

for of in (np.tril, np.triu):
    for shape, k in [
        ((3, 3), 0),
        ((2, 3), 1),
        ((3, 2), -1),
        ((2, 3, 3), 0),
        ((3,), 0),
        ((0, 2), 0),
    ]:
        case(of, normal(*shape), k)
    case(of, normal(3, 3), k=-1)
    case(of, normal(3, 3))
for shape, k in [
    ((3,), 0),
    ((2,), 1),
    ((2,), -2),
    ((3, 3), 0),
    ((2, 3), 1),
    ((3, 2), -1),
    ((0,), 0),
    ((0, 2), 0),
]:
    case(np.diag, normal(*shape), k)
    case(np.diag, normal(*shape), k=k)
    case(np.diagflat, normal(*shape), k)
case(np.diagflat, normal())
for shape, options in [
    ((3, 3), {}),
    ((2, 3), {"offset": 1}),
    ((2, 3, 2), {}),
    ((2, 3, 2), {"offset": -1, "axis1": 1, "axis2": 2}),
    ((2, 3, 2), {"axis1": -1, "axis2": 0}),
    ((2, 2), {"offset": 5}),
]:
    case(np.diagonal, normal(*shape), **options)
case(np.diagonal, normal(2, 3, 2), -1, 1, -1)
case(np.linalg.diagonal, normal(2, 3))
case(np.linalg.diagonal, normal(2, 3, 3), offset=-1)

TILES: list[tuple[tuple[int, ...], Any]] = [
    ((), 3),
    ((2,), 2),
    ((2,), (2, 2)),
    ((2, 3), (2, 1)),
    ((2, 3), 2),
    ((1, 2), (2, 1, 3)),
    ((2, 2, 1), (1, 2)),
    ((2,), 0),
    ((2,), ()),
]
for shape, reps in TILES:
    case(np.tile, normal(*shape), reps)
case(np.tile, normal(2), via=lambda x: np.tile(reps=2, A=x))
REPEATS: list[tuple[tuple[int, ...], Any, Any]] = [
    ((), 3, None),
    ((3,), 2, None),
    ((2, 2), 2, None),
    ((2, 2), [1, 0, 2, 1], None),
    ((2, 3), 2, 0),
    ((2, 3), [1, 0, 2], 1),
    ((2, 3), np.array([2, 1]), -2),
    ((2, 3), 0, 0),
]
for shape, repeats, axis in REPEATS:
    case(np.repeat, normal(*shape), repeats, axis)
case(np.repeat, normal(2, 2), repeats=[1, 2], axis=1)
case(np.resize, normal(3), (2, 4))
case(np.resize, normal(2, 3), 4)
case(np.resize, normal(), new_shape=(2,))
WINDOWS: list[tuple[tuple[int, ...], Any, Any]] = [
    ((4,), 2, None),
    ((3,), 3, 0),
    ((3, 3), (2, 2), None),
    ((2, 4), 3, 1),
    ((3, 2), 2, -2),
    ((3, 3), (2, 1), (1, 0)),
]
for shape, window, axis in WINDOWS:
    case(sliding_window_view, normal(*shape), window, axis)

PADS: list[tuple[tuple[int, ...], Any]] = [
    ((3,), 2),
    ((3,), (1, 2)),
    ((3,), 0),
    ((2, 3), 1),
    ((2, 3), ((0, 1), (2, 0))),
    ((2, 3), [[1], [0]]),
    ((2, 2, 1), ((0, 0), (1, 0), (0, 0))),
]
for shape, width in PADS:
    case(np.pad, normal(*shape), width)
    case(pad_with_constant, normal(*shape), width, 0)
    case(pad_with_copies, normal(*shape), width, "reflect")
for mode in ("edge", "reflect", "symmetric", "wrap"):
    case(np.pad, normal(2, 3), ((0, 1), (2, 0)), mode)
case(np.pad, normal(2, 3), 1, mode="constant", constant_values=2.5)
case(np.pad, normal(2), 6, mode="reflect")  # further out than the array is long
case(np.pad, normal(2, 2), 1, constant_values=((1, 2), (3, 4)))
case(np.pad, normal(0, 2), 1)

for options in ({}, {"axis": 0}, {"axis": -2}, {"axis": None}, {"kind": "stable"}):
    case(np.sort, distinct(3, 4), **options)
    case(
        np.partition,
        distinct(3, 4),
        1,
        **(options if "kind" not in options else {"kind": "introselect"}),
    )
case(np.sort, distinct(5))
case(np.sort, distinct(2, 3, 2), 1)
case(np.sort, distinct(0, 3))
case(np.sort, distinct(), axis=None)
case(np.sort, distinct(3), stable=True)
case(np.sort, distinct(3), via=lambda x: np.sort(a=x))
case(np.partition, distinct(40), (3, 20))
case(np.partition, distinct(2, 5), -1)

case(np.sort, distinct(2, 3), 1, None, None)
case(np.partition, distinct(2, 3), 1, 1, "introselect", None)

case(np.median, distinct(4))
case(np.median, distinct(3, 4), axis=-1, keepdims=True)
case(np.median, distinct(2, 3, 2), axis=(0, 1))
