"""(5.1) to (5.5), (6.1) to (6.5): the LSTM and the GRU by hand against the cells.

Rows, as the cells multiply them. The loss is the sum of 1/2 (h_t - target_t)^2, without a read-out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.equations.check import CENTRAL, Check, agrees, central_difference
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import GRUCell, LSTMCell
from tinygrad_rnn.nn.unroll import unroll

T, B, I, H = 3, 2, 2, 3


def sigma(a: Array) -> Array:
    """The logistic function."""
    return 1 / (1 + np.exp(-a))


@dataclass(frozen=True)
class LSTMByHand:
    """W_xh (I, 4H), W_hh (H, 4H), b_h (4H,): blocks i, f, g, o.

    xs (T, B, I), targets (T, B, H), h0, c0 (B, H).
    """

    W_xh: Array
    W_hh: Array
    b_h: Array
    xs: Array
    targets: Array
    h0: Array
    c0: Array

    def forward(self) -> list[tuple[Array, ...]]:
        """(i, f, g, o, c, h) for t = 0 .. T; at t = 0 there are no gates."""
        nothing = np.zeros_like(self.h0)
        steps: list[tuple[Array, ...]] = [(nothing, nothing, nothing, nothing, self.c0, self.h0)]
        for x in self.xs:
            *_, c, h = steps[-1]
            a_i, a_f, a_g, a_o = np.split(x @ self.W_xh + h @ self.W_hh + self.b_h, 4, axis=1)
            i, f, g, o = sigma(a_i), sigma(a_f), np.tanh(a_g), sigma(a_o)  # (5.1)
            c = f * c + i * g  # (5.2)
            steps.append((i, f, g, o, c, o * np.tanh(c)))  # (5.3)
        return steps

    def L(self) -> float:
        """The total loss (2.1)."""
        return sum(
            0.5 * float(np.sum((h - d) ** 2))
            for (*_, h), d in zip(self.forward()[1:], self.targets, strict=True)
        )

    def backward(self) -> tuple[list[tuple[Array, Array]], dict[str, Array]]:
        """[(dL/dh_t, dL/dc_t) for t = 1 .. T], each (B, H), and {name: dL/d(parameter)}."""
        steps, signals = self.forward(), list[tuple[Array, Array]]()
        gradients = {name: np.zeros_like(getattr(self, name)) for name in ("W_xh", "W_hh", "b_h")}
        from_h = from_c = np.zeros_like(self.h0)
        for t in range(len(self.xs), 0, -1):
            (i, f, g, o, c, h), (*_, c_before, h_before) = steps[t], steps[t - 1]
            dh = (h - self.targets[t - 1]) + from_h  # (5.4)
            dc = dh * o * (1 - np.tanh(c) ** 2) + from_c
            signals.insert(0, (dh, dc))
            da = [
                dc * g * i * (1 - i),
                dc * c_before * f * (1 - f),
                dc * i * (1 - g**2),
                dh * np.tanh(c) * o * (1 - o),
            ]
            delta = np.concatenate(da, axis=1)  # (5.5)
            from_h, from_c = delta @ self.W_hh.T, dc * f
            gradients["W_xh"] += self.xs[t - 1].T @ delta
            gradients["W_hh"] += h_before.T @ delta
            gradients["b_h"] += delta.sum(axis=0)
        return signals, gradients


@dataclass(frozen=True)
class GRUByHand:
    """W_xh (I, 3H), W_hh (H, 3H), b_xh, b_hh (3H,): blocks r, z, n.

    xs (T, B, I), targets (T, B, H), h0 (B, H).
    """

    W_xh: Array
    W_hh: Array
    b_xh: Array
    b_hh: Array
    xs: Array
    targets: Array
    h0: Array

    def forward(self) -> list[tuple[Array, ...]]:
        """(r, z, n, m, h) for t = 0 .. T, m = h_(t-1) W_hn + b_hn; at t = 0 there is only h."""
        nothing = np.zeros_like(self.h0)
        steps: list[tuple[Array, ...]] = [(nothing, nothing, nothing, nothing, self.h0)]
        for x in self.xs:
            *_, h = steps[-1]
            r_x, z_x, n_x = np.split(x @ self.W_xh + self.b_xh, 3, axis=1)
            r_h, z_h, m = np.split(h @ self.W_hh + self.b_hh, 3, axis=1)
            r, z = sigma(r_x + r_h), sigma(z_x + z_h)  # (6.1)
            n = np.tanh(n_x + r * m)  # (6.2)
            steps.append((r, z, n, m, (1 - z) * n + z * h))  # (6.3)
        return steps

    def L(self) -> float:
        """The total loss (2.1)."""
        return sum(
            0.5 * float(np.sum((h - d) ** 2))
            for (*_, h), d in zip(self.forward()[1:], self.targets, strict=True)
        )

    def backward(self) -> tuple[list[Array], dict[str, Array]]:
        """[dL/dh_t for t = 1 .. T], each (B, H), and {name: dL/d(parameter)}."""
        steps, signals = self.forward(), list[Array]()
        gradients = {
            name: np.zeros_like(getattr(self, name)) for name in ("W_xh", "W_hh", "b_xh", "b_hh")
        }
        from_h = np.zeros_like(self.h0)
        for t in range(len(self.xs), 0, -1):
            (r, z, n, m, h), (*_, h_before) = steps[t], steps[t - 1]
            dh = (h - self.targets[t - 1]) + from_h  # (6.4)
            signals.insert(0, dh)
            d_n = dh * (1 - z) * (1 - n**2)
            d_z, d_r = dh * (h_before - n) * z * (1 - z), d_n * m * r * (1 - r)
            delta_x = np.concatenate([d_r, d_z, d_n], axis=1)  # (6.5)
            delta_h = np.concatenate([d_r, d_z, d_n * r], axis=1)
            from_h = dh * z + delta_h @ self.W_hh.T
            gradients["W_xh"] += self.xs[t - 1].T @ delta_x
            gradients["W_hh"] += h_before.T @ delta_h
            gradients["b_xh"] += delta_x.sum(axis=0)
            gradients["b_hh"] += delta_h.sum(axis=0)
        return signals, gradients


def _draw(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """xs (T, B, I), targets (T, B, H) and one initial state (B, H)."""
    return (
        rng.standard_normal((T, B, I)),
        rng.standard_normal((T, B, H)),
        rng.standard_normal((B, H)),
    )


def lstm() -> Iterator[Check]:
    """(5.1) to (5.5)."""
    rng = np.random.default_rng(0)
    cell, (xs, targets, h0), c0 = LSTMCell(I, H, rng=rng), _draw(rng), rng.standard_normal((B, H))
    net = LSTMByHand(cell.W_xh.data, cell.W_hh.data, cell.b_h.data, xs, targets, h0, c0)
    u = unroll(cell, xs, (h0, c0), loss=half_squared_error, targets=targets)
    u.loss.backward()
    flow, steps, (signals, gradients) = (
        gradient_flow(u.losses, u.states),
        net.forward()[1:],
        net.backward(),
    )
    hs, cs = zip(*u.states, strict=True)
    yield agrees(
        "(5.1), (5.2)",
        "LSTM c_t by hand, unroll",
        [step[4] for step in steps],
        [c.data for c in cs],
    )
    yield agrees(
        "(5.1), (5.3)",
        "LSTM h_t by hand, unroll",
        [step[5] for step in steps],
        [h.data for h in hs],
    )
    forget = [flow.jacobian(t)[:, H:, H:] for t in range(2, T + 1)]
    by_hand = [step[1][:, :, None] * np.eye(H) for step in steps[1:]]
    yield agrees("(5.2)", "LSTM dc_t/dc_(t-1) = diag(f_t), jacobian(t)", by_hand, forget)
    yield agrees("(5.4)", "LSTM (dL/dh_t, dL/dc_t) by hand, flow.total", signals, flow.total)
    yield from _gradients("(5.5)", "LSTM", net, gradients, cell)


def gru() -> Iterator[Check]:
    """(6.1) to (6.5)."""
    rng = np.random.default_rng(0)
    cell, (xs, targets, h0) = GRUCell(I, H, rng=rng), _draw(rng)
    net = GRUByHand(cell.W_xh.data, cell.W_hh.data, cell.b_xh.data, cell.b_hh.data, xs, targets, h0)
    u = unroll(cell, xs, h0, loss=half_squared_error, targets=targets)
    u.loss.backward()
    flow, steps, (signals, gradients) = (
        gradient_flow(u.losses, u.hidden),
        net.forward()[1:],
        net.backward(),
    )
    yield agrees(
        "(6.1), (6.2), (6.3)",
        "GRU h_t by hand, unroll",
        [step[4] for step in steps],
        [h.data for h in u.hidden],
    )
    yield agrees("(6.4)", "GRU dL/dh_t by hand, flow.total", signals, flow.total)
    yield from _gradients("(6.5)", "GRU", net, gradients, cell)


def _gradients(
    equation: str, what: str, net: Any, gradients: dict[str, Array], cell: Any
) -> Iterator[Check]:
    for name, gradient in gradients.items():
        yield agrees(
            equation, f"{what} dL/d{name} by hand, backward", gradient, getattr(cell, name).grad
        )
        numeric = central_difference(partial(_loss, net, name), getattr(net, name))
        yield agrees(
            equation, f"{what} dL/d{name}, central differences", gradient, numeric, CENTRAL
        )


def _loss(net: Any, name: str, value: Array) -> float:
    return float(replace(net, **{name: value}).L())


EQUATIONS = (lstm, gru)
