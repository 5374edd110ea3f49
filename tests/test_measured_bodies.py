"""What one measures of ellipsoids: contacts and rattlers, correlations by contact distance, turning, flatness."""

import math

import numpy as np
import pytest

import mpack
from mpack import Packing, ellipsoids, observables
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
