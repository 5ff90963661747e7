"""The losses and the functions NumPy lacks, against closed formulas."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn import functional
from tinygrad_rnn.differentiate import grad
from tinygrad_rnn.errors import DataError, ShapeError
from tinygrad_rnn.functional import (
    cross_entropy,
    half_squared_error,
    identity,
    log_softmax,
    logsumexp,
    mean_squared_error,
    relu,
    sigmoid,
    softmax,
    softplus,
    squared_error,
)
from tinygrad_rnn.gradcheck import check_grads
from tinygrad_rnn.tensor import Tensor

Y = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
TARGET = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, 0.5]])
E = Y - TARGET


def jacobian(f: Callable[[Any], Any], x: Any) -> Any:
    """Row i is the gradient of f(x)[i]."""
    return np.array([grad(lambda x, i=i: f(x)[i])(x) for i in range(len(f(x)))])


# -- squared errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "value", "derivative"),
    [
        (half_squared_error, np.sum(E**2) / 2, E),  # above (3.2): dL/dy = y - target
        (squared_error, np.sum(E**2), 2 * E),
        (mean_squared_error, np.mean(E**2), 2 * E / E.size),
    ],
)
def test_squared_errors(loss: Callable[..., Any], value: float, derivative: Any) -> None:
    assert_allclose(loss(Y, TARGET), value)
    assert loss(Tensor(Y), TARGET).shape == ()
    dy, dt = grad(loss, (0, 1))(Y, TARGET)
    assert_allclose(dy, derivative)
    assert_allclose(dt, -derivative)
    check_grads(loss, [Y, TARGET])
    assert loss(Tensor(np.float32(Y)), np.float32(TARGET)).dtype == np.float32


@pytest.mark.parametrize("loss", [half_squared_error, squared_error, mean_squared_error])
def test_a_loss_does_not_broadcast_its_target(loss: Callable[..., Any]) -> None:
    for target in (TARGET[0], TARGET[:, :1], 1.0, TARGET.T):
        with pytest.raises(ShapeError) as error:
            loss(Tensor(Y, requires_grad=True), target)
        assert str(error.value) == (f"y has shape (2, 3) and target {np.shape(target)}; a loss needs the same shape.")


# -- cross entropy ------------------------------------------------------------------------------------

CLASSES = np.array([2, 0])
ONE_HOT = np.eye(3)[CLASSES]


def test_cross_entropy_of_class_indices() -> None:
    p = np.exp(Y) / np.exp(Y).sum(axis=1, keepdims=True)
    assert_allclose(cross_entropy(Y, CLASSES), -np.mean(np.log(p[[0, 1], CLASSES])))
    assert_allclose(grad(cross_entropy)(Y, CLASSES), (p - ONE_HOT) / 2)
    check_grads(cross_entropy, [Y, CLASSES])


def test_cross_entropy_of_probabilities() -> None:
    p, q = np.exp(Y) / np.exp(Y).sum(axis=1, keepdims=True), np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    assert_allclose(cross_entropy(Y, q), -np.sum(q * np.log(p)) / 2)
    assert_allclose(grad(cross_entropy)(Y, q), (p - q) / 2)
    assert_allclose(cross_entropy(Y, ONE_HOT), cross_entropy(Y, CLASSES))
    check_grads(lambda y: cross_entropy(y, q), [Y])


def test_cross_entropy_of_one_row_and_of_time_major_sequences() -> None:
    assert_allclose(cross_entropy(Y[0], 2), -log_softmax(Y[0])[2])
    assert_allclose(grad(cross_entropy)(Y[0], np.array(2)), softmax(Y[0]) - ONE_HOT[0])
    assert_allclose(cross_entropy(Y[0], ONE_HOT[0]), -log_softmax(Y[0])[2])
    logits = np.random.default_rng(0).standard_normal((4, 2, 3))  # (T, B, O)
    classes = np.random.default_rng(1).integers(3, size=(4, 2))
    rows = [cross_entropy(logits[t, b], classes[t, b]) for t in range(4) for b in range(2)]
    assert_allclose(cross_entropy(logits, classes), np.mean(rows))
    assert_allclose(cross_entropy(logits, np.eye(3)[classes]), np.mean(rows))
    check_grads(cross_entropy, [logits, classes])


def test_cross_entropy_far_out_is_exact() -> None:
    logits = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    assert cross_entropy(logits, np.array([0, 1])) == 0.0
    assert cross_entropy(logits, np.array([1, 1])) == 1000.0
    assert_array_equal(grad(cross_entropy)(logits, np.array([1, 1])), [[0.5, -0.5], [0, 0]])


def test_cross_entropy_stays_float32() -> None:
    logits = Tensor(np.float32(Y), requires_grad=True)
    for target in (CLASSES, np.float32(ONE_HOT)):
        loss = cross_entropy(logits, target)
        assert loss.dtype == np.float32
        loss.backward()
        assert logits.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (np.array([0, 1, 2]), ShapeError, ["class indices have shape (3,)", "logits (2, 3) need (2,)", "each row"]),
        (np.array([[0], [1]]), ShapeError, ["class indices have shape (2, 1)", "need (2,)"]),
        (1, ShapeError, ["class indices have shape ()", "need (2,)"]),
        (np.array([0, 3]), DataError, ["run from 0 to 3", "with 3 logits", "0..2"]),
        (np.array([-1, 0]), DataError, ["run from -1 to 0", "0..2"]),
        (np.array([0.0, 1.0]), ShapeError, ["shape (2, 3) and target (2,)", "same shape"]),
        (np.ones((2, 1)), ShapeError, ["shape (2, 3) and target (2, 1)"]),
    ],
)
def test_cross_entropy_of_what_does_not_go_together(target: Any, error: type[Exception], words: list[str]) -> None:
    for logits in (Y, Tensor(Y, requires_grad=True)):
        with pytest.raises(error) as raised:
            cross_entropy(logits, target)
        for word in words:
            assert word in str(raised.value)


# -- what NumPy lacks ---------------------------------------------------------------------------------

V = np.array([0.3, -1.2, 2.0, 0.7])


def test_softmax_is_a_distribution_with_the_known_jacobian() -> None:
    p = softmax(V)
    assert_allclose(p.sum(), 1.0)
    assert_allclose(p, np.exp(V) / np.exp(V).sum())
    assert_allclose(jacobian(softmax, V), np.diag(p) - np.outer(p, p))
    assert_allclose(jacobian(log_softmax, V), np.eye(4) - p)  # row i: e_i - p
    assert_allclose(grad(logsumexp)(V), p)


def test_the_hessian_of_logsumexp_is_the_jacobian_of_softmax() -> None:
    assert_allclose(jacobian(grad(logsumexp), V), jacobian(softmax, V), rtol=1e-12)


def test_sigmoid_and_its_relations() -> None:
    s = sigmoid(V)
    assert_allclose(s, 1 / (1 + np.exp(-V)))
    assert_allclose(s, (1 + np.tanh(V / 2)) / 2)
    assert_allclose(jacobian(sigmoid, V), np.diag(s * (1 - s)))
    assert_allclose(jacobian(softplus, V), np.diag(s))
    assert_allclose(softplus(V) - softplus(-V), V)


def test_relu_and_identity() -> None:
    assert_array_equal(relu(V), [0.3, 0, 2, 0.7])
    assert_array_equal(jacobian(relu, V), np.diag([1, 0, 1, 1]))
    assert identity(V) is V


def test_integers_are_welcome() -> None:
    assert_allclose(sigmoid(np.array([0, 1])), [0.5, 1 / (1 + np.exp(-1))])
    assert_allclose(softmax(np.array([0, 0])), [0.5, 0.5])
    assert_array_equal(relu(np.array([-1, 1])), [0, 1])
    assert_allclose(log_softmax(np.array([5, 5])), -np.log([2, 2]))


def test_every_public_name_is_there() -> None:
    assert [name for name in functional.__all__ if not callable(getattr(functional, name, None))] == []
