"""Tables and figures of the chapter on the Manna collapse."""

import contextlib
import dataclasses

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from book import campaigns, chapters
from mpack import critical, ensemble, figures, known_answers, scaling
from mpack.statistics import Estimate, mean_error

LENGTHS = np.array([500, 1_000, 2_000, 4_000, 8_000, 16_000]) ** (1 / 3)  # l of the campaign
PARAMETERS = {  # of a joint fit: name, formula, sign
    "nu": ("ν⊥", r"$\nu_\perp$", 1),
    "zeta_f": ("β", r"$\beta$", -1),
    "zeta_tau": ("ν∥", r"$\nu_\parallel$", 1),
}
LINES = ("-", "--", ":")  # of the classes
SIDES = {"time to die": False, "time to settle": True}  # of what: whether active
SHORT = {"manna": "Manna", "field": "mean field"}
FEW = 6  # fewer points in a window are no test of anything
WRONG_F = {  # exponents of the activity that these data must refuse
    "Manna in one dimension": scaling.exponents("Manna", 1).parameters(order="f"),
    "no scaling": {"nu": 1_000.0, "zeta_f": 0.0},
}
MARKS = {"time to settle": "v", "activity": "o", "time to die": "^"}


def class_rows(classes):
    """The exponents of each class, and the ratios that a finite size brings in."""
    return [
        {
            "class": name,
            "β": (e.beta, e.dbeta),
            "ν⊥": (e.nu_perp, e.dnu_perp),
            "ν∥": (e.nu_parallel, e.dnu_parallel),
            "β/ν⊥": e.beta / e.nu_perp,
            "ν∥/ν⊥": e.nu_parallel / e.nu_perp,
        }
        for name, e in classes.items()
    ]


def runs_a_point(table):
    """For each size and process: points, runs, runs a point, steps of the longest; a pandas.DataFrame."""
    counts = table.groupby(["process", "n"]).agg(
        points=("phi", "nunique"), runs=("seed", "size"), longest=("steps_asked", "max")
    )
    counts.insert(2, "runs a point", (counts.runs / counts.points).round(1))
    return counts.unstack("process")


def archive_numbers(table, audit):
    """What the text says of the archive; "near" is within 0.01 of the rough place of the transition."""
    rough = {process: centre for process, (_, centre) in campaigns.MANNA_RULES.items()}
    near = abs(table.phi - table.process.map(rough)) < 0.01
    a_point = table[near].groupby(["process", "n", "phi"]).size()
    asked = len(campaigns.manna())
    return {
        "runs": len(table),
        "asked": asked,
        "share": round(100 * len(table) / asked),
        "largest": int(table.n.max()),
        "core-hours": round(table.wall.sum() / 3600, 1),
        "fewest-near": int(a_point.min()),
        "most-near": int(a_point.max()),
        "audited-rows": len(audit.replays),
    }


def redone(table, n):
    """A run of n spheres of each process, done again: rows of the table with `other`, whether its digest differs."""
    own = table[table.n == n].sort_values("steps")
    chosen = own.groupby("process").nth(-8 if n > 500 else 6)
    digests = [ensemble.from_text(spec).run().digest for spec in chosen.spec]
    columns = ["process", "phi", "seed", "steps", "absorbed", "digest"]
    return chosen[columns].assign(other=chosen.digest.to_numpy() != digests)


def complete_graph_data(sizes, x):
    """Quasi-stationary activity and lifetime of n sites, as if known to half a per cent: {name: Data}."""
    rows = []
    for n in sizes:
        stagger = 1.0 + 0.02 * np.log2(n / 1_000)  # no two sizes on the same places
        for rate in 1.0 + x * stagger / n**0.5:
            alive = known_answers.CompleteGraph(n, rate, rest=0.0).quasi_steady()
            rows.append((n, rate, alive.activity, 1.0 / alive.death))
    table = pd.DataFrame(rows, columns=["n", "rate", "f", "tau"])
    columns = {"rho": "rate", "da": "error", "l": "n"}
    return {
        name: scaling.Data.from_table(table.assign(error=0.005 * table[name]), a=name, **columns)
        for name in ("f", "tau")
    }


