"""Makes the data that figures show from the library's own runs: `python -m book._tools.figuredata [NAME ...]`.

The files stand beside the figures (`mpack/widgets/NAME.data.json`); tests make them again and
compare.
"""

import base64
import json
import re
import sys

import numpy as np

import mpack
from book import archives, campaigns
from book.demos import correlated_noise as kicks
from book.demos.locating_phi_c import PROCESSES, by_process, longest
from mpack import critical, landscape, scaling, structure
from mpack.specification import from_text
from mpack.statistics import weighted_mean
from mpack.widgets import _same, _sources

from . import parameters
from .places import ROOT, relative, say

LINK = re.compile(r"\{mpack-set\}`[^`]*<fig-playground[a-z-]*:([^`>]*)>`")
STATE = re.compile(r"```\{mpack-widget\} playground\n(?:.*\n)*?:state: (.*)\n")


def playground_states():
    """The states whose digests are kept: the defaults of each dynamics, and whatever the text leads to."""
    options = _sources.schema("playground")["state"]["dynamics"]["options"]
    states = [{"dynamics": name, "approximation": own} for name in options for own in (False, True)]
    for page in sorted((ROOT / "book").glob("*.md")):
        text = page.read_text(encoding="utf8")
        initial = _sources.from_text("playground", (STATE.findall(text) or [""])[0])
        states += [
            initial | _sources.from_text("playground", link) for link in ["", *LINK.findall(text)]
        ]
    kept = []
    for state in states:
        if (key := _same.key(state)) not in kept:
            kept.append(key)
    return kept


def playground():
    return {"runs": [{"state": key, "digests": _same.digests(key)} for key in playground_states()]}


def chapter_parameters(name):
    """The parameters of a chapter as its own cell sets them, so that figure and chapter cannot part: {name: value}."""
    return {one.name: one.value for one in parameters.of(f"notebooks/{name}.ipynb")}


def manna_data():
    """The points of the chapter on the Manna collapse, twice {process: {"f" or "tau": scaling.Data}}: fitted, and all.

    The chapter's parameters say which runs are used, and the window around the transition.
    """
    given = chapter_parameters("manna_collapse")
    table = archives.load("manna")
    table["process"] = np.where(table.batch_fraction == 1.0, "GD", table.rule)
    points = scaling.measured(table, by=("process", "n", "phi"))
    manna = scaling.exponents("Manna", 3)
    window = {"x": (-given["x_max"], given["x_max"]), "l": (given["l_min"], np.inf)}
    fitted, everything = {}, {}
    for process, (_, centre) in campaigns.MANNA_RULES.items():
        own = points[points.process == process]
        everything[process] = _both(own, given["least_runs"])
        quiet = _both(own, given["least_runs"], most={"f": given["f_max"]})
        phi_c = scaling.centre(quiet["f"], centre, fixed=manna.parameters(), **window)
        fitted[process] = {
            name: data.window(phi_c, manna.nu_perp, **window) for name, data in quiet.items()
        }
    return fitted, everything


def _both(runs, least_runs, **options):
    """Steady activity and relaxation time of one process, as `scaling` takes them."""
    columns = {"rho": "phi", "n": "n", "dim": 3, "side": "alive", "least_runs": least_runs}
    return {
        name: scaling.Data.from_runs(runs, a=name, **columns, **options) for name in ("f", "tau")
    }


def collapse():
    """Points by process, observable and size, to six digits; and the exponents that the presets set."""
    fitted, everything = manna_data()
    points = {
        process: {
            name: [*_sizes(fitted[process][name], everything[process][name])]
            for name in ("f", "tau")
        }
        for process in fitted
    }
    classes = {}
    for name in ("Manna", "directed percolation", "mean field"):
        e = scaling.exponents(name, 3)
        classes[name] = {"beta": e.beta, "nu_perp": e.nu_perp, "nu_par": e.nu_parallel}
    return {"points": points, "classes": classes}


def _sizes(fitted, everything):
    """For each size N and [phi, mean, standard error] of the points that are fitted, and of those that are left out."""
    rows = {places: set() for places in ("fitted", "left out")}
    for places, data in (("fitted", fitted), ("left out", everything)):
        for n, *values in zip(
            np.rint(data.l**3).astype(int), data.rho, data.a, data.da, strict=True
        ):
            rows[places].add((int(n), *(float(f"{x:.6g}") for x in values)))
    known = {row[:2] for row in rows["fitted"]}
    rows["left out"] = {row for row in rows["left out"] if row[:2] not in known}
    for n in sorted({row[0] for places in rows.values() for row in places}):
        yield {
            "n": n,
            **{
                places: [row[1:] for row in sorted(own) if row[0] == n]
                for places, own in rows.items()
            },
        }


VALLEY_SPHERES, VALLEY_STARTS, VALLEY_BATCHES = 300, 3, (0.1, 0.25, 0.5, 0.75)


def valley():
    """Steady states of SGD, RCD and gradient descent as the chapter on flat minima makes them, but smaller."""
    names = chapter_parameters("flat_minima")
    alpha, seed = names["alpha"], names["seed"]
    rules = {"GD": {1.0: mpack.SGD(alpha=alpha, batch_fraction=1.0)}}
    for kind in (mpack.SGD, mpack.RCD):
        rules[kind.__name__] = {b: kind(alpha=alpha, batch_fraction=b) for b in VALLEY_BATCHES}
    states = []
    for k in range(VALLEY_STARTS):
        random = mpack.Packing.random(
            n=VALLEY_SPHERES, phi=names["phi"], dim=3, seed=seed + 100 * k
        )
        start = landscape.coarse_start(random, seed)
        for name, own in rules.items():
            for b, rule in own.items():
                steps = landscape.steps_of_path(rule, names["path"])
                end = mpack.simulate(start, rule, steps=steps, seed=seed + k, record=()).final
                states.append(
                    {
                        "rule": name,
                        "batch_fraction": b,
                        "start": k + 1,
                        "positions": _same.packed(end),
                    }
                )
    about = {name: names[name] for name in ("phi", "alpha", "path")}
    return {**about, "n": VALLEY_SPHERES, "bits": _same.BITS, "box": start.box, "states": states}


