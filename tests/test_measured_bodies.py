"""What one measures of ellipsoids: contacts and rattlers, correlations by contact distance, turning, flatness."""

import math

import numpy as np
import pytest

import mpack
from mpack import Packing, _measures, ellipsoids, observables
from mpack._kernels import noise
from tests import slow_bodies

KINDS = {2: [(1.8, 1.0), (1.0, 1.0)], 3: [(1.6, 1.0, 0.8), (1.5, 1.0, 1.0), (1.0, 1.0, 1.0)]}


def some(dim, n=60, phi=None, seed=3, axes=None, **more):
    """A packing of several kinds of bodies, spheres among them."""
    axes = np.resize(KINDS[dim], (n, dim)) if axes is None else axes
    return Packing.random(n, phi or (0.55 if dim == 3 else 0.8), dim, seed, axes=axes, **more)


def nearly(packing):
    """The same spheres as bodies: longer along one axis, by so little that nothing is measured of it."""
    axes = np.ones((packing.n, packing.dim))
    axes[:, -1] += 1e-12
    axes *= 0.5 * packing.diameters[:, None] / np.prod(axes, axis=1)[:, None] ** (1 / packing.dim)
    return Packing.from_fixed(packing.fixed, packing.box, axes=axes)


def all_depths(packing, most=1.3):
    """{(i, j): mu} of all pairs that may have mu < most by SciPy's optimiser, images by brute force."""
    forms, found, long = slow_bodies.shapes(packing), {}, packing.axes.max(axis=1)
    for i in range(packing.n):
        for j in range(i + 1, packing.n):
            r = np.zeros(3)
            r[: packing.dim] = packing.positions[i] - packing.positions[j]
            r -= packing.box * np.rint(r / packing.box)
            if np.linalg.norm(r) < most * (long[i] + long[j]):
                found[i, j] = math.sqrt(slow_bodies.overlap(forms[i], forms[j], r)[0])
    return found


# ------------------------------------------------------------------------------------------------
# contacts, rattlers, gaps


def held_by(n, least, pairs):
    """Who is left when those with too few pairs go, one at a time, in sets of Python."""
    left = set(range(n))
    while True:
        loose = next((k for k in left if sum(k in p and left >= set(p) for p in pairs) < least), -1)
        if loose < 0:
            return left
        left.remove(loose)


@pytest.mark.parametrize("dim", (2, 3))
def test_gaps_and_contacts_are_those_of_all_pairs(dim):
    """h = D (mu - 1) of every pair within reach, who is held, and what touches, against SciPy and sets."""
    packing, w, high = some(dim, n=70, phi=0.75), 0.04, 0.1
    sizes, depths = packing.diameters, all_depths(packing)
    h = {p: 0.5 * (sizes[p[0]] + sizes[p[1]]) * (m - 1) for p, m in depths.items()}
    held = held_by(packing.n, dim + 1, [p for p in h if h[p] <= w])
    kept = {p: gap for p, gap in h.items() if held >= set(p)}
    assert dim + 1 < len(held) < packing.n
    expected = np.sort([gap for gap in kept.values() if gap <= high])
    assert observables.held_gaps(packing, w, high) == pytest.approx(expected, abs=1e-8)
    found = observables.touching(packing, [w])
    touch = sum(abs(gap) <= w for gap in kept.values())
    assert found.touching[0] == pytest.approx(2 * touch / len(held)) and touch > 0
    assert found.overlapping[0] == pytest.approx(2 * sum(g < -w for g in kept.values()) / len(held))
    assert found.rattlers[0] == packing.n - len(held)
    counts = observables.gaps(packing, -0.5, 0.2, 7).counts
    assert counts.tolist() == np.histogram([*h.values()], 7, (-0.5, 0.2))[0].tolist()
    some_more = mpack.contacts(packing, 0.05)
    touched = [p for p in depths if depths[p] < 1.05]
    left = held_by(packing.n, dim + 1, touched)
    assert some_more.pairs == len(touched)
    assert np.flatnonzero(~some_more.is_rattler).tolist() == sorted(left)


