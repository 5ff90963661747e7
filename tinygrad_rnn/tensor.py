"""The Tensor: a NumPy duck array that remembers how it was made.

`np.tanh(x @ W + b)` on Tensors computes the value and records the graph.  The record of an application
(function, arguments, their values at that time) lies in the Tensor it made: one object per operation.
References run from result to operand only, so a graph lives as long as its last result and no longer.
"""

import warnings
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.backprop import carefully, pullback
from tinygrad_rnn.boundary import public_class
from tinygrad_rnn.dispatch import EXPLAINED, apply, explained
from tinygrad_rnn.duckarray import DuckArray, value
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DTypeError,
    GradientError,
    GradientWarning,
    ShapeError,
    UnsupportedError,
)
from tinygrad_rnn.marks import COPIED, FIXED, Mark, Marks, copied, marked, read_by_user, recorded_again, together
from tinygrad_rnn.mode import current, recording
from tinygrad_rnn.operands import FLOAT64, FLOATS, NUMBERS, REAL, check_real, real_array
from tinygrad_rnn.primitive import LINEAR, VJP, Function, has_rule, name_of

Array = Any

_next_serial = count().__next__
_new = object.__new__
_ndarray = np.ndarray


class Node(NamedTuple):
    """One application of one primitive: `fun(*primals, **kwargs)`."""

    fun: Function
    args: tuple[Any, ...]  # as given: Tensors and constants
    primals: tuple[Any, ...]  # their values when the node was made; new data later changes nothing
    kwargs: dict[str, Any] | None
    argnums: tuple[int, ...]  # which args require a gradient


