"""Truncated backpropagation: the windows' gradients against gradient flow, and that no graph
outlives its window.
"""

import gc
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import nn, optim
from tinygrad_rnn.errors import DataError, RangeError, ShapeError, TinygradError, UsageError
from tinygrad_rnn.functional import half_squared_error

T, B, I, H = 9, 2, 3, 4
CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]
LAYERS = [nn.RNN, nn.LSTM, nn.GRU]
cells = pytest.mark.parametrize("make", CELLS, ids=lambda make: make.__name__)
layers = pytest.mark.parametrize("make", LAYERS, ids=lambda make: make.__name__)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def gradients_in_windows(run, xs, targets, window, stride, state=None):
    """Each window backpropagated by itself, the gradients summed over all of them."""
    for outputs, steps, _ in tg.tbptt(run, xs, window, stride, state):
        half_squared_error(outputs, targets[steps]).backward()


def by_flow(cell, xs, targets):
    u = tg.unroll(cell, xs, loss=half_squared_error, targets=targets)
    return tg.gradient_flow(u.losses, u.states)


@cells
@pytest.mark.parametrize("window", [1, 2, 5, T, T + 3])
def test_with_stride_1_every_loss_goes_back_through_window_states(make, window):
    cell, xs, targets = make(I, H, rng=1), draw(T, B, I), draw(T, B, H, seed=1)
    gradients_in_windows(cell, xs, targets, window, 1)
    expected = by_flow(cell, xs, targets).truncated(min(window, T))
    for name, p in cell.named_parameters():
        assert_allclose(p.grad, expected.gradients[p.name], rtol=0, atol=1e-12, err_msg=name)


@cells
@pytest.mark.parametrize(
    ("window", "stride"), [(3, 3), (4, 2), (5, 3), (7, 2), (4, 3), (2 * T, T), (T, 4)]
)
def test_the_jth_new_step_goes_back_through_window_minus_stride_plus_j_states(make, window, stride):
    """Of (3.1), exactly the terms (k, t) with t in the window of k: the sum of what truncation
    gives each loss.
    """
    cell, xs, targets = make(I, H, rng=1), draw(T, B, I), draw(T, B, H, seed=1)
    gradients_in_windows(cell, xs, targets, window, stride)
    u = tg.unroll(cell, xs, loss=half_squared_error, targets=targets)
    expected = {p.name: np.zeros(p.shape) for p in cell.parameters()}
    for k in range(T):
        alone = tg.gradient_flow(
            [loss if i == k else None for i, loss in enumerate(u.losses)], u.states
        )
        for name, gradient in alone.truncated(
            min(window - stride + k % stride + 1, T)
        ).gradients.items():
            expected[name] = expected[name] + gradient
    for p in cell.parameters():
        assert_allclose(p.grad, expected[p.name], rtol=0, atol=1e-12, err_msg=p.name)


@layers
@pytest.mark.parametrize(
    ("window", "stride"), [(4, None), (4, 4), (5, 2), (3, 1), (4, 3), (20, 1), (20, 20)]
)
def test_outputs_and_states_are_those_of_the_whole_sequence(make, window, stride):
    layer, xs = make(I, H, num_layers=2, rng=1), draw(T, B, I)
    initial = layer(draw(2, B, I, seed=4)).state
    whole = layer(xs, initial)
    seen = []
    for outputs, steps, state in tg.tbptt(layer, xs, window, stride, initial):
        assert_allclose(outputs.data, whole.outputs.data[steps], rtol=0, atol=1e-14)
        for part, expected in zip(
            parts(state), parts(layer(xs[: steps.stop], initial).state), strict=True
        ):
            assert_allclose(part.data, expected.data, rtol=0, atol=1e-14)
            assert not part.requires_grad
        seen += range(T)[steps]
        assert steps.stop - steps.start == (stride or window) or steps.stop == T
    assert seen == list(range(T))


