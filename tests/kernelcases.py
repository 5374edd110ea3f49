"""Runs for the kernels of the pages: by the library, and as `hosted.js` takes them; and where the two differ."""

import contextlib
import dataclasses
import json
import random
import secrets
import warnings
from pathlib import Path

import numpy as np
import pytest

import mpack
from mpack.dynamics import Approximation
from mpack.observables import nearest_displacements
from mpack.widgets import _sources
from mpack.widgets._same import rule_of
from tests import slow_bodies
from tests.reference import DYNAMICS, GOLDEN, GOLDEN_SIZES, GOLDEN_STEPS, golden_cases

HOSTED = Path(__file__).with_name("hosted.js").read_text(encoding="utf8")
RUNNER = HOSTED[HOSTED.index("(kernel") :].rstrip().rstrip(";")
RULES = ("PairwiseBRO", "NonreciprocalBRO", "IndividualBRO", "RandomOrganization", "SGD", "RCD")
TABULATED = DYNAMICS["SGD tabulated"].potential


def loading():
    """JavaScript: the host and its kernels, as `kernel`, and the runner, as `hosted`. It awaits."""
    known = json.dumps(_sources.kernel())
    files = (_sources.FOLDER / name for name in (*_sources.HOST, "_kernel.js"))
    host = "\n".join(path.read_text(encoding="utf8") for path in files)
    return f"{host}\nconst kernel = await mpackKernel({known}), hosted = {RUNNER};\n"


@contextlib.contextmanager
def page_of(browser, folder):
    """A page of a browser, from a file, in which run(told) says what the host makes of a run."""
    path = folder / "page.html"
    running = f"{loading()} globalThis.run = (told) => hosted(kernel, told);"
    path.write_text(
        '<!doctype html><meta charset="utf8"><title>Kernels</title>'
        f'<script type="module">{running}</script>',
        encoding="utf8",
    )
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("() => Boolean(globalThis.run)")
    yield page
    page.close()


# ------------------------------------------------------------------------------------------------
# random runs


def dynamics_of(rng):
    """Any rule with any numbers, absurd ones among them."""
    kind = rng.choice(RULES)
    size = 10 ** rng.uniform(-3, 0.3)
    correlation = rng.choice([-1, -1, 0, round(rng.uniform(-1, 1), 3)])
    memory = rng.choice([None, None, "antithetic"])
    if kind in ("NonreciprocalBRO", "IndividualBRO"):
        rule = getattr(mpack, kind)(eps=size)
    elif kind == "PairwiseBRO":
        rule = mpack.PairwiseBRO(eps=size, correlation=correlation, memory=memory)
    elif kind == "RandomOrganization":
        rule = mpack.RandomOrganization(eps=size, correlation=correlation)
    elif rng.random() < 0.3:
        return getattr(mpack, kind)(alpha=size, batch_size=rng.randint(1, 300))
    else:
        potential = rng.choice(
            [mpack.Linear()] * 3
            + [mpack.Harmonic(rng.uniform(0.1, 3)), mpack.Hertzian(2.0), TABULATED]
            + [mpack.WCA(1e-3), mpack.LennardJones(1e-3, 1.5)]
        )
        fraction, options = rng.choice([0.1, 0.25, 0.5, 0.9, 1]), {}
        if kind == "SGD":
            most = mpack.dynamics.largest_correlation(fraction)
            options = {"correlation": min(correlation, most), "memory": memory}
        rule = getattr(mpack, kind)(size, fraction, potential=potential, **options)
    try:
        return rule.approximation() if rng.random() < 0.3 else rule
    except ValueError:  # antithetic SGD has one at 1/2 alone
        return rule


