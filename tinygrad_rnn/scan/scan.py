"""`scan(cell, xs, h0)`: a cell over all of time as one operation."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array, Nested
from tinygrad_rnn.core.mode import current, stepwise
from tinygrad_rnn.core.operators import operand, value
from tinygrad_rnn.core.recording import record_result
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import aligned, flat, rebuild, structure, types
from tinygrad_rnn.errors import DataError, RangeError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.guards.fingerprints import COPIED, HELD, Marks, held
from tinygrad_rnn.scan import node
from tinygrad_rnn.scan.cache import forget, plan_for
from tinygrad_rnn.scan.call import Call
from tinygrad_rnn.scan.closure import name_of_cell
from tinygrad_rnn.scan.plan import Plan
from tinygrad_rnn.scan.trace import Signature, Wanted, split

StepFunction: TypeAlias = Callable[[Any, Any], Any]  # (x, state) -> state, or (state, output)
Leaf: TypeAlias = Tensor | Array


class Scanned(NamedTuple):
    """What `scan` returns.

    outputs  (T, ...): the outputs of a cell that gives (state, output), else h_1 .. h_T, the first
             part of each state
    state    the state after the last step, built as h0 is
    """

    outputs: Any  # a Tensor, or Tensors in containers
    state: Any


@public_class
class Scan:
    """The function `scan`; `scan.explain` shows what it makes of a cell."""

    def __call__(
        self,
        cell: StepFunction,
        xs: Nested,
        h0: Nested = None,
        *,
        checkpoint: int | str | None = None,
        unrolled: bool = False,
    ) -> Scanned:
        """Apply `state = cell(x_t, state)`, or `state, output = cell(x_t, state)`, for t = 1 .. T.

        cell        any function in plain NumPy from (x, state) to state or (state, output)
        xs          (T, ...): an array, a Tensor or a list of T arrays; or a tuple of them, and x is
                    a tuple too
        h0          the state before the first step, an array or a tuple; None asks
                    `cell.initial_state`
        checkpoint  store the state only every so many steps ("auto": about sqrt(T)/2) and compute
                    the steps between again in the backward pass: less memory for more time
        unrolled    record every operation of every step instead, as `unroll` does: for pictures.
                    Done anyway under `debug()`, in `jvp`, and for derivatives of derivatives

        Gradients flow to xs, h0, and every Tensor that the cell reads.  The cell runs once, on
        values that have a shape but no numbers, and not again until something it can reach is
        replaced.

        Raises TraceError for a cell that cannot be traced, DataError for an empty sequence,
        ShapeError for inputs of different lengths, UsageError if h0 is missing.
        """
        xs, h0, T = _given(cell, xs, h0)
        every = _every(checkpoint, T)
        mode = current()
        if unrolled or stepwise.get() or not isinstance(mode, bool):
            return _unrolled(cell, xs, h0, T)
        return _scanned(cell, xs, h0, every, mode)

    def explain(self, cell: StepFunction, xs: Nested, h0: Nested = None) -> str:
        """What runs once, before, in and after the loop, forward and backward, as Python code."""
        xs, h0, _ = _given(cell, xs, h0)
        plan, *_ = _planned(cell, xs, h0, bool(current()))
        text = ["# forward", plan.forward.code.text]
        if plan.differentiable:
            back = plan.backward((True,) * len(plan.step.outputs))
            text += ["# backward", back.program.code.text]
        return "\n\n".join(text) + "\n"

    def forget(self) -> None:
        """Drop all plans and their buffers: the next call of every cell traces it again."""
        forget()


scan = Scan()


def _given(cell: StepFunction, xs: Nested, h0: Nested) -> tuple[Nested, Nested, int]:
    """Inputs and state as arrays and Tensors in tuples, and T."""
    xs = _each(xs, _series)
    series = flat(xs)
    lengths = {len(x) if x.ndim else None for x in series}
    if None in lengths or not lengths:
        raise ShapeError(
            "xs needs a time axis first: an array (T, B, I) or (T, I), a list of T arrays, or a "
            "tuple of these."
        )
    if len(lengths) > 1:
        shapes = ", ".join(str(x.shape) for x in series)
        raise ShapeError(f"the inputs have {shapes}; T, the first, must be equal.")
    T = int(lengths.pop() or 0)
    if not T:
        raise DataError(_EMPTY)
    if h0 is None:
        if not hasattr(cell, "initial_state"):
            raise UsageError(f"{name_of_cell(cell)} has no initial_state(batch). Pass h0 to scan.")
        h0 = cell.initial_state(series[0].shape[1:-1])
    return xs, _each(h0, _array), T


_EMPTY = "xs is empty: there is no time step to scan over."


def _each(tree: Nested, made: Callable[[Any], Leaf]) -> Nested:
    """The tuple, or tuples in tuples, of what is made of each entry; a list is an entry here."""
    if isinstance(tree, tuple):
        return getattr(tree, "_make", tuple)([_each(child, made) for child in tree])
    return made(tree)


def _series(x: object) -> Leaf:
    """An input as an array or Tensor with a time axis; a list is a list of steps."""
    if isinstance(x, list):
        if not x:
            raise DataError(_EMPTY)
        return np.stack([operand(step, "an entry of xs") for step in x])
    return x if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x)


def _array(h: object) -> Leaf:
    return h if isinstance(h, Tensor) else np.asarray(h)


def _every(checkpoint: int | str | None, T: int) -> int | None:
    if checkpoint is None:
        return None
    if checkpoint == "auto":
        return max(1, int(T**0.5 / 2))  # a step between takes several times the memory of a state
    truth = isinstance(checkpoint, bool)
    if isinstance(checkpoint, (int, np.integer)) and not truth and checkpoint >= 1:
        return int(checkpoint)
    raise RangeError(
        f'checkpoint is {checkpoint!r}; it must be a number of steps, at least 1, or "auto".'
    )


def _planned(
    cell: StepFunction, xs: Nested, h0: Nested, recording: bool, again: int = 2
) -> tuple[Plan, Signature, list[Leaf], list[Leaf]]:
    flat_x, flat_h = flat(xs), flat(h0)
    signature = Signature(
        structure(xs),
        tuple([(x.shape[1:], x.dtype) for x in flat_x]),
        structure(h0),
        tuple([(h.shape, h.dtype) for h in flat_h]),
        (types(xs), types(h0)),
    )
    wanted = Wanted(
        [recording and isinstance(x, Tensor) and x._requires_grad for x in flat_x],
        [recording and isinstance(h, Tensor) and h._requires_grad for h in flat_h],
    )
    plan = plan_for(cell, signature, wanted)
    if again and plan.promoted:  # a float32 state and float64 weights give a float64 state
        pairs = zip(flat_h, plan.step.next_state, strict=True)
        h0 = rebuild(h0, [astype(_tensor(h), v.dtype) for h, v in pairs])
        return _planned(cell, xs, h0, recording, again - 1)
    return plan, signature, flat_x, flat_h


def _scanned(
    cell: StepFunction, xs: Nested, h0: Nested, every: int | None, recording: bool
) -> Scanned:
    plan, signature, flat_x, flat_h = _planned(cell, xs, h0, recording)
    marks: list[Marks] = []
    recorded = plan.differentiable and recording
    if recorded:
        most = HELD if every is None else COPIED
        flat_x = [held(a, marks, most) for a in flat_x]
        flat_h = [held(a, marks, most) for a in flat_h]
    arrays = plan.values(), list(map(value, flat_x)), list(map(value, flat_h))
    call = Call(plan, *arrays, every, recorded)
    operands = (*[v.origin for v in plan.parameters], *flat_x, *flat_h)
    x_form, h_form = signature.x_form, signature.state_form

    def replay() -> list[Tensor]:
        outputs, state = _unrolled(cell, rebuild(x_form, flat_x), rebuild(h_form, flat_h), call.T)
        return [*flat(outputs), *flat(state)]

    record = node.Record(call, replay, plan.keys, operands)
    token = record_result(np.zeros(()), node.scan, operands, {"record": record}, marks)
    record.argnums = token.argnums
    results = (
        record_result(array, node.result, (token, i), token.kwargs, [])
        if array.dtype.kind == "f"
        else Tensor(array)
        for i, array in enumerate([*call.outputs, *call.state])  # counts have no slope
    )
    return Scanned(rebuild(plan.step.output_form, results), rebuild(h_form, results))


def _unrolled(cell: StepFunction, xs: Nested, state: Nested, T: int) -> Scanned:
    """The same, step by step on the tape."""
    flat_x, form, outputs = flat(xs), structure(state), []
    for t in range(T):
        x = rebuild(xs, [_tensor(x[t]) for x in flat_x])
        state, output = split(cell, cell(x, state), form)
        outputs.append(output)
    all_steps = zip(*(aligned(outputs[0], y, "an output") for y in outputs), strict=True)
    stacked = [np.stack([_tensor(a) for a in series]) for series in all_steps]
    return Scanned(rebuild(outputs[0], stacked), rebuild(state, map(_tensor, flat(state))))


def _tensor(a: Leaf) -> Tensor:
    return a if isinstance(a, Tensor) else Tensor(a)
