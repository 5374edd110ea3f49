"""Hessians, modes and fluctuations against finite differences, lattices in closed form, and two springs.

Statistical assertions fail by chance with probability 1e-6 or less each.
"""

import itertools
import math

import numpy as np
import pytest
from scipy import sparse

import mpack
from mpack import Packing, kicks, landscape
from mpack.landscape import averaged_slopes
from mpack.observables import pair_flatness

SMOOTH = [mpack.Harmonic(2.0), mpack.Hertzian(), mpack.WCA(0.5), mpack.LennardJones(cutoff=1.5)]
EVERY = [mpack.Linear(), *SMOOTH]
FCC = math.pi / math.sqrt(18)


def some_packing(dim, n=14, seed=1, equal=False):
    """Overlapping spheres, no two closer than half a diameter, no pair near a potential's range."""
    random = np.random.default_rng(seed)
    points, box, crowd = [], 4.0, {2: 3.0, 3: 1.8, 4: 1.4, 5: 1.2}[dim]
    while len(points) < n:
        point = random.uniform(0, crowd, dim)
        gaps = np.array(points).reshape(-1, dim) - point
        if np.all(np.linalg.norm(gaps - box * np.rint(gaps / box), axis=1) > 0.55):
            points.append(point)
    diameters = np.ones(n) if equal else random.uniform(0.8, 1.2, n)
    return Packing(points, box, diameters / diameters.mean())


def differences(function, packing, h):
    """Second differences of a function of a packing, for every two coordinates."""
    size, x = packing.n * packing.dim, packing.positions

    def at(*moves):
        moved = np.array(x)
        for k, step in moves:
            moved[divmod(k, packing.dim)] += step
        return function(Packing(moved, packing.box, packing.diameters))

    out = np.empty((size, size))
    for a, b in itertools.combinations_with_replacement(range(size), 2):
        corners = (
            at((a, h), (b, h)),
            at((a, h), (b, -h)),
            at((a, -h), (b, h)),
            at((a, -h), (b, -h)),
        )
        out[a, b] = out[b, a] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h * h)
    return out


@pytest.mark.parametrize("potential", EVERY, ids=repr)
@pytest.mark.parametrize("dim", [2, 3])
def test_hessian_by_finite_differences(potential, dim):
    packing = some_packing(dim, n=6 if dim == 3 else 9, seed=4)
    found = landscape.hessian(packing, potential).toarray()
    expected = differences(lambda p: mpack.energy(p, potential), packing, 2e-4)
    assert np.abs(found).max() > 0.1
    assert np.abs(found - expected).max() < 2e-5 * (1 + np.abs(found).max())


@pytest.mark.slow
@pytest.mark.parametrize("dim", [2, 3, 4])
def test_averaged_hessian_by_finite_differences(dim):
    """Of V + flatness: the energy averaged over displacements."""
    packing, sigma = some_packing(dim, n=5, seed=2), 0.05
    found = landscape.hessian(packing, sigma=sigma).toarray()
    expected = differences(
        lambda p: mpack.energy(p) + mpack.flatness(p, sigma).delta_v, packing, 1e-3
    )
    assert np.abs(found).max() > 0.1
    assert np.abs(found - expected).max() < 2e-4 * np.abs(found).max()


@pytest.mark.parametrize("potential", EVERY, ids=repr)
@pytest.mark.parametrize("dim", range(2, 6))
def test_symmetry_translations_trace(potential, dim):
    packing = some_packing(dim, n=12)
    matrix = landscape.hessian(packing, potential)
    assert abs(matrix - matrix.T).max() == 0.0
    assert matrix.shape == (12 * dim, 12 * dim) and isinstance(matrix, sparse.csr_array)
    for axis in range(dim):
        assert np.abs(matrix @ np.tile(np.eye(dim)[axis], 12)).max() < 1e-11 * abs(matrix).max()
    assert landscape.trace(packing, potential) == pytest.approx(matrix.diagonal().sum(), rel=1e-12)


def test_signs_of_two_spheres():
    """Along the line of a pair +- U'', across it U'/r < 0: turning a repelling pair takes it apart."""
    pair = Packing([[1.0, 1.0, 1.0], [1.8, 1.0, 1.0]], box=4.0)
    found = landscape.hessian(pair, mpack.Harmonic()).toarray()
    assert np.diag(found) == pytest.approx([1, -0.25, -0.25] * 2)
    assert np.diag(found, 3) == pytest.approx([-1, 0.25, 0.25])
    linear = landscape.hessian(pair).toarray()
    assert np.diag(linear) == pytest.approx([0, -0.625, -0.625] * 2)
    unstressed = landscape.hessian(pair, mpack.Harmonic(), stress=False).toarray()
    assert np.diag(unstressed) == pytest.approx([1, 0, 0] * 2)


