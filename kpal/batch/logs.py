"""Where a manifest keeps its lines: in one file of a folder, or in objects of a store."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from ..atomic import replacing
from ..stores import Place, Remote, Status, status_of
from .jobs import MANIFEST
from .messages import BatchError, printable, say

NAME: Final = f"{MANIFEST}.jsonl"  # the file

_SPARE: Final = 1000  # lines that may be out of date before a file is written anew
_MOST_OBJECTS: Final = 16  # of a store, before they are joined
_SHARE: Final = 20  # a manifest in a store takes at most one part in so many of the time of a run
_PAUSE: Final = 5.0  # seconds between two versions of an object, at least

Entry = dict[str, Any]
Check = Callable[[Any], Entry]  # raises ValueError, with the reason, for an entry that is none


class Log(Protocol):
    """The lines of a manifest."""

    def read(self, check: Check) -> Iterable[list[Entry]]:
        """The entries of each earlier run, or of several together. Damaged ones are told and left out."""

    def append(self, entries: list[Entry], *, keep: bool) -> None:
        """Adds entries; `keep`: at once, so that they outlive the process."""

    def status(self, at: Place) -> Status | None:
        """The status of a file in the folder; None if there is none."""

    def release(self) -> None:
        """Holds nothing open until the next entries, so that a run may have any number of logs."""

    def close(self, records: int, compacted: Callable[[], list[Entry]]) -> None:
        """Ends the run; where many lines are out of date, `compacted` gives those to keep, of so many `records`."""


class FileLog:
    """A file in the folder, which one process at a time may use.

    A line is written in one piece when it is known, so that the log tells the truth whenever the process is killed; a
    line cut short is ignored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._lines = 0
        self._file: BinaryIO | None = None
        self._size: int | None = None  # when it was released
        self._others = False  # whether another run has added entries since

    def read(self, check: Check) -> Iterable[list[Entry]]:
        if not self._path.is_file():
            return []
        file = self._opened()
        data = file.read()
        entries = _entries(data[: data.rfind(b"\n") + 1], check)
        if isinstance(entries, str):
            say(f"{printable(self._path)}: ignored, and kept as {NAME}.old: {entries}")
            self._path.with_name(f"{NAME}.old").write_bytes(data)
            file.truncate(0)
            return []
        file.truncate(data.rfind(b"\n") + 1)
        self._lines = len(entries)
        return [entries]

    def append(self, entries: list[Entry], *, keep: bool) -> None:
        try:
            self._opened().write(_lines(entries))
        except OSError as error:
            raise BatchError(f"{printable(self._path)}: {error.strerror or error}") from error
        self._lines += len(entries)

    def status(self, at: Place) -> Status | None:
        return status_of(at)

    def release(self) -> None:
        if self._file is not None:
            self._size = self._file.seek(0, os.SEEK_END)
            self._file.close()  # which unlocks it
            self._file = None

    def close(self, records: int, compacted: Callable[[], list[Entry]]) -> None:
        if self._lines > 2 * records + _SPARE and (self._file is not None or self._size is not None):
            with contextlib.suppress(BatchError):  # another run has it meanwhile
                self._opened()
                if not self._others:
                    with replacing(self._path) as file:
                        file.write(_lines(compacted()))
        self.release()

    def _opened(self) -> BinaryIO:
        """The file, locked by this process until it is closed."""
        if self._file is not None:
            return self._file
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            file = self._path.open("a+b", buffering=0)
            try:
                _lock(file)
            except (BlockingIOError, PermissionError) as error:
                file.close()
                raise BatchError(f"another kpal is at work in {printable(self._folder)}") from error
            except OSError:  # a file system without locks
                break
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                    break
            file.close()  # another process has just written the log anew
        if self._size is not None and file.seek(0, os.SEEK_END) != self._size:
            self._others = True
        file.seek(0)
        self._file = file
        return file


class StoreLog:
    """Objects in a folder of a store, one for each run, as nothing can be appended to an object.

    Entries that need not be kept at once are collected for a while. The listing that finds the objects also tells the
    statuses of all results.
    """

    def __init__(self, folder: Remote) -> None:
        self._folder = folder
        self._object = (
            folder / f"{MANIFEST}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}.jsonl"
        )
        self._there: dict[str, Remote] = {}
        self._earlier: list[Remote] = []
        self._data = b""
        self._new = b""
        self._due = 0.0

    def read(self, check: Check) -> Iterator[list[Entry]]:
        try:
            self._there = {at.url: at for at in self._folder.walk().values()}
        except FileNotFoundError:
            return  # a folder that is not there yet
        except OSError as error:
            raise BatchError(f"{printable(self._folder)}: {error.strerror or error}") from error
        own = f"{self._object.parent / MANIFEST}-"
        for at in sorted((at for url, at in self._there.items() if url.startswith(own)), key=str):
            try:
                entries = _entries(at.read_bytes(), check)
            except OSError as error:
                entries = error.strerror or str(error)
            if isinstance(entries, str):
                say(f"{printable(at)}: ignored: {entries}")
            else:
                self._earlier.append(at)
                yield entries

    def append(self, entries: list[Entry], *, keep: bool) -> None:
        self._new += _lines(entries)
        if keep or time.monotonic() >= self._due:
            self._write()

    def status(self, at: Place) -> Status | None:
        found = self._there.get(str(at))
        return found.status if found else None

    def release(self) -> None:
        """Nothing is open."""

    def close(self, records: int, compacted: Callable[[], list[Entry]]) -> None:
        joins = len(self._earlier) >= _MOST_OBJECTS
        if joins:
            self._data, self._new = b"", _lines(compacted())
        if self._new and (reason := self._write()):
            say(f"{printable(self._object)}: {reason}; the next run will know nothing of what this one has done")
        elif joins:
            self._remove_earlier()

    def _write(self) -> str | None:
        """Writes the object with all entries; if that fails, returns the reason, and they are kept for the next time.

        The store may answer again later, and until then each result fails with its own error.
        """
        start = time.monotonic()
        data = self._data + self._new
        try:
            self._object.write_bytes(data)
        except OSError as error:
            return error.strerror or str(error)
        self._data, self._new = data, b""
        end = time.monotonic()
        self._due = end + max(_PAUSE, _SHARE * (end - start))
        return None

    def _remove_earlier(self) -> None:
        with contextlib.suppress(OSError):  # the next run joins them again
            now = {at.url: at.status for at in self._folder.walk().values()}
            for at in self._earlier:
                if now.get(at.url) == at.status:  # else another run has gone on with it
                    at.unlink()


def _entries(data: bytes, check: Check) -> list[Entry] | str:
    """The entries in a log, or why it cannot be used."""
    try:
        return [check(json.loads(line)) for line in data.splitlines()]
    except json.JSONDecodeError:
        return "damaged"
    except RecursionError:
        return "damaged"
    except ValueError as error:
        return "damaged" if isinstance(error, UnicodeDecodeError) else str(error)


def _lines(entries: Iterable[Entry]) -> bytes:
    return "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries).encode()


def _lock(file: BinaryIO) -> None:
    """Locks an open file for this process; OSError if another has locked it."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(1 << 30)  # beyond the content, as Windows forbids to read what is locked
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
