"""Imports of modules when they are asked for, which no fork in another thread interrupts."""

import os
from importlib import import_module
from threading import RLock
from types import ModuleType

_lock = RLock()  # an import may ask for another one, or fork


def imported(name: str) -> ModuleType:
    """The module.  A fork waits until it is there: its child would wait for the import for ever."""
    with _lock:
        return import_module(name)


def _hold() -> None:
    _lock.acquire()


def _release() -> None:
    _lock.release()


def _unlocked() -> None:
    """A new lock for the child: threads that waited for the old one are not there."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_unlocked)
