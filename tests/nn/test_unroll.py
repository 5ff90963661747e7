"""Unrolling: the names x_t h_t y_t L_t, every kind of cell and input, gradients of everything, and
bad input.
"""

import re
from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.errors import DataError, DTypeError, ShapeError, UsageError
from tinygrad_rnn.functional import cross_entropy, half_squared_error, relu, softmax
from tinygrad_rnn.nn import GRUCell, LSTMCell, Readout, RNNCell

T, B, I, H, O = 4, 3, 2, 3, 2
X0 = np.zeros(3)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def elman(x, h):
    """A user's cell: a plain function without weights, names or initial_state."""
    return np.tanh(np.sum(x) + 0.5 * h)


# -- names -----------------------------------------------------------------------------------------


def test_names_of_everything():
    u = tg.unroll(
        RNNCell(I, H, rng=0),
        draw(T, B, I),
        readout=Readout(H, O, rng=1),
        loss=half_squared_error,
        targets=draw(T, B, O),
    )
    assert [x.name for x in u.xs] == ["x_1", "x_2", "x_3", "x_4"]
    assert [h.name for h in u.states] == ["h_1", "h_2", "h_3", "h_4"]
    assert [y.name for y in u.outputs] == ["y_1", "y_2", "y_3", "y_4"]
    assert [loss.name for loss in u.losses] == ["L_1", "L_2", "L_3", "L_4"]
    assert u.initial.name == "h_0"
    assert u.loss.name == "L"
    assert u.loss is u.total_loss


def test_names_of_a_tuple_state():
    u = tg.unroll(LSTMCell(I, H, rng=0), draw(2, I))
    assert [part.name for part in u.initial] == ["h_0", "c_0"]
    assert [[part.name for part in state] for state in u.states] == [["h_1", "c_1"], ["h_2", "c_2"]]
    assert [h.name for h in u.hidden] == ["h_1", "h_2"]


def test_names_of_a_cell_that_does_not_say():
    u = tg.unroll(lambda x, s: (x + s[0], s[0] + s[1]), draw(2, H), (np.zeros(H), np.zeros(H)))
    assert [part.name for part in u.initial] == ["s1_0", "s2_0"]
    assert [[part.name for part in state] for state in u.states] == [
        ["s1_1", "s2_1"],
        ["s1_2", "s2_2"],
    ]
    assert [h.name for h in tg.unroll(elman, draw(2, I), np.zeros(H)).states] == ["h_1", "h_2"]


def test_a_name_given_by_the_user_stays():
    h0 = tg.Tensor(np.zeros(H), requires_grad=True, name="first")
    xs = [tg.Tensor(np.ones(I), name="word"), np.ones(I)]
    u = tg.unroll(RNNCell(I, H, rng=0), xs, h0)
    assert u.initial is h0
    assert h0.name == "first"
    assert [x.name for x in u.xs] == ["word", "x_2"]


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (B,)], ids=["one row", "batch"])
def test_states_outputs_and_losses_are_those_of_the_equations(batch):
    cell, readout = RNNCell(I, H, rng=0), Readout(H, O, softmax, rng=1)
    xs, targets = draw(T, *batch, I, seed=2), draw(T, *batch, O, seed=3)
    u = tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
    h, total = np.zeros((*batch, H)), 0.0
    for t in range(T):
        h = np.tanh(xs[t] @ cell.W_xh.data + h @ cell.W_hh.data + cell.b_h.data)  # (1.1)
        e = np.exp(h @ readout.W_hy.data + readout.b_y.data)
        y = e / np.sum(e, axis=-1, keepdims=True)  # (1.2)
        total += np.sum((y - targets[t]) ** 2) / 2  # (2.1)
        assert_allclose(u.states[t].data, h, rtol=1e-14)
        assert_allclose(u.outputs[t].data, y, rtol=1e-14)
        assert_allclose(u.losses[t].data, np.sum((y - targets[t]) ** 2) / 2, rtol=1e-13)
    assert_allclose(u.loss.data, total, rtol=1e-14)
    assert u.loss.shape == ()
    assert len(u) == T


