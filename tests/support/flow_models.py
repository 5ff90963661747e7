"""Models whose gradient flow is computed anew: a graph *restarted* at s_(t-1), whose arrays become
leaves.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_rnn as tg
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import GRUCell, LSTMCell, Module, Readout, RNNCell
from tinygrad_rnn.nn.states import parts

T, I, H, O = 5, 2, 3, 2


class Stacked(Module):
    """Two layers; the state is (h1, h2) and the read-out sees h2."""

    def __init__(self, rng):
        self.lower, self.upper = RNNCell(I, H, rng=rng), GRUCell(H, H, rng=rng)

    def __call__(self, x, state):
        h1 = self.lower(x, state[0])
        return h1, self.upper(h1, state[1])


class Skip(Module):
    """h_t depends on h_(t-1) and on h_(t-2), which the state (h_t, h_(t-1)) carries along."""

    def __init__(self, rng):
        self.one, self.two = RNNCell(I, H, rng=rng), RNNCell(H, H, rng=rng)

    def __call__(self, x, state):
        h, before = state
        return np.tanh(
            x @ self.one.W_xh + h @ self.one.W_hh + before @ self.two.W_hh + self.one.b_h
        ), h


class Memory(Module):
    """(h, m): the second part is read at every step and passed on unchanged."""

    def __init__(self, rng):
        self.cell, self.from_memory = RNNCell(I, H, rng=rng), Readout(H, H, rng=rng)

    def __call__(self, x, state):
        h, memory = state
        return np.tanh(x @ self.cell.W_xh + h @ self.cell.W_hh + self.from_memory(memory)), memory


class Twice(Module):
    """(h, h): the output and the state are the same Tensor."""

    def __init__(self, rng):
        self.cell = RNNCell(I, H, rng=rng)

    def __call__(self, x, state):
        h = self.cell(x, state[1])
        return h, h


class Idle(Module):
    """An RNN that returns its very state where the input is padding (zeros)."""

    def __init__(self, rng):
        self.cell = RNNCell(I, H, rng=rng)

    def __call__(self, x, h):
        return self.cell(x, h) if np.any(x != 0) else h


MAKE = {
    "RNN": lambda rng: RNNCell(I, H, rng=rng),
    "LSTM": lambda rng: LSTMCell(I, H, rng=rng),
    "GRU": lambda rng: GRUCell(I, H, rng=rng),
    "stacked": Stacked,
    "skip": Skip,
    "memory": Memory,
    "twice": Twice,
    "idle": Idle,
}

ARITY = {"RNN": 1, "GRU": 1, "idle": 1} | dict.fromkeys(
    ["LSTM", "stacked", "skip", "memory", "twice"], 2
)


class Model:
    """A cell, a read-out and data, the same at every call; `run` builds a graph from s_(start) with
    the losses.
    """

    def __init__(self, name, batch=(), length=T, seed=0, dtype=float):
        rng = np.random.default_rng(seed)
        self.name, self.length = name, length
        self.cell, self.readout = MAKE[name](rng), Readout(H, O, rng=rng)
        for p in self.parameters():
            p.data = (1.5 * p.data).astype(dtype)
        self.xs = rng.standard_normal((length, *batch, I)).astype(dtype)
        if name == "idle":
            self.xs[2] = 0.0  # padding at t = 3
        self.targets = rng.standard_normal((length, *batch, O)).astype(dtype)
        h0 = tuple(rng.standard_normal((*batch, H)).astype(dtype) for _ in range(ARITY[name]))
        self.h0 = h0 if len(h0) > 1 else h0[0]

    def parameters(self):
        return [*self.cell.parameters(), *self.readout.parameters()]

    def loss(self, state, t):
        output = parts(state)[1 if self.name == "stacked" else 0]
        return half_squared_error(self.readout(output), self.targets[t - 1])

    def run(self, state=None, start=1, stop=None):
        """States s_start .. s_stop and losses L_start ..

        L_stop after s_(start-1) = state, a leaf.
        """
        leaf = [
            tg.Tensor(part, requires_grad=True)
            for part in parts(self.h0 if state is None else state)
        ]
        state, states, losses = tuple(leaf) if len(leaf) > 1 else leaf[0], [], []
        for t in range(start, (stop or self.length) + 1):
            state = self.cell(self.xs[t - 1], state)
            states.append(state)
            losses.append(self.loss(state, t))
        return states, losses

    def values(self):
        """The arrays of s_0, s_1 .. s_T."""
        states, _ = self.run()
        return [self.h0, *(data(state) for state in states)]

    def flow(self):
        states, losses = self.run()
        return tg.gradient_flow(losses, states)

    def term(self, k, t):
        """dL_k/ds_t in a graph restarted at s_(t-1): the independent value of term(k, t)."""
        states, losses = self.run(self.values()[t - 1], start=t, stop=k)
        for part in parts(states[0]):
            if part.requires_grad:
                part.retain_grad()
        losses[-1].backward()
        return tuple(np.zeros(p.shape) if p.grad is None else p.grad for p in parts(states[0]))


def data(state):
    return tuple(part.data for part in state) if isinstance(state, tuple) else state.data


# -- what the tests of flow share ----------------------------------------------------------------


CLOSE = {"rtol": 1e-11, "atol": 1e-13}  # sums of the same products in another order

SINGLE = [name for name, n in ARITY.items() if n == 1]
REPEATED = ["skip", "memory", "twice", "idle"]  # one Tensor stands in several states
EACH = [(name, batch) for name in MAKE for batch in [(), (3,)]]
each = pytest.mark.parametrize(
    ("name", "batch"), EACH, ids=[f"{name}-{'B = 3' if batch else 'row'}" for name, batch in EACH]
)


def joint(state):
    return np.concatenate([np.asarray(part) for part in parts(state)], axis=-1)


def same(found, expected, **tolerance):
    assert len(parts(found)) == len(parts(expected))
    for a, b in zip(parts(found), parts(expected), strict=True):
        assert a.shape == b.shape
        assert_allclose(a, b, **(tolerance or CLOSE))


def norm(state):
    return np.linalg.norm(np.concatenate([np.ravel(part) for part in parts(state)]))


def pairs(length=T):
    return [(k, t) for t in range(1, length + 1) for k in range(t, length + 1)]
