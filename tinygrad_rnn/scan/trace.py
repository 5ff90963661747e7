"""Running a cell for one time step on values without numbers, to see what it consists of."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinygrad_rnn._typing import Function, Nested
from tinygrad_rnn.core.mode import grad_mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import LEAF, flat, is_container, matched, rebuild, structure
from tinygrad_rnn.errors import TinygradError, TraceError
from tinygrad_rnn.scan.closure import Closure, name_of_cell
from tinygrad_rnn.scan.kinds import Kind
from tinygrad_rnn.scan.traced import BEFORE, LOOP, Leaves, Operand, Slot, Traced, tracing

_PURE = (
    "A scanned cell is run once for all time steps: what changes with t, such as a dropout mask, "
    "comes in through xs."
)
_INSTEAD = "Change the cell, or use tg.unroll, which runs it at every step."


@dataclass
class Step:
    """What a cell does in one time step: next_state and outputs, over the leaves x and state."""

    leaves: Leaves
    x: list[Traced]
    state: list[Traced]
    next_state: list[Traced]
    outputs: list[Traced]
    output_form: Nested
    description: str = ""  # of all of it, in words


class Signature(NamedTuple):
    """Structure, shapes and dtypes of one step's input and state."""

    x_form: Nested
    x: tuple[Kind, ...]
    state_form: Nested
    state: tuple[Kind, ...]
    types: tuple[object, ...]  # of the containers: named tuples of equal length are equal


class Wanted(NamedTuple):
    """Which inputs, and which parts of the initial state, want a gradient."""

    x: Sequence[bool]
    state: Sequence[bool]


def trace(cell: Function, signature: Signature) -> Step:
    """The step of `cell` for inputs and states of this kind.

    Raises TraceError if what the cell does depends on values, on chance, or on how often it ran,
    and if the state changes its shape.
    """
    name = name_of_cell(cell)
    closure = Closure(cell)
    step = _traced_once(cell, signature, closure.found)
    again = _traced_once(cell, signature, closure.found)
    if not closure.unchanged():
        raise TraceError(
            f"{name} changed something it can reach when it was run. {_PURE} {_INSTEAD}"
        )
    known = set(map(id, closure.found))
    step.description = described(step, known)
    if step.description != described(again, known):
        raise TraceError(
            f"{name} did something else when it was run again: it draws random numbers or counts "
            f"its calls. {_PURE} {_INSTEAD}"
        )
    for i, (old, new) in enumerate(zip(step.state, step.next_state, strict=True)):
        if old.shape != new.shape:
            part = f"part {i + 1} of the state" if len(step.state) > 1 else "the state"
            raise TraceError(
                f"{name} was given {part} with shape {old.shape} and returned it with shape "
                f"{new.shape}. It must keep its shape: give h0 the shape {new.shape}. {_INSTEAD}"
            )
    return step


def _traced_once(cell: Function, signature: Signature, closure: Iterable[object]) -> Step:
    leaves = Leaves(t for t in closure if isinstance(t, Tensor))
    x_form, x_kinds, state_form, state_kinds = signature[:4]
    xs = [Traced(*k, BEFORE, origin=Slot("x", i), name="x") for i, k in enumerate(x_kinds)]
    states = [
        Traced(*k, LOOP, origin=Slot("state", i), name="h") for i, k in enumerate(state_kinds)
    ]
    with tracing(leaves), grad_mode(True):
        try:
            returned = cell(rebuild(x_form, xs), rebuild(state_form, states))
        except TraceError as error:
            name = name_of_cell(cell)
            raise TraceError(f"{name} cannot be traced: {error} {_INSTEAD}") from error
        except TinygradError:
            raise
        except Exception as error:
            raise TraceError(
                f"{name_of_cell(cell)} cannot be traced: {type(error).__name__}: {error}. While it "
                f"is traced its inputs have a shape and a dtype, but no numbers. {_INSTEAD}"
            ) from error
        state, output = split(cell, returned, state_form)
        next_state = [_lifted(cell, leaves, v) for v in flat(state)]
        outputs = [_lifted(cell, leaves, v) for v in ([None] if output is None else flat(output))]
    return Step(leaves, xs, states, next_state, outputs, structure(output))


def split(cell: Function, returned: Nested, state_form: Nested) -> tuple[Nested, Nested]:
    """The next state and the output; for a cell without an output the first part of its state."""
    if (state := matched(state_form, returned)) is not None:
        return rebuild(state_form, state), state[0]
    first, *output = returned if isinstance(returned, tuple) and len(returned) == 2 else (None,)
    if output and (state := matched(state_form, first)) is not None:
        return rebuild(state_form, state), output[0]
    raise TraceError(
        f"{name_of_cell(cell)} was given {_told(state_form)} as its state and returned "
        f"{_told(returned)}. "
        "It must return the next state, built like the last one, or (state, output)."
    )


def _told(tree: Nested) -> str:
    if not is_container(tree):
        return "one array" if tree == LEAF else f"one {type(tree).__name__}"
    kind = "a tuple" if type(tree) is tuple else f"one {type(tree).__name__}"
    return f"{kind} of {len(flat(tree))}" if flat(tree) else kind


def _lifted(cell: Function, leaves: Leaves, v: Operand) -> Traced:
    v = leaves.lift(np.asarray(v) if isinstance(v, (int, float)) else v)
    if not isinstance(v, Traced):
        raise TraceError(
            f"{name_of_cell(cell)} returned a {type(v).__name__} where an array is wanted: it must "
            "return the next state, an array or a tuple of arrays, or (state, output)."
        )
    return v


def topological(outputs: Iterable[Traced]) -> list[Traced]:
    """Everything the outputs are computed from, themselves included, operands first."""
    found = {id(v): v for v in outputs}
    stack = list(found.values())
    while stack:
        for a in stack.pop().operands:
            if id(a) not in found:
                found[id(a)] = a
                stack.append(a)
    return sorted(found.values(), key=lambda v: v.serial)


def users(values: Iterable[Traced]) -> dict[int, list[Traced]]:
    """By id: the operations among `values` that take it as an operand."""
    found: dict[int, list[Traced]] = {}
    for v in values:
        for a in v.operands:
            found.setdefault(id(a), []).append(v)
    return found


def described(step: Step, known: Collection[int]) -> str:
    """The step in words: steps are the same operations on the same things if these are equal.

    known: ids of Tensors and arrays that are told apart by identity; others are what they hold.
    """
    results = [*step.next_state, *step.outputs]
    values = topological(results)
    number = {id(v): f"v{i}" for i, v in enumerate(values)}

    def word(a: Operand) -> str:
        if isinstance(a, Traced):
            return number[id(a)]
        if isinstance(a, tuple):
            return f"({' '.join(map(word, a))})"
        a = value(a)
        return f"{a.dtype} {a.shape} #{hash(a.tobytes())}" if isinstance(a, np.ndarray) else repr(a)

    def meaning(v: Traced) -> str:
        if v.fun is None:
            return f"@{id(v.origin)}" if id(v.origin) in known else word(v.origin)
        return f"{v.fun!r} {' '.join(map(word, (*v.args, *v.kwargs.items())))}"

    lines = [f"{number[id(v)]} {v.shape} {v.dtype} {meaning(v)}" for v in values]
    return "\n".join([*lines, " ".join(map(word, results))])