def test_lstm_carries_the_pair():
    cell, xs = LSTMCell(I, H, rng=0), draw(T, B, I)
    u, state = tg.unroll(cell, xs), (np.zeros((B, H)), np.zeros((B, H)))
    for t in range(T):
        state = cell(xs[t], state)
        assert_array_equal(u.states[t][0].data, state[0].data)
        assert_array_equal(u.states[t][1].data, state[1].data)
        assert u.hidden[t] is u.states[t][0]


def test_initial_state_is_zeros_unless_given():
    cell, xs = GRUCell(I, H, rng=0), draw(T, B, I)
    assert_array_equal(tg.unroll(cell, xs).initial.data, np.zeros((B, H)))
    assert_array_equal(tg.unroll(cell, xs[:, 0]).initial.data, np.zeros(H))
    h0 = draw(B, H, seed=1)
    u = tg.unroll(cell, xs, h0)
    assert_array_equal(u.initial.data, h0)
    assert_array_equal(u.states[0].data, cell(xs[0], h0).data)


def test_one_initial_row_serves_the_whole_batch():
    cell, xs, h0 = RNNCell(I, H, rng=0), draw(T, B, I), draw(H, seed=1)
    one, rows = tg.unroll(cell, xs, h0), tg.unroll(cell, xs, np.tile(h0, (B, 1)))
    assert_allclose(one.states[-1].data, rows.states[-1].data, rtol=1e-15)


@pytest.mark.parametrize(
    "as_sequence",
    [
        list,
        tuple,
        lambda xs: xs.tolist(),
        lambda xs: [tg.Tensor(x) for x in xs],
        lambda xs: tg.Tensor(xs),
        lambda xs: tg.Tensor(xs, requires_grad=True),
    ],
    ids=["list", "tuple", "numbers", "Tensors", "Tensor", "Tensor with gradient"],
)
def test_every_kind_of_sequence_gives_the_same(as_sequence):
    cell, xs = RNNCell(I, H, rng=0), draw(T, B, I)
    u = tg.unroll(
        cell, as_sequence(xs), loss=half_squared_error, targets=as_sequence(draw(T, B, H, seed=1))
    )
    same = tg.unroll(cell, xs, loss=half_squared_error, targets=draw(T, B, H, seed=1))
    assert_array_equal(
        np.array([h.data for h in u.states]), np.array([h.data for h in same.states])
    )
    assert_array_equal(u.loss.data, same.loss.data)
    assert all(isinstance(x, tg.Tensor) for x in u.xs)


def test_integer_inputs_and_class_targets():
    u = tg.unroll(
        RNNCell(O, H, rng=0),
        np.eye(O, dtype=int)[[0, 1, 1]],
        readout=Readout(H, O, rng=1),
        loss=cross_entropy,
        targets=[1, 1, 0],
    )
    for t, c in enumerate([1, 1, 0]):
        z = u.outputs[t].data
        assert_allclose(u.losses[t].data, np.log(np.sum(np.exp(z))) - z[c], rtol=1e-14)


def test_one_step():
    u = tg.unroll(RNNCell(I, H, rng=0), draw(1, I), loss=half_squared_error, targets=draw(1, H))
    assert len(u) == len(u.states) == len(u.losses) == 1
    assert_array_equal(u.loss.data, u.losses[0].data)


def test_without_readout_the_loss_sees_the_hidden_state():
    targets = draw(2, H, seed=1)
    u = tg.unroll(LSTMCell(I, H, rng=0), draw(2, I), loss=half_squared_error, targets=targets)
    assert u.outputs == []
    for h, target, loss in zip(u.hidden, targets, u.losses, strict=True):
        assert_allclose(loss.data, np.sum((h.data - target) ** 2) / 2, rtol=1e-14)


def test_without_a_loss_there_is_no_total():
    u = tg.unroll(RNNCell(I, H, rng=0), draw(2, I))
    assert u.losses == []
    assert u.total_loss is None
    with pytest.raises(
        UsageError, match=re.escape("without a loss. Pass loss= and targets= to unroll.")
    ):
        _ = u.loss


