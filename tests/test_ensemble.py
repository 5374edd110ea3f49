"""Specifications, sweeps, the store and its archive: nothing is lost or done twice, no bit changes on the way."""

import dataclasses
import hashlib
import io
import json
import lzma
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mpack
from mpack import critical, ensemble, structure
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
            assert (
                np.array_equal(values, b.arrays()[name], equal_nan=False)
                or values is b.arrays()[name] is None
            )


# ------------------------------------------------------------------------------------------------
# specifications


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


def test_options_that_joined_later_are_told_where_they_say_something(tmp_path):
    """Texts of before keep their keys; tables have the columns, archives keep them in the text alone."""
    plain = [mpack.PairwiseBRO(eps=0.1), mpack.SGD(0.1, 0.5), mpack.RCD(0.1, 0.5)]
    told = [
        mpack.PairwiseBRO(eps=0.1, correlation=0.25).approximation(),
        mpack.SGD(0.1, 0.5, correlation=0, memory="antithetic"),
        mpack.RandomOrganization(eps=0.1, correlation=-0.5),
    ]
    rules = [*plain, mpack.NonreciprocalBRO(eps=0.1), mpack.RandomOrganization(eps=0.1), *told]
    runs = mpack.specs(rules, n=20, phi=0.3, steps=5)
    for spec in runs:
        rule = json.loads(spec.text)["dynamics"]
        named = {"correlation", "memory"} & set(rule.get("of", rule))
        assert bool(named) == (spec.dynamics in told)
        assert ensemble.from_text(spec.text) == spec
    with pytest.raises(ValueError, match="no specification"):
        ensemble.from_text(runs[0].text.replace('"eps"', '"correlation":-1.0,"eps"'))
    table = mpack.sweep(runs, tmp_path / "runs.sqlite", progress=False)
    assert table.memory.tolist() == [""] * 6 + ["antithetic", ""]
    expected = [-1, -1, np.nan, 0, -1, 0.25, 0, -0.5]
    assert np.array_equal(table.correlation, expected, equal_nan=True)
    ensemble.export(tmp_path / "runs.sqlite", tmp_path / "archive")
    again = ensemble.load_archive(tmp_path / "archive").set_index("key").loc[table.key]
    for name in ("process", "correlation", "memory", "digest"):
        assert again[name].tolist() == pytest.approx(table[name].tolist(), nan_ok=True), name
    head = lzma.decompress((tmp_path / "archive" / "runs.csv.xz").read_bytes()).split(b"\n")[0]
    assert b"correlation" not in head and b"memory" not in head
    assert ensemble.audit(tmp_path / "archive", seconds=60).ok
    manifest = json.loads((tmp_path / "archive" / "manifest.json").read_text())["specifications"]
    assert manifest["correlation"] == [None, -1, -0.5, 0, 0.25]
    assert manifest["memory"] == ["", "antithetic"]
    mpack.sweep(runs[:5], tmp_path / "plain.sqlite", progress=False)
    ensemble.export(tmp_path / "plain.sqlite", tmp_path / "plain")
    manifest = json.loads((tmp_path / "plain" / "manifest.json").read_text())["specifications"]
    assert not {"correlation", "memory"} & set(manifest)


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
        mpack.Spec(
            mpack.PairwiseBRO(eps=0.05), n=60, phi=0.5, steps=3, seed=seed, start=start
        ).run()
        for seed in range(2)
    ]
    assert ends[0].start == ends[1].start == start.packing()
    assert ends[0].digest != ends[1].digest, "the noise is each run's own"


def test_noise_is_independent_over_specifications(seed):
    """Starts at neighbouring packing fractions and repeats are uncorrelated: |r| < 4.5 standard errors each.

    False alarms: 15 pairs at 7e-6; power: copies (r = 1) are found always.
    """
    specs = mpack.specs(
        mpack.PairwiseBRO(eps=0.1), n=400, phi=[0.5, 0.5001, 0.5002], steps=5, seed=[seed, seed + 1]
    )
    fractions = [spec.packing().fixed.ravel() / 2.0**64 for spec in specs]
    r = np.corrcoef(fractions)
    worst = np.abs(r[~np.eye(len(r), dtype=bool)]).max()
    assert worst < 4.5 / math.sqrt(1200)


