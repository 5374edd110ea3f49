"""What is measured on a packing: activity, energy, contacts and gaps, displacements, flatness.

Every function takes a `Packing` and reads its integer coordinates: nothing depends on which
periodic image a position was given in, and sums over pairs are exactly rounded, so that they do not
depend on the order of the particles. Lengths are in mean diameters. The mean squared displacement
needs a history and is recorded by `mpack.simulate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _bodies, _check, _shaking, ellipsoids
from mpack._averages import lifted, shell_average
from mpack._box import nearest
from mpack._pairs import check_cutoff, check_packing, contact, exact_sum, pairs_within, reach
from mpack._repr import short_repr
from mpack._types import FloatOrArray
from mpack.packing import Packing
from mpack.potentials import Linear, Potential, checked, separations

if TYPE_CHECKING:
    from mpack.simulation import Run

REACH = 8.0  # flatness: pairs are taken up to range + REACH * s, s = sqrt(2) sigma
LEAST_SIGMA = 1e-100  # its square is a number; coordinates themselves end at 2**-64 of the box
MOST_SAMPLES = 10**9


def activity(packing: Packing, potential: Potential | None = None) -> float:
    """Activity f_a: the fraction of particles with at least one overlap, r < R_i + R_j (strictly); of bodies mu < 1.

    Parameters
    ----------
    packing : Packing
    potential : potential, optional
        If given, a pair counts when it interacts, r < range; that differs for `LennardJones` and tables only.

    Returns
    -------
    float
        f_a in [0, 1]; 0 is an absorbed packing. Two particles at the same point overlap.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or the range exceeds half the box.

    Examples
    --------
    >>> four = Packing([[0.0, 1.0], [0.9, 1.0], [2.0, 1.0], [2.0, 3.0]], box=4.0)
    >>> activity(four)
    0.5
    """
    check_packing(packing, centres=True)
    active = np.zeros(packing.n, dtype=bool)
    if not packing.spherical:
        _bodies.check(Linear() if potential is None else checked(potential))
        active[ellipsoids.pair_contacts(packing).pairs.ravel()] = True
        return float(np.count_nonzero(active) / packing.n)
    factor = 1.0 if potential is None else reach(packing, checked(potential))
    for i, j, _ in pairs_within(packing, factor):
        active[i] = True
        active[j] = True
    return float(np.count_nonzero(active) / packing.n)


def energy(packing: Packing, potential: Potential = Linear()) -> float:
    """Total energy V = sum over pairs of U(r_ij), exactly rounded.

    Parameters
    ----------
    packing : Packing
    potential : potential
        Linear repulsion U = (R_i + R_j - r)/2 if left out. Of bodies r is mu (R_i + R_j), mu the
        contact function of `mpack.ellipsoids` and R the radii of spheres of the same volume.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or the range exceeds half the box.

    Examples
    --------
    >>> four = Packing([[0.0, 1.0], [0.9, 1.0], [2.0, 1.0], [2.0, 3.0]], box=4.0)
    >>> round(energy(four), 9)  # one pair, (1 - 0.9)/2
    0.05
    """
    check_packing(packing, centres=True)
    if not packing.spherical:
        _bodies.check(checked(potential))
        found = ellipsoids.pair_contacts(packing)
        return exact_sum([potential.energy(found.mu * found.sizes, found.sizes)])
    factor = reach(packing, checked(potential))
    parts = (
        potential.energy(r, contact(packing, i, j)) for i, j, r in pairs_within(packing, factor)
    )
    return exact_sum(parts)


def displacements(run: Run) -> NDArray[np.float64]:
    """Displacement of every particle since step 0, from unwrapped coordinates: what `run.msd` averages.

    Parameters
    ----------
    run : Run
        From `mpack.simulate`.

    Returns
    -------
    array (n, d)
        In mean diameters; its mean square per particle is `run.msd[-1]`.

    Raises
    ------
    TypeError
        If `run` is none.

    Examples
    --------
    >>> import mpack
    >>> start = Packing.random(n=50, phi=0.9, dim=2, seed=1)
    >>> run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=10, seed=1)
    >>> way = displacements(run)
    >>> way.shape, bool(np.isclose(np.sum(way**2) / 50, run.msd[-1]))
    ((50, 2), True)
    """
    from mpack.simulation import Run

    _check.instance("run", run, Run, "a Run of mpack.simulate")
    start, now = run.start.fixed, run.final.fixed
    gap = nearest(now, start)
    boxes = run.wraps + ((gap < 0) & (now > start)) - ((gap > 0) & (now < start))
    return (gap * 2.0**-64 + boxes) * run.start.box


def nearest_displacements(before: Packing, after: Packing) -> NDArray[np.float64]:
    """Displacement of every particle from one packing to another of the same box, the nearest way.

    What `displacements` gives for a run, but for whole boxes: it needs no history, and is right as
    long as no particle has gone half a box along an axis.

    Parameters
    ----------
    before, after : Packing
        Of the same particles in the same box.

    Returns
    -------
    array, shape (n, d)
        In mean diameters, each component in [-box/2, box/2); exact but for one rounding.

    Raises
    ------
    TypeError, ValueError
        If one is no packing, or they differ in n, d or box.

    Examples
    --------
    >>> before = Packing([[0.25, 1.0]], box=4.0)
    >>> nearest_displacements(before, Packing([[3.75, 1.5]], box=4.0))
    array([[-0.5,  0.5]])
    """
    check_packing(before, centres=True)
    _check.instance("after", after, Packing, "a Packing")
    if (after.fixed.shape, after.box) != (before.fixed.shape, before.box):
        raise ValueError(f"after must be of the n, d and box of before, {before!r}; got {after!r}")
    return nearest(after.fixed, before.fixed) * (after.box * 2.0**-64)


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of a packing, with all particles and without rattlers; see `contacts`.

    Examples
    --------
    >>> row = Packing([[0.0, 1.0], [0.9, 1.0], [1.8, 1.0]], box=4.0)
    >>> found = contacts(row)
    >>> found.counts.tolist(), found.rattlers  # two contacts hold no disk
    ([1, 2, 1], 3)
    """

    mean: float  #: contacts per particle, Z = 2 pairs/n
    mean_without_rattlers: float  #: the same among those that are no rattlers; nan if all are
    rattlers: int  #: how many particles are rattlers
    pairs: int  #: contacts, each counted once
    pairs_without_rattlers: int  #: contacts between particles that are no rattlers
    counts: np.ndarray  #: (n,) int64, contacts of each particle
    counts_without_rattlers: np.ndarray  #: (n,) int64, without those of and with rattlers
    is_rattler: np.ndarray  #: (n,) bool
    isostatic: float  #: twice the mean freedoms of those that are no rattlers; nan if all are

    __repr__ = short_repr


