"""Pairs of particles within a cut-off, and the checks before they are looked for: what all measurements share."""

import itertools
import math

import numpy as np

from mpack import _check
from mpack.packing import Packing


def check_packing(packing, centres=False):
    """`packing` if it is one of spheres, or (centres) of anything; TypeError or ValueError else."""
    _check.instance("packing", packing, Packing, "a Packing")
    if not centres and not packing.spherical:
        raise ValueError(
            "packing must be of spheres: this is not defined for other shapes, or not made for them; "
            f"got {packing!r}"
        )
    return packing


def check_cutoff(packing, factor, margin, what):
    """ValueError if the box cannot hold pairs within factor d_ij + margin, the reach of `what`.

    Of bodies d_ij is the mean extent of both along their longest axes.
    """
    longest = packing.diameters if packing.spherical else 2.0 * packing.axes
    cutoff = factor * float(longest.max()) + margin
    if not 2.0 * cutoff <= packing.box:
        raise ValueError(
            f"box must be >= {2.0 * cutoff:.6g}, twice the cut-off, for {what}; got {packing.box:.6g}"
        )


def reach(packing, potential):
    """The potential's range in units of d_ij, if the box can hold it."""
    check_cutoff(packing, potential.reach, 0.0, f"the range of {potential}")
    return potential.reach


def pairs_within(packing, factor, margin=0.0):
    """Chunks (i, j, r) of the pairs with r < factor d_ij + margin."""
    from mpack._kernels import pairs

    return pairs.chunks(packing.fixed, packing.box, packing.diameters, factor, margin)


def directed_pairs(packing, factor, margin, what):
    """i < j in lexicographic order, r, and unit vectors from j to i (the first axis for pairs at one point)."""
    from mpack._kernels import pairs

    check_cutoff(packing, factor, margin, what)
    listed, r = pairs.sorted_pairs(packing.fixed, packing.box, packing.diameters, factor, margin)
    i, j = listed.T
    unit = packing.separation(i, j) / np.where(r > 0, r, 1.0)[:, None]
    unit[r == 0, 0] = 1.0
    return i, j, r, unit


def contact(packing, i, j):
    """Contact distances d_ij = R_i + R_j."""
    return 0.5 * (packing.diameters[i] + packing.diameters[j])


def exact_sum(parts):
    """Sum of all numbers of all arrays, rounded once: the same for any order."""
    return math.fsum(itertools.chain.from_iterable(part.tolist() for part in parts))
