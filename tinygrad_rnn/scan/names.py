"""Names for the values and constants of generated source."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.core.tables import Function
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.scan.forms import TimeAxis
from tinygrad_rnn.scan.operations import is_ufunc
from tinygrad_rnn.scan.traced import Traced

_SPELLED = (TimeAxis, bool, int, float, str, type(None), type(...))


class Names:
    """Gives every value a name, and every object that source cannot spell a place in `environment`."""

    def __init__(self) -> None:
        self.environment: dict[str, Any] = {}
        self._values: dict[int, str] = {}
        self._objects: dict[Any, str] = {}
        self._taken = {"T", "B", "t", "run", "bind", "prepare", "finish", "zip", "range"}
        self._kept: list[Any] = []  # what ids are taken of must live as long

    def of(self, v: Traced) -> str:
        """The name of a value."""
        if id(v) not in self._values:
            self._kept.append(v)
            if v.fun is None:
                self._values[id(v)] = self.fresh(v.name if v.name.isidentifier() else "c")
            else:  # add1, add2; the plain name is the function's
                self._values[id(v)] = self.fresh(
                    getattr(v.fun, "__name__", "value").strip("_<>") + "1"
                )
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

    def object(self, x: Any, plain: str, key: Any = None) -> str:
        """The name under which the source finds x."""
        key = id(x) if key is None else key
        if key not in self._objects:
            self._kept.append(x)
            self._objects[key] = self.fresh(plain)
            self.environment[self._objects[key]] = x
        return self._objects[key]

    def function(self, fun: Function) -> str:
        """The name of a function."""
        return self.object(fun, name_of(fun).split(".")[-1])

    def literal(self, x: Any) -> str:
        """A number, axis, shape or key as source."""
        if isinstance(x, _SPELLED) and (not isinstance(x, float) or np.isfinite(x)):
            return "..." if x is ... else repr(x)
        if type(x) in (tuple, list):
            inside = ", ".join(map(self.literal, x))
            return f"[{inside}]" if type(x) is list else f"({inside},)" if x else "()"
        if isinstance(x, slice):
            return f"slice({', '.join(map(self.literal, (x.start, x.stop, x.step)))})"
        return self.object(x, "k")

    def argument(self, v: Traced, a: Any) -> str:
        """An argument of v that is no value: a number for a ufunc becomes an array without axes, at half the cost."""
        if is_ufunc(v.fun) and isinstance(a, (bool, int, float)):
            dtype = np.result_type(*(x.dtype for x in v.args if isinstance(x, Traced)), a)
            plain = f"k{a}".replace(".", "_").replace("-", "minus_")
            return self.object(
                np.asarray(a, dtype),
                plain if plain.isidentifier() else "k",
                (type(a), repr(a), dtype),
            )
        return self.literal(a)

    def call(
        self, fun: Function, given: Sequence[str], kwargs: Mapping[str, Any] | None = None
    ) -> str:
        """`fun(given, **kwargs)` as source."""
        named = [f"{key}={self.literal(value)}" for key, value in (kwargs or {}).items()]
        return f"{self.function(fun)}({', '.join([*given, *named])})"

    def into(self, fun: Function, given: Sequence[str], out: str) -> str:
        """A ufunc that writes to `out`, by position, which is quicker, where NumPy allows it."""
        return self.call(fun, [*given, f"out={out}" if fun in (np.maximum, np.minimum) else out])
