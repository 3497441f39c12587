"""The prior (KPAL.md, section 5.2.7): how likely each rank is when all that is known is a guess of the colour.

It falls with the distance from the guess, the faster the surer the guess. New slots begin with it.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .ranks import Ranks
    from .tables import SPREAD, WIDTHS, allocate, fraction, log, shorts, uchars, uninitialised

PRIOR = cython.declare(cython.int, 272)  # logarithms of one prior: 16 high nibbles, then 16 low ones below each


@cython.final
@cython.cclass
class Prior:
    """A table for each rank and width, of which each 16 logarithms are made when they are first needed."""

    ranks: Ranks
    logs: cython.p_short  # -12288 to 0; without a meaning until they are made
    made: cython.p_uchar  # for each 16 of them, whether they are made
    buffers: list

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self.buffers = []
        size = ranks.k * WIDTHS * PRIOR
        self.logs = shorts(uninitialised(self.buffers, "h", size))
        self.made = uchars(allocate(self.buffers, "B", size // 16))

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
        """Where that prior stands; the logarithms of its high nibbles are made if need be."""
        start: cython.int = self.start(rank, width)
        if not self.made[start // 16]:
            self._make(start)
        return start

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def below(self, start: cython.int, high: cython.int) -> cython.int:
        """Where the logarithms stand of the low nibbles below a high one, made if need be."""
        at: cython.int = start + 16 + 16 * high
        if not self.made[at // 16]:
            self._make(at)
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _make(self, at: cython.int) -> cython.void:
        """Makes 16 logarithms: the first ones of a prior are of high nibbles, the others of the low nibbles below."""
        mass = cython.declare(cython.uint[16])
        table: cython.int = at // PRIOR
        part: cython.int = at % PRIOR // 16
        first: cython.int = 16 * (part - 1) if part else 0
        last: cython.int = min(first + 16, self.ranks.k) if part else self.ranks.k
        total: cython.uint = 0
        one: cython.uint
        log_whole: cython.int
        i: cython.int
        for i in range(16):
            mass[i] = 0
        for i in range(first, last):
            one = self._mass(i, table // WIDTHS, SPREAD[table % WIDTHS])
            mass[i - first if part else i >> 4] += one
            total += one
        log_whole = log(max(total, 1))
        for i in range(16):
            self.logs[at + i] = fraction(mass[i], log_whole)
        if part == 0 and self.logs[at] == 0:
            self.logs[at] = -1  # KPAL.md has it so
        self.made[at // 16] = 1

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _mass(self, i: cython.int, rank: cython.int, spread: cython.int) -> cython.uint:
        """How likely rank i is where a colour near that of `rank` is expected, in no unit."""
        color: cython.p_short = self.ranks.color
        far: cython.int = 0
        near: cython.uint
        difference: cython.int
        c: cython.int
        for c in range(4):
            difference = color[4 * i + c] - color[4 * rank + c]
            far += difference * difference * (4 if c & 1 else 2 if c else 3)
        near = (spread << 12) // (spread + far)
        return (near * near >> 9) + 3