@public_class
class Tensor(DuckArray):
    """An array in a computation graph.

    data           the value, an ndarray; a copy of what is given.  That of a result cannot be written to
    requires_grad  whether derivatives with respect to it, or through it, are wanted (floating dtypes only)
    name           shown in pictures and in errors
    grad           after `backward`: dL/d(this), an ndarray of data's shape and dtype; None before.
                   Kept for leaves, and for results on which `retain_grad` was called; it accumulates.

    Raises DTypeError for data that is not real, and for integers that require a gradient.
    """

    __slots__ = (
        "_data",
        "_grad",
        "_requires_grad",
        "args",
        "argnums",
        "fun",
        "kwargs",
        "marks",
        "name",
        "primals",
        "retains_grad",
        "serial",
    )

    _data: Any
    _grad: Any
    _requires_grad: bool
    name: str | None
    retains_grad: bool
    serial: int
    fun: Function | None  # None for a leaf
    args: tuple[Any, ...]
    primals: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    argnums: tuple[int, ...]
    marks: Marks  # a Mark of a leaf that owns its array; of a result, those of arrays others can write to

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None):
        if isinstance(data, Tensor):
            raise UnsupportedError("the data is a Tensor already. Use it as it is, or pass x.detach().data.")
        array = np.array(data if type(data) is _ndarray and data.dtype in REAL else real_array(data, "the data"))
        if _is_true(requires_grad) and array.dtype.kind != "f":
            raise _not_floating(array.dtype)
        _fill(self, array, bool(requires_grad), name)
        self.marks = Mark(array, shared=False)

    # -- what it holds --------------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The value.  Of a leaf the array itself; of a result a view that cannot be written to."""
        if self.fun is None and type(self.marks) is Mark:
            self.marks = read_by_user(self.marks)
            return self._data
        view = self._data.view()
        view.flags.writeable = False
        return view

    @data.setter
    def data(self, new: Any) -> None:
        """New numbers for a leaf, a copy of what is given; graphs recorded before keep the old ones.

        Integers become the floating dtype of the old data; another floating dtype is taken as it is.
        """
        if new is self._data:  # `x.data += 1` has written into it already
            return
        if self.fun is not None:
            raise GradientError(
                f"{_label(self)} is the result of {name_of(self.fun)}: its data cannot be replaced, "
                "since later results would not follow from earlier ones. Assign to a leaf, or start a "
                "new one with x.detach()."
            )
        array = new if type(new) is _ndarray and new.dtype in REAL else real_array(value(new), "the new data")
        if array.shape != self._data.shape:
            raise ShapeError(
                f"the new data has shape {array.shape}; {_label(self)} keeps its shape. "
                "Make a new Tensor for another shape."
            )
        keeps = self._data.dtype.kind == "f" != array.dtype.kind
        self._data = np.array(array, dtype=self._data.dtype if keeps else None)
        self.marks = Mark(self._data, shared=False)

    @property
    def requires_grad(self) -> bool:
        """Whether derivatives with respect to it, or through it, are wanted; can be set on leaves."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if self.fun is not None:
            raise GradientError(
                f"{_label(self)} is the result of {name_of(self.fun)}; requires_grad can be set on leaves only. "
                "Use x.detach() to stop gradients here."
            )
        if _is_true(wanted) and self._data.dtype.kind != "f":
            raise _not_floating(self._data.dtype)
        self._requires_grad = bool(wanted)

    @property
    def grad(self) -> Any:
        """What `backward` left here; warns where it leaves nothing."""
        if self._grad is None and self.fun is not None and not self.retains_grad:
            warnings.warn(
                f"{_label(self)} is the result of {name_of(self.fun)}, and backward keeps gradients for leaves only. "
                "Call x.retain_grad() before backward. If it was meant to be a parameter that is updated, assign to "
                "its data: p.data = p.data - rate * p.grad.",
                GradientWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, g: Any) -> None:
        if g is not None:
            g = real_array(value(g), "the gradient")
            if g.shape != self._data.shape:
                raise ShapeError(f"a gradient of shape {g.shape} does not fit {_label(self)}.")
        self._grad = g

    # -- the graph ------------------------------------------------------------------------------------

    @property
    def creator(self) -> Node | None:
        """The application that made this Tensor; None for a leaf."""
        if self.fun is None:
            return None
        return Node(self.fun, self.args, self.primals, self.kwargs, self.argnums)

    def detach(self) -> "Tensor":
        """A leaf with the same data (not a copy), no history, and no gradient."""
        leaf = _fill(_new(Tensor), self._data, False, self.name)
        leaf.marks = _of_another(_inherited(self))
        return leaf

    def retain_grad(self) -> "Tensor":
        """Let `backward` keep the gradient of this result, as it does for leaves."""
        if not self._requires_grad:
            raise GradientError(f"{_label(self)} does not require a gradient, so it will never have one to retain.")
        self.retains_grad = True
        return self

    def backward(self, g: Any = None) -> None:
        """Add d(self)/d(leaf), weighted by the cotangent g, to `.grad` of every leaf that requires it.

        g: an array of self's shape; it may be left out for a scalar (then 1).
        On an unrolled network this is backpropagation through time.
        """
        seeds = {self: seed(self, g)}
        found = carefully(
            seeds,
            lambda careful: {t: c for t, c, _ in pullback(seeds, careful=careful) if t.fun is None or t.retains_grad},
        )
        for tensor, c in found.items():
            tensor._grad = np.array(c if tensor._grad is None else tensor._grad + c)

    def __reduce__(self) -> Any:
        """Leaves can be pickled and copied; a result would drag its whole graph along, in which it has a place."""
        if self.fun is not None:
            raise UnsupportedError(
                f"{_label(self)} is the result of {name_of(self.fun)} and cannot be pickled or copied with its graph. "
                "Use x.detach(), or +x for a new result of the same value."
            )
        state = vars(self) if hasattr(self, "__dict__") else None  # of a subclass
        return _leaf_again, (type(self), self._data, self._requires_grad, self.name, self._grad), state

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
        if self._requires_grad:
            raise UnsupportedError(
                f"{_label(self)} requires a gradient and would be detached silently if it became a plain array. "
                "Use np.stack or np.concatenate for a list of Tensors, tinygrad_rnn.array for nested lists; "
                "pass x.data if you mean the values."
            )
        return np.array(self._data, dtype=dtype, copy=True) if copy else np.asarray(self.data, dtype=dtype)

    def __float__(self) -> float:
        return float(self._number("float(x), and what asks for one (math.tanh(x), a[i] = x, np.fromiter, '%.3f' % x),"))

    def __int__(self) -> int:
        return int(self._number("int(x)"))

    def __complex__(self) -> complex:
        return complex(self._number("complex(x)"))

    def _number(self, what: str) -> Any:
        """The value for a Python number.  Raises UnsupportedError for what is being differentiated."""
        if self._requires_grad and current():
            raise UnsupportedError(
                f"{what} would detach {_label(self)}, which requires a gradient. Use x.item() or x.data if you mean "
                'the value, f"{x:.3f}" to print it; np.tanh(x) in the place of math.tanh(x), np.stack or '
                "tinygrad_rnn.array in the place of a[i] = x."
            )
        return self._data

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
    tensor._data = data
    tensor._requires_grad, tensor.name = requires_grad, name
    tensor._grad, tensor.retains_grad, tensor.serial = None, False, _next_serial()
    tensor.fun, tensor.args, tensor.primals, tensor.kwargs, tensor.argnums = None, (), (), None, ()
    tensor.marks = None
    return tensor


def _leaf_again(kind: type[Tensor], data: Array, requires_grad: bool, name: str | None, grad: Array | None) -> Tensor:
    leaf = _fill(_new(kind), np.array(data), requires_grad, name)
    leaf.marks, leaf._grad = Mark(leaf._data, shared=False), grad
    return leaf


def held(x: Any, found: list[Marks], most: int) -> Any:
    """A plain array as a graph may keep it, a copy or, beyond `most` bytes, with its mark among those `found`."""
    if type(x) is not _ndarray:
        return x
    if x.nbytes <= most:
        return x.copy()
    found.append(marked(x))
    return x


# -- recording ----------------------------------------------------------------------------------------


def record(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Tensor:
    """Apply a primitive: compute its value and, if an operand requires a gradient, remember how.

    Raises, naming the operands, what NumPy would raise where they do not fit, as an error of this package too.
    """
    primals, argnums, found = list(args), [], []
    loose = kwargs is not None and not FIXED.issuperset(map(type, kwargs.values()))
    for i, a in enumerate(args):
        kind = type(a)
        if kind is Tensor or isinstance(a, Tensor):
            primals[i] = a._data
            if a._requires_grad:
                argnums.append(i)
            if (mark := a.marks) is not None:
                own = type(mark) is Mark and not mark.shared and a.fun is None
                found.append(mark if own else _inherited(a))
        elif kind is _ndarray:
            loose = True
        elif kind not in FIXED and not (kind is tuple and FIXED.issuperset(map(type, a))):
            loose, primals[i] = True, _operand(fun, i, a)
    try:
        data = fun(*primals) if kwargs is None else fun(*primals, **kwargs)
    except EXPLAINED as error:
        if ours := explained(fun, args, error):
            raise ours from error
        raise
    marks = together(*found) if found else None
    return _made(data, fun, args, tuple(primals), kwargs, tuple(argnums), marks, loose)


def record_result(
    data: Array, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any] | None, found: list[Marks]
) -> Tensor:
    """`record(fun, args, kwargs)`, where the result is known already and the plain arrays are `held`."""
    primals, argnums = list(args), []
    for i, a in enumerate(args):
        if isinstance(a, Tensor):
            primals[i] = a._data
            if a._requires_grad:
                argnums.append(i)
            if (mark := a.marks) is not None and (a.fun is None or a._data.base is not None):
                found.append(mark if type(mark) is Mark and not mark.shared else _inherited(a))
    marks = together(*found) if found else None
    return _made(data, fun, args, tuple(primals), kwargs, tuple(argnums), marks, False)


def record_unary(fun: Function, a: Tensor) -> Tensor:
    """`record(fun, (a,))`, written out for speed."""
    primal, marks = a._data, a.marks
    try:
        data = fun(primal)
    except EXPLAINED as error:
        if ours := explained(fun, (a,), error):
            raise ours from error
        raise
    if marks is not None:
        marks = _inherited(a)
    return _made(data, fun, (a,), (primal,), None, (0,) if a._requires_grad else (), marks, False)


@cache
def recorder(fun: Function) -> Callable[[Any, Any], Tensor]:
    """`record(fun, (a, b))` as a function of a and b, written out for speed: most operations come this way."""
    reads = fun not in LINEAR

    def call(a: Any, b: Any) -> Tensor:
        marks: Any = None
        others: Any = None
        if type(a) is Tensor:
            p, left, marks = a._data, a._requires_grad, a.marks
            if marks is not None:
                if a.fun is not None:
                    if p.base is None:
                        marks = None
                elif type(marks) is not Mark or marks.shared:
                    marks = _inherited(a)
        elif type(a) is _ndarray or type(a) in NUMBERS:
            p, left = a, False
        else:
            return record(fun, (a, b))
        if type(b) is Tensor:
            q, right, others = b._data, b._requires_grad, b.marks
            if others is not None:
                if b.fun is not None:
                    if q.base is None:
                        others = None
                elif type(others) is not Mark or others.shared:
                    others = _inherited(b)
        elif type(b) is _ndarray or type(b) in NUMBERS:
            q, right = b, False
        else:
            return record(fun, (a, b))
        if others is not None:
            both = type(marks) is type(others) is Mark
            marks = others if marks is None else (marks, others) if both else together(marks, others)
        try:
            data = fun(p, q)
        except EXPLAINED as error:
            if ours := explained(fun, (a, b), error):
                raise ours from error
            raise
        argnums = ((0, 1) if right else (0,)) if left else (1,) if right else ()
        if (
            not argnums
            or recording.get() is not True
            or type(data) is not _ndarray
            or (data.dtype is not FLOAT64 and data.dtype not in FLOATS)
        ):
            return _made(data, fun, (a, b), (p, q), None, argnums, marks, True)
        if reads and not (left and right):
            if type(b) is _ndarray:
                if q.nbytes <= COPIED:
                    b = q = q.copy()
                else:
                    marks = together(marks, marked(q))
            elif type(a) is _ndarray:
                if p.nbytes <= COPIED:
                    a = p = p.copy()
                else:
                    marks = together(marks, marked(p))
        y = _new(Tensor)
        y._data = data
        y.name = y._grad = None
        y.retains_grad = False
        y.serial = _next_serial()
        y._requires_grad = True
        y.fun, y.args = fun, (a, b)
        y.primals, y.kwargs = (p, q), None
        y.argnums, y.marks = argnums, marks
        return y

    call.__qualname__ = name_of(fun)
    return call


def _made(
    data: Any,
    fun: Function,
    args: tuple[Any, ...],
    primals: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
    argnums: tuple[int, ...],
    marks: Marks,
    loose: bool,
) -> Tensor:
    """The Tensor of a result, with its history if something in it requires a gradient and recording is on.

    marks  those of the operands
    loose  whether there may be arrays among the operands and options that others can write to
    """
    if type(data) is not _ndarray:
        if isinstance(data, DuckArray):  # an operand is of another kind, traced by `scan`: it records, with the Tensors
            return data._record(fun, args, kwargs)  # type: ignore[no-any-return]
        generic = isinstance(data, np.generic)  # a reduction to 0-d
        data = np.asarray(data) if generic else real_array(data, f"the result of {name_of(fun)}")
    if data.dtype is not FLOAT64 and data.dtype not in REAL:
        check_real(data.dtype, f"the result of {name_of(fun)}")
    y = _new(Tensor)
    y._data = data
    y.name = y._grad = None
    y.retains_grad = False
    y.serial = _next_serial()
    if argnums and (mode := recording.get()) and (mode is True or (mode := current())):
        if data.dtype is not FLOAT64 and data.dtype.kind != "f":
            raise _no_slope(fun, data.dtype)
        if loose:
            args, primals, kwargs, marks = _guarded(fun, args, primals, kwargs, argnums, marks)
        y._requires_grad = True
        y.fun, y.args = fun, args  # in pairs: CPython builds a tuple to assign more than three at once
        y.primals, y.kwargs = primals, kwargs
        y.argnums, y.marks = argnums, marks
        if mode is not True:
            mode.recorded(y)
    else:
        y._requires_grad = False
        y.fun, y.args, y.primals, y.kwargs, y.argnums = None, (), (), None, ()
        y.marks = _of_another(marks) if marks is not None and data.base is not None else None
    return y


def _guarded(
    fun: Function,
    args: tuple[Any, ...],
    primals: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
    argnums: tuple[int, ...],
    marks: Marks,
) -> tuple[tuple[Any, ...], tuple[Any, ...], dict[str, Any] | None, Marks]:
    """The operands as the graph keeps them: constants that a rule reads are copied or marked."""
    given, values, found = list(args), list(primals), [marks]
    linear, moving = fun in LINEAR, set(argnums)
    for i, p in enumerate(primals):
        if i in moving or type(p) in FIXED or isinstance(args[i], Tensor) or (linear and has_rule(fun, i)):
            continue
        if type(p) is not _ndarray:
            given[i] = values[i] = copied(p)
            continue
        check_real(p.dtype, f"argument {i} of {name_of(fun)}")
        given[i] = values[i] = p.copy() if p.nbytes <= COPIED else p
        if p.nbytes > COPIED:
            found.append(marked(p))
    if kwargs and not FIXED.issuperset(map(type, kwargs.values())):
        kwargs = {key: copied(v) for key, v in kwargs.items()}
    return tuple(given), tuple(values), kwargs, together(*found)


def _operand(fun: Function, i: int, a: Any) -> Any:
    """An operand of a kind of its own: what stands where an array is wanted becomes one."""
    if isinstance(a, (DuckArray, np.generic)) or not (has_rule(fun, i) or isinstance(a, _ndarray)):
        return a
    return real_array(a, f"argument {i} of {name_of(fun)}")


def _inherited(a: Tensor) -> Marks:
    """The marks that an operation gets from an operand: of arrays that share the operand's memory."""
    marks: Any = a.marks
    if a.fun is not None:
        return marks if a._data.base is not None else None
    if type(marks) is Mark:
        if marks.shared:
            a.marks = marks = recorded_again(marks)
    elif marks is not None:
        a.marks = marks = tuple([recorded_again(m) if m.shared or m.print is not None else m for m in marks])
    return marks  # type: ignore[no-any-return]


