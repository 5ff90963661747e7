"""Values and slopes at 0, -0, infinity, NaN and at the ends of float16, float32 and float64,
function by function.

The slopes that are expected are limits of textbook derivatives (extremes.py).  Where the value is
NaN, or where a derivative has no limit, nothing is expected but the conventions: ties share
equally, a kink at 0 has slope 0.
"""

from math import pi
from typing import Any

import numpy as np
import pytest
from cases import CASES, PRIMITIVES, by_function
from mpmath import mp, mpf
from numpy.testing import assert_allclose, assert_array_equal
from support.extremes import DTYPES, agrees, limit, logistic, partial, points, slope, softplus

import tinygrad_rnn as tg
from tinygrad_rnn.core.tables import BILINEAR, LINEAR, VJP
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules import activations, elementwise, nonlinear, piecewise, scale, trigonometry
from tinygrad_rnn.rules.piecewise import checked

pytestmark = pytest.mark.usefixtures("quiet")
INF, NAN = np.inf, np.nan


# -- functions of one number -----------------------------------------------------------------------


def tanh(x: Any) -> Any:
    e = mp.exp(-2 * abs(x))
    return mp.sign(x) * (1 - e) / (1 + e)


def sech2(x: Any) -> Any:
    e = mp.exp(-2 * abs(x))
    return 4 * e / (1 + e) ** 2


def bell(x: Any) -> Any:
    """exp(-x**2)."""
    return mp.exp(-x * x) if abs(x) < 1e9 else mpf(0)


def cdf(x: Any) -> Any:
    """Of the standard normal distribution."""
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1000 else mpf(x > 0)


SELU_ALPHA, SELU_SCALE = mpf(activations._SELU_ALPHA), mpf(activations._SELU_SCALE)

SLOPES: dict[Any, Any] = {
    np.negative: lambda x: -1,
    np.positive: lambda x: 1,
    np.reciprocal: lambda x: -1 / x**2,
    np.square: lambda x: 2 * x,
    np.sqrt: lambda x: 1 / (2 * mp.sqrt(x)),
    np.cbrt: lambda x: 1 / (3 * mp.cbrt(x * x)),
    np.exp: mp.exp,
    np.exp2: lambda x: mp.log(2) * mpf(2) ** x,
    np.expm1: mp.exp,
    np.log: lambda x: 1 / x,
    np.log2: lambda x: 1 / (x * mp.log(2)),
    np.log10: lambda x: 1 / (x * mp.log(10)),
    np.log1p: lambda x: 1 / (1 + x),
    np.sin: mp.cos,
    np.cos: lambda x: -mp.sin(x),
    np.tan: lambda x: mp.sec(x) ** 2,
    np.arcsin: lambda x: 1 / mp.sqrt((1 - x) * (1 + x)),
    np.arccos: lambda x: -1 / mp.sqrt((1 - x) * (1 + x)),
    np.arctan: lambda x: 1 / (1 + x * x),
    np.sinh: mp.cosh,
    np.cosh: mp.sinh,
    np.tanh: sech2,
    np.arcsinh: lambda x: 1 / mp.sqrt(1 + x * x),
    np.arccosh: lambda x: 1 / mp.sqrt((x - 1) * (x + 1)),
    np.arctanh: lambda x: 1 / ((1 - x) * (1 + x)),
    np.sinc: lambda x: (mp.cospi(x) - mp.sincpi(x)) / x if abs(x) > 1e-50 else -(mp.pi**2) * x / 3,
    np.absolute: mp.sign,
    np.fabs: mp.sign,
    nonlinear.sigmoid: lambda x: logistic(x) * logistic(-x),
    nonlinear.relu: lambda x: mpf(x > 0),
    nonlinear.softplus: logistic,
    activations.leaky_relu: lambda x: 1 if x > 0 else mpf(0.01),
    activations.hardtanh: lambda x: mpf(-1 < x < 1),
    activations.elu: lambda x: 1 if x > 0 else mp.exp(x),
    activations.selu: lambda x: SELU_SCALE * (1 if x > 0 else SELU_ALPHA * mp.exp(x)),
    activations.silu: lambda x: logistic(x) * (1 + x * logistic(-x)),
    activations.mish: lambda x: tanh(softplus(x)) + x * sech2(softplus(x)) * logistic(x),
    activations.gelu: lambda x: cdf(x) + x * bell(x / mp.sqrt(2)) / mp.sqrt(2 * mp.pi),
    activations.erf: lambda x: 2 / mp.sqrt(mp.pi) * bell(x),
    activations.erfc: lambda x: -2 / mp.sqrt(mp.pi) * bell(x),
    activations.softsign: lambda x: 1 / (1 + abs(x)) ** 2,
    activations.logit: lambda x: 1 / (x * (1 - x)),
    **dict.fromkeys((np.degrees, np.rad2deg), lambda x: 180 / mp.pi),
    **dict.fromkeys((np.radians, np.deg2rad), lambda x: mp.pi / 180),
    **dict.fromkeys(
        (np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around), lambda x: 0
    ),
}

