"""The step of bodies that turn: ellipsoids and ellipses, spheres among them. One thread, one kind of step.

A step knows its contacts. After the active bodies have moved and turned, only the rows of a
neighbour list around them are looked through again, so a step costs what its active bodies cost.
Beside each neighbour stands the plane that was found between the two when F was last computed. As
long as it parts them (`parted`) nothing else of the pair is looked at; the others go through F, a
block of pairs at a time, coefficient by coefficient.

Forces and torques add up as integers, so that no bit depends on the order of contacts: pushes in
units of the coordinates, torques in the lab's frame in units that the rule and the shapes give
(`spin_unit`). Once all are summed a body turns, once a step.

Who a body's neighbours are, and when it needs new ones, is told in `homes`.
"""

import math

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.draws import draw, draw_ends, kicks, set_threshold, tie_kicks
from mpack._kernels.ellipsoids import (
    BLOCK,
    CONTACT,
    CONTACT_AT,
    DEPTH,
    F_AT,
    GAP_AT,
    LEVER_A,
    LEVER_B,
    PUSH_AT,
    SHAPE_AT,
    SIZE,
    SQUARE_AT,
    SUPPORTS_AT,
    TURN_AT,
    WEIGHT,
    WIDTH,
    block,
    turn,
)
from mpack._kernels.forces import LINEAR, TABULATED, any_energy, force, tabulated_force
from mpack._kernels.homes import CLOSE, gap_of, list_all, remove, strayed
from mpack._kernels.machine import (
    as_float32,
    as_float64,
    as_int32,
    as_int64,
    as_uint8,
    as_uint32,
    as_uint64,
    fetch,
    parted,
    transpose,
)
from mpack._kernels.noise import BATCH as BATCH_PURPOSE
from mpack._kernels.noise import PARTICLE, bits
from mpack._kernels.records import own_of, write_record
from mpack._kernels.state import (
    ABSORBED,
    ACTIVE,
    BATCH,
    CHUNK,
    CLIPPED,
    FOUND,
    GROW_KEYS,
    GROW_LIST,
    KEYS,
    KICK,
    MOVED,
    PAUSED,
    RUNNING,
    SPAN,
    TALLY,
    modulo_box,
    record,
    to_integer,
)
from mpack._kernels.sums import tally

_U = np.uint64
ROUND = (
    4  # new homes for each body, in the mean, before all are sorted and the skin is chosen again
)
AHEAD = _U(4)  # rows: how far ahead of the one that is looked through the next are fetched
WORN = 2.0**30 - 1.0  # two bodies' turns together stay below 31 bits

