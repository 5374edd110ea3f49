"""Where bodies that turn are at home, and who their neighbours are: the rows that `bodies` looks through.

Every body has a *home*: where it was, and how it was turned, when its row of neighbours was made.
Two bodies are in each other's rows unless, at home, the plane across their line of centres parts
them by the skin at least. So they cannot meet before one of them has come half the skin nearer: by
moving, or by turning, which brings its surface nearer by at most the angle times the difference of
its longest and shortest semi-axes (`swing`). A body that has strayed so far gets a new home and a
new row, it alone: long jumps of few cost the others nothing.

Homes are found by cells of a cubic grid, in whose order all bodies are put now and then (`list_all`).
"""

import math

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.ellipsoids import WIDTH, along
from mpack._kernels.machine import (
    as_float32,
    as_float64,
    as_int32,
    as_int64,
    as_uint8,
    as_uint32,
    as_uint64,
)

_U = np.uint64
_32 = np.uint64(32)
CLOSE = 1.0 + 1e-9  # covers the rounding of lengths where a pair is left out
SHORT, WIDEST = 0.1, 1.0  # skins: where kicks are longer than any, and the most there is


@bare(forceinline=True)
def gap_of(axes, fixed, i, j, to_length):
    """x_i - x_j, nearest image, as three lengths."""
    dim = _U(len(axes))
    x = float(np.int64(fixed[i * dim] - fixed[j * dim])) * to_length
    y = float(np.int64(fixed[i * dim + _U(1)] - fixed[j * dim + _U(1)])) * to_length
    z = 0.0
    if len(axes) == 3:
        z = float(np.int64(fixed[i * dim + _U(2)] - fixed[j * dim + _U(2)])) * to_length
    return x, y, z


@bare
def _lay_cells(axes, space, near, rule, shared):
    """Cells no narrower than bodies and skin reach, all empty; a skin too wide for the box shrinks.

    A box that has hardly room for a skin holds few bodies: there all are neighbours.
    """
    room = max(0.5 * rule.box - 2.0 * space.top, 0.0)
    near.endless = np.int64(room < 0.05)
    shared.skin = min(shared.skin, room)
    cutoff = (2.0 * space.top + shared.skin) * CLOSE
    cells = np.int64(math.floor(min(rule.box / cutoff, float(near.most))))
    near.cells = np.int64(1) if near.endless or cells < 3 else cells
    total, lodged = np.int64(1), as_int64(near.lodged)
    for _ in range(len(axes)):
        total *= near.cells
    for cell in range(total):
        lodged[cell] = 0
    return total


@bare(forceinline=True)
def _cell_of(axes, home, slot, cells):
    index = _U(0)
    for axis in range(len(axes) - 1, -1, -1):
        place = _U(home[slot * _U(len(axes)) + _U(axis)]) >> _32
        index = index * _U(cells) + ((place * _U(cells)) >> _32)
    return np.int64(index)


@bare(forceinline=True)
def _lodge(axes, near, slot, cell):
    """Enter a body into a cell; False if that is full. One cell for all holds nobody: all are tried."""
    if near.cells == 1:
        return True
    lodgers, lodged, doors = as_uint32(near.lodgers), as_int64(near.lodged), as_int32(near.doors)
    home, count, wide = as_int64(near.home), lodged[cell], near.doors_apart
    if count >= near.cell_room:
        return False
    at = cell * near.cell_room + count
    lodgers[at] = np.uint32(slot)
    for axis in range(len(axes)):
        doors[axis * wide + at] = np.int32(home[slot * _U(len(axes)) + _U(axis)] >> np.int64(32))
    as_int64(near.cell)[slot], as_int64(near.place)[slot] = cell, count
    lodged[cell] = count + 1
    return True


@bare(forceinline=True)
def _round(axes, space, near, slot):
    """The coarse coordinates of a body, which has not turned since."""
    fixed, coarse, dim = as_int64(space.fixed), as_int32(near.coarse), _U(len(axes))
    coarse[_U(4) * slot + _U(2)] = coarse[_U(4) * slot + _U(3)] = 0
    for axis in range(len(axes)):
        upper = fixed[slot * dim + _U(axis)] >> np.int64(32)
        coarse[_U(4) * slot + _U(axis)] = np.int32(upper)