@pytest.mark.parametrize("dim", (2, 3))
def test_gaps_of_bodies_that_are_nearly_spheres(dim):
    """What is counted of spheres of two sizes is counted of bodies that differ from them by 1e-12."""
    spheres = Packing.random(200, 0.6, dim, seed=2, diameters=np.resize([1.0, 1.4], 200))
    bodies = nearly(spheres)
    assert spheres.spherical and not bodies.spherical
    for measure in (
        lambda p: observables.gaps(p, bins=20).counts,
        lambda p: observables.held_gaps(p, 0.1, 0.2).round(9),
        lambda p: observables.touching(p, [0.01, 0.1]).touching,
        lambda p: mpack.contacts(p, 0.1).counts_without_rattlers,
    ):
        assert measure(bodies).tolist() == measure(spheres).tolist()


def test_freedoms_and_the_isostatic_number():
    """Triaxial 12, spheroids 10, spheres 6; ellipses 6, discs 4; the mean of a mixture, without its rattlers."""
    assert ellipsoids.freedoms(some(3, n=3, phi=0.03)).tolist() == [6, 5, 3]
    assert ellipsoids.freedoms(some(2, n=2, phi=0.03)).tolist() == [3, 2]
    oblate = Packing.random(3, 0.01, 3, 1, axes=[(1, 1, 0.3), (1, 0.3, 1), (0.3, 1, 1)])
    assert ellipsoids.freedoms(oblate).tolist() == [5, 5, 5]
    assert ellipsoids.freedoms(Packing.random(4, 0.01, 5, seed=1)).tolist() == [5] * 4
    found = mpack.contacts(packing := some(3, n=150, phi=0.7))
    assert 0 < found.rattlers < packing.n
    expected = 2 * ellipsoids.freedoms(packing)[~found.is_rattler].mean()
    assert found.isostatic == pytest.approx(expected) and 6 < expected < 12
    assert mpack.contacts(Packing.random(100, 0.7, 3, seed=1)).isostatic == 6
    assert math.isnan(mpack.contacts(some(3, phi=0.001)).isostatic)


def test_gaps_too_wide_are_refused():
    packing = some(3, axes=(4, 1, 1), phi=0.2)
    with pytest.raises(ValueError, match="box must be at least .* two bodies end to end"):
        observables.held_gaps(packing, 0.0, 0.9)
    mixed = Packing.random(50, 0.03, 3, 1, axes=np.resize([(2, 1, 1), (0.4, 0.4, 0.4)], (50, 3)))
    with pytest.raises(ValueError, match="the largest window must be at most the least 2 R_eq"):
        observables.touching(mixed, [0.9])
    with pytest.raises(ValueError, match="high 0.9 must be at most the least 2 R_eq"):
        observables.gaps(mixed, 0.0, 0.9)


# ------------------------------------------------------------------------------------------------
# pair correlations


SHAPES = [(1.8, 1.0), (6.0, 1.0), (2.0, 1.0, 0.8), (5.0, 1.0, 1.0), (3.0, 3.0, 0.7)]


def counted(axes, edges, seed, packings=40, **more):
    """Pairs of independent bodies in bins of mu, of several packings, and how many were expected."""
    found = 0
    for k in range(packings):
        packing = Packing.random(1500, 0.2, np.shape(axes)[-1], 100 * seed + k, axes=axes, **more)
        found = found + ellipsoids.contact_correlation(packing, edges[-1], len(edges) - 1).counts
    return (
        found,
        packings * math.comb(1500, 2) * np.diff(edges**packing.dim) / packing.box ** (packing.dim),
        2.0 * packing.axes[0],
    )


@pytest.mark.parametrize("axes", SHAPES, ids=str)
def test_independent_bodies_have_no_correlation(axes, seed):
    """Counts in four bins are those of the closed form, within 4.5 standard errors; to less than 3 %."""
    edges = np.linspace(0.0, 1.6 if max(axes) < 4 else 1.2, 5)
    counts, pairs, doubled = counted(axes, edges, seed)
    expected = pairs * ellipsoids.excluded_volume(0.5 * doubled)
    z = (counts - expected) / np.sqrt(expected)
    assert np.abs(z).max() < 4.5
    assert expected.sum() ** -0.5 < 0.03 / 4.5  # so that 3 % would be noticed
    spheres = pairs * 2 ** len(axes) * _volume(0.5 * doubled)  # as if they were round
    assert (counts - spheres).sum() > 10 * math.sqrt(spheres.sum())


