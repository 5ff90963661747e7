"""nn.RNN, LSTM and GRU against their own cells unrolled on the tape, one sequence at a time, and
what they refuse.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn import nn
from tinygrad_rnn.errors import (
    DataError,
    DTypeError,
    RangeError,
    ShapeError,
    TinygradError,
    UsageError,
)

T, B, I, H = 6, 4, 3, 5
LENGTHS = [4, 6, 1, 0]
MAKE = {
    "tanh": nn.RNN,
    "relu": lambda *sizes, **options: nn.RNN(*sizes, f=fn.relu, **options),
    "LSTM": nn.LSTM,
    "GRU": nn.GRU,
}
layers = pytest.mark.parametrize("name", MAKE)
shapes = pytest.mark.parametrize(
    ("num_layers", "bidirectional"), [(1, False), (1, True), (2, False), (3, True)]
)


def draw(*shape, seed=0, dtype=float):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def like(state, new):
    return tuple(new) if isinstance(state, tuple) else new[0]


def state_for(layer, *batch, seed=7):
    zeros = layer.initial_state(batch)
    return like(zeros, [draw(*z.shape, seed=seed + i) for i, z in enumerate(parts(zeros))])


def by_hand(layer, xs, state, lengths):
    """The same from the cells alone: every sequence unrolled by itself, without batch, padding or
    scan.
    """
    ways = 2 if layer.bidirectional else 1
    cells, outputs, last = list(layer.cells.values()), [], []
    for b, length in enumerate(lengths):
        series, last_b = [xs[t, b] for t in range(length)], []
        for k in range(layer.num_layers):
            gone = []
            for way in range(ways):
                n = k * ways + way
                h = like(state, [part[n, b] for part in parts(state)])
                hs = []
                for x in series[::-1] if way else series:
                    h = cells[n](x, h)
                    hs.append(parts(h)[0])
                gone.append(hs[::-1] if way else hs)
                last_b.append(parts(h))
            series = [np.concatenate(hs) for hs in zip(*gone, strict=True)]
        blank = np.zeros(ways * layer.hidden)
        outputs.append(np.stack([*series, *[blank] * (len(xs) - length)]))
        last.append(last_b)
    finals = [
        np.stack([np.stack([last_b[n][i] for last_b in last]) for n in range(len(cells))])
        for i in range(len(parts(state)))
    ]
    return np.stack(outputs, axis=1), like(state, finals)


def measured(run, layer, xs, state):
    """Values and all gradients under random cotangents."""
    x = tg.Tensor(xs, requires_grad=True)
    before = like(state, [tg.Tensor(part, requires_grad=True) for part in parts(state)])
    for p in layer.parameters():
        p.grad = None
    outputs, after = run(x, before)
    loss = np.sum(outputs * draw(*outputs.shape, seed=11))
    for i, part in enumerate(parts(after)):
        loss = loss + np.sum(part * draw(*part.shape, seed=12 + i))
    loss.backward()
    return {
        "outputs": outputs.data,
        **{f"state {i}": part.data for i, part in enumerate(parts(after))},
        "dL/dxs": x.grad,
        **{f"dL/dstate {i}": part.grad for i, part in enumerate(parts(before))},
        **{f"dL/d{n}": p.grad for n, p in layer.named_parameters()},
    }


@layers
@shapes
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "lengths"])
def test_a_layer_is_its_cells_sequence_by_sequence(name, num_layers, bidirectional, lengths):
    layer = MAKE[name](I, H, num_layers=num_layers, bidirectional=bidirectional, rng=1)
    xs, state = draw(T, B, I), state_for(layer, B)
    found = measured(lambda x, s: layer(x, s, lengths), layer, xs, state)
    expected = measured(lambda x, s: by_hand(layer, x, s, lengths or [T] * B), layer, xs, state)
    for key, value in expected.items():
        assert_allclose(found[key], value, rtol=0, atol=1e-12, err_msg=key)
    ways = 1 + bidirectional
    assert found["outputs"].shape == (T, B, ways * H)
    assert found["state 0"].shape == (num_layers * ways, B, H)


@layers
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_lies_behind_the_end_reaches_nothing(name, bidirectional):
    layer = MAKE[name](I, H, num_layers=2, bidirectional=bidirectional, rng=1)
    xs, state = draw(T, B, I), state_for(layer, B)
    spoilt = xs.copy()
    for b, length in enumerate(LENGTHS):
        spoilt[length:, b] = np.nan
    found, expected = (
        measured(lambda x, s: layer(x, s, LENGTHS), layer, a, state) for a in (spoilt, xs)
    )
    for key, value in expected.items():
        assert_array_equal(found[key], value, err_msg=key)
    for b, length in enumerate(LENGTHS):
        assert_array_equal(found["outputs"][length:, b], 0.0)
        assert_array_equal(found["dL/dxs"][length:, b], 0.0)
        if not length:  # nothing happened
            for i, part in enumerate(parts(state)):
                assert_array_equal(found[f"state {i}"][:, b], part[:, b])


@layers
def test_sequences_of_one_batch_do_not_see_each_other_nor_the_order(name):
    layer = MAKE[name](I, H, num_layers=2, bidirectional=True, rng=1)
    xs, order = draw(T, B, I), [2, 0, 3, 1]
    outputs, state = layer(xs, lengths=LENGTHS)
    other, other_state = layer(xs[:, order], lengths=np.array(LENGTHS)[order])
    assert_allclose(other.data, outputs.data[:, order], rtol=0, atol=1e-14)
    for a, b in zip(parts(state), parts(other_state), strict=True):
        assert_allclose(b.data, a.data[:, order], rtol=0, atol=1e-14)


@layers
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("length", [None, 4])
def test_one_sequence_without_a_batch(name, bidirectional, length):
    layer = MAKE[name](I, H, num_layers=2, bidirectional=bidirectional, rng=1)
    xs, state = draw(T, 1, I), state_for(layer, 1)
    expected, last = layer(xs, state, None if length is None else [length])
    outputs, after = layer(xs[:, 0], like(state, [part[:, 0] for part in parts(state)]), length)
    assert_allclose(outputs.data, expected.data[:, 0], rtol=0, atol=1e-14)
    for a, b in zip(parts(after), parts(last), strict=True):
        assert_allclose(a.data, b.data[:, 0], rtol=0, atol=1e-14)
    assert layer(xs[:, 0]).outputs.shape == expected.shape[::2]


@layers
def test_a_state_carried_on_gives_the_whole(name):
    layer = MAKE[name](I, H, num_layers=2, rng=1)
    xs = draw(T, B, I)
    whole, last = layer(xs)
    first, state = layer(xs[:2])
    second, state = layer(xs[2:], state)
    assert_allclose(np.concatenate([first, second]).data, whole.data, rtol=0, atol=1e-14)
    for a, b in zip(parts(state), parts(last), strict=True):
        assert_allclose(a.data, b.data, rtol=0, atol=1e-14)


@layers
def test_finite_differences_to_second_order(name):
    layer = MAKE[name](2, 2, bidirectional=True, rng=3)
    tg.check_grads(lambda xs, *state: layer(xs, like(layer.initial_state(), state), [3, 1]).outputs,
                   [draw(3, 2, 2), *parts(state_for(layer, 2))], order=2)  # fmt: skip


@layers
def test_float32_stays_float32(name):
    layer = MAKE[name](I, H, num_layers=2, bidirectional=True, dropout=0.5, rng=1, dtype=np.float32)
    xs = tg.Tensor(draw(T, B, I, dtype=np.float32), requires_grad=True)
    outputs, state = layer(xs, lengths=LENGTHS)
    np.sum(outputs).backward()
    found = [
        outputs.data,
        xs.grad,
        *(p.data for p in parts(state)),
        *(p.grad for p in layer.parameters()),
    ]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


@layers
def test_checkpoints_in_time_change_nothing(name):
    layer = MAKE[name](I, H, num_layers=2, bidirectional=True, rng=1)
    xs, state = draw(T, B, I), state_for(layer, B)
    found = [
        measured(lambda x, s, n=n: layer(x, s, LENGTHS, checkpoint=n), layer, xs, state)
        for n in (None, 2)
    ]
    for key, value in found[0].items():
        assert_allclose(found[1][key], value, rtol=0, atol=1e-13, err_msg=key)


def test_a_list_of_steps_and_lengths_of_any_kind():
    layer, xs = nn.GRU(I, H, rng=1), draw(T, B, I)
    expected = layer(xs, lengths=LENGTHS).outputs.data
    for lengths in (np.array(LENGTHS, np.uint8), tuple(LENGTHS), tg.Tensor(LENGTHS)):
        assert_array_equal(layer(list(xs), lengths=lengths).outputs.data, expected)


def test_debug_and_no_grad():
    layer, xs = nn.LSTM(I, H, num_layers=2, bidirectional=True, rng=1), draw(T, B, I)
    expected = layer(xs, lengths=LENGTHS).outputs
    with tg.debug():
        assert_allclose(layer(xs, lengths=LENGTHS).outputs.data, expected.data, rtol=0, atol=1e-14)
    with tg.no_grad():
        outputs = layer(xs, lengths=LENGTHS).outputs
    assert_allclose(outputs.data, expected.data, rtol=0, atol=1e-14)
    assert not outputs.requires_grad


# -- weights ---------------------------------------------------------------------------------------


def test_a_layer_starts_as_its_cells_would():
    rng = np.random.default_rng(5)
    cells = [nn.LSTMCell(size, H, rng=rng, forget_bias=1.0) for size in (I, I, 2 * H, 2 * H)]
    layer = nn.LSTM(I, H, num_layers=2, bidirectional=True, rng=5, forget_bias=1.0)
    assert list(layer.cells) == ["l0", "l0_reverse", "l1", "l1_reverse"]
    for ours, cell in zip(layer.cells.values(), cells, strict=True):
        for name, array in cell.state_dict().items():
            assert_array_equal(ours.state_dict()[name], array)


@layers
def test_a_round_trip_of_the_weights(name):
    one, two = (MAKE[name](I, H, num_layers=2, bidirectional=True, rng=seed) for seed in (1, 2))
    assert "cells.l1_reverse.W_hh" in one.state_dict()
    two.load_state_dict(one.state_dict())
    xs = draw(T, B, I)
    assert_array_equal(two(xs).outputs.data, one(xs).outputs.data)


def test_a_parameter_can_be_replaced_where_it_lies():
    layer, xs = nn.RNN(2, 2, f=fn.relu, rng=1), np.abs(draw(T, 1, 2))
    before = layer(xs).outputs.data
    cell = layer.cells["l0"]
    cell.W_xh = nn.initialisers.eye("W_xh", (2, 2))
    cell.W_hh, cell.b_h = (
        nn.initialisers.eye("W_hh", (2, 2)),
        tg.Tensor(np.zeros(2), requires_grad=True),
    )
    assert_allclose(layer(xs).outputs.data, np.cumsum(xs, axis=0), rtol=1e-14)
    assert not np.allclose(before, layer(xs).outputs.data)


def test_many_layers_are_traced_once(monkeypatch):
    import sys

    plans = sys.modules["tinygrad_rnn.scan.plan"]
    made = []
    trace = plans.trace
    monkeypatch.setattr(plans, "trace", lambda *given: made.append(given) or trace(*given))
    layer, xs = nn.GRU(H, H, num_layers=12, rng=1), draw(T, B, H)
    for _ in range(3):
        layer(xs, lengths=LENGTHS)
    assert len(made) == 12


# -- dropout ---------------------------------------------------------------------------------------


def test_dropout_lies_between_the_layers_and_only_in_training():
    layer = nn.GRU(
        I, H, num_layers=2, bidirectional=True, dropout=0.4, rng=np.random.default_rng(1)
    )
    plain = nn.GRU(I, H, num_layers=2, bidirectional=True, rng=1)
    xs = draw(T, B, I)
    assert_array_equal(layer.eval()(xs).outputs.data, plain(xs).outputs.data)
    state = layer.rng.bit_generator.state
    found = layer.train()(xs).outputs.data
    layer.rng.bit_generator.state = state

    def one_layer(size, k):
        single = nn.GRU(size, H, bidirectional=True, rng=0)
        cells = [plain.cells[f"l{k}"], plain.cells[f"l{k}_reverse"]]
        single.cells = dict(zip(single.cells, cells, strict=True))
        return single

    between = fn.dropout(one_layer(I, 0)(xs).outputs, 0.4, rng=layer.rng)
    assert_allclose(found, one_layer(2 * H, 1)(between).outputs.data, rtol=0, atol=1e-14)
    assert not np.allclose(layer(xs).outputs.data, found)  # new masks


def test_a_generator_is_shared_and_a_seed_repeats():
    rng = np.random.default_rng(1)
    layer = nn.LSTM(I, H, num_layers=2, dropout=0.5, rng=rng)
    assert layer.rng is rng
    one, two = (
        nn.LSTM(I, H, num_layers=2, dropout=0.5, rng=3)(draw(T, B, I)).outputs.data
        for _ in range(2)
    )
    assert_array_equal(one, two)


# -- what does not fit -----------------------------------------------------------------------------

XS = draw(T, B, I)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: nn.LSTM(I, H, rng=0)(draw(T, B, I + 1)),
            ShapeError,
            (
                "xs has shape (6, 4, 4); LSTM takes (T, B, I) or (T, I) with I = 3. If "
                "the batch comes first, np.swapaxes"
            ),
        ),
        (lambda: nn.RNN(I, H, rng=0)(draw(I)), ShapeError, "xs has shape (3,); RNN takes"),
        (
            lambda: nn.RNN(I, H, rng=0)(draw(2, 2, 2, I)),
            ShapeError,
            "xs has shape (2, 2, 2, 3); RNN takes",
        ),
        (lambda: nn.RNN(I, H, rng=0)(1.0), ShapeError, "xs has shape (); RNN takes"),
        (
            lambda: nn.RNN(I, H, rng=0)([]),
            DataError,
            "xs is empty: there is no time step to go through.",
        ),
        (lambda: nn.RNN(I, H, rng=0)(np.zeros((0, B, I))), DataError, "xs is empty"),
        (
            lambda: nn.GRU(I, H, rng=0)(XS, lengths=[6, 7, 1, 1]),
            RangeError,
            "lengths run from 1 to 7; xs has T = 6 steps, so they must lie in 0..6.",
        ),
        (
            lambda: nn.GRU(I, H, rng=0)(XS, lengths=[6, -1, 1, 1]),
            RangeError,
            "lengths run from -1 to 6",
        ),
        (
            lambda: nn.GRU(I, H, rng=0)(XS, lengths=[6, 5]),
            ShapeError,
            (
                "lengths have shape (2,); xs has shape (6, 4, 3) and needs one length "
                "for each sequence of the batch"
            ),
        ),
        (lambda: nn.GRU(I, H, rng=0)(XS[:, 0], lengths=[6]), ShapeError, "lengths have shape (1,)"),
        (
            lambda: nn.GRU(I, H, rng=0)(XS, lengths=[1.0, 2.0, 3.0, 4.0]),
            DTypeError,
            "lengths have dtype float64; they count steps, so they are integers.",
        ),
        (
            lambda: nn.LSTM(I, H, rng=0)(XS, np.zeros((1, B, H))),
            UsageError,
            "the state of LSTM is the tuple (h, c); it was given one ndarray.",
        ),
        (
            lambda: nn.LSTM(I, H, rng=0)(XS, (np.zeros((1, B, H)),)),
            UsageError,
            "the state of LSTM is the tuple (h, c); it was given a tuple of 1.",
        ),
        (
            lambda: nn.GRU(I, H, rng=0)(XS, (np.zeros((1, B, H)),) * 2),
            UsageError,
            "the state of GRU is one array, h; it was given a tuple of 2.",
        ),
        (
            lambda: nn.LSTM(I, H, num_layers=2, bidirectional=True, rng=0)(
                XS, (np.zeros((4, B, H)), np.zeros((2, B, H)))
            ),
            ShapeError,
            (
                "c of the state has shape (2, 4, 5); this LSTM and xs need (num_layers "
                "* directions, B, H) = (4, 4, 5)."
            ),
        ),
        (
            lambda: nn.RNN(I, H, rng=0)(XS[:, 0], np.zeros((1, B, H))),
            ShapeError,
            (
                "h of the state has shape (1, 4, 5); this RNN and xs need (num_layers "
                "* directions, H) = (1, 5)."
            ),
        ),
        (
            lambda: nn.RNN(I, H, num_layers=0, rng=0),
            RangeError,
            "num_layers of RNN is 0; it must be at least 1.",
        ),
        (
            lambda: nn.RNN(I, H, num_layers=2, dropout=1.0, rng=0),
            UsageError,
            "RNN with dropout=1.0: it is the probability of a zero and lies in [0, 1).",
        ),
        (
            lambda: nn.RNN(I, H, dropout=0.5, rng=0),
            UsageError,
            (
                "RNN with dropout=0.5 and one layer would never drop anything: dropout "
                "is between layers. Add a layer"
            ),
        ),
    ],
)
def test_what_does_not_fit(call, kind, words):
    with pytest.raises(TinygradError) as error:
        call()
    assert type(error.value) is kind
    assert words in str(error.value)
