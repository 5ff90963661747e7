"""Arguments of wrong kinds, shapes and counts, to every public function: what is raised is an error
of the package.
"""

import inspect
import operator
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import checkpoint, data, draw, functional, interop, nn, optim
from tinygrad_rnn.errors import TinygradError
from tinygrad_rnn.nn import initialisers

H, INPUTS, T = 3, 2, 4
RNG = np.random.default_rng(0)
XS = RNG.standard_normal((T, INPUTS))
OTHERS = {"data.python_topics", "nn.Cell", "nn.Module", "tg.Unrolled"}  # slow; bases; a result
NEEDED = {"rng": 0, "lr": 0.1, "layout": "layered"}  # keywords without a default


def leaf() -> tg.Tensor:
    return tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True, name="x")


def a_run() -> Any:
    options: dict[str, Any] = {"loss": functional.half_squared_error, "targets": np.zeros((T, H))}
    return tg.unroll(nn.RNNCell(INPUTS, H, rng=0), XS, **options)


def odd() -> list[Any]:
    """Anew for each call, since some are used up."""
    numbers: list[Any] = [
        3,
        -1,
        0,
        2.5,
        float("nan"),
        True,
        1j,
        10**30,
        np.float32(1),
        np.datetime64("2020"),
    ]
    texts: list[Any] = ["text", "", b"b", "nul\0", "\ud800"]
    containers: list[Any] = [
        [],
        (),
        {},
        [1, "a"],
        [[1, 2], [3]],
        range(3),
        set(),
        iter([1]),
        [None],
        {"a": [1.0]},
    ]
    arrays: list[Any] = [
        *(
            np.zeros(0),
            np.zeros((2, 0)),
            np.ones((2, 3)),
            np.ones(3, int),
            np.array("s"),
            np.array([None]),
        ),
        *(
            np.array([1j]),
            np.array(["2020"], "M8[D]"),
            np.zeros(2, "i4,f8"),
            np.matrix([[1.0]]),
            np.ma.zeros(3),
        ),
    ]
    tensors: list[Any] = [leaf(), np.sum(leaf()), tg.Tensor([1, 2])]
    others: list[Any] = [
        None,
        ...,
        object(),
        slice(None),
        np.tanh,
        type,
        ValueError,
        lambda *a: None,
    ]
    return numbers + texts + containers + arrays + tensors + others


def members(name: str, thing: Any, *hidden: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public methods of an object, the named hidden ones and the object itself if it can be
    called.
    """
    for attribute in [*dir(type(thing)), *vars(type(thing))]:
        method = callable(getattr(type(thing), attribute, None))
        if method and (not attribute.startswith("_") or attribute in hidden):
            yield f"{name}.{attribute}", getattr(thing, attribute)


def surface() -> Iterator[tuple[str, Callable[..., Any]]]:
    """(name, function) of all that a user calls."""
    rooms: list[tuple[str, ModuleType]] = [
        *(
            ("tg", tg),
            ("fn", functional),
            ("nn", nn),
            ("optim", optim),
            ("data", data),
            ("draw", draw),
        ),
        *(("interop", interop), ("checkpoint", checkpoint), ("initialisers", initialisers)),
    ]
    for room, module in rooms:
        own = [
            n
            for n, v in vars(module).items()
            if n[0] != "_" and getattr(v, "__module__", "") == module.__name__
        ]
        for name in getattr(module, "__all__", own):
            thing = getattr(module, name)
            if callable(thing) and not isinstance(thing, ModuleType):
                yield f"{room}.{name}", thing
    yield from members("x", leaf())
    yield "scalar.backward", np.sum(leaf()).backward
    run = a_run()
    yield from members("flow", tg.gradient_flow(run.losses, run.states))
    yield from members("run", run)
    yield from members("scan", tg.scan)
    yield from members("figure", draw.paths(run))
    yield from members("page", draw.page(run))
    modules: list[nn.Module] = [
        *(
            nn.RNNCell(INPUTS, H, rng=0),
            nn.LSTMCell(INPUTS, H, rng=0),
            nn.GRUCell(INPUTS, H, rng=0),
        ),
        *(
            nn.RNN(INPUTS, H, rng=0),
            nn.LSTM(INPUTS, H, rng=0),
            nn.GRU(INPUTS, H, rng=0),
            nn.LayerNorm(H),
        ),
        *(
            nn.Linear(INPUTS, H, rng=0),
            nn.Embedding(4, H, rng=0),
            nn.Dropout(0.5, rng=0),
            nn.Readout(H, 1, rng=0),
        ),
        nn.Sequential(nn.Linear(INPUTS, H, rng=0), np.tanh),
    ]
    for module_ in modules:
        yield from members(type(module_).__name__, module_, "__call__")
    p = [leaf()]
    for optimizer in (
        optim.SGD(p, lr=0.1),
        optim.Adam(p, lr=0.1),
        optim.RMSprop(p, lr=0.1),
        optim.Adagrad(p, lr=0.1),
    ):
        yield from members(type(optimizer).__name__, optimizer)
        yield from members("StepLR", optim.StepLR(optimizer, 2))
    yield from members("Vocabulary", data.Vocabulary("abc"))
    yield from members("NGram", data.NGram(np.array([0, 1, 2, 0]), 2, 3))


SURFACE = {name: f for name, f in surface() if name not in OTHERS}


def calls(name: str, f: Callable[..., Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Every odd value alone, several at random, in every keyword; too many of them, and a name that
    is not known.
    """
    rng = np.random.default_rng(crc32(name.encode()))
    kinds = inspect.Parameter
    parameters = list(inspect.signature(f).parameters.values())
    places = sum(p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD) for p in parameters)
    keywords = [p for p in parameters if p.kind == kinds.KEYWORD_ONLY]
    needed = {p.name: NEEDED.get(p.name, 1) for p in keywords if p.default is p.empty}
    count = len(odd())

    def some(n: int) -> list[Any]:
        values = [odd() for _ in range(n)]  # no value is there twice, for it may be used up
        return [v[i] for v, i in zip(values, rng.integers(count, size=n), strict=True)]

    yield [], needed
    yield some(9), needed
    yield [], {**needed, "frobnicate": 1}
    for i in range(count):
        yield [odd()[i]], needed
        for keyword in keywords[i % 3 :: 3]:
            yield some(min(places, 2)), {**needed, keyword.name: odd()[i]}
    for n in range(2, min(places, 3) + 1):
        for _ in range(10):
            yield some(n), needed


