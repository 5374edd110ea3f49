"""One step's mean and covariance, every particle of a cluster at once, against the exact moments of each
rule.

A box holds about 1000 copies of a cluster, too far apart to meet, and 10 seeds give about 10 000
independent samples of the displacement of the whole cluster (particles times axes, so that what two
particles share is seen as well).

* Mean: whitened with the exact covariance, M |mean|**2 is chi-square with as many degrees of
  freedom as that has rank.
* Covariance: the mean of all products of two whitened components, less the identity; Hotelling's T**2
  with their sample covariance, F-distributed.
* What the exact covariance forbids must not happen at all (no noise across a pair's line, no drift of
  a pair's centre).

False alarm: each p-value is compared with 1e-6. Power: with 10 000 samples and k degrees of freedom
a shift of the mean by 0.064, 0.068, 0.077 standard deviations (k = 2, 4, 12) is found nine times in
ten, and so is an error of 9 % in the variance of one of two components; `test_smallest_detectable`
computes these numbers, and the negative controls are tested for failing.
"""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats

import mpack
from mpack.dynamics import Approximation

P_MIN = 1e-6
COPIES, SEEDS = 1000, 10


# ---------------------------------------------------------------------------------------------------
# clusters


def three_discs():
    """Discs at (-1, 0), (0, 1), (1, 0) with radii sqrt 2 -1, sqrt 2 + 1, sqrt 2 - 1: only 0-1 and 1-2
    overlap.
    """
    positions = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    diameters = 2.0 * (np.sqrt(2.0) + np.array([-1.0, 1.0, -1.0]))
    return positions / np.mean(diameters), diameters / np.mean(diameters)


def random_cluster(dim, number):
    """Four spheres that all hang together, in a small cube."""
    random = np.random.default_rng([dim, number])
    diameters = random.uniform(0.7, 1.3, 4)
    return random.uniform(0.0, 0.9 / np.sqrt(dim / 2), (4, dim)), diameters / np.mean(diameters)


CLUSTERS = {"three discs": three_discs()} | {
    f"d = {dim}": random_cluster(dim, 1) for dim in (2, 3, 4)
}
RULES = {
    "PairwiseBRO": mpack.PairwiseBRO(eps=0.1),
    "NonreciprocalBRO": mpack.NonreciprocalBRO(eps=0.1),
    "IndividualBRO": mpack.IndividualBRO(eps=0.1),
    "SGD": mpack.SGD(alpha=0.1, batch_fraction=0.3),
    "SGD half": mpack.SGD(alpha=0.1, batch_fraction=0.5),
    "RCD": mpack.RCD(alpha=0.1, batch_fraction=0.3),
    "SGD harmonic": mpack.SGD(alpha=0.1, batch_fraction=0.6, potential=mpack.Harmonic(stiffness=2)),
    "RCD Hertzian": mpack.RCD(alpha=0.1, batch_fraction=0.6, potential=mpack.Hertzian(stiffness=2)),
}
RULES |= {
    "PairwiseBRO, c = -0.6": mpack.PairwiseBRO(eps=0.1, correlation=-0.6),
    "PairwiseBRO, c = 0.5": mpack.PairwiseBRO(eps=0.1, correlation=0.5),
    "PairwiseBRO, c = 1": mpack.PairwiseBRO(eps=0.1, correlation=1),
    "SGD, c = -0.5": mpack.SGD(alpha=0.1, batch_fraction=0.3, correlation=-0.5),
    "SGD, c = 0.4": mpack.SGD(alpha=0.1, batch_fraction=0.7, correlation=0.4),
    "SGD half, c = 1": mpack.SGD(alpha=0.1, batch_fraction=0.5, correlation=1),
    "RandomOrganization": mpack.RandomOrganization(eps=0.1),
    "RandomOrganization, c = 0": mpack.RandomOrganization(eps=0.1, correlation=0),
    "RandomOrganization, c = 0.5": mpack.RandomOrganization(eps=0.1, correlation=0.5),
    "RandomOrganization, c = 1": mpack.RandomOrganization(eps=0.1, correlation=1),
}
RULES |= {f"{name} approximation": rule.approximation() for name, rule in RULES.items()}


