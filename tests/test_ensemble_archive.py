"""Archives and their audit: replaced whole or not at all, and no stored number can be changed without being found."""

import copy
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
from book import RESULTS, campaigns
from book._tools import archive as archive_tool
from book._tools import audit as audit_tool
from mpack import _archive, _audit, _container, _measures, _rows, _tables, ensemble
from mpack.ensemble import Store

PRECISION = None if int(pd.__version__.split(".")[0]) >= 3 else "round_trip"
ROOT = Path(__file__).parent.parent
SPECS = mpack.specs(
    [mpack.SGD(alpha=0.1, batch_fraction=0.5), mpack.PairwiseBRO(eps=0.05)],
    n=60,
    phi=[0.4, 0.9],
    dim=2,
    steps=80,
    seed=range(2),
    record=(mpack.log_spaced(5), mpack.every(4)),
    observables="contacts",
    checkpoints=2,
)


@pytest.fixture(scope="module")
def results():
    """Finished runs of SPECS."""
    return [outcome for _, outcome in ensemble.results(SPECS, workers=1)]


def exported(folder, results):
    with Store(":memory:") as store:
        store.put_all(copy.deepcopy(results))
        ensemble.export(store, folder)
    return folder


@pytest.fixture
def folder(tmp_path, results):
    return exported(tmp_path / "results" / "sample", results)


# -------------------------------------------------------------------------------------------------------
# replacing


class Cut(Exception):
    """The export was stopped here."""


