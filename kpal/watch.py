"""What goes on while an image is quantised and coded: told to who waits for it, and timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from kpal_format import Progress, Told, watched
from kpal_format.indexed import describe

_Out = TypeVar("_Out")

_FIRST: Final = 0.25  # fraction of a search that goes to the first attempt
_STAGE: Final = 0.4  # fraction of what is left of an attempt that goes to a stage, as how many follow is not known


def check_callbacks(**callbacks: object) -> None:
    """Raises TypeError for one that is neither None nor callable: at once, not when the work is done."""
    for name, callback in callbacks.items():
        if callback is not None and not callable(callback):
            raise TypeError(f"{name} must be callable, not {describe(callback)}")


class Watch:
    """Passes on how far each stage is, and adds up how long it takes.

    progress: called from the thread that asks for the work with the name of a stage and the fraction of it that is
        done, every 20 ms or more often. What it raises goes to the caller of the whole: that is how to cancel.
    searching: whether stages will be gone through again and again. Then the fraction is that of the whole search,
        which never falls; `attempt` and `finish` say how far that is.

    ms: milliseconds by stage.
    """

    def __init__(self, progress: Progress | None = None, *, searching: bool = False) -> None:
        self._progress = progress
        self._searching = searching
        self._reached, self._aim = 0.0, _FIRST
        self._last = ""
        self.ms: dict[str, float] = {}

    def stage(self, name: str, work: Callable[[], _Out]) -> _Out:
        """The result of `work`, timed; it may `tell` what fraction of the stage is done, and is to `pulse` often."""
        start, self._last = time.perf_counter(), name
        if (progress := self._progress) is None:
            result = work()
        else:
            told = self._within_search(name, progress) if self._searching else lambda part: progress(name, part)
            told(0.0)
            result = watched(work, told)
            told(1.0)
        self.ms[name] = self.ms.get(name, 0.0) + 1000 * (time.perf_counter() - start)
        return result

    def attempt(self, left: int) -> None:
        """Begins the next of so many attempts that a search will make from here, about."""
        self._aim = self._reached + (1.0 - self._reached) / max(left, 1)

    def finish(self) -> None:
        """Tells the end of a search."""
        if self._searching and self._progress is not None:
            self._progress(self._last, 1.0)

    def _within_search(self, name: str, progress: Progress) -> Told:
        start = self._reached
        share = _STAGE * (self._aim - start)

        def told(part: float) -> None:
            self._reached = max(self._reached, start + share * part)
            progress(name, self._reached)

        return told
