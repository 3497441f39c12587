# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Loops over points and pixels that numpy cannot express, compiled where there is a C compiler.

The file is written in Cython's pure Python mode: uncompiled, it runs as plain Python, slowly but with the same results.
All arithmetic is in integers that fit their types, except that costs are floats; no compiler can fuse the operations
that compute one, so they are the same on every machine.
"""

from __future__ import annotations

try:
    import cython
except ImportError:
    from kpal_format import _cython as cython

from kpal_format import pulse

COMPILED = cython.compiled

_STEPS = cython.declare(cython.int, 2040)  # the largest coordinate
_FIXED = cython.declare(cython.double, 2.0**100)  # more than any sum of weights
_NONE = cython.declare(cython.double, 2.0**200)  # more than any cost
_PULSE = cython.declare(cython.int, 16)  # rows between checks for cancellation
_POINTS_A_PULSE = cython.declare(cython.Py_ssize_t, 1 << 13)  # points assigned between these checks
_SEARCHES_A_PULSE = cython.declare(cython.int, 1 << 10)  # searches for the cheapest union between these checks

_OUT_OF_REACH = cython.declare(cython.float, 2.0**13)  # a coordinate
_MARGIN = cython.declare(cython.int, 16)

FIXED = _FIXED
MARGIN = _MARGIN


def reassign(
    points: cython.int[:, ::1],
    centers: cython.int[:, ::1],
    labels: cython.Py_ssize_t[::1],
    order: cython.Py_ssize_t[::1],
    places: cython.int[::1],
    columns: cython.float[:, ::1],
) -> None:
    """Update `labels`, initially a guess, in place to the nearest centre of each point, the lowest index in a tie.

    points, centers: int32 (n, 4) and (k, 4), coordinates from 0 to 2040.
    order: intp (k,), all centres; leaves them in ascending order of their first coordinates.
    places, columns: int32 (k,) and float32 (4, k + 2 MARGIN), scratch arrays.

    From the guess, a search goes both ways in `order`, until the first coordinates alone are farther away than the
    nearest centre. Squared distances are exact in single precision, being below 2**24; compilers make vectors of the
    loop that computes as many as a margin is wide.
    """
    with cython.nogil:
        _reassign(points, centers, labels, order, places, columns)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _reassign(
    points: cython.int[:, ::1],
    centers: cython.int[:, ::1],
    labels: cython.Py_ssize_t[::1],
    order: cython.Py_ssize_t[::1],
    places: cython.int[::1],
    columns: cython.float[:, ::1],
) -> cython.int:
    """`reassign`, for other loops."""
    k: cython.int = centers.shape[0]
    distances = cython.declare(cython.float[16])
    i: cython.Py_ssize_t
    b: cython.int
    c: cython.int
    at: cython.int
    place: cython.int
    start: cython.int
    way: cython.int
    near: cython.int
    found: cython.int
    x0: cython.float
    x1: cython.float
    x2: cython.float
    x3: cython.float
    d0: cython.float
    d1: cython.float
    d2: cython.float
    d3: cython.float
    best: cython.float
    way = 1
    while 3 * way < k:
        way = 3 * way + 1
    while way:  # D. Shell, "A high-speed sorting procedure", CACM 2, 1959; quick where the order is nearly right
        for place in range(way, k):
            b = cython.cast(cython.int, order[place])
            at = place
            while at >= way and centers[order[at - way], 0] > centers[b, 0]:
                order[at] = order[at - way]
                at -= way
            order[at] = b
        way //= 3
    for c in range(4):
        for b in range(_MARGIN):
            columns[c, b] = -_OUT_OF_REACH
            columns[c, _MARGIN + k + b] = _OUT_OF_REACH
        for place in range(k):
            columns[c, _MARGIN + place] = centers[order[place], c]
    for place in range(k):
        places[order[place]] = _MARGIN + place
    for i in range(points.shape[0]):
        if (i + 1) % _POINTS_A_PULSE == 0:
            with cython.gil:
                pulse()
        x0, x1, x2, x3 = points[i, 0], points[i, 1], points[i, 2], points[i, 3]
        found = cython.cast(cython.int, labels[i])
        place = places[found]
        d0 = columns[0, place] - x0
        d1 = columns[1, place] - x1
        d2 = columns[2, place] - x2
        d3 = columns[3, place] - x3
        best = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
        for way in range(-1, 2, 2):
            start = place - _MARGIN if way < 0 else place + 1
            while True:
                near = 0
                for b in range(_MARGIN):
                    d0 = columns[0, start + b] - x0
                    d1 = columns[1, start + b] - x1
                    d2 = columns[2, start + b] - x2
                    d3 = columns[3, start + b] - x3
                    distances[b] = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
                    near += distances[b] <= best
                if near:
                    for b in range(_MARGIN):
                        if distances[b] <= best:
                            c = cython.cast(cython.int, order[start + b - _MARGIN])
                            if distances[b] < best or c < found:
                                best = distances[b]
                                found = c
                d0 = columns[0, start + _MARGIN - 1 if way > 0 else start] - x0
                if way * d0 > 0 and d0 * d0 > best:
                    break
                start += way * _MARGIN
        labels[i] = found
    return 0


def add_up(
    points: cython.int[:, ::1],
    weights: cython.longlong[::1],
    labels: cython.Py_ssize_t[::1],
    totals: cython.longlong[:, ::1],
) -> None:
    """Add up the weights w and the weighted coordinates w x of the points of each label, in `totals`.

    points: int32 (n, 4); weights: int64 (n,); labels: intp (n,); totals: int64 (k, 5), w first.
    """
    with cython.nogil:
        _add_up(points, weights, labels, totals)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _add_up(
    points: cython.int[:, ::1],
    weights: cython.longlong[::1],
    labels: cython.Py_ssize_t[::1],
    totals: cython.longlong[:, ::1],
) -> cython.void:
    i: cython.Py_ssize_t
    a: cython.Py_ssize_t
    w: cython.longlong
    for i in range(points.shape[0]):
        a = labels[i]
        w = weights[i]
        totals[a, 0] += w
        totals[a, 1] += w * points[i, 0]
        totals[a, 2] += w * points[i, 1]
        totals[a, 3] += w * points[i, 2]
        totals[a, 4] += w * points[i, 3]


def lloyd(
    points: cython.int[:, ::1],
    weights: cython.longlong[::1],
    centers: cython.int[:, :, ::1],
    labels: cython.Py_ssize_t[:, ::1],
    fixed: cython.int,
    rounds: cython.int,
    tol: cython.double,
    energy: cython.longlong,
    order: cython.Py_ssize_t[::1],
    places: cython.int[::1],
    columns: cython.float[:, ::1],
    totals: cython.longlong[:, ::1],
    errors: cython.double[::1],
) -> tuple[int, int]:
    """Lloyd's algorithm, over-relaxed while this helps: `_lloyd` of lattice.py, which says when it ends.

    points: int32 (n, 4); weights: int64 (n,).
    centers: int32 (3, k, 4), initially the centres and anything twice; receives the best centres in the first.
    labels: intp (2, n), initially a guess and anything; receives those of the best centres in the second.
    fixed: how many centres, the first ones, do not move.
    energy: the sum of w |x|**2, below 2**53.
    order: intp (k,), all centres.
    places, columns: as in `reassign`; totals: int64 (k, 5); errors: float64 (n,). Scratch arrays.

    Returns the inertia and the number of rounds run.
    """
    n: cython.Py_ssize_t = points.shape[0]
    k: cython.int = cython.cast(cython.int, centers.shape[1])
    best: cython.int[:, ::1] = centers[0]
    tried: cython.int[:, ::1] = centers[1]
    means: cython.int[:, ::1] = centers[2]
    given: cython.Py_ssize_t[::1] = labels[0]
    chosen: cython.Py_ssize_t[::1] = labels[1]
    i: cython.Py_ssize_t
    a: cython.int
    c: cython.int
    w: cython.longlong
    inertia: cython.longlong
    least: cython.longlong = 0
    gain: cython.longlong
    moved: cython.int
    relaxed: cython.bint = True
    same: cython.bint
    done: cython.int = 0
    with cython.nogil:
        for a in range(k):
            for c in range(4):
                tried[a, c] = best[a, c]
        while True:
            _reassign(points, tried, given, order, places, columns)
            for a in range(k):
                for c in range(5):
                    totals[a, c] = 0
            _add_up(points, weights, given, totals)
            inertia = energy
            for a in range(k):
                for c in range(4):
                    w = tried[a, c]
                    inertia += w * (totals[a, 0] * w - 2 * totals[a, c + 1])
            gain = least - inertia if done else inertia
            if gain > 0 or done == 0:
                least = inertia
                for i in range(n):
                    chosen[i] = given[i]
                for a in range(k):
                    w = totals[a, 0]
                    for c in range(4):
                        best[a, c] = means[a, c] = tried[a, c]
                        if w > 0 and a >= fixed:
                            means[a, c] = cython.cast(cython.int, (2 * totals[a, c + 1] + w) // (2 * w))
                _fill(points, weights, given, best, means, totals, fixed, errors)
            if done and gain <= tol * least:
                if not relaxed:
                    break
                relaxed = False
            same = True
            for a in range(k):
                for c in range(4):
                    moved = means[a, c]
                    if relaxed:  # the quotient, rounded down
                        moved = tried[a, c] + (9 * (moved - tried[a, c]) + 2 + 5 * _STEPS * 2) // 5 - _STEPS * 2
                        moved = min(max(moved, 0), _STEPS)
                    tried[a, c] = moved
                    same = same and moved == best[a, c]
            if same or done == rounds:
                break
            done += 1
    return least, min(done + 1, rounds)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fill(
    points: cython.int[:, ::1],
    weights: cython.longlong[::1],
    labels: cython.Py_ssize_t[::1],
    centers: cython.int[:, ::1],
    means: cython.int[:, ::1],
    totals: cython.longlong[:, ::1],
    fixed: cython.int,
    errors: cython.double[::1],
) -> cython.void:
    """Move each centre without points, in `means`, to the point with the largest weighted error that is left."""
    a: cython.int
    c: cython.int
    i: cython.Py_ssize_t
    worst: cython.Py_ssize_t
    d0: cython.int
    d1: cython.int
    d2: cython.int
    d3: cython.int
    known: cython.bint = False
    for a in range(fixed, cython.cast(cython.int, centers.shape[0])):
        if totals[a, 0] == 0:
            worst = 0
            for i in range(points.shape[0]):
                if not known:
                    d0 = points[i, 0] - centers[labels[i], 0]
                    d1 = points[i, 1] - centers[labels[i], 1]
                    d2 = points[i, 2] - centers[labels[i], 2]
                    d3 = points[i, 3] - centers[labels[i], 3]
                    errors[i] = cython.cast(cython.double, weights[i]) * (d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3)
                if errors[i] > errors[worst]:
                    worst = i
            known = True
            errors[worst] = -1
            for c in range(4):
                means[a, c] = points[worst, c]


def merge(
    columns: cython.float[:, ::1],
    weights: cython.double[::1],
    sums: cython.double[:, ::1],
    merges: cython.int[:, ::1],
    costs: cython.double[::1],
    scratch: cython.int[:, ::1],
    cost: cython.double[::1],
) -> int:
    """Merge the two clusters whose union costs least, until only one or only fixed clusters are left.

    columns: float32 (5, n + 2 MARGIN), four coordinates of the centres and their weights, initially one point for each
        cluster, ascending by the first coordinate, between margins that hold anything.
    weights: float64 (n,). A cluster of weight FIXED or more is fixed: its centre does not move, and no two fixed ones
        merge.
    sums: float64 (n, 4), the weighted sums of the coordinates of each cluster.
    merges: int32 (n - 1, 2), receives the cluster that ceases and the cluster that absorbs it, for each union.
    costs: float64 (n - 1,), receives what each union adds to the inertia.
    scratch: int32 scratch array (6, n + 2 MARGIN); cost: float64 scratch array (n,).

    Returns the number of unions.

    Merging clusters of weights v and w costs v w / (v + w) times the squared distance of their centres (J. H. Ward,
    "Hierarchical grouping to optimize an objective function", JASA 58, 1963). A union is never cheaper to merge than
    its cheaper part, so the cost of a cluster's best union only rises, and is searched for again only when the cluster
    with the least known cost turns out to have changed, or its partner (T. Kaukoranta, P. Franti, O. Nevalainen,
    "Vector quantization by lazy pairwise nearest neighbor method", Optical Engineering 38, 1999). Clusters stand in the
    order of their first coordinates, so that a search ends where these alone are too far apart. One that has ceased
    keeps its place, out of reach, until half of all have.
    """
    heap: cython.int[::1] = scratch[0]  # the clusters, the one with the least cost first
    partner: cython.int[::1] = scratch[1]
    changed: cython.int[::1] = scratch[2]  # after how many unions the cluster last changed
    searched: cython.int[::1] = scratch[3]  # after how many unions its partner was found
    place: cython.int[::1] = scratch[4]  # where in `columns` the cluster stands
    owner: cython.int[::1] = scratch[5]  # the cluster that stands there
    n: cython.int = cython.cast(cython.int, weights.shape[0])
    size: cython.int = n
    standing: cython.int = n
    done: cython.int = 0
    searches: cython.int = 0
    i: cython.int
    p: cython.int
    at: cython.int
    child: cython.int
    least: cython.double
    lightest: cython.double = _FIXED
    with cython.nogil:
        for i in range(n):
            lightest = min(lightest, weights[i])
            heap[i] = i
            partner[i] = i
            changed[i] = 0
            searched[i] = -1
            cost[i] = 0
            place[i] = i + _MARGIN
            owner[i + _MARGIN] = i
        _close(columns, owner, standing)
        while size > 1:
            i = heap[0]
            p = partner[i]
            if weights[i] and (not weights[p] or searched[i] < max(changed[i], changed[p])):
                cost[i] = _enough(i, p, columns, weights, place, owner)
                partner[i] = i
                _look_for_cheaper(i, -1, columns, weights, place, owner, lightest, cost, partner)
                _look_for_cheaper(i, 1, columns, weights, place, owner, lightest, cost, partner)
                searched[i] = done
                searches += 1
                if searches % _SEARCHES_A_PULSE == 0:
                    with cython.gil:
                        pulse()
            elif weights[i]:
                least = cost[i]
                if least == _NONE:
                    break
                if weights[i] > weights[p]:
                    i, p = p, i
                merges[done, 0] = i
                merges[done, 1] = p
                costs[done] = least
                done += 1
                changed[p] = done
                if weights[p] < _FIXED:
                    weights[p] += weights[i]
                    for at in range(4):
                        sums[p, at] += sums[i, at]
                        columns[at, place[p]] = _rounded(sums[p, at], weights[p])
                    columns[4, place[p]] = weights[p]
                    _reorder(p, columns, place, owner)
                weights[i] = 0
                columns[1, place[i]] = _OUT_OF_REACH
                columns[4, place[i]] = _FIXED
                if 8 * standing > 9 * (n - done):
                    standing = _closed_up(columns, weights, place, owner, standing)
                    lightest = _FIXED
                    for at in range(standing):
                        lightest = min(lightest, weights[owner[_MARGIN + at]])
            i = heap[0]
            if not weights[i]:
                size -= 1
                i = heap[size]
            at = 0
            while 2 * at + 1 < size:
                child = 2 * at + 1
                if child + 1 < size and cost[heap[child + 1]] < cost[heap[child]]:
                    child += 1
                if cost[heap[child]] >= cost[i]:
                    break
                heap[at] = heap[child]
                at = child
            heap[at] = i
    return done


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _enough(
    i: cython.int,
    p: cython.int,
    columns: cython.float[:, ::1],
    weights: cython.double[::1],
    place: cython.int[::1],
    owner: cython.int[::1],
) -> cython.double:
    """A bit more than a union of cluster i costs at most, to begin a search with; _NONE if nothing is known.

    p: its partner before, with which a union may now cost more than with others.
    """
    least: cython.double = _NONE
    price: cython.double
    d: cython.float
    v: cython.double
    far: cython.float
    c: cython.int
    tried: cython.int
    j: cython.int
    for tried in range(3):
        j = p if tried == 2 else owner[place[i] + (1 if tried else -1)]
        v = weights[j] if j >= 0 and j != i else 0
        if v and (v < _FIXED or weights[i] < _FIXED):
            far = 0
            for c in range(4):
                d = columns[c, place[j]] - columns[c, place[i]]
                far += d * d
            price = weights[i] * v / (weights[i] + v) * far * (1 + 2.0**-40) + 2.0**-40
            least = min(least, price)
    return least


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _look_for_cheaper(
    i: cython.int,
    way: cython.int,
    columns: cython.float[:, ::1],
    weights: cython.double[::1],
    place: cython.int[::1],
    owner: cython.int[::1],
    lightest: cython.double,
    cost: cython.double[::1],
    partner: cython.int[::1],
) -> cython.void:
    """Look for clusters that are cheaper to merge with cluster i than `cost[i]`, before (-1) or after it (1).

    `partner[i]` and `cost[i]` receive the cheapest one, if there is one, and its cost.

    A union with a cluster of weight v at the squared distance d costs less than `least` if v (d - least / w) < least.
    Compilers make vectors of the loop that computes the left side for as many places as a margin is wide, in single
    precision: d is exact, being below 2**24, and a millionth more or less makes up for the rounding of the others.
    """
    excess = cython.declare(cython.float[16])
    start: cython.int = place[i] - _MARGIN if way < 0 else place[i] + 1
    c0: cython.float = columns[0, place[i]]
    c1: cython.float = columns[1, place[i]]
    c2: cython.float = columns[2, place[i]]
    c3: cython.float = columns[3, place[i]]
    d0: cython.float
    d1: cython.float
    d2: cython.float
    d3: cython.float
    w: cython.double = weights[i]
    v: cython.double
    least_factor: cython.double = w * lightest / (w + lightest)
    price: cython.double
    least: cython.double = cost[i]
    known: cython.bint = least < _NONE
    most: cython.float = least * (1 + 2.0**-20) if known else _FIXED * 2.0**24
    part: cython.float = least / w * (1 + 2.0**-20) if known else 0
    near: cython.int
    at: cython.int
    b: cython.int
    while True:
        near = 0
        for b in range(_MARGIN):
            d0 = columns[0, start + b] - c0
            d1 = columns[1, start + b] - c1
            d2 = columns[2, start + b] - c2
            d3 = columns[3, start + b] - c3
            excess[b] = (d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3 - part) * columns[4, start + b]
            near += excess[b] <= most
        if near:
            for b in range(_MARGIN):  # from the nearest place to the farthest
                at = b if way > 0 else _MARGIN - 1 - b
                if excess[at] <= most:
                    at += start
                    v = weights[owner[at]]
                    d0 = columns[0, at] - c0
                    d1 = columns[1, at] - c1
                    d2 = columns[2, at] - c2
                    d3 = columns[3, at] - c3
                    price = w * v / (w + v) * (d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3)
                    if price < least and (w < _FIXED or v < _FIXED):
                        least = price
                        partner[i] = owner[at]
            if least < _NONE:
                most = least * (1 + 2.0**-20)
                part = least / w * (1 + 2.0**-20)
        d0 = columns[0, start + _MARGIN - 1 if way > 0 else start] - c0
        if d0 > _STEPS or d0 < -_STEPS or least_factor * (d0 * d0) >= least:
            break
        start += way * _MARGIN
    cost[i] = least


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _close(columns: cython.float[:, ::1], owner: cython.int[::1], standing: cython.int) -> cython.void:
    """Put the margins out of reach."""
    b: cython.int
    c: cython.int
    for b in range(_MARGIN):
        for c in range(4):
            columns[c, b] = -_OUT_OF_REACH if c < 2 else 0
            columns[c, _MARGIN + standing + b] = _OUT_OF_REACH if c < 2 else 0
        columns[4, b] = columns[4, _MARGIN + standing + b] = _FIXED
    owner[_MARGIN - 1] = owner[_MARGIN + standing] = -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _closed_up(
    columns: cython.float[:, ::1],
    weights: cython.double[::1],
    place: cython.int[::1],
    owner: cython.int[::1],
    standing: cython.int,
) -> cython.int:
    """Let the clusters that are left stand without gaps; returns how many they are."""
    at: cython.int
    c: cython.int
    left: cython.int = 0
    for at in range(_MARGIN, _MARGIN + standing):
        if weights[owner[at]]:
            for c in range(5):
                columns[c, _MARGIN + left] = columns[c, at]
            owner[_MARGIN + left] = owner[at]
            place[owner[at]] = _MARGIN + left
            left += 1
    _close(columns, owner, left)
    return left


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _reorder(
    i: cython.int, columns: cython.float[:, ::1], place: cython.int[::1], owner: cython.int[::1]
) -> cython.void:
    """Move cluster i, whose centre has moved, to its place in the order of the first coordinates."""
    x: cython.float = columns[0, place[i]]
    at: cython.int = place[i]
    while columns[0, at - 1] > x:
        _exchange(at, at - 1, columns, place, owner)
        at -= 1
    while columns[0, at + 1] < x:
        _exchange(at, at + 1, columns, place, owner)
        at += 1


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _exchange(
    a: cython.int, b: cython.int, columns: cython.float[:, ::1], place: cython.int[::1], owner: cython.int[::1]
) -> cython.void:
    """Let the clusters at two places change them."""
    c: cython.int
    for c in range(5):
        columns[c, a], columns[c, b] = columns[c, b], columns[c, a]
    owner[a], owner[b] = owner[b], owner[a]
    place[owner[a]] = a
    place[owner[b]] = b


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _rounded(total: cython.double, weight: cython.double) -> cython.int:
    """The mean, rounded to the lattice."""
    return int((2 * total + weight) / (2 * weight))


def diffuse(
    indices: cython.uchar[:, ::1],
    kept: cython.uchar[:, ::1],
    positions: cython.int[:, ::1],
    points: cython.int[:, ::1],
    spared: cython.uchar[::1],
    opaque: cython.uchar[::1],
    centers: cython.int[:, ::1],
    solid: cython.uchar[::1],
    order: cython.int[:, ::1],
    apart: cython.int[:, ::1],
    level: cython.int,
) -> None:
    """Error diffusion: replace `indices` (h, w), initially the nearest entries, in place.

    kept: uint8 (h, w), 1 for pixels that keep their indices but pass on their error.
    positions: int32 (h, w), the index in `points` of the colour of each pixel.
    points: int32 (n, 4), the distinct colours.
    spared: uint8 (n,), 1 for colours that keep their entries and neither take nor pass on error.
    opaque: uint8 (n,), 1 for colours that may take only solid entries.
    centers: int32 (k, 4), the entries; solid: uint8 (k,), 1 for opaque entries.
    order, apart: int32 (k, k), for each centre all centres by distance, itself first, and their squared distances.
    level: the fraction of the error that is passed on, in 256ths.
    """
    height: cython.Py_ssize_t = indices.shape[0]
    width: cython.Py_ssize_t = indices.shape[1]
    k: cython.int = centers.shape[0]
    y: cython.Py_ssize_t
    x: cython.Py_ssize_t
    j: cython.int
    at: cython.int
    c: cython.int
    found: cython.int
    place: cython.int
    distance: cython.int
    best: cython.int
    limit: cython.int
    difference: cython.int
    wanted: cython.int[4] = cython.declare(cython.int[4])
    here: cython.int[:, ::1] = _integers(width + 2)  # errors of this row in sixteenths, with a margin of one pixel
    below: cython.int[:, ::1] = _integers(width + 2)
    with cython.nogil:
        for y in range(height):
            if y % _PULSE == 0:
                with cython.gil:
                    pulse()
            for x in range(width + 2):
                for j in range(4):
                    below[x, j] = 0
            for x in range(width):
                place = positions[y, x]
                if spared[place]:
                    continue
                found = indices[y, x]
                best = 0
                for j in range(4):
                    wanted[j] = min(max(points[place, j] + ((here[x + 1, j] + 8) >> 4), 0), _STEPS)
                    difference = wanted[j] - centers[found, j]
                    best += difference * difference
                limit = 4 * best
                c = found
                for at in range(1, 1 if kept[y, x] else k):
                    if apart[c, at] > limit:
                        break
                    if opaque[place] and not solid[order[c, at]]:
                        continue
                    distance = 0
                    for j in range(4):
                        difference = wanted[j] - centers[order[c, at], j]
                        distance += difference * difference
                    if distance < best or (distance == best and order[c, at] < found):
                        best = distance
                        found = order[c, at]
                indices[y, x] = found
                for j in range(4):
                    difference = ((wanted[j] - centers[found, j]) * level + 128) >> 8
                    here[x + 2, j] += 7 * difference
                    below[x, j] += 3 * difference
                    below[x + 1, j] += 5 * difference
                    below[x + 2, j] += difference
            here, below = below, here


def _integers(rows: int) -> memoryview:
    """An array of zeros, int32 (rows, 4)."""
    return memoryview(bytearray(rows * 16)).cast("i", (rows, 4))
