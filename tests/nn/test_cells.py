"""One step of every cell against its equations in plain NumPy, and shape errors in the words of the
equations.
"""

import copy
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.nn import Cell, GRUCell, LSTMCell, Module, Readout, RNNCell

pytestmark = pytest.mark.tiny

I, H, O = 2, 3, 4
CELLS = [RNNCell, LSTMCell, GRUCell]
EXACT = {"rtol": 1e-14, "atol": 1e-15}  # the same formula in another order: rounding only


def sigma(a):
    return 1 / (1 + np.exp(-a))


def values(module):
    return {name: p.data for name, p in module.named_parameters()}


def state_of(cell, rng, batch):
    state = tuple(rng.standard_normal((*batch, H)) for _ in cell.states)
    return state if len(state) > 1 else state[0]


def plain(state):
    return np.stack([part.data for part in (state if isinstance(state, tuple) else (state,))])


def zeros(cell, *shape):
    return tuple(np.zeros(shape) for _ in cell.states) if len(cell.states) > 1 else np.zeros(shape)


def with_weights(module, names, weights):
    """The same module on other weights; the original keeps its own."""
    other = copy.copy(module)
    for name, weight in zip(names, weights, strict=True):
        setattr(other, name, weight)
    return other


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (5,)], ids=["one row", "batch"])
@pytest.mark.parametrize(
    ("f", "closed"),
    [
        (np.tanh, np.tanh),
        (fn.relu, lambda a: a * (a > 0)),
        (np.sin, np.sin),
        (lambda a: 0.5 * a * a, lambda a: a**2 / 2),
    ],
    ids=["tanh", "relu", "sin", "lambda"],
)
def test_rnn_step(f, closed, batch):
    rng = np.random.default_rng(1)
    cell = RNNCell(I, H, f, rng=rng)
    w, x, h = values(cell), rng.standard_normal((*batch, I)), rng.standard_normal((*batch, H))
    expected = closed(x @ w["W_xh"] + h @ w["W_hh"] + w["b_h"])  # (1.1)
    assert expected.shape == (*batch, H)
    assert_allclose(cell(x, h).data, expected, **EXACT)


def test_rnn_is_the_tanh_rnn_unless_told_otherwise():
    assert RNNCell(I, H, rng=0).f is np.tanh


@pytest.mark.parametrize("batch", [(), (5,)], ids=["one row", "batch"])
def test_lstm_step(batch):
    rng = np.random.default_rng(2)
    cell = LSTMCell(I, H, rng=rng)
    w, x, (h, c) = values(cell), rng.standard_normal((*batch, I)), state_of(cell, rng, batch)

    def gate(n):  # block n of (5.1): i, f, g, o in this order
        own = slice(n * H, (n + 1) * H)
        return x @ w["W_xh"][:, own] + h @ w["W_hh"][:, own] + w["b_h"][own]

    i, f, g, o = sigma(gate(0)), sigma(gate(1)), np.tanh(gate(2)), sigma(gate(3))  # (5.1)
    c_next = f * c + i * g  # (5.2)
    h_next = o * np.tanh(c_next)  # (5.3)
    found_h, found_c = cell(x, (h, c))
    assert h_next.shape == c_next.shape == (*batch, H)
    assert_allclose(found_c.data, c_next, **EXACT)
    assert_allclose(found_h.data, h_next, **EXACT)


@pytest.mark.parametrize("batch", [(), (5,)], ids=["one row", "batch"])
def test_gru_step(batch):
    rng = np.random.default_rng(3)
    cell = GRUCell(I, H, rng=rng)
    w, x, h = values(cell), rng.standard_normal((*batch, I)), rng.standard_normal((*batch, H))

    def from_x(n):  # blocks r, z, n in this order
        return x @ w["W_xh"][:, n * H : (n + 1) * H] + w["b_xh"][n * H : (n + 1) * H]

    def from_h(n):
        return h @ w["W_hh"][:, n * H : (n + 1) * H] + w["b_hh"][n * H : (n + 1) * H]

    r, z = sigma(from_x(0) + from_h(0)), sigma(from_x(1) + from_h(1))  # (6.1)
    n = np.tanh(from_x(2) + r * from_h(2))  # (6.2): r acts after the product
    expected = (1 - z) * n + z * h  # (6.3)
    assert expected.shape == (*batch, H)
    assert_allclose(cell(x, h).data, expected, **EXACT)


