"""The step: find who touches, draw, push, move. One function for every dynamics, dimension and number of threads.

Dense steps (many particles active) walk a flat list of candidate pairs. Sparse steps know their
contacts from the step before: after the active particles have moved, only what is near them is
looked through again, their rows of a list or, where kicks outrun any list, the linked cells around
them. So a sparse step costs what its active particles cost, whatever N is. All forms give the same
bits, and so does any number of threads: pushes are integers, and the noise of a contact depends on
labels and step alone.

Signed overflow is undefined in what numba emits, so wrapping arithmetic is done on unsigned views
of the same bits.

A step of several threads: each works on the contacts whose first slot it owns and adds to its own
slots; what reaches into another thread's slots is written down and fetched by the owner after a
barrier.
"""

import math

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.cells import cells_to_an_edge, lay_cells, open_window
from mpack._kernels.draws import draw, draw_ends, kicks, set_threshold, tie_kicks
from mpack._kernels.forces import (
    LENNARD_JONES,
    LINEAR,
    TABULATED,
    WCA,
    any_energy,
    force,
    tabulated_force,
)
from mpack._kernels.linked import around, chain, head_chains, relink
from mpack._kernels.machine import (
    as_float32,
    as_float64,
    as_int32,
    as_int64,
    as_uint8,
    as_uint32,
    as_uint64,
    barrier,
    near_pairs,
    near_row,
)
from mpack._kernels.neighbours import (
    SPARE,
    WIDER,
    coarse_reach,
    go_home,
    measure,
    reach_to,
    renew,
    sort,
    tether,
)
from mpack._kernels.noise import BATCH as BATCH_PURPOSE
from mpack._kernels.noise import (
    PARTICLE,
    bits,
)
from mpack._kernels.records import own_of, total, write_record
from mpack._kernels.state import (
    ABSORBED,
    ACTIVE,
    BATCH,
    CHUNK,
    CLIPPED,
    FOUND,
    GAUSSIAN,
    GROW_CARRY,
    GROW_KEYS,
    GROW_LIST,
    GROW_OUT,
    KEYS,
    KICK,
    MISSED,
    MOVED,
    ONE,
    OUT,
    OVERFLOW,
    PAIRS,
    PAUSED,
    RUNNING,
    SPAN,
    TALLY,
    TOO_FAR,
    UNIFORM,
    crossing,
    modulo_box,
    share_of,
    stride_of,
    to_integer,
)
from mpack._kernels.sums import tally

_U = np.uint64
PUSH, LOOK, KEY = range(
    3
)  # what a pass over the contacts is for: the step, a record, the keys of a batch
STEEPEST = (
    2.0**120
)  # what a pair of a potential without bound counts at most, in units of its depth
TO_SPARSE, TO_DENSE = 0.25, 0.4  # activities at which the two kinds of step change over


@bare(forceinline=True)
def _moved(space, lists, shared, thread):
    """The address of one thread's list of active slots in a sparse step: own[MOVED] of them, and room for one more."""
    return lists.moved + _U(4 * (share_of(space.n, thread, shared.threads)[0] + thread))


@bare(forceinline=True)
def _meet(shared):
    barrier(as_int64(shared.gate), shared.threads)


# ------------------------------------------------------------------------------------------------
# who touches


@bare
def _candidates(axes, space, lists, rule, chunk, cursor, stop):
    """Put the list places of the next pairs that may touch into chunk.i; returns (list place, how many)."""
    front, back, places = as_uint32(lists.front), as_uint32(lists.back), as_uint32(chunk.i)
    poly, coarse, radius32 = space.poly != 0, as_int32(space.coarse), as_float32(space.radius32)
    reach = coarse_reach(space, rule, 0.0)
    count, at, end = _U(0), _U(cursor), _U(stop)
    while at < end and count <= _U(CHUNK - 4):
        mask = near_pairs(axes, poly, coarse, radius32, front, back, at, reach)
        if end - at < _U(4):
            mask &= (_U(1) << (end - at)) - _U(1)
        for k in range(4):
            places[count] = np.uint32(at + _U(k))
            count += (mask >> _U(k)) & _U(1)
        at += _U(4)
    return min(np.int64(at), stop), np.int64(count)


@bare
def _resolve(axes, space, rule, front, back, places, chunk, count):
    """Keep the pairs (front, back) at `places` that touch by the exact test, with separations; returns how many."""
    dim, fixed, label = _U(len(axes)), as_uint64(space.fixed), as_uint32(space.label)
    poly, radius = space.poly != 0, as_float64(space.radius)
    first, second, dx = as_uint32(chunk.i), as_uint32(chunk.j), as_float64(chunk.dx)
    r2, touches = as_float64(chunk.r2), as_float64(chunk.touch)
    to_length, touch = rule.box / 2.0**64, rule.touch
    kept = _U(0)
    for k in range(_U(count)):
        i, j = _U(front[_U(places[k])]), _U(back[_U(places[k])])
        square = 0.0
        for axis in range(len(axes)):
            at = _U(axis)
            delta = float(np.int64(fixed[i * dim + at] - fixed[j * dim + at])) * to_length
            dx[at * _U(CHUNK) + kept] = delta
            square += delta * delta
        if poly:
            touch = radius[i] + radius[j]
        if (
            square == 0.0
        ):  # the same point: as if one unit of the integers apart along the first axis
            delta = to_length if label[i] < label[j] else -to_length
            dx[kept] = delta
            square = delta * delta
        first[kept], second[kept] = np.uint32(i), np.uint32(j)
        r2[kept], touches[kept] = square, touch
        kept += _U(square < touch * touch)
    return np.int64(kept)