def graph_numbers(exact, wrong):
    """The exponents of the exact collapse, and S of it and of one with wrong exponents."""
    numbers = {"graph-quality": exact.quality, "graph-quality-wrong": wrong.quality}
    names = {"nu": "nu", "zeta_f": "zeta-f", "zeta_tau": "zeta-tau"}
    return numbers | {f"graph-{name}": exact.parameter(key) for key, name in names.items()}


def complete_graph(data):
    """Activity and lifetime of sites that are all neighbours, scaled as mean field says."""
    known = {"rho_c": 1.0, "nu": 2.0, "zeta_f": -1.0, "zeta_tau": 1.0}
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2))
    labels = {"f": r"$n^{1/2}\,f_\infty$", "tau": r"$n^{-1/2}\,\tau$"}
    for ax, (name, label) in zip(axes, labels.items()):
        figures.draw_collapse(ax, data[name], known, name, label="n = {:.0f}", marker="o")
        ax.set(xlabel=r"$n^{1/2}(\lambda-1)$", ylabel=label)
    axes[0].legend(fontsize=8.5)
    return fig


def _panels(data, fits=None, **options):
    """Activity above and relaxation time below, a column a process: figure and axes."""
    fig, axes = plt.subplots(2, 3, sharey="row", **options)
    for column, (process, own) in zip(axes.T, data.items()):
        for ax, name in zip(column, ("f", "tau")):
            figures.draw_collapse(
                ax,
                own[name],
                None if fits is None else fits[process],
                name,
                meaning=process,
                sizes=LENGTHS,
                label=lambda l: f"N = {round(l**3)}",
            )
        column[0].set(title=process)
        column[1].set(yscale="log")
    return fig, axes


def as_measured(data):
    """Steady activity and relaxation time of all sizes against packing fraction."""
    fig, axes = _panels(data, figsize=(8.6, 5.2), sharex="col")
    for ax in axes[1]:
        ax.set_xlabel(r"packing fraction $\phi$")
    axes[0, 0].set(ylim=(0, 0.9), ylabel=r"steady activity $f_\infty$")
    axes[1, 0].set_ylabel(r"relaxation time $\tau_r$ (steps)")
    axes[0, 0].legend(fontsize=8, loc="upper left")
    return fig


def collapsed(data, fits, beta, x_max):
    """The same, scaled with the exponents of a fit; dotted: a power law with the exponent beta."""
    fig, axes = _panels(data, fits, figsize=(8.6, 5.7))
    line = np.array([0.8, x_max])
    for above, below in axes.T:
        above.set(xscale="log", yscale="log", xlim=(0.08, 1.2 * x_max))
        above.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        above.set_yticks([3, 10, 30], ["3", "10", "30"])
        above.minorticks_off()
        above.plot(line, 11 * line**beta, ":", color=figures.colour("ink"))
        below.set_xlabel(r"$x=\ell^{1/\nu_\perp}(\phi-\phi_c)$")
    axes[0, 0].set_ylabel(r"$\ell^{\,\beta/\nu_\perp} f_\infty$")
    axes[1, 0].set_ylabel(r"$\ell^{-\nu_\parallel/\nu_\perp}\, \tau_r$")
    names = axes[0, 0].get_legend_handles_labels()
    fig.legend(*names, loc="outside upper center", ncols=len(names[1]), fontsize=8.5)
    return fig


def quality_numbers(compared, data, candidates, start, **tolerances):
    """S of Manna, least, most and typical; and how far the lowest small dip of S lies below its smoothed valley."""
    S = {process: found.fits["Manna"].quality for process, found in compared.items()}
    dips = []
    for process, smooth in compared.items():
        phi_c = start[process].rho_c
        how = {"smooth": False, **tolerances}
        fits = scaling.compare(data[process], candidates, phi_c, **how).fits
        dips += [fit.quality - fits[name].quality for name, fit in smooth.fits.items()]
    numbers = {"s-dip": max(dips), "s-least": min(S.values()), "s-most": max(S.values())}
    numbers["misfit"] = round(np.mean(list(S.values())) ** 0.5, 1)
    numbers |= {f"better-{p.lower()}": better(found.fits) for p, found in compared.items()}
    return numbers | {f"s-manna-{process.lower()}": one for process, one in S.items()}


