"""Tables of runs and figures of the chapter on flat minima."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from scipy import stats

from mpack import figures
from mpack.observables import pair_flatness
from mpack.statistics import Estimate, mean_errors, paired

KINDS = {"SGD": 0.25, "RCD": 0.25, "GD": 1.0}  # batch fractions, where the learning rate varies
_FRACTIONS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_PILOT = {"SGD": (15.0, 15.5, 16.3, 16.8, 17.3, 18.0), "RCD": (19.6, 19.8, 19.7, 19.2, 18.7, 18.0)}
PILOT = {  # (process, batch fraction): flatness of a thousand spheres in U0, by another code
    (name, b): value
    for name, values in _PILOT.items()
    for b, value in zip(_FRACTIONS, values, strict=True)
}
PER_THOUSAND = r"$\Delta\tilde V$ per thousand"


def joined(parts):
    """Runs of 4000 spheres of several archives, with their flatness in U0 per thousand spheres and their path."""
    table = pd.concat(parts, ignore_index=True).drop_duplicates("key")
    table = table[table.n == 4000].copy()
    table["flat"] = table["flatness_0.015"] / 4  # of 4000 spheres; U0 is 1/2
    table["alpha"] = table.alpha.round(6)  # 0.005/0.05 is 0.1
    push = (table.alpha * table.batch_fraction).fillna(table.eps)  # the path of one step
    table["path"] = push * table.steps_asked
    return table


def runs_of(rows, process, b, phi):
    """The rows of one process, batch fraction (None for BRO) and packing fraction."""
    batch = rows.batch_fraction.isna() if b is None else rows.batch_fraction == b
    return rows[(rows.process == process) & batch & (rows.phi == phi)]


def difference(a, b, relative_to=None):
    """Mean difference of the flatness of runs a and b from the same starts; relative to the mean of one of them."""
    gap = paired(a.set_index("seed").flat, b.set_index("seed").flat)
    return gap if relative_to is None else gap / (a, b)[relative_to].flat.mean()


def differences(a, b, couples, relative_to=None):
    """{(process, packing fraction): `difference`} of couples (process, batch fraction) of a and of b, four items."""
    return {
        (name, phi): difference(
            runs_of(a, name, own, phi), runs_of(b, other, its, phi), relative_to
        )
        for phi in sorted(a.phi.unique())
        for name, own, other, its in couples
    }


def by_density(estimates, factor=1):
    """Rows of a table, one a packing fraction, of {(name, packing fraction): estimate}."""
    names, densities = (dict.fromkeys(part) for part in zip(*estimates, strict=True))
    return [
        {"φ": f"{where:.2f}"} | {name: factor * estimates[name, where] for name in names}
        for where in densities
    ]


def magnitude(estimate):
    """The absolute value of an estimate, with its error and number of samples."""
    return abs(estimate.value), estimate.error, estimate.n


def over_densities(estimates, name):
    """The weighted mean of one process's estimates over all packing fractions."""
    own = [estimate for (process, _), estimate in estimates.items() if process == name]
    values, errors = np.array([tuple(estimate) for estimate in own]).T
    weight = errors**-2 / np.sum(errors**-2)
    return Estimate(weight @ values, np.sum(errors**-2) ** -0.5, own[0].n * len(own))


def closest(rows):
    """RCD above gradient descent above SGD: the smallest difference at any learning rate, in standard errors."""
    gaps = []
    for _, own in rows.groupby("alpha"):
        sgd, rcd, gd = (runs_of(own, name, b, 0.70) for name, b in KINDS.items())
        gaps += [difference(rcd, gd), difference(gd, sgd)]
    return min(gap.value / gap.error for gap in gaps)


def beside_pilot(ours):
    """Rows of a table of flatness, one a batch fraction: {(process, batch fraction): estimate} and the pilot's."""
    rows = {}
    for (name, b), value in PILOT.items():
        row = rows.setdefault(b, {"batch fraction": b})
        row |= {f"{name}, here": ours[name, b], f"{name}, pilot": value}
    return list(rows.values())


def is_pilot(n, phi, alpha, sigma):
    """Whether runs are those that the pilot's numbers are of."""
    return (n, phi, alpha, sigma) == (1000, 0.70, 0.02, 0.015)


def gap_density(rows):
    """Mean density of gaps over rows of the archive: the middles of the bins, and rho(h)."""
    low, high = rows.iloc[0].arrays["gaps"]["edges"]
    counts = np.array([row["gaps"]["counts"] for row in rows.arrays])
    edges = np.linspace(low, high, counts.shape[1] + 1)
    return 0.5 * (edges[1:] + edges[:-1]), 2 * counts.mean(axis=0) / (4000 * np.diff(edges))


