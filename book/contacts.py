"""Contacts of packings at the end point: dead packings at ever smaller kicks, and their archive.

    approach     a packing that is compressed in small steps, each followed by a run, until one stays active
    larger       the same of eight times as many spheres
    above        minima of the linear potential above jamming, after quenches of several lengths

`python -m book._tools.contacts` runs them into `book/results/contacts/`. A row is a function of its
specification alone, and `digest` is that of its dead packing, so that any row can be computed again
and compared bit for bit; what is found by linear programs agrees to their tolerance.
"""

import functools

import numpy as np

from book import RESULTS, tables
from mpack import _check, landscape, observables
from mpack.dynamics import RCD, SGD, PairwiseBRO
from mpack.packing import Packing
from mpack.simulation import simulate
from mpack.statistics import Estimate, mean_error, mean_errors

FOLDER = RESULTS / "contacts"
ALPHAS = (0.01, 0.003, 0.001, 0.0003)  # learning rates, one after the other
JAMMED_AT = 0.0003  # the one whose dead packings are inflated, too
RUNS, N, START = 6, 500, 0.56  # of a process; spheres; packing fraction of the random start
LARGER_RUNS, LARGER_N = 2, 4_000  # of the study `larger`
LOOSEST = 0.5  # packing fraction of a random start that has to come to rest
STEP = 1.0  # of the packing fraction, in learning rates
PATH = 10.0  # what a run has to come to rest, in diameters
WINDOWS = np.array([1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0])  # in learning rates
NARROW = np.geomspace(1e-5, 1e-2, 13)  # windows for what is jammed, in diameters
PLATEAU = 4  # the window of NARROW at which a quench above jamming is counted, 1e-4
SHARP = 1e-4  # window by which the particles of a jammed packing are held
SETTLE = (400, 4_000, 40_000)  # steps of every later stage of a quench above jamming
EDGES = np.geomspace(1e-5, 1e-1, 41)  # of the bins of its gaps
RANGES = {"": (1e-3, 1e-2), "_low": (3e-4, 3e-3), "_wide": (3e-4, 1e-2), "_high": (3e-3, 3e-2)}


def rule_of(process, alpha):
    """A process at one learning rate; BRO by the matching rule."""
    if process == "BRO":
        return PairwiseBRO(eps=0.75 * alpha)
    return {"SGD": SGD, "RCD": RCD}[process](alpha=alpha, batch_fraction=0.5)


def compressed(packing, phi):
    """The same places in a box of another packing fraction."""
    box = packing.box * (packing.phi / phi) ** (1 / 3)
    return Packing.from_fixed(packing.fixed, box, packing.diameters)


@functools.lru_cache(maxsize=4)
def pressed(process, run, level, n=N):
    """The dead packings at one learning rate, in order, and the one above them that did not come to rest.

    The first level starts from random centres (looser ones if these do not come to rest), every
    other from the last dead packing of the level above it; each dead packing is compressed by STEP
    alpha and runs on.
    """
    alpha = ALPHAS[level]
    rule, seed = rule_of(process, alpha), 10_000 * run + 1_000 * level
    if level:
        start = pressed(process, run, level - 1, n)[0][-1]
        start = compressed(start, start.phi + STEP * alpha)
    else:
        start = Packing.random(n=n, phi=START, dim=3, seed=seed)
    dead, steps = [], landscape.steps_of_path(rule, PATH)
    while True:
        end = simulate(start, rule, steps=steps, seed=seed + len(dead), record=())
        if not end.absorbed and dead:
            return dead, end.final
        if not end.absorbed:  # larger packings take longer to come to rest
            if level or start.phi < LOOSEST:
                raise RuntimeError(f"{process}, run {run}: nothing came to rest at {alpha}")
            start = Packing.random(n=n, phi=start.phi - STEP * alpha, dim=3, seed=seed)
            continue
        dead.append(end.final)
        start = compressed(end.final, end.final.phi + STEP * alpha)


def approach_specs(runs=RUNS):
    """Three processes, so many runs each, at every learning rate."""
    return [
        {"process": process, "run": run, "level": level}
        for run in range(runs)
        for process in ("SGD", "RCD", "BRO")
        for level in range(len(ALPHAS))
    ]


def larger_specs():
    """The same with LARGER_RUNS runs, of LARGER_N spheres."""
    return approach_specs(LARGER_RUNS)


