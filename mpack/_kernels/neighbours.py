"""Spatial order and neighbour lists, rebuilt by all threads together.

Slots are sorted by tier of size and by cell (the first coordinate runs fastest), so the neighbours
of a cell along that coordinate are one run of slots, and candidates are tested four at a time
against contiguous memory.
Which pairs are listed depends on the 32-bit coordinates and on a cut-off with a safe margin: a list
may hold a pair too many, never one too few. What the dynamics do cannot depend on it, because only
the exact 64-bit test decides who touches.

A list holds every pair closer than its range + skin; it stays complete while no particle is further
than skin / 2 from its anchor, the place it had when the list was made. (Of different spheres, each
has half a skin of its own: see `cells.half_skin`.) Dense steps use two lists: a wide one, built now
and then together with sorting, and the one they look at, pruned from it every few steps with a thin
skin.
"""

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.cells import (
    LEEWAY,
    MARGIN,
    cell_of,
    half_skin,
    lay_cells,
    line_at,
    open_window,
    turn_to_next_line,
)
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
    PARTNERS,
    ROAMED,
    THREAD_COLUMNS,
    WIDE,
    crossing,
    share_of,
    stride_of,
)

_U = np.uint64


@bare
def coarse_reach(space, rule, skin):
    """What `near_*` take as reach: the common part of the cut-off, in units of the 32-bit coordinates, rounded up.

    Nothing but the leeway where spheres differ: there skins are in `bound32`.
    """
    own = 0.0 if space.poly else rule.touch + skin * rule.grain
    return np.float32((own * (2.0**32 / rule.box) + LEEWAY) * MARGIN)


@bare(forceinline=True)
def reach_to(space, lists, rule, bounds, slot, tier, skin, reach):
    """A bound on the distance of what a tier has near a slot, in units of `coarse`.

    `bounds` are for that skin, and so is `reach`, from `coarse_reach`.
    """
    if space.poly:
        top = as_float64(lists.tops)[tier]
        bound = (top + half_skin(rule, top, skin)) * (2.0**32 / rule.box) * MARGIN
        return float(bounds[slot]) + bound + 2.0 * LEEWAY
    return float(reach) + LEEWAY


@bare
def measure(space, rule, skin, begin, end):
    """How far each slot is looked for (`radius32`), and how far by a list of this skin (`bound32`)."""
    if space.poly:
        radius, radius32 = as_float64(space.radius), as_float32(space.radius32)
        bound32, per_length = as_float32(space.bound32), (2.0**32 / rule.box) * MARGIN
        for slot in range(begin, end):
            bound = radius[slot] + half_skin(rule, radius[slot], skin)
            radius32[slot] = np.float32(radius[slot] * per_length)
            bound32[slot] = np.float32(bound * per_length)


@bare(forceinline=True)
def _leash(rule, half):
    """The square of how far a slot with that half skin may go, in units of `coarse`: wraps are settled, too."""
    half = max(min(half, rule.box / 16.0) * (2.0**32 / rule.box) - 4.0, 0.0)
    return half * half * (1.0 - 1e-6)