def _of_another(marks: Marks) -> Marks:
    """Marks as a leaf has them that does not own its array."""
    return (marks,) if type(marks) is Mark else marks


Tensor._apply = staticmethod(lambda fun, args, kwargs: apply(record, fun, args, kwargs))
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
    if not y._requires_grad:
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
        return np.array(1, y.dtype).reshape(y.shape)
    g = real_array(value(g), "the seed").astype(y.dtype)
    if g.shape != y.shape:
        raise ShapeError(f"the seed has shape {g.shape}; {_label(y)} needs one of shape {y.shape}.")
    return g


# -- errors -------------------------------------------------------------------------------------------


def _label(tensor: Tensor) -> str:
    return f"Tensor {tensor.name or 'without a name'} of shape {tensor.shape}"


def _is_true(requires_grad: Any) -> bool:
    if isinstance(requires_grad, (bool, int, np.bool_)):
        return bool(requires_grad)
    raise ArgumentTypeError(f"requires_grad is True or False, not {requires_grad!r:.60}.")


def _not_floating(dtype: Any) -> DTypeError:
    return DTypeError(
        f"a Tensor of dtype {dtype} cannot require a gradient: derivatives need a floating dtype. "
        "Pass floats, e.g. np.asarray(data, dtype=float)."
    )


def _no_slope(fun: Function, dtype: Any) -> DTypeError:
    return DTypeError(
        f"{name_of(fun)} gave dtype {dtype} from an operand that requires a gradient: its derivative is 0 or does not "
        "exist. Pass x.data if you mean the value, or let the function give floats."
    )
