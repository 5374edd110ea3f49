"""Figures of the chapter on absorbing and active states, and how far times grow in it."""

import itertools

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from mpack import critical, figures
from mpack.statistics import mean_error

PHI = r"packing fraction $\phi$"
STEPS = "steps $k$"
STARTS = {
    "random": ("series 1", "-"),
    "compressed from rest": ("series 3", "-"),
    "expanded": ("ink", "-"),
    "shaken crystal": ("muted", "--"),
}


def look(process, **changes):
    """Colour and marker of a process, no line."""
    style = figures.process_style(process)
    return {"color": style["color"], "marker": style["marker"], "ms": 4.5} | changes


def sites(at, survival, history, survives, activity, steady):
    """Survival, and activity of all runs and of the survivors, at the steps `at`: sampled and exact.

    `survival` is what `critical.survival` found, `history` the runs, `survives`, `activity` the exact chance and mean
    activity of all runs after each step, `steady` the quasi-steady activity.
    """
    muted, active = figures.colour("muted"), figures.colour("active")
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2))
    chance, low, high = survival
    left.plot(at, survives[at], color=muted, label="exact")
    bars = [chance - low, high - chance]
    left.errorbar(at, chance, bars, fmt="o", ms=3.5, color=active, label="measured")
    left.set(xscale="log", xlabel=STEPS, ylabel="share of runs still active", ylim=(0, 1.05))
    left.legend(loc="lower left")
    seen = history[:, at]
    alive = (seen > 0).sum(axis=0)
    several = alive >= 10
    right.plot(at, activity[at], color=muted)
    right.plot(at, activity[at] / survives[at], color=muted, label="exact")
    tint = figures.colour("inactive")
    right.plot(at, seen.mean(axis=0), "o", ms=4, color=tint, label="all runs")
    survivors = seen.sum(axis=0)[several] / alive[several]
    right.plot(at[several], survivors, "o", ms=4, color=active, label="survivors")
    right.axhline(steady, color=figures.colour("ink"), lw=0.9, ls=":", label="quasi-steady")
    right.set(xscale="log", xlabel=STEPS, ylabel="activity $f_a$", ylim=(0, 1.05))
    right.legend(loc="upper right")
    return fig


def curves(rows, shown):
    """Activity against time of the runs in `rows`, a panel a process, at the steps of the schedule `shown`."""
    fig, axes = plt.subplots(2, 3, figsize=(7.8, 5.0), sharex=True, sharey=True)
    for ax, (name, runs) in zip(axes.flat, rows.groupby("process", sort=False)):
        for run in runs.itertuples():
            times, f = run.series.times, run.series.activity
            seen = np.isin(times, [*shown.between(1, run.steps_asked), times[-1]])
            tint = figures.colour("inactive" if run.absorbed else name)
            ax.plot(times[seen], f[seen], color=tint, lw=1.1)
            if run.absorbed:
                ax.plot(times[-1], 0, "x", ms=4, color=figures.colour("muted"), clip_on=False)
        ax.set(title=name, xscale="log", ylim=(0, 1.03))
        ax.label_outer()
    for ax in axes[:, 0]:
        ax.set_ylabel("activity $f_a$")
    for ax in (*axes[1, :2], axes[0, 2]):
        ax.set_xlabel(STEPS)
        ax.tick_params(labelbottom=True)
    last = axes.flat[5]
    last.set_axis_off()
    ink, grey = figures.colour("ink"), figures.colour("inactive")
    last.plot([], [], color=ink, label="active to the end\n(colour of the process)")
    last.plot([], [], color=grey, label="absorbed")
    last.plot([], [], "x", color=figures.colour("muted"), label="step of absorption")
    last.legend(loc="center")
    return fig


