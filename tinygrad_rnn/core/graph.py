"""The recorded graph, without its rules: what a result was computed from.

Tensors are numbered as they are made, and an operand is older than its result: birth order is
topological order.
"""

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from tinygrad_rnn._typing import Args, Kwargs
from tinygrad_rnn.guards.fingerprints import Marks

T = TypeVar("T", bound="Recorded")


class Recorded(Protocol):
    """What a walk reads of a Tensor: its value and the application that made it."""

    _data: Any
    serial: int
    fun: Any
    args: Args
    primals: Args
    kwargs: Kwargs | None
    argnums: tuple[int, ...]
    marks: Marks


def ancestors(outputs: Iterable[T], stop: Collection[T] = ()) -> list[T]:
    """Every Tensor the outputs were computed from, themselves included, oldest first.

    Those in `stop` are listed but not looked behind.
    """
    seen = set(outputs)
    stack = list(seen)
    while stack:
        tensor = stack.pop()
        if tensor in stop:
            continue
        for arg in tensor.args:
            if hasattr(arg, "serial") and arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return sorted(seen, key=attrgetter("serial"))


def aside(graph: Iterable[T], xs: Collection[T]) -> set[T]:
    """Those of a graph, as `ancestors` lists it, that depend on no x.

    `pullback` may skip them on its way to the xs.
    """
    leading = set(xs)
    rest: set[T] = set()
    for tensor in graph:
        if tensor not in leading:
            leads = any(tensor.args[i] in leading for i in tensor.argnums)
            (leading if leads else rest).add(tensor)
    return rest
