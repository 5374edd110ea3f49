"""Tables and figures of the chapter that tests the scaling analysis on known answers."""

import numpy as np
from matplotlib import pyplot as plt
from scipy import stats

from book import calibration
from book.calibration import METHODS, START
from mpack import figures
from mpack.statistics import Estimate, mean_error

BINS = 10  # of a histogram of ranks
TITLES = {"curvature": "curvature", "bootstrap": "bootstrap", "process": "Gaussian process"}
LOOKS = {
    "curvature": ("series 3", "-"),
    "bootstrap": ("series 1", "--"),
    "process": ("series 4", ":"),
}


def fit_rows(fits, known, held, wrong):
    """What the fits of percolation found, what is known, and what mean-field exponents do."""
    rows = [
        {"fit": name}
        | {key: fit.parameter(key) for key in known}
        | {"S": f"{fit.quality:.2f}" if np.isfinite(fit.quality) else "", "used": fit.used}
        for name, fit in fits.items()
    ]
    exact = {key: f"{value:.4f}" for key, value in known.items()}
    rows.append({"fit": "known"} | exact | {"S": f"{held.quality:.2f}", "used": held.used})
    field = {"rho_c": f"{wrong.rho_c:.4f}", "nu": f"{wrong.nu:g}", "zeta": f"{wrong.zeta:g}"}
    field |= {"S": f"{wrong.quality:.1f}", "used": wrong.used}
    return [*rows, {"fit": "mean-field exponents"} | field]


def _scaled_axes(ax, title):
    ax.set(xlabel=r"$x = l^{1/\nu}(\rho-\rho_c)$", ylabel=r"$y = l^{-\zeta/\nu}a$", title=title)


def percolation(data, fit, wrong):
    """The share of the largest cluster as measured, scaled as fitted, and scaled with mean-field exponents."""
    fig, axes = plt.subplots(1, 3, figsize=(9.2, 3.4))
    for ax, scaled in zip(axes, (None, fit, wrong)):
        figures.draw_collapse(ax, data, scaled)
    labels = {"xlabel": r"occupied share $\rho$", "ylabel": "share of largest cluster"}
    axes[0].set(title="Measured", **labels)
    _scaled_axes(axes[1], f"Fitted, S = {fit.quality:.2f}")
    _scaled_axes(axes[2], f"Mean field, S = {wrong.quality:.0f}")
    axes[2].set(xscale="log", yscale="log")
    axes[1].legend(fontsize=8)
    return fig


def window_rows(windows, fits, known):
    """Fits in windows of other sizes and widths, and how far from what is known they end."""
    rows = []
    for (label, (sizes, reach)), fit in zip(windows.items(), fits):
        far = [abs(fit.values[key] - known[key]) / fit.errors[key] for key in known]
        rows.append(
            {"window": f"{label}: l ≥ {sizes[0]}, |x| ≤ {reach:g}"}
            | {key: fit.parameter(key) for key in known}
            | {"S": f"{fit.quality:.2f}", "used": fit.used}
            | {"largest deviation": f"{max(far):.1f} errors"}
        )
    return rows


def sandpile(data, fit, rho_c):
    """Activity of the sandpile as measured, dotted the published density, and scaled."""
    fig, axes = plt.subplots(1, 2, figsize=(8.0, 3.5))
    figures.draw_collapse(axes[0], data)
    figures.draw_collapse(axes[1], data, fit)
    axes[0].set(xlabel=r"grains a site $\rho$", ylabel="share of active sites")
    axes[0].axvline(rho_c, color=figures.colour("ink"), linestyle=":", linewidth=1)
    axes[0].legend(fontsize=8)
    _scaled_axes(axes[1], f"Manna exponents, S = {fit.quality:.2f}")
    return fig


def class_rows(free, classes, published):
    """The free fit of the sandpile, and S of each class with a free and with the published density."""
    rows = [{"exponents": "free (Gaussian process)"} | {key: free.parameter(key) for key in START}]
    for name, fit in classes.items():
        held = {"nu": f"{fit.nu:.3f}", "zeta": f"{fit.zeta:.3f}"}
        held |= {"S": f"{fit.quality:.2f}", "used": fit.used}
        there = published[name]
        at = {"S (used) at the published density": f"{there.quality:.1f} ({there.used})"}
        rows.append({"exponents": name, "rho_c": fit.parameter("rho_c")} | held | at)
    return rows


def class_numbers(classes, published):
    """S of each class, with the density free and held."""
    kinds = {"free": classes, "held": published}
    return {
        f"sand-{kind}-{name.lower().replace(' ', '-')}": fit.quality
        for kind, fits in kinds.items()
        for name, fit in fits.items()
    }


