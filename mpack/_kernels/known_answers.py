"""Lattice models whose critical exponents are known: site percolation and the fixed-energy Manna sandpile on a
periodic square lattice, directed percolation on a ring; and spheres of which no two neighbours are neighbours
of each other (Mari and Kurchan). Arrays in, numbers out.

Noise: purpose `KNOWN_ANSWERS`; labels (site, 0), (site, 2) on the ring, (sphere, 3) and (sphere, 4)
for the start of spheres, (lower sphere, 2**32 + higher) for a pair; step = the step of a model in
time, 0 for the start. Every run has a seed of its own. The shifts of pairs, of which a step needs
many, are those of a cheaper generator.
"""

import math

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.noise import KNOWN_ANSWERS, bits, uniform

_ZERO, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@njit(forceinline=True)
def _root(parent, s):
    """The root of s; every second link on the way is shortened."""
    while parent[s] != s:
        parent[s] = parent[parent[s]]
        s = parent[s]
    return s


@njit(forceinline=True)
def _join(parent, size, s, t):
    """Put the clusters of s and t together, the smaller under the larger."""
    a, b = _root(parent, s), _root(parent, t)
    if a == b:
        return
    if size[a] < size[b]:
        a, b = b, a
    parent[b] = a
    size[a] += size[b]


@njit
def percolation(edge, p, seeds, largest, others):
    """One configuration for each seed: sites of an edge x edge lattice, each occupied with probability p.

    largest[r] = sites of the largest cluster; others[r] = sum of the squared sizes of all other
    clusters.
    """
    n = edge * edge
    parent, size = np.empty(n, np.int32), np.empty(n, np.int32)
    for r in range(seeds.shape[0]):
        for s in range(n):
            full = uniform(bits(seeds[r], KNOWN_ANSWERS, _ZERO, np.uint64(s), _ZERO)[0]) < p
            parent[s] = s if full else -1
            size[s] = 1 if full else 0
        for s in range(n):
            if parent[s] < 0:
                continue
            right = s + 1 if (s + 1) % edge else s + 1 - edge
            below = s + edge if s + edge < n else s + edge - n
            if parent[right] >= 0:
                _join(parent, size, s, right)
            if parent[below] >= 0:
                _join(parent, size, s, below)
        best, squares = 0, 0
        for s in range(n):
            if parent[s] == s:
                best = max(best, size[s])
                squares += np.int64(size[s]) * np.int64(size[s])
        largest[r] = best
        others[r] = squares - np.int64(best) * np.int64(best)


@njit(forceinline=True)
def _neighbour(s, edge, direction):
    """Site next to s: left, right, above or below for direction 0 to 3."""
    n = edge * edge
    if direction == _ZERO:
        return s - 1 if s % edge else s - 1 + edge
    if direction == _ONE:
        return s + 1 if (s + 1) % edge else s + 1 - edge
    if direction == _TWO:
        return s - edge if s >= edge else s - edge + n
    return s + edge if s + edge < n else s + edge - n


@njit
def sandpile(edge, grains, steps, seed, active):
    """The Manna sandpile with `grains` grains on edge x edge sites, all active sites toppling at once.

    A site with two or more grains is active; it topples by sending two grains, each to a neighbour
    drawn at random. active[k] (steps,) = number of active sites before step k, 0 from the step on
    at which none is left.
    """
    n = edge * edge
    height, listed = np.zeros(n, np.int32), np.zeros(n, np.int32)
    now, then = np.empty(n, np.int32), np.empty(n, np.int32)
    for g in range(grains):
        word = bits(seed, KNOWN_ANSWERS, _ZERO, np.uint64(g), _ONE)[0]
        height[np.int64(((word & _LOW) * np.uint64(n)) >> _32)] += 1
    count = 0
    for s in range(n):
        if height[s] >= 2:
            now[count] = s
            count += 1
    active[:] = 0
    for k in range(steps):
        active[k] = count
        if count == 0:
            return
        fresh = 0
        for m in range(count):
            height[now[m]] -= 2
        for m in range(count):
            s = now[m]
            word = bits(seed, KNOWN_ANSWERS, np.uint64(k), np.uint64(s), _ZERO)[0]
            for target in (
                _neighbour(s, edge, word & _THREE),
                _neighbour(s, edge, (word >> _TWO) & _THREE),
            ):
                height[target] += 1
                if height[target] >= 2 and listed[target] != k + 1:
                    listed[target] = k + 1
                    then[fresh] = target
                    fresh += 1
            if height[s] >= 2 and listed[s] != k + 1:
                listed[s] = k + 1
                then[fresh] = s
                fresh += 1
        now, then = then, now
        count = fresh


@njit
def directed_percolation(edge, p, steps, seed, active):
    """Bond directed percolation on a ring of `edge` sites, all active at first.

    An active site s passes activity on to s and to s + 1, each with probability p. active[k]
    (steps,) = number of active sites before step k.
    """
    now, then = np.ones(edge, np.uint8), np.zeros(edge, np.uint8)
    active[:] = 0
    count = edge
    for k in range(steps):
        active[k] = count
        if count == 0:
            return
        count = 0
        then[:] = 0
        for s in range(edge):
            if now[s]:
                first, second = bits(seed, KNOWN_ANSWERS, np.uint64(k), np.uint64(s), _TWO)
                if uniform(first) < p:
                    then[s] = 1
                if uniform(second) < p:
                    then[s + 1 if s + 1 < edge else 0] = 1
        for s in range(edge):
            count += then[s]
        now, then = then, now


