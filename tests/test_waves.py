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
    assert demo.alike(equal, rows, places)["SGD"].value == pytest.approx(0.0, abs=1e-3)
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
