"""Training as the experiments do it: hidden states of a whole sequence, Adam, clipping of the gradient's norm."""

from typing import Any

import numpy as np

import tinygrad_rnn as tg
from tinygrad_rnn.unroll import parts

Array = Any


def lstm(inputs: int, hidden: int, *, rng: Any, dtype: Any = float) -> tg.nn.LSTMCell:
    """An LSTM whose forget gates start at sigmoid(1), so that it begins by remembering.

    Jozefowicz, Zaremba and Sutskever (2015), proceedings.mlr.press/v37/jozefowicz15.html.
    """
    cell = tg.nn.LSTMCell(inputs, hidden, rng=rng, dtype=dtype)
    cell.b_h.data[hidden : 2 * hidden] += 1.0
    return cell


def hidden_states(cell: Any, xs: Array, state: Any = None) -> tuple[Any, Any]:
    """h_1 .. h_T as one (T, B, H) and the last state as plain arrays, to go on from in the next segment."""
    run = tg.unroll(cell, xs, state)
    last = tuple(part.data for part in parts(run.states[-1]))
    return np.stack(run.hidden), last if len(last) > 1 else last[0]


class Adam:
    """Kingma and Ba (2015), arXiv:1412.6980, Algorithm 1."""

    def __init__(self, parameters: list[tg.Tensor], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999)):
        self.parameters, self.lr, self.betas, self.t = parameters, lr, betas, 0
        self.moments = [(np.zeros_like(p.data), np.zeros_like(p.data)) for p in parameters]

    def step(self) -> None:
        """One update from the gradients at hand."""
        self.t += 1
        b1, b2 = self.betas
        for p, (m, v) in zip(self.parameters, self.moments, strict=True):
            m += (1 - b1) * (p.grad - m)
            v += (1 - b2) * (p.grad**2 - v)
            p.data = p.data - self.lr / (1 - b1**self.t) * m / (np.sqrt(v / (1 - b2**self.t)) + 1e-8)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in self.parameters:
            p.grad = None


def clip_grad_norm(parameters: list[tg.Tensor], max_norm: float) -> float:
    """Scale all gradients so that their joint norm is at most max_norm; returns the norm before.

    Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, Algorithm 1.
    """
    norm = float(np.sqrt(sum(float(np.vdot(p.grad, p.grad)) for p in parameters)))
    if norm > max_norm:
        for p in parameters:
            p.grad = p.grad * (max_norm / norm)
    return norm


def descend(loss: Any, optimiser: Any, max_norm: float = np.inf) -> float:
    """One update down the gradient of a scalar loss; returns the loss."""
    loss.backward()
    clip_grad_norm(optimiser.parameters, max_norm)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.item())
