"""What is compared with what: groups of blocks. The entries of a block take turns; the first is its reference."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import benchmarks
from benchmarks import lammps_bodies, lammps_descent
from benchmarks import pages as hosted
from benchmarks.contenders import (
    Bodies,
    Call,
    KDTree,
    KDTreeBodies,
    Kernel,
    PlainNumba,
    Process,
    Program,
    Public,
    Sweep,
    Trajectory,
    describe,
)
from benchmarks.rows import Row, finish, take_turns
from benchmarks.states import RULES, State, Unreached, stretch_of
from mpack._processors import allowed_processors


@dataclass(frozen=True)
class Scale:
    """How much is done: turns, particle-steps a turn, the largest system; `full` has all the rows."""

    turns: int
    budget: float
    largest: int
    full: bool

    def steps(self, n):
        """Steps of a stretch in a state that lasts."""
        return int(np.clip(self.budget / n, 60, 4000))


FULL = Scale(turns=9, budget=2e7, largest=1_000_000, full=True)
QUICK = Scale(turns=3, budget=4e6, largest=10_000, full=False)


@dataclass(frozen=True)
class Entry:
    """A contender that is made when its block's turn comes; its reference, if it is not the block's first."""

    name: str
    make: Callable
    state: State | None = None
    reference: str = ""


@dataclass(frozen=True)
class Group:
    """A table: its name, title, a few words on what it shows, and its blocks."""

    name: str
    title: str
    words: str
    blocks: tuple


def doors(state, steps, threads=(1,), doors=("kernel", "simulate"), name=""):
    """Entries for a state: each door, each number of threads."""
    made = []
    for door, kind in (("kernel", Kernel), ("simulate", Public)):
        for count in threads if door in doors else ():
            words = f", {count} thread{'s' * (count > 1)}" if len(threads) > 1 else ""
            make = lambda kind=kind, count=count: kind(stretch_of(state, steps), count)
            alone = f"{name}, {door}, 1 thread" if len(threads) > 1 else ""
            made.append(Entry(f"{name}, {door}{words}", make, state, alone))
    return made


def other(name, kind, state, steps, *more):
    """An entry of another code on the same stretch."""
    return Entry(name, lambda: kind(stretch_of(state, steps), *more), state)


def other_programs():
    """The modules `*_descent` beside this one that can run: `make bench-all` installs what they need."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    found = [importlib.import_module(f"benchmarks.{n}") for n in names if n.endswith("_descent")]
    return [module for module in found if module.available()]


def n_is(n):
    """N in words."""
    return f"N = {n:,}"


def quiet(n, mark, phi=0.615):
    """A decaying state near absorption, and its band around the mark: small systems fluctuate by so much."""
    return State(n=n, phi=phi, until=("activity", mark), band=(0.5 * mark, 1.7 * mark))


def far():
    """Kicks longer than any skin, few active."""
    until, band = ("activity", 0.026), (0.015, 0.045)
    return State("SGD, α = 1", 30_000, 0.212, until=until, band=band)


def sizes(scale):
    """Dense, from small to large."""
    entries = []
    for n in sorted((10_000, 1_000, 100_000, 1_000_000), key=lambda n: n != 10_000):
        if n <= scale.largest:
            entries += doors(State(n=n), scale.steps(n), name=n_is(n))
    words = "Pairwise BRO, ε = 0.01, φ = 0.64, one thread. The ratio is to N = 10,000 by the kernel's door."
    return Group("size", "Dense, from small to large", words, (tuple(entries),))


def codes(scale):
    """Beside other codes, dense, near absorption and at large kicks."""
    dense, descent, steps = State(), State("GD"), scale.steps(10_000)
    n = 100_000 if scale.full else 10_000
    near, kicks = quiet(n, 0.018), far()
    one = [
        *doors(dense, steps, doors=("kernel",), name="dense"),
        other("dense, plain numba", PlainNumba, dense, steps),
        other("dense, cKDTree + NumPy", KDTree, dense, steps),
    ]
    two = doors(descent, steps, doors=("kernel",), threads=threads_here(), name="descent")
    two.append(other("descent, plain numba", PlainNumba, descent, steps))
    for module in other_programs():
        for count in threads_here() if module.name == "LAMMPS" else (1,):
            label = f"descent, {module.name}" + (f", {count} threads" if count > 1 else "")
            two.append(other(label, Program, descent, steps, module, count))
    three = doors(near, 60, name="near absorption")
    three.append(other("near absorption, plain numba", PlainNumba, near, 60))
    four = doors(kicks, 200, name="large kicks")
    four.append(other("large kicks, plain numba", PlainNumba, kicks, 200))
    words = (
        "One thread unless said; each block has a reference of its own, its first row. The plain list and the tree "
        "have noise of their own and say their own activity. The public door of a short stretch is mostly making the "
        "engine: that is what a call costs, however few steps it does."
    )
    return Group("codes", "Beside other codes", words, tuple(map(tuple, (one, two, three, four))))


