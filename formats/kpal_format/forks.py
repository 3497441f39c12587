"""Fork-safe locks and imports.

A forked process inherits locks that other threads held, but not the threads that would release them.
"""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from types import ModuleType


class Lock:
    """A reentrant lock, used with `with`, that is always free in a newly forked process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def free(self) -> None:
        """Replaces the lock by a new one, which no thread holds."""
        self._lock = threading.RLock()


def load_module(name: str) -> ModuleType:
    """The module of this name, imported on first use; forks wait until the import has finished.

    A process forked during an import would wait forever for the module's lock.
    """
    if name in _loaded:  # do not wait while another thread imports another module
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
