"""Gradient flow: (3.1) against formulas and graphs built anew.

The independent check is a graph *restarted* at s_(t-1): its arrays become leaves, so nothing older
exists, and the gradient of the single loss L_k at the Tensors of s_t is term(k, t) of (3.1), with
k = t the direct term.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.flow_models import (
    ARITY,
    CLOSE,
    MAKE,
    REPEATED,
    H,
    I,
    Model,
    T,
    each,
    joint,
    norm,
    pairs,
    same,
)

import tinygrad_rnn as tg
from tinygrad_rnn.errors import RangeError
from tinygrad_rnn.functional import half_squared_error, identity
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn import LSTMCell, RNNCell
from tinygrad_rnn.nn.states import parts


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


def test_writing_to_what_was_handed_out_changes_no_later_answer():
    flow, same_flow = Model("LSTM").flow(), Model("LSTM").flow()
    for arrays in (*flow.total, *flow.direct, flow.term(5, 1), *flow.truncated(2).totals):
        for array in arrays:
            array[...] = 7.0
    same(flow.term(5, 1), same_flow.term(5, 1))
    same(flow.term(3, 3), same_flow.term(3, 3))
    assert_array_equal(flow.norms(), same_flow.norms())


def test_what_is_handed_out_is_a_copy() -> None:
    cell, xs = tg.nn.LSTMCell(2, 3, rng=0), np.ones((4, 2))
    run = tg.unroll(cell, xs, loss=half_squared_error, targets=np.ones((4, 3)))
    flow = tg.gradient_flow(run.losses, run.states)
    before = flow.share(2, 1), flow.total_norm(1), flow.singular_values(2)
    flow.total[0][0][:] = flow.direct[0][1][:] = flow.term(2, 1)[0][:] = 7.0
    flow.jacobian(2)[:] = 7.0
    assert (flow.share(2, 1), flow.total_norm(1)) == before[:2]
    assert_array_equal(flow.singular_values(2), before[2])