def wide(scale):
    """Wide sizes beside equal ones with as many contacts a particle."""
    n, blocks = 10_000, []
    for mark, states in (
        (3.0, (("equal", 0.64), ("log-normal 0.5", 0.90))),
        (1.0, (("equal", 0.55), ("log-normal 0.5", 0.64), ("1 in 100 is 10", 0.64))),
    ):
        block = []
        for kind, phi in states:
            state = State(
                n=n, phi=phi, sizes=kind, until=("contacts", mark), band=(0.25 * mark, 1.0)
            )
            block += doors(state, 60, doors=("kernel",), name=f"z ≤ {mark:g}, {kind}")
        blocks.append(tuple(block))
    words = (
        "Pairwise BRO, N = 10,000, from the first look with so many contacts a particle, 60 steps. These states decay: "
        "z says how many contacts a particle has where the stretch begins and where it ends."
    )
    return Group("wide", "Wide sizes", words, tuple(blocks))


def bodies(scale):
    """Ellipsoids beside spheres, ellipses beside discs: dense, and near absorption."""
    n = 10_000
    dense, flat, quiet_ = [], [], []
    for kind, phi in (
        *(("equal", 0.64), ("prolate 1.5", 0.70), ("oblate 1.5", 0.70)),
        *(("triaxial", 0.72), ("prolate 5", 0.66)),
    ):
        state = State(n=n, phi=phi, sizes=kind, band=(0.5, 1.0))
        dense += doors(state, scale.steps(n), doors=("kernel",), name=f"dense, {kind}")
    for kind, phi in (("equal", 0.9), ("ellipse 1.5", 0.95)):
        state = State(n=n, phi=phi, dim=2, sizes=kind, band=(0.3, 1.0))
        flat += doors(state, scale.steps(n), doors=("kernel",), name=f"flat, {kind}")
    for kind, phi in (("equal", 0.615), ("prolate 1.5", 0.66)):
        state = State(n=n, phi=phi, sizes=kind, until=("activity", 0.1), band=(0.05, 0.17))
        quiet_ += doors(state, 60, doors=("kernel",), name=f"f_a ≤ 0.1, {kind}")
    state = State("GD", n=n, phi=0.70, sizes="prolate 1.5", band=(0.5, 1.0))
    descent = doors(state, scale.steps(n), doors=("kernel",), name="descent, prolate 1.5")
    label = "descent, prolate 1.5, cKDTree + NumPy"
    descent.append(other(label, KDTreeBodies, state, scale.steps(n)))
    if lammps_descent.available():
        label = f"descent, prolate 1.5, {lammps_bodies.name}"
        descent.append(other(label, Bodies, state, scale.steps(n), lammps_bodies))
    other_force = " Gay–Berne's is another force between the same bodies, and a clock."
    words = (
        "Pairwise BRO, ε = 0.01, one thread; descent by α = 0.01. A body costs the contact function of its pairs, "
        "its torque and its turn. The ratio is to the first row of each block, spheres or discs in the first three; "
        "the aim is 6 for prolate 1.5, dense."
    ) + (other_force if lammps_descent.available() else "")
    blocks = dense, flat, quiet_, descent
    return Group("bodies", "Ellipsoids", words, tuple(map(tuple, blocks)))


def threads_here():
    """(1, 2), or (1,) where this process may use one processor."""
    return (1, 2) if allowed_processors() > 1 else (1,)


def threads(scale):
    """Two threads beside one, by both doors, dense and quiet."""
    cases = [(f"dense, {n_is(n)}", State(n=n)) for n in (1_000, 10_000, 100_000, 1_000_000)]
    cases += [
        (f"f_a ≤ {mark:g}, {n_is(n)}", quiet(n, mark))
        for n in (10_000, 100_000)
        for mark in (0.1, 0.018)
    ]
    cases = [case for case in cases if case[1].n <= scale.largest] + [("large kicks", far())]
    blocks = []
    for name, state in cases:
        lasting = state.until[0] == "steps"
        steps = scale.steps(state.n) if lasting else 200 if state == far() else 60
        blocks.append(tuple(doors(state, steps, threads=threads_here(), name=name)))
    words = (
        "The ratio is to one thread by the same door: where it is below 1, two threads are faster."
    )
    return Group("threads", "Two threads", words, tuple(blocks))


def rules(scale):
    """Every rule, dense."""
    entries = []
    for rule in RULES:
        if rule != "SGD, α = 1":
            entries += doors(State(rule), scale.steps(10_000), doors=("kernel",), name=rule)
    words = "N = 10,000, φ = 0.64, kicks of 0.01, one thread; the ratio is to pairwise BRO."
    return Group("rules", "Each rule", words, (tuple(entries),))


