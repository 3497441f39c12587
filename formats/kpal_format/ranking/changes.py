"""Changes from frame to frame (KPAL.md, section 5.3.6): what is as before, by one flag for a frame, a row or a span.

A span reaches from a pixel whose neighbours are all as before to where the row above changes. If it is not all as
before, its first half is asked about, and so on, until a single pixel is known to have changed.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .planes import Planes
    from .range_coder import Coder, code_flag
    from .tables import LEVEL, allocate, copy_cells, equal_length, even_flags, uchars, uints

MOST_STEADY = cython.declare(cython.int, 4096)  # pixels of a span: bounds what a flag costs


@cython.final
@cython.cclass
class Changes:
    """The flags of a tile that tell what is as before, and where changes are."""

    planes: Planes
    frame_flags: cython.p_uint  # 8
    row_flags: cython.p_uint  # 16
    span_flags: cython.p_uint  # 16 x 2 x 2 x 8 x 16 x 4
    same_frames: cython.int  # the last three frame flags
    same_rows: cython.int  # the last three row flags
    same_spans: cython.int  # the last two span flags
    differs: cython.p_uchar  # by row: whether it may differ between the two frames before
    differed: cython.bint  # that of the row in hand
    change: cython.int  # the column where the row above becomes other than before
    broken: cython.int  # up to here a change is certain, if it is right of the pixel
    last: cython.int  # the column of the last change in the row; -1 if there is none
    buffers: list

    def __init__(self, planes: Planes, later: bool) -> None:
        self.planes = planes
        self.same_frames = self.same_rows = self.same_spans = self.change = self.broken = 0
        self.last = -1
        self.differed = False
        self.buffers = []
        self.frame_flags = uints(allocate(self.buffers, "I", even_flags(8)))
        self.row_flags = uints(allocate(self.buffers, "I", even_flags(16)))
        self.span_flags = uints(allocate(self.buffers, "I", even_flags(32768 if later else 1)))
        self.differs = uchars(allocate(self.buffers, "B", planes.rows))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_frame(self, coder: cython.pointer(Coder), decoding: cython.bint, same: cython.bint) -> cython.bint:
        """Codes whether the frame is as before."""
        same = code_flag(coder, decoding, self.frame_flags, self.same_frames, same)
        self.same_frames = (self.same_frames << 1 | same) & 7
        self.same_rows = 7
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_row(
        self, coder: cython.pointer(Coder), decoding: cython.bint, y: cython.int, moves: cython.bint, same: cython.bint
    ) -> cython.bint:
        """Codes whether the row is as before; makes it so.

        moves: whether the reference has moved blocks, so that it is not the frame before.
        """
        self.differed = moves or self.differs[y] != 0
        context: cython.int = self.differed << 3 | self.same_rows
        same = code_flag(coder, decoding, self.row_flags, context, same)
        self.same_rows = (self.same_rows << 1 | same) & 7
        self.change = self.broken = 0
        self.last = -1
        if same and self.differed:
            self._copy(self.planes.row(y), self.planes.row_before(y), self.planes.width)
        self.differs[y] = moves or not same
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_span(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        source: cython.p_uchar,
        x: cython.int,
        y: cython.int,
    ) -> cython.int:
        """Codes a span that is as before: its length; 0 if the pixel at x has changed.

        source: the row to encode.
        """
        cells: cython.p_uchar = self.planes.cells
        here: cython.Py_ssize_t = self.planes.row(y) + x
        before: cython.Py_ssize_t = self.planes.row_before(y) + x
        whole: cython.bint = x >= self.broken
        span: cython.int = self._find(x, y) if whole else self.broken - x
        n: cython.int = 0 if decoding else equal_length(source, x, cells, before, span)
        last: cython.int = 15 if self.last < 0 else min(LEVEL[min(x - self.last, 4095)], 14)
        about: cython.int = (self.same_rows >> 1 & 1) << 2 | (cells[before] == cells[before - 1]) << 1
        about = (about | (cells[before] == cells[before + 1])) << 6 | last << 2
        restless: cython.bint
        context: cython.int
        while whole or span > 1:
            if not whole:
                span = (span + 1) >> 1
            restless = self.differed and equal_length(cells, here, cells, before, span) < span
            context = (LEVEL[min(span, 4095)] << 1 | whole) << 1 | restless
            context = context << 9 | about | self.same_spans
            if code_flag(coder, decoding, self.span_flags, context, n >= span):
                self.same_spans = (self.same_spans << 1 | 1) & 3
                self._copy(here, before, span)
                return span
            self.same_spans = self.same_spans << 1 & 3
            self.broken = x + span
            whole = False
        self.broken = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _find(self, x: cython.int, y: cython.int) -> cython.int:
        """The length of the span that begins at x, at least 1."""
        width: cython.int = self.planes.width
        cells: cython.p_uchar = self.planes.cells
        ahead: cython.int = x + 2
        if self.change < ahead:
            self.change = ahead
            if ahead < width:
                self.change += equal_length(
                    cells,
                    self.planes.row(y - 1) + ahead,
                    cells,
                    self.planes.row_before(y - 1) + ahead,
                    width - ahead,
                )
        return min(width - x if self.change >= width else self.change - 1 - x, MOST_STEADY)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _copy(self, here: cython.Py_ssize_t, before: cython.Py_ssize_t, count: cython.int) -> cython.void:
        copy_cells(self.planes.cells, here, self.planes.cells, before, count)
