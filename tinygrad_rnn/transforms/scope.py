"""Named parts of a computation, for the pictures: `with scope("attention"):`.

A scope is the range of serial numbers that were given while it was open, in a table beside the
graph, so an operation carries nothing for it and costs nothing more.  Scopes that two threads hold
open at the same time share those numbers and are not told apart.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.boundary import public

_MOST = 100_000  # scopes remembered; a training loop may open any number


@dataclass(eq=False)
class Scope:
    """One use of a name: what was made after `first` and before `last`."""

    name: str
    outer: "Scope | None"
    first: int
    last: float = float("inf")  # while it is open


_inside: ContextVar[Scope | None] = ContextVar("scope", default=None)
_scopes: deque[Scope] = deque(maxlen=_MOST)  # in the order in which they were opened


@public
@contextmanager
def scope(name: str) -> Iterator[None]:
    """Name the operations made inside this context: `draw.graph` can fold them into one box.

    Scopes may be nested.  Raises UsageError if the name is no text, or empty.
    """
    if not isinstance(name, str) or not name:
        raise UsageError(
            f'a scope is named by a text, not {name!r}. Write, say, with scope("attention").'
        )
    opened = Scope(name, _inside.get(), _now())
    _scopes.append(opened)
    token = _inside.set(opened)
    try:
        yield
    finally:
        opened.last = _now()
        _inside.reset(token)


def innermost(tensors: Sequence[Tensor]) -> dict[Tensor, Scope]:
    """The innermost scope of each of these results that was made in one."""
    found: dict[Tensor, Scope] = {}
    later = iter(list(_scopes))
    following = next(later, None)
    open_: list[Scope] = []
    for tensor in sorted((x for x in tensors if x.fun is not None), key=lambda x: x.serial):
        while following is not None and following.first < tensor.serial:
            open_.append(following)
            following = next(later, None)
        while open_ and open_[-1].last < tensor.serial:
            open_.pop()
        if open_:
            found[tensor] = open_[-1]
    return found


def _now() -> int:
    return Tensor(0.0).serial
