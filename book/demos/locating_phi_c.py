"""Pictures of the chapter on locating phi_c, and the names of the processes in its archive."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from book.chapters import consistent, control, within
from book.contacts import HALF, MEAN_FIELD
from mpack import critical, ensemble, figures
from mpack.statistics import Estimate, mean_error
from mpack.structure import pair_correlation

PROCESSES = ("SGD 0.2", "SGD 0.6", "RCD 0.2", "RCD 0.6", "GD", "BRO", "individual BRO")


def by_process(table):
    """Runs with the batch fraction in the name of their process, and a learning rate for BRO by the matching rule."""
    batch = table.batch_fraction.map(lambda b: f" {b:g}", na_action="ignore")
    names = table.process + batch.where(table.batch_fraction < 1, "")
    return table.assign(process=names, alpha=table.alpha.fillna(table.eps / 0.75).round(6))


def longest(*tables):
    """Of runs that differ in nothing but their length, the longest."""
    which = ["process", "alpha", "phi", "n", "seed"]
    runs = pd.concat(tables, ignore_index=True).sort_values("steps_asked", kind="stable")
    return runs.drop_duplicates(which, keep="last").sort_index().reset_index(drop=True)


def size_shifts(bigger, twins):
    """By how much phi_c is larger in the larger system: at each learning rate, mean of the processes."""
    shifts = {}
    for name, a in sorted(set(bigger) & set(twins), key=lambda key: key[1]):
        shifts.setdefault(a, []).append(bigger[name, a].phi_c - twins[name, a].phi_c)
    return {a: mean_error(some) for a, some in shifts.items() if len(some) > 1}


def shift_rows(shifts, to_infinity):
    """The shifts of `size_shifts`, {n: {alpha: shift}}, and what they are from 1000 spheres to infinitely many."""
    return [
        {
            "α": f"{a:g}",
            "N": n,
            "φ_c minus that of N = 1000": one,
            "to infinity": to_infinity[n] * one,
            "processes": one.n,
        }
        for n, found in shifts.items()
        for a, one in found.items()
    ]


def from_largest(shifts, most):
    """{alpha: (n, shift)} of the largest size that each learning rate up to `most` has."""
    pairs = [(a, (n, one)) for n, found in sorted(shifts.items()) for a, one in found.items()]
    return {a: pair for a, pair in pairs if a <= most}


def slower(table, located, reach):
    """How many times longer the larger system takes, and the distance from phi_c there: geometric means of scans.

    The ratio is an Estimate; scans are those of `located`, packing fractions those within reach below.
    """
    gone = table[table.absorbed.astype(bool)]
    steps = gone.pivot_table(index=["process", "alpha", "phi"], columns="n", values="steps")
    rows = [
        (np.log(two.iloc[-1] / two.iloc[0]), located[key[:2]].phi_c - key[2])
        for key, two in steps.dropna().iterrows()
        if key[:2] in located
    ]
    ratio, distance = np.transpose([row for row in rows if 0.0 < row[1] <= reach])
    ratio = mean_error(ratio)
    times = float(np.exp(ratio.value))
    return Estimate(times, times * ratio.error, ratio.n), float(np.exp(np.log(distance).mean()))


def by_criterion(table, *, largest, spacing=0.005):
    """phi_c by the criterion of the paper, mean of the processes at each learning rate, and its straight line to zero.

    Returns the values of single scans, the means, and the limit of a line (no weights) for each process
    through learning rates up to `largest`, mean of the processes. Errors are of the mean, with the
    place of the scan's points, uniform in a spacing and the same for all processes, in quadrature.
    """
    groups = table[table.n == 1000].groupby(["process", "alpha"])
    brackets = {key: critical.last_quiet(some.phi, some.activity) for key, some in groups}
    low = {key: one.low for key, one in brackets.items() if np.isfinite(one).all()}

    def placed(values):
        mean = mean_error(values)
        return Estimate(mean.value, float(np.hypot(mean.error, spacing / 12**0.5)), mean.n)

    means = {a: placed([v for (_, b), v in low.items() if b == a]) for a in {a for _, a in low}}
    ends = []
    for name in PROCESSES:
        points = [(a, v) for (p, a), v in low.items() if p == name and a <= largest]
        ends.append(np.polyfit(*np.transpose(points), 1)[1])
    return low, dict(sorted(means.items())), placed(ends)


def look(process, **changes):
    """The book's style of a process; open markers at b_f = 0.6."""
    name, _, batch = process.partition(" 0.")
    paper = {"markerfacecolor": figures.colour("paper")} if batch == "6" else {}
    return figures.process_style(name, linestyle="none", markersize=4.5) | paper | changes


