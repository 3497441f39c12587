"""A tile on its way through the model (KPAL.md, section 5.2): frames, rows, pixels, and the stages in their order.

Encoder and decoder are one: `Flag.code` and `Mixer.code` write the symbol that they are given or read it, and all the
rest is the model, which follows from the pixels before. README.md tells a pixel's way through it.

Why no stream can hurt the compiled loop: nothing sees the stream but `RangeCoder._next`, which reads zeros behind its
end, and all that comes of it are the results of `Flag.code`, 0 or 1, and of `Mixer.code`, a symbol with a frequency
above 0. Only ranks below k have one: `ceil(k / 16)` high nibbles, and `min(16, k - 16 * high)` low ones. Every index
into a table is made of such ranks, of a hash cut to the size of its table, of a number cut off by `min` or `limit`,
or is the position of an earlier pixel. A row of biases is `BIAS_ROWS * c` plus a rank, or plus at most 767 for a low
nibble, and its count stops at 255, the last of BIAS_RATE. Each step is good for one pixel or for a span that ends
within the row, and `RangeCoder.finished` compares the bytes that were read with those that were there.

In a ring of frames, positions differ by whole slots and are taken modulo the ring. A match begins each row within the
ring and three rows from its start (`MatchModel.begin_row`), follows the pixels of that row, and looks at two rows above
and at no more than a row behind: all of these are cells, and two rows of cells stand between the ring and the plane. A
vector's number is at most 3, `Motion._move` copies what lies in the picture on both sides, and a component has 10 bits.
What a stream can ask for is bounded by the frames that were announced: a decoder that lives on zeros ends at the next
pixel, and each frame after that is filled with zeros.

Memory is slow beside arithmetic. What a step will need of the large tables is located and prefetched early, while the
nibble before is still to be learnt from: `pending` says that `Mixer.update` is to be called.
"""

import threading

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .flags import Flag, Flags
    from .frames import Frames
    from .match_model import MatchModel
    from .mixer import BIASES, HITS, MIX_BIASES, Biases, Hits, Mixer
    from .motion import Motion
    from .motion_search import MotionSearch
    from .neighbourhood import Neighbourhood
    from .prediction import Prediction
    from .prior import Prior
    from .range_coder import RangeCoder
    from .ranks import Ranks
    from .skips import LEAST_SKIP, Skips
    from .slots import Slots
    from .snapshot import Snapshot
    from .tables import tail

TELL_EVERY = cython.declare(cython.int, 1 << 14 if cython.compiled else 1 << 6)  # pixels
NEVER = cython.declare(cython.int, 1 << 30)  # more pixels than a tile has
_latest = threading.local()  # its attribute `tables` belongs to the latest tile of this thread


def _palette_tables(colors: bytes, opaque: bool) -> tuple:
    """`Ranks` and `Prior` of a palette.

    They follow from the palette alone and take as long as a few thousand pixels. So they are kept for the next tile of
    the same palette in this thread: another one of the image, or the same one when the result is verified.
    """
    kept = getattr(_latest, "tables", None)
    if kept is None or kept[0] != (colors, opaque):
        ranks = Ranks(colors, opaque)
        kept = _latest.tables = ((colors, opaque), ranks, Prior(ranks))
    return kept[1:]


