"""One step's mean and covariance of bodies that turn, all bodies of a cluster at once, against closed forms.

A box holds at least 8000 copies of a cluster, too far apart to meet: one step draws as many independent
samples of D = (dx, domega) of all its bodies. A pair (i, j) that touches, with the force f on i and the
levers l, answers to one number by

    k_i = (f, I_i^-1 l_i x f),     k_j = -(f, I_j^-1 l_j x f),

and with the step s (2 eps or alpha), the mean m and the variance v of the numbers,

    E[D_a] = s m sum_pairs k_a,     Cov(D_a, D_b) = s^2 v g_ab sum_pairs k_a k_b^T,

g = 1 on the diagonal; beside it -c, c the correlation of the two ends (pairwise rules: -1, hence 1;
independent ends: 0). Of individual rules the sum over pairs is inside: k_a = sum_pairs k_a, g = 1.
The contacts are those of `slow_bodies`, by SciPy's optimiser and NumPy. Turns are by Cayley's map,
so domega = 2 tan(angle/2) along the axis is linear in the numbers at any step; the angle is not.

False alarm: 1e-8 for all means and covariances of one rule and cluster (Bonferroni), 48 of which make
less than 5e-7. Power: with probability 0.99 an error of 7 % in the largest mean and of 16 % in the
largest variance is found, asserted with each comparison. What no number can do
must not happen at all: D - E[D] stays in the span of the responses, to 1e-7 of a kick, which is
where the slow reference ends, so directions, levers and metrics are held to that.
"""

import dataclasses
import functools
import itertools

import numpy as np
import pytest

import mpack
from mpack import Packing, kicks
from mpack.observables import nearest_displacements
from tests import reference, slow_bodies

COPIES, FALSE_ALARM, POWER = 8_000, 1e-8, 0.99
EPS, B = 0.1, 0.7
RULES = {
    "PairwiseBRO": mpack.PairwiseBRO(eps=EPS),
    "NonreciprocalBRO": mpack.NonreciprocalBRO(eps=EPS),
    "IndividualBRO": mpack.IndividualBRO(eps=EPS),
    "SGD": mpack.SGD(alpha=EPS, batch_fraction=B),
    "RCD": mpack.RCD(alpha=EPS, batch_fraction=B),
}
RULES |= {f"{name} approximation": rule.approximation() for name, rule in RULES.items()}
RULES |= {
    "PairwiseBRO, c = 0.5, kappa = 2": mpack.PairwiseBRO(eps=EPS, correlation=0.5, rotation=2.0),
    "IndividualBRO, kappa = 0.6": mpack.IndividualBRO(eps=EPS, rotation=0.6),
    "SGD, nothing turns": mpack.SGD(alpha=EPS, batch_fraction=B, rotation=None),
    "RCD Harmonic": mpack.RCD(alpha=EPS, batch_fraction=B, potential=mpack.Harmonic()),
    "RandomOrganization": mpack.RandomOrganization(eps=EPS),
}


# ---------------------------------------------------------------------------------------------------
# clusters


def cluster_of(places, axes, turns):
    """A packing of one cluster that no wall is near."""
    axes = np.array(axes, dtype=float)
    unit = 2.0 * np.mean(np.prod(axes, axis=1) ** (1.0 / axes.shape[1]))
    return Packing(
        (np.array(places) + 4.0) / unit, 8.0 / unit, axes=axes / unit, orientations=turns
    )


TILTED, ODD, UPRIGHT = (0.8, 0.36, 0.48, 0.0), (0.5, 0.5, 0.5, 0.5), (1.0, 0.0, 0.0, 0.0)
CLUSTERS = {
    "in print": cluster_of(  # two contacts, of the one in the middle
        [[-0.9, 0, 0], [0, 0.1, 0], [0.85, 0.2, 0.1]], [(0.625, 0.5, 0.4)] * 3, [UPRIGHT, TILTED, ODD]
    ),
    "four shapes": cluster_of(  # a sphere among them; three contacts
        [[0, 0, 0], [0.7, 0.3, -0.2], [-0.1, 0.8, 0.3], [0.5, 0.7, 0.7]],
        [(0.7, 0.4, 0.5), (0.5, 0.5, 0.5), (0.4, 0.9, 0.4), (0.6, 0.6, 0.3)],
        [TILTED, UPRIGHT, ODD, (0.6, 0.0, 0.48, 0.64)],
    ),
    "ellipses": cluster_of(  # each touches both others
        [[0, 0], [0.7, 0.3], [0.1, 0.75]],
        [(0.7, 0.4), (0.5, 0.6), (0.9, 0.35)],
        [UPRIGHT, (0.8, 0, 0, 0.6), (0.96, 0, 0, 0.28)],
    ),
}  # fmt: skip