def test_the_linear_potential_has_negative_curvature_only():
    packing = Packing.random(n=60, phi=0.7, dim=3, seed=1)
    found = landscape.modes(landscape.hessian(packing), 3)
    assert found.values.max() < 1e-12 and found.values.min() < -1
    _, r = packing.overlaps()
    assert landscape.trace(packing) == pytest.approx(-2 * np.sum(1 / r), rel=1e-12)
    assert landscape.trace(packing, sigma=0.01) > 0  # the kinks seen


# The averaged linear potential


@pytest.mark.parametrize("dim", range(2, 7))
@pytest.mark.parametrize("sigma, d", [(0.015, 1.0), (0.1, 0.8)])
def test_averaged_slopes_by_finite_differences(dim, sigma, d):
    r = np.array([0.3, 0.6, 0.79, 0.8, 0.95, 1.0, 1.02, 1.1])
    h = 2e-4 * sigma / 0.015

    def u(x):
        return pair_flatness(x, sigma, dim, d) + mpack.Linear().energy(x, d)

    along, across = averaged_slopes(r, sigma, dim, d)
    slope = (8 * (u(r + h) - u(r - h)) - u(r + 2 * h) + u(r - 2 * h)) / (12 * h)
    bend = (16 * (u(r + h) + u(r - h)) - u(r + 2 * h) - u(r - 2 * h) - 30 * u(r)) / (12 * h * h)
    assert across * r == pytest.approx(slope, abs=1e-7)
    assert along == pytest.approx(bend, abs=1e-5 / sigma)


def test_closed_slopes_and_quadrature_agree_in_three_dimensions():
    s = math.sqrt(2) * 0.015
    r = np.linspace(12 * s + 1e-9, 1 + 8 * s, 500)
    closed = averaged_slopes(r, 0.015, 3)
    for ours, theirs in zip(closed, landscape._slopes_by_quadrature(r, np.ones_like(r), s, 3)):
        assert np.abs(ours - theirs).max() < 1e-12


@pytest.mark.parametrize("dim", range(2, 6))
def test_flatness_is_the_integral_of_the_trace(dim):
    """The heat equation: flatness = (1/2) int_0^{sigma^2} Tr H_s ds^2."""
    packing, sigma = some_packing(dim, n=12), 0.05
    nodes, weights = np.polynomial.legendre.leggauss(40)
    width = 0.5 * sigma * (nodes + 1)  # d(s**2) = 2 s ds; the trace varies with s, not s**2
    traces = [landscape.trace(packing, sigma=float(w)) for w in width]
    integral = 0.5 * np.sum(0.5 * sigma * weights * 2 * width * traces)
    assert integral == pytest.approx(mpack.flatness(packing, sigma).delta_v, rel=5e-5)


@pytest.mark.parametrize("dim", range(2, 6))
def test_averaged_curvature_of_two_at_one_point(dim):
    """At r = 0 the average is isotropic: u'' = u'/r."""
    along, across = averaged_slopes(0.0, 0.02, dim)
    assert along == pytest.approx(across, rel=1e-7)
    twins = Packing(np.ones((2, dim)), box=4.0)
    block = landscape.hessian(twins, sigma=0.02).toarray()[:dim, :dim]
    assert block == pytest.approx(across * np.eye(dim), abs=1e-6 * abs(across))


# The fcc crystal


def crystal_spectrum(cells, r, stiff, slope):
    """Eigenvalues of the fcc crystal's dynamical matrices D(q) = sum over 12 neighbours of K (1 - cos q R).

    q = 2 pi n/L for integer n; those that differ by a vector of the reciprocal (bcc) lattice are
    one.
    """
    neighbours = [v for v in itertools.product((-1, 0, 1), repeat=3) if sum(map(abs, v)) == 2]
    values, seen = [], set()
    for n in itertools.product(range(2 * cells), repeat=3):
        shifts = itertools.product((0, cells), repeat=3)
        images = [
            tuple((a + s) % (2 * cells) for a, s in zip(n, shift))
            for shift in shifts
            if len(set(shift)) == 1
        ]
        if seen & set(images):
            continue
        seen |= set(images)
        matrix = np.zeros((3, 3))
        for v in neighbours:
            unit = np.array(v) / math.sqrt(2)
            k = stiff * np.outer(unit, unit) + slope / r * (np.eye(3) - np.outer(unit, unit))
            matrix += k * (1 - math.cos(math.pi * np.dot(n, v) / cells))
        values.append(np.linalg.eigvalsh(matrix))
    assert len(values) == 4 * cells**3
    return np.sort(np.concatenate(values))