@bare
def tether(space, rule, shared, skin, begin, end):
    """How far slots may go before the list of this skin, now made (infinite: linked cells), is stale."""
    if space.poly:
        radius, limits = as_float64(space.radius), as_float32(space.bound32)
        for slot in range(begin, end):
            limits[slot] = np.float32(_leash(rule, half_skin(rule, radius[slot], skin)))
    elif begin == 0:
        shared.limit = _leash(rule, 0.5 * skin * rule.grain)


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
def drop_anchor(axes, space, begin, end):
    """Take the coarse coordinates from the exact ones, as they now stand, and make them the anchors."""
    dim, stride = _U(len(axes)), stride_of(axes)
    fixed, anchor, coarse = as_int64(space.fixed), as_int32(space.anchor), as_int32(space.coarse)
    for slot in range(_U(begin), _U(end)):
        for axis in range(len(axes)):
            high = np.int32(fixed[slot * dim + _U(axis)] >> np.int64(32))
            coarse[slot * stride + _U(axis)] = high
            anchor[slot * stride + _U(axis)] = high


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
def sort(axes, space, lists, shared, thread):
    """Sort the slots of each tier by cell and drop anchor, all threads together."""
    n, dim, threads, gate = space.n, len(axes), shared.threads, as_int64(shared.gate)
    begin, end = share_of(n, thread, threads)
    cell, start, coarse = as_uint32(lists.cell), as_uint32(lists.start), as_int32(space.coarse)
    total = as_int64(lists.offset)[lists.tiers]
    settle_wraps(axes, space, begin, end)
    if total == 1:
        if thread == 0:
            start[0], start[1] = np.uint32(0), np.uint32(n)
    else:
        for tier in range(lists.tiers):
            base, cells = as_int64(lists.offset)[tier], as_int64(lists.edge)[tier]
            low, high = _of_tier(lists, tier, begin, end)
            for slot in range(low, high):
                cell[slot] = np.uint32(base + cell_of(axes, coarse, slot, cells))
        barrier(gate, threads)
        if thread == 0:  # `moved` is free at this moment
            _count_sort(cell, start, as_uint32(lists.moved), n, total)
        barrier(gate, threads)
        room = as_uint32(lists.scratch)  # everything moves as 32-bit words
        _permute(as_uint32(space.fixed), 2 * dim, cell, room, begin, end, gate, threads)
        _permute(as_uint32(space.wraps), dim, cell, room, begin, end, gate, threads)
        _permute(as_uint32(space.label), 1, cell, room, begin, end, gate, threads)
        if space.poly:
            _permute(as_uint32(space.radius), 2, cell, room, begin, end, gate, threads)
    drop_anchor(axes, space, begin, end)
    barrier(gate, threads)


@bare(forceinline=True)
def _of_tier(lists, tier, begin, end):
    """The slots of a tier among [begin, end)."""
    first = as_int64(lists.begin)
    return max(begin, first[tier]), min(end, first[tier + 1])


@bare
def _neighbour_runs(axes, lists, tier, cell, slot, half, runs):
    """The runs of slots in the cells of a tier around `cell`; the first begins with `slot`, a slot of that cell.

    runs[2k], runs[2k + 1]: first slot and the one after the last. Returns how many. half: from `slot`
    on in its own cell, and of the cells around it those ahead, across the edge of the box, too; so
    that of any two neighbouring cells each pair is listed once, and threads, whose slots are slabs
    of the box, list as many each.
    """
    start, offset = as_uint32(lists.start), as_int64(lists.offset)[tier]
    cells = as_int64(lists.edge)[tier]
    runs[0], runs[1] = slot, np.int64(start[offset + cell + 1])
    runs[2], runs[3] = np.int64(start[offset + cell]), slot
    count = 1 if half else 2
    if cells == 1:
        return count
    x, middle = cell % cells, 3 ** (len(axes) - 1) // 2  # the cell's own row
    for combination in range(middle if half else 0, 3 ** (len(axes) - 1)):
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
                if half and combination == middle and x == 0:
                    continue
            elif combination == middle:
                if half and part == 0:
                    continue
                low, high = (low, cell) if part == 0 else (cell + 1, high)
            elif part == 1:
                continue
            first, last = np.int64(start[offset + low]), np.int64(start[offset + high])
            runs[2 * count], runs[2 * count + 1] = first, last
            count += np.int64(last > first)
    return count


@bare
def _gather_halo(axes, poly, coarse, bound32, runs, count, room, halo, halo_slot, halo_radius):
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
                halo_radius[size] = bound32[slot]
            size += _U(1)
    return np.int64(size)


@bare(forceinline=True)
def _list_near(
    axes, space, lists, near, bounds, names, named, centre, low, high, reach, slot, place, paired
):
    """Append the entries in [low, high) near entry `centre` to the list of a slot; returns its new end.

    near, bounds: place and size of each entry; names: its slot; not named: the entry is the slot.
    """
    front, back, poly = as_uint32(lists.wide_i), as_uint32(lists.rows), space.poly != 0
    other = low
    while other < high:
        mask = near_run(axes, poly, near, bounds, centre, _U(0), other, reach)
        if high - other < _U(4):
            mask &= (_U(1) << (high - other)) - _U(1)
        if len(axes) > 4 and mask == _U(0):  # most candidates are far in so many dimensions
            other += _U(4)
            continue
        for k in range(4):
            back[place] = names[other + _U(k)] if named else np.uint32(other + _U(k))
            if paired:
                front[place] = np.uint32(slot)
            place += (mask >> _U(k)) & _U(1)
        other += _U(4)
    return place


