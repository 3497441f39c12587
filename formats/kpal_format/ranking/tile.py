"""A tile on its way through the coder `fast` (KPAL.md, section 5.3); README.md follows one pixel.

Encoder and decoder are one: `code_flag`, `code_symbol` and `code_raw` write the value that they are given, or read and
return one. The compiler makes two loops of it (`_encode`, `_decode`).

Why no stream can harm the compiled loop: only the range coder sees the stream. Past its end it reads zeros. What it
returns is a bit, a symbol from 0 to 15, or a raw number below 2**n with n <= 13. A place in a list is limited to the
k - 1 entries of the list, all of them indices below k, and a place in a span to the span, which ends within the row. So
all pixels are below k. Each index into a table is made of pixels (8 bits), of a hash masked to the size of its table,
of a context whose parts are limited where they are put together, or of a count that stops at the last entry of its
table. The confidence in a slot is from 0 to 8, and its colour a pixel. Probabilities stay in 1..65535 and the ends of a
distribution at least 1 apart (`code_flag`, `_adapt`), so the range never becomes 0 and nothing is divided by 0. An
encoder reserves MOST_BYTES for each pixel before it codes it.
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
        same_cells,
        even_flags,
        pack,
        uchars,
        uints,
    )

MARGIN = cython.declare(cython.int, 4)  # cells on either side of a row
MOST_BYTES = cython.declare(cython.int, 28)  # of a pixel: at most 10 flags of 16 bits, 2 symbols of 15, 19 raw bits
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
    lists: Lists
    long_slots: Slots
    short_slots: Slots
    third_slots: Slots
    spans: Spans
    candidates: Candidates
    changes: Changes
    decoding: cython.bint
    width: cython.int  # pixels
    rows: cython.int
    frame: cython.int  # frames done
    later: cython.bint
    plane: cython.int  # which of two frames of cells is that in hand
    changed_rows: cython.p_uchar  # whether a row differs between the last two frames
    x: cython.int  # where the loop is: 0 to width
    y: cython.int  # 0 to rows
    same_rows: cython.int  # the last three row flags
    row_flags: cython.p_uint  # 8
    picture: cython.p_uchar  # the pixels, rows x width
    cells: cython.p_uchar  # rows with margins; row y is at y % kept
    kept: cython.int  # how many rows of a frame are kept: three of the only frame, else all, and two above them
    stride: cython.int  # cells from one of them to the next
    buffers: list

    def __init__(self, colors: bytes, width: int, rows: int, frames: int, data: bytes | None) -> None:
        self.stream = Stream(data)
        self.lists = Lists(colors)
        self.long_slots, self.short_slots = Slots(width * rows * frames), Slots(width * rows * frames)
        self.changes = Changes(width, frames > 1)
        self.third_slots = Slots(width * rows * frames)
        self.spans = Spans(width)
        self.candidates = Candidates()
        self.decoding = data is not None
        self.width, self.rows, self.stride = width, rows, width + 2 * MARGIN
        self.x = self.y = self.same_rows = 0
        self.buffers = []
        self.row_flags = uints(allocate(self.buffers, "I", even_flags(8)))
        self.kept = 3 if frames == 1 else rows + 2
        self.frame = self.plane = 0
        self.later = False
        self.cells = uchars(allocate(self.buffers, "B", (1 + (frames > 1)) * self.kept * self.stride))
        self.changed_rows = uchars(allocate(self.buffers, "B", rows))

    def encode_frame(self, indices: memoryview, tell: object = None) -> None:
        """Encodes the next frame: flat writable bytes, all below the number of colours."""
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
        self.y = 0
        while self.y < self.rows:
            if self.decoding:
                with cython.nogil:
                    done = self._decode(step) if self.frame == 0 else self._decode_changes(step)
            else:
                left = cython.cast(cython.longlong, self.rows - self.y) * self.width - self.x
                self.stream.reserve(MOST_BYTES * min(left, step + 1) + 64 + 8 * self.rows)
                with cython.nogil:
                    done = self._encode(step) if self.frame == 0 else self._encode_changes(step)
            if tell is not None:
                while done > 0:  # a row that repeats the one above may be long
                    tell(min(done, TELL_EVERY))
                    done -= TELL_EVERY
        self.frame += 1
        return None

    # One loop, compiled for either direction.

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
    def _decode_changes(self, step: cython.int) -> cython.longlong:
        return self._code(step, True, True)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _encode_changes(self, step: cython.int) -> cython.longlong:
        return self._code(step, False, True)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code(self, step: cython.int, decoding: cython.bint, moving: cython.bint) -> cython.longlong:
        """Codes about `step` pixels more, up to a span or a row beyond; returns how many it were."""
        done: cython.longlong = 0
        x: cython.int
        if moving and self.y == 0 and self.x == 0 and self._begin_frame(decoding):
            self.y = self.rows
            return cython.cast(cython.longlong, self.rows) * self.width
        while done < step and self.y < self.rows:
            x = self.x
            if decoding and x == 0 and self.stream.starved():
                self.y = self.rows
                break
            if x == 0 and self._begin_row(decoding, moving):
                self.x = self.width
            else:
                self._code_pixels(step - done, decoding, moving)
            done += self.x - x
            if self.x == self.width:
                self._end_row(decoding)
        return done

    # Frames and rows.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _row(self, y: cython.int) -> cython.Py_ssize_t:
        """Where the cells of a row begin."""
        return cython.cast(cython.Py_ssize_t, y % self.kept + self.plane * self.kept) * self.stride + MARGIN

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _before(self, y: cython.int) -> cython.Py_ssize_t:
        """Where the cells of a row of the frame before begin."""
        return cython.cast(cython.Py_ssize_t, y % self.kept + (1 - self.plane) * self.kept) * self.stride + MARGIN

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _begin_frame(self, decoding: cython.bint) -> cython.bint:
        """Sets the rows above, and codes whether the frame is the same as the one before; returns whether it is."""
        cells: cython.p_uchar = self.cells
        i: cython.int
        y: cython.int
        same: cython.bint = True
        if decoding and self.stream.starved():
            return True
        if not decoding:
            for y in range(self.rows):
                if not same_cells(self.picture, cython.cast(cython.Py_ssize_t, y) * self.width, cells, self._row(y), self.width):
                    same = False
                    break
        same = code_flag(cython.address(self.stream.coder), decoding, self.changes.frame_flags, 0, same)
        if same:
            if decoding:
                for y in range(self.rows):
                    copy_cells(self.picture, cython.cast(cython.Py_ssize_t, y) * self.width, cells, self._row(y), self.width)
            return True
        self.changes.begin()
        self.plane = 1 - self.plane
        if not self.later:
            self.later = True
            for y in range(self.rows):
                copy_cells(cells, self._row(y), cells, self._before(y), self.width)
        first: cython.Py_ssize_t = self._before(0)
        for i in range(4):
            cells[first - i - 1] = cells[first]
        for i in range(1, 3):
            copy_cells(cells, self._row(self.kept - i) - MARGIN, cells, first - MARGIN, self.stride)
            copy_cells(cells, self._before(self.kept - i) - MARGIN, cells, first - MARGIN, self.stride)
        return False

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _set_right(self, row: cython.Py_ssize_t) -> cython.void:
        i: cython.int
        for i in range(2):
            self.cells[row + self.width + i] = self.cells[row + self.width - 1]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _begin_row(self, decoding: cython.bint, moving: cython.bint) -> cython.bint:
        """Sets the margins, and codes whether the row is the same as the row above; returns whether it is."""
        cells: cython.p_uchar = self.cells
        here: cython.Py_ssize_t = self._row(self.y)
        above: cython.Py_ssize_t = self._row(self.y + self.kept - 1)
        before: cython.Py_ssize_t = self._before(self.y)
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, self.y) * self.width
        i: cython.int
        same: cython.bint = False
        self.spans.change = 0
        for i in range(1, 4):
            cells[here - i] = cells[above]
        if moving:
            if not decoding:
                same = same_cells(self.picture, at, cells, before, self.width)
            self.changes.begin_row()
            if self.changes.code_row(cython.address(self.stream.coder), decoding, self.changed_rows[self.y], same):
                if self.changed_rows[self.y]:
                    copy_cells(cells, here, cells, before, self.width)
                self.changed_rows[self.y] = 0
                return True
            self.changes.calm = 0
        if not decoding:
            same = same_cells(self.picture, at, cells, above, self.width)
        same = code_flag(cython.address(self.stream.coder), decoding, self.changes.row_flags if moving else self.row_flags, self.same_rows, same)
        self.same_rows = (self.same_rows << 1 | same) & 7
        if same:
            copy_cells(cells, here, cells, above, self.width)
            self.changed_rows[self.y] = 1
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _end_row(self, decoding: cython.bint) -> cython.void:
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, self.y) * self.width
        self._set_right(self._row(self.y))
        if decoding:
            copy_cells(self.picture, at, self.cells, self._row(self.y), self.width)
        self.x = 0
        self.y += 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_pixels(self, most: cython.longlong, decoding: cython.bint, moving: cython.bint) -> cython.void:
        """Codes about `most` pixels of the row, or to its end."""
        state: Coder = self.stream.coder  # a local variable stays in registers
        coder: cython.pointer(Coder) = cython.address(state)
        cells: cython.p_uchar = self.cells
        here: cython.Py_ssize_t = self._row(self.y)
        above: cython.Py_ssize_t = self._row(self.y + self.kept - 1)
        above2: cython.Py_ssize_t = self._row(self.y + self.kept - 2)
        before: cython.Py_ssize_t = self._before(self.y)
        before_above: cython.Py_ssize_t = self._before(self.y + self.kept - 1)
        below: cython.Py_ssize_t = self._before(self.y + 1) if self.y + 1 < self.rows else before
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, self.y) * self.width
        source: cython.p_uchar = self.picture + at if cython.compiled else self.picture[at:]
        pp: cython.uint = 0
        x: cython.int = self.x
        end: cython.int = cython.cast(cython.int, most) + x if most < self.width - x else self.width
        span: cython.int
        pixel: cython.uint = 0
        nww: cython.uint
        fresh: cython.bint = True  # the neighbours must be loaded
        broken: cython.bint = False  # a span ended here, with a pixel that is not W
        changed: cython.bint = False  # a span ended here, with a pixel that is not P
        flat: cython.bint
        was: cython.uint = 0  # NW N NE W of the frame before
        now: cython.uint = 0  # P PE PS PSE
        later: cython.uint = 0
        # Neighbours from the lowest byte: NW N NE NEE; NWW NNW NN NNE; W WW WWW.
        north: cython.uint = 0
        north2: cython.uint = 0
        west: cython.uint = 0
        west_mask: cython.uint = 0xFFFF if self.lists.k <= FEW_COLORS else 0xFFFFFF
        while x < end or broken or changed:
            if fresh:
                fresh = False
                north = pack(cells[above + x - 1], cells[above + x], cells[above + x + 1], cells[above + x + 2])
                north2 = pack(cells[above + x - 2], cells[above2 + x - 1], cells[above2 + x], cells[above2 + x + 1])
                west = pack(cells[here + x - 1], cells[here + x - 2], cells[here + x - 3], 0) & west_mask
            flat = (north & 0xFFFFFF) == (west & 255) * 0x010101
            if moving:
                was = pack(cells[before_above + x - 1], cells[before_above + x], cells[before_above + x + 1], cells[before + x - 1])
                now = pack(cells[before + x], cells[before + x + 1], cells[below + x], cells[below + x + 1])
                if was == (north & 0xFFFFFF | (west & 255) << 24) and not changed and not broken:
                    span = self.changes.code(coder, decoding, source, cells, x, here, above, before, before_above, self.changed_rows[self.y])
                    x += span if span >= 0 else ~span
                    changed = span < 0
                    fresh = span != -1
                    if fresh:
                        continue
            if flat and not broken:
                if moving and changed and (now & 255) == (west & 255):
                    pass
                else:
                    span = self.spans.code(coder, decoding, source, cells, x, here, above, above2, before, moving)
                    x += span if span >= 0 else ~span
                    broken = span < 0
                    fresh = span != -1
                    if fresh:
                        changed = False
                        continue
            broken = False
            if not decoding:
                pixel = source[x]
            if moving:
                pp = cells[here + x]
                pixel = self._code_change(coder, decoding, north, north2, west, flat, was, now, pp, changed, x, pixel)
                changed = False
                if pixel != (now & 255):
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
        if moving:
            self.changed_rows[self.y] = 1
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
    def _code_change(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        north: cython.uint,
        north2: cython.uint,
        west: cython.uint,
        flat: cython.bint,
        was: cython.uint,
        now: cython.uint,
        pp: cython.uint,
        changed: cython.bint,
        x: cython.int,
        pixel: cython.uint,
    ) -> cython.uint:
        h: cython.uint = long_key(north, north2, west)
        g: cython.uint
        if knob[0] == 0:
            g = short_key(north & (0xFFFFFF if self.lists.k <= FEW_COLORS else 0xFFFF), west & 255)
        elif knob[0] == 1:
            g = short_key(north >> 8 & 255 | (now & 255) << 8 | (now >> 8 & 255) << 16, west & 255) ^ 0x5A5A5A5A
        elif knob[0] == 2:
            g = long_key(north >> 8 & 0xFFFF | now << 16, now >> 16, west & 255) ^ 0x5A5A5A5A
        elif knob[0] == 3:
            g = long_key(now, was, west & 255) ^ 0x5A5A5A5A
        elif knob[0] == 4:
            g = long_key(now, north & 0xFFFFFF, west & 255) ^ 0x5A5A5A5A
        else:
            g = short_key(north & 0xFFFF | (now & 255) << 16, west & 255) ^ (0 if knob[12] else 0x5A5A5A5A)
        if knob[1] == 1:
            h = long_key(north, north2, west | (now & 255) << 24)
        elif knob[1] == 2:
            h = long_key(north, now, west)
        elif knob[1] == 3:
            h = long_key(north, north2 ^ now * 0x2F0B4C47, west)
        long_slot: cython.uint = self.long_slots.find(h)
        short_slot: cython.uint = self.short_slots.find(g)
        t: cython.uint = 0
        if knob[3] == 1:
            t = short_key(cython.cast(cython.uint, self.y) << 14 ^ cython.cast(cython.uint, x) ^ (now & 255) << 24, 77)
        elif knob[3] == 2:
            t = long_key(now, was, pp)
        elif knob[3] == 3:
            t = long_key(now, pp, west & 255)
        elif knob[3] == 4:
            t = long_key(now & 255, pp | (north & 0xFFFF00) , west & 255)
        elif knob[3] == 5:
            t = long_key(now, was, west & 255 | (north & 0xFFFF00))
        elif knob[3] == 6:
            t = long_key(cython.cast(cython.uint, self.y), cython.cast(cython.uint, x), (now & 255) | pp << 8)
        elif knob[3] == 8:
            t = long_key(cython.cast(cython.uint, self.y), cython.cast(cython.uint, x), (now & 255) | (west & 255) << 8 | (north & 0xFF00) << 8)
        elif knob[3] == 9:
            t = long_key(cython.cast(cython.uint, self.y), cython.cast(cython.uint, x), (now & 255) | (west & 255) << 8 | pp << 16)
        elif knob[3] == 7:
            t = long_key(cython.cast(cython.uint, self.y), cython.cast(cython.uint, x), (now & 255) | (west & 255) << 8)
        third: cython.uint = self.third_slots.find(t) if knob[3] else 0
        pixel = self._code_changed(coder, decoding, north, north2, west, flat, was, now, pp, changed, long_slot, short_slot, third, pixel)
        self.long_slots.learn(h, long_slot, pixel)
        self.short_slots.learn(g, short_slot, pixel)
        if knob[3]: self.third_slots.learn(t, third, pixel)
        return pixel

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_changed(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        north: cython.uint,
        north2: cython.uint,
        west: cython.uint,
        flat: cython.bint,
        was: cython.uint,
        now: cython.uint,
        pp: cython.uint,
        changed: cython.bint,
        long_slot: cython.uint,
        short_slot: cython.uint,
        third: cython.uint,
        pixel: cython.uint,
    ) -> cython.uint:
        """Codes a pixel: by the candidates of slots, then by neighbours and a list."""
        nw: cython.uint = north & 255
        n: cython.uint = north >> 8 & 255
        ne: cython.uint = north >> 16 & 255
        w: cython.uint = west & 255
        p: cython.uint = now & 255
        first: cython.uint = long_slot >> 8 & 255
        second: cython.uint = short_slot >> 8 & 255
        sure: cython.int = long_slot & 255
        sure2: cython.int = short_slot & 255
        equal: cython.int = ((west >> 8 & 255) == w) | ((north2 >> 16 & 255) == n) << 1
        equal |= (w == n) << 2 | ((north & 255) == n) << 3 | (ne == n) << 4
        moved: cython.int = ((was & 255) != nw) | ((was >> 8 & 255) != n) << 1
        moved |= ((was >> 16 & 255) != ne) << 2 | ((was >> 24) != w) << 3
        like: cython.int = (p == w) | (p == n) << 1 | (p == ne) << 2 | (p == (now >> 8 & 255)) << 3 | (p == (now >> 16 & 255)) << 4
        which: cython.int
        other: cython.bint
        if flat:  # W is known to be wrong
            sure = 0 if first == w else sure
            sure2 = 0 if second == w else sure2
        if changed:  # P is known to be wrong
            sure = 0 if first == p else sure
            sure2 = 0 if second == p else sure2
        hinted: cython.bint = sure or sure2
        barred: cython.bint = changed or (flat and p == w)
        if hinted:
            other = sure and sure2 and second != first
            first = first if sure else second
            second = second if other else first
            which = 0 if first == w else 1 if first == n else 2 if first == ne else 3
            if self.changes.code_first(coder, decoding, sure, sure2, other, which, barred, first == p, moved, equal, flat, (0 if not third & 255 else 1 if (third >> 8 & 255) != first else 2 + ((third & 255) > 2)), pixel == first):
                return first
            if other:
                which = 0 if second == w else 1 if second == n else 2
                if self.changes.code_second(coder, decoding, sure2, which, second == p, moved, pixel == second):
                    return second
        else:
            first = second = NO_COLOR
        extra: cython.uint = NO_COLOR
        if third & 255:
            extra = third >> 8 & 255
            if not (extra == first or extra == second or (flat and extra == w) or (changed and extra == p)):
                which = 0 if extra == w else 1 if extra == n else 2 if extra == ne else 3
                if self.changes.code_third(coder, decoding, third & 255, which, extra == p, moved, sure, sure2, pixel == extra):
                    return extra
            else:
                extra = NO_COLOR
        near_w: cython.int = self.lists.distance[w << 8 | nw]
        near_n: cython.int = self.lists.distance[n << 8 | nw]
        activity: cython.int = ACTIVITY[near_w + near_n + self.lists.distance[n << 8 | ne]]
        list_of: cython.uint = n if near_w < near_n else w
        other_of: cython.uint = w if near_w < near_n else n
        came: cython.uint
        if knob[11] == 1 and barred:
            list_of = p
        elif knob[11] == 2 and moved == 15:
            list_of = p
        elif knob[11] == 3 and changed:
            list_of = p
        if not barred and p != first and p != second and p != extra:
            if self.changes.code_before(coder, decoding, moved, like, hinted, pp == p, activity, pixel == p):
                return p
        equal |= (nw == w) << 5
        if not self.lists.made[list_of]:
            self.lists.make(list_of)
        if not flat:
            came = self.changes.code_neighbour(
                coder, decoding, w, n, ne, first, second, p, extra, activity >> 2 << 7 | equal << 1 | (sure != 0), pixel
            )
            if came != NO_COLOR:
                if came != list_of:
                    self.lists.promote(list_of, self.lists.place[list_of << 8 | came])
                return came
        return self.lists.code4(
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
        came: cython.uint
        equal |= (nw == w) << 5
        if not hinted and not flat:
            if self.candidates.code_west(coder, decoding, activity, equal, pixel == w):
                return w
        if not self.lists.made[list_of]:
            self.lists.make(list_of)
        if not flat:
            came = self.candidates.code_neighbour(
                coder, decoding, w, n, ne, first, second, activity >> 2 << 7 | equal << 1 | sure, pixel
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
            0 if flat else 1 + (activity >> 2 << 2 | self.lists.mean[list_of] >> 6),
            pixel,
        )
