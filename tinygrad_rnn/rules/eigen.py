"""Rules of the eigenvalues and eigenvectors of symmetric matrices, and singular values in terms of them.

Eigenvalues and eigenvectors are two primitives whose rules use each other, so derivatives of every order follow.
Shares are symmetric, as the matrix is.  Equal eigenvalues do not turn into each other: their vectors send nothing.
"""

from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.errors import UnsupportedError
from tinygrad_rnn.primitive import composite, defvjp, primitive
from tinygrad_rnn.rules.joining import concatenate

Array = Any


@primitive
def eigenvectors(a: Array) -> Array:
    """The eigenvectors of a symmetric matrix as columns, in the order of `np.linalg.eigvalsh`."""
    return np.linalg.eigh(a)[1]


def _eigenvalues(g: Array, y: Array, a: Array) -> Array:
    v = eigenvectors(a)
    return (v * np.expand_dims(g, -2)) @ np.swapaxes(v, -1, -2)


def _eigenvectors(g: Array, y: Array, a: Array) -> Array:
    w, transposed = np.linalg.eigvalsh(a), np.swapaxes(y, -1, -2)
    gap = np.expand_dims(w, -2) - np.expand_dims(w, -1)
    turn = (gap != 0) / np.where(gap == 0, np.ones_like(gap), gap)
    share = y @ (turn * (transposed @ g)) @ transposed
    return 0.5 * (share + np.swapaxes(share, -1, -2))


defvjp(np.linalg.eigvalsh, _eigenvalues)
defvjp(eigenvectors, _eigenvectors)


class Eigen(NamedTuple):
    """What `np.linalg.eigh` gives."""

    eigenvalues: Array
    eigenvectors: Array


@composite(np.linalg.eigh)
def eigh(a: Array) -> Eigen:
    """Eigenvalues in ascending order, and eigenvectors, of symmetric matrices."""
    return Eigen(np.linalg.eigvalsh(a), eigenvectors(a))


@composite(np.linalg.svdvals)
def svdvals(x: Array, /) -> Array:
    """The singular values, largest first: the eigenvalues that are not negative of [[0, x], [x^T, 0]]."""
    *stack, m, n = x.shape
    upper = concatenate(np.zeros((*stack, m, m), x.dtype), x, axis=-1)
    lower = concatenate(np.swapaxes(x, -1, -2), np.zeros((*stack, n, n), x.dtype), axis=-1)
    return np.linalg.eigvalsh(concatenate(upper, lower, axis=-2))[..., ::-1][..., : min(m, n)]


@composite(np.linalg.svd)
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> Array:
    """The singular values."""
    if compute_uv:
        raise UnsupportedError(
            "np.linalg.svd on Tensors gives singular values only, since its vectors have no derivative here. "
            "Use np.linalg.svdvals(a), or np.linalg.eigh of a.T @ a for the vectors."
        )
    return np.linalg.svdvals(a)


@composite(np.linalg.cond)
def cond(x: Array, p: Any = None) -> Array:
    """The condition number in the norm p, None for the largest singular value over the smallest."""
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))
