"""Positioned reads from files, by any number of threads and forked processes.

- A regular file with a descriptor is read with `os.pread`, which does not use the file's position.
- Bytes in memory (`bytes` and the like, `io.BytesIO`, `mmap`) are sliced.
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
from typing import Any, Final, Protocol

from .forks import Lock

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_CHUNK: Final = 1 << 25  # bytes of one read, so that a wrong size in a short file takes little memory


class Readable(Protocol):
    """What a reader needs of a file: `seek` to an offset, and `read` at most so many bytes, none only at the end."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, /) -> object: ...


class Writable(Protocol):
    """What a writer needs of a file. Only raw files (`io.RawIOBase`) may write fewer bytes than they are given."""

    def write(self, data: bytes, /) -> object: ...


# Offset and size -> the bytes there, fewer than size only at the end of the file.
ReadAt = Callable[[int, int], bytes | memoryview]


def reader_of(file: Any) -> ReadAt:
    """A function that reads the file from any thread; it raises OSError, or ValueError if the file is closed.

    file: bytes or an object with the same buffer; or a file open for binary reading, of which only `read` and `seek`
        are needed. Anything else raises TypeError.
    """
    if type(file) is io.BytesIO:
        return lambda at, size: bytes(memoryview(file.getvalue())[at : at + size])
    mmap = sys.modules.get("mmap")  # loaded by whoever made such a file
    if mmap is not None and isinstance(file, mmap.mmap):
        return lambda at, size: file[at : at + size]
    missing = [name for name in ("read", "seek") if not callable(getattr(file, name, None))]
    if len(missing) == 2 and (view := _view(file)) is not None:
        return lambda at, size: view[at : at + size]
    if missing:
        name = type(file).__name__
        raise TypeError(f"a file must be open for binary reading and able to seek; {name} has no {missing[0]}")
    if isinstance(file, io.TextIOBase):
        raise TypeError("a file must be open for binary reading, not as text")
    if (plain := _plain(file)) is not None:
        return lambda at, size: _pread(plain, at, size)
    return _Guarded(file).read


def as_bytes(data: bytes | bytearray | memoryview) -> memoryview:
    """A flat view of the bytes; raises TypeError for any other object."""
    view = _view(data)
    if view is None:
        raise TypeError(f"data must be contiguous bytes, bytearray or memoryview, not {type(data).__name__}")
    return view


def _view(data: Any) -> memoryview | None:
    try:
        return memoryview(data).cast("B")
    except TypeError:
        return None


def place_to_return_to(file: Any) -> int | None:
    """The position in a file that is written, if `seek` can certainly return to it; else None.

    That is so for `io.BytesIO` and for regular files that do not append; a pipe cannot seek, a compressing file only
    claims that it can, and a file that appends writes at its end wherever its position is.
    """
    if type(file) is io.BytesIO:
        return file.tell()
    file = _unwrapped(file)
    raw = file.raw if type(file) in (io.BufferedWriter, io.BufferedRandom) else file
    if type(raw) is not io.FileIO or not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return None
    appends = "a" in raw.mode or (fcntl is not None and fcntl.fcntl(raw.fileno(), fcntl.F_GETFL) & os.O_APPEND)
    return None if appends else int(file.tell())


def write_all(file: Any, data: bytes) -> None:
    """Writes all bytes, where one `write` of an unbuffered file may take only some; raises OSError."""
    if not isinstance(file, io.RawIOBase):
        file.write(data)
        return
    left = memoryview(data)
    while left:
        count = file.write(left)
        if count is None:
            raise BlockingIOError("the file is not ready for writing, and does not wait until it is")
        left = left[count:]


def _unwrapped(file: Any) -> Any:
    """The file itself, without a wrapper of `tempfile`, which only manages the file's name."""
    return file.file if type(file).__module__ == "tempfile" and hasattr(file, "file") else file


def _plain(file: Any) -> Any:
    """The file, without a tempfile wrapper, if it is a regular file read through its descriptor; else None."""
    file = _unwrapped(file)
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
    return _all(lambda done, most: os.pread(descriptor, most, at + done), size)


def _all(read: Callable[[int, int], bytes], size: int) -> bytes:
    """Calls `read` with how many bytes there are and how many to read, until there are `size` or the file ends."""
    parts, done = [], 0
    while done < size and (data := read(done, min(size - done, _CHUNK))):
        parts.append(data)
        done += len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_on(file: Readable, size: int) -> bytes:
    """Reads from the file's position; fewer bytes than `size` only at the end of the file."""

    def read(_: int, most: int) -> bytes:
        data = file.read(most)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a file must be open for binary reading; read() returns {type(data).__name__}")
        if len(data) > most:
            raise ValueError(f"{type(file).__name__}.read({most}) returns {len(data)} bytes")
        return bytes(data)

    return _all(read, size)


class _Guarded:
    """A file that can only be read at its own position."""

    def __init__(self, file: Readable) -> None:
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
            return read_on(self._file, size)


def _has_descriptor(file: Any) -> bool:
    try:
        file.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


_locks: weakref.WeakKeyDictionary[Readable, Lock] = weakref.WeakKeyDictionary()


def _lock_of(file: Readable) -> Lock:
    """The lock that all readers of a file share."""
    try:
        return _locks.setdefault(file, Lock())
    except TypeError:  # the file does not support weak references
        return Lock()