@functools.cache
def copies(name):
    """A packing of at least `COPIES` clusters on a grid; neighbours cannot touch."""
    one = CLUSTERS[name]
    pitch = np.ptp(one.positions, axis=0).max() + 2.5 * one.axes.max()
    edge = int(np.ceil(COPIES ** (1 / one.dim)))
    grid = pitch * np.array(list(itertools.product(range(edge), repeat=one.dim)))
    places = (grid[:, None] + one.positions).reshape(-1, one.dim)
    bodies = {
        "axes": np.tile(one.axes, (len(grid), 1)),
        "orientations": np.tile(one.orientations, (len(grid), 1)),
    }
    return Packing(places, edge * pitch, **bodies)


def samples(name, dynamics, seed):
    """(copies, bodies, 6) moves and turns in one step; of flat bodies (copies, bodies, 3)."""
    before = copies(name)
    after = mpack.simulate(before, dynamics, steps=1, seed=seed).final
    turns = turning(before.dim, slow_bodies.turned(before, after))
    moves = np.hstack((nearest_displacements(before, after), turns))
    return moves.reshape(-1, CLUSTERS[name].n, moves.shape[1])


def turning(dim, vectors):
    """The components that can turn a body: in the plane that about z alone."""
    return vectors[:, 2:] if dim == 2 else vectors


# ---------------------------------------------------------------------------------------------------
# the law


def mobilities(cluster):
    """I^-1 of each body, kappa = 1: (a_l^2 + a_m^2)/5 about its own axis k; flat ones (a^2 + b^2)/4."""
    squares = cluster.axes**2
    total, frames = squares.sum(axis=1, keepdims=True), slow_bodies.matrices(cluster.orientations)
    inertia = (total - squares) / 5.0 if cluster.dim == 3 else np.repeat(total / 4.0, 3, axis=1)
    return np.einsum("nij,nj,nkj->nik", frames, 1.0 / inertia, frames)


def no_lever_is_altered(cluster, i, j):
    return 1.0


def responses(cluster, rule, mobilities=mobilities, stretch=no_lever_is_altered):
    """k of all bodies, (pairs, bodies, freedoms); pairs that are kicked answer to each axis apart."""
    kappa, dim, found = rule.rotation, cluster.dim, []
    turned_by = mobilities(cluster) / kappa**2 if kappa else np.zeros((cluster.n, 3, 3))
    for i, j, force, arm_i, arm_j in slow_bodies.contacts(cluster, reference.potential_of(rule)):
        kicked = isinstance(rule, mpack.RandomOrganization)
        for push in np.eye(3)[:dim] if kicked else [force]:
            k = np.zeros((cluster.n, 2 * dim if dim == 3 else 3))
            for body, arm, sign in ((i, arm_i, 1.0), (j, arm_j, -1.0)):
                torque = np.cross(arm * stretch(cluster, i, j), push)
                turn = turning(dim, (turned_by[body] @ torque)[None])[0]
                k[body] = sign * np.concatenate((push[:dim], turn))
            found.append(k)
    return np.array(found)


def numbers(rule, dim):
    """(s, m, v) of the numbers: U[0, 1] twice eps; theta; of a kick u e, u e in each of d axes."""
    if isinstance(rule, mpack.RandomOrganization):
        return rule.eps, 0.0, 1.0 / (3.0 * dim)
    if hasattr(rule, "eps"):
        return 2.0 * rule.eps, 0.5, 1.0 / 12.0
    b = rule.batch_fraction
    return rule.alpha, b, b * (1.0 - b)


