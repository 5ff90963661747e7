"""The Tensor: a NumPy duck array that records, and says clearly what it does not do."""

import asyncio
import functools
import operator
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn.core.mode import grad_mode, no_grad, recording
from tinygrad_rnn.core.tables import CONSTANT, VJP, primitive
from tinygrad_rnn.core.tensor import Node, Tensor
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DTypeError,
    GradientError,
    GradientWarning,
    NoDerivativeError,
    ShapeError,
    TinygradError,
    UnsupportedError,
)
from tinygrad_rnn.functional import log_softmax, logsumexp, relu, sigmoid, softmax, softplus
from tinygrad_rnn.guards.boundary import name_of

pytestmark = pytest.mark.tiny


def leaf(x: Any, name: str | None = None, dtype: Any = float) -> Tensor:
    return Tensor(np.asarray(x, dtype), requires_grad=True, name=name)


def gradient(y: Tensor, x: Tensor) -> Any:
    """d sum(y) / dx."""
    x.grad = None
    y.backward(np.ones(y.shape))
    return x.grad


A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])


# -- making one ------------------------------------------------------------------------------------


def test_a_leaf() -> None:
    x = Tensor([[1, 2], [3, 4]], name="x")
    assert_array_equal(x.data, [[1, 2], [3, 4]])
    assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 2), 2, 4, np.dtype(int), 2)
    assert (x.creator, x.grad, x.requires_grad, x.name) == (None, None, False, "x")


def test_the_data_is_a_copy() -> None:
    a = np.zeros(2)
    x = Tensor(a)
    a[0] = 7.0
    assert_array_equal(x.data, [0, 0])


def test_the_creator_is_the_application_that_made_it() -> None:
    x = leaf([1.0, 2.0])
    y = x * 3.0
    assert y.creator == Node(np.multiply, (x, 3.0), (x.data, 3.0), None, (0,))
    assert np.sum(y, axis=0).creator.kwargs == {"axis": 0}


def test_what_needs_no_gradient_records_nothing() -> None:
    y = np.tanh(Tensor([1.0]) * 2.0)
    assert (y.creator, y.requires_grad) == (None, False)


def test_later_tensors_have_larger_serials() -> None:
    x = leaf(1.0)
    y = x * x
    assert x.serial < y.serial < Tensor(0).serial


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (Tensor([1.0, 2.0]), "Tensor([1., 2.])"),
        (Tensor(np.int16([1])), "Tensor([1], dtype=int16)"),
        (
            Tensor(np.float32(1.0), requires_grad=True),
            "Tensor(1., dtype=float32, requires_grad=True)",
        ),
        (leaf([[1.0], [2.0]], "h"), "Tensor([[1.],\n        [2.]], requires_grad=True, name='h')"),
    ],
)
def test_repr(x: Tensor, text: str) -> None:
    assert repr(x) == text


def test_detach_shares_the_data_and_has_no_history() -> None:
    x = leaf([1.0, 2.0], "x")
    y = x * 2.0
    d = y.detach()
    assert np.shares_memory(d.data, y.data)
    assert (d.creator, d.requires_grad) == (None, False)
    assert x.detach().name == "x"
    assert_array_equal(gradient(x * x.detach(), x), [1, 2])  # not 2x


# -- operators and methods -------------------------------------------------------------------------

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
    "%": lambda a, b: a % b,
    "//": lambda a, b: a // b,
}


@pytest.mark.parametrize("symbol", OPERATORS)
def test_operators_on_either_side(symbol: str) -> None:
    f, a, b = OPERATORS[symbol], np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.5, 2.0])
    for y in (
        f(leaf(a), leaf(b)),
        f(leaf(a), b),
        f(a, leaf(b)),
        f(leaf(a), list(b)),
        f(list(a), leaf(b)),
    ):
        assert type(y) is Tensor
        assert y.requires_grad
        assert_array_equal(y.data, f(a, b))
    if symbol != "@":
        for number in (2, 2.0, np.float64(2.0), np.array(2.0)):
            for y, expected in (
                (f(leaf(a), number), f(a, number)),
                (f(number, leaf(a)), f(number, a)),
            ):
                assert type(y) is Tensor
                assert_array_equal(y.data, expected)


