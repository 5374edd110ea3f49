"""The rules: against the plain NumPy reference on many small systems, one law at a time, in limits."""

import itertools

import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st

import mpack
from mpack._engine import Engine
from mpack._kernels import noise
from mpack.dynamics import Approximation

EVERY = reference.DYNAMICS | {
    "SGD Lennard-Jones": mpack.SGD(
        alpha=1e-6, batch_fraction=0.5, potential=mpack.LennardJones(cutoff=1.0 + 1e-9)
    ),
    "SGD WCA": mpack.SGD(alpha=1e-5, batch_fraction=0.5, potential=mpack.WCA(epsilon=0.3)),
    "SGD, B = 2": mpack.SGD(alpha=0.08, batch_size=2),
    "RCD, B = 2": mpack.RCD(alpha=0.08, batch_size=2),
    "RCD, B = 3, Hertzian": mpack.RCD(
        alpha=0.08, batch_size=3, potential=mpack.Hertzian(stiffness=2)
    ),
}
TAME = {name: rule for name, rule in EVERY.items() if name not in ("SGD Lennard-Jones", "SGD WCA")}


def displacement(run):
    """Unwrapped displacement since the start, lengths."""
    with np.errstate(over="ignore"):
        gap = (run.final.fixed - run.start.fixed) * 2.0**-64
    first, last = run.start.fixed * 2.0**-64, run.final.fixed * 2.0**-64
    return (np.rint(last + run.wraps - first - gap) + gap) * run.start.box


def small_systems(seed, count, dims, box=(2.0, 4.0)):
    """Random packings of 2 to 40 particles in boxes from barely 2 largest diameters on, half of them
    polydisperse.
    """
    random = np.random.default_rng(seed)
    for k in range(count):
        dim, n = dims[k % len(dims)], int(random.integers(2, 41))
        sizes = random.uniform(0.5, 1.5, n) if k % 2 else np.ones(n)
        sizes = sizes / np.mean(sizes)
        edge = max(2.0 * sizes.max() * (1 + 1e-9), random.uniform(*box))
        yield (
            mpack.Packing(random.uniform(0, edge, (n, dim)), edge, sizes),
            int(random.integers(0, 2**63)),
        )


def shaken(dim, cells, spacing=0.9, seed=0):
    """A square or cubic lattice, its points moved by up to 0.1 along each axis: no force is enormous."""
    grid = np.stack(np.meshgrid(*[np.arange(cells) * spacing] * dim), axis=-1).reshape(-1, dim)
    noisy = grid + np.random.default_rng(seed).uniform(-0.1, 0.1, grid.shape)
    return mpack.Packing(noisy, cells * spacing)


# ---------------------------------------------------------------------------------------------- the
# reference


@pytest.mark.parametrize("name", TAME)
def test_first_step(name, seed):
    """Each rule, 40 systems of d = 2, 3: every particle's displacement, to rounding."""
    crossed = 0
    for packing, key in small_systems(seed, 40, (2, 3)):
        run = mpack.simulate(packing, TAME[name], steps=1, seed=key)
        expected, active = reference.step(
            packing.positions, packing.box, packing.diameters, TAME[name], key, 0
        )
        assert np.allclose(displacement(run), expected, rtol=1e-10, atol=1e-13 * packing.box)
        assert round(run.activity[0] * packing.n) == np.count_nonzero(active)
        i, j, *_ = reference.contacts(
            packing.positions, packing.box, packing.diameters, mpack.Linear()
        )
        gaps = np.abs(packing.positions[i] - packing.positions[j])
        crossed += np.count_nonzero(np.any(gaps > 0.5 * packing.box, axis=1))
    assert crossed > 100  # contacts across the boundary


