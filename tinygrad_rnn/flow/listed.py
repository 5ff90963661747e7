"""Carrying cotangents from one listed state to the next: the mechanism of gradient flow.

A listed state is the Tensors of s_t, such as (h_t, c_t).  State by state, latest first, what arrives
at one is carried to the listed Tensors before it that it meets next, and no further:

    arrivals at s_t  cotangents along paths that have met no other listed Tensor since they began
    one step         arrivals at s_t -> arrivals at earlier states, plus what each parameter gets

A walk is a chain of such steps, and everything that gradient flow measures is a sum of walks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.careful import carefully
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor, seed
from tinygrad_rnn.errors import GradientError, ShapeError, UsageError
from tinygrad_rnn.nn.unroll import is_number

Array = Any
Arrivals = list[Array]  # one for each Tensor of a state; none where nothing arrives


def one_for_each(losses: Any, T: int) -> list[Tensor | Any]:
    """The loss of each of T states; None where there is none, or only a number."""
    if isinstance(losses, Tensor):
        losses = [None] * (T - 1) + [losses]
    if is_number(losses) or not isinstance(losses, Iterable):
        kind = type(losses).__name__
        raise UsageError(f"the losses are {kind}, not a list with one for each state or a Tensor.")
    found = [None if is_number(loss) else loss for loss in losses]
    if wrong := [loss for loss in found if not (loss is None or isinstance(loss, Tensor))]:
        kind = type(wrong[0]).__name__
        raise UsageError(f"one of the losses is {kind}; a loss is a scalar Tensor, or None.")
    if len(found) != T:
        raise ShapeError(
            f"{len(found)} losses and {T} states: each state needs its loss, or None. "
            "Pass a single Tensor for one loss over the whole sequence."
        )
    return found


def parameters(graph: Iterable[Tensor]) -> dict[str, Tensor]:
    """The leaves that require a gradient by their names; a second one of one name is name#2."""
    found: dict[str, Tensor] = {}
    for tensor in graph:
        if tensor.fun is None and tensor.requires_grad:
            name = tensor.name or "parameter"
            same = sum(other.split("#")[0] == name for other in found)
            found[f"{name}#{same + 1}" if same else name] = tensor
    return found


def _slopes(state: Sequence[Tensor]) -> list[Any]:
    """The dtypes of the gradients of a state; a count or a mask has that of the other parts."""
    floats = [x.dtype for x in state if x.dtype.kind == "f"]
    other = np.result_type(*floats) if floats else np.dtype(float)
    return [x.dtype if x.dtype.kind == "f" else other for x in state]