@bare(forceinline=True)
def _settle(axes, space, near, slot):
    """Home is where a body is now."""
    home, fixed, dim = as_uint64(near.home), as_uint64(space.fixed), _U(len(axes))
    stance, turns = as_float64(near.stance), as_float64(space.turns)
    outline, shapes = as_float64(near.outline), as_float64(space.shapes)
    for axis in range(len(axes)):
        home[slot * dim + _U(axis)] = fixed[slot * dim + _U(axis)]
    as_float64(near.ways)[slot] = 0.0
    for k in range(4):
        stance[slot * _U(4) + _U(k)] = turns[slot * _U(4) + _U(k)]
    for k in range(6):
        outline[slot * _U(WIDTH) + _U(k)] = shapes[slot * _U(WIDTH) + _U(k)]


@bare(forceinline=True)
def _neighbours(axes, home, outline, bounds, skin, i, j, to_length):
    """Whether two homes are too near for their bodies to stay out of each other's rows."""
    x, y, z = gap_of(axes, home, i, j, to_length)
    square = x * x + y * y + z * z
    cut = (bounds[i] + bounds[j] + skin) * CLOSE
    if square >= cut * cut:
        return False
    a = math.sqrt(along(outline, _U(WIDTH) * i, x, y, z))
    b = math.sqrt(along(outline, _U(WIDTH) * j, x, y, z))
    return square < (a + b + skin * math.sqrt(square)) * CLOSE


@bare(forceinline=True)
def _shift(near, place, to):
    """Copy a neighbour, and the plane before it, to another place in the rows."""
    rows, planes = as_uint32(near.rows), as_float32(near.planes)
    rows[to] = rows[place]
    for k in range(4):
        planes[_U(4) * to + _U(k)] = planes[_U(4) * place + _U(k)]


@bare(forceinline=True)
def _enter(near, i, j):
    """Put j into the row of i; False if it is full."""
    counts, uppers = as_int64(near.counts), as_int64(near.uppers)
    if counts[i] >= near.row:
        return False
    at = i * _U(near.row) + _U(counts[i])
    counts[i] += 1
    if j > i:
        middle = i * _U(near.row) + _U(uppers[i])
        _shift(near, middle, at)
        at = middle
        uppers[i] += 1
    as_uint32(near.rows)[at] = np.uint32(j)
    as_float32(near.planes)[_U(4) * at + _U(3)] = np.float32(math.inf)
    return True


@bare(forceinline=True)
def _strike(near, i, j):
    """Take j out of the row of i."""
    rows, counts, uppers = as_uint32(near.rows), as_int64(near.counts), as_int64(near.uppers)
    at = begin = i * _U(near.row)
    while rows[at] != np.uint32(j):
        at += _U(1)
    counts[i] -= 1
    if j > i:
        uppers[i] -= 1
        middle = begin + _U(uppers[i])
        _shift(near, middle, at)
        at = middle
    _shift(near, begin + _U(counts[i]), at)


@bare
def _squares(axes, near, slot, begin, count, out, to):
    """Squared distances of a home to `count` doors of one cell, in units of 2**-32 of the box."""
    doors, home, wide = as_int32(near.doors), as_int64(near.home), near.doors_apart
    x = np.int32(home[slot * _U(len(axes))] >> np.int64(32))
    y = np.int32(home[slot * _U(len(axes)) + _U(1)] >> np.int64(32))
    for k in range(count):
        a = np.float32(np.int32(doors[begin + k] - x))
        b = np.float32(np.int32(doors[wide + begin + k] - y))
        out[to + k] = a * a + b * b
    if len(axes) == 3:
        z = np.int32(home[slot * _U(3) + _U(2)] >> np.int64(32))
        for k in range(count):
            c = np.float32(np.int32(doors[2 * wide + begin + k] - z))
            out[to + k] += c * c


@bare(forceinline=True)
def _wrapped(place, cells):
    """A cell's place along an edge, around the box: quicker than a remainder."""
    if place < 0:
        return place + cells
    return place - cells if place >= cells else place


@bare
def _look_into(axes, near, slot, cell, most, count):
    """Put the bodies of a cell whose homes may be near that of a slot into near.around; returns the new count."""
    lodgers, around, squares = (
        as_uint32(near.lodgers),
        as_uint32(near.around),
        as_float32(near.squares),
    )
    begin, there, kept = cell * near.cell_room, as_int64(near.lodged)[cell], count
    _squares(axes, near, slot, begin, there, squares, count)
    for k in range(there):  # what is kept is never ahead of what is looked at
        around[kept] = lodgers[begin + k]
        kept += np.int64(squares[count + k] < most)
    return kept


