"""One step of a dynamics under the microscope: what it does to a small cluster, drawn many times and in closed form.

Every rule of this library displaces the particles by a linear map of random numbers,

    D = G w,     E[D] = G E[w],     Cov D = G Cov(w) G^T,

with one column of G for each random number: the push that this number multiplies. The numbers are
independent, but for batches of exactly B, for the two ends of a pair that have a correlation, and
for the components of one kick, which are uncorrelated. `draw` samples D
with the engine itself, `moments` evaluates the right-hand sides, and `entrywise` compares the two
with a stated rate of false alarms; `compare` does all three.

Source: Zhang and Martiniani, arXiv:2411.11834, Eqs. 1-6 and A1-A13; batches of exactly B: this
book.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._box import nearest
from mpack._steps import moments_of_number
from mpack.dynamics import Dynamics
from mpack.packing import DIMENSIONS, LARGEST_N, Packing
from mpack.statistics import Estimate

ROUNDING = 1e-9  # relative to the kick: below it a number counts as one that does not vary
MOST_NUMBERS = 10**9  # coordinates drawn: eight gigabytes
MOST_AT_ONCE = 200_000  # particles in one box of copies: bounds the memory


def draw(
    positions: ArrayLike, dynamics: Dynamics, samples: int, seed: int, diameters: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Displacements of a cluster in one step, drawn many times by the engine.

    The cluster stands alone: no wall is near. Rules that draw their numbers independently are run
    on a box full of copies, far apart; batches of exactly B, where copies would share one batch, on
    one cluster step by step, set back to its start after each.

    Parameters
    ----------
    positions : array (m, d)
        Centres, in mean diameters.
    dynamics : Dynamics
        The rule.
    samples : int
        How many draws, >= 1; 10**9 coordinates in all at most.
    seed : int
        Key of the noise.
    diameters : float or array (m,)
        Diameters, with mean 1.

    Returns
    -------
    array (samples, m, d)
        Displacements, in mean diameters.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> import mpack
    >>> rule = mpack.SGD(alpha=0.1, batch_fraction=1.0)
    >>> mpack.kicks.draw([[0.0, 0.0], [0.5, 0.0]], rule, samples=1, seed=1).round(12).tolist()
    [[[-0.05, 0.0], [0.05, 0.0]]]
    """
    positions, diameters = _cluster(positions, diameters)
    _check.instance(
        "dynamics", dynamics, Dynamics, "a dynamics such as mpack.PairwiseBRO(eps=0.01)"
    )
    samples = _check.integer("samples", samples, 1, MOST_NUMBERS // positions.size)
    seed = _check.seed("seed", seed)
    if "batch" in (dynamics.recipe().pair, dynamics.recipe().particle):
        return _one_by_one(positions, dynamics, samples, seed, diameters)
    room = max(1, MOST_AT_ONCE // len(positions))
    parts = []
    for part, first in enumerate(range(0, samples, room)):
        count = min(room, samples - first)
        packing = copies(positions, count, _spacing(positions, diameters, dynamics), diameters)
        parts.append(
            _step_of(packing, dynamics, (seed + part) % 2**64).reshape(-1, *positions.shape)[:count]
        )
    return np.concatenate(parts)


def copies(positions: ArrayLike, count: int, spacing: float, diameters: ArrayLike = 1.0) -> Packing:
    """A packing of at least `count` translated copies of a cluster, on a grid of the given spacing.

    Parameters
    ----------
    positions : array (m, d)
        Centres, in mean diameters; the cluster is taken as it stands, walls play no part.
    count : int
        How many copies, >= 1; rounded up to fill a grid with as many points along every edge.
    spacing : float
        Distance of neighbouring copies, in mean diameters, > 0.
    diameters : float or array (m,)
        Diameters, with mean 1.

    Returns
    -------
    Packing
        Particle k of copy c has the number c m + k.

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.kicks.copies([[0.0, 0.0], [0.5, 0.0]], count=4, spacing=2.0)
    >>> packing.n, len(packing.overlaps()[0])
    (8, 4)
    """
    positions, diameters = _cluster(positions, diameters)
    count = _check.integer(
        "count", count, 1, LARGEST_N // 2 ** positions.shape[1] // len(positions)
    )
    spacing = _check.number("spacing", spacing, 0, open_low=True)
    dim = positions.shape[1]
    edge = max(2, math.ceil(count ** (1 / dim) - 1e-9))
    cells = np.indices((edge,) * dim).reshape(dim, -1).T + 0.5
    centred = positions - 0.5 * (positions.min(axis=0) + positions.max(axis=0))
    places = (spacing * cells[:, None] + centred).reshape(-1, dim)
    return Packing(places, box=spacing * edge, diameters=np.tile(diameters, len(cells)))


def moments(
    positions: ArrayLike, dynamics: Dynamics, diameters: ArrayLike = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact mean and covariance of the displacement of a cluster in one step, in closed form.

    Parameters
    ----------
    positions : array (m, d)
        Centres, in mean diameters.
    dynamics : Dynamics
        The rule, or its stochastic approximation (whose moments are the same).
    diameters : float or array (m,)
        Diameters, with mean 1.

    Returns
    -------
    mean : array (m, d)
    covariance : array (m d, m d)
        Of the flattened displacement, in squared mean diameters.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> import mpack
    >>> pair = [[0.0, 0.0], [0.5, 0.0]]
    >>> mean, covariance = mpack.kicks.moments(pair, mpack.PairwiseBRO(eps=0.4))
    >>> mean.tolist()
    [[-0.2, 0.0], [0.2, 0.0]]
    >>> (12 * covariance).round(12).tolist()[0]
    [0.16, 0.0, -0.16, 0.0]
    """
    positions, diameters = _cluster(positions, diameters)
    _check.instance(
        "dynamics", dynamics, Dynamics, "a dynamics such as mpack.PairwiseBRO(eps=0.01)"
    )
    pushes = push_matrix(positions, dynamics, diameters)
    expected, spread = numbers(dynamics, pushes.shape[1])
    return (pushes @ expected).reshape(positions.shape), pushes @ spread @ pushes.T


def push_matrix(
    positions: ArrayLike, dynamics: Dynamics, diameters: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """G, shape (m d, numbers drawn): each column is the displacement that one random number multiplies.

    A number for a pair pushes its two partners in opposite directions; rules with another
    correlation than -1 have one number for each partner, in turn; a number for a particle
    multiplies the sum of its pushes, and is drawn for active particles only. Kicks of random
    organization have such numbers for each axis, u e sqrt(d) of variance 1/3.

    Examples
    --------
    >>> import mpack
    >>> pushes = mpack.kicks.push_matrix([[0.0, 0.0], [0.5, 0.0]], mpack.PairwiseBRO(eps=0.4))
    >>> (pushes.T + 0.0).tolist()
    [[-0.4, 0.0, 0.4, 0.0]]
    """
    positions, diameters = _cluster(positions, diameters)
    recipe = _recipe(dynamics)
    columns = []
    pairs = _pairs(positions, diameters, recipe)
    for i, j, push in pairs:
        for sides in (
            ([(i, push), (j, -push)],) if recipe.reciprocal else ([(i, push)], [(j, -push)])
        ):
            column = np.zeros_like(positions)
            for particle, displacement in sides:
                column[particle] = displacement
            columns.append(column.ravel())
    if recipe.particle == "one":
        return np.array(columns).reshape(-1, positions.size).T
    total = sum(columns, np.zeros(positions.size)).reshape(positions.shape)
    active = sorted({end for i, j, _ in pairs for end in (i, j)})
    return (
        np.array([np.where(np.arange(len(positions))[:, None] == k, total, 0) for k in active])
        .reshape(-1, positions.size)
        .T
    )


def numbers(dynamics: Dynamics, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (count,) and covariance (count, count) of the random numbers that a rule draws in a step.

    Independent numbers have a diagonal covariance; those of the two ends of a pair, v, have -c v
    beside it, as their pushes are opposite. A batch of exactly B out of M = count has p = B/M, Var
    = p (1 - p) and Cov = -p (1 - p)/(M - 1): what one member takes the others lose.

    Examples
    --------
    >>> import mpack
    >>> mean, covariance = mpack.kicks.numbers(mpack.SGD(alpha=0.1, batch_size=1), 2)
    >>> mean.tolist(), covariance.tolist()
    ([0.5, 0.5], [[0.25, -0.25], [-0.25, 0.25]])
    """
    recipe, count = _recipe(dynamics), _check.integer("count", count, 0, 10_000)
    kind = recipe.pair if recipe.particle == "one" else recipe.particle
    if kind == "batch":
        p = min(1.0, recipe.batch / max(count, 1))
        off = -p * (1 - p) / (count - 1) if count > 1 else 0.0
        return np.full(count, p), np.full((count, count), off) + np.eye(count) * (p * (1 - p) - off)
    mean, variance = moments_of_number(recipe)
    covariance = variance * np.eye(count)
    if not recipe.reciprocal:
        ends = np.array([[0.0, 1.0], [1.0, 0.0]])
        covariance -= recipe.correlation * variance * np.kron(np.eye(count // 2), ends)
    return np.full(count, mean), covariance


@dataclass(frozen=True)
class Comparison:
    """What `entrywise` found. Errors are standard errors of the entries.

    Examples
    --------
    >>> import mpack
    >>> found = mpack.kicks.Comparison(2.1, 3.9, 14, 0.01, 0.02, draws=1000)
    >>> found.agrees
    True
    """

    worst: float  #: largest |measured - predicted| over its standard error
    threshold: float  #: beyond which `worst` is called a deviation
    entries: int  #: compared entries
    detectable_mean: (
        float  #: relative deviation of the largest mean that is found with the stated power
    )
    detectable_variance: float  #: the same for the largest variance; nan if nothing varies
    draws: int  #: drawn steps that were compared

    @property
    def agrees(self) -> bool:
        """True if no entry deviates by more than the threshold."""
        return self.worst <= self.threshold

    @property
    def estimate(self) -> Estimate:
        """`worst` over `threshold`, exact, of as many samples as draws: at most 1 if all entries agree.

        ValueError where `worst` is infinite: an entry varies that cannot.
        """
        return Estimate(self.worst / self.threshold, 0.0, self.draws)

    def __str__(self) -> str:
        """Both in words: "3.21 of 5.07"."""
        return f"{self.worst:.2f} of {self.threshold:.2f}"


def entrywise(
    samples: ArrayLike,
    mean: ArrayLike,
    covariance: ArrayLike,
    false_alarm: float = 1e-3,
    power: float = 0.999,
) -> Comparison:
    """Compare all means and covariances of drawn displacements with a prediction.

    Each entry's difference is divided by its standard error; the test fails if the largest is
    beyond the threshold that true predictions pass with probability 1 - false_alarm at least
    (Bonferroni: the level of a single entry is false_alarm over the number of entries). Entries
    that the prediction says cannot vary have to be exact.

    Parameters
    ----------
    samples : array (samples, m, d)
        From `draw`.
    mean, covariance : arrays (m, d) and (m d, m d)
        From `moments`.
    false_alarm, power : float
        In (0, 1).

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit or a probability is none.

    Examples
    --------
    >>> import mpack
    >>> pair = [[0.0, 0.0], [0.5, 0.0]]
    >>> rule = mpack.IndividualBRO(eps=0.4)
    >>> samples = mpack.kicks.draw(pair, rule, samples=1000, seed=1)
    >>> mpack.kicks.entrywise(samples, *mpack.kicks.moments(pair, rule)).agrees
    True
    """
    samples = _check.array("samples", samples, ("samples", "m", "d"))
    if not samples.size:
        raise ValueError(f"samples must hold a draw of a particle; got shape {samples.shape}")
    count, width = len(samples), samples[0].size
    mean = _check.array("mean", mean, samples.shape[1:]).ravel()
    covariance = _check.array("covariance", covariance, (width, width))
    gaps, errors, scale = _gaps(samples.reshape(count, width), mean, covariance)
    z = _standardised(gaps, errors, scale)
    varying = int(np.count_nonzero(errors > ROUNDING * scale))
    limit = threshold(false_alarm, max(varying, 1))
    found = detectable(limit, power)
    pushed, loudest = int(np.argmax(np.abs(mean))), int(np.argmax(np.diag(covariance)))
    variance, diagonal = (
        covariance[loudest, loudest],
        np.cumsum(np.r_[width, np.arange(width, 1, -1)]),
    )
    return Comparison(
        worst=float(z.max()),
        threshold=limit,
        entries=varying,
        detectable_mean=float(found * errors[pushed] / max(abs(mean[pushed]), 1e-300)),
        detectable_variance=float(found * errors[diagonal[loudest]] / variance)
        if variance > 0
        else math.nan,
        draws=count,
    )


def compare(
    positions: ArrayLike,
    dynamics: Dynamics,
    samples: int,
    seed: int,
    diameters: ArrayLike = 1.0,
    *,
    false_alarm: float = 1e-3,
    power: float = 0.999,
) -> Comparison:
    """Draw one step of a cluster, and compare all its means and covariances with the closed form.

    That is `entrywise` of what `draw` gives and what `moments` says: |measured - predicted| of
    every mean and every covariance, over its standard error.

    Parameters
    ----------
    positions, dynamics, samples, seed, diameters
        As for `draw`; at least one sample.
    false_alarm, power : float
        As for `entrywise`.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> import mpack
    >>> from mpack import kicks
    >>> pair = [[0.4, 0.0], [-0.4, 0.0]]
    >>> found = kicks.compare(pair, mpack.PairwiseBRO(eps=0.01), samples=1000, seed=1)
    >>> found.agrees, found.entries  # two means, two variances and one covariance can vary
    (True, 5)
    """
    drawn = draw(positions, dynamics, samples, seed, diameters)
    return entrywise(drawn, *moments(positions, dynamics, diameters), false_alarm, power)


def _gaps(flat, mean, covariance):
    """Measured minus predicted, standard errors and natural scales of all means and covariances, in one row each."""
    count, width = flat.shape
    flat = flat - mean
    rows, columns = np.triu_indices(width)
    found = flat.T @ flat / count  # about the predicted mean: unbiased without a correction
    fourth = (flat**2).T @ flat**2 / count
    errors = np.concatenate([np.diag(covariance), (fourth - found**2)[rows, columns]])
    size = max(float(np.abs(mean).max()), float(np.abs(covariance).max()) ** 0.5, 1e-150)
    return (
        np.concatenate([flat.mean(axis=0), (found - covariance)[rows, columns]]),
        np.sqrt(np.maximum(errors, 0.0) / count),
        np.concatenate([np.full(width, size), np.full(len(rows), size**2)]),
    )


@_check.sound
def threshold(false_alarm: float, entries: int) -> float:
    """Standard errors by which none of `entries` true numbers deviates, but with probability `false_alarm`.

    Examples
    --------
    >>> import mpack
    >>> round(mpack.kicks.threshold(false_alarm=0.001, entries=1), 3)
    3.291
    """
    from scipy.stats import norm

    false_alarm = _check.number("false_alarm", false_alarm, 0, 1, open_low=True, open_high=True)
    return float(norm.isf(0.5 * false_alarm / _check.integer("entries", entries, 1)))


def detectable(limit: float, power: float) -> float:
    """The deviation, in standard errors, that is found beyond `limit` with probability `power`.

    Examples
    --------
    >>> import mpack
    >>> round(mpack.kicks.detectable(limit=3.291, power=0.5), 3)
    3.291
    """
    from scipy.stats import norm

    limit = _check.number("limit", limit)
    power = _check.number("power", power, 0, 1, open_low=True, open_high=True)
    return limit + float(norm.ppf(power))


def _standardised(gaps, errors, scale):
    """|gap| over its error; where nothing can vary, 0 for agreement to rounding and infinity else."""
    fixed = errors <= ROUNDING * scale
    z = np.abs(gaps) / np.where(fixed, 1.0, errors)
    z[fixed] = np.where(np.abs(gaps[fixed]) <= ROUNDING * scale[fixed], 0.0, np.inf)
    return z


def _cluster(positions: ArrayLike, diameters: ArrayLike) -> tuple[NDArray, NDArray]:
    positions = _check.array("positions", positions, ("m", "d"))
    if not len(positions) or not DIMENSIONS[0] <= positions.shape[1] <= DIMENSIONS[1]:
        raise ValueError(
            f"positions must hold one particle at least, in {DIMENSIONS[0]} to {DIMENSIONS[1]} "
            f"dimensions; got shape {positions.shape}"
        )
    if len(np.unique(positions, axis=0)) < len(positions):
        raise ValueError("positions must differ: a push between two at one point has no direction")
    if np.ndim(diameters) == 0:
        diameters = np.full(len(positions), _check.number("diameters", diameters, 0, open_low=True))
    return positions, _check.array("diameters", diameters, (len(positions),))


def _pairs(positions, diameters, recipe):
    """(i, j, push on i) for every interacting pair, i < j, with the factor of the rule; of kicks for each axis."""
    found, dim = [], positions.shape[1]
    for i in range(len(positions)):
        for j in range(i + 1, len(positions)):
            apart, contact = positions[i] - positions[j], 0.5 * (diameters[i] + diameters[j])
            r = float(np.linalg.norm(apart))
            if r < recipe.potential.range(contact) and recipe.is_kick:
                found += [(i, j, axis) for axis in recipe.scale / dim**0.5 * np.eye(dim)]
            elif r < recipe.potential.range(contact):
                found.append((i, j, recipe.scale * recipe.potential.force(r, contact) * apart / r))
    return found


def _recipe(dynamics):
    return _check.instance(
        "dynamics", dynamics, Dynamics, "a dynamics such as mpack.PairwiseBRO(eps=0.01)"
    ).recipe()


def _spacing(positions, diameters, dynamics):
    """Far enough that copies do not meet."""
    extent = float((positions.max(axis=0) - positions.min(axis=0)).max())
    return extent + 1.5 * float(dynamics.recipe().potential.range(float(diameters.max()))) + 0.5


def _step_of(packing, dynamics, seed):
    """Displacements (n, d) of one step."""
    from mpack.simulation import simulate

    return _moved(simulate(packing, dynamics, steps=1, seed=seed).final.fixed, packing)


def _moved(fixed, packing):
    """From a packing to other integer coordinates of its particles: the exact difference, in mean diameters."""
    return nearest(fixed, packing.fixed) * (packing.box * 2.0**-64)


def _one_by_one(positions, dynamics, samples, seed, diameters):
    """Step k of an engine whose particles are set back to their places before each step."""
    from mpack._engine import Engine
    from mpack._kernels.neighbours import drop_anchor

    packing = copies(positions, 1, _spacing(positions, diameters, dynamics), diameters)
    packing = Packing.from_fixed(packing.fixed[: len(positions)], packing.box, diameters)
    engine = Engine(packing, dynamics.recipe(), seed)
    space, shared, fixed = engine.space, engine.shared.record, engine.space["fixed"]
    label, out = space["label"], np.empty((samples, *packing.fixed.shape), dtype=np.int64)
    for step in range(samples):
        engine.advance(step + 1)
        out[step, label] = fixed
        fixed[:] = packing.fixed[label]
        drop_anchor(engine.axes, space.record, 0, packing.n)
        shared["stale"] = 1  # the neighbour list is built anew
    return _moved(out, packing)