@bare
def _list_tier(axes, space, lists, rule, shared, slot, tier, window, place, full):
    """Append the slots of another tier near a slot to its list; returns the new end, beyond `full` if it is too far."""
    coarse, bound32, start = (
        as_int32(space.coarse),
        as_float32(space.bound32),
        as_uint32(lists.start),
    )
    paired, reach = shared.sparse == 0, coarse_reach(space, rule, shared.wide)
    base, cells = as_int64(lists.offset)[tier], as_int64(lists.edge)[tier]
    bound = reach_to(space, lists, rule, bound32, slot, tier, shared.wide, reach)
    lines = open_window(axes, coarse, slot, cells, bound, window)
    low, high = window[0], window[0] + window[len(axes)]
    for _ in range(lines):
        line = line_at(axes, base, cells, window)
        turn_to_next_line(axes, window)
        for part in range(2 if high > cells else 1):  # up to the edge of the box, and beyond it
            first = _U(start[line + low] if part == 0 else start[line])
            last = _U(start[line + (min(high, cells) if part == 0 else high - cells)])
            if place + (last - first) + _U(4) > full:
                return full + _U(1)
            place = _list_near(
                axes,
                space,
                lists,
                coarse,
                bound32,
                start,
                False,
                slot,
                first,
                last,
                reach,
                slot,
                place,
                paired,
            )
    return place


@bare(forceinline=True)
def _list_slot(axes, space, lists, rule, shared, tier, slot, centre, size, place, full, thread):
    """The list of one slot, entry `centre` of the halo of its cell; returns its end, beyond `full` if it is too far."""
    room = _U(lists.halo_room) + _U(4)
    halo = as_int32(lists.halo + _U(4) * stride_of(axes) * room * _U(thread))
    names = as_uint32(lists.halo_slot + _U(4) * room * _U(thread))
    bounds = as_float32(lists.halo_radius + _U(4) * room * _U(thread))
    window = as_int64(lists.window + _U(8 * 3 * len(axes) * thread))
    paired, reach = shared.sparse == 0, coarse_reach(space, rule, shared.wide)
    if place + size + _U(4) > full:
        return full + _U(1)
    for part in range(1 if paired else 0, 2):  # before the slot itself, and behind it
        low, high = (_U(0), centre) if part == 0 else (centre + _U(1), size)
        place = _list_near(
            axes,
            space,
            lists,
            halo,
            bounds,
            names,
            True,
            centre,
            low,
            high,
            reach,
            slot,
            place,
            paired,
        )
    for other in range(tier if paired else lists.tiers):
        if other != tier and place <= full:
            place = _list_tier(axes, space, lists, rule, shared, slot, other, window, place, full)
    return place


SPARE = 8  # entries at the end of a list that tests of four at a time may read or write beyond
WIDER = 0.2  # by how much the wide list's skin exceeds that of the list pruned from it


@bare
def _list_own_tier(axes, space, lists, rule, shared, tier, begin, end, place, full, thread):
    """The lists of the slots [begin, end) of a tier; returns their end, beyond `full` if it is too far.

    Cell by cell: what lies around is copied together first (the halo), so that the tests run over
    contiguous memory.
    """
    poly, coarse, bound32 = space.poly != 0, as_int32(space.coarse), as_float32(space.bound32)
    first, last, room = as_uint32(lists.first), as_uint32(lists.last), _U(lists.halo_room)
    halo = as_int32(lists.halo + _U(4) * stride_of(axes) * (room + _U(4)) * _U(thread))
    names = as_uint32(lists.halo_slot + _U(4) * (room + _U(4)) * _U(thread))
    bounds = as_float32(lists.halo_radius + _U(4) * (room + _U(4)) * _U(thread))
    runs, cells = (
        as_int64(lists.runs + _U(8 * lists.runs_room * thread)),
        as_int64(lists.edge)[tier],
    )
    slot, half = _U(begin), shared.sparse == 0
    while slot < _U(end):
        cell = cell_of(axes, coarse, slot, cells)
        count = _neighbour_runs(axes, lists, tier, cell, np.int64(slot), half, runs)
        size = _gather_halo(axes, poly, coarse, bound32, runs, count, room, halo, names, bounds)
        if size < 0:
            return full + _U(1)
        stop, base = min(_U(end), _U(runs[1])), slot
        while slot < stop:
            first[slot] = np.uint32(place)
            place = _list_slot(
                axes,
                space,
                lists,
                rule,
                shared,
                tier,
                slot,
                slot - base,
                _U(size),
                place,
                full,
                thread,
            )
            if place > full:
                return place
            last[slot] = np.uint32(place)
            slot += _U(1)
    return place


