"""gradient_flow never answers 0 where it cannot see: the number is right, or an error helps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_rnn as tg
from tinygrad_rnn.errors import GradientError

T, B, INPUTS, H = 5, 2, 2, 3
rng = np.random.default_rng(7)
XS = rng.standard_normal((T, B, INPUTS))


def squares(states):
    return [np.sum(h * h) for h in states]


def run_of(cell=None):
    return tg.unroll(cell or tg.nn.RNNCell(INPUTS, H, rng=0), XS, np.zeros((B, H)))


def entries(sequence):
    return [sequence[t] for t in range(T)]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_entries_of_what_a_layer_gives_are_refused(kind):
    outputs, _ = getattr(tg.nn, kind)(INPUTS, H, rng=0)(XS)
    states = entries(outputs)
    with pytest.raises(
        GradientError,
        match=r"state 2 is a copy out of the result of a scan.*Run the cell by tg\.unroll",
    ):
        tg.gradient_flow(squares(states), states)


TAKEN = [
    *(
        lambda H: np.swapaxes(H, 0, 1).swapaxes(0, 1),
        lambda H: H[:, 0],
        lambda H: H[:],
        lambda H: H[..., :2],
    ),
    *(
        lambda H: H[::-1],
        lambda H: H.copy(),
        lambda H: H.astype(np.float32),
        lambda H: H[:, None],
        lambda H: H * 1.0,
    ),
    *(
        lambda H: np.flip(H, 1),
        lambda H: np.roll(H, 1, 1),
        lambda H: np.pad(H, ((0, 0), (0, 0), (1, 1))),
    ),
    *(
        lambda H: np.repeat(H, 2, 2),
        lambda H: np.where(H > 0, H, 0.0),
        lambda H: np.cumsum(H, 0),
        np.tanh,
    ),
]


@pytest.mark.parametrize("take", TAKEN)
@pytest.mark.parametrize(("last", "both"), [(False, True), (True, False)])
def test_what_is_taken_from_a_layer_in_any_way_is_refused(take, last, both):
    H, _ = tg.nn.LSTM(INPUTS, 3, bidirectional=both, rng=0)(XS)
    states = entries(take(H))
    with pytest.raises(GradientError, match=r"is a copy out of the result of a scan"):
        tg.gradient_flow(squares(states)[-1] if last else squares(states), states)


def test_a_loop_over_what_a_layer_gives_is_a_run():
    H, _ = tg.nn.RNN(INPUTS, INPUTS, rng=0)(XS)
    run = tg.unroll(tg.nn.RNNCell(INPUTS, 4, rng=0), H, np.zeros((B, 4)))
    flow = tg.gradient_flow(loss := squares(run.states)[-1], run.states)
    for h in run.states:
        h.retain_grad()
    loss.backward()
    assert_allclose(flow.total, [h.grad for h in run.states])


@pytest.mark.parametrize(
    "copies",
    [
        lambda run: entries(np.stack(run.states)),
        lambda run: entries(np.concatenate([h[None] for h in run.states])),
        lambda run: list(np.stack(run.states)),
        lambda run: [h.reshape(-1) for h in run.states],
        lambda run: [+h for h in run.states],
        lambda run: [h[:, :2] for h in run.states],
        lambda run: [h.astype(np.float32) for h in run.states],
    ],
    ids=["stacked", "concatenated", "iterated", "reshaped", "copied", "in part", "cast"],
)
@pytest.mark.parametrize("lossy", ["of the copies", "of the states"])
def test_copies_of_states_are_refused(copies, lossy):
    run = run_of()
    states = copies(run)
    with pytest.raises(
        GradientError, match=r"Pass the Tensors that the loop itself hands from step to step"
    ):
        tg.gradient_flow(squares(states if lossy == "of the copies" else run.states), states)


def test_states_and_losses_of_several_runs_are_refused():
    cell = tg.nn.RNNCell(INPUTS, H, rng=0)
    one, two = run_of(cell), tg.unroll(cell, XS + 1.0, np.zeros((B, H)))
    first, second = squares(one.states), squares(two.states)
    last = [None] * (T - 1) + first[-1:]
    for states in (
        [*one.states[:2], two.states[2], *one.states[3:]],
        [*two.states[: T - 1], *one.states[T - 1 :]],
    ):
        with pytest.raises(
            GradientError,
            match=r"but state \d on something made like it: the states are of several",
        ):
            tg.gradient_flow(last, states)
    for losses in (
        [*second[:1], *first[1:]],
        [*second[: T - 1], *first[T - 1 :]],
        [*squares(run_of(cell).states)[:1], *first[1:]],
    ):
        with pytest.raises(
            GradientError, match="loss 1 reads none of the states, but something made like state 1"
        ):
            tg.gradient_flow(losses, one.states)
    penalty = np.sum(cell.W_hh**2)
    assert_allclose(
        tg.gradient_flow([penalty, *first[1:]], one.states).total,
        tg.gradient_flow([None, *first[1:]], one.states).total,
    )


def joint(x, state, W):
    a = np.tanh(x @ W[:INPUTS] + state[0] @ W[INPUTS:])
    return np.stack([a, np.tanh(a @ W[INPUTS:] + state[1])])


def concatenated(x, state, W):
    h, c = state[:, :H], state[:, H:]
    c = np.tanh(c + x @ W[:INPUTS])
    return np.concatenate([np.tanh(c) * np.tanh(h @ W[INPUTS:]), c], axis=-1)


def overlapping(x, state, W):
    z = np.tanh(
        np.concatenate([x @ W[:INPUTS], state[0] @ W[INPUTS:]], axis=-1) + 0.1 * state[1][:, :1]
    )
    return z[:, :H], z[:, 1 : H + 1]


@pytest.mark.parametrize("cell", [joint, concatenated, overlapping])
def test_states_put_together_of_what_only_they_read(cell):
    W = tg.Tensor(rng.standard_normal((INPUTS + H, H)), requires_grad=True)
    h0 = {
        joint: np.zeros((2, B, H)),
        concatenated: np.zeros((B, 2 * H)),
        overlapping: (np.zeros((B, H)),) * 2,
    }[cell]
    run = tg.unroll(lambda x, s: cell(x, s, W), XS, h0)
    parts = [s if isinstance(s, tuple) else (s,) for s in run.states]
    losses = [np.sum(part[-1] ** 2) for part in parts]
    flow = tg.gradient_flow(losses, run.states)
    for part in parts:
        for x in part:
            x.retain_grad()
    np.sum(np.stack(losses)).backward()
    for total, part in zip(flow.total, parts, strict=True):
        for ours, x in zip(total if isinstance(total, tuple) else (total,), part, strict=True):
            assert_allclose(ours, np.zeros(x.shape) if x.grad is None else x.grad)


def test_states_of_another_run_are_refused():
    cell = tg.nn.RNNCell(INPUTS, H, rng=0)
    one, two = run_of(cell), run_of(cell)
    with pytest.raises(
        GradientError, match="no loss depends on any of the states: they are of another run"
    ):
        tg.gradient_flow(squares(two.states), one.states)
    with pytest.raises(GradientError, match="no loss depends on state 1, not even loss 1"):
        tg.gradient_flow(squares(two.states), [*one.states[:2], *two.states[2:]])
    with pytest.raises(
        GradientError, match=r"with the numbers of state 2, and not on state 2: .* several runs"
    ):
        tg.gradient_flow(squares(two.states)[-1], [*one.states[:2], *two.states[2:]])
    with pytest.raises(
        GradientError, match=r"with the numbers of state 1, and not on state 1: .* several runs"
    ):
        tg.gradient_flow(
            [squares(one.states)[0], *squares(two.states)[1:]], [one.states[0], *two.states[1:]]
        )


def test_a_loss_of_no_state_or_of_an_earlier_one_is_none_of_another_run():
    raw = tg.Tensor(0.3, requires_grad=True)
    w, h, states = np.exp(raw), np.full(H, 0.4), []
    for _ in range(3):
        h = np.tanh(w * h)
        states.append(h)
    flow = tg.gradient_flow([None, np.sum(states[1] ** 2), np.sum(states[0]) + w], states)
    assert not np.any(flow.total[2])
    assert_allclose(flow.direct[0], np.ones(H))
    flow = tg.gradient_flow([None, np.sum(states[1] ** 2), w * w], states)
    assert not np.any(flow.total[2])


def test_states_that_branch_off_are_of_another_run():
    cell, h = tg.nn.RNNCell(INPUTS, H, rng=0), np.zeros((B, H))
    states = [h := cell(x, h) for x in XS]
    branch = cell(XS[1] + 1.0, states[0])
    with pytest.raises(GradientError, match="no loss depends on state 2, not even loss 2"):
        tg.gradient_flow(squares(states), [states[0], branch, *states[2:]])


@pytest.mark.parametrize("key", [np.s_[:, :H], (slice(None), [0, 1, 2])], ids=["slice", "list"])
@pytest.mark.parametrize("rest", [np.s_[:, H:], np.s_[..., -1:]], ids=["rest", "last"])
def test_what_nobody_else_reads_of_a_result_is_a_state(key, rest):
    """h and the output y are slices of one product, as cells are written to save a product."""
    W = tg.Tensor(rng.standard_normal((H, H + 2)), requires_grad=True)
    h, states, outputs = np.zeros((B, H)), [], []
    for t in range(1, T + 1):
        z = np.tanh(h @ W + t)
        h, y = z[key], z[rest]
        states.append(h)
        outputs.append(np.sum(y * y))
    flow = tg.gradient_flow(outputs, states)
    for h in states:
        h.retain_grad()
    sum(outputs).backward()
    assert_allclose(
        flow.total, [h.grad if h.grad is not None else np.zeros((B, H)) for h in states]
    )
    with pytest.raises(GradientError, match=r"state 1 is a copy out of the result of np\.tanh"):
        tg.gradient_flow(outputs, [z[:, 1:] for z in (h.args[0] for h in states)])


def test_a_part_through_which_nothing_was_recorded_is_refused():
    W = tg.Tensor(rng.standard_normal((2 * INPUTS, H)), requires_grad=True)
    before, h, states = np.zeros((B, INPUTS)), np.zeros((B, H)), []
    for x in XS:
        h, before = np.tanh(np.concatenate([x, before], axis=-1) @ W + 0.5 * h), x
        states.append((h, tg.Tensor(x)))
    with pytest.raises(
        GradientError, match=r"part 2 of state 1 does not require a gradient.*tg\.unroll records it"
    ):
        tg.gradient_flow(np.sum(h * h), states)


def test_the_last_input_as_a_part_of_the_state_counts():
    W = tg.Tensor(rng.standard_normal((2 * INPUTS, H)), requires_grad=True, name="W")

    def shifted(x, state):
        h, before = state
        return np.tanh(np.concatenate([x, before], axis=-1) @ W + 0.5 * h), x

    run = tg.unroll(shifted, XS, (np.zeros((B, H)), np.zeros((B, INPUTS))))
    flow = tg.gradient_flow([None] * (T - 1) + [np.sum(run.states[-1][0] ** 2)], run.states)
    h = run.states[-1][0].data
    arriving = (
        2 * h * (1 - h**2)
    )  # at the product of step T, which reads x_(T-1) by the last rows of W
    assert_allclose(flow.term(T, T - 1)[1], arriving @ W.data[INPUTS:].T)
    assert_allclose(flow.jacobian(T)[..., :H, H:], (1 - h[..., None] ** 2) * W.data[INPUTS:].T)
    assert list(flow.parameters) == ["W"]


def test_a_first_matrix_of_fast_weights_counts():
    W = tg.Tensor(rng.standard_normal((INPUTS, H)), requires_grad=True, name="W")

    def fast(x, state):
        h, A = state
        return np.tanh(x @ W + h @ A), 0.9 * A

    run = tg.unroll(fast, XS[:, 0], (np.zeros(H), rng.standard_normal((H, H))))
    flow = tg.gradient_flow([None] * (T - 1) + [np.sum(run.states[-1][0] ** 2)], run.states)
    h, before = run.states[-1][0].data, run.states[-2][0].data
    assert_allclose(flow.term(T, T - 1)[1], np.outer(before, 2 * h * (1 - h**2)))


# -- what looks odd and is right -----------------------------------------------------------------


def test_outputs_are_no_states_and_send_nothing_on():
    run = tg.unroll(tg.nn.RNNCell(INPUTS, H, rng=0), XS, readout=tg.nn.Readout(H, 1, rng=0))
    flow = tg.gradient_flow(squares(run.outputs), run.outputs)
    for y, direct, indirect in zip(run.outputs, flow.direct, flow.indirect, strict=True):
        assert_allclose(direct, 2 * y.data)
        assert not np.any(indirect)


@pytest.mark.parametrize("cut", ["detach", "copy", "reset", "no memory"])
def test_where_nothing_passes_the_term_is_0(cut):
    W = tg.Tensor(rng.standard_normal((INPUTS, H)), requires_grad=True)
    h, states = np.zeros((B, H)), []
    for t, x in enumerate(XS):
        if t == 3:
            h = {
                "detach": h.detach(),
                "copy": tg.Tensor(h.data),
                "reset": np.zeros((B, H)),
                "no memory": h,
            }[cut]
        h = np.tanh(x @ W + (0.0 if cut == "no memory" else 0.5 * h))
        states.append(h)
    flow = tg.gradient_flow(np.sum(h * h), states)
    last = 2 * h.data
    before = last * (1 - h.data**2) * (0.0 if cut == "no memory" else 0.5)
    assert_allclose(flow.term(T, T), last)
    assert_allclose(flow.term(T, T - 1), before)
    assert not np.any(flow.term(T, 3))


def test_every_second_state_and_a_window_of_states_are_states():
    run = run_of()
    losses = squares(run.states)
    whole = tg.gradient_flow(losses, run.states)
    some = tg.gradient_flow([losses[0], losses[2], losses[4]], run.states[::2])
    assert_allclose(some.term(3, 1), whole.term(5, 1))
    window = tg.gradient_flow(losses[2:], run.states[2:])
    assert_allclose(window.term(3, 1), whole.term(5, 3))


def test_the_states_between_scans_are_states():
    cell = tg.nn.RNNCell(INPUTS, H, rng=0)
    first = tg.scan(cell, XS[:2], np.zeros((B, H)))
    second = tg.scan(cell, XS[2:], first.state)
    losses = [np.sum(first.outputs**2), np.sum(second.state**2)]
    flow = tg.gradient_flow(losses, [first.state, second.state])
    whole = tg.gradient_flow(
        [None] * 4 + [np.sum((run := run_of(cell)).states[-1] ** 2)], run.states
    )
    assert_allclose(flow.term(2, 1), whole.term(5, 2))
