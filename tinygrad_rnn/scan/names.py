"""Names for the values and objects of generated code."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from tinygrad_rnn._typing import Function
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.scan.forms import TimeAxis
from tinygrad_rnn.scan.operations import is_ufunc
from tinygrad_rnn.scan.traced import Operand, Traced

_SPELLED = (TimeAxis, bool, int, float, str, type(None), type(...))


class Names:
    """Gives a name to every value, and to every object that code cannot spell, in `environment`."""

    def __init__(self) -> None:
        self.environment: dict[str, object] = {}
        self._values: dict[int, str] = {}
        self._objects: dict[Hashable, str] = {}
        self._taken = {"T", "B", "t", "run", "bind", "prepare", "finish", "zip", "range"}
        self._alive: list[object] = []  # what ids are taken of must live as long

    def of(self, v: Traced) -> str:
        """The name of a value."""
        if id(v) not in self._values:
            self._alive.append(v)
            if v.fun is None:
                plain = v.name if v.name.isidentifier() else "c"
            else:  # add1, add2; the plain name is the function's
                plain = getattr(v.fun, "__name__", "value").strip("_<>") + "1"
            self._values[id(v)] = self.fresh(plain)
        return self._values[id(v)]

    def fresh(self, plain: str) -> str:
        """A name that is not in use, this one if possible."""
        stem, number = plain.rstrip("0123456789"), 1
        name = plain
        while name in self._taken:
            number += 1
            name = f"{stem}{number}"
        self._taken.add(name)
        return name

    def object(self, x: object, plain: str, key: Hashable = None) -> str:
        """The name under which the code finds x."""
        key = id(x) if key is None else key
        if key not in self._objects:
            self._alive.append(x)
            self._objects[key] = self.fresh(plain)
            self.environment[self._objects[key]] = x
        return self._objects[key]

    def function(self, fun: Function) -> str:
        """The name of a function."""
        return self.object(fun, name_of(fun).split(".")[-1])

    def literal(self, x: Operand) -> str:
        """A number, axis, shape or key as code."""
        if isinstance(x, _SPELLED) and (not isinstance(x, float) or np.isfinite(x)):
            return "..." if x is ... else repr(x)
        if type(x) in (tuple, list):
            inside = ", ".join(map(self.literal, x))
            return f"[{inside}]" if type(x) is list else f"({inside},)" if x else "()"
        if isinstance(x, slice):
            return f"slice({', '.join(map(self.literal, (x.start, x.stop, x.step)))})"
        return self.object(x, "k")

    def argument(self, v: Traced, a: Operand) -> str:
        """An argument of v that is no value.

        A number for a ufunc becomes an array without axes, at half the cost.
        """
        if is_ufunc(v.fun) and isinstance(a, (bool, int, float)):
            dtype = np.result_type(*(x.dtype for x in v.operands), a)
            plain = f"k{a}".replace(".", "_").replace("-", "minus_")
            plain = plain if plain.isidentifier() else "k"
            return self.object(np.asarray(a, dtype), plain, (type(a), repr(a), dtype))
        return self.literal(a)

    def call(
        self, fun: Function, given: Sequence[str], kwargs: Mapping[str, Operand] | None = None
    ) -> str:
        """`fun(given, **kwargs)` as code."""
        named = [f"{key}={self.literal(value)}" for key, value in (kwargs or {}).items()]
        return f"{self.function(fun)}({', '.join([*given, *named])})"

    def into(self, fun: Function, given: Sequence[str], out: str) -> str:
        """A ufunc that writes to `out`, by position, which is quicker, where NumPy allows it."""
        out = f"out={out}" if fun in (np.maximum, np.minimum) else out
        return self.call(fun, [*given, out])
