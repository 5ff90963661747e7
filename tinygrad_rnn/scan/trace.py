"""Running a cell once, for one time step, on values without numbers, to see which operations it consists of."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.core.methods import value
from tinygrad_rnn.core.mode import grad_mode
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import Structure, flattened, rebuilt, structure
from tinygrad_rnn.errors import TinygradError, TraceError
from tinygrad_rnn.scan.closure import Closure, name_of_cell
from tinygrad_rnn.scan.kinds import Kind
from tinygrad_rnn.scan.traced import BEFORE, LOOP, Leaves, Slot, Traced, tracing

Array = Any

_PURE = "A scanned cell is run once for all time steps: what changes with t, such as a dropout mask, comes in through xs."
_MEND = "Mend the cell, or use tg.unroll, which runs it at every step."


@dataclass
class Step:
    """What a cell does in one time step: next_state and outputs as Traced values over the leaves x and state."""

    leaves: Leaves
    x: list[Traced]
    state: list[Traced]
    next_state: list[Traced]
    outputs: list[Traced]
    output_form: Structure
    description: str = ""  # of all of it, in words


class Signature(NamedTuple):
    """Structure, shapes and dtypes of one step's input and state."""

    x_form: Structure
    x: tuple[Kind, ...]
    state_form: Structure
    state: tuple[Kind, ...]


def trace(cell: Callable[[Any, Any], Any], signature: Signature) -> Step:
    """The step of `cell` for inputs and states of this kind.

    Raises TraceError where what the cell does depends on values, on chance, or on how often it ran, and where the
    state changes its shape.
    """
    within = Closure(cell)
    step = _run(cell, signature, within.found)
    again = _run(cell, signature, within.found)
    if not within.unchanged():
        raise TraceError(
            f"{name_of_cell(cell)} changed something it can reach when it was run. {_PURE} {_MEND}"
        )
    known = set(map(id, within.found))
    step.description = described(step, known)
    if step.description != described(again, known):
        raise TraceError(
            f"{name_of_cell(cell)} did something else when it was run again: it draws random numbers or counts its "
            f"calls. {_PURE} {_MEND}"
        )
    for i, (old, new) in enumerate(zip(step.state, step.next_state, strict=True)):
        if old.shape != new.shape:
            part = f"part {i + 1} of the state" if len(step.state) > 1 else "the state"
            raise TraceError(
                f"{name_of_cell(cell)} was given {part} with shape {old.shape} and returned it with shape {new.shape}. "
                f"It must keep its shape: give h0 the shape {new.shape}. {_MEND}"
            )
    return step


def _run(cell: Callable[[Any, Any], Any], signature: Signature, within: Iterable[Any]) -> Step:
    found = Leaves(t for t in within if isinstance(t, Tensor))
    xs = [
        Traced(*kind, BEFORE, origin=Slot("x", i), name="x") for i, kind in enumerate(signature.x)
    ]
    states = [
        Traced(*kind, LOOP, origin=Slot("state", i), name="h")
        for i, kind in enumerate(signature.state)
    ]
    with tracing(found), grad_mode(True):
        try:
            result = cell(
                rebuilt(signature.x_form, iter(xs)), rebuilt(signature.state_form, iter(states))
            )
        except TraceError as error:
            raise TraceError(f"{name_of_cell(cell)} cannot be traced: {error} {_MEND}") from error
        except TinygradError:
            raise
        except Exception as error:
            raise TraceError(
                f"{name_of_cell(cell)} cannot be traced: {type(error).__name__}: {error}. While it is traced its "
                f"inputs have a shape and a dtype, but no numbers. {_MEND}"
            ) from error
        next_state, outputs = _split(cell, result, signature.state_form)
        new, given = (
            [_lifted(cell, found, v) for v in flattened(tree)] for tree in (next_state, outputs)
        )
    return Step(found, xs, states, new, given, structure(outputs))


def _split(cell: Any, result: Any, state_form: Structure) -> tuple[Any, Any]:
    """The next state and the output; a cell without an output gives the first part of its state."""
    if structure(result) == state_form:
        return result, flattened(result)[0]
    if isinstance(result, tuple) and len(result) == 2 and structure(result[0]) == state_form:
        return result
    given = (
        f"a tuple of {len(result)}" if isinstance(result, tuple) else f"one {type(result).__name__}"
    )
    wanted = "one array" if state_form is None else f"a tuple of {len(state_form)}"
    raise TraceError(
        f"{name_of_cell(cell)} was given {wanted} as its state and returned {given}. "
        "It must return the next state, built like the last one, or (state, output)."
    )


def _lifted(cell: Any, found: Leaves, value: Any) -> Traced:
    value = found.lift(np.asarray(value) if isinstance(value, (int, float)) else value)
    if not isinstance(value, Traced):
        raise TraceError(
            f"{name_of_cell(cell)} returned a {type(value).__name__} where an array is wanted: it must return the next "
            "state, an array or a tuple of arrays, or (state, output)."
        )
    return value


def topological(outputs: Iterable[Traced]) -> list[Traced]:
    """Everything the outputs are computed from, themselves included, operands first."""
    found = {id(v): v for v in outputs}
    stack = list(found.values())
    while stack:
        for a in stack.pop().args:
            if isinstance(a, Traced) and id(a) not in found:
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

    def word(a: Any) -> str:
        if isinstance(a, Traced):
            return number[id(a)]
        if isinstance(a, tuple):
            return f"({' '.join(map(word, a))})"
        a = value(a)
        return f"{a.dtype} {a.shape} #{hash(a.tobytes())}" if isinstance(a, np.ndarray) else repr(a)

    def origin(v: Traced) -> str:
        return f"@{id(v.origin)}" if id(v.origin) in known else word(v.origin)

    lines = [
        f"{number[id(v)]} {v.shape} {v.dtype} "
        + (
            origin(v)
            if v.fun is None
            else f"{v.fun!r} {' '.join(map(word, (*v.args, *v.kwargs.items())))}"
        )
        for v in values
    ]
    return "\n".join([*lines, " ".join(map(word, results))])
