# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The inner loop of the coder `fast` (KPAL.md, section 5.3), compiled where there is a C compiler.

One source for both forms: Cython's pure Python mode compiles it; without a compiler it runs as plain Python with the
same bytes. Encoder and decoder are one loop, too: `_bit`, `_symbol` and `_raw` write the value they are given, or
read and return one.

A pixel's way: row flag -> span flag -> two hash slots, whose symbol is the first candidate -> flags for W, N and NE ->
rank in the adaptive colour list of X, the better predictor of W and N. All models adapt at once, each by itself:
nothing is mixed, and no colour is calculated but for the tables made before the first pixel.

Why no stream can hurt the compiled loop: `_begin` and `_refill` alone see the stream, and read zeros past its end. What
comes of it is a bit, a symbol from 0 to 15, or a raw number below 2**n with n <= 13. A rank is limited to the k - 1
entries of a list, all of them indices below k; a place in a span is limited to the span, which ends within the row.
So all pixels are below k. Each index into a table is made of pixels (8 bits), of a hash masked to the size of its
table, of a context whose parts are limited where they are put together, or of a count that stops at the table's last
entry. The confidence in a slot is from 0 to 8 and its symbol a pixel. Probabilities stay in 1..65535 and the steps of
a distribution at least 1 apart (`_bit`, `_adapt`), so the range never becomes 0 and nothing is divided by 0.
An encoder reserves _MOST_BYTES for each pixel before it begins with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

try:
    import cython
except ImportError:
    from .. import _cython as cython

COMPILED = cython.compiled

_MARGIN = cython.declare(cython.int, 4)  # cells on either side of a row
_MOST_SPAN = cython.declare(cython.int, 8192)  # pixels
_STEP = cython.declare(cython.int, 8192)  # pixels between two calls of `tell`, less the last span
_FREE_STEP = cython.declare(cython.int, 1 << 16)  # pixels that are coded in one go if nobody is to be told
_MOST_TOLD = cython.declare(cython.int, 1 << 14)  # pixels
_MOST_BYTES = cython.declare(cython.int, 28)  # a pixel: at most 10 flags of 16 bits, 2 symbols of 15, 19 raw bits
_BIT_COUNT = cython.declare(cython.int, 60)  # the last count of a flag's context
_SYMBOL_COUNT = cython.declare(cython.int, 250)  # ... and of a distribution
_SETTLED = cython.declare(cython.uint, 256)  # ranks coded from a list before its colours rise more slowly
_NO_PLACE = cython.declare(cython.int, 255)  # behind all places of a list
_NO_COLOR = cython.declare(cython.uint, 256)

_Coder = cython.struct(
    range=cython.uint,
    code=cython.uint,  # decoding: where in the range the stream is
    low=cython.ulonglong,  # encoding: where the range begins
    stream=cython.p_uchar,
    at=cython.longlong,
    size=cython.longlong,
)

# Bins of ranks: the first rank of each, and how many bits tell the ranks of a bin apart.
_BIN_BITS_OF = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7)
_BIN_FIRST_OF = tuple(sum(1 << bits for bits in _BIN_BITS_OF[:i]) for i in range(16))
_BIN_WEIGHTS = (4900, 3400, 2600, 2000, 3400, 2500, 1900, 1600, 2500, 1800, 1500, 1100, 1200, 900, 600, 300)
_ACTIVITY_EDGES = (1, 3, 5, 7, 8, 12, 17, 23, 33, 46, 66, 93, 133, 188, 267)
# The first probability, in 1/128, that the first candidate is right: by the confidence in the long slot (none, 1, 2,
# 3, 4 to 7, 8) and by what the short one says (nothing, another colour, the same with confidence 1 or 2, with more).
_TRUST = (
    (20, 20, 40, 88),
    (56, 64, 96, 112),
    (88, 80, 104, 116),
    (96, 90, 108, 118),
    (108, 104, 112, 120),
    (120, 120, 122, 126),
)


def _buffer(kind: str, size: int) -> memoryview:
    """`size` zeros of that type code."""
    return memoryview(bytearray(size * memoryview(bytes(8)).cast(kind).itemsize)).cast(kind)


def _table(kind: str, values: list[int]) -> memoryview:
    view = _buffer(kind, len(values))
    for i, value in enumerate(values):
        view[i] = value
    return view