@bare
def _next_contacts(axes, space, lists, rule, shared, chunk, cursor, stop):
    """Fill the chunk with the next contacts of this thread; returns (place in the list, how many)."""
    places = as_uint32(chunk.i)
    if shared.sparse:
        count = min(CHUNK, stop - cursor)
        for k in range(count):
            places[k] = np.uint32(cursor + k)
        front, back = as_uint32(lists.found_i), as_uint32(lists.found_j)
        return cursor + count, _resolve(axes, space, rule, front, back, places, chunk, count)
    cursor, count = _candidates(axes, space, lists, rule, chunk, cursor, stop)
    return cursor, _resolve(
        axes, space, rule, as_uint32(lists.front), as_uint32(lists.back), places, chunk, count
    )


@bare
def _contact_span(lists, shared, thread):
    """Where this thread's contacts (sparse) or candidates (dense) begin and end."""
    own = as_int64(own_of(shared, thread))
    if shared.sparse:
        return share_of(lists.found_room, thread, shared.threads)[0], own[FOUND]
    return share_of(lists.pairs_room - SPARE, thread, shared.threads)[0], own[PAIRS]


@bare(forceinline=True)
def _touching(axes, poly, fixed, radius, i, j, to_length, touch):
    """The exact test of one pair."""
    square = 0.0
    for axis in range(len(axes)):
        a, b = i * _U(len(axes)) + _U(axis), j * _U(len(axes)) + _U(axis)
        delta = float(np.int64(fixed[a] - fixed[b])) * to_length
        square += delta * delta
    if poly:
        touch = radius[i] + radius[j]
    return square < touch * touch


@bare
def _contacts_of(axes, space, lists, rule, reach, whole, slot, row, place, stop, at, full):
    """Append the contacts of a slot with those in row[place:stop]; returns the new end, beyond `full` if it is too far.

    A contact of two slots that have both moved stands in both their rows, and is taken from the
    lower one.
    """
    poly, fixed, radius = space.poly != 0, as_uint64(space.fixed), as_float64(space.radius)
    coarse, radius32, active = (
        as_int32(space.coarse),
        as_float32(space.radius32),
        as_uint8(space.active),
    )
    found_i, found_j = as_uint32(lists.found_i), as_uint32(lists.found_j)
    to_length, touch = rule.box / 2.0**64, rule.touch
    place, stop = _U(place), _U(stop)
    while place < stop:
        mask = near_row(axes, poly, coarse, radius32, slot, row, place, reach)
        if stop - place < _U(4):
            mask &= (_U(1) << (stop - place)) - _U(1)
        while mask != _U(0):
            low = mask & (_U(0) - mask)
            mask ^= low
            other = _U(row[place + (low >> _U(1)) - (low >> _U(3))])  # 1, 2, 4, 8 -> 0, 1, 2, 3
            if other == slot or (other < slot and (whole or active[other] == 1)):
                continue
            if _touching(axes, poly, fixed, radius, slot, other, to_length, touch):
                if at >= full:
                    return full + 1
                found_i[at], found_j[at] = np.uint32(slot), np.uint32(other)
                at += 1
        place += _U(4)
    return at


@bare
def _linked_contacts_of(
    axes, space, lists, rule, shared, chunk, reach, whole, slot, at, full, thread
):
    """`_contacts_of` from linked cells, as many of them at a time as there is room for."""
    coarse, radius32, near = as_int32(space.coarse), as_float32(space.radius32), as_uint32(chunk.i)
    window = as_int64(lists.window + _U(8 * 3 * len(axes) * thread))
    most = (CHUNK - 4) // max(shared.fullest, 1)
    for tier in range(lists.tiers):
        bound = reach_to(space, lists, rule, radius32, slot, tier, 0.0, reach)
        lines = open_window(axes, coarse, slot, as_int64(lists.edge)[tier], bound, window)
        while lines > 0:
            lines, size = around(axes, lists, tier, window, lines, most, near)
            for lane in range(4):  # what tests of four at a time may read beyond
                near[size + lane] = np.uint32(slot)
            at = _contacts_of(axes, space, lists, rule, reach, whole, slot, near, 0, size, at, full)
            if at > full:
                return at
    return at


@bare
def _find_contacts(axes, space, lists, rule, shared, chunk, whole, thread):
    """The contacts after a move: around the slots that moved, or (whole) around all. False if they did not fit."""
    rows, first, last = as_uint32(lists.rows), as_uint32(lists.first), as_uint32(lists.last)
    moved = as_uint32(_moved(space, lists, shared, thread))
    begin, end = share_of(space.n, thread, shared.threads)
    at, full = share_of(lists.found_room, thread, shared.threads)
    own = as_int64(own_of(shared, thread))
    count, reach = end - begin if whole else own[MOVED], coarse_reach(space, rule, 0.0)
    for k in range(count):
        slot = _U(begin + k) if whole else _U(moved[k])
        if shared.linked == 0:
            at = _contacts_of(
                axes,
                space,
                lists,
                rule,
                reach,
                whole,
                slot,
                rows,
                first[slot],
                last[slot],
                at,
                full,
            )
        else:
            at = _linked_contacts_of(
                axes, space, lists, rule, shared, chunk, reach, whole, slot, at, full, thread
            )
        if at > full:
            return False
    own[FOUND] = at
    return True


# ------------------------------------------------------------------------------------------------
# drawing


@bare
def _label_pairs(space, chunk, count):
    """chunk.a, chunk.b: the labels of each contact, lower and higher."""
    label, first, second = as_uint32(space.label), as_uint32(chunk.i), as_uint32(chunk.j)
    low, high = as_uint64(chunk.a), as_uint64(chunk.b)
    for k in range(count):
        a, b = label[_U(first[k])], label[_U(second[k])]
        low[k], high[k] = _U(min(a, b)), _U(max(a, b))


