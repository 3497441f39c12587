"""Colour lists (KPAL.md, section 5.3.2): for each colour, all others, the likelier ones first, in order of a rank.

A list is made when it is first needed, in the order of distance, and adapts: the colour that came is promoted. A rank
here is a place in such a list, less the places of colours that are already excluded.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .range_coder import Coder, code_flag, code_raw, code_symbol
    from .tables import (
        BIN,
        BIN_BITS,
        BIN_FIRST,
        NO_PLACE,
        allocate,
        by_distance,
        distances,
        even_flags,
        ints,
        rank_symbols,
        shorts,
        uchars,
        uints,
    )


@cython.final
@cython.cclass
class Lists:
    """The colours of a tile, their distances and their lists.

    colors: the palette as uint8 (k, 4) RGBA, k >= 2, flat bytes.
    """

    k: cython.int  # colours, 2 to 256
    color: cython.p_int  # four premultiplied channels of each colour
    distance: cython.p_uchar  # 0 to 255, by two colours, the first one times 256
    ranked: cython.p_uchar  # the colour, by the colour of the list and the place
    place: cython.p_uchar  # the inverse: the place, by the colour of the list and the colour; NO_PLACE for its own
    made: cython.p_uchar  # whether a colour has a list
    used: cython.p_uint  # how many ranks were coded from a list
    keep: (
        cython.p_uchar
    )  # how much of its place a promoted colour keeps, in 1/8: 2 to 7, more in a list used more often
    mean: cython.p_uchar  # the running mean of their bins, 0 to 240
    symbols: cython.p_short  # 17 distributions of bins
    counts: cython.p_uchar
    bit_flags: cython.p_uint  # the two highest bits below a bin: 16 x 4
    sixteen: cython.Py_ssize_t  # see `code_symbol`
    buffers: list

    def __init__(self, colors: bytes) -> None:
        self.k = len(colors) // 4
        self.buffers = []
        self.color = ints(allocate(self.buffers, "i", 4 * self.k))
        self.distance = uchars(allocate(self.buffers, "B", 256 * 256))
        self.ranked = uchars(allocate(self.buffers, "B", 256 * 256))
        self.place = uchars(allocate(self.buffers, "B", 256 * 256))
        self.made = uchars(allocate(self.buffers, "B", 256))
        self.used = uints(allocate(self.buffers, "I", 256))
        self.keep = uchars(allocate(self.buffers, "B", [2] * 256))
        self.mean = uchars(allocate(self.buffers, "B", 256))
        self.symbols = shorts(allocate(self.buffers, "h", rank_symbols(17, self.k)))
        self.counts = uchars(allocate(self.buffers, "B", 17))
        self.bit_flags = uints(allocate(self.buffers, "I", even_flags(64)))
        self.sixteen = 16
        self._measure(colors)

    @cython.cfunc
    def _measure(self, colors: bytes) -> object:
        """Premultiplies the colours and tabulates their distances."""
        i: cython.int
        j: cython.int
        c: cython.int
        d: cython.int
        alpha: cython.int
        color: cython.p_int = self.color
        for i in range(self.k):
            alpha = colors[4 * i + 3]
            color[4 * i + 3] = alpha
            for c in range(3):
                color[4 * i + c] = (colors[4 * i + c] * alpha + 127) // 255
        if cython.compiled:
            for i in range(self.k):
                for j in range(i):
                    d = 3
                    for c in range(4):
                        d += abs(color[4 * i + c] - color[4 * j + c])
                    d = min(d >> 2, 255)
                    self.distance[i << 8 | j] = self.distance[j << 8 | i] = d
        else:
            for i, row in enumerate(distances(color)):
                self.distance[i << 8 : (i << 8) + self.k] = row
        return None

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        list_of: cython.uint,
        a: cython.int,
        b: cython.int,
        c: cython.int,
        d: cython.int,
        context: cython.int,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes a pixel by its rank in the list of a colour, from which places a, b, c and d are excluded."""
        swap: cython.int
        place: cython.int = 0
        rank: cython.int = 0
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
        if d < a:
            swap = a
            a = d
            d = swap
        if d < b:
            swap = b
            b = d
            d = swap
        if d < c:
            swap = c
            c = d
            d = swap
        if not decoding:
            place = self.place[list_of << 8 | pixel]
            rank = place - (place > a) - (place > b) - (place > c) - (place > d)
        rank = self._code_rank(coder, decoding, list_of, context, rank)
        if decoding:
            place = rank + (rank >= a)
            place += place >= b
            place += place >= c
            place += place >= d
            place = min(place, self.k - 2)
        return self.promote(list_of, place)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_rank(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        list_of: cython.uint,
        context: cython.int,
        rank: cython.int,
    ) -> cython.int:
        """Codes a rank: its bin, the two highest bits below the bin by flags, and the other bits as they are."""
        found: cython.int = 0 if decoding else BIN[rank]
        found = code_symbol(coder, decoding, self.symbols, self.counts, context, found, self.sixteen)
        bits: cython.int = BIN_BITS[found]
        first: cython.int = BIN_FIRST[found]
        given: cython.int = 0 if decoding else rank - first
        rest: cython.int = 0
        if bits > 0:
            bits -= 1
            rest = code_flag(coder, decoding, self.bit_flags, 4 * found, given >> bits & 1)
        if bits > 0:
            bits -= 1
            rest = rest << 1 | code_flag(coder, decoding, self.bit_flags, 4 * found + 1 + rest, given >> bits & 1)
        if bits > 0:
            rest = rest << bits | cython.cast(cython.int, code_raw(coder, decoding, bits, given & ((1 << bits) - 1)))
        self._count(list_of)
        self.mean[list_of] += (16 * found - self.mean[list_of]) >> 3
        return first + rest

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _count(self, list_of: cython.uint) -> cython.void:
        """Counts the uses of a list, whose order settles after 32, 256 and 1024 of them."""
        used: cython.uint = self.used[list_of] + 1
        self.used[list_of] = used
        if used & (used - 1) == 0:
            self.keep[list_of] = 2 + 2 * (used >= 32) + 2 * (used >= 256) + (used >= 1024)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def promote(self, list_of: cython.uint, at: cython.int) -> cython.uint:
        """Moves the colour at this place of a list up; returns it.

        The colour that was there moves half of the way back, and the one there to the place that became free.
        """
        ranked: cython.p_uchar = self.ranked + (list_of << 8) if cython.compiled else self.ranked[list_of << 8 :]
        place: cython.p_uchar = self.place + (list_of << 8) if cython.compiled else self.place[list_of << 8 :]
        up: cython.int = at * self.keep[list_of] >> 3
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
    def make(self, list_of: cython.uint) -> cython.void:
        """Lists all other colours by their distance, in steps of about an eighth of an octave.

        A stable counting sort: colours of the same step stay in the order of the palette.
        """
        ends = cython.declare(cython.int[257])
        steps = cython.declare(cython.int[256])
        i: cython.int
        at: cython.int
        own: cython.int = list_of
        if cython.compiled:
            for i in range(257):
                ends[i] = 0
            for i in range(self.k):
                steps[i] = self._step(own, i)
                ends[steps[i] + 1] += i != own
            for i in range(256):
                ends[i + 1] += ends[i]
            for i in range(self.k):
                if i != own:
                    at = ends[steps[i]]
                    ends[steps[i]] += 1
                    self.ranked[own << 8 | at] = i
                    self.place[own << 8 | i] = at
        else:
            for at, i in enumerate(by_distance(self.color, own)):
                self.ranked[own << 8 | at] = i
                self.place[own << 8 | i] = at
        self.place[own << 8 | own] = NO_PLACE
        self.made[own] = 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _step(self, i: cython.int, j: cython.int) -> cython.int:
        """The weighted square of the distance of two colours as a logarithm: 8 to 151."""
        color: cython.p_int = self.color
        r: cython.int = color[4 * i] - color[4 * j]
        g: cython.int = color[4 * i + 1] - color[4 * j + 1]
        b: cython.int = color[4 * i + 2] - color[4 * j + 2]
        a: cython.int = color[4 * i + 3] - color[4 * j + 3]
        d: cython.int = 3 * r * r + 4 * g * g + 2 * b * b + 4 * a * a + 8
        e: cython.int = 0
        while d >> e > 255:
            e += 4
        while d >> e > 15:
            e += 1
        return e << 3 | (d >> e & 7)
