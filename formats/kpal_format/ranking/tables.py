"""Constant tables, initial states, and the memory of a tile (KPAL.md, section 5.3).

Tables have the names that KPAL.md gives them. Compiled, a table is a pointer that `kernel.pyx` declares. In plain
Python it is a list, which is faster to index than a memoryview, or a memoryview of bytes.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython

import numpy as np

if not cython.compiled:
    MASK_32 = 0xFFFFFFFF

FLAG_COUNTS = cython.declare(cython.int, 60)  # the count of a flag's context stops here
SYMBOL_COUNTS = cython.declare(cython.int, 250)  # the count of a distribution stops here
NO_COLOR = cython.declare(cython.uint, 256)
NO_PLACE = cython.declare(cython.int, 255)  # higher than all places of a list

_kept: list = []  # the memory of constant tables, never freed


# Memory.


@cython.cfunc
def allocate(owner: list, kind: str, values: object) -> object:
    """An array of this type code that lives as long as `owner`: these values, or as many zeros as the number says."""
    view = (np.zeros(values, kind) if isinstance(values, int) else np.array(values, kind)).data
    owner.append(view)
    return view


@cython.cfunc
def table(kind: str, values: list) -> object:
    """A constant table."""
    return allocate(_kept, kind, values)


@cython.cfunc
def uchars(view: cython.uchar[::1]) -> cython.p_uchar:
    """A pointer to uint8 numbers."""
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def shorts(view: cython.short[::1]) -> cython.p_short:
    """A pointer to int16 numbers."""
    if cython.compiled:
        return cython.address(view[0])
    return list(view)


@cython.cfunc
def ints(view: cython.int[::1]) -> cython.p_int:
    """A pointer to int32 numbers."""
    if cython.compiled:
        return cython.address(view[0])
    return list(view)


@cython.cfunc
def uints(view: cython.uint[::1]) -> cython.p_uint:
    """A pointer to uint32 numbers."""
    if cython.compiled:
        return cython.address(view[0])
    return list(view)


# Runs of cells.


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def copy_cells(
    target: cython.p_uchar, to: cython.Py_ssize_t, source: cython.p_uchar, at: cython.Py_ssize_t, count: cython.int
) -> cython.void:
    """Copies cells between arrays that do not overlap."""
    i: cython.Py_ssize_t
    if cython.compiled:
        for i in range(count):
            target[to + i] = source[at + i]
    else:
        target[to : to + count] = source[at : at + count]


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def fill_cells(cells: cython.p_uchar, at: cython.Py_ssize_t, count: cython.int, value: cython.uchar) -> cython.void:
    """Sets `count` cells from `at` on."""
    i: cython.Py_ssize_t
    if cython.compiled:
        for i in range(count):
            cells[at + i] = value
    else:
        cells[at : at + count] = bytes((value,)) * count


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def equal_cells(
    a: cython.p_uchar, at: cython.Py_ssize_t, b: cython.p_uchar, of: cython.Py_ssize_t, count: cython.int
) -> cython.bint:
    """Whether runs of cells, of two arrays or of one, are equal."""
    if cython.compiled:
        return memcmp(a + at, b + of, count) == 0
    return a[at : at + count] == b[of : of + count]


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def equal_length(
    a: cython.p_uchar, at: cython.Py_ssize_t, b: cython.p_uchar, of: cython.Py_ssize_t, count: cython.int
) -> cython.int:
    """How many of `count` cells are equal before the first two that are not."""
    if cython.compiled:
        return alike(a + at, b + of, count)
    return equal_bytes(a[at : at + count], b[of : of + count])


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def run_length(cells: cython.p_uchar, at: cython.Py_ssize_t, count: cython.int, value: cython.uchar) -> cython.int:
    """How many of `count` cells from `at` on have this value before the first one that has not."""
    if cython.compiled:
        return run(cells + at, count, value)
    return count - len(bytes(cells[at : at + count]).lstrip(bytes((value,))))


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def pack(a: cython.uint, b: cython.uint, c: cython.uint, d: cython.uint) -> cython.uint:
    """Four pixels in one number of 32 bits, the first one lowest."""
    return a | b << 8 | c << 16 | d << 24


# Bins of ranks: how many bits tell the ranks of a bin apart, the first rank of each bin, and its initial weight.
_BITS = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7]
_FIRST = [sum(1 << bits for bits in _BITS[:i]) for i in range(16)]
_WEIGHTS = [4900, 3400, 2600, 2000, 3400, 2500, 1900, 1600, 2500, 1800, 1500, 1100, 1200, 900, 600, 300]
_EDGES = [1, 3, 5, 7, 8, 12, 17, 23, 33, 46, 66, 93, 133, 188, 267]
# The initial probability, in 1/128, that the first candidate is right, by the states of the long slot (none, confidence
# 1, 2, 3, 4 to 7, 8) and of the short one (none, another colour, the same with confidence 1 or 2, the same with more).
_TRUST = [
    (20, 20, 40, 88),
    (56, 64, 96, 112),
    (88, 80, 104, 116),
    (96, 90, 108, 118),
    (108, 104, 112, 120),
    (120, 120, 122, 126),
]


def even_flags(count: int) -> object:
    """Contexts of flags that know nothing: a probability in the upper 16 bits, a count in the lower."""
    return np.full(count, 32768 << 16, "I")


def slot_flags() -> object:
    """The initial contexts of the first candidate's flag if a slot gives it, first for pixels that are not flat."""
    return np.tile(np.repeat(np.array(_TRUST, "I") << 25 | 1, 128), 2)