@bare
def _slopes(rule, chunk, count):
    """chunk.r2: from squared separation to force over separation, in units of the coordinates."""
    r2, touch = as_float64(chunk.r2), as_float64(chunk.touch)
    kind, a, b, reach = rule.kind, rule.a, rule.b, rule.reach
    scale = rule.scale * (2.0**64 / rule.box)
    if kind == LINEAR:
        for k in range(count):
            r2[k] = 0.5 * scale / math.sqrt(r2[k])
    elif kind == TABULATED:
        table = as_float64(rule.table)
        for k in range(count):
            r = math.sqrt(r2[k])
            slope = scale * tabulated_force(a, b, table, r, touch[k] / reach) / r
            r2[k] = min(max(slope, -1e290), 1e290)
    else:
        for k in range(count):
            r = math.sqrt(r2[k])
            r2[k] = min(scale * force(kind, a, b, r, touch[k] / reach) / r, 1e290)


@bare
def _weigh(axes, space, rule, shared, chunk, count, step):
    """chunk.w (and .v): push over separation, in units of the coordinates, for each contact of the chunk."""
    _label_pairs(space, chunk, count)
    if rule.pair >= KICK:
        _kick_pairs(axes, space, rule, chunk, count, step)
        return
    slope, w, v = as_float64(chunk.r2), as_float64(chunk.w), as_float64(chunk.v)
    _slopes(rule, chunk, count)
    draw_ends(rule, shared, chunk, count, step)
    for k in range(count):
        w[k] *= slope[k]
    if not rule.reciprocal:
        for k in range(count):
            v[k] *= slope[k]


@bare
def _kick_pairs(axes, space, rule, chunk, count, step):
    """chunk.dx: the kick of the first slot of each contact, and .dy minus that of the second; chunk.w and .v: one."""
    label, i, j = as_uint32(space.label), as_uint32(chunk.i), as_uint32(chunk.j)
    low, high, square = as_uint64(chunk.a), as_uint64(chunk.b), as_float64(chunk.r2)
    w, v, dx, dy = (
        as_float64(chunk.w),
        as_float64(chunk.v),
        as_float64(chunk.dx),
        as_float64(chunk.dy),
    )
    kicks(axes, rule, step, low, high, count, square, w, dx)
    if not rule.reciprocal:
        kicks(axes, rule, step, high, low, count, square, w, dy)
        if rule.tied != 0.0:
            tie_kicks(axes, rule, step, low, high, count, dx, dy, w)
    for k in range(count):
        w[k] = v[k] = 1.0
        ordered = label[_U(i[k])] < label[_U(j[k])]
        for axis in range(len(axes)):
            at = axis * CHUNK + k
            if rule.reciprocal:
                dx[at] = dx[at] if ordered else -dx[at]
            elif ordered:
                dy[at] = -dy[at]
            else:
                dx[at], dy[at] = dy[at], -dx[at]


# ------------------------------------------------------------------------------------------------
# pushing


@bare(forceinline=True)
def _mark(active, moved, slot, sparse, at):
    """Note that a slot is active; in sparse steps also in the list of those, at `at`. Returns the next place there.

    What is active already is written there as well, but not counted.
    """
    if sparse:
        moved[at] = np.uint32(slot)
        at += _U(1) - _U(active[slot])
    active[slot] = np.uint8(1)
    return at


@bare
def _push(axes, space, lists, rule, shared, chunk, count, thread):
    """Add the pushes of the chunk to their two ends: reciprocal, and too weak to overflow anything.

    False: no room for what goes to other threads.
    """
    dim, active, push = _U(len(axes)), as_uint8(space.active), as_uint64(space.push)
    first, second, dx, weight = (
        as_uint32(chunk.i),
        as_uint32(chunk.j),
        as_float64(chunk.dx),
        as_float64(chunk.w),
    )
    out_slot, out_push = as_uint32(shared.out_slot), as_int64(shared.out_push)
    moved = as_uint32(_moved(space, lists, shared, thread))
    begin, end = share_of(space.n, thread, shared.threads)
    out_begin, out_full = share_of(shared.out_room, thread, shared.threads)
    own, sparse = as_int64(own_of(shared, thread)), shared.sparse != 0
    out, mark = _U(out_begin + own[OUT]), _U(own[MOVED])
    low, width = _U(begin), _U(end - begin)
    for k in range(_U(count)):
        i, j, w = _U(first[k]), _U(second[k]), weight[k]
        mark = _mark(active, moved, i, sparse, mark)
        if j - low < width:
            mark = _mark(active, moved, j, sparse, mark)
            for axis in range(len(axes)):
                amount = np.int64(w * dx[_U(axis) * _U(CHUNK) + k])
                push[i * dim + _U(axis)] += _U(amount)
                push[j * dim + _U(axis)] -= _U(amount)
        else:
            if out >= _U(out_full):
                return False
            out_slot[out] = np.uint32(j)
            for axis in range(len(axes)):
                amount = np.int64(w * dx[_U(axis) * _U(CHUNK) + k])
                push[i * dim + _U(axis)] += _U(amount)
                out_push[out * dim + _U(axis)] = -amount
            out += _U(1)
    own[MOVED], own[OUT] = np.int64(mark), np.int64(out) - out_begin
    return True


@bare(forceinline=True)
def _add(push, carry, carries, at, amount):
    push[at] += _U(amount)
    if carries:
        carry[at] += amount >> np.int64(32)


