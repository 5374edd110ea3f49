"""Specifications, sweeps, the store and its archive: nothing is lost or done twice, no bit changes on the way."""

import dataclasses
import hashlib
import json
import math

import numpy as np
import pandas as pd
import pytest

import mpack
from mpack import ensemble
from mpack.ensemble import Store

BASE = mpack.Spec(mpack.SGD(alpha=0.05, batch_fraction=0.5), n=60, phi=0.5, dim=2, steps=60)
CHANGES = {
    "dynamics": mpack.SGD(alpha=0.05, batch_fraction=0.5000000000000001),
    "n": 61,
    "phi": 0.5000000000000001,
    "dim": 3,
    "steps": 61,
    "seed": 1,
    "record": mpack.every(7),
    "sizes": (1.0, 1.4),
    "start": mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=60, phi=0.45, dim=2, steps=5),
    "observables": "contacts",
    "series": "activity",
    "checkpoints": 1,
}


def some(n=60, phi=(0.3, 0.55), steps=60, seed=range(2), dim=2, **more):
    rules = [mpack.SGD(alpha=0.05, batch_fraction=0.5), mpack.PairwiseBRO(eps=0.05)]
    return mpack.specs(rules, n=n, phi=list(phi), steps=steps, seed=seed, dim=dim, **more)


def bare(table):
    """A table without what may differ between two runs of one specification, and without arrays."""
    return table.drop(columns=["wall", "finished", "series", "arrays"])


def assert_same_series(one, other):
    for a, b in zip(one, other, strict=True):
        for name, values in a.arrays().items():
            assert np.array_equal(values, b.arrays()[name], equal_nan=False) or values is b.arrays()[name] is None


# ------------------------------------------------------------------------------------------------ specifications


def test_the_text_is_canonical_and_read_back():
    content = json.loads(BASE.text)
    assert BASE.text == json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert content["stream"] == 1 and content["mpack"] == 1
    assert BASE.key == hashlib.sha256(BASE.text.encode()).hexdigest()
    for change in CHANGES.items():
        spec = dataclasses.replace(BASE, **dict([change]))
        assert ensemble.from_text(spec.text) == spec
    with pytest.raises(ValueError, match="no specification"):
        ensemble.from_text(BASE.text.replace('"stream":1', '"stream":0'))
    with pytest.raises(ValueError, match="no specification"):
        ensemble.from_text("{}")


def test_the_key_is_known():
    """A key that changed would orphan every archive: then FORMAT has to change, knowingly."""
    assert BASE.key == "c398156fad87959e031e88a5abfc75f08dc0a6cba07e422de58fbfc14c506a36"
    assert (BASE.noise_seed, BASE.start_seed) == (914883513250396920, 14097326877698320498)


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_is_another_run_with_other_noise(name):
    changed = dataclasses.replace(BASE, **{name: CHANGES[name]})
    assert changed != BASE and changed.key != BASE.key
    assert changed.noise_seed != BASE.noise_seed and changed.start_seed != BASE.start_seed
    assert changed.noise_seed != changed.start_seed


@pytest.mark.parametrize("name", CHANGES)
def test_paired_runs_share_noise_over_the_named_field_only(name):
    paired = dataclasses.replace(BASE, paired=name)
    changed = dataclasses.replace(paired, **{name: CHANGES[name]})
    assert changed.key != paired.key
    assert (changed.noise_seed, changed.start_seed) == (paired.noise_seed, paired.start_seed)
    assert paired.noise_seed != BASE.noise_seed
    other = next(field for field in CHANGES if field != name)
    assert dataclasses.replace(paired, **{other: CHANGES[other]}).noise_seed != paired.noise_seed


def test_paired_rules_start_from_the_same_packing():
    rules = [mpack.PairwiseBRO(eps=0.1), mpack.SGD(alpha=0.1, batch_fraction=0.5)]
    one, other = mpack.specs(rules, n=50, phi=0.5, steps=5, paired="dynamics")
    assert one.packing() == other.packing()


def test_a_run_of_no_steps_is_a_start_that_runs_share():
    start = mpack.Spec(mpack.PairwiseBRO(eps=0.05), n=60, phi=0.5, steps=0)
    ends = [
        mpack.Spec(mpack.PairwiseBRO(eps=0.05), n=60, phi=0.5, steps=3, seed=seed, start=start).run()
        for seed in range(2)
    ]
    assert ends[0].start == ends[1].start == start.packing()
    assert ends[0].digest != ends[1].digest, "the noise is each run's own"


def test_noise_is_independent_over_specifications(seed):
    """Starts at neighbouring packing fractions and repeats are uncorrelated: |r| < 4.5 standard errors each.

    False alarms: 15 pairs at 7e-6; power: copies (r = 1) are found always."""
    specs = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=400, phi=[0.5, 0.5001, 0.5002], steps=5, seed=[seed, seed + 1])
    fractions = [spec.packing().fixed.ravel() / 2.0**64 for spec in specs]
    r = np.corrcoef(fractions)
    worst = np.abs(r[~np.eye(len(r), dtype=bool)]).max()
    assert worst < 4.5 / math.sqrt(1200)


