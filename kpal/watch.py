"""What goes on while an image is quantised and coded: told to who waits for it, and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kpal_format.indexed import describe

Progress = Callable[[str, float], object]


def check_callbacks(**callbacks: object) -> None:
    """Raises TypeError for one that is neither None nor callable: at once, not when the work is done."""
    for name, callback in callbacks.items():
        if callback is not None and not callable(callback):
            raise TypeError(f"{name} must be callable, not {describe(callback)}")


class Watch:
    """Passes on how far each stage is, and adds up how long it takes.

    progress: called with the name of a stage and the fraction of it that is done. What it raises goes to the caller
        of the whole: that is how to cancel.

    ms: milliseconds by stage.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self.ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Times the block; its value tells how far the stage is, from 0 to 1."""

        def tell(fraction: float) -> None:
            if self._progress is not None:
                self._progress(name, fraction)

        tell(0.0)
        start = time.perf_counter()
        yield tell
        self.ms[name] = self.ms.get(name, 0.0) + 1000 * (time.perf_counter() - start)
        tell(1.0)
