"""The prior (KPAL.md, section 5.2.7): how likely each rank is when all that is known is a guess of the colour.

It falls with the distance from the guess, the faster the surer the guess. New slots begin with it.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .ranks import Ranks
    from .tables import SPREAD, WIDTHS, allocate, fraction, log, shorts

PRIOR = cython.declare(cython.int, 272)  # logarithms of one prior: 16 high nibbles, then 16 low ones below each


@cython.final
@cython.cclass
class Prior:
    """A table for each rank and width, made when it is first needed."""

    ranks: Ranks
    logs: cython.p_short  # -12288 to 0; a table that begins with 0 is yet to be made
    buffers: list

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self.buffers = []
        self.logs = shorts(allocate(self.buffers, "h", ranks.k * WIDTHS * PRIOR))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def start(self, rank: cython.int, width: cython.int) -> cython.int:
        """Where the prior stands that expects a colour near that of `rank`, in one of 8 widths."""
        return (rank * WIDTHS + width) * PRIOR

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def find(self, rank: cython.int, width: cython.int) -> cython.int:
        """Where that prior stands, made if need be."""
        start: cython.int = self.start(rank, width)
        if self.logs[start] == 0:
            self._make(start, rank, SPREAD[width])
        return start

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _make(self, start: cython.int, rank: cython.int, spread: cython.int) -> cython.void:
        mass = cython.declare(cython.uint[256])
        group = cython.declare(cython.uint[16])
        color: cython.p_short = self.ranks.color
        total: cython.uint = 0
        far: cython.int
        near: cython.uint
        log_whole: cython.int
        difference: cython.int
        i: cython.int
        c: cython.int
        for i in range(16):
            group[i] = 0
        for i in range(256):
            mass[i] = 0
            if i < self.ranks.k:
                far = 0
                for c in range(4):
                    difference = color[4 * i + c] - color[4 * rank + c]
                    far += difference * difference * (4 if c & 1 else 2 if c else 3)
                near = (spread << 12) // (spread + far)
                mass[i] = (near * near >> 9) + 3
                group[i >> 4] += mass[i]
                total += mass[i]
        log_whole = log(total)
        for i in range(16):
            self.logs[start + i] = fraction(group[i], log_whole)
        for i in range(256):
            if i & 15 == 0:
                log_whole = log(max(group[i >> 4], 1))
            self.logs[start + 16 + i] = fraction(mass[i], log_whole)
        if self.logs[start] == 0:
            self.logs[start] = -1