@pytest.mark.parametrize("name", TAME)
def test_five_steps(name, seed):
    """Rounding grows along a trajectory, by 1/r per step for a close pair; four orders of magnitude are
    allowed for.
    """
    for packing, key in small_systems(seed + 1, 24, (2, 3), box=(2.2, 5.0)):
        run = mpack.simulate(packing, TAME[name], steps=5, seed=key)
        _, moved, activity = reference.run(packing, TAME[name], key, 5)
        assert np.allclose(displacement(run), moved, atol=1e-9)
        assert round(run.activity[0] * packing.n) == activity[0]


@pytest.mark.parametrize("name", ["SGD Lennard-Jones", "SGD WCA"])
def test_steep_potentials(name, seed):
    for dim, k in itertools.product((2, 3), range(10)):
        packing = shaken(dim, 4, seed=seed + k)
        run = mpack.simulate(packing, EVERY[name], steps=5, seed=k)
        _, moved, activity = reference.run(packing, EVERY[name], k, 5)
        assert activity[0] > 0 and np.allclose(displacement(run), moved, atol=1e-9, rtol=1e-9)


def test_lennard_jones_attracts(seed):
    """With a cut-off beyond contact: pairs apart are drawn together, as the reference says."""
    dynamics = mpack.RCD(
        alpha=1e-3, batch_fraction=0.5, potential=mpack.LennardJones(epsilon=0.5, cutoff=2)
    )
    for dim in (2, 3):
        packing = shaken(dim, 4, spacing=1.25, seed=seed)
        run = mpack.simulate(packing, dynamics, steps=5, seed=3)
        assert np.allclose(displacement(run), reference.run(packing, dynamics, 3, 5)[1], atol=1e-9)


@pytest.mark.slow
class TestFourDimensions:
    """The same in d = 4: every rule, two systems each."""

    @pytest.mark.parametrize("name", TAME)
    def test_three_steps(self, name, seed):
        for packing, key in small_systems(seed + 2, 4, (4,)):
            run = mpack.simulate(packing, TAME[name], steps=3, seed=key)
            assert np.allclose(
                displacement(run), reference.run(packing, TAME[name], key, 3)[1], atol=1e-9
            )


@pytest.mark.slow
class TestSixDimensions:
    """And in d = 6, where a coordinate takes eight lanes."""

    @pytest.mark.parametrize(
        "name", ["PairwiseBRO", "NonreciprocalBRO", "RCD", "SGD, B = 40", "SGD harmonic"]
    )
    def test_three_steps(self, name, seed):
        for packing, key in small_systems(seed + 2, 4, (6,), box=(2.0, 2.2)):
            run = mpack.simulate(packing, TAME[name], steps=3, seed=key)
            assert np.allclose(
                displacement(run), reference.run(packing, TAME[name], key, 3)[1], atol=1e-9
            )


def test_the_reference_tells_the_rules_apart(seed):
    """Negative control: no two rules do the same, so none passes for another (60 particles, hundreds of
    contacts). Two steps: the first of an antithetic rule is that of the rule without a memory.
    """
    packing, key = mpack.Packing.random(n=60, phi=1.0, dim=3, seed=seed), 4
    moved = {
        name: displacement(mpack.simulate(packing, rule, steps=2, seed=key))
        for name, rule in TAME.items()
    }
    for name, other in itertools.permutations(TAME, 2):
        same = np.allclose(moved[name], moved[other], atol=1e-13)
        assert not same, (name, other)


# ---------------------------------------------------------------------------------------------------
# one pair


def pair(separation=0.6, dim=3, axis=0, box=4.0, swapped=False):
    """Two particles along an axis, across the edge; label 0 on the positive side unless swapped."""
    positions = np.zeros((2, dim))
    positions[:, axis] = 0.5 * separation, -0.5 * separation
    return mpack.Packing(positions[::-1] if swapped else positions, box)


def number(purpose, a, b, seed=7, step=0, kernel=noise.fill_uniform):
    out = np.empty(1)
    labels = np.array([a], dtype=np.uint64), np.array([b], dtype=np.uint64)
    kernel(np.uint64(seed), purpose, np.uint64(step), *labels, out)
    return out[0]