def candidate_rows(compared, data, candidates, start):
    """S of each set of exponents, from how many points, of each observable alone, and over the first set's."""
    first, rows = next(iter(candidates)), []
    for process, found in compared.items():
        fits = scaling.compare(data[process], candidates, start[process].rho_c).fits
        for name, fit in fits.items():
            alone = scaling.apart(data[process], fit.values)
            rows.append(
                {
                    "process": process,
                    "exponents": name,
                    "φ_c": "" if name == "no scaling" else f"{fit.rho_c:.5f}",
                    "S": f"{found.fits[name].quality:.2f}",
                    "used": found.fits[name].used,
                    "S of f∞": f"{alone['f']:.2f}",
                    "S of τ_r": f"{alone['tau']:.2f}",
                    f"S − S({first})": "" if name == first else found.excess(name, first),
                }
            )
    return rows


def qualities(compared):
    """S of each set of exponents and process, with its spread over redrawn runs."""
    fig, ax = plt.subplots(figsize=(7.4, 3.4))
    for shift, (process, found) in enumerate(compared.items()):
        places = np.arange(len(found.fits)) + 0.18 * (shift - 1)
        S = [fit.quality for fit in found.fits.values()]
        look = figures.process_style(process, linestyle="none")
        ax.errorbar(places, S, [found.spread(name) for name in found.fits], label=process, **look)
    ax.axhline(1, color=figures.colour("ink"), linewidth=1, linestyle=":")
    names = [
        name.replace(", ", "\n").replace("Manna in", "Manna in\n").replace("d p", "d\np")
        for name in found.fits
    ]
    ax.set(yscale="log", ylabel="quality $S$", ylim=(0.7, 400))
    ax.set_xticks(range(len(names)), names)
    ax.minorticks_off()
    ax.set_yticks((1, 3, 10, 30, 100), ("1", "3", "10", "30", "100"))
    ax.grid(False, axis="x")
    ax.legend(fontsize=8.5, loc="upper left", ncol=3)
    return fig


def _known(fit, name, sign=1):
    """A fitted parameter; in words where the fit found no error."""
    if np.isfinite(fit.errors[name]):
        return sign * fit.parameter(name)
    return f"{sign * fit.values[name]:.3g}, no error found"


def free_rows(methods, classes):
    """What free fits found, by method and process; below, the classes."""
    rows = []
    for method, fits in methods.items():
        for process, fit in fits.items():
            row = {"method": method, "process": process, "φ_c": _known(fit, "rho_c")}
            row |= {label: _known(fit, key, sign) for key, (label, _, sign) in PARAMETERS.items()}
            rows.append(row | {"S": f"{fit.quality:.2f}", "used": fit.used})
    for row in class_rows(classes):
        known = {label: row[label] for label, _, _ in PARAMETERS.values()}
        rows.append(
            {
                "method": "literature",
                "process": row["class"],
                "φ_c": "",
                **known,
                "S": "",
                "used": "",
            }
        )
    return rows


def free_numbers(fits):
    """beta of each process, where the fit found its error."""
    return {
        f"beta-{process.lower()}-gauss": -fit.parameter("zeta_f")
        for process, fit in fits.items()
        if np.isfinite(fit.errors["zeta_f"])
    }


def distance_rows(methods, classes):
    """chi squared between the bundle of exponents of each free fit and those of each class, a row a fit."""
    rows = []
    for method, fits in methods.items():
        for process, fit in fits.items():
            row = {"method": method, "process": process}
            for name, e in classes.items():
                held, errors = e.parameters("f", "tau"), e.errors("f", "tau")
                chi2 = fit.distance(held, errors, names=tuple(PARAMETERS))
                row[name] = f"{chi2:.1f}" if np.isfinite(chi2) else "no error found"
            rows.append(row)
    return rows


def correlation_rows(fit):
    """Correlations of the free parameters of a fit, a row a parameter."""
    return [
        {"": name} | {other: f"{one:.2f}" for other, one in zip(fit.free, row)}
        for name, row in zip(fit.free, fit.correlation)
    ]


