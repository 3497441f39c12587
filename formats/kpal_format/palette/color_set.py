"""Sets of colours (KPAL.md, section 4.1): the colour cube is halved recursively, down to single colours.

Decoding any stream terminates: a cell never holds more colours than it has room for, so halving ends at single colours,
and a single colour ends with its last bit. Table indices are in bounds because they are computed only from levels below
32, classes of counts, and places below 12.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from ..mixing.range_coder import RangeCoder
    from ..mixing.tables import allocate, ints, limit, table

# Offsets into the table of contexts.
EMPTY = cython.declare(cython.int, 0)  # 8 classes of the number of colours, with 32 levels each
SIDE = cython.declare(cython.int, 256)  # one each for G and A, and 4 positions of the reference each for R and B
PLACE = cython.declare(cython.int, 266)  # one prediction each for G and A, three each for R and B; 12 places each
ALL_CONTEXTS = cython.declare(cython.int, 362)
DONE_SEARCHED = cython.declare(cython.int, 32)  # the nearest done colour is searched among this many latest ones

_SIGMOID = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
            3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094)  # fmt: skip


def _squashed(x: int) -> int:
    """4096 / (1 + exp(-x / 256)), rounded, for x in -2047..2047."""
    i, f = (x + 2048) >> 7, (x + 2048) & 127
    return (_SIGMOID[i] * (128 - f) + _SIGMOID[i + 1] * f + 64) >> 7


def _stretched() -> list:
    """For each p below 4096, the least x with _squashed(x) >= p, or 2047 if there is none."""
    stretch, x = [], -2047
    for p in range(4096):
        while x < 2047 and _squashed(x) < p:
            x += 1
        stretch.append(x)
    return stretch


SQUASH = ints(table("i", [_squashed(max(i - 2048, -2047)) for i in range(4096)]))  # indexed by x + 2048
STRETCH = ints(table("i", _stretched()))


@cython.final
@cython.cclass
class ColorSet:
    """Encodes or decodes one set of colours.

    channels: 3 or 4. data: the stream to decode, or None to encode.
    """

    coder: RangeCoder
    channels: cython.int
    count: cython.int  # number of done colours, 0 to 256
    done: cython.p_int  # the done colours, four channels each, 0 to 255
    given: cython.p_int  # the colours to encode
    probability: cython.p_int  # p of each context, the probability of a 1 in 1/65536
    seen: cython.p_int  # n of each context, 1 to 30: the lower, the faster the context learns
    weight: cython.p_int  # three weights each for the mixers of R and B, -131072 to 131072
    stack: cython.p_int  # pending cells: number of colours, level, and lower bound of each channel
    buffers: list

    def __init__(self, channels: int, data: bytes | None) -> None:
        self.coder = RangeCoder(data, 2048)
        self.channels, self.count = channels, 0
        self.buffers = []
        self.done = ints(allocate(self.buffers, "i", 1024))
        self.given = ints(allocate(self.buffers, "i", 1024))
        self.probability = ints(allocate(self.buffers, "i", ALL_CONTEXTS))
        self.seen = ints(allocate(self.buffers, "i", ALL_CONTEXTS))
        self.weight = ints(allocate(self.buffers, "i", 6))
        self.stack = ints(allocate(self.buffers, "i", 6 * 40))
        i: cython.int
        for i in range(ALL_CONTEXTS):
            self.probability[i], self.seen[i] = 32768, 1
        for i in range(SIDE):
            self.probability[i] = 39321 if i < 32 else 458752 // (5 * (i // 32 + 2) - 4)
        for i in (3, 7):
            self.probability[SIDE + i], self.probability[SIDE + i + 1] = 13107, 52428
        for i in range(ALL_CONTEXTS - PLACE):
            self.probability[PLACE + i] = SQUASH[2048 + (2 * (i % 12) - 11) * 24] << 4
            self.seen[PLACE + i] = 2
        for i in range(6):
            self.weight[i] = 19661

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _bit(self, p: cython.int, bit: cython.int) -> cython.int:
        """Codes a bit whose probability of being 1 is p / 65536."""
        bound: cython.ulonglong = (self.coder.range >> 16) * p
        if self.coder.decoding:
            bit = self.coder.low < bound
        if bit:
            self.coder.narrow(0, bound)
        else:
            self.coder.narrow(bound, self.coder.range - bound)
        return bit

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _learn(self, context: cython.int, bit: cython.int) -> cython.void:
        """Moves the probability of a context towards a bit, in steps that decrease as the context is used."""
        n: cython.int = self.seen[context]
        step: cython.longlong = (bit << 16) - self.probability[context]
        self.probability[context] += (step * (131072 // (2 * n + 3))) >> 16
        if n < 30:
            self.seen[context] = n + 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _adaptive(self, context: cython.int, bit: cython.int) -> cython.int:
        """Codes a bit with the probability of one context, and updates the context."""
        bit = self._bit(min(max(self.probability[context], 16), 65520), bit)
        self._learn(context, bit)
        return bit

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _by_mixer(
        self, c0: cython.int, c1: cython.int, c2: cython.int, first: cython.int, bit: cython.int
    ) -> cython.int:
        """Codes a bit with the mixed probability of three contexts; their weights begin at index `first`."""
        weight: cython.p_int = self.weight
        context = cython.declare(cython.int[3])
        stretch = cython.declare(cython.int[3])
        context[0], context[1], context[2] = c0, c1, c2
        i: cython.int
        score: cython.int = 0
        for i in range(3):
            stretch[i] = STRETCH[self.probability[context[i]] >> 4]
            score += weight[first + i] * stretch[i]
        p: cython.int = SQUASH[limit(score >> 16, 2047) + 2048]
        bit = self._bit(p << 4, bit)
        for i in range(3):
            weight[first + i] = limit(weight[first + i] + ((stretch[i] * ((bit << 12) - p)) >> 8), 131072)
        for i in range(3):
            self._learn(context[i], bit)
        return bit

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _uniform(self, least: cython.int, most: cython.int, value: cython.int) -> cython.int:
        """Codes a number from `least` to `most`, with a uniform distribution."""
        middle: cython.int
        while least < most:
            middle = (least + most + 1) >> 1
            if self._bit(65536 * (most + 1 - middle) // (most + 1 - least), value >= middle):
                least = middle
            else:
                most = middle - 1
        return least

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _nearest(self, low: cython.p_int, bits: cython.p_int) -> cython.int:
        """The index in `done` of the colour nearest to the cell, the last one of equals; searches the latest ones."""
        done: cython.p_int = self.done
        middle = cython.declare(cython.int[4])  # of the cell, doubled
        size = cython.declare(cython.int[4])
        best: cython.int = 0x7FFFFFFF
        near: cython.int = 0
        distance: cython.int
        d: cython.int
        i: cython.int
        c: cython.int
        for c in range(4):
            size[c] = 1 << bits[c] if bits[c] >= 0 else 1024  # where nothing is beyond
            middle[c] = 2 * low[c] + size[c] - 1
        for i in range(max(self.count - DONE_SEARCHED, 0), self.count):
            distance = 0
            for c in range(4):
                d = max(abs(2 * done[4 * i + c] - middle[c]) - size[c], 0)
                distance += d * d
            if distance <= best:
                best = distance
                near = 4 * i
        return near

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _point(self, low: cython.p_int, bits: cython.p_int, axes: cython.int, given: cython.int) -> cython.void:
        """Codes the unknown bits of the only colour in a cell, in the order A, G, R, B."""
        done: cython.p_int = self.done
        step: cython.int
        c: cython.int
        b: cython.int
        u: cython.int
        bit: cython.int
        near: cython.int
        p0: cython.int
        p1: cython.int
        p2: cython.int
        at: cython.int
        f: cython.int
        if axes == 3:
            bits[3] = -1  # A is not an axis
        for step in range(4):
            c = 3 if step == 0 else 1 if step == 1 else 0 if step == 2 else 2
            if bits[c] < 0:
                continue
            near = self._nearest(low, bits)
            p0 = done[near + c]
            p1 = p2 = 0
            if c == 0:
                p1 = low[1]
                p2 = low[1] + p0 - done[near + 1]
            elif c == 2:
                p0 = low[1] + done[near + 2] - done[near + 1]
                p1 = low[0]
                p2 = (low[0] + low[1] - done[near] - done[near + 1] + 2 * done[near + 2]) >> 1
            for b in range(bits[c] - 1, -1, -1):
                bit = self.given[4 * given + c] >> b & 1
                u = b + 1
                at = low[c]
                if self.count == 0:
                    bit = self._bit(32768, bit)
                elif c & 1:
                    bit = self._adaptive(PLACE + 12 * (c >> 1) + _place(p0, at, u), bit)
                else:
                    f = PLACE + 12 * (2 + 3 * (c >> 1))
                    bit = self._by_mixer(
                        f + _place(p0, at, u), f + 12 + _place(p1, at, u), f + 24 + _place(p2, at, u), 3 * (c >> 1), bit
                    )
                low[c] += bit << b
            bits[c] = 0
        for c in range(4):
            done[4 * self.count + c] = low[c]
        self.count += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _cells(self, n: cython.int, axes: cython.int) -> cython.void:
        """Codes n colours in Morton order: S(n, axes) of KPAL.md."""
        stack: cython.p_int = self.stack
        low = cython.declare(cython.int[4])
        bits = cython.declare(cython.int[4])
        depth: cython.int = 0
        level: cython.int
        c: cython.int
        i: cython.int
        b: cython.int
        m: cython.int
        half: cython.longlong
        lower: cython.int
        at: cython.int
        d: cython.int
        if n > 0:
            depth = 1
            stack[0] = n
            stack[1] = stack[2] = stack[3] = stack[4] = 0
            stack[5] = 255 if axes == 3 else 0
        while depth:
            depth -= 1
            at = 6 * depth
            n = stack[at]
            level = stack[at + 1]
            for i in range(4):
                low[i] = stack[at + 2 + i]
            bits[3] = 0
            for i in range(axes):
                c = 1 if i == 0 else 0 if i == 1 else i
                bits[c] = 8 - (level + axes - 1 - i) // axes
            if n == 1:
                self._point(low, bits, axes, self.count)
                continue
            i = level % axes
            c = 1 if i == 0 else 0 if i == 1 else i
            b = bits[c] - 1
            half = 1
            half <<= 8 * axes - level - 1
            lower = 0
            if not self.coder.decoding:
                for i in range(self.count, self.count + n):
                    lower += 1 - (self.given[4 * i + c] >> b & 1)
            m = n if n < 8 else 8 if n < 16 else 9
            if n <= half and self._adaptive(EMPTY + (m - 2) * 32 + level, lower == 0 or lower == n):
                d = c >> 1
                if c & 1 == 0:
                    d = (low[1 if c == 0 else 0] >> b) - (low[c] >> b)
                    d = (3 if c == 0 else 7) + min(max(d, -1), 2)
                stack[at + 1] = level + 1
                stack[at + 2 + c] += self._adaptive(SIDE + d, lower == 0) << b
                depth += 1
            else:
                i = n - 1 if n - 1 < half else cython.cast(cython.int, half)
                m = n - half if n > half else 1
                lower = self._uniform(max(m, 1), i, lower)
                for i in range(6):
                    stack[at + 6 + i] = stack[at + i]
                stack[at] = n - lower
                stack[at + 1] = stack[at + 7] = level + 1
                stack[at + 2 + c] += 1 << b
                stack[at + 6] = lower
                depth += 2

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _all(self, k: cython.int, opaque: cython.int, clear: cython.int) -> cython.void:
        """Codes k colours: the opaque ones, then (0, 0, 0, 0) if it is in the set, then the others."""
        if self.channels == 3:
            self._cells(k, 3)
            return
        opaque = self._uniform(0, k, opaque)
        self._cells(opaque, 3)
        if opaque < k and self._bit(57344, clear):
            self.count += 1  # the buffer already holds zeros
            opaque += 1
        self._cells(k - opaque, 4)

    def encode(self, colors: list) -> bytes:
        """Encodes distinct colours (r, g, b, a): first the opaque ones, then the others, each in Morton order."""
        i: cython.int
        c: cython.int
        for i in range(len(colors)):
            for c in range(4):
                self.given[4 * i + c] = colors[i][c]
        opaque = sum(color[3] == 255 for color in colors)
        self._all(len(colors), opaque, (0, 0, 0, 0) in colors)
        return self.coder.finish()

    def decode(self, k: int) -> list:
        """Decodes k colours (r, g, b, a) in stream order; the caller must check that they are distinct."""
        self._all(k, 0, 0)
        flat = list(self.buffers[0])
        return [tuple(flat[4 * i : 4 * i + 4]) for i in range(k)]

    def read_whole(self) -> bool:
        """Whether the whole stream has been read."""
        return self.coder.size <= self.coder.at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _place(predicted: cython.int, low: cython.int, bits: cython.int) -> cython.int:
    """The position of a prediction relative to the cell low .. low + 2^bits - 1: 0 is far below, 11 far above."""
    width: cython.int = 1 << bits
    d: cython.int = 2 * (predicted - low) + 1 - width
    a: cython.int = abs(d)
    r: cython.int = (4 * a >= width) + (2 * a >= width) + (4 * a >= 3 * width) + (a > width) + (a > 2 * width)
    return 5 - r if d < 0 else 6 + r
