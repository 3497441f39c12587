"""Tables, hashes and logarithms that the stages share (KPAL.md, section 5.2.1), and their memory.

A table has the name that KPAL.md gives it. Compiled, it is a pointer that `kernel.pyx` declares; in plain Python a
memoryview, which raises where C would go astray.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython

import numpy as np

FLOOR = cython.declare(cython.int, -12288)  # the lowest logarithm: a probability of 2**-12
COUNTS = cython.declare(cython.int, 29)  # a slot counts from 0 to 28
BIAS_COUNTS = cython.declare(cython.int, 256)  # a row of biases counts from 0 to 255
FLAG_COUNTS = cython.declare(cython.int, 99)  # a flag's slot counts from 0 to 98
WIDTHS = cython.declare(cython.int, 8)  # widths of the prior
MOST_WEIGHT = cython.declare(cython.int, 8191)  # the greatest weight of an input in use: 2 - 1/4096
LEARNT_LIMIT = cython.declare(cython.int, 1 << 20)  # learnt weights of flags and hits stay within ±16

_kept: list = []  # the memory of the tables, for good


# Memory.


@cython.cfunc
def allocate(owner: list, kind: str, size: int) -> object:
    """`size` zeros of that type code, which live as long as `owner`."""
    view = np.zeros(size, kind).data  # takes no memory before it is written to
    owner.append(view)
    return view


@cython.cfunc
def uninitialised(owner: list, kind: str, size: int) -> object:
    """Like `allocate`, for numbers that are written before they are read: they begin as anything, at no cost."""
    view = np.empty(size, kind).data
    owner.append(view)
    return view


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
    return view


@cython.cfunc
def ushorts(view: cython.ushort[::1]) -> cython.p_ushort:
    """A pointer to uint16 numbers."""
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def ints(view: cython.int[::1]) -> cython.p_int:
    """A pointer to int32 numbers."""
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def uints(view: cython.uint[::1]) -> cython.p_uint:
    """A pointer to uint32 numbers."""
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def tail(numbers: cython.p_short, start: cython.Py_ssize_t) -> cython.p_short:
    """The numbers from `start` on."""
    if cython.compiled:
        return numbers + start
    return numbers[start:]


@cython.cfunc
def table(kind: str, values: list) -> object:
    """A table of these values that is never freed."""
    view = allocate(_kept, kind, len(values))
    for i, value in enumerate(values):
        view[i] = value
    return view


# Small functions.


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def limit(value: cython.int, most: cython.int) -> cython.int:
    """The value, within -most and most."""
    return min(max(value, -most), most)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def pack(a: cython.uint, b: cython.uint, c: cython.uint, d: cython.uint) -> cython.uint:
    """Four ranks in one number of 32 bits."""
    return a | b << 8 | c << 16 | d << 24


# Hashes have 31 bits: Cython takes no larger literal for a C number.


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def combine(a: cython.uint, b: cython.uint) -> cython.uint:
    """A hash of two numbers."""
    return ((a * 0x2F0B4C47) ^ ((b * 0x1E35A7BD) + 0x3C6EF372)) & 0x7FFFFFFF


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def fold(h: cython.uint) -> cython.uint:
    """Spreads what the high bits know over the low ones, and all of it over the high ones again."""
    return ((h ^ (h >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def hash_key(key: cython.uint) -> cython.uint:
    """The hash of a context's key."""
    return fold((key * 0x2F0B4C47) & 0x7FFFFFFF)


# Logarithms are those of probabilities, in 1/1024 of a bit: never above 0.


def log2(value: int) -> int:
    """The logarithm to base 2 in steps of 1/1024, rounded down, of 1 to 2**31 - 1."""
    bits = value.bit_length() - 1
    mantissa = value << (30 - bits)
    for _ in range(10):
        mantissa = mantissa * mantissa >> 30
        bits *= 2
        if mantissa >> 31:
            mantissa >>= 1
            bits += 1
    return bits


def _exponentials() -> list:
    value, result = 32767 << 32, []
    for _ in range(1024):
        result.append(max(1, (value + (1 << 31)) >> 32))
        value = value * 4248701965 >> 32  # 2 ** (-1 / 64)
    return [*result, 0]  # the last one is that of a symbol that is not possible


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def after(log_p: cython.int, rate: cython.int) -> cython.int:
    """The logarithm of p + (1 - p) * rate / 32768, from that of p: a symbol that has just occurred becomes likelier."""
    v: cython.int = EXP[min(-log_p >> 4, 1023)] * 2
    return LOG[(v + (((65536 - v) * rate) >> 15)) >> 4]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def log(value: cython.uint) -> cython.int:
    """1024 * log2(value) minus a constant; value >= 1."""
    shift: cython.int = 0
    while value >> 12:
        value >>= 1
        shift += 1024
    return LOG[value] + shift


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fraction(part: cython.uint, log_whole: cython.int) -> cython.int:
    """1024 * log2(part / whole), at least FLOOR, by way of the `log` of the whole."""
    if part == 0:
        return FLOOR
    return max(log(part) - log_whole, FLOOR)


ONLY = shorts(table("h", [-(s == i) for i in range(17) for s in range(16)]))  # the mask of a symbol; 16 is none
EXP = ushorts(table("H", _exponentials()))
LOG = shorts(table("h", [max(FLOOR, log2(2 * i + 1) - 13312) for i in range(4096)]))
# How fast a slot adapts, in 1/32768, by the number of symbols it has seen: 0.89 for a new slot down to 0.034.
RATE = [29127, 14692, *(3276800 // (100 * n + 156) for n in range(2, COUNTS))]
DECAY = ints(table("i", [15360 - log2(32768 - rate) for rate in RATE]))
RISE = shorts(table("h", [after(-64 * j - 32, rate) + 64 * j + 32 for rate in RATE for j in range(193)]))
# How fast a bias learns, compared to a weight of a context, by how often its row was used.
BIAS_RATE = ints(table("i", [96 + 56544 // (4 * n + 109) for n in range(BIAS_COUNTS)]))
_flag_rates = [65536 // (2 * n + 3) for n in range(FLAG_COUNTS)]
FLAG_RATE = ints(table("i", _flag_rates))
FLAG_DECAY = ints(table("i", [15360 - log2(32768 - rate) for rate in _flag_rates]))
LEVEL = uchars(table("B", [min(15, (((i + 1) ** 4).bit_length() - 1) // 3) for i in range(4096)]))
TRUST = ints(table("i", [max(65536 // (e * e + 8), 1) for e in range(1276)]))
SPREAD = ints(table("i", [22 * 3**w for w in range(WIDTHS)]))
