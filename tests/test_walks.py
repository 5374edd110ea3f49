"""book.walks: the archive is what it says, its rows can be computed again, and what is made of them is right."""

import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn", reason="the images are scikit-learn's")

from book import walks
from book._tools import walks as maker
from mpack import limiting


@pytest.mark.parametrize("study", walks.ROWS)
def test_the_archive_is_what_its_manifest_says(study):
    rows = walks.archived(study)
    entry = json.loads((walks.FOLDER / "manifest.json").read_text())["tables"][study]
    assert len(rows) == entry["rows"] and list(rows.columns) == entry["columns"]
    named = list(walks.SPECIFIED[study])
    assert entry["specified"] == named and not rows.duplicated(named).any()
    assert rows.digest.str.fullmatch("[0-9a-f]{32}").all() and rows.digest.nunique() == len(rows)
    specs = pd.DataFrame(getattr(walks, f"{study}_specs")())
    assert specs[named].astype(str).values.tolist() == rows[named].astype(str).values.tolist()


def test_rows_can_be_computed_again():
    """Bit for bit; a false digest and a false number are seen."""
    rows = walks.archived("sweeps").query("beta == 0.0").head(1)
    assert walks.again("sweeps", rows) == (1, 1)
    assert walks.again("sweeps", rows.assign(digest="0" * 32)) == (1, 0)
    assert walks.again("sweeps", rows.assign(local=1.01 * rows.local)) == (1, 0)
    assert walks.again("felt", walks.archived("felt").query("setting == 'loud'").tail(1)) == (1, 1)


@pytest.mark.parametrize(("decay", "start"), [(0.02, 1), (0.0005, 1), (0.002, 3)])
def test_minima_are_minima_and_their_spectra_those_of_the_hessian(decay, start):
    net, bottom = walks.network(decay), walks.minimum(decay, start)
    assert np.abs(net.gradient(bottom)).max() < 5e-4  # four decimals of the parameters
    h, variance = net.spectra(bottom)
    archived = walks.spectra(decay, start)
    assert np.allclose(archived[0], h, rtol=1e-4) and h[-1] > 0.0
    assert np.allclose(archived[1], variance, rtol=1e-3)


def test_minima_of_other_starts_are_others():
    bottoms = [walks.minimum(0.002, start) for start in walks.STARTS]
    apart = [np.linalg.norm(one - bottoms[0]) for one in bottoms[1:]]
    assert min(apart) > 1.0


def test_directions_are_eigenvectors_and_projections_are_onto_them():
    net, E, rule = walks.network(0.002), walks.directions(0.002), walks.QUIET
    assert np.allclose(E.T @ E, np.eye(walks.MODES), atol=1e-10)
    H = net.hessian(walks.minimum(0.002))
    assert np.allclose(H @ E, E * walks.spectra(0.002)[0][: walks.MODES], atol=2e-4)
    walk, end = walks.projected(**rule, steps=30, run=2, settled=10)
    how = {name: rule[name] for name in ("eta", "beta", "batch_size")}
    record = np.arange(41)
    got = net.train([walks.minimum(0.002)], record=record, seed=1, first_run=2, **how).theta[0]
    assert np.array_equal(end, got[-1])
    assert np.allclose(walk, (got[11:] - walks.minimum(0.002)) @ E, atol=1e-12)


def test_projections_stand_beside_the_linear_theory():
    one = walks.projections("heavy")
    assert one.power.shape == (16, 8, 47) and one.position.shape == (16, 100)
    eta, beta = one.rule["eta"], one.rule["beta"]
    net, E = walks.network(0.002), walks.directions(0.002)
    sample = net.sample_gradients(walks.minimum(0.002)) @ E[:, :3]
    assert np.allclose(one.noise[:3], sample.var(axis=0) / one.rule["batch_size"], rtol=1e-3)
    closed = limiting.spectral_peak(eta, beta, one.curvature[:8])
    assert np.allclose(one.peaks[1], closed, rtol=0.015)
    assert abs(one.ring.value - 1) < 0.02 and one.ring.n == 16
    stiffer = np.tile(1.1 * one.curvature[:8], (16, 1))
    assert abs(one.ring_with(stiffer).value - 0.95) < 0.02  # the root of the curvature
    assert one.steepness[1] == pytest.approx(0.5, abs=0.05)
    assert one.slope(np.tile((one.curvature - 0.002) ** 0.3, (4, 1))).value == pytest.approx(0.3)
    quiet, plain = walks.projections("quiet"), walks.projections("plain")
    assert quiet.rise(quiet)[1] > 1.5 > 1.1 > plain.rise(quiet)[1]
    assert len(walks.projections("heavy", 3).power) == 8
    with pytest.raises(ValueError, match="setting"):
        walks.projections("silent")


def test_the_numbers_of_a_sweep():
    moved, theory = walks.sweep(eta=0.1)
    assert moved.shape == (16, len(walks.LAGS)) and theory.shape == (len(walks.LAGS),)
    rows = walks.archived("sweeps").query("eta == 0.1")
    local = rows.local.to_numpy()
    assert abs(moved[:, 0].mean() / local.mean() - 1) < 0.1
    h, noise = walks.spectra(0.002)
    still = limiting.linear_moments(0.1, 0.9, h[:50], noise[:50] / 64).velocity.sum() * 0.01
    assert still < theory[0] < 1.2 * still
    with pytest.raises(ValueError, match="no such setting"):
        walks.sweep(eta=0.3)


def test_making_an_archive(tmp_path, monkeypatch):
    rows = [{"setting": "loud", "run": run} for run in (3, 4)]
    monkeypatch.setattr(walks, "felt_specs", lambda: rows)
    assert maker.main(["felt", "--folder", str(tmp_path)]) == 0
    made = walks.archived("felt", tmp_path)
    old = walks.archived("felt").query("setting == 'loud' and run in (3, 4)")
    assert made.digest.tolist() == old.digest.tolist()
    monkeypatch.setattr(walks, "felt_row", None)
    assert maker.main(["felt", "--keep", "--folder", str(tmp_path)]) == 0  # nothing is left to run