def scan(table, point, reach):
    """Left: final activity against packing fraction, the criterion. Right: absorption times, their divergence."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.4), sharex=True)
    style = figures.process_style("SGD", linestyle="none", markersize=5)
    runs = table.phi, table.steps, table.absorbed
    figures.draw_divergence(
        right,
        runs,
        point,
        start=point.phi_c - reach,
        stopped={"label": "stopped while active"},
        **style,
        label="absorbed",
    )
    right.set_ylim(bottom=-2e-4)
    right.legend(loc="upper right")
    low, high = point.phi_c - point.error, point.phi_c + point.error
    left.axvspan(low, high, color=figures.colour("grid"), zorder=0)
    final = table.groupby("phi").activity
    left.errorbar(final.mean().index, final.mean(), final.sem(), **style | {"linestyle": "-"})
    muted = figures.colour("muted")
    left.axhline(critical.CRITERION, color=muted, lw=1.0, ls=":")
    left.annotate("criterion 0.1", (table.phi.min(), 0.115), color=muted, fontsize=9)
    left.set(xlabel=r"packing fraction $\phi$", ylabel="final activity", ylim=(-0.02, 0.9))
    return fig


def divergences(table, located, process, *, nu, reach):
    """Absorption times of a process for eight learning rates, N = 1000 and 4000, with the fits to the smaller size."""
    fig, axes = plt.subplots(2, 4, figsize=(8.4, 4.6))
    runs, fits = table[table.process == process], located.curve(process)
    for ax, alpha in zip(axes.flat, sorted(table.alpha.unique()), strict=True):
        group = runs[runs.alpha == alpha]
        _one_divergence(ax, group, fits.get(alpha), nu, reach)
        ax.set(title=rf"$\alpha={alpha:g}$", xlabel="", ylabel="")
        ax.set_ylim(bottom=0)
        if not group.absorbed.any():
            why = "no run came to rest\nin its time" if len(group) else "no run\nin the archive"
            ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", fontsize=8)
            ax.set(xticks=[], yticks=[])
    axes[0, 1].legend(fontsize=8)
    for ax in axes[1]:
        ax.set_xlabel(r"$\phi$")
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$10^4\,\tau^{-1/\nu_\parallel}$")
    return fig


def _one_divergence(ax, runs, point, nu, reach):
    """Absorption times of two sizes, the fit to the smaller and its zero."""
    hidden, law = {"visible": False}, {"color": figures.colour("SGD"), "lw": 1.0}
    start = None if point is None else point.phi_c - reach
    for size, marker, tint in ((1000, "s", "SGD"), (4000, "o", "ink")):
        part = runs[(runs.n == size) & runs.absorbed.astype(bool)]
        dots = {"marker": marker, "markersize": 3.5, "color": figures.colour(tint)}
        figures.draw_divergence(
            ax,
            (part.phi, part.steps, part.absorbed),
            point if size == 1000 else None,
            **{"nu": nu, "scale": 1e4, "start": start, "law": law, "band": hidden},
            **{"stopped": hidden, "markerfacecolor": "none", "label": f"$N={size}$"},
            **dots,
        )
    if point is not None:
        ax.axvline(point.phi_c, color=figures.colour("muted"), lw=0.8, ls=":")


def limits(located, ends, swollen, *, largest):
    """Left: phi_c of all processes against the learning rate, and the law `swollen`. Right: its limit."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.8), width_ratios=[3, 2])
    curves = {name: located.curve(name) for name in PROCESSES}
    looks = {name: look(name) for name in PROCESSES}
    figures.draw_limits(left, curves, looks=looks)
    figures.draw_limits(
        right, curves, ends, largest=largest, ends_at=-0.002, apart=0.0007, looks=looks
    )
    grid = np.linspace(0, max(alpha for _, alpha in located), 200)
    left.plot(grid, critical.swollen(grid, *swollen), color=figures.colour("ink"), lw=1.0)
    left.set_xlabel(r"learning rate $\alpha$ (BRO: $4\epsilon/3$)")
    left.legend(loc="lower left", fontsize=8.5)
    right.set(ylabel="", xlim=(-0.009, largest * 1.06))
    return fig


