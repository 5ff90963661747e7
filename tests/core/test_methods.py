"""The operators of DuckArray, over a class that writes down what is applied: each asks for NumPy's
own function.
"""

import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.core.operators import DuckArray, value
from tinygrad_rnn.errors import ArgumentTypeError


class Written(DuckArray):
    """A value, and the call that made it."""

    __array_ufunc__ = None  # an ndarray on the left leaves the operator to us

    def __init__(self, data: Any, call: tuple[Any, ...] = ()):
        self.data = self._data = np.asarray(data)
        self.call = call

    @staticmethod
    def _record(fun: Any, args: tuple[Any, ...], kwargs: Any = None) -> Any:
        return Written(fun(*map(value, args), **kwargs or {}), (fun, *args))

    @staticmethod
    def _unary(fun: Any, a: Any) -> Any:
        return Written._record(fun, (a,))

    @staticmethod
    def _binary(fun: Any, a: Any, b: Any) -> Any:
        return Written._record(fun, (a, b))


X = np.array([[1.5, -2.0], [0.5, 3.0]])
Y = np.array([[2.0, 1.0], [-1.0, 0.5]])

BINARY = {
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.divide,
    operator.pow: np.power,
    operator.matmul: np.matmul,
    operator.mod: np.remainder,
    operator.floordiv: np.floor_divide,
}
UNARY = {operator.neg: np.negative, operator.pos: np.positive, operator.abs: np.absolute}


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_an_operator_applies_its_function_in_the_order_of_its_operands(op: Any) -> None:
    x, y = Written(np.abs(X)), Written(Y)
    for a, b in ((x, y), (x, Y), (np.abs(X), y)):
        written = op(a, b)
        assert written.call[0] is BINARY[op]
        assert written.call[1] is a
        assert written.call[2] is b
        assert_array_equal(written.data, op(value(a), value(b)))


@pytest.mark.parametrize(
    "op", [op for op in BINARY if op is not operator.matmul], ids=lambda op: op.__name__
)
def test_a_number_may_stand_on_either_side(op: Any) -> None:
    x = Written(np.abs(X))
    assert_array_equal(op(x, 2.0).data, op(np.abs(X), 2.0))
    assert_array_equal(op(2.0, x).data, op(2.0, np.abs(X)))
    assert op(2.0, x).call[1:] == (2.0, x)


@pytest.mark.parametrize("op", UNARY, ids=lambda op: op.__name__)
def test_a_sign_applies_its_function(op: Any) -> None:
    x = Written(X)
    assert op(x).call == (UNARY[op], x)
    assert_array_equal(op(x).data, op(X))


def test_divmod_is_quotient_and_remainder() -> None:
    for a, b in ((Written(X), 0.75), (4.0, Written(Y))):
        quotient, rest = divmod(a, b)
        expected = divmod(value(a), value(b))
        assert_array_equal(quotient.data, expected[0])
        assert_array_equal(rest.data, expected[1])


@pytest.mark.parametrize(
    "op", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
)
def test_a_comparison_is_a_plain_array_and_applies_nothing(op: Any) -> None:
    for b in (Written(Y), Y, 1.0):
        assert type(op(Written(X), b)) is np.ndarray
        assert_array_equal(op(Written(X), b), op(X, value(b)))


def test_a_key_holds_plain_arrays() -> None:
    x, rows = Written(X), Written(np.array([1, 0, 1]))
    assert_array_equal(x[rows].data, X[[1, 0, 1]])
    assert_array_equal(x[rows, 0].data, X[[1, 0, 1], 0])
    assert_array_equal(x[[Written(1), Written(0)], :].data, X[[1, 0], :])
    fun, first, key = x[rows, 0].call
    assert first is x
    assert type(key[0]) is np.ndarray
    assert_array_equal(fun(X, key), X[[1, 0, 1], 0])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(bogus=1),
        lambda x: x.take(),
        lambda x: x.swapaxes(2),
        lambda x: x.any(1, 2, 3, 4, 5),
    ],
)
def test_a_wrong_call_of_a_method_is_told_what_it_takes(call: Callable[[tg.Tensor], Any]) -> None:
    with pytest.raises(ArgumentTypeError, match=r"Tensor\.\w+ takes .*help\(Tensor\.\w+\)"):
        call(tg.Tensor(np.ones((2, 3))))


def test_a_method_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(tg.Tensor.sum)) is tg.Tensor.sum
