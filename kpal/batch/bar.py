"""A bar of progress on one line of a terminal, with the end of a name where there is no room for all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

_NARROW: Final = 60  # columns of a terminal that has no room for times
_LONGEST: Final = 30  # columns
_ECHO: Final = 3  # columns for the ^C that the terminal shows, which would begin a new line behind a full one


class Bar(Progress):
    """A bar that is removed at its end."""

    def __init__(self, console: Console, *, redirect_stdout: bool) -> None:
        self._label = _Label(Column(ratio=1, no_wrap=True))
        columns: list[ProgressColumn] = [
            self._label,
            BarColumn(min(_LONGEST, console.width // 4)),
            TextColumn("{task.description}", justify="right", markup=False),
        ]
        if console.width >= _NARROW:
            columns.append(TimeRemainingColumn())
        super().__init__(*columns, console=console, transient=True, redirect_stdout=redirect_stdout, expand=True)
        self._only = self.add_task("", total=1.0)

    def show(self, name: str, note: str, fraction: float, amount: str) -> None:
        """Change what is shown from the next refresh on: name and note before the bar, the amount done behind it."""
        self._label.shown = _NameAndNote(name, note)
        self.update(self._only, completed=fraction, description=amount)

    def get_renderables(self) -> Iterable[RenderableType]:
        for renderable in super().get_renderables():
            yield _Shorter(renderable)


class _Shorter:
    """A renderable in less than the width of the terminal."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._renderable, options.update_width(max(1, options.max_width - _ECHO)))


class _Label(ProgressColumn):
    """A column that shows what it is told."""

    shown: RenderableType = ""

    def render(self, task: Task) -> RenderableType:
        return self.shown


class _NameAndNote:
    """A name, cut at its beginning, and a note behind it if there is room for that."""

    def __init__(self, name: str, note: str) -> None:
        self._name, self._note = name, note

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, max(1, cell_len(self._name + self._note)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - cell_len(self._note)
        shown = ending(self._name, room) + self._note if room > 1 else ending(self._name, options.max_width)
        yield Text(shown, no_wrap=True)


def ending(text: str, width: int) -> str:
    """The end of a text that takes up at most `width` columns of a terminal, behind an ellipsis if it is not all."""
    if cell_len(text) <= width:
        return text
    start = 0
    while start < len(text) and cell_len(text[start:]) >= width:
        start += 1
    return "…" + text[start:]
