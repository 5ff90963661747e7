"""Norms of vectors and matrices."""

from typing import Any

import numpy as np

from cases.table import away, case, distinct, positive

NORMS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((), {}),
    ((3,), {}),
    ((2, 3), {}),
    ((2, 3, 2), {}),
    ((2, 3), {"keepdims": True}),
    ((2, 3), {"axis": 0}),
    ((2, 3, 2), {"axis": -2, "keepdims": True}),
    ((2, 3, 2), {"axis": (0, 2)}),
    ((2, 3, 2), {"axis": (-1, 0), "keepdims": True}),
    ((0, 3), {"axis": 1}),
]
for shape, options in NORMS:
    case(np.linalg.norm, away(*shape), **options)
    case(np.linalg.vector_norm, away(*shape), **options)
for ord_ in (1, 2, 2.0, 3, 2.5, 0.5, -1, -2):
    case(np.linalg.norm, away(2, 3), ord=ord_, axis=(0,), keepdims=True)
    case(np.linalg.vector_norm, away(2, 3), axis=(0, 1), ord=ord_)
for ord_ in (np.inf, -np.inf):
    case(np.linalg.norm, distinct(2, 3) + 0.02, ord=ord_, axis=-1)
    case(np.linalg.vector_norm, distinct(2, 3) + 0.02, axis=0, ord=ord_)
for ord_ in ("fro", 1, -1, np.inf, -np.inf):
    case(np.linalg.norm, away(2, 3), ord=ord_)
    case(np.linalg.norm, away(2, 3, 2), ord=ord_, axis=(0, 2))
    case(np.linalg.norm, away(2, 3, 2), via=lambda x, o=ord_: np.linalg.norm(x, o, (-1, 1), True))
    case(np.linalg.matrix_norm, away(2, 3, 2), ord=ord_)
    case(np.linalg.matrix_norm, positive(2, 3), ord=ord_, keepdims=True)
case(np.linalg.matrix_norm, away(2, 3))
