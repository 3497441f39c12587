"""The range coder, flags and symbols (KPAL.md, section 5.3.1).

The coder is the one of `mix` with a state that the compiler can keep in registers: a struct, which the loop over pixels
copies from its `Stream` and back. Nothing but `Stream` and `_refill` sees the bytes that are decoded, and both read
zeros past their end. Whether a stream ended where it should is asked once, at the end: `Stream.finished`.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from bisect import bisect_right

    from .. import _cython as cython  # structs of an installed but unused Cython cannot hold Python objects
    from .tables import FLAG_COUNTS, FLAG_RATE, GOAL, MASK_32, SYMBOL_COUNTS, SYMBOL_RATE, uchars

Coder = cython.struct(
    range=cython.uint,  # 2**24 to 2**32 - 1 between two symbols
    code=cython.uint,  # decoding: where in the range the stream is
    low=cython.ulonglong,  # encoding: where the range begins, below 2**33
    stream=cython.p_uchar,
    at=cython.longlong,  # bytes read or written, including zeros read past the end
    size=cython.longlong,  # bytes of the stream, or of the room for it
)


@cython.final
@cython.cclass
class Stream:
    """The bytes of a tile, and the state of its range coder between two calls of the loop.

    data: the stream to decode, or None to write one.
    """

    coder: Coder
    view: object

    def __init__(self, data: bytes | None) -> None:
        if not cython.compiled:
            self.coder = cython.declare(Coder)
        self.coder.range = MASK_32
        self.coder.code = self.coder.low = self.coder.at = 0
        self._use(bytearray(1 << 12 if data is None else data or b"\0"))
        if data is not None:
            for byte in data[:4].ljust(4, b"\0"):
                self.coder.code = self.coder.code << 8 | cython.cast(cython.uint, byte)
            self.coder.at = 4

    @cython.cfunc
    def _use(self, buffer: bytearray) -> object:
        view: cython.uchar[::1] = memoryview(buffer)
        self.view = view
        self.coder.stream = uchars(view)
        self.coder.size = len(buffer)
        return None

    @cython.cfunc
    def reserve(self, size: cython.longlong) -> object:
        """Makes room for at least `size` bytes more to be written."""
        if self.coder.at + size > self.coder.size:
            self._use(bytearray(self.view[: self.coder.at]) + bytes(self.coder.at + size))
        return None

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def starved(self) -> cython.bint:
        """Whether the decoder lives on zeros past the end alone."""
        return self.coder.at > self.coder.size + 4

    @cython.cfunc
    def finish(self) -> bytes:
        """The stream: as few bytes as lead into the last range, when zeros follow them."""
        last: cython.ulonglong = self.coder.low + self.coder.range - 1
        bits = 32
        while (last >> bits) << bits < self.coder.low:
            bits -= 8
        self.coder.low = (last >> bits) << bits
        self.reserve(4)
        coder: cython.pointer(Coder) = cython.address(self.coder)
        if self.coder.low >> 32:
            _carry(coder)
        for _ in range(4):
            _put(coder)
        written = bytes(self.view[: self.coder.at])
        return written[:-4] + written[-4:].rstrip(b"\0") or b"\0"

    @cython.cfunc
    def finished(self) -> cython.bint:
        """Whether the stream ended with what was read of it: a decoder is always four bytes ahead."""
        return self.coder.at - 4 <= self.coder.size <= self.coder.at


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _refill(coder: cython.pointer(Coder)) -> cython.void:
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
def _carry(coder: cython.pointer(Coder)) -> cython.void:
    """Encoding: adds the overflow to the bytes that have left."""
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
def _put(coder: cython.pointer(Coder)) -> cython.void:
    """Encoding: writes the highest byte of `low`."""
    coder.stream[coder.at] = cython.cast(cython.uchar, coder.low >> 24)
    coder.at += 1
    coder.low = (coder.low & 0xFFFFFF) << 8


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _narrow(coder: cython.pointer(Coder), decoding: cython.bint, below: cython.uint, width: cython.uint) -> cython.void:
    """Makes the part of the range that begins at `below` the new range."""
    coder.range = width
    if decoding:
        coder.code -= below
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
def code_flag(
    coder: cython.pointer(Coder), decoding: cython.bint, contexts: cython.p_uint, at: cython.int, bit: cython.bint
) -> cython.bint:
    """Codes a flag in a context, which adapts.

    A context holds the probability of a 1, in 1/65536, in its upper 16 bits, and a count in the lower 16.
    """
    state: cython.uint = contexts[at]
    p: cython.uint = state >> 16
    count: cython.int = state & 0xFFFF
    bound: cython.uint = (coder.range >> 16) * p
    if decoding:
        bit = coder.code < bound
    state += count < FLAG_COUNTS
    if bit:
        contexts[at] = state + ((65536 - p) * FLAG_RATE[count] >> 16 << 16)
        _narrow(coder, decoding, 0, bound)
    else:
        contexts[at] = state - (p * FLAG_RATE[count] >> 16 << 16)
        _narrow(coder, decoding, bound, coder.range - bound)
    return bit


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def code_raw(coder: cython.pointer(Coder), decoding: cython.bint, bits: cython.int, value: cython.uint) -> cython.uint:
    """Codes a number of so many bits, all values of which are equally likely."""
    unit: cython.uint = coder.range >> bits
    most: cython.uint = 1
    most = (most << bits) - 1
    if decoding:
        value = min(coder.code // unit, most)
    _narrow(coder, decoding, unit * value, unit)
    return value


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def code_symbol(
    coder: cython.pointer(Coder),
    decoding: cython.bint,
    distributions: cython.p_short,
    counts: cython.p_uchar,
    at: cython.int,
    symbol: cython.int,
    symbols: cython.Py_ssize_t,
) -> cython.int:
    """Codes one of 16 symbols by a distribution, which adapts.

    A distribution holds 16 ends: how much of 32768 is below the end of each symbol. The last end stands for all.
    symbols: 16, which the compiler must not know (see `_find_symbol`).
    """
    first: cython.int = at << 4
    unit: cython.uint = coder.range >> 15
    target: cython.uint
    below: cython.uint = 0
    end: cython.uint
    if decoding:
        target = min(coder.code // unit, 32766)
        symbol = _find_symbol(distributions, first, cython.cast(cython.short, target), symbols)
    if symbol:
        below = unit * cython.cast(cython.uint, distributions[first + symbol - 1])
    end = unit * cython.cast(cython.uint, distributions[first + symbol]) if symbol < 15 else coder.range
    _adapt(distributions, first, symbol << 4, SYMBOL_RATE[counts[at]], symbols)
    counts[at] += counts[at] < SYMBOL_COUNTS
    _narrow(coder, decoding, below, end - below)
    return symbol


# Compilers make vector instructions of the next two loops if they are functions of their own that do not know how often
# they run.


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _find_symbol(
    distributions: cython.p_short, first: cython.Py_ssize_t, target: cython.short, symbols: cython.Py_ssize_t
) -> cython.int:
    """The symbol whose part of the range holds the target."""
    if cython.compiled:
        ends: cython.p_short = distributions + first
        symbol: cython.short = 0
        s: cython.Py_ssize_t
        for s in range(symbols & -16):
            symbol += ends[s] <= target
        return symbol
    return bisect_right(distributions, target, first, first + 16) - first


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _adapt(
    distributions: cython.p_short,
    first: cython.Py_ssize_t,
    goal: cython.Py_ssize_t,
    rate: cython.short,
    symbols: cython.Py_ssize_t,
) -> cython.void:
    """Moves a distribution toward one that gives nearly everything to the symbol that came.

    Neighbouring ends stay apart, because their goals differ by at least 4. Let d be the difference of two ends. If d <=
    4, the upper end is at least as far below its goal as the lower one, and so moves up at least as far: d does not
    shrink. If d > 4, d shrinks by less than `rate` of d - 4, rounded up, which leaves at least 4.
    """
    if cython.compiled:
        ends: cython.p_short = distributions + first
        aims: cython.p_short = GOAL + goal
        s: cython.Py_ssize_t
        for s in range(symbols & -16):
            ends[s] = ends[s] + cython.cast(cython.short, (cython.cast(cython.short, aims[s] - ends[s]) * rate) >> 16)
    else:
        distributions[first : first + 16] = [
            end + ((aim - end) * rate >> 16)
            for end, aim in zip(distributions[first : first + 16], GOAL[goal : goal + 16], strict=True)
        ]
