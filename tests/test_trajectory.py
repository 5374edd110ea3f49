"""Trajectories: whole frames at any moment, each step once, and of one run only."""

import contextlib
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import gsd.fl
import gsd.hoomd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack
from mpack import _lock, _writer

HERE = Path(__file__).parent
START = mpack.Packing.random(n=60, phi=0.7, dim=2, seed=1)
RULE = mpack.PairwiseBRO(eps=0.1)
SCHEDULE = mpack.every(10)


def run_to(steps, path, start=START, frames=SCHEDULE, **how):
    """A run of START, or one that goes on, with its frames."""
    first = () if isinstance(start, mpack.Run) else (RULE,)
    how = how if isinstance(start, mpack.Run) else {"seed": 3} | how
    return mpack.simulate(start, *first, steps=steps, frames=frames, trajectory=path, **how)


def content(path):
    """Everything that a file says, frame by frame: by gsd's own low-level reader."""
    with gsd.fl.open(path, "r") as file:
        names = file.find_matching_chunk_names("")
        return [
            {
                name: file.read_chunk(place, name).tolist()
                for name in names
                if file.chunk_exists(place, name)
            }
            for place in range(file.nframes)
        ]


def foreign_frame(n=3):
    """A frame of another program."""
    frame = gsd.hoomd.Frame()
    frame.configuration.box = [9, 9, 9, 0, 0, 0]
    frame.particles.N, frame.particles.position = n, np.arange(3.0 * n).reshape(n, 3) / n
    return frame


@pytest.mark.parametrize("dim", [2, 3])
def test_a_frame_is_what_save_writes_and_its_log_says_more(tmp_path, dim):
    start = mpack.Packing.random(60, 0.6, dim, seed=1, diameters=np.resize([1.0, 1.4], 60))
    path = tmp_path / "run.gsd"
    run = run_to(30, path, start, record=SCHEDULE)
    looks = list(mpack.snapshots(start, RULE, at=[0, 10, 20, 30], seed=3))
    with mpack.frames(path) as passed:
        assert list(passed) == [look.final for look in looks]
        assert passed.log.digest.tolist() == [look.digest for look in looks]
        assert passed.log.index.tolist() == run.times.tolist() == passed.steps.tolist()
        assert passed.log.activity.tolist() == run.activity.tolist()
        assert passed.log.energy.tolist() == run.energy.tolist()
        assert (passed.run["seed"], passed.run["dynamics"]) == (3, repr(RULE))
    assert mpack.Packing.load(path).digest == run.digest
    looks[2].final.save(tmp_path / "one.gsd")
    with gsd.hoomd.open(path) as many, gsd.hoomd.open(tmp_path / "one.gsd") as one:
        frame, alone = many[2], one[0]
        assert frame.configuration.step == 20
        for name, value in alone.log.items():
            assert np.array_equal(frame.log[name], value)
        for name in ("N", "position", "diameter", "types", "type_shapes"):
            theirs = getattr(frame.particles, name)
            assert np.array_equal(theirs, getattr(alone.particles, name)), name
    table = gsd.hoomd.read_log(str(path), scalar_only=True)
    assert table["log/energy"].tolist() == run.energy.tolist()


def test_no_bit_of_a_run_depends_on_its_frames(tmp_path):
    alone = mpack.simulate(START, RULE, steps=55, seed=3, record=mpack.every(7))
    run = run_to(55, tmp_path / "run.gsd", record=mpack.every(7))
    run_to(55, tmp_path / "two.gsd", threads=2, skin=0.3)
    assert content(tmp_path / "run.gsd") == content(tmp_path / "two.gsd")
    assert run.digest == alone.digest
    for name in ("times", "activity", "energy", "msd"):
        assert np.array_equal(getattr(run, name), getattr(alone, name))