VALUES: dict[Any, Any] = {  # of the functions that are not NumPy's
    nonlinear.sigmoid: logistic,
    nonlinear.relu: lambda x: max(x, 0),
    nonlinear.softplus: softplus,
    activations.leaky_relu: lambda x: x if x > 0 else mpf(0.01) * x,
    activations.hardtanh: lambda x: min(max(x, -1), 1),
    activations.elu: lambda x: x if x > 0 else mp.expm1(x),
    activations.selu: lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * mp.expm1(x)),
    activations.silu: lambda x: x * logistic(x),
    activations.mish: lambda x: x * tanh(softplus(x)),
    activations.gelu: lambda x: x * cdf(x),
    activations.erf: lambda x: mp.erf(x) if abs(x) < 1000 else mp.sign(x),
    activations.erfc: lambda x: mp.erfc(x) if abs(x) < 1000 else mpf(2 * (x < 0)),
    activations.softsign: lambda x: x / (1 + abs(x)),
    activations.logit: lambda x: mp.log(x / (1 - x)),
}

ENDS: dict[Any, tuple[float, ...]] = {  # of a domain, or of a piece
    **dict.fromkeys((np.log1p,), (-1.0,)),
    **dict.fromkeys((np.arcsin, np.arccos, np.arctanh, activations.hardtanh), (-1.0, 1.0)),
    **dict.fromkeys((np.arccosh, activations.logit), (1.0,)),
}
BELOW_DOMAIN: dict[Any, Any] = {  # where a formula goes on but the function does not exist
    **dict.fromkeys((np.log, np.log2, np.log10), lambda x: x < 0),
    np.log1p: lambda x: x < -1,
    np.arctanh: lambda x: abs(x) > 1,
    activations.logit: lambda x: not 0 < x < 1,
}

IN_BETWEEN = (0.5, -1.3, 2.5)


def within_domain(of: Any) -> Any:
    """The slope, or nothing where the function does not exist."""
    slope, outside = SLOPES[of], BELOW_DOMAIN.get(of)
    return slope if outside is None else lambda x: mp.nan if outside(x) else slope(x)


def check_one(of: Any, dtype: Any) -> None:
    facts = np.finfo(dtype)
    near_1 = [1 - facts.epsneg, -1 + facts.epsneg, 1 + facts.eps]
    for x in points(dtype, *IN_BETWEEN, *near_1, facts.max**0.5, facts.tiny**0.5):
        leaf = Tensor(x, requires_grad=True)
        y = of(leaf)
        y.backward()
        assert y.dtype == leaf.grad.dtype == dtype
        where = f"{name_of(of)} at {x!r}"
        if of in VALUES and (value := limit(VALUES[of], x, ENDS.get(of, ()))) is not None:
            assert agrees(y.data, value), f"{where} is {y.data}, should be {mp.nstr(value)}"
        if np.isnan(y.data) and of is not np.sinc:
            continue
        wanted = limit(within_domain(of), x, ENDS.get(of, ()))
        if wanted is not None:
            assert agrees(leaf.grad, wanted, ULPS.get(of, 16)), (
                f"the slope of {where} is {leaf.grad}, should be {mp.nstr(wanted)}"
            )


