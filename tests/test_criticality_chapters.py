"""The chapters on the transition: recorded numbers, claims, and controls that fail.

Two are run small through papermill. The others, nine tenths of whose work is to read the archive,
which is as large at any parameters, are taken as the book on the disk recorded them.
"""

import re

import pytest
from chapterruns import Executed, small

from book import campaigns
from book._tools import places

SMALL = {
    "absorbing_or_active": {
        "sites": 30,
        "trials": 300,
        "audit_seconds": 0,
        "n": 108,
        "phis": [0.48, 0.53, 0.6, 0.62, 0.64, 0.66],
        "steps": 1_000,
        "runs": 2,
        "small_sizes": [24, 96],
        "small_runs": 24,
        "start_runs": 3,
    },
    "hidden_order": {
        "n": 500,
        "steps": 60,
        "draws": 60,
        "runs": 2,
        "resamples": 20,
        "audit_seconds": 0,
    },
}
AS_EXECUTED = [
    *("locating_phi_c", "scaling_known_answers", "manna_collapse", "where_manna_ends"),
    "correlated_noise",
]
SLACK = {
    "start-does-not-matter-compressed",
    "start-does-not-matter-expanded",
    "hidden-published-",  # nor with few resamples
}  # true for large systems, late

FAILED = {  # what our error bars do not bear out: printed, not hidden
    "locating_phi_c": {"isostatic-larger", "gap-exponent-half"},
    "manna_collapse": {"manna-joint-sgd", "manna-joint-rcd", "manna-joint-gd"},  # Fig. 3, jointly
    "where_manna_ends": {
        *(f"ends-delta-{rung}" for rung in ("05-gd", "02-sgd", "02-rcd", "02-gd", "01-sgd")),
        *("ends-delta-01-gd", "ends-delta-01-bro", "ends-delta-01-rcd", "ends-delta-02-bro"),
        *(f"ends-delta-{rate}-{name}" for rate in ("03", "005") for name in ("sgd", "gd", "bro")),
        *("ends-one-05-bro", "ends-nu-05-bro", "ends-one-03-rcd", "ends-nu-many-10-bro"),
        *(f"ends-joint-05-{name}" for name in ("sgd", "gd", "bro")),
        *(f"ends-joint-03-{name}" for name in ("sgd", "rcd", "gd", "bro")),
        "ends-joint-many-05-bro",
        *("ends-delta-005-rcd", "ends-wide-05-bro", "ends-mixture-10-sgd", "ends-mixture-02-sgd"),
    },
    "correlated_noise": {"corr-bend-sgd", "corr-ratio-bro", "corr-ratio-sgd", "corr-crossover-bro"},
    "hidden_order": {
        "hidden-exponent-sgd",  # a quarter, near the transition
        *("hidden-active-rcd", "hidden-active-individual-bro"),  # a plateau, in the active phase
        *(f"hidden-alike-{rule}" for rule in ("sgd", "rcd", "gd", "non-reciprocal-bro")),
        "hidden-apart-sgd",
    },
}

