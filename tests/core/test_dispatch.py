"""Every public function of NumPy does one of three things with a Tensor, and none of them loses a
gradient silently.

it gives Tensors that are connected to the graph
it gives plain arrays, and is declared constant
it raises: an error of this package, or NumPy's own for wrong arguments
"""

import itertools
import operator
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import functional
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tables import COMPOSITE, CONSTANT, REFUSED, VJP
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DataError,
    DTypeError,
    GradientError,
    ShapeError,
    TinygradError,
    UnsupportedError,
    UsageError,
)
from tinygrad_rnn.guards.boundary import name_of

LEFT_OUT = {  # most print, or change how NumPy works
    "get_include", "get_printoptions", "getbufsize", "geterr", "geterrcall", "info", "printoptions",
    "set_printoptions", "setbufsize", "seterr", "seterrcall", "show_config", "show_runtime", "test",
    "empty",  # whatever the memory holds
    "fromiter",  # it asks each entry for float(x), which is how a user asks for the number
}  # fmt: skip


def functions() -> Iterator[Any]:
    for module in (np, np.linalg):
        for name in sorted(set(dir(module)) - LEFT_OUT):
            if not name.startswith("_"):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    fun = getattr(module, name)
                if callable(fun) and not isinstance(fun, type):
                    yield fun


FUNCTIONS = {name_of(fun): fun for fun in functions()}
EXPECTED = (TinygradError, TypeError, ValueError, AttributeError, LookupError)
VALUES = [
    2.5,
    [0.5, 0.8, 0.3],
    [[2.5, 0.5], [0.5, 1.5]],
    [[[1.5]]],
    np.zeros((0, 2)),
    [np.nan, 1.0],
]


