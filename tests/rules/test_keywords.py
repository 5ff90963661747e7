"""NumPy's functions on Tensors take NumPy's keywords and positional forms, with NumPy's values.

Every pair of options, and in a long test every combination, is compared with bare NumPy: shape,
dtype, each entry and its sign; and, in float64, with central differences.  What NumPy refuses is
refused.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DTypeError, NoDerivativeError, TinygradError
from tinygrad_rnn.guards.boundary import name_of

X = np.array([[0.5, -1.25, 2.0], [1.5, 3.0, -0.75]])
GAPS = np.where([[True, False, False], [False, False, True]], np.nan, X)
SOME = np.array([[True, False, True], [True, True, False]])
LEFT_OUT = object()  # an option that is not given

AXES = (LEFT_OUT, None, 0, -1, (0, 1), (1,), ())
KEPT = (LEFT_OUT, True, False)
DTYPES = (LEFT_OUT, None, np.float32, np.float64, "f8")
WHERE = (LEFT_OUT, True, SOME, SOME[0], SOME[:, :1])
OUT = (LEFT_OUT, None)


def options(**choices: Any) -> Iterator[dict[str, Any]]:
    """Every combination of the choices."""
    for chosen in itertools.product(*choices.values()):
        yield {n: v for n, v in zip(choices, chosen, strict=True) if v is not LEFT_OUT}


def pairs_of_options(**choices: Any) -> Iterator[dict[str, Any]]:
    """Every combination of two choices; the other options are left out, or their first one."""
    first = {name: values[:1] for name, values in choices.items()}
    for pair in itertools.combinations(choices, min(2, len(choices))):
        yield from options(**first | {name: choices[name] for name in pair})


SUMS = {
    "axis": AXES,
    "dtype": DTYPES,
    "out": OUT,
    "keepdims": KEPT,
    "initial": (LEFT_OUT, 0.5),
    "where": WHERE,
}
EXTREMES = {"axis": AXES, "out": OUT, "keepdims": KEPT, "initial": (LEFT_OUT, 1.0), "where": WHERE}
MEANS = {"axis": AXES, "dtype": DTYPES, "out": OUT, "keepdims": KEPT, "where": WHERE}
SQUARES = {
    **MEANS,
    "axis": AXES[:5],
    "out": (LEFT_OUT,),
    "dtype": DTYPES[:3],
    "ddof": (LEFT_OUT, 1, 0.5),
    "correction": (LEFT_OUT, 1),
}


def joined(of: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a list of arrays as one of its first array."""

    @wraps(of)
    def call(x: Any, **kwargs: Any) -> Any:
        return of([x, SOME, 0.3 * x], **kwargs)

    return call