@pytest.mark.parametrize("potential", [mpack.Harmonic(), mpack.Hertzian(), mpack.WCA()], ids=repr)
@pytest.mark.parametrize("cells", [2, 3])
def test_phonons_of_the_fcc_crystal(potential, cells):
    packing = Packing.lattice("fcc", cells, phi=FCC * 1.1)
    r = 1.1 ** (-1 / 3)
    expected = crystal_spectrum(cells, r, potential.curvature(r), -potential.force(r))
    matrix = landscape.hessian(packing, potential)
    found = landscape.modes(matrix, 3)
    assert expected[:3] == pytest.approx(0, abs=1e-10)
    assert found.values == pytest.approx(expected[3:], abs=1e-9 * expected[-1])
    assert found.free == 0 and found.vectors.shape == (len(expected) - 3, packing.n, 3)


def test_waves_along_an_edge_of_the_fcc_crystal():
    """q along x: longitudinal (4 U'' + 4 U'/r)(1 - cos qa/2), transverse (2 U'' + 6 U'/r)(1 - cos qa/2), twice."""
    cells, potential = 4, mpack.Harmonic()
    packing = Packing.lattice("fcc", cells, phi=FCC * 1.1)
    r = 1.1 ** (-1 / 3)
    stiff, slope = potential.curvature(r), -potential.force(r)
    matrix = landscape.hessian(packing, potential)
    for wave in range(1, 5):
        phase = np.cos(2 * math.pi * wave / packing.box * packing.positions[:, 0])
        swing = 1 - math.cos(math.pi * wave / cells)
        for axis, value in ((0, 4 * stiff + 4 * slope / r), (1, 2 * stiff + 6 * slope / r)):
            wave_vector = np.outer(phase, np.eye(3)[axis]).ravel()
            assert matrix @ wave_vector == pytest.approx(value * swing * wave_vector, abs=1e-10)


def test_trace_of_the_fcc_crystal():
    packing = Packing.lattice("fcc", 4, phi=FCC * 1.1)
    r = 1.1 ** (-1 / 3)
    for potential in EVERY[:4]:
        one = potential.curvature(r) - 2 * potential.force(r) / r
        assert landscape.trace(packing, potential) == pytest.approx(12 * packing.n * one, rel=1e-12)


@pytest.mark.parametrize("potential", SMOOTH, ids=repr)
def test_smooth_flatness_tends_to_the_trace(potential):
    """flatness = (sigma**2/2) Tr H + c sigma**4: halving sigma leaves a quarter of the relative difference.

    On a crystal whose pairs are far from the range. c is a sum of bi-Laplacians; in three
    dimensions that of (1 - r)**2 is zero, and the harmonic potential has no correction at all.
    Negative control: the trace without stress is far off.
    """
    packing = Packing.lattice("fcc", 4, phi=FCC * 1.3)
    limit = landscape.trace(packing, potential) / 2
    gaps = [
        mpack.flatness(packing, sigma, potential).delta_v / sigma**2 / limit - 1
        for sigma in (4e-3, 2e-3, 1e-3)
    ]
    assert abs(gaps[0]) < 0.05
    if isinstance(potential, mpack.Harmonic):
        assert np.abs(gaps).max() < 1e-12
        gaps = []
    for wide, narrow in itertools.pairwise(gaps):
        assert wide / narrow == pytest.approx(4, rel=0.02)
    bare = landscape.hessian(packing, potential, stress=False).diagonal().sum() / 2
    assert abs(bare / limit - 1) > 0.05


# Modes


@pytest.fixture(scope="module")
def jammed():
    """A thousand harmonic spheres well above jamming, after descent."""
    start = Packing.random(n=1000, phi=0.74, dim=3, seed=1)
    descent = mpack.SGD(alpha=0.2, batch_fraction=1.0, potential=mpack.Harmonic())
    return mpack.simulate(start, descent, steps=300, seed=1).final


