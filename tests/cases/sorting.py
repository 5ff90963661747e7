"""Sorting, partitions, medians, away from ties."""

import numpy as np

from cases.table import case, distinct

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