def contacts(positions, diameters, potential):
    """(i, j, push along the line of centres on i) of each overlapping pair: -dU/dx_i."""
    for i, j in itertools.combinations(range(len(positions)), 2):
        gap, contact = positions[i] - positions[j], 0.5 * (diameters[i] + diameters[j])
        r = np.linalg.norm(gap)
        if r < contact:
            yield i, j, force(potential, 1.0 - r / contact, contact) * gap / r


def force(potential, x, contact):
    """-dU/dr at overlap x, in units of the contact distance."""
    if isinstance(potential, mpack.Linear):
        return 0.5
    return (
        potential.stiffness * x ** (1.0 if isinstance(potential, mpack.Harmonic) else 1.5) / contact
    )


def law(cluster, dynamics):
    """Exact mean and covariance of one step's displacements, (m d,) and (m d, m d): sums over independent
    numbers; of pairs, with the covariance c of their two ends.
    """
    rule = dynamics.of if isinstance(dynamics, Approximation) else dynamics
    if isinstance(rule, mpack.RandomOrganization):
        return kicked(cluster, rule)
    if hasattr(rule, "eps"):
        scale, mean, variance = 2.0 * rule.eps, 0.5, 1.0 / 12.0
    else:
        scale, mean, variance = (
            rule.alpha,
            rule.batch_fraction,
            rule.batch_fraction * (1.0 - rule.batch_fraction),
        )
    columns = modes(cluster, rule) * scale
    covariance = columns @ columns.T * variance
    if getattr(rule, "correlation", -1) > -1:
        positions, diameters = cluster
        covariance = np.zeros((positions.size, positions.size))
        for i, j, push in contacts(
            positions, diameters, getattr(rule, "potential", mpack.Linear())
        ):
            own = scale**2 * variance * np.outer(push, push)
            covariance += of_pair(positions.shape, i, j, own, rule.correlation)
    return columns.sum(axis=1) * mean, covariance


def of_pair(shape, i, j, own, c):
    """Covariance (m d, m d) of what one pair does: `own` (d, d) at each end, c times that between them."""
    found = np.zeros((*shape, *shape))
    found[i, :, i, :] = found[j, :, j, :] = own
    found[i, :, j, :] = found[j, :, i, :] = c * own
    return found.reshape(np.prod(shape), np.prod(shape))


def kicked(cluster, rule):
    """The law of random organization: no mean, and <u**2>/d = 1/(3 d) along each axis."""
    positions, diameters = cluster
    own = rule.eps**2 / 3.0 / positions.shape[1] * np.eye(positions.shape[1])
    pairs = contacts(positions, diameters, mpack.Linear())
    covariance = sum(of_pair(positions.shape, i, j, own, rule.correlation) for i, j, _ in pairs)
    return np.zeros(positions.size), covariance


def modes(cluster, rule):
    """What each independent number moves: one column of displacements (m d,) each."""
    positions, diameters = cluster
    columns, total = [], np.zeros_like(positions)
    for i, j, push in contacts(positions, diameters, getattr(rule, "potential", mpack.Linear())):
        on_i, on_j = np.zeros((2, *positions.shape))
        on_i[i], on_j[j] = push, -push
        total += on_i + on_j
        columns += [on_i, on_j] if isinstance(rule, mpack.NonreciprocalBRO) else [on_i + on_j]
    if isinstance(rule, (mpack.IndividualBRO, mpack.RCD)):
        columns = [
            np.where(np.arange(len(total))[:, None] == i, total, 0.0) for i in range(len(total))
        ]
    return np.array(columns).reshape(len(columns), -1).T


def copies(cluster, count):
    """A packing of `count` clusters or a few more, out of each other's reach."""
    positions, diameters = cluster
    dim, pitch = positions.shape[1], np.ptp(positions, axis=0).max() + 2.0 * diameters.max()
    edge = int(np.ceil(count ** (1 / dim)))
    places = np.array(list(itertools.product(range(edge), repeat=dim))) * pitch
    everything = (places[:, None, :] + positions).reshape(-1, dim)
    sizes = np.tile(diameters, len(places))
    return mpack.Packing(everything, edge * pitch, sizes / np.mean(sizes))