def test_structure_factors_are_looks_at_a_run_that_goes_on(tmp_path):
    """As `snapshots` has them, the first at the last step; the row's own digest is that of this step."""
    wanted = {"structure_factors": {"q_max": 2.0, "looks": 3, "apart": 7}, "hexatic_order": {}}
    rule = mpack.PairwiseBRO(eps=0.2)
    spec = mpack.Spec(rule, n=150, phi=0.8, dim=2, steps=40, observables=wanted)
    row = mpack.sweep([spec], progress=False).iloc[0]
    looks = list(mpack.snapshots(spec.run(), at=[40, 47, 54]))
    assert row.digest == looks[0].digest
    seen = [mpack.structure_factor(one.final, 2.0, per_shell=500) for one in looks]
    kept = row.arrays["structure_factors"]
    assert np.array_equal(kept["s"], [one.shell_s for one in seen]) and not row.absorbed
    assert np.array_equal(kept["counts"], seen[0].shell_counts)
    parts = structure.wave_parts([one.final for one in looks], 2.0, 500)
    assert np.allclose(kept["frozen"], parts.frozen)
    assert np.allclose(parts.moving.mean(axis=0) + parts.frozen, kept["s"].mean(axis=0))
    q, s, _ = structure.shells_of(pd.DataFrame([row]))
    assert np.array_equal(q, seen[0].shell_q) and np.allclose(s[0], kept["s"].mean(axis=0))
    order = structure.hexatic_order(looks[0].final)
    assert (row.hexatic, row.hexatic_local, row.bragg) == (order.total, order.local, order.peak)


@pytest.mark.parametrize(
    "observables, words",
    [
        ({"structure_factors": {"looks": 0}}, "looks must be an integer in \\[2, 10000\\]; got 0"),
        ({"structure_factors": {"apart": 0}}, "apart must be an integer in"),
        ({"structure_factors": {"q_max": 1e9}}, "q_max must be so small"),
        ("hexatic_order", "hexatic_order needs dim 2; got dim 3"),
    ],
)
def test_observables_are_refused_before_any_work(observables, words):
    with pytest.raises(ValueError, match=words):
        mpack.Spec(mpack.PairwiseBRO(0.1), n=100, phi=0.3, steps=5, observables=observables)


def test_products():
    made = mpack.specs(
        [BASE.dynamics],
        n=np.array([50, 60]),
        phi=[0.2, 0.3],
        steps=10,
        seed=range(3),
        sizes=(1.0, 1.4),
    )
    assert [(s.n, s.phi, s.seed) for s in made[:4]] == [
        (50, 0.2, 0),
        (50, 0.2, 1),
        (50, 0.2, 2),
        (50, 0.3, 0),
    ]
    assert len(set(made)) == 12 and made[0].sizes == (1.0, 1.4) and type(made[0].n) is int


# ----------------------------------------------------------------------------------------------------------
# runs


def test_a_row_is_the_run_that_its_specification_says(tmp_path):
    table = mpack.sweep(some(), store=tmp_path / "s.sqlite", progress=False)
    for spec, (_, row) in zip(some(), table.iterrows(), strict=True):
        run = spec.run()
        assert row.digest == run.digest and row.key == spec.key and row.steps == run.steps
        assert (row.energy, row.msd, row.activity) == (
            run.energy[-1],
            run.msd[-1],
            run.activity[-1],
        )
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
    monkeypatch.setattr(
        ensemble, "produce", lambda text, *_, **__: calls.append(text) or produce(text)
    )
    first = mpack.sweep(some()[:3], store=path, progress=False)
    assert len(calls) == 3
    both = mpack.sweep(some() + some()[:2], store=path, progress=False)
    assert len(calls) == len(set(calls)) == len(some())
    pd.testing.assert_frame_equal(bare(both[:3]), bare(first), check_exact=True)
    assert both.key[8] == both.key[0]
    longer = some(steps=61)
    assert len(mpack.sweep(longer, store=path, progress=False)) == 8 and len(calls) == 16


