"""`scan` against the unrolled tape: the same values and gradients, to rounding, for every cell."""

import sys
import threading
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support import stress_cells
from support.gradients import differentiate
from support.scans import agree, draw, weighted
from support.stress_cells import CASES

import tinygrad_rnn as tg
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tree import flat
from tinygrad_rnn.errors import (
    DataError,
    NoDerivativeError,
    RangeError,
    ShapeError,
    TraceError,
    UsageError,
)
from tinygrad_rnn.functional import half_squared_error, identity
from tinygrad_rnn.nn import GRUCell, LSTMCell, RNNCell
from tinygrad_rnn.scan import scan

SIZES = {"plain": (5, 4, 3, 6), "equal": (4, 4, 4, 4), "T = 1": (1, 3, 2, 5), "B = 1": (6, 1, 3, 4)}


# -- values and gradients --------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", CASES)
def test_stress_cells_agree_with_the_tape(name, sizes):
    case = stress_cells.made(name, *sizes, np.float64)
    agree(case)
    agree(case, checkpoint=2)
    agree(case)  # buffers that have been used


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    agree(stress_cells.made(name, 5, 4, 3, 6, np.float32), rtol=2e-4)


CELLS = {
    "rnn": lambda I, H: RNNCell(I, H, rng=0),
    "rnn relu": lambda I, H: RNNCell(I, H, tg.functional.relu, rng=0),
    "rnn linear": lambda I, H: RNNCell(I, H, identity, rng=0),
    "gru": lambda I, H: GRUCell(I, H, rng=0),
    "lstm": lambda I, H: LSTMCell(I, H, rng=0),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_built_in_cells_agree_with_the_tape(name, sizes):
    T, B, I, H = sizes
    cell = CELLS[name](I, H)
    xs = tg.Tensor(draw(T, B, I), requires_grad=True)
    parts = tuple(tg.Tensor(draw(B, H, seed=s), requires_grad=True) for s in (1, 2))
    case = stress_cells.Case(cell, xs, parts if name == "lstm" else parts[0], cell.parameters())
    agree(case)
    agree(case, checkpoint="auto")


@pytest.mark.parametrize("name", CELLS)
def test_outputs_are_the_states_of_unroll(name):
    cell, xs = CELLS[name](3, 5), draw(6, 2, 3)
    u = tg.unroll(cell, xs)
    outputs, state = scan(cell, xs)
    assert_allclose(outputs.data, np.stack([h.data for h in u.hidden]), rtol=1e-12)
    last = u.states[-1]
    for ours, theirs in zip(flat(state), flat(last), strict=True):
        assert_allclose(ours.data, theirs.data, rtol=1e-12)


def test_many_segments_give_what_one_gives():
    case = stress_cells.made("minimal_gated_unit", 700, 16, 3, 4, np.float64)
    agree(case)
    agree(case, checkpoint=64)


# -- the tape --------------------------------------------------------------------------------------


def test_derivatives_of_derivatives():
    cell = GRUCell(2, 3, rng=0)
    xs, h0 = draw(3, 2, 2), draw(2, 3)

    def penalty(scan_options):
        def norm(x):
            return np.sum(tg.grad(lambda x: weighted(scan(cell, x, h0, **scan_options)))(x) ** 2)

        return tg.grad(norm)(xs).data, differentiate(
            norm(tg.Tensor(xs, requires_grad=True)), cell.parameters()
        )

    ours, theirs = penalty({}), penalty({"unrolled": True})
    assert_allclose(ours[0], theirs[0], rtol=1e-9)
    for a, b in zip(ours[1], theirs[1], strict=True):
        assert_allclose(a, b, rtol=1e-9)


def test_one_scan_is_one_application_on_the_tape():
    cell = RNNCell(2, 3, rng=0)
    h = scan(cell, draw(4, 2, 2)).outputs
    token = h.creator.args[0]
    assert token.creator.fun.__name__ == "scan"
    assert set(token.creator.args[:3]) == set(cell.parameters())


def test_scans_in_a_row_and_parameters_used_outside_too():
    a, b = RNNCell(3, 4, rng=0), LSTMCell(4, 2, rng=1)
    xs = draw(5, 2, 3)

    def loss(**options):
        below = scan(a, xs, **options).outputs
        above = scan(b, below, **options)
        return weighted(above) + np.sum(a.W_hh**2) + np.sum(below * below)

    parameters = [*a.parameters(), *b.parameters()]
    for ours, theirs in zip(
        differentiate(loss(), parameters),
        differentiate(loss(unrolled=True), parameters),
        strict=True,
    ):
        assert_allclose(ours, theirs, rtol=1e-9)


def test_nothing_is_recorded_without_need():
    cell = RNNCell(2, 3, rng=0)
    with tg.no_grad():
        assert not scan(cell, draw(4, 2, 2)).outputs.requires_grad
    W = np.eye(2)
    assert not scan(
        lambda x, h: np.tanh(x @ W + h), draw(4, 2, 2), draw(2, 2)
    ).outputs.requires_grad


def test_debug_runs_the_cell_step_by_step():
    W = tg.Tensor(np.eye(2), requires_grad=True)
    with tg.debug(), pytest.raises(tg.errors.NonFiniteError, match=r"np\.log"):
        scan(lambda x, h: np.log(x @ W + h), np.zeros((3, 2, 2)), np.zeros((2, 2)))


def test_results_that_are_not_used():
    cell, xs = LSTMCell(3, 4, rng=0), tg.Tensor(draw(6, 2, 3), requires_grad=True)
    wanted = [*cell.parameters(), xs]
    losses = (
        lambda r: np.sum(r.outputs[2] ** 2),
        lambda r: np.sum(r.state[1] ** 2),
        lambda r: np.sum(r.state[0] ** 2),
        lambda r: np.sum(r.outputs) + np.sum(r.state[1]),
    )
    for loss in losses:
        ours, theirs = (
            differentiate(loss(scan(cell, xs, unrolled=u)), wanted) for u in (False, True)
        )
        for a, b in zip(ours, theirs, strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_sigmoid_that_is_given_out_keeps_its_tail():
    W = tg.Tensor(np.eye(2), requires_grad=True)

    def cell(x, h):
        p = tg.functional.sigmoid(x + 0.0 * h @ W)
        return h * p, p

    assert_allclose(
        scan(cell, np.full((3, 2, 2), -60.0), np.ones((2, 2))).outputs.data,
        np.exp(-60.0),
        rtol=1e-9,
    )


def test_a_backward_pass_under_debug():
    cell = GRUCell(3, 4, rng=0)
    y = np.sum(scan(cell, draw(6, 2, 3)).outputs)
    with tg.debug():
        y.backward()
    assert cell.W_hh.grad is not None


def test_methods_are_cells():
    class Model:
        def __init__(self):
            self.inner = RNNCell(3, 4, rng=0)

        def step(self, x, h):
            return self.inner(x, h)

    model = Model()
    first = scan(model.step, draw(4, 2, 3), np.zeros((2, 4))).outputs
    model.inner = RNNCell(3, 4, rng=1)
    second = scan(model.step, draw(4, 2, 3), np.zeros((2, 4))).outputs
    assert_allclose(second.data, scan(model.inner, draw(4, 2, 3)).outputs.data)
    assert not np.allclose(first.data, second.data)


# -- calls that overlap ----------------------------------------------------------------------------


def test_two_forwards_before_a_backward():
    cell = GRUCell(3, 4, rng=0)
    inputs = [draw(6, 2, 3, seed=s) for s in range(3)]
    expected = [
        differentiate(weighted(scan(cell, x, unrolled=True)), cell.parameters()) for x in inputs
    ]
    losses = [weighted(scan(cell, x)) for x in inputs]
    for i in (1, 2, 0, 1):  # also twice
        for a, b in zip(differentiate(losses[i], cell.parameters()), expected[i], strict=True):
            assert_allclose(a, b, rtol=1e-9)


def test_results_are_not_overwritten_by_later_calls():
    cell = RNNCell(3, 4, rng=0)
    first = scan(cell, draw(6, 2, 3))
    before = first.outputs.data.copy(), first.state.data.copy()
    with tg.no_grad():
        scan(cell, draw(6, 2, 3, seed=1))
    assert_allclose((first.outputs.data), before[0])
    assert_allclose(first.state.data, before[1])


def test_threads():
    cell = LSTMCell(3, 4, rng=0)
    inputs = [draw(30, 2, 3, seed=s) for s in range(4)]
    expected = [
        differentiate(weighted(scan(cell, x, unrolled=True)), cell.parameters()) for x in inputs
    ]
    wrong = []

    def work(i):
        for _ in range(20):
            found = differentiate(weighted(scan(cell, inputs[i])), cell.parameters())
            wrong.extend(
                i
                for a, b in zip(found, expected[i], strict=True)
                if not np.allclose(a, b, rtol=1e-9)
            )

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_truncated_backpropagation_carries_the_state():
    cell = GRUCell(2, 3, rng=0)
    xs = draw(10, 2, 2)
    whole = scan(cell, xs).outputs.data
    state = np.zeros((2, 3))
    for start in (0, 4, 8):
        outputs, state = scan(cell, xs[start : start + 4], state)
        assert_allclose(outputs.data, whole[start : start + 4], rtol=1e-12)
        state = state.detach()


# -- plans -----------------------------------------------------------------------------------------


class Counting:
    """An Elman cell that knows how often it was run."""

    runs: list[int] = []

    def __init__(self):
        self.W = tg.Tensor(draw(3, 3), requires_grad=True)
        self.scale = 1.0

    def __call__(self, x, h):
        Counting.runs.append(1)
        return np.tanh(x + h @ self.W * self.scale)


def test_a_plan_is_made_once_and_serves_other_lengths():
    cell, h0 = Counting(), draw(2, 3)
    scan(cell, draw(4, 2, 3), h0)
    traced = len(Counting.runs)
    for T in (1, 4, 9):
        scan(cell, draw(T, 2, 3), h0)
    cell.W.data = draw(3, 3, seed=5)
    outputs = scan(cell, draw(4, 2, 3), h0).outputs
    assert len(Counting.runs) == traced
    assert_allclose(outputs.data[0], np.tanh(draw(4, 2, 3)[0] + h0 @ cell.W.data))


def test_a_replaced_attribute_is_seen():
    cell, xs, h0 = Counting(), draw(1, 2, 3), draw(2, 3)
    scan(cell, xs, h0)
    cell.scale = 0.5
    assert_allclose(scan(cell, xs, h0).outputs.data[0], np.tanh(xs[0] + h0 @ cell.W.data * 0.5))
    cell.W = tg.Tensor(draw(3, 3, seed=3), requires_grad=True)
    y = scan(cell, xs, h0).outputs
    assert_allclose(y.data[0], np.tanh(xs[0] + h0 @ cell.W.data * 0.5))
    np.sum(y).backward()
    assert cell.W.grad is not None


def test_an_array_that_is_written_to_is_read_anew():
    bias, xs, h0 = np.zeros(3), draw(2, 2, 3), draw(2, 3)
    cell = lambda x, h: np.tanh(x + h + bias)
    scan(cell, xs, h0)
    bias[:] = 1.0
    assert_allclose(scan(cell, xs, h0).outputs.data[0], np.tanh(xs[0] + h0 + 1.0))


def test_freezing_a_parameter_is_seen():
    cell, xs, h0 = Counting(), draw(2, 2, 3), draw(2, 3)
    scan(cell, xs, h0)
    cell.W.requires_grad = False
    assert not scan(cell, xs, h0).outputs.requires_grad
    cell.W.requires_grad = True
    assert scan(cell, xs, h0).outputs.requires_grad


def test_a_state_that_is_promoted():
    W = tg.Tensor(draw(3, 3), requires_grad=True)
    case = stress_cells.Case(
        lambda x, h: np.tanh(x + h @ W), draw(4, 2, 3), np.zeros((2, 3), np.float32), [W]
    )
    agree(case)


# -- errors ----------------------------------------------------------------------------------------

XS, H0 = draw(4, 2, 3), draw(2, 3)


def branches(x, h):
    return h if h[0, 0] > 0 else x


def draws(x, h, rng=np.random.default_rng(0)):  # noqa: B008
    return x * rng.random(3) + h


SEEN: list[int] = []


def remembers(x, h):
    SEEN.append(1)
    return x + h


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (branches, "branches cannot be traced.*no numbers.*np.where.*tg.unroll"),
        (draws, "draws did something else when it was run again.*random.*xs"),
        (remembers, "remembers changed something.*xs"),
        (
            lambda x, h: np.concatenate([h, x], axis=-1),
            r"shape \(2, 3\) and returned it with shape \(2, 6\)",
        ),
        (lambda x, h: (h, h, h), "one array as its state and returned a tuple of 3"),
        (lambda x, h: None, "one NoneType|returned a NoneType"),
        (lambda x, h: h + float(np.sum(h)), "no numbers"),
        (lambda x, h: np.asarray(h), "plain array"),
        (
            lambda x, h: h + np.take(tg.Tensor(XS[0]), np.argmax(x, axis=-1), axis=0),
            r"indices of np\.take do: write a\[i\]",
        ),
        (lambda x, h: h.flat[0], "AttributeError"),
    ],
)
def test_a_cell_that_cannot_be_traced(cell, words):
    with pytest.raises(TraceError, match=f"(?s){words}"):
        scan(cell, XS, H0)


