"""The chapter beyond three dimensions, run small through papermill, and its campaign."""

import pytest
from chapterruns import Chapter, refusal

from book import campaigns

NAME = "beyond_three_dimensions"


@pytest.fixture(scope="module")
def small(tmp_path_factory, request):
    seed = request.config.getoption("--seed")
    return Chapter(
        NAME, tmp_path_factory.mktemp("beyond"), seed=seed, n=150, steps=2_000, audit_seconds=0
    )


def test_end_points_are_those_of_jammed_packings(small):
    """The archive's numbers: within 0.01 and three errors of the published ones; the wrong dimension is seen."""
    claims = small.claims
    for name in "2345":
        claim = claims[f"beyond-end-point-{name}"]
        assert (
            claim["verdict"] != "differs"
            and abs(claim["value"] - claim["target"]) < 0.01 + 3 * claim["error"]
        )
        assert claim["error"] < 0.02
    assert claims["control-beyond-dimension"]["verdict"] == "differs"
    assert claims["beyond-factor-grows"]["verdict"] == "agrees"
    assert claims["beyond-hexatic-lattice"]["verdict"] == "agrees"


def test_order_in_the_plane(small):
    """Order of equal discs above that of two sizes: some 0.3 apart with an error of some 0.02, at any seed."""
    records = small.records
    assert records["order-equal"]["value"] > records["order-two-sizes"]["value"] + 0.05
    assert 0 < records["order-two-sizes"]["value"] < 0.75


def test_exponents_come_with_errors(small):
    records = small.records
    for name in "234":
        assert 0.2 < records[f"beta-{name}"]["value"] < 3.0 and records[f"beta-{name}"]["error"] > 0


def test_the_campaign_covers_four_dimensions():
    specs = campaigns.dimensions()
    assert {spec.dim for spec in specs} == {2, 3, 4, 5} and len(set(specs)) == len(specs)
    assert {spec.dim for spec in specs if spec.n == 4_000} == {2, 3, 4, 5}


@pytest.mark.parametrize(("name", "value"), [("phi", 0.2), ("reach", 1.0), ("most", 2)])
def test_bad_parameters_stop_the_chapter_before_any_work(name, value):
    assert name in refusal(NAME, **{name: value})
