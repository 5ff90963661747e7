"""What people use of an ndarray: operators, comparisons, methods, over any way of recording a call.

A class that derives from DuckArray has `data`, the value, and `_record`, `_unary` and `_binary`, which apply a
primitive.  Operators call it directly: going through NumPy's ufunc protocol first would cost as much again.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from tinygrad_rnn.errors import UnsupportedError
from tinygrad_rnn.rules.indexing import getitem
from tinygrad_rnn.rules.linalg import dot, trace
from tinygrad_rnn.rules.shape import astype, ravel


def value(x: Any) -> Any:
    """The plain array of a duck array; anything else as it is."""
    return x.data if isinstance(x, DuckArray) else x


def _plain(key: Any) -> Any:
    """A key with arrays in the place of Tensors, also inside tuples and lists."""
    if isinstance(key, tuple):
        return tuple(map(_plain, key))
    return list(map(_plain, key)) if isinstance(key, list) else value(key)


class DuckArray:
    """Operators and methods of an ndarray; comparisons give plain arrays, identity decides dict keys."""

    __slots__ = ()

    _record: ClassVar[Callable[..., Any]]  # (fun, args, kwargs=None)
    _unary: ClassVar[Callable[..., Any]]  # (fun, a)
    _binary: ClassVar[Callable[..., Any]]  # (fun, a, b)
    data: Any
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
        return self.round(ndigits or 0)

    def __getitem__(self, key: Any) -> Any:
        key = _plain(key)
        traced = [k for k in key if isinstance(k, DuckArray)] if isinstance(key, tuple) else ()
        return (traced[0] if traced else self)._record(getitem, (self, key))  # in a cell that `scan` traces

    def __setitem__(self, key: Any, item: Any) -> None:
        raise UnsupportedError(
            "a Tensor is not changed in place: values recorded earlier would change with it. "
            "Build a new one with np.where or np.concatenate."
        )

    # -- comparisons give plain arrays; identity decides dict keys ------------------------------------

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        return self.data == value(other)

    def __ne__(self, other: Any) -> Any:
        return self.data != value(other)

    def __lt__(self, other: Any) -> Any:
        return self.data < value(other)

    def __le__(self, other: Any) -> Any:
        return self.data <= value(other)

    def __gt__(self, other: Any) -> Any:
        return self.data > value(other)

    def __ge__(self, other: Any) -> Any:
        return self.data >= value(other)

    # -- what people use of an ndarray ----------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        shape: tuple[int, ...] = self.data.shape
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(self.data.size)

    @property
    def dtype(self) -> Any:
        """The dtype of the value; gradients have the same."""
        return self.data.dtype

    @property
    def T(self) -> Any:
        """All axes in reverse order."""
        return self._record(np.transpose, (self,))

    def transpose(self, *axes: Any) -> Any:
        """The axes in the given order, or in reverse."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._record(np.transpose, (self, tuple(order)) if order else (self,))

    def reshape(self, *shape: Any) -> Any:
        """The same entries in another shape; one length may be -1."""
        return self._record(np.reshape, (self, shape[0] if len(shape) == 1 else shape))

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Two axes exchanged."""
        return self._record(np.swapaxes, (self, axis1, axis2))

    def squeeze(self, axis: Any = None) -> Any:
        """Axes of length 1 removed."""
        return self._record(np.squeeze, (self, axis))

    # -- shapes, products, entries --

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return self.swapaxes(-1, -2)

    def ravel(self, order: str = "C") -> Any:
        """All entries in one axis."""
        return ravel(self, order)

    flatten = ravel  # every result is a new Tensor

    def copy(self) -> Any:
        """A new result of the same value, through which gradients flow; `detach` stops them."""
        return self._record(np.copy, (self,))

    def dot(self, other: Any) -> Any:
        """`np.dot`."""
        return dot(self, other)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The sum over a diagonal."""
        return trace(self, offset, axis1, axis2)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The entries of a diagonal."""
        return self._record(np.diagonal, (self, offset, axis1, axis2))

    def take(self, indices: Any, axis: Any = None, mode: str = "raise") -> Any:
        """The entries or slices with these numbers."""
        return self._record(np.take, (self, indices, axis), {"mode": mode})

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        """Every entry or slice several times."""
        return self._record(np.repeat, (self, repeats, axis))

    def tolist(self) -> Any:
        """The value as nested lists of Python numbers."""
        return self.data.tolist()

    @property
    def nbytes(self) -> int:
        """The bytes of all entries."""
        return int(self.data.nbytes)

    @property
    def itemsize(self) -> int:
        """The bytes of one entry."""
        return int(self.data.itemsize)

    def __contains__(self, item: Any) -> bool:
        return value(item) in self.data

    def __index__(self) -> int:
        return operator.index(self.data)

    def __format__(self, spec: str) -> str:
        """A number's format, such as `f"{loss:.3f}"`, for Tensors without axes."""
        if not spec:
            return str(self)
        if self.ndim:
            raise UnsupportedError(
                f"the format {spec!r} is for one number; the Tensor has shape {self.shape}. "
                "Use np.array2string(x.data, precision=...), or x.item() if there is one entry."
            )
        return format(self.data.item(), spec)

    # -- reductions --

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum over `axis` (None: over all)."""
        return self._record(np.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean over `axis`."""
        return self._record(np.mean, (self,), {"axis": axis, "keepdims": keepdims})

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The maximum over `axis`; equal entries share the gradient equally."""
        return self._record(np.max, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The minimum over `axis`; equal entries share the gradient equally."""
        return self._record(np.min, (self,), {"axis": axis, "keepdims": keepdims})

    def prod(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """The product over `axis`."""
        return self._record(np.prod, (self,), {"axis": axis, "keepdims": keepdims})

    def var(self, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        """The variance over `axis`: squared deviations, summed and divided by their count less ddof."""
        return self._record(np.var, (self,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def std(self, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        """The standard deviation over `axis`, the root of the variance; its slope is 0 where it is 0."""
        return self._record(np.std, (self,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def cumsum(self, axis: int | None = None) -> Any:
        """The running sum along `axis` (None: over all entries, row by row)."""
        return self._record(np.cumsum, (self,), {"axis": axis})

    def cumprod(self, axis: int | None = None) -> Any:
        """The running product along `axis` (None: over all entries, row by row)."""
        return self._record(np.cumprod, (self,), {"axis": axis})

    def clip(self, min: Any = None, max: Any = None) -> Any:  # noqa: A002 (NumPy's own names)
        """The value between bounds; None for no bound."""
        a: Any = self
        return np.clip(a, min, max)

    def round(self, decimals: int = 0) -> Any:
        """The value rounded: a step, so its gradient is 0."""
        return self._record(np.round, (self, decimals))

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Any:
        """Where the maximum is: a plain array."""
        return self.data.argmax(axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Any:
        """Where the minimum is: a plain array."""
        return self.data.argmin(axis, keepdims=keepdims)

    def argsort(self, axis: int | None = -1, kind: Any = None) -> Any:
        """The indices that would sort: a plain array."""
        return self.data.argsort(axis, kind)

    def any(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """Is any entry other than 0: a plain array."""
        return self.data.any(axis, keepdims=keepdims)

    def all(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """Is every entry other than 0: a plain array."""
        return self.data.all(axis, keepdims=keepdims)

    def sort(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: an array's method sorts in place."""
        raise UnsupportedError(
            "x.sort() sorts an array in place, and a Tensor is not changed in place. Write y = np.sort(x)."
        )

    def astype(self, dtype: Any) -> Any:
        """The value in another dtype: recorded if that is floating, else a plain array, as comparisons are."""
        if np.dtype(dtype).kind == "f":
            return self._record(astype, (self, np.dtype(dtype)))
        return self.data.astype(dtype)

    def item(self) -> float | int | bool:
        """The only entry as a Python number."""
        number: float | int | bool = self.data.item()
        return number

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self.data)))

    def __float__(self) -> float:
        return float(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)
