"""Sweeps, exports, trajectories and files in storms: killed, full, read-only, two at once, odd surroundings.

What this leaves out stands elsewhere: kills, Ctrl-C and full disks of sweeps in test_ensemble_store.py,
those of trajectories in test_trajectory.py, exports stopped at any write in test_ensemble_archive.py,
builds in test_build.py.
"""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import storms

import mpack
from mpack import ensemble

RULE = mpack.SGD(alpha=0.3, batch_fraction=0.5)
SPECS = mpack.specs(RULE, n=30, phi=[0.3, 0.8], steps=40, dim=2, seed=range(4))
pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and forks of a Unix")


def all_of_it(folder):
    """Sweep, export, run with a trajectory, save and load in a folder: what came of it, as JSON."""
    folder = Path(folder)
    table = mpack.sweep(SPECS, store=folder / "s.sqlite", progress=True, workers=2)
    ensemble.export(folder / "s.sqlite", folder / "some")
    loaded = ensemble.load_archive(folder / "some")
    start = mpack.Packing.random(n=30, phi=0.8, dim=2, seed=1)
    how = {"record": mpack.every(8), "frames": mpack.every(10), "trajectory": folder / "run.gsd"}
    run = mpack.simulate(start, RULE, steps=40, seed=2, progress=True, **how)
    with mpack.frames(folder / "run.gsd") as frames:
        log = frames.log.to_csv(index=False)
    run.final.save(folder / "end.npz")
    (folder / "end.csv").write_text("x,y,diameter\n0.25,1.5,1\n2.75,0.5,0.5\n", encoding="utf8")
    table_read = mpack.Packing.load(folder / "end.csv", box=4.0)
    return {
        "digests": [*table.digest, *loaded.digest, run.digest],
        "numbers": [*loaded.activity.tolist(), *run.energy.tolist(), *run.msd.tolist()],
        "log": log,
        "box": table_read.box,
        "positions": table_read.positions.tolist(),
        "end": mpack.Packing.load(folder / "end.npz").fixed.tolist(),
    }


SCRIPT = """
import json, locale, sys
wanted = sys.argv[3:]
for name in wanted:
    locale.setlocale(locale.LC_ALL, name)
    assert locale.localeconv()["decimal_point"] == ","
sys.path[:0] = [sys.argv[1]]
import test_storms
print(json.dumps(test_storms.all_of_it(sys.argv[2])))
"""


def elsewhere(folder, *more, **environment):
    """What comes of it in another process."""
    environment = storms.environment(**environment)
    odd = environment["PYTHONPATH"]
    library = Path(mpack.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(storms.TESTS), str(folder), *more],
        cwd=folder,
        env=environment | {"PYTHONPATH": os.pathsep.join([odd, str(library)])},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """What comes of it here."""
    return json.loads(json.dumps(all_of_it(tmp_path_factory.mktemp("usual"))))


@pytest.mark.slow
def test_without_a_home_with_ascii_and_a_clock_gone_astray(tmp_path, usual):
    assert elsewhere(tmp_path) == usual