def _first_bins(k: int) -> list[int]:
    """The first distribution of ranks for a palette of k: nothing but the least in bins that no rank falls into."""
    weights = [weight * (first < k - 1) for weight, first in zip(_BIN_WEIGHTS, _BIN_FIRST_OF, strict=True)]
    return [sum(weights[: j + 1]) * 32000 // sum(weights) + j + 1 for j in range(15)] + [32767]


def _bin_of(rank: int) -> int:
    return max(i for i in range(16) if _BIN_FIRST_OF[i] <= rank)


# The first states of contexts: the probability of a 1 in the upper 16 bits, the count in the lower.
_EVEN = _table("I", [32768 << 16] * 256)
_SLOT_FLAGS = _table("I", [chance << 25 | 1 for group in _TRUST for chance in group for _ in range(64)] * 2)
_WEST_FLAGS = _table("I", [10240 << 16 | 1] * 512)
_NEAR_FLAGS = _table("I", [chance << 16 for chance in (20000, 16000, 10000) for _ in range(512)])
_EVEN_SYMBOLS = _table("h", [*range(2048, 32768, 2048), 32767] * 16)
_BIT_RATE = _table("I", [131072 // (2 * n + 5) for n in range(_BIT_COUNT + 1)])
_SYMBOL_RATE = _table("h", [65536 // (n + 12) for n in range(_SYMBOL_COUNT + 1)])
_TOWARD = _table("h", [4 * (i + 1) if i < s else 32767 - 4 * (15 - i) for s in range(16) for i in range(16)])
_ACTIVITY = _table("B", [sum(edge <= i for edge in _ACTIVITY_EDGES) for i in range(3 * 255 + 1)])
_LEVEL = _table("B", [min(15, (((i + 1) ** 4).bit_length() - 1) // 3) for i in range(4096)])
_BIN = _table("B", [_bin_of(rank) for rank in range(256)])
_BIN_BITS = _table("B", list(_BIN_BITS_OF))
_BIN_FIRST = _table("B", list(_BIN_FIRST_OF))
_LONG_STATE = _table("B", [0, 4, 8, 12, 16, 16, 16, 16, 20])  # of a slot's confidence
_SHORT_STATE = _table("B", [0, 2, 2, 3, 3, 3, 3, 3, 3])
_LESS_SURE = _table("B", [0, 0, 0, 1, 2, 2, 3, 3, 3])  # confidence after another symbol came; 0: the symbol changes


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _word(value: cython.uint) -> cython.uint:
    """The lowest 32 bits, which C keeps by itself."""
    if cython.compiled:
        return value
    return value & 0xFFFFFFFF


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _times(a: cython.uint, b: cython.uint) -> cython.uint:
    """The product's lowest 32 bits: Math.imul."""
    return _word(a * b)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _packed(a: cython.uint, b: cython.uint, c: cython.uint, d: cython.uint) -> cython.uint:
    return a | b << 8 | c << 16 | d << 24


# --- the range coder


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _refill(coder: cython.pointer(_Coder)) -> cython.void:
    """Decoding: takes bytes of the stream until the range has more than 24 bits."""
    byte: cython.uint
    while coder.range < 0x1000000:
        byte = 0
        if coder.at < coder.size:
            byte = coder.stream[coder.at]
        coder.at += 1
        coder.range <<= 8
        coder.code = (coder.code & 0xFFFFFF) << 8 | byte


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _carry(coder: cython.pointer(_Coder)) -> cython.void:
    """Encoding: adds to the bytes already written what overflowed."""
    at: cython.longlong = coder.at - 1
    coder.low = coder.low & 0xFFFFFF | (coder.low >> 24 & 255) << 24  # without the bit that is carried
    while at > 0 and coder.stream[at] == 255:
        coder.stream[at] = 0
        at -= 1
    coder.stream[at] += 1


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _put(coder: cython.pointer(_Coder)) -> cython.void:
    """Encoding: writes the highest byte of the range's beginning."""
    coder.stream[coder.at] = cython.cast(cython.uchar, coder.low >> 24)
    coder.at += 1
    coder.low = (coder.low & 0xFFFFFF) << 8


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _narrow(
    coder: cython.pointer(_Coder), decoding: cython.bint, below: cython.uint, width: cython.uint
) -> cython.void:
    """Goes on in the part of the range that begins at `below`."""
    coder.range = width
    if decoding:
        coder.code = _word(coder.code - below)
        _refill(coder)
    else:
        coder.low += below
        if coder.low >> 32:
            _carry(coder)
        while coder.range < 0x1000000:
            coder.range <<= 8
            _put(coder)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _bit(
    coder: cython.pointer(_Coder),
    decoding: cython.bint,
    contexts: cython.p_uint,
    at: cython.int,
    rates: cython.p_uint,
    bit: cython.bint,
) -> cython.bint:
    """A flag; its context holds the probability of a 1, of 65536, in the upper 16 bits and a count in the lower."""
    state: cython.uint = contexts[at]
    p: cython.uint = state >> 16
    count: cython.int = state & 0xFFFF
    bound: cython.uint = (coder.range >> 16) * p
    if decoding:
        bit = coder.code < bound
    state += count < _BIT_COUNT
    if bit:
        contexts[at] = state + ((65536 - p) * rates[count] >> 16 << 16)
        _narrow(coder, decoding, 0, bound)
    else:
        contexts[at] = state - (p * rates[count] >> 16 << 16)
        _narrow(coder, decoding, bound, coder.range - bound)
    return bit


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _raw(coder: cython.pointer(_Coder), decoding: cython.bint, bits: cython.int, value: cython.uint) -> cython.uint:
    """A number of so many bits, all its values equally likely."""
    unit: cython.uint = coder.range >> bits
    most: cython.uint = 1
    most = (most << bits) - 1
    if decoding:
        value = coder.code // unit
        if value > most:
            value = most
    _narrow(coder, decoding, unit * value, unit)
    return value


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _symbol(
    coder: cython.pointer(_Coder),
    decoding: cython.bint,
    distributions: cython.p_short,
    counts: cython.p_uchar,
    at: cython.int,
    rates: cython.p_short,
    toward: cython.p_short,
    lanes: cython.Py_ssize_t,
    symbol: cython.int,
) -> cython.int:
    """One of 16 symbols; its distribution holds, of 32768, how much is below the end of each."""
    first: cython.int = at << 4
    unit: cython.uint = coder.range >> 15
    target: cython.uint
    below: cython.uint = 0
    end: cython.uint
    if decoding:
        target = coder.code // unit
        if target > 32766:
            target = 32766
        symbol = _place(distributions, first, cython.cast(cython.short, target), lanes)
    if symbol:
        end = distributions[first + symbol - 1]
        below = unit * end
    end = distributions[first + symbol]
    end = unit * end if symbol < 15 else coder.range
    _adapt(distributions, first, toward, symbol << 4, rates[counts[at]], lanes)
    counts[at] += counts[at] < _SYMBOL_COUNT
    _narrow(coder, decoding, below, end - below)
    return symbol


# The compiler makes vector instructions of these two loops: as functions of their own, not knowing how often they run.


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _place(
    distributions: cython.p_short, first: cython.Py_ssize_t, target: cython.short, lanes: cython.Py_ssize_t
) -> cython.int:
    """The symbol that the target is in."""
    if cython.compiled:
        cumulative: cython.p_short = distributions + first
        symbol: cython.short = 0
        s: cython.Py_ssize_t
        for s in range(lanes & -16):
            symbol += cumulative[s] <= target
        return symbol
    return bisect_right(distributions, target, first, first + 16) - first


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _adapt(
    distributions: cython.p_short,
    first: cython.Py_ssize_t,
    toward: cython.p_short,
    goal: cython.Py_ssize_t,
    rate: cython.short,
    lanes: cython.Py_ssize_t,
) -> cython.void:
    """Moves a distribution toward one that has nearly all in the symbol that came.

    Neighbouring ends stay apart: the goals of two of them differ by 4 at least. If the ends differ by d <= 4, then the
    upper one is as far below its goal as the lower one, or farther, and so moves up at least as far: d stays or grows.
    If d > 4, they come nearer by less than the part `rate` of d - 4, rounded up, which leaves 4.
    """
    if cython.compiled:
        cumulative: cython.p_short = distributions + first
        aim: cython.p_short = toward + goal
        s: cython.Py_ssize_t
        for s in range(lanes & -16):
            cumulative[s] = cumulative[s] + cython.cast(
                cython.short, (cython.cast(cython.short, aim[s] - cumulative[s]) * rate) >> 16
            )
    else:
        distributions[first : first + 16] = [
            end + ((aim - end) * rate >> 16)
            for end, aim in zip(distributions[first : first + 16], toward[goal : goal + 16], strict=True)
        ]


# --- hash slots: a check (8 bits), 8 bits of nothing, a symbol (8) and the confidence in it (8; 0 for an empty slot)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _learned(slot: cython.uint, key: cython.uint, symbol: cython.uint, less_sure: cython.p_uchar) -> cython.uint:
    """What a slot becomes when that symbol came; the slot is 0 if it is another key's."""
    confidence: cython.uint = slot & 255
    if confidence and (slot >> 8 & 255) == symbol:
        return slot + (confidence < 8)
    confidence = less_sure[confidence]
    if confidence:
        return slot >> 8 << 8 | confidence
    return key >> 24 << 24 | symbol << 8 | 1


@cython.final
@cython.cclass
class Tile:
    """One tile on its way through the coder, in one direction.

    colors: the palette as uint8 (k, 4) RGBA, k >= 2, flat bytes.
    data: the stream to decode; None to encode.
    """

    decoding: cython.bint
    colors: cython.int  # 2..256
    width: cython.int  # pixels
    rows: cython.int
    # where the loop is
    x: cython.int  # 0..width
    y: cython.int  # 0..rows
    change: cython.int  # the column where the row above becomes another colour
    same_rows: cython.int  # the last three row flags
    spans: cython.int  # the last two span flags
    picture: cython.p_uchar  # what is coded, rows x width indices
    cells: cython.p_uchar  # three rows with margins, row y at y % 3
    stride: cython.int  # cells from one of them to the next
    coder: _Coder
    # tables of colours
    color: cython.p_int  # of an index: four premultiplied channels
    distance: cython.p_uchar  # of two indices: 0..255, a quarter of the sum of absolute differences
    ranked: cython.p_uchar  # of an index and a place: the colour there, 256 x 256
    place: cython.p_uchar  # of two indices: the place of the second in the list of the first
    made: cython.p_uchar  # of an index: whether it has a list
    settled: cython.p_uint  # ... and how many ranks were coded from it
    mean: cython.p_uchar  # ... and the running mean of their bins, 0..240
    # slots
    long_slots: cython.p_uint
    short_slots: cython.p_uint
    mask: cython.uint  # of a slot's index
    # contexts of flags
    row_flags: cython.p_uint  # 8
    span_flags: cython.p_uint  # 256
    slot_flags: cython.p_uint  # 2 x 24 x 4 x 16
    west_flags: cython.p_uint  # 8 x 64
    second_flags: cython.p_uint  # 5 x 3 x 16
    near_flags: cython.p_uint  # 3 x 4 x 64 x 2
    number_flags: cython.p_uint  # 16 x 4
    rank_flags: cython.p_uint  # 16
    # distributions of symbols
    number_symbols: cython.p_short  # 16
    number_counts: cython.p_uchar
    rank_symbols: cython.p_short  # 17
    rank_counts: cython.p_uchar
    lanes: cython.Py_ssize_t  # 16, which the compiler is not to know
    # constants
    bit_rate: cython.p_uint
    symbol_rate: cython.p_short
    toward: cython.p_short
    activity: cython.p_uchar
    level: cython.p_uchar
    bins: cython.p_uchar
    bin_bits: cython.p_uchar
    bin_first: cython.p_uchar
    long_state: cython.p_uchar
    short_state: cython.p_uchar
    less_sure: cython.p_uchar
    stream: object
    view: object
    owners: list

    def __init__(self, colors: bytes, width: int, rows: int, data: bytes | None) -> None:
        k = len(colors) // 4
        self.owners = []
        if not cython.compiled:
            self.coder = cython.declare(_Coder)
        self.colors, self.width, self.rows = k, width, rows
        self.x = self.y = self.change = self.same_rows = self.spans = 0
        self.lanes = 16
        self.stride = width + 2 * _MARGIN
        bits = min(max((width * rows - 1).bit_length(), 8), 18)
        self.mask = (1 << bits) - 1
        self.cells = _uchars(self._own("B", 3 * self.stride))
        self.color = _ints(self._own("i", 4 * k))
        self.distance = _uchars(self._own("B", 256 * 256))
        self.ranked = _uchars(self._own("B", 256 * 256))
        self.place = _uchars(self._own("B", 256 * 256))
        self.made = _uchars(self._own("B", 256))
        self.settled = _uints(self._own("I", 256))
        self.mean = _uchars(self._own("B", 256))
        self.long_slots = _uints(self._own("I", 1 << bits))
        self.short_slots = _uints(self._own("I", 1 << bits))
        self.row_flags = _uints(self._own("I", 8, _EVEN))
        self.span_flags = _uints(self._own("I", 256, _EVEN))
        self.slot_flags = _uints(self._own("I", 3072, _SLOT_FLAGS))
        self.west_flags = _uints(self._own("I", 512, _WEST_FLAGS))
        self.second_flags = _uints(self._own("I", 240, _EVEN))
        self.near_flags = _uints(self._own("I", 1536, _NEAR_FLAGS))
        self.number_flags = _uints(self._own("I", 64, _EVEN))
        self.rank_flags = _uints(self._own("I", 16, _EVEN))
        self.number_symbols = _shorts(self._own("h", 256, _EVEN_SYMBOLS))
        self.number_counts = _uchars(self._own("B", 16))
        self.rank_symbols = _shorts(self._own("h", 17 * 16, _table("h", _first_bins(k) * 17)))
        self.rank_counts = _uchars(self._own("B", 17))
        self.bit_rate, self.symbol_rate, self.toward = _uints(_BIT_RATE), _shorts(_SYMBOL_RATE), _shorts(_TOWARD)
        self.activity, self.level = _uchars(_ACTIVITY), _uchars(_LEVEL)
        self.bins, self.bin_bits, self.bin_first = _uchars(_BIN), _uchars(_BIN_BITS), _uchars(_BIN_FIRST)
        self.long_state, self.short_state = _uchars(_LONG_STATE), _uchars(_SHORT_STATE)
        self.less_sure = _uchars(_LESS_SURE)
        self._measure(colors)
        self.decoding = data is not None
        self._begin(data)

    @cython.cfunc
    def _own(self, kind: str, size: int, values: object = None) -> object:
        """A buffer of this tile's own: zeros, or the first of these values."""
        buffer = _buffer(kind, size)
        if values is not None:
            buffer[:] = values[:size]
        self.owners.append(buffer)
        return buffer

    @cython.cfunc
    def _measure(self, colors: bytes) -> object:
        """Premultiplied colours and their distances."""
        i: cython.int
        j: cython.int
        c: cython.int
        d: cython.int
        k: cython.int = self.colors
        alpha: cython.int
        color: cython.p_int = self.color
        for i in range(k):
            alpha = colors[4 * i + 3]
            color[4 * i + 3] = alpha
            for c in range(3):
                color[4 * i + c] = (colors[4 * i + c] * alpha + 127) // 255
        for i in range(k):
            for j in range(i):
                d = 3
                for c in range(4):
                    d += abs(color[4 * i + c] - color[4 * j + c])
                d = min(d >> 2, 255)
                self.distance[i << 8 | j] = self.distance[j << 8 | i] = d
        return None

    @cython.cfunc
    def _begin(self, data: bytes | None) -> object:
        self.coder.range = 0xFFFFFFFF
        self.coder.code = 0
        self.coder.low = 0
        self.coder.at = 0
        self._use(bytearray(1 << 12 if data is None else data or b"\0"))
        if data is not None:
            for _ in range(4):
                byte: cython.uint = self.stream[self.coder.at] if self.coder.at < self.coder.size else 0
                self.coder.code = self.coder.code << 8 | byte
                self.coder.at += 1
        return None

    @cython.cfunc
    def _use(self, buffer: bytearray) -> object:
        self.stream = buffer
        view: cython.uchar[::1] = memoryview(buffer)
        self.view = view
        self.coder.stream = _uchars(view)
        self.coder.size = len(buffer)
        return None

    @cython.cfunc
    def _reserve(self, size: cython.longlong) -> object:
        """Makes room for `size` bytes more to be written."""
        if self.coder.at + size > self.coder.size:
            self._use(bytearray(memoryview(self.stream)[: self.coder.at]) + bytes(self.coder.at + size))
        return None

    def encode(self, indices: memoryview, tell: Callable[[int], object] | None = None) -> bytes:
        """The stream of these rows x width indices below k.

        tell: called with the number of pixels coded since its last call, at the latest after each 2**14; what it
            raises ends the work.
        """
        self.picture = _uchars(indices)
        self._run(tell)
        return self._finish()

    def decode(self, indices: memoryview, tell: Callable[[int], object] | None = None) -> bool:
        """Fills rows x width indices, all below k; whether the stream ends where they do. tell: as in `encode`."""
        self.picture = _uchars(indices)
        self._run(tell)
        return self.coder.at - 4 <= self.coder.size <= self.coder.at

    @cython.cfunc
    def _run(self, tell: object) -> object:
        step: cython.int = _FREE_STEP if tell is None else _STEP if cython.compiled else 64
        done: cython.longlong
        left: cython.longlong
        while self.y < self.rows:
            if self.decoding:
                with cython.nogil:
                    done = self._decode(step)
            else:
                left = cython.cast(cython.longlong, self.rows - self.y) * self.width - self.x
                self._reserve(_MOST_BYTES * min(left, step + 1) + 64)
                with cython.nogil:
                    done = self._encode(step)
            if tell is not None:
                while done > 0:  # a row that repeats the one above may be long
                    tell(min(done, _MOST_TOLD))
                    done -= _MOST_TOLD
        return None

    @cython.cfunc
    def _finish(self) -> bytes:
        """As few bytes as lead into the last range, when zeros follow them."""
        last: cython.ulonglong = self.coder.low + self.coder.range - 1
        bits = 32
        while (last >> bits) << bits < self.coder.low:
            bits -= 8
        self.coder.low = (last >> bits) << bits
        self._reserve(4)
        coder: cython.pointer(_Coder) = cython.address(self.coder)
        if self.coder.low >> 32:
            _carry(coder)
        for _ in range(4):
            _put(coder)
        at = self.coder.at
        return bytes(self.stream[: at - 4]) + bytes(self.stream[at - 4 : at]).rstrip(b"\0") or b"\0"

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _decode(self, step: cython.int) -> cython.longlong:
        return self._code(step, True)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _encode(self, step: cython.int) -> cython.longlong:
        return self._code(step, False)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code(self, step: cython.int, decoding: cython.bint) -> cython.longlong:
        """Codes about so many pixels more: up to a span or a row beyond. Returns how many it were."""
        done: cython.longlong = 0
        x: cython.int
        while done < step and self.y < self.rows:
            x = self.x
            if x == 0 and self._row(decoding):
                self.x = self.width
            else:
                self._pixels(step - done, decoding)
            done += self.x - x
            if self.x == self.width:
                self._end_row(decoding)
        return done

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _row(self, decoding: cython.bint) -> cython.bint:
        """Begins a row: sets the margins, and codes the flag that it repeats the row above; whether it does."""
        cells: cython.p_uchar = self.cells
        width: cython.int = self.width
        here: cython.Py_ssize_t = self.y % 3 * self.stride + _MARGIN
        above: cython.Py_ssize_t = (self.y + 2) % 3 * self.stride + _MARGIN
        i: cython.int
        same: cython.bint = False
        self.change = 0
        for i in range(1, 4):
            cells[here - i] = cells[above]
        for i in range(2):
            cells[above + width + i] = cells[above + width - 1]
        if not decoding:
            _copy(cells, here, self.picture, cython.cast(cython.Py_ssize_t, self.y) * width, width)
            same = _equal(cells, here, above, width)
        same = _bit(cython.address(self.coder), decoding, self.row_flags, self.same_rows, self.bit_rate, same)
        self.same_rows = (self.same_rows << 1 | same) & 7
        if decoding and same:
            _copy(cells, here, cells, above, width)
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _end_row(self, decoding: cython.bint) -> cython.void:
        if decoding:
            _copy(
                self.picture,
                cython.cast(cython.Py_ssize_t, self.y) * self.width,
                self.cells,
                self.y % 3 * self.stride + _MARGIN,
                self.width,
            )
        self.x = 0
        self.y += 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _pixels(self, most: cython.longlong, decoding: cython.bint) -> cython.void:
        """Codes pixels of the row, about so many or to its end."""
        state: _Coder = self.coder  # as a local variable it stays in registers
        coder: cython.pointer(_Coder) = cython.address(state)
        cells: cython.p_uchar = self.cells
        here: cython.Py_ssize_t = self.y % 3 * self.stride + _MARGIN
        above: cython.Py_ssize_t = (self.y + 2) % 3 * self.stride + _MARGIN
        above2: cython.Py_ssize_t = (self.y + 1) % 3 * self.stride + _MARGIN
        end: cython.int = cython.cast(cython.int, most) + self.x if most < self.width - self.x else self.width
        x: cython.int = self.x
        span: cython.int
        fresh: cython.bint = True
        flat: cython.bint
        broken: cython.bint = False  # here a span ends with a pixel that is not W
        # neighbours, from the lowest byte: NW N NE NEE; NWW NNW NN NNE; W WW WWW
        north: cython.uint = 0
        north2: cython.uint = 0
        west: cython.uint = 0
        nww: cython.uint
        pixel: cython.uint = 0
        while x < end or broken:
            if fresh:
                fresh = False
                north = _packed(cells[above + x - 1], cells[above + x], cells[above + x + 1], cells[above + x + 2])
                north2 = _packed(cells[above + x - 2], cells[above2 + x - 1], cells[above2 + x], cells[above2 + x + 1])
                west = _packed(cells[here + x - 1], cells[here + x - 2], cells[here + x - 3], 0)
            flat = (north & 0xFFFFFF) == (west & 255) * 0x010101
            if flat and not broken:
                span = self._span(coder, decoding, x, here, above, above2)
                x += span if span >= 0 else ~span
                broken = span < 0
                fresh = span != -1
                if fresh:
                    continue
            broken = False
            if not decoding:
                pixel = cells[here + x]
            pixel = self._pixel(coder, decoding, north, north2, west, flat, pixel)
            if decoding:
                cells[here + x] = cython.cast(cython.uchar, pixel)
            x += 1
            nww = north & 255
            north = north >> 8 | cython.cast(cython.uint, cells[above + x + 2]) << 24
            north2 = north2 >> 8 & 0xFFFF00 | nww | cython.cast(cython.uint, cells[above2 + x + 1]) << 24
            west = (west << 8 | pixel) & 0xFFFFFF
        self.x = x
        self.coder = state

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _span(
        self,
        coder: cython.pointer(_Coder),
        decoding: cython.bint,
        x: cython.int,
        here: cython.Py_ssize_t,
        above: cython.Py_ssize_t,
        above2: cython.Py_ssize_t,
    ) -> cython.int:
        """Codes how far from a flat pixel on W repeats: the whole span, or ~n if n pixels do and the next does not."""
        cells: cython.p_uchar = self.cells
        width: cython.int = self.width
        w: cython.uchar = cells[here + x - 1]
        c: cython.int
        span: cython.int
        n: cython.int = 0
        level: cython.int
        context: cython.int
        if self.change < x + 2:
            c = x + 2
            while c < width and cells[above + c] == w:
                c += 1
            self.change = c
        span = width - x if self.change >= width else self.change - 1 - x
        if span > _MOST_SPAN:
            span = _MOST_SPAN
        level = self.level[span if span < 4095 else 4095]
        if not decoding:
            while n < span and cells[here + x + n] == w:
                n += 1
        context = level << 4 | (cells[above2 + x] == w) << 3 | (cells[here + x - 2] == w) << 2 | self.spans
        if _bit(coder, decoding, self.span_flags, context, self.bit_rate, n == span):
            self.spans = (self.spans << 1 | 1) & 3
            if decoding:
                _fill(cells, here + x, span, w)
            return span
        self.spans = self.spans << 1 & 3
        if span > 1:
            n = self._number(coder, decoding, level, n)
            if decoding:
                n = n if n < span else span - 1
                _fill(cells, here + x, n, w)
        return ~n

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _number(
        self, coder: cython.pointer(_Coder), decoding: cython.bint, level: cython.int, n: cython.int
    ) -> cython.int:
        """A number below 2**15: how many bits n + 1 has below its highest, and these: two modelled, the others raw."""
        more: cython.int = n + 1
        bits: cython.int = 0
        if not decoding:
            while more >> bits > 1:
                bits += 1
        bits = _symbol(
            coder,
            decoding,
            self.number_symbols,
            self.number_counts,
            level,
            self.symbol_rate,
            self.toward,
            self.lanes,
            bits,
        )
        value: cython.int = 1
        if bits > 0:
            value = value << 1 | _bit(
                coder, decoding, self.number_flags, 4 * bits, self.bit_rate, more >> (bits - 1) & 1
            )
            if bits > 1:
                bits -= 1
                value = value << 1 | _bit(
                    coder,
                    decoding,
                    self.number_flags,
                    4 * bits + 5 + (value & 1),
                    self.bit_rate,
                    more >> (bits - 1) & 1,
                )
                bits -= 1
                if bits > 0:
                    value = value << bits | cython.cast(
                        cython.int, _raw(coder, decoding, bits, more & ((1 << bits) - 1))
                    )
        return value - 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _pixel(
        self,
        coder: cython.pointer(_Coder),
        decoding: cython.bint,
        north: cython.uint,
        north2: cython.uint,
        west: cython.uint,
        flat: cython.bint,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes one pixel; it is not W if flat."""
        nw: cython.uint = north & 255
        n: cython.uint = north >> 8 & 255
        ne: cython.uint = north >> 16 & 255
        w: cython.uint = west & 255
        # The slots. The part of W comes last: all else is known before the pixel to the left is.
        h: cython.uint = _times(north, 0x2F0B4C47) ^ _times(north2, 0x1E35A7BD)
        h = _word(h + _times(west, 0x2C1B3C6D))
        h = _times(h ^ h >> 15, 0x2F0B4C47)
        h ^= h >> 13
        g: cython.uint = _times(north & 0xFFFF | w << 16, 0x2F0B4C47)
        g = _times(g ^ g >> 15, 0x1E35A7BD)
        g ^= g >> 13
        long_slot: cython.uint = self.long_slots[h & self.mask]
        short_slot: cython.uint = self.short_slots[g & self.mask]
        if (long_slot ^ h) >> 24:
            long_slot = 0
        if (short_slot ^ g) >> 24:
            short_slot = 0
        sure: cython.uint = long_slot & 255
        sure2: cython.uint = short_slot & 255
        first: cython.uint = long_slot >> 8 & 255
        second: cython.uint = short_slot >> 8 & 255
        if flat:
            if first == w:
                sure = 0
            if second == w:
                sure2 = 0

        equal: cython.int = ((west >> 8 & 255) == w) | ((north2 >> 16 & 255) == n) << 1 | (w == n) << 2 | (nw == n) << 3
        near_w: cython.int = 0
        near_n: cython.int = 0
        activity: cython.int = 0
        state: cython.int
        context: cython.int
        hinted: cython.bint = sure or sure2
        hit: cython.bint = False
        came: cython.uint = 0
        if hinted:
            state = self.short_state[sure2]
            if sure:
                if sure2 and second != first:
                    state = 1
                state += self.long_state[sure]
                if second == first:
                    sure2 = 0
            else:
                first = second
                sure2 = 0
            context = 0 if first == w else 1 if first == n else 2 if first == ne else 3
            context = flat * 1536 + ((state << 2 | context) << 4 | equal)
            hit = _bit(coder, decoding, self.slot_flags, context, self.bit_rate, pixel == first)
            came = first
            if sure2 and not hit:
                context = 0 if second == w else 1 if second == n else 2
                context = ((sure2 if sure2 < 4 else 4) * 3 + context) << 4 | equal
                hit = _bit(coder, decoding, self.second_flags, context, self.bit_rate, pixel == second)
                came = second
        if not hit:
            equal |= (ne == n) << 4 | (nw == w) << 5
            near_w = self.distance[w << 8 | nw]
            near_n = self.distance[n << 8 | nw]
            activity = self.activity[near_w + near_n + self.distance[n << 8 | ne]]
            if not hinted:
                first = _NO_COLOR if flat else w
            if sure2 == 0:
                second = first
            if not hinted and not flat:
                hit = _bit(coder, decoding, self.west_flags, activity >> 1 << 6 | equal, self.bit_rate, pixel == w)
                came = w
            if not hit:
                came = self._other(
                    coder, decoding, w, n, ne, first, second, near_w < near_n, activity, sure != 0, equal, flat, pixel
                )
        self.long_slots[h & self.mask] = _learned(long_slot, h, came, self.less_sure)
        self.short_slots[g & self.mask] = _learned(short_slot, g, came, self.less_sure)
        return came

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _other(
        self,
        coder: cython.pointer(_Coder),
        decoding: cython.bint,
        w: cython.uint,
        n: cython.uint,
        ne: cython.uint,
        first: cython.uint,
        second: cython.uint,
        upward: cython.bint,
        activity: cython.int,
        sure: cython.bint,
        equal: cython.int,
        flat: cython.bint,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes a pixel that is neither `first` nor `second`: a neighbour, or else a rank in the list of N or W."""
        near: cython.int = (activity >> 2) << 7 | equal << 1 | sure
        list_of: cython.uint = n if upward else w
        other: cython.uint = w if upward else n
        came: cython.uint = _NO_COLOR
        if not self.made[list_of]:
            self._make(list_of)
        if not flat:
            if w != first and w != second:
                if _bit(coder, decoding, self.near_flags, near, self.bit_rate, pixel == w):
                    came = w
            if came == _NO_COLOR and n != w and n != first and n != second:
                if _bit(coder, decoding, self.near_flags, 512 + near, self.bit_rate, pixel == n):
                    came = n
            if came == _NO_COLOR and ne != n and ne != w and ne != first and ne != second:
                if _bit(coder, decoding, self.near_flags, 1024 + near, self.bit_rate, pixel == ne):
                    came = ne
        if came != _NO_COLOR:
            if came != list_of:
                self._promote(list_of, self.place[list_of << 8 | came])
            return came
        return self._rank(
            coder,
            decoding,
            list_of,
            self.place[list_of << 8 | first] if first != _NO_COLOR else _NO_PLACE,
            self.place[list_of << 8 | other] if other != first else _NO_PLACE,
            self.place[list_of << 8 | ne] if ne != w and ne != n and ne != first else _NO_PLACE,
            0 if flat else 1 + (activity >> 2 << 2 | self.mean[list_of] >> 6),
            pixel,
        )

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _rank(
        self,
        coder: cython.pointer(_Coder),
        decoding: cython.bint,
        list_of: cython.uint,
        a: cython.int,
        b: cython.int,
        c: cython.int,
        context: cython.int,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes a pixel by its place in that colour's list, where places a, b and c do not count."""
        swap: cython.int
        place: cython.int = 0
        rank: cython.int = 0
        bits: cython.int
        chosen: cython.int = 0
        if b < a:
            swap = a
            a = b
            b = swap
        if c < a:
            swap = a
            a = c
            c = swap
        if c < b:
            swap = b
            b = c
            c = swap
        if not decoding:
            place = self.place[list_of << 8 | pixel]
            rank = place - (place > a) - (place > b) - (place > c)
            chosen = self.bins[rank]
        chosen = _symbol(
            coder,
            decoding,
            self.rank_symbols,
            self.rank_counts,
            context,
            self.symbol_rate,
            self.toward,
            self.lanes,
            chosen,
        )
        bits = self.bin_bits[chosen]
        rest: cython.int = rank - self.bin_first[chosen]
        if decoding:
            rest = 0
        if bits:
            bits -= 1
            top: cython.int = _bit(coder, decoding, self.rank_flags, chosen, self.bit_rate, rest >> bits & 1)
            rest &= (1 << bits) - 1
            if bits:
                rest = _raw(coder, decoding, bits, rest)
            rest |= top << bits
        if decoding:
            place = self.bin_first[chosen] + rest
            place += place >= a
            place += place >= b
            place += place >= c
            place = place if place < self.colors - 2 else self.colors - 2
        self.settled[list_of] += 1
        self.mean[list_of] += (16 * chosen - self.mean[list_of]) >> 3
        return self._promote(list_of, place)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _promote(self, list_of: cython.uint, at: cython.int) -> cython.uint:
        """Moves the colour at that place of a list up to half of it, or three quarters in a settled list; returns it.

        The colour that was there goes half of the way back, the one there to where the first came from.
        """
        ranked: cython.p_uchar = self.ranked + (list_of << 8) if cython.compiled else self.ranked[list_of << 8 :]
        place: cython.p_uchar = self.place + (list_of << 8) if cython.compiled else self.place[list_of << 8 :]
        up: cython.int = at * (2 + (self.settled[list_of] >= _SETTLED)) >> 2
        between: cython.int = (at + up + 1) >> 1
        first: cython.uchar = ranked[at]
        second: cython.uchar = ranked[up]
        third: cython.uchar = ranked[between]
        ranked[at] = third
        place[third] = at
        ranked[between] = second
        place[second] = between
        ranked[up] = first
        place[first] = up
        return first

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _make(self, list_of: cython.uint) -> cython.void:
        """Lists all other colours in the order of their distance, in steps of an eighth of its logarithm to base 2."""
        color: cython.p_int = self.color
        keys = cython.declare(cython.int[256])
        ends = cython.declare(cython.int[257])
        k: cython.int = self.colors
        i: cython.int
        d: cython.int
        e: cython.int
        at: cython.int = 0
        one: cython.int = 4 * list_of
        self.made[list_of] = 1
        for i in range(k):
            d = 3 * (color[4 * i] - color[one]) * (color[4 * i] - color[one]) + 8
            d += 4 * (color[4 * i + 1] - color[one + 1]) * (color[4 * i + 1] - color[one + 1])
            d += 2 * (color[4 * i + 2] - color[one + 2]) * (color[4 * i + 2] - color[one + 2])
            d += 4 * (color[4 * i + 3] - color[one + 3]) * (color[4 * i + 3] - color[one + 3])
            e = 0
            while d >> e > 255:
                e += 4
            while d >> e > 15:
                e += 1
            keys[i] = e << 3 | (d >> e & 7)
        if cython.compiled:
            for i in range(257):
                ends[i] = 0
            for i in range(k):
                ends[keys[i] + 1] += i != one >> 2
            for i in range(256):
                ends[i + 1] += ends[i]
            for i in range(k):
                if i != one >> 2:
                    at = ends[keys[i]]
                    ends[keys[i]] += 1
                    self.ranked[(list_of << 8) + at] = i
                    self.place[(list_of << 8) + i] = at
        else:
            for at, i in enumerate(sorted((i for i in range(k) if i != list_of), key=keys.__getitem__)):
                self.ranked[(list_of << 8) + at] = i
                self.place[(list_of << 8) + i] = at
        self.place[(list_of << 8) + list_of] = _NO_PLACE


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _copy(
    target: cython.p_uchar, to: cython.Py_ssize_t, source: cython.p_uchar, at: cython.Py_ssize_t, n: cython.int
) -> cython.void:
    i: cython.Py_ssize_t
    if cython.compiled:
        for i in range(n):
            target[to + i] = source[at + i]
    else:
        target[to : to + n] = source[at : at + n]


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _fill(cells: cython.p_uchar, at: cython.Py_ssize_t, n: cython.int, value: cython.uchar) -> cython.void:
    i: cython.Py_ssize_t
    if cython.compiled:
        for i in range(n):
            cells[at + i] = value
    else:
        cells[at : at + n] = bytes((value,)) * n


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _equal(cells: cython.p_uchar, a: cython.Py_ssize_t, b: cython.Py_ssize_t, n: cython.int) -> cython.bint:
    i: cython.Py_ssize_t
    for i in range(n):
        if cells[a + i] != cells[b + i]:
            return False
    return True


@cython.cfunc
def _uchars(view: cython.uchar[::1]) -> cython.p_uchar:
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def _shorts(view: cython.short[::1]) -> cython.p_short:
    if cython.compiled:
        return cython.address(view[0])
    return list(view)  # quicker than a view where nothing is compiled


@cython.cfunc
def _ints(view: cython.int[::1]) -> cython.p_int:
    if cython.compiled:
        return cython.address(view[0])
    return list(view)


@cython.cfunc
def _uints(view: cython.uint[::1]) -> cython.p_uint:
    if cython.compiled:
        return cython.address(view[0])
    return list(view)
