"""Tallies of many files, for a shared palette: counted by workers, some files at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from kpal_format import Progress, part_of, staged

from ..color.spaces import Metric
from ..image_files.frames import opened_frames
from ..image_files.precision import in_depth
from ..pixels import to_array
from ..progress import in_whole
from ..quantizer.tally import Tally
from .conversion import KILLED
from .jobs import Job
from .messages import failures, tell
from .progress import Display
from .workers import Inline

_MOST: Final = 64  # files of one task
_SHARES: Final = 4  # tasks, at least, for each that is in work at a time

Told = tuple[tuple[str, ...], str | None]  # warnings, and the error if there was one


@dataclass(frozen=True)
class Counted:
    """The tally of the files that could be read, and what is told of each file."""

    tally: Tally
    told: list[Told]

    @property
    def read(self) -> int:
        """The number of files in the tally."""
        return sum(reason is None for _, reason in self.told)


@dataclass(frozen=True)
class Counting:
    """The work on some files. It can be pickled.

    metric: as in `shared_palette`; depth: as in `in_depth`; max_pixels, pages: as in `opened_frames`.
    """

    metric: Metric
    depth: int | None
    max_pixels: int | None
    pages: bool = False

    def __call__(self, jobs: Sequence[Job], progress: Progress | None = None) -> Counted:
        tally = Tally(metric=self.metric)
        told: list[Told] = []
        for job in jobs:
            with failures(job.name, aloud=False) as failed:
                tally.merge(self._tally(job.read(), progress))
            told.append((tuple(failed.warnings), failed.reason))
        return Counted(tally, told)

    def _tally(self, data: bytes, progress: Progress | None) -> Tally:
        """The tally of all frames of a file."""
        tally = Tally(metric=self.metric)
        with opened_frames(data, pages=self.pages, max_pixels=self.max_pixels) as frames:
            if frames.count == 1:
                in_depth(frames.image, data, self.depth)
            told = in_whole(progress, {"histogram": 1.0}, frames=frames.count)
            for number, image in enumerate(frames.shown()):
                staged(part_of(told, number, 1, frames.count), "histogram", partial(tally.add, to_array(image)))
        return tally


def counted(
    jobs: Sequence[Job], counting: Counting, executor: Executor, limit: int, display: Display
) -> Iterator[Counted]:
    """Tallies of the files, in their order. What went wrong is told on standard error, in the same order.

    limit: the number of tasks that the executor has at a time.

    A task that is lost with its worker is tried again, one file at a time, to find the file to blame.
    """
    many = 1 if isinstance(executor, Inline) else max(1, min(_MOST, len(jobs) // (_SHARES * limit)))
    waiting: deque[_Part] = deque()
    for start in range(0, len(jobs), many):
        waiting.append(_Part(jobs[start : start + many], counting, executor, display))
        if len(waiting) >= limit:
            yield waiting.popleft().counted()
    while waiting:
        yield waiting.popleft().counted()


class _Part:
    """Some of the files, in work."""

    def __init__(self, jobs: Sequence[Job], counting: Counting, executor: Executor, display: Display) -> None:
        self._jobs, self._counting, self._executor, self._display = jobs, counting, executor, display
        self._shown = ExitStack()
        told = self._shown.enter_context(display.file(jobs[0].name))
        self._future = self._submit(jobs, told)

    def counted(self) -> Counted:
        try:
            found = self._future.result()
        except Exception as error:  # of the executor
            found = self._one_by_one(error)
        self._shown.close()
        for job in self._jobs[1:]:
            with self._display.file(job.name):
                pass
        for job, (warnings, reason) in zip(self._jobs, found.told, strict=True):
            tell(job.name, warnings, reason)
        return found

    def _submit(self, jobs: Sequence[Job], progress: Progress | None = None) -> Future[Counted]:
        if isinstance(self._executor, Inline) or any(job.source is None for job in jobs):  # standard input is here
            return Inline().submit(self._counting, jobs, progress)
        return self._executor.submit(self._counting, [job.absolute() for job in jobs])

    def _one_by_one(self, error: Exception) -> Counted:
        tally = Tally(metric=self._counting.metric)
        told: list[Told] = []
        for job in self._jobs:
            try:
                found = self._submit([job]).result()
            except Exception as error:
                told.append(((), KILLED if isinstance(error, BrokenExecutor) else f"{type(error).__name__}: {error}"))
            else:
                tally.merge(found.tally)
                told += found.told
        return Counted(tally, told)
