"""The benchmark table: nanoseconds per particle and step, and ratios to other codes run side by side.

    python -m benchmarks [--quick] [--json FILE]

Within a case the codes take turns, so that whatever else slows the machine slows them alike; each
figure is the best of its turns. Only ratios mean anything: they are taken within one case of one
run.
"""

import argparse
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import time
from functools import partial

import numpy as np

import benchmarks
import mpack
from benchmarks import figures, kdtree, plain
from mpack._engine import Engine

EPS = 0.01
RULES = {
    "BRO": (mpack.PairwiseBRO(eps=EPS), 0, EPS, 1.0),
    "SGD 0.2": (mpack.SGD(alpha=EPS, batch_fraction=0.2), 1, 0.5 * EPS, 0.2),
    "GD": (mpack.SGD(alpha=EPS, batch_fraction=1.0), 2, 0.5 * EPS, 1.0),
    "SGD, α = 1": (mpack.SGD(alpha=1.0, batch_fraction=0.2), 1, 0.5, 0.2),  # beyond any skin
}
TURNS = 3


SIZES = {
    "equal": np.ones,
    "log-normal 0.5": lambda n: mpack.sizes.lognormal(n, 0.5),
    "1 in 100 is 10": lambda n: mpack.sizes.bidisperse(n, 10.0, 0.01),
}
STRETCH = 60  # steps of a turn from a state that does not last


