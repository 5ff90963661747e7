"""Gradient flow: (3.1) to (3.4) against formulas, central differences and graphs built anew.

The independent check is a graph *restarted* at s_(t-1): its arrays become leaves, so nothing older
exists, and the gradient of the single loss L_k at the Tensors of s_t is term(k, t) of (3.1), with
k = t the direct term.
"""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.flow_models import (
    ARITY,
    MAKE,
    H,
    I,
    Model,
    T,
    data,
)

import tinygrad_rnn as tg
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.errors import GradientError, RangeError, ShapeError, UsageError
from tinygrad_rnn.functional import half_squared_error, identity
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn import LSTMCell, RNNCell
from tinygrad_rnn.nn.unroll import parts

CLOSE = {"rtol": 1e-11, "atol": 1e-13}  # sums of the same products in another order
NUMERIC = {"rtol": 1e-7, "atol": 1e-9}  # central differences


# -- cells ---------------------------------------------------------------------------------------


SINGLE = [name for name, n in ARITY.items() if n == 1]
REPEATED = [
    "skip",
    "memory",
    "twice",
    "idle",
]  # one Tensor stands in several places of the list of states
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


# -- (3.1): terms, direct, indirect, total -------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
@pytest.mark.parametrize("name", [name for name in MAKE if name not in REPEATED])
def test_total_is_the_gradient_that_backward_gives(name, batch):
    states, losses = Model(name, batch).run()
    flow = tg.gradient_flow(losses, states)
    for state in states:
        for part in parts(state):
            part.retain_grad()
    np.sum(np.stack(losses)).backward()  # (2.1)
    for total, state in zip(flow.total, states, strict=True):
        same(total, tuple(part.grad for part in parts(state)))


@pytest.mark.parametrize("name", ["skip", "memory", "twice", "idle"])
def test_total_of_a_repeated_tensor_is_its_gradient_where_it_comes_first(name):
    states, losses = Model(name).run()
    flow, seen = tg.gradient_flow(losses, states), set()
    for state in states:
        for part in parts(state):
            if part.requires_grad:
                part.retain_grad()
    np.sum(np.stack(losses)).backward()
    for total, state in zip(flow.total, states, strict=True):
        for array, part in zip(parts(total), parts(state), strict=True):
            if part not in seen:
                assert_allclose(array, part.grad, **CLOSE)
            seen.add(part)


@each
def test_terms_are_the_gradients_of_single_losses(name, batch):
    model = Model(name, batch)
    flow = model.flow()
    for k, t in pairs():
        same(flow.term(k, t), model.term(k, t))


@each
def test_direct_is_the_gradient_of_the_loss_of_that_step(name, batch):
    model = Model(name, batch)
    for t, direct in enumerate(model.flow().direct, 1):
        same(direct, model.term(t, t))


@each
def test_terms_add_up(name, batch):
    flow = Model(name, batch).flow()
    for t in range(1, T + 1):
        terms = [flow.term(k, t) for k in range(t, T + 1)]
        total = tuple(map(sum, zip(*map(parts, terms), strict=True)))
        same(flow.total[t - 1], total)  # (3.1)
        same(flow.direct[t - 1], terms[0])
        same(
            flow.indirect[t - 1], tuple(a - b for a, b in zip(total, parts(terms[0]), strict=True))
        )
    same(
        flow.indirect[-1], tuple(np.zeros_like(part) for part in parts(flow.total[-1]))
    )  # nothing after T


@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
def test_rnn_by_closed_formulas(batch):
    model = Model("RNN", batch)
    flow, cell, h = model.flow(), model.cell, model.values()
    W_hh, W_hy, b_y = cell.W_hh.data, model.readout.W_hy.data, model.readout.b_y.data
    direct = {
        t: (h[t] @ W_hy + b_y - model.targets[t - 1]) @ W_hy.T for t in range(1, T + 1)
    }  # (3.2)
    total = direct[T]
    for t in range(T, 0, -1):
        if t < T:
            total = (
                direct[t] + ((1 - h[t + 1] ** 2) * total) @ W_hh.T
            )  # (3.1), with (3.3) for one step
        assert_allclose(flow.direct[t - 1], direct[t], **CLOSE)
        assert_allclose(flow.total[t - 1], total, **CLOSE)


