"""What people use of an ndarray: operators, comparisons, methods, over any way of recording a call.

A class that derives from DuckArray has `data`, the value, `_data`, the same for this package, and says what a call
means: `_apply` for a function of NumPy's, `_record`, `_unary` and `_binary` for a primitive.  Operators call these
directly: going through NumPy's ufunc protocol first would cost as much again.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NoReturn

import numpy as np

from tinygrad_rnn.boundary import public_class
from tinygrad_rnn.errors import ArgumentTypeError, DTypeError, ShapeError, UnsupportedError, UsageError
from tinygrad_rnn.operands import check_real, real_array
from tinygrad_rnn.rules.indexing import getitem
from tinygrad_rnn.rules.shape import astype

_CASTINGS: tuple[Any, ...] = ("no", "equiv", "safe", "same_kind", "unsafe")
_UNSET: Any = object()  # an option that was not given, where None means something


def value(x: Any) -> Any:
    """The plain array of a duck array; anything else as it is."""
    return x._data if isinstance(x, DuckArray) else x


def operand(x: Any, what: str) -> Any:
    """A duck array as it is; anything else as a plain array of real numbers, or refused by the name `what`."""
    return x if isinstance(x, DuckArray) else real_array(x, what)


def _plain(key: Any) -> Any:
    """A key with arrays in the place of Tensors, also inside tuples and lists."""
    if isinstance(key, tuple):
        return tuple(map(_plain, key))
    return list(map(_plain, key)) if isinstance(key, list) else value(key)


def _compared(compare: Callable[[Any, Any], Any], x: "DuckArray", other: Any) -> Any:
    try:
        return compare(x._data, value(other))
    except ValueError as error:
        raise ShapeError(f"comparing a Tensor {x.shape} with a {type(other).__name__}: {error}.") from error
    except TypeError as error:
        raise ArgumentTypeError(f"comparing a Tensor with a {type(other).__name__}: {error}.") from error


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: v for name, v in options.items() if v is not None and v is not _UNSET}


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
    data: Any
    _data: Any
    requires_grad: Any

    def __add__(self, other: Any) -> Any:
        return self._binary(np.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return self._binary(np.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return self._binary(np.subtract, self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._binary(np.subtract, other, self)

    def __mul__(self, other: Any) -> Any:
        return self._binary(np.multiply, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._binary(np.multiply, other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._binary(np.divide, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._binary(np.divide, other, self)

    def __pow__(self, other: Any) -> Any:
        return self._binary(np.power, self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._binary(np.power, other, self)

    def __matmul__(self, other: Any) -> Any:
        return self._binary(np.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self._binary(np.matmul, other, self)

    def __mod__(self, other: Any) -> Any:
        return self._binary(np.remainder, self, other)

    def __rmod__(self, other: Any) -> Any:
        return self._binary(np.remainder, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self._binary(np.floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._binary(np.floor_divide, other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __neg__(self) -> Any:
        return self._unary(np.negative, self)

    def __pos__(self) -> Any:
        return self._unary(np.positive, self)

    def __abs__(self) -> Any:
        return self._unary(np.absolute, self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return self.round(0 if ndigits is None else ndigits)

    def __getitem__(self, key: Any) -> Any:
        key = _plain(key)
        traced = [k for k in key if isinstance(k, DuckArray)] if isinstance(key, tuple) else ()
        return (traced[0] if traced else self)._record(getitem, (self, key))  # in a cell that `scan` traces

    def __setitem__(self, key: Any, item: Any) -> None:
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

    # -- comparisons give plain arrays; identity decides dict keys ------------------------------------

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        return _compared(operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        return _compared(operator.ne, self, other)

    def __lt__(self, other: Any) -> Any:
        return _compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _compared(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _compared(operator.ge, self, other)

    # -- Python's own questions -----------------------------------------------------------------------

    def __len__(self) -> int:
        self._check_axes("length")
        return len(self._data)

    def __iter__(self) -> Iterator[Any]:
        self._check_axes("entries to go through")
        return (self[i] for i in range(len(self._data)))

    def _check_axes(self, what: str) -> None:
        if not self.shape:
            raise ArgumentTypeError(f"a Tensor of shape () has no {what}. Use x.item() for its number.")

    def __contains__(self, item: Any) -> bool:
        return bool(_compared(operator.contains, self, item))

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

    # -- what it is -----------------------------------------------------------------------------------

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
    def dtype(self) -> Any:
        """The dtype of the value; gradients have the same."""
        return self._data.dtype

    @property
    def nbytes(self) -> int:
        """The bytes of all entries."""
        return int(self._data.nbytes)

    @property
    def itemsize(self) -> int:
        """The bytes of one entry."""
        return int(self._data.itemsize)

    # -- shapes and entries ---------------------------------------------------------------------------

    @property
    def T(self) -> Any:
        """All axes in reverse order."""
        return self._record(np.transpose, (self,))

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return self._apply(np.matrix_transpose, (self,), {})

    def transpose(self, *axes: Any) -> Any:
        """The axes in the given order, or in reverse."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._apply(np.transpose, (self, tuple(order)) if order else (self,), {})

    def reshape(self, *shape: Any, order: Any = None, copy: Any = None) -> Any:
        """The same entries in another shape; one length may be -1."""
        return self._apply(np.reshape, (self, shape[0] if len(shape) == 1 else shape), _given(order=order, copy=copy))

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Two axes exchanged."""
        return self._apply(np.swapaxes, (self, axis1, axis2), {})

    def squeeze(self, axis: Any = None) -> Any:
        """Axes of length 1 removed."""
        return self._apply(np.squeeze, (self, axis), {})

    def ravel(self, order: str = "C") -> Any:
        """All entries in one axis."""
        return self._apply(np.ravel, (self, order), {})

    flatten = ravel  # every result is a new Tensor

    def copy(self, order: str = "C") -> Any:
        """A new result of the same value, through which gradients flow; `detach` stops them."""
        return self._record(np.copy, (self,))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The entries of a diagonal."""
        return self._apply(np.diagonal, (self, offset, axis1, axis2), {})

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: Any = None) -> Any:
        """The entries or slices with these numbers."""
        return self._apply(np.take, (self, indices, axis), _given(out=out, mode=mode))

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """The slices for which the condition holds."""
        return self._apply(np.compress, (condition, self, axis), _given(out=out))

    def choose(self, choices: Any, out: Any = None, mode: Any = None) -> Any:
        """Each entry from the choice whose number stands here."""
        return self._apply(np.choose, (self, choices), _given(out=out, mode=mode))

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        """Every entry or slice several times."""
        return self._apply(np.repeat, (self, repeats, axis), {})

    # -- products and reductions ----------------------------------------------------------------------

    def dot(self, b: Any, out: Any = None) -> Any:
        """`np.dot`."""
        return self._apply(np.dot, (self, b), _given(out=out))

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
        """The sum over a diagonal."""
        return self._apply(np.trace, (self, offset, axis1, axis2), _given(dtype=dtype, out=out))

    def sum(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = None,
        initial: Any = _UNSET,
        where: Any = _UNSET,
    ) -> Any:
        """The sum over `axis` (None: over all)."""
        options = _given(axis=axis, dtype=dtype, out=out, keepdims=keepdims, initial=initial, where=where)
        return self._apply(np.sum, (self,), options)

    def prod(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = None,
        initial: Any = _UNSET,
        where: Any = _UNSET,
    ) -> Any:
        """The product over `axis`."""
        options = _given(axis=axis, dtype=dtype, out=out, keepdims=keepdims, initial=initial, where=where)
        return self._apply(np.prod, (self,), options)

    def mean(
        self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = None, *, where: Any = _UNSET
    ) -> Any:
        """The mean over `axis`."""
        options = _given(axis=axis, dtype=dtype, out=out, keepdims=keepdims, where=where)
        return self._apply(np.mean, (self,), options)

    def max(
        self,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = None,
        initial: Any = _UNSET,
        where: Any = _UNSET,
    ) -> Any:
        """The maximum over `axis`; equal entries share the gradient equally."""
        options = _given(axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)
        return self._apply(np.max, (self,), options)

    def min(
        self,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = None,
        initial: Any = _UNSET,
        where: Any = _UNSET,
    ) -> Any:
        """The minimum over `axis`; equal entries share the gradient equally."""
        options = _given(axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)
        return self._apply(np.min, (self,), options)

    def var(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = None,
        **options: Any,
    ) -> Any:
        """The variance over `axis`: squared deviations, summed and divided by their count less ddof."""
        given = _given(axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims, **options)
        return self._apply(np.var, (self,), given)

    def std(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = None,
        **options: Any,
    ) -> Any:
        """The standard deviation over `axis`, the root of the variance; its slope is 0 where it is 0."""
        given = _given(axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims, **options)
        return self._apply(np.std, (self,), given)

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The running sum along `axis` (None: over all entries, row by row)."""
        return self._apply(np.cumsum, (self,), _given(axis=axis, dtype=dtype, out=out))

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The running product along `axis` (None: over all entries, row by row)."""
        return self._apply(np.cumprod, (self,), _given(axis=axis, dtype=dtype, out=out))

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Any:  # noqa: A002 (NumPy's own names)
        """The value between bounds; None for no bound."""
        return self._apply(np.clip, (self, min, max), _given(out=out, **options))

    def round(self, decimals: int = 0, out: Any = None) -> Any:
        """The value rounded: a step, so its gradient is 0."""
        return self._apply(np.round, (self, decimals), _given(out=out))

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """The value in another dtype: recorded if that is floating, else a plain array, as comparisons are."""
        try:
            dtype = np.dtype(dtype)
        except TypeError as error:
            raise DTypeError(f"x.astype({dtype!r}): {error}.") from error
        check_real(dtype, "what x.astype gives")
        if casting not in _CASTINGS:
            raise UsageError(f"x.astype with casting={casting!r}; it is one of {', '.join(_CASTINGS)}.")
        if not np.can_cast(self.dtype, dtype, casting):
            raise DTypeError(f"x.astype({dtype}, casting={casting!r}) cannot cast from {self.dtype}.")
        if dtype.kind != "f":
            return self._data.astype(dtype)
        return self if not copy and dtype == self.dtype else self._record(astype, (self, dtype))

    # -- facts about the numbers: plain arrays --------------------------------------------------------

    def argmax(self, axis: Any = None, out: Any = None, *, keepdims: Any = None) -> Any:
        """Where the maximum is: a plain array."""
        return self._apply(np.argmax, (self, axis), _given(out=out, keepdims=keepdims))

    def argmin(self, axis: Any = None, out: Any = None, *, keepdims: Any = None) -> Any:
        """Where the minimum is: a plain array."""
        return self._apply(np.argmin, (self, axis), _given(out=out, keepdims=keepdims))

    def argsort(self, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
        """The indices that would sort: a plain array."""
        return self._apply(np.argsort, (self, axis), _given(kind=kind, order=order, stable=stable))

    def argpartition(self, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
        """The indices that would partition: a plain array."""
        return self._apply(np.argpartition, (self, kth, axis), _given(kind=kind, order=order))

    def searchsorted(self, v: Any, side: Any = None, sorter: Any = None) -> Any:
        """Where v would be inserted to keep the order: a plain array."""
        return self._apply(np.searchsorted, (self, v), _given(side=side, sorter=sorter))

    def nonzero(self) -> Any:
        """The indices of the entries other than 0: plain arrays."""
        return self._apply(np.nonzero, (self,), {})

    def any(self, axis: Any = None, out: Any = None, keepdims: Any = None, *, where: Any = _UNSET) -> Any:
        """Is any entry other than 0: a plain array."""
        return self._apply(np.any, (self,), _given(axis=axis, out=out, keepdims=keepdims, where=where))

    def all(self, axis: Any = None, out: Any = None, keepdims: Any = None, *, where: Any = _UNSET) -> Any:
        """Is every entry other than 0: a plain array."""
        return self._apply(np.all, (self,), _given(axis=axis, out=out, keepdims=keepdims, where=where))

    # -- what an array does in place ------------------------------------------------------------------

    def sort(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: an array's method sorts in place."""
        self._in_place("x.sort()", "y = np.sort(x)")

    def partition(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: an array's method partitions in place."""
        self._in_place("x.partition()", "y = np.partition(x, kth)")

    def fill(self, *args: Any) -> NoReturn:
        """Refused: an array is filled in place."""
        self._in_place("x.fill()", "y = np.full_like(x, number)")

    def put(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: an array is written to in place."""
        self._in_place("x.put()", "y = np.where(condition, new, x)")

    def resize(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: an array is resized in place."""
        self._in_place("x.resize()", "y = np.resize(x, shape)")

    def view(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: the bytes of an array as something else have no derivative."""
        raise UnsupportedError("x.view() reads the bytes of an array anew. Use x.astype, x.reshape or x.data.view().")

    def _in_place(self, what: str, instead: str) -> NoReturn:
        raise UnsupportedError(
            f"{what} changes an array in place, and a Tensor is not changed in place. Write {instead}."
        )