@layers
def test_a_window_as_long_as_the_sequence_gives_the_full_gradients(make):
    layer, xs, targets = make(I, H, num_layers=2, rng=1), draw(T, B, I), draw(T, B, H, seed=1)
    half_squared_error(layer(xs).outputs, targets).backward()
    full = {name: p.grad for name, p in layer.named_parameters()}
    for window, stride in [(T, T), (5 * T, None), (T, 1), (T + 3, 4), (5 * T, 4)]:
        for p in layer.parameters():
            p.grad = None
        gradients_in_windows(layer, xs, targets, window, stride)
        for name, p in layer.named_parameters():
            assert_allclose(p.grad, full[name], rtol=0, atol=1e-12, err_msg=name)


def test_a_learned_initial_state_gets_its_gradient_and_a_result_is_cut_off():
    cell, xs = nn.GRUCell(I, H, rng=1), draw(T, B, I)
    h0 = tg.Tensor(draw(B, H, seed=3), requires_grad=True)
    for outputs, _, _ in tg.tbptt(cell, xs, 4, 2, h0):
        np.sum(outputs).backward()
    learned, h0.grad = h0.grad, None
    np.sum(
        tg.scan(cell, xs[:4], h0).outputs
    ).backward()  # the windows that begin with h0 have these new steps
    assert_allclose(learned, h0.grad, rtol=0, atol=1e-13)
    h0.grad = None
    for outputs, _, _ in tg.tbptt(cell, xs, 4, 4, np.tanh(h0)):
        np.sum(outputs).backward()
    assert h0.grad is None


def test_windows_of_inputs_that_want_gradients():
    cell, xs = nn.RNNCell(I, H, rng=1), tg.Tensor(draw(T, B, I), requires_grad=True)
    for outputs, _, _ in tg.tbptt(cell, xs, T, 1):
        np.sum(outputs).backward()
    found, xs.grad = xs.grad, None
    np.sum(tg.scan(cell, xs).outputs).backward()
    assert_allclose(found, xs.grad, rtol=0, atol=1e-12)


def test_no_graph_outlives_its_window():
    layer, alive = nn.LSTM(I, H, num_layers=2, rng=1), []
    gc.disable()
    try:
        for outputs, _, state in tg.tbptt(layer, draw(40, B, I), 8, 4):
            np.sum(outputs).backward()
            assert all(part.creator is None for part in state)
            alive.append(sum(isinstance(x, tg.Tensor) for x in gc.get_objects()))
    finally:
        gc.enable()
    assert len(set(alive[3:])) == 1  # no more Tensors in the last window than in the fourth


def test_training_between_windows_learns_what_lies_beyond_one():
    """The state carries over: the sign of the first input is asked for at every step, six windows
    long.
    """
    rng = np.random.default_rng(0)
    layer, readout = nn.GRU(2, 8, rng=rng), nn.Linear(8, 1, rng=rng)
    optimizer = optim.Adam([*layer.parameters(), *readout.parameters()], lr=0.02)
    errors = []
    for _ in range(60):
        sign = rng.choice([-1.0, 1.0], (16, 1))
        xs = np.concatenate(
            [np.where(np.arange(12)[:, None, None] == 0, sign, 0.0), np.ones((12, 16, 1))], axis=-1
        )
        for outputs, steps, _ in tg.tbptt(layer, xs, 4, 2):
            optimizer.zero_grad()
            loss = np.mean((readout(outputs) - sign) ** 2)
            loss.backward()
            optimizer.step()
            if steps.stop == 12:
                errors.append(loss.item())
    assert np.mean(errors[-5:]) < 0.05 < 0.5 < np.mean(errors[:5])


