"""The page of a comparison as a file: naming, writing and opening it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kpal_format import MAX_PIXELS, Progress

from ..batch.jobs import PICTURES, STREAM, Job, UsageError
from ..batch.messages import failures, printable, say
from ..errors import KpalWarning
from ..stores import is_remote, is_same
from .arguments import size

if TYPE_CHECKING:
    from ..comparison.formats import Comparison, Sides

LIMIT: Final = "8M"  # the default size of a page, which every browser opens quickly


class PageFile:
    """A page that shows comparisons, and the file that it becomes.

    options: of `quantize`, as for `compare`.
    limit: the maximum size in bytes.
    """

    def __init__(self, target: Path, options: dict[str, Any], limit: int = size(LIMIT)) -> None:
        from ..comparison.page import Page  # which loads Jinja

        self._target = target
        self._job = Job(None, target, printable(target))
        self._options = options
        self._limit = limit
        self._page = Page(limit, options)
        self.fail = self._page.fail

    def check(self, *, force: bool) -> bool:
        """Whether the file may be written; a message says why not."""
        with failures(self._job.name) as failed:
            self._job.check(force=force)
        return not failed

    def compare(
        self,
        name: str,
        data: bytes,
        *,
        depth: int | None = None,
        max_pixels: int | None = MAX_PIXELS,
        pages: bool = False,
        progress: Progress | None = None,
    ) -> Comparison:
        """`comparison.formats.compare`, with the result on the page."""
        from ..comparison.formats import compare

        sides: list[Sides] = []
        comparison = compare(
            name,
            data,
            depth=depth,
            max_pixels=max_pixels,
            pages=pages,
            progress=progress,
            sides=sides.append,
            **self._options,
        )
        self._page.add(comparison, *sides)
        return comparison

    def write(self) -> bool:
        """Write the file; returns whether that was possible. Warns if it is larger than the limit."""
        with failures(self._job.name) as failed:
            data = self._page.render()
            if len(data) > self._limit:
                warnings.warn(f"without pictures it still has {len(data):,} bytes", KpalWarning, stacklevel=1)
            self._job.write(data)
        return not failed

    def browse(self) -> None:
        """Open the file in the browser; a message says if there is none."""
        import webbrowser

        if not webbrowser.open(self._target.resolve().as_uri()):
            say(f"{self._job.name}: no browser can be opened")


def page_name(text: str, inputs: list[Job]) -> Path:
    """The file that an option names for a page; UsageError if it is an input, or no file for a page."""
    page = Path(text)
    if text in ("", STREAM):
        raise UsageError("--html needs the name of a file")
    if is_remote(text):
        raise UsageError(f"{printable(text)} is a URL; kpal writes files")
    if page.suffix.lower() in PICTURES:
        raise UsageError(f"--html writes a page such as report.html, not {printable(text)}")
    if any(job.source is not None and is_same(page, job.source) for job in inputs):
        raise UsageError(f"the page would take the place of the input {printable(text)}")
    return page
