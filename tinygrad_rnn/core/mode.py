"""Whether and how operations are recorded: a context variable, so each thread and task has its own.

A generator or a coroutine shares the context of whoever runs it.  A mode entered inside one holds
while it runs; while it waits, its caller has the mode that was there before.
"""

import contextlib
import functools
import inspect
import sys
from contextvars import ContextVar
from types import FrameType
from typing import Any, TypeAlias

from tinygrad_rnn._typing import Function
from tinygrad_rnn.errors import ArgumentTypeError
from tinygrad_rnn.guards.boundary import public

# True; False; what watches under `debug()`, an object with recorded(y), visited(y) and
# shared(y, argnum, g, share); or, where a generator entered one of these, an _Inside.
# `current()` says which holds.
Recording: TypeAlias = Any
recording: ContextVar[Recording] = ContextVar("recording", default=True)

# Whether `scan` records its steps one by one, as forward mode needs
stepwise: ContextVar[bool] = ContextVar("stepwise", default=False)


class _Inside:
    """A mode that a generator entered."""

    def __init__(self, mode: Recording, outer: Recording, frame: FrameType):
        self.mode, self.outer = mode, outer
        self.frame: FrameType | None = frame  # None once the generator has left the mode

    def current(self) -> Recording:
        """The generator's mode while it runs, else the one before."""
        # Nobody is behind a frame that waits.
        runs = self.frame is not None and self.frame.f_back is not None
        return self.mode if runs else _current(self.outer)


def _current(mode: Recording) -> Recording:
    return mode.current() if isinstance(mode, _Inside) else mode


def current() -> Recording:
    """The mode that holds now: True, False, or what watches."""
    return _current(recording.get())


def watching() -> Any:
    """Who watches under `debug()`, or None."""
    mode = current()
    return None if isinstance(mode, bool) else mode


class Mode:
    """`with Mode(mode):`, or `@Mode(mode)` on a function, a generator or a coroutine."""

    def __init__(self, mode: Recording):
        self.mode = mode
        self._entered: list[tuple[Recording, Recording]] = []

    def __enter__(self) -> None:
        before, mode = recording.get(), self.mode
        frame = _waiting_frame(sys._getframe(1))
        if frame is not None:
            mode = _Inside(mode, before, frame)
        self._entered.append((before, mode))
        recording.set(mode)

    def __exit__(self, *_: object) -> None:
        before, mode = self._entered.pop()
        if isinstance(mode, _Inside):
            mode.frame = None
            if recording.get() is not mode:  # one entered while it waited, still open, restores
                return
        while isinstance(before, _Inside) and before.frame is None:
            before = before.outer
        recording.set(before)

    def __call__(self, fun: Function) -> Function:
        """The function, generator or coroutine under this mode; ArgumentTypeError for others."""
        code = _called(fun)
        if not callable(fun) or isinstance(fun, type) or inspect.isasyncgenfunction(code):
            raise ArgumentTypeError(
                f"{fun!r} cannot be decorated: it is no function, generator or coroutine. "
                "Write `with no_grad():` inside it, or decorate its methods."
            )

        def function(*args: object, **kwargs: object) -> Any:
            with Mode(self.mode):
                return fun(*args, **kwargs)

        def generator(*args: object, **kwargs: object) -> Any:
            with Mode(self.mode):
                return (yield from fun(*args, **kwargs))

        async def coroutine(*args: object, **kwargs: object) -> Any:
            with Mode(self.mode):
                return await fun(*args, **kwargs)

        if inspect.iscoroutinefunction(code):
            return functools.wraps(fun)(coroutine)
        return functools.wraps(fun)(generator if inspect.isgeneratorfunction(code) else function)


def _called(fun: Any) -> Any:
    """The function behind partials and callable objects."""
    while isinstance(fun, functools.partial):
        fun = fun.func
    if inspect.isroutine(fun):
        return fun
    return getattr(type(fun), "__call__", fun)  # noqa: B004 (what stands there)


def _waiting_frame(frame: Any) -> FrameType | None:
    """The frame that enters a mode, if it can wait; a context manager counts as its user."""
    waits = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    while _manages(frame) or (_has(frame, waits) and _manages(frame.f_back)):
        frame = frame.f_back
    return frame if _has(frame, waits) else None


def _has(frame: Any, flags: int) -> bool:
    return frame is not None and bool(frame.f_code.co_flags & flags)


def _manages(frame: Any) -> bool:
    return frame is not None and frame.f_code.co_filename == contextlib.__file__


def grad_mode(enabled: bool) -> Mode:
    """Record operations, or do not; recording that is on stays as it is."""
    return Mode(enabled and (current() or True))


@public
def no_grad(fun: Function | None = None) -> Any:
    """`with no_grad():` or `@no_grad()`: compute values only; nothing inside is recorded.

    It holds in this thread and task, and in a generator or coroutine only while that runs.  A new
    thread starts with recording on; `contextvars.copy_context().run` carries the mode there.
    """
    return Mode(False) if fun is None else Mode(False)(fun)
