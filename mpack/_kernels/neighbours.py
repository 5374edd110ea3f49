"""Spatial order and neighbour lists, rebuilt by all threads together.

Slots are sorted by cell (the first coordinate runs fastest), so the neighbours of a cell along that
coordinate are one run of slots, and candidates are tested four at a time against contiguous memory.
Which pairs are listed depends on the 32-bit coordinates and on a cut-off with a safe margin: a list
may hold a pair too many, never one too few. What the dynamics do cannot depend on it, because only
the exact 64-bit test decides who touches.

A list holds every pair closer than its range + skin; it stays complete while no particle is further
than skin / 2 from its anchor, the place it had when the list was made. Dense steps use two lists: a
wide one, built now and then together with sorting, and the one they look at, pruned from it every
few steps with a thin skin.
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
    near_pairs,
    near_run,
)
from mpack._kernels.state import (
    OVERFLOW,
    PAIRS,
    ROAMED,
    THREAD_COLUMNS,
    WIDE,
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
def cell_of(axes, coarse, slot, cells):
    """Index of the cell of a slot; `cells` to an edge; the first coordinate runs fastest."""
    index = _U(0)
    for axis in range(len(axes) - 1, -1, -1):
        place = _U(np.uint32(coarse[_U(slot) * stride_of(axes) + _U(axis)]))
        index = index * _U(cells) + ((place * _U(cells)) >> _32)
    return np.int64(index)


@bare(entry=True)
def settle_wraps(axes, space, begin, end):
    """Bring `wraps` from the anchors to the present coordinates."""
    dim, stride = _U(len(axes)), stride_of(axes)
    wraps, anchor, coarse = as_int32(space.wraps), as_int32(space.anchor), as_int32(space.coarse)
    for slot in range(_U(begin), _U(end)):
        for axis in range(len(axes)):
            at = slot * stride + _U(axis)
            wraps[slot * dim + _U(axis)] += crossing(anchor[at], coarse[at])


@bare(entry=True)
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
def sort(axes, space, lists, rule, shared, cells, thread):
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
            cell[slot] = np.uint32(cell_of(axes, coarse, slot, cells))
        barrier(gate, threads)
        if thread == 0:
            _count_sort(
                cell, start, as_uint32(lists.moved), n, cells**dim
            )  # `moved` is free at this moment
        barrier(gate, threads)
        room = as_uint32(lists.scratch)  # everything moves as 32-bit words
        _permute(as_uint32(space.fixed), 2 * dim, cell, room, begin, end, gate, threads)
        _permute(as_uint32(space.wraps), dim, cell, room, begin, end, gate, threads)
        _permute(as_uint32(space.label), 1, cell, room, begin, end, gate, threads)
        if space.poly:
            _permute(as_uint32(space.radius), 2, cell, room, begin, end, gate, threads)
    drop_anchor(axes, space, rule, begin, end)
    barrier(gate, threads)


@bare
def _neighbour_runs(axes, start, n, cell, cells, slot, half, runs):
    """The runs of slots in the cells around `cell`; the first begins with `slot`, a slot of that cell.

    runs[2k], runs[2k + 1]: first slot and the one after the last. Returns how many. half: only from
    `slot` on.
    """
    runs[0], runs[1] = slot, (np.int64(start[cell + 1]) if cells > 1 else n)
    runs[2], runs[3] = (np.int64(start[cell]) if cells > 1 else 0), slot
    count = 1 if half else 2
    if cells == 1:
        return count
    x = cell % cells
    for combination in range(3 ** (len(axes) - 1)):
        rest, code, base, stride = cell // cells, combination, 0, cells
        for _ in range(len(axes) - 1):
            place = rest % cells + code % 3 - 1
            place = place + cells if place < 0 else (place - cells if place >= cells else place)
            base += place * stride
            rest //= cells
            code //= 3
            stride *= cells
        for part in range(
            3
        ):  # before the cell itself and behind it (in its own row), or all at once; and wrapped
            low, high = base + max(x - 1, 0), base + min(x + 1, cells - 1) + 1
            if part == 2:
                low = base + (cells - 1 if x == 0 else 0)
                high = low + 1 if x == 0 or x == cells - 1 else low
            elif base + x == cell:
                low, high = (low, cell) if part == 0 else (cell + 1, high)
            elif part == 1:
                continue
            first, last = np.int64(start[low]), np.int64(start[high])
            if half:
                first = max(first, slot)
            runs[2 * count], runs[2 * count + 1] = first, last
            count += np.int64(last > first)
    return count


@bare
def _gather_halo(axes, poly, coarse, radius32, runs, count, room, halo, halo_slot, halo_radius):
    """Copy the slots of the runs together; returns how many, or -1 if there was no room for them."""
    stride = stride_of(axes)
    size = _U(0)
    for k in range(count):
        low, high = _U(runs[2 * k]), _U(runs[2 * k + 1])
        if size + (high - low) > room:
            return np.int64(-1)
        for slot in range(low, high):
            for lane in range(4 if len(axes) <= 4 else 8):
                halo[size * stride + _U(lane)] = coarse[slot * stride + _U(lane)]
            halo_slot[size] = np.uint32(slot)
            if poly:
                halo_radius[size] = radius32[slot]
            size += _U(1)
    return np.int64(size)


@bare(forceinline=True)
def _list_near(
    axes, poly, halo, halo_slot, halo_radius, centre, low, high, reach, front, back, place, paired
):
    """Append the halo's entries in [low, high) near entry `centre`; returns the new end of the list."""
    other = low
    while other < high:
        mask = near_run(axes, poly, halo, halo_radius, centre, _U(0), other, reach)
        if high - other < _U(4):
            mask &= (_U(1) << (high - other)) - _U(1)
        for k in range(4):
            back[place] = halo_slot[other + _U(k)]
            if paired:
                front[place] = halo_slot[centre]
            place += (mask >> _U(k)) & _U(1)
        other += _U(4)
    return place


