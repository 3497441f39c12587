"""The loops over 16 symbols, 16 contexts or 8 guesses, which a compiler turns into vector instructions.

GCC does so if they are functions of their own and if nothing unrolls them before: setup.py sees to that. Sums stay in
16 bits where they fit (`cast`), as wider ones take four times the instructions.

Values are int16, so that 8 to 32 of them fit a register. Beside each function stands why nothing overflows.
"""

try:
    import cython
except ImportError:
    from .. import _cython as cython


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def add_weighted(score: cython.p_short, logs: cython.p_short, weight: cython.short) -> cython.void:
    """Adds a context's logarithms to the scores: at most 8191 * 12288 >> 16 = 1536 each."""
    s: cython.Py_ssize_t
    for s in range(16):
        score[s] = score[s] + cython.cast(cython.short, (weight * logs[s]) >> 16)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def set_biases(
    score: cython.p_short,
    a: cython.p_short,
    b: cython.p_short,
    c: cython.p_short,
    d: cython.p_short,
    e: cython.p_short,
    f: cython.p_short,
) -> cython.void:
    """Begins the scores with six biases of at most 10000, 1/64 of each pair: at most 3 * 313."""
    s: cython.Py_ssize_t
    for s in range(16):
        score[s] = (
            (cython.cast(cython.short, a[s] + b[s]) >> 6)
            + (cython.cast(cython.short, c[s] + d[s]) >> 6)
            + (cython.cast(cython.short, e[s] + f[s]) >> 6)
        )


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def add_biases(score: cython.p_short, a: cython.p_short, b: cython.p_short) -> cython.void:
    """Adds another pair of biases: at most 313."""
    s: cython.Py_ssize_t
    for s in range(16):
        score[s] = score[s] + (cython.cast(cython.short, a[s] + b[s]) >> 6)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def add_hit(score: cython.p_short, only: cython.p_short, value: cython.short) -> cython.void:
    """Adds `value`, at most 1304, to the score of one symbol.

    A single element that is written as a scalar would have to leave for the cache before it is read as a vector.
    """
    s: cython.Py_ssize_t
    for s in range(16):
        score[s] = score[s] + (only[s] & value)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def add_weights(
    weight: cython.p_short,
    by_count: cython.p_short,
    by_activity: cython.p_short,
    by_texture: cython.p_short,
    by_guess: cython.p_short,
    contexts: cython.Py_ssize_t,
) -> cython.void:
    """The weights of contexts: four of ±24000, a quarter of each, limited to what `add_weighted` takes."""
    c: cython.Py_ssize_t
    value: cython.short
    for c in range(contexts & -8):
        value = (by_activity[c] >> 2) + (by_texture[c] >> 2) + (by_guess[c] >> 2) + (by_count[c] >> 2)
        value = value if value < 8191 else 8191
        weight[c] = value if value > -8191 else -8191


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def below_best(score: cython.p_short) -> cython.void:
    """Each score becomes how far it is below the best one, 1023 at the most."""
    s: cython.Py_ssize_t
    value: cython.short
    best: cython.short = -32768
    for s in range(16):
        best = score[s] if score[s] > best else best
    least: cython.short = best - 1023 if best > -31745 else -32768
    for s in range(16):
        value = score[s]
        value = value if value > least else least
        score[s] = best - value


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def prediction_error(
    error: cython.p_short, frequency: cython.p_short, inverse: cython.short, only: cython.p_short
) -> cython.void:
    """What each symbol was, 1 or 0, minus its probability, in 1/16384."""
    s: cython.Py_ssize_t
    for s in range(16):
        error[s] = (only[s] & 16384) - cython.cast(cython.short, (frequency[s] * inverse) >> 16)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def dot(error: cython.p_short, logs: cython.p_short) -> cython.int:
    """Errors add up to 0 and absolutely to 2 at the most: the sum is within 2 * 16384 * 12288."""
    s: cython.Py_ssize_t
    total: cython.int = 0
    for s in range(16):
        total += error[s] * logs[s]
    return total


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def update_weights(
    weight: cython.p_short, steps: cython.p_short, times: cython.short, contexts: cython.Py_ssize_t
) -> cython.void:
    """Adds steps once or twice. They are at most 12288 * 2464 >> 16 = 462."""
    c: cython.Py_ssize_t
    value: cython.short
    for c in range(contexts & -8):
        value = weight[c] + steps[c] * times
        value = value if value < 24000 else 24000
        weight[c] = value if value > -24000 else -24000


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def update_bias(bias: cython.p_short, error: cython.p_short, rate: cython.short) -> cython.void:
    """Rates are at most (2464 * 112 >> 5) * 614 >> 9 = 10342, steps 16384 * 10342 >> 16 = 2585."""
    s: cython.Py_ssize_t
    value: cython.short
    for s in range(16):
        value = bias[s] + cython.cast(cython.short, (error[s] * rate) >> 16)
        value = value if value < 10000 else 10000
        bias[s] = value if value > -10000 else -10000


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def decay(logs: cython.p_short, fall: cython.short) -> cython.void:
    """Multiplies all probabilities by one number: their logarithms fall, but not below FLOOR."""
    least: cython.short = fall - 12288
    value: cython.short
    s: cython.Py_ssize_t
    for s in range(16):
        value = logs[s]
        if value < least:
            value = least
        logs[s] = value - fall


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def copy_logs(target: cython.p_short, source: cython.p_short) -> cython.void:
    """By way of the stack: the compiler cannot know that the two do not overlap."""
    values = cython.declare(cython.short[16])
    s: cython.Py_ssize_t
    for s in range(16):
        values[s] = source[s]
    for s in range(16):
        target[s] = values[s]


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def recent_errors(mean: cython.p_short, w: cython.p_short, n: cython.p_short, ne: cython.p_short) -> cython.void:
    """The errors of the guesses at three neighbours, weighted: at most 5 * 1020 >> 2 = 1275."""
    k: cython.Py_ssize_t
    for k in range(8):
        mean[k] = cython.cast(cython.short, n[k] + ne[k] + 3 * w[k]) >> 2


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def guess_errors(error: cython.p_short, guess: cython.p_short, color: cython.p_short) -> cython.void:
    """How far guesses are from the colour that came: at most 4 * 255. A guess's channels are 8 apart."""
    k: cython.Py_ssize_t
    red: cython.short
    green: cython.short
    blue: cython.short
    alpha: cython.short
    for k in range(8):
        red = guess[k] - color[0]
        green = guess[k + 8] - color[1]
        blue = guess[k + 16] - color[2]
        alpha = guess[k + 24] - color[3]
        error[k] = (
            (red if red > 0 else -red)
            + (green if green > 0 else -green)
            + (blue if blue > 0 else -blue)
            + (alpha if alpha > 0 else -alpha)
        )
