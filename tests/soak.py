"""Random calls of the public API: each is answered rightly, as far as that is cheap to tell, or refused in words.

    python tests/soak.py --count 10000 --seconds 3600 --seed 1

goes on until so many calls were made *and* so many seconds have passed, and prints, besides what
came out, the memory at the start and at the end. `make soak` is this; benchmarks/SOAK.md has what
was found. The call of a (seed, number) is always the same: `python tests/soak.py --only NUMBER`
does one again. The first thousand of a seed are a test, test_soak.py.
"""

import argparse
import collections
import contextlib
import io
import platform
import signal
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import doors
import numba
import numpy as np
import reference

import mpack
from mpack import observables

LIMIT = 120  # seconds after which a call counts as hanging
REFUSED = "refused"
EXACT_FOR = ("PairwiseBRO", "SGD")  # reciprocal: the centre of mass stays, to the bit
TAME = (mpack.Linear, mpack.Harmonic, mpack.Hertzian)  # potentials that the reference follows


class Wrong(AssertionError):
    """An answer that is not right."""


def demand(condition, *what):
    """Raise `Wrong` unless it holds."""
    if not condition:
        raise Wrong(" ".join(map(str, what)))


def chance(rng, share):
    return rng.random() < share


def one_of(rng, *values):
    return values[rng.integers(len(values))]