SPARE = 8  # entries at the end of a list that tests of four at a time may read or write beyond
WIDER = 0.2  # by how much the wide list's skin exceeds that of the list pruned from it


@bare
def list_neighbours(axes, space, lists, rule, shared, cells, thread):
    """The wide list of this thread's slots: every pair once, as two columns (dense), or each slot's whole row (sparse).

    Cell by cell: what lies around is copied together first (the halo), so that the tests run over
    contiguous memory.
    """
    poly, start, coarse, radius32 = (
        space.poly != 0,
        as_uint32(lists.start),
        as_int32(space.coarse),
        as_float32(space.radius32),
    )
    front, back = as_uint32(lists.wide_i), as_uint32(lists.rows)
    first, last = as_uint32(lists.first), as_uint32(lists.last)
    room = _U(lists.halo_room)
    halo = as_int32(lists.halo + _U(4) * stride_of(axes) * (room + _U(4)) * _U(thread))
    halo_slot = as_uint32(lists.halo_slot + _U(4) * (room + _U(4)) * _U(thread))
    halo_radius = as_float32(lists.halo_radius + _U(4) * (room + _U(4)) * _U(thread))
    runs = as_int64(lists.runs + _U(8 * lists.runs_room * thread))
    own = as_int64(shared.threads_own + _U(8 * THREAD_COLUMNS * thread))
    paired, reach = shared.sparse == 0, coarse_reach(space, rule, shared.skin + WIDER)
    begin, end = share_of(space.n, thread, shared.threads)
    at, full = share_of(
        (lists.rows_room // 2 if paired else lists.rows_room) - SPARE, thread, shared.threads
    )
    slot, place = _U(begin), _U(at)
    while slot < _U(end):
        cell = cell_of(axes, coarse, slot, cells) if cells > 1 else 0
        count = _neighbour_runs(axes, start, space.n, cell, cells, np.int64(slot), paired, runs)
        size = _gather_halo(
            axes, poly, coarse, radius32, runs, count, room, halo, halo_slot, halo_radius
        )
        stop, base = min(_U(end), _U(runs[1])), slot
        if size < 0 or place + _U(size + 4) * (stop - base) > _U(full):
            own[OVERFLOW] = 1
            return
        while slot < stop:
            centre = slot - base
            first[slot] = np.uint32(place)
            if not paired:
                place = _list_near(
                    axes,
                    poly,
                    halo,
                    halo_slot,
                    halo_radius,
                    centre,
                    _U(0),
                    centre,
                    reach,
                    front,
                    back,
                    place,
                    paired,
                )
            place = _list_near(
                axes,
                poly,
                halo,
                halo_slot,
                halo_radius,
                centre,
                centre + _U(1),
                _U(size),
                reach,
                front,
                back,
                place,
                paired,
            )
            last[slot] = np.uint32(place)
            slot += _U(1)
    own[WIDE] = np.int64(place)


@bare
def cells_to_an_edge(lists, rule, skin):
    """As many cells as fit with edges no shorter than the cut-off; 1 (all pairs) where three do not fit."""
    cutoff = (rule.largest + skin) * MARGIN + LEEWAY * rule.box / 2.0**32
    cells = np.int64(math.floor(min(rule.box / cutoff, float(lists.cells))))
    return cells if cells >= 3 else 1


@bare
def most_contacts(axes, space, lists, rule, shared):
    """A bound on the contacts of one particle for as long as the list lives: the fullest 3**dim cells there can be."""
    cells = cells_to_an_edge(lists, rule, shared.wide)
    if cells == 1:
        return space.n - 1
    start = as_uint32(lists.start)
    fullest = np.int64(0)
    for cell in range(cells ** len(axes)):
        fullest = max(fullest, np.int64(start[cell + 1]) - np.int64(start[cell]))
    return fullest * 3 ** len(axes)


@bare
def _prune(axes, space, lists, rule, shared, thread):
    """From the wide list of this thread the one that steps look at."""
    poly, coarse, radius32 = space.poly != 0, as_int32(space.coarse), as_float32(space.radius32)
    wide_i, wide_j = as_uint32(lists.wide_i), as_uint32(lists.rows)
    front, back = as_uint32(lists.front), as_uint32(lists.back)
    own = as_int64(shared.threads_own + _U(8 * THREAD_COLUMNS * thread))
    reach = coarse_reach(space, rule, shared.skin)
    at, end = _U(share_of(lists.rows_room // 2 - SPARE, thread, shared.threads)[0]), _U(own[WIDE])
    begin, full = share_of(lists.pairs_room - SPARE, thread, shared.threads)
    place = _U(begin)
    while at < end:
        if place + _U(4) > _U(full):
            own[OVERFLOW] = 1
            return
        mask = near_pairs(axes, poly, coarse, radius32, wide_i, wide_j, at, reach)
        if end - at < _U(4):
            mask &= (_U(1) << (end - at)) - _U(1)
        for k in range(4):
            front[place] = wide_i[at + _U(k)]
            back[place] = wide_j[at + _U(k)]
            place += (mask >> _U(k)) & _U(1)
        at += _U(4)
    own[PAIRS] = np.int64(place)


@bare
def _roamed(axes, space, shared, thread):
    """Note the largest squared distance from home among this thread's slots, in units of `coarse`."""
    coarse, home, stride = as_int32(space.coarse), as_int32(space.home), stride_of(axes)
    own = as_int64(shared.threads_own + _U(8 * THREAD_COLUMNS * thread))
    begin, end = share_of(space.n, thread, shared.threads)
    farthest = np.float32(0.0)
    for slot in range(_U(begin), _U(end)):
        far = np.float32(0.0)
        for axis in range(len(axes)):
            delta = np.float32(
                np.int32(coarse[slot * stride + _U(axis)] - home[slot * stride + _U(axis)])
            )
            far += delta * delta
        farthest = max(farthest, far)
    own[ROAMED] = np.int64(
        min(farthest, np.float32(2.0**62))
    )  # what integers hold: half a box in each direction is more


@bare
def _wide_list_serves(axes, space, rule, shared, thread):
    """Whether every pair within range + skin of each other now stands in the wide list. All threads agree."""
    if shared.sparse or not shared.sorted:
        return False
    _roamed(axes, space, shared, thread)
    barrier(as_int64(shared.gate), shared.threads)
    own, farthest = as_int64(shared.threads_own), np.int64(0)
    for other in range(shared.threads):
        farthest = max(farthest, own[THREAD_COLUMNS * other + ROAMED])
    room = (0.5 * (shared.wide - shared.skin)) * (2.0**32 / rule.box) - LEEWAY
    return room > 0.0 and float(farthest) * MARGIN < room * room


@bare
def go_home(axes, space, begin, end):
    home, coarse, stride = as_int32(space.home), as_int32(space.coarse), stride_of(axes)
    for at in range(_U(begin) * stride, _U(end) * stride):
        home[at] = coarse[at]


@bare(entry=True)
def renew(axes, space, lists, rule, shared, thread):
    """A list that serves from here on, by all threads: pruned from the wide one, or all anew. False: it did not fit."""
    own, gate, threads = as_int64(shared.threads_own), as_int64(shared.gate), shared.threads
    own[THREAD_COLUMNS * thread + OVERFLOW] = 0
    begin, end = share_of(space.n, thread, threads)
    if _wide_list_serves(axes, space, rule, shared, thread):
        settle_wraps(axes, space, begin, end)
        drop_anchor(axes, space, rule, begin, end)
    else:
        barrier(gate, threads)
        if thread == 0:
            shared.wide = shared.skin + WIDER
            shared.sorted = 1 - shared.sparse
            shared.builds += 1
        cells = cells_to_an_edge(lists, rule, shared.skin + WIDER)
        sort(axes, space, lists, rule, shared, cells, thread)
        go_home(axes, space, begin, end)
        list_neighbours(axes, space, lists, rule, shared, cells, thread)
    barrier(gate, threads)
    if not shared.sparse and own[THREAD_COLUMNS * thread + OVERFLOW] == 0:
        _prune(axes, space, lists, rule, shared, thread)
    barrier(gate, threads)
    for other in range(threads):
        if own[THREAD_COLUMNS * other + OVERFLOW] != 0:
            return False
    return True