def start_of(rng, dim):
    """(a packing, and how the host is told to make it)."""
    phi = rng.uniform(0.05, 1.4)
    if rng.random() < 0.15:
        name = rng.choice(list(_sources.kernel()["lattices"][str(dim)]))
        given = {"name": name, "cells": rng.randint(3, 5), "phi": phi, "dim": dim}
        return mpack.Packing.lattice(**given), given
    n = rng.choice([1, 2, 5, 20, 50, 200, 600, 2000])
    if rng.random() < 0.15:
        box = 2.0 + 2.0 * rng.random() + n ** (1 / dim)
        positions = [[rng.uniform(-2 * box, 2 * box) for _ in range(dim)] for _ in range(n)]
        return mpack.Packing(positions, box), {"positions": positions, "box": box}
    sizes = rng.choice(
        [
            None,
            [1.0 if i < n // 2 else 1.4 for i in range(n)],
            [rng.choice([1.0, rng.uniform(0.2, 4)]) for _ in range(n)],
        ]
    )
    given = {"n": n, "phi": phi, "dim": dim, "seed": rng.getrandbits(64), "diameters": sizes}
    return mpack.Packing.random(**given), {**given, "seed": str(given["seed"])}


def bodies_of(rng, dim):
    """The same of ellipsoids and ellipses: slender ones, mixtures, spheres among them."""
    n = rng.choice([1, 2, 5, 20, 50, 200, 600])
    longest = rng.choice([0.2, 0.5, 0.5, 1.0])  # decades

    def axes():
        return [10 ** rng.uniform(0, longest) for _ in range(dim)]

    one, other = axes(), [rng.uniform(0.5, 2)] * dim
    kinds = rng.choice(
        [one, [rng.choice([one, other]) for _ in range(n)], [axes() for _ in range(n)]]
    )
    given = {"n": n, "phi": rng.uniform(0.05, 1.2), "dim": dim, "seed": rng.getrandbits(64)}
    given |= {"axes": kinds, "aligned": rng.random() < 0.2}
    return mpack.Packing.random(**given), {**given, "seed": str(given["seed"])}


def turning(rng, dynamics):
    """The same rule for bodies that turn more or less easily, or not at all."""
    if isinstance(dynamics, Approximation):
        return turning(rng, dynamics.of).approximation()
    return dataclasses.replace(dynamics, rotation=rng.choice([1.0, 1.0, None, rng.uniform(0.3, 3)]))


def case_of(rng, dim, start_of=start_of, changed=lambda rng, dynamics: dynamics):
    """(start, dynamics, what the host is told): any run that the library allows."""
    while True:
        try:
            start, told = start_of(rng, dim)
            dynamics = changed(rng, dynamics_of(rng))
            steps = rng.choice([1, 17, 100, 300])
            told = {
                "start": told,
                "rule": rule_of(dynamics),
                "seed": str(rng.getrandbits(64)),
                "steps": steps,
                "times": sorted(rng.sample(range(steps + 1), min(steps, 5))),
                "looks": sorted(rng.sample(range(steps), 1)),
            }
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                mpack.simulate(start, dynamics, steps=0, seed=0)
            return start, dynamics, told
        except ValueError:  # no room in the box, or none for the range of the potential
            continue


def moving_case(**more):
    """One that goes on moving: (start, dynamics, told)."""
    given = {"n": 100, "phi": 0.9, "dim": 2, "seed": "5", **more}
    start, rule = mpack.Packing.random(**{**given, "seed": 5}), mpack.PairwiseBRO(eps=0.1)
    told = {"start": given, "rule": rule_of(rule), "seed": "3", "steps": 20}
    return start, rule, {**told, "times": [20], "looks": [7]}


def random_cases(seed, count):
    """[(start, dynamics, told)], dimensions 2 and 3 in turn."""
    rng = random.Random(seed)
    return [case_of(rng, 2 + k % 2) for k in range(count)]


def random_bodies(seed, count):
    """The same of ellipsoids and ellipses."""
    rng = random.Random(f"bodies {seed}")
    return [case_of(rng, 2 + k % 2, bodies_of, turning) for k in range(count)]


def every_rule_of_bodies():
    """For each run of `golden_bodies.json` its name, the digest that is kept there, and what the host is told."""
    kept = json.loads(slow_bodies.GOLDEN.read_text(encoding="utf8"))
    steps, seed = slow_bodies.GOLDEN_STEPS, str(slow_bodies.GOLDEN_SEED)
    for name, given, dynamics in slow_bodies.golden_given():
        told = {"start": given, "rule": rule_of(dynamics), "seed": seed, "steps": steps}
        yield name, kept[name], {**told, "times": [steps], "looks": []}


def every_rule():
    """The same for each rule of `golden.json` in two and three dimensions, with the digest that is kept there."""
    kept = json.loads(GOLDEN.read_text(encoding="utf8"))["runs"]
    for name, start, dynamics in golden_cases():
        sizes = None if start.monodisperse else GOLDEN_SIZES.tolist()
        given = {
            "n": start.n,
            "phi": round(start.phi, 6),
            "dim": start.dim,
            "seed": "11",
            "diameters": sizes,
        }
        told = {"start": given, "rule": rule_of(dynamics), "seed": "12", "steps": GOLDEN_STEPS}
        yield name, kept[name], {**told, "times": [GOLDEN_STEPS], "looks": []}


# ------------------------------------------------------------------------------------------------
# the library's answer


def differences(start, dynamics, told, found):
    """Names of what the host found otherwise than the library."""
    seed = int(told["seed"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = mpack.simulate(
            start, dynamics, steps=told["steps"], seed=seed, record=np.array(told["times"])
        )
        kept = np.isin(run.times, told["times"])  # not the last step, which is always recorded
        looked = [at_look(start, dynamics, seed, one) for one in found["looks"]]
    recorded = [
        [one["active"] / start.n, float(one["energy"]), float(one["squares"]) / start.n]
        for one in found["records"]  # JSON writes a large float as if it were an integer
    ]
    wanted = np.stack([run.activity, run.energy, run.msd], axis=1)[kept].tolist()
    same = {
        "box": found["box"] == start.box,
        "start": found["start"] == start.digest,
        "digest": found["digest"] == run.digest,
        "steps": found["steps"] == run.steps,
        "absorbed": (found["looks"][-1]["active"] == 0) == run.absorbed,
        "records": recorded[: len(wanted)] == wanted,
        "clipped": found["clipped"] == run.overflows,
        **{f"look {k}": fits for k, fits in enumerate(looked)},
    }
    return [name for name, fits in same.items() if not fits]


def at_look(start, dynamics, seed, one):
    """Whether the host's look on the way, and what it foresaw, are what the library does."""
    run = mpack.simulate(start, dynamics, steps=one["step"], seed=seed, record=[one["step"]])
    ahead = mpack.simulate(run, steps=1)
    kicks = nearest_displacements(run.final, ahead.final)
    flags = np.array(one["flags"], dtype=bool)
    seen = (one["active"] / start.n, float(one["energy"]), float(one["squares"]) / start.n)
    active = np.zeros(start.n, dtype=bool)
    if not isinstance(dynamics.recipe().potential, mpack.LennardJones):  # whose range is longer
        active[run.final.overlaps()[0].ravel()] = True
        if not np.array_equal(active, flags):
            return False
    return (
        seen == (run.activity[-1], run.energy[-1], run.msd[-1])
        and np.count_nonzero(flags) == one["active"]
        and np.array_equal(np.array(one["kicks"]).reshape(kicks.shape), kicks)
    )


@pytest.fixture
def fresh(request):
    """A seed that is another in each run; `--seed N` repeats one (any N but 1)."""
    given = request.config.getoption("--seed")
    seed = secrets.randbelow(10**9) + 2 if given == 1 else given
    print(f"repeat with --seed {seed}")
    return seed
