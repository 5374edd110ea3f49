"""Cells that know sizes: a grid of its own for each tier of diameters, and the cells around a place.

One grid for all has cells as wide as the largest sphere, each crowded with small ones. So spheres
are parted into tiers of like diameters once and for all (equal spheres are one tier), the slots
of a tier follow each other, and each tier has cells just wide enough for two of its own, numbered
behind those of the tier before. Spheres of one tier meet in neighbouring cells. Spheres of two
tiers are looked up in a *window*: the cells of the other tier that a cube around the sphere
touches. Seen from the larger sphere, a window in the smaller one's grid holds hardly more than
what is near: each small sphere meets as many candidates as the large ones have volume, whatever
their diameters.
"""

import math

import numpy as np

from mpack._kernels._jit import bare
from mpack._kernels.machine import as_float64, as_int64
from mpack._kernels.state import stride_of

_U = np.uint64
_32 = np.uint64(32)
MARGIN = 1.0 + 1e-6  # covers the rounding of single precision
LEEWAY = 8.0  # units of the 32-bit coordinates: covers their truncation


def tiers(diameters):
    """Part spheres by size: (the particles tier after tier, the first place of each tier and the end).

    A tier is an octave of diameters, unless it has fewer spheres than there are larger ones: then
    it joins the next, since each larger one would have to look at its cells. So there are no more
    tiers than log2(n) + 1, and small spheres in the wide cells of larger ones are no denser than
    spheres that fill such cells.
    """
    octave = np.floor(np.log2(diameters / diameters.min())).astype(np.int64)
    order = np.argsort(octave, kind="stable")
    ends = np.cumsum(np.unique(octave, return_counts=True)[1])
    begin = [0]
    for end in ends.tolist():
        if end - begin[-1] >= len(diameters) - end:
            begin.append(end)
    return order, np.array(begin, dtype=np.int64)


@bare(forceinline=True)
def half_skin(rule, radius, skin):
    """Half the skin of a sphere. It grows with large ones: more contacts, hence longer steps."""
    return 0.5 * skin * max(rule.grain, 2.0 * radius / rule.reach)


@bare(forceinline=True)
def cell_of(axes, coarse, slot, cells):
    """Index in its tier of the cell of a slot; `cells` to an edge; the first coordinate runs fastest."""
    index = _U(0)
    for axis in range(len(axes) - 1, -1, -1):
        place = _U(np.uint32(coarse[_U(slot) * stride_of(axes) + _U(axis)]))
        index = index * _U(cells) + ((place * _U(cells)) >> _32)
    return np.int64(index)


@bare(forceinline=True)
def tier_of(lists, slot):
    """The tier of a slot."""
    begin, tier = as_int64(lists.begin), np.int64(0)
    while begin[tier + 1] <= np.int64(slot):
        tier += 1
    return tier


@bare(forceinline=True)
def numbered_cell(axes, lists, coarse, slot):
    """Index among all cells of the cell of a slot."""
    tier = tier_of(lists, slot)
    return as_int64(lists.offset)[tier] + cell_of(axes, coarse, slot, as_int64(lists.edge)[tier])


@bare
def cells_to_an_edge(lists, rule, tier, skin):
    """Cells no narrower than two of the tier's largest spheres reach; 1 (all pairs) where three do not fit."""
    top = as_float64(lists.tops)[tier]
    cutoff = 2.0 * (top + half_skin(rule, top, skin)) * MARGIN + LEEWAY * rule.box / 2.0**32
    most = float(as_int64(lists.most)[tier])
    cells = np.int64(math.floor(min(rule.box / cutoff, most)))
    return cells if cells >= 3 else 1


@bare
def lay_cells(axes, lists, rule, skin):
    """Lay out the cells of all tiers, for a list of this skin."""
    edge, base = as_int64(lists.edge), as_int64(lists.offset)
    base[0] = 0
    for tier in range(lists.tiers):
        edge[tier] = cells_to_an_edge(lists, rule, tier, skin)
        count = np.int64(1)
        for _ in range(len(axes)):
            count *= edge[tier]
        base[tier + 1] = base[tier] + count


@bare
def open_window(axes, coarse, slot, cells, reach, window):
    """The cells that the cube of half an edge `reach` around a slot touches; returns how many lines of them.

    reach: in units of the 32-bit coordinates. window: for each axis the first cell, how many, and
    how many of them are done.
    """
    dim, lines, per_unit = len(axes), np.int64(1), float(cells) * 2.0**-32
    for axis in range(dim):
        place = float(np.uint32(coarse[_U(slot) * stride_of(axes) + _U(axis)]))
        low = np.int64(math.floor((place - reach) * per_unit))
        width = np.int64(math.floor((place + reach) * per_unit)) - low + 1
        if width >= cells:
            low, width = np.int64(0), np.int64(cells)
        window[axis] = low + cells if low < 0 else low
        window[dim + axis], window[2 * dim + axis] = width, 0
        lines *= width if axis > 0 else 1
    return lines


@bare(forceinline=True)
def line_at(axes, base, cells, window):
    """Index of the cell at coordinate 0 of the window's present line; base: the tier's first; cells: to an edge."""
    dim, line, stride = len(axes), base, cells
    for axis in range(1, dim):
        place = window[axis] + window[2 * dim + axis]
        line += (place - cells if place >= cells else place) * stride
        stride *= cells
    return line


@bare(forceinline=True)
def turn_to_next_line(axes, window):
    for axis in range(1, len(axes)):
        window[2 * len(axes) + axis] += 1
        if window[2 * len(axes) + axis] < window[len(axes) + axis]:
            break
        window[2 * len(axes) + axis] = 0