def test_a_cell_of_your_own_by_scan_and_a_model_that_keeps_a_dict():
    W = tg.Tensor(draw(H, H), requires_grad=True)

    def cell(x, h):
        return np.tanh(x + h @ W)

    xs = draw(T, B, H)
    whole = tg.scan(cell, xs, np.zeros((B, H))).outputs.data
    for outputs, steps, _ in tg.tbptt(partial(tg.scan, cell), list(xs), 4, 3, np.zeros((B, H))):
        assert_allclose(outputs.data, whole[steps], rtol=0, atol=1e-14)

    def model(xs, state):
        x, scale = xs
        outputs, h = tg.scan(cell, x * scale, state["h"])
        return {"h": outputs, "norm": np.sum(outputs**2, axis=-1)}, {"h": h}

    seen = []
    for outputs, steps, state in tg.tbptt(
        model, (xs, np.ones((T, 1, 1))), 4, 3, {"h": np.zeros((B, H))}
    ):
        assert_allclose(outputs["norm"].data, np.sum(whole[steps] ** 2, axis=-1), rtol=1e-12)
        assert list(state) == ["h"]
        seen.append(steps)
    assert seen == [slice(0, 3), slice(3, 6), slice(6, 9)]


def test_a_layer_may_have_no_state():
    linear = nn.Linear(I, H, rng=1)
    for outputs, steps, state in tg.tbptt(lambda xs, state: (linear(xs), None), draw(T, B, I), 4):
        assert_array_equal(outputs.data, linear(draw(T, B, I)[steps]).data)
        assert state is None


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: tg.tbptt(nn.GRU(I, H, rng=0), draw(T, B, I), 0),
            RangeError,
            "window is 0; it must be a number of",
        ),
        (lambda: tg.tbptt(nn.GRU(I, H, rng=0), draw(T, B, I), True), RangeError, "window is True"),
        (
            lambda: tg.tbptt(nn.GRU(I, H, rng=0), draw(T, B, I), 3, 4),
            RangeError,
            "stride is 4 with a window of 3; it must lie in 1..3, or steps would be left out.",
        ),
        (
            lambda: tg.tbptt(nn.GRU(I, H, rng=0), draw(T, B, I), 3, 0),
            RangeError,
            "stride is 0 with a window of 3",
        ),
        (
            lambda: tg.tbptt(nn.GRU(I, H, bidirectional=True, rng=0), draw(T, B, I), 3),
            UsageError,
            (
                "a bidirectional layer reads its sequence from the end, so it cannot "
                "go through it in windows. Use"
            ),
        ),
        (
            lambda: tg.tbptt(nn.GRU(I, H, rng=0), [], 3),
            DataError,
            "xs is empty: there is no time step to go through.",
        ),
        (lambda: tg.tbptt(nn.GRU(I, H, rng=0), 1.0, 3), ShapeError, "xs has (); time comes first"),
        (
            lambda: tg.tbptt(nn.GRU(I, H, rng=0), (), 3),
            ShapeError,
            "xs has nothing; time comes first",
        ),
        (
            lambda: tg.tbptt(nn.GRU(I, H, rng=0), (draw(3, 1), draw(4, 1)), 3),
            ShapeError,
            "xs has (3, 1), (4, 1); time comes first, with the same T in every array of a tuple.",
        ),
        (
            lambda: list(
                tg.tbptt(
                    lambda x, h: np.tanh(tg.Tensor(x) + h), draw(T, B, I), 3, state=np.zeros((B, I))
                )
            ),
            UsageError,
            (
                "returned Tensor and not (outputs, state). If it is a cell of one "
                "step, pass functools.partial(tg.scan, "
            ),
        ),
        (
            lambda: list(
                tg.tbptt(
                    lambda x, s: (x + s[0], s[1]), draw(T, B, I), 3, state=(np.zeros((B, I)),) * 2
                )
            ),
            ShapeError,
            (
                "was given a state with [0] (2, 3), [1] (2, 3) and returned one with "
                "(2, 3). If it is a cell of one step"
            ),
        ),
        (
            lambda: list(
                tg.tbptt(lambda x, s: (x, None), draw(T, B, I), 3, state=np.zeros((B, I)))
            ),
            ShapeError,
            "was given a state with (2, 3) and returned one with no arrays.",
        ),
        (
            lambda: list(tg.tbptt(lambda x, s: (x[0], s), draw(T, B, I), 3)),
            ShapeError,
            "have shape (2, 3) for 3 steps; time must come first.",
        ),
    ],
)
def test_what_does_not_fit(call, kind, words):
    with pytest.raises(TinygradError) as error:
        call()
    assert type(error.value) is kind
    assert words in str(error.value)
