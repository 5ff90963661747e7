"""Small unrolled networks of every kind of cell, with a loss at each step or at some."""

import numpy as np

import tinygrad_rnn as tg
from tinygrad_rnn.functional import half_squared_error, relu
from tinygrad_rnn.nn import GRUCell, LSTMCell, Readout, RNNCell

I, H, O = 2, 3, 1


def leaky(rng):
    """A user's cell: a function that closes over parameters of other names."""
    U, V, c = (
        tg.Tensor(0.6 * rng.standard_normal(shape), requires_grad=True, name=name)
        for name, shape in (("U", (I, H)), ("V", (H, H)), ("c", (H,)))
    )

    def leaky_cell(x, h):
        return 0.5 * h + 0.5 * np.tanh(x @ U + h @ V + c)

    return leaky_cell


def stacked_cell(rng):
    """A user's cell: a lambda whose state is a tuple."""
    low, high = RNNCell(I, H, rng=rng), RNNCell(H, H, rng=rng)
    return lambda x, s: (lambda h: (high(h, s[0]), h))(low(x, s[1]))


MAKE = {
    "RNN": lambda rng: RNNCell(I, H, rng=rng),
    "relu": lambda rng: RNNCell(I, H, relu, rng=rng),
    "LSTM": lambda rng: LSTMCell(I, H, rng=rng),
    "GRU": lambda rng: GRUCell(I, H, rng=rng),
    "function": leaky,
    "tuple": stacked_cell,
    "bare": lambda rng: RNNCell(I, O, rng=rng),
}

START = {"function": np.zeros(H), "tuple": (np.zeros(H), np.zeros(H))}

CELLS = list(MAKE)


def make(name, T, scale=1.5, seed=0):
    """An unrolled network with a loss at each step; "bare" has no read-out."""
    rng = np.random.default_rng(seed)
    cell = MAKE[name](rng)
    readout = None if name == "bare" else Readout(H, O, rng=rng)
    if hasattr(cell, "W_hh"):
        cell.W_hh.data = cell.W_hh.data * scale
    xs, targets = rng.standard_normal((T, I)), rng.standard_normal((T, O))
    return tg.unroll(
        cell, xs, START.get(name), readout=readout, loss=half_squared_error, targets=targets
    )


def with_losses(name, T, steps):
    """A network with a loss at these steps only."""
    rng = np.random.default_rng(0)
    cell = MAKE[name](rng)
    readout = None if name == "bare" else Readout(H, O, rng=rng)
    xs, targets = rng.standard_normal((T, I)), rng.standard_normal((T, O))
    wanted = [targets[t - 1] if t in steps else None for t in range(1, T + 1)]
    options = {"readout": readout, "loss": half_squared_error, "targets": wanted}
    return tg.unroll(cell, xs, START.get(name), **options)


def overflowing(t):
    """h_t = h_(t-1) W W with W = 1e200: J_t is beyond all floats, and with h_0 = 0 every term is 0
    all the same.
    """
    W = tg.Tensor(np.full((1, 1), 1e200), requires_grad=True, name="W")
    return tg.unroll(
        lambda x, h: h @ W @ W + x,
        np.zeros((t, 1)),
        np.zeros(1),
        loss=half_squared_error,
        targets=np.zeros((t, 1)),
    )
