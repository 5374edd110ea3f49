"""The calibration of scaling fits: rows that are functions of their number, their archive, honest intervals."""

import json
import shutil

import numpy as np
import pytest
from scipy import stats

from book import calibration
from book._tools import calibration as tool
from mpack.ensemble import StoreDamaged

LOW = stats.norm.isf(0.16)


@pytest.fixture(scope="module")
def archive():
    return calibration.archived()


def covered(rows, method):
    """Share of 68 % intervals that hold the truth, all parameters, and its error over data sets."""
    hits = np.mean(
        [np.abs(rows[f"{method}_{name}_off"]) < LOW for name in calibration.START], axis=0
    )
    return hits.mean(), hits.std(ddof=1) / len(hits) ** 0.5


def test_the_archive_is_what_is_asked_for(archive):
    wanted = {(spec["seed"], spec["runs"], spec["number"]) for spec in calibration.specs()}
    assert set(archive[["seed", "runs", "number"]].itertuples(index=False, name=None)) == wanted
    assert np.isfinite(archive.filter(regex="_off$").to_numpy()).all()


@pytest.mark.parametrize("runs", [0, 4, -4])
def test_a_row_is_a_function_of_its_number(archive, runs):
    old = archive[archive.runs == runs].iloc[7]
    new = calibration.row(1, runs, int(old.number))
    assert list(new) == list(archive.columns)
    assert [new[name] for name in archive.columns] == pytest.approx(
        old.tolist(), rel=1e-5, abs=1e-5
    )


@pytest.mark.parametrize("method", calibration.METHODS)
def test_intervals_cover_where_errors_are_known_and_not_where_few_runs_give_them(archive, method):
    known, error = covered(archive[archive.runs == 0], method)
    assert abs(known - 0.68) < 4 * error and error < 0.03
    few, error = covered(archive[archive.runs == 4], method)
    assert few < 0.68 - 2 * error
    pooled, spread = covered(archive[archive.runs == -4], method)
    assert pooled - few > 2 * np.hypot(error, spread)


def test_ranks_are_those_of_the_fit():
    fit = calibration.fitted(
        "bootstrap", calibration.synthetic({"rho_c": 0.68, "nu": 0.8, "zeta": -0.6}), 3
    )
    low, high = fit.samples[:, 1].min(), fit.samples[:, 1].max()
    assert calibration.rank(fit, "nu", low - 1) == pytest.approx(0.5 / 101)
    assert calibration.rank(fit, "nu", high + 1) == pytest.approx(100.5 / 101)
    exact = calibration.fitted(
        "curvature", calibration.synthetic({"rho_c": 0.68, "nu": 0.8, "zeta": -0.6}), 3
    )
    assert calibration.rank(exact, "nu", exact.nu) == 0.5


def test_a_changed_archive_is_refused(tmp_path):
    shutil.copytree(calibration.FOLDER, tmp_path / "calibration")
    path = tmp_path / "calibration" / "sets.csv"
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6", 1))
    with pytest.raises(StoreDamaged, match="has not the checksum"):
        calibration.archived(path.parent)


def test_the_tool_goes_on_where_it_was_stopped(tmp_path, monkeypatch, archive):
    """Stopped in the middle of a line; what was whole is kept, the rest is done, and the archive is whole."""
    monkeypatch.setattr(tool, "KEPT", tmp_path / "kept.csv")
    monkeypatch.setattr(calibration, "FOLDER", tmp_path / "calibration")
    monkeypatch.setattr(
        calibration, "specs", lambda: [{"seed": 1, "runs": 0, "number": k} for k in range(3)]
    )
    rows = (
        archive[(archive.runs == 0) & (archive.number < 3)].sort_values("number").to_dict("records")
    )
    done = []
    monkeypatch.setattr(
        calibration, "row", lambda seed, runs, number: done.append(number) or rows[number]
    )
    monkeypatch.setattr(tool, "relative", str)
    tool.main()
    whole = tool.KEPT.read_text()
    tool.KEPT.write_text(whole[:-30])
    tool.main()
    assert done == [0, 1, 2, 2] and tool.KEPT.read_text() == whole
    told = json.loads((tmp_path / "calibration" / "manifest.json").read_text())
    assert told["tables"]["sets"]["rows"] == 3
    assert calibration.archived(tmp_path / "calibration").to_dict("records") == rows
