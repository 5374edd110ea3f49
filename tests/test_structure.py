"""Structure: density waves, their noise, their moving and frozen parts, exponents, counts in balls."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack
from mpack import Packing, landscape, structure

VECTORS = {2: [[1, 0], [0, -2], [3, 1]], 3: [[1, 0, 0], [0, -1, 2], [2, 2, 1], [-1, 0, 3]]}


def numpy_waves(packing, vectors):
    """The definition, in floating point."""
    q = 2 * np.pi / packing.box * np.asarray(vectors)
    return np.exp(-1j * packing.positions @ q.T).sum(axis=0)


@pytest.mark.parametrize("dim", [2, 3])
def test_density_waves_are_sums_of_phases(dim):
    packing = Packing.random(n=300, phi=0.4, dim=dim, seed=1)
    found = structure.density_waves(packing, VECTORS[dim])
    assert np.allclose(found, numpy_waves(packing, VECTORS[dim]), atol=1e-10)
    whole = mpack.structure_factor(packing, q_max=3.0)
    again = structure.density_waves(packing, whole.vectors)
    assert np.array_equal(again, whole.modes)
    assert np.allclose(structure.density_waves(packing, -whole.vectors), whole.modes.conj())


@given(shift=st.integers(-(2**63), 2**63 - 1), seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_moving_everything_alike_turns_waves_and_leaves_the_structure_factor(shift, seed):
    packing = Packing.random(n=20, phi=0.2, dim=2, seed=seed)
    moved = Packing.from_fixed(packing.fixed + np.int64(shift), packing.box)
    before = structure.density_waves(packing, VECTORS[2])
    after = structure.density_waves(moved, VECTORS[2])
    turn = np.exp(-2j * np.pi * 2.0**-64 * (np.array(VECTORS[2])[:, 0] * shift + 0.0))
    turn *= np.exp(-2j * np.pi * 2.0**-64 * (np.array(VECTORS[2])[:, 1] * shift + 0.0))
    assert np.allclose(after, before * turn, atol=1e-9)


def pair_noise(packing, vectors, eps, both):
    """The closed form for pairs pushed by eps u n, u of variance 1/12: oppositely, or each end apart."""
    q = 2 * np.pi / packing.box * np.asarray(vectors)
    pairs, r = packing.overlaps()
    apart = packing.positions[pairs[:, 0]] - packing.positions[pairs[:, 1]]
    apart -= packing.box * np.round(apart / packing.box)
    along = (apart / r[:, None]) @ q.T
    return np.sum(eps**2 / 6 * along**2 * (1 - np.cos(apart @ q.T) if both else 1.0), axis=0)


def test_wave_noise_of_pairs_is_its_closed_form():
    packing = Packing.random(n=400, phi=0.5, dim=3, seed=2)
    for rule, both in ((mpack.PairwiseBRO, True), (mpack.NonreciprocalBRO, False)):
        found = structure.wave_noise(packing, rule(eps=0.02), VECTORS[3])
        assert np.allclose(found, pair_noise(packing, VECTORS[3], 0.02, both), rtol=1e-9)
    approximation = mpack.PairwiseBRO(eps=0.02).approximation()
    expected = pair_noise(packing, VECTORS[3], 0.02, True)
    assert np.allclose(structure.wave_noise(packing, approximation, VECTORS[3]), expected)


@pytest.mark.parametrize("rule", [mpack.RCD(0.02, 0.5), mpack.IndividualBRO(0.01)], ids=repr)
def test_wave_noise_from_the_covariance_of_a_step(rule):
    packing = Packing.random(n=100, phi=0.5, dim=3, seed=3)
    covariance = landscape.kick_covariance(packing, rule).toarray()
    for vector in VECTORS[3]:
        q = 2 * np.pi / packing.box * np.array(vector)
        slope = (np.exp(-1j * packing.positions @ q)[:, None] * q).ravel()
        expected = (slope @ covariance @ slope.conj()).real
        assert structure.wave_noise(packing, rule, [vector])[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_wave_noise_is_what_the_engine_adds():
    packing = Packing.random(n=300, phi=0.5, dim=3, seed=4)
    draws = 400
    for rule, other in (
        (mpack.PairwiseBRO(0.002), mpack.NonreciprocalBRO(0.002)),
        (mpack.SGD(0.002, 0.5), mpack.RCD(0.002, 0.5)),
    ):
        ends = (mpack.simulate(packing, rule, steps=1, seed=k).final for k in range(draws))
        drawn = np.array([structure.density_waves(end, VECTORS[3]) for end in ends])
        ratio = drawn.var(axis=0, ddof=1) / structure.wave_noise(packing, rule, VECTORS[3])
        assert np.all(np.abs(ratio - 1) < 5 * draws**-0.5)
        wrong = drawn.var(axis=0, ddof=1) / structure.wave_noise(packing, other, VECTORS[3])
        assert np.any(np.abs(wrong - 1) > 5 * draws**-0.5), "the negative control"


def test_gradient_descent_adds_no_noise():
    packing = Packing.random(n=100, phi=0.5, dim=2, seed=5)
    assert np.all(structure.wave_noise(packing, mpack.SGD(0.1, 1.0), VECTORS[2]) == 0)


def test_wave_parts_add_up_and_tell_frozen_from_moving():
    rng = np.random.default_rng(6)
    cage = Packing.random(n=500, phi=0.3, dim=3, seed=7)
    looks = [
        Packing(cage.positions + rng.normal(0, 0.15, (cage.n, 3)), cage.box) for _ in range(12)
    ]
    parts = structure.wave_parts(looks, q_max=3.0)
    whole = np.mean([mpack.structure_factor(look, q_max=3.0).shell_s for look in looks], axis=0)
    assert np.allclose(parts.moving.mean(axis=0) + parts.frozen, whole)
    kept = np.exp(-(parts.q**2) * 0.15**2)  # of the waves of the cage, the Debye-Waller factor
    error = (parts.counts * (len(looks) - 1)) ** -0.5
    assert np.all(np.abs(parts.moving.mean(axis=0) / (1 - kept) - 1) < 5 * error + 0.02)
    same = structure.wave_parts([cage, cage, cage])
    assert np.allclose(same.moving, 0) and np.allclose(
        same.frozen, mpack.structure_factor(cage, q_max=2.4).shell_s
    )


@pytest.mark.parametrize("dim", [2, 3])
def test_resolution_counts_the_waves_of_a_packing(dim):
    found = structure.resolution(2000, 0.5, 1.5, dim)
    packing = Packing.random(n=2000, phi=0.5, dim=dim, seed=8)
    q = mpack.structure_factor(packing, q_max=1.5).q
    logs = np.log(np.concatenate((q, q)))  # q and -q, each half a measurement
    assert found.q_min == pytest.approx(2 * np.pi / packing.box) and found.vectors == len(q)
    assert found.error == pytest.approx((0.5 * np.sum((logs - logs.mean()) ** 2)) ** -0.5)
    few = structure.resolution(100, 0.5, 0.1, dim)
    assert few.vectors == 0 and math.isnan(few.error)


def test_resolution_is_the_scatter_of_fits():
    packings = [Packing.random(n=500, phi=0.4, dim=3, seed=seed) for seed in range(60)]
    fits = []
    for packing in packings:
        found = mpack.structure_factor(packing, q_max=2.0)
        group = (found.shell_q, found.shell_s[None], found.shell_counts)
        fits.append(structure.exponent([group], 2.0, seed=1).value)
    expected = structure.resolution(500, 0.4, 2.0).error
    assert np.std(fits, ddof=1) == pytest.approx(expected, rel=5 * (2 * 59) ** -0.5)


def drawn_group(rng, scale, runs, power, curve, low):
    """S of shells as exponentially distributed waves give it."""
    q = low * np.arange(1, 12)
    counts = np.rint(2 * np.pi * np.arange(1, 12) ** 2).astype(int)
    mean = scale * q**power * np.exp(curve * q**2)
    return q, mean * rng.gamma(counts, 1 / counts, (runs, len(q))), counts


def test_exponent_and_its_error_by_repetition():
    rng, pulls, straight = np.random.default_rng(9), [], []
    for _ in range(80):
        groups = [drawn_group(rng, a, 3, 0.25, 0.1, low) for a, low in ((0.01, 0.2), (0.02, 0.13))]
        found = structure.exponent(groups, 2.0, bend=True, seed=1)
        pulls.append((found.value - 0.25) / found.error)
        straight.append((structure.exponent(groups, 2.0, seed=1).value - 0.25) / found.error)
    assert abs(np.mean(pulls)) < 4 * 80**-0.5 and 0.75 < np.std(pulls) < 1.25
    assert np.mean(straight) > 4 * 80**-0.5, "the negative control: a bend taken for a power"


def test_exponent_by_polyfit_and_by_bootstrap():
    rng = np.random.default_rng(10)
    q, s, counts = drawn_group(rng, 0.01, 8, 0.5, 0.0, 0.2)
    found = structure.exponent([(q, s, counts)], 1.0, seed=3, resamples=50)
    assert tuple(found.estimate) == (found.value, found.error)
    use, weight = q <= 1.0, counts * len(s)
    y = np.log(s.mean(axis=0)) + 0.5 / weight
    line, cov = np.polyfit(np.log(q[use]), y[use], 1, w=weight[use] ** 0.5, cov="unscaled")
    assert found.value == pytest.approx(line[0])
    assert found.error >= cov[0, 0] ** 0.5 * (1 - 1e-9)
    residual = y[use] - np.polyval(line, np.log(q[use]))
    assert found.misfit == pytest.approx(np.sum(weight[use] * residual**2) / (use.sum() - 2))
    uneven = (
        s * rng.lognormal(0, 1, (8, 1)) * q ** rng.normal(0, 1, (8, 1))
    )  # runs unlike each other
    rough = structure.exponent([(q, uneven, counts)], 1.0, seed=3)
    assert rough.error > 3 * cov[0, 0] ** 0.5, "the spread over runs counts where it is larger"


def test_shells_of_a_table():
    options = {"structure_factor": {"q_max": 2.0}}
    some = mpack.specs(
        mpack.PairwiseBRO(0.1), n=[100, 200], phi=0.3, steps=2, seed=[1, 2], observables=options
    )
    table = mpack.sweep(some, progress=False)
    q, s, counts = structure.shells_of(table[table.n == 100])
    for row, own in zip(some[:2], s, strict=True):
        found = mpack.structure_factor(row.run().final, q_max=2.0, per_shell=500)
        assert np.array_equal(own, found.shell_s) and np.array_equal(q, found.shell_q)
        assert np.array_equal(counts, found.shell_counts)
    with pytest.raises(ValueError, match="their wave numbers differ"):
        structure.shells_of(table)
    with pytest.raises(ValueError, match="0 of 0"):
        structure.shells_of(table[:0])
    bare = mpack.sweep([mpack.Spec(mpack.PairwiseBRO(0.1), n=50, phi=0.3, steps=2)], progress=False)
    with pytest.raises(ValueError, match="1 of 1 have none"):
        structure.shells_of(bare)


@pytest.mark.parametrize("dim", [2, 3])
def test_count_variance_by_distances_and_of_uniform_centres(dim):
    packing = Packing.random(n=200, phi=0.2, dim=dim, seed=11)
    radii = np.array([0.7, 1.3])
    found = structure.count_variance(packing, radii, balls=300, seed=[4, 5])
    middles = np.random.default_rng([4, 5]).random((300, dim)) * packing.box
    apart = middles[:, None] - packing.positions
    apart -= packing.box * np.round(apart / packing.box)
    for place, radius in enumerate(radii):
        counts = np.sum(np.sum(apart**2, axis=2) < radius**2, axis=1)
        assert found.mean[place] == pytest.approx(counts.mean())
        assert found.variance[place] == pytest.approx(counts.var(ddof=1))
    many = [
        structure.count_variance(Packing.random(n=300, phi=0.2, dim=dim, seed=s), [1.0], seed=s)
        for s in range(40)
    ]
    ratio = np.array([one.ratio[0] for one in many])
    exact = 1 - mpack.packing.unit_ball_volume(dim) / Packing.random(300, 0.2, dim, 0).box ** dim
    assert abs(ratio.mean() - exact) < 4 * ratio.std(ddof=1) / 40**0.5


@given(turn=st.floats(0, 2 * math.pi), seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_hexatic_of_a_turned_patch_of_crystal(turn, seed):
    """The middle of a triangular patch has order 1 however it lies; of random discs, that of random angles."""
    axes = np.array([[1.0, 0.0], [0.5, 3**0.5 / 2]])
    places = np.stack(np.meshgrid(range(-3, 4), range(-3, 4)), axis=-1).reshape(-1, 2) @ axes
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = np.random.default_rng(seed).uniform(0, 20, 2)
    patch = Packing(places @ rotation.T + shift, box=20.0)
    middle = np.flatnonzero(np.all(np.isclose(places, 0), axis=1))
    assert structure.hexatic(patch)[middle] == pytest.approx(1, abs=1e-9)


def test_freud_agrees_on_hexatic_order():
    freud = pytest.importorskip("freud")
    packing = Packing.random(n=300, phi=0.6, dim=2, seed=12)
    theirs = freud.order.Hexatic(k=6)
    theirs.compute(packing.to_freud(), neighbors={"num_neighbors": 6})
    assert np.allclose(structure.hexatic(packing), np.abs(theirs.particle_order), atol=1e-4)


@pytest.mark.parametrize(
    "packing", [Packing.random(400, 0.5, 3, 1), Packing.lattice("fcc", 4, 0.6)]
)
def test_freud_agrees_on_bond_order(packing):
    freud = pytest.importorskip("freud")
    theirs = freud.order.Steinhardt(l=6)
    theirs.compute(packing.to_freud(), neighbors={"num_neighbors": 12})
    ours = structure.bond_order(packing)
    assert np.allclose(ours.local, theirs.particle_order, atol=1e-4)
    assert ours.total == pytest.approx(theirs.order, abs=1e-4)


def test_bond_order_tells_a_crystal_from_independent_centres():
    crystal = structure.bond_order(Packing.lattice("fcc", 4, 0.6))
    assert crystal.total == pytest.approx(0.57452, abs=1e-5)  # closed form, Steinhardt et al.
    assert crystal.coherence == pytest.approx(1.0, abs=1e-12)
    random = structure.bond_order(Packing.random(400, 0.5, 3, 1))
    assert random.total < 0.05 and abs(random.coherence.mean()) < 0.1


def test_hexatic_order_tells_crystals_grains_and_independent_centres():
    random = structure.hexatic_order(Packing.random(n=2000, phi=0.5, dim=2, seed=13))
    assert random.total < 4 * 2000**-0.5 and random.peak < 20 / 2000 and 0.3 < random.local < 0.45
    across, up = np.meshgrid(np.arange(24), np.arange(28))
    places = np.stack((across + 0.5 * (up % 2), up * 24 / 28), axis=-1).reshape(-1, 2)
    rng = np.random.default_rng(14)
    for spread in (0.03, 0.08):  # the peak falls by the Debye-Waller factor exp(-q**2 sigma**2)
        shaken = Packing(places + rng.normal(0, spread, places.shape), 24.0)
        found = structure.hexatic_order(shaken)
        q = 4 * np.pi / 3**0.5
        assert found.peak == pytest.approx(np.exp(-((q * spread) ** 2)), rel=0.15)
        assert found.total == pytest.approx(found.local, abs=0.05)
    order = np.abs(structure.hexatic(shaken))
    assert found.local == pytest.approx(order.mean(), rel=1e-12)


# ------------------------------------------------------------------------------------------------
# waves under noise with a correlation


@pytest.mark.parametrize("dim", [2, 3, 4, 5, 6])
def test_pair_factor_is_an_average_over_directions(dim):
    """Against quadrature over the angle, and what is known in closed form."""
    q, angle = np.array([0.0, 0.3, 1.0, 4.0]), np.linspace(0, np.pi, 20_001)
    weight, m = np.sin(angle) ** (dim - 2), np.cos(angle)
    for biased, moved in ((True, dim * m**2), (False, np.ones_like(m))):
        expected = [np.trapezoid(weight * moved * np.cos(x * m), angle) for x in q]
        expected = np.array(expected) / np.trapezoid(weight, angle)
        assert np.allclose(structure.pair_factor(q, dim, biased=biased), expected, atol=1e-7)
    both = structure.pair_factor(q, dim, r=[0.5, 1.0])
    halves = [structure.pair_factor(q * r, dim) for r in (0.5, 1.0)]
    assert np.allclose(both, np.mean(halves, axis=0))
    if dim == 3:
        assert np.allclose(structure.pair_factor(q[1:], biased=False), np.sin(q[1:]) / q[1:])
        small = structure.pair_factor([0.1])
        assert small == pytest.approx(1 - 3 * 0.01 / 10, abs=1e-5)


def test_correlated_waves_are_the_noise_of_one_step():
    """`wave_noise` of an isotropic crowd of contacts over q**2, against 1 + c g(q): the parameter-free part."""
    height, turn = 1 - 2 * (np.arange(4000) + 0.5) / 4000, np.arange(4000) * np.pi * (3 - 5**0.5)
    around = np.stack((np.cos(turn), np.sin(turn))) * np.sqrt(1 - height**2)
    pairs = 0.999 * np.stack((*around, height), axis=1)  # evenly over the sphere
    cells = np.stack(np.unravel_index(np.arange(4000), (16, 16, 16)), axis=1) * 3.0 + 1.0
    packing = Packing(np.stack((cells, cells + pairs), axis=1).reshape(-1, 3), 48.0)
    vectors = [[0, 0, 2], [4, 0, 0], [0, 8, 0], [16, 2, 0]]
    q = 2 * np.pi / 48.0 * np.linalg.norm(vectors, axis=1)
    for kind, biased in ((mpack.PairwiseBRO, True), (mpack.RandomOrganization, False)):
        for c in (-0.9, -0.3, 0, 0.8):
            found = structure.wave_noise(packing, kind(eps=0.1, correlation=c), vectors)
            per_pair = 2 / 3 * q**2 * 0.01 * (1 / 12 if biased else 1 / 3)
            expected = structure.correlated_waves(q, c, plateau=1, biased=biased, r=0.999)
            assert np.allclose(found / per_pair / len(pairs), expected, atol=0.005)


def drawn_groups(c_values, runs=5, seed=0):
    """S(q) of runs with the statistics of waves, by the theory."""
    rng, q, counts = (
        np.random.default_rng(seed),
        np.linspace(0.25, 2.0, 8),
        np.arange(1, 9) ** 2 * 9,
    )
    return {
        c: (
            q,
            structure.correlated_waves(q, c, plateau=0.02, chi=3)
            * rng.gamma(counts * 10, 1 / (counts * 10), (runs, 8)),
            counts,
        )
        for c in c_values
    }


NINE = (-1, -0.99, -0.97, -0.9, -0.75, -0.5, 0, 0.5, 1)


def test_lines_in_the_correlation_find_the_pair_factor(seed):
    """Within 5 errors at each of eight wave numbers (4e-6), errors below a tenth; and not with the other g."""
    lines = structure.correlation_lines(drawn_groups(NINE, seed=seed))
    expected = structure.pair_factor(lines.q) / (1 + 3 * (1 - structure.pair_factor(lines.q)))
    assert np.all(np.abs(lines.ratio - expected) < 5 * lines.error)
    assert np.all(lines.error < 0.1) and lines.dof == 36
    assert np.mean(lines.misfit) < 3
    other = structure.pair_factor(lines.q, biased=False)
    other /= 1 + 3 * (1 - structure.pair_factor(lines.q))
    assert np.any(np.abs(lines.ratio - other) > 5 * lines.error)


def test_the_scatter_of_runs_is_pooled_and_a_single_run_has_that_of_a_look(seed):
    """Gamma of shape 10 m: 1/(10 m), whatever the mean; of one run each 1/m. Lines of both agree."""
    groups = drawn_groups(NINE, runs=40, seed=seed)
    relative, dof = structure.run_scatter(groups.values())
    counts = groups[0][2]
    assert dof == 9 * 39 and np.all(np.abs(relative * counts * 10 - 1) < 5 * (2 / dof) ** 0.5)
    single = {c: (q, s[:1], counts) for c, (q, s, counts) in groups.items()}
    relative, dof = structure.run_scatter(single.values())
    assert dof == np.inf and np.allclose(relative, 1 / counts)
    some = [*single.values(), (groups[0][0], groups[0][1][:2], counts)]  # one group of ten has two
    assert np.array_equal(structure.run_scatter(some)[0], relative)
    few, many = structure.correlation_lines(single), structure.correlation_lines(groups)
    assert np.all(np.abs(few.ratio - many.ratio) < few.error) and np.all(few.error > many.error)


@pytest.mark.parametrize(("rule", "chi"), [(mpack.PairwiseBRO, 3.0), (mpack.SGD, 1 / 3)])
def test_mean_pushes_are_noise_where_contacts_are_drawn_anew(rule, chi):
    """The squared waves of mean steps over the noise of steps, contacts thrown at random, is chi (1 - g)/(1 + c g).

    2000 means of exponential variables: 12 per cent are 5 errors.
    """
    rng, c, r, pairs = np.random.default_rng(1), 0.3, 0.9, 2000
    rule = rule(0.1, correlation=c) if chi == 3 else rule(0.1, 0.25, correlation=c)
    pushed = np.linalg.norm(mpack.kicks.moments([[0.0] * 3, [r, 0.0, 0.0]], rule)[0][0])
    vectors = np.rint(40 * isotropic(rng, 200)).astype(int)
    pushes, noise = 0.0, 0.0
    for _ in range(10):
        way = isotropic(rng, pairs)
        ends = np.stack([middle := rng.uniform(0, 200, (pairs, 3)), middle + r * way], axis=1)
        packing = Packing(ends.reshape(-1, 3), 200.0)  # so thin that few pairs meet another
        q = 2 * np.pi / packing.box * vectors
        phases = np.exp(-1j * ends @ q.T)
        pushes += np.abs(np.sum(pushed * (way @ q.T) * (phases[:, 1] - phases[:, 0]), axis=0)) ** 2
        noise += structure.wave_noise(packing, rule, vectors)
    g = structure.pair_factor(np.linalg.norm(q, axis=1), r=r)
    assert 0.3 < g.mean() < 0.8
    assert np.mean(pushes / noise) == pytest.approx(np.mean(chi * (1 - g) / (1 + c * g)), rel=0.12)


def isotropic(rng, count):
    """Unit vectors in three dimensions."""
    found = rng.standard_normal((count, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


TRUE = np.array([0.004, 0.03, -0.008])  # S(0), k, e
BOXES = (np.linspace(0.3, 0.9, 5), np.linspace(0.18, 0.9, 7))


def series(q):
    return TRUE @ [q**0, q**2, q**4]


def drawn_boxes(rng, runs=(4, 6), spread=0.03, shape=series):
    """Two boxes whose runs scatter by `spread` and more, their shells dependent, one box more at long waves."""
    boxes = []
    for q, many, relative in zip(BOXES, runs, spreads(spread)):
        own = rng.standard_normal((many, len(q))) + 1.5 * rng.standard_normal((many, 1))
        boxes.append((q, shape(q) * (1 + relative * own), np.full(len(q), 100)))
    return boxes


def spreads(spread):
    return [spread * (1 + slow / (1 + 9 * q**2)) for q, slow in zip(BOXES, (0.0, 1.0))]


def long_coefficients(found):
    return found.plateau, found.curvature, found.quartic


@given(
    start=st.floats(1e-3, 1),
    bend=st.floats(-0.3, 2),
    rest=st.floats(-0.2, 1),
    unit=st.floats(1e-3, 1e3),
    known=st.booleans(),
)
def test_what_is_such_a_series_is_found_exactly(start, bend, rest, unit, known):
    """In any unit of length, with weights or without, by one box or two."""
    q = [unit * one for one in BOXES]
    groups = [
        (
            x,
            np.tile(start + bend * (x / unit) ** 2 + rest * (x / unit) ** 4, (2, 1)),
            np.full(len(x), 9),
        )
        for x in q
    ]
    scatter = [(0.1 / (1 + x / unit), 5.0) for x in q] if known else None
    if any(np.any(s <= 0) for _, s, _ in groups):
        return
    for some in (slice(None), slice(1)):
        own = None if scatter is None else scatter[some]
        found = structure.long_waves(groups[some], q[0][-1], scatter=own)
        values = [one.value * unit**p for one, p in zip(long_coefficients(found), (0, 2, 4))]
        assert values == pytest.approx([start, bend, rest], abs=1e-10)
        if bend > 0.1:
            assert found.crossover.value == pytest.approx(unit * (start / bend) ** 0.5, rel=1e-8)


def test_with_known_scatter_it_is_a_weighted_parabola_in_q_squared():
    """numpy.polyfit as the other implementation: values, covariance, chi**2; and the range of q."""
    rng = np.random.default_rng(3)
    boxes = drawn_boxes(rng, runs=(1, 2))
    scatter = [(0.01 * (1 + q), 9.0) for q, _, _ in boxes]
    found = structure.long_waves(boxes, 0.8, q_min=0.25, scatter=scatter)
    q, s, error = [], [], []
    for (x, one, _), (v, _) in zip(boxes, scatter):
        use, mean = (x >= 0.25) & (x <= 0.8), one.mean(axis=0)
        q, s = [*q, *x[use]], [*s, *mean[use]]
        error += (mean * np.sqrt(v / len(one)))[use].tolist()
    q, s, error = np.array(q), np.array(s), np.array(error)
    fit, covariance = np.polyfit(q**2, s, 2, w=1 / error, cov="unscaled")
    assert [one.value for one in long_coefficients(found)] == pytest.approx(fit[::-1])
    assert found.covariance == pytest.approx(covariance[::-1, ::-1])
    chi2 = np.sum(((s - np.polyval(fit, q**2)) / error) ** 2)
    assert found.misfit == pytest.approx(chi2 / (len(q) - 3))
    assert (found.plateau.n, found.plateau.dof) == (3, 9.0)
    p, k = fit[2], fit[1]
    slopes = np.array([0.5 / p, -0.5 / k])
    relative = (slopes @ found.covariance[:2, :2] @ slopes) ** 0.5
    assert found.crossover.error == pytest.approx((p / k) ** 0.5 * relative)


def test_errors_over_runs_cover_the_truth_whatever_shells_have_in_common(seed):
    """600 data sets: the truth within Student's 90 per cent, in 84.5 to 95.5 of them (4.5 errors).

    Errors as if shells were independent do not, though the variance of each is known exactly.
    """
    from scipy import stats

    rng, inside, control = np.random.default_rng(seed), np.zeros(3), np.zeros(3)
    scatter = [(3.25 * relative**2, np.inf) for relative in spreads(0.03)]
    for _ in range(600):
        boxes = drawn_boxes(rng)
        found = structure.long_waves(boxes, 1.0)
        assert 3 <= found.plateau.dof <= 8 and found.plateau.n == 10
        plain = structure.long_waves(boxes, 1.0, scatter=scatter)
        for counted, fit in ((inside, found), (control, plain)):
            for k, one in enumerate(long_coefficients(fit)):
                counted[k] += abs(one.value - TRUE[k]) < stats.t.ppf(0.95, one.dof) * one.error
    assert np.all(np.abs(inside / 600 - 0.9) < 0.055)
    assert np.any(np.abs(control / 600 - 0.9) > 0.055)


def test_errors_from_known_scatter_cover_the_truth(seed):
    """Waves as they are, gamma of m looks' shape, one run a box: 600 data sets, and chi**2 is 1 in the mean."""
    rng, inside, misfits = np.random.default_rng(seed), np.zeros(3), []
    counts = [np.full(len(q), 900) for q in BOXES]
    for _ in range(600):
        boxes = [
            (q, series(q) * rng.gamma(m, 1 / m, (1, len(q))), m) for q, m in zip(BOXES, counts)
        ]
        scatter = [structure.run_scatter([box]) for box in boxes]
        found = structure.long_waves(boxes, 1.0, scatter=scatter)
        misfits.append(found.misfit)
        for k, one in enumerate(long_coefficients(found)):
            inside[k] += abs(one.value - TRUE[k]) < 1.645 * one.error
    assert np.all(np.abs(inside / 600 - 0.9) < 0.055)
    assert np.mean(misfits) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("shape", "q_max"), [(lambda q: 0.03 * q, 1.0), (lambda q: 0.02 + 0.01 * np.cos(6 * q), 1.0)]
)
def test_another_form_does_not_fit(shape, q_max, seed):
    """S proportional to |q|, and a wave: chi**2 beyond 5 per freedom, where the right form has 2.5 at most."""
    rng = np.random.default_rng(seed)
    how = {"runs": (20, 20), "spread": 0.002}
    right = structure.long_waves(drawn_boxes(rng, **how), q_max)
    wrong = structure.long_waves(drawn_boxes(rng, shape=shape, **how), q_max)
    assert right.misfit < 2.5 and wrong.misfit > 5


