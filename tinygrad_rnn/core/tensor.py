"""The Tensor: a NumPy duck array that remembers how it was made.

`np.tanh(x @ W + b)` on Tensors computes the value and records the graph.  The record of an
application (function, arguments, their values at that time) lies in the Tensor that it made: one
object per operation.  References run from result to operand only, so a graph lives as long as its
last result and no longer.  What an operation does is in recording.py.
"""

from __future__ import annotations  # so that the slots can be read from the annotations

import warnings
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn._typing import Args, Array, DType, DTypeLike, Function, Kwargs
from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.careful import Careful, carefully
from tinygrad_rnn.core.operators import DuckArray, value
from tinygrad_rnn.core.tables import VJP
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DTypeError,
    GradientError,
    GradientWarning,
    ShapeError,
    UnsupportedError,
)
from tinygrad_rnn.guards.boundary import label, name_of, public_class
from tinygrad_rnn.guards.fingerprints import Mark, Marks, inherited, of_another, read_by_user
from tinygrad_rnn.guards.operands import real_array

next_serial = count().__next__
new = object.__new__


class Node(NamedTuple):
    """One application of one primitive: `fun(*primals, **kwargs)`."""

    fun: Function
    args: Args  # as given: Tensors and constants
    primals: Args  # their values when the node was made; new data later changes nothing
    kwargs: Kwargs | None
    argnums: tuple[int, ...]  # which args require a gradient


