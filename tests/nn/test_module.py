"""Modules: their state as arrays by name, loaded whole or not at all, and the training flag."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_rnn import Tensor
from tinygrad_rnn.errors import DataError, DTypeError, ShapeError, TinygradError, UsageError
from tinygrad_rnn.nn import GRUCell, Linear, LSTMCell, Module, Readout, RNNCell


class Model(Module):
    """Something of everything: nested, in containers, shared, frozen, and a result that is no
    parameter.
    """

    def __init__(self, seed=0, dtype=float):
        self.layers = [LSTMCell(2, 3, rng=seed, dtype=dtype), GRUCell(3, 3, rng=seed, dtype=dtype)]
        self.heads = {
            "mean": Readout(3, 1, rng=seed, dtype=dtype),
            "pair": (Tensor(np.zeros(2, dtype)),),
        }
        self.again = self.layers[0]
        self.tied = self.heads["mean"].W_hy
        self.scale = Tensor(dtype(2.0), requires_grad=True)
        self.twice = 2.0 * self.scale
        self.sizes = [2, 3]


NAMES = [
    *(f"layers.0.{name}" for name in ("W_xh", "W_hh", "b_h")),
    *(f"layers.1.{name}" for name in ("W_xh", "W_hh", "b_xh", "b_hh")),
    *("heads.mean.W_hy", "heads.mean.b_y", "heads.pair.0", "scale"),
]


def test_floats_are_no_counts():
    model = Module()
    model.count = Tensor([1, 2])
    with pytest.raises(DTypeError, match="count has dtype float64, which cannot become int64"):
        model.load_state_dict({"count": np.ones(2)})


def test_a_number_too_large_for_the_parameter_is_refused():
    linear = Linear(2, 2, rng=0, dtype=np.float32)
    before = linear.state_dict()
    with pytest.raises(DTypeError, match=r"holds 1e\+300, too large for float32"):
        linear.load_state_dict({name: np.full(a.shape, 1e300) for name, a in before.items()})
    assert all(np.array_equal(a, before[name]) for name, a in linear.state_dict().items())
    linear.load_state_dict(
        {name: np.full(a.shape, np.inf) for name, a in before.items()}
    )  # as it is


def test_the_state_has_every_leaf_once_by_its_dotted_name():
    model = Model()
    assert list(model.state_dict()) == NAMES
    assert [name for name, _ in model.named_parameters()] == [
        name for name in NAMES if name != "heads.pair.0"
    ]


def test_the_state_is_a_copy():
    model = Model()
    model.state_dict()["scale"][...] = 7.0
    assert model.scale.data == 2.0


@pytest.mark.parametrize(
    "new",
    [np.eye(3), np.eye(3, dtype=int).tolist(), np.eye(3) > 0, Tensor(np.eye(3))],
    ids=["floats", "list", "bool", "Tensor"],
)
def test_an_array_in_the_place_of_a_parameter_becomes_its_data(new):
    cell = RNNCell(2, 3, rng=0)
    parameter, names = cell.W_hh, [name for name, _ in cell.named_parameters()]
    cell.W_hh = new
    assert cell.W_hh is parameter
    assert parameter.data.dtype == float
    assert_array_equal(parameter.data, np.eye(3))
    assert [name for name, _ in cell.named_parameters()] == names


def test_another_parameter_takes_the_place_of_one():
    cell = RNNCell(2, 3, rng=0)
    other = Tensor(np.eye(3), requires_grad=True)
    cell.W_hh = other
    assert cell.W_hh is other
    assert any(p is other for p in cell.parameters())


@pytest.mark.parametrize(
    ("new", "error", "words"),
    [
        (
            lambda W: None,
            UsageError,
            r"None in its place.*W_hh\.requires_grad = False to freeze it",
        ),
        (
            lambda W: np.eye(4),
            ShapeError,
            r"\(4, 4\); Tensor W_hh of shape \(3, 3\) keeps its shape",
        ),
        (lambda W: 1j * np.eye(3), DTypeError, "complex128"),
        (lambda W: "orthogonal", DTypeError, "of type str"),
    ],
)
def test_a_parameter_never_goes_without_a_word(new, error, words):
    cell = RNNCell(2, 3, rng=0)
    before = cell.state_dict()
    with pytest.raises(error, match=words):
        cell.W_hh = new(cell.W_hh)
    for name, array in cell.state_dict().items():
        assert_array_equal(array, before[name])
    assert len(cell.parameters()) == 3


def test_a_result_may_stand_for_a_parameter_while_nobody_asks_for_the_parameters():
    cell, x, h = RNNCell(2, 3, rng=0), np.ones(2), np.ones(3)
    W = cell.W_hh
    cell.W_hh = 0.9 * W
    np.sum(cell(x, h)).backward()
    assert W.grad.shape == (3, 3)
    for ask in (cell.parameters, cell.state_dict, cell.modules):
        with pytest.raises(
            UsageError,
            match=r"W_hh of this RNNCell was a parameter and is a result of np\.multiply now",
        ):
            ask()
    cell.W_hh = W
    assert len(cell.parameters()) == 3


def test_what_is_no_parameter_may_be_set_to_anything():
    cell = RNNCell(2, 3, rng=0)
    del cell.W_hh
    cell.W_hh = 0.5 * np.eye(3)
    cell.note = Tensor(1.0)
    cell.note = None
    assert [name for name, _ in cell.named_parameters()] == ["W_xh", "b_h"]


def test_a_module_that_holds_itself():
    model = Model()
    model.parent = [model]
    assert list(model.state_dict()) == NAMES


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_round_trip(dtype):
    one, two = Model(1, dtype), Model(2, dtype)
    state = one.state_dict()
    two.load_state_dict(state)
    for name, array in two.state_dict().items():
        assert_array_equal(array, state[name])
        assert (array.dtype, array.shape) == (dtype, state[name].shape)
    two.load_state_dict({name: np.asarray(array, np.float16) for name, array in state.items()})
    assert two.scale.data.dtype == dtype
    state["scale"][...] = 7.0
    assert two.scale.data == 2.0


def test_graphs_keep_the_values_they_were_made_with():
    model = Model()
    y = model.scale * model.scale
    model.load_state_dict({**model.state_dict(), "scale": 5.0})
    y.backward()
    assert (model.scale.data, model.scale.grad) == (5.0, 4.0)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (
            lambda s: s.pop("scale"),
            DataError,
            "the names do not fit Model; missing: scale. Load into a model built",
        ),
        (lambda s: s.update(skale=s.pop("scale")), DataError, "missing: scale; unknown: skale."),
        (
            lambda s: s.update({"layers.1.W_hh": np.zeros((3, 12))}),
            ShapeError,
            "layers.1.W_hh has shape (3, 12), but (3, 9) in the model.",
        ),
        (
            lambda s: s.update(scale=np.array(1j)),
            DTypeError,
            "scale has dtype complex128; it must hold real numbers",
        ),
        (lambda s: s.update(scale=np.array(None)), DTypeError, "scale has dtype object"),
        (lambda s: s.update(scale=[[1.0], [1.0, 2.0]]), DataError, "scale is ragged"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, kind, words):
    model, state = Model(1), Model(2).state_dict()
    before = model.state_dict()
    change(state)
    with pytest.raises(TinygradError) as error:
        model.load_state_dict(state)
    assert type(error.value) is kind
    assert words in str(error.value)
    for name, array in model.state_dict().items():
        assert_array_equal(array, before[name])


def test_two_tensors_of_one_name():
    model = Module()
    model.heads = {1: Tensor(1.0), "1": Tensor(2.0)}
    with pytest.raises(UsageError, match=r"two different Tensors are called heads\.1\. Rename"):
        model.state_dict()


def test_training_is_a_flag_of_all_nested_modules():
    model = Model()
    nested = [model, *model.layers, model.heads["mean"]]
    assert model.modules() == nested
    assert all(module.training for module in nested)
    assert model.eval() is model
    assert not any(module.training for module in nested)
    model.layers[0].train()
    assert [module.training for module in nested] == [False, True, False, False]
    assert model.train() is model
    assert all(module.training for module in nested)
    assert list(model.state_dict()) == NAMES
