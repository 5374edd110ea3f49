"""Lattice models whose critical exponents are known: site percolation and the fixed-energy Manna sandpile on a
periodic square lattice, directed percolation on a ring. Arrays in, numbers out.

Noise: purpose `KNOWN_ANSWERS`; labels (site, 0), (site, 2) on the ring; step = the step of a model
in time, 0 for the start. Every run has a seed of its own.
"""

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