def test_direct_of_leaf_states_holds_the_parts_independent():
    """With leaves instead of s_t, L_t does not reach c_t; `direct` has the path from c_t to h_t."""
    model = Model("LSTM")
    flow, values = model.flow(), model.values()
    for t in range(1, T + 1):
        h, c = (tg.Tensor(part, requires_grad=True) for part in values[t])
        model.loss((h, c), t).backward()
        assert c.grad is None
        a = (
            model.xs[t - 1] @ model.cell.W_xh.data
            + values[t - 1][0] @ model.cell.W_hh.data
            + model.cell.b_h.data
        )
        o = 1 / (1 + np.exp(-a[3 * H :]))
        through_h = h.grad * o * (1 - np.tanh(values[t][1]) ** 2)  # (5.3)
        same(flow.direct[t - 1], (h.grad, through_h))


@pytest.mark.parametrize("name", MAKE)
def test_a_sparse_list_of_losses(name):
    model = Model(name)
    states, losses = model.run()
    kept = [2, 5]
    flow = tg.gradient_flow(
        [loss if t in kept else None for t, loss in enumerate(losses, 1)], states
    )
    for t in range(1, T + 1):
        expected = [model.term(k, t) for k in kept if k >= t]
        same(flow.total[t - 1], tuple(map(sum, zip(*expected, strict=True))))
        for k in range(t, T + 1):
            same(
                flow.term(k, t),
                model.term(k, t) if k in kept else tuple(0 * part for part in expected[0]),
            )


@pytest.mark.parametrize("name", MAKE)
def test_a_single_loss_counts_as_the_last(name):
    model = Model(name)
    states, losses = model.run()
    flow, listed = (
        tg.gradient_flow(losses[-1], states),
        tg.gradient_flow([None] * (T - 1) + losses[-1:], states),
    )
    for t in range(1, T + 1):
        same(flow.total[t - 1], model.term(T, t))
        same(flow.total[t - 1], listed.total[t - 1])
        assert np.count_nonzero(joint(flow.direct[t - 1])) == 0 or t == T


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "stacked"])
def test_the_sum_of_the_losses_gives_the_same_terms_as_the_list(name):
    states, losses = Model(name).run()
    listed, summed = (
        tg.gradient_flow(losses, states),
        tg.gradient_flow(np.sum(np.stack(losses)), states),
    )  # (2.1)
    for k, t in pairs():
        same(summed.term(k, t), listed.term(k, t))
        same(summed.total[t - 1], listed.total[t - 1])


def test_an_unrolled_network_as_it_comes():
    model = Model("LSTM", (3,))
    u = tg.unroll(
        model.cell,
        model.xs,
        model.h0,
        readout=model.readout,
        loss=half_squared_error,
        targets=model.targets,
    )
    flow = tg.gradient_flow(u.losses, u.states)
    for k, t in pairs():
        same(flow.term(k, t), model.term(k, t))


def test_hidden_states_alone_of_an_lstm():
    """With h listed and c not, c is a path like any other.

    Totals are those of backward, and h_k reaches h_(k-2).
    """
    states, losses = Model("LSTM").run()
    hidden = [h for h, _ in states]
    flow = tg.gradient_flow(losses, hidden)
    for h in hidden:
        h.retain_grad()
    np.sum(np.stack(losses)).backward()
    for total, h in zip(flow.total, hidden, strict=True):
        assert_allclose(total, h.grad, **CLOSE)
    assert not np.allclose(
        flow.jacobian(3, 1), flow.jacobian_product(3, 1)
    )  # (3.3) needs s_(k-1) to be all there is


def second_order(seed=0):
    """h_t = tanh(x_t + h_(t-1) U + h_(t-2) V) with h_t alone listed."""
    rng = np.random.default_rng(seed)
    U, V = (tg.Tensor(rng.standard_normal((H, H)), requires_grad=True, name=name) for name in "UV")
    xs, hs = rng.standard_normal((T, H)), [np.zeros(H), np.zeros(H)]
    for x in xs:
        hs.append(np.tanh(x + hs[-1] @ U + hs[-2] @ V))
    return U, V, hs[2:]


