"""Observables against exact lattices, brute force, SciPy, freud and published numbers.

Statistical assertions fail by chance with probability 1e-6 or less each (|z| < 4.9, p > 1e-6).
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.spatial import cKDTree

import mpack
from mpack import Packing, _averages, observables
from mpack.observables import pair_flatness

DIMS = range(2, 7)
Z_MAX = 4.9


def some_packing(dim=3, n=60, seed=1, box=4.5, equal=False):
    random = np.random.default_rng(seed)
    diameters = np.ones(n) if equal else random.uniform(0.8, 1.2, n)
    return Packing(random.uniform(0, box, (n, dim)), box, diameters / diameters.mean())


def brute(packing):
    """(i, j, r, d) of all pairs by plain NumPy."""
    i, j = np.triu_indices(packing.n, 1)
    gap = packing.positions[i] - packing.positions[j]
    gap -= np.rint(gap / packing.box) * packing.box
    return i, j, np.sqrt((gap**2).sum(axis=1)), 0.5 * (packing.diameters[i] + packing.diameters[j])


def moved(packing, seed=1):
    """The packing translated, reflected and relabelled."""
    random = np.random.default_rng(seed)
    order = random.permutation(packing.n)
    shift = random.integers(-(2**63), 2**63, packing.dim)
    return Packing.from_fixed(-packing.fixed[order] + shift, packing.box, packing.diameters[order])


# Activity and energy


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 80), st.integers(0, 2**32), st.floats(3.0, 8.0))
def test_activity_and_energy_by_brute_force(dim, n, seed, box):
    packing = some_packing(dim, n, seed, box)
    i, j, r, d = brute(packing)
    touching = r < d
    assert mpack.activity(packing) == len(np.unique([i[touching], j[touching]])) / n
    assert mpack.energy(packing) == pytest.approx(
        np.sum(np.maximum(d - r, 0)) / 2, rel=1e-12, abs=1e-14
    )


SMOOTH = [mpack.Harmonic(2.0), mpack.Hertzian(), mpack.WCA(), mpack.LennardJones()]


@pytest.mark.parametrize("potential", SMOOTH, ids=repr)
def test_energy_of_other_potentials(potential):
    packing = some_packing(3, 200, box=8.0)
    _, _, r, d = brute(packing)
    assert mpack.energy(packing, potential) == pytest.approx(
        math.fsum(potential.energy(r, d)), rel=1e-9
    )


def test_activity_of_a_potential_with_a_longer_range():
    pair = Packing([[0, 0, 0], [2, 0, 0], [0, 4.9, 0]], box=12.0)
    assert mpack.activity(pair) == 0
    assert mpack.activity(pair, mpack.LennardJones()) == 2 / 3
    assert mpack.activity(pair, mpack.Hertzian()) == 0


def test_against_a_tree():
    packing = Packing.random(n=5000, phi=0.5, dim=3, seed=2)
    tree = cKDTree(packing.positions, boxsize=packing.box)
    pairs = tree.query_pairs(1.0, output_type="ndarray")
    assert len(pairs) == len(packing.overlaps()[1])
    assert mpack.activity(packing) == len(np.unique(pairs)) / packing.n


@pytest.mark.parametrize("dim", DIMS)
def test_nothing_depends_on_place_or_order(dim):
    packing = some_packing(dim)
    other = moved(packing)
    assert mpack.activity(other) == mpack.activity(packing)
    assert mpack.energy(other) == mpack.energy(packing)  # to the bit: the sum is rounded once
    assert mpack.flatness(other).delta_v == pytest.approx(
        mpack.flatness(packing).delta_v, rel=1e-14
    )
    assert mpack.contacts(other).mean == mpack.contacts(packing).mean
    assert np.array_equal(
        mpack.pair_correlation(other).counts, mpack.pair_correlation(packing).counts
    )
    ours, theirs = (np.sort(mpack.structure_factor(p, q_max=6.0).s) for p in (packing, other))
    assert ours == pytest.approx(theirs, abs=1e-11)


@pytest.mark.parametrize("name, count", [("fcc", 12), ("bcc", 8), ("sc", 6)])
def test_energy_of_a_compressed_lattice(name, count):
    """n Z/2 pairs at a known separation; second neighbours do not overlap yet."""
    close = {"fcc": math.pi / math.sqrt(18), "bcc": math.pi * math.sqrt(3) / 8, "sc": math.pi / 6}[
        name
    ]
    packing = Packing.lattice(name, 4, phi=close * 1.05)
    r = 1.05 ** (-1 / 3)
    assert mpack.activity(packing) == 1
    assert mpack.energy(packing) == pytest.approx(packing.n * count / 2 * (1 - r) / 2, rel=1e-12)
    assert mpack.activity(Packing.lattice(name, 4, phi=close * 0.999)) == 0
    assert mpack.energy(Packing.lattice(name, 4, phi=close * 0.999)) == 0


def test_two_at_the_same_point():
    packing = Packing([[1, 1], [1, 1], [3, 3]], box=5.0)
    assert mpack.activity(packing) == 2 / 3
    assert mpack.energy(packing) == 0.5
    assert mpack.energy(packing, mpack.WCA()) == 1e200
    assert mpack.flatness(packing).delta_v == pytest.approx(
        -0.5 * math.sqrt(math.pi) * 0.015, rel=1e-12
    )


# Contacts


@pytest.mark.parametrize(
    "name, dim, count", [("fcc", 3, 12), ("bcc", 3, 8), ("square", 2, 4), ("checkerboard", 4, 24)]
)
def test_lattice_contacts(name, dim, count):
    close = {"fcc": math.pi / math.sqrt(18), "bcc": math.pi * math.sqrt(3) / 8}
    close |= {"square": math.pi / 4, "checkerboard": math.pi**2 / 16}
    packing = Packing.lattice(name, 4, phi=close[name], dim=dim)
    found = mpack.contacts(packing, tolerance=1e-9)
    assert found.mean == found.mean_without_rattlers == count
    assert (
        found.rattlers == 0
        and found.pairs == found.pairs_without_rattlers == packing.n * count // 2
    )
    assert np.all(found.counts == count) and found.counts.dtype == np.int64


def test_rattlers_go_recursively():
    """A 4-clique of discs, a chain hanging from it, and a lone disc: only the clique stays."""
    points = [[0, 0], [0.5, 0], [0, 0.5], [0.5, 0.5], [1.3, 1], [2.2, 1], [5, 5]]
    found = mpack.contacts(Packing(points, box=9.0))
    assert found.counts.tolist() == [3, 3, 3, 4, 2, 1, 0]
    assert found.counts_without_rattlers.tolist() == [3, 3, 3, 3, 0, 0, 0]
    assert found.is_rattler.tolist() == [False] * 4 + [True] * 3
    assert (found.rattlers, found.pairs, found.pairs_without_rattlers) == (3, 8, 6)
    assert found.mean == pytest.approx(16 / 7) and found.mean_without_rattlers == 3


def test_all_rattlers():
    found = mpack.contacts(Packing.random(n=20, phi=0.01, dim=3, seed=1))
    assert found.rattlers == 20 and math.isnan(found.mean_without_rattlers)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 4), st.integers(1, 60), st.integers(0, 2**32), st.floats(0, 0.3))
def test_contacts_by_plain_peeling(dim, n, seed, tolerance):
    packing = some_packing(dim, n, seed, box=4.0)
    i, j, r, d = brute(packing)
    near = r < (1 + tolerance) * d
    edges = set(zip(i[near].tolist(), j[near].tolist()))
    alive = set(range(n))
    while True:
        degree = {k: sum(k in e for e in edges if set(e) <= alive) for k in alive}
        loose = {k for k in alive if degree[k] < dim + 1}
        if not loose:
            break
        alive -= loose
    found = mpack.contacts(packing, tolerance)
    assert found.pairs == len(edges)
    assert found.rattlers == n - len(alive)
    assert found.pairs_without_rattlers == sum(set(e) <= alive for e in edges)


# Pair correlation


@pytest.mark.parametrize("dim", DIMS)
def test_pair_correlation_by_brute_force(dim):
    packing = some_packing(dim, n=150, box=5.0)
    found = mpack.pair_correlation(packing, r_max=2.4, bins=12)
    counts, edges = np.histogram(brute(packing)[2], bins=12, range=(0, 2.4))
    assert np.array_equal(found.counts, counts)
    volume = math.pi ** (dim / 2) / math.gamma(dim / 2 + 1) * np.diff(edges**dim)
    assert found.g == pytest.approx(counts / (150 * 149 / 2 * volume / 5.0**dim), rel=1e-12)
    assert found.r == pytest.approx(0.1 + 0.2 * np.arange(12))


@pytest.mark.parametrize("dim", DIMS)
def test_pair_correlation_of_uniform_points_is_one(seed, dim):
    found = mpack.pair_correlation(Packing.random(n=3000, phi=0.05, dim=dim, seed=seed), bins=20)
    expected = found.counts[-10:] / found.g[-10:]
    assert stats.chi2.sf(np.sum((found.counts[-10:] - expected) ** 2 / expected), 10) > 1e-7


@pytest.mark.parametrize("dim", [2, 3])
def test_freud_agrees_on_pair_correlation(dim):
    import freud

    packing = Packing.random(n=1500, phi=0.4, dim=dim, seed=3)
    theirs = freud.density.RDF(bins=60, r_max=3.0, normalization_mode="finite_size")
    theirs.compute(packing.to_freud())
    ours = mpack.pair_correlation(packing, r_max=3.0, bins=60)
    assert ours.r == pytest.approx(theirs.bin_centers, rel=1e-6)
    assert np.abs(ours.g - theirs.rdf)[6:].max() < 5e-3  # float32: a pair or two in another bin
    assert np.median(np.abs(ours.g - theirs.rdf)) < 1e-5


def test_default_reach_of_the_pair_correlation():
    small, large = Packing.random(100, 0.3, 3, 1), Packing.random(3000, 0.3, 3, 1)
    assert mpack.pair_correlation(small).edges[-1] == small.box / 2
    assert mpack.pair_correlation(large).edges[-1] == 5.0


# Structure factor


@pytest.mark.parametrize("dim", DIMS)
def test_structure_factor_by_brute_force(dim):
    packing = some_packing(dim, n=150, box=4.0)
    found = mpack.structure_factor(packing, q_max=2 * math.pi / 4.0 * 3.01)
    phase = 2 * math.pi / packing.box * (found.vectors @ packing.positions.T)
    waves = np.exp(-1j * phase).sum(axis=1)
    assert found.modes == pytest.approx(waves, abs=1e-9)
    assert found.s == pytest.approx(np.abs(waves) ** 2 / packing.n, abs=1e-10)
    assert found.q == pytest.approx(found.q_min * np.linalg.norm(found.vectors, axis=1), rel=1e-15)
    assert found.q_min == 2 * math.pi / 4.0 and found.q.min() == found.q_min
    assert np.all(found.s >= 0)


@pytest.mark.parametrize(
    "dim, radius", [(2, 7.0), (2, 7.99), (3, 5.0), (4, 3.0), (5, 2.3), (6, 2.0)]
)
def test_every_wave_vector_once(dim, radius):
    packing = Packing(np.zeros((1, dim)), box=3.0)
    found = mpack.structure_factor(packing, q_max=2 * math.pi / 3.0 * radius)
    top = math.floor(radius)
    grid = np.indices((2 * top + 1,) * dim).reshape(dim, -1).T - top
    inside = grid[(grid**2).sum(axis=1) <= radius**2 * (1 + 1e-12)]
    both = np.concatenate((found.vectors, -found.vectors, np.zeros((1, dim), dtype=int)))
    assert sorted(map(tuple, both.tolist())) == sorted(map(tuple, inside.tolist()))
    assert np.all(found.s == 1)  # one particle


@pytest.mark.parametrize("name", ["sc", "bcc", "fcc"])
def test_bragg_peaks(name):
    """S = n on the reciprocal lattice and 0 elsewhere, by the selection rule of each lattice."""
    packing = Packing.lattice(name, 4, phi=0.5)
    found = mpack.structure_factor(packing, q_max=9 * 2 * math.pi / packing.box)
    n = found.vectors
    miller = n // 4
    on = np.all(n % 4 == 0, axis=1)
    if name == "bcc":
        on &= miller.sum(axis=1) % 2 == 0
    if name == "fcc":
        on &= np.all(miller % 2 == miller[:, :1] % 2, axis=1)
    assert on.any()
    assert found.s[on] == pytest.approx(packing.n, rel=1e-13)
    assert found.s[~on].max() < 1e-25 * packing.n**2


def test_shells():
    packing = some_packing(3, 100)
    found = mpack.structure_factor(packing, q_max=8.0)
    shell = np.rint(found.q / found.q_min)
    for k, q, s, error, count in zip(
        np.unique(shell), found.shell_q, found.shell_s, found.shell_error, found.shell_counts
    ):
        inside = found.s[shell == k]
        assert (q, s) == pytest.approx((found.q[shell == k].mean(), inside.mean()), rel=1e-12)
        assert error == pytest.approx(inside.std(ddof=1) / math.sqrt(count), rel=1e-10)
    assert (
        found.shell_counts.sum() == len(found.q) and found.shell_counts[0] == 9
    )  # (1,0,0), (1,1,0)
    single = mpack.structure_factor(Packing(np.zeros((3, 2)), 3.0), q_max=2.1, per_shell=1)
    assert single.shell_counts.tolist() == [1] and np.isnan(single.shell_error[0])


def test_thinning_takes_a_part_of_the_same_vectors():
    packing = some_packing(3, 100)
    everything = mpack.structure_factor(packing, q_max=9.0)
    few = mpack.structure_factor(packing, q_max=9.0, per_shell=7)
    assert np.all(few.shell_counts == np.minimum(everything.shell_counts, 7))
    table = {tuple(n): s for n, s in zip(everything.vectors.tolist(), everything.s)}
    assert np.all(few.s == [table[tuple(n)] for n in few.vectors.tolist()])


def test_uniform_points_have_unit_structure_factor(seed):
    """n S is a sum of |.|**2 of n unit phases: mean 1 and, over vectors, standard error 1/sqrt(m)."""
    found = mpack.structure_factor(Packing.random(n=2000, phi=0.3, dim=3, seed=seed), q_max=6.0)
    m = len(found.s)
    assert abs(found.s.mean() - 1) < Z_MAX / math.sqrt(m)
    assert stats.kstest(found.s[:: max(1, m // 2000)], "expon").pvalue > 1e-7


def test_freud_agrees_on_the_structure_factor():
    """freud takes the wave vectors without a negative component only, so those are compared."""
    import freud

    packing = Packing.random(n=500, phi=0.5, dim=3, seed=1)
    theirs = freud.diffraction.StaticStructureFactorDirect(bins=20, k_max=8.0, k_min=0.2)
    theirs.compute(packing.to_freud())
    ours = mpack.structure_factor(packing, q_max=8.0)
    octant = np.all(ours.vectors >= 0, axis=1)
    place = np.digitize(ours.q, theirs.bin_edges) - 1
    means = [ours.s[octant & (place == b)].mean() for b in range(1, 20)]
    assert theirs.S_k[1:] == pytest.approx(means, rel=1e-5)


# Flatness


def test_golden_pair_flatness():
    """physics.md: R = 1, sigma = 0.03; here lengths are in diameters, so all is halved."""
    for r, golden in ((2.0, 8.237844e-3), (1.95, 8.370472e-4), (1.70, -5.294118e-4)):
        value = 2 * pair_flatness(r / 2, 0.015, dim=3)
        assert float(f"{value:.6e}") == golden


def mean_by_distribution(r, sigma, dim, d):
    """Average by the distribution function: E (d - rho)_+ = integral of P(rho < x) from 0 to d."""
    s = math.sqrt(2) * sigma
    law = stats.ncx2(dim, (r / s) ** 2)
    points = [p for p in (r, r - 4 * s, r + 4 * s) if 0 < p < d]
    low = max(0.0, min(d, r - 12 * s))
    value, _ = integrate.quad(
        lambda x: law.cdf((x / s) ** 2), low, d, points=points, epsabs=1e-13, limit=400
    )
    return 0.5 * value - 0.5 * max(d - r, 0.0)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("sigma, d", [(0.015, 1.0), (0.1, 1.0), (0.03, 0.7)])
def test_pair_flatness_by_the_non_central_chi_law(dim, sigma, d):
    for r in (0.001, 0.05, 0.2, 0.5, 0.69, 0.7, 0.9, 0.97, 1.0, 1.03, 1.1):
        expected = mean_by_distribution(r, sigma, dim, d)
        assert pair_flatness(r, sigma, dim, d) == pytest.approx(expected, abs=1e-10)


def test_closed_form_and_quadrature_agree_in_three_dimensions():
    s = math.sqrt(2) * 0.015
    r = np.linspace(12 * s + 1e-9, 1 + 8 * s, 500)
    d = np.ones_like(r)
    assert (
        np.abs(
            observables._by_quadrature(r, d, s, 3, mpack.Linear()) - pair_flatness(r, 0.015, 3)
        ).max()
        < 1e-15
    )


@pytest.mark.parametrize("dim", DIMS)
def test_pair_flatness_at_zero_separation(dim):
    """rho/s is a chi variable: -E rho/2, E chi = sqrt(2) Gamma((d+1)/2)/Gamma(d/2)."""
    s = math.sqrt(2) * 0.015
    mean = s * math.sqrt(2) * math.gamma((dim + 1) / 2) / math.gamma(dim / 2)
    assert pair_flatness(0.0, 0.015, dim) == pytest.approx(-mean / 2, rel=1e-13)


@pytest.mark.parametrize("dim", DIMS)
def test_pair_flatness_in_a_plane_of_contacts(dim):
    """Far from the origin, sigma -> 0: s phi(0)/2 at contact, -(d-1) sigma**2/(2 r) inside."""
    sigma = 1e-5
    s = math.sqrt(2) * sigma
    assert pair_flatness(1.0, sigma, dim) == pytest.approx(s / math.sqrt(8 * math.pi), rel=1e-3)
    assert pair_flatness(0.8, sigma, dim) == pytest.approx(
        -(dim - 1) * sigma**2 / (2 * 0.8), rel=1e-3
    )
    assert pair_flatness(1.1, sigma, dim) == 0


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("sigma", [1e-3, 1e-4, 1e-8])
def test_pair_flatness_where_bessel_functions_need_their_expansion(dim, sigma):
    """Contact in units of s, to order s: <dU>/s = phi(0)/2 - (d - 1) s/(8 r) + ..."""
    s = math.sqrt(2) * sigma
    series = 1 / math.sqrt(8 * math.pi) - (dim - 1) * s / 8
    assert pair_flatness(1.0, sigma, dim) / s == pytest.approx(series, abs=(dim + 1) * s**2 + 1e-14)
    value = _averages._scaled_bessel(dim / 2 - 1, np.array([1e6, np.nextafter(1e6, 2e6)]))
    assert value[0] == pytest.approx(value[1], rel=1e-14)


@pytest.mark.parametrize("dim", DIMS)
def test_flatness_is_the_sum_over_pairs(dim):
    packing = some_packing(dim)
    _, _, r, d = brute(packing)
    found = mpack.flatness(packing, sigma=0.02)
    assert found.delta_v == pytest.approx(
        math.fsum(pair_flatness(r, 0.02, dim, d)), rel=1e-10, abs=1e-13
    )
    assert found.delta_v_over_u0 == 2 * found.delta_v
    assert found.per_particle_sigma2 == pytest.approx(
        found.delta_v / packing.n / 0.02**2, rel=1e-14
    )
    assert found.standard_error == 0 and found.samples is None and found.sigma == 0.02


@pytest.mark.parametrize("dim", DIMS)
def test_truncation_bound(dim):
    """One pair just beyond the reach contributes no more than the bound; it is far below rounding of the
    sum.
    """
    packing = Packing(np.zeros((2, dim)), box=4.0)
    bound = mpack.flatness(packing).truncation_error
    assert pair_flatness(1 + 8 * math.sqrt(2) * 0.015, 0.015, dim) <= bound < 1e-18


@pytest.mark.parametrize("dim", DIMS)
def test_monte_carlo_agrees_with_the_closed_form(seed, dim):
    packing = some_packing(dim, n=40, seed=dim)
    exact = mpack.flatness(packing)
    sampled = mpack.flatness(packing, samples=4000, seed=seed)
    assert sampled.samples == 4000 and sampled.standard_error > 0
    assert abs(sampled.delta_v - exact.delta_v) < Z_MAX * sampled.standard_error
    assert mpack.flatness(packing, samples=4000, seed=seed).delta_v == sampled.delta_v
    assert mpack.flatness(packing, samples=4000, seed=seed + 1).delta_v != sampled.delta_v


@pytest.mark.parametrize("potential", [mpack.Harmonic(), mpack.Hertzian(stiffness=2.0)])
@pytest.mark.parametrize("name, close", [("fcc", math.pi / math.sqrt(18)), ("square", math.pi / 4)])
def test_smooth_potentials_tend_to_the_trace_of_the_hessian(seed, potential, name, close):
    """Delta V -> (sigma**2/2) Tr H; Tr H = 2 sum over pairs of U'' + (d - 1) U'/r."""
    packing = Packing.lattice(name, 4, phi=close * 1.2)
    _, r = packing.overlaps()
    trace = 2 * np.sum(potential.curvature(r) - (packing.dim - 1) * potential.force(r) / r)
    sigma = 1e-3
    found = mpack.flatness(packing, sigma, potential, samples=4000, seed=seed)
    limit = trace * sigma**2 / 2
    assert abs(found.delta_v - limit) < Z_MAX * found.standard_error + 100 * sigma**2 * abs(limit)
    assert found.standard_error < 0.02 * abs(limit)  # so that half the value would be noticed
    assert found.delta_v_over_u0 == pytest.approx(found.delta_v / potential.energy(0.0))