BODIES = record(
    [
        ("n", np.int64),
        ("over", np.float64),  # 1/kappa**2: how easily bodies turn; 0: they do not
        ("spin_unit", np.float64),  # of `spin`, squared lengths
        ("top", np.float64),  # the longest semi-axis of all
        ("carried", np.int64),  # 1: a push of this step is beyond 63 bits
    ],
    [
        "fixed",  # int64 (n * dim): coordinates
        "wraps",  # int32 (n * dim): times each coordinate has left the box upwards
        "push",  # int64 (n * dim): displacement of this step, summed over contacts; zero between steps
        "carry",  # int64 (n * dim): times each push has wrapped, while `carried`
        "spin",  # int64 (n * 3): torque times the scale of the rule, summed likewise
        "turns",  # float64 (n * 4): unit quaternions
        "semi",  # float64 (n * 3): semi-axes
        "shapes",  # float64 (n * 12): see `ellipsoids`
        "radii",  # float64 (n): of the sphere of the same volume
        "bounds",  # float64 (n): longest semi-axis
        "swings",  # float64 (n): longest less shortest
        "label",  # uint32 (n)
        "origin",  # int64 (n * dim), by label: coordinates at step 0
        "active",  # uint8 (n): 1 where a body has a contact
    ],
)
NEAR = record(
    [
        ("row", np.int64),  # room for neighbours of a body
        ("cell_room", np.int64),  # room for bodies in a cell
        ("doors_apart", np.int64),  # from one coordinate in `doors` to the next
        ("found_room", np.int64),
        ("most", np.int64),  # cells to an edge that there is room for
        ("cells", np.int64),  # cells to an edge; 1: all bodies are in one
        ("endless", np.int64),  # 1: all are neighbours of all, for ever
        ("known", np.int64),  # 1: the contacts are those of the present step
        ("moves", np.int64),  # of bodies that went anywhere, since the skin was chosen
        ("removals", np.int64),  # to new homes, since then
        ("worn", np.int64),  # 1: one body has turned so often that all must be listed again
        ("turn_unit", np.float64),  # a length
    ],
    [
        "rows",  # uint32 (n * row): neighbours of each body, those of higher slots first
        "counts",  # int64 (n): how many
        "uppers",  # int64 (n): how many of higher slots
        "planes",  # float32 (n * row, 4): between body and neighbour: normal n times 2**-32 of the
        # box, and h_A + h_B less what both had turned; see `_look`
        "coarse",  # int32 (n, 4): upper halves of coordinates; then how far its turns may have moved
        # a surface since all were listed, in units of `turn_unit`
        "ways",  # float64 (n): a bound on how far each has strayed from home, see `strayed`
        "known_to",  # uint8 (n): 1 for those in the row that is made anew; zero else
        "home",  # int64 (n * dim): coordinates at home
        "stance",  # float64 (n * 4): quaternion at home
        "outline",  # float64 (n * 12): shape at home
        "cell",  # int64 (n): cell of its home
        "place",  # int64 (n): place in the cell
        "lodgers",  # uint32 (cells * cell_room): bodies by cell
        "doors",  # int32 (3, cells * cell_room): upper halves of their coordinates at home
        "lodged",  # int64 (cells): how many
        "moved",  # uint32 (n): active slots
        "order",  # uint32 (n): slots by cell, while they are sorted
        "found_i",  # uint32 (found_room): contacts, the slot with the lower label first
        "found_j",  # uint32 (found_room)
        "contacts",  # float64 (found_room, 12): see `ellipsoids`
        "block_i",  # uint32 (BLOCK): candidates
        "block_j",  # uint32 (BLOCK)
        "block_at",  # int64 (BLOCK): their places in `rows`; -1 - place where A is the neighbour
        "around",  # uint32 (27 * cell_room): who lives in the cells around a home
        "squares",  # float32 (27 * cell_room): at which squared distance
        "block",  # float64 (ROWS * BLOCK)
        "scratch",  # int64 (n * 12): room to permute in
    ],
)


# ------------------------------------------------------------------------------------------------
# who touches


@bare
def _gather(axes, space, near, rule, count):
    """Put the lower label of each of the block's pairs first, and the separations into the block's scratch."""
    fixed, label, s = as_uint64(space.fixed), as_uint32(space.label), as_float64(near.block)
    i, j, at_row = as_uint32(near.block_i), as_uint32(near.block_j), as_int64(near.block_at)
    to_length = rule.box / 2.0**64
    for k in range(_U(count)):
        a, b = _U(i[k]), _U(j[k])
        swapped = _U(0) - _U(label[b] < label[a])  # a half of them: no branch can be foreseen
        both = (a ^ b) & swapped
        a, b = a ^ both, b ^ both
        i[k], j[k] = np.uint32(a), np.uint32(b)
        at_row[k] ^= np.int64(swapped)
        x, y, z = gap_of(axes, fixed, a, b, to_length)
        if x == 0.0 and y == 0.0 and z == 0.0:  # as if one unit apart along the first axis
            x = to_length
        at = _U(GAP_AT) + k
        s[at], s[at + _U(BLOCK)], s[at + _U(2 * BLOCK)] = x, y, z


@bare
def _part(space, near, rule, count):
    """Note the plane across the normal of each of the block's pairs beside its neighbour, see `_look`.

    What is added to h_A + h_B covers the rounding of a plane (separations are at most four of the
    longest semi-axes, or a skin more than two), and of coordinates to their upper halves.
    """
    i, j, at_row = as_uint32(near.block_i), as_uint32(near.block_j), as_int64(near.block_at)
    planes, coarse, s = as_float32(near.planes), as_int32(near.coarse), as_float64(near.block)
    grain, spare = rule.box * 2.0**-32, 2e-6 * (1.0 + 4.0 * space.top)
    for k in range(_U(count)):
        place, unit = at_row[k], grain
        if place < 0:
            place, unit = -1 - place, -grain
        to = _U(4 * place)
        for axis in range(3):
            normal = s[_U(CONTACT_AT + axis * BLOCK) + k]
            planes[to + _U(axis)] = np.float32(normal * unit)
        way = coarse[_U(4) * _U(i[k]) + _U(3)] + coarse[_U(4) * _U(j[k]) + _U(3)]
        way = float(way) * near.turn_unit
        sure = s[_U(SUPPORTS_AT) + k] + (spare + 2e-6 * way + 8.0 * grain)
        planes[to + _U(3)] = np.float32(sure - way)


