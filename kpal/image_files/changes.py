"""What changes from one frame of an animation to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def changed_box(changed: Mask) -> tuple[slice, slice]:
    """The rows and columns around all changed pixels; those of one pixel if there are none, as frames have an area."""
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