def test_unary_operators() -> None:
    x = leaf([-1.0, 2.0])
    assert_array_equal((-x).data, [1, -2])
    assert_array_equal((+x).data, [-1, 2])
    assert_array_equal(abs(x).data, [1, 2])
    assert_array_equal(gradient(-x + 3 * abs(x), x), [-4, 2])


@pytest.mark.parametrize(
    "method",
    [
        lambda x: x.T,
        lambda x: x.transpose(),
        lambda x: x.transpose(1, 0),
        lambda x: x.transpose((1, 0)),
        lambda x: x.reshape(3, 2),
        lambda x: x.reshape((3, -1)),
        lambda x: x.reshape(-1),
        lambda x: x.swapaxes(0, -1),
        lambda x: x[:1].squeeze(),
        lambda x: x[:1].squeeze(0),
        lambda x: x[:1].squeeze(axis=0),
        lambda x: x.sum(),
        lambda x: x.sum(0),
        lambda x: x.sum(axis=(0, 1), keepdims=True),
        lambda x: x.mean(axis=-1),
        lambda x: x.max(1),
        lambda x: x.min(axis=0, keepdims=True),
        lambda x: x.prod(axis=1),
        lambda x: x.prod(0, keepdims=True),
        lambda x: x.var(axis=0),
        lambda x: x.std(axis=-1, ddof=1, keepdims=True),
        lambda x: x.cumsum(),
        lambda x: x.cumsum(axis=0),
        lambda x: x.cumprod(1),
        lambda x: x.clip(0.2, 2.6),
        lambda x: x.clip(max=1.2),
        lambda x: (x + 0.1).round(),
        lambda x: x.round(decimals=1),
        lambda x: x.astype(np.float32),
        lambda x: x.astype("f8"),
        lambda x: x[..., 1:],
    ],
)
def test_methods_are_those_of_an_array(method: Callable[[Any], Any]) -> None:
    x = leaf(A)
    y, expected = method(x), np.asarray(method(A))
    assert type(y) is Tensor
    assert y.dtype == expected.dtype
    assert_array_equal(y.data, expected, strict=True)
    step = 1e-3 * np.cos(np.arange(6.0)).reshape(A.shape)
    found = np.sum(gradient(y, x) * 2 * step)
    assert_allclose(found, np.sum(method(A + step)) - np.sum(method(A - step)), rtol=1e-3)


@pytest.mark.parametrize(
    "method",
    [
        lambda x: x.argmax(), lambda x: x.argmax(axis=1), lambda x: x.argmin(0, keepdims=True),
        lambda x: x.argsort(),
        lambda x: x.argsort(axis=None), lambda x: x.argsort(0, "stable"), lambda x: x.any(),
        lambda x: x.any(axis=0),
        lambda x: x.all(axis=(0, 1), keepdims=True),
    ],
)  # fmt: skip
def test_methods_that_give_plain_arrays(method: Callable[[Any], Any]) -> None:
    y = method(leaf(A))
    assert not isinstance(y, Tensor)
    assert_array_equal(y, method(A), strict=True)


def test_divmod_and_round_of_python() -> None:
    x = leaf([7.5, -7.5])
    for y, expected in (
        (divmod(x, 2.0), divmod(x.data, 2.0)),
        (divmod(2.0, x), divmod(2.0, x.data)),
    ):
        assert all(type(part) is Tensor for part in y)
        assert_array_equal([part.data for part in y], expected)
    assert_array_equal(round(x).data, [8, -8])
    assert_array_equal(round(leaf([1.26]), 1).data, [1.3])


def test_astype_to_what_is_not_floating_gives_an_array() -> None:
    assert type(leaf([1.5]).astype(int)) is np.ndarray
    assert_array_equal(leaf([1.5]).astype(int), [1])


def test_python_numbers() -> None:
    assert float(Tensor(1.5)) == 1.5
    assert int(Tensor(1.5)) == 1
    assert Tensor([[2.5]]).item() == 2.5
    assert bool(Tensor(1.0))
    assert not Tensor(0.0)


def test_iteration_gives_rows_that_send_gradients() -> None:
    x = leaf(A)
    first, second = x
    assert_array_equal(second.data, A[1])
    assert_array_equal(gradient(first * second, x), A[::-1])