@bare(forceinline=True)
def _keep(near, i, j, s, k, at):
    """Write down four of the block's pairs as contacts from `at` on; returns where the next begins.

    What does not overlap is written, too, and then written over.
    """
    found_i, found_j = as_uint32(near.found_i), as_uint32(near.found_j)
    out = as_float64(near.contacts)
    b = at + _U(s[_U(F_AT) + k] < 1.0)
    c = b + _U(s[_U(F_AT + 1) + k] < 1.0)
    d = c + _U(s[_U(F_AT + 2) + k] < 1.0)
    for to, lane in ((at, 0), (b, 1), (c, 2), (d, 3)):
        found_i[to], found_j[to] = i[k + _U(lane)], j[k + _U(lane)]
    wide, apart = _U(CONTACT), _U(BLOCK)
    for row in range(0, CONTACT, 4):
        source, k0 = _U(CONTACT_AT + row * BLOCK) + k, _U(row)
        transpose(
            *(s, source, source + apart, source + _U(2) * apart, source + _U(3) * apart),
            *(out, wide * at + k0, wide * b + k0, wide * c + k0, wide * d + k0),
        )
    return d + _U(s[_U(F_AT + 3) + k] < 1.0)


@bare
def _take(axes, space, near, rule, shared, count):
    """Put those of the block's candidates that overlap among the contacts. False: no room for them."""
    i, j, s = as_uint32(near.block_i), as_uint32(near.block_j), as_float64(near.block)
    own = as_int64(own_of(shared, 0))
    if own[FOUND] + np.int64(BLOCK) > near.found_room:
        return False
    _gather(axes, space, near, rule, count)
    block(as_float64(space.shapes), as_float64(space.radii), i, j, count, True, s)
    _part(space, near, rule, count)
    for k in range(_U(count), _U((count + 3) & ~3)):  # lanes of the last four that no pair fills
        i[k], j[k], s[_U(F_AT) + k] = i[0], j[0], math.inf
    at = _U(own[FOUND])
    for k in range(_U(0), _U(count), _U(4)):
        at = _keep(near, i, j, s, k, at)
    own[FOUND] = np.int64(at)
    return True


@bare(forceinline=True)
def _fetch_row(rows, planes, at):
    """Have the row that begins at `at` brought near: the processor does not foresee strides that long."""
    fetch(rows, at)
    for line in range(3):
        fetch(planes, _U(4) * at + _U(16 * line))


@bare
def _find(axes, space, near, rule, shared, whole):
    """The contacts: around the slots that were active, or (whole) around all. False if they did not fit.

    Where most slots were active all are gone through, each with its neighbours of higher slots.
    """
    own = as_int64(own_of(shared, 0))
    dense = whole or 2 * own[MOVED] > space.n
    own[FOUND] = 0
    if not (
        _look(axes, space, near, rule, shared, (0,))
        if dense
        else _look(axes, space, near, rule, shared, ())
    ):
        return False
    _mark(space, near, shared, dense)
    return True


@bare
def _look(axes, space, near, rule, shared, every):
    """The contacts of all slots, or of the active ones; False if they did not fit.

    For any n two bodies are apart if r . n > h_A + h_B, nearest image. A turn by an angle changes the
    support h of a body along n by the angle times its swing at most, and `coarse` has added that up:
    so `parted` tells whether the plane that was noted for a neighbour still parts the two.

    every: a tuple that is empty where they are those of the active ones, known when compiling. A pair
    that stands in the rows of two of them is taken from the lower one.
    """
    dense = len(every) > 0
    active, moved, own = as_uint8(space.active), as_uint32(near.moved), as_int64(own_of(shared, 0))
    rows, room, many = as_uint32(near.rows), _U(near.row), near.uppers if dense else near.counts
    i, j, at_row = as_uint32(near.block_i), as_uint32(near.block_j), as_int64(near.block_at)
    planes, coarse, many = as_float32(near.planes), as_int32(near.coarse), as_int64(many)
    unit, waiting = np.float32(near.turn_unit), _U(0)
    for k in range(_U(space.n if dense else own[MOVED])):
        slot = k if dense else _U(moved[k])
        if dense:
            _fetch_row(rows, planes, (slot + AHEAD) * room)
        at = _U(4) * slot
        x, y, z, turns = coarse[at], coarse[at + _U(1)], coarse[at + _U(2)], coarse[at + _U(3)]
        for at in range(slot * room, slot * room + _U(many[slot])):
            other = _U(rows[at])
            i[waiting], j[waiting] = np.uint32(slot), np.uint32(other)
            at_row[waiting] = np.int64(at)
            near_it = _U(not parted(x, y, z, turns, coarse, other, planes, at, unit))
            waiting += near_it & (_U(dense) | _U(other > slot) | _U(active[other] == 0))
            if waiting == _U(BLOCK):
                if not _take(axes, space, near, rule, shared, BLOCK):
                    return False
                waiting = _U(0)
    return _take(axes, space, near, rule, shared, np.int64(waiting))


