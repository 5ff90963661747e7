"""All terms at once, by matrices and by walks, against one term at a time."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.networks import CELLS, make, overflowing

import tinygrad_rnn as tg
from tinygrad_rnn.flow.chain import by_matrices, chain, side_by_side
from tinygrad_rnn.flow.listed import Listed
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import GRUCell, LSTMCell, Readout, RNNCell
from tinygrad_rnn.nn.states import parts

pytestmark = pytest.mark.tiny


def listed_of(run):
    return Listed(run.losses, [parts(state) for state in run.states])


def flat(state):
    return np.concatenate([np.ravel(a) for a in parts(state)])


def check(run, links):
    flow, listed = gradient_flow(run.losses, run.states), listed_of(run)
    direct = listed.direct()
    for way in (side_by_side(listed, direct), by_matrices(listed, direct, links), flow.arriving()):
        found = dict(way)
        assert list(found) == list(range(len(flow), 0, -1))
        for t, terms in found.items():
            one_by_one = [flat(flow.term(k, t)) for k in range(t, len(flow) + 1)]
            assert_allclose(terms, one_by_one, rtol=1e-9, atol=1e-14)
            assert_allclose(
                np.sum(terms, axis=0), flat(flow.total[t - 1]), rtol=1e-9, atol=1e-14
            )  # (3.1)


@pytest.mark.parametrize("name", CELLS)
def test_matrices_and_walks_agree_with_single_terms(name):
    run = make(name, 14)
    links = chain(listed_of(run))
    assert links is not None
    check(run, links)


@pytest.mark.parametrize("cell", [RNNCell, LSTMCell, GRUCell])
def test_a_batch_has_matrices_of_its_own_for_each_row(cell):
    rng = np.random.default_rng(1)
    xs, targets = rng.standard_normal((20, 4, 2)), rng.standard_normal((20, 4, 1))
    readout = Readout(3, 1, rng=rng)
    run = tg.unroll(
        cell(2, 3, rng=rng), xs, readout=readout, loss=half_squared_error, targets=targets
    )
    links = chain(listed_of(run))
    assert links[1].jacobian.shape[0] == 4
    check(run, links)


def skipping(t):
    """h_t depends on h_(t-1) and on h_(t-3)."""
    W = tg.Tensor([[0.5, 0.2], [-0.3, 0.4]], requires_grad=True, name="W")
    states = [tg.Tensor([0.1, 0.2], requires_grad=True)]
    for _ in range(t):
        states.append(np.tanh(states[-1] @ W + states[max(0, len(states) - 3)]))
    return states[1:], [np.sum(s * s) for s in states[1:]]


def mixing(t):
    """The rows of the batch depend on each other."""
    states = [tg.Tensor(np.linspace(-1, 1, 6).reshape(3, 2), requires_grad=True)]
    for _ in range(t):
        states.append(np.tanh(states[-1] - np.mean(states[-1], axis=0)))
    return states[1:], [np.sum(s * s) for s in states[1:]]


def mixing_inside(t):
    """The rows of the batch mix between the parts of one state; that part goes no further."""
    h, states, losses = tg.Tensor(np.linspace(-1, 1, 6).reshape(3, 2), requires_grad=True), [], []
    for _ in range(t):
        c = tg.Tensor(np.ones((3, 2)), requires_grad=True)
        h = np.tanh(h) + c - np.mean(c, axis=0)
        states.append((h, c))
        losses.append(np.sum(h * h * np.arange(6.0).reshape(3, 2)))
    return states, losses


@pytest.mark.parametrize("graph", [skipping, mixing, mixing_inside])
def test_other_graphs_are_walked(graph):
    states, losses = graph(12)
    assert chain(Listed(losses, [parts(s) for s in states])) is None
    flow = gradient_flow(losses, states)
    for t, terms in flow.arriving():
        assert_allclose(terms, [flat(flow.term(k, t)) for k in range(t, 13)], rtol=1e-12)


def test_one_step():
    run = make("LSTM", 1)
    ((t, terms),) = gradient_flow(run.losses, run.states).arriving()
    assert (t, terms.shape) == (1, (1, 6))


def test_sums_and_contributions_are_those_of_single_calls():
    run = make("GRU", 9)
    flow = gradient_flow(run.losses, run.states)
    for t, total in enumerate(flow.summed([4, 6, 9]), 1):
        assert_allclose(
            total, sum(flat(flow.term(k, t)) for k in (4, 6, 9) if k >= t), rtol=1e-12, atol=1e-15
        )
    for name, steps in flow.contributions().items():
        assert_allclose(steps, flow.contribution(name), rtol=0)


def test_matrices_beyond_all_floats_are_walked():
    run = overflowing(4)
    assert chain(listed_of(run)) is None
    flow = gradient_flow(run.losses, run.states)
    for t, terms in flow.arriving():
        assert_allclose(terms, np.zeros((5 - t, 1)), rtol=0)
