"""Contexts and their hash slots (KPAL.md, section 5.2.8): what came where a context was the same.

A slot has 16 logarithms of probabilities, one for each value of a nibble. The position of a slot is a hash, cut to
the size of the context's own table.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .frames import Frames
    from .match_model import MatchModel
    from .neighbourhood import Neighbourhood
    from .prediction import Prediction
    from .tables import (
        COUNTS,
        DECAY,
        RISE,
        allocate,
        combine,
        hash_key,
        ints,
        pack,
        shorts,
        tail,
        uints,
        uninitialised,
        ushorts,
    )
    from .vectors import copy_logs, decay

CONTEXTS = cython.declare(cython.int, 13)  # of `max`
MIX_CONTEXTS = cython.declare(cython.int, 5)  # the first of them, of `mix`
LATER_CONTEXTS = cython.declare(cython.int, 2)  # further ones of frames after the first


@cython.final
@cython.cclass
class Slots:
    """A table of slots for each context.

    `locate` comes before `find`, early enough for memory to answer.

    most: whether contexts are those of `max`.
    pixels: of the tile; they decide the size of the tables.
    later: whether there are frames after the first.
    """

    near: Neighbourhood
    match: MatchModel
    prediction: Prediction
    frames: Frames
    most: cython.bint
    contexts: cython.int  # 5 or 13, and 2 more in frames after the first
    bits: cython.int  # of a position in a context's table, 8 to 16
    logs: cython.p_short  # 16 of each slot, -12288 to 0
    checks: cython.p_ushort  # of each slot: 11 bits of a hash, 5 bits of its count
    # of each context
    base: cython.p_uint  # hash of its key, 31 bits
    place: cython.p_int  # where its slot will be looked for
    check: cython.p_int  # the check to be found there
    found: cython.p_int  # the slot of the nibble at hand
    count: cython.p_int  # how often that slot had learnt, 0 to 28
    buffers: list

    def __init__(
        self,
        near: Neighbourhood,
        match: MatchModel,
        prediction: Prediction,
        frames: Frames,
        most: bool,
        pixels: int,
        later: bool,
    ) -> None:
        self.near, self.match, self.prediction, self.frames, self.most = near, match, prediction, frames, most
        self.contexts = CONTEXTS if most else MIX_CONTEXTS
        self.bits = min(max((2 * pixels).bit_length(), 8), 16 if most else 14)
        slots = (self.contexts + (LATER_CONTEXTS if later else 0)) << self.bits
        self.buffers = []
        self.logs = shorts(
            uninitialised(self.buffers, "h", 16 * slots + 32)
        )  # `find` writes a slot before others read it
        if cython.compiled:  # the two slots that a hash may lead to share a cache line
            self.logs += (64 - (cython.cast(cython.size_t, self.logs) & 63)) // 2
        self.checks = ushorts(allocate(self.buffers, "H", slots))
        self.base = uints(allocate(self.buffers, "I", 16))
        self.place = ints(allocate(self.buffers, "i", 16))
        self.check = ints(allocate(self.buffers, "i", 16))
        self.found = ints(allocate(self.buffers, "i", 16))
        self.count = ints(allocate(self.buffers, "i", 16))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def hash_neighbours(self) -> cython.void:
        """Contexts 0 to 2, which follow from the nearest neighbours alone."""
        self.base[0] = hash_key(pack(self.near.w, self.near.n, self.near.nw, self.near.ne))
        self.base[1] = hash_key(self.near.n | self.near.nn << 8)
        self.base[2] = hash_key(self.near.w | self.near.ww << 8)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def hash_rest(self, x: cython.int) -> cython.void:
        """The contexts that need matches and predictions, and for `max` eight more."""
        base: cython.p_uint = self.base
        h: cython.uint = (self.match.matched + 1) | (self.match.second + 1) << 9
        base[3] = hash_key(h | (self.match.similarity >> 2) << 18 | (self.match.second_similarity >> 2) << 22)
        base[4] = hash_key(self.prediction.p1 | self.prediction.activity >> 1 << 8)
        if self.most:
            base[5] = hash_key(self.near.w | (self.near.run > 0) << 8)
            h = combine(
                pack(self.near.w, self.near.n, self.near.nw, self.near.ne),
                pack(self.near.ww, self.near.nn, self.near.nne, self.near.nee),
            )
            h = combine(h, pack(self.near.nwww, self.near.nww, self.near.nee, self.near.neee))
            base[6] = hash_key(combine(h, self.near.nnw | self.near.nnee << 8 | self.near.www << 16))
            base[7] = hash_key(self.near.n | self.near.ne << 8)
            base[8] = hash_key(self.near.w | self.near.ne << 8)
            base[9] = hash_key(x)
            base[10] = hash_key(self.prediction.p3 | self.prediction.p4 << 8)
            base[11] = hash_key(self.near.w | self.near.nw << 8 | self.near.n << 16)
            base[12] = hash_key(self.prediction.p0 | self.prediction.activity << 8)
        if self.frames.later:
            self._hash_reference()

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _hash_reference(self) -> cython.void:
        """The contexts of frames after the first; those of guesses, which these frames do not have, are replaced."""
        base: cython.p_uint = self.base
        c: cython.int = self.contexts - LATER_CONTEXTS
        w: cython.int = self.near.w
        n: cython.int = self.near.n
        p: cython.int = self.frames.p
        pp: cython.int = self.frames.pp
        h: cython.uint = pack(p, self.frames.pe, self.frames.ps, self.frames.pse)
        if self.most:
            base[10] = hash_key(combine(self.frames.place, p))
            base[12] = combine(h, pack(self.frames.psw, self.frames.pw, self.frames.pnw, self.frames.pne))
            base[12] = hash_key(combine(base[12], pack(w, n, pp, self.frames.pn)))
        base[c] = hash_key(pack(p, w, n, 0))
        base[c + 1] = hash_key(combine(h, pp))
        base[4] = hash_key(p | self.frames.moved << 8 | (p == pp) << 12)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def locate(self, first: cython.int, last: cython.int, node: cython.uint) -> cython.void:
        """Where the slots of contexts first to last - 1 will be looked for; prefetches them.

        node: 0 for a high nibble, 1 + high for the low nibble below it.
        """
        bits: cython.int = self.bits
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
    def find(self, prior: cython.p_short) -> cython.void:
        """Finds the slots of all contexts where they were located; new ones begin as the prior says."""
        checks: cython.p_ushort = self.checks
        logs: cython.p_short = self.logs
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
                    copy_logs(tail(logs, 16 * at), prior)
            checks[at] = check + n + (n < COUNTS - 1)
            self.found[c] = at
            self.count[c] = n

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def update(self, logs: cython.p_short, count: cython.int, symbol: cython.int) -> cython.void:
        """Makes the symbol that came likelier in a slot and all others less likely.

        RISE and DECAY say how fast: the more slowly, the higher the slot's count.
        """
        now: cython.int = logs[symbol]
        decay(logs, DECAY[count])
        now += RISE[193 * count + (-now >> 6)]
        logs[symbol] = now if now < 0 else 0
