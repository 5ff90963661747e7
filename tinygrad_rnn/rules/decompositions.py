"""Rules of inverse, pseudo-inverse, solve, determinant and the Cholesky factor, for stacks of matrices."""

from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.primitive import composite, defconstant, defvjp, primitive
from tinygrad_rnn.rules.shape import as_array

Array = Any


def _transposed(a: Array) -> Array:
    return np.swapaxes(as_array(a), -1, -2)


def _inverse_transposed(a: Array) -> Array:
    return _transposed(np.linalg.inv(a))


defvjp(np.linalg.inv, lambda g, y, a: -_transposed(y) @ g @ _transposed(y))


def _pinv(g: Array, y: Array, a: Array) -> Array:
    """Golub and Pereyra (1973), doi:10.1137/0710036; the rank must stay the same nearby."""
    g, p = _transposed(g), _transposed(y)
    left, right = g - a @ (y @ g), g - (g @ y) @ a  # (1 - a y) g, g (1 - y a)
    return left @ y @ p + p @ y @ right - p @ _transposed(g) @ p


defvjp(np.linalg.pinv, _pinv)


def _solve_left(g: Array, y: Array, a: Array, b: Array) -> Array:
    of_b = _solve_right(g, y, a, b)
    if np.ndim(b) == 1:
        return -np.expand_dims(of_b, -1) * np.expand_dims(y, -2)
    return -of_b @ _transposed(y)


def _solve_right(g: Array, y: Array, a: Array, b: Array) -> Array:
    if np.ndim(b) == 1:  # one vector for all matrices: g is a stack of vectors
        return np.squeeze(np.linalg.solve(_transposed(a), np.expand_dims(g, -1)), -1)
    return np.linalg.solve(_transposed(a), g)


defvjp(np.linalg.solve, _solve_left, _solve_right)


def cofactors(a: Array) -> Array:
    """d det(a) / da: the determinants of what is left without row i and column j, with alternating signs."""
    n = a.shape[-1]
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], dtype=int).reshape(n, n - 1)
    minors = a[..., others[:, None, :, None], others[None, :, None, :]]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return np.linalg.det(minors) * signs.astype(a.dtype)


def _det(g: Array, y: Array, a: Array) -> Array:
    g, y = (np.expand_dims(x, (-2, -1)) for x in (g, y))
    if np.any(y == 0):  # no inverse
        return g * cofactors(a)
    return g * y * _inverse_transposed(a)


defvjp(np.linalg.det, _det)


class SignAndLogabsdet(NamedTuple):
    """What `np.linalg.slogdet` gives: the determinant is sign * exp(logabsdet)."""

    sign: Array  # a plain array
    logabsdet: Array


@primitive
def sign_of_det(a: Array) -> Array:
    """-1, 0 or 1."""
    return np.linalg.slogdet(a)[0]


@primitive
def logabsdet(a: Array) -> Array:
    """log |det(a)|, without forming the determinant."""
    return np.linalg.slogdet(a)[1]


defconstant(sign_of_det)
defvjp(logabsdet, lambda g, y, a: np.expand_dims(g, (-2, -1)) * _inverse_transposed(a))


@composite(np.linalg.slogdet)
def slogdet(a: Array) -> SignAndLogabsdet:
    """The sign and the logarithm of the absolute value of the determinant."""
    return SignAndLogabsdet(sign_of_det(a), logabsdet(a))


def _cholesky(g: Array, y: Array, a: Array, /, *, upper: bool = False) -> Array:
    """Murray (2016), arXiv:1602.07527; a share that is symmetric, as a is."""
    g, factor = (_transposed(g), _transposed(y)) if upper else (g, y)
    phi = np.tri(a.shape[-1], dtype=g.dtype) - 0.5 * np.eye(a.shape[-1], dtype=g.dtype)  # lower half, half the diagonal
    left = np.linalg.solve(_transposed(factor), phi * (_transposed(factor) @ g))
    share = _transposed(np.linalg.solve(_transposed(factor), _transposed(left)))
    return 0.5 * (share + _transposed(share))


defvjp(np.linalg.cholesky, _cholesky)
