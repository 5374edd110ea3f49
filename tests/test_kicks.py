"""One step of a cluster: closed-form moments, draws by the engine, and the test that compares them."""

import numpy as np
import pytest

import mpack
from mpack import _steps, kicks, landscape, structure

EPS = 0.01
ROOT2 = 2**0.5
UNIT = 2 * (3 * ROOT2 - 1) / 3  # mean diameter of the three discs
THREE = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]) / UNIT
DIAMETERS = 2 * np.array([ROOT2 - 1, ROOT2 + 1, ROOT2 - 1]) / UNIT
CROWD = np.random.default_rng(5).uniform(0, 1.4, (6, 3))


@pytest.mark.parametrize(
    ("rule", "covariance"),
    [
        (mpack.PairwiseBRO(eps=EPS), EPS**2 / 12 * np.eye(2)),
        (mpack.IndividualBRO(eps=EPS), EPS**2 / 12 * np.diag([0, 2])),
        (mpack.SGD(alpha=EPS, batch_fraction=0.3), EPS**2 / 4 * 0.21 * np.eye(2)),
        (mpack.RCD(alpha=EPS, batch_fraction=0.3), EPS**2 / 4 * 0.21 * np.diag([0, 2])),
    ],
)
def test_moments_of_the_middle_of_three_discs(rule, covariance):
    mean, found = kicks.moments(THREE, rule, DIAMETERS)
    half = EPS / 2 if "BRO" in type(rule).__name__ else EPS / 2 * 0.3
    assert mean[1] == pytest.approx([0, half * ROOT2])
    assert found[2:4, 2:4] == pytest.approx(covariance, abs=1e-18)
    assert kicks.moments(THREE, rule.approximation(), DIAMETERS)[1] == pytest.approx(
        found, abs=1e-18
    )


@pytest.mark.parametrize(
    "rule",
    [
        mpack.PairwiseBRO(eps=EPS),
        mpack.NonreciprocalBRO(eps=EPS),
        mpack.RCD(alpha=EPS, batch_fraction=0.4),
        mpack.SGD(alpha=EPS, batch_fraction=0.4, potential=mpack.Harmonic()).approximation(),
        mpack.SGD(alpha=EPS, batch_size=3),
        mpack.RCD(alpha=EPS, batch_size=2),
        mpack.PairwiseBRO(eps=EPS, correlation=-0.7),
        mpack.SGD(alpha=EPS, batch_fraction=0.4, correlation=0.5).approximation(),
        mpack.RandomOrganization(eps=EPS),
        mpack.RandomOrganization(eps=EPS, correlation=0.3),
    ],
)
def test_draws_have_the_closed_form_moments(rule, seed):
    """False-alarm rate 1e-4 a rule; detectable deviations of about a tenth with power 0.999."""
    drawn = kicks.draw(CROWD, rule, 8_000, seed)
    found = kicks.entrywise(drawn, *kicks.moments(CROWD, rule), false_alarm=1e-4)
    assert found.agrees, found
    assert found.detectable_variance < 0.25


def test_wrong_moments_are_found(seed):
    rule = mpack.PairwiseBRO(eps=EPS)
    drawn = kicks.draw(CROWD, rule, 8_000, seed)
    mean, covariance = kicks.moments(CROWD, rule)
    off = kicks.entrywise(drawn, mean, covariance).detectable_variance
    assert not kicks.entrywise(drawn, mean, covariance * (1 + 1.2 * off)).agrees
    assert not kicks.entrywise(drawn, mean * 1.1, covariance).agrees


@pytest.mark.parametrize(
    "rule",
    [
        mpack.PairwiseBRO(eps=EPS, correlation=0.4),
        mpack.RandomOrganization(eps=EPS, correlation=-0.4),
        mpack.RandomOrganization(eps=EPS, correlation=1),
        mpack.NonreciprocalBRO(eps=EPS),
        mpack.RCD(alpha=EPS, batch_fraction=0.4),
    ],
    ids=str,
)
def test_dense_and_sparse_moments_are_the_same(rule):
    """`moments` of a cluster, and the sparse sums that the landscape and the waves use."""
    box = 8.0
    packing = mpack.Packing(CROWD + 3.0, box)
    mean, covariance = kicks.moments(CROWD + 3.0, rule)
    pushes, means, variances = _steps.pushes_of(packing, rule)
    assert np.allclose(pushes @ means, mean.ravel(), atol=1e-12)
    assert np.allclose(landscape.kick_covariance(packing, rule).toarray(), covariance, atol=1e-14)
    q = 2 * np.pi / box * np.array([1, 2, -1])
    wave = (q * np.exp(-1j * packing.positions @ q)[:, None]).ravel()
    noise = structure.wave_noise(packing, rule, [[1, 2, -1]])[0]
    assert noise == pytest.approx((wave.conj() @ covariance @ wave).real, rel=1e-9)