def _volume(semi):
    return (math.pi if len(semi) == 2 else 4 * math.pi / 3) * np.prod(semi)


@pytest.mark.parametrize("axes", [(3.0, 1.0), (3.0, 1.0, 0.7)], ids=str)
def test_aligned_bodies_exclude_what_spheres_do(axes, seed):
    """A + A = 2 A where both point one way: g is 2**d V/V_ex everywhere."""
    edges = np.linspace(0.0, 1.2, 4)
    counts, pairs, doubled = counted(axes, edges, seed, aligned=True)
    expected = pairs * 2 ** len(axes) * _volume(0.5 * doubled)
    assert np.abs((counts - expected) / np.sqrt(expected)).max() < 4.5
    packing = Packing.random(500, 0.2, len(axes), seed, axes=axes, aligned=True)
    found = ellipsoids.contact_correlation(packing, 1.2, 3)
    unit = ellipsoids.excluded_volume(packing.axes[0])
    wanted = 2 ** len(axes) * _volume(packing.axes[0]) / unit
    assert found.g == pytest.approx(wanted, rel=5 * found.counts.min() ** -0.5) and wanted < 0.8


@pytest.mark.parametrize("dim", (2, 3))
def test_mixtures_are_normalised_pair_by_pair(dim, seed):
    packing = some(dim, n=2000, phi=0.2, seed=seed)
    found = ellipsoids.contact_correlation(packing, 1.5, 5)
    assert np.abs((found.g - 1) * np.sqrt(found.counts)).max() < 4.5
    few = some(dim, n=30, phi=0.1)
    semi, total = few.axes, 0.0
    for i in range(30):
        total += sum(ellipsoids.excluded_volume(semi[i], semi[j]) for j in range(i))
    found = ellipsoids.contact_correlation(few, 1.0, 1)
    assert found.g[0] * total / few.box**dim == pytest.approx(found.counts[0], rel=1e-12)


@pytest.mark.parametrize("dim", (2, 3))
def test_correlations_of_spheres_are_g_of_r(dim):
    """Bins filled after BRO, and of bodies that are nearly spheres; overlaps of bodies are bins below 1."""
    start = Packing.random(300, 0.5, dim, seed=1)
    spheres = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=20, seed=1).final
    plain = mpack.pair_correlation(spheres, 2.0, 20)
    for packing in (spheres, nearly(spheres)):
        found = ellipsoids.contact_correlation(packing, 2.0, 20)
        assert found.counts.tolist() == plain.counts.tolist()
        assert found.g == pytest.approx(plain.g, rel=1e-9)
    bodies = some(dim)
    inside = ellipsoids.contact_correlation(bodies, 1.2, 6).counts[:5].sum()
    assert inside == len(ellipsoids.pair_contacts(bodies).pairs) > 0


def test_excluded_volume_in_closed_form():
    """Spheres and discs, (R + S)**d; the same either way round; a spheroid by Gauss's quadrature."""
    for one, two in ((0.5, 0.5), (0.3, 0.9)):
        for dim, unit in ((2, math.pi), (3, 4 * math.pi / 3)):
            found = ellipsoids.excluded_volume([one] * dim, [two] * dim)
            assert found == pytest.approx(unit * (one + two) ** dim, rel=1e-13)
    a, b = (1.7, 0.4, 0.9), (0.2, 1.1, 0.6)
    assert ellipsoids.excluded_volume(a, b) == pytest.approx(ellipsoids.excluded_volume(b, a))
    x, w = np.polynomial.legendre.leggauss(200)  # prolate: surface and mean support as integrals
    e2 = 1 - 1 / 2.5**2
    surface = 2 * math.pi * 2.5 * 0.5 * (w @ np.sqrt(1 - e2 * x**2)) * 2
    support = 0.5 * (w @ np.sqrt(1 + (2.5**2 - 1) * x**2))
    expected = 2 * (4 * math.pi / 3 * 2.5) + 2 * surface * support
    assert ellipsoids.excluded_volume([2.5, 1, 1]) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: ellipsoids.contact_correlation(p, mu_max=5.0), "mu_max must be a finite number"),
        (lambda p: ellipsoids.contact_correlation(p, mu_max=0.0), "mu_max must be a finite number"),
        (lambda p: ellipsoids.contact_correlation(p, bins=0), "bins must be an integer"),
        (lambda p: ellipsoids.contact_correlation(Packing([[1, 1]], 4.0)), "2 particles or more"),
        (lambda p: ellipsoids.contact_correlation(Packing.random(9, 0.01, 4, 1)), "of dim 2 or 3"),
        (lambda p: ellipsoids.excluded_volume([1.0]), r"axes must have shape \(2,\) or \(3,\)"),
        (lambda p: ellipsoids.excluded_volume([1, 1], [1, 1, 1]), r"other must have shape \(2,\)"),
        (lambda p: ellipsoids.excluded_volume([1, 0]), "axes must be finite"),
    ],
)
def test_correlations_that_cannot_be_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(some(3))


