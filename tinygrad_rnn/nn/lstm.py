"""The LSTM with forget gate, equations (5.1) to (5.3): one step, and layers over all of time."""

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
class LSTMCell(Cell):
    """One step of an LSTM, (5.1) to (5.3).  x: (B, I), state (h, c): (B, H) each -> (h, c).

    The four blocks of W_xh (I, 4H), W_hh (H, 4H) and b_h (4H) belong to the gates i, f, g, o, in PyTorch's order;
    b_h is the sum of PyTorch's two biases.  rng: a seed or a Generator; weights start uniform in +-1/sqrt(H).
    forget_bias: where the f block of b_h starts, if not there too; 1 lets the cell remember from the beginning
    (Gers et al., below; Jozefowicz et al. (2015), proceedings.mlr.press/v37/jozefowicz15).

    Raises ShapeError if x, h, c and the weights do not fit in I, H or B.
    Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers et al. (2000),
    doi:10.1162/089976600300015015.
    """

    equation = "i, f, g, o = x_t W_xh + h_(t-1) W_hh + b_h (5.1), c_t = f * c_(t-1) + i * g (5.2)"
    states = ("h", "c")
    gates = ("i", "f", "g", "o")
    symbols = {"W_xh": "I 4H", "W_hh": "H 4H", "b_h": "4H", "x": "B I", "h": "B H", "c": "B H"}

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        rng: int | np.random.Generator,
        dtype: Any = float,
        forget_bias: float | None = None,
    ):
        inputs, hidden = check_counts(inputs=inputs, hidden=hidden)
        rng, bound = generator(rng), hidden**-0.5
        self.hidden, self.dtype = hidden, np.dtype(dtype)
        self.W_xh = uniform("W_xh", (inputs, 4 * hidden), bound, rng, dtype)
        self.W_hh = uniform("W_hh", (hidden, 4 * hidden), bound, rng, dtype)
        self.b_h = uniform("b_h", (4 * hidden,), bound, rng, dtype)
        if forget_bias is not None:
            f = np.arange(4 * hidden) // hidden == 1
            self.b_h.data = np.where(f, self.dtype.type(forget_bias), self.b_h.data)

    def step(self, x: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        """(h_t, c_t) from x_t and (h_(t-1), c_(t-1))."""
        h, c = state
        i, f, g, o = np.split(x @ self.W_xh + h @ self.W_hh + self.b_h, 4, axis=-1)  # (5.1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)  # (5.2)
        h = sigmoid(o) * np.tanh(c)  # (5.3)
        return h, c


@public_class
class LSTM(Recurrent):
    """Layers of LSTMCell over all of time: outputs, (h, c) = LSTM(I, H, rng=0)(xs).  xs: (T, B, I) -> (T, B, H).

    rng          a seed or a Generator: draws the weights and then the masks of dropout.  A Generator is shared, so a
                 checkpoint of it is enough to resume bit for bit
    forget_bias  of every cell, as in LSTMCell

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
        forget_bias: float | None = None,
    ):
        rng = generator(rng)
        super().__init__(
            lambda size: LSTMCell(size, hidden, rng=rng, dtype=dtype, forget_bias=forget_bias),
            inputs,
            hidden,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            rng=rng,
        )
