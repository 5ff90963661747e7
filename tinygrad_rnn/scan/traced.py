"""A value that knows its shape and dtype but no numbers: a cell runs on these to show what it does.

Every operation on a Traced gives another, which remembers the function and its operands.  Its
`phase` is the earliest phase of the program in which its numbers can be known:

    ONCE    it depends on parameters and arrays that the cell reads
    BEFORE  on the inputs too, so it is known for all of time before the loop
    LOOP    on the state
    END     on a sum over time
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any, NamedTuple, NoReturn, TypeAlias, TypeGuard

import numpy as np

from tinygrad_rnn._typing import Args, Array, DTypeLike, Function, Kwargs, Shape
from tinygrad_rnn.core.calls import check_call
from tinygrad_rnn.core.operators import DuckArray, value
from tinygrad_rnn.core.structural import astype, getitem, scatter
from tinygrad_rnn.core.tables import COMPOSITE, VJP
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import ShapeError, TraceError, UnsupportedError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.scan.kinds import Kind, result_kind
from tinygrad_rnn.scan.operations import detached, pick

ONCE, BEFORE, LOOP, END = range(4)

Operand: TypeAlias = Any  # a Traced, or a number, axis, shape or key

_next_serial = count().__next__


class Slot(NamedTuple):
    """Where a leaf that changes with t comes from: input, state or cotangent `number`."""

    role: str  # "x", "state"; in the backward pass "saved", "g_out", "g_state"
    number: int


def _operator(fun: np.ufunc) -> Callable[["Traced", object], Any]:
    return lambda x, other: record(fun, (x, other))


class Traced(DuckArray):
    """One value of one time step: a leaf with an `origin`, or `fun(*args, **kwargs)`."""

    fun: Any  # None for a leaf
    __slots__ = (
        *("_dtype", "_shape", "args", "fun", "kwargs"),
        *("name", "origin", "phase", "serial", "wanted"),
    )

    def __init__(
        self,
        shape: Shape,
        dtype: DTypeLike,
        phase: int,
        fun: Function | None = None,
        args: Args = (),
        kwargs: Kwargs | None = None,
        origin: Any = None,
        name: str = "",
        wanted: bool = False,
    ):
        self._shape, self._dtype, self.phase = shape, np.dtype(dtype), phase
        self.fun, self.args, self.kwargs, self.origin = fun, args, kwargs or {}, origin
        self.name, self.wanted, self.serial = name, wanted, _next_serial()

    shape = property(lambda self: self._shape)
    dtype = property(lambda self: self._dtype)
    size = property(lambda self: int(np.prod(self._shape, dtype=int)))
    requires_grad = property(lambda self: self._dtype.kind == "f")

    @property
    def kind(self) -> Kind:
        """Shape and dtype."""
        return self._shape, self._dtype

    @property
    def operands(self) -> list["Traced"]:
        """The traced values among the arguments."""
        return [a for a in self.args if isinstance(a, Traced)]

    @property
    def data(self) -> "Traced":
        """The value without its history: no gradient flows through `x.data`, as on the tape."""
        return self.detach()

    _data = data

    def detach(self) -> "Traced":
        """The same value; no gradient flows through it."""
        return record(detached, (self,))

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: object
    ) -> Operand:
        if method != "__call__" or kwargs:
            call = f".{method}" if method != "__call__" else f" with {', '.join(kwargs)}="
            raise UnsupportedError(
                f"np.{ufunc.__name__}{call} cannot be traced. Write y = f(x), or use a function "
                "over an axis."
            )
        return apply(ufunc, inputs, {})

    def __array_function__(
        self, fun: Function, types: object, args: Args, kwargs: Kwargs
    ) -> Operand:
        return apply(fun, args, kwargs)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        raise TraceError(
            f"{self._what()} has no numbers while the cell is traced, so it cannot become a plain "
            "array, as the indices of np.take do: write a[i]."
        )

    def _number(self, *what: object) -> NoReturn:
        raise TraceError(
            f"{self._what()} has no numbers while the cell is traced, so Python cannot branch on "
            "it or read it. Choose between values with np.where(condition, a, b)."
        )

    __bool__ = __index__ = item = _number

    def _what(self) -> str:
        return f"{self.name or 'a value'} of shape {self._shape}"

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("a value without axes has no length")
        return self._shape[0]

    def __iter__(self) -> Iterator["Traced"]:
        return (self[i] for i in range(len(self)))

    def astype(self, dtype: DTypeLike, *args: object, **kwargs: object) -> "Traced":
        """The value in another dtype."""
        return record(astype, (self, np.dtype(dtype)))

    __eq__, __ne__ = _operator(np.equal), _operator(np.not_equal)
    __lt__, __le__ = _operator(np.less), _operator(np.less_equal)
    __gt__, __ge__ = _operator(np.greater), _operator(np.greater_equal)
    __and__ = __rand__ = _operator(np.bitwise_and)
    __or__ = __ror__ = _operator(np.bitwise_or)
    __xor__ = __rxor__ = _operator(np.bitwise_xor)
    __hash__ = object.__hash__

    def __invert__(self) -> "Traced":
        return record(np.invert, (self,))


def per_step(a: Operand) -> TypeGuard[Traced]:
    """Whether a differs from step to step."""
    return isinstance(a, Traced) and a.phase in (BEFORE, LOOP)


class Leaves:
    """The leaves that a trace has met: parameters and other arrays that the cell reads, each once.

    owners: Tensors in the cell's closure, so that `W.data` is known to be an array of W's.
    """

    def __init__(self, owners: Iterable[Tensor] = ()):
        self.owners = {id(value(t)): t for t in owners}
        self.by_id: dict[int, Traced] = {}
        self._since = Tensor(0.0).serial
        self._alive: list[object] = []  # what ids are taken of must live as long

    def lift(self, a: Operand) -> Operand:
        """An array as a Traced; a number, an axis, a shape or a key as it is."""
        if isinstance(a, Traced):
            return a
        if isinstance(a, Tensor):
            made_here = a.serial > self._since
            if a.fun is not None and made_here:  # computed from parameters inside the cell
                return self._once(a, lambda: record(a.fun, a.args, a.kwargs))
            if a.requires_grad or not made_here:
                return self._once(a, lambda: _leaf(a, a, a.name or "", a.requires_grad))
            a = value(a)
        if isinstance(a, (np.ndarray, np.generic)):
            array = np.asarray(a)
            return self._once(a, lambda: _leaf(array, self.owners.get(id(a), array)))
        return a

    def _once(self, a: object, make: Callable[[], Traced]) -> Traced:
        if id(a) not in self.by_id:
            self._alive.append(a)
            self.by_id[id(a)] = make()
        return self.by_id[id(a)]


def _leaf(
    a: Tensor | Array, origin: Tensor | Array, name: str = "", wanted: bool = False
) -> Traced:
    return Traced(a.shape, a.dtype, ONCE, origin=origin, name=name, wanted=wanted)


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


def apply(fun: Function, args: Args, kwargs: Kwargs) -> Operand:
    """What `fun` means on Traced values: as on Tensors; without a rule it is recorded too."""
    if fun in _ABOUT_SHAPE:
        return _ABOUT_SHAPE[fun](*args, **kwargs)
    if fun in COMPOSITE:
        y = COMPOSITE[fun](*args, **kwargs)
        if y is not NotImplemented:
            return y
    if fun in VJP:
        check_call(fun, args, kwargs)
    return record(fun, args, kwargs)


def record(fun: Function, args: Args, kwargs: Kwargs | None = None) -> Traced:
    """The Traced value of `fun(*args, **kwargs)`.  Raises ShapeError if the shapes do not fit."""
    lift, kwargs = _current.get().lift, kwargs or {}
    if isinstance(fun, np.ufunc):
        args = tuple(np.asarray(a) if isinstance(a, (list, tuple)) else a for a in args)
    if fun is getitem and (key := _traced_key(args[1])):
        fun, args = pick, (args[0], *key)
    if fun in (getitem, scatter):
        args = (lift(args[0]), *(a if isinstance(a, np.ndarray) else lift(a) for a in args[1:]))
    else:
        args = tuple(map(lift, args))
    lists = (a for a in (*args, *kwargs.values()) if isinstance(a, (list, tuple)))
    if any(isinstance(v, Traced) for a in lists for v in a) or any(
        isinstance(v, (Traced, Tensor)) for v in kwargs.values()
    ):
        raise UnsupportedError(
            f"{name_of(fun)} cannot be traced with arrays in a list, a key or by name. Pass arrays "
            "by position; use np.stack or np.concatenate for lists."
        )
    traced = [a for a in args if isinstance(a, Traced)]
    try:
        shape, dtype = result_kind(fun, args, kwargs)
    except ValueError as error:
        shapes = " and ".join(f"{a.name or 'an array'} {a.shape}" for a in traced)
        raise ShapeError(f"{name_of(fun)} of {shapes}: {error}") from error
    return Traced(shape, dtype, max((a.phase for a in traced), default=ONCE), fun, args, kwargs)


def _traced_key(key: Operand) -> Args:
    """The indices of a key, if some of them are traced; else nothing."""
    indices = key if isinstance(key, tuple) else (key,)
    traced = [k for k in indices if isinstance(k, Traced)]
    if any(k.dtype.kind == "b" for k in traced):
        raise TraceError(
            "how many entries a mask chooses depends on its numbers, which are not there while the "
            "cell is traced. Keep all entries and choose values with np.where(mask, a, b)."
        )
    return indices if traced else ()


def _filled(x: Traced, number: float, dtype: DTypeLike | None = None) -> Operand:
    filled = np.broadcast_to(np.asarray(number, dtype or x.dtype), x.shape)
    return _current.get().lift(filled)


_ABOUT_SHAPE: dict[Function, Function] = {
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
