"""Building a step anew over simpler values: the machinery of `simplify`, without its rules."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.guards.boundary import package_of
from tinygrad_rnn.scan.traced import END, LOOP, Traced, record

Rewrite = Callable[["Rewriter", Traced], Any]  # the simpler value, or None

REWRITES: dict[Any, Rewrite] = {}  # by function: rules that look at operands only
BY_USE: dict[
    Any, Rewrite
] = {}  # rules that also look at what reads the value: `rewriter.now`, as it was


def rewrites(*funs: Any, by_use: bool = False) -> Callable[[Rewrite], Rewrite]:
    """`@rewrites(np.add)`: the decorated rule makes sums simpler."""

    def register(rule: Rewrite) -> Rewrite:
        (BY_USE if by_use else REWRITES).update(dict.fromkeys(funs, rule))
        return rule

    return register


def late(a: Any) -> bool:
    """Whether a waits for the state."""
    return isinstance(a, Traced) and a.phase == LOOP


class Rewriter:
    """Builds every value anew over simpler operands; equal operations become one."""

    def __init__(
        self, order: Sequence[Traced], results: Sequence[Traced], linear: bool, gates: bool
    ):
        self.linear, self.gates = linear, gates
        self.order = order
        self.now = order[0]  # the value that is made anew, as it was
        self.new: dict[int, Traced] = {}
        self.users: dict[int, list[Traced]] = {}  # of values as they were
        self._made: dict[Any, Traced] = {}
        for v in order:
            for a in v.args:
                if isinstance(a, Traced):
                    self.users.setdefault(id(a), []).append(v)
        for v in results:  # a leaf that stands for who reads the result
            self.users.setdefault(id(v), []).append(Traced(v.shape, v.dtype, v.phase))
        self.notes: dict[Any, Any] = {}  # what rules remember

    def visit(self, v: Traced) -> None:
        """Make v anew."""
        if v.fun is None:
            self.new[id(v)] = v
            return
        args = tuple(self.new[id(a)] if isinstance(a, Traced) else a for a in v.args)
        self.now = v
        phases = [a.phase for a in args if isinstance(a, Traced)]
        phase = END if v.phase == END else max(phases, default=v.phase)
        again: Any = Traced(v.shape, v.dtype, phase, v.fun, args, v.kwargs)
        simpler = BY_USE[v.fun](self, again) if v.fun in BY_USE and phase != END else None
        self.new[id(v)] = self._simplest(again if simpler is None else simpler)

    def make(self, fun: Any, *args: Any, **kwargs: Any) -> Any:
        """`fun(*args)` in its simplest form."""
        if not any(isinstance(a, Traced) for a in args):
            number = fun(*args, **kwargs)
            return (
                number.item() if isinstance(number, np.generic) else number
            )  # Python's numbers keep float32
        return self._simplest(record(fun, args, kwargs))

    def _simplest(self, v: Traced) -> Any:
        if v.fun in REWRITES:
            simpler = REWRITES[v.fun](self, v)
            if simpler is not None and (simpler.shape, simpler.dtype) == (v.shape, v.dtype):
                return simpler
        if v.fun is None or package_of(v.fun) not in ("numpy", "tinygrad_rnn"):
            return v  # a leaf; or a function of the user's, which may draw random numbers
        key = v.fun, tuple(map(_key, v.args)), tuple((k, _key(a)) for k, a in v.kwargs.items())
        return self._made.setdefault(key, v)


def _key(a: Any) -> Any:
    if isinstance(a, (Traced, np.ndarray)):
        return id(a)
    if isinstance(a, (tuple, list)):
        return type(a), tuple(map(_key, a))
    return type(a), repr(a)
