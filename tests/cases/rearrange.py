"""Functions that move entries about."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cases.table import MEANING, case, normal
from tinygrad_rnn.rules.rearrange import pad_with_constant, pad_with_copies

MEANING.update(
    {
        pad_with_constant: lambda x, pad_width, constant_values: np.pad(
            x, pad_width, mode="constant", constant_values=constant_values
        ),
        pad_with_copies: lambda x, pad_width, mode: np.pad(x, pad_width, mode=mode),
    }
)

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
    case(np.pad, normal(*shape), width, mode="constant", constant_values=2.5)
    for mode in ("edge", "reflect", "symmetric", "wrap"):
        case(np.pad, normal(*shape), width, mode)
        case(pad_with_copies, normal(*shape), width, mode)
case(np.pad, normal(2), 6, mode="reflect")  # further out than the array is long
case(np.pad, normal(2, 2), 1, constant_values=((1, 2), (3, 4)))
case(np.pad, normal(0, 2), 1)