ULPS: dict[Any, float] = {np.tanh: 100, nonlinear.sigmoid: 100}  # 1 - y, where y is nearly 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("of", SLOPES, ids=name_of)
def test_slopes_of_functions_of_one_number(of: Any, dtype: Any) -> None:
    check_one(of, dtype)


# -- functions of two ------------------------------------------------------------------------------


def power(a: Any, b: Any) -> Any:
    """a ** b of a positive base, and of a negative one if b is a small integer."""
    if b == 0 or a == 0 < b:
        return mpf(b == 0)
    if abs(b) < 1000 and b == mp.floor(b):
        return mp.power(a, b)
    return mp.exp(b * mp.log(a)) if a > 0 else mp.nan


def power_slope(a: Any, b: Any) -> Any:
    whole = abs(b) < 1000 and b == mp.floor(b)
    return mpf(0) if b == 0 else b * power(a, b - 1) if a > 0 or whole else mp.nan


PARTIALS: dict[Any, tuple[Any, Any]] = {
    np.add: (lambda a, b: 1, lambda a, b: 1),
    np.subtract: (lambda a, b: 1, lambda a, b: -1),
    np.multiply: (lambda a, b: b, lambda a, b: a),
    np.divide: (lambda a, b: 1 / b, lambda a, b: -a / b**2),
    np.power: (
        power_slope,
        lambda a, b: mpf(0) if a == 0 < b else power(a, b) * mp.log(a) if a > 0 else mp.nan,
    ),
    np.logaddexp: (lambda a, b: logistic(a - b), lambda a, b: logistic(b - a)),
    np.logaddexp2: (
        lambda a, b: logistic((a - b) * mp.log(2)),
        lambda a, b: logistic((b - a) * mp.log(2)),
    ),
    np.hypot: (lambda a, b: a / mp.hypot(a, b), lambda a, b: b / mp.hypot(a, b)),
    np.arctan2: (lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)),
    np.maximum: (lambda a, b: mpf(a > b), lambda a, b: mpf(b > a)),
    np.minimum: (lambda a, b: mpf(a < b), lambda a, b: mpf(b < a)),
    np.copysign: (lambda a, b: mp.sign(a) * (1 if b >= 0 else -1), lambda a, b: 0),
    np.heaviside: (lambda a, b: 0, lambda a, b: mpf(a == 0)),
    np.floor_divide: (lambda a, b: 0, lambda a, b: 0),
    np.remainder: (lambda a, b: 1, lambda a, b: -mp.floor(a / b)),
    np.fmod: (lambda a, b: 1, lambda a, b: -mp.sign(a / b) * mp.floor(abs(a / b))),
    nonlinear.weighted: (lambda a, b: b, lambda a, b: a),
}
PARTIALS[np.float_power] = PARTIALS[np.power]
PARTIALS[np.fmax], PARTIALS[np.fmin] = PARTIALS[np.maximum], PARTIALS[np.minimum]


def check_two(of: Any, dtype: Any) -> None:
    for a in points(dtype, 0.75, 3.0):
        for b in points(dtype, 0.75, 3.0):
            leaves = [Tensor(x, requires_grad=True) for x in (a, b)]
            y = of(*leaves)
            y.backward()
            if np.isnan(y.data):
                continue
            for i, (f, leaf) in enumerate(zip(PARTIALS[of], leaves, strict=True)):
                assert leaf.grad.dtype == dtype
                wanted = partial(f, i, (a, b))
                if wanted is not None and not _convention(of, i, a, b):
                    assert agrees(leaf.grad, wanted, 64), (
                        f"slope {i} of {name_of(of)} at {a!r}, {b!r} is {leaf.grad}, should "
                        f"be {mp.nstr(wanted)}"
                    )