def apply(f: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> None:
    y = f(*args, **kwargs)
    if inspect.isgenerator(y):
        for _, _ in zip(range(3), y, strict=False):
            pass


def refused(f: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether the package refused it; other errors are raised on."""
    try:
        apply(f, args, kwargs)
    except Exception as error:  # NumPy may put one of its own before it
        ours = error if isinstance(error, TinygradError) else error.__cause__
        if not isinstance(ours, TinygradError):
            raise
        assert str(ours)
        assert "DuckArray" not in str(ours)
        return True
    return False


BINARY: list[Callable[[Any, Any], Any]] = [
    *(
        operator.add,
        operator.mul,
        operator.matmul,
        operator.pow,
        operator.mod,
        operator.floordiv,
        divmod,
    ),
    *(
        operator.eq,
        operator.ne,
        operator.lt,
        operator.ge,
        operator.getitem,
        operator.contains,
        round,
    ),
]
OPERATORS: dict[str, Callable[[Any], Any]] = {
    **{op.__name__: lambda v, op=op: op(leaf(), v) for op in BINARY},  # type: ignore[misc]
    "format": lambda v: format(leaf(), str(v)),
    "added to": lambda v: v + leaf(),
    "multiplied by": lambda v: v @ leaf(),
    "raised to": lambda v: v ** leaf(),
    "x[...] =": lambda v: leaf().__setitem__(v, v),
    "x.data =": lambda v: setattr(leaf(), "data", v),
    "x.grad =": lambda v: setattr(leaf(), "grad", v),
    "x.requires_grad =": lambda v: setattr(leaf(), "requires_grad", v),
    "p of a Module": lambda v: setattr(nn.Linear(INPUTS, H, rng=0), "W", v),
}


@pytest.mark.parametrize("name", SURFACE)
def test_wrong_arguments_are_refused_by_the_package(
    name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, quiet: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = [
            refused(SURFACE[name], args, kwargs) for args, kwargs in calls(name, SURFACE[name])
        ]
    assert any(outcomes)  # too many arguments, if nothing else


@pytest.mark.parametrize("name", OPERATORS)
def test_operands_that_do_not_fit(name: str, quiet: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = [refused(OPERATORS[name], [v], {}) for v in odd()]
    assert any(outcomes) or name in ("eq", "ne")


def test_an_error_of_the_users_own_is_no_error_of_the_package() -> None:
    class Own(ValueError):
        pass

    def cell(x: Any, h: Any) -> Any:
        raise Own("mine")

    @tg.primitive
    def double(x: Any) -> Any:
        raise Own("mine")

    tg.defvjp(double, lambda g, y, x: 2 * g)
    for call in (
        lambda: tg.unroll(cell, XS, np.zeros(H)),
        lambda: tg.grad(lambda x: cell(x, x))(1.0),
        lambda: nn.Sequential(lambda x: cell(x, x))(XS),
        lambda: double(leaf()),
    ):
        with pytest.raises(Own, match=r"^mine$"):
            call()
    with pytest.raises(KeyError):
        tg.grad(lambda x: {}["missing"])(1.0)  # type: ignore[index]


def test_counts_of_arguments_are_told_by_their_names() -> None:
    with pytest.raises(
        TypeError, match=r"Tensor\.sum takes axis, dtype, out, keepdims, initial, where: too many"
    ):
        leaf().sum(*range(9))
    with pytest.raises(
        TypeError, match=r"Linear takes inputs, outputs, bias, rng, dtype: missing .*'outputs'"
    ):
        nn.Linear(2)  # type: ignore[call-arg]
    with pytest.raises(
        TypeError,
        match=r"grad takes f, argnum, has_aux: .*unexpected keyword argument 'frobnicate'",
    ):
        tg.grad(np.tanh, frobnicate=1)  # type: ignore[call-arg]