@pytest.mark.slow
@pytest.mark.parametrize("near", [None, 0.5])
def test_sparse_and_dense_solvers_agree(jammed, near):
    matrix = landscape.hessian(jammed, mpack.Harmonic())
    found = landscape.modes(matrix, 3, 20, near=near)
    every = np.linalg.eigvalsh(matrix.toarray())
    zeros = np.argsort(np.abs(every))[:3]
    assert np.abs(every[zeros]).max() < 1e-12
    every = np.delete(every, zeros)
    wanted = every[:20] if near is None else np.sort(every[np.argsort(np.abs(every - near))[:20]])
    assert found.values == pytest.approx(wanted, abs=1e-10)
    flat = found.vectors.reshape(20, -1)
    assert flat @ flat.T == pytest.approx(np.eye(20), abs=1e-9)
    assert np.abs(found.vectors.sum(axis=1)).max() < 1e-9  # orthogonal to translations
    assert found.residual < 1e-9
    again = landscape.modes(matrix, 3, 20, near=near)
    assert np.array_equal(again.values, found.values)


def test_participation():
    vectors = np.zeros((2, 10, 3))
    vectors[0, 3, 1] = 1
    vectors[1, :, 0] = np.array([1, -1] * 5) / math.sqrt(10)
    assert landscape.Modes(np.zeros(2), vectors, 0.0, 0).participation == pytest.approx([0.1, 1])


def test_free_particles_are_left_out():
    """Three discs in a triangle and one alone: 6 coordinates, 2 translations, 1 rotation."""
    points = [[1.0, 1.0], [1.8, 1.0], [1.4, 1.7], [4.0, 4.0]]
    found = landscape.modes(landscape.hessian(Packing(points, box=6.0), mpack.Harmonic()), 2)
    assert found.free == 1 and len(found.values) == 4
    assert np.all(found.vectors[:, 3] == 0)


# Kicks and fluctuations