@given(
    stops=st.lists(st.integers(0, 15), max_size=4),
    frames=st.sampled_from([mpack.every(1), mpack.every(7), mpack.log_spaced(5), (0, 3, 4, 30)]),
)
@settings(max_examples=8, deadline=None)
def test_stops_and_beginnings_anew_leave_the_frames_of_one_run(tmp_path_factory, stops, frames):
    """Going on, from the end or from an earlier moment (as after a kill), and beginning again."""
    folder = tmp_path_factory.mktemp("stops")
    run_to(40, folder / "whole.gsd", frames=frames)
    run, path = run_to(0, folder / "parts.gsd", frames=frames), folder / "parts.gsd"
    kept = [run]
    for k, steps in enumerate(stops):
        run = kept[-1 if k % 2 else 0]  # now and then from the first one again
        kept.append(run_to(steps, path, pickle.loads(pickle.dumps(run)), frames=frames))
    run_to(40 - run.steps, path, run, frames=frames)
    run_to(40, path, frames=frames)  # all over again
    assert content(path) == content(folder / "whole.gsd")


def test_the_packing_at_rest_is_a_frame_once(tmp_path):
    thin, path = mpack.Packing.random(n=60, phi=0.2, dim=2, seed=1), tmp_path / "run.gsd"
    run = run_to(5000, path, thin, frames=mpack.every(1000))
    assert run.absorbed and run.steps % 1000
    with mpack.frames(path) as passed:
        assert passed.steps.tolist() == [0, run.steps] and passed[-1] == run.final
        assert passed.log.activity.iloc[-1] == 0.0
    before = content(path)
    run_to(100, path, run, frames=mpack.every(1000))
    run_to(5000, path, thin, frames=mpack.every(1000))
    assert content(path) == before


@pytest.mark.parametrize("rounds", [20])
def test_killed_at_random_moments_frames_are_whole(tmp_path, seed, rounds):
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    path = tmp_path / "run.gsd"
    command = [sys.executable, HERE / "trajectory_killer.py", path, str(rounds), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["failed"] == 0 and seen["killed"] > 0
    assert seen["frames"] == sorted(seen["frames"]) and seen["frames"][-1] > 3

    import trajectory_killer as again

    frames = seen["frames"][-1]
    steps = 20 * frames + 25
    again.run(path, steps)
    again.run(tmp_path / "whole.gsd", steps)
    assert content(path)[: frames + 2] == content(tmp_path / "whole.gsd")


def test_a_frame_that_was_cut_off_is_left_out_and_written_again(tmp_path):
    """A kill in the midst of gsd's own write may leave some chunks of a frame."""
    run_to(40, tmp_path / "whole.gsd")
    frames = content(tmp_path / "whole.gsd")
    path = tmp_path / "torn.gsd"
    run_to(20, path)
    with gsd.fl.open(path, "r+") as file:
        file.write_chunk("particles/position", np.zeros((60, 3), dtype=np.float32))
        file.write_chunk("log/step", np.array([30]))
        file.end_frame()
    with mpack.frames(path) as passed:
        assert passed.steps.tolist() == [0, 10, 20]
    run_to(40, path)
    assert content(path) == frames


def test_a_file_in_which_nothing_was_written_yet_is_begun(tmp_path):
    gsd.hoomd.open(tmp_path / "run.gsd", "w").close()
    assert len(mpack.frames(tmp_path / "run.gsd")) == 0
    run_to(10, tmp_path / "run.gsd")
    assert mpack.frames(tmp_path / "run.gsd").steps.tolist() == [0, 10]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 4}, "seed is 3, and that of this run 4"),
        ({"rule": mpack.PairwiseBRO(eps=0.2)}, r"dynamics is 'PairwiseBRO\(eps=0.1"),
        ({"start": mpack.Packing.random(60, 0.7, 2, seed=2)}, "start is"),
        ({"watch": {"a": mpack.activity}}, r"watch is \[\], and that of this run \['a'\]"),
        ({"frames": mpack.every(5)}, r"has no frame of step 5, unlike frames=Every\(k=5\)"),
        ({"frames": mpack.every(20)}, "has a frame of step 10"),
    ],
)
def test_a_file_of_another_run_is_refused_and_left_alone(tmp_path, change, words):
    path = tmp_path / "run.gsd"
    run_to(40, path)
    before = path.read_bytes()
    given = {"start": START, "rule": RULE, "seed": 3, "frames": SCHEDULE} | change
    with pytest.raises(ValueError, match=words):
        mpack.simulate(given.pop("start"), given.pop("rule"), steps=2**48, trajectory=path, **given)
    assert path.read_bytes() == before


