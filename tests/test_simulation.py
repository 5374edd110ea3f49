"""`simulate`: one (start, dynamics, seed) is one trajectory, bit for bit, however it is run.

The kernels are compiled once a dimension, so that most tests live in d = 2 and 3; d = 4 and 6 have
a class each.
"""

import json
import math
import os
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mpack
from mpack._engine import Engine
from mpack._kernels import noise

GOLDEN = json.loads(reference.GOLDEN.read_text())
CASES = {name: (start, dynamics) for name, start, dynamics in reference.golden_cases()}
ROOT = Path(__file__).parent.parent


def quietly(*arguments, **options):
    """`simulate` without the warning of an overflow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return mpack.simulate(*arguments, **options)


def assert_same(run, other):
    """Every bit of the end and of the record."""
    assert run.digest == other.digest
    assert (run.steps, run.absorbed, run.overflows) == (
        other.steps,
        other.absorbed,
        other.overflows,
    )
    for name in ("times", "activity", "energy", "msd", "wraps"):
        assert np.array_equal(getattr(run, name), getattr(other, name)), name


def start(n=150, phi=0.64, dim=3, seed=5, **options):
    return mpack.Packing.random(n=n, phi=phi, dim=dim, seed=seed, **options)


# -----------------------------------------------------------------------------------------------------
# golden


def test_golden_covers_every_case_and_this_stream():
    assert GOLDEN["stream_version"] == noise.STREAM_VERSION
    assert set(GOLDEN["runs"]) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    packing, dynamics = CASES[name]
    run = quietly(packing, dynamics, steps=reference.GOLDEN_STEPS, seed=12)
    assert reference.golden_entry(run) == GOLDEN["runs"][name]


@pytest.mark.parametrize(
    "name", [name for name in CASES if "large" in name or "random start" in name]
)
def test_overflow_is_counted_and_told(name):
    packing, dynamics = CASES[name]
    with pytest.warns(RuntimeWarning, match=r"half the box \(") as caught:
        run = mpack.simulate(packing, dynamics, steps=reference.GOLDEN_STEPS, seed=12)
    assert run.overflows == GOLDEN["runs"][name]["overflows"] > 0
    assert Path(caught[0].filename) == Path(__file__)  # the warning points at the caller
    assert np.all(np.isfinite(run.energy)) and np.all(np.isfinite(run.msd))


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", CASES)
def test_golden_with_threads(name, threads):
    packing, dynamics = CASES[name]
    run = quietly(packing, dynamics, steps=reference.GOLDEN_STEPS, seed=12, threads=threads)
    assert reference.golden_entry(run) == GOLDEN["runs"][name]


# ------------------------------------------------------------------------------------- the same run
# otherwise


@pytest.mark.parametrize("name", CASES)
def test_stop_and_resume(name):
    packing, dynamics = CASES[name]
    whole = quietly(packing, dynamics, steps=60, seed=12, record=mpack.every(7))
    parts = quietly(packing, dynamics, steps=0, seed=12, record=mpack.every(7))
    for steps in (1, 12, 0, 20, 27):
        parts = quietly(parts, steps=steps, threads=1 + steps % 3)
    assert_same(parts, whole)


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("name", ["PairwiseBRO", "NonreciprocalBRO", "RCD", "RCD, B = 40"])
def test_sparse_steps_in_which_a_whole_share_is_active(name, threads):
    """Every slot of a thread is active, more than once: no thread writes into the next one's list of them."""
    packing, ends = start(phi=2.0, dim=2), []
    for count in (1, threads):
        engine = Engine(packing, reference.DYNAMICS[name].recipe(), 12, threads=count)
        engine.shared["sparse"] = 1
        engine.advance(1)
        ends.append(engine.snapshot()[0])
    assert mpack.activity(packing) == 1
    assert np.array_equal(*ends)


