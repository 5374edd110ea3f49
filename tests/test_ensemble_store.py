"""The store survives: killed drivers, failing writes, damage, a second driver, and the same run twice."""

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import killer
import numpy as np
import pandas as pd
import pytest

import mpack
from mpack import _rows, _store, ensemble
from mpack._engine import cut_sums
from mpack.ensemble import Store

ROOT = Path(__file__).parent.parent
SPECS = mpack.specs(
    mpack.PairwiseBRO(eps=0.1),
    n=30,
    phi=[0.3, 0.5],
    dim=2,
    steps=10,
    seed=range(3),
    record=(),
    checkpoints=1,
)


@pytest.fixture(scope="module")
def finished():
    """The results of SPECS, by key."""
    return {spec.key: outcome for spec, outcome in ensemble.results(SPECS, workers=1)}


@pytest.fixture
def ready(finished, monkeypatch):
    """Runs take no time: their results are known already. Nor do pauses between tries of a write."""
    monkeypatch.setattr(
        ensemble, "produce", lambda text, *_, **__: dict(finished[ensemble.from_text(text).key])
    )
    monkeypatch.setattr(_store, "PATIENCE", (0.0, 0.0))


def contents(path):
    """All rows of a store."""
    with Store(path) as store:
        return {key: store.get(key) for key in store.keys()}


def assert_all_there(path, finished):
    rows = contents(path)
    assert rows.keys() == finished.keys()
    for key, row in rows.items():
        assert row == finished[key]


def program(script, *arguments):
    """A script in a process of its own; its last line of output as JSON."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, *script, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# --------------------------------------------------------------------------------------------------------
# killed


@pytest.mark.slow
def test_fifty_kills_lose_and_duplicate_nothing(tmp_path, seed):
    """kill -9 at 50 random moments: no row vanishes, none is computed twice, at most the runs in flight are lost."""
    path = tmp_path / "killed.sqlite"
    seen = program([ROOT / "tests" / "killer.py"], path, 50, seed)
    assert seen["killed"] >= 45 and seen["rows"] > 0, seen  # fewer only if sweeps came to their end
    assert seen["vanished"] == seen["again"] == 0, seen
    assert seen["most_lost"] <= killer.WORKERS, seen
    specs = killer.some()
    table = mpack.sweep(specs, store=path, progress=False)
    assert list(table.key) == [spec.key for spec in specs]
    for place in range(0, len(specs), 30):
        assert table.digest[place] == specs[place].run().digest


def test_the_harness_would_see_a_row_done_twice(tmp_path, monkeypatch):
    """Negative control: a sweep that forgets what is stored is found out."""
    monkeypatch.setattr(Store, "__contains__", lambda self, key: False)
    calls, produce = [], ensemble.produce
    monkeypatch.setattr(
        ensemble, "produce", lambda text, *_, **__: calls.append(text) or produce(text)
    )
    for _ in range(2):
        mpack.sweep(SPECS[:2], store=tmp_path / "s.sqlite", progress=False)
    assert len(calls) == 4 and len(set(calls)) == 2


INTERRUPTED = """
import json, os, signal, sys, threading
import mpack
from mpack.ensemble import Store

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits SIGINT ignored

def put(store, result, put=Store.put):
    put(store, result)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

Store.put = put
specs = mpack.specs(mpack.SGD(alpha=0.1, batch_fraction=1.0), n=200, phi=[0.3, 1.2], dim=2, steps=10**9, record=())
try:
    mpack.sweep(specs, store=sys.argv[1], progress=False, workers=2)
except KeyboardInterrupt as stop:
    print(json.dumps({"threads": threading.active_count(), "said": stop.__notes__}))