def test_what_cannot_vary_must_be_exact(seed):
    everything = mpack.SGD(alpha=EPS, batch_size=100)  # more than there are: gradient descent
    drawn = kicks.draw(THREE, everything, 20, seed, DIAMETERS)
    mean, covariance = kicks.moments(THREE, everything, DIAMETERS)
    assert kicks.entrywise(drawn, mean, covariance).worst == 0.0
    assert kicks.entrywise(drawn, mean * (1 + 1e-6), covariance).worst == np.inf


def test_pair_numbers_conserve_the_centre_of_mass(seed):
    for rule in (mpack.PairwiseBRO(eps=EPS), mpack.SGD(alpha=EPS, batch_size=3)):
        total = kicks.draw(CROWD, rule, 100, seed).sum(axis=1)
        assert np.abs(total).max() < 1e-15
        pushes = kicks.push_matrix(CROWD, rule).reshape(*CROWD.shape, -1)
        assert np.abs(pushes.sum(axis=0)).max() < 1e-15


def test_exactly_b_is_anticorrelated():
    mean, covariance = kicks.numbers(mpack.SGD(alpha=EPS, batch_size=2), 5)
    assert mean == pytest.approx(np.full(5, 0.4))
    assert covariance[0, 1] / covariance[0, 0] == pytest.approx(-1 / 4)
    assert covariance.sum(axis=0) == pytest.approx(np.zeros(5), abs=1e-15)


def test_draws_follow_the_seed():
    rule = mpack.PairwiseBRO(eps=EPS)
    assert np.array_equal(
        kicks.draw(THREE, rule, 50, 1, DIAMETERS), kicks.draw(THREE, rule, 50, 1, DIAMETERS)
    )
    assert not np.array_equal(
        kicks.draw(THREE, rule, 50, 1, DIAMETERS), kicks.draw(THREE, rule, 50, 2, DIAMETERS)
    )


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: kicks.draw(THREE, mpack.PairwiseBRO(eps=EPS), 0, 1, DIAMETERS), "samples"),
        (lambda: kicks.draw(THREE[0], mpack.PairwiseBRO(eps=EPS), 5, 1), "positions"),
        (lambda: kicks.draw(THREE, "BRO", 5, 1, DIAMETERS), "dynamics"),
        (lambda: kicks.copies(THREE, 4, 0.0, DIAMETERS), "spacing"),
        (lambda: kicks.threshold(0.0, 3), "false_alarm"),
        (lambda: kicks.detectable(3.0, 1.0), "power"),
    ],
)
def test_bad_input_is_named(call, word):
    with pytest.raises((ValueError, TypeError), match=word):
        call()


def test_displacements_are_those_of_the_msd():
    start = mpack.Packing.random(n=60, phi=0.6, dim=3, seed=3)
    run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.3), steps=600, seed=1)
    from mpack.observables import displacements

    assert run.msd[-1] > run.start.box**2 / 4  # through the walls
    assert np.mean(np.sum(displacements(run) ** 2, axis=1)) == pytest.approx(run.msd[-1], rel=1e-12)


def test_one_call_draws_and_compares(seed):
    """`compare` is `entrywise` of `draw` and `moments`, and its estimate the share of the threshold."""
    rule = mpack.IndividualBRO(eps=EPS)
    found = kicks.compare(THREE, rule, 500, seed, DIAMETERS, false_alarm=0.01, power=0.9)
    drawn, predicted = (
        kicks.draw(THREE, rule, 500, seed, DIAMETERS),
        kicks.moments(THREE, rule, DIAMETERS),
    )
    assert found == kicks.entrywise(drawn, *predicted, false_alarm=0.01, power=0.9)
    assert tuple(found.estimate) == (found.worst / found.threshold, 0.0)
    assert found.estimate.n == found.draws == 500
    assert str(found) == f"{found.worst:.2f} of {found.threshold:.2f}"
    assert found.agrees == (found.estimate.value <= 1)