def phi_c_located():
    """The archive of the chapter on locating phi_c, and phi_c of every process at every learning rate.

    phi_c is that of the chapter, in which runs that were made longer stand for the shorter ones.
    """
    given = chapter_parameters("locating_phi_c")
    table = by_process(archives.load("phi-c"))
    runs = longest(table, by_process(archives.load("phi-c-longer")))
    how = {"pool": "alpha", "nu": given["nu"], "reach": given["reach"]}
    return table, critical.locate(runs[runs.n == 1000], ["process", "alpha"], **how)


def phi_c_end(located):
    """The limit of small kicks of all processes together, as the chapter takes it."""
    largest = chapter_parameters("locating_phi_c")["largest"]
    ends = [critical.limit(located.curve(name), largest=largest) for name in PROCESSES]
    return weighted_mean([one.value for one in ends], [one.error for one in ends])


def approach():
    """The archived scans for phi_c: activities, absorption times, fits, and what it takes to do each run again."""
    table, located = phi_c_located()
    scans = []
    for (process, alpha, n), rows in table.groupby(["process", "alpha", "n"]):
        rows = rows[rows.seed == 0].sort_values("phi")
        scan = {"process": process, "alpha": float(alpha), "n": int(n)}
        scan |= {"phi": rows.phi.tolist(), "steps": rows.steps.tolist()}
        scan |= {"absorbed": rows.absorbed.astype(int).tolist()}
        scan["activity"] = [thinned(row) for row in rows.itertuples()]
        if n == 1000:
            scan["fit"] = plain_fit(located.get((process, alpha)))
            scan["again"] = [again(row) for row in rows.itertuples()]
        scans.append(scan)
    mean, given = phi_c_end(located), chapter_parameters("locating_phi_c")
    end = [round(mean.value, 5), round(mean.error, 5)]
    return {"nu": given["nu"], "reach": given["reach"], "end": end, "scans": scans}


def plain_fit(fit):
    """[phi_c, its error, the amplitude of the time] of a fit, or nothing."""
    return fit and [
        round(float(fit.phi_c), 5),
        round(float(fit.error), 5),
        float(f"{fit.amplitude:.4g}"),
    ]


def thinned(row):
    """How many spheres are active at five steps a decade (1, 2, 3, 4, 6, 10, 16, ...) and at the end: base 64."""
    steps = np.unique(np.rint(10 ** (np.arange(40) / 5)).astype(int))
    steps = steps[steps < row.steps]
    kept = row.series.activity[np.searchsorted(row.series.times, steps)]
    counts = np.rint(np.append(kept, row.activity) * row.n).astype("<u2")
    return base64.b64encode(counts.tobytes()).decode()


def again(row):
    """The seeds of an archived run's start and noise, 8 bytes each, lowest first, and its digest: base 64."""
    spec = from_text(row.spec)
    seeds = b"".join(seed.to_bytes(8, "little") for seed in (spec.start_seed, spec.noise_seed))
    return base64.b64encode(seeds + bytes.fromhex(row.digest)).decode()


CORRELATED_Q = 0.05 * np.arange(1, 43)  # wave numbers of the curves, beside those of the shells


def correlation():
    """S(q; c) of three kinds of kicks: what was run, and the shape that the theory gives it, on a grid of q."""
    given = chapter_parameters("correlated_noise")
    settings = {name: given[name] for name in ("n", "steps", "seed")}
    table = kicks.spheres(archives.load("correlated-noise"))
    made = {}
    for kind in kicks.KINDS:
        groups = kicks.groups(table, kind)
        apart = kicks.settled(kind, 0.0, **settings).overlaps()[1]
        shape = kicks.of_kind(kind, groups, apart).shape
        shells = next(iter(groups.values()))[0]
        q = np.union1d(CORRELATED_Q, shells)
        g = structure.pair_factor(q, biased=kicks.BIASED[kind], r=apart)
        envelope = np.exp(np.interp(np.log(q), np.log(shells), np.log(shape.envelope)))
        runs = kicks.means(groups).values()
        made[kind] = {
            "c": list(groups),
            "levels": _short(list(shape.levels.values())),
            "chi": float(f"{shape.chi.value:.5g}"),
            "q": _short(q),
            "g": _short(g),
            "envelope": _short(envelope),
            "shells": _short(shells),
            "places": np.searchsorted(q, shells).tolist(),
            "points": [_short(s) for s, _ in runs],
            "errors": [_short(error) for _, error in runs],
        }
    return made


def _short(values):
    """Numbers to five digits."""
    return [float(f"{x:.5g}") for x in values]


MADE = {
    "playground": playground,
    "correlation": correlation,
    "collapse": collapse,
    "valley": valley,
    "approach": approach,
}


def text_of(data):
    """JSON with a line for each short list."""
    text = json.dumps(data, indent=1)
    return re.sub(r"\[[^][{}]*\]", lambda part: re.sub(r"\s+", " ", part[0]), text) + "\n"


def main(names):
    for name in names or MADE:
        path = _sources.FOLDER / f"{name}.data.json"
        path.write_text(text_of(MADE[name]()), encoding="utf8")
        say(f"Wrote {relative(path)} ({path.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main(sys.argv[1:])
