"""Models with known answers: the lattices in front of their kernels (which have plain twins in test_scaling.py), the
contact process on the complete graph against closed forms and its own simulation.
"""

import re

import numpy as np
import pytest

import mpack
from mpack import known_answers
from mpack._kernels import known_answers as kernels
from mpack._kernels.noise import KNOWN_ANSWERS, bits, uniform


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


# ------------------------------------------------------------------------------------------------------------
# spheres without loops


def splitmix(key, i, j):
    """The word of a pair again, in whole numbers of any length."""
    mask = 2**64 - 1
    z = (key + (i << 32 | j) * 0x9E3779B97F4A7C15) & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


def shifts(n, seed):
    """A_ij of all pairs in units of the box/2**32, antisymmetric modulo 2**32: shape (n, n, 3)."""
    key = int(bits(seed, KNOWN_ANSWERS, np.uint64(0), np.uint64(0), np.uint64(4))[1])
    made = np.zeros((n, n, 3), np.int64)
    for i in range(n):
        for j in range(i + 1, n):
            word = splitmix(key, i, j)
            made[i, j] = [(word >> 21 * axis & (2**21 - 1)) << 11 for axis in range(3)]
            made[j, i] = -made[i, j]
    return made


def separations(fixed, shift, box):
    """All r_ij in diameters, nearest image."""
    apart = fixed.astype(np.int64)[:, None] - fixed.astype(np.int64)[None] + shift
    return ((apart + 2**31) % 2**32 - 2**31) * (box / 2**32)


def plain_mari_kurchan(fixed, box, alpha, fraction, shift, seed, steps):
    """The model over all pairs, with the same numbers drawn: activity, energy and positions of each step."""
    n = len(fixed)
    fixed, found = fixed.astype(np.int64), []
    for k in range(steps):
        r = separations(fixed, shift, box)
        length = np.sqrt((r**2).sum(axis=2))
        touch = (length < 1.0) & ~np.eye(n, dtype=bool)
        found.append((touch.any(axis=1).sum(), np.where(touch, 1 - length, 0).sum() / 4))
        for i, j in np.argwhere(np.triu(touch)):
            label = np.uint64(2**32 + int(j))
            word = bits(seed, KNOWN_ANSWERS, np.uint64(k), np.uint64(i), label)[0]
            if uniform(np.uint64(word)) < fraction:
                push = np.rint(0.5 * alpha * r[i, j] / length[i, j] / box * 2**32).astype(np.int64)
                fixed[i] += push
                fixed[j] -= push
        fixed %= 2**32
    return found, fixed


def start_of(n, seed):
    fixed = np.empty((n, 3), np.uint32)
    kernels.mari_kurchan_start(np.uint64(seed), fixed)
    return fixed


@pytest.mark.parametrize("shifted", [True, False])
@pytest.mark.parametrize(("phi", "fraction", "alpha"), [(0.3, 0.2, 1.0), (0.2, 1.0, 0.3)])
def test_the_spheres_and_their_plain_twin_agree(shifted, phi, fraction, alpha, seed):
    """Activity of every step and, at the end, positions; both ends of a pair move oppositely, so the centre stays."""
    n, steps, key = 60, 25, np.uint64(seed)
    box = (n * np.pi / 6 / phi) ** (1 / 3)
    fixed, active = start_of(n, seed), np.empty(steps, np.int32)
    before = fixed.copy()
    kernels.mari_kurchan(fixed, box, alpha, fraction, shifted, key, active)
    shift = shifts(n, key) * shifted
    found, after = plain_mari_kurchan(before, box, alpha, fraction, shift, key, steps)
    assert active.tolist() == [one for one, _ in found]
    away = (fixed.astype(np.int64) - after + 2**31) % 2**32 - 2**31
    assert np.abs(away).max() <= steps  # of the box/2**32: roots may be rounded otherwise
    moved = fixed.astype(np.int64).sum(axis=0) - before.astype(np.int64).sum(axis=0)
    assert np.all(moved % 2**32 == 0)


def test_shifts_are_uniform_and_those_of_a_pair_are_opposite(seed):
    """Antisymmetric; the mean of a word over 10,000 pairs within five standard errors of a half."""
    made = shifts(142, np.uint64(seed))
    assert np.array_equal(made, -made.transpose(1, 0, 2))
    share = made[np.triu_indices(142, 1)] / 2**32
    assert np.abs(share.mean(axis=0) - 0.5).max() < 5 / np.sqrt(12 * len(share))
    assert np.abs(np.corrcoef(share.T) - np.eye(3)).max() < 5 / np.sqrt(len(share))


def test_without_shifts_it_is_gradient_descent_of_the_engine(seed):
    """Plain spheres from the same start: the activity of the engine, step by step, up to a sphere at the edge."""
    n, phi, steps = 400, 0.2, 12
    box = (n * np.pi / 6 / phi) ** (1 / 3)
    fixed, active = start_of(n, seed), np.empty(steps, np.int32)
    packing = mpack.Packing(fixed / 2**32 * box, box=box, diameters=1.0)
    kernels.mari_kurchan(fixed, box, 0.5, 1.0, False, np.uint64(seed), active)
    rule = mpack.SGD(alpha=0.5, batch_fraction=1.0)
    run = mpack.simulate(packing, rule, steps=steps - 1, seed=seed, record=mpack.every(1))
    engine = np.zeros(steps)
    engine[: len(run.activity)] = run.activity[:steps]
    assert np.abs(active - engine * n).max() <= 1


def test_shifts_leave_no_loops(seed):
    """Of two that touch a third, a share touches each other: 15/32 of plain random spheres, 8 phi/N with shifts."""
    n, phi = 300, 0.3
    box = (n * np.pi / 6 / phi) ** (1 / 3)
    key, share = np.uint64(seed), {}
    for shifted in (True, False):
        r = separations(start_of(n, seed), shifts(n, key) * shifted, box)
        touch = ((r**2).sum(axis=2) < 1.0) & ~np.eye(n, dtype=bool)
        degree = touch.sum(axis=1)
        share[shifted] = np.trace(np.linalg.matrix_power(touch.astype(float), 3)) / np.sum(
            degree * (degree - 1)
        )
    assert share[False] == pytest.approx(15 / 32, abs=0.12)
    assert share[True] < 0.05


def test_gradient_descent_of_shifted_spheres_goes_downhill(seed):
    """With small steps the energy falls to less than a tenth of what it was."""
    n, phi, key = 80, 0.3, np.uint64(seed)
    box = (n * np.pi / 6 / phi) ** (1 / 3)
    found, _ = plain_mari_kurchan(start_of(n, seed), box, 0.02, 1.0, shifts(n, key), key, 60)
    energy = np.array([one for _, one in found])
    assert energy[-1] < 0.1 * energy[0] and np.all(np.diff(energy[:10]) < 0)


def test_bad_requests_of_shifted_spheres_are_refused():
    good = {"spheres": 100, "phi": 0.1, "steps": 1, "runs": 1, "seed": 1}
    wrong = {"spheres": 1, "phi": 0.0, "steps": 0, "runs": 0, "alpha": 0.0, "batch_fraction": 1.5}
    for name, value in (wrong | {"seed": -1}).items():
        with pytest.raises(ValueError, match=f"{name} must be"):
            known_answers.mari_kurchan(**(good | {name: value}))
    with pytest.raises(ValueError, match="phi must be"):
        known_answers.mari_kurchan(**(good | {"phi": 100 * np.pi / 48 * 1.01}))
