"""Figures of the chapter on hidden order."""

import numpy as np
from matplotlib import pyplot as plt

from mpack import figures

WAVES = "wave number $q$ (1/diameter)"
SIZES = (4_000, 16_000, 64_000)  # numbers of spheres in the archive


def round_ticks(ax, y):
    """Plain numbers on both logarithmic axes."""
    ax.minorticks_off()
    x = (0.2, 0.3, 0.5, 1, 2, 3)
    ax.set_xticks(x, [f"{tick:g}" for tick in x])
    ax.set_yticks(y, [f"{tick:g}" for tick in y])


def parts(found, looks):
    """Fluctuating and frozen part of S(q) of every rule, {rule: structure.WaveParts}."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.9), sharey=True)
    for process, one in found.items():
        look = figures.process_style(process, linestyle="none", markersize=4.5, elinewidth=0.8)
        some = one.moving.mean(axis=0)
        error = some * (one.counts * (looks - 1)) ** -0.5
        axes[0].errorbar(one.q, some, error, label=process, **look)
        error = (np.abs(one.frozen) + some / looks) * one.counts**-0.5
        axes[1].errorbar(one.q, one.frozen, error, **look)
    line = np.array([0.45, 1.0])
    axes[0].plot(line, 0.0025 * line**2, ":", color=figures.colour("ink"))
    axes[0].annotate("$q^2$", (0.75, 0.0009), color=figures.colour("ink"))
    for ax, part in zip(axes, ("fluctuating", "frozen")):
        ax.set(xscale="log", yscale="log", xlabel=WAVES, title=part, ylim=(2e-4, 0.04))
        round_ticks(ax, (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02))
    axes[0].set_ylabel("part of the structure factor $S(q)$")
    axes[0].legend(fontsize=8, loc="upper left")
    return fig


def shells(ax, group, **look):
    """S of the shells of independent runs, (q, s, counts), with its error."""
    q, s, counts = group
    mean = s.mean(axis=0)
    ax.errorbar(q, mean, mean * (counts * len(s)) ** -0.5, elinewidth=0.8, capsize=0, **look)


def panels(curves, width, height, symbols):
    """S(q) against q, {phi: {rule: {size: (q, s, counts)}}}: a panel for each phi, a symbol size for each n."""
    symbols = dict(zip(SIZES, symbols))
    size = (width[0] + width[1] * len(curves), height)
    fig, axes = plt.subplots(1, len(curves), figsize=size, sharey=True, squeeze=False)
    for ax, (phi, rules) in zip(axes[0], curves.items()):
        for process, sizes in rules.items():
            for n, group in sorted(sizes.items()):
                look = {"linestyle": "none", "markersize": symbols[n]}
                look["label"] = process if n == SIZES[0] else None
                shells(ax, group, **figures.process_style(process, **look))
        ax.set(xscale="log", yscale="log", xlabel=WAVES, title=rf"$\phi={phi:g}$")
    axes[0, 0].set_ylabel("structure factor $S(q)$")
    return fig, axes[0]


def active(curves):
    """Structure factors in the active phase; a guide of slope 2."""
    fig, axes = panels(curves, (2.6, 2.8), 4.0, (3, 4.5, 6))
    line = np.array([0.3, 0.8])
    for ax, phi in zip(axes, curves):
        ax.plot(line, 0.006 * line**2, ":", color=figures.colour("ink"))
        ax.annotate("$q^2$", (0.42, 0.0006), color=figures.colour("ink"))
        ax.set_title(rf"active, $\phi={phi:g}$")
        round_ticks(ax, (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05))
    axes[-1].legend(fontsize=8, loc="lower right")
    return fig


def near(curves):
    """Structure factors below the transition; a guide of slope one quarter."""
    fig, axes = panels(curves, (2.4, 2.2), 4.1, (3, 4, 5.5))
    line = np.array([0.3, 1.2])
    for ax in axes:
        ax.plot(line, 0.0045 * line**0.25, color=figures.colour("ink"), linewidth=1.2)
        ax.set_ylim(0.002, 0.04)
        round_ticks(ax, (0.002, 0.005, 0.01, 0.02, 0.04))
    names = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(*names, loc="outside upper center", ncols=len(names[1]), fontsize=8.5)
    return fig


def published(groups):
    """Structure factors at the parameters of the published figure, {process: (q, s, counts)}."""
    fig, ax = plt.subplots(figsize=(6.0, 3.8))
    for process, group in groups.items():
        shells(ax, group, label=process, **figures.process_style(process, linestyle="none"))
    line = np.array([group[0][0], 2.0])
    ax.plot(line, 0.012 * line**0.25, color=figures.colour("ink"), linewidth=1.2)
    ax.annotate(r"$q^{1/4}$", (1.0, 0.0126), color=figures.colour("ink"))
    ax.set(xscale="log", yscale="log", xlabel=WAVES, ylabel="structure factor $S(q)$")
    round_ticks(ax, (0.002, 0.005, 0.01, 0.02))
    ax.legend(fontsize=8.5, loc="lower right")
    return fig


def variance(radii, curves, exact):
    """Variance of counts over their mean, {kind: (runs, radii)}, kinds named after a rule and a phase; binomial."""
    fig, ax = plt.subplots(figsize=(6.2, 3.9))
    ax.plot(radii, exact, ":", color=figures.colour("ink"))
    for kind, values in curves.items():
        process, _, phase = kind.partition(", ")
        if not phase:
            look = {"color": figures.colour("ink"), "marker": "o", "linestyle": "none"}
        elif phase == "active":
            look = figures.process_style(process)
        else:
            open_ = {"linestyle": "--", "markerfacecolor": figures.colour("paper")}
            look = figures.process_style(process, **open_)
        error = values.std(axis=0, ddof=1) / len(values) ** 0.5
        label = kind.replace("φ_c", r"$\phi_c$")
        ax.errorbar(radii, values.mean(axis=0), error, label=label, **look)
    ax.set(xscale="log", yscale="log", xlabel="radius $R$ (diameters)", ylim=(0.006, 2.2))
    ax.set(ylabel=r"$\sigma^2(R)/\langle N_R\rangle$", xticks=radii)
    ax.minorticks_off()
    ax.set_xticklabels([f"{R:g}" for R in radii])
    ax.legend(fontsize=8, loc="lower left")
    return fig
