"""Imports of modules when they are asked for, which a fork in another thread does not cut in two."""

import os
from importlib import import_module
from threading import RLock
from types import ModuleType

_lock = RLock()  # an import may ask for another one, or fork


def imported(name: str) -> ModuleType:
    """The module; a fork waits until it is there, for its child would wait for the importing thread for ever."""
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
