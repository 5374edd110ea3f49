"""The chapter on mixtures as the book on the disk recorded it, and its campaign."""

import math

import numpy as np
import pytest
from chapterruns import Executed, refusal

import mpack
from book import campaigns
from mpack import sizes

NAME = "mixtures"


@pytest.fixture(scope="module")
def chapter():
    return Executed(NAME)


def test_the_fit_holds_for_the_widths_it_was_made_for(chapter):
    """The archive's increments, within 0.01 and three errors of the fit; that sizes are of no account is seen."""
    found = {id_: claim for id_, claim in chapter.claims.items() if id_.startswith("mixtures-fit")}
    assert len(found) == len(campaigns.MIXTURES) - 2  # neither equal spheres nor the widest
    for claim in found.values():
        assert claim["verdict"] != "differs" and claim["error"] < 0.01
    chapter.check_verdicts()


def test_capacity_grows_or_falls_with_what_is_held_fixed(chapter):
    volume, diameter = (
        chapter.claims[f"mixtures-capacity-{what}"] for what in ("volume", "diameter")
    )
    assert volume["value"] - 3 * volume["error"] > 1 > diameter["value"] + 3 * diameter["error"]


def test_a_mixture_comes_to_rest_where_equal_spheres_do_not(chapter):
    """Live, with errors of some 0.002; phi = 0.55 is far below all transitions."""
    claim = chapter.claims["mixtures-live-gain"]
    assert 0.01 < claim["value"] < 0.08
    assert chapter.records["slices-active"]["value"] == 0


def test_a_bad_parameter_stops_the_chapter_before_any_work():
    assert "largest" in refusal(NAME, largest=0.5)


def test_the_campaign_holds_every_mixture_at_every_learning_rate():
    specs = campaigns.mixtures()
    assert len(set(specs)) == len(specs)
    groups = {(spec.sizes, spec.dynamics.alpha) for spec in specs}
    assert len(groups) == len(campaigns.MIXTURES) * 4
    assert {spec.n for spec in specs if spec.dynamics.alpha == 0.2} == {1_000, 4_000}
    for spec in specs:
        assert (
            spec.sizes is None or spec.n % len(spec.sizes) == 0
        )  # every sample has the same sizes


@pytest.mark.parametrize("name", campaigns.MIXTURES)
def test_the_spheres_of_a_mixture_fill_the_share_they_should(name):
    """phi L^3 is the volume of the spheres, N (pi/6) (1 + 3 delta^2 + S delta^3), whatever the sizes."""
    spec = mpack.Spec(
        mpack.SGD(alpha=0.1, batch_fraction=0.5), n=1_000, phi=0.6, steps=0, sizes=_relative(name)
    )
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
    assert (
        sizes.skewness_of(found["fifth"]) == pytest.approx(1.5) == -sizes.skewness_of(found["most"])
    )


def _relative(name):
    made = campaigns.MIXTURES[name][0]
    return None if made is None else tuple(made().tolist())
