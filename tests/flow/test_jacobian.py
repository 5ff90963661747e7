"""Jacobians between states, (3.3), against formulas and central differences."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.flow_models import (
    ARITY,
    CLOSE,
    MAKE,
    SINGLE,
    H,
    Model,
    T,
    data,
    each,
    joint,
    pairs,
)

import tinygrad_rnn as tg
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.errors import GradientError, ShapeError
from tinygrad_rnn.nn.states import parts

NUMERIC = {"rtol": 1e-7, "atol": 1e-9}  # central differences


def together(name, J):
    """For (h, h) a graph cannot tell which of the two a step has read: both are moved at once."""
    return J[..., :H] + J[..., H:] if name == "twice" else J


def numeric_jacobian(model, k, t, row=()):
    """ds_k/ds_t of one row of the batch, by central differences of the cell itself."""
    s_t = [np.asarray(part)[row] for part in parts(model.values()[t])]
    s = np.concatenate(s_t)

    def forward(s):
        state = tuple(np.split(s, len(s_t))) if len(s_t) > 1 else s
        for j in range(t + 1, k + 1):
            state = model.cell(model.xs[j - 1][row], state)
            state = tuple(map(value, state)) if isinstance(state, tuple) else value(state)
        return joint(state)

    step = 1e-5
    return np.stack(
        [(forward(s + step * e) - forward(s - step * e)) / (2 * step) for e in np.eye(s.size)],
        axis=-1,
    )


@pytest.mark.parametrize("name", MAKE)
def test_one_step_jacobians_by_central_differences(name):
    model = Model(name)
    flow = model.flow()
    for k in range(2, T + 1):
        numeric = numeric_jacobian(model, k, k - 1)
        assert_allclose(together(name, flow.jacobian(k)), together(name, numeric), **NUMERIC)
        assert_array_equal(flow.jacobian(k), flow.jacobian(k, k - 1))


@pytest.mark.parametrize("name", MAKE)
def test_jacobians_over_several_steps_by_central_differences(name):
    model = Model(name)
    flow = model.flow()
    for k, t in [(3, 1), (5, 2), (5, 1)]:
        numeric = numeric_jacobian(model, k, t)
        assert_allclose(together(name, flow.jacobian(k, t)), together(name, numeric), **NUMERIC)


@pytest.mark.parametrize("name", MAKE)
def test_each_row_of_a_batch_has_its_jacobian(name):
    model = Model(name, (3,))
    flow = model.flow()
    n = H * ARITY[name]
    for k, t in [(3, 2), (4, 1)]:
        assert flow.jacobian(k, t).shape == (3, n, n)
        for row in range(3):
            numeric = numeric_jacobian(model, k, t, (row,))
            assert_allclose(
                together(name, flow.jacobian(k, t)[row]), together(name, numeric), **NUMERIC
            )
    assert_array_equal(flow.jacobian(2, 2), np.tile(np.eye(n), (3, 1, 1)))


@each
def test_the_product_of_jacobians_in_descending_order(name, batch):
    flow = Model(name, batch).flow()
    for k, t in pairs():
        product = np.eye(H * ARITY[name])
        for j in range(k, t, -1):
            product = product @ flow.jacobian(j)  # (3.3): J_k ... J_(t+1)
        assert_allclose(
            flow.jacobian_product(k, t),
            np.broadcast_to(product, flow.jacobian(k, k).shape),
            **CLOSE,
        )
        assert_allclose(flow.jacobian(k, t), flow.jacobian_product(k, t), **CLOSE)


def test_ascending_order_gives_something_else():
    flow = Model("RNN").flow()
    ascending = flow.jacobian(2) @ flow.jacobian(3) @ flow.jacobian(4)
    assert np.max(np.abs(ascending - flow.jacobian(4, 1))) > 0.05 * np.max(
        np.abs(flow.jacobian(4, 1))
    )


@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
def test_rnn_jacobian_is_slopes_times_weights(batch):
    model = Model("RNN", batch)
    flow, h = model.flow(), model.values()
    for k in range(2, T + 1):
        J = (1 - h[k] ** 2)[
            ..., :, None
        ] * model.cell.W_hh.data.T  # (3.3): diag(f') W_hh, W_hh of the column text
        assert_allclose(flow.jacobian(k), J, **CLOSE)
        assert_allclose(flow.singular_values(k), np.linalg.svd(J)[1], **CLOSE)
        assert np.all(np.diff(flow.singular_values(k), axis=-1) <= 0)


@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
@pytest.mark.parametrize("name", SINGLE)
def test_a_term_is_the_later_one_times_a_jacobian(name, batch):
    flow = Model(name, batch).flow()
    for k, t in pairs():
        if k > t:
            one_step = np.einsum("...i,...ij->...j", flow.term(k, t + 1), flow.jacobian(t + 1))
            assert_allclose(flow.term(k, t), one_step, **CLOSE)  # (3.1) with (3.3)
            at_once = np.einsum("...i,...ij->...j", flow.direct[k - 1], flow.jacobian(k, t))
            assert_allclose(flow.term(k, t), at_once, **CLOSE)


def mixing(M):
    """Rows of the batch mixed by M at every step."""
    U = tg.Tensor(np.random.default_rng(0).standard_normal((2, 2)), requires_grad=True, name="U")
    cell = lambda x, h: np.tanh(x + M @ (h @ U))
    u = tg.unroll(cell, np.random.default_rng(1).standard_normal((3, 2, 2)), np.zeros((2, 2)))
    return tg.gradient_flow(np.sum(u.states[-1] ** 2), u.states)


@pytest.mark.parametrize(
    "M",
    [
        [[1.0, -0.5], [-0.5, 1.0]],
        [[1.0, 0.5], [0.0, 1.0]],
        [[1.0, 0.0], [0.5, 1.0]],
        [[0.0, 1.0], [1.0, 0.0]],
    ],
    ids=["both", "first on second", "second on first", "exchanged"],
)
def test_rows_that_depend_on_each_other_have_no_jacobian_each(M):
    words = r"the rows of a batch depend on each other between s_2 and s_3.*with a batch of one\."
    with pytest.raises(GradientError, match=words):
        mixing(np.array(M)).jacobian(3)


def test_rows_that_keep_apart_have_one():
    assert mixing(np.eye(2)).jacobian(3).shape == (2, 2, 2)


def test_a_count_as_a_part_of_the_state_has_no_jacobian():
    w = tg.Tensor(0.5, requires_grad=True)
    u = tg.unroll(
        lambda x, s: (np.tanh(x + s[0] * w), s[1] + 1),
        np.ones((3, 1, 2)),
        (np.zeros((1, 2)), np.zeros((1, 1), int)),
    )
    flow = tg.gradient_flow(np.sum(u.states[-1][0]), u.states)
    assert np.all(flow.total[0][0] > 0)
    with pytest.raises(GradientError, match="a part of state 1 does not require a gradient"):
        flow.jacobian(2)


@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize(
    "kept", [np.array([True, False, True]), np.arange(3), True, np.bool_(False), 7, np.int8(7)]
)
@pytest.mark.parametrize(
    "step", [lambda m: m, lambda m: m + 1 if m.dtype.kind == "i" else m == 0], ids=["same", "new"]
)
def test_a_mask_or_a_count_in_the_state_gets_zeros(kept, step, dtype):
    w = tg.Tensor(np.array(0.5, dtype), requires_grad=True, name="w")
    xs = np.ones((4, 3), dtype)
    u = tg.unroll(lambda x, s: (np.tanh(x + s[0] * w), step(s[1])), xs, (np.zeros(3, dtype), kept))
    flow = tg.gradient_flow(np.sum(u.states[-1][0]), u.states)
    alone = tg.gradient_flow(np.sum(u.states[-1][0]), u.hidden)
    for of_two, of_one in (
        (flow.total, alone.total),
        (flow.direct, alone.direct),
        (flow.indirect, alone.indirect),
    ):
        for (h, rest), only in zip(of_two, of_one, strict=True):
            assert_array_equal(h, only)
            assert_array_equal(rest, np.zeros(np.shape(kept)))
            assert h.dtype == rest.dtype == dtype
    assert_array_equal(flow.norms(), alone.norms())
    assert_array_equal(flow.norms(1), np.zeros((4, 4)))
    assert flow.term(4, 1)[1].shape == np.shape(kept)
    assert_array_equal(flow.truncated(2).gradients["w"], alone.truncated(2).gradients["w"])


def test_totals_do_not_mind_rows_that_mix():
    flow = mixing(np.array([[1.0, 0.5], [-0.5, 1.0]]))
    for state in flow.states:
        state.retain_grad()
    flow.losses[-1].backward()
    for total, state in zip(flow.total, flow.states, strict=True):
        assert_allclose(total, state.grad, **CLOSE)


def test_parts_with_different_batch_axes_have_no_joint_jacobian():
    w = tg.Tensor(2.0, requires_grad=True)
    u = tg.unroll(lambda x, s: (s[0] * w, s[1] * w), np.zeros(2), (np.ones((3, 2)), np.ones(2)))
    flow = tg.gradient_flow(np.sum(u.states[-1][0]), u.states)
    with pytest.raises(
        ShapeError,
        match=re.escape("the parts of state 2 have shapes (3, 2), (2,); a Jacobian needs"),
    ):
        flow.jacobian(2)


def test_parts_of_different_width_make_one_vector():
    w = tg.Tensor(0.5, requires_grad=True)
    cell = lambda x, s: (w * s[0] + np.sum(s[1]), 2.0 * w * s[1] * s[0][0])  # (3,) and (2,)
    u = tg.unroll(cell, np.zeros(2), (np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0])))
    a, b = data(u.states[0])
    J = np.zeros((5, 5))
    J[:3, :3], J[:3, 3:], J[3:, 0], J[3:, 3:] = 0.5 * np.eye(3), 1.0, b, a[0] * np.eye(2)
    assert_allclose(tg.gradient_flow(np.sum(u.hidden[-1]), u.states).jacobian(2), J, **CLOSE)


def test_scalar_states_have_jacobians_of_one_entry():
    w = tg.Tensor(0.5, requires_grad=True)
    u = tg.unroll(lambda x, h: np.tanh(w * h), np.zeros(3), 1.0)
    flow = tg.gradient_flow(u.states[-1] * u.states[-1], u.states)
    assert_allclose(flow.jacobian(3), [[0.5 * (1 - u.states[2].data ** 2)]], **CLOSE)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "memory"])
def test_float32_jacobians_are_float32(name):
    flow = Model(name, dtype=np.float32).flow()
    for J in (
        flow.jacobian(2),
        flow.jacobian(4, 1),
        flow.jacobian(2, 2),
        flow.jacobian_product(4, 1),
    ):
        assert J.dtype == np.float32
    assert flow.singular_values(2).dtype == np.float32