def jammed(packing):
    """What becomes of a dead packing that is inflated: its density, contacts, and gaps."""
    grown = landscape.inflated(packing)
    found = observables.touching(grown, NARROW)
    gaps = observables.held_gaps(grown, SHARP, float(EDGES[-1]))
    out = {"jammed_phi": grown.phi, "jammed_touching": tables.cell(found.touching, ".4f")}
    out |= {"jammed_rattlers": tables.cell(found.rattlers, ".0f")}
    out |= {"gaps": tables.cell(np.histogram(gaps, EDGES)[0], ".0f")}
    return out | {
        f"gamma{name}": observables.gap_exponent(gaps, *one) for name, one in RANGES.items()
    }


def approach_row(process, run, level, n=N, inflate=True):
    """Contacts of the last dead packing at one learning rate, of those below it, and of the active one above it."""
    alpha = ALPHAS[level]
    dead, active = pressed(process, run, level, n)
    last, windows = dead[-1], alpha * WINDOWS[alpha * WINDOWS <= 0.1]
    found, above = (observables.touching(one, windows) for one in (last, active))
    before = {f"before_{k}": dead[-1 - k] if len(dead) > k else None for k in (1, 2)}
    out = {"alpha": alpha, "phi": last.phi, "stages": len(dead)}
    out |= {
        "touching": tables.cell(found.touching, ".4f"),
        "rattlers": tables.cell(found.rattlers, ".0f"),
    }
    for name, one in before.items():
        out[name] = tables.cell(observables.touching(one, windows).touching, ".4f") if one else ""
    out |= {"activity": observables.activity(active)}
    out |= {
        "active_touching": tables.cell(above.touching, ".4f"),
        "active_overlapping": tables.cell(above.overlapping, ".4f"),
    }
    inflate = inflate and alpha == JAMMED_AT
    return out | (jammed(last) if inflate else {}) | {"digest": last.digest}


def larger_row(process, run, level):
    """The same of LARGER_N spheres; those of the first run alone are inflated, which takes most of the time."""
    return approach_row(process, run, level, LARGER_N, inflate=run == 0)


def above_specs():
    """Packings above jamming, and how long the later stages of their quench are."""
    return [{"run": run, "settle": settle} for run in range(RUNS) for settle in SETTLE]


def above_row(run, settle):
    """Gradient descent of the linear potential above jamming: pairs that touch and that overlap, apart."""
    rule = rule_of("SGD", 0.003)
    start = Packing.random(n=N, phi=0.65, dim=3, seed=run)
    steps = landscape.steps_of_path(rule, PATH)
    state = simulate(start, rule, steps=steps, seed=run, record=()).final
    below = landscape.quench(state, landscape.quench_stages(path=32.0, last=1e-6, settle=settle))
    found = observables.touching(below, NARROW)
    out = {"energy": observables.energy(below) / N, "rattlers": tables.cell(found.rattlers, ".0f")}
    out |= {
        "touching": tables.cell(found.touching, ".4f"),
        "overlapping": tables.cell(found.overlapping, ".4f"),
    }
    return out | {"digest": below.digest}


# ---------------------------------------------------------------------------------------------------------
# what the archive says

MEAN_FIELD = 0.41269  # exponent of near contacts in infinitely many dimensions
HALF = 0.5  # the same as first measured, of soft spheres
CHOICES = ({"window": 2.0}, {"window": 5.0}, {"gamma": 0.3}, {"levels": 2})


def to_zero(rows, window=3.0, gamma=MEAN_FIELD, levels=3):
    """Touching pairs a sphere as the kicks vanish, run by run: a line in alpha**(1 - gamma) through the last levels.

    Pairs that are merely near, within a window of so many learning rates, are as many as that power.
    """
    place, ends = int(np.flatnonzero(window == WINDOWS)[0]), []
    for _, run in rows.groupby(["process", "run"]):
        run = run.sort_values("level").tail(levels)
        count = [tables.numbers([one])[0, place] for one in run.touching]
        ends.append(np.polyfit(run.alpha ** (1.0 - gamma), count, 1)[1])
    return np.array(ends)