@bare
def _mark(space, near, shared, dense):
    """Who is active now: both ends of each contact, in `active` and in the list `moved`."""
    active, moved, own = as_uint8(space.active), as_uint32(near.moved), as_int64(own_of(shared, 0))
    found_i, found_j = as_uint32(near.found_i), as_uint32(near.found_j)
    count = _U(0)
    if dense:
        for slot in range(_U(space.n)):
            active[slot] = np.uint8(0)
        for k in range(_U(own[FOUND])):
            active[_U(found_i[k])] = active[_U(found_j[k])] = np.uint8(1)
        for slot in range(_U(space.n)):
            moved[count] = np.uint32(slot)
            count += _U(active[slot])
    else:
        for k in range(_U(own[MOVED])):
            active[_U(moved[k])] = np.uint8(0)
        for k in range(_U(own[FOUND])):
            for slot in (found_i[k], found_j[k]):
                if active[_U(slot)] == 0:
                    active[_U(slot)] = np.uint8(1)
                    moved[count] = slot
                    count += _U(1)
    own[MOVED] = own[ACTIVE] = np.int64(count)


# ------------------------------------------------------------------------------------------------
# pushing


@bare
def _labels(space, near, chunk, begin, count):
    """chunk.a, chunk.b: the labels of the contacts from `begin` on, lower and higher."""
    label, low, high = as_uint32(space.label), as_uint64(chunk.a), as_uint64(chunk.b)
    found_i, found_j = as_uint32(near.found_i), as_uint32(near.found_j)
    for k in range(count):
        low[k] = _U(label[_U(found_i[begin + k])])
        high[k] = _U(label[_U(found_j[begin + k])])


@bare
def _forces(rule, near, chunk, begin, count):
    """chunk.r2: scale times the force of the potential at mu D, times D/(h_A + h_B): lengths."""
    out, c = as_float64(chunk.r2), as_float64(near.contacts)
    kind, a, b = rule.kind, rule.a, rule.b
    for k in range(count):
        at = (begin + k) * CONTACT
        size, weight = c[at + SIZE], rule.scale * c[at + WEIGHT]
        r = c[at + DEPTH] * size
        if kind == LINEAR:
            out[k] = 0.5 * weight
        elif kind == TABULATED:
            out[k] = tabulated_force(a, b, as_float64(rule.table), r, size) * weight
        else:
            out[k] = force(kind, a, b, r, size) * weight


@bare
def _draw_pushes(axes, space, near, rule, shared, chunk, begin, count, step):
    """chunk.dx: the displacement (dim, CHUNK) of the first body of each contact, lengths; .dy: of the second."""
    _labels(space, near, chunk, begin, count)
    low, high, square = as_uint64(chunk.a), as_uint64(chunk.b), as_float64(chunk.r2)
    w, v = as_float64(chunk.w), as_float64(chunk.v)
    dx, dy, c = as_float64(chunk.dx), as_float64(chunk.dy), as_float64(near.contacts)
    if rule.pair >= KICK:
        kicks(axes, rule, step, low, high, count, square, w, dx)
        if not rule.reciprocal:
            kicks(axes, rule, step, high, low, count, square, w, dy)
            if rule.tied != 0.0:
                tie_kicks(axes, rule, step, low, high, count, dx, dy, w)
        to_length = rule.box / 2.0**64
        for axis in range(len(axes)):
            for k in range(axis * CHUNK, axis * CHUNK + count):
                dx[k] *= to_length
                dy[k] = -dx[k] if rule.reciprocal else dy[k] * to_length
        return
    draw_ends(rule, shared, chunk, count, step)
    _forces(rule, near, chunk, begin, count)
    for axis in range(len(axes)):
        for k in range(count):
            along_axis = square[k] * c[(begin + k) * CONTACT + axis]
            dx[axis * CHUNK + k] = w[k] * along_axis
            dy[axis * CHUNK + k] = -(w[k] if rule.reciprocal else v[k]) * along_axis