def test_a_tensor_as_index_gives_its_value() -> None:
    x = leaf([1.0, 2.0, 3.0])
    assert_array_equal(gradient(x[Tensor([0, 0, 2])], x), [2, 0, 1])
    y = leaf(A)
    assert_array_equal(gradient(y[:, Tensor([1])], y), [[0, 1, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    "f",
    [
        np.isnan, np.isfinite, np.isinf, np.isposinf, np.isneginf, np.signbit, np.logical_not,
        np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero, np.nanargmax,
        np.nanargmin,
        np.unique, np.argwhere, np.flatnonzero, lambda x: np.argpartition(x, 1),
        lambda x: np.isin(x, [4.0]),
        lambda x: np.searchsorted([0.0, 1.0], x), lambda x: np.digitize(x, [0.0, 1.0]),
        lambda x: np.logical_xor(x, 0), lambda x: np.array_equiv(x, A),
        np.shape, np.ndim, np.size, np.zeros_like, np.ones_like,
        lambda x: np.full_like(x, 2.0), lambda x: np.result_type(x), lambda x: np.argmax(x, axis=1),
        lambda x: np.greater(x, 0), lambda x: np.greater_equal(x, 0.5), lambda x: np.less(x, x),
        lambda x: np.less_equal(0, x), lambda x: np.equal(x, x), lambda x: np.not_equal(x, 4.0),
        lambda x: np.isclose(x, A), lambda x: np.allclose(x, A), lambda x: np.array_equal(x, A),
        lambda x: np.logical_and(x, 1), lambda x: np.logical_or(0, x),
        lambda x: x > 0, lambda x: x >= 0.5, lambda x: x < 0, lambda x: x <= 0.5,
        lambda x: x == 0.5,
        lambda x: x != 0.5, lambda x: x == Tensor(A),
        lambda x: operator.lt(0, x), lambda x: operator.le(A, x), lambda x: operator.eq(A, x),
        lambda x: operator.gt(A, x), lambda x: operator.ne([[1, 2, 3]] * 2, x),
    ],
)  # fmt: skip
def test_truth_values_indices_and_structure_are_plain_arrays(f: Callable[[Any], Any]) -> None:
    y = f(leaf(A))
    assert not isinstance(y, Tensor)
    assert_array_equal(y, f(A))


def test_no_function_is_both_constant_and_differentiable() -> None:
    assert not CONSTANT & VJP.keys()


# -- trap 1: Tensors in places where NumPy does not look for them ----------------------------------


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.sum(a=x), 1.0),
        (lambda x: np.sum(axis=0, a=x, keepdims=True), 1.0),
        (lambda x: np.mean(a=x), 1 / 6),
        (lambda x: np.transpose(a=x, axes=(1, 0)), 1.0),
        (lambda x: np.expand_dims(a=x, axis=0), 1.0),
        (lambda x: np.squeeze(a=x), 1.0),
        (lambda x: np.broadcast_to(array=x, shape=(5, 2, 3)), 5.0),
        (lambda x: np.stack(arrays=[x, x], axis=-1), 2.0),
        (lambda x: np.ravel(a=x), 1.0),
        (lambda x: np.split(ary=x, indices_or_sections=3, axis=1)[1], [[0, 1, 0], [0, 1, 0]]),
        (lambda x: np.clip(a=x, a_min=0.0, a_max=3.5), [[1, 0, 1], [1, 0, 0]]),
    ],
)
def test_a_tensor_by_keyword(f: Callable[[Any], Any], expected: Any) -> None:
    x = leaf(A)
    assert_allclose(gradient(f(x), x), np.broadcast_to(expected, A.shape))


@pytest.mark.parametrize("f", [relu, sigmoid, softplus, softmax, log_softmax, logsumexp])
def test_a_tensor_by_keyword_to_a_primitive_of_our_own(f: Callable[..., Any]) -> None:
    x, y = leaf([0.0, 1.0, 1.0]), leaf([0.0, 1.0, 1.0])
    by_keyword = f(x=y)
    assert by_keyword.creator.fun is f
    assert_array_equal(gradient(by_keyword, y), gradient(f(x), x))


