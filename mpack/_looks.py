"""What looks at a run on its way: watched functions at the recorded steps, and frames into a file.

The engine stops where something looks, so that a packing can be made of its coordinates; no bit
depends on where it stops. Without watched functions and frames nothing stops it.
"""

from __future__ import annotations

import numpy as np

from mpack import _check
from mpack._schedules import schedule_of
from mpack._watching import values
from mpack._writer import Writer


class Looks:
    """The looks at a run from where it is, to be entered as a context while it goes on.

    Parameters
    ----------
    run : Run
    frames, trajectory : schedule and path, or None
        As for `mpack.simulate`.

    Raises
    ------
    ValueError, TypeError
        If one of `frames` and `trajectory` is missing, or refused; if a watched function gives no
        number for the packing as it is.
    """

    def __init__(self, run, frames, trajectory):
        if (frames is None) != (trajectory is None):
            raise ValueError(
                "frames (when to write one, e.g. mpack.every(100)) and trajectory (the file) go "
                f"together; got frames={_check.short(frames)} and trajectory={trajectory!r}"
            )
        self._run, self._record = run, run.record
        self._frames = None if frames is None else schedule_of(frames, "frames")
        self._writer = None
        self._begun = values_now(run)
        if trajectory is not None:
            self._writer = Writer(trajectory, run, self._frames, run.watch)
        self.watched = {name: [] for name in run.watch}

    def __enter__(self):
        if self._writer is not None:
            self._writer.__enter__()
        return self

    def __exit__(self, *error):
        if self._writer is not None:
            self._writer.__exit__(*error)

    def stop(self, first, last):
        """The first step in [first, last] at which to stop and look; `last` if there is none."""
        if self._run.watch:
            last = next(iter(self._record.between(first, last).tolist()), last)
        if self._frames is not None:
            last = next(iter(self._frames.between(first, last).tolist()), last)
        return last

    def between(self, first, last):
        """The steps in [first, last] at which the engine is to measure."""
        steps = self._record.between(first, last)
        if self._frames is None:
            return steps
        frames = self._frames.between(first, last)
        return np.union1d(steps, frames) if len(steps) else frames

    def recorded(self, steps):
        """Which of these steps the run keeps: a mask, or a slice of all."""
        if self._frames is None or not len(steps):
            return slice(None)
        kept = self._record.between(int(steps[0]), int(steps[-1]))
        return np.isin(steps, kept) if len(kept) else slice(0)

    def look(self, engine, row):
        """Look at the packing at the engine's step, where `row` was measured, if that is a step to look at."""
        now = engine.step
        record = len(self._record.between(now, now)) > 0
        frame = self._frames is not None and len(self._frames.between(now, now)) > 0
        self._take(engine, row, record, frame)

    def end(self, engine, row, recorded):
        """Look at the last packing: recorded whatever its step, unless it is, and a frame where a run came to rest."""
        self._take(engine, row, not recorded, self._frames is not None and row[0] == 0)

    def _take(self, engine, row, record, frame):
        from mpack._engine import energy_of, settled

        record = record and bool(self._run.watch)
        if not record and not frame:
            return
        held, step = engine.held(), engine.step
        if step == self._run.steps or not self._run.watch:
            found = self._begun
        else:
            fixed, _, turns = settled(held)
            found = values(self._run.watch, self._run.start.moved(fixed, turns), step)
        if record:
            for name, value in found.items():
                self.watched[name].append(value)
        if frame:
            self._writer.add(held, step, row[0] / engine.n, energy_of(row), found)


def values_now(run):
    """What the watched functions give before any step: as recorded, or by calling them."""
    if len(run.times) and run.times[-1] == run.steps:
        return {name: float(series[-1]) for name, series in run.watched.items()}
    return values(run.watch, run.final, run.steps)