def test_flatness_in_units_of_an_infinite_energy():
    found = mpack.flatness(
        Packing.lattice("fcc", 3, phi=0.75), 0.001, mpack.WCA(), samples=10, seed=1
    )
    assert math.isnan(found.delta_v_over_u0) and math.isnan(found.truncation_error)


# Bad input

SMALL = Packing.random(n=10, phi=0.1, dim=3, seed=1)  # box 3.74


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: mpack.activity(np.zeros((3, 3))), TypeError, ["packing", "Packing", "ndarray"]),
        (lambda: mpack.activity(SMALL, "linear"), TypeError, ["potential", "Linear()", "str"]),
        (
            lambda: mpack.activity(SMALL, mpack.LennardJones()),
            ValueError,
            ["box must be >= 5", "Lennard"],
        ),
        (lambda: mpack.energy(None), TypeError, ["packing", "NoneType"]),
        (lambda: mpack.energy(SMALL, mpack.Linear), TypeError, ["potential", "type"]),
        (
            lambda: mpack.energy(SMALL, mpack.LennardJones()),
            ValueError,
            ["box must be >= 5", "3.74"],
        ),
        (lambda: mpack.contacts(SMALL, -0.1), ValueError, ["tolerance", "[0, 1]", "-0.1"]),
        (
            lambda: mpack.contacts(SMALL, 0.99),
            ValueError,
            ["box must be >= 3.98", "tolerance 0.99", "3.74"],
        ),
        (
            lambda: mpack.pair_correlation(SMALL, r_max=3.0),
            ValueError,
            ["r_max", "(0, 1.87", "3.0"],
        ),
        (lambda: mpack.pair_correlation(SMALL, r_max=0), ValueError, ["r_max", "0"]),
        (lambda: mpack.pair_correlation(SMALL, bins=0), ValueError, ["bins", "0"]),
        (lambda: mpack.pair_correlation(SMALL, bins=1.5), TypeError, ["bins", "1.5"]),
        (lambda: mpack.pair_correlation(Packing([[0, 0]], 3.0)), ValueError, ["at least 2", "1"]),
        (
            lambda: mpack.structure_factor(SMALL, q_max=1.0),
            ValueError,
            ["q_max", "q_min", "1.67", "1.0"],
        ),
        (lambda: mpack.structure_factor(SMALL, q_max=math.nan), ValueError, ["q_max", "nan"]),
        (lambda: mpack.structure_factor(SMALL, q_max=1e6), ValueError, ["q_max", "too many"]),
        (lambda: mpack.structure_factor(SMALL, per_shell=0), ValueError, ["per_shell", "0"]),
        (lambda: mpack.flatness(SMALL, sigma=0), ValueError, ["sigma", "0"]),
        (lambda: mpack.flatness(SMALL, sigma=-0.1), ValueError, ["sigma", "-0.1"]),
        (lambda: mpack.flatness(SMALL, sigma=1e-200), ValueError, ["sigma", ">= 1e-100", "1e-200"]),
        (
            lambda: mpack.flatness(SMALL, samples=10**15, seed=1),
            ValueError,
            ["samples", "1000000000]", "10000000"],
        ),
        (lambda: mpack.flatness(SMALL, sigma=0.2), ValueError, ["box", "sigma 0.2", "3.74"]),
        (
            lambda: mpack.flatness(SMALL, potential=mpack.LennardJones()),
            ValueError,
            ["box must be >=", "3.74"],
        ),
        (
            lambda: mpack.flatness(SMALL, samples=100),
            ValueError,
            ["samples and seed", "100", "None"],
        ),
        (lambda: mpack.flatness(SMALL, seed=1), ValueError, ["samples and seed", "None", "1"]),
        (lambda: mpack.flatness(SMALL, samples=1, seed=1), ValueError, ["samples", "[2, ", "1"]),
        (lambda: mpack.flatness(SMALL, samples=10, seed=-1), ValueError, ["seed", "-1"]),
        (
            lambda: mpack.flatness(SMALL, potential=mpack.WCA, samples=9, seed=1),
            TypeError,
            ["potential"],
        ),
        (lambda: pair_flatness(-1.0, 0.1, 3), ValueError, ["r must be finite and >= 0"]),
        (lambda: pair_flatness(1.0, 0.1, 3, d=0.0), ValueError, ["d must be finite and > 0"]),
        (lambda: pair_flatness("near", 0.1, 3), TypeError, ["r must be", "str"]),
        (lambda: pair_flatness([1, 2], 0.1, 3, [1, 2, 3]), ValueError, ["r and d", "(2,)", "(3,)"]),
        (lambda: pair_flatness(1.0, 0.0, 3), ValueError, ["sigma"]),
        (lambda: pair_flatness(1.0, 0.1, 7), ValueError, ["dim", "[2, 6]", "7"]),
    ],
)
def test_bad_input(make, error, words):
    with pytest.raises(error) as caught:
        make()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_one_particle():
    lone = Packing([[1.0, 2.0, 3.0]], box=4.0)
    assert mpack.activity(lone) == 0 and mpack.energy(lone) == 0
    assert mpack.contacts(lone).rattlers == 1 and mpack.flatness(lone).delta_v == 0
    assert np.all(mpack.structure_factor(lone).s == pytest.approx(1, rel=1e-14))


