"""Limits of Pillow, which are global variables, changed for as long as kpal works on a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from PIL import Image, PngImagePlugin

from kpal_format import LimitError, Lock
from kpal_format.metadata import MAX_PARTS


class _Limit:
    """A limit of Pillow. Several threads may need it changed at a time: then the highest of their limits applies."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module, self._name = module, name
        self._lock = Lock()
        self._asked: list[float | None] = []
        self._before: Any = None

    @property
    def usual(self) -> Any:
        """The limit outside of all blocks."""
        return self._before if self._asked else getattr(self._module, self._name)

    @contextmanager
    def at(self, limit: float | None) -> Iterator[None]:
        """Sets the limit in the block, None for no limit; when the last thread leaves, it is what it was before."""
        with self._lock:
            self._before = self.usual
            self._asked.append(limit)
            self._set()
        try:
            yield
        finally:
            with self._lock:
                self._asked.remove(limit)
                self._set()

    def _set(self) -> None:
        highest = max(self._asked, key=lambda limit: float("inf") if limit is None else limit, default=self._before)
        setattr(self._module, self._name, highest)


_TEXT: Final = _Limit(PngImagePlugin, "MAX_TEXT_CHUNK")
_PIXELS: Final = _Limit(Image, "MAX_IMAGE_PIXELS")


@contextmanager
def large_metadata() -> Iterator[None]:
    """Lets Pillow read texts and profiles of PNG files up to the size that a `.kpal` file may hold.

    Raises Pillow's limit of a megabyte for each text or profile; Pillow's limit for their total stays.
    """
    with _TEXT.at(max(_TEXT.usual, MAX_PARTS)):
        yield


@contextmanager
def pixel_limit(max_pixels: int | None) -> Iterator[None]:
    """Lets Pillow open images of up to `max_pixels`, or of any size; LimitError for a larger one."""
    # Pillow warns above its limit, and refuses images above twice its limit.
    with _PIXELS.at(None if max_pixels is None else max_pixels / 2):
        try:
            yield
        except Image.DecompressionBombError as error:
            raise refusal(error) from error


def refusal(error: Image.DecompressionBombError) -> LimitError:
    """Pillow's refusal of a large image, as an error of kpal."""
    found = re.search(r"[0-9]+", str(error))
    limit = round(2 * (Image.MAX_IMAGE_PIXELS or 0))
    return LimitError(f"{found[0] if found else 'its'} pixels are more than the limit, max_pixels={limit}")