@bare
def _look_around(axes, space, near, rule, shared, slot):
    """Put the bodies whose homes may be near that of a slot into near.around; returns how many."""
    cells, count = near.cells, np.int64(0)
    here = as_int64(near.cell)[slot]
    cut = as_float64(space.bounds)[slot] + space.top + shared.skin
    cut = cut * (1.0 + 1e-6) * (2.0**32 / rule.box) + 8.0
    most = np.float32(cut * cut)
    layer = here // cells
    cx, cz = here - layer * cells, layer // cells
    cy = layer - cz * cells
    for oz in range(-1, 2):
        if len(axes) == 2 and oz != 0:
            continue
        z = _wrapped(cz + oz, cells) * cells
        for oy in range(-1, 2):
            y = (z + _wrapped(cy + oy, cells)) * cells
            for ox in range(-1, 2):
                cell = y + _wrapped(cx + ox, cells)
                count = _look_into(axes, near, slot, cell, most, count)
    return count


@bare
def _meet(axes, space, near, rule, shared, slot):
    """The row of a body, from the cells around its home, and what it changes in theirs. False: no room.

    Nearly all of its neighbours were so before.
    """
    home, outline, bounds = as_uint64(near.home), as_float64(near.outline), as_float64(space.bounds)
    rows, counts, known_to = as_uint32(near.rows), as_int64(near.counts), as_uint8(near.known_to)
    uppers = as_int64(near.uppers)
    to_length, around, fits = rule.box / 2.0**64, as_uint32(near.around), True
    every, begin = near.cells == 1, slot * _U(near.row)
    for at in range(begin, begin + _U(counts[slot])):
        known_to[_U(rows[at])] = np.uint8(1)
    count = space.n if every else _look_around(axes, space, near, rule, shared, slot)
    for k in range(count):
        other = _U(k) if every else _U(around[k])
        if other != slot and (
            near.endless
            or _neighbours(axes, home, outline, bounds, shared.skin, slot, other, to_length)
        ):
            if known_to[other] == 0:
                fits = fits and _enter(near, other, slot) and _enter(near, slot, other)
            if fits or known_to[other] == 1:
                known_to[other] = np.uint8(2)
    kept = begin
    for at in range(begin, begin + _U(counts[slot])):
        other = _U(rows[at])
        if known_to[other] == 1:
            _strike(near, other, slot)
            uppers[slot] -= np.int64(other > slot)
        else:
            _shift(near, at, kept)
            kept += _U(1)
        known_to[other] = np.uint8(0)
    counts[slot] = np.int64(kept - begin)
    return fits


@bare
def _rehouse(axes, near, slot, cell):
    """Move a body to another cell; False if that is full."""
    lodgers, lodged, place = as_uint32(near.lodgers), as_int64(near.lodged), as_int64(near.place)
    if near.cells == 1:
        return True
    old = as_int64(near.cell)[slot]
    lodged[old] -= 1
    end, at = old * near.cell_room + lodged[old], old * near.cell_room + place[slot]
    lodgers[at] = lodgers[end]
    for axis in range(len(axes)):
        wide = axis * near.doors_apart
        as_int32(near.doors)[wide + at] = as_int32(near.doors)[wide + end]
    place[_U(lodgers[at])] = place[slot]
    return _lodge(axes, near, slot, cell)


@bare
def remove(axes, space, near, rule, shared, slot):
    """A new home for a body, and a new row. False: no room, and all must be listed again."""
    _settle(axes, space, near, slot)
    near.removals += 1
    cell = _cell_of(axes, as_uint64(near.home), slot, near.cells)
    return _rehouse(axes, near, slot, cell) and _meet(axes, space, near, rule, shared, slot)


@bare
def _permute(array, order, scratch, n, width):
    """Rows of `width` 64-bit numbers, in another order."""
    for slot in range(_U(n)):
        for k in range(_U(width)):
            scratch[slot * _U(width) + k] = array[_U(order[slot]) * _U(width) + k]
    for at in range(_U(n * width)):
        array[at] = scratch[at]


@bare
def _permute_32(array, order, scratch, n, width):
    """The same of 32-bit numbers."""
    for slot in range(_U(n)):
        for k in range(_U(width)):
            scratch[slot * _U(width) + k] = np.int64(array[_U(order[slot]) * _U(width) + k])
    for at in range(_U(n * width)):
        array[at] = np.int32(scratch[at])


