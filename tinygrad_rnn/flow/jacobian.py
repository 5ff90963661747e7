"""Jacobians between listed states: what unit cotangents become on their way down, (3.3).

A state counts as one vector, its parts end to end, for each row of the batch: (..., n).
"""

from collections.abc import Iterator

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import GradientError, ShapeError
from tinygrad_rnn.flow.listed import Arrivals, Listed
from tinygrad_rnn.flow.vectors import joined


def jacobian(listed: Listed, k: int, t: int) -> Array:
    """ds_k/ds_t: (..., n_k, n_t); row i is the gradient of entry i of s_k.

    Raises GradientError if it is not recorded, or does not fall apart into one for each row of the
    batch; ShapeError if the parts of s_k have different batch axes.
    """
    like = zeros(listed, k)
    if t == k:
        return np.broadcast_to(
            np.eye(like.shape[-1], dtype=like.dtype), (*like.shape, like.shape[-1])
        )
    check_rows(listed, k, t)
    return np.stack([_carried(listed, k, t, unit) for unit in units(listed, k)], axis=-2)


def zeros(listed: Listed, t: int) -> Array:
    """The vector of s_t, with zeros.  Raises ShapeError if its parts differ in their batch axes."""
    parts = [np.atleast_1d(part) for part in listed.zeros(t)]
    if any(part.shape[:-1] != parts[0].shape[:-1] for part in parts):
        shapes = ", ".join(str(part.shape) for part in parts)
        raise ShapeError(
            f"the parts of state {t + 1} have shapes {shapes}; a Jacobian needs equal batch axes."
        )
    return joined(parts)


def units(listed: Listed, t: int) -> Iterator[Arrivals]:
    """A unit cotangent for each entry of s_t, the same for every row of the batch."""
    like = zeros(listed, t)
    for unit in np.eye(like.shape[-1], dtype=like.dtype):
        yield apart(listed, t, np.broadcast_to(unit, like.shape))


def generic(listed: Listed, t: int) -> Array:
    """A vector of s_t without symmetries."""
    like = zeros(listed, t)
    return np.cos(np.arange(like.size)).astype(like.dtype).reshape(like.shape)


def apart(listed: Listed, t: int, vectors: Array) -> Arrivals:
    """Vectors as the parts of s_t; axes before those of the batch stay."""
    tensors = listed.tensors[t]
    ends = np.cumsum([x.shape[-1] if x.shape else 1 for x in tensors])[:-1]
    lead = vectors.shape[: vectors.ndim - max(1, tensors[0].ndim)]
    pieces = np.split(vectors, ends, axis=-1)
    return [piece.reshape((*lead, *x.shape)) for piece, x in zip(pieces, tensors, strict=True)]


def check_rows(listed: Listed, k: int, t: int) -> None:
    """Raise GradientError unless ds_k/ds_t is recorded and falls apart into one for each row.

    Rows are independent if scaling a row of the cotangent scales just that row of the result;
    powers of two scale without rounding.
    """
    if not all(x.requires_grad for x in listed.tensors[t]):
        raise GradientError(
            f"a part of state {t + 1} does not require a gradient, so how state {k + 1} depends on "
            "it was not recorded. Make the initial state a Tensor with requires_grad=True."
        )
    plain = generic(listed, k)
    rows, stride = np.arange(plain[..., 0].size), 1
    if rows.size == 1:
        return
    result = _carried(listed, k, t, apart(listed, k, plain))
    while stride < rows.size:
        scale = np.exp2(rows // stride % 16).astype(plain.dtype).reshape(*plain.shape[:-1], 1)
        scaled = _carried(listed, k, t, apart(listed, k, plain * scale))
        if not np.array_equal(scaled, result * scale):
            raise GradientError(
                f"the rows of a batch depend on each other between s_{t + 1} and s_{k + 1}, so one "
                "Jacobian for each row does not exist. Unroll with a batch of one."
            )
        stride *= 16


def _carried(listed: Listed, k: int, t: int, cotangent: Arrivals) -> Array:
    """A cotangent of s_k carried down to s_t, as a vector."""
    *_, visit = listed.walk({k: cotangent}, lowest=t)
    return joined(visit.arrivals or listed.zeros(t))
