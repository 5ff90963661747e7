"""The backward step of a cell: the rules of the tape, applied to the traced values of one step.

    cotangents of the next state and of the outputs  ->  of the state, of x, and of the parameters

What the rules read of the forward step (h_t, x_t, gates) becomes an input of the backward step,
known for all of time.  Parameters take part in every step: their cotangent is a sum over time.  A
derivative is linear in its cotangent, so the sum is pushed inwards as far as it goes:
sum_t x_t^T d_t is one product of tall matrices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_rnn.core.structural import astype, scatter, unbroadcast
from tinygrad_rnn.core.tables import CONSTANT as CUTS
from tinygrad_rnn.core.tables import VJP
from tinygrad_rnn.errors import NoDerivativeError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.scan.forms import indices_in_bulk
from tinygrad_rnn.scan.operations import (
    contract,
    detached,
    scatter_at,
    total,
    total_of_rows,
    total_scattered,
)
from tinygrad_rnn.scan.trace import Step, Wanted, topological
from tinygrad_rnn.scan.traced import (
    BEFORE,
    END,
    LOOP,
    ONCE,
    Operand,
    Slot,
    Traced,
    per_step,
    record,
    tracing,
)


@dataclass
class Transposed:
    """One step backward, for what wants a gradient; parts, outputs and inputs by their number."""

    read: list[Traced]  # forward values that rules were given
    saved: dict[int, Traced]  # by id of a forward value: the leaf that stands for it
    g_state: dict[int, Traced]  # the cotangent that comes from the next step
    g_outputs: dict[int, Traced]
    previous: dict[int, Traced]  # the cotangent of the state this step was given
    g_x: dict[int, Traced]
    parameters: dict[int, Traced]  # by id of the leaf: its cotangent, summed over time


def transpose(step: Step, given: Sequence[bool], wanted: Wanted) -> Transposed:
    """The transpose of `step`, where the `given` outputs have a cotangent.

    Raises NoDerivativeError for a function without a rule between what wants a gradient and the
    results.
    """
    order = topological([*step.next_state, *step.outputs])
    active, carried = _active(step, order, wanted)
    with tracing(step.leaves):
        return _Walk(step, active, carried, given).back(order, wanted.x)


def _active(step: Step, order: Iterable[Traced], wanted: Wanted) -> tuple[set[int], list[bool]]:
    """Ids of the values through which gradients flow, and which parts of the state do so.

    A part of the state may join them at a later step.
    """
    carried = list(wanted.state)
    while True:
        leaves = zip([*step.x, *step.state], [*wanted.x, *carried], strict=True)
        active = {id(v) for v, w in leaves if w}
        for v in order:
            follows = v.wanted or any(id(a) in active for a in v.args)
            if v.dtype.kind == "f" and follows and not _cuts(v):
                active.add(id(v))
        found = [c or (id(v) in active) for c, v in zip(carried, step.next_state, strict=True)]
        if found == carried:
            return active, carried
        carried = found


def _cuts(v: Traced) -> bool:
    """Whether this operation is meant to stop gradients."""
    return v.fun is detached or (v.fun in CUTS and v.fun not in VJP)


class _Walk:
    """From the results back to the leaves, each value once."""

    def __init__(
        self, step: Step, active: set[int], carried: Sequence[bool], given: Sequence[bool]
    ):
        self.step, self.active = step, active
        self.read: list[Traced] = []
        self.saved: dict[int, Traced] = {}
        self.cotangents: dict[int, Traced] = {}
        self.g_state = {
            i: Traced(*v.kind, LOOP, origin=Slot("g_state", i), name="g")
            for i, v in enumerate(step.state)
            if carried[i]
        }
        self.g_outputs = {
            i: Traced(*v.kind, BEFORE, origin=Slot("g_out", i), name="g_y")
            for i, v in enumerate(step.outputs)
            if given[i] and id(v) in active
        }

    def back(self, order: Sequence[Traced], wanted_x: Sequence[bool]) -> Transposed:
        step = self.step
        for results, seeds in ((step.next_state, self.g_state), (step.outputs, self.g_outputs)):
            for i, seed in seeds.items():
                if id(results[i]) in self.active:
                    self._add(results[i], seed)
        backwards = order[::-1]
        for v in sorted(backwards, key=lambda v: v.phase == ONCE):  # their cotangents are sums
            if v.fun is not None and (g := self.cotangents.get(id(v))) is not None:
                self._pull(v, g)
        parameters = [v for v in step.leaves.by_id.values() if v.wanted]
        return Transposed(
            self.read,
            self.saved,
            self.g_state,
            self.g_outputs,
            {i: self._found(step.state[i]) for i in self.g_state},
            {i: self._found(v) for i, v in enumerate(step.x) if wanted_x[i]},
            {id(v): self.cotangents[id(v)] for v in parameters if id(v) in self.cotangents},
        )

    def _pull(self, v: Traced, g: Traced) -> None:
        """Give every active operand of v its share of g."""
        y, args = self._seen(v), [self._seen(a) for a in v.args]
        rules = VJP.get(v.fun)
        for i, a in enumerate(v.args):
            if isinstance(a, Traced) and id(a) in self.active:
                rule = None if rules is None else rules[i]
                if rule is None:
                    raise NoDerivativeError(
                        f"{name_of(v.fun)} has no derivative for argument {i}, through which a "
                        f"gradient is wanted. Add defvjp({name_of(v.fun)}, ...), or pass "
                        "x.detach()."
                    )
                self._add(a, rule(g, y, *args, **v.kwargs))

    def _found(self, v: Traced) -> Traced:
        g = self.cotangents.get(id(v))
        return record(np.zeros, v.kind) if g is None else g

    def _seen(self, v: Operand) -> Operand:
        """A forward value in the backward step: an input, or itself if it is known once."""
        if not isinstance(v, Traced) or v.phase == ONCE:
            return v
        if id(v) not in self.saved:
            name = v.name if v.fun is None else f"saved_{getattr(v.fun, '__name__', 'value')}"
            slot = Slot("saved", len(self.read))
            self.saved[id(v)] = Traced(*v.kind, BEFORE, origin=slot, name=name)
            self.read.append(v)
        return self.saved[id(v)]

    def _add(self, v: Traced, share: Traced) -> None:
        share, summed = _fit(share, v), v.phase == ONCE and per_step(share)
        share = sum_over_time(share) if summed else share
        known = self.cotangents.get(id(v))
        self.cotangents[id(v)] = share if known is None else record(np.add, (known, share))


def _fit(share: Traced, v: Traced) -> Traced:
    """The share without broadcast axes, in the dtype of the value, as on the tape."""
    if share.shape != v.shape:
        share = unbroadcast(share, v.shape)
    return share if share.dtype == v.dtype else record(astype, (share, v.dtype))


# Linear in their first operand.
_LINEAR = {
    *(np.negative, np.transpose, np.reshape, np.sum, np.expand_dims),
    *(scatter, scatter_at),
}


def sum_over_time(v: Traced) -> Traced:
    """sum_t v_t, with the sum pushed through what is linear."""
    fun, args = v.fun, v.args
    stepwise = [per_step(a) for a in args]
    alone = sum(stepwise) == 1
    if (pair := _outer(v)) is not None:
        return Traced(*v.kind, END, contract, pair)
    if (rows := _rows(v)) is not None:
        return Traced(*v.kind, END, total_of_rows, (rows,))
    if fun is scatter_at and stepwise[0] and not alone and indices_in_bulk(v, _is_traced):
        return Traced(*v.kind, END, total_scattered, args)
    if fun in _LINEAR and stepwise[0] and alone:
        return record(fun, (sum_over_time(args[0]), *args[1:]), v.kwargs)
    if fun in (np.add, np.subtract) and all(stepwise) and all(a.kind == v.kind for a in args):
        return record(fun, tuple(map(sum_over_time, args)))
    if fun in (np.multiply, np.matmul) and alone:
        inner = args[stepwise.index(True)]
        if inner.dtype == v.dtype and (fun is np.matmul or inner.shape == v.shape):
            return record(fun, tuple(sum_over_time(a) if a is inner else a for a in args))
    return Traced(*v.kind, END, total, (v,))


def _is_traced(a: Operand) -> bool:
    return isinstance(a, Traced)


def _rows(v: Traced) -> Traced | None:
    """The a of which v is the sum over all axes but the last, as for the share of a bias."""
    if v.fun is not np.reshape or v.args[0].fun is not np.sum:
        return None
    a: Traced = v.args[0].args[0]
    axes = v.args[0].kwargs.get("axis")
    of_rows = axes == tuple(range(a.ndim - 1)) and v.kind == (a.shape[-1:], a.dtype)
    return a if of_rows else None


def _outer(v: Traced) -> tuple[Traced, Traced] | None:
    """The factors of a product whose sum over time is sum_t a_t^T b_t, for rows a_t and b_t."""
    if len(v.args) != 2 or not all(map(per_step, v.args)):
        return None
    a, b = v.args
    if v.fun is np.matmul and a.fun is np.transpose and a.ndim == b.ndim == 2 and len(a.args) == 1:
        return a.args[0], b
    if v.fun is np.multiply and a.fun is b.fun is np.expand_dims:
        x, y = a.args[0], b.args[0]
        if (a.args[1], b.args[1]) == (-1, -2) and x.ndim == y.ndim == 1:
            return x, y
    return None
