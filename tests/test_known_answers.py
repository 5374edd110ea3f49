"""Models with known answers: the lattices in front of their kernels (which have plain twins in test_scaling.py), the
contact process on the complete graph against closed forms and its own simulation.
"""

import re

import numpy as np
import pytest

from mpack import known_answers


def test_percolation_at_its_limits(seed):
    assert known_answers.percolation(8, 0.0, 3, seed).tolist() == [0.0] * 3
    assert known_answers.percolation(8, 1.0, 3, seed).tolist() == [1.0] * 3


def test_percolation_percolates_between(seed):
    """Far from 0.5927 the largest cluster is small, or holds nearly all occupied sites (0.02: over 10 errors)."""
    below, above = (known_answers.percolation(128, p, 20, seed).mean() for p in (0.40, 0.80))
    assert below < 0.02 and abs(above - 0.80) < 0.02


def test_the_sandpile_dies_below_and_lives_above(seed):
    dead, alive = (
        known_answers.sandpile(24, round(rho * 24**2), 2000, 8, seed) for rho in (0.55, 0.95)
    )
    assert dead.shape == alive.shape == (8, 2000)
    assert dead[:, -1].max() == 0.0 and alive[:, -1].min() > 0.1
    assert all(np.all(run[np.argmin(run) :] == 0.0) for run in dead)  # dead is dead


def test_runs_are_independent_and_follow_from_the_seed(seed):
    one = known_answers.percolation(16, 0.59, 6, seed)
    assert one.tolist() == known_answers.percolation(16, 0.59, 6, seed).tolist()
    assert known_answers.percolation(16, 0.59, 9, seed)[:6].tolist() == one.tolist()
    assert (
        len(set(one)) > 1
        and one.tolist() != known_answers.percolation(16, 0.59, 6, seed + 1).tolist()
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: known_answers.percolation(1, 0.5, 1, 1),
            "edge must be an integer in [2, 4096]; got 1",
        ),
        (lambda: known_answers.percolation(8, 1.5, 1, 1), "p must be"),
        (lambda: known_answers.percolation(8, float("nan"), 1, 1), "p must be"),
        (lambda: known_answers.percolation(8, 0.5, 0, 1), "runs must be"),
        (
            lambda: known_answers.sandpile(8, 257, 1, 1, 1),
            "grains must be an integer in [1, 256]; got 257",
        ),
        (lambda: known_answers.sandpile(8, 10, 0, 1, 1), "steps must be"),
        (lambda: known_answers.sandpile(8, 10, 1, 1, -1), "seed must be"),
    ],
)
def test_bad_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


# ------------------------------------------------------------------------------------------------------------
# without space


def test_two_sites_by_hand():
    """From two active sites to 0, 1, 2: 1/4, 1/2, 1/4; from one: 3/8, 1/2, 1/8. So T = 16/5."""
    two = known_answers.CompleteGraph(2, 1.0, rest=0.5)
    right = [[1.0, 0.0, 0.0], [3 / 8, 1 / 2, 1 / 8], [1 / 4, 1 / 2, 1 / 4]]
    assert two.transition_matrix() == pytest.approx(np.array(right))
    assert two.lifetime() == pytest.approx(16 / 5)
    steady = two.quasi_steady()
    root = (3 / 4 + np.sqrt(1 / 16 + 1 / 4)) / 2  # of the lower block
    weight = (root - 1 / 2) / (1 / 2)  # p_2/p_1, from p Q = root p
    assert steady.death == pytest.approx(1 - root)
    assert steady.activity == pytest.approx((1 / 2 + weight) / (1 + weight))


@pytest.mark.parametrize("sites", [2, 7, 40])
def test_without_waking_each_site_dies_alone(sites):
    """The last of N exponential times: 1 + 1/2 + ... + 1/N; of N geometric ones: a sum over survival."""
    alone = known_answers.CompleteGraph(sites, 0.0, rest=0.0)
    assert alone.lifetime() == pytest.approx(np.sum(1 / np.arange(1, sites + 1)))
    k = np.arange(5000)
    geometric = known_answers.CompleteGraph(sites, 0.0, rest=0.1)
    assert geometric.lifetime() == pytest.approx(np.sum(1 - (1 - 0.9**k) ** sites))


@pytest.mark.parametrize("rate", [0.8, 1.0, 1.6])
def test_continuous_time_is_the_limit_of_short_steps(rate):
    """In units of 1/mu, what short steps give comes nearer in proportion to mu."""
    exact = known_answers.CompleteGraph(30, rate, rest=0.0)
    away = []
    for rest in (0.02, 0.01):
        steps = known_answers.CompleteGraph(30, rate, rest=rest)
        found, right = steps.quasi_steady(), exact.quasi_steady()
        away.append(
            [
                steps.lifetime() * rest / exact.lifetime() - 1,
                found.activity / right.activity - 1,
                found.death / rest / right.death - 1,
            ]
        )
    assert np.abs(away[1]).max() < 0.02
    assert np.array(away[1]) / away[0] == pytest.approx(0.5, abs=0.06)