def steady(rows):
    """Steady activity of every run, processes a little apart; open where it is flagged."""
    fig, ax = plt.subplots(figsize=(6.6, 3.6))
    for place, (name, table) in enumerate(rows.groupby("process", sort=False)):
        x = table.phi + 0.0004 * (place - 2)
        good = table.reliable.astype(bool)
        style = look(name, linestyle="none")
        f, error = table.f_inf, table.f_inf_error
        ax.errorbar(x[good], f[good], error[good], label=name, **style)
        style["markerfacecolor"] = figures.colour("paper")
        ax.errorbar(x[~good], f[~good], error[~good], **style)
    ax.set(xlabel=PHI, ylabel=r"steady activity $f_\infty$", ylim=(-0.03, 1.0))
    ax.legend(loc="upper left")
    return fig


def with_bars(ax, table, **style):
    """exp(log_tau) against phi with its error."""
    tau = np.exp(table.log_tau)
    bars = [tau * (1 - np.exp(-table.error)), tau * (np.exp(table.error) - 1)]
    ax.errorbar(table.phi, tau, bars, lw=1.0, **style)


def relaxation(ax, relaxed, most=np.inf):
    """Relaxation times {process: table}: filled below the transition, open above it and below phi = `most`."""
    for name, table in relaxed.items():
        with_bars(ax, table[table.absorbed], label=name, **look(name))
        settled = table[~table.absorbed & (table.phi < most)]
        with_bars(ax, settled, **look(name, markerfacecolor=figures.colour("paper")))
    ax.set(yscale="log", xlabel=PHI, ylabel=r"relaxation time $\tau_r$ (steps)")


def memories(runs):
    """Geometric mean of the autocorrelation time of active runs at each packing fraction that has three of them."""
    several = [(phi, taus) for phi, taus in runs.groupby("phi").tau_f if len(taus) > 2]
    rows = [(phi, *mean_error(np.log(taus))) for phi, taus in several]
    return pd.DataFrame(rows, columns=["phi", "log_tau", "error"])


def times(relaxed, active):
    """Relaxation times of every process, {process: table}; autocorrelation time of all active runs together."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.5), sharex=True)
    relaxation(left, relaxed)
    left.set_ylim(5, 2e4)
    left.legend(loc="upper left", fontsize=8.5)
    with_bars(right, memories(active), color=figures.colour("ink"), marker="o", ms=4.5)
    right.set(yscale="log", ylim=(10, 1e3), xlabel=PHI)
    right.set_ylabel(r"autocorrelation time $\tau_f$ (steps)")
    return fig


def large(rows, relaxed, most):
    """Steady activity of groups of runs, open where one is flagged; relaxation times, those above up to `most`."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.6), sharex=True)
    for (name, phi), runs in rows.groupby(["process", "phi"]):
        style = look(name)
        face = style["color"] if runs.reliable.all() else figures.colour("paper")
        left.errorbar(phi, runs.f_inf.mean(), runs.f_inf.sem(), markerfacecolor=face, **style)
    left.set(xlabel=PHI, ylabel=r"steady activity $f_\infty$", ylim=(-0.03, 1.0))
    relaxation(right, relaxed, most)
    right.set_ylim(200, 1e5)
    right.legend(fontsize=8, loc="upper left", ncols=2)
    return fig


