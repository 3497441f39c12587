"""Progress reports and timing of the stages of quantising and coding."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import accumulate
from typing import Final, TypeVar

from kpal_format import Progress, Told, watched
from kpal_format.indexed import describe

_Out = TypeVar("_Out")

_FIRST: Final = 0.25  # share of a search's progress that the first attempt gets
_STAGE: Final = 0.4  # share of an attempt's remaining progress that a stage gets, as the number of stages is unknown


def check_callbacks(**callbacks: object) -> None:
    """Raises TypeError for a callback that is neither None nor callable, before any work is done."""
    for name, callback in callbacks.items():
        if callback is not None and not callable(callback):
            raise TypeError(f"{name} must be callable, not {describe(callback)}")


def in_whole(progress: Progress | None, shares: Mapping[str, float], *, frames: int = 1) -> Progress | None:
    """A callback for stages that calls `progress` with the fraction of the whole work instead of that of the stage.

    shares: the stages in their order, and the share of the work that each takes, about; others count as nothing.
    frames: the number of frames that each stage works through, which the name of the stage then counts.
    """
    if progress is None:
        return None
    total = sum(shares.values())
    starts = dict(zip(shares, accumulate(shares.values(), initial=0.0), strict=False))

    reached = 0.0

    def told(stage: str, fraction: float) -> None:
        nonlocal reached
        reached = starts.get(stage, reached) + shares.get(stage, 0.0) * min(fraction, 1.0)
        counted = f", frame {min(int(fraction * frames) + 1, frames)} of {frames}" if frames > 1 else ""
        progress(f"{stage}{counted}", reached / total)

    return told


def renamed(progress: Progress | None, stage: str) -> Progress | None:
    """A callback that tells `progress` of another stage instead."""
    return None if progress is None else lambda _, fraction: progress(stage, fraction)


class Watch:
    """Reports the progress of each stage, and adds up its time.

    progress: called from the calling thread with the name of the stage and the fraction of it that is done, at least
        every 20 ms. An exception that it raises cancels the work and propagates to the caller.
    searching: whether a search repeats the stages. The fraction is then that of the whole search and never decreases;
        `attempt` and `finish` mark its steps.

    ms: milliseconds by stage.
    """

    def __init__(self, progress: Progress | None = None, *, searching: bool = False) -> None:
        self._progress = progress
        self._searching = searching
        self._reached, self._aim = 0.0, _FIRST
        self._last = ""  # the stage before
        self._stage: Told = lambda _: None  # hears the fraction of the stage, which is
        self._done = 0.0
        self.ms: dict[str, float] = {}

    def stage(self, name: str, work: Callable[[], _Out], span: tuple[float, float] = (0.0, 1.0)) -> _Out:
        """Run and time `work`, and return its result. It may `tell` its progress, and must `pulse` often.

        span: the fractions of the stage that are done before and after this work, if the stage has several parts.
        """
        start = time.perf_counter()
        if (progress := self._progress) is None:
            result = work()
        else:
            told = self._part_of_stage(name, span, progress)
            told(0.0)
            result = watched(work, told)
            told(1.0)
        self._last = name
        self.ms[name] = self.ms.get(name, 0.0) + 1000 * (time.perf_counter() - start)
        return result

    def attempt(self, left: int) -> None:
        """Begins the next attempt of a search that will make about `left` more."""
        self._aim = self._reached + (1.0 - self._reached) / max(left, 1)

    def finish(self) -> None:
        """Reports that a search is complete."""
        if self._searching and self._progress is not None:
            self._progress(self._last, 1.0)

    def _part_of_stage(self, name: str, span: tuple[float, float], progress: Progress) -> Told:
        if span[0] == 0 or name != self._last:
            if self._last and self._done < 1:
                self._stage(1.0)  # the stage before had fewer parts than it might have had
            self._stage = self._within_search(name, progress) if self._searching else partial(progress, name)
            self._done = 0.0
        start, end = span

        def told(part: float) -> None:
            self._done = max(self._done, start + (end - start) * min(part, 1.0))
            self._stage(self._done)

        return told

    def _within_search(self, name: str, progress: Progress) -> Told:
        start = self._reached
        share = _STAGE * (self._aim - start)

        def told(part: float) -> None:
            self._reached = max(self._reached, start + share * part)
            progress(name, self._reached)

        return told