@pytest.mark.parametrize("skin", [1e-6, 0.05, 0.3, 1.0, 10.0])
@pytest.mark.parametrize("phi", [0.25, 0.64])
def test_any_skin(skin, phi):
    packing, dynamics = start(phi=phi), mpack.PairwiseBRO(eps=0.05)
    one = mpack.simulate(packing, dynamics, steps=80, seed=3, record=mpack.every(9))
    assert_same(
        mpack.simulate(packing, dynamics, steps=80, seed=3, record=mpack.every(9), skin=skin), one
    )


def test_any_recording():
    packing, dynamics = start(), mpack.SGD(alpha=0.05, batch_fraction=0.4)
    full = mpack.simulate(packing, dynamics, steps=90, seed=3, record=mpack.every(1))
    assert np.array_equal(full.times, np.arange(91))
    for record in (None, mpack.every(13), mpack.log_spaced(5), np.array([2, 3, 50]), [], [1000]):
        run = mpack.simulate(packing, dynamics, steps=90, seed=3, record=record)
        assert run.digest == full.digest
        assert run.times[-1] == 90 and np.all(np.diff(run.times) > 0)
        for name in ("activity", "energy", "msd"):
            assert np.array_equal(getattr(run, name), getattr(full, name)[run.times]), name


def test_schedules():
    run = mpack.simulate(
        start(),
        mpack.SGD(alpha=0.01, batch_fraction=1),
        steps=120,
        seed=1,
        record=mpack.log_spaced(3),
    )
    assert run.times.tolist() == [0, 1, 2, 5, 10, 22, 46, 100, 120]
    assert mpack.log_spaced(1).between(3, 100_000).tolist() == [10, 100, 1000, 10_000, 100_000]
    assert mpack.every(4).between(5, 12).tolist() == [8, 12]


def test_a_new_recording_from_a_resume_on():
    run = mpack.simulate(
        start(), mpack.PairwiseBRO(eps=0.05), steps=10, seed=1, record=mpack.every(4)
    )
    assert run.times.tolist() == [0, 4, 8, 10]
    run = mpack.simulate(run, steps=10, record=mpack.every(5))
    assert run.times.tolist() == [0, 4, 8, 10, 15, 20]
    assert mpack.simulate(run, steps=0).times.tolist() == [0, 4, 8, 10, 15, 20]


FRESH = """
import json, sys, reference, mpack
golden = json.loads(reference.GOLDEN.read_text())["runs"]
for name, start, dynamics in reference.golden_cases():
    if name in sys.argv[1:]:
        run = mpack.simulate(start, dynamics, steps=reference.GOLDEN_STEPS, seed=12, threads=2)
        print(reference.golden_entry(run) == golden[name])
"""


def in_a_fresh_process(script, *arguments, **options):
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        **options,
    )


@pytest.mark.slow
def test_fresh_process():
    result = in_a_fresh_process(
        FRESH, "SGD, d = 3", "RCD, B = 40, d = 2", "IndividualBRO approximation, d = 3"
    )
    assert result.stdout.split() == ["True"] * 3, result.stderr


def test_eight_concurrent_threads():
    """Every dynamics from eight threads of one process, some of them with two threads a step."""
    names = [
        name for name in CASES if name.endswith("d = 3") and GOLDEN["runs"][name]["overflows"] == 0
    ]

    def entry(job):
        name, threads = job
        packing, dynamics = CASES[name]
        return reference.golden_entry(
            mpack.simulate(packing, dynamics, steps=100, seed=12, threads=threads)
        )

    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(entry, [(name, 1 + k % 2) for k, name in enumerate(names)]))
    assert entries == [GOLDEN["runs"][name] for name in names]


def engine_run(packing, recipe, seed, stops, threads, skin, recorded, order):
    """Coordinates by label, wraps and record rows of a run by Engines: slots in any `order`, stopped at
    `stops`.
    """
    n = packing.n
    fixed, wraps, origin = packing.fixed, np.zeros((n, packing.dim), dtype=np.int32), packing.fixed
    rows, step = {}, 0
    for stop in stops:
        shuffled = mpack.Packing.from_fixed(fixed[order], packing.box, packing.diameters[order])
        engine = Engine(
            shuffled, recipe, seed, step=step, origin=origin, wraps=wraps[order], threads=threads, skin=skin,
            labels=order.astype(np.uint32),
        )  # fmt: skip
        due = [when for when in recorded if step <= when <= stop]
        table = engine.schedule(due)
        engine.advance(stop)
        rows |= {when: table[k].tolist() for k, when in enumerate(due[: engine.recorded])}
        fixed, wraps, _ = engine.snapshot()
        step = engine.step
    return fixed, wraps, rows, step


