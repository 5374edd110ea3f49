"""book.contacts: the archive is what it says, its rows can be computed again, and what is made of them is right."""

import json

import numpy as np
import pandas as pd
import pytest

from book import contacts, tables
from book._tools import contacts as maker
from mpack import observables


@pytest.mark.parametrize("study", contacts.ROWS)
def test_the_archive_is_what_its_manifest_says(study):
    rows = contacts.archived(study)
    entry = json.loads((contacts.FOLDER / "manifest.json").read_text())["tables"][study]
    assert len(rows) == entry["rows"] and list(rows.columns) == entry["columns"]
    named = list(contacts.SPECIFIED[study])
    assert entry["specified"] == named and not rows.duplicated(named).any()
    assert rows.digest.str.fullmatch("[0-9a-f]{32}").all() and rows.digest.nunique() == len(rows)
    specs = pd.DataFrame(getattr(contacts, f"{study}_specs")())
    assert specs[named].astype(str).values.tolist() == rows[named].astype(str).values.tolist()


def test_rows_can_be_computed_again():
    """The same dead packing to the bit, and the same counts."""
    first = "level == 0 and run == 1"
    for study, asked in (("approach", first), ("larger", first), ("above", "settle == 400")):
        old = contacts.archived(study).query(asked).iloc[0].to_dict()
        new = contacts.row(study, {name: old[name] for name in contacts.SPECIFIED[study]})
        assert new["digest"] == old["digest"] and new["touching"] == old["touching"]


def test_dead_packings_are_dead_and_the_next_is_not():
    dead, active = contacts.pressed("SGD", 0, 0)
    assert all(not observables.activity(one) for one in dead) and observables.activity(active) > 0
    apart = np.diff([one.phi for one in (*dead, active)])
    assert apart == pytest.approx(contacts.STEP * contacts.ALPHAS[0])


def test_the_limit_of_small_kicks_on_a_known_answer():
    """Six contacts and near ones with the very power: six; with another power or window for the line, not."""
    gamma, rows = contacts.MEAN_FIELD, []
    for run in range(3):
        for level, alpha in enumerate(contacts.ALPHAS):
            count = 6.0 + run / 100 + 11.0 * (alpha * contacts.WINDOWS) ** (1 - gamma)
            told = {"process": "SGD", "run": run, "level": level, "alpha": alpha}
            rows.append(told | {"touching": tables.cell(count, ".9f")})
    rows = pd.DataFrame(rows)
    for window in (2.0, 3.0, 5.0):
        assert contacts.to_zero(rows, window) == pytest.approx([6.0, 6.01, 6.02], abs=1e-7)
    assert np.all(np.abs(contacts.to_zero(rows, gamma=0.0) - 6.01) > 0.05)
    windows, mean, error = contacts.mean_touching(rows)[0.001]
    assert np.array_equal(windows, contacts.WINDOWS)
    assert error == pytest.approx(0.01 / 3**0.5, rel=1e-5) and mean[0] > 6.01


def test_drawn_gaps_have_their_density():
    h = contacts.drawn_gaps(0.4, 1e-3, 1e-1, 20_000, np.random.default_rng(1))
    assert h.min() > 1e-3 and h.max() < 1e-1
    assert observables.gap_exponent(h, 1e-3, 1e-1) == pytest.approx(0.4, abs=0.03)


def test_the_larger_packings_go_the_same_way(monkeypatch):
    """One row of it is that of as many spheres; and what is counted knows how many there are."""
    monkeypatch.setattr(contacts, "LARGER_N", 200)
    spec = {"process": "RCD", "run": 0, "level": 0}
    assert contacts.row("larger", spec) == spec | contacts.approach_row(**spec, n=200)
    rows = contacts.archived("approach")
    few, many = contacts.counted(rows), contacts.counted(rows, 8 * contacts.N)
    assert many["rattlers"].value == pytest.approx(few["rattlers"].value / 8)
    (_, thin), (_, thick) = (contacts.gap_density(rows, n) for n in (1_000, 500))
    assert thick == pytest.approx(2 * thin)


def test_the_exponent_of_all_packings_has_the_scatter_of_their_spheres():
    """Over many sets of two sizes: right on average, with the error that it has; packings not inflated have no part."""
    rng, found = np.random.default_rng(1), []
    for _ in range(200):
        parts = []
        for n, packings in ((500, 12), (4_000, 4)):
            value = 0.4 + rng.normal(size=packings) * n**-0.5
            rows = pd.DataFrame({f"gamma{name}": value for name in contacts.RANGES})
            parts.append((pd.concat([rows, pd.DataFrame({"gamma": [np.nan]})]), n))
        found.append(contacts.near_exponent(parts, "_wide"))
    values, errors = ([getattr(one, name) for one in found] for name in ("value", "error"))
    assert abs(np.mean(values) - 0.4) < 4 * np.std(values) / 200**0.5
    assert np.mean(np.square(errors)) ** 0.5 == pytest.approx(np.std(values), rel=0.2)
    assert np.std(values) == pytest.approx((12 * 500 + 4 * 4_000) ** -0.5, rel=0.2)
    assert found[0].n == 16


def test_a_larger_packing_that_does_not_come_to_rest_starts_looser(monkeypatch):
    """From a start far too dense every step is tried down to the first that dies; below LOOSEST none is."""
    monkeypatch.setattr(contacts, "START", 0.63)
    dead, active = contacts.pressed.__wrapped__("SGD", 0, 0, n=64)
    assert dead[0].phi < 0.63 and active.phi > dead[-1].phi
    monkeypatch.setattr(contacts, "LOOSEST", 0.64)
    with pytest.raises(RuntimeError, match="nothing came to rest"):
        contacts.pressed.__wrapped__("SGD", 0, 0, n=64)


def test_an_archive_that_is_stopped_keeps_what_was_done(tmp_path, monkeypatch):
    """A row that fails ends it; those before are there, and --keep goes on from them."""
    specs = [{"process": name, "run": 0, "level": 0} for name in ("SGD", "none", "RCD")]
    monkeypatch.setattr(contacts, "approach_specs", lambda: specs)
    asked = ["approach", "--keep", "--save-every", "0", "--folder", str(tmp_path)]
    with pytest.raises(KeyError, match="none"):
        maker.main(asked)
    first = contacts.archived("approach", tmp_path)
    assert first.process.tolist() == ["SGD"]
    monkeypatch.setattr(contacts, "approach_specs", lambda: specs[::2])
    assert maker.main(asked) == 0
    both = contacts.archived("approach", tmp_path)
    assert both.process.tolist() == ["SGD", "RCD"] and both.digest[0] == first.digest[0]
    old = contacts.archived("approach").query("run == 0 and level == 0").set_index("process")
    assert both.digest.tolist() == [old.digest[name] for name in both.process]
