"""Cells that are hard to compile, each with its inputs: `scan` must agree with the unrolled tape on
all of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinygrad_rnn as tg
from tinygrad_rnn.functional import (
    half_squared_error,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    softmax,
    softplus,
)

Array = Any


class Case(NamedTuple):
    """A cell, its inputs (T, ...) and its initial state;
    parameters are what the cell closes over.
    """

    cell: Callable[[Any, Any], Any]
    xs: Any
    h0: Any
    parameters: list[tg.Tensor]


class Draw:
    """Numbers of one dtype and sizes T, B, I, H."""

    def __init__(self, T: int, B: int, I: int, H: int, dtype: Any):
        self.rng, self.T, self.B, self.I, self.H, self.dtype = (
            np.random.default_rng(0),
            T,
            B,
            I,
            H,
            dtype,
        )
        self.parameters: list[tg.Tensor] = []

    def array(self, *shape: int) -> Array:
        return self.rng.standard_normal(shape).astype(self.dtype)

    def mask(self, *shape: int) -> Array:
        return self.rng.random(shape) < 0.6

    def parameter(self, *shape: int) -> tg.Tensor:
        tensor = tg.Tensor(
            self.array(*shape) / np.asarray(np.sqrt(shape[0]), self.dtype), requires_grad=True
        )
        self.parameters.append(tensor)
        return tensor

    def xs(self) -> tg.Tensor:
        return tg.Tensor(self.array(self.T, self.B, self.I), requires_grad=True)

    def h(self) -> tg.Tensor:
        return tg.Tensor(self.array(self.B, self.H), requires_grad=True)

    def elman(self) -> Callable[[Any, Any], Any]:
        W, U, b = (
            self.parameter(self.I, self.H),
            self.parameter(self.H, self.H),
            self.parameter(self.H),
        )
        return lambda x, h: np.tanh(x @ W + h @ U + b)


CASES: dict[str, Callable[[Draw], tuple[Callable[[Any, Any], Any], Any, Any]]] = {}


def case(make: Callable[[Draw], Any]) -> Callable[[Draw], Any]:
    CASES[make.__name__] = make
    return make


def made(name: str, T: int, B: int, I: int, H: int, dtype: Any) -> Case:
    draw = Draw(T, B, I, H, dtype)
    return Case(*CASES[name](draw), draw.parameters)


@case
def elman(d):
    return d.elman(), d.xs(), d.h()


@case
def mask_by_where(d):
    step = d.elman()
    return lambda xm, h: np.where(xm[1], step(xm[0], h), h), (d.xs(), d.mask(d.T, d.B, 1)), d.h()


@case
def mask_by_product(d):
    step = d.elman()

    def cell(xm, h):
        x, m = xm
        return m * step(x, h) + (1.0 - m) * h

    return cell, (d.xs(), d.mask(d.T, d.B, 1).astype(d.dtype)), d.h()


@case
def dropout(d):
    step = d.elman()
    keep = d.mask(d.T, d.B, d.H).astype(d.dtype) / np.asarray(0.6, d.dtype)
    return lambda xk, h: step(xk[0], h * xk[1]), (d.xs(), keep), d.h()


@case
def swapped_states(d):
    step = d.elman()

    def cell(x, state):
        a, b = state
        return b, step(x, a)

    return cell, d.xs(), (d.h(), d.h())


@case
def states_only_swapped(d):
    return lambda x, s: ((s[1], s[0]), s[0] * s[1] + np.sum(x)), d.xs(), (d.h(), d.h())


@case
def accumulator(d):
    step = d.elman()

    def cell(x, state):
        h, s = state
        h = step(x, h)
        return (h, s + np.sum(h * h)), s

    return cell, d.xs(), (d.h(), np.zeros((), d.dtype))


@case
def softmax_gates(d):
    W, U, V = d.parameter(d.I, d.H), d.parameter(d.H, d.H), d.parameter(d.I, 3)

    def cell(x, h):
        p = softmax(x @ V)
        return p[:, 0:1] * np.tanh(x @ W) + p[:, 1:2] * np.tanh(h @ U) + p[:, 2:3] * h

    return cell, d.xs(), d.h()


@case
def softmax_of_state(d):
    step, V = d.elman(), d.parameter(d.H, 4)

    def cell(x, h):
        h = step(x, h)
        return h * np.max(softmax(h @ V), axis=-1, keepdims=True), log_softmax(h @ V) + logsumexp(
            h, -1, True
        )

    return cell, d.xs(), d.h()


@case
def product_of_timed_matrices(d):
    left = tg.Tensor(d.array(d.T, d.B, d.H, 2), requires_grad=True)
    right = tg.Tensor(d.array(d.T, d.B, 2, d.H), requires_grad=True)

    def cell(ab, h):
        return np.tanh(np.squeeze(np.expand_dims(h, -2) @ (ab[0] @ ab[1]), -2))

    return cell, (left, right), d.h()


@tg.primitive
def _sorted_rows(x):
    return np.sort(x, axis=1)  # counts axes from the front, so it has no batched form


tg.defvjp(
    _sorted_rows,
    lambda g, y, x: np.sum(
        (np.expand_dims(y, -1) == np.expand_dims(x, -2)) * np.expand_dims(g, -1), axis=-2
    ),
)


@case
def no_batched_form(d):
    step = d.elman()
    return lambda x, h: (step(_sorted_rows(x), _sorted_rows(h)), _sorted_rows(h)), d.xs(), d.h()


@case
def two_layers(d):
    first = d.elman()
    W, U = d.parameter(d.H, d.H), d.parameter(d.H, d.H)

    def cell(x, state):
        below, above = state
        below = first(x, below)
        return below, np.tanh(below @ W + above @ U)

    return cell, d.xs(), (d.h(), d.h())


@case
def nested_states(d):
    step, other = d.elman(), d.elman()

    def cell(x, state):
        (a, c), b = state
        a = step(x, a)
        return (a, sigmoid(c) + a), other(x, b) * a

    return cell, d.xs(), ((d.h(), d.h()), d.h())


@case
def no_recurrence(d):
    W = d.parameter(d.I, d.H)
    return lambda x, h: np.tanh(x @ W), d.xs(), d.h()


@case
def state_is_the_input(d):
    W = d.parameter(d.I, d.H)
    return lambda x, h: (x @ W, np.sin(h)), d.xs(), d.h()


@case
def constant_state(d):
    W, b = d.parameter(d.I, d.H), d.parameter(d.B, d.H)
    return lambda x, h: (b * 2.0, (x @ W) * h), d.xs(), d.h()


@case
def constant_output(d):
    step, b = d.elman(), d.parameter(d.H)
    return lambda x, h: (step(x, h), (np.exp(b), h)), d.xs(), d.h()


@case
def overlapping_slices(d):
    W = d.parameter(d.I, 2 * d.H)
    U = d.parameter(d.H, 2 * d.H)

    def cell(x, h):
        z = x @ W + h @ U
        n = d.H
        return (
            np.tanh(z[:, :n] * z[:, n // 2 : n // 2 + n])
            + z[:, [0, n, 0]][:, :1] * z[:, n:]
            + z[..., None, -1]
        )

    return cell, d.xs(), d.h()


@case
def one_parameter_twice(d):
    W, U = d.parameter(d.I, d.H), d.parameter(d.H, d.H)
    return lambda x, h: np.tanh(x @ W + h @ U @ (U.T * 0.5)) + (h @ U) * W[0], d.xs(), d.h()


@case
def parameters_of_parameters(d):
    W, U, s = d.parameter(d.I, d.H), d.parameter(d.H, d.H), d.parameter(1)

    def cell(x, h):
        skew = (U - U.T) * np.exp(s)
        return h + 0.1 * np.tanh((skew @ h.T).T + x @ W)

    return cell, d.xs(), d.h()


@case
def layer_norm(d):
    W, U, gain, shift = (
        d.parameter(d.I, d.H),
        d.parameter(d.H, d.H),
        d.parameter(d.H),
        d.parameter(d.H),
    )

    def cell(x, h):
        a = x @ W + h @ U
        a = a - np.mean(a, axis=-1, keepdims=True)
        return np.tanh(a / np.sqrt(np.mean(a * a, axis=-1, keepdims=True) + 1e-5) * gain + shift)

    return cell, d.xs(), d.h()


@case
def minimal_gated_unit(d):
    W, U, V, Q, b, c = (d.parameter(n, d.H) for n in (d.I, d.H, d.I, d.H, 1, 1))

    def cell(x, h):
        f = sigmoid(x @ W + h @ U + b)
        return (1.0 - f) * h + f * np.tanh(x @ V + (f * h) @ Q + c)

    return cell, d.xs(), d.h()


@case
def multiplicative(d):
    W, U, V, M = (
        d.parameter(d.I, d.H),
        d.parameter(d.H, d.H),
        d.parameter(d.H, d.H),
        d.parameter(d.I, d.H),
    )
    return lambda x, h: np.tanh(x @ W + ((x @ M) * (h @ V)) @ U), d.xs(), d.h()


@case
def readout_and_loss_inside(d):
    step, V = d.elman(), d.parameter(d.H, 2)

    def cell(xt, h):
        x, target = xt
        h = step(x, h)
        return h, half_squared_error(h @ V, target)

    return cell, (d.xs(), d.array(d.T, d.B, 2)), d.h()


@case
def no_batch(d):
    step = d.elman()
    xs, h = d.array(d.T, d.I), d.array(d.H)
    return step, tg.Tensor(xs, requires_grad=True), tg.Tensor(h, requires_grad=True)


@case
def integers_choose_rows(d):
    E, U = d.parameter(7, d.H), d.parameter(d.H, d.H)
    return lambda x, h: np.tanh(E[x] + h @ U), d.rng.integers(0, 7, (d.T, d.B)), d.h()


@case
def kinks(d):
    step = d.elman()

    def cell(x, h):
        a = step(x, relu(h) - 0.3 * np.abs(h))
        a = np.where(
            a > 0.1, np.sqrt(np.where(a > 0.1, a, 1.0)), np.maximum(a, x[:, :1])
        ) + softplus(a)
        return np.clip(a, -0.9, 0.9) ** 3 / (1.0 + a**2), np.log1p(a * a)

    return cell, d.xs(), d.h()


@case
def split_and_joined(d):
    W = d.parameter(d.I + d.H, 4 * d.H)
    b = d.parameter(4 * d.H)

    def cell(x, state):
        h, c = state
        i, f, g, o = np.split(np.concatenate([x, h], axis=-1) @ W + b, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return cell, d.xs(), (d.h(), d.h())


@case
def a_memory(d):
    step, key = d.elman(), d.parameter(d.I, d.H)

    def cell(x, state):
        h, M = state  # (B, H), (B, 3, H)
        weights = softmax(np.squeeze(M @ np.expand_dims(x @ key, -1), -1))
        read = np.sum(np.expand_dims(weights, -1) * M, axis=-2)
        h = step(x, h + read)
        return h, M[:, ::-1] * 0.9 + np.expand_dims(weights, -1) * np.reshape(h, (d.B, 1, d.H))

    memory = tg.Tensor(d.array(d.B, 3, d.H), requires_grad=True)
    return cell, d.xs(), (d.h(), memory)


@case
def no_gradient_through_data(d):
    step = d.elman()
    return lambda x, h: step(x, h) + h.detach() * x.data[:, :1], d.xs(), d.h()


@case
def transposed_and_moved(d):
    U = d.parameter(d.H, d.H)

    def cell(x, h):
        a = (U @ h.T).T
        b = np.swapaxes(np.stack([a, h, a * h], axis=1), 0, 1)  # (3, B, H)
        return np.tanh(np.sum(b * b, axis=0) - np.max(b, axis=(0, 2))[:, None]), np.broadcast_to(
            x, (2, *x.shape)
        )

    return cell, d.xs(), d.h()


@case
def products_joined_in_the_loop(d):
    W, U, V = d.parameter(d.H, d.H), d.parameter(d.H, 2), d.parameter(d.H + 2, d.H)

    def cell(x, h):
        joined = np.concatenate([np.tanh(h @ W), h @ U + 1.0], axis=-1)
        return np.tanh(joined @ V) + x[:, :1], np.sum(joined, axis=-1, keepdims=True)

    return cell, d.xs(), d.h()


@case
def blended_with_numbers(d):
    W = d.parameter(d.I, d.H)

    def cell(x, h):
        z = sigmoid(h + x @ W)
        a = (1.0 - z) * 0.5 + z * h
        return (1.0 - z) * a + z * 0.25, z

    return cell, d.xs(), d.h()


@case
def overlapping_gates(d):
    W, U = d.parameter(d.I, 2 * d.H), d.parameter(d.H, 2 * d.H)

    def cell(x, h):
        z, n = x @ W + h @ U, d.H
        return (
            sigmoid(z[:, :n]) * np.tanh(z[:, n // 2 : n // 2 + n])
            + sigmoid(z[:, n // 2 : n // 2 + n]) * h
        )

    return cell, d.xs(), d.h()
