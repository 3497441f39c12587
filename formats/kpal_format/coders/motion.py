"""The encoder's search for motion (KPAL.md, section 5.3.7): which blocks were elsewhere in the frame before."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..indexed import U8

_BLOCK: Final = 16  # pixels of a side
_PATCH: Final = 8  # pixels of a side of what is looked for
_VECTORS: Final = 4  # of a frame
_TRIED: Final = 8  # vectors
_FAR: Final = 4096
_RARE: Final = 4  # places of a patch that tell where it was
_SPARE: Final = 4  # pixels of a block that a vector must set right
_WORTH: Final = 64  # pixels of a frame that a vector must set right
_PART: Final = 10  # it must set right one in so many of the wrong ones
_ROOM: Final = 1 << 24  # pixels of three frames
_PRIMES: Final = np.array([0x2F0B4C47, 0x1E35A7BD], np.uint32)

Vectors = list[tuple[int, int]]


def may_move(frames: int, rows: int, width: int) -> bool:
    """Whether the frames of a tile may have vectors."""
    return frames > 1 and 3 * rows * width <= _ROOM


def find_motion(frame: U8, before: U8) -> tuple[Vectors, bytes]:
    """The vectors (dx, dy) from blocks to where they were, and for each block 0 or the number of its vector, from 1."""
    changed = frame != before
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size or min(rows[-1] - rows[0], columns[-1] - columns[0]) < _PATCH:
        return [], b""
    area = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    tried = _votes(frame[area], before[area], changed[area])
    if not tried:
        return [], b""
    wrong = _by_blocks(changed)
    blocks = np.zeros(wrong.shape, np.uint8)
    vectors: Vectors = []
    counts = [_by_blocks(_moved(before, dx, dy) != frame) for dx, dy in tried]
    while len(vectors) < _VECTORS:
        gains = [int(np.maximum(wrong - count - _SPARE, 0).sum()) for count in counts]
        best = int(np.argmax(gains))
        if gains[best] < max(_WORTH, int(wrong.sum()) // _PART):
            break
        vectors.append(tried[best])
        better = counts[best] + _SPARE < wrong
        blocks[better] = len(vectors)
        wrong = np.where(better, counts[best], wrong)
    return vectors, blocks.tobytes()


def _votes(frame: U8, before: U8, changed: NDArray[np.bool_]) -> Vectors:
    """The vectors that most changed patches ask for: those to the few places where they were."""
    ours, theirs = _hashes(frame)[::_PATCH, ::_PATCH], _hashes(before)
    ys, xs = np.nonzero(_patches(changed, ours.shape).any(axis=(1, 3)) & _textured(_patches(frame, ours.shape)))
    keys, wanted = np.unique(ours[ys, xs], return_inverse=True)
    if not keys.size:
        return []
    hopeful = np.zeros(1 << 16, bool)  # what cannot match is sorted out first: it is nearly everything
    hopeful[keys >> 16] = True
    found_ys, found_xs = np.nonzero(hopeful[theirs >> 16])
    found = np.searchsorted(keys, theirs[found_ys, found_xs])
    found[found == keys.size] = 0
    same = keys[found] == theirs[found_ys, found_xs]
    order = np.flatnonzero(same)[np.argsort(found[same], kind="stable")]
    found, found_ys, found_xs = found[order], found_ys[order], found_xs[order]
    places = np.bincount(found, minlength=keys.size)
    first = np.cumsum(places) - places
    votes = []
    for i in range(_RARE):
        voters = np.flatnonzero((places[wanted] > i) & (places[wanted] <= _RARE))
        at = first[wanted[voters]] + i
        dx, dy = found_xs[at] - xs[voters] * _PATCH, found_ys[at] - ys[voters] * _PATCH
        real = ((dx != 0) | (dy != 0)) & (abs(dx) < _FAR) & (abs(dy) < _FAR)
        votes.append((dy[real] + _FAR) * 2 * _FAR + dx[real] + _FAR)
    codes, counts = np.unique(np.concatenate(votes), return_counts=True)
    best = codes[np.argsort(-counts, kind="stable")[:_TRIED]].tolist()
    return [(code % (2 * _FAR) - _FAR, code // (2 * _FAR) - _FAR) for code in best]


def _patches(pixels: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The patches whose corners are on the grid, as (rows of patches, rows, columns of patches, columns)."""
    height, width = shape
    return pixels[: height * _PATCH, : width * _PATCH].reshape(height, _PATCH, width, _PATCH)


def _textured(patches: U8) -> NDArray[np.bool_]:
    """Whether a patch has more than one colour."""
    textured: NDArray[np.bool_] = patches.max(axis=(1, 3)) != patches.min(axis=(1, 3))
    return textured


def _hashes(pixels: U8) -> NDArray[np.uint32]:
    """The hashes of all patches, by their upper left corners."""
    height, width = pixels.shape[0] - _PATCH + 1, pixels.shape[1] - _PATCH + 1
    total = np.zeros((pixels.shape[0], width), np.uint32)
    for i in range(_PATCH):
        total = total * _PRIMES[0] + pixels[:, i : i + width]
    whole = np.zeros((height, width), np.uint32)
    for i in range(_PATCH):
        whole = whole * _PRIMES[1] + total[i : i + height]
    mixed: NDArray[np.uint32] = (whole ^ whole >> 15) * _PRIMES[0]
    return mixed


def _moved(before: U8, dx: int, dy: int) -> U8:
    """The frame before as if all its blocks had this vector."""
    rows = np.clip(np.arange(before.shape[0]) + dy, 0, before.shape[0] - 1)
    columns = np.clip(np.arange(before.shape[1]) + dx, 0, before.shape[1] - 1)
    return before[rows][:, columns]


def _by_blocks(wrong: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many pixels of each block are wrong."""
    rows, columns = (np.arange(0, size, _BLOCK) for size in wrong.shape)
    counts: NDArray[np.int64] = np.add.reduceat(np.add.reduceat(wrong, rows, axis=0, dtype=np.int64), columns, axis=1)
    return counts
