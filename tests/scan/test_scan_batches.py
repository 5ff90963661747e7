"""A cell is compiled for two batch sizes at most: the plans for others are made of those."""

import numpy as np
import pytest
from support.gradients import differentiate
from support.scans import agree, draw
from support.stress_cells import Case

import tinygrad_rnn as tg
from tinygrad_rnn import functional, nn
from tinygrad_rnn.scan import cache, scan
from tinygrad_rnn.scan.batches import DiffersError, Resized

I, H = 3, 4
W, U, b = (  # one is called as the size of a batch is in programs
    tg.Tensor(draw(*s, seed=i), requires_grad=True, name=n)
    for i, (n, s) in enumerate([("B", (I, H)), ("U", (H, H)), ("b", (H,))])
)
SIZES = [2, 3, 7, 5, 12]


@pytest.fixture
def made(monkeypatch):
    """Signatures of the plans that are made from the start."""
    found = []

    class Counted(cache.Plan):
        def __init__(self, cell, signature, *wanted):
            found.append(signature.state[0][0])
            super().__init__(cell, signature, *wanted)

    scan.forget()
    monkeypatch.setattr(cache, "Plan", Counted)
    yield found
    scan.forget()


def case(cell, B, T=4):
    xs = tg.Tensor(draw(T, B, I, seed=B), requires_grad=True)
    states = tuple(
        tg.Tensor(draw(B, H, seed=k), requires_grad=True)
        for k in range(len(getattr(cell, "states", "h")))
    )
    return Case(cell, xs, states if len(states) > 1 else states[0], [W, U, b])


def averaged(x, h):
    """The loss is a mean over the batch."""
    h = np.tanh(x @ W + h @ U + b)
    return h, np.mean(h * h)


CELLS = {
    "RNN": nn.RNNCell(I, H, rng=0),
    "LSTM": nn.LSTMCell(I, H, rng=0),
    "GRU": nn.GRUCell(I, H, rng=0),
    "closure": lambda x, h: np.tanh(x @ W + h @ U + b),
    "layer norm": lambda x, h: np.tanh(functional.layer_norm(x @ W + h @ U) * b),
    "sum over the batch": lambda x, h: np.tanh(x @ W + h @ U + np.sum(h, axis=0)),
    "batch last": lambda x, h: np.tanh((U.T @ h.T).T + x @ W),
    "reshaped": lambda x, h: np.tanh(
        np.reshape(np.reshape(h @ U, (2 * len(h), H // 2)) * 0.5, h.shape) + x @ W
    ),
    "two outputs": lambda x, h: (np.tanh(x @ W + h @ U), (np.sum(h, axis=-1), h * b)),
}


@pytest.mark.parametrize("name", CELLS)
def test_the_third_batch_size_is_made_of_two(name, made):
    for B in SIZES:
        agree(case(CELLS[name], B))
        agree(case(CELLS[name], B), checkpoint=2)
    assert made == [(2, H), (3, H)]


BY_SIZE = {
    "a mean over the batch": averaged,
    "the number of rows": lambda x, h: np.tanh(x @ W + h @ U) * len(h),
    "a branch": lambda x, h: np.tanh(x @ W + h @ U) if len(h) < 6 else np.sin(x @ W + h @ U),
    "each row by itself": lambda x, h: (
        np.stack([np.tanh(row * (i + 1)) for i, row in enumerate(h)]) + x @ W
    ),
    "an array of its size": lambda x, h: np.tanh(
        x @ W + h @ U + np.ones(h.shape) * np.arange(len(h))[:, None]
    ),
    "rows by number": lambda x, h: np.tanh(x @ W + h[np.arange(len(h))[::-1]] @ U),
}


@pytest.mark.parametrize("name", BY_SIZE)
def test_a_cell_that_computes_with_the_size_of_its_batch(name, made):
    for B in SIZES:
        agree(case(BY_SIZE[name], B))
    assert len(made) > 2


def test_sizes_that_collide(made):
    for B in (H, I, 2 * H, 6, 1, 9):
        agree(case(CELLS["closure"], B))


def test_cells_of_the_same_code_are_told_apart(made):
    def cell_of(V):
        return lambda x, h: np.tanh(x @ W + h @ V)

    other = tg.Tensor(draw(H, H, seed=9), requires_grad=True)
    for B in SIZES:
        agree(case(cell_of(U), B))
        agree(case(cell_of(other), B)._replace(parameters=[W, other]))
    assert len(made) == 4


def test_results_that_are_not_used(made, monkeypatch):
    """Other backward programs: made of the two as well, and if that cannot be, by zeros in the
    place of cotangents.
    """
    cell = CELLS["two outputs"]

    def gradients(B, **options):
        c = case(cell, B)
        s = scan(cell, c.xs, c.h0, **options)
        return differentiate(np.sum(s.state * s.state) + np.sum(np.sin(s.outputs[0])), [W, U])

    for B in (2, 3, 5):
        for found, expected in zip(gradients(B), gradients(B, unrolled=True), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10)
    (plan,) = (
        p for plans in cache._plans.values() for p in plans if p.signature.state[0][0] == (5, H)
    )
    assert isinstance(plan, Resized)
    all_given = plan._backward[True, True]
    plan._backward = {(True, True): all_given}

    def differs(*_):
        raise DiffersError

    monkeypatch.setattr(plan, "_resized", differs)
    for found, expected in zip(gradients(5), gradients(5, unrolled=True), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert plan._backward[True, False] is all_given


def test_without_gradients(made):
    for B in SIZES:
        with tg.no_grad():
            found = scan(CELLS["LSTM"], draw(4, B, I)).outputs.data
        np.testing.assert_allclose(
            found, scan(CELLS["LSTM"], draw(4, B, I), unrolled=True).outputs.data, rtol=1e-12
        )
    assert made == [(2, H), (3, H)]
