"""Layer normalisation with its gain and its shift."""

from collections.abc import Sequence

import numpy as np

from tinygrad_rnn import functional
from tinygrad_rnn._typing import ArrayLike, DTypeLike
from tinygrad_rnn.core.operators import operand
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.module import Module


@public_class
class LayerNorm(Module):
    """Each row less its mean, divided by its standard deviation, times weight, plus bias.

    (..., H) -> (..., H)

    shape  of the last axes, which are normalised together: H or (C, H); weight starts at 1 and bias
           at 0
    eps    added to the variance

    Raises ShapeError if x has other last axes.  Ba et al. (2016), arXiv:1607.06450, (4).
    """

    def __init__(self, shape: int | Sequence[int], *, eps: float = 1e-5, dtype: DTypeLike = float):
        self.eps = eps
        self.weight = Tensor(np.ones(shape, dtype), requires_grad=True, name="weight")
        self.bias = Tensor(np.zeros(shape, dtype), requires_grad=True, name="bias")

    def __call__(self, x: ArrayLike | Tensor) -> Tensor:
        """The normalised rows."""
        axes, given = range(-self.weight.ndim, 0), operand(x, "x of LayerNorm")
        y: Tensor = functional.layer_norm(given, self.weight, self.bias, eps=self.eps, axis=axes)
        return y

    def _settings(self) -> list[str]:
        shape = self.weight.shape
        size = str(shape[0]) if len(shape) == 1 else str(shape)
        return [size, *[f"eps={self.eps}"] * (self.eps != 1e-5)]