RULES = [
    mpack.PairwiseBRO(eps=0.1),
    mpack.NonreciprocalBRO(eps=0.1),
    mpack.IndividualBRO(eps=0.1),
    mpack.SGD(alpha=0.1, batch_fraction=0.3),
    mpack.RCD(alpha=0.1, batch_fraction=0.3, potential=mpack.Harmonic()),
    mpack.SGD(alpha=0.1, batch_fraction=0.3, potential=mpack.Hertzian()).approximation(),
    mpack.SGD(alpha=0.1, batch_fraction=1.0),
    mpack.PairwiseBRO(eps=0.1, correlation=0.6),
    mpack.SGD(alpha=0.1, batch_fraction=0.5, correlation=-0.4, memory="antithetic"),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_kick_covariance_is_that_of_kicks(rule):
    random = np.random.default_rng(3)
    points = 2.0 + random.uniform(0, 1.2, (6, 3))
    sizes = random.uniform(0.8, 1.2, 6)
    sizes /= sizes.mean()
    expected = kicks.moments(points, rule, sizes)[1]
    found = landscape.kick_covariance(Packing(points, 6.0, sizes), rule).toarray()
    assert found == pytest.approx(expected, abs=1e-15 + 1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_agitation_is_what_steps_do_to_gaps(rule, seed):
    """Against the exact moments of a cluster, and against many steps of the engine (5 standard errors)."""
    random = np.random.default_rng(3)
    points = 2.0 + random.uniform(0, 1.3, (7, 3))
    packing = Packing(points, 6.0)
    i, j = np.triu_indices(7, 1)
    r = np.linalg.norm(points[i] - points[j], axis=1)
    near = np.abs(r - 1) < 0.1
    assert np.count_nonzero(near) > 3
    mean, covariance = kicks.moments(points, rule)
    rate = landscape.drift_rate(rule)
    squares = []
    for a, b in zip(i[near], j[near]):
        unit = (points[a] - points[b]) / np.linalg.norm(points[a] - points[b])
        stretch = np.zeros((7, 3))
        stretch[a], stretch[b] = unit, -unit
        squares.append(
            ((stretch * mean).sum() ** 2 + stretch.ravel() @ covariance @ stretch.ravel()) / rate
        )
    found, error = landscape.agitation(packing, rule, width=0.1)
    assert found == pytest.approx(np.mean(squares), rel=1e-12)
    assert error == pytest.approx(np.std(squares, ddof=1) / math.sqrt(len(squares)), rel=1e-9)
    drawn = kicks.draw(points, rule, 4000, seed)
    unit = (points[i] - points[j])[near] / r[near, None]
    change = np.einsum("spc,pc->sp", drawn[:, i[near]] - drawn[:, j[near]], unit)
    sampled = (change**2).mean(axis=1) / rate
    assert abs(sampled.mean() - found) <= 5 * sampled.std() / math.sqrt(4000) + 1e-12


def test_drift_rate():
    assert landscape.drift_rate(mpack.SGD(alpha=0.2, batch_fraction=0.3)) == pytest.approx(0.06)
    assert landscape.drift_rate(mpack.RCD(alpha=0.2, batch_fraction=1.0)) == pytest.approx(0.2)
    assert landscape.drift_rate(mpack.PairwiseBRO(eps=0.2)) == pytest.approx(0.2)
    assert landscape.drift_rate(mpack.IndividualBRO(eps=0.2).approximation()) == pytest.approx(0.2)


def test_a_single_spring_fluctuates_as_predicted(seed):
    """Two harmonic spheres and one fixed mean force: x' = x - rate h x + kick, for Gaussian kicks drawn here."""
    values = np.array([0.3, 1.0, 2.5])
    vectors = np.eye(3).reshape(3, 1, 3)
    covariance = sparse.csr_array(np.diag([1.0, 2.0, 3.0]))
    predicted = landscape.linear_variance(
        landscape.Modes(values, vectors, 0.0, 0), covariance, rate=0.5
    )
    random, x = np.random.default_rng(seed), np.zeros((40_000, 3))
    for _ in range(80):
        x = (1 - 0.5 * values) * x + random.standard_normal(x.shape) * np.sqrt([1.0, 2.0, 3.0])
    assert np.abs(x.var(axis=0) / predicted - 1).max() < 5.2 * math.sqrt(2 / 40_000)
    without = landscape.linear_variance(
        landscape.Modes(np.array([-1.0, 0, 5]), vectors, 0.0, 0), covariance, 0.5
    )
    assert np.isnan(without[0]) and np.isinf(without[1]) and np.isnan(without[2])


def test_trajectory_follows_the_run():
    start = Packing.random(n=50, phi=0.5, dim=3, seed=1)
    rule = mpack.RCD(alpha=0.1, batch_fraction=0.5)
    run = mpack.simulate(start, rule, steps=10, seed=1)
    places, centre, after = landscape.trajectory(run, samples=4, every=5)
    whole = mpack.simulate(start, rule, steps=30, seed=1)
    assert after.digest == whole.digest and after.steps == 30
    moved = mpack.observables.displacements(whole) - mpack.observables.displacements(run)
    assert places[-1] == pytest.approx(moved - moved.mean(axis=0), abs=1e-14)
    gap = centre.positions - run.final.positions - places.mean(axis=0)
    assert np.abs(gap - centre.box * np.rint(gap / centre.box)).max() < 1e-12


def test_variance_along_axes(seed):
    random = np.random.default_rng(seed)
    places = random.standard_normal((4000, 2, 3)) * np.array([[1.0, 2, 3], [1, 1, 1]])
    vectors = np.zeros((2, 2, 3))
    vectors[0, 0, 2] = vectors[1, 1, 0] = 1
    variance, error = landscape.variance_along(places, vectors)
    assert np.abs(variance / [9, 1] - 1).max() < 5 * math.sqrt(2 / 4000)
    assert np.all(
        (error / variance > 0.1 * math.sqrt(2 / 4000))
        & (error / variance < 4 * math.sqrt(2 / 4000))
    )


# Bad input

SMALL = Packing.random(n=10, phi=0.3, dim=3, seed=1)
TWINS = Packing([[1, 1, 1], [1, 1, 1]], box=3.0)
MATRIX = landscape.hessian(SMALL, mpack.Harmonic())
INFINITE = sparse.csr_array(np.full((3, 3), math.inf))


def test_the_clock_of_a_path():
    for rule, path in ((mpack.SGD(0.02, 0.25), 0.005), (mpack.IndividualBRO(0.1), 0.1)):
        assert landscape.drift_rate(rule) == pytest.approx(path)
        assert landscape.steps_of_path(rule, 1000.2 * path) == 1000


def test_settling_is_one_run_looked_at():
    random = Packing.random(n=80, phi=0.75, dim=3, seed=3)
    start, rule = landscape.coarse_start(random, 1, steps=50), mpack.SGD(0.05, 0.5)
    descent = mpack.SGD(alpha=0.1, batch_fraction=1.0)
    assert start == mpack.simulate(random, descent, steps=50, seed=9).final, "nothing is drawn"
    found = landscape.settling(start, rule, [0.0, 0.5, 2.0], sigma=0.02, seed=4)
    for place, steps in enumerate((0, 20, 80)):
        packing = mpack.simulate(start, rule, steps=steps, seed=4).final
        flat = mpack.flatness(packing, 0.02)
        assert found.flatness[place] == flat.delta_v_over_u0
        assert found.energy[place] == mpack.energy(packing) / 80
    assert found.final == packing


def unbalanced(packing, near):
    """Least net force, root mean square over coordinates, that contacts can leave: half where a pair overlaps by
    more than `near`, anything between nothing and half where its gap is less, either way.

    In a minimum of the linear potential it is zero: this is the condition of Karush, Kuhn and
    Tucker, found by least squares within bounds, without any dynamics.
    """
    from scipy.optimize import lsq_linear

    x, box, dim = packing.positions, packing.box, packing.dim
    i, j = np.triu_indices(packing.n, 1)
    apart = x[i] - x[j]
    apart -= box * np.round(apart / box)
    r = np.linalg.norm(apart, axis=1)
    touching = np.flatnonzero(r < 1 + near)
    pull = np.zeros((packing.n, dim, touching.size))
    unit = (apart / r[:, None])[touching]
    pull[i[touching], :, np.arange(touching.size)] += unit
    pull[j[touching], :, np.arange(touching.size)] -= unit
    low = np.where(r[touching] < 1 - near, 0.5 - 1e-9, 0.0)
    found = lsq_linear(pull.reshape(-1, touching.size), np.zeros(packing.n * dim), (low, 0.5))
    return float(np.sqrt(2 * found.cost / (packing.n * dim)))


@pytest.mark.parametrize("dim", [2, 3])
def test_a_quench_ends_in_a_minimum(dim):
    """Forces balance at the end of a long one, not at that of a short one, nor where it begins."""
    random = Packing.random(n=30, phi=1.0 if dim == 2 else 0.8, dim=dim, seed=dim)
    state = mpack.simulate(random, mpack.SGD(0.02, 0.25), steps=2000, seed=1).final
    end = landscape.quench(state, landscape.quench_stages(path=200.0))
    hasty = landscape.quench(state, landscape.quench_stages(path=0.02, settle=5))
    assert unbalanced(end, 1e-3) < 0.005 < 0.02 < unbalanced(hasty, 1e-3) < unbalanced(state, 1e-3)
    assert mpack.energy(end) < mpack.energy(hasty) < mpack.energy(state)
    deeper = landscape.quench(end, landscape.quench_stages(path=0.0, first=6e-5, last=4e-6))
    assert mpack.energy(deeper) == pytest.approx(mpack.energy(end), rel=5e-3)


def test_a_quench_is_a_chain_of_runs():
    """To the bit, whatever the seed: specifications in a row, as an archive has them."""
    stages = landscape.quench_stages(0.4, first=0.02, last=0.001, settle=7)
    assert [(rule.alpha, steps) for rule, steps in stages] == [
        (0.02, 20), (0.005, 7), (0.00125, 7), (0.0003125, 7)
    ]  # fmt: skip
    state = mpack.Spec(mpack.SGD(0.02, 0.5), n=60, phi=0.75, steps=30, seed=5)
    end, chain = landscape.quench(state.run().final, stages), state
    for rule, steps in stages:
        chain = mpack.Spec(rule, n=60, phi=0.75, steps=steps, seed=99, start=chain, record=(0,))
    assert chain.run().final == end


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"path": -1.0}, "path"),
        ({"first": 0.0}, "first"),
        ({"last": 0.01}, "last"),
        ({"settle": 0}, "settle"),
    ],
)
def test_stages_that_are_none(given, match):
    with pytest.raises(ValueError, match=match):
        landscape.quench_stages(**given)