def law(cluster, dynamics, **altered):
    """Mean (bodies, freedoms) and covariance (bodies freedoms, same) of one step, as the module says."""
    rule = getattr(dynamics, "of", dynamics)
    step, mean, variance = numbers(rule, cluster.dim)
    k = step * responses(cluster, rule, **altered)
    c = getattr(rule, "correlation", 0.0)  # rules without one draw for each end, or each body
    if isinstance(rule, (mpack.IndividualBRO, mpack.RCD)):
        k = k.sum(axis=0, keepdims=True)
    together = np.where(np.eye(cluster.n), 1.0, -c)
    covariance = variance * np.einsum("ab,paf,pbg->afbg", together, k, k)
    return mean * k.sum(axis=0), covariance.reshape(k[0].size, k[0].size)


# ---------------------------------------------------------------------------------------------------
# the test


def compared(moves, mean, covariance):
    return kicks.entrywise(moves, mean, covariance, false_alarm=FALSE_ALARM, power=POWER)


def outside(moves, mean, covariance):
    """The furthest that a sample is from all that the law allows."""
    values, vectors = np.linalg.eigh(covariance)
    forbidden = vectors[:, values < 1e-9 * values.max()]
    return np.abs((moves - mean).reshape(len(moves), -1) @ forbidden).max(initial=0.0)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_bodies_move_and_turn_by_the_exact_moments(cluster, rule, seed):
    moves, exact = samples(cluster, RULES[rule], seed), law(CLUSTERS[cluster], RULES[rule])
    found = compared(moves, *exact)
    assert found.agrees, found
    assert outside(moves, *exact) < 1e-7 * EPS
    assert found.detectable_variance < 0.16
    assert found.detectable_mean < 0.07 or not exact[0].any()


def test_each_cluster_touches_as_often_as_it_is_said_to():
    """That copies do not meet needs no test: their pushes would leave the span."""
    pairs = {name: len(slow_bodies.contacts(one, mpack.Linear())) for name, one in CLUSTERS.items()}
    assert pairs == {"in print": 2, "four shapes": 3, "ellipses": 3}


PRINTED = np.array([  # k = 2 (f, I^-1 tau) on the body in the middle, from another program
    (0.911457138609, -0.010551121623, 0.158365972780, -0.193911389444, 0.777669106259, 1.033942450319),
    (-1.137465567303, 0.023778080386, -0.232548823006, -0.328453023341, 1.087099211020, 1.550421056684),
])  # fmt: skip


@pytest.mark.parametrize("rule", ("PairwiseBRO", "IndividualBRO", "SGD"))
def test_the_middle_of_three_has_the_moments_of_the_columns_in_print(rule, seed):
    """(eps/2) sum k and (eps^2/12) sum k k^T, of individual rules (sum k)(sum k)^T; SGD (alpha^2/4) b (1 - b)."""
    share, variance = (B, B * (1 - B) / 4) if rule == "SGD" else (1.0, 1 / 12)
    columns = PRINTED.sum(axis=0, keepdims=True) if rule == "IndividualBRO" else PRINTED
    mean = 0.5 * EPS * share * PRINTED.sum(axis=0)
    covariance = EPS**2 * variance * columns.T @ columns
    of_all = law(CLUSTERS["in print"], RULES[rule])
    assert of_all[0][1] == pytest.approx(mean, abs=1e-8)
    assert of_all[1][6:12, 6:12] == pytest.approx(covariance, abs=1e-9)
    middle = samples("in print", RULES[rule], seed)[:, 1:2]
    assert compared(middle, mean[None], covariance).agrees
    assert outside(middle, mean[None], covariance) < 1e-11  # of twelve digits in print


# ---------------------------------------------------------------------------------------------------
# what it would see


def without_mu(cluster, i, j):
    """Levers A n/h, to where the bodies would touch were they not scaled by mu."""
    forms, r = slow_bodies.shapes(cluster), np.zeros(3)
    r[: cluster.dim] = cluster.separation(i, j)
    return slow_bodies.overlap(forms[i], forms[j], r)[0] ** -0.5


def of_upright_bodies(cluster):
    """I^-1 that forgets how a body is turned."""
    turns = np.tile(UPRIGHT, (cluster.n, 1))
    return mobilities(cluster.moved(cluster.fixed, orientations=turns))