def largest_difference(archive, count, seed):
    """Some data sets of the archive made and fitted anew: the largest difference of a rank or a deviation."""
    names = [name for name in archive.columns if name.endswith(("off", "rank"))]
    largest = 0.0
    for old in archive.sample(count, random_state=seed).itertuples(index=False):
        new = calibration.row(old.seed, old.runs, old.number)
        gaps = [abs(new[name] - getattr(old, name)) for name in names]
        largest = max(largest, np.nanmax(gaps))
    return largest


def covered(rows, method, name, level=0.68):
    """Share of the data sets whose interval of a parameter holds the truth; the error is that of an honest one."""
    hit = np.abs(rows[f"{method}_{name}_off"]) < stats.norm.isf((1 - level) / 2)
    return Estimate(hit.mean(), (level * (1 - level) / len(rows)) ** 0.5, len(rows))


def all_covered(rows, method):
    """The same of the 68 % intervals of all parameters together, a data set being one sample."""
    off = np.array([np.abs(rows[f"{method}_{name}_off"]) for name in START])
    hits = off < stats.norm.isf(0.16)
    return Estimate(hits.mean(), mean_error(hits.mean(axis=0)).error, len(rows))


def bias(rows, method, name):
    """Mean of (truth - fit)/error."""
    return mean_error(rows[f"{method}_{name}_off"])


def bias_numbers(rows):
    """The biases that the text quotes."""
    names = {"rho_c": "rho-c", "nu": "nu"}
    return {f"bias-curvature-{names[key]}": bias(rows, "curvature", key) for key in names}


def _bars(rows, method, name):
    return np.histogram(rows[f"{method}_{name}_rank"], BINS, (0, 1))[0]


def _bands(sets):
    """Between which heights a bar lies in 99 % of uniform histograms, and between which all bars of one do."""
    one = stats.binom.ppf([0.005, 0.995], sets, 1 / BINS)
    return one, stats.binom.ppf([0.005 / BINS, 1 - 0.005 / BINS], sets, 1 / BINS)


def bars_outside(rows):
    """How many bars of all rank histograms leave the band that holds all bars of 99 % of uniform ones."""
    least, most = _bands(len(rows))[1]
    bars = np.array([_bars(rows, method, name) for method in METHODS for name in START])
    return int(np.sum((bars < least) | (bars > most)))


def ranks(rows):
    """Histograms of the rank of the truth, a panel a parameter, with the two bands of uniform ranks."""
    fig, axes = plt.subplots(1, 3, figsize=(9.0, 3.1), sharey=True)
    (low, high), (least, most) = _bands(len(rows))
    for ax, key, name in zip(axes, START, (r"$\rho_c$", r"$\nu$", r"$\zeta$")):
        ax.axhspan(low, high, color=figures.colour("inactive"), alpha=0.5)
        ax.axhspan(least, most, color=figures.colour("inactive"), alpha=0.3)
        for method, (meaning, line) in LOOKS.items():
            look = {"color": figures.colour(meaning), "linestyle": line, "linewidth": 1.6}
            look |= {"histtype": "step", "label": TITLES[method]}
            ax.hist(rows[f"{method}_{key}_rank"], bins=BINS, range=(0, 1), **look)
        ax.set(xlabel=f"rank of the true {name}", ylim=(0, 2.2 * len(rows) / BINS))
    axes[0].set_ylabel(f"data sets of {len(rows)}")
    axes[0].legend(fontsize=8, loc="upper left")
    return fig


def coverage_rows(rows):
    """Coverage, ranks and bias of each method and parameter."""
    (low, high), even = _bands(len(rows))[0], len(rows) / BINS
    found = []
    for method in METHODS:
        for name in START:
            bars = _bars(rows, method, name)
            outside = np.sum((bars < low) | (bars > high))
            line = {"error by": TITLES[method], "parameter": name}
            for level in (0.68, 0.95):
                line[f"{level:.0%} interval"] = covered(rows, method, name, level)
            line["bars outside the dark band"] = f"{outside} of {BINS}"
            line["mean (truth − fit)/error"] = bias(rows, method, name)
            line["χ² of the bars (9 expected)"] = f"{np.sum((bars - even) ** 2) / even:.1f}"
            found.append(line)
    return found


def scatter_rows(archive):
    """Coverage by how much is known of the error of a point; known errors last."""
    rows = []
    for runs in (4, 8, 16, 32, -4, 0):
        part = archive[archive.runs == runs]
        kind = {0: "error known", -4: "4, scatter pooled over points"}.get(runs, runs)
        shares = {TITLES[method]: all_covered(part, method) for method in METHODS}
        rows.append({"runs a point": kind, "data sets": len(part)} | shares)
    return rows