def test_lstm_gates_can_be_read_off_one_by_one():
    cell = LSTMCell(I, H, rng=0)
    for name, p in list(cell.named_parameters()):
        setattr(cell, name, tg.Tensor(np.zeros(p.shape)))
    c = np.array([-1.0, 0.5, 2.0])
    for n, c_next in enumerate(
        [0.5 * c, c, 0.5 * c + 0.5, 0.5 * c]
    ):  # gates i, f, g, o driven to 1, the others at 0
        cell.b_h = tg.Tensor(np.where(np.arange(4 * H) // H == n, 50.0, 0.0))
        found_h, found_c = cell(np.zeros(I), (np.zeros(H), c))
        assert_allclose(found_c.data, c_next, **EXACT)  # (5.2)
        assert_allclose(found_h.data, (1.0 if n == 3 else 0.5) * np.tanh(c_next), **EXACT)  # (5.3)


def test_gru_keeps_h_for_z_1_and_replaces_it_for_z_0():
    cell, h = GRUCell(I, H, rng=0), np.array([-1.0, 0.5, 2.0])
    x, block = np.zeros(I), np.arange(3 * H) // H
    cell.W_xh, cell.W_hh = np.zeros((I, 3 * H)), np.zeros((H, 3 * H))
    cell.b_hh = tg.Tensor(np.zeros(3 * H))
    cell.b_xh = tg.Tensor(np.select([block == 1, block == 2], [50.0, 0.7]))
    assert_allclose(cell(x, h).data, h, **EXACT)  # (6.3) with z = 1
    cell.b_xh = tg.Tensor(np.select([block == 1, block == 2], [-50.0, 0.7]))
    assert_allclose(cell(x, h).data, np.full(H, np.tanh(0.7)), **EXACT)  # (6.3) with z = 0


@pytest.mark.parametrize(
    ("g", "closed"),
    [
        (fn.identity, lambda a: a),
        (fn.sigmoid, sigma),
        (fn.softmax, lambda a: np.exp(a) / np.sum(np.exp(a), axis=-1, keepdims=True)),
        (np.tanh, np.tanh),
    ],
    ids=["identity", "sigmoid", "softmax", "tanh"],
)
@pytest.mark.parametrize("batch", [(), (5,)], ids=["one row", "batch"])
def test_readout(g, closed, batch):
    rng = np.random.default_rng(4)
    readout, h = Readout(H, O, g, rng=rng), rng.standard_normal((*batch, H))
    w = values(readout)
    expected = closed(h @ w["W_hy"] + w["b_y"])  # (1.2)
    assert expected.shape == (*batch, O)
    assert_allclose(readout(h).data, expected, **EXACT)


def test_a_softmax_readout_gives_distributions():
    readout = Readout(H, O, fn.softmax, rng=0)
    assert_allclose(np.sum(readout(1000 * np.ones((5, H))).data, axis=-1), np.ones(5), rtol=1e-15)


def test_readout_is_linear_unless_told_otherwise():
    assert Readout(H, O, rng=0).g is fn.identity


# -- gradients -------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (2,)], ids=["one row", "batch"])
@pytest.mark.parametrize(
    "cell",
    [
        RNNCell(I, H, rng=5),
        RNNCell(I, H, fn.relu, rng=5),
        RNNCell(I, H, lambda a: a / (1 + a * a), rng=5),
        LSTMCell(I, H, rng=5),
        GRUCell(I, H, rng=5),
    ],
    ids=["RNN tanh", "RNN relu", "RNN lambda", "LSTM", "GRU"],
)
def test_gradients_of_every_weight_input_and_state(cell, batch):
    rng = np.random.default_rng(6)
    names, arity = list(values(cell)), len(cell.states)

    def step(x, *rest):
        state = rest[:arity] if arity > 1 else rest[0]
        y = with_weights(cell, names, rest[arity:])(x, state)
        return np.concatenate(y, axis=-1) if arity > 1 else y

    state = state_of(cell, rng, batch)
    state = state if arity > 1 else (state,)
    tg.check_grads(
        step, [rng.standard_normal((*batch, I)), *state, *values(cell).values()], order=2
    )


@pytest.mark.parametrize(
    "g", [fn.identity, fn.sigmoid, fn.softmax], ids=["identity", "sigmoid", "softmax"]
)
def test_gradients_of_the_readout(g):
    readout, h = Readout(H, O, g, rng=7), np.random.default_rng(8).standard_normal((2, H))
    f = lambda h, W_hy, b_y: with_weights(readout, ["W_hy", "b_y"], [W_hy, b_y])(h)
    tg.check_grads(f, [h, readout.W_hy.data, readout.b_y.data], order=2)


# -- what a cell is --------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CELLS)
def test_float32_stays_float32(cls):
    small, large = cls(I, H, rng=9, dtype=np.float32), cls(I, H, rng=9)
    x = np.random.default_rng(10).standard_normal((5, I))
    state = small.initial_state((5,))
    for part in state if isinstance(state, tuple) else (state,):
        assert part.dtype == np.float32
    y32, y64 = small(x.astype(np.float32), state), large(x, large.initial_state((5,)))
    for part32, part64 in zip(
        *(y if isinstance(y, tuple) else (y,) for y in (y32, y64)), strict=True
    ):
        assert part32.dtype == np.float32
        assert_allclose(part32.data, part64.data, rtol=0, atol=8 * np.finfo(np.float32).eps)
    h = y32[0] if isinstance(y32, tuple) else y32
    np.sum(h * h).backward()
    assert {p.grad.dtype for p in small.parameters()} == {np.dtype(np.float32)}


def test_a_float32_readout_stays_float32():
    readout = Readout(H, O, fn.softmax, rng=0, dtype=np.float32)
    assert readout(np.ones((5, H), np.float32)).dtype == np.float32


@pytest.mark.parametrize("cls", [*CELLS, Readout])
def test_weights_depend_on_the_seed_only(cls):
    one, same, other = (
        values(cls(I, H, rng=11)),
        values(cls(I, H, rng=11)),
        values(cls(I, H, rng=12)),
    )
    generated = values(cls(I, H, rng=np.random.default_rng(11)))
    for name in one:
        assert_array_equal(one[name], same[name])
        assert_array_equal(one[name], generated[name])
        assert np.all(one[name] != other[name])


def test_a_generator_is_drawn_from_and_not_copied():
    rng = np.random.default_rng(11)
    assert np.all(RNNCell(I, H, rng=rng).W_xh.data != RNNCell(I, H, rng=rng).W_xh.data)


@pytest.mark.parametrize("cls", CELLS)
def test_weights_start_within_one_over_root_of_H(cls):
    hidden = 100
    for name, w in values(cls(I, hidden, rng=0)).items():
        assert 0.09 < np.max(np.abs(w)) <= 0.1, name


@pytest.mark.parametrize("cls", CELLS)
def test_a_step_changes_nothing(cls):
    rng = np.random.default_rng(13)
    cell = cls(I, H, rng=rng)
    before = copy.deepcopy(values(cell))
    x, state = rng.standard_normal((5, I)), state_of(cell, rng, (5,))
    kept = copy.deepcopy((x, state))
    assert_array_equal(plain(cell(x, state)), plain(cell(x, state)))
    assert_array_equal(x, kept[0])
    assert_array_equal(np.array(state), np.array(kept[1]))
    for name, w in values(cell).items():
        assert_array_equal(w, before[name])


@pytest.mark.parametrize("cls", CELLS)
@pytest.mark.parametrize("batch", [(), (5,)])
def test_initial_state_is_zeros_for_each_part(cls, batch):
    cell = cls(I, H, rng=0)
    state = cell.initial_state(batch)
    assert isinstance(state, tuple) == (len(cell.states) > 1)
    for part in state if isinstance(state, tuple) else (state,):
        assert_array_equal(part, np.zeros((*batch, H)))


def test_names_of_states():
    assert RNNCell.states == GRUCell.states == ("h",)
    assert LSTMCell.states == ("h", "c")


# -- errors ----------------------------------------------------------------------------------------

EQUATION = {RNNCell: "(1.1)", LSTMCell: "(5.1)", GRUCell: "(6.1)"}
GATES = {RNNCell: ("H", H), LSTMCell: ("4H", 4 * H), GRUCell: ("3H", 3 * H)}


@pytest.mark.parametrize("cls", CELLS)
def test_x_that_does_not_fit_W_xh(cls):
    cell, (symbol, width) = cls(I, H, rng=0), GATES[cls]
    words = (
        f"W_xh is (I, {symbol}) = ({I}, {width}), but x is (B, I) = (5, 7): I "
        f"is {I} in one and 7 in the other."
    )
    with pytest.raises(ShapeError, match=re.escape(words)) as caught:
        cell(np.zeros((5, 7)), zeros(cell, 5, H))
    assert EQUATION[cls] in str(caught.value)


@pytest.mark.parametrize("cls", CELLS)
def test_h_that_does_not_fit_W_hh(cls):
    cell, (symbol, width) = cls(I, H, rng=0), GATES[cls]
    words = (
        f"(I, {symbol}) = ({I}, {width}), but h is (B, H) = (5, 7): H is {H} in "
        f"one and 7 in the other."
    )
    with pytest.raises(ShapeError, match=re.escape(words)) as caught:
        cell(np.zeros((5, I)), zeros(cell, 5, 7))
    assert EQUATION[cls] in str(caught.value)


@pytest.mark.parametrize("cls", CELLS)
def test_x_and_h_of_two_batches(cls):
    cell = cls(I, H, rng=0)
    words = f"x is (B, I) = (5, {I}), but h is (B, H) = (6, {H}): B is 5 in one and 6 in the other."
    with pytest.raises(ShapeError, match=re.escape(words)) as caught:
        cell(np.zeros((5, I)), zeros(cell, 6, H))
    assert EQUATION[cls] in str(caught.value)


@pytest.mark.parametrize("cls", CELLS)
def test_rows_that_do_not_fit(cls):
    cell = cls(I, H, rng=0)
    with pytest.raises(
        ShapeError, match=re.escape(f"x is (B, I) = (7,): I is {I} in one and 7 in the other.")
    ):
        cell(np.zeros(7), zeros(cell, H))
    with pytest.raises(
        ShapeError, match=re.escape(f"h is (B, H) = (7,): H is {H} in one and 7 in the other.")
    ):
        cell(np.zeros(I), zeros(cell, 7))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((5, 7), f"c is (B, H) = (5, 7): H is {H} in one and 7 in the other."),
        (
            (6, H),
            (
                f"x is (B, I) = (5, {I}), but c is (B, H) = (6, {H}): B is 5 in one "
                f"and 6 in the other."
            ),
        ),
    ],
    ids=["H", "B"],
)
def test_c_that_does_not_fit(shape, words):
    with pytest.raises(ShapeError, match=re.escape(words)):
        LSTMCell(I, H, rng=0)(np.zeros((5, I)), (np.zeros((5, H)), np.zeros(shape)))


