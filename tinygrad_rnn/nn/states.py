"""States of an unrolled network: their parts, and the names that these have in pictures."""

from collections.abc import Iterable
from typing import Any

from tinygrad_rnn.core.mode import current
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.operands import real_array


def parts(state: Any) -> tuple[Any, ...]:
    """A state as a tuple of its Tensors."""
    return state if isinstance(state, tuple) else (state,)


def given_names(cell: object) -> tuple[str, ...] | None:
    """What a cell calls the parts of its state; None if its `states` are something else."""
    given = getattr(cell, "states", None)
    named = (
        isinstance(given, (tuple, list)) and given and all(isinstance(name, str) for name in given)
    )
    return tuple(given or ()) if named else None


def named(state: Any, names: tuple[str, ...] | None, t: int) -> Any:
    """The state with its Tensors named h_t, or (h_t, c_t), or else (s1_t, s2_t, ...)."""
    if not isinstance(state, tuple):
        return as_named(state, f"{names[0] if names else 'h'}_{t}")
    if names is None or len(names) != len(state):  # the cell says what is wrong when it is called
        names = getattr(state, "_fields", tuple(f"s{i}" for i in range(1, len(state) + 1)))
    new = [as_named(part, f"{name}_{t}") for part, name in zip(state, names, strict=True)]
    return like(state, new)


def watched(state: Any) -> Any:
    """The state with leaves instead of constants, such as an input that waits for the next step.

    So it is recorded how later steps depend on them.
    """
    if isinstance(state, tuple):
        return like(state, map(watched, state))
    if state.requires_grad or state.dtype.kind != "f" or not current():
        return state
    return Tensor(value(state), requires_grad=True, name=state.name)


def leaf(x: object, name: str) -> Tensor:
    """x as a Tensor of this name; an array is looked at first."""
    return as_named(x if isinstance(x, Tensor) else real_array(x, f"{name} of unroll"), name)


def as_named(x: Any, name: str) -> Tensor:
    """x as a Tensor of this name; a name that it already has stays."""
    if not isinstance(x, Tensor):
        wrong = UsageError(
            f"{name} is {type(x).__name__}, not an array: a cell maps (x, state) to state, an "
            "array or a tuple of arrays; a read-out and a loss give an array."
        )
        if isinstance(x, list):  # of two states it would make one array
            raise wrong
        try:
            x = Tensor(x)
        except (TypeError, ValueError) as error:
            raise wrong from error
    tensor: Tensor = x
    tensor.name = tensor.name or name
    return tensor


def like(state: tuple[object, ...], new: Iterable[object]) -> Any:
    """New parts in a tuple of the same type: a named tuple stays one."""
    return getattr(state, "_make", tuple)(new)


def built_as(before: object, after: object, cell: object, t: int) -> Any:
    """What a cell returned, as a state built like the one that it was given.

    A plain tuple becomes the named one.  Raises UsageError for another number of parts, and for
    another type of named tuple.
    """
    if isinstance(after, list) or after is None or (isinstance(after, tuple) and not after):
        return after  # no state, which has an error of its own
    if isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
        if type(after) is type(before) or tuple in (type(before), type(after)):
            return like(before, after)
    elif not isinstance(before, tuple) and not isinstance(after, tuple):
        return after
    given, returned = (
        f"{'a tuple' if type(x) is tuple else type(x).__name__} of {len(x)}"
        if isinstance(x, tuple)
        else "one array"
        for x in (before, after)
    )
    name = getattr(cell, "__name__", type(cell).__name__)
    raise UsageError(
        f"{name} was given a state that is {given} and returned {returned} at t = {t}. A cell maps "
        "(x, state) to the next state, built alike; what it gives out belongs into readout=."
    )
