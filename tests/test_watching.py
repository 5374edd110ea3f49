"""Watching a run: functions of a packing at the recorded steps, in runs, sweeps, archives and tables."""

import math
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack
from mpack import _tables, _watching, ensemble
from mpack.ensemble import Store

START = mpack.Packing.random(n=60, phi=0.7, dim=2, seed=1)
RULE = mpack.PairwiseBRO(eps=0.1)


def pairs(packing):
    """Something that the library does not record."""
    return len(packing.overlaps()[0])


def first(packing):
    """A NumPy number that every step changes."""
    return packing.positions[0, 0]


WATCH = {"pairs": pairs, "first": first, "active": mpack.activity}


@given(
    record=st.sampled_from([mpack.every(1), mpack.every(7), mpack.log_spaced(5), (3, 4), ()]),
    parts=st.lists(st.integers(0, 12), min_size=1, max_size=4),
)
@settings(max_examples=25, deadline=None)
def test_values_are_those_of_the_packings_at_the_recorded_steps(record, parts):
    """Another way: every packing by itself. However often the run was stopped, none differs."""
    steps = sum(parts)
    run = mpack.simulate(START, RULE, steps=parts[0], seed=3, record=record, watch=WATCH)
    for more in parts[1:]:
        run = mpack.simulate(run, steps=more)
    packings = [look.final for look in mpack.snapshots(START, RULE, at=run.times, seed=3)]
    assert run.steps == steps == run.times[-1]
    for name, function in WATCH.items():
        assert run.watched[name].tolist() == [float(function(packing)) for packing in packings]
    assert run.watched["active"].tolist() == run.activity.tolist()
    alone = mpack.simulate(START, RULE, steps=steps, seed=3, record=record)
    assert run.digest == alone.digest and np.array_equal(run.energy, alone.energy)


def test_an_absorbed_run_is_watched_to_its_end():
    thin = mpack.Packing.random(n=60, phi=0.2, dim=2, seed=1)
    how = dict(seed=1, record=mpack.every(50), watch={"pairs": pairs})
    run = mpack.simulate(thin, RULE, steps=5000, **how)
    assert run.absorbed and run.steps % 50
    assert len(run.watched["pairs"]) == len(run.times) and run.watched["pairs"][-1] == 0.0
    again = mpack.simulate(run, steps=10)
    assert again.watched["pairs"].tolist() == run.watched["pairs"].tolist()


def test_functions_are_called_once_a_record():
    calls = []
    how = dict(seed=3, record=mpack.every(5), watch={"calls": lambda p: calls.append(p) or 0.0})
    run = mpack.simulate(START, RULE, steps=20, **how)
    assert len(calls) == len(run.times) == 5
    run = mpack.simulate(run, steps=10)
    assert len(calls) == len(run.times) == 7


def test_a_run_that_goes_on_keeps_its_names():
    run = mpack.simulate(START, RULE, steps=5, seed=3, watch={"pairs": pairs})
    same = mpack.simulate(run, steps=5, watch={"pairs": lambda packing: pairs(packing)})
    assert same.watched["pairs"].tolist() == mpack.simulate(run, steps=5).watched["pairs"].tolist()
    for watch in ({"first": first}, {}, WATCH):
        with pytest.raises(ValueError, match=r"the names of its own, \['pairs'\]"):
            mpack.simulate(run, steps=5, watch=watch)


def test_snapshots_are_watched():
    looks = list(mpack.snapshots(START, RULE, at=[0, 4, 9], seed=3, watch={"pairs": pairs}))
    assert [look.watched["pairs"][-1] for look in looks] == [pairs(look.final) for look in looks]


