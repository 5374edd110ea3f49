"""The chapter on mixtures, run small through papermill, and its campaign."""

import math

import numpy as np
import pytest

from mpack import campaigns, sizes


def test_the_campaign_holds_every_mixture_at_every_learning_rate():
    specs = campaigns.mixtures()
    assert len(set(specs)) == len(specs)
    groups = {(spec.sizes, spec.dynamics.alpha) for spec in specs}
    assert len(groups) == len(campaigns.MIXTURES) * 4
    assert {spec.n for spec in specs if spec.dynamics.alpha == 0.2} == {1_000, 4_000}
    for spec in specs:
        assert spec.sizes is None or spec.n % len(spec.sizes) == 0  # every sample has the same sizes


@pytest.mark.parametrize("name", campaigns.MIXTURES)
def test_the_spheres_of_a_mixture_fill_the_share_they_should(name):
    """phi L^3 is the volume of the spheres, N (pi/6) (1 + 3 delta^2 + S delta^3), whatever the sizes."""
    spec = next(spec for spec in campaigns.mixtures() if spec.sizes == _relative(name))
    packing = spec.packing()
    delta, skew = sizes.polydispersity_of(packing.diameters), sizes.skewness_of(packing.diameters)
    volume = packing.n * math.pi / 6 * (1 + 3 * delta**2 + skew * delta**3)
    assert spec.phi * packing.box**3 == pytest.approx(volume, rel=1e-12)
    assert np.sum(packing.diameters**3) * math.pi / 6 == pytest.approx(volume, rel=1e-12)


def test_two_mixtures_share_a_width_and_differ_in_skewness():
    found = {name: np.array(_relative(f"1:2, {name}")) for name in ("half", "fifth", "most")}
    assert sizes.polydispersity_of(found["half"]) == pytest.approx(1 / 3)
    assert sizes.polydispersity_of(found["fifth"]) == pytest.approx(1 / 3)
    assert sizes.skewness_of(found["half"]) == pytest.approx(0, abs=1e-12)
    assert sizes.skewness_of(found["fifth"]) == pytest.approx(1.5) == -sizes.skewness_of(found["most"])


def _relative(name):
    made = campaigns.MIXTURES[name][0]
    return None if made is None else tuple(made().tolist())