@pytest.mark.parametrize("cls", CELLS)
def test_a_weight_that_does_not_fit_the_others(cls):
    cell, (symbol, width) = cls(I, H, rng=0), GATES[cls]
    cell.W_hh = tg.Tensor(np.zeros((H + 1, width)), requires_grad=True)
    words = (
        f"W_xh is (I, {symbol}) = ({I}, {width}), but W_hh is (H, {symbol}) = ({H + 1}, {width})"
    )
    with pytest.raises(ShapeError, match=re.escape(words)):
        cell(np.zeros((5, I)), zeros(cell, 5, H))


@pytest.mark.parametrize("cls", CELLS)
def test_the_error_keeps_numpys_own_and_is_a_value_error(cls):
    cell = cls(I, H, rng=0)
    with pytest.raises(ValueError, match="W_xh") as caught:
        cell(np.zeros((5, 7)), zeros(cell, 5, H))
    assert isinstance(caught.value.__cause__, ShapeError)


def test_a_cell_without_a_mismatch_of_symbols_reports_what_numpy_said():
    cell = RNNCell(I, H, rng=0)
    with pytest.raises(
        ShapeError, match=r"np\.matmul of an array \(\) and W_xh \(2, 3\).*\(1\.1\)"
    ):
        cell(np.zeros(()), np.zeros(H))


