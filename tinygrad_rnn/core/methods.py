"""What people use of an ndarray: operators, comparisons and methods, whatever records the call.

A class that derives from DuckArray has `data`, the value, and `_data`, the same for this package,
and says what a call means: `_apply` for any function of NumPy's, `_record`, `_unary` and `_binary`
for a primitive.  Operators call these directly: NumPy's ufunc protocol would double their cost.

A method takes what the method of an ndarray takes, and does what NumPy's function of its name does.
"""

import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from tinygrad_rnn.core.structural import astype, getitem
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DTypeError,
    ShapeError,
    UnsupportedError,
    UsageError,
)
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.guards.operands import check_real, real_array

D = TypeVar("D", bound="DuckArray")


class Operator(Protocol):
    """`x + other` gives what x is: how a type checker binds the functions made below to their array."""

    def __get__(self, x: D, kind: type[D] | None = None) -> Callable[[object], D]: ...


class Unary(Protocol):
    """`-x`; see Operator."""

    def __get__(self, x: D, kind: type[D] | None = None) -> Callable[[], D]: ...


class Method(Protocol):
    """`x.sum(axis=0)`; see Operator."""

    def __get__(self, x: D, kind: type[D] | None = None) -> Callable[..., D]: ...


_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")


def value(x: Any) -> Any:
    """The plain array of a duck array; anything else as it is."""
    return x._data if isinstance(x, DuckArray) else x


def operand(x: Any, what: str) -> Any:
    """A duck array as it is; anything else as a plain array of real numbers, or refused by the name `what`."""
    return x if isinstance(x, DuckArray) else real_array(x, what)


def _operator(fun: np.ufunc) -> Operator:
    return lambda x, other: x._binary(fun, x, other)


def _reflected(fun: np.ufunc) -> Operator:
    return lambda x, other: x._binary(fun, other, x)


def _prefix(fun: np.ufunc) -> Unary:
    return lambda x: x._unary(fun, x)


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[["DuckArray", object], Any]:
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


def _method(fun: Any, meaning: str) -> Method:
    """The method that calls NumPy's function of the same parameters on the array itself."""
    signature = inspect.signature(fun)
    first, *others = signature.parameters.values()
    signature = signature.replace(parameters=[first.replace(name="self"), *others])
    most = len(signature.parameters)

    def method(self: D, *args: Any, **kwargs: Any) -> D:
        if len(args) >= most:
            signature.bind(self, *args, **kwargs)
        return self._apply(fun, (self, *args), kwargs)  # type: ignore[no-any-return]

    name = fun.__name__.removeprefix("a") if fun.__name__ in ("amax", "amin") else fun.__name__
    method.__name__, method.__qualname__, method.__doc__ = name, f"DuckArray.{name}", meaning
    own: Any = method
    own.__signature__ = signature
    return method


def _fact(fun: Any, meaning: str) -> Any:
    """The same for a function that gives plain arrays."""
    return _method(fun, meaning)


def _plain(key: Any) -> Any:
    """A key with arrays instead of Tensors, also inside tuples and lists."""
    if isinstance(key, tuple):
        return tuple(map(_plain, key))
    return list(map(_plain, key)) if isinstance(key, list) else value(key)


