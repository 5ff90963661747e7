"""The one walk: each Tensor once, latest first, without recursion; and what it says of a rule that
is wrong.
"""

import gc
import sys
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.gradients import differentiate

from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.forward import pushforward
from tinygrad_rnn.core.graph import ancestors, aside
from tinygrad_rnn.core.tables import VJP, defvjp, defvjp_variadic, primitive
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import GradientError, NoDerivativeError, UnsupportedError, UsageError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules.joining import concatenate
from tinygrad_rnn.transforms.gradcheck import check_grads
from tinygrad_rnn.transforms.gradients import grad


def leaf(x: Any, name: str | None = None) -> Tensor:
    return Tensor(np.asarray(x, float), requires_grad=True, name=name)


# -- the walk --------------------------------------------------------------------------------------


def test_each_tensor_is_visited_once_latest_first() -> None:
    x, w = leaf([1.0, 2.0], "x"), leaf([3.0, 4.0], "w")
    a = x * w
    b = np.tanh(a)
    y = a + b * x
    visited = [t for t, _, _ in pullback({y: np.ones(2)})]
    assert len(visited) == len(set(visited)) == 6
    assert set(visited) == set(ancestors([y]))
    assert [t.serial for t in visited] == sorted((t.serial for t in visited), reverse=True)


def test_a_visit_has_the_complete_cotangent_and_the_shares_of_the_operands() -> None:
    x = leaf([2.0, 3.0])
    a = x * x
    y = a * x
    visits = {t: (g, shares) for t, g, shares in pullback({y: np.ones(2)})}
    assert_array_equal(visits[y][1], [x.data, x.data**2])  # dy/da = x, dy/dx = a
    assert_array_equal(visits[a][0], x.data)
    assert_array_equal(visits[a][1], [x.data * x.data, x.data * x.data])
    assert_array_equal(visits[x][0], 3 * x.data**2)
    assert visits[x][1] == []


def test_a_cotangent_is_the_sum_of_the_shares_sent_to_it() -> None:
    rng = np.random.default_rng(0)
    tensors: list[Any] = [leaf(rng.standard_normal(3)) for _ in range(3)]
    for _ in range(40):  # a random graph
        i, j = rng.integers(len(tensors), size=2)
        tensors.append(np.tanh(tensors[i] * tensors[j] + tensors[i]))
    arrived: dict[Any, Any] = {tensors[-1]: np.ones(3)}
    for tensor, g, shares in pullback({tensors[-1]: np.ones(3)}):
        assert_allclose(g, arrived[tensor], rtol=1e-14)
        for i, share in zip(tensor.argnums, shares, strict=True):
            arrived[tensor.args[i]] = arrived.get(tensor.args[i], 0) + share


def test_a_chain_of_diamonds_is_walked_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):  # 2^60 paths from y to x
        y = y + y
    applied = []
    left, right = VJP[np.add]
    counted = (
        (lambda *a: applied.append("left") or left(*a)),
        (lambda *a: applied.append("right") or right(*a)),
    )
    monkeypatch.setitem(VJP, np.add, counted)
    y.backward()
    assert x.grad == 2.0**60
    assert sorted(applied) == ["left"] * 60 + ["right"] * 60
    assert sum(1 for _ in pullback({y: np.ones(())})) == 61
    assert len(ancestors([y])) == 61


def test_a_chain_of_100000_operations_forward_backward_and_dropped() -> None:
    n = 100_000
    x = leaf([1.0])
    references = sys.getrefcount(x)
    y = x
    for _ in range(n):
        y = -y
    y.backward()
    assert_array_equal(x.grad, [1.0])  # (-1)^n
    assert sum(1 for _ in pullback({y: np.ones(1)})) == n + 1
    assert len(ancestors([y])) == n + 1
    gc.disable()  # no cycles: the graph dies with its root, not in a collection
    try:
        y = None
        assert sys.getrefcount(x) == references
    finally:
        gc.enable()


def test_a_long_chain_at_second_order() -> None:
    def f(x: Any) -> Any:
        y = x * x
        for _ in range(3000):
            y = +y
        return y

    assert grad(grad(f))(3.0) == 2.0


