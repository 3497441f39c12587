"""The manifest of an output folder: what kpal made there, from what and how.

It is a log of JSON lines. A run appends a line that names the version of kpal and the resolved options, a line for each
result that it begins, and a line with the outcome. A line is written in one piece when it is known, so that the log
tells the truth whenever the process is killed; a line cut short is ignored. Names are relative to the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from ..atomic import replacing
from .conversion import Ending, Overwrite
from .jobs import MANIFEST, Job
from .messages import BatchError, printable, say

_VERSION: Final = 1
_SPARE: Final = 1000  # lines that may be out of date before the log is written anew


@dataclass(frozen=True)
class Record:
    """The outcome of a job, as the manifest keeps it.

    output, input: names of files; input_ns, output_ns: their times of modification in nanoseconds.
    """

    output: str
    input: str
    input_bytes: int | None = None
    input_ns: int | None = None
    input_sha256: str | None = None
    bytes: int | None = None
    output_ns: int | None = None
    sha256: str | None = None
    skipped: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class State:
    """What the manifest says of a job: whether there is nothing to do, and what its result may overwrite."""

    current: Ending | None
    overwrite: Overwrite
    why: str


class Manifest:
    """The manifest of `folder` for one run, which holds a lock on it until `close`.

    options: the resolved options of the run, an object of JSON.

    Raises BatchError if another process holds the lock.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any], version: str) -> None:
        self._folder = folder
        self._path = folder / MANIFEST
        self._options = json.loads(json.dumps(options))  # tuples become lists
        self._version = version
        self._told_options = False
        self._read_options: Any = None
        self._records: dict[str, tuple[Record, Any]] = {}  # by output: the latest outcome, with its options
        self._made: dict[str, Record] = {}  # by output: the latest outcome that was a result
        self._begun: set[str] = set()  # outputs whose outcome is not known
        self._lines = 0
        self._file: BinaryIO | None = None
        if self._path.is_file():
            self._open()

    def close(self) -> None:
        if self._file is None:
            return
        if self._lines > 2 * len(self._records) + _SPARE:
            self._compact()
        self._file.close()
        self._file = None

    def state(self, job: Job) -> State:
        """What there is to do for a job with a source and a target."""
        assert job.source is not None
        assert job.target is not None
        name = self._name(job.target)
        record, options = self._records.get(name, (None, None))
        exists = os.path.isfile(job.target)  # noqa: PTH113  # unlike Path.is_file, false for impossible names
        if exists and not self._is_own(name, job.target):
            overwrite = Overwrite.SAME if name in self._begun else Overwrite.NEVER
            return State(None, overwrite, "interrupted before" if name in self._begun else "the result exists")
        overwrite = Overwrite.ALWAYS if exists else Overwrite.NEVER
        if record is None:
            return State(None, overwrite, "interrupted before" if name in self._begun else "new")
        if record.error is not None:
            return State(None, overwrite, "failed before")
        if options != self._options:
            return State(None, overwrite, "other options")
        if record.input != self._name(job.source) or not _same_input(record, job.source):
            return State(None, overwrite, "the input has changed")
        if record.skipped is None and not exists:
            return State(None, overwrite, "the result is gone")
        ending = Ending(
            job.name,
            output=printable(job.target) if record.skipped is None else None,
            input_bytes=record.input_bytes,
            bytes=record.bytes,
            skipped=record.skipped,
            current=True,
            input_sha256=record.input_sha256,
            sha256=record.sha256,
        )
        return State(ending, overwrite, "up to date")

    def begin(self, job: Job) -> None:
        """Notes that the result of a job will be written."""
        assert job.target is not None
        self._append({"begin": self._name(job.target)})

    def end(self, job: Job, ending: Ending, input_ns: int | None) -> None:
        """Notes the outcome of a job.

        input_ns: the time of modification of the input from before it was read.
        """
        assert job.source is not None
        assert job.target is not None
        name = self._name(job.target)
        output_ns = None
        if ending.bytes is not None:
            with contextlib.suppress(OSError):
                output_ns = job.target.stat().st_mtime_ns
        record = Record(
            name,
            self._name(job.source),
            ending.input_bytes,
            input_ns,
            ending.input_sha256,
            ending.bytes,
            output_ns,
            ending.sha256,
            ending.skipped,
            ending.error,
        )
        self._append(_plain(record))
        self._note(record, self._options)

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self._folder)

    def _is_own(self, name: str, target: Path) -> bool:
        """Whether kpal made the file that is there, and nobody has changed it since."""
        made = self._made.get(name)
        if made is None:
            return False
        status = target.stat()
        if status.st_size != made.bytes:
            return False
        return status.st_mtime_ns == made.output_ns or _sha256(target) == made.sha256

    def _open(self) -> None:
        """Opens the log, locks it and reads what it says."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._file = self._path.open("a+b", buffering=0)
            try:
                _lock(self._file)
                if os.path.samestat(os.fstat(self._file.fileno()), self._path.stat()):
                    break  # else another process has just written the log anew
            except OSError as error:
                self._file.close()
                self._file = None
                raise BatchError(f"another kpal is at work in {printable(self._folder)}") from error
            self._file.close()
        self._file.seek(0)
        self._read(self._file, self._file.read())

    def _read(self, file: BinaryIO, data: bytes) -> None:
        whole = data[: data.rfind(b"\n") + 1]
        try:
            for line in whole.splitlines():
                self._take(json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = str(error) if isinstance(error, _OtherVersion) else "damaged"
            say(f"{printable(self._path)}: ignored, and kept as {MANIFEST}.old: {reason}")
            self._path.with_name(f"{MANIFEST}.old").write_bytes(data)
            self._records, self._made, self._begun, self._lines = {}, {}, set(), 0
            whole = b""
        file.truncate(len(whole))

    def _take(self, entry: dict[str, Any]) -> None:
        """Takes in a line of the log."""
        self._lines += 1
        if "kpal" in entry:
            if entry["manifest"] != _VERSION:
                raise _OtherVersion(f"a manifest of version {entry['manifest']}")
            self._read_options = entry["options"]
        elif "begin" in entry:
            self._begun.add(entry["begin"])
        else:
            self._note(Record(**entry), self._read_options)

    def _note(self, record: Record, options: Any) -> None:
        self._records[record.output] = (record, options)
        self._begun.discard(record.output)
        if record.sha256 is not None:
            self._made[record.output] = record

    def _append(self, *entries: dict[str, Any]) -> None:
        if self._file is None:
            self._open()
        if not self._told_options:
            entries = (self._line_of_options(self._options), *entries)
            self._told_options = True
        assert self._file is not None
        self._file.write(_lines(entries))
        self._lines += len(entries)

    def _line_of_options(self, options: Any) -> dict[str, Any]:
        return {"kpal": self._version, "manifest": _VERSION, "options": options, "time": round(time.time())}

    def _compact(self) -> None:
        """Writes the log anew, with the latest outcome and the latest result of each output."""
        entries, before = [], None
        for record, options in self._records.values():
            if options != before:
                entries.append(self._line_of_options(options))
                before = options
            made = self._made.get(record.output)
            entries += [_plain(each) for each in (made, record) if each and (each is record or each != record)]
        with replacing(self._path) as file:
            file.write(_lines(entries))


class _OtherVersion(ValueError):  # noqa: N818
    pass


def _lines(entries: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries).encode()


def _plain(record: Record) -> dict[str, Any]:
    return {key: value for key, value in asdict(record).items() if value is not None}


def _same_input(record: Record, source: Path) -> bool:
    try:
        status = source.stat()
        if status.st_size != record.input_bytes:
            return False
        return status.st_mtime_ns == record.input_ns or _sha256(source) == record.input_sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lock(file: BinaryIO) -> None:
    """Locks an open file for this process; OSError if another has locked it."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(1 << 30)  # beyond the content, as Windows forbids to read what is locked
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
