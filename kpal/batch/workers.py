"""Worker processes of this machine."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..stores import Remote, status_of
from .jobs import Job

_TASKS: Final = 64  # handed to an executor of unknown size
_FEW: Final = 32  # files, and
_SMALL: Final = 1 << 18  # bytes of input, below which processes take longer to start than to work


def cores() -> int:
    """The number of cores that this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def engaged(jobs: Sequence[Job], wanted: int | None, executor: Executor | None) -> Iterator[tuple[Executor, int]]:
    """What does the work on jobs, and the number of tasks that it is handed at a time.

    wanted: the number of processes or, with `executor`, of these tasks; None for a suitable number.
    executor: what the user chose instead of processes of this machine.
    """
    if executor is not None:
        yield executor, wanted or _TASKS
    elif (many := _suited(jobs, wanted)) == 1:
        yield Inline(), 1
    else:
        with Processes(many) as pool:
            yield pool, 2 * many


def _suited(jobs: Sequence[Job], wanted: int | None) -> int:
    """The number of processes for so many jobs; 1 for the calling process.

    wanted: by the user; None for one for each core, where they do not take longer to start than to work.
    """
    if any(isinstance(at, Remote) and at.scheme == "memory" for job in jobs for at in (job.source, job.target)):
        return 1  # each process has such a store of its own
    if wanted is None and len(jobs) < _FEW and sum(map(_size, jobs)) < _SMALL:
        return 1
    return min(wanted or cores(), len(jobs))


def _size(job: Job) -> int:
    status = status_of(job.source) if isinstance(job.source, Path) else None
    return (status.size or 0) if status else 0


class Inline(Executor):
    """An executor that runs each task at once, in the calling thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(Executor):
    """A pool of processes that start with the first task, end with this process, and are replaced when one dies.

    The processes ignore the interrupt key, as this process stops them; unfinished files are removed when they stop.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool: ProcessPoolExecutor | None = None
        self._others = set(multiprocessing.active_children())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._count, _context(), _begin)
        try:
            return self._pool.submit(_work, fn, *args, **kwargs)
        except BrokenExecutor:
            self._pool = ProcessPoolExecutor(self._count, _context(), _begin)
            return self._pool.submit(_work, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.stop()

    def stop(self) -> None:
        """Ends the processes in the middle of their work."""
        self.shutdown(wait=False, cancel_futures=True)
        own = [child for child in multiprocessing.active_children() if child not in self._others]
        for child in own:
            child.terminate()
        for child in own:
            child.join()


def _context() -> multiprocessing.context.BaseContext:
    """Processes that start from a clean one: a copy of this one could inherit locks that its threads hold."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kpal.batch.transcode"])  # imported once, for all processes
    _start_server()
    return context


def _start_server() -> None:
    """Starts the process from which the others are forked; it must import nothing from the current folder."""
    from multiprocessing import forkserver

    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _begin() -> None:
    """Prepares a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _work(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Runs a task; ends the process if the task is interrupted, because the pool would go on with the next one."""
    global _busy  # a process has one main thread, and so one task
    _busy = True
    try:
        return fn(*args, **kwargs)
    except SystemExit:
        os._exit(1)
    finally:
        _busy = False


_busy = False


def _leave(number: int, frame: object) -> None:
    """Ends the process; a task that is in work first removes its unfinished file."""
    if not _busy:
        os._exit(1)
    raise SystemExit(128 + number)


def _follow_parent() -> None:
    """Ends this process when its parent has ended, even if that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
