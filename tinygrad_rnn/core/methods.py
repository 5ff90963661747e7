"""The attributes and methods of an ndarray.

A method takes what the method of an ndarray takes, and does what NumPy's function of its name does.
"""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from tinygrad_rnn._typing import DType, Function, Shape
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.errors import DTypeError, ShapeError, UnsupportedError, UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.guards.operands import check_real

D = TypeVar("D", bound="Methods")


class Method(Protocol):
    """`x.sum(axis=0)`; see Operator."""

    def __get__(self, x: D, kind: type[D] | None = None) -> Callable[..., D]: ...


_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")


def _method(fun: Function, meaning: str, like: Function | None = None) -> Method:
    """The method that calls NumPy's function of the same parameters on the array itself.

    like: a function of these parameters, where NumPy's own does not tell them in every version
    """
    signature = inspect.signature(like or fun)
    first, *others = signature.parameters.values()
    signature = signature.replace(parameters=[first.replace(name="self"), *others])
    names, most = signature.parameters.keys() - {"self"}, len(others)
    least = sum(p.default is p.empty for p in others if p.kind is p.POSITIONAL_OR_KEYWORD)

    def method(self: D, *args: object, **kwargs: object) -> D:
        if not least <= len(args) + len(kwargs) <= most or not kwargs.keys() <= names:
            signature.bind(self, *args, **kwargs)  # raises a TypeError of the method's own
        return self._apply(fun, (self, *args), kwargs)  # type: ignore[no-any-return]

    name = fun.__name__.removeprefix("a") if fun.__name__ in ("amax", "amin") else fun.__name__
    method.__name__, method.__qualname__, method.__doc__ = name, f"Tensor.{name}", meaning
    own: Any = method
    own.__signature__, own.__module__ = signature, "tinygrad_rnn.core.tensor"
    return method


def _fact(fun: Function, meaning: str) -> Any:
    """The same for a function that gives plain arrays."""
    return _method(fun, meaning)


def _in_place(what: str, instead: str) -> Callable[..., NoReturn]:
    """A method of an ndarray that a Tensor refuses."""

    def refused(self: "Methods", *args: object, **kwargs: object) -> NoReturn:
        raise UnsupportedError(
            f"{what} changes an array in place, and a Tensor is not changed in place. "
            f"Write {instead}."
        )

    refused.__doc__ = f"Refused: it changes an array in place. Write {instead}."
    return refused


@public_class
class Methods:
    """Attributes and methods of an ndarray, for an array with a value and ways to record a call.

    _data     the value
    _apply    what a call of any function of NumPy's means: (fun, args, kwargs)
    _record   the same for a primitive: (fun, args, kwargs=None)
    _unary    the same for a primitive of one operand: (fun, a)
    _binary   the same for two: (fun, a, b).  Operators call these two directly, because NumPy's
              ufunc protocol would double their cost
    """

    __slots__ = ()

    _data: Any
    _apply: ClassVar[Function]
    _record: ClassVar[Function]
    _unary: ClassVar[Function]
    _binary: ClassVar[Function]

    # -- what it is ----------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The shape of the value."""
        shape: Shape = self._data.shape
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
    def dtype(self) -> DType:
        """The dtype of the value; gradients have the same."""
        dtype: DType = self._data.dtype
        return dtype

    @property
    def nbytes(self) -> int:
        """The bytes of all entries."""
        return int(self._data.nbytes)

    @property
    def itemsize(self) -> int:
        """The bytes of one entry."""
        return int(self._data.itemsize)

    def item(self, *args: object) -> float | int | bool:
        """The only entry, or the one with this index, as a Python number."""
        try:
            number: float | int | bool = self._data.item(*args)
        except ValueError as error:
            raise ShapeError(f"item{args} of a Tensor of shape {self.shape}: {error}.") from error
        return number

    def tolist(self) -> Any:
        """The value as nested lists of Python numbers."""
        return self._data.tolist()

    # -- shapes and entries --------------------------------------------------------------------

    @property
    def T(self: D) -> D:
        """All axes in reverse order."""
        return self._record(np.transpose, (self,))  # type: ignore[no-any-return]

    @property
    def mT(self: D) -> D:
        """The last two axes exchanged."""
        return self._called(np.matrix_transpose)

    def _called(self: D, fun: Function, *args: object, **kwargs: object) -> D:
        return self._apply(fun, (self, *args), kwargs)  # type: ignore[no-any-return]

    def transpose(self: D, *axes: Any) -> D:
        """The axes in the given order, or in reverse."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        axes = (tuple(order),) if order else ()
        return self._called(np.transpose, *axes)

    def reshape(self: D, *shape: object, order: object = None, copy: object = None) -> D:
        """The same entries in another shape; one length may be -1."""
        options = {name: v for name, v in {"order": order, "copy": copy}.items() if v is not None}
        new = shape[0] if len(shape) == 1 else shape
        return self._called(np.reshape, new, **options)

    def compress(self: D, condition: object, axis: object = None, out: object = None) -> D:
        """The slices for which the condition holds."""
        y: D = self._apply(np.compress, (condition, self, axis), {"out": out})
        return y

    def copy(self: D, order: str = "C") -> D:
        """A new result of the same value, through which gradients flow; `detach` stops them."""
        return self._record(np.copy, (self,))  # type: ignore[no-any-return]

    def clip(
        self: D,
        min: object = None,  # noqa: A002 (NumPy's name, as is the next)
        max: object = None,  # noqa: A002
        out: object = None,
        **options: object,
    ) -> D:
        """The value between bounds; None for no bound."""
        return self._called(np.clip, min, max, out=out, **options)

    def astype(
        self,
        dtype: npt.DTypeLike,
        order: str = "K",
        casting: Any = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        """The value in another dtype: recorded if that is floating, else a plain array."""
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

    dot = _method(np.dot, "`np.dot`.", like=lambda a, b, out=None: None)
    trace = _method(np.trace, "The sum over a diagonal.")
    sum = _method(np.sum, "The sum over `axis` (None: over all).")
    prod = _method(np.prod, "The product over `axis`.")
    mean = _method(np.mean, "The mean over `axis`.")
    max = _method(np.max, "The maximum over `axis`; equal entries share the gradient equally.")
    min = _method(np.min, "The minimum over `axis`; equal entries share the gradient equally.")
    var = _method(np.var, "The variance over `axis`, by the count of entries less ddof.")
    std = _method(np.std, "The standard deviation over `axis`; its slope is 0 where it is 0.")
    cumsum = _method(np.cumsum, "The running sum along `axis` (None: over all, row by row).")
    cumprod = _method(np.cumprod, "The running product along `axis` (None: over all, row by row).")
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

    def view(self, *args: object, **kwargs: object) -> NoReturn:
        """Refused: the bytes of an array as something else have no derivative."""
        raise UnsupportedError(
            "x.view() reads the bytes of an array anew. Use x.astype, x.reshape or x.data.view()."
        )
