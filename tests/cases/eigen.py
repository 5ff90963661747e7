"""Eigenvalues and eigenvectors of symmetric matrices, singular values."""

from typing import Any

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.rules.eigen import eigenvectors, singular_values, without_nan

MEANING[eigenvectors] = lambda a, UPLO="L": np.linalg.eigh(a, UPLO)[1]
MEANING[singular_values] = np.linalg.svdvals
MEANING[without_nan] = lambda x, known: np.where(np.isnan(x) & ~known, np.inf, x)


def apart(*shape: int) -> Any:
    """Matrices whose symmetric part has eigenvalues far from each other."""
    return 0.3 * normal(*shape) + np.diag(np.arange(1.0, 1.0 + shape[-1]) * 1.5)


def symmetric(a: Any) -> Any:
    return 0.5 * (a + np.swapaxes(a, -1, -2))


for shape in [(1, 1), (2, 2), (2, 3, 3), (0, 2, 2)]:
    case(np.linalg.eigvalsh, apart(*shape), via=lambda a: np.linalg.eigvalsh(symmetric(a)))
    case(eigenvectors, apart(*shape), via=lambda a: eigenvectors(symmetric(a)))
    case(np.linalg.eigh, apart(*shape), via=lambda a: np.linalg.eigh(symmetric(a))[0])
case(np.linalg.eigh, apart(3, 3), via=lambda a: np.multiply(*np.linalg.eigh(symmetric(a))))
for of in (np.linalg.eigvalsh, np.linalg.eigh, eigenvectors):
    case(
        of,
        apart(3, 3),
        via=lambda a, of=of: np.sum(of(symmetric(a), "U")[-1]),
    )
case(without_nan, apart(2, 2), np.zeros((2, 2), bool))
case(
    np.linalg.svd,
    apart(3, 3),
    via=lambda a: np.linalg.svd(symmetric(a), compute_uv=False, hermitian=True),
)
for shape in [(2, 2), (2, 3), (3, 2), (1, 3), (2, 2, 3), (0, 2, 2)]:
    x = apart(*shape[:-2], max(shape[-2:]), max(shape[-2:]))[..., : shape[-2], : shape[-1]]
    case(np.linalg.svdvals, x)
    case(singular_values, x)
    case(np.linalg.svd, x, via=lambda a: np.linalg.svd(a, compute_uv=False))
    for p in (2, -2, "nuc"):
        case(np.linalg.norm, x, p, (-2, -1))
        case(np.linalg.matrix_norm, x, ord=p, keepdims=True)
for p in (None, 2, -2, "fro", "nuc", 1, np.inf):
    case(np.linalg.cond, apart(2, 2, 2), p=p)
case(np.linalg.cond, apart(2, 2)[:, :1])
