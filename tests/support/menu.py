"""The functions of which random programs are made: `MENU[name]` is the number of operands and what
is done with them.

An entry takes arrays or Tensors and gives one, of their dtype.  It may refuse what it is given as
NumPy does, by ValueError; a program leaves such a step out.  What must be well-conditioned is made
so inside the entry.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn import functional as fn

Entry = tuple[int, Callable[..., Any]]


def _last(x: Any) -> int:
    return x.ndim - 1


def _eye(a: Any) -> Any:
    return np.eye(a.shape[-1], dtype=a.dtype)


def _matrix(a: Any) -> Any:
    if a.ndim < 2:
        raise ValueError("a matrix has two axes")
    return a


def spd(a: Any) -> Any:
    """A symmetric matrix with eigenvalues of 1 and more: 0.1 aᵀ a + 1."""
    return 0.1 * (np.swapaxes(_matrix(a), -1, -2) @ a) + _eye(a)


def regular(a: Any) -> Any:
    """spd(a) and something below its diagonal, so little that the symmetric part stays definite."""
    square = spd(a)
    return square + 0.2 * np.tril(np.tanh(square), -1)


def vectors(a: Any) -> Any:
    """a, if its rows are vectors in three dimensions."""
    if a.shape[-1:] != (3,):
        raise ValueError("the vector product has three dimensions")
    return a


ARITHMETIC: dict[str, Entry] = {
    "a + b": (2, np.add),
    "a - b": (2, np.subtract),
    "a * b": (2, np.multiply),
    "a / b": (2, np.divide),
    "2 - a": (1, lambda a: 2.0 - a),
    "1 / (1 + a²)": (1, lambda a: 1.0 / (1.0 + a * a)),
    "remainder": (2, lambda a, b: np.remainder(a, np.abs(b) + 0.7)),
    "fmod": (2, lambda a, b: np.fmod(a, np.abs(b) + 0.7)),
    "negative": (1, np.negative),
    "positive": (1, np.positive),
    "reciprocal": (1, np.reciprocal),
    "square": (1, np.square),
    "a ** 3": (1, lambda a: a**3),
    "a ** -1.5": (1, lambda a: a**-1.5),
    "a ** b": (2, lambda a, b: np.power(np.abs(a) + 0.5, b)),
    "float_power": (1, lambda a: np.float_power(np.abs(a) + 0.5, 1.5).astype(a.dtype)),
    "1.5 ** a": (1, lambda a: 1.5**a),
    "exp": (1, np.exp),
    "exp2": (1, np.exp2),
    "expm1": (1, np.expm1),
    "log": (1, np.log),
    "log2": (1, lambda a: np.log2(np.square(a) + 0.3)),
    "log10": (1, lambda a: np.log10(np.square(a) + 0.3)),
    "log1p": (1, lambda a: np.log1p(np.square(a))),
    "sqrt": (1, np.sqrt),
    "cbrt": (1, np.cbrt),
    "logaddexp": (2, np.logaddexp),
    "logaddexp2": (2, np.logaddexp2),
}

TRIGONOMETRY: dict[str, Entry] = {
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "arcsin": (1, lambda a: np.arcsin(0.9 * np.tanh(a))),
    "arccos": (1, lambda a: np.arccos(0.9 * np.tanh(a))),
    "arctan": (1, np.arctan),
    "arctan2": (2, np.arctan2),
    "hypot": (2, np.hypot),
    "sinh": (1, np.sinh),
    "cosh": (1, np.cosh),
    "tanh": (1, np.tanh),
    "arcsinh": (1, np.arcsinh),
    "arccosh": (1, lambda a: np.arccosh(1.5 + a * a)),
    "arctanh": (1, lambda a: np.arctanh(0.9 * np.tanh(a))),
    "sinc": (1, np.sinc),
    "degrees": (1, lambda a: np.degrees(0.1 * a)),
    "radians": (1, np.radians),
}

PIECES: dict[str, Entry] = {
    "abs": (1, np.abs),
    "fabs": (1, np.fabs),
    "copysign": (2, np.copysign),
    "maximum": (2, np.maximum),
    "minimum": (2, np.minimum),
    "fmax": (2, np.fmax),
    "fmin": (2, np.fmin),
    "where(a > b, a, 2 b)": (2, lambda a, b: np.where(a > b, a, 2.0 * b)),
    "where(a > 0, sqrt(a), 0)": (
        1,
        lambda a: np.where(a > 0, np.sqrt(np.where(a > 0, a, 1.0)), 0.0),
    ),
    "where(a > 0, a, 3)": (1, lambda a: np.where(a > 0, a, 3.0)),
    "clip": (1, lambda a: np.clip(a, -1.0, 1.0)),
    "clip between -1 and b": (2, lambda a, b: np.clip(a, -1.0, np.abs(b))),
    "nan_to_num": (1, np.nan_to_num),
    "a - floor(a / 2) 2": (1, lambda a: a - np.floor_divide(a, 2.0) * 2.0),
    "a - round(a)": (1, lambda a: a - np.round(a)),
    "a heaviside(a, 0)": (1, lambda a: a * np.heaviside(a, 0.0)),
    "a - floor(a)": (1, lambda a: a - np.floor(a)),
    "a sign(a)": (1, lambda a: a * np.sign(a)),
    "select": (2, lambda a, b: np.select([a > 0.5, a < -0.5], [a * b, a - b], 0.5 * b)),
}

REDUCTIONS: dict[str, Entry] = {
    "sum": (1, np.sum),
    "sum over the first axis": (1, lambda a: np.sum(a, axis=0)),
    "mean": (1, np.mean),
    "mean over the last axis": (1, lambda a: np.mean(a, axis=_last(a), keepdims=True)),
    "average": (2, lambda a, b: np.average(a + b, axis=-1, weights=np.square(a + b) + 0.5)),
    "prod": (1, np.prod),
    "prod over the first axis": (1, lambda a: np.prod(a, axis=0)),
    "max over the last axis": (1, lambda a: np.max(a, axis=_last(a))),
    "min over the first axis": (1, lambda a: np.min(a, axis=0, keepdims=True)),
    "ptp": (1, lambda a: np.ptp(a, axis=-1)),
    "var": (1, np.var),
    "var over the last axis": (1, lambda a: np.var(a, axis=-1, ddof=0.5)),
    "std": (1, lambda a: np.std(a, keepdims=True)),
    "std over the first axis": (1, lambda a: np.std(a, axis=0)),
    "nansum": (1, lambda a: np.nansum(a, axis=-1)),
    "nanmax": (1, lambda a: np.nanmax(a, axis=-1)),
    "nanmean": (1, np.nanmean),
    "cumsum": (1, lambda a: np.cumsum(a, axis=-1)),
    "cumprod": (1, lambda a: np.cumprod(a, axis=0)),
    "diff": (1, np.diff),
    "trapezoid": (1, np.trapezoid),
    "sort": (1, lambda a: np.sort(a, axis=-1)),
    "partition": (1, lambda a: np.partition(a, 1, axis=-1)),
    "median": (1, np.median),
    "median over the last axis": (1, lambda a: np.median(a, axis=-1)),
}

PRODUCTS: dict[str, Entry] = {
    "a @ b": (2, np.matmul),
    "a @ b.T": (2, lambda a, b: a @ b.T),
    "dot": (2, np.dot),
    "inner": (2, np.inner),
    "outer": (2, np.outer),
    "kron": (2, np.kron),
    "tensordot": (2, lambda a, b: np.tensordot(a, b, axes=1)),
    "vecdot": (2, np.vecdot),
    "cross": (2, lambda a, b: np.cross(vectors(a), vectors(b))),
    "einsum ij,kj->ik": (2, lambda a, b: np.einsum("ij,kj->ik", a, b)),
    "einsum ...i,...i": (2, lambda a, b: np.einsum("...i,...i", a, b)),
    "einsum ii->i": (1, lambda a: np.einsum("ii->i", a)),
    "einsum ij->j": (1, lambda a: np.einsum("ij->j", a)),
    "trace": (1, np.trace),
    "matrix_power": (1, lambda a: np.linalg.matrix_power(a, 3)),
}

LINEAR_ALGEBRA: dict[str, Entry] = {
    "inv": (1, lambda a: np.linalg.inv(regular(a))),
    "solve": (2, lambda a, b: np.linalg.solve(regular(a), b)),
    "det": (1, lambda a: np.linalg.det(regular(a))),
    "logabsdet": (1, lambda a: np.linalg.slogdet(regular(a))[1]),
    "cholesky": (1, lambda a: np.linalg.cholesky(spd(a))),
    "pinv": (1, lambda a: np.linalg.pinv(regular(a))),
    "norm": (1, np.linalg.norm),
    "norm of order 1": (1, lambda a: np.linalg.norm(a, 1, axis=-1)),
    "norm of order 3": (1, lambda a: np.linalg.norm(a, 3, axis=-1)),
    "vector_norm": (1, lambda a: np.linalg.vector_norm(a, axis=-1, keepdims=True)),
    "nuclear norm": (1, lambda a: np.linalg.norm(regular(a), "nuc")),
}

SHAPES: dict[str, Entry] = {
    "transpose": (1, np.transpose),
    "moveaxis": (1, lambda a: np.moveaxis(a, 0, -1)),
    "swapaxes": (1, lambda a: np.swapaxes(a, 0, 1)),
    "ravel": (1, np.ravel),
    "reshape(-1, 1)": (1, lambda a: np.reshape(a, (-1, 1))),
    "expand_dims": (1, lambda a: np.expand_dims(a, 0)),
    "squeeze": (1, np.squeeze),
    "broadcast_to": (1, lambda a: np.broadcast_to(a, (2, *a.shape))),
    "atleast_2d": (1, np.atleast_2d),
    "concatenate": (2, lambda a, b: np.concatenate([a, b])),
    "concatenate with itself": (1, lambda a: np.concatenate([a, a, a], axis=-1)),
    "stack": (2, lambda a, b: np.stack([a, b], axis=-1)),
    "hstack": (2, lambda a, b: np.hstack([a, b])),
    "vstack": (2, lambda a, b: np.vstack([a, b])),
    "block": (2, lambda a, b: np.block([[a, b], [b, a]])),
    "append": (2, np.append),
    "second of a split": (1, lambda a: np.array_split(a, 2)[1]),
    "flip": (1, np.flip),
    "flipud": (1, np.flipud),
    "fliplr": (1, np.fliplr),
    "windows of two": (1, lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=-1)),
    "roll": (1, lambda a: np.roll(a, 1)),
    "roll along the last axis": (1, lambda a: np.roll(a, -1, axis=-1)),
    "rot90": (1, np.rot90),
    "tile": (1, lambda a: np.tile(a, 2)),
    "repeat": (1, lambda a: np.repeat(a, 2)),
    "repeat along the last axis": (1, lambda a: np.repeat(a, 2, axis=-1)),
    "pad with 0": (1, lambda a: np.pad(a, 1)),
    "pad by the edge": (1, lambda a: np.pad(a, 1, mode="edge")),
    "pad by reflection": (1, lambda a: np.pad(a, 1, mode="reflect")),
    "resize": (1, lambda a: np.resize(a, (4, 2))),
    "tril": (1, lambda a: np.tril(_matrix(a))),
    "triu": (1, lambda a: np.triu(_matrix(a), 1)),
    "diag": (1, np.diag),
    "diagonal": (1, np.diagonal),
    "copy": (1, np.copy),
}

INDEXING: dict[str, Entry] = {
    "a[0]": (1, lambda a: a[0]),
    "a[-1:]": (1, lambda a: a[-1:]),
    "a[::-1]": (1, lambda a: a[::-1]),
    "a[..., ::2]": (1, lambda a: a[..., ::2]),
    "a[[0, 0, -1]]": (1, lambda a: a[[0, 0, -1]]),
    "a[:, [1, 1]]": (1, lambda a: a[:, [1, 1]]),
    "a[[0, 1], [1, 1]]": (1, lambda a: a[[0, 1], [1, 1]]),
    "a[..., None]": (1, lambda a: a[..., None]),
    "a[a > 0]": (1, lambda a: a[a > 0]),
    "take": (1, lambda a: np.take(a, [0, 2, 0])),
    "take along the last axis": (1, lambda a: np.take(a, [1, 0, 1], axis=-1)),
    "take_along_axis": (
        1,
        lambda a: np.take_along_axis(a, np.argsort(a, axis=-1)[..., :2], axis=-1),
    ),
    "delete": (1, lambda a: np.delete(a, 0, axis=-1)),
    "compress": (1, lambda a: np.compress([True, False, True], a, axis=-1)),
}

ACTIVATIONS: dict[str, Entry] = {
    "sigmoid": (1, fn.sigmoid),
    "relu": (1, fn.relu),
    "leaky_relu": (1, fn.leaky_relu),
    "hardtanh": (1, fn.hardtanh),
    "elu": (1, fn.elu),
    "selu": (1, fn.selu),
    "silu": (1, fn.silu),
    "mish": (1, fn.mish),
    "gelu": (1, fn.gelu),
    "gelu by tanh": (1, lambda a: fn.gelu(a, approximate="tanh")),
    "erf": (1, fn.erf),
    "erfc": (1, fn.erfc),
    "softplus": (1, fn.softplus),
    "softsign": (1, fn.softsign),
    "logit": (1, lambda a: fn.logit(0.5 + 0.4 * np.tanh(a))),
    "softmax": (1, fn.softmax),
    "softmax over the first axis": (1, lambda a: fn.softmax(a, axis=0)),
    "log_softmax": (1, fn.log_softmax),
    "logsumexp": (1, fn.logsumexp),
}

MENU: dict[str, Entry] = {
    **ARITHMETIC,
    **TRIGONOMETRY,
    **PIECES,
    **REDUCTIONS,
    **PRODUCTS,
    **LINEAR_ALGEBRA,
    **SHAPES,
    **INDEXING,
    **ACTIVATIONS,
}

# Infinite slopes: where the result is 0, in roots and in what contains one, and with two angles for
# one point.
ROOTS = {
    "sqrt", "cbrt", "hypot", "arctan2", "std", "std over the first axis", "norm",
    "norm of order 3", "vector_norm",
}  # fmt: skip