def later_flags() -> object:
    """The same in frames after the first: 2 x 3 x 24 x 4 x 8 x 4."""
    return np.tile(slot_flags(), 3)


def west_flags() -> object:
    """The initial contexts of the first candidate's flag if no slot gives it."""
    return np.full(512, 10240 << 16 | 1, "I")


def near_flags() -> object:
    """The initial contexts of the flags for W, N and NE."""
    return np.repeat(np.array((20000, 16000, 10000), "I") << 16, 512)


def even_symbols(count: int) -> list:
    """Distributions of 16 symbols that are equally likely."""
    return [*range(2048, 32768, 2048), 32767] * count


def rank_symbols(count: int, k: int) -> list:
    """The initial distributions of ranks for k colours; bins that no rank falls into get the least probability."""
    weights = [weight * (first < k - 1) for weight, first in zip(_WEIGHTS, _FIRST, strict=True)]
    return ([sum(weights[: j + 1]) * 32000 // sum(weights) + j + 1 for j in range(15)] + [32767]) * count


# What plain Python would take longer for than for the pixels of an icon.


def equal_bytes(a: bytes, b: bytes) -> int:
    """How many bytes are equal before the first two that are not."""
    difference = int.from_bytes(a, "little") ^ int.from_bytes(b, "little")
    return (difference & -difference).bit_length() - 1 >> 3 if difference else len(a)


def distances(color: list) -> object:
    """All distances between colours, uint8 (k, k), for `Lists._measure`; `color` has four channels of each colour."""
    points = np.array(color).reshape(-1, 4)
    return np.minimum((abs(points[:, None] - points).sum(axis=2) + 3) >> 2, 255).astype(np.uint8)


def by_distance(color: list, own: int) -> list:
    """All colours but one, ordered as `Lists.make` orders its list."""
    points = np.array(color).reshape(-1, 4)
    d = (points - points[own]) ** 2 @ np.array((3, 4, 2, 4)) + 8
    e = np.frexp(d)[1] - 4
    order = np.argsort(e << 3 | (d >> e & 7), kind="stable").tolist()
    order.remove(own)
    return order


FLAG_RATE = uints(table("I", [131072 // (2 * n + 5) for n in range(FLAG_COUNTS + 1)]))
SYMBOL_RATE = shorts(table("h", [65536 // (n + 12) for n in range(SYMBOL_COUNTS + 1)]))
GOAL = shorts(table("h", [4 * (j + 1) if j < s else 32767 - 4 * (15 - j) for s in range(16) for j in range(16)]))
ACTIVITY = uchars(table("B", [sum(edge <= i for edge in _EDGES) for i in range(3 * 255 + 1)]))
LEVEL = uchars(table("B", [min(15, (((i + 1) ** 4).bit_length() - 1) // 3) for i in range(4096)]))
BIN = uchars(table("B", [max(i for i in range(16) if _FIRST[i] <= rank) for rank in range(256)]))
BIN_BITS = uchars(table("B", _BITS))
BIN_FIRST = uchars(table("B", _FIRST))
LONG_STATE = uchars(table("B", [0, 4, 8, 12, 16, 16, 16, 16, 20]))  # by the confidence of a slot
SHORT_STATE = uchars(table("B", [0, 2, 2, 3, 3, 3, 3, 3, 3]))
WEAKENED = uchars(table("B", [0, 0, 0, 1, 2, 2, 3, 3, 3]))  # the confidence after another colour came; 0: replace it
