"""Sweeps over specifications that survive anything: `sweep(specs, store=...) -> DataFrame`, one row a run.

A run is a `Spec` (mpack.specification) and is known by the hash of its canonical text. `sweep` does
those that are not in the store yet, on threads here or on any `concurrent.futures` executor (so on
a Dask cluster), and stores each as soon as it is finished: kill it at any moment and call it again,
and it does only what is missing. Archives of the runs behind the book's figures are exported to
compact files, from which anyone can read, audit and go on.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from mpack import _check, _tables
from mpack._archive import archives, derived_now, export, import_archive, load_archive
from mpack._audit import Audit, audit
from mpack._measures import OBSERVABLES
from mpack._processors import allowed_processors
from mpack._rows import produce, state
from mpack._store import (
    DigestMismatch,
    Store,
    StoreDamaged,
    StoreError,
    StoreInUse,
    StoreUnwritable,
    check_result,
    reading,
)
from mpack._types import AnyPath
from mpack.simulation import Run, stoppable
from mpack.specification import Spec, from_text, specs

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "Spec",
    "specs",
    "from_text",
    "sweep",
    "results",
    "table",
    "load",
    "together",
    "processors",
    "export",
    "import_archive",
    "load_archive",
    "merge",
    "resume",
    "archives",
    "derived_now",
    "audit",
    "Audit",
    "Store",
    "StoreError",
    "StoreInUse",
    "StoreDamaged",
    "StoreUnwritable",
    "DigestMismatch",
    "SweepError",
    "OBSERVABLES",
]

_T = TypeVar("_T")
RESUBMISSIONS = 10  # of one run, whose worker was lost each time
_LOST = ("KilledWorker", "CancelledError", "FutureCancelledError", "CommClosedError", "LostWorker")


class SweepError(RuntimeError):
    """Runs that raised, or an executor that broke; the message says which. All finished runs are stored.

    Examples
    --------
    >>> import mpack
    >>> class Full(concurrent.futures.Executor):
    ...     def submit(self, *call, **options):
    ...         future = concurrent.futures.Future()
    ...         future.set_exception(MemoryError("no room"))
    ...         return future
    >>> spec = mpack.Spec(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5)
    >>> sweep([spec], executor=Full(), progress=False)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    mpack.ensemble.SweepError: 1 of 1 runs raised; the others are done. The first: MemoryError: ...
    """


def sweep(
    specs: Iterable[Spec],
    store: AnyPath | Store | None = None,
    executor: concurrent.futures.Executor | None = None,
    progress: bool = True,
    *,
    workers: int | None = None,
    at_once: int | None = None,
    threads: int = 1,
) -> DataFrame:
    """Do the runs that are not in the store yet, store each as it finishes, and return the table of all.

    Parameters
    ----------
    specs : list of Spec
        See `mpack.specs`. The same specification twice is one run and two rows.
    store : path or Store, optional
        One SQLite file, made if missing, held by this driver alone while it runs. Killed at any
        moment and called again, a sweep does what is missing. If left out, results live in memory
        only.
    executor : concurrent.futures.Executor, optional
        Where runs are done: a process pool, or a Dask cluster's,
        `distributed.Client(...).get_executor()`. Runs whose Dask worker dies are submitted again.
        Threads on this machine if left out: the kernels hold no lock.
    progress : bool
        Show a progress bar whose estimate of the time left weighs runs by particles times steps.
    workers : int, optional
        How many threads on this machine; as many as this process may use processors if left out.
    at_once : int, optional
        How many runs an executor is given ahead; twice its workers where it says how many, else 64.
    threads : int
        Threads that share each run, one run after another; for a few very large runs, and without
        `executor`.

    Returns
    -------
    pandas.DataFrame
        One row a run, in the order of `specs`: rule, approximation, process (the dynamics' `label`,
        as "GD" or "BRO approximation"), eps, alpha, batch_fraction, batch_size, correlation, memory,
        potential, n, phi, dim, sizes, start, steps_asked, seed, paired (the specification);
        steps (done), absorbed; f_inf, f_inf_error, tau_f (autocorrelation time in
        steps), lengths (autocorrelation times in the averaged second half), drift, reliable
        (lengths >= 50 and |drift| <= 3), by `mpack.critical.steady_activity`; tau_r and
        tau_r_after, by `mpack.critical.relaxation_time`; overflows, activity, energy, msd (at the
        last step); what observables were asked for (z, z_without_rattlers, rattlers,
        flatness_0.015, ...), and the last value of each watched function; digest, chain, wall
        (seconds), version, commit, cpu, finished; key, spec (canonical text); series (times,
        activity, energy, msd as arrays); arrays (of observables, and "watched": times and values).

    Raises
    ------
    ValueError, TypeError
        If an argument is none, or threads > 1 together with an executor.
    StoreInUse, StoreDamaged, StoreError
        See `Store`.
    DigestMismatch
        If a run was computed twice with different results.
    SweepError
        At the end, if runs raised; all others are done and stored.

    Examples
    --------
    >>> import mpack
    >>> rule = mpack.PairwiseBRO(eps=0.1)
    >>> table = sweep(mpack.specs(rule, n=50, dim=2, phi=[0.2, 0.9], steps=500), progress=False)
    >>> table[["phi", "absorbed"]].to_numpy().tolist()
    [[0.2, True], [0.9, False]]
    """
    specs = _checked(specs)
    _check_executor(executor)
    if isinstance(store, Store):
        return _sweep(
            specs, store, executor, progress, workers=workers, at_once=at_once, threads=threads
        )
    with Store(":memory:" if store is None else store) as opened:
        return _sweep(
            specs, opened, executor, progress, workers=workers, at_once=at_once, threads=threads
        )


def _sweep(specs, store, executor, progress, **how):
    asked = {spec.key: spec for spec in specs}
    missing = [spec for key, spec in asked.items() if key not in store]
    failed = []
    with (
        _saying_what_is_kept(asked, store),
        _bar(asked.values(), missing)
        if _check.flag("progress", progress) and missing
        else contextlib.nullcontext() as bar,
    ):
        for spec, outcome in results(missing, executor, **how):
            if isinstance(outcome, Exception):
                failed.append((spec, outcome))
            else:
                store.put(outcome)
            if bar is not None:
                bar.update(spec.cost)
    store.flush()
    if failed:
        spec, error = failed[0]
        raise SweepError(
            f"{len(failed)} of {len(missing)} runs raised; the others are done. The first: "
            f"{type(error).__name__}: {error} in {spec.text}"
        ) from error
    return table(specs, store)


@contextlib.contextmanager
def _saying_what_is_kept(asked, store):
    """Who stops a sweep hears what is kept."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if store.path != ":memory:":
            store.flush()
            there = sum(key in store for key in asked)
            stop.add_note(
                f"{there} of {len(asked)} runs kept in {store.path}; the same call does the others"
            )
        raise