@pytest.mark.parametrize(
    ("watch", "error", "words"),
    [
        ([pairs], TypeError, "watch must be a mapping"),
        ({"pairs": 3}, TypeError, r"watch\['pairs'\] must be a function of a Packing; got 3"),
        ({3: pairs}, TypeError, "names .* got 3"),
        ({"energy": pairs}, ValueError, "got 'energy'"),
        ({"z": pairs}, ValueError, "got 'z'"),
        ({"flatness_0.015": pairs}, ValueError, "got 'flatness_0.015'"),
        ({"a/b": pairs}, ValueError, "got 'a/b'"),
        ({"": pairs}, ValueError, "got ''"),
        (
            {"a": lambda p: "many"},
            TypeError,
            r"watch\['a'\] at step 0 must be a number; got 'many'",
        ),
        ({"a": lambda p: None}, TypeError, "must be a number; got None"),
        ({"a": lambda p: p.positions}, TypeError, "must be a number; got array"),
        ({"a": lambda p: math.nan}, ValueError, "must be a finite number; got nan"),
    ],
)
def test_bad_input_before_any_work(watch, error, words):
    with pytest.raises(error, match=words):
        mpack.simulate(START, RULE, steps=2**48, seed=1, watch=watch)


def test_what_goes_wrong_on_the_way_says_where():
    def late(packing):
        if packing != START:
            raise RuntimeError("no")
        return 1.0

    with pytest.raises(RuntimeError) as caught:
        mpack.simulate(START, RULE, steps=9, seed=1, record=mpack.every(3), watch={"late": late})
    assert caught.value.__notes__ == ["raised by watch['late'] at step 3"]
    nan = {"nan": lambda packing: 1.0 if packing == START else math.nan}
    with pytest.raises(ValueError, match=r"watch\['nan'\] at step 9 must be a finite number"):
        mpack.simulate(START, RULE, steps=9, seed=1, watch=nan)


def test_the_frames_of_a_trajectory_have_the_values_too(tmp_path):
    path, how = tmp_path / "run.gsd", dict(seed=3, record=mpack.every(6), watch=WATCH)
    run = mpack.simulate(START, RULE, steps=24, frames=mpack.every(4), trajectory=path, **how)
    with mpack.frames(path) as passed:
        log = passed.log
        assert log["pairs"].tolist() == [pairs(packing) for packing in passed]
        both = np.intersect1d(run.times, passed.steps)
        assert len(both) == 3
        assert log.loc[both, "first"].tolist() == run.to_frame().loc[both, "first"].tolist()


# --------------------------------------------------------------------------------------------------
# tables


def test_a_run_as_a_table():
    run = mpack.simulate(START, RULE, steps=20, seed=3, record=mpack.every(5), watch=WATCH)
    table = run.to_frame()
    assert table.index.name == "step" and table.index.tolist() == run.times.tolist()
    assert list(table) == ["activity", "energy", "msd", *WATCH]
    for name in table:
        series = run.watched[name] if name in WATCH else getattr(run, name)
        assert table[name].tolist() == series.tolist()


def test_a_run_as_a_dataset():
    pytest.importorskip("xarray")
    run = mpack.simulate(START, RULE, steps=20, seed=2**63, record=mpack.every(5), watch=WATCH)
    data = run.to_xarray()
    pd.testing.assert_frame_equal(data.to_dataframe(), run.to_frame())
    assert data.attrs["digest"] == run.digest and data.attrs["seed"] == str(2**63)
    assert "axes" not in data.attrs
    bodies = mpack.Packing.random(n=30, phi=0.3, dim=2, seed=1, axes=(2, 1))
    for kappa, said in ((3.0, 3.0), (None, math.inf)):
        rule = mpack.PairwiseBRO(eps=0.1, rotation=kappa)
        told = mpack.simulate(bodies, rule, steps=2, seed=1).to_xarray().attrs
        assert (told["axes"], told["rotation"]) == ("2 : 1", said)


def test_without_xarray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    run = mpack.simulate(START, RULE, steps=1, seed=3)
    with pytest.raises(ModuleNotFoundError) as caught:
        run.to_xarray()
    assert "Run.to_xarray" in str(caught.value) and "mpack-sgd[xarray]" in str(caught.value)


# --------------------------------------------------------------------------------------------------
# sweeps

SHARED = dict(n=60, dim=2, phi=0.7, steps=40, record=mpack.every(10))


