"""jvp, vjp, jacobian, hessian, hvp against formulas, each other and differences; defjvp."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case, by_function
from numpy.testing import assert_allclose, assert_array_equal
from support.gradients import differentiate

import tinygrad_rnn as tg
from tinygrad_rnn.core.tables import VJP
from tinygrad_rnn.errors import DTypeError, GradientError, NonFiniteError, UsageError
from tinygrad_rnn.functional import half_squared_error, softmax

rng = np.random.default_rng(7)
X, V = rng.standard_normal((2, 3))
A = rng.standard_normal((3, 3))


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_hessian(x: Any) -> Any:
    n = len(x)
    H = np.zeros((n, n))
    for i in range(n - 1):
        H[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        H[i + 1, i + 1] += 200
        H[i, i + 1] = H[i + 1, i] = -400 * x[i]
    return H


# -- closed formulas -----------------------------------------------------------------------------


def test_the_hessian_of_a_quadratic_form() -> None:
    q: Callable[[Any], Any] = lambda x: x @ A @ x
    assert_allclose(tg.grad(q)(X), (A + A.T) @ X, rtol=1e-13)
    assert_allclose(tg.hessian(q)(X), A + A.T, rtol=1e-13)
    assert_allclose(tg.hvp(q, X, V), (A + A.T) @ V, rtol=1e-13)


def test_rosenbrock() -> None:
    x, v = rng.standard_normal((2, 5))
    assert_allclose(tg.hessian(rosenbrock)(x), rosenbrock_hessian(x), rtol=1e-12, atol=1e-12)
    assert_allclose(tg.hvp(rosenbrock, x, v), rosenbrock_hessian(x) @ v, rtol=1e-12)
    assert_array_equal(tg.grad(rosenbrock)(np.ones(5)), np.zeros(5))


def test_the_jacobian_of_softmax() -> None:
    p = softmax(X)
    assert_allclose(tg.jacobian(softmax)(X), np.diag(p) - np.outer(p, p), atol=1e-15)
    assert_allclose(tg.jvp(softmax, (X,), (V,))[1], p * (V - p @ V), atol=1e-15)


def test_the_jacobian_of_a_layer() -> None:
    W, x = rng.standard_normal((2, 3)), rng.standard_normal(3)
    s = 1 - np.tanh(W @ x) ** 2
    dW, dx = tg.jacobian(lambda W, x: np.tanh(W @ x), (0, 1))(W, x)
    assert_allclose(dx, s[:, None] * W, rtol=1e-14)
    assert_allclose(dW, np.einsum("ij,i,k->ijk", np.eye(2), s, x), rtol=1e-14)


def test_shapes() -> None:
    x = rng.standard_normal((2, 3))
    assert tg.jacobian(lambda x: np.sum(x, axis=0)[:2])(x).shape == (2, 2, 3)
    assert tg.jacobian(lambda x: x.T)(x).shape == (3, 2, 2, 3)
    assert tg.jacobian(np.sum)(x).shape == (2, 3)
    assert tg.jacobian(lambda x: x * X)(2.0).shape == (3,)
    assert tg.jacobian(lambda x: x[:0])(X).shape == (0, 3)
    assert tg.jacobian(lambda x: np.sum(x))(np.zeros(0)).shape == (0,)
    assert tg.hessian(lambda x: np.sum(x**3))(x).shape == (2, 3, 2, 3)
    assert tg.hessian(np.tanh)(0.3).shape == ()
    assert_array_equal(tg.jacobian(lambda x: np.ones(2))(X), np.zeros((2, 3)))
    ((_, ab), (ba, _)) = tg.hessian(lambda a, b: np.sum(a) ** 2 * b[0], (0, 1))(X, x[0, :2])
    assert (ab.shape, ba.shape) == ((3, 2), (2, 3))
    assert_array_equal(ab, ba.T)


def test_dtypes() -> None:
    x, v = X.astype(np.float32), V.astype(np.float32)
    f: Callable[[Any], Any] = lambda x: np.sum(np.tanh(softmax(x * 2.0) @ np.float32(A)) ** 2)
    y, dy = tg.jvp(f, (x,), (V,))
    _, pull = tg.vjp(f, x)
    for found in (y, dy, pull(1.0)[0], tg.jacobian(f)(x), tg.hessian(f)(x), tg.hvp(f, x, v)):
        assert type(found) is np.ndarray
        assert found.dtype == np.float32


def test_hvp_of_a_recurrent_network_is_the_difference_of_gradients() -> None:
    cell, readout = tg.nn.GRUCell(2, 3, rng=0), tg.nn.Readout(3, 1, rng=1)
    xs, targets = rng.standard_normal((5, 2)), rng.standard_normal((5, 1))

    def loss(W: Any) -> Any:
        cell.W_hh = W
        return tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets).loss

    W, h = cell.W_hh.data.copy(), 1e-5
    V = rng.standard_normal(W.shape)
    Hv = tg.hvp(loss, W, V)
    assert type(Hv) is tg.Tensor  # it depends on the other parameters
    with tg.no_grad():
        differences = (tg.grad(loss)(W + h * V) - tg.grad(loss)(W - h * V)) / (2 * h)
        assert_allclose(tg.jvp(tg.grad(loss), (W,), (V,))[1], Hv.data, rtol=1e-10, atol=1e-14)
    assert_allclose(Hv.data, differences, rtol=1e-6, atol=1e-9)


# -- they agree with each other ------------------------------------------------------------------


def free(case: Case) -> list[Any]:
    """The arguments; None for what is not differentiated."""
    return [a if i in case.variables else None for i, a in enumerate(case.args)]


@by_function(CASES)
def test_forward_and_backward_agree_for_every_rule(case: Case) -> None:
    dxs = [None if a is None else rng.standard_normal(np.shape(a)) for a in free(case)]
    y, dy = tg.jvp(case.fun, case.args, dxs)
    g = rng.standard_normal(y.shape)
    bound = {i: a for i, a in enumerate(case.args) if i not in case.variables}
    variables = [case.args[i] for i in case.variables]

    def of_variables(*xs: Any) -> Any:
        given = iter(xs)
        return case.fun(*[bound[i] if i in bound else next(given) for i in range(len(case.args))])

    shares = tg.vjp(of_variables, *variables)[1](g)
    moved = [dxs[i] for i in case.variables]
    assert_allclose(
        np.sum(g * dy),
        sum(np.sum(share * dx) for share, dx in zip(shares, moved, strict=True)),
        rtol=1e-10,
        atol=1e-12,
    )
    assert (dy.shape, dy.dtype) == (y.shape, y.dtype)


def test_the_columns_and_rows_of_the_jacobian() -> None:
    def f(x: Any) -> Any:
        return np.stack([softmax(A @ x), np.tanh(x)]).reshape(-1)[::-2] * x[0]

    J = tg.jacobian(f)(X)
    for e, column in zip(np.eye(3), J.T, strict=True):
        assert_allclose(tg.jvp(f, (X,), (e,))[1], column, rtol=1e-13, atol=1e-15)
    _, pull = tg.vjp(f, X)
    for e, row in zip(np.eye(3), J, strict=True):
        assert_allclose(pull(e)[0], row, rtol=1e-13, atol=1e-15)


def f_curved(x: Any) -> Any:
    return np.sum(np.sin(A @ x) * np.exp(x)) + softmax(x)[0]


def test_every_nesting_gives_the_same_second_derivative() -> None:
    H = tg.hessian(f_curved)(X)
    assert_allclose(H, H.T, rtol=1e-12)
    directional: Callable[[Any], Any] = lambda x: tg.jvp(f_curved, (x,), (V,))[1]
    for Hv in (
        tg.hvp(f_curved, X, V),
        tg.jvp(tg.grad(f_curved), (X,), (V,))[1],  # forward over backward
        tg.vjp(tg.grad(f_curved), X)[1](V)[0],  # backward over backward
        tg.grad(directional)(X),  # backward over forward
        tg.grad(lambda x: np.sum(tg.grad(f_curved)(x) * V))(X),
    ):
        assert type(Hv) is np.ndarray
        assert_allclose(Hv, H @ V, rtol=1e-12)
    assert_allclose(
        tg.jvp(directional, (X,), (V,))[1], V @ H @ V, rtol=1e-12
    )  # forward over forward
    assert_allclose(tg.jacobian(tg.jacobian(f_curved))(X), H, rtol=1e-12)
    assert_allclose(
        tg.jacobian(lambda x: tg.jvp(tg.grad(f_curved), (x,), (V,))[1])(X),
        tg.jacobian(lambda x: tg.hvp(f_curved, x, V))(X),
        rtol=1e-11,
    )


def test_third_derivatives() -> None:
    T = tg.jacobian(tg.hessian(lambda x: np.sum(x**4)))(X)
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 24 * X
    assert_allclose(T, expected, rtol=1e-12)
    d3 = 1.0
    f: Callable[[Any], Any] = np.tanh
    for _ in range(3):
        f = lambda x, f=f: tg.jvp(f, (x,), (1.0,))[1]
    t = np.tanh(0.3)
    d3 = (1 - t**2) * (6 * t**2 - 2)
    assert_allclose(f(0.3), d3, rtol=1e-13)


def test_an_inner_tangent_does_not_see_the_outer_one() -> None:
    inner: Callable[[Any], Any] = lambda x: tg.jvp(lambda y: x * y, (x,), (1.0,))[1]
    assert tg.jvp(lambda x: x * inner(x), (5.0,), (1.0,))[1] == 10.0  # d(x * x)
    assert (
        tg.jvp(lambda x: x * tg.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (5.0,), (1.0,))[1] == 1.0
    )
    assert tg.grad(lambda x: x * inner(x))(5.0) == 10.0
    assert tg.jvp(lambda x: x * tg.grad(lambda y: x * y)(x), (5.0,), (1.0,))[1] == 10.0


# -- graphs around them --------------------------------------------------------------------------


def test_results_stay_connected_to_parameters_of_a_closure() -> None:
    w = tg.Tensor(X, requires_grad=True)
    f: Callable[[Any], Any] = lambda x: np.sin(x * w)
    y, dy = tg.jvp(f, (V,), (np.ones(3),))  # dy = w cos(x w)
    y2, pull = tg.vjp(f, V)
    (share,) = pull(np.ones(3))
    J = tg.jacobian(f)(V)
    c, s = np.cos(V * X), np.sin(V * X)
    for found in (dy, share, np.sum(J, axis=1)):
        assert type(found) is tg.Tensor
        assert_allclose(found.data, X * c)
        (dw,) = differentiate(np.sum(found), [w])
        assert_allclose(dw, c - X * V * s, rtol=1e-12)
    for value in (y, y2):
        assert type(value) is tg.Tensor
    with tg.no_grad():
        for found in (
            *tg.jvp(f, (V,), (X,)),
            tg.jacobian(f)(V),
            tg.vjp(f, V)[0],
            tg.vjp(f, V)[1](V)[0],
        ):
            assert type(found) is np.ndarray


def test_cotangents_and_tangents_may_be_tensors() -> None:
    g = tg.Tensor(V, requires_grad=True)
    _, pull = tg.vjp(np.sin, X)
    np.sum(pull(g)[0]).backward()
    assert_allclose(g.grad, np.cos(X))
    g.grad = None
    np.sum(tg.jvp(np.sin, (X,), (g,))[1]).backward()
    assert_allclose(g.grad, np.cos(X))
    assert type(pull(tg.Tensor(V))[0]) is np.ndarray


def test_a_pull_may_be_called_again_and_its_results_written_to() -> None:
    _, pull = tg.vjp(lambda a, b: a + b, X, V)
    g = np.ones(3)
    ga, gb = pull(g)
    ga[...] = 7.0
    assert_array_equal(gb, np.ones(3))
    assert_array_equal(g, np.ones(3))
    assert_array_equal(pull([1, 2, 3])[1], [1, 2, 3])
    _, dy = tg.jvp(lambda x: +x, (X,), (g,))
    dy[...] = 7.0
    assert_array_equal(g, np.ones(3))


def test_writing_to_the_value_does_not_change_a_later_pull() -> None:
    y, pull = tg.vjp(np.tanh, X)
    y[...] = 7.0
    assert_allclose(pull(np.ones(3))[0], 1 - np.tanh(X) ** 2)


def test_what_does_not_depend_on_the_argument_is_0() -> None:
    y, dy = tg.jvp(lambda x: (x * 2.0, 5.0, np.argmax(x)), (X,), (V,))
    assert_array_equal(dy[0], 2 * V)
    assert (y[1], dy[1], dy[2]) == (5.0, 0.0, None)
    assert_array_equal(tg.jvp(lambda a, b: a, (X, V), (None, V))[1], np.zeros(3))
    _, pull = tg.vjp(lambda a, b: (a, 3), X, V)
    assert_array_equal(pull((V, None))[1], np.zeros(3))


def test_a_fixed_argument_may_be_anything() -> None:
    y, dy = tg.jvp(
        lambda x, key, how: x[key] * len(how), (X, np.array([0, 0, 2]), "two"), (V, None, None)
    )
    assert_array_equal(y, 3 * X[[0, 0, 2]])
    assert_array_equal(dy, 3 * V[[0, 0, 2]])


def test_a_derivative_is_a_tensor_only_where_it_depends_on_one() -> None:
    # The variables of an inner derivative are constants once it is done.
    for f in (
        lambda x: tg.grad(lambda y, z: np.sum(x * y * z), (0, 1))(V, X)[0] @ x,
        lambda x: np.sum(tg.jvp(lambda y: x * y, (V,), (X,))[1]),
        lambda x: np.sum(tg.vjp(lambda y: x * y * y, V)[1](X)[0]),
        lambda x: np.sum(tg.jacobian(lambda y: x * y * y)(V)),
        lambda x: np.sum(tg.hvp(lambda y: np.sum(x * y**3), V, X)),
    ):
        assert type(tg.grad(f)(X)) is np.ndarray


def test_the_identity() -> None:
    assert_array_equal(tg.jacobian(lambda x: x)(X), np.eye(3))
    assert_array_equal(tg.vjp(lambda x: x, X)[1](V)[0], V)
    assert_array_equal(tg.jvp(lambda x: x, (X,), (V,))[1], V)
    assert tg.grad(lambda x: x)(2.0) == 1.0
    assert tg.hessian(lambda x: x)(2.0) == 0.0


def test_only_the_way_to_the_variables_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    def must_not_run(*args: Any) -> Any:
        raise AssertionError("a share was computed that nobody asked for")

    w = tg.Tensor(A, requires_grad=True)
    hidden = np.exp(w)
    left, _ = VJP[np.matmul]
    monkeypatch.setitem(VJP, np.matmul, (left, must_not_run))
    monkeypatch.setitem(VJP, np.exp, (must_not_run,))
    assert_allclose(tg.grad(lambda x: np.sum(x @ hidden))(X).data, np.sum(hidden.data, axis=1))


def test_a_masked_branch_moves_nothing() -> None:
    with np.errstate(
        divide="ignore"
    ):  # sqrt has no finite slope at 0: NumPy says so, where masks it
        _, dy = tg.jvp(
            lambda x: np.where(x > 0, np.sqrt(x), 0.0), (np.array([0.0, 4.0]),), (np.ones(2),)
        )
    assert_array_equal(dy, [0.0, 0.25])


# -- defjvp --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("registry")
def test_a_forward_rule_is_used_and_is_optional_by_argument() -> None:
    used = []

    @tg.primitive
    def scaled(x: Any, s: Any, power: int = 1) -> Any:
        return x * s**power

    tg.defvjp(
        scaled,
        lambda g, y, x, s, power=1: g * s**power,
        lambda g, y, x, s, power=1: g * x * power * s ** (power - 1),
    )
    f: Callable[[Any, Any], Any] = lambda x, s: np.sin(scaled(x, s, power=2))
    transposed = tg.jvp(f, (X, 2.0), (V, 0.5))[1]
    assert_allclose(transposed, np.cos(4 * X) * (4 * V + X * 4 * 0.5))
    tg.defjvp(scaled, lambda dx, y, x, s, power=1: used.append("x") or dx * s**power)
    assert_allclose(tg.jvp(f, (X, 2.0), (V, 0.5))[1], transposed, rtol=1e-14)
    assert used == ["x"]
    tg.defjvp(
        scaled,
        None,
        lambda ds, y, x, s, power=1: used.append("s") or ds * x * power * s ** (power - 1),
    )
    assert_allclose(tg.jvp(f, (X, 2.0), (V, 0.5))[1], transposed, rtol=1e-14)
    assert used == ["x", "s"]
    slope = tg.grad(lambda x: np.sum(tg.jvp(f, (x, 2.0), (V, 0.5))[1]))(
        X
    )  # d/dx of cos(4x) (4 v + 2 x)
    assert_allclose(slope, -4 * np.sin(4 * X) * (4 * V + 2 * X) + 2 * np.cos(4 * X), rtol=1e-12)


@pytest.mark.usefixtures("registry")
def test_a_tangent_is_broadcast_and_keeps_the_dtype() -> None:
    @tg.primitive
    def shifted(x: Any, b: Any) -> Any:
        return x + b

    tg.defvjp(shifted, lambda g, y, x, b: g, lambda g, y, x, b: g)
    tg.defjvp(shifted, lambda dx, y, x, b: dx, lambda db, y, x, b: db * np.float64(1.0))
    x, b = np.ones((2, 3), np.float32), np.ones(3, np.float32)
    _, dy = tg.jvp(shifted, (x, b), (None, np.arange(3)))
    assert_array_equal(dy, np.float32([[0, 1, 2], [0, 1, 2]]), strict=True)


@pytest.mark.usefixtures("registry")
def test_errors_of_forward_rules() -> None:
    halves = tg.primitive(lambda x: x[:2])
    with pytest.raises(UsageError) as error:
        tg.defjvp(halves, lambda dx, y, x: dx[:2])
    assert "is none yet: reverse mode needs its rule first. Call defvjp(" in str(error.value)
    halves.__name__ = "halves"
    tg.defvjp(halves, lambda g, y, x: np.concatenate([g, np.zeros(1)]))
    tg.defjvp(halves, lambda dx, y, x: dx)
    with pytest.raises(GradientError) as raised:
        tg.jvp(halves, (X,), (V,))
    assert "the forward rule of halves for argument 0 returned a tangent of shape (3,)" in str(
        raised.value
    )
    assert "the result has shape (2,). Fix the rule given to defjvp" in str(raised.value)
    tg.defvjp(np.arctan, lambda g, y, x: np.ones(2))
    with pytest.raises(
        GradientError, match=r"of np\.arctan .* shape \(2,\); .* Fix the rule given to defvjp"
    ):
        tg.jvp(np.arctan, (X,), (V,))
    tg.defjvp(np.arctan, lambda dx, y, x: 2.0)
    assert tg.jvp(np.arctan, (1.0,), (1.0,))[1] == 2.0


@pytest.mark.usefixtures("registry")
def test_a_rule_that_is_missing_is_named() -> None:
    @tg.primitive
    def weighted(x: Any, w: Any) -> Any:
        return x * w

    tg.defvjp(weighted, lambda g, y, x, w: g * w)
    assert_array_equal(tg.grad(lambda x: np.sum(weighted(x, V)))(X), V)
    with pytest.raises(
        TypeError,
        match=r"weighted has no derivative for argument 1, a Tensor .* Add defvjp\(weighted",
    ):
        tg.grad(lambda w: np.sum(weighted(X, w)))(V)
    tg.defvjp(np.copysign, lambda g, y, a, b: g * np.sign(a) * np.sign(b), None)
    with pytest.raises(TypeError, match=r"np\.copysign has no derivative for argument 1"):
        tg.grad(lambda b: np.sum(np.copysign(X, b)))(V)


@pytest.mark.usefixtures("registry")
def test_a_rule_is_transposed_by_g_and_nothing_else() -> None:
    def must_not_run(g: Any, y: Any, x: Any) -> Any:
        raise AssertionError("the transpose went off to the operands")

    factor = tg.primitive(np.cos)
    tg.defvjp(factor, must_not_run)
    wave = tg.primitive(np.sin)
    tg.defvjp(wave, lambda g, y, x: g * factor(x))
    _, dy = tg.jvp(wave, (tg.Tensor(X, requires_grad=True),), (V,))
    assert_allclose(dy.data, np.cos(X) * V)


@pytest.mark.usefixtures("registry")
def test_a_transposed_rule_is_that_of_a_cotangent_that_is_not_0() -> None:
    root = tg.primitive(np.sqrt)
    tg.defvjp(
        root, lambda g, y, x: np.where(g == 0, 0.0, g / (2.0 * y))
    )  # 0 for a branch that is masked out
    with np.errstate(divide="ignore"):
        assert tg.jvp(root, (0.0,), (1.0,))[1] == np.inf
    assert tg.jvp(root, (4.0,), (1.0,))[1] == 0.25


@pytest.mark.usefixtures("registry")
def test_an_elementwise_rule_gets_a_tangent_of_the_shape_of_the_result() -> None:
    shapes = []
    tg.defvjp(
        np.hypot,
        lambda g, y, a, b: shapes.append(g.shape) or g * a / y,
        lambda g, y, a, b: g * b / y,
    )
    _, dy = tg.jvp(np.hypot, (X, np.ones((2, 1))), (V, None))
    assert_allclose(dy, np.broadcast_to(V * X / np.hypot(X, 1.0), (2, 3)))
    assert shapes == [(2, 3)]


def test_debug_watches_grad_too() -> None:
    x = np.array([0.0, 1.0])
    with (
        tg.debug(),
        pytest.raises(
            NonFiniteError, match=r"the rule of np\.power for argument 0 returned infinity"
        ),
    ):
        tg.grad(lambda x: np.sum(x**0.5))(x)


def test_debug_watches_the_sweep_forward() -> None:
    x = tg.Tensor(X, requires_grad=True)

    def f(v: Any) -> Any:
        y = x * v
        x.data[0] = 9.0
        return y

    with tg.debug(), pytest.raises(GradientError, match="was changed afterwards"):
        tg.jvp(f, (V,), (V,))
    with pytest.raises(DTypeError):
        tg.jvp(np.sin, (np.array([1]),), (V[:1],))
