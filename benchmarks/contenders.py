"""Who takes turns: this library by its two doors, plain codes, other programs, sweeps, trajectories.

The kernel's door is an engine whose list is made and tuned before the clock starts: what a step
costs. The public door is one call of `mpack.simulate` for the same steps, with all that it does
before and after: what a user waits for.
"""

import concurrent.futures
import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import mpack
from benchmarks import kdtree, kdtree_bodies, plain
from benchmarks.rows import Row, Turn, timed
from benchmarks.states import EPS, RULES
from mpack._body_engine import BodyEngine
from mpack._engine import Engine
from mpack.packing import digest_of

# How the plain codes are told the rule: kind, push at full overlap, batch fraction.
PLAIN = {
    "BRO": (0, EPS, 1.0),
    "SGD, b_f = 0.2": (1, 0.5 * EPS, 0.2),
    "GD": (2, 0.5 * EPS, 1.0),
    "SGD, α = 1": (1, 0.5, 0.2),
}


class OfStretch:
    """A contender that does the steps of a stretch."""

    code, door, waits = "mpack", "", False

    def __init__(self, stretch, threads=1):
        self.stretch, self.threads, self.flags, self.bytes = stretch, threads, [], None

    def row(self, group, name, block):
        """The row, all but its turns."""
        stretch = self.stretch
        state = stretch.state
        return Row(
            group,
            name,
            block,
            code=self.code,
            door=self.door,
            threads=self.threads,
            waits=self.waits,
            state=describe(state, stretch.warm),
            steps=stretch.steps,
            activity=stretch.activity,
            lowest=stretch.lowest,
            highest=stretch.highest,
            contacts=stretch.contacts,
            bytes_per_particle=self.bytes,
            flags=stretch.flags + self.flags,
        )

    def _turn(self, done, seconds, cpu, activity=None, asked=None):
        died = done < (self.stretch.steps if asked is None else asked)
        return Turn(seconds, cpu, float(self.stretch.state.n * done), activity, died)


def describe(state, warm):
    """A state as a row keeps it."""
    names = ("rule", "n", "phi", "dim", "sizes", "protocol", "band")
    return {name: getattr(state, name) for name in names} | {"warm": warm}


class Kernel(OfStretch):
    """An engine, warm."""

    door = "kernel"

    def prepare(self):
        """Tune the skin over the stretch, once; look whether the bits are those of the public door."""
        engine, self.skin = self._engine(), None
        engine.advance(self.stretch.warm + self.stretch.steps)
        self.skin, self.bytes = float(engine.shared["skin"]), engine.nbytes / engine.n
        fixed, _, turns = engine.snapshot()
        if digest_of(fixed, turns) != self.stretch.digest:
            self.flags.append("other bits than the public door")

    def _engine(self):
        base = self.stretch.base
        recipe = base.dynamics.recipe()
        kind = Engine if base.final.spherical else BodyEngine
        return kind(base.final, recipe, base.seed, threads=self.threads)

    def turn(self):
        engine, warm, steps = self._engine(), self.stretch.warm, self.stretch.steps
        engine.shared["skin"] = self.skin
        engine.advance(warm)
        _, seconds, cpu = timed(lambda: engine.advance(warm + steps))
        return self._turn(engine.step - warm, seconds, cpu)


class Public(OfStretch):
    """One call of `mpack.simulate`."""

    door = "simulate"

    def prepare(self):
        run = self._run()
        if run.digest != self.stretch.digest:
            self.flags.append("other bits than the same run recorded")

    def _run(self):
        stretch = self.stretch
        return mpack.simulate(stretch.begin, steps=stretch.steps, threads=self.threads)

    def turn(self):
        run, seconds, cpu = timed(self._run)
        return self._turn(run.steps - self.stretch.warm, seconds, cpu)


class Trajectory(Public):
    """The same call, writing frames to a new file."""

    waits = True

    def __init__(self, stretch, frames=100):
        super().__init__(stretch)
        self.frames = frames

    def _run(self):
        stretch = self.stretch
        with tempfile.TemporaryDirectory() as folder:
            return mpack.simulate(
                stretch.begin,
                steps=stretch.steps,
                frames=mpack.every(self.frames),
                trajectory=Path(folder) / "run.gsd",
            )


class Call(Public):
    """A call that takes one step: what every call costs. In milliseconds."""

    def row(self, group, name, block):
        row = super().row(group, name, block)
        row.unit = "ms"
        return row

    def turn(self):
        turn = super().turn()
        return dataclasses.replace(turn, count=1.0)


class PlainNumba(OfStretch):
    """The plain half list, with its own noise: it says its own activity."""

    code = "plain numba"

    def prepare(self):
        self._run(1)

    def _run(self, steps):
        packing = self.stretch.begin.final
        kind, scale, fraction = PLAIN[self.stretch.state.rule]
        x = packing.positions.copy()
        return plain.run(x, packing.box, steps, scale, kind, fraction, 1, plain.SKIN)

    def _asked(self):
        return self.stretch.steps

    def turn(self):
        asked, n = self._asked(), self.stretch.state.n
        (steps, active), seconds, cpu = timed(lambda: self._run(asked))
        return self._turn(steps, seconds, cpu, active / max(steps, 1) / n, asked)