@pytest.mark.parametrize(
    ("join", "weights"),
    [
        (lambda a, b: np.stack([a, b]), [[1.0, 2.0], [3.0, 4.0]]),
        (lambda a, b: np.stack((b, a), axis=-1), [[3.0, 1.0], [4.0, 2.0]]),
        (lambda a, b: np.concatenate([a, b]), [1.0, 2.0, 3.0, 4.0]),
        (lambda a, b: np.concatenate((a, b), axis=None), [1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_lists_of_tensors_can_be_joined(join: Callable[..., Any], weights: Any) -> None:
    a, b = leaf([5.0, 6.0]), leaf([7.0, 8.0])
    y = join(a, b)
    assert_array_equal(y.data, join(a.data, b.data))
    y.backward(weights)
    assert_array_equal(a.grad, [1, 2])
    assert_array_equal(b.grad, [3, 4])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum([x, x]),
        lambda x: np.mean([x, x]),
        lambda x: np.array([x, x]),
        lambda x: np.asarray([[x], [x]]),
        lambda x: np.array(x),
        lambda x: np.asarray(x),
        lambda x: np.tanh([x, x]),
        lambda x: sigmoid([x, x]),
        lambda x: Tensor([x, x]),
        lambda x: np.concatenate([[x], [x]]),
        lambda x: np.stack([[x, x], [x, x]]),
        lambda x: np.add([x, x], 1.0),
        lambda x: operator.add(np.ones(2), [x, x]),
    ],
)
@pytest.mark.parametrize("shape", [(), (3,), (0,)])
def test_a_tensor_that_requires_a_gradient_does_not_become_an_array(
    f: Callable[[Any], Any], shape: Any
) -> None:
    with pytest.raises(UnsupportedError) as error:
        f(leaf(np.ones(shape), "h"))
    words = str(error.value)
    assert words.startswith(f"Tensor h of shape {shape} requires a gradient")  # what
    assert "would be detached silently" in words  # why
    assert "np.stack or np.concatenate" in words  # mend
    assert "x.data" in words


def test_a_tensor_without_gradient_is_an_array_like_any_other() -> None:
    x = Tensor([1.0, 2.0])
    assert_array_equal(np.asarray(x), [1, 2])
    assert_array_equal(np.array([x, x]), [[1, 2], [1, 2]])
    assert np.sum([x, x]) == 6.0
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    copy = np.array(x)
    copy[0] = 7.0
    assert_array_equal(x.data, [1, 2])


# -- trap 2: in place ------------------------------------------------------------------------------


def test_augmented_assignment_rebinds() -> None:
    x = leaf([1.0, 2.0])
    y = before = x * 2.0
    y += x
    assert y is not before
    assert_array_equal(before.data, [2, 4])
    assert_array_equal(gradient(y, x), [3, 3])
    y = x
    y -= 1.0
    y *= x
    y /= 2.0
    y **= 2
    assert_array_equal(x.data, [1, 2])
    z = x
    z %= 1.5
    z //= 0.25
    assert_array_equal(x.data, [1, 2])
    assert_array_equal(z.data, [4, 2])
    assert_allclose(
        gradient(y, x), (2 * x.data - 1) * (x.data**2 - x.data) / 2
    )  # of ((x - 1) x / 2)^2


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x.sort(), ["x.sort() changes an array in place", "y = np.sort(x)"]),
        (
            lambda x: np.std(x, out=np.zeros(())),
            ["np.std", "takes no out=", "It knows a, axis, correction, ddof"],
        ),
        (
            lambda x: np.clip(x, 0, 1, out=np.zeros(2)),
            ["np.clip", "takes no out=", "a, a_max, a_min, max, min"],
        ),
        (lambda x: np.median(x, 0, np.zeros(())), ["np.median", "takes no out="]),
        (
            lambda x: np.pad(x, 1, end_values=1),
            ["np.pad", "takes no end_values=", "It knows array"],
        ),
        (
            lambda x: np.add(x, x, out=np.zeros(2)),
            ["np.add", "takes no out=", "results are new Tensors", "y = f(x)"],
        ),
        (lambda x: np.add(x, x, np.zeros(2)), ["np.add", "takes no out="]),
        (lambda x: np.tanh(x, out=x), ["np.tanh", "takes no out="]),
        (
            lambda x: np.tanh(x, where=[True, False]),
            ["np.tanh", "takes no where=", "select with np.where"],
        ),
        (lambda x: np.add(x, x, dtype=np.float32), ["takes no dtype=", "x.astype"]),
        (lambda x: np.zeros(2).__iadd__(x), ["np.add", "takes no out="]),
        (
            lambda x: np.add.at(np.zeros(2), [0], x),
            ["np.add.at is not recorded", "np.sum", "x.data"],
        ),
        (lambda x: np.add.reduce(x), ["np.add.reduce is not recorded", "np.sum", "x.data"]),
        (lambda x: np.multiply.outer(x, x), ["np.multiply.outer is not recorded"]),
        (lambda x: np.add.accumulate(x), ["np.add.accumulate is not recorded"]),
        (
            lambda x: np.sum(x, out=np.zeros(())),
            ["np.sum", "takes no out=", "It knows a, axis, dtype"],
        ),
        (lambda x: np.round(x, out=x), ["np.round", "takes no out=", "It knows a, decimals"]),
        (
            lambda x: np.reshape(x, (1, 2), order="A"),
            ["np.reshape", "takes no order='A'", "Use 'C' or 'F'"],
        ),
        (
            lambda x: x.__setitem__(0, 1.0),
            ["not changed in place", "values recorded earlier", "np.where"],
        ),
    ],
)
def test_what_has_no_meaning_on_a_graph_is_refused(
    f: Callable[[Any], Any], words: list[str]
) -> None:
    with pytest.raises(UnsupportedError) as error:
        f(leaf([1.0, 2.0]))
    for word in words:
        assert word in str(error.value)


