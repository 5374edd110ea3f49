"""What is measured on a packing: activity, energy, contacts, g(r), S(q), flatness.

Every function takes a `Packing` and reads its integer coordinates: nothing depends on which
periodic image a position was given in, and sums over pairs are exactly rounded, so that they do not
depend on the order of the particles. Lengths are in mean diameters. The mean squared displacement
needs a history and is recorded by `mpack.simulate`.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from mpack import _check
from mpack.packing import Packing, unit_ball_volume
from mpack.potentials import Linear, checked, separations

REACH = 8.0  # flatness: pairs are taken up to range + REACH * s, s = sqrt(2) sigma
LEAST_SIGMA = 1e-100  # its square is a number; coordinates themselves end at 2**-64 of the box
MOST_SAMPLES = 10**9
MOST_VECTORS = 20_000_000


def activity(packing, potential=None):
    """Activity f_a: the fraction of particles with at least one overlap, r < R_i + R_j (strictly).

    Parameters
    ----------
    packing : Packing
    potential : potential, optional
        If given, a pair counts when it interacts, r < range; that differs for `LennardJones` only.

    Returns
    -------
    float
        f_a in [0, 1]; 0 is an absorbed packing. Two particles at the same point overlap.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or the range exceeds half the box.
    """
    _check_packing(packing)
    factor = 1.0 if potential is None else _reach(packing, checked(potential))
    active = np.zeros(packing.n, dtype=bool)
    for i, j, _ in _pairs(packing, factor):
        active[i] = True
        active[j] = True
    return np.count_nonzero(active) / packing.n


def energy(packing, potential=Linear()):
    """Total energy V = sum over pairs of U(r_ij), exactly rounded.

    Parameters
    ----------
    packing : Packing
    potential : potential
        Linear repulsion U = (R_i + R_j - r)/2 if left out.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or the range exceeds half the box.
    """
    _check_packing(packing)
    factor = _reach(packing, checked(potential))
    parts = (potential.energy(r, _contact(packing, i, j)) for i, j, r in _pairs(packing, factor))
    return _exact_sum(parts)


def displacements(run):
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
    """
    from mpack.simulation import Run

    _check.instance("run", run, Run, "a Run of mpack.simulate")
    start, now = run.start.fixed, run.final.fixed
    gap = (now.view(np.uint64) - start.view(np.uint64)).view(np.int64)  # the nearest way, exactly
    boxes = run.wraps + ((gap < 0) & (now > start)) - ((gap > 0) & (now < start))
    return (gap * 2.0**-64 + boxes) * run.start.box


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of a packing, with all particles and without rattlers; see `contacts`."""

    mean: float  #: contacts per particle, Z = 2 pairs/n
    mean_without_rattlers: float  #: the same among those that are no rattlers; nan if all are
    rattlers: int  #: how many particles are rattlers
    pairs: int  #: contacts, each counted once
    pairs_without_rattlers: int  #: contacts between particles that are no rattlers
    counts: np.ndarray  #: (n,) int64, contacts of each particle
    counts_without_rattlers: np.ndarray  #: (n,) int64, without those of and with rattlers
    is_rattler: np.ndarray  #: (n,) bool


def contacts(packing, tolerance=0.0):
    """Contacts r < (1 + tolerance) (R_i + R_j), with and without rattlers.

    A rattler has fewer than d + 1 contacts, the least that can hold a sphere in place. Rattlers are
    removed together with their contacts until none is left, since a particle may become one when
    another goes.

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
    """
    _check_packing(packing)
    tolerance = _check.number("tolerance", tolerance, 0, 1)
    _check_cutoff(packing, 1.0 + tolerance, 0.0, f"tolerance {tolerance:g}")
    ends = [(i, j) for i, j, _ in _pairs(packing, 1.0 + tolerance)]
    i, j = (np.concatenate(side) for side in zip(*ends))
    counts = _degrees(packing.n, i, j)
    held, kept, left = _peel(packing.n, packing.dim + 1, i, j)
    survivors = int(np.count_nonzero(held))
    return Contacts(
        mean=2.0 * len(i) / packing.n,
        mean_without_rattlers=2.0 * kept / survivors if survivors else math.nan,
        rattlers=packing.n - survivors,
        pairs=len(i),
        pairs_without_rattlers=kept,
        counts=counts,
        counts_without_rattlers=left,
        is_rattler=~held,
    )


@dataclass(frozen=True, eq=False)
class Gaps:
    """Distribution of gaps; see `gaps`."""

    h: np.ndarray  #: (bins,) middle of each bin
    density: (
        np.ndarray
    )  #: (bins,) neighbours per particle and unit of gap; its integral from -1 to 0 is Z
    counts: (
        np.ndarray
    )  #: (bins,) int64, pairs in each bin; the relative error of the density is counts**-0.5
    edges: np.ndarray  #: (bins + 1,)


def gaps(packing, low=-0.4, high=0.2, bins=600):
    """Distribution of the gaps h = r - d_ij between surfaces: negative for overlaps.

    density = 2 counts/(n width). For equal spheres it is the number density times the surface of
    the sphere of radius 1 + h times g(1 + h). A sum over pairs of a function of the gap is n/2
    times its integral with this density: so the flatness of the linear potential is the integral of
    `pair_flatness`.

    Parameters
    ----------
    packing : Packing
    low, high : float
        Least and largest gap, in mean diameters, low < high; `high` plus the largest diameter at
        most box/2.
    bins : int
        Bins of equal width, 1 to 10**6.

    Returns
    -------
    Gaps

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.
    """
    _check_packing(packing)
    high = _check.number("high", high)
    low = _check.number("low", low, None, high, open_high=True)
    bins = _check.integer("bins", bins, 1, 10**6)
    margin = max(high, 0.0)
    _check_cutoff(packing, 1.0, margin, f"high {high:g}")
    counts = np.zeros(bins, dtype=np.int64)
    for i, j, r in _pairs(packing, 1.0, margin):
        h = r - _contact(packing, i, j)
        place = (h[(h >= low) & (h < high)] - low) * (bins / (high - low))
        counts += np.bincount(np.minimum(place.astype(np.int64), bins - 1), minlength=bins)
    edges = np.linspace(low, high, bins + 1)
    density = 2.0 * counts / (packing.n * np.diff(edges))
    return Gaps(0.5 * (edges[1:] + edges[:-1]), density, counts, edges)


@dataclass(frozen=True, eq=False)
class PairCorrelation:
    """Pair correlation function; see `pair_correlation`."""

    r: np.ndarray  #: (bins,) middle of each bin
    g: np.ndarray  #: (bins,) g(r)
    counts: np.ndarray  #: (bins,) int64, pairs in each bin; the relative error of g is counts**-0.5
    edges: np.ndarray  #: (bins + 1,)


def pair_correlation(packing, r_max=None, bins=200):
    """Pair correlation function g(r): density of pairs relative to independent uniform particles.

    g = counts / [n (n-1)/2 * v_d (r_2**d - r_1**d) / L**d] for a bin from r_1 to r_2. The expected
    count is that of n independent uniform points exactly, hence n - 1 and not n: g averages to 1
    for them at any n.

    Parameters
    ----------
    packing : Packing
        At least 2 particles.
    r_max : float, optional
        Largest separation, in (0, box/2]; the lesser of 5 and box/2 if left out.
    bins : int
        Bins of equal width from 0 to r_max, 1 to 10**6.

    Returns
    -------
    PairCorrelation

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.
    """
    _check_packing(packing)
    if packing.n < 2:
        raise ValueError("packing must have at least 2 particles for g(r); got 1")
    r_max = min(5.0, packing.box / 2) if r_max is None else r_max
    r_max = _check.number("r_max", r_max, 0, packing.box / 2, open_low=True)
    bins = _check.integer("bins", bins, 1, 10**6)
    counts = np.zeros(bins, dtype=np.int64)
    for _, _, r in _pairs(packing, 0.0, r_max):
        counts += np.bincount(
            np.minimum((r * (bins / r_max)).astype(np.int64), bins - 1), minlength=bins
        )
    edges = np.linspace(0.0, r_max, bins + 1)
    shell = unit_ball_volume(packing.dim) * np.diff((edges / packing.box) ** packing.dim)
    expected = 0.5 * packing.n * (packing.n - 1) * shell
    return PairCorrelation(0.5 * (edges[1:] + edges[:-1]), counts / expected, counts, edges)


@dataclass(frozen=True, eq=False)
class StructureFactor:
    """Structure factor; see `structure_factor`."""

    q: np.ndarray  #: (m,) |q| of each wave vector
    s: np.ndarray  #: (m,) S(q) = |modes|**2 / n
    modes: np.ndarray  #: (m,) complex, the density wave rho_q = sum_j exp(-i q.x_j) itself
    vectors: np.ndarray  #: (m, d) int64, n of q = 2 pi n/L; one of each pair n, -n
    q_min: float  #: 2 pi/L, the smallest wave number the box holds
    shell_q: np.ndarray  #: (k,) mean |q| of each shell
    shell_s: np.ndarray  #: (k,) mean S of each shell
    shell_error: (
        np.ndarray
    )  #: (k,) its standard error from the spread within the shell; nan for one vector
    shell_counts: np.ndarray  #: (k,) int64, wave vectors of each shell


def structure_factor(packing, q_max=8.0, per_shell=None):
    """Structure factor S(q) = |sum_j exp(-i q.x_j)|**2 / n on the box's own wave vectors q = 2 pi n/L.

    Other wave vectors mean nothing in a periodic box; the smallest is q_min = 2 pi/L. q and -q give
    the same S, so one of each pair is computed. Shells are one q_min wide: shell k holds (k - 1/2)
    q_min <= |q| < (k + 1/2) q_min. Phases are exact integers before their sines and cosines are
    taken.

    Parameters
    ----------
    packing : Packing
    q_max : float
        Largest |q|, in inverse diameters, >= q_min.
    per_shell : int, optional
        At most so many wave vectors per shell, evenly spread over it in lexicographic order; all if
        left out. The work is n times the number of vectors: choose some hundreds for large
        packings.

    Returns
    -------
    StructureFactor

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or more than 2 10**7 wave vectors
        fit.
    """
    from mpack._kernels import observe

    _check_packing(packing)
    q_min = 2.0 * math.pi / packing.box
    q_max = _check.number("q_max", q_max)
    if q_max < q_min:
        raise ValueError(f"q_max must be >= q_min = 2 pi/box = {q_min:.6g}; got {q_max!r}")
    vectors = _wave_vectors(packing.dim, q_max / q_min)
    if per_shell is not None:
        vectors = _thinned(vectors, _check.integer("per_shell", per_shell, 1))
    real, imaginary = np.zeros(len(vectors)), np.zeros(len(vectors))
    observe.density_modes(packing.fixed, vectors, real, imaginary)
    s = (real * real + imaginary * imaginary) / packing.n
    norms = np.sqrt(np.sum(vectors * vectors, axis=1).astype(float))
    return StructureFactor(
        q_min * norms, s, real + 1j * imaginary, vectors, q_min, *_shell_means(q_min, norms, s)
    )


@dataclass(frozen=True, eq=False)
class Flatness:
    """Flatness of the landscape around a packing; see `flatness`."""

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


def flatness(packing, sigma=0.015, potential=Linear(), samples=None, seed=None):
    """Flatness: mean energy change <V(X + dX) - V(X)>, dX Gaussian with standard deviation sigma on every
    axis.

    The average is taken pair by pair, without noise (`pair_flatness`): in closed form for the
    linear potential in three dimensions, else by an integral. With `samples` it is a Monte-Carlo
    average; each sample takes dX and -dX, which cancels the part that is linear in dX: its mean is
    zero and its noise large. For smooth potentials it tends to (sigma**2/2) Tr H as sigma -> 0
    (`mpack.landscape.trace`); the linear one has kinks, which is why sigma must be finite.

    Parameters
    ----------
    packing : Packing
    sigma : float
        Standard deviation, >= 1e-100, in mean diameters: 0.015 is 0.03 R. range + 8 sqrt(2) sigma
        must not exceed box/2.
    potential : potential
        Linear repulsion if left out.
    samples : int, optional
        Monte-Carlo samples, 2 to 10**9, together with `seed`.
    seed : int, optional
        In [0, 2**64); noise of purpose "flatness".

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
    `truncation_error` is that for all pairs at x = 8. Source: Zhang and Martiniani, arXiv
    2411.11834, Fig. 4; the closed form is derived in `pair_flatness`.
    """
    _check_packing(packing)
    sigma = _check.number("sigma", sigma, LEAST_SIGMA)
    margin = REACH * math.sqrt(2.0) * sigma
    _check_cutoff(
        packing, checked(potential).reach, margin, f"sigma {sigma:g} (range + 8 sqrt(2) sigma)"
    )
    if (samples is None) != (seed is None):
        raise ValueError(
            f"samples and seed must be given together; got samples={samples!r}, seed={seed!r}"
        )
    if samples is not None:
        samples = _check.integer("samples", samples, 2, MOST_SAMPLES)
        mean, error = _sampled_flatness(
            packing, sigma, potential, samples, _check.seed("seed", seed), margin
        )
    else:
        mean, error = _pairwise_flatness(packing, sigma, potential, margin), 0.0
    u0 = float(potential.energy(0.0))
    return Flatness(
        delta_v=mean,
        delta_v_over_u0=mean / u0 if u0 < 1e200 else math.nan,
        per_particle_sigma2=mean / (packing.n * sigma**2),
        standard_error=error,
        truncation_error=_truncation(packing.n, sigma)
        if isinstance(potential, Linear)
        else math.nan,
        sigma=sigma,
        samples=samples,
    )


def pair_flatness(r, sigma, dim, d=1.0, potential=Linear()):
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


def _check_packing(packing):
    return _check.instance("packing", packing, Packing, "a Packing")


def _pairs(packing, factor, margin=0.0):
    """Chunks (i, j, r) of the pairs with r < factor d_ij + margin."""
    from mpack._kernels import pairs

    return pairs.chunks(packing.fixed, packing.box, packing.diameters, factor, margin)


def _contact(packing, i, j):
    """Contact distances d_ij = R_i + R_j."""
    return 0.5 * (packing.diameters[i] + packing.diameters[j])


def _reach(packing, potential):
    """The potential's range in units of d_ij, if the box can hold it."""
    _check_cutoff(packing, potential.reach, 0.0, f"the range of {potential}")
    return potential.reach


