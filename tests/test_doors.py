"""What comes in by doors beside the main road is refused there, in words: executors, stores, extras, specifications."""

import concurrent.futures
import dataclasses
import multiprocessing.pool
import os
import subprocess
import sys

import numpy as np
import pytest

import mpack
from mpack import _processors, ensemble, potentials
from mpack._extras import from_extra

SPECS = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, dim=2, seed=range(3))


# ------------------------------------------------------------------------------------------------
# executors


class Client:
    """As a Dask client looks."""

    def get_executor(self):
        raise AssertionError("what it gives is for the user to ask for")


@pytest.mark.parametrize(
    "executor, advice",
    [
        (Client(), r"client\.get_executor\(\)"),
        ("tcp://head:8786", r"distributed\.Client\(address\)\.get_executor"),
        (concurrent.futures.ThreadPoolExecutor, "not its class"),
        (4, "got 4"),
        ([], r"got \[\]"),
        (False, "got False"),
    ],
    ids=lambda one: str(one).partition(" at 0x")[0],  # workers have other addresses
)
def test_what_is_no_executor_is_told_what_to_give(tmp_path, executor, advice):
    for call in (ensemble.sweep, lambda specs, executor: list(ensemble.results(specs, executor))):
        with pytest.raises(TypeError, match=f"^executor must be .*{advice}"):
            call(SPECS, executor=executor)
    with pytest.raises(TypeError, match="executor"):
        mpack.sweep(SPECS, tmp_path / "runs.db", executor)
    assert not list(tmp_path.iterdir())  # refused before any work


def test_a_pool_is_told_what_takes_its_place():
    with (
        multiprocessing.pool.ThreadPool(1) as pool,
        pytest.raises(TypeError, match="multiprocessing pool, ProcessPoolExecutor"),
    ):
        mpack.sweep(SPECS, executor=pool)


class Wrong(concurrent.futures.Executor):
    """Gives what it was told to in place of results."""

    def __init__(self, change):
        self.change = change

    def submit(self, task, text, *more, **how):
        future = concurrent.futures.Future()
        future.set_result(self.change(task(text, *more, **how)))
        return future


OTHER = ensemble.produce(SPECS[2].text)
WRONG = {
    "nothing": lambda result: None,
    "a run not asked for": lambda result: OTHER,
    "a part": lambda result: {name: result[name] for name in ("key", "spec")},
    "another text": lambda result: result | {"spec": result["spec"] + " "},
    "another key": lambda result: result | {"key": "0" * 64},
    "arrays by no name": lambda result: result | {"blobs": [b"x"]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_wrong_result_of_an_executor_never_reaches_the_store(tmp_path, change):
    path = tmp_path / "runs.db"
    with pytest.raises(ensemble.SweepError, match="2 of 2 runs raised"):
        mpack.sweep(SPECS[:2], path, Wrong(change), progress=False)
    with mpack.ensemble.Store(path) as store:  # readable, and empty
        assert len(store) == 0
    assert len(mpack.sweep(SPECS[:2], path, progress=False)) == 2


# ------------------------------------------------------------------------------------------------
# stores


@pytest.mark.parametrize("change", [WRONG[name] for name in WRONG if "asked" not in name])
def test_a_store_takes_results_under_their_own_key_alone(change):
    with ensemble.Store(":memory:") as store:
        for put in (store.put, lambda result: store.put_all([result])):
            with pytest.raises((TypeError, ValueError), match="result"):
                put(change(OTHER))
        assert len(store) == 0 and not store.held
        store.put(OTHER)
        assert store.keys() == [SPECS[2].key]


@pytest.mark.parametrize("path", ["", " ", b""])
def test_a_store_without_a_name_is_refused(path):
    """SQLite would take it for a file that is gone when it is closed."""
    with pytest.raises(ValueError, match="store must be the path of a file"):
        mpack.sweep(SPECS, store=path, progress=False)
    with pytest.raises(TypeError, match="store must be a path"):
        mpack.sweep(SPECS, store=3, progress=False)


# ------------------------------------------------------------------------------------------------
# specifications and potentials


@dataclasses.dataclass(frozen=True)
class Softer(potentials.Potential):
    strength: float = 1.0


class Steeper(mpack.Harmonic):
    def energy(self, r, d=1.0):
        return 2.0 * super().energy(r, d)


@pytest.mark.parametrize("own", [Softer(), Steeper()], ids=lambda own: type(own).__name__)
def test_a_potential_of_ones_own_is_refused_where_it_is_given(own):
    """The kernels would not know it, or take it for what it derives from."""
    packing = SPECS[0].packing()
    calls = [
        lambda: mpack.SGD(alpha=0.1, batch_fraction=0.5, potential=own),
        lambda: mpack.RCD(alpha=0.1, batch_fraction=0.5, potential=own),
        lambda: mpack.energy(packing, own),
        lambda: mpack.activity(packing, own),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=f"^potential .*class {type(own).__name__}"):
            call()


@pytest.mark.parametrize("name", ["observables", "paired", "series"])
@pytest.mark.parametrize("value", [print, None, 3, [3], [None], ("n", 2.0), type], ids=str)
def test_what_is_no_name_is_refused_with_the_names_there_are(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be one or several of '"):
        mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, **{name: (value,)[0]})


def test_an_array_of_no_axes_is_one_value():
    rule = mpack.PairwiseBRO(eps=0.1)
    arrays = mpack.specs(rule, n=np.array(20), phi=np.float64(0.1), steps=5)
    assert arrays == mpack.specs(rule, n=20, phi=0.1, steps=5)


@pytest.mark.parametrize("options", [None, 3, print])
def test_options_of_an_observable_are_a_dict(options):
    with pytest.raises(TypeError, match="options of observables 'packing' must be a dict"):
        mpack.Spec(
            mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, observables={"packing": options}
        )


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "", "{}", "[]", "null", SPECS[0].text.replace("20", "1e999"), "1" * 9999],
)
def test_what_is_no_specification_is_said_to_be_none(text):
    with pytest.raises(ValueError, match="text is no specification"):
        ensemble.from_text(text)


