"""One table of cases for every function with a derivative: `case(of, *args)` stands for `of(*args)`.

Floats and float64 arrays are differentiated, all else (keys, axes, conditions, integers) is passed on.  `via` says how
`of` is called where its arguments are not all positional arrays, as in `np.stack([a, b])`.

The points lie away from kinks and ties: what happens there is a convention, tested by closed formulas in test_rules.py.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinygrad_rnn  # noqa: F401 (fills the tables)
from tinygrad_rnn.primitive import COMPOSITE, VJP, name_of
from tinygrad_rnn.rules.indexing import getitem, scatter
from tinygrad_rnn.rules.nonlinear import log_softmax, logsumexp, relu, sigmoid, softmax, softplus
from tinygrad_rnn.rules.shape import astype, concatenate, stack

rng = np.random.default_rng(20240611)


PRIMITIVES = tuple(VJP)  # those of the package: tests define more
COMPOSITES = tuple(COMPOSITE)


class Case(NamedTuple):
    """`fun(*args)`, in which `of` is applied; `expected(*args)` is the same in bare NumPy."""

    of: Callable[..., Any]
    fun: Callable[..., Any]
    expected: Callable[..., Any]
    args: tuple[Any, ...]
    id: str

    @property
    def variables(self) -> list[int]:
        """The numbers of the arguments that are differentiated."""
        return [i for i, a in enumerate(self.args) if isinstance(a, float) or getattr(a, "dtype", None) == np.float64]


CASES: list[Case] = []


def case(of: Callable[..., Any], *args: Any, via: Callable[..., Any] | None = None, **kwargs: Any) -> None:
    def fun(*arrays: Any) -> Any:
        return of(*arrays, **kwargs)

    def expected(*arrays: Any) -> Any:
        return MEANING.get(of, of)(*arrays, **kwargs)

    label = f"{name_of(of)}-{sum(c.of is of for c in CASES)}"
    CASES.append(Case(of, via or fun, via or expected, args, label))


# -- what a function of this package means in bare NumPy ----------------------------------------------


def _scatter(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """The sum over all entries of g of its value at the place that the key gives it."""
    places = np.arange(int(np.prod(shape))).reshape(shape)[key]
    return np.bincount(np.ravel(places), np.ravel(g), int(np.prod(shape))).reshape(shape).astype(g.dtype)


MEANING: dict[Callable[..., Any], Callable[..., Any]] = {
    sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    relu: lambda x: x * (x > 0),
    softplus: lambda x: np.log(1 + np.exp(x)),
    logsumexp: lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    softmax: lambda x, axis=-1: np.exp(x) / np.sum(np.exp(x), axis, keepdims=True),
    log_softmax: lambda x, axis=-1: np.log(np.exp(x) / np.sum(np.exp(x), axis, keepdims=True)),
    getitem: lambda x, key: x[key],
    scatter: _scatter,
    astype: lambda x, dtype: x.astype(dtype),
    concatenate: lambda *arrays, axis=0: np.concatenate(arrays, axis),
    stack: lambda *arrays, axis=0: np.stack(arrays, axis),
}


# -- arguments ----------------------------------------------------------------------------------------


def normal(*shape: int) -> Any:
    return rng.standard_normal(shape)


def positive(*shape: int) -> Any:
    return rng.uniform(0.5, 2.0, shape)


def away(*shape: int) -> Any:
    """Of both signs, and at least 0.3 away from 0."""
    return rng.uniform(0.3, 2.0, shape) * rng.choice([-1.0, 1.0], shape)


def distinct(*shape: int) -> Any:
    """..., -0.5, -0.2, 0.1, 0.4, ... in any order."""
    n = int(np.prod(shape))
    return (0.3 * (rng.permutation(n) - n // 2) + 0.1).reshape(shape)


def distinct_pair(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Any, Any]:
    """Two arrays of these shapes without a common value, neither smaller throughout."""
    n = int(np.prod(a))
    both = distinct(n + int(np.prod(b)))
    return both[:n].reshape(a), both[n:].reshape(b)


# -- elementwise --------------------------------------------------------------------------------------

for of, draw in {
    np.negative: normal,
    np.positive: normal,
    np.reciprocal: away,
    np.square: normal,
    np.sqrt: positive,
    np.exp: normal,
    np.expm1: normal,
    np.log: positive,
    np.log1p: positive,
    np.sin: normal,
    np.cos: normal,
    np.tanh: normal,
    np.absolute: away,
    sigmoid: normal,
    relu: away,
    softplus: normal,
}.items():
    for shape in [(), (3,), (2, 3), (2, 1, 2), (0,)]:
        case(of, draw(*shape))

BROADCASTS = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((3, 1), (4,)),
    ((4,), (3, 1)),
    ((2, 3), (3,)),
    ((1, 3), (2, 1)),
    ((2, 1, 3), (4, 1)),
    ((1,), (0,)),
    ((0, 3), (3,)),
    ((1,), ()),
]
for a, b in BROADCASTS:
    case(np.add, normal(*a), normal(*b))
    case(np.subtract, normal(*a), normal(*b))
    case(np.multiply, normal(*a), normal(*b))
    case(np.divide, normal(*a), away(*b))
    case(np.logaddexp, normal(*a), normal(*b))
    case(np.power, positive(*a), normal(*b))
    case(np.maximum, *distinct_pair(a, b))
    case(np.minimum, *distinct_pair(a, b))
    case(np.where, rng.random(np.broadcast_shapes(a, b)) < 0.5, normal(*a), normal(*b))
for of in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.logaddexp):
    case(of, away(2, 3), via=lambda x, of=of: of(x, 0.25))
    case(of, away(2, 3), via=lambda x, of=of: of(0.25, x))
    case(of, away(3), via=lambda x, of=of: of(x, [0.25, -2.5, 3]))
    case(of, away(3), via=lambda x, of=of: of([0.25, -2.5, 3], x))
for of in (np.add, np.subtract, np.multiply, np.logaddexp):  # one Tensor in both places
    case(of, away(3), via=lambda x, of=of: of(x, x))

case(np.where, np.array([True, False, True]), normal(2, 1), normal())
case(np.where, np.array([[True], [False]]), normal(3), normal(2, 3))
case(np.where, True, normal(3), normal())
case(np.where, normal(2, 3), via=lambda x: np.where(x > 0, x, 0.0))
case(np.where, normal(3), via=lambda x: np.where([True, False, True], [1, 2, 3], x))

for exponent in (3, 2, 1, 0, -1, -2, 3.0, 2.0, 0.0, -1.0, np.int64(2), np.array([2, 0, -1], dtype=np.int16)):
    case(np.power, away(2, 3), via=lambda x, b=exponent: x**b)  # a negative base
for exponent in (3, 2, 1, 0, 3.0, 2.0, 0.0, [3, 2, 0], np.array([0, 1, 2], dtype=np.int16)):
    case(np.power, np.array([0.0, -1.5, 2.0]), via=lambda x, b=exponent: np.power(x, b))  # a base of 0
for exponent in (0.5, -1.5, [0.5, 2, -1.5]):
    case(np.power, positive(3), via=lambda x, b=exponent: np.power(x, b))
case(np.power, normal(3), via=lambda x: 2.5**x)
case(np.power, normal(2, 3), via=lambda x: 2**x)
case(np.power, positive(3), via=lambda x: np.power([0.0, 2.0, 3], x))  # 0 ** x is flat for x > 0
case(np.power, positive(3), via=lambda x: x**x)

case(np.clip, distinct(2, 3), -0.35, 0.25)
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, -0.35, 0.25))
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, None, 0.25))
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, -0.35, None))
case(np.clip, distinct(3), via=lambda x: np.clip(x, [-0.35, 0.25, -5], 0.55))
case(np.clip, distinct(2, 3), np.array([-0.35, 0.25, -5.0]), np.array([[0.55], [0.85]]))
case(np.clip, distinct(3), via=lambda x: np.clip(a=x, a_min=-0.05, a_max=0.25))
case(np.clip, positive(3), via=lambda low: np.clip(np.array([0.4, 1, 3], dtype=np.float16), low, 2.5))
case(np.clip, np.array(2.0), -1.0, 1.0)


# -- reductions ---------------------------------------------------------------------------------------

REDUCTIONS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((), {}),
    ((3,), {}),
    ((1,), {"axis": 0}),
    ((2, 3, 2), {}),
    ((2, 3, 2), {"keepdims": True}),
    ((2, 3, 2), {"axis": 1}),
    ((2, 3), {"axis": 0, "keepdims": True}),
    ((2, 3), {"axis": -1}),
    ((2, 3), {"axis": -1, "keepdims": True}),
    ((2, 3, 2), {"axis": (0, 2)}),
    ((2, 3, 2), {"axis": (-1, 0)}),
    ((2, 3, 2), {"axis": (0, -2), "keepdims": True}),
    ((2, 3), {"axis": (0, 1)}),
    ((0, 3), {"axis": 1}),
    ((1, 3, 1), {"axis": None, "keepdims": True}),
]
for shape, options in REDUCTIONS:
    case(np.sum, normal(*shape), **options)
    case(np.mean, normal(*shape), **options)
    case(np.max, distinct(*shape), **options)
    case(np.min, distinct(*shape), **options)
    case(logsumexp, normal(*shape), **options)
for of in (np.sum, np.mean, np.max, np.min):
    case(of, distinct(2, 3), 0)  # the axis by position
    case(of, distinct(2, 3), (0, -1))
    case(of, distinct(2, 3), axis=())
    case(of, distinct(2, 3), via=lambda x, of=of: of(axis=1, a=x))
case(logsumexp, normal(2, 3), -1, True)
case(np.sum, np.zeros((0, 3)), axis=0)

for of in (softmax, log_softmax):
    case(of, normal(3))
    case(of, normal(2, 3))
    case(of, normal(2, 3), axis=0)
    case(of, normal(2, 3, 2), 1)
    case(of, normal(2, 3, 2), axis=-2)
    case(of, normal(2, 1))
    case(of, normal(0, 3))


# -- the matrix product -------------------------------------------------------------------------------

for a, b in [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)),
    ((2, 2, 3), (3, 2)),
    ((2, 2, 3), (2, 3, 2)),
    ((1, 2, 3), (2, 3, 1)),
    ((2, 1, 1, 3), (2, 3, 2)),
    ((2, 2, 1, 3), (3, 2)),
    ((3,), (2, 3, 2)),
    ((2, 2, 3), (3,)),
    ((2, 1, 2, 3), (3,)),
    ((3,), (2, 1, 3, 2)),
    ((1, 1), (1, 1)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 2, 0), (0, 3)),
    ((2, 2, 3), (3, 0)),
    ((2, 0, 3), (3, 2)),
    ((0,), (0,)),
]:
    case(np.matmul, normal(*a), normal(*b))
case(np.matmul, normal(3, 3), via=lambda x: x @ x)
case(np.matmul, normal(2, 3), via=lambda x: x @ x.T)
case(np.matmul, normal(2, 3), via=lambda x: x @ [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
case(np.matmul, normal(2, 3), via=lambda x: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]] @ x)
case(np.matmul, normal(2, 2, 3), via=lambda x: np.matmul(x, [1, 2, 3]))
case(np.matmul, normal(2, 3, 2), via=lambda x: np.matmul([1, 2, 3], x))


# -- shape --------------------------------------------------------------------------------------------

case(np.reshape, normal(2, 3), (3, 2))
case(np.reshape, normal(2, 3), -1)
case(np.reshape, normal(2, 3), (1, -1, 2))
case(np.reshape, normal(1, 1), ())
case(np.reshape, normal(), (1, 1))
case(np.reshape, normal(0, 3), (3, 0))
case(np.transpose, normal(2, 3))
case(np.transpose, normal(2, 3, 1, 2))
case(np.transpose, normal(2, 3, 1, 2), (3, 1, 0, 2))
case(np.transpose, normal(2, 3, 2), (-1, 0, -2))
case(np.transpose, normal(2, 3, 2), axes=(1, 2, 0))
case(np.transpose, normal(3))
case(np.transpose, normal(), ())
case(np.swapaxes, normal(2, 3, 2), 0, 1)
case(np.swapaxes, normal(2, 3, 2), -1, 0)
case(np.swapaxes, normal(2, 3, 2), axis1=-2, axis2=-1)
case(np.expand_dims, normal(2, 3), 1)
case(np.expand_dims, normal(2, 3), -1)
case(np.expand_dims, normal(2, 3), axis=(0, -1))
case(np.expand_dims, normal(), 0)
case(np.squeeze, normal(2, 1, 3, 1))
case(np.squeeze, normal(2, 1, 3, 1), 1)
case(np.squeeze, normal(2, 1, 3, 1), axis=-1)
case(np.squeeze, normal(1, 2, 1), axis=(0, -1))
case(np.squeeze, normal(1, 1))
case(np.squeeze, normal(2, 3))
case(np.broadcast_to, normal(), (2, 3))
case(np.broadcast_to, normal(3), (2, 3))
case(np.broadcast_to, normal(3, 1), (2, 3, 2))
case(np.broadcast_to, normal(2, 3), (2, 3))
case(np.broadcast_to, normal(1), shape=(0,))
case(np.ravel, normal(2, 3))
case(np.ravel, normal())
case(astype, normal(2, 3), np.dtype(np.float64))
case(astype, normal(), np.dtype(np.float64))

PIECES = [
    ([(3,), (2,)], 0),
    ([(2, 3), (1, 3)], 0),
    ([(2, 1), (2, 2), (2, 1)], 1),
    ([(2, 1), (2, 2)], -1),
    ([(1, 3, 2), (2, 3, 2)], -3),
    ([(2, 3)], 0),
    ([(2,), (0,), (1,)], 0),
]
for shapes, axis in PIECES:
    case(concatenate, *(normal(*s) for s in shapes), axis=axis)
    case(np.concatenate, *(normal(*s) for s in shapes), via=lambda *xs, axis=axis: np.concatenate(xs, axis=axis))
case(np.concatenate, normal(2, 3), normal(2), normal(), via=lambda *xs: np.concatenate(xs, axis=None))
case(np.concatenate, normal(2, 3), via=lambda x: np.concatenate([x, x], 1))
case(np.concatenate, normal(2), via=lambda x: np.concatenate([[1.0, 2.0], x, np.array([3], dtype=np.int16)]))
for shape, axis in [((3,), 0), ((3,), 1), ((2, 3), 1), ((2, 3), -1), ((2, 3), -3), ((), 0), ((0, 2), 0)]:
    case(stack, normal(*shape), normal(*shape), normal(*shape), axis=axis)
    case(np.stack, normal(*shape), normal(*shape), via=lambda *xs, axis=axis: np.stack(xs, axis=axis))
case(np.stack, normal(2), via=lambda x: np.stack([x, np.array([1, 2], dtype=np.int16), x], -1))
for shape, parts, axis in [
    ((4,), 2, 0),
    ((2, 6), 3, -1),
    ((3, 2), 3, 0),
    ((5, 2), [1, 3], 0),
    ((2, 5), np.array([2]), 1),
    ((2, 5), (1, 1, 4), -1),  # the second part is empty
    ((4,), [3, -2], 0),
    ((4,), [2, 9], 0),  # past the end
]:

    def weigh(x: Any, parts: Any = parts, axis: int = axis) -> Any:
        return np.concatenate([(i + 1) * part for i, part in enumerate(np.split(x, parts, axis))], axis)

    case(np.split, normal(*shape), via=weigh)
case(np.split, normal(4, 2), via=lambda x: np.split(x, 2)[1])


# -- indexing -----------------------------------------------------------------------------------------

KEYS: list[tuple[tuple[int, ...], Any]] = [
    ((4, 3), slice(1, 3)),
    ((4,), slice(None, None, -1)),
    ((4, 3), slice(3, None, -2)),
    ((4, 3), (slice(None), slice(None, None, -1))),
    ((4, 3), (slice(0, 4, 2), slice(1, None))),
    ((4, 3), slice(2, 2)),
    ((4, 3), 1),
    ((4, 3), -1),
    ((4,), np.int64(2)),
    ((4, 3), (1, 2)),
    ((4, 3), (slice(None), 0)),
    ((2, 3, 2), ...),
    ((2, 3, 2), (..., 0)),
    ((2, 3, 2), (1, ..., slice(None, None, -1))),
    ((4,), None),
    ((4, 3), (None, 1)),
    ((4, 3), (slice(None), None, -1)),
    ((), ()),
    ((), None),
    ((), ...),
    ((3,), True),
    ((4, 3), np.array([0, 2, 0])),
    ((4, 3), np.array([-1, 3, 0, -4])),
    ((4,), np.array([[0, 1], [1, 1]])),
    ((4, 3), [0, 0, 2]),
    ((4,), [True, False, True, True]),
    ((4, 3), (np.array([0, 1, 0]), np.array([2, 1, 2]))),
    ((4, 3), (np.array([[0], [1]]), np.array([2, 2]))),
    ((4, 3), (slice(None), np.array([1, 1]))),
    ((4, 3), (slice(1, 3), [0, 0])),
    ((4, 3), (np.array([1, 1]), slice(None, None, -2))),
    ((4, 3), (np.array([1, 1]), None, 2)),
    ((2, 3, 2), (np.array([0, 0]), slice(None), np.array([1, 1]))),
    ((2, 3, 2), (..., np.array([1, 1]), 0)),
    ((4, 3), ((0, 0, 1), slice(None))),  # a tuple within a tuple is an integer array
    ((4,), ((2, 2, 2),)),
    ((4,), range(3)),
    ((4,), np.array(2)),
    ((4,), np.array([], dtype=int)),
    ((4,), []),
    ((4,), np.array([True, False, True, True])),
    ((2, 3), np.array([[True, False, True], [False, False, True]])),
    ((2, 3), np.zeros((2, 3), dtype=bool)),
    ((2, 3, 2), (np.array([False, True]), slice(0, 2))),
    ((2, 3), (np.array([True, True]), 1)),
    ((2, 3), (np.array([True, True]), np.array([2, 2]))),
    ((3, 2, 2), (0, np.array([[True, False], [True, True]]))),
    ((0, 3), slice(None)),
]
for shape, key in KEYS:
    case(getitem, normal(*shape), key)
    case(scatter, normal(*np.zeros(shape)[key].shape), key, shape)
