"""A tile on its way through the coder `fast` (KPAL.md, section 5.3); README.md follows one pixel.

Encoder and decoder are one: `code_flag`, `code_symbol` and `code_raw` write the value that they are given, or read and
return one. The compiler makes four loops of it: `_encode` and `_decode`, and both for frames after the first. All four
write the cells as they go; what an encoder is to write it reads from the caller's pixels.

Why no stream can harm the compiled loop: only the range coder sees the stream. Past its end it reads zeros. What it
returns is a bit, a symbol from 0 to 15, or a raw number below 2**n with n <= 13. A place in a list is limited to the
k - 1 entries of the list, all of them indices below k, and a place in a span to the span, which ends within the row. So
all pixels are below k. Each index into a table is made of pixels (8 bits), of a hash masked to the size of its table,
of a context whose parts are limited where they are put together, or of a count that stops at the last entry of its
table. The confidence in a slot is from 0 to 8, and its colour a pixel. Probabilities stay in 1..65535 and the ends of a
distribution at least 1 apart (`code_flag`, `_adapt`), so the range never becomes 0 and nothing is divided by 0.

In later frames, a span that is as before also ends within the row, at `broken` or earlier, which is never beyond the
end of a span; each flag about it halves it, so a pixel takes at most 23 of them. The number of a block is from 0 to the
number of vectors, at most 4, and the pixel that a vector points to is clamped to the frame. Planes have two rows more
than the frame, for those above its first, and MARGIN cells on either side of each row, of which at most three are read.

An encoder reserves what a step can write before it takes it: MOST_BYTES for each pixel, more in later frames.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .. import _cython as cython  # structs of an installed but unused Cython cannot hold Python objects
    from .candidates import Candidates
    from .changes import Changes
    from .lists import Lists
    from .motion import Motion
    from .planes import Planes
    from .range_coder import Coder, Stream, code_flag
    from .slots import Slots, long_key, short_key
    from .spans import Spans
    from .tables import (
        ACTIVITY,
        NO_COLOR,
        NO_PLACE,
        allocate,
        copy_cells,
        equal_cells,
        even_flags,
        pack,
        uchars,
        uints,
    )

MOST_BYTES = cython.declare(cython.int, 28)  # of a pixel: at most 10 flags of 16 bits, 2 symbols of 15, 19 raw bits
MOST_LATER_BYTES = cython.declare(cython.int, 84)  # of one of a later frame: 27 flags more
MOST_BLOCK_BYTES = cython.declare(cython.int, 12)  # of a block of it: at most 6 flags
TELL_EVERY = cython.declare(cython.int, 1 << 14)  # pixels
STEP = cython.declare(cython.int, 1 << 13 if cython.compiled else 1 << 6)  # pixels, if progress is told
FEW_COLORS = cython.declare(cython.int, 16)  # up to here the short key has NE, too, and the long one has no WWW
FREE_STEP = cython.declare(cython.int, 1 << 16)  # pixels, if it is not


@cython.final
@cython.cclass
class Tile:
    """One tile, in one direction.

    colors: the palette as uint8 (k, 4) RGBA, k >= 2, flat bytes.
    data: the stream to decode; None to encode.

    `tell` is called, with the number of pixels done since its last call, at least every TELL_EVERY pixels. What it
    raises ends the work and passes through.
    """

    stream: Stream
    planes: Planes
    lists: Lists
    long_slots: Slots
    short_slots: Slots
    place_slots: Slots  # of frames after the first
    spans: Spans
    motion: Motion
    changes: Changes
    candidates: Candidates
    decoding: cython.bint
    width: cython.int  # pixels
    rows: cython.int
    frames_begun: cython.int  # without those that are the same as the one before
    x: cython.int  # where the loop is: 0 to width
    y: cython.int  # -1, before the frame flag, to rows
    same_rows: cython.int  # the last three row flags
    row_flags: cython.p_uint  # 8
    picture: cython.p_uchar  # the pixels of the frame, rows x width
    buffers: list

    def __init__(self, colors: bytes, width: int, rows: int, frames: int, data: bytes | None) -> None:
        pixels, later = width * rows * frames, frames > 1
        self.stream = Stream(data)
        self.planes = Planes(width, rows, later)
        self.lists = Lists(colors)
        # Tables larger than a cache cost more time than they save bytes. Few short keys are distinct.
        self.long_slots = Slots(pixels, 19 if later else 18)
        self.short_slots = Slots(pixels, 16 if later else 18)
        self.place_slots = Slots(pixels if later else 1, 18)
        self.spans = Spans(self.planes, later)
        self.motion = Motion(self.planes)
        self.changes = Changes(self.planes, later)
        self.candidates = Candidates(later)
        self.decoding = data is not None
        self.width, self.rows = width, rows
        self.x = self.y = self.same_rows = self.frames_begun = 0
        self.buffers = []
        self.row_flags = uints(allocate(self.buffers, "I", even_flags(8)))

    def encode_frame(
        self, indices: memoryview, tell: object = None, vectors: list | None = None, blocks: bytes = b""
    ) -> None:
        """Encodes the next frame: flat writable bytes, all below the number of colours.

        vectors, blocks: the motion of the frame, see `Motion.choose`.
        """
        if self.planes.moving:
            self.motion.choose(vectors or [], blocks)
        self.picture = uchars(indices)
        self._run(tell)

    def finish(self) -> bytes:
        """The stream, after the last frame."""
        return self.stream.finish()

    def decode_frame(self, indices: memoryview, tell: object = None) -> None:
        """Fills `indices`, flat writable bytes of zeros, with the next frame.

        Where a stream is too short, the rows that it does not reach stay zero.
        """
        self.picture = uchars(indices)
        self._run(tell)

    def finished(self) -> bool:
        """Whether the stream ends where the pixels do, after the last frame."""
        return self.stream.finished()

    @cython.cfunc
    def _run(self, tell: object) -> object:
        step: cython.int = FREE_STEP if tell is None else STEP
        done: cython.longlong
        left: cython.longlong
        room: cython.longlong
        later: cython.bint = self.frames_begun > 0
        self.y = -1 if later else 0
        self.frames_begun += not later
        while self.y < self.rows:
            if self.decoding:
                with cython.nogil:
                    done = self._decode_later(step) if later else self._decode(step)
            else:
                left = cython.cast(cython.longlong, self.rows - self.y) * self.width - self.x
                room = (MOST_LATER_BYTES if later else MOST_BYTES) * min(left, step + 1) + 64
                self.stream.reserve(room + MOST_BLOCK_BYTES * self.motion.blocks if self.y < 0 else room)
                with cython.nogil:
                    done = self._encode_later(step) if later else self._encode(step)
            if tell is not None:
                while done > 0:  # a frame or a row that repeats another may be long
                    tell(min(done, TELL_EVERY))
                    done -= TELL_EVERY
        return None

    # One loop, compiled for either direction, and for first and later frames.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _decode(self, step: cython.int) -> cython.longlong:
        return self._code(step, True, False)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _encode(self, step: cython.int) -> cython.longlong:
        return self._code(step, False, False)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _decode_later(self, step: cython.int) -> cython.longlong:
        return self._code(step, True, True)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _encode_later(self, step: cython.int) -> cython.longlong:
        return self._code(step, False, True)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code(self, step: cython.int, decoding: cython.bint, later: cython.bint) -> cython.longlong:
        """Codes about `step` pixels more, up to a span, a row or a frame beyond; returns how many it were.

        later: whether there is a frame before.
        """
        done: cython.longlong = 0
        x: cython.int
        while done < step and self.y < self.rows:
            x = self.x
            if decoding and x == 0 and self.stream.starved():
                self.y = self.rows
                break
            if later and self.y < 0:
                self.y = 0
                if self._begin_frame(decoding):
                    self.y = self.rows
                    done = cython.cast(cython.longlong, self.rows) * self.width
                continue
            if x == 0 and self._begin_row(decoding, later):
                self.x = self.width
            else:
                self._code_pixels(step - done, decoding, later)
            done += self.x - x
            if self.x == self.width:
                self._end_row(decoding)
        return done

    # Frames and rows.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _begin_frame(self, decoding: cython.bint) -> cython.bint:
        """Codes whether the frame is the same as the one before; returns whether it is."""
        cells: cython.p_uchar = self.planes.cells
        at: cython.Py_ssize_t = 0
        y: cython.int = 0
        if not decoding:
            while y < self.rows and equal_cells(self.picture, at, cells, self.planes.row(y), self.width):
                at += self.width
                y += 1
        same: cython.bint = self.changes.code_frame(cython.address(self.stream.coder), decoding, y == self.rows)
        if not same:
            self.planes.begin_frame(self.frames_begun == 1)
            self.frames_begun = 2
            if self.planes.moving:
                self.motion.code(cython.address(self.stream.coder), decoding)
            self.planes.set_top()
        elif decoding:
            for y in range(self.rows):
                copy_cells(self.picture, at, cells, self.planes.row(y), self.width)
                at += self.width
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _begin_row(self, decoding: cython.bint, later: cython.bint) -> cython.bint:
        """Sets the left margin, and codes whether the row is as before, or the same as above; returns whether it is."""
        coder: cython.pointer(Coder) = cython.address(self.stream.coder)
        cells: cython.p_uchar = self.planes.cells
        above: cython.Py_ssize_t = self.planes.row(self.y - 1)
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, self.y) * self.width
        same: cython.bint = False
        self.spans.change = 0
        self.planes.set_left(self.y)
        if later:
            if not decoding:
                same = equal_cells(self.picture, at, cells, self.planes.row_before(self.y), self.width)
            if self.changes.code_row(coder, decoding, self.y, self.motion.moves, same):
                return True
        if not decoding:
            same = equal_cells(self.picture, at, cells, above, self.width)
        same = code_flag(coder, decoding, self.row_flags, self.same_rows, same)
        self.same_rows = (self.same_rows << 1 | same) & 7
        if same:
            copy_cells(cells, self.planes.row(self.y), cells, above, self.width)
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _end_row(self, decoding: cython.bint) -> cython.void:
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, self.y) * self.width
        self.planes.set_right(self.y)
        if decoding:
            copy_cells(self.picture, at, self.planes.cells, self.planes.row(self.y), self.width)
        self.x = 0
        self.y += 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_pixels(self, most: cython.longlong, decoding: cython.bint, later: cython.bint) -> cython.void:
        """Codes about `most` pixels of the row, or to its end."""
        state: Coder = self.stream.coder  # a local variable stays in registers
        coder: cython.pointer(Coder) = cython.address(state)
        cells: cython.p_uchar = self.planes.cells
        here: cython.Py_ssize_t = self.planes.row(self.y)
        above: cython.Py_ssize_t = self.planes.row(self.y - 1)
        above2: cython.Py_ssize_t = self.planes.row(self.y - 2)
        p_here: cython.Py_ssize_t = self.planes.row_before(self.y)
        p_above: cython.Py_ssize_t = self.planes.row_before(self.y - 1)
        p_below: cython.Py_ssize_t = self.planes.row_before(self.y + 1) if self.y + 1 < self.rows else p_here
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, self.y) * self.width
        source: cython.p_uchar = self.picture + at if cython.compiled else self.picture[at:]
        x: cython.int = self.x
        end: cython.int = cython.cast(cython.int, most) + x if most < self.width - x else self.width
        span: cython.int
        pixel: cython.uint = 0
        nww: cython.uint
        fresh: cython.bint = True  # the neighbours must be loaded
        broken: cython.bint = False  # a span ended here, with a pixel that is not W
        changed: cython.bint = False  # a span ended here, with a pixel that is not P
        flat: cython.bint
        # Neighbours from the lowest byte: NW N NE NEE; NWW NNW NN NNE; W WW WWW; before: PNW PN PNE PW; P PE PS.
        north: cython.uint = 0
        north2: cython.uint = 0
        west: cython.uint = 0
        p_north: cython.uint = 0
        p: cython.uint = 0
        west_mask: cython.uint = 0xFFFF if self.lists.k <= FEW_COLORS else 0xFFFFFF
        while x < end or broken or changed:
            if fresh:
                fresh = False
                north = pack(cells[above + x - 1], cells[above + x], cells[above + x + 1], cells[above + x + 2])
                north2 = pack(cells[above + x - 2], cells[above2 + x - 1], cells[above2 + x], cells[above2 + x + 1])
                west = pack(cells[here + x - 1], cells[here + x - 2], cells[here + x - 3], 0) & west_mask
            if later:
                p_north = pack(
                    cells[p_above + x - 1], cells[p_above + x], cells[p_above + x + 1], cells[p_here + x - 1]
                )
                p = pack(cells[p_here + x], cells[p_here + x + 1], cells[p_below + x], 0)
                if not broken and p_north == (north & 0xFFFFFF | (west & 255) << 24):
                    span = self.changes.code_span(coder, decoding, source, x, self.y)
                    x += span
                    fresh = span > 0
                    if fresh:
                        continue
                    changed = True
            flat = (north & 0xFFFFFF) == (west & 255) * 0x010101
            if flat and not broken and not (changed and (p & 255) == (west & 255)):
                span = self.spans.code(coder, decoding, source, x, self.y, later)
                x += span if span >= 0 else ~span
                broken = span < 0
                fresh = span != -1
                if fresh:
                    changed = False
                    continue
            broken = False
            if not decoding:
                pixel = source[x]
            if later:
                pixel = self._code_later_pixel(
                    coder, decoding, north, north2, west, p_north, p, flat, changed, x, pixel
                )
                changed = False
                if pixel != (p & 255):
                    self.changes.last = x
            else:
                pixel = self._code_pixel(coder, decoding, north, north2, west, flat, pixel)
            cells[here + x] = cython.cast(cython.uchar, pixel)
            x += 1
            nww = north & 255
            north = north >> 8 | cython.cast(cython.uint, cells[above + x + 2]) << 24
            north2 = north2 >> 8 & 0xFFFF00 | nww | cython.cast(cython.uint, cells[above2 + x + 1]) << 24
            west = (west << 8 | pixel) & west_mask
        self.x = x
        self.stream.coder = state

    # Pixels.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_pixel(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        north: cython.uint,
        north2: cython.uint,
        west: cython.uint,
        flat: cython.bint,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes one pixel, which is not W if flat, with all its candidates; both slots learn it."""
        h: cython.uint = long_key(north, north2, west)
        g: cython.uint = short_key(north & (0xFFFFFF if self.lists.k <= FEW_COLORS else 0xFFFF), west & 255)
        long_slot: cython.uint = self.long_slots.find(h)
        short_slot: cython.uint = self.short_slots.find(g)
        pixel = self._code_color(coder, decoding, north, north2, west, flat, long_slot, short_slot, pixel)
        self.long_slots.learn(h, long_slot, pixel)
        self.short_slots.learn(g, short_slot, pixel)
        return pixel

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_color(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        north: cython.uint,
        north2: cython.uint,
        west: cython.uint,
        flat: cython.bint,
        long_slot: cython.uint,
        short_slot: cython.uint,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes a pixel: by the candidates of slots, then by neighbours and a list."""
        n: cython.uint = north >> 8 & 255
        ne: cython.uint = north >> 16 & 255
        w: cython.uint = west & 255
        first: cython.uint = long_slot >> 8 & 255
        second: cython.uint = short_slot >> 8 & 255
        sure: cython.int = long_slot & 255
        sure2: cython.int = short_slot & 255
        equal: cython.int = ((west >> 8 & 255) == w) | ((north2 >> 16 & 255) == n) << 1
        equal |= (w == n) << 2 | ((north & 255) == n) << 3 | (ne == n) << 4
        which: cython.int
        other: cython.bint
        if flat:  # W is known to be wrong
            sure = 0 if first == w else sure
            sure2 = 0 if second == w else sure2
        hinted: cython.bint = sure or sure2
        if hinted:
            other = sure and sure2 and second != first
            first = first if sure else second
            second = second if other else first
            which = 0 if first == w else 1 if first == n else 2 if first == ne else 3
            if self.candidates.code_first(coder, decoding, sure, sure2, other, which, equal, flat, pixel == first):
                return first
            if other:
                which = 0 if second == w else 1 if second == n else 2
                if self.candidates.code_second(coder, decoding, sure2, which, equal, pixel == second):
                    return second
        else:
            first = second = NO_COLOR if flat else w
        return self._code_rest(
            coder, decoding, north & 255, w, n, ne, first, second, hinted, sure != 0, equal, flat, pixel
        )

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_rest(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        nw: cython.uint,
        w: cython.uint,
        n: cython.uint,
        ne: cython.uint,
        first: cython.uint,
        second: cython.uint,
        hinted: cython.bint,
        sure: cython.bint,
        equal: cython.int,
        flat: cython.bint,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes a pixel that no slot knows: W, N or NE, or else a rank in the list of N or W, the better predictor."""
        near_w: cython.int = self.lists.distance[w << 8 | nw]
        near_n: cython.int = self.lists.distance[n << 8 | nw]
        activity: cython.int = ACTIVITY[near_w + near_n + self.lists.distance[n << 8 | ne]]
        list_of: cython.uint = n if near_w < near_n else w
        other: cython.uint = w if near_w < near_n else n
        context: cython.int
        came: cython.uint
        equal |= (nw == w) << 5
        if not hinted and not flat:
            if self.candidates.code_west(coder, decoding, activity, equal, pixel == w):
                return w
        if not self.lists.made[list_of]:
            self.lists.make(list_of)
        if not flat:
            context = activity >> 2 << 7 | equal << 1 | sure
            came = self.candidates.code_neighbour(
                coder, decoding, w, n, ne, first, second, NO_COLOR, NO_COLOR, context, pixel
            )
            if came != NO_COLOR:
                if came != list_of:
                    self.lists.promote(list_of, self.lists.place[list_of << 8 | came])
                return came
        return self.lists.code(
            coder,
            decoding,
            list_of,
            self.lists.place[list_of << 8 | first] if first != NO_COLOR else NO_PLACE,
            self.lists.place[list_of << 8 | other] if other != first else NO_PLACE,
            self.lists.place[list_of << 8 | ne] if ne != w and ne != n and ne != first else NO_PLACE,
            NO_PLACE,
            0 if flat else 1 + (activity >> 2 << 2 | self.lists.mean[list_of] >> 6),
            pixel,
        )

    # Pixels of frames after the first.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_later_pixel(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        north: cython.uint,
        north2: cython.uint,
        west: cython.uint,
        p_north: cython.uint,
        p: cython.uint,
        flat: cython.bint,
        changed: cython.bint,
        x: cython.int,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes one pixel, which is not W if flat and not P if changed; three slots learn it."""
        h: cython.uint = long_key(north, north2, west)
        g: cython.uint = short_key(north & 0xFFFF | (p & 255) << 16, west & 255)
        f: cython.uint = long_key(self.y, x, p & 255 | (west & 255) << 8)
        long_slot: cython.uint = self.long_slots.find(h)
        short_slot: cython.uint = self.short_slots.find(g)
        place_slot: cython.uint = self.place_slots.find(f)
        pixel = self._code_later_color(
            coder, decoding, north, north2, west, p_north, p, flat, changed, long_slot, short_slot, place_slot, pixel
        )
        self.long_slots.learn(h, long_slot, pixel)
        self.short_slots.learn(g, short_slot, pixel)
        self.place_slots.learn(f, place_slot, pixel)
        return pixel

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_later_color(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        north: cython.uint,
        north2: cython.uint,
        west: cython.uint,
        p_north: cython.uint,
        p_packed: cython.uint,
        flat: cython.bint,
        changed: cython.bint,
        long_slot: cython.uint,
        short_slot: cython.uint,
        place_slot: cython.uint,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes a pixel: by the candidates of slots, then by P, neighbours and a list."""
        nw: cython.uint = north & 255
        n: cython.uint = north >> 8 & 255
        ne: cython.uint = north >> 16 & 255
        w: cython.uint = west & 255
        p: cython.uint = p_packed & 255
        not_w: cython.uint = w if flat else NO_COLOR
        not_p: cython.uint = p if changed else NO_COLOR
        first: cython.uint = long_slot >> 8 & 255
        second: cython.uint = short_slot >> 8 & 255
        third: cython.uint = place_slot >> 8 & 255
        sure: cython.int = long_slot & 255 if first != not_w and first != not_p else 0
        sure2: cython.int = short_slot & 255 if second != not_w and second != not_p else 0
        sure3: cython.int = place_slot & 255
        equal: cython.int = ((west >> 8 & 255) == w) | ((north2 >> 16 & 255) == n) << 1
        equal |= (w == n) << 2 | (nw == n) << 3 | (ne == n) << 4 | (nw == w) << 5
        moved: cython.int = ((p_north & 255) != nw) | ((p_north >> 8 & 255) != n) << 1
        moved |= ((p_north >> 16 & 255) != ne) << 2 | ((p_north >> 24) != w) << 3
        like: cython.int = (p == w) | (p == n) << 1 | (p == ne) << 2
        like |= (p == (p_packed >> 8 & 255)) << 3 | (p == (p_packed >> 16 & 255)) << 4
        hinted: cython.bint = sure != 0 or sure2 != 0
        excluded: cython.bint = changed or p == not_w
        other: cython.bint
        which: cython.int
        right: cython.bint
        if hinted:
            other = sure and sure2 and second != first
            first = first if sure else second
            second = second if other else first
            if self.candidates.code_later_first(
                coder,
                decoding,
                sure,
                sure2,
                other,
                which_neighbour(first, w, n, ne),
                2 if excluded else first == p,
                equal,
                0 if not sure3 else 1 if third != first else 2 + (sure3 > 2),
                flat,
                pixel == first,
            ):
                return first
            if other:
                which = which_neighbour(second, w, n, ne)
                right = pixel == second
                if self.candidates.code_later_second(coder, decoding, sure2, which, second == p, moved, right):
                    return second
        else:
            first = second = NO_COLOR
        if not sure3 or third in (first, second, not_w, not_p):
            third = NO_COLOR
        else:
            which = which_neighbour(third, w, n, ne)
            if self.candidates.code_place(coder, decoding, sure3, which, sure, sure2, third == p, pixel == third):
                return third
        if not excluded and p != first and p != second and p != third:
            if self.candidates.code_before(coder, decoding, moved, like, hinted, pixel == p):
                return p
        near_w: cython.int = self.lists.distance[w << 8 | nw]
        near_n: cython.int = self.lists.distance[n << 8 | nw]
        activity: cython.int = ACTIVITY[near_w + near_n + self.lists.distance[n << 8 | ne]]
        list_of: cython.uint = n if near_w < near_n else w
        other_of: cython.uint = w if near_w < near_n else n
        context: cython.int = activity >> 2 << 7 | equal << 1 | (sure != 0)
        came: cython.uint
        if not self.lists.made[list_of]:
            self.lists.make(list_of)
        if not flat:
            came = self.candidates.code_neighbour(coder, decoding, w, n, ne, first, second, third, p, context, pixel)
            if came != NO_COLOR:
                if came != list_of:
                    self.lists.promote(list_of, self.lists.place[list_of << 8 | came])
                return came
        return self.lists.code(
            coder,
            decoding,
            list_of,
            self.lists.place[list_of << 8 | first] if first != NO_COLOR else NO_PLACE,
            self.lists.place[list_of << 8 | other_of] if other_of != first else NO_PLACE,
            self.lists.place[list_of << 8 | ne] if ne != w and ne != n and ne != first else NO_PLACE,
            self.lists.place[list_of << 8 | p] if p != w and p != n and p != ne and p != first else NO_PLACE,
            0 if flat else 1 + (activity >> 2 << 2 | self.lists.mean[list_of] >> 6),
            pixel,
        )


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def which_neighbour(color: cython.uint, w: cython.uint, n: cython.uint, ne: cython.uint) -> cython.int:
    """0 if a colour is W, 1 if it is N, 2 if it is NE, else 3."""
    return 0 if color == w else 1 if color == n else 2 if color == ne else 3