PROPERTY = {
    name: dynamics for name, dynamics in reference.DYNAMICS.items() if "approximation" not in name
}


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_way_of_running_leaves_no_trace(data):
    """stop, resume, threads, skin, recording, particle order: drawn together, against the plain run."""
    dim = data.draw(st.sampled_from([2, 3]), "dim")
    n = data.draw(st.integers(2, 120), "n")
    phi = data.draw(st.sampled_from([0.1, 0.35, 0.7]), "phi")
    sizes = data.draw(st.sampled_from([None, np.linspace(0.7, 1.3, n)]), "diameters")
    recipe = PROPERTY[data.draw(st.sampled_from(sorted(PROPERTY)), "dynamics")].recipe()
    try:
        packing = mpack.Packing.random(
            n=n, phi=phi, dim=dim, seed=data.draw(st.integers(0, 99)), diameters=sizes
        )
    except ValueError:  # two or three particles at this phi: the box is too small
        return
    order = np.array(data.draw(st.permutations(range(n)), "order"))
    stops = sorted(data.draw(st.lists(st.integers(0, 40), max_size=4), "stops")) + [40]
    recorded = sorted(data.draw(st.sets(st.integers(0, 40), max_size=8), "recorded"))
    threads = data.draw(st.integers(1, min(3, n)), "threads")
    skin = data.draw(st.sampled_from([None, 0.01, 0.2, 2.0]), "skin")
    fixed, wraps, rows, step = engine_run(packing, recipe, 9, stops, threads, skin, recorded, order)
    plain = engine_run(packing, recipe, 9, [40], 1, None, range(41), np.arange(n))
    assert np.array_equal(fixed, plain[0]) and np.array_equal(wraps, plain[1]) and step == plain[3]
    assert all(rows[when] == plain[2][when] for when in rows)
    assert set(rows) == {when for when in recorded if when in plain[2]}


# ------------------------------------------------------------------------------------------- what
# is recorded


@pytest.mark.parametrize("every, threads", [(1, 1), (50, 2)])
@pytest.mark.parametrize(
    "dynamics", [mpack.RCD(alpha=0.03, batch_fraction=0.5), mpack.PairwiseBRO(eps=0.03)], ids=str
)
def test_msd_is_the_sum_of_unwrapped_steps(dynamics, every, threads):
    """Against displacements followed step by step: each is far below half a box, so its nearest image is the
    one.
    """
    packing = start(n=300, phi=0.66)
    run = mpack.simulate(
        packing, dynamics, steps=300, seed=8, record=mpack.every(every), threads=threads
    )
    moved, fixed, msd = np.zeros((300, 3)), packing.fixed, [0.0]
    part = mpack.simulate(packing, dynamics, steps=0, seed=8)
    crossings = 0
    for _ in range(300):
        part = mpack.simulate(part, steps=1)
        with np.errstate(over="ignore"):
            moved += (part.final.fixed - fixed) * (2.0**-64 * packing.box)
        crossings += np.count_nonzero(np.sign(part.final.fixed) != np.sign(fixed))
        fixed = part.final.fixed
        msd.append(np.sum(moved**2) / 300)
    assert crossings > 100  # of the middle or the edge of the box: the test has something to see
    assert run.digest == part.digest
    assert np.allclose(run.msd, np.array(msd)[run.times], rtol=1e-11, atol=0)
    unwrapped = (run.final.fixed * 2.0**-64 - packing.fixed * 2.0**-64 + run.wraps) * packing.box
    assert np.allclose(unwrapped, moved, atol=1e-10)


