"""What an operation on Tensors does: compute the value and, if it is wanted, remember how.

Plain arrays that a rule will read are copied or fingerprinted, so that a gradient is of the numbers
that the forward pass saw.  `record` is the whole story; `record_unary` and `recorder` are the same,
written out for operations of one and of two operands.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Args, Array, Function, Kwargs
from tinygrad_rnn.core.dispatch import apply
from tinygrad_rnn.core.mode import current, recording
from tinygrad_rnn.core.operators import DuckArray
from tinygrad_rnn.core.tables import LINEAR, has_rule
from tinygrad_rnn.core.tensor import Tensor, new, next_serial
from tinygrad_rnn.errors import DTypeError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.guards.explained import EXPLAINED, explained
from tinygrad_rnn.guards.fingerprints import (
    COPIED,
    FIXED,
    Mark,
    Marks,
    copied,
    held,
    inherited,
    marked,
    of_another,
    together,
)
from tinygrad_rnn.guards.operands import FLOAT64, FLOATS, NUMBERS, REAL, check_real, real_array

_ndarray = np.ndarray


def record(fun: Function, args: Args, kwargs: Kwargs | None = None) -> Tensor:
    """Apply a primitive: compute its value and, if an operand requires a gradient, remember how.

    Raises what NumPy would raise where operands do not fit, as an error of ours that names them.
    """
    primals, argnums, found = list(args), [], []
    # Whether there may be arrays, among operands and options, that others can write to.
    loose = kwargs is not None and not FIXED.issuperset(map(type, kwargs.values()))
    for i, a in enumerate(args):
        kind = type(a)
        if kind is Tensor or isinstance(a, Tensor):
            primals[i] = a._data
            if a._requires_grad:
                argnums.append(i)
            if a.marks is not None:
                found.append(inherited(a))
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
    data: Array, fun: Function, args: Args, kwargs: Kwargs | None, found: list[Marks]
) -> Tensor:
    """`record(fun, args, kwargs)` where the result and the marks of plain arrays are known."""
    primals, argnums = list(args), []
    for i, a in enumerate(args):
        if isinstance(a, Tensor):
            primals[i] = a._data
            if a._requires_grad:
                argnums.append(i)
            if a.marks is not None:
                found.append(inherited(a))
    marks = together(*found) if found else None
    return _made(data, fun, args, tuple(primals), kwargs, tuple(argnums), marks, False)


def record_unary(fun: Function, a: Tensor) -> Tensor:
    """`record(fun, (a,))`, written out."""
    primal, marks = a._data, a.marks
    try:
        data = fun(primal)
    except EXPLAINED as error:
        if ours := explained(fun, (a,), error):
            raise ours from error
        raise
    if marks is not None:
        marks = inherited(a)
    return _made(data, fun, (a,), (primal,), None, (0,) if a._requires_grad else (), marks, False)


@cache
def recorder(fun: Function) -> Callable[[object, object], Tensor]:
    """`record(fun, (a, b))` as a function of a and b, written out: most operations are these."""

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
                    marks = inherited(a)
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
                    others = inherited(b)
        elif type(b) is _ndarray or type(b) in NUMBERS:
            q, right = b, False
        else:
            return record(fun, (a, b))
        if others is not None:
            both = type(marks) is type(others) is Mark
            marks = (
                others if marks is None else (marks, others) if both else together(marks, others)
            )
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
        if not (left and right) and fun not in LINEAR:
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
        y = new(Tensor)
        y._data = data
        y.name = y._grad = None
        y.retains_grad = False
        y.serial = next_serial()
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
    args: Args,
    primals: Args,
    kwargs: Kwargs | None,
    argnums: tuple[int, ...],
    marks: Marks,
    loose: bool,
) -> Tensor:
    """The Tensor of a result, with its history if something in it requires a gradient."""
    if type(data) is not _ndarray:
        if isinstance(data, DuckArray):  # an operand is traced by `scan`, which records all of them
            return data._record(fun, args, kwargs)  # type: ignore[no-any-return]
        generic = isinstance(data, np.generic)  # a reduction to 0-d
        data = np.asarray(data) if generic else real_array(data, f"the result of {name_of(fun)}")
    if data.dtype is not FLOAT64 and data.dtype not in REAL:
        check_real(data.dtype, f"the result of {name_of(fun)}")
    y = new(Tensor)
    y._data = data
    y.name = y._grad = None
    y.retains_grad = False
    y.serial = next_serial()
    if argnums and (mode := recording.get()) and (mode is True or (mode := current())):
        if data.dtype is not FLOAT64 and data.dtype.kind != "f":
            raise DTypeError(
                f"{name_of(fun)} gave dtype {data.dtype} from an operand that requires a gradient: "
                "its derivative is 0 or does not exist. Pass x.data if you mean the value, or let "
                "the function give floats."
            )
        if loose:
            args, primals, kwargs, marks = _guarded(fun, args, primals, kwargs, argnums, marks)
        y._requires_grad = True
        y.fun = fun  # then in pairs: CPython builds a tuple to assign more than two or three
        y.args, y.primals = args, primals
        y.kwargs, y.argnums = kwargs, argnums
        y.marks = marks
        if mode is not True:
            mode.recorded(y)
    else:
        y._requires_grad = False
        y.fun, y.args, y.primals, y.kwargs, y.argnums = None, (), (), None, ()
        y.marks = of_another(marks) if marks is not None and data.base is not None else None
    return y


def _guarded(
    fun: Function,
    args: Args,
    primals: Args,
    kwargs: Kwargs | None,
    argnums: tuple[int, ...],
    marks: Marks,
) -> tuple[Args, Args, Kwargs | None, Marks]:
    """The operands as the graph holds them: constants that a rule reads are copied or marked."""
    given, values, found = list(args), list(primals), [marks]
    linear = fun in LINEAR
    for i, p in enumerate(primals):
        unread = i in argnums or isinstance(args[i], Tensor) or (linear and has_rule(fun, i))
        if unread or type(p) in FIXED:
            continue
        if type(p) is not _ndarray:
            given[i] = values[i] = copied(p)
            continue
        check_real(p.dtype, f"argument {i} of {name_of(fun)}")
        given[i] = values[i] = held(p, found, COPIED)
    if kwargs and not FIXED.issuperset(map(type, kwargs.values())):
        kwargs = {key: copied(v) for key, v in kwargs.items()}
    return tuple(given), tuple(values), kwargs, together(*found)


def _operand(fun: Function, i: int, a: Any) -> Any:
    """An operand of a kind of its own: what stands where an array is wanted becomes one."""
    if isinstance(a, (DuckArray, np.generic)) or not (has_rule(fun, i) or isinstance(a, _ndarray)):
        return a
    return real_array(a, f"argument {i} of {name_of(fun)}")


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