def test_float32_stays_float32():
    cell, readout = RNNCell(I, H, rng=0, dtype=np.float32), Readout(H, O, rng=1, dtype=np.float32)
    xs, targets = draw(T, B, I).astype(np.float32), draw(T, B, O).astype(np.float32)
    u = tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
    assert {x.dtype for x in (*u.xs, u.initial, *u.states, *u.outputs, *u.losses, u.loss)} == {
        np.dtype(np.float32)
    }
    u.loss.backward()
    assert {p.grad.dtype for p in (*cell.parameters(), *readout.parameters())} == {
        np.dtype(np.float32)
    }


# -- cells of the user -----------------------------------------------------------------------------


def test_a_cell_may_be_a_function_a_lambda_or_an_object():
    class Object:
        def __call__(self, x, h):
            return np.tanh(np.sum(x) + 0.5 * h)

    xs, h0 = draw(T, I), draw(H, seed=1)
    h, expected = h0, []
    for x in xs:
        h = np.tanh(np.sum(x) + 0.5 * h)
        expected.append(h)
    for cell in (elman, lambda x, h: np.tanh(np.sum(x) + 0.5 * h), Object()):
        assert_allclose([h.data for h in tg.unroll(cell, xs, h0).states], expected, rtol=1e-15)


def test_a_lambda_with_a_tuple_state():
    fibonacci = lambda x, s: (s[0] + s[1], s[0])
    u = tg.unroll(fibonacci, np.zeros(7), (1, 0))
    assert [h.item() for h in u.hidden] == [1, 2, 3, 5, 8, 13, 21]
    assert [second.item() for _, second in u.states] == [1, 1, 2, 3, 5, 8, 13]


def test_a_cell_may_bring_its_own_initial_state_and_names():
    class Counter:
        states = ("n",)

        def initial_state(self, batch):
            return np.zeros(batch)

        def __call__(self, x, n):
            return n + np.sum(x, axis=-1)

    u = tg.unroll(Counter(), np.ones((3, B, I)))
    assert [n.name for n in u.states] == ["n_1", "n_2", "n_3"]
    assert_array_equal(u.states[-1].data, np.full(B, 3.0 * I))


def test_a_cell_that_returns_plain_arrays():
    u = tg.unroll(lambda x, h: np.ones(H), draw(2, I), np.zeros(H))
    assert [h.name for h in u.states] == ["h_1", "h_2"]
    assert not u.states[-1].requires_grad


# -- gradients -------------------------------------------------------------------------------------


def rebuilt(module, names, weights):
    for name, weight in zip(names, weights, strict=True):
        setattr(module, name, weight)
    return module


@pytest.mark.parametrize("batch", [(), (2,)], ids=["one row", "batch"])
@pytest.mark.parametrize("kind", ["RNN tanh", "RNN relu", "LSTM", "GRU"])
def test_gradients_of_inputs_initial_state_targets_and_every_weight(kind, batch):
    make = {
        "RNN tanh": lambda: RNNCell(I, H, rng=5),
        "RNN relu": lambda: RNNCell(I, H, relu, rng=5),
        "LSTM": lambda: LSTMCell(I, H, rng=5),
        "GRU": lambda: GRUCell(I, H, rng=5),
    }[kind]
    of_cell, of_readout = (
        dict(make().named_parameters()),
        dict(Readout(H, O, rng=6).named_parameters()),
    )
    arity = len(make().states)

    def total_loss(xs, targets, *rest):
        h0, rest = rest[:arity], rest[arity:]
        cell = rebuilt(make(), of_cell, rest[: len(of_cell)])
        readout = rebuilt(Readout(H, O, rng=6), of_readout, rest[len(of_cell) :])
        h0 = h0 if arity > 1 else h0[0]
        return tg.unroll(
            cell, xs, h0, readout=readout, loss=half_squared_error, targets=targets
        ).loss  # (2.1)

    xs, targets = draw(3, *batch, I, seed=7), draw(3, *batch, O, seed=8)
    h0 = [draw(*batch, H, seed=9 + n) for n in range(arity)]
    weights = [p.data for p in (*of_cell.values(), *of_readout.values())]
    tg.check_grads(total_loss, [xs, targets, *h0, *weights], order=1)