# Gaps, and flatness of any potential


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_gaps_by_brute_force(dim):
    packing = some_packing(dim, n=150, box=5.0)
    found = observables.gaps(packing, -0.5, 0.25, bins=15)
    _, _, r, d = brute(packing)
    counts, edges = np.histogram(r - d, bins=15, range=(-0.5, 0.25))
    assert np.array_equal(found.counts, counts) and found.edges == pytest.approx(edges)
    assert found.density == pytest.approx(2 * counts / 150 / 0.05, rel=1e-12)
    assert found.h[0] == pytest.approx(-0.475)


def test_gaps_integrate_to_contacts_and_to_the_flatness():
    """Equal spheres: Z is the integral below 0, flatness n/2 times that of the pair's, up to the width of a bin."""
    packing = Packing.random(n=4000, phi=0.6, dim=3, seed=1)
    found = observables.gaps(packing, -1.0, 0.25, bins=2500)
    width = np.diff(found.edges)
    assert np.sum((found.density * width)[found.h < 0]) == pytest.approx(
        mpack.contacts(packing).mean, rel=1e-12
    )
    terms = packing.n / 2 * found.density * width * pair_flatness(1 + found.h, 0.02, 3)
    assert terms.sum() == pytest.approx(
        mpack.flatness(packing, 0.02).delta_v, abs=1e-3 * np.abs(terms).sum()
    )