# ------------------------------------------------------------------------------------------------
# turning


def product(p, q):
    """Of quaternions (n, 4)."""
    a, b, c, d = p.T
    w, x, y, z = q.T
    rows = (
        (a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y),
        (a * y - b * z + c * w + d * x, a * z + b * y - c * x + d * w),
    )
    return np.column_stack([*rows[0], *rows[1]])


def about(vectors):
    """Quaternions of rotations about vectors (n, 3) by their lengths."""
    angle = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.hstack(
        [np.cos(0.5 * angle), np.sin(0.5 * angle) * vectors / np.maximum(angle, 1e-300)]
    )


def tumbling(dim, n, frames, spread, seed):
    """Packings whose bodies turn by independent isotropic Gaussian vectors from one to the next; and the angles."""
    rng, packing = np.random.default_rng(seed), some(dim, n=n, phi=0.1, axes=(2.0, 1.0, 0.8)[:dim])
    yield packing, None
    for _ in range(frames):
        vectors = spread * rng.normal(size=(n, 3))
        if dim == 2:
            vectors[:, :2] = 0.0
        packing = packing.moved(packing.fixed, product(about(vectors), packing.orientations))
        yield packing, np.linalg.norm(vectors, axis=1)


@pytest.mark.parametrize("axis", ("longest", "shortest"))
@pytest.mark.parametrize("dim", (2, 3))
def test_independent_turns_have_the_characters_correlations(dim, axis, seed):
    """C_l of k of them is the product of <sin((2l+1) a/2)/((2l+1) sin(a/2))>, in two dimensions of <cos l a>;
    the unbounded square adds up; within five standard errors, bounded by the values' ranges.
    """
    n, spread = 4000, 0.4
    looks = list(tumbling(dim, n, 6, spread, seed))
    found = ellipsoids.turnings((packing for packing, _ in looks), axis)
    one, two = [1.0], [1.0]
    for _, a in looks[1:]:
        if dim == 2:
            factors = np.cos(a).mean(), np.cos(2 * a).mean()
        else:
            factors = (
                (1 + 2 * np.cos(a)).mean() / 3,
                (1 + 2 * np.cos(a) + 2 * np.cos(2 * a)).mean() / 5,
            )
        one.append(one[-1] * factors[0])
        two.append(two[-1] * factors[1])
    error = 5 / math.sqrt(n)
    assert np.abs(found.c1 - one).max() < error and np.abs(found.c2 - two).max() < error
    assert found.c1[-1] < 0.8 and found.c2[-1] < 0.6  # far enough to tell
    freedoms = 1 if dim == 2 else 3
    expected = freedoms * spread**2 * np.arange(7)
    assert found.unbounded == pytest.approx(expected, rel=0.02 + error * math.sqrt(2 / freedoms))
    assert found.largest[0] == 0 and found.largest[1:] == pytest.approx(
        [max(a) for _, a in looks[1:]]
    )
    assert found.mean_square[1] == pytest.approx(np.mean(looks[1][1] ** 2))


