"""The Elman RNN, equation (1.1): one step, and layers over all of time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn.guards.arguments import check_counts, generator
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.cell import Cell
from tinygrad_rnn.nn.initialisers import uniform
from tinygrad_rnn.nn.recurrent import Recurrent

Array = Any


@public_class
class RNNCell(Cell):
    """One step of an Elman RNN, (1.1).  x: (B, I), h: (B, H) -> (B, H); (I,) and (H,) do as well.

    f    the activation: np.tanh, functional.relu or any elementwise function
    rng  a seed or a Generator; weights start uniform in +-1/sqrt(H)

    Raises ShapeError if x, h and the weights do not fit in I, H or B.  Elman (1990), doi:10.1207/s15516709cog1402_1.
    """

    equation = "h_t = f(x_t W_xh + h_(t-1) W_hh + b_h) (1.1)"
    symbols = {"W_xh": "I H", "W_hh": "H H", "b_h": "H", "x": "B I", "h": "B H"}

    def __init__(
        self,
        inputs: int,
        hidden: int,
        f: Callable[[Array], Array] = np.tanh,
        *,
        rng: int | np.random.Generator,
        dtype: Any = float,
    ):
        inputs, hidden = check_counts(inputs=inputs, hidden=hidden)
        rng, bound = generator(rng), hidden**-0.5
        self.hidden, self.f, self.dtype = hidden, f, np.dtype(dtype)
        self.W_xh = uniform("W_xh", (inputs, hidden), bound, rng, dtype)
        self.W_hh = uniform("W_hh", (hidden, hidden), bound, rng, dtype)
        self.b_h = uniform("b_h", (hidden,), bound, rng, dtype)

    def step(self, x: Array, h: Array) -> Array:
        """h_t from x_t and h_(t-1)."""
        return self.f(x @ self.W_xh + h @ self.W_hh + self.b_h)  # (1.1)


@public_class
class RNN(Recurrent):
    """Layers of RNNCell over all of time: outputs, state = RNN(I, H, rng=0)(xs).  xs: (T, B, I) -> (T, B, H).

    f    the activation of every cell: np.tanh, functional.relu or any elementwise function
    rng  a seed or a Generator: draws the weights and then the masks of dropout.  A Generator is shared, so a checkpoint
         of it is enough to resume bit for bit

    Inputs, states and lengths are described at `Recurrent`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        f: Callable[[Array], Array] = np.tanh,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        rng: int | np.random.Generator,
        dtype: Any = float,
    ):
        rng = generator(rng)
        super().__init__(
            lambda size: RNNCell(size, hidden, f, rng=rng, dtype=dtype),
            inputs,
            hidden,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            rng=rng,
        )