def exponents(methods, classes):
    """Fitted exponents of each process beside those of the classes; open symbols: the second method."""
    fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.4))
    for ax, (key, (_, formula, sign)) in zip(axes, PARAMETERS.items()):
        for (name, e), line in zip(classes.items(), LINES):
            value = sign * e.parameters("f", "tau")[key]
            error = e.errors("f", "tau")[key]
            look = {"color": figures.colour("ink"), "linestyle": line, "linewidth": 1.2}
            ax.axvline(value, label=name, **look)
            ax.axvspan(value - error, value + error, color=figures.colour("grid"), zorder=0)
        for place, fits in enumerate(methods.values()):
            for number, (process, fit) in enumerate(fits.items()):
                look = figures.process_style(process, linestyle="none")
                if place:
                    look["markerfacecolor"] = figures.colour("paper")
                height = -2 * number - place
                ax.errorbar(sign * fit.values[key], height, xerr=fit.errors[key], **look)
        ax.set(xlabel=formula, ylim=(-5.7, 0.7))
        ax.set_yticks((-0.5, -2.5, -4.5), list(fits) if ax is axes[0] else [""] * 3)
        ax.grid(False, axis="y")
    names = axes[0].get_legend_handles_labels()
    fig.legend(*names, loc="outside upper center", ncols=len(names[1]), fontsize=8.5)
    return fig


def alone(data, phi_c, held):
    """One observable with exponents that are held: the best of several starts, as a bad S has many valleys."""
    shifts = np.arange(-0.004, 0.0085, 0.002)
    return scaling.best_of(data, [{"rho_c": phi_c + shift} for shift in shifts], fixed=held)


def sizes_from(n):
    """The range of l that begins at n spheres, a little wider than rounding asks for."""
    return 0.99 * n ** (1 / 3), np.inf


def in_windows(activity, windows, phi_c, held):
    """Fits of the activity alone with the exponents of each class: {(process, *window): {class: Fit}}.

    `activity` makes the data of a process and a window. Windows are left out where fewer than FEW
    points are left, or fewer than half of them take part in S.
    """
    found = {}
    for process, near in phi_c.items():
        for window in windows:
            data = activity(process, *window)
            if len(data["f"]) < FEW:
                continue
            with contextlib.suppress(scaling.TooLittleData):
                fits = {name: alone(data, near, fixed) for name, fixed in held.items()}
                found[process, *window] = fits
    return found


def each_alone(activities, times, top, sizes, phi_c, manna):
    """phi_c of the activity up to `top` and of the times on either side: {(process, smallest): {what: Fit}}."""
    found = {}
    for process, near in phi_c.items():
        for smallest in sizes:
            fits = {"activity": activities[process, top, smallest]["Manna"]}
            for what, active in SIDES.items():
                data = times(process, active, smallest)
                fits[what] = alone(data, near, manna.parameters(time="tau"))
            found[process, smallest] = fits
    return found


def paired(data, fits, held, **draws):
    """Fits of several classes, with S of all of them on the same resamples of the runs; a Comparison."""
    start = {name: fit.rho_c for name, fit in fits.items()}
    two = {name: held[name] for name in fits}
    return scaling.Comparison(fits, scaling.compare(data, two, start, xatol=1e-5, **draws).drawn)


def better(fits, than="Manna"):
    """Which sets of exponents have less S than one of them, in words, with their S and that one's."""
    least = fits[than].quality
    lower = [f"{name} ({f.quality:.1f})" for name, f in fits.items() if f.quality < least]
    return f"{', '.join(lower) or 'none'} where {than} has {least:.1f}"


def better_alone(data, fits):
    """The same of an observable alone, with two sets of exponents that are wrong by construction."""
    near = fits["Manna"].rho_c
    return better(fits | {name: alone(data, near, held) for name, held in WRONG_F.items()})


def quality_claims(kind, what, found, resamples):
    """Claims of S, {process: Comparison}: at most 3 with the exponents of Manna, more with those of mean field."""
    asked = {
        "manna": ("collapses", chapters.below(3.0)),
        "field": ("does not collapse", chapters.above(3.0)),
    }
    return [
        (
            f"manna-{kind}-{short}-{process.lower()}",
            f"{process}: {what} {does} on the exponents of {SHORT[short]} (quality S).",
            (one.fits[SHORT[short]].quality, one.spread(SHORT[short]), resamples),
            relation,
            "Lübeck 2004",
        )
        for short, (does, relation) in asked.items()
        for process, one in found.items()
    ]


def less(a, b):
    """a - b of two estimates, the errors added by NumPy's hypot, whose last bit is not that of Python's."""
    return Estimate(a.value - b.value, np.hypot(a.error, b.error), (a - b).n)