def test_a_particle_that_goes_round_the_box():
    """One particle pushed through a row of others: its displacement grows past several boxes."""
    dynamics = mpack.PairwiseBRO(eps=1.0)
    run = mpack.simulate(
        start(n=30, phi=0.5, dim=2), dynamics, steps=4000, seed=8, record=mpack.every(400)
    )
    assert np.abs(run.wraps).max() >= 2 and run.overflows == 0
    part = mpack.simulate(
        start(n=30, phi=0.5, dim=2), dynamics, steps=0, seed=8, record=mpack.every(400)
    )
    for _ in range(8):
        part = mpack.simulate(part, steps=500)
    assert_same(part, run)
    assert run.msd[-1] > run.start.box**2


def test_energy_and_activity_are_those_of_the_configuration():
    for dynamics in (mpack.PairwiseBRO(eps=0.05), mpack.SGD(0.05, 0.5, potential=mpack.Hertzian())):
        run = mpack.simulate(start(), dynamics, steps=40, seed=1)
        potential = reference.potential_of(dynamics)
        x = run.final.positions
        assert run.energy[-1] == pytest.approx(
            reference.energy(x, run.final.box, run.final.diameters, potential), rel=1e-12
        )
        i, j, *_ = reference.contacts(x, run.final.box, run.final.diameters, potential)
        assert run.activity[-1] == len(np.union1d(i, j)) / run.final.n


# ----------------------------------------------------------------------------------------------
# ends of a run


def test_absorbed_at_once():
    """Far apart: no step is done, and going on changes nothing."""
    grid = np.stack(np.meshgrid(*[np.arange(4) * 2.0] * 3), axis=-1).reshape(-1, 3)
    run = mpack.simulate(
        mpack.Packing(grid, box=8.0), mpack.PairwiseBRO(eps=0.1), steps=1000, seed=1
    )
    assert run.absorbed and run.steps == 0 and run.final == run.start
    assert (run.times.tolist(), run.activity.tolist(), run.energy.tolist(), run.msd.tolist()) == (
        [0],
        [0],
        [0],
        [0],
    )
    again = mpack.simulate(run, steps=10)
    assert again.absorbed and again.steps == 0 and again.digest == run.digest


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("threads", [1, 3])
def test_one_particle(dim, threads):
    packing = mpack.Packing(np.zeros((1, dim)), box=2.0)
    run = mpack.simulate(
        packing, mpack.RCD(alpha=0.1, batch_fraction=0.5), steps=5, seed=1, threads=threads
    )
    assert run.absorbed and run.steps == 0 and run.digest == packing.digest


@pytest.mark.slow
@pytest.mark.parametrize("dim, phi", [(4, 1e-22), (5, 1e-18), (6, 1e-20), (6, 1e-40)])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_box_of_more_cells_than_integers_can_count(dim, phi, threads):
    """10**6 cells to an edge in four dimensions and more; as many as there are particles are enough."""
    start = mpack.Packing.random(n=100, phi=phi, dim=dim, seed=1)
    run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=10, seed=1, threads=threads)
    assert run.absorbed
    assert run.steps == 0
    assert run.final == start


def test_absorbed_means_the_first_step_without_a_contact():
    packing, dynamics = start(phi=0.3), mpack.PairwiseBRO(eps=0.1)
    run = mpack.simulate(packing, dynamics, steps=10_000, seed=4, record=mpack.every(1))
    assert run.absorbed and 0 < run.steps < 10_000
    assert (
        np.all(run.activity[:-1] > 0) and run.activity[-1] == 0 and len(run.times) == run.steps + 1
    )
    assert len(run.final.overlaps()[0]) == 0
    assert mpack.simulate(
        packing, dynamics, steps=run.steps, seed=4
    ).absorbed  # also when it is the last step asked for
    before = mpack.simulate(packing, dynamics, steps=run.steps - 1, seed=4)
    assert not before.absorbed and len(before.final.overlaps()[0]) > 0
    assert_same(mpack.simulate(run, steps=50), run)
    assert_same(
        mpack.simulate(packing, dynamics, steps=2**47, seed=4, record=mpack.every(1)), run
    )  # no table of 2**47


