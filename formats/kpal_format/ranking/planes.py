"""Cells (KPAL.md, section 5.3.3): the pixels of the frame in hand and of its reference, in rows with margins.

The reference is the frame before, or that frame with some blocks moved (`motion`).
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .tables import allocate, copy_cells, uchars

MARGIN = cython.declare(cython.int, 4)  # cells on either side of a row
MOVING = cython.declare(cython.int, 1 << 24)  # pixels of three frames: above this, a reference is the frame before


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
    moving: cython.bint  # whether there is room for a reference with moved blocks
    now: cython.Py_ssize_t  # where the plane of the frame in hand begins
    last: cython.Py_ssize_t  # where that of the frame before begins
    before: cython.Py_ssize_t  # where that of the reference begins
    cells: cython.p_uchar
    buffers: list

    def __init__(self, width: int, rows: int, later: bool) -> None:
        self.width, self.rows, self.stride = width, rows, width + 2 * MARGIN
        self.kept = rows + 2 if later else 3
        self.moving = later and 3 * width * rows <= MOVING
        self.now = 0
        self.last = self.before = self.kept * self.stride
        self.buffers = []
        planes = 3 if self.moving else 2 if later else 1
        self.cells = uchars(allocate(self.buffers, "B", planes * self.kept * self.stride))

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
        """Where a row of the reference begins; y >= -2."""
        return self.before + (y + self.kept) % self.kept * self.stride + MARGIN

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def row_last(self, y: cython.int) -> cython.Py_ssize_t:
        """Where a row of the frame before begins; y >= 0."""
        return self.last + cython.cast(cython.Py_ssize_t, y) * self.stride + MARGIN

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
    @cython.inline
    @cython.exceptval(check=False)
    def set_margins_before(self, y: cython.int) -> cython.void:
        """Sets the margins of a row of a reference with moved blocks."""
        here: cython.Py_ssize_t = self.row_before(y)
        self.cells[here - 1] = self.cells[self.row_before(y - 1)]
        self.cells[here + self.width] = self.cells[here + self.width - 1]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_frame(self, first: cython.bint) -> cython.void:
        """Makes the frame in hand the frame before, and the reference.

        first: whether it is the first frame, which then counts as the one before it, too.
        """
        y: cython.int
        self.now, self.last = self.last, self.now
        self.before = self.last
        if first:
            for y in range(self.rows):
                copy_cells(self.cells, self.row(y), self.cells, self.row_last(y), self.width)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def use_reference(self) -> cython.void:
        """Makes the third plane the reference."""
        self.before = 2 * self.kept * self.stride

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def set_top(self) -> cython.void:
        """Lets the first row of the reference precede the frame in hand, and the reference itself."""
        cells: cython.p_uchar = self.cells
        i: cython.int
        top: cython.Py_ssize_t = self.row_before(0)
        for i in range(1, MARGIN):
            cells[top - i] = cells[top]
        for i in range(2):
            cells[top + self.width + i] = cells[top + self.width - 1]
        for i in range(1, 3):
            copy_cells(cells, self.row(-i) - MARGIN, cells, top - MARGIN, cython.cast(cython.int, self.stride))
            copy_cells(cells, self.row_before(-i) - MARGIN, cells, top - MARGIN, cython.cast(cython.int, self.stride))
