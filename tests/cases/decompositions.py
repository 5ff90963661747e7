"""Inverse, solve, determinant and the Cholesky factor."""

from typing import Any

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.rules.decompositions import logabsdet


def regular(*shape: int) -> Any:
    """Matrices that are well away from singular ones, not symmetric."""
    return normal(*shape) * 0.4 + 2 * np.eye(shape[-1])


def positive_definite(a: Any) -> Any:
    return a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-1], dtype=a.dtype)


MEANING[logabsdet] = lambda a: np.log(np.abs(np.linalg.det(a)))

SQUARES: list[tuple[int, ...]] = [
    (1, 1),
    (2, 2),
    (2, 3, 3),
    (2, 1, 2, 2),
    (0, 2, 2),
    (0, 0),
]
for shape in SQUARES:
    case(np.linalg.inv, regular(*shape))
    case(np.linalg.det, regular(*shape))
    case(logabsdet, regular(*shape))
    case(np.linalg.slogdet, regular(*shape), via=lambda a: np.linalg.slogdet(a)[1])
for shape in [(2, 2), (3, 2), (2, 3), (2, 3, 2), (0, 2, 3)]:
    case(np.linalg.pinv, normal(*shape) + 2 * np.eye(*shape[-2:]))
case(np.linalg.pinv, normal(3, 2) + 2 * np.eye(3, 2), rcond=1e-10)
case(np.linalg.pinv, regular(2, 2), via=lambda a: np.linalg.pinv(a @ a.T, hermitian=True))
case(np.linalg.det, 1e-110 * regular(3, 3))  # whose determinant underflows
case(
    np.linalg.slogdet,
    -regular(3, 3),
    via=lambda a: np.linalg.slogdet(a).sign * np.linalg.slogdet(a).logabsdet,
)
case(np.linalg.det, np.array([[1.0, 2.0], [2.0, 4.0]]))  # singular
case(np.linalg.det, np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.5, 0.0, 1.0]]))
case(np.linalg.det, np.zeros((1, 1)))
for a, b in [
    ((2, 2), (2,)),
    ((2, 2), (2, 3)),
    ((2, 2, 2), (2,)),
    ((2, 2, 2), (2, 1)),
    ((2, 2, 2), (2, 2, 3)),
    ((2, 2), (2, 2, 3)),
    ((2, 1, 2, 2), (2, 2, 1)),
    ((0, 2, 2), (2, 1)),
    ((2, 2), (2, 0)),
    ((0, 0), (0,)),
]:
    case(np.linalg.solve, regular(*a), normal(*b))
case(np.linalg.solve, regular(2, 2), via=lambda a: np.linalg.solve(a, [1.0, 2.0]))
case(np.linalg.solve, normal(2), via=lambda b: np.linalg.solve([[3.0, 1.0], [1.0, 2.0]], b))
case(np.linalg.solve, regular(2, 2), via=lambda a: np.linalg.solve(a, a))
for shape in [(1, 1), (2, 3, 3), (0, 2, 2)]:
    case(np.linalg.cholesky, normal(*shape), via=lambda a: np.linalg.cholesky(positive_definite(a)))
    case(
        np.linalg.cholesky,
        normal(*shape),
        via=lambda a: np.linalg.cholesky(positive_definite(a), upper=True),
    )
