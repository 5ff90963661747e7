"""The functions NumPy lacks, against closed formulas, at their kinks and far out."""

import doctest
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn import functional as fn
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import NoDerivativeError, UsageError
from tinygrad_rnn.functional import (
    identity,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    softmax,
    softplus,
)
from tinygrad_rnn.transforms.gradients import grad

pytestmark = pytest.mark.tiny


def jacobian(f: Callable[[Any], Any], x: Any) -> Any:
    """Row i is the gradient of f(x)[i]."""
    return np.array([grad(lambda x, i=i: f(x)[i])(x) for i in range(len(f(x)))])


# -- what NumPy lacks ------------------------------------------------------------------------------

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


# -- activations -----------------------------------------------------------------------------------


def slope(f: Callable[[Any], Any], x: Any) -> Any:
    """f'(x), elementwise."""
    return grad(lambda x: np.sum(f(x)))(np.asarray(x, dtype=float))


@pytest.mark.parametrize(
    ("f", "points", "slopes"),
    [
        (fn.leaky_relu, [-1, 0, 1], [0.01, 0.01, 1]),
        (lambda x: fn.leaky_relu(x, 0.5), [-1, 0, 1], [0.5, 0.5, 1]),
        (fn.hardtanh, [-2, -1, 0, 1, 2], [0, 0, 1, 0, 0]),
        (lambda x: fn.hardtanh(x, 0, 3), [-1, 0, 1, 3, 4], [0, 0, 1, 0, 0]),
        (lambda x: fn.elu(x, 0.5), [0, 1], [0.5, 1]),
        (fn.selu, [0, 1], [1.0507009873554805 * 1.6732632423543772, 1.0507009873554805]),
        (fn.softsign, [-1, 0, 1], [1 / 4, 1, 1 / 4]),
    ],
)
def test_slopes_at_kinks_are_those_of_pytorch(
    f: Callable[[Any], Any], points: Any, slopes: Any
) -> None:
    assert_allclose(slope(f, points), slopes, rtol=1e-15)


@pytest.mark.parametrize(
    ("f", "values", "slopes"),  # at -1000 and 1000
    [
        (fn.relu, [0, 1000], [0, 1]),
        (fn.leaky_relu, [-10, 1000], [0.01, 1]),
        (fn.hardtanh, [-1, 1], [0, 0]),
        (fn.elu, [-1, 1000], [0, 1]),
        (fn.selu, [-1.7580993408473768, 1050.7009873554805], [0, 1.0507009873554805]),
        (fn.silu, [0, 1000], [0, 1]),
        (fn.mish, [0, 1000], [0, 1]),
        (fn.gelu, [0, 1000], [0, 1]),
        (lambda x: fn.gelu(x, approximate="tanh"), [0, 1000], [0, 1]),
        (fn.erf, [-1, 1], [0, 0]),
        (fn.erfc, [2, 0], [0, 0]),
        (fn.softsign, [-1000 / 1001, 1000 / 1001], [1 / 1001**2, 1 / 1001**2]),
    ],
)
def test_far_out(f: Callable[[Any], Any], values: Any, slopes: Any) -> None:
    far = np.array([-1000.0, 1000.0])
    assert_allclose(f(far), values, rtol=1e-15)
    assert_allclose(slope(f, far), slopes, rtol=1e-13)
    assert np.all(np.isfinite(slope(lambda x: grad(lambda x: np.sum(f(x)))(x), far)))
    assert f(np.float32(far)).dtype == np.float32
    assert_allclose(slope(lambda x: f(x.astype(np.float32)), far), slopes, rtol=1e-4)


def test_small_tails_are_kept() -> None:
    e = np.exp(-40.0)
    assert_allclose(slope(fn.elu, -40.0), e, rtol=1e-15)
    assert_allclose(slope(fn.silu, -40.0), -39 * e, rtol=1e-14)  # s (1 + x (1 - s))
    assert_allclose(fn.mish(-40.0), -40 * e, rtol=1e-14)
    assert_allclose(fn.gelu(-10.0), -5 * math.erfc(10 / math.sqrt(2)), rtol=1e-13)