def test_h_that_does_not_fit_the_readout():
    words = (
        r"W_hy is \(H, O\) = \(3, 4\), but h is \(B, H\) = \(5, 7\): H is 3 in "
        r"one and 7 in the other.*\(1\.2\)"
    )
    with pytest.raises(ShapeError, match=words):
        Readout(H, O, rng=0)(tg.Tensor(np.zeros((5, 7)), name="h_1"))


def test_a_cell_without_a_step_is_not_a_cell():
    with pytest.raises(NotImplementedError):
        Cell().step(np.zeros(I), np.zeros(H))


# -- parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "shapes"),
    [
        (RNNCell(I, H, rng=0), {"W_xh": (I, H), "W_hh": (H, H), "b_h": (H,)}),
        (LSTMCell(I, H, rng=0), {"W_xh": (I, 4 * H), "W_hh": (H, 4 * H), "b_h": (4 * H,)}),
        (
            GRUCell(I, H, rng=0),
            {"W_xh": (I, 3 * H), "W_hh": (H, 3 * H), "b_xh": (3 * H,), "b_hh": (3 * H,)},
        ),
        (Readout(H, O, rng=0), {"W_hy": (H, O), "b_y": (O,)}),
    ],
    ids=["RNN", "LSTM", "GRU", "read-out"],
)
def test_parameters_of_the_built_in_modules(module, shapes):
    named = dict(module.named_parameters())
    assert {name: p.shape for name, p in named.items()} == shapes
    assert list(named) == list(shapes)
    assert all(p.name == name and p.requires_grad for name, p in named.items())


