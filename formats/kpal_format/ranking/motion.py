"""Motion (KPAL.md, section 5.3.7): blocks of the frame before that are at another place now.

A frame may have up to four vectors, each of which moves some of its blocks. Later stages see the frame before with its
blocks moved, the *reference*, and do not know of motion.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .planes import Planes
    from .range_coder import Coder, code_flag, code_raw
    from .tables import allocate, copy_cells, even_flags, ints, uchars, uints

BLOCK = cython.declare(cython.int, 16)  # pixels of a side
VECTORS = cython.declare(cython.int, 4)
FAR = cython.declare(cython.int, 4096)  # components of vectors are from -FAR to FAR - 1


@cython.final
@cython.cclass
class Motion:
    """The vectors of a frame, and which of them each block has."""

    planes: Planes
    across: cython.int  # blocks of a row of them
    blocks: cython.int  # of a frame
    moves: cython.bint  # whether the frame in hand has vectors
    vectors: cython.int  # how many
    dx: cython.p_int  # of each: from a block to where it was
    dy: cython.p_int
    block: cython.p_uchar  # of each: 0, or the number of its vector, from 1
    flags: cython.p_uint  # 2 for frames, 8 for blocks
    buffers: list

    def __init__(self, planes: Planes) -> None:
        self.planes = planes
        self.across = (planes.width + BLOCK - 1) // BLOCK
        self.blocks = self.across * ((planes.rows + BLOCK - 1) // BLOCK)
        self.moves = False
        self.vectors = 0
        self.buffers = []
        self.dx = ints(allocate(self.buffers, "i", VECTORS))
        self.dy = ints(allocate(self.buffers, "i", VECTORS))
        self.block = uchars(allocate(self.buffers, "B", self.blocks if planes.moving else 1))
        self.flags = uints(allocate(self.buffers, "I", even_flags(10)))

    @cython.cfunc
    def choose(self, vectors: list, blocks: bytes) -> object:
        """Encoding: sets the vectors (dx, dy), at most VECTORS, and the numbers of blocks for the next frame."""
        i: cython.int
        self.vectors = len(vectors)
        for i in range(self.vectors):
            self.dx[i], self.dy[i] = vectors[i]
        for i in range(self.blocks if vectors else 0):
            self.block[i] = blocks[i]
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def code(self, coder: cython.pointer(Coder), decoding: cython.bint) -> cython.void:
        """Codes the motion of a frame, and makes its reference."""
        i: cython.int
        self.moves = code_flag(coder, decoding, self.flags, self.moves, self.vectors > 0)
        if not self.moves:
            return
        self.vectors = 1 + code_raw(coder, decoding, 2, self.vectors - 1)
        for i in range(self.vectors):
            self.dx[i] = cython.cast(cython.int, code_raw(coder, decoding, 13, self.dx[i] + FAR)) - FAR
            self.dy[i] = cython.cast(cython.int, code_raw(coder, decoding, 13, self.dy[i] + FAR)) - FAR
        for i in range(self.blocks):
            self.block[i] = self._code_block(coder, decoding, i)
        self._refer()

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_block(self, coder: cython.pointer(Coder), decoding: cython.bint, i: cython.int) -> cython.int:
        """Codes the number of a block: often that of the block above or left."""
        above: cython.int = self.block[i - self.across] if i >= self.across else 0
        left: cython.int = self.block[i - 1] if i % self.across else 0
        number: cython.int = self.block[i]
        other: cython.int
        if above == left:
            if code_flag(coder, decoding, self.flags, 2 + (left > 0), number == left):
                return left
        else:
            if code_flag(coder, decoding, self.flags, 4, number == above):
                return above
            if code_flag(coder, decoding, self.flags, 5, number == left):
                return left
        for other in range(self.vectors):
            if other != above and other != left:
                if code_flag(coder, decoding, self.flags, 6 + other, number == other):
                    return other
        return self.vectors

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _refer(self) -> cython.void:
        """Makes the reference: the frame before, with blocks moved; pixels beyond its edges are those at the edges."""
        cells: cython.p_uchar = self.planes.cells
        numbers: cython.Py_ssize_t
        number: cython.int
        i: cython.int
        x: cython.int
        y: cython.int
        end: cython.int
        here: cython.Py_ssize_t
        source: cython.Py_ssize_t
        dx: cython.int
        most: cython.int
        self.planes.use_reference()
        for y in range(self.planes.rows):
            numbers = y // BLOCK * self.across
            here = self.planes.row_before(y)
            i = 0
            while i < self.across:
                number = self.block[numbers + i]
                x = i * BLOCK
                while i < self.across and self.block[numbers + i] == number:
                    i += 1
                end = min(i * BLOCK, self.planes.width)
                source = self.planes.row_last(y)
                dx = 0
                if number:
                    dx = self.dx[number - 1]
                    source = self.planes.row_last(min(max(y + self.dy[number - 1], 0), self.planes.rows - 1))
                while x < end and x + dx < 0:
                    cells[here + x] = cells[source]
                    x += 1
                if x < end and x + dx < self.planes.width:
                    most = min(end, self.planes.width - dx) - x
                    copy_cells(cells, here + x, cells, source + x + dx, most)
                    x += most
                while x < end:
                    cells[here + x] = cells[source + self.planes.width - 1]
                    x += 1
            self.planes.set_margins_before(y)
