"""A table of vectors, one for each symbol."""

from tinygrad_rnn import functional
from tinygrad_rnn._typing import ArrayLike, DTypeLike, Seed
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.arguments import check_counts
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.initialisers import normal
from tinygrad_rnn.nn.module import Module


@public_class
class Embedding(Module):
    """Rows of weight (V, E) by their numbers.

    Integers (...) -> (..., E): tokens (T, B) give xs (T, B, E).

    rng  a seed or a Generator; weight starts standard normal, PyTorch's way

    Raises what `functional.embedding` raises: DTypeError for numbers that are no integers,
    DataError for one outside 0..V-1.
    """

    def __init__(self, count: int, size: int, *, rng: Seed, dtype: DTypeLike = float):
        self.weight = normal("weight", tuple(check_counts(count=count, size=size)), 1.0, rng, dtype)

    def __call__(self, indices: ArrayLike) -> Tensor:
        """The rows."""
        return functional.embedding(indices, self.weight)

    def _settings(self) -> list[str]:
        return list(map(str, self.weight.shape))