class Case:
    """One state, from which every code takes the same kind of steps.

    It is reached from a random start after `begin` steps, or (begin = "activity" or "contacts", with
    a number below 1) once fewer particles are active, or each has fewer contacts, than `below`.
    """

    def __init__(self, rule, n, phi, begin, below=0.0, dim=3, sizes="equal"):
        self.rule, self.n, self.phi, self.dim, self.sizes = rule, n, phi, dim, sizes
        self.begin, self.lasting = begin, not isinstance(begin, str)
        self.dynamics, self.kind, self.scale, self.fraction = RULES[rule]
        start = mpack.Packing.random(n=n, phi=phi, dim=dim, seed=1, diameters=SIZES[sizes](n))
        engine = Engine(start, self.dynamics.recipe(), 2)
        engine.advance(begin if self.lasting else 0)
        self.packing = self._packing(engine, start)
        while not self.lasting and self._count() >= below:
            if engine.advance(engine.step + 5):
                raise RuntimeError(f"absorbed before its {begin} fell below {below}")
            self.packing = self._packing(engine, start)
        self.contacts = 2.0 * len(self.packing.overlaps()[0]) / n
        self.activity = None

    @staticmethod
    def _packing(engine, start):
        return mpack.Packing.from_fixed(engine.snapshot()[0], start.box, start.diameters)

    def _count(self):
        if self.begin == "activity":
            return mpack.activity(self.packing)
        return 2.0 * len(self.packing.overlaps()[0]) / self.n

    def _engine(self, steps, threads=1):
        """An engine at the beginning of the stretch, its list built and tuned beforehand."""
        engine = Engine(self.packing, self.dynamics.recipe(), 3, threads=threads)
        engine.advance(max(3, steps // 2) if self.lasting else 3)
        return engine

    def mpack(self, steps, threads):
        """(seconds, steps) of this library; and bytes per particle. Each turn is the same stretch."""

        def turn():
            engine = self._engine(steps, threads)
            before, clock = engine.step, time.perf_counter()
            engine.advance(before + steps)
            return time.perf_counter() - clock, engine.step - before

        engine = self._engine(steps, threads)
        if self.activity is None:
            first = engine.step
            record = engine.schedule(range(first, first + steps, max(1, steps // 50)))
            engine.advance(first + steps)
            self.activity = float(np.mean(record[: engine.recorded, 0])) / self.n
        return turn, engine.nbytes / self.n

    def plain(self, steps):
        """The plain numba half list."""
        plain.run(
            self.packing.positions.copy(),
            self.packing.box,
            2,
            self.scale,
            self.kind,
            self.fraction,
            1,
            plain.SKIN,
        )

        def turn():
            x, clock = self.packing.positions.copy(), time.perf_counter()
            done = plain.run(
                x, self.packing.box, steps, self.scale, self.kind, self.fraction, 1, plain.SKIN
            )
            return time.perf_counter() - clock, done

        return turn

    def kdtree(self, steps):
        """cKDTree and NumPy."""

        def turn():
            x, clock = self.packing.positions.copy(), time.perf_counter()
            done = kdtree.run(x, self.packing.box, steps, self.scale, self.kind, self.fraction, 1)
            return time.perf_counter() - clock, done

        return turn

    def other(self, module, steps, threads):
        """Another program doing the same gradient descent."""

        def turn():
            seconds, _ = module.gradient_descent(
                self.packing.positions.copy(), self.packing.box, EPS, steps, threads=threads
            )
            return seconds, steps

        return turn


def best(turns, n):
    """Take turns; the best nanoseconds per particle and step of each."""
    times = {name: float("inf") for name in turns}
    for _ in range(TURNS):
        for name, turn in turns.items():
            seconds, steps = turn()
            if steps:
                times[name] = min(times[name], seconds / steps / n * 1e9)
    return times


def measure(case, others, compare, threads):
    """One row of the table."""
    budget = 3e7  # particle-steps a turn
    steps = int(np.clip(budget / case.n, 8, 2000)) if case.lasting else STRETCH
    turns, memory = {}, 0
    for count in threads:
        turns[f"mpack, {count} thread{'s' * (count > 1)}"], memory_now = case.mpack(steps, count)
        memory = memory or memory_now
    if compare:
        turns["plain numba"] = case.plain(max(8, steps // 4) if case.lasting else steps)
        if case.n <= 100_000:
            turns["cKDTree + NumPy"] = case.kdtree(max(2, steps // 100))
        if case.rule == "GD":
            for module in others:
                for count in threads if module.name == "LAMMPS" else (1,):
                    label = module.name + (f", {count} threads" if count > 1 else "")
                    turns[label] = case.other(module, max(8, steps // 8), count)
    times = best(turns, case.n)
    return {
        "rule": case.rule,
        "n": case.n,
        "phi": case.phi,
        "dim": case.dim,
        "sizes": case.sizes,
        "begin": case.begin,
        "contacts": case.contacts,
        "activity": case.activity,
        "bytes_per_particle": memory,
        "ns_per_particle_step": times,
    }


def other_programs():
    """The modules `*_descent` beside this one; they run where `make bench-all` has installed what they need."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return [
        importlib.import_module(f"benchmarks.{name}") for name in names if name.endswith("_descent")
    ]


def cases(quick):
    """(case, as a function that makes it; whether other codes are run beside it)."""
    sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    for n in sizes:
        for rule in ("BRO", "SGD 0.2", "GD"):
            yield partial(Case, rule, n, 0.64, 200), n in (10_000, 100_000)
            if not quick and n < 1_000_000:
                yield partial(Case, rule, n, 0.60, "activity", 0.7), False
    yield partial(Case, "BRO", 10_000 if quick else 100_000, 0.58, "activity", 0.02), True
    yield partial(Case, "SGD, α = 1", 30_000, 0.212, "activity", 0.03), True
    for contacts, fractions in ((3.0, (0.64, 0.90)), (1.0, (0.55, 0.64, 0.64))):
        for kind, phi in zip(SIZES, fractions):
            yield partial(Case, "BRO", 10_000, phi, "contacts", contacts, sizes=kind), False
    for dim, phi in ((2, 0.9), (4, 0.5), (5, 0.3)):
        yield partial(Case, "BRO", 4_000, phi, 100, dim=dim), False


def latency():
    """Seconds of `import mpack` and of a first `simulate` in a fresh process, kernels cached (best of three)."""
    code = (
        "import time; t = time.perf_counter(); import mpack; a = time.perf_counter() - t; "
        "p = mpack.Packing.random(n=1000, phi=0.6, dim=3, seed=1); "
        "mpack.simulate(p, mpack.PairwiseBRO(eps=0.01), steps=10, seed=1); print(a, time.perf_counter() - t)"
    )
    runs = [
        [
            float(x)
            for x in subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout.split()
        ]
        for _ in range(4)
    ][1:]
    return {
        "import": min(run[0] for run in runs),
        "import and first simulate": min(run[1] for run in runs),
    }


def aims(rows, frames):
    """Each aim with what was measured, as (text, measured, aim, met)."""
    plain = [row for row in rows if row["dim"] == 3 and row["begin"] != "contacts"]
    found = {(r["rule"], r["n"], r["phi"]): r["ns_per_particle_step"] for r in plain}
    one, two = "mpack, 1 thread", "mpack, 2 threads"

    def ratio(key, name, over=one):
        times = found.get(key, {})
        return times[name] / times[over] if name in times and over in times else None

    def wide(kind, contacts):
        """A packing of those sizes over equal spheres with as many contacts."""
        times = {
            row["sizes"]: row["ns_per_particle_step"][one]
            for row in rows
            if row["begin"] == "contacts" and contacts - 1.0 < row["contacts"] < contacts
        }
        return times[kind] / times["equal"] if kind in times and "equal" in times else None

    dense, descent, large = ("BRO", 10_000, 0.64), ("GD", 10_000, 0.64), ("BRO", 1_000_000, 0.64)
    sparse = next(((r["rule"], r["n"], r["phi"]) for r in plain if r["activity"] < 0.02), None)
    far = next((r for r in rows if r["rule"] == "SGD, α = 1"), None)
    each = far["ns_per_particle_step"][one] / far["activity"] if far else None
    growth = found[large][one] / found[dense][one] if large in found else None
    table = [
        ("plain numba half list, dense", ratio(dense, "plain numba"), 2.5, 1),
        ("cKDTree + NumPy, dense", ratio(dense, "cKDTree + NumPy"), 50.0, 1),
        ("LAMMPS, gradient descent", ratio(descent, "LAMMPS"), 2.0, 1),
        (
            "LAMMPS, gradient descent, 2 threads each",
            ratio(descent, "LAMMPS, 2 threads", two),
            2.0,
            1,
        ),
        ("jax-md, gradient descent", ratio(descent, "jax-md"), 5.0, 1),
        ("plain numba half list, near absorption", ratio(sparse, "plain numba"), 20.0, 1),
        ("one thread over two, dense, N = 10^4", ratio(dense, one, two), 1.7, 1),
        ("one thread over two, dense, N = 10^6", ratio(large, one, two), 1.7, 1),
        ("frames a second, playground, N = 1000", frames.get("playground"), 30.0, 1),
        ("N = 10^6 over N = 10^4, dense", growth, 1.5, -1),
        ("log-normal sizes (0.5) over equal", wide("log-normal 0.5", 3.0), 3.0, -1),
        ("one in 100 ten times larger, over equal", wide("1 in 100 is 10", 1.0), 3.0, -1),
        ("ns an active particle, kicks beyond any list", each, 300.0, -1),
        (
            "bytes per particle, N = 10^4 and more",
            max(r["bytes_per_particle"] for r in plain if r["n"] >= 10_000),
            400.0,
            -1,
        ),
    ]
    return [
        (text, value, aim, None if value is None else (value - aim) * sign >= 0)
        for text, value, aim, sign in table
    ]


def show(rows, starts, frames):
    """Print the table, the starting times, the figures' frame rates and the aims.

    f_a is the mean activity of the stretch that was timed, z the contacts a particle at its beginning.
    """
    for row in rows:
        times = ", ".join(
            f"{name} {value:.3g}" for name, value in row["ns_per_particle_step"].items()
        )
        print(
            f"{row['rule']:10s} d = {row['dim']} N = {row['n']:<8d} phi = {row['phi']:.2f} {row['sizes']:15s}"
            f" f_a = {row['activity']:.3f}  z = {row['contacts']:.2f}  ns: {times}"
        )
    for name, seconds in starts.items():
        print(f"{name}: {seconds:.2f} s")
    print(
        "frames a second:",
        ", ".join(f"{name} {found:.0f}" for name, found in frames.items()) or "not run",
    )
    print("\nAims (ratios within one case; the last five lines: at most)")
    for text, value, aim, met in aims(rows, frames):
        measured = "not run" if value is None else f"{value:.3g}"
        print(
            f"  {text:45s} {measured:>8s}   aim {aim:g}   {'' if met is None else 'met' if met else 'NOT met'}"
        )


def main():
    """Run the cases, print the table, write it as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--quick", action="store_true", help="N up to 10^4 and phi = 0.64 only: two minutes"
    )
    parser.add_argument(
        "--json",
        default="_build/benchmarks.json",
        help="where to write the table (default %(default)s)",
    )
    options = parser.parse_args()
    others = [module for module in other_programs() if module.available()]
    threads = (1, 2) if (os.cpu_count() or 1) > 1 else (1,)
    rows = []
    for case, compare in cases(options.quick):
        rows.append(measure(case(), others, compare, threads))
        print(".", end="", flush=True)
    print()
    starts = latency()
    frames = figures.frame_rates()
    show(rows, starts, frames)
    os.makedirs(os.path.dirname(options.json) or ".", exist_ok=True)
    about = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "mpack": mpack.__version__,
    }
    with open(options.json, "w", encoding="utf8") as file:
        table = {
            "about": about,
            "seconds": starts,
            "frames": frames,
            "rows": rows,
            "aims": aims(rows, frames),
        }
        json.dump(table, file, indent=1)
    print(f"\nWrote {options.json}")


if __name__ == "__main__":
    main()
