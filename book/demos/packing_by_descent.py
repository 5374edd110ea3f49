"""Figures of the chapter on packing by descent."""

import numpy as np
from matplotlib import pyplot as plt

from mpack import figures, kicks


def rules(group, dynamics, samples, seed):
    """Where one step takes the discs of a small group, a panel a rule; arrows belong to one experiment."""
    fig, axes = plt.subplots(2, 2, figsize=(6.4, 5.0))
    for ax, (name, rule) in zip(axes.flat, dynamics.items(), strict=True):
        clouds = kicks.draw(group, rule, samples, seed)
        all_move = np.flatnonzero(np.all(np.any(clouds, axis=2), axis=1))
        for number, centre in enumerate(group):
            disc = {"color": figures.colour("active"), "alpha": 0.35, "linewidth": 0}
            ax.add_patch(plt.Circle(centre, 0.5, **disc))
            places = (centre + clouds[:, number]).T
            size = 2.5 if "BRO" in name else 7
            ax.plot(*places, ".", markersize=size, color=figures.colour(name))
            figures.draw_kick(ax, centre, clouds[all_move[0], number], linewidth=1.1)
            ax.plot(*centre, "o", markersize=3, color=figures.colour("ink"))
        ax.set(xlim=(-1.45, 1.45), ylim=(-1.0, 1.15), aspect="equal", title=name)
        ax.set_axis_off()
    return fig


def waiting(measured, predicted, last):
    """Activity of a box of pairs against steps, up to `last`: runs as markers, P(tau > k) as lines."""
    fig, axes = plt.subplots(1, 2, figsize=(7.0, 3.3), sharey=True)
    for ax, names in zip(axes, (("BRO", "SGD"), ("individual BRO", "RCD")), strict=True):
        for name in names:
            run = measured[name]
            seen = run.times <= last
            look = figures.process_style(name, linestyle="none", markersize=5)
            ax.plot(run.times[seen], run.activity[seen], label=name, **look)
            k = np.arange(len(predicted[name]))
            shown = k <= last
            ax.plot(k[shown], predicted[name][shown], color=figures.colour(name))
        figures.activity_axes(ax, log=False)
        ax.legend(loc="upper right")
    axes[1].set_ylabel("")
    return fig


def stories(start, runs, during):
    """Discs at the start, midway and at the end, a row a rule; `runs` has (midway, end) by rule."""
    fig, axes = plt.subplots(3, 3, figsize=(6.6, 7.0))
    for row, (name, (midway, end)) in zip(axes, runs.items(), strict=True):
        for ax, moment in zip(row, (start, midway.final, end.final), strict=True):
            figures.draw_packing(ax, moment)
        row[0].set_ylabel(name)
        fate = "at rest after" if end.absorbed else "after"
        row[2].set_title(f"{fate} {end.steps} steps", fontsize=9.5)
    axes[0, 0].set_title("start", fontsize=9.5)
    axes[0, 1].set_title(f"after {during} steps", fontsize=9.5)
    return fig


def fates(runs):
    """How runs at two packing fractions ended; `runs` by packing fraction."""
    fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.6))
    for ax, (phi, run) in zip(axes, runs.items(), strict=True):
        figures.draw_packing(ax, run.final)
        fate = "absorbed" if run.absorbed else "active"
        ax.set_title(rf"$\phi = {phi}$, {fate}", fontsize=9.5)
    return fig


def activity(moments, curves):
    """Activity against steps, a panel a packing fraction.

    `curves` has (mean, error) at `moments`, or the first of them, by packing fraction and process.
    """
    fig, axes = plt.subplots(2, 2, figsize=(7.0, 5.8), sharex=True, sharey=True)
    panels = dict(zip(dict.fromkeys(phi for phi, _ in curves), axes.flat, strict=True))
    for (phi, name), (mean, error) in curves.items():
        when = moments[: len(mean)]
        seen = (when > 0) & (mean > 0)
        spots = name in ("SGD", "RCD")
        thin = {"linestyle": "none", "markersize": 4} if spots else {"marker": None}
        look = figures.process_style(name, elinewidth=0.8, **thin)
        panels[phi].errorbar(when[seen], mean[seen], error[seen], label=name, **look)
    for phi, ax in panels.items():
        figures.activity_axes(ax, log=False)
        ax.set(title=rf"$\phi = {phi}$", ylim=(0, 1.05), xscale="log")
        ax.label_outer()
    axes.flat[0].legend(loc="lower left")
    return fig