def _check_cutoff(packing, factor, margin, what):
    cutoff = factor * float(packing.diameters.max()) + margin
    if not 2.0 * cutoff <= packing.box:
        raise ValueError(
            f"box must be >= {2.0 * cutoff:.6g}, twice the cut-off, for {what}; got {packing.box:.6g}"
        )


def _exact_sum(parts):
    """Sum of all numbers of all arrays, rounded once: the same for any order."""
    return math.fsum(itertools.chain.from_iterable(part.tolist() for part in parts))


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


def _wave_vectors(dim, radius):
    """Integer vectors (m, dim) with 0 < |n| <= radius, first non-zero component positive, in lexicographic
    order."""
    limit = math.floor(radius * radius * (1.0 + 1e-12))
    expected = 0.5 * unit_ball_volume(dim) * radius**dim
    if expected > MOST_VECTORS:
        least = radius * (MOST_VECTORS / expected) ** (1.0 / dim)
        raise ValueError(
            f"q_max must be <= {least:.4g} q_min, or too many wave vectors fit;"
            f" got {radius:.4g} q_min"
        )
    vectors = np.zeros((1, 0), dtype=np.int64)
    line = np.arange(-math.isqrt(limit), math.isqrt(limit) + 1)
    for axis in range(dim):
        grown = np.repeat(vectors, len(line), axis=0)
        vectors = np.column_stack((grown, np.tile(line, len(vectors))))
        inside = np.sum(vectors * vectors, axis=1) <= limit
        undecided = np.all(vectors[:, :-1] == 0, axis=1)
        vectors = vectors[inside & ~(undecided & (vectors[:, -1] < 0))]
    return np.ascontiguousarray(vectors[np.any(vectors != 0, axis=1)])