def calls(x: Any) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Ways to call a function with x, of which most functions know some."""
    plain = np.ones(x.shape)
    for args in ((x,), (x, x), (x, x, x), ([x, x],), ([[x, x], [x, x]],)):
        yield args, {}
    for name in ("a", "x", "arr", "m", "v", "A", "array", "ary", "arrays", "tup"):
        yield (), {name: x}
    for other in (0, 1, -1, (1, 1), plain, [plain, plain], plain > 0):
        yield (x, other), {}
        yield (other, x), {}
        yield (other, [x, x]), {}
    for a, b in itertools.product((0, 1, plain), repeat=2):
        yield (x, a, b), {}
        yield (a, x, b), {}
        yield (a, b, x), {}
    yield ([x, plain],), {}
    for option in ({"axis": 0}, {"axis": -1}, {"keepdims": True}, {"k": 1}, {"dtype": float}):
        yield (x,), option
    yield (x,), {"out": plain}
    yield (x, x), {"out": plain}


def leaves(result: Any) -> Iterator[Any]:
    """What a result consists of."""
    if isinstance(result, (list, tuple)):
        for item in result:
            yield from leaves(item)
    elif isinstance(result, dict):
        yield from leaves(list(result.values()))
    else:
        yield result


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_loses_a_gradient(name: str) -> None:
    for data in VALUES:
        no_gradient_is_lost(name, data)


def no_gradient_is_lost(name: str, data: Any) -> None:
    """What the function gives, called in any way with a Tensor of this data, is connected to it."""
    fun = FUNCTIONS[name]
    x, nearby = (Tensor(np.asarray(data) * near, requires_grad=True) for near in (1.0, 1.0 + 1e-6))
    for (args, kwargs), (moved, options) in zip(calls(x), calls(nearby), strict=True):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                result = fun(*args, **kwargs)
                other = fun(*moved, **options)
            except Exception as error:
                sensible = args and all(a is x for a in args) and not kwargs
                if isinstance(error, RecursionError) or (
                    sensible and not isinstance(error, EXPECTED)
                ):
                    raise
                continue
        for part, same in zip(leaves(result), leaves(other), strict=True):
            if isinstance(part, Tensor):
                assert part.data.dtype.kind == "f"
                assert x in ancestors([part])
            elif fun not in CONSTANT and isinstance(part, (float, complex, np.ndarray, np.generic)):
                kind = np.asarray(part).dtype.kind
                assert kind != "O"
                assert kind not in "fc" or np.array_equal(part, same, equal_nan=True), (
                    f"{name}{args} with {kwargs} depends on x, but is a plain {part!r}"
                )


def test_a_function_that_loses_a_gradient_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMPOSITE, np.kron, lambda a, b: np.kron(np.asarray(a.data), 2.0))
    with pytest.raises(AssertionError, match="depends on x, but is a plain array"):
        no_gradient_is_lost("np.kron", [1.0, 2.0])


def test_no_function_is_declared_twice() -> None:
    tables = [set(VJP), set(COMPOSITE), CONSTANT, set(REFUSED)]
    for a, b in itertools.combinations(tables, 2):
        assert a & b <= {
            np.where,
            np.reshape,
            np.var,
            np.std,
        }  # composites for some of their options


# -- refusals say why, and what to do instead ------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (
            lambda x: np.copyto(np.zeros(2), x),
            ["np.copyto writes into an array", "np.where or np.concatenate"],
        ),
        (lambda x: np.put(np.zeros(2), [0], x), ["np.put writes into an array", "x.data"]),
        (
            lambda x: np.put_along_axis(x, np.array([0]), 1.0, 0),
            ["np.put_along_axis writes into an array"],
        ),
        (lambda x: np.fill_diagonal(x, 0.0), ["np.fill_diagonal writes"]),
        (lambda x: np.save("x.npy", x), ["np.save stores values, not graphs", "Pass x.data"]),
        (lambda x: np.savetxt("x.txt", x), ["np.savetxt stores values", "x.data"]),
        (lambda x: np.savez("x.npz", x), ["np.savez stores values"]),
        (
            lambda x: np.apply_along_axis(np.sum, 0, x),
            ["np.apply_along_axis calls a function", "np.stack"],
        ),
        (lambda x: np.piecewise(x, [x > 0], [1.0]), ["np.piecewise calls a function"]),
        (lambda x: np.vectorize(abs)(x), ["would be detached silently", "x.data"]),
        (
            lambda x: np.array([x, x]),
            ["would be detached silently", "tinygrad_rnn.array", "np.stack"],
        ),
        (lambda x: np.full(2, x), ["would be detached silently"]),
        (lambda x: np.full_like(x, x, dtype=int), ["would be detached silently"]),
        (lambda x: np.ones(2).__setitem__(slice(None), x), ["would be detached silently"]),
        (lambda x: np.add.at(np.ones(2), [0], x), ["np.add.at is not recorded"]),
        (lambda x: np.add.reduce(x), ["np.add.reduce is not recorded"]),
        (lambda x: np.add.accumulate(x), ["np.add.accumulate is not recorded"]),
        (lambda x: np.add.reduceat(x, [0]), ["np.add.reduceat is not recorded"]),
        (lambda x: np.multiply.outer(x, x), ["np.multiply.outer is not recorded"]),
        (lambda x: np.concatenate([x, x], out=np.zeros(4)), ["np.concatenate", "takes no out="]),
        (lambda x: np.take(x, [0], out=np.zeros(1)), ["np.take", "takes no out="]),
        (lambda x: np.dot(x, x, out=np.zeros(())), ["np.dot", "takes no out=", "It knows a, b"]),
        (lambda x: np.ravel(x, order="K"), ["order='K'", "layout in memory", "Use 'C' or 'F'"]),
        (lambda x: np.pad(x, 1, mode="mean"), ["mode='mean'", "'reflect'"]),
        (lambda x: np.einsum(x, [0], [0]), ["subscripts as a string", "'ij,jk->ik'"]),
        (
            lambda x: np.linalg.svd(np.ones((2, 2)) * x),
            ["singular values only", "np.linalg.svdvals"],
        ),
        (lambda x: f"{x:.3f}", ["'.3f' is for one number", "shape (2,)", "np.array2string"]),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(
    f: Callable[[Any], Any], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsupportedError) as error:
        f(Tensor([1.0, 2.0], requires_grad=True))
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (lambda x: np.linspace(x, 3.0, -1), UsageError, "num=-1"),
        (lambda x: np.logspace(x, 3.0, 3, base=np.array([2.0, 3.0])), UsageError, "has one base"),
        (lambda x: np.clip(x, 0.0, 1.0, min=0.5), UsageError, "not as both"),
        (
            lambda x: np.var(x, ddof=1, correction=1, mean=np.mean(x)),
            UsageError,
            "two names of one number",
        ),
        (lambda x: np.einsum("i->", x, dtype="f4", casting="safe"), DTypeError, "no 'safe' cast"),
        (lambda x: np.concatenate([x, x], dtype=int), DTypeError, "no 'same_kind' cast"),
        (lambda x: x.astype("f4", casting="safe"), DTypeError, "cannot cast from float64"),
        (lambda x: x.astype("f4", casting="any"), UsageError, "casting='any'; it is one of"),
        (lambda x: np.add(x.detach(), [x, x]), UnsupportedError, "would be detached silently"),
        (lambda x: complex(x[0]), UnsupportedError, r"complex\(x\) would detach"),
        (
            lambda x: tg.grad(np.sum, argnum="x")(x),
            ArgumentTypeError,
            "argnum is 'x'; it is the position",
        ),
        (
            lambda x: np.outer(x, np.ones((1, 2)).view(np.matrix)),
            DTypeError,
            "argument 1 of np.outer is an np.matrix",
        ),
        (
            lambda x: x * [np.ma.zeros(2)],
            DTypeError,
            "an entry of argument 1 of np.multiply is a masked array",
        ),
        (
            lambda x: np.sum(x, where=np.ma.ones(2, bool)),
            DTypeError,
            "argument where of np.sum is a masked array",
        ),
        (
            lambda x: np.pad(x, 1, constant_values=1j),
            DTypeError,
            "constant_values of np.pad has dtype complex",
        ),
        (lambda x: np.pad(x, 1, "bogus"), UsageError, "knows no mode='bogus'"),
        (lambda x: x.reshape(2, order="X"), UsageError, "knows no order='X'"),
        (lambda x: np.ix_(x, np.ones((2, 2))), ShapeError, "takes vectors"),
        (lambda x: x.item(99), IndexError, "index 99 is out of bounds"),
        (lambda x: x.item("a"), TypeError, "cannot be interpreted as an integer"),
        (
            lambda x: np.average(x, weights=[0, 0]),
            ZeroDivisionError,
            "the weights of np.average sum to 0",
        ),
        (lambda x: functional.layer_norm(x, eps=float("nan")), UsageError, "eps is nan"),
        (
            lambda x: setattr(x * 2.0, "requires_grad", False),
            GradientError,
            "the result of np.multiply",
        ),
        (lambda x: setattr(Tensor([1, 2]), "requires_grad", True), DTypeError, "int64"),
    ],
)
def test_what_has_no_meaning_is_refused(
    f: Callable[[Any], Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as error:
        f(Tensor([1.0, 2.0], requires_grad=True))
    assert isinstance(error.value, TinygradError)


@pytest.mark.parametrize(
    "wrong", [np.ma.array, lambda x: x.view(np.matrix), lambda x: x * 1j, lambda x: [[1], [1, 2]]]
)
def test_what_an_operation_of_somebodys_returns_is_real_numbers(wrong: Any, registry: None) -> None:
    @tg.primitive
    def own(x: Any) -> Any:
        return wrong(x)

    tg.defvjp(own, lambda g, y, x: g)
    with pytest.raises((DTypeError, DataError), match="the result of own"):
        own(Tensor([1.0, 2.0], requires_grad=True))


def test_a_number_written_inside_a_function_of_somebodys_is_told_as_such(registry: None) -> None:
    w = Tensor(2.0, requires_grad=True)

    def written(*args: Any, **kwargs: Any) -> Any:
        a = np.zeros(2)
        a[0] = w  # NumPy makes a ValueError of what is raised here
        return a

    own = tg.primitive(written)
    tg.defvjp(own, lambda g, y, x: g)
    strange = type("Strange", (), {"__array__": written})()
    for f in (lambda: own(Tensor([1.0, 2.0], requires_grad=True)), lambda: Tensor(strange)):
        with pytest.raises(UnsupportedError, match=r"Use x\.item\(\)"):
            f()


def test_a_singular_matrix_is_called_so() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        np.linalg.inv(Tensor(np.zeros((2, 2)), requires_grad=True))


# -- methods and attributes of arrays --------------------------------------------------------------

X = np.arange(1.0, 7.0).reshape(2, 3)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.ravel(),
        lambda x: x.ravel(order="F"),
        lambda x: x.flatten(),
        lambda x: x.copy(),
        lambda x: x.dot(np.ones(3)),
        lambda x: x.trace(1),
        lambda x: x.diagonal(offset=-1),
        lambda x: x.take([0, 0, 5]),
        lambda x: x.take([0, 4], axis=1, mode="clip"),
        lambda x: x.repeat(2),
        lambda x: x.repeat([1, 2], axis=0),
        lambda x: x.mT,
        lambda x: x.T,
    ],
)
def test_methods_are_those_of_arrays_and_are_recorded(f: Callable[[Any], Any]) -> None:
    x = Tensor(X, requires_grad=True)
    y = f(x)
    assert_array_equal(y.data, f(X))
    np.sum(y).backward()
    assert x.grad is not None


def test_attributes_and_conversions() -> None:
    x, loss = Tensor(X, requires_grad=True), Tensor(np.float32(0.125), requires_grad=True)
    assert (x.nbytes, x.itemsize, loss.itemsize) == (48, 8, 4)
    assert x.tolist() == X.tolist()
    assert (3.0 in x, 7.0 in x) == (True, False)
    assert (f"{loss:.2f}", f"{loss:8.1e}", f"{loss}") == ("0.12", " 1.2e-01", str(loss))
    assert [*range(Tensor(3))] == [0, 1, 2]
    assert "abc"[Tensor(1)] == "b"
    with pytest.raises(TypeError):
        "abc"[loss]
    assert np.array2string(x, precision=1) == np.array2string(X, precision=1)
    assert (np.array_str(x), np.array_repr(x)) == (np.array_str(X), np.array_repr(X))


def test_a_copy_passes_gradients_on() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x.copy()
    assert y is not x
    assert not np.shares_memory(y, x)
    np.sum(y * x).backward()
    assert_array_equal(x.grad, [2, 4])


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.float64(2.0) * x, [2, 4]),
        (lambda x: np.float32(2.0) + x, [3, 4]),
        (lambda x: operator.add([1.0, 2.0], x), [2, 4]),
        (lambda x: (1, 2) * x, [1, 4]),
        (lambda x: np.ones((2, 2)) @ x, [3, 3]),
        (lambda x: np.eye(2)[0] - x, [0, -2]),
        (lambda x: 2 ** x, [2, 4]),
    ],
)  # fmt: skip
def test_arrays_numbers_and_lists_on_the_left(f: Callable[[Any], Any], expected: Any) -> None:
    y = f(Tensor([1.0, 2.0], requires_grad=True))
    assert type(y) is Tensor
    assert y.requires_grad
    assert_array_equal(y.data, expected)


# -- Tensors where indices are wanted --------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x, i: x[Tensor(1)], X[1]),
        (lambda x, i: x[i], X[[1, 0, 1]]),
        (lambda x, i: x[i, Tensor(2)], X[[1, 0, 1], 2]),
        (lambda x, i: x[:, i], X[:, [1, 0, 1]]),
        (lambda x, i: x[[Tensor(0), Tensor(0)]], X[[0, 0]]),
        (lambda x, i: x[[Tensor(0), 1], [1, Tensor(2)]], X[[0, 1], [1, 2]]),
        (lambda x, i: x[Tensor([True, False])], X[[True, False]]),
        (lambda x, i: x[Tensor(X) > 2], X[X > 2]),
        (lambda x, i: x[..., Tensor([False, True, True])], X[:, 1:]),
        (lambda x, i: np.take(x, i), X.ravel()[[1, 0, 1]]),
        (lambda x, i: np.take(x, indices=i, axis=1), X[:, [1, 0, 1]]),
        (lambda x, i: np.take_along_axis(x, Tensor([[2], [0]]), 1), X[[[0], [1]], [[2], [0]]]),
        (lambda x, i: np.roll(x, Tensor(1)), np.roll(X, 1)),
        (lambda x, i: np.roll(x, shift=Tensor(1), axis=1), np.roll(X, 1, 1)),
        (lambda x, i: np.repeat(x, Tensor([1, 2]), 0), X[[0, 1, 1]]),
        (lambda x, i: np.delete(x, Tensor(0), 0), X[1:]),
        (lambda x, i: np.insert(x, Tensor(0), 9.0, 1), np.insert(X, 0, 9.0, 1)),
        (lambda x, i: np.compress(Tensor([True, False]), x, 0), X[:1]),
        (lambda x, i: np.choose(i, [x[0], x[1]]), [4, 2, 6]),
    ],
)
def test_tensors_as_indices(f: Callable[[Any, Any], Any], expected: Any) -> None:
    x, i = Tensor(X, requires_grad=True), Tensor([1, 0, 1])
    y = f(x, i)
    assert_array_equal(y.data, expected)
    tg.check_grads(lambda x: f(x, i), [X], order=2)


@pytest.mark.usefixtures("registry")
def test_an_error_that_a_function_of_the_users_raises_is_the_users() -> None:
    class TooWarm(ValueError):
        pass

    def refuse(x: float) -> float:
        raise TooWarm

    melt = np.frompyfunc(refuse, 1, 1)
    tg.defvjp(melt, lambda g, y, x: g)
    with pytest.raises(TooWarm):
        melt(tg.Tensor([1.0], requires_grad=True))