def turning_on_its_own(cluster, rule):
    """Moves and turns that answer to different numbers: no covariance between them."""
    mean, covariance = law(cluster, rule)
    turns = np.tile(np.arange(mean.shape[1]) >= cluster.dim, cluster.n)
    return mean, np.where(turns[:, None] == turns, covariance, 0.0)


def variance_of_b(cluster, rule):
    """b_f in the place of b_f (1 - b_f): the second moment for the variance."""
    mean, covariance = law(cluster, rule)
    return mean, covariance / (1.0 - rule.batch_fraction)


def law_of(**changed):
    """The law of the same rule with another field."""
    return lambda cluster, rule: law(cluster, dataclasses.replace(rule, **changed))


def law_with(**altered):
    """The law with another lever or inertia."""
    return lambda cluster, rule: law(cluster, rule, **altered)


def law_as(name):
    """The law of another rule."""
    return lambda cluster, rule: law(cluster, RULES[name])


WRONG = {  # what is simulated, and the law it is held against
    "a lever without mu": ("PairwiseBRO", law_with(stretch=without_mu)),
    "a lever to the other side": ("PairwiseBRO", law_with(stretch=lambda *_: -1.0)),
    "kappa doubled": ("SGD", law_of(rotation=2.0)),
    "kappa 6 % off": ("PairwiseBRO", law_of(rotation=1.06)),
    "nothing turns": ("RCD", law_of(rotation=None)),
    "turns by numbers of their own": ("SGD", turning_on_its_own),
    "b_f for b_f (1 - b_f)": ("SGD", variance_of_b),
    "b_f for b_f (1 - b_f), particles": ("RCD", variance_of_b),
    "b_f 0.77 for 0.7": ("SGD", law_of(batch_fraction=B + 0.07)),
    "opposite for independent": ("NonreciprocalBRO", law_as("PairwiseBRO")),
    "independent for opposite": ("PairwiseBRO", law_as("NonreciprocalBRO")),
    "pairs for particles": ("IndividualBRO", law_as("NonreciprocalBRO")),
    "particles for pairs": ("SGD", law_as("RCD")),
    "uniform for Bernoulli": ("SGD", law_as("PairwiseBRO")),
}


@pytest.mark.parametrize("cluster", ("in print", "ellipses"))
@pytest.mark.parametrize("name", WRONG)
def test_wrong_laws_fail_by_their_moments_alone(name, cluster, seed):
    """Though what leaves the span of the responses is not looked at."""
    rule, wrong = WRONG[name]
    moves = samples(cluster, RULES[rule], seed)
    assert not compared(moves, *wrong(CLUSTERS[cluster], RULES[rule])).agrees


def test_inertia_that_does_not_turn_along_fails(seed):
    moves = samples("in print", RULES["PairwiseBRO"], seed)
    wrong = law(CLUSTERS["in print"], RULES["PairwiseBRO"], mobilities=of_upright_bodies)
    assert not compared(moves, *wrong).agrees


def test_a_thousandth_of_a_lever_is_outside(seed):
    """The statistics do not see it; that no number can do it shows it."""
    moves = samples("in print", RULES["PairwiseBRO"], seed)
    wrong = law(CLUSTERS["in print"], RULES["PairwiseBRO"], stretch=lambda *_: 1.001)
    assert compared(moves, *wrong).agrees and outside(moves, *wrong) > 1e-6


def test_errors_of_the_size_stated_are_found():
    """1 + detectable times the largest variance, in Gaussian samples: found in 190 of 200 tries or more."""
    mean, covariance = law(CLUSTERS["in print"], RULES["PairwiseBRO approximation"])
    mean, covariance = mean[1:2], covariance[6:12, 6:12]
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    random, found = np.random.default_rng(1), 0
    size = compared(draws(random, mean, root), mean, covariance).detectable_variance
    for _ in range(200):
        moves = draws(random, mean, root * (1.0 + size) ** 0.5)
        found += not compared(moves, mean, covariance).agrees
    assert found >= 190


def draws(random, mean, root, count=4_000):
    """Gaussian samples (count, bodies, freedoms) of covariance root root^T."""
    return mean + (random.standard_normal((count, len(root))) @ root.T).reshape(-1, *mean.shape)
