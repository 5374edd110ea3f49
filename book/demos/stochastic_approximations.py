"""Figures of the chapter on stochastic approximations."""

import numpy as np
from matplotlib import pyplot as plt
from scipy.stats import norm

from mpack import figures, kicks


def clouds(draws, moments):
    """Where one step takes a disc, a panel a process: dots, the mean, the curve at two standard deviations.

    `draws` has (samples, 2) and `moments` (mean, covariance), both by process, in kick sizes.
    """
    fig, axes = plt.subplots(2, 4, figsize=(8.0, 4.6), sharex=True, sharey=True)
    for ax, (name, drawn) in zip(axes.flat, draws.items(), strict=True):
        mean, covariance = moments[name]
        spots = name in ("SGD", "RCD")  # few places, many draws each: show each place once
        dots = np.unique(drawn[:1500].round(9), axis=0) if spots else drawn[:1500]
        size, opaque = (7, 1) if spots else (2.5, 0.35)
        ax.plot(*dots.T, ".", markersize=size, color=figures.colour(name), alpha=opaque)
        _ellipse(ax, mean, covariance, color=figures.colour("ink"), linewidth=1.4)
        ax.plot(*mean, "+", color=figures.colour("ink"), markersize=9)
        ax.set(aspect="equal", xlim=(-1.05, 1.05), ylim=(-0.55, 1.95))
        ax.set_title(name.replace(" approximation", "\napproximation"), fontsize=9.5)
        ax.label_outer()
    for ax in axes[1]:
        ax.set_xlabel(r"$\Delta x/\epsilon$")
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$\Delta y/\epsilon$")
    return fig


def _ellipse(ax, mean, covariance, **look):
    """The curve two standard deviations from the mean; a line where the covariance has rank one."""
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.sqrt(np.maximum(values, 0))[:, None] * np.array([np.cos(angle), np.sin(angle)])
    ax.plot(*(mean[:, None] + 2 * vectors @ circle), **look)


def power(deviations, fails, error, threshold):
    """Fraction of tests that fail against the deviation, over that which the test detects with 95 %."""
    curve = np.linspace(0, 1.5, 200)
    bound = norm.cdf(curve * kicks.detectable(threshold, 0.95) - threshold)
    fig, ax = plt.subplots(figsize=(5.2, 3.3))
    ax.plot(curve, bound, color=figures.colour("ink"), label="at least this, one entry")
    look = figures.process_style("SGD", linestyle="none")
    ax.errorbar(deviations, fails, error, label="measured", **look)
    ax.axhline(0.05, color=figures.colour("muted"), linewidth=1, linestyle=":")
    ax.set(
        xlabel="deviation of the covariance / detectable deviation",
        ylabel="fraction of tests that fail",
        ylim=(0, 1.05),
    )
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)  # no marker among the data
    return fig


def erratum(steps, curves):
    """Mean square displacement against steps: `curves` are BRO, SGD matched and SGD inverted, (mean, error) each."""
    labels = "BRO", r"SGD, $\alpha=4\epsilon/3$", r"SGD, $\alpha=3\epsilon/4$"
    looks = (
        figures.process_style("BRO", marker=None),
        figures.process_style("SGD", linestyle="none"),
        figures.process_style("SGD", linestyle=":", marker="x", color=figures.colour("muted")),
    )
    fig, ax = plt.subplots(figsize=(5.4, 3.5))
    for label, look, (mean, error) in zip(labels, looks, curves, strict=True):
        ax.errorbar(steps, mean, error, label=label, **look)
    ax.set(xlabel="steps $k$", ylabel="mean square displacement", xscale="log", yscale="log")
    ax.legend()
    return fig


def batch(correlation, error):
    """Correlation of two numbers of a batch of exactly B against the number M of active pairs.

    `correlation` has, by M, that of each couple of pairs; their mean is drawn.
    """
    fig, ax = plt.subplots(figsize=(5.2, 3.3))
    line = np.linspace(2, 10.5, 200)
    ax.plot(line, -1 / (line - 1), color=figures.colour("ink"), label="exactly $B$: $-1/(M-1)$")
    ax.axhline(0, color=figures.colour("muted"), linestyle=":", label="independent draws: 0")
    look = figures.process_style("SGD", linestyle="none")
    means = [each.mean() for each in correlation.values()]
    label = "measured, mean over all couples"
    ax.errorbar(np.array(list(correlation)), means, error, label=label, **look)
    ax.set(xlabel="active pairs $M$", ylabel="correlation of two numbers", ylim=(-1.1, 0.15))
    ax.legend(loc="lower right")
    return fig