def test_a_skip_over_an_unlisted_path():
    U, V, hs = second_order()
    losses = [0.5 * np.sum(h * h) for h in hs]
    flow = tg.gradient_flow(losses, hs)
    slope = [np.diag(1 - h.data**2) for h in hs]
    one = {k: slope[k - 1] @ U.data.T for k in range(2, T + 1)}  # dh_k/dh_(k-1) along the edge
    two = {k: slope[k - 1] @ V.data.T for k in range(3, T + 1)}  # dh_k/dh_(k-2) along the skip
    for k in range(2, T + 1):
        assert_allclose(flow.jacobian(k), one[k], **CLOSE)
    for k in range(3, T + 1):
        whole = one[k] @ one[k - 1] + two[k]
        assert_allclose(flow.jacobian(k, k - 2), whole, **CLOSE)
        assert_allclose(flow.term(k, k - 2), hs[k - 1].data @ whole, **CLOSE)  # dL_k/dh_k = h_k
    for h in hs:
        h.retain_grad()
    np.sum(np.stack(losses)).backward()
    for total, h in zip(flow.total, hs, strict=True):
        assert_allclose(total, h.grad, **CLOSE)
    for W in (U, V):
        assert_allclose(np.sum(flow.contribution(W), axis=0), W.grad, **CLOSE)


def test_a_loss_that_is_itself_a_state():
    """H = 1 and no read-out: L_t = h_t.  dL_T/dh_T is 1."""
    w = tg.Tensor([[0.7]], requires_grad=True, name="w")
    hs = [np.tanh(np.ones((1, 1)) @ w)]
    for _ in range(2):
        hs.append(np.tanh(hs[-1] @ w))
    slope = [(1 - h.data**2) * 0.7 for h in hs]  # (3.3)
    flow = tg.gradient_flow(hs[-1], hs)
    assert_allclose(flow.direct, [np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1))], **CLOSE)
    assert_allclose(flow.total, [slope[2] * slope[1], slope[2], np.ones((1, 1))], **CLOSE)
    hs[-1].backward()
    assert_allclose(np.sum(flow.contribution(w), axis=0), w.grad, **CLOSE)
    every = tg.gradient_flow(hs, hs)
    assert_allclose(every.total[0], 1 + slope[1] + slope[2] * slope[1], **CLOSE)  # (3.1)


def test_one_time_step():
    model = Model("RNN", length=1)
    flow = model.flow()
    assert len(flow) == 1
    same(flow.total[0], model.term(1, 1))
    same(flow.total[0], flow.direct[0])
    assert_array_equal(flow.indirect[0], np.zeros(H))
    assert_allclose(flow.norms(), [[norm(flow.direct[0])]], **CLOSE)
    assert flow.share(1, 1) == pytest.approx(1, rel=1e-15)
    assert flow.truncated(1).relative_error == dict.fromkeys(flow.parameters, 0.0)
    assert_array_equal(flow.jacobian(1, 1), np.eye(H))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "skip", "memory"])
def test_float32_stays_float32(name):
    flow, exact = Model(name, (3,), dtype=np.float32).flow(), Model(name, (3,)).flow()
    for k, t in pairs():
        assert {part.dtype for part in parts(flow.term(k, t))} == {np.dtype(np.float32)}
        same(flow.term(k, t), exact.term(k, t), rtol=1e-4, atol=1e-6)
    for level in (*flow.total, *flow.direct, *flow.indirect, *flow.truncated(2).totals):
        assert {part.dtype for part in parts(level)} == {np.dtype(np.float32)}
    for p in flow.parameters:
        assert flow.contribution(p).dtype == flow.truncated(2).gradients[p].dtype == np.float32


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


def test_measuring_changes_nothing():
    model = Model("LSTM")
    states, losses = model.run()
    flow = tg.gradient_flow(losses, states)
    flow.norms(), flow.jacobian(2), flow.truncated(2)
    assert all(
        p._grad is None
        for p in (*model.parameters(), *losses, *(part for s in states for part in s))
    )


def test_an_optimiser_step_afterwards_changes_nothing():
    model = Model("RNN")
    flow, same_flow = model.flow(), Model("RNN").flow()
    for p in model.parameters():
        p.data = p.data - 0.1
    assert_array_equal(flow.norms(), same_flow.norms())
    assert_array_equal(flow.jacobian(3), same_flow.jacobian(3))
    assert flow.truncated(2).relative_error == same_flow.truncated(2).relative_error


# -- Jacobians (3.3) -----------------------------------------------------------------------------


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


# -- norms and shares ----------------------------------------------------------------------------


@each
def test_norms_are_those_of_the_terms(name, batch):
    flow = Model(name, batch).flow()
    norms = flow.norms()
    for t in range(1, T + 1):
        for k in range(1, T + 1):
            expected = (
                norm(flow.term(k, t)) if k >= t else 0.0
            )  # the future alone sends gradients back
            assert norms[k - 1, t - 1] == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("name", [name for name, n in ARITY.items() if n == 2])