def test_shapes_that_do_not_fit():
    W = tg.Tensor(draw(4, 3), requires_grad=True, name="W")
    with pytest.raises(ShapeError, match=r"np.matmul of x \(2, 3\) and W \(4, 3\)"):
        scan(lambda x, h: x @ W + h, XS, H0)
    with pytest.raises(ShapeError, match="W_xh"):
        scan(RNNCell(5, 3, rng=0), XS, H0)


def test_a_function_without_a_rule():
    W = tg.Tensor(draw(3, 3), requires_grad=True)
    with pytest.raises(NoDerivativeError, match=r"np\.i0 has no derivative for argument 0.*defvjp"):
        scan(lambda x, h: np.i0(h @ W), XS, H0)


def test_what_is_given_is_checked():
    cell = RNNCell(3, 3, rng=0)
    with pytest.raises(UsageError, match="has no initial_state"):
        scan(lambda x, h: h, XS)
    with pytest.raises(DataError, match="empty"):
        scan(cell, [])
    with pytest.raises(DataError, match="empty"):
        scan(cell, XS[:0])
    with pytest.raises(ShapeError, match="T, the first, must be equal"):
        scan(lambda x, h: h, (XS, XS[:2]), H0)
    with pytest.raises(ShapeError, match="time axis"):
        scan(cell, np.float64(3.0), H0)
    for wrong in (0, -1, 1.5, "often", True):
        with pytest.raises(RangeError, match="checkpoint"):
            scan(cell, XS, checkpoint=wrong)