def contacts(packing: Packing, tolerance: float = 0.0) -> Contacts:
    """Contacts r < (1 + tolerance) (R_i + R_j), with and without rattlers.

    A rattler has fewer than d + 1 contacts, the least whose pushes can cancel and hold a particle in
    place. The same is asked of ellipsoids, for which a contact is mu < 1 + tolerance
    (`mpack.ellipsoids`): where their forces balance, d + 1 are needed, and since curved surfaces also
    hinder turning, no more need be; packings of ellipsoids are jammed with fewer contacts than
    freedoms. Rattlers are removed together with their contacts until none is left, since a particle
    may become one when another goes.

    Parameters
    ----------
    packing : Packing
    tolerance : float
        Relative gap that still counts as a contact, in [0, 1].

    Returns
    -------
    Contacts

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or the cut-off exceeds half the box.

    Notes
    -----
    `isostatic` is the mean number of contacts at which a large packing would have as many of them as
    freedoms (`mpack.ellipsoids.freedoms`): 2d for spheres, 10 for spheroids, 12 for bodies with three
    different axes, 6 for ellipses. Source: Donev, Connelly, Stillinger and Torquato, Phys. Rev. E 75,
    051304 (2007), on why packings of ellipsoids stay below it.

    Examples
    --------
    >>> crystal = Packing.lattice("sc", 3, phi=0.52)  # touching at pi/6 = 0.524
    >>> contacts(crystal).pairs, contacts(crystal, tolerance=0.01).mean
    (0, 6.0)
    >>> dense = Packing.random(n=200, phi=0.7, dim=3, seed=1, axes=(1.5, 1, 1))
    >>> contacts(dense).isostatic
    10.0
    """
    check_packing(packing, centres=True)
    tolerance = _check.number("tolerance", tolerance, 0, 1)
    if packing.spherical:
        check_cutoff(packing, 1.0 + tolerance, 0.0, f"tolerance {tolerance:g}")
        ends = [(i, j) for i, j, _ in pairs_within(packing, 1.0 + tolerance)]
        i, j = (np.concatenate(side) for side in zip(*ends))
    else:
        i, j = ellipsoids.pair_contacts(packing, tolerance).pairs.T
    counts = _degrees(packing.n, i, j)
    held, kept, left = _peel(packing.n, packing.dim + 1, i, j)
    survivors, freedoms = int(np.count_nonzero(held)), ellipsoids.freedoms(packing)
    return Contacts(
        mean=2.0 * len(i) / packing.n,
        mean_without_rattlers=2.0 * kept / survivors if survivors else math.nan,
        rattlers=packing.n - survivors,
        pairs=len(i),
        pairs_without_rattlers=kept,
        counts=counts,
        counts_without_rattlers=left,
        is_rattler=~held,
        isostatic=2.0 * float(freedoms[held].mean()) if survivors else math.nan,
    )


