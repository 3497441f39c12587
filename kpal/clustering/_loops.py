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

FIXED = _FIXED


def reassign(
    points: cython.int[:, ::1],
    centers: cython.int[:, ::1],
    labels: cython.Py_ssize_t[::1],
    order: cython.Py_ssize_t[::1],
    radius: cython.int[::1],
    members: cython.int[::1],
    near: cython.int[::1],
    apart: cython.int[::1],
    gaps: cython.int[::1],
) -> None:
    """Update `labels`, initially a guess, in place to the nearest centre of each point, the lowest index in a tie.

    points, centers: int32 (n, 4) and (k, 4), coordinates from 0 to 2040.
    order: intp (k,), all centres; leaves them in ascending order of their first coordinates.
    radius, members, near, apart, gaps: int32 scratch arrays, the first four (k,), the last (n,).

    A centre that is nearer to x than its guessed centre a lies within 2 |x - a| of a (C. Elkan, "Using the triangle
    inequality to accelerate k-means", ICML 2003). The points are processed cluster by cluster: for each centre, list
    the other centres within twice the distance of its farthest point, nearest first; each point then searches only the
    beginning of this list. In `order`, these centres are near each other.
    """
    with cython.nogil:
        _reassign(points, centers, labels, order, radius, members, near, apart, gaps)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _reassign(
    points: cython.int[:, ::1],
    centers: cython.int[:, ::1],
    labels: cython.Py_ssize_t[::1],
    order: cython.Py_ssize_t[::1],
    radius: cython.int[::1],
    members: cython.int[::1],
    near: cython.int[::1],
    apart: cython.int[::1],
    gaps: cython.int[::1],
) -> cython.int:
    """`reassign`, for other loops."""
    n: cython.Py_ssize_t = points.shape[0]
    k: cython.int = centers.shape[0]
    i: cython.Py_ssize_t
    a: cython.int
    b: cython.int
    c: cython.int
    count: cython.int
    at: cython.int
    place: cython.int
    other: cython.int
    way: cython.int
    worked: cython.Py_ssize_t = 0
    d0: cython.int
    d1: cython.int
    d2: cython.int
    d3: cython.int
    c0: cython.int
    c1: cython.int
    c2: cython.int
    c3: cython.int
    distance: cython.int
    best: cython.int
    found: cython.int
    limit: cython.int
    for place in range(1, k):
        b = cython.cast(cython.int, order[place])
        at = place
        while at > 0 and centers[order[at - 1], 0] > centers[b, 0]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = b
    for a in range(k):
        radius[a] = -1
        members[a] = -1
    # The points of each cluster form a linked list: `members` has the first point, `gaps` the next one.
    for i in range(n - 1, -1, -1):
        a = cython.cast(cython.int, labels[i])
        d0 = points[i, 0] - centers[a, 0]
        d1 = points[i, 1] - centers[a, 1]
        d2 = points[i, 2] - centers[a, 2]
        d3 = points[i, 3] - centers[a, 3]
        distance = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
        if distance > radius[a]:
            radius[a] = distance
        gaps[i] = members[a]
        members[a] = cython.cast(cython.int, i)
    for place in range(k):
        a = cython.cast(cython.int, order[place])
        if radius[a] < 0:
            continue
        limit = 4 * radius[a]
        count = 0
        c0 = centers[a, 0]
        c1 = centers[a, 1]
        c2 = centers[a, 2]
        c3 = centers[a, 3]
        for way in range(-1, 2, 2):
            other = place + way
            while 0 <= other < k:
                b = cython.cast(cython.int, order[other])
                other += way
                d0 = centers[b, 0] - c0
                if d0 * d0 > limit:
                    break
                d1 = centers[b, 1] - c1
                d2 = centers[b, 2] - c2
                d3 = centers[b, 3] - c3
                distance = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
                if distance <= limit:
                    at = count
                    while at > 0 and apart[at - 1] > distance:
                        apart[at] = apart[at - 1]
                        near[at] = near[at - 1]
                        at -= 1
                    apart[at] = distance
                    near[at] = b
                    count += 1
        i = members[a]
        while i >= 0:
            worked += 1
            if worked % _POINTS_A_PULSE == 0:
                with cython.gil:
                    pulse()
            d0 = points[i, 0] - c0
            d1 = points[i, 1] - c1
            d2 = points[i, 2] - c2
            d3 = points[i, 3] - c3
            best = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
            limit = 4 * best
            found = a
            for at in range(count):
                if apart[at] > limit:
                    break
                c = near[at]
                d0 = points[i, 0] - centers[c, 0]
                d1 = points[i, 1] - centers[c, 1]
                d2 = points[i, 2] - centers[c, 2]
                d3 = points[i, 3] - centers[c, 3]
                distance = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
                if distance < best or (distance == best and c < found):
                    best = distance
                    found = c
            labels[i] = found
            i = gaps[i]
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
    scratch: cython.int[:, ::1],
    gaps: cython.int[::1],
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
    scratch: int32 (4, k); gaps: int32 (n,); totals: int64 (k, 5); errors: float64 (n,).

    Returns the inertia and the number of rounds run.
    """
    n: cython.Py_ssize_t = points.shape[0]
    k: cython.int = cython.cast(cython.int, centers.shape[1])
    best: cython.int[:, ::1] = centers[0]
    tried: cython.int[:, ::1] = centers[1]
    means: cython.int[:, ::1] = centers[2]
    given: cython.Py_ssize_t[::1] = labels[0]
    chosen: cython.Py_ssize_t[::1] = labels[1]
    radius: cython.int[::1] = scratch[0]
    members: cython.int[::1] = scratch[1]
    near: cython.int[::1] = scratch[2]
    apart: cython.int[::1] = scratch[3]
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
            _reassign(points, tried, given, order, radius, members, near, apart, gaps)
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
    centers: cython.int[:, ::1],
    weights: cython.double[::1],
    sums: cython.double[:, ::1],
    merges: cython.int[:, ::1],
    costs: cython.double[::1],
    scratch: cython.int[:, ::1],
    cost: cython.double[::1],
) -> int:
    """Merge the two clusters whose union costs least, until only one or only fixed clusters are left.

    centers, weights: int32 (n, 4), ascending by the first coordinate, and float64 (n,), initially one point for each
        cluster. A cluster of weight FIXED or more is fixed: its centre does not move, and no two fixed ones merge.
    sums: float64 (n, 4), the weighted sums of the coordinates of each cluster.
    merges: int32 (n - 1, 2), receives the cluster that ceases and the cluster that absorbs it, for each union.
    costs: float64 (n - 1,), receives what each union adds to the inertia.
    scratch: int32 scratch array (6, n); cost: float64 scratch array (n,).

    Returns the number of unions.

    Merging clusters of weights v and w costs v w / (v + w) times the squared distance of their centres (J. H. Ward,
    "Hierarchical grouping to optimize an objective function", JASA 58, 1963). A union is never cheaper to merge than
    its cheaper part, so the cost of a cluster's best union only rises, and is searched for again only when the cluster
    with the least known cost turns out to have changed, or its partner (T. Kaukoranta, P. Franti, O. Nevalainen,
    "Vector quantization by lazy pairwise nearest neighbor method", Optical Engineering 38, 1999). Clusters are linked
    in the order of their first coordinates, so that a search ends where these alone are too far apart.
    """
    before: cython.int[::1] = scratch[0]
    after: cython.int[::1] = scratch[1]
    heap: cython.int[::1] = scratch[2]  # the clusters, the one with the least cost first
    partner: cython.int[::1] = scratch[3]
    changed: cython.int[::1] = scratch[4]  # after how many unions the cluster last changed
    searched: cython.int[::1] = scratch[5]  # after how many unions its partner was found
    n: cython.int = cython.cast(cython.int, centers.shape[0])
    size: cython.int = n
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
            before[i] = i - 1
            after[i] = i + 1 if i + 1 < n else -1
            heap[i] = i
            partner[i] = i
            changed[i] = 0
            searched[i] = -1
            cost[i] = 0
        while size > 1:
            i = heap[0]
            p = partner[i]
            if weights[i] and (not weights[p] or searched[i] < max(changed[i], changed[p])):
                partner[i] = _cheapest(i, centers, weights, before, after, lightest, cost)
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
                        centers[p, at] = _rounded(sums[p, at], weights[p])
                    _reorder(p, centers, before, after)
                weights[i] = 0
                _link(before[i], after[i], before, after)
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
def _cheapest(
    i: cython.int,
    centers: cython.int[:, ::1],
    weights: cython.double[::1],
    before: cython.int[::1],
    after: cython.int[::1],
    lightest: cython.double,
    cost: cython.double[::1],
) -> cython.int:
    """The cluster that is cheapest to merge with cluster i; its cost, _NONE if there is none, goes to `cost[i]`."""
    j: cython.int
    way: cython.int
    d0: cython.int
    d1: cython.int
    d2: cython.int
    d3: cython.int
    c0: cython.int = centers[i, 0]
    c1: cython.int = centers[i, 1]
    c2: cython.int = centers[i, 2]
    c3: cython.int = centers[i, 3]
    w: cython.double = weights[i]
    least_factor: cython.double = w * lightest / (w + lightest)
    price: cython.double
    least: cython.double = _NONE
    found: cython.int = i
    for way in range(2):
        j = after[i] if way else before[i]
        while j >= 0:
            d0 = centers[j, 0] - c0
            if least_factor * (d0 * d0) >= least:
                break
            d1 = centers[j, 1] - c1
            d2 = centers[j, 2] - c2
            d3 = centers[j, 3] - c3
            price = w * weights[j] / (w + weights[j]) * (d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3)
            if price < least and (w < _FIXED or weights[j] < _FIXED):
                least = price
                found = j
            j = after[j] if way else before[j]
    cost[i] = least
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _reorder(
    i: cython.int, centers: cython.int[:, ::1], before: cython.int[::1], after: cython.int[::1]
) -> cython.void:
    """Move cluster i, whose centre has moved, to its place in the order of the first coordinates."""
    x: cython.int = centers[i, 0]
    low: cython.int = before[i]
    high: cython.int = after[i]
    _link(low, high, before, after)
    while low >= 0 and centers[low, 0] > x:
        high = low
        low = before[low]
    while high >= 0 and centers[high, 0] < x:
        low = high
        high = after[high]
    _link(low, i, before, after)
    _link(i, high, before, after)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _link(low: cython.int, high: cython.int, before: cython.int[::1], after: cython.int[::1]) -> cython.void:
    """Make two clusters neighbours; -1 stands for an end."""
    if low >= 0:
        after[low] = high
    if high >= 0:
        before[high] = low


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
