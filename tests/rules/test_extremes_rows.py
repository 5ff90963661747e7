"""Slopes of functions of rows of any size, with infinite entries, and of many float16; losses and
layers of them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from numpy.testing import assert_allclose, assert_array_equal
from support.extremes import DTYPES, agrees, limit, logistic, partial, points, slope, softplus

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules import nonlinear

pytestmark = pytest.mark.usefixtures("quiet")
INF, NAN = np.inf, np.nan

# -- functions of rows -----------------------------------------------------------------------------


def norm_slope(p: float) -> Any:
    """Of the norm of order p by its first argument."""

    def slope(x: Any, *others: Any) -> Any:
        largest = max(map(abs, (x, *others)))
        if p < 0 and 0 in (x, *others):
            return mpf(0)
        total = sum((abs(y) / largest) ** p for y in (x, *others) if y)
        return mp.sign(x) * (abs(x) / largest) ** (p - 1) * total ** (mpf(1) / p - 1)

    return slope


def var_slope(x: Any, *others: Any) -> Any:
    n = len(others) + 1
    return 2 * (x - (x + sum(others)) / n) / n


def std_slope(x: Any, *others: Any) -> Any:
    row, n = (x, *others), len(others) + 1
    return var_slope(*row) / (2 * mp.sqrt(sum((y - sum(row) / n) ** 2 for y in row) / n))


def softmax(x: Any, *others: Any) -> Any:
    top = max(x, *others) if others else x
    return mp.exp(x - top) / sum(mp.exp(y - top) for y in (x, *others))


def product(x: Any, *others: Any) -> Any:
    return mp.fprod(others)


ROWS: dict[str, tuple[Any, Any]] = {  # a function of a row, and its slope by the first entry
    "norm": (np.linalg.norm, norm_slope(2)),
    **{
        f"norm of order {p}": (lambda x, p=p: np.linalg.norm(x, ord=p), norm_slope(p))
        for p in (1, 1.5, 3, 7, 0.5, -1, -2, -0.5)
    },
    "var": (np.var, var_slope),
    "std": (np.std, std_slope),
    "logsumexp": (nonlinear.logsumexp, softmax),
    "softmax": (
        lambda x: nonlinear.softmax(x)[0],
        lambda *row: softmax(*row) * (1 - softmax(*row)),
    ),
    "log softmax": (lambda x: nonlinear.log_softmax(x)[0], lambda *row: 1 - softmax(*row)),
    "prod": (np.prod, product),
    "cumprod": (lambda x: np.cumprod(x)[-1], product),
}


def rows(dtype: Any) -> Iterator[Any]:
    facts = np.finfo(dtype)
    for size in (1.0, float(facts.max) / 8, float(facts.tiny), 8 * float(facts.smallest_subnormal)):
        yield from (
            np.array(row, dtype) * dtype(size) for row in ([3, 4], [1, -2, 5], [1, 0, -6, 2])
        )
    yield from (
        np.array(row, dtype) for row in ([facts.max, 1], [1, facts.max], [facts.max, -facts.max])
    )
    yield from (
        np.array(row, dtype) for row in ([INF, 1, 2], [1, INF, 2], [-INF, 1], [1, -INF], [0, INF])
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROWS)
def test_slopes_of_functions_of_rows(name: str, dtype: Any) -> None:
    f, slope = ROWS[name]
    for row in rows(dtype):
        for i in range(len(row)):
            turned = np.roll(row, -i)
            leaf = Tensor(turned, requires_grad=True)
            y = f(leaf)
            if np.isnan(y.data) and np.any(np.isinf(row)):
                continue
            y.backward()
            assert leaf.grad.dtype == dtype
            wanted = partial(slope, 0, turned)
            if wanted is not None and not _row_convention(name, turned):
                assert agrees(leaf.grad[0], wanted, 64), (
                    f"the first slope of {name} at {turned!r} is {leaf.grad[0]}, should "
                    f"be {mp.nstr(wanted)}"
                )


def _row_convention(name: str, row: Any) -> bool:
    """Kinks, and products that over- or underflow on the way."""
    return "norm" in name and row[0] == 0


@pytest.mark.parametrize("f", [nonlinear.softmax, nonlinear.log_softmax, nonlinear.logsumexp])
def test_values_over_rows_are_limits(f: Any) -> None:
    of = {
        nonlinear.softmax: lambda row: [
            softmax(x, *(row[:i] + row[i + 1 :])) for i, x in enumerate(row)
        ],
        nonlinear.log_softmax: lambda row: [x - mp.log(sum(map(mp.exp, row))) for x in row],
        nonlinear.logsumexp: lambda row: [mp.log(sum(map(mp.exp, row)))],
    }[f]
    for row in ([0.0, 1.0], [1000.0, 999.0, -1000.0], [-1e5, -1e5], [3.0]):
        assert_allclose(
            np.ravel(f(np.array(row))), np.array(of([mpf(x) for x in row]), float), rtol=1e-13
        )
    for dtype in DTYPES:
        x = np.array([[1, INF, -INF], [-INF, 2, -INF], [0, -INF, 0]], dtype)
        p = np.array([[0, 1, 0], [0, 1, 0], [0.5, 0, 0.5]])
        value = {
            nonlinear.softmax: p,
            nonlinear.log_softmax: np.log(p),
            nonlinear.logsumexp: [[INF], [2], [np.log(2)]],
        }
        y = f(x, -1, True) if f is nonlinear.logsumexp else f(x)
        assert y.dtype == dtype
        assert_allclose(y, np.asarray(value[f], dtype), rtol=1e-3)


def test_logsumexp_of_infinities() -> None:
    assert_array_equal(
        slope(lambda x: nonlinear.logsumexp(x, 1), [[INF, 1], [-INF, INF], [-INF, 2]]),
        [[1, 0], [0, 1], [0, 1]],
    )
    assert_array_equal(
        slope(nonlinear.logsumexp, [INF, INF, 1]), [0, 0, 0]
    )  # each alone changes nothing
    assert nonlinear.logsumexp(np.array([-INF, -INF])) == -INF


@pytest.mark.parametrize("f", [np.max, np.amax, np.nanmax])
def test_the_largest_of_infinities_and_nan(f: Any) -> None:
    for dtype in DTYPES:
        assert_array_equal(
            slope(lambda x: f(x, 1), [[1, INF], [INF, INF], [-INF, -INF]], dtype),
            [[0, 1], [0.5, 0.5], [0.5, 0.5]],
        )
        assert_array_equal(slope(lambda x: -f(-x), [1, -INF, -INF], dtype), [0, 0.5, 0.5])
    assert_array_equal(slope(f, [1, NAN, 2]), [0, 0, 1] if f is np.nanmax else [NAN] * 3)
    assert_array_equal(slope(lambda x: f(x, initial=2.0), [2.0, 2.0, 1.0]), [1 / 3, 1 / 3, 0])
    infinite = tg.vjp(lambda x: f(x, 1), np.array([[1.0, 2.0], [3.0, 3.0]]))[1](
        np.array([INF, 1.0])
    )[0]
    assert_array_equal(infinite, [[0, INF], [0.5, 0.5]])  # not INF times 0


def test_counts_that_no_float16_holds() -> None:
    n = 100_000
    x = np.tile(np.float16([1.0, 3.0]), n // 2)
    g = np.float16(1000.0)
    for f, wanted in {
        np.mean: [1000 / n, 1000 / n],
        np.nanmean: [1000 / n, 1000 / n],
        np.var: [-2000 / n, 2000 / n],
        np.std: [-1000 / n, 1000 / n],
        np.linalg.norm: 1000 * np.array([1.0, 3.0]) / np.sqrt(5 * n),
        np.max: [0, 2000 / n],
        np.median: None,
        nonlinear.logsumexp: 1000 / (n / 2) * np.array([1, np.e**2]) / (1 + np.e**2),
        fn.mse_loss: [2000 / n, 6000 / n],
        fn.l1_loss: [1000 / n, 1000 / n],
        fn.huber_loss: [1000 / n, 1000 / n],
    }.items():
        leaf = Tensor(x, requires_grad=True)
        y = f(leaf, np.zeros(n, np.float16)) if "loss" in f.__name__ else f(leaf)
        y.backward(g)
        assert y.dtype == leaf.grad.dtype == np.float16
        if wanted is None:
            assert np.count_nonzero(leaf.grad) == 2
        else:
            assert_allclose(leaf.grad[:2].astype(float), wanted, rtol=2e-3, err_msg=name_of(f))
    assert_allclose(fn.logsumexp(x).astype(float), np.log(n / 2 * (np.e + np.e**3)), rtol=1e-3)
    assert_allclose(
        fn.softmax(x)[:2].astype(float), np.exp([1.0, 3.0]) / (n / 2 * (np.e + np.e**3)), rtol=3e-3
    )
    row = Tensor(np.float16(0.0), requires_grad=True)
    np.sum(
        row * np.ones(n, np.float16) * np.float16(0.25)
    ).backward()  # summed over the broadcast axis
    assert row.grad == n / 4
    targets = np.where(np.arange(n) % 2, 0, -1)
    logits = Tensor(np.zeros((n, 2), np.float16), requires_grad=True)
    loss = fn.cross_entropy(logits, targets, ignore_index=-1)
    assert_allclose(loss.data.astype(float), np.log(2), rtol=1e-3)
    loss.backward(np.float16(1000))
    assert_allclose(logits.grad[1].astype(float), [-500 / (n / 2), 500 / (n / 2)], rtol=2e-3)


# -- losses and layers -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_cross_entropy_far_out(dtype: Any) -> None:
    for t in (0.0, 0.25, 1.0):
        yes, no = mpf(t), mpf(1 - t)

        def value(x: Any, yes: Any = yes, no: Any = no) -> Any:
            return (yes * softplus(-x) if yes else 0) + (no * softplus(x) if no else 0)

        def derivative(x: Any, yes: Any = yes, no: Any = no) -> Any:
            return no * logistic(x) - yes * logistic(-x)

        for x in points(dtype, 3.0):
            leaf = Tensor(x, requires_grad=True)
            y = fn.binary_cross_entropy_with_logits(leaf, np.array(t, dtype))
            y.backward()
            assert agrees(y.data, limit(value, x), 64)
            assert agrees(leaf.grad, limit(derivative, x), 64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_of_infinite_errors(dtype: Any) -> None:
    largest = float(np.finfo(dtype).max)
    zero = np.zeros(1, dtype)
    for f, values, slopes in (
        (fn.mse_loss, [INF, INF], [-INF, INF]),
        (fn.squared_error, [INF, INF], [-INF, INF]),
        (fn.half_squared_error, [INF, INF], [-INF, INF]),
        (fn.l1_loss, [INF, INF], [-1, 1]),
        (fn.huber_loss, [INF, INF], [-1, 1]),
    ):
        for x, y, dy in zip((-INF, INF), values, slopes, strict=True):
            given = np.array([x], dtype)
            assert f(given, zero) == y
            assert_array_equal(tg.grad(f)(given, zero), [dy])
    assert fn.huber_loss(np.array([largest], dtype), zero) == dtype(largest)
    assert_array_equal(tg.grad(fn.huber_loss)(np.array([largest], dtype), zero), [1])
    assert_array_equal(tg.grad(fn.mse_loss)(np.array([largest / 4], dtype), zero), [largest / 2])


def test_squares_that_no_float16_holds() -> None:
    x, zero = np.zeros(100, np.float16), np.zeros(100, np.float16)
    x[0] = 1000.0
    assert fn.mse_loss(x, zero) == 10_000
    assert_array_equal(tg.grad(fn.mse_loss)(x, zero)[:2], [20, 0])
    assert fn.half_squared_error(np.float16([300.0]), zero[:1]) == 45_000


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_of_infinite_logits(dtype: Any) -> None:
    x = np.array([[INF, 0, 1], [-INF, 0, 0], [0, -INF, 0]], dtype)
    loss = fn.cross_entropy(x, np.array([0, 1, 2]), reduction="none")
    assert_allclose(loss, [0, np.log(2), np.log(2)], rtol=1e-3)
    g = slope(lambda x: fn.cross_entropy(x, np.array([0, 1, 2]), reduction="none"), x, dtype)
    assert_allclose(g, [[0, 0, 0], [0, -0.5, 0.5], [0.5, 0, -0.5]])
    assert_array_equal(fn.cross_entropy(x[:2], np.array([1, 0]), reduction="none"), [INF, INF])
    q = np.array([[1, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]], dtype)
    assert_allclose(fn.cross_entropy(x, q, reduction="none"), loss, rtol=1e-3)
    assert_allclose(
        slope(lambda x: fn.cross_entropy(x, q, reduction="none"), x, dtype)[:2],
        [[0, 0, 0], [0, 0, 0]],
        atol=1e-3,
    )
    assert_array_equal(fn.nll_loss(np.array([[-INF, 0]], dtype), np.array([0])), INF)
    assert_array_equal(tg.grad(fn.nll_loss)(np.array([[-INF, 0]], dtype), np.array([0])), [[-1, 0]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", [[1, 2, 4], [3, -3, 0], [1, 0, 0], [2, 2, 2], [0, 0, 0]])
def test_layer_norm_of_rows_of_any_size(dtype: Any, row: list[float]) -> None:
    facts = np.finfo(dtype)
    for size in (
        1.0,
        facts.max / 4,
        float(facts.max) ** 0.5,
        facts.tiny,
        8 * facts.smallest_subnormal,
    ):
        x = np.array(row, dtype) * dtype(size)
        y = fn.layer_norm(Tensor(x))
        g = slope(lambda x: fn.layer_norm(x)[0], x, dtype)
        exact = [mpf(float(v)) for v in x]
        mean = sum(exact) / 3
        sigma = mp.sqrt(sum((v - mean) ** 2 for v in exact) / 3 + mpf(1e-5))
        normal = [(v - mean) / sigma for v in exact]
        assert y.dtype == g.dtype == dtype
        for i in range(3):
            rounding = 64 * float(facts.eps) + float(
                facts.smallest_subnormal / sigma
            )  # of the mean
            assert abs(y.data[i] - float(normal[i])) <= rounding
            wanted = ((i == 0) - (1 + normal[0] * normal[i]) / 3) / sigma
            assert abs(float(g[i] * sigma) - float(wanted * sigma)) <= 64 * float(facts.eps)
    tiny = np.array([1, 2, 4], dtype) * (8 * facts.smallest_subnormal)
    assert_allclose(
        fn.layer_norm(tiny, eps=0.0),
        [-1.0690450, -0.2672612, 1.3363062],
        rtol=1e-2 if dtype is np.float16 else 1e-6,
    )


@pytest.mark.parametrize("p", [1, 1.5, 2, 2.5, 3, 4, 7])
@pytest.mark.parametrize("size", [1.0, 1e-200, 1e-320, 1e200, 1e308])
def test_a_zero_beside_a_number_of_any_size(p: float, size: float) -> None:
    found = slope(lambda x: np.linalg.norm(x, p), np.array([size, 0.0, -0.0]))
    assert_allclose(found, [1.0, 0.0, 0.0])