def test_a_list_is_a_sequence_of_steps():
    cell = RNNCell(3, 3, rng=0)
    assert_allclose(scan(cell, list(XS)).outputs.data, scan(cell, XS).outputs.data)
    steps = [tg.Tensor(x, requires_grad=True) for x in XS]
    half_squared_error(scan(cell, steps).outputs, np.zeros((4, 2, 3))).backward()
    assert all(s.grad is not None for s in steps)


# -- memory ----------------------------------------------------------------------------------------


def peak(run):
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_checkpoints_save_memory():
    cell, xs = RNNCell(2, 16, rng=0), draw(900, 8, 2)

    def with_loss(x, h):
        h = cell(x, h)
        return h, np.sum(h * h)

    def run(**options):
        h0 = np.zeros((8, 16))
        gradients = differentiate(
            np.sum(scan(with_loss, xs, h0, **options).outputs), cell.parameters()
        )
        scan.forget()
        return gradients

    one_state = 8 * 16 * 8
    assert peak(run) > 900 * one_state  # every state is kept
    assert peak(lambda: run(checkpoint="auto")) < 450 * one_state
    for a, b in zip(run(), run(checkpoint="auto"), strict=True):
        assert_allclose(a, b, rtol=1e-9)


def test_without_gradients_nothing_is_kept():
    cell, xs = RNNCell(2, 16, rng=0), draw(2000, 8, 2)
    scan.forget()
    with tg.no_grad():
        assert peak(lambda: scan(cell, xs)) < 2 * 2000 * 8 * 16 * 8  # the outputs, and one segment


