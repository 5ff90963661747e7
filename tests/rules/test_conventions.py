"""What the functions made of pieces, the running products and the sorts do at kinks, ties, zeros
and NaN.
"""

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.transforms.gradcheck import check_grads
from tinygrad_rnn.transforms.gradients import grad

pytestmark = pytest.mark.tiny

NAN, INF = np.nan, np.inf


def gradient(f: Callable[..., Any], x: Any) -> Any:
    """d sum(f(x)) / dx."""
    return grad(lambda x: np.sum(f(x)))(np.asarray(x, dtype=float))


def second(f: Callable[..., Any], x: Any) -> Any:
    """The derivative of the sum of `gradient(f, x)`."""
    return gradient(grad(lambda x: np.sum(f(x))), x)


# -- 0/0 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1 / x,
        lambda x: x / x,
        np.reciprocal,
        np.sqrt,
        np.cbrt,
        np.log,
        np.log2,
        np.log10,
        lambda x: np.log1p(x - 1),
        lambda x: x**0.5,
        lambda x: x**1.5,
        lambda x: x**-1,
        lambda x: x**-1.5,
        lambda x: x**x,
        lambda x: np.float_power(x, 0.5),
        lambda x: np.power(x, np.array([0.5, 0.5, -0.5])),
        lambda x: np.arcsin(1 - x / 4),
        lambda x: np.arccos(1 - x / 4),
        lambda x: np.arccosh(1 + x),
        lambda x: np.arctanh(1 - x / 4),
    ],
)
def test_a_branch_that_where_masks_out_sends_nothing(f: Callable[..., Any]) -> None:
    def masked(x: Any) -> Any:
        return np.where(x > 0, f(x), 0.0)

    with np.errstate(all="ignore"):  # the values are NaN and infinite, which NumPy says
        first, then = gradient(masked, [0.0, -3.0, 2.0]), second(masked, [0.0, -3.0, 2.0])
    assert_array_equal(first[:2], [0, 0])
    assert_array_equal(then[:2], [0, 0])
    check_grads(lambda x: f(x * np.ones(3))[2], [2.0])
    assert_allclose(first[2], gradient(lambda x: f(x * np.ones(3))[2], 2.0), rtol=1e-12)


def test_hypot_arctan2_and_std_are_flat_where_they_have_a_corner() -> None:
    for f in (np.hypot, np.arctan2):
        assert_array_equal(grad(f, (0, 1))(0.0, 0.0), [0, 0])
    for f in (np.std, lambda x: np.std(x, ddof=1), lambda x: np.std(x, axis=0)):
        assert_array_equal(gradient(f, [2.0, 2, 2]), [0, 0, 0])
        assert_array_equal(second(f, [2.0, 2, 2]), [0, 0, 0])
    assert_array_equal(gradient(np.std, [2.0]), [0])
    assert_array_equal(gradient(np.std, [[0.0, 2.0]]), [[-1 / 2, 1 / 2]])


# -- far out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_hypot_and_arctan2_neither_over_nor_underflow(size: float) -> None:
    assert_allclose(grad(np.hypot, (0, 1))(3 * size, 4 * size), [3 / 5, 4 / 5])
    assert_allclose(grad(np.arctan2, (0, 1))(3 * size, 4 * size), np.array([4, -3]) / 25 / size)


def test_tails_of_inverse_functions() -> None:
    assert_allclose(gradient(np.arcsinh, [-1e200, 1e200]), [1e-200, 1e-200])
    assert_allclose(gradient(np.arccosh, 1e100), 1e-100)
    assert_allclose(gradient(np.arctan, 1e100), 0, atol=1e-150)
    near = 1 - 2.0**-50
    assert_allclose(gradient(np.arctanh, near), 1 / (2.0**-50 * (1 + near)), rtol=1e-15)


def test_logaddexp2_far_out() -> None:
    assert_array_equal(gradient(lambda x: np.logaddexp2(x, 0.0), [-2000.0, 2000.0]), [0, 1])


def test_sinc_is_exact_at_0_to_every_order() -> None:
    f = (
        np.sinc
    )  # the series 1 - u^2/3! + u^4/5! - ..., u = pi x, so d^2k f(0) = (-1)^k pi^2k / (2k + 1)
    for order in range(7):
        k = order // 2
        assert_allclose(
            f(Tensor(0.0)).data, 0 if order % 2 else (-1) ** k * pi**order / (order + 1), rtol=1e-14
        )
        f = grad(f)
    assert_allclose(
        gradient(np.sinc, [1.0, -3.0, 1e-9]), [-1, 1 / 3, -1e-9 * pi**2 / 3], rtol=1e-14
    )