@bare
def _push_with_care(axes, space, lists, rule, shared, chunk, count, thread):
    """`_push` for everything else: ends that draw separately, pushes that may be cut or overflow."""
    dim, active, label = _U(len(axes)), as_uint8(space.active), as_uint32(space.label)
    push, carry, carries = as_uint64(space.push), as_int64(space.carry), space.carries != 0
    first, second, dx = as_uint32(chunk.i), as_uint32(chunk.j), as_float64(chunk.dx)
    forth, back = as_float64(chunk.w), as_float64(chunk.v)
    dy = as_float64(chunk.dy if rule.pair >= KICK else chunk.dx)
    out_slot, out_push = as_uint32(shared.out_slot), as_int64(shared.out_push)
    moved = as_uint32(_moved(space, lists, shared, thread))
    begin, end = share_of(space.n, thread, shared.threads)
    out_begin, out_full = share_of(shared.out_room, thread, shared.threads)
    own, sparse, reciprocal = (
        as_int64(own_of(shared, thread)),
        shared.sparse != 0,
        rule.reciprocal != 0,
    )
    out, mark = _U(out_begin + own[OUT]), _U(own[MOVED])
    for k in range(_U(count)):
        i, j = _U(first[k]), _U(second[k])
        on_i = forth[k]
        on_j = on_i if reciprocal else back[k]
        if label[i] > label[j]:
            on_i, on_j = on_j, on_i
        mark = _mark(active, moved, i, sparse, mark)
        inside = j - _U(begin) < _U(end - begin)
        if inside:
            mark = _mark(active, moved, j, sparse, mark)
        else:
            if out >= _U(out_full):
                return False
            out_slot[out] = np.uint32(j)
        for axis in range(len(axes)):
            delta = dx[_U(axis) * _U(CHUNK) + k]
            amount, cut = to_integer(on_i * delta)
            own[CLIPPED] += cut
            _add(push, carry, carries, i * dim + _U(axis), amount)
            if not reciprocal:
                amount, cut = to_integer(on_j * dy[_U(axis) * _U(CHUNK) + k])
                own[CLIPPED] += cut
            if inside:
                _add(push, carry, carries, j * dim + _U(axis), -amount)
            else:
                out_push[out * dim + _U(axis)] = -amount
        if not inside:
            out += _U(1)
    own[MOVED], own[OUT] = np.int64(mark), np.int64(out) - out_begin
    return True


@bare
def _look(space, rule, shared, chunk, count, thread):
    """Only mark both ends of each contact as active, and add up the energy. False: no room for other threads' slots."""
    active, first, second = as_uint8(space.active), as_uint32(chunk.i), as_uint32(chunk.j)
    r2, touch, out_slot, own = (
        as_float64(chunk.r2),
        as_float64(chunk.touch),
        as_uint32(shared.out_slot),
        as_int64(own_of(shared, thread)),
    )
    begin, end = share_of(space.n, thread, shared.threads)
    out, out_full = share_of(shared.out_room, thread, shared.threads)
    table = as_float64(rule.table)
    for k in range(count):
        r, d = math.sqrt(r2[k]), touch[k] / rule.reach
        u = any_energy(rule.kind, rule.a, rule.b, table, r, d)
        if rule.kind == WCA or rule.kind == LENNARD_JONES:
            u = min(u, STEEPEST * rule.a)
        tally(own, TALLY, u)
        active[_U(first[k])] = np.uint8(1)
        j = np.int64(second[k])
        if begin <= j < end:
            active[j] = np.uint8(1)
        elif out + own[OUT] < out_full:
            out_slot[out + own[OUT]] = np.uint32(j)
            own[OUT] += 1
        else:
            return False
    return True


@bare
def _pair_keys(space, rule, shared, chunk, step, count, thread):
    """Append the keys of the chunk's contacts to this thread's; False if there was no room."""
    keys, low, high, own = (
        as_uint64(shared.keys),
        as_uint64(chunk.a),
        as_uint64(chunk.b),
        as_int64(own_of(shared, thread)),
    )
    begin, full = share_of(shared.keys_room, thread, shared.threads)
    at = begin + own[KEYS]
    if at + count > full:
        return False
    _label_pairs(space, chunk, count)
    for k in range(count):
        keys[at + k] = bits(rule.seed, BATCH_PURPOSE, step, low[k], high[k])[0]
    own[KEYS] += count
    return True


@bare
def _contacts_pass(axes, space, lists, rule, shared, chunk, step, task, thread):
    """All contacts of this thread, for one task. False: no room for what is written down."""
    own = as_int64(own_of(shared, thread))
    own[OUT] = own[MOVED] = own[KEYS] = 0
    plain = rule.reciprocal != 0 and space.carries == 0
    cursor, stop = _contact_span(lists, shared, thread)
    fits = True
    while cursor < stop and fits:
        cursor, count = _next_contacts(axes, space, lists, rule, shared, chunk, cursor, stop)
        if task == LOOK:
            fits = _look(space, rule, shared, chunk, count, thread)
        elif task == KEY:
            fits = _pair_keys(space, rule, shared, chunk, step, count, thread)
        else:
            _weigh(axes, space, rule, shared, chunk, count, step)
            if plain:
                fits = _push(axes, space, lists, rule, shared, chunk, count, thread)
            else:
                fits = _push_with_care(axes, space, lists, rule, shared, chunk, count, thread)
    return fits


@bare
def _fetch(axes, space, lists, shared, looking, thread):
    """Add what other threads have written down for this thread's slots."""
    dim, active = _U(len(axes)), as_uint8(space.active)
    push, carry, carries = as_uint64(space.push), as_int64(space.carry), space.carries != 0
    out_slot, out_push = as_uint32(shared.out_slot), as_int64(shared.out_push)
    moved = as_uint32(_moved(space, lists, shared, thread))
    begin, end = share_of(space.n, thread, shared.threads)
    own, sparse = as_int64(own_of(shared, thread)), shared.sparse != 0 and not looking
    mark = _U(own[MOVED])
    for other in range(shared.threads):
        if other == thread:
            continue
        at = share_of(shared.out_room, other, shared.threads)[0]
        for entry in range(_U(at), _U(at + as_int64(own_of(shared, other))[OUT])):
            slot = _U(out_slot[entry])
            if slot - _U(begin) < _U(end - begin):
                mark = _mark(active, moved, slot, sparse, mark)
                if not looking:
                    for axis in range(len(axes)):
                        amount = out_push[entry * dim + _U(axis)]
                        _add(push, carry, carries, slot * dim + _U(axis), amount)
    own[MOVED] = np.int64(mark)


