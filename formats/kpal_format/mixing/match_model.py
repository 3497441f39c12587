"""The match model (KPAL.md, section 5.2.5): what came next where the picture last looked like this.

Positions come from tables that only hold positions of earlier pixels, and move on with the pixel at hand. In a still
image a match is always behind it. In the ring of frames it may be ahead in the slot at hand, among the pixels of an
older frame; `begin_row` keeps it within the ring, with the rows above that `_similar` looks at.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .neighbourhood import ROW_GAP, Neighbourhood
    from .tables import allocate, combine, hash_key, pack, uints

LONG = cython.declare(cython.int, 36)  # pixels after which a match is trusted without a look at the colours
LATER_LONG = cython.declare(cython.int, 16)  # the same in frames after the first


@cython.final
@cython.cclass
class MatchModel:
    """A match that is followed as long as it is right, and a second one that is looked up afresh for each pixel.

    two: whether there is a second one, for `max`.
    """

    near: Neighbourhood
    two: cython.bint
    mask: cython.uint  # entries of each table, minus 1: 2**8 - 1 to 2**16 - 1
    latest: cython.p_uint  # by `hash`: the last position that had it, 27 bits, below 4 bits of the hash
    latest_short: cython.p_uint  # the same by `short_hash`
    hash: cython.uint  # hash of 13 neighbours, 31 bits
    short_hash: cython.uint  # hash of 9 neighbours, 31 bits
    long: cython.int  # pixels after which a match is trusted
    match: cython.int  # the position that is followed, or 0
    length: cython.int  # pixels in a row that the match predicted
    length_class: cython.int  # its order of magnitude, 0 to 5
    similarity: cython.int  # neighbours that match and pixel at hand share: 8 to 16, or 0 without a match
    matched: cython.int  # the rank that the match expects, or -1
    second: cython.int  # the rank that the second match expects, or -1
    second_similarity: cython.int  # neighbours that the second match shares: 4 to 16, or 0
    buffers: list

    def __init__(self, near: Neighbourhood, pixels: int, two: bool) -> None:
        self.near, self.two = near, two
        bits = min(max(pixels.bit_length(), 8), 16)
        self.mask = (1 << bits) - 1
        self.buffers = []
        self.latest = uints(allocate(self.buffers, "I", 1 << bits))
        self.latest_short = uints(allocate(self.buffers, "I", 1 << bits if two else 1))
        self.hash = self.short_hash = 0
        self.long = LONG
        self.match = self.length = self.length_class = self.similarity = self.second_similarity = 0
        self.matched = self.second = -1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def hash_neighbours(self) -> cython.void:
        """Hashes the neighbours that the tables go by and prefetches their entries."""
        f: cython.uint = pack(self.near.nw, self.near.ne, self.near.nww, self.near.nee)
        g: cython.uint = combine(pack(self.near.w, self.near.ww, self.near.www, self.near.n), f)
        self.hash = hash_key(combine(g, pack(self.near.nn, self.near.nnw, self.near.nne, self.near.nnee)))
        if cython.compiled:
            prefetch(self.latest + (self.hash & self.mask))
        if self.two:
            g = combine(pack(self.near.w, self.near.ww, self.near.n, self.near.nn), f)
            self.short_hash = hash_key(combine(g, self.near.nne))
            if cython.compiled:
                prefetch(self.latest_short + (self.short_hash & self.mask))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _similar(self, there: cython.int, here: cython.int) -> cython.int:
        """How many of 16 neighbours two positions share."""
        cells: cython.p_uchar = self.near.cells
        stride: cython.int = self.near.stride
        same: cython.int = 0
        j: cython.int
        for j in range(-4, 0):
            same += cells[there + j] == cells[here + j]
        there -= stride
        here -= stride
        for j in range(-3, 5):
            same += cells[there + j] == cells[here + j]
        there -= stride
        here -= stride
        for j in range(-1, 3):
            same += cells[there + j] == cells[here + j]
        return same

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def find(self, at: cython.int) -> cython.void:
        """Moves the match on to the pixel at that position, or looks up another one, and notes the position."""
        self.second = -1
        self.second_similarity = 0
        found: cython.uint
        other: cython.int = 0
        if self.match:
            self.match += 1
            self.similarity = 16 if self.near.flat else self._similar(self.match, at)
            if self.similarity < 8:
                self.match = 0
        if not self.near.flat:
            if self.match == 0:
                self.length = 0
                found = self.latest[self.hash & self.mask]
                if found and (found ^ self.hash) >> 27 == 0:
                    self.match = cython.cast(cython.int, found & 0x7FFFFFF)
                    self.similarity = self._similar(self.match, at)
                    if self.similarity < 8:
                        self.match = 0
            self.latest[self.hash & self.mask] = (self.hash >> 27 << 27) | at
            if self.two:
                found = self.latest_short[self.short_hash & self.mask]
                self.latest_short[self.short_hash & self.mask] = (self.short_hash >> 27 << 27) | at
                if found and (found ^ self.short_hash) >> 27 == 0:
                    other = cython.cast(cython.int, found & 0x7FFFFFF)
            if other:
                self.second_similarity = self._similar(other, at)
                if self.second_similarity >= 4:
                    self.second = self.near.cells[other]
                else:
                    self.second_similarity = 0
        if self.match:
            self.matched = self.near.cells[self.match]
        else:
            self.length = self.similarity = 0
            self.matched = -1
        self.length_class = (self.length > 0) + (self.length > 3) + (self.length > 15)
        self.length_class += (self.length > 31) + (self.length > 127)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def update(self, right: cython.bint, count: cython.int) -> cython.void:
        """Learns whether the match was right about all of the `count` pixels that came."""
        if right:
            self.match += count - 1
            self.length += count
        else:
            self.match = self.length = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_frame(self, cells: cython.int) -> cython.void:
        """Moves the match on to the slot behind its own in a ring of that many cells."""
        self.long = LATER_LONG
        if self.match:
            self.match += 3 * self.near.stride
            if self.match >= cells:
                self.match -= cells

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_row(self, cells: cython.int) -> cython.void:
        """Drops a match that has left the ring."""
        if self.match >= cells or self.match < 3 * self.near.stride:
            self.match = self.length = 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def end_row(self) -> cython.void:
        """Moves the match over the margin."""
        if self.match:
            self.match += ROW_GAP
