"""Figures of the chapter on other landscapes."""

import numpy as np
from matplotlib import pyplot as plt

from book.campaigns import SMOOTH, SMOOTH_GENTLE
from book.chapters import above, below
from mpack import LennardJones, figures, statistics
from mpack.statistics import share

LOOKS = {
    "harmonic": {"color": figures.colour("series 1"), "marker": "o"},
    "Hertzian": {"color": figures.colour("series 2"), "marker": "D"},
    "WCA": {"color": figures.colour("series 3"), "marker": "s"},
    "Lennard-Jones": {"color": figures.colour("series 4"), "marker": "^"},
}


def trace(sigmas, packings, crystal):
    """Relative difference between flatness and trace against sigma, {potential: differences}, and in a crystal."""
    fig, ax = plt.subplots(figsize=(5.8, 3.8))
    for name, gap in packings.items():
        ax.plot(sigmas, np.abs(gap), label=name, **LOOKS[name])
    ax.plot(sigmas, np.abs(crystal), ":", color=figures.colour("ink"), label="WCA, fcc crystal")
    ax.set(xscale="log", yscale="log", xlabel=r"$\sigma$ (mean diameters)")
    ax.set_ylabel(r"$|\Delta V/(\frac{\sigma^2}{2}\mathrm{Tr}\,H) - 1|$")
    ax.legend()
    return fig


def batch(batches, sgd, rcd):
    """Trace against that of gradient descent, less one: {potential: estimates} of SGD at all batches, one of RCD."""
    fig, ax = plt.subplots(figsize=(5.8, 3.8))
    for name, look in LOOKS.items():
        line = np.array([*map(tuple, sgd[name]), (0.0, 0.0)])
        ax.errorbar(
            [*batches, 1.0], 100 * line[:, 0], 100 * line[:, 1], label=f"SGD, {name}", **look
        )
        gap, error = rcd[name]
        open_ = look | {"markerfacecolor": figures.colour("paper"), "linestyle": "none"}
        ax.errorbar([batches[0]], 100 * gap, 100 * error, **open_)
    ax.axhline(0, color=figures.colour("muted"), linewidth=0.8)
    ax.set(xlabel="batch fraction $b_f$", ylabel=r"$\mathrm{Tr}\,H$ against GD (%)")
    ax.legend()
    return fig


def spectrum(quiet, shaken, lowest, top):
    """Histograms of all modes at a minimum and in a steady state; participation ratios, and of a larger packing."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.4))
    bins = np.linspace(-0.06, 1.02, 55)
    for modes, name, kind in (
        (quiet, "at the minimum (GD)", "GD"),
        (shaken, "in a steady state of SGD", "SGD"),
    ):
        look = {"histtype": "step", "linewidth": 1.6, "color": figures.colour(kind)}
        left.hist(modes.values / top, bins=bins, label=name, **look)
    left.set(xlabel=r"curvature $h/h_{\max}$", ylabel="modes")
    left.axvline(0, color=figures.colour("ink"), linewidth=0.8)
    left.legend()
    few = f", {len(lowest.values)} lowest"
    for modes, more, kind in ((quiet, "", "GD"), (lowest, few, "series 1")):
        look = {"markersize": 4, "color": figures.colour(kind)}
        label = f"$N={modes.vectors.shape[1]}${more}"
        right.plot(modes.values / top, modes.participation, ".", label=label, **look)
    right.set(xscale="log", xlabel=r"curvature $h/h_{\max}$", ylabel="participation ratio")
    right.legend()
    return fig


def variance(smooth, linear, top):
    """Variance in bands of curvature (`mpack.landscape.banded`): harmonic, and {rule: bands} of the linear one."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.7))
    (curve, measured, expected), error = smooth
    style = figures.process_style("SGD", linestyle="none")
    axes[0].errorbar(curve / top, measured, error * measured, label="measured", **style)
    axes[0].plot(curve / top, expected, color=figures.colour("ink"), label="predicted")
    heat = {"linestyle": ":", "color": figures.colour("muted"), "label": "heat, $1/h$"}
    axes[0].plot(curve / top, expected[-1] * curve[-1] / curve, **heat)
    axes[0].set(title="Harmonic, SGD", ylabel="variance (squared diameters)")
    axes[0].set_xlabel(r"curvature $h/h_{\max}$")
    for name, ((x, y, _), s) in linear.items():
        style = figures.process_style(name, linestyle="none")
        axes[1].errorbar(x, y, s * y, label=name, **style)
        law = statistics.power_law(x, y)
        line = law.amplitude.value * x**law.exponent.value
        axes[1].plot(x, line, color=figures.colour(name))
    axes[1].set(title="Linear, blurred modes", xlabel="curvature $h$")
    for ax in axes:
        ax.set(xscale="log", yscale="log")
        ax.legend()
    return fig


