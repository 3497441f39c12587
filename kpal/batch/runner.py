"""Runs a batch: reports each failure and goes on, and ends with a summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kpal_format import Progress

from .jobs import Job, Selection
from .messages import failures, printable, say
from .progress import displayed

# Gets the job, the bytes of its input, and a callback for its progress or None; returns the bytes of the result.
Work = Callable[[Job, bytes, Progress | None], bytes]


class Skipped(Exception):  # noqa: N818  # it is not an error
    """Raised by the work on a file for which no result shall be written, with the reason."""


@dataclass(frozen=True)
class Ending:
    """The outcome of a job, for programs: the sizes of input and result, or why there is no result."""

    input: str
    output: str | None = None
    input_bytes: int | None = None
    bytes: int | None = None
    skipped: str | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


def run(
    selection: Selection,
    work: Work,
    *,
    force: bool,
    quiet: bool,
    progress: str,
    tell: Callable[[Ending], None] = lambda _: None,
    expect: Callable[[bytes], object] = lambda _: None,
) -> int:
    """Call `work` with the bytes of each selected input and write the result; returns the exit status.

    A failed job is reported on standard error, and the others go on. A job for which `work` raises Skipped is reported
    but does not count as a failure.

    progress: how to display it, one of `HOW`.
    tell: called with the outcome of each job.
    expect: raises ValueError for bytes that `work` cannot take; called before the output is checked.
    """
    start = time.perf_counter()
    endings = []
    written: set[tuple[int, int]] = set()
    with displayed(len(selection.jobs), "none" if quiet else progress) as display:
        for job in selection.jobs:
            with display.file(job.name) as told, failures(job.name) as failed:
                ending = _done(job, work, told, expect, written, force=force)
            if failed:
                ending = Ending(job.name, error=failed.reason)
            elif ending.skipped and not quiet:
                say(f"{job.name}: skipped: {ending.skipped}")
            elif job.note and not quiet:
                say(f"{job.name}: {job.note}")
            endings.append(ending)
            tell(ending)
    if not selection.jobs:
        say(selection.nothing())
    elif not quiet and (summary := _summary(selection.jobs, endings, time.perf_counter() - start)):
        say(summary + selection.left_out())
    return 0 if selection.jobs and not any(ending.error for ending in endings) else 1


def _done(
    job: Job,
    work: Work,
    told: Progress | None,
    expect: Callable[[bytes], object],
    written: set[tuple[int, int]],
    *,
    force: bool,
) -> Ending:
    """Run one job. `written` has device and inode of every result, because one file may have several names."""
    if job.target is None and job.problem is None:
        job.check(force=force)  # fails before waiting for standard input
    data = job.read()
    expect(data)
    if job.target is not None and _identity(job.target) in written:
        raise FileExistsError(f"{printable(job.target)} is already the result of another input")
    job.check(force=force)
    try:
        result = work(job, data, told)
    except Skipped as reason:
        return Ending(job.name, input_bytes=len(data), skipped=str(reason))
    job.write(result)
    if job.target is not None and (identity := _identity(job.target)):
        written.add(identity)
    return Ending(job.name, printable(job.target) if job.target else None, len(data), len(result))


def _identity(path: Path) -> tuple[int, int] | None:
    if not path.is_file():  # a device may receive any number of results
        return None
    status = path.stat()
    return status.st_dev, status.st_ino


def _summary(jobs: list[Job], endings: list[Ending], seconds: float) -> str:
    done = [ending for ending in endings if ending.bytes is not None]
    skipped = sum(ending.skipped is not None for ending in endings)
    if len(jobs) > 1:
        what = f"{len(done)} of {len(jobs)} files{f', {skipped} skipped' * (skipped > 0)}"
    elif done:
        what = f"{jobs[0].name}{f' → {done[0].output}' if done[0].output else ''}"
    else:
        return ""  # the reason has been printed already
    if not done:
        return what
    before, after = (sum(getattr(ending, name) for ending in done) for name in ("input_bytes", "bytes"))
    return f"{what}: {before:,} → {after:,} bytes ({saving(before, after)}) in {seconds:.1f} s"


def saving(before: int, after: int) -> str:
    """The change in size, for messages."""
    change = 100 * (after / before - 1) if before else 0.0
    return f"{abs(change):.1f} % {'smaller' if change <= 0 else 'larger'}"
