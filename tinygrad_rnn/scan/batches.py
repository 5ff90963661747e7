"""A plan for another batch size, from plans for two.

A cell may compute with the size of its batch, so one plan does not show which numbers of its
program are that size.  Two do: a number is a multiple of the size exactly if the two programs
differ there.  For a third size the cell is traced, to see that it still does the same, and
everything else is taken from the two.
"""

import copy
import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from types import CodeType

import numpy as np

from tinygrad_rnn._typing import Function
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.scan.emit import Code
from tinygrad_rnn.scan.kinds import Kind
from tinygrad_rnn.scan.plan import Backward, Plan, Program, rows_of
from tinygrad_rnn.scan.trace import Signature, trace
from tinygrad_rnn.scan.traced import Operand

_NUMBER = re.compile(r"(?<![\w.])(\d+)(?![\w.])")
_TIMES = re.compile(r"B \* (\d+)")


class DiffersError(Exception):
    """Two plans differ in more than the size of their batch."""


def batch_of(signature: Signature) -> int:
    """How many rows every part of the state has.

    0 if they differ, or for one row, which has programs of its own.
    """
    rows = {shape[0] if shape else 0 for shape, _ in signature.state}
    size = rows.pop() if len(rows) == 1 else 0
    return size if size > 1 else 0


def family(signature: Signature) -> Hashable:
    """What the signatures for batches of different sizes have in common."""
    size = batch_of(signature)

    def without(kinds: Sequence[Kind]) -> Hashable:
        rows = ("B" if shape[:1] == (size,) else shape[:1] for shape, _ in kinds)
        return tuple((n, shape[1:], dtype) for n, (shape, dtype) in zip(rows, kinds, strict=True))

    return (
        signature.x_form,
        without(signature.x),
        signature.state_form,
        without(signature.state),
        signature.types,
    )


class Resized(Plan):
    """A plan made of two others of the same cell and family.

    Raises DiffersError if that cannot be.
    """

    def __init__(self, cell: Function, signature: Signature, one: Plan, other: Plan):
        vars(self).update(vars(one))
        self.signature, self._both = signature, (one, other)
        self._sizes = batch_of(one.signature), batch_of(other.signature)
        _check_same([v.origin for v in one.leaves], [v.origin for v in other.leaves])
        self.step = trace(cell, signature)
        expected = _merged(one.step.description, other.step.description, *self._sizes)
        size = batch_of(signature)
        if _TIMES.sub(lambda found: str(int(found[1]) * size), expected) != self.step.description:
            raise DiffersError
        self.rows = rows_of(self.step)
        self.forward = self._resized(one.forward, other.forward)
        self._backward = {}
        if self.differentiable:
            self.backward((True,) * len(self.step.outputs))

    def backward(self, given: tuple[bool, ...]) -> Backward:
        """The backward program where these outputs have a cotangent."""
        if given not in self._backward:
            one, other = (plan.backward(given) for plan in self._both)
            back = copy.copy(one)
            try:
                _check_same([*one.leaves, *one.inputs], [*other.leaves, *other.inputs])
                back.program = self._resized(one.program, other.program)
            except DiffersError:
                if all(given):
                    raise
                back = self.backward((True,) * len(given))  # `Call` gives it zeros
            self._backward[given] = back
        return self._backward[given]

    def _resized(self, one: Program, other: Program) -> Program:
        text, compiled = common(one.code, other.code, *self._sizes)
        environment = {**one.code.environment, "B": batch_of(self.signature)}
        return Program(one.schedule, Code.made(text, environment, one.code.stepped, compiled))


@lru_cache(maxsize=128)
def common(one: Code, other: Code, m: int, n: int) -> tuple[str, CodeType]:
    """The text of programs for batches of m and n, with B for the size, and what it compiles to."""
    _check_same(list(one.environment.items()), list(other.environment.items()))
    text = re.sub(r"\bB \* 1\b", "B", _merged(one.text, other.text, m, n))
    return text, compile(text, "<scan>", "exec")


def _merged(a: str, b: str, m: int, n: int) -> str:
    """Two texts as one: the same multiple of m in the one and of n in the other becomes `B * k`."""
    ours, theirs = _NUMBER.split(a), _NUMBER.split(b)
    if len(ours) != len(theirs):
        raise DiffersError
    pairs = zip(ours, theirs, strict=True)
    return "".join([x if x == y else _multiple(x, y, m, n) for x, y in pairs])


def _multiple(x: str, y: str, m: int, n: int) -> str:
    if x.isdigit() and y.isdigit() and int(x) % m == 0 and int(x) // m * n == int(y):
        return f"B * {int(x) // m}"
    raise DiffersError


def _check_same(ours: Sequence[object], theirs: Sequence[object]) -> None:
    if len(ours) != len(theirs) or not all(map(_same, ours, theirs)):
        raise DiffersError


def _same(a: Operand, b: Operand) -> bool:
    a, b = value(a), value(b)
    if a is b or type(a) is not type(b):
        return a is b
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return bool(a == b)
