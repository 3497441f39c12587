"""Which blocks of a frame were elsewhere in the frame before: the encoder's search for motion (KPAL.md, section 5.3.7)."""

from __future__ import annotations

from typing import Final

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
_PRIMES: Final = np.array([0x2F0B4C47, 0x1E35A7BD], np.uint32)

Vectors = list[tuple[int, int]]


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
        if gains[best] < _WORTH:
            break
        vectors.append(tried[best])
        better = counts[best] + _SPARE < wrong
        blocks[better] = len(vectors)
        wrong = np.where(better, counts[best], wrong)
    return vectors, blocks.tobytes()


def _votes(frame: U8, before: U8, changed: NDArray[np.bool_]) -> Vectors:
    """The vectors that most changed patches of a frame ask for."""
    ours = _hashes(frame)[::_PATCH, ::_PATCH]
    theirs = _hashes(before)
    height, width = ours.shape
    tiles = changed[: height * _PATCH, : width * _PATCH].reshape(height, _PATCH, width, _PATCH)
    of_ours = frame[: height * _PATCH, : width * _PATCH].reshape(height, _PATCH, width, _PATCH)
    textured = (of_ours.max(axis=(1, 3)) != of_ours.min(axis=(1, 3))) & tiles.any(axis=(1, 3))
    ys, xs = np.nonzero(textured)
    if not ys.size:
        return []
    keys, where = np.unique(ours[ys, xs], return_inverse=True)
    wanted = np.zeros(1 << 16, bool)
    wanted[keys >> 16] = True
    found_y, found_x = np.nonzero(wanted[theirs >> 16])
    at = np.searchsorted(keys, theirs[found_y, found_x])
    at[at == keys.size] = 0
    real = keys[at] == theirs[found_y, found_x]
    at, found_y, found_x = at[real], found_y[real], found_x[real]
    rare = np.bincount(at, minlength=keys.size)[at] <= _RARE
    at, found_y, found_x = at[rare], found_y[rare], found_x[rare]
    if not at.size:
        return []
    order = np.argsort(at, kind="stable")
    at, found_y, found_x = at[order], found_y[order], found_x[order]
    starts = np.searchsorted(at, where)
    counts = np.bincount(at, minlength=keys.size)[where]
    dys, dxs = [], []
    for i in range(_RARE):
        has = counts > i
        dys.append(found_y[starts[has] + i] - ys[has] * _PATCH)
        dxs.append(found_x[starts[has] + i] - xs[has] * _PATCH)
    dy, dx = np.concatenate(dys), np.concatenate(dxs)
    near = ((dx != 0) | (dy != 0)) & (abs(dx) < _FAR) & (abs(dy) < _FAR)
    codes, votes = np.unique((dy[near] + _FAR) * (2 * _FAR) + dx[near] + _FAR, return_counts=True)
    top = codes[np.argsort(-votes, kind="stable")[:_TRIED]]
    return [(int(code) % (2 * _FAR) - _FAR, int(code) // (2 * _FAR) - _FAR) for code in top]


def _hashes(pixels: U8) -> NDArray[np.uint32]:
    """The hashes of all patches, by their upper left corners."""
    height, width = pixels.shape[0] - _PATCH + 1, pixels.shape[1] - _PATCH + 1
    total = np.zeros((pixels.shape[0], width), np.uint32)
    for i in range(_PATCH):
        total = total * _PRIMES[0] + pixels[:, i : i + width]
    whole = np.zeros((height, width), np.uint32)
    for i in range(_PATCH):
        whole = whole * _PRIMES[1] + total[i : i + height]
    return (whole ^ whole >> 15) * _PRIMES[0]


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
