"""book.waves and what the chapter on hidden order makes of it and of packings at equal distances."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from book import campaigns, waves
from book.demos import hidden_order as demo
from mpack.statistics import Estimate


@pytest.mark.parametrize("study", waves.ROWS)
def test_the_archive_is_what_its_manifest_says(study):
    rows = waves.archived(study)
    entry = json.loads((waves.FOLDER / "manifest.json").read_text())["tables"][study]
    assert len(rows) == entry["rows"] and list(rows.columns) == entry["columns"]
    named = list(waves.SPECIFIED[study])
    assert entry["specified"] == named and not rows.duplicated(named).any()
    assert rows.digest.str.fullmatch("[0-9a-f]{32}").all() and rows.digest.nunique() == len(rows)
    specs = pd.DataFrame(getattr(waves, f"{study}_specs")())
    assert specs[named].astype(str).values.tolist() == rows[named].astype(str).values.tolist()


def test_a_row_can_be_computed_again():
    """The same last packing to the bit, and the same waves."""
    old = waves.archived("active").query("process == 'GD' and run == 1").iloc[0].to_dict()
    new = waves.row("active", {name: old[name] for name in waves.SPECIFIED["active"]})
    assert (new["digest"], new["moving"]) == (old["digest"], old["moving"])


def test_every_process_is_as_far_from_its_own_transition():
    for spec in waves.active_specs():
        centre = waves.TRANSITIONS[spec["process"]]
        assert spec["phi"] / centre - 1 == pytest.approx(waves.DISTANCE, abs=2e-4)
    for spec in campaigns.hidden_distances():
        if spec.n == 64_000:
            centre = waves.TRANSITIONS[spec.dynamics.label]
            assert spec.phi / centre - 1 == pytest.approx(campaigns.DISTANCE, abs=2e-4)


def packings(rng, q, s, counts, runs):
    """(q, S of every run, counts): shells of exponentially distributed waves."""
    values = [
        [s_ * rng.exponential(size=m).mean() for s_, m in zip(s, counts)] for _ in range(runs)
    ]
    return q, np.array(values), counts


def test_the_difference_of_levels_has_its_value_and_its_error():
    """Over many pairs of known S: right on average, and the error is the scatter."""
    rng, q, counts = (
        np.random.default_rng(1),
        np.array([0.2, 0.4, 0.6, 0.8]),
        np.array([9, 31, 49, 105]),
    )
    found = []
    for _ in range(300):
        low, high = (packings(rng, q, scale * q**0.25, counts, 4) for scale in (1.0, 1.3))
        found.append(demo.level(high, low, 1.0))
    values = np.array([one.value for one in found])
    errors = np.array([one.error for one in found])
    assert abs(values.mean() - np.log(1.3)) < 4 * values.std() / 300**0.5
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.15)
    assert found[0].n == 4 and found[0].freedom == 15


def test_levels_are_compared_at_the_same_distance():
    """S that falls by a tenth a per cent, looked at a per cent too near: no difference is left; without, a tenth."""
    q, counts = np.array([0.2, 0.4, 0.6, 0.8]), np.array([9, 31, 49, 105])
    s = np.outer([1.0, 1.1, 0.9, 1.0], np.ones(4))
    at = {"BRO": Estimate(0.52, 1e-6, 4), "SGD": Estimate(0.51, 1e-6, 4)}
    places = {name: SimpleNamespace(phi=phi) for name, phi in at.items()}
    rows = [("BRO", -4.0, 0.0, [(q, s * np.exp(0.2), counts)])]
    equal = {
        "BRO": (0.52 * 0.98, (q, s, counts)),
        "SGD": (0.51 * 0.99, (q, s * np.exp(-0.1), counts)),
    }
    slope = demo.steepness(equal, rows, places)
    assert demo.alike(equal, slope, places)["SGD"].value == pytest.approx(0.0, abs=1e-3)
    assert demo.level(equal["SGD"][1], equal["BRO"][1], 1.0).value == pytest.approx(-0.1)


def test_what_the_archive_has_of_waves_is_read_back():
    q = np.array([0.4, 0.7, 1.0, 1.3])
    row = {
        "process": "BRO",
        "q": "0.4 0.7 1.0 1.3",
        "counts": "9 31 49 105",
        "moved": 0.1,
        "crept": 0.2,
    }
    text = {
        name: " ".join(f"{x:.8g}" for x in 0.01 * q**2) for name in ("moving", "frozen", "early")
    }
    table = pd.DataFrame([row | text | {"late": text["early"]}] * 2)
    found = demo.waves_of(table)["BRO"]
    assert found.slopes(1.2) == pytest.approx([2.0, 2.0]) and found.settled(1.2) == pytest.approx(
        0.0
    )
    twice = demo.over(2 * found.moving[:, 0] * [1.1, 1 / 1.1], found.moving[:, 0] * [1.1, 1 / 1.1])
    assert twice.value == pytest.approx(2.0) and twice.n == 2


def natural_rows(q, counts, levels):
    """A table of the study `natural`: S that is `levels` of the aged packings and of the two places, times q**0.25."""
    text = {
        name: " ".join(f"{x:.8g}" for x in level * q**0.25)
        for name, level in zip(("half", "aged", "rest_0", "rest_1"), levels, strict=True)
    }
    shells = " ".join(map(str, q))
    common = {"counts": " ".join(map(str, counts)), "q": shells, "q_0": shells, "q_1": shells}
    return [
        common | text | {"process": name, "phi": waves.placed(name, waves.AGED_AT)}
        | {f"phi_{k}": waves.placed(name, d) for k, d in enumerate(waves.PLACES)}
        for name in ("BRO", "SGD")
        for _ in range(2)
    ]  # fmt: skip


def test_packings_from_natural_starts_are_compared_at_the_same_distance():
    """Both processes alike, where the transitions are those of the pilot: no difference; a twin that is denser, one."""
    q, counts = np.array([0.2, 0.4, 0.6, 0.8]), np.array([9, 31, 49, 105])
    rows = pd.DataFrame(natural_rows(q, counts, (1.0, 1.0, 1.3, 1.2)))
    found, half = demo.natural_of(rows)
    assert set(found) == {waves.AGED_AT, *waves.PLACES} and set(half) == {"BRO", "SGD"}
    at = {name: Estimate(waves.TRANSITIONS[name], 1e-6, 4) for name in ("BRO", "SGD")}
    places = {name: SimpleNamespace(phi=phi) for name, phi in at.items()}
    assert demo.slope_between(
        found[demo.BELOW]["BRO"], found[demo.NEARER]["BRO"], places["BRO"]
    ) == pytest.approx(np.log(1.3 / 1.2), rel=0.02)
    denser = (0.56, (q, np.ones((2, 4)), counts))
    for gaps in demo.natural_gaps(found, denser, places):
        assert gaps["SGD"].value == pytest.approx(0.0, abs=5e-3)  # φ has four digits
    places["SGD"] = SimpleNamespace(phi=Estimate(waves.TRANSITIONS["SGD"] * 1.01, 1e-6, 4))
    down, _ = demo.natural_gaps(found, denser, places)
    assert down["SGD"].value == pytest.approx(np.log(1.3 / 1.2), rel=0.05)
    kicks, slug = {"BRO": "opposite", "SGD": "independent"}, {"BRO": "bro", "SGD": "sgd"}
    random = {name: (phi, (q, 2 * s, m)) for name, (phi, (q, s, m)) in found[demo.BELOW].items()}
    fits = {"BRO": Estimate(0.2, 0.1, 2), "SGD": Estimate(0.4, 0.1, 2)}
    gaps = demo.natural_gaps(found, denser, places)
    made = demo.natural_claims(slug, kicks, gaps, found, half, random, fits)
    told = {id_: measured.value for id_, _, measured, *_ in made}
    assert told["hidden-aged-steady"] == 0.0
    assert told["hidden-aged-lambda"] == pytest.approx(0.3)
    assert told["hidden-history"] == pytest.approx(-np.log(2.0))
    relations = {id_: rule.relation for id_, _, _, rule, _ in made}
    assert (
        relations["hidden-natural-sgd"] == "consistent" and relations["hidden-busy-sgd"] == "above"
    )


def test_a_row_from_a_natural_start_is_at_rest_where_it_was_expanded_to(monkeypatch):
    """Of small packings: active when aged, at rest below, and the transition lies between."""
    monkeypatch.setattr(waves, "NATURAL_N", 1_000)
    monkeypatch.setattr(waves, "AGE", 60)
    row = waves.row("natural", {"process": "RCD", "run": 0})
    assert row["activity"] > 0.3 and row["absorbed_1"] and row["steps_1"] > 1
    assert row["phi_1"] < row["phi_0"] < waves.TRANSITIONS["RCD"] < row["phi"]
    assert len(row["rest_1"].split()) == len(row["counts"].split())
