"""What a cell can read: its attributes, its closure, its defaults, and the globals its code names.

A plan is good for as long as all of that is the same: `reach` lists it, and identity is compared.  Values of Tensors
may change (they are read at every call); a new object in the place of an old one means a new trace.
"""

import functools
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from tinygrad_rnn.tensor import Tensor

_LEAVES = (
    ModuleType,
    BuiltinFunctionType,
    CodeType,
    Tensor,
    np.ndarray,
    np.ufunc,
    np.generic,
    np.random.Generator,
    int,
    float,
    str,
    bytes,
    type,
    type(None),
)
_LIBRARIES = ("numpy", "tinygrad_rnn", "builtins")


def reach(cell: Any) -> list[Any]:
    """Every object within reach that the trace may depend on, in a fixed order."""
    found: list[Any] = []
    seen: set[int] = set()
    stack = [cell]
    while stack:
        x = stack.pop()
        if isinstance(x, _LEAVES):
            found.append(x)
            continue
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, (list, tuple, set, frozenset)):
            found.append(len(x))
            stack.extend(x)
        elif isinstance(x, dict):
            found.extend(x)
            stack.extend(x.values())
        elif isinstance(x, FunctionType):
            found.append(x.__code__)
            stack.extend(_of_function(x))
        elif isinstance(x, MethodType):
            stack += (x.__func__, x.__self__)
        elif isinstance(x, functools.partial):
            stack += (x.func, x.args, x.keywords)
        else:
            found.append(type(x))
            stack.extend(_of_object(x))
    return found


def same(a: list[Any], b: list[Any]) -> bool:
    """Whether two lists hold the same objects."""
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def name_of_cell(cell: Any) -> str:
    """What to call it in errors."""
    return str(getattr(cell, "__qualname__", type(cell).__qualname__))


def _of_function(f: FunctionType) -> list[Any]:
    within = [c.cell_contents for c in f.__closure__ or () if _is_filled(c)]
    within += f.__defaults__ or ()
    within += (f.__kwdefaults__ or {}).values()
    if f.__module__ is None or f.__module__.split(".")[0] not in _LIBRARIES:
        names = f.__code__.co_names
        within += [f.__globals__[n] for n in names if n in f.__globals__]
    return within


def _of_object(x: Any) -> list[Any]:
    within = list(getattr(x, "__dict__", {}).values())
    within += [getattr(x, n) for c in type(x).__mro__ for n in getattr(c, "__slots__", ()) if hasattr(x, n)]
    call = type(x).__dict__.get("__call__")
    return [*within, call] if isinstance(call, FunctionType) else within


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None or True
    except ValueError:
        return False