KICKS = {  # kick of label 0 and of label 1, away from each other, in units of the step size
    "PairwiseBRO": (number(noise.PAIR, 0, 1), number(noise.PAIR, 0, 1)),
    "NonreciprocalBRO": (number(noise.PAIR, 0, 1), number(noise.PAIR_REVERSE, 0, 1)),
    "IndividualBRO": (number(noise.PARTICLE, 0, 0), number(noise.PARTICLE, 1, 0)),
}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", KICKS)
def test_kicks_of_one_pair(name, axis, swapped):
    """eps u along the line of centres; which end takes which number does not depend on where it stands."""
    run = mpack.simulate(
        pair(axis=axis, swapped=swapped), getattr(mpack, name)(eps=0.03), steps=1, seed=7
    )
    expected = np.zeros((2, 3))
    expected[:, axis] = 0.03 * np.array(KICKS[name]) * [1, -1] * (-1 if swapped else 1)
    assert np.allclose(displacement(run), expected, atol=1e-16)


@pytest.mark.parametrize("rule", [mpack.SGD, mpack.RCD])
@pytest.mark.parametrize(
    "potential, push",
    [
        (mpack.Linear(), 0.5),
        (mpack.Harmonic(stiffness=2.0), 2.0 * 0.4),
        (mpack.Hertzian(stiffness=2.0), 2.0 * 0.4**1.5),
        (mpack.WCA(epsilon=0.1), 1.2 * (0.6**-12 - 0.6**-6) / 0.6),
        (mpack.LennardJones(epsilon=0.1, cutoff=1.5), 2.4 * (2 * 0.6**-12 - 0.6**-6) / 0.6),
    ],
    ids=str,
)
def test_gradient_of_one_pair(rule, potential, push):
    run = mpack.simulate(
        pair(), rule(alpha=1e-5, batch_fraction=1, potential=potential), steps=1, seed=7
    )
    assert displacement(run)[:, 0] == pytest.approx([1e-5 * push, -1e-5 * push], rel=1e-12)
    assert np.all(displacement(run)[:, 1:] == 0)


@pytest.mark.parametrize("gap, moves", [(-1, True), (0, False), (1, False)])
@pytest.mark.parametrize("axis", [0, 1])
def test_contact_is_open(gap, moves, axis):
    """r < 2R touches, r = 2R does not: to the last unit of the integers that a float tells apart (box 4)."""
    fixed = np.zeros((2, 2), dtype=np.int64)
    fixed[0, axis] = 2**62 + 512 * gap  # 512 units of 2**-64 are one float at 2**62
    run = mpack.simulate(
        mpack.Packing.from_fixed(fixed, 4.0),
        mpack.SGD(alpha=0.1, batch_fraction=1),
        steps=1,
        seed=1,
    )
    assert (run.steps == 1) is moves and run.absorbed


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "name", ["gradient descent", "PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "SGD harmonic"]
)
@pytest.mark.parametrize("dim", [2, 3])
def test_two_particles_at_one_point(dim, name, threads):
    """Pushed along the first axis as if 2**-64 of the box apart, the lower label to the positive side."""
    packing = mpack.Packing(np.full((2, dim), 0.7), 4.0)
    dynamics = TAME[name]
    for key in range(1, 6):
        run = mpack.simulate(
            packing, dynamics, steps=1, seed=key, threads=threads, record=mpack.every(1)
        )
        expected, _ = reference.step(packing.positions, 4.0, packing.diameters, dynamics, key, 0)
        assert np.allclose(displacement(run), expected, atol=1e-15)
        moved = displacement(run)
        assert moved[0, 0] >= 0 >= moved[1, 0] and np.all(moved[:, 1:] == 0)
        assert run.activity[0] == 1 and np.isfinite(run.energy[0])