def test_norms_of_one_part(name):
    flow = Model(name, (3,)).flow()
    by_part = [flow.norms(part) for part in (0, 1)]
    for k, t in pairs():
        for part in (0, 1):
            assert by_part[part][k - 1, t - 1] == pytest.approx(
                norm(flow.term(k, t)[part]), rel=1e-12, abs=1e-300
            )
    assert_allclose(np.hypot(*by_part), flow.norms(), **CLOSE)


@pytest.mark.parametrize("part", [2, -3])
def test_norms_of_a_part_that_is_not_there(part):
    with pytest.raises(RangeError, match=str(part)):
        Model("LSTM").flow().norms(part)


def test_rows_computed_anew_are_the_same(monkeypatch):
    kept = Model("LSTM").flow()
    expected = kept.norms()
    monkeypatch.setattr("tinygrad_rnn.flow.terms._MOST_BYTES", 0)
    flow = Model("LSTM").flow()
    assert_array_equal(flow.norms(), expected)
    same(flow.term(5, 1), kept.term(5, 1))
    same(flow.term(2, 1), kept.term(2, 1))


@each
def test_shares_are_projections_and_add_up(name, batch):
    flow = Model(name, batch).flow()
    for t in range(1, T + 1):
        total = joint(flow.total[t - 1]).ravel()
        shares = [flow.share(k, t) for k in range(t, T + 1)]
        assert_allclose(
            shares,
            [joint(flow.term(k, t)).ravel() @ total / (total @ total) for k in range(t, T + 1)],
            **CLOSE,
        )
        assert_allclose(np.sum(shares), 1.0, rtol=1e-12)


def test_a_share_may_be_negative():
    """L_1 = h_1 and L_2 = -h_2 / 4 with h_2 = h_1: dL/dh_1 = 1 - 1/4."""
    x = tg.Tensor([1.0], requires_grad=True)
    h1 = 1.0 * x
    h2 = 1.0 * h1
    flow = tg.gradient_flow([np.sum(h1), np.sum(-0.25 * h2)], [h1, h2])
    assert_allclose(flow.total[0], [0.75], rtol=1e-15)
    assert flow.share(1, 1) == pytest.approx(4 / 3, rel=1e-15)
    assert flow.share(2, 1) == pytest.approx(-1 / 3, rel=1e-15)


def test_a_share_of_nothing_is_nan():
    x = tg.Tensor([1.0], requires_grad=True)
    h1, h2 = 1.0 * x, 2.0 * x  # the loss does not see h_1
    flow = tg.gradient_flow(np.sum(h2), [h1, h2])
    assert np.isnan(flow.share(2, 1))
    assert_array_equal(flow.total[0], [0.0])


def test_table_lists_the_direct_term_first():
    flow = Model("GRU").flow()
    table = flow.table(3)
    assert [row.ks for row in table] == [(3,), (4,), (5,)]
    assert [row.norm for row in table] == pytest.approx(
        [norm(flow.term(k, 3)) for k in (3, 4, 5)], rel=1e-12
    )
    assert [row.share for row in table] == pytest.approx(
        [flow.share(k, 3) for k in (3, 4, 5)], rel=1e-12
    )


@pytest.mark.parametrize("name", ["RNN", "LSTM"])
@pytest.mark.parametrize("most", [2, 3, 4, 9])
def test_a_short_table_sums_the_smallest_terms_into_its_last_row(name, most):
    flow = Model(name, length=8).flow()
    table = flow.table(2, most)
    assert len(table) == min(most, 7)
    assert table[0].ks == (2,)
    assert sorted(k for row in table for k in row.ks) == list(range(2, 9))  # every term once
    for row in table:
        terms = np.sum([joint(flow.term(k, 2)) for k in row.ks], axis=0)
        assert row.norm == pytest.approx(np.linalg.norm(terms), rel=1e-12)
        assert row.share == pytest.approx(sum(flow.share(k, 2) for k in row.ks), rel=1e-12)
    kept, rest = (
        [norm(flow.term(row.ks[0], 2)) for row in table[1:-1]],
        [norm(flow.term(k, 2)) for k in table[-1].ks],
    )
    if most < 7 and kept:
        assert min(kept) >= max(rest)
    assert [row.ks for row in table[1:-1]] == sorted(row.ks for row in table[1:-1])