def test_what_is_given_by_position_is_not_taken_for_keepdims() -> None:
    x = leaf(np.arange(9.0).reshape(3, 3))
    for f in (np.sum, np.mean):  # their third argument is dtype
        assert f(x, 1, np.float64).shape == (3,)
    for f in (np.max, np.min):  # it is out
        with pytest.raises(UnsupportedError, match="takes no out="):
            f(x, 1, np.float64)


# -- trap 7: == and hashing ------------------------------------------------------------------------


def test_equality_is_elementwise_and_hashing_by_identity() -> None:
    x, same = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    assert_array_equal(x == same, [True, True])
    assert_array_equal(x != np.array([1.0, 3.0]), [False, True])
    assert {x: "x", same: "same"}[x] == "x"
    assert len({x, same, x}) == 2
    assert hash(x) != hash(same)


def test_a_dict_of_many_tensors_finds_each() -> None:
    tensors = [Tensor(np.zeros(3)) for _ in range(1000)]
    index = {t: i for i, t in enumerate(tensors)}
    assert [index[t] for t in tensors] == list(range(1000))


# -- errors say what, why and the mend -------------------------------------------------------------


def test_a_function_without_rules() -> None:
    with pytest.raises(NoDerivativeError) as error:
        np.spacing(leaf([1.0]))
    assert str(error.value) == (
        "np.spacing has no derivative for argument 0, a Tensor that requires a gradient. "
        "Add defvjp(np.spacing, ...), or pass x.data."
    )


def test_a_function_without_rules_names_the_argument_that_requires_a_gradient() -> None:
    with pytest.raises(
        NoDerivativeError, match=r"^np\.nextafter has no derivative for argument 1, "
    ):
        np.nextafter(Tensor([1.0]), leaf([1.0]))


@pytest.mark.parametrize("f", [np.unwrap, np.linalg.lstsq, np.histogramdd])
def test_other_functions_without_rules(f: Callable[..., Any]) -> None:
    args = {np.unwrap: (leaf([1.0]),), np.histogramdd: ([leaf([1.0])],)}
    with pytest.raises(NoDerivativeError, match=f"^{name_of(f)} has no derivative"):
        f(*args.get(f, (leaf([1.0]), leaf([1.0]))))


def test_a_function_of_a_submodule_is_called_by_its_full_name() -> None:
    with pytest.raises(
        NoDerivativeError, match=r"Add defvjp\(np\.linalg\.eig, \.\.\.\), or pass x\.data\.$"
    ):
        np.linalg.eig(leaf([1.0]))


def test_an_argument_without_a_rule_is_refused_at_the_call() -> None:
    with pytest.raises(NoDerivativeError) as error:
        np.where(leaf([1.0, 0.0]), leaf([1.0, 2.0]), 0.0)
    assert str(error.value) == (
        "np.where has no derivative for argument 0, a Tensor that requires a gradient. "
        "Add defvjp(np.where, ...), or pass x.data."
    )
    x = leaf([1.0, 2.0])
    assert_array_equal(
        gradient(np.where(Tensor([1.0, 0.0]), x, 0.0), x), [1, 0]
    )  # a constant condition is fine


