"""All pairs within a cut-off, from the integer coordinates: exact, each pair once, work proportional to n.

A pair i < j is listed when r**2 < c**2 with c = factor (D_i + D_j)/2 + margin, in float64 and in
this order of operations: differences wrap as 64-bit integers (the nearest image), become lengths by
one multiplication, and their squares are added from the first axis to the last. The cut-off must
not exceed half the box.

Particles are sorted into cells at least one cut-off wide; a particle meets those after it in its
own cell and all in half of the neighbouring cells. With fewer than three cells along an edge there
is one cell and all pairs are tried.
"""

import itertools
import math

import numpy as np

from mpack._kernels._jit import njit

_32 = np.uint64(32)
_CHUNK = 2**21  # pairs handed over at a time


@njit
def _cell_numbers(fixed, cells, out):
    """out[i] = row-major number of the cell of particle i, `cells` to an edge."""
    edge = np.uint64(cells)
    for i in range(fixed.shape[0]):
        number = np.int64(0)
        for c in range(fixed.shape[1]):
            coordinate = np.uint64(fixed[i, c]) >> _32
            number = number * cells + np.int64((coordinate * edge) >> _32)
        out[i] = number


@njit
def _neighbour_cells(cell, cells, offsets, digits, out):
    """out[k] = number of the cell at offsets[k] from `cell`, around the box; digits is scratch of length
    d.
    """
    dim = offsets.shape[1]
    rest = cell
    for c in range(dim - 1, -1, -1):
        digits[c] = rest % cells
        rest = rest // cells
    for k in range(offsets.shape[0]):
        number = np.int64(0)
        for c in range(dim):
            digit = digits[c] + offsets[k, c]
            if digit < 0:
                digit += cells
            elif digit >= cells:
                digit -= cells
            number = number * cells + digit
        out[k] = number


@njit(forceinline=True)
def _squared(X, s, t, to_length):
    """Squared separation of the nearest images of rows s and t."""
    total = 0.0
    for c in range(X.shape[1]):
        dx = float(np.int64(np.uint64(X[s, c]) - np.uint64(X[t, c]))) * to_length
        total += dx * dx
    return total


@njit
def _visit(
    X,
    D,
    cell,
    first,
    cells,
    offsets,
    to_length,
    factor,
    margin,
    begin,
    end,
    order,
    start,
    i,
    j,
    r,
    count,
):
    """Pairs of the sorted rows begin <= s < end.

    With `order` empty it counts them: count[s] = pairs listed under row s. Otherwise it writes them
    to i < j and r, those of row s from start[s] - start[begin] on.
    """
    fill = order.shape[0] > 0
    near = np.empty(offsets.shape[0], np.int64)
    digits = np.empty(offsets.shape[1], np.int64)
    last = np.int64(-1)
    for s in range(begin, end):
        if cell[s] != last:
            last = cell[s]
            _neighbour_cells(last, cells, offsets, digits, near)
        found = np.int64(0)
        for k in range(-1, near.shape[0]):
            if k < 0:
                low, high = s + 1, first[last + 1]
            else:
                low, high = first[near[k]], first[near[k] + 1]
            for t in range(low, high):
                cut = factor * (0.5 * (D[s] + D[t])) + margin
                square = _squared(X, s, t, to_length)
                if square < cut * cut:
                    if fill:
                        m = start[s] - start[begin] + found
                        i[m] = min(order[s], order[t])
                        j[m] = max(order[s], order[t])
                        r[m] = math.sqrt(square)
                    found += 1
        count[s] = found


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
    cells = _cells_per_edge(n, dim, reach / box)
    number = np.zeros(n, np.int64)
    if cells > 1:
        _cell_numbers(fixed, cells, number)
    order = np.argsort(number, kind="stable")
    cell = number[order]
    first = np.searchsorted(cell, np.arange(cells**dim + 1))
    sorted_rows = (fixed[order], diameters[order], cell, first, cells, _half_stencil(dim, cells))
    lengths = (box * 2.0**-64, float(factor), float(margin))
    count = np.empty(n, np.int64)
    nothing, none = np.empty(0, np.int64), np.empty(0)
    _visit(*sorted_rows, *lengths, 0, n, nothing, nothing, nothing, nothing, none, count)
    start = np.concatenate(([0], np.cumsum(count)))
    begin = 0
    while begin < n:
        end = max(begin + 1, int(np.searchsorted(start, start[begin] + _CHUNK, side="right")) - 1)
        size = start[end] - start[begin]
        i, j, r = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
        _visit(*sorted_rows, *lengths, begin, end, order, start, i, j, r, count)
        yield i, j, r
        begin = end


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


def _half_stencil(dim, cells):
    """One of each pair of opposite neighbouring cells, (k, dim); none if there is one cell."""
    if cells == 1:
        return np.empty((0, dim), np.int64)
    return np.array(
        [o for o in itertools.product((-1, 0, 1), repeat=dim) if o > (0,) * dim], dtype=np.int64
    )
