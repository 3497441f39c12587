"""The mixer (KPAL.md, section 5.2.8): the predictions of all contexts become one probability for each symbol.

Logistic mixing as in M. Mahoney's PAQ, of alphabets of 16 instead of bits: logarithms of probabilities are summed up
with weights, biases and hits are added, and EXP makes frequencies of the scores. After the symbol, weights move along
the gradient of its code length.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython
if not cython.compiled:
    from .frames import Frames
    from .match_model import MatchModel
    from .neighbourhood import Neighbourhood
    from .prediction import Prediction
    from .range_coder import RangeCoder
    from .slots import LATER_CONTEXTS, MIX_CONTEXTS, Slots
    from .tables import (
        BIAS_COUNTS,
        BIAS_RATE,
        COUNTS,
        EXP,
        LEARNT_LIMIT,
        LOG,
        MOST_WEIGHT,
        ONLY,
        allocate,
        ints,
        limit,
        shorts,
        tail,
        uints,
        ushorts,
    )
    from .vectors import (
        add_biases,
        add_hit,
        add_weighted,
        add_weights,
        below_best,
        dot,
        prediction_error,
        set_biases,
        update_bias,
        update_weights,
    )

BIASES = cython.declare(cython.int, 8)  # tables of biases, of `max`
MIX_BIASES = cython.declare(cython.int, 6)  # the first of them, of `mix`
BIAS_ROWS = cython.declare(cython.int, 768)  # 256 for first nibbles, 2 * 256 for low ones
FIRST_BIAS = cython.declare(cython.short, 500)  # of the symbol that a neighbour has
FIRST_LOW_BIAS = cython.declare(cython.short, 1000)  # and of its low nibble, if it has the high one that came
HITS = cython.declare(cython.int, 5)
REFERENCE_HITS = cython.declare(cython.int, 2)  # further ones of frames after the first
CONTEXT_LIMIT = cython.declare(cython.int, 24000)  # each of the four weights of a context stays within ±1.46


@cython.final
@cython.cclass
class Biases:
    """What each symbol gains or loses by single neighbours, whatever the contexts say.

    They see farther than the contexts and cost a fraction of one: no hash, no search, no weight to learn.

    count: how many are used, 6 for `mix`, 8 for `max`.
    ease: how fast they learn in the end, in 1/32 of what BIAS_RATE says: the more biases and contexts, the more slowly.
    """

    near: Neighbourhood
    prediction: Prediction
    count: cython.int
    ease: cython.int
    share: cython.int  # how fast they learn now, in 1/32: a third of `ease` at first
    rank: cython.p_int  # the eight ranks that biases go by: W, N, p5 or P, NEE, NE, NW; for `max` NN, NNE
    bias: cython.p_short  # a table of 768 rows of 16 symbols for each of them, -10000 to 10000
    used: cython.p_ushort  # how often each row was used, 0 to 255
    row: cython.p_int  # the row of the nibble at hand in each table, 0 to 8 * 768 - 1
    buffers: list

    def __init__(self, near: Neighbourhood, prediction: Prediction, count: int, ease: int) -> None:
        self.near, self.prediction, self.count, self.ease = near, prediction, count, ease
        self.hasten(0)
        self.buffers = []
        self.rank = ints(allocate(self.buffers, "i", BIASES))
        self.bias = shorts(allocate(self.buffers, "h", BIASES * BIAS_ROWS * 16))
        self.used = ushorts(allocate(self.buffers, "H", BIASES * BIAS_ROWS))
        self.row = ints(allocate(self.buffers, "i", BIASES))
        self._start(4 if prediction.ranks.k > 16 else 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _start(self, shift: cython.int) -> cython.void:
        """A pixel is likely to be like each neighbour. `shift`: which bits of a rank its first nibble is."""
        c: cython.int
        rank: cython.int
        for c in range(self.count):
            for rank in range(16 << shift):
                self.bias[16 * (BIAS_ROWS * c + rank) + (rank >> shift)] = FIRST_BIAS
                self.bias[16 * (BIAS_ROWS * c + 256 + rank) + (rank & 15)] = FIRST_LOW_BIAS

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def hasten(self, nibbles: cython.int) -> cython.void:
        """After that many times 64 nibbles, biases learn faster: so many of them at once harm small images."""
        self.share = self.ease * (nibbles + 5) // (nibbles + 16)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def select_first(self) -> cython.void:
        """The rows of a rank's first nibble."""
        c: cython.Py_ssize_t
        self.rank[0], self.rank[1], self.rank[2] = self.near.w, self.near.n, self.prediction.center
        self.rank[3], self.rank[4], self.rank[5] = self.near.nee, self.near.ne, self.near.nw
        self.rank[6], self.rank[7] = self.near.nn, self.near.nne
        for c in range(self.count):
            self.row[c] = BIAS_ROWS * c + self.rank[c]

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def select_low(self, high: cython.int) -> cython.void:
        """The rows of the low nibble below `high`: one of each rank with that high nibble, else one of both nibbles."""
        c: cython.Py_ssize_t
        rank: cython.int
        for c in range(self.count):
            rank = self.rank[c]
            self.row[c] = BIAS_ROWS * c + 256 + (rank if rank >> 4 == high else 256 + (rank & 240 | high))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def add(self, score: cython.p_short) -> cython.void:
        bias: cython.p_short = self.bias
        row: cython.p_int = self.row
        set_biases(
            score,
            tail(bias, 16 * row[0]),
            tail(bias, 16 * row[1]),
            tail(bias, 16 * row[2]),
            tail(bias, 16 * row[3]),
            tail(bias, 16 * row[4]),
            tail(bias, 16 * row[5]),
        )
        if self.count > MIX_BIASES:
            add_biases(score, tail(bias, 16 * row[6]), tail(bias, 16 * row[7]))

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def update(self, error: cython.p_short, pace: cython.int) -> cython.void:
        c: cython.Py_ssize_t
        row: cython.int
        n: cython.int
        pace = (pace * self.share) >> 5
        for c in range(self.count):
            row = self.row[c]
            n = self.used[row]
            update_bias(tail(self.bias, 16 * row), error, (pace * BIAS_RATE[n]) >> 9)
            self.used[row] = min(n + 1, BIAS_COUNTS - 1)