@bare
def _forget(axes, space, shared, thread):
    """Undo a pass that ran out of room: no push, nobody active."""
    push, carry, active = as_int64(space.push), as_int64(space.carry), as_uint8(space.active)
    begin, end = share_of(space.n, thread, shared.threads)
    for slot in range(begin, end):
        active[slot] = np.uint8(0)
    for at in range(begin * len(axes), end * len(axes)):
        push[at] = 0
        if space.carries:
            carry[at] = 0


# ------------------------------------------------------------------------------------------------
# batches of exactly B


@bare
def _particle_keys(space, rule, shared, step, thread):
    """The keys of this thread's active slots; there is always room (as many keys as particles at least)."""
    keys, active, label = as_uint64(shared.keys), as_uint8(space.active), as_uint32(space.label)
    begin, end = share_of(space.n, thread, shared.threads)
    first = share_of(shared.keys_room, thread, shared.threads)[0]
    at = first
    for slot in range(begin, end):
        if active[slot] == 1:
            keys[at] = bits(rule.seed, BATCH_PURPOSE, step, _U(label[slot]), _U(0))[0]
            at += 1
    as_int64(own_of(shared, thread))[KEYS] = at - first


@bare
def _settle_batch(rule, shared, thread):
    """Once all threads have their keys: which are in the batch."""
    _meet(shared)
    if thread == 0:
        set_threshold(rule, shared)
    _meet(shared)


# ------------------------------------------------------------------------------------------------
# moving


@bare
def _depart(axes, space, slot):
    """Settle the wraps of a slot that has just moved by `push`, up to and including that move; anchor it there."""
    dim, stride = _U(len(axes)), stride_of(axes)
    fixed, push = as_uint64(space.fixed), as_uint64(space.push)
    wraps, anchor = as_int32(space.wraps), as_int32(space.anchor)
    for axis in range(len(axes)):
        at, high = slot * dim + _U(axis), slot * stride + _U(axis)
        after, step, before = (
            np.int64(fixed[at]),
            np.int64(push[at]),
            np.int64(fixed[at] - push[at]),
        )
        wraps[at] += crossing(anchor[high], np.int32(before >> np.int64(32)))
        wraps[at] += np.int32(step > 0 and after < before) - np.int32(step < 0 and after > before)
        anchor[high] = np.int32(after >> np.int64(32))


@bare
def _add_overflows(axes, space, chunk, count):
    """How many coordinates got pushes of half the box or more in all; `carry` is the whole boxes among them then."""
    push, carry, slots, lost = (
        as_int64(space.push),
        as_int64(space.carry),
        as_uint32(chunk.i),
        np.int64(0),
    )
    for k in range(count):
        for axis in range(len(axes)):
            at = _U(slots[k]) * _U(len(axes)) + _U(axis)
            above = carry[at] - (push[at] >> np.int64(32))
            carry[at] = (above + np.int64(0x80000000)) >> np.int64(32)
            lost += np.int64(carry[at] != 0)
    return lost


@bare
def _forget_carry(axes, space, chunk, count):
    carry, slots = as_int64(space.carry), as_uint32(chunk.i)
    for k in range(count):
        for axis in range(len(axes)):
            carry[_U(slots[k]) * _U(len(axes)) + _U(axis)] = 0


@bare
def _scale_pushes(axes, space, rule, shared, chunk, step, count):
    """Particle-wise noise: multiply the whole push of each slot by its number, modulo the box.

    Returns how many came to half the box or more.
    """
    push, label, slots = as_int64(space.push), as_uint32(space.label), as_uint32(chunk.i)
    low, high, factor, lost = (
        as_uint64(chunk.a),
        as_uint64(chunk.b),
        as_float64(chunk.w),
        np.int64(0),
    )
    carry, carries = as_int64(space.carry), space.carries != 0
    for k in range(count):
        low[k], high[k] = _U(label[_U(slots[k])]), _U(0)
    draw(rule.particle, rule, PARTICLE, step, shared.threshold, low, high, count, factor)
    for k in range(count):
        if (
            factor[k] == 1.0
        ):  # in the batch: the gradient to the last bit, where a float would round it
            continue
        for axis in range(len(axes)):
            at = _U(slots[k]) * _U(len(axes)) + _U(axis)
            whole = float(push[at])
            if carries:
                whole += float(carry[at]) * 2.0**64
            push[at], wrapped = modulo_box(whole * factor[k])
            lost += wrapped
    return lost


@bare
def _move(axes, space, chunk, count, limit):
    """Move the slots of the chunk by their pushes; returns 1 if one is too far from its anchor now.

    limit: the squared distance that is too far, where spheres are equal; else each has its own.
    """
    dim, stride, slots = _U(len(axes)), stride_of(axes), as_uint32(chunk.i)
    fixed, push = as_uint64(space.fixed), as_uint64(space.push)
    coarse, anchor = as_int32(space.coarse), as_int32(space.anchor)
    poly, limits, too_far = space.poly != 0, as_float32(space.bound32), np.int64(0)
    for k in range(_U(count)):
        slot = _U(slots[k])
        far = np.float32(0.0)
        for axis in range(len(axes)):
            at, high = slot * dim + _U(axis), slot * stride + _U(axis)
            after = fixed[at] + push[at]
            fixed[at] = after
            coarse[high] = np.int32(after >> _U(32))
            delta = np.float32(np.int32(coarse[high] - anchor[high]))
            far += delta * delta
        if far >= (limits[slot] if poly else limit):
            _depart(axes, space, slot)
            too_far = 1
        for axis in range(len(axes)):
            push[slot * dim + _U(axis)] = 0
    return too_far


