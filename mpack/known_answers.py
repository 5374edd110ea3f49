"""Models whose critical behaviour is known: the standards that the tools of this library are tested on.

percolation       site percolation in two dimensions: beta = 5/36 and nu = 4/3, exact
sandpile          the Manna sandpile with a fixed number of grains in two dimensions: the class that
                  biased random organization is compared with
directed_percolation    activity that spreads or dies, with nothing conserved, in one dimension
mari_kurchan      spheres under SGD, each pair with a random shift of its own: no loops, mean field
contact_process   sites that are all neighbours of each other, at rest or active: mean field
CompleteGraph     the same, solved: lifetime, quasi-stationary activity, the limit of many sites
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._kernels import known_answers as kernels

PERCOLATION_P_C = 0.592746  # site percolation, square lattice, to six digits
SANDPILE_RHO_C = (
    0.71695  # Manna sandpile, square lattice: Vespignani et al., Phys. Rev. E 62, 4564 (2000)
)
DIRECTED_P_C = (
    0.644700185  # bond directed percolation, one dimension: I. Jensen, J. Phys. A 32, 5233 (1999)
)
LARGEST_MATRIX = 4096  # sites of which a full transition matrix is made
LARGEST_EDGE = 4096
MOST = 10**9  # steps, runs
LARGEST_MARI_KURCHAN = 100_000  # spheres; a step costs their number times that of movers


def percolation(edge: int, p: float, runs: int, seed: int) -> NDArray:
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

    References
    ----------
    D. Stauffer, A. Aharony, Introduction to Percolation Theory (1994).

    Examples
    --------
    >>> percolation(64, 0.8, runs=2, seed=1).round(1)
    array([0.8, 0.8])
    """
    edge = _check.integer("edge", edge, 2, LARGEST_EDGE)
    p = _check.number("p", p, 0.0, 1.0)
    seeds = _seeds(_check.seed("seed", seed), edge, p, _check.integer("runs", runs, 1, MOST))
    largest, others = np.empty(seeds.size, np.int64), np.empty(seeds.size, np.int64)
    kernels.percolation(edge, p, seeds, largest, others)
    return largest / edge**2