def test_frames_that_would_be_missing_are_refused(tmp_path):
    run = run_to(20, tmp_path / "run.gsd")
    ahead = mpack.simulate(run, steps=15)
    with pytest.raises(ValueError, match="ends at step 20, and the run is at step 35: .* step 30"):
        run_to(2**48, tmp_path / "run.gsd", ahead)
    near = mpack.simulate(run, steps=5)
    assert run_to(5, tmp_path / "run.gsd", near).steps == 30  # nothing was missed
    assert mpack.frames(tmp_path / "run.gsd").steps.tolist() == [0, 10, 20, 30]


def test_a_changed_frame_is_noticed(tmp_path):
    path = tmp_path / "run.gsd"
    run_to(20, path)
    with gsd.fl.open(path, "r") as file:
        chunks = {name: file.read_chunk(1, name) for name in ("log/mpack/fixed", "log/digest")}
    changed = chunks["log/digest"].copy()
    changed[0] = ord("0") if changed[0] != ord("0") else ord("1")
    path.write_bytes(path.read_bytes().replace(chunks["log/digest"].tobytes(), changed.tobytes()))
    with pytest.raises(ValueError, match="damaged in the frame of step 10: it is another"):
        run_to(40, path)
    fixed = chunks["log/mpack/fixed"].tobytes()
    path.write_bytes(path.read_bytes().replace(fixed, fixed[::-1]))
    with mpack.frames(path) as passed, pytest.raises(ValueError, match="frame 1: its checksum"):
        list(passed)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"frames": SCHEDULE}, ValueError, "frames .* and trajectory .* go together"),
        ({"trajectory": "run.gsd"}, ValueError, "go together"),
        ({"frames": SCHEDULE, "trajectory": "run.xyz"}, ValueError, "must end in .gsd"),
        ({"frames": SCHEDULE, "trajectory": 3}, TypeError, "trajectory must be the name"),
        ({"frames": SCHEDULE, "trajectory": "no/run.gsd"}, ValueError, "folder that exists"),
        ({"frames": [3, 1], "trajectory": "run.gsd"}, ValueError, r"frames\[1\] = 1 after 3"),
        ({"frames": "all", "trajectory": "run.gsd"}, TypeError, "frames must be mpack.every"),
    ],
)
def test_bad_input_before_any_work(tmp_path, monkeypatch, options, error, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        mpack.simulate(START, RULE, steps=2**48, seed=1, **options)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_and_left_alone(tmp_path):
    START.save(tmp_path / "one.gsd")
    (tmp_path / "text.gsd").write_text("no such thing")
    with gsd.hoomd.open(tmp_path / "other.gsd", "w") as file:
        file.append(foreign_frame())
    for name, words in (
        ("one.gsd", "no run has begun"),
        ("text.gsd", "is a file that is none"),
        ("other.gsd", "no run has begun"),
    ):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(ValueError, match=words):
            run_to(2**48, tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    run_to(20, tmp_path / "mixed.gsd")
    with gsd.hoomd.open(tmp_path / "mixed.gsd", "r+") as file:
        file.append(foreign_frame())
    with pytest.raises(ValueError, match="has a frame of another program, 3"):
        run_to(2**48, tmp_path / "mixed.gsd")
    with mpack.frames(tmp_path / "mixed.gsd") as passed:
        assert len(list(passed[:-1])) == 3
        with pytest.raises(ValueError, match="frame 3: another program wrote it"):
            passed[-1]
    high = mpack.Packing.random(n=60, phi=0.4, dim=4, seed=1)
    with pytest.raises(ValueError, match="trajectory is for packings of dim 2 and 3"):
        run_to(10, tmp_path / "run.gsd", high)


# ------------------------------------------------------------------------------------------------
# one writer at a time

WRITES = """
import pathlib, sys, time
import mpack

def wait(packing):
    if packing != start:  # not in the first frame: the file is begun
        pathlib.Path(sys.argv[2]).touch()
        while not pathlib.Path(sys.argv[3]).exists():
            time.sleep(0.005)
    return 1.0

start, rule = mpack.Packing.random(n=60, phi=0.7, dim=2, seed=1), mpack.PairwiseBRO(eps=0.1)
how = dict(frames=mpack.every(10), trajectory=sys.argv[1], watch={"wait": wait})
mpack.simulate(start, rule, steps=60, seed=3, record=mpack.every(20), **how)
"""
WATCH = {"watch": {"wait": lambda packing: 1.0}, "record": mpack.every(20)}


@pytest.fixture
def writer(tmp_path):
    """A process that writes run.gsd, waits at step 20 for a file `on`, and goes on to step 60."""
    begun = tmp_path / "begun"
    paths = [tmp_path / "run.gsd", begun, tmp_path / "on"]
    process = subprocess.Popen([sys.executable, "-c", WRITES, *paths], stderr=subprocess.PIPE)
    try:
        while not begun.exists():
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.005)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_writer_is_refused_before_any_work_and_the_first_loses_nothing(tmp_path, writer):
    path, before = tmp_path / "run.gsd", (tmp_path / "run.gsd").read_bytes()
    os.symlink(path, tmp_path / "link.gsd")
    for name in ("run.gsd", "link.gsd"):
        with pytest.raises(ValueError, match="is in use by another run; wait until it has ended"):
            run_to(2**48, tmp_path / name, **WATCH)
    assert path.read_bytes() == before
    (tmp_path / "on").touch()
    assert writer.wait(60) == 0
    run_to(60, tmp_path / "whole.gsd", **WATCH)
    assert content(path) == content(tmp_path / "whole.gsd")
    run_to(60, path, **WATCH)  # no lock is left
    assert not list(tmp_path.glob("*.lock"))


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_the_lock_of_a_killed_writer_does_not_stay(tmp_path, writer):
    path = tmp_path / "run.gsd"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    run_to(60, path, **WATCH)
    run_to(60, tmp_path / "whole.gsd", **WATCH)
    assert content(path) == content(tmp_path / "whole.gsd")
    assert not list(tmp_path.glob("*.lock"))


def test_a_second_writer_in_the_same_process_is_refused(tmp_path):
    refused = []

    def intrude(packing):
        if packing != START:
            with pytest.raises(ValueError, match="in use by another run"):
                run_to(20, tmp_path / "run.gsd")
            refused.append(packing)
        return 0.0

    run_to(20, tmp_path / "run.gsd", watch={"intrude": intrude}, record=SCHEDULE)
    assert len(refused) == 2
    with pytest.raises(ValueError, match="watch is"):  # it is free again, and of another run
        run_to(20, tmp_path / "run.gsd")


def test_a_refused_or_failed_run_gives_the_file_up(tmp_path, monkeypatch):
    run_to(40, tmp_path / "run.gsd")
    with pytest.raises(ValueError, match="seed is 3"):
        run_to(60, tmp_path / "run.gsd", seed=4)
    assert not list(tmp_path.glob("*.lock"))
    with monkeypatch.context() as patch:
        patch.setattr(_writer.Writer, "_append", lambda *what: os.stat(tmp_path / "none"))
        with pytest.raises(FileNotFoundError, match="none"):
            run_to(60, tmp_path / "run.gsd")
    assert not list(tmp_path.glob("*.lock"))
    assert run_to(60, tmp_path / "run.gsd").steps == 60


def test_what_cannot_be_locked_is_told(tmp_path):
    (tmp_path / "run.gsd.lock").write_bytes(b"somebody's own file, and no lock" * 40)
    with pytest.raises(ValueError, match="cannot be locked.*: file is not a database"):
        run_to(10, tmp_path / "run.gsd")
    assert (tmp_path / "run.gsd.lock").stat().st_size == 1280


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", ["run.gsd", 250 * "x" + ".gsd"])
def test_only_one_of_many_writers_is_in_at_a_time(tmp_path, name):
    """Four processes come and go as fast as they can; each leaves a mark while it is in, which must be its own."""
    mark = tmp_path / "mark"
    children = []
    for k in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            entered = 0
            try:
                while entered < 50:
                    with contextlib.suppress(_lock.Taken), _lock.only_writer(tmp_path / name):
                        mark.touch(exist_ok=False)
                        mark.unlink()
                        entered += 1
                (tmp_path / f"done{k}").touch()
            finally:
                os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"done{k}" for k in range(4)]