def test_export_and_import_keep_every_bit(tmp_path):
    specs = some(observables={"contacts": {}, "structure_factor": {"q_max": 4.0}}) + some(
        series=(), checkpoints=2
    )
    table = mpack.sweep(specs, store=tmp_path / "s.sqlite", progress=False)
    ensemble.export(tmp_path / "s.sqlite", tmp_path / "one")
    read = ensemble.load_archive(tmp_path / "one")
    table = table.sort_values("spec").reset_index(drop=True)
    lists = ["series", "arrays"]
    pd.testing.assert_frame_equal(
        read.drop(columns=lists), table.drop(columns=lists), check_exact=True
    )
    assert_same_series(read.series, table.series)
    for one, other in zip(read.arrays, table.arrays, strict=True):
        assert list(one) == list(other)
        for name in one:
            assert all(
                np.array_equal(one[name][part], other[name][part], equal_nan=True)
                for part in other[name]
            )
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
    monkeypatch.setattr(
        ensemble, "produce", lambda text, *_, **__: calls.append(text) or produce(text)
    )
    mpack.sweep(some(), store=tmp_path / "t.sqlite", progress=False)
    assert len(calls) == 3


def test_a_second_driver_gets_a_sentence(tmp_path):
    path = tmp_path / "s.sqlite"
    with Store(path), pytest.raises(ensemble.StoreInUse, match="in use by another driver"):
        mpack.sweep(some()[:1], store=path, progress=False)
    mpack.sweep(some()[:1], store=path, progress=False)


# -------------------------------------------------------------------------------------------
# starts, sizes, ends


def test_starts_from_lattices():
    for name, n, dim in [
        ("fcc", 108, 3),
        ("bcc", 54, 3),
        ("sc", 27, 3),
        ("square", 49, 2),
        ("hypercubic", 81, 4),
    ]:
        spec = mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=n, phi=0.2, dim=dim, steps=5, start=name)
        assert spec.packing().n == n and spec.packing().phi == pytest.approx(0.2, rel=1e-12)
    with pytest.raises(
        ValueError,
        match=r"n must be 4 k\*\*3 for the lattice 'fcc', e.g. \[32, 108, 256\]; got 109",
    ):
        mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=109, phi=0.2, steps=5, start="fcc")
    with pytest.raises(ValueError, match="dim must be 2"):
        mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=100, phi=0.2, steps=5, start="square")


def test_a_start_from_the_end_of_another_run():
    """Its coordinates in another box: the ladder up and down that shows hysteresis or none."""
    below = dataclasses.replace(BASE, phi=0.4, sizes=(1.0, 1.4))
    above = dataclasses.replace(BASE, phi=0.8, sizes=(1.0, 1.4), start=below)
    end = below.run().final
    assert np.array_equal(above.packing().fixed, end.fixed) and np.array_equal(
        above.packing().diameters, end.diameters
    )
    assert above.packing().phi == pytest.approx(0.8, rel=1e-12)
    assert above.cost == BASE.cost + below.cost
    assert mpack.sweep([above], progress=False).digest[0] == above.run().digest
    with pytest.raises(ValueError, match="start must be a Spec with the same n, 61; got 60"):
        dataclasses.replace(above, n=61)


def test_sizes():
    two = dataclasses.replace(BASE, sizes=(1.0, 1.4)).packing().diameters
    assert np.allclose(two[1::2] / two[::2], 1.4) and two.mean() == pytest.approx(1.0)
    many = dataclasses.replace(BASE, n=20_000, sizes=0.1).packing().diameters
    assert (
        many.std() == pytest.approx(0.1, abs=0.003) and many.max() / many.min() < 1.3 / 0.7 + 1e-9
    )
    assert not np.array_equal(
        many, dataclasses.replace(BASE, n=20_000, sizes=0.1, seed=1).packing().diameters
    )


def test_a_kept_packing_goes_on_as_if_it_had_never_stopped():
    """Bit for bit, with the displacement since the start; there is no record of what came before."""
    spec = dataclasses.replace(BASE, phi=0.9, observables="packing", record=mpack.every(5))
    row = mpack.sweep([spec], progress=False).iloc[0]
    further = mpack.simulate(ensemble.resume(row), steps=40)
    whole = spec.run(steps=100)
    assert further.digest == whole.digest and further.steps == 100
    late = whole.times >= 60
    for name in ("times", "activity", "energy", "msd"):
        assert np.array_equal(getattr(further, name), getattr(whole, name)[late]), name
    with pytest.raises(ValueError, match="kept its last packing"):
        ensemble.resume(mpack.sweep([BASE], progress=False).iloc[0])