@cython.final
@cython.cclass
class Hits:
    """Single symbols that are inputs of their own: those of matches and neighbours.

    count: how many are used, 1 for `mix`, 5 for `max`; the last two in frames after the first are P and PP.
    """

    near: Neighbourhood
    match: MatchModel
    prediction: Prediction
    frames: Frames
    count: cython.int
    rank: cython.p_int  # the rank of each hit, or -1
    symbol: cython.p_int  # the nibble of each hit; 16 for none
    context: cython.p_int  # where the probability of each hit stands
    stretch: cython.p_int  # log(p / (1 - p)) of each probability p, in 1/1024 of a bit
    probability: cython.p_ushort  # of a right hit, in 1/65536, 63 to 65472: 7 tables of 512 contexts, for each nibble
    by_activity: cython.p_int  # weights, -2**20 to 2**20: 32 sets of 8
    by_texture: cython.p_int  # weights: 1024 sets of 8
    buffers: list

    def __init__(
        self, near: Neighbourhood, match: MatchModel, prediction: Prediction, frames: Frames, count: int
    ) -> None:
        self.near, self.match, self.prediction, self.frames, self.count = near, match, prediction, frames, count
        self.buffers = []
        self.rank = ints(allocate(self.buffers, "i", 8))
        self.symbol = ints(allocate(self.buffers, "i", 8))
        self.context = ints(allocate(self.buffers, "i", 8))
        self.stretch = ints(allocate(self.buffers, "i", 8))
        self.probability = ushorts(allocate(self.buffers, "H", (HITS + REFERENCE_HITS) * 1024))
        self.by_activity = ints(allocate(self.buffers, "i", 32 * 8))
        self.by_texture = ints(allocate(self.buffers, "i", 1024 * 8))
        i: cython.int
        for i in range((HITS + REFERENCE_HITS) * 1024):
            self.probability[i] = 49152
        for i in range(32 * 8):
            self.by_activity[i] = 19661

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def begin_rank(self) -> cython.void:
        """Which ranks the hits are, and the contexts of their probabilities."""
        w: cython.int = self.near.w
        n: cython.int = self.near.n
        self.rank[0] = self.match.matched
        self.context[0] = self.match.length_class << 4 | min(self.match.similarity, 15)
        if self.count > 1:
            self.rank[1], self.rank[2], self.rank[3], self.rank[4] = self.match.second, w, -1 if n == w else n, -1
            if self.near.nw != w and self.near.nw != n:
                self.rank[4] = self.near.nw
            elif self.near.ne != w and self.near.ne != n:
                self.rank[4] = self.near.ne
            self.context[1] = 1024 + self.match.second_similarity
            self.context[2] = 2048 + self.prediction.texture
            self.context[3] = 3072 + self.prediction.texture
            self.context[4] = 4096 + self.prediction.texture
        if self.frames.later:
            self.rank[self.count - 2] = self.frames.p
            self.rank[self.count - 1] = self.frames.pp if self.frames.pp != self.frames.p else -1
            self.context[self.count - 2] = 5120 + (self.frames.situation())
            self.context[self.count - 1] = 6144 + self.frames.moved

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def select_high(self) -> cython.void:
        i: cython.int
        for i in range(self.count):
            self.symbol[i] = self.rank[i] >> 4 if self.rank[i] >= 0 else 16

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def select_low(self, high: cython.int) -> cython.void:
        i: cython.int
        for i in range(self.count):
            self.symbol[i] = self.rank[i] & 15 if self.rank[i] >> 4 == high else 16
            self.context[i] += 512

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def add(self, score: cython.p_short, activity_set: cython.int, texture_set: cython.int) -> cython.void:
        i: cython.Py_ssize_t
        p: cython.int
        weight: cython.int
        for i in range(self.count):
            p = self.probability[self.context[i]] >> 4
            self.stretch[i] = LOG[p] - LOG[4095 - p]
            weight = limit((self.by_activity[activity_set + i] + self.by_texture[texture_set + i]) >> 4, MOST_WEIGHT)
            add_hit(score, tail(ONLY, 16 * self.symbol[i]), (weight * self.stretch[i]) >> 16)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def update(
        self, error: cython.p_short, symbol: cython.int, activity_set: cython.int, texture_set: cython.int
    ) -> cython.void:
        a: cython.p_int = self.by_activity
        b: cython.p_int = self.by_texture
        i: cython.Py_ssize_t
        s: cython.int
        step: cython.int
        p: cython.int
        for i in range(self.count):
            s = self.symbol[i]
            if s < 16:
                step = (((error[s] * self.stretch[i]) >> 14) * 400) >> 10
                a[activity_set + i] = limit(a[activity_set + i] + step, LEARNT_LIMIT)
                b[texture_set + i] = limit(b[texture_set + i] + step, LEARNT_LIMIT)
                p = self.probability[self.context[i]]
                self.probability[self.context[i]] = p + ((65535 - p) >> 6) if s == symbol else p - (p >> 6)