def test_steady_turns_add_up_where_angles_are_bounded():
    """Bodies that spin about one axis each, 1 radian a frame: (k)**2, where the angle turns back at pi."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    packing = some(3, n=50, phi=0.1, axes=(2, 1, 1))
    frames = [packing]
    for _ in range(9):
        frames.append(
            packing.moved(packing.fixed, product(about(vectors), frames[-1].orientations))
        )
    found = ellipsoids.turnings(frames)
    k = np.arange(10.0)
    assert found.unbounded == pytest.approx(k**2)
    assert found.mean_square == pytest.approx(np.minimum(k % (2 * np.pi), -k % (2 * np.pi)) ** 2)
    assert found.unbounded[-1] == pytest.approx(81) and found.largest[1:] == pytest.approx(1.0)


@pytest.mark.parametrize("dim", (2, 3))
def test_without_memory_nothing_correlates(dim, seed):
    """Of independent orientations C_1 = C_2 = 0 and <angle**2> = pi**2/3 + 2, in two dimensions pi**2/3."""
    one, two = (some(dim, n=20_000, phi=0.1, axes=(2, 1, 1)[:dim], seed=seed + k) for k in (0, 99))
    found = ellipsoids.turning(one, two)
    error = 5 / math.sqrt(20_000)
    assert abs(found.c1) < error and abs(found.c2) < error
    assert found.mean_square == pytest.approx(math.pi**2 / 3 + 2 * (dim == 3), abs=3 * error)


def test_half_turns_are_seen_by_the_head_alone():
    packing = some(2, n=40, phi=0.1, axes=(2, 1))
    half = packing.moved(
        packing.fixed, product(about(np.tile([0, 0, np.pi], (40, 1))), packing.orientations)
    )
    found = ellipsoids.turning(packing, half)
    assert (found.c1, found.c2) == pytest.approx(
        (-1.0, 1.0)
    ) and found.mean_square == pytest.approx(np.pi**2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: ellipsoids.turning(p, some(3, n=50)), ValueError, "after must be of the"),
        (
            lambda p: ellipsoids.turning(p, some(3, n=60, axes=(2, 1, 1))),
            ValueError,
            "of the bodies",
        ),
        (lambda p: ellipsoids.turning(p, some(2, n=60)), ValueError, "of the bodies"),
        (lambda p: ellipsoids.turning(p, p, "middle"), ValueError, "axis must be one of"),
        (lambda p: ellipsoids.turning(p, 3), TypeError, "packing must be a Packing"),
        (
            lambda p: ellipsoids.turning(*[Packing.random(9, 0.1, 3, 1)] * 2),
            ValueError,
            "no spheres",
        ),
        (lambda p: ellipsoids.turnings([]), ValueError, "one packing at least"),
        (lambda p: ellipsoids.turnings(p), TypeError, "packings must be an iterable"),
        (lambda p: ellipsoids.turnings([p, 1]), TypeError, "packing must be a Packing"),
    ],
)
def test_turns_that_cannot_be_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(some(3))


# ------------------------------------------------------------------------------------------------
# flatness


def drawn(packing, sigma, seed, sample, rotation):
    """Displacements (n, d) and turns (n, 3) about the bodies' own axes of one sample, from the noise's labels."""
    n, dim = packing.n, packing.dim

    def gaussians(columns):
        out = np.empty(n * len(columns))
        label = np.repeat(np.arange(n, dtype=np.uint64), len(columns))
        column = np.tile(np.array(columns, dtype=np.uint64), n)
        purpose = np.uint64(noise.PURPOSES["flatness"])
        noise.fill_gaussian(np.uint64(seed), purpose, np.uint64(sample), label, column, out)
        return out.reshape(n, -1)

    shift, twist = sigma * gaussians(range(dim)), np.zeros((n, 3))
    if rotation is not None:
        a2 = packing.axes**2
        if dim == 2:
            moments = rotation**2 * a2.sum(axis=1, keepdims=True) / 4
            twist[:, 2:] = sigma * gaussians([5]) / np.sqrt(moments)
        else:
            moments = rotation**2 * (a2.sum(axis=1, keepdims=True) - a2) / 5
            twist = sigma * gaussians([3, 4, 5]) / np.sqrt(moments)
    return shift, twist


def displaced(packing, shift, twist):
    """The packing with centres moved and bodies turned by the Cayley rotations of `twist`, about their own axes."""
    q = np.hstack([np.ones((packing.n, 1)), 0.5 * twist])
    turns = product(packing.orientations, q / np.linalg.norm(q, axis=1, keepdims=True))
    places = packing.positions + shift
    return Packing(places, packing.box, axes=packing.axes, orientations=turns)


@pytest.mark.parametrize("potential", [mpack.Linear(), mpack.Hertzian()], ids=str)
@pytest.mark.parametrize(("rotation", "sigma"), ((1.0, 0.06), (0.03, 0.01), (None, 0.06)))
@pytest.mark.parametrize("dim", (2, 3))
def test_samples_are_energies_of_displaced_packings(dim, rotation, sigma, potential, seed):
    """Two samples, from whole packings and their energies; far pairs meet by moving or by turning."""
    packing = some(dim, n=80, phi=0.4, seed=seed)
    found = mpack.flatness(packing, sigma, potential, samples=2, seed=seed, rotation=rotation)
    changes, before = [], mpack.energy(packing, potential)
    for sample in range(2):
        shift, twist = drawn(packing, sigma, seed, sample, rotation)
        both = [displaced(packing, k * shift, k * twist) for k in (1, -1)]
        changes.append(np.mean([mpack.energy(one, potential) for one in both]) - before)
    assert found.delta_v == pytest.approx(np.mean(changes), rel=1e-9, abs=1e-12)
    assert found.standard_error == pytest.approx(abs(changes[0] - changes[1]) / 2, rel=1e-9)
    linear = isinstance(potential, mpack.Linear)
    assert 0 < found.truncation_error < 1e-6 if linear else math.isnan(found.truncation_error)


@pytest.mark.parametrize("dim", (2, 3))
def test_bodies_that_are_nearly_spheres_are_as_flat(dim, seed):
    """Sample for sample, however they turn; and the closed form of spheres, within 4.5 standard errors."""
    start = Packing.random(80, 0.6, dim, seed=2, diameters=np.resize([1.0, 1.4], 80))
    spheres = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=20, seed=1).final
    bodies, exact = nearly(spheres), mpack.flatness(spheres, 0.03)
    sampled = mpack.flatness(spheres, 0.03, samples=1000, seed=seed)
    for rotation in (1.0, 0.1, None):
        found = mpack.flatness(bodies, 0.03, samples=1000, seed=seed, rotation=rotation)
        assert found.delta_v == pytest.approx(sampled.delta_v, rel=1e-7)
        assert found.standard_error == pytest.approx(sampled.standard_error, rel=1e-7)
    assert abs(found.delta_v - exact.delta_v) < 4.5 * found.standard_error
    assert found.standard_error < 0.05 * abs(exact.delta_v)
    turned = mpack.flatness(some(dim, n=80), 0.01, samples=50, seed=1)
    moved = mpack.flatness(some(dim, n=80), 0.01, samples=50, seed=1, rotation=None)
    assert turned.delta_v != pytest.approx(moved.delta_v, rel=0.05)  # of true bodies it matters


@pytest.mark.parametrize("dim", (2, 3))
def test_smooth_bodies_tend_to_the_trace_of_their_hessian(dim, seed):
    """Delta V -> (sigma**2/2) (Tr H of places + sum over axes of H_kk/I_k), by second differences of the energy.

    The second part goes as rotation**-2; where nothing turns there is the first alone.
    """
    packing, h, sigma = some(dim, n=60, phi=0.5), 3e-4, 1e-4
    potential = mpack.Harmonic()
    shift, twist = np.zeros((packing.n, dim)), np.zeros((packing.n, 3))
    moments = ellipsoids.inertia(packing.axes)
    before, parts = mpack.energy(packing, potential), []
    columns = [(shift, c, np.ones(packing.n)) for c in range(dim)]
    columns += [(twist, 3 - moments.shape[1] + k, moments[:, k]) for k in range(moments.shape[1])]
    for table, column, weight in columns:
        total = 0.0
        for i in range(packing.n):
            table[i, column] = h / math.sqrt(weight[i])
            ends = [displaced(packing, k * shift, k * twist) for k in (1, -1)]
            total += sum(mpack.energy(one, potential) - before for one in ends) / h**2
            table[i, column] = 0.0
        parts.append(total)
    moved, turned = sum(parts[:dim]), sum(parts[dim:])
    for rotation, trace in ((1.0, moved + turned), (0.2, moved + 25 * turned), (None, moved)):
        found = mpack.flatness(packing, sigma, potential, 4000, seed, rotation)
        limit = 0.5 * sigma**2 * trace
        assert abs(found.delta_v - limit) < 4.5 * found.standard_error + 0.02 * abs(limit)
        assert found.standard_error < 0.03 * abs(limit)
    assert abs(25 * turned) > 0.5 * moved  # else turning is not tried


def test_nothing_changes_without_noise():
    """sigma -> 0: the linear part cancels sample by sample, what is left goes as sigma**2 away from kinks."""
    packing = some(3, n=100)
    one, two = (
        mpack.flatness(packing, sigma, samples=40, seed=1).delta_v for sigma in (1e-8, 2e-8)
    )
    assert abs(one) < 1e-12 and two == pytest.approx(4 * one, rel=0.2, abs=1e-15)
    apart = some(3, n=30, phi=0.001)
    assert mpack.flatness(apart, 0.01, samples=10, seed=1).delta_v == 0.0


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "samples and seed must be given for particles that are no spheres"),
        ({"samples": 10}, "samples and seed must be given together"),
        ({"samples": 1, "seed": 1}, "samples must be an integer in"),
        ({"samples": 10, "seed": 1, "rotation": 0}, "rotation must be a finite number"),
        ({"samples": 10, "seed": 1, "sigma": 0.1}, "box must be >= .*for sigma 0.1"),
        ({"samples": 10, "seed": 1, "potential": mpack.WCA()}, "bounded force"),
    ],
)
def test_flatness_that_cannot_be_is_refused(how, words):
    with pytest.raises(ValueError, match=words):
        mpack.flatness(some(3), **{"sigma": 0.01, **how})


def test_contacts_of_chosen_pairs():
    """Those of all pairs that overlap, and of any others; what is no pair is refused."""
    packing = some(3)
    found = ellipsoids.pair_contacts(packing)
    chosen = ellipsoids.contacts_of(packing, found.pairs)
    for name in ("pairs", "mu", "normals", "supports", "sizes", "levers"):
        assert np.array_equal(getattr(chosen, name), getattr(found, name))
    depths = all_depths(packing)
    far = ellipsoids.contacts_of(packing, [*depths])
    assert far.mu == pytest.approx([*depths.values()], rel=1e-8) and far.mu.max() > 1.2
    for pairs, error, words in (
        ([[1, 0]], ValueError, "lower number first"),
        ([[2, 2]], ValueError, "no particle twice"),
        ([[0, 60]], ValueError, r"integers in \[0, 60\)"),
        ([0, 1], ValueError, r"shape \(m, 2\)"),
        ([[0.0, 1.0]], TypeError, "pairs must be integers"),
    ):
        with pytest.raises(error, match=words):
            ellipsoids.contacts_of(packing, pairs)


# ------------------------------------------------------------------------------------------------
# in specifications


def spec(**more):
    rule = mpack.PairwiseBRO(eps=0.05)
    how = {"n": 60, "phi": 0.5, "steps": 20, "axes": (1.5, 1, 1), "seed": 4}
    return mpack.Spec(rule, **(how | more))


def test_gaps_of_bodies_in_a_sweep():
    wanted = spec(observables={"gaps": {"low": -0.2, "high": 0.2, "bins": 4}})
    row = mpack.sweep([wanted], progress=False).iloc[0]
    end = wanted.run().final
    counts = observables.gaps(end, -0.2, 0.2, 4).counts
    assert row.arrays["gaps"]["counts"].tolist() == counts.tolist() and counts.sum() > 0
    for high, words in ((1.5, "high must be a finite number"), (0.99, "twice the cut-off, for hi")):
        with pytest.raises(ValueError, match=words):
            spec(observables={"gaps": {"high": high}})


def test_correlations_of_bodies_in_a_sweep():
    wanted = spec(observables={"contact_correlation": {"mu_max": 1.3, "bins": 5}})
    row = mpack.sweep([wanted], progress=False).iloc[0]
    found = ellipsoids.contact_correlation(wanted.run().final, 1.3, 5)
    assert row.arrays["contact_correlation"]["g"].tolist() == found.g.tolist()
    with pytest.raises(ValueError, match="twice the cut-off, for mu_max 2"):
        spec(observables="contact_correlation")
    with pytest.raises(ValueError, match="contact_correlation needs dim 2 or 3"):
        spec(observables="contact_correlation", axes=None, dim=4, phi=0.01)


def test_turning_in_a_sweep():
    """Since the start, as a number; and after the end, as the run goes on, as series. Spheres do not turn."""
    wanted = spec(observables={"turning": {}, "turnings": {"looks": 4, "apart": 5}})
    row = mpack.sweep([wanted], progress=False).iloc[0]
    run = wanted.run()
    since = ellipsoids.turning(run.start, run.final)
    assert (row.turned, row.turned_c1, row.turned_c2) == (since.mean_square, since.c1, since.c2)
    assert 0 < since.c2 < since.c1 < 1
    looks = [look.final for look in mpack.snapshots(run, at=[20, 25, 30, 35])]
    later, series = ellipsoids.turnings(looks), row.arrays["turnings"]
    assert series["after"].tolist() == [0, 5, 10, 15] and later.unbounded[-1] > 0
    for name in ("mean_square", "unbounded", "c1", "c2", "largest"):
        assert series[name].tolist() == getattr(later, name).tolist()
    for name in ("turning", "turnings"):
        with pytest.raises(ValueError, match=f"'{name}' are of bodies: they need axes"):
            spec(observables=name, axes=None)


@pytest.mark.parametrize("rotation", (0.5, None))
def test_flatness_of_bodies_in_a_sweep(rotation):
    """Sampled in the metric of the run's own dynamics; the sum over pairs is refused, with what to give."""
    rule = mpack.SGD(0.1, 0.5, potential=mpack.Harmonic(), rotation=rotation)
    how = {"n": 60, "phi": 0.5, "steps": 5, "axes": (1.5, 1, 1)}
    asked = {"flatness": {"sigmas": (), "sampled": (0.01,), "samples": 20}}
    wanted = mpack.Spec(rule, **how, observables=asked)
    row = mpack.sweep([wanted], progress=False).iloc[0]
    run = wanted.run()
    found = mpack.flatness(run.final, 0.01, rule.potential, 20, run.seed, rotation)
    assert row["flatness_sampled_0.01"] == found.delta_v_over_u0 != 0
    assert row["flatness_error_0.01"] == found.standard_error / rule.potential.energy(0.0)
    with pytest.raises(ValueError, match=r"sigmas must be \(\) for bodies"):
        mpack.Spec(rule, **how, observables="flatness")
    with pytest.raises(ValueError, match="twice the cut-off, for sigma 0.1"):
        mpack.Spec(rule, **how, observables={"flatness": {"sigmas": (), "sampled": (0.1,)}})


