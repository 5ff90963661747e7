"""Layers without state: their weights and random generators are arguments."""

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_rnn._typing import Array, ArrayLike, Seed, Shape
from tinygrad_rnn.core.operators import operand, value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DTypeError, ShapeError, UsageError
from tinygrad_rnn.guards.arguments import generator
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.rules.piecewise import checked
from tinygrad_rnn.rules.scale import extent, extreme, fitted, wide

X = TypeVar("X", bound=Tensor | Array)  # a Tensor gives a Tensor, an array an array


@public
def identity(x: X) -> X:
    """x itself: the g of (1.2) for regression."""
    return x


@public
def dropout(
    x: X,
    p: float = 0.5,
    *,
    rng: Seed | None = None,
    training: bool = True,
    share: int | Sequence[int] = (),
) -> X:
    """Each entry of x set to 0 with probability p, the others divided by 1 - p to keep the mean.

    rng       draws the mask; an int gives the same mask at every call, a Generator a new one
    training  False: x itself
    share     axes along which one mask is used: with share=0 a sequence (T, B, I) loses the same
              inputs at every step, as in Gal and Ghahramani (2016), arXiv:1512.05287

    Raises UsageError for p outside [0, 1) and for training without rng, ShapeError for an axis that
    x lacks.  Srivastava et al. (2014), Journal of Machine Learning Research 15.
    """
    if not 0 <= p < 1:
        raise UsageError(f"dropout with p={p}: p is the probability of a zero and lies in [0, 1).")
    y: Any = operand(x, "x of dropout")
    shared = _axes("dropout's share", share, y)
    if training and p > 0:
        if rng is None:
            raise UsageError(
                "dropout draws a mask when training. Pass rng, a Generator, or training=False."
            )
        shape = [1 if axis in shared else n for axis, n in enumerate(y.shape)]
        mask = generator(rng).random(shape) >= p
        y = y * (mask.astype(y.dtype) / (1 - p))
    dropped: X = y
    return dropped


@public
def layer_norm(
    x: X,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
    axis: int | Sequence[int] = -1,
) -> X:
    """x less its mean over `axis`, over its standard deviation there, times weight, plus bias.

    weight, bias  of the lengths of x along `axis`, in the order of x's axes; None: 1 and 0
    eps           added to the variance: a constant row gives 0, not 0/0

    x: (..., H) -> (..., H).  Raises ShapeError for a weight or bias of another shape and for an
    axis that x lacks.  Ba et al. (2016), arXiv:1607.06450, (4).

    >>> layer_norm(np.array([1.0, 2.0, 3.0]), eps=0.0).round(4).tolist()
    [-1.2247, 0.0, 1.2247]
    """
    rows: Array = operand(x, "x of layer_norm")
    axes = tuple(sorted(_axes("layer_norm's axis", axis, rows)))
    if not eps >= 0:
        raise UsageError(
            f"eps is {eps}; it is added to the variance, so it must be a number from 0 up."
        )
    y: Any = fitted(_normalised(wide(rows), axes, eps), rows)
    if weight is not None:
        y = y * _along(axes, rows, operand(weight, "weight of layer_norm"), "weight")
    if bias is not None:
        y = y + _along(axes, rows, operand(bias, "bias of layer_norm"), "bias")
    normalised: X = y
    return normalised


def _normalised(x: Array, axes: Shape, eps: float) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        centred = x - np.mean(x, axis=axes, keepdims=True)
        spread = np.mean(centred * centred, axis=axes, keepdims=True) + eps
    return _of_any_size(x, axes, eps) if extreme(spread) else centred / np.sqrt(spread)


def _of_any_size(x: Array, axes: Shape, eps: float) -> Array:
    """The same for rows so large or so small that their squares are 0 or infinite."""
    size = extent(x, axes)
    far = size.dtype.type(np.cbrt(np.finfo(size.dtype).max))
    scale = np.where(size > far, size / far, np.where(size < 1 / far, size * far, 1))
    centred = x / scale - np.mean(x / scale, axis=axes, keepdims=True)
    norm = np.linalg.vector_norm(centred, axis=axes, keepdims=True)
    entries = prod(x.shape[a] for a in axes)
    y: Array = centred / np.hypot(norm / sqrt(entries), sqrt(eps) / scale)
    return y


@public
def embedding(indices: ArrayLike, weight: X) -> X:
    """The rows of weight with these numbers.  indices: integers (...), weight: (V, E) -> (..., E).

    Raises DTypeError for indices that are not integers, DataError for one outside 0..V-1,
    ShapeError for a weight that is no table.

    >>> embedding(np.array([2, 0]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).tolist()
    [[5.0, 6.0], [1.0, 2.0]]
    """
    rows, table = (
        value(operand(indices, "the array indices")),
        operand(weight, "weight of embedding"),
    )
    if rows.dtype.kind not in "iu":
        raise DTypeError(
            f"indices have dtype {rows.dtype}; the rows of an embedding are numbered by integers."
        )
    if table.ndim != 2:
        raise ShapeError(
            f"weight has shape {table.shape}; an embedding is a table (V, E), one row for each "
            "index."
        )
    last = len(table) - 1
    complaint = (
        f"there is no row {{wrong}}; a weight of shape {table.shape} has the rows 0..{last}."
    )
    found: X = table[checked(rows, 0, last, complaint)]
    return found


def _axes(what: str, axis: int | Sequence[int], x: Tensor | Array) -> Shape:
    try:
        return normalize_axis_tuple(axis, x.ndim)
    except ValueError as error:
        raise ShapeError(f"{what} is {axis}; x has shape {x.shape}: {error}.") from error


def _along(axes: Shape, x: Array, weight: Array, name: str) -> Array:
    """The weight in a shape that broadcasts against x."""
    lengths = tuple(x.shape[a] for a in axes)
    if weight.shape != lengths:
        raise ShapeError(
            f"{name} has shape {weight.shape}; x has shape {x.shape}, normalised over axis {axes}, "
            f"and needs one of shape {lengths}."
        )
    if axes == tuple(range(x.ndim - len(axes), x.ndim)):
        return weight
    return weight.reshape([n if a in axes else 1 for a, n in enumerate(x.shape)])