def test_a_table_of_one_row_is_refused():
    with pytest.raises(
        RangeError, match="most is 1; a table has at least 2 rows: the direct term and the rest"
    ):
        Model("RNN").flow().table(1, most=1)


def test_total_norm():
    flow = Model("LSTM", (3,)).flow()
    for t in range(1, T + 1):
        assert flow.total_norm(t) == pytest.approx(norm(flow.total[t - 1]), rel=1e-13)


@pytest.mark.parametrize("rho", [0.5, 1.0, 1.5], ids=["vanishing", "steady", "exploding"])
@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
def test_norms_of_a_scaled_rotation_are_powers(rho, batch):
    """With f linear and W_hh = rho Q, Q orthogonal, (3.3) is rho^(k-t) times a rotation."""
    length, rng = 20, np.random.default_rng(0)
    Q, _ = np.linalg.qr(rng.standard_normal((H, H)))
    cell = RNNCell(I, H, identity, rng=rng)
    cell.W_hh.data = rho * Q
    u = tg.unroll(
        cell,
        rng.standard_normal((length, *batch, I)),
        loss=half_squared_error,
        targets=rng.standard_normal((length, *batch, H)),
    )
    flow = tg.gradient_flow(u.losses, u.states)
    norms = flow.norms()
    for k, t in pairs(length):
        assert norms[k - 1, t - 1] == pytest.approx(rho ** (k - t) * norms[k - 1, k - 1], rel=1e-12)
    assert_allclose(flow.singular_values(length), np.full((*batch, H), rho), rtol=1e-13)
    assert_allclose(
        np.linalg.norm(flow.jacobian(length, 1), 2, axis=(-2, -1)),
        np.full(batch, rho ** (length - 1)),
        rtol=1e-12,
    )


# -- weights (3.2 to 3.4) ------------------------------------------------------------------------


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


# -- truncation ----------------------------------------------------------------------------------


def truncated_anew(model, window):
    """Truncated BPTT by its meaning: each loss goes back in a graph restarted at s_(k-window)."""
    values = model.values()
    for p in model.parameters():
        p.grad = None
    for k in range(1, model.length + 1):
        start = max(1, k - window + 1)
        _, losses = model.run(values[start - 1], start=start, stop=k)
        losses[-1].backward()
    return [np.zeros(p.shape) if p.grad is None else p.grad for p in model.parameters()]


@pytest.mark.parametrize("window", [1, 2, 3, T])
@each
def test_truncated_gradients_are_those_of_graphs_cut_off(name, batch, window):
    model = Model(name, batch)
    truncated, expected = model.flow().truncated(window), truncated_anew(model, window)
    named = {id(p): name for name, p in model.flow().parameters.items()}
    for p, gradient in zip(model.parameters(), expected, strict=True):
        if id(p) in named:
            assert_allclose(truncated.gradients[named[id(p)]], gradient, **CLOSE)
    assert truncated.window == window


@pytest.mark.parametrize("window", [1, 2, 3, T])
@each
def test_truncated_totals_hold_the_terms_within_the_window(name, batch, window):
    model = Model(name, batch)
    for t, total in enumerate(model.flow().truncated(window).totals, 1):
        terms = [model.term(k, t) for k in range(t, min(T, t + window - 1) + 1)]  # k < t + window
        same(total, tuple(map(sum, zip(*terms, strict=True))))


@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
@pytest.mark.parametrize("window", [1, 2, 4])
def test_truncated_rnn_by_explicit_sums(window, batch):
    model = Model("RNN", batch)
    truncated, h = model.flow().truncated(window), model.values()
    W_hh, W_hy, b_y = model.cell.W_hh.data, model.readout.W_hy.data, model.readout.b_y.data
    rows = lambda a: np.reshape(a, (-1, a.shape[-1]))
    W_xh_, W_hh_, b_h_ = np.zeros((I, H)), np.zeros((H, H)), np.zeros(H)
    for k in range(1, T + 1):
        g = (h[k] @ W_hy + b_y - model.targets[k - 1]) @ W_hy.T  # (3.2)
        for t in range(k, max(0, k - window), -1):
            delta = g * (1 - h[t] ** 2)
            W_xh_ += rows(model.xs[t - 1]).T @ rows(delta)  # 3.2
            W_hh_ += rows(h[t - 1]).T @ rows(delta)  # 3.3
            b_h_ += np.sum(rows(delta), axis=0)  # 3.4
            g = delta @ W_hh.T  # (3.3)
    assert_allclose(truncated.gradients["W_xh"], W_xh_, **CLOSE)
    assert_allclose(truncated.gradients["W_hh"], W_hh_, **CLOSE)
    assert_allclose(truncated.gradients["b_h"], b_h_, **CLOSE)