@bare
def _next_active(space, lists, shared, chunk, cursor, thread):
    """Copy the next active slots of this thread into chunk.i; returns (place, how many).

    Dense steps clear the marks as they go; sparse ones still need them.
    """
    active, moved, slots = (
        as_uint8(space.active),
        as_uint32(_moved(space, lists, shared, thread)),
        as_uint32(chunk.i),
    )
    begin, end = share_of(space.n, thread, shared.threads)
    if shared.sparse:
        stop = min(as_int64(own_of(shared, thread))[MOVED], cursor + CHUNK)
        for k in range(cursor, stop):
            slots[k - cursor] = moved[k]
        return stop, stop - cursor
    stop = min(end - begin, cursor + CHUNK)
    count = _U(0)
    for slot in range(_U(begin + cursor), _U(begin + stop)):
        slots[count] = np.uint32(slot)
        count += _U(active[slot])
        active[slot] = np.uint8(0)
    return stop, np.int64(count)


@bare
def _complete(axes, space, rule, shared, chunk, step, count):
    """The pushes of the chunk's slots become what they move by; returns how many came to half the box or more."""
    beyond, drawn = np.int64(0), np.int64(0)
    if space.carries:
        beyond = _add_overflows(axes, space, chunk, count)
    if rule.particle != ONE:
        drawn = _scale_pushes(axes, space, rule, shared, chunk, step, count)
    if space.carries:
        _forget_carry(axes, space, chunk, count)
    scales = rule.particle == UNIFORM or rule.particle == GAUSSIAN  # else it is all or nothing
    return drawn if scales else beyond


@bare
def _move_all(axes, space, lists, rule, shared, chunk, step, thread):
    """Move the active slots of this thread."""
    begin, end = share_of(space.n, thread, shared.threads)
    own, limit = as_int64(own_of(shared, thread)), np.float32(shared.limit)
    cursor, stop = np.int64(0), own[MOVED] if shared.sparse else end - begin
    own[ACTIVE] = own[TOO_FAR] = 0
    while cursor < stop:
        cursor, count = _next_active(space, lists, shared, chunk, cursor, thread)
        own[ACTIVE] += count
        own[CLIPPED] += _complete(axes, space, rule, shared, chunk, step, count)
        own[TOO_FAR] |= _move(axes, space, chunk, count, limit)


# ------------------------------------------------------------------------------------------------
# looking


@bare
def _tally_squares(axes, space, rule, shared, thread):
    """Add up the squared unwrapped displacements since step 0."""
    dim, stride, own = _U(len(axes)), stride_of(axes), as_int64(own_of(shared, thread))
    fixed, wraps, origin, label = (
        as_uint64(space.fixed),
        as_int32(space.wraps),
        as_uint64(space.origin),
        as_uint32(space.label),
    )
    coarse, anchor = as_int32(space.coarse), as_int32(space.anchor)
    begin, end = share_of(space.n, thread, shared.threads)
    for slot in range(_U(begin), _U(end)):
        square = 0.0
        for axis in range(len(axes)):
            at, high = slot * dim + _U(axis), slot * stride + _U(axis)
            first = origin[_U(label[slot]) * dim + _U(axis)]
            start, now, gap = np.int64(first), np.int64(fixed[at]), np.int64(fixed[at] - first)
            boxes = np.int64(wraps[at]) + np.int64(crossing(anchor[high], coarse[high]))
            boxes += np.int64(gap < 0 and now > start) - np.int64(gap > 0 and now < start)
            delta = (float(gap) * 2.0**-64 + float(boxes)) * rule.box
            square += delta * delta
        tally(own, TALLY + SPAN, square)


@bare
def _note(axes, space, rule, shared, thread):
    """After a look at the contacts: record activity, energy and square displacement of the present configuration."""
    own, active = as_int64(own_of(shared, thread)), as_uint8(space.active)
    begin, end = share_of(space.n, thread, shared.threads)
    own[ACTIVE] = 0
    for slot in range(begin, end):
        own[ACTIVE] += np.int64(active[slot])
        active[slot] = np.uint8(0)
    _tally_squares(axes, space, rule, shared, thread)
    _meet(shared)
    if thread == 0:
        write_record(shared)
    _meet(shared)


# ------------------------------------------------------------------------------------------------
# the step


@bare(forceinline=True)
def _volume(axes, radius):
    volume = 1.0
    for _ in range(len(axes)):
        volume *= radius
    return volume


@bare
def _tune_skin(axes, shared):
    """Choose the next skin from how long the last list lived (a matter of speed alone: no bit depends on it).

    The cost of a step is that of its candidates, which grow like (1 + skin)**dim, plus those of a
    prune and of its share of a build over the steps they last, which grow like skin**1.5, between
    drift and diffusion. Go one notch to whichever side is cheaper. Costs are in units of testing
    the candidates of a list without skin; the factors are measured ones.
    """
    skin, life = shared.skin, float(max(shared.life, 1))
    best, chosen = math.inf, skin
    for notch in range(-1, 2):
        trial = skin * (0.8 if notch < 0 else (1.25 if notch > 0 else 1.0))
        wide = trial + WIDER
        if shared.sparse:
            longer = wide / (skin + WIDER)
            cost = 0.3 * _volume(axes, 1.0 + wide) + 20.0 / (life * longer * math.sqrt(longer))
        else:
            longer, builds = trial / skin, trial / wide
            renewal = 2.0 * _volume(axes, 1.0 + wide) + 20.0 * builds * math.sqrt(builds)
            cost = _volume(axes, 1.0 + trial) + renewal / (life * longer * math.sqrt(longer))
        if cost < best:
            best, chosen = cost, trial
    shared.skin = min(max(chosen, 0.01), 0.6)