def test_observables_are_those_of_the_last_packing():
    wanted = {
        "contacts": {"tolerance": 0.01},
        "flatness": {"sigmas": [0.01, 0.02]},
        "structure_factor": {"q_max": 3.0},
        "pair_correlation": {"r_max": 2.0, "bins": 10},
    }
    spec = dataclasses.replace(BASE, phi=1.6, observables=wanted)
    row, final = mpack.sweep([spec], progress=False).iloc[0], spec.run().final
    contacts = mpack.contacts(final, 0.01)
    assert (row.z, row.z_without_rattlers) == (contacts.mean, contacts.mean_without_rattlers)
    assert row.rattlers == contacts.rattlers < 60
    assert row["flatness_0.02"] == mpack.flatness(final, 0.02).delta_v_over_u0
    factor, pairs = mpack.structure_factor(final, 3.0, 500), mpack.pair_correlation(final, 2.0, 10)
    assert np.array_equal(row.arrays["structure_factor"]["s"], factor.shell_s)
    assert np.array_equal(row.arrays["structure_factor"]["q"], factor.shell_q)
    assert np.array_equal(row.arrays["pair_correlation"]["g"], pairs.g)
    sampling = {"flatness": {"sigmas": [0.01], "sampled": [0.01], "samples": 50}}
    smooth = mpack.SGD(alpha=0.01, batch_fraction=0.5, potential=mpack.Harmonic())
    spec = dataclasses.replace(spec, dynamics=smooth, observables=sampling)
    row, final = mpack.sweep([spec], progress=False).iloc[0], spec.run().final
    assert row["flatness_0.01"] == mpack.flatness(final, 0.01, mpack.Harmonic()).delta_v_over_u0
    sampled = mpack.flatness(final, 0.01, mpack.Harmonic(), samples=50, seed=spec.noise_seed)
    assert (
        row["flatness_sampled_0.01"] == sampled.delta_v_over_u0 and row["flatness_error_0.01"] > 0
    )


def test_derived_columns_are_what_critical_says(seed):
    specs = some(n=100, phi=(0.3, 0.9), steps=600, seed=[seed])
    for _, row in mpack.sweep(specs, progress=False).iterrows():
        found = critical.steady_activity(row.series.times, row.series.activity)
        assert (row.f_inf, row.f_inf_error, row.reliable) == (
            found.value,
            found.error,
            found.reliable,
        )
        times = critical.relaxation_time(row.series.times, row.series.activity, found.value)
        assert (row.tau_r, row.tau_r_after) == times
        assert row.absorbed == (row.f_inf == 0.0) and (row.tau_r == row.steps or not row.absorbed)


def test_a_run_recorded_too_rarely_is_kept_without_an_average():
    row = mpack.sweep([dataclasses.replace(BASE, phi=0.9, record=(0, 50))], progress=False).iloc[0]
    assert math.isnan(row.f_inf) and not row.reliable and row.series.times.tolist() == [0, 50, 60]


def test_series_that_are_not_kept():
    spec = dataclasses.replace(BASE, series="energy")
    row = mpack.sweep([spec], progress=False).iloc[0]
    assert row.series.kept == ("activity", "energy") and row.series.msd is None
    assert row.msd == spec.run().msd[-1]  # the last value is there all the same


