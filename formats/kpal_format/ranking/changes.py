"""Changes."""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .range_coder import Coder, code_flag, code_raw, code_symbol
    from .tables import *
    from .tables import allocate, even_flags, uints, copy_cells, equal_length, LEVEL


@cython.final
@cython.cclass
class Changes:
    frame_flags: cython.p_uint
    row_flags: cython.p_uint
    flags: cython.p_uint
    first_flags: cython.p_uint
    second_flags: cython.p_uint
    before_flags: cython.p_uint
    near_flags: cython.p_uint
    span_flags: cython.p_uint
    symbols: cython.p_short  # 16 distributions of lengths
    counts: cython.p_uchar
    number_flags: cython.p_uint  # 64
    sixteen: cython.Py_ssize_t  # see `code_symbol`
    width: cython.int
    same_rows: cython.int
    change: cython.int
    history: cython.int
    buffers: list

    def __init__(self, width: int, moving: bool) -> None:
        self.buffers = []
        self.width = width
        self.frame_flags = uints(allocate(self.buffers, "I", even_flags(8)))
        self.row_flags = uints(allocate(self.buffers, "I", even_flags(8)))
        self.flags = uints(allocate(self.buffers, "I", even_flags(256)))
        self.first_flags = uints(allocate(self.buffers, "I", [t << 25 | 1 for _ in range(8) for g in _TRUST for t in g for _ in range(4*32*4)]))
        self.second_flags = uints(allocate(self.buffers, "I", even_flags(8*4*2*16)))
        self.before_flags = uints(allocate(self.buffers, "I", even_flags(16*32*2)))
        self.near_flags = uints(allocate(self.buffers, "I", near_flags()))
        self.span_flags = uints(allocate(self.buffers, "I", even_flags(1<<14)))
        self.symbols = shorts(allocate(self.buffers, "h", even_symbols(16)))
        self.counts = uchars(allocate(self.buffers, "B", 16))
        self.number_flags = uints(allocate(self.buffers, "I", even_flags(64)))
        self.sixteen = 16
        self.same_rows = self.history = self.change = 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def begin(self) -> cython.void:
        self.same_rows = 7

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_row(self, coder: cython.pointer(Coder), decoding: cython.bint, same: cython.bint) -> cython.bint:
        same = code_flag(coder, decoding, self.flags, self.same_rows, same)
        self.same_rows = (self.same_rows << 1 | same) & 7
        self.change = 0
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code(self, coder: cython.pointer(Coder), decoding: cython.bint, cells: cython.p_uchar, x: cython.int,
             here: cython.Py_ssize_t, above: cython.Py_ssize_t, before: cython.Py_ssize_t, before_above: cython.Py_ssize_t) -> cython.int:
        ahead: cython.int = x + 2
        if self.change < ahead:
            self.change = ahead
            if ahead < self.width:
                self.change += equal_length(cells, above + ahead, before_above + ahead, self.width - ahead)
        span: cython.int = min(self.width - x if self.change >= self.width else self.change - 1 - x, 8192)
        level: cython.int = LEVEL[min(span, 4095)]
        n: cython.int = 0 if decoding else equal_length(cells, here + x, before + x, span)
        context: cython.int = level << 4 | (self.change >= self.width) << 3 | (self.same_rows & 1) << 2 | self.history
        if code_flag(coder, decoding, self.span_flags, context, n == span):
            self.history = (self.history << 1 | 1) & 3
            if decoding:
                copy_cells(cells, here + x, cells, before + x, span)
            return span
        self.history = self.history << 1 & 3
        if span > 1:
            n = self._code_number(coder, decoding, level, n)
            if decoding:
                n = min(n, span - 1)
                copy_cells(cells, here + x, cells, before + x, n)
        return ~n

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

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_first(self, coder: cython.pointer(Coder), decoding: cython.bint, sure: cython.int, sure2: cython.int, other: cython.bint,
        which: cython.int, barred: cython.bint, is_p: cython.bint, moved: cython.int, equal: cython.int, flat: cython.bint, right: cython.bint) -> cython.bint:
        state: cython.int = LONG_STATE[sure] + (1 if other else SHORT_STATE[sure2])
        context: cython.int
        context = (flat << 2 | barred << 1 | is_p) * 24 + state
        if knob[2] == 0:
            context = ((context << 2 | which) << 5 | equal & 31) << 2
        elif knob[2] == 1:
            context = ((context << 2 | which) << 4 | moved) << 3
        else:
            context = (context << 2 | which) << 7 | (moved << 3 | equal & 7)
        return code_flag(coder, decoding, self.first_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_second(self, coder: cython.pointer(Coder), decoding: cython.bint, sure2: cython.int, which: cython.int, is_p: cython.bint, moved: cython.int, right: cython.bint) -> cython.bint:
        context: cython.int = ((min(sure2, 4) << 2 | min(which, 2)) << 1 | is_p) << 4 | moved
        return code_flag(coder, decoding, self.second_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_before(self, coder: cython.pointer(Coder), decoding: cython.bint, moved: cython.int, like: cython.int, hinted: cython.bint, right: cython.bint) -> cython.bint:
        return code_flag(coder, decoding, self.before_flags, (moved << 5 | like) << 1 | hinted, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_neighbour(self, coder: cython.pointer(Coder), decoding: cython.bint, w: cython.uint, n: cython.uint, ne: cython.uint,
        first: cython.uint, second: cython.uint, p: cython.uint, context: cython.int, pixel: cython.uint) -> cython.uint:
        if w != first and w != second and w != p:
            if code_flag(coder, decoding, self.near_flags, context, pixel == w):
                return w
        if n != w and n != first and n != second and n != p:
            if code_flag(coder, decoding, self.near_flags, 512 + context, pixel == n):
                return n
        if ne != n and ne != w and ne != first and ne != second and ne != p:
            if code_flag(coder, decoding, self.near_flags, 1024 + context, pixel == ne):
                return ne
        return NO_COLOR
