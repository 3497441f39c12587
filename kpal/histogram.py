"""The colours of an image and how many pixels have each: everything that clustering needs to know of the pixels.

A photo of 0.4 megapixels has some 30,000 different colours, a screenshot a few thousand; working on those instead
of pixels is what makes an exact quantiser fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

_OPAQUE = 0xFF


class Histogram:
    """The distinct colours of `pixels`, uint8 (h, w, 3) or (h, w, 4), in a fixed order.

    weights: uint8 (h, w), 1 to 255, how much each pixel counts; 1 by default.

    colors: uint8 (n, 3 or 4), distinct.
    counts: int64 (n,), the number of pixels of each.
    weights: int64 (n,), the sum of their weights.
    """

    def __init__(self, pixels: U8, weights: U8 | None = None) -> None:
        self._shape = pixels.shape[:2]
        self._channels = pixels.shape[2]
        self._packed = _pack(pixels)
        if weights is None:
            ordered = np.sort(self._packed)
        else:  # weights are sorted along in the lowest byte
            tagged = self._packed if self._channels == 3 else self._packed.astype(np.uint64)
            tagged = tagged << 8
            tagged |= weights.reshape(-1)
            tagged.sort()
            ordered = tagged >> 8
        starts = np.flatnonzero(np.concatenate(((True,), ordered[1:] != ordered[:-1])))
        self._keys = ordered[starts].astype(np.uint32, copy=False)
        self.counts: NDArray[np.int64] = np.diff(starts, append=len(ordered))
        self.weights = self.counts
        if weights is not None:
            self.weights = np.add.reduceat(tagged.astype(np.uint8), starts, dtype=np.int64)
        self.colors: U8 = _unpack(self._keys, self._channels)

    def spread(self, values: U8) -> U8:
        """A value for each of `colors` -> a value for each pixel: uint8 (n,) -> uint8 (h, w)."""
        if self._channels == 3:
            spread = _look_up(self._packed, self._keys, values)
        else:  # a table of 2**32 entries is too large: opaque colours go through one of 2**24, the rest is searched for
            opaque_keys, opaque = self._keys >> 24 == _OPAQUE, self._packed >> 24 == _OPAQUE
            spread = np.empty(len(self._packed), np.uint8)
            spread[opaque] = _look_up(
                self._packed[opaque] & 0xFFFFFF, self._keys[opaque_keys] & 0xFFFFFF, values[opaque_keys]
            )
            keys = self._keys[~opaque_keys]
            spread[~opaque] = values[~opaque_keys][np.searchsorted(keys, self._packed[~opaque])]
        return spread.reshape(self._shape)


def _look_up(packed: NDArray[np.uint32], keys: NDArray[np.uint32], values: U8) -> U8:
    table = np.empty(1 << 24, np.uint8)  # only the entries of `keys` are ever touched
    table[keys] = values
    return table[packed]


def _pack(pixels: U8) -> NDArray[np.uint32]:
    """(h, w, 3 or 4) -> (h * w,) numbers, red in the lowest byte whatever the machine's byte order."""
    four = np.zeros((*pixels.shape[:2], 4), np.uint8)
    four[:, :, : pixels.shape[2]] = pixels
    return four.view("<u4").reshape(-1).astype(np.uint32, copy=False)


def _unpack(keys: NDArray[np.uint32], channels: int) -> U8:
    return np.ascontiguousarray(keys.astype("<u4", copy=False).view(np.uint8).reshape(-1, 4)[:, :channels])
