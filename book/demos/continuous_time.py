"""Figures of the chapter on continuous time."""

import numpy as np
from matplotlib import pyplot as plt

from book import campaigns
from mpack import figures

LOOKS = {
    "Itô": ("-o", "series 1"),
    "Itô, modified drift": ("-s", "series 2"),
    "Stratonovich, modified drift": ("--^", "muted"),
}


class Cases:
    """Runs of `book.campaigns.weak_order`, sorted.

    `data` has the arrays (kick sizes, boxes, observables) of MSD, activity and energy per sphere at
    the last step, by (potential, process or equation); `kick`, `boxes` and `n` say what they are of.
    `specs` are what the campaign gave; a KeyError says that the table has not all of them.
    """

    def __init__(self, table, specs):
        keys = list(campaigns.WEAK_ORDER)
        known = table.set_index("key")
        if missing := sum(spec.key not in known.index for spec in specs):
            raise KeyError(
                f'{missing} of {len(specs)} runs are not in the archive; show = "here" does them'
            )
        rows = known.loc[[spec.key for spec in specs]]
        self.n, self.boxes = specs[0].n, len({spec.seed for spec in specs})
        columns = rows.msd, rows.activity, rows.energy / self.n
        shape = self.boxes, -1, len(keys), len(columns)
        found = np.stack(columns, axis=1).reshape(shape)
        self.data = {key: found[:, :, place].swapaxes(0, 1) for place, key in enumerate(keys)}
        bro = keys.index(("linear", "BRO"))
        one_box = specs[: len(specs) // self.boxes]
        self.kick = np.array([spec.dynamics.eps for spec in one_box[bro :: len(keys)]])


def two_spheres(alphas, smooth, kick_sizes, kink, orders):
    """Errors of the equations of two spheres: smooth force (by theory) and force with a jump (by observable)."""
    fig, axes = plt.subplots(1, 2, figsize=(7.8, 3.6))
    for name, errors in smooth.items():
        line, tint = LOOKS[name]
        axes[0].plot(alphas, np.abs(errors), line, color=figures.colour(tint), label=name)
    looks = {"activity": ("-D", "series 3"), "energy": ("-v", "series 4"), "MSD": ("-P", "ink")}
    for (what, (line, tint)), errors, order in zip(looks.items(), kink.T, orders, strict=True):
        look = {"color": figures.colour(tint), "label": f"{what}, order {order:.2f}"}
        axes[1].plot(kick_sizes, np.abs(errors), line, **look)
    logs = {"xscale": "log", "yscale": "log"}
    axes[0].set(**logs, xlabel=r"learning rate $\alpha$", ylabel="error", title="smooth force: MSD")
    axes[1].set(**logs, xlabel=r"kick size $\epsilon$", ylabel="error at $t = g$")
    axes[1].set_title("force with a jump")
    for ax in axes:
        ax.legend(fontsize=8.5)
    return fig


def orders(kick_sizes, gaps, fits):
    """Rule minus equation against kick size, a panel an observable, with fitted power laws.

    `gaps` has (mean, error) at the kick sizes and `fits` a `mpack.statistics.PowerLaw`, both by
    (potential, process, observable).
    """
    panels = list(dict.fromkeys(what for *_, what in gaps))
    fig, axes = plt.subplots(1, len(panels), figsize=(8.2, 4.0))
    marks = {"harmonic": {"marker": "x"}, "linear": {}}
    marks["dilute"] = {"marker": "*", "color": figures.colour("muted")}
    for (potential, name, what), (mean, error) in gaps.items():
        ax, fit = axes[panels.index(what)], fits[potential, name, what]
        look = figures.process_style(name, linestyle="none", markersize=5) | marks[potential]
        label = name if potential == "linear" else f"{name}, {potential}"
        ax.errorbar(kick_sizes, np.sign(mean[0]) * mean, error, label=label, **look)
        law = fit.amplitude.value * kick_sizes**fit.exponent.value
        line = ":" if potential == "harmonic" else "-"
        law *= np.sign(mean[0])
        ax.plot(kick_sizes, law, color=look["color"], linewidth=1, linestyle=line)
    for ax, what in zip(axes, panels, strict=True):
        ax.set(xscale="log", yscale="log", xlabel=r"kick size $\epsilon$", title=what)
    axes[0].set_ylabel("rule minus equation (absolute)")
    names = axes[0].get_legend_handles_labels()
    fig.legend(*names, loc="outside upper center", ncols=len(names[1]), fontsize=8.5)
    return fig


def noise(fractions, ratio, distance, fits):
    """Noise over drift of a step against batch fraction; distance from gradient descent against rho.

    `distance` has (mean, error) at the batch fractions, `fits` a `mpack.statistics.PowerLaw`, both by
    potential.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.5))
    tint, ink = figures.colour("SGD"), figures.colour("ink")
    line = np.geomspace(min(fractions), 0.995, 300)
    axes[0].plot(line, ((1 - line) / line) ** 0.5, color=ink, label=r"$\sqrt{(1-b_f)/b_f}$")
    look = figures.process_style("SGD", linestyle="none")
    axes[0].plot(fractions, np.array(ratio) ** 0.5, label="SGD, measured", **look)
    look = {"color": figures.colour("BRO"), "linestyle": ":", "label": r"BRO, $1/\sqrt{3}$"}
    axes[0].axhline(3**-0.5, **look)
    axes[0].set(xlabel="batch fraction $b_f$", ylabel="noise / drift of one step")
    rho = (1 - np.array(fractions)) / np.array(fractions)
    for (name, (mean, error)), marker, style in zip(distance.items(), "sx", "-:", strict=True):
        look = {"linestyle": "none", "color": tint, "marker": marker, "label": f"{name} potential"}
        axes[1].errorbar(rho, mean, error, **look)
        law = fits[name].amplitude.value * rho ** fits[name].exponent.value
        axes[1].plot(rho, law, color=tint, linewidth=1, linestyle=style)
    axes[1].set(xscale="log", yscale="log", xlabel=r"$\rho = (1-b_f)/b_f$")
    axes[1].set_ylabel("$D^2$ to gradient descent")
    for ax in axes:
        ax.legend(fontsize=8.5)
    return fig
