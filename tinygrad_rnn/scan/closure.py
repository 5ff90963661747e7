"""What a cell can read: its attributes, its closure, its defaults, and the globals its code names.

A plan is good as long as all of these are the same objects.  The numbers in Tensors and arrays may
change, for they are read at every call; a new object instead of an old one means a new trace.
"""

import functools
from collections.abc import Callable, Collection
from operator import is_
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import TypeAlias

import numpy as np

from tinygrad_rnn.core.tensor import Tensor

_LEAVES = (
    *(ModuleType, BuiltinFunctionType, CodeType, type, type(None), int, float, str, bytes),
    *(Tensor, np.ndarray, np.ufunc, np.generic, np.random.Generator),
)
_FIXED = (tuple, frozenset, MethodType)
_LIBRARIES = ("numpy", "tinygrad_rnn", "builtins")

Contents: TypeAlias = Callable[[], Collection[object]]  # gives what a container holds now


class Closure:
    """Everything that a cell can reach, and the containers it was found in."""

    def __init__(self, cell: object):
        self.cell = cell
        self.found: list[object] = []
        self._containers: list[tuple[Contents, tuple[object, ...]]] = []
        seen: set[int] = set()
        stack = [cell]
        while stack:
            x = stack.pop()
            if isinstance(x, _LEAVES):
                self.found.append(x)
            elif id(x) not in seen:
                seen.add(id(x))
                self.found.append(x.__code__ if isinstance(x, FunctionType) else type(x))
                for contents in _contents(x):
                    now = tuple(contents())
                    self.found.append(len(now))
                    if not isinstance(x, _FIXED):
                        self._containers.append((contents, now))
                    stack.extend(now)

    def of(self, cell: object) -> bool:
        """Whether this is the closure of that cell; a method is a new object at each look-up."""
        return cell is self.cell or (isinstance(cell, MethodType) and bool(cell == self.cell))

    def unchanged(self) -> bool:
        """Whether every container still holds the same objects."""
        for contents, then in self._containers:
            now = contents()
            if len(now) != len(then) or not all(map(is_, now, then)):
                return False
        return True

    def same(self, other: "Closure") -> bool:
        """Whether another cell, or this one later, reaches the same objects by the same code."""
        return len(self.found) == len(other.found) and all(
            a is b or (type(a) is type(b) is int and a == b)
            for a, b in zip(self.found, other.found, strict=True)
        )


def name_of_cell(cell: object) -> str:
    """What to call it in errors."""
    return str(getattr(cell, "__qualname__", type(cell).__qualname__))


def _contents(x: object) -> list[Contents]:
    """Functions that give what x holds now."""
    if isinstance(x, (list, tuple, set, frozenset)):
        return [functools.partial(tuple, x)]
    if isinstance(x, dict):
        return [x.keys, x.values]
    if isinstance(x, FunctionType):
        return [_of_function(x)]
    if isinstance(x, MethodType):
        return [lambda: (x.__func__, x.__self__)]
    if isinstance(x, functools.partial):
        return [lambda: (x.func, x.args, x.keywords)]
    slots = [n for c in type(x).__mro__ for n in getattr(c, "__slots__", ()) if hasattr(x, n)]
    found: list[Contents] = [lambda: [getattr(x, n) for n in slots]] if slots else []
    if hasattr(x, "__dict__"):
        found.append(x.__dict__.values)
    call = type(x).__dict__.get("__call__")
    return [*found, lambda: (call,)] if isinstance(call, FunctionType) else found


def _of_function(f: FunctionType) -> Contents:
    cells, look_up = f.__closure__ or (), f.__globals__.get
    names = () if str(f.__module__).split(".")[0] in _LIBRARIES else f.__code__.co_names
    return lambda: [*map(_filling, cells), f.__defaults__, f.__kwdefaults__, *map(look_up, names)]


def _filling(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None