def test_stop_is_not_passed_through() -> None:
    x = leaf([2.0])
    h = np.square(x)
    y = 3.0 * h
    visits = {t: g for t, g, _ in pullback({y: np.ones(1)}, stop={h})}
    assert set(visits) == {y, h}
    assert_array_equal(visits[h], [3])


def test_a_seed_in_stop_is_passed_once() -> None:
    x = leaf([2.0])
    h = np.square(x)
    y = 3.0 * h
    visits = {t: g for t, g, _ in pullback({h: np.ones(1)}, stop={h, y})}
    assert_array_equal(visits[x], [4])


def test_skip_gets_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    def must_not_run(*args: Any) -> Any:
        raise AssertionError("the rule of a skipped operand was applied")

    x, w = leaf([2.0]), leaf([3.0])
    y = x * w
    monkeypatch.setitem(VJP, np.multiply, (VJP[np.multiply][0], must_not_run))
    visits = {t: (g, shares) for t, g, shares in pullback({y: np.ones(1)}, skip={w})}
    assert set(visits) == {y, x}
    assert_array_equal(visits[y][1][0], [3])
    assert visits[y][1][1] is None


def test_several_seeds_add() -> None:
    x = leaf([2.0])
    a, b = 3.0 * x, 5.0 * x
    c = a * b
    visits = {
        t: g
        for t, g, _ in pullback({a: np.array([1.0]), c: np.array([10.0]), b: np.array([100.0])})
    }
    assert_array_equal(visits[a], [1 + 10 * 10])
    assert_array_equal(visits[b], [100 + 10 * 6])
    assert_array_equal(visits[x], [3 * 101 + 5 * 160])


def test_the_seeds_are_not_changed() -> None:
    x = leaf([2.0])
    y = x + x
    g = np.ones(1)
    seeds = {y: g}
    list(pullback(seeds))
    assert list(seeds) == [y]
    assert_array_equal(g, [1])


def test_ancestors_oldest_first_constants_included() -> None:
    x, c = leaf([1.0]), Tensor([2.0])
    h = x * c
    y = h + 1.0
    z = np.tanh(h)
    assert ancestors([y, z]) == [x, c, h, y, z]
    assert ancestors([x]) == [x]


def test_pushforward_goes_oldest_first_through_what_moves() -> None:
    x, w = leaf([2.0]), leaf([3.0])
    a = x * w
    b = np.sin(w)
    y = a * b + x
    asked: list[Any] = []

    def push(tensor: Any, dxs: dict[int, Any]) -> Any:
        asked.append((tensor, *dxs))
        return 10 * sum(dxs.values())

    found = pushforward({x: np.ones(1)}, [y], push)
    ab = y.args[0]
    assert asked == [(a, 0), (ab, 0), (y, 0, 1)]
    assert {t: float(d[0]) for t, d in found.items()} == {x: 1, a: 10, ab: 100, y: 1000 + 10}


def test_pushforward_keeps_the_given_tangents_and_does_not_look_behind_them() -> None:
    x = leaf([2.0])
    h = np.sin(x)
    y = h * x
    found = pushforward(
        {x: np.ones(1), h: np.full(1, 5.0)}, [y], lambda tensor, dxs: sum(dxs.values())
    )
    assert {t: float(d[0]) for t, d in found.items()} == {x: 1, h: 5, y: 6}
    only_h = pushforward({h: np.ones(1)}, [y], lambda tensor, dxs: sum(dxs.values()))
    assert set(only_h) == {h, y}


def test_what_lies_aside() -> None:
    x, w = leaf([2.0]), leaf([3.0])
    b = np.exp(w)
    a = np.sin(x)
    y = a * b
    assert aside(ancestors([y]), {x}) == {w, b}
    assert aside(ancestors([y]), {a}) == {x, w, b}
    assert aside(ancestors([y]), {x, w}) == set()


# -- rebinding -------------------------------------------------------------------------------------


def test_second_order_after_new_data_is_refused() -> None:
    w, x = leaf([2.0], "w"), leaf([3.0], "x")
    y = np.sum(x * np.square(w))
    w.data = np.array([5.0])
    assert_array_equal(differentiate(y, [w])[0], [2 * 3 * 2])  # first order: the recorded values
    with pytest.raises(GradientError) as error:
        differentiate(y, [w], create_graph=True)
    words = str(error.value)
    assert words.startswith(
        "argument 0 of np.square was given new data after the graph was recorded"
    )  # what
    assert "would mix old and new values" in words  # why
    assert "Run the forward pass again, or do not set create_graph" in words  # mend


