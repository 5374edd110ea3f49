"""Size distributions: quantiles against SciPy, draws against the laws, bits that no libm can move.

Statistical assertions fail by chance with probability 1e-6 or less each.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import mpack
from mpack import sizes


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500), st.floats(1, 10), st.floats(0, 1))
def test_bidisperse(n, ratio, fraction):
    found = sizes.bidisperse(n, ratio, fraction)
    large = math.floor(n * fraction + 0.5)
    assert found.shape == (n,) and found.mean() == pytest.approx(1, rel=1e-14)
    assert np.all(np.diff(found) >= 0)
    if 0 < large < n:
        assert found[-1] / found[0] == pytest.approx(ratio, rel=1e-14)
        x = large / n
        expected = math.sqrt(x * (1 - x)) * (ratio - 1) / (1 + x * (ratio - 1))
        assert sizes.polydispersity_of(found) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 100, 1001])
def test_gaussian_quantiles_are_correct(n):
    found = sizes._normal_quantiles(n)
    expected = stats.norm.ppf((np.arange(n) + 0.5) / n)
    assert found == pytest.approx(expected, abs=1e-13, rel=1e-12)
    assert np.array_equal(found, -found[::-1])


@pytest.mark.parametrize("width", [0.05, 0.3, 0.8])
def test_lognormal_quantiles(width):
    found = sizes.lognormal(200, width)
    law = stats.lognorm(math.sqrt(math.log(1 + width**2)))
    expected = law.ppf((np.arange(200) + 0.5) / 200)
    assert found == pytest.approx(expected / expected.mean(), rel=1e-12)
    assert sizes.polydispersity_of(sizes.lognormal(5000, width)) == pytest.approx(width, rel=0.01)


def test_uniform_quantiles():
    found = sizes.uniform(1000, 0.2)
    half = math.sqrt(3) * 0.2
    assert found[[0, -1]] == pytest.approx([1 - half * 0.999, 1 + half * 0.999], rel=1e-12)
    assert sizes.polydispersity_of(found) == pytest.approx(0.2, rel=1e-5)
    assert sizes.skewness_of(found) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("width", [0.1, 0.5])
def test_draws_follow_their_laws(seed, width):
    n = 20_000
    drawn = sizes.uniform(n, width, seed=seed)
    half = math.sqrt(3) * width
    assert stats.kstest(drawn, stats.uniform(1 - half, 2 * half).cdf).pvalue > 1e-7
    drawn = np.log(sizes.lognormal(n, width, seed=seed))
    spread = math.sqrt(math.log(1 + width**2))
    assert stats.kstest((drawn - drawn.mean()) / spread, "norm").pvalue > 1e-7
    assert (
        stats.kstest((drawn - drawn.mean()) / (1.1 * spread), "norm").pvalue < 1e-7
    )  # negative control


def test_the_same_bits_everywhere():
    """Sums of all bits, as they came out on x86-64; every machine has to agree."""
    made = [
        sizes.lognormal(50, 0.3),
        sizes.lognormal(50, 0.3, seed=7),
        sizes.uniform(50, 0.3, seed=7),
    ]
    bits = [int(np.bitwise_xor.reduce(part.view(np.uint64))) for part in made]
    assert bits == [15599345635279324, 9210516812836101595, 5152210577313098]


def test_a_seed_draws_other_sizes_and_the_same_again():
    for make in (sizes.uniform, sizes.lognormal):
        assert np.array_equal(make(40, 0.2, seed=1), make(40, 0.2, seed=1))
        assert not np.any(make(40, 0.2, seed=1) == make(40, 0.2, seed=2))
        longer = make(60, 0.2, seed=1)[:40]
        assert longer / longer.mean() == pytest.approx(
            make(40, 0.2, seed=1), rel=1e-13
        )  # noise goes by label


def test_no_width_means_equal_spheres():
    for found in (
        sizes.uniform(9, 0),
        sizes.lognormal(9, 0),
        sizes.lognormal(9, 0, seed=3),
        sizes.bidisperse(9, 1),
    ):
        assert np.all(found == 1.0)
    assert sizes.skewness_of(np.ones(4)) == 0.0


def test_a_packing_takes_them():
    diameters = sizes.lognormal(300, 0.3)
    packing = mpack.Packing.random(n=300, phi=0.6, dim=3, seed=1, diameters=diameters)
    assert packing.diameters == pytest.approx(diameters, rel=1e-15)
    assert packing.phi == pytest.approx(0.6, rel=1e-12)
    assert np.sum(diameters**3) * math.pi / 6 / packing.box**3 == pytest.approx(0.6, rel=1e-12)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: sizes.bidisperse(0, 1.4), ValueError, ["n", "[1, ", "0"]),
        (lambda: sizes.bidisperse(10, 0.9), ValueError, ["ratio", "[1", "0.9"]),
        (lambda: sizes.bidisperse(10, 1.4, 1.1), ValueError, ["fraction", "[0, 1]", "1.1"]),
        (lambda: sizes.bidisperse(10, "wide"), TypeError, ["ratio", "wide"]),
        (lambda: sizes.uniform(10, 0.6), ValueError, ["polydispersity", "0.57", "0.6"]),
        (lambda: sizes.uniform(10, -0.1), ValueError, ["polydispersity", "-0.1"]),
        (lambda: sizes.uniform(2.5, 0.1), TypeError, ["n", "2.5"]),
        (lambda: sizes.lognormal(10, 1.5), ValueError, ["polydispersity", "[0, 1]", "1.5"]),
        (lambda: sizes.lognormal(10, 0.1, seed=-1), ValueError, ["seed", "-1"]),
        (lambda: sizes.lognormal(10, math.nan), ValueError, ["polydispersity", "nan"]),
        (lambda: sizes.polydispersity_of([[1.0]]), ValueError, ["diameters", "shape"]),
    ],
)
def test_bad_input(make, error, words):
    with pytest.raises(error) as caught:
        make()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
