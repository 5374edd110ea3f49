"""Structure of packings: g(r), S(q) and its exponent at small q, density waves, bonds, counts in balls.

A density wave is rho_q = sum_j exp(-i q.x_j) on a wave vector q = 2 pi n/L of the box; the
structure factor is S(q) = |rho_q|**2 / n. A packing is hyperuniform if S ~ q**lambda -> 0 for q ->
0, or if the variance of the number of centres in a ball of radius R grows more slowly than the
ball's volume. Lengths are in mean diameters, wave numbers in inverse ones.

Source: Torquato, Phys. Rep. 745, 1 (2018); Hexner and Levine, Phys. Rev. Lett. 114, 110602 (2015).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._box import box_for
from mpack._pairs import check_packing, pairs_within
from mpack._repr import short_repr
from mpack._steps import pushes_of
from mpack.dynamics import Dynamics
from mpack.packing import DIMENSIONS, Packing, unit_ball_volume
from mpack.statistics import Estimate

if TYPE_CHECKING:
    import pandas

MOST_VECTORS = 20_000_000
MOST_COMPONENT = 10_000  # of a wave vector in units of 2 pi/L: bounds the table of phases


@dataclass(frozen=True, eq=False)
class PairCorrelation:
    """Pair correlation function; see `pair_correlation`.

    Examples
    --------
    >>> from mpack import Packing
    >>> found = pair_correlation(Packing.random(n=50, phi=0.1, dim=3, seed=1), r_max=2.5, bins=5)
    >>> found.r.tolist(), found.edges.tolist()
    ([0.25, 0.75, 1.25, 1.75, 2.25], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    """

    r: np.ndarray  #: (bins,) middle of each bin
    g: np.ndarray  #: (bins,) g(r)
    counts: np.ndarray  #: (bins,) int64, pairs in each bin; the relative error of g is counts**-0.5
    edges: np.ndarray  #: (bins + 1,)

    __repr__ = short_repr


def pair_correlation(
    packing: Packing, r_max: float | None = None, bins: int = 200
) -> PairCorrelation:
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

    Examples
    --------
    >>> from mpack import Packing
    >>> crystal = Packing.lattice("sc", 4, phi=0.52)  # touching at pi/6 = 0.524
    >>> found = pair_correlation(crystal, r_max=1.2, bins=6)
    >>> (2 * found.counts / crystal.n).tolist()  # six neighbours, none nearer
    [0.0, 0.0, 0.0, 0.0, 0.0, 6.0]
    """
    check_packing(packing, centres=True)
    if packing.n < 2:
        raise ValueError("packing must have at least 2 particles for g(r); got 1")
    r_max = min(5.0, packing.box / 2) if r_max is None else r_max
    r_max = _check.number("r_max", r_max, 0, packing.box / 2, open_low=True)
    _check.number("r_max", r_max, 1e-50)  # its volume is a double
    bins = _check.integer("bins", bins, 1, 10**6)
    counts = np.zeros(bins, dtype=np.int64)
    for _, _, r in pairs_within(packing, 0.0, r_max):
        counts += np.bincount(
            np.minimum((r * (bins / r_max)).astype(np.int64), bins - 1), minlength=bins
        )
    edges = np.linspace(0.0, r_max, bins + 1)
    shell = unit_ball_volume(packing.dim) * np.diff((edges / packing.box) ** packing.dim)
    expected = 0.5 * packing.n * (packing.n - 1) * shell
    return PairCorrelation(0.5 * (edges[1:] + edges[:-1]), counts / expected, counts, edges)


@dataclass(frozen=True, eq=False)
class StructureFactor:
    """Structure factor; see `structure_factor`.

    Examples
    --------
    >>> from mpack import Packing
    >>> found = structure_factor(Packing.random(n=50, phi=0.1, dim=3, seed=1), q_max=2.0)
    >>> np.allclose(found.s, abs(found.modes) ** 2 / 50), len(found.q) == int(found.shell_counts.sum())
    (True, True)
    """

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

    __repr__ = short_repr


def structure_factor(
    packing: Packing, q_max: float = 8.0, per_shell: int | None = None
) -> StructureFactor:
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

    Examples
    --------
    >>> from mpack import Packing
    >>> crystal = Packing.lattice("sc", 3, phi=0.4)
    >>> found = structure_factor(crystal, q_max=2 * np.pi / (crystal.box / 3) * 1.01)
    >>> peaks = found.vectors[found.s > 1e-9]  # the reciprocal lattice
    >>> peaks.tolist(), float(found.s.max().round(6))
    ([[0, 0, 3], [0, 3, 0], [3, 0, 0]], 27.0)
    """
    from mpack._kernels import observe

    check_packing(packing, centres=True)
    q_min = 2.0 * math.pi / packing.box
    q_max = _check.number("q_max", q_max, high=1e9)
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


def density_waves(packing: Packing, vectors: ArrayLike) -> NDArray[np.complex128]:
    """Density waves rho_q = sum_j exp(-i q.x_j) of a packing on chosen wave vectors q = 2 pi n/L.

    Phases are exact integers before their sines and cosines are taken.

    Parameters
    ----------
    packing : Packing
    vectors : array of int, shape (m, d)
        The n of q = 2 pi n/L, each component in [-10000, 10000].

    Returns
    -------
    complex array (m,)

    Raises
    ------
    TypeError, ValueError
        If `packing` is none, or `vectors` are no such integers.

    Examples
    --------
    >>> from mpack import Packing
    >>> pair = Packing([[0.0, 0.0], [2.0, 0.0]], box=4.0)
    >>> density_waves(pair, [[1, 0], [2, 0]]).real  # half a wave apart, and a whole one
    array([0., 2.])
    """
    from mpack._kernels import observe

    vectors = _check_vectors(check_packing(packing, centres=True), vectors)
    real, imaginary = np.zeros(len(vectors)), np.zeros(len(vectors))
    observe.density_modes(packing.fixed, vectors, real, imaginary)
    return real + 1j * imaginary


def wave_noise(packing: Packing, dynamics: Dynamics, vectors: ArrayLike) -> NDArray[np.float64]:
    """Variance of what one step adds to each density wave, to first order in the step, in closed form.

    A step displaces particle j by D_j = sum_k G_jk w_k, with uncorrelated random numbers w_k, and
    so changes rho_q by -i sum_j q.D_j exp(-i q.x_j):

        < |d rho_q - <d rho_q>|**2 > = sum_k Var(w_k) | sum_j q.G_jk exp(-i q.x_j) |**2.

    For pairs whose ends are pushed by u eps n (BRO, u of variance 1/12) with correlation c that is
    the sum over pairs of 2 (eps**2/12) (q.n)**2 [1 + c cos(q.r)]: of order q**4 for long waves if
    the pushes are opposite, of order q**2 else. Kicks in random directions have 1/(3 d) in the
    place of (q.n)**2/12 over q**2.

    Parameters
    ----------
    packing : Packing
    dynamics : Dynamics
        The rule or its approximation; no batches of exactly B.
    vectors : array of int, shape (m, d)
        The n of q = 2 pi n/L, each component in [-10000, 10000].

    Returns
    -------
    array (m,)

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or the rule draws exactly B.

    Notes
    -----
    Source: Hexner and Levine, Phys. Rev. Lett. 118, 020601 (2017), on what conserves the centre of
    mass; the sum over the pushes of any rule: this book.

    Examples
    --------
    >>> from mpack import NonreciprocalBRO, Packing, PairwiseBRO
    >>> pair = Packing([[0.0, 0.0], [0.5, 0.0]], box=4.0)
    >>> rules = PairwiseBRO(eps=0.1), NonreciprocalBRO(eps=0.1)
    >>> both, one = (float(wave_noise(pair, rule, [[1, 0]])[0]) for rule in rules)
    >>> round(both / one, 6)  # 1 - cos(2 pi/8)
    0.292893
    """
    pushes, _, variance = pushes_of(check_packing(packing), dynamics)
    vectors = _check_vectors(packing, vectors)
    transposed = pushes.T.tocsr()
    found = np.empty(len(vectors))
    for place, vector in enumerate(vectors):
        turns = packing.fixed @ vector  # wraps as the box does
        phases = np.exp(-2j * np.pi * 2.0**-64 * turns)
        q = 2.0 * np.pi / packing.box * vector
        found[place] = variance @ np.abs(transposed @ (phases[:, None] * q).ravel()) ** 2
    return found


@dataclass(frozen=True, eq=False)
class WaveParts:
    """What moves and what is frozen in the structure factor of a run, shell by shell; see `wave_parts`.

    Examples
    --------
    >>> from mpack import Packing
    >>> still = [Packing.lattice("sc", 3, phi=0.4)] * 4
    >>> parts = wave_parts(still)
    >>> parts.moving.shape == (4, len(parts.q)), float(parts.moving.max().round(9))
    (True, 0.0)
    """

    q: np.ndarray  #: (shells,) mean wave number of each shell
    moving: np.ndarray  #: (looks, shells) fluctuating part of S at every look
    frozen: np.ndarray  #: (shells,) frozen part of S
    counts: np.ndarray  #: (shells,) int64, wave vectors of each shell
    s: np.ndarray  #: (looks, shells) S itself at every look

    __repr__ = short_repr


def wave_parts(
    packings: Sequence[Packing], q_max: float = 2.4, per_shell: int | None = None
) -> WaveParts:
    """Split the structure factor of a run into what fluctuates and what is frozen.

    With rho the waves of T looks at one run and <rho> their mean over the looks,

        moving = |rho - <rho>|**2 T / ((T - 1) n),     frozen = |<rho>|**2 / n - <moving> / T,

    both without bias if looks are independent; they add up to the mean S(q).

    Parameters
    ----------
    packings : sequence of Packing
        Two looks at least, of the same particles in the same box.
    q_max, per_shell
        As for `structure_factor`.

    Returns
    -------
    WaveParts
        The relative error of the mean of `moving` is (counts (looks - 1))**-0.5.

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two looks, or they are no packings of one n, d and box.

    Notes
    -----
    Derived here: an analysis of variance of the waves.

    Examples
    --------
    >>> from mpack import Packing
    >>> looks = [Packing.random(n=200, phi=0.3, dim=3, seed=seed) for seed in range(20)]
    >>> parts = wave_parts(looks)  # nothing stays: all of S = 1 moves
    >>> bool(abs(parts.moving[:, -1].mean() - 1) < 0.1), bool(abs(parts.frozen[-1]) < 0.1)
    (True, True)
    """
    packings = _check_looks(packings)
    looks, n = len(packings), packings[0].n
    seen = [structure_factor(packing, q_max, per_shell) for packing in packings]
    waves = np.array([one.modes for one in seen])
    mean = waves.mean(axis=0)
    moving = np.abs(waves - mean) ** 2 * looks / (looks - 1) / n
    still = np.abs(mean) ** 2 / n - moving.mean(axis=0) / looks
    shell_q, counts = seen[0].shell_q, seen[0].shell_counts
    members = np.rint(seen[0].q / seen[0].q_min)[:, None] == np.arange(1, len(shell_q) + 1)
    s = np.array([one.shell_s for one in seen])
    return WaveParts(shell_q, moving @ members / counts, still @ members / counts, counts, s)


@dataclass(frozen=True)
class Resolution:
    """What one packing can tell of an exponent of S(q); see `resolution`.

    Examples
    --------
    >>> small, large = (resolution(n, 0.6, 1.5) for n in (500, 4000))
    >>> round(small.q_min / large.q_min, 9), large.vectors > small.vectors, large.error < small.error
    (2.0, True, True)
    """

    q_min: float  #: 2 pi/L, the smallest wave number of the box
    vectors: int  #: wave vectors to q_max, one of each pair n, -n
    error: float  #: standard error of the exponent; nan if all vectors are of one length, or there are none


def resolution(n: int, phi: float, q_max: float, dim: int = 3) -> Resolution:
    """Error of the exponent of S ~ q**lambda that one packing of equal spheres allows.

    |rho_q|**2 of each wave vector is exponentially distributed, an error of 100 %, so that with m
    vectors (one of each pair n, -n) a straight line through log S against log q has the error

        [ sum over vectors of (log q - <log q>)**2 ]**-1/2.

    Parameters
    ----------
    n : int
        Spheres, 1 to 10**9.
    phi : float
        Packing fraction, > 0.
    q_max : float
        Largest wave number of the fit, > 0.
    dim : int
        Dimension, 2 to 6.

    Returns
    -------
    Resolution

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or more than 2 10**7 wave vectors
        fit.

    Examples
    --------
    >>> found = resolution(1000, 0.52, 1.0)
    >>> found.vectors, round(found.error, 2)
    (9, 2.04)
    """
    n = _check.integer("n", n, 1, 10**9)
    q_max = _check.number("q_max", q_max, 0, open_low=True)
    dim = _check.integer("dim", dim, *DIMENSIONS)
    q_min = 2.0 * math.pi / box_for(phi, np.ones(n), dim)
    if q_max < q_min:
        return Resolution(q_min, 0, math.nan)
    vectors = _wave_vectors(dim, q_max / q_min)
    logs = np.log(q_min * np.sqrt(np.sum(vectors**2, axis=1)))
    spread = np.sum((logs - logs.mean()) ** 2)
    error = float(spread**-0.5) if np.ptp(logs) > 0 else math.nan
    return Resolution(q_min, len(logs), error)


@dataclass(frozen=True)
class Exponent:
    """Exponent of the structure factor at small wave numbers; see `exponent`.

    Examples
    --------
    >>> print(Exponent(value=0.254, error=0.013, misfit=1.1).estimate)
    0.254 ± 0.013
    """

    value: float  #: lambda of S ~ q**lambda
    error: float  #: standard error
    misfit: float  #: chi**2 over degrees of freedom

    @property
    def estimate(self) -> Estimate:
        """Value and error."""
        return Estimate(self.value, self.error)


def exponent(
    groups: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
    q_max: float,
    *,
    bend: bool = False,
    resamples: int = 400,
    seed: int,
) -> Exponent:
    """Exponent lambda of S = A q**lambda, or with `bend` of S = A q**lambda exp(c q**2), for small q.

    Each group (a system size) has an A of its own; lambda and c are shared. A shell of m vectors
    averaged over R runs has the relative error (m R)**-1/2, which weighs it, and its logarithm is
    low by 1/(2 m R), which is added.

    Parameters
    ----------
    groups : sequence of (q, s, counts)
        Of each group the wave numbers of its shells (shells,), S of every run (runs, shells), and
        the number of wave vectors of each shell (shells,), as `shells_of` and `wave_parts` give
        them.
    q_max : float
        Largest wave number used, > 0; but the two lowest shells of every group are used anyway.
    bend : bool
        Fit the bend c too.
    resamples : int
        Bootstrap samples over runs, >= 2, drawn where every group has more than 3 runs.
    seed : int
        Of the bootstrap, in [0, 2**64).

    Returns
    -------
    Exponent
        The error is that of the weighted fit or, if it is larger, the spread over runs drawn anew.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, shapes do not go together, an S is
        not positive, or there are fewer shells than parameters.

    Examples
    --------
    >>> q = np.linspace(0.2, 2.0, 10)
    >>> groups = [(q, 0.01 * q[None] ** 0.25, np.full(10, 10**6))]
    >>> round(exponent(groups, 2.0, seed=1).value, 4)
    0.25
    """
    tables = [_check_group(place, group) for place, group in enumerate(groups)]
    q_max = _check.number("q_max", q_max, 0, open_low=True)
    bend = _check.flag("bend", bend)
    resamples = _check.integer("resamples", resamples, 2)
    rng = np.random.default_rng(_check.seed("seed", seed))
    used = sum(int(np.count_nonzero(q <= max(q_max, q[1]))) for q, _, _ in tables)
    if used <= len(tables) + bend:
        raise ValueError(
            f"groups must have more than {len(tables) + bend} shells up to q_max = {q_max:g}, one a group "
            f"and one a parameter; they have {used}"
        )
    value, error, misfit = _fit_exponent(tables, q_max, bend, lambda many: slice(None))
    if min(len(s) for _, s, _ in tables) > 3:
        drawn = [
            _fit_exponent(tables, q_max, bend, lambda many: rng.integers(many, size=many))[0]
            for _ in range(resamples)
        ]
        error = max(error, np.std(drawn, ddof=1))
    return Exponent(float(value), float(error), float(misfit))


def _fit_exponent(groups, q_max, bend, pick):
    """Weighted least squares of log S, each group about its own mean: (lambda, error, chi**2/dof)."""
    left, right = [], []
    for q, s, counts in groups:
        use = q <= max(q_max, q[1])
        weight = counts[use] * len(s)
        y = np.log(s[pick(len(s))].mean(axis=0)[use]) + 0.5 / weight
        x = np.column_stack((np.log(q[use]), q[use] ** 2))[:, : 1 + bend]
        left.append(weight[:, None] ** 0.5 * (x - np.average(x, axis=0, weights=weight)))
        right.append(weight**0.5 * (y - np.average(y, weights=weight)))
    x, y = np.concatenate(left), np.concatenate(right)
    found = np.linalg.lstsq(x, y)[0]
    free = max(1, len(y) - len(groups) - x.shape[1])
    return found[0], np.linalg.inv(x.T @ x)[0, 0] ** 0.5, np.sum((y - x @ found) ** 2) / free


def shells_of(
    rows: pandas.DataFrame,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Shells of the structure factor of runs of one size and packing fraction, from a sweep's table.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of runs with observables="structure_factor", or "structure_factors", of which the looks
        are averaged.

    Returns
    -------
    q : array (shells,)
        Mean wave number of each shell.
    s : array (runs, shells)
        Mean S of each shell, of every run.
    counts : int array (shells,)
        Wave vectors of each shell.

    Raises
    ------
    ValueError
        If there is no row, one has no structure factor, or their shells differ.

    Examples
    --------
    >>> import mpack
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=100, phi=0.3, steps=5, seed=range(2),
    ...                    observables="structure_factor")
    >>> q, s, counts = shells_of(mpack.sweep(some, progress=False))
    >>> s.shape == (2, len(q)), int(counts[0])
    (True, 9)
    """
    kind = "structure_factor"
    if len(rows) and kind not in rows.arrays.iloc[0]:
        kind = "structure_factors"
    found = [row.arrays.get(kind) for row in rows.itertuples()]
    if not found or any(one is None for one in found):
        raise ValueError(
            'rows must be runs with observables="structure_factor", one at least; '
            f"{sum(one is None for one in found)} of {len(found)} have none"
        )
    q = found[0]["q"]
    if any(not np.array_equal(one["q"], q) for one in found):
        raise ValueError("rows must be of one size and packing fraction; their wave numbers differ")
    s = np.array([np.atleast_2d(one["s"]).mean(axis=0) for one in found])
    return q, s, found[0]["counts"]


def pair_factor(
    q: ArrayLike, dim: int = 3, *, biased: bool = True, r: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """g(q): what the two ends of a contact have in common in a wave, weighed by how their noise moves it.

    One step adds to a wave, for each pair of separation r n, 2 v eps**2 (q.n)**2 [1 + c cos(q.n r)]
    if the noise is along n and of correlation c; averaged over directions in d dimensions that is
    (2 v eps**2 q**2/d) [1 + c g(q r)] with

        g(x) = d < n_1**2 cos(x n_1) >,    in three dimensions 3 int_0^1 m**2 cos(x m) dm,

    and, for kicks in random directions, g(x) = < cos(x n_1) >, sin(x)/x in three dimensions. With
    h(x) = Gamma(d/2) (2/x)**(d/2 - 1) J_(d/2 - 1)(x) the latter, the former is -d h''(x).

    Parameters
    ----------
    q : array
        Wave numbers, in inverse diameters, >= 0.
    dim : int
        d, 2 to 6.
    biased : bool
        True for noise along the contact (BRO, SGD), False for kicks in random directions.
    r : float or array
        Separation of the pairs, > 0, in mean diameters: 1 where they hardly overlap; or the
        separations of all pairs, over which g is averaged.

    Returns
    -------
    array
        g, 1 at q = 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Notes
    -----
    Derived here.

    Examples
    --------
    >>> q = np.array([0.0, 0.1, np.pi])
    >>> pair_factor(q, biased=False).round(6) + 0.0
    array([1.      , 0.998334, 0.      ])
    >>> pair_factor(q).round(4)  # 1 - 3 q**2/10 for small q
    array([ 1.    ,  0.997 , -0.6079])
    """
    from scipy.special import gamma, jv

    q = _check.array("q", np.atleast_1d(q), ("shells",))
    apart = _check.array("r", np.atleast_1d(r), ("pairs",))
    if np.any(q < 0) or np.any(apart <= 0) or not len(apart):
        raise ValueError(
            f"q must be >= 0 and r > 0; got q={_check.short(q)} and r={_check.short(apart)}"
        )
    d = _check.integer("dim", dim, *DIMENSIONS)
    x = q[:, None] * apart
    nu, safe = 0.5 * d - 1.0, np.maximum(x, 1e-4)
    found = jv(nu, safe)
    if _check.flag("biased", biased):
        found = d * (found - (d - 1) * jv(nu + 1.0, safe) / safe)
    found *= gamma(0.5 * d) * (2.0 / safe) ** nu
    return np.where(x < 1e-4, 1.0, found).mean(axis=1)  # 1 to 1e-8 there


@_check.sound
def correlated_waves(
    q: ArrayLike,
    correlation: float,
    *,
    plateau: float,
    chi: float = 0.0,
    dim: int = 3,
    biased: bool = True,
    r: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    """S(q) of an active phase whose pair noise has the correlation c.

        S(q; c) = S_0 [1 + c g(q) + chi (1 - g(q))]

    A step kicks the ends of a contact by eps u along it, with u of mean m and variance v. In a step
    a wave decays by the share D q**2, and `pair_factor` has the noise of a contact: B q**2 [1 + c
    g(q)], B proportional to v. The mean pushes, eps m on each end and always opposite, are no noise
    while contacts stay; if contacts are drawn anew in each step, they are noise like any other,
    with m**2 in the place of v and c = -1: B (m**2/v) q**2 [1 - g(q)]. In a steady state 2 D q**2 S
    is what a step adds, so S_0 = B/(2 D) and

        chi = m**2/v:    3 for BRO, b_f/(1 - b_f) for SGD, 0 for kicks in random directions.

    Where contacts last, pushes that come again add up, and chi is larger: a number to be fitted. At
    each q, S is a straight line in c. With g = 1 - g_2 q**2 + g_4 q**4 - ... it is

        S = S_0 (1 + c) + S_0 g_2 (chi - c) q**2 - S_0 g_4 (chi - c) q**4 + ...

    for long waves, as `long_waves` fits it: a plateau that vanishes as c -> -1, and ends about q* =
    [(1 + c)/(g_2 (chi - c))]**(1/2).

    Parameters
    ----------
    q : array
        Wave numbers, in inverse diameters, >= 0.
    correlation : float
        c in [-1, 1].
    plateau : float
        S_0, the plateau at c = 0, >= 0.
    chi : float
        Noise of the mean pushes over that of the kicks: m**2/v >= 0 here. A number that was fitted
        may be lower, >= -1.
    dim, biased, r
        As for `pair_factor`.

    Returns
    -------
    array
        S(q; c).

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Notes
    -----
    Derived here, by linear response; that the correlation of the pair noise decides: Anand, Zhang
    and Martiniani, arXiv:2505.22933.

    Examples
    --------
    >>> q = np.array([0.0, 0.1])
    >>> correlated_waves(q, -1.0, plateau=0.01, chi=3.0).round(6)  # 0.01 (1 + 3) 0.3 q**2
    array([0.     , 0.00012])
    """
    c = _check.number("correlation", correlation, -1, 1)
    plateau = _check.number("plateau", plateau, 0)
    chi = _check.number("chi", chi, -1)
    g = pair_factor(q, dim, biased=biased, r=r)
    return plateau * (1.0 + c * g + chi * (1.0 - g))


@dataclass(frozen=True, eq=False)
class CorrelationLines:
    """S(q) as a straight line in the correlation c, shell by shell; see `correlation_lines`.

    Examples
    --------
    >>> q = np.array([0.3, 0.6])
    >>> groups = {c: (q, np.full((2, 2), 0.02 * (1 + c)), np.array([9, 30])) for c in (-0.5, 0, 1)}
    >>> correlation_lines(groups).ratio
    array([1., 1.])
    """

    q: np.ndarray  #: (shells,) mean wave number
    intercept: np.ndarray  #: (shells,) S at c = 0
    slope: np.ndarray  #: (shells,) dS/dc
    ratio: (
        np.ndarray
    )  #: (shells,) slope over intercept: g(q) of `pair_factor` where mean pushes add little
    error: np.ndarray  #: (shells,) standard error of the ratio
    misfit: (
        np.ndarray | None
    )  #: (shells,) chi**2 over degrees of freedom; None for two correlations
    dof: float  #: degrees of freedom of the errors, of each shell: see `run_scatter`

    __repr__ = short_repr


def run_scatter(
    groups: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
) -> tuple[NDArray[np.float64], float]:
    """Relative variance of S of one run, shell by shell, pooled over groups of runs: and its degrees of freedom.

    S is a mean of squares of Gaussian waves, so its relative scatter does not depend on its mean:
    sum (R - 1) var(S)/<S>**2 over sum (R - 1), for groups of R runs. Where groups have less than
    two runs on average it is 1/m for a shell of m wave vectors, that of a single look at a packing:
    an upper bound, since a run may have been looked at more often.

    Parameters
    ----------
    groups : sequence of (q, s, counts)
        As for `exponent`, all with the same shells.

    Returns
    -------
    array (shells,)
        Variance over squared mean. That of the mean of R runs is R times smaller.
    float
        Sum of R - 1; infinite where there are less than two runs a group.

    Raises
    ------
    TypeError, ValueError
        If they are not such, or none.

    Examples
    --------
    >>> rng, q = np.random.default_rng(1), np.array([0.3, 0.6])
    >>> groups = [(q, mean * rng.gamma(25, 1 / 25, (300, 2)), np.array([9, 30])) for mean in (1, 5)]
    >>> relative, dof = run_scatter(groups)
    >>> bool(np.all(np.abs(relative - 0.04) < 0.01)), dof
    (True, 598.0)
    """
    tables = [_check_group(place, group) for place, group in enumerate(groups)]
    if not tables or any(not np.array_equal(q, tables[0][0]) for q, _, _ in tables):
        raise ValueError(f"groups must have the same shells, one group at least; got {len(tables)}")
    free = np.array([len(s) - 1.0 for _, s, _ in tables])
    if free.sum() < len(tables):
        return 1.0 / tables[0][2], math.inf
    squares = [np.sum((s / s.mean(axis=0) - 1.0) ** 2, axis=0) for _, s, _ in tables]
    return np.sum(squares, axis=0) / free.sum(), float(free.sum())


def correlation_lines(
    groups: Mapping[float, tuple[ArrayLike, ArrayLike, ArrayLike]],
) -> CorrelationLines:
    """Weighted straight lines S(q; c) = a(q) + b(q) c, one for each shell, and their ratio b/a.

    By `correlated_waves` b/a = g(q)/[1 + chi (1 - g(q))], with no free parameter but chi, the noise
    of the mean pushes. The relative error of a shell is that of `run_scatter`, pooled over the
    correlations.

    Parameters
    ----------
    groups : mapping
        From c to (q, s, counts) with s of shape (runs, shells), as `shells_of` gives them; two
        correlations at least, the same shells in all.

    Returns
    -------
    CorrelationLines

    Raises
    ------
    TypeError, ValueError
        If they are not such.

    Examples
    --------
    >>> rng, q = np.random.default_rng(1), np.array([0.2, 0.4, 0.8])
    >>> groups = {}
    >>> for c in (-1, -0.5, 0, 0.5, 1):
    ...     mean = correlated_waves(q, c, plateau=0.02, chi=3)
    ...     groups[c] = q, mean * rng.gamma(400, 1 / 400, (4, 3)), np.full(3, 20)
    >>> lines = correlation_lines(groups)
    >>> expected = pair_factor(q) / (1 + 3 * (1 - pair_factor(q)))
    >>> bool(np.all(np.abs(lines.ratio - expected) < 4 * lines.error))
    True
    """
    if not isinstance(groups, Mapping) or len(groups) < 2:
        raise TypeError(f"groups must map two correlations at least; got {_check.short(groups)}")
    c = np.array([_check.number("correlation", one, -1, 1) for one in groups])
    tables = [_check_group(place, group) for place, group in enumerate(groups.values())]
    q = tables[0][0]
    pooled, dof = run_scatter(tables)
    mean = np.array([s.mean(axis=0) for _, s, _ in tables])
    runs = np.array([len(s) for _, s, _ in tables])
    errors = mean * np.sqrt(np.maximum(pooled, 1e-30) / runs[:, None])
    a, b, ratio, error, chi2 = np.transpose(
        [_line_in(c, y, error) for y, error in zip(mean.T, errors.T)]
    )
    misfit = chi2 / (len(c) - 2) if len(c) > 2 else None
    return CorrelationLines(q, a, b, ratio, error, misfit, dof)


def _line_in(c, y, error):
    """Weighted line y = a + b c: a, b, b/a, the error of that, chi**2."""
    x = np.column_stack((np.ones_like(c), c)) / error[:, None]
    covariance = np.linalg.inv(x.T @ x)
    a, b = covariance @ x.T @ (y / error)
    slopes = np.array([-b / a**2, 1.0 / a])
    chi2 = np.sum((y - a - b * c) ** 2 / error**2)
    return a, b, b / a, math.sqrt(slopes @ covariance @ slopes), chi2


@dataclass(frozen=True, eq=False)
class LongWaves:
    """Plateau of S(q), what follows it, and where the one gives way to the other; see `long_waves`.

    Examples
    --------
    >>> q = np.array([0.1, 0.2, 0.3, 0.4])
    >>> s = (0.01 + 0.04 * q**2 - 0.02 * q**4) * np.ones((2, 1))
    >>> found = long_waves([(q, s, np.full(4, 20))], q_max=0.4)
    >>> [round(one.value, 9) for one in (found.plateau, found.curvature, found.quartic)]
    [0.01, 0.04, -0.02]
    >>> round(found.crossover.value, 9)
    0.5
    """

    plateau: Estimate  #: S(q -> 0)
    curvature: Estimate  #: k, the coefficient of q**2, squared diameters
    quartic: Estimate  #: e, the coefficient of q**4, diameters to the fourth
    crossover: Estimate | None  #: q* = (S(0)/k)**(1/2); None if one is not positive
    covariance: np.ndarray  #: (3, 3), of S(0), k and e
    misfit: float | None  #: chi**2 over degrees of freedom, shells - 3; None for three shells

    __repr__ = short_repr


def long_waves(
    groups: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
    q_max: float,
    *,
    q_min: float = 0.0,
    scatter: Sequence[tuple[ArrayLike, float]] | None = None,
) -> LongWaves:
    """Fit S(q) = S(0) + k q**2 + e q**4, the first terms of an even function, to the long waves of some boxes.

    The coefficients, common to all boxes, make

        chi**2 = sum over shells of [S - S(0) - k q**2 - e q**4]**2 R/(v S**2)

    least, with S the mean of the R runs of a box and v the relative variance of a run. By
    `correlated_waves`, S(0) = S_0 (1 + c), k = S_0 g_2 (chi - c), e = -S_0 g_4 (chi - c) for g = 1 -
    g_2 q**2 + g_4 q**4. The plateau ends about q* = (S(0)/k)**(1/2), where k q**2 is as large.

    Parameters
    ----------
    groups : sequence of (q, s, counts)
        One for each box (of another size, or with other looks), each as for `exponent`; three
        different wave numbers in all between `q_min` and `q_max`.
    q_max : float
        Largest wave number used, > 0. Too large, and the next term of the series shows: `misfit`
        grows, and coefficients move with `q_max` by more than their errors.
    q_min : float
        Smallest wave number used.
    scatter : sequence of (v, dof), optional
        As `run_scatter` gives them, for each box: v (shells,) from more runs than these, such as
        those at other correlations. Errors follow from v, as if shells were independent, with
        the smallest dof. Left out, a box needs two runs: v = kappa/m for a shell of m vectors,
        with kappa from all its shells and runs; and errors are taken from the scatter of what
        single runs add to the coefficients, which are weighted sums of S: whatever v really is,
        and however shells depend on each other.

    Returns
    -------
    LongWaves

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or there is too little between
        `q_min` and `q_max`, or too few runs.

    Notes
    -----
    The S of the weights is the measured one: with relative errors delta of the shells, coefficients
    are off by shares of order delta**2.

    Examples
    --------
    >>> rng, boxes = np.random.default_rng(1), []
    >>> for q in (np.linspace(0.3, 0.9, 5), np.linspace(0.2, 0.9, 8)):
    ...     mean = correlated_waves(q, -0.9, plateau=0.02, chi=1.0)
    ...     boxes.append((q, mean * rng.gamma(900, 1 / 900, (6, len(q))), np.full(len(q), 90)))
    >>> found = long_waves(boxes, q_max=0.8)
    >>> abs(found.plateau.value - 0.002) < 4 * found.plateau.error
    True
    >>> abs(found.curvature.value - 0.02 * 0.3 * 1.9) < 4 * found.curvature.error
    True
    """
    high = _check.number("q_max", q_max, 0, open_low=True)
    low = _check.number("q_min", q_min, 0, high)
    boxes = _long_boxes(groups, low, high, scatter)
    q, mean, error = (np.concatenate([[], *(box[k] for box in boxes)]) for k in range(3))
    unit = q.max(initial=0.0)
    x = np.stack([(q / unit) ** power for power in (0, 2, 4)], axis=1)
    if len(q) < 3 or np.linalg.matrix_rank(x) < 3:
        raise ValueError(
            f"groups must hold three wave numbers at least, well apart, from q_min = {low!r} to "
            f"q_max = {high!r}; they hold {_check.short(np.unique(q).tolist())}"
        )
    with np.errstate(all="ignore"):  # what overflows is refused below
        sums, misfit = _long_sums(x, mean, error)
        sums = sums / unit ** np.array([[0], [2], [4]])
        parts = _long_parts(sums, boxes, pooled=scatter is not None)
        covariance, values = parts.sum(axis=0), sums @ mean
        dof = _welch_of(parts, np.array([box[4] for box in boxes]), pooled=scatter is not None)
    if not np.all(np.isfinite([*values, *covariance.ravel(), misfit])):
        raise ValueError("groups must be such that the fit is of finite numbers; theirs overflows")
    runs = sum(len(box[3]) for box in boxes)
    level, bend, rest = (
        Estimate(value, variance**0.5, runs, dof=free)
        for value, variance, free in zip(values, covariance.diagonal(), dof)
    )
    misfit = misfit if len(q) > 3 else None
    return LongWaves(level, bend, rest, _crossover(level, bend, covariance), covariance, misfit)


def _long_sums(x, mean, error):
    """The coefficients of the columns of x as sums of S, (3, shells), and chi**2 over degrees of freedom."""
    weight = 1.0 / error
    if not np.all(np.isfinite(weight)):
        return np.full(x.T.shape, np.inf), math.inf
    sums = np.linalg.pinv(x * weight[:, None]) * weight
    rest = (mean - x @ (sums @ mean)) * weight
    return sums, float(rest @ rest) / max(len(mean) - 3, 1)


def _long_parts(sums, boxes, pooled):
    """What each box adds to the covariance of the coefficients: by known errors, or by the scatter of its runs."""
    shares = np.split(sums, np.cumsum([len(box[0]) for box in boxes])[:-1], axis=1)
    if pooled:
        return np.array([(a * box[2] ** 2) @ a.T for a, box in zip(shares, boxes)])
    return np.array([np.cov(a @ box[3].T) / len(box[3]) for a, box in zip(shares, boxes)])


def _long_boxes(groups, low, high, scatter):
    """Of each box with shells from low to high: q, S, its error, S of every run, and the dof of the error."""
    _check.instance("groups", groups, (list, tuple), "a list of (q, s, counts), one for each box")
    boxes, tables = [], [_check_group(place, group) for place, group in enumerate(groups)]
    if scatter is not None:
        wanted = f"a list of (v, dof), one for each of {len(tables)} groups"
        if len(_check.instance("scatter", scatter, (list, tuple), wanted)) != len(tables):
            raise ValueError(f"scatter must be {wanted}; got {len(scatter)}")
    for place, (q, s, counts) in enumerate(tables):
        use = (q >= low) & (q <= high)
        if not use.any():
            continue
        if scatter is not None:
            relative, dof = _check_scatter(place, scatter[place], len(q))
        elif len(s) > 1:
            relative, dof = run_scatter([tables[place]])
            relative = max(float(np.mean((relative * counts)[use])), 1e-30) / counts
        else:
            raise ValueError(
                f"groups[{place}] must have two runs at least, whose scatter tells the errors, or "
                "scatter= be given; got 1"
            )
        mean = s.mean(axis=0)[use]
        boxes.append((q[use], mean, mean * np.sqrt(relative[use] / len(s)), s[:, use], dof))
    return boxes


def _check_scatter(place, given, shells):
    """(relative variance of each shell, its degrees of freedom)."""
    name = f"scatter[{place}]"
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError(f"{name} must be (v, dof), as of run_scatter; got {_check.short(given)}")
    relative = _check.array(f"{name} v", given[0], (shells,))
    endless = isinstance(given[1], float) and given[1] == math.inf
    dof = math.inf if endless else _check.number(f"{name} dof", given[1], 0)
    if np.any(relative <= 0) or dof <= 0:
        raise ValueError(f"{name} must have v > 0 and dof > 0; got {_check.short(given)}")
    return relative, dof


def _welch_of(parts, free, pooled):
    """Degrees of freedom of each coefficient's error: of Welch and Satterthwaite; the least, if pooled."""
    variances = np.diagonal(parts, axis1=1, axis2=2)
    total = variances.sum(axis=0)
    if pooled or np.any(total <= 0.0):
        return np.full(len(total), free.min())
    return 1.0 / np.sum((variances / total) ** 2 / free[:, None], axis=0)


def _crossover(level, bend, covariance):
    """(S(0)/k)**(1/2) with its error, None if one is not positive."""
    if min(level.value, bend.value) <= 0:
        return None
    slopes = 0.5 * np.array([1.0 / level.value, -1.0 / bend.value])
    relative = math.sqrt(max(slopes @ covariance[:2, :2] @ slopes, 0.0))
    q = math.sqrt(level.value / bend.value)
    return Estimate(q, q * relative, level.n, dof=min(level.freedom, bend.freedom))


def hexatic(packing: Packing) -> NDArray[np.float64]:
    """Bond-orientational order |psi_6| of every disc, psi_6 the mean of exp(6 i angle) over its six nearest.

    1 in a triangular crystal; 1/sqrt(6) in the root mean square for angles at random.

    Parameters
    ----------
    packing : Packing
        In two dimensions, at least 7 discs.

    Returns
    -------
    array (n,)
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If `packing` is none, or not such.

    Notes
    -----
    Source: Nelson and Halperin, Phys. Rev. B 19, 2457 (1979), there over bonded neighbours.

    Examples
    --------
    >>> from mpack import Packing
    >>> hexatic(Packing.random(n=100, phi=0.5, dim=2, seed=1)).shape
    (100,)
    """
    return np.abs(_psi_6(packing))


def _psi_6(packing):
    """The mean of exp(6 i angle) over the bonds of every disc to its six nearest, (n,)."""
    from scipy.spatial import cKDTree

    if check_packing(packing).dim != 2 or packing.n < 7:
        raise ValueError(
            f"packing must have dim 2 and at least 7 discs; got dim {packing.dim}, n {packing.n}"
        )
    tree = cKDTree(packing.positions, boxsize=packing.box)
    near = tree.query(packing.positions, 7)[1][:, 1:]
    apart = packing.separation(near, np.arange(packing.n)[:, None])
    return np.exp(6j * np.arctan2(apart[..., 1], apart[..., 0])).mean(axis=1)


@dataclass(frozen=True)
class HexaticOrder:
    """How far discs are ordered; see `hexatic_order`.

    Examples
    --------
    >>> from mpack import Packing
    >>> found = hexatic_order(Packing.random(n=400, phi=0.5, dim=2, seed=1))
    >>> found.total < 0.2 < found.local, found.peak < 0.1
    (True, True)
    """

    local: float  #: mean |psi_6| of single discs, in [0, 1]
    total: float  #: |mean psi_6| of all, in [0, 1]: of the directions of bonds, over the whole box
    peak: float  #: largest S(q)/n about the first ring of the triangular crystal, in [0, 1]: of places


def hexatic_order(packing: Packing) -> HexaticOrder:
    """Order of discs: of the bonds of each, of the directions of all bonds, and of places.

    psi_6 of a disc is the mean of exp(6 i angle) over its six nearest. `peak` is the largest S(q)/n
    = |sum_j exp(-i q.x_j)|**2/n**2 on wave vectors of the box with |q| within 7 % of q_1 = (8
    pi**2/3**(1/2) n/L**2)**(1/2), the first ring of a triangular crystal of this density. Both of
    the last two are 1 in a perfect crystal that fits the box, and of order n**-1/2 and ln(n)/n
    without order over long distances; in a crystal of many grains `local` is large, and they are
    not.

    Parameters
    ----------
    packing : Packing
        In two dimensions, at least 7 discs.

    Returns
    -------
    HexaticOrder

    Raises
    ------
    TypeError, ValueError
        If `packing` is none, or not such.

    Notes
    -----
    Source: Nelson and Halperin, Phys. Rev. B 19, 2457 (1979).

    Examples
    --------
    >>> from mpack import Packing
    >>> across, up = np.meshgrid(np.arange(12), np.arange(14))  # 14 rows of 12 are nearly square
    >>> places = np.stack((across + 0.5 * (up % 2), up * 12 / 14), axis=-1).reshape(-1, 2)
    >>> found = hexatic_order(Packing(places, box=12.0))
    >>> round(found.local, 3), round(found.total, 3), round(found.peak, 3)
    (1.0, 1.0, 1.0)
    """
    psi = _psi_6(packing)
    first = math.sqrt(8.0 * math.pi**2 / math.sqrt(3.0) * packing.n) / packing.box
    ring = _ring(packing, 0.93 * first, 1.07 * first)
    peak = (
        float(np.max(np.abs(density_waves(packing, ring)) ** 2)) / packing.n**2
        if len(ring)
        else 0.0
    )
    return HexaticOrder(float(np.abs(psi).mean()), float(np.abs(psi.mean())), peak)


def _ring(packing, low, high):
    """Wave vectors of the box with low <= |q| <= high, one of each pair n, -n."""
    q_min = 2.0 * math.pi / packing.box
    vectors = _wave_vectors(packing.dim, high / q_min)
    return vectors[np.sum(vectors * vectors, axis=1) >= (low / q_min) ** 2]


@dataclass(frozen=True, eq=False)
class BondOrder:
    """Bond-orientational order of degree 6; see `bond_order`.

    Attributes
    ----------
    total : float
        Q_6 of all bonds together, in [0, 1]: 0.575 in a perfect fcc crystal, of order (12 n)**-1/2
        without order over long distances.
    local : array (n,)
        q_6 of the bonds of each sphere, in [0, 1].
    coherence : array (n,)
        How alike the bonds of a sphere lie to those of its neighbours, in [-1, 1]: 1 in a crystal,
        however it is turned, and 0.08 on average for independent centres.

    Examples
    --------
    >>> from mpack import Packing, structure
    >>> order = structure.bond_order(Packing.lattice("fcc", 3, phi=0.6))
    >>> print(order.local.shape, round(order.local.max(), 3))
    (108,) 0.575
    """

    total: float
    local: NDArray[np.float64]
    coherence: NDArray[np.float64]

    __repr__ = short_repr


def bond_order(packing: Packing) -> BondOrder:
    """Order of the directions in which the twelve nearest neighbours of each sphere lie.

    With q_m(i) = (1/12) sum_j Y_6m(n_ij) over the twelve nearest of sphere i, and (a, b) the sum
    over m of a_m conj(b_m): local = (4 pi/13 (q(i), q(i)))**1/2; total the same of the mean of q
    over all spheres; coherence the mean over the twelve j of (q(i), q(j))/(|q(i)| |q(j)|).

    Parameters
    ----------
    packing : Packing
        In three dimensions, at least 13 spheres.

    Returns
    -------
    BondOrder

    Raises
    ------
    TypeError, ValueError
        If `packing` is none, or not such.

    Notes
    -----
    Source: Steinhardt, Nelson and Ronchetti, Phys. Rev. B 28, 784 (1983); coherence: ten Wolde,
    Ruiz-Montero and Frenkel, Phys. Rev. Lett. 75, 2714 (1995).

    Examples
    --------
    >>> from mpack import Packing
    >>> crystal = bond_order(Packing.lattice("fcc", 3, phi=0.6))
    >>> f"{crystal.total:.3f}, {crystal.coherence.min():.3f}"
    '0.575, 1.000'
    """
    from scipy.spatial import cKDTree
    from scipy.special import lpmv

    if check_packing(packing).dim != 3 or packing.n < 13:
        raise ValueError(
            f"packing must have dim 3 and at least 13 spheres; got dim {packing.dim}, n {packing.n}"
        )
    tree = cKDTree(packing.positions, boxsize=packing.box)
    near = tree.query(packing.positions, 13)[1][:, 1:]
    apart = packing.separation(near, np.arange(packing.n)[:, None])
    cosine = apart[..., 2] / np.linalg.norm(apart, axis=-1)
    around = np.arctan2(apart[..., 1], apart[..., 0])
    waves = []
    for m in range(7):  # those of -m are the conjugates: counted twice in the sums below
        weight = (2.0 if m else 1.0) * math.factorial(6 - m) / math.factorial(6 + m)
        waves.append(weight**0.5 * (lpmv(m, 6, cosine) * np.exp(1j * m * around)).mean(axis=1))
    q = np.transpose(waves)
    local = np.linalg.norm(q, axis=1)
    unit = q / local[:, None]
    coherence = np.einsum("im,ijm->i", unit.conj(), unit[near]).real / near.shape[1]
    return BondOrder(float(np.linalg.norm(q.mean(axis=0))), local, coherence)


@dataclass(frozen=True, eq=False)
class CountVariance:
    """Counts of centres in balls; see `count_variance`.

    Examples
    --------
    >>> found = CountVariance(np.array([1.0]), np.array([4.0]), np.array([3.0]))
    >>> found.ratio.tolist()
    [0.75]
    """

    radii: np.ndarray  #: (m,) radius R of the balls
    mean: np.ndarray  #: (m,) mean count <N_R>
    variance: np.ndarray  #: (m,) its variance sigma**2(R)

    __repr__ = short_repr

    @property
    def ratio(self) -> NDArray[np.float64]:
        """(m,) sigma**2(R)/<N_R>: 1 - v_d R**d/L**d for independent uniform centres."""
        return self.variance / self.mean


def count_variance(
    packing: Packing, radii: ArrayLike, balls: int = 4000, *, seed: int | Sequence[int]
) -> CountVariance:
    """Variance of the number of centres in a ball thrown at random, and the mean.

    It grows as R**d for uncorrelated centres and as R**(d - lambda) for 0 < lambda < 1 (as R**(d -
    1) for lambda > 1) in a hyperuniform packing.

    Parameters
    ----------
    packing : Packing
    radii : array (m,)
        Radii of the balls, in (0, box/2].
    balls : int
        Balls of each radius, >= 2, with shared middles.
    seed : int or sequence of int
        Of the middles; see `numpy.random.default_rng`.

    Returns
    -------
    CountVariance
        Balls overlap, hence no error: take it from independent packings.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Notes
    -----
    Source: Torquato and Stillinger, Phys. Rev. E 68, 041113 (2003).

    Examples
    --------
    >>> from mpack import Packing
    >>> crystal = Packing.lattice("sc", 8, phi=0.4)
    >>> random = Packing.random(n=512, phi=0.4, dim=3, seed=1)
    >>> ratios = [count_variance(p, [1.5], seed=1).ratio[0] for p in (crystal, random)]
    >>> [round(float(ratio), 1) for ratio in ratios]
    [0.2, 1.0]
    """
    from scipy.spatial import cKDTree

    check_packing(packing, centres=True)
    radii = _check.array("radii", radii, ("m",))
    if not len(radii) or np.any(radii <= 0) or np.any(radii > packing.box / 2):
        raise ValueError(
            f"radii must be in (0, {packing.box / 2:.6g}], half the box, one at least; got {_check.short(radii)}"
        )
    balls = _check.integer("balls", balls, 2)
    rng = np.random.default_rng(_check_seeds("seed", seed))
    tree = cKDTree(packing.positions, boxsize=packing.box)
    middles = rng.random((balls, packing.dim)) * packing.box
    inside = [tree.query_ball_point(middles, radius, return_length=True) for radius in radii]
    mean = np.array([counts.mean() for counts in inside])
    return CountVariance(radii, mean, np.array([counts.var(ddof=1) for counts in inside]))


def _check_vectors(packing: Packing, vectors: ArrayLike) -> NDArray[np.int64]:
    """`vectors` as int64 (m, d), of few enough periods."""
    given = np.asarray(vectors)
    if given.dtype.kind not in "iu" or given.ndim != 2 or given.shape[1] != packing.dim:
        raise TypeError(
            f"vectors must be integers of shape (m, {packing.dim}), the n of q = 2 pi n/L; got "
            f"{given.dtype} of shape {given.shape}"
        )
    if not len(given) or np.any(np.abs(given.astype(float)) > MOST_COMPONENT):
        raise ValueError(
            f"vectors must be one at least, with components in [-{MOST_COMPONENT}, {MOST_COMPONENT}]; "
            f"got {_check.short(vectors)}"
        )
    return np.ascontiguousarray(given, dtype=np.int64)


def _check_looks(packings):
    """A list of at least two packings of the same particles in the same box."""
    packings = [check_packing(packing, centres=True) for packing in packings]
    if len(packings) < 2:
        raise ValueError(f"packings must be two looks at least; got {len(packings)}")
    if len({(packing.n, packing.dim, packing.box) for packing in packings}) > 1:
        raise ValueError("packings must be of one n, d and box; they differ")
    return packings


def _check_group(place: int, group: Sequence[ArrayLike]) -> tuple[NDArray, NDArray, NDArray]:
    """(q, s, counts) as arrays that go together."""
    name = f"groups[{place}]"
    if not isinstance(group, (tuple, list)) or len(group) != 3:
        raise TypeError(f"{name} must be (q, s, counts); got {_check.short(group)}")
    q = _check.array(f"{name} q", group[0], ("shells",))
    s = _check.array(f"{name} s", group[1], ("runs", len(q)))
    counts = _check.array(f"{name} counts", group[2], (len(q),), dtype=np.int64)
    if len(q) < 2 or not len(s) or np.any(q <= 0) or np.any(s <= 0) or np.any(counts < 1):
        raise ValueError(
            f"{name} must hold one run at least and two shells, with q > 0, s > 0 and counts >= 1"
        )
    return q, s, counts


def _check_seeds(name, value):
    """A seed, or a list of seeds."""
    if isinstance(value, (list, tuple)):
        return [_check.seed(f"{name}[{place}]", one) for place, one in enumerate(value)]
    return _check.seed(name, value)


def _wave_vectors(dim, radius):
    """Integer vectors (m, dim) with 0 < |n| <= radius, first non-zero component positive, in lexicographic
    order.
    """
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
    for _ in range(dim):
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


KABATYANSKII_LEVENSHTEIN = 0.5990  # the exponent of their bound, to the four digits that they give


def density_bounds(dim: int) -> dict[str, float]:
    """What is proved of the packing fraction of the densest packing of equal spheres in d dimensions.

    Parameters
    ----------
    dim : int
        d, 1 to 1000.

    Returns
    -------
    dict
        "saturated": 2**-d, which every packing reaches that has no room for one sphere more;
        "Blichfeldt": (d + 2)/2 2**(-d/2), above every packing; "Kabatyanskii-Levenshtein":
        2**(-0.5990 d), the leading factor of their bound 2**(-(0.5990 + o(1)) d). That one holds in
        the limit of many dimensions; in few, packings are denser than its leading factor.

    Raises
    ------
    ValueError, TypeError
        dim is outside its range, or no integer.

    References
    ----------
    H. F. Blichfeldt, Math. Ann. 101, 605 (1929); G. A. Kabatyanskii, V. I. Levenshtein, Probl.
    Peredachi Inf. 14, 3 (1978).

    Examples
    --------
    >>> from mpack import structure
    >>> {name: round(value, 4) for name, value in structure.density_bounds(8).items()}
    {'saturated': 0.0039, 'Blichfeldt': 0.3125, 'Kabatyanskii-Levenshtein': 0.0361}
    """
    d = _check.integer("dim", dim, 1, 1000)
    return {
        "saturated": 2.0**-d,
        "Blichfeldt": 0.5 * (d + 2) * 2.0 ** (-d / 2),
        "Kabatyanskii-Levenshtein": 2.0 ** (-KABATYANSKII_LEVENSHTEIN * d),
    }
