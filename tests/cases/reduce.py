"""Reductions over axes."""

from typing import Any

import numpy as np

from cases.table import away, case, distinct, normal, positive

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
    for of in (np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin):
        case(of, distinct(*shape), **options)
    for of in (np.prod, np.nansum, np.nanprod, np.nanmean):
        case(of, away(*shape), **options)
    if 0 not in shape:
        case(np.average, away(*shape), **options)
    case(np.ptp, distinct(*shape), **options)
    case(np.var, normal(*shape), **options)
    case(np.median, distinct(*shape), **options)
    if min(shape, default=0) > 1:
        case(np.std, normal(*shape), **options)
for of in (
    np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.var, np.std, np.average, np.ptp,
    np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin, np.median,
):  # fmt: skip
    case(of, distinct(2, 3), 0)  # the axis by position
    case(of, distinct(2, 3), (0, -1))
    if of not in (np.std, np.median):  # the std of one entry is 0, a kink
        case(of, distinct(2, 3), axis=())
    case(of, distinct(2, 3), via=lambda x, of=of: of(axis=1, a=x))
case(np.sum, np.zeros((0, 3)), axis=0)

for of in (np.sum, np.prod, np.nansum, np.nanprod):
    case(of, np.zeros((0, 3)), axis=0)
for of in (np.var, np.std):
    case(of, normal(2, 3), ddof=1)
    case(of, normal(3, 2), axis=0, ddof=1, keepdims=True)
    case(of, normal(2, 3, 2), axis=(0, -1), ddof=0.5)
case(
    np.prod, np.array([[0.0, 2.0, -3.0], [0.0, 1.5, 0.0], [0.0, 0.0, 0.0], [1.0, 0.5, 2.0]]), axis=1
)  # zeros
case(np.prod, np.array([0.0, 2.0, 0.0, -3.0]))
case(np.prod, np.array([[0.0, 2.0], [3.0, 0.0]]), axis=(1, 0))

SOME = np.array([[True, False, True], [True, True, False]])
WHERE: list[dict[str, Any]] = [
    {"where": SOME},
    {"axis": 1, "where": SOME[0]},
    {"axis": 0, "where": SOME, "keepdims": True},
    {"axis": -1, "where": np.array([[True], [True]])},
    {"out": None, "where": True},
]
for options in WHERE:
    for of in (np.sum, np.prod, np.nansum, np.nanprod):
        case(of, away(2, 3), **options)
        case(of, away(2, 3), initial=2.5, **options)
    for of in (np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin):
        case(of, distinct(2, 3), initial=0.03, **options)
    for of in (np.mean, np.nanmean):
        case(of, away(2, 3), **options)
        case(of, away(2, 3), dtype=float, **options)
    case(np.var, normal(2, 3), **options)
case(np.std, normal(2, 3), where=SOME)
case(np.std, normal(2, 3), axis=1, where=SOME, ddof=0.5)
case(np.std, normal(2, 3), 1, None, None, 1, True)
case(np.var, normal(2, 3), where=SOME, correction=1)
case(np.std, normal(2, 3), correction=1)
for of in (np.sum, np.prod):
    case(of, away(2, 3), via=lambda x, of=of: of(x, 0, float, None, True, 1.5, SOME))
for of in (np.max, np.min):
    case(of, distinct(2, 3), via=lambda x, of=of: of(x, 0, None, True, 0.03, SOME))
case(np.mean, away(2, 3), 0, None, None, True)
case(np.ptp, distinct(2, 3), 1, None, True)
case(np.median, distinct(2, 3), 1, None, False, True)
for of in (np.var, np.std):
    for options in ({}, {"axis": 1}, {"axis": 0, "keepdims": True, "ddof": 1}, {"where": SOME}):
        mean = normal(2, 1) if options.get("axis") == 1 else normal(1, 3)
        case(of, normal(2, 3), mean, via=lambda x, m, of=of, o=options: of(x, mean=m, **o))
    case(of, normal(2, 3), via=lambda x, of=of: of(x, 1, mean=np.mean(x, 1, keepdims=True)))
    case(of, normal(2, 3), via=lambda x, of=of: of(x, mean=0.25, correction=1, dtype=float))

GAPS = np.array([[False, True, False], [True, False, False]])
for of in (np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin):
    for options in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}):

        def with_nan(x: Any, of: Any = of, options: Any = options) -> Any:
            return of(np.where(GAPS, np.nan, x), **options)

        case(of, away(2, 3), via=with_nan)

for shape, weights, how in [
    ((3,), (3,), {}),
    ((2, 3), (2, 3), {}),
    ((2, 3), (2, 3), {"axis": 0}),
    ((2, 3), (2,), {"axis": 0}),
    ((2, 3), (3,), {"axis": -1, "keepdims": True}),
    ((2, 3, 2), (2, 3, 2), {"axis": (0, -1)}),
    ((2, 3, 4), (4, 2), {"axis": (2, 0)}),
    ((0, 3), (3,), {"axis": 1}),
]:
    case(
        np.average,
        normal(*shape),
        positive(*weights),
        via=lambda a, w, how=how: np.average(a, weights=w, **how),
    )
case(np.average, normal(3), via=lambda x: np.average(x, 0, [1, 2, 3]))
case(np.average, positive(3), via=lambda w: np.average([1, 2, 4], weights=w))
case(
    np.average, normal(2, 3), positive(3), via=lambda a, w: sum(np.average(a, 1, w, returned=True))
)
case(np.average, normal(2, 3), via=lambda a: sum(np.average(a, 1, returned=True)))