CASTS = {
    "dtype": (LEFT_OUT, None, np.float32, int),
    "casting": (LEFT_OUT, "same_kind", "safe", "no", "unsafe"),
}
CHOICES: dict[Callable[..., Any], tuple[Any, dict[str, Any]]] = {
    joined(np.concatenate): (X, {"axis": (LEFT_OUT, None, 0, -1, 2), "out": OUT, **CASTS}),
    joined(np.stack): (X, {"axis": (LEFT_OUT, 0, -1, 3), "out": OUT, **CASTS}),
    joined(np.hstack): (X, CASTS),
    joined(np.vstack): (X, CASTS),
    np.sum: (X, SUMS),
    np.prod: (X, SUMS),
    np.nansum: (GAPS, SUMS),
    np.nanprod: (GAPS, SUMS),
    np.max: (X, EXTREMES),
    np.min: (X, EXTREMES),
    np.amax: (X, EXTREMES),
    np.amin: (X, EXTREMES),
    np.nanmax: (GAPS, EXTREMES),
    np.nanmin: (GAPS, EXTREMES),
    np.mean: (X, MEANS),
    np.nanmean: (GAPS, MEANS),
    np.var: (X, SQUARES),
    np.std: (X, SQUARES),
    np.ptp: (X, {"axis": AXES[:-1], "out": OUT, "keepdims": KEPT}),
    np.median: (X, {"axis": AXES[:-1], "out": OUT, "overwrite_input": KEPT, "keepdims": KEPT}),
    np.cumsum: (X, {"axis": (LEFT_OUT, None, 0, -1), "dtype": DTYPES, "out": OUT}),
    np.cumprod: (X, {"axis": (LEFT_OUT, None, 0, -1), "dtype": DTYPES, "out": OUT}),
    np.average: (
        X,
        {
            "axis": AXES[:5],
            "weights": (LEFT_OUT, None, np.abs(X), np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0])),
            "keepdims": KEPT,
        },
    ),
    np.clip: (
        X,
        {
            "a_min": (None, -1.0, 1.0, np.nan),
            "a_max": (None, 0.75, np.nan, np.array([1.0, 2.0, -0.5])),
            "out": OUT,
        },
    ),
    np.reshape: (
        X,
        {
            "shape": ((3, 2), -1, (1, -1, 2)),
            "order": (LEFT_OUT, "C", "F"),
            "copy": (LEFT_OUT, None, True),
        },
    ),
    np.ravel: (X, {"order": (LEFT_OUT, "C", "F")}),
    np.round: (0.93 * X, {"decimals": (LEFT_OUT, 0, 1, -1), "out": OUT}),
    np.around: (0.93 * X, {"decimals": (LEFT_OUT, 0, 1, -1), "out": OUT}),
    np.take: (
        X,
        {
            "indices": (1, [0, 0, 2], [[-1, 7]]),
            "axis": (LEFT_OUT, None, 0, 1),
            "out": OUT,
            "mode": (LEFT_OUT, "raise", "wrap", "clip"),
        },
    ),
    np.repeat: (X, {"repeats": (2, [1, 0, 2]), "axis": (LEFT_OUT, None, 0, 1)}),
    np.trace: (
        X,
        {
            "offset": (LEFT_OUT, 1, -1),
            "axis1": (LEFT_OUT, 1),
            "axis2": (LEFT_OUT, 0),
            "dtype": DTYPES,
            "out": OUT,
        },
    ),
    np.diagonal: (X, {"offset": (LEFT_OUT, 1, -1), "axis1": (LEFT_OUT, 1), "axis2": (LEFT_OUT, 0)}),
    np.linalg.trace: (X, {"offset": (LEFT_OUT, 1), "dtype": DTYPES}),
    np.squeeze: (X[:, :1], {"axis": (LEFT_OUT, None, 1, (1,), 0)}),
    np.transpose: (X, {"axes": (LEFT_OUT, None, (1, 0), (-1, -2))}),
    np.sort: (
        X,
        {
            "axis": (LEFT_OUT, None, 0, -1),
            "kind": (LEFT_OUT, None, "stable", "heapsort"),
            "order": (LEFT_OUT, None),
            "stable": (LEFT_OUT, None, True),
        },
    ),
    np.partition: (
        X,
        {"kth": (0, 1, (0, 1)), "axis": (LEFT_OUT, None, 0), "order": (LEFT_OUT, None)},
    ),
    np.copy: (X, {"order": (LEFT_OUT, "C", "F"), "subok": KEPT}),
    np.broadcast_to: (X, {"shape": ((2, 3), (2, 2, 3)), "subok": KEPT}),
    np.linalg.norm: (
        X,
        {
            "ord": (LEFT_OUT, None, 1, 2, 3, -1, np.inf, "fro", "nuc"),
            "axis": AXES[:5],
            "keepdims": KEPT,
        },
    ),
    np.linalg.vector_norm: (
        X,
        {"ord": (LEFT_OUT, None, 1, 2, 3, -2, np.inf), "axis": AXES[:5], "keepdims": KEPT},
    ),
    np.linalg.matrix_norm: (X, {"ord": (LEFT_OUT, 1, -1, 2, -2, -np.inf, "nuc"), "keepdims": KEPT}),
    np.linspace: (
        X[0],
        {
            "stop": (3.0, X[1]),
            "num": (LEFT_OUT, 0, 1, 4),
            "endpoint": KEPT,
            "dtype": DTYPES,
            "axis": (LEFT_OUT, 0, -1),
        },
    ),
    np.logspace: (
        X[0],
        {
            "stop": (1.5,),
            "num": (3,),
            "base": (LEFT_OUT, 2.0),
            "dtype": DTYPES,
            "axis": (LEFT_OUT, 1),
        },
    ),
}


