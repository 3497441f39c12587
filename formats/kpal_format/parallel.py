"""Threads: several for the tiles of one image, and one for work that reports progress and can be cancelled.

If no thread can be started (while the interpreter shuts down, or at the system's limit), the calling thread does all of
the work. `concurrent.futures` is not used because it refuses work once the main thread has ended. No lock of this
module can block a forked process.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .forks import load_module

if TYPE_CHECKING:
    from queue import SimpleQueue

_In = TypeVar("_In")
_Out = TypeVar("_Out")

# Callbacks; each may raise an exception to cancel the work.
Count = Callable[[int], object]  # receives the number of pixels done since the last call
Told = Callable[[float], object]  # receives the fraction of the work done, 0 to 1
Progress = Callable[[str, float], object]  # receives the name of a stage and the fraction of it done, 0 to 1

_MAX_INTERVAL: Final = 0.02  # seconds between two calls of a `Told`
_JOIN_TIMEOUT: Final = 0.04  # seconds that a cancelled thread gets to stop before the caller continues
_MIN_STEP: Final = 1 / 128  # of the work; tiles do not report smaller changes of the fraction done

_context = threading.local()  # its attribute `watcher` observes the work of the current thread


class Ended(BaseException):
    """Raised inside cancelled work. It is not an `Exception`, so that handlers of errors do not catch it."""


def in_parallel(work: Callable[[_In, Count], _Out], items: Sequence[_In], pixels: int, done: int = 0) -> list[_Out]:
    """Applies `work` to all items, in several threads if there are several items and cores, and returns the results.

    work: called with an item and a function, which it should call often with the number of pixels done.
    pixels: the total of the work. If the calling thread's work is watched, the fraction of pixels done is reported.
    done: the pixels that earlier calls did.

    After an exception, no further items are started. If several items fail, the first item's exception is raised.
    """
    tally = _Tally(pixels, done)
    results: list[Any] = [None] * len(items)
    errors: dict[int, BaseException] = {}
    left = deque(enumerate(items))

    def run() -> None:
        while left and not errors:
            try:
                number, item = left.popleft()
            except IndexError:  # another thread took the last item
                return
            try:
                results[number] = work(item, tally.count)
            except BaseException as error:  # raised again in the calling thread
                errors[number] = error
                tally.ended |= not isinstance(error, Exception)

    helpers = _helpers(run, min(len(items), os.cpu_count() or 1) - 1)
    try:
        run()
        for helper in helpers:
            helper.join()
    except BaseException:  # from a signal handler, such as KeyboardInterrupt
        tally.ended = True
        for helper in helpers:
            helper.join(_JOIN_TIMEOUT)
        raise
    if errors:
        try:
            raise _most_severe(errors)
        finally:
            errors.clear()  # break the reference cycle: an exception refers to this frame
    return results


def watched(work: Callable[[], _Out], told: Told) -> _Out:
    """Runs `work` in another thread while this thread reports its progress; returns the result of `work`.

    told: called from this thread with each fraction that the work reports, and with the latest fraction every 20 ms. An
        exception that it raises propagates at once, and the work stops at its next call of `tell` or `pulse`.
    """
    if _watcher() is not None:  # the caller's work is watched already
        return work()
    watcher = _Watcher()
    outcome: list[_Out | BaseException] = []

    def run() -> None:
        _context.watcher = watcher
        try:
            outcome.append(work())
        except BaseException as error:  # raised again in the calling thread
            outcome.append(error)
        watcher.news.put(None)

    helpers = _helpers(run, 1)
    if not helpers:
        return _watched_inline(work, told)
    try:
        _relay(watcher.news, helpers[0], told)
    except BaseException:
        watcher.ended = True
        helpers[0].join(_JOIN_TIMEOUT)
        raise
    if not outcome:  # `told` has forked this process, and a fork does not copy other threads
        return _watched_inline(work, told)
    result = outcome.pop()
    try:
        if isinstance(result, BaseException):
            raise result
        return result
    finally:
        del result  # break the reference cycle: an exception refers to this frame


def staged(progress: Progress | None, stage: str, work: Callable[[], _Out]) -> _Out:
    """Runs `work` as a stage that `progress`, if given, observes; raises TypeError if it is not callable."""
    if progress is None:
        return work()
    if not callable(progress):
        raise TypeError(f"progress must be callable, not {progress!r}")
    progress(stage, 0.0)
    result = watched(work, lambda fraction: progress(stage, fraction))
    progress(stage, 1.0)
    return result


def part_of(progress: Progress | None, start: int, size: int, total: int) -> Progress | None:
    """A callback for part of the work, which scales fractions to the whole for `progress`."""
    return None if progress is None else lambda stage, fraction: progress(stage, (start + size * fraction) / total)


def pulse() -> None:
    """Raises `Ended` if the work of this thread was cancelled; long-running work calls this often."""
    watcher = _watcher()
    if watcher is not None:
        watcher.pulse()


def tell(fraction: float) -> None:
    """Reports the fraction done of this thread's work, if it is watched; raises `Ended` if it was cancelled."""
    watcher = _watcher()
    if watcher is not None:
        watcher.tell(fraction)


