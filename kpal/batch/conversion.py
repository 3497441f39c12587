"""The work on one file, wherever it runs: in this process, in a worker of a pool, or on another machine."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, BinaryIO, Final, Literal, Protocol, cast

from kpal_format import Progress

from ..stores import Place, Ranges, Remote, Status, kind_of, status_of
from .frame_files import FrameFiles
from .jobs import Job
from .messages import failures, printable

KILLED: Final = "the process that worked on it was killed; perhaps the image needs more memory than there is"


class Skipped(Exception):  # noqa: N818  # it is not an error
    """Raised by a conversion that gives no result, with the reason."""


class Postponed(Exception):  # noqa: N818  # it is not an error
    """Raised by a conversion whose image is too large to be worked on beside another large one."""


@dataclass(frozen=True)
class Converted:
    """The bytes of a result, at once or in parts, and facts about it for programs; None for facts alone."""

    data: bytes | Iterator[bytes] | None
    facts: Mapping[str, Any] = field(default_factory=dict)


Reads = Literal["all", "parts"]
Input = BinaryIO | FrameFiles  # the latter for jobs that have `frames`


class Conversion(Protocol):
    """What a batch does with each file. It can be pickled, so that it can be sent to other processes.

    key: the options that determine the result, as an object of JSON. Two conversions with the same key give the same
        bytes for the same input.
    reads: how much of its input it reads.
    """

    @property
    def reads(self) -> Reads: ...
    @property
    def key(self) -> dict[str, Any]: ...

    def check(self, data: Any) -> object:
        """Raises ValueError for an input that cannot be converted, before the output is looked at."""

    def __call__(self, job: Job, data: Any, *, alone: bool, progress: Progress | None = None) -> Converted:
        """The result. Raises Skipped for none; and Postponed, unless `alone`, for a large image.

        data: an `Input`, with a file at its start.
        progress: called with the name of the stage and the fraction of the whole work that is done.
        """


class Overwrite(Enum):
    """Whether a result may take the place of an existing file: never, always, or only if the bytes are the same."""

    NEVER = 0
    ALWAYS = 1
    SAME = 2


@dataclass(frozen=True)
class Manner:
    """How a result is written: what it may overwrite, and whether it gets the permissions and the time of the input."""

    overwrite: Overwrite = Overwrite.NEVER
    preserve: bool = False


@dataclass(frozen=True)
class Ending:
    """The outcome of a job, for programs: the sizes of input and result, or why there is no result.

    current: whether there was nothing to do, as the last result is up to date.
    planned: why a result would be made, if a run only says what it would do.
    input_sha256, sha256: digests of input and result, in hexadecimal.
    facts: what the conversion tells of its result.
    status: the state of the result in its folder, if a manifest needs it.
    """

    input: str
    output: str | None = None
    input_bytes: int | None = None
    bytes: int | None = None
    skipped: str | None = None
    error: str | None = None
    current: bool = False
    planned: str | None = None
    warnings: tuple[str, ...] = ()
    input_sha256: str | None = None
    sha256: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: Status | None = field(default=None, repr=False)

    def as_dict(self) -> dict[str, Any]:
        named = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("facts", "status")}
        return {
            **{name: value for name, value in named.items() if value not in (None, ()) and value is not False},
            **self.facts,
        }


def convert(
    job: Job,
    conversion: Conversion,
    manner: Manner,
    *,
    taken: bool = False,
    alone: bool = True,
    progress: Progress | None = None,
) -> Ending | None:
    """Read the input, convert it and write the result. None if the conversion is postponed.

    taken: whether the target is the result of another job already, which is an error.
    alone, progress: as for the conversion.
    """
    ending = Ending(job.name)
    with failures(job.name, aloud=False) as failed:
        try:
            ending = _converted(job, conversion, manner, progress, taken=taken, alone=alone)
        except Postponed:
            return None
    return replace(ending, error=failed.reason, warnings=tuple(failed.warnings))


def _converted(
    job: Job, conversion: Conversion, manner: Manner, progress: Progress | None, *, taken: bool, alone: bool
) -> Ending:
    if job.target is None and job.problem is None:
        job.check(force=True)  # fails before waiting for standard input
    with ExitStack() as stack:
        data = _input(job, stack, conversion.reads)
        conversion.check(data)
        if taken and job.target is not None:
            raise FileExistsError(f"{printable(job.target)} is already the result of another input")
        job.check(force=manner.overwrite is not Overwrite.NEVER)
        ending = _of_input(job, data, conversion.reads)
        try:
            converted = conversion(job, data, alone=alone, progress=progress)
        except Skipped as reason:
            return replace(ending, skipped=str(reason))
        if converted.data is None:
            return replace(ending, facts=converted.facts)
        result = _Measured(converted.data)
        if manner.overwrite is Overwrite.SAME and job.target is not None and kind_of(job.target) is not None:
            if not _is_same(job.target, result):
                job.check(force=False)
        else:
            job.write(result, preserve=manner.preserve)
    return replace(
        ending,
        status=status_of(job.target) if job.home and job.target else None,
        output=printable(job.target) if job.target else None,
        bytes=result.size,
        sha256=result.digest.hexdigest(),
        facts=converted.facts,
    )


def _input(job: Job, stack: ExitStack, reads: Reads) -> Input:
    if job.problem is None and job.frames:
        return FrameFiles(job.frames)
    return stack.enter_context(job.opened(parts=reads == "parts"))


def _of_input(job: Job, data: Input, reads: Reads) -> Ending:
    """What is known before the conversion.

    A file of which only parts are needed is read for its digest only if it is here, and if a manifest keeps the digest.
    """
    if isinstance(data, FrameFiles):
        return Ending(job.name, input_bytes=len(data))
    size, digest = data.seek(0, os.SEEK_END), None
    data.seek(0)
    if reads == "all" or (job.home is not None and not isinstance(data, Ranges)):
        digest = hashlib.file_digest(cast("io.BytesIO", data), "sha256").hexdigest()
        data.seek(0)
    return Ending(job.name, input_bytes=size, input_sha256=digest)


class _Measured:
    """Passes on the parts of a result, and adds up their size and their digest."""

    def __init__(self, data: bytes | Iterator[bytes]) -> None:
        self._parts = iter((data,)) if isinstance(data, bytes) else data
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self.size += len(part)
            self.digest.update(part)
            yield part


def _is_same(target: Place, parts: Iterable[bytes]) -> bool:
    """Whether a file has this content."""
    if isinstance(target, Remote):
        return target.read_bytes() == b"".join(parts)
    with target.open("rb") as file:
        same = [file.read(len(part)) == part for part in parts]
        return all(same) and not file.read(1)
