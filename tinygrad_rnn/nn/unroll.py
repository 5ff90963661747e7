"""Unrolling over time: the loop that turns a cell into a graph of named x_t, h_t, y_t and L_t."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Function
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DataError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.guards.operands import real_array
from tinygrad_rnn.nn.states import as_named, built_as, given_names, leaf, named, parts, watched

UnrolledState = Tensor | tuple[Tensor, ...]
UnrolledCell: TypeAlias = Function  # (x, state) -> state
ReadOut: TypeAlias = Function  # h_t -> y_t
Loss: TypeAlias = Function  # (y_t, target_t) -> L_t


@dataclass(frozen=True)
class Unrolled:
    """An RNN unrolled over T time steps; entry t - 1 of each list belongs to time t.

    states    what the cell returned: Tensors, or tuples such as (h, c); hidden: the first of each
    outputs   y_t = readout(h_t); empty without a read-out
    losses    L_t, or None at a step without one; empty without a loss
    backward  whether it ran from the last time to the first; entry i - 1 is then time T + 1 - i
    outside   states of another network that the outputs are computed from as well
    """

    cell: UnrolledCell
    xs: list[Tensor]
    initial: UnrolledState
    states: list[UnrolledState]
    outputs: list[Tensor]
    losses: list[Tensor | Any]  # Any for None: most networks have a loss at each step
    total_loss: Tensor | None  # L = sum_t L_t, (2.1)
    backward: bool = False
    outside: tuple[Tensor, ...] = ()

    def __repr__(self) -> str:
        shapes = ", ".join(
            f"{(part.name or 's').split('_')[0]}: {part.shape}" for part in parts(self.states[-1])
        )
        loss = "no loss" if self.total_loss is None else f"L={number(self.total_loss.item())}"
        return f"Unrolled({_of(self.cell)}, T={len(self)}, x: {self.xs[0].shape}, {shapes}, {loss})"

    def __len__(self) -> int:
        return len(self.states)

    @property
    def hidden(self) -> list[Tensor]:
        """h_1 .. h_T."""
        return [parts(state)[0] for state in self.states]

    @property
    def loss(self) -> Tensor:
        """The total loss (2.1).  Raises UsageError if the network was unrolled without a loss."""
        if self.total_loss is None:
            raise UsageError(
                "this network was unrolled without a loss. Pass loss= and targets= to unroll."
            )
        return self.total_loss


def _of(cell: object) -> str:
    return str(getattr(cell, "__name__", type(cell).__name__))


@public
def unroll(
    cell: UnrolledCell,
    xs: object,
    h0: object = None,
    *,
    readout: ReadOut | None = None,
    loss: Loss | None = None,
    targets: object = None,
) -> Unrolled:
    """Run `state = cell(x_t, state)` for t = 1 .. T and record everything.

    cell     any callable from (x, state) to state; a state is an array or a tuple of arrays
    xs       (T, B, I), or (T, I), or a list of T arrays or Tensors
    h0       the state before the first step; None asks `cell.initial_state`, zeros in our cells
    readout  y_t = readout(h_t), (1.2); of a tuple state, h_t is the first part
    loss     L_t = loss(y_t, target_t), a scalar; the total is their sum, (2.1).  A step for which
             it returns None or a plain number has no loss, and None in `losses`; the number counts
             in the total
    targets  a sequence of T targets; None at a step without a loss, for which `loss` is not called

    Raises DataError for NaN or an empty sequence, ShapeError where lengths differ, UsageError where
    something is missing.
    """
    inputs = [leaf(x, f"x_{t}") for t, x in enumerate(_steps(xs, "xs"), 1)]
    wanted = None if targets is None else _steps(targets, "targets", gaps=True)
    if (loss is None) != (wanted is None):
        raise UsageError(
            "a loss needs targets and targets need a loss: pass both to unroll, or neither."
        )
    if wanted is not None and len(wanted) != len(inputs):
        raise ShapeError(
            f"xs has T = {len(inputs)} time steps and targets {len(wanted)}; they must be equal."
        )
    names = given_names(cell)
    initial = state = named(_initial(cell, inputs[0]) if h0 is None else h0, names, 0)
    for part in parts(initial):
        _check_entries(part, "h0")
    states, outputs, losses, learns = [], [], [], False
    for t, x in enumerate(inputs, 1):
        state = named(built_as(state, cell(x, state), cell, t), names, t)
        if not parts(state):
            raise UsageError(
                f"the state at t = {t} is an empty tuple; a state is an array or a tuple of arrays."
            )
        learns = learns or any(part.requires_grad for part in parts(state))
        state = watched(state) if learns else state
        states.append(state)
        y = parts(state)[0] if readout is None else readout(parts(state)[0])
        if readout is not None:
            outputs.append(as_named(y, f"y_{t}"))
        if loss is not None and wanted is not None:
            losses.append(_loss(loss, y, wanted[t - 1], t))
    total = _total(losses) if losses else None
    return Unrolled(cell, inputs, initial, states, outputs, _with_gradient(losses), total)


@public
def bidirectional(
    forward: UnrolledCell,
    backward: UnrolledCell,
    xs: object,
    h0: tuple[object, object] = (None, None),
    *,
    readout: ReadOut,
    loss: Loss,
    targets: object,
) -> tuple[Unrolled, Unrolled]:
    """Two networks over the same inputs, one from each end of time, and y_t = readout([h_t, h'_t]).

    Both have all outputs and losses.  The second lists everything in the order in which it is
    computed, from T to 1, so `gradient_flow(run.losses, run.states)` holds for each.  The rest is
    as in `unroll`.

    Schuster and Paliwal (1997), doi:10.1109/78.650093.
    """
    first = unroll(forward, xs, h0[0])
    second = unroll(backward, first.xs[::-1], h0[1])
    T = len(first)
    for i, state in enumerate([second.initial, *second.states]):
        for part in parts(state):
            base, _, index = (part.name or "").rpartition("_")
            if base and index == str(i):
                part.name = f"{base}′_{T + 1 - i}"
    wanted = _steps(targets, "targets", gaps=True)
    if len(wanted) != T:
        raise ShapeError(
            f"xs has T = {T} time steps and targets {len(wanted)}; they must be equal."
        )
    outputs, losses = [], []
    for t, (a, b) in enumerate(zip(first.hidden, reversed(second.hidden), strict=True), 1):
        outputs.append(as_named(readout(np.concatenate([a, b], axis=-1)), f"y_{t}"))
        losses.append(_loss(loss, outputs[-1], wanted[t - 1], t))
    shown, total = _with_gradient(losses), _total(losses)
    outside = tuple(first.hidden), tuple(second.hidden)
    first = replace(first, outputs=outputs, losses=shown, outside=outside[1])
    second = replace(second, outputs=outputs[::-1], losses=shown[::-1], outside=outside[0])
    return replace(first, total_loss=total), replace(second, total_loss=total, backward=True)


def _loss(loss: Loss, y: Tensor, target: object, t: int) -> Tensor | float:
    """L_t, or the plain number that a step without a loss adds to the total."""
    found = None if target is None else loss(y, target)
    if found is None or is_number(found):
        return float(found or 0.0)
    L = as_named(found, f"L_{t}")
    if L.size != 1:
        raise ShapeError(f"the loss at t = {t} has shape {L.shape}; it must be a scalar.")
    return L


def _with_gradient(losses: list[Tensor | float]) -> list[Tensor | None]:
    return [L if isinstance(L, Tensor) else None for L in losses]


def _total(losses: list[Tensor | float]) -> Tensor:
    """L = sum_t L_t, (2.1)."""
    tensors = [L for L in losses if isinstance(L, Tensor)]
    if not tensors:
        raise UsageError(
            "no step has a loss: at each the target is None, or the loss returned None or a plain "
            "number. There is nothing to differentiate. Give at least one target, and compute its "
            "loss from y with NumPy."
        )
    constant = sum(L for L in losses if not isinstance(L, Tensor))
    total = np.sum(np.stack(tensors))
    return as_named(total + constant if constant else total, "L")


def is_number(x: object) -> bool:
    """Whether x is a number of Python or NumPy, which carries no gradient."""
    scalar = isinstance(x, (int, float, np.generic, np.ndarray)) and np.ndim(x) == 0
    return scalar and np.asarray(x).dtype.kind in "biuf"


def _steps(sequence: Any, what: str, gaps: bool = False) -> Sequence[Any]:
    """The entries along time, checked; the steps of one Tensor are recorded slices of it.

    gaps: whether an entry may be None.
    """
    without_axes = not hasattr(sequence, "__len__") or getattr(sequence, "shape", None) == ()
    if without_axes or isinstance(sequence, (str, bytes, dict)):
        raise ShapeError(
            f"{what} is one {type(sequence).__name__}; it needs a time axis first: an array "
            "(T, B, I) or (T, I), or a list of T arrays."
        )
    if gaps and getattr(getattr(sequence, "dtype", None), "kind", "") == "O":
        sequence = list(sequence)
    if not isinstance(sequence, (list, tuple, Tensor)):
        sequence = real_array(sequence, f"the array {what}")
    steps = [sequence[t] for t in range(len(sequence))]
    if not steps:
        raise DataError(f"{what} is empty: there is no time step to unroll.")
    for t, step in enumerate(steps, 1):
        if step is not None or not gaps:
            _check_entries(step, f"{what} at t = {t}")
    return steps


def _check_entries(x: object, what: str) -> None:
    if not np.all(np.isfinite(real_array(value(x), what))):
        raise DataError(
            f"{what} holds NaN or infinity. Remove or fill such entries before unrolling."
        )


def _initial(cell: Any, x: Tensor) -> Any:
    if not hasattr(cell, "initial_state"):
        raise UsageError(f"{_of(cell)} has no initial_state(batch). Pass h0 to unroll.")
    return cell.initial_state(x.shape[:-1])