"""


@pytest.mark.slow
def test_an_interrupt_ends_the_runs_in_flight(tmp_path):
    """The second run would take hours; the first, absorbed at once, is stored."""
    path = tmp_path / "s.sqlite"
    said = [f"1 of 2 runs kept in {path}; the same call does the others"]
    assert program(["-c", INTERRUPTED], path) == {"threads": 1, "said": said}
    assert len(contents(path)) == 1


# ------------------------------------------------------------------------------------------------
# writes that fail


class Failing:
    """Makes the writes of all stores fail: the n-th, or from the n-th on; before or after it was done."""

    def __init__(self, monkeypatch, n, *, once, after=False):
        self.calls, self.n, self.once, self.after = 0, n, once, after
        self.fired, self.write = False, Store._write
        monkeypatch.setattr(Store, "_write", lambda store, *what: self(store, *what))

    def __call__(self, store, *what):
        self.calls += 1
        fails = self.calls == self.n if self.once else self.calls >= self.n
        self.fired |= fails
        if self.after or not fails:
            self.write(store, *what)
        if fails:
            raise sqlite3.OperationalError("disk I/O error")


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_one_failing_write_loses_nothing(tmp_path, monkeypatch, ready, finished, after):
    """For every n until none fires: either the store cannot be opened, and can be the next time, or all rows are in."""
    for n in itertools.count(1):
        path = tmp_path / f"{n}.sqlite"
        with monkeypatch.context() as patch:
            failing = Failing(patch, n, once=True, after=after)
            try:
                table = mpack.sweep(SPECS, store=path, progress=False, workers=1)
                assert len(table) == len(SPECS)
            except ensemble.StoreError as error:
                assert (
                    "disk I/O error" in str(error) and failing.calls <= 8
                )  # while it was being opened
                mpack.sweep(SPECS, store=path, progress=False, workers=1)
        assert_all_there(path, finished)
        if not failing.fired:
            break
    assert n > 5 * len(SPECS)


@pytest.mark.slow
def test_writes_that_go_on_failing_lose_no_row_that_was_in(tmp_path, monkeypatch, ready, finished):
    """For every n until none fires: rows put before the n-th write are there, and the next sweep does the rest."""
    put = []
    for n in itertools.count(1):
        path, stored = tmp_path / f"{n}.sqlite", []
        with monkeypatch.context() as patch:
            failing = Failing(patch, n, once=False)
            commit = Store._put
            patch.setattr(
                Store,
                "_put",
                lambda store, new: commit(store, new) or stored.extend(one["key"] for one in new),
            )
            try:
                mpack.sweep(SPECS, store=path, progress=False, workers=1)
            except ensemble.StoreError as error:
                assert "disk I/O error" in str(error)
        assert set(contents(path)) == set(stored)
        put.append(len(stored))
        mpack.sweep(SPECS, store=path, progress=False, workers=1)
        assert_all_there(path, finished)
        if not failing.fired:
            break
    assert sorted(set(put)) == list(range(len(SPECS) + 1))  # failures came between all rows


def test_a_full_disk_is_waited_for(tmp_path, monkeypatch, ready, finished):
    """Runs that finish while nothing can be written are held, and written once it can."""
    path, calls = tmp_path / "s.sqlite", itertools.count()
    write = Store._write

    def sometimes(store, statement, *more):
        if statement.startswith("INSERT") and next(calls) < 9:
            raise sqlite3.OperationalError("database or disk is full")
        return write(store, statement, *more)

    monkeypatch.setattr(Store, "_write", sometimes)
    mpack.sweep(SPECS, store=path, progress=False, workers=1)
    assert_all_there(path, finished)


LIMITED = """
import json, resource, signal, sys
import mpack
from mpack import _rows, _store, ensemble
from mpack._engine import cut_sums
import test_ensemble_store as here
_store.PATIENCE = (0.0,)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
finished = {spec.key: outcome for spec, outcome in ensemble.results(here.SPECS, workers=1)}
ensemble.produce = lambda text, *_, **__: dict(finished[ensemble.from_text(text).key])
counts = []
for kilobytes in range(4, 80, 4):
    path = f"{sys.argv[1]}/{kilobytes}.sqlite"
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, resource.RLIM_INFINITY))
    try:
        mpack.sweep(here.SPECS, store=path, progress=False, workers=1)
    except ensemble.StoreError as error:
        assert "full" in str(error) or "I/O" in str(error), error
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    rows = here.contents(path)
    assert all(row == finished[key] for key, row in rows.items())
    counts.append(len(rows))
    mpack.sweep(here.SPECS, store=path, progress=False, workers=1)
    here.assert_all_there(path, finished)
