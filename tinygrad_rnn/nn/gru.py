"""The GRU, equations (6.1) to (6.3): one step, and layers over all of time."""

from typing import Any

import numpy as np

from tinygrad_rnn.functional import sigmoid
from tinygrad_rnn.guards.arguments import check_counts, generator
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.cell import Cell
from tinygrad_rnn.nn.initialisers import uniform
from tinygrad_rnn.nn.recurrent import Recurrent

Array = Any


@public_class
class GRUCell(Cell):
    """One step of a GRU, (6.1) to (6.3).  x: (B, I), h: (B, H) -> (B, H).

    The three blocks of W_xh (I, 3H), W_hh (H, 3H), b_xh (3H) and b_hh (3H) belong to the reset gate r, the update
    gate z and the candidate n, in PyTorch's order; the reset gate acts after the product, as there.
    rng: a seed or a Generator; weights start uniform in +-1/sqrt(H).

    Raises ShapeError if x, h and the weights do not fit in I, H or B.  Cho et al. (2014), arXiv:1406.1078.
    """

    equation = "r, z, n = gates of x_t W_xh + b_xh and h_(t-1) W_hh + b_hh (6.1), h_t = (1 - z) * n + z * h_(t-1) (6.3)"
    gates = ("r", "z", "n")
    symbols = {"W_xh": "I 3H", "W_hh": "H 3H", "b_xh": "3H", "b_hh": "3H", "x": "B I", "h": "B H"}

    def __init__(
        self, inputs: int, hidden: int, *, rng: int | np.random.Generator, dtype: Any = float
    ):
        inputs, hidden = check_counts(inputs=inputs, hidden=hidden)
        rng, bound = generator(rng), hidden**-0.5
        self.hidden, self.dtype = hidden, np.dtype(dtype)
        self.W_xh = uniform("W_xh", (inputs, 3 * hidden), bound, rng, dtype)
        self.W_hh = uniform("W_hh", (hidden, 3 * hidden), bound, rng, dtype)
        self.b_xh = uniform("b_xh", (3 * hidden,), bound, rng, dtype)
        self.b_hh = uniform("b_hh", (3 * hidden,), bound, rng, dtype)

    def step(self, x: Array, h: Array) -> Array:
        """h_t from x_t and h_(t-1)."""
        r_x, z_x, n_x = np.split(x @ self.W_xh + self.b_xh, 3, axis=-1)
        r_h, z_h, n_h = np.split(h @ self.W_hh + self.b_hh, 3, axis=-1)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)  # (6.1)
        n = np.tanh(n_x + r * n_h)  # (6.2)
        return (1.0 - z) * n + z * h  # (6.3)


@public_class
class GRU(Recurrent):
    """Layers of GRUCell over all of time: outputs, state = GRU(I, H, rng=0)(xs).  xs: (T, B, I) -> (T, B, H).

    rng  a seed or a Generator: draws the weights and then the masks of dropout.  A Generator is shared, so a checkpoint
         of it is enough to resume bit for bit

    Inputs, states and lengths are described at `Recurrent`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        rng: int | np.random.Generator,
        dtype: Any = float,
    ):
        rng = generator(rng)
        super().__init__(
            lambda size: GRUCell(size, hidden, rng=rng, dtype=dtype),
            inputs,
            hidden,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            rng=rng,
        )
