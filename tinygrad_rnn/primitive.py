"""Which functions are atomic, and what their derivatives are: four tables and the functions that fill them.

A function on Tensors is one of
    a primitive   it has rules in VJP; applying it makes one node of the graph
    a composite   written in terms of other functions; the graph shows those
    a constant    piecewise constant or about structure; it takes and gives plain arrays
or it is unknown, and using it is an error: no gradient is ever lost silently.

Notation, here and in every rule: `g` is the cotangent dL/dy of the output, `y` the primal output, and a
rule returns the share dL/dx of its argument: a vector-Jacobian product.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Function = Callable[..., Any]
Rule = Callable[..., Any]

_ndarray_protocol = np.ndarray.__array_function__

VJP: dict[Function, Sequence[Rule | None]] = {}  # rules by argument number
COMPOSITE: dict[Function, Function] = {}
CONSTANT: set[Function] = set()
KEYWORDS: dict[Function, frozenset[str]] = {}  # the keyword arguments a primitive's rules know


class _Variadic(Sequence[Rule]):
    """Rules of a function of any number of arrays: argument i gets `rule(i, g, y, *args, **kwargs)`."""

    def __init__(self, rule: Rule):
        self.rule = rule

    def __getitem__(self, argnum: Any) -> Any:
        return functools.partial(self.rule, argnum)

    def __len__(self) -> int:
        raise TypeError("a variadic primitive has no fixed number of arguments")


def defvjp(fun: Function, *rules: Rule | None) -> None:
    """Give `fun` one rule per argument: `rule(g, y, *args, **kwargs)` returns the share of that argument.

    None stands for an argument that has no derivative (an axis, a condition).  Rules are plain NumPy; a
    share may keep broadcast axes, which are summed away where the node is pulled back.
    """
    VJP[fun] = rules
    KEYWORDS[fun] = _keywords(next(rule for rule in rules if rule is not None), skip=2)


def defvjp_variadic(fun: Function, rule: Rule) -> None:
    """Give `fun(*arrays, **kwargs)` one rule for all its arrays: `rule(argnum, g, y, *arrays, **kwargs)`."""
    VJP[fun] = _Variadic(rule)
    KEYWORDS[fun] = _keywords(rule, skip=3)


def _keywords(rule: Rule, skip: int) -> frozenset[str]:
    return frozenset(list(inspect.signature(rule).parameters)[skip:])


def composite(fun: Function) -> Callable[[Function], Function]:
    """`@composite(np.var)`: the decorated function is what `np.var` means on Tensors."""

    def register(definition: Function) -> Function:
        COMPOSITE[fun] = definition
        return definition

    return register


def defconstant(*funs: Function) -> None:
    """Declare functions that give plain arrays: no derivative, or one that is zero almost everywhere."""
    CONSTANT.update(funs)


def primitive(fun: Function) -> Function:
    """Make a function of arrays atomic, as `np.tanh` is; give it rules with `defvjp`.

    The result speaks NumPy's own `__array_function__` protocol: on arrays it is `fun`, on any array-like
    that overrides NumPy (a Tensor) it asks that object.
    """

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            override = getattr(type(arg), "__array_function__", _ndarray_protocol)
            if override is not _ndarray_protocol:
                return override(arg, call, (type(arg),), args, kwargs)
        return fun(*args, **kwargs)

    return call


def name_of(fun: Function) -> str:
    """`np.tanh` for NumPy's own functions, the plain name for all others."""
    module = getattr(fun, "__module__", None) or ""
    name = getattr(fun, "__name__", repr(fun))
    return f"np.{name}" if isinstance(fun, np.ufunc) or module.split(".")[0] == "numpy" else name