def test_largest_curvature_by_all_modes_and_where_descent_blows_up():
    packing = some_packing(3)
    for potential in (mpack.Harmonic(3.0), mpack.Hertzian()):
        whole = np.linalg.eigvalsh(landscape.hessian(packing, potential).toarray())
        assert landscape.largest_curvature(packing, potential) == pytest.approx(whole[-1], rel=2e-3)


def test_too_few_looks_are_refused_before_the_run():
    start = Packing.random(n=40, phi=0.95, dim=3, seed=2)
    with pytest.raises(ValueError, match="looks"):
        landscape.fluctuations(start, mpack.SGD(0.02, 0.5), 15, 10**9, seed=7)


def test_fluctuations_are_the_chain_and_agree_with_theory_on_a_soft_packing():
    potential = mpack.Harmonic()
    start = landscape.coarse_start(Packing.random(n=40, phi=0.95, dim=3, seed=2), 1)
    descent = mpack.SGD(0.3, 1.0, potential=potential)
    bottom = mpack.simulate(start, descent, steps=4000, seed=1).final
    rule = mpack.SGD(0.02, 0.5, potential=potential)
    run = mpack.simulate(bottom, rule, steps=0, seed=7)
    found = landscape.fluctuations(bottom, rule, 96, 40, seed=7)
    places, centre, _ = landscape.trajectory(run, 96, 40)
    modes = landscape.modes(landscape.hessian(centre, potential), 3)
    variance, error = landscape.variance_along(places, modes.vectors)
    assert np.array_equal(found.curvature, modes.values)
    assert np.array_equal(found.variance, variance) and np.array_equal(found.error, error)
    (curve, measured, expected), _ = landscape.banded(
        found.curvature, found.variance, found.predicted, bands=6
    )
    assert np.all(np.diff(curve) > 0)
    assert np.all(np.abs(np.log(measured[2:] / expected[2:])) < 1.0)


