"""Colours in the order in which they are coded (KPAL.md, section 5.2.3).

A rank is the place of a colour in a binary tree that halves the palette along its widest axis: ranks with a common
high nibble are alike in colour.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .tables import allocate, shorts, uchars, uninitialised, ushorts

CELLS = cython.declare(cython.int, 1 << 15)  # of the colour cube


@cython.final
@cython.cclass
class Ranks:
    """The palette of a tile.

    colors: uint8 (k, 4) RGBA, flat bytes, k from 2 to 256.
    opaque: whether alpha is 255 throughout.
    """

    k: cython.int
    channels: cython.int  # 3, or 4 if some alpha is not 255
    order: cython.p_uchar  # the index of each rank's colour
    rank: cython.p_uchar  # the rank of each index
    color: cython.p_short  # four premultiplied channels of each rank, 0 to 255
    distance: cython.p_ushort  # [256 * a + b] is that of ranks a and b, the sum of absolute differences: 0 to 1020
    by_green: cython.p_uchar  # the ranks by ascending green
    least_green: cython.p_short  # [g] is where those of green g or more begin in `by_green`; 257 numbers
    at_cell: cython.p_short  # for each cell of the colour cube (`Prediction._snap`) its rank; -1 until it is needed
    buffers: list

    def __init__(self, colors: bytes, opaque: bool) -> None:
        k = len(colors) // 4
        self.k, self.channels = k, 3 if opaque else 4
        self.buffers = []
        self.order = uchars(allocate(self.buffers, "B", 256))
        self.rank = uchars(allocate(self.buffers, "B", 256))
        self.color = shorts(allocate(self.buffers, "h", 1024))
        self.distance = ushorts(uninitialised(self.buffers, "H", 256 * k))
        self.by_green = uchars(allocate(self.buffers, "B", 256))
        self.least_green = shorts(allocate(self.buffers, "h", 257))
        self.at_cell = shorts(uninitialised(self.buffers, "h", CELLS))
        i: cython.int
        c: cython.int
        alpha: cython.int
        for i in range(k):
            alpha = colors[4 * i + 3]
            self.color[4 * i + 3] = alpha
            for c in range(3):
                self.color[4 * i + c] = (colors[4 * i + c] * alpha + 127) // 255
            self.order[i] = i
        self._sort(0, k)
        self._rank()
        self._sort_by_green()

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _sort(self, start: cython.int, n: cython.int) -> cython.void:
        """Puts colours start to start + n into the order of the tree."""
        color: cython.p_short = self.color
        order: cython.p_uchar = self.order
        axis: cython.int = 0
        c: cython.int
        i: cython.int
        j: cython.int
        value: cython.longlong
        total: cython.longlong
        squares: cython.longlong
        widest: cython.longlong = -1
        for c in range(4):
            total = squares = 0
            for i in range(start, start + n):
                value = color[4 * order[i] + c]
                total += value
                squares += value * value
            value = (n * squares - total * total) * (4 if c & 1 else 2 if c else 3)
            if value > widest:
                widest = value
                axis = c
        mine: cython.int
        for i in range(start + 1, start + n):
            mine = order[i]
            j = i
            while j > start and color[4 * order[j - 1] + axis] > color[4 * mine + axis]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = mine
        half: cython.int = 1
        while 2 * half < n:
            half *= 2
        if n > 2:
            self._sort(start, half)
            self._sort(start + half, n - half)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _rank(self) -> cython.void:
        """Puts `color` into the order of ranks and measures distances."""
        color: cython.p_short = self.color
        by_index = cython.declare(cython.int[1024])
        plane = cython.declare(cython.short[1024])  # a channel at a time
        i: cython.int
        j: cython.int
        c: cython.int
        total: cython.int
        for i in range(4 * self.k):
            by_index[i] = color[i]
        for i in range(self.k):
            self.rank[self.order[i]] = i
            for c in range(4):
                color[4 * i + c] = by_index[4 * self.order[i] + c]
        for c in range(4):
            for i in range(self.k):
                plane[256 * c + i] = color[4 * i + c]
        for i in range(self.k):
            for j in range(self.k):
                total = abs(plane[j] - plane[i]) + abs(plane[256 + j] - plane[256 + i])
                total += abs(plane[512 + j] - plane[512 + i]) + abs(plane[768 + j] - plane[768 + i])
                self.distance[256 * i + j] = total

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _sort_by_green(self) -> cython.void:
        i: cython.int
        green: cython.int
        for i in range(self.k):
            self.least_green[self.color[4 * i + 1] + 1] += 1
        for i in range(256):
            self.least_green[i + 1] += self.least_green[i]
        for i in range(self.k):  # moves each `least_green` to the next one
            green = self.color[4 * i + 1]
            self.by_green[self.least_green[green]] = i
            self.least_green[green] += 1
        for i in range(256, 0, -1):
            self.least_green[i] = self.least_green[i - 1]
        self.least_green[0] = 0
        for i in range(CELLS):
            self.at_cell[i] = -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def nearest(self, red: cython.int, green: cython.int, blue: cython.int, alpha: cython.int) -> cython.int:
        """The rank whose colour has the least weighted squared distance to this one, of equal ones the lowest."""
        color: cython.p_short = self.color
        least: cython.int = 0x7FFFFFFF
        nearest: cython.int = 0
        far: cython.int
        way: cython.int
        at: cython.int
        i: cython.int
        for way in range(-1, 2, 2):  # to less green, then to more, up to where green alone is too far
            at = self.least_green[green] - (way < 0)
            while 0 <= at < self.k:
                i = self.by_green[at]
                at += way
                far = 4 * (color[4 * i + 1] - green) * (color[4 * i + 1] - green)
                if far > least:
                    break
                far += 3 * (color[4 * i] - red) * (color[4 * i] - red)
                far += 2 * (color[4 * i + 2] - blue) * (color[4 * i + 2] - blue)
                far += 4 * (color[4 * i + 3] - alpha) * (color[4 * i + 3] - alpha)
                if far < least or (far == least and i < nearest):
                    least = far
                    nearest = i
        return nearest
