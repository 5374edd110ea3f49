"""Sweeps on other executors: bounded, resubmitted where a worker is lost, and the same bits; a real Dask cluster."""

import concurrent.futures
import logging
import os
import signal
import threading

import pandas as pd
import pytest

import mpack
from book import reruns
from mpack import _rows, ensemble

SPECS = mpack.specs(
    [mpack.SGD(alpha=0.05, batch_fraction=0.5), mpack.PairwiseBRO(eps=0.05)],
    n=60,
    phi=[0.3, 0.6, 0.9],
    steps=50,
    dim=2,
    seed=range(2),
)


def bare(table):
    """A table without what may differ between two runs of one specification, and without arrays."""
    return table.drop(columns=["wall", "finished", "series", "arrays"])


@pytest.fixture(scope="module")
def expected():
    """The table that every executor has to give."""
    return bare(mpack.sweep(SPECS, progress=False))


def assert_expected(table, expected):
    pd.testing.assert_frame_equal(bare(table), expected, check_exact=True)


class Inline(concurrent.futures.Executor):
    """Does tasks one by one on a thread of its own; counts; loses whom it is told to."""

    def __init__(self, losses=None, error=concurrent.futures.CancelledError):
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.losses, self.error = dict(losses or {}), error
        self.lock, self.now, self.most, self.tasks = threading.Lock(), 0, 0, []

    def submit(self, task, text, *more, **how):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.tasks.append((text, *more))
        future = self.pool.submit(self.work, task, text, more, how)
        return future

    def work(self, task, text, more, how):
        try:
            if self.losses.get(text, 0):
                self.losses[text] -= 1
                raise self.error
            return task(text, *more, **how)
        finally:
            with self.lock:
                self.now -= 1


class KilledWorker(Exception):
    """As Dask's scheduler calls it."""


def test_the_number_in_flight_is_bounded(expected):
    for at_once in (1, 3):
        executor = Inline()
        assert_expected(
            mpack.sweep(SPECS, executor=executor, progress=False, at_once=at_once), expected
        )
        assert executor.most == at_once and len(executor.tasks) == len(SPECS)


@pytest.mark.parametrize("error", [concurrent.futures.CancelledError, KilledWorker])
def test_lost_runs_go_out_again_as_new_tasks(expected, error):
    lost = {SPECS[0].text: 3, SPECS[5].text: 1}
    executor = Inline(lost, error)
    assert_expected(mpack.sweep(SPECS, executor=executor, progress=False), expected)
    assert len(executor.tasks) == len(set(executor.tasks)) == len(SPECS) + 4


def test_a_run_that_loses_every_worker_is_given_up(expected):
    executor = Inline({SPECS[0].text: 10**9}, KilledWorker)
    with pytest.raises(
        ensemble.SweepError, match="1 of 12 runs raised; the others are done.*KilledWorker"
    ):
        mpack.sweep(SPECS, executor=executor, progress=False)
    assert len(executor.tasks) == len(SPECS) + ensemble.RESUBMISSIONS


def test_a_run_that_raises_does_not_stop_the_others(tmp_path, expected, monkeypatch):
    executor = Inline({SPECS[3].text: 1}, ArithmeticError("odd"))
    path = tmp_path / "s.sqlite"
    with pytest.raises(
        ensemble.SweepError,
        match="1 of 12 runs raised; the others are done. .*ArithmeticError: odd",
    ):
        mpack.sweep(SPECS, store=path, executor=executor, progress=False)
    executor = Inline()
    assert_expected(mpack.sweep(SPECS, store=path, executor=executor, progress=False), expected)
    assert [text for text, _ in executor.tasks] == [SPECS[3].text]


def test_threads_inside_an_executor_are_refused():
    with pytest.raises(ValueError, match="threads must be 1 with an executor"):
        mpack.sweep(SPECS, executor=Inline(), progress=False, threads=2)


def test_what_crosses_to_a_worker_is_plain():
    """A canonical text goes out, a dict of plain values comes back: no object of ours is pickled."""
    result = _rows.produce(SPECS[0].text)

    def plain(value):
        if isinstance(value, dict):
            return all(type(key) is str and plain(item) for key, item in value.items())
        return (
            all(map(plain, value))
            if type(value) is list
            else type(value) in (str, int, float, bool, bytes)
        )

    assert plain(result) and type(SPECS[0].text) is str


def ended(*_, **__):
    """A task that takes its process with it."""
    os._exit(1)


def test_a_broken_process_pool_is_told_and_nothing_stored_is_lost(tmp_path, monkeypatch, expected):
    path = tmp_path / "s.sqlite"
    mpack.sweep(SPECS[:4], store=path, progress=False)
    with concurrent.futures.ProcessPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(ensemble, "produce", ended)
        with pytest.raises(ensemble.SweepError, match="executor broke"):
            mpack.sweep(SPECS, store=path, executor=pool, progress=False)
    assert_expected(mpack.sweep(SPECS, store=path, progress=False), expected)


# ----------------------------------------------------------------------------------------------------------
# Dask


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A real local Dask cluster: two workers, each a process, under nannies that start a killed one anew."""
    import dask
    import distributed

    settings = {
        "distributed.scheduler.allowed-failures": 0,  # a lost worker's run comes back to us as KilledWorker
        "temporary-directory": str(tmp_path_factory.mktemp("dask")),
        "distributed.admin.tick.limit": "1h",  # no complaints of a busy machine
    }
    with dask.config.set(settings):
        cluster = distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
        with cluster, distributed.Client(cluster) as client:
            yield client


def test_a_dask_cluster_gives_the_same_bits(client, expected):
    assert_expected(mpack.sweep(SPECS, executor=client.get_executor(), progress=False), expected)


def test_a_chapter_s_source_takes_the_cluster_at_an_address(
    client, expected, monkeypatch, tmp_path
):
    used = []
    monkeypatch.setattr(reruns, "kept_in", lambda: tmp_path)
    monkeypatch.setattr(
        ensemble, "_at_once", lambda executor: used.append(type(executor).__name__) or 2
    )
    table = reruns.Source("paper", client.scheduler.address).sweep(SPECS, "on-a-cluster")
    assert_expected(table, expected)
    assert used == ["ClientExecutor"] and (tmp_path / "on-a-cluster.sqlite").exists()


def test_a_killed_dask_worker_s_runs_are_resubmitted(client, expected, monkeypatch):
    """Two runs send SIGKILL to their own worker, a process each, at their first attempt: never fatal."""
    victims, lost = {SPECS[1].text, SPECS[7].text}, []
    outcome = ensemble._outcome

    def deadly(text, attempt=0, produce=_rows.produce):
        if text in victims and attempt == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return produce(text)

    def watched(future):
        found = outcome(future)
        lost.extend([type(found).__name__] * ensemble._is_lost(found))
        return found

    monkeypatch.setattr(ensemble, "produce", deadly)
    monkeypatch.setattr(ensemble, "_outcome", watched)
    assert_expected(
        mpack.sweep(SPECS, executor=client.get_executor(), progress=False, at_once=2), expected
    )
    assert len(lost) >= 2 and set(lost) <= {
        "KilledWorker",
        "CancelledError",
        "FutureCancelledError",
    }


def test_an_executor_that_is_broken_before_the_first_run_is_told():
    class Broken(Inline):
        def submit(self, *_, **__):
            raise concurrent.futures.BrokenExecutor("a worker was killed.")

    with pytest.raises(ensemble.SweepError, match="executor broke: a worker was killed"):
        mpack.sweep(SPECS, executor=Broken())
