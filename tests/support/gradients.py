"""Gradients of results by Tensors, as a list."""

from collections.abc import Sequence
from typing import Any

from tinygrad_rnn import Tensor
from tinygrad_rnn.core.tensor import seed
from tinygrad_rnn.transforms.modes import backward


def differentiate(
    y: Tensor, xs: Sequence[Tensor], g: Any = None, create_graph: bool = False
) -> list[Any]:
    """dy/dx for each x, weighted by the cotangent g of y; None where y does not depend on x."""
    return backward({y: g if isinstance(g, Tensor) else seed(y, g)}, xs, create_graph)