def _convention(of: Any, i: int, a: Any, b: Any) -> bool:
    """Where two pieces meet, and powers of a base that is not positive."""
    if of in (np.maximum, np.minimum, np.fmax, np.fmin):
        return bool(a == b)
    if of in (np.power, np.float_power):
        return bool((a <= 0 and abs(b) > 1e3) or (i == 1 and not 0 < a < INF))
    return of is np.copysign and bool(a == 0 or b == 0)


@pytest.mark.parametrize(
    "dtype", [np.float64, np.float32, pytest.param(np.float16, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("of", PARTIALS, ids=name_of)
def test_slopes_of_functions_of_two(of: Any, dtype: Any) -> None:
    check_two(of, dtype)


@pytest.mark.parametrize("factor", [1.001, -1.0])
@pytest.mark.parametrize("of", [*SLOPES, *PARTIALS], ids=name_of)
def test_a_slope_that_is_off_is_caught(
    of: Any, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = VJP[of]
    check = check_one if of in SLOPES else check_two
    for i, rule in enumerate(right):
        if rule is None or (of, i) in FLAT:
            continue
        wrong = [
            (lambda *args, rule=rule, **kw: factor * rule(*args, **kw)) if j == i else rule
            for j, rule in enumerate(right)
        ]
        monkeypatch.setitem(VJP, of, wrong)
        with pytest.raises(AssertionError, match="slope"):
            check(of, np.float64)


FLAT = {
    *((of, 0) for of in (np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around)),
    *((np.heaviside, 0), (np.floor_divide, 0), (np.floor_divide, 1), (np.copysign, 1)),
}


def test_clip_is_that_of_numpy_to_the_sign() -> None:
    for dtype in DTYPES:
        at = points(dtype, NAN)
        x, low, high = (np.reshape(a, -1) for a in np.meshgrid(at, at, at))
        for bounds in ((low, high), (None, high), (low, None)):
            found, wanted = np.clip(Tensor(x), *bounds).data, np.clip(x, *bounds)
            assert_array_equal(found, wanted, strict=True)
            assert_array_equal(np.signbit(found), np.signbit(wanted))
        of_x, of_low, of_high = tg.grad(lambda *xs: np.sum(np.clip(*xs)), (0, 1, 2))(x, low, high)
        assert_array_equal(of_x, (low <= x) & (x <= high))  # the closed interval
        assert_array_equal(of_low, (x < low) & (low <= high))
        assert_array_equal(of_high, (x > high) | (low > high))


def test_what_a_nan_leads_to() -> None:
    numbers = {
        np.negative: -1,
        np.positive: 1,
        np.degrees: 180 / pi,
        np.rad2deg: 180 / pi,
        np.radians: pi / 180,
        np.deg2rad: pi / 180,
    }
    flat = {
        np.sign,
        np.floor,
        np.ceil,
        np.trunc,
        np.rint,
        np.round,
        np.around,
        nonlinear.relu,
        activations.hardtanh,
    }
    for of in SLOPES:
        if of is activations.leaky_relu:
            continue
        wanted = numbers.get(of, 0 if of in flat else NAN)
        assert_allclose(slope(of, NAN), wanted, err_msg=name_of(of))


# -- all others ------------------------------------------------------------------------------------


@by_function(c for c in CASES if c.of in LINEAR - {checked} and c.fun.__name__ == "fun")
def test_slopes_of_linear_functions_do_not_depend_on_values(case: Any) -> None:
    def gradients(fill: Any) -> list[Any]:
        args: list[Any] = list(case.args)
        for i in case.variables:
            shape = np.shape(args[i])
            args[i] = Tensor(
                args[i] if fill is None else np.resize(fill, shape), requires_grad=True
            )
        y = case.fun(*args)
        y.backward(np.arange(1.0, y.size + 1).reshape(y.shape))
        return [args[i].grad for i in case.variables]

    facts = np.finfo(float)
    for fill in ([INF, NAN, -INF], [facts.max, -facts.tiny, facts.smallest_subnormal, -0.0]):
        for found, wanted in zip(gradients(np.array(fill)), gradients(None), strict=True):
            assert_array_equal(found, wanted)


def test_products_of_matrices_at_the_ends() -> None:
    a, b = np.array([[1e308, 5e-324], [0.0, -INF]]), np.array([[2e-308, 1.0], [-0.0, 1e300]])
    for f in (
        np.matmul,
        lambda a, b: np.einsum("ij,jk->ik", a, b),
        np.dot,
        lambda a, b: np.tensordot(a, b, 1),
    ):
        of_a, of_b = tg.grad(lambda a, b, f=f: np.sum(f(a, b)), (0, 1))(a, b)
        assert_array_equal(of_a, np.broadcast_to(b.sum(1), (2, 2)))
        assert_array_equal(of_b, np.broadcast_to(a.sum(0)[:, None], (2, 2)))


def test_sinc_to_any_order_far_out() -> None:
    for order in range(4):
        for dtype in DTYPES:
            facts = np.finfo(dtype)
            found = trigonometry.sinc_derivative(
                np.array([INF, -INF, facts.max, 0.0], dtype), order
            )
            bound = 4 * pi**order / float(facts.max)
            assert_allclose(
                found[:3].astype(float), 0, atol=bound + float(facts.smallest_subnormal)
            )
    assert np.isnan(trigonometry.sinc_derivative(NAN, 1))


ELSEWHERE = {  # primitives of which a test above says something by another name
    trigonometry.sinc_derivative, piecewise.clip, np.prod, np.cumprod, np.var, np.std,
    np.linalg.vector_norm,
    nonlinear.softmax, nonlinear.log_softmax, nonlinear.logsumexp,
    np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin,
    np.linalg.det, np.linalg.inv, np.linalg.pinv, np.linalg.svdvals, np.linalg.eigvalsh,
    np.linalg.cholesky,
    np.linalg.solve,
}  # fmt: skip
BY_NAME = {
    "eigenvectors",
    "singular_values",
    "logabsdet",
    "without_nan",
    "recurrence",
    "sort",
    "partition",
}


def test_every_primitive_is_tried() -> None:
    tried = {*SLOPES, *PARTIALS, *LINEAR, *BILINEAR, *ELSEWHERE}
    assert [name_of(f) for f in PRIMITIVES if f not in tried and f.__name__ not in BY_NAME] == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_entries_that_are_moved(dtype: Any) -> None:
    x, weights = [np.finfo(dtype).max, -INF, 0.0], np.array([1, 2, 3], dtype)
    for f in (np.sort, lambda x: np.partition(x, 1)):
        assert_array_equal(slope(lambda x, f=f: f(x) * weights, x, dtype), [3, 1, 2])
    assert_array_equal(slope(np.median, x, dtype), [0, 0, 1])


CAREFUL = [  # functions that take another formula where their own would over- or underflow
    np.var, np.std, np.linalg.vector_norm, np.hypot, np.arctan2, np.arctan, np.power,
    np.float_power,
    np.logaddexp, np.logaddexp2, nonlinear.logsumexp, np.prod, np.cumprod,
]  # fmt: skip


@by_function(c for c in CASES if c.of in CAREFUL)
def test_the_careful_formulas_are_right_at_ordinary_points_too(case: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (scale, elementwise):
            patch.setattr(module, "within", lambda *args: False)
        tg.check_grads(lambda *args: np.sin(case.fun(*args)), case.args, order=2)