def test_the_continuous_state_is_an_eigenvector():
    """Against a dense solver of the matrix of rates, which knows of no detailed balance."""
    graph = known_answers.CompleteGraph(50, 1.1, rest=0.0)
    k = np.arange(1, 51)
    up, down = 1.1 * k * (1 - k / 50), k.astype(float)
    W = np.diag(-(up + down)) + np.diag(up[:-1], 1) + np.diag(down[1:], -1)
    values, vectors = np.linalg.eig(W.T)
    p = np.abs(vectors[:, np.argmax(values.real)].real)
    steady = graph.quasi_steady()
    assert steady.death == pytest.approx(-values.real.max(), rel=1e-9)
    assert steady.activity == pytest.approx(p @ k / p.sum() / 50, rel=1e-9)
    assert graph.lifetime() == pytest.approx(np.linalg.solve(-W, np.ones(50))[-1], rel=1e-9)


@pytest.mark.parametrize("rest", [0.0, 0.1, 1.0])
def test_many_sites_reach_the_limit(rest):
    few, many = (known_answers.CompleteGraph(n, 1.5, rest=rest) for n in (100, 400))
    limit = many.limit()
    if rest:
        assert rest * limit == pytest.approx((1 - limit) * (1 - np.exp(-1.5 * rest * limit)))
    else:
        assert limit == pytest.approx(1 / 3)
    near, far = (abs(one.quasi_steady().activity - limit) for one in (many, few))
    assert near < 0.02
    assert near < 0.5 * far
    assert known_answers.CompleteGraph(100, 1.0, rest=rest).limit() == 0.0


def test_at_the_transition_activity_and_time_scale_as_in_mean_field():
    """beta/nu = 1/2 and nu_parallel/nu = 1/2 in the number of sites; corrections fall with its root."""
    found = [known_answers.CompleteGraph(n, 1.0, rest=0.0).quasi_steady() for n in (4_000, 16_000)]
    assert np.log(found[0].activity / found[1].activity) / np.log(4) == pytest.approx(0.5, abs=0.01)
    assert np.log(found[0].death / found[1].death) / np.log(4) == pytest.approx(0.5, abs=0.01)


def test_runs_follow_the_chain(seed):
    """Mean lifetime and the activity of survivors of simulated runs, within five standard errors of the exact ones."""
    graph = known_answers.CompleteGraph(20, 0.9)
    runs = known_answers.contact_process(20, 0.9, 3000, 400, np.random.default_rng(seed))
    lives = known_answers.absorbed_after(runs)
    assert lives.max() < 3000
    assert abs(lives.mean() - graph.lifetime()) < 5 * lives.std(ddof=1) / 20
    busy = known_answers.contact_process(100, 3.0, 1000, 50, seed)
    late = busy[:, 500:].mean(axis=1)
    exact = known_answers.CompleteGraph(100, 3.0).quasi_steady().activity
    assert busy[:, -1].min() > 0.0
    assert abs(late.mean() - exact) < 5 * late.std(ddof=1) / 50**0.5


def test_a_rate_for_each_run(seed):
    """Each run draws as it would if all had its rate, up to what others drew: the same for equal rates."""
    one = known_answers.contact_process(50, 1.2, 30, 3, seed)
    assert np.array_equal(one, known_answers.contact_process(50, [1.2] * 3, 30, 3, seed))
    mixed = known_answers.contact_process(10_000, [0.0, 0.5, 3.0], 400, 3, seed)
    assert list(known_answers.absorbed_after(mixed) == 400) == [False, False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: known_answers.contact_process(10, 101.0, 1, 1, 1),
            "rate must be a finite number in",
        ),
        (lambda: known_answers.contact_process(10, [1.0, -1.0], 1, 2, 1), "the least rate must be"),
        (lambda: known_answers.contact_process(10, [1.0], 1, 2, 1), "rate must have shape"),
        (lambda: known_answers.contact_process(10, 1.0, 1, 1, 1, rest=0.0), "rest must be"),
        (lambda: known_answers.CompleteGraph(1, 1.0), "sites must be an integer >= 2; got 1"),
        (lambda: known_answers.CompleteGraph(10, -1.0, rest=0.0), "rate must be"),
        (
            lambda: known_answers.CompleteGraph(5000, 1.0).lifetime(),
            "sites must be an integer in [2, 4096]",
        ),
        (
            lambda: known_answers.CompleteGraph(10, 1.0, rest=0.0).transition_matrix(),
            "rest must be",
        ),
        (lambda: known_answers.CompleteGraph(10, 0.0, rest=0.0).quasi_steady(), "rate must be"),
    ],
)
def test_bad_requests_without_space_are_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