def _watcher() -> _Watcher | _Inline | None:
    """The observer of this thread's work."""
    watcher: _Watcher | _Inline | None = getattr(_context, "watcher", None)
    return watcher


def _relay(news: SimpleQueue[float | None], thread: threading.Thread, told: Told) -> None:
    """Reports all fractions until the thread ends."""
    Empty = load_module("queue").Empty  # noqa: N806  # a class
    last = 0.0
    while True:
        try:
            fraction = news.get(timeout=_MAX_INTERVAL)
        except Empty:
            if not thread.is_alive() and news.empty():
                return
            fraction = last
        if fraction is None:
            return
        last = fraction
        told(fraction)


def _watched_inline(work: Callable[[], _Out], told: Told) -> _Out:
    """`watched` without another thread: `told` is called from within the work's calls of `tell` and `pulse`."""
    _context.watcher = _Inline(told)
    try:
        return work()
    finally:
        _context.watcher = None


class _Watcher:
    """Connects the thread that does the work with the thread that watches it."""

    def __init__(self) -> None:
        # Loaded here, as most programs that import kpal watch nothing.
        self.news: SimpleQueue[float | None] = load_module("queue").SimpleQueue()
        self.ended = False

    def tell(self, fraction: float) -> None:
        self.pulse()
        self.news.put(fraction)

    def pulse(self) -> None:
        if self.ended:
            raise Ended


class _Inline:
    """The observer of work that runs in the watching thread itself."""

    def __init__(self, told: Told) -> None:
        self._told, self._thread = told, threading.get_ident()
        self._last = 0.0
        self._due = 0.0  # when the next report is due, in monotonic seconds

    def tell(self, fraction: float) -> None:
        self._last, self._due = fraction, 0.0
        self.pulse()

    def pulse(self) -> None:
        if threading.get_ident() != self._thread or time.monotonic() < self._due:
            return
        _context.watcher = None  # the callback may itself code images
        try:
            self._told(self._last)
        finally:
            _context.watcher = self
        self._due = time.monotonic() + _MAX_INTERVAL


class _Tally:
    """Counts the pixels done by several threads, and reports their fraction to the watcher."""

    def __init__(self, pixels: int, done: int) -> None:
        self._pixels, self._watcher = pixels, _watcher()
        self._adding = threading.Lock()
        self._done = done
        self._told = done / pixels if pixels else 0.0
        self.ended = False

    def count(self, pixels: int) -> None:
        if self.ended:
            raise Ended
        if self._watcher is None:
            return
        self._watcher.pulse()
        with self._adding:
            self._done += pixels
            fraction = self._done / self._pixels
            if fraction >= self._told + _MIN_STEP:
                self._told = fraction
                self._watcher.tell(fraction)


def _helpers(run: Callable[[], None], count: int) -> list[threading.Thread]:
    """Starts up to `count` threads that call `run`; fewer if no more can be started."""
    helpers: list[threading.Thread] = []
    try:
        for _ in range(count):
            context = copy_context()  # so that whoever collects warnings by context gets those of helpers
            helper = threading.Thread(target=context.run, args=(run,), name="kpal", daemon=True)
            helper.start()
            helpers.append(helper)
    except RuntimeError:  # at the system's limit, or the interpreter is shutting down
        pass
    return helpers


def _most_severe(errors: dict[int, BaseException]) -> BaseException:
    """An interruption such as KeyboardInterrupt, else an item's error, else an `Ended`, which follows from either."""

    def rank(number: int) -> tuple[int, int]:
        error = errors[number]
        return 2 if isinstance(error, Ended) else 1 if isinstance(error, Exception) else 0, number

    return errors[min(errors, key=rank)]
