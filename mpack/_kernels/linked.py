"""Linked cells: who is near whom in sparse steps whose kicks outrun any list.

A list of neighbours is stale as soon as one particle has gone half a skin. Where a single kick is as
long as that, each step would build it anew, at the cost of all particles, though few have moved. So
the slots of each cell are chained instead, and only those that moved change their chain. Cells are
no narrower than the range of the potential: whatever touches a slot stands in its cell or in one of
the 3**dim - 1 around it.

The chains take the place of what lists need: `start` holds the first slot of each cell, `first` and
`last` the slot behind and before a slot in its chain, `cell` the cell of each slot.
"""

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.machine import as_int32, as_uint32
from mpack._kernels.neighbours import cell_of
from mpack._kernels.state import stride_of

_U = np.uint64
NONE = np.uint32(0xFFFFFFFF)  # the end of a chain


@bare
def chain(axes, space, lists, cells, begin, end):
    """Chain the slots [begin, end), sorted by cell; the heads are those of `head_chains`."""
    cell, behind, before = as_uint32(lists.cell), as_uint32(lists.first), as_uint32(lists.last)
    coarse, n = as_int32(space.coarse), space.n
    for slot in range(begin, end):
        own = cell_of(axes, coarse, slot, cells)
        cell[slot] = np.uint32(own)
        follows = slot + 1 < n and cell_of(axes, coarse, slot + 1, cells) == own
        precedes = slot > 0 and cell_of(axes, coarse, slot - 1, cells) == own
        behind[slot] = np.uint32(slot + 1) if follows else NONE
        before[slot] = np.uint32(slot - 1) if precedes else NONE


@bare
def head_chains(lists, total):
    """`start` from the first place of each cell to its first slot; returns how many the fullest holds."""
    start, fullest = as_uint32(lists.start), np.int64(0)
    for cell in range(total):
        first, stop = start[cell], start[cell + 1]
        fullest = max(fullest, np.int64(stop) - np.int64(first))
        start[cell] = first if stop > first else NONE
    return fullest


@bare
def relink(axes, space, lists, cells, moved, count):
    """Move slots to the chains of the cells where they are now; returns how many the fullest of those hold."""
    cell, behind, before = as_uint32(lists.cell), as_uint32(lists.first), as_uint32(lists.last)
    start, coarse, fullest = as_uint32(lists.start), as_int32(space.coarse), np.int64(0)
    for k in range(count):
        slot = _U(moved[k])
        old, new = _U(cell[slot]), _U(cell_of(axes, coarse, slot, cells))
        if old == new:
            continue
        left, right = before[slot], behind[slot]
        if left == NONE:
            start[old] = right
        else:
            behind[_U(left)] = right
        if right != NONE:
            before[_U(right)] = left
        right = start[new]
        start[new], before[slot], behind[slot] = np.uint32(slot), NONE, right
        cell[slot] = np.uint32(new)
        held = np.int64(1)
        if right != NONE:
            before[_U(right)] = np.uint32(slot)
        while right != NONE:
            held += 1
            right = behind[_U(right)]
        fullest = max(fullest, held)
    return fullest


@bare
def around(axes, space, lists, cells, slot, line, row):
    """Write the slots in nine lines of three cells around a slot, from `line` on, to `row`; returns how many.

    The cells around it are 3**(dim - 1) such lines along the first coordinate; where there are less
    than nine, all of them. `row` has room for what 27 of the fullest cells hold. The slot itself is
    there too. Chains are followed all at once, each entry appending its successor: what comes next
    does not wait for a guess at where a chain ends.
    """
    coarse, behind, start = as_int32(space.coarse), as_uint32(lists.first), as_uint32(lists.start)
    home, edge, count = _U(slot) * stride_of(axes), _U(cells), _U(0)
    x = np.int64((_U(np.uint32(coarse[home])) * edge) >> _U(32))
    before = x - 1 if x > 0 else cells - 1
    after = x + 1 if x + 1 < cells else 0
    for code in range(line, min(line + 9, 3 ** (len(axes) - 1))):
        base, stride, rest = np.int64(0), cells, np.int64(code)
        for axis in range(1, len(axes)):
            place = np.int64((_U(np.uint32(coarse[home + _U(axis)])) * edge) >> _U(32))
            place += rest % 3 - 1
            place = place + cells if place < 0 else (place - cells if place >= cells else place)
            base += place * stride
            rest //= 3
            stride *= cells
        row[count] = start[_U(base + before)]
        count += _U(row[count] != NONE)
        row[count] = start[_U(base + x)]
        count += _U(row[count] != NONE)
        row[count] = start[_U(base + after)]
        count += _U(row[count] != NONE)
    at = _U(0)
    while at < count:
        row[count] = behind[_U(row[at])]
        count += _U(row[count] != NONE)
        at += _U(1)
    return np.int64(count)