# ------------------------------------------------------------------------------------------------
# processors


@pytest.mark.parametrize(
    "files, own, expected",
    [
        ({"cpu.max": "max 100000"}, "0::/", None),
        ({"cpu.max": "150000 100000"}, "0::/", 2),
        ({"job/cpu.max": "100000 100000", "job/step/cpu.max": "max 100000"}, "0::/job/step", 1),
        ({"cpu.max": "50000 100000"}, "0::/../../job", 1),
        ({"cpu,cpuacct/a/cpu.cfs_quota_us": "300000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
         "4:cpu,cpuacct:/a\n1:memory:/b", 3),
        ({"cpu,cpuacct/a/cpu.cfs_quota_us": "-1", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
         "4:cpu,cpuacct:/a", None),
        ({"cpu.max": "nonsense"}, "0::/", None),
        ({"cpu.max": "0 0"}, "nonsense", None),
    ],
)  # fmt: skip
def test_processors_are_those_that_a_control_group_may_use(
    monkeypatch, tmp_path, files, own, expected
):
    for name, content in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(content)
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(_processors, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(_processors, "_OWN", tmp_path / "own")
    monkeypatch.setattr(_processors, "_by_affinity", lambda: 64)
    assert ensemble.processors() == (64 if expected is None else expected)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_processors_are_those_of_the_affinity():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert ensemble.processors() == 1
    finally:
        os.sched_setaffinity(0, before)


# ------------------------------------------------------------------------------------------------
# extras


PLAIN = """
import sys
sys.modules |= dict.fromkeys(("matplotlib", "anywidget", "ipywidgets", "sklearn"))  # as if missing
import mpack
from mpack import contrastive, figures, widgets
packing, rule = mpack.Packing.random(n=9, phi=0.1, dim=2, seed=1), mpack.PairwiseBRO(eps=0.1)
calls = {
    "figures": [figures.use_style, lambda: figures.draw_packing(None, packing)],
    "widgets": [
        lambda: widgets.Playground,
        lambda: widgets.drive(packing, rule),
        lambda: widgets.explore(packing, rule),
        lambda: widgets.tour([]),
        lambda: widgets.predict("?", None),
    ],
    "learning": [lambda: contrastive.linear_probe([[1.0]], [1], [[1.0]], [1])],
}
for extra, some in calls.items():
    for call in some:
        try:
            call()
        except ModuleNotFoundError as error:
            print(extra, f"mpack-sgd[{extra}]" in str(error), error.name)
"""


def test_a_missing_extra_is_named():
    done = subprocess.run(
        [sys.executable, "-c", PLAIN], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert [extra for extra, _, _ in told] == ["figures"] * 2 + ["widgets"] * 5 + ["learning"]
    assert all(named == "True" for _, named, _ in told), done.stdout
    packages = {package.partition(".")[0] for _, _, package in told}
    assert packages >= {"matplotlib", "ipywidgets", "sklearn"}


def test_a_module_of_our_own_that_is_missing_is_no_extra():
    with (
        pytest.raises(ModuleNotFoundError, match=r"^No module named 'mpack\.nothing'$"),
        from_extra("figures", "this"),
    ):
        import mpack.nothing  # noqa: F401
