"""Rules of the eigenvalues and eigenvectors of symmetric matrices, and singular values by them.

Eigenvalues and eigenvectors are two primitives whose rules use each other, so derivatives of every
order follow.  Shares are symmetric, as the matrix is.  Vectors of equal eigenvalues send nothing to
each other.
"""

from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tables import composite, defvjp, primitive
from tinygrad_rnn.errors import LinAlgError, UnsupportedError
from tinygrad_rnn.rules.decompositions import sign_of_det
from tinygrad_rnn.rules.joining import concatenate
from tinygrad_rnn.rules.scale import fitted, within

Half: TypeAlias = Literal["L", "U", "l", "u"]  # which half of a symmetric matrix is read
Order: TypeAlias = float | Literal["fro", "nuc"] | None  # of a norm


@primitive
def eigenvectors(a: Array, UPLO: Half = "L") -> Array:
    """The eigenvectors of a symmetric matrix as columns, in the order of `np.linalg.eigvalsh`."""
    vectors: Array = np.linalg.eigh(a, UPLO)[1]
    return vectors


def _known(g: Array, y: Array, a: Array) -> tuple[Array, Array]:
    """g, NaN for what is NaN, and a, 0 there: no eigenvectors are sought for such a matrix."""
    if within(y, -np.inf, np.inf):
        return g, a
    none = np.isnan(y)
    return np.where(none, np.nan, g), np.where(np.any(none, axis=-1)[..., None, None], 0.0, a)


def _eigenvalues(g: Array, y: Array, a: Array, UPLO: Half = "L") -> Array:
    g, a = _known(g, y, a)
    v = eigenvectors(a, UPLO)
    share: Array = (v * np.expand_dims(g, -2)) @ np.swapaxes(v, -1, -2)
    return share


def _eigenvectors(g: Array, y: Array, a: Array, UPLO: Half = "L") -> Array:
    w, transposed = np.linalg.eigvalsh(a, UPLO), np.swapaxes(y, -1, -2)
    gap = np.expand_dims(w, -2) - np.expand_dims(w, -1)
    turn = (gap != 0) / np.where(gap == 0, np.ones_like(gap), gap)
    share: Array = y @ (turn * (transposed @ g)) @ transposed
    return 0.5 * (share + np.swapaxes(share, -1, -2))


defvjp(np.linalg.eigvalsh, _eigenvalues)
defvjp(eigenvectors, _eigenvectors)


class Eigen(NamedTuple):
    """What `np.linalg.eigh` gives: the eigenvalues are in ascending order."""

    eigenvalues: Array
    eigenvectors: Array


composite(np.linalg.eigh)(
    lambda a, UPLO="L": Eigen(np.linalg.eigvalsh(a, UPLO), eigenvectors(a, UPLO))
)


# -- singular values -------------------------------------------------------------------------------


def _singular_values(g: Array, y: Array, x: Array, /) -> Array:
    """u g v^T, eigenvectors (u, v) / sqrt(2) of [[0, x], [x^T, 0]]; the kink at 0 has slope 0."""
    g, x = _known(g, y, x)
    *stack, m, n = x.shape
    upper = concatenate(np.zeros((*stack, m, m), x.dtype), x, axis=-1)
    lower = concatenate(np.swapaxes(x, -1, -2), np.zeros((*stack, n, n), x.dtype), axis=-1)
    vectors = eigenvectors(concatenate(upper, lower, axis=-2))[..., ::-1][..., : min(m, n)]
    g = np.expand_dims(np.where(np.equal(y, 0), 0.0, 2.0 * g), -2)
    return (vectors[..., :m, :] * g) @ np.swapaxes(vectors[..., m:, :], -1, -2)


@primitive
def singular_values(x: Array) -> Array:
    """`np.linalg.svdvals`; NaN for a matrix that is not finite, where NumPy raises."""
    known = np.all(np.isfinite(x), axis=(-2, -1))[..., None]
    return np.where(known, np.linalg.svdvals(np.where(known[..., None], x, 0.0)), np.nan)


defvjp(np.linalg.svdvals, _singular_values)
defvjp(singular_values, _singular_values)


@composite(np.linalg.svd)
def svd(
    a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Array:
    """The singular values."""
    if compute_uv:
        raise UnsupportedError(
            "np.linalg.svd on Tensors gives singular values only, since its vectors have no "
            "derivative here. Use np.linalg.svdvals(a), or np.linalg.eigh(a.T @ a) for the vectors."
        )
    if hermitian:
        return np.sort(np.abs(np.linalg.eigvalsh(a)))[..., ::-1]
    return np.linalg.svdvals(a)


# -- condition numbers -----------------------------------------------------------------------------


@primitive
def without_nan(x: Array, known: Array) -> Array:
    """x, with infinity instead of NaN except where that is known.  It has no slope there."""
    return np.where(np.isnan(x) & ~known, np.inf, x)


defvjp(without_nan, lambda g, y, x, known: np.where(np.isnan(x), np.nan, g), None)


@composite(np.linalg.cond)
def cond(x: Array, p: Order = None) -> Array:
    """The condition number in the norm p: None for the largest singular value over the smallest."""
    if 0 in x.shape[-2:]:
        raise LinAlgError("np.linalg.cond is not defined for matrices without entries.")
    with np.errstate(all="ignore"):
        if p in (None, 2, -2):
            s = singular_values(x)
            y = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        else:
            y = _cond(x, p)
    return without_nan(y, np.any(np.isnan(x), axis=(-2, -1)))


def _cond(x: Array, p: Order) -> Array:
    """In float64, as NumPy computes it; NaN for a matrix without an inverse."""
    a = astype(x, np.dtype(np.float64))
    regular = np.expand_dims(np.not_equal(sign_of_det(a), 0), (-2, -1))
    inverse = np.linalg.inv(np.where(regular, a, np.eye(a.shape[-1])))
    inverse = np.where(regular, inverse, np.nan)
    y = _matrix_norm(a, p) * _matrix_norm(inverse, p)
    return fitted(y, x) if x.dtype.kind == "f" else y


def _matrix_norm(a: Array, p: Order) -> Array:
    nuclear = p == "nuc"  # NumPy's raises for NaN
    y: Array = np.sum(singular_values(a), -1) if nuclear else np.linalg.norm(a, p, (-2, -1))
    return y