def test_window_1_is_what_the_text_prints():
    """3.2 to 3.4 as printed use the direct term (3.2) alone; the total gives the gradient."""
    model = Model("RNN")
    flow, h = model.flow(), model.values()
    as_printed = sum(
        np.outer(model.xs[t - 1], flow.direct[t - 1] * (1 - h[t] ** 2)) for t in range(1, T + 1)
    )
    right = sum(
        np.outer(model.xs[t - 1], flow.total[t - 1] * (1 - h[t] ** 2)) for t in range(1, T + 1)
    )
    assert_allclose(flow.truncated(1).gradients["W_xh"], as_printed, **CLOSE)
    assert_allclose(flow.truncated(T).gradients["W_xh"], right, **CLOSE)
    error = np.linalg.norm(as_printed - right) / np.linalg.norm(right)
    assert flow.truncated(1).relative_error["W_xh"] == pytest.approx(error, rel=1e-11)
    assert error > 0.05


@pytest.mark.parametrize("name", MAKE)
def test_the_whole_window_is_the_full_gradient(name):
    model = Model(name)
    states, losses = model.run()
    flow = tg.gradient_flow(losses, states)
    whole = flow.truncated(T)
    np.sum(np.stack(losses)).backward()
    for key, p in flow.parameters.items():
        assert_allclose(whole.gradients[key], p.grad, **CLOSE)
        assert whole.relative_error[key] < 1e-13
    for total, full in zip(whole.totals, flow.total, strict=True):
        same(total, full)


@each
def test_relative_errors(name, batch):
    model = Model(name, batch)
    states, losses = model.run()
    flow = tg.gradient_flow(losses, states)
    cut = flow.truncated(2)
    np.sum(np.stack(losses)).backward()
    assert set(cut.relative_error) == set(cut.gradients) == set(flow.parameters)
    for key, p in flow.parameters.items():
        expected = np.linalg.norm(cut.gradients[key] - p.grad) / np.linalg.norm(p.grad)
        assert cut.relative_error[key] == pytest.approx(expected, rel=1e-9, abs=1e-14)
    (W_hy,) = (key for key, p in flow.parameters.items() if p is model.readout.W_hy)
    assert cut.relative_error[W_hy] < 1e-15  # the read-out has no path through time


# -- errors --------------------------------------------------------------------------------------


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


# -- what is shown -------------------------------------------------------------------------------


def test_a_flow_is_shown_in_a_line():
    cell, rng = LSTMCell(I, H, rng=0), np.random.default_rng(0)
    options = {"loss": half_squared_error, "targets": rng.standard_normal((T, 4, H))}
    run = tg.unroll(cell, rng.standard_normal((T, 4, I)), **options)
    expected = f"GradientFlow(T={T}, B=4, h: (4, 3), c: (4, 3), L={{}} from {{}})"
    flow = tg.gradient_flow(run.losses, run.states)
    assert repr(flow) == expected.format(number(run.loss.item()), "5 losses")
    last = tg.gradient_flow(run.losses[-1], run.states)
    assert repr(last) == expected.format(number(run.losses[-1].item()), "1 loss")
    h = tg.Tensor([2.0, 0.0], requires_grad=True)
    assert repr(tg.gradient_flow(np.sum(h), [h])) == "GradientFlow(T=1, s: (2,), L=2 from 1 loss)"


def test_truncated_gradients_are_shown_by_their_errors():
    truncated = Model("RNN").flow().truncated(2)
    errors = ", ".join(f"{name} {e:.2g}" for name, e in truncated.relative_error.items())
    assert repr(truncated) == f"Truncated(window=2, relative errors: {errors})"


def test_writing_to_what_was_handed_out_changes_no_later_answer():
    flow, same_flow = Model("LSTM").flow(), Model("LSTM").flow()
    for arrays in (*flow.total, *flow.direct, flow.term(5, 1), *flow.truncated(2).totals):
        for array in arrays:
            array[...] = 7.0
    same(flow.term(5, 1), same_flow.term(5, 1))
    same(flow.term(3, 3), same_flow.term(3, 3))
    assert_array_equal(flow.norms(), same_flow.norms())