# ------------------------------------------------------------------------------------------------------
# bad input


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"dynamics": "SGD"}, TypeError, "dynamics must be a dynamics such as"),
        ({"n": 0}, ValueError, "n must be an integer in"),
        ({"n": 2.5}, TypeError, "n must be an integer"),
        ({"phi": -1}, ValueError, "phi must be a finite number > 0|phi must be"),
        ({"phi": 20.0, "n": 4}, ValueError, "box is at least two|at least twice the largest range"),
        ({"dim": 7}, ValueError, r"dim must be an integer in \[2, 6\]; got 7"),
        ({"steps": -1}, ValueError, "steps must be an integer"),
        ({"seed": -1}, ValueError, "seed must be an integer"),
        ({"record": "often"}, TypeError, "record must be"),
        ({"record": (3, 2)}, ValueError, "record must be increasing steps"),
        (
            {"record": (mpack.every(2), mpack.every(3))},
            ValueError,
            "at most one schedule of a kind",
        ),
        ({"record": mpack.every(1), "steps": 10**8}, ValueError, "record must give at most"),
        ({"sizes": 0.5}, ValueError, "sizes must be a finite number"),
        ({"sizes": (1.0, 0.0)}, ValueError, r"sizes\[1\] must be"),
        ({"start": "glass"}, ValueError, "start must be one of 'random'"),
        ({"paired": "phy"}, ValueError, "paired must be one of"),
        ({"observables": "entropy"}, ValueError, "observables must be one of 'contacts'"),
        (
            {"observables": {"contacts": {"gap": 1}}},
            ValueError,
            "option must be one of 'tolerance'",
        ),
        ({"observables": {"contacts": {"tolerance": 2}}}, ValueError, "tolerance must be"),
        ({"observables": {"structure_factor": {"q_max": 0.01}}}, ValueError, "q_max must be"),
        ({"observables": {"pair_correlation": {"r_max": 50.0}}}, ValueError, "r_max must be"),
        (
            {"observables": {"flatness": {"sigmas": [0.5]}}},
            ValueError,
            "box must be >= .* for sigma 0.5",
        ),
        ({"series": "pressure"}, ValueError, "series must be one of 'activity'"),
        ({"checkpoints": 1000}, ValueError, "checkpoints must be an integer in"),
    ],
)
def test_bad_specifications_are_refused_before_any_work(change, error, said):
    with pytest.raises(error, match=said):
        dataclasses.replace(BASE, **change)


def test_bad_arguments_of_sweep():
    with pytest.raises(TypeError, match="every one of specs must be a Spec"):
        mpack.sweep(["run"], progress=False)
    with pytest.raises(ValueError, match="workers must be an integer >= 1; got 0"):
        mpack.sweep([BASE], progress=False, workers=0)
    with pytest.raises(TypeError, match="progress must be True or False"):
        mpack.sweep([BASE], progress="yes")
    assert len(mpack.sweep([], progress=False)) == 0


# -------------------------------------------------------------------------------------------------------
# manners


def test_a_start_that_runs_share_is_made_once(monkeypatch):
    """One after another, runs wait for it once; one that is interrupted is no start, and is not kept."""
    from mpack import simulation

    done = []
    real = mpack.Spec.run

    def run(self, steps=None, *arguments, **options):
        done.append(self.seed)
        return real(self, steps, *arguments, **options)

    monkeypatch.setattr(mpack.Spec, "run", run)
    rule = mpack.PairwiseBRO(eps=0.1)
    start = mpack.Spec(rule, n=60, phi=0.9, dim=2, steps=30, seed=77)
    shared = mpack.specs(rule, n=60, phi=[0.7, 0.8], dim=2, steps=5, start=start, seed=1)
    with simulation.stoppable(["now"]), pytest.raises(KeyboardInterrupt, match="start"):
        shared[0].packing()
    ends = [spec.packing() for spec in shared]
    assert done.count(77) == 2 and [end.phi for end in ends] == pytest.approx([0.7, 0.8])
    assert np.array_equal(ends[0].fixed, real(start, record=()).final.fixed)


def test_progress_weighs_runs_by_their_cost(monkeypatch):
    import tqdm.auto

    bars = []

    class Bar(tqdm.auto.tqdm):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, file=io.StringIO(), **options)
            bars.append(self)

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    specs = [BASE, dataclasses.replace(BASE, n=600), BASE]
    with Store(":memory:") as store:
        mpack.sweep(specs[:1], store, progress=False)
        mpack.sweep(specs, store, progress=True)  # begins with what is there
    (bar,) = bars
    assert bar.total == bar.n == 60 * 60 + 600 * 60 and bar.initial == 60 * 60


def test_importing_stays_light():
    """`import mpack` loads nothing of it; mpack.ensemble neither pandas, emcee nor numba, until they are needed."""
    script = (
        "import sys, mpack; assert not {'sqlite3', 'mpack.ensemble'} & set(sys.modules); import mpack.ensemble; "
        "print(sorted({'pandas', 'emcee', 'scipy', 'numba', 'tqdm', 'distributed'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(mpack.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout == "[]\n", done.stderr
