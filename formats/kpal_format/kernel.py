# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The inner loop of the coders `mix` and `max` (KPAL.md, section 5.2), compiled where there is a C compiler.

This one source is both: Cython's pure Python mode compiles it, and where it is not compiled it runs as plain Python,
slowly and with the same bytes. Its buffers are memoryviews in plain Python, which raise where C would wrap or go
astray, and pointers into them when compiled.

Encoder and decoder are one: `_nibble` and `_flag` write the symbol that they are given or read it, and all the rest
is the model, which follows from the pixels before.

Why no stream can hurt the compiled loop: nothing sees the stream but `_next`, which reads zeros behind its end, and
all that comes of it are the results of `_flag`, 0 or 1, and of `_nibble`, a symbol with a frequency above 0. Only ranks
below `colors` have one: `ceil(colors / 16)` high nibbles, and `min(16, colors - 16 * high)` low ones. Every index into
a table is made of such ranks, of a hash cut to the size of its table, of a number cut off by `min` or `_clamp`, or is
the position of an earlier pixel. The number of steps is the number of pixels, and `finished` compares the bytes that
were read with those that were there.
"""

from __future__ import annotations

try:
    import cython
except ImportError:
    from . import _cython as cython

COMPILED = cython.compiled

_STRIDE_PAD = cython.declare(cython.int, 16)  # ranks between two rows: 8 behind each row, 8 before the next
_WIDTHS = cython.declare(cython.int, 8)  # of the prior
_HITS = 5  # symbols that are inputs by themselves
_FLAGS = cython.declare(cython.int, 6)  # contexts of the flag
_ERRORS = cython.declare(cython.int, 6)  # of five predictors and of their blend
_FLOOR = cython.declare(cython.int, -12288)  # the lowest logarithm in a slot: 12 bits
_FLAG_FLOOR = cython.declare(cython.int, -16384)
_MOST_WEIGHT = cython.declare(cython.int, 8191)  # as it is used: 2 - 1/4096
_WEIGHT_LIMIT = cython.declare(cython.int, 1 << 20)  # as it is learnt: 16
_COUNTS = cython.declare(cython.int, 21)  # a slot's count runs from 0 to 20
_FLAG_COUNTS = cython.declare(cython.int, 99)

# The contexts of the profiles, by their numbers in KPAL.md; the `mix` coder uses the first eight.
_CONTEXTS = cython.declare(cython.int, 16)
_DEFAULT_CONTEXTS = cython.declare(cython.int, 8)


def _buffer(kind: str, size: int, value: int = 0) -> memoryview:
    """`size` numbers of that type code, all `value`."""
    view = memoryview(bytearray(size * memoryview(bytes(8)).cast(kind).itemsize)).cast(kind)
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
    return result


def _table(kind: str, values: list[int]) -> memoryview:
    view = _buffer(kind, len(values))
    for i, value in enumerate(values):
        view[i] = value
    return view


_EXP = _table("H", _exponentials())
_LOG = _table("h", [max(_FLOOR, log2(2 * i + 1) - 13312) for i in range(4096)])
_RATE = _table("i", [3276800 // (100 * n + 184) for n in range(_COUNTS)])
_DECAY = _table("i", [15360 - log2(32768 - _RATE[n]) for n in range(_COUNTS)])
_FLAG_RATE = _table("i", [65536 // (2 * n + 3) for n in range(_FLAG_COUNTS)])
_FLAG_DECAY = _table("i", [15360 - log2(32768 - _FLAG_RATE[n]) for n in range(_FLAG_COUNTS)])
_LEVEL = _table("B", [min(15, (((i + 1) ** 4).bit_length() - 1) // 3) for i in range(4096)])
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
        stream: cython.uchar[::1] = memoryview(bytearray(capacity if data is None else data or b"\0"))
        self.owner = stream
        self.decoding = data is not None
        self.size = len(stream)
        self.at = self.low = 0
        self.range = 0xFFFFFFFF
        if cython.compiled:
            self.stream = cython.address(stream[0])
        else:
            self.stream = stream
        if self.decoding:
            for _ in range(4):
                self.low = self.low << 8 | self._next()

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
class Band(Arithmetic):
    """One band on its way through the model, in one direction.

    profile: 0 for `mix`, 1 for `max`.
    colors: the palette as uint8 (k, 4) RGBA, k >= 2, flat bytes.
    opaque: whether alpha is 255 throughout.
    data: the stream to decode; None to encode.
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
    color: cython.p_int  # of a rank: four premultiplied channels
    distance: cython.p_ushort  # of two ranks, sum of absolute differences
    # the model
    contexts: cython.int
    lanes: cython.Py_ssize_t  # 16
    slot_mask: cython.uint
    slots: cython.uint
    logs: cython.p_short
    checks: cython.p_uint
    key: cython.p_uint
    found: cython.p_int
    weight_a: cython.p_int
    weight_b: cython.p_int
    weight_c: cython.p_int
    weight_n: cython.p_int
    hit: cython.p_int
    hit_context: cython.p_int
    hit_chance: cython.p_ushort
    hit_weight_a: cython.p_int
    hit_weight_b: cython.p_int
    flag_mask: cython.uint
    flag_logs: cython.p_short
    flag_weight_a: cython.p_int
    flag_weight_b: cython.p_int
    nearest: cython.p_short
    priors: cython.p_short
    errors: cython.p_int
    match_mask: cython.uint
    latest: cython.p_uint
    latest_short: cython.p_uint
    match: cython.int
    match_length: cython.int
    similarity: cython.int
    exp: cython.p_ushort
    log: cython.p_short
    rate: cython.p_int
    decay: cython.p_int
    flag_rate: cython.p_int
    flag_decay: cython.p_int
    level: cython.p_uchar
    spread: cython.p_int
    owners: list

    def __init__(self, profile: int, colors: bytes, opaque: bool, width: int, rows: int, data: bytes | None) -> None:
        k = len(colors) // 4
        pixels = width * rows
        # A pixel takes a flag of at most 16 bits and two nibbles of at most 20.
        Arithmetic.__init__(self, data, 7 * pixels + 16)
        self.width, self.rows, self.colors, self.channels = width, rows, k, 3 if opaque else 4
        self.stride = width + _STRIDE_PAD
        self.contexts = _CONTEXTS if profile else _DEFAULT_CONTEXTS
        self.lanes = 16
        n = self.contexts
        slot_bits = min(max((2 * pixels).bit_length(), 8), 16 if profile else 14)
        flag_bits = min(max(pixels.bit_length(), 8), 13)
        match_bits = min(max(pixels.bit_length(), 8), 17)
        self.slots, self.slot_mask = 1 << slot_bits, (1 << slot_bits) - 1
        self.flag_mask, self.match_mask = (1 << flag_bits) - 1, (1 << match_bits) - 1
        self.match = self.match_length = self.similarity = 0
        pix: cython.uchar[::1] = _buffer("B", (rows + 3) * self.stride + 2 * _STRIDE_PAD)
        order: cython.uchar[::1] = _buffer("B", 256)
        rank: cython.uchar[::1] = _buffer("B", 256)
        color: cython.int[::1] = _buffer("i", 1024)
        distance: cython.ushort[::1] = _buffer("H", 256 * k)
        logs: cython.short[::1] = _buffer("h", n * 16 << slot_bits)
        checks: cython.uint[::1] = _buffer("I", n << slot_bits)
        key: cython.uint[::1] = _buffer("I", 32)
        found: cython.int[::1] = _buffer("i", 32)
        weight_a: cython.int[::1] = _buffer("i", 32 * 16)
        weight_b: cython.int[::1] = _buffer("i", 32 * 16)
        weight_c: cython.int[::1] = _buffer("i", 512 * 16)
        weight_n: cython.int[::1] = _buffer("i", 32 * 16)
        hit: cython.int[::1] = _buffer("i", 8)
        hit_context: cython.int[::1] = _buffer("i", 8)
        hit_chance: cython.ushort[::1] = _buffer("H", _HITS * 1024, 49152)
        hit_weight_a: cython.int[::1] = _buffer("i", 32 * 8, 19661)
        hit_weight_b: cython.int[::1] = _buffer("i", 32 * 8)
        flag_logs: cython.short[::1] = _buffer("h", _FLAGS * 4 << flag_bits)
        flag_weight_a: cython.int[::1] = _buffer("i", 16 * 8, 12452)
        flag_weight_b: cython.int[::1] = _buffer("i", 1024 * 8)
        nearest: cython.short[::1] = _buffer("h", 32768)
        priors: cython.short[::1] = _buffer("h", k * _WIDTHS * 272)
        errors: cython.int[::1] = _buffer("i", 2 * _ERRORS * self.stride)
        latest: cython.uint[::1] = _buffer("I", 1 << match_bits)
        latest_short: cython.uint[::1] = _buffer("I", 1 << match_bits)
        exp: cython.ushort[::1] = _EXP
        log: cython.short[::1] = _LOG
        rate: cython.int[::1] = _RATE
        decay: cython.int[::1] = _DECAY
        flag_rate: cython.int[::1] = _FLAG_RATE
        flag_decay: cython.int[::1] = _FLAG_DECAY
        level: cython.uchar[::1] = _LEVEL
        spread: cython.int[::1] = _SPREAD
        self.owners = [pix, order, rank, color, distance, logs, checks, key, found, weight_a, weight_b, weight_c,
                       weight_n, hit, hit_context, hit_chance, hit_weight_a, hit_weight_b, flag_logs, flag_weight_a,
                       flag_weight_b, nearest, priors, errors, latest, latest_short]  # fmt: skip
        if cython.compiled:
            self.pixels = cython.address(pix[0])
            self.order, self.rank = cython.address(order[0]), cython.address(rank[0])
            self.color, self.distance = cython.address(color[0]), cython.address(distance[0])
            self.logs, self.checks = cython.address(logs[0]), cython.address(checks[0])
            self.key, self.found = cython.address(key[0]), cython.address(found[0])
            self.weight_a, self.weight_b = cython.address(weight_a[0]), cython.address(weight_b[0])
            self.weight_c, self.weight_n = cython.address(weight_c[0]), cython.address(weight_n[0])
            self.hit, self.hit_context = cython.address(hit[0]), cython.address(hit_context[0])
            self.hit_chance = cython.address(hit_chance[0])
            self.hit_weight_a, self.hit_weight_b = cython.address(hit_weight_a[0]), cython.address(hit_weight_b[0])
            self.flag_logs = cython.address(flag_logs[0])
            self.flag_weight_a, self.flag_weight_b = cython.address(flag_weight_a[0]), cython.address(flag_weight_b[0])
            self.nearest, self.priors = cython.address(nearest[0]), cython.address(priors[0])
            self.errors = cython.address(errors[0])
            self.latest, self.latest_short = cython.address(latest[0]), cython.address(latest_short[0])
            self.exp, self.log = cython.address(exp[0]), cython.address(log[0])
            self.rate, self.decay = cython.address(rate[0]), cython.address(decay[0])
            self.flag_rate, self.flag_decay = cython.address(flag_rate[0]), cython.address(flag_decay[0])
            self.level, self.spread = cython.address(level[0]), cython.address(spread[0])
        else:
            self.pixels, self.order, self.rank, self.color, self.distance = pix, order, rank, color, distance
            self.logs, self.checks, self.key, self.found = logs, checks, key, found
            self.weight_a, self.weight_b, self.weight_c, self.weight_n = weight_a, weight_b, weight_c, weight_n
            self.hit, self.hit_context, self.hit_chance = hit, hit_context, hit_chance
            self.hit_weight_a, self.hit_weight_b = hit_weight_a, hit_weight_b
            self.flag_logs, self.flag_weight_a, self.flag_weight_b = flag_logs, flag_weight_a, flag_weight_b
            self.nearest, self.priors, self.errors = nearest, priors, errors
            self.latest, self.latest_short = latest, latest_short
            self.exp, self.log, self.rate, self.decay = exp, log, rate, decay
            self.flag_rate, self.flag_decay, self.level, self.spread = flag_rate, flag_decay, level, spread

        i: cython.int
        c: cython.int
        alpha: cython.int
        for i in range(k):
            alpha = colors[4 * i + 3]
            color[4 * i + 3] = alpha
            for c in range(3):
                color[4 * i + c] = (colors[4 * i + c] * alpha + 127) // 255
            order[i] = i
        self._sort(0, k)
        self._start()

    @cython.cfunc
    def _sort(self, start: cython.int, n: cython.int) -> object:
        """Puts colours start to start + n into the order of a binary tree: halves along their widest axis."""
        color: cython.p_int = self.color
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
        color: cython.p_int = self.color
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
        for i in range(32768):
            self.nearest[i] = -1
        for i in range(_FLAGS * (cython.cast(cython.int, self.flag_mask) + 1)):
            self.flag_logs[4 * i] = -2191
            self.flag_logs[4 * i + 1] = -380
        for i in range(32):  # counts
            for c in range(self.contexts):
                self.weight_n[16 * i + c] = 62912 // self.contexts * (10 * i + 3) // (10 * i + 15)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _flag(self, yes: cython.int, weights_a: cython.int, weights_b: cython.int) -> cython.int:
        """Codes one binary decision, its contexts in `key`; `yes` is what to encode."""
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
        unit: cython.ulonglong = self.range // total
        if self.decoding:
            yes = 1 if self.low < unit * yes_weight else 0
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
    @cython.exceptval(check=False)
    def _find(self, node: cython.uint, prior: cython.Py_ssize_t) -> cython.int:
        """The slots of all contexts at a node of the tree; new ones begin as the prior says."""
        checks: cython.p_uint = self.checks
        logs: cython.p_short = self.logs
        priors: cython.p_short = self.priors
        key: cython.p_uint = self.key
        found: cython.p_int = self.found
        mask: cython.uint = self.slot_mask
        first: cython.uint = 0
        contexts: cython.int = self.contexts
        c: cython.int
        s: cython.Py_ssize_t
        h: cython.uint
        check: cython.uint
        at: cython.uint
        other: cython.uint
        slot: cython.Py_ssize_t
        for c in range(contexts):
            h = _mix(key[c], node)
            h = ((h ^ (h >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF
            h ^= h >> 12
            check = h >> 16 | 1
            at = first + (h & mask)
            if checks[at] >> 8 != check:
                other = at ^ 1
                if checks[other] >> 8 == check:
                    at = other
                else:
                    if checks[other] & 255 < checks[at] & 255:
                        at = other
                    checks[at] = check << 8
                    slot = 16 * cython.cast(cython.Py_ssize_t, at)
                    for s in range(16):
                        logs[slot + s] = priors[prior + s]
            found[c] = cython.cast(cython.int, at)
            first += mask + 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _nibble(
        self,
        symbol: cython.int,
        symbols: cython.int,
        excluded: cython.int,
        stage: cython.int,
        set_a: cython.int,
        set_b: cython.int,
        set_c: cython.int,
    ) -> cython.int:
        """Codes a symbol below `symbols` but not `excluded` (-1: any); its slots are in `found`.

        symbol: what to encode.
        stage: 0 for a high nibble, 1 for a low one.
        """
        score = cython.declare(cython.int[16])
        frequency = cython.declare(cython.ushort[16])
        error = cython.declare(cython.short[16])
        gradient = cython.declare(cython.int[16])
        w = cython.declare(cython.short[16])
        bump = cython.declare(cython.int[8])
        logs: cython.p_short = self.logs
        checks: cython.p_uint = self.checks
        found: cython.p_int = self.found
        exp: cython.p_ushort = self.exp
        log: cython.p_short = self.log
        hit: cython.p_int = self.hit
        hit_context: cython.p_int = self.hit_context
        hit_chance: cython.p_ushort = self.hit_chance
        weight: cython.p_int = self.weight_n
        if cython.compiled:
            a: cython.p_int = self.weight_a + set_a
            b: cython.p_int = self.weight_b + set_b
            d: cython.p_int = self.weight_c + set_c
        else:
            a, b, d = self.weight_a[set_a:], self.weight_b[set_b:], self.weight_c[set_c:]
        contexts: cython.Py_ssize_t = self.contexts
        s: cython.Py_ssize_t
        c: cython.Py_ssize_t
        at: cython.Py_ssize_t
        n: cython.int
        slot: cython.p_short
        lanes: cython.Py_ssize_t = self.lanes
        for s in range(16):
            score[s] = 0
        for c in range(contexts):
            at = found[c]
            n = checks[at] & 255
            n = (a[c] + b[c] + d[c] + weight[16 * n + c]) >> 4
            w[c] = _clamp(n, _MOST_WEIGHT)
        for c in range(contexts):
            at = found[c]
            if cython.compiled:
                slot = logs + 16 * at
            else:
                slot = logs[16 * at : 16 * at + 16]
            _add(score, slot, w[c])
        a2: cython.p_int = self.hit_weight_a
        b2: cython.p_int = self.hit_weight_b
        hit_a: cython.int = set_a >> 1
        hit_b: cython.int = set_b >> 1
        stage *= 512
        for c in range(5):
            s = hit[c]
            if s >= 0:
                n = hit_chance[1024 * c + stage + hit_context[c]] >> 4
                bump[c] = log[n] - log[4095 - n]
                n = _clamp((a2[hit_a + c] + b2[hit_b + c]) >> 4, _MOST_WEIGHT)
                score[s] += (n * bump[c]) >> 16

        # Frequencies, the highest 32767.
        best: cython.int = -32768
        for s in range(symbols, 16):
            score[s] = -32768
        if excluded >= 0:
            score[excluded] = -32768
        for s in range(16):
            if score[s] > best:
                best = score[s]
        total: cython.uint = 0
        for s in range(16):
            n = best - score[s]
            n = exp[n if n < 1023 else 1023]
            frequency[s] = n
            total += n
        for s in range(symbols, 16):
            total -= frequency[s]
            frequency[s] = 0
        if excluded >= 0:
            total -= frequency[excluded]
            frequency[excluded] = 0
        unit: cython.uint = cython.cast(cython.uint, self.range) // total
        below: cython.uint = 0
        if self.decoding:
            target: cython.uint = cython.cast(cython.uint, self.low) // unit
            if target >= total:
                target = total - 1
            symbol = 0
            while below + frequency[symbol] <= target:
                below += frequency[symbol]
                symbol += 1
        else:
            for s in range(symbol):
                below += frequency[s]
        self._narrow(unit * below, unit * frequency[symbol])

        # What the symbol teaches.
        inverse: cython.uint = 1073741824 // total
        for s in range(16):
            error[s] = -cython.cast(cython.short, (frequency[s] * inverse) >> 16)
        error[symbol] += 16384
        rate: cython.p_int = self.rate
        decay: cython.p_int = self.decay
        g: cython.int
        p: cython.int
        now: cython.int
        for c in range(contexts):
            at = found[c]
            n = checks[at] & 255
            if n < _COUNTS - 1:
                checks[at] += 1
            if cython.compiled:
                slot = logs + 16 * at
            else:
                slot = logs[16 * at : 16 * at + 16]
            g = _dot(error, slot, lanes) >> 14
            g = (g * 3) >> 6
            gradient[c] = g
            weight[16 * n + c] = _clamp(weight[16 * n + c] + 2 * g, _WEIGHT_LIMIT)
            now = slot[symbol]
            _sink(slot, decay[n])
            p = -now >> 4
            p = exp[p if p < 1023 else 1023] * 2
            p += ((65536 - p) * rate[n]) >> 15
            slot[symbol] = log[p >> 4]
        _learn(a, gradient, contexts)
        _learn(b, gradient, contexts)
        _learn(d, gradient, contexts)
        for c in range(5):
            s = hit[c]
            if s >= 0:
                g = (((error[s] * bump[c]) >> 14) * 400) >> 10
                a2[hit_a + c] = _clamp(a2[hit_a + c] + g, _WEIGHT_LIMIT)
                b2[hit_b + c] = _clamp(b2[hit_b + c] + g, _WEIGHT_LIMIT)
                at = 1024 * c + stage + hit_context[c]
                n = hit_chance[at]
                hit_chance[at] = n + ((65535 - n) >> 6) if s == symbol else n - (n >> 6)
        return symbol

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _prior(self, rank: cython.int, width: cython.int) -> cython.int:
        """Where the prior stands that expects a colour near to that of `rank`.

        That is 16 logarithms of chances for the high nibble, then 16 of low ones for each of its values.
        """
        start: cython.int = (rank * _WIDTHS + width) * 272
        priors: cython.p_short = self.priors
        if priors[start]:
            return start
        mass = cython.declare(cython.uint[256])
        group = cython.declare(cython.uint[16])
        color: cython.p_int = self.color
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
        color: cython.p_int = self.color
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
    def _row(self, y: cython.int) -> cython.int:
        """Codes a row: for each pixel its neighbours, then a flag if that will do, or else a tree of two nibbles."""
        pixels: cython.p_uchar = self.pixels
        distance: cython.p_ushort = self.distance
        color: cython.p_int = self.color
        key: cython.p_uint = self.key
        level: cython.p_uchar = self.level
        hit: cython.p_int = self.hit
        hit_context: cython.p_int = self.hit_context
        errors: cython.p_int = self.errors
        stride: cython.int = self.stride
        channels: cython.int = self.channels
        guess = cython.declare(cython.int[32])
        trust = cython.declare(cython.int[8])
        blend = cython.declare(cython.int[4])
        start: cython.int = (y + 3) * stride + 8
        err: cython.int = _ERRORS * (8 + (y & 1) * stride)
        err_above: cython.int = _ERRORS * (8 + (1 - (y & 1)) * stride)
        two: cython.bint = self.colors > 16
        run: cython.int = 0
        change: cython.int = 0
        x: cython.int
        at: cython.int
        i: cython.int
        for i in range(4):
            pixels[start - 1 - i] = pixels[start - stride]
        c: cython.int
        k: cython.int
        # neighbours by the points of the compass
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
        pattern: cython.int
        symbol: cython.int
        matched: cython.int
        second: cython.int
        similar_second: cython.int
        length: cython.int
        agree: cython.int
        agree_second: cython.int
        ahead: cython.int
        candidate: cython.int
        excluded: cython.int
        high: cython.int
        third: cython.int
        h: cython.uint
        h_second: cython.uint
        across: cython.int
        along: cython.int
        tilt: cython.int
        activity: cython.int
        wc: cython.int
        nc: cython.int
        g: cython.int
        total: cython.int
        doubt: cython.int
        p0: cython.int
        p1: cython.int
        p2: cython.int
        prior: cython.int
        rest: cython.int
        for x in range(self.width):
            at = start + x
            w, ww, www = pixels[at - 1], pixels[at - 2], pixels[at - 3]
            i = at - stride
            n, nw, ne, nee, nww = pixels[i], pixels[i - 1], pixels[i + 1], pixels[i + 2], pixels[i - 2]
            nwww, neee = pixels[i - 3], pixels[i + 3]
            i -= stride
            nn, nne, nnw, nnee = pixels[i], pixels[i + 1], pixels[i - 1], pixels[i + 2]
            symbol = pixels[at]
            flat = w == n and n == nw and n == ne
            equal = (ww == w) | (nn == n) << 1 | (nee == ne) << 2 | (nne == ne) << 3 | (nww == nw) << 4
            run = 0 if x == 0 or w != ww else run + 1

            # Two earlier places that looked like this one: one is followed as long as it is right, one found afresh.
            if self.match:
                self.match += 1
                self.similarity = 16 if flat else self._similar(self.match, at)
                if self.similarity < 8:
                    self.match = 0
            second = -1
            similar_second = 0
            if not flat:
                h_second = nw | ne << 8 | nww << 16 | nee << 24
                h = _mix(_mix(w | ww << 8 | www << 16 | n << 24, h_second), nn | nnw << 8 | nne << 16 | nnee << 24)
                h_second = _mix(_mix(w | ww << 8 | n << 16 | nn << 24, h_second), nne)
                h = (((h ^ (h >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF) >> 14 & self.match_mask
                h_second = (((h_second ^ (h_second >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF) >> 14 & self.match_mask
                if self.match == 0:
                    self.match_length = 0
                    self.match = self.latest[h]
                    if self.match:
                        self.similarity = self._similar(self.match, at)
                        if self.similarity < 8:
                            self.match = 0
                self.latest[h] = at
                i = self.latest_short[h_second]
                self.latest_short[h_second] = at
                if i:
                    similar_second = self._similar(i, at)
                    if similar_second >= 4:
                        second = pixels[i]
                    else:
                        similar_second = 0
            matched = -1
            if self.match:
                matched = pixels[self.match]
            else:
                self.match_length = self.similarity = 0
            length = self.match_length
            length = (length > 0) + (length > 3) + (length > 15) + (length > 31) + (length > 127)

            # One decision where the pixel is nearly certain.
            excluded = -1
            if flat or (self.match_length >= 36 and self.similarity >= 14):
                candidate = w if flat else matched
                agree = 0 if matched < 0 else (1 if matched == candidate else 2) + 3 * (self.similarity >> 1)
                agree_second = 0 if second < 0 else (1 if second == candidate else 2) + 3 * (similar_second >> 1)
                if change < x + 2 or x == 0:
                    change = x + 2
                    while change < self.width and pixels[at - stride - x + change] == n:
                        change += 1
                ahead = min(change - x - 2, 8)
                key[0] = equal | flat << 5 | ahead << 6
                key[0] |= (www == w) << 10 | (nwww == w) << 11 | (nnw == w) << 12 | (nnee == w) << 13
                h = _mix(w | n << 8 | nw << 16 | ne << 24, ww | nn << 8 | nee << 16 | nne << 24)
                key[1] = (h + flat) & 0x7FFFFFFF
                key[2] = candidate | equal << 8 | agree << 13 | flat << 20
                key[3] = agree | agree_second << 6 | length << 12 | flat << 16
                key[4] = (
                    (15 if run > 255 else level[run]) | ahead << 4 | flat << 8 | (candidate == 0) << 9 | length << 10
                )
                key[5] = (_mix(h, nww | nnw << 8 | www << 16 | neee << 24) + flat) & 0x7FFFFFFF
                if self._flag(symbol == candidate, 8 * (flat << 3 | length), 8 * (agree << 5 | equal)):
                    symbol = candidate
                    for k in range(_ERRORS):
                        errors[err + k] = 0
                else:
                    excluded = candidate
                    symbol = symbol if not self.decoding else -1
            else:
                symbol = symbol if not self.decoding else -1
                candidate = -1
            if excluded >= 0 or candidate < 0:
                pattern = (w == n) | (nw == n) << 1 | (ne == n) << 2 | (nw == w) << 3
                along = distance[w << 8 | ww] + distance[n << 8 | nw] + distance[n << 8 | ne]
                across = distance[w << 8 | nw] + distance[n << 8 | nn] + distance[ne << 8 | nne]
                activity = level[min(along + across, 4095)]
                tilt = across - along
                for k in range(5):
                    total = errors[err_above + k] + errors[err_above + _ERRORS + k] + 3 * errors[err - _ERRORS + k]
                    total >>= 2
                    trust[k] = max(65536 // (total * total + 8), 1)
                total = trust[0] + trust[1] + trust[2] + trust[3] + trust[4]
                for c in range(channels):
                    wc, nc = color[4 * w + c], color[4 * n + c]
                    i, k = color[4 * nw + c], color[4 * ne + c]
                    g = ((wc + nc) >> 1) + ((k - i) >> 2)
                    if tilt > 240:
                        g = wc
                    elif tilt < -240:
                        g = nc
                    elif tilt > 96:
                        g = (g + wc) >> 1
                    elif tilt > 24:
                        g = (3 * g + wc) >> 2
                    elif tilt < -96:
                        g = (g + nc) >> 1
                    elif tilt < -24:
                        g = (3 * g + nc) >> 2
                    guess[c] = _byte(g)
                    guess[4 + c] = (3 * wc + 3 * nc + 2 * k) >> 3
                    guess[8 + c] = min(wc, nc) if i >= max(wc, nc) else max(wc, nc) if i <= min(wc, nc) else wc + nc - i
                    guess[12 + c] = _byte(wc + ((k - i) >> 1))
                    guess[16 + c] = _byte(nc + ((wc - i) >> 1) + ((nc - color[4 * nn + c]) >> 2))
                    g = trust[0] * guess[c] + trust[1] * guess[4 + c] + trust[2] * guess[8 + c]
                    g += trust[3] * guess[12 + c] + trust[4] * guess[16 + c]
                    blend[c] = (g + (total >> 1)) // total
                for c in range(channels, 4):
                    guess[c] = guess[4 + c] = blend[c] = 255
                i = errors[err_above + 5] + errors[err_above + _ERRORS + 5] + 2 * errors[err - _ERRORS + 5]
                doubt = level[min(i, 4095)]
                p0 = self._snap(guess[0], guess[1], guess[2], guess[3])
                p1 = self._snap(guess[4], guess[5], guess[6], guess[7])
                p2 = self._snap(blend[0], blend[1], blend[2], blend[3])

                key[0] = _mix(w | n << 8, nw | ne << 8)
                key[1] = p0 | activity << 8
                key[2] = (matched + 1) | (second + 1) << 9 | (self.similarity >> 2) << 18 | (similar_second >> 2) << 22
                key[3] = w | (run > 0) << 8
                key[4] = n | nn << 8
                key[5] = w | ww << 8
                key[6] = n | ne << 8
                key[7] = p1 | activity >> 1 << 8
                if self.contexts > _DEFAULT_CONTEXTS:
                    h = _mix(w | n << 8 | nw << 16 | ne << 24, ww | nn << 8 | nne << 16 | nee << 24)
                    key[8] = _mix(_mix(h, nwww | nww << 8 | nee << 16 | neee << 24), nnw | nnee << 8 | www << 16)
                    key[9] = w | ne << 8
                    key[10] = 0
                    key[11] = n | pattern << 8
                    key[12] = p2 | n << 8 | doubt >> 2 << 16
                    key[13] = p2 | w << 8
                    key[14] = w | nw << 8 | n << 16
                    key[15] = p2 | doubt << 8

                third = nw if nw != w and nw != n else ne if ne != w and ne != n else -1
                i = pattern | equal << 4
                hit_context[0] = length << 4 | min(self.similarity, 15)
                hit_context[1] = similar_second
                hit_context[2] = hit_context[3] = hit_context[4] = i
                prior = self._prior(p2, doubt >> 1)
                high = 0
                if two:
                    hit[0], hit[1], hit[2] = matched >> 4, second >> 4, w >> 4
                    hit[3], hit[4] = -1 if n == w else n >> 4, third >> 4
                    # a high nibble whose only colour is excluded
                    i = excluded >> 4 if excluded >= 0 and self.colors - (excluded & 240) == 1 else -1
                    self._find(0, prior)
                    rest = (self.colors + 15) >> 4
                    high = self._nibble(symbol >> 4, rest, i, 0, 16 * activity, 16 * pattern, 16 * p2)
                hit[0], hit[1] = _low(matched, high), _low(second, high)
                hit[2], hit[3], hit[4] = _low(w, high), -1 if n == w else _low(n, high), _low(third, high)
                rest = min(self.colors - 16 * high, 16)
                self._find(1 + high, prior + 16 + 16 * high)
                i = 256 | high << 4 | p2 >> 4 if two else 256 | p2
                k = _low(excluded, high)
                c = 16 * (16 + pattern)
                symbol = high << 4 | self._nibble(symbol & 15, rest, k, 1, 16 * (16 + activity), c, 16 * i)
                for k in range(5):
                    total = 0
                    for c in range(channels):
                        total += abs(guess[4 * k + c] - color[4 * symbol + c])
                    errors[err + k] = total
                total = 0
                for c in range(channels):
                    total += abs(blend[c] - color[4 * symbol + c])
                errors[err + 5] = total

            pixels[at] = symbol
            if matched == symbol:
                self.match_length += 1
            else:
                self.match = 0
                self.match_length = 0
            if y == 0:  # above the first row lies its last pixel
                for i in range(1, 4):
                    pixels[at - stride + i] = symbol
                    pixels[at - 2 * stride + i] = symbol
            err += _ERRORS
            err_above += _ERRORS
        for i in range(4):
            pixels[start + self.width + i] = pixels[start + self.width - 1]
        if self.match:
            self.match += _STRIDE_PAD
        return 0

    def encode(self, indices: memoryview) -> bytes:
        """The stream of a band of these indices, flat bytes, all below the number of colours."""
        given: cython.const[cython.uchar][::1] = indices
        y: cython.int
        x: cython.int
        with cython.nogil:
            for y in range(self.rows):
                for x in range(self.width):
                    self.pixels[(y + 3) * self.stride + 8 + x] = self.rank[given[y * self.width + x]]
            # A row writes the margins that the next one reads, so rows are set before and coded after.
            for y in range(self.rows):
                self._row(y)
        return self.finish()

    def decode(self, indices: memoryview) -> bool:
        """Fills `indices`, flat writable bytes of zeros; returns whether the stream ends where the pixels do.

        Where a stream is too short, the rows that it does not reach stay zero.
        """
        given: cython.uchar[::1] = indices
        y: cython.int
        x: cython.int
        with cython.nogil:
            for y in range(self.rows):
                if self.at > self.size + 4:
                    break
                self._row(y)
                for x in range(self.width):
                    given[y * self.width + x] = self.order[self.pixels[(y + 3) * self.stride + 8 + x]]
        return self.finished()


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
    return most if value > most else -most if value < -most else value


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
def _low(rank: cython.int, high: cython.int) -> cython.int:
    """The low nibble of a rank with that high nibble; -1 for others."""
    return rank & 15 if rank >= 0 and rank >> 4 == high else -1


# The loops that a compiler turns into vector instructions. GCC does so if they are functions and if it does not know
# the number of lanes of `_dot`; as part of `_nibble`, or unrolled, they stayed scalar.


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _add(score: cython.p_int, slot: cython.p_short, weight: cython.short) -> cython.void:
    s: cython.Py_ssize_t
    for s in range(16):
        score[s] = score[s] + ((weight * slot[s]) >> 16)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _dot(error: cython.p_short, slot: cython.p_short, lanes: cython.Py_ssize_t) -> cython.int:
    s: cython.Py_ssize_t
    total: cython.int = 0
    for s in range(lanes):
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
def _learn(weights: cython.p_int, steps: cython.p_int, count: cython.Py_ssize_t) -> cython.void:
    c: cython.Py_ssize_t
    value: cython.int
    for c in range(count):
        value = weights[c] + steps[c]
        value = value if value < 1 << 20 else 1 << 20
        weights[c] = value if value > -(1 << 20) else -(1 << 20)