@pytest.mark.slow
def test_where_decimals_have_a_comma_and_i_has_a_dot(tmp_path, usual):
    """A Turkish locale, made here if the system has what makes it."""
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/locales/tr_TR").exists():
        pytest.skip("no localedef, or no sources of locales")
    made = tmp_path / "locales" / "tr_TR.UTF-8"
    made.parent.mkdir()
    command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(made)]
    subprocess.run(command, check=False, capture_output=True)
    (tmp_path / "work").mkdir()
    locale = {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": str(made.parent), "PYTHONUTF8": "1"}
    assert elsewhere(tmp_path / "work", "tr_TR.UTF-8", **locale) == usual


def forked(work):
    """A child that does something and ends: 0, or 1 with what was said on its standard error."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


@pytest.fixture
def store(tmp_path):
    """A store of SPECS."""
    path = tmp_path / "s.sqlite"
    mpack.sweep(SPECS, store=path, progress=False, workers=1)
    return path


def test_read_only_trees_are_told_and_read(tmp_path, store):
    """Nothing can be made there, and each says so by the name of its file; what is there is read as elsewhere."""
    folder, errors = tmp_path / "closed", tmp_path / "errors.txt"
    folder.mkdir()
    ensemble.export(store, folder / "some")
    start = mpack.Packing.random(n=30, phi=0.8, dim=2, seed=1)
    start.save(folder / "a.gsd")
    shutil.copy(store, folder / "there.sqlite")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    writes = {
        "new.sqlite": lambda path: mpack.sweep(SPECS, store=path, progress=False),
        "new": lambda path: ensemble.export(store, path),
        "some": lambda path: ensemble.export(store, path),
        "new.gsd": lambda path: mpack.simulate(start, RULE, steps=9, seed=1, frames=mpack.every(1), trajectory=path),
        "b.npz": start.save,
        "a.gsd": start.save,
    }  # fmt: skip

    def try_all(as_anyone):
        as_anyone()
        told = {}
        for name, write in writes.items():
            try:
                write(folder / name)
                told[name] = "nothing was said"
            except (OSError, ValueError, ensemble.StoreError) as error:
                told[name] = str(error)
        told["read"] = len(ensemble.load(folder / "there.sqlite"))
        told["read"] += len(ensemble.load_archive(folder / "some"))
        told["read"] += mpack.Packing.load(folder / "a.gsd").n
        errors.write_text(json.dumps(told))

    with storms.read_only(folder, folder / "some") as as_anyone:
        code = os.waitpid(forked(lambda: try_all(as_anyone)), 0)[1]
    assert code == 0
    told = json.loads(errors.read_text())
    assert told.pop("read") == 8 + 8 + 30
    for said in told.values():
        assert str(folder) in said and ("ermission" in said or "open" in said or "read" in said), (
            told
        )
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_full_disks_leave_what_was_there_and_are_gone_on_with(tmp_path, store):
    """Files may grow to a limit that is higher each time: an error of the system, or whole; never a part."""
    archive, saved = tmp_path / "some", tmp_path / "a.npz"
    with ensemble.Store(":memory:") as small:
        mpack.sweep(SPECS[:2], small, progress=False)
        ensemble.export(small, archive)
    start = mpack.Packing.random(n=30, phi=0.8, dim=2, seed=1)
    start.save(saved)
    other = mpack.Packing.random(n=40, phi=0.8, dim=2, seed=1)
    log = tmp_path / "log.txt"

    def storm():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for size in (0, 200, 1000, 3000, 10**6):
            said = []
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            how = {"frames": mpack.every(5), "trajectory": tmp_path / f"{size}.gsd"}
            for write in (
                lambda: ensemble.export(store, archive),
                lambda: other.save(saved),
                lambda how=how: mpack.simulate(start, RULE, steps=40, seed=2, **how),
            ):
                try:
                    write()
                    said.append(None)
                except (OSError, ValueError, ensemble.StoreError) as error:
                    said.append(str(error))
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            rows, n = len(ensemble.load_archive(archive)), mpack.Packing.load(saved).n
            assert rows == (2 if said[0] else 8) and n == (30 if said[1] else 40)
            mpack.simulate(start, RULE, steps=40, seed=2, **how)
            with mpack.frames(how["trajectory"]) as frames:
                assert len(list(frames)) == 9
            with log.open("a") as file:
                file.write(json.dumps(said) + "\n")
        assert not [path for path in tmp_path.iterdir() if path.suffix in (".tmp", ".lock")]

    assert os.waitpid(forked(storm), 0)[1] == 0
    first, *_, last = map(json.loads, log.read_text().splitlines())
    assert all(first) and not any(last)


def killed(child, after):
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


@pytest.mark.slow
def test_killed_exports_leave_a_whole_archive(tmp_path, store, seed):
    """kill -9 at random moments: the old archive or the new one, and the next export finds no lock."""
    archive, chance, read = tmp_path / "some", random.Random(seed), set()
    with ensemble.Store(":memory:") as small:
        mpack.sweep(SPECS[:2], small, progress=False)
        ensemble.export(small, archive)

        def endless():
            while True:
                ensemble.export(store, archive)
                ensemble.export(small, archive)

        for _ in range(15):
            killed(forked(endless), chance.uniform(0.0, 0.1))
            read.add(len(ensemble.load_archive(archive)))
    assert read <= {2, 8}
    ensemble.export(store, archive)
    assert sorted(path.name for path in archive.iterdir() if path.suffix in (".new", ".lock")) == []
    assert set(ensemble.load_archive(archive).digest) == set(ensemble.load(store).digest)


@pytest.mark.slow
def test_two_exports_at_once_never_mix(tmp_path, store):
    """One is told that the other writes; a reader finds a whole archive at any moment."""
    archive, refused = tmp_path / "some", tmp_path / "refused"
    ensemble.export(store, archive)

    def again_and_again(specs):
        with ensemble.Store(":memory:") as own:
            mpack.sweep(specs, own, progress=False, workers=1)
            for _ in range(40):
                try:
                    ensemble.export(own, archive)
                except ensemble.StoreError as error:
                    assert "is being written by another one" in str(error), error
                    refused.touch()

    children = [forked(lambda part=part: again_and_again(part)) for part in (SPECS[:3], SPECS[3:])]
    read = set()
    while children and not os.waitpid(children[0], os.WNOHANG)[0]:
        read.add(len(ensemble.load_archive(archive)))
    assert os.waitpid(children[1], 0)[1] == 0
    assert read <= {8, 3, 5} and refused.exists()
    assert len(ensemble.load_archive(archive)) in (3, 5) and not list(archive.glob("*.lock"))