def test_gelu_by_tanh_is_near_gelu() -> None:
    x = np.linspace(-5, 5, 101)
    assert_allclose(fn.gelu(x, approximate="tanh"), fn.gelu(x), atol=5e-4)
    assert_allclose(fn.gelu(x) - fn.gelu(-x), x, atol=1e-14)


def test_erf_and_erfc_and_logit_are_what_they_say() -> None:
    assert_array_equal(fn.erf(V), [math.erf(v) for v in V])
    assert_allclose(fn.erf(V) + fn.erfc(V), 1, rtol=1e-15)
    assert_allclose(fn.logit(sigmoid(V)), V)
    x = Tensor([0.0, 0.25], requires_grad=True)
    with np.errstate(divide="ignore"):  # NumPy's own warning, for the value -inf
        y = np.where(x > 0, fn.logit(x), 0)
    y.backward(np.ones(2))
    assert_allclose(x.grad, [0, 16 / 3])


def test_options_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="approximate='none' and approximate='tanh', not 'fast'"):
        fn.gelu(V, approximate="fast")
    with pytest.raises(UsageError, match=r"min_val=2 and max_val=1.0; min_val must not be larger"):
        fn.hardtanh(V, min_val=2)
    with pytest.raises(NoDerivativeError, match="leaky_relu has no derivative for argument 1"):
        fn.leaky_relu(Tensor(V), negative_slope=Tensor(0.1, requires_grad=True))


# -- masks of -inf ---------------------------------------------------------------------------------


def test_masked_entries_have_probability_0_and_send_nothing() -> None:
    x = np.array([[0.0, -np.inf, np.log(3.0)], [-np.inf, 5.0, -np.inf]])
    p = np.array([[1 / 4, 0, 3 / 4], [0, 1, 0]])
    assert_allclose(softmax(x), p)
    assert_allclose(np.exp(log_softmax(x)), p)
    assert_allclose(logsumexp(x, axis=1), [np.log(4.0), 5])
    assert_allclose(slope(lambda x: logsumexp(x, axis=1), x), p)
    assert_allclose(slope(lambda x: softmax(x)[:, 1], x), 0 * p, atol=1e-16)
    assert_allclose(slope(lambda x: softmax(x)[:, 0], x), [[3 / 16, 0, -3 / 16], [0, 0, 0]])
    assert_allclose(slope(lambda x: log_softmax(x)[0, 2], x), [[-1 / 4, 0, 1 / 4], [0, 0, 0]])
    first = grad(lambda x: np.sum(softmax(x)[:, 0]))
    assert np.all(np.isfinite(slope(first, x)))


def test_logsumexp_of_nothing_but_minus_infinity_sends_nothing() -> None:
    x = np.array([[-np.inf, -np.inf], [0.0, 0.0]])
    assert_array_equal(logsumexp(x, axis=1), [-np.inf, np.log(2.0)])
    assert_array_equal(slope(lambda x: logsumexp(x, axis=1), x), [[0, 0], [1 / 2, 1 / 2]])


# -- the package -----------------------------------------------------------------------------------


def test_every_public_name_is_there() -> None:
    assert [name for name in fn.__all__ if not callable(getattr(fn, name, None))] == []


@pytest.mark.parametrize("name", ["losses", "layers"])
def test_the_examples_in_docstrings(name: str) -> None:
    module = getattr(fn, name)
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


def test_what_an_activation_refuses_is_told_in_its_own_words_for_tensors_too() -> None:
    with pytest.raises(UsageError, match="hardtanh cuts off at min_val=1"):
        fn.hardtanh(Tensor([0.0], requires_grad=True), 1.0, -1.0)
