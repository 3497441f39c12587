"""The guesses of a pixel's colour and their blend, snapped to the palette (KPAL.md, section 5.2.7).

Guess 0 is the gradient-adjusted predictor of CALIC (X. Wu and N. Memon, "Context-based, adaptive, lossless image
coding", IEEE Trans. Comm. 45, 1997), guess 2 the median edge detector of LOCO-I (M. Weinberger, G. Seroussi and G.
Sapiro, IEEE Trans. Image Proc. 9, 2000).
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .frames import Frames
    from .neighbourhood import Neighbourhood
    from .prior import Prior
    from .ranks import Ranks
    from .tables import LEVEL, TRUST, allocate, shorts, tail
    from .vectors import guess_errors, recent_errors

GUESSES = cython.declare(cython.int, 5)


@cython.final
@cython.cclass
class Prediction:
    """What is expected of the pixel at hand.

    all_guesses: whether guesses 0, 3 and 4 are snapped, too, for `max`.
    """

    ranks: Ranks
    near: Neighbourhood
    frames: Frames
    prior: Prior
    all_guesses: cython.bint
    nearest: cython.p_short  # the rank nearest to each of 32768 cells of the colour cube, or -1 if not yet sought
    guess: cython.p_short  # [8 * channel + guess], 0 to 255; number 5 is the blend
    errors: cython.p_short  # two rows of pixels, 8 numbers each: errors of guesses and blend, 0 to 1020
    here: cython.int  # where in `errors` the row at hand begins
    above: cython.int  # where the row above begins
    texture: cython.int  # which pairs of neighbours are the same, 9 bits
    activity: cython.int  # how much the neighbours' colours differ, 0 to 15
    doubt: cython.int  # how wrong the blend was nearby, 0 to 15
    # the ranks nearest to guesses 0, 1, 3, 4 and 5
    p0: cython.int
    p1: cython.int
    p3: cython.int
    p4: cython.int
    p5: cython.int
    center: cython.int  # the rank that stands for the guess among the biases: p5, or P in frames after the first
    buffers: list

    def __init__(self, ranks: Ranks, near: Neighbourhood, frames: Frames, prior: Prior, all_guesses: bool) -> None:
        self.ranks, self.near, self.frames, self.prior, self.all_guesses = ranks, near, frames, prior, all_guesses
        self.texture = self.activity = self.doubt = 0
        self.p0 = self.p1 = self.p3 = self.p4 = self.p5 = self.center = 0
        self.buffers = []
        self.nearest = ranks.at_cell
        self.guess = shorts(allocate(self.buffers, "h", 32))
        self.errors = shorts(allocate(self.buffers, "h", 16 * near.stride))
        i: cython.int
        for i in range(24, 32):
            self.guess[i] = 255  # of alpha, where it is no channel
        self.begin_row(0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_row(self, y: cython.int) -> cython.void:
        self.here = 8 * (8 + (y & 1) * self.near.stride)
        self.above = 8 * (8 + (1 - (y & 1)) * self.near.stride)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def predict(self, x: cython.int) -> cython.void:
        """Guesses the colour of the pixel in column x and prefetches the prior around the guess."""
        tilt: cython.int = self._measure()
        if self.frames.later:
            self._refer()
        else:
            self._blend(tilt, x)
        if cython.compiled:
            prefetch(self.prior.logs + self.prior.start(self.p5, self.doubt >> 1))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _refer(self) -> cython.void:
        """In frames after the first: P, or guess 2 where most neighbours have changed."""
        color: cython.p_short = self.ranks.color
        c: cython.int
        wc: cython.int
        nc: cython.int
        changed: cython.int = self.frames.changed()
        self.center = self.frames.p
        if changed < 3:
            self.p5 = self.frames.p
            self.doubt = min(2 * changed + (self.activity >> 1), 15)
            return
        self.doubt = self.activity
        for c in range(self.ranks.channels):
            wc, nc = color[4 * self.near.w + c], color[4 * self.near.n + c]
            self.guess[8 * c + 2] = max(min(wc, nc), min(max(wc, nc), wc + nc - color[4 * self.near.nw + c]))
        self.p5 = self._snap(2)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _blend(self, tilt: cython.int, x: cython.int) -> cython.void:
        """In the first frame: the blend of all guesses, and snaps of single ones."""
        here: cython.int = self.here + 8 * x
        above: cython.int = self.above + 8 * x
        error: cython.int
        self._guess(tilt, here, above)
        error = self.errors[above + 5] + self.errors[above + 13] + 2 * self.errors[here - 3]
        self.doubt = LEVEL[min(error, 4095)]
        if self.all_guesses:
            self.p0 = self._snap(0)
            self.p3 = self._snap(3)
            self.p4 = self._snap(4)
        self.p1 = self._snap(1)
        self.p5 = self.center = self._snap(5)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _measure(self) -> cython.int:
        """Texture and activity; returns how much steeper the picture is downwards than along the row."""
        distance: cython.p_ushort = self.ranks.distance
        w: cython.int = self.near.w
        n: cython.int = self.near.n
        nw: cython.int = self.near.nw
        ne: cython.int = self.near.ne
        self.texture = (w == n) | (nw == n) << 1 | (ne == n) << 2 | (nw == w) << 3 | self.near.equal << 4
        along: cython.int = distance[w << 8 | self.near.ww] + distance[n << 8 | nw] + distance[n << 8 | ne]
        across: cython.int = distance[w << 8 | nw] + distance[n << 8 | self.near.nn] + distance[ne << 8 | self.near.nne]
        self.activity = LEVEL[min(along + across, 4095)]
        return across - along

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _guess(self, tilt: cython.int, here: cython.int, above: cython.int) -> cython.void:
        """The five guesses, and their blend by how right they were nearby."""
        color: cython.p_short = self.ranks.color
        guess: cython.p_short = self.guess
        share = cython.declare(cython.int[8])
        mean = cython.declare(cython.short[8])
        w: cython.int = self.near.w
        n: cython.int = self.near.n
        nw: cython.int = self.near.nw
        ne: cython.int = self.near.ne
        nn: cython.int = self.near.nn
        edge: cython.int = abs(tilt)
        edge = (edge > 24) + (edge > 96) + 2 * (edge > 240)
        k: cython.int
        c: cython.int
        total: cython.int = 0
        recent_errors(mean, tail(self.errors, here - 8), tail(self.errors, above), tail(self.errors, above + 8))
        for k in range(GUESSES):
            share[k] = TRUST[mean[k]]
            total += share[k]
        total = 1073741824 // total
        for k in range(GUESSES):
            share[k] = (share[k] * total) >> 14  # of 65536
        wc: cython.int
        nc: cython.int
        nwc: cython.int
        nec: cython.int
        o: cython.int
        g: cython.int
        for c in range(self.ranks.channels):
            wc, nc, nwc, nec = color[4 * w + c], color[4 * n + c], color[4 * nw + c], color[4 * ne + c]
            g = ((wc + nc) >> 1) + ((nec - nwc) >> 2)
            o = wc if tilt > 0 else nc
            g = byte(g + (((o - g) * edge) >> 2))
            guess[8 * c] = g
            o = share[0] * g
            g = (3 * wc + 3 * nc + 2 * nec) >> 3
            guess[8 * c + 1] = g
            o += share[1] * g
            g = max(min(wc, nc), min(max(wc, nc), wc + nc - nwc))
            guess[8 * c + 2] = g
            o += share[2] * g
            g = byte(wc + ((nec - nwc) >> 1))
            guess[8 * c + 3] = g
            o += share[3] * g
            g = byte(nc + ((wc - nwc) >> 1) + ((nc - color[4 * nn + c]) >> 2))
            guess[8 * c + 4] = g
            o += share[4] * g
            guess[8 * c + 5] = (o + 32768) >> 16

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _snap(self, number: cython.int) -> cython.int:
        """The rank of the colour nearest to the middle of the cell of the colour cube that a guess is in."""
        red: cython.int = self.guess[number]
        green: cython.int = self.guess[number + 8]
        blue: cython.int = self.guess[number + 16]
        alpha: cython.int = self.guess[number + 24]
        cell: cython.int
        if self.ranks.channels == 3:
            cell = red >> 3 << 10 | green >> 3 << 5 | blue >> 3
        else:
            cell = red >> 4 << 11 | green >> 4 << 7 | blue >> 4 << 3 | alpha >> 5
        if self.nearest[cell] < 0:
            if self.ranks.channels == 3:
                red, green, blue, alpha = (red & 248) + 4, (green & 248) + 4, (blue & 248) + 4, 255
            else:
                red, green, blue, alpha = (red & 240) + 8, (green & 240) + 8, (blue & 240) + 8, (alpha & 224) + 16
            self.nearest[cell] = self.ranks.nearest(red, green, blue, alpha)
        return self.nearest[cell]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def update(self, x: cython.int, rank: cython.int) -> cython.void:
        """Notes how far the guesses were from the colour that came."""
        guess_errors(tail(self.errors, self.here + 8 * x), self.guess, tail(self.ranks.color, 4 * rank))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def set_right(self, x: cython.int, count: cython.int) -> cython.void:
        """Zeroes the errors of all guesses at `count` pixels that a flag coded without predicting them."""
        i: cython.int
        for i in range(self.here + 8 * x, self.here + 8 * (x + count)):
            self.errors[i] = 0


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def byte(value: cython.int) -> cython.int:
    """The value, within 0 and 255."""
    return 0 if value < 0 else 255 if value > 255 else value