def test_named_parameters_look_into_modules_lists_tuples_and_dicts():
    weight = lambda: tg.Tensor(np.zeros(1), requires_grad=True)

    class Model(Module):
        def __init__(self):
            self.scale = weight()
            self.cells = [RNNCell(I, H, rng=0), GRUCell(H, H, rng=0)]
            self.heads = {"class": Readout(H, O, rng=0), "value": (weight(), [weight()])}
            self.fixed = tg.Tensor(np.zeros(1))  # requires no gradient: not a parameter
            self.array, self.number, self.text = np.zeros(3), 1, "text"

    assert [name for name, _ in Model().named_parameters()] == [
        "scale",
        *(f"cells.0.{name}" for name in ("W_xh", "W_hh", "b_h")),
        *(f"cells.1.{name}" for name in ("W_xh", "W_hh", "b_xh", "b_hh")),
        *(f"heads.class.{name}" for name in ("W_hy", "b_y")),
        "heads.value.0",
        "heads.value.1.0",
    ]


def test_a_shared_parameter_comes_once_under_its_first_name():
    class Tied(Module):
        def __init__(self):
            self.first, self.second = Readout(H, H, rng=0), Readout(H, H, rng=1)
            self.second.W_hy = self.first.W_hy
            self.again = [self.first, self.first.b_y]

    tied = Tied()
    assert [name for name, _ in tied.named_parameters()] == [
        "first.W_hy",
        "first.b_y",
        "second.b_y",
    ]
    assert list(map(id, tied.parameters())) == [
        id(tied.first.W_hy),
        id(tied.first.b_y),
        id(tied.second.b_y),
    ]


def test_a_module_without_parameters():
    assert Module().parameters() == []