class Listed:
    """Listed states and losses on a graph; both are counted from 0.

    A Tensor may stand in several states, e.g. a memory that is passed on, or h_(t-1) in a state
    (h_t, h_(t-1)): what a step reads of it comes from the state before that step, which passes it
    on unchanged.

    parameters  {name: Tensor}: the leaves with requires_grad that the losses depend on, oldest first
    """

    def __init__(self, losses: Sequence[Tensor | None], tensors: Sequence[tuple[Tensor, ...]]):
        self.losses, self.tensors = losses, tensors
        # listed Tensor -> {number of a state: number of its part}, earliest state first
        self._entries: dict[Tensor, dict[int, int]] = {}
        for t, state in enumerate(tensors):
            for part, tensor in enumerate(state):
                self._entries.setdefault(tensor, {}).setdefault(t, part)
        self._kinds = list(map(_slopes, tensors))
        self.parameters = self._find_parameters()
        self._parameter_set = frozenset(self.parameters.values())

    def direct(self) -> dict[int, Arrivals]:
        """What arrives at each state from all losses along paths that met no listed Tensor before."""
        states: dict[int, Arrivals] = {t: [] for t in range(len(self.tensors))}
        for k in range(len(self.losses)):
            for tensor, g in self._from_loss(k).items():
                entries = self._entries[tensor]
                self._deposit(
                    states, max((t for t in entries if t <= k), default=min(entries)), tensor, g
                )
        return states

    def walk(
        self,
        inject: Mapping[int, Arrivals],
        lowest: int = 0,
        given: Sequence[dict[Tensor, Array]] | None = None,
    ) -> Iterator[tuple[int, Arrivals, Arrivals]]:
        """Add arrivals at some states and carry them down; yields (t, arrivals, complete cotangents).

        The two differ in a tuple (h, c) whose h is computed from c: what comes to c through h is not
        an arrival.  With `given`, what step t brings to each parameter is added to given[t].  A state
        at which nothing arrives sends nothing: slopes after the last loss do not count.
        """
        pending: dict[int, Arrivals] = {}
        for t in range(max(inject), lowest - 1, -1):
            come = [more for more in (pending.pop(t, []), inject.get(t, [])) if more]
            if not come:
                yield t, self.zeros(t), self.zeros(t)
                continue
            arrivals = self.zeros(t)
            for more in come:
                arrivals = [a + b for a, b in zip(arrivals, more, strict=True)]
            if t == lowest and len(arrivals) == 1 and given is None:
                yield t, arrivals, arrivals  # nothing below is asked for
                return
            own, below = self.step(t, arrivals, given)
            yield t, arrivals, own
            for x, g in below.items():
                self._deposit(pending, self._last_entry(x, t), x, g)

    def step(
        self, t: int, arrivals: Arrivals, given: Sequence[dict[Tensor, Array]] | None = None
    ) -> tuple[Arrivals, dict[Tensor, Array]]:
        """What arrives at state t carried to the next listed Tensors: (its complete cotangents, these)."""
        together: dict[Tensor, Array] = {}  # one Tensor may be two parts
        for x, a in zip(self.tensors[t], arrivals, strict=True):
            together[x] = together[x] + a if x in together else a
        made_here = {x: a for x, a in together.items() if min(self._entries[x]) == t}
        own, below = self._to_next(made_here, None if given is None else given[t])
        for x, a in together.items():
            if x not in made_here:
                own[x] = below[x] = below[x] + a if x in below else a
        return [own[x] for x in self.tensors[t]], below

    def gather(self, walk: Iterable[Any], given: Sequence[dict[Tensor, Array]]) -> None:
        """Take a walk for what it adds to `given`; add what losses send to parameters past all states."""
        for _ in walk:
            pass
        for t, reached in enumerate(given):
            self._from_loss(t, reached)

    # -- one step -------------------------------------------------------------------------------------

    def _from_loss(self, k: int, reached: dict[Tensor, Array] | None = None) -> dict[Tensor, Array]:
        """What L_k sends to the first listed Tensors on its paths."""
        loss = self.losses[k]
        seeds = {} if loss is None or not loss.requires_grad else {loss: seed(loss)}
        if loss in self._entries:  # a loss that is itself a state
            return seeds
        return self._to_next(seeds, reached)[1]

    def _to_next(
        self, seeds: dict[Tensor, Array], reached: dict[Tensor, Array] | None
    ) -> tuple[dict[Tensor, Array], dict[Tensor, Array]]:
        """Carry cotangents to the next listed Tensors; returns (complete ones of the seeds, what arrived).

        What comes to the parameters on the way is added to `reached`, if that is asked for.
        """
        own: dict[Tensor, Array] = {}
        arrived: dict[Tensor, Array] = {}
        skip = self._parameter_set if reached is None else ()
        found = carefully(
            seeds,
            lambda careful: {
                x: g
                for x, g, _ in pullback(seeds, stop=self._entries, skip=skip, careful=careful)
                if x.fun is None or x in self._entries or x in seeds
            },
            stop=self._entries,
        )
        for tensor, g in found.items():
            if tensor in seeds:
                own[tensor] = g
            elif tensor in self._entries:
                arrived[tensor] = g
            elif reached is not None:
                reached[tensor] = reached[tensor] + g if tensor in reached else g
        return own, arrived

    def _last_entry(self, tensor: Tensor, t: int) -> int:
        """The last state before t that lists the Tensor."""
        entries = [at for at in self._entries[tensor] if at < t]
        if not entries:
            raise UsageError(
                f"state {t + 1} depends on state {min(self._entries[tensor]) + 1}, which comes later in the list. List "
                "states in the order in which they are computed; a backward RNN computes the last time first."
            )
        return max(entries)

    def _deposit(self, states: dict[int, Arrivals], t: int, tensor: Tensor, g: Array) -> None:
        state, part = states.get(t) or self.zeros(t), self._entries[tensor][t]
        state[part] = state[part] + g
        states[t] = state

    def zeros(self, t: int) -> Arrivals:
        """Nothing, as arrays."""
        return [
            np.zeros(x.shape, kind) for x, kind in zip(self.tensors[t], self._kinds[t], strict=True)
        ]

    def _find_parameters(self) -> dict[str, Tensor]:
        losses = [loss for loss in self.losses if loss is not None]
        if not losses:
            nothing = "every loss is None: there is nothing to differentiate."
            raise UsageError(f"{nothing} A plain number counts as None.")
        if not any(loss.requires_grad for loss in losses):
            seed(losses[-1])  # raises, and says why
        return parameters([x for x in ancestors(losses) if x not in self._entries])

    # -- a state as one vector; k and t count from 1, as in the equations -----------------------------

    def joint(self, k: int) -> Array:
        """Zeros (..., n): s_k as one vector for each row of the batch."""
        parts = [np.atleast_1d(part) for part in self.zeros(k - 1)]
        if any(part.shape[:-1] != parts[0].shape[:-1] for part in parts):
            shapes = ", ".join(str(part.shape) for part in parts)
            raise ShapeError(
                f"the parts of state {k} have shapes {shapes}; a Jacobian needs equal batch axes."
            )
        return np.concatenate(parts, axis=-1)

    def carried(self, k: int, t: int, joint: Array) -> Array:
        """A cotangent of s_k, as one vector, carried down to s_t."""
        *_, (_, arrivals, _) = self.walk({k - 1: self.apart(k, joint)}, lowest=t - 1)
        return np.concatenate([np.atleast_1d(a) for a in arrivals], axis=-1)

    def apart(self, k: int, joint: Array) -> Arrivals:
        """One vector for each row of the batch as the parts of s_k; leading axes stay."""
        widths = [np.atleast_1d(value(x)).shape[-1] for x in self.tensors[k - 1]]
        lead = joint.shape[: joint.ndim - np.atleast_1d(value(self.tensors[k - 1][0])).ndim]
        pieces = np.split(joint, np.cumsum(widths)[:-1], axis=-1)
        return [
            piece.reshape((*lead, *x.shape))
            for piece, x in zip(pieces, self.tensors[k - 1], strict=True)
        ]

    def check_jacobian(self, k: int, t: int) -> None:
        """Raise GradientError if dh_k/dh_t is not recorded, or does not fall apart into one for each row of the batch.

        Rows are independent if scaling a row of the cotangent scales just that row of the result; powers of two
        scale without rounding.
        """
        if not all(x.requires_grad for x in self.tensors[t - 1]):
            raise GradientError(
                f"a part of state {t} does not require a gradient, so how state {k} depends on it was not recorded. "
                "Make the initial state a Tensor with requires_grad=True."
            )
        like = self.joint(k)
        if like[..., 0].size == 1:
            return
        plain = np.cos(np.arange(like.size)).astype(like.dtype).reshape(like.shape)
        result = self.carried(k, t, plain)
        rows, stride = np.arange(like[..., 0].size), 1
        while stride < rows.size:
            scale = np.exp2(rows // stride % 16).astype(like.dtype).reshape(*like.shape[:-1], 1)
            if not np.array_equal(self.carried(k, t, plain * scale), result * scale):
                raise GradientError(
                    f"the rows of a batch depend on each other between s_{t} and s_{k}, so one Jacobian for each row "
                    "does not exist. Unroll with a batch of one."
                )
            stride *= 16