@pytest.mark.parametrize("potential", SMOOTH, ids=repr)
@pytest.mark.parametrize("dim", [2, 3, 4])
def test_pair_flatness_of_any_potential_by_its_integral(potential, dim):
    sigma, d = 0.03, 0.9
    s = math.sqrt(2) * sigma
    edge = potential.range(d)
    for r in (0.7, 0.85, edge - 0.01, edge, edge + 0.05):
        law = stats.ncx2(dim, (r / s) ** 2)

        def integrand(x):
            return (
                (potential.energy(x, d) - potential.energy(r, d))
                * law.pdf((x / s) ** 2)
                * 2
                * x
                / s**2
            )

        ends = (r - 9 * s, r + 9 * s)
        value, _ = integrate.quad(
            integrand, *ends, points=[p for p in (r, edge) if ends[0] < p < ends[1]], limit=400
        )
        assert pair_flatness(r, sigma, dim, d, potential) == pytest.approx(
            value, rel=1e-6, abs=1e-12
        )


@pytest.mark.parametrize("potential", SMOOTH, ids=repr)
def test_monte_carlo_agrees_for_any_potential(seed, potential):
    packing = Packing.lattice("fcc", 4, phi=0.8)
    exact = mpack.flatness(packing, 0.02, potential)
    sampled = mpack.flatness(packing, 0.02, potential, samples=1000, seed=seed)
    assert exact.standard_error == 0 and exact.samples is None
    assert (
        abs(sampled.delta_v - exact.delta_v)
        < Z_MAX * sampled.standard_error
        < 0.05 * abs(exact.delta_v)
    )


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: observables.gaps(SMALL, 0.2, 0.1), ValueError, ["low", "< 0.1", "0.2"]),
        (
            lambda: observables.gaps(SMALL, -0.1, 0.9),
            ValueError,
            ["box must be >= 3.8", "high 0.9", "3.74"],
        ),
        (lambda: observables.gaps(SMALL, bins=0), ValueError, ["bins", "0"]),
        (lambda: observables.gaps(None), TypeError, ["packing", "NoneType"]),
        (lambda: pair_flatness(1.0, 0.1, 3, potential="linear"), TypeError, ["potential", "str"]),
    ],
)
def test_bad_input_of_gaps_and_potentials(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)