def test_a_primitive_without_rules_is_refused_at_the_call() -> None:
    @primitive
    def softsign(x: Any) -> Any:
        return x / (1 + np.abs(x))

    assert softsign(1.0) == 0.5
    with pytest.raises(
        NoDerivativeError,
        match=r"^softsign has no derivative for argument 0, .* Add defvjp\(softsign",
    ):
        softsign(leaf(1.0))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (["a", "b"], ["hold real numbers", "<U1", "Convert it first"]),
        ([1j], ["hold real numbers", "complex128"]),
        ([None], ["hold real numbers", "object"]),
    ],
)
def test_data_that_is_not_numeric(data: Any, words: list[str]) -> None:
    with pytest.raises(DTypeError) as error:
        Tensor(data)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("data", [1, [1, 2], [True, False], np.zeros(2, np.uint8)])
def test_an_integer_tensor_cannot_require_a_gradient(data: Any) -> None:
    with pytest.raises(DTypeError) as error:
        Tensor(data, requires_grad=True)
    words = str(error.value)
    assert f"dtype {np.asarray(data).dtype} cannot require a gradient" in words  # what
    assert "derivatives need a floating dtype" in words  # why
    assert "Pass floats" in words  # mend
    assert Tensor(data).requires_grad is False


def test_a_tensor_of_a_tensor_is_refused() -> None:
    with pytest.raises(
        UnsupportedError,
        match=r"is a Tensor already\. Use it as it is, or pass x\.detach\(\)\.data",
    ):
        Tensor(Tensor(1.0))


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda: leaf(A, "x") @ leaf(A, "W_xh"),
         ["np.matmul of x (2, 3) and W_xh (2, 3): ", "3 entries meets one"]),
        (lambda: leaf(A, "x") + np.zeros(4),
         ["np.add of x (2, 3) and an array (4,): ", "broadcast"]),
        (lambda: np.zeros(4) * leaf(A), ["np.multiply of an array (4,) and a Tensor (2, 3): "]),
        (lambda: leaf(A, "x").reshape(4), ["np.reshape of x (2, 3): ", "cannot reshape"]),
        (lambda: np.concatenate([leaf(A, "x"), leaf([1.0], "h")]),
         ["concatenate of x (2, 3) and h (1,): "]),
        (lambda: np.stack([leaf(A, "x"), leaf([1.0], "h")]),
         ["stack of x (2, 3) and h (1,): ", "same shape"]),
        (lambda: np.max(leaf(np.zeros((0, 2)), "x")), ["np.max of x (0, 2): ", "zero-size"]),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_named(f: Callable[[], Any], words: list[str]) -> None:
    with pytest.raises(ShapeError) as error:
        f()
    for word in words:
        assert word in str(error.value)


def test_errors_are_also_the_builtin_ones() -> None:
    for error, builtin in (
        (ShapeError, ValueError),
        (DTypeError, TypeError),
        (NoDerivativeError, TypeError),
        (UnsupportedError, TypeError),
        (GradientError, RuntimeError),
    ):
        assert issubclass(error, TinygradError)
        assert issubclass(error, builtin)


# -- backward --------------------------------------------------------------------------------------


def test_backward_of_a_formula() -> None:
    x, w, b = leaf([[1.0, 2.0]], "x"), leaf([[0.5], [-0.25]], "w"), leaf([0.1], "b")
    y = np.tanh(x @ w + b)
    y.backward([[2.0]])
    g = 2.0 * (1 - y.data**2)
    assert_allclose(x.grad, g * w.data.T)
    assert_allclose(w.grad, g * x.data.T)
    assert_allclose(b.grad, g[0])


def test_backward_twice_accumulates() -> None:
    x = leaf([1.0, 2.0])
    y = np.sum(x * x)
    y.backward()
    first = x.grad
    y.backward()
    np.sum(3.0 * x).backward()
    assert_array_equal(x.grad, 4 * x.data + 3)
    assert_array_equal(first, 2 * x.data)  # not written to
    x.grad = None
    y.backward()
    assert_array_equal(x.grad, 2 * x.data)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_grad_is_an_array_of_shape_and_dtype_of_the_data(shape: Any, dtype: Any) -> None:
    x = leaf(np.ones(shape), dtype=dtype)
    for times in (1, 2, 3):
        np.sum(x * x).backward()
        assert type(x.grad) is np.ndarray
        assert_array_equal(x.grad, np.full(shape, 2 * times, dtype), strict=True)


