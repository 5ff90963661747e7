"""Do the losses see the listed states?  Of states they do not see, every term of (3.1) is 0."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.structural import astype, getitem
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules.joining import concatenate, stack
from tinygrad_rnn.scan.node import result

_PASS = (
    "Pass the Tensors that the loop itself hands from step to step, such as run.states of "
    "tg.unroll."
)
_COPIES = {  # their results hold the numbers of an operand, in another order or shape
    *(getitem, np.take, stack, concatenate, astype, np.copy, np.positive, np.reshape, np.transpose),
    *(np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.broadcast_to),
}


def check_seen(losses: Sequence[Tensor | None], states: Sequence[tuple[Tensor, ...]]) -> None:
    """Raise GradientError, saying what to pass, if gradients may go past the listed states.

    That is so for a part of a state through which nothing was recorded; for a copy of what a loop
    hands on, such as an entry of what `scan` or a layer returned; and for states and losses of
    another run.
    """
    for t, state in enumerate(states, 1):
        for i, x in enumerate(state, 1):
            if x.dtype.kind == "f" and not x.requires_grad:
                part = f"part {i} of state {t}" if len(state) > 1 else f"state {t}"
                raise GradientError(
                    f"{part} does not require a gradient, so what passes through it was not "
                    "recorded and would read 0. tg.unroll records it; in a loop of your own, give "
                    "the next step Tensor(x, requires_grad=True)."
                )
    graph = _Graph([L if L is not None and L.requires_grad else None for L in losses], states)
    graph.check_scans()
    graph.check_copies()
    graph.check_states()
    graph.check_losses()


class _Graph:
    """The graph of the losses and the listed states.

    first    the number of the first state in which a Tensor is listed
    ends     the losses and the listed Tensors
    behind   what an end was computed from, up to listed Tensors, these included; oldest first
    steps    of each state its new Tensors, and what is behind them
    readers  the operations that read a Tensor
    leads    the ends that a Tensor leads to without other listed Tensors between
    """

    def __init__(self, losses: Sequence[Tensor | None], states: Sequence[tuple[Tensor, ...]]):
        self.losses, self.states = losses, list(map(set, states))
        self.first = {x: t for t, state in reversed(list(enumerate(states))) for x in state}
        self.ends = {*self.first, *(loss for loss in losses if loss is not None)}
        self.seen = set(ancestors({loss for loss in losses if loss is not None}))
        self.behind = {x: ancestors(_operands(x), stop=self.first) for x in self.ends}
        self.steps: list[set[Tensor]] = []
        for t, state in enumerate(self.states):
            new = {x for x in state if self.first[x] == t}
            self.steps.append(new.union(*(self.behind[x] for x in new)))
        self.readers: dict[Tensor, set[Tensor]] = {}
        for reader in ancestors(self.ends):
            for x in _operands(reader):
                self.readers.setdefault(x, set()).add(reader)
        self.leads: dict[Tensor, set[Tensor]] = {x: {x} for x in self.ends}
        for end, behind in self.behind.items():
            for x in behind:
                self.leads.setdefault(x, set()).add(end)

    def check_scans(self) -> None:
        """No two states may come out of one scan without one leading to the other.

        The steps of a scan are not recorded.
        """
        known: dict[Tensor, int] = {}
        for t, (state, step) in enumerate(zip(self.states, self.steps, strict=True)):
            if self._goes_on(t):
                continue
            for x in (x for x in step if x.fun is result and x not in state):
                if known.setdefault(x, t) != t:
                    raise GradientError(
                        f"state {t + 1} is a copy out of the result of a scan, whose steps are not "
                        f"recorded one by one, and so is state {known[x] + 1}: what passes between "
                        f"them would read 0. Run the cell by tg.unroll. {_PASS}"
                    )

    def check_copies(self) -> None:
        """No state may be a copy of something that is read past it."""
        for x, t in sorted(self.first.items(), key=lambda pair: pair[1]):
            for copy, origin in self._origins(x):
                own, others = _entries(copy, origin), self.readers[origin] - {copy}
                past = [y for y in others if np.any(own & _entries(y, origin))]
                if any(self._leads_past(y, t) for y in past):
                    what = "a scan" if origin.fun is result else name_of(origin.fun or repr)
                    raise GradientError(
                        f"state {t + 1} is a copy out of the result of {what}, and other steps "
                        "read that result too: their gradients would go past the state. " + _PASS
                    )

    def _origins(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(copy, origin) for all that x is a copy of, up to the next listed states."""
        copies = {x} if x.fun in _COPIES else set()
        for origin in reversed(self.behind[x]) if copies else ():
            if origin.fun is not None and origin not in self.first:
                read = self.readers[origin] & copies
                yield from ((copy, origin) for copy in read)
                if read and origin.fun in _COPIES:
                    copies.add(origin)

    def _leads_past(self, x: Tensor, t: int) -> bool:
        """Does it lead to a loss, or to another state, without the Tensors of state t?"""
        return x not in self.states[t] and not self.leads[x] <= self.states[t]

    def _goes_on(self, t: int) -> bool:
        """Was state t computed from an earlier one?"""
        return any(self.first.get(x, t) < t for x in self.steps[t])

    def check_states(self) -> None:
        """The losses must depend on the states, and not on other Tensors of the same numbers."""
        seen = [not self.seen.isdisjoint(state) for state in self.states]
        if not any(seen):
            raise GradientError(
                f"no loss depends on any of the states: they are of another run, or copies. {_PASS}"
            )
        for t, loss in enumerate(self.losses):
            if loss is not None and not seen[t] and self._goes_past(loss, self.states[t]):
                raise GradientError(
                    f"no loss depends on state {t + 1}, not even loss {t + 1}: it is of another "
                    f"run. {_PASS}"
                )
        for t in range(1, len(self.states)):
            if not seen[t] or (seen[t - 1] and self._goes_on(t)):
                continue
            for x in self.steps[t] - self.states[t]:
                if x.fun is not None and any(_same(x, before) for before in self.states[t - 1]):
                    raise GradientError(
                        f"state {t + 1} depends on a result of {name_of(x.fun)} with the numbers "
                        f"of state {t}, and not on state {t}: the states are of several runs. "
                        f"{_PASS}"
                    )

    def check_losses(self) -> None:
        """A loss that reads none of the states must not read one that was made like them."""
        for t, loss in enumerate(self.losses):
            if loss is not None:
                between = ancestors([loss], stop=self.first)
                if self.first.keys().isdisjoint(between) and self._alike(between, t):
                    raise GradientError(
                        f"loss {t + 1} reads none of the states, but something made like state "
                        f"{t + 1}: it is of another run. {_PASS} If it is meant, leave it out: to "
                        "every term of (3.1) it adds 0."
                    )
        later = None
        for t in reversed(range(len(self.states))):
            if not self.seen.isdisjoint(self.states[t]):
                later = t
            elif later is not None and self._alike(self.steps[later], t):
                raise GradientError(
                    f"no loss depends on state {t + 1}, but state {later + 1} on something made "
                    f"like it: the states are of several runs. {_PASS}"
                )

    def _alike(self, among: Collection[Tensor], t: int) -> bool:
        """Was one of these made by the operation, in the shape and of the parameters of state t?"""
        parameters = _parameters(self.steps[t])
        return bool(parameters) and any(
            x.fun is part.fun
            and x.shape == part.shape
            and x not in self.first
            and parameters <= _parameters(ancestors([x], stop=self.first))
            for part in self.states[t]
            for x in among
        )

    def _goes_past(self, loss: Tensor, state: Collection[Tensor]) -> bool:
        """Does the loss depend on what replaces its state: its numbers, or what others follow?"""
        others = {*ancestors(self.first)} - {*ancestors(state)}
        return any(
            x in others or any(_same(x, part) for part in state)
            for x in ancestors([loss], stop=self.first)
            if x.fun is not None and x not in self.first
        )


def _operands(x: Tensor) -> list[Tensor]:
    return [a for a in x.args if isinstance(a, Tensor)]


def _parameters(graph: Collection[Tensor]) -> set[Tensor]:
    return {x for x in graph if x.fun is None and x.requires_grad}


def _entries(reader: Tensor, origin: Tensor) -> Array:
    """Which entries of the origin it reads, as bools; two slices may have nothing in common."""
    numbers = np.arange(origin.size).reshape(origin.shape)
    if reader.fun is not getitem and reader.fun is not np.take:
        return numbers >= 0
    primals = [
        numbers if a is origin else p for a, p in zip(reader.args, reader.primals, strict=True)
    ]
    return np.isin(numbers, reader.fun(*primals, **reader.kwargs or {}))


def _same(x: Tensor, y: Tensor) -> bool:
    """Do they hold the same numbers, and not only zeros?"""
    equal = x is not y and x.shape == y.shape and np.array_equal(value(x), value(y))
    return equal and bool(np.any(value(x)))
