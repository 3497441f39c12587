# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Loops over points and pixels that numpy cannot express, compiled where there is a C compiler.

The file is written in Cython's pure Python mode: uncompiled, it runs as plain Python, slowly but with the same results.
All arithmetic is in integers that fit their types.
"""

from __future__ import annotations

try:
    import cython
except ImportError:
    from kpal_format import _cython as cython

from kpal_format import pulse

COMPILED = cython.compiled

_STEPS = cython.declare(cython.int, 2040)  # the largest coordinate
_PULSE = cython.declare(cython.int, 16)  # rows or clusters between checks for cancellation


def reassign(
    points: cython.int[:, ::1],
    centers: cython.int[:, ::1],
    labels: cython.Py_ssize_t[::1],
    radius: cython.int[::1],
    members: cython.int[::1],
    near: cython.int[::1],
    apart: cython.int[::1],
    gaps: cython.int[::1],
) -> None:
    """Update `labels`, initially a guess, in place to the nearest centre of each point, the lowest index in a tie.

    points, centers: int32 (n, 4) and (k, 4), coordinates from 0 to 2040.
    radius, members, near, apart, gaps: int32 scratch arrays, the first four (k,), the last (n,).

    A centre that is nearer to x than its guessed centre a lies within 2 |x - a| of a (C. Elkan, "Using the triangle
    inequality to accelerate k-means", ICML 2003). The points are processed cluster by cluster: for each centre, list
    the other centres within twice the distance of its farthest point, nearest first; each point then searches only the
    beginning of this list.
    """
    n: cython.Py_ssize_t = points.shape[0]
    k: cython.int = centers.shape[0]
    i: cython.Py_ssize_t
    a: cython.int
    b: cython.int
    c: cython.int
    count: cython.int
    at: cython.int
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
    with cython.nogil:
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
        for a in range(k):
            if a % _PULSE == 0:
                with cython.gil:
                    pulse()
            if radius[a] < 0:
                continue
            limit = 4 * radius[a]
            count = 0
            c0 = centers[a, 0]
            c1 = centers[a, 1]
            c2 = centers[a, 2]
            c3 = centers[a, 3]
            for b in range(k):
                if b == a:
                    continue
                d0 = centers[b, 0] - c0
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


def add_up(
    points: cython.int[:, ::1],
    weights: cython.longlong[::1],
    labels: cython.Py_ssize_t[::1],
    totals: cython.longlong[:, ::1],
) -> None:
    """Add up the weights w and the weighted coordinates w x of the points of each label, in `totals`.

    points: int32 (n, 4); weights: int64 (n,); labels: intp (n,); totals: int64 (k, 5), w first.
    """
    i: cython.Py_ssize_t
    a: cython.Py_ssize_t
    w: cython.longlong
    with cython.nogil:
        for i in range(points.shape[0]):
            a = labels[i]
            w = weights[i]
            totals[a, 0] += w
            totals[a, 1] += w * points[i, 0]
            totals[a, 2] += w * points[i, 1]
            totals[a, 3] += w * points[i, 2]
            totals[a, 4] += w * points[i, 3]


def diffuse(
    indices: cython.uchar[:, ::1],
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
                for at in range(1, k):
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