def test_an_export_stopped_anywhere_leaves_a_whole_archive(tmp_path, results, monkeypatch):
    """For every n until none fires, stopped at the n-th write or renaming: the old archive is read, or the new one."""
    read = []
    for n in range(1, 100):
        folder, calls = exported(tmp_path / str(n), results[:3]), []

        def cutting(do, calls=calls, n=n):
            def either(path, what):
                calls.append(path)
                if len(calls) == n:
                    if do is write:
                        write(path, what[: len(what) // 2])  # half a file
                    raise Cut
                do(path, what)

            return either

        write, rename = _container._write, _container._rename
        with monkeypatch.context() as patch:
            patch.setattr(_container, "_write", cutting(write))
            patch.setattr(_container, "_rename", cutting(rename))
            try:
                exported(folder, results)
                finished = True
            except Cut:
                finished = False
        read.append(len(ensemble.load_archive(folder)))
        with Store(":memory:") as store:
            assert ensemble.import_archive(folder, store) == read[-1]
        exported(folder, results)  # the next export repairs what was left
        assert len(ensemble.load_archive(folder)) == len(results) and not list(folder.glob("*.new"))
        if finished:
            break
    assert (
        finished
        and read[0] == 3
        and read[-1] == len(results)
        and read == sorted(read)
        and len(read) > 8
    )


def test_files_that_are_no_longer_needed_go(tmp_path, results):
    folder = exported(tmp_path / "a", results)
    assert (folder / "arrays.csv.xz").exists()  # checkpoints
    plain = [{**one, "blobs": {"series": one["blobs"]["series"]}} for one in results]
    assert not (exported(folder, plain) / "arrays.csv.xz").exists()


def test_a_damaged_archive_is_told(folder, results):
    for name in ("runs.csv.xz", "series.csv.xz", "arrays.csv.xz"):
        whole = (folder / name).read_bytes()
        for content in (whole[:-1], b"", whole[:50] + bytes([whole[50] ^ 1]) + whole[51:]):
            (folder / name).write_bytes(content)
            with pytest.raises(ensemble.StoreDamaged, match=f"{name} has not the checksum"):
                ensemble.load_archive(folder)
        (folder / name).unlink()
        with pytest.raises(ensemble.StoreDamaged, match=f"{name} has not the checksum"):
            ensemble.load_archive(folder)
        (folder / name).write_bytes(whole)
    ensemble.load_archive(folder)
    manifest = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(manifest.replace('"format": 2', '"format": 3'))
    with pytest.raises(
        ensemble.StoreError, match="format 3, and this version of mpack reads 1 and 2"
    ):
        ensemble.load_archive(folder)
    (folder / "manifest.json").write_text(manifest[:-9])
    with pytest.raises(ensemble.StoreDamaged, match="manifest"):
        ensemble.load_archive(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match="no archive"):
        ensemble.load_archive(folder)


def test_pandas_alone_reads_an_archive_to_the_bit(tmp_path, results):
    """Also floats at the ends of their range, and minus zero."""
    odd = np.array([5e-324, 1.7976931348623157e308, 0.1, -0.0, 1 / 3, 2.2250738585072014e-308])
    (row,) = {k for k, one in enumerate(results) if one["key"] == SPECS[0].key}
    series = _rows.unpack(results[row]["blobs"]["series"])
    energy = np.resize(odd, len(series["energy"]))
    energy[-1] = results[row]["energy"]
    changed_ = rechained(with_series(results[row], energy=energy))
    folder = exported(tmp_path / "sample", [*results[:row], changed_, *results[row + 1 :]])
    runs = pd.read_csv(folder / "runs.csv.xz")
    records = pd.read_csv(folder / "series.csv.xz", float_precision=PRECISION)
    arrays = pd.read_csv(folder / "arrays.csv.xz")
    table = ensemble.load_archive(folder)
    assert runs.spec.tolist() == table.spec.tolist() and runs.digest.tolist() == list(table.digest)
    for run, (own, n) in enumerate(zip(table.series, table.n)):
        mine = records[records.run == run]
        assert mine.step.tolist() == own.times.tolist()
        assert (mine.active / n).tolist() == own.activity.tolist()
        for name in ("energy", "msd"):
            assert mine[name].to_numpy().tobytes() == own.arrays()[name].tobytes()
    assert any(np.array_equal(energy.view(int), one.energy.view(int)) for one in table.series)
    for run, kept, name, kind, shape, values in arrays.itertuples(index=False, name=None):
        array = np.array(values.split(), dtype=kind).reshape([int(k) for k in shape.split()])
        assert np.array_equal(array, table.arrays[run][kept][name])


# What archives were until then: the writer that is gone.


def _planes(values):
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8).T


def as_format_1(folder):
    """Write the series and the arrays of an archive as they were packed before."""
    content = _archive.read(folder)
    sizes = [int(line["n"]) for line in content.lines]
    counts = [np.rint(s.activity * n).astype(int) for s, n in zip(content.series, sizes)]
    parts = {
        "lengths": np.array([len(one) for one in content.series]),
        "times": _planes(np.concatenate([np.diff(s.times, prepend=0) for s in content.series])),
        "counts": _planes(np.concatenate([np.diff(count, prepend=0) for count in counts])),
    }
    for name in ("energy", "msd"):
        kept = [one.arrays()[name] for one in content.series]
        parts[f"has_{name}"] = np.array([one is not None for one in kept], dtype=np.uint8)
        parts[name] = _planes(np.concatenate([one for one in kept if one is not None]))
    blobs = [
        (run, name, _rows.pack_plain(content.arrays(spelled)))
        for run, kept in sorted(content.kept.items())
        for name, spelled in sorted(kept.items())
    ]
    head = json.dumps([[run, name, len(data)] for run, name, data in blobs]).encode()
    files = {
        "runs.csv.xz": (folder / "runs.csv.xz").read_bytes(),
        "series.xz": lzma.compress(_rows.pack_plain(parts)),
        "arrays.xz": lzma.compress(head + b"\n" + b"".join(data for _, _, data in blobs)),
    }
    about = {name: value for name, value in content.manifest.items() if name != "files"}
    _container.put(folder, files, about | {"format": 1})


def test_an_archive_of_before_is_read_audited_and_written_anew(folder, tmp_path):
    """The same rows, bit for bit, and then the same files as if it had never been of format 1."""
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    table = ensemble.load_archive(folder)
    as_format_1(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("arrays.xz", "manifest.json", "runs.csv.xz", "series.xz")
    ]
    before = ensemble.load_archive(folder)
    lists = ["series", "arrays"]
    pd.testing.assert_frame_equal(
        before.drop(columns=lists), table.drop(columns=lists), check_exact=True
    )
    assert ensemble.audit(folder, seconds=0).ok
    with Store(":memory:") as store:
        assert ensemble.import_archive(folder, store) == len(SPECS)
        ensemble.export(store, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_the_manifest_says_what_and_when_and_nothing_of_the_place(folder, results):
    text = (folder / "manifest.json").read_text()
    manifest = json.loads(text)
    assert manifest["runs"] == len(SPECS)
    assert manifest["specifications"]["phi"] == [0.4, 0.9]
    assert manifest["specifications"]["rule"] == ["PairwiseBRO", "SGD"]
    assert manifest["finished"] == [
        min(r["finished"] for r in results),
        max(r["finished"] for r in results),
    ]
    assert manifest["versions"] == [mpack.__version__] and manifest["processors"]
    assert not any(
        word in text
        for word in (str(ROOT), str(folder.parent), os.uname().nodename, os.environ["HOME"])
    )


# -----------------------------------------------------------------------------------------------------------
# audit


def test_an_honest_archive_passes(folder):
    found = ensemble.audit(folder, seconds=60)
    assert found.ok and len(found.replays) == found.rows == len(SPECS) and found.missed(0.01) == 0.0
    assert found.coverage == 1.0  # so short that all was done again
    assert "every bit as stored; all chains hold" in str(found)
    assert found.table().verdict.tolist() == ["every bit as stored"] * len(SPECS)


def changed(result, **changes):
    return {**result, **changes}


def with_series(result, **changes):
    series = _rows.unpack(result["blobs"]["series"]) | changes
    return changed(result, blobs={**result["blobs"], "series": _rows.pack(series)})


def nudged(values, place):
    """One float moved by one unit in the last place."""
    values = values.copy()
    values[place] = np.nextafter(values[place], 2.0)
    return values


def corruptions(result):
    """Name to a result in which one number is false."""
    series = _rows.unpack(result["blobs"]["series"])
    place = len(series["times"]) // 2
    count = series["activity"].copy()
    count[place] = (
        (round(count[place] * 60) + 1) / 60
        if count[place] < 0.5
        else (round(count[place] * 60) - 1) / 60
    )
    for name in ("energy", "msd"):
        yield f"series {name}", with_series(result, **{name: nudged(series[name], place)})
        yield name, changed(result, **{name: math.nextafter(result[name], 9.0)})
    yield "series activity", with_series(result, activity=count)
    yield "steps", changed(result, steps=result["steps"] + 1)
    yield "digest", changed(result, digest="0" + result["digest"][1:][::-1])
    yield "marks", changed(result, marks=[[0, "0" * 16], *result["marks"][1:]])
    yield "absorbed", changed(result, absorbed=not result["absorbed"])


def rechained(result):
    """With the chain made anew: what a forger would do."""
    series = _rows.Series(**_rows.unpack(result["blobs"]["series"]))
    return changed(result, chain=_rows.chain(result["key"], result["marks"], series, result))


def audit(folder, *arguments):
    """`make audit` on the archives beside `folder`: its exit status and what it wrote to audit.json."""
    report = folder.parent / "audit.json"
    status = audit_tool.main(list(arguments), results=folder.parent, report=report)
    return status, json.loads(report.read_text()) if report.exists() else None


@pytest.mark.parametrize("forged", [False, True])
def test_one_false_number_is_found(tmp_path, results, capsys, forged):
    """In a row that the audit is made to take. A forger makes the chain anew: then only doing the run again tells."""
    row = next(place for place, one in enumerate(results) if not one["absorbed"])
    for name, false in corruptions(results[row]):
        false = rechained(false) if forged else false
        folder = exported(tmp_path / name / "sample", [*results[:row], false, *results[row + 1 :]])
        status, report = audit(folder, "--seconds", "0", "--row", false["key"])
        assert status == 1, name
        (found,) = report
        assert found["broken"] == ([] if forged else [false["key"]]), name
        replay = found["replays"][0]
        assert replay["key"] == false["key"] and (replay["wrong"] or not forged), name
        said = capsys.readouterr().out
        assert "AUDIT FAILED" in said and false["key"][:12] in said, name


def test_what_no_digest_covers_is_done_again_as_well(tmp_path, results):
    """Observables and derived numbers, to 1e-9."""
    folder = exported(
        tmp_path / "sample", [changed(one, numbers=one["numbers"] | {"z": 7.0}) for one in results]
    )
    found = ensemble.audit(folder, seconds=0)
    assert not found.ok and not found.broken
    assert any("z is stored as 7.0" in sentence for sentence in found.replays[0].wrong)


def test_observables_of_long_runs_are_done_again_if_asked(tmp_path, results, monkeypatch):
    false = [changed(one, numbers=one["numbers"] | {"z": 7.0}) for one in results]
    folder = exported(tmp_path / "sample", false)
    monkeypatch.setattr(_audit, "BUDGET", 100)  # as if these runs were long
    assert ensemble.audit(folder, seconds=60).ok
    found = ensemble.audit(folder, seconds=0, whole=True)
    assert "z is stored as 7.0" in found.replays[0].wrong[0]
    assert audit(folder, "--seconds", "0", "--whole")[0] == 1


def test_what_was_observed_is_told_beforehand():
    """The names that each observable is to give are those that it gives, with any options."""
    rule = mpack.PairwiseBRO(eps=0.1)
    spheres = [mpack.Spec(rule, n=300, phi=0.6, dim=dim, steps=2) for dim in (2, 3)]
    bodies = mpack.Spec(rule, n=100, phi=0.4, dim=3, steps=2, axes=(1.4, 1, 1))
    looks = {"looks": 2, "apart": 1}
    options = {
        "flatness": {"sigmas": (0.01,), "sampled": (0.02,), "samples": 10},
        "turnings": looks,
        "structure_factors": looks | {"q_max": 4.0},
    }
    for name, observable in ensemble.OBSERVABLES.items():
        spec = (
            bodies if name in _measures.OF_BODIES_ALONE + ("contact_correlation",) else spheres[1]
        )
        spec = spheres[0] if name == "hexatic_order" else spec
        given = observable.options(options.get(name, {}))
        numbers, arrays = _measures.measured(spec.run(), ((name, given),))
        assert tuple(sorted(numbers)) == tuple(sorted(observable.names(dict(given)))), name
        assert tuple(arrays.get(name, ())) == observable.arrays, name


def test_a_packing_that_was_kept_is_held_against_its_digest(results):
    """And what was observed on it is observed again, without doing the run again."""
    spec = mpack.Spec(
        mpack.PairwiseBRO(eps=0.1),
        n=60,
        phi=0.9,
        dim=2,
        steps=400,
        observables=("contacts", "packing"),
    )
    result = _rows.produce(spec.text)
    assert not _audit.replay(result, budget=0).wrong
    kept = _rows.unpack(result["blobs"]["packing"])
    moved = kept | {"fixed": kept["fixed"] + 1}
    false = changed(result, blobs=result["blobs"] | {"packing": _rows.pack(moved)})
    assert _audit.replay(false, budget=0).wrong == (
        "the last packing that was kept has not the digest of the row",
    )
    false = changed(result, numbers=result["numbers"] | {"z": 0.0})
    assert "z is stored as 0.0" in _audit.replay(false, budget=0).wrong[0]


def long_result():
    """A run longer than the audit's budget, with checkpoints."""
    spec = mpack.Spec(
        mpack.PairwiseBRO(eps=0.1),
        n=60,
        phi=0.9,
        dim=2,
        steps=4000,
        record=mpack.every(200),
        checkpoints=3,
    )
    return _rows.produce(spec.text)


def test_late_parts_are_reached_from_a_checkpoint(monkeypatch):
    """Of a row beyond the budget the beginning and a stretch from a checkpoint; a forgery in that stretch is found."""
    monkeypatch.setattr(_rows, "STRETCH", 60 * 500)
    result = long_result()
    replay = _audit.replay(result, "salt", budget=60 * 300)
    assert not replay.wrong and replay.steps == 250 and replay.late[1] - replay.late[0] == 500
    series = _rows.unpack(result["blobs"]["series"])
    inside = int(np.searchsorted(series["times"], replay.late[0] + 1))
    late = with_series(result, energy=nudged(series["energy"], inside))
    assert "energy at step" in _audit.replay(late, "salt", budget=60 * 300).wrong[0]
    kept = _rows.unpack(result["blobs"][f"checkpoint {replay.late[0]}"])
    moved = kept | {
        "fixed": kept["fixed"] ^ (np.arange(kept["fixed"].size) == 0).reshape(kept["fixed"].shape)
    }
    blobs = result["blobs"] | {f"checkpoint {replay.late[0]}": _rows.pack(moved)}
    assert (
        "has not the digest of its mark"
        in _audit.replay(changed(result, blobs=blobs), "salt", 60 * 300).wrong[0]
    )
    chosen = {_audit.replay(result, str(salt), budget=60 * 300).late for salt in range(8)}
    assert len(chosen) > 1  # other commits, other checkpoints


def test_rows_are_drawn_by_the_salt_and_evenly(folder, results):
    """Each of 8 rows comes first equally often over 400 salts: chi2 with 7 degrees of freedom.

    Nothing random: the salts are fixed, so this cannot be a false alarm. The bound 24 is at p =
    0.001.
    """
    found = ensemble.audit(folder, seconds=0, salt="a commit")
    assert found.salt == "a commit" and len(found.replays) == 1
    keys = [result["key"] for result in results]
    assert found.replays[0].key == min(keys, key=lambda key: _audit._drawn(found.salt, key))
    firsts = [min(keys, key=lambda key: _audit._drawn(str(salt), key)) for salt in range(400)]
    counts = np.array([firsts.count(key) for key in keys])
    assert np.sum((counts - 50) ** 2 / 50) < 24


def test_without_a_salt_the_archive_itself_draws(folder):
    one, other = ensemble.audit(folder, seconds=0), ensemble.audit(folder, seconds=0)
    assert len(one.salt) == 64 and one.salt == other.salt and one.ok


def test_only_rows_of_the_dimensions_that_are_asked_for(tmp_path):
    """Two rows in the plane and one in space: of the two, one is false with certainty once both were drawn."""
    rule = mpack.PairwiseBRO(eps=0.1)
    some = [
        mpack.Spec(rule, n=20, phi=0.1, steps=5, seed=seed, dim=dim)
        for seed, dim in ((1, 2), (2, 2), (1, 3))
    ]
    with ensemble.Store(":memory:") as store:
        mpack.sweep(some, store, progress=False)
        ensemble.export(store, tmp_path / "both")
    for dims, drawn in (((2,), 2), ((3,), 1), ((2, 3), 3), (None, 3)):
        found = ensemble.audit(tmp_path / "both", seconds=60, dims=dims)
        assert found.ok and len(found.replays) == drawn and found.rows == 3
        assert found.left_out == found.plain()["left_out"] == 3 - drawn
        assert (f"of 3 rows ({3 - drawn} left out)" in str(found)) == (drawn < 3)
        assert found.missed(0.5) == 0
    with pytest.raises(ValueError, match=r"dims must hold a dimension of both; got \[4, 5\]"):
        ensemble.audit(tmp_path / "both", dims=(4, 5))
    with pytest.raises((TypeError, ValueError), match="dims"):
        ensemble.audit(tmp_path / "both", dims=2)


def test_rows_with_a_long_start_are_left_to_an_audit_that_has_the_time(tmp_path):
    rule = mpack.PairwiseBRO(eps=0.1)
    first = mpack.Spec(rule, n=20, phi=0.1, steps=50, seed=1)
    rows = [mpack.Spec(rule, n=20, phi=0.1, steps=5, seed=k) for k in (2, 3)]
    rows.append(mpack.Spec(rule, n=20, phi=0.1, steps=5, seed=4, start=first))
    with ensemble.Store(":memory:") as store:
        mpack.sweep(rows, store, progress=False)
        ensemble.export(store, tmp_path / "begun")
    found = ensemble.audit(tmp_path / "begun", seconds=60, starts=999)
    assert (len(found.replays), found.left_out) == (2, 1) and found.ok
    for starts in (None, 1_000):  # 20 particles, 50 steps
        assert len(ensemble.audit(tmp_path / "begun", seconds=60, starts=starts).replays) == 3
    with ensemble.Store(":memory:") as store:
        mpack.sweep(rows[2:], store, progress=False)
        ensemble.export(store, tmp_path / "late")
    with pytest.raises(ValueError, match="starts must leave a row of late; all take more than 10"):
        ensemble.audit(tmp_path / "late", starts=10)


def test_the_chance_to_miss():
    """Hypergeometric, against scipy and the limit (1 - f)**k."""
    from scipy.stats import hypergeom

    for rows, drawn in ((8, 1), (8, 8), (1000, 40), (5, 3)):
        found = ensemble.Audit("a", "salt", rows, 1, [None] * drawn, [])
        for share in (0.01, 0.2, 1.0):
            false = max(1, math.ceil(share * rows - 1e-9))
            assert found.missed(share) == pytest.approx(
                hypergeom.pmf(0, rows, false, drawn), abs=1e-12
            )
    assert ensemble.Audit("a", "s", 10**6, 1, [None] * 40, []).missed(0.05) == pytest.approx(
        0.95**40, rel=1e-3
    )


def test_the_book_s_own_archives_hold_and_fit():
    """Every row of every archive of the book makes its chain and follows from its specification; all below 60 MB."""
    folders = ensemble.archives(RESULTS)
    assert "example" in [folder.name for folder in folders]
    for folder in folders:
        found = _audit.Auditor(folder).found()
        assert found.ok, found
        assert not list(folder.glob("*.new"))
    assert sum(path.stat().st_size for path in RESULTS.rglob("*") if path.is_file()) < 60e6


# ----------------------------------------------------------------------------------------------------
# make archive


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """The archive tool with folders of its own and a small campaign, `tiny`."""
    monkeypatch.setattr(archive_tool, "WORK", tmp_path / "work")
    monkeypatch.setattr(archive_tool, "LOCK", tmp_path / "work" / "lock")
    monkeypatch.setattr(archive_tool, "LOG", tmp_path / "work" / "log.txt")
    monkeypatch.setattr(archive_tool, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(campaigns, "everything", lambda: {"tiny": SPECS, "other": SPECS[:2]})
    return tmp_path


def test_make_archive_does_what_is_missing(workshop, capsys, monkeypatch):
    assert archive_tool.main(["tiny", "--minutes", "0"]) == 0
    assert "0 runs done" in capsys.readouterr().out
    assert archive_tool.main(["--workers", "1"]) == 0
    assert f"{len(SPECS)} runs done" in capsys.readouterr().out
    assert len(ensemble.load_archive(workshop / "results" / "tiny")) == len(SPECS)
    assert len(ensemble.load_archive(workshop / "results" / "other")) == 2
    before = (workshop / "results" / "tiny" / "manifest.json").read_bytes()
    for path in (workshop / "work").glob("*.sqlite"):
        path.unlink()  # a fresh clone has the exported files alone
    assert archive_tool.main(["--workers", "1"]) == 0
    assert "0 runs done" in capsys.readouterr().out
    assert (workshop / "results" / "tiny" / "manifest.json").read_bytes() == before
    assert archive_tool.main(["nothing"]) == 2
    assert "no campaign 'nothing'" in capsys.readouterr().out


def test_what_another_rule_derived_is_derived_anew(workshop, monkeypatch):
    """When it is read, and in the files by `make archive`; an audit does not hold the old values against a row."""
    archive_tool.main(["tiny", "--workers", "1"])
    folder = workshop / "results" / "tiny"
    for module in (_archive, _tables):
        monkeypatch.setattr(module, "RULE", 99)
    new = {name: float("nan") if kind is float else False for name, kind in _tables.DERIVED.items()}
    for module in (_archive, _tables, _audit):
        monkeypatch.setattr(module, "derived", lambda series: new)
    assert not ensemble.derived_now(folder) and ensemble.load_archive(folder).f_inf.isna().all()
    assert ensemble.audit(folder, seconds=0).ok
    archive_tool.main(["tiny", "--workers", "1"])
    assert ensemble.derived_now(folder)
    (kept,) = {line["f_inf"] for line in _archive.read(folder).lines}
    assert kept == "nan"


def test_make_archive_begins_with_the_first_repeats(workshop, monkeypatch):
    begun = []
    monkeypatch.setattr(
        ensemble, "produce", lambda text, *_, **__: begun.append(text) or _rows.produce(text)
    )
    archive_tool.main(["tiny", "--workers", "1"])
    assert [ensemble.from_text(text).seed for text in begun] == [0] * 4 + [1] * 4


def test_make_archive_goes_on_after_a_run_that_raises(workshop, monkeypatch, capsys):
    def failing(text, *_, **__):
        if ensemble.from_text(text) == SPECS[3]:
            raise ArithmeticError("no such number")
        return _rows.produce(text)

    monkeypatch.setattr(ensemble, "produce", failing)
    assert archive_tool.main(["tiny", "--workers", "1"]) == 1
    assert "ArithmeticError: no such number" in capsys.readouterr().out
    assert len(ensemble.load_archive(workshop / "results" / "tiny")) == len(SPECS) - 1


def test_one_archive_run_at_a_time(workshop, capsys):
    (workshop / "work").mkdir()
    with archive_tool.alone() as first:
        assert first
        assert archive_tool.main(["tiny"]) == 1
        assert "continued already" in capsys.readouterr().out
    assert archive_tool.main(["--status"]) == 0
    assert "No archive run" in capsys.readouterr().out


LONG = """
import sys
from pathlib import Path
import mpack
from book._tools import archive
from book import campaigns
archive.WORK = Path(sys.argv[1]) / "work"
archive.LOCK, archive.RESULTS = archive.WORK / "lock", Path(sys.argv[1]) / "results"
rule = mpack.SGD(alpha=0.1, batch_fraction=1.0)
short, long = mpack.specs(rule, n=60, phi=[0.2, 1.2], dim=2, steps=10**9, record=())
campaigns.everything = lambda: {"tiny": [short, long]}
sys.exit(archive.main(["--workers", "2"]))
"""


def test_make_archive_is_ended_by_stop(workshop, capsys):
    """The second run would take hours: stopped, the tool ends at once, well, with the first one exported."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LONG, str(workshop)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as tool:
        for line in tool.stdout:
            if line.startswith("exported tiny: 1 runs"):
                break
        assert archive_tool.main(["--stop"]) == 0
        assert f"Asked process {tool.pid} to export" in capsys.readouterr().out
        tool.communicate(timeout=120)
    assert tool.returncode == 0
    assert len(ensemble.load_archive(workshop / "results" / "tiny")) == 1


def test_campaigns_are_named_and_distinct():
    everything = campaigns.everything()
    assert "example" in everything and all(
        name == name.lower() and "_" not in name for name in everything
    )
    for name, specs in everything.items():
        assert len({spec.key for spec in specs}) == len(specs) > 0, name


def test_the_process_is_told_by_a_table_and_stored_nowhere(tmp_path):
    rules = [mpack.SGD(0.1, 1.0), mpack.PairwiseBRO(0.1).approximation()]
    with ensemble.Store(tmp_path / "runs.sqlite") as store:
        table = mpack.sweep(mpack.specs(rules, n=30, phi=0.3, steps=2), store, progress=False)
        ensemble.export(store, tmp_path / "archive")
    read = ensemble.load_archive(tmp_path / "archive")
    assert sorted(table.process) == sorted(read.process) == ["BRO approximation", "GD"]
    (line, *_) = _archive.read(tmp_path / "archive").lines
    assert "process" not in line and list(line)[:2] == ["rule", "approximation"]