# -- kinks and ties --------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around])
def test_steps_are_flat_and_the_graph_goes_on(f: Callable[..., Any]) -> None:
    x = Tensor([-1.5, 0.0, 2.0], requires_grad=True)
    y = f(x)
    assert type(y) is Tensor
    np.sum(y).backward()
    assert_array_equal(x.grad, [0, 0, 0])
    assert_array_equal(gradient(lambda x: x * f(x), x.data), f(x.data))
    assert_array_equal(f(Tensor([1, -1])).data, [1, -1])


def test_slopes_at_kinks() -> None:
    assert_array_equal(gradient(np.fabs, [-1.0, 0.0, 1.0]), [-1, 0, 1])
    assert_array_equal(gradient(lambda x: np.copysign(x, -1.0), [-2.0, 0.0, 2.0]), [1, 0, -1])
    assert_array_equal(
        gradient(lambda h: np.heaviside([-1.0, 0.0, 1.0], h), [5.0, 5.0, 5.0]), [0, 1, 0]
    )
    assert_array_equal(gradient(lambda x: np.clip(x, x, 2.0), [1.0, 3.0]), [1, 0])
    assert_array_equal(np.clip(Tensor([1.0]), 5.0, 2.0).data, np.clip([1.0], 5.0, 2.0))


def test_remainders_at_whole_quotients() -> None:
    for f in (np.remainder, np.fmod):
        assert_array_equal(
            grad(lambda a, b, f=f: np.sum(f(a, b)), 1)(np.array([6.0, -6.0]), 2.0), 0
        )
        assert_array_equal(gradient(lambda a, f=f: f(a, 2.0), [6.0, -6.0]), [1, 1])
    assert_array_equal(grad(np.remainder, 1)(-7.0, 2.0), 4)
    assert_array_equal(grad(np.fmod, 1)(-7.0, 2.0), 3)
    assert_array_equal(grad(np.fmod, 1)(1.0, 0.1), -9)  # 1 / 0.1 rounds to 10


def test_ties_of_fmax_and_fmin_share_equally_and_a_nan_gets_nothing() -> None:
    a, b = np.array([1.0, NAN, 2.0, 3.0]), np.array([1.0, 1.0, NAN, 1.0])
    for f, of_a in ((np.fmax, [1 / 2, 0, 1, 1]), (np.fmin, [1 / 2, 0, 1, 0])):
        ga, gb = grad(lambda a, b, f=f: np.sum(f(a, b)), (0, 1))(a, b)
        assert_array_equal(ga, of_a)
        assert_array_equal(gb, 1 - np.array(of_a))


def test_ties_of_amax_nanmax_and_ptp_share_equally() -> None:
    for f in (np.max, np.amax, np.nanmax):
        assert_array_equal(gradient(f, [2.0, 2.0, 0.0]), [1 / 2, 1 / 2, 0])
    for f in (np.min, np.amin, np.nanmin):
        assert_array_equal(gradient(f, [2.0, 2.0, 5.0]), [1 / 2, 1 / 2, 0])
    assert_array_equal(gradient(np.ptp, [1.0, 1.0, 2.0, 2.0]), [-1 / 2, -1 / 2, 1 / 2, 1 / 2])
    assert_array_equal(gradient(np.ptp, [1.0, 1.0]), [0, 0])


def test_among_equal_entries_the_earlier_one_is_sorted_as_the_smaller() -> None:
    weights = np.array([1.0, 2.0, 4.0])
    assert_array_equal(gradient(lambda x: np.sort(x) * weights, [1.0, 1.0, 0.0]), [2, 4, 1])
    assert_array_equal(
        gradient(lambda x: np.sort(x, kind="heapsort") * weights, [5.0, 5.0, 5.0]), [1, 2, 4]
    )
    assert_array_equal(gradient(np.median, [1.0, 1.0, 1.0]), [0, 1, 0])
    assert_array_equal(gradient(np.median, [1.0, 1.0, 1.0, 0.0]), [1 / 2, 1 / 2, 0, 0])
    x = np.repeat([3.0, 1.0, 2.0], 20)
    assert_array_equal(
        np.sort(gradient(lambda x: np.partition(x, 30) * np.arange(60), x)), np.arange(60)
    )


# -- zeros in a product ----------------------------------------------------------------------------