def _thinned(vectors, per_shell):
    """At most `per_shell` vectors of each shell, evenly spread over it, in lexicographic order."""
    shell = np.rint(np.sqrt(np.sum(vectors * vectors, axis=1).astype(float))).astype(np.int64)
    keep = []
    for members in np.split(np.argsort(shell, kind="stable"), np.cumsum(np.bincount(shell))[:-1]):
        count = min(per_shell, len(members))
        keep.append(members[(np.arange(count) * len(members)) // max(count, 1)])
    return np.ascontiguousarray(vectors[np.sort(np.concatenate(keep))])


def _shell_means(q_min, norms, s):
    """Mean |q|, mean S, its standard error and the number of vectors, for every shell that has any."""
    shell = np.rint(norms).astype(np.int64)
    counts = np.bincount(shell)
    used = counts > 0
    counts = counts[used]
    mean = np.bincount(shell, s)[used] / counts
    position = np.cumsum(used) - 1
    spread = np.bincount(shell, (s - mean[position[shell]]) ** 2)[used]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(counts > 1, np.sqrt(spread / (counts - 1) / counts), np.nan)
    return q_min * np.bincount(shell, norms)[used] / counts, mean, error, counts


def _sampled_flatness(packing, sigma, potential, samples, seed, margin):
    """Monte-Carlo mean and its standard error."""
    from mpack._kernels import observe, pairs

    listed, _ = pairs.sorted_pairs(
        packing.fixed, packing.box, packing.diameters, potential.reach, margin
    )
    d = _contact(packing, listed[:, 0], listed[:, 1])
    out = np.empty(samples)
    where = (packing.fixed, packing.box * 2.0**-64, listed, d)
    what = (potential.kind, *potential.parameters)
    observe.perturbed_energies(*where, *what, sigma, np.uint64(seed), out)
    return float(np.mean(out)), float(np.std(out, ddof=1) / math.sqrt(samples))


def _pairwise_flatness(packing, sigma, potential, margin):
    """Sum of `pair_flatness` over pairs within reach, exactly rounded."""
    chunks = _pairs(packing, potential.reach, margin)
    return _exact_sum(
        pair_flatness(r, sigma, packing.dim, _contact(packing, i, j), potential)
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


_HALF_WIDTH = 10.0  # in units of s; the density beyond it is below 1e-18 of its peak
_NODES = 64


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


def lifted(r, s):
    """Separations away from 0, where the density below has its limit: it differs by 1e-16."""
    return np.maximum(r, 1e-8 * s)


def shell_average(value, r, kink, s, dim):
    """Average of value(u) over u = (rho - r)/s, rho = |r e + s z|, z standard Gaussian in `dim` dimensions.

    By Gauss-Legendre, one panel on either side of rho = kink.

    Parameters
    ----------
    value : function
        Takes u, shape (m, nodes), and returns its value there, in the same shape; smooth but at the
        kink.
    r, kink : arrays (m,)
        Separation before, > 0 (see `lifted`), and separation at which `value` may have a kink.
    s : float
        Standard deviation of a separation on every axis, sqrt(2) sigma.
    dim : int
        Dimension.

    Returns
    -------
    array (m,)
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    low, high = np.maximum(-r / s, -_HALF_WIDTH), np.full_like(r, _HALF_WIDTH)
    middle = np.clip((kink - r) / s, low, high)
    total = np.zeros_like(r)
    for a, b in ((low, middle), (middle, high)):
        half = 0.5 * (b - a)
        u = (a + half)[:, None] + half[:, None] * nodes
        total += half * np.sum(value(u) * _density(u, r[:, None] / s, dim) * weights, axis=1)
    return total


def _density(u, start, dim):
    """Density of u = |start e + z| - start, z standard Gaussian in `dim` dimensions."""
    order = 0.5 * dim - 1.0
    end = start + u
    if dim == 3:  # the Bessel function of order 1/2 is elementary
        return (
            end
            / start
            * -np.expm1(-2.0 * start * end)
            * np.exp(-0.5 * u * u)
            / math.sqrt(2.0 * math.pi)
        )
    return end * (end / start) ** order * _scaled_bessel(order, start * end) * np.exp(-0.5 * u * u)


def _scaled_bessel(order, x):
    """exp(-x) I_order(x), by three terms of its expansion where x > 1e6 (relative error below 1e-17)."""
    from scipy.special import ive

    large = np.maximum(x, 1e6)
    square = 4.0 * order * order
    first = (square - 1.0) / (8.0 * large)
    second = first * (square - 9.0) / (16.0 * large)
    expansion = (1.0 - first + second) / np.sqrt(2.0 * np.pi * large)
    return np.where(x > 1e6, expansion, ive(order, np.minimum(x, 1e6)))
