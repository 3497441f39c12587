"""Threads: several for the tiles of one image, and one for work that somebody watches and may want to end.

Where no thread can be started (at the end of the interpreter, or where the system allows no more of them), the calling
thread does all of the work itself. The threads are plain ones, as `concurrent.futures` refuses to work from the moment
the main thread has ended. Nothing here holds a lock that a process forked meanwhile would wait for.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .forks import load_module

if TYPE_CHECKING:
    from queue import SimpleQueue

_In = TypeVar("_In")
_Out = TypeVar("_Out")

Count = Callable[[int], object]  # is told how many pixels were done since the last call; it may raise to end the work
Told = Callable[[float], object]  # is told the fraction of the work that is done; it may raise to end the work
Progress = Callable[[str, float], object]  # is told the name of a stage and a fraction; it may raise to end the work

_BEAT: Final = 0.02  # seconds: the longest time between two calls of a `Told`
_PATIENCE: Final = 0.04  # seconds that a thread gets to end by itself
_STEP: Final = 1 / 128  # tiles tell their fraction when it has risen by so much

_here = threading.local()  # `watcher`: of the work that this thread does


class Ended(BaseException):
    """Raised in work that is to end. It is no `Exception`, so that nothing in the work takes it for an error."""


def in_parallel(work: Callable[[_In, Count], _Out], items: Sequence[_In], pixels: int) -> list[_Out]:
    """The results of `work` in the order of `items`; other threads help where there are several of both.

    work: is given an item and a function to call, often, with the number of pixels done.
    pixels: of all items together. If this is part of work that is watched, the fraction that is done is told there.

    After an exception no more items are begun. If several raise one, that of the first item is raised.
    """
    tally = _Tally(pixels)
    results: list[Any] = [None] * len(items)
    errors: dict[int, BaseException] = {}
    left = deque(enumerate(items))

    def run() -> None:
        while left and not errors:
            try:
                number, item = left.popleft()
            except IndexError:  # another thread took the last one
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
    except BaseException:  # of a signal's handler: KeyboardInterrupt
        tally.ended = True
        for helper in helpers:
            helper.join(_PATIENCE)
        raise
    if errors:
        try:
            raise _most_telling(errors)
        finally:
            errors.clear()  # an exception refers to this frame: without this, to itself
    return results


def watched(work: Callable[[], _Out], told: Told) -> _Out:
    """The result of `work`, done in another thread while this one passes on how far it is.

    told: called from this thread with each fraction that the work tells, and again with the last one every 20 ms. What
        it raises is raised here at once; the work ends where it next calls `tell` or `pulse`.
    """
    if _watcher() is not None:  # part of other work that is watched
        return work()
    watcher = _Watcher()
    outcome: list[_Out | BaseException] = []

    def run() -> None:
        _here.watcher = watcher
        try:
            outcome.append(work())
        except BaseException as error:  # raised again in the calling thread
            outcome.append(error)
        watcher.news.put(None)

    helpers = _helpers(run, 1)
    if not helpers:
        return _watched_here(work, told)
    try:
        _pass_on(watcher.news, helpers[0], told)
    except BaseException:
        watcher.ended = True
        helpers[0].join(_PATIENCE)
        raise
    if not outcome:  # `told` has forked this process, and the thread did not come along
        return _watched_here(work, told)
    result = outcome.pop()
    try:
        if isinstance(result, BaseException):
            raise result
        return result
    finally:
        del result  # an exception refers to this frame: without this, to itself


def staged(progress: Progress | None, stage: str, work: Callable[[], _Out]) -> _Out:
    """The result of `work`, which is a stage of what `progress` watches; None for nobody. TypeError for a wrong one."""
    if progress is None:
        return work()
    if not callable(progress):
        raise TypeError(f"progress must be callable, not {progress!r}")
    progress(stage, 0.0)
    result = watched(work, lambda fraction: progress(stage, fraction))
    progress(stage, 1.0)
    return result


def pulse() -> None:
    """Called often by work that takes long: ends it, by an exception, if it is watched and is to end."""
    watcher = _watcher()
    if watcher is not None:
        watcher.pulse()


def tell(fraction: float) -> None:
    """Says how far the work of this thread is, if it is watched; ends it if it is to end."""
    watcher = _watcher()
    if watcher is not None:
        watcher.tell(fraction)


def _watcher() -> _Watcher | _Inline | None:
    """Who watches the work of this thread."""
    watcher: _Watcher | _Inline | None = getattr(_here, "watcher", None)
    return watcher


def _pass_on(news: SimpleQueue[float | None], thread: threading.Thread, told: Told) -> None:
    """Tells all fractions until the thread ends."""
    Empty = load_module("queue").Empty  # noqa: N806  # a class
    last = 0.0
    while True:
        try:
            fraction = news.get(timeout=_BEAT)
        except Empty:
            if not thread.is_alive() and news.empty():
                return
            fraction = last
        if fraction is None:
            return
        last = fraction
        told(fraction)


def _watched_here(work: Callable[[], _Out], told: Told) -> _Out:
    """`watched` without another thread: `told` is called when the work tells how far it is, or pulses."""
    _here.watcher = _Inline(told)
    try:
        return work()
    finally:
        _here.watcher = None


class _Watcher:
    """Between work in one thread and who watches it in another."""

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
    """The same where one thread is both."""

    def __init__(self, told: Told) -> None:
        self._told, self._thread = told, threading.get_ident()
        self._last = 0.0
        self._due = 0.0  # when to tell again

    def tell(self, fraction: float) -> None:
        self._last, self._due = fraction, 0.0
        self.pulse()

    def pulse(self) -> None:
        if threading.get_ident() != self._thread or time.monotonic() < self._due:
            return
        _here.watcher = None  # what is called may code images, too
        try:
            self._told(self._last)
        finally:
            _here.watcher = self
        self._due = time.monotonic() + _BEAT


class _Tally:
    """Adds up the pixels that several threads have done."""

    def __init__(self, pixels: int) -> None:
        self._pixels, self._watcher = pixels, _watcher()
        self._adding = threading.Lock()
        self._done = 0
        self._told = 0.0
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
            if fraction >= self._told + _STEP:
                self._told = fraction
                self._watcher.tell(fraction)


def _helpers(run: Callable[[], None], count: int) -> list[threading.Thread]:
    """So many threads that run this, or fewer where no more can be started."""
    helpers: list[threading.Thread] = []
    try:
        for _ in range(count):
            helper = threading.Thread(target=run, name="kpal", daemon=True)
            helper.start()
            helpers.append(helper)
    except RuntimeError:  # the system has no more threads, or the interpreter is about to end
        pass
    return helpers


def _most_telling(errors: dict[int, BaseException]) -> BaseException:
    """What interrupts everything, before what is wrong with an item, before what follows from either."""

    def rank(number: int) -> tuple[int, int]:
        error = errors[number]
        return 2 if isinstance(error, Ended) else 1 if isinstance(error, Exception) else 0, number

    return errors[min(errors, key=rank)]