def samples(cluster, dynamics, seed, seeds=SEEDS):
    """Displacements (M, m d) of M clusters in their first step."""
    packing = copies(cluster, COPIES)
    moves = []
    for k in range(seeds):
        run = mpack.simulate(packing, dynamics, steps=1, seed=1_000_003 * seed + k)
        with np.errstate(over="ignore"):
            moves.append((run.final.fixed - packing.fixed) * (2.0**-64 * packing.box))
    return np.concatenate(moves).reshape(-1, cluster[0].size)


# ---------------------------------------------------------------------------------------------------
# the test


def p_values(moves, mean, covariance):
    """Probabilities of so large a misfit of the mean and of the covariance; 0 where something impossible
    happened.
    """
    values, vectors = np.linalg.eigh(covariance)
    noisy = values > 1e-9 * values.max()
    rest = (moves - mean) @ vectors[:, ~noisy]
    if rest.size and np.abs(rest).max() > 1e-10:
        return 0.0, 0.0
    white = (moves - mean) @ vectors[:, noisy] / np.sqrt(values[noisy])
    rank = white.shape[1]
    of_mean = stats.chi2.sf(len(white) * np.sum(white.mean(axis=0) ** 2), rank)
    row, column = np.triu_indices(rank)
    return of_mean, hotelling(white[:, row] * white[:, column] - (row == column))


def hotelling(rows):
    """P-value of the mean of `rows` being 0; combinations that never vary must be 0 themselves."""
    count, mean = len(rows), rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows.T).reshape(len(mean), len(mean)))
    varies = values > 1e-9 * max(values.max(), 1e-12)
    along = mean @ vectors
    if np.any(np.abs(along[~varies]) > 1e-9):
        return 0.0
    rank = np.count_nonzero(varies)
    if rank == 0:
        return 1.0
    squared = count * np.sum(along[varies] ** 2 / values[varies])
    return stats.f.sf(squared * (count - rank) / (rank * (count - 1)), rank, count - rank)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_moments(cluster, rule, seed):
    moves = samples(CLUSTERS[cluster], RULES[rule], seed)
    assert min(p_values(moves, *law(CLUSTERS[cluster], RULES[rule]))) > P_MIN


def test_three_discs_by_hand(seed):
    """The middle disc: mean (eps/2) (0, sqrt 2); covariance eps**2/12 times the identity, or diag(0, 2)
    particle-wise; likewise (alpha**2/4) b_f (1 - b_f). The law used above says so, and so do the
    samples (|z| < 5, 5.7e-7 each).
    """
    middle = slice(2, 4)
    cases = {
        mpack.PairwiseBRO(eps=0.1): (0.05, 0.01 / 12, np.eye(2)),
        mpack.NonreciprocalBRO(eps=0.1): (0.05, 0.01 / 12, np.eye(2)),
        mpack.IndividualBRO(eps=0.1): (0.05, 0.01 / 12, np.diag([0, 2])),
        mpack.SGD(alpha=0.1, batch_fraction=0.3): (0.015, 0.0025 * 0.21, np.eye(2)),
        mpack.RCD(alpha=0.1, batch_fraction=0.3): (0.015, 0.0025 * 0.21, np.diag([0, 2])),
    }
    for rule, (drift, variance, shape) in cases.items():
        mean, covariance = law(three_discs(), rule)
        assert np.allclose(mean[middle], [0, drift * np.sqrt(2)], atol=1e-15)
        assert np.allclose(covariance[middle, middle], variance * shape, atol=1e-15)
        moves = samples(three_discs(), rule, seed)[:, middle]
        error = np.sqrt(np.diag(covariance)[middle] / len(moves))
        assert np.all(np.abs(moves.mean(axis=0) - mean[middle]) <= 5 * error + 1e-12)
        spread = np.abs(np.cov(moves.T) - variance * shape)
        assert spread.max() < 5 * 2 * variance * np.sqrt(2 / len(moves)) + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("rule", [mpack.SGD, mpack.RCD])