def test_too_large_waves_are_told_by_the_misfit_and_left_out_by_q_max():
    """1/(1 + q**2) to q = 0.5 is such a series to its errors, to q = 2 it is not."""
    q, rng = np.linspace(0.1, 2.0, 20), np.random.default_rng(5)
    s = 0.01 / (1 + q**2) * (1 + 0.005 * rng.standard_normal((8, 20)))
    near, far = (structure.long_waves([(q, s, np.full(20, 9))], q_max) for q_max in (0.5, 2.0))
    assert near.misfit < 4 < 10 < far.misfit
    assert abs(near.plateau.value - 0.01) < 5 * near.plateau.error
    assert abs(far.plateau.value - 0.01) > 5 * far.plateau.error


def test_three_shells_have_no_misfit_and_a_falling_curve_no_crossover():
    s = 2 - 0.5 * GROUP[0] * np.ones((2, 3))
    none = structure.long_waves([(GROUP[0], s, GROUP[2])], 2.0)
    assert none.crossover is None and none.curvature.value < 0 and none.misfit is None
    far = (np.array([5.0, 6.0]), np.ones((1, 2)), np.array([9, 9]))  # no shell of it is used
    assert structure.long_waves([(GROUP[0], s, GROUP[2]), far], 2.0).plateau == none.plateau