def test_bands_hold_equally_many_modes_and_leave_out_soft_ones():
    rng = np.random.default_rng(1)
    values = np.concatenate((rng.permutation(np.arange(1.0, 61.0)), [-1.0, 0.0, 0.05]))
    means, scatter = landscape.banded(values, values**2, bands=6)
    parts = np.arange(1.0, 61.0).reshape(6, 10)
    assert np.allclose(means[0], np.exp(np.log(parts).mean(axis=1)))
    assert np.allclose(means[1], means[0] ** 2)
    assert np.allclose(scatter, 2 * np.log(parts).std(axis=1, ddof=1) / 10**0.5)
    lost = np.where(values > 30, np.nan, 1.0)
    assert np.all(landscape.banded(values, values, lost, bands=3)[0][0] < 30)


BATCH = mpack.SGD(alpha=0.1, batch_size=3)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: landscape.hessian(np.zeros((3, 3))), TypeError, ["packing", "ndarray"]),
        (lambda: landscape.hessian(SMALL, "linear"), TypeError, ["potential", "str"]),
        (lambda: landscape.hessian(SMALL, sigma=0), ValueError, ["sigma", "0"]),
        (lambda: landscape.hessian(SMALL, sigma=1.0), ValueError, ["box must be >=", "sigma 1"]),
        (
            lambda: landscape.hessian(SMALL, mpack.WCA(), sigma=0.1),
            ValueError,
            ["sigma", "linear", "WCA"],
        ),
        (lambda: landscape.hessian(SMALL, stress=1), TypeError, ["stress", "1"]),
        (lambda: landscape.hessian(TWINS), ValueError, ["one point", "0 and 1"]),
        (lambda: landscape.trace(None), TypeError, ["packing", "NoneType"]),
        (lambda: landscape.modes(MATRIX.toarray(), 3), TypeError, ["matrix", "sparse", "ndarray"]),
        (lambda: landscape.modes(MATRIX, 4), ValueError, ["matrix", "dim = 4", "(30, 30)"]),
        (lambda: landscape.modes(MATRIX, 7), ValueError, ["dim", "[2, 6]", "7"]),
        (lambda: landscape.modes(MATRIX, 3, 28), ValueError, ["count", "28"]),
        (lambda: landscape.modes(MATRIX, 3, 0), ValueError, ["count", "0"]),
        (lambda: landscape.modes(MATRIX, 3, 2, near=math.nan), ValueError, ["near", "nan"]),
        (lambda: landscape.modes(sparse.triu(MATRIX), 3), ValueError, ["matrix must be symmetric"]),
        (lambda: landscape.modes(INFINITE, 3), ValueError, ["matrix must be finite"]),
        (
            lambda: landscape.modes(sparse.csr_array((9, 9)), 3),
            ValueError,
            ["without contacts there are no modes"],
        ),
        (lambda: landscape.kick_covariance(SMALL, BATCH), ValueError, ["batches of exactly 3"]),
        (lambda: landscape.kick_covariance(SMALL, "SGD"), TypeError, ["dynamics", "str"]),
        (lambda: landscape.drift_rate(BATCH), ValueError, ["batches of exactly 3"]),
        (
            lambda: landscape.agitation(SMALL, mpack.RandomOrganization(0.1), width=0.1),
            ValueError,
            ["RandomOrganization", "has no drift"],
        ),
        (lambda: landscape.agitation(SMALL, RULES[0], width=0), ValueError, ["width", "0"]),
        (
            lambda: landscape.agitation(SMALL, RULES[0], width=1e-12),
            ValueError,
            ["at least two pairs", "1e-12"],
        ),
        (lambda: landscape.steps_of_path(RULES[0], -1.0), ValueError, ["path", "-1.0"]),
        (lambda: landscape.steps_of_path(BATCH, 1.0), ValueError, ["batches of exactly 3"]),
        (lambda: landscape.coarse_start(None, 1), TypeError, ["packing", "NoneType"]),
        (lambda: landscape.settling(SMALL, RULES[0], [], seed=1), ValueError, ["paths", "none"]),
        (lambda: landscape.settling(SMALL, RULES[0], [1, 0], seed=1), ValueError, ["at[1]"]),
        (lambda: landscape.banded([1.0, 2.0], bands=1), ValueError, ["columns", "(2,)"]),
        (lambda: landscape.banded([1.0, 2.0], [1.0], bands=1), ValueError, ["columns", "(1,)"]),
        (lambda: landscape.banded([1.0, -2.0], [1, 1], bands=1), ValueError, ["bands", "0"]),
        (lambda: landscape.trajectory(SMALL, 4, 1), TypeError, ["run", "Packing"]),
        (
            lambda: landscape.variance_along(np.zeros((4, 2, 3)), np.zeros((1, 2, 3))),
            ValueError,
            ["blocks", "2"],
        ),
        (
            lambda: landscape.variance_along(np.zeros((40, 2, 3)), np.zeros((1, 3, 3))),
            ValueError,
            ["vectors"],
        ),
        (lambda: averaged_slopes(-1.0, 0.1, 3), ValueError, ["r must be finite and >= 0"]),
    ],
)
def test_bad_input(make, error, words):
    with pytest.raises(error) as caught:
        make()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


