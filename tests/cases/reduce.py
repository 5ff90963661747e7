"""Reductions over axes."""

from typing import Any

import numpy as np

from cases.table import case, distinct, normal

REDUCTIONS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((), {}),
    ((3,), {}),
    ((1,), {"axis": 0}),
    ((2, 3, 2), {}),
    ((2, 3, 2), {"keepdims": True}),
    ((2, 3, 2), {"axis": 1}),
    ((2, 3), {"axis": 0, "keepdims": True}),
    ((2, 3), {"axis": -1}),
    ((2, 3), {"axis": -1, "keepdims": True}),
    ((2, 3, 2), {"axis": (0, 2)}),
    ((2, 3, 2), {"axis": (-1, 0)}),
    ((2, 3, 2), {"axis": (0, -2), "keepdims": True}),
    ((2, 3), {"axis": (0, 1)}),
    ((0, 3), {"axis": 1}),
    ((1, 3, 1), {"axis": None, "keepdims": True}),
]
for shape, options in REDUCTIONS:
    case(np.sum, normal(*shape), **options)
    case(np.mean, normal(*shape), **options)
    case(np.max, distinct(*shape), **options)
    case(np.min, distinct(*shape), **options)
for of in (np.sum, np.mean, np.max, np.min):
    case(of, distinct(2, 3), 0)  # the axis by position
    case(of, distinct(2, 3), (0, -1))
    case(of, distinct(2, 3), axis=())
    case(of, distinct(2, 3), via=lambda x, of=of: of(axis=1, a=x))
case(np.sum, np.zeros((0, 3)), axis=0)
