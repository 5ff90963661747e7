"""The operators of an array, comparisons, and the questions that Python asks of it."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np

from tinygrad_rnn._typing import Function
from tinygrad_rnn.core.methods import Methods
from tinygrad_rnn.core.mode import current
from tinygrad_rnn.core.structural import getitem
from tinygrad_rnn.errors import ArgumentTypeError, ShapeError, UnsupportedError
from tinygrad_rnn.guards.boundary import label
from tinygrad_rnn.guards.operands import real_array

D = TypeVar("D", bound="DuckArray")


class Operator(Protocol):
    """`x + other` gives what x is: how a type checker binds the functions made below."""

    def __get__(self, x: D, kind: type[D] | None = None) -> Callable[[object], D]: ...


class Unary(Protocol):
    """`-x`; see Operator."""

    def __get__(self, x: D, kind: type[D] | None = None) -> Callable[[], D]: ...


def value(x: object) -> Any:
    """The plain array of a duck array; anything else as it is."""
    return x._data if isinstance(x, DuckArray) else x


def operand(x: object, what: str) -> Any:
    """A duck array as it is, else a plain array of real numbers; `what` names it in errors."""
    return x if isinstance(x, DuckArray) else real_array(x, what)


def _operator(fun: np.ufunc) -> Operator:
    return lambda x, other: x._binary(fun, x, other)


def _reflected(fun: np.ufunc) -> Operator:
    return lambda x, other: x._binary(fun, other, x)


def _prefix(fun: np.ufunc) -> Unary:
    return lambda x: x._unary(fun, x)


def _comparison(compare: Function) -> Function:
    """A comparison of values, which gives a plain array."""

    def compared(x: "DuckArray", other: object) -> Any:
        try:
            return compare(x._data, value(other))
        except ValueError as error:
            kind = type(other).__name__
            raise ShapeError(f"comparing a Tensor {x.shape} with a {kind}: {error}.") from error
        except TypeError as error:
            kind = type(other).__name__
            raise ArgumentTypeError(f"comparing a Tensor with a {kind}: {error}.") from error

    return compared


def _plain(key: object) -> object:
    """A key with arrays instead of Tensors, also inside tuples and lists."""
    if isinstance(key, tuple):
        return tuple(map(_plain, key))
    return list(map(_plain, key)) if isinstance(key, list) else value(key)


class DuckArray(Methods):
    """Operators and methods of an ndarray, whatever records the calls.

    Comparisons give plain arrays; as a key of a dict, a DuckArray is equal to itself alone.
    """

    __slots__ = ()

    requires_grad: Any

    __add__ = _operator(np.add)
    __radd__ = _reflected(np.add)
    __sub__ = _operator(np.subtract)
    __rsub__ = _reflected(np.subtract)
    __mul__ = _operator(np.multiply)
    __rmul__ = _reflected(np.multiply)
    __truediv__ = _operator(np.divide)
    __rtruediv__ = _reflected(np.divide)
    __floordiv__ = _operator(np.floor_divide)
    __rfloordiv__ = _reflected(np.floor_divide)
    __mod__ = _operator(np.remainder)
    __rmod__ = _reflected(np.remainder)
    __pow__ = _operator(np.power)
    __rpow__ = _reflected(np.power)
    __matmul__ = _operator(np.matmul)
    __rmatmul__ = _reflected(np.matmul)
    __neg__, __pos__, __abs__ = _prefix(np.negative), _prefix(np.positive), _prefix(np.absolute)

    __eq__, __ne__ = _comparison(operator.eq), _comparison(operator.ne)
    __lt__, __le__ = _comparison(operator.lt), _comparison(operator.le)
    __gt__, __ge__ = _comparison(operator.gt), _comparison(operator.ge)
    _contains = _comparison(operator.contains)

    __hash__ = object.__hash__

    def __divmod__(self: D, other: object) -> tuple[D, D]:
        return self // other, self % other

    def __rdivmod__(self: D, other: object) -> tuple[D, D]:
        return other // self, other % self

    def __round__(self: D, ndigits: int | None = None) -> D:
        return self.round(0 if ndigits is None else ndigits)

    def __getitem__(self: D, key: object) -> D:
        key = _plain(key)
        traced = [k for k in key if isinstance(k, DuckArray)] if isinstance(key, tuple) else ()
        recorder = traced[0] if traced else self  # in a cell that `scan` traces
        return recorder._record(getitem, (self, key))  # type: ignore[no-any-return]

    def __setitem__(self, key: object, item: object) -> NoReturn:
        raise UnsupportedError(
            "a Tensor is not changed in place: values recorded earlier would change with it. "
            "Build a new one with np.where or np.concatenate."
        )

    @property
    def _mask(self) -> NoReturn:
        """What numpy.ma looks for before it computes with the numbers alone, in `masked + x`."""
        raise UnsupportedError(
            "a masked array next to a Tensor would lose the gradient. "
            "Pass m.filled(0.0), or x.data."
        )

    # -- Python's own questions ----------------------------------------------------------------

    def __len__(self) -> int:
        self._check_axes("length")
        return len(self._data)

    def __iter__(self: D) -> Iterator[D]:
        self._check_axes("entries to go through")
        return (self[i] for i in range(len(self._data)))

    def _check_axes(self, what: str) -> None:
        if not self.shape:
            raise ArgumentTypeError(
                f"a Tensor of shape () has no {what}. Use x.item() for its number."
            )

    def __contains__(self, item: object) -> bool:
        return bool(self._contains(item))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"whether a Tensor of shape {self.shape} is true is ambiguous. "
                "Use np.any(x) or np.all(x)."
            )
        return bool(self._data)

    def __index__(self) -> int:
        try:
            return operator.index(self._data)
        except TypeError as error:
            raise ArgumentTypeError(
                f"a Tensor of shape {self.shape} and dtype {self.dtype} is no index. "
                "Use int(x.item())."
            ) from error

    def __float__(self) -> float:
        asks = "math.tanh(x), a[i] = x, np.fromiter, '%.3f' % x"
        return float(self._number(f"float(x), and what asks for one ({asks}),"))

    def __int__(self) -> int:
        return int(self._number("int(x)"))

    def __complex__(self) -> complex:
        return complex(self._number("complex(x)"))

    def _number(self, what: str) -> Any:
        """The value for a Python number.  Raises UnsupportedError for what is differentiated."""
        if self.requires_grad and current():
            raise UnsupportedError(
                f"{what} would detach {label(self)}, which requires a gradient. Use x.item() or "
                'x.data if you mean the value, f"{x:.3f}" to print it; np.tanh(x) instead of '
                "math.tanh(x), np.stack or tinygrad_rnn.array instead of a[i] = x."
            )
        return self._data

    def __format__(self, spec: str) -> str:
        """A number's format, such as `f"{loss:.3f}"`, for Tensors without axes."""
        if not spec:
            return str(self)
        if self.ndim:
            raise UnsupportedError(
                f"the format {spec!r} is for one number; the Tensor has shape {self.shape}. "
                "Use np.array2string(x.data, precision=...), or x.item() if there is one entry."
            )
        return format(self._data.item(), spec)
