"""Linked cells: who is near whom in sparse steps whose kicks outrun any list.

A list of neighbours is stale as soon as one particle has gone half a skin. Where a single kick is as
long as that, each step would build it anew, at the cost of all particles, though few have moved. So
the slots of each cell are chained instead, and only those that moved change their chain. Whatever
touches a slot stands in the cells, of each tier, that a cube around it touches.

The chains take the place of what lists need: `start` holds the first slot of each cell, `first` and
`last` the slot behind and before a slot in its chain, `cell` the cell of each slot.
"""

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.cells import line_at, numbered_cell, turn_to_next_line
from mpack._kernels.machine import as_int32, as_int64, as_uint32

_U = np.uint64
NONE = np.uint32(0xFFFFFFFF)  # the end of a chain


@bare
def chain(axes, space, lists, begin, end):
    """Chain the slots [begin, end), sorted by cell; the heads are those of `head_chains`, which comes later."""
    cell, behind, before = as_uint32(lists.cell), as_uint32(lists.first), as_uint32(lists.last)
    coarse, start = as_int32(space.coarse), as_uint32(lists.start)
    for slot in range(begin, end):
        own = numbered_cell(axes, lists, coarse, slot)
        cell[slot] = np.uint32(own)
        behind[slot] = np.uint32(slot + 1) if slot + 1 < np.int64(start[own + 1]) else NONE
        before[slot] = np.uint32(slot - 1) if slot > np.int64(start[own]) else NONE


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
def relink(axes, space, lists, moved, count):
    """Move slots to the chains of the cells where they are now; returns how many the fullest of those hold."""
    cell, behind, before = as_uint32(lists.cell), as_uint32(lists.first), as_uint32(lists.last)
    start, coarse, fullest = as_uint32(lists.start), as_int32(space.coarse), np.int64(0)
    for k in range(count):
        slot = _U(moved[k])
        old, new = _U(cell[slot]), _U(numbered_cell(axes, lists, coarse, slot))
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
def around(axes, lists, tier, window, lines, most, row):
    """Write the slots in the next `most` cells of a window to `row`; returns (lines left, how many slots).

    `row` has room for what that many of the fullest cells hold. Chains are followed all at once,
    each entry appending its successor: what comes next does not wait for a guess at where a chain
    ends.
    """
    behind, start = as_uint32(lists.first), as_uint32(lists.start)
    first, cells = as_int64(lists.offset)[tier], as_int64(lists.edge)[tier]
    dim, count, room = len(axes), _U(0), most
    while lines > 0 and room > 0:
        base, done = line_at(axes, first, cells, window), window[2 * dim]
        stop = min(window[dim], done + room)
        for x in range(window[0] + done, window[0] + stop):
            row[count] = start[_U(base + (x - cells if x >= cells else x))]
            count += _U(row[count] != NONE)
        room -= stop - done
        window[2 * dim] = stop
        if stop == window[dim]:
            window[2 * dim] = 0
            turn_to_next_line(axes, window)
            lines -= 1
    at = _U(0)
    while at < count:
        row[count] = behind[_U(row[at])]
        count += _U(row[count] != NONE)
        at += _U(1)
    return lines, np.int64(count)