def test_buffers_are_used_again():
    cell, xs = RNNCell(2, 16, rng=0), draw(500, 8, 2)

    def run():
        return differentiate(weighted(scan(cell, xs)), cell.parameters())

    run()
    outputs = 500 * 8 * 16 * 8
    assert (
        peak(run) < 6 * outputs
    )  # the outputs, their cotangents and weights; no states, slopes, deltas


# -- who asks --------------------------------------------------------------------------------------


def test_grad_by_what_the_scan_was_given_where_the_cell_has_other_parameters():
    cell, xs, h0 = GRUCell(2, 3, rng=0), draw(4, 2, 2), draw(2, 3)
    W = cell.W_hh.data

    def loss(unrolled, xs, h0, W):
        cell.W_hh = W
        return np.sum(scan(cell, xs, h0, unrolled=unrolled).outputs ** 2)

    found, expected = (
        tg.grad(lambda *given, unrolled=unrolled: loss(unrolled, *given), (0, 1, 2))(xs, h0, W)
        for unrolled in (False, True)
    )
    for a, b in zip(found, expected, strict=True):
        assert np.abs(b.data).max() > 0.1
        assert_allclose(a.data, b.data, atol=1e-13)


def test_check_grads_looks_at_a_scan():
    cell, xs = GRUCell(2, 3, rng=0), draw(4, 2, 2)
    tg.check_grads(lambda xs, h0: scan(cell, xs, h0).outputs, [xs, draw(2, 3)], order=2)


