"""The affine map."""

from typing import Any

import numpy as np

from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.guards.arguments import check_counts, generator
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.initialisers import uniform
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.nn.symbols import explained

Array = Any


@public_class
class Linear(Module):
    """y = x W + b.  x: (..., I) -> (..., O); W is (I, O), the transpose of PyTorch's weight.

    bias  False: without b
    rng   a seed or a Generator; W and b start uniform in +-1/sqrt(I), PyTorch's way

    Raises ShapeError, naming W, if x has another I.
    """

    equation = "y = x W + b"
    symbols = {"W": "I O", "b": "O", "x": "B I"}

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        rng: int | np.random.Generator,
        dtype: Any = float,
    ):
        inputs, outputs = check_counts(inputs=inputs, outputs=outputs)
        rng, bound = generator(rng), inputs**-0.5
        self.W = uniform("W", (inputs, outputs), bound, rng, dtype)
        self.b = uniform("b", (outputs,), bound, rng, dtype) if bias else None

    def __call__(self, x: Array) -> Array:
        """y from x."""
        try:
            y = x @ self.W
        except ShapeError as error:
            raise explained(self, {"x": x}, error) from error
        return y if self.b is None else y + self.b