def test_products():
    made = mpack.specs([BASE.dynamics], n=np.array([50, 60]), phi=[0.2, 0.3], steps=10, seed=range(3), sizes=(1.0, 1.4))
    assert [(s.n, s.phi, s.seed) for s in made[:4]] == [(50, 0.2, 0), (50, 0.2, 1), (50, 0.2, 2), (50, 0.3, 0)]
    assert len(set(made)) == 12 and made[0].sizes == (1.0, 1.4) and type(made[0].n) is int


# ---------------------------------------------------------------------------------------------------------- runs


def test_a_row_is_the_run_that_its_specification_says(tmp_path):
    table = mpack.sweep(some(), store=tmp_path / "s.sqlite", progress=False)
    for spec, (_, row) in zip(some(), table.iterrows(), strict=True):
        run = spec.run()
        assert row.digest == run.digest and row.key == spec.key and row.steps == run.steps
        assert (row.energy, row.msd, row.activity) == (run.energy[-1], run.msd[-1], run.activity[-1])
        for name, values in row.series.arrays().items():
            assert np.array_equal(values, getattr(run, name)), name
        assert row.absorbed == run.absorbed and row.phi == spec.phi and row.seed == spec.seed


def test_number_of_workers_and_of_threads_changes_no_bit():
    one = mpack.sweep(some(), progress=False, workers=1)
    for how in ({"workers": 4}, {"threads": 2}):
        other = mpack.sweep(some(), progress=False, **how)
        pd.testing.assert_frame_equal(bare(one), bare(other), check_exact=True)


def test_finished_rows_are_never_done_again(tmp_path, monkeypatch):
    path, calls = tmp_path / "s.sqlite", []
    produce = ensemble.produce
    monkeypatch.setattr(ensemble, "produce", lambda text, *more, **how: calls.append(text) or produce(text, *more, **how))
    first = mpack.sweep(some()[:3], store=path, progress=False)
    assert len(calls) == 3
    both = mpack.sweep(some() + some()[:2], store=path, progress=False)
    assert len(calls) == len(set(calls)) == len(some())
    pd.testing.assert_frame_equal(bare(both[:3]), bare(first), check_exact=True)
    assert both.key[8] == both.key[0]
    longer = some(steps=61)
    assert len(mpack.sweep(longer, store=path, progress=False)) == 8 and len(calls) == 16


def test_export_and_import_keep_every_bit(tmp_path):
    specs = some(observables={"contacts": {}, "structure_factor": {"q_max": 4.0}}) + some(series=(), checkpoints=2)
    table = mpack.sweep(specs, store=tmp_path / "s.sqlite", progress=False)
    ensemble.export(tmp_path / "s.sqlite", tmp_path / "one")
    read = ensemble.load_archive(tmp_path / "one")
    table = table.sort_values("spec").reset_index(drop=True)
    lists = ["series", "arrays"]
    pd.testing.assert_frame_equal(read.drop(columns=lists), table.drop(columns=lists), check_exact=True)
    assert_same_series(read.series, table.series)
    for one, other in zip(read.arrays, table.arrays, strict=True):
        assert list(one) == list(other)
        for name in one:
            assert all(np.array_equal(one[name][part], other[name][part], equal_nan=True) for part in other[name])
    assert ensemble.import_archive(tmp_path / "one", tmp_path / "t.sqlite") == len(specs)
    assert ensemble.import_archive(tmp_path / "one", tmp_path / "t.sqlite") == 0
    ensemble.export(tmp_path / "t.sqlite", tmp_path / "two")
    for path in sorted((tmp_path / "one").iterdir()):
        other = (tmp_path / "two" / path.name).read_bytes()
        assert other.replace(b'"two"', b'"one"') == path.read_bytes(), path.name


def test_an_imported_archive_is_gone_on_with(tmp_path, monkeypatch):
    mpack.sweep(some()[:5], store=tmp_path / "s.sqlite", progress=False)
    ensemble.export(tmp_path / "s.sqlite", tmp_path / "one")
    ensemble.import_archive(tmp_path / "one", tmp_path / "t.sqlite")
    calls, produce = [], ensemble.produce
    monkeypatch.setattr(ensemble, "produce", lambda text, *more, **how: calls.append(text) or produce(text, *more, **how))
    mpack.sweep(some(), store=tmp_path / "t.sqlite", progress=False)
    assert len(calls) == 3


def test_a_second_driver_gets_a_sentence(tmp_path):
    path = tmp_path / "s.sqlite"
    with Store(path):
        with pytest.raises(ensemble.StoreInUse, match="in use by another driver"):
            mpack.sweep(some()[:1], store=path, progress=False)
    mpack.sweep(some()[:1], store=path, progress=False)


def test_stores_merge(tmp_path):
    a, b = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    mpack.sweep(some()[:5], store=a, progress=False)
    mpack.sweep(some()[3:], store=b, progress=False)
    assert ensemble.merge(a, b) == 3
    with Store(a) as store:
        assert sorted(store.keys()) == sorted(spec.key for spec in some())