def sides(found, shown):
    """phi_c from both sides against when all runs end, {process: {stop: critical.Sides}}: of one; gaps of all."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.3), sharex=True)
    stops = list(found[shown])
    for side, tint, marker in (("below", "inactive", "v"), ("above", "active", "^")):
        y = np.array([tuple(getattr(one, side).estimate) for one in found[shown].values()])
        style = {"color": figures.colour(tint), "marker": marker, "ms": 5}
        left.errorbar(stops, *y.T, label=f"from {side}", **style)
    left.set(xscale="log", xlabel="all runs end at step $T$", ylabel=rf"$\phi_c$ of {shown}")
    left.legend(loc="lower right")
    right.set_xscale("log")
    for place, (name, one) in enumerate(found.items()):
        y = np.array([tuple(each.gap) for each in one.values()])
        right.errorbar(np.array(stops) * 1.04 ** (place - 2), *y.T, lw=1, label=name, **look(name))
    right.set_xticks(stops, [f"{until:,}" for until in stops])
    right.minorticks_off()
    right.axhline(0.0, color=figures.colour("muted"), lw=0.8)
    right.set(xlabel="all runs end at step $T$", ylabel=r"$\phi_c$ from below minus from above")
    right.legend(fontsize=8)
    return fig


def small_systems(rows, steps):
    """Survival of runs of several sizes; activity of the smallest, averaged over all runs and over the survivors."""
    at = np.unique(np.geomspace(10, steps, 50).round().astype(int))
    sizes = sorted(rows.n.unique())
    tints = itertools.cycle((*figures.SERIES, "ink"))
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.3))
    for (size, runs), tint in zip(rows.groupby("n"), map(figures.colour, tints)):
        ends = runs.steps.to_numpy(), runs.absorbed.to_numpy(bool)
        chance, low, high = critical.survival(*ends, at)
        left.step(at, chance, where="post", color=tint, label=f"$N={size}$")
        band = np.nan_to_num(low, nan=1.0), np.nan_to_num(high, nan=1.0)
        left.fill_between(at, *band, step="post", color=tint, alpha=0.2, lw=0)
    left.set(ylabel="share of runs still active")
    histories = [(run.times, run.activity) for run in rows.series[rows.n == sizes[0]]]
    for surviving, tint, label in ((False, "muted", "all runs"), (True, "active", "survivors")):
        mean, error, _ = critical.mean_activity(histories, at, surviving=surviving)
        right.errorbar(at, mean, error, color=figures.colour(tint), lw=1.2, label=label)
    right.set(ylabel="activity $f_a$", title=f"$N={sizes[0]}$")
    for ax in (left, right):
        ax.set(xscale="log", xlabel=STEPS, ylim=(0, 1.05))
        ax.legend(loc="lower left")
    return fig


def lives(table):
    """Mean lifetime and its error against the number of spheres, a line for each packing fraction."""
    fig, ax = plt.subplots(figsize=(5.6, 3.6))
    looks = zip(("inactive", "muted", "active"), "vos")
    for (phi, rows), (tint, marker) in zip(table.groupby("phi"), looks):
        style = {"color": figures.colour(tint), "marker": marker, "ms": 4.5, "lw": 1}
        ax.errorbar(rows.n, rows.life, rows.error, label=rf"$\phi={phi:g}$", **style)
    ax.set(xscale="log", yscale="log", xlabel="spheres $N$")
    ax.set_ylabel(r"mean lifetime $\langle T\rangle$ (steps)")
    ax.set_xticks([32, 64, 128, 256, 512, 1024], [32, 64, 128, 256, 512, 1024])
    ax.minorticks_off()
    ax.legend(title="SGD", loc="upper right")
    return fig


def starts(histories, steps):
    """Mean activity with its error from each kind of start, {kind: runs, or their series}."""
    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    at = np.unique(np.geomspace(1, steps, 60).round().astype(int))
    for kind, runs in histories.items():
        mean, error, _ = critical.mean_activity([(run.times, run.activity) for run in runs], at)
        meaning, line = STARTS[kind]
        style = {"color": figures.colour(meaning), "linestyle": line, "lw": 1.4}
        ax.errorbar(at, mean, error, label=kind, **style)
    ax.set(xscale="log", xlabel=STEPS, ylabel="activity $f_a$", ylim=(-0.02, 1.03))
    ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.4))
    return fig


def scatter(deviations):
    """Standard deviation of deviations, its error if they are normal, and their number."""
    spread, many = np.std(deviations, ddof=1), len(deviations)
    return spread, spread / (2 * many) ** 0.5, many


def growth(relaxed):
    """Of each process ln of the time to absorption at the last phi that has one, over that at the first: mean."""
    dying = [table.log_tau[table.absorbed] for table in relaxed.values()]
    return mean_error([taus.iloc[-1] - taus.iloc[0] for taus in dying])


def slowing(active):
    """Of each process ln of the autocorrelation time at the first three phi of active runs over the last: mean."""
    found = []
    for _, runs in active.groupby("process", sort=False):
        spans = runs.groupby("phi").tau_f.apply(lambda taus: np.log(taus).mean())
        found.append(spans.iloc[:3].mean() - spans.iloc[-1])
    return mean_error(found)