def same(ours: Any, theirs: Any, what: str) -> None:
    """Equal in shape, dtype, every entry and its sign."""
    theirs = np.asarray(theirs)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), what
    assert_array_equal(ours, theirs, what)
    assert_array_equal(np.signbit(ours), np.signbit(theirs), what)


def slopes(f: Callable[[Any], Any], x: Any, g: Any) -> Any:
    """d sum(g f(x)) / dx by central differences; the entries that are NaN stay as they are."""
    h, found = 1e-6, np.zeros_like(x)
    for i in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[i] = h
        found[i] = np.sum(g * (f(x + e) - f(x - e))) / (2 * h)
    return np.where(np.isnan(found), 0.0, found)


def compare(of: Callable[..., Any], x: Any, *args: Any, **kwargs: Any) -> None:
    """`of(x, ...)` on a Tensor against bare NumPy and central differences."""
    what = f"{name_of(of)}(x, {args}, {kwargs})"
    leaf = Tensor(x, requires_grad=True)
    try:
        expected = of(x.copy(), *args, **kwargs)  # NumPy may overwrite its input
    except (TypeError, ValueError, IndexError) as error:
        with pytest.raises((type(error), TinygradError)):
            of(leaf, *args, **kwargs)
        return
    y = of(leaf, *args, **kwargs)
    if np.asarray(expected).dtype.kind != "f":  # cast to integers: a step, which has no slope
        assert type(y) is np.ndarray, what
        same(y, expected, what)
        return
    assert type(y) is Tensor, what
    same(y.data, expected, what)
    g = np.cos(np.arange(1.0, y.size + 1.0)).reshape(y.shape)
    y.backward(g)
    assert leaf.grad.dtype == x.dtype
    if y.dtype == np.float64 and np.all(np.isfinite(y.data)):
        found = slopes(lambda x: of(x, *args, **kwargs), x, g)
        np.testing.assert_allclose(leaf.grad, found, rtol=1e-5, atol=1e-7, err_msg=what)


QUIET = pytest.mark.filterwarnings(
    "ignore:.*NaN slice|.*empty slice|Degrees of freedom:RuntimeWarning"
)


