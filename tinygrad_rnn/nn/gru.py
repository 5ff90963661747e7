"""The GRU, equations (6.1) to (6.3): one step."""

import numpy as np

from tinygrad_rnn._typing import DTypeLike, Seed
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.functional import sigmoid
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.cell import Cell


@public_class
class GRUCell(Cell[Tensor]):
    """One step of a GRU, (6.1) to (6.3).  x: (B, I), h: (B, H) -> (B, H).

    The three blocks of W_xh (I, 3H), W_hh (H, 3H), b_xh (3H) and b_hh (3H) belong to the reset gate
    r, the update gate z and the candidate n, in PyTorch's order; the reset gate acts after the
    product, as there.

    rng  a seed or a Generator; weights start uniform in +-1/sqrt(H)

    >>> cell = nn.GRUCell(2, 3, rng=0)
    >>> cell(np.ones((4, 2)), np.zeros((4, 3))).shape
    (4, 3)

    Raises ShapeError if x, h and the weights do not fit in I, H or B.
    Cho et al. (2014), arXiv:1406.1078.
    """

    equation = (
        "r, z, n = gates of x_t W_xh + b_xh and h_(t-1) W_hh + b_hh (6.1), "
        "h_t = (1 - z) * n + z * h_(t-1) (6.3)"
    )
    gates = ("r", "z", "n")
    symbols = {"W_xh": "I 3H", "W_hh": "H 3H", "b_xh": "3H", "b_hh": "3H", "x": "B I", "h": "B H"}
    W_xh: Tensor
    W_hh: Tensor
    b_xh: Tensor
    b_hh: Tensor

    def __init__(self, inputs: int, hidden: int, *, rng: Seed, dtype: DTypeLike = float):
        self.start(inputs, hidden, rng=rng, dtype=dtype)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        """h_t from x_t and h_(t-1)."""
        r_x, z_x, n_x = np.split(x @ self.W_xh + self.b_xh, 3, axis=-1)
        r_h, z_h, n_h = np.split(h @ self.W_hh + self.b_hh, 3, axis=-1)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)  # (6.1)
        n = np.tanh(n_x + r * n_h)  # (6.2)
        h_t: Tensor = (1.0 - z) * n + z * h  # (6.3)
        return h_t