def test_a_sweep_s_row_has_the_values(tmp_path):
    spec = mpack.Spec(RULE, **SHARED, watch={"pairs": "test_watching:pairs", "f": mpack.activity})
    assert '"watch":{"f":"mpack.observables:activity","pairs":"test_watching:pairs"}' in spec.text
    assert ensemble.from_text(spec.text) == spec
    run = spec.run()
    with Store(tmp_path / "runs.sqlite") as store:
        row = mpack.sweep([spec], store, progress=False).iloc[0]
        ensemble.export(store, tmp_path / "archive")
    for one in (row, ensemble.load_archive(tmp_path / "archive").iloc[0]):
        assert one.pairs == run.watched["pairs"][-1] == pairs(run.final)
        watched = one.arrays["watched"]
        assert watched["times"].tolist() == run.times.tolist()
        assert watched["pairs"].tolist() == run.watched["pairs"].tolist()
        assert watched["f"].tolist() == run.activity.tolist()
    assert ensemble.audit(tmp_path / "archive", seconds=5).ok


def test_an_audit_notices_another_function(tmp_path, monkeypatch):
    spec = mpack.Spec(RULE, **SHARED, watch={"pairs": pairs}, observables="packing")
    with Store(tmp_path / "runs.sqlite") as store:
        row = mpack.sweep([spec], store, progress=False).iloc[0]
        ensemble.export(store, tmp_path / "archive")
    monkeypatch.setattr(sys.modules[pairs.__module__], "pairs", lambda packing: 0.5)
    assert not ensemble.audit(tmp_path / "archive", seconds=5).ok
    monkeypatch.undo()
    longer = mpack.simulate(ensemble.resume(row), steps=10)
    assert longer.watched["pairs"][-1] == pairs(longer.final)


def test_a_specification_without_watching_is_as_it_was():
    """Its text, and with it key and noise, are those of versions that watched nothing."""
    assert "watch" not in mpack.Spec(RULE, **SHARED).text
    assert mpack.Spec(RULE, **SHARED, watch=None) == mpack.Spec(RULE, **SHARED, watch={})
    assert len(mpack.specs(RULE, **SHARED, watch={"pairs": pairs, "first": first})) == 1


@pytest.mark.parametrize(
    ("watch", "error", "words"),
    [
        ({"a": lambda p: 1.0}, ValueError, "that others can import"),
        ({"a": WATCH}, TypeError, 'must be a function or "module:function"'),
        ({"a": "pairs"}, ValueError, "as \"module:function\"; got 'pairs'"),
        ({"a": "my file:f"}, ValueError, 'as "module:function"'),
        ({"phi": pairs}, ValueError, "got 'phi'"),
        ([pairs], TypeError, "watch must be a mapping"),
    ],
)
def test_bad_watching_of_a_specification(watch, error, words):
    with pytest.raises(error, match=words):
        mpack.Spec(RULE, **SHARED, watch=watch)


def test_a_function_that_is_not_there_stops_a_run_and_no_table():
    spec = mpack.Spec(RULE, **SHARED, watch={"a": "no_such_module:f"})
    with pytest.raises(ValueError, match=r"watch\['a'\] .* 'no_such_module:f' cannot"):
        spec.run()
    with pytest.raises(ensemble.SweepError, match="1 of 1 runs raised.*no_such_module:f"):
        mpack.sweep([spec], progress=False)
    assert spec.columns()["n"] == 60 and ensemble.from_text(spec.text) == spec


def test_no_column_of_a_table_can_be_watched():
    elsewhere = (
        "gaps",
        "structure_factor",
        "structure_factors",
        "hexatic_order",
        "nematic",
        "turning",
        "turnings",
    )  # arrays, discs, or bodies
    every = {name: {} for name in ensemble.OBSERVABLES if name not in elsewhere}
    how = SHARED | {"phi": 0.3, "n": 64, "dim": 3, "steps": 1}
    every["pair_correlation"] = {"r_max": 1.5}
    spec = mpack.Spec(RULE, **how, observables=every)
    discs = mpack.Spec(RULE, **how | {"dim": 2}, observables="hexatic_order")
    bodies = mpack.Spec(RULE, **how, axes=(1.2, 1, 1), observables=("nematic", "turning"))
    columns = set(mpack.sweep([spec, discs, bodies], progress=False))
    assert columns - _watching.TAKEN == {"flatness_0.015"}
    assert set(_tables.KNOWN) <= _watching.TAKEN