def test_gradients_do_not_share_memory_with_each_other_or_with_the_users_arrays() -> None:
    g = np.ones(2)
    a, b, c = leaf([1.0, 2.0]), leaf([3.0, 4.0]), leaf([0.0, 0.0])
    y = (a + b + c).retain_grad()
    y.backward(g)
    a.grad[...] = 7.0
    for other in (b.grad, c.grad, y.grad, g):
        assert_array_equal(other, [1, 1])
    x, t = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    np.sum(x + t.T.reshape(2)[::1]).backward()
    x.grad[0] = 7.0
    assert_array_equal(t.grad, [1, 1])
    k = np.array([5.0, 6.0])
    z = leaf([1.0, 1.0])
    np.sum(z * k).backward()
    z.grad[...] = 0.0
    assert_array_equal(k, [5, 6])


def test_the_gradient_of_a_leaf_by_itself() -> None:
    x = leaf([1.0, 2.0])
    x.backward([3.0, 4.0])
    assert_array_equal(x.grad, [3, 4])


def test_only_leaves_and_retained_results_keep_a_gradient() -> None:
    x, constant = leaf([1.0, 2.0]), Tensor([5.0, 6.0])
    h = np.square(x) * constant
    kept = np.tanh(h).retain_grad()
    np.sum(2.0 * kept).backward()
    assert_array_equal(kept.grad, [2, 2])
    with pytest.warns(
        GradientWarning,
        match=r"result of np\.multiply.* stores gradients for leaves only\. Call x\.retain",
    ):
        assert h.grad is None
    assert constant.grad is None
    assert x.grad is not None