@QUIET
@pytest.mark.parametrize(
    "combinations", [pairs_of_options, pytest.param(options, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("of", CHOICES, ids=name_of)
def test_every_combination_of_options(of: Callable[..., Any], combinations: Any) -> None:
    x, choices = CHOICES[of]
    with np.errstate(invalid="ignore", divide="ignore"):
        for kwargs in combinations(**choices):
            compare(of, x, **kwargs)


POSITIONAL = [
    (np.sum, (0, np.float64, None, True, 0.5, SOME)),
    (np.prod, (None, None, None, False, 2.0, SOME)),
    (np.max, (1, None, True, 0.0, SOME)),
    (np.min, ((0, 1), None, False, 0.0)),
    (np.mean, (1, None, None, True)),
    (np.var, (0, None, None, 1, True)),
    (np.std, (None, np.float64, None, 0.5)),
    (np.nansum, (0, None, None, True, 1.0, SOME)),
    (np.nanmean, (0, None, None, True)),
    (np.nanmax, (0, None, True, 1.0, SOME)),
    (np.ptp, (1, None, True)),
    (np.median, (1, None, False, True)),
    (np.cumsum, (1, np.float64, None)),
    (np.cumprod, (0, None, None)),
    (np.clip, (-1.0, 1.0, None)),
    (np.reshape, ((3, 2), "F")),
    (np.take, ([0, 0], 1, None, "clip")),
    (np.trace, (1, 1, 0, None, None)),
    (np.sort, (0, None, None)),
    (np.partition, (1, 1, "introselect", None)),
    (np.copy, ("C", False)),
    (np.dot, (X.T, None)),
    (np.outer, (X, None)),
    (np.linalg.norm, (2, 1, True)),
    (np.linspace, (3.0, 4, False, False, None, 1)),
    (np.logspace, (1.0, 3, True, 2.0, None, 0)),
]


@pytest.mark.parametrize(("of", "args"), POSITIONAL, ids=[name_of(of) for of, _ in POSITIONAL])
def test_options_by_position(of: Callable[..., Any], args: tuple[Any, ...]) -> None:
    compare(of, X, *args)


# -- what options mean -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "of", [np.sum, np.prod, np.mean, np.max, np.var, np.std, np.nansum, np.nanmean]
)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_where_leaves_out_gets_0_whatever_it_is(of: Callable[..., Any], bad: float) -> None:
    x, where = (
        np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 9.0]]),
        np.array([[True, False, True], [True, True, True]]),
    )
    options: dict[str, Any] = {"initial": 0.0} if of is np.max else {}

    def slope(x: Any, **how: Any) -> Any:
        return tg.grad(lambda x: np.sum(np.cos(of(x, axis=1, **how, **options))))(x)

    found = slope(np.where(where, x, bad), where=where)
    assert found[0, 1] == 0
    np.testing.assert_allclose(found, slope(np.where(where, x, 7.0), where=where))
    np.testing.assert_allclose(found[0, [0, 2]], slope(x[:1, [0, 2]])[0])
    np.testing.assert_allclose(found[1], slope(x[1:])[0])
    second = tg.grad(
        lambda x: np.sum(tg.grad(lambda x: np.sum(np.cos(of(x, where=where, **options))))(x) ** 2)
    )
    assert np.all(np.isfinite(second(np.where(where, x, bad))))


def test_a_mask_may_be_a_tensor_and_an_initial_value_has_no_derivative() -> None:
    x, mask = Tensor(X, requires_grad=True), Tensor(SOME)
    for f in (
        lambda w: np.sum(x, where=w),
        lambda w: np.mean(x, axis=1, where=w),
        lambda w: np.max(x, initial=0.0, where=w),
    ):
        x.grad = None
        same(f(mask).data, f(SOME).data, "where=")
        np.sum(f(mask)).backward()
        found, x.grad = x.grad, None
        np.sum(f(SOME)).backward()
        assert_array_equal(found, x.grad)
    same(np.sum(x, initial=Tensor(2.0)).data, np.sum(X, initial=2.0), "initial=")
    with pytest.raises(NoDerivativeError, match=r"np\.sum has no derivative for argument 5"):
        np.sum(x, initial=Tensor(2.0, requires_grad=True))


def test_a_wider_sum_of_float32_has_a_float32_gradient() -> None:
    x = Tensor(np.float32([1.0, 2.0]), requires_grad=True)
    for y in (
        np.sum(x, dtype=np.float64),
        np.mean(x, dtype="f8"),
        np.einsum("i->", x, dtype=np.float64),
    ):
        x.grad = None
        assert y.dtype == np.float64
        y.backward()
        assert x.grad.dtype == np.float32


WITH_DTYPE = [
    np.sum,
    np.prod,
    np.mean,
    np.var,
    np.std,
    np.cumsum,
    np.cumprod,
    np.nansum,
    np.nanprod,
    np.nanmean,
]


@pytest.mark.parametrize("dtype", [int, bool, np.uint8, complex])
@pytest.mark.parametrize("of", WITH_DTYPE, ids=name_of)
def test_a_dtype_without_derivatives_is_refused(of: Callable[..., Any], dtype: Any) -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    for call in (lambda: of(x, dtype=dtype), lambda: of(x, 0, dtype)):
        with np.errstate(all="ignore"), pytest.raises(DTypeError):
            call()