def activity_numbers(steady, bent, activities, places, top):
    """What the text says of the activity alone, and how far apart the two times put phi_c."""
    numbers = {}
    for process, found in steady.items():
        low, large = process.lower(), activities[process, top, 4_000]
        for short, name in SHORT.items():
            S = Estimate(found.fits[name].quality, found.spread(name))
            numbers |= {f"alone-{short}-{low}": S, f"alone-{short}-{low}-4000": large[name].quality}
        numbers[f"alone-points-{low}-4000"] = large["Manna"].points
        numbers[f"alone-phi-c-{low}"] = found.fits["Manna"].parameter("rho_c")
        numbers[f"alone-beta-{low}"] = -bent[process].parameter("zeta_f")
        numbers[f"alone-nu-{low}"] = bent[process].parameter("nu")
        for n in (1_000, 4_000):
            settle, die = (places[process, n][what] for what in ("time to settle", "time to die"))
            numbers[f"gap-{low}-{n}"] = less(settle.parameter("rho_c"), die.parameter("rho_c"))
    return numbers


def limit_numbers(limits):
    """What the text says of the activity extrapolated in time."""
    numbers = {}
    for process, found in limits.items():
        low = process.lower()
        for short, name in SHORT.items():
            S = Estimate(found.fits[name].quality, found.spread(name))
            numbers[f"limit-{short}-{low}"] = S
        numbers[f"limit-phi-c-{low}"] = found.fits["Manna"].parameter("rho_c")
        numbers[f"limit-excess-{low}"] = Estimate(*found.excess("mean field", "Manna"))
    return numbers


def window_rows(activities):
    """S of each class, from how many points, and phi_c with the exponents of the first, a row a window."""
    return [
        {"process": process, "f∞ ≤": f"{top:g}", "N ≥": smallest}
        | {"points": next(iter(fits.values())).points}
        | {f"S (used), {name}": f"{fit.quality:.1f} ({fit.used})" for name, fit in fits.items()}
        | {"φ_c, Manna": fits["Manna"].parameter("rho_c")}
        for (process, top, smallest), fits in activities.items()
    ]


def place_rows(places):
    """phi_c and S of each measurement alone, a row a process and smallest size."""
    return [
        {"process": process, "N ≥": smallest}
        | {f"φ_c, {what}": fit.parameter("rho_c") for what, fit in fits.items()}
        | {f"S, {what}": f"{fit.quality:.1f} of {fit.used}" for what, fit in fits.items()}
        for (process, smallest), fits in places.items()
    ]


def quickly_settled(points, share=0.2):
    """Points of a process without active places whose median time to settle exceeds a share of the run."""
    late = points.tau.where(points.alive) / points.steps
    return points[~(late.groupby([points.n, points.phi]).transform("median") > share)]


def quick_numbers(data, quick, places, held, window):
    """S of the joint collapse with the times of `quick` in the place of all: {"s-quick-sgd": ...}."""
    numbers = {}
    for process, tau in quick.items():
        tau = tau.window(places[process], held["nu"], **window)
        fit = scaling.collapse(data[process] | {"tau": tau}, {"rho_c": places[process]}, fixed=held)
        numbers[f"s-quick-{process.lower()}"] = fit.quality
    return numbers


def settling_numbers(runs, f_max):
    """Time to settle over the length of the run where each size is least active: {"settle-sgd": "0.3 to 0.5"}."""
    numbers = {}
    for process, points in runs.items():
        active = points[points.alive & points.f.notna() & points.tau.notna() & (points.n >= 1_000)]
        near = active.assign(share=active.tau / active.steps).groupby(["n", "phi"])
        near = near.agg(f=("f", "mean"), share=("share", "median")).reset_index()
        near = near[near.f <= f_max].sort_values("f").groupby("n").head(1).sort_values("n")
        numbers[f"settle-{process.lower()}"] = (
            f"{near.share.iloc[0]:.2f} to {near.share.iloc[-1]:.2f}"
        )
    return numbers


