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
    ranks below k. A frame's cells are a slot; frames.py says which.
    """

    width: cython.int  # pixels of a row, 1 to 2**22
    stride: cython.int  # cells from a pixel to the one below: width + ROW_GAP
    size: cython.int  # cells of a slot
    base: cython.int  # where the slot of the frame at hand begins
    top: cython.int  # where the first row of the first frame ends; 0 in later frames
    cells: cython.p_uchar  # at most 2**27 of frames
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
        self.size = (rows + 3) * self.stride
        self.base = self.run = 0
        self.top = 4 * self.stride

    @cython.cfunc
    def hold(self, cells: cython.Py_ssize_t) -> object:
        """Allocates the cells."""
        self.buffers = []
        self.cells = uchars(allocate(self.buffers, "B", cells))
        return None

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def row(self, y: cython.int) -> cython.int:
        """The position of a row's first pixel."""
        return self.base + (y + 3) * self.stride + 8

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
        """Sets `count` pixels, and above the first row of all the margin right of the last of them."""
        i: cython.int
        for i in range(at, at + count):
            self.cells[i] = rank
        if at < self.top:
            for i in range(1, count + 3):
                self.cells[at - self.stride + i] = rank
                self.cells[at - 2 * self.stride + i] = rank

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def count_run(self, at: cython.int, span: cython.int) -> cython.void:
        """Counts the run at the end of a span that came at once."""
        end: cython.int = at + span - 1
        self.run = 0
        while self.run < min(span - 1, 256) and self.cells[end - self.run] == self.cells[end - self.run - 1]:
            self.run += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def all_are(self, rank: cython.int, at: cython.int, length: cython.int) -> cython.bint:
        """Whether all of `length` cells from that position on have that rank."""
        return length <= 0 or (self.cells[at] == rank and self.alike(at, at + 1, length - 1))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def copy(self, target: cython.int, source: cython.int, length: cython.int) -> cython.void:
        """Copies cells that do not overlap."""
        if cython.compiled:
            memcpy(self.cells + target, self.cells + source, length)
        else:
            self.cells[target : target + length] = self.cells[source : source + length]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def alike(self, a: cython.int, b: cython.int, length: cython.int) -> cython.bint:
        """Whether `length` cells from one position on are those from another one on."""
        if cython.compiled:
            return memcmp(self.cells + a, self.cells + b, length) == 0
        return self.cells[a : a + length] == self.cells[b : b + length]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def common(self, a: cython.int, b: cython.int, length: cython.int) -> cython.int:
        """How many cells from one position on are those from another one on, before the first that differs."""
        i: cython.int = 0
        while i + 64 <= length and self.alike(a + i, b + i, 64):
            i += 64
        while i < length and self.cells[a + i] == self.cells[b + i]:
            i += 1
        return i

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def around(self) -> cython.uint:
        """A hash of eight neighbours."""
        return combine(pack(self.w, self.n, self.nw, self.ne), pack(self.ww, self.nn, self.nee, self.nne))
