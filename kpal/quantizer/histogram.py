"""The histogram: the distinct colours of an image and their pixel counts, which is all that clustering needs.

A photo of 0.4 megapixels has some 30,000 distinct colours, a screenshot a few thousand. Working on distinct colours
instead of pixels makes an exact quantiser fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8, pulse, tell

from ..color.palettes import with_channels

_Value = TypeVar("_Value", bound=np.generic)

MARGIN: Final = 2

_OPAQUE: Final = 0xFF
_STRIP: Final = 1 << 18  # pixels processed at a time
_MOST_TALLIED: Final = 1 << 21  # all RGB colours of 7 bits a channel; takes some 100 MB


class Colors(Protocol):
    """Distinct colours, uint8 (n, 3 or 4), with their pixel counts and the weights of their pixels, int64 (n,)."""

    @property
    def colors(self) -> U8: ...
    @property
    def counts(self) -> NDArray[np.int64]: ...
    @property
    def weights(self) -> NDArray[np.int64]: ...


class Evenly(NamedTuple):
    """Colours whose pixels all have weight 1."""

    colors: U8
    counts: NDArray[np.int64]

    @property
    def weights(self) -> NDArray[np.int64]:
        return self.counts


class Histogram:
    """The distinct colours of `pixels`, uint8 (h, w, 3) or (h, w, 4), in a fixed order.

    weigh: maps pixels (h, w, c) to their weights, uint8 (h, w), 1 to 255. A weight may depend on pixels at most MARGIN
        rows away. By default, every weight is 1.

    colors: uint8 (n, 3 or 4), distinct.
    counts: int64 (n,), the number of pixels of each colour.
    weights: int64 (n,), the total weight of the pixels of each colour.

    Pixels are processed in strips of rows, so that memory holds little more than the pixels and their colours.
    """

    def __init__(self, pixels: U8, weigh: Callable[[U8], U8] | None = None) -> None:
        self._pixels = pixels
        parts: list[_Counted] = []
        for top, bottom in _strips(pixels):
            tell(top / len(pixels))
            first = max(0, top - MARGIN)
            weights = weigh(pixels[first : bottom + MARGIN])[top - first :][: bottom - top] if weigh else None
            parts.append(_count(pixels[top:bottom], weights))
            if sum(len(part.keys) for part in parts) > _MOST_TALLIED + 2 * len(parts[0].keys):
                parts = [_merged(parts)]
        self._keys, self.counts, self.weights = _merged(parts)
        self.colors: U8 = _unpack(self._keys, pixels.shape[2])

    def positions(self, pixels: U8 | None = None) -> NDArray[np.int32]:
        """The index in `colors` of the colour of each pixel: int32 (h, w).

        pixels: (h, w, 3 or 4), with no other colours; by default, the pixels of the histogram.
        """
        return self._spread(np.arange(len(self.colors), dtype=np.int32), self._pixels if pixels is None else pixels)

    def spread(self, values: NDArray[_Value]) -> NDArray[_Value]:
        """Values for `colors` -> values for pixels: (n,) -> (h, w)."""
        return self._spread(values, self._pixels)

    def _spread(self, values: NDArray[_Value], pixels: U8) -> NDArray[_Value]:
        spread = np.empty(pixels.shape[:2], values.dtype)
        find = _finder(self._keys, values, alpha=pixels.shape[2] == 4)
        for top, bottom in _strips(pixels):
            spread[top:bottom] = find(_pack(pixels[top:bottom])).reshape(bottom - top, -1)
        return spread


def _strips(pixels: U8) -> Iterator[tuple[int, int]]:
    height, width = pixels.shape[:2]
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        pulse()
        yield top, min(top + rows, height)


class _Counted(NamedTuple):
    """Packed colours, uint32 (n,), ascending, with their pixel counts and weights, int64 (n,)."""

    keys: NDArray[np.uint32]
    counts: NDArray[np.int64]
    weights: NDArray[np.int64]


def _count(pixels: U8, weights: U8 | None) -> _Counted:
    tagged: NDArray[Any] = _pack(pixels)
    if weights is None:
        tagged.sort()
        ordered = tagged
    else:  # the weight in the lowest byte is sorted along with the colour
        tagged = (tagged if pixels.shape[2] == 3 else tagged.astype(np.uint64)) << 8
        tagged |= weights.reshape(-1)
        tagged.sort()
        ordered = tagged >> 8
    starts = _starts(ordered)
    counts = np.diff(starts, append=len(ordered))
    sums = counts if weights is None else np.add.reduceat(tagged.astype(np.uint8), starts, dtype=np.int64)
    return _Counted(ordered[starts].astype(np.uint32, copy=False), counts, sums)


def _merged(parts: list[_Counted]) -> _Counted:
    if len(parts) == 1:
        return parts[0]
    keys = np.concatenate([part.keys for part in parts])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = _starts(keys)
    counts, weights = (np.add.reduceat(np.concatenate([p[i] for p in parts])[order], starts) for i in (1, 2))
    return _Counted(keys[starts], counts, weights)


def _starts(ordered: NDArray[Any]) -> NDArray[np.intp]:
    """The indices in an ascending array at which a new value begins."""
    return np.flatnonzero(np.concatenate(((True,), ordered[1:] != ordered[:-1])))


def lookup(colors: U8, values: NDArray[_Value]) -> Callable[[U8], NDArray[_Value]]:
    """A function from pixels, (h, w, c), to values, (h, w); `values`, (n,), are those of `colors`, uint8 (n, c).

    All pixels must have one of these colours.
    """
    keys = _pack(colors[None])
    order = np.argsort(keys)
    find = _finder(keys[order], values[order], alpha=colors.shape[1] == 4)
    return lambda pixels: find(_pack(pixels)).reshape(pixels.shape[:2])


def few_colors(known: U8, pixels: U8, most: int) -> U8 | None:
    """The distinct colours of `known`, uint8 (n, 4), and `pixels`, (h, w, 3 or 4): (m, 4). None if more than `most`."""
    packed = _pack(pixels)
    starts = np.flatnonzero(packed[1:] != packed[:-1]) + 1  # of runs of a colour
    found = _unpack(np.unique(np.append(packed[:1], packed[starts])), pixels.shape[2])
    colors = np.unique(np.vstack((known, with_channels(found, 4))), axis=0) if len(found) <= most else found
    return colors if len(colors) <= most else None


def _finder(
    keys: NDArray[np.uint32], values: NDArray[_Value], *, alpha: bool
) -> Callable[[NDArray[np.uint32]], NDArray[_Value]]:
    """A function that maps packed colours, all of which are in `keys`, to their values."""
    if not alpha:
        return _table(keys, values)
    # A table of 2**32 entries is too large: opaque colours use a table of 2**24, others a binary search.
    opaque = keys >> 24 == _OPAQUE
    table = _table(keys[opaque] & 0xFFFFFF, values[opaque])
    others, other_values = keys[~opaque], values[~opaque]

    def find(packed: NDArray[np.uint32]) -> NDArray[_Value]:
        found = np.empty(len(packed), values.dtype)
        opaque = packed >> 24 == _OPAQUE
        found[opaque] = table(packed[opaque] & 0xFFFFFF)
        found[~opaque] = other_values[np.searchsorted(others, packed[~opaque])]
        return found

    return find


def _table(keys: NDArray[np.uint32], values: NDArray[_Value]) -> Callable[[NDArray[np.uint32]], NDArray[_Value]]:
    table = np.empty(1 << 24, values.dtype)  # only the entries of `keys` are ever written or read
    table[keys] = values
    return lambda packed: table[packed]


def _pack(pixels: U8) -> NDArray[np.uint32]:
    """(h, w, 3 or 4) -> (h * w,), red in the lowest byte whatever the byte order of the machine."""
    four = np.zeros((*pixels.shape[:2], 4), np.uint8)
    four[:, :, : pixels.shape[2]] = pixels
    return four.view("<u4").reshape(-1).astype(np.uint32, copy=False)


def _unpack(keys: NDArray[np.uint32], channels: int) -> U8:
    return np.ascontiguousarray(keys.astype("<u4", copy=False).view(np.uint8).reshape(-1, 4)[:, :channels])


class PooledHistogram:
    """The sum of the histograms of many images, in bounded memory.

    When there are more than `limit` colours, colours that differ only in the lowest bit of each channel are merged into
    their mean; then colours that differ only in the lowest two bits, and so on. The result does not depend on the order
    of the images, nor on the order in which sums are added to each other.

    alpha: whether `colors` has an alpha channel even if all colours are opaque.
    """

    def __init__(self, *, alpha: bool = False, limit: int = _MOST_TALLIED) -> None:
        self.alpha = alpha
        self._limit = limit
        self._shift = 0
        self._sum = _Cells(
            np.empty(0, np.uint32), np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4), np.int64)
        )
        self._added: list[_Cells] = []  # not yet in the sum, because a long sum takes a while to add to
        self._length = 0  # of all that was added

    def add(self, colors: Colors) -> None:
        """Add the histogram of an image."""
        four = np.full((len(colors.colors), 4), _OPAQUE, np.uint8)
        four[:, : colors.colors.shape[1]] = colors.colors
        self._add(_Cells(_pack(four[None]), colors.counts, colors.weights, four * colors.counts[:, None]))

    def merge(self, other: PooledHistogram) -> None:
        """Add the sum of other images."""
        self._shift = max(self._shift, other._shift)
        for cells in (other._sum, *other._added):
            self._add(cells)

    def _add(self, cells: _Cells) -> None:
        self._added.append(cells)
        self._length += len(cells.keys)
        if self._length > max(len(self._sum.keys), _STRIP):
            self._settle()

    def _settle(self) -> None:
        """Takes what was added into the sum."""
        if not self._added:
            return
        parts = [self._sum, *self._added]
        self._added, self._length = [], 0
        self._sum = _coarser(_Cells(*map(np.concatenate, zip(*parts, strict=True))), self._shift)
        while len(self._sum.keys) > self._limit:
            self._shift += 1
            self._sum = _coarser(self._sum, self._shift)

    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        return self.__dict__

    @property
    def coarse(self) -> bool:
        """Whether similar colours are counted together."""
        self._settle()
        return self._shift > 0

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64 (n,), the number of pixels of each colour."""
        self._settle()
        return self._sum.counts

    @property
    def weights(self) -> NDArray[np.int64]:
        """int64 (n,), the total weight of the pixels of each colour."""
        self._settle()
        return self._sum.weights

    @property
    def colors(self) -> U8:
        """uint8 (n, 3), or (n, 4) if any colour is not opaque."""
        self._settle()
        divisor = np.maximum(self._sum.counts, 1)[:, None]
        colors: U8 = ((2 * self._sum.sums + divisor) // (2 * divisor)).astype(np.uint8)
        opaque = not self.alpha and bool((colors[:, 3] == _OPAQUE).all())
        return np.ascontiguousarray(colors[:, :3]) if opaque else colors


def thinned(histogram: Colors, limit: int) -> Colors:
    """The histogram; if it has more than `limit` colours, similar colours are merged into their means."""
    if len(histogram.colors) <= limit:
        return histogram
    pooled = PooledHistogram(alpha=histogram.colors.shape[1] == 4, limit=limit)
    pooled.add(histogram)
    return pooled


class _Cells(NamedTuple):
    """Groups of colours: keys, uint32 (n,); pixel counts, weights, int64 (n,); channel sums of pixels, int64 (n, 4)."""

    keys: NDArray[np.uint32]
    counts: NDArray[np.int64]
    weights: NDArray[np.int64]
    sums: NDArray[np.int64]


def _coarser(cells: _Cells, shift: int) -> _Cells:
    """Joins the groups whose colours differ only in the lowest `shift` bits of each channel."""
    if not len(cells.keys):
        return cells
    keys = cells.keys & np.uint32((0xFF << shift & 0xFF) * 0x01010101)
    order = np.argsort(keys, kind="stable")
    starts = _starts(keys[order])
    counts, weights, sums = (np.add.reduceat(values[order], starts) for values in cells[1:])
    return _Cells(keys[order][starts], counts, weights, sums)