def budget(found):
    """What moves the end point."""
    fig, ax = plt.subplots(figsize=(6.6, 3.4))
    figures.draw_budget(ax, found, statistics="statistics (scatter of runs and processes)")
    ax.set_xlabel(r"change of the end point ($10^{-3}$)")
    return fig


def archived_packing(table, phi):
    """The first packing that an archive keeps at a packing fraction."""
    table = table[table.phi == phi]
    kept = [arrays is not None and "packing" in arrays for arrays in table.arrays]
    return ensemble.resume(table[kept].iloc[0]).final


def contacts(found, larger, windows, gamma):
    """Left: touching pairs of a sphere against the window that counts as touching. Right: as kicks vanish.

    `found` is as `book.contacts.mean_touching` gives it, and so is `larger`, of larger packings,
    which has open markers; `windows` are those drawn on the right.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.5))
    for alpha, marker, tint in zip(found, "os^D", figures.SERIES, strict=True):
        style = {"marker": marker, "color": figures.colour(tint), "markersize": 4}
        left.errorbar(*found[alpha], **style, label=rf"$\alpha={alpha:g}$")
    alphas = np.array(list(found))
    for window, marker, tint in zip(windows, "os^", figures.SERIES):
        style = {"marker": marker, "color": figures.colour(tint), "markersize": 4}
        at = [int(np.flatnonzero(x == window)[0]) for x, *_ in found.values()]
        mean, error = np.transpose([(m[k], e[k]) for k, (_, m, e) in zip(at, found.values())])
        power = alphas ** (1.0 - gamma)
        right.errorbar(power, mean, error, **style, ls="none", label=rf"$w={window:g}\,\alpha$")
        line = np.polyfit(power[:3], mean[:3], 1)
        ends = np.array([0.0, power[2]])
        right.plot(ends, np.polyval(line, ends), color=style["color"], lw=1.0)
        more = [m[k] for k, (_, m, _) in zip(at, larger.values())]
        style |= {"markerfacecolor": "none", "markersize": 7}
        right.plot(power, more, **style, ls="none", label=rf"$w={window:g}\,\alpha$, larger")
    for ax in (left, right):
        ax.axhline(6, color=figures.colour("muted"), ls=":", lw=1.0)
        ax.set(ylim=(5, 8.6), ylabel="touching pairs $Z$ of a sphere")
        ax.legend(fontsize=8, loc="upper left")
    left.set(xscale="log", xticks=[1, 3, 10, 30], xticklabels=["1", "3", "10", "30"])
    left.set_xlabel(r"window $w/\alpha$ that counts as touching")
    right.set(xlabel=r"$\alpha^{\,1-\gamma}$", xlim=(-0.003, None))
    return fig


def near_contacts(gaps, gamma, packing):
    """Left: gaps between the spheres of inflated packings, with a power law. Right: pair correlation.

    `gaps` are {spheres: (middles of bins, densities in them)}, the law is drawn through the last;
    `packing` is that of the right.
    """
    shell = pair_correlation(packing, 2.6, 130)
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.4))
    ink, muted = figures.colour("ink"), figures.colour("muted")
    for (n, (h, density)), paper in zip(gaps.items(), ("none", ink), strict=True):
        seen = density > 0
        style = {"marker": "o", "ls": "none", "color": ink, "markersize": 3.5}
        style["markerfacecolor"] = paper
        left.loglog(h[seen], density[seen], **style, label=rf"$N={n}$, inflated")
    inside = (h >= 3e-4) & (h <= 3e-2)
    one = np.exp(np.mean(np.log(density[inside & seen]) + gamma * np.log(h[inside & seen])))
    law = one * h[inside] ** -gamma
    left.plot(h[inside], law, color=figures.colour("SGD"), label=rf"$h^{{-{gamma:.2f}}}$")
    left.set(xlabel="gap $h$ (diameters)", ylabel="pairs of a sphere per unit of gap")
    left.legend(fontsize=8.5)
    right.plot(shell.r, shell.g, color=ink)
    for mark, name in ((3**0.5, r"$\sqrt{3}$"), (2.0, "2")):
        right.axvline(mark, color=muted, ls=":", lw=1.0)
        right.annotate(name, (mark + 0.02, 2.75), color=muted, fontsize=9)
    right.set(xlabel=r"distance $r$ (diameters)", ylabel="pair correlation $g(r)$")
    right.set(ylim=(0, 3), xlim=(0.9, 2.6))
    return fig


def larger_claims(small, large, gamma):
    """The claims on contacts of the larger packings at the end point, and on the exponent of near ones in all.

    `small` and `large` are what `book.contacts.counted` found.
    """
    six, many = "isostatic counting", "4000 spheres:"
    text = f"{many} touching pairs of a sphere at the end point as the kicks vanish."
    made = [("isostatic-larger", text, large["count"], consistent(6.0, 0.1), six)]
    text = "The same of 4000 spheres less that of 500."
    gap = large["count"] - small["count"]
    made.append(("isostatic-size", text, gap, consistent(0.0, 0.1), "no matter of size"))
    text = f"{many} touching pairs of a sphere in packings that were inflated."
    inflated = large["inflated"]
    made.append(("isostatic-inflated-larger", text, inflated, within(6.0, 0.1), six))
    text = "Exponent γ of near contacts in all packings, gaps of 0.0003 to 0.01 diameters"
    apart = (HALF - MEAN_FIELD) / 2
    for name, value, theirs in (
        ("all", MEAN_FIELD, "mean field"),
        ("half", HALF, "Silbert et al. 2006"),
    ):
        rule = consistent(value, apart)
        made.append((f"gap-exponent-{name}", f"{text}: {value:.2f}.", gamma, rule, theirs))
    return made


def gap_claims(gamma, drawn):
    """The claims on the exponent of near contacts of the smaller packings, and on the estimator."""
    text = "Exponent γ of near contacts, gaps of 0.001 to 0.01 diameters."
    test = "The estimator on drawn gaps, mean of 800 sets: γ less the one drawn."
    flat = control(consistent(0.0, 0.05))
    return [
        ("gap-exponent", text, gamma, consistent(MEAN_FIELD, 0.05), "mean field"),
        ("control-gap-smooth", text, gamma, flat, "no singularity"),
        ("gap-exponent-drawn", test, drawn, within(0.0, 0.02), "closed form"),
    ]


def bending(located, ends, swollen):
    """Numbers that tell how phi_c bends: what both laws of small kicks miss at the largest, and the curvature.

    A miss is measured minus law, mean of the processes; the curvature is the coefficient of alpha^2
    in a quadratic through phi_c, mean of the processes, at all learning rates.
    """
    last = max(alpha for _, alpha in located)
    seen = {name: located[name, last].phi_c for name in PROCESSES if (name, last) in located}
    law = {name: critical.swollen(last, *swollen[name].coefficients) for name in seen}
    line = {name: ends[name].value + ends[name].coefficients[1] * last for name in seen}
    phi_c = located.table().dropna().groupby("alpha").phi_c
    mean, error = phi_c.mean(), phi_c.std() / phi_c.count() ** 0.5
    bend = critical.to_zero(mean.index, mean, error, degree=2)
    curvature = bend.coefficients[2], bend.covariance[2, 2] ** 0.5 * bend.spread, len(mean)
    return {
        "miss-swollen": mean_error([one - law[name] for name, one in seen.items()]),
        "miss-line": mean_error([one - line[name] for name, one in seen.items()]),
        "curvature": curvature,
    }


def points(located, process):
    """Runs behind all fits of a process."""
    return sum(one.points for one in located.curve(process).values())


def fates(table):
    """Rows of a table: each run's activity at a tenth of its time, and what became of it."""
    rows = []
    for run in table.sort_values("phi").itertuples():
        tenth = np.interp(run.steps_asked / 10, run.series.times, run.series.activity)
        fate = f"active, {run.activity:.2f}" if run.activity else f"absorbed at {run.steps:,}"
        rows.append((run.process, run.phi, run.steps_asked, tenth, fate))
    return rows