@pytest.mark.parametrize("potential", [mpack.WCA(), mpack.LennardJones(cutoff=1.5)], ids=str)
@pytest.mark.parametrize("rule", [mpack.SGD, mpack.RCD])
def test_two_at_one_point_under_an_unbounded_force(rule, potential):
    """The push is cut to just under half the box, for both alike, and that is told and counted."""
    packing = mpack.Packing(np.full((2, 3), 0.7), 4.0)
    with pytest.warns(RuntimeWarning, match="half the box"):
        run = mpack.simulate(
            packing, rule(alpha=0.1, batch_fraction=1, potential=potential), steps=1, seed=1
        )
    assert run.overflows == 1 and np.all(np.isfinite(run.energy))
    moved = displacement(run)
    assert (
        moved[0, 0] == pytest.approx(2.0, abs=1e-12)
        and moved[1, 0] == -moved[0, 0]
        and np.all(moved[:, 1:] == 0)
    )


def test_a_vast_box():
    """Box 1e8: what a pair of 32-bit coordinates tells apart is 0.02 diameters there, and lists live for one
    step.
    """
    positions = np.array([[0.0, 0.0], [0.4, 0.3], [5e7, 3.0], [5e7, 3.5], [-0.2, 0.1]])
    packing = mpack.Packing(positions, 1e8)
    for name in ("PairwiseBRO", "RCD", "SGD harmonic"):
        run = mpack.simulate(packing, TAME[name], steps=5, seed=2, record=mpack.every(1))
        assert np.allclose(
            displacement(run), reference.run(packing, TAME[name], 2, 5)[1], atol=1e-5
        )
        assert run.activity[0] == 1


@pytest.mark.parametrize("first", [2**32 - 2, 2**33 + 5, 2**48 - 3])
def test_late_steps(first):
    """The number of the step goes into the noise whole, beyond 32 bits."""
    packing = mpack.Packing.random(n=40, phi=0.5, dim=2, seed=3)
    for name in ("PairwiseBRO", "RCD approximation", "SGD, B = 2"):
        engine = Engine(packing, TAME[name].recipe(), 5, step=first)
        engine.advance(first + 3)
        expected, _, _ = reference.run(packing, TAME[name], 5, 3, first=first)
        gap = engine.snapshot()[0] * 2.0**-64 * packing.box - expected
        assert np.allclose(gap, packing.box * np.rint(gap / packing.box), atol=1e-11)


def test_many_particles_at_one_point_come_apart():
    packing = mpack.Packing(np.full((12, 2), 1.0), 6.0)
    run = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.1), steps=3000, seed=1)
    assert np.all(
        run.final.fixed[:, 1] == packing.fixed[:, 1]
    )  # a line they never leave: no noise across it
    assert np.all(np.diff(np.sort(run.final.fixed[:, 0])) > 0)
    again = mpack.simulate(
        packing, mpack.PairwiseBRO(eps=0.1), steps=3000, seed=1, threads=2, skin=0.01
    )
    assert again.digest == run.digest


# -------------------------------------------------------------------------------------------------------
# laws


@pytest.mark.parametrize("potential", [mpack.Linear(), mpack.Hertzian()], ids=str)
def test_one_gradient_descent(potential):
    """b_f = 1: SGD, RCD, their approximations and batches of all are one process, to the bit, at any seed."""
    packing = mpack.Packing.random(n=150, phi=0.7, dim=3, seed=2)
    options = {"alpha": 0.05, "potential": potential}
    rules = [rule(batch_fraction=1, **options) for rule in (mpack.SGD, mpack.RCD)]
    rules += [rule.approximation() for rule in rules]
    rules += [rule(batch_size=10_000, **options) for rule in (mpack.SGD, mpack.RCD)]
    digests = {
        mpack.simulate(packing, rule, steps=50, seed=k).digest for k, rule in enumerate(rules)
    }
    assert len(digests) == 1


def drawn(packing, dynamics, key, step):
    """Which particles moved in that step of a run."""
    run = mpack.simulate(packing, dynamics, steps=0, seed=key)
    for _ in range(step):
        run = mpack.simulate(run, steps=1)
    before = run.final.fixed
    after = mpack.simulate(run, steps=1).final.fixed
    return np.any(before != after, axis=1)


