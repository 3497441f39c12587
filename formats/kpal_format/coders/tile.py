"""What the coders `fast`, `mix` and `max` have in common about tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from ..errors import DamagedError
from ..indexed import U8

_MOST_CELLS: Final = 1 << 27  # with margins; so that every position fits an int
_MOST_COLUMNS: Final = 1 << 22  # each of which takes some 32 bytes

Tell = Callable[[int], object]  # called with the number of pixels coded since its last call; what it raises ends work


def check_size(rows: int, width: int, coder: str) -> None:
    """Raises DamagedError for a tile of more pixels than these coders may be given (KPAL.md, section 5.2)."""
    if width > _MOST_COLUMNS or (rows + 3) * (width + 16) > _MOST_CELLS:
        raise DamagedError(f"index stream: a tile of {width} x {rows} pixels is too large for the coder {coder}")


def rgba(palette: U8) -> bytes:
    """The palette as flat bytes, four a colour."""
    full = np.full((len(palette), 4), 255, np.uint8)
    full[:, : palette.shape[1]] = palette
    return full.tobytes()
