"""The chapter on learning, run small through papermill: recorded numbers, claims, and controls that fail."""

import pytest
from chapterruns import Chapter, near, refusal

NAME = "what_it_says_about_learning"
SMALL = {
    "points": 8_000,
    "n": 100,
    "phis": [0.3, 0.5, 0.8],
    "runs": 2,
    "steps": 500,
    "draws": 20_000,
    "audit": [2, 0, 0, 0, 0],
    "epochs": 2,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory, request):
    return Chapter(
        NAME, tmp_path_factory.mktemp("learning"), seed=request.config.getoption("--seed"), **SMALL
    )


@pytest.fixture(scope="module")
def recorded(small):
    return small.records


@pytest.fixture(scope="module")
def claims(small):
    return small.claims


def test_closed_forms_hold_and_controls_fail(claims):
    """Claims against closed forms: at most 5 standard errors (6e-7 each), or their own stated band."""
    exact = [
        claim
        for claim in claims.values()
        if claim["source"].startswith("closed form") and not claim["control"]
    ]
    assert len(exact) == 7
    for claim in exact:
        if claim["relation"] == "below":
            assert claim["value"] < 5.5, claim["id"]
        else:
            assert near(claim, claim["target"], claim["tolerance"] or 0.0), claim["id"]
    controls = [claim for claim in claims.values() if claim["control"]]
    assert len(controls) == 5 and all(claim["verdict"] == "differs" for claim in controls)


def test_learning_removes_the_error(recorded):
    assert recorded["picture-before"]["value"] > 0.1 and recorded["picture-after"]["value"] == 0
    assert recorded["half-error-3"]["value"] == pytest.approx(5 / 32)
    assert recorded["half-error-64"]["value"] < 1e-4 < recorded["half-error-2"]["value"]


def test_capacity_is_one_number(recorded, claims):
    assert (
        near(recorded["capacity-phi-c"], 0.614, 0.003)
        and recorded["capacity-phi-c"]["error"] < 0.002
    )
    assert claims["learning-capacity"]["verdict"] == "agrees"


def test_flat_minima_are_flat_and_buy_little(recorded, claims):
    """The archive's numbers: signs of the flatness; half its size in the error; nothing for RCD and wide shifts."""
    assert recorded["flat-runs"]["value"] >= 8
    assert (
        claims["learning-flat-sgd"]["verdict"] == claims["learning-flat-rcd"]["verdict"] == "agrees"
    )
    assert recorded["flat-sgd"]["value"] < recorded["refitted-sgd"]["value"] < 0
    for name in ("refitted-rcd", "refitted-wide-sgd"):
        assert near(recorded[name], 0.0, sigmas=3.0)
    assert recorded["before-sgd"]["value"] < -20
    assert recorded["curvature-ratio-sgd-1"]["value"] == pytest.approx(1.03, abs=0.03)
    assert abs(recorded["drift-worst"]["value"]) < 10


def test_digits(recorded, claims):
    """Both losses teach, NT-Xent more; packed features are no better than pixels; chance is chance."""
    assert recorded["seeds"]["value"] >= 8 and recorded["splits"]["value"] >= 8
    accuracy = {
        name: recorded[f"accuracy-{name}"]
        for name in ("nt-xent", "packing", "untrained", "attraction")
    }
    for one, other in (
        ("nt-xent", "packing"),
        ("packing", "untrained"),
        ("untrained", "attraction"),
    ):
        gap = accuracy[one]["value"] - accuracy[other]["value"]
        assert gap > 3 * (accuracy[one]["error"] ** 2 + accuracy[other]["error"] ** 2) ** 0.5
    assert near(recorded["difference-seed"], 0.85, 0.3) and recorded["difference-seed"]["n"] >= 8
    assert near(recorded["accuracy-shuffled-packing"], 10.0)
    assert 95 < recorded["accuracy-raw"]["value"] < 98.5
    assert recorded["over-raw-packing"]["value"] < recorded["over-raw-nt-xent"]["value"]
    assert recorded["watched-activity-1"]["value"] < recorded["watched-activity-3"]["value"]
    assert recorded["numpy-gap"]["value"] < 1e-10


def test_archived_rows_come_out_the_same(recorded, claims):
    assert claims["learning-archive"]["value"] == 1 and claims["learning-archive"]["n"] == 2
    assert recorded["audit-apart"]["value"] == 0


@pytest.mark.parametrize(
    ("name", "value"), [("points", 3), ("audit", [0, 0, 0, 0, 0]), ("epoch", 5)]
)
def test_bad_parameters_stop_the_chapter_before_any_work(name, value):
    assert name in refusal(NAME, **{name: value})