def contact_vectors(packing: Packing) -> NDArray[np.float64]:
    """Sum of the unit vectors n_ij = (x_i - x_j)/r_ij over the overlaps of every particle.

    With g_i this sum and z_i the number of overlaps, one step of BRO moves particle i by eps g_i/2
    in the mean, with a mean square of eps**2 (|g_i|**2/4 + z_i/12). For the linear potential the
    force on i is g_i/2: where forces balance, it is 0.

    Parameters
    ----------
    packing : Packing
        No two overlapping particles at one point.

    Returns
    -------
    array, shape (n, d)

    Raises
    ------
    TypeError, ValueError
        If `packing` is none, or two of its particles stand at one point, where n_ij is undefined.

    Examples
    --------
    >>> row = Packing([[0.0, 1.0], [0.8, 1.0], [1.6, 1.0]], box=4.0)
    >>> contact_vectors(row).round(9).tolist()
    [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """
    pairs, r = check_packing(packing).overlaps()
    if np.any(r == 0):
        i, j = pairs[int(np.argmin(r))]
        raise ValueError(f"packing must not hold two particles at one point; {i} and {j} are")
    unit = packing.separation(pairs[:, 0], pairs[:, 1]) / r[:, None]
    total = np.zeros((packing.n, packing.dim))
    np.add.at(total, pairs[:, 0], unit)
    np.add.at(total, pairs[:, 1], -unit)
    return total


@dataclass(frozen=True, eq=False)
class Gaps:
    """Distribution of gaps; see `gaps`.

    Examples
    --------
    >>> row = Packing([[0.0, 1.0], [0.9, 1.0], [1.8, 1.0]], box=4.0)
    >>> found = gaps(row, -1.0, 0.0, bins=7)
    >>> z = np.sum(found.density * np.diff(found.edges))
    >>> round(float(z), 9) == round(contacts(row).mean, 9)
    True
    """

    h: np.ndarray  #: (bins,) middle of each bin
    density: (
        np.ndarray
    )  #: (bins,) neighbours per particle and unit of gap; its integral from -1 to 0 is Z
    counts: (
        np.ndarray
    )  #: (bins,) int64, pairs in each bin; the relative error of the density is counts**-0.5
    edges: np.ndarray  #: (bins + 1,)

    __repr__ = short_repr


