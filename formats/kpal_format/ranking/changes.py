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
    third_flags: cython.p_uint
    calm: cython.int
    last: cython.int
    broken: cython.int
    buffers: list

    def __init__(self, width: int, moving: bool) -> None:
        self.buffers = []
        self.width = width
        self.frame_flags = uints(allocate(self.buffers, "I", even_flags(8)))
        self.row_flags = uints(allocate(self.buffers, "I", even_flags(8)))
        self.flags = uints(allocate(self.buffers, "I", even_flags(256)))
        self.first_flags = uints(allocate(self.buffers, "I", [t << 25 | 1 for _ in range(8) for g in _TRUST for t in g for _ in range(4*32*4)]))
        self.second_flags = uints(allocate(self.buffers, "I", even_flags(8*4*2*16)))
        self.before_flags = uints(allocate(self.buffers, "I", even_flags(16*32*2*8)))
        self.near_flags = uints(allocate(self.buffers, "I", near_flags()))
        self.span_flags = uints(allocate(self.buffers, "I", even_flags(1<<14)))
        self.symbols = shorts(allocate(self.buffers, "h", even_symbols(64)))
        self.counts = uchars(allocate(self.buffers, "B", 64))
        self.number_flags = uints(allocate(self.buffers, "I", even_flags(64)))
        self.sixteen = 16
        self.third_flags = uints(allocate(self.buffers, 'I', even_flags(1 << 14)))
        self.same_rows = self.history = self.change = self.calm = self.last = self.broken = 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def begin(self) -> cython.void:
        self.same_rows = 7
        self.calm = 0

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def begin_row(self) -> cython.void:
        self.change = self.broken = 0
        self.last = -1
        self.calm += self.calm < 4095

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_row(self, coder: cython.pointer(Coder), decoding: cython.bint, changed: cython.bint, same: cython.bint) -> cython.bint:
        same = code_flag(coder, decoding, self.flags, changed << 3 | self.same_rows, same)
        self.same_rows = (self.same_rows << 1 | same) & 7
        return same

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _find(self, cells: cython.p_uchar, x: cython.int, above: cython.Py_ssize_t, before_above: cython.Py_ssize_t) -> cython.int:
        ahead: cython.int = x + 2
        if self.change < ahead:
            self.change = ahead
            if ahead < self.width:
                self.change += equal_length(cells, above + ahead, before_above + ahead, self.width - ahead)
        return self.width - x if self.change >= self.width else self.change - 1 - x

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code(self, coder: cython.pointer(Coder), decoding: cython.bint, source: cython.p_uchar, cells: cython.p_uchar, x: cython.int,
             here: cython.Py_ssize_t, above: cython.Py_ssize_t, before: cython.Py_ssize_t, before_above: cython.Py_ssize_t, changed: cython.bint) -> cython.int:
        known: cython.bint = x < self.broken
        span: cython.int = 0
        whole: cython.bint = not known
        level: cython.int
        busy: cython.bint
        context: cython.int
        n: cython.int = 0
        least: cython.int = knob[5]
        if not known:
            span = self._find(cells, x, above, before_above)
            if knob[4] and changed:
                n = min(span, equal_length(cells, here + x, before + x, span))
                if n == 0 and span > 1:
                    n = 1
                    while n < span and cells[here + x + n] != cells[before + x + n]:
                        n += 1
                span = n
        if not decoding: n = equal2_length(source, x, cells, before + x, self.broken - x if known else span)
        while True:
            if not known:
                level = LEVEL[min(span, 4095)]
                busy = changed and equal_length(cells, here + x, before + x, span) < span
                context = level << 1 | whole
                context = context << 1 | busy
                if knob[6] == 0:
                    context = context << 2 | self.history
                    context = context << 3 | (7 if self.last < 0 else min(LEVEL[min(x - self.last, 4095)], 13) >> 1)
                elif knob[6] == 1:
                    context = context << 2 | self.history
                    context = context << 3 | LEVEL[self.calm] >> 1
                elif knob[6] == 2:
                    context = context << 4 | (15 if self.last < 0 else min(LEVEL[min(x - self.last, 4095)], 14))
                    context = context << 1 | (x + span == self.width)
                elif knob[6] == 3:
                    context = context << 4 | (15 if self.last < 0 else min(LEVEL[min(x - self.last, 4095)], 14))
                    context = context << 2 | self.history
                elif knob[6] == 4:
                    context = context << 3 | (7 if self.last < 0 else min(LEVEL[min(x - self.last, 4095)], 13) >> 1)
                    context = context << 3 | LEVEL[self.calm] >> 1
                if code_flag(coder, decoding, self.span_flags, context, n >= span):
                    self.history = (self.history << 1 | 1) & 3
                    copy_cells(cells, here + x, cells, before + x, span)
                    return span
                self.history = self.history << 1 & 3
                self.broken = x + span
                if span == 1:
                    return ~0
            known = whole = False
            span = self.broken - x
            if span <= least:
                if span > 1:
                    if least <= 16:
                        n = code_symbol(coder, decoding, self.symbols, self.counts, span - 1 + 16 * changed, n, self.sixteen)
                    else:
                        n = self._code_number(coder, decoding, LEVEL[min(span, 4095)], n)
                    if decoding:
                        n = min(n, span - 1)
                    copy_cells(cells, here + x, cells, before + x, n)
                else:
                    n = 0
                self.broken = 0
                return ~n
            span = (span + 1) >> 1

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
    def code_third(self, coder: cython.pointer(Coder), decoding: cython.bint, sure: cython.int, which: cython.int, is_p: cython.bint, moved: cython.int, long: cython.int, short: cython.int, right: cython.bint) -> cython.bint:
        context: cython.int = min(sure, 7) << 2 | which
        context = context << 4 | min(long, 3) << 2 | min(short, 3)
        context = context << 1 | is_p
        return code_flag(coder, decoding, self.third_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_first(self, coder: cython.pointer(Coder), decoding: cython.bint, sure: cython.int, sure2: cython.int, other: cython.bint,
        which: cython.int, barred: cython.bint, is_p: cython.bint, moved: cython.int, equal: cython.int, flat: cython.bint, agree: cython.int, right: cython.bint) -> cython.bint:
        state: cython.int = LONG_STATE[sure] + (1 if other else SHORT_STATE[sure2])
        context: cython.int
        context = (flat << 2 | barred << 1 | is_p) * 24 + state
        if knob[2] == 0:
            context = ((context << 2 | which) << 5 | equal & 31) << 2
            if knob[10]: context |= agree
        elif knob[2] == 1:
            context = ((context << 2 | which) << 4 | moved) << 3 | agree
        elif knob[2] == 3:
            context = ((context << 2 | which) << 3 | equal & 7) << 4 | agree
        elif knob[2] == 4:
            context = ((context << 2 | which) << 3 | equal >> 2 & 7) << 4 | agree
        elif knob[2] == 5:
            context = ((context << 2 | which) << 3 | (equal & 3 | (moved == 0) << 2)) << 4 | agree
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
    def code_before(self, coder: cython.pointer(Coder), decoding: cython.bint, moved: cython.int, like: cython.int, hinted: cython.bint, still: cython.bint, activity: cython.int, right: cython.bint) -> cython.bint:
        context: cython.int = ((moved << 5 | like) << 1 | hinted) << 3
        if knob[9] & 1: context |= still
        if knob[9] & 2: context |= activity >> 2 << 1
        return code_flag(coder, decoding, self.before_flags, context, right)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code_neighbour(self, coder: cython.pointer(Coder), decoding: cython.bint, w: cython.uint, n: cython.uint, ne: cython.uint,
        first: cython.uint, second: cython.uint, p: cython.uint, extra: cython.uint, context: cython.int, pixel: cython.uint) -> cython.uint:
        if w != first and w != second and w != p and w != extra:
            if code_flag(coder, decoding, self.near_flags, context, pixel == w):
                return w
        if n != w and n != first and n != second and n != p and n != extra:
            if code_flag(coder, decoding, self.near_flags, 512 + context, pixel == n):
                return n
        if ne != n and ne != w and ne != first and ne != second and ne != p and ne != extra:
            if code_flag(coder, decoding, self.near_flags, 1024 + context, pixel == ne):
                return ne
        return NO_COLOR
