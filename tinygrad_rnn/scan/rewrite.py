"""Rebuilding a step from simpler values: the machinery of `simplify`, without its rules."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from tinygrad_rnn._typing import Function
from tinygrad_rnn.guards.boundary import package_of
from tinygrad_rnn.scan.trace import users
from tinygrad_rnn.scan.traced import END, LOOP, Operand, Traced, record

Rewrite: TypeAlias = Callable[["Rewriter", Traced], Traced | None]  # the simpler value, or None

REWRITES: dict[Function, Rewrite] = {}  # rules that look at operands only
BY_USE: dict[Function, Rewrite] = {}  # rules that also look at what reads `rewriter.now`


def rewrites(*funs: Function, by_use: bool = False) -> Callable[[Rewrite], Rewrite]:
    """`@rewrites(np.add)`: the decorated rule makes sums simpler."""

    def register(rule: Rewrite) -> Rewrite:
        (BY_USE if by_use else REWRITES).update(dict.fromkeys(funs, rule))
        return rule

    return register


def late(a: Operand) -> TypeGuard[Traced]:
    """Whether a waits for the state."""
    return isinstance(a, Traced) and a.phase == LOOP


class Rewriter:
    """Rebuilds every value from simpler operands; equal operations become one.

    linear, gates: see `simplify`.
    """

    def __init__(
        self, order: Sequence[Traced], results: Sequence[Traced], linear: bool, gates: bool
    ):
        self.order, self.linear, self.gates = order, linear, gates
        self.now = order[0]  # the value that is being rebuilt, as it was
        self.new: dict[int, Traced] = {}
        self.users = users(order)  # of values as they were
        for v in results:  # a leaf stands for the reader of a result
            self.users.setdefault(id(v), []).append(Traced(*v.kind, v.phase))
        self.notes: dict[object, Any] = {}  # what rules remember
        self._made: dict[Hashable, Traced] = {}

    def visit(self, v: Traced) -> None:
        """Rebuild v."""
        if v.fun is None:
            self.new[id(v)] = v
            return
        args = tuple(self.new[id(a)] if isinstance(a, Traced) else a for a in v.args)
        self.now = v
        phases = [a.phase for a in args if isinstance(a, Traced)]
        phase = END if v.phase == END else max(phases, default=v.phase)
        again = Traced(*v.kind, phase, v.fun, args, v.kwargs)
        simpler = BY_USE[v.fun](self, again) if v.fun in BY_USE and phase != END else None
        self.new[id(v)] = self._simplest(again if simpler is None else simpler)

    def make(self, fun: Function, *args: Operand, **kwargs: Operand) -> Traced:
        """`fun(*args)` in its simplest form; at least one operand is traced."""
        return self._simplest(record(fun, args, kwargs))

    def fold(self, fun: Function, *args: Operand) -> Operand:
        """The same for any operands: a number if none is traced."""
        if any(isinstance(a, Traced) for a in args):
            return self.make(fun, *args)
        number = fun(*args)
        return number.item() if isinstance(number, np.generic) else number  # keeps float32

    def _simplest(self, v: Traced) -> Traced:
        if v.fun in REWRITES:
            simpler = REWRITES[v.fun](self, v)
            if simpler is not None and simpler.kind == v.kind:
                return simpler
        if v.fun is None or package_of(v.fun) not in ("numpy", "tinygrad_rnn"):
            return v  # a leaf; or a function of the user's, which may draw random numbers
        key = v.fun, tuple(map(_key, v.args)), tuple((k, _key(a)) for k, a in v.kwargs.items())
        return self._made.setdefault(key, v)


def _key(a: Operand) -> Hashable:
    if isinstance(a, (Traced, np.ndarray)):
        return id(a)
    if isinstance(a, (tuple, list)):
        return type(a), tuple(map(_key, a))
    return type(a), repr(a)
