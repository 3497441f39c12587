"""Which motion pays: how an encoder finds vectors and the blocks that use them. A decoder needs nothing of it.

Patches of 8 x 8 pixels that have changed vote for the vectors to where the frame before had the same. Of the vectors
with most votes, those are taken that lower the number of pixels that differ from the reference.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .frames import Frames
    from .motion import BLOCK, COMPONENT_BITS, VECTORS, Motion
    from .neighbourhood import Neighbourhood
    from .tables import allocate, combine, fold, ints, pack, uints, ushorts

PATCH = cython.declare(cython.int, 8)  # pixels of a patch's side
STEP = cython.declare(cython.int, 4)  # every fourth patch of every fourth row votes
VOTE_BITS = cython.declare(cython.int, 12)  # of a position in the table of votes
PROBES = cython.declare(cython.int, 16)  # positions of that table that are looked at
OFTEN = cython.declare(cython.int, 4)  # a patch that the frame before has more often does not vote
CANDIDATES = cython.declare(cython.int, 8)  # vectors with most votes
WORTH = cython.declare(cython.int, 64)  # pixels that a vector must save
BLOCK_WORTH = cython.declare(cython.int, 4)  # pixels that a block must save
MOST_LOSSES = cython.declare(cython.int, 3)  # in a row, that count
FACTOR = cython.declare(cython.uint, 0x2F0B4C47)
FACTOR_TO_PATCH = cython.declare(cython.uint, 1567769793)  # FACTOR ** PATCH


@cython.final
@cython.cclass
class MotionSearch:
    """Fills in the vectors and the map of `Motion`."""

    near: Neighbourhood
    frames: Frames
    motion: Motion
    # the box of what has changed
    x0: cython.int
    x1: cython.int
    y0: cython.int
    y1: cython.int
    strips: cython.p_uint  # hashes of 8 pixels that begin at a column, of the last 8 rows
    hashes: cython.p_uint  # of the patch that begins at a column and ends with the last row, 31 bits
    bits: cython.int  # of a position in the table of patches
    patch: cython.p_int  # by hash: the position of the last patch of the frame before that had it
    often: cython.p_ushort  # how many had it
    voted: cython.p_int  # the vectors that got votes, packed; 0 for none
    votes: cython.p_int
    candidate: cython.p_int  # the packed vectors with most votes
    differing: cython.p_ushort  # for each vector, the first being 0, and block: how many pixels would differ
    wins: cython.int  # frames in a row for which motion has paid
    losses: cython.int  # times in a row that it has not
    paid: cython.bint  # it has paid at least once
    idle: cython.int  # frames that are not searched
    best: cython.p_ushort  # for each block: the least of these numbers so far
    buffers: list

    def __init__(self, near: Neighbourhood, frames: Frames, motion: Motion) -> None:
        blocks = motion.across * motion.down
        self.near, self.frames, self.motion = near, frames, motion
        self.x0 = self.x1 = self.y0 = self.y1 = self.wins = self.losses = self.idle = 0
        self.paid = False
        self.bits = min(max((near.width * frames.rows).bit_length(), 8), 18)
        self.buffers = []
        self.strips = uints(allocate(self.buffers, "I", PATCH * near.width))
        self.hashes = uints(allocate(self.buffers, "I", near.width))
        self.patch = ints(allocate(self.buffers, "i", 1 << self.bits))
        self.often = ushorts(allocate(self.buffers, "H", 1 << self.bits))
        self.voted = ints(allocate(self.buffers, "i", 1 << VOTE_BITS))
        self.votes = ints(allocate(self.buffers, "i", 1 << VOTE_BITS))
        self.candidate = ints(allocate(self.buffers, "i", CANDIDATES))
        self.differing = ushorts(allocate(self.buffers, "H", (CANDIDATES + 1) * blocks))
        self.best = ushorts(allocate(self.buffers, "H", blocks))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def search(self) -> cython.void:
        """Finds the motion from the frame before to the source; no vectors if none pays."""
        candidates: cython.int
        self.motion.vectors = 0
        if self.idle:
            self.idle -= 1
            return
        if self.motion.possible and self._find_box():
            self._note_patches()
            self._vote()
            candidates = self._elect()
            if candidates:
                self._compare(candidates)
                self._choose(candidates)
        if self.motion.vectors == 0:
            self.learn(False)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def learn(self, paid: cython.bint) -> cython.void:
        """Learns whether motion has paid: where it never does, most frames are not searched."""
        self.wins = self.wins + 1 if paid else 0
        self.losses = 0 if paid else min(self.losses + 1, MOST_LOSSES)
        self.paid = self.paid or paid
        self.idle = 0
        if self.losses > 1:
            self.idle = self.losses - 1 if self.paid else (1 << self.losses) - 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def sure(self) -> cython.bint:
        """Whether motion has paid so often that it need not be compared with its absence."""
        if self.wins < 2 or self.wins % 4 == 0:
            return False
        self.wins += 1
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _find_box(self) -> cython.bint:
        """The box around what has changed; returns whether a patch fits into it."""
        width: cython.int = self.near.width
        cells: cython.p_uchar = self.near.cells
        y: cython.int
        x: cython.int
        here: cython.int
        there: cython.int
        self.x0, self.x1, self.y0, self.y1 = width, 0, self.frames.rows, 0
        for y in range(self.frames.rows):
            here = self.near.row(y) + self.frames.source
            there = self.near.row(y) + self.frames.before
            if self.near.alike(here, there, width):
                continue
            self.y0 = min(self.y0, y)
            self.y1 = y + 1
            x = 0
            while x < self.x0 and cells[here + x] == cells[there + x]:
                x += 1
            self.x0 = x
            x = width
            while x > self.x1 and cells[here + x - 1] == cells[there + x - 1]:
                x -= 1
            self.x1 = x
        return self.x1 - self.x0 >= PATCH and self.y1 - self.y0 >= PATCH

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _hash_row(self, y: cython.int, shift: cython.int) -> cython.void:
        """Moves the hashes of all patches of the box one row on: polynomials of their rows, of which one is new."""
        cells: cython.p_uchar = self.near.cells
        strip: cython.p_uint = self.strips
        at: cython.int = self.near.row(y) + shift + self.x0
        i: cython.int = (y - self.y0) % PATCH * self.near.width
        x: cython.int
        h: cython.uint
        old: cython.uint
        for x in range(self.x0, self.x1 - PATCH + 1):
            h = combine(
                pack(cells[at], cells[at + 1], cells[at + 2], cells[at + 3]),
                pack(cells[at + 4], cells[at + 5], cells[at + 6], cells[at + 7]),
            )
            old = strip[i + x] if y - self.y0 >= PATCH else 0
            strip[i + x] = h
            self.hashes[x] = (self.hashes[x] * FACTOR + h - old * FACTOR_TO_PATCH) & 0x7FFFFFFF
            at += 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _entry(self, x: cython.int) -> cython.int:
        """The position of a patch in the table."""
        return cython.cast(cython.int, fold(self.hashes[x]) >> (31 - self.bits))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _note_patches(self) -> cython.void:
        """Notes where the frame before has which patches."""
        y: cython.int
        x: cython.int
        i: cython.int
        for i in range(1 << self.bits):
            self.often[i] = 0
        for x in range(self.near.width):
            self.hashes[x] = 0
        for y in range(self.y0, self.y1):
            self._hash_row(y, self.frames.before)
            if y - self.y0 >= PATCH - 1:
                for x in range(self.x0, self.x1 - PATCH + 1):
                    i = self._entry(x)
                    self.patch[i] = self.near.row(y) + x
                    self.often[i] = min(self.often[i] + 1, OFTEN + 1)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _vote(self) -> cython.void:
        """Lets patches that have changed vote for the vectors that they may have."""
        stride: cython.int = self.near.stride
        limit: cython.int = 1 << (COMPONENT_BITS - 1)
        y: cython.int
        x: cython.int
        i: cython.int
        dy: cython.int
        dx: cython.int
        for i in range(1 << VOTE_BITS):
            self.voted[i] = 0
        for x in range(self.near.width):
            self.hashes[x] = 0
        for y in range(self.y0, self.y1):
            self._hash_row(y, self.frames.source)
            if y - self.y0 < PATCH - 1 or y % STEP:
                continue
            for x in range(self.x0, self.x1 - PATCH + 1):
                i = self._entry(x)
                if x % STEP or not 0 < self.often[i] <= OFTEN:
                    continue
                dy = (self.patch[i] - self.near.row(0)) // stride - y
                dx = self.patch[i] - self.near.row(y + dy) - x
                if -limit <= dx < limit and -limit <= dy < limit and (dx or dy):
                    self._count_vote(1 + ((dy + limit) << COMPONENT_BITS | dx + limit))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _count_vote(self, vector: cython.int) -> cython.void:
        first: cython.int = cython.cast(cython.int, fold(vector) >> (31 - VOTE_BITS))
        probe: cython.int
        i: cython.int
        for probe in range(PROBES):
            i = (first + probe) & ((1 << VOTE_BITS) - 1)
            if self.voted[i] == 0:
                self.voted[i] = vector
                self.votes[i] = 0
            if self.voted[i] == vector:
                self.votes[i] += 1
                return

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _elect(self) -> cython.int:
        """Makes the vectors with most votes candidates; returns their number."""
        i: cython.int
        j: cython.int
        most: cython.int
        for j in range(CANDIDATES):
            most = -1
            for i in range(1 << VOTE_BITS):
                if self.voted[i] and self.votes[i] > 1 and (most < 0 or self.votes[i] > self.votes[most]):
                    most = i
            if most < 0:
                return j
            self.candidate[j] = self.voted[most]
            self.voted[most] = 0
        return CANDIDATES

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _compare(self, candidates: cython.int) -> cython.void:
        """Counts for each vector and block how many pixels would differ from the reference."""
        blocks: cython.int = self.motion.across * self.motion.down
        block: cython.int
        j: cython.int
        for block in range(blocks):
            self.best[block] = self._differing(block, 0, 0)
            for j in range(candidates):
                self.differing[j * blocks + block] = self._differing(block, self._dx(j), self._dy(j))
            self.differing[CANDIDATES * blocks + block] = self.best[block]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _dx(self, j: cython.int) -> cython.int:
        return ((self.candidate[j] - 1) & ((1 << COMPONENT_BITS) - 1)) - (1 << (COMPONENT_BITS - 1))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _dy(self, j: cython.int) -> cython.int:
        return ((self.candidate[j] - 1) >> COMPONENT_BITS) - (1 << (COMPONENT_BITS - 1))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _differing(self, block: cython.int, dx: cython.int, dy: cython.int) -> cython.int:
        """How many pixels of a block differ from the frame before, moved."""
        cells: cython.p_uchar = self.near.cells
        width: cython.int = self.near.width
        x0: cython.int = block % self.motion.across * BLOCK
        y0: cython.int = block // self.motion.across * BLOCK
        x1: cython.int = min(x0 + BLOCK, width)
        x: cython.int
        y: cython.int
        here: cython.int
        there: cython.int
        moved: cython.int
        first: cython.int = min(max(x0, -dx), x1)
        end: cython.int = max(min(x1, width - dx), first)
        total: cython.int = 0
        for y in range(y0, min(y0 + BLOCK, self.frames.rows)):
            here = self.near.row(y) + self.frames.source
            there = self.near.row(y) + self.frames.before
            if not 0 <= y + dy < self.frames.rows:
                for x in range(x0, x1):
                    total += cells[here + x] != cells[there + x]
                continue
            moved = there + dy * self.near.stride + dx
            for x in range(x0, first):
                total += cells[here + x] != cells[there + x]
            for x in range(first, end):
                total += cells[here + x] != cells[moved + x]
            for x in range(end, x1):
                total += cells[here + x] != cells[there + x]
        return total

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _choose(self, candidates: cython.int) -> cython.void:
        """Takes the candidates that save most pixels, one after the other, and notes which blocks use them."""
        blocks: cython.int = self.motion.across * self.motion.down
        block: cython.int
        j: cython.int
        saved: cython.int
        most: cython.int
        chosen: cython.int
        while self.motion.vectors < VECTORS:
            most = WORTH - 1
            chosen = -1
            for j in range(self.motion.vectors, candidates):
                saved = 0
                for block in range(blocks):
                    saved += max(self.best[block] - self.differing[j * blocks + block] - BLOCK_WORTH, 0)
                if saved > most:
                    most, chosen = saved, j
            if chosen < 0:
                break
            self.motion.vectors += 1
            self.motion.dx[self.motion.vectors], self.motion.dy[self.motion.vectors] = (
                self._dx(chosen),
                self._dy(chosen),
            )
            for block in range(blocks):
                if self.best[block] - self.differing[chosen * blocks + block] > BLOCK_WORTH:
                    self.best[block] = self.differing[chosen * blocks + block]
            for block in range(blocks):  # to the place of the vector's number
                most = self.differing[(self.motion.vectors - 1) * blocks + block]
                self.differing[(self.motion.vectors - 1) * blocks + block] = self.differing[chosen * blocks + block]
                self.differing[chosen * blocks + block] = most
            most = self.candidate[self.motion.vectors - 1]
            self.candidate[self.motion.vectors - 1] = self.candidate[chosen]
            self.candidate[chosen] = most
        if self.motion.vectors:
            for block in range(blocks):
                self._assign(block)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _assign(self, block: cython.int) -> cython.void:
        """Notes which vector a block uses: if that is nearly as good as any, the one of a block beside it."""
        blocks: cython.int = self.motion.across * self.motion.down
        at: cython.int = self.motion.at(block)
        number: cython.int
        best: cython.int = 0
        i: cython.int
        k: cython.int
        least: cython.int = 1 << 16
        for i in range(self.motion.vectors + 3):
            number = i - 2
            if i == 0:
                number = self.motion.map[at - 1]
            if i == 1:
                number = self.motion.map[at - self.motion.across - 2]
            k = self.differing[(number - 1 if number else CANDIDATES) * blocks + block] + (BLOCK_WORTH if i > 1 else 0)
            if k < least:
                least = k
                best = number
        self.motion.map[at] = best