def pair(sigma, gaps, drawn, errors):
    """Energy change of one pair against its gap, closed form and drawn; its size against the width."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.3))
    h, ink = np.linspace(-0.12, 0.08, 401), figures.colour("ink")
    for width, look in ((0.5 * sigma, ":"), (sigma, "-"), (2 * sigma, "--")):
        label = rf"$\sigma = {width:g}$"
        left.plot(h, 1e3 * pair_flatness(1 + h, width, 3), look, color=ink, label=label)
    look = {"fmt": "o", "color": figures.colour("active"), "label": "drawn"}
    left.errorbar(gaps, 1e3 * drawn, 1e3 * errors, **look)
    left.set(xlabel="gap $h$ (mean diameters)", ylabel=r"$10^3\,\Delta u$", title="One pair")
    width = np.geomspace(2e-4, 0.1, 60)
    for gap, name, look in ((0.0, "contact", "-"), (-0.1, "overlap 0.1, sign turned", "--")):
        value = np.array([pair_flatness(1 + gap, w, 3) for w in width])
        right.plot(width, np.abs(value), look, color=ink, label=name)
    right.set(xscale="log", yscale="log", title="Linear and quadratic")
    right.set(xlabel=r"$\sigma$ (mean diameters)", ylabel=r"$|\Delta u|$")
    left.legend()
    right.legend()
    return fig


def curvature(bare, blurred, sigma):
    """Histograms of the eigenvalues of the Hessian at a point and seen through a blur."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.0))
    axes[0].hist(bare.values, bins=60, color=figures.colour("inactive"))
    axes[0].set(title=r"Hessian at a point, $\sigma=0$", ylabel="modes")
    axes[1].hist(blurred.values, bins=60, color=figures.colour("SGD"))
    axes[1].set_title(rf"seen through a blur, $\sigma={sigma:g}$")
    for ax in axes:
        ax.set_xlabel("eigenvalue (energy per squared diameter)")
        ax.axvline(0, color=figures.colour("ink"), linewidth=0.8)
    return fig


def settling(from_random, from_calm, per_thousand):
    """Flatness and energy against path from two starts: {process: `mpack.landscape.Settling` of all runs} of each."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.5))
    for ax, column, unit in zip(axes, ("flatness", "energy"), (per_thousand, 1), strict=True):
        for name in from_calm:
            for runs, look in ((from_random[name], "--"), (from_calm[name], "-")):
                mean, error = mean_errors([unit * getattr(one, column) for one in runs])
                style = figures.process_style(name, linestyle=look, markersize=3.5)
                label = name if look == "-" else None
                ax.errorbar(runs[0].path, mean, error, label=label, **style)
        ax.set(xscale="log", xlabel=r"path $\alpha b_f k$ (mean diameters)")
    axes[0].set(ylabel=f"{PER_THOUSAND} spheres", title="Flatness")
    axes[1].set(ylabel="energy per sphere", title="Energy", yscale="log")
    axes[0].legend()
    return fig


def monte_carlo(z):
    """Sorted deviations, in standard errors, against the quantiles of the normal law."""
    fig, ax = plt.subplots(figsize=(5.6, 3.2))
    expected = stats.norm.ppf((np.arange(len(z)) + 0.5) / len(z))
    ax.plot(expected, expected, color=figures.colour("muted"))
    ax.plot(expected, np.sort(z), "o", color=figures.colour("series 1"), markersize=4)
    ax.set(xlabel="quantiles of the standard normal law", ylabel="(drawn − exact)/error")
    return fig


def batch(rows):
    """Flatness against batch fraction, a panel for each packing fraction."""
    fig, axes = plt.subplots(2, 3, figsize=(8.2, 5.0), sharex=True, sharey=True)
    for ax, where in zip(axes.flat, sorted(rows.phi.unique()), strict=True):
        level = runs_of(rows, "GD", 1.0, where).flat
        ax.axhline(level.mean(), color=figures.colour("GD"), linewidth=0.9, linestyle=":")
        for name in ("SGD", "RCD"):
            own = rows[(rows.process == name) & (rows.phi == where)].groupby("batch_fraction")
            line = own.flat.agg(["mean", "sem"])
            line.loc[1.0] = level.mean(), level.sem()
            style = figures.process_style(name)
            ax.errorbar(line.index, line["mean"], line["sem"], label=name, **style)
        for name, b, place in (
            ("GD", 1.0, 1.0),
            ("BRO", None, 0.75),
            ("individual BRO", None, 0.75),
        ):
            level = runs_of(rows, name, b, where).flat
            style = figures.process_style(name, linestyle="none")
            ax.errorbar([place], level.mean(), level.sem(), label=name, **style)
        ax.set_title(rf"$\phi = {where:.2f}$")
    for ax in axes[1]:
        ax.set_xlabel("batch fraction $b_f$")
    for ax in axes[:, 0]:
        ax.set_ylabel(PER_THOUSAND)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return fig


def rates(rows, same, product):
    """Flatness against learning rate at fixed batch fraction, and against batch fraction at fixed mean step."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.5))

    def draw(ax, own, by, label, name):
        line = own.groupby(by).flat.agg(["mean", "sem"])
        style = figures.process_style(name)
        ax.errorbar(line.index, line["mean"], line["sem"], label=label, **style)

    for name, b in KINDS.items():
        own = rows[(rows.process == name) & (rows.batch_fraction == b)]
        draw(left, own, "alpha", name if b == 1 else f"{name}, $b_f={b:g}$", name)
    left.set(xscale="log", xlabel=r"learning rate $\alpha$", ylabel=PER_THOUSAND)
    left.set_title("Fixed batch fraction")
    for name in ("SGD", "RCD"):
        draw(right, same[same.process.isin((name, "GD"))], "batch_fraction", name, name)
    right.set(xscale="log", xlabel="batch fraction $b_f$")
    right.set_title(rf"Fixed mean step $\alpha b_f = {product:g}$")
    left.legend()
    right.legend()
    return fig


