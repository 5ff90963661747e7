"""Are the listed states those through which the losses were computed?  Of others, every term of (3.1) would read 0."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.backprop import ancestors
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.primitive import name_of
from tinygrad_rnn.rules.indexing import getitem
from tinygrad_rnn.rules.joining import concatenate, stack
from tinygrad_rnn.rules.shape import astype
from tinygrad_rnn.scan.node import result
from tinygrad_rnn.tensor import Tensor

_PASS = "Pass the Tensors that the loop itself hands from step to step, such as run.states of tg.unroll."
_COPIES = {  # their results hold the numbers of an operand, in another place or shape
    *(getitem, np.take, stack, concatenate, astype, np.copy, np.positive),
    *(np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.broadcast_to),
}


def check_seen(losses: Sequence[Tensor | None], levels: Sequence[tuple[Tensor, ...]]) -> None:
    """Raise GradientError, saying what to pass, if gradients may go past the listed states.

    That is so for a part of a state through which nothing was recorded; for a copy of what a loop hands on, such as an
    entry of what `scan` or a layer returned; and for states of another run.
    """
    for t, level in enumerate(levels, 1):
        for i, x in enumerate(level, 1):
            if x.dtype.kind == "f" and not x.requires_grad:
                part = f"part {i} of state {t}" if len(level) > 1 else f"state {t}"
                raise GradientError(
                    f"{part} does not require a gradient, so what passes through it was not recorded and would read "
                    "0. tg.unroll records it; in a loop of your own, give the next step Tensor(x, requires_grad=True)."
                )
    losses = [None if loss is None or not loss.requires_grad else loss for loss in losses]
    _check_copies(losses, levels)
    _check_run(losses, levels)


def _check_copies(losses: Sequence[Tensor | None], levels: Sequence[tuple[Tensor, ...]]) -> None:
    """No state may be a copy of something that is read past it."""
    listed = {x for level in levels for x in level}
    copies = {x: t for t, level in enumerate(levels, 1) for x in level if x.fun in _COPIES}
    if not copies:
        return
    readers: dict[Tensor, set[Tensor]] = {}
    for reader in ancestors({*(loss for loss in losses if loss is not None), *listed}):
        for a in reader.args:
            if isinstance(a, Tensor):
                readers.setdefault(a, set()).add(reader)
    for x, t in copies.items():
        for copy, source in _sources(x, listed):
            inside, own = source.fun is result, _entries(copy, source)
            if any(inside or np.any(own & _entries(other, source)) for other in readers.get(source, set()) - {copy}):
                what = "of a scan, whose steps are not recorded one by one" if inside else f"of {name_of(source.fun)}"
                raise GradientError(
                    f"state {t} is a copy out of the result {what}, and other steps read that result too: their "
                    f"gradients would go past the state. {'Run the cell by tg.unroll. ' if inside else ''}{_PASS}"
                )


def _sources(x: Tensor, listed: Collection[Tensor]) -> list[tuple[Any, Any]]:
    """(copy, source) for all that x is a copy of, up to the next listed states."""
    found: list[tuple[Any, Any]] = []
    stack_: list[Any] = [x]
    while stack_:
        for a in (copy := stack_.pop()).args:
            if isinstance(a, Tensor) and a.fun is not None and a not in listed:
                found.append((copy, a))
                if a.fun in _COPIES:
                    stack_.append(a)
    return found


def _entries(reader: Tensor, source: Tensor) -> Any:
    """Which entries of the source it reads, as bools."""
    numbers = np.arange(source.size).reshape(source.shape)
    if reader.fun not in (getitem, np.take):
        return numbers >= 0
    primals = [numbers if a is source else p for a, p in zip(reader.args, reader.primals, strict=True)]
    return np.isin(numbers, reader.fun(*primals, **reader.kwargs or {}))  # two slices may have nothing in common


def _check_run(losses: Sequence[Tensor | None], levels: Sequence[tuple[Tensor, ...]]) -> None:
    """The losses must depend on the states, and on no Tensors of the same numbers in their place."""
    graph = set(ancestors([loss for loss in losses if loss is not None]))
    seen = [any(x in graph for x in level) for level in levels]
    if not any(seen):
        raise GradientError(f"no loss depends on any of the states: they are of another run, or copies. {_PASS}")
    listed = {x for level in levels for x in level}
    for t, loss in enumerate(losses):
        if loss is not None and not seen[t] and _goes_past(loss, levels[t], listed):
            raise GradientError(
                f"no loss depends on state {t + 1}, not even loss {t + 1}: it is of another run. {_PASS}"
            )
    place = {x: t for t, level in reversed(list(enumerate(levels))) for x in level}
    for t, level in enumerate(levels[1:], 1):
        own = {x for x in level if place[x] == t}
        step = ancestors(own, stop=place.keys() - own)
        if (seen[t - 1] and any(place.get(x, t) < t for x in step)) or not seen[t]:
            continue
        for x in step:
            if x.fun is not None and x not in own and any(_same(x, before) for before in levels[t - 1]):
                raise GradientError(
                    f"state {t + 1} depends on a result of {name_of(x.fun)} with the numbers of state {t}, and not on "
                    f"state {t}: the states are of several runs. {_PASS}"
                )


def _goes_past(loss: Tensor, level: tuple[Tensor, ...], listed: set[Tensor]) -> bool:
    """Does the loss depend on what stands in the place of its state: the same numbers, or what other states follow?"""
    others = {*ancestors(listed)} - {*ancestors(level)}
    between = [x for x in ancestors([loss], stop=listed) if x.fun is not None and x not in listed]
    return any(x in others or any(_same(x, part) for part in level) for x in between)


def _same(x: Tensor, y: Tensor) -> bool:
    """Do they hold the same numbers, and not only zeros?"""
    return x is not y and x.shape == y.shape and bool(np.any(x._data)) and np.array_equal(x._data, y._data)
