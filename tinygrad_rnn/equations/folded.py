"""001 folded model at t = 3: E_3 = |d_3 - y_3|^2 and its gradients, path by path.

Equations 33 to 35 are pictures that are lost; the prose gives them: s_t = Phi(x_t W_x + s_(t-1)
W_s), y_t = s_t W_y or a softmax or sigmoid of it, E_t = (d_t - y_t)^2. Rows, as the text writes
them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.equations.bptt import ETA
from tinygrad_rnn.equations.by_hand import READOUTS, example
from tinygrad_rnn.equations.check import CENTRAL, Check, agrees, central_difference, differs, falls
from tinygrad_rnn.equations.recorded import Recorded
from tinygrad_rnn.flow.terms import GradientFlow, gradient_flow
from tinygrad_rnn.functional import identity, sigmoid, softmax, squared_error
from tinygrad_rnn.nn.unroll import Unrolled, unroll

WEIGHTS = ("W_x", "W_s", "W_y")


@dataclass(frozen=True)
class FoldedModel:
    """The folded model by hand, Phi = tanh; t counts from 1.

    Rows: W_x (I, S), W_s (S, S), W_y (S, O); xs (T, I), desired outputs ds (T, O). s_0 = 0, no
    biases.
    """

    W_x: Array
    W_s: Array
    W_y: Array
    xs: Array
    ds: Array

    def s(self, t: int) -> Array:
        """The state vector: (S,)."""
        if t == 0:
            return np.zeros(len(self.W_s))
        s: Array = np.tanh(self.xs[t - 1] @ self.W_x + self.s(t - 1) @ self.W_s)  # 33
        return s

    def y(self, t: int) -> Array:
        """The output vector: (O,)."""
        return self.s(t) @ self.W_y  # 34

    def E(self, t: int) -> float:
        """The error of step t, a squared norm where y is a vector."""
        return float(np.sum((self.ds[t - 1] - self.y(t)) ** 2))  # 35

    def ds_ds(self, t: int) -> Array:
        """ds_t/ds_(t-1): (S, S), entry (i, j) for output i and input j."""
        transposed: Array = self.W_s * (1 - self.s(t) ** 2)
        return transposed.T

    def path(self, name: str, t: int, n: int = 3) -> Array:
        """dE_n/dy_n . dy_n/ds_n . ds_n/ds_(n-1) ... ds_(t+1)/ds_t . ds_t/dW; of W_y only t = n."""
        dE_dy = -2 * (self.ds[n - 1] - self.y(n))
        if name == "W_y":
            return np.outer(self.s(n), dE_dy) * (t == n)
        arriving = dE_dy @ self.W_y.T
        for j in range(n, t, -1):
            arriving = arriving @ self.ds_ds(j)
        source = self.xs[t - 1] if name == "W_x" else self.s(t - 1)
        return np.outer(source, arriving * (1 - self.s(t) ** 2))

    def gradient(self, name: str, n: int = 3) -> Array:
        """dE_n/dW: the sum over the steps 1 .. n."""
        total: Array = np.sum([self.path(name, t, n) for t in range(1, n + 1)], axis=0)
        return total

    def updated(self, eta: float) -> "FoldedModel":
        """All three weights after one step of gradient descent on E_3."""
        return replace(
            self, **{name: getattr(self, name) - eta * self.gradient(name) for name in WEIGHTS}
        )

    def recorded(self, g: Any = identity) -> tuple[dict[str, Tensor], Unrolled]:
        """The same model by the library: a cell is any function (x, s) -> s."""
        W = {name: Tensor(getattr(self, name), requires_grad=True, name=name) for name in WEIGHTS}
        return W, unroll(
            lambda x, s: np.tanh(x @ W["W_x"] + s @ W["W_s"]),
            self.xs,
            self.s(0),
            readout=lambda s: g(s @ W["W_y"]),
            loss=squared_error,
            targets=self.ds,
        )


def folded_example(outputs: int = 1) -> FoldedModel:
    """The folded model with the weights and data of the example, without its biases."""
    net = example(outputs=outputs)
    return FoldedModel(net.W_xh.T, net.W_hh.T, net.W_hy.T, net.xs, net.targets)


def forward() -> Iterator[Check]:
    """Equations 33, 34 with each of its three read-outs, and 35."""
    for outputs in (1, 3):
        model, steps = folded_example(outputs), (1, 2, 3)
        _, u = model.recorded()
        with_outputs = f"unroll (O = {outputs})"
        yield agrees(
            "001 33",
            f"s_t by hand, {with_outputs}",
            [model.s(t) for t in steps],
            [s.data for s in u.hidden],
        )
        yield agrees(
            "001 34",
            f"y_t by hand, {with_outputs}",
            [model.y(t) for t in steps],
            [y.data for y in u.outputs],
        )
        yield agrees(
            "001 35",
            f"E_t by hand, {with_outputs}",
            [model.E(t) for t in steps],
            [E.data for E in u.losses],
        )
    for name, g in (("sigmoid", sigmoid), ("softmax", softmax)):
        by_hand, _ = READOUTS[name]
        _, u = model.recorded(g)
        yield agrees(
            "001 34", f"y_t with {name} by hand, unroll", by_hand(model.y(3)), u.outputs[-1].data
        )


def gradients() -> Iterator[Check]:
    """dE_3/dW for the three weights: what comes through each step, and the sum."""
    for outputs in (1, 3):
        model = folded_example(outputs)
        W, u = model.recorded()
        flow = gradient_flow(u.losses[-1], u.hidden)
        u.losses[-1].backward()
        for name in WEIGHTS:
            yield from _gradient(model, name, flow, W[name], f"(O = {outputs})")
    updated = model.updated(ETA)
    for name in WEIGHTS:
        recorded = W[name].data - ETA * W[name].grad
        yield agrees("001 E_3", f"{name} updated, backward", getattr(updated, name), recorded)
    _, u = updated.recorded()
    yield falls("001 E_3", "E_3 falls when all three are updated", model.E(3), u.losses[-1].item())


def _gradient(
    model: FoldedModel, name: str, flow: GradientFlow, W: Tensor, variant: str
) -> Iterator[Check]:
    contributions = flow.contribution(name)
    for t in (3, 2, 1):
        path = model.path(name, t)
        yield agrees(
            "001 E_3",
            f"dE_3/d{name} through step {t}, contribution {variant}",
            path,
            contributions[t - 1],
        )
    summed = model.gradient(name)
    yield agrees("001 E_3", f"dE_3/d{name}, backward {variant}", summed, W.grad)
    numeric = central_difference(
        lambda value: replace(model, **{name: value}).E(3), getattr(model, name)
    )
    yield agrees(
        "001 E_3", f"dE_3/d{name}, central differences {variant}", summed, numeric, CENTRAL
    )


def misprints() -> Iterator[Check]:
    """The factor 1/2 is missing; one E_t stands for the sum; (d - y)^2 of a vector is no number."""
    net = example()
    half = Recorded(net, of_last=True).gradient("W_xh")
    full = Recorded(net, loss=squared_error, of_last=True).gradient("W_xh")
    yield agrees("001 E_3", "dE_3/dW_x is twice that with the factor 1/2", full, 2 * half)
    yield differs("001 E_3", "dE_3/dW_x, with the announced factor 1/2", full, half)
    model = folded_example()
    W, u = model.recorded()
    u.loss.backward()
    every = sum(model.gradient("W_x", n) for n in (1, 2, 3))
    yield agrees("001 35", "d(E_1 + E_2 + E_3)/dW_x by hand, backward", every, W["W_x"].grad)
    yield differs("001 E_3", "dE_3/dW_x, the gradient of all E_t", model.gradient("W_x"), every)
    wide = folded_example(outputs=3)
    squares = (wide.ds[2] - wide.y(3)) ** 2
    yield differs(
        "001 35", "(d_3 - y_3)^2 of a vector, |d_3 - y_3|^2", squares, np.full(3, wide.E(3))
    )


EQUATIONS = (forward, gradients, misprints)