def widths(sigmas, flatness):
    """Flatness against the width of the perturbations, {process: runs, a column each sigma}, and its local exponent."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.5))
    for name, values in flatness.items():
        style = figures.process_style(name)
        left.errorbar(sigmas, values.mean(), values.sem(), label=name, **style)
        slope = np.diff(np.log(values.mean())) / np.diff(np.log(sigmas))
        right.plot(np.sqrt(np.multiply(sigmas[1:], sigmas[:-1])), slope, label=name, **style)
    left.set(xscale="log", yscale="log", xlabel=r"$\sigma$ (mean diameters)", ylabel=PER_THOUSAND)
    left.legend()
    right.set(xscale="log", xlabel=r"$\sigma$ (mean diameters)")
    right.set(ylabel="local exponent", ylim=(0.8, 2.2))
    return fig


def mechanism(h, densities, weight):
    """Densities of gaps {process: rho}, their differences from gradient descent, and these summed with the weight."""
    fig, axes = plt.subplots(1, 3, figsize=(9.0, 3.4))
    base, width = densities["GD"], h[1] - h[0]
    for name, rho in densities.items():
        style = figures.process_style(name, marker="")
        axes[0].plot(h, rho, label=name if name == "GD" else f"{name}, $b_f=0.1$", **style)
        if name != "GD":
            axes[1].plot(h, rho - base, **style)
            axes[2].plot(h, np.cumsum((rho - base) * weight) * width * 1000, **style)
    look = {"color": figures.colour("inactive"), "alpha": 0.5, "linewidth": 0}
    axes[0].fill_between(h, 80 * weight / weight.max(), **look)
    axes[0].set(ylabel=r"density of gaps $\rho(h)$", title="Contacts")
    axes[1].set(title="less those of GD")
    axes[2].set(title=r"summed with $\Delta u$", ylabel=r"$\Delta\tilde V$ less GD, up to $h$")
    axes[0].legend(fontsize=8, loc="upper left")
    for ax in axes:
        ax.set(xlabel="gap $h$", xlim=(-0.08, 0.08))
    return fig


def agitation(shaken):
    """Flatness against agitation, one point a rule; open where the learning rate is another one."""
    fig, ax = plt.subplots(figsize=(5.8, 4.0))
    for (name, other), rows in shaken.groupby(["name", "other rate"]):
        face = {"markerfacecolor": figures.colour("paper")} if other else {}
        style = figures.process_style(name, linestyle="none") | face
        label = None if other else name
        ax.errorbar(rows.agitation, rows.flat, xerr=rows.error, label=label, **style)
    ax.set(xscale="log", xlabel="agitation $A$ (mean diameters)", ylabel=PER_THOUSAND)
    ax.legend()
    return fig
