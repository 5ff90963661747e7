"""The same network recorded by the library."""

from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.equations.by_hand import PARAMETERS, ByHand
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error, identity, relu, sigmoid, softmax
from tinygrad_rnn.nn import Readout, RNNCell
from tinygrad_rnn.nn.unroll import Unrolled, unroll

_FUNCTIONS: dict[str, Any] = {
    "tanh": np.tanh,
    "relu": relu,
    "identity": identity,
    "sigmoid": sigmoid,
    "softmax": softmax,
}


class Recorded:
    """A network given by hand, unrolled with RNNCell and Readout, with its backward pass done.

    loss         of one step: a function of (y_t, target_t)
    of_last      only L_T counts, as in 000, not the sum (2.1)

    parameters   {name: Tensor}, W_xh (I, H) and so on: the library's rows, so each W is the hand's
                 transposed
    unrolled     what `unroll` gives
    flow         `gradient_flow` over h_1 .. h_T
    """

    def __init__(self, net: ByHand, loss: Any = half_squared_error, of_last: bool = False):
        (H, I), O = net.W_xh.shape, len(net.b_y)
        self.net = net
        self.cell = RNNCell(I, H, _FUNCTIONS[net.f], rng=0)
        self.readout = Readout(H, O, _FUNCTIONS[net.g], rng=0)
        self.parameters = dict(self.cell.named_parameters()) | dict(self.readout.named_parameters())
        for name in PARAMETERS:
            self.parameters[name].data = getattr(net, name).T.copy()
        self.unrolled = self.forward(loss)
        losses = self.unrolled.losses
        (losses[-1] if of_last else self.unrolled.loss).backward()
        self.flow = gradient_flow(losses[-1] if of_last else losses, self.unrolled.hidden)

    def forward(self, loss: Any = half_squared_error) -> Unrolled:
        """The network unrolled with the parameters as they now are."""
        net = self.net
        return unroll(
            self.cell, net.xs, net.h0, readout=self.readout, loss=loss, targets=net.targets
        )

    def gradient(self, name: str) -> Array:
        """dL/d(parameter) after backward, transposed into the text's columns."""
        gradient: Array = self.parameters[name].grad.T
        return gradient

    def contribution(self, name: str, t: int) -> Array:
        """What step t adds to it, in columns."""
        contribution: Array = self.flow.contribution(name)[t - 1].T
        return contribution

    def immediate(self, name: str, t: int) -> Array:
        """dh_t/d(parameter), in columns, h_(t-1) held fixed: one step alone, its entries summed."""
        h = self.cell(self.net.x(t), self.net.h0 if t == 1 else self.unrolled.hidden[t - 2].data)
        immediate: Array = gradient_flow(np.sum(h), [h]).contribution(name)[0].T
        return immediate

    def update(self, eta: float, *names: str) -> None:
        """theta <- theta - eta dL/dtheta, (4), with the gradients that backward left."""
        for name in names:
            p = self.parameters[name]
            p.data = p.data - eta * p.grad