def taken_apart(activities, places, top):
    """Above, S of the activity alone; below, phi_c of each measurement; both against the smallest size."""
    fig, axes = plt.subplots(2, 3, figsize=(8.6, 5.4), sharex=True, sharey="row")
    sizes = sorted({smallest for _, smallest in places})
    for column, process in zip(axes.T, dict.fromkeys(process for process, _ in places)):
        look = {"color": figures.colour(process)}
        fits = [activities[process, top, n] for n in sizes]
        for name, line in zip(fits[0], LINES):
            S = [one[name].quality for one in fits]
            column[0].plot(range(3), S, line, marker="o", markersize=4, label=name, **look)
        column[0].axhline(1, color=figures.colour("ink"), linewidth=1, linestyle=(0, (1, 3)))
        for what, mark in MARKS.items():
            found = [places[process, n][what] for n in sizes]
            at, error = [fit.rho_c for fit in found], [fit.errors["rho_c"] for fit in found]
            look |= {"marker": mark, "markersize": 5, "linewidth": 1, "label": what}
            column[1].errorbar(range(3), at, error, **look)
        column[0].set(title=process, yscale="log")
        column[1].set_xlabel("smallest size $N$")
        column[1].set_xticks(range(3), [f"{n:,}" for n in sizes])
    axes[0, 0].set_ylabel(r"$S$ of the activity alone")
    axes[0, 0].set_yticks((1, 3, 10, 30), ("1", "3", "10", "30"))
    axes[0, 0].minorticks_off()
    axes[1, 0].set(ylabel=r"$\phi_c$ (exponents of Manna)", ylim=(0.5075, 0.5335))
    axes[0, 2].legend(fontsize=8, handlelength=3.5)
    axes[1, 0].legend(fontsize=8, loc="upper right")
    return fig


def ratio_rows(quiet, ratios, seed):
    """r of each process from the octaves of its points, and from the octave before, a row a process."""
    rows = []
    for process, curves in quiet.items():
        r = ratios[process]
        row = {"process": process, "points": len(curves)}
        row["last octave lower by (median)"] = f"{_fall(curves):.0%}"
        row |= {"r": r, "r one octave earlier": critical.octave_ratio(curves, last=-2, seed=seed)}
        rows.append(row | {"θ": f"{-np.log2(r.value):.2f}"})
    return rows


def ratio_numbers(quiet, ratios):
    """r of each process, the fall still to come over the last one, and by how many per cent that was."""
    falls = {f"clock-fall-{p.lower()}": round(100 * _fall(own)) for p, own in quiet.items()}
    left = {
        f"clock-left-{process.lower()}": Estimate(
            r.value / (1 - r.value), r.error / (1 - r.value) ** 2
        )
        for process, r in ratios.items()
    }
    return falls | left | {f"clock-r-{process.lower()}": r for process, r in ratios.items()}


def _fall(curves):
    """How much lower the activity of the last octave is, in the median over points."""
    means = [m.mean(axis=0) for m in curves]
    return np.median([mean[-2] / mean[-1] - 1 for mean in means])


@dataclasses.dataclass(frozen=True)
class Longer:
    """Octaves of a point's runs that were active to the end, `short` and `late`, and what the first say of the last."""

    phi: float
    steps: int  #: of the long runs
    runs: int  #: long ones, also those that died
    short: np.ndarray
    late: np.ndarray
    ratio: Estimate
    predicted: Estimate

    @property
    def before(self):
        """Activity in the second half of the short runs."""
        return mean_error(self.short[:, -1])

    @property
    def measured(self):
        """Activity in the second half of the long runs."""
        return mean_error(self.late[:, -1])

    @property
    def limit(self):
        """What the short runs say of the end of all times."""
        return critical.octave_limit(self.short, self.ratio.value).mean()


def foretold(longer, octaves, ratios):
    """The points of the longer runs, {(process, "near" or "far"): Longer}; `octaves` are those of the short ones."""
    found = {}
    for process, own in longer.groupby("process"):
        late = critical.octave_table(own, ["n", "phi"])
        for place, (key, curves) in zip(("near", "far"), late.items()):
            part, short = own[own.phi == key[1]], octaves[process][key]
            asked, r = (key[1], part.steps_asked.iloc[0], len(part)), ratios[process]
            said = critical.octave_forecast(short, r, doublings=3)
            found[process, place] = Longer(*asked, short, curves, r, said)
    return found


