"""Frames for a coder that knows none: all of them below each other, as one tall picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..indexed import U8
from ..parallel import Count


class StackedEncoder:
    def __init__(self, coder: Any, shape: tuple[int, int, int], palette: U8) -> None:
        self._coder, self._palette = coder, palette
        self._frames: list[U8] = []
        self._left = shape[0]
        self._stream = b""

    def write(self, indices: U8, tell: Count | None = None) -> None:
        self._frames.append(indices.copy() if self._left > 1 else indices)
        self._left -= 1
        if not self._left:
            self._stream = self._coder.encode(
                np.concatenate(self._frames) if len(self._frames) > 1 else indices, self._palette, tell
            )

    def finish(self) -> bytes:
        return self._stream


class StackedDecoder:
    def __init__(self, coder: Any, data: Any, shape: tuple[int, int, int], palette: U8, *, partial: bool) -> None:
        self._coder, self._data, self._shape, self._palette, self._partial = coder, data, shape, palette, partial
        self._all: U8 | None = None
        self._at = 0

    def read(self, tell: Count | None = None) -> U8:
        frames, rows, width = self._shape
        if self._all is None:
            self._all = self._coder.decode(
                self._data, (frames * rows, width), self._palette, partial=self._partial, tell=tell
            )
        self._at += 1
        return self._all[(self._at - 1) * rows : self._at * rows]

    def finish(self) -> None:
        pass