def test_walking_leaves_the_graph_as_it_was() -> None:
    x = leaf([2.0])
    y = np.sum(x**3)
    for _ in range(2):
        assert_array_equal(differentiate(y, [x])[0], [12])
    (first,) = differentiate(y, [x], create_graph=True)
    assert_array_equal(differentiate(first, [x])[0], [12])
    assert_array_equal(differentiate(y, [x])[0], [12])
    assert x.grad is None


# -- a user's own op -------------------------------------------------------------------------------


@pytest.mark.usefixtures("registry")
def test_a_users_op_has_derivatives_of_every_order() -> None:
    @primitive
    def cube(x: Any) -> Any:
        """x * x * x."""
        return x * x * x

    defvjp(cube, lambda g, y, x: 3.0 * g * x * x)
    assert cube.__doc__ == "x * x * x."
    assert cube(2.0) == 8.0
    y = cube(leaf([2.0]))
    assert y.creator.fun is cube
    assert_allclose(
        [grad(cube)(2.0), grad(grad(cube))(2.0), grad(grad(grad(cube)))(2.0)], [12, 12, 6]
    )
    assert grad(grad(grad(grad(cube))))(2.0) == 0.0
    check_grads(cube, [np.array([1.0, -2.0])], order=3)


@pytest.mark.usefixtures("registry")
def test_a_users_op_is_unbroadcast() -> None:
    @primitive
    def affine(x: Any, scale: Any, shift: Any) -> Any:
        return x * scale + shift

    defvjp(
        affine, lambda g, y, x, s, b: g * s, lambda g, y, x, s, b: g * x, lambda g, y, x, s, b: g
    )
    rng = np.random.default_rng(0)
    check_grads(
        affine, [rng.standard_normal((2, 3)), rng.standard_normal((2, 1)), rng.standard_normal(3)]
    )
    check_grads(affine, [rng.standard_normal(3), 0.5, rng.standard_normal((2, 1, 3))])
    assert_array_equal(
        grad(lambda b: np.sum(affine(np.ones((4, 3)), 2.0, b)))(np.zeros(3)), [4, 4, 4]
    )
    x = Tensor(np.ones((4, 3), np.float32), requires_grad=True)
    np.sum(affine(x, np.float64(2.0), 0.0)).backward()
    assert x.grad.dtype == np.float32


@pytest.mark.usefixtures("registry")
def test_a_users_op_with_keywords() -> None:
    @primitive
    def leaky(x: Any, slope: float = 0.1) -> Any:
        return np.where(x > 0, x, slope * x)

    defvjp(leaky, lambda g, y, x, slope=0.1: np.where(x > 0, g, slope * g))
    check_grads(lambda x: leaky(x, slope=0.3), [np.array([1.0, -2.0])])
    assert_array_equal(grad(lambda x: np.sum(leaky(x, slope=0.5)))(np.array([1.0, -2.0])), [1, 0.5])
    with pytest.raises(TypeError, match=r"leaky on Tensors takes no gain=\. It knows slope, x\."):
        leaky(leaf(1.0), gain=2.0)


@pytest.mark.usefixtures("registry")
def test_a_users_op_whose_rule_takes_any_keyword() -> None:
    @primitive
    def scaled(x: Any, **options: float) -> Any:
        return x * options["by"]

    defvjp(scaled, lambda g, y, x, **options: g * options["by"])
    assert grad(lambda x: scaled(x, by=3.0))(1.0) == 3.0


@pytest.mark.usefixtures("registry")
def test_a_users_op_of_any_number_of_arrays() -> None:
    @primitive
    def product(*xs: Any) -> Any:
        out = xs[0]
        for x in xs[1:]:
            out = out * x
        return out

    defvjp_variadic(
        product, lambda argnums, g, y, *xs: [g * product(*xs[:i], *xs[i + 1 :]) for i in argnums]
    )
    check_grads(
        product, [np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([[5.0], [6.0]])], order=2
    )