SMALL = Packing.random(n=20, phi=0.2, dim=2, seed=1)
GROUP = (np.array([0.5, 1.0, 1.5]), np.ones((1, 3)), np.array([4, 8, 12]))
OTHER = (np.array([0.6, 1.0, 1.5]), *GROUP[1:])
TWICE = [(GROUP[0], np.ones((2, 3)), GROUP[2])] * 2
KNOWN = (np.full(3, 0.1), 9.0)
SMALLEST = [(1e-90 * GROUP[0], np.ones((2, 3)), GROUP[2])]
FAINTEST = [(GROUP[0], 1e-320 * np.ones((2, 3)), GROUP[2])]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: structure.density_waves(None, [[1, 0]]), TypeError, "packing must be"),
        (lambda: structure.density_waves(SMALL, [[1.0, 0.0]]), TypeError, "vectors must be int"),
        (lambda: structure.density_waves(SMALL, [[1, 0, 0]]), TypeError, r"\(m, 2\)"),
        (lambda: structure.density_waves(SMALL, [[10_001, 0]]), ValueError, "10000"),
        (lambda: structure.density_waves(SMALL, [[-(2**63), 0]]), ValueError, "10000"),
        (lambda: structure.wave_noise(SMALL, None, [[1, 0]]), TypeError, "dynamics must be"),
        (
            lambda: structure.wave_noise(SMALL, mpack.SGD(0.1, batch_size=2), [[1, 0]]),
            ValueError,
            "2",
        ),
        (lambda: structure.wave_parts([SMALL]), ValueError, "two looks at least; got 1"),
        (lambda: structure.wave_parts([SMALL, None]), TypeError, "packing must be"),
        (
            lambda: structure.wave_parts([SMALL, Packing.random(30, 0.2, 2, 1)]),
            ValueError,
            "they differ",
        ),
        (lambda: structure.resolution(0, 0.5, 1.0), ValueError, "n must be"),
        (lambda: structure.resolution(100, 0.5, -1.0), ValueError, "q_max must be"),
        (lambda: structure.resolution(100, 0.5, 1e9), ValueError, "too many wave vectors"),
        (lambda: structure.exponent([], 1.0, seed=1), ValueError, "groups must"),
        (lambda: structure.exponent([GROUP[:2]], 1.0, seed=1), TypeError, r"groups\[0\]"),
        (lambda: structure.exponent([GROUP], 1.0, bend=True, seed=1), ValueError, "they have 2"),
        (lambda: structure.exponent([GROUP], 0.0, seed=1), ValueError, "q_max must be"),
        (
            lambda: structure.exponent([(GROUP[0], -GROUP[1], GROUP[2])], 1.0, seed=1),
            ValueError,
            "s > 0",
        ),
        (lambda: structure.hexatic(Packing.random(20, 0.1, 3, 1)), ValueError, "got dim 3, n 20"),
        (lambda: structure.hexatic(Packing.random(6, 0.1, 2, 1)), ValueError, "got dim 2, n 6"),
        (lambda: structure.bond_order(SMALL), ValueError, "got dim 2, n 20"),
        (
            lambda: structure.bond_order(Packing.random(12, 0.1, 3, 1)),
            ValueError,
            "got dim 3, n 12",
        ),
        (lambda: structure.hexatic_order(Packing.random(20, 0.1, 3, 1)), ValueError, "got dim 3"),
        (lambda: structure.pair_factor([-1.0]), ValueError, "q must be >= 0"),
        (lambda: structure.pair_factor([1.0], r=[]), ValueError, "r > 0"),
        (lambda: structure.pair_factor([1.0], 7), ValueError, "dim must be"),
        (lambda: structure.correlated_waves([1.0], 2, plateau=1), ValueError, "correlation must"),
        (lambda: structure.correlated_waves([1.0], 0, plateau=-1), ValueError, "plateau must"),
        (lambda: structure.correlated_waves([1.0], 0, plateau=1, chi=-2), ValueError, "chi must"),
        (lambda: structure.correlation_lines([GROUP, GROUP]), TypeError, "groups must map"),
        (lambda: structure.correlation_lines({0: GROUP, 1: OTHER}), ValueError, "the same shells"),
        (lambda: structure.run_scatter([]), ValueError, "one group at least; got 0"),
        (lambda: structure.long_waves([GROUP], 2.0), ValueError, r"\[0\] must have two runs"),
        (
            lambda: structure.long_waves(GROUP, 2.0),
            TypeError,
            r"groups\[0\] must be \(q, s, counts",
        ),
        (lambda: structure.long_waves([], 2.0), ValueError, r"three wave numbers .* hold \[\]"),
        (lambda: structure.long_waves(TWICE, 1.2), ValueError, r"three .* hold \[0.5, 1.0\]"),
        (lambda: structure.long_waves(TWICE, 2.0, q_min=0.7), ValueError, r"q_min = 0.7 .* 1.5\]"),
        (lambda: structure.long_waves(TWICE, 2.0, q_min=3.0), ValueError, "q_min must be"),
        (lambda: structure.long_waves(TWICE, 0.0), ValueError, "q_max must be"),
        (
            lambda: structure.long_waves(TWICE, 2.0, scatter=[KNOWN]),
            ValueError,
            "one for each of 2",
        ),
        (lambda: structure.long_waves(TWICE, 2.0, scatter=0.1), TypeError, "scatter must be"),
        (
            lambda: structure.long_waves([GROUP], 2.0, scatter=[0.1]),
            TypeError,
            r"scatter\[0\] must",
        ),
        (lambda: structure.long_waves([GROUP], 2.0, scatter=[([1], 3)]), ValueError, r"shape \(3"),
        (
            lambda: structure.long_waves([GROUP], 2.0, scatter=[(KNOWN[0], 0)]),
            ValueError,
            "v > 0 and dof > 0",
        ),
        (lambda: structure.count_variance(SMALL, [9.0], seed=1), ValueError, "radii must be in"),
        (lambda: structure.count_variance(SMALL, [], seed=1), ValueError, "radii must be in"),
        (lambda: structure.count_variance(SMALL, [1.0], 1, seed=1), ValueError, "balls must be"),
        (lambda: structure.count_variance(SMALL, [1.0], seed=[1, -1]), ValueError, r"seed\[1\]"),
    ],
)
def test_bad_input_is_refused_with_name_value_and_range(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_bounds_on_the_densest_packing():
    """E_8 and the Leech lattice, the densest there are, lie between."""
    densest = {8: np.pi**4 / 384, 24: np.pi**12 / 479001600}
    for d, value in densest.items():
        bounds = structure.density_bounds(d)
        assert bounds["saturated"] < value < bounds["Blichfeldt"]
    assert densest[8] > structure.density_bounds(8)["Kabatyanskii-Levenshtein"]  # asymptotic only
    for d in (10, 100, 1000):
        a, b = structure.density_bounds(d), structure.density_bounds(d - 1)
        ratio = a["Kabatyanskii-Levenshtein"] / b["Kabatyanskii-Levenshtein"]
        assert ratio == pytest.approx(2**-0.599)
    with pytest.raises(ValueError, match="dim must be"):
        structure.density_bounds(0)
