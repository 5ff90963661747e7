"""Sequences of different lengths in one batch: a mask says which steps are a sequence's own."""

from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike, Shape
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DTypeError, RangeError, ShapeError
from tinygrad_rnn.nn.cell import Cell


class Masked:
    """A cell that stands still where `inside` is False, and gives 0 there."""

    def __init__(self, cell: Cell[Any]):
        self.cell = cell

    def __call__(self, x_inside: tuple[Tensor, Array], state: Any) -> tuple[Any, Tensor]:
        """(state, output)."""
        x, inside = x_inside
        new = self.cell(x, state)
        if not isinstance(state, tuple):
            return np.where(inside, new, state), np.where(inside, new, new.dtype.type(0))
        masked = tuple(np.where(inside, a, b) for a, b in zip(new, state, strict=True))
        return masked, np.where(inside, new[0], new[0].dtype.type(0))


def own_steps(lengths: ArrayLike | Tensor, shape: Shape) -> Array:
    """(T, B, 1): whether step t of sequence b is one of its own."""
    ends, (T, *batch, _) = np.asarray(value(lengths)), shape
    if ends.dtype.kind not in "iu":
        raise DTypeError(
            f"lengths have dtype {ends.dtype}; they count steps, so they are integers."
        )
    if ends.shape != tuple(batch):
        raise ShapeError(
            f"lengths have shape {ends.shape}; xs has shape {shape} and needs one length for each "
            f"sequence of the batch, {tuple(batch)}."
        )
    if ends.size and (ends.min() < 0 or ends.max() > T):
        raise RangeError(
            f"lengths run from {ends.min()} to {ends.max()}; xs has T = {T} steps, so they must "
            f"lie in 0..{T}."
        )
    steps = np.arange(T).reshape(T, *[1] * len(batch))
    return np.expand_dims(steps < ends, -1)
