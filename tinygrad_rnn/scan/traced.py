"""A value that knows its shape and dtype but no numbers: what a cell is run on to see what it does.

Every operation on a Traced gives another that remembers the function and its operands.  Its `level` says what it
depends on: CONSTANT (parameters and closed-over arrays), TIMED (the inputs at time t), CARRIED (the state), or
SUMMED (a sum over time).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.core.methods import DuckArray, value
from tinygrad_rnn.core.structural import astype, getitem, scatter
from tinygrad_rnn.core.tables import COMPOSITE, VJP, Function, check_call
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import ShapeError, TraceError, UnsupportedError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.scan.forms import AS_GIVEN, VIEWS, detached, is_elementwise, pick

Array = Any
CONSTANT, TIMED, CARRIED, SUMMED = range(4)

_next_serial = count().__next__


class Slot(NamedTuple):
    """Where a leaf that changes with t comes from: input, state or cotangent `number`."""

    kind: str  # "x", "state"; in the backward pass "saved", "g_out", "g_state"
    number: int


class Traced(DuckArray):
    """One value of one time step: a leaf with a `source`, or `fun(*args, **kwargs)`."""

    fun: Any  # None for a leaf
    __slots__ = (
        "_dtype",
        "_shape",
        "args",
        "fun",
        "kwargs",
        "level",
        "name",
        "serial",
        "source",
        "wanted",
    )

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: Any,
        level: int,
        fun: Function | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        source: Any = None,
        name: str = "",
        wanted: bool = False,
    ):
        self._shape, self._dtype, self.level = shape, np.dtype(dtype), level
        self.fun, self.args, self.kwargs, self.source = fun, args, kwargs or {}, source
        self.name, self.wanted, self.serial = name, wanted, _next_serial()

    shape = property(lambda self: self._shape)
    dtype = property(lambda self: self._dtype)
    size = property(lambda self: int(np.prod(self._shape, dtype=int)))
    requires_grad = property(lambda self: self._dtype.kind == "f")

    @property
    def data(self) -> "Traced":
        """The value without its history: no gradient flows through `x.data`, here as on the tape."""
        return self.detach()

    _data = data

    def detach(self) -> "Traced":
        """The same value; no gradient flows through it."""
        return record(detached, (self,))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            what = f"np.{ufunc.__name__}" + (
                f".{method}" if method != "__call__" else f" with {', '.join(kwargs)}="
            )
            raise UnsupportedError(
                f"{what} cannot be traced. Write y = f(x), or use a function over an axis."
            )
        return apply(ufunc, inputs, {})

    def __array_function__(self, fun: Function, types: Any, args: Any, kwargs: Any) -> Any:
        return apply(fun, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TraceError(
            f"{self._what()} has no numbers while the cell is traced, so it cannot become a plain array, "
            "as the indices of np.take do: write a[i]."
        )

    def _number(self) -> Any:
        raise TraceError(
            f"{self._what()} has no numbers while the cell is traced, so Python cannot branch on it or read it. "
            "Choose between values with np.where(condition, a, b)."
        )

    __bool__ = __float__ = __int__ = __index__ = item = _number

    def _what(self) -> str:
        return f"{self.name or 'a value'} of shape {self._shape}"

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("a value without axes has no length")
        return self._shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """The value in another dtype."""
        return record(astype, (self, np.dtype(dtype)))

    def __eq__(self, other: Any) -> Any:
        return record(np.equal, (self, other))

    def __ne__(self, other: Any) -> Any:
        return record(np.not_equal, (self, other))

    def __lt__(self, other: Any) -> Any:
        return record(np.less, (self, other))

    def __le__(self, other: Any) -> Any:
        return record(np.less_equal, (self, other))

    def __gt__(self, other: Any) -> Any:
        return record(np.greater, (self, other))

    def __ge__(self, other: Any) -> Any:
        return record(np.greater_equal, (self, other))

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Any:
        return record(np.bitwise_and, (self, other))

    def __or__(self, other: Any) -> Any:
        return record(np.bitwise_or, (self, other))

    def __xor__(self, other: Any) -> Any:
        return record(np.bitwise_xor, (self, other))

    def __invert__(self) -> Any:
        return record(np.invert, (self,))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__


class Leaves:
    """The leaves that a trace has met: parameters and arrays of the cell's closure, each once.

    owners: Tensors known to be within the cell's reach, so that `W.data` is found to be W's, not a constant.
    """

    def __init__(self, owners: Iterable[Tensor] = ()):
        self.owners = {id(value(t)): t for t in owners}
        self.constants: dict[int, Traced] = {}
        self._since = Tensor(0.0).serial
        self._kept: list[Any] = []  # what ids are taken of must live as long

    def lift(self, a: Any) -> Any:
        """An operand as a Traced if it is an array; numbers, axes, shapes and keys as they are."""
        if isinstance(a, Traced):
            return a
        if isinstance(a, Tensor):
            if (
                a.fun is not None and a.serial > self._since
            ):  # computed from parameters inside the cell
                return self._once(a, lambda: record(a.fun, a.args, a.kwargs))
            if a.requires_grad or a.serial <= self._since:
                return self._once(
                    a,
                    lambda: Traced(
                        a.shape,
                        a.dtype,
                        CONSTANT,
                        source=a,
                        name=a.name or "",
                        wanted=a.requires_grad,
                    ),
                )
            a = value(a)
        if isinstance(a, (np.ndarray, np.generic)):
            array = np.asarray(a)
            source = self.owners.get(id(a), array)
            return self._once(a, lambda: Traced(array.shape, array.dtype, CONSTANT, source=source))
        return a

    def _once(self, a: Any, make: Any) -> Traced:
        if id(a) not in self.constants:
            self._kept.append(a)
            self.constants[id(a)] = make()
        return self.constants[id(a)]


_current: ContextVar[Leaves] = ContextVar("leaves")


@contextmanager
def tracing(leaves: Leaves) -> Iterator[None]:
    """Inside, operations on Traced values are recorded and arrays they meet become leaves."""
    token = _current.set(leaves)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _current.reset(token)


def apply(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `fun` means on Traced values: as on Tensors, but a function without a rule is recorded too."""
    if fun in _ABOUT_SHAPE:
        return _ABOUT_SHAPE[fun](*args, **kwargs)
    if fun in COMPOSITE:
        y = COMPOSITE[fun](*args, **kwargs)
        if y is not NotImplemented:
            return y
    if fun in VJP:
        check_call(fun, args, kwargs)
    return record(fun, args, kwargs)