print(json.dumps(counts))
"""


@pytest.mark.slow
def test_a_disk_that_is_really_full(tmp_path):
    """The system refuses to let the file grow beyond a limit, in the midst of whatever SQLite was writing."""
    counts = program(["-c", LIMITED], tmp_path)
    assert (
        counts[0] == 0
        and counts[-1] == len(SPECS)
        and counts == sorted(counts)
        and len(set(counts)) > 2
    ), counts


# --------------------------------------------------------------------------------------------------------
# damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory, finished):
    """The bytes of a store that holds all of SPECS."""
    path = tmp_path_factory.mktemp("sound") / "s.sqlite"
    with Store(path) as store:
        store.put_all(list(finished.values()))
    return path.read_bytes()


def read_or_refuse(path, finished):
    """True if a store was refused with a clear error; its rows are right otherwise."""
    try:
        rows = contents(path)
    except ensemble.StoreError as error:
        assert str(path) in str(error)
        return True
    assert rows == finished
    return False


def test_any_damaged_byte_is_told_or_harmless(tmp_path, sound, finished, seed):
    """400 random bytes, one at a time: the store says it is damaged, or every row is as it was."""
    random = np.random.default_rng(seed)
    path, told = tmp_path / "s.sqlite", 0
    for place in random.integers(0, len(sound), 400):
        damaged = bytearray(sound)
        damaged[place] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        told += read_or_refuse(path, finished)
    assert told > 100  # most of the file is rows


def test_a_truncated_store_is_told(tmp_path, sound, finished):
    path = tmp_path / "s.sqlite"
    for size in range(1, len(sound), len(sound) // 40):
        path.write_bytes(sound[:size])
        assert read_or_refuse(path, finished), size


def test_what_is_no_store_is_told(tmp_path):
    text, other = tmp_path / "text.sqlite", tmp_path / "other.sqlite"
    text.write_text("no database " * 1000)
    with pytest.raises(ensemble.StoreDamaged, match="damaged"):
        Store(text)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE runs (key)")
    connection.close()
    with pytest.raises(ensemble.StoreDamaged, match="no store of runs"):
        Store(other)
    with pytest.raises(ensemble.StoreError, match="no folder"):
        Store(tmp_path / "missing" / "s.sqlite")


def test_a_store_of_another_format_is_told(tmp_path, sound):
    path = tmp_path / "s.sqlite"
    path.write_bytes(sound)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ensemble.StoreError, match="format 99"):
        Store(path)


def test_a_changed_row_is_told_though_sqlite_finds_it_sound(tmp_path, sound):
    path = tmp_path / "s.sqlite"
    path.write_bytes(sound)
    with sqlite3.connect(path) as connection:
        connection.execute(
            """UPDATE runs SET result = replace(result, '"steps": 10', '"steps": 11')"""
        )
    connection.close()
    with pytest.raises(ensemble.StoreDamaged, match="checksum of row"):
        Store(path)


# ---------------------------------------------------------------------------------------------- one
# driver, one truth


def test_a_driver_in_another_process_gets_a_sentence(tmp_path):
    path = tmp_path / "s.sqlite"
    script = "import sys; from mpack.ensemble import Store; Store(sys.argv[1]); print('1', flush=True); input()"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen([sys.executable, "-c", script, str(path)], **pipes) as other:
        assert other.stdout.readline() == "1\n"
        with pytest.raises(ensemble.StoreInUse, match="in use by another driver"):
            mpack.sweep(SPECS, store=path, progress=False)
        other.send_signal(signal.SIGKILL)
    Store(path).close()  # a killed driver holds nothing


def test_a_run_computed_twice_must_be_the_same(tmp_path, finished):
    one = next(iter(finished.values()))
    with Store(tmp_path / "a.sqlite") as store:
        store.put(one)
        store.put({**one, "wall": 99.0, "finished": "later", "cpu": "another"})  # these may differ
        assert store.get(one["key"]) == one
        for name, value in {
            "digest": "0" * 32,
            "chain": "0" * 32,
            "steps": 3,
            "absorbed": None,
        }.items():
            with pytest.raises(ensemble.DigestMismatch, match=f"computed twice .* {name} is"):
                store.put({**one, name: value})
    with Store(tmp_path / "b.sqlite") as store:
        store.put({**one, "digest": "0" * 32})
    with pytest.raises(ensemble.DigestMismatch, match=one["key"]):
        ensemble.merge(tmp_path / "a.sqlite", tmp_path / "b.sqlite")
    assert contents(tmp_path / "a.sqlite") == {one["key"]: one}


def test_stores_merge(tmp_path, finished):
    results = list(finished.values())
    for name, part in {"a": results[:4], "b": results[2:], "c": []}.items():
        with Store(tmp_path / f"{name}.sqlite") as store:
            store.put_all(part)
    assert ensemble.merge(*(tmp_path / f"{name}.sqlite" for name in "abc")) == 2
    assert_all_there(tmp_path / "a.sqlite", finished)
    assert len(contents(tmp_path / "b.sqlite")) == 4


@pytest.fixture(scope="module")
def cut_and_exact():
    """A run of tiny overlaps with sums as they were up to version 0.1, and as they are."""
    rule = mpack.SGD(alpha=0.3, batch_fraction=0.5, potential=mpack.Harmonic())
    spec = mpack.Spec(rule, n=30, phi=0.5, dim=2, steps=200, record=(mpack.every(50),))
    with cut_sums():
        before = ensemble.produce(spec.text)
    after = ensemble.produce(spec.text)
    assert before["energy"] < after["energy"] and before["chain"] != after["chain"]
    return before, after


@pytest.mark.parametrize("first", [0, 1])
def test_runs_whose_energies_are_archived_cut_merge_with_a_rerun(tmp_path, cut_and_exact, first):
    """In either order; what is there stays."""
    one, other = cut_and_exact[first], cut_and_exact[1 - first]
    with Store(":memory:") as kept, Store(":memory:") as archived:
        archived.put(other)
        ensemble.export(archived, tmp_path / "runs")
        kept.put(one)
        assert ensemble.import_archive(tmp_path / "runs", kept) == 0
        assert ensemble.merge(kept, archived) == 0
        assert kept.get(one["key"]) == one


def retold(result, marks=None, **series):
    """A result with another series and other marks, and the chain that they make."""
    arrays = _rows.unpack(result["blobs"]["series"]) | series
    blobs = {**result["blobs"], "series": _rows.pack(arrays)}
    row = {**result, "blobs": blobs, "marks": marks or result["marks"]}
    chain = _rows.chain(row["key"], row["marks"], _rows.Series(**arrays), row)
    return {**row, "chain": chain}


@pytest.mark.parametrize(
    "change",
    [
        lambda energy, **_: {"energy": energy + 1e-13},  # more than all pairs can lose
        lambda energy, **_: {"energy": np.where(energy > 1e-3, energy * (1 + 2e-16), energy)},
        lambda msd, **_: {"msd": msd + 1e-15},
        lambda activity, **_: {"activity": activity[::-1].copy()},
        lambda times, **_: {"times": times + (times == 50)},
        lambda marks, **_: {"marks": [*marks[:2], [marks[2][0], "0" * 16], *marks[3:]]},
    ],
)
def test_other_differences_are_no_cut_sums(cut_and_exact, change):
    """Though the numbers of each make their chain: displacements, too large a share, a digest on the way."""
    one = cut_and_exact[1]
    other = retold(one, **change(**_rows.unpack(one["blobs"]["series"]), marks=one["marks"]))
    assert other["chain"] != one["chain"] and retold(one)["chain"] == one["chain"]
    with Store(":memory:") as store:
        store.put(one)
        with pytest.raises(ensemble.DigestMismatch, match="chain is"):
            store.put(other)
        assert store.get(one["key"]) == one


def test_a_store_is_for_one_thread(tmp_path):
    """The driver alone writes: another thread of it is refused by SQLite itself."""
    raised = []

    def other(store):
        try:
            store.keys()
        except sqlite3.ProgrammingError as error:
            raised.append(error)

    with Store(tmp_path / "s.sqlite") as store:
        thread = threading.Thread(target=other, args=(store,))
        thread.start()
        thread.join()
    assert raised


# ------------------------------------------------------------------------------------------------
# looked at while it is written

SWEEPING = """
import sys, mpack
rule = mpack.PairwiseBRO(eps=0.2)
some = mpack.specs(rule, n=20, phi=[0.2, 0.3], steps=4, dim=2, seed=range(20), record=())
with mpack.ensemble.Store(sys.argv[1]) as store:
    mpack.sweep(some[:15], store, progress=False, workers=1)
    print("some are done", flush=True)
    sys.stdin.readline()
    mpack.sweep(some, store, progress=False, workers=1)