@pytest.mark.parametrize("batch", [1, 2])
def test_batches_of_exactly_b(rule, batch, seed):
    """B of P drawn without replacement: mean B/P, variance p (1 - p), covariance of two -p (1 - p)/(P - 1).

    1000 seeds of one cluster; found nine times in ten: a shift of 0.22 standard deviations.
    """
    cluster = random_cluster(3, 1)
    dynamics = rule(alpha=0.1, batch_size=batch)
    columns = modes(cluster, dynamics) * 0.1
    count = columns.shape[1]
    assert count > batch
    share = batch / count
    drawn = share * (1 - share) * (np.eye(count) - (1 - np.eye(count)) / (count - 1))
    packing = mpack.Packing(cluster[0], 8.0, cluster[1])
    moves = np.array([
        (mpack.simulate(packing, dynamics, steps=1, seed=1000 * seed + k).final.fixed - packing.fixed).ravel()
        for k in range(1000)
    ])  # fmt: skip
    found = p_values(
        moves * (2.0**-64 * 8.0), columns.sum(axis=1) * share, columns @ drawn @ columns.T
    )
    assert min(found) > P_MIN


def pairs_far_apart(count=20_000, dim=2):
    """Pairs along the first axis that still touch after two steps of kicks up to 0.1."""
    return mpack.kicks.copies([[0.0] * dim, [0.3] + [0.0] * (dim - 1)], count=count, spacing=3.0)


def two_steps(rule, seed, first=0):
    """Displacements along the axis, (ends, pairs), of step `first` and of the one after."""
    packing = pairs_far_apart()
    runs = [mpack.simulate(packing, rule, steps=first, seed=seed)]
    for _ in range(2):
        runs.append(mpack.simulate(runs[-1], steps=1))
    places = [run.final.fixed[:, 0].reshape(-1, 2).T for run in runs]
    with np.errstate(over="ignore"):
        return [(b - a) * (2.0**-64 * packing.box) for a, b in zip(places, places[1:])]


@pytest.mark.parametrize("c", [-1, 0, 0.5])
def test_antithetic_pushes_cancel_in_couples_and_in_no_other_two_steps(c, seed):
    """Steps 2m and 2m + 1 move each end by eps together, to the last bits of u; steps 2m + 1 and 2m + 2 are
    independent (correlation of 20 000 pairs, |z| < 5), and so are all without a memory.
    """
    rule = mpack.PairwiseBRO(eps=0.1, correlation=c, memory="antithetic")
    one, other = two_steps(rule, seed)
    assert np.allclose(one + other, [[-0.1], [0.1]], rtol=0, atol=1e-15)
    plain = mpack.PairwiseBRO(eps=0.1, correlation=c)
    for steps in (two_steps(rule, seed, first=1), two_steps(plain, seed)):
        one, other = (ends[0] for ends in steps)
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(len(one))
        assert np.std(one + other) > 0.03


def test_an_epoch_of_two(seed):
    """Antithetic SGD at b_f = 1/2: each pair is in one of the two batches, once; at b_f = 0.3 it is never in both,
    and in either 0.6 of the time (|z| < 5).
    """
    one, other = two_steps(mpack.SGD(0.1, 0.5, memory="antithetic"), seed)
    assert np.allclose(one + other, [[-0.05], [0.05]], rtol=0, atol=1e-15)
    assert 0.4 < np.mean(np.abs(one[0]) > 0) < 0.6
    one, other = two_steps(mpack.SGD(0.1, 0.3, memory="antithetic"), seed)
    assert not np.any((one != 0) & (other != 0))
    either, count = np.mean((one != 0) | (other != 0)), one.shape[1]
    assert abs(either - 0.6) < 5 * np.sqrt(0.24 / count)


