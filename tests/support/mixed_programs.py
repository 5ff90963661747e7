"""Random programs of NumPy calls over what people mix: dtypes, views, arrays without axes or
entries, lists, numbers.

`Program(seed)` is a program of 1 to 12 calls.  A call stands in it where bare NumPy can take it;
what it gives may be of any dtype and shape, complex and object included.  `compared(program)` runs
it on Tensors: the values must be NumPy's, the gradient that of central differences, or one of the
package's errors refuses it at a call.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinygrad_rnn as tg
from tinygrad_rnn.errors import TinygradError
from tinygrad_rnn.guards.operands import REAL


class UndefinedError(Exception):
    """What NumPy itself gives depends on how it came there, so a program leaves it out."""


def _defined(condition: Any) -> None:
    if not np.all(condition):
        raise UndefinedError


def _dot(a: Any, b: Any, of: Any = np.dot) -> Any:
    _defined(np.ndim(a) and np.ndim(b))  # of a number BLAS leaves out NaN and the sign of zeros
    return of(a, b)


def _inner(a: Any, b: Any) -> Any:
    return _dot(a, b, np.inner)


def _median(x: Any) -> Any:
    _defined(
        np.unique(x).size == np.size(x)
    )  # of products of ties a slope may exist that no rule for ties can know
    return np.median(x)


def _copysign(a: Any, b: Any) -> Any:
    _defined(~np.isnan(b))  # whose sign says nothing
    return np.copysign(a, b)


def _rows(a: Any, b: Any) -> Any:
    _defined(
        np.size(a) and np.size(b)
    )  # of nothing NumPy gives what the memory holds, in longdouble
    return np.einsum("...i,...i->...", a, b)


def _times_a_list(a: Any, b: Any) -> Any:
    _defined(np.ndim(a))  # an integer of NumPy repeats a list
    return a * [[1], [2.5]] - b


SHAPES = [(), (1,), (3,), (2, 3), (3, 2), (1, 3), (2, 1, 3), (0,), (2, 0)]
DTYPES = ["f8", "f8", "f8", "f4", "f2", "i8", "i4", "i1", "u1", "u8", "?", ">f8", "g"]
STRANGE = ["c16", "O", "U1", "m8[s]"]

UNARY: list[Callable[[Any], Any]] = [
    *(np.exp, np.tanh, np.sin, np.cos, np.arctan, np.square, np.negative, np.positive, np.abs,
      np.sqrt, np.log),
    *(np.log1p, np.expm1, np.cbrt, np.sign, np.floor, np.rint, np.reciprocal, np.isfinite,
      np.logical_not, np.conj),
    *(np.sum, np.mean, np.max, np.min, np.prod, np.var, np.std, np.any, np.argmax,
      np.count_nonzero, np.ptp),
    *(_median, np.real),
    *(np.ravel, np.transpose, np.copy, np.flip, np.sort, np.argsort, np.cumsum, np.cumprod,
      np.diff, np.atleast_2d),
    *(np.squeeze, np.nan_to_num, np.zeros_like, np.ones_like, np.linalg.norm, np.shape, np.size,
      np.round, np.diag),
    lambda x: x[..., None],
    lambda x: x[::-1],
    lambda x: x[..., ::2],
    lambda x: x[-1],
    lambda x: x[[0, -1, 0]],
    lambda x: x[x > 0],
    lambda x: x.T,
    lambda x: x.reshape(-1),
    lambda x: x.sum(axis=-1, keepdims=True),
    lambda x: x.mean(axis=0),
    lambda x: x.astype(np.float32),
    lambda x: x.astype(float),
    lambda x: x.astype(int),
    lambda x: x > 0.3,
    lambda x: -x,
    lambda x: x**2,
    lambda x: 0.5 * x,
    lambda x: x + 1,
    lambda x: 2 - x,
    lambda x: x * np.float64(1.5),
    lambda x: x * True,
    lambda x: x / np.int8(3),
    lambda x: x * 1j,
    lambda x: np.sum(x, axis=0, keepdims=True),
    lambda x: np.where(x > 0, x, 0),
    lambda x: np.clip(x, -0.5, 0.5),
    lambda x: np.stack([x, 2 * x]),
    lambda x: np.concatenate([np.atleast_1d(x), np.atleast_1d(x)], axis=-1),
    lambda x: np.broadcast_to(x, (2, *x.shape)),
    lambda x: np.swapaxes(x, 0, -1),
    lambda x: np.expand_dims(x, 0),
    lambda x: np.repeat(x, 2, axis=0),
    lambda x: np.tile(x, 2),
    lambda x: np.pad(x, 1),
    lambda x: np.split(x, 1)[0],
    lambda x: np.take(x, [0, -1], axis=-1),
    lambda x: np.tril(x),
    lambda x: np.logaddexp(x, 0),
    lambda x: np.maximum(x, 0),
    lambda x: np.linalg.det(x @ x.T + np.eye(x.shape[0])),
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    *(np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.fmax, np.power,
      np.arctan2, np.hypot),
    *(np.matmul, _dot, np.outer, _inner, np.greater, np.equal, np.logaddexp, _copysign,
      np.remainder),
    *(np.floor_divide, np.kron, np.tensordot, _rows, _times_a_list),
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: a @ b,
    lambda a, b: np.where(a > b, a, b),
    lambda a, b: np.where(b, a, 0.0),
    lambda a, b: np.concatenate([a, b]),
    lambda a, b: np.stack([a, b]),
    lambda a, b: a[b],
    lambda a, b: np.select([a > 0, b > 0], [a, b]),
    lambda a, b: np.append(a, b),
]  # fmt: skip


class Program:
    """Arguments, of which the floating ones may be differentiated, and calls on what there is so
    far.
    """

    def __init__(self, seed: int):
        rng = np.random.default_rng(seed)
        self.seed = seed
        self.arguments = [self._argument(rng, i) for i in range(rng.integers(1, 4))]
        self.calls: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        values: list[Any] = list(self.arguments)
        wanted = int(rng.integers(1, 13))
        for _ in range(4 * wanted):
            if len(self.calls) == wanted:
                break
            table: Any = UNARY if rng.random() < 0.6 else BINARY
            fun = table[rng.integers(len(table))]
            operands = tuple(
                int(len(values) - 1 - rng.integers(min(4, len(values))))
                for _ in range(1 + (table is BINARY))
            )
            try:
                with np.errstate(all="ignore"):
                    y = fun(*(values[i] for i in operands))
            except Exception:
                continue
            if isinstance(y, (np.ndarray, np.generic)) and np.size(y) <= 200:
                values.append(y)
                self.calls.append((fun, operands))
        self.values = values

    def _argument(self, rng: np.random.Generator, i: int) -> Any:
        shape = SHAPES[rng.integers(len(SHAPES))]
        dtype = (
            "f8"
            if i == 0
            else STRANGE[rng.integers(4)]
            if rng.random() < 0.04
            else DTYPES[rng.integers(len(DTYPES))]
        )
        x = rng.uniform(-2.0, 2.0, shape)
        if dtype in ("O", "U1", "m8[s]"):
            return np.array(np.abs(x).astype("i8").astype(dtype), dtype)
        x = np.asarray(
            (np.abs(x) if dtype.startswith("u") else x) * (3 if dtype[0] in "iu" else 1)
        ).astype(dtype)
        how = rng.integers(5)  # a view of some kind, or not
        if how == 1 and x.ndim:
            return np.repeat(x, 2, axis=0)[::2]
        if how == 2 and x.ndim:
            return np.flip(x)
        return (
            x.copy(order="F")
            if how == 3
            else np.broadcast_to(x, (2, *x.shape))
            if how == 4 and x.ndim < 2
            else x
        )

    @property
    def variables(self) -> list[int]:
        """The arguments that are differentiated: those of float64."""
        return [
            i for i, a in enumerate(self.arguments) if a.dtype == np.float64 and a.dtype.isnative
        ]

    def run(self, *variables: Any) -> list[Any]:
        """The results of all calls, with these in the places of the variables."""
        values = list(self.arguments)
        for i, x in zip(self.variables, variables, strict=True):
            values[i] = x
        for fun, operands in self.calls:
            values.append(fun(*(values[i] for i in operands)))
        return values[len(self.arguments) :]

    def __repr__(self) -> str:
        lines = [f"v{i} = {a!r}" for i, a in enumerate(self.arguments)]
        for i, (fun, operands) in enumerate(self.calls, len(self.arguments)):
            name = getattr(fun, "__name__", repr(fun))
            where = f" of line {fun.__code__.co_firstlineno}" if name == "<lambda>" else ""
            lines.append(
                f"v{i} = {name}{where}({', '.join(f'v{j}' for j in operands)}) = {self.values[i]!r}"
            )
        return "\n".join([f"Program({self.seed})", *lines])


def sums(results: list[Any], like: list[Any]) -> list[Any]:
    """A number of each floating result, which together make the loss."""
    return [
        np.sum(y) * (0.3 + 0.1 * i)
        for i, (y, of) in enumerate(zip(results, like, strict=True))
        if (of.dtype.kind == "f" and not isinstance(y, tg.Tensor))
        or (isinstance(y, tg.Tensor) and y.requires_grad)
    ]


def compared(program: Program) -> str:
    """ "right", "refused", "singular" where a slope is infinite, "unknown" where differences do not
    tell.

    Raises AssertionError if the program is wrong.
    """
    variables = [program.arguments[i] for i in program.variables]
    tensors = [tg.Tensor(x, requires_grad=True) for x in variables]
    expected = program.values[len(program.arguments) :]
    with np.errstate(all="ignore"):
        try:
            results = program.run(*tensors)
            loss = sum((s for s in sums(results, expected) if isinstance(s, tg.Tensor)), 0.0)
        except TinygradError:
            return "refused"
        eps, largest = precision(program.values)
        for ours, theirs in zip(results, expected, strict=True):
            same_value(ours, theirs, largest)
        if not isinstance(loss, tg.Tensor) or not loss.requires_grad:
            loss = np.sum(0.0 * tensors[0])
        loss.backward()
        verdict = "unknown"
        for x, tensor in zip(variables, tensors, strict=True):
            found = np.zeros(x.shape) if tensor.grad is None else tensor.grad
            assert (found.shape, found.dtype) == (x.shape, x.dtype), (
                "a gradient has its variable's shape and dtype"
            )
            along = np.cos(np.arange(x.size)).reshape(x.shape)
            slopes = list(differences(program, variables, x, along, expected))
            if not steady(slopes) or largest > 1e9:  # beside which nothing small is seen
                continue
            rtol = 1e-4 if eps < 1e-12 else 2e-2
            if not np.all(np.isfinite(found)):
                return "singular"
            verdict = "right"
            atol = 0.1 * rtol * (1 + abs(slopes[-1]))
            if not np.isclose(np.sum(found * along), slopes[-1], rtol, atol):
                across = np.flip(along)
                others = [
                    list(differences(program, variables, x, d, expected))
                    for d in (across, along + across)
                ]
                steadily = all(map(steady, others))
                if not steadily or not np.isclose(
                    slopes[-1] + others[0][-1], others[1][-1], 1e-3, 1e-3
                ):
                    verdict = "unknown"  # a tie: a slope in each direction, but no gradient
                    continue
            np.testing.assert_allclose(np.sum(found * along), slopes[-1], rtol=rtol, atol=atol)
        return verdict


def precision(values: list[Any]) -> tuple[float, float]:
    """The coarsest eps among the floating values, at least that of float64, and the largest finite
    number.
    """
    floats = [np.asarray(y) for y in values if np.asarray(y).dtype.kind == "f"]
    numbers = [np.abs(np.asarray(y, float)) for y in values if np.asarray(y).dtype.kind in "biuf"]
    largest = [np.max(y, initial=0.0, where=np.isfinite(y)) for y in numbers]
    return max(float(np.finfo(y.dtype).eps) for y in [*floats, np.zeros(())]), float(
        max(largest, default=0.0)
    )


def same_value(ours: Any, theirs: Any, largest: float) -> None:
    if isinstance(ours, tg.Tensor):
        assert theirs.dtype in REAL or theirs.dtype.kind in "biuf", f"a Tensor of {theirs.dtype}"
        ours = ours.data
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), (
        f"{ours.shape} {ours.dtype}, {theirs.shape} {theirs.dtype}"
    )
    if theirs.dtype.kind == "f":  # a sum in another order
        eps = max(np.finfo(theirs.dtype).eps, np.finfo(float).eps)
        np.testing.assert_allclose(
            ours, theirs, rtol=min(1e3 * eps, 0.05), atol=10 * eps * min(largest, 1e6)
        )
    elif theirs.dtype.kind == "O":
        assert repr(ours) == repr(theirs)
    else:
        np.testing.assert_array_equal(ours, theirs)


def differences(
    program: Program, variables: list[Any], x: Any, along: Any, like: list[Any]
) -> Iterator[float]:
    """Slopes along a direction: to the right, to the left, and between; nothing where a result
    changes its shape.
    """
    here = np.array(sums(like, like), float)
    for h in (2e-5, 1e-5):
        ends = []
        for sign in (1.0, -1.0):
            moved = [v + sign * h * along if v is x else v for v in variables]
            try:
                results = program.run(*moved)
            except Exception:
                return
            if any(np.shape(y) != np.shape(z) for y, z in zip(results, like, strict=True)):
                return
            ends.append(np.array(sums(results, like), float))
        yield (
            float(np.sum(ends[0] - here)) / h
        )  # result by result: what is constant cancels exactly
        yield float(np.sum(here - ends[1])) / h
        yield float(np.sum(ends[0] - ends[1])) / (2 * h)


def steady(slopes: list[float]) -> bool:
    """Do they agree, so that no kink, no step and no tie lies in between?"""
    if len(slopes) != 6 or not np.all(np.isfinite(slopes)) or abs(slopes[-1]) > 1e6:
        return False
    scale = 1 + abs(slopes[-1])
    return abs(slopes[2] - slopes[5]) <= 1e-5 * scale and max(slopes) - min(slopes) <= 1e-2 * scale
