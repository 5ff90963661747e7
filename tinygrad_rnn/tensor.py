"""The Tensor: a NumPy duck array that remembers how it was made.

`np.tanh(x @ W + b)` on Tensors computes the value and records the graph.  The record of an application
(function, arguments, their values at that time) lies in the Tensor it made: one object per operation.
References run from result to operand only, so a graph lives as long as its last result and no longer.
"""

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.backprop import pullback
from tinygrad_rnn.dispatch import apply
from tinygrad_rnn.duckarray import DuckArray, value
from tinygrad_rnn.errors import (
    DTypeError,
    GradientError,
    ShapeError,
    TinygradError,
    UnsupportedError,
)
from tinygrad_rnn.mode import recording
from tinygrad_rnn.primitive import VJP, Function, name_of

Array = Any

_next_serial = count().__next__
_new = object.__new__


class Node(NamedTuple):
    """One application of one primitive: `fun(*primals, **kwargs)`."""

    fun: Function
    args: tuple[Any, ...]  # as given: Tensors and constants
    primals: tuple[Any, ...]  # their values when the node was made; rebinding `.data` later changes nothing
    kwargs: dict[str, Any] | None
    argnums: tuple[int, ...]  # which args require a gradient


class Tensor(DuckArray):
    """An array in a computation graph.

    data           the value, an ndarray; a copy of what is given
    requires_grad  whether derivatives with respect to it, or through it, are wanted (floating dtypes only)
    name           shown in pictures and in errors
    grad           after `backward`: dL/d(this), an ndarray of data's shape and dtype; None before.
                   Kept for leaves, and for results on which `retain_grad` was called; it accumulates.

    Raises DTypeError for data that is not numeric, and for integers that require a gradient.
    """

    __slots__ = (
        "args",
        "argnums",
        "data",
        "fun",
        "grad",
        "kwargs",
        "name",
        "primal",
        "primals",
        "requires_grad",
        "retains_grad",
        "serial",
    )

    data: Any
    grad: Any
    name: str | None
    requires_grad: bool
    retains_grad: bool
    serial: int
    fun: Function | None
    primal: Any  # the value as it was made; rebinding `data` later changes nothing in the graph
    args: tuple[Any, ...]
    primals: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    argnums: tuple[int, ...]

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None):
        if isinstance(data, Tensor):
            raise UnsupportedError("the data is a Tensor already. Use it as it is, or pass x.detach().data.")
        array = np.array(data)
        if array.dtype.kind not in "biuf":
            raise DTypeError(f"a Tensor holds real numbers, not dtype {array.dtype}. Convert the data first.")
        if requires_grad and array.dtype.kind != "f":
            raise DTypeError(
                f"a Tensor of dtype {array.dtype} cannot require a gradient: derivatives need a floating dtype. "
                "Pass floats, e.g. np.asarray(data, dtype=float)."
            )
        _fill(self, array, bool(requires_grad), name)

    # -- the graph ------------------------------------------------------------------------------------

    @property
    def creator(self) -> Node | None:
        """The application that made this Tensor; None for a leaf."""
        if self.fun is None:
            return None
        return Node(self.fun, self.args, self.primals, self.kwargs, self.argnums)

    def detach(self) -> "Tensor":
        """A leaf with the same data (not a copy) and no history."""
        return _fill(_new(Tensor), self.data, False, self.name)

    def retain_grad(self) -> "Tensor":
        """Let `backward` keep the gradient of this result, as it does for leaves."""
        if not self.requires_grad:
            raise GradientError(f"{_label(self)} does not require a gradient, so it will never have one to retain.")
        self.retains_grad = True
        return self

    def backward(self, g: Any = None) -> None:
        """Add d(self)/d(leaf), weighted by the cotangent g, to `.grad` of every leaf that requires it.

        g: an array of self's shape; it may be left out for a scalar (then 1).
        On an unrolled network this is backpropagation through time.
        """
        cotangent = seed(self, g)
        kept = [(t, c) for t, c, _ in pullback({self: cotangent}) if t.fun is None or t.retains_grad]
        for tensor, c in kept:
            tensor.grad = np.array(c if tensor.grad is None else tensor.grad + c)

    def __reduce__(self) -> Any:
        """Leaves can be pickled and copied; a result would drag its whole graph along, in which it has a place."""
        if self.fun is not None:
            raise UnsupportedError(
                f"{_label(self)} is the result of {name_of(self.fun)} and cannot be pickled or copied with its graph. "
                "Use x.detach(), or +x for a new result of the same value."
            )
        return _leaf_again, (self.data, self.requires_grad, self.name, self.grad)

    # -- NumPy's protocols ----------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            if ufunc in VJP and len(inputs) <= 2:
                return record_unary(ufunc, inputs[0]) if len(inputs) == 1 else recorder(ufunc)(*inputs)
            return apply(record, ufunc, inputs, {})
        if method != "__call__":
            raise UnsupportedError(
                f"np.{ufunc.__name__}.{method} is not recorded on Tensors. "
                f"Use a function over an axis such as np.sum, or pass x.data."
            )
        raise UnsupportedError(
            f"np.{ufunc.__name__} on Tensors takes no {', '.join(kwargs)}=: results are new Tensors. "
            "Write y = f(x), select with np.where, change the dtype with x.astype."
        )

    def __array_function__(self, fun: Function, types: Any, args: Any, kwargs: Any) -> Any:
        return apply(record, fun, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.requires_grad:
            raise UnsupportedError(
                f"{_label(self)} requires a gradient and would be detached silently if it became a plain array. "
                "Use np.stack or np.concatenate for a list of Tensors, tinygrad_rnn.array for nested lists; "
                "pass x.data if you mean the values."
            )
        return np.array(self.data, dtype=dtype, copy=True) if copy else np.asarray(self.data, dtype=dtype)

    def __repr__(self) -> str:
        facts = [np.array2string(self.data, separator=", ", prefix="Tensor(", threshold=100)]
        if self.data.dtype != np.float64:
            facts.append(f"dtype={self.data.dtype}")
        if self.requires_grad:
            facts.append("requires_grad=True")
        if self.name:
            facts.append(f"name={self.name!r}")
        return f"Tensor({', '.join(facts)})"


def _fill(tensor: Tensor, data: Array, requires_grad: bool, name: str | None) -> Tensor:
    """The slots of a leaf."""
    tensor.data = tensor.primal = data
    tensor.requires_grad, tensor.name = requires_grad, name
    tensor.grad, tensor.retains_grad, tensor.serial = None, False, _next_serial()
    tensor.fun, tensor.args, tensor.primals, tensor.kwargs, tensor.argnums = None, (), (), None, ()
    return tensor


def _leaf_again(data: Array, requires_grad: bool, name: str | None, grad: Array | None) -> Tensor:
    leaf = Tensor(data, requires_grad, name)
    leaf.grad = grad
    return leaf


def record(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Tensor:
    """Apply a primitive: compute its value and, if an operand requires a gradient, remember how.

    Raises ShapeError, naming the operands, where NumPy finds that they do not fit; LinAlgError as NumPy does.
    """
    primals = tuple([a.data if type(a) is Tensor else a for a in args])
    argnums = tuple([i for i, a in enumerate(args) if type(a) is Tensor and a.requires_grad])
    try:
        data = fun(*primals) if kwargs is None else fun(*primals, **kwargs)
    except (TinygradError, np.linalg.LinAlgError):
        raise  # a ValueError that has said what is wrong
    except ValueError as error:
        raise _misfit(fun, args, error) from error
    return _made(data, fun, args, primals, kwargs, argnums)


def record_unary(fun: Function, a: Tensor) -> Tensor:
    """`record(fun, (a,))`, written out for speed."""
    primal = a.data
    return _made(fun(primal), fun, (a,), (primal,), None, (0,) if a.requires_grad else ())


@cache
def recorder(fun: Function) -> Callable[[Any, Any], Tensor]:
    """`record(fun, (a, b))` as a function of a and b, `_made` written out: most operations come this way."""

    def call(a: Any, b: Any) -> Tensor:
        if type(a) is Tensor:
            p, left = a.data, a.requires_grad
        else:
            p, left = a, False
        if type(b) is Tensor:
            q, right = b.data, b.requires_grad
        else:
            q, right = b, False
        try:
            data = fun(p, q)
        except ValueError as error:
            raise _misfit(fun, (a, b), error) from error
        if not (left or right) or recording.get() is not True or type(data) is not np.ndarray:
            return _made(
                data, fun, (a, b), (p, q), None, ((0, 1) if right else (0,)) if left else (1,) if right else ()
            )
        y = _new(Tensor)
        y.data = y.primal = data
        y.name = y.grad = None
        y.retains_grad = False
        y.serial = _next_serial()
        y.requires_grad = True
        y.fun, y.args = fun, (a, b)
        y.primals, y.kwargs = (p, q), None
        y.argnums = ((0, 1) if right else (0,)) if left else (1,)
        return y

    return call


def _made(
    data: Any,
    fun: Function,
    args: tuple[Any, ...],
    primals: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
    argnums: tuple[int, ...],
) -> Tensor:
    """The Tensor of a result, with its history if something in it requires a gradient and recording is on."""
    if type(data) is not np.ndarray:
        if isinstance(data, DuckArray):  # an operand is of another kind, traced by `scan`: it records, with the Tensors
            return data._record(fun, args, kwargs)  # type: ignore[no-any-return]
        data = np.asarray(data)  # a reduction to 0-d gives a NumPy scalar
    y = _new(Tensor)
    y.data = y.primal = data
    y.name = y.grad = None
    y.retains_grad = False
    y.serial = _next_serial()
    if argnums and (mode := recording.get()):
        y.requires_grad = True
        y.fun, y.args = fun, args  # in pairs: CPython builds a tuple to assign more than three at once
        y.primals, y.kwargs = primals, kwargs
        y.argnums = argnums
        if mode is not True:
            mode.recorded(y)
    else:
        y.requires_grad = False
        y.fun, y.args, y.primals, y.kwargs, y.argnums = None, (), (), None, ()
    return y


Tensor._record = staticmethod(record)
Tensor._unary = staticmethod(record_unary)
Tensor._binary = staticmethod(lambda fun, a, b: recorder(fun)(a, b))
for _symbol, _fun in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "pow": np.power,
    "matmul": np.matmul,
}.items():
    setattr(Tensor, f"__{_symbol}__", recorder(_fun))  # what DuckArray says, two calls sooner


def seed(y: Tensor, g: Any = None) -> Array:
    """The cotangent that starts a backward pass at y: g checked, or 1 for a scalar."""
    if not y.requires_grad:
        raise GradientError(
            f"{_label(y)} does not depend on any Tensor with requires_grad=True (or was computed under no_grad), "
            "so there is nothing to differentiate. Create the parameters with Tensor(..., requires_grad=True)."
        )
    if g is None:
        if y.size != 1:
            raise GradientError(
                f"{_label(y)} is not a scalar, so its gradient needs a seed. "
                "Call backward(g) with an array of its shape, or reduce it first, e.g. np.sum(y).backward()."
            )
        return np.ones(y.shape, y.dtype)
    g = np.asarray(value(g), dtype=y.dtype)
    if g.shape != y.shape:
        raise ShapeError(f"the seed has shape {g.shape}; {_label(y)} needs one of shape {y.shape}.")
    return g


def _label(tensor: Tensor) -> str:
    return f"Tensor {tensor.name or 'without a name'} of shape {tensor.shape}"


def _misfit(fun: Function, args: tuple[Any, ...], error: Exception) -> ShapeError:
    operands = [
        f"{a.name or 'a Tensor'} {a.shape}" if isinstance(a, Tensor) else f"an array {np.shape(a)}"
        for a in args
        if isinstance(a, (Tensor, np.ndarray))
    ]
    return ShapeError(f"{name_of(fun)} of {' and '.join(operands)}: {error}")