@bare
def list_neighbours(axes, space, lists, rule, shared, thread):
    """The wide list of this thread's slots: every pair once, as two columns (dense), or each slot's whole row (sparse).

    Pairs of two tiers are looked up from the larger sphere, in rows from both.
    """
    own = as_int64(shared.threads_own + _U(8 * THREAD_COLUMNS * thread))
    begin, end = share_of(space.n, thread, shared.threads)
    room = lists.rows_room if shared.sparse else lists.rows_room // 2
    at, full = share_of(room - SPARE, thread, shared.threads)
    place = _U(at)
    for tier in range(lists.tiers):
        low, high = _of_tier(lists, tier, begin, end)
        if low < high:
            place = _list_own_tier(
                axes, space, lists, rule, shared, tier, low, high, place, _U(full), thread
            )
            if place > _U(full):
                own[OVERFLOW] = 1
                return
    own[WIDE] = np.int64(place)


@bare
def _count_partners(space, lists, shared, thread):
    """Note the most pairs that a slot of this thread is in, once the list of several tiers is made."""
    begin, end = share_of(space.n, thread, shared.threads)
    first, last, back = as_uint32(lists.first), as_uint32(lists.last), as_uint32(lists.rows)
    own, most = as_int64(shared.threads_own), np.uint32(0)
    for slot in range(begin, end):
        last[slot] -= first[slot]
    if not shared.sparse:
        low, width = _U(begin), _U(end - begin)
        for other in range(shared.threads):
            at = share_of(lists.rows_room // 2 - SPARE, other, shared.threads)[0]
            for place in range(at, own[THREAD_COLUMNS * other + WIDE]):
                if _U(back[place]) - low < width:
                    last[_U(back[place])] += np.uint32(1)
    for slot in range(begin, end):
        most = max(most, last[slot])
        if shared.sparse:
            last[slot] += first[slot]
    own[THREAD_COLUMNS * thread + PARTNERS] = np.int64(most)


@bare
def _fullest(axes, lists):
    """The most slots that the cells around one may ever hold, of a single tier: 3**dim times the fullest."""
    start, fullest = as_uint32(lists.start), np.int64(0)
    if as_int64(lists.edge)[0] == 1:
        return np.int64(start[1]) - 1
    for cell in range(as_int64(lists.offset)[1]):
        fullest = max(fullest, np.int64(start[cell + 1]) - np.int64(start[cell]))
    return fullest * 3 ** len(axes)


@bare
def _bound_contacts(axes, space, lists, shared, thread):
    """`crowd`: no particle can have more contacts for as long as the wide list lives. By all threads."""
    own, crowd = as_int64(shared.threads_own), np.int64(0)
    if lists.tiers > 1:
        _count_partners(space, lists, shared, thread)
        barrier(as_int64(shared.gate), shared.threads)
        for other in range(shared.threads):
            crowd = max(crowd, own[THREAD_COLUMNS * other + PARTNERS])
    if thread == 0:
        shared.crowd = crowd if lists.tiers > 1 else _fullest(axes, lists)


@bare
def _prune(axes, space, lists, rule, shared, thread):
    """From the wide list of this thread the one that steps look at."""
    poly, coarse, bound32 = space.poly != 0, as_int32(space.coarse), as_float32(space.bound32)
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
        mask = near_pairs(axes, poly, coarse, bound32, wide_i, wide_j, at, reach)
        if end - at < _U(4):
            mask &= (_U(1) << (end - at)) - _U(1)
        for k in range(4):
            front[place] = wide_i[at + _U(k)]
            back[place] = wide_j[at + _U(k)]
            place += (mask >> _U(k)) & _U(1)
        at += _U(4)
    own[PAIRS] = np.int64(place)


@bare
def _roamed(axes, space, rule, shared, thread):
    """Note the largest squared distance from home among this thread's slots, in units of `coarse`.

    Where spheres differ, each distance counts in units of its skin over that of a median sphere.
    """
    coarse, home, stride = as_int32(space.coarse), as_int32(space.home), stride_of(axes)
    own, radius = (
        as_int64(shared.threads_own + _U(8 * THREAD_COLUMNS * thread)),
        as_float64(space.radius),
    )
    begin, end = share_of(space.n, thread, shared.threads)
    farthest = np.float32(0.0)
    for slot in range(_U(begin), _U(end)):
        far = np.float32(0.0)
        for axis in range(len(axes)):
            delta = np.float32(
                np.int32(coarse[slot * stride + _U(axis)] - home[slot * stride + _U(axis)])
            )
            far += delta * delta
        if space.poly:
            share = np.float32(0.5 * rule.grain / half_skin(rule, radius[slot], 1.0))
            far *= share * share
        farthest = max(farthest, far)
    own[ROAMED] = np.int64(
        min(farthest, np.float32(2.0**62))
    )  # what integers hold: half a box in each direction is more


@bare
def _wide_list_serves(axes, space, rule, shared, thread):
    """Whether every pair within range + skin of each other now stands in the wide list. All threads agree."""
    if shared.sparse or not shared.sorted:
        return False
    _roamed(axes, space, rule, shared, thread)
    barrier(as_int64(shared.gate), shared.threads)
    own, farthest = as_int64(shared.threads_own), np.int64(0)
    for other in range(shared.threads):
        farthest = max(farthest, own[THREAD_COLUMNS * other + ROAMED])
    room = 0.5 * (shared.wide - shared.skin) * rule.grain * (2.0**32 / rule.box) - LEEWAY
    return room > 0.0 and float(farthest) * MARGIN < room * room


@bare
def go_home(axes, space, begin, end):
    home, coarse, stride = as_int32(space.home), as_int32(space.coarse), stride_of(axes)
    for at in range(_U(begin) * stride, _U(end) * stride):
        home[at] = coarse[at]


@bare
def _build(axes, space, lists, rule, shared, thread):
    """Sort, and the wide list anew, by all threads."""
    gate, threads = as_int64(shared.gate), shared.threads
    begin, end = share_of(space.n, thread, threads)
    if thread == 0:
        shared.wide = shared.skin + WIDER
        shared.sorted = 1 - shared.sparse
        shared.builds += 1
        lay_cells(axes, lists, rule, shared.wide)
    barrier(gate, threads)
    sort(axes, space, lists, shared, thread)
    go_home(axes, space, begin, end)
    measure(space, rule, shared.wide, begin, end)
    barrier(gate, threads)
    list_neighbours(axes, space, lists, rule, shared, thread)
    barrier(gate, threads)
    if not _overflowed(shared):
        _bound_contacts(axes, space, lists, shared, thread)
        if shared.sparse:
            tether(space, rule, shared, shared.wide, begin, end)


@bare(forceinline=True)
def _overflowed(shared):
    """Whether any thread's part of a list did not fit."""
    own, overflowed = as_int64(shared.threads_own), False
    for thread in range(shared.threads):
        overflowed |= own[THREAD_COLUMNS * thread + OVERFLOW] != 0
    return overflowed


@bare(entry=True)
def renew(axes, space, lists, rule, shared, thread):
    """A list that serves from here on, by all threads: pruned from the wide one, or all anew. False: it did not fit."""
    gate, threads = as_int64(shared.gate), shared.threads
    as_int64(shared.threads_own)[THREAD_COLUMNS * thread + OVERFLOW] = 0
    begin, end = share_of(space.n, thread, threads)
    if _wide_list_serves(axes, space, rule, shared, thread):
        settle_wraps(axes, space, begin, end)
        drop_anchor(axes, space, begin, end)
    else:
        barrier(gate, threads)
        _build(axes, space, lists, rule, shared, thread)
    barrier(gate, threads)
    if not shared.sparse and not _overflowed(shared):
        measure(space, rule, shared.skin, begin, end)
        barrier(gate, threads)
        _prune(axes, space, lists, rule, shared, thread)
        barrier(gate, threads)
        tether(space, rule, shared, shared.skin, begin, end)
    barrier(gate, threads)
    return not _overflowed(shared)