class KDTree(PlainNumba):
    """SciPy's tree and NumPy."""

    code = "cKDTree + NumPy"

    def _run(self, steps):
        packing = self.stretch.begin.final
        kind, scale, fraction = PLAIN[self.stretch.state.rule]
        return kdtree.run(packing.positions.copy(), packing.box, steps, scale, kind, fraction, 1)

    def _asked(self):
        return max(2, self.stretch.steps // 20)


class KDTreeBodies(KDTree):
    """The same of bodies, with linear algebra."""

    def _run(self, steps):
        kind, scale, fraction = PLAIN[self.stretch.state.rule]
        return kdtree_bodies.run(self.stretch.begin.final, steps, scale, kind, fraction, 1)

    def _asked(self):
        return 2


class Program(OfStretch):
    """Another program doing the same gradient descent; its activity is that at both ends."""

    def __init__(self, stretch, module, threads=1):
        super().__init__(stretch, threads)
        self.module, self.code = module, module.name

    def prepare(self):
        self._descend(1)

    def _descend(self, steps):
        packing = self.stretch.begin.final
        x = packing.positions.copy()
        descend = self.module.gradient_descent
        seconds, after = descend(x, packing.box, EPS, steps, threads=self.threads)
        return seconds, mpack.Packing(after, box=packing.box)

    def turn(self):
        steps, packing = max(8, self.stretch.steps // 8), self.stretch.begin.final
        (seconds, after), _, cpu = timed(lambda: self._descend(steps))
        ends = packing, after
        activity = float(np.mean([mpack.activity(end) for end in ends]))
        return self._turn(steps, seconds, min(cpu, seconds * self.threads), activity, steps)


class Bodies(Program):
    """Another program that moves and turns the same bodies by other forces, and so little that all stay in place."""

    def _descend(self, steps):
        packing = self.stretch.begin.final
        return self.module.descend(packing, steps, threads=self.threads), packing


class Sweep:
    """Small runs one after another: by a sweep with one worker (and a store), or in a bare loop."""

    code, threads = "mpack", 1

    def __init__(self, door, runs, state, steps):
        self.door, self.state, self.steps = door, state, steps
        self.specs = mpack.specs(
            RULES[state.rule], n=state.n, phi=state.phi, steps=steps, seed=range(runs)
        )

    def prepare(self):
        self.turn()

    def turn(self):
        _, seconds, cpu = timed(getattr(self, f"_{self.door.split()[0]}"))
        return Turn(seconds, cpu, float(len(self.specs)))

    def _loop(self):
        return [spec.run() for spec in self.specs]

    def _sweep(self):
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "runs.sqlite" if "store" in self.door else None
            with concurrent.futures.ThreadPoolExecutor(1) as executor:
                mpack.sweep(self.specs, store=store, executor=executor, progress=False)

    def row(self, group, name, block):
        runs = self._loop()
        active = [float(np.mean(run.activity)) for run in runs]
        state, steps = describe(self.state, 0) | {"runs": len(runs)}, self.steps
        row = Row(group, name, block, unit="ms", door=self.door, state=state, steps=steps)
        row.waits = self.door != "loop"  # for the worker, and for the disk
        row.activity, row.lowest, row.highest = float(np.mean(active)), min(active), max(active)
        low, high = self.state.band
        if not low <= row.lowest <= row.highest <= high:
            row.flags.append(f"left its band: mean f_a {row.lowest:.3g} to {row.highest:.3g}")
        return row


class Process:
    """A fresh Python that runs a few lines; with an empty cache of kernels if `cold`."""

    code, door, threads = "mpack", "", 1
    FIRST = (
        "import mpack; p = mpack.Packing.random(n=1000, phi=0.6, dim=3, seed=1); "
        "mpack.simulate(p, mpack.PairwiseBRO(eps=0.01), steps=10, seed=1)"
    )

    def __init__(self, lines, cold=False):
        self.lines, self.cold = lines, cold

    def prepare(self):
        if not self.cold:
            self.turn()  # its kernels are in the cache from now on

    def turn(self):
        before = os.times()
        _, seconds, _ = timed(self._run)
        after = os.times()
        cpu = sum(after[2:4]) - sum(before[2:4])
        return Turn(seconds, cpu, 1.0)

    def _run(self):
        with tempfile.TemporaryDirectory() as folder:
            cache = {"NUMBA_CACHE_DIR": folder} if self.cold else {}
            environment = {**os.environ, **cache, "MPACK_QUIET": "1"}
            subprocess.run([sys.executable, "-c", self.lines], check=True, env=environment)

    def row(self, group, name, block):
        return Row(group, name, block, unit="s", waits=True)
