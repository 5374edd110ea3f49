"""The numbers and claims of the chapter on limiting dynamics, as the book on the disk recorded them.

Statistical bands: real runs may differ from their prediction by 5 of their own standard errors,
which a Gaussian does with probability 6e-7, plus the stated allowance for the finite data set or
for curvature.
"""

import os

import pytest

from book import reading
from book._tools import places

CHAPTER = places.ROOT / "notebooks/limiting_dynamics.ipynb"
EXECUTED = places.EXECUTED / "notebooks/limiting_dynamics.ipynb"


@pytest.fixture(scope="module")
def recorded():
    if not EXECUTED.exists():
        sentence = "the chapter has not been executed: run `make book`"
        pytest.fail(sentence) if os.environ.get("MPACK_REQUIRE_BOOK") else pytest.skip(sentence)
    return reading.records(EXECUTED)


@pytest.fixture(scope="module")
def claims(recorded):
    return {claim["id"]: claim for claim in reading.claims(EXECUTED)}


def near(entry, target, allowance):
    return abs(entry["value"] - target) <= 5.0 * entry["error"] + allowance


def test_every_claim_holds_and_every_control_fails(claims):
    assert len(claims) >= 18
    # Six moments of the network are too few by Student's t, twelve starts for its minima: undecided in the book, too.
    missed = {name: claim["verdict"] for name, claim in claims.items() if not claim["passed"]}
    unsettled = "network-local", "minima-trace", "minima-loss"
    assert missed == {f"limiting-{name}": "undecided" for name in unsettled}
    controls = [claim for claim in claims.values() if claim["control"]]
    assert len(controls) >= 6 and all(claim["verdict"] == "differs" for claim in controls)


def test_flatter_states_stand_above_minima_that_are_alike(recorded, claims):
    assert claims["limiting-state-flatter"]["verdict"] == "agrees"
    assert claims["limiting-minima-share"]["verdict"] == "agrees"
    assert recorded["minima-slow-same"]["value"] == recorded["minima-slow"]["value"] > 0
    assert recorded["minima-least"]["value"] > 0


def test_conventions_agree_to_rounding(recorded):
    assert recorded["conventions-apart"]["value"] < 1e-12
    assert recorded["no-momentum-apart"]["value"] < 1e-12


def test_stationary_moments(recorded):
    for name in ("position", "velocity", "cross"):
        assert near(recorded[f"{name}-over-exact"], 1.0, 0.005)
        assert recorded[f"{name}-over-exact"]["n"] >= 40
    assert recorded["position-over-no-minibatch"]["value"] > 1.02
    assert near(recorded["variance-ratio-decay-0"], 1.026, 0.01)
    assert near(recorded["variance-ratio-decay-0.3"], 1.973, 0.02)


def test_damping_and_displacement(recorded):
    assert near(recorded["discriminant-critical"], 0.0, 0.002)
    assert recorded["discriminant-underdamped"]["value"] < -0.15
    assert recorded["discriminant-overdamped"]["value"] > 0.3
    for beta in ("0", "0.98"):
        assert near(recorded[f"displacement-over-exact-beta-{beta}"], 1.0, 0.01)


def test_network(recorded):
    """Nothing fitted: exponents to 0.1, and the loud walk hotter than the theory while the quiet one is
    not.
    """
    assert recorded["network-accuracy"]["value"] > 0.85
    for name in ("quiet", "loud"):
        theory = recorded[f"network-exponent-{name}-theory"]["value"]
        assert near(recorded[f"network-exponent-{name}"], theory, 0.05)
    assert near(recorded["network-local-quiet"], 1.0, 0.05)
    assert recorded["network-local-loud"]["value"] > 1.2


@pytest.mark.parametrize("bad", [("runs", 3), ("networks_runs", 5), ("threads", "two")])
def test_bad_parameters_stop_the_chapter_before_any_work(bad, tmp_path):
    papermill = pytest.importorskip("papermill")
    name, value = bad
    with pytest.raises(papermill.PapermillExecutionError, match=name):
        papermill.execute_notebook(
            CHAPTER,
            tmp_path / "out.ipynb",
            {name: value},
            cwd=places.ROOT,
            progress_bar=False,
            log_output=False,
        )