@cython.cclass
class Tile:
    """One tile, in one direction: `encode_frame` for each frame and `finish`, or `decode_frame` and `finished`.

    profile: 0 for `mix`, 1 for `max`.
    colors: the palette as uint8 (k, 4) RGBA, k >= 2, flat bytes.
    opaque: whether alpha is 255 throughout.
    width, rows: of a frame; with more than one of the `frames`, (rows + 3) * (width + 16) is at most 2**26.
    data: the stream to decode; None to encode.

    `tell` is called, with the number of pixels done since its last call, at least every TELL_EVERY pixels. What it
    raises ends the work and passes through.
    """

    coder: RangeCoder
    ranks: Ranks
    near: Neighbourhood
    frames: Frames
    match: MatchModel
    flags: Flags
    skips: Skips
    motion: Motion
    motion_search: MotionSearch  # of an encoder
    prior: Prior
    prediction: Prediction
    slots: Slots
    mixer: Mixer
    width: cython.int
    rows: cython.int
    begun: cython.bint  # the first frame has begun
    pending: cython.bint  # `Mixer.update` is yet to be called for the last nibble
    choosing: cython.bint  # this is a `ChoosingTile` at work (rate_choice.py)
    trial: cython.bint  # what is being encoded may be discarded: its pixels do not count
    snapshot: object  # a `Snapshot` of an encoder, once there was a trial
    tell: object  # called with the number of pixels done since its last call, or None
    until_tell: cython.int  # pixels until `tell` is called, 1 to TELL_EVERY; NEVER without `tell`

    def __init__(
        self, profile: int, colors: bytes, opaque: bool, width: int, rows: int, frames: int, data: bytes | None
    ) -> None:
        pixels, later = width * rows * frames, frames > 1
        self.width, self.rows = width, rows
        self.coder = RangeCoder(data, width * rows // 4 + 1024)
        self.ranks, self.prior = _palette_tables(colors, opaque)
        self.near = Neighbourhood(width, rows)
        self.frames = Frames(self.near, rows, frames)
        self.match = MatchModel(self.near, pixels, profile > 0)
        flag = Flag(self.coder, pixels, later)
        self.flags = Flags(self.near, self.frames, self.match, flag)
        self.skips = Skips(self.near, self.match, self.frames, flag)
        self.prediction = Prediction(self.ranks, self.near, self.frames, self.prior, profile > 0)
        self.slots = Slots(self.near, self.match, self.prediction, self.frames, profile > 0, pixels, later)
        hits = Hits(self.near, self.match, self.prediction, self.frames, HITS if profile else 1)
        count, ease = (BIASES, 64) if profile else (MIX_BIASES, 112)
        biases = Biases(self.near, self.prediction, count, ease)
        self.mixer = Mixer(self.coder, self.slots, self.prediction, biases, hits, later)
        self.motion = Motion(self.near, self.frames, flag, rows)
        if later and data is None:
            self.frames.keep_source()
            self.motion_search = MotionSearch(self.near, self.frames, self.motion)
        self.begun = self.pending = self.choosing = self.trial = False
        self.snapshot = None
        self.tell, self.until_tell = None, NEVER

    def encode_frame(self, indices: memoryview, tell: object = None) -> None:
        """Encodes the next frame: flat bytes, all below the number of colours."""
        given: cython.const[cython.uchar][::1] = indices
        y: cython.int
        x: cython.int
        start: cython.int
        self._listen(tell)
        with cython.nogil:
            for y in range(self.rows):
                start = self.near.row(y) + self.frames.source
                for x in range(self.width):
                    self.near.cells[start + x] = self.ranks.rank[given[y * self.width + x]]
        if self._begin_frame():
            if self.motion.vectors and not self.motion_search.sure():
                self._try_motion()
            else:
                self._encode_rows()
        self._tell_rest()

    @cython.cfunc
    def _encode_rows(self) -> object:
        y: cython.int
        self._code_reference()
        for y in range(self.rows):
            self._reserve_row()
            with cython.nogil:
                self._code_row(y)
        return None

    @cython.cfunc
    def _try_motion(self) -> object:
        """Encodes the frame with and without motion and keeps what is shorter.

        What is expected to be shorter comes second, so that in most cases it need not be encoded again.
        """
        start: cython.longlong = self.coder.settled()
        vectors: cython.int = self.motion.vectors
        last: cython.int = vectors if self.motion_search.wins else 0
        bits: cython.longlong
        if self.snapshot is None:
            self.snapshot = Snapshot(self.near, self.match, self.flags, self.skips, self.motion, self.mixer)
        before: Snapshot = self.snapshot
        before.take(start)
        bits = self._encode_with(vectors - last, start)
        before.restore()
        if bits < self._encode_with(last, start):
            before.restore()
            self._encode_with(vectors - last, start)
        self._count_all()
        self.motion_search.learn(self.motion.vectors > 0)
        return None

    @cython.cfunc
    def _encode_with(self, vectors: cython.int, start: cython.longlong) -> cython.longlong:
        """Encodes the frame with that many vectors, uncounted; returns the length of the stream behind `start`."""
        until_tell: cython.int = self.until_tell
        self.motion.vectors = vectors
        self.trial = True
        self._encode_rows()
        self._settle()
        self.trial = False
        self.until_tell = until_tell
        return self.coder.bits(start)

    def finish(self) -> bytes:
        """The stream, after the last frame."""
        return self.coder.finish()

    def decode_frame(self, indices: memoryview, tell: object = None) -> None:
        """Decodes the next frame into flat writable bytes, which hold the frame before, or zeros for the first one.

        Where a stream is too short, the pixels that it does not reach are 0.
        """
        given: cython.uchar[::1] = indices
        y: cython.int
        x: cython.int
        start: cython.int
        reached: cython.int = 0
        self._listen(tell)
        if self._begin_frame():
            self._code_reference()
            with cython.nogil:
                for y in range(self.rows):
                    reached = self._code_row(y)
                    start = self.near.row(y)
                    for x in range(self.skips.first, min(self.skips.end, reached)):
                        given[y * self.width + x] = self.ranks.order[self.near.cells[start + x]]
                    if reached < self.width:
                        break
                for x in range(y * self.width + reached, self.rows * self.width):
                    given[x] = 0
        self._tell_rest()

    def finished(self) -> bool:
        """Whether the stream that was decoded ended where the pixels did."""
        return self.coder.finished()

    @cython.cfunc
    def _begin_frame(self) -> cython.bint:
        """Goes on to the next frame; returns whether its pixels are coded, as they are not what they were."""
        same: cython.bint
        if not self.begun:
            self.begun = True
            return True
        same = False
        if not self.coder.decoding:
            same = self._is_same()
            self.coder.reserve(16)
        if self.skips.code_frame(same) and not self.coder.starved():
            self._count_all()
            return False
        self._settle()
        if not self.frames.later:
            self.mixer.begin_later()
        self.frames.begin()
        self.match.begin_frame(self.frames.ring * self.near.size)
        if not self.coder.decoding:
            self.motion_search.search()
        return True

    @cython.cfunc
    def _code_reference(self) -> object:
        """Begins the coding of a frame after the first one with what it is compared with."""
        if self.frames.later:
            if not self.coder.decoding:
                self.motion.reserve()
            self.motion.code()
            self.skips.begin_frame()
        return None

    @cython.cfunc
    def _settle(self) -> object:
        """Learns what is pending."""
        if self.pending:
            self.mixer.update()
            self.pending = False
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _is_same(self) -> cython.bint:
        """Whether the frame to be encoded is the one in the slot at hand."""
        y: cython.int
        for y in range(self.rows):
            if not self.near.alike(self.near.row(y), self.near.row(y) + self.frames.source, self.width):
                return False
        return True

    @cython.cfunc
    def _reserve_row(self) -> object:
        """A pixel takes two flags of 16 bits and two nibbles of 20 at the most, and flags that bisect a span."""
        self.coder.reserve((9 + self.width.bit_length() * self.frames.later) * self.width + 16)
        return None

    # Progress.

    @cython.cfunc
    def _listen(self, tell: object) -> object:
        self.tell = tell
        self.until_tell = NEVER if tell is None else TELL_EVERY
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _tell(self) -> cython.int:
        """Calls `tell`, if there is one; what it raises passes through."""
        done: cython.int = TELL_EVERY - self.until_tell
        with cython.gil:
            if self.tell is not None:
                self.until_tell = TELL_EVERY
                self.tell(0 if self.trial else done)
        return 0

    @cython.cfunc
    def _tell_rest(self) -> object:
        if self.until_tell < TELL_EVERY:
            self._tell()
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _count_all(self) -> cython.int:
        """Counts the pixels of a frame."""
        left: cython.int = self.width * self.rows
        part: cython.int
        while left:
            part = min(left, self.until_tell)
            left -= part
            self._count(part)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(-1)
    def _count(self, pixels: cython.int) -> cython.int:
        """Counts pixels that are done."""
        self.until_tell -= pixels
        if self.until_tell <= 0:
            self._tell()
        return 0

    # Rows and pixels.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _code_row(self, y: cython.int) -> cython.int:
        """Codes a row and sets the margins beside it; returns how many pixels there were before the stream ended."""
        start: cython.int = self.near.row(y)
        x: cython.int = 0
        span: cython.int
        self.near.begin_row(y)
        self.flags.begin_row()
        self.prediction.begin_row(y)
        if self.frames.later:
            self.skips.begin_row()
            self.match.begin_row(self.frames.ring * self.near.size)
        while x < self.width and not self.coder.starved():
            span = self._code_pixel(start + x, x)
            if span:
                x += span
            else:
                self._count(1)
                x += 1
        self.near.end_row(y)
        if self.frames.later:
            self.skips.end_row()
            if self.motion.vectors:
                self.skips.expose()
        self.match.end_row()
        return x

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _code_pixel(self, at: cython.int, x: cython.int) -> cython.int:
        """Codes a pixel and returns 0; or codes a span that begins with it, and returns its length."""
        rank: cython.int = self.near.cells[at + self.frames.source]
        excluded: cython.int = -1
        candidate: cython.int
        predicted: cython.bint
        span: cython.int
        unmoved: cython.bint = False
        self.near.load(at, x)
        if self.frames.later:
            self.frames.load(at)
            unmoved = self.frames.moved == 0
        if not self.near.flat:
            self.match.hash_neighbours()
            self.slots.hash_neighbours()
            self._locate(0, 3)
        if self.pending:
            self.mixer.update()
            self.pending = False
        predicted = not self.near.flat and not unmoved and self.match.length < self.match.long
        if predicted:
            self.prediction.predict(x)
        self.match.find(at)
        if unmoved:
            candidate = self.frames.p
            span = self._code_skip(at, x)
            if span:
                self._skip(at, x, span)
                return span
        else:
            candidate = self.flags.candidate()
            if candidate >= 0:
                self.flags.find_change(at, x)
                span = self._code_span(at, x)
                if span:
                    self._fill_span(at, x, span)
                    return span
        if self.choosing:
            self._begin_choice(x)
        if candidate >= 0 and not self._code_flag(x, candidate, rank):
            excluded = candidate
            candidate = -1
        if candidate >= 0:
            rank = candidate
            if not self.frames.later:
                self.prediction.set_right(x, 1)
        else:
            if not predicted:
                self.prediction.predict(x)
            if self.near.flat:
                self.slots.hash_neighbours()
                self._locate(0, 3)
            self.slots.hash_rest(x)
            self._locate(3, self.slots.contexts)
            rank = self._code_rank(rank, excluded)
            if not self.frames.later:
                self.prediction.update(x, rank)
        self.near.put(at, rank, 1)
        if self.frames.later:
            self.skips.note(x, rank)
        if self.choosing:
            self._end_choice(x, rank)
        self.match.update(self.match.matched == rank, 1)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _locate(self, first: cython.int, last: cython.int) -> cython.void:
        """Locates slots for a rank's first nibble."""
        self.slots.locate(first, last, 0 if self.ranks.k > 16 else 1)

    # Spans of pixels that are all like the one before.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(-1)
    def _code_span(self, at: cython.int, x: cython.int) -> cython.int:
        """Codes whether all pixels are W from here to where the row above changes; returns how many, or 0."""
        span: cython.int = self.flags.span(x)
        bit: cython.int = 0
        if span == 0:
            return 0
        self.flags.predict_span(at, x, span)
        if self.choosing:
            bit = self._choose_span(x, span)
        elif not self.coder.decoding:
            bit = self.near.all_are(self.near.w, at + self.frames.source, span)
        return self.flags.code_span(x, span, bit)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _fill_span(self, at: cython.int, x: cython.int, span: cython.int) -> cython.int:
        """Sets the pixels of a span, part by part, so that `tell` is called in time."""
        done: cython.int = 0
        part: cython.int
        while done < span:
            part = min(span - done, self.until_tell)
            self.near.put(at + done, self.near.w, part)
            if not self.frames.later:
                self.prediction.set_right(x + done, part)
            if self.choosing:
                self._end_chosen_span(x + done, part)
            done += part
            self._count(part)
        self.match.update(self.flags.follow == 1, span)
        self.near.run += span - 1
        if self.frames.later:
            self.skips.note_span(at, x, span)
        return 0

    # Spans of pixels that are all like the reference.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_skip(self, at: cython.int, x: cython.int) -> cython.int:
        """Codes how many pixels from here on are skipped as a span, perhaps 0."""
        span: cython.int
        bit: cython.int = 0
        self.skips.find_change(at, x)
        span = self.skips.span(at, x)
        while span >= LEAST_SKIP:
            self.skips.predict_span(at, x, span)
            if not self.coder.decoding:
                bit = self.near.alike(at + self.frames.source, at + self.frames.back, span)
            if self.skips.code_span(x, span, bit):
                return span
            span >>= 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _skip(self, at: cython.int, x: cython.int, span: cython.int) -> cython.int:
        """Sets the pixels of a span to those of the reference, part by part, so that `tell` is called in time."""
        done: cython.int = 0
        part: cython.int
        while done < span:
            part = min(span - done, self.until_tell)
            self.near.copy(at + done, at + done + self.frames.back, part)
            done += part
            self._count(part)
        self.match.update(self.skips.follow == 1, span)
        self.near.count_run(at, span)
        return 0

    # Single pixels.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_flag(self, x: cython.int, candidate: cython.int, rank: cython.int) -> cython.int:
        """Codes whether a pixel is the candidate."""
        if self.frames.moved:
            self.flags.predict_pixel(x, candidate)
        else:
            self.skips.predict_pixel(x)
        return self.flags.flag.code(self._choose_flag(candidate) if self.choosing else rank == candidate)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _code_rank(self, rank: cython.int, excluded: cython.int) -> cython.int:
        """Codes a rank in one nibble or two; slots of the first are located, the last is left pending."""
        prior: cython.int = self.prior.find(self.prediction.p5, self.prediction.doubt >> 1)
        impossible: cython.int = -1
        high: cython.int = 0
        self.mixer.begin_rank()
        if self.ranks.k > 16:
            if excluded >= 0 and self.ranks.k - (excluded & 240) == 1:
                impossible = excluded >> 4  # no other rank has this high nibble
            self.mixer.select_high()
            self.slots.find(tail(self.prior.logs, prior))
            self.mixer.predict((self.ranks.k + 15) >> 4, impossible)
            high = self.mixer.code(self._choose_nibble(-1, excluded, prior) if self.choosing else rank >> 4)
            self.slots.locate(0, self.slots.contexts, 1 + high)
            if cython.compiled:
                prefetch(self.prior.logs + prior + 16 + 16 * high)
            self.mixer.update()
        self.mixer.select_low(high, self.ranks.k <= 16)
        self.slots.find(tail(self.prior.logs, self.prior.below(prior, high)))
        impossible = excluded & 15 if excluded >= 0 and excluded >> 4 == high else -1
        self.mixer.predict(min(self.ranks.k - 16 * high, 16), impossible)
        self.pending = True
        return high << 4 | self.mixer.code(self._choose_nibble(high, excluded, prior) if self.choosing else rank & 15)

    # Hooks of an encoder that chooses what to write (rate_choice.py); `choosing` guards every call.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _choose_span(self, x: cython.int, span: cython.int) -> cython.int:
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _end_chosen_span(self, x: cython.int, count: cython.int) -> cython.void:
        pass

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _begin_choice(self, x: cython.int) -> cython.void:
        pass

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _choose_flag(self, candidate: cython.int) -> cython.bint:
        return False

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _choose_nibble(self, high: cython.int, excluded: cython.int, prior: cython.int) -> cython.int:
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _end_choice(self, x: cython.int, rank: cython.int) -> cython.void:
        pass