def _in_place(what: str, instead: str) -> Callable[..., NoReturn]:
    """A method of an ndarray that a Tensor refuses."""

    def refused(self: "DuckArray", *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedError(
            f"{what} changes an array in place, and a Tensor is not changed in place. Write {instead}."
        )

    refused.__doc__ = f"Refused: it changes an array in place. Write {instead}."
    return refused


@public_class
class DuckArray:
    """Operators and methods of an ndarray; comparisons give plain arrays, identity decides dict keys.

    Methods take what the methods of an ndarray take, and do what NumPy's function of the same name does.
    """

    __slots__ = ()

    _apply: ClassVar[Callable[..., Any]]  # (fun, args, kwargs)
    _record: ClassVar[Callable[..., Any]]  # (fun, args, kwargs=None)
    _unary: ClassVar[Callable[..., Any]]  # (fun, a)
    _binary: ClassVar[Callable[..., Any]]  # (fun, a, b)
    _data: Any
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

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __round__(self, ndigits: int | None = None) -> Any:
        return self.round(0 if ndigits is None else ndigits)

    def __getitem__(self: D, key: Any) -> D:
        key = _plain(key)
        traced = [k for k in key if isinstance(k, DuckArray)] if isinstance(key, tuple) else ()
        recorder = traced[0] if traced else self  # in a cell that `scan` traces
        return recorder._record(getitem, (self, key))  # type: ignore[no-any-return]

    def __setitem__(self, key: Any, item: Any) -> NoReturn:
        raise UnsupportedError(
            "a Tensor is not changed in place: values recorded earlier would change with it. "
            "Build a new one with np.where or np.concatenate."
        )

    @property
    def _mask(self) -> NoReturn:
        """What numpy.ma looks for before it computes with the numbers alone, of `masked + x` for instance."""
        raise UnsupportedError(
            "a masked array next to a Tensor would lose the gradient. Pass m.filled(0.0), or x.data."
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

    def __contains__(self, item: Any) -> bool:
        return bool(self._contains(item))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"whether a Tensor of shape {self.shape} is true is ambiguous. Use np.any(x) or np.all(x)."
            )
        return bool(self._data)

    def __index__(self) -> int:
        try:
            return operator.index(self._data)
        except TypeError as error:
            raise ArgumentTypeError(
                f"a Tensor of shape {self.shape} and dtype {self.dtype} is no index. Use int(x.item())."
            ) from error

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

    def item(self, *args: Any) -> float | int | bool:
        """The only entry, or the one with this index, as a Python number."""
        try:
            number: float | int | bool = self._data.item(*args)
        except ValueError as error:
            raise ShapeError(f"item{args} of a Tensor of shape {self.shape}: {error}.") from error
        return number

    def tolist(self) -> Any:
        """The value as nested lists of Python numbers."""
        return self._data.tolist()

    # -- what it is ----------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        shape: tuple[int, ...] = self._data.shape
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(self._data.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the value; gradients have the same."""
        dtype: np.dtype[Any] = self._data.dtype
        return dtype

    @property
    def nbytes(self) -> int:
        """The bytes of all entries."""
        return int(self._data.nbytes)

    @property
    def itemsize(self) -> int:
        """The bytes of one entry."""
        return int(self._data.itemsize)

    # -- shapes and entries --------------------------------------------------------------------

    @property
    def T(self: D) -> D:
        """All axes in reverse order."""
        return self._record(np.transpose, (self,))  # type: ignore[no-any-return]

    @property
    def mT(self: D) -> D:
        """The last two axes exchanged."""
        return self._apply(np.matrix_transpose, (self,), {})  # type: ignore[no-any-return]

    def transpose(self: D, *axes: Any) -> D:
        """The axes in the given order, or in reverse."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._apply(np.transpose, (self, tuple(order)) if order else (self,), {})  # type: ignore[no-any-return]

    def reshape(self: D, *shape: Any, order: Any = None, copy: Any = None) -> D:
        """The same entries in another shape; one length may be -1."""
        options = {name: v for name, v in {"order": order, "copy": copy}.items() if v is not None}
        new = shape[0] if len(shape) == 1 else shape
        return self._apply(np.reshape, (self, new), options)  # type: ignore[no-any-return]

    def compress(self: D, condition: Any, axis: Any = None, out: Any = None) -> D:
        """The slices for which the condition holds."""
        return self._apply(np.compress, (condition, self, axis), {"out": out})  # type: ignore[no-any-return]

    def copy(self: D, order: str = "C") -> D:
        """A new result of the same value, through which gradients flow; `detach` stops them."""
        return self._record(np.copy, (self,))  # type: ignore[no-any-return]

    def clip(self: D, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> D:  # noqa: A002 (NumPy's own names)
        """The value between bounds; None for no bound."""
        return self._apply(np.clip, (self, min, max), {"out": out, **options})  # type: ignore[no-any-return]

    def astype(
        self,
        dtype: npt.DTypeLike,
        order: str = "K",
        casting: Any = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        """The value in another dtype: recorded if that is floating, else a plain array, as comparisons are."""
        try:
            dtype = np.dtype(dtype)
        except TypeError as error:
            raise DTypeError(f"x.astype({dtype!r}): {error}.") from error
        check_real(dtype, "what x.astype gives")
        if casting not in _CASTINGS:
            raise UsageError(
                f"x.astype with casting={casting!r}; it is one of {', '.join(_CASTINGS)}."
            )
        if not np.can_cast(self.dtype, dtype, casting):
            raise DTypeError(
                f"x.astype({dtype}, casting={casting!r}) cannot cast from {self.dtype}."
            )
        if dtype.kind != "f":
            return self._data.astype(dtype)
        return self if not copy and dtype == self.dtype else self._record(astype, (self, dtype))

    swapaxes = _method(np.swapaxes, "Two axes exchanged.")
    squeeze = _method(np.squeeze, "Axes of length 1 removed.")
    ravel = _method(np.ravel, "All entries in one axis.")
    flatten = ravel  # every result is a new Tensor
    diagonal = _method(np.diagonal, "The entries of a diagonal.")
    take = _method(np.take, "The entries or slices with these numbers.")
    choose = _method(np.choose, "Each entry from the choice whose number stands here.")
    repeat = _method(np.repeat, "Every entry or slice several times.")

    # -- products and reductions ---------------------------------------------------------------

    dot = _method(np.dot, "`np.dot`.")
    trace = _method(np.trace, "The sum over a diagonal.")
    sum = _method(np.sum, "The sum over `axis` (None: over all).")
    prod = _method(np.prod, "The product over `axis`.")
    mean = _method(np.mean, "The mean over `axis`.")
    max = _method(np.max, "The maximum over `axis`; equal entries share the gradient equally.")
    min = _method(np.min, "The minimum over `axis`; equal entries share the gradient equally.")
    var = _method(
        np.var, "The variance over `axis`: the sum of squared deviations by their count less ddof."
    )
    std = _method(
        np.std,
        "The standard deviation over `axis`, the root of the variance; its slope is 0 where it is 0.",
    )
    cumsum = _method(
        np.cumsum, "The running sum along `axis` (None: over all entries, row by row)."
    )
    cumprod = _method(
        np.cumprod, "The running product along `axis` (None: over all entries, row by row)."
    )
    round = _method(np.round, "The value rounded: a step, so its gradient is 0.")

    # -- facts about the numbers: plain arrays -------------------------------------------------

    argmax = _fact(np.argmax, "Where the maximum is: a plain array.")
    argmin = _fact(np.argmin, "Where the minimum is: a plain array.")
    argsort = _fact(np.argsort, "The indices that would sort: a plain array.")
    argpartition = _fact(np.argpartition, "The indices that would partition: a plain array.")
    searchsorted = _fact(np.searchsorted, "Where v belongs in the order: a plain array.")
    nonzero = _fact(np.nonzero, "The indices of the entries other than 0: plain arrays.")
    any = _fact(np.any, "Is any entry other than 0: a plain array.")
    all = _fact(np.all, "Is every entry other than 0: a plain array.")

    # -- what an array does in place -----------------------------------------------------------

    sort = _in_place("x.sort()", "y = np.sort(x)")
    partition = _in_place("x.partition()", "y = np.partition(x, kth)")
    fill = _in_place("x.fill()", "y = np.full_like(x, number)")
    put = _in_place("x.put()", "y = np.where(condition, new, x)")
    resize = _in_place("x.resize()", "y = np.resize(x, shape)")

    def view(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: the bytes of an array as something else have no derivative."""
        raise UnsupportedError(
            "x.view() reads the bytes of an array anew. Use x.astype, x.reshape or x.data.view()."
        )