def of_potential(table, potential):
    """The runs of a potential of this kind."""
    return table[table.potential.str.startswith(type(potential).__name__)]


def fates(table):
    """Shares of runs at rest of the campaign `smooth_potentials`, {potential: (learning rate, rows)}, at its rate."""
    found = {}
    for name, (potential, alpha, _) in SMOOTH.items():
        own = of_potential(table, potential)
        found[name] = alpha, own[own.alpha == alpha]
    return found


def at_rest(found):
    """Share of runs that come to rest, and the time it takes, against packing fraction."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.5))
    for name, (alpha, rows) in found.items():
        rested = rows.groupby("phi").absorbed.mean()
        axes[0].plot(rested.index, rested, label=rf"{name}, $\alpha={alpha:g}$", **LOOKS[name])
        took = rows[rows.absorbed].groupby("phi").steps.mean()
        axes[1].plot(took.index, took, **LOOKS[name])
    axes[0].set_ylabel("share of runs that come to rest")
    axes[1].set(ylabel="steps until rest, mean", yscale="log")
    axes[1].set_yticks((100, 300, 1000), ("100", "300", "1000"))
    axes[1].minorticks_off()
    for ax in axes:
        ax.set_xlabel(r"packing fraction $\phi$")
        ax.set_xticks((0.50, 0.54, 0.58, 0.62))
        ax.set_xlim(0.48, 0.625)
    axes[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8)
    return fig


def bracket(rows):
    """The densest packing fraction at which all runs came to rest, and the lowest at which none did."""
    rested = rows.groupby("phi").absorbed.mean()
    return float(rested.index[rested == 1].max()), float(rested.index[rested == 0].min())


def fate_numbers(table):
    """What the text quotes of the campaign."""
    found = {}
    for name, (_, rows) in fates(table).items():
        low, high = bracket(rows)
        own = of_potential(table, SMOOTH[name][0])
        gentle = own[own.alpha == SMOOTH_GENTLE[name][0]]
        found |= {
            f"other-rests-{name.lower()}": low,
            f"other-never-{name.lower()}": high,
            f"other-gentle-activity-{name.lower()}": statistics.mean_error(gentle.activity),
        }
    return found


def fate_claims(table):
    """The claims on the absorbing transition of smooth repulsions and of Lennard-Jones particles."""
    made, source = [], "arXiv:2411.11834"
    for name, (alpha, rows) in fates(table).items():
        low, high = bracket(rows)
        text = f"{name}, α = {alpha:g}: share of runs at rest at φ = {low:g} less that at {high:g}."
        step = share(rows.absorbed[rows.phi == low]) - share(rows.absorbed[rows.phi == high])
        made.append((f"other-transition-{name.lower()}", text, step, above(0.0), source))
        gentle, phi = SMOOTH_GENTLE[name]
        own = of_potential(table, SMOOTH[name][0])
        text = f"{name}, α = {gentle:g}, φ = {phi:g}: share of runs at rest after 2000 steps."
        own = share(own.absorbed[own.alpha == gentle])
        made.append((f"other-gentle-{name.lower()}", text, own, below(0.5), "two particles"))
    own = of_potential(table, LennardJones())
    text = "Lennard-Jones, φ = 0.02 and 0.05: share of runs that come to rest in 2000 steps."
    made.append(
        ("other-lennard-jones-never-rests", text, share(own.absorbed), below(0.5), "attraction")
    )
    return made