# ------------------------------------------------------------------------------------------------------------
# Spheres without loops

_MIX_0, _MIX_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_MIX_2, _21 = np.uint64(0x94D049BB133111EB), np.uint64(0x1FFFFF)
PUSH = 0.5  # force of the linear potential


@njit(forceinline=True)
def _shift(key, i, j):
    """The 64-bit word of the pair of spheres i < j: number 2**32 i + j of SplitMix64 from `key`.

    Source: G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014, 453.
    """
    z = key + ((np.uint64(i) << _32) | np.uint64(j)) * _MIX_0
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@njit(forceinline=True)
def _apart(fixed, word, i, j):
    """x_i - x_j + A_ij for i < j on the three axes, nearest image, in units of the box/2**32.

    Coordinates wrap at 2**32; the shift has 21 bits an axis. From j's side it is minus this.
    """
    a, b, c = word & _21, (word >> np.uint64(21)) & _21, (word >> np.uint64(42)) & _21
    eleven = np.uint64(11)
    return (
        np.int32((np.uint64(fixed[i, 0]) - np.uint64(fixed[j, 0]) + (a << eleven)) & _LOW),
        np.int32((np.uint64(fixed[i, 1]) - np.uint64(fixed[j, 1]) + (b << eleven)) & _LOW),
        np.int32((np.uint64(fixed[i, 2]) - np.uint64(fixed[j, 2]) + (c << eleven)) & _LOW),
    )


@njit(forceinline=True)
def _touch(fixed, key, shifted, i, j, diameter):
    """Whether i < j are less than a diameter (in units of the box/2**32) apart."""
    word = _shift(key, i, j) if shifted else _ZERO
    x, y, z = _apart(fixed, word, i, j)
    if abs(np.int64(x)) >= diameter:
        return False
    x, y, z = float(x), float(y), float(z)
    return x * x + y * y + z * z < diameter * diameter


@njit
def mari_kurchan_start(seed, fixed):
    """Fill the coordinates of the start, (N, 3) uint32, uniform in the box."""
    for i in range(fixed.shape[0]):
        first, second = bits(seed, KNOWN_ANSWERS, _ZERO, np.uint64(i), _THREE)
        third = bits(seed, KNOWN_ANSWERS, _ZERO, np.uint64(i), _THREE + _ONE)[0]
        fixed[i, 0], fixed[i, 1] = np.uint32(first >> _32), np.uint32(second >> _32)
        fixed[i, 2] = np.uint32(third >> _32)


@njit
def mari_kurchan(fixed, box, alpha, batch_fraction, shifted, seed, active):
    """SGD of spheres of diameter 1 in a cube of edge `box`, each pair seeing the other shifted.

    fixed (N, 3) uint32 is changed in place; active[k] (steps,) = number of spheres with an overlap
    before step k. Contacts are kept from step to step; a sphere that moved is tried with all others.
    `shifted` false: no shifts, plain spheres.
    """
    n, steps = fixed.shape[0], active.shape[0]
    unit = 4294967296.0 / box
    key = bits(seed, KNOWN_ANSWERS, _ZERO, _ZERO, _ONE + _THREE)[1]
    first, second = np.empty(16 * n, np.int32), np.empty(16 * n, np.int32)
    push = np.zeros((n, 3), np.int64)
    moved, movers = np.ones(n, np.uint8), np.arange(n)
    mark = np.zeros(n, np.int32)
    count, moving = 0, n
    active[:] = 0
    for k in range(steps + 1):
        kept = 0  # contacts of spheres that stayed
        for c in range(count):
            if not (moved[first[c]] or moved[second[c]]):
                first[kept], second[kept] = first[c], second[c]
                kept += 1
        count = kept
        for m in range(moving):
            i = movers[m]
            for j in range(n):
                if j == i or (moved[j] and j < i):
                    continue
                low, high = min(i, j), max(i, j)
                if _touch(fixed, key, shifted, low, high, unit):
                    if count == first.shape[0]:
                        more = np.empty(count, np.int32)
                        first, second = np.append(first, more), np.append(second, more)
                    first[count], second[count] = low, high
                    count += 1
        for m in range(moving):
            moved[movers[m]] = 0
        if k == steps:
            return
        moving = 0
        for c in range(count):
            i, j = first[c], second[c]
            for s in (i, j):
                if mark[s] != k + 1:
                    mark[s] = k + 1
                    active[k] += 1
            label = np.uint64(j) | (_ONE << _32)
            word = bits(seed, KNOWN_ANSWERS, np.uint64(k), np.uint64(i), label)[0]
            if batch_fraction < 1.0 and uniform(word) >= batch_fraction:
                continue
            x, y, z = _apart(fixed, _shift(key, i, j) if shifted else _ZERO, i, j)
            x, y, z = float(x), float(y), float(z)
            r = math.sqrt(x * x + y * y + z * z)
            if r == 0.0:
                continue
            scale = PUSH * alpha * unit / r
            for axis, way in enumerate((x, y, z)):
                amount = np.int64(round(scale * way))
                push[i, axis] += amount
                push[j, axis] -= amount
            for s in (i, j):
                if not moved[s]:
                    moved[s] = 1
                    movers[moving] = s
                    moving += 1
        if count == 0:
            return
        for m in range(moving):
            s = movers[m]
            for axis in range(3):
                after = np.uint64(fixed[s, axis]) + np.uint64(push[s, axis])
                fixed[s, axis] = np.uint32(after & _LOW)
                push[s, axis] = 0
