"""The three theory chapters, run small through papermill: recorded numbers, claims, and controls that fail."""

import pytest
from chapterruns import refusal, small

SMALL = {
    "stochastic_approximations": {"samples": 6_000, "trials": 40, "n": 200, "runs": 4},
    "msd_agreement": {
        "show": "here",
        "n_live": 60,
        "repeats_live": 3,
        "steps": 2_000,
        "kick_sizes_live": [0.003, 0.03, 0.3],
    },
    "continuous_time": {
        "show": "here",
        "n_live": 1_000,
        "boxes_live": 5,
        "kick_sizes_live": [0.05, 0.025, 0.0125],
        "n_noise": 250,
        "boxes_noise": 5,
        "fractions": [0.25, 0.75, 0.9, 0.97],
    },
}


run = small(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_no_claim_differs_and_every_control_does(run, name):
    run(name).check_verdicts(weak=("msd-control-",))  # three runs of sixty spheres


def test_one_step_has_the_moments_of_the_theory(run):
    chapter = run("stochastic_approximations")
    moments = [claim for id_, claim in chapter.claims.items() if id_.startswith("moments-")]
    assert len(moments) == 11  # eight processes and three batches of exactly B
    assert all(claim["value"] <= 1.0 and claim["n"] == 6_000 for claim in moments)
    assert chapter.claims["exactly-b-correlation"]["value"] <= 1.0
    assert chapter.records["detectable-variance"]["value"] < 0.2


def test_controls_are_set_where_the_test_begins_to_see(run):
    """At the limit a control is beyond the threshold by little; in full by much."""
    claims = run("stochastic_approximations").claims
    for name in ("unmatched-bf", "inverted-rule", "isotropic-noise"):
        at_limit, in_full = (
            claims[f"control-{name}-{how}"]["value"] for how in ("at-the-limit", "in-full")
        )
        assert 1.0 < at_limit < 5.0 < in_full


def test_the_caption_is_wrong_and_the_equations_are_right(run):
    chapter = run("stochastic_approximations")
    assert chapter.near("erratum-matched", 1.0, 0.03)
    assert chapter.near("erratum-inverted", 0.70, 0.05)
    assert chapter.near("erratum-msd-bro", 0.183, 0.02)


def test_displacements_agree_while_kicks_are_small(run):
    chapter = run("msd_agreement")
    early = [id_ for id_ in chapter.claims if id_.startswith("msd-early-")]
    assert len(early) == 6
    assert all(chapter.near(id_, 1.0, 0.01) for id_ in early)
    assert chapter.claims["msd-first-step"]["value"] <= 1.0


def test_the_approximation_of_rcd_leaves_first(run):
    chapter = run("msd_agreement")
    assert chapter.records["five-rcd-c"]["value"] > 0
    assert chapter.near("largest-kick-ratio-bro", 1.0, 0.1)
    assert chapter.claims["msd-trajectories-part"]["value"] > 0.2


def test_exact_orders_of_two_spheres(run):
    records = run("continuous_time").records
    assert records["order-two-ito"]["value"] == pytest.approx(1.0, abs=0.01)
    assert records["order-two-modified-ito"]["value"] > 1.95
    assert records["order-two-modified-stratonovich"]["value"] == pytest.approx(1.0, abs=0.02)
    claims = run("continuous_time").claims
    orders = {what: claims[f"time-kink-{what}"]["value"] for what in ("activity", "energy", "msd")}
    assert orders == pytest.approx({"activity": 0.5, "energy": 1.5, "msd": 1.0}, abs=0.03)


def test_orders_of_many_spheres(run):
    chapter = run("continuous_time")
    for name in ("linear-bro-msd", "linear-rcd-msd", "linear-sgd-energy", "harmonic-sgd-msd"):
        assert chapter.near(f"order-{name}", 1.0, 0.3, sigmas=4.0), name
    assert chapter.near("time-noise-harmonic", 1.0, 0.06)
    assert 0.6 < chapter.claims["time-noise-linear"]["value"] < 1.0


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("stochastic_approximations", "samples"),
        ("msd_agreement", "repeats_live"),
        ("continuous_time", "boxes_live"),
    ],
)
def test_bad_parameters_stop_a_chapter_before_any_work(name, bad):
    assert bad in refusal(name, **{bad: 0})
