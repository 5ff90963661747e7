"""What a selection cut off contributes 0 at every value, to every order; a 0 that is only a number
cuts nothing off.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn.core.tables import LINEAR, VJP, Together
from tinygrad_rnn.draw.board import Gradients
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules import (
    activations,
    cumulative,
    decompositions,
    eigen,
    joining,
    nonlinear,
    piecewise,
    trigonometry,
)

ODD = np.array(
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1000.0,
        -1000.0,
        1e200,
        -1e200,
        1e-200,
        5e-324,
        1.8e308,
        -1.8e308,
        np.inf,
        -np.inf,
        np.nan,
    ]
)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):  # the values are odd on purpose, and NumPy says so
        yield


# -- every function, behind an untaken where -------------------------------------------------------

ABOVE_ONE = {np.arccosh: 1.5}
OWN = [
    *(nonlinear.sigmoid, nonlinear.relu, nonlinear.softplus, trigonometry.sinc_derivative),
    *(
        getattr(activations, name)
        for name in ("leaky_relu", "hardtanh", "elu", "selu", "silu", "mish", "erf", "erfc")
    ),
    *(getattr(activations, name) for name in ("gelu", "softsign", "logit")),
]
UNARY = [
    *(f for f in VJP if isinstance(f, np.ufunc) and f.nin == 1),
    *(f for f in OWN if f is not trigonometry.sinc_derivative),
    *(np.round, np.sinc),
]
BINARY = [f for f in VJP if isinstance(f, np.ufunc) and f.nin == 2 and f is not np.matmul]
BINARY.append(nonlinear.weighted)


def agree_to_order_2(f: Callable[[Any], Any], x: Any, expected: Any, expected_2: Any) -> None:
    """f is a scalar function whose derivatives are known: by every way to have them."""
    along = np.linspace(0.5, 1.5, np.size(x)).reshape(np.shape(x))
    assert_allclose(tg.grad(f)(x), expected, rtol=1e-9)
    assert_allclose(tg.jvp(f, (x,), (along,))[1], np.sum(along * expected), rtol=1e-9)
    assert_allclose(tg.hvp(f, x, along), expected_2 * along, rtol=1e-7, atol=1e-14)
    assert_allclose(
        tg.grad(lambda x: np.sum(along * tg.grad(f)(x)))(x),
        expected_2 * along,
        rtol=1e-7,
        atol=1e-14,
    )


@pytest.mark.parametrize("f", UNARY, ids=name_of)
@pytest.mark.parametrize("how", ["where", "index", "nested", "through others"])
def test_a_function_of_one_argument(f: Any, how: str) -> None:
    good = ABOVE_ONE.get(f, 0.7)
    x = np.append(ODD, good)
    taken = np.arange(x.size) == x.size - 1
    after = np.tanh if how == "through others" else lambda y: y
    before = (lambda x: x * np.exp(0.0 * good)) if how == "through others" else (lambda x: x)

    def alone(x: Any) -> Any:
        return np.sum(np.sin(after(f(before(x)))))

    def among(x: Any) -> Any:
        y = after(f(before(x)))
        if how == "index":
            return np.sin(y[-1])
        y = np.where(taken, y, np.where(taken, 3.0, 0.0) if how == "nested" else 0.0)
        return np.sum(np.sin(y))

    slope = tg.grad(alone)(good)
    bend = tg.grad(tg.grad(alone))(good)
    agree_to_order_2(among, x, np.where(taken, slope, 0.0), np.where(taken, bend, 0.0))


@pytest.mark.parametrize("f", BINARY, ids=name_of)
def test_a_function_of_two_arguments(f: Any) -> None:
    a, b = (
        np.append(z.ravel(), good)
        for z, good in zip(np.meshgrid(ODD, ODD), (1.7, 0.6), strict=True)
    )
    taken = np.arange(a.size) == a.size - 1
    alone = lambda a, b: np.sin(f(a, b))
    slopes = tg.grad(alone, (0, 1))(1.7, 0.6)
    bends = [
        tg.grad(lambda a, b, i=i: sum(tg.grad(alone, (0, 1))(a, b)), i)(1.7, 0.6) for i in (0, 1)
    ]
    among = lambda a, b: np.sum(np.where(taken, np.sin(f(a, b)), 0.0))
    first = tg.grad(among, (0, 1))(a, b)
    for found, slope in zip(first, slopes, strict=True):
        assert_allclose(found, np.where(taken, slope, 0.0), rtol=1e-9)
    for i, bend in enumerate(bends):
        second = tg.grad(lambda a, b: sum(map(np.sum, tg.grad(among, (0, 1))(a, b))), i)(a, b)
        assert_allclose(second, np.where(taken, bend, 0.0), rtol=1e-7)
    ones = np.ones_like(a)
    assert_allclose(tg.jvp(among, (a, b), (ones, ones))[1], sum(slopes), rtol=1e-9)


ROW = np.array([0.7, 0.2, 1.3])
ROWS = np.array(
    [
        ODD[[0, 1, 0]],
        ODD[[4, 5, 6]],
        ODD[[6, 7, 6]],
        ODD[[8, 9, 9]],
        ODD[[12, 13, 2]],
        [np.nan] * 3,
        ODD[[10, 11, 2]],
        ROW,
    ]
)
OF_ROWS: dict[Any, Callable[[Any], Any]] = {
    np.sum: lambda x: np.sum(x * x, axis=-1),
    np.mean: lambda x: np.mean(x * x, axis=-1),
    np.prod: lambda x: np.prod(x, axis=-1),
    np.max: lambda x: np.max(x * x, axis=-1),
    np.min: lambda x: np.min(x * x, axis=-1),
    piecewise.clip: lambda x: np.sum(np.clip(x, 0.5, 1.0) ** 2, axis=-1),
    np.var: lambda x: np.var(x, axis=-1),
    np.std: lambda x: np.std(x, axis=-1),
    np.linalg.vector_norm: lambda x: np.linalg.norm(x, axis=-1),
    np.cumsum: lambda x: np.sum(np.sin(np.cumsum(x, axis=-1)), axis=-1),
    np.cumprod: lambda x: np.sum(np.sin(np.cumprod(x, axis=-1)), axis=-1),
    np.sort: lambda x: np.sum(np.sort(x, axis=-1) * np.array([1.0, 2.0, 3.0]) * x, axis=-1),
    np.matmul: lambda x: np.sum(
        np.tanh(x @ np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.2]])), axis=-1
    ),
    piecewise.clip: lambda x: np.sum(np.clip(x * x, 0.3, np.exp(x)) * x, axis=-1),
    nonlinear.softmax: lambda x: fn.softmax(x)[..., 1],
    nonlinear.log_softmax: lambda x: fn.log_softmax(x)[..., 1],
    nonlinear.logsumexp: lambda x: fn.logsumexp(x, axis=-1),
    "layer norm": lambda x: fn.layer_norm(x)[..., 0] ** 2,
    "einsum": lambda x: np.einsum("...i,...j->...", x, x),
    "divided by its norm": lambda x: (x / np.linalg.norm(x, axis=-1, keepdims=True))[..., 0],
    "cross entropy": lambda x: fn.cross_entropy(x, np.ones(x.shape[:-1], int), reduction="none"),
}


@pytest.mark.parametrize(
    "f", OF_ROWS.values(), ids=[k if isinstance(k, str) else name_of(k) for k in OF_ROWS]
)
def test_a_function_of_rows(f: Any) -> None:
    taken = np.arange(len(ROWS)) == len(ROWS) - 1
    among = lambda x: np.sum(np.where(taken, f(x), 0.0))
    slope, along = tg.grad(f)(ROW), np.array([0.3, -0.2, 0.1])
    expected, moved = np.where(taken[:, None], slope, 0.0), np.where(taken[:, None], along, 1.0)
    assert_allclose(tg.grad(among)(ROWS), expected, rtol=1e-9)
    assert_allclose(tg.jvp(among, (ROWS,), (moved,))[1], slope @ along, rtol=1e-9)
    assert_allclose(
        tg.hvp(among, ROWS, moved),
        np.where(taken[:, None], tg.hvp(f, ROW, along), 0.0),
        rtol=1e-7,
        atol=1e-12,
    )
    assert_allclose(tg.grad(lambda x: f(x)[-1])(ROWS), expected, rtol=1e-9)


MATRIX = np.array([[1.3, 0.2], [0.2, 0.9]])
MATRICES = np.stack(
    [np.zeros((2, 2)), np.ones((2, 2)), np.eye(2) * 1e200, np.eye(2) * 1e-200, MATRIX]
)
OF_MATRICES: dict[Any, Callable[[Any], Any]] = {
    np.linalg.det: np.linalg.det,
    decompositions.logabsdet: lambda a: np.linalg.slogdet(a)[1],
    np.linalg.pinv: lambda a: np.sum(np.linalg.pinv(a), axis=(-2, -1)),
    np.linalg.svdvals: lambda a: (
        np.linalg.svdvals(a)[..., 1] + 2 * np.linalg.svd(a, compute_uv=False)[..., 0]
    ),
    np.linalg.eigvalsh: lambda a: np.linalg.eigvalsh(a)[..., 0],
    eigen.without_nan: lambda a: np.linalg.cond(a, 1),
    eigen.singular_values: lambda a: np.linalg.cond(a),
    eigen.eigenvectors: lambda a: np.linalg.eigh(a)[1][..., 0, 0] ** 2,
}


@pytest.mark.parametrize("f", OF_MATRICES.values(), ids=list(map(name_of, OF_MATRICES)))
def test_a_function_of_matrices(f: Any) -> None:
    taken = np.arange(len(MATRICES)) == len(MATRICES) - 1
    among = lambda a: np.sum(np.where(taken, f(a), 0.0))
    assert_allclose(
        tg.grad(among)(MATRICES), np.where(taken[:, None, None], tg.grad(f)(MATRIX), 0.0), rtol=1e-9
    )


def test_a_function_of_matrices_of_one_kind_only() -> None:
    """Of numbers chosen at random, few are a positive definite matrix; then nothing is known of
    what reaches what.
    """
    taken = np.array([False, True])[:, None, None]
    f = lambda a: np.exp(np.linalg.cholesky(a))
    found = tg.grad(lambda a: np.sum(np.where(taken, f(a), 0.0)))(
        np.stack([np.eye(2) * 1e7, MATRIX])
    )
    assert_allclose(found[1], tg.grad(lambda a: np.sum(f(a)))(MATRIX))
    assert_array_equal(found[0], 0.0)


def test_every_function_with_a_slope_of_its_own_is_in_a_table() -> None:
    known = {*UNARY, *BINARY, *OF_ROWS, *OF_MATRICES, *LINEAR}
    synonyms = {
        np.amax,
        np.amin,
        np.nanmax,
        np.nanmin,
        np.around,
        np.partition,
    }  # of max, min, round and sort
    whole = {
        np.linalg.inv,
        np.linalg.solve,
        np.linalg.cholesky,
    }  # an odd matrix among others is an error of NumPy's
    parts = {cumulative.recurrence, trigonometry.sinc_derivative}  # of cumprod and sinc
    parts |= {nonlinear.weighted, eigen.without_nan}  # of many, and of svd and eigh
    ours = {
        f
        for f in VJP
        if getattr(f, "__module__", "numpy").startswith(("numpy", "tinygrad_rnn.rules"))
    }
    missing = ours - known - synonyms - whole - parts
    assert {name_of(f) for f in missing} == {"einsum"}  # OF_ROWS has it by its public name


# -- programs --------------------------------------------------------------------------------------


def test_a_zero_that_is_a_number_cuts_nothing_off() -> None:
    assert np.isnan(tg.grad(lambda x: np.log(np.exp(x)))(1000.0))
    assert np.isnan(tg.grad(lambda x: 1.0 / np.log(np.exp(x)))(1000.0))
    assert np.isnan(tg.grad(lambda x: np.arctan(1.0 / x))(0.0))
    assert np.isnan(tg.grad(lambda x: np.sqrt(x) * np.sqrt(x))(0.0))
    product = lambda a, b: np.sum(a * b)  # its slope by a is b = 0 here, which does not stay 0
    f = lambda x: product(np.exp(x), x - 2.0)
    assert_allclose(tg.grad(f)(2.0), np.exp(2.0))
    assert_allclose(tg.grad(tg.grad(f))(2.0), 2 * np.exp(2.0))  # 14.778


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x**1.5 / (1 + x))[0],
        lambda x: np.sum(np.where([True, False], x**1.5 / np.exp(x), 0.0)),
        lambda x: np.sum([1.0, 0.0] * (x**1.5 / (1 + x))),
        lambda x: np.linalg.norm(np.stack([x, 2 * x])[..., None] ** 1.5, axis=(0, 2))[0],
        lambda x: np.std(np.stack([x, 2 * x * x]) ** 1.5, axis=0)[0],
        lambda x: np.cumprod(np.sqrt(x))[0],
        lambda x: np.cumprod(x**1.5)[0],
    ],
)
def test_a_quotient_of_a_dead_entry_is_dead_to_second_order(f: Any) -> None:
    found, alone = tg.hessian(f)(np.array([2.0, 0.0])), tg.hessian(f)(np.array([2.0, 3.0]))
    assert_allclose(found, [[alone[0, 0], 0.0], [0.0, 0.0]], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("of", [np.sum, np.mean, np.max, np.var, np.std, np.prod])
@pytest.mark.parametrize("inner", [np.sqrt, np.log])
def test_what_where_leaves_out_is_dead(of: Any, inner: Any) -> None:
    x = np.array([0.0, 4.0, 9.0])
    whole = lambda x: of(inner(x), where=x > 0, **({"initial": 0.0} if of is np.max else {}))
    among = lambda x: of(inner(x))
    assert_allclose(tg.grad(whole)(x), [0.0, *tg.grad(among)(x[1:])], rtol=1e-12)
    assert_allclose(
        tg.jvp(whole, (x,), (np.ones(3),))[1], np.sum(tg.grad(among)(x[1:])), rtol=1e-12
    )
    assert_allclose(tg.hessian(whole)(x)[1:, 1:], tg.hessian(among)(x[1:]), rtol=1e-9, atol=1e-12)
    assert_array_equal(tg.hessian(whole)(x)[0], 0.0)


def test_a_value_that_is_infinite_itself() -> None:
    assert_array_equal(
        tg.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))(np.array([0.0, np.inf])),
        [0.0, 0.0],
    )
    x = tg.Tensor([0.0, 4.0, 1.0], requires_grad=True)
    np.where([False, True, True], np.sqrt(x), -np.inf).backward(
        np.ones(3)
    )  # masked log-probabilities
    assert_array_equal(x.grad, [0.0, 0.25, 0.5])


@pytest.mark.parametrize("of", [np.stack, np.concatenate])
def test_the_rule_of_many_operands_is_asked_once(of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fun = {np.stack: joining.stack, np.concatenate: joining.concatenate}[of]
    rules, calls = VJP[fun], []
    counted = lambda *args, **kwargs: calls.append(0) or rules.rule(*args, **kwargs)
    monkeypatch.setitem(VJP, fun, Together(counted))
    xs = [tg.Tensor([1.0, 3.0], requires_grad=True) for _ in range(50)]
    np.sum(of([np.where(x > 1, np.sqrt(x - 1), x) for x in xs])).backward()
    for x in xs:
        assert_allclose(x.grad, [1.0, 0.5 / np.sqrt(2.0)])
    assert len(calls) == 3  # a plain walk, a careful one, and what is live


def test_a_row_that_is_nan_says_nothing_of_the_others() -> None:
    f = lambda x: (
        np.where([True, False, True], np.sqrt(x) * [np.nan, 1.0, 1.0], 0.0) * [1.0, 0.0, 1.0]
    )
    _, change = tg.jvp(f, (np.array([1.0, 0.0, 4.0]),), (np.ones(3),))
    assert_array_equal(change, [np.nan, 0.0, 0.25])


def test_a_constant_zero_cuts_off() -> None:
    x, mask = np.array([0.0, 4.0]), np.array([0.0, 1.0])
    for f in (
        lambda x: np.sum(mask * np.sqrt(x)),
        lambda x: np.sqrt(x) @ mask,
        lambda x: np.sum(np.sqrt(x) @ np.diag(mask)),
        lambda x: np.einsum("i,i->", np.sqrt(x), mask),
        lambda x: np.sum(np.where(mask > 0, 1.0, 0.0) * np.sqrt(x)),
        lambda x: np.sum(tg.Tensor(mask) * np.sqrt(x)),
    ):
        agree_to_order_2(f, x, np.array([0.0, 0.25]), np.array([0.0, -1 / 32]))


def test_seeds_and_rows_of_a_jacobian_select() -> None:
    x = tg.Tensor([0.0, 4.0], requires_grad=True)
    np.sqrt(x).backward([0.0, 1.0])
    assert_array_equal(x.grad, [0, 0.25])
    assert_array_equal(tg.jacobian(np.sqrt)(np.array([0.0, 4.0])), [[np.inf, 0], [0, 0.25]])


def test_a_second_derivative_that_is_infinite_where_nothing_counts() -> None:
    f = lambda x: np.sum(np.where(x > 0, x**1.5, 0.0))
    agree_to_order_2(f, np.array([0.0, 4.0]), np.array([0.0, 3.0]), np.array([0.0, 0.375]))


def test_what_counts_and_is_not_finite_stays_so() -> None:
    x = np.array([0.0, 4.0])
    assert_array_equal(tg.grad(lambda x: np.sum(np.sqrt(x)))(x), [np.inf, 0.25])
    assert_array_equal(
        tg.grad(lambda x: np.sum(np.where(x < 9, np.sqrt(x), 0.0)))(x), [np.inf, 0.25]
    )
    assert np.isnan(tg.grad(lambda x: np.sum(np.where(x < 9, x * np.nan, 0.0)))(x)).all()


def test_a_target_that_is_trained_at_an_infinite_score() -> None:
    scores, target = np.array([np.inf, 0.3]), np.array([1.0, 0.5])
    f = lambda z, t: fn.binary_cross_entropy_with_logits(z, t, reduction="sum")
    found = tg.grad(f, argnum=(0, 1))(scores, target)
    assert_allclose(found[0], [0.0, 1 / (1 + np.exp(-0.3)) - 0.5])
    assert_allclose(found[1], -scores)


def test_an_operation_of_somebody_elses(registry: None) -> None:
    @tg.primitive
    def root(x: Any) -> Any:
        return np.sqrt(x)

    tg.defvjp(root, lambda g, y, x: 0.5 * g / y)
    assert tg.grad(lambda x: np.where(x > 0, root(x), 0.0))(0.0) == 0.0
    found = tg.grad(lambda x: np.sum(np.where(x > 0, root(x), 0.0)))(np.array([0.0, 4.0]))
    assert np.isnan(found[0])  # its rule may read any entry: not 0, which could be wrong
    assert found[1] == 0.25


# -- recurrent networks ----------------------------------------------------------------------------

LENGTHS, T, B, INPUTS, H = np.array([4, 2, 1]), 4, 3, 2, 3
rng = np.random.default_rng(3)
XS, TARGETS = rng.standard_normal((T, B, INPUTS)), rng.standard_normal((T, B, H))
INSIDE = (np.arange(T)[:, None] < LENGTHS)[..., None]


def padded_loss(cell: Any, filler: float, states: list[Any] | None = None) -> list[Any]:
    """A masked loss of sequences of different lengths; what lies behind the ends is the filler."""
    xs, targets = np.where(INSIDE, XS, filler), np.where(INSIDE, TARGETS, filler)
    h, losses = tg.Tensor(np.zeros((B, H))), []
    for x, target, inside in zip(xs, targets, INSIDE, strict=True):
        h = np.where(inside, cell(x, h), h)
        losses.append(np.sum(np.where(inside, (h - target) ** 2, 0.0)))
        if states is not None:
            states.append(h)
    return losses


@pytest.mark.parametrize("filler", [np.nan, np.inf, 1e308, 0.0])
@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_padded_sequences(kind: str, filler: float) -> None:
    cell = getattr(tg.nn, f"{kind}Cell")(INPUTS, H, rng=0)
    expected = {p: np.zeros(p.shape) for p in cell.parameters()}
    for b, length in enumerate(LENGTHS):  # each sequence by itself
        run = tg.unroll(cell, XS[:length, b], loss=fn.squared_error, targets=TARGETS[:length, b])
        run.loss.backward()
    for p in cell.parameters():
        expected[p], p.grad = p.grad, None
    states: list[Any] = []
    losses = padded_loss(cell, filler, states)
    total = sum(losses)
    total.backward()
    for p in cell.parameters():
        assert_allclose(p.grad, expected[p], rtol=1e-12, atol=1e-15)
    flow = tg.gradient_flow(losses, states)
    for p in cell.parameters():
        assert_allclose(np.sum(flow.contribution(p), axis=0), expected[p], rtol=1e-12, atol=1e-15)
    for found in flow.total:
        assert np.all(np.isfinite(found))
    drawn = Gradients(total)
    for p in cell.parameters():
        assert_allclose(drawn.whole[p], np.linalg.norm(expected[p]), rtol=1e-12)
    assert all(np.isfinite(norm) for norm in drawn.along.values())


def test_a_scan_agrees() -> None:
    h0 = tg.Tensor([[0.0, 0.0], [1.0, 2.0]], requires_grad=True)

    def cell(x: Any, h: Any) -> Any:
        norm = np.sqrt(np.sum(h * h, axis=-1, keepdims=True))
        return x * np.where(norm > 0, norm, 1.0)

    grads = []
    for unrolled in (False, True):
        np.sum(tg.scan(cell, np.ones((3, 2, 2)), h0, unrolled=unrolled).outputs ** 2).backward()
        grads.append(h0.grad)
        h0.grad = None
    assert np.all(grads[0][0] == 0)
    assert_allclose(*grads, rtol=1e-12)