@public_class
class Tensor(DuckArray):
    """An array in a computation graph.

    data           the value, an ndarray; a copy of what is given.  That of a result is read-only
    requires_grad  whether derivatives by it, or through it, are wanted (floating dtypes only)
    name           shown in pictures and in errors
    grad           after `backward`: dL/d(this), an ndarray of data's shape and dtype; None before.
                   Stored for leaves, and for results with `retain_grad()`; it accumulates

    Raises DTypeError for data that is not real, and for integers that require a gradient.
    """

    _data: Any
    _grad: Array | None
    _requires_grad: bool
    name: str | None
    retains_grad: bool
    serial: int  # the number of its birth: an operand's is smaller than its result's
    fun: Any  # the primitive that made it; None for a leaf.  This and the next four: see Node
    args: Args
    primals: Args
    kwargs: Kwargs | None
    argnums: tuple[int, ...]
    marks: (
        Marks  # a leaf that owns its array: its Mark; others: those of arrays others can write to
    )

    __slots__ = tuple(__annotations__)

    def __init__(self, data: object, requires_grad: bool = False, name: str | None = None):
        if isinstance(data, Tensor):
            raise UnsupportedError(
                "the data is a Tensor already. Use it as it is, or pass x.detach().data."
            )
        array = np.array(real_array(data, "the data"))
        _fill(self, array, _checked(requires_grad, array.dtype), name)
        self.marks = Mark(array, shared=False)

    # -- what it holds -------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The value.  Of a leaf the array itself; of a result a view that is read-only."""
        if self.fun is None and type(self.marks) is Mark:
            self.marks = read_by_user(self.marks)
            return self._data  # type: ignore[no-any-return]
        view: Array = self._data.view()
        view.flags.writeable = False
        return view

    @data.setter
    def data(self, given: object) -> None:
        """New numbers for a leaf, a copy of what is given; graphs recorded before hold the old.

        Integers become the floating dtype of the old data; another floating dtype stays.
        """
        if given is self._data:  # `x.data += 1` has written into it already
            return
        if self.fun is not None:
            raise GradientError(
                f"{_of(self)}: its data cannot be replaced, since later results would not follow "
                "from earlier ones. Assign to a leaf, or start a new one with x.detach()."
            )
        array = real_array(value(given), "the new data")
        if array.shape != self._data.shape:
            raise ShapeError(
                f"the new data has shape {array.shape}; {label(self)} keeps its shape. "
                "Make a new Tensor for another shape."
            )
        keeps = self._data.dtype.kind == "f" != array.dtype.kind
        self._data = np.array(array, dtype=self._data.dtype if keeps else None)
        self.marks = Mark(self._data, shared=False)

    @property
    def requires_grad(self) -> bool:
        """Whether derivatives by it, or through it, are wanted; can be set on leaves."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if self.fun is not None:
            raise GradientError(
                f"{_of(self)}; requires_grad can be set on leaves only. "
                "Use x.detach() to stop gradients here."
            )
        self._requires_grad = _checked(wanted, self._data.dtype)

    @property
    def grad(self) -> Any:
        """What `backward` left here; warns where it leaves nothing."""
        if self._grad is None and self.fun is not None and not self.retains_grad:
            warnings.warn(
                f"{_of(self)}, and backward stores gradients for leaves only. Call x.retain_grad() "
                "before backward. If it was meant to be a parameter that is updated, assign to its "
                "data: p.data = p.data - rate * p.grad.",
                GradientWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, g: object) -> None:
        if g is not None:
            g = real_array(value(g), "the gradient")
            if g.shape != self._data.shape:
                raise ShapeError(f"a gradient of shape {g.shape} does not fit {label(self)}.")
        self._grad = g

    # -- the graph -----------------------------------------------------------------------------

    @property
    def creator(self) -> Node | None:
        """The application that made this Tensor; None for a leaf."""
        if self.fun is None:
            return None
        return Node(self.fun, self.args, self.primals, self.kwargs, self.argnums)

    def detach(self) -> Tensor:
        """A leaf with the same data (not a copy), no history, and no gradient."""
        leaf = _fill(new(Tensor), self._data, False, self.name)
        leaf.marks = of_another(inherited(self))
        return leaf

    def retain_grad(self) -> Tensor:
        """Let `backward` store the gradient of this result, as it does for leaves."""
        if not self._requires_grad:
            raise GradientError(
                f"{label(self)} does not require a gradient, so it will never have one to retain."
            )
        self.retains_grad = True
        return self

    def backward(self, g: object = None) -> None:
        """Add d(self)/d(leaf), weighted by the cotangent g, to `.grad` of each leaf that wants it.

        g: an array of self's shape; it may be left out for a scalar (then 1).
        On an unrolled network this is backpropagation through time.
        """
        seeds = {self: seed(self, g)}

        def walk(careful: Careful | None) -> dict[Tensor, Array]:
            visits = pullback(seeds, careful=careful)
            return {t: g for t, g, _ in visits if t.fun is None or t.retains_grad}

        for tensor, g in carefully(seeds, walk).items():
            tensor._grad = np.array(g if tensor._grad is None else tensor._grad + g)

    def __reduce__(self) -> Any:
        """Leaves can be pickled and copied; a result would drag its whole graph along."""
        if self.fun is not None:
            raise UnsupportedError(
                f"{_of(self)} and cannot be pickled or copied with its graph. "
                "Use x.detach(), or +x for a new result of the same value."
            )
        own = (type(self), self._data, self._requires_grad, self.name, self._grad)
        return _leaf_again, own, getattr(self, "__dict__", None)  # which a subclass has

    # -- NumPy's protocols ---------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            if ufunc in VJP and len(inputs) <= 2:
                one = len(inputs) == 1
                return self._unary(ufunc, inputs[0]) if one else self._binary(ufunc, *inputs)
            return self._apply(ufunc, inputs, {})
        if method != "__call__":
            raise UnsupportedError(
                f"np.{ufunc.__name__}.{method} is not recorded on Tensors. "
                "Use a function over an axis such as np.sum, or pass x.data."
            )
        raise UnsupportedError(
            f"np.{ufunc.__name__} on Tensors takes no {', '.join(kwargs)}=: results are new "
            "Tensors. Write y = f(x), select with np.where, change the dtype with x.astype."
        )

    def __array_function__(self, fun: Function, types: object, args: Args, kwargs: Kwargs) -> Any:
        return self._apply(fun, args, kwargs)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if self._requires_grad:
            raise UnsupportedError(
                f"{label(self)} requires a gradient and would be detached silently if it became a "
                "plain array. Use np.stack or np.concatenate for a list of Tensors, "
                "tinygrad_rnn.array for nested lists; pass x.data if you mean the values."
            )
        return np.array(self._data, dtype) if copy else np.asarray(self.data, dtype)

    def __repr__(self) -> str:
        facts = [np.array2string(self._data, separator=", ", prefix="Tensor(", threshold=100)]
        if self._data.dtype != np.float64:
            facts.append(f"dtype={self._data.dtype}")
        if self._requires_grad:
            facts.append("requires_grad=True")
        if self.name:
            facts.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(facts)})"


def _fill(tensor: Tensor, data: Array, requires_grad: bool, name: str | None) -> Tensor:
    """The slots of a leaf."""
    tensor._data, tensor.name = data, name
    tensor._requires_grad, tensor._grad = requires_grad, None
    tensor.retains_grad, tensor.serial = False, next_serial()
    tensor.fun, tensor.args, tensor.primals, tensor.kwargs, tensor.argnums = None, (), (), None, ()
    tensor.marks = None
    return tensor


def _leaf_again(
    kind: type[Tensor], data: Array, requires_grad: bool, name: str | None, grad: Array | None
) -> Tensor:
    leaf = _fill(new(kind), np.array(data), requires_grad, name)
    leaf.marks, leaf._grad = Mark(leaf._data, shared=False), grad
    return leaf


def seed(y: Tensor, g: object = None) -> Array:
    """The cotangent that starts a backward pass at y: g checked, or 1 for a scalar."""
    if not y._requires_grad:
        raise GradientError(
            f"{label(y)} does not depend on any Tensor with requires_grad=True (or was computed "
            "under no_grad), so there is nothing to differentiate. "
            "Create the parameters with Tensor(..., requires_grad=True)."
        )
    if g is None:
        if y.size != 1:
            raise GradientError(
                f"{label(y)} is not a scalar, so its gradient needs a seed. Call backward(g) with "
                "an array of its shape, or reduce it first, e.g. np.sum(y).backward()."
            )
        return np.array(1, y.dtype).reshape(y.shape)
    start = real_array(value(g), "the seed").astype(y.dtype)
    if start.shape != y.shape:
        raise ShapeError(
            f"the seed has shape {start.shape}; {label(y)} needs one of shape {y.shape}."
        )
    return start


def _of(result: Tensor) -> str:
    return f"{label(result)} is the result of {name_of(result.fun)}"


def _checked(requires_grad: object, dtype: DType) -> bool:
    if not isinstance(requires_grad, (bool, int, np.bool_)):
        raise ArgumentTypeError(f"requires_grad is True or False, not {requires_grad!r:.60}.")
    if requires_grad and dtype.kind != "f":
        raise DTypeError(
            f"a Tensor of dtype {dtype} cannot require a gradient: derivatives need a floating "
            "dtype. Pass floats, e.g. np.asarray(data, dtype=float)."
        )
    return bool(requires_grad)
