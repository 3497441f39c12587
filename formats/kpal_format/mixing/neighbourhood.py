"""The picture in its margins, and the cells around the pixel at hand (KPAL.md, section 5.2.4)."""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .tables import allocate, combine, pack, uchars

ROW_GAP = cython.declare(cython.int, 16)  # cells between two rows: 8 right of the one, 8 left of the next


@cython.final
@cython.cclass
class Neighbourhood:
    """All ranks of a tile in one line of cells, with margins between the rows.

    Every pixel has 3 rows of cells above and 8 cells beside it, so that no neighbour lies outside. All cells hold
    ranks below k.
    """

    width: cython.int  # pixels of a row, 1 to 2**22
    stride: cython.int  # cells from a pixel to the one below: width + ROW_GAP
    cells: cython.p_uchar  # at most 2**27
    # the ranks of the neighbours, by the points of the compass
    w: cython.int
    n: cython.int
    nw: cython.int
    ne: cython.int
    ww: cython.int
    nn: cython.int
    nee: cython.int
    nne: cython.int
    nww: cython.int
    www: cython.int
    nwww: cython.int
    neee: cython.int
    nnw: cython.int
    nnee: cython.int
    # what the neighbours have in common
    flat: cython.bint  # W, N, NW and NE are the same
    equal: cython.int  # which pairs farther out are the same, 5 bits
    run: cython.int  # pixels to the left that equal the one before them, 0 to width - 2
    buffers: list

    def __init__(self, width: int, rows: int) -> None:
        self.width, self.stride = width, width + ROW_GAP
        self.run = 0
        self.buffers = []
        self.cells = uchars(allocate(self.buffers, "B", (rows + 3) * self.stride + 2 * ROW_GAP))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def row(self, y: cython.int) -> cython.int:
        """The position of a row's first pixel."""
        return (y + 3) * self.stride + 8

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_row(self, y: cython.int) -> cython.void:
        """Sets the margin on the left."""
        start: cython.int = self.row(y)
        i: cython.int
        for i in range(4):
            self.cells[start - 1 - i] = self.cells[start - self.stride]
        self.run = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def end_row(self, y: cython.int) -> cython.void:
        """Sets the margin on the right."""
        end: cython.int = self.row(y) + self.width
        i: cython.int
        for i in range(4):
            self.cells[end + i] = self.cells[end - 1]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def load(self, at: cython.int, x: cython.int) -> cython.void:
        """Reads the neighbours of the pixel at that position, in column x."""
        cells: cython.p_uchar = self.cells
        above: cython.int = at - self.stride
        self.w, self.ww, self.www = cells[at - 1], cells[at - 2], cells[at - 3]
        self.n, self.nw, self.ne = cells[above], cells[above - 1], cells[above + 1]
        self.nee, self.nww, self.nwww, self.neee = (
            cells[above + 2],
            cells[above - 2],
            cells[above - 3],
            cells[above + 3],
        )
        above -= self.stride
        self.nn, self.nne, self.nnw, self.nnee = cells[above], cells[above + 1], cells[above - 1], cells[above + 2]
        self.flat = self.w == self.n and self.n == self.nw and self.n == self.ne
        self.equal = (self.ww == self.w) | (self.nn == self.n) << 1 | (self.nee == self.ne) << 2
        self.equal |= (self.nne == self.ne) << 3 | (self.nww == self.nw) << 4
        self.run = 0 if x == 0 or self.w != self.ww else self.run + 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def put(self, at: cython.int, rank: cython.int, count: cython.int) -> cython.void:
        """Sets `count` pixels, and above the first row the margin right of the last of them."""
        i: cython.int
        for i in range(at, at + count):
            self.cells[i] = rank
        if at < 4 * self.stride:
            for i in range(1, count + 3):
                self.cells[at - self.stride + i] = rank
                self.cells[at - 2 * self.stride + i] = rank

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def all_are(self, rank: cython.int, at: cython.int, length: cython.int) -> cython.bint:
        """Whether all of `length` cells from that position on have that rank."""
        i: cython.int
        for i in range(at, at + length):
            if self.cells[i] != rank:
                return False
        return True

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def around(self) -> cython.uint:
        """A hash of eight neighbours."""
        return combine(pack(self.w, self.n, self.nw, self.ne), pack(self.ww, self.nn, self.nee, self.nne))