def table(specs: Iterable[Spec], store: Store) -> DataFrame:
    """The table of runs that are all in `store`, in the order of `specs`; see `sweep`.

    Examples
    --------
    >>> import mpack
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with Store(":memory:") as store:
    ...     all_of_them = sweep(some, store, progress=False)
    ...     table(some[:0:-1], store).seed.tolist()
    [2, 1]
    """
    return _tables.frame([_row(spec, store) for spec in specs])


def load(store: AnyPath | Store, specs: Iterable[Spec] | None = None) -> DataFrame:
    """The table of the runs that are finished so far: also while a sweep, in any process, writes the store.

    Nothing is computed, and the file is not touched.

    Parameters
    ----------
    store : path or Store
        What a sweep was given.
    specs : list of Spec, optional
        Only these, in this order, those of them that are finished; all runs of the store, in the
        order of their specifications' texts (that of an archive), if left out.

    Returns
    -------
    pandas.DataFrame
        As `sweep` returns it.

    Raises
    ------
    TypeError, ValueError
        If `store` is no path, or `specs` not all specifications.
    StoreError, StoreDamaged
        If there is no such file, or it is damaged, or no store.
    StoreInUse
        If it goes on changing faster than it can be read, for ten seconds.

    Examples
    --------
    >>> import tempfile, mpack
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/runs.db") as driver:
    ...     _ = sweep(some[:2], driver, progress=False)
    ...     load(f"{folder}/runs.db", some).seed.tolist()  # some[2] is still to be done
    [0, 1]
    """
    wanted = None if specs is None else _checked(specs)
    if not isinstance(store, Store):
        with reading(store) as opened:
            return load(opened, wanted)
    if wanted is None:
        wanted = map(from_text, sorted(result["spec"] for result in store.values()))
    return table([spec for spec in wanted if spec.key in store], store)


def _row(spec, store):
    result = store.get(spec.key)
    if result is None:
        raise StoreError(f"store {store.path} has no run {spec.text}")
    made = _tables.row(spec.columns(), result, store.derived.get(spec.key))
    store.derived[spec.key] = {name: made[name] for name in _tables.DERIVED}
    return made


