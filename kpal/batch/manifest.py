"""The manifest of an output folder: what kpal made there, from what and how.

It is a log of JSON lines. A run appends a line that names the version of kpal and the resolved options, a line for each
result that it begins, and a line with each outcome. Names are relative to the folder. logs.py keeps the lines.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from ..stores import Place, Remote, Status, status_of
from .conversion import Ending, Overwrite
from .jobs import Job
from .logs import Entry, FileLog, Log, StoreLog
from .messages import printable

_VERSION: Final = 1


@dataclass(frozen=True)
class Record:
    """The outcome of a job, as the manifest keeps it.

    output, input: names of files; input_stamp, output_stamp: as in `Status`.
    """

    output: str
    input: str
    input_bytes: int | None = None
    input_stamp: int | str | None = None
    input_sha256: str | None = None
    bytes: int | None = None
    output_stamp: int | str | None = None
    sha256: str | None = None
    skipped: str | None = None
    error: str | None = None


_FIELDS: Final = tuple(each.name for each in fields(Record))


@dataclass(frozen=True)
class State:
    """What the manifest says of a job.

    current: the last outcome, if there is nothing to do.
    overwrite: what the result may overwrite.
    why: why there is something to do.
    input: the status of the input.
    """

    current: Ending | None
    overwrite: Overwrite
    why: str
    input: Status | None


class Manifest:
    """The manifest of `folder` for one run, until `close`.

    options: the resolved options of the run, an object of JSON.

    Raises BatchError if another process works on the folder, or if a store refuses to tell what is there.
    """

    def __init__(self, folder: Place, options: Mapping[str, Any], version: str) -> None:
        self._folder = folder
        self._prefix = f"{folder}{os.sep}" if isinstance(folder, Path) else f"{str(folder).rstrip('/')}/"
        self._parents: dict[str, str] = {}
        self._options = json.loads(json.dumps(options))  # tuples become lists
        self._version = version
        self._read_options: Any = None
        self._records: dict[str, tuple[Record, Any]] = {}  # by output: the latest outcome, with its options
        self._made: dict[str, Record] = {}  # by output: the latest outcome that was a result
        self._begun: set[str] = set()  # outputs whose outcome is not known
        self._log: Log = StoreLog(folder) if isinstance(folder, Remote) else FileLog(folder)
        for entries in self._log.read(_checked):
            self._read_options = None
            for entry in entries:
                self._take(entry)
        self._told_options = False

    def release(self) -> None:
        """Holds no file open, and so no lock, until the next entry."""
        self._log.release()

    def close(self) -> None:
        self._log.close(len(self._records), self._compacted)

    def state(self, job: Job) -> State:
        """What there is to do for a job with a source and a target."""
        assert job.source is not None
        assert job.target is not None
        name = self._name(job.target)
        record, options = self._records.get(name, (None, None))
        there = self._log.status(job.target)
        now = _status(job.source)

        def to_do(overwrite: Overwrite, why: str) -> State:
            return State(None, overwrite, why, now)

        new = "interrupted before" if name in self._begun else "new"
        if there and not _is_unchanged(job.target, there, self._made.get(name)):
            return to_do(Overwrite.SAME, new) if name in self._begun else to_do(Overwrite.NEVER, "the result exists")
        # The result of a task that ran twice, because its worker was lost after the first time, may be there by then.
        overwrite = Overwrite.ALWAYS if there else Overwrite.SAME
        if record is None:
            return to_do(overwrite, new)
        if record.error is not None:
            return to_do(overwrite, "failed before")
        if options != self._options:
            return to_do(overwrite, "other options")
        if record.input != self._name(job.source) or not _is_same_input(job.source, now, record):
            return to_do(overwrite, "the input has changed")
        if record.skipped is None and there is None:
            return to_do(overwrite, "the result is gone")
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
        return State(ending, overwrite, "up to date", now)

    def begin(self, jobs: Iterable[Job]) -> None:
        """Notes that the results of jobs will be written; the note is kept before anything is."""
        entries = [{"begin": self._name(job.target)} for job in jobs if job.target is not None]
        self._append(entries, keep=True)

    def end(self, job: Job, ending: Ending, read: Status | None) -> None:
        """Notes the outcome of a job.

        read: the status of the input from before it was read.
        """
        assert job.source is not None
        assert job.target is not None
        record = Record(
            self._name(job.target),
            self._name(job.source),
            ending.input_bytes,
            read.stamp if read else None,
            ending.input_sha256,
            ending.bytes,
            ending.status.stamp if ending.status else None,
            ending.sha256,
            ending.skipped,
            ending.error,
        )
        self._append([_plain(record)])
        self._note(record, self._options)

    def _name(self, at: Place) -> str:
        """The name relative to the folder; a URL for a file in another store."""
        text = str(at)
        if text.startswith(self._prefix):
            return text[len(self._prefix) :]
        if isinstance(at, Remote):
            return text
        if isinstance(self._folder, Remote):
            return os.path.abspath(text)  # noqa: PTH100  # Path.absolute keeps ..
        parent, name = os.path.split(text)
        if parent not in self._parents:
            self._parents[parent] = os.path.relpath(parent or ".", self._folder)
        return os.path.normpath(os.path.join(self._parents[parent], name))  # noqa: PTH118

    def _take(self, entry: Entry) -> None:
        """Takes in a line of the log."""
        if "kpal" in entry:
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

    def _append(self, entries: list[Entry], *, keep: bool = False) -> None:
        if not self._told_options:
            entries = [self._line_of_options(self._options), *entries]
            self._told_options = True
        self._log.append(entries, keep=keep)

    def _line_of_options(self, options: Any) -> Entry:
        return {"kpal": self._version, "manifest": _VERSION, "options": options, "time": round(time.time())}

    def _compacted(self) -> list[Entry]:
        """The latest outcome and the latest result of each output."""
        entries: list[Entry] = []
        before = None
        for record, options in self._records.values():
            if options != before:
                entries.append(self._line_of_options(options))
                before = options
            made = self._made.get(record.output)
            entries += [_plain(each) for each in dict.fromkeys((made, record)) if each is not None]
        return entries + [{"begin": name} for name in self._begun]


def _checked(entry: Any) -> Entry:
    """A line of a log; ValueError with the reason for one that this version has not written."""
    if not isinstance(entry, dict):
        raise ValueError("damaged")
    if "kpal" in entry:
        if entry.get("manifest") != _VERSION:
            raise ValueError(f"a manifest of version {entry.get('manifest')}")
        if "options" not in entry:
            raise ValueError("damaged")
    elif not isinstance(entry.get("begin"), str) and not (
        entry.keys() <= set(_FIELDS) and all(isinstance(entry.get(name), str) for name in ("output", "input"))
    ):
        raise ValueError("damaged")
    return entry


def _plain(record: Record) -> Entry:
    return {key: value for key, value in asdict(record).items() if value is not None}


def _status(source: Place) -> Status | None:
    try:
        return status_of(source)
    except OSError:
        return None  # reading the input will tell why


def _is_unchanged(target: Place, now: Status, made: Record | None) -> bool:
    """Whether kpal made the file that is there, and nobody has changed it since."""
    return made is not None and _is_version(target, now, made.bytes, made.output_stamp, made.sha256)


def _is_same_input(source: Place, now: Status | None, record: Record) -> bool:
    """Whether the input is what it was."""
    if now is None:
        return False
    return _is_version(source, now, record.input_bytes, record.input_stamp, record.input_sha256)


def _is_version(at: Place, now: Status, size: int | None, stamp: int | str | None, sha256: str | None) -> bool:
    if now.size is not None and now.size != size:
        return False
    return (stamp is not None and now.stamp == stamp) or (sha256 is not None and _sha256(at) == sha256)


def _sha256(at: Place) -> str | None:
    try:
        if isinstance(at, Remote):
            return hashlib.sha256(at.read_bytes()).hexdigest()
        with at.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
