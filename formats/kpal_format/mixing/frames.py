"""The frames before (KPAL.md, section 5.2.9): a ring of them, and the reference that a frame is compared with.

Frames have slots in the line of cells, which are used in turn. A position in a slot therefore tells frame and pixel,
and the match model needs to know nothing of frames. What lies ahead in the slot at hand is the frame that had the slot
before: encoder and decoder both know it, because an encoder keeps the pixels to be coded elsewhere.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .neighbourhood import ROW_GAP, Neighbourhood

RING = cython.declare(cython.int, 1 << 24)  # cells of a ring, or two frames where these are more


@cython.final
@cython.cclass
class Frames:
    """Where the frames of a tile are, and what the reference has around the pixel at hand.

    The reference is the frame before, or that frame with some blocks moved (motion.py).
    """

    near: Neighbourhood
    rows: cython.int
    ring: cython.int  # slots, at least 2; 1 for a still image
    number: cython.int  # of the frame at hand, counted without frames that are the same as the one before
    later: cython.bint  # this is not the first frame
    before: cython.int  # from a pixel to its place in the frame before
    back: cython.int  # from a pixel to its place in the reference
    back_twice: cython.int  # from a pixel to its place in the frame before the one before
    source: cython.int  # from a pixel to the place where an encoder keeps what is to be coded
    plane: cython.int  # where a reference with moved blocks begins
    # the ranks of the reference, by the points of the compass
    p: cython.int  # at the pixel's own place
    pe: cython.int
    pw: cython.int
    pn: cython.int
    ps: cython.int
    pse: cython.int
    psw: cython.int
    pp: cython.int  # in the frame before the one before; in the frame before where there are no two
    pnw: cython.int
    pne: cython.int
    place: cython.int  # of the pixel at hand in its slot
    moved: cython.int  # which of W, N, NW and NE are not what the reference has there, 4 bits

    def __init__(self, near: Neighbourhood, rows: int, frames: int) -> None:
        self.near, self.rows = near, rows
        self.ring = ring_slots(near.size, frames)
        self.number = self.before = self.back = self.back_twice = self.source = 0
        self.later = False
        self.plane = self.ring * near.size + 2 * (near.stride + ROW_GAP)  # behind what a match can see
        near.hold(self.plane + 2 * near.size + 2 * near.stride if frames > 1 else near.size + 2 * ROW_GAP)
        self.p = self.pe = self.pw = self.pn = self.ps = self.pse = self.psw = self.pp = 0
        self.pnw = self.pne = self.place = 0
        self.moved = 15

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def keep_source(self) -> cython.void:
        """For an encoder of more than one frame: pixels to be coded have a slot of their own behind the plane."""
        self.source = self.plane + self.near.size + self.near.stride - self.near.base

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin(self) -> cython.void:
        """Goes on to the next slot."""
        base: cython.int = self.near.base
        self.number += 1
        self.later = True
        self.near.top = 0
        self.near.base = self.number % self.ring * self.near.size
        self.before = base - self.near.base
        self.back_twice = self.before
        if self.number > 1:
            self.back_twice = (self.number - 2) % self.ring * self.near.size - self.near.base
        if self.source:
            self.source += self.before
        self.refer(self.before)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def refer(self, back: cython.int) -> cython.void:
        """Makes what is that far away the reference, and sets the rows above and below the picture."""
        start: cython.int = self.near.row(0) - 8
        last: cython.int = self.near.row(self.rows - 1) - 8
        stride: cython.int = self.near.stride
        self.back = back
        self.near.copy(last + back + stride, last + back, stride)
        self.near.copy(start + back - stride, start + back, stride)
        self.near.copy(start + back - 2 * stride, start + back, stride)
        self.near.copy(start - stride, start + back, stride)
        self.near.copy(start - 2 * stride, start + back, stride)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def load(self, at: cython.int) -> cython.void:
        """Reads what the reference has around the pixel at that position."""
        cells: cython.p_uchar = self.near.cells
        self.place = at - self.near.base
        self.pp = cells[at + self.back_twice]
        at += self.back
        self.p, self.pe, self.pw = cells[at], cells[at + 1], cells[at - 1]
        above: cython.int = at - self.near.stride
        self.pn = cells[above]
        self.moved = (self.near.w != self.pw) | (self.near.n != self.pn) << 1
        self.pnw, self.pne = cells[above - 1], cells[above + 1]
        self.moved |= (self.near.nw != self.pnw) << 2 | (self.near.ne != self.pne) << 3
        at += self.near.stride
        self.ps, self.pse, self.psw = cells[at], cells[at + 1], cells[at - 1]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def changed(self) -> cython.int:
        """How many of W, N, NW and NE are not what the reference has there."""
        return (self.moved & 1) + (self.moved >> 1 & 1) + (self.moved >> 2 & 1) + (self.moved >> 3)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def edges(self) -> cython.int:
        """Which of four neighbours in the reference are P."""
        p: cython.int = self.p
        return (p == self.pw) | (p == self.pn) << 1 | (p == self.pe) << 2 | (p == self.ps) << 3

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def situation(self) -> cython.int:
        """How far P can be trusted, 7 bits."""
        p: cython.int = self.p
        return self.moved | (p == self.pp) << 4 | (p == self.near.w) << 5 | (p == self.near.n) << 6


@cython.cfunc
def ring_slots(size: cython.longlong, frames: cython.longlong) -> cython.int:
    """How many frames of that many cells are kept: at least two if there are two."""
    return 1 if frames == 1 else max(2, min(frames, RING // size - 1))