def test_an_input_tensor_gets_its_gradient_whole():
    xs = tg.Tensor(draw(T, B, I), requires_grad=True)
    u = tg.unroll(RNNCell(I, H, rng=0), xs, loss=half_squared_error, targets=draw(T, B, H, seed=1))
    for x in u.xs:
        x.retain_grad()
    u.loss.backward()
    assert_array_equal(xs.grad, np.stack([x.grad for x in u.xs]))
    assert np.all(xs.grad != 0)


def test_a_learned_initial_state():
    cell, h0 = RNNCell(I, H, rng=0), tg.Tensor(draw(H, seed=1), requires_grad=True)
    u = tg.unroll(cell, draw(1, B, I), h0, loss=half_squared_error, targets=draw(1, B, H, seed=2))
    u.loss.backward()
    delta = (u.states[0].data - draw(1, B, H, seed=2)[0]) * (1 - u.states[0].data ** 2)  # (3.2)
    assert_allclose(
        h0.grad, np.sum(delta @ cell.W_hh.data.T, axis=0), rtol=1e-13
    )  # (3.3), summed over the batch


def test_the_total_loss_is_the_sum():
    cell = RNNCell(I, H, rng=0)
    u = tg.unroll(cell, draw(T, B, I), loss=half_squared_error, targets=draw(T, B, H, seed=1))
    assert_allclose(u.loss.data, sum(loss.data for loss in u.losses), rtol=1e-15)  # (2.1)
    u.loss.backward()
    of_the_sum = cell.W_hh.grad
    cell.W_hh.grad = None
    for loss in u.losses:
        loss.backward()
    assert_allclose(of_the_sum, cell.W_hh.grad, rtol=1e-13)


def test_under_no_grad_nothing_is_recorded():
    cell, xs = RNNCell(I, H, rng=0), draw(T, I)
    with tg.no_grad():
        u = tg.unroll(cell, xs)
    assert all(h.creator is None for h in u.states)
    assert_array_equal(u.states[-1].data, tg.unroll(cell, xs).states[-1].data)


# -- bad input -------------------------------------------------------------------------------------


def spoilt(t, bad, *shape):
    xs = draw(*shape)
    xs[t - 1, ..., 0] = bad
    return xs


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("t", [1, 3, T])
def test_an_input_that_is_not_finite(bad, t):
    words = f"xs at t = {t} holds NaN or infinity. Remove or fill such entries before unrolling."
    with pytest.raises(DataError, match=re.escape(words)):
        tg.unroll(RNNCell(I, H, rng=0), spoilt(t, bad, T, B, I))
    with pytest.raises(DataError, match=re.escape(words)):
        tg.unroll(RNNCell(I, H, rng=0), tg.Tensor(spoilt(t, bad, T, B, I), requires_grad=True))
    with pytest.raises(DataError, match=re.escape(words)):
        tg.unroll(RNNCell(I, H, rng=0), list(spoilt(t, bad, T, I)))


@pytest.mark.parametrize("t", [1, T])
def test_a_target_that_is_not_finite(t):
    with pytest.raises(DataError, match=f"targets at t = {t} holds NaN or infinity"):
        tg.unroll(
            RNNCell(I, H, rng=0),
            draw(T, I),
            loss=half_squared_error,
            targets=spoilt(t, np.nan, T, H),
        )


@pytest.mark.parametrize("empty", [[], (), np.zeros((0, B, I)), tg.Tensor(np.zeros((0, I)))])
def test_an_empty_sequence(empty):
    with pytest.raises(DataError, match=r"xs is empty: there is no time step to unroll\."):
        tg.unroll(RNNCell(I, H, rng=0), empty)


def test_empty_targets():
    with pytest.raises(DataError, match="targets is empty"):
        tg.unroll(RNNCell(I, H, rng=0), draw(T, I), loss=half_squared_error, targets=[])


@pytest.mark.parametrize("length", [T - 1, T + 1])
def test_lengths_that_differ(length):
    words = f"xs has T = {T} time steps and targets {length}; they must be equal."
    with pytest.raises(ShapeError, match=re.escape(words)):
        tg.unroll(
            RNNCell(I, H, rng=0), draw(T, I), loss=half_squared_error, targets=draw(length, H)
        )


