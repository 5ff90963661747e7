"""Steps, windows, losses and states that are refused, with the way out."""

import re

import numpy as np
import pytest
from support.flow_models import H, Model, T

import tinygrad_rnn as tg
from tinygrad_rnn.errors import GradientError, RangeError, ShapeError, UsageError


@pytest.mark.parametrize("n", [0, -1, T + 1])
def test_t_outside_its_range(n):
    flow = Model("RNN").flow()
    words = re.escape(f"t is {n}; it must lie in 1..{T}.")
    for call in (
        lambda: flow.term(T, n),
        lambda: flow.share(T, n),
        lambda: flow.table(n),
        lambda: flow.jacobian(T, n),
        lambda: flow.total_norm(n),
    ):
        with pytest.raises(RangeError, match=words):
            call()


@pytest.mark.parametrize(("k", "t"), [(2, 3), (T + 1, 3), (0, 1)])
def test_k_before_t_or_after_the_end(k, t):
    flow = Model("RNN").flow()
    words = re.escape(f"k is {k}; it must lie in {t}..{T}.")
    for call in (flow.term, flow.share, flow.jacobian, flow.jacobian_product):
        with pytest.raises(RangeError, match=words):
            call(k, t)


@pytest.mark.parametrize("k", [1, T + 1])
def test_one_step_jacobians_run_from_2_to_T(k):
    flow = Model("RNN").flow()
    for call in (flow.jacobian, flow.singular_values):
        with pytest.raises(RangeError, match=rf"k is {k}; it must lie in 2\.\.{T}\."):
            call(k)


@pytest.mark.parametrize("window", [0, -1, T + 1])
def test_a_window_outside_its_range(window):
    with pytest.raises(RangeError, match=re.escape(f"window is {window}; it must lie in 1..{T}.")):
        Model("RNN").flow().truncated(window)


def test_an_index_error_stays_an_index_error():
    with pytest.raises(IndexError):
        Model("RNN").flow().term(0, 0)


def test_no_states():
    with pytest.raises(UsageError, match="gradient_flow needs at least one state"):
        tg.gradient_flow([], [])


def test_states_listed_in_the_wrong_order():
    states, losses = Model("RNN").run()
    states[1], states[2] = states[2], states[1]  # h_1, h_3, h_2, h_4, ...
    words = "state 2 depends on state 3, which comes later in the list. List states in the order in"
    with pytest.raises(UsageError, match=re.escape(words)):
        tg.gradient_flow(losses, states)


def test_numbers_of_losses_and_states_differ():
    states, losses = Model("RNN").run()
    with pytest.raises(
        ShapeError, match=f"{T - 1} losses and {T} states: each state needs its loss, or None"
    ):
        tg.gradient_flow(losses[1:], states)


@pytest.mark.parametrize(
    "wrong", [np.zeros(H), None, (np.zeros(H),)], ids=["array", "None", "tuple of arrays"]
)
def test_a_state_that_is_no_tensor(wrong):
    states, losses = Model("RNN").run()
    states[1] = wrong
    words = (
        f"state 2 is {type(wrong).__name__}; a state is a Tensor or a non-empty tuple of Tensors."
    )
    with pytest.raises(UsageError, match=words):
        tg.gradient_flow(losses, states)


def test_a_state_without_parts():
    states, losses = Model("RNN").run()
    words = r"state \d is an empty tuple; a state is a Tensor or a non-empty tuple of Tensors."
    for wrong in ([()] * T, [*states[:2], (), *states[3:]]):
        with pytest.raises(UsageError, match=words):
            tg.gradient_flow(losses, wrong)
        with pytest.raises(UsageError, match=words):
            tg.gradient_flow(losses[-1], wrong)
    with pytest.raises(
        UsageError, match="the state at t = 1 is an empty tuple; a state is an array or a tuple"
    ):
        tg.unroll(lambda x, s: (), np.ones((3, 2)), np.zeros(2))


def test_every_loss_is_none():
    states, _ = Model("RNN").run()
    with pytest.raises(UsageError, match="every loss is None: there is nothing to differentiate"):
        tg.gradient_flow([None] * T, states)


def test_losses_without_a_graph():
    model = Model("RNN")
    with tg.no_grad():
        states, losses = model.run()
    with pytest.raises(
        GradientError, match="does not depend on any Tensor with requires_grad=True"
    ):
        tg.gradient_flow(losses, states)


def test_a_loss_that_is_not_a_scalar():
    states, _ = Model("RNN").run()
    with pytest.raises(GradientError, match=re.escape(f"of shape ({H},) is not a scalar")):
        tg.gradient_flow([None] * (T - 1) + [2.0 * states[-1]], states)
