"""Choosing what to write by what it costs: the rate-distortion choice of an encoder. A decoder needs nothing of it.

Each pixel gets the rank with the least error + price x bits, by the probabilities of the model. Errors are squared
distances of points with whole coordinates from 0 to 2040, and are diffused to the pixels that come (R. W. Floyd and L.
Steinberg, "An adaptive algorithm for spatial greyscale", Proc. SID 17, 1976).
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .tables import allocate, ints, log, uchars, ushorts
    from .tile import TELL_EVERY, Tile

COORDINATE = cython.declare(cython.int, 2040)  # the highest
MOST_BITS = cython.declare(cython.int, 10)  # a choice may add the price of this many bits to the error
FIRST_BITS = cython.declare(cython.int, 4 << 10)  # the first mean_spent, in 1/1024 of a bit
FARTHEST = cython.declare(cython.longlong, 1 << 40)  # more than any squared distance


@cython.final
@cython.cclass
class ChoosingTile(Tile):
    """An encoder that is told what pixels are to look like.

    Opaque colours stay opaque, and clear ones clear. The first six fields are those of `Wishes` (coders/mix.py).
    """

    positions: cython.p_int  # the number of the point that each pixel wants to be
    points: cython.p_int  # four coordinates each, 0 to 2040
    labels: cython.p_uchar  # the index of the colour nearest to each point
    busy: cython.p_ushort  # the class of each pixel
    prices: cython.p_int  # the squared distance that a bit is worth in each class, 0 to 2**20
    shares: cython.p_uchar  # how much the pixels of each class take of diffused errors, of 256
    centers: cython.p_int  # the four coordinates of each rank
    by_distance: cython.p_uchar  # for each rank all ranks, the nearest first
    separation: cython.p_int  # the squared distances of those ranks
    diffused: cython.p_int  # two rows of pixels, four numbers each: the errors diffused from above, in 1/16
    error: cython.p_int  # that of the pixel to the left, four numbers
    row: cython.int  # where the row at hand begins in `positions` and `busy`
    diffused_row: cython.int  # where it begins in `diffused`
    diffused_below: cython.int  # where the row below begins in `diffused`
    # the pixel at hand
    target: cython.p_int  # the coordinates that it wants, with its share of diffused errors
    least: cython.int  # the squared distance of the nearest rank from the target
    price: cython.int  # that of its class
    options: cython.int  # number of ranks that come into question, 1 to k
    option: cython.p_uchar  # those ranks, the nearest first
    excess: cython.p_int  # how much farther than the nearest each is, squared distances
    spent: cython.int  # bits that its rank has taken so far, in 1/1024
    mean_spent: cython.int  # bits that ranks take on average, in 1/1024

    def choose(
        self,
        indices: memoryview,
        positions: memoryview,
        points: memoryview,
        labels: memoryview,
        busy: memoryview,
        prices: memoryview,
        shares: memoryview,
        centers: memoryview,
        near: memoryview,
        *,
        tell: object = None,
    ) -> None:
        """Fills `indices`, flat writable bytes, with colours that are near the wanted points and cheap to code.

        The other buffers are the fields of `Wishes`, flat and writable, and within its bounds.
        """
        chosen: cython.uchar[::1] = indices
        y: cython.int
        x: cython.int
        i: cython.int
        start: cython.int
        length: cython.int = 4 * (self.width + 2)
        self.positions, self.points, self.labels = ints(positions), ints(points), uchars(labels)
        self.busy, self.prices, self.shares = ushorts(busy), ints(prices), uchars(shares)
        self._measure(centers, near)
        self.choosing = True
        self.spent, self.mean_spent = 0, FIRST_BITS
        self._listen(tell)
        for y in range(self.rows):
            self._reserve_row()
            with cython.nogil:
                self.row = y * self.width
                self.diffused_row, self.diffused_below = length * (y & 1) + 4, length * (1 - (y & 1)) + 4
                for i in range(length):
                    self.diffused[self.diffused_below - 4 + i] = 0
                for i in range(4):
                    self.error[i] = 0
                self._code_row(y)
                start = self.near.row(y)
                for x in range(self.width):
                    chosen[self.row + x] = self.ranks.order[self.near.cells[start + x]]
        self._tell_rest()

    @cython.cfunc
    def _measure(self, centers: cython.const[cython.int][::1], near: cython.const[cython.uchar][::1]) -> object:
        """Puts centers and their neighbours into the order of ranks, and measures distances."""
        k: cython.int = self.ranks.k
        rank: cython.int
        i: cython.int
        c: cython.int
        buffers = self.ranks.buffers
        self.centers = ints(allocate(buffers, "i", 4 * k))
        self.by_distance = uchars(allocate(buffers, "B", k * k))
        self.separation = ints(allocate(buffers, "i", k * k))
        self.diffused = ints(allocate(buffers, "i", 8 * (self.width + 2)))
        self.target, self.error = ints(allocate(buffers, "i", 4)), ints(allocate(buffers, "i", 4))
        self.option, self.excess = uchars(allocate(buffers, "B", k)), ints(allocate(buffers, "i", k))
        for rank in range(k):
            for c in range(4):
                self.centers[4 * rank + c] = centers[4 * self.ranks.order[rank] + c]
        for rank in range(k):
            for c in range(4):
                self.target[c] = self.centers[4 * rank + c]
            for i in range(k):
                self.by_distance[rank * k + i] = self.ranks.rank[near[k * self.ranks.order[rank] + i]]
                self.separation[rank * k + i] = self._distance(self.by_distance[rank * k + i])
        return None

    # Distances.

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _distance(self, rank: cython.int) -> cython.int:
        """The squared distance of a rank from the target."""
        total: cython.int = 0
        difference: cython.int
        c: cython.int
        for c in range(4):
            difference = self.target[c] - self.centers[4 * rank + c]
            total += difference * difference
        return total

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _replaces(self, rank: cython.int, other: cython.int) -> cython.bint:
        """Whether a colour may stand for another: an opaque one for opaque ones, a clear one for clear ones."""
        a: cython.int = self.ranks.color[4 * rank + 3]
        b: cython.int = self.ranks.color[4 * other + 3]
        return a == b or (0 < a < 255 and 0 < b < 255)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _load_target(self, x: cython.int) -> cython.int:
        """Sets the target of the pixel in column x, with its share of diffused errors; returns the nearest rank."""
        k: cython.int = self.ranks.k
        point: cython.int = self.positions[self.row + x]
        kind: cython.int = self.busy[self.row + x]
        share: cython.int = self.shares[kind]
        at: cython.int = self.diffused_row + 4 * x
        start: cython.int = self.ranks.rank[self.labels[point]]
        nearest: cython.int = start
        farthest: cython.int
        rank: cython.int
        value: cython.int
        i: cython.int
        for i in range(4):
            value = ((self.diffused[at + i] + 7 * self.error[i]) * share + 2048) >> 12
            self.target[i] = min(max(self.points[4 * point + i] + value, 0), COORDINATE)
        self.price = self.prices[kind]
        self.least = self._distance(start)
        farthest = 4 * self.least  # by the triangle inequality: twice as far from `start` as that is from the target
        for i in range(start * k + 1, (start + 1) * k):
            if self.separation[i] > farthest:
                break
            rank = self.by_distance[i]
            value = self._distance(rank)
            if value > self.least or (value == self.least and self.ranks.order[rank] > self.ranks.order[nearest]):
                continue
            if self._replaces(rank, start):
                self.least = value
                nearest = rank
        return nearest

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _diffuse(self, x: cython.int, rank: cython.int, below: cython.bint) -> cython.void:
        """Diffuses a pixel's error to the right and, if the pixel is settled, below."""
        at: cython.int = self.diffused_below + 4 * x
        error: cython.int
        c: cython.int
        for c in range(4):
            error = self.target[c] - self.centers[4 * rank + c]
            self.error[c] = error
            if below:
                self.diffused[at - 4 + c] += 3 * error
                self.diffused[at + c] += 5 * error
                self.diffused[at + 4 + c] += error

    # Choices, called by `Tile` in this order.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _pays(self, extra: cython.longlong, bits: cython.int) -> cython.bint:
        """Whether yes is the better answer to a flag: it adds `extra` to the error and takes `bits` more than no.

        A no costs a rank besides. A yes also makes the pixels that come likelier to equal their neighbours, which is
        worth another rank, as measured.
        """
        return 1024 * extra + cython.cast(cython.longlong, self.price) * (bits - 2 * self.mean_spent) <= 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _choose_span(self, x: cython.int, span: cython.int) -> cython.int:
        """Whether a yes pays for each pixel of a span, with the errors that the pixels before it would leave."""
        before = cython.declare(cython.int[4])
        w: cython.int = self.near.w
        nearest: cython.int
        c: cython.int
        i: cython.int
        so: cython.bint = True
        for c in range(4):
            before[c] = self.error[c]
        for i in range(x, x + span):
            nearest = self._load_target(i)
            so = self._replaces(w, nearest) and self._pays(self._distance(w) - self.least, 0)
            if not so:
                break
            self._diffuse(i, w, False)
            if (i - x) % TELL_EVERY == TELL_EVERY - 1:
                self._tell()  # these pixels are not done, but the caller may want to end the work
        for c in range(4):
            self.error[c] = before[c]
        return so

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _end_chosen_span(self, x: cython.int, count: cython.int) -> cython.void:
        i: cython.int
        for i in range(x, x + count):
            self._load_target(i)
            self._diffuse(i, self.near.w, True)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _begin_choice(self, x: cython.int) -> cython.void:
        """Finds the options of a pixel."""
        k: cython.int = self.ranks.k
        nearest: cython.int = self._load_target(x)
        allowed: cython.int = MOST_BITS * self.price
        farthest: cython.int = 4 * self.least + 2 * allowed  # as (a + b)^2 <= 2 (a^2 + b^2)
        rank: cython.int
        excess: cython.int
        i: cython.int
        self.option[0] = nearest
        self.excess[0] = 0
        self.options = 1
        for i in range(nearest * k + 1, (nearest + 1) * k):
            if self.separation[i] > farthest:
                break
            rank = self.by_distance[i]
            excess = self._distance(rank) - self.least
            if excess <= allowed and self._replaces(rank, nearest):
                self.option[self.options] = rank
                self.excess[self.options] = excess
                self.options += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _choose_flag(self, candidate: cython.int) -> cython.bint:
        """Whether a pixel is to be the candidate rather than the best of the other options."""
        mine: cython.longlong = FARTHEST
        other: cython.longlong = FARTHEST
        i: cython.int
        for i in range(self.options):
            if self.option[i] == candidate:
                mine = self.excess[i]
            elif self.excess[i] < other:
                other = self.excess[i]
        return self._pays(mine - other, log(self.flags.flag.no) - log(self.flags.flag.yes))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _choose_nibble(self, high: cython.int, excluded: cython.int, prior: cython.int) -> cython.int:
        """The nibble with the least cost: its error, its bits, and for a high one the bits expected below it.

        A neighbour's colour is preferred for what it saves later: a quarter of a rank, as measured.

        high: the high nibble above a low one; -1 for a high nibble.
        """
        whole: cython.int = log(self.mixer.total)
        least: cython.longlong = 0x7FFFFFFFFFFFFFFF
        cost: cython.longlong
        bits: cython.int
        best_bits: cython.int = 0
        rank: cython.int
        nibble: cython.int
        best: cython.int = 0
        i: cython.int
        for i in range(self.options):
            rank = self.option[i]
            if rank == excluded or (high >= 0 and rank >> 4 != high):
                continue
            nibble = rank & 15 if high >= 0 else rank >> 4
            bits = whole - log(self.mixer.frequency[nibble])
            cost = bits if high >= 0 else bits - self.prior.logs[self.prior.below(prior, rank >> 4) + (rank & 15)]
            if rank == self.near.w or rank == self.near.n:
                cost -= self.mean_spent >> 2
            cost = cost * self.price + cython.cast(cython.longlong, self.excess[i]) * 1024
            if cost < least:
                least = cost
                best = nibble
                best_bits = bits
        self.spent += best_bits
        if high >= 0:
            self.mean_spent += (self.spent - self.mean_spent) >> 6
            self.spent = 0
        return best

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _end_choice(self, x: cython.int, rank: cython.int) -> cython.void:
        self._diffuse(x, rank, True)