def gaps(packing: Packing, low: float = -0.4, high: float = 0.2, bins: int = 600) -> Gaps:
    """Distribution of the gaps h = r - d_ij between surfaces: negative for overlaps.

    Of ellipsoids h = D (mu - 1), which is the same for spheres: D the sum of their R_eq, mu the factor
    by which both would have to be scaled to touch (`mpack.ellipsoids`).

    density = 2 counts/(n width). For equal spheres it is the number density times the surface of
    the sphere of radius 1 + h times g(1 + h). A sum over pairs of a function of the gap is n/2
    times its integral with this density: so the flatness of the linear potential is the integral of
    `pair_flatness`.

    Parameters
    ----------
    packing : Packing
    low, high : float
        Least and largest gap, in mean diameters, low < high; `high` plus the largest diameter at
        most box/2; of ellipsoids `high` at most the least 2 R_eq, and the longest body scaled by 1 +
        high/(that) at most half the box long.
    bins : int
        Bins of equal width, 1 to 10**6.

    Returns
    -------
    Gaps

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> pair = Packing([[0.0, 1.0], [0.95, 1.0]], box=4.0)
    >>> gaps(pair, bins=6).counts.tolist()  # in [-0.1, 0)
    [0, 0, 0, 1, 0, 0]
    """
    check_packing(packing, centres=True)
    high = _check.number("high", high)
    low = _check.number("low", low, None, high, open_high=True)
    bins = _check.integer("bins", bins, 1, 10**6)
    counts = np.zeros(bins, dtype=np.int64)
    for _, _, h in _some_gaps(packing, max(high, 0.0), f"high {high:g}"):
        place = (h[(h >= low) & (h < high)] - low) * (bins / (high - low))
        counts += np.bincount(np.minimum(place.astype(np.int64), bins - 1), minlength=bins)
    edges = np.linspace(low, high, bins + 1)
    density = 2.0 * counts / (packing.n * np.diff(edges))
    return Gaps(0.5 * (edges[1:] + edges[:-1]), density, counts, edges)


@dataclass(frozen=True, eq=False)
class Touching:
    """Pairs that touch and pairs that overlap, counted apart; see `touching`.

    Examples
    --------
    >>> crystal = Packing.lattice("fcc", 3, phi=0.74)  # touching at 0.7405
    >>> found = touching(crystal, [1e-4, 1e-3])
    >>> found.touching.tolist(), found.overlapping.tolist(), found.rattlers.tolist()
    ([nan, 12.0], [nan, 0.0], [108, 0])
    """

    windows: np.ndarray  #: (k,) half widths of the window about contact, in mean diameters
    touching: (
        np.ndarray
    )  #: (k,) pairs with |h| <= w, twice, for each particle that is held; nan if none is
    overlapping: np.ndarray  #: (k,) pairs with h < -w, counted in the same way
    rattlers: np.ndarray  #: (k,) int64, particles that are not held

    __repr__ = short_repr


def touching(packing: Packing, windows: ArrayLike) -> Touching:
    """Touching pairs, |h| <= w, and overlapping ones, h < -w, for each particle that is held.

    With h = r - d_ij the gap between two surfaces, of ellipsoids D (mu - 1) as in `gaps`. A particle is
    held at a window w if at least
    d + 1 pairs with h <= w remain to it when those that are not held have been taken away, as in
    `contacts`; only pairs of two held particles count. A packing that has just got stuck has 2d
    touching pairs a particle and no overlapping ones; linear spheres above jamming have 2d touching
    pairs in a minimum of their energy, where forces are between none and the full one, and
    overlapping pairs beside them. The window has to be wider than what blurs a contact, such as a
    kick, and so narrow that few pairs are merely near.

    Parameters
    ----------
    packing : Packing
    windows : array_like, shape (k,)
        In mean diameters, in [0, 1]; the largest within what `gaps` asks of `high`.

    Returns
    -------
    Touching

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> crystal = Packing.lattice("fcc", 3, phi=0.75)  # beyond touching: everything overlaps
    >>> found = touching(crystal, [1e-3])
    >>> found.touching.tolist(), found.overlapping.tolist()
    ([0.0], [12.0])
    """
    check_packing(packing, centres=True)
    windows = _check.array("windows", windows, ("k",))
    for number, w in enumerate(windows):
        _check.number(f"windows[{number}]", float(w), 0, 1)
    if not windows.size:
        raise ValueError("windows must hold one width at least; got none")
    i, j, h = _gaps_up_to(packing, float(windows.max()), "the largest window")
    rows = []
    for w in windows:
        near = h <= w
        held = _peel(packing.n, packing.dim + 1, i[near], j[near])[0]
        kept = h[near & held[i] & held[j]]
        over, alive = np.count_nonzero(kept < -w), np.count_nonzero(held)
        share = 2.0 / alive if alive else math.nan
        rows.append((share * (kept.size - over), share * over, packing.n - alive))
    columns = np.array(rows).T
    return Touching(windows, columns[0], columns[1], columns[2].astype(np.int64))


