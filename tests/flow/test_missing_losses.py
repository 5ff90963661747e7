"""Steps without a loss: many-to-one, one-to-many and between, in numbers and in every picture."""

import itertools
import json
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.flow_models import MAKE as KINDS
from support.flow_models import Model
from support.networks import H, I, O, with_losses
from support.scenes import (
    cells,
    gradient_lines,
    hops,
    inside,
    labels,
    of,
    operations,
    overlap,
    recorded,
    table,
)
from support.written import unpack

import tinygrad_rnn as tg
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.draw.page_data import page_data
from tinygrad_rnn.draw.palette import COLUMN, DIRECT, FADED, FORWARD
from tinygrad_rnn.draw.roles import roles
from tinygrad_rnn.draw.scene import Box, Line, Text, Triangle
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.errors import GradientError, RangeError, UsageError
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn import Readout, RNNCell
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.training import gradients

CELLS = ["RNN", "LSTM", "GRU", "function", "tuple", "bare"]
WITH = {  # which of T steps have a loss
    "last": lambda T: {T},
    "first": lambda T: {1},
    "middle": lambda T: {(T + 1) // 2},
    "some": lambda T: {max(1, T // 3), max(1, T - 1)},
}
CASES = [(name, T, which) for name in CELLS for T in (2, 5) for which in ("last", "some")]
CASES += [*((name, 1, "last") for name in CELLS), *(("LSTM", 10, which) for which in WITH)]
CASES += [("RNN", T, which) for T in (30, 60) for which in ("last", "some")]


@pytest.fixture(scope="module", params=CASES, ids=lambda c: "{}-T{}-{}".format(*c))
def drawn(request):
    """(network, steps with a loss, its gradient flow)."""
    name, T, which = request.param
    steps = WITH[which](T)
    run = with_losses(name, T, steps)
    return run, steps, gradient_flow(run.losses, run.states)


# -- unroll --------------------------------------------------------------------------------------


NOTHING = [None, 0.0, 0, np.float64(0.0), np.float32(0.0), np.array(0.0), np.int64(0), False]


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_loss_that_returns_nothing_or_a_number_is_no_loss(nothing):
    cell, rng = RNNCell(I, H, rng=0), np.random.default_rng(0)
    xs, targets = rng.standard_normal((4, I)), [None, -1.0, 2.0, None]

    def loss(y, target):
        return np.sum(y * target) if target > 0 else nothing

    run = tg.unroll(cell, xs, loss=loss, targets=targets)
    assert [L is None for L in run.losses] == [True, True, False, True]
    assert run.losses[2].name == "L_3"
    assert run.loss.item() == run.losses[2].item() == 2 * np.sum(run.hidden[2].data)


def test_a_number_has_no_gradient_but_counts_in_the_total():
    found = iter([np.sum, lambda y: 2.5, np.sum, lambda y: np.float64(0.25)])
    options = {"loss": lambda y, _: next(found)(y), "targets": np.zeros(4)}
    run = tg.unroll(RNNCell(I, H, rng=0), np.ones((4, I)), **options)
    assert [L is None for L in run.losses] == [False, True, False, True]
    assert run.loss.item() == pytest.approx(run.losses[0].item() + run.losses[2].item() + 2.75)
    assert run.loss.name == "L"


def test_a_loss_is_not_called_without_a_target():
    seen = []

    def loss(y, target):
        seen.append(target)
        return np.sum(y)

    tg.unroll(RNNCell(I, H, rng=0), np.ones((3, I)), loss=loss, targets=np.array([None, 7.0, None]))
    assert seen == [7.0]


@pytest.mark.parametrize("name", CELLS)
def test_gradients_are_those_of_the_losses_that_there_are(name):
    T, steps = 6, {2, 5}
    run = with_losses(name, T, steps)
    every = with_losses(name, T, set(range(1, T + 1)))
    run.loss.backward()
    (every.losses[1] + every.losses[4]).backward()
    ours, wanted = (gradient_flow(u.losses, u.states).parameters for u in (run, every))
    assert ours.keys() <= wanted.keys()
    for key, p in wanted.items():
        grad = np.zeros(p.shape) if p.grad is None else p.grad
        assert_allclose(ours[key].grad if key in ours else np.zeros(p.shape), grad, rtol=1e-12)


def test_two_directions_share_the_losses_that_there_are():
    rng = np.random.default_rng(0)
    options = {"readout": Readout(6, 1, rng=0), "loss": half_squared_error}
    one, two = tg.bidirectional(
        *(RNNCell(2, 3, rng=rng) for _ in range(2)), np.ones((4, 2)), **options,
        targets=[None, [1.0], None, None],
    )  # fmt: skip
    assert [L is None for L in one.losses] == [True, False, True, True]
    assert [L is None for L in two.losses] == [True, True, False, True]
    assert one.loss.item() == one.losses[1].item()
    scene = tg.draw.paths((one, two), 1).scene
    assert {hop.ks for hop in hops(scene)} == {(2,)}
    assert sum(label == "L₂" for label in labels(scene)) == 2
    assert not {"L₁", "L₃", "L₄"} & set(labels(scene))


def test_no_loss_at_all_is_an_error():
    cell, xs = RNNCell(I, H, rng=0), np.ones((3, I))
    for targets, loss in (([None] * 3, half_squared_error), (np.ones(3), lambda y, _: None)):
        with pytest.raises(UsageError, match=r"no step has a loss: .*target is None.*nothing to"):
            tg.unroll(cell, xs, loss=loss, targets=targets)
        with pytest.raises(UsageError, match="no step has a loss"):
            tg.bidirectional(cell, cell, xs, readout=np.sum, loss=loss, targets=targets)


# -- gradient_flow -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nothing", [0.0, 3, np.float64(0.0), np.array(2.0), True, tg.Tensor(0.0), tg.Tensor(np.ones(2))]
)
def test_what_means_no_loss_to_gradient_flow(nothing):
    states, losses = Model("LSTM").run()
    wanted = gradient_flow([None, losses[1], None, losses[3], None], states)
    flow = gradient_flow([nothing, losses[1], nothing, losses[3], nothing], states)
    assert Support(flow).losses == {2, 4}
    assert_allclose(flow.norms(), wanted.norms())
    for part, other in zip(flow.total, wanted.total, strict=True):
        assert_allclose(part, other)
    assert_allclose(flow.truncated(2).gradients["W_hh"], wanted.truncated(2).gradients["W_hh"])
    assert [row.ks for row in flow.table(1)] == [(1,), (2,), (4,)]
    assert [row.ks for row in flow.table(5)] == [(5,)]


def test_only_numbers_are_an_error():
    states, _ = Model("RNN").run()
    with pytest.raises(UsageError, match="every loss is None: there is nothing to differentiate"):
        gradient_flow([0.0, None, 1, 0.0, 0.0], states)
    with pytest.raises(GradientError):
        gradient_flow([tg.Tensor(1.0)] * 5, states)
    for wrong in (0.0, None, 5):
        with pytest.raises(UsageError, match="not a list with one for each state"):
            gradient_flow(wrong, states)
    with pytest.raises(UsageError, match="one of the losses is str"):
        gradient_flow("abcde", states)


@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
def test_slopes_after_the_last_loss_do_not_count(kind):
    """A state that overflows later has no slope; backward never asks for one, nor may the flow."""
    model, count = Model(kind), itertools.count(1)

    def cell(x, state):
        found = model.cell(x, state)
        if next(count) <= 3:
            return found
        burst = [np.exp(np.exp(8.0 + part)) for part in parts(found)]
        return tuple(burst) if len(burst) > 1 else burst[0]

    options = {"readout": model.readout, "loss": half_squared_error}
    targets = [None, model.targets[1], *[None] * 3]
    with np.errstate(all="ignore"):
        run = tg.unroll(cell, model.xs, model.h0, **options, targets=targets)
        assert not np.all(np.isfinite(run.hidden[-1].data))
        run.loss.backward()
        flow = gradient_flow(run.losses, run.states)
        found, norms, cut = flow.contributions(), flow.norms(), flow.truncated(5)
        data = page_data(run, flow, 1)
    for name, p in flow.parameters.items():
        assert_allclose(np.sum(found[name], axis=0), p.grad, rtol=1e-12)
        assert_allclose(cut.gradients[name], p.grad, rtol=1e-12)
    assert np.all(np.isfinite(norms))
    assert not np.any(norms[2:])
    assert np.all(np.isfinite(unpack(data["norms"])))


def test_k_and_t_in_the_wrong_order_are_told_apart():
    flow = Model("RNN").flow()
    with pytest.raises(RangeError, match=r"k is 1; it must lie in 3\.\.5\. k comes first"):
        flow.term(1, 3)


# -- which gradients there are -------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [{5}, {1}, {3}, {2, 4}, {1, 2, 3, 4, 5}])
def test_what_the_graph_says_is_what_the_numbers_say(kind, kept):
    states, losses = Model(kind).run()
    flow = gradient_flow([L if k in kept else 0.0 for k, L in enumerate(losses, 1)], states)
    support, norms = Support(flow), flow.norms()
    for k in range(1, 6):
        reached = [t for t in range(1, k + 1) if norms[k - 1, t - 1] > 0]
        assert support.earliest.get(k) == (min(reached) if reached else None)
        assert support.senders.get(k) == ({k} if reached else None)
    assert support.losses == kept
    for t, state in enumerate(states, 1):
        total = [np.any(part) for part in parts(flow.total[t - 1])]
        assert [support.part(t, x) for x in parts(state)] == total
        assert support.state(t) == any(total)


def test_a_line_ends_where_the_graph_was_cut():
    cell, count = RNNCell(I, H, rng=0), itertools.count(1)

    def cut(x, h):
        return cell(x, h.detach() if next(count) == 4 else h)  # h_3 -> h_4 is not recorded

    options = {"loss": lambda y, _: np.sum(y * y), "targets": np.zeros(5)}
    run = tg.unroll(cut, np.ones((5, I)), tg.Tensor(np.ones(H)), **options)
    scene = tg.draw.paths(run, 1).scene
    assert {(hop.ks[0], hop.j) for hop in hops(scene)} == {
        (1, 1), (2, 2), (2, 1), (3, 3), (3, 2), (3, 1), (4, 4), (5, 5), (5, 4),
    }  # fmt: skip
    at = next(box for box in of(Box, scene) if box.key == "h1")
    heads = [a for a in of(Triangle, scene) if a.toward == "left" and a.x == at.x + at.w / 2]
    assert len(heads) == 2  # of the losses 2 and 3
    heat = tg.draw.heatmap(run).scene
    assert not [box for _, box in cells(heat).values() if box.fill == COLUMN]  # none has a norm
    tips = [box.tip for box in of(Box, heat) if box.fill == COLUMN]
    expected = [f"k = {k}, t = {t}: no gradient can flow" for k in (4, 5) for t in (1, 2, 3)]
    assert sorted(tips) == sorted(expected)


def forward_ends(scene):
    """The states that each arrow of the forward pass joins."""
    ends = {line.ends for line in of(Line, scene) if line.color in (FORWARD, FADED)}
    return {(a, b) for a, b in ends if a[:1] == b[:1] == "h"}


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("at", [{3}, {5}, {1, 2}, {2, 3, 4, 5}])
@pytest.mark.parametrize("t", [1, 4])
def test_no_arrow_where_the_graph_was_cut(at, zeros, t):
    cell, count = RNNCell(I, H, rng=0), itertools.count(1)

    def cut(x, h):
        return cell(x, h if next(count) not in at else np.zeros(H) if zeros else h.detach())

    start = tg.Tensor(np.ones(H))
    run = tg.unroll(
        cut, np.ones((5, I)), start, loss=lambda y, _: np.sum(y * y), targets=np.zeros(5)
    )
    scene, there = tg.draw.paths(run, t).scene, {1, 2, 3, 4, 5} - at
    assert forward_ends(scene) == {(f"h{k - 1}", f"h{k}") for k in there}
    assert sum(box.label == "W_hh" for box in of(Box, scene)) == len(there)
    written = [x.label[2] for x in of(Text, scene) if x.label.startswith("‖J") and "=" in x.label]
    assert written == ["₀₁₂₃₄₅"[k] for k in sorted(there) if k > t]
    assert page_data(run, gradient_flow(run.losses, run.states), t)["linked"] == [
        k in there for k in range(1, 6)
    ]


def test_no_arrow_to_a_gap_where_the_graph_was_cut():
    def scene(at):
        cell, count = RNNCell(I, H, rng=0), itertools.count(1)
        cut = lambda x, h: cell(x, h.detach() if next(count) in at else h)
        options = {"loss": lambda y, _: np.sum(y * y), "targets": np.zeros(60)}
        return tg.draw.paths(
            tg.unroll(cut, np.ones((60, I)), np.zeros(H), **options), 5
        ).scene  # columns 3 to 19 and 53 to 60

    heads = lambda at: sum(a.toward == "right" for a in of(Triangle, scene(at)))
    assert [heads(set()) - heads(at) for at in ({20}, {53}, {3}, {30}, {10})] == [1, 1, 1, 0, 1]


def pooled(T):
    """One loss, of the mean of all states: each receives its gradient past all later ones."""
    read = []

    def mean(h):
        read.append(h)
        return sum(read) / len(read)

    targets = [None] * (T - 1) + [np.ones(H)]
    return tg.unroll(
        RNNCell(I, H, rng=0), np.random.default_rng(0).standard_normal((T, I)), readout=mean,
        loss=half_squared_error, targets=targets,
    )  # fmt: skip


@pytest.mark.parametrize("T", [2, 4, 10, 40])
def test_a_loss_that_reads_all_states(T):
    run = pooled(T)
    flow = gradient_flow(run.losses, run.states)
    support, norms = Support(flow), flow.norms()
    assert support.losses == {T}
    assert support.senders == {k: {T} for k in range(1, T + 1)}
    assert sum(row.share for row in flow.table(1)) == pytest.approx(1.0)
    scene = tg.draw.paths(run, 1, flow).scene
    assert [box.key for box in of(Box, scene) if box.key.startswith("L")] == [f"L{T}"]
    box = next(box for box in of(Box, scene) if box.key == "h1")
    (direct,) = [line for line in of(Line, scene) if line.color == DIRECT and line.tip]
    assert direct.tip == f"losses {T}, which read h_1, direct: norm {norms[0, 0]:.6g}"
    assert direct.points[0][1] > next(b for b in of(Box, scene) if b.key == "y1").y  # from nearby
    assert direct.points[-1][1] < box.y
    first, *_, total = table(scene)
    assert first[:3] == ("direct", "∂⁺L/∂h₁", number(norms[0, 0]))
    assert total[3] == "100 %"
    assert "gradient, direct: past all later states, ∂⁺L/∂h" in labels(scene)
    found = cells(tg.draw.heatmap(flow).scene)
    assert found.keys() == {(k, t) for k in range(1, T + 1) for t in range(1, k + 1)}
    data = page_data(run, flow, 1)
    assert data["own"] == [False] * (T - 1) + [True]
    assert data["shared"] == [True] * (T - 1) + [False]
    assert "direct   d+L/dh_1 " in gradients.table(run, 1, flow)
    assert all(inside(item, scene) for item in [*of(Box, scene), *of(Text, scene)])


def test_a_loss_that_reaches_no_state():
    b = tg.Tensor(np.ones(2), requires_grad=True, name="b")

    def loss(y, target):
        return np.sum(y * y) if target else np.sum(b * b)

    run = tg.unroll(RNNCell(I, H, rng=0), np.ones((3, I)), loss=loss, targets=[0, 1, 0])
    flow = gradient_flow(run.losses, run.states)
    assert Support(flow).losses == {1, 2, 3}
    assert Support(flow).senders == {2: {2}}
    scene = tg.draw.paths(run, 1, flow).scene
    assert {"L₁", "L₂", "L₃", "its loss does not reach it"} <= set(labels(scene))
    assert {hop.ks for hop in hops(scene)} == {(2,)}
    assert [row.ks for row in flow.table(1)] == [(1,), (2,)]
    assert "direct   its loss does not reach it" in gradients.table(run, 1, flow)


def test_a_constant_part_of_a_state_counts_too():
    model = Model("memory")
    options = {"readout": model.readout, "loss": half_squared_error, "targets": model.targets}
    run = tg.unroll(model.cell, model.xs, model.h0, **options)  # h_0 and the memory are constants
    support = Support(gradient_flow(run.losses, run.states))
    for t, (h, memory) in enumerate(run.states, 1):
        assert (support.part(t, h), support.part(t, memory)) == (True, True)


def test_losses_left_out_that_reach_no_column_have_no_line():
    cell, count = RNNCell(I, H, rng=0), itertools.count(1)

    def cut(x, h):
        return cell(x, h.detach() if next(count) == 43 else h)

    targets = [1.0 if t in (45, 60) else None for t in range(1, 61)]
    options = {"loss": lambda y, _: np.sum(y * y), "targets": targets}
    run = tg.unroll(cut, np.ones((60, I)), tg.Tensor(np.ones(H)), **options)
    scene = tg.draw.paths(run, 5).scene  # columns 3 to 19 and 53 to 60
    assert {(hop.ks, hop.j) for hop in hops(scene)} == {((60,), j) for j in range(53, 61)}
    assert scene.title.endswith("∂L/∂h₅ = 0: no loss reaches it")


# -- the map -------------------------------------------------------------------------------------


def test_the_map_has_the_losses_that_there_are(drawn):
    run, steps, flow = drawn
    T, norms = len(run), flow.norms()
    for t in sorted({1, (T + 1) // 2, T}):
        scene = tg.draw.paths(run, t, flow).scene
        keys = {box.key: box for box in of(Box, scene)}
        states = {key for key in keys if re.fullmatch(r"h[1-9]\d*", key)}
        columns = {int(key[1:]): keys[key] for key in states}
        assert {int(key[1:]) for key in keys if key.startswith("L")} == steps & set(columns)
        later = [k for k in sorted(steps) if k >= t]
        assert {k for hop in hops(scene) for k in hop.ks} == set(later)
        for hop in hops(scene):
            if len(hop.ks) == 1:
                assert hop.norm == pytest.approx(norms[hop.ks[0] - 1, hop.j - 1], rel=1e-5)
        grey = {at for at, box in columns.items() if box.stroke == FADED}
        assert grey == {at for at in columns if at < t or at > max(steps)}
        told = labels(scene)
        assert ("without L: the step has no loss" in told) == (not set(columns) <= steps)
        assert any(label.startswith("gradient, direct") for label in told) == (t in steps)
        indirect = any(label.startswith("gradient, indirect") for label in told)
        assert indirect == any(k > t for k in later)
        assert any(line.color == DIRECT for line in of(Line, scene)) == (t in steps)
        assert scene.title.endswith("comes from" if later else "= 0: no loss reaches it")
        assert all(inside(item, scene) for item in [*of(Box, scene), *of(Text, scene)])
        texts = of(Text, scene)
        assert not any(overlap(a, b) for a, b in itertools.combinations(texts, 2))


def test_weights_that_no_gradient_comes_to_are_grey(drawn):
    run, steps, flow = drawn
    scene = tg.draw.paths(run, 1, flow).scene
    roles = {name: box for box in of(Box, scene) if (name := box.label) in ("W_hy", "W_xh", "U")}
    for name in roles:
        chips = sorted((box.x, box.stroke == FADED) for box in of(Box, scene) if box.label == name)
        with_gradient = steps if name == "W_hy" else set(range(1, max(steps) + 1))
        expected = [t in with_gradient for t in range(1, len(run) + 1)]
        assert [not grey for _, grey in chips] == expected


def test_the_table_of_the_map_names_only_losses(drawn):
    run, steps, flow = drawn
    for t in (1, len(run)):
        first, *rows, total = table(tg.draw.paths(run, t, flow).scene)
        assert first[:2] == ("direct", first[1])
        assert (first[1] == "no loss at this step") == (t not in steps)
        assert len(first) == (4 if t in steps else 2)
        named = {int(row[0][4:]) for row in rows if row[0].startswith("k = ")}
        assert named <= {k for k in steps if k > t}
        assert total[2:] == (number(flow.total_norm(t)), "100 %" if flow.total_norm(t) else "–")


@pytest.mark.parametrize("T", [2, 5, 10])
def test_a_part_of_a_state_that_no_loss_reaches_is_grey(T):
    W = tg.Tensor(0.5 * np.eye(2), requires_grad=True, name="W")

    def cell(x, state):
        h, m = state
        h = np.tanh(x + h @ W)
        return h, 0.9 * m + h  # nobody reads m

    cell.states = ("h", "m")
    run = tg.unroll(
        cell, np.ones((T, 2)), (np.zeros(2), np.zeros(2)), loss=half_squared_error,
        targets=[None] * (T - 1) + [np.ones(2)],
    )  # fmt: skip
    texts = [x for x in of(Text, tg.draw.paths(run).scene) if re.fullmatch("[hm][₁-₉₀]+", x.label)]
    assert {x.label[0]: x.color == FADED for x in texts} == {"h": False, "m": True}
    boxes = of(Box, tg.draw.ops(run).scene)
    boxes = [box for box in boxes if re.fullmatch("[hm][₁-₉₀]+", box.label)]
    assert {(box.label[0], box.stroke == FADED) for box in boxes if box.width == 1.8} == {
        ("h", False),
        ("m", True),
    }
    data = page_data(run, gradient_flow(run.losses, run.states), 1)
    assert data["reached"] == [[True, False]] * T


@pytest.mark.parametrize("kept", [np.array([True, False]), np.arange(2), True, 3])
@pytest.mark.parametrize("T", [2, 5, 33])
def test_a_mask_or_a_count_in_the_state_is_grey(kept, T):
    W = tg.Tensor(0.5 * np.eye(2), requires_grad=True, name="W")
    run = tg.unroll(
        lambda x, s: (np.tanh(x + s[0] @ W), s[1]), np.ones((T, 2)), (np.zeros(2), kept),
        loss=half_squared_error, targets=np.zeros((T, 2)),
    )  # fmt: skip
    texts = [x for x in of(Text, tg.draw.paths(run).scene) if re.fullmatch("s[12][₁-₉₀]+", x.label)]
    assert {x.label[:2]: x.color == FADED for x in texts} == {"s1": False, "s2": True}
    assert tg.draw.heatmap(run).scene
    assert tg.draw.ops(run).scene
    assert (
        page_data(run, gradient_flow(run.losses, run.states), 1)["reached"] == [[True, False]] * T
    )


# -- the heat map, the operations, the graph -----------------------------------------------------


def test_the_heat_map_has_the_terms_that_there_are(drawn):
    _, steps, flow = drawn
    T, norms = len(flow), flow.norms()
    scene = tg.draw.heatmap(flow).scene
    found = {spot: norm for spot, (norm, _) in cells(scene).items()}
    assert found.keys() == {(k, t) for k in steps for t in range(1, k + 1)}
    assert_allclose(list(found.values()), [norms[k - 1, t - 1] for k, t in found], rtol=1e-5)
    pale = [box for box in of(Box, scene) if box.fill == COLUMN]
    alone = T > 1 and steps == {T}
    assert len(pale) == (0 if alone else sum(k for k in range(1, T + 1) if k not in steps))
    assert all(box.tip.endswith("no gradient can flow") for box in pale)
    assert any("pale: no loss at k" in label for label in labels(scene)) == bool(pale)
    assert any("only L_T sends" in label for label in labels(scene)) == alone
    assert len([line for line in of(Line, scene) if line.color == DIRECT]) == len(steps)


def test_the_operations_have_the_losses_that_there_are(drawn):
    run, steps, _ = drawn
    scene = tg.draw.ops(run).scene
    told, T = labels(scene), len(run)
    written = {label for label in told if re.fullmatch("L[₀-₉]+", label)}
    shown = [t for t in range(1, T + 1) if T <= 8 or t <= 4 or t > T - 2]
    assert len(written) == len(steps & set(shown))
    ends = [*run.outputs, *(x for state in run.states for x in parts(state))]
    ends += [L for L in run.losses if L is not None]
    if T <= 8:
        assert operations(scene) == recorded(ancestors(ends))
    else:
        hidden = steps - set(shown)
        words = {f"{len(hidden)} losses" if len(hidden) > 1 else "1 loss"} if hidden else set()
        assert {label for label in told if re.fullmatch(r"\d+ loss(es)?", label)} == words
    live = {at for at in shown if at <= max(steps)}
    states = [box for box in of(Box, scene) if box.size == 14 and box.width == 1.8]
    grey = [box for box in states if box.stroke == FADED]
    arity = len(parts(run.states[0]))
    assert len(states) == arity * len(shown)
    if arity == 1 or run.cell.__class__.__name__ == "LSTMCell":
        assert len(grey) == arity * (len(shown) - len(live))
    assert any("grey: no gradient comes here" in label for label in told) == bool(
        [box for box in of(Box, scene) if box.stroke == FADED]
    )
    assert len(gradient_lines(scene)) > 0


def test_steps_left_out_are_not_the_same_if_their_losses_are_not():
    every = with_losses("RNN", 12, set(range(1, 13)))
    assert {"⋯ the same ⋯", "6 losses"} <= set(labels(tg.draw.ops(every).scene))
    some = labels(tg.draw.ops(with_losses("RNN", 12, {1, 2, 3, 4, 6, 11, 12})).scene)
    assert {"⋯ others ⋯", "1 loss"} <= set(some)
    none = labels(tg.draw.ops(with_losses("RNN", 12, {12})).scene)
    assert "⋯ the same ⋯" in none
    assert not any(re.fullmatch(r"\d+ loss(es)?", label) for label in none)


def test_only_what_is_drawn_is_explained():
    told = labels(tg.draw.ops(with_losses("RNN", 2, {1})).scene)
    assert any(label.startswith("direct: ∂L(t)/∂h(t)") for label in told)
    assert not any(label.startswith("indirect") for label in told)
    told = labels(tg.draw.ops(with_losses("LSTM", 3, {3})).scene)
    assert {"direct: from L(t) to h(t)", "indirect: from the step after, all later losses"} <= set(
        told
    )
    assert not any("∂" in label for label in told)  # (3.1) is about the pair


def test_a_weight_of_the_loss_is_found_at_the_last_loss():
    scale = tg.Tensor(np.ones(O), requires_grad=True, name="scale")

    def loss(y, target):
        return half_squared_error(y * scale, target)

    cell, targets = RNNCell(I, H, rng=0), [None, np.ones(O), None]
    run = tg.unroll(cell, np.ones((3, I)), readout=Readout(H, O, rng=0), loss=loss, targets=targets)
    assert {p.name: role for p, role in roles(run).items()}["scale"] == "readout"


def test_the_graph_of_the_total_has_one_loss():
    run = with_losses("RNN", 4, {2})
    scene = tg.draw.graph(run.loss).scene
    assert [label for label in labels(scene) if re.fullmatch("L[₀-₉]*", label)] == ["L₂", "L"]
    assert not {"h₃", "h₄", "y₁", "y₃"} & set(labels(scene))


# -- the page and the table of the command -------------------------------------------------------


def test_the_page_knows_which_terms_there_are(drawn):
    run, steps, flow = drawn
    data = json.loads(json.dumps(page_data(run, flow, 1)))
    T = len(run)
    times = range(1, T + 1)
    assert data["losses"] == [t in steps for t in times]
    assert data["own"] == data["losses"]
    assert not any(data["shared"])
    assert data["earliest"] == [1 if t in steps else None for t in times]
    assert [any(reached) for reached in data["reached"]] == [t <= max(steps) for t in times]
    shown = {tuple(row["ks"]) for row in data["tables"]}
    assert all(set(ks[1:]) <= steps for ks in shown)
    assert all(row["others"] == 0 for row in data["tables"])
    for row, t in zip(data["tables"], times, strict=True):
        assert row["ks"] == [t, *sorted(k for k in steps if k > t)]
    entries = unpack(data["values"]["L"]["entries"])
    assert np.isfinite(entries).tolist() == data["losses"]
    assert data["equations"]["L"][0].startswith("L_t = ")
    assert ("y_t" in data["equations"]["L"][0]) == bool(run.outputs)
    assert np.all(np.isfinite(unpack(data["norms"])))


def test_a_long_page_sums_the_losses_that_there_are():
    run = with_losses("RNN", 60, {30, 31, 55})
    flow = gradient_flow(run.losses, run.states)
    data = page_data(run, flow, 5)
    assert data["hidden"][4] == [20, 52]  # the columns that the map of t = 5 leaves out
    expected = [np.linalg.norm(flow.term(30, j) + flow.term(31, j)) for j in range(5, 20)]
    assert_allclose(unpack(data["sums"][4]), expected, rtol=1e-12)
    assert data["hidden"][34] is None or any(
        k in {30, 31, 55} for k in range(data["hidden"][34][0], data["hidden"][34][1] + 1)
    )


def test_the_table_of_the_command_says_so(drawn):
    run, steps, flow = drawn
    for t in (1, len(run)):
        head, _, first, *rows, total, _ = gradients.table(run, t, flow).splitlines()
        assert head.endswith(("= direct + indirect", ", s = (h, c)", ", s = (s1, s2)"))
        assert (first == "direct   no loss at this step") == (t not in steps)
        assert len(rows) == len([k for k in steps if k > t])
        norm = flow.total_norm(t)
        assert total.split()[2:] == [number(norm), *(["100.0", "%"] if norm else ["-"])]