# Touching and overlapping apart, and gaps


@pytest.mark.parametrize(
    "phi, touch, over", [(0.74, 12.0, 0.0), (0.7405, 12.0, 0.0), (0.75, 0.0, 12.0)]
)
def test_touching_and_overlapping_in_a_crystal(phi, touch, over):
    """fcc touches at 0.7405: twelve neighbours, gaps of 2e-4 a little below it and overlaps above."""
    found = observables.touching(Packing.lattice("fcc", 4, phi=phi), [1e-3, 2e-3])
    assert found.touching.tolist() == [touch] * 2 and found.overlapping.tolist() == [over] * 2
    assert found.rattlers.tolist() == [0, 0] and found.rattlers.dtype == np.int64


def test_touching_by_hand():
    """A clique of four discs, of whose six pairs three touch and one overlaps; a fifth disc hangs on by two."""
    points = [[0.0, 0.0], [1.001, 0.0], [0.0, 0.9], [1.001, 0.9], [1.9, 0.45]]
    packing = Packing(points, box=9.0)
    found = observables.touching(packing, [0.01, 0.35, 0.35 + 1e-6, 0.4])
    assert found.rattlers.tolist() == [5, 1, 1, 1]  # across, sqrt(1.812) - 1 = 0.346
    assert found.touching[1:].tolist() == [3.0, 3.0, 3.0] and math.isnan(found.touching[0])
    narrow = observables.touching(Packing(0.95 * np.array(points[:4]), box=9.0), [0.1, 0.3])
    assert narrow.rattlers.tolist() == [4, 0] and narrow.overlapping.tolist()[1] == 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.integers(5, 60), st.integers(0, 2**32), st.floats(0, 0.3))