def longer_rows(ahead):
    """Predicted and measured activity of longer runs, a row a point."""
    return [
        {
            "process": process,
            "φ": f"{one.phi:g}",
            "second half of the short runs": f"{one.before.value:.3f}",
            "predicted, 8 times longer": one.predicted,
            "measured": one.measured,
            "runs": f"{len(one.late)} of {one.runs}",
            "predicted limit": f"{one.limit:.3f}",
        }
        for (process, _), one in ahead.items()
    ]


def octaves(ahead):
    """Activity in octaves of time, of short runs (filled) and long ones (open), with the power law of the former."""
    fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.4), sharey=True)
    panels = dict(zip(campaigns.MANNA_RULES, axes))
    for (process, _), one in ahead.items():
        ax, short, late = panels[process], one.short.mean(axis=0), one.late.mean(axis=0)
        ends = one.steps / 2.0 ** np.arange(len(short) - 1, -1, -1)
        line = np.geomspace(ends[0] / 8, ends[-1], 50)
        power = (line / (ends[-1] / 8)) ** np.log2(one.ratio.value)
        law = one.limit + (short[-1] - one.limit) * power
        ax.plot(line, law, "--", color=figures.colour("ink"), linewidth=1)
        look = figures.process_style(process, linestyle="none")
        ax.plot(ends / 8, short, **look)
        ax.plot(ends, late, **look | {"markerfacecolor": figures.colour("paper")})
        beside = {"xytext": (2, -16), "textcoords": "offset points", "fontsize": 8, "ha": "right"}
        ax.annotate(rf"$\phi={one.phi:g}$", (ends[-1], late[-1]), **beside)
    for process, ax in panels.items():
        ax.set(xscale="log", xlabel="end of the octave (steps)", title=process, ylim=(0, 0.8))
    axes[0].set_ylabel("mean activity in an octave of time")
    return fig


def at_rest(runs, octaves, ratio):
    """The runs with f extrapolated in time; without f where that is not above zero by three errors.

    `octaves` are those of each point (n, phi), as of `mpack.critical.octave_table`.
    """
    runs = runs.assign(f=np.nan)
    for (n, phi), m in octaves.items():
        f = critical.octave_limit(m, ratio)
        here = (runs.n == n) & (runs.phi == phi) & ~runs.absorbed
        if f.mean() > 3 * f.std(ddof=1) / len(f) ** 0.5:
            runs.loc[here, "f"] = f
    return runs


def fit_rows(fits):
    """phi_c of each process, S, from how many points it is, and how many there are."""
    return [
        {"process": process, "φ_c": fit.parameter("rho_c"), "S": fit.quality}
        | {"used": fit.used, "points": fit.points}
        for process, fit in fits.items()
    ]


def peaks(factors):
    """The largest S(q) of each structure factor, that of its mean over directions, and what chance makes of that."""
    rows = []
    for name, found in factors.items():
        peak, count = found.shell_s.max(), len(found.s)
        chance = peak * np.log(count) if name in campaigns.MANNA_RULES else None
        rows.append((name, found.s.max(), peak, count, chance))
    columns = ["process", "largest S(q)", "peak of the mean", "vectors", "expected"]
    return pd.DataFrame(rows, columns=columns)


def late_deaths(table, f_max):
    """Runs that came to rest where more than half of a point's runs stay active above f_max; their rows."""
    point = table.groupby(["process", "n", "phi"])
    alive = table.f_inf.where(~table.absorbed)
    level = alive.groupby([table.process, table.n, table.phi]).transform("mean")
    return table[table.absorbed & (point.absorbed.transform("mean") < 0.5) & (level > f_max)]


def first_at_rest(table, crystals, f_max):
    """The run that came to rest first far on the active side, and the packing in which it did, done again."""
    found = [late_deaths(table, f_max), crystals[crystals.absorbed]]
    early = pd.concat(found).sort_values("steps").iloc[0]
    return early, ensemble.from_text(early.spec).run().final


def crystal_numbers(table, runs, f_max):
    """How many of the long active runs came to rest, a process each, and of the archive's."""
    died = runs.groupby("process").absorbed.sum()
    numbers = {f"crystal-{process.lower()}": int(count) for process, count in died.items()}
    each = int(runs.groupby("process").size().min())
    steps = int(runs.steps_asked.max())
    numbers |= {"crystal-runs": len(runs), "crystal-each": each, "crystal-steps": steps}
    return numbers | {"crystal-late": len(late_deaths(table, f_max))}
