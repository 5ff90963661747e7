"""The read-out, equation (1.2)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.functional import identity
from tinygrad_rnn.guards.arguments import check_counts, generator
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.initialisers import uniform
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.nn.symbols import explained

Array = Any


@public_class
class Readout(Module):
    """y_t = g(h_t W_hy + b_y), (1.2).  h: (B, H) -> (B, O).

    g    functional.identity (regression), sigmoid, softmax, or any function of the row
    rng  a seed or a Generator; weights start uniform in +-1/sqrt(H)

    Raises ShapeError, naming W_hy, if h has another H.
    """

    equation = "y_t = g(h_t W_hy + b_y) (1.2)"
    symbols = {"W_hy": "H O", "b_y": "O", "h": "B H"}

    def __init__(
        self,
        hidden: int,
        outputs: int,
        g: Callable[[Array], Array] = identity,
        *,
        rng: int | np.random.Generator,
        dtype: Any = float,
    ):
        hidden, outputs = check_counts(hidden=hidden, outputs=outputs)
        rng, bound = generator(rng), hidden**-0.5
        self.g = g
        self.W_hy = uniform("W_hy", (hidden, outputs), bound, rng, dtype)
        self.b_y = uniform("b_y", (outputs,), bound, rng, dtype)

    def __call__(self, h: Array) -> Array:
        """y_t from h_t."""
        try:
            return self.g(h @ self.W_hy + self.b_y)  # (1.2)
        except ShapeError as error:
            raise explained(self, {"h": h}, error) from error
