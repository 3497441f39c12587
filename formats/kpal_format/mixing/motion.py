"""Motion compensation (KPAL.md, section 5.2.9): a reference whose blocks come from other places of the frame before.

A frame may have a few motion vectors, and for each block of the picture the number of the vector that it uses, or 0.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .flags import Flag
    from .frames import RING, Frames
    from .neighbourhood import Neighbourhood
    from .tables import allocate, ints, uchars

BLOCK = cython.declare(cython.int, 16)  # pixels of a block's side
VECTORS = cython.declare(cython.int, 3)  # the most of a frame
COMPONENT_BITS = cython.declare(cython.int, 10)  # a component of a vector is from -512 to 511
MOTION = cython.declare(cython.uint, 4 << 24)  # added to keys, so that kinds of flags do not share slots


@cython.final
@cython.cclass
class Motion:
    """The vectors and the map of the frame at hand, and their coding."""

    near: Neighbourhood
    frames: Frames
    flag: Flag
    possible: cython.bint  # the ring has room for the reference
    across: cython.int  # blocks of a row
    down: cython.int  # rows of blocks
    vectors: cython.int  # number of vectors, 0 to 3; 0 if the reference is the frame before
    dx: cython.p_int  # where the pixels of each vector come from, ±512
    dy: cython.p_int
    map: (
        cython.p_uchar
    )  # the number of the vector of each block, 1 to `vectors`, or 0; a margin at the top and the sides
    last: cython.p_uchar  # the map of the last frame that had vectors
    moving: cython.int  # the last four flags of whether a frame has vectors
    buffers: list

    def __init__(self, near: Neighbourhood, frames: Frames, flag: Flag, rows: int) -> None:
        self.near, self.frames, self.flag = near, frames, flag
        self.possible = frames.ring > 1 and 3 * near.size <= RING
        self.across, self.down = (near.width + BLOCK - 1) // BLOCK, (rows + BLOCK - 1) // BLOCK
        self.vectors = self.moving = 0
        self.buffers = []
        self.dx = ints(allocate(self.buffers, "i", VECTORS + 1))
        self.dy = ints(allocate(self.buffers, "i", VECTORS + 1))
        self.last = uchars(allocate(self.buffers, "B", (self.across + 2) * (self.down + 2) if self.possible else 1))
        self.map = uchars(allocate(self.buffers, "B", (self.across + 2) * (self.down + 2) if self.possible else 1))

    @cython.cfunc
    def reserve(self) -> object:
        """Makes room in the stream for the vectors and the map: flags of 16 bits."""
        self.flag.coder.reserve(2 * VECTORS * (self.across * self.down + 2 * COMPONENT_BITS) + 16)
        return None

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def code(self) -> cython.void:
        """Codes vectors and map, and makes the reference."""
        i: cython.int
        block: cython.int
        at: cython.int
        moving: cython.int
        if not self.possible:
            return
        moving = self._code_flag(self.moving, self.moving & 1, self.vectors > 0)
        self.moving = self.moving << 1 & 15 | moving
        if not moving:
            self.vectors = 0
            self.frames.back = self.frames.before
            return
        self._code_count()
        for i in range(1, self.vectors + 1):
            self.dx[i] = self._code_component(2, i, self.dx[i])
            self.dy[i] = self._code_component(3, i, self.dy[i])
        for block in range(self.across * self.down):
            at = self.at(block)
            self.map[at] = self._code_block(at)
        self._compensate()
        for block in range((self.across + 2) * (self.down + 2)):
            self.last[block] = self.map[block]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def at(self, block: cython.int) -> cython.int:
        """Where a block is in the map."""
        return (block // self.across + 1) * (self.across + 2) + block % self.across + 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _code_flag(self, key: cython.uint, few: cython.uint, bit: cython.int) -> cython.int:
        """A flag with a full key, and one that says less."""
        self.flag.key[0] = self.flag.key[1] = self.flag.key[2] = self.flag.key[3] = key | MOTION
        self.flag.key[4] = self.flag.key[5] = few | MOTION | 1 << 20
        self.flag.predict(28, 1281)
        return self.flag.code(bit)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_block(self, at: cython.int) -> cython.int:
        """The number of a block's vector, in unary."""
        key: cython.p_uint = self.flag.key
        mine: cython.uchar = self.map[at]
        above: cython.int = at - self.across - 2
        below: cython.int = at + self.across + 2
        before: cython.uint = self.last[at] | self.last[at + 1] << 2 | self.last[below] << 4
        beside: cython.uint = self.map[at - 1] | self.map[above] << 2
        i: cython.uint = 0
        while i < self.vectors:
            key[0] = beside | self.map[above + 1] << 4 | self.map[above - 1] << 6 | i << 8 | MOTION | 1 << 20
            key[1] = before | i << 8 | MOTION | 2 << 20
            key[2] = before | beside << 6 | i << 10 | MOTION | 3 << 20
            key[3] = beside | self.last[at] << 4 | i << 8 | MOTION | 4 << 20
            key[4] = self.last[at] | self.last[at - 1] << 2 | self.last[above] << 4 | i << 8 | MOTION | 5 << 20
            key[5] = self.last[at] | i << 8 | MOTION | 6 << 20
            self.flag.predict(29, 1312 + (beside | self.last[at] << 4))
            if self.flag.code(mine == i):
                break
            i += 1
        return i

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _code_count(self) -> cython.void:
        """The number of vectors, in unary."""
        i: cython.int = 1
        while i < VECTORS and not self._code_flag(1 << 16 | i, 1 << 16 | i, self.vectors == i):
            i += 1
        self.vectors = i

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _code_component(self, kind: cython.uint, number: cython.uint, value: cython.int) -> cython.int:
        """A component of a vector, from its highest bit down: a tree of flags, so that old values take few bits."""
        node: cython.int = 1
        i: cython.int
        value += 1 << (COMPONENT_BITS - 1)
        for i in range(COMPONENT_BITS - 1, -1, -1):
            node = node << 1 | self._code_flag(kind << 16 | number << 10 | node, kind << 16 | node, value >> i & 1)
        return node - (3 << (COMPONENT_BITS - 1))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _compensate(self) -> cython.void:
        """Copies the frame before to the plane, with blocks from where their vectors say."""
        block: cython.int
        plane: cython.int = self.frames.plane
        before: cython.int = self.near.base + self.frames.before
        vector: cython.int
        self.near.copy(plane, before, self.near.size)
        for block in range(self.across * self.down):
            vector = self.map[self.at(block)]
            if vector:
                self._move(block % self.across * BLOCK, block // self.across * BLOCK, self.dx[vector], self.dy[vector])
        self.frames.refer(plane - self.near.base)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _move(self, x: cython.int, y: cython.int, dx: cython.int, dy: cython.int) -> cython.void:
        """Fills a block of the plane with what the frame before has at a distance, as far as that is in the picture."""
        stride: cython.int = self.near.stride
        first: cython.int = max(x, -dx)
        end: cython.int = min(min(x + BLOCK, self.near.width), self.near.width - dx)
        row: cython.int
        at: cython.int
        if first >= end:
            return
        for row in range(max(y, -dy), min(min(y + BLOCK, self.frames.rows), self.frames.rows - dy)):
            at = (row + 3) * stride + 8 + first
            self.near.copy(
                self.frames.plane + at, self.near.base + self.frames.before + at + dy * stride + dx, end - first
            )
