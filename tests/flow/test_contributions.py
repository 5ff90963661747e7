"""What each step adds to the gradient of a weight, 3.2 to 3.4."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.flow_models import CLOSE, MAKE, H, I, Model, T, each

import tinygrad_rnn as tg
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.functional import half_squared_error


@each
def test_contributions_add_up_to_the_gradient(name, batch):
    model = Model(name, batch)
    states, losses = model.run()
    flow = tg.gradient_flow(losses, states)
    np.sum(np.stack(losses)).backward()
    used = [p for p in model.parameters() if p.grad is not None]
    assert set(used) < set(flow.parameters.values())
    for p in flow.parameters.values():  # those of the model and the leaves of s_0
        if p.grad is not None:
            assert flow.contribution(p).shape == (T, *p.shape)
            assert_allclose(np.sum(flow.contribution(p), axis=0), p.grad, **CLOSE)


@pytest.mark.parametrize("name", MAKE)
def test_the_contribution_of_step_t_is_what_its_own_copy_of_the_weights_gets(name):
    """Untied: step t has weights of its own, equal in value; they get the contribution at t."""
    model, untied = Model(name), [Model(name) for _ in range(T)]
    flow, state, losses = model.flow(), model.h0, []
    for t, copy in enumerate(untied, 1):
        state = copy.cell(model.xs[t - 1], state)
        losses.append(copy.loss(state, t))
    np.sum(np.stack(losses)).backward()
    for n, p in enumerate(model.parameters()):
        if p in set(flow.parameters.values()):
            copies = [copy.parameters()[n] for copy in untied]
            expected = [np.zeros(c.shape) if c.grad is None else c.grad for c in copies]
            assert_allclose(flow.contribution(p), np.stack(expected), **CLOSE)


@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
def test_rnn_contributions_by_hand(batch):
    model = Model("RNN", batch)
    flow, h, x = model.flow(), model.values(), model.xs
    for t in range(1, T + 1):
        rows = lambda a: np.reshape(a, (-1, a.shape[-1]))
        delta = rows(flow.total[t - 1] * (1 - h[t] ** 2))  # the total, not (3.2) alone
        error = rows(h[t] @ model.readout.W_hy.data + model.readout.b_y.data - model.targets[t - 1])
        by_hand = {
            model.cell.W_xh: rows(x[t - 1]).T @ delta,  # 3.2: delta_t x_t^T, summed over the batch
            model.cell.W_hh: rows(h[t - 1]).T @ delta,  # 3.3
            model.cell.b_h: np.sum(delta, axis=0),  # 3.4
            model.readout.W_hy: rows(h[t]).T @ error,
            model.readout.b_y: np.sum(error, axis=0),
        }
        for p, expected in by_hand.items():
            assert_allclose(flow.contribution(p)[t - 1], expected, **CLOSE)


def test_contributions_of_the_inputs_and_of_the_first_state():
    model = Model("RNN")
    xs, h0 = (
        tg.Tensor(model.xs, requires_grad=True, name="xs"),
        tg.Tensor(model.h0, requires_grad=True, name="h0"),
    )
    u = tg.unroll(
        model.cell, xs, h0, readout=model.readout, loss=half_squared_error, targets=model.targets
    )
    flow = tg.gradient_flow(u.losses, u.states)
    u.loss.backward()
    assert_allclose(flow.contribution("h0")[0], h0.grad, **CLOSE)
    assert_array_equal(
        flow.contribution("h0")[1:], np.zeros((T - 1, H))
    )  # only the first step sees h_0
    for t in range(T):
        expected = np.zeros((T, I))
        expected[t] = xs.grad[t]
        assert_allclose(flow.contribution("xs")[t], expected, **CLOSE)


def test_parameters_by_name_and_as_tensors():
    model = Model("RNN")
    flow = model.flow()
    assert flow.parameters["W_hh"] is model.cell.W_hh
    assert_array_equal(flow.contribution("W_hh"), flow.contribution(model.cell.W_hh))
    assert {"W_xh", "W_hh", "b_h", "W_hy", "b_y"} <= set(flow.parameters)


def test_parameters_of_one_name_are_numbered():
    model = Model("stacked")
    flow = model.flow()
    named = {id(p): name for name, p in flow.parameters.items()}
    assert len(named) == len(flow.parameters)
    assert {named[id(model.cell.lower.W_hh)], named[id(model.cell.upper.W_hh)]} == {
        "W_hh",
        "W_hh#2",
    }


def test_a_parameter_of_nothing():
    flow = Model("RNN").flow()
    with pytest.raises(
        UsageError, match=r"'W' is not a parameter of these losses; they have .*W_hh"
    ):
        flow.contribution("W")
    with pytest.raises(UsageError, match="is not a parameter of these losses"):
        flow.contribution(tg.Tensor(np.zeros(2), requires_grad=True))
