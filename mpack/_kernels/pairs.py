"""All pairs within a cut-off, from the integer coordinates: exact, each pair once, work proportional to n.

A pair i < j is listed when r**2 < c**2 with c = factor (D_i + D_j)/2 + margin, in float64 and in
this order of operations: differences wrap as 64-bit integers (the nearest image), become lengths by
one multiplication, and their squares are added from the first axis to the last. The cut-off must
not exceed half the box.

Particles are sorted by tier of size and by cell (see `cells`); a particle meets those after it in
the cells of its own tier that a cube around it touches, and all in those of the tiers below. With
fewer than three cells along an edge a tier has one cell and all its pairs are tried.
"""

import math

import numpy as np

from mpack._kernels._jit import njit
from mpack._kernels.cells import cell_of, line_at, open_window, tiers, turn_to_next_line

_CHUNK = 2**21  # pairs handed over at a time


@njit
def _cell_numbers(axes, coarse, begin, edge, base, out):
    """out[s] = number of the cell of row s, tier after tier."""
    for tier in range(edge.shape[0]):
        for s in range(begin[tier], begin[tier + 1]):
            out[s] = base[tier] + cell_of(axes, coarse, s, edge[tier])


@njit(forceinline=True)
def _squared(X, s, t, to_length):
    """Squared separation of the nearest images of rows s and t."""
    total = 0.0
    for c in range(X.shape[1]):
        dx = float(np.int64(np.uint64(X[s, c]) - np.uint64(X[t, c]))) * to_length
        total += dx * dx
    return total


@njit(forceinline=True)
def _try(X, D, s, low, high, lengths, order, i, j, r, at):
    """Write the pairs of row s with rows [low, high) to i < j and r, from `at` on; returns the end.

    With `order` empty they are only counted.
    """
    for t in range(low, high):
        cut = lengths[1] * (0.5 * (D[s] + D[t])) + lengths[2]
        square = _squared(X, s, t, lengths[0])
        if square < cut * cut:
            if order.shape[0] > 0:
                i[at] = min(order[s], order[t])
                j[at] = max(order[s], order[t])
                r[at] = math.sqrt(square)
            at += 1
    return at


@njit
def _visit(axes, rows, grid, lengths, begin, end, order, i, j, r, count):
    """Pairs of the sorted rows begin <= s < end, each once: count[s] of them, and what `_try` writes."""
    X, D, coarse = rows
    begins, edge, base, first, tops = grid
    window, at, tier = np.empty(3 * len(axes), np.int64), np.int64(0), np.int64(0)
    for s in range(begin, end):
        before = at
        while begins[tier + 1] <= s:
            tier += 1
        for other in range(tier + 1):
            reach = 0.5 * lengths[1] * (D[s] + tops[other]) + lengths[2]
            reach = max(reach, 0.0) * (1.0 + 1e-9) / (lengths[0] * 2.0**32) + 4.0
            cells, behind = edge[other], s + 1 if other == tier else 0
            lines = open_window(axes, coarse, s, cells, reach, window)
            low, high = window[0], window[0] + window[len(axes)]
            for _ in range(lines):
                line = line_at(axes, base[other], cells, window)
                turn_to_next_line(axes, window)
                stop = first[line + min(high, cells)]
                if stop > behind:
                    start = max(first[line + low], behind)
                    at = _try(X, D, s, start, stop, lengths, order, i, j, r, at)
                if high > cells and first[line + high - cells] > behind:  # around the box
                    start, stop = max(first[line], behind), first[line + high - cells]
                    at = _try(X, D, s, start, stop, lengths, order, i, j, r, at)
        count[s] = at - before


def chunks(fixed, box, diameters, factor, margin):
    """Yield (i, j, r) arrays of pairs, a few million at a time; i < j, order of pairs unspecified.

    Raises
    ------
    ValueError
        If the cut-off of the largest particles exceeds half the box.
    """
    reach = factor * float(diameters.max()) + margin
    if not reach <= 0.5 * box:
        raise ValueError(
            f"the cut-off of a pair must be at most box/2 = {0.5 * box:.6g}; got {reach:.6g}"
        )
    n, dim = fixed.shape
    axes, lengths = (0,) * dim, (box * 2.0**-64, float(factor), float(margin))
    order, rows, grid = _sorted(axes, fixed, box, diameters, lengths)
    count = np.empty(n, np.int64)
    nothing, none = np.empty(0, np.int64), np.empty(0)
    _visit(axes, rows, grid, lengths, 0, n, nothing, nothing, nothing, none, count)
    start = np.concatenate(([0], np.cumsum(count)))
    begin = 0
    while begin < n:
        end = max(begin + 1, int(np.searchsorted(start, start[begin] + _CHUNK, side="right")) - 1)
        size = start[end] - start[begin]
        i, j, r = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
        _visit(axes, rows, grid, lengths, begin, end, order, i, j, r, count)
        yield i, j, r
        begin = end


def _sorted(axes, fixed, box, diameters, lengths):
    """(order, rows, grid): the particles by tier and cell; their coordinates, diameters and coarse
    coordinates in that order; what `_visit` knows of the cells.
    """
    (n, dim), (_, factor, margin) = fixed.shape, lengths
    order, begin = tiers(diameters)
    tops = np.maximum.reduceat(diameters[order], begin[:-1])
    reach = np.maximum(factor * tops + margin, 0.0) / box
    edge = np.array([_cells_per_edge(k, dim, c) for k, c in zip(np.diff(begin), reach)])
    base = np.concatenate(([0], np.cumsum(edge**dim)))
    cell = np.empty(n, np.int64)
    _cell_numbers(axes, _coarse(fixed[order]), begin, edge, base, cell)
    place = np.argsort(cell, kind="stable")
    order, first = order[place], np.searchsorted(cell[place], np.arange(base[-1] + 1))
    rows = (fixed[order], diameters[order], _coarse(fixed[order]))
    return order, rows, (begin, edge, base, first, tops)


def _coarse(fixed):
    """The upper halves of coordinates, as `cells` wants them."""
    n, dim = fixed.shape
    coarse = np.zeros((n, 4 if dim <= 4 else 8), dtype=np.int32)
    coarse[:, :dim] = fixed >> 32
    return coarse.ravel()


def sorted_pairs(fixed, box, diameters, factor, margin):
    """Pairs (m, 2) with i < j in lexicographic order, and their separations (m,)."""
    i, j, r = (
        np.concatenate(parts) for parts in zip(*chunks(fixed, box, diameters, factor, margin))
    )
    rank = np.lexsort((j, i))
    return np.stack((i[rank], j[rank]), axis=1), r[rank]


def _cells_per_edge(n, dim, reach):
    """Most cells along an edge that are surely wider than `reach` (a fraction of the box), and not many more
    than n.

    Cell borders lie on multiples of 2**-32 of the box, whence the slack.
    """
    fits = int(1.0 / (reach * (1.0 + 1e-9) + 2.0**-30))
    useful = int((2.0 * n) ** (1.0 / dim)) + 1
    cells = min(fits, useful)
    return cells if cells >= 3 else 1