@bare(forceinline=True)
def _shove(axes, space, slot, dx, k, contacts, lever, to_units, to_spin):
    """Add one displacement to the push of a slot, and lever x displacement to its spin; returns how many were cut."""
    push, spin = as_uint64(space.push), as_uint64(space.spin)
    x, y, z = dx[k], dx[_U(CHUNK) + k], 0.0
    if len(axes) == 3:
        z = dx[_U(2 * CHUNK) + k]
    cut = np.int64(0)
    for axis in range(len(axes)):
        at = slot * _U(len(axes)) + _U(axis)
        amount, lost = to_integer(dx[_U(axis * CHUNK) + k] * to_units)
        before, after = push[at], push[at] + _U(amount)
        push[at] = after
        if np.int64((before ^ after) & (_U(amount) ^ after)) < 0:  # beyond 63 bits: seldom
            as_int64(space.carry)[at] += np.int64(1 if amount > 0 else -1)
            space.carried = 1
        cut += lost
    lx, ly, lz = contacts[lever], contacts[lever + _U(1)], contacts[lever + _U(2)]
    at = slot * _U(3)
    if len(axes) == 3:
        spin[at] += _U(np.int64((ly * z - lz * y) * to_spin))
        spin[at + _U(1)] += _U(np.int64((lz * x - lx * z) * to_spin))
    spin[at + _U(2)] += _U(np.int64((lx * y - ly * x) * to_spin))
    return cut


@bare
def _push_all(axes, space, near, rule, shared, chunk, step):
    """Sum up what all contacts do to their two ends."""
    found_i, found_j, c = (
        as_uint32(near.found_i),
        as_uint32(near.found_j),
        as_float64(near.contacts),
    )
    dx, dy, own = as_float64(chunk.dx), as_float64(chunk.dy), as_int64(own_of(shared, 0))
    to_units, to_spin = 2.0**64 / rule.box, 1.0 / space.spin_unit
    for begin in range(0, own[FOUND], CHUNK):
        count = min(CHUNK, own[FOUND] - begin)
        _draw_pushes(axes, space, near, rule, shared, chunk, begin, count, step)
        for k in range(_U(count)):
            at = _U(begin) + k
            a, b = _U(CONTACT) * at + _U(LEVER_A), _U(CONTACT) * at + _U(LEVER_B)
            cut = _shove(axes, space, _U(found_i[at]), dx, k, c, a, to_units, to_spin)
            back = _shove(axes, space, _U(found_j[at]), dy, k, c, b, to_units, to_spin)
            own[CLIPPED] += cut if rule.reciprocal else cut + back


@bare
def _draw_batch(space, near, rule, shared, chunk, step, pairs):
    """Which contacts (pairs) or active bodies are in a batch of exactly B. RUNNING, or GROW_KEYS."""
    keys, low, high = as_uint64(shared.keys), as_uint64(chunk.a), as_uint64(chunk.b)
    own, label, moved = as_int64(own_of(shared, 0)), as_uint32(space.label), as_uint32(near.moved)
    total = own[FOUND] if pairs else own[MOVED]
    if total > shared.keys_room:
        return GROW_KEYS
    for begin in range(0, total, CHUNK):
        count = min(CHUNK, total - begin)
        if pairs:
            _labels(space, near, chunk, begin, count)
        else:
            for k in range(count):
                low[k], high[k] = _U(label[_U(moved[begin + k])]), _U(0)
        for k in range(count):
            keys[begin + k] = bits(rule.seed, BATCH_PURPOSE, step, low[k], high[k])[0]
    own[KEYS] = total
    set_threshold(rule, shared)
    return RUNNING


# ------------------------------------------------------------------------------------------------
# moving


