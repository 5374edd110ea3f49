"""book.loopless: the archive is what it says, and its rows can be computed again."""

import json

import numpy as np
import pandas as pd

from book import loopless


def test_the_archive_is_what_its_manifest_says():
    rows, named = loopless.archived(), list(loopless.SPECIFIED["decay"])
    entry = json.loads((loopless.FOLDER / "manifest.json").read_text())["tables"]["decay"]
    assert len(rows) == entry["rows"] and entry["specified"] == named
    assert list(rows.columns) == entry["columns"] and not rows.duplicated(named).any()
    assert pd.DataFrame(loopless.decay_specs())[named].equals(rows[named])


def test_a_row_can_be_computed_again():
    """To the last sphere, at every step that is kept."""
    old = loopless.archived().query("alpha == 1 and run == 1").iloc[0]
    asked = {name: old[name] for name in loopless.SPECIFIED["decay"]}
    asked |= {name: int(asked[name]) for name in ("spheres", "steps", "run")}
    new = loopless.row("decay", asked)
    assert all(new[f"k{k}"] == old[f"k{k}"] for k in loopless.times(asked["steps"]))


def test_curves_end_where_activity_does():
    steps = loopless.times(600)
    alive, dead = np.full(len(steps), 40), np.where(steps < 100, 40, 0)
    told = {"alpha": 4.0, "spheres": 400, "steps": 600}
    rows = [
        told | {"phi": phi} | {f"k{k}": a for k, a in zip(steps, active)}
        for phi, active in ((0.1, alive), (0.09, dead))
    ]
    found = loopless.curves(4.0, 400, pd.DataFrame(rows))
    (k, f), (gone, last) = found[0.1][0], found[0.09][0]
    assert np.array_equal(k, steps) and np.all(f == 0.1)
    assert last[-1] == 0.0 and np.all(last[:-1] == 0.1) and gone[-1] >= 100 > gone[-2]
