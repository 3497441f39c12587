# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The inner loop of the coders `mix` and `max` (KPAL.md, section 5.2), compiled where there is a C compiler.

This one source is both: Cython's pure Python mode compiles it, and where it is not compiled it runs as plain Python,
slowly and with the same bytes. Its buffers are memoryviews in plain Python, which raise where C would wrap or go
astray, and pointers into them when compiled.

Encoder and decoder are one: `_code` and `_flag` write the symbol that they are given or read it, and all the rest is
the model, which follows from the pixels before. So an encoder may also choose what it writes, by what the model says
that it costs: `choose`.

Why no stream can hurt the compiled loop: nothing sees the stream but `_next`, which reads zeros behind its end, and
all that comes of it are the results of `_flag`, 0 or 1, and of `_code`, a symbol with a frequency above 0. Only ranks
below `colors` have one: `ceil(colors / 16)` high nibbles, and `min(16, colors - 16 * high)` low ones. Every index into
a table is made of such ranks, of a hash cut to the size of its table, of a number cut off by `min` or `_clamp`, or is
the position of an earlier pixel. Each step is good for one pixel or for a span that ends within the row, and
`finished` compares the bytes that were read with those that were there.
"""

from __future__ import annotations

try:
    import cython
except ImportError:
    from . import _cython as cython

import numpy as np

COMPILED = cython.compiled

_STRIDE_PAD = cython.declare(cython.int, 16)  # ranks between two rows: 8 behind each row, 8 before the next
_WIDTHS = cython.declare(cython.int, 8)  # of the prior
_HITS = cython.declare(cython.int, 5)  # symbols that are inputs by themselves
_FLAGS = cython.declare(cython.int, 6)  # contexts of the flag
_LEAST_SPAN = cython.declare(cython.int, 4)  # pixels that one flag can be about
_FLOOR = cython.declare(cython.int, -12288)  # the lowest logarithm in a slot: 12 bits
_FLAG_FLOOR = cython.declare(cython.int, -16384)
_MOST_WEIGHT = cython.declare(cython.int, 8191)  # as it is used: 2 - 1/4096
_MOST_LEARNT = cython.declare(cython.int, 24000)  # of each of the four that add up to it: 1.46
_WEIGHT_LIMIT = cython.declare(cython.int, 1 << 20)  # of flags and hits, as it is learnt: 16
_COUNTS = cython.declare(cython.int, 29)  # a slot's count runs from 0 to 28
_FLAG_COUNTS = cython.declare(cython.int, 99)
_COORDINATE = cython.declare(cython.int, 2040)  # the highest of colours that are chosen from
_MOST_BITS = cython.declare(cython.int, 10)  # what a choice may save, at its price
_FIRST_BITS = cython.declare(cython.int, 4 << 10)  # a guess at those of a tree, in 1/1024
_NEVER = cython.declare(cython.longlong, 1 << 40)  # more than any squared distance
_TOLD = cython.declare(cython.int, 1 << 14 if cython.compiled else 1 << 6)  # pixels between two calls of `tell`

# The contexts of the profiles, by their numbers in KPAL.md; the `mix` coder uses the first five.
_CONTEXTS = cython.declare(cython.int, 13)
_DEFAULT_CONTEXTS = cython.declare(cython.int, 5)


def _buffer(kind: str, size: int, value: int = 0) -> memoryview:
    """`size` numbers of that type code, all `value`."""
    view: memoryview = np.zeros(size, kind).data  # which takes no memory before it is written to
    if value:
        for i in range(size):
            view[i] = value
    return view


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


def _exponentials() -> list[int]:
    value, result = 32767 << 32, []
    for _ in range(1024):
        result.append(max(1, (value + (1 << 31)) >> 32))
        value = value * 4248701965 >> 32  # 2 ** (-1 / 64)
    return [*result, 0]  # of a symbol that is not possible


def _table(kind: str, values: list[int]) -> memoryview:
    view = _buffer(kind, len(values))
    for i, value in enumerate(values):
        view[i] = value
    return view


def _risen(log: int, rate: int) -> int:
    """The logarithm of p + (1 - p) * rate / 32768, given that of p."""
    p = 2 * _EXP[min(-log >> 4, 1023)]
    return _LOG[(p + ((65536 - p) * rate >> 15)) >> 4]


_ONLY = _table("h", [-(s == i) for i in range(17) for s in range(16)])  # the mask of a symbol; 16 is none
_EXP = _table("H", _exponentials())
_LOG = _table("h", [max(_FLOOR, log2(2 * i + 1) - 13312) for i in range(4096)])
_RATE = _table("i", [3276800 // (100 * n + 184) for n in range(_COUNTS)])
_DECAY = _table("i", [15360 - log2(32768 - _RATE[n]) for n in range(_COUNTS)])
_RISE = _table("h", [_risen(-64 * i - 32, rate) + 64 * i + 32 for rate in _RATE for i in range(193)])
_FLAG_RATE = _table("i", [65536 // (2 * n + 3) for n in range(_FLAG_COUNTS)])
_FLAG_DECAY = _table("i", [15360 - log2(32768 - _FLAG_RATE[n]) for n in range(_FLAG_COUNTS)])
_LEVEL = _table("B", [min(15, (((i + 1) ** 4).bit_length() - 1) // 3) for i in range(4096)])
_TRUST = _table("i", [max(65536 // (e * e + 8), 1) for e in range(1276)])
_SPREAD = _table("i", [22 * 3**w for w in range(_WIDTHS)])


@cython.cclass
class Arithmetic:
    """An arithmetic coder with a range of 32 bits, in one direction; bytes leave it when the range falls below 24.

    decoding: the stream to read, or None to write one of at most `capacity` bytes.
    """

    decoding: cython.bint
    low: cython.ulonglong  # encoding: where the range begins; decoding: where in the range the stream is
    range: cython.ulonglong
    stream: cython.p_uchar
    size: cython.longlong
    at: cython.longlong
    owner: object

    def __init__(self, data: bytes | None, capacity: int) -> None:
        self.decoding = data is not None
        self.at = self.low = 0
        self.range = 0xFFFFFFFF
        self._use(bytearray(capacity if data is None else data or b"\0"))
        if self.decoding:
            for _ in range(4):
                self.low = self.low << 8 | self._next()

    @cython.cfunc
    def _use(self, buffer: bytearray) -> object:
        stream: cython.uchar[::1] = memoryview(buffer)
        self.owner = stream
        self.size = len(buffer)
        if cython.compiled:
            self.stream = cython.address(stream[0])
        else:
            self.stream = stream
        return None

    @cython.cfunc
    def _reserve(self, size: cython.longlong) -> object:
        """Makes room for at least `size` bytes more to be written."""
        if self.at + size > self.size:
            self._use(bytearray(self.owner[: self.at]) + bytes(self.at + size))
        return None

    @cython.final
    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _next(self) -> cython.ulonglong:
        """The next byte of the stream, 0 behind its end."""
        byte: cython.ulonglong = 0
        if self.at < self.size:
            byte = self.stream[self.at]
        self.at += 1
        return byte

    @cython.final
    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _narrow(self, below: cython.ulonglong, width: cython.ulonglong) -> cython.int:
        """Goes on in the part of the range that begins at `below`."""
        self.range = width
        if self.decoding:
            self.low -= below
            while self.range < 0x1000000:
                self.range <<= 8
                self.low = (self.low & 0xFFFFFF) << 8 | self._next()
        else:
            self.low += below
            if self.low >> 32:
                self._carry()
            while self.range < 0x1000000:
                self.range <<= 8
                self._put()
        return 0

    @cython.final
    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _carry(self) -> cython.int:
        """Adds to the bytes that have left what overflowed."""
        at: cython.longlong = self.at - 1
        self.low = (self.low >> 24 & 255) << 24 | self.low & 0xFFFFFF  # without the bit that is carried
        while at > 0 and self.stream[at] == 255:
            self.stream[at] = 0
            at -= 1
        self.stream[at] += 1
        return 0

    @cython.final
    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _put(self) -> cython.int:
        """Lets the highest byte of the range's beginning leave."""
        self.stream[self.at] = cython.cast(cython.uchar, self.low >> 24)
        self.at += 1
        self.low = (self.low & 0xFFFFFF) << 8
        return 0

    def finish(self) -> bytes:
        """The stream: as few bytes as lead into the last range, when zeros follow them."""
        last = self.low + self.range - 1
        bits = 32
        while (last >> bits) << bits < self.low:
            bits -= 8
        self.low = (last >> bits) << bits
        if self.low >> 32:
            self._carry()
        for _ in range(4):
            self._put()
        last_four = bytes(self.owner[self.at - 4 : self.at]).rstrip(b"\0")
        return bytes(self.owner[: self.at - 4]) + last_four or b"\0"

    def finished(self) -> bool:
        """Whether the stream ended with what was read of it: a decoder is always four bytes ahead."""
        return self.at - 4 <= self.size <= self.at