# Hard spheres inflated until they jam


def test_a_loose_crystal_is_inflated_to_touching():
    """fcc, square: the densest there are; a shaken crystal finds its way back."""
    assert landscape.inflated(Packing.lattice("fcc", 3, phi=0.70)).phi == pytest.approx(
        FCC, rel=1e-6
    )
    crystal = Packing.lattice("fcc", 3, phi=0.72)
    shaken = crystal.positions + np.random.default_rng(1).uniform(-3e-3, 3e-3, (crystal.n, 3))
    grown = landscape.inflated(Packing(shaken, crystal.box), rounds=4)
    assert grown.phi == pytest.approx(FCC, rel=1e-4)


def test_what_is_inflated_is_isostatic_and_has_no_overlap():
    """Jammed: d N - d + 1 touching pairs of N held spheres, exactly; before that, fewer."""
    rule = mpack.SGD(alpha=0.01, batch_fraction=0.5)
    start = Packing.random(n=64, phi=0.60, dim=3, seed=3)
    dead = mpack.simulate(start, rule, steps=60_000, seed=3, record=())
    grown = landscape.inflated(dead.final, rounds=2)
    assert dead.absorbed and dead.final.phi < grown.phi
    assert mpack.observables.touching(grown, [1e-4]).rattlers == 64  # nothing is held yet
    for number in range(12):
        grown = landscape.inflated(grown, rounds=2, reach=0.05 if number < 3 else 0.02)
    found = mpack.observables.touching(grown, [1e-6, 1e-5])
    held = grown.n - found.rattlers
    assert np.all(held > 55) and np.all(found.overlapping == 0)
    pairs = found.touching * held / 2
    assert np.all(np.abs(pairs - (3 * held - 3 + 1)) < 1.5)  # one may be near by chance


def test_refusals_of_inflation():
    packing = Packing.random(n=100, phi=0.5, dim=3, seed=1)
    with pytest.raises(ValueError, match="reach"):
        landscape.inflated(packing, reach=0.2)
    with pytest.raises(ValueError, match="rounds"):
        landscape.inflated(packing, rounds=0)
    with pytest.raises(TypeError, match="packing"):
        landscape.inflated("x")