def test_touching_and_overlapping_are_all_contacts(dim, n, seed, w):
    """For equal spheres a window is a relative gap: both together are `contacts`, and gaps say the same."""
    packing = some_packing(dim, n, seed, box=4.0)
    packing = Packing(packing.positions, packing.box)
    found, all_of = observables.touching(packing, [w]), mpack.contacts(packing, w)
    assert found.rattlers[0] == all_of.rattlers
    gaps = observables.held_gaps(packing, w, w)
    if all_of.rattlers == n:
        assert math.isnan(found.touching[0]) and not gaps.size
        return
    held, r = n - all_of.rattlers, np.sort(gaps)
    assert found.touching[0] + found.overlapping[0] == pytest.approx(all_of.mean_without_rattlers)
    assert found.overlapping[0] == pytest.approx(2 * np.sum(r < -w) / held)
    assert gaps.size == all_of.pairs_without_rattlers


@pytest.mark.parametrize("gamma", [-0.5, 0.0, 0.38, 0.41269, 1.0, 1.3])
def test_gap_exponent_of_drawn_gaps(gamma):
    """On the mark on average, with the scatter that the curvature of the likelihood says."""
    low, high, many, a = 1e-3, 1e-1, 2_000, 1.0 - gamma
    u = np.random.default_rng(1).random((200, many))
    L = math.log(high / low)
    y = u * L if a == 0 else np.log1p(u * math.expm1(a * L)) / a
    found = np.array([observables.gap_exponent(row, low, high) for row in low * np.exp(y)])
    variance = L**2 / 12 if a == 0 else 1 / a**2 - L**2 / (4 * math.sinh(a * L / 2) ** 2)
    error = (many * variance) ** -0.5
    assert abs(found.mean() - gamma) < 5 * error / 200**0.5 + 2e-3 * error
    assert abs(found.std() / error - 1.0) < 5 / 400**0.5


@pytest.mark.parametrize(
    "call, kind, said",
    [
        (lambda: observables.touching(SMALL, []), ValueError, "windows"),
        (lambda: observables.touching(SMALL, [0.1, 1.5]), ValueError, "windows[1]"),
        (lambda: observables.touching(SMALL, [0.99]), ValueError, "box must be"),
        (lambda: observables.touching(None, [0.1]), TypeError, "packing"),
        (lambda: observables.held_gaps(SMALL, 0.2, 0.1), ValueError, "high"),
        (lambda: observables.gap_exponent([0.1, 0.1], 0.01, 1.0), ValueError, "two different"),
        (lambda: observables.gap_exponent([0.1, 0.2], 1.0, 0.1), ValueError, "low"),
    ],
)
def test_refusals_of_touching_and_gaps(call, kind, said):
    with pytest.raises(kind) as error:
        call()
    assert said in str(error.value)
