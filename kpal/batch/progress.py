"""The progress of a batch on standard error: one bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import IO, TYPE_CHECKING, Final, cast

from kpal_format import Progress

from .messages import StandardError, say

if TYPE_CHECKING:
    from rich.console import Console

HOW: Final = ("auto", "bar", "plain", "none")

_FIRST_LINE: Final = 2.0  # seconds; shorter work needs no lines
_NEXT_LINE: Final = 5.0


@dataclass(eq=False)  # two inputs may have the same name
class _File:
    """A file in work."""

    name: str
    stage: str = ""
    fraction: float = 0.0


# Draws the fraction of the whole batch, the files done, the file that reported last, and how many others are in work.
_Draw = Callable[[float, int, _File, int], None]


class Display:
    """The files of a batch in work, in any number of threads, and how far each is."""

    def __init__(self, total: int, draw: _Draw | None) -> None:
        self._total, self._draw = total, draw
        self._done = 0
        self._in_work: list[_File] = []
        self._lock = Lock()

    @contextmanager
    def file(self, name: str) -> Iterator[Progress | None]:
        """The work on a file: a callback for its stage, and for the fraction of the whole file that is done.

        None if nothing is displayed, so that nothing need watch the work.
        """
        if self._draw is None:
            yield None
            return
        file = _File(name)
        with self._lock:
            self._in_work.append(file)
        self._tell(file, "", 0.0)
        try:
            yield lambda stage, fraction: self._tell(file, stage, fraction)
        finally:
            with self._lock:
                self._in_work.remove(file)
                self._done += 1
            self._tell(file, file.stage, 1.0)

    def _tell(self, file: _File, stage: str, fraction: float) -> None:
        assert self._draw is not None  # `file` has checked it
        with self._lock:
            file.stage, file.fraction = stage, max(file.fraction, fraction)
            whole = (self._done + sum(each.fraction for each in self._in_work)) / max(self._total, 1)
            self._draw(whole, self._done, file, len(self._in_work) - (file in self._in_work))


@contextmanager
def displayed(total: int, how: str, *, console: Console | None = None) -> Iterator[Display]:
    """A display for `total` files.

    how: one of `HOW`; "auto" is a bar if standard error is a terminal, or else plain lines.
    console: the console to which the caller prints meanwhile, if it shares the terminal.
    """
    if how == "auto":
        how = "bar" if StandardError(sys.stderr).isatty() and os.environ.get("TERM") != "dumb" else "plain"
    if how == "bar":
        with _bar(total, console) as draw:
            yield Display(total, draw)
    else:
        yield Display(total, _lines(total) if how == "plain" else None)


def _lines(total: int) -> _Draw:
    due = time.monotonic() + _FIRST_LINE

    def draw(whole: float, done: int, file: _File, others: int) -> None:
        nonlocal due
        if time.monotonic() < due or done == total:
            return
        due = time.monotonic() + _NEXT_LINE
        files = f"{done} of {total} files, " if total > 1 else ""
        say(f"{files}{_percent(whole)}: {file.name}{file.stage and f', {file.stage}'}{_and(others)}")

    return draw


@contextmanager
def _bar(total: int, console: Console | None) -> Iterator[_Draw]:
    from rich.console import Console

    from .bar import Bar

    console = console or Console(file=cast(IO[str], StandardError(sys.stderr)), force_terminal=True, soft_wrap=True)
    # Standard output goes through rich only if it shares the terminal with the bar: a file must get the exact bytes.
    shared = sys.stdout is not None and sys.stdout.isatty()
    with Bar(console, redirect_stdout=shared) as bar:

        def draw(whole: float, done: int, file: _File, others: int) -> None:
            count = f"{done}/{total}" if total > 1 else ""
            bar.show(file.name, f"{file.stage and f' {file.stage}'}{_and(others)}", whole, f"{count} {_percent(whole)}")

        yield draw


def _percent(fraction: float) -> str:
    return f"{int(100 * fraction)} %"


def _and(others: int) -> str:
    return f" and {others} more" if others else ""
