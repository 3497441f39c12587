"""Flags (KPAL.md, section 5.2.6): one binary decision where a pixel, or a whole span of them, is nearly certain.

A flag has six contexts, each with a hash slot, and a small mixer of their logarithms. Nothing guards the slots against
collisions.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .frames import Frames
    from .match_model import MatchModel
    from .neighbourhood import Neighbourhood
    from .range_coder import RangeCoder
    from .tables import (
        EXP,
        FLAG_COUNTS,
        FLAG_DECAY,
        FLAG_RATE,
        LEARNT_LIMIT,
        LEVEL,
        MOST_WEIGHT,
        after,
        allocate,
        combine,
        fold,
        ints,
        limit,
        pack,
        shorts,
        uints,
        uninitialised,
    )

FLAG_CONTEXTS = cython.declare(cython.int, 6)
FLAG_FLOOR = cython.declare(cython.int, -16384)  # the lowest logarithm of a flag
LEAST_SPAN = cython.declare(cython.int, 4)  # pixels


@cython.final
@cython.cclass
class Flag:
    """One binary decision by the contexts in `key`: `predict`, then `code`, which also learns."""

    coder: RangeCoder
    mask: cython.uint  # slots of a context, minus 1: 2**8 - 1 to 2**13 - 1
    key: cython.p_uint  # the key of each context, 31 bits
    logs: cython.p_short  # four numbers a slot: logarithms of no and yes, -16384 to 0; a count, 0 to 98; nothing
    slot: cython.p_int  # where the slot of each context stands in `logs`
    stretch: cython.p_int  # the logarithm of yes minus that of no in each slot, ±16384
    coarse: cython.p_int  # weights, -2**20 to 2**20, few sets that learn fast: 32 sets of 8
    fine: cython.p_int  # weights, many sets that know more: 2048 sets of 8
    coarse_set: cython.int  # where the coarse set in use begins, a multiple of 8
    fine_set: cython.int  # where the fine one does
    no: cython.uint  # frequency, 1 to 32767
    yes: cython.uint  # frequency, 1 to 32767
    buffers: list

    def __init__(self, coder: RangeCoder, pixels: int, later: bool) -> None:
        self.coder = coder
        bits = min(max(pixels.bit_length(), 8), 16 if later else 13)
        self.mask = (1 << bits) - 1
        self.coarse_set = self.fine_set = 0
        self.no = self.yes = 1
        self.buffers = []
        self.key = uints(allocate(self.buffers, "I", 8))
        self.logs = shorts(uninitialised(self.buffers, "h", FLAG_CONTEXTS * 4 << bits))
        self.slot = ints(allocate(self.buffers, "i", 8))
        self.stretch = ints(allocate(self.buffers, "i", 8))
        self.coarse = ints(allocate(self.buffers, "i", 32 * 8))
        self.fine = ints(allocate(self.buffers, "i", 2048 * 8))
        self._start(FLAG_CONTEXTS << bits)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _start(self, slots: cython.int) -> cython.void:
        i: cython.int
        for i in range(slots):
            self.logs[4 * i] = -2191
            self.logs[4 * i + 1] = -380
            self.logs[4 * i + 2] = self.logs[4 * i + 3] = 0
        for i in range(32 * 8):
            self.coarse[i] = 12452

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def predict(self, coarse: cython.int, fine: cython.int) -> cython.void:
        """The frequencies of no and yes, with the weights of those sets."""
        h: cython.uint
        c: cython.int
        at: cython.int
        weight: cython.int
        score: cython.int = 0
        self.coarse_set, self.fine_set = 8 * coarse, 8 * fine
        for c in range(FLAG_CONTEXTS):
            h = fold((self.key[c] * 0x2F0B4C47 + c) & 0x7FFFFFFF)
            at = cython.cast(cython.int, (((h ^ (h >> 13)) & self.mask) * FLAG_CONTEXTS + c) * 4)
            self.slot[c] = at
            self.stretch[c] = self.logs[at + 1] - self.logs[at]
            weight = limit((self.coarse[self.coarse_set + c] + self.fine[self.fine_set + c]) >> 4, MOST_WEIGHT)
            score += (weight * self.stretch[c]) >> 16
        self.no = EXP[min(max(score, 0), 1023)]
        self.yes = EXP[min(max(-score, 0), 1023)]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def code(self, bit: cython.int) -> cython.int:
        """Writes that bit, or reads one; learns and returns it."""
        total: cython.uint = self.no + self.yes
        unit: cython.ulonglong = cython.cast(cython.uint, self.coder.range) // total
        if self.coder.decoding:
            bit = 1 if self.coder.low < unit * self.yes else 0
        if bit:
            self.coder.narrow(0, unit * self.yes)
        else:
            self.coder.narrow(unit * self.yes, unit * self.no)
        error: cython.int = (bit << 14) - cython.cast(cython.int, (self.yes << 14) // total)
        logs: cython.p_short = self.logs
        a: cython.p_int = self.coarse
        b: cython.p_int = self.fine
        step: cython.int
        n: cython.int
        at: cython.int
        c: cython.int
        for c in range(FLAG_CONTEXTS):
            step = (((error * self.stretch[c]) >> 14) * 126) >> 10
            a[self.coarse_set + c] = limit(a[self.coarse_set + c] + step, LEARNT_LIMIT)
            b[self.fine_set + c] = limit(b[self.fine_set + c] + step, LEARNT_LIMIT)
            at = self.slot[c]
            n = logs[at + 2]
            logs[at + bit] = after(logs[at + bit], FLAG_RATE[n])
            logs[at + 1 - bit] = max(logs[at + 1 - bit] - FLAG_DECAY[n], FLAG_FLOOR)
            logs[at + 2] = min(n + 1, FLAG_COUNTS - 1)
        return bit


@cython.final
@cython.cclass
class Flags:
    """Which flags a pixel has, and their contexts."""

    near: Neighbourhood
    frames: Frames
    match: MatchModel
    flag: Flag
    change: cython.int  # the column, at least x + 2, where the row above changes; the width if it does not
    failed_until: cython.int  # the column behind the last span of this row whose flag was 0
    follow: cython.int  # what the match expects of a span: 0 nothing, 1 all W, 2 something else
    spans: cython.int  # the last four span flags, the latest in bit 0

    def __init__(self, near: Neighbourhood, frames: Frames, match: MatchModel, flag: Flag) -> None:
        self.near, self.frames, self.match, self.flag = near, frames, match, flag
        self.change = self.failed_until = self.follow = self.spans = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_row(self) -> cython.void:
        self.change = self.failed_until = 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def candidate(self) -> cython.int:
        """The rank that is nearly certain, or -1."""
        if self.near.flat:
            return self.near.w
        if self.match.length >= self.match.long and self.match.similarity >= 14:
            return self.match.matched
        return -1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def find_change(self, at: cython.int, x: cython.int) -> cython.void:
        if self.change < x + 2:
            self.change = x + 2
            while (
                self.change < self.near.width
                and self.near.cells[at - self.near.stride - x + self.change] == self.near.n
            ):
                self.change += 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def span(self, x: cython.int) -> cython.int:
        """How many pixels from column x on a flag can be about, 0 if too few: never more than the row has."""
        span: cython.int = 0
        if self.near.flat and x >= self.failed_until:
            span = self.near.width - x if self.change >= self.near.width else self.change - 1 - x
        return span if span >= LEAST_SPAN else 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def predict_span(self, at: cython.int, x: cython.int, span: cython.int) -> cython.void:
        """The probability that all pixels of a span are W."""
        key: cython.p_uint = self.flag.key
        w: cython.int = self.near.w
        # Cells from this pixel on are yet to be decoded, so a match before it is compared up to here.
        self.follow = 0
        if self.match.matched >= 0:
            known: cython.int = at - self.match.match if self.match.match < at else span
            self.follow = 1 if self.near.all_are(w, self.match.match, min(span, known)) else 2
        size: cython.int = LEVEL[min(span, 4095)]
        above: cython.int = self.near.all_are(w, at - 2 * self.near.stride, span)
        key[0] = self.near.equal | size << 6 | self._more() << 10 | above << 13 | 1 << 20
        key[1] = (self.near.around() + size + 1) & 0x7FFFFFFF
        key[2] = w | size << 8 | self.follow << 12 | above << 14 | 1 << 20
        key[3] = self.follow | self.match.length_class << 2 | size << 5 | above << 9 | 1 << 20
        key[4] = self.spans | size << 4 | above << 8 | 1 << 20
        key[5] = self._run_level() | size << 4 | (x == 0) << 8 | (self.change >= self.near.width) << 9 | 1 << 20
        if self.frames.later:
            even: cython.uint = 1 + self.near.alike(at + self.frames.back, at + self.frames.back - 1, span)
            even += 2 * (self.frames.p != self.frames.pw)
            key[2] |= even << 21
            key[3] |= even << 21
            key[4] |= even << 21
        self.flag.predict(16 + self.follow, 1024 + (size << 4 | self.spans & 3))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_span(self, x: cython.int, span: cython.int, bit: cython.int) -> cython.int:
        """Codes the span flag; returns the number of pixels done, or 0."""
        bit = self.flag.code(bit)
        self.spans = self.spans << 1 & 15 | bit
        if bit:
            return span
        self.failed_until = x + span
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def predict_pixel(self, x: cython.int, candidate: cython.int) -> cython.void:
        """The probability that a pixel is the candidate."""
        key: cython.p_uint = self.flag.key
        flat: cython.int = self.near.flat
        length: cython.int = self.match.length_class
        inside: cython.int = x < self.failed_until
        ahead: cython.int = min(self.change - x - 2, 8)
        around: cython.uint = self.near.around()
        agree: cython.int = 0
        agree_second: cython.int = 0
        if self.match.matched >= 0:
            agree = (1 if self.match.matched == candidate else 2) + 3 * (self.match.similarity >> 1)
        if self.match.second >= 0:
            agree_second = (1 if self.match.second == candidate else 2) + 3 * (self.match.second_similarity >> 1)
        key[0] = self.near.equal | flat << 5 | ahead << 6 | self._more() << 10
        key[0] |= (self.near.nnee == self.near.w) << 13 | inside << 14
        key[1] = (around + flat) & 0x7FFFFFFF
        key[2] = candidate | self.near.equal << 8 | agree << 13 | flat << 20
        key[3] = agree | agree_second << 6 | length << 12 | flat << 16
        key[4] = self._run_level() | ahead << 4 | flat << 8 | (candidate == 0) << 9 | length << 10 | inside << 14
        key[5] = (
            combine(around, pack(self.near.nww, self.near.nnw, self.near.www, self.near.neee)) + flat
        ) & 0x7FFFFFFF
        if self.frames.later:
            edges: cython.uint = self.frames.edges() | 16
            key[2] |= edges << 21
            key[4] |= edges << 21
            key[5] = combine(key[5], pack(self.frames.p, self.frames.pw, self.frames.pn, self.frames.pe))
        self.flag.predict(flat << 3 | length, agree << 5 | self.near.equal)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _more(self) -> cython.int:
        """Which of three neighbours farther out are W."""
        w: cython.int = self.near.w
        return (self.near.www == w) | (self.near.nwww == w) << 1 | (self.near.nnw == w) << 2

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _run_level(self) -> cython.int:
        return 15 if self.near.run > 255 else LEVEL[self.near.run]