@cython.final
@cython.cclass
class Tile(Arithmetic):
    """One tile on its way through the model, in one direction.

    profile: 0 for `mix`, 1 for `max`.
    colors: the palette as uint8 (k, 4) RGBA, k >= 2, flat bytes.
    opaque: whether alpha is 255 throughout.
    data: the stream to decode; None to encode.

    Memory is slow beside arithmetic. What a step will need of the large tables is located and asked for early, while
    the lesson of the step before is still to be learnt: `pending` says that `_teach` is to be called.
    """

    # what is coded
    width: cython.int
    rows: cython.int
    colors: cython.int
    channels: cython.int
    stride: cython.int
    pixels: cython.p_uchar  # ranks, with margins
    order: cython.p_uchar  # of a rank: the index of its colour
    rank: cython.p_uchar
    color: cython.p_short  # of a rank: four premultiplied channels
    distance: cython.p_ushort  # of two ranks, sum of absolute differences
    # slots, and where those of the contexts are
    contexts: cython.int
    abreast: cython.Py_ssize_t  # contexts, rounded up to what is calculated at once
    hits: cython.int
    lanes: cython.Py_ssize_t  # 16, which the compiler is not to know
    slot_bits: cython.int
    logs: cython.p_short  # of slots, and behind them the priors
    priors: cython.Py_ssize_t
    checks: cython.p_ushort
    base: cython.p_uint
    place: cython.p_int
    check: cython.p_int
    found: cython.p_int
    count: cython.p_int
    own: cython.p_short  # their weights by count
    # what a nibble needs to learn from
    pending: cython.bint
    symbol: cython.int
    total: cython.uint
    frequency: cython.p_short
    set_a: cython.int
    set_b: cython.int
    set_d: cython.int
    weight_a: cython.p_short
    weight_b: cython.p_short
    weight_d: cython.p_short
    weight_n: cython.p_short
    hit: cython.p_int
    bump: cython.p_int
    chance: cython.p_int
    hit_chance: cython.p_ushort
    hit_weight_a: cython.p_int
    hit_weight_b: cython.p_int
    bias: cython.p_short  # of symbols by their neighbours
    bias_set: cython.p_int
    trouble: cython.p_int  # mean errors, of high and low nibbles
    steps: cython.int
    # flags
    flag_mask: cython.uint
    flag_logs: cython.p_short
    flag_weight_a: cython.p_int
    flag_weight_b: cython.p_int
    key: cython.p_uint
    runs: cython.int
    # predictions
    nearest: cython.p_short
    guess: cython.p_short
    errors: cython.p_short
    pattern: cython.int
    activity: cython.int
    doubt: cython.int
    p0: cython.int
    p1: cython.int
    p2: cython.int
    p3: cython.int
    p4: cython.int
    err: cython.int  # where in `errors` a row begins
    err_above: cython.int
    # neighbours by the points of the compass, and what they have in common
    w: cython.int
    n: cython.int
    nw: cython.int
    ne: cython.int
    ww: cython.int
    nn: cython.int
    nee: cython.int
    nne: cython.int
    nww: cython.int
    www: cython.int
    nwww: cython.int
    neee: cython.int
    nnw: cython.int
    nnee: cython.int
    flat: cython.bint
    equal: cython.int
    run: cython.int  # how many pixels to the left are alike
    change: cython.int  # the column where the row above becomes another
    broken: cython.int  # the column where a span ends that is not all alike
    # matches
    match_mask: cython.uint
    latest: cython.p_uint
    latest_short: cython.p_uint
    place_long: cython.uint
    place_short: cython.uint
    match: cython.int
    match_length: cython.int
    similarity: cython.int
    second: cython.int
    similar_second: cython.int
    # choosing: what is wanted, and how much a bit is worth
    choosing: cython.bint
    wishes: cython.p_int  # the coordinates of what pixels may look like, four of each
    wish: cython.p_int  # of each pixel: which of them
    label: cython.p_uchar  # of each of them: the index of the nearest colour
    busy: cython.p_ushort  # of each pixel: its class
    prices: cython.p_int  # of a class: the squared distance that a bit is worth
    shares: cython.p_uchar  # of a class: how much pixels take of what they are owed, of 256
    center: cython.p_int  # of a rank: its coordinates
    near: cython.p_uchar  # of a rank: all of them, the nearest first
    apart: cython.p_int  # ... and their squared distances
    owed: cython.p_int  # to two rows of pixels, by those above them
    left: cython.p_int  # the error of the pixel to the left
    row: cython.int  # where it begins, in what there is of each pixel
    owed_row: cython.int
    owed_below: cython.int
    wanted: cython.p_int  # the coordinates of what the pixel is to look like
    least: cython.int  # how far the nearest rank is from it
    price: cython.int
    options: cython.int  # how many ranks come into question, the nearest of them first
    option: cython.p_uchar
    excess: cython.p_int  # how much farther they are than the nearest
    extra: cython.longlong  # how much farther yes is than no, in 1/1024
    excluded: cython.int
    prior: cython.int
    high: cython.int
    spent: cython.int  # on the last tree, in 1/1024 of a bit
    mean_spent: cython.int
    # constants
    only: cython.p_short
    exp: cython.p_ushort
    log: cython.p_short
    rise: cython.p_short
    decay: cython.p_int
    flag_rate: cython.p_int
    flag_decay: cython.p_int
    level: cython.p_uchar
    spread: cython.p_int
    trust: cython.p_int
    owners: list
    # who is told how many pixels are done, and how many have been since; None for nobody
    tell: object
    untold: cython.int

    def __init__(self, profile: int, colors: bytes, opaque: bool, width: int, rows: int, data: bytes | None) -> None:
        k = len(colors) // 4
        pixels = width * rows
        Arithmetic.__init__(self, data, pixels // 4 + 1024)
        self.owners = []
        self.width, self.rows, self.colors, self.channels = width, rows, k, 3 if opaque else 4
        self.stride = width + _STRIDE_PAD
        self.contexts = _CONTEXTS if profile else _DEFAULT_CONTEXTS
        self.abreast = 16 if profile else 8
        self.hits = _HITS if profile else 1
        self.lanes = 16
        n = self.contexts
        self.slot_bits = min(max((2 * pixels).bit_length(), 8), 16 if profile else 14)
        flag_bits = min(max(pixels.bit_length(), 8), 13)
        match_bits = min(max(pixels.bit_length(), 8), 16)
        slots = n << self.slot_bits
        self.flag_mask, self.match_mask = (1 << flag_bits) - 1, (1 << match_bits) - 1
        self.match = self.match_length = self.similarity = self.similar_second = self.runs = 0
        self.second = -1
        self.pending = self.choosing = False
        self.tell = None
        self.untold = 0
        self.steps = 0
        self.priors = 16 * slots
        self.pixels = _uchars(self._own("B", (rows + 3) * self.stride + 2 * _STRIDE_PAD))
        self.order = _uchars(self._own("B", 256))
        self.rank = _uchars(self._own("B", 256))
        self.color = _shorts(self._own("h", 1024))
        self.distance = _ushorts(self._own("H", 256 * k))
        self.logs = _shorts(self._own("h", 16 * slots + k * _WIDTHS * 272 + 32))
        if cython.compiled:  # two slots that share their places share a line of the cache
            self.logs += (64 - (cython.cast(cython.size_t, self.logs) & 63)) // 2
        self.checks = _ushorts(self._own("H", slots))
        self.base = _uints(self._own("I", 16))
        self.place = _ints(self._own("i", 16))
        self.check = _ints(self._own("i", 16))
        self.found = _ints(self._own("i", 16))
        self.count = _ints(self._own("i", 16))
        self.own = _shorts(self._own("h", 16))
        self.frequency = _shorts(self._own("h", 16))
        self.weight_a = _shorts(self._own("h", 32 * 16))
        self.weight_b = _shorts(self._own("h", 1024 * 16))
        self.weight_d = _shorts(self._own("h", 512 * 16))
        self.weight_n = _shorts(self._own("h", 32 * 16))
        self.hit = _ints(self._own("i", 8))
        self.bump = _ints(self._own("i", 8))
        self.chance = _ints(self._own("i", 8))
        self.hit_chance = _ushorts(self._own("H", _HITS * 1024))
        self.hit_weight_a = _ints(self._own("i", 32 * 8))
        self.hit_weight_b = _ints(self._own("i", 1024 * 8))
        self.bias = _shorts(self._own("h", 4 * 1024 * 16))
        self.bias_set = _ints(self._own("i", 4))
        self.trouble = _ints(self._own("i", 2))
        self.flag_logs = _shorts(self._own("h", _FLAGS * 4 << flag_bits))
        self.flag_weight_a = _ints(self._own("i", 32 * 8))
        self.flag_weight_b = _ints(self._own("i", 2048 * 8))
        self.key = _uints(self._own("I", 8))
        self.nearest = _shorts(self._own("h", 32768))
        self.guess = _shorts(self._own("h", 32))
        self.errors = _shorts(self._own("h", 16 * self.stride))
        self.latest = _uints(self._own("I", 1 << match_bits))
        self.latest_short = _uints(self._own("I", 1 << match_bits))
        self.only, self.exp, self.log = _shorts(_ONLY), _ushorts(_EXP), _shorts(_LOG)
        self.rise, self.decay = _shorts(_RISE), _ints(_DECAY)
        self.flag_rate, self.flag_decay = _ints(_FLAG_RATE), _ints(_FLAG_DECAY)
        self.level, self.spread, self.trust = _uchars(_LEVEL), _ints(_SPREAD), _ints(_TRUST)
        i: cython.int
        c: cython.int
        alpha: cython.int
        for i in range(k):
            alpha = colors[4 * i + 3]
            self.color[4 * i + 3] = alpha
            for c in range(3):
                self.color[4 * i + c] = (colors[4 * i + c] * alpha + 127) // 255
            self.order[i] = i
        self._sort(0, k)
        self._start()

    @cython.cfunc
    def _own(self, kind: str, size: int) -> object:
        """A buffer of this tile's own."""
        buffer = _buffer(kind, size)
        self.owners.append(buffer)
        return buffer

    @cython.cfunc
    def _sort(self, start: cython.int, n: cython.int) -> object:
        """Puts colours start to start + n into the order of a binary tree: halves along their widest axis."""
        color: cython.p_short = self.color
        order: cython.p_uchar = self.order
        axis: cython.int = 0
        c: cython.int
        i: cython.int
        j: cython.int
        value: cython.longlong
        total: cython.longlong
        squares: cython.longlong
        widest: cython.longlong = -1
        for c in range(4):
            total = squares = 0
            for i in range(start, start + n):
                value = color[4 * order[i] + c]
                total += value
                squares += value * value
            value = (n * squares - total * total) * (4 if c & 1 else 2 if c else 3)
            if value > widest:
                widest = value
                axis = c
        mine: cython.int
        for i in range(start + 1, start + n):
            mine = order[i]
            j = i
            while j > start and color[4 * order[j - 1] + axis] > color[4 * mine + axis]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = mine
        half: cython.int = 1
        while 2 * half < n:
            half *= 2
        if n > 2:
            self._sort(start, half)
            self._sort(start + half, n - half)
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _start(self) -> cython.int:
        """Ranks, distances and the tables' first values."""
        color: cython.p_short = self.color
        by_index = cython.declare(cython.int[1024])
        i: cython.int
        j: cython.int
        c: cython.int
        total: cython.int
        for i in range(4 * self.colors):
            by_index[i] = color[i]
        for i in range(self.colors):
            self.rank[self.order[i]] = i
            for c in range(4):
                color[4 * i + c] = by_index[4 * self.order[i] + c]
        for i in range(self.colors):
            for j in range(i):
                total = 0
                for c in range(4):
                    total += abs(color[4 * i + c] - color[4 * j + c])
                self.distance[256 * i + j] = total
                self.distance[256 * j + i] = total
        for i in range(_FLAGS * (cython.cast(cython.int, self.flag_mask) + 1)):
            self.flag_logs[4 * i] = -2191
            self.flag_logs[4 * i + 1] = -380
        for i in range(32):  # counts
            for c in range(self.contexts):
                self.weight_n[16 * i + c] = 15728 // self.contexts * (10 * i + 3) // (10 * i + 15)
        for i in range(32768):
            self.nearest[i] = -1
        for i in range(_HITS * 1024):
            self.hit_chance[i] = 49152
        for i in range(256):
            self.hit_weight_a[i] = 19661
            self.flag_weight_a[i] = 12452
        self.trouble[0] = self.trouble[1] = 2000 << 14
        for i in range(24, 32):
            self.guess[i] = 255  # of alpha, where it is no channel
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _flag(self, yes: cython.int, weights_a: cython.int, weights_b: cython.int, choosing: cython.bint) -> cython.int:
        """Codes one binary decision, its contexts in `key`; `yes` is what to encode, unless that is to be chosen."""
        stretched = cython.declare(cython.int[8])
        slot = cython.declare(cython.int[8])
        flag_logs: cython.p_short = self.flag_logs
        a: cython.p_int = self.flag_weight_a
        b: cython.p_int = self.flag_weight_b
        h: cython.uint
        c: cython.int
        score: cython.int = 0
        for c in range(_FLAGS):
            h = (self.key[c] * 0x2F0B4C47 + c) & 0x7FFFFFFF
            h = ((h ^ (h >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF
            slot[c] = cython.cast(cython.int, (((h ^ (h >> 13)) & self.flag_mask) * _FLAGS + c) * 4)
            stretched[c] = flag_logs[slot[c] + 1] - flag_logs[slot[c]]
            score += (_clamp((a[weights_a + c] + b[weights_b + c]) >> 4, _MOST_WEIGHT) * stretched[c]) >> 16
        no_weight: cython.uint = self.exp[min(max(score, 0), 1023)]
        yes_weight: cython.uint = self.exp[min(max(-score, 0), 1023)]
        total: cython.uint = no_weight + yes_weight
        unit: cython.ulonglong = cython.cast(cython.uint, self.range) // total
        if self.decoding:
            yes = 1 if self.low < unit * yes_weight else 0
        elif choosing:
            yes = self._agrees(self._log(no_weight) - self._log(yes_weight))
        if yes:
            self._narrow(0, unit * yes_weight)
        else:
            self._narrow(unit * yes_weight, unit * no_weight)
        error: cython.int = (yes << 14) - cython.cast(cython.int, (yes_weight << 14) // total)
        step: cython.int
        n: cython.int
        at: cython.int
        log_now: cython.int
        p: cython.int
        for c in range(_FLAGS):
            step = (((error * stretched[c]) >> 14) * 126) >> 10
            a[weights_a + c] = _clamp(a[weights_a + c] + step, _WEIGHT_LIMIT)
            b[weights_b + c] = _clamp(b[weights_b + c] + step, _WEIGHT_LIMIT)
            at = slot[c]
            n = flag_logs[at + 2]
            log_now = flag_logs[at + yes]
            flag_logs[at + 1 - yes] = max(flag_logs[at + 1 - yes] - self.flag_decay[n], _FLAG_FLOOR)
            p = self.exp[min(-log_now >> 4, 1023)] * 2
            p += ((65536 - p) * self.flag_rate[n]) >> 15
            flag_logs[at + yes] = self.log[p >> 4]
            flag_logs[at + 2] = min(n + 1, _FLAG_COUNTS - 1)
        return yes

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _locate(self, first: cython.int, last: cython.int, node: cython.uint) -> cython.void:
        """Where the slots of contexts first to last - 1 at a node of the tree will be looked for."""
        bits: cython.int = self.slot_bits
        c: cython.int
        h: cython.uint
        at: cython.int
        node *= 0x1E35A7BD
        for c in range(first, last):
            h = ((self.base[c] + node) * 0x2C1B3C6D) & 0x7FFFFFFF
            at = (c << bits) + cython.cast(cython.int, h >> (31 - bits))
            self.place[c] = at
            self.check[c] = cython.cast(cython.int, (h >> (20 - bits) & 0x7FF | 1) << 5)
            if cython.compiled:
                prefetch(self.checks + at)
                prefetch(self.logs + 16 * at)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _find(self, prior: cython.int) -> cython.void:
        """The slots of all contexts where they were located; new ones begin as the prior says."""
        checks: cython.p_ushort = self.checks
        logs: cython.p_short = self.logs
        weight: cython.p_short = self.weight_n
        c: cython.int
        n: cython.int
        at: cython.int
        here: cython.int
        there: cython.int
        check: cython.int
        for c in range(self.contexts):
            at = self.place[c]
            check = self.check[c]
            here = checks[at]
            n = here & 31
            if (here ^ check) >> 5:
                there = checks[at ^ 1]
                if (there ^ check) >> 5 == 0 or (there & 31) < n:
                    at ^= 1
                    here = there
                n = here & 31
                if (here ^ check) >> 5:
                    n = 0
                    if cython.compiled:
                        _copy(logs + 16 * at, logs + self.priors + prior)
                    else:
                        logs[16 * at : 16 * at + 16] = logs[self.priors + prior : self.priors + prior + 16]
            checks[at] = check + n + (n < 28)
            self.found[c] = at
            self.count[c] = n
            self.own[c] = weight[16 * n + c]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _code(self, symbol: cython.int, symbols: cython.int, excluded: cython.int) -> cython.int:
        """Codes a symbol below `symbols` but not `excluded` (-1: any); its slots are in `found`.

        symbol: what to encode.
        """
        score = cython.declare(cython.short[16])
        w = cython.declare(cython.short[16])
        quarter = cython.declare(cython.uint[4])
        logs: cython.p_short = self.logs
        own: cython.p_short = self.own
        exp: cython.p_ushort = self.exp
        log: cython.p_short = self.log
        bump: cython.p_int = self.bump
        frequency: cython.p_short = self.frequency
        contexts: cython.int = self.contexts
        abreast: cython.Py_ssize_t = self.abreast
        lanes: cython.Py_ssize_t = self.lanes
        s: cython.Py_ssize_t
        c: cython.Py_ssize_t
        n: cython.int
        f0: cython.uint
        f1: cython.uint
        f2: cython.uint
        f3: cython.uint
        # Scores fit 16 bits: 13 contexts add 1536 each at the most, 5 hits 1304, 4 biases 250.
        # What `_find` wrote one by one is read last, and no single score is changed here: the processor would wait
        # until what was written is out before it reads it as a vector.
        for s in range(16):
            score[s] = 0
        for c in range(4):
            if cython.compiled:
                _lean(score, self.bias + self.bias_set[c])
            else:
                _lean(score, self.bias[self.bias_set[c] :])
        a2: cython.p_int = self.hit_weight_a
        b2: cython.p_int = self.hit_weight_b
        hit_a: cython.int = self.set_a >> 1
        hit_b: cython.int = self.set_b >> 1
        for c in range(self.hits):
            n = self.hit_chance[self.chance[c]] >> 4
            bump[c] = log[n] - log[4095 - n]
            n = _clamp((a2[hit_a + c] + b2[hit_b + c]) >> 4, _MOST_WEIGHT)
            if cython.compiled:
                _spike(score, self.only + 16 * self.hit[c], (n * bump[c]) >> 16, lanes)
            else:
                _spike(score, self.only[16 * self.hit[c] :], (n * bump[c]) >> 16, lanes)
        if cython.compiled:
            _weigh(w, own, self.weight_a + self.set_a, self.weight_b + self.set_b, self.weight_d + self.set_d, abreast)
        else:
            _weigh(
                w, own, self.weight_a[self.set_a :], self.weight_b[self.set_b :], self.weight_d[self.set_d :], abreast
            )
        for c in range(contexts):
            if cython.compiled:
                _add(score, logs + 16 * self.found[c], w[c])
            else:
                _add(score, logs[16 * self.found[c] :], w[c])

        # Frequencies, the highest 32767.
        for s in range(symbols, 16):
            score[s] = -32768
        if excluded >= 0:
            score[excluded] = -32768
        _fall(score, lanes)
        for s in range(symbols, 16):
            score[s] = 1024
        if excluded >= 0:
            score[excluded] = 1024
        for s in range(4):  # summed up as they are looked up: what was written as shorts is slow to read as vectors
            f0, f1, f2, f3 = exp[score[4 * s]], exp[score[4 * s + 1]], exp[score[4 * s + 2]], exp[score[4 * s + 3]]
            frequency[4 * s], frequency[4 * s + 1], frequency[4 * s + 2], frequency[4 * s + 3] = f0, f1, f2, f3
            quarter[s] = f0 + f1 + f2 + f3
        total: cython.uint = quarter[0] + quarter[1] + quarter[2] + quarter[3]
        unit: cython.uint = cython.cast(cython.uint, self.range) // total
        below: cython.uint = 0
        part: cython.uint
        right: cython.uint
        if self.decoding:
            # By halves and without branches.
            target: cython.uint = cython.cast(cython.uint, self.low) // unit
            if target >= total:
                target = total - 1
            part = quarter[0] + quarter[1]
            right = target >= part
            symbol = 8 * right
            below = part * right
            part = quarter[symbol >> 2]
            right = target - below >= part
            symbol += 4 * right
            below += part * right
            part = frequency[symbol] + frequency[symbol + 1]
            right = target - below >= part
            symbol += 2 * right
            below += part * right
            part = frequency[symbol]
            right = target - below >= part
            symbol += right
            below += part * right
        else:
            if self.choosing:
                symbol = self._best(total)
            for s in range(symbol):
                below += frequency[s]
        self._narrow(unit * below, unit * frequency[symbol])
        self.symbol = symbol
        self.total = total
        return symbol

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _teach(self) -> cython.void:
        """What the last symbol that was coded teaches its slots and weights."""
        error = cython.declare(cython.short[32])
        gradient = cython.declare(cython.short[16])
        logs: cython.p_short = self.logs
        frequency: cython.p_short = self.frequency
        weight: cython.p_short = self.weight_n
        rise: cython.p_short = self.rise
        decay: cython.p_int = self.decay
        slot: cython.p_short
        symbol: cython.int = self.symbol
        contexts: cython.int = self.contexts
        abreast: cython.Py_ssize_t = self.abreast
        lanes: cython.Py_ssize_t = self.lanes
        at: cython.int
        s: cython.int
        c: cython.Py_ssize_t
        n: cython.int
        g: cython.int
        now: cython.int
        self.pending = False
        low: cython.int = self.set_a >= 256
        self.steps += 1
        step: cython.int = 168 + 1802240 // ((self.trouble[low] >> 14) + 1024) + 6400 // ((self.steps >> 6) + 32)
        if cython.compiled:
            _misjudge(error, frequency, min(1073741824 // self.total, 32767), self.only + 16 * symbol)
        else:
            _misjudge(error, frequency, min(1073741824 // self.total, 32767), self.only[16 * symbol :])
        error[16] = 0
        self.trouble[low] += (error[symbol] << 4) - (self.trouble[low] >> 10)
        for c in range(16):
            gradient[c] = 0
        for c in range(contexts):
            at = self.found[c]
            n = self.count[c]
            if cython.compiled:
                slot = logs + 16 * at
            else:
                slot = logs[16 * at : 16 * at + 16]
            g = ((_dot(error, slot, lanes) >> 14) * step + 32768) >> 16
            gradient[c] = g
            weight[16 * n + c] = _clamp(weight[16 * n + c] + 2 * g, _MOST_LEARNT)
            now = slot[symbol]
            _sink(slot, decay[n])
            now += rise[193 * n + (-now >> 6)]
            slot[symbol] = now if now < 0 else 0
        for c in range(4):
            if cython.compiled:
                _bend(self.bias + self.bias_set[c], error, lanes)
            else:
                _bend(self.bias[self.bias_set[c] :], error, lanes)
        if cython.compiled:
            _learn(self.weight_a + self.set_a, gradient, abreast)
            _learn(self.weight_b + self.set_b, gradient, abreast)
            _learn(self.weight_d + self.set_d, gradient, abreast)
        else:
            _learn(self.weight_a[self.set_a :], gradient, abreast)
            _learn(self.weight_b[self.set_b :], gradient, abreast)
            _learn(self.weight_d[self.set_d :], gradient, abreast)
        a2: cython.p_int = self.hit_weight_a
        b2: cython.p_int = self.hit_weight_b
        hit_a: cython.int = self.set_a >> 1
        hit_b: cython.int = self.set_b >> 1
        for c in range(self.hits):
            s = self.hit[c]
            if s < 16:
                g = (((error[s] * self.bump[c]) >> 14) * 400) >> 10
                a2[hit_a + c] = _clamp(a2[hit_a + c] + g, _WEIGHT_LIMIT)
                b2[hit_b + c] = _clamp(b2[hit_b + c] + g, _WEIGHT_LIMIT)
                at = self.chance[c]
                n = self.hit_chance[at]
                self.hit_chance[at] = n + ((65535 - n) >> 6) if s == symbol else n - (n >> 6)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _prior(self, rank: cython.int, width: cython.int) -> cython.int:
        """Where the prior stands that expects a colour near to that of `rank`.

        That is 16 logarithms of chances for the high nibble, then 16 of low ones for each of its values.
        """
        start: cython.int = (rank * _WIDTHS + width) * 272
        priors: cython.p_short
        if cython.compiled:
            priors = self.logs + self.priors
        else:
            priors = self.logs[self.priors :]
        if priors[start]:
            return start
        mass = cython.declare(cython.uint[256])
        group = cython.declare(cython.uint[16])
        color: cython.p_short = self.color
        total: cython.uint = 0
        spread: cython.int = self.spread[width]
        far: cython.int
        near: cython.uint
        difference: cython.int
        i: cython.int
        c: cython.int
        for i in range(16):
            group[i] = 0
        for i in range(256):
            mass[i] = 0
            if i < self.colors:
                far = 0
                for c in range(4):
                    difference = color[4 * i + c] - color[4 * rank + c]
                    far += difference * difference * (4 if c & 1 else 2 if c else 3)
                near = (spread << 12) // (spread + far)
                mass[i] = (near * near >> 9) + 3
                group[i >> 4] += mass[i]
                total += mass[i]
        for i in range(16):
            priors[start + i] = self._fraction(group[i], total)
        for i in range(256):
            priors[start + 16 + i] = self._fraction(mass[i], group[i >> 4])
        if priors[start] == 0:
            priors[start] = -1  # a zero here says that the table is yet to be made
        return start

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _fraction(self, part: cython.uint, whole: cython.uint) -> cython.int:
        """1024 * log2(part / whole), within what a slot holds."""
        if part == 0:
            return _FLOOR
        return max(self._log(part) - self._log(whole), _FLOOR)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _log(self, value: cython.uint) -> cython.int:
        """1024 * log2(value), but for a constant; value >= 1."""
        shift: cython.int = 0
        while value >> 12:
            value >>= 1
            shift += 1024
        return self.log[value] + shift

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _snap(self, red: cython.int, green: cython.int, blue: cython.int, alpha: cython.int) -> cython.int:
        """The rank of the colour nearest to the middle of the cell that this one is in."""
        cell: cython.int
        if self.channels == 3:
            cell = red >> 3 << 10 | green >> 3 << 5 | blue >> 3
        else:
            cell = red >> 4 << 11 | green >> 4 << 7 | blue >> 4 << 3 | alpha >> 5
        if self.nearest[cell] >= 0:
            return self.nearest[cell]
        if self.channels == 3:
            red, green, blue, alpha = (red & 248) + 4, (green & 248) + 4, (blue & 248) + 4, 255
        else:
            red, green, blue, alpha = (red & 240) + 8, (green & 240) + 8, (blue & 240) + 8, (alpha & 224) + 16
        color: cython.p_short = self.color
        least: cython.int = 0x7FFFFFFF
        far: cython.int
        i: cython.int
        for i in range(self.colors):
            far = 3 * (color[4 * i] - red) * (color[4 * i] - red)
            far += 4 * (color[4 * i + 1] - green) * (color[4 * i + 1] - green)
            far += 2 * (color[4 * i + 2] - blue) * (color[4 * i + 2] - blue)
            far += 4 * (color[4 * i + 3] - alpha) * (color[4 * i + 3] - alpha)
            if far < least:
                least = far
                self.nearest[cell] = i
        return self.nearest[cell]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _similar(self, there: cython.int, here: cython.int) -> cython.int:
        """How many of 16 neighbours two positions share."""
        pixels: cython.p_uchar = self.pixels
        stride: cython.int = self.stride
        same: cython.int = 0
        j: cython.int
        for j in range(-4, 0):
            same += pixels[there + j] == pixels[here + j]
        there -= stride
        here -= stride
        for j in range(-3, 5):
            same += pixels[there + j] == pixels[here + j]
        there -= stride
        here -= stride
        for j in range(-1, 3):
            same += pixels[there + j] == pixels[here + j]
        return same

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _follow(self, at: cython.int) -> cython.int:
        """Moves the match on, or seeks others; returns the rank that it expects, or -1.

        Two earlier places that looked like this one: one is followed as long as it is right, one found afresh.
        """
        self.second = -1
        self.similar_second = 0
        found: cython.uint
        i: cython.int = 0
        if self.match:
            self.match += 1
            self.similarity = 16 if self.flat else self._similar(self.match, at)
            if self.similarity < 8:
                self.match = 0
        if not self.flat:
            if self.match == 0:
                self.match_length = 0
                found = self.latest[self.place_long & self.match_mask]
                if found and (found ^ self.place_long) >> 27 == 0:
                    self.match = cython.cast(cython.int, found & 0x7FFFFFF)
                    self.similarity = self._similar(self.match, at)
                    if self.similarity < 8:
                        self.match = 0
            self.latest[self.place_long & self.match_mask] = (self.place_long >> 27 << 27) | at
            if self.hits > 1:
                found = self.latest_short[self.place_short & self.match_mask]
                self.latest_short[self.place_short & self.match_mask] = (self.place_short >> 27 << 27) | at
                if found and (found ^ self.place_short) >> 27 == 0:
                    i = cython.cast(cython.int, found & 0x7FFFFFF)
            if i:
                self.similar_second = self._similar(i, at)
                if self.similar_second >= 4:
                    self.second = self.pixels[i]
                else:
                    self.similar_second = 0
        if self.match:
            return self.pixels[self.match]
        self.match_length = self.similarity = 0
        return -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _predict(self, err: cython.int, err_above: cython.int) -> cython.void:
        """Guesses the colour from the neighbours' in five ways, and blends them by how right they were nearby."""
        distance: cython.p_ushort = self.distance
        color: cython.p_short = self.color
        errors: cython.p_short = self.errors
        guess: cython.p_short = self.guess
        level: cython.p_uchar = self.level
        trust = cython.declare(cython.int[8])
        mean = cython.declare(cython.short[8])
        w: cython.int = self.w
        n: cython.int = self.n
        nw: cython.int = self.nw
        ne: cython.int = self.ne
        nn: cython.int = self.nn
        self.pattern = (w == n) | (nw == n) << 1 | (ne == n) << 2 | (nw == w) << 3
        along: cython.int = distance[w << 8 | self.ww] + distance[n << 8 | nw] + distance[n << 8 | ne]
        across: cython.int = distance[w << 8 | nw] + distance[n << 8 | nn] + distance[ne << 8 | self.nne]
        self.activity = level[min(along + across, 4095)]
        tilt: cython.int = across - along
        lean: cython.int = abs(tilt)
        lean = (lean > 24) + (lean > 96) + 2 * (lean > 240)
        k: cython.int
        c: cython.int
        total: cython.int = 0
        if cython.compiled:
            _recent(mean, errors + err - 8, errors + err_above, errors + err_above + 8)
        else:
            _recent(mean, errors[err - 8 :], errors[err_above:], errors[err_above + 8 :])
        for k in range(5):
            trust[k] = self.trust[mean[k]]
            total += trust[k]
        total = 1073741824 // total
        for k in range(5):
            trust[k] = (trust[k] * total) >> 14
        wc: cython.int
        nc: cython.int
        nwc: cython.int
        nec: cython.int
        o: cython.int
        g: cython.int
        for c in range(self.channels):
            wc, nc, nwc, nec = color[4 * w + c], color[4 * n + c], color[4 * nw + c], color[4 * ne + c]
            g = ((wc + nc) >> 1) + ((nec - nwc) >> 2)
            o = wc if tilt > 0 else nc
            g = _byte(g + (((o - g) * lean) >> 2))
            guess[8 * c] = g
            o = trust[0] * g
            g = (3 * wc + 3 * nc + 2 * nec) >> 3
            guess[8 * c + 1] = g
            o += trust[1] * g
            g = max(min(wc, nc), min(max(wc, nc), wc + nc - nwc))
            guess[8 * c + 2] = g
            o += trust[2] * g
            g = _byte(wc + ((nec - nwc) >> 1))
            guess[8 * c + 3] = g
            o += trust[3] * g
            g = _byte(nc + ((wc - nwc) >> 1) + ((nc - color[4 * nn + c]) >> 2))
            guess[8 * c + 4] = g
            o += trust[4] * g
            guess[8 * c + 5] = (o + 32768) >> 16
        k = errors[err_above + 5] + errors[err_above + 13] + 2 * errors[err - 3]
        self.doubt = level[min(k, 4095)]
        if self.contexts > _DEFAULT_CONTEXTS:
            self.p0 = self._snap(guess[0], guess[8], guess[16], guess[24])
            self.p3 = self._snap(guess[3], guess[11], guess[19], guess[27])
            self.p4 = self._snap(guess[4], guess[12], guess[20], guess[28])
        self.p1 = self._snap(guess[1], guess[9], guess[17], guess[25])
        self.p2 = self._snap(guess[5], guess[13], guess[21], guess[29])
        if cython.compiled:
            prefetch(self.logs + self.priors + (self.p2 * _WIDTHS + (self.doubt >> 1)) * 272)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _look(self, at: cython.int) -> cython.void:
        """Takes in the neighbours of a pixel."""
        pixels: cython.p_uchar = self.pixels
        above: cython.int = at - self.stride
        self.w, self.ww, self.www = pixels[at - 1], pixels[at - 2], pixels[at - 3]
        self.n, self.nw, self.ne = pixels[above], pixels[above - 1], pixels[above + 1]
        self.nee, self.nww, self.nwww, self.neee = (
            pixels[above + 2],
            pixels[above - 2],
            pixels[above - 3],
            pixels[above + 3],
        )
        above -= self.stride
        self.nn, self.nne, self.nnw, self.nnee = pixels[above], pixels[above + 1], pixels[above - 1], pixels[above + 2]
        self.flat = self.w == self.n and self.n == self.nw and self.n == self.ne
        self.equal = (self.ww == self.w) | (self.nn == self.n) << 1 | (self.nee == self.ne) << 2
        self.equal |= (self.nne == self.ne) << 3 | (self.nww == self.nw) << 4

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _seek(self) -> cython.void:
        """Where earlier places that looked like this one are noted."""
        h: cython.uint = self.nw | self.ne << 8 | self.nww << 16 | self.nee << 24
        g: cython.uint = _mix(self.w | self.ww << 8 | self.www << 16 | self.n << 24, h)
        self.place_long = _stir(_mix(g, self.nn | self.nnw << 8 | self.nne << 16 | self.nnee << 24))
        if cython.compiled:
            prefetch(self.latest + (self.place_long & self.match_mask))
        if self.hits > 1:
            g = _mix(self.w | self.ww << 8 | self.n << 16 | self.nn << 24, h)
            self.place_short = _stir(_mix(g, self.nne))
            if cython.compiled:
                prefetch(self.latest_short + (self.place_short & self.match_mask))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _locate_first(self) -> cython.void:
        """Locates the contexts that follow from the nearest neighbours alone."""
        self.base[0] = _stir(self.w | self.n << 8 | self.nw << 16 | self.ne << 24)
        self.base[1] = _stir(self.n | self.nn << 8)
        self.base[2] = _stir(self.w | self.ww << 8)
        self._locate(0, 3, 0 if self.colors > 16 else 1)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _locate_rest(self, x: cython.int, matched: cython.int) -> cython.void:
        """Locates the contexts that need matches and predictions, and for `max` eight more."""
        base: cython.p_uint = self.base
        h: cython.uint = (matched + 1) | (self.second + 1) << 9
        base[3] = _stir(h | (self.similarity >> 2) << 18 | (self.similar_second >> 2) << 22)
        base[4] = _stir(self.p1 | self.activity >> 1 << 8)
        if self.contexts > _DEFAULT_CONTEXTS:
            base[5] = _stir(self.w | (self.run > 0) << 8)
            h = _mix(
                self.w | self.n << 8 | self.nw << 16 | self.ne << 24,
                self.ww | self.nn << 8 | self.nne << 16 | self.nee << 24,
            )
            h = _mix(h, self.nwww | self.nww << 8 | self.nee << 16 | self.neee << 24)
            base[6] = _stir(_mix(h, self.nnw | self.nnee << 8 | self.www << 16))
            base[7] = _stir(self.n | self.ne << 8)
            base[8] = _stir(self.w | self.ne << 8)
            base[9] = _stir(x)
            base[10] = _stir(self.p3 | self.p4 << 8)
            base[11] = _stir(self.w | self.nw << 8 | self.n << 16)
            base[12] = _stir(self.p0 | self.activity << 8)
        self._locate(3, self.contexts, 0 if self.colors > 16 else 1)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _span(self, at: cython.int, x: cython.int, matched: cython.int, length: cython.int) -> cython.int:
        """Codes whether all pixels are alike from here to where the row above changes.

        Returns how many pixels are done, or 0.
        """
        key: cython.p_uint = self.key
        w: cython.int = self.w
        span: cython.int = self.width - x if self.change >= self.width else self.change - 1 - x
        if span < _LEAST_SPAN:
            return 0
        agree: cython.int = 0
        if matched >= 0:  # of what it expects beyond this pixel, the answer follows from what is here
            agree = 1 if self._same(self.match, w, min(span, at - self.match)) else 2
        size: cython.int = self.level[min(span, 4095)]
        above: cython.int = self._same(at - 2 * self.stride, w, span)
        run: cython.int = 15 if self.run > 255 else self.level[self.run]
        key[0] = self.equal | size << 6 | (self.www == w) << 10 | (self.nwww == w) << 11 | (self.nnw == w) << 12
        key[0] |= above << 13 | 1 << 20
        key[1] = (self._around() + size + 1) & 0x7FFFFFFF
        key[2] = w | size << 8 | agree << 12 | above << 14 | 1 << 20
        key[3] = agree | length << 2 | size << 5 | above << 9 | 1 << 20
        key[4] = self.runs | size << 4 | above << 8 | 1 << 20
        key[5] = run | size << 4 | (x == 0) << 8 | (self.change >= self.width) << 9 | 1 << 20
        whole: cython.int = self._repeats(x, span) if self.choosing else self._same(at, w, span)
        whole = self._flag(whole, 8 * (16 + agree), 8 * (1024 + (size << 4 | self.runs & 3)), False)
        self.runs = self.runs << 1 & 15 | whole
        if whole:
            self._skip(at, x, span, agree)
            return span
        self.broken = x + span
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _same(self, at: cython.int, rank: cython.int, length: cython.int) -> cython.bint:
        """Whether all of `length` positions from `at` on have that rank."""
        i: cython.int
        for i in range(at, at + length):
            if self.pixels[i] != rank:
                return False
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _skip(self, at: cython.int, x: cython.int, span: cython.int, agree: cython.int) -> cython.void:
        """Goes on behind `span` pixels that are all like the one before.

        agree: whether a match expected that: 1 if it did.
        """
        self._set(at, self.w, span)
        self._right(self.err + 8 * x, span)
        i: cython.int
        if self.choosing:
            for i in range(x, x + span):
                self._want(i)
                self._pass_on(i, self.w, True)
        if agree == 1:
            self.match += span - 1
            self.match_length += span
        else:
            self.match = self.match_length = 0
        self.run += span - 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _set(self, at: cython.int, rank: cython.int, count: cython.int) -> cython.void:
        """Sets `count` pixels, and the margin: above the first row lies its last pixel."""
        i: cython.int
        for i in range(at, at + count):
            self.pixels[i] = rank
        if at < 4 * self.stride:
            for i in range(1, count + 3):
                self.pixels[at - self.stride + i] = rank
                self.pixels[at - 2 * self.stride + i] = rank

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _right(self, err: cython.int, count: cython.int) -> cython.void:
        """All guesses were right about `count` pixels."""
        i: cython.int
        for i in range(err, err + 8 * count):
            self.errors[i] = 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _around(self) -> cython.uint:
        """A hash of eight neighbours."""
        return _mix(
            self.w | self.n << 8 | self.nw << 16 | self.ne << 24,
            self.ww | self.nn << 8 | self.nee << 16 | self.nne << 24,
        )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _sure(
        self, x: cython.int, matched: cython.int, length: cython.int, candidate: cython.int, symbol: cython.int
    ) -> cython.int:
        """Codes whether a pixel is what is nearly certain."""
        key: cython.p_uint = self.key
        w: cython.int = self.w
        flat: cython.int = self.flat
        broken: cython.int = x < self.broken
        ahead: cython.int = min(self.change - x - 2, 8)
        run: cython.int = 15 if self.run > 255 else self.level[self.run]
        h: cython.uint = self._around()
        agree: cython.int = 0
        agree_second: cython.int = 0
        if matched >= 0:
            agree = (1 if matched == candidate else 2) + 3 * (self.similarity >> 1)
        if self.second >= 0:
            agree_second = (1 if self.second == candidate else 2) + 3 * (self.similar_second >> 1)
        key[0] = self.equal | flat << 5 | ahead << 6 | (self.www == w) << 10 | (self.nwww == w) << 11
        key[0] |= (self.nnw == w) << 12 | (self.nnee == w) << 13 | broken << 14
        key[1] = (h + flat) & 0x7FFFFFFF
        key[2] = candidate | self.equal << 8 | agree << 13 | flat << 20
        key[3] = agree | agree_second << 6 | length << 12 | flat << 16
        key[4] = run | ahead << 4 | flat << 8 | (candidate == 0) << 9 | length << 10 | broken << 14
        key[5] = (_mix(h, self.nww | self.nnw << 8 | self.www << 16 | self.neee << 24) + flat) & 0x7FFFFFFF
        if self.choosing:
            self._compare(candidate)
        return self._flag(symbol == candidate, 8 * (flat << 3 | length), 8 * (agree << 5 | self.equal), self.choosing)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _tree(self, matched: cython.int, length: cython.int, excluded: cython.int, symbol: cython.int) -> cython.int:
        """Codes a rank in one nibble or two, all contexts located, and leaves the last lesson pending."""
        hit: cython.p_int = self.hit
        w: cython.int = self.w
        n: cython.int = self.n
        third: cython.int = -1
        if self.nw != w and self.nw != n:
            third = self.nw
        elif self.ne != w and self.ne != n:
            third = self.ne
        alike: cython.int = self.pattern | self.equal << 4
        i: cython.int
        high: cython.int = 0
        prior: cython.int = self._prior(self.p2, self.doubt >> 1)
        self.chance[0] = length << 4 | min(self.similarity, 15)
        self.chance[1] = 1024 + self.similar_second
        self.chance[2], self.chance[3], self.chance[4] = 2048 + alike, 3072 + alike, 4096 + alike
        self.bias_set[0], self.bias_set[1] = 16 * w, 16 * (1024 + n)
        self.bias_set[2], self.bias_set[3] = 16 * (2048 + self.p2), 16 * (3072 + alike)
        self.set_d = 16 * (256 | self.p2)
        if self.choosing:
            self.excluded, self.prior, self.spent = excluded, prior, 0
        if self.colors > 16:
            hit[0], hit[1], hit[2] = _high(matched), _high(self.second), w >> 4
            hit[3], hit[4] = 16 if n == w else n >> 4, _high(third)
            # a high nibble whose only colour is excluded
            i = excluded >> 4 if excluded >= 0 and self.colors - (excluded & 240) == 1 else -1
            self.set_a, self.set_b, self.set_d = 16 * self.activity, 16 * alike, 16 * self.p2
            self._find(prior)
            high = self._code(symbol >> 4, (self.colors + 15) >> 4, i)
            self._locate(0, self.contexts, 1 + high)
            if cython.compiled:
                prefetch(self.logs + self.priors + prior + 16 + 16 * high)
            self._teach()
            # a rank if its high nibble is right, else only that nibble
            self.bias_set[0] = 16 * (256 + (w if w >> 4 == high else 256 + high))
            self.bias_set[1] = 16 * (1280 + (n if n >> 4 == high else 256 + high))
            self.bias_set[2] = 16 * (2304 + (self.p2 if self.p2 >> 4 == high else 256 + high))
            self.bias_set[3] = 16 * (3584 + high)
            self.set_d = 16 * (256 | high << 4 | self.p2 >> 4)
        for i in range(_HITS):
            self.chance[i] += 512
        hit[0], hit[1], hit[4] = _low(matched, high), _low(self.second, high), _low(third, high)
        hit[2], hit[3] = _low(w, high), 16 if n == w else _low(n, high)
        self.set_a, self.set_b = 16 * (16 + self.activity), 16 * (512 + alike)
        self._find(prior + 16 + 16 * high)
        i = excluded & 15 if excluded >= 0 and excluded >> 4 == high else -1
        self.pending = True
        self.high = high
        symbol = high << 4 | self._code(symbol & 15, min(self.colors - 16 * high, 16), i)
        if self.choosing:
            self.mean_spent += (self.spent - self.mean_spent) >> 6
        return symbol

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _pixel(self, at: cython.int, x: cython.int) -> cython.int:
        """Codes a pixel, or a span of them, and returns how many: a flag if that will do, or else its rank."""
        i: cython.int
        err: cython.int = self.err + 8 * x
        symbol: cython.int = self.pixels[at]
        self._look(at)
        self.run = 0 if x == 0 or self.w != self.ww else self.run + 1
        if not self.flat:
            self._seek()
            self._locate_first()
        if self.pending:
            self._teach()
        predicted: cython.bint = not self.flat and self.match_length < 36
        if predicted:
            self._predict(err, self.err_above + 8 * x)
        matched: cython.int = self._follow(at)
        length: cython.int = self.match_length
        length = (length > 0) + (length > 3) + (length > 15) + (length > 31) + (length > 127)
        candidate: cython.int = -1
        excluded: cython.int = -1
        if self.flat or (self.match_length >= 36 and self.similarity >= 14):
            candidate = self.w if self.flat else matched
            if self.change < x + 2:
                self.change = x + 2
                while self.change < self.width and self.pixels[at - self.stride - x + self.change] == self.n:
                    self.change += 1
            if self.flat and x >= self.broken:
                i = self._span(at, x, matched, length)
                if i:
                    return i
        if self.choosing:
            self._gather(x)
        if candidate >= 0 and not self._sure(x, matched, length, candidate, symbol):
            excluded = candidate
            candidate = -1
        if candidate >= 0:
            symbol = candidate
            self._right(err, 1)
        else:
            if not predicted:
                self._predict(err, self.err_above + 8 * x)
            if self.flat:
                self._locate_first()
            self._locate_rest(x, matched)
            symbol = self._tree(matched, length, excluded, symbol)
            if cython.compiled:
                _miss(self.errors + err, self.guess, self.color + 4 * symbol)
            else:
                _miss(self.errors[err:], self.guess, self.color[4 * symbol :])
        self._set(at, symbol, 1)
        if self.choosing:
            self._pass_on(x, symbol, True)
        if matched == symbol:
            self.match_length += 1
        else:
            self.match = self.match_length = 0
        return 1

    @cython.cfunc
    @cython.exceptval(-1)
    def _report(self) -> cython.int:
        """Tells how many pixels were done; what that raises ends the tile."""
        done = self.untold
        self.untold = 0
        if self.tell is not None:
            self.tell(done)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _row(self, y: cython.int) -> cython.int:
        """Codes a row and sets the margins beside it; returns how many pixels there were before the stream ended."""
        pixels: cython.p_uchar = self.pixels
        start: cython.int = (y + 3) * self.stride + 8
        x: cython.int = 0
        done: cython.int
        i: cython.int
        for i in range(4):
            pixels[start - 1 - i] = pixels[start - self.stride]
        self.err = 8 * (8 + (y & 1) * self.stride)
        self.err_above = 8 * (8 + (1 - (y & 1)) * self.stride)
        self.run = self.change = self.broken = 0
        while x < self.width and self.at <= self.size + 4:
            done = self._pixel(start + x, x)
            x += done
            self.untold += done
            if self.untold >= _TOLD:
                with cython.gil:
                    self._report()
        for i in range(4):
            pixels[start + self.width + i] = pixels[start + self.width - 1]
        if self.match:
            self.match += _STRIDE_PAD
        return x

    def encode(self, indices: memoryview, tell: object = None) -> bytes:
        """The stream of a tile of these indices, flat bytes, all below the number of colours.

        tell: called with the number of pixels done since it was last called; what it raises ends the work.
        """
        self.tell = tell
        given: cython.const[cython.uchar][::1] = indices
        y: cython.int
        x: cython.int
        with cython.nogil:
            for y in range(self.rows):
                for x in range(self.width):
                    self.pixels[(y + 3) * self.stride + 8 + x] = self.rank[given[y * self.width + x]]
        # A row writes the margins that the next one reads, so rows are set before and coded after. A pixel takes two
        # flags of 16 bits and two nibbles of 20 at the most.
        for y in range(self.rows):
            self._reserve(9 * self.width + 16)
            with cython.nogil:
                self._row(y)
        self._report()
        return self.finish()

    def decode(self, indices: memoryview, tell: object = None) -> bool:
        """Fills `indices`, flat writable bytes of zeros; returns whether the stream ends where the pixels do.

        Where a stream is too short, the pixels that it does not reach stay zero. `tell`: as in `encode`.
        """
        self.tell = tell
        given: cython.uchar[::1] = indices
        y: cython.int
        x: cython.int
        reached: cython.int
        with cython.nogil:
            for y in range(self.rows):
                reached = self._row(y)
                for x in range(reached):
                    given[y * self.width + x] = self.order[self.pixels[(y + 3) * self.stride + 8 + x]]
                if reached < self.width:
                    break
        self._report()
        return self.finished()

    # Choosing.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _far(self, rank: cython.int) -> cython.int:
        """How far a colour is from what is wanted, squared."""
        total: cython.int = 0
        difference: cython.int
        c: cython.int
        for c in range(4):
            difference = self.wanted[c] - self.center[4 * rank + c]
            total += difference * difference
        return total

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _want(self, x: cython.int) -> cython.int:
        """What a pixel is to look like, with what it takes of the errors before it; returns the nearest rank."""
        wish: cython.int = self.wish[self.row + x]
        kind: cython.int = self.busy[self.row + x]
        share: cython.int = self.shares[kind]
        owed: cython.int = self.owed_row + 4 * x
        start: cython.int = self.rank[self.label[wish]]
        nearest: cython.int = start
        rank: cython.int
        far: cython.int
        i: cython.int
        for i in range(4):
            far = ((self.owed[owed + i] + 7 * self.left[i]) * share + 2048) >> 12
            self.wanted[i] = min(max(self.wishes[4 * wish + i] + far, 0), _COORDINATE)
        self.price = self.prices[kind]
        self.least = self._far(start)
        limit: cython.int = 4 * self.least
        for i in range(start * self.colors + 1, (start + 1) * self.colors):
            if self.apart[i] > limit:
                break
            rank = self.near[i]
            far = self._far(rank)
            if far > self.least or (far == self.least and self.order[rank] > self.order[nearest]):
                continue
            if self._replaces(rank, start):
                self.least = far
                nearest = rank
        return nearest

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _replaces(self, rank: cython.int, other: cython.int) -> cython.bint:
        """Whether a colour may stand for another: what is opaque, or clear, stays so."""
        a: cython.int = self.color[4 * rank + 3]
        b: cython.int = self.color[4 * other + 3]
        return a == b or (0 < a < 255 and 0 < b < 255)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _gather(self, x: cython.int) -> cython.void:
        """Which ranks come into question for a pixel."""
        nearest: cython.int = self._want(x)
        allowed: cython.int = _MOST_BITS * self.price
        limit: cython.int = 4 * self.least + 2 * allowed  # as (a + b)^2 <= 2 (a^2 + b^2)
        count: cython.int = 1
        rank: cython.int
        excess: cython.int
        i: cython.int
        self.option[0] = nearest
        self.excess[0] = 0
        for i in range(nearest * self.colors + 1, (nearest + 1) * self.colors):
            if self.apart[i] > limit:
                break
            rank = self.near[i]
            excess = self._far(rank) - self.least
            if excess <= allowed and self._replaces(rank, nearest):
                self.option[count] = rank
                self.excess[count] = excess
                count += 1
        self.options = count

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _compare(self, candidate: cython.int) -> cython.void:
        """How much farther a candidate is than the best of the other options."""
        mine: cython.longlong = _NEVER
        other: cython.longlong = _NEVER
        i: cython.int
        for i in range(self.options):
            if self.option[i] == candidate:
                mine = self.excess[i]
            elif self.excess[i] < other:
                other = self.excess[i]
        self.extra = (mine - other) * 1024

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _agrees(self, bits: cython.int) -> cython.bint:
        """Whether yes is the better answer, which takes so many bits more than no.

        After a no there is a tree to code. What a yes saves in the pixels that come, for which it is easier to be
        like their neighbours, is worth another one, as measured.
        """
        return self.extra + cython.cast(cython.longlong, self.price) * (bits - 2 * self.mean_spent) <= 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _best(self, total: cython.uint) -> cython.int:
        """The nibble that is best for its error and its bits, those included that its low nibble is expected to take.

        A neighbour's colour is preferred for what it saves later: a quarter of a tree, as measured.
        """
        low: cython.bint = self.set_a >= 256
        whole: cython.int = self._log(total)
        least: cython.longlong = 0x7FFFFFFFFFFFFFFF
        cost: cython.longlong
        bits: cython.int
        spent: cython.int = 0
        rank: cython.int
        nibble: cython.int
        best: cython.int = 0
        i: cython.int
        for i in range(self.options):
            rank = self.option[i]
            if rank == self.excluded or (low and rank >> 4 != self.high):
                continue
            nibble = rank & 15 if low else rank >> 4
            bits = whole - self._log(self.frequency[nibble])
            cost = bits if low else bits - self.logs[self.priors + self.prior + 16 + rank]
            if rank == self.w or rank == self.n:
                cost -= self.mean_spent >> 2
            cost = cost * self.price + cython.cast(cython.longlong, self.excess[i]) * 1024
            if cost < least:
                least = cost
                best = nibble
                spent = bits
        self.spent += spent
        return best

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _pass_on(self, x: cython.int, rank: cython.int, below: cython.bint) -> cython.void:
        """Passes a pixel's error on to the right and, if that is settled, below."""
        owed: cython.int = self.owed_below + 4 * x
        error: cython.int
        c: cython.int
        for c in range(4):
            error = self.wanted[c] - self.center[4 * rank + c]
            self.left[c] = error
            if below:
                self.owed[owed - 4 + c] += 3 * error
                self.owed[owed + c] += 5 * error
                self.owed[owed + 4 + c] += error

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _repeats(self, x: cython.int, span: cython.int) -> cython.bint:
        """Whether pixels may as well be like the one before, each with what it takes of the errors until then."""
        before = cython.declare(cython.int[4])
        w: cython.int = self.w
        nearest: cython.int
        c: cython.int
        i: cython.int
        so: cython.bint = True
        for c in range(4):
            before[c] = self.left[c]
        for i in range(x, x + span):
            nearest = self._want(i)
            self.extra = 1024 * cython.cast(cython.longlong, self._far(w) - self.least)
            so = self._replaces(w, nearest) and self._agrees(0)
            if not so:
                break
            self._pass_on(i, w, False)
        for c in range(4):
            self.left[c] = before[c]
        return so

    @cython.cfunc
    def _survey(self, centers: cython.const[cython.int][::1], near: cython.const[cython.uchar][::1]) -> object:
        """Takes in the coordinates of the colours, and for each of them all others, the nearest first."""
        k: cython.int = self.colors
        rank: cython.int
        i: cython.int
        c: cython.int
        self.center = _ints(self._own("i", 4 * k))
        self.near = _uchars(self._own("B", k * k))
        self.apart = _ints(self._own("i", k * k))
        self.wanted, self.left = _ints(self._own("i", 4)), _ints(self._own("i", 4))
        self.owed = _ints(self._own("i", 8 * (self.width + 2)))
        self.option, self.excess = _uchars(self._own("B", k)), _ints(self._own("i", k))
        for rank in range(k):
            for c in range(4):
                self.center[4 * rank + c] = centers[4 * self.order[rank] + c]
        for rank in range(k):
            for c in range(4):
                self.wanted[c] = self.center[4 * rank + c]
            for i in range(k):
                self.near[rank * k + i] = self.rank[near[k * self.order[rank] + i]]
                self.apart[rank * k + i] = self._far(self.near[rank * k + i])
        return None

    def choose(
        self,
        indices: memoryview,
        wish: memoryview,
        wishes: memoryview,
        label: memoryview,
        busy: memoryview,
        prices: memoryview,
        shares: memoryview,
        centers: memoryview,
        near: memoryview,
        tell: object = None,
    ) -> None:
        """Fills `indices`, flat writable bytes, with those of the colours that are wanted, and that cost little.

        The others are what `Wishes` holds, flat and writable, and within its bounds. `tell`: as in `encode`.
        """
        self.tell = tell
        chosen: cython.uchar[::1] = indices
        y: cython.int
        x: cython.int
        i: cython.int
        row: cython.int = 4 * (self.width + 2)
        self.wish, self.wishes, self.label = _ints(wish), _ints(wishes), _uchars(label)
        self.busy, self.prices, self.shares = _ushorts(busy), _ints(prices), _uchars(shares)
        self._survey(centers, near)
        self.choosing = True
        self.mean_spent = _FIRST_BITS
        for y in range(self.rows):
            self._reserve(9 * self.width + 16)
            with cython.nogil:
                self.row = y * self.width
                self.owed_row, self.owed_below = row * (y & 1) + 4, row * (1 - (y & 1)) + 4
                for i in range(row):
                    self.owed[self.owed_below - 4 + i] = 0
                for i in range(4):
                    self.left[i] = 0
                self._row(y)
                for x in range(self.width):
                    chosen[self.row + x] = self.order[self.pixels[(y + 3) * self.stride + 8 + x]]
        self._report()


_EMPTY = cython.declare(cython.int, 0)  # contexts: 8 classes of how many colours there are, 32 levels
_SIDE = cython.declare(cython.int, 256)  # G, A, and 4 places of the reference for each of R and B
_PLACE = cython.declare(cython.int, 266)  # G, A, and 3 predictions for each of R and B; 12 places
_NEAR = cython.declare(cython.int, 32)  # so many colours before are searched for the nearest

_SIGMOID = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
            3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094)  # fmt: skip


def _squashed(x: int) -> int:
    """4096 / (1 + exp(-x / 256)), x in -2047..2047."""
    i, f = (x + 2048) >> 7, (x + 2048) & 127
    return (_SIGMOID[i] * (128 - f) + _SIGMOID[i + 1] * f + 64) >> 7


_SQUASH = _table("i", [_squashed(max(i - 2048, -2047)) for i in range(4096)])  # by x + 2048
_STRETCH = _buffer("i", 4096, 2047)  # the least x whose _squashed(x) is at least p
for _x in range(2047, -2048, -1):
    for _p in range((_squashed(_x - 1) if _x > -2047 else -1) + 1, _squashed(_x) + 1):
        _STRETCH[_p] = _x


@cython.final
@cython.cclass
class ColorSet(Arithmetic):
    """A set of colours on its way through the coder (KPAL.md, section 4.1), in one direction.

    channels: 3 or 4. data: the stream to decode; None to encode.

    Any stream ends: a cell holds no more colours than fit into it, so that halving comes to single ones, and those end
    with their bits. Contexts follow from levels below 32, classes, and places below 12.
    """

    channels: cython.int
    count: cython.int
    done: cython.p_int  # colours, four numbers each
    given: cython.p_int  # the same, to encode
    chance: cython.p_int
    seen: cython.p_int
    weight: cython.p_int
    stack: cython.p_int
    squash: cython.p_int
    stretch: cython.p_int
    owners: list

    def __init__(self, channels: int, data: bytes | None) -> None:
        Arithmetic.__init__(self, data, 2048)
        self.channels, self.count = channels, 0
        done: cython.int[::1] = _buffer("i", 1024)
        given: cython.int[::1] = _buffer("i", 1024)
        chance: cython.int[::1] = _buffer("i", 362)
        seen: cython.int[::1] = _buffer("i", 362)
        weight: cython.int[::1] = _buffer("i", 6)
        stack: cython.int[::1] = _buffer("i", 6 * 40)
        squash: cython.int[::1] = _SQUASH
        stretch: cython.int[::1] = _STRETCH
        self.owners = [done, given, chance, seen, weight, stack]
        if cython.compiled:
            self.done, self.given = cython.address(done[0]), cython.address(given[0])
            self.chance, self.seen = cython.address(chance[0]), cython.address(seen[0])
            self.weight, self.stack = cython.address(weight[0]), cython.address(stack[0])
            self.squash, self.stretch = cython.address(squash[0]), cython.address(stretch[0])
        else:
            self.done, self.given, self.chance, self.seen = done, given, chance, seen
            self.weight, self.stack, self.squash, self.stretch = weight, stack, squash, stretch
        i: cython.int
        for i in range(362):
            chance[i], seen[i] = 32768, 1
        for i in range(256):
            chance[i] = 39321 if i < 32 else 458752 // (5 * (i // 32 + 2) - 4)
        for i in (3, 7):
            chance[_SIDE + i], chance[_SIDE + i + 1] = 13107, 52428
        for i in range(96):
            chance[_PLACE + i] = squash[2048 + (2 * (i % 12) - 11) * 24] << 4
            seen[_PLACE + i] = 2
        for i in range(6):
            weight[i] = 19661

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _bit(self, p: cython.int, bit: cython.int) -> cython.int:
        """Codes a bit that is 1 with the probability p / 65536."""
        bound: cython.ulonglong = (self.range >> 16) * p
        if self.decoding:
            bit = self.low < bound
        if bit:
            self._narrow(0, bound)
        else:
            self._narrow(bound, self.range - bound)
        return bit

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _learn(self, context: cython.int, bit: cython.int) -> cython.void:
        """Moves the chance of a context towards a bit, at first fast."""
        n: cython.int = self.seen[context]
        step: cython.longlong = (bit << 16) - self.chance[context]
        self.chance[context] += (step * (131072 // (2 * n + 3))) >> 16
        if n < 30:
            self.seen[context] = n + 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _adaptive(self, context: cython.int, bit: cython.int) -> cython.int:
        """Codes a bit with the chance of one context."""
        bit = self._bit(min(max(self.chance[context], 16), 65520), bit)
        self._learn(context, bit)
        return bit

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _mixed(self, c0: cython.int, c1: cython.int, c2: cython.int, first: cython.int, bit: cython.int) -> cython.int:
        """Codes a bit that three contexts have their opinions of, with the weights from `first` on."""
        weight: cython.p_int = self.weight
        context = cython.declare(cython.int[3])
        opinion = cython.declare(cython.int[3])
        context[0], context[1], context[2] = c0, c1, c2
        i: cython.int
        score: cython.int = 0
        for i in range(3):
            opinion[i] = self.stretch[self.chance[context[i]] >> 4]
            score += weight[first + i] * opinion[i]
        p: cython.int = self.squash[_clamp(score >> 16, 2047) + 2048]
        bit = self._bit(p << 4, bit)
        for i in range(3):
            weight[first + i] = _clamp(weight[first + i] + ((opinion[i] * ((bit << 12) - p)) >> 8), 131072)
        for i in range(3):
            self._learn(context[i], bit)
        return bit

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _number(self, least: cython.int, most: cython.int, value: cython.int) -> cython.int:
        """Codes a number from `least` to `most`, all alike."""
        middle: cython.int
        while least < most:
            middle = (least + most + 1) >> 1
            if self._bit(65536 * (most + 1 - middle) // (most + 1 - least), value >= middle):
                least = middle
            else:
                most = middle - 1
        return least

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _nearest(self, low: cython.p_int, bits: cython.p_int) -> cython.int:
        """Where among the last colours stands the nearest to the cell, of equal ones the last."""
        done: cython.p_int = self.done
        best: cython.int = 0x7FFFFFFF
        near: cython.int = 0
        distance: cython.int
        d: cython.int
        i: cython.int
        c: cython.int
        for i in range(max(self.count - _NEAR, 0), self.count):
            distance = 0
            for c in range(4):
                if bits[c] >= 0:
                    d = abs(2 * (done[4 * i + c] - low[c]) + 1 - (1 << bits[c])) - (1 << bits[c])
                    distance += d * d if d > 0 else 0
            if distance <= best:
                best = distance
                near = 4 * i
        return near

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _point(self, low: cython.p_int, bits: cython.p_int, axes: cython.int, given: cython.int) -> cython.void:
        """Codes the rest of a colour that is alone in its cell: A, G, R, B, each predicted by what is known."""
        done: cython.p_int = self.done
        step: cython.int
        c: cython.int
        b: cython.int
        u: cython.int
        bit: cython.int
        near: cython.int
        p0: cython.int
        p1: cython.int
        p2: cython.int
        at: cython.int
        f: cython.int
        if axes == 3:
            bits[3] = -1  # it is no axis
        for step in range(4):
            c = 3 if step == 0 else 1 if step == 1 else 0 if step == 2 else 2
            if bits[c] < 0:
                continue
            near = self._nearest(low, bits)
            p0 = done[near + c]
            p1 = p2 = 0
            if c == 0:
                p1 = low[1]
                p2 = low[1] + p0 - done[near + 1]
            elif c == 2:
                p0 = low[1] + done[near + 2] - done[near + 1]
                p1 = low[0]
                p2 = (low[0] + low[1] - done[near] - done[near + 1] + 2 * done[near + 2]) >> 1
            for b in range(bits[c] - 1, -1, -1):
                bit = self.given[4 * given + c] >> b & 1
                u = b + 1
                at = low[c]
                if self.count == 0:
                    bit = self._bit(32768, bit)
                elif c & 1:
                    bit = self._adaptive(_PLACE + 12 * (c >> 1) + _place(p0, at, u), bit)
                else:
                    f = _PLACE + 12 * (2 + 3 * (c >> 1))
                    bit = self._mixed(
                        f + _place(p0, at, u), f + 12 + _place(p1, at, u), f + 24 + _place(p2, at, u), 3 * (c >> 1), bit
                    )
                low[c] += bit << b
            bits[c] = 0
        for c in range(4):
            done[4 * self.count + c] = low[c]
        self.count += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _cells(self, n: cython.int, axes: cython.int) -> cython.void:
        """Codes n colours, from the halves of the cube down, in Morton order."""
        stack: cython.p_int = self.stack
        low = cython.declare(cython.int[4])
        bits = cython.declare(cython.int[4])
        depth: cython.int = 0
        level: cython.int
        c: cython.int
        i: cython.int
        b: cython.int
        m: cython.int
        half: cython.longlong
        lower: cython.int
        at: cython.int
        d: cython.int
        if n > 0:
            depth = 1
            stack[0] = n
            stack[1] = stack[2] = stack[3] = stack[4] = 0
            stack[5] = 255 if axes == 3 else 0
        while depth:
            depth -= 1
            at = 6 * depth
            n = stack[at]
            level = stack[at + 1]
            for i in range(4):
                low[i] = stack[at + 2 + i]
            bits[3] = 0
            for i in range(axes):
                c = 1 if i == 0 else 0 if i == 1 else i
                bits[c] = 8 - (level + axes - 1 - i) // axes
            if n == 1:
                self._point(low, bits, axes, self.count)
                continue
            i = level % axes
            c = 1 if i == 0 else 0 if i == 1 else i
            b = bits[c] - 1
            half = 1
            half <<= 8 * axes - level - 1
            lower = 0
            if not self.decoding:
                for i in range(self.count, self.count + n):
                    lower += 1 - (self.given[4 * i + c] >> b & 1)
            m = n if n < 8 else 8 if n < 16 else 9
            if n <= half and self._adaptive(_EMPTY + (m - 2) * 32 + level, lower == 0 or lower == n):
                d = c >> 1
                if c & 1 == 0:
                    d = (low[1 if c == 0 else 0] >> b) - (low[c] >> b)
                    d = (3 if c == 0 else 7) + min(max(d, -1), 2)
                stack[at + 1] = level + 1
                stack[at + 2 + c] += self._adaptive(_SIDE + d, lower == 0) << b
                depth += 1
            else:
                i = n - 1 if n - 1 < half else cython.cast(cython.int, half)
                m = n - half if n > half else 1
                lower = self._number(max(m, 1), i, lower)
                for i in range(6):
                    stack[at + 6 + i] = stack[at + i]
                stack[at] = n - lower
                stack[at + 1] = stack[at + 7] = level + 1
                stack[at + 2 + c] += 1 << b
                stack[at + 6] = lower
                depth += 2

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _all(self, k: cython.int, opaque: cython.int, clear: cython.int) -> cython.void:
        """Codes k colours: the opaque ones, the one that is all zeros if there is one, and the others."""
        if self.channels == 3:
            self._cells(k, 3)
            return
        opaque = self._number(0, k, opaque)
        self._cells(opaque, 3)
        if opaque < k and self._bit(57344, clear):
            self.count += 1  # of zeros, as the buffer is
            opaque += 1
        self._cells(k - opaque, 4)

    def encode(self, colors: list) -> bytes:
        """The stream of these distinct colours (r, g, b, a), the opaque ones first, both parts in Morton order."""
        i: cython.int
        c: cython.int
        for i in range(len(colors)):
            for c in range(4):
                self.given[4 * i + c] = colors[i][c]
        opaque = sum(color[3] == 255 for color in colors)
        self._all(len(colors), opaque, (0, 0, 0, 0) in colors)
        return self.finish()

    def decode(self, k: int) -> list:
        """The k colours (r, g, b, a) in the order of the stream; whether they are distinct is for the caller."""
        self._all(k, 0, 0)
        flat = list(self.owners[0])
        return [tuple(flat[4 * i : 4 * i + 4]) for i in range(k)]

    def read_whole(self) -> bool:
        """Whether nothing of the stream was left over."""
        return self.size <= self.at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _place(predicted: cython.int, low: cython.int, bits: cython.int) -> cython.int:
    """Where a prediction lies in the cell low .. low + 2^bits - 1: from 0, far below it, to 11, far above."""
    width: cython.int = 1 << bits
    d: cython.int = 2 * (predicted - low) + 1 - width
    a: cython.int = abs(d)
    r: cython.int = (4 * a >= width) + (2 * a >= width) + (4 * a >= 3 * width) + (a > width) + (a > 2 * width)
    return 5 - r if d < 0 else 6 + r


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _mix(a: cython.uint, b: cython.uint) -> cython.uint:
    """A hash of two numbers, in 31 bits: what is more is no literal of C for Cython."""
    return ((a * 0x2F0B4C47) ^ ((b * 0x1E35A7BD) + 0x3C6EF372)) & 0x7FFFFFFF


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _clamp(value: cython.int, most: cython.int) -> cython.int:
    return min(max(value, -most), most)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _byte(value: cython.int) -> cython.int:
    return 0 if value < 0 else 255 if value > 255 else value


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _high(rank: cython.int) -> cython.int:
    """The high nibble of a rank; 16 for none, -1."""
    return rank >> 4 if rank >= 0 else 16


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _low(rank: cython.int, high: cython.int) -> cython.int:
    """The low nibble of a rank with that high nibble; 16 for others."""
    return rank & 15 if rank >> 4 == high else 16


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _stir(h: cython.uint) -> cython.uint:
    """A hash of 31 bits."""
    h = (h * 0x2F0B4C47) & 0x7FFFFFFF
    return ((h ^ (h >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF


@cython.cfunc
def _uchars(view: cython.uchar[::1]) -> cython.p_uchar:
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def _shorts(view: cython.short[::1]) -> cython.p_short:
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def _ushorts(view: cython.ushort[::1]) -> cython.p_ushort:
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def _ints(view: cython.int[::1]) -> cython.p_int:
    if cython.compiled:
        return cython.address(view[0])
    return view


@cython.cfunc
def _uints(view: cython.uint[::1]) -> cython.p_uint:
    if cython.compiled:
        return cython.address(view[0])
    return view


# The loops that a compiler turns into vector instructions. GCC does so if they are functions and if it does not know
# the number of lanes of `_dot`; as part of larger ones, or unrolled, they stayed scalar.


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _add(score: cython.p_short, slot: cython.p_short, weight: cython.short) -> cython.void:
    s: cython.Py_ssize_t
    for s in range(16):
        score[s] = score[s] + cython.cast(cython.short, (weight * slot[s]) >> 16)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _lean(score: cython.p_short, bias: cython.p_short) -> cython.void:
    s: cython.Py_ssize_t
    for s in range(16):
        score[s] = score[s] + (bias[s] >> 6)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _bend(bias: cython.p_short, error: cython.p_short, lanes: cython.Py_ssize_t) -> cython.void:
    s: cython.Py_ssize_t
    value: cython.short
    for s in range(lanes & -16):
        value = bias[s] + (error[s] >> 7)
        value = value if value < 16000 else 16000
        bias[s] = value if value > -16000 else -16000


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _copy(target: cython.p_short, source: cython.p_short) -> cython.void:
    values = cython.declare(cython.short[16])
    s: cython.Py_ssize_t
    for s in range(16):
        values[s] = source[s]
    for s in range(16):
        target[s] = values[s]


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _weigh(
    weights: cython.p_short,
    own: cython.p_short,
    a: cython.p_short,
    b: cython.p_short,
    d: cython.p_short,
    count: cython.Py_ssize_t,
) -> cython.void:
    """The weights of the contexts: four add up, to 24000 at the most."""
    c: cython.Py_ssize_t
    value: cython.short
    for c in range(count & -8):
        value = (a[c] >> 2) + (b[c] >> 2) + (d[c] >> 2) + (own[c] >> 2)
        value = value if value < 8191 else 8191
        weights[c] = value if value > -8191 else -8191


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _fall(score: cython.p_short, lanes: cython.Py_ssize_t) -> cython.void:
    """Each score becomes how far it is below the best one, 1023 at the most."""
    s: cython.Py_ssize_t
    value: cython.short
    best: cython.short = -32768
    for s in range(lanes & -16):
        best = score[s] if score[s] > best else best
    least: cython.short = best - 1023 if best > -31745 else -32768
    for s in range(lanes & -16):
        value = score[s]
        value = value if value > least else least
        score[s] = best - value


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _misjudge(
    error: cython.p_short, frequency: cython.p_short, inverse: cython.short, only: cython.p_short
) -> cython.void:
    """What each symbol was, 1 or 0, minus its chance, in 1/16384."""
    s: cython.Py_ssize_t
    for s in range(16):
        error[s] = (only[s] & 16384) - cython.cast(cython.short, (frequency[s] * inverse) >> 16)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _spike(score: cython.p_short, only: cython.p_short, value: cython.short, lanes: cython.Py_ssize_t) -> cython.void:
    s: cython.Py_ssize_t
    for s in range(lanes & -16):
        score[s] = score[s] + (only[s] & value)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _recent(mean: cython.p_short, w: cython.p_short, n: cython.p_short, ne: cython.p_short) -> cython.void:
    """The errors of the guesses nearby."""
    k: cython.Py_ssize_t
    for k in range(8):
        mean[k] = (n[k] + ne[k] + 3 * w[k]) >> 2


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _miss(errors: cython.p_short, guess: cython.p_short, color: cython.p_short) -> cython.void:
    """How far the guesses are from the colour that came, in steps of 8 of each channel at once."""
    k: cython.Py_ssize_t
    for k in range(8):
        errors[k] = (
            abs(guess[k] - color[0])
            + abs(guess[k + 8] - color[1])
            + abs(guess[k + 16] - color[2])
            + abs(guess[k + 24] - color[3])
        )


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _dot(error: cython.p_short, slot: cython.p_short, lanes: cython.Py_ssize_t) -> cython.int:
    s: cython.Py_ssize_t
    total: cython.int = 0
    for s in range(lanes & -16):
        total += error[s] * slot[s]
    return total


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _sink(slot: cython.p_short, fall: cython.short) -> cython.void:
    """Multiplies all chances by one number: their logarithms fall, but not below the floor."""
    least: cython.short = fall - 12288
    value: cython.short
    s: cython.Py_ssize_t
    for s in range(16):
        value = slot[s]
        if value < least:
            value = least
        slot[s] = value - fall


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _learn(weights: cython.p_short, steps: cython.p_short, count: cython.Py_ssize_t) -> cython.void:
    """Moves weights on by steps, which are below 400: 12288 * 2128 >> 16."""
    c: cython.Py_ssize_t
    value: cython.short
    for c in range(count & -8):
        value = weights[c] + steps[c]
        value = value if value < 24000 else 24000
        weights[c] = value if value > -24000 else -24000
