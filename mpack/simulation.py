"""Running a dynamics: `simulate(packing, dynamics, steps, seed) -> Run`.

One (start, dynamics, seed) gives one trajectory, bit for bit, whatever the threads, the neighbour
list, the recording, or a stop and a resume in between: coordinates are integers, pushes add up
exactly in any order, and the noise of a pair or particle is a function of seed, step and labels
alone (`mpack._kernels.noise`).
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check, _watching
from mpack._bodies import aspects
from mpack._crew import Crew
from mpack._extras import from_extra
from mpack._looks import Looks
from mpack._schedules import MOST_STEPS, Every, LogSpaced, Record, Schedule, schedule_of
from mpack._types import AnyPath
from mpack._watching import Watch
from mpack.dynamics import Dynamics
from mpack.packing import Packing

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import Dataset

MOST_THREADS = 256
_SLICE = 0.1  # seconds between looks at the progress bar and at interrupts
_stop: contextvars.ContextVar[list | None] = contextvars.ContextVar("stop", default=None)


def every(k: int) -> Every:
    """Record at steps 0, k, 2k, ...

    Parameters
    ----------
    k : int
        >= 1.

    Raises
    ------
    ValueError, TypeError
        If `k` is no such integer.

    Examples
    --------
    >>> import mpack
    >>> start, rule = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1), mpack.PairwiseBRO(eps=0.1)
    >>> simulate(start, rule, steps=100, seed=1, record=every(25)).times.tolist()
    [0, 25, 50, 75, 100]
    """
    return Every(_check.integer("k", k, 1, MOST_STEPS))


def log_spaced(points_per_decade: int) -> LogSpaced:
    """Record at step 0 and at the integers nearest to 10**(m / points_per_decade), m = 0, 1, 2, ...

    Parameters
    ----------
    points_per_decade : int
        1 to 1000.

    Raises
    ------
    ValueError, TypeError
        If it is no such integer.

    Examples
    --------
    >>> import mpack
    >>> start, rule = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1), mpack.PairwiseBRO(eps=0.1)
    >>> simulate(start, rule, steps=100, seed=1, record=log_spaced(2)).times.tolist()
    [0, 1, 3, 10, 32, 100]
    """
    return LogSpaced(_check.integer("points_per_decade", points_per_decade, 1, 1000))


@dataclass(frozen=True, eq=False)
class Run:
    """What a simulation did. Every array is aligned with `times`.

    Attributes
    ----------
    dynamics, seed : Dynamics, int
        What was run.
    start, final : Packing
        The first and the last configuration.
    steps : int
        Steps done. Of an absorbed run: the first step at which no pair interacts.
    absorbed : bool
        True if the activity reached 0: the configuration never moves again.
    interrupted : bool
        True if Ctrl-C ended the run early; it can be resumed.
    times : int array (m,)
        Steps recorded: as scheduled, and the last one always.
    activity : float array (m,)
        Share of the particles in range of another one, f_a.
    energy : float array (m,)
        V, the sum of the pair energies, each in units of 2**-56, or exactly where that would lose
        more than 4e-9 of the sum: so from the smallest overlap on. A WCA or Lennard-Jones pair
        counts 2**120 epsilon at most.
    msd : float array (m,)
        Mean square displacement since step 0, from unwrapped coordinates, in squared mean
        diameters; a sum of the same kind, so from the smallest kick on.
    overflows : int
        Pushes cut to just under half the box, and displacements of half the box or more (those
        count modulo the box, and `msd` loses whole boxes). 0 in any sensible run; else a
        RuntimeWarning has said so.
    digest : str
        Hexadecimal digest of the final packing by label: integer coordinates, and orientations of
        bodies.
    watched : dict of float arrays (m,)
        What the functions given as `watch` returned at `times`, by name.

    Examples
    --------
    >>> import mpack
    >>> start = mpack.Packing.random(n=50, phi=0.2, dim=2, seed=1)
    >>> run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=500, seed=1)
    >>> run.absorbed, run.steps < 500, int(run.times[-1]) == run.steps, float(run.activity[-1])
    (True, True, True, 0.0)
    """

    dynamics: Dynamics
    seed: int
    start: Packing
    final: Packing
    steps: int
    absorbed: bool
    interrupted: bool
    overflows: int
    times: np.ndarray = field(repr=False)
    activity: np.ndarray = field(repr=False)
    energy: np.ndarray = field(repr=False)
    msd: np.ndarray = field(repr=False)
    record: Schedule = field(repr=False)
    wraps: np.ndarray = field(repr=False)
    watched: dict[str, NDArray[np.float64]] = field(repr=False, default_factory=dict)
    watch: Watch = field(repr=False, default_factory=dict)

    @property
    def digest(self) -> str:
        """Hexadecimal digest of the final packing; equal digests mean equal bits."""
        return self.final.digest

    def to_frame(self) -> DataFrame:
        """The recorded series as a table: activity, energy, msd and what was watched, one row a record.

        Returns
        -------
        pandas.DataFrame
            Its index is `times`, named step.

        Examples
        --------
        >>> import mpack
        >>> start = mpack.Packing.random(n=50, phi=0.2, dim=2, seed=1)
        >>> rule, schedule = mpack.PairwiseBRO(eps=0.1), mpack.every(2)
        >>> run = mpack.simulate(start, rule, steps=6, seed=1, record=schedule)
        >>> run.to_frame().activity
        step
        0    0.56
        2    0.46
        4    0.26
        6    0.22
        Name: activity, dtype: float64
        """
        import pandas

        columns = {name: getattr(self, name) for name in ("activity", "energy", "msd")}
        index = pandas.Index(self.times, name="step")
        return pandas.DataFrame({**columns, **self.watched}, index=index)

    def to_xarray(self) -> Dataset:
        """The recorded series as in `to_frame`, with the coordinate step, and of what run they are.

        Returns
        -------
        xarray.Dataset
            Attributes: dynamics, seed, n, phi, dim, digest; of bodies that are no spheres their
            semi-axes, relative to the shortest, and rotation (infinite where nothing turns).

        Raises
        ------
        ModuleNotFoundError
            If xarray is missing, which the extra "xarray" brings.

        Examples
        --------
        >>> import mpack
        >>> start = mpack.Packing.random(n=50, phi=0.2, dim=2, seed=1)
        >>> run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=6, seed=1)
        >>> series = run.to_xarray()
        >>> series.activity.sel(step=0).item(), series.attrs["n"]
        (0.56, 50)
        """
        with from_extra("xarray", "Run.to_xarray"):
            import xarray
        of_run = {"dynamics": repr(self.dynamics), "seed": str(self.seed), "digest": self.digest}
        start = self.start
        shape: dict[str, Any] = {"n": start.n, "phi": start.phi, "dim": start.dim}
        if not start.spherical:
            kappa = self.dynamics.recipe().rotation
            turns = math.inf if kappa is None else kappa
            shape |= {"axes": aspects(start.axes), "rotation": turns}
        return xarray.Dataset.from_dataframe(self.to_frame()).assign_attrs(**of_run, **shape)


@overload
def simulate(
    start: Packing,
    dynamics: Dynamics,
    *,
    steps: int,
    seed: int,
    record: Record = None,
    watch: Watch | None = None,
    frames: Record = None,
    trajectory: AnyPath | None = None,
    threads: int = 1,
    skin: float | None = None,
    progress: bool = False,
) -> Run: ...


@overload
def simulate(
    start: Run,
    dynamics: Dynamics | None = None,
    *,
    steps: int,
    seed: int | None = None,
    record: Record = None,
    watch: Watch | None = None,
    frames: Record = None,
    trajectory: AnyPath | None = None,
    threads: int = 1,
    skin: float | None = None,
    progress: bool = False,
) -> Run: ...


def simulate(
    start: Packing | Run,
    dynamics: Dynamics | None = None,
    *,
    steps: int,
    seed: int | None = None,
    record: Record = None,
    watch: Watch | None = None,
    frames: Record = None,
    trajectory: AnyPath | None = None,
    threads: int = 1,
    skin: float | None = None,
    progress: bool = False,
) -> Run:
    """Run a dynamics from a packing, or go on with a run exactly as if it had never stopped.

    Parameters
    ----------
    start : Packing or Run
        Where to start. A Run goes on with its own dynamics, seed and recording.
    dynamics : Dynamics
        The rule, e.g. mpack.PairwiseBRO(eps=0.01); for a Packing only.
    steps : int
        How many steps to do (more), 0 to 2**48; fewer are done if the run gets absorbed.
    seed : int
        Key of the noise, in [0, 2**64); for a Packing only.
    record : every(k), log_spaced(points_per_decade) or increasing array of steps, optional
        When to record; the last step always is, and if left out only the first besides.
    watch : dict from names to functions of a Packing, optional
        Called at the recorded steps; the numbers that they return are kept in `Run.watched`. A Run
        goes on with its own.
    frames : every(k), log_spaced(points_per_decade) or increasing array of steps, optional
        When to write a frame to `trajectory`.
    trajectory : path, optional
        A GSD file (d = 2 and 3) for OVITO, freud, MDAnalysis and `mpack.frames`. Made if there is
        none; else it must be of the same run. See the notes.
    threads : int
        How many threads may share each step, 1 to 256; where one is faster by itself, it works
        alone, as it always does for ellipsoids. No bit depends on it. Worth it from some 10**4
        active particles on; many runs side by side go faster with one thread each (kernels hold no
        lock).
    skin : float, optional
        Skin of the neighbour list, in mean diameters, > 0; tuned while running if left out. A sphere
        larger than the median has one that is as much wider. No bit depends on it.
    progress : bool
        Show one progress bar (tqdm), in a terminal or a notebook.

    Returns
    -------
    Run
        Also when interrupted by Ctrl-C: with what was done, `interrupted` set; `simulate(run,
        steps=...)` goes on.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, before any work; or if the box is narrower than twice
        the range of the potential, so that the nearest image of a pair would not be unique; or if
        a watched function returns no finite number, `trajectory` is a file of another run or one
        that another run writes now, or its frames are not those that this run has passed or is to
        pass.

    Notes
    -----
    A frame of a trajectory is what `Packing.save` writes, exact coordinates included, with step,
    activity, energy, digest and what is watched in its log; there is one at each step of `frames`
    that the run passes, and one where it came to rest. Whenever the program is killed, the file
    holds whole frames, all but those of the last second. A frame is never removed and never written
    twice: give the same file to a run that goes on, or begin the same run anew after a kill; frames
    that are there are compared with the packings that the run passes, to the bit, and the others
    are appended. In the end the file holds what one uninterrupted run would have written. To compute
    nothing again after a kill, go on with `mpack.trajectory.resume("run.gsd")`, the last frame.
    While a run writes the file, it is locked, by an empty file beside it (run.gsd.lock) that goes
    with the run; a killed one leaves it there, but not locked.

    Examples
    --------
    >>> import mpack
    >>> start, rule = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1), mpack.PairwiseBRO(eps=0.1)
    >>> half = simulate(start, rule, steps=50, seed=1)
    >>> simulate(half, steps=50).digest == simulate(start, rule, steps=100, seed=1).digest
    True
    """
    steps = _check.integer("steps", steps, 0, MOST_STEPS)
    threads = _check.integer("threads", threads, 1, MOST_THREADS)
    progress = _check.flag("progress", progress)
    if skin is not None:
        skin = _check.number("skin", skin, 0, 10, open_low=True)
    begin = _continued if isinstance(start, Run) else _beginning
    run = begin(start, dynamics, seed, record, watch)
    _check_box(run.final, run.dynamics)
    with Looks(run, frames, trajectory) as looks:
        return _run(run, steps, threads, skin, progress, looks)


def snapshots(
    start: Packing | Run,
    dynamics: Dynamics | None = None,
    *,
    at: ArrayLike,
    seed: int | None = None,
    record: Record = None,
    watch: Watch | None = None,
    threads: int = 1,
    skin: float | None = None,
) -> Iterator[Run]:
    """Run a dynamics and stop on the way: a generator of the run as it is at each of the steps `at`.

    The trajectory is that of one uninterrupted `simulate`, to the last bit. Nothing is kept, and
    nothing is done before it is asked for: a loop may end when it has seen enough.

    Parameters
    ----------
    start, dynamics, seed, record, watch, threads, skin
        As for `simulate`; a Run goes on from its own step.
    at : sequence of int
        Steps, counted from step 0 of the run, none lower than the one before; the first not below
        the step of a Run that goes on. Each in [0, 2**48].

    Yields
    ------
    Run
        One for each of `at`; `run.final` is the packing there, `mpack.observables.displacements(run)`
        the way to it. A run that gets absorbed stays as it is, `run.steps` below the step asked
        for. One ended by Ctrl-C (`run.interrupted`) is the last.

    Raises
    ------
    ValueError, TypeError
        At the call, if an argument is out of its range.

    Examples
    --------
    >>> import mpack
    >>> start = mpack.Packing.random(n=100, phi=0.7, dim=3, seed=1)
    >>> rule = mpack.PairwiseBRO(eps=0.1)
    >>> looks = list(snapshots(start, rule, at=[0, 10, 20], seed=2))
    >>> [run.steps for run in looks], looks[0].final == start
    ([0, 10, 20], True)
    >>> looks[-1].digest == mpack.simulate(start, rule, steps=20, seed=2).digest
    True
    """
    how: dict[str, Any] = {"threads": threads, "skin": skin}
    begin: Callable[..., Run] = simulate  # in either of its forms
    run = begin(start, dynamics, steps=0, seed=seed, record=record, watch=watch, **how)
    return _snapshots(run, _steps_to(at, run.steps), how)


def _snapshots(run, at, how):
    for step in at:
        run = simulate(run, steps=max(step - run.steps, 0), **how)
        yield run
        if run.interrupted:
            return


def _steps_to(at, first):
    """The steps of `at` as a list, none lower than the one before, from `first` on."""
    given = np.asarray(at)
    if given.ndim != 1 or (len(given) and given.dtype.kind not in "iu"):
        raise TypeError(f"at must be a one-dimensional array of steps; got {_check.short(at)}")
    steps = given.tolist()
    for place, (earlier, later) in enumerate(zip([first, *steps], steps, strict=False)):
        if not earlier <= later <= MOST_STEPS:
            raise ValueError(
                f"at must be steps in [{first}, {MOST_STEPS}], none lower than the one before; "
                f"got at[{place}] = {later}" + (f" after {earlier}" if place else "")
            )
    return steps


def _beginning(start, dynamics, seed, record, watch):
    """The run of no steps from a packing."""
    _check.instance("start", start, Packing, "a Packing or a Run")
    _check.instance(
        "dynamics", dynamics, Dynamics, "a dynamics such as mpack.PairwiseBRO(eps=0.01)"
    )
    dynamics.recipe()  # refuses what is no dynamics of its own
    watch = _watching.functions(watch)
    return Run(
        dynamics=dynamics,
        seed=_check.seed("seed", seed),
        start=start,
        final=start,
        steps=0,
        absorbed=False,
        interrupted=False,
        overflows=0,
        times=np.zeros(0, dtype=np.int64),
        activity=np.zeros(0),
        energy=np.zeros(0),
        msd=np.zeros(0),
        record=schedule_of(record),
        wraps=np.zeros((start.n, start.dim), dtype=np.int32),
        watched={name: np.zeros(0) for name in watch},
        watch=watch,
    )


def _continued(run, dynamics, seed, record, watch):
    """A run about to go on: what is given again must be the same, but for the recording from here on."""
    if dynamics is not None and dynamics != run.dynamics:
        raise ValueError(
            f"dynamics of a Run that goes on is its own, {run.dynamics!r}; got {dynamics!r}"
        )
    if seed is not None and seed != run.seed:
        raise ValueError(f"seed of a Run that goes on is its own, {run.seed}; got {seed!r}")
    if watch is not None:
        watch = _watching.functions(watch)
        if set(watch) != set(run.watch):
            raise ValueError(
                "watch of a Run that goes on has the names of its own, "
                f"{sorted(run.watch)}; got {sorted(watch)}"
            )
        run = replace(run, watch=watch)
    return run if record is None else replace(run, record=schedule_of(record))


def _check_box(packing, dynamics):
    reach = float(dynamics.recipe().potential.range(float(packing.diameters.max())))
    if packing.box < 2.0 * reach:
        raise ValueError(
            f"box must be at least twice the largest range of the potential, {2.0 * reach:g}, "
            f"so that the nearest image is unique; got {packing.box:g}"
        )


def _run(run, steps, threads, skin, progress, looks):
    engine_class = _engine_for(run.final)
    until = run.steps + (0 if run.absorbed else steps)
    engine = engine_class(
        run.final,
        run.dynamics.recipe(),
        run.seed,
        step=run.steps,
        origin=run.start.fixed,
        wraps=run.wraps,
        threads=min(threads, run.final.n),
        skin=skin,
    )
    with _interrupts() as pressed:
        absorbed, times, rows = _advance(engine, looks, until, progress, pressed)
        recorded = len(times) > 0 and times[-1] == engine.step
        if not recorded:
            last = engine.schedule([engine.step])
            engine.advance(engine.step)
            times, rows = np.append(times, engine.step), np.concatenate([rows, last])
        looks.end(engine, rows[-1], recorded)
    return _result(run, engine, times, rows, looks.watched, absorbed, bool(pressed))


def _engine_for(packing):
    """The class of engines that move such particles."""
    if packing.spherical:
        from mpack._engine import Engine

        return Engine
    from mpack._body_engine import BodyEngine

    return BodyEngine


@contextlib.contextmanager
def stoppable(stop: list) -> Iterator[None]:
    """While the block runs, simulations of this thread end early, `interrupted`, once the list `stop` has an item.

    Examples
    --------
    >>> import mpack
    >>> start, stop = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1), ["enough"]
    >>> with stoppable(stop):
    ...     simulate(start, mpack.PairwiseBRO(eps=0.1), steps=10**12, seed=1).interrupted
    True
    """
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


@contextlib.contextmanager
def _interrupts():
    """A list that Ctrl-C adds to, instead of raising, while the block runs.

    Raised in the midst of it, an interrupt could fall between the starts of two threads, and the
    first would wait for the other for ever. Outside the main thread (it alone gets interrupts) and
    where they are ignored, nothing changes.
    """
    pressed, handler = _stop.get(), signal.getsignal(signal.SIGINT)
    pressed = [] if pressed is None else pressed
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield pressed
        return
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, handler)


def _result(run, engine, times, rows, watched, absorbed, interrupted):
    """The run so far and what the engine has added to it."""
    from mpack._engine import energy_of, exact
    from mpack._kernels.state import LIMBS

    kept = (
        run.times < run.steps
    )  # the last record has been taken again if it was scheduled, else it goes
    energy = np.array([energy_of(row) for row in rows])
    msd = np.array([exact(row[1 + LIMBS :]) for row in rows]) / engine.n
    fixed, wraps, turns = engine.snapshot()
    overflows = run.overflows + engine.clipped
    if engine.clipped:
        warnings.warn(
            f"{engine.clipped} pushes or displacements reached half the box ({run.start.box:g}): cut or taken modulo "
            "the box. Is the kick size or learning rate far too large, or the start too close for this potential?",
            RuntimeWarning,
            stacklevel=4,
        )
    return replace(
        run,
        final=run.start.moved(fixed, turns),
        steps=engine.step,
        absorbed=bool(absorbed or rows[-1, 0] == 0),
        interrupted=interrupted,
        overflows=overflows,
        times=np.concatenate([run.times[kept], times]),
        activity=np.concatenate([run.activity[kept], rows[:, 0] / engine.n]),
        energy=np.concatenate([run.energy[kept], energy]),
        msd=np.concatenate([run.msd[kept], msd]),
        wraps=wraps,
        watched={
            name: np.concatenate([run.watched[name][kept], more]) for name, more in watched.items()
        },
    )


def _advance(engine, looks, until, progress, pressed):
    """Run the engine in slices of about a tenth of a second, until `pressed`; returns (absorbed, times, rows).

    A slice ends where something is to be looked at.
    """
    times, rows = [], []
    first, span, absorbed = engine.step, 1, False
    crew = Crew(engine.threads, engine.n)
    with _bar(until - engine.step) if progress else contextlib.nullcontext() as bar:
        while True:  # once at least: there may be a step to record
            engine.share(crew.count)
            before, clock = engine.step, time.perf_counter()
            last = looks.stop(first, min(until, before + span))
            steps = looks.between(first, last)
            table = engine.schedule(steps)
            absorbed = engine.advance(last)
            worked = time.perf_counter() - clock
            steps, table = steps[: engine.recorded], table[: engine.recorded]
            kept = looks.recorded(steps)
            times.append(steps[kept])
            rows.append(table[kept])
            if len(steps) and steps[-1] == last:
                looks.look(engine, table[-1])
            first = last + 1
            if bar is not None:
                bar.update(engine.step - before)
            if absorbed or pressed or engine.step >= until:
                break
            took, done = max(time.perf_counter() - clock, 1e-9), max(engine.step - before, 1)
            usual = max(1, min(2**40, math.ceil(done * min(4.0, _SLICE / took))))
            span = crew.after(worked, engine.step - before) or usual
    return absorbed, np.concatenate(times), np.concatenate(rows)


def _bar(total):
    from tqdm.auto import tqdm

    return tqdm(total=total, unit=" steps", unit_scale=True)
