"""check_grads: what is right passes; what is wrong is found, and its operation is named."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn.core.mode import no_grad
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tables import defjvp, defvjp, primitive
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DTypeError, GradientError
from tinygrad_rnn.functional import relu, sigmoid, softmax
from tinygrad_rnn.transforms.gradcheck import check_grads

X = np.array([0.5, -1.0, 2.0])


def test_check_grads_accepts_what_is_right() -> None:
    rng = np.random.default_rng(0)
    check_grads(
        lambda x, w: np.tanh(x @ w),
        [rng.standard_normal((2, 3)), rng.standard_normal((3, 2))],
        order=3,
    )
    check_grads(lambda x, n: x[n], [X, np.array([0, 0])])
    check_grads(sigmoid, [0.3])


def test_it_shows_what_was_found_right() -> None:
    found = check_grads(lambda x, n: np.sum(x * n), [X, np.array([1, 2, 3])])
    assert repr(found) == "Checked(order=2, arrays=1, entries=3)"
    assert repr(check_grads(np.tanh, [0.3], 3)) == "Checked(order=3, arrays=1, entries=1)"
    both = check_grads(lambda x, p: x * p["b"], [X, {"b": 2.0, "name": "p"}], order=1)
    assert repr(both) == "Checked(order=1, arrays=2, entries=4)"


@pytest.mark.usefixtures("registry")
def test_check_grads_names_argument_entry_and_both_numbers() -> None:
    @primitive
    def product(a: Any, b: Any) -> Any:
        return a * b

    off = np.array([[1.0, 1.0, 1.5]])
    defvjp(product, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a * off)
    with pytest.raises(GradientError) as error:
        check_grads(product, [np.array([[1.0, 2.0, 3.0]]), np.array([[4.0, 5.0, 6.0]])])
    pattern = (
        r"derivative of order 1 with respect to argument 1, entry \(0, 2\): "
        r"by the rules (\S+), by central differences (\S+)\. "
        r"The rule of product for argument 1 is wrong: by itself, entry \(0, 2\), "
        r"it gives (\S+) instead of (\S+)\. Fix the rule\."
    )
    found = re.fullmatch(pattern, str(error.value))
    assert found
    by_rules, by_differences, alone, right = map(float, found.groups())
    assert_allclose(by_rules, 1.5 * by_differences, rtol=1e-6)
    assert_allclose(alone, 1.5 * right, rtol=1e-6)


@pytest.mark.usefixtures("registry")
def test_check_grads_of_a_0d_argument_names_the_entry_too() -> None:
    wrong = primitive(lambda x: x * x)
    defvjp(wrong, lambda g, y, x: g * x)
    with pytest.raises(GradientError, match=r"argument 0, entry \(\): by the rules"):
        check_grads(wrong, [3.0])


@pytest.mark.usefixtures("registry")
def test_check_grads_catches_a_rule_that_closes_over_a_plain_intermediate() -> None:
    kept = {}

    @primitive
    def tanh(x: Any) -> Any:
        kept["y"] = np.tanh(x)
        return kept["y"]

    defvjp(tanh, lambda g, y, x: g * (1.0 - kept["y"] ** 2))  # not y: right at first order only
    check_grads(tanh, [X], order=1)
    with pytest.raises(
        GradientError, match="derivative of order 2 with respect to argument 0"
    ) as error:
        check_grads(lambda x: np.sin(tanh(2.0 * x)), [X], order=2)
    words = str(error.value)
    assert "The rules of tanh are right, their derivatives are not" in words  # what
    assert "as it does when it closes over a plain array" in words  # why
    assert "Pass y and the args in" in words  # the way out


@pytest.mark.usefixtures("registry")
def test_check_grads_catches_a_gradient_that_is_not_a_number() -> None:
    bad = primitive(lambda x: x * 1.0)
    defvjp(bad, lambda g, y, x: g * np.nan)
    with pytest.raises(GradientError, match="by the rules nan, by central differences"):
        check_grads(bad, [X])


@pytest.mark.usefixtures("registry")
def test_check_grads_reports_also_when_f_closes_over_parameters() -> None:
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    check_grads(lambda x: np.tanh(x) * w, [X])
    wrong = primitive(lambda x: x * x)
    defvjp(wrong, lambda g, y, x: g * x)
    with pytest.raises(GradientError, match="derivative of order 1"):
        check_grads(lambda x: wrong(x) * w, [X])
    assert w.grad is None


def test_check_grads_catches_a_detached_path() -> None:
    with pytest.raises(
        GradientError,
        match=r"derivative of order 1.* Every operation by itself is right: .*x\.detach",
    ):
        check_grads(lambda x: x * x.detach() if isinstance(x, Tensor) else x * x, [X])


def test_check_grads_needs_float64() -> None:
    with pytest.raises(
        DTypeError, match="argument 1 has dtype float32; finite differences need float64"
    ):
        check_grads(lambda a, b: a * b, [X, np.float32(X)])
    with pytest.raises(GradientError, match=r"no argument that is a float64 array\. Pass floats"):
        check_grads(lambda n: n, [np.array([1, 2])])


def test_check_grads_does_not_touch_its_arguments_and_repeats_itself() -> None:
    x = X.copy()
    x.flags.writeable = False
    messages = set()
    for _ in range(2):
        with pytest.raises(GradientError) as error:
            check_grads(lambda x: np.abs(x), [np.array([0.0, 1.0]) + 1e-7], rng=3)
        messages.add(str(error.value))
    assert len(messages) == 1
    assert "np.absolute has a kink within the step" in messages.pop()
    check_grads(np.sin, [x], rng=np.random.default_rng(5))
    assert_array_equal(x, X)


# -- containers ----------------------------------------------------------------------------------


def test_containers_of_arguments_and_results() -> None:
    params = {"W": np.outer(X, X[:2]), "b": [0.5, None], "n": np.array([1, 0]), "how": "tanh"}

    def layer(p: Any, x: Any) -> Any:
        h = getattr(np, p["how"])(x @ p["W"] + p["b"][0])
        return {"h": h, "first": h[p["n"]] * 2.0}, softmax(h)

    check_grads(layer, (params, X))
    check_grads(layer, (params, Tensor(X)), order=1)


@pytest.mark.usefixtures("registry")
def test_the_error_has_the_path_of_the_argument() -> None:
    product = primitive(lambda a, b: a * b)
    defvjp(product, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a * np.array([1.0, 2.0, 1.0]))
    with pytest.raises(
        GradientError, match=r"with respect to argument 1\['W'\]\[1\], entry \(1,\): by the rules"
    ):
        check_grads(lambda x, p: product(x, p["W"][1]), [X, {"W": [1.0, X]}])
    with pytest.raises(
        DTypeError, match=r"argument 0\['W'\] has dtype float32; finite differences need float64"
    ):
        check_grads(lambda p: p["W"], [{"W": np.float32(X)}])
    with pytest.raises(DTypeError, match=r"argument 0\[0\] has dtype float32"):
        check_grads(lambda p: p[0], [[np.float32(2.0)]])


def test_0d_arrays_floats_no_grad_and_no_dependence() -> None:
    check_grads(lambda x: x * x * x, [np.array(2.0)], order=3)
    check_grads(lambda x, y: np.tanh(x) + y, [0.5, np.float64(2.0)])
    check_grads(lambda x: (x * 0.0, 5.0, np.argmax(x)), [X])
    check_grads(lambda x: x[:0], [X])
    with no_grad():
        check_grads(np.tanh, [X])


def test_large_and_small_entries() -> None:
    check_grads(lambda x: np.log(x), [np.array([1e6, 1.0, 1e-2])])
    check_grads(lambda x: x * x, [np.array([1e8])])
    check_grads(
        lambda x: x * x, [np.array([1e8, 1e-12])]
    )  # the rounding of 1e16 is not held against the rule


@pytest.mark.usefixtures("registry")
def test_a_rule_that_is_off_by_a_thousandth_is_caught_at_a_large_entry() -> None:
    square = primitive(lambda x: x * x)
    defvjp(square, lambda g, y, x: 2.002 * g * x)
    with pytest.raises(GradientError, match="derivative of order 1"):
        check_grads(square, [np.array([1e8])])


# -- which operation -----------------------------------------------------------------------------


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("order", [1, 2])
def test_one_wrong_operation_among_many_is_named(order: int) -> None:
    @primitive
    def cube(x: Any) -> Any:
        return x * x * x

    defvjp(cube, lambda g, y, x: 3.1 * g * x * x)
    w = Tensor(X, requires_grad=True)
    with pytest.raises(GradientError) as error:
        check_grads(lambda x: np.sum(np.tanh(w * cube(np.sin(x)) + x) ** 2), [X], order=order)
    assert "The rule of cube for argument 0 is wrong: by itself, entry (0,), it gives" in str(
        error.value
    )


@pytest.mark.usefixtures("registry")
def test_a_wrong_rule_of_an_operation_that_only_the_derivative_applies_is_named() -> None:
    @primitive
    def slope(x: Any) -> Any:
        return np.cos(x)

    @primitive
    def wave(x: Any) -> Any:
        return np.sin(x)

    defvjp(slope, lambda g, y, x: g * np.sin(x))  # the sign is wrong
    defvjp(wave, lambda g, y, x: g * slope(x))
    check_grads(wave, [X], order=1)
    with pytest.raises(
        GradientError, match=r"of order 2 .* The rule of slope for argument 0 is wrong"
    ):
        check_grads(wave, [X])


@pytest.mark.usefixtures("registry")
def test_the_second_of_two_arguments_that_loses_a_dependence() -> None:
    @primitive
    def product(a: Any, b: Any) -> Any:
        return a * b

    defvjp(product, lambda g, y, a, b: g * b, lambda g, y, a, b: g * value(a))
    check_grads(product, [X, 2.0], order=1)
    with pytest.raises(
        GradientError,
        match=r"of order 2 .* The rules of product are right, their derivatives are not",
    ):
        check_grads(product, [X, np.array([2.0, 3.0, 4.0])])


@pytest.mark.usefixtures("registry")
def test_a_rule_that_loses_digits_is_named() -> None:
    twice = primitive(lambda x: x * 2.0)
    twice.__name__ = "twice"
    defvjp(twice, lambda g, y, x: (g * 2.0).astype(np.float32))
    with pytest.raises(GradientError) as error:
        check_grads(twice, [X])
    words = "the rule of twice for argument 0 returned dtype float32; everything it was given is "
    assert f"{words}float64" in str(error.value)


@pytest.mark.usefixtures("registry")
def test_a_wrong_shape_and_a_missing_rule_are_named() -> None:
    pair = primitive(lambda a, b: a + b)
    pair.__name__ = "pair"
    defvjp(pair, lambda g, y, a, b: g[:2])
    with pytest.raises(
        GradientError, match=r"the rule of pair for argument 0 returned a share of shape \(2,\)"
    ):
        check_grads(pair, [X, 3])
    with pytest.raises(TypeError, match="pair has no derivative for argument 1"):
        check_grads(pair, [X, X])


def test_a_kink_is_called_a_kink() -> None:
    with pytest.raises(
        GradientError, match=r"order 1 .* relu has a kink within the step: .* Move the point"
    ):
        check_grads(lambda x: np.sum(relu(x) * 2.0), [np.array([1.0, 1e-6])])
    with pytest.raises(GradientError, match=r"order 2 .*kink within the step"):
        check_grads(lambda x: x * relu(x), [np.array([1.0, 0.0])])
    with pytest.raises(
        GradientError, match=r"\d\. The slopes to its left and right differ: a kink lies within"
    ):
        check_grads(lambda x: x * 1.0 if x > 0 else x * 3.0, [0.0])


def test_rounding_to_float32_is_not_blamed_on_a_rule() -> None:
    words = r"order 1 .*\. astype gives float32, too coarse for differences\. Compute in float64"
    with pytest.raises(GradientError, match=words):
        check_grads(lambda x: x.astype(np.float32) * np.float32(3.0), [X])


# -- forward rules -------------------------------------------------------------------------------


def triple(rule: Any) -> Any:
    """x -> x^3 with a forward rule."""

    @primitive
    def cube(x: Any) -> Any:
        return x * x * x

    defvjp(cube, lambda g, y, x: 3.0 * g * x * x)
    defjvp(cube, rule)
    return cube


@pytest.mark.usefixtures("registry")
def test_a_right_forward_rule_passes() -> None:
    check_grads(triple(lambda dx, y, x: 3.0 * dx * x * x), [X], order=3)


@pytest.mark.usefixtures("registry")
def test_a_wrong_forward_rule_is_named() -> None:
    cube = triple(lambda dx, y, x: 3.1 * dx * x * x)
    with pytest.raises(GradientError) as error:
        check_grads(lambda x: np.sin(cube(x)), [X], order=1)
    pattern = (
        r"derivative of order 1 along a random direction: "
        r"by the rules of defjvp (\S+), by those of defvjp (\S+)\. "
        r"A forward rule of cube does not fit its reverse rule\. Fix the rule given to defjvp\."
    )
    found = re.fullmatch(pattern, str(error.value))
    assert found
    forward, backward = map(float, found.groups())
    assert_allclose(forward, 3.1 / 3.0 * backward, rtol=1e-9)


@pytest.mark.usefixtures("registry")
def test_a_forward_rule_that_loses_a_dependence_is_named() -> None:
    cube = triple(lambda dx, y, x: 3.0 * dx * value(x) ** 2)
    check_grads(cube, [X], order=1)
    with pytest.raises(
        GradientError, match=r"order 2 .* The rules of cube are right, their derivatives are not"
    ):
        check_grads(lambda x: np.sin(cube(x)), [X])