def test_all_that_is_measured_of_bodies_is_archived_and_audited(tmp_path):
    asked = {name: {} for name in ("contacts", "nematic", "turning", "packing")}
    asked |= {"gaps": {"high": 0.1}, "contact_correlation": {"mu_max": 1.3, "bins": 5}}
    asked |= {"turnings": {"looks": 3, "apart": 4}, "structure_factor": {"q_max": 4.0}}
    asked["flatness"] = {"sigmas": (), "sampled": (0.01,), "samples": 10}
    asked["structure_factors"] = {"q_max": 4.0, "looks": 3, "apart": 4}
    asked["pair_correlation"] = {"r_max": 1.5, "bins": 5}
    assert set(asked) == set(_measures.OF_BODIES), "each that is defined for bodies"
    runs = [spec(observables=asked, seed=k) for k in range(2)]
    with mpack.ensemble.Store(":memory:") as store:
        table = mpack.sweep(runs, store, progress=False)
        mpack.ensemble.export(store, tmp_path / "bodies")
    found = mpack.ensemble.audit(tmp_path / "bodies")
    assert found.ok and len(found.replays) == 2, str(found)
    again = mpack.ensemble.load_archive(tmp_path / "bodies")
    assert again.turned_c2.tolist() == table.turned_c2.tolist()
    assert set(table.arrays[0]) == {*asked} - {"contacts", "nematic", "turning", "flatness"}