@cython.final
@cython.cclass
class Mixer:
    """For each nibble: `predict`, then `code`, then `update`."""

    coder: RangeCoder
    slots: Slots
    prediction: Prediction
    biases: Biases
    hits: Hits
    frames: Frames
    contexts: cython.int
    abreast: cython.Py_ssize_t  # contexts, rounded up to a multiple of 8
    # weights of contexts, -24000 to 24000, in sets of 16; the sets in use for the nibble at hand
    by_count: cython.p_short  # 29 sets
    by_activity: cython.p_short  # 32 sets
    by_texture: cython.p_short  # 1024 sets
    by_guess: cython.p_short  # 512 sets, and 512 by the reference
    activity_set: cython.int  # where a set begins, a multiple of 16
    texture_set: cython.int
    guess_set: cython.int
    situation: cython.int  # the set of the `by_guess` weights of a high nibble
    count_weight: cython.p_short  # the `by_count` weight of each context
    frequency: cython.p_short  # of each symbol, 1 to 32767; 0 if it is not possible
    quarter: cython.p_uint  # the sums of four frequencies each
    total: cython.uint  # the sum of all frequencies, 32767 to 2**19
    symbol: cython.int  # the symbol that was coded last
    mean_error: cython.p_int  # mean error of the symbols that came, in 1/2**28: of high nibbles, of low ones
    nibbles: cython.int  # nibbles that were coded, 0 to 2**28
    steady: cython.int  # how fast weights learn at least: the fewer the contexts, the faster, as measured
    eager: cython.int  # how much faster where symbols come as predicted, in 1/1024
    haste: cython.int  # how much faster weights learn at the beginning: 200, falling to 0
    buffers: list

    def __init__(
        self, coder: RangeCoder, slots: Slots, prediction: Prediction, biases: Biases, hits: Hits, later: bool
    ) -> None:
        self.coder, self.slots, self.prediction, self.biases, self.hits = coder, slots, prediction, biases, hits
        self.frames = slots.frames
        self.contexts = slots.contexts
        self.abreast = 16 if self.contexts > MIX_CONTEXTS else 8
        self.nibbles = self.symbol = self.activity_set = self.texture_set = self.guess_set = self.situation = 0
        self.total, self.haste = 1, 200
        self.steady, self.eager = (168, 1802240) if self.contexts > MIX_CONTEXTS else (240, 2072576)
        self.buffers = []
        self.by_count = shorts(allocate(self.buffers, "h", 32 * 16))
        self.by_activity = shorts(allocate(self.buffers, "h", 32 * 16))
        self.by_texture = shorts(allocate(self.buffers, "h", 1024 * 16))
        self.by_guess = shorts(allocate(self.buffers, "h", 1024 * 16 if later else 512 * 16))
        self.count_weight = shorts(allocate(self.buffers, "h", 16))
        self.frequency = shorts(allocate(self.buffers, "h", 16))
        self.quarter = uints(allocate(self.buffers, "I", 4))
        self.mean_error = ints(allocate(self.buffers, "i", 2))
        self.mean_error[0] = self.mean_error[1] = 2000 << 14
        i: cython.int
        c: cython.int
        for i in range(COUNTS):
            for c in range(self.contexts):
                self.by_count[16 * i + c] = 15000 // self.contexts * (10 * i + 4) // (10 * i + 12)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_later(self) -> cython.void:
        """Takes in the contexts and hits of the reference, behind the first frame."""
        i: cython.int
        c: cython.int
        first: cython.int = self.contexts
        self.contexts += LATER_CONTEXTS
        self.slots.contexts = self.contexts
        self.hits.count = min(self.hits.count + REFERENCE_HITS, HITS)
        for i in range(COUNTS):
            for c in range(first, self.contexts):
                self.by_count[16 * i + c] = 15000 // self.contexts * (10 * i + 4) // (10 * i + 12)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _situation(self) -> cython.int:
        """What the reference is like, 8 bits."""
        matched: cython.int = self.hits.match.matched
        return self.frames.situation() | (matched == self.frames.p) << 7

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def begin_rank(self) -> cython.void:
        self.hits.begin_rank()
        self.biases.select_first()
        self.situation = 512 | self._situation() if self.frames.later else self.prediction.p5
        self.guess_set = 16 * (256 | self.situation)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def select_high(self) -> cython.void:
        """The inputs of a high nibble."""
        self.hits.select_high()
        self.activity_set = 16 * self.prediction.activity
        self.texture_set = 16 * self.prediction.texture
        self.guess_set = 16 * self.situation

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def select_low(self, high: cython.int, only: cython.bint) -> cython.void:
        """The inputs of the low nibble below `high`, which may be the only one of a rank."""
        self.hits.select_low(high)
        if not only:
            self.biases.select_low(high)
            if self.frames.later:
                self.guess_set = 16 * (768 | self.situation & 191 | (self.frames.p >> 4 == high) << 6)
            else:
                self.guess_set = 16 * (256 | high << 4 | self.prediction.p5 >> 4)
        self.activity_set = 16 * (16 + self.prediction.activity)
        self.texture_set = 16 * (512 + self.prediction.texture)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def predict(self, possible: cython.int, excluded: cython.int) -> cython.void:
        """The frequencies of the symbols below `possible` but for `excluded` (-1: none); the slots are found."""
        score = cython.declare(cython.short[16])
        weight = cython.declare(cython.short[16])
        frequency: cython.p_short = self.frequency
        by_count: cython.p_short = self.by_count
        count_weight: cython.p_short = self.count_weight
        logs: cython.p_short = self.slots.logs
        found: cython.p_int = self.slots.found
        count: cython.p_int = self.slots.count
        s: cython.Py_ssize_t
        c: cython.Py_ssize_t
        f0: cython.uint
        f1: cython.uint
        f2: cython.uint
        f3: cython.uint
        total: cython.uint = 0
        # Scores fit 16 bits: 15 contexts add 1536 each at the most, 5 hits 1304, 8 biases 157.
        # Vector loads stall on what scalar stores have just written: the weights by count, gathered first, come last.
        for c in range(self.contexts):
            count_weight[c] = by_count[16 * count[c] + c]
        self.biases.add(score)
        self.hits.add(score, self.activity_set >> 1, self.texture_set >> 1)
        add_weights(
            weight,
            count_weight,
            tail(self.by_activity, self.activity_set),
            tail(self.by_texture, self.texture_set),
            tail(self.by_guess, self.guess_set),
            self.abreast,
        )
        for c in range(self.contexts):
            add_weighted(score, tail(logs, 16 * found[c]), weight[c])
        for s in range(possible, 16):
            score[s] = -32768
        if excluded >= 0:
            score[excluded] = -32768
        below_best(score)
        for s in range(possible, 16):
            score[s] = 1024
        if excluded >= 0:
            score[excluded] = 1024
        for s in range(4):  # summed up while looked up, as shorts just written are slow to read as vectors
            f0, f1, f2, f3 = EXP[score[4 * s]], EXP[score[4 * s + 1]], EXP[score[4 * s + 2]], EXP[score[4 * s + 3]]
            frequency[4 * s], frequency[4 * s + 1], frequency[4 * s + 2], frequency[4 * s + 3] = f0, f1, f2, f3
            self.quarter[s] = f0 + f1 + f2 + f3
            total += f0 + f1 + f2 + f3
        self.total = total

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def code(self, symbol: cython.int) -> cython.int:
        """Writes that symbol, or reads one; returns it. What is read has a frequency above 0."""
        frequency: cython.p_short = self.frequency
        quarter: cython.p_uint = self.quarter
        unit: cython.uint = cython.cast(cython.uint, self.coder.range) // self.total
        below: cython.uint = 0
        target: cython.uint
        part: cython.uint
        right: cython.uint
        s: cython.Py_ssize_t
        if self.coder.decoding:
            # By halves and without branches. In a damaged stream `low` may be outside of the range.
            target = min(cython.cast(cython.uint, self.coder.low) // unit, self.total - 1)
            part = quarter[0] + quarter[1]
            right = target >= part
            symbol = 8 * right
            below = part * right
            part = quarter[symbol >> 2]
            right = target - below >= part
            symbol += 4 * right
            below += part * right
            part = frequency[symbol] + frequency[symbol + 1]
            right = target - below >= part
            symbol += 2 * right
            below += part * right
            part = frequency[symbol]
            right = target - below >= part
            symbol += right
            below += part * right
        else:
            for s in range(symbol):
                below += frequency[s]
        self.coder.narrow(unit * below, unit * frequency[symbol])
        self.symbol = symbol
        return symbol

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def update(self) -> cython.void:
        """Teaches slots, weights, biases and hits the symbol that was coded last."""
        error = cython.declare(cython.short[16])
        steps = cython.declare(cython.short[16])
        logs: cython.p_short
        all_logs: cython.p_short = self.slots.logs
        found: cython.p_int = self.slots.found
        count: cython.p_int = self.slots.count
        by_count: cython.p_short = self.by_count
        symbol: cython.int = self.symbol
        low: cython.int = self.activity_set >= 256
        inverse: cython.int = min(1073741824 // self.total, 32767)
        pace: cython.int
        at: cython.int
        c: cython.Py_ssize_t
        n: cython.int
        step: cython.int
        self.nibbles += 1
        if self.nibbles & 63 == 0:  # divisions are slow
            self.haste = 6400 // ((self.nibbles >> 6) + 32)
            self.biases.hasten(self.nibbles >> 6)
        pace = self.steady + self.eager // ((self.mean_error[low] >> 14) + 1024) + self.haste
        prediction_error(error, self.frequency, inverse, tail(ONLY, 16 * symbol))
        self.mean_error[low] += (error[symbol] << 4) - (self.mean_error[low] >> 10)
        for c in range(16):
            steps[c] = 0
        for c in range(self.contexts):
            logs = tail(all_logs, 16 * found[c])
            n = count[c]
            step = ((dot(error, logs) >> 14) * pace + 32768) >> 16
            steps[c] = step
            at = 16 * n + cython.cast(cython.int, c)
            by_count[at] = limit(by_count[at] + step, CONTEXT_LIMIT)
            self.slots.update(logs, n, symbol)
        self.biases.update(error, pace)
        update_weights(tail(self.by_activity, self.activity_set), steps, 1, self.abreast)
        update_weights(tail(self.by_texture, self.texture_set), steps, 2, self.abreast)
        update_weights(tail(self.by_guess, self.guess_set), steps, 1, self.abreast)
        self.hits.update(error, symbol, self.activity_set >> 1, self.texture_set >> 1)