def couples(count):
    """`count` overlapping pairs, each far from all others."""
    places = np.arange(count)[:, None] * [4.0, 0.0]
    return mpack.Packing(np.concatenate([places, places + [0.1, 0.2]]), 4.0 * count)


@pytest.mark.parametrize("batch", [1, 2, 7, 19, 20, 21, 40, 41])
@pytest.mark.parametrize("rule", [mpack.SGD, mpack.RCD])
def test_batches_hold_exactly_b(rule, batch):
    for key in range(8):
        moved = drawn(couples(20), rule(alpha=1e-3, batch_size=batch), key, key % 3)
        if rule is mpack.SGD:
            assert np.array_equal(moved[:20], moved[20:]) and np.count_nonzero(moved) == 2 * min(
                batch, 20
            )
        else:
            assert np.count_nonzero(moved) == min(batch, 40)


def test_batches_are_drawn_evenly(seed):
    """400 steps of 5 of 20 pairs: each pair's count is Binomial(400, 1/4) but for their fixed sum; chi-square
    of the counts with 19 degrees, false alarm 1e-6. It would see one pair drawn at 0.44 instead of
    0.25 nine times in ten.
    """
    from scipy import stats

    counts = np.zeros(20)
    packing, dynamics = couples(20), mpack.SGD(alpha=1e-9, batch_size=5)
    run = mpack.simulate(packing, dynamics, steps=0, seed=seed)
    for _ in range(400):
        after = mpack.simulate(run, steps=1)
        counts += np.any(after.final.fixed != run.final.fixed, axis=1)[:20]
        run = after
    assert counts.sum() == 2000
    spread = np.sum((counts - 100) ** 2) / (400 * 0.25 * 0.75) * 19 / 20
    assert stats.chi2.sf(spread, 19) > 1e-6 and stats.chi2.cdf(spread, 19) > 1e-6


@pytest.mark.parametrize("name", EVERY)
def test_centre_of_mass(name):
    """Exactly zero for opposite pushes, whatever the potential; not for the others, and they are seen to move
    by more than 1e-6 of a diameter.
    """
    rule = EVERY[name].of if isinstance(EVERY[name], Approximation) else EVERY[name]
    fixed_centre = getattr(rule, "correlation", None) == -1
    for dim, threads in ((2, 1), (3, 2)):
        run = mpack.simulate(
            shaken(dim, 14 if dim == 2 else 6), EVERY[name], steps=40, seed=3, threads=threads
        )
        assert run.overflows == 0
        shifts = [
            sum(int(b) - int(a) + (int(w) << 64) for a, b, w in zip(*columns))
            for columns in zip(
                run.start.fixed.T.tolist(), run.final.fixed.T.tolist(), run.wraps.T.tolist()
            )
        ]
        assert run.digest != run.start.digest
        if fixed_centre:
            assert shifts == [0] * dim
        else:
            assert all(abs(shift) > 1e-6 * 2**64 / run.start.box for shift in shifts)


@pytest.mark.parametrize(
    "name",
    ["SGD Lennard-Jones from a random start, d = 2", "PairwiseBRO, eps far too large, d = 3"],
)
def test_centre_of_mass_even_when_pushes_are_cut(name):
    """Cut pushes are cut alike at both ends: modulo the box the centre of mass still does not move."""
    start, dynamics = next(
        (start, rule) for case, start, rule in reference.golden_cases() if case == name
    )
    with pytest.warns(RuntimeWarning):
        run = mpack.simulate(start, dynamics, steps=30, seed=3)
    for column in range(start.dim):
        assert (
            sum(run.final.fixed[:, column].tolist()) - sum(start.fixed[:, column].tolist())
        ) % 2**64 == 0