def test_the_correlation_of_two_ends_by_hand(seed):
    """One pair of each rule: correlation of the fluctuations c, from 20 000 pairs; |z| < 5 by Fisher's z."""
    rules = {
        mpack.PairwiseBRO(eps=0.1, correlation=-0.99): -0.99,
        mpack.SGD(alpha=0.1, batch_fraction=0.2, correlation=0.25): 0.25,
        mpack.SGD(alpha=0.1, batch_fraction=0.8, correlation=0.1): 0.1,
        mpack.RandomOrganization(eps=0.1, correlation=-0.5): -0.5,
        mpack.RandomOrganization(eps=0.1, correlation=0.9).approximation(): 0.9,
    }
    for rule, c in rules.items():
        found = np.corrcoef(*two_steps(rule, seed)[0])[0, 1]
        fourth = 3.0  # the distribution is no Gaussian: a bound on what that adds to the error
        assert abs(np.arctanh(found) - np.arctanh(c)) < 5 * fourth / np.sqrt(20_000), (rule, found)
    opposite = two_steps(mpack.RandomOrganization(eps=0.1), seed)[0]
    equal = two_steps(mpack.RandomOrganization(eps=0.1, correlation=1), seed)[0]
    assert np.array_equal(opposite[0], -opposite[1]) and np.array_equal(equal[0], equal[1])


def test_kicks_are_uniform_over_directions_and_sizes(seed):
    """In 2, 3 and 4 dimensions: each coordinate of the direction has its law, sizes are U[0, 1] (KS, p > 1e-6)."""
    for dim in (2, 3, 4):
        packing = mpack.kicks.copies([[0.0] * dim, [0.3] + [0.0] * (dim - 1)], 4_000, 3.0)
        run = mpack.simulate(
            packing, mpack.RandomOrganization(eps=0.1, correlation=0), steps=1, seed=seed
        )
        with np.errstate(over="ignore"):
            moved = (run.final.fixed - packing.fixed) * (2.0**-64 * packing.box)
        size = np.linalg.norm(moved, axis=1)
        assert stats.kstest(size / 0.1, "uniform").pvalue > P_MIN
        for axis in range(dim):
            squared = (moved[:, axis] / size) ** 2
            assert stats.kstest(squared, stats.beta(0.5, 0.5 * (dim - 1)).cdf).pvalue > P_MIN
            assert stats.binomtest(np.count_nonzero(moved[:, axis] > 0), len(moved)).pvalue > P_MIN


# ------------------------------------------------------------------------------------------ what it
# would see


def test_matched_rules_have_the_same_moments(seed):
    """SGD at alpha = 4 eps/3, b_f = 3/4 passes for PairwiseBRO, RCD for IndividualBRO; and the
    approximations.
    """
    for bro in (mpack.PairwiseBRO(eps=0.1), mpack.IndividualBRO(eps=0.1)):
        for rule in (mpack.matched(bro), mpack.matched(bro).approximation()):
            moves = samples(CLUSTERS["d = 3"], rule, seed)
            assert min(p_values(moves, *law(CLUSTERS["d = 3"], bro))) > P_MIN


