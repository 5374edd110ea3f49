"""Spatial order and neighbour lists, rebuilt by all threads together.

Slots are sorted by cell (the first coordinate runs fastest), so the neighbours of a cell along that coordinate are one
run of slots, and candidates are tested four at a time against contiguous memory. Which pairs are listed depends on the
32-bit coordinates and on a cut-off with a safe margin: a list may hold a pair too many, never one too few. What the
dynamics do cannot depend on it, because only the exact 64-bit test decides who touches.

A list holds every pair closer than its range + skin; it stays complete while no particle is further than skin / 2 from
its anchor, the place it had when the list was built.
"""

import math

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.machine import (
    as_float32,
    as_float64,
    as_int32,
    as_int64,
    as_uint32,
    barrier,
    near_run,
)
from mpack._kernels.state import (
    OVERFLOW,
    PAIRS,
    THREAD_COLUMNS,
    crossing,
    share_of,
    stride_of,
)

_U = np.uint64
_32 = np.uint64(32)
MARGIN = 1.0 + 1e-6  # covers the rounding of single precision
LEEWAY = 8.0  # units of the 32-bit coordinates: covers their truncation


@bare
def coarse_reach(space, rule, skin):
    """What `near_*` take as reach: the common part of the cut-off, in units of the 32-bit coordinates, rounded up."""
    own = 0.0 if space.poly else rule.touch
    return np.float32(((own + skin) * (2.0**32 / rule.box) + LEEWAY) * MARGIN)


@bare(forceinline=True)
def _cell_of(axes, coarse, slot, cells):
    """Index of the cell of a slot; `cells` to an edge; the first coordinate runs fastest."""
    index = _U(0)
    for axis in range(len(axes) - 1, -1, -1):
        place = _U(np.uint32(coarse[_U(slot) * stride_of(axes) + _U(axis)]))
        index = index * _U(cells) + ((place * _U(cells)) >> _32)
    return np.int64(index)


@bare
def settle_wraps(axes, space, begin, end):
    """Bring `wraps` from the anchors to the present coordinates."""
    dim, stride = _U(len(axes)), stride_of(axes)
    wraps, anchor, coarse = as_int32(space.wraps), as_int32(space.anchor), as_int32(space.coarse)
    for slot in range(_U(begin), _U(end)):
        for axis in range(len(axes)):
            at = slot * stride + _U(axis)
            wraps[slot * dim + _U(axis)] += crossing(anchor[at], coarse[at])


@bare
def drop_anchor(axes, space, rule, begin, end):
    """Take the coarse coordinates from the exact ones, as they now stand, and make them the anchors."""
    dim, stride = _U(len(axes)), stride_of(axes)
    fixed, anchor, coarse = as_int64(space.fixed), as_int32(space.anchor), as_int32(space.coarse)
    for slot in range(_U(begin), _U(end)):
        for axis in range(len(axes)):
            high = np.int32(fixed[slot * dim + _U(axis)] >> np.int64(32))
            coarse[slot * stride + _U(axis)] = high
            anchor[slot * stride + _U(axis)] = high
    if space.poly:
        radius, radius32 = as_float64(space.radius), as_float32(space.radius32)
        for slot in range(begin, end):
            radius32[slot] = np.float32(radius[slot] * (2.0**32 / rule.box) * MARGIN)


@bare
def _count_sort(cell, start, order, n, total):
    """Counting sort by cell: start[c] = first place of cell c, and cell[new place] = old place."""
    for k in range(total + 1):
        start[k] = np.uint32(0)
    for slot in range(n):
        start[_U(cell[slot]) + _U(1)] += np.uint32(1)
    for k in range(total):
        start[k + 1] += start[k]
    for slot in range(n):
        k = _U(cell[slot])
        order[_U(start[k])] = np.uint32(slot)
        start[k] += np.uint32(1)
    for k in range(total, 0, -1):
        start[k] = start[k - 1]
    start[0] = np.uint32(0)
    for slot in range(n):
        cell[slot] = order[slot]


@bare
def _permute(array, width, order, scratch, begin, end, gate, threads):
    """array[new slot] = array[order[new slot]], `width` entries a slot, by all threads."""
    for slot in range(_U(begin), _U(end)):
        old = _U(order[slot])
        for k in range(_U(width)):
            scratch[slot * _U(width) + k] = array[old * _U(width) + k]
    barrier(gate, threads)
    for k in range(_U(begin * width), _U(end * width)):
        array[k] = scratch[k]
    barrier(gate, threads)


@bare
def _sort(axes, space, lists, rule, shared, cells, thread):
    """Sort the slots by cell and drop anchor, all threads together."""
    n, dim, threads, gate = space.n, len(axes), shared.threads, as_int64(shared.gate)
    begin, end = share_of(n, thread, threads)
    cell, start, coarse = as_uint32(lists.cell), as_uint32(lists.start), as_int32(space.coarse)
    settle_wraps(axes, space, begin, end)
    if cells == 1:
        if thread == 0:
            start[0], start[1] = np.uint32(0), np.uint32(n)
    else:
        for slot in range(begin, end):
            cell[slot] = np.uint32(_cell_of(axes, coarse, slot, cells))
        barrier(gate, threads)
        if thread == 0:
            _count_sort(cell, start, as_uint32(lists.moved), n, cells**dim)  # `moved` is free at this moment
        barrier(gate, threads)
        room = lists.scratch
        _permute(as_int64(space.fixed), dim, cell, as_int64(room), begin, end, gate, threads)
        _permute(as_int32(space.wraps), dim, cell, as_int32(room), begin, end, gate, threads)
        _permute(as_uint32(space.label), 1, cell, as_uint32(room), begin, end, gate, threads)
        if space.poly:
            _permute(as_float64(space.radius), 1, cell, as_float64(room), begin, end, gate, threads)
    drop_anchor(axes, space, rule, begin, end)
    barrier(gate, threads)