def held_gaps(packing: Packing, window: float, high: float) -> NDArray[np.float64]:
    """Gaps h <= high between particles that are held by the pairs with h <= window, in order.

    Parameters
    ----------
    packing : Packing
    window : float
        What counts as contact, as in `touching`, in [0, 1].
    high : float
        In mean diameters, in [window, 1], within what `gaps` asks of it.

    Returns
    -------
    array, shape (pairs,)
        In mean diameters, negative where particles overlap.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> crystal = Packing.lattice("fcc", 3, phi=0.73)
    >>> held_gaps(crystal, 0.01, 0.02).size, held_gaps(crystal, 0.001, 0.02).size
    (648, 0)
    """
    check_packing(packing, centres=True)
    window = _check.number("window", window, 0, 1)
    high = _check.number("high", high, window, 1)
    i, j, h = _gaps_up_to(packing, high, f"high {high:g}")
    near = h <= window
    held = _peel(packing.n, packing.dim + 1, i[near], j[near])[0]
    return np.sort(h[held[i] & held[j]])


def gap_exponent(gaps: ArrayLike, low: float, high: float) -> float:
    """Exponent gamma of a density of gaps h**-gamma between `low` and `high`, by maximum likelihood.

    With y = ln(h/low), L = ln(high/low) and a = 1 - gamma the density of y is that of exp(a y) on
    [0, L], whose mean L/(1 - exp(-a L)) - 1/a is set to the mean of the gaps. What lies outside
    the range has no part, so contacts need not be told from near ones by their number.

    Parameters
    ----------
    gaps : array_like
        Those outside [low, high] are left out; two or more different ones inside.
    low, high : float
        0 < low < high.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or too few gaps are inside.

    Examples
    --------
    >>> y = (np.arange(1000) + 0.5) / 1000  # quantiles of a density h**-0.4 on [0, 0.1]
    >>> round(gap_exponent(0.1 * y ** (1 / 0.6), 0.001, 0.1), 3)
    0.4
    """
    from scipy.optimize import brentq

    high = _check.number("high", high, 0, open_low=True)
    low = _check.number("low", low, 0, high, open_low=True, open_high=True)
    h = np.asarray(gaps, dtype=float)
    h = h[(h >= low) & (h <= high)]
    if np.unique(h).size < 2:
        raise ValueError(f"gaps must hold two different ones in [{low:g}, {high:g}]; got {h.size}")
    width = math.log(high / low)
    share = float(np.mean(np.log(h / low))) / width

    def excess(x):  # mean of exp(x t) on [0, 1], less the measured one; x = a L
        mean = 0.5 + x / 12.0 if abs(x) < 1e-4 else -1.0 / math.expm1(-x) - 1.0 / x
        return mean - share

    return 1.0 - brentq(excess, -500.0, 500.0) / width


@dataclass(frozen=True, eq=False)
class Flatness:
    """Flatness of the landscape around a packing; see `flatness`.

    Examples
    --------
    >>> found = flatness(Packing([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], box=4.0))
    >>> found.sigma, found.samples, found.standard_error
    (0.015, None, 0.0)
    >>> found.delta_v_over_u0 == 2 * found.delta_v  # U0 = 1/2
    True
    """

    delta_v: float  #: <V(X + dX) - V(X)>
    delta_v_over_u0: (
        float  #: the same in units of U0 = U(0) of a pair with d = 1; nan where U(0) is infinite
    )
    per_particle_sigma2: float  #: delta_v/(n sigma**2)
    standard_error: float  #: of delta_v; 0 without samples
    truncation_error: (
        float  #: bound on what pairs beyond the sum's reach contribute; nan where none is known
    )
    sigma: float
    samples: int | None  #: Monte-Carlo samples; None for the sum over pairs