def wide(rng, low, high):
    """A number between two, all orders of magnitude alike."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def spoilt(rng, arguments, share=0.06):
    """The arguments, now and then with one that is anything."""
    if chance(rng, share):
        arguments[str(rng.choice(sorted(arguments)))] = one_of(rng, *doors.BAD)
    return arguments


# ------------------------------------------------------------------------------------------------
# what is drawn


def densest(diameters, dim):
    """A little less than the packing fraction at which the box is two largest diameters wide."""
    ball = {2: np.pi / 4, 3: np.pi / 6, 4: np.pi**2 / 32}[dim]
    return 0.99 * ball * np.sum((diameters / (2 * np.max(diameters))) ** dim)


def a_packing(rng):
    """Spheres, from one to forty, of one size or many, dilute to far too dense; or a lattice."""
    if chance(rng, 0.05):
        name, dim = one_of(
            rng, ("cubic", 3), ("cubic", 2), ("fcc", 3), ("bcc", 3), ("hexagonal", 2)
        )
        lattice = {"name": name, "cells": int(rng.integers(1, 4)), "phi": rng.uniform(0.1, 1.2)}
        return mpack.Packing.lattice(**spoilt(rng, lattice | {"dim": dim}))
    n = int(rng.integers(1, 41))
    sizes = one_of(rng, None, None, rng.uniform(0.5, 1.5, n), np.exp(rng.normal(0, 0.6, n)))
    phi = one_of(rng, rng.uniform(0.05, 0.9), rng.uniform(0.3, 1.6), wide(rng, 1e-9, 1.0))
    dim = one_of(rng, 2, 2, 3, 3, 4)
    phi = (
        phi if chance(rng, 0.05) else min(phi, densest(np.ones(n) if sizes is None else sizes, dim))
    )
    how = {"n": n, "phi": phi, "dim": dim, "seed": int(rng.integers(2**63))}
    return mpack.Packing.random(**spoilt(rng, how | {"diameters": sizes}))


def some_bodies(rng):
    """Ellipses or ellipsoids, upright or not."""
    dim, n = one_of(rng, 2, 3), int(rng.integers(1, 17))
    axes = rng.uniform(0.6, 1.8, dim) if chance(rng, 0.6) else rng.uniform(0.6, 1.8, (n, dim))
    sizes = np.full(n, 2 * np.max(axes))  # a box with room for balls around them has room for them
    phi = min(rng.uniform(0.05, 1.1), densest(sizes, dim) * np.prod(axes / np.max(axes), -1).mean())
    how = {"n": n, "phi": phi, "dim": dim, "seed": int(rng.integers(2**63))}
    return mpack.Packing.random(**spoilt(rng, how | {"axes": axes, "aligned": chance(rng, 0.2)}))


def a_potential(rng):
    kind = one_of(rng, *TAME, *TAME, mpack.WCA, mpack.LennardJones)
    if kind is mpack.Linear:
        return kind()
    name = "stiffness" if kind in TAME else "epsilon"
    return kind(**spoilt(rng, {name: wide(rng, 0.01, 100.0)}, 0.03))


def a_rule(rng, rotation=False):
    """Any rule with any of its options, of a step from far too small to far too large."""
    kind = one_of(
        rng, "PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "RandomOrganization", "SGD", "RCD"
    )
    size, how = one_of(rng, wide(rng, 1e-9, 10.0), rng.uniform(0.01, 0.8)), {}
    if kind in ("SGD", "RCD"):
        how = {"alpha": size, "potential": a_potential(rng)}
        batch = "batch_size" if chance(rng, 0.3) else "batch_fraction"
        how[batch] = int(rng.integers(1, 30)) if batch == "batch_size" else rng.uniform(0.01, 1.0)
    else:
        how["eps"] = size
    if kind in ("PairwiseBRO", "SGD", "RandomOrganization") and chance(rng, 0.3):
        how["correlation"] = one_of(rng, -1.0, 0.0, 1.0, rng.uniform(-1, 1))
    if kind in EXACT_FOR and chance(rng, 0.1):
        how["memory"] = "antithetic"
    if rotation:
        how["rotation"] = one_of(rng, None, 1.0, wide(rng, 0.1, 10.0))
    rule = getattr(mpack, kind)(**spoilt(rng, how))
    return rule.approximation() if chance(rng, 0.25) else rule


def a_record(rng, steps):
    drawn = np.unique(rng.integers(0, steps + 1, 4))
    return one_of(rng, None, mpack.every(int(rng.integers(1, 9))), mpack.log_spaced(4), drawn, ())


def the_way(rng, n):
    """Options that leave no trace."""
    how = {"threads": int(rng.integers(1, min(n, 3) + 1))}
    return how | ({"skin": wide(rng, 0.01, 2.0)} if chance(rng, 0.5) else {})


# ------------------------------------------------------------------------------------------------
# roads: each draws a call, makes it, and looks at what came


def simulated(rng, packing, rule):
    """A run, done twice in different ways; its bounds, its sums and its first step."""
    steps, seed = int(rng.integers(0, 31)), int(rng.integers(2**63))
    call = {"start": packing, "dynamics": rule, "steps": steps, "seed": seed}
    call["record"] = a_record(rng, steps)
    call = spoilt(rng, call | the_way(rng, packing.n))
    run = mpack.simulate(**call)
    packing, rule, steps, seed = (call[name] for name in ("start", "dynamics", "steps", "seed"))
    half = int(rng.integers(0, steps + 1))
    again = mpack.simulate(packing, rule, steps=half, seed=seed, **the_way(rng, packing.n))
    again = mpack.simulate(again, steps=steps - half)
    demand(again.digest == run.digest, "another way of running left a trace")
    demand((again.steps, again.absorbed) == (run.steps, run.absorbed), "steps or rest differ")
    in_bounds(run)
    of = getattr(rule, "of", rule)
    if type(of).__name__ in EXACT_FOR and of.correlation == -1 and of.memory is None:
        moved = [sum(run.final.fixed[:, k].tolist()) for k in range(packing.dim)]
        stayed = [sum(packing.fixed[:, k].tolist()) for k in range(packing.dim)]
        demand(all((a - b) % 2**64 == 0 for a, b in zip(moved, stayed)), "the centre moved")
    return run


def in_bounds(run):
    """What holds of any run."""
    packing = run.final
    demand(np.all((packing.positions >= 0) & (packing.positions < packing.box)), "outside the box")
    demand(np.all(np.diff(run.times) > 0) and run.steps <= run.times[-1], "times", run.times)
    demand(np.all((run.activity >= 0) & (run.activity <= 1)), "activity", run.activity)
    demand(np.all(np.isfinite(run.energy)) and np.all(run.msd >= 0), "energy or msd")
    demand(np.all(np.isfinite(run.msd)), "msd", run.msd)
    potential = getattr(getattr(run.dynamics, "of", run.dynamics), "potential", mpack.Linear())
    if not isinstance(potential, mpack.LennardJones):
        demand(np.all(run.energy >= 0), "negative energy of a repulsion")
    demand(run.activity[-1] == mpack.activity(packing, potential), "activity of the end")
    close = np.isclose(run.energy[-1], mpack.energy(packing, potential), rtol=1e-9, atol=1e-13)
    demand(close, "energy of the end", run.energy[-1], mpack.energy(packing, potential))
    demand(not run.absorbed or run.activity[-1] == 0, "absorbed and active")


def first_step(rng, packing, rule):
    """Against the rules in plain NumPy."""
    of = getattr(rule, "of", rule)
    if not isinstance(getattr(of, "potential", TAME[0]()), TAME):
        return
    seed = int(rng.integers(2**63))
    run = mpack.simulate(packing, rule, steps=1, seed=seed)
    where = packing.positions, packing.box, packing.diameters
    expected, active = reference.step(*where, rule, seed, 0)
    if run.overflows or np.abs(expected).max(initial=0.0) > 0.4 * packing.box:
        return
    got = (run.final.fixed - packing.fixed) * (2.0**-64 * packing.box)
    tolerance = {"rtol": 1e-7, "atol": 1e-9 * max(1.0, packing.box)}
    demand(np.allclose(got, expected, **tolerance), "first step", got - expected)
    demand(round(run.activity[0] * packing.n) == np.count_nonzero(active), "who is active")


def spheres(rng):
    packing, rule = a_packing(rng), a_rule(rng)
    simulated(rng, packing, rule)
    first_step(rng, packing, rule)


def bodies(rng):
    run = simulated(rng, some_bodies(rng), a_rule(rng, rotation=True))
    lengths = np.linalg.norm(run.final.orientations, axis=-1)
    demand(np.allclose(lengths, 1.0), "orientations", lengths)


def files(rng):
    """What is saved is loaded, bit for bit."""
    packing = a_packing(rng) if chance(rng, 0.7) else some_bodies(rng)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{one_of(rng, 'npz', 'gsd', 'gsd', 'txt')}"
        packing.save(path)
        again = mpack.Packing.load(path)
    demand(np.array_equal(again.fixed, packing.fixed) and again.box == packing.box, "file")
    demand(np.array_equal(again.diameters, packing.diameters), "diameters of a file")


def swept(rng):
    """A sweep has the rows of its runs."""
    how = {
        "n": int(rng.integers(2, 30)),
        "phi": rng.uniform(0.1, 1.0, 2),
        "steps": 10,
        "dim": one_of(rng, 2, 3),
    }
    specs = mpack.specs(a_rule(rng), **spoilt(rng, how | {"seed": int(rng.integers(2**31))}))
    if not specs:  # of no values at all there is none
        return
    table = mpack.sweep(specs[:4], store=":memory:", progress=False)
    demand(list(table.key) == [spec.key for spec in specs[:4]], "order of rows")
    place = int(rng.integers(len(table)))
    spec, row = specs[place], table.iloc[place]
    demand(row.digest == spec.run().digest, "a row is not its run")
    demand(mpack.ensemble.from_text(spec.text).key == spec.key, "text of a specification")


def looked_at(rng):
    """Observables of packings of any kind."""
    packing = a_packing(rng) if chance(rng, 0.7) else some_bodies(rng)
    found = mpack.contacts(**spoilt(rng, {"packing": packing, "tolerance": 0.0}))
    demand(found.counts.sum() == 2 * found.pairs, "contacts have two ends")
    gap = {"packing": packing, "low": -rng.uniform(0.1, 0.5), "high": rng.uniform(0.01, 0.2)}
    with contextlib.suppress(ValueError):  # a box may be too small for these
        observables.gaps(**spoilt(rng, gap | {"bins": int(rng.integers(1, 50))}))
    if chance(rng, 0.5):
        q_max = rng.uniform(0.9, 12.0) * 2 * np.pi / packing.box  # as much work in every box
        given = spoilt(rng, {"packing": packing, "q_max": q_max})
        s = mpack.structure_factor(**given).s
        demand(np.all(s >= 0) and np.all(s <= given["packing"].n * (1 + 1e-9)), "S(q)")
    else:
        pairs = mpack.pair_correlation(
            **spoilt(rng, {"packing": packing, "r_max": rng.uniform(0.5, 2)})
        )
        demand(np.all(pairs.g >= 0) and np.all(np.isfinite(pairs.g)), "g(r)")


def beside(rng):
    """A function beside the main road, with one argument or two that are anything."""
    name = str(rng.choice(list(doors.CALLS)))
    function, arguments = doors.CALLS[name]
    arguments = dict(arguments)
    for key in rng.choice(sorted(arguments), rng.integers(0, 3)).tolist():
        arguments[key] = one_of(rng, *doors.BAD)
    answer = function(**arguments)
    demand(doors.finite(answer) or name in doors.WITHOUT, name, "gives no number", answer)


ROADS = {spheres: 0.5, bodies: 0.1, files: 0.08, swept: 0.06, looked_at: 0.12, beside: 0.14}


def do(seed, number):
    """Make the call of this number: its road, and "right" or "refused"."""
    rng = np.random.default_rng((seed, number))
    road = list(ROADS)[rng.choice(len(ROADS), p=list(ROADS.values()))]
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "(?s).*pushes or displacements", RuntimeWarning)
        try:
            road(rng)
        except (ValueError, TypeError) as refusal:
            words = (*doors.WORDS, "have no", "approximation")
            demand(any(word in str(refusal) for word in words), repr(refusal))
            return road.__name__, REFUSED
    return road.__name__, "right"


@contextlib.contextmanager
def quiet():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


# ------------------------------------------------------------------------------------------------
# many


@contextlib.contextmanager
def no_longer_than(seconds):
    """Stop what hangs, where the system can."""

    def hanging(*_):
        raise Wrong(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGALRM, hanging) if hasattr(signal, "SIGALRM") else None
    if before is None:
        yield
        return
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tried(seed, number):
    """(road, outcome, None), or (None, "wrong", what happened)."""
    try:
        with no_longer_than(LIMIT):
            return *do(seed, number), None
    except Exception as fault:
        return None, "wrong", "".join(traceback.format_exception(fault))


def memory():
    """Resident memory of this process in MB, where the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return float("nan")