def results(
    specs: Iterable[Spec],
    executor: concurrent.futures.Executor | None = None,
    *,
    workers: int | None = None,
    at_once: int | None = None,
    threads: int = 1,
) -> Iterator[tuple[Spec, dict[str, Any] | BaseException]]:
    """Do runs and yield (spec, result) as they finish, in whatever order that is; what `sweep` is made of.

    A result is plain data, as `Store.put` takes it, or the exception that the run raised. A bounded
    number of runs is given to the executor ahead, and `specs` (any iterable) is asked for the next
    one only when there is room. Arguments and errors as for `sweep`.

    Examples
    --------
    >>> import mpack
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> sorted(spec.seed for spec, result in results(some) if result["steps"] <= 5)
    [0, 1, 2]
    """
    specs = map(_checked_one, specs)
    threads = _check.integer("threads", threads, 1)
    _check_executor(executor)
    if executor is not None and threads > 1:
        raise ValueError(
            f"threads must be 1 with an executor, whose workers do a run each and would get in each other's way; "
            f"got {threads}"
        )
    if executor is not None:
        at_once = _at_once(executor) if at_once is None else _check.integer("at_once", at_once, 1)
        yield from _finished(specs, executor, at_once)
        return
    workers = processors() if workers is None else _check.integer("workers", workers, 1)
    workers, stop = (workers if threads == 1 else 1), list[bool]()
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        yield from _finished(specs, pool, workers, threads=threads, stop=stop)
    finally:
        stop.append(True)
        pool.shutdown(wait=True, cancel_futures=True)


def together(work: Callable[..., _T], *columns: Iterable, workers: int | None = None) -> list[_T]:
    """Like `list(map(work, *columns))`, several calls at a time: results in the order of the arguments.

    For runs that are looked at as they go, or whose start is no `Spec`; the kernels hold no lock,
    so that threads share the processors. What a call returns must depend on its arguments alone;
    then no bit depends on the number of workers.

    Parameters
    ----------
    work : callable
    *columns : iterables
        Its first arguments, its second ones, ...; all of one length.
    workers : int, optional
        Calls at a time, >= 1; as many as this process may use processors if left out.

    Returns
    -------
    list

    Raises
    ------
    TypeError, ValueError
        If `work` cannot be called, there are no columns, or they differ in length.
    Exception
        What the first call (in order) that failed raised, with a note that says which it was.
        Calls not begun by then are never made, and simulations that are under way are ended.

    Examples
    --------
    >>> import mpack
    >>> def fate(phi, seed):
    ...     start = mpack.Packing.random(n=50, phi=phi, dim=2, seed=seed)
    ...     return mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=500, seed=seed).absorbed
    >>> together(fate, [0.2, 0.9], [1, 2])
    [True, False]
    """
    if not callable(work):
        raise TypeError(f"work must be callable; got {_check.short(work)}")
    lists = [list(column) for column in columns]
    if len({len(column) for column in lists}) != 1:
        raise ValueError(
            "columns must be one at least, all of one length; "
            f"got lengths {[len(column) for column in lists]}"
        )
    calls, stop = list(zip(*lists, strict=True)), list[bool]()
    workers = processors() if workers is None else _check.integer("workers", workers, 1)
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        begun = [pool.submit(_stoppable, stop, work, call) for call in calls]
        concurrent.futures.wait(begun, return_when=concurrent.futures.FIRST_EXCEPTION)
        for number, (future, call) in enumerate(zip(begun, calls, strict=True)):
            if future.done() and (error := future.exception()) is not None:
                error.add_note(
                    f"raised by call {number + 1} of {len(calls)}: {_spelled(work, call)}"
                )
                raise error
        return [future.result() for future in begun]
    finally:
        stop.append(True)
        pool.shutdown(wait=True, cancel_futures=True)


def processors() -> int:
    """How many processors this process may use, which may be fewer than the machine has.

    The fewest of those that its affinity names and those that the time its control group (a
    container, a job of a queue) may spend comes to, rounded up.

    Examples
    --------
    >>> import os
    >>> 1 <= processors() <= (os.cpu_count() or 1)
    True
    """
    return allowed_processors()


def _stoppable(stop, work, call):
    with stoppable(stop):
        return work(*call)


def _spelled(work, call):
    """A call as one would write it, for a message."""
    name = getattr(work, "__name__", type(work).__name__)
    return f"{name}({', '.join(_check.short(argument) for argument in call)})"


def _check_executor(executor):
    """None, or TypeError that says what to give in place of what is no executor."""
    if executor is None or isinstance(executor, concurrent.futures.Executor):
        return
    advice = "a concurrent.futures.Executor, e.g. ProcessPoolExecutor()"
    if callable(getattr(executor, "get_executor", None)):  # a Dask client
        advice += "; of a Dask client, client.get_executor()"
    elif isinstance(executor, str):
        advice += "; of a Dask cluster at an address, distributed.Client(address).get_executor()"
    elif isinstance(executor, type):
        advice += "; an executor itself, not its class"
    elif hasattr(executor, "apply_async"):
        advice += "; in place of a multiprocessing pool, ProcessPoolExecutor(workers)"
    raise TypeError(f"executor must be {advice}; got {_check.short(executor)}")