def sandpile(edge: int, grains: int, steps: int, runs: int, seed: int) -> NDArray:
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

    References
    ----------
    S. S. Manna, J. Phys. A 24, L363 (1991); A. Vespignani et al., Phys. Rev. Lett. 81, 5676
    (1998).

    Examples
    --------
    >>> sandpile(16, 100, steps=200, runs=2, seed=1)[:, -1]
    array([0., 0.])
    """
    edge = _check.integer("edge", edge, 2, LARGEST_EDGE)
    grains = _check.integer("grains", grains, 1, 4 * edge**2)
    steps = _check.integer("steps", steps, 1, MOST)
    seeds = _seeds(_check.seed("seed", seed), edge, grains, _check.integer("runs", runs, 1, MOST))
    active = np.empty((seeds.size, steps), np.int32)
    for run, key in zip(active, seeds):
        kernels.sandpile(edge, grains, steps, key, run)
    return active / edge**2


def directed_percolation(edge: int, p: float, steps: int, runs: int, seed: int) -> NDArray:
    """Share of active sites before each step of bond directed percolation on a ring, in independent runs.

    All sites are active at first. In a step an active site s makes s active, and s + 1, each with
    probability p, independently; all other sites come to rest. (The square lattice on its corner,
    seen along the diagonal.) The transition lies at p_c = 0.644700185(5), where activity decays as
    k^-delta, delta = beta/nu_parallel = 0.159464(6).

    Parameters
    ----------
    edge : int
        Sites, 2 to 2**31 - 1.
    p : float
        In [0, 1].
    steps, runs : int
        >= 1.
    seed : int
        Runs at different (seed, edge, p) are independent.

    Returns
    -------
    (runs, steps) float array

    Raises
    ------
    ValueError, TypeError
        An argument outside its range, or of the wrong type.

    References
    ----------
    I. Jensen, J. Phys. A 32, 5233 (1999).

    Examples
    --------
    A step leaves a site at rest if neither bond to it is open: 1 - (1 - p)^2 are active.

    >>> directed_percolation(100_000, 0.5, steps=2, runs=1, seed=1).round(2)
    array([[1.  , 0.75]])
    """
    edge = _check.integer("edge", edge, 2, 2**31 - 1)
    p = _check.number("p", p, 0.0, 1.0)
    steps = _check.integer("steps", steps, 1, MOST)
    seeds = _seeds(_check.seed("seed", seed), edge, p, _check.integer("runs", runs, 1, MOST))
    active = np.empty((seeds.size, steps), np.int32)
    for run, key in zip(active, seeds):
        kernels.directed_percolation(edge, p, steps, key, run)
    return active / edge


def mari_kurchan(
    spheres: int,
    phi: float,
    steps: int,
    runs: int,
    seed: int,
    *,
    alpha: float = 1.0,
    batch_fraction: float = 0.2,
    shifted: bool = True,
) -> NDArray:
    """Share of active spheres before each step of SGD where each pair sees the other displaced, in independent runs.

    In three dimensions, with spheres of diameter 1 and the linear potential of `mpack.SGD`, in a
    periodic cube of edge L. The pair i, j has the separation r_ij = x_i - x_j + A_ij, with
    A_ij = -A_ji uniform in the cube and fixed for the run. In a step each pair with |r_ij| < 1 is in
    the batch with probability b_f, independently, and a pair that is moves both its ends,

        x_i += (alpha/2) r_ij/|r_ij|,    x_j -= (alpha/2) r_ij/|r_ij|.

    That two spheres touch a third says nothing of whether they touch each other: contacts have no
    loops, up to a part of 1/N, so the model is mean field in any number of dimensions. How large and
    how long a run has to be before its decay shows that, with delta = 1, is another question: some
    thousand spheres and some hundred steps are too few.

    Parameters
    ----------
    spheres : int
        N, 2 to 100,000. A step costs N times the number of spheres that move.
    phi : float
        Packing fraction N pi/(6 L**3), > 0, such that the box is two diameters wide.
    steps, runs : int
        >= 1.
    seed : int
        Runs at different (seed, spheres, phi) are independent, in shifts, starts and batches.
    alpha : float
        Learning rate, in diameters, in (0, 4].
    batch_fraction : float
        b_f in (0, 1]; 1 is gradient descent.
    shifted : bool
        False leaves the shifts out: plain spheres, as a control.

    Returns
    -------
    (runs, steps) float array

    Raises
    ------
    ValueError, TypeError
        An argument outside its range, or of the wrong type.

    References
    ----------
    R. Mari, J. Kurchan, J. Chem. Phys. 135, 124504 (2011). The shifts are SplitMix64's: G. L.
    Steele, D. Lea, C. H. Flood, OOPSLA 2014, 453.

    Examples
    --------
    A random start has as many overlaps as without shifts: 1 - exp(-8 phi) are active.

    >>> mari_kurchan(20_000, 0.1, steps=1, runs=1, seed=1).round(2)
    array([[0.55]])
    """
    spheres = _check.integer("spheres", spheres, 2, LARGEST_MARI_KURCHAN)
    phi = _check.number("phi", phi, 0.0, spheres * math.pi / 48.0, open_low=True)
    steps = _check.integer("steps", steps, 1, MOST)
    alpha = _check.number("alpha", alpha, 0.0, 4.0, open_low=True)
    fraction = _check.number("batch_fraction", batch_fraction, 0.0, 1.0, open_low=True)
    seeds = _seeds(_check.seed("seed", seed), spheres, phi, _check.integer("runs", runs, 1, MOST))
    active = np.empty((seeds.size, steps), np.int32)
    box = (spheres * math.pi / (6.0 * phi)) ** (1 / 3)
    for run, key in zip(active, seeds):
        fixed = np.empty((spheres, 3), np.uint32)
        kernels.mari_kurchan_start(key, fixed)
        kernels.mari_kurchan(fixed, box, alpha, fraction, bool(shifted), key, run)
    return active / spheres


def _seeds(seed, edge, value, runs):
    """One 64-bit key a run, from all that the runs share."""
    exact = int(np.float64(value).view(np.uint64))
    return np.random.SeedSequence([seed, edge, exact]).generate_state(runs, np.uint64)


# ------------------------------------------------------------------------------------------------------------
# Without space


def contact_process(
    sites: int,
    rate: float | ArrayLike,
    steps: int,
    runs: int,
    rng: np.random.Generator | int,
    *,
    rest: float = 0.1,
) -> NDArray:
    """Share of active sites before each step and after the last, every site being every other's neighbour.

    All sites are active at first. In a step each active site comes to rest with probability mu =
    `rest`, and wakes each site at rest with probability rate mu/N, so that n active of N become

        n' = Bin(n, 1 - mu) + Bin(N - n, 1 - (1 - rate mu/N)^n)

    n = 0 is absorbing. The transition lies at rate 1, with beta = nu_parallel = 1.

    Parameters
    ----------
    sites : int
        N >= 1.
    rate : float, or array of shape (runs,)
        How many others an active site wakes before it rests, where nearly all are at rest; in [0,
        sites/rest]. One for all runs, or one for each.
    steps, runs : int
        >= 1.
    rng : numpy.random.Generator, or a seed of one
        Two binomial numbers a run and step.
    rest : float
        mu in (0, 1].

    Returns
    -------
    (runs, steps + 1) float array

    Raises
    ------
    ValueError, TypeError
        An argument outside its range, or of the wrong type.

    References
    ----------
    T. E. Harris, Ann. Probab. 2, 969 (1974), the contact process; on the complete graph H.
    Hinrichsen, Adv. Phys. 49, 815 (2000).

    Examples
    --------
    >>> activity = contact_process(1000, [0.5, 2.0], 200, 2, rng=1)
    >>> activity.shape, bool(activity[0, -1] == 0.0), bool(abs(activity[1, -1] - 0.48) < 0.1)
    ((2, 201), True, True)
    """
    sites, steps = _check.integer("sites", sites, 1, 2**62), _check.integer("steps", steps, 1, MOST)
    runs, rest = (
        _check.integer("runs", runs, 1, MOST),
        _check.number("rest", rest, 0.0, 1.0, open_low=True),
    )
    if np.ndim(rate):
        rate = _check.array("rate", rate, (runs,))
        _check.number("the least rate", float(rate.min()), 0.0)
        _check.number("the largest rate", float(rate.max()), 0.0, sites / rest)
    else:
        rate = _check.number("rate", rate, 0.0, sites / rest)
    if not isinstance(rng, np.random.Generator):
        rng = np.random.default_rng(_check.integer("rng", rng, 0))
    active = np.full(runs, sites)
    found = [active / sites]
    for _ in range(steps):
        woken = 1 - (1 - rate * rest / sites) ** active
        active = rng.binomial(active, 1 - rest) + rng.binomial(sites - active, woken)
        found.append(active / sites)
    return np.array(found).T


def absorbed_after(activity: ArrayLike) -> NDArray:
    """Steps after which each run is absorbed, the number of all steps for one that is not.

    Parameters
    ----------
    activity : array, shape (runs, steps + 1)
        Before each step and after the last, as of `contact_process`.

    Returns
    -------
    (runs,) int array

    Raises
    ------
    ValueError, TypeError
        No finite array of two axes.

    Examples
    --------
    >>> absorbed_after([[1.0, 0.5, 0.0, 0.0], [1.0, 0.5, 0.5, 0.2]])
    array([2, 3])
    """
    activity = _check.array("activity", activity, (None, None))
    if not activity.size:
        raise ValueError(f"activity must hold a run and a step; got shape {activity.shape}")
    dead = activity == 0.0
    return np.where(dead.any(axis=1), dead.argmax(axis=1), activity.shape[1] - 1)


class QuasiSteady(NamedTuple):
    """What survives: `activity` in [0, 1], and `death`, the probability of dying in a step (or rate, in unit time).

    `moment_ratio` is <f^2>/<f>^2.

    Examples
    --------
    >>> found = CompleteGraph(2, 1.0, rest=0.5).quasi_steady()
    >>> round(1 - found.death, 6), round((3 + 5**0.5) / 8, 6)  # the largest eigenvalue of Q
    (0.654508, 0.654508)
    """

    activity: float
    death: float
    moment_ratio: float


@dataclasses.dataclass(frozen=True)
class CompleteGraph:
    """The `contact_process` on the complete graph, exactly: a Markov chain of the number n of active sites.

    Attributes
    ----------
    sites : int
        N >= 2.
    rate : float
        How many others an active site wakes before it rests, in [0, sites/rest].
    rest : float
        mu in [0, 1], the probability that an active site comes to rest in a step. 0 is the limit of
        short steps, with time in units of steps times mu: n goes to n + 1 at the rate
        rate n (1 - n/N), and to n - 1 at the rate n.

    Raises
    ------
    ValueError, TypeError
        An argument outside its range, or of the wrong type.

    References
    ----------
    I. Nasell, J. Theor. Biol. 211, 11 (2001), the quasi-stationary state.

    Examples
    --------
    >>> round(CompleteGraph(2, 1.0, rest=0.5).lifetime(), 9)
    3.2
    >>> round(CompleteGraph(1000, 2.0, rest=0.0).quasi_steady().activity, 2)
    0.5
    """

    sites: int
    rate: float
    rest: float = 0.1

    def __post_init__(self) -> None:
        _check.integer("sites", self.sites, 2)
        _check.number("rest", self.rest, 0.0, 1.0)
        _check.number("rate", self.rate, 0.0, self.sites / self.rest if self.rest else None)

    def transition_matrix(self) -> NDArray:
        """P[n, m], the probability of m active sites a step after n: shape (sites + 1, sites + 1).

        Raises
        ------
        ValueError
            rest is 0, or there are more than 4096 sites.

        Examples
        --------
        >>> CompleteGraph(2, 1.0, rest=0.5).transition_matrix()[2]
        array([0.25, 0.5 , 0.25])
        """
        from scipy import stats

        _check.number("rest", self.rest, 0.0, 1.0, open_low=True)
        _check.integer("sites", self.sites, 2, LARGEST_MATRIX)
        rows = []
        for active in range(self.sites + 1):
            stay = stats.binom.pmf(np.arange(active + 1), active, 1 - self.rest)
            woken = 1 - (1 - self.rate * self.rest / self.sites) ** active
            asleep = self.sites - active
            rows.append(np.convolve(stay, stats.binom.pmf(np.arange(asleep + 1), asleep, woken)))
        return np.array(rows)

    def lifetime(self) -> float:
        """Mean time until none is active, when all are at first: ((1 - Q)^-1 1)_N, Q being P without n = 0.

        Returns
        -------
        float
            In steps; in units of steps times mu where rest is 0.

        Examples
        --------
        Below the transition a large system without memory dies after ln N and little more:

        >>> round(CompleteGraph(1000, 0.0, rest=0.0).lifetime(), 3)
        7.485
        """
        from scipy import linalg

        if self.rest:
            q = self.transition_matrix()[1:, 1:]
            return float(np.linalg.solve(np.eye(self.sites) - q, np.ones(self.sites))[-1])
        wake, sleep = self._rates()
        bands = np.array([np.r_[0.0, -wake[:-1]], wake + sleep, np.r_[-sleep[1:], 0.0]])
        return float(linalg.solve_banded((1, 1), bands, np.ones(self.sites))[-1])

    def quasi_steady(self) -> QuasiSteady:
        """Activity of the survivors, and how fast they die: the left eigenvector of Q and its eigenvalue.

        Returns
        -------
        QuasiSteady

        Examples
        --------
        >>> found = CompleteGraph(60, 2.0).quasi_steady()
        >>> round(found.activity, 2), found.death < 1e-4
        (0.46, True)
        """
        if not self.rest:
            return self._quasi_steady_in_continuous_time()
        values, vectors = np.linalg.eig(self.transition_matrix()[1:, 1:].T)
        first = np.argmax(values.real)
        weights = np.abs(vectors[:, first].real)
        return self._steady_of(weights, 1 - values[first].real)

    def limit(self) -> float:
        """Steady activity of infinitely many sites: mu f = (1 - f)(1 - exp(-rate mu f)), or 1 - 1/rate where mu is 0.

        Returns
        -------
        float
            0 up to rate 1.

        Examples
        --------
        >>> CompleteGraph(100, 2.0, rest=0.0).limit(), CompleteGraph(100, 0.9).limit()
        (0.5, 0.0)
        """
        from scipy import optimize

        if self.rate <= 1.0:
            return 0.0
        if not self.rest:
            return 1.0 - 1.0 / self.rate

        def grows(f):
            """Relative growth of the activity in a step."""
            return -(1.0 - f) * np.expm1(-self.rate * self.rest * f) / f - self.rest

        return float(optimize.brentq(grows, 1e-12, 1.0, xtol=1e-14))

    def _rates(self):
        """Rates of n -> n + 1 and of n -> n - 1 for n = 1 to N."""
        k = np.arange(1, self.sites + 1)
        return self.rate * k * (1.0 - k / self.sites), k.astype(float)

    def _quasi_steady_in_continuous_time(self):
        """The matrix of rates has three diagonals, and detailed balance makes it symmetric."""
        from scipy import linalg

        n = self.sites
        wake, sleep = self._rates()
        _check.number("rate", self.rate, 0.0, open_low=True)
        balance = np.r_[0.0, np.cumsum(np.log(wake[:-1] / sleep[1:]))]
        value, vector = linalg.eigh_tridiagonal(
            -(wake + sleep), np.sqrt(wake[:-1] * sleep[1:]), select="i", select_range=(n - 1, n - 1)
        )
        p = np.abs(vector[:, 0]) * np.exp(0.5 * (balance - balance.max()))
        return self._steady_of(p, -value[0])

    def _steady_of(self, weights, death):
        """`QuasiSteady` of the weights of 1 to N active sites."""
        share, p = np.arange(1, self.sites + 1) / self.sites, weights / weights.sum()
        activity = float(p @ share)
        return QuasiSteady(activity, float(death), float(p @ share**2) / activity**2)
