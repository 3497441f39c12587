"""Skips (KPAL.md, section 5.2.9): pixels that are what the reference has there, alone, in spans, or all of a frame.

Spans are bisected: if a pixel of a span has changed, a flag asks about the first half of it, and so on.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .flags import Flag
    from .frames import Frames
    from .match_model import MatchModel
    from .neighbourhood import Neighbourhood
    from .tables import LEVEL, combine, pack

LEAST_SKIP = cython.declare(cython.int, 32)  # pixels of a span
MOST_SKIP = cython.declare(cython.int, 4096)  # pixels of a span: bounds what a flag costs
SKIP_SPAN = cython.declare(cython.uint, 1 << 24)  # added to keys, so that kinds of flags do not share slots
SKIP_PIXEL = cython.declare(cython.uint, 2 << 24)
SKIP_FRAME = cython.declare(cython.uint, 3 << 24)


@cython.final
@cython.cclass
class Skips:
    """Where nothing around a pixel has changed, flags say what is skipped."""

    near: Neighbourhood
    match: MatchModel
    frames: Frames
    flag: Flag
    change: cython.int  # the column, at least x + 2, where the row above differs from the reference; or the width
    broken: cython.int  # the column behind the least span in which a pixel is known to have changed; 0 if none is
    last: cython.int  # the last column of this row that has changed; -1 if none has
    first: cython.int  # the first column that may not be what the frame before had there
    end: cython.int  # the column behind the last of these
    calm: cython.int  # rows above this one in which nothing has changed
    follow: cython.int  # what the match expects of a span: 0 nothing, 1 what the reference has, 2 something else
    whole: cython.bint  # the span is not half of one that is known to have changed
    answers: cython.int  # the last four flags of spans, the latest in bit 0
    same_frames: cython.int  # the last four flags of frames

    def __init__(self, near: Neighbourhood, match: MatchModel, frames: Frames, flag: Flag) -> None:
        self.near, self.match, self.frames, self.flag = near, match, frames, flag
        self.change = self.broken = self.calm = self.follow = self.answers = self.same_frames = 0
        self.whole = False
        self.last = -1
        self.expose()

    # Frames.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def code_frame(self, same: cython.int) -> cython.int:
        """Codes whether a frame is the same as the one before."""
        i: cython.int
        for i in range(6):
            self.flag.key[i] = self.same_frames >> max(i - 2, 0) | SKIP_FRAME
        self.flag.predict(19, 1280)
        same = self.flag.code(same)
        self.same_frames = self.same_frames << 1 & 15 | same
        return same

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_frame(self) -> cython.void:
        self.calm = 0
        self.last = -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_row(self) -> cython.void:
        self.change = self.broken = 0
        self.first = self.near.width
        self.last = -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def end_row(self) -> cython.void:
        self.calm = self.calm + 1 if self.last < 0 else 0
        self.end = self.last + 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def expose(self) -> cython.void:
        """Takes no pixel of the row for what the frame before had there."""
        self.first, self.end = 0, self.near.width

    # Spans.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def find_change(self, at: cython.int, x: cython.int) -> cython.void:
        above: cython.int = at - self.near.stride - x
        if self.change < x + 2:
            self.change = max(self.near.width, x + 2)
            if self.calm == 0 and x + 2 < self.near.width:
                self.change = (
                    x + 2 + self.near.common(above + x + 2, above + x + 2 + self.frames.back, self.near.width - x - 2)
                )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def span(self, at: cython.int, x: cython.int) -> cython.int:
        """How many pixels from column x on a flag can be about, 0 if too few."""
        span: cython.int = self.near.width - x if self.change >= self.near.width else self.change - 1 - x
        here: cython.int = at + self.frames.back
        before: cython.int = at + self.frames.back_twice
        i: cython.int = 1
        span = min(span, MOST_SKIP)
        self.whole = x >= self.broken
        if not self.whole:
            span = min(span, (self.broken - x) >> 1)
        if span < LEAST_SKIP:
            return 0
        if self.frames.p == self.frames.pp:
            i = self.near.common(here, before, span)
        else:
            while i < span and self.near.cells[here + i] != self.near.cells[before + i]:
                i += 1
        return i if i >= LEAST_SKIP else 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def predict_span(self, at: cython.int, x: cython.int, span: cython.int) -> cython.void:
        """The probability that a span is what the reference has there."""
        key: cython.p_uint = self.flag.key
        cells: cython.p_uchar = self.near.cells
        here: cython.int = at + self.frames.back
        p: cython.int = self.frames.p
        size: cython.int = LEVEL[min(span, 4095)]
        news: cython.int = p != self.frames.pp
        calm: cython.int = LEVEL[min(self.calm, 4095)]
        last: cython.int = self._since_change(x)
        uniform: cython.int = self.near.alike(here, here + 1, span - 1)
        more: cython.int = self.whole
        below: cython.int = 0
        i: cython.Py_ssize_t
        row: cython.Py_ssize_t = here + self.near.stride
        other: cython.Py_ssize_t = at + self.frames.back_twice + self.near.stride
        for i in range(span):
            below += cells[row + i] != cells[other + i]
        below = LEVEL[min(below, 4095)]
        self.follow = 0
        if self.match.matched >= 0:
            self.follow = 1 if self.near.alike(self.match.match, here, span) else 2
        more |= self.follow << 1
        key[0] = size | calm << 4 | (x == 0) << 8 | (x + span >= self.near.width) << 9 | more << 10 | SKIP_SPAN
        key[1] = size | below << 4 | news << 8 | more << 9 | SKIP_SPAN
        key[2] = p | size << 8 | uniform << 12 | (p == self.near.w) << 13 | (p == self.near.n) << 14 | more << 15
        key[2] |= SKIP_SPAN
        key[3] = self.answers | size << 4 | last << 8 | more << 12 | SKIP_SPAN
        key[4] = last | size << 4 | news << 8 | calm << 9 | more << 13 | SKIP_SPAN
        key[5] = x | news << 22 | (size > 6) << 23 | SKIP_SPAN
        self.flag.predict(20 + 2 * news + self.whole, 1280 + (size << 4 | last))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def code_span(self, x: cython.int, span: cython.int, bit: cython.int) -> cython.int:
        """Codes the flag of a span; returns it."""
        bit = self.flag.code(bit)
        self.answers = self.answers << 1 & 15 | bit
        if not bit:
            self.broken = x + span
            self.whole = False
        return bit

    # Single pixels.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def predict_pixel(self, x: cython.int) -> cython.void:
        """The probability that a pixel is what the reference has there."""
        key: cython.p_uint = self.flag.key
        w: cython.int = self.near.w
        n: cython.int = self.near.n
        ne: cython.int = self.near.ne
        p: cython.int = self.frames.p
        pe: cython.int = self.frames.pe
        ps: cython.int = self.frames.ps
        same: cython.int = (p == w) | (p == n) << 1 | (p == ne) << 2 | (p == pe) << 3 | (p == ps) << 4
        inside: cython.int = 9 if x >= self.broken else min(self.broken - x, 8)
        news: cython.int = p != self.frames.pp
        last: cython.int = self._since_change(x)
        calm: cython.int = LEVEL[min(self.calm, 4095)]
        ahead: cython.int = min(self.change - x - 2, 8)
        flat: cython.int = self.near.flat
        length: cython.int = self.match.length_class
        agree: cython.int = 0
        if self.match.matched >= 0:
            agree = (1 if self.match.matched == p else 2) + 3 * (self.match.similarity >> 1)
        key[0] = same | inside << 5 | last << 9 | news << 13 | min(ahead, 3) << 14 | SKIP_PIXEL
        key[1] = combine(pack(p, w, n, ne), pack(pe, ps, self.frames.pp, 0))
        key[2] = p | agree << 8 | news << 13 | SKIP_PIXEL
        key[3] = agree | length << 5 | flat << 8 | news << 9 | (inside < 9) << 10 | same << 11 | SKIP_PIXEL
        key[4] = last | inside << 4 | calm << 8 | flat << 12 | ahead << 13 | SKIP_PIXEL
        key[5] = combine(self.near.around(), pack(p, pe, ps, self.frames.psw))
        self.flag.predict(24 + (news << 1 | (inside < 9)), 1536 + (same << 4 | inside))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _since_change(self, x: cython.int) -> cython.int:
        return 15 if self.last < 0 else min(LEVEL[min(x - self.last, 4095)], 14)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def note(self, x: cython.int, rank: cython.int) -> cython.void:
        """Notes whether a pixel has changed."""
        if rank != self.frames.p:
            self.first = min(self.first, x)
            self.last = x
            self.broken = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def note_span(self, at: cython.int, x: cython.int, span: cython.int) -> cython.void:
        """Notes where a span of W has changed."""
        cells: cython.p_uchar = self.near.cells
        if not self.near.alike(at, at + self.frames.back, span):
            while cells[at + span - 1] == cells[at + self.frames.back + span - 1]:
                span -= 1
            self.first = min(self.first, x)
            self.last = x + span - 1
            self.broken = 0
