"""Tiles as the coders `fast`, `mix` and `max` take them."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..errors import DamagedError
from ..indexed import U8

_MAX_CELLS: Final = 1 << 27  # cells of a tile including margins; every position must fit an int
_MAX_COLUMNS: Final = 1 << 22  # each column takes about 32 bytes


def check_size(shape: tuple[int, int], coder: str) -> None:
    """Raises DamagedError for a tile of more rows or columns than these coders allow (KPAL.md, section 5.2)."""
    rows, width = shape
    if width > _MAX_COLUMNS or (rows + 3) * (width + 16) > _MAX_CELLS:
        raise DamagedError(f"index stream: a tile of {width} x {rows} pixels is too large for the coder {coder}")


def rgba(palette: U8) -> bytes:
    """The palette as flat bytes, four for each colour."""
    full = np.full((len(palette), 4), 255, np.uint8)
    full[:, : palette.shape[1]] = palette
    return full.tobytes()
