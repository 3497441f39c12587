"""Spans (KPAL.md, section 5.3.4): how many pixels of a flat part repeat the pixel to their left, by one flag or more.

A pixel is flat if W = N = NW = NE. A span reaches from a flat pixel to where the row above changes.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .range_coder import Coder, code_flag, code_raw, code_symbol
    from .tables import LEVEL, allocate, even_flags, even_symbols, fill_cells, run_length, shorts, uchars, uints

MOST_SPAN = cython.declare(cython.int, 8192)  # pixels


@cython.final
@cython.cclass
class Spans:
    """The spans of a tile. `here`, `above` and `above2` are where the cells of three rows begin."""

    width: cython.int  # pixels of a row
    change: cython.int  # the column where the row above becomes another colour
    history: cython.int  # the last two span flags
    flags: cython.p_uint  # 256
    symbols: cython.p_short  # 16 distributions of lengths
    counts: cython.p_uchar
    number_flags: cython.p_uint  # 64
    sixteen: cython.Py_ssize_t  # see `code_symbol`
    buffers: list

    def __init__(self, width: int) -> None:
        self.width = width
        self.change = self.history = 0
        self.buffers = []
        self.flags = uints(allocate(self.buffers, "I", even_flags(256 * 33)))
        self.symbols = shorts(allocate(self.buffers, "h", even_symbols(16)))
        self.counts = uchars(allocate(self.buffers, "B", 16))
        self.number_flags = uints(allocate(self.buffers, "I", even_flags(64)))
        self.sixteen = 16

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code(
        self,
        coder: cython.pointer(Coder),
        decoding: cython.bint,
        source: cython.p_uchar,
        cells: cython.p_uchar,
        x: cython.int,
        here: cython.Py_ssize_t,
        above: cython.Py_ssize_t,
        above2: cython.Py_ssize_t,
        before: cython.Py_ssize_t,
        moving: cython.bint,
    ) -> cython.int:
        """Codes the span that begins at x: its length, or ~n if n pixels of it are W and the next one is not."""
        w: cython.uchar = cells[here + x - 1]
        span: cython.int = self._find(cells, x, above)
        level: cython.int = LEVEL[min(span, 4095)]
        n: cython.int = 0 if decoding else run_length(source, x, span, w)
        context: cython.int = (
            level << 4 | (cells[above2 + x] == w) << 3 | (cells[here + x - 2] == w) << 2 | self.history
        )
        if moving:
            context = 256 + (context << 5)
            if knob[8] & 1: context |= cells[before + x] == w
            if knob[8] & 2: context |= (cells[before + x + 1] == w) << 1
            if knob[8] & 4: context |= (cells[before + x - 1] == w) << 2
            if knob[8] & 8: context |= (run_length(cells, before + x, span, w) == span) << 3
            if knob[8] & 16: context |= (cells[here + x] == w) << 4
        if code_flag(coder, decoding, self.flags, context, n == span):
            self.history = (self.history << 1 | 1) & 3
            fill_cells(cells, here + x, span, w)
            return span
        self.history = self.history << 1 & 3
        if span > 1:
            n = self._code_number(coder, decoding, level, n)
            if decoding:
                n = min(n, span - 1)
            fill_cells(cells, here + x, n, w)
        return ~n

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _find(self, cells: cython.p_uchar, x: cython.int, above: cython.Py_ssize_t) -> cython.int:
        """The length of the span that begins at x, 1 to MOST_SPAN."""
        ahead: cython.int = x + 2
        if self.change < ahead:
            self.change = ahead
            if ahead < self.width:
                self.change += run_length(cells, above + ahead, self.width - ahead, cells[above + x])
        return min(self.width - x if self.change >= self.width else self.change - 1 - x, MOST_SPAN)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _code_number(
        self, coder: cython.pointer(Coder), decoding: cython.bint, level: cython.int, n: cython.int
    ) -> cython.int:
        """Codes a number below 2**15: the bits of n + 1, how many first, then the highest two modelled, others not."""
        more: cython.int = n + 1
        bits: cython.int = 0
        value: cython.int = 1
        if not decoding:
            while more >> bits > 1:
                bits += 1
        bits = code_symbol(coder, decoding, self.symbols, self.counts, level, bits, self.sixteen)
        context: cython.int = 4 * bits
        if bits > 0:
            bits -= 1
            value = value << 1 | code_flag(coder, decoding, self.number_flags, context, more >> bits & 1)
        if bits > 0:
            bits -= 1
            context += 1 + (value & 1)
            value = value << 1 | code_flag(coder, decoding, self.number_flags, context, more >> bits & 1)
        if bits > 0:
            value = value << bits | cython.cast(cython.int, code_raw(coder, decoding, bits, more & ((1 << bits) - 1)))
        return value - 1