@pytest.mark.usefixtures("registry")
def test_numpys_own_function_can_be_given_a_rule() -> None:
    defvjp(np.arctan, lambda g, y, x: g / (1.0 + x * x))
    check_grads(np.arctan, [np.array([-1.0, 0.5])])


@pytest.mark.usefixtures("registry")
def test_a_ufunc_of_three_operands_can_be_given_rules() -> None:
    clip: Any = np._core.umath.clip  # the one that NumPy has
    within = lambda x, low, high: (x > low) & (x < high)
    defvjp(
        clip,
        lambda g, y, x, low, high: np.where(within(x, low, high), g, 0.0),
        lambda g, y, x, low, high: np.where(x < low, g, 0.0),
        lambda g, y, x, low, high: np.where(x > high, g, 0.0),
    )
    x, low, high = leaf([1.0, 2.0, 3.0]), leaf(1.5), leaf([2.5])
    y = clip(x, low, high)
    assert_array_equal(y.data, [1.5, 2.0, 2.5])
    y.backward([1.0, 10.0, 100.0])
    assert_array_equal(x.grad, [0, 10, 0])
    assert low.grad == 1
    assert_array_equal(high.grad, [100])


@pytest.mark.usefixtures("registry")
def test_a_ufunc_with_a_rule_for_one_operand_alone_has_no_gradient_for_the_other() -> None:
    defvjp(np.nextafter, lambda g, y, a, b: g)
    assert_array_equal(grad(lambda a: np.sum(np.nextafter(a, 9.0)))(np.ones(2)), [1, 1])
    with pytest.raises(NoDerivativeError, match=r"np\.nextafter has no derivative for argument 1"):
        np.nextafter(1.0, leaf(9.0)).backward()


@pytest.mark.usefixtures("registry")
def test_what_defvjp_and_calls_refuse() -> None:
    @primitive
    def mix(a: Any, b: Any) -> Any:
        return a + b

    with pytest.raises(
        UsageError, match=r"defvjp\(mix, \.\.\.\) needs at least one rule\. Use defconstant if"
    ):
        defvjp(mix, None, None)
    defvjp(mix, lambda g, y, left, right: g, lambda g, y, left, right: g)
    with pytest.raises(UnsupportedError, match=r"mix on Tensors needs 2 arguments: left, right\."):
        mix(leaf(1.0))
    with pytest.raises(
        UnsupportedError,
        match=r"mix: pass Tensors by position \(missing a required argument: 'b'\)\.",
    ):
        mix(1.0, right=leaf(1.0))
    with pytest.raises(TypeError, match="a variadic primitive has no fixed number of arguments"):
        len(VJP[concatenate])


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("share", "shape"),
    [
        (lambda g: np.ones((2, 2)), (2, 2)),
        (lambda g: np.ones(3), (3,)),
        (lambda g: np.ones((3, 1)), (3, 1)),
        (lambda g: np.ones(()), ()),
        (lambda g: np.sum(g), ()),
        (lambda g: 0.0, ()),
    ],
    ids=["wrong", "fewer-axes", "summed-axis", "0-d", "scalar", "number"],
)
def test_a_rule_that_returns_a_wrong_shape_is_reported_by_name(share: Any, shape: Any) -> None:
    @primitive
    def mix(a: Any, b: Any) -> Any:
        return a + b

    defvjp(mix, lambda g, y, a, b: g, lambda g, y, a, b: share(g))
    y = mix(leaf(np.zeros((2, 3))), leaf(np.zeros((2, 3))))
    with pytest.raises(GradientError) as error:
        y.backward(np.ones((2, 3)))
    words = str(error.value)
    assert f"the rule of mix for argument 1 returned a share of shape {shape}" in words  # what
    assert "the argument has shape (2, 3)" in words  # why
    assert "Fix the rule given to defvjp" in words  # the way out


@pytest.mark.parametrize(
    ("f", "name"),
    [(np.tanh, "np.tanh"), (np.sum, "np.sum"), (np.linalg.norm, "np.linalg.norm"), (leaf, "leaf")],
)
def test_names_of_functions(f: Any, name: str) -> None:
    assert name_of(f) == name
