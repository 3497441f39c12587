"""Positioned reads from files, by any number of threads and forked processes.

- A regular file with a descriptor is read with `os.pread`, which does not use the file's position.
- Bytes in memory (`io.BytesIO`, `mmap`) are sliced.
- Any other file has one position, guarded by a lock. If the file also has a descriptor, forked processes share its
  position, while each has a read-ahead buffer of its own that no longer matches it. Reading such a file in a process
  other than the one that opened it is therefore an error.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import weakref
from collections.abc import Callable
from typing import IO, Any, Final

from .forks import Lock

_CHUNK: Final = 1 << 24  # bytes of one read

ReadAt = Callable[[int, int], bytes]  # offset and size -> the bytes there, fewer than size only at the end of the file


def reader_of(file: IO[bytes]) -> ReadAt:
    """A function that reads the file from any thread; it raises OSError, or ValueError if the file is closed.

    file: open for binary reading, with `seek`; anything else raises TypeError.
    """
    if type(file) is io.BytesIO:
        return lambda at, size: bytes(memoryview(file.getvalue())[at : at + size])
    mmap = sys.modules.get("mmap")  # loaded by whoever made such a file
    if mmap is not None and isinstance(file, mmap.mmap):
        return lambda at, size: file[at : at + size]
    if missing := [name for name in ("read", "seek") if not callable(getattr(file, name, None))]:
        name = type(file).__name__
        raise TypeError(f"a file must be open for binary reading and able to seek; {name} has no {missing[0]}")
    if isinstance(file, io.TextIOBase):
        raise TypeError("a file must be open for binary reading, not as text")
    if (plain := _plain(file)) is not None:
        return lambda at, size: _pread(plain, at, size)
    return _Guarded(file).read


def read_all(file: IO[bytes]) -> bytes:
    """All bytes of a file, as `reader_of` reads it."""
    read_at = reader_of(file)
    parts, at = [], 0
    while part := read_at(at, _CHUNK):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _plain(file: Any) -> Any:
    """The file, without a tempfile wrapper, if it is a regular file read through its descriptor; else None."""
    if type(file).__module__ == "tempfile" and hasattr(file, "file"):  # the wrapper only manages the file's name
        file = file.file
    raw = file.raw if type(file) in (io.BufferedReader, io.BufferedRandom) else file
    if not hasattr(os, "pread") or not isinstance(raw, io.FileIO):
        return None
    if type(raw).read is not io.FileIO.read or type(raw).readinto is not io.FileIO.readinto:
        return None
    return file if stat.S_ISREG(os.fstat(raw.fileno()).st_mode) else None


def _pread(file: Any, at: int, size: int) -> bytes:
    if type(file) is io.BufferedRandom:
        file.flush()
    descriptor = file.fileno()  # raises ValueError if the file is closed
    data = os.pread(descriptor, size, at)
    if len(data) == size or not data:
        return data
    parts = [data]  # one call reads at most 2 GiB
    left = size - len(data)
    while left and (data := os.pread(descriptor, left, at + size - left)):
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


class _Guarded:
    """A file that can only be read at its own position."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = _lock_of(file)
        self._process = os.getpid()
        self._shares = _has_descriptor(file)

    def read(self, at: int, size: int) -> bytes:
        if self._shares and os.getpid() != self._process:
            raise ValueError(
                f"a {type(self._file).__name__} cannot be read in a forked process, which shares the file's position "
                "with its parent: open the file again there, or open it by its path"
            )
        with self._lock:
            self._file.seek(at)
            parts = []
            while size > 0 and (data := self._file.read(size)):
                if not isinstance(data, bytes):
                    raise TypeError(f"a file must be open for binary reading; read() returns {type(data).__name__}")
                parts.append(data)
                size -= len(data)
        return b"".join(parts)


def _has_descriptor(file: Any) -> bool:
    try:
        file.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


_locks: weakref.WeakKeyDictionary[IO[bytes], Lock] = weakref.WeakKeyDictionary()


def _lock_of(file: IO[bytes]) -> Lock:
    """The lock that all readers of a file share."""
    try:
        return _locks.setdefault(file, Lock())
    except TypeError:  # the file does not support weak references
        return Lock()
