"""`tg.array`, and copying and pickling of Tensors."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.errors import ShapeError, UnsupportedError


def test_an_array_of_tensors_and_numbers_is_recorded() -> None:
    a, b = tg.Tensor(2.0, requires_grad=True), tg.Tensor(3.0, requires_grad=True)
    m = tg.array([[a, 1.0], [a * b, np.float64(4.0)]])
    assert_array_equal(m.data, [[2, 1], [6, 4]])
    np.sum(m).backward()
    assert (a.grad, b.grad) == (1 + 3, 2)


def test_rows_are_stacked() -> None:
    row = tg.Tensor([1.0, 2.0], requires_grad=True)
    m = tg.array([row, np.zeros(2), (3.0, 4.0)])
    assert_array_equal(m.data, [[1, 2], [0, 0], [3, 4]])
    np.sum(m * m).backward()
    assert_array_equal(row.grad, [2, 4])


@pytest.mark.parametrize("x", [3.0, [1.0, 2.0], [[1.0], [2.0]], np.eye(2), []])
def test_without_tensors_it_is_a_leaf(x: Any) -> None:
    made = tg.array(x)
    assert made.creator is None
    assert_array_equal(made.data, np.array(x))


def test_a_tensor_is_itself() -> None:
    x = tg.Tensor([1.0])
    assert tg.array(x) is x


def test_ragged_lists_are_refused() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises((ShapeError, ValueError), match="same shape"):
        tg.array([x, [1.0]])


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_leaf_is_copied_with_all_it_has(again: Any) -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    np.sum(x * x).backward()
    y = again(x)
    assert_array_equal(y.data, x.data)
    assert_array_equal(y.grad, [2, 4])
    assert (y.requires_grad, y.name, y.creator) == (True, "x", None)
    y.data[0] = 9.0
    assert x.data[0] == 1.0
    assert_array_equal(
        tg.grad(lambda a, b: np.sum(a * b), (0, 1))(x, y)[0].data, y.data
    )  # two Tensors, not one
    np.sum(x + y).backward()
    assert_array_equal(y.grad, [3, 5])


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_result_is_not_copied_with_its_graph(again: Any) -> None:
    y = np.tanh(tg.Tensor([1.0], requires_grad=True))
    with pytest.raises(
        UnsupportedError, match=r"is the result of np\.tanh and cannot be pickled or copied.*detach"
    ):
        again(y)


def test_modules_are_copied_apart() -> None:
    cell = tg.nn.RNNCell(2, 3, rng=0)
    other = copy.deepcopy(cell)
    other.W_hh.data = np.zeros((3, 3))
    assert np.any(cell.W_hh.data)
    x, h = np.ones(2), np.zeros(3)
    assert_array_equal(other(x, h).data, cell(x, h).data)