@bare
def _neighbour_runs(axes, start, n, cell, cells, runs):
    """runs[2k], runs[2k + 1]: the runs of slots in the cells around `cell`, itself included. Returns how many."""
    if cells == 1:
        runs[0], runs[1] = 0, n
        return 1
    x = cell % cells
    low, high = max(x - 1, 0), min(x + 1, cells - 1)
    count = 0
    for combination in range(3 ** (len(axes) - 1)):
        rest, code, base, stride = cell // cells, combination, 0, cells
        for _ in range(len(axes) - 1):
            place = rest % cells + code % 3 - 1
            place = place + cells if place < 0 else (place - cells if place >= cells else place)
            base += place * stride
            rest //= cells
            code //= 3
            stride *= cells
        runs[2 * count], runs[2 * count + 1] = np.int64(start[base + low]), np.int64(start[base + high + 1])
        count += 1
        if x == 0 or x == cells - 1:
            wrapped = base + (cells - 1 if x == 0 else 0)
            runs[2 * count], runs[2 * count + 1] = np.int64(start[wrapped]), np.int64(start[wrapped + 1])
            count += 1
    return count


@bare
def _list_slot(axes, space, slot, low, high, reach, front, back, at, paired):
    """Append the slots in [low, high) near `slot` to `back` (paired: and `slot` to `front`); returns the new end."""
    poly, coarse, radius32 = space.poly != 0, as_int32(space.coarse), as_float32(space.radius32)
    place, other, stop = _U(at), _U(low), _U(high)
    while other < stop:
        mask = near_run(axes, poly, coarse, radius32, _U(slot), _U(0), other, reach)
        if stop - other < _U(4):
            mask &= (_U(1) << (stop - other)) - _U(1)
        for k in range(4):
            back[place] = np.uint32(other + _U(k))
            if paired:
                front[place] = np.uint32(slot)
            place += (mask >> _U(k)) & _U(1)
        other += _U(4)
    return np.int64(place)


@bare(forceinline=True)
def list_room(lists, shared):
    """Entries that fit into the list, but for a margin that tests of four at a time may read or write beyond."""
    return (lists.pairs_room if shared.sparse else lists.pairs_room // 2) - 8


@bare
def list_neighbours(axes, space, lists, rule, shared, cells, thread):
    """The list of this thread's slots: every pair once, as two columns (dense), or all of each slot's row (sparse)."""
    start, coarse = as_uint32(lists.start), as_int32(space.coarse)
    front, back = as_uint32(lists.front), as_uint32(lists.back)
    first, last = as_uint32(lists.first), as_uint32(lists.last)
    runs = as_int64(lists.runs + _U(8 * lists.runs_room * thread))
    own = as_int64(shared.threads_own + _U(8 * THREAD_COLUMNS * thread))
    paired = shared.sparse == 0
    begin, end = share_of(space.n, thread, shared.threads)
    at, full = share_of(list_room(lists, shared), thread, shared.threads)
    reach = coarse_reach(space, rule, shared.skin)
    slot = begin
    while slot < end:
        cell = _cell_of(axes, coarse, slot, cells) if cells > 1 else 0
        count = _neighbour_runs(axes, start, space.n, cell, cells, runs)
        stop = min(end, np.int64(start[cell + 1]))
        while slot < stop:
            first[slot] = np.uint32(at)
            for k in range(count):
                low, high = runs[2 * k], runs[2 * k + 1]
                if at + (high - low) + 4 > full:
                    own[OVERFLOW] = 1
                    return
                if low <= slot < high:  # never itself
                    if not paired:
                        at = _list_slot(axes, space, slot, low, slot, reach, front, back, at, paired)
                    low = slot + 1
                elif paired and high <= slot:
                    continue
                at = _list_slot(axes, space, slot, low, high, reach, front, back, at, paired)
            last[slot] = np.uint32(at)
            slot += 1
    own[PAIRS] = at


@bare
def cells_to_an_edge(axes, lists, rule, skin):
    """As many cells as fit with edges no shorter than the cut-off; 1 (all pairs) where three do not fit."""
    cutoff = (rule.largest + skin) * MARGIN + LEEWAY * rule.box / 2.0**32
    cells = np.int64(math.floor(min(rule.box / cutoff, 1e6)))
    while cells >= 3 and cells ** len(axes) > lists.cells_room:
        cells -= 1
    return cells if cells >= 3 else 1


@bare
def most_contacts(axes, space, lists, rule, skin):
    """A bound on the contacts of one particle for as long as the list lives: the fullest 3**dim cells there can be."""
    cells = cells_to_an_edge(axes, lists, rule, skin)
    if cells == 1:
        return space.n - 1
    start = as_uint32(lists.start)
    fullest = np.int64(0)
    for cell in range(cells ** len(axes)):
        fullest = max(fullest, np.int64(start[cell + 1]) - np.int64(start[cell]))
    return fullest * 3 ** len(axes)


@bare
def rebuild(axes, space, lists, rule, shared, thread):
    """Sort, drop anchor and list anew, all threads together. False if the list did not fit."""
    own = as_int64(shared.threads_own)
    own[THREAD_COLUMNS * thread + OVERFLOW] = 0
    cells = cells_to_an_edge(axes, lists, rule, shared.skin)
    _sort(axes, space, lists, rule, shared, cells, thread)
    list_neighbours(axes, space, lists, rule, shared, cells, thread)
    barrier(as_int64(shared.gate), shared.threads)
    for other in range(shared.threads):
        if own[THREAD_COLUMNS * other + OVERFLOW] != 0:
            return False
    return True