@bare
def _displace(axes, space, near, slot, factor):
    """Move a body by its push, times `factor` where that is not one.

    Returns how many coordinates were lost, and how far it goes along all axes together.
    """
    dim, fixed, wraps = _U(len(axes)), as_uint64(space.fixed), as_int32(space.wraps)
    push, coarse, lost, way = as_int64(space.push), as_int32(near.coarse), np.int64(0), 0.0
    for axis in range(len(axes)):
        at = slot * dim + _U(axis)
        boxes = as_int64(space.carry)[at] if space.carried else np.int64(0)
        step, beyond = push[at], np.int64(boxes != 0)
        if factor != 1.0:
            whole = float(step) + float(boxes) * 2.0**64
            step, wrapped = modulo_box(whole * factor)
            beyond = wrapped
        lost += beyond
        before, after = fixed[at], fixed[at] + _U(step)
        fixed[at] = after
        coarse[_U(4) * slot + _U(axis)] = np.int32(np.int64(after) >> np.int64(32))
        if (np.int64(after) < np.int64(before)) != (step < 0):  # left the box: seldom
            wraps[at] += np.int32(1 if step > 0 else -1)
        push[at] = 0
        if space.carried:
            as_int64(space.carry)[at] = 0
        way += abs(float(step))
    return lost, way


@bare(forceinline=True)
def _twist(space, near, slot, factor, waiting):
    """Take what pushes a body around into the block's scratch; returns whether it is anything."""
    spin, s, at = as_int64(space.spin), as_float64(near.block), _U(3) * slot
    unit, some = space.spin_unit * factor, False
    for axis in range(3):
        w = float(spin[at + _U(axis)]) * unit
        s[_U(PUSH_AT + axis * BLOCK) + waiting] = w
        spin[at + _U(axis)] = 0
        some |= w != 0.0
    as_uint32(near.block_i)[waiting] = np.uint32(slot)
    return some


@bare
def _turn(axes, space, near, count):
    """Turn the first `count` bodies of the block."""
    turns, semi, shapes = as_float64(space.turns), as_float64(space.semi), as_float64(space.shapes)
    coarse, swings = as_int32(near.coarse), as_float64(space.swings)
    per_unit = 1.0 / near.turn_unit
    slots, s, ways = as_uint32(near.block_i), as_float64(near.block), as_float64(near.ways)
    for k in range(_U(count)):
        slot = _U(slots[k])
        for number in range(4):
            s[_U(TURN_AT + number * BLOCK) + k] = turns[_U(4) * slot + _U(number)]
        for axis in range(3):
            length = semi[_U(3) * slot + _U(axis)]
            s[_U(SQUARE_AT + axis * BLOCK) + k] = length * length
    turn(axes, s, count, space.over)
    for k in range(_U(count)):
        slot, square = _U(slots[k]), 0.0
        for number in range(4):
            turns[_U(4) * slot + _U(number)] = s[_U(TURN_AT + number * BLOCK) + k]
        for number in range(WIDTH):
            shapes[_U(WIDTH) * slot + _U(number)] = s[_U(SHAPE_AT + number * BLOCK) + k]
        for axis in range(3):
            omega = s[_U(PUSH_AT + axis * BLOCK) + k]
            square += omega * omega
        swung = swings[slot] * math.sqrt(square) * CLOSE
        so_far = float(coarse[_U(4) * slot + _U(3)]) + swung * per_unit + 1.0
        if so_far > WORN:
            so_far, near.worn = WORN, 1
        coarse[_U(4) * slot + _U(3)] = np.int32(so_far)
        ways[slot] += swung


