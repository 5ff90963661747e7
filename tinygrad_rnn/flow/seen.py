"""Are the listed states those through which the losses were computed?  Of others, every term of (3.1) would read 0."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.structural import astype, getitem
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules.joining import concatenate, stack
from tinygrad_rnn.scan.node import result

_PASS = "Pass the Tensors that the loop itself hands from step to step, such as run.states of tg.unroll."
_COPIES = {  # their results hold the numbers of an operand, in another order or shape
    *(getitem, np.take, stack, concatenate, astype, np.copy, np.positive),
    *(
        np.reshape,
        np.transpose,
        np.swapaxes,
        np.moveaxis,
        np.expand_dims,
        np.squeeze,
        np.broadcast_to,
    ),
}


def check_seen(losses: Sequence[Tensor | None], states: Sequence[tuple[Tensor, ...]]) -> None:
    """Raise GradientError, saying what to pass, if gradients may go past the listed states.

    That is so for a part of a state through which nothing was recorded; for a copy of what a loop hands on, such as an
    entry of what `scan` or a layer returned; and for states and losses of another run.
    """
    for t, state in enumerate(states, 1):
        for i, x in enumerate(state, 1):
            if x.dtype.kind == "f" and not x.requires_grad:
                part = f"part {i} of state {t}" if len(state) > 1 else f"state {t}"
                raise GradientError(
                    f"{part} does not require a gradient, so what passes through it was not recorded and would read "
                    "0. tg.unroll records it; in a loop of your own, give the next step Tensor(x, requires_grad=True)."
                )
    losses = [None if loss is None or not loss.requires_grad else loss for loss in losses]
    run = _Graph(losses, states)
    run.check_scans()
    run.check_copies()
    run.check_states()
    run.check_losses()


class _Graph:
    """The graph of the losses and the listed states.

    first    the number of the first state in which a Tensor is listed
    steps    of each state what its new Tensors were computed from, up to listed ones, and themselves
    readers  the operations that read a Tensor
    """

    def __init__(self, losses: Sequence[Tensor | None], states: Sequence[tuple[Tensor, ...]]):
        self.losses, self.states = losses, list(map(set, states))
        self.ends = {loss for loss in losses if loss is not None}
        self.first = {x: t for t, state in reversed(list(enumerate(states))) for x in state}
        self.steps: list[set[Any]] = []
        for t, state in enumerate(states):
            new = [x for x in state if self.first[x] == t]
            operands = [a for x in new for a in x.args if isinstance(a, Tensor)]
            self.steps.append({*new, *ancestors(operands, stop=self.first)})
        self.readers: dict[Tensor, set[Tensor]] = {}
        for reader in ancestors({*self.ends, *self.first}):
            for a in reader.args:
                if isinstance(a, Tensor):
                    self.readers.setdefault(a, set()).add(reader)

    def check_scans(self) -> None:
        """No two states may come out of one scan, whose steps are not recorded, without one leading to the other."""
        known: dict[Tensor, int] = {}
        for t, (state, step) in enumerate(zip(self.states, self.steps, strict=True)):
            if any(self.first.get(x, t) < t for x in step):
                continue
            for x in (x for x in step if x.fun is result and x not in state):
                if known.setdefault(x, t) != t:
                    raise GradientError(
                        f"state {t + 1} is a copy out of the result of a scan, whose steps are not recorded one by "
                        f"one, and so is state {known[x] + 1}: what passes between them would read 0. "
                        f"Run the cell by tg.unroll. {_PASS}"
                    )

    def check_copies(self) -> None:
        """No state may be a copy of something that is read past it."""
        for x, t in sorted(self.first.items(), key=lambda pair: pair[1]):
            for copy, origin in self._origins(x) if x.fun in _COPIES else ():
                own = _entries(copy, origin)
                others = [
                    r
                    for r in self.readers.get(origin, set()) - {copy}
                    if np.any(own & _entries(r, origin))
                ]
                if any(self._leads_past(reader, t) for reader in others):
                    what = "a scan" if origin.fun is result else name_of(origin.fun)
                    raise GradientError(
                        f"state {t + 1} is a copy out of the result of {what}, and other steps read "
                        f"that result too: their gradients would go past the state. {_PASS}"
                    )

    def _origins(self, x: Tensor) -> list[tuple[Any, Any]]:
        """(copy, origin) for all that x is a copy of, up to the next listed states."""
        found: list[tuple[Any, Any]] = []
        stack_: list[Any] = [x]
        while stack_:
            for a in (copy := stack_.pop()).args:
                if isinstance(a, Tensor) and a.fun is not None and a not in self.first:
                    found.append((copy, a))
                    if a.fun in _COPIES:
                        stack_.append(a)
        return found

    def _leads_past(self, reader: Tensor, t: int) -> bool:
        """Does it lead to a loss, or to another state, without the Tensors of this one?"""
        seen, waiting = {reader}, [reader]
        while waiting:
            x = waiting.pop()
            if x in self.first:
                if x not in self.states[t]:
                    return True
                continue
            onward = self.readers.get(x, set())
            if x in self.ends:
                return True
            waiting += onward - seen
            seen |= onward
        return False

    def check_states(self) -> None:
        """The losses must depend on the states, and not on other Tensors of the same numbers."""
        graph = set(ancestors(self.ends))
        seen = [not graph.isdisjoint(state) for state in self.states]
        if not any(seen):
            raise GradientError(
                f"no loss depends on any of the states: they are of another run, or copies. {_PASS}"
            )
        for t, loss in enumerate(self.losses):
            if (
                loss is not None
                and not seen[t]
                and _goes_past(loss, self.states[t], set(self.first))
            ):
                raise GradientError(
                    f"no loss depends on state {t + 1}, not even loss {t + 1}: it is of another run. {_PASS}"
                )
        for t, (state, step) in enumerate(zip(self.states[1:], self.steps[1:], strict=True), 1):
            if (seen[t - 1] and any(self.first.get(x, t) < t for x in step)) or not seen[t]:
                continue
            for x in step:
                if (
                    x.fun is not None
                    and x not in state
                    and any(_same(x, before) for before in self.states[t - 1])
                ):
                    raise GradientError(
                        f"state {t + 1} depends on a result of {name_of(x.fun)} with the numbers of state {t}, and not "
                        f"on state {t}: the states are of several runs. {_PASS}"
                    )

    def check_losses(self) -> None:
        """A loss that reads none of the states must not read one that was made like them."""
        for t, loss in enumerate(self.losses):
            if loss is not None:
                between = ancestors([loss], stop=self.first)
                if not any(x in self.first for x in between) and self._alike(between, t):
                    raise GradientError(
                        f"loss {t + 1} reads none of the states, but something made like state {t + 1}: it is of "
                        f"another run. {_PASS} If it is meant, leave it out: to every term of (3.1) it adds 0."
                    )
        graph, later = set(ancestors(self.ends)), None
        for t in reversed(range(len(self.states))):
            if not graph.isdisjoint(self.states[t]):
                later = t
            elif later is not None and self._alike(self.steps[later], t):
                raise GradientError(
                    f"no loss depends on state {t + 1}, but state {later + 1} on something made like it: "
                    f"the states are of several runs. {_PASS}"
                )

    def _alike(self, among: Collection[Tensor], t: int) -> bool:
        """Was one of these made by the operation, in the shape and of the parameters of a part of state t?"""
        parameters = _parameters(self.steps[t])
        return bool(parameters) and any(
            x.fun is part.fun
            and x.shape == part.shape
            and x not in self.first
            and parameters <= _parameters(ancestors([x], stop=self.first))
            for part in self.states[t]
            for x in among
        )


def _parameters(graph: Collection[Any]) -> set[Any]:
    return {x for x in graph if x.fun is None and x.requires_grad}


def _entries(reader: Tensor, origin: Tensor) -> Any:
    """Which entries of the origin it reads, as bools."""
    numbers = np.arange(origin.size).reshape(origin.shape)
    if reader.fun not in (getitem, np.take):
        return numbers >= 0
    primals = [
        numbers if a is origin else p for a, p in zip(reader.args, reader.primals, strict=True)
    ]
    return np.isin(
        numbers, reader.fun(*primals, **reader.kwargs or {})
    )  # two slices may have nothing in common


def _goes_past(loss: Tensor, state: Collection[Tensor], listed: set[Tensor]) -> bool:
    """Does the loss depend on what replaces its state: the same numbers, or what others follow?"""
    others = {*ancestors(listed)} - {*ancestors(state)}
    between = [x for x in ancestors([loss], stop=listed) if x.fun is not None and x not in listed]
    return any(x in others or any(_same(x, part) for part in state) for x in between)


def _same(x: Tensor, y: Tensor) -> bool:
    """Do they hold the same numbers, and not only zeros?"""
    return (
        x is not y
        and x.shape == y.shape
        and bool(np.any(x._data))
        and np.array_equal(x._data, y._data)
    )