@bare
def _sort(axes, space, near, cells):
    """Put the bodies in the order of their cells, so that neighbours are neighbours in memory."""
    order, scratch, n = as_uint32(near.order), as_int64(near.scratch), space.n
    fixed, place = as_uint64(space.fixed), as_int64(near.lodged)
    for slot in range(n):
        place[_cell_of(axes, fixed, _U(slot), near.cells)] += 1
    end = np.int64(0)
    for cell in range(cells):
        end += place[cell]
        place[cell] = end
    for slot in range(n - 1, -1, -1):
        cell = _cell_of(axes, fixed, _U(slot), near.cells)
        place[cell] -= 1
        order[place[cell]] = np.uint32(slot)
    _permute(as_int64(space.fixed), order, scratch, n, len(axes))
    _permute(as_int64(space.turns), order, scratch, n, 4)
    _permute(as_int64(space.semi), order, scratch, n, 3)
    _permute(as_int64(space.shapes), order, scratch, n, WIDTH)
    _permute(as_int64(space.radii), order, scratch, n, 1)
    _permute(as_int64(space.bounds), order, scratch, n, 1)
    _permute(as_int64(space.swings), order, scratch, n, 1)
    _permute_32(as_int32(space.wraps), order, scratch, n, len(axes))
    _permute_32(as_int32(space.label), order, scratch, n, 1)
    for cell in range(cells):
        place[cell] = 0


@bare
def _listed(space, near):
    """Pairs in the rows, for each body."""
    counts, total = as_int64(near.counts), np.int64(0)
    for slot in range(space.n):
        total += counts[slot]
    return 0.5 * float(total) / float(space.n)


@bare
def _tune(space, near, shared):
    """The next skin, from how often bodies strayed (a matter of speed alone: no bit depends on it).

    A move costs the tests of the row, which grow like (1 + skin)**3, and its share of a new row,
    which gets rarer like skin**-1.5, between drift and diffusion. In units of a test a new row
    costs 1,400 (prolate 1.5) to 2,900 (prolate 5); skins of 0.3 to 0.6 differ by a few per cent.

    Where kicks are so long that even at the widest skin one move in four ends a row, rows had better
    be short: there a new one costs a fourth and less, when most are made anew at every step.
    """
    skin, often = shared.skin, float(near.removals) / float(max(near.moves, 1))
    if often > (0.5 if skin <= SHORT else 0.25) and (skin <= SHORT or skin >= WIDEST):
        shared.skin = SHORT
        return
    listed, best, chosen = _listed(space, near), math.inf, skin
    for notch in range(-1, 2):
        trial = skin * (0.8 if notch < 0 else (1.25 if notch > 0 else 1.0))
        wider, longer = (1.0 + trial) / (1.0 + skin), trial / skin
        cost = listed * wider * wider * wider + 2500.0 * often / (longer * math.sqrt(longer))
        if cost < best:
            best, chosen = cost, trial
    shared.skin = min(max(chosen, 0.02), WIDEST)


@bare
def list_all(axes, space, near, rule, shared):
    """A home for each body where it is, sorted, and all rows anew. False: no room for them."""
    if shared.tuned and near.removals > 0:
        _tune(space, near, shared)
    cells = _lay_cells(axes, space, near, rule, shared)
    if near.cells > 1:
        _sort(axes, space, near, cells)
    counts, uppers = as_int64(near.counts), as_int64(near.uppers)
    near.worn, near.turn_unit = 0, space.top * 2.0**-22
    for slot in range(_U(space.n)):
        counts[slot], uppers[slot] = 0, 0
        _round(axes, space, near, slot)
        _settle(axes, space, near, slot)
        if not _lodge(axes, near, slot, _cell_of(axes, as_uint64(near.home), slot, near.cells)):
            return False
    for slot in range(_U(space.n)):
        if not _meet(axes, space, near, rule, shared, slot):
            return False
    return True


@bare(forceinline=True)
def strayed(axes, space, near, slot, to_length):
    """How much nearer to others the surface of a body may have come since it was at home: moved, and turned.

    `ways` adds up single steps, which is less work and never less; where that reaches the limit, this
    takes its place.

    The angle from the chord c between the quaternions: 4 arcsin(c/2) <= 2 c + 0.2854 c**3.
    """
    fixed, home, dim = as_uint64(space.fixed), as_uint64(near.home), _U(len(axes))
    turns, stance = as_float64(space.turns), as_float64(near.stance)
    far, plus, minus = 0.0, 0.0, 0.0
    for axis in range(len(axes)):
        at = slot * dim + _U(axis)
        delta = float(np.int64(fixed[at] - home[at])) * to_length
        far += delta * delta
    for k in range(4):
        now, then = turns[_U(4) * slot + _U(k)], stance[_U(4) * slot + _U(k)]
        plus += (now - then) * (now - then)
        minus += (now + then) * (now + then)
    chord = math.sqrt(min(plus, minus))
    angle = chord * (2.0 + 0.2855 * chord * chord)
    return math.sqrt(far) + as_float64(space.swings)[slot] * angle