@bare
def _move_all(axes, space, near, rule, shared, chunk, step):
    """Move and turn the active bodies, and list those anew that have strayed. False: all must be."""
    moved, label, own = as_uint32(near.moved), as_uint32(space.label), as_int64(own_of(shared, 0))
    low, high, factors = as_uint64(chunk.a), as_uint64(chunk.b), as_float64(chunk.w)
    to_length, fits, able = rule.box / 2.0**64, True, _U(space.over > 0.0)
    ways = as_float64(near.ways)
    limit = math.inf if near.endless else 0.5 * shared.skin / CLOSE
    for begin in range(0, own[MOVED], CHUNK):
        count = min(CHUNK, own[MOVED] - begin)
        for k in range(count):
            low[k], high[k] = _U(label[_U(moved[begin + k])]), _U(0)
        draw(rule.particle, rule, PARTICLE, step, shared.threshold, low, high, count, factors)
        waiting = _U(0)
        for k in range(count):
            slot, factor = _U(moved[begin + k]), factors[k]
            lost, way = _displace(axes, space, near, slot, factor)
            own[CLIPPED] += lost
            near.moves += np.int64(way > 0.0)
            ways[slot] += way * to_length * CLOSE
            waiting += _U(_twist(space, near, slot, factor, waiting)) & able
            if waiting == _U(BLOCK):
                _turn(axes, space, near, BLOCK)
                waiting = _U(0)
        if waiting > _U(0):
            _turn(axes, space, near, np.int64(waiting))
        for k in range(count):
            slot = _U(moved[begin + k])
            if ways[slot] >= limit:
                ways[slot] = strayed(axes, space, near, slot, to_length) * CLOSE
                if fits and ways[slot] >= limit:
                    fits = remove(axes, space, near, rule, shared, slot)
    space.carried = 0
    return fits and near.worn == 0 and near.removals < ROUND * space.n


# ------------------------------------------------------------------------------------------------
# looking, and the step


@bare
def _note(axes, space, near, rule, shared):
    """Record activity, energy and square displacement of the present configuration."""
    own, c, table = as_int64(own_of(shared, 0)), as_float64(near.contacts), as_float64(rule.table)
    fixed, wraps = as_uint64(space.fixed), as_int32(space.wraps)
    origin, label, dim = as_uint64(space.origin), as_uint32(space.label), _U(len(axes))
    for limb in range(2 * SPAN):
        own[TALLY + limb] = 0
    for k in range(own[FOUND]):
        size = c[k * CONTACT + SIZE]
        r = c[k * CONTACT + DEPTH] * size
        tally(own, TALLY, any_energy(rule.kind, rule.a, rule.b, table, r, size))
    for slot in range(_U(space.n)):
        square = 0.0
        for axis in range(len(axes)):
            at = slot * dim + _U(axis)
            first = origin[_U(label[slot]) * dim + _U(axis)]
            start, now, gap = np.int64(first), np.int64(fixed[at]), np.int64(fixed[at] - first)
            boxes = np.int64(wraps[at])
            boxes += np.int64(gap < 0 and now > start) - np.int64(gap > 0 and now < start)
            delta = (float(gap) * 2.0**-64 + float(boxes)) * rule.box
            square += delta * delta
        tally(own, TALLY + SPAN, square)
    write_record(shared)


@bare
def _renew(axes, space, near, rule, shared):
    """All rows anew, and all contacts. Returns RUNNING, or what must grow first."""
    if not list_all(axes, space, near, rule, shared):
        return GROW_LIST
    if not _find(axes, space, near, rule, shared, True):
        return GROW_LIST
    shared.builds += 1
    shared.stale = near.moves = near.removals = 0
    return RUNNING


@bare
def _go(axes, space, near, rule, shared, chunk, step):
    """One step from known contacts. RUNNING, ABSORBED, or what must grow; then nothing has changed."""
    own, status = as_int64(own_of(shared, 0)), RUNNING
    if own[FOUND] == 0:
        return ABSORBED
    if rule.pair == BATCH or rule.particle == BATCH:
        status = _draw_batch(space, near, rule, shared, chunk, step, rule.pair == BATCH)
        if status != RUNNING:
            return status
    _push_all(axes, space, near, rule, shared, chunk, step)
    if not _move_all(axes, space, near, rule, shared, chunk, step):
        shared.stale = 1
    return status


@bare(entry=True)
def advance_bodies(axes, space, near, rule, shared, chunk, until):
    """Run to step `until` unless absorbed before, or something must grow; recording as scheduled on the way.

    shared.status says how it ended, as in `steps.advance`.
    """
    schedule, status = as_int64(shared.schedule), RUNNING
    while status == RUNNING:
        if shared.stale:
            status = _renew(axes, space, near, rule, shared)
        elif near.known == 0 and not _find(axes, space, near, rule, shared, False):
            shared.stale, status = 1, GROW_LIST
        if status != RUNNING:
            break
        near.known = 1
        if shared.next < shared.scheduled and schedule[shared.next] == shared.step:
            _note(axes, space, near, rule, shared)
        elif shared.step >= until:
            status = PAUSED
        else:
            status = _go(axes, space, near, rule, shared, chunk, _U(shared.step))
            if status == RUNNING:
                shared.step += 1
                near.known = 0
    shared.status = status