@pytest.mark.parametrize(
    "given", [{"loss": half_squared_error}, {"targets": np.zeros((T, H))}], ids=["loss", "targets"]
)
def test_a_loss_and_targets_go_together(given):
    with pytest.raises(
        UsageError,
        match="a loss needs targets and targets need a loss: pass both to unroll, or neither",
    ):
        tg.unroll(RNNCell(I, H, rng=0), draw(T, I), **given)


def test_a_loss_that_is_not_a_scalar():
    with pytest.raises(
        ShapeError, match=re.escape(f"the loss at t = 1 has shape ({B}, {H}); it must be a scalar.")
    ):
        tg.unroll(
            RNNCell(I, H, rng=0),
            draw(T, B, I),
            loss=lambda y, target: y - target,
            targets=draw(T, B, H),
        )


@pytest.mark.parametrize(
    ("returned", "kind"), [(None, "NoneType"), ("h", "str"), ({}, "dict"), (object(), "object")]
)
def test_a_cell_that_returns_no_array(returned, kind):
    words = (
        f"h_1 is {kind}, not an array: a cell maps (x, state) to state, an "
        f"array or a tuple of arrays"
    )
    with pytest.raises(UsageError, match=re.escape(words)):
        tg.unroll(lambda x, h: returned, draw(T, I), np.zeros(H))


def test_a_cell_that_fails_later_says_when():
    with pytest.raises(UsageError, match="h_3 is NoneType, not an array"):
        tg.unroll(lambda x, h: None if h.item() == 2 else h + 1, draw(T, I), 0.0)


def test_a_cell_that_returns_none_in_a_tuple():
    with pytest.raises(UsageError, match="s2_1 is NoneType, not an array"):
        tg.unroll(lambda x, s: (s[0], None), draw(T, I), (np.zeros(H), np.zeros(H)))


def test_a_cell_that_returns_a_list_of_states():
    with pytest.raises(UsageError, match="h_1 is list, not an array"):
        tg.unroll(lambda x, s: [s[0] + s[1], s[0]], draw(T, I), (np.zeros(H), np.zeros(H)))


def test_a_readout_or_a_loss_that_returns_no_array():
    cell, xs = RNNCell(I, H, rng=0), draw(T, I)
    with pytest.raises(
        UsageError, match=r"y_1 is NoneType, not an array: .* a read-out and a loss give an array"
    ):
        tg.unroll(cell, xs, readout=lambda h: None)
    with pytest.raises(UsageError, match="L_1 is str, not an array"):
        tg.unroll(cell, xs, loss=lambda y, target: "none", targets=draw(T, H))
    with pytest.raises(UsageError, match="L_1 is list, not an array"):
        tg.unroll(cell, xs, loss=lambda y, target: [1.0], targets=draw(T, H))


@pytest.mark.parametrize(
    "xs", [3.0, np.array(3.0), tg.Tensor(3.0)], ids=["float", "array", "Tensor"]
)
def test_a_single_number(xs):
    with pytest.raises(ShapeError, match=r"xs is one .*; it needs a time axis first: an array "):
        tg.unroll(elman, xs, np.zeros(H))


@pytest.mark.parametrize(
    ("xs", "dtype"),
    [
        (["a", "b"], "<U1"),
        (np.array(["ab", "c"]), "<U2"),
        ([1 + 2j], "complex128"),
        ([None], "object"),
    ],
    ids=["strings", "array of strings", "complex", "None"],
)
def test_inputs_that_are_not_numbers(xs, dtype):
    with pytest.raises(DTypeError, match=rf"xs .*has dtype {dtype}; it must hold real numbers"):
        tg.unroll(elman, xs, np.zeros(H))


def test_a_step_whose_rows_differ_in_length():
    with pytest.raises(DataError, match=r"xs at t = 2 is ragged: its rows differ in length\."):
        tg.unroll(elman, [[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0]]], np.zeros(H))


