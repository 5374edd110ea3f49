"""Two lattice models whose critical behaviour is known: the standards by which `mpack.scaling` is tested.

Site percolation in two dimensions: p_c = 0.59274605 (numerical), beta = 5/36 and nu = 4/3 (exact).
The Manna sandpile with a fixed number of grains in two dimensions: the class that biased random
organization is compared with.
"""

import numpy as np

from mpack import _check
from mpack._kernels import lattices as kernels

LARGEST_EDGE = 4096


def percolation(edge, p, runs, seed):
    """Share of the sites that belong to the largest cluster, in independent configurations.

    Each site of a square lattice with periodic boundaries is occupied with probability p; clusters
    join occupied nearest neighbours.

    Parameters
    ----------
    edge : int
        Sites along an edge, 2 to 4096.
    p : float
        In [0, 1].
    runs : int
        Number of configurations, >= 1.
    seed : int
        Configurations at different (seed, edge, p) are independent.

    Returns
    -------
    (runs,) float array

    Raises
    ------
    ValueError, TypeError
        An argument outside its range, or of the wrong type.

    Source: D. Stauffer, A. Aharony, Introduction to Percolation Theory (1994).
    """
    edge = _check.integer("edge", edge, 2, LARGEST_EDGE)
    p = _check.number("p", p, 0.0, 1.0)
    seeds = _seeds(_check.seed("seed", seed), edge, p, _check.integer("runs", runs, 1))
    largest, others = np.empty(seeds.size, np.int64), np.empty(seeds.size, np.int64)
    kernels.percolation(edge, p, seeds, largest, others)
    return largest / edge**2


def sandpile(edge, grains, steps, runs, seed):
    """Share of active sites before each step of the Manna sandpile, in independent runs.

    `grains` grains fall on random sites of a square lattice with periodic boundaries. A site with
    two or more is active; in a step all active sites topple at once, each sending two grains to
    neighbours drawn at random. The number of grains is conserved; a run without active sites stays
    as it is.

    Parameters
    ----------
    edge : int
        Sites along an edge, 2 to 4096.
    grains : int
        From 1 to 4 edge**2.
    steps, runs : int
        >= 1.
    seed : int
        Runs at different (seed, edge, grains) are independent.

    Returns
    -------
    (runs, steps) float array

    Raises
    ------
    ValueError, TypeError
        An argument outside its range, or of the wrong type.

    Source: S. S. Manna, J. Phys. A 24, L363 (1991); A. Vespignani et al., Phys. Rev. Lett. 81, 5676
    (1998).
    """
    edge = _check.integer("edge", edge, 2, LARGEST_EDGE)
    grains = _check.integer("grains", grains, 1, 4 * edge**2)
    steps = _check.integer("steps", steps, 1)
    seeds = _seeds(_check.seed("seed", seed), edge, grains, _check.integer("runs", runs, 1))
    active = np.empty((seeds.size, steps), np.int32)
    for run, key in zip(active, seeds):
        kernels.sandpile(edge, grains, steps, key, run)
    return active / edge**2


def _seeds(seed, edge, value, runs):
    """One 64-bit key a run, from all that the runs share."""
    exact = int(np.float64(value).view(np.uint64))
    return np.random.SeedSequence([seed, edge, exact]).generate_state(runs, np.uint64)
