"""The Elman RNN, equation (1.1): one step."""

from collections.abc import Callable

import numpy as np

from tinygrad_rnn._typing import DTypeLike, Seed
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.boundary import name_of, public_class
from tinygrad_rnn.nn.cell import Cell


@public_class
class RNNCell(Cell[Tensor]):
    """One step of an Elman RNN, (1.1).  x: (B, I), h: (B, H) -> (B, H); (I,) and (H,) do as well.

    f    the activation: np.tanh, functional.relu or any elementwise function
    rng  a seed or a Generator; weights start uniform in +-1/sqrt(H)

    >>> cell = nn.RNNCell(2, 3, rng=0)
    >>> cell(np.ones((4, 2)), np.zeros((4, 3))).shape
    (4, 3)

    Raises ShapeError if x, h and the weights do not fit in I, H or B.
    Elman (1990), doi:10.1207/s15516709cog1402_1.
    """

    equation = "h_t = f(x_t W_xh + h_(t-1) W_hh + b_h) (1.1)"
    symbols = {"W_xh": "I H", "W_hh": "H H", "b_h": "H", "x": "B I", "h": "B H"}
    W_xh: Tensor
    W_hh: Tensor
    b_h: Tensor

    def __init__(
        self,
        inputs: int,
        hidden: int,
        f: Callable[[Tensor], Tensor] = np.tanh,
        *,
        rng: Seed,
        dtype: DTypeLike = float,
    ):
        self.f = f
        self.start(inputs, hidden, rng=rng, dtype=dtype)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        """h_t from x_t and h_(t-1)."""
        return self.f(x @ self.W_xh + h @ self.W_hh + self.b_h)  # (1.1)

    def _settings(self) -> list[str]:
        return super()._settings() + [name_of(self.f)] * (self.f is not np.tanh)
