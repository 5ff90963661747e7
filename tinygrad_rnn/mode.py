"""Whether and how operations are recorded: context variables, so each thread has its own; exceptions leave no trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# True, False, or what watches under `debug()`: an object with recorded(y), visited(y) and shared(y, argnum, g, share)
recording: ContextVar[Any] = ContextVar("recording", default=True)

# Whether `scan` records its steps one by one, as forward mode needs
stepwise: ContextVar[bool] = ContextVar("stepwise", default=False)


@contextmanager
def grad_mode(enabled: bool) -> Iterator[None]:
    """Record operations, or do not, inside this context and thread; recording that is on stays as it is."""
    token = recording.set(enabled and (recording.get() or True))
    try:
        yield
    finally:
        recording.reset(token)


def no_grad() -> Any:
    """`with no_grad():` or `@no_grad()`: compute values only; nothing inside is recorded.

    It holds in this thread and task.  A new thread starts with recording on; to carry the mode there, give it
    `contextvars.copy_context().run`.  In a generator, leave the context before `yield`: until the generator goes on,
    what is open there holds for its caller.
    """
    return grad_mode(False)