def flatness(
    packing: Packing,
    sigma: float = 0.015,
    potential: Potential = Linear(),
    samples: int | None = None,
    seed: int | None = None,
    rotation: float | None = 1.0,
) -> Flatness:
    """Flatness: mean energy change <V(X + dX) - V(X)>, dX Gaussian with standard deviation sigma on every
    axis.

    The average is taken pair by pair, without noise (`pair_flatness`): in closed form for the
    linear potential in three dimensions, else by an integral. With `samples` it is a Monte-Carlo
    average; each sample takes dX and -dX, which cancels the part that is linear in dX: its mean is
    zero and its noise large. For smooth potentials it tends to (sigma**2/2) Tr H as sigma -> 0
    (`mpack.landscape.trace`); the linear one has kinks, which is why sigma must be finite.

    Of ellipsoids there is the Monte-Carlo average alone: no sum over pairs has a closed form. They are
    turned as well, by omega with independent Gaussian components of standard deviation
    sigma/I_k**(1/2) about their own axes, as a step of a dynamics turns them (by 2 arctan(|omega|/2)),
    I_k = `mpack.ellipsoids.inertia` with `rotation`: Gaussian noise of standard deviation sigma in the
    metric dx**2 + sum over k of I_k omega_k**2, in which Tr H is the trace.

    Parameters
    ----------
    packing : Packing
    sigma : float
        Standard deviation, >= 1e-100, in mean diameters: 0.015 is 0.03 R. range + 8 sqrt(2) sigma
        must not exceed box/2; of ellipsoids the range is the longest axis.
    potential : potential
        Linear repulsion if left out; of ellipsoids one that ends at contact, as for a dynamics.
    samples : int, optional
        Monte-Carlo samples, 2 to 10**9, together with `seed`; needed for ellipsoids, of
        which 1,000 samples of 4,000 cost a few seconds.
    seed : int, optional
        In [0, 2**64); noise of purpose "flatness".
    rotation : float or None
        How turning of ellipsoids is weighed against moving, in [1e-3, 1e3], as for a dynamics; None:
        they are displaced alone. Spheres do not turn.

    Returns
    -------
    Flatness

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or one of samples and seed is given
        without the other.

    Notes
    -----
    The sum runs over pairs within range + 8 s, s = sqrt(2) sigma the standard deviation of a pair's
    separation along one axis. A linear pair at r > d contributes at most (s/2) [phi(x) - x
    Phi(-x)], x = (r - d)/s, in any dimension, because r grows at least as its projection does;
    `truncation_error` is that for all pairs at x = 8. Of ellipsoids pairs count that may meet within
    eight standard deviations of what moves and turns them, and it is a bound of the same kind.
    Source: Zhang and Martiniani, arXiv 2411.11834, Fig. 4; the closed form is derived in
    `pair_flatness`.

    Examples
    --------
    >>> touching = Packing([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], box=4.0)
    >>> round(flatness(touching).delta_v, 6)
    0.004119
    >>> sampled = flatness(touching, samples=1000, seed=1)
    >>> abs(sampled.delta_v - flatness(touching).delta_v) < 3 * sampled.standard_error
    True
    >>> upright = Packing([[1.0, 1.0], [3.0, 1.0]], box=6.0, axes=(1.0, 0.25))  # end to end
    >>> turned, moved = (flatness(upright, 0.05, samples=999, seed=1, rotation=k) for k in (1.0, None))
    >>> turned.delta_v < moved.delta_v  # turning leads out of contact
    True
    """
    check_packing(packing, centres=True)
    sigma = _check.number("sigma", sigma, LEAST_SIGMA)
    margin = REACH * math.sqrt(2.0) * sigma
    check_cutoff(
        packing, checked(potential).reach, margin, f"sigma {sigma:g} (range + 8 sqrt(2) sigma)"
    )
    if (samples is None) != (seed is None):
        raise ValueError(
            f"samples and seed must be given together; got samples={samples!r}, seed={seed!r}"
        )
    if rotation is not None:
        rotation = _check.number("rotation", rotation, 1e-3, 1e3)
    if samples is not None:
        samples = _check.integer("samples", samples, 2, MOST_SAMPLES)
        seed = _check.seed("seed", seed)
    mean, error, truncation = _flatness(packing, sigma, potential, samples, seed, rotation, margin)
    u0 = float(potential.energy(0.0))
    return Flatness(
        delta_v=mean,
        delta_v_over_u0=mean / u0 if u0 < 1e200 else math.nan,
        per_particle_sigma2=mean / (packing.n * sigma**2),
        standard_error=error,
        truncation_error=truncation if isinstance(potential, Linear) else math.nan,
        sigma=sigma,
        samples=samples,
    )


