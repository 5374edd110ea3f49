"""book.studies: the rows of the archive, where capacity ends, what is selected; the archive is what it says."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest

from book import studies
from book._tools import learning as maker
from mpack.ensemble import StoreDamaged


def test_the_rule_of_selection():
    rows = [
        ("packing", 2.0, 0.1, 0.90), ("packing", 2.0, 0.1, 0.94),
        ("packing", 3.0, 0.03, 0.92), ("packing", 3.0, 0.03, 0.92),
        ("nt-xent", 0.2, 0.3, 0.99), ("nt-xent", 0.2, 0.3, 0.80),
        ("nt-xent", 0.5, 0.1, 0.93), ("nt-xent", 0.5, 0.1, 0.93),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["loss", "parameter", "rate", "validation"])
    # means count, and of equals the smaller rate
    assert studies.selected(table) == {"packing": (3.0, 0.03), "nt-xent": (0.5, 0.1)}


def test_both_losses_get_the_same_chances():
    specs = pd.DataFrame(studies.selection_specs())
    per_loss = {
        name: some.drop(columns=["loss", "parameter"]) for name, some in specs.groupby("loss")
    }
    assert set(per_loss) == {"nt-xent", "packing"}
    one, other = (some.reset_index(drop=True) for some in per_loss.values())
    assert one.equals(other)
    runs = pd.DataFrame(studies.comparison_specs({"nt-xent": (0.2, 0.1), "packing": (2.0, 0.03)}))
    assert not set(runs.seed) & set(specs.seed)
    pairs = {name: set(zip(some.split, some.seed)) for name, some in runs.groupby("loss")}
    assert pairs["nt-xent"] == pairs["packing"] == pairs["untrained"] > pairs["attraction"]


def test_splits_of_the_digits():
    X, y, T, z = studies.digits(0)
    assert (len(X), len(T)) == (1257, 540) and X.min() == 0 and X.max() == 1
    for labels in (y, z):
        share = np.bincount(labels) / len(labels)
        assert np.all(np.abs(share - 0.1) < 0.01)
    seen = {image.tobytes() for image in X}
    assert (
        sum(image.tobytes() in seen for image in T) <= 1
    )  # disjoint, but for images that are twice in the data
    assert not np.array_equal(X, studies.digits(1)[0])
    fit, _, held, _ = studies.validation()
    assert len(fit) + len(held) == len(X) and {image.tobytes() for image in held} <= seen


def test_a_row_of_each_kind_of_packing():
    few = studies.row(
        "capacity",
        {"box": 4, "n": 40, "run": 0, "alpha": 0.05, "batch_fraction": 0.5, "steps": 5000},
    )
    assert few["absorbed"] == 1 and few["steps_done"] < 5000
    many = studies.row(
        "capacity",
        {"box": 4, "n": 90, "run": 0, "alpha": 0.05, "batch_fraction": 0.5, "steps": 500},
    )
    assert many["absorbed"] == 0 and many["steps_done"] == 500
    specs = studies.robustness_specs(runs=2)
    assert len(specs) == 14 and len({(s["rule"], s["batch_fraction"]) for s in specs}) == 7
    spec = {"rule": "RCD", "batch_fraction": 0.5, "run": 0, "n": 100, "phi": 0.7, "alpha": 0.2}
    one = studies.row("robustness", spec)
    assert (
        one["steps_done"] == 30 * 200
        and 0 < one["error"] < one["refitted_0"] < one["refitted_1"] < one["fixed_1"]
    )
    assert one["error"] == pytest.approx((one["error_early"] + one["error_late"]) / 2)


@pytest.mark.parametrize("study", studies.ROWS)
def test_the_archive_is_what_its_manifest_says(study):
    rows = studies.archived(study)
    entry = json.loads((studies.FOLDER / "manifest.json").read_text())["tables"][study]
    assert len(rows) == entry["rows"] and list(rows.columns) == entry["columns"]
    named = list(studies.SPECIFIED[study])
    assert entry["specified"] == named and not rows.duplicated(named).any()
    assert rows.digest.str.fullmatch("[0-9a-f]{32}").all() and rows.digest.nunique() == len(rows)
    specs = pd.DataFrame(maker.specs_of(study, studies.FOLDER))
    assert specs.astype(str).values.tolist() == rows[named].astype(str).values.tolist()


def test_rows_can_be_computed_again():
    """One run of each quick kind, bit for bit; and one with a false digest and a false number, which is seen."""
    rows = studies.archived("capacity")
    row = rows[(rows.box == 4) & (rows.absorbed == 1)].nsmallest(1, "steps_done")
    assert studies.again("capacity", row) == (1, 1, 0.0)
    assert studies.again("capacity", row.assign(digest="0" * 32))[1] == 0
    steady = studies.archived("robustness").query("batch_fraction == 1.0").head(1)
    count, same, apart = studies.again("robustness", steady)
    assert (count, same) == (
        1,
        1,
    ) and apart < 1e-9  # sums and quadratures, up to the machine's last digits
    untrained = studies.archived("comparison").query("loss == 'untrained' and split == 0").head(1)
    count, same, apart = studies.again("comparison", untrained)
    assert (count, same) == (
        1,
        1,
    ) and apart < 0.006  # probes may differ by a few images with another linear algebra
    assert studies.again("comparison", untrained.assign(accuracy=0.5))[2] > 0.3


def test_a_row_of_the_minima():
    """Below training with small batches lies a minimum: no gradient, no negative curvature, a lower loss."""
    spec = {"batch_size": 16, "run": 0, "slow": 0, "eta": 0.1, "beta": 0.9, "steps": 2000}
    one = studies.row("minima", spec | {"hidden": 2, "weight_decay": 0.01})
    assert one["loss_below"] < one["loss_above"] and one["least_below"] > 0 and one["fallen"] > 0
    stored = studies.archived("minima").query("slow == 0").head(1)
    assert studies.again("minima", stored)[:2] == (1, 1)
    specs = pd.DataFrame(studies.minima_specs())
    assert not specs.duplicated().any() and specs.eta.nunique() == specs.beta.nunique() == 1


def test_a_changed_file_is_refused(tmp_path):
    shutil.copytree(studies.FOLDER, tmp_path / "learning")
    path = tmp_path / "learning" / "capacity.csv"
    path.write_bytes(path.read_bytes().replace(b"0.03", b"0.04", 1))
    with pytest.raises(StoreDamaged, match="has not the checksum"):
        studies.archived("capacity", tmp_path / "learning")


def test_making_an_archive(tmp_path, monkeypatch):
    specs = studies.capacity_specs(boxes=(4,), phis=[0.3, 0.35], runs=2, steps=500)
    monkeypatch.setattr(studies, "capacity_specs", lambda: specs)
    assert maker.main(["capacity", "--folder", str(tmp_path)]) == 0
    rows = studies.archived("capacity", tmp_path)
    assert rows.absorbed.tolist() == [1] * 4 and rows.n.tolist() == [37, 37, 43, 43]
    assert all(math.isfinite(value) for value in rows.steps_done)
    with pytest.raises(SystemExit):
        maker.main(["capacities"])


def test_tables_by_rule_and_by_loss():
    """What the chapter compares is the archive, rearranged: every number against a search for its row."""
    rows = studies.archived("robustness")
    table = studies.by_rule(rows)
    for (rule, fraction), run in ((("SGD", 0.25), 3), (("RCD", 0.1), 7)):
        mine = (rows.rule == rule) & (rows.batch_fraction == fraction) & (rows.run == run)
        row = rows[mine].iloc[0]
        assert table["rise"][rule, fraction][run] == row.flatness_0
        assert table["error"][rule, fraction][run] == row.error
        assert table["gain_fixed_1"][rule, fraction][run] == row.fixed_1 - row.error
        assert table["gain_refitted_0"][rule, fraction][run] == row.refitted_0 - row.error
    rows = studies.archived("comparison")
    first, others = studies.by_loss(rows)
    assert first.index.name == "seed" and others.index.name == "split" and 0 not in others.index
    assert set(first["accuracy"]) - set(others["accuracy"]) == {"attraction"}
    mine = (rows.loss == "packing") & (rows.split == 3)
    assert others["accuracy"]["packing"][3] == rows[mine].accuracy.item()
    mine = (rows.loss == "nt-xent") & (rows.split == 0) & (rows.seed == 5)
    assert first["accuracy_few"]["nt-xent"][5] == rows[mine].accuracy_few.item()


def test_audited_draws_rows_of_the_studies_that_are_asked_for():
    found = studies.audited([1, 0, 0, 0, 0], seed=3)
    assert found.study.tolist() == ["capacity"] and found["same bits"].tolist() == [1]
    with pytest.raises(ValueError, match="5 numbers of rows"):
        studies.audited([1], seed=3)