def test_gradient_descent_goes_downhill():
    """alpha far below the inverse of the largest curvature: the energy falls at every step, by alpha |grad
    V|**2.
    """
    packing = mpack.Packing.random(n=150, phi=0.9, dim=3, seed=4)
    for potential in (mpack.Harmonic(), mpack.Hertzian()):
        dynamics = mpack.SGD(alpha=1e-3, batch_fraction=1, potential=potential)
        run = mpack.simulate(packing, dynamics, steps=200, seed=0, record=mpack.every(1))
        assert np.all(np.diff(run.energy) < 0)
        moved, _ = reference.step(packing.positions, packing.box, packing.diameters, dynamics, 0, 0)
        assert run.energy[0] - run.energy[1] == pytest.approx(np.sum(moved**2) / 1e-3, rel=0.02)


def test_dilute_is_absorbed_at_once():
    run = mpack.simulate(
        mpack.Packing.random(n=50, phi=1e-9, dim=3, seed=1),
        mpack.PairwiseBRO(eps=0.1),
        steps=9,
        seed=1,
    )
    assert run.absorbed and run.steps == 0 and run.msd[-1] == 0


# ---------------------------------------------------------------------------------------------------
# partners


@given(st.floats(1e-6, 10.0))
@settings(max_examples=50, deadline=None)
def test_matching_rule(eps):
    """b_f = 3/4 and alpha = eps / b_f: mean alpha b_f/2 = eps/2 and variance alpha**2 b_f (1 - b_f)/4 =
    eps**2/12.
    """
    for bro, descent in ((mpack.PairwiseBRO, mpack.SGD), (mpack.IndividualBRO, mpack.RCD)):
        partner = mpack.matched(bro(eps=eps))
        assert type(partner) is descent and partner.batch_fraction == 0.75
        assert partner.alpha == pytest.approx(4 * eps / 3, rel=1e-15)
        assert mpack.matched(partner) == bro(eps=partner.alpha * 0.75)
        assert mpack.matched(bro(eps=eps).approximation()) == partner.approximation()


@pytest.mark.parametrize("bro", [mpack.PairwiseBRO, mpack.IndividualBRO])
def test_matched_approximations_are_one_process(bro):
    """Not only in law: with the same Gaussians their displacements agree to rounding."""
    packing = mpack.Packing.random(n=100, phi=0.7, dim=3, seed=4)
    rule = bro(eps=0.03).approximation()
    moved = [
        displacement(mpack.simulate(packing, one, steps=1, seed=5))
        for one in (rule, mpack.matched(rule))
    ]
    assert np.allclose(*moved, rtol=1e-12, atol=1e-15) and np.abs(moved[0]).max() > 1e-3


def test_approximation_of_an_approximation():
    rule = mpack.SGD(alpha=0.1, batch_fraction=0.3).approximation()
    assert rule.approximation() is rule
    assert rule == mpack.SGD(alpha=0.1, batch_fraction=0.3).approximation() and rule != mpack.SGD(
        0.1, 0.3
    )


WORDS = {
    "BRO": mpack.PairwiseBRO(0.1),
    "non-reciprocal BRO": mpack.NonreciprocalBRO(0.1),
    "individual BRO": mpack.IndividualBRO(0.1),
    "SGD": mpack.SGD(0.1, 0.5),
    "RCD": mpack.RCD(0.1, 0.99),
    "GD": mpack.RCD(0.1, 1),
    "RO": mpack.RandomOrganization(0.1),
    "RO, c = 0": mpack.RandomOrganization(0.1, correlation=0),
    "BRO, c = -0.75": mpack.PairwiseBRO(0.1, correlation=-0.75),
    "SGD, c = 0": mpack.SGD(0.1, 0.5, correlation=0),
    "antithetic SGD": mpack.SGD(0.1, 0.5, memory="antithetic"),
    "antithetic BRO, c = 1": mpack.PairwiseBRO(0.1, correlation=1, memory="antithetic"),
}