def _flatness(packing, sigma, potential, samples, seed, rotation, margin):
    """Mean, its standard error, and what the pairs left out add at most, were they linear."""
    if packing.spherical:
        truncation = _truncation(packing.n, sigma)
        if samples is None:
            return _pairwise_flatness(packing, sigma, potential, margin), 0.0, truncation
        found = _sampled_flatness(packing, sigma, potential, samples, seed, margin)
        return *found, truncation
    _bodies.check(potential)
    if samples is None:
        raise ValueError(
            "samples and seed must be given for particles that are no spheres, whose flatness is no "
            "closed sum over pairs"
        )
    return _shaking.sampled(packing, sigma, potential, samples, seed, rotation, REACH)


def pair_flatness(
    r: ArrayLike, sigma: float, dim: int, d: ArrayLike = 1.0, potential: Potential = Linear()
) -> FloatOrArray:
    """Mean change <U(|r e + dx_i - dx_j|) - U(r)> of the potential of one pair, in any dimension.

    The separation after the kick is rho = |r e + s z|, z standard Gaussian in `dim` dimensions, s =
    sqrt(2) sigma: rho/s has the non-central chi distribution. For the linear potential in three
    dimensions, with h = r - d and phi, Phi the standard normal density and distribution,

        <dU> = 1/2 [s phi(h/s) - |h| Phi(-|h|/s)] - (sigma**2/r) Phi(-h/s),

    exact up to exp(-r**2/2s**2), and used for r > 12 s. Else the average is one integral over rho,

        <dU> = int [U(rho) - U(r)] p(rho) d rho,
        p(rho) = (rho/s**2) (rho/r)**(dim/2 - 1) I_{dim/2 - 1}(rho r/s**2) exp(-(rho**2 + r**2)/2s**2),

    which for the linear potential and even `dim` is no combination of standard functions (an
    incomplete Lipschitz-Hankel integral). It is taken by Gauss-Legendre on either side of the kink
    at the range, to rounding. |rho - r| is cut at 10 s, where the density is below 1e-21: for
    potentials that are infinite at the origin (WCA, Lennard-Jones) the integral exists only with
    this cut, which no pair with r > 10 s feels.

    Parameters
    ----------
    r : float or array
        Separation, >= 0.
    sigma : float
        Standard deviation of each particle on every axis, >= 1e-100.
    dim : int
        Dimension, 2 to 6.
    d : float or array
        Contact distance, > 0; broadcast against `r`.
    potential : potential
        Linear repulsion if left out.

    Returns
    -------
    float or array
        In the units of the potential; shape of `r` and `d` broadcast.

    Raises
    ------
    ValueError, TypeError
        If an argument is of another kind or outside its range, or the shapes of `r` and `d` do not
        go together.

    Notes
    -----
    Derived here; for the linear potential in three dimensions the result is checked against
    numerical integrals of the non-central chi law.

    Examples
    --------
    >>> round(float(pair_flatness(1.0, 0.015, 3)), 6)  # at the kink
    0.004119
    >>> float(pair_flatness(2.0, 0.015, 3))  # far from it
    0.0
    """
    sigma = _check.number("sigma", sigma, LEAST_SIGMA)
    dim = _check.integer("dim", dim, 2, 6)
    checked(potential)
    r, d = separations(r, d)
    s = math.sqrt(2.0) * sigma
    flat_r, flat_d = r.ravel(), d.ravel()
    out = np.empty(flat_r.size)
    far = (flat_r > 12.0 * s) & (dim == 3) & isinstance(potential, Linear)
    out[far] = _three_dimensional(flat_r[far], flat_d[far], s)
    rest = np.flatnonzero(~far)
    for part in np.array_split(rest, len(rest) // 4096 + 1):
        out[part] = _by_quadrature(flat_r[part], flat_d[part], s, dim, potential)
    return out.reshape(r.shape)[()]


def _gaps_up_to(packing, reach, what):
    """Pairs (i, j) with gaps h up to `reach`, and these."""
    i, j, h = (np.concatenate(part) for part in zip(*_some_gaps(packing, reach, what)))
    inside = h <= reach
    return i[inside], j[inside], h[inside]


def _some_gaps(packing, reach, what):
    """Chunks (i, j, h) of the pairs with gaps up to `reach` >= 0 and a little more, of spheres or bodies."""
    if packing.spherical:
        check_cutoff(packing, 1.0, reach, what)
        for i, j, r in pairs_within(packing, 1.0, math.nextafter(reach, math.inf)):
            yield i, j, r - contact(packing, i, j)
        return
    least = float(packing.diameters.min())
    if reach > least:
        raise ValueError(f"{what} must be at most the least 2 R_eq, {least:.6g}")
    found = ellipsoids.pair_contacts(packing, min(reach / least + 1e-12, 1.0))
    yield *found.pairs.T, found.sizes * (found.mu - 1.0)


def _degrees(n, i, j):
    return np.bincount(i, minlength=n) + np.bincount(j, minlength=n)


def _peel(n, least, i, j):
    """Remove particles with fewer than `least` contacts until none is left.

    Returns who is held (n,), the number of contacts left, and each particle's (n,).
    """
    held = np.ones(n, dtype=bool)
    while True:
        both = held[i] & held[j]
        i, j = i[both], j[both]
        left = _degrees(n, i, j)
        loose = held & (left < least)
        if not loose.any():
            return held, len(i), left
        held &= ~loose


def _sampled_flatness(packing, sigma, potential, samples, seed, margin):
    """Monte-Carlo mean and its standard error."""
    from mpack._kernels import observe, pairs

    listed, _ = pairs.sorted_pairs(
        packing.fixed, packing.box, packing.diameters, potential.reach, margin
    )
    d = contact(packing, listed[:, 0], listed[:, 1])
    out = np.empty(samples)
    where = (packing.fixed, packing.box * 2.0**-64, listed, d)
    what = (potential.kind, *potential.parameters, potential.table)
    observe.perturbed_energies(*where, *what, sigma, np.uint64(seed), out)
    return float(np.mean(out)), float(np.std(out, ddof=1) / math.sqrt(samples))


def _pairwise_flatness(packing, sigma, potential, margin):
    """Sum of `pair_flatness` over pairs within reach, exactly rounded."""
    chunks = pairs_within(packing, potential.reach, margin)
    return exact_sum(
        pair_flatness(r, sigma, packing.dim, contact(packing, i, j), potential)
        for i, j, r in chunks
    )


def _truncation(n, sigma):
    """What all pairs together contribute at most, were they all just beyond the reach."""
    density = math.exp(-0.5 * REACH**2) / math.sqrt(2.0 * math.pi)
    tail = 0.5 * math.erfc(REACH / math.sqrt(2.0))
    return 0.5 * n * (n - 1) * 0.5 * math.sqrt(2.0) * sigma * (density - REACH * tail)


def _three_dimensional(r, d, s):
    """The closed form in three dimensions, for r well above s."""
    from scipy.special import ndtr

    h = r - d
    density = np.exp(-0.5 * (h / s) ** 2) / math.sqrt(2.0 * math.pi)
    return 0.5 * (s * density - np.abs(h) * ndtr(-np.abs(h) / s)) - (0.5 * s * s / r) * ndtr(-h / s)


def _by_quadrature(r, d, s, dim, potential):
    """The average of U(rho) - U(r) as an integral, for any potential; of the linear one without cancellation."""
    start = lifted(r, s)
    if isinstance(potential, Linear):
        gap, before = (d - start)[:, None], np.maximum(d - r, 0.0)[:, None]

        def change(u):
            return 0.5 * (np.maximum(gap - s * u, 0.0) - before)
    else:
        before = potential.energy(r, d)[:, None]

        def change(u):
            return potential.energy(np.maximum(start[:, None] + s * u, 0.0), d[:, None]) - before

    return shell_average(change, start, potential.range(d), s, dim)
