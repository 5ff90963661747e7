"""Carrying cotangents from one listed state to the next: the mechanism of gradient flow.

A listed state is the Tensors of s_t, such as (h_t, c_t).  State by state, latest first, what
arrives at one is carried to the listed Tensors before it that it meets next, and no further:

    arrivals at s_t  cotangents along paths that have met no other listed Tensor since they began
    one step         arrivals at s_t -> arrivals at earlier states, plus what each parameter gets

A walk is a chain of such steps, and everything that gradient flow measures is a sum of walks.
Inside this room states are counted from 0; `GradientFlow` and every error count from 1.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array, DType
from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.careful import carefully
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor, seed
from tinygrad_rnn.errors import ShapeError, UsageError
from tinygrad_rnn.nn.unroll import is_number

Arrivals: TypeAlias = list[Array]  # one for each Tensor of a state; none where nothing arrives
Gradients: TypeAlias = dict[Tensor, Array]


class Visit(NamedTuple):
    """What a walk finds at state t.

    arrivals    what has met no other listed Tensor since it began
    complete    the complete cotangents.  They differ from the arrivals in a tuple (h, c) whose h is
                computed from c: what comes to c through h is not an arrival
    parameters  what step t sends to each parameter, if that is asked for
    """

    t: int
    arrivals: Arrivals
    complete: Arrivals
    parameters: Gradients


class Carried(NamedTuple):
    """Cotangents carried to the next listed Tensors: complete ones of the seeds, what arrived."""

    complete: Gradients
    arrived: Gradients
    parameters: Gradients


def one_for_each(losses: object, T: int) -> list[Tensor | None]:
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


def plus(a: Gradients, b: Gradients) -> Gradients:
    """Both, added where they meet."""
    return a | {x: a[x] + g if x in a else g for x, g in b.items()}


class Listed:
    """Listed states and losses on a graph.

    A Tensor may stand in several states, e.g. a memory that is passed on, or h_(t-1) in a state
    (h_t, h_(t-1)): what a step reads of it comes from the state before that step, which passes it
    on unchanged.

    parameters  {name: Tensor}: the leaves with requires_grad that the losses depend on, oldest
                first

    Raises UsageError if every loss is None, GradientError if none can be differentiated.
    """

    def __init__(self, losses: Sequence[Tensor | None], tensors: Sequence[tuple[Tensor, ...]]):
        self.losses, self.tensors = losses, tensors
        # listed Tensor -> {number of a state: number of its part}, earliest state first
        self._entries: dict[Tensor, dict[int, int]] = {}
        for t, state in enumerate(tensors):
            for part, tensor in enumerate(state):
                self._entries.setdefault(tensor, {}).setdefault(t, part)
        self._dtypes = list(map(_gradient_dtypes, tensors))
        self.parameters = self._find_parameters()
        self._aside = frozenset(self.parameters.values())

    def __len__(self) -> int:
        return len(self.tensors)

    def zeros(self, t: int) -> Arrivals:
        """Nothing, as arrays."""
        return [
            np.zeros(x.shape, dtype)
            for x, dtype in zip(self.tensors[t], self._dtypes[t], strict=True)
        ]

    def direct(self) -> dict[int, Arrivals]:
        """What arrives at each state from all losses by paths that met no listed Tensor before."""
        states: dict[int, Arrivals] = {t: [] for t in range(len(self))}
        for k in range(len(self)):
            for x, g in self._from_loss(k).arrived.items():
                entries = self._entries[x]
                t = max((t for t in entries if t <= k), default=min(entries))
                self._deposit(states, t, x, g)
        return states

    def walk(
        self, inject: Mapping[int, Arrivals], lowest: int = 0, parameters: bool = False
    ) -> Iterator[Visit]:
        """Let cotangents arrive at some states and carry them down to the lowest, state by state.

        A state at which nothing arrives sends nothing: slopes after the last loss do not count.
        """
        pending = dict(inject)
        for t in range(max(inject), lowest - 1, -1):
            arrivals = pending.pop(t, [])
            if not arrivals:
                yield Visit(t, [], self.zeros(t), {})
            elif t == lowest and len(arrivals) == 1 and not parameters:
                yield Visit(t, arrivals, arrivals, {})  # nothing below is asked for
            else:
                visit, below = self.step(t, arrivals, parameters)
                yield visit
                for x, g in below.items():
                    self._deposit(pending, self._last_entry(x, t), x, g)

    def step(self, t: int, arrivals: Arrivals, parameters: bool = False) -> tuple[Visit, Gradients]:
        """What arrives at state t, carried on: the visit, and what comes to the Tensors below."""
        together: Gradients = {}
        for x, g in zip(self.tensors[t], arrivals, strict=True):  # one Tensor may be two parts
            together = plus(together, {x: g})
        made_here = {x: g for x, g in together.items() if min(self._entries[x]) == t}
        passed_on = {x: g for x, g in together.items() if x not in made_here}
        carried = self._carried(made_here, parameters)
        below = plus(carried.arrived, passed_on)
        complete = carried.complete | {x: below[x] for x in passed_on}
        visit = Visit(t, arrivals, [complete[x] for x in self.tensors[t]], carried.parameters)
        return visit, below

    def sent(self, visits: Iterable[Visit]) -> Iterator[tuple[int, Gradients]]:
        """What reaches the parameters, as (t, gradients): from visits, and from losses directly."""
        for visit in visits:
            yield visit.t, visit.parameters
        for t in range(len(self)):
            yield t, self._from_loss(t, parameters=True).parameters

    def _from_loss(self, k: int, parameters: bool = False) -> Carried:
        """What L_k sends to the first listed Tensors on its paths."""
        loss = self.losses[k]
        seeds = {} if loss is None or not loss.requires_grad else {loss: seed(loss)}
        if loss in self._entries:  # a loss that is itself a state
            return Carried({}, seeds, {})
        return self._carried(seeds, parameters)

    def _carried(self, seeds: Gradients, parameters: bool) -> Carried:
        """Cotangents carried to the next listed Tensors."""
        entries, skip = self._entries, () if parameters else self._aside
        found: Gradients = carefully(
            seeds,
            lambda careful: {
                x: g
                for x, g, _ in pullback(seeds, stop=entries, skip=skip, careful=careful)
                if x.fun is None or x in entries or x in seeds
            },
            stop=entries,
        )
        complete = {x: found.pop(x) for x in seeds}
        arrived = {x: g for x, g in found.items() if x in entries}
        return Carried(complete, arrived, {x: g for x, g in found.items() if x not in entries})

    def _last_entry(self, tensor: Tensor, t: int) -> int:
        """The last state before t that lists the Tensor."""
        entries = [at for at in self._entries[tensor] if at < t]
        if not entries:
            first = min(self._entries[tensor]) + 1
            raise UsageError(
                f"state {t + 1} depends on state {first}, which comes later in the list. List "
                "states in the order in which they are computed; a backward RNN computes the last "
                "time first."
            )
        return max(entries)

    def _deposit(self, states: dict[int, Arrivals], t: int, tensor: Tensor, g: Array) -> None:
        state, part = list(states.get(t) or self.zeros(t)), self._entries[tensor][t]
        state[part] = state[part] + g
        states[t] = state

    def _find_parameters(self) -> dict[str, Tensor]:
        losses = [loss for loss in self.losses if loss is not None]
        if not losses:
            nothing = "every loss is None: there is nothing to differentiate."
            raise UsageError(f"{nothing} A plain number counts as None.")
        if not any(loss.requires_grad for loss in losses):
            seed(losses[-1])  # raises, and says why
        return parameters([x for x in ancestors(losses) if x not in self._entries])


def _gradient_dtypes(state: Sequence[Tensor]) -> list[DType]:
    """The dtypes of the gradients of a state; a count or a mask has that of the other parts."""
    floats = [x.dtype for x in state if x.dtype.kind == "f"]
    other = np.result_type(*floats) if floats else np.dtype(float)
    return [x.dtype if x.dtype.kind == "f" else other for x in state]
