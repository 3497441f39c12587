"""Runs tasks on an executor, a limited number at a time, and gives their outcomes in the order of the tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from kpal_format import Progress

from .conversion import KILLED, Conversion, Ending, Manner, convert
from .jobs import Job
from .progress import Display
from .workers import Inline


@dataclass(frozen=True)
class Task:
    """One call of `convert`.

    in_turn: whether it must not begin before all earlier tasks have ended.
    """

    job: Job
    conversion: Conversion
    manner: Manner
    taken: Callable[[], bool]
    in_turn: bool = False


@dataclass
class _Slot:
    """The place of a task, or of what is known without one, in the order of the outcomes."""

    task: Task | None
    ending: Ending | None = None
    shown: ExitStack = field(default_factory=ExitStack)  # closed when the task has ended
    told: Progress | None = None  # called with the progress of the task


class Scheduler:
    """Runs tasks on an executor.

    limit: the number of tasks handed to the executor and not yet finished, 1 or more.
    display: shows the progress; how far a task is, it can show only of tasks that run in the calling thread.
    ended: called with each task and its outcome, in the order in which they end.

    Tasks that use standard input or output run in the calling thread. Large images run one at a time. If a worker
    process dies, the tasks that were with it are tried once more, one at a time, to find the one to blame.
    """

    def __init__(
        self, executor: Executor, limit: int, display: Display, ended: Callable[[Task, Ending], object]
    ) -> None:
        self._executor = executor
        self._limit = limit
        self._display = display
        self._tell = ended
        self._inline = Inline()
        self._slots: deque[_Slot] = deque()
        self._running: dict[Future[Ending | None], _Slot] = {}
        self._large: deque[_Slot] = deque()
        self._lost: deque[_Slot] = deque()
        self._alone: Future[Ending | None] | None = None  # the large image that is worked on

    def run(self, tasks: Iterable[Task | Ending]) -> Iterator[Ending]:
        """The outcomes of the tasks, in their order. Outcomes among the tasks are passed on."""
        for task in tasks:
            if isinstance(task, Ending):
                with self._display.file(task.input):
                    self._slots.append(_Slot(None, task))
            else:
                if task.in_turn:
                    self._finish()
                slot = _Slot(task)
                slot.told = slot.shown.enter_context(self._display.file(task.job.name))
                self._slots.append(slot)
                self._start(slot)
            yield from self._ended()
            while self._lost or len(self._running) >= self._limit:
                self._collect()
                yield from self._ended()
        while self._running or self._large or self._lost:
            self._collect()
            yield from self._ended()

    def cancel(self) -> None:
        """Cancels the tasks that have not begun."""
        for future in self._running:
            future.cancel()

    def _finish(self) -> None:
        while self._running or self._large or self._lost:
            self._collect()

    def _start(self, slot: _Slot, *, alone: bool = False) -> Future[Ending | None]:
        task = slot.task
        assert task is not None
        streamed = task.job.source is None or task.job.target is None
        executor = self._inline if streamed else self._executor
        here: dict[str, Any] = {"alone": alone}
        if isinstance(executor, Inline):
            here = {"alone": True, "progress": slot.told}
        future = executor.submit(convert, task.job, task.conversion, task.manner, taken=task.taken(), **here)
        self._running[future] = slot
        return future

    def _collect(self) -> None:
        """Waits until something has ended, and starts what waited for it."""
        for future in wait(self._running, return_when=FIRST_COMPLETED).done if self._running else ():
            self._take(future, self._running.pop(future))
        if self._lost and not self._running:
            self._retry(self._lost.popleft())
        elif self._large and self._alone is None and not self._lost:
            self._alone = self._start(self._large.popleft(), alone=True)

    def _take(self, future: Future[Ending | None], slot: _Slot) -> None:
        assert slot.task is not None
        if future is self._alone:
            self._alone = None
        try:
            ending = future.result()
        except BrokenExecutor:
            self._lost.append(slot)
        except Exception as error:  # of the executor: it lost a machine, or could not send the task
            self._end(slot, Ending(slot.task.job.name, error=f"{type(error).__name__}: {error}"))
        else:
            if ending is None:
                self._large.append(slot)
            else:
                self._end(slot, ending)

    def _end(self, slot: _Slot, ending: Ending) -> None:
        assert slot.task is not None
        slot.ending = ending
        slot.shown.close()
        self._tell(slot.task, ending)

    def _retry(self, slot: _Slot) -> None:
        assert slot.task is not None
        future = self._start(slot, alone=True)
        del self._running[future]
        try:
            ending = future.result()
        except BrokenExecutor:
            ending = None
        self._end(slot, ending or Ending(slot.task.job.name, error=KILLED))

    def _ended(self) -> Iterator[Ending]:
        while self._slots and (ending := self._slots[0].ending) is not None:
            self._slots.popleft()
            yield ending