WRONG = {  # what was simulated, and the law it is held against
    "individual for pairwise": (mpack.IndividualBRO(eps=0.1), mpack.PairwiseBRO(eps=0.1)),
    "pairwise for individual": (mpack.PairwiseBRO(eps=0.1), mpack.IndividualBRO(eps=0.1)),
    "non-reciprocal for reciprocal": (mpack.NonreciprocalBRO(eps=0.1), mpack.PairwiseBRO(eps=0.1)),
    "RCD for SGD": (
        mpack.RCD(alpha=0.1, batch_fraction=0.3),
        mpack.SGD(alpha=0.1, batch_fraction=0.3),
    ),
    "b_f 0.53 for 0.5": (
        mpack.SGD(alpha=0.1, batch_fraction=0.53),
        mpack.SGD(alpha=0.1, batch_fraction=0.5),
    ),
    "b_f 0.53 for 0.5, particles": (
        mpack.RCD(alpha=0.1, batch_fraction=0.53),
        mpack.RCD(alpha=0.1, batch_fraction=0.5),
    ),
    "matching rule upside down": (
        mpack.SGD(alpha=0.075, batch_fraction=0.75),
        mpack.PairwiseBRO(eps=0.1),
    ),
    "u in [0, eps] twice": (mpack.IndividualBRO(eps=0.01), mpack.IndividualBRO(eps=0.1)),
    "variance of SGD with the mean of BRO": (
        mpack.SGD(alpha=0.1, batch_fraction=0.5),
        mpack.PairwiseBRO(eps=0.1),
    ),
    "c = -0.4 for -0.5": (
        mpack.PairwiseBRO(eps=0.1, correlation=-0.4),
        mpack.PairwiseBRO(eps=0.1, correlation=-0.5),
    ),
    "equal for opposite, the sign of c": (
        mpack.SGD(alpha=0.1, batch_fraction=0.5, correlation=0.3),
        mpack.SGD(alpha=0.1, batch_fraction=0.5, correlation=-0.3),
    ),
    "c as the chance to mirror SGD's number": (  # 0.5 at b_f = 0.4, where all of c is 2/3
        mpack.SGD(alpha=0.1, batch_fraction=0.4, correlation=1 / 3),
        mpack.SGD(alpha=0.1, batch_fraction=0.4, correlation=0.5),
    ),
    "c = 0.1 for 0, kicks": (
        mpack.RandomOrganization(eps=0.1, correlation=0.1),
        mpack.RandomOrganization(eps=0.1, correlation=0),
    ),
    "kicks along the force": (
        mpack.PairwiseBRO(eps=0.1).approximation(),
        mpack.RandomOrganization(eps=0.1),
    ),
}


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("name", WRONG)
def test_negative_controls_fail(name, cluster, seed):
    simulated, held_against = WRONG[name]
    moves = samples(CLUSTERS[cluster], simulated, seed)
    assert min(p_values(moves, *law(CLUSTERS[cluster], held_against))) < P_MIN


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_isotropic_noise_fails(cluster, seed):
    """Right mean, right total variance of every particle, but noise in all directions alike."""
    mean, covariance = law(CLUSTERS[cluster], RULES["PairwiseBRO approximation"])
    size, dim = CLUSTERS[cluster][0].shape
    variance = np.repeat(np.diag(covariance).reshape(size, dim).mean(axis=1), dim)
    noise = np.random.default_rng(seed).standard_normal((20_000, size * dim)) * np.sqrt(variance)
    assert min(p_values(mean + noise, mean, covariance)) < P_MIN


def smallest_detectable(freedom, count):
    """Shift of the mean, in standard deviations, found nine times in ten at the level of this file."""
    critical = stats.chi2.isf(P_MIN, freedom)
    noncentral = optimize.brentq(lambda x: stats.ncx2.sf(critical, freedom, x) - 0.9, 1.0, 1000.0)
    return np.sqrt(noncentral / count)


def test_smallest_detectable():
    for freedom, shift in ((2, 0.064), (4, 0.068), (12, 0.0766)):
        assert smallest_detectable(freedom, 10_000) == pytest.approx(shift, rel=0.02)
    assert np.sqrt(2) * smallest_detectable(2, 10_000) == pytest.approx(
        0.09, rel=0.02
    )  # a variance's error is sqrt 2
    assert smallest_detectable(4, 1000) == pytest.approx(0.22, rel=0.03)


def test_the_test_keeps_its_rate(seed):
    """On exact Gaussian samples its p-values are uniform (200 of them, Kolmogorov-Smirnov, 1e-6)."""
    mean, covariance = law(CLUSTERS["d = 2"], RULES["PairwiseBRO approximation"])
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.where(values > 1e-9 * values.max(), values, 0.0))
    random = np.random.default_rng(seed)
    found = [
        p_values(mean + random.standard_normal((5000, len(mean))) @ root.T, mean, covariance)
        for _ in range(200)
    ]
    for column in zip(*found):
        assert stats.kstest(column, "uniform").pvalue > P_MIN