def counted(rows, n=N):
    """What runs of n spheres say of contacts as the kicks vanish: Estimates, some with the choices in their error.

    count        touching pairs a sphere, the mean of `to_zero`; its error holds CHOICES
    short        per cent that it is short of six
    scatter, choices   the two parts of that error
    runs, phi    how many runs, and the mean packing fraction of the last dead packings
    farther      touching pairs two steps of compression before the last dead packing, less those in it
    inflated     touching pairs of the inflated packings, rattlers left out
    rattlers     per cent of rattlers there
    gamma        exponent of their gaps; its error holds RANGES
    """
    ends = mean_error(to_zero(rows))
    others = [to_zero(rows, **choice).mean() for choice in CHOICES]
    off = float(np.ptp([ends.value, *others])) / 12**0.5
    last = rows[rows.alpha == JAMMED_AT]
    seen, grown = last[last.before_2.notna()], last[last.gamma.notna()]
    three = [tables.numbers(seen[name])[:, 3] for name in ("before_2", "touching")]
    loose = tables.numbers(grown.jammed_rattlers)[:, PLATEAU]
    count = ends + Estimate(0.0, off, ends.n, dof=np.inf)
    return {
        "count": count,
        "short": 100.0 - (100.0 / 6.0) * count,
        "runs": ends.n,
        "phi": mean_error(rows[rows.alpha == rows.alpha.min()].phi),
        "scatter": ends.error,
        "choices": off,
        "farther": mean_error(three[0] - three[1]),
        "inflated": mean_error(tables.numbers(grown.jammed_touching)[:, PLATEAU]),
        "rattlers": mean_error(100 * loose / n),
        "gamma": near_exponent([(grown, n)], ""),
    }


def near_exponent(parts, main):
    """Exponent of the gaps of all inflated packings in the range RANGES[main], weighed by their spheres.

    `parts` are (rows, spheres of a packing). The variance of a packing goes as one over its
    spheres; the spread of the other ranges is in the error.
    """
    rows = [rows[rows.gamma.notna()] for rows, _ in parts]
    weight = np.concatenate([np.full(len(own), n) for own, (_, n) in zip(rows, parts)])
    of = {name: np.concatenate([own[f"gamma{name}"].to_numpy() for own in rows]) for name in RANGES}
    means = {name: np.average(values, weights=weight) for name, values in of.items()}
    scatter = np.sum(weight * (of[main] - means[main]) ** 2) / (len(weight) - 1)
    found = Estimate(means[main], float((scatter / weight.sum()) ** 0.5), len(weight))
    spread = float(np.ptp([*means.values()])) / 12**0.5
    return found + Estimate(0.0, spread, found.n, dof=np.inf)


def by_settling(rows):
    """Rows of a table from the study `above`: steps of a stage, touching, overlapping pairs, energy of a sphere."""
    found = []
    for steps, some in rows.groupby("settle"):
        pairs = [
            mean_error(tables.numbers(some[k])[:, PLATEAU]) for k in ("touching", "overlapping")
        ]
        found.append((steps, *pairs, mean_error(some.energy)))
    return found


def mean_touching(rows, column="touching"):
    """Learning rate -> (windows in learning rates, mean over runs, its error)."""
    found = {}
    for alpha, level in rows.groupby("alpha", sort=True):
        mean, error = mean_errors(tables.numbers(level[column].dropna()))
        found[alpha] = WINDOWS[: len(mean)], mean, error
    return found


def gap_density(rows, n=N):
    """Middle of the bins of the gaps of inflated packings of n spheres, and pairs a sphere and a gap in each."""
    counts = tables.numbers(rows.gaps.dropna()).mean(axis=0)
    return np.sqrt(EDGES[1:] * EDGES[:-1]), counts / n / np.diff(EDGES)


def drawn_gaps(gamma, low, high, shape, rng):
    """Gaps with a density h**-gamma between low and high: a known answer for the estimator."""
    a = 1.0 - gamma
    return low * (1.0 + rng.random(shape) * ((high / low) ** a - 1.0)) ** (1.0 / a)


def on_drawn_gaps(seed, sets=800, size=250):
    """The estimator of gamma on sets of gaps of a known one, MEAN_FIELD: the mean of what it is off, an Estimate."""
    ends = RANGES[""]
    drawn = drawn_gaps(MEAN_FIELD, *ends, (sets, size), np.random.default_rng(seed))
    return mean_error([observables.gap_exponent(one, *ends) - MEAN_FIELD for one in drawn])


# ---------------------------------------------------------------------------------------------------------
# archive

ROWS = {"above": above_row, "approach": approach_row, "larger": larger_row}
_PRESSED = ("process", "run", "level")
SPECIFIED = {"above": ("run", "settle"), "approach": _PRESSED, "larger": _PRESSED}


def row(study, spec):
    """Specification and results of one row, together."""
    return dict(spec) | ROWS[_check.choice("study", study, tuple(ROWS))](**spec)


def archived(study, folder=None):
    """The archived rows of a study, as a DataFrame; see `book.tables.load` for what it raises."""
    return tables.load(folder or FOLDER, _check.choice("study", study, tuple(ROWS)))
