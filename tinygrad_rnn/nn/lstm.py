"""The LSTM with forget gate, equations (5.1) to (5.3): one step."""

import numpy as np

from tinygrad_rnn._typing import DTypeLike, Seed
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.functional import sigmoid
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.cell import Cell


@public_class
class LSTMCell(Cell[tuple[Tensor, Tensor]]):
    """One step of an LSTM, (5.1) to (5.3).  x: (B, I), state (h, c): (B, H) each -> (h, c).

    The four blocks of W_xh (I, 4H), W_hh (H, 4H) and b_h (4H) belong to the gates i, f, g, o, in
    PyTorch's order; b_h is the sum of PyTorch's two biases.

    rng          a seed or a Generator; weights start uniform in +-1/sqrt(H)
    forget_bias  where the f block of b_h starts, if not there too; 1 lets the cell remember from
                 the beginning (Gers et al., below; Jozefowicz et al. (2015),
                 proceedings.mlr.press/v37/jozefowicz15)

    >>> cell = nn.LSTMCell(2, 3, rng=0)
    >>> h, c = cell(np.ones((4, 2)), cell.initial_state((4,)))
    >>> h.shape, c.shape
    ((4, 3), (4, 3))

    Raises ShapeError if x, h, c and the weights do not fit in I, H or B.
    Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers et al.
    (2000), doi:10.1162/089976600300015015.
    """

    equation = "i, f, g, o = x_t W_xh + h_(t-1) W_hh + b_h (5.1), c_t = f * c_(t-1) + i * g (5.2)"
    states = ("h", "c")
    gates = ("i", "f", "g", "o")
    symbols = {"W_xh": "I 4H", "W_hh": "H 4H", "b_h": "4H", "x": "B I", "h": "B H", "c": "B H"}
    W_xh: Tensor
    W_hh: Tensor
    b_h: Tensor

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        rng: Seed,
        dtype: DTypeLike = float,
        forget_bias: float | None = None,
    ):
        self.start(inputs, hidden, rng=rng, dtype=dtype)
        if forget_bias is not None:
            f = np.arange(4 * self.hidden) // self.hidden == 1
            self.b_h.data = np.where(f, self.dtype.type(forget_bias), self.b_h.data)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """(h_t, c_t) from x_t and (h_(t-1), c_(t-1))."""
        h, c = state
        i, f, g, o = np.split(x @ self.W_xh + h @ self.W_hh + self.b_h, 4, axis=-1)  # (5.1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)  # (5.2)
        h = sigmoid(o) * np.tanh(c)  # (5.3)
        return h, c
