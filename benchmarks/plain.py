"""What one would write first with numba: float64 coordinates, a half list with a fixed skin, Mersenne-Twister noise.

Honest and idiomatic, not a straw man: CSR half list from a cell grid, particles sorted by cell at
every rebuild (which most first versions forget), rebuilt when two particles may have used up the
skin.
"""

import math

import numba as nb
import numpy as np

SKIN = 0.2


@nb.njit(cache=True, nogil=True)
def _cells(x, box, cells, head, order):
    n = x.shape[0]
    index = np.empty(n, np.int64)
    count = np.zeros(cells**3 + 1, np.int64)
    for i in range(n):
        c = 0
        for axis in range(2, -1, -1):
            c = c * cells + min(int(x[i, axis] / box * cells), cells - 1)
        index[i] = c
        count[c + 1] += 1
    for c in range(cells**3):
        count[c + 1] += count[c]
    head[:] = count
    for i in range(n):
        order[count[index[i]]] = i
        count[index[i]] += 1


@nb.njit(cache=True, nogil=True)
def build(x, box, cutoff, first, neighbours):
    """Sort x by cell and fill the half list; returns the number of pairs."""
    n = x.shape[0]
    cells = int(box / cutoff)
    head = np.empty(cells**3 + 1, np.int64)
    order = np.empty(n, np.int64)
    _cells(x, box, cells, head, order)
    x[:] = x[order]
    _cells(x, box, cells, head, order)
    limit, pairs = cutoff * cutoff, 0
    for i in range(n):
        first[i] = pairs
        cx = min(int(x[i, 0] / box * cells), cells - 1)
        cy = min(int(x[i, 1] / box * cells), cells - 1)
        cz = min(int(x[i, 2] / box * cells), cells - 1)
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    c = (((cz + dz) % cells) * cells + (cy + dy) % cells) * cells + (
                        cx + dx
                    ) % cells
                    for place in range(head[c], head[c + 1]):
                        j = order[place]
                        if j <= i:
                            continue
                        r2 = 0.0
                        for axis in range(3):
                            d = x[i, axis] - x[j, axis]
                            d -= box * round(d / box)
                            r2 += d * d
                        if r2 < limit:
                            neighbours[pairs] = j
                            pairs += 1
    first[n] = pairs
    return pairs


@nb.njit(cache=True, nogil=True)
def step(x, box, first, neighbours, scale, kind, fraction, push, active):
    """One step; kind 0: pairwise BRO, 1: SGD, 2: gradient descent. Returns how many are active."""
    n = x.shape[0]
    half = 0.5 * box
    for i in range(n):
        for place in range(first[i], first[i + 1]):
            j = neighbours[place]
            dx = x[i, 0] - x[j, 0]
            dy = x[i, 1] - x[j, 1]
            dz = x[i, 2] - x[j, 2]
            dx = dx - box if dx > half else (dx + box if dx < -half else dx)
            dy = dy - box if dy > half else (dy + box if dy < -half else dy)
            dz = dz - box if dz > half else (dz + box if dz < -half else dz)
            r2 = dx * dx + dy * dy + dz * dz
            if r2 < 1.0:
                active[i] = active[j] = 1
                w = scale / math.sqrt(r2)
                if kind == 0:
                    w *= np.random.random()
                elif kind == 1 and np.random.random() >= fraction:
                    w = 0.0
                push[i, 0] += w * dx
                push[i, 1] += w * dy
                push[i, 2] += w * dz
                push[j, 0] -= w * dx
                push[j, 1] -= w * dy
                push[j, 2] -= w * dz
    count = 0
    for i in range(n):
        count += active[i]
        active[i] = 0
        for axis in range(3):
            v = x[i, axis] + push[i, axis]
            x[i, axis] = v - box if v >= box else (v + box if v < 0.0 else v)
    return count


@nb.njit(cache=True, nogil=True)
def run(x, box, steps, scale, kind, fraction, seed, skin):
    """Steps from x (n, 3) in place; returns (steps done, fewer if absorbed; active particles in all of them)."""
    np.random.seed(seed)
    n = x.shape[0]
    first, neighbours = np.zeros(n + 1, np.int64), np.zeros(16 * n + 64, np.int32)
    push, moved, active = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros(n, np.uint8)
    stale, total = True, 0
    for k in range(steps):
        if stale:
            build(x, box, 1.0 + skin, first, neighbours)
            moved[:] = 0.0
        count = step(x, box, first, neighbours, scale, kind, fraction, push, active)
        if count == 0:
            return k, total
        total += count
        far = 0.0
        for i in range(n):
            square = 0.0
            for axis in range(3):
                moved[i, axis] += push[i, axis]
                push[i, axis] = 0.0
                square += moved[i, axis] * moved[i, axis]
            far = max(far, square)
        stale = 4.0 * far >= skin * skin
    return steps, total
