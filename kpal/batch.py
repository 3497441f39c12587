"""Work on many files: a failure is named and the others go on, and at the end stands what became of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from .jobs import Job, Selection
from .messages import StandardError, failures, printable, say

if TYPE_CHECKING:
    from rich.console import Console


class Skipped(Exception):  # noqa: N818  # it is not an error
    """Raised by the work on a file of which, for the reason given, nothing is to be written."""


@dataclass(frozen=True)
class Ending:
    """What became of a job, for programs: the sizes of input and result, or why there is no result."""

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
    work: Callable[[Job, bytes], bytes],
    *,
    force: bool,
    quiet: bool,
    tell: Callable[[Ending], None] = lambda _: None,
    expect: Callable[[bytes], object] = lambda _: None,
) -> int:
    """Do `work` on the bytes of each selected input and write what it returns; the exit status.

    A job that fails is named on standard error, and the others go on; so is one for which `work` raises Skipped,
    which is no failure. `tell` hears how each job ended. `expect` raises ValueError for bytes that are no input of this
    work; it is called before anything is said about the output.
    """
    start = time.perf_counter()
    endings = []
    written: set[tuple[int, int]] = set()
    for job in progress(selection.jobs, quiet=quiet):
        with failures(job.name) as failed:
            ending = _done(job, work, expect, written, force=force)
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
    work: Callable[[Job, bytes], bytes],
    expect: Callable[[bytes], object],
    written: set[tuple[int, int]],
    *,
    force: bool,
) -> Ending:
    """One job. `written` has device and number of the files that are results: they may have several names."""
    if job.target is None and job.problem is None:
        job.check(force=force)  # before somebody types an image
    data = job.read()
    expect(data)
    if job.target is not None and _identity(job.target) in written:
        raise FileExistsError(f"{printable(job.target)} is already the result of another input")
    job.check(force=force)
    try:
        result = work(job, data)
    except Skipped as reason:
        return Ending(job.name, input_bytes=len(data), skipped=str(reason))
    job.write(result)
    if job.target is not None and (identity := _identity(job.target)):
        written.add(identity)
    return Ending(job.name, printable(job.target) if job.target else None, len(data), len(result))


def _identity(path: Path) -> tuple[int, int] | None:
    if not path.is_file():  # a device takes any number of results
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
        return ""  # the line that said why is all there is to say
    if not done:
        return what
    before, after = (sum(getattr(ending, name) for ending in done) for name in ("input_bytes", "bytes"))
    return f"{what}: {before:,} → {after:,} bytes ({saving(before, after)}) in {seconds:.1f} s"


def progress(jobs: list[Job], *, quiet: bool, console: Console | None = None) -> Iterator[Job]:
    """The jobs, with a progress bar where standard error is a terminal.

    console: what the caller prints to meanwhile, if that is on the same terminal.
    """
    terminal = StandardError(sys.stderr)
    if quiet or not terminal.isatty():
        yield from jobs
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # What goes to standard output passes rich only where it would run into the bar: a file must get it as it is.
    shared = sys.stdout is not None and sys.stdout.isatty()
    console = console or Console(file=cast(IO[str], terminal))
    with Progress(*columns, console=console, transient=True, redirect_stdout=shared) as bar:
        task = bar.add_task("", total=len(jobs))
        for job in jobs:
            bar.update(task, description=job.name[-40:])
            yield job
            bar.advance(task)


def saving(before: int, after: int) -> str:
    """The change in size, for people."""
    change = 100 * (after / before - 1) if before else 0.0
    return f"{abs(change):.1f} % {'smaller' if change <= 0 else 'larger'}"
