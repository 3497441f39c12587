"""Spans (KPAL.md, section 5.3.4): how many pixels of a flat part repeat the pixel to their left, by one flag or more.

A pixel is flat if W = N = NW = NE. A span reaches from a flat pixel to where the row above changes.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .planes import Planes
    from .range_coder import Coder, code_flag, code_raw, code_symbol
    from .tables import LEVEL, allocate, even_flags, even_symbols, fill_cells, run_length, shorts, uchars, uints

MOST_SPAN = cython.declare(cython.int, 8192)  # pixels


@cython.final
@cython.cclass
class Spans:
    """The spans of a tile."""

    planes: Planes
    change: cython.int  # the column where the row above becomes another colour
    history: cython.int  # the last two span flags
    flags: cython.p_uint  # 256; in a tile of several frames 9 times 256
    symbols: cython.p_short  # 16 distributions of lengths
    counts: cython.p_uchar
    number_flags: cython.p_uint  # 64
    sixteen: cython.Py_ssize_t  # see `code_symbol`
    buffers: list

    def __init__(self, planes: Planes, later: bool) -> None:
        self.planes = planes
        self.change = self.history = 0
        self.buffers = []
        self.flags = uints(allocate(self.buffers, "I", even_flags(256 * (9 if later else 1))))
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
        x: cython.int,
        y: cython.int,
        later: cython.bint,
    ) -> cython.int:
        """Codes the span that begins at x: its length, or ~n if n pixels of it are W and the next one is not.

        source: the row to encode.
        later: whether there is a frame before.
        """
        cells: cython.p_uchar = self.planes.cells
        here: cython.Py_ssize_t = self.planes.row(y) + x
        above2: cython.Py_ssize_t = self.planes.row(y - 2) + x
        before: cython.Py_ssize_t = self.planes.row_before(y) + x
        w: cython.uchar = cells[here - 1]
        span: cython.int = self._find(x, self.planes.row(y - 1))
        level: cython.int = LEVEL[min(span, 4095)]
        n: cython.int = 0 if decoding else run_length(source, x, span, w)
        context: cython.int = level << 4 | (cells[above2] == w) << 3 | (cells[here - 2] == w) << 2 | self.history
        if later:
            context += 256
            context += (cells[before] == w) << 8 | (cells[before + 1] == w) << 9 | (cells[before - 1] == w) << 10
        if code_flag(coder, decoding, self.flags, context, n == span):
            self.history = (self.history << 1 | 1) & 3
            fill_cells(cells, here, span, w)
            return span
        self.history = self.history << 1 & 3
        if span > 1:
            n = self._code_number(coder, decoding, level, n)
            n = min(n, span - 1)
            fill_cells(cells, here, n, w)
        return ~n

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _find(self, x: cython.int, above: cython.Py_ssize_t) -> cython.int:
        """The length of the span that begins at x, 1 to MOST_SPAN."""
        cells: cython.p_uchar = self.planes.cells
        width: cython.int = self.planes.width
        ahead: cython.int = x + 2
        if self.change < ahead:
            self.change = ahead
            if ahead < width:
                self.change += run_length(cells, above + ahead, width - ahead, cells[above + x])
        return min(width - x if self.change >= width else self.change - 1 - x, MOST_SPAN)

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
