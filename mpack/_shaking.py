"""Flatness of bodies: their energy when centres are displaced and bodies turned by Gaussian noise, sampled.

A body's own metric says what displacements and turns are of one size: dx**2 + sum over its axes of
I_k omega_k**2, with the moments of inertia I_k of `mpack.ellipsoids.inertia`. Noise of standard
deviation sigma in it moves centres by sigma on every axis and turns about the body's axis k by a
standard deviation sigma/I_k**(1/2).
"""

import math

import numpy as np

from mpack import ellipsoids


def sampled(packing, sigma, potential, samples, seed, rotation, reach):
    """<V(X + dX) - V(X)>, its standard error, and a bound on what pairs beyond the reach add to a linear one.

    Pairs count that may meet within `reach` standard deviations. Along the normal n of a pair its
    separation changes by 2**(1/2) sigma times one Gaussian; a support h changes, along the way of a
    turn, by no more than sum over k of |a_l - a_m| |omega_k|, hence by s |g| with

        s**2 = sigma**2 sum over k of (a_l - a_m)**2/I_k

    and three Gaussians g. All together stay below (2 sigma**2 + s_A**2 + s_B**2)**(1/2) times the
    length of seven Gaussians, while (mu - 1)(h_A + h_B) is the distance of the planes that have to
    meet.
    """
    from mpack._kernels import measured_bodies

    semi, dim = packing.bodies.semi, packing.dim
    spins, swings = _spins(packing, sigma, rotation)
    i, j, sizes = _listed(packing, sigma, swings, reach)
    place = packing.fixed, packing.box * 2.0**-64, i, j, sizes
    bodies = packing.orientations.ravel(), semi.ravel(), spins
    what = (potential.kind, *potential.parameters, potential.table)
    out = np.empty(samples)
    measured_bodies.shaken_energies(place, bodies, what, sigma, np.uint64(seed), out)
    radii = packing.bodies.radii
    spread = math.sqrt(2.0 * (sigma**2 + float(np.max(swings)) ** 2))
    bound = 0.25 * packing.n * (packing.n - 1) * float(radii.max() / semi[:, :dim].min()) * spread
    beyond = _mean_excess(reach, 1 if rotation is None else 7)
    error = float(np.std(out, ddof=1) / math.sqrt(samples))
    return float(np.mean(out)), error, bound * beyond


def _spins(packing, sigma, rotation):
    """Standard deviations (n, 3) of the turns about each body's own axes, and s (n,) of its support."""
    axes, spins = packing.axes, np.zeros((packing.n, 3))
    if rotation is None:
        return spins, np.zeros(packing.n)
    turns = sigma / np.sqrt(ellipsoids.inertia(axes, rotation))
    if packing.dim == 2:
        spins[:, 2:], steps = turns, np.ptp(axes, axis=1, keepdims=True)
    else:
        spins, steps = turns, np.roll(axes, -1, axis=1) - np.roll(axes, -2, axis=1)
    return spins, np.sqrt(np.sum(np.square(turns * steps), axis=1))


def _listed(packing, sigma, swings, reach):
    """Pairs i < j that may meet, and their D."""
    from mpack._kernels import pairs

    extents, margin = 2.0 * packing.axes.max(axis=1), reach * math.sqrt(2.0) * sigma
    near, _ = pairs.sorted_pairs(packing.fixed, packing.box, extents, 1.0, margin)
    found = ellipsoids.contacts_of(packing, near)
    i, j = found.pairs.T
    apart = (found.mu - 1.0) * found.supports.sum(axis=1)
    close = apart <= reach * np.sqrt(2.0 * sigma**2 + swings[i] ** 2 + swings[j] ** 2)
    return np.ascontiguousarray(i[close]), np.ascontiguousarray(j[close]), found.sizes[close]


def _mean_excess(x, k):
    """Mean of max(chi - x, 0), chi the length of k standard Gaussians."""
    from scipy.special import gammaincc, gammaln

    mean = math.sqrt(2.0) * math.exp(gammaln(0.5 * (k + 1)) - gammaln(0.5 * k))
    beyond = gammaincc([0.5 * (k + 1), 0.5 * k], 0.5 * x * x)
    return float(mean * beyond[0] - x * beyond[1])
