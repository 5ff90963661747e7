"""Rules of inverse, pseudo-inverse, solve, determinant and Cholesky factor, for stacks of matrices.

Where there is no derivative, at a matrix without inverse or without full rank, the share is NaN.
"""

from typing import NamedTuple

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tables import composite, defconstant, defvjp, primitive
from tinygrad_rnn.rules.scale import within
from tinygrad_rnn.rules.shape import as_array


def _transposed(a: Array) -> Array:
    return np.swapaxes(as_array(a), -1, -2)


def _inverse_transposed(a: Array) -> Array:
    return _transposed(np.linalg.inv(a))


def _pinv(g: Array, y: Array, a: Array) -> Array:
    """Golub and Pereyra (1973), doi:10.1137/0710036.  At a matrix without full rank it jumps."""
    g, p = _transposed(g), _transposed(y)
    left, right = g - a @ (y @ g), g - (g @ y) @ a  # (1 - a y) g, g (1 - y a)
    share = left @ y @ p + p @ y @ right - p @ _transposed(g) @ p
    rank = np.sum(a * p, axis=(-2, -1), keepdims=True)  # the trace of a y
    full = rank > min(a.shape[-2:]) - 0.5
    return np.where(full, share, np.nan)


def _solve_left(g: Array, y: Array, a: Array, b: Array) -> Array:
    of_b = -_solve_right(g, y, a, b)
    if np.ndim(b) == 1:
        return of_b[..., None] * y[..., None, :]
    return of_b @ _transposed(y)


def _solve_right(g: Array, y: Array, a: Array, b: Array) -> Array:
    if np.ndim(b) == 1:  # one vector for all matrices: g is a stack of vectors
        return np.squeeze(np.linalg.solve(_transposed(a), np.expand_dims(g, -1)), -1)
    return np.linalg.solve(_transposed(a), g)


def _cholesky(g: Array, y: Array, a: Array, /, *, upper: bool = False) -> Array:
    """Murray (2016), arXiv:1602.07527; a share that is symmetric, as a is."""
    g, factor = (_transposed(g), _transposed(y)) if upper else (g, y)
    n = a.shape[-1]
    phi = np.tri(n, dtype=g.dtype) - 0.5 * np.eye(n, dtype=g.dtype)  # lower half, half the diagonal
    left = np.linalg.solve(_transposed(factor), phi * (_transposed(factor) @ g))
    share = _transposed(np.linalg.solve(_transposed(factor), _transposed(left)))
    return 0.5 * (share + _transposed(share))


defvjp(np.linalg.inv, lambda g, y, a: -_transposed(y) @ g @ _transposed(y))
defvjp(np.linalg.pinv, lambda g, y, a, rcond=None, hermitian=False, *, rtol=None: _pinv(g, y, a))
defvjp(np.linalg.solve, _solve_left, _solve_right)
defvjp(np.linalg.cholesky, _cholesky)


# -- determinants ----------------------------------------------------------------------------------


@primitive
def scale_of_det(a: Array) -> Array:
    """The number by which a is to be divided for a determinant of 1 or -1; NaN if there is none."""
    logarithm = np.linalg.slogdet(a)[1][..., None, None] / max(a.shape[-1], 1)
    return np.where(np.isfinite(logarithm), np.exp(logarithm), np.nan)


@primitive
def sign_of_det(a: Array) -> Array:
    """-1, 0 or 1."""
    return np.asarray(np.linalg.slogdet(a)[0])


@primitive
def logabsdet(a: Array) -> Array:
    """log |det(a)|, without forming the determinant."""
    return np.asarray(np.linalg.slogdet(a)[1])


defconstant(scale_of_det, sign_of_det)


def cofactors(a: Array) -> Array:
    """d det(a) / da, also where the determinant overflows, underflows or is 0."""
    scale = scale_of_det(a)
    usual = scale == scale
    scale = np.where(usual, scale, 1.0)
    scaled = np.where(usual, a, np.eye(a.shape[-1], dtype=a.dtype)) / scale
    det = np.expand_dims(np.linalg.det(scaled), (-2, -1))
    found: Array = det * _inverse_transposed(scaled) * scale ** (a.shape[-1] - 1)
    return found if np.all(usual) else np.where(usual, found, _minors(a))


def _minors(a: Array) -> Array:
    """The determinants of what is left without row i and column j, with alternating signs."""
    n = a.shape[-1]
    others = [[j for j in range(n) if j != i] for i in range(n)]
    columns = np.array(others, dtype=int).reshape(n, 1, n - 1)
    rows = [a[..., np.array(i, dtype=int).reshape(n - 1, 1), columns] for i in others]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    minors = np.stack([np.linalg.det(row) for row in rows], axis=-2)
    signed: Array = minors * signs.astype(a.dtype)
    return signed


def _det(g: Array, y: Array, a: Array) -> Array:
    if within(np.abs(y), float(np.finfo(y.dtype).tiny), np.inf):
        return np.expand_dims(g * y, (-2, -1)) * _inverse_transposed(a)
    return np.expand_dims(g, (-2, -1)) * cofactors(a)


def _logabsdet(g: Array, y: Array, a: Array) -> Array:
    g, regular = np.expand_dims(g, (-2, -1)), np.expand_dims(np.not_equal(y, -np.inf), (-2, -1))
    if np.all(regular):
        return g * _inverse_transposed(a)
    inverse = _inverse_transposed(np.where(regular, a, np.eye(a.shape[-1], dtype=a.dtype)))
    return np.where(regular, g * inverse, np.nan)


defvjp(np.linalg.det, _det)
defvjp(logabsdet, _logabsdet)


class SignAndLogabsdet(NamedTuple):
    """What `np.linalg.slogdet` gives: the determinant is sign * exp(logabsdet)."""

    sign: Array  # a plain array
    logabsdet: Array


composite(np.linalg.slogdet)(lambda a: SignAndLogabsdet(sign_of_det(a), logabsdet(a)))