INTERRUPTED = """
import os, signal, sys, threading, mpack
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits SIGINT ignored
threads, progress = int(sys.argv[1]), sys.argv[2] == "bar"
packing = mpack.Packing.random(n=300, phi=0.66, dim=3, seed=1)
dynamics = mpack.PairwiseBRO(eps=0.05)
mpack.simulate(packing, dynamics, steps=1, seed=1, threads=threads)
for wait in (0.02, 0.35):
    threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT)).start()
    options = {"threads": threads, "progress": progress}
    run = mpack.simulate(packing, dynamics, steps=2**40, seed=1, record=[0, 3, 777], **options)
    assert run.interrupted and 0 < run.steps < 2**40 and run.times[-1] == run.steps, run
    more = mpack.simulate(run, steps=500)
    plain = mpack.simulate(packing, dynamics, steps=more.steps, seed=1, record=[0, 3, 777])
    assert not more.interrupted and more.steps == run.steps + 500
    assert more.digest == plain.digest
    assert list(more.times) == list(plain.times) and list(more.msd) == list(plain.msd)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print("fine")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("threads, bar", [(1, "plain"), (2, "bar")])
def test_ctrl_c_returns_a_run_that_goes_on(threads, bar):
    result = in_a_fresh_process(INTERRUPTED, str(threads), bar)
    assert result.returncode == 0 and "fine" in result.stdout, result.stderr


def test_progress_is_one_bar(capsys):
    packing, dynamics = start(), mpack.PairwiseBRO(eps=0.05)
    quiet = mpack.simulate(packing, dynamics, steps=400, seed=1)
    assert capsys.readouterr() == ("", "")
    run = mpack.simulate(packing, dynamics, steps=400, seed=1, progress=True)
    out, err = capsys.readouterr()
    assert (
        out == "" and err.count("\n") == 1 and "100%" in err and "400/400" in err and "steps" in err
    )
    assert_same(run, quiet)


def test_a_run_can_be_pickled_and_goes_on():
    run = mpack.simulate(
        start(), mpack.RCD(0.05, 0.5), steps=20, seed=1, record=mpack.log_spaced(4)
    )
    copy = pickle.loads(pickle.dumps(run))
    assert_same(copy, run)
    assert_same(mpack.simulate(copy, steps=20), mpack.simulate(run, steps=20))


def test_a_run_does_not_share_memory_with_its_start():
    packing = start()
    before = packing.fixed.copy()
    run = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.05), steps=5, seed=1)
    first = run.digest
    mpack.simulate(run, steps=5)
    assert np.array_equal(packing.fixed, before) and run.digest == first and run.steps == 5


# ------------------------------------------------------------------------------------------------------
# seeds


def test_seeds_and_dynamics_give_different_runs():
    packing = start()
    rules = [reference.DYNAMICS[name] for name in reference.DYNAMICS]
    digests = [
        mpack.simulate(packing, rule, steps=3, seed=seed).digest
        for rule in rules
        for seed in (0, 1, 2**64 - 1)
    ]
    assert (
        len(set(digests)) == len(digests) - 2
    )  # gradient descent draws nothing: one digest for its three seeds


def test_start_and_kicks_of_one_seed_share_nothing(seed):
    """Packing.random(seed) and simulate(seed): words of the start, of pairs and of particles are disjoint and
    uncorrelated (|z| < 4.9, false alarm 1e-6 for each of three).
    """
    labels = np.arange(20_000, dtype=np.uint64)
    drawn = {}
    for name in ("start", "pair", "particle", "pair_reverse"):
        words = np.empty((len(labels), 2), dtype=np.uint64)
        key = (np.uint64(seed), np.uint64(noise.PURPOSES[name]), np.uint64(0))
        noise.fill_bits(*key, labels, np.zeros_like(labels), words)
        drawn[name] = words.ravel()
    packing = mpack.Packing.random(n=len(labels), phi=0.1, dim=2, seed=seed)
    assert np.array_equal(packing.fixed.view(np.uint64).ravel(), drawn["start"])
    centred = {name: words / 2.0**64 - 0.5 for name, words in drawn.items()}
    for name in ("pair", "particle", "pair_reverse"):
        assert len(np.intersect1d(drawn["start"], drawn[name])) == 0
        z = 12.0 * np.mean(centred["start"] * centred[name]) * math.sqrt(centred[name].size)
        assert abs(z) < 4.9


# -----------------------------------------------------------------------------------------------------
# growth


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_memory_that_grows_leaves_no_trace(threads):
    """600 particles in a box that holds 30: lists, exchange and keys all outgrow their first room."""
    packing = start(n=600, phi=10.0, dim=2)
    for dynamics in (
        mpack.SGD(alpha=1e-3, batch_size=700),
        mpack.RCD(alpha=1e-3, batch_size=70),
        mpack.SGD(alpha=1e-7, batch_fraction=0.5, potential=mpack.LennardJones(cutoff=1.5)),
        mpack.PairwiseBRO(eps=3.0),
    ):
        options = {"steps": 12, "seed": 3, "record": mpack.every(3)}
        one = quietly(packing, dynamics, **options)
        assert_same(quietly(packing, dynamics, threads=threads, **options), one)


@pytest.mark.parametrize("sizes", [None, np.linspace(0.7, 1.3, 20_000)], ids=["equal", "mixed"])
@pytest.mark.parametrize(
    "dynamics",
    [
        mpack.PairwiseBRO(eps=0.01),
        mpack.SGD(alpha=0.02, batch_fraction=1),
        mpack.RCD(alpha=0.02, batch_fraction=0.5),
    ]
    + [rule(alpha=0.02, batch_size=1000) for rule in (mpack.SGD, mpack.RCD)],
    ids=str,
)
def test_bytes_per_particle(dynamics, sizes):
    """The arrays of a run stay below 400 bytes a particle in three dimensions, also where lists outgrow their room.

    At steps of about a hundredth of a diameter; larger ones make the tuned skin wider, and that is
    what lists cost.
    """
    packing = start(n=20_000, phi=0.64, diameters=sizes)
    engine = Engine(packing, dynamics.recipe(), 1)
    engine.advance(30)
    held = [
        array
        for group in (engine.space, engine.lists, engine.shared)
        for array in group.arrays.values()
    ]
    assert (
        sum(array.nbytes for array in held if array.base is None) < engine.nbytes < 400 * packing.n
    )


class TestHigherDimensions:
    """The same promises in d = 4 and 6: against the reference, threads, resume."""

    @pytest.mark.parametrize("dim, phi", [(4, 0.5), (6, 0.1)])
    def test_threads_skin_and_resume(self, dim, phi):
        packing = start(n=90, phi=phi, dim=dim)
        for name in ("PairwiseBRO", "NonreciprocalBRO", "RCD", "SGD, B = 40", "SGD approximation"):
            dynamics = reference.DYNAMICS[name]
            options = {"seed": 3, "record": mpack.every(4)}
            one = mpack.simulate(packing, dynamics, steps=20, **options)
            assert_same(
                mpack.simulate(packing, dynamics, steps=20, threads=2, skin=0.1, **options), one
            )
            part = mpack.simulate(packing, dynamics, steps=7, threads=3, **options)
            assert_same(mpack.simulate(part, steps=13), one)

    @pytest.mark.parametrize("dim, phi", [(4, 0.5), (6, 0.1)])
    def test_first_step_agrees_with_the_reference(self, dim, phi):
        packing = start(n=90, phi=phi, dim=dim)
        for dynamics in reference.DYNAMICS.values():
            run = mpack.simulate(packing, dynamics, steps=1, seed=3)
            expected, active = reference.step(
                packing.positions, packing.box, packing.diameters, dynamics, 3, 0
            )
            got = (run.final.fixed - packing.fixed) * (2.0**-64 * packing.box)
            assert np.allclose(got, expected, atol=1e-12) and np.count_nonzero(active) == round(
                run.activity[0] * 90
            )