def _at_once(executor):
    """How many runs an executor is given ahead: twice its workers where it says how many."""
    workers = getattr(executor, "_max_workers", None)
    return 2 * workers if isinstance(workers, int) else 64


def _finished(specs, executor, at_once, **how):
    """Yield (spec, result or exception) as runs finish, with at most `at_once` in flight; lost ones go out again."""
    again, flying, lost = deque(), {}, Counter()
    try:
        while True:
            while (
                len(flying) < at_once
                and (spec := again.popleft() if again else next(specs, None)) is not None
            ):
                with _broken_told():
                    future = executor.submit(produce, spec.text, lost[spec.key], **how)
                flying[future] = spec
            if not flying:
                return
            done, _ = concurrent.futures.wait(
                flying, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                spec = flying.pop(future)
                outcome = _of(spec, _outcome(future))
                if _is_lost(outcome) and lost[spec.key] < RESUBMISSIONS:
                    lost[spec.key] += 1
                    again.append(spec)
                else:
                    yield spec, outcome
    finally:
        for future in flying:
            future.cancel()


@contextlib.contextmanager
def _broken_told():
    """A broken executor is the sweep's end, whether it is noticed as a run goes out or comes back."""
    try:
        yield
    except concurrent.futures.BrokenExecutor as error:
        raise SweepError(
            f"the executor broke: {error} Finished runs are stored; start the sweep again with a new executor"
        ) from error


def _outcome(future):
    """What a future ended with: plain data, or the exception."""
    with _broken_told():
        try:
            return future.result()
        except concurrent.futures.BrokenExecutor:
            raise
        except (Exception, concurrent.futures.CancelledError) as error:
            return error


def _of(spec, outcome):
    """The outcome of a run; an exception in place of what is no result of this run."""
    if isinstance(outcome, BaseException):
        return outcome
    try:
        check_result(outcome)
    except (TypeError, ValueError) as error:
        return error
    if outcome["key"] != spec.key:
        return ValueError(f"the executor gave the result of another run, {outcome['spec']}")
    return outcome


def _is_lost(outcome):
    """True if it was the worker that ended, not the run."""
    return isinstance(outcome, BaseException) and any(
        kind.__name__ in _LOST for kind in type(outcome).__mro__
    )


def _bar(specs, missing):
    """A bar over all runs asked for; it begins with those that are there."""
    from tqdm.auto import tqdm

    total = sum(spec.cost for spec in specs)
    there = total - sum(spec.cost for spec in missing)
    return tqdm(total=total, initial=there, unit=" particle steps", unit_scale=True)


def merge(store: AnyPath | Store, *others: AnyPath | Store) -> int:
    """Bring the runs of other stores into a store; a run in both must have the same digests.

    Parameters
    ----------
    store, *others : Store or path

    Returns
    -------
    int
        How many runs were new to `store`.

    Raises
    ------
    DigestMismatch
        If a run is in two stores with different results; nothing of that store is taken.
    StoreInUse, StoreDamaged, StoreError
        See `Store`.

    Examples
    --------
    >>> import mpack
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with Store(":memory:") as one, Store(":memory:") as other:
    ...     first = sweep(some[:2], one, progress=False)
    ...     second = sweep(some[1:], other, progress=False)
    ...     merge(one, other)
    1
    """
    with contextlib.ExitStack() as opened:
        stores = [
            one if isinstance(one, Store) else opened.enter_context(Store(one))
            for one in (store, *others)
        ]
        before = len(stores[0])
        for other in stores[1:]:
            stores[0].put_all(list(other.values()))
        return len(stores[0]) - before


def resume(row: Any) -> Run:
    """The end of a stored run that kept its last packing, as a Run: `mpack.simulate(resume(row), steps=...)` goes on.

    Parameters
    ----------
    row : row of a table
        Of a specification with observables="packing".

    Returns
    -------
    Run
        Without the records before.

    Examples
    --------
    >>> import mpack
    >>> rule, how = mpack.PairwiseBRO(eps=0.1), dict(n=50, phi=0.9, dim=2, steps=10)
    >>> spec = mpack.Spec(rule, **how, observables="packing")
    >>> row = sweep([spec], progress=False).iloc[0]
    >>> mpack.simulate(resume(row), steps=10).digest == spec.run(20).digest
    True
    """
    if "packing" not in row.arrays:
        raise ValueError(
            'row must be of a run that kept its last packing, observables="packing"; this one did not'
        )
    return state(from_text(row.spec), row.arrays["packing"], int(row.steps))


def _checked(specs):
    return [_checked_one(spec) for spec in specs]


def _checked_one(spec):
    return _check.instance(
        "every one of specs", spec, Spec, "a Spec; mpack.specs(...) makes a list of them"
    )
