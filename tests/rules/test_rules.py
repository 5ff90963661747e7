"""Every rule against central differences to order 2, and the conventions at kinks, ties and far
out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases as tables
import numpy as np
import pytest
from cases import CASES, COMPOSITES, PRIMITIVES, Case, by_function
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn import rules
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tables import COMPOSITE, VJP
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.functional import (
    elu,
    erf,
    erfc,
    gelu,
    log_softmax,
    logit,
    logsumexp,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
)
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules.cumulative import recurrence
from tinygrad_rnn.rules.decompositions import logabsdet
from tinygrad_rnn.rules.eigen import eigenvectors
from tinygrad_rnn.rules.einsum import einsum
from tinygrad_rnn.rules.nonlinear import weighted
from tinygrad_rnn.rules.trigonometry import sinc_derivative
from tinygrad_rnn.transforms.gradcheck import check_grads
from tinygrad_rnn.transforms.gradients import grad


def leaf(x: Any, dtype: Any = None) -> Tensor:
    return Tensor(np.asarray(x, dtype), requires_grad=True)


def on_tensors(case: Case, dtype: Any = None) -> tuple[list[Tensor], Tensor]:
    """The variables of a case, and the result computed from them."""
    args = [leaf(a, dtype) if i in case.variables else a for i, a in enumerate(case.args)]
    return [args[i] for i in case.variables], case.fun(*args)


def gradient(f: Callable[..., Any], x: Any) -> Any:
    """d sum(f(x)) / dx."""
    return grad(lambda x: np.sum(f(x)))(np.asarray(x, dtype=float))


# -- the table ------------------------------------------------------------------------------------


def test_there_is_a_file_of_cases_for_each_file_of_rules() -> None:
    of_rules, of_cases = (
        {path.stem for path in Path(folder.__path__[0]).glob("[a-z]*.py")}
        for folder in (rules, tables)
    )
    assert of_cases - of_rules == {"table", "structural"}  # the core has rules of its own
    assert of_rules - of_cases == {"constants", "dependence", "scale"}  # these have none


def test_every_function_with_a_derivative_is_in_the_table() -> None:
    assert {c.of for c in CASES} == {*PRIMITIVES, *COMPOSITES}


def test_every_argument_with_a_rule_is_differentiated_in_the_table() -> None:
    missing = [
        f"argument {i} of {name_of(of)}"
        for of in PRIMITIVES
        for i in _arguments_with_a_rule(of)
        if not any(_gives(case, of, i) for case in CASES if case.of is of)
    ]
    assert missing == []


def _rules(of: Callable[..., Any]) -> Any:
    """The rules by argument number; of any number of arrays the first three stand for all."""
    return [VJP[of][i] for i in range(3)] if hasattr(VJP[of], "rule") else VJP[of]


def _arguments_with_a_rule(of: Callable[..., Any]) -> list[int]:
    return [i for i, rule in enumerate(_rules(of)) if rule is not None]


def _gives(case: Case, of: Callable[..., Any], argnum: int) -> bool:
    """Does this case give the primitive an argument of that number that requires a gradient?"""
    _, y = on_tensors(case)
    return any(t.fun is of and argnum in t.argnums for t in ancestors([y]))


# -- values ----------------------------------------------------------------------------------------


@by_function(CASES)
def test_value_is_that_of_bare_numpy(case: Case) -> None:
    """With a Tensor and without; and what the case stands for is applied."""
    opened = []
    with pytest.MonkeyPatch.context() as patch:
        if case.of in COMPOSITE:
            definition = COMPOSITE[case.of]
            patch.setitem(
                COMPOSITE, case.of, lambda *a, **k: opened.append(case.of) or definition(*a, **k)
            )
        _, y = on_tensors(case)
    assert case.of in opened + [t.fun for t in ancestors([y])]
    expected = np.asarray(case.expected(*case.args))
    assert type(y) is Tensor
    assert y.requires_grad
    assert type(y.data) is np.ndarray
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    assert_allclose(y.data, expected, rtol=1e-13, atol=1e-13)
    bare = case.fun(*case.args)
    assert not isinstance(bare, Tensor)
    assert_allclose(bare, expected, rtol=1e-13, atol=1e-13)


# -- derivatives -----------------------------------------------------------------------------------


@by_function(CASES)
def test_derivatives_to_order_2(case: Case) -> None:
    """Inside a sine: g depends on the arguments, so no second derivative vanishes."""
    check_grads(lambda *args: np.sin(case.fun(*args)), case.args, order=2)


FLAT = [  # steps, whose slope of 0 stays 0 when it is scaled
    (np.sign, 0), (np.floor, 0), (np.ceil, 0), (np.trunc, 0), (np.rint, 0), (np.round, 0),
    (np.around, 0),
    (np.floor_divide, 0), (np.floor_divide, 1), (np.heaviside, 0), (np.copysign, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("of", "argnum"),
    [
        pytest.param(of, i, id=f"{name_of(of)}-{i}")
        for of in PRIMITIVES
        for i in _arguments_with_a_rule(of)
        if (of, i) not in FLAT
    ],
)
def test_a_rule_that_is_off_by_one_percent_is_caught(
    of: Callable[..., Any], argnum: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = _rules(of)
    wrong = [
        (lambda *args, rule=rule, **kwargs: 1.01 * rule(*args, **kwargs)) if i == argnum else rule
        for i, rule in enumerate(right)
    ]
    cases = [c for c in CASES if c.of is of and _gives(c, of, argnum) and _slope(c) > 0.01]
    assert cases
    monkeypatch.setitem(VJP, of, wrong)
    for case in cases:
        with pytest.raises(GradientError, match="derivative of order 1"):
            check_grads(case.fun, case.args, order=1)


def _slope(case: Case) -> float:
    """The smallest over the arguments of the largest slope: 0 where an argument does not matter."""
    variables, y = on_tensors(case)
    y.backward(np.random.default_rng(0).standard_normal(y.shape))
    return min((float(np.max(np.abs(x.grad), initial=0.0)) for x in variables), default=0.0)


BENT = [  # with a second derivative of their own
    np.multiply, np.divide, np.reciprocal, np.square, np.sqrt, np.cbrt, np.power, np.float_power,
    np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.logaddexp, np.logaddexp2,
    np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2, np.hypot, np.sinc,
    sinc_derivative,
    np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh,
    weighted, np.linalg.svdvals, np.prod, np.var, np.std, np.cumprod, recurrence,
    np.matmul, sigmoid, softplus, softmax, log_softmax, logsumexp,
    elu, selu, silu, mish, gelu, erf, erfc, softsign, logit,
    einsum, np.linalg.inv, np.linalg.solve, np.linalg.det, logabsdet, np.linalg.cholesky,
    np.linalg.vector_norm,
    np.linalg.eigvalsh, eigenvectors, np.linalg.pinv,
]  # fmt: skip


@pytest.mark.parametrize("of", BENT, ids=name_of)
def test_a_rule_that_uses_plain_values_is_caught_at_order_2(
    of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(x: Any) -> Any:
        return x.data if isinstance(x, Tensor) else x

    def detached(rule: Any) -> Any:
        return lambda *args, **kwargs: rule(*map(plain, args), **kwargs)

    case = next(
        c
        for c in CASES
        if c.of is of and c.variables and all(np.size(c.args[i]) > 1 for i in c.variables)
    )
    monkeypatch.setitem(VJP, of, [detached(rule) for rule in _rules(of)])
    check_grads(case.fun, case.args, order=1)
    with pytest.raises(GradientError, match="derivative of order 2"):
        check_grads(case.fun, case.args, order=2)


def test_every_other_primitive_is_linear_almost_everywhere() -> None:
    for case in CASES:
        if case.of in PRIMITIVES and case.of not in BENT:
            variables = [case.args[i] for i in case.variables]
            t = 1e-3  # f is linear near x: f(x + t x) = (1 + t) f(x), constants and bounds aside
            moved = [[(1 + s) * x for x in variables] for s in (t, 0.0, -t)]
            ahead, here, back = (np.asarray(_with(case.fun, case, xs)) for xs in moved)
            assert_allclose(ahead - here, here - back, rtol=1e-9, atol=1e-12, err_msg=case.id)


# -- dtypes and layouts ----------------------------------------------------------------------------


@by_function(CASES)
def test_float32_stays_float32_to_order_2(case: Case) -> None:
    variables, y = on_tensors(case, np.float32)
    arrays = [x.data for x in variables]
    expected = np.asarray(_with(case.expected, case, arrays))
    assert y.dtype == expected.dtype  # a list is float64 in NumPy too
    y.backward(np.ones(y.shape))
    for x in variables:
        assert (x.grad.dtype, x.grad.shape) == (np.float32, x.shape)
    every = tuple(range(len(variables)))
    first = grad(lambda *xs: np.sum(np.sin(_with(case.fun, case, xs))), every)
    for g in (*first(*arrays), *grad(lambda *xs: sum(map(np.sum, first(*xs))), every)(*arrays)):
        assert g.dtype == np.float32


def _with(fun: Callable[..., Any], case: Case, xs: Any) -> Any:
    """`fun` of the arguments of the case, with other values of its variables."""
    given = list(case.args)
    for i, x in zip(case.variables, xs, strict=True):
        given[i] = x
    return fun(*given)


def fortran(a: Any) -> Any:
    return a.copy(order="F")


def backwards(a: Any) -> Any:
    """The same entries with negative strides and gaps between them, in an array of nan."""
    every_other = (..., *(slice(None, None, -2),) * a.ndim)
    wide = np.full([2 * n for n in a.shape], np.nan)
    wide[every_other] = a
    return wide[every_other]


@by_function(CASES)
def test_layout_in_memory_does_not_matter_and_nothing_is_written_to(case: Case) -> None:
    plain, y = on_tensors(case)
    g = np.asarray(np.random.default_rng(0).standard_normal(y.shape))
    y.backward(g)
    for layout in (fortran, backwards):
        arranged = [layout(a) for a in (*(x.data for x in plain), g)]
        for a in arranged:
            a.flags.writeable = False
        odd = [leaf(x.data) for x in plain]
        for x, a in zip(odd, arranged[:-1], strict=True):
            x.data = a
        z = _with(case.fun, case, odd)
        z.backward(arranged[-1])
        assert_allclose(z.data, y.data, rtol=1e-13, atol=1e-14)
        for x, same in zip(odd, plain, strict=True):
            assert_allclose(x.grad, same.grad, rtol=1e-12, atol=1e-14)


def test_float32_with_python_numbers_and_means_and_counts() -> None:
    x = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    for y in (
        2.0 * x,
        x * 2.0,
        1 - x,
        x / 3,
        3 / x,
        x**2,
        x**0.5,
        2**x,
        np.mean(x),
        x.mean(axis=1),
        np.clip(x, 2.0, 3),
    ):
        assert y.dtype == np.float32
    x = leaf([1.0, 2.0], np.float32)
    y = np.mean(2.0 * x) * 3
    assert y.dtype == np.float32
    y.backward()
    assert x.grad.dtype == np.float32
    assert_array_equal(x.grad, np.float32([3, 3]))


def test_a_float64_number_in_a_rule_does_not_widen_the_gradient() -> None:
    x = leaf([1.0, 2.0], np.float32)
    y = x * np.float64(3.0)  # NumPy itself widens this value
    assert y.dtype == np.float64
    y.backward(np.ones(2))
    assert x.grad.dtype == np.float32
    z = leaf([1.0, 2.0], np.float32)
    (z ** np.float64(3.0)).backward(np.ones(2))
    assert z.grad.dtype == np.float32
    assert_array_equal(z.grad, np.float32([3, 12]))


def test_each_operand_gets_a_gradient_of_its_own_dtype() -> None:
    a, b = leaf([1.0, 2.0], np.float32), leaf([3.0, 4.0], np.float64)
    (a * b).backward(np.ones(2))
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)
    c = leaf([1.0, 2.0])
    c.astype(np.float32).backward(np.ones(2))
    assert c.grad.dtype == np.float64


# -- kinks, ties, 0/0 ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "slope_at_4"),
    [
        (lambda x: np.where(x > 0, np.sqrt(x), 0), 1 / 4),
        (lambda x: np.where(x > 0, x**0.5, 0), 1 / 4),
        (lambda x: np.where(x > 0, np.power(x, np.array([0.5, 0.5])), 0), 1 / 4),
        (lambda x: np.where(x > 0, np.power(x, 1.5), 0), 3.0),
        (lambda x: x * np.where(x > 0, np.sqrt(x), 0.0), 3.0),
    ],
    ids=["sqrt", "power", "power-by-array", "power-1.5", "product"],
)
def test_a_branch_that_where_masks_out_sends_nothing(
    f: Callable[..., Any], slope_at_4: float
) -> None:
    assert_array_equal(gradient(f, [0.0, 4.0]), [0.0, slope_at_4])


def test_a_masked_branch_sends_nothing_at_second_order_either() -> None:
    # d^2 sqrt(x) / dx^2 = -1/4 x^(-3/2)
    assert_allclose(
        gradient(grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0))), [0.0, 4.0]), [0.0, -1 / 32]
    )
    assert_allclose(
        gradient(grad(lambda x: np.sum(np.where(x > 0, x**0.5, 0))), [0.0, 4.0]), [0.0, -1 / 32]
    )


def test_a_masked_logarithm_sends_nothing() -> None:
    with np.errstate(divide="ignore"):  # NumPy's own warning, for the value -inf
        assert_array_equal(
            gradient(lambda x: np.where(x > 0, np.log(x), 0), [0.0, 4.0]), [0.0, 0.25]
        )
        assert_array_equal(
            gradient(lambda x: np.where(x > -1, np.log1p(x), 0), [-1.0, 1.0]), [0.0, 0.5]
        )


def test_ties_of_max_and_min_share_equally() -> None:
    x = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]
    assert_array_equal(
        gradient(lambda x: np.max(x, axis=1), x), [[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3]]
    )
    assert_array_equal(gradient(lambda x: np.min(x, axis=1), x), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    assert_array_equal(gradient(np.max, x), [[0, 1 / 2, 1 / 2], [0, 0, 0]])
    assert_array_equal(gradient(lambda x: np.min(x, keepdims=True), [2.0, 2.0]), [1 / 2, 1 / 2])


def test_ties_of_maximum_and_minimum_share_equally() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    for f, of_a in ((np.maximum, [0, 1 / 2, 1]), (np.minimum, [1, 1 / 2, 0])):
        ga, gb = grad(lambda a, b, f=f: np.sum(f(a, b)), (0, 1))(a, b)
        assert_array_equal(ga, of_a)
        assert_array_equal(gb, 1 - np.array(of_a))


def test_slopes_at_the_kinks() -> None:
    assert_array_equal(gradient(relu, [-1.0, 0.0, 1.0]), [0, 0, 1])
    assert_array_equal(gradient(np.abs, [-1.0, 0.0, 1.0]), [-1, 0, 1])
    assert_array_equal(gradient(lambda x: np.clip(x, -1, 1), [-2.0, -1, 0, 1, 2]), [0, 1, 1, 1, 0])


def test_powers_of_zero() -> None:
    assert_array_equal(gradient(lambda x: x**2, [0.0, 3.0]), [0, 6])
    assert_array_equal(gradient(lambda x: x**1, [0.0, 3.0]), [1, 1])
    assert_array_equal(gradient(lambda x: x**0, [0.0, 3.0]), [0, 0])
    assert_array_equal(gradient(lambda x: x ** np.array([0.0, 0.0]), [0.0, 3.0]), [0, 0])
    assert_array_equal(gradient(lambda b: np.power(0.0, b), [1.0, 2.0]), [0, 0])


def test_clip_takes_numpys_newer_keywords() -> None:
    x = leaf([-2.0, 0.5, 2.0])
    assert_array_equal(COMPOSITE[np.clip](x, min=-1.0, max=1.0).data, [-1.0, 0.5, 1.0])


# -- far out ---------------------------------------------------------------------------------------

FAR = np.array([-1000.0, 1000.0])


def test_sigmoid_far_out() -> None:
    assert_array_equal(sigmoid(FAR), [0, 1])
    assert_array_equal(gradient(sigmoid, FAR), [0, 0])
    assert_array_equal(gradient(grad(lambda x: np.sum(sigmoid(x))), FAR), [0, 0])
    assert_allclose(sigmoid(-40.0), np.exp(-40.0), rtol=1e-15)  # the small tail is kept
    assert_allclose(gradient(sigmoid, -40.0), np.exp(-40.0), rtol=1e-15)


def test_softplus_far_out() -> None:
    assert_array_equal(softplus(FAR), [0, 1000])
    assert_array_equal(gradient(softplus, FAR), [0, 1])
    assert_array_equal(gradient(grad(lambda x: np.sum(softplus(x))), FAR), [0, 0])
    assert_allclose(softplus(-40.0), np.exp(-40.0), rtol=1e-15)


def test_tanh_and_logaddexp_far_out() -> None:
    assert_array_equal(gradient(np.tanh, FAR), [0, 0])
    assert_array_equal(gradient(lambda x: np.logaddexp(x, 0.0), FAR), [0, 1])


def test_softmax_far_out() -> None:
    assert_array_equal(softmax(FAR), [0, 1])
    assert_array_equal(gradient(lambda x: softmax(x)[0], FAR), [0, 0])
    assert_array_equal(log_softmax(FAR), [-2000, 0])
    assert_array_equal(gradient(lambda x: log_softmax(x)[0], FAR), [1, -1])
    assert_array_equal(gradient(lambda x: log_softmax(x)[1], FAR), [0, 0])


@pytest.mark.parametrize("shift", [-1000.0, 0.0, 1000.0])
def test_logsumexp_and_log_softmax_do_not_feel_a_shift(shift: float) -> None:
    x = np.array([0.0, np.log(3.0)])
    assert_allclose(logsumexp(x + shift), np.log(4.0) + shift, rtol=1e-15)
    assert_allclose(gradient(logsumexp, x + shift), [1 / 4, 3 / 4], rtol=1e-12)
    assert_allclose(log_softmax(x + shift), [-np.log(4.0), np.log(3 / 4)], rtol=1e-12)
    assert_allclose(gradient(lambda x: log_softmax(x)[0], x + shift), [3 / 4, -3 / 4], rtol=1e-12)


def test_logsumexp_of_minus_infinity_is_the_other() -> None:
    x = np.array([-np.inf, 2.0])
    assert logsumexp(x) == 2.0
    assert_array_equal(gradient(logsumexp, x), [0, 1])


# -- repeated indices ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        np.array([0, 2, 0]),
        [0, 2, 0],
        ((0, 2, 0),),
        (np.array([0, 2, 0]), slice(None)),
        ((0, 2, 0), slice(None)),
    ],
    ids=["array", "list", "tuple", "array-slice", "tuple-slice"],
)
def test_repeated_indices_accumulate(key: Any) -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x[key].backward([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    assert_array_equal(x.grad, [[5, 50], [0, 0], [2, 20]])
