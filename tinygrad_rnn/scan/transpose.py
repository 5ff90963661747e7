"""The backward step of a cell: the same rules that the tape uses, run on the traced values of one step.

    cotangents of the next state and of the outputs  ->  cotangents of the state, of x, and of the parameters

What the rules read of the forward step (h_t, x_t, gates) becomes an input of the backward step, known for all of
time.  Parameters take part in every step: their cotangent is a sum over time, and because a derivative is linear
in its cotangent, the sum is pushed inwards as far as it goes: sum_t x_t^T d_t is one product of tall matrices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_rnn.core.structural import astype, scatter, unbroadcast
from tinygrad_rnn.core.tables import CONSTANT as CUTS
from tinygrad_rnn.core.tables import VJP
from tinygrad_rnn.errors import NoDerivativeError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.scan.forms import (
    contract,
    detached,
    indices_in_bulk,
    place,
    total,
    total_of_rows,
    total_placed,
)
from tinygrad_rnn.scan.trace import Step, topological
from tinygrad_rnn.scan.traced import BEFORE, END, LOOP, ONCE, Slot, Traced, record, tracing


@dataclass
class Transposed:
    """One step backward.  Lists run over the active parts of the state, the outputs given, and so on."""

    read: list[Traced]  # forward values that rules were given
    saved: dict[int, Traced]  # by id of a forward value: the leaf that stands for it
    g_state: dict[int, Traced]  # by number of the part: the cotangent that comes from the next step
    g_outputs: dict[int, Traced]
    previous: dict[int, Traced]  # the cotangent of the state this step was given
    g_x: dict[int, Traced]
    parameters: dict[int, Traced]  # by id of the constant leaf: its cotangent, summed over time


def transpose(
    step: Step, given: Sequence[bool], wanted_x: Sequence[bool], wanted_state: Sequence[bool]
) -> Transposed:
    """The transpose of `step`; given: which outputs have a cotangent; wanted_*: which inputs want one.

    Raises NoDerivativeError for a function without a rule on the way from what wants a gradient to the result.
    """
    order = topological([*step.next_state, *step.outputs])
    active, parts = _active(step, order, wanted_x, wanted_state)
    with tracing(step.leaves):
        return _Walk(step, active, parts, given).run(order, wanted_x)


def _active(
    step: Step, order: Iterable[Traced], wanted_x: Sequence[bool], wanted_state: Sequence[bool]
) -> tuple[set[int], list[bool]]:
    """Ids of the values that depend on something that wants a gradient; a state may become one by recurrence."""
    parts = list(wanted_state)
    while True:
        active = {
            id(v) for v, w in zip([*step.x, *step.state], [*wanted_x, *parts], strict=True) if w
        }
        for v in order:
            if (
                v.dtype.kind == "f"
                and (v.wanted or any(id(a) in active for a in v.args))
                and _cuts(v) is False
            ):
                active.add(id(v))
        found = [p or (id(v) in active) for p, v in zip(parts, step.next_state, strict=True)]
        if found == parts:
            return active, parts
        parts = found


def _cuts(v: Traced) -> bool:
    """Whether derivatives end at this operation, by intention."""
    return v.fun is detached or (v.fun in CUTS and v.fun not in VJP)


class _Walk:
    """From the results back to the leaves, each value once."""

    def __init__(self, step: Step, active: set[int], parts: Sequence[bool], given: Sequence[bool]):
        self.step, self.active = step, active
        self.read: list[Traced] = []
        self.saved: dict[int, Traced] = {}
        self.cotangents: dict[int, Traced] = {}
        self.g_state = {
            i: Traced(v.shape, v.dtype, LOOP, origin=Slot("g_state", i), name="g")
            for i, v in enumerate(step.state)
            if parts[i]
        }
        self.g_outputs = {
            i: Traced(v.shape, v.dtype, BEFORE, origin=Slot("g_out", i), name="g_y")
            for i, v in enumerate(step.outputs)
            if given[i] and id(v) in active
        }

    def run(self, order: Sequence[Traced], wanted_x: Sequence[bool]) -> Transposed:
        for results, seeds in (
            (self.step.next_state, self.g_state),
            (self.step.outputs, self.g_outputs),
        ):
            for i, seed in seeds.items():
                if id(results[i]) in self.active:
                    self._add(results[i], seed)
        stepwise = [v for v in order if v.phase != ONCE]
        for v in (*reversed(stepwise), *(v for v in reversed(order) if v.phase == ONCE)):
            g = self.cotangents.get(id(v))
            if g is None or v.fun is None:
                continue
            y, args = self._seen(v), [self._seen(a) for a in v.args]
            rules = VJP.get(v.fun)
            for i, a in enumerate(v.args):
                if isinstance(a, Traced) and id(a) in self.active:
                    rule = None if rules is None else rules[i]
                    if rule is None:
                        raise NoDerivativeError(
                            f"{name_of(v.fun)} has no derivative for argument {i}, through which a gradient is wanted. "
                            f"Add defvjp({name_of(v.fun)}, ...), or pass x.detach()."
                        )
                    self._add(a, rule(g, y, *args, **v.kwargs))
        return Transposed(
            self.read,
            self.saved,
            self.g_state,
            self.g_outputs,
            {i: self._found(self.step.state[i]) for i in self.g_state},
            {i: self._found(v) for i, v in enumerate(self.step.x) if wanted_x[i]},
            {
                id(v): self.cotangents[id(v)]
                for v in self.step.leaves.by_id.values()
                if v.wanted and id(v) in self.cotangents
            },
        )

    def _found(self, v: Traced) -> Traced:
        g = self.cotangents.get(id(v))
        return record(np.zeros, (v.shape, v.dtype)) if g is None else g

    def _seen(self, v: Any) -> Any:
        """A forward value as the backward step sees it: an input known for all of time, or a constant."""
        if not isinstance(v, Traced) or v.phase == ONCE:
            return v
        if id(v) not in self.saved:
            self.saved[id(v)] = Traced(
                v.shape, v.dtype, BEFORE, origin=Slot("saved", len(self.read)), name=_kept_name(v)
            )
            self.read.append(v)
        return self.saved[id(v)]

    def _add(self, v: Traced, share: Traced) -> None:
        if v.phase == ONCE and share.phase in (BEFORE, LOOP):
            share = sum_over_time(_fit(share, v))
        else:
            share = _fit(share, v)
        known = self.cotangents.get(id(v))
        self.cotangents[id(v)] = share if known is None else record(np.add, (known, share))


def _kept_name(v: Traced) -> str:
    return v.name if v.fun is None else f"kept_{getattr(v.fun, '__name__', 'value')}"


def _fit(share: Traced, v: Traced) -> Traced:
    """Broadcast axes summed away, and the dtype of the value, as the tape does where it pulls a share."""
    if share.shape != v.shape:
        share = unbroadcast(share, v.shape)
    return share if share.dtype == v.dtype else record(astype, (share, v.dtype))


def sum_over_time(v: Traced) -> Traced:
    """sum_t v_t, with the sum pushed through what is linear."""
    fun, args = v.fun, v.args
    stepwise = [isinstance(a, Traced) and a.phase in (BEFORE, LOOP) for a in args]
    if (pair := _outer(v)) is not None:
        return Traced(v.shape, v.dtype, END, contract, pair)
    if (rows := _rows(v)) is not None:
        return Traced(v.shape, v.dtype, END, total_of_rows, (rows,))
    if (
        fun is place
        and stepwise[0]
        and any(stepwise[1:])
        and indices_in_bulk(v, lambda a: isinstance(a, Traced))
    ):
        return Traced(v.shape, v.dtype, END, total_placed, args)
    if (
        fun in (np.negative, np.transpose, np.reshape, np.sum, np.expand_dims, scatter, place)
        and stepwise[0]
        and sum(stepwise) == 1
    ):
        return record(fun, (sum_over_time(args[0]), *args[1:]), v.kwargs)
    if (
        fun in (np.add, np.subtract)
        and all(stepwise)
        and all(a.shape == v.shape and a.dtype == v.dtype for a in args)
    ):
        return record(fun, tuple(map(sum_over_time, args)))
    if fun in (np.multiply, np.matmul) and sum(stepwise) == 1:
        inner = args[stepwise.index(True)]
        if inner.dtype == v.dtype and (fun is np.matmul or inner.shape == v.shape):
            return record(
                fun,
                tuple(sum_over_time(a) if s else a for a, s in zip(args, stepwise, strict=True)),
            )
    return Traced(v.shape, v.dtype, END, total, (v,))


def _rows(v: Traced) -> Traced | None:
    """What v is the sum of over all axes but the last, as the share of a bias is."""
    if v.fun is not np.reshape or v.args[0].fun is not np.sum:
        return None
    (a,), axes = v.args[0].args, v.args[0].kwargs.get("axis")
    return (
        a
        if axes == tuple(range(a.ndim - 1)) and v.shape == a.shape[-1:] and a.dtype == v.dtype
        else None
    )


def _outer(v: Traced) -> tuple[Traced, Traced] | None:
    """The factors a, b of a product whose sum over time is sum_t a_t^T b_t, for rows a_t and b_t."""
    if len(v.args) != 2 or not all(
        isinstance(a, Traced) and a.phase in (BEFORE, LOOP) for a in v.args
    ):
        return None
    a, b = v.args
    if v.fun is np.matmul and a.fun is np.transpose and a.ndim == b.ndim == 2 and len(a.args) == 1:
        return a.args[0], b
    if (
        v.fun is np.multiply
        and a.fun is b.fun is np.expand_dims
        and (a.args[1], b.args[1]) == (-1, -2)
    ):
        rows = a.args[0], b.args[0]
        return rows if rows[0].ndim == rows[1].ndim == 1 else None
    return None
