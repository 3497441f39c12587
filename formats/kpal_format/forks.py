"""What threads share, so that processes which are forked meanwhile do not wait for threads that they do not have."""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from types import ModuleType


class Lock:
    """A reentrant lock, for `with`; in a forked process it is free, whichever thread held it before."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def free(self) -> None:
        """Makes it as new."""
        self._lock = threading.RLock()


def load_module(name: str) -> ModuleType:
    """The module of that name, loaded when it is first used; a fork waits until it is.

    A process forked in the middle of an import finds the module locked by a thread that it does not have.
    """
    if name in _loaded:  # without waiting for what another thread loads
        return importlib.import_module(name)
    with _loading:
        module = importlib.import_module(name)
        _loaded.add(name)
        return module


def _free_locks() -> None:
    for lock in list(_locks):
        lock.free()
    _loading.release()


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()
_loading = threading.RLock()
_loaded: set[str] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_free_locks)
