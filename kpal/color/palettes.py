"""Palettes: their order, their channels, and the checks of a palette that a caller gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kpal_format import MAX_COLORS, U8, morton_keys


def sorted_palette(colors: U8) -> U8:
    """The distinct colours of `colors`, uint8 (n, 3 or 4), along a Morton curve.

    A file stores such a palette in the fewest bytes.
    """
    _, first = np.unique(morton_keys(colors), return_index=True)
    ordered: U8 = colors[first]
    return ordered


def among(colors: U8, others: U8) -> NDArray[np.bool_]:
    """Which of `colors`, uint8 (n, 3 or 4), are in `others`, (m, 3 or 4): (n,)."""
    found: NDArray[np.bool_] = (colors[:, None] == others).all(axis=2).any(axis=1)
    return found


def with_channels(colors: U8, channels: int) -> U8:
    """Colours, uint8 (..., 3 or 4), with 3 or 4 channels; a new alpha channel is opaque."""
    if colors.shape[-1] >= channels:
        return colors[..., :channels]
    return np.concatenate((colors, np.full((*colors.shape[:-1], 1), 255, np.uint8)), axis=-1)


def as_palette(palette: ArrayLike, name: str = "palette") -> U8:
    """The palette that a caller gives, as uint8 (k, 3) or (k, 4).

    palette: numbers 0..255 of that shape; `name` is what errors call it.

    Raises TypeError or ValueError that says what would be right.
    """
    try:
        array: NDArray[Any] = np.asarray(palette)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must have the shape (1..{MAX_COLORS}, 3 or 4)") from error
    if array.size == 0:
        raise ValueError(f"{name} must have at least one colour")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold whole numbers from 0 to 255, not {array.dtype}")
    if array.ndim != 2 or array.shape[1] not in (3, 4) or not 1 <= len(array) <= MAX_COLORS:
        raise ValueError(f"{name} must have the shape (1..{MAX_COLORS}, 3 or 4), not {array.shape}")
    if array.min() < 0 or array.max() > 255:
        raise ValueError(f"{name} must hold whole numbers from 0 to 255, not {array.min()} to {array.max()}")
    return array.astype(np.uint8)