"""


def plain(table):
    return table.drop(columns=["wall", "finished", "series", "arrays"])


def test_a_store_is_read_while_another_process_writes_it(tmp_path):
    path = tmp_path / "s.sqlite"
    with pytest.raises(ensemble.StoreError, match="there is no such file"):
        ensemble.load(path)
    seen = []
    with subprocess.Popen(
        [sys.executable, "-c", SWEEPING, str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "some are done\n"
        seen.append(ensemble.load(path))  # the driver holds the store, and waits
        other.stdin.write("\n")
        other.stdin.flush()
        while other.poll() is None:
            seen.append(ensemble.load(path))
        assert other.returncode == 0  # the driver did not notice
    rule = mpack.PairwiseBRO(eps=0.2)
    some = mpack.specs(rule, n=20, phi=[0.2, 0.3], steps=4, dim=2, seed=range(20), record=())
    final = plain(mpack.sweep(some, path, progress=False)).set_index("key", drop=False)
    lengths = [len(table) for table in seen]
    assert lengths == sorted(lengths) and lengths[0] == 15
    for table in seen[:: max(1, len(seen) // 20)]:
        if len(table):
            pd.testing.assert_frame_equal(plain(table), final.loc[table.key].reset_index(drop=True))
    assert ensemble.load(path, some[::-1]).key.tolist() == final.key.tolist()[::-1]


def test_a_store_is_read_in_the_midst_of_a_transaction(tmp_path, finished):
    """Half of the pages are on disk already: without the journal, this would be no store."""
    path, results = tmp_path / "s.sqlite", list(finished.values())
    with Store(path) as store:
        store.put_all(results[:2])
        store._connection.execute("PRAGMA cache_size = 1")
        store._connection.execute("BEGIN IMMEDIATE")
        store._connection.execute("UPDATE runs SET spec = 'half'")
        for k in range(300):
            store._connection.execute(
                "INSERT INTO blobs VALUES (?, 'x', ?)", (f"{k:064}", os.urandom(3000))
            )
        assert sorted(ensemble.load(path).key) == sorted(one["key"] for one in results[:2])
        shutil.copy(path, tmp_path / "copy")
        with pytest.raises(ensemble.StoreDamaged, match="checksum|arrays of runs"):
            ensemble.load(tmp_path / "copy")
        store._connection.execute("ROLLBACK")
        assert len(ensemble.load(path)) == 2


def test_a_look_at_a_store_does_not_open_it_to_other_drivers(tmp_path):
    """A process that closes a file loses its locks on it, whoever in it holds them."""
    path = tmp_path / "s.sqlite"
    script = "import sys; from mpack.ensemble import Store; Store(sys.argv[1])"
    command = [sys.executable, "-c", script, str(path)]
    how = {"env": os.environ | {"PYTHONPATH": str(ROOT)}, "capture_output": True}
    with Store(path) as store:
        for _ in range(3):
            assert len(ensemble.load(path)) == 0
        assert len(store.readers) == 1
        done = subprocess.run(command, check=False, **how)
        assert b"in use by another driver" in done.stderr
    assert len(ensemble.load(path)) == 0 and not store.readers
    assert subprocess.run(command, check=False, **how).returncode == 0


def test_what_is_loaded_is_not_touched_and_must_be_a_store(tmp_path, finished):
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.put_all(list(finished.values()))
    path.chmod(0o444)
    before = path.read_bytes(), path.stat().st_mtime_ns
    table = ensemble.load(path, SPECS)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == ["s.sqlite"]
    assert table.key.tolist() == [spec.key for spec in SPECS]
    for content, error in {b"x" * 9: "damaged", b"x" * 9999: "no.is.a.|damaged|not a data"}.items():
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(ensemble.StoreDamaged, match=f"store {tmp_path / 'other'} .*({error})"):
            ensemble.load(tmp_path / "other")
    with pytest.raises(TypeError, match="specs"):
        ensemble.load(path, [1])
    with pytest.raises(ensemble.StoreError, match="no such file"):
        ensemble.load(tmp_path)


def test_a_store_that_changes_all_the_time_is_said_to(monkeypatch, tmp_path, finished):
    path = tmp_path / "s.sqlite"
    Store(path).close()
    copied = _store._copied

    def changing(*arguments):
        with path.open("ab") as file:
            file.write(b"x")
        return copied(*arguments)

    monkeypatch.setattr(_store, "_copied", changing)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(ensemble.StoreInUse, match="changes faster"):
        ensemble.load(path)
