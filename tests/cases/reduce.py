"""Sums, products and extremes over axes."""

from typing import Any

import numpy as np

from cases.table import away, case, distinct, normal

REDUCTIONS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {"axis": 0}),
    ((2, 3, 2), {}),
    ((2, 3, 2), {"axis": 1}),
    ((2, 3), {"axis": 0, "keepdims": True}),
    ((2, 3, 2), {"axis": (-1, 0)}),
    ((2, 3, 2), {"axis": (0, -2), "keepdims": True}),
    ((0, 3), {"axis": 1}),
]
SOME = np.array([[True, False, True], [True, True, False]])
WHERE: list[dict[str, Any]] = [
    {"where": SOME},
    {"axis": 1, "where": SOME[0]},
    {"axis": -1, "where": np.array([[True], [True]]), "keepdims": True},
]
GAPS = np.array([[False, True, False], [True, False, False]])
SUMS = (np.sum, np.prod, np.nansum, np.nanprod)
EXTREMES = (np.max, np.min, np.nanmax, np.nanmin)

for shape, options in REDUCTIONS:
    case(np.sum, normal(*shape), **options)
    for of in (np.prod, np.nansum, np.nanprod, np.nanmean):
        case(of, away(*shape), **options)
    for of in (*EXTREMES, np.ptp):
        case(of, distinct(*shape), **options)
for shape, options in REDUCTIONS[3:5]:  # other names of np.max and np.min
    for of in (np.amax, np.amin):
        case(of, distinct(*shape), **options)
for of in (*SUMS, *EXTREMES, np.amax, np.amin, np.nanmean, np.ptp):
    case(of, distinct(2, 3), 0)  # the axis by position
    case(of, distinct(2, 3), axis=())
    case(of, distinct(2, 3), via=lambda x, of=of: of(axis=1, a=x))
for of in SUMS:
    case(of, np.zeros((0, 3)), axis=0)
case(np.prod, np.array([0.0, 2.0, 0.0, -3.0]))
case(np.prod, away(3), initial=None)
case(np.prod, np.array([[0.0, 2.0, -3.0], [0.0, 1.5, 0.0], [1.0, 0.5, 2.0]]), axis=1)
case(np.prod, np.array([[0.0, 2.0], [3.0, 0.0]]), axis=(1, 0))

for options in WHERE:
    for of in SUMS:
        case(of, away(2, 3), initial=2.5, **options)
    for of in EXTREMES:
        case(of, distinct(2, 3), initial=0.03, **options)
    case(np.nanmean, away(2, 3), dtype=float, **options)
for of in (np.sum, np.prod):
    case(of, away(2, 3), via=lambda x, of=of: of(x, 0, float, None, True, 1.5, SOME))
for of in (np.max, np.min):
    case(of, distinct(2, 3), via=lambda x, of=of: of(x, 0, None, True, 0.03, SOME))
case(np.ptp, distinct(2, 3), 1, None, True)
for of in (np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin):
    for options in ({}, {"axis": -1, "keepdims": True}):

        def with_nan(x: Any, of: Any = of, options: Any = options) -> Any:
            return of(np.where(GAPS, np.nan, x), **options)

        case(of, away(2, 3), via=with_nan)