def test_the_first_step_that_is_not_a_number_is_named():
    with pytest.raises(DTypeError, match="xs at t = 3, of type str, has dtype <U5"):
        tg.unroll(elman, [1.0, 2.0, "three"], np.zeros(H))


def test_a_cell_without_an_initial_state_needs_h0():
    with pytest.raises(
        UsageError, match=re.escape("elman has no initial_state(batch). Pass h0 to unroll.")
    ):
        tg.unroll(elman, draw(T, I))
    with pytest.raises(
        UsageError, match=re.escape("<lambda> has no initial_state(batch). Pass h0")
    ):
        tg.unroll(lambda x, h: h, draw(T, I))


def test_inputs_of_another_width_name_the_symbol():
    with pytest.raises(
        ShapeError, match=re.escape(f"x is (B, I) = ({B}, 7): I is {I} in one and 7 in the other.")
    ):
        tg.unroll(RNNCell(I, H, rng=0), draw(T, B, 7))


def test_an_initial_state_of_another_batch_names_the_symbol():
    with pytest.raises(
        ShapeError, match=re.escape(f"h is (B, H) = (7, {H}): B is {B} in one and 7 in the other.")
    ):
        tg.unroll(RNNCell(I, H, rng=0), draw(T, B, I), np.zeros((7, H)))


@pytest.mark.parametrize(
    "h0", [np.zeros((2, H)), (np.zeros(H),), (np.zeros(H),) * 3], ids=["array", "one", "three"]
)
def test_an_lstm_refuses_an_initial_state_that_is_not_a_pair(h0):
    """Two rows would otherwise pass for h and c: a Tensor of shape (2, H) unpacks."""
    with pytest.raises((ShapeError, UsageError), match=r"\(h, c\)|h and c"):
        tg.unroll(LSTMCell(I, H, rng=0), draw(T, I), h0)


class Pair(NamedTuple):
    """A state of a user's."""

    position: Any
    velocity: Any


def test_a_named_tuple_stays_one() -> None:
    W = tg.Tensor(0.5 * np.eye(3), requires_grad=True)

    def cell(x: Any, state: Pair) -> Pair:
        velocity = np.tanh(state.velocity @ W + x)
        return Pair(state.position + velocity, velocity)

    run = tg.unroll(cell, np.ones((3, 3)), Pair(np.zeros(3), np.zeros(3)))
    assert all(type(state) is Pair for state in (run.initial, *run.states))
    assert [p.name for p in run.states[2]] == ["position_3", "velocity_3"]
    velocity = position = np.zeros(3)
    for _ in range(3):
        velocity = np.tanh(0.5 * velocity + 1.0)
        position = position + velocity
    assert_allclose(run.states[2].position.data, position)


@pytest.mark.parametrize(
    ("cell", "h0", "told"),
    [
        (lambda x, s: (s[0] + x, s[1]), (X0, X0, X0), "a tuple of 3 and returned a tuple of 2"),
        (lambda x, s: (s + x, s), X0, "one array and returned a tuple of 2"),
        (lambda x, s: s[0] + x, (X0, X0), "a tuple of 2 and returned one array"),
    ],
)
def test_a_state_that_changes_its_structure_is_refused(cell: Any, h0: Any, told: str) -> None:
    with pytest.raises(UsageError, match=f"is {told} at t = 1. A cell maps"):
        tg.unroll(cell, np.ones((2, 3)), h0)


def test_a_plain_tuple_becomes_the_named_state() -> None:
    lstm, xs = LSTMCell(I, H, rng=0), draw(T, B, I)
    plain = tg.unroll(lstm, xs)
    run = tg.unroll(lstm, xs, Pair(np.zeros((B, H)), np.zeros((B, H))))
    assert all(type(state) is Pair for state in run.states)
    assert_array_equal(run.hidden[-1].data, plain.hidden[-1].data)


def test_another_type_of_named_tuple_is_refused() -> None:
    other = namedtuple("Other", "velocity position")
    with pytest.raises(UsageError, match="is Pair of 2 and returned Other of 2 at t = 1"):
        tg.unroll(lambda x, s: other(s.velocity, s.position), np.ones((2, 3)), Pair(X0, X0))