@bare
def _link(axes, space, lists, rule, shared, thread):
    """Linked cells in the place of a list, by all threads."""
    begin, end = share_of(space.n, thread, shared.threads)
    if thread == 0:
        lay_cells(axes, lists, rule, 0.0)
    _meet(shared)
    sort(axes, space, lists, shared, thread)
    go_home(axes, space, begin, end)
    measure(space, rule, 0.0, begin, end)
    tether(space, rule, shared, math.inf, begin, end)
    chain(axes, space, lists, begin, end)
    _meet(shared)
    if thread == 0:
        shared.fullest = head_chains(lists, as_int64(lists.offset)[lists.tiers])
        shared.sorted = 0
        shared.life = 0
    _meet(shared)


@bare(forceinline=True)
def _crowded(axes, space, lists, rule, shared):
    """Whether a linked cell might hold more than there is room for, or the pushes on one particle overflow."""
    most = float(shared.fullest * 3 ** len(axes)) if lists.tiers == 1 else float(space.n)
    return shared.fullest > CHUNK - 4 or (space.carries == 0 and most * rule.strongest >= 0.5)


@bare
def _renew_list(axes, space, lists, rule, shared, chunk, thread):
    """A new list, or linked cells, and the contacts for sparse steps. Returns RUNNING, or what must grow first."""
    linked = shared.linked != 0
    if linked:
        if lists.tiers > 1 and space.carries == 0 and float(space.n) * rule.strongest >= 0.5:
            return GROW_CARRY
        _link(axes, space, lists, rule, shared, thread)
        linked = not _crowded(axes, space, lists, rule, shared)
        _meet(shared)
    if not linked:
        status = _list(axes, space, lists, rule, shared, thread)
        if status != RUNNING:
            return status
    if shared.sparse:
        fits = _find_contacts(axes, space, lists, rule, shared, chunk, True, thread)
        as_int64(own_of(shared, thread))[MISSED] = 0 if fits else 1
        _meet(shared)
        if total(shared, MISSED) != 0:
            return GROW_LIST
    _meet(shared)
    if thread == 0:
        shared.stale = 0
    _meet(shared)
    return RUNNING


@bare
def _list(axes, space, lists, rule, shared, thread):
    """A new list. Returns RUNNING, or what must grow first."""
    if thread == 0:
        shared.linked = 0
        if (
            shared.tuned and shared.life > 0
        ):  # else its skin has been chosen, or no list lived before
            _tune_skin(axes, shared)
        shared.skin = min(shared.skin, rule.box / (8.0 * rule.grain))
        shared.prunes += 1
        shared.life = 0
    _meet(shared)
    if not renew(axes, space, lists, rule, shared, thread):
        return GROW_LIST
    if space.carries == 0 and float(shared.crowd) * rule.strongest >= 0.5:
        return GROW_CARRY
    return RUNNING


@bare
def _gather(axes, space, lists, rule, shared, chunk, step, task, thread):
    """All contacts of all threads, for one task. Returns RUNNING, or what must grow; then nothing has changed."""
    own = as_int64(own_of(shared, thread))
    clipped = own[CLIPPED]
    for limb in range(2 * SPAN):
        own[TALLY + limb] = 0
    fits = _contacts_pass(axes, space, lists, rule, shared, chunk, step, task, thread)
    own[OVERFLOW] = 0 if fits else 1
    _meet(shared)
    if total(shared, OVERFLOW) != 0:
        own[CLIPPED] = clipped  # the pass will be done again
        _forget(axes, space, shared, thread)
        _meet(shared)
        return GROW_KEYS if task == KEY else GROW_OUT
    if task == KEY:
        _settle_batch(rule, shared, thread)
    else:
        _fetch(axes, space, lists, shared, task == LOOK, thread)
    return RUNNING


@bare
def _clear_marks(space, lists, shared, thread):
    active, moved = as_uint8(space.active), as_uint32(_moved(space, lists, shared, thread))
    for k in range(as_int64(own_of(shared, thread))[MOVED]):
        active[_U(moved[k])] = np.uint8(0)


@bare
def _relink(axes, space, lists, shared):
    """Bring the linked cells up to date with what has moved, of all threads."""
    for thread in range(shared.threads):
        moved = as_uint32(_moved(space, lists, shared, thread))
        count = as_int64(own_of(shared, thread))[MOVED]
        held = relink(axes, space, lists, moved, count)
        shared.fullest = max(shared.fullest, held)


@bare
def _outrun(space, lists, rule, shared, active):
    """Whether cells are to be linked after a list that has just gone stale (1), or another list made (0).

    A list costs all particles when it is made, linked cells cost each active particle some more in
    every step: about as much, if as many particles have moved in its life as there are.
    """
    few = (shared.life + 1) * active < space.n
    return np.int64(few and cells_to_an_edge(lists, rule, 0, 0.0) > 1)


