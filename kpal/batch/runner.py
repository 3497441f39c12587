"""Runs a batch: reports each failure and goes on, and ends with a summary."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from .. import __version__
from ..stores import Place, Remote, Status, status_of
from .conversion import Conversion, Ending, Manner, Overwrite
from .jobs import Job, Selection
from .manifest import Manifest
from .messages import printable, say, tell
from .progress import Display, displayed
from .scheduler import Scheduler, Task
from .workers import engaged

_AHEAD: Final = 256  # jobs
NOT_PRESERVED: Final = "stores tell and keep neither permissions nor times"
_MOST_OPEN: Final = 64  # manifests; a list of jobs may have results in thousands of folders


@dataclass(frozen=True)
class Way:
    """How a batch is run.

    force: whether all is done again, and existing files are overwritten.
    dry: whether to tell only what would be done.
    preserve: whether results get the permissions and the time of their inputs.
    workers: the number of processes; by default, one for each core.
    executor: what runs the work instead of processes of this machine, `workers` tasks at a time.
    """

    force: bool = False
    dry: bool = False
    preserve: bool = False
    workers: int | None = None
    executor: Executor | None = None


class Batch:
    """Converts the inputs of a selection. What a manifest shows to be up to date is left as it is.

    passes: how often the inputs are read.
    """

    passes = 1

    def __init__(self, selection: Selection, conversion: Conversion, way: Way, display: Display | None = None) -> None:
        self._selection = selection
        self._conversion = conversion
        self._way = way
        self._display = display or Display(len(selection.jobs), None)
        self._manifests: dict[Place, Manifest] = {}
        self._recent: dict[Manifest, None] = {}  # manifests that may be open, the one used last at the end
        self._read: dict[Job, Status | None] = {}  # the statuses of the inputs in work, from before they were read
        self._written: set[object] = set()  # identities of results, as one file may have several names
        self._claimed: set[str] = set()
        self._again = False  # whether results that are up to date are made again

    def endings(self) -> Generator[Ending, None, None]:
        """The outcomes, in the order of the inputs. Raises BatchError if another process works on an output folder."""
        try:
            with engaged(self._selection.jobs, self._way.workers, self._way.executor) as (executor, limit):
                scheduler = Scheduler(executor, limit, self._display, self._end)
                try:
                    yield from scheduler.run(self._tasks())
                except BaseException:
                    scheduler.cancel()
                    raise
        finally:
            self.close()

    def close(self) -> None:
        """Closes the manifests."""
        for manifest in self._manifests.values():
            manifest.close()

    def _conversion_of(self, job: Job) -> Conversion:
        return self._conversion

    def _tasks(self) -> Iterator[Task | Ending]:
        """What there is to do, or the outcome of a job if there is nothing.

        Jobs are looked at some at a time before they begin, so that a manifest is told of them in few writes: of twice
        as many each time where the manifest is in a store, which writes all of it anew.
        """
        jobs, many = iter(self._selection.jobs), 1
        while ahead := list(islice(jobs, many)):
            many = 2 * many if isinstance(ahead[0].home, Remote) else min(2 * many, _AHEAD)
            found = [self._looked_at(job) for job in ahead]
            begun: dict[Manifest, list[Job]] = {}
            for task in found:
                if isinstance(task, Task) and (manifest := self._manifest(task.job)) is not None:
                    begun.setdefault(manifest, []).append(task.job)
            for manifest, its in begun.items():
                self._using(manifest).begin(its)
            for task in found:
                claimed = isinstance(task, Task) and self._is_claimed(task.job)
                yield replace(task, in_turn=True) if isinstance(task, Task) and claimed else task

    def _looked_at(self, job: Job) -> Task | Ending:
        conversion = self._conversion_of(job)
        if self._way.executor is not None:
            job = job.absolute()
        overwrite, why = Overwrite.ALWAYS if self._way.force else Overwrite.NEVER, "new"
        manifest = self._manifest(job)
        if manifest is not None:
            state = manifest.state(job)
            if not self._way.force:
                if state.current is not None and not self._again:
                    return state.current
                overwrite, why = state.overwrite, state.why
        if self._way.dry:
            return _planned(job, overwrite, why)
        if manifest is not None:
            self._read[job] = state.input
        manner = Manner(overwrite, self._way.preserve)
        return Task(job, conversion, manner, partial(self._is_taken, job))

    def _end(self, task: Task, ending: Ending) -> None:
        """Notes the outcome of a task."""
        job = task.job
        if ending.bytes is not None and job.target is not None and (identity := _identity(job.target)):
            self._written.add(identity)
        manifest = self._manifest(job)
        if manifest is not None:
            manifest.end(job, ending, self._read.pop(job))

    def _manifest(self, job: Job) -> Manifest | None:
        """The manifest that has the job; none if it is not of a batch, or is done in place."""
        if job.home is None or job.problem or job.source is None or job.target is None or job.source == job.target:
            return None
        if job.home not in self._manifests:
            self._manifests[job.home] = Manifest(job.home, self._conversion.key, __version__)
        return self._using(self._manifests[job.home])

    def _using(self, manifest: Manifest) -> Manifest:
        """The manifest; of many, the one that was used least recently is released."""
        self._recent.pop(manifest, None)
        self._recent[manifest] = None
        if len(self._recent) > _MOST_OPEN:
            oldest = next(iter(self._recent))
            del self._recent[oldest]
            oldest.release()
        return manifest

    def _is_taken(self, job: Job) -> bool:
        return job.target is not None and _identity(job.target) in self._written

    def _is_claimed(self, job: Job) -> bool:
        """Whether the target may be the same file as that of an earlier job, under another name."""
        if job.target is None:
            return False
        if isinstance(job.target, Remote):
            key, links = job.target.url, 1
        else:
            key = os.path.realpath(job.target).casefold()  # the file system may not distinguish case
            links = job.target.stat().st_nlink if _identity(job.target) else 1
        claimed = key in self._claimed
        self._claimed.add(key)
        return claimed or links > 1


def run(
    selection: Selection,
    conversion: Conversion,
    way: Way,
    *,
    quiet: bool,
    progress: str,
    report: Callable[[Ending], None] = lambda _: None,
    kind: type[Batch] = Batch,
) -> int:
    """Convert each selected input, and tell the outcomes on standard error; returns the exit status.

    A failed job is told, and the others go on. A job that the conversion skips is told, but is no failure.

    progress: how to display it, one of `HOW`.
    report: called with the outcome of each job.
    kind: the kind of batch.
    """
    if way.preserve and selection.in_stores:
        say(f"warning: --preserve: {NOT_PRESERVED}")
    start = time.perf_counter()
    totals = Totals()
    with displayed(kind.passes * len(selection.jobs), "none" if quiet else progress) as display:
        batch = kind(selection, conversion, way, display)
        with closing(batch.endings()) as found:
            for job, ending in zip(selection.jobs, found, strict=True):
                tell(job.name, ending.warnings, ending.error)
                if not quiet and not ending.current and (note := _note(job, ending)):
                    say(f"{job.name}: {note}")
                totals.add(ending)
                report(ending)
    if not selection.jobs:
        say(selection.nothing())
    elif not quiet and (summary := totals.summary(selection.jobs, time.perf_counter() - start)):
        say(summary + selection.left_out())
    return 0 if selection.jobs and not totals.failed else 1


def _note(job: Job, ending: Ending) -> str:
    """What there is to say about a job that has not failed."""
    if ending.planned:
        return f"would be written as {ending.output}: {ending.planned}"
    if ending.skipped:
        return f"skipped: {ending.skipped}"
    return "" if ending.error else job.note


def _planned(job: Job, overwrite: Overwrite, why: str) -> Ending:
    """What would become of a job."""
    try:
        if job.problem is not None:
            raise job.problem
        if isinstance(job.source, Path):
            job.source.stat()
        elif job.source is not None and status_of(job.source) is None:
            raise FileNotFoundError("there is no such file")
        job.check(force=overwrite is not Overwrite.NEVER)
    except OSError as error:
        return Ending(job.name, error=error.strerror or str(error))
    return Ending(job.name, printable(job.target) if job.target else "standard output", planned=why)


def _identity(at: Place) -> object:
    """What is equal for two names of one file; None if there is none."""
    if isinstance(at, Remote):
        return at
    if not os.path.isfile(at):  # noqa: PTH113  # a device may receive any number of results
        return None
    status = at.stat()
    return status.st_dev, status.st_ino


@dataclass
class Totals:
    """The numbers of outcomes, and the sizes of inputs and results; not the outcomes, of which there may be millions.

    output: of the last result.
    """

    done: int = 0
    skipped: int = 0
    current: int = 0
    planned: int = 0
    failed: int = 0
    before: int = 0
    after: int = 0
    output: str | None = None

    def add(self, ending: Ending) -> None:
        self.failed += ending.error is not None
        self.planned += ending.planned is not None
        if ending.current:
            self.current += 1
            return
        self.skipped += ending.skipped is not None
        if ending.bytes is not None:
            self.done += 1
            self.before += ending.input_bytes or 0
            self.after += ending.bytes
            self.output = ending.output

    def summary(self, jobs: list[Job], seconds: float) -> str:
        if len(jobs) > 1:
            counts = ((self.skipped, "skipped"), (self.current, "up to date"), (self.planned, "to do"))
            others = "".join(f", {many:,} {how}" for many, how in counts if many)
            what = f"{self.done:,} of {len(jobs):,} files{others}"
        elif self.done:
            what = f"{jobs[0].name}{f' → {self.output}' if self.output else ''}"
        elif self.current:
            return f"{jobs[0].name}: up to date"
        else:
            return ""  # the reason has been printed already
        if not self.done:
            return what
        sizes = f"{self.before:,} → {self.after:,} bytes ({saving(self.before, self.after)})"
        return f"{what}: {sizes} in {seconds:.1f} s"


def saving(before: int, after: int) -> str:
    """The change in size, for messages."""
    change = 100 * (after / before - 1) if before else 0.0
    return f"{abs(change):.1f} % {'smaller' if change <= 0 else 'larger'}"