def dimensions(scale):
    """Two to five dimensions."""
    entries = []
    for dim, phi in ((3, 0.64), (2, 0.9), (4, 0.5), (5, 0.3)):
        if scale.full or dim in (3, 5):
            state = State(n=4_000, phi=phi, dim=dim, until=("steps", 100))
            entries += doors(state, scale.steps(20_000), doors=("kernel",), name=f"d = {dim}")
    words = "Pairwise BRO, N = 4,000, one thread; the ratio is to three dimensions. Contacts differ: see z."
    return Group("dimensions", "Dimensions", words, (tuple(entries),))


def around(scale):
    """What stands around the steps: sweeps, trajectories, calls."""
    small, start, steps = State(n=100, until=("steps", 0)), State(), 10 * scale.steps(100_000)
    runs = 200 if scale.full else 50
    sweeps = tuple(
        Entry(door, lambda door=door: Sweep(door, runs, small, 50), small)
        for door in ("loop", "sweep", "sweep with a store")
    )
    stretch = lambda: stretch_of(start, steps, warm=0)
    written = (
        Entry("no trajectory", lambda: Public(stretch()), start),
        Entry("a frame in 100 steps", lambda: Trajectory(stretch()), start),
    )
    calls = tuple(
        Entry(n_is(n), lambda n=n: Call(stretch_of(State(n=n), 1)), State(n=n))
        for n in (1_000, 10_000, 100_000)
        if n <= scale.largest
    )
    words = (
        f"Sweeps: {runs} runs of 50 steps, N = 100, by one worker, in milliseconds a run, beside a bare loop of the "
        "same runs. Trajectories: N = 10,000, dense, `simulate` with and without a new GSD file. "
        "Calls: one step by `simulate`, dense, in milliseconds a call."
    )
    return Group("around", "Around the steps", words, (sweeps, written, calls))


def pages(scale):
    """The kernels in a page, beside the native ones and the twin in JavaScript."""
    states = (
        ("BRO in 2D", State(n=1_000, phi=0.9, dim=2)),
        ("BRO in 3D", State(n=1_000)),
        ("SGD in 3D", State("SGD, b_f = 0.2", 10_000)),
    )
    blocks, found = [], hosted.hosts()
    for name, state in states:
        steps = scale.steps(state.n)
        block = doors(state, steps, doors=("kernel",), name=name)
        for where, host in found.items():
            label = f"{name}, WebAssembly, {where}"
            block.append(other(label, hosted.Hosted, state, steps, host))
            if state.dim == 2:
                block.append(
                    other(f"{name}, twin, {where}", hosted.Hosted, state, steps, host, True)
                )
        blocks.append(tuple(block))
    words = (
        "Native by the kernel's door; the same kernels as WebAssembly, where node or Chromium is there; and the twin, "
        "discs alone, which was written by hand. One thread. The skin of a page's list is tuned while it runs."
    )
    return Group("pages", "In a page", words, tuple(blocks))


def starts(scale):
    """Fresh processes."""
    bare, first = "import mpack", Process.FIRST
    entries = [
        Entry("Python alone", lambda: Process("pass")),
        Entry("import mpack", lambda: Process(bare)),
        Entry("first simulate, kernels cached", lambda: Process(first)),
    ]
    blocks = [tuple(entries)]
    if scale.full:
        blocks.append((Entry("first simulate, nothing cached", lambda: Process(first, True)),))
    words = "Seconds of a fresh process from its start to its end; the last compiles the kernels of three dimensions."
    return Group("starts", "The first call", words, tuple(blocks))


ALL = (sizes, codes, wide, bodies, threads, rules, dimensions, around, pages, starts)


def measured(group, turns, tell=lambda text: None):
    """The rows of a group; a state that is not reached gives a row without turns, and says why."""
    rows = []
    for place, block in enumerate(group.blocks):
        ready = [_ready(group.name, entry, place) for entry in block]
        able = [(row, contender) for row, contender in ready if contender is not None]
        cold = any(getattr(contender, "cold", False) for _, contender in able)
        taken = take_turns([contender for _, contender in able], 1 if cold else turns)
        for (row, _), found in zip(able, taken):
            finish(row, found)
        for _, contender in able:
            getattr(contender, "close", lambda: None)()
        rows += [row for row, _ in ready]
        tell(f"{group.title}: block {place + 1} of {len(group.blocks)}")
    return rows


def _ready(group, entry, place):
    """(row, contender) about to take turns; (flagged row, None) where the state is not reached."""
    try:
        contender = entry.make()
        contender.prepare()
        row = contender.row(group, entry.name, place)
        row.reference = entry.reference
        return row, contender
    except Unreached as why:
        state = describe(entry.state, 0)
        return Row(group, entry.name, place, state=state, flags=[str(why)]), None