@pytest.mark.parametrize("words", WORDS)
def test_a_process_has_one_name_as_an_object_and_in_a_table(words):
    rules = [WORDS[words], WORDS[words].approximation()]
    assert [rule.label for rule in rules] == [words, f"{words} approximation"]
    table = mpack.sweep(mpack.specs(rules, n=20, phi=0.3, steps=1), progress=False)
    assert list(table.process) == [rule.label for rule in rules]


def test_a_correlation_of_zero_is_the_non_reciprocal_rule():
    """One process, bit for bit and by name; and of -1 the rule itself, also for SGD and kicks."""
    packing = mpack.Packing.random(n=200, phi=0.7, dim=3, seed=1)

    def same(*rules):
        return len({mpack.simulate(packing, one, steps=30, seed=2).digest for one in rules}) == 1

    zero, other = mpack.PairwiseBRO(eps=0.1, correlation=0), mpack.NonreciprocalBRO(eps=0.1)
    assert zero.label == other.label == "non-reciprocal BRO"
    assert same(zero, other) and same(zero.approximation(), other.approximation())
    assert zero.recipe() == other.recipe()
    assert mpack.SGD(0.1, 0.5, correlation=-1) == mpack.SGD(0.1, 0.5)
    descent = [mpack.SGD(0.1, 1), mpack.SGD(0.1, 1, correlation=0)]
    assert same(*descent, mpack.SGD(0.1, 1, memory="antithetic"))  # nothing to draw


@given(st.floats(-1, 1 / 3))
@example(1 / 3)
@settings(max_examples=20, deadline=None)
def test_matched_rules_have_the_same_correlation(c):
    rule = mpack.PairwiseBRO(eps=0.3, correlation=c)
    partner = mpack.matched(rule)
    assert type(partner) is mpack.SGD and partner.correlation == c
    assert mpack.matched(partner).correlation == c
    pair = [[0.0, 0.0], [0.5, 0.0]]
    for one, other in zip(mpack.kicks.moments(pair, rule), mpack.kicks.moments(pair, partner)):
        assert np.allclose(one, other, rtol=1e-12, atol=1e-15)


def test_the_partner_of_the_non_reciprocal_rule():
    partner = mpack.matched(mpack.NonreciprocalBRO(eps=0.3))
    assert partner == mpack.SGD(alpha=0.3 / 0.75, batch_fraction=0.75, correlation=0)
    assert mpack.matched(partner) == mpack.PairwiseBRO(eps=partner.alpha * 0.75, correlation=0)


@given(st.floats(0.01, 0.99))
@settings(max_examples=30, deadline=None)
def test_how_far_two_batches_can_be_anticorrelated(b):
    """Frechet: P(both) >= max(0, 2 b - 1), so that -Cov/Var is at most what the library says."""
    bound = (b * b - max(0.0, 2 * b - 1)) / (b * (1 - b))
    largest = mpack.dynamics.largest_correlation(b)
    assert largest == pytest.approx(bound, rel=1e-9)
    assert mpack.SGD(0.1, b, correlation=largest).recipe().tied == pytest.approx(1, rel=1e-12)
    if largest < 0.999:
        with pytest.raises(ValueError, match="anticorrelated only so far"):
            mpack.SGD(0.1, b, correlation=largest + 1e-3)


def test_batches_of_a_size_and_gradient_descents_of_both_kinds():
    assert mpack.SGD(0.1, batch_size=1).label == "SGD" and mpack.SGD(0.1, 1.0).label == "GD"
    assert list(mpack.dynamics.matched_processes(0.1)) == [
        *("BRO", "SGD", "individual BRO", "RCD"),
        *("BRO approximation", "SGD approximation"),
        *("individual BRO approximation", "RCD approximation"),
    ]


def test_what_is_no_process_has_no_name():
    with pytest.raises(ValueError, match="rule must be one of 'PairwiseBRO'"):
        mpack.dynamics.process_label("BRO")
    with pytest.raises(ValueError, match="rule must be one of"):
        _ = mpack.dynamics.Dynamics().label