def test_an_error_of_the_disk_ends_the_run_and_leaves_whole_frames(tmp_path, monkeypatch):
    count = []

    def full(self, now):
        count.append(now)
        if len(count) == 3:
            raise OSError(28, "No space left on device")
        self._file.flush()

    monkeypatch.setattr(_writer.Writer, "_write_out", full)
    with pytest.raises(OSError, match="No space"):
        run_to(100_000, tmp_path / "run.gsd")
    with mpack.frames(tmp_path / "run.gsd") as passed:
        assert len(list(passed)) >= 2


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_an_interrupt_leaves_whole_frames_and_a_run_that_goes_on(tmp_path, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    dense = mpack.Packing.random(n=60, phi=1.2, dim=2, seed=1)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    clock = time.perf_counter()
    run = run_to(2**40, tmp_path / "run.gsd", dense)
    timer.join()
    assert run.interrupted and time.perf_counter() - clock < 60
    with mpack.frames(tmp_path / "run.gsd") as passed:
        assert passed.steps.tolist() == SCHEDULE.between(0, run.steps).tolist()
        assert list(passed[-3:]) == list(passed)[-3:]
    run_to(20, tmp_path / "run.gsd", run)
    assert mpack.frames(tmp_path / "run.gsd").steps[-1] == (run.steps + 20) // 10 * 10


# --------------------------------------------------------------------------------------------------
# from the last frame


@pytest.mark.parametrize(
    "rule",
    [
        mpack.PairwiseBRO(eps=0.4),
        mpack.SGD(alpha=0.6, batch_fraction=0.5, potential=mpack.Hertzian(2.0)),
        mpack.RCD(alpha=0.6, batch_size=7),
        mpack.NonreciprocalBRO(eps=0.4).approximation(),
    ],
)
@pytest.mark.parametrize("dim", [2, 3])
def test_a_run_goes_on_from_its_last_frame(tmp_path, rule, dim):
    start = mpack.Packing.random(60, 0.9, dim, seed=1, diameters=np.resize([1.0, 1.4], 60))
    how = {"frames": SCHEDULE, "trajectory": tmp_path / "whole.gsd", "watch": {"a": mpack.activity}}
    whole = mpack.simulate(start, rule, steps=150, seed=3, record=SCHEDULE, **how)
    path = tmp_path / "parts.gsd"
    mpack.simulate(start, rule, steps=78, seed=3, **how | {"trajectory": path})
    begun = mpack.trajectory.resume(path, watch=how["watch"])
    assert begun.steps == 70 and np.any(begun.wraps != 0)
    run = mpack.simulate(begun, steps=80, record=SCHEDULE, **how | {"trajectory": path})
    assert (run.digest, run.steps, run.dynamics) == (whole.digest, 150, rule)
    for name in ("times", "activity", "energy", "msd"):
        assert getattr(run, name).tolist() == getattr(whole, name)[7:].tolist(), name
    assert np.array_equal(run.wraps, whole.wraps)
    assert content(path) == content(tmp_path / "whole.gsd")
    with mpack.frames(path) as passed:
        for place, msd in enumerate(whole.msd):
            way = passed[place].centred() - start.centred() + start.box * passed.image(place)
            assert np.mean(np.sum(way**2, axis=1)) == pytest.approx(msd, rel=1e-12)


@given(phi=st.floats(0.05, 1.2), eps=st.floats(0.05, 0.9), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_boxes_crossed_are_those_of_the_run(tmp_path_factory, phi, eps, seed):
    """Also in sparse steps and long ones, where no list is kept."""
    start, rule = mpack.Packing.random(400, phi, 2, seed), mpack.PairwiseBRO(eps)
    path, at = tmp_path_factory.mktemp("boxes") / "run.gsd", (5, 40, 200)
    mpack.simulate(start, rule, steps=200, seed=seed, frames=at, trajectory=path)
    with mpack.frames(path) as passed:
        for place, run in enumerate(mpack.snapshots(start, rule, at=passed.steps, seed=seed)):
            assert passed[place] == run.final
            assert np.array_equal(passed.image(place)[:, :2], run.wraps)


def test_a_run_at_rest_stays_when_it_goes_on_from_its_last_frame(tmp_path):
    thin, path = mpack.Packing.random(n=60, phi=0.2, dim=2, seed=1), tmp_path / "run.gsd"
    run = run_to(5000, path, thin)
    again = run_to(100, path, mpack.trajectory.resume(path))
    assert again.absorbed and (again.steps, again.digest) == (run.steps, run.digest)


def test_what_no_run_can_go_on_from_is_refused(tmp_path):
    START.save(tmp_path / "one.gsd")
    run_to(20, tmp_path / "late.gsd", frames=(10, 20))
    run_to(20, tmp_path / "run.gsd", watch={"a": mpack.activity})
    for name, options, words in (
        ("one.gsd", {}, "begins at no run"),
        ("late.gsd", {}, "begins at step 10"),
        ("run.gsd", {}, r"watch of the run in .* is \['a'\]; got \[\]"),
        ("run.gsd", {"dynamics": mpack.PairwiseBRO(0.2)}, "dynamics of the run .*eps=0.1"),
    ):
        with pytest.raises(ValueError, match=words):
            mpack.trajectory.resume(tmp_path / name, **options)
    with pytest.raises(FileNotFoundError):
        mpack.trajectory.resume(tmp_path / "none.gsd")


# --------------------------------------------------------------------------------------------------
# reading


def test_frames_are_a_sequence(tmp_path):
    path = tmp_path / "run.gsd"
    run_to(50, path)
    with mpack.frames(path) as passed:
        packings = list(passed)
        assert len(passed) == 6 and passed[-1] == packings[5] and passed[2] in passed
        part = passed[1::2]
        assert isinstance(part, mpack.trajectory.Trajectory)
        assert list(part) == packings[1::2] and part.steps.tolist() == [10, 30, 50]
        assert part[::-1].log.index.tolist() == [50, 30, 10]
        assert repr(passed) == f"<Trajectory {str(path)!r}, 6 frames>"
        with pytest.raises(IndexError):
            passed[6]


def test_frames_of_one_packing_and_of_another_program(tmp_path):
    START.save(tmp_path / "one.gsd")
    with mpack.frames(tmp_path / "one.gsd") as passed:
        assert list(passed) == [START] and passed.steps.tolist() == [0] and passed.run is None
        assert passed.log.shape == (1, 0)
    with gsd.hoomd.open(tmp_path / "other.gsd", "w") as file:
        for _ in range(2):
            file.append(foreign_frame())
    (tmp_path / "text.gsd").write_text("no such thing" * 30)
    for name, words in (("other.gsd", "another program wrote"), ("text.gsd", "holds no frames")):
        with pytest.raises(ValueError, match=words):
            mpack.frames(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        mpack.frames(tmp_path / "none.gsd")
    with pytest.raises(TypeError, match="path must be"):
        mpack.frames(3)


def test_damaged_files_are_refused_or_right(tmp_path, seed):
    """Cut off, or with other bytes, mostly among the tables: a ValueError, or what was written."""
    chance, path = random.Random(seed), tmp_path / "run.gsd"
    run_to(20, path)
    data, rows = path.read_bytes(), content(path)
    packings, refused = list(mpack.frames(path)), 0
    for _ in range(150):
        damaged = bytearray(data[: chance.randrange(len(data)) if chance.random() < 0.3 else None])
        for _ in range(chance.choice([1, 1, 3])):
            damaged[chance.randrange(min(len(damaged), 8000))] = chance.randrange(256)
        (tmp_path / "damaged.gsd").write_bytes(damaged)
        try:
            with mpack.frames(tmp_path / "damaged.gsd") as passed:
                found = list(passed)
                assert found == packings[: len(found)] and len(passed.log) == len(found)
        except ValueError:
            refused += 1
        try:
            run_to(20, tmp_path / "damaged.gsd")
        except ValueError:
            continue
        assert list(mpack.frames(tmp_path / "damaged.gsd")) == packings
    assert refused > 30 and content(path) == rows


def test_frames_are_read_while_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(_writer, "_SECONDS", 0.0)
    monkeypatch.setattr(_writer, "_SHARE", float("inf"))
    seen, path = [], tmp_path / "run.gsd"

    def look(packing):
        seen.append(len(mpack.frames(path)) if path.exists() else 0)
        return 0.0

    run_to(100, path, record=mpack.every(10), watch={"look": look})
    assert seen == sorted(seen) and seen[-1] > 3


# --------------------------------------------------------------------------------------------------
# other programs


def test_freud_opens_a_trajectory(tmp_path):
    freud = pytest.importorskip("freud")
    path = tmp_path / "run.gsd"
    run_to(20, path)
    with gsd.hoomd.open(path) as theirs, mpack.frames(path) as ours:
        for frame, packing in zip(theirs, ours, strict=True):
            pairs = freud.locality.AABBQuery.from_system(frame).query(
                frame.particles.position, {"r_max": 1.0, "exclude_ii": True}
            )
            found = {
                tuple(sorted(pair)) for pair in np.array(pairs.toNeighborList())[:, :2].tolist()
            }
            assert found == set(map(tuple, packing.overlaps()[0].tolist()))


def test_mdanalysis_opens_a_trajectory(tmp_path):
    mda = pytest.importorskip("MDAnalysis")
    path, start = tmp_path / "run.gsd", mpack.Packing.random(n=60, phi=0.6, dim=3, seed=1)
    run_to(20, path, start)
    universe = mda.Universe(str(path))
    assert universe.trajectory.n_frames == 3
    with mpack.frames(path) as passed:
        for moment, packing in zip(universe.trajectory, passed, strict=True):
            assert np.allclose(moment.dimensions, [packing.box] * 3 + [90] * 3)
            assert np.allclose(moment.positions, packing.centred(), atol=1e-5)


def test_ovito_opens_a_trajectory(tmp_path):
    io = pytest.importorskip("ovito.io")
    path, sizes = tmp_path / "run.gsd", np.resize([1.0, 1.4], 60)
    start = mpack.Packing.random(60, 0.6, 3, seed=1, diameters=sizes)
    run_to(40, path, start)
    shown = io.import_file(str(path))
    assert shown.source.num_frames == 5
    with mpack.frames(path) as passed:
        for place, packing in enumerate(passed):
            data = shown.compute(place)
            assert np.allclose(data.particles.positions, packing.centred(), atol=1e-5)
            assert np.allclose(2 * data.particles["Radius"], packing.diameters, atol=1e-6)
            assert np.allclose(np.diag(data.cell[:3, :3]), packing.box)
            assert data.attributes["energy"] == passed.log.energy.iloc[place]
            assert data.attributes["Timestep"] == passed.steps[place]