def test_products_with_zeros() -> None:
    assert_array_equal(gradient(np.prod, [2.0, 0.0, 3.0]), [0, 6, 0])
    assert_array_equal(gradient(np.prod, [2.0, 0.0, 0.0]), [0, 0, 0])
    assert_array_equal(gradient(np.prod, [0.0]), [1])
    pairs = np.array([[0, 0, 0], [0, 0, 2], [0, 2, 0]])  # d^2 (x_0 x_1 x_2) at x = (2, 0, 0)
    rows = [grad(lambda x, i=i: grad(np.prod)(x)[i])(np.array([2.0, 0.0, 0.0])) for i in range(3)]
    assert_array_equal(rows, pairs)


def test_running_products_with_zeros() -> None:
    assert_array_equal(gradient(np.cumprod, [2.0, 0.0, 3.0, 5.0]), [1, 2 * (1 + 3 + 15), 0, 0])
    assert_array_equal(gradient(lambda x: np.cumprod(x)[-1], [2.0, 0.0, 3.0]), [0, 6, 0])


def test_a_third_derivative_of_a_product() -> None:
    check_grads(np.prod, [np.array([2.0, 0.0, -1.5, 0.0])], order=3)
    check_grads(np.cumprod, [np.array([2.0, 0.0, -1.5, 0.0])], order=3)


# -- NaN -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "slopes"),
    [
        (np.nansum, [0, 1, 1]),
        (np.nanmean, [0, 1 / 2, 1 / 2]),
        (np.nanprod, [0, 5, 2]),
        (np.nanmax, [0, 0, 1]),
        (np.nanmin, [0, 1, 0]),
        (np.nan_to_num, [0, 1, 1]),
    ],
)
def test_a_nan_that_is_passed_over_gets_nothing(f: Callable[..., Any], slopes: list[float]) -> None:
    assert_array_equal(gradient(f, [NAN, 2.0, 5.0]), slopes)
    assert_array_equal(f(Tensor([NAN, 2.0, 5.0])).data, f([NAN, 2.0, 5.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options", [{}, {"nan": 7.0, "posinf": 8.0, "neginf": 9.0}, {"copy": False}]
)
def test_nan_to_num(dtype: Any, options: dict[str, Any]) -> None:
    x = np.array([NAN, INF, -INF, 1.5], dtype)
    assert_array_equal(
        np.nan_to_num(Tensor(x), **options).data, np.nan_to_num(x.copy(), **options), strict=True
    )
    assert_array_equal(gradient(lambda x: np.nan_to_num(x, **options), x), [0, 0, 0, 1])
    assert_array_equal(np.nan_to_num(Tensor([1, 2])).data, [1, 2])


def test_sorting_puts_nan_last_and_a_median_with_nan_is_nan() -> None:
    assert_array_equal(gradient(lambda x: np.sort(x)[:2] * [1.0, 2.0], [3.0, NAN, 1.0]), [2, 0, 1])
    x = np.array([[1.0, NAN, 0.0], [1.0, 5.0, 0.0]])
    assert_array_equal(np.median(Tensor(x), axis=1).data, [NAN, 1])


# -- calls -----------------------------------------------------------------------------------------


def test_where_of_a_condition_alone_gives_indices() -> None:
    x = Tensor([[1.0, 0.0], [0.0, 3.0]], requires_grad=True)
    for condition in (x, x > 2):
        for found, expected in zip(
            np.where(condition), np.where(np.asarray(condition.data)), strict=True
        ):
            assert type(found) is np.ndarray
            assert_array_equal(found, expected)
    with pytest.raises(ShapeError, match="either both or neither"):
        np.where(x > 0, x)


def test_averages_that_cannot_be_taken() -> None:
    x = Tensor(np.ones((2, 3)))
    with pytest.raises(ZeroDivisionError, match=r"the weights of np.average sum to 0"):
        np.average(x, 0, weights=[1.0, -1.0])
    with pytest.raises(
        ShapeError, match=r"weights need the shape of the array, or \(3,\), that of the axes"
    ):
        np.average(x, 1, weights=[1.0, 1.0])


@pytest.mark.parametrize("f", [np.median, np.diff, np.trapezoid, np.average, np.cumprod, np.sort])
def test_an_axis_out_of_bounds_is_refused(f: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="axis 2 is out of bounds for array of dimension 2"):
        f(Tensor(np.ones((2, 3))), axis=2)


def test_a_difference_of_negative_order_is_refused() -> None:
    with pytest.raises(ValueError, match=r"np.diff of order -1: the order is a count"):
        np.diff(Tensor([1.0, 2.0]), -1)
