"""Cells (KPAL.md, section 5.3.3): the pixels of the frame in hand and of the frame before, in rows with margins."""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .tables import allocate, copy_cells, uchars

MARGIN = cython.declare(cython.int, 4)  # cells on either side of a row


@cython.final
@cython.cclass
class Planes:
    """The cells of a tile. Positions of rows are where their first pixel is.

    Until a pixel of a later frame is coded, its cell has what was there two frames before.
    """

    width: cython.int  # pixels
    rows: cython.int
    kept: cython.int  # rows of a plane; row y is at y % kept, and the two rows above row 0 are the last two
    stride: cython.Py_ssize_t  # cells from one row to the next
    now: cython.Py_ssize_t  # where the plane of the frame in hand begins
    before: cython.Py_ssize_t  # where that of the frame before begins
    cells: cython.p_uchar
    buffers: list

    def __init__(self, width: int, rows: int, later: bool) -> None:
        self.width, self.rows, self.stride = width, rows, width + 2 * MARGIN
        self.kept = rows + 2 if later else 3
        self.now, self.before = 0, self.kept * self.stride
        self.buffers = []
        self.cells = uchars(allocate(self.buffers, "B", (2 if later else 1) * self.kept * self.stride))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def row(self, y: cython.int) -> cython.Py_ssize_t:
        """Where a row of the frame in hand begins; y >= -2."""
        return self.now + (y + self.kept) % self.kept * self.stride + MARGIN

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def row_before(self, y: cython.int) -> cython.Py_ssize_t:
        """Where a row of the frame before begins; y >= -2."""
        return self.before + (y + self.kept) % self.kept * self.stride + MARGIN

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def set_left(self, y: cython.int) -> cython.void:
        """Sets the margin left of a row to the pixel above its first."""
        i: cython.int
        here: cython.Py_ssize_t = self.row(y)
        above: cython.Py_ssize_t = self.row(y - 1)
        for i in range(1, MARGIN):
            self.cells[here - i] = self.cells[above]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def set_right(self, y: cython.int) -> cython.void:
        """Sets the margin right of a row to its last pixel."""
        i: cython.int
        end: cython.Py_ssize_t = self.row(y) + self.width
        for i in range(2):
            self.cells[end + i] = self.cells[end - 1]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_frame(self, first: cython.bint) -> cython.void:
        """Makes the frame in hand the frame before, and lets its first row precede both.

        first: whether it is the first frame, which then counts as the one before it, too.
        """
        cells: cython.p_uchar = self.cells
        i: cython.int
        self.now, self.before = self.before, self.now
        top: cython.Py_ssize_t = self.row_before(0)
        if first:
            for i in range(self.rows):
                copy_cells(cells, self.row(i), cells, self.row_before(i), self.width)
        for i in range(1, MARGIN):
            cells[top - i] = cells[top]
        for i in range(1, 3):
            copy_cells(cells, self.row(-i) - MARGIN, cells, top - MARGIN, self.stride)
            copy_cells(cells, self.row_before(-i) - MARGIN, cells, top - MARGIN, self.stride)
