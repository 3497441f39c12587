"""The range coder (KPAL.md, section 5.2.2): numbers with known probabilities to bytes, and back.

Carries run back through bytes that were written, as in G. N. N. Martin's range coder of 1979.

Nothing but `_next` sees the stream that is decoded, and it reads zeros behind the end: no stream makes it read past
its bytes. Whether a stream ended where it should is asked once, at the end: `finished`.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .tables import log


@cython.final
@cython.cclass
class RangeCoder:
    """One stream, in one direction. The range has 32 bits; a byte leaves it when it falls below 24.

    data: the stream to decode, or None to write one of at most `capacity` bytes.
    """

    decoding: cython.bint
    low: cython.ulonglong  # encoding: where the range begins, below 2**33; decoding: `code` of KPAL.md
    range: cython.ulonglong  # 2**24 to 2**32 - 1 between two symbols
    stream: cython.p_uchar
    size: cython.longlong  # bytes of the stream, or of the room for it
    at: cython.longlong  # bytes read or written, including zeros read behind the end
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
    def reserve(self, size: cython.longlong) -> object:
        """Makes room for at least `size` bytes more to be written."""
        if self.at + size > self.size:
            self._use(bytearray(self.owner[: self.at]) + bytes(self.at + size))
        return None

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

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def narrow(self, below: cython.ulonglong, width: cython.ulonglong) -> cython.void:
        """Makes the part of the range that begins at `below` the new range."""
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

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _carry(self) -> cython.void:
        """Adds the overflow to the bytes that have left."""
        at: cython.longlong = self.at - 1
        self.low = (self.low >> 24 & 255) << 24 | self.low & 0xFFFFFF  # without the bit that is carried
        while at > 0 and self.stream[at] == 255:
            self.stream[at] = 0
            at -= 1
        self.stream[at] += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def settled(self) -> cython.longlong:
        """How many bytes no carry can reach any more."""
        at: cython.longlong = self.at - 1
        while at > 0 and self.stream[at] == 255:
            at -= 1
        return max(at, 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def bits(self, start: cython.longlong) -> cython.longlong:
        """How long the stream is from there on, in 1/1024 of a bit."""
        return ((self.at - start) << 13) + 32768 - log(cython.cast(cython.uint, self.range))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _put(self) -> cython.void:
        """Writes the highest byte of `low`."""
        self.stream[self.at] = cython.cast(cython.uchar, self.low >> 24)
        self.at += 1
        self.low = (self.low & 0xFFFFFF) << 8

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def starved(self) -> cython.bint:
        """Whether the decoder lives on zeros behind the end alone."""
        return self.at > self.size + 4

    @cython.cfunc
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

    @cython.cfunc
    def finished(self) -> cython.bint:
        """Whether the stream ended with what was read of it: a decoder is always four bytes ahead."""
        return self.at - 4 <= self.size <= self.at