run = small(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_no_claim_differs_and_every_control_does(run, name):
    run(name).check_verdicts(SLACK, FAILED.get(name, ()))


@pytest.mark.parametrize("name", AS_EXECUTED)
def test_as_executed_no_claim_differs_and_every_control_does(name):
    Executed(name).check_verdicts(failed=FAILED.get(name, ()))


def test_absorbing_or_active_measures_what_it_says(run):
    chapter = run("absorbing_or_active")
    assert chapter.records["all-runs"]["value"] == 5 * 6 * 2
    assert chapter.claims["sites-survival"]["n"] == 300
    assert chapter.claims["control-crystal-start"]["value"] > 0.3
    assert chapter.near("sites-steady-activity", 0.0)
    assert chapter.records["archive-runs"]["value"] == len(campaigns.absorbing())


def test_absorbing_or_active_reads_both_sides_of_the_transition_from_the_archive(run):
    """phi_c from below and above close in as runs get longer; lifetimes grow with N as in the three phases."""
    chapter = run("absorbing_or_active")
    least, most, early = (
        chapter.records[f"gap-{which}"]["value"] for which in ("least", "most", "early")
    )
    assert 0.0 < least < most < 0.6 * early
    assert chapter.claims["two-sides-close-in"]["verdict"] == "agrees"
    meet = [one for id_, one in chapter.claims.items() if id_.startswith("two-sides-meet-")]
    assert len(meet) == 5 and all(abs(one["value"]) < one["tolerance"] for one in meet)
    assert chapter.records["gap-chi2"]["value"] > 13.3  # 1 % of chi squared with 4: not one number
    below, near, above = (
        chapter.records[f"life-slope-{place}"]["value"] for place in ("low", "middle", "high")
    )
    assert 0.0 < below < 0.3 < near < 0.6 < above
    for kind in ("compressed", "expanded"):
        claim = chapter.claims[f"start-does-not-matter-large-{kind}"]
        assert abs(claim["value"]) < 0.015 and claim["n"] == 16


def test_locating_phi_c_ends_where_spheres_jam():
    """From the archive: one end point for seven processes, and a budget that is larger than its statistical part."""
    chapter = Executed("locating_phi_c")
    assert chapter.records["archive-runs"]["value"] >= 656
    end = chapter.records["end-point"]
    assert (
        abs(end["value"] - 0.64) < 0.01
        and chapter.records["end-point-statistical"]["value"] < end["error"] < 0.005
    )
    assert chapter.claims["end-points-are-one"]["verdict"] == "agrees"
    assert chapter.claims["locating-known-answer"]["verdict"] == "agrees"
    for part in ("exponent", "time", "size", "law", "range", "extrapolation"):
        assert 0.0 < chapter.records[f"budget-{part}"]["value"] < end["error"]
    raised = chapter.records["longer-end"]["value"]
    assert 0.001 < raised <= chapter.records["budget-time"]["value"]
    assert chapter.claims["control-finite-kicks"]["value"] < 0.6


def test_contacts_at_the_end_point_are_known_to_better_than_a_tenth():
    """In both sizes, and short of six by more than their errors; the exponent of gaps keeps away from one half."""
    chapter = Executed("locating_phi_c")
    for name in ("isostatic-end-point", "isostatic-larger"):
        claim = chapter.claims[name]
        assert claim["error"] < 0.1 / 3 and 0.05 < 6.0 - claim["value"] < 0.3
    assert chapter.claims["isostatic-larger"]["n"] == 6
    assert (
        0.2 < chapter.records["gamma-all"]["value"] < 0.5 - chapter.records["gamma-power"]["value"]
    )


def test_scaling_recovers_what_is_known():
    """Percolation within three of the fit's own errors; wrong exponents far off; the exact collapse exact."""
    chapter = Executed("scaling_known_answers")
    for name in ("threshold", "nu", "beta"):
        assert chapter.near(f"known-percolation-{name}", 0.0, sigmas=3.0)
    assert chapter.claims["known-percolation-threshold"]["verdict"] == "agrees"
    assert chapter.claims["control-known-mean-field"]["value"] > 5
    assert (
        chapter.claims["known-exact"]["value"] < 0.1
        and chapter.records["exact-quality"]["value"] < 0.1
    )
    assert chapter.claims["known-cover-nu-68"]["n"] >= 400
    assert chapter.near("known-sand-threshold", 0.717, 0.005)


def test_the_manna_collapse_knows_an_exact_one_and_redoes_the_archive():
    """The exact model has nu = 2 and refuses those of Manna in three dimensions."""
    chapter = Executed("manna_collapse")
    assert (
        chapter.records["graph-quality-wrong"]["value"]
        > 10 * chapter.records["graph-quality"]["value"]
    )
    assert chapter.claims["manna-graph-nu"]["verdict"] == "agrees"
    assert chapter.claims["manna-redone"]["value"] == 0.0
    assert (
        chapter.records["runs"]["value"] >= 6_576 and chapter.records["fewest-near"]["value"] >= 16
    )
    for process in ("sgd", "rcd", "gd"):
        assert chapter.near(f"phi-c-{process}", 0.513, allowance=0.01)
        assert (
            chapter.records[f"beta-{process}-gauss"]["error"] > 0.0
        )  # the likelihood has a maximum
        alone, field = (
            chapter.records[f"alone-{name}-{process}"]["value"] for name in ("manna", "field")
        )
        assert (
            0.0 < alone < field / 2 and alone < chapter.records[f"s-manna-{process}"]["value"] / 5
        )
        assert (
            chapter.records[f"gap-{process}-4000"]["value"]
            < chapter.records[f"gap-{process}-1000"]["value"]
        )


def test_the_manna_chapter_says_that_activity_is_not_steady():
    """Longer runs end where a power law in time, from the shorter ones, says; what SGD lacks moves its phi_c."""
    chapter = Executed("manna_collapse")
    for process in ("sgd", "rcd", "gd"):
        assert 0.5 < chapter.records[f"clock-r-{process}"]["value"] < 0.95
        for place in ("near", "far"):
            claim = chapter.claims[f"manna-clock-{process}-{place}"]
            assert abs(claim["value"]) < 4 * claim["error"] and claim["n"] >= 6
    assert chapter.claims["control-manna-steady"]["value"] < -0.05
    assert (
        chapter.records["clock-fall-sgd"]["value"]
        > 1.5 * chapter.records["clock-fall-rcd"]["value"]
    )
    assert (
        chapter.records["limit-phi-c-sgd"]["value"] - chapter.records["phi-c-sgd"]["value"] > 0.003
    )
    assert (
        chapter.records["limit-manna-sgd"]["value"]
        < chapter.records["alone-manna-sgd"]["value"] / 2
    )


def test_hidden_order_predicts_the_noise_of_a_step_and_redoes_the_archive(run):
    chapter = run("hidden_order")
    for rule in ("bro", "non-reciprocal-bro"):
        assert chapter.claims[f"hidden-noise-{rule}"]["value"] <= 1.0
    assert chapter.claims["hidden-control-noise"]["value"] > 3.0
    assert chapter.claims["hidden-redone"]["value"] == 0.0
    assert 0.0 < chapter.records["crept-bro"]["value"] < chapter.records["walk"]["value"]
    assert chapter.records["variance-slope-bro-active"]["value"] < -0.5
    assert abs(chapter.records["variance-slope-random"]["value"]) < 0.4


def test_hidden_order_tells_what_fluctuates_from_what_is_frozen():
    """Caged spheres; opposite kicks suppress what fluctuates, most for SGD; a full curve near the transition."""
    chapter = Executed("hidden_order")
    for process in ("bro", "sgd", "individual-bro", "rcd", "non-reciprocal-bro"):
        assert (
            0.0
            < chapter.records[f"crept-{process}"]["value"]
            < chapter.records["walk"]["value"] / 2
        )
        assert 0.0 < chapter.records[f"frozen-{process}"]["value"] < 1.0
        assert chapter.records[f"near-{process}"]["n"] >= 24
    for pair in ("bro", "sgd"):
        assert chapter.claims[f"hidden-long-waves-{pair}"]["verdict"] == "agrees"
    fluctuating = {
        rule: chapter.records[f"moving-{rule}"]["value"]
        for rule in ("bro", "sgd", "rcd", "individual-bro")
    }
    assert (
        fluctuating["sgd"] > fluctuating["rcd"]
        and fluctuating["bro"] > fluctuating["individual-bro"]
    )
    assert chapter.records["ratio-measured"]["value"] > chapter.records["ratio-predicted"]["value"]


def test_hidden_order_tells_what_the_start_does():
    """Natural starts lie lower than random ones at the same place, and come to rest at once."""
    chapter = Executed("hidden_order")
    assert chapter.claims["hidden-history"]["verdict"] == "agrees"
    assert chapter.claims["hidden-history"]["value"] < -0.2
    records = {name: one["value"] for name, one in chapter.records.items()}
    assert records["natural-rested"] == 12 * records["natural-runs"]
    assert records["natural-steps"] < 1_000 and 0.4 < records["natural-active"] < 0.8


def test_no_table_shows_a_quality_without_the_number_of_points_behind_it():
    """Columns called S, alone or of something, stand beside `used`, or have it in their own cells."""
    found = []
    for path in sorted((places.ROOT / "book/demos").glob("*.py")):
        source = path.read_text(encoding="utf8")
        for column in re.finditer(r'f?"S(?:, [^"]*)?": *f?"', source):
            found.append((path.name, column[0]))
            beside = source[column.start() : column.start() + 90]
            assert '"used":' in beside or ".used}" in beside, found[-1]
    assert len(found) >= 7  # those that put it into the cell are none of these