def many(count, seconds, seed):
    """Make calls; outcomes by road, numbers of those that went wrong, (seconds, MB) after every 500 calls."""
    found, wrong, sizes, begin = collections.Counter(), [], [], time.monotonic()
    number = 0
    while number < count or time.monotonic() - begin < seconds:
        road, outcome, what = tried(seed, number)
        found[road, outcome] += 1
        if what:
            wrong.append(number)
            print(f"call {number} of seed {seed}:\n{what}", flush=True)
        number += 1
        if number % 500 == 0:
            sizes.append((time.monotonic() - begin, memory()))
            print(f"{number} calls, {sizes[-1][0]:.0f} s, {sizes[-1][1]:.0f} MB", flush=True)
    return found, wrong, sizes


def line(seed, found, wrong, sizes):
    """A row of benchmarks/SOAK.md."""
    of = collections.Counter()
    for (_, outcome), count in found.items():
        of[outcome] += count
    seconds, end = sizes[-1]
    half = next(size for when, size in sizes if when >= seconds / 2)
    cells = [time.strftime("%Y-%m-%d"), platform.python_version(), numba.__version__, seed]
    cells += [sum(of.values()), f"{seconds:.0f} s", of["right"], of[REFUSED], len(wrong)]
    cells += [f"{size:.0f}" for size in (sizes[0][1], half, end)]
    return "| " + " | ".join(map(str, cells)) + " |\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="calls, at least")
    parser.add_argument("--seconds", type=float, default=3600.0, help="time, at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one call, which is made again")
    parser.add_argument("--record", type=Path, help="a page whose table gets a row")
    options = parser.parse_args(arguments)
    if options.only is not None:
        print(*do(options.seed, options.only))
        return 0
    found, wrong, sizes = many(options.count, options.seconds, options.seed)
    for (road, outcome), count in sorted(found.items(), key=str):
        print(f"{road or ''} {outcome}: {count}")
    print(f"{len(wrong)} of {found.total()} calls went wrong: {wrong[:20]}")
    if options.record and sizes:
        with open(options.record, "a", encoding="utf8") as page:
            page.write(line(options.seed, found, wrong, sizes))
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