def test_forward_mode():
    cell, xs, h0 = GRUCell(2, 3, rng=0), draw(4, 2, 2), draw(2, 3)
    f = lambda xs, h0: scan(cell, xs, h0).outputs
    _, found = tg.jvp(f, (xs, h0), (xs, h0))
    ends = (f((1 + step) * xs, (1 + step) * h0).data for step in (1e-6, -1e-6))
    assert_allclose(value(found), np.subtract(*ends) / 2e-6, atol=1e-8)
    gradient = tg.grad(lambda xs: np.sum(np.sin(scan(cell, xs, h0).outputs)))
    _, forward = tg.jvp(gradient, (xs,), (xs,))  # forward over backward, and backward over backward
    backward = tg.vjp(gradient, xs)[1](xs)[0]  # a Hessian is symmetric
    assert_allclose(value(forward), value(backward), atol=1e-12)
    assert found.shape == tg.scan(cell, xs, h0).outputs.shape


# -- the source ------------------------------------------------------------------------------------


def calls_in_loops(*given):
    """The functions called at every step, forward and backward."""
    loops = []
    for text in scan.explain(*given).split("# backward"):
        body = text.split("# the loop")[1].split("# after")[0].split(" in zip(")[1]
        loops.append([line.strip().split("(")[0] for line in body.splitlines()[1:] if line.strip()])
    return loops


def test_explain_shows_what_stays_in_the_loop():
    forward, backward = calls_in_loops(RNNCell(3, 4, rng=0), draw(5, 2, 3))
    assert forward == ["h_t.dot", "add", "tanh"]  # x @ W_xh + b_h is done before
    assert [call.split(".")[-1] for call in backward] == [
        "add",
        "multiply",
        "dot",
    ]  # g_y, times 1 - h^2, times W_hh^T


def test_a_norm_divides_and_centres_outside_the_backward_loop():
    W, U, g = (tg.Tensor(draw(*shape), requires_grad=True) for shape in ((3, 4), (4, 4), (4,)))

    def cell(x, h):
        a = x @ W + h @ U
        a = a - np.mean(a, axis=-1, keepdims=True)
        return np.tanh(a / np.sqrt(np.mean(a * a, axis=-1, keepdims=True) + 1e-5) * g)

    forward, backward = calls_in_loops(cell, draw(5, 2, 3), draw(2, 4))
    assert forward[:3] == ["h_t.dot", "add", "square"]  # U and x @ W are centred before
    assert not {"divide", "equal", "bitwise_and", "copyto", "subtract"} & set(backward)


def test_a_quotient_of_zeros_has_the_gradient_zero():
    h0 = tg.Tensor([[0.0, 0.0], [1.0, 2.0]], requires_grad=True)

    def cell(x, h):
        norm = np.sqrt(np.sum(h * h, axis=-1, keepdims=True))
        return x * np.where(norm > 0, norm, 1.0)

    scanned, unrolled = (
        differentiate(weighted(scan(cell, draw(3, 2, 2), h0, unrolled=u)), [h0])[0]
        for u in (False, True)
    )
    assert np.all(scanned[0] == 0)
    assert_allclose(scanned, unrolled, rtol=1e-9)


def test_a_plan_that_no_longer_fits_does_not_fill_the_cache(monkeypatch):
    cache = sys.modules["tinygrad_rnn.scan.cache"]
    monkeypatch.setattr(cache, "_MOST_PLANS", 5)
    xs, h0, before = draw(3, 2, 3), draw(2, 3), {*cache._plans}
    for _ in range(9):
        W = tg.Tensor(draw(3, 3), requires_grad=True)
        scan(lambda x, h, W=W: np.tanh(x + h @ W), xs, h0)
    (key,) = {*cache._plans} - before  # one code, one signature
    assert len(cache._plans[key]) == 5
