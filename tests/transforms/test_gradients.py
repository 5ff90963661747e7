"""grad, value_and_grad and differentiate: functions of functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.gradients import differentiate

import tinygrad_rnn as tg
from tinygrad_rnn.core.mode import no_grad
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DTypeError, GradientError, UsageError
from tinygrad_rnn.transforms.gradients import grad, value_and_grad

pytestmark = pytest.mark.tiny

X = np.array([0.5, -1.0, 2.0])


# -- derivatives of functions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (lambda x: np.sum(x * x), lambda x: 2 * x),
        (lambda x: np.sum(np.sin(x)), np.cos),
        (lambda x: np.sum(np.exp(-x) * x), lambda x: np.exp(-x) * (1 - x)),
        (lambda x: np.mean(np.tanh(x)), lambda x: (1 - np.tanh(x) ** 2) / 3),
        (lambda x: x[0] * x[1] * x[2], lambda x: np.prod(x) / x),
        (lambda x: np.sqrt(np.sum(x * x)), lambda x: x / np.sqrt(np.sum(x * x))),
        (lambda x: np.max(x) - np.min(x), lambda x: np.array([0.0, -1.0, 1.0])),
        (lambda x: (x @ x) ** 2, lambda x: 4 * (x @ x) * x),
    ],
)
def test_grad_is_the_derivative(f: Callable[[Any], Any], df: Callable[[Any], Any]) -> None:
    g = grad(f)(X)
    assert type(g) is np.ndarray
    assert_allclose(g, df(X), rtol=1e-14)
    assert_array_equal(X, [0.5, -1.0, 2.0])


def test_derivatives_of_every_order() -> None:
    f: Callable[..., Any] = lambda x: x**4
    for expected in (4 * 3.0**3, 12 * 3.0**2, 24 * 3.0, 24.0, 0.0, 0.0):
        f = grad(f)
        assert f(3.0) == expected


def test_orders_of_tanh() -> None:
    t = np.tanh(0.3)
    d1 = grad(np.tanh)
    assert_allclose(d1(0.3), 1 - t**2)
    assert_allclose(grad(d1)(0.3), -2 * t * (1 - t**2))
    assert_allclose(grad(grad(d1))(0.3), (1 - t**2) * (6 * t**2 - 2))


def test_hessian_by_grad_of_grad() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x)) * x[0]

    def row(i: int) -> Any:
        return grad(lambda x: grad(f)(x)[i])(X)

    s, c = np.sin(X), np.cos(X)
    hessian = np.diag(-s * X[0])
    hessian[0, :] += c
    hessian[:, 0] += c
    assert_allclose([row(i) for i in range(3)], hessian, rtol=1e-14)


def test_an_inner_derivative_does_not_see_the_outer_variable() -> None:
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(5.0) == 10.0  # d(x * x)/dx
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(5.0) == 1.0  # the inner one is 1
    assert grad(lambda x: grad(lambda y: y * y * x)(x))(3.0) == 12.0  # d(2 x * x)/dx
    assert grad(lambda x: grad(lambda y: grad(lambda z: x * y * z)(y))(x))(2.0) == 1.0


def test_a_derivative_with_respect_to_a_result_does_not_go_around_it() -> None:
    def f(x: Any) -> Any:
        h = 3.0 * x
        return grad(lambda h: h * x)(h)  # dh only: x, not x + h/3

    assert f(2.0) == 2.0
    assert grad(f)(2.0) == 1.0


def test_several_arguments() -> None:
    def f(a: Any, b: Any, c: Any = 2.0) -> Any:
        return np.sum(a * a * b) * c

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert_array_equal(grad(f)(a, b), 4 * a * b)
    assert_array_equal(grad(f, 1)(a, b, c=3.0), 3 * a * a)
    db, da = grad(f, (1, 0))(a, b)
    assert_array_equal(da, 4 * a * b)
    assert_array_equal(db, 2 * a * a)
    (dc,) = grad(f, (2,))(a, b, 7.0)
    assert dc == np.sum(a * a * b)


def test_value_and_grad() -> None:
    y, g = value_and_grad(lambda x: np.sum(x**3))(X)
    assert type(y) is np.ndarray
    assert_allclose(y, np.sum(X**3))
    assert_allclose(g, 3 * X**2)
    y, (ga, gb) = value_and_grad(lambda a, b: a / b, (0, 1))(1.0, 4.0)
    assert (y, ga, gb) == (1 / 4, 1 / 4, -1 / 16)


def test_the_derivative_keeps_shape_and_dtype_of_the_argument() -> None:
    for x in (np.ones((2, 3), np.float32), np.float32(2.0), np.ones(1), 2.0):
        g = grad(lambda x: np.sum(x * 2.0))(x)
        assert type(g) is np.ndarray
        assert_array_equal(g, np.full_like(x, 2.0), strict=True)


def test_what_does_not_matter_has_derivative_0() -> None:
    x = np.array([1.0, np.inf])
    assert_array_equal(grad(lambda x: 5.0)(x), [0, 0])
    ga, gb = grad(lambda a, b: np.sum(a), (0, 1))(x, x)
    assert_array_equal(ga, [1, 1])
    assert_array_equal(gb, [0, 0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x > 0),
        lambda x: np.all(x > 0),
        lambda x: np.sum(x.astype(int)),
        lambda x: 3,
        np.argmax,
    ],
)
def test_truth_values_and_integers_have_no_derivative(f: Any) -> None:
    x = np.ones(3)
    for derivative in (
        grad(f),
        value_and_grad(f),
        lambda x: tg.vjp(f, x),
        lambda x: tg.jvp(f, (x,), (x,)),
        tg.jacobian(f),
        tg.hessian(f),
    ):
        with pytest.raises(DTypeError, match="truth values and integers have no derivative"):
            derivative(x)


def test_a_count_beside_a_result_has_no_derivative_and_is_passed_on() -> None:
    f = lambda x: (np.sum(x * x), np.sum(x > 0))
    x = np.array([1.0, -2.0])
    assert tg.jvp(f, (x,), (x,)) == ((5.0, 1), (10.0, None))
    y, pull = tg.vjp(f, x)
    assert y == (5.0, 1)
    assert_array_equal(pull((1.0, None))[0], 2 * x)
    with pytest.raises(DTypeError, match="integers have no derivative"):
        pull((1.0, 1.0))
    of_square, of_count = tg.jacobian(f)(x)
    assert_array_equal(of_square, 2 * x)
    assert of_count is None


def test_gradients_may_be_written_to_and_are_their_own() -> None:
    a, b = np.ones(3), np.ones(3)
    ga, gb = grad(lambda a, b: np.sum(a + b), (0, 1))(a, b)
    ga[0] = 7.0
    assert_array_equal(gb, [1, 1, 1])
    k = np.array([1.0, 2.0, 3.0])
    g = grad(lambda x: x @ k)(a)
    g *= 0.0
    assert_array_equal(k, [1, 2, 3])
    x = Tensor(a, requires_grad=True)
    seed = np.ones(3)
    (g,) = differentiate(+x, [x], seed)
    g[...] = 9.0
    assert_array_equal(seed, [1, 1, 1])


def test_the_argument_may_be_a_tensor() -> None:
    x = Tensor(X)
    assert type(grad(lambda x: np.sum(x * x))(x)) is np.ndarray  # it requires no gradient
    assert_array_equal(grad(lambda x: np.sum(x * x))(x), 2 * X)
    w = Tensor(X, requires_grad=True)
    g = grad(lambda w: np.sum(w**3))(w)  # it does: the derivative is recorded
    assert type(g) is Tensor
    np.sum(g).backward()
    assert_allclose(w.grad, 6 * X)


def test_a_derivative_through_parameters_of_a_closure_is_recorded() -> None:
    w = Tensor(np.array([0.5, -1.0, 2.0]), requires_grad=True)
    g = grad(lambda x: np.sum(np.tanh(x * w)))(X)  # w (1 - tanh^2(x w))
    assert type(g) is Tensor
    np.sum(g * g).backward()  # a gradient penalty
    t = np.tanh(X * w.data)
    s = 1 - t**2
    assert_allclose(g.data, w.data * s)
    assert_allclose(w.grad, 2 * w.data * s * (s - 2 * w.data * X * t * s), rtol=1e-13)


def test_derivatives_under_no_grad_are_plain_arrays() -> None:
    w = Tensor(X, requires_grad=True)
    with no_grad():
        y, g = value_and_grad(lambda x: np.sum(x * w))(w)
        assert type(g) is np.ndarray
        assert not isinstance(y, Tensor)
        assert_array_equal(g, X)
        assert grad(grad(lambda x: x**3))(2.0) == 12.0
        assert not (w * 2.0).requires_grad


def test_grad_leaves_the_mode_as_it_was_when_f_fails() -> None:
    def f(x: Any) -> Any:
        raise ZeroDivisionError

    x = Tensor(1.0, requires_grad=True)
    with no_grad():
        with pytest.raises(ZeroDivisionError):
            grad(f)(1.0)
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad


def test_grad_keeps_the_name_and_the_doc() -> None:
    def loss(x: Any) -> Any:
        """The loss."""
        return x

    assert (grad(loss).__name__, grad(loss).__doc__) == ("loss", "The loss.")


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (
            lambda: grad(lambda x: x * 2)(X),
            GradientError,
            ["returns a scalar", "returned shape (3,)", "with np.sum"],
        ),
        (lambda: grad(lambda x: X)(1.0), GradientError, ["returned shape (3,)"]),
        (
            lambda: grad(lambda x: x, 1)(1.0),
            UsageError,
            ["argnum 1 names no positional argument", "1 were given"],
        ),
        (lambda: grad(lambda x: x, -1)(1.0), UsageError, ["argnum -1"]),
        (lambda: grad(lambda x: x)(x=1.0), UsageError, ["argnum 0", "0 were given"]),
        (
            lambda: grad(lambda x: x * x)(3),
            DTypeError,
            ["dtype int64 cannot require a gradient", "Pass floats"],
        ),
    ],
)
def test_grad_that_cannot_be_done(
    f: Callable[[], Any], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as raised:
        f()
    for word in words:
        assert word in str(raised.value)


def test_differentiate() -> None:
    x, w, other = (Tensor(v, requires_grad=True) for v in (X, 2 * X, X))
    y = x * x * w
    dx, dw, nothing = differentiate(y, [x, w, other], np.ones(3))
    assert_allclose(dx, 2 * X * 2 * X)
    assert_allclose(dw, X * X)
    assert nothing is None
    assert x.grad is None
    (h,) = differentiate(y, [y * 1.0], np.ones(3))
    assert h is None
    (itself,) = differentiate(y, [y], X)
    assert_array_equal(itself, X)
    (constant,) = differentiate(np.sum(3.0 * x), [x], create_graph=True)
    assert_array_equal(constant, [3, 3, 3])


def test_differentiate_with_a_recorded_cotangent() -> None:
    x, g = Tensor(X, requires_grad=True), Tensor(np.ones(3), requires_grad=True)
    (dx,) = differentiate(np.sin(x), [x], g, create_graph=True)
    assert_allclose(dx.data, np.cos(X))
    (jvp,) = differentiate(
        dx, [g], 2 * X
    )  # the derivative by g, of the pullback: the Jacobian itself
    assert_allclose(jvp, np.cos(X) * 2 * X)
