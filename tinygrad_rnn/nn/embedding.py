"""A table of vectors, one for each symbol."""

from typing import Any

import numpy as np

from tinygrad_rnn import functional
from tinygrad_rnn.guards.arguments import check_counts
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.initialisers import normal
from tinygrad_rnn.nn.module import Module

Array = Any


@public_class
class Embedding(Module):
    """Rows of weight (V, E) by their numbers.  Integers (...) -> (..., E): (T, B) tokens give xs (T, B, E).

    rng  a seed or a Generator; weight starts standard normal, PyTorch's way

    Raises what `functional.embedding` raises: DTypeError for numbers that are no integers, DataError for one outside
    0..V-1.
    """

    def __init__(
        self, count: int, size: int, *, rng: int | np.random.Generator, dtype: Any = float
    ):
        self.weight = normal("weight", tuple(check_counts(count=count, size=size)), 1.0, rng, dtype)

    def __call__(self, indices: Array) -> Array:
        """The rows."""
        return functional.embedding(indices, self.weight)