@bare
def _follow(axes, space, lists, rule, shared, chunk, active, thread):
    """After a step: keep the sparse contacts up to date, or call for another list. Nothing is left marked."""
    sparse, linked = shared.sparse != 0, shared.linked != 0
    change = active > TO_DENSE * space.n if sparse else active < TO_SPARSE * space.n
    outrun = not linked and total(shared, TOO_FAR) != 0
    if linked and not change:
        if thread == 0:
            _relink(axes, space, lists, shared)
        _meet(shared)
        # now and then a list has another try: steps may have become short
        outrun = _crowded(axes, space, lists, rule, shared) or shared.life * active > 16 * space.n
    stale = change or outrun
    if sparse and not stale:
        fits = _find_contacts(axes, space, lists, rule, shared, chunk, False, thread)
        as_int64(own_of(shared, thread))[MISSED] = 0 if fits else 1
        _meet(shared)
        change = stale = total(shared, MISSED) != 0
    if sparse:
        _clear_marks(space, lists, shared, thread)
    if stale:
        _meet(shared)
        if thread == 0:
            shared.stale, shared.linked = 1, 0
            if linked:
                shared.life = -1  # no list from whose life to learn
            if change:
                shared.sparse = 0 if sparse else 1
            elif sparse and not linked:
                shared.linked = _outrun(space, lists, rule, shared, active)
        _meet(shared)
    if thread == 0:
        shared.life += 1


@bare(entry=True)
def advance(axes, space, lists, rule, shared, chunk, until, thread):
    """Run to step `until` unless absorbed before, or something must grow; recording as scheduled on the way.

    Called at once by each thread with its own `chunk`. shared.status says how it ended: PAUSED at
    `until`, ABSORBED (no contact is left: the configuration at shared.step never moves again),
    GROW_*.
    """
    schedule = as_int64(shared.schedule)
    step, status, drawn = shared.step, RUNNING, False
    _meet(shared)
    while status == RUNNING:
        if shared.stale:
            status = _renew_list(axes, space, lists, rule, shared, chunk, thread)
            if status != RUNNING:
                break
        task = PUSH
        if shared.next < shared.scheduled and schedule[shared.next] == step:
            task = LOOK
        elif step >= until:
            status = PAUSED
            break
        elif rule.pair == BATCH and not drawn:
            task = KEY
        status = _gather(axes, space, lists, rule, shared, chunk, _U(step), task, thread)
        if status != RUNNING:
            break
        drawn = task == KEY
        if task == LOOK:
            _note(axes, space, rule, shared, thread)
        if task != PUSH:
            continue
        if rule.particle == BATCH:
            _particle_keys(space, rule, shared, _U(step), thread)
            _settle_batch(rule, shared, thread)
        _move_all(axes, space, lists, rule, shared, chunk, _U(step), thread)
        _meet(shared)
        active = total(shared, ACTIVE)
        if active == 0:
            status = ABSORBED
            break
        step += 1
        _follow(axes, space, lists, rule, shared, chunk, active, thread)
    _meet(shared)
    if thread == 0:
        shared.step, shared.status = step, status
    _meet(shared)


# ------------------------------------------------------------------------------------------------
# for figures: what a configuration looks like, and what its next step will be; of one thread, 0


@bare(entry=True)
def survey(axes, space, lists, rule, shared, chunk, flags, row, thread):
    """Who is active now, uint8 (n) by label at the address `flags`, and a record's row at `row`; no step is made.

    shared.status says how it ended: PAUSED, or GROW_* and nothing was written.
    """
    status, marks, label = RUNNING, as_uint8(flags), as_uint32(space.label)
    if shared.stale:
        status = _renew_list(axes, space, lists, rule, shared, chunk, thread)
    if status == RUNNING:
        step = _U(shared.step)
        status = _gather(axes, space, lists, rule, shared, chunk, step, LOOK, thread)
    if status == RUNNING:
        active = as_uint8(space.active)
        for slot in range(space.n):
            marks[_U(label[slot])] = active[slot]
        record, place = shared.record, shared.next
        shared.record, shared.next = row, 0
        _note(axes, space, rule, shared, thread)
        shared.record, shared.next = record, place
        status = PAUSED
    shared.status = status


@bare
def _hand_out(axes, space, chunk, count, out):
    """Write the pushes of the chunk's slots to `out`, by label, and take them back."""
    dim, slots, label = _U(len(axes)), as_uint32(chunk.i), as_uint32(space.label)
    push, given = as_int64(space.push), as_int64(out)
    for k in range(count):
        slot = _U(slots[k])
        for axis in range(len(axes)):
            at = slot * dim + _U(axis)
            given[_U(label[slot]) * dim + _U(axis)] = push[at]
            push[at] = 0


@bare(entry=True)
def foresee(axes, space, lists, rule, shared, chunk, out, thread):
    """How far the next step will move each particle, int64 (n * dim) by label at the address `out`; it is not made.

    What does not move is left as it was. shared.status as in `survey`.
    """
    step, status, own = _U(shared.step), RUNNING, as_int64(own_of(shared, thread))
    clipped = own[CLIPPED]
    if shared.stale:
        status = _renew_list(axes, space, lists, rule, shared, chunk, thread)
    if status == RUNNING and rule.pair == BATCH:
        status = _gather(axes, space, lists, rule, shared, chunk, step, KEY, thread)
    if status == RUNNING:
        status = _gather(axes, space, lists, rule, shared, chunk, step, PUSH, thread)
    if status == RUNNING:
        if rule.particle == BATCH:
            _particle_keys(space, rule, shared, step, thread)
            _settle_batch(rule, shared, thread)
        cursor, stop = np.int64(0), own[MOVED] if shared.sparse else space.n
        while cursor < stop:
            cursor, count = _next_active(space, lists, shared, chunk, cursor, thread)
            _complete(axes, space, rule, shared, chunk, step, count)
            _hand_out(axes, space, chunk, count, out)
        if shared.sparse:
            _clear_marks(space, lists, shared, thread)
        status = PAUSED
    own[CLIPPED] = clipped
    shared.status = status
