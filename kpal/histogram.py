"""The colours of an image and how many pixels have each: everything that clustering needs to know of the pixels.

A photo of 0.4 megapixels has some 30,000 different colours, a screenshot a few thousand; working on those instead
of pixels is what makes an exact quantiser fast.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

_OPAQUE = 0xFF
_MOST_TALLIED = 1 << 21  # with one bit a channel less, all RGB colours fit; some 100 MB


class Colors(Protocol):
    """Distinct colours, uint8 (n, 3 or 4), how many pixels have each, and how much those count: int64 (n,)."""

    @property
    def colors(self) -> U8: ...
    @property
    def counts(self) -> NDArray[np.int64]: ...
    @property
    def weights(self) -> NDArray[np.int64]: ...


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
        ordered: NDArray[Any]
        if weights is None:
            ordered = np.sort(self._packed)
        else:  # weights are sorted along in the lowest byte
            tagged: NDArray[Any] = self._packed if self._channels == 3 else self._packed.astype(np.uint64)
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


class Tally:
    """The colours of many images, and how many pixels have each: histograms added up, in bounded memory.

    As soon as there are more than `limit` colours, those that share all but the lowest bit of each channel become one,
    with their mean; then the lowest two, and so on. What comes out does not depend on the order of the images.

    alpha: whether `colors` has it even where all are opaque.
    """

    def __init__(self, *, alpha: bool = False, limit: int = _MOST_TALLIED) -> None:
        self._alpha = alpha
        self._limit = limit
        self._shift = 0
        self._cells = np.empty(0, np.uint32)
        self._counts = np.empty(0, np.int64)
        self._weights = np.empty(0, np.int64)
        self._sums = np.empty((0, 4), np.int64)  # of the colours of all pixels

    def add(self, histogram: Histogram) -> None:
        colors = np.full((len(histogram.colors), 4), _OPAQUE, np.uint8)
        colors[:, : histogram.colors.shape[1]] = histogram.colors
        self._cells = np.concatenate((self._cells, _pack(colors[None])))
        self._counts = np.concatenate((self._counts, histogram.counts))
        self._weights = np.concatenate((self._weights, histogram.weights))
        self._sums = np.concatenate((self._sums, colors * histogram.counts[:, None]))
        self._merge()
        while len(self._cells) > self._limit:
            self._shift += 1
            self._merge()

    def _merge(self) -> None:
        kept = (0xFF << self._shift & 0xFF) * 0x01010101
        cells = self._cells & np.uint32(kept)
        order = np.argsort(cells, kind="stable")
        starts = np.flatnonzero(np.diff(cells[order], prepend=cells[order][:1] ^ np.uint32(1)))
        self._cells = cells[order][starts]
        self._counts = np.add.reduceat(self._counts[order], starts)
        self._weights = np.add.reduceat(self._weights[order], starts)
        self._sums = np.add.reduceat(self._sums[order], starts)

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64 (n,), the number of pixels of each colour."""
        return self._counts

    @property
    def weights(self) -> NDArray[np.int64]:
        """int64 (n,), how much they count."""
        return self._weights

    @property
    def colors(self) -> U8:
        """uint8 (n, 3), or (n, 4) where one is not opaque."""
        divisor = np.maximum(self._counts, 1)[:, None]
        colors: U8 = ((2 * self._sums + divisor) // (2 * divisor)).astype(np.uint8)
        opaque = not self._alpha and bool((colors[:, 3] == _OPAQUE).all())
        return np.ascontiguousarray(colors[:, :3]) if opaque else colors