def test_the_same_tensor_in_several_places_gets_the_sum() -> None:
    x = leaf([3.0])
    assert_array_equal(gradient(x * x * x + x, x), [28])
    assert_array_equal(gradient(np.concatenate([x, x, 2 * x]), x), [4])
    assert_array_equal(gradient(np.where([True], x, x), x), [1])


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (
            lambda: (leaf(A) * 2.0).backward(),
            GradientError,
            [
                "of shape (2, 3) is not a scalar",
                "needs a seed",
                "backward(g)",
                "np.sum(y).backward()",
            ],
        ),
        (
            lambda: leaf(A, "h").backward([1.0, 2.0]),
            ShapeError,
            ["seed has shape (2,)", "Tensor h", "shape (2, 3)"],
        ),
        (lambda: leaf(A, "h").backward(1.0), ShapeError, ["seed has shape ()", "shape (2, 3)"]),
        (
            lambda: Tensor(1.0, name="L").backward(),
            GradientError,
            [
                "Tensor L",
                "does not depend on any Tensor with requires_grad=True",
                "no_grad",
                "Create the parameters",
            ],
        ),
        (
            lambda: Tensor(A, name="c").retain_grad(),
            GradientError,
            ["Tensor c", "does not require a gradient"],
        ),
    ],
)
def test_backward_that_cannot_be_done(
    f: Callable[[], Any], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as raised:
        f()
    for word in words:
        assert word in str(raised.value)


def test_the_seed_is_cast_and_may_be_left_out_for_one_entry() -> None:
    x = leaf([[2.0]], dtype=np.float32)
    (x * x).backward()
    assert_array_equal(x.grad, np.float32([[4]]), strict=True)
    x.grad = None
    (x * x).backward(np.array([[3]]))
    assert_array_equal(x.grad, np.float32([[12]]), strict=True)
    x.grad = None
    y = (x * x).retain_grad()
    y.backward(Tensor([[0.5]]))
    assert_array_equal(x.grad, np.float32([[2]]), strict=True)
    assert_array_equal(y.grad, np.float32([[0.5]]), strict=True)


# -- rebinding data --------------------------------------------------------------------------------


def test_new_data_after_the_forward_pass_does_not_change_its_gradients() -> None:
    w, x = leaf([2.0, 3.0], "w"), leaf([5.0, 7.0], "x")
    y = np.sum(np.tanh(w) * x * w)
    at = w.data, x.data
    w.data, x.data = np.array([1000.0, 1000.0]), np.zeros(2)
    y.backward()
    assert_allclose(w.grad, at[1] * (np.tanh(at[0]) + at[0] * (1 - np.tanh(at[0]) ** 2)))
    assert_allclose(x.grad, np.tanh(at[0]) * at[0])


def test_a_result_is_given_no_new_data() -> None:
    h = np.tanh(leaf([0.5], "x"))
    with pytest.raises(
        GradientError,
        match=r"is the result of np\.tanh: its data cannot be replaced.*x\.detach\(\)",
    ):
        h.data = np.zeros(1)
    with pytest.raises(ValueError, match="read-only"):
        h.data[0] = 1.0
    assert_allclose(h.data, np.tanh([0.5]))


# -- no_grad ---------------------------------------------------------------------------------------


def test_no_grad_records_nothing_and_nests() -> None:
    x = leaf([1.0])
    with no_grad():
        assert (x * 2.0).creator is None
        with no_grad():
            assert not (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
        with grad_mode(True):
            assert (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad


def test_no_grad_ends_with_an_exception() -> None:
    x = leaf([1.0])

    @no_grad()
    def fail() -> None:
        assert not (x * 2.0).requires_grad
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (x * 2.0).requires_grad
    with pytest.raises(ShapeError), no_grad():
        x @ np.ones((2, 2))
    assert (x * 2.0).requires_grad


def test_no_grad_as_a_decorator() -> None:
    @no_grad()
    def predict(x: Any) -> Any:
        return np.tanh(x)

    x = leaf([1.0])
    assert not predict(x).requires_grad
    assert not predict(x).requires_grad
    assert np.tanh(x).requires_grad


def test_no_grad_decorates_generators_and_coroutines() -> None:
    x = leaf([1.0])

    @no_grad()
    def outputs() -> Any:
        yield x * 2.0
        yield x * 3.0
        return x * 4.0

    def through() -> Any:
        yield (yield from outputs())

    @no_grad()
    async def predict() -> Any:
        await asyncio.sleep(0)
        return x * 2.0

    assert [y.requires_grad for y in through()] == [False, False, False]
    assert not asyncio.run(predict()).requires_grad
    for y in outputs():
        assert not y.requires_grad
        assert (x * 2.0).requires_grad  # while it waits

    class Object:
        def __call__(self) -> Any:
            yield (x * 2.0).requires_grad

    class Coroutine:
        async def __call__(self, y: Any) -> Any:
            return (y * 2.0).requires_grad

    assert list(no_grad()(Object())()) == [False]
    assert list(no_grad()(functools.partial(Object()))()) == [False]
    assert asyncio.run(no_grad()(functools.partial(Coroutine(), x))()) is False
    for wrong in (3, type):
        with pytest.raises(ArgumentTypeError, match="cannot be decorated"):
            no_grad()(wrong)


def test_a_generator_may_leave_no_grad_inside_that_of_its_caller() -> None:
    x = leaf([1.0])

    def inside() -> Any:
        with no_grad():
            yield
        yield (x * 2.0).requires_grad

    waiting = inside()
    next(waiting)
    with no_grad():
        assert next(waiting) is False
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad
    assert recording.get() is True


def test_an_error_that_the_user_raises_out_of_numpy_is_the_users() -> None:
    class Mine(ValueError):
        pass

    def raising(kind: str, flag: int) -> None:
        raise Mine(kind)

    x = leaf([0.0])
    with np.errstate(all="call", call=raising):
        for f in (np.log, lambda x: x / x, lambda x: np.logaddexp(x, np.inf - x / 0.0)):
            with pytest.raises(Mine):
                f(x)


def test_no_grad_holds_in_its_own_thread_only() -> None:
    x = leaf([1.0])
    both = threading.Barrier(2, timeout=10)
    seen: dict[str, list[bool]] = {"quiet": [], "loud": []}

    def quiet() -> None:
        with no_grad():
            for _ in range(3):
                both.wait()
                seen["quiet"].append((x * 2.0).requires_grad)
                both.wait()
        seen["quiet"].append((x * 2.0).requires_grad)

    def loud() -> None:
        for _ in range(3):
            both.wait()
            seen["loud"].append((x * 2.0).requires_grad)
            both.wait()
        seen["loud"].append((x * 2.0).requires_grad)

    threads = [threading.Thread(target=f) for f in (quiet, loud)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert seen == {"quiet": [False, False, False, True], "loud": [True, True, True, True]}
    assert recording.get()


def test_a_primitive_with_an_argument_without_rule_is_fine_under_no_grad() -> None:
    with no_grad():
        assert_array_equal(np.where(leaf([1.0, 0.0]), 5.0, 6.0).data, [5, 6])