def record(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Traced:
    """The Traced value of `fun(*args, **kwargs)`.  Raises ShapeError where the operands do not fit."""
    lift, kwargs = _current.get().lift, kwargs or {}
    if isinstance(fun, np.ufunc):
        args = tuple(np.asarray(a) if isinstance(a, (list, tuple)) else a for a in args)
    if fun is getitem and (key := _without_numbers(args[1])):
        fun, args = pick, (args[0], *key)
    if fun in (getitem, scatter):
        args = (lift(args[0]), *(a if isinstance(a, np.ndarray) else lift(a) for a in args[1:]))
    else:
        args = tuple(map(lift, args))
    if any(
        isinstance(v, Traced)
        for a in (*args, *kwargs.values())
        if isinstance(a, (list, tuple))
        for v in a
    ) or any(isinstance(v, (Traced, Tensor)) for v in kwargs.values()):
        raise UnsupportedError(
            f"{name_of(fun)} cannot be traced with arrays in a list, a key or by name. Pass arrays by position; "
            "use np.stack or np.concatenate for lists."
        )
    level = max((a.level for a in args if isinstance(a, Traced)), default=CONSTANT)
    try:
        shape, dtype = result_type(fun, args, kwargs)
    except ValueError as error:
        shapes = " and ".join(
            f"{a.name or 'an array'} {a.shape}" for a in args if isinstance(a, Traced)
        )
        raise ShapeError(f"{name_of(fun)} of {shapes}: {error}") from error
    return Traced(shape, dtype, level, fun, args, kwargs)


def _without_numbers(key: Any) -> tuple[Any, ...]:
    """The parts of a key with indices that are traced; empty if there are none."""
    parts = key if isinstance(key, tuple) else (key,)
    traced = [k for k in parts if isinstance(k, Traced)]
    if any(k.dtype.kind == "b" for k in traced):
        raise TraceError(
            "how many entries a mask chooses depends on its numbers, which are not there while the cell is traced. "
            "Keep all entries and choose values with np.where(mask, a, b)."
        )
    return parts if traced else ()


def result_type(
    fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype of a result, found without computing it where that is easy, else on stand-ins."""
    traced = [a for a in args if isinstance(a, Traced)]
    if fun is np.matmul and not kwargs:
        return _product_shape(*(a.shape for a in traced)), np.result_type(
            *(a.dtype for a in traced)
        )
    if fun in AS_GIVEN:
        return traced[0].shape, traced[0].dtype
    if is_elementwise(fun):
        one = fun(*(np.ones((), a.dtype) if isinstance(a, Traced) else a for a in args), **kwargs)
        return np.broadcast_shapes(*(a.shape for a in traced)), np.asarray(one).dtype
    stand_in = _of_any_numbers if fun in VIEWS else _stand_in
    y = fun(*(stand_in(a) if isinstance(a, Traced) else a for a in args), **kwargs)
    if not isinstance(y, (np.ndarray, np.generic)):
        raise UnsupportedError(
            f"{name_of(fun)} gives a {type(y).__name__}, not an array, and cannot be traced."
        )
    return np.shape(y), y.dtype


def _of_any_numbers(a: Traced) -> Array:
    return np.zeros(a.shape, a.dtype)


def _stand_in(a: Traced) -> Array:
    """An array of this shape that functions accept: the unit matrix, a column of ones."""
    if a.dtype.kind != "f":
        return np.zeros(a.shape, a.dtype)
    return np.broadcast_to(
        np.eye(*a.shape[-2:], dtype=a.dtype) if a.ndim > 1 else np.ones((), a.dtype), a.shape
    )


def _product_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ValueError(
            "the last axis of the first must be as long as the last but one of the second"
        )
    rows, columns = a[-2:-1], b[-1:] if len(b) > 1 else ()
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *rows, *columns)


def _filled(x: Any, number: Any, dtype: Any = None) -> Any:
    return _current.get().lift(np.broadcast_to(np.asarray(number, dtype or x.dtype), x.shape))


_ABOUT_SHAPE: dict[Function, Any] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.result_type: lambda *a: np.result_type(
        *(v.dtype if isinstance(v, DuckArray) else v for v in a)
    ),
    np.zeros_like: lambda a, dtype=None: _filled(a, 0, dtype),
    np.ones_like: lambda a, dtype=None: _filled(a, 1, dtype),
    np.full_like: lambda a, fill_value, dtype=None: _filled(a, fill_value, dtype),
}

Traced._apply = staticmethod(apply)
Traced._record = staticmethod(record)
Traced._unary = staticmethod(lambda fun, a: record(fun, (a,)))
Traced._binary = staticmethod(lambda fun, a, b: record(fun, (a, b)))
