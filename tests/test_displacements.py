"""Separations, nearest-way displacements and sums over contacts, against plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack
from mpack import Packing, landscape, observables


@given(dim=st.integers(2, 5), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_separation_is_the_nearest_image(dim, seed):
    packing = Packing.random(n=12, phi=0.05, dim=dim, seed=seed)
    i, j = np.divmod(np.arange(144), 12)
    found = packing.separation(i, j)
    apart = packing.positions[i] - packing.positions[j]
    apart -= packing.box * np.round(apart / packing.box)
    assert np.allclose(found, apart, atol=1e-13 * packing.box)
    assert np.all(found >= -packing.box / 2) and np.all(found < packing.box / 2)
    assert np.array_equal(
        packing.separation(np.arange(12)[:, None], np.arange(12)), found.reshape(12, 12, dim)
    )
    assert np.array_equal(packing.separation(3, 4), found[3 * 12 + 4])


def test_separation_is_exact_where_floats_are_not():
    """Neighbours 2**-40 of the box apart, on both sides of the wall."""
    fixed = np.array([[-(2**63), 0], [2**63 - 2**24, 0]])
    packing = Packing.from_fixed(fixed, box=3.0)
    assert packing.separation(0, 1).tolist() == [3 * 2.0**-40, 0.0]
    assert packing.separation(1, 0).tolist() == [-3 * 2.0**-40, 0.0]


def test_displacements_the_nearest_way():
    start = Packing.random(n=50, phi=0.6, dim=3, seed=1)
    run = mpack.simulate(start, mpack.PairwiseBRO(0.05), steps=10, seed=1)
    found = observables.nearest_displacements(start, run.final)
    assert np.allclose(found, observables.displacements(run), atol=1e-14)
    assert np.mean(np.sum(found**2, axis=1)) == pytest.approx(run.msd[-1])


@pytest.mark.parametrize("dim", [2, 3])
def test_contact_vectors_are_forces_and_tell_the_first_step(dim):
    packing = Packing.random(n=200, phi=0.5, dim=dim, seed=2)
    g, z = observables.contact_vectors(packing), mpack.contacts(packing).counts
    expected = np.zeros_like(g)
    for i in range(packing.n):
        apart = packing.positions[i] - packing.positions
        apart -= packing.box * np.round(apart / packing.box)
        r = np.linalg.norm(apart, axis=1)
        touch = (r < 1) & (r > 0)
        expected[i] = np.sum(apart[touch] / r[touch, None], axis=0)
    assert np.allclose(g, expected, atol=1e-9)
    variance = landscape.kick_covariance(packing, mpack.PairwiseBRO(0.1)).diagonal()
    square = (0.1 * g / 2) ** 2 + variance.reshape(g.shape)
    exact = 0.01 * (np.sum(g**2, axis=1) / 4 + z / 12)
    assert np.allclose(square.sum(axis=1), exact)


SMALL = Packing.random(n=5, phi=0.1, dim=2, seed=1)
TWINS = Packing(np.zeros((2, 2)), box=4.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: SMALL.separation(5, 0), ValueError, r"i must be integers in \[0, 5\); got 5"),
        (lambda: SMALL.separation(0, [-1]), ValueError, r"j must be integers in \[0, 5\); got -1"),
        (lambda: SMALL.separation(0.5, 0), TypeError, "i must be integers"),
        (lambda: SMALL.separation([True], 0), TypeError, "i must be integers"),
        (lambda: SMALL.separation([0, 1], [0, 1, 2]), ValueError, "must broadcast"),
        (lambda: observables.nearest_displacements(None, SMALL), TypeError, "packing must be"),
        (lambda: observables.nearest_displacements(SMALL, TWINS), ValueError, "after must be of"),
        (lambda: observables.contact_vectors(TWINS), ValueError, "one point; 0 and 1 are"),
        (lambda: observables.contact_vectors(None), TypeError, "packing must be"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
