"""`scan(cell, xs, h0)`: a cell over all of time as one operation, as fast as a kernel written by hand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.core.methods import operand, value
from tinygrad_rnn.core.mode import current, stepwise
from tinygrad_rnn.core.recording import record_result
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import flattened, rebuilt, structure
from tinygrad_rnn.errors import DataError, RangeError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.guards.fingerprints import COPIED, HELD, held
from tinygrad_rnn.scan import node
from tinygrad_rnn.scan.cache import forget, plan_for
from tinygrad_rnn.scan.call import Call
from tinygrad_rnn.scan.closure import name_of_cell
from tinygrad_rnn.scan.plan import Plan
from tinygrad_rnn.scan.trace import Signature

Array = Any


class Scanned(NamedTuple):
    """What `scan` returns.

    outputs  (T, ...): the outputs of a cell that gives (state, output), else the first part of each state, h_1 .. h_T
    state    the state after the last step, built as h0 is
    """

    outputs: Any
    state: Any


@public_class
class Scan:
    """The function `scan`; `scan.explain` shows what it makes of a cell."""

    def __call__(
        self,
        cell: Callable[[Any, Any], Any],
        xs: Any,
        h0: Any = None,
        *,
        checkpoint: int | str | None = None,
        unrolled: bool = False,
    ) -> Scanned:
        """Run `state = cell(x_t, state)`, or `state, output = cell(x_t, state)`, for t = 1 .. T.

        cell        any function in plain NumPy from (x, state) to state or (state, output)
        xs          (T, ...): an array, a Tensor or a list of T arrays; or a tuple of them, and x is a tuple too
        h0          the state before the first step, an array or a tuple; None asks `cell.initial_state`
        checkpoint  keep the state only every so many steps ("auto": about sqrt(T)/2) and run the steps between
                    again in the backward pass: less memory for at most a third more time
        unrolled    record every operation of every step instead, as `unroll` does: for pictures; under `debug()`,
                    in `jvp`, and for derivatives of derivatives this is done anyway

        Gradients flow to xs, h0, and every Tensor that the cell reads.  The cell is run once, on values that have
        a shape but no numbers, and then never again until something it can reach is replaced.

        Raises TraceError for a cell that cannot be traced, DataError for an empty sequence, ShapeError for inputs
        of different lengths, UsageError where h0 is missing.
        """
        xs = _series(xs)
        T = _length(xs)
        h0 = _initial(cell, xs) if h0 is None else h0
        every = _every(checkpoint, T)
        mode = current()
        if unrolled or stepwise.get() or not isinstance(mode, bool):
            return _unrolled(cell, xs, h0, T)
        return _scanned(cell, xs, h0, every, mode)

    def explain(self, cell: Callable[[Any, Any], Any], xs: Any, h0: Any = None) -> str:
        """What runs once, before, in and after the loop, forward and backward, as the source that is run."""
        xs = _series(xs)
        plan, _ = _plan(cell, xs, _initial(cell, xs) if h0 is None else h0, bool(current()))
        text = ["# forward", plan.forward.code.text]
        if plan.wanted:
            text += [
                "# backward",
                plan.backward((True,) * len(plan.step.outputs)).program.code.text,
            ]
        return "\n\n".join(text) + "\n"

    def forget(self) -> None:
        """Drop all plans and their buffers: the next call of every cell traces it again."""
        forget()


scan = Scan()


def _series(xs: Any) -> Any:
    """The inputs as arrays or Tensors with a time axis; a list is a list of steps."""
    if isinstance(xs, tuple):
        return tuple(map(_series, xs))
    if isinstance(xs, list):
        if not xs:
            raise DataError("xs is empty: there is no time step to scan over.")
        return np.stack([operand(x, "an entry of xs") for x in xs])
    return xs if isinstance(xs, (Tensor, np.ndarray)) else np.asarray(xs)


def _length(xs: Any) -> int:
    lengths = {len(x) if x.ndim else None for x in flattened(xs)}
    if None in lengths or not lengths:
        raise ShapeError(
            "xs needs a time axis first: an array (T, B, I) or (T, I), a list of T arrays, or a tuple of these."
        )
    if len(lengths) > 1:
        raise ShapeError(
            f"the inputs have {', '.join(str(x.shape) for x in flattened(xs))}; T, the first, must be equal."
        )
    (T,) = lengths
    if not T:
        raise DataError("xs is empty: there is no time step to scan over.")
    return int(T or 0)


def _initial(cell: Any, xs: Any) -> Any:
    if not hasattr(cell, "initial_state"):
        raise UsageError(f"{name_of_cell(cell)} has no initial_state(batch). Pass h0 to scan.")
    return cell.initial_state(flattened(xs)[0].shape[1:-1])


def _every(checkpoint: int | str | None, T: int) -> int | None:
    if checkpoint is None:
        return None
    if checkpoint == "auto":
        return max(1, int(T**0.5 / 2))  # a step between takes several times the memory of a state
    if (
        isinstance(checkpoint, (int, np.integer))
        and not isinstance(checkpoint, bool)
        and checkpoint >= 1
    ):
        return int(checkpoint)
    raise RangeError(
        f'checkpoint is {checkpoint!r}; it must be a number of steps, at least 1, or "auto".'
    )


def _plan(
    cell: Callable[[Any, Any], Any], xs: Any, h0: Any, recording: bool, again: int = 2
) -> tuple[Plan, Any]:
    flat_x, flat_h = (
        flattened(xs),
        [h if isinstance(h, Tensor) else np.asarray(h) for h in flattened(h0)],
    )
    signature = Signature(
        structure(xs),
        tuple([(x.shape[1:], x.dtype) for x in flat_x]),
        structure(h0),
        tuple([(h.shape, h.dtype) for h in flat_h]),
    )
    wanted = [
        [recording and isinstance(a, Tensor) and a._requires_grad for a in flat]
        for flat in (flat_x, flat_h)
    ]
    plan = plan_for(cell, signature, *wanted)
    if (
        again and plan.promoted
    ):  # the first step of a float32 state with float64 weights gives float64
        promoted = [
            astype(_tensor(h), v.dtype) for h, v in zip(flat_h, plan.step.next_state, strict=True)
        ]
        return _plan(cell, xs, rebuilt(structure(h0), iter(promoted)), recording, again - 1)
    return plan, (flat_x, flat_h)


def _scanned(
    cell: Callable[[Any, Any], Any], xs: Any, h0: Any, every: int | None, recording: bool
) -> Scanned:
    plan, (flat_x, flat_h) = _plan(cell, xs, h0, recording)
    marks: list[Any] = []
    keeps = plan.wanted and recording
    if keeps:
        most = HELD if every is None else COPIED
        flat_x, flat_h = (
            [held(a, marks, most) for a in flat_x],
            [held(a, marks, most) for a in flat_h],
        )
    call = Call(
        plan,
        plan.values(),
        list(map(value, flat_x)),
        list(map(value, flat_h)),
        every,
        recorded=keeps,
    )
    operands = (*[v.origin for v in plan.parameters], *flat_x, *flat_h)
    x_form, h_form = plan.signature.x_form, plan.signature.state_form
    replay = lambda: _flat(
        _unrolled(cell, rebuilt(x_form, iter(flat_x)), rebuilt(h_form, iter(flat_h)), call.T)
    )
    record = node.Record(call, replay, plan.keys, operands)
    token = record_result(np.zeros(()), node.scan, operands, {"record": record}, marks)
    record.argnums = token.argnums
    results = (
        record_result(array, node.result, (token, i), token.kwargs, [])
        if array.dtype.kind == "f"
        else Tensor(array)
        for i, array in enumerate([*call.outputs, *call.state])  # counts have no slope
    )
    return Scanned(rebuilt(plan.step.output_form, results), rebuilt(h_form, results))


def _flat(s: Scanned) -> list[Any]:
    return [*flattened(s.outputs), *flattened(s.state)]


def _unrolled(cell: Callable[[Any, Any], Any], xs: Any, state: Any, T: int) -> Scanned:
    """The same, step by step on the tape."""
    form, flat = structure(xs), flattened(xs)
    outputs: list[Any] = []
    first = structure(state)
    for t in range(T):
        returned = cell(rebuilt(form, (_tensor(x[t]) for x in flat)), state)
        if structure(returned) == first:
            state, output = returned, flattened(returned)[0]
        else:
            state, output = returned
        outputs.append(output)
    stacked = [
        np.stack([_tensor(a) for a in series])
        for series in zip(*map(flattened, outputs), strict=True)
    ]
    return Scanned(
        rebuilt(structure(outputs[0]), iter(stacked)),
        rebuilt(first, map(_tensor, flattened(state))),
    )


def _tensor(a: Any) -> Tensor:
    return a if isinstance(a, Tensor) else Tensor(a)
