"""Means, variances, standard deviations, weighted averages."""

from typing import Any

import numpy as np

from cases.reduce import REDUCTIONS, SOME, WHERE
from cases.table import away, case, distinct, normal, positive

for shape, options in REDUCTIONS:
    case(np.mean, normal(*shape), **options)
    case(np.var, normal(*shape), **options)
    if 0 not in shape:
        case(np.average, away(*shape), **options)
    if min(shape, default=0) > 1:  # the std of one entry is 0, a kink
        case(np.std, normal(*shape), **options)
for of in (np.mean, np.var, np.std, np.average):
    case(of, distinct(2, 3), 0)  # the axis by position
    case(of, distinct(2, 3), via=lambda x, of=of: of(axis=1, a=x))
    if of is not np.std:
        case(of, distinct(2, 3), axis=())
for options in WHERE:
    case(np.mean, away(2, 3), dtype=float, **options)
    case(np.var, normal(2, 3), **options)
case(np.mean, away(2, 3), 0, None, None, True)

for of in (np.var, np.std):
    case(of, normal(3, 2), axis=0, ddof=1, keepdims=True)
    case(of, normal(2, 3, 2), axis=(0, -1), ddof=0.5)
    case(of, normal(2, 3), where=SOME, correction=1)
    for options in ({}, {"axis": 1}, {"axis": 0, "keepdims": True, "ddof": 1}, {"where": SOME}):
        mean = normal(2, 1) if options.get("axis") == 1 else normal(1, 3)
        case(of, normal(2, 3), mean, via=lambda x, m, of=of, o=options: of(x, mean=m, **o))
    case(of, normal(2, 3), via=lambda x, of=of: of(x, 1, mean=np.mean(x, 1, keepdims=True)))
    case(of, normal(2, 3), via=lambda x, of=of: of(x, mean=0.25, correction=1, dtype=float))
case(np.std, normal(2, 3), axis=1, where=SOME, ddof=0.5)
case(np.std, normal(2, 3), 1, None, None, 1, True)

for shape, weights, how in [
    ((3,), (3,), {}),
    ((2, 3), (2, 3), {"axis": 0}),
    ((2, 3), (2,), {"axis": 0}),
    ((2, 3), (3,), {"axis": -1, "keepdims": True}),
    ((2, 3, 4), (4, 2), {"axis": (2, 0)}),
    ((0, 3), (3,), {"axis": 1}),
]:

    def weighted_mean(a: Any, w: Any, how: Any = how) -> Any:
        return np.average(a, weights=w, **how)

    case(np.average, normal(*shape), positive(*weights), via=weighted_mean)
case(np.average, normal(3), via=lambda x: np.average(x, 0, [1, 2, 3]))
case(np.average, positive(3), via=lambda w: np.average([1, 2, 4], weights=w))
returned = lambda a, w=None: sum(np.average(a, 1, w, returned=True))
case(np.average, normal(2, 3), positive(3), via=returned)
case(np.average, normal(2, 3), via=returned)
