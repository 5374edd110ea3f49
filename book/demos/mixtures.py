"""Pictures of the chapter on mixtures, and slices through its packings."""

import json
import math

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from scipy import stats

import mpack
from book import campaigns
from mpack import critical, figures, sizes
from mpack.statistics import mean_error, weighted_mean

NAMES = tuple(campaigns.MIXTURES)
_TINTS = ("ink", *["series 1"] * 4, *["series 3"] * 4, "series 4")
LOOKS = {
    name: {
        "color": figures.colour(tint),
        "marker": mark,
        "markersize": 5,
        "markeredgewidth": 0.8,
        "linestyle": "none",
    }
    for name, mark, tint in zip(NAMES, "ovsD^<>pPX", _TINTS, strict=True)
}


def diameters():
    """Relative diameters of each mixture of the archive, with mean 1, dealt out in turn."""
    made = {name: make for name, (make, _) in campaigns.MIXTURES.items()}
    return {name: np.ones(1) if make is None else make() for name, make in made.items()}


def by_mixture(table):
    """Runs with the name of their mixture."""
    names = {json.dumps(list(d)): name for name, d in diameters().items() if len(d) > 1}
    return table.assign(mixture=table.sizes.map(names).fillna("equal"))


def moments(diameters):
    """A row for each mixture: width, skewness, <D>, <D^2>, <D^3>, largest over smallest."""
    rows = {
        name: (
            sizes.polydispersity_of(d),
            round(sizes.skewness_of(d), 12) + 0.0,
            *[np.mean(d**k) for k in (1, 2, 3)],
            d.max() / d.min(),
        )
        for name, d in diameters.items()
    }
    columns = ["width", "skewness", "M1", "M2", "M3", "spread"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def volume_ratios(diameters, about, n, seed):
    """For each mixture what should be 1: volume of n spheres over phi L^3; M_3 over 1 + 3 delta^2 + S delta^3."""
    ratios = []
    for name, d in diameters.items():
        packing = mpack.Packing.random(n, 0.5, 3, seed, np.resize(d, n))
        volume = np.sum(packing.diameters**3) * math.pi / 6
        width, skewness = about.width[name], about.skewness[name]
        ratios.append(volume / packing.box**3 / packing.phi)
        ratios.append(about.M3[name] / (1 + 3 * width**2 + skewness * width**3))
    return ratios


def slug(name):
    """A mixture's name as it stands in the names of claims: "1:2, half" is "1-2-half"."""
    name = name.replace("log-normal", "lognormal").replace(":", "-").replace(", ", "-")
    return name.replace(" ", "-").replace(".", "")


def slice_of(packing):
    """The discs in which the plane z = L/2 cuts the spheres, as a packing, and the diameters of the spheres."""
    depth = packing.positions[:, 2] - packing.box / 2
    square = packing.diameters**2 - 4 * depth**2
    cut = square > 1e-4
    across = np.sqrt(square[cut])
    unit = across.mean()
    discs = mpack.Packing(packing.positions[cut, :2] / unit, packing.box / unit, across / unit)
    return discs, packing.diameters[cut]


def slices(packings):
    """Slices side by side; spheres larger than 1.2 mean diameters marked."""
    fig, axes = plt.subplots(1, 3, figsize=(8.2, 3.1))
    for ax, (name, packing) in zip(axes, packings.items(), strict=True):
        discs, whole = slice_of(packing)
        tint = [figures.colour("series 2" if one > 1.2 else "inactive") for one in whole]
        figures.draw_packing(ax, discs, colours=tint)
        ax.set_title(name)
    return fig


def live(scans, points, look=LOOKS.__getitem__):
    """Absorption times of two kinds of particles, with the divergences fitted to them; `look`: marker and colour."""
    fig, ax = plt.subplots(figsize=(6.2, 3.4))
    for name, scan in scans.items():
        mark, tint = look(name)["marker"], look(name)["color"]
        figures.draw_divergence(
            ax,
            scan,
            points[name],
            scale=1e4,
            stopped={"color": tint},
            law={"color": tint, "lw": 1.2},
            band={"color": tint, "alpha": 0.2, "lw": 0},
            **{"marker": mark, "color": tint, "label": name},
        )
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper center", bbox_to_anchor=(0.52, 1.0))
    return fig


def limits(located, common, own, factor):
    """Left: phi_c against the learning rate, and the law with one swelling for all. Right: the swelling of each."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 4.2), width_ratios=[3, 2])
    curve = np.linspace(0, max(alpha for _, alpha in located) * 1.03, 60)
    (c,), (error,) = common.swelling, common.swelling_error
    for place, name in enumerate(NAMES):
        look = LOOKS[name]
        x, y, e = np.transpose([(a, *one.estimate) for a, one in located.curve(name).items()])
        left.errorbar(x, y, e, label=name, **look)
        law = common.ends[name].value * factor(name, curve, c)
        left.plot(curve, law, lw=0.8, color=look["color"])
        right.errorbar(own.swelling[place], place, xerr=own.swelling_error[place], **look)
    right.axvspan(c - error, c + error, color=figures.colour("grid"), zorder=0)
    left.set(xlabel=r"learning rate $\alpha$", ylabel=r"$\phi_c$", ylim=(0.40, 0.73))
    left.legend(loc="lower left", fontsize=8, ncols=2)
    right.set_yticks(range(len(NAMES)), NAMES)
    right.invert_yaxis()
    right.set(xlabel="swelling $c$, fitted for each mixture")
    return fig


def swellings(located, common, own, by_size, factor, skewness):
    """Numbers about the common swelling, those of each mixture, and the largest kicks, which were not fitted."""
    fits = {"swelling": common, "free": own, "known": by_size}
    (c,), (error,) = common.swelling, common.swelling_error
    last = max(alpha for _, alpha in located)
    law = {name: common.ends[name].value * factor(name, last, c)[0] for name in NAMES}
    seen = [name for name in NAMES if (name, last) in located]
    miss = mean_error([located[name, last].phi_c / law[name] - 1 for name in seen])
    least, most = np.argmin(own.swelling), np.argmax(own.swelling)
    scatter = np.sum(((own.swelling - c) / own.swelling_error) ** 2) / (len(NAMES) - 1)
    return {
        "swelling": (c, error, len(NAMES)),
        "own-chi2": round(scatter, 1),
        "own-ranks": round(stats.spearmanr(skewness, own.swelling).statistic, 2),
        "own-least": (own.swelling[least], own.swelling_error[least]),
        "own-most": (own.swelling[most], own.swelling_error[most]),
        "miss-large-kicks": 100 * miss,
        "last-alpha": last,
    } | {f"{name}-chi2": round(one.reduced, 1) for name, one in fits.items()}


def exponent_numbers(nu, beta, known, active):
    """Weighted means of the two exponents, and of the known answer; how well they hold; the active runs behind them."""
    return {
        "nu": nu,
        "beta": beta,
        "nu-known": known,
        "nu-chi2": round(nu.reduced, 1),
        "beta-chi2": round(beta.reduced, 1),
        "active-runs": len(active),
        "reliable-runs": int(active.reliable.sum()),
    }


def budgets(found, looks=LOOKS, what="increment"):
    """What moves the increments; or something else, of particles that `looks` has."""
    fig, ax = plt.subplots(figsize=(6.8, 3.3))
    figures.draw_budgets(ax, found, looks)
    ax.set_xlabel(rf"change of the {what}, in units of $10^{{-3}}$")
    top = 1e3 * max(max(one.parts.values()) for one in found.values())
    ax.set(xlim=(-0.1, 1.05 * top), xticks=range(math.ceil(top)))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return fig


def increments(measured, voids, fit, width, equal):
    """Increments of the end point. Left: against the width, with predictions. Right: against two predictions."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 4.0))
    line = {"color": figures.colour("ink"), "lw": 1.2}
    wide = np.linspace(0, 0.52, 80)
    left.plot(
        wide, 1 / (1 + (1 / equal - 1) / (1 + wide**2)) - equal, label="voids, log-normal", **line
    )
    narrow = wide[wide <= 0.42]
    skewed = 0.0658 * narrow + 0.0857 * (3 * narrow + narrow**3) * narrow**2
    left.plot(narrow, skewed, "--", label="fit, log-normal", **line)
    left.plot(narrow, 0.0658 * narrow, ":", label="fit, $S=0$", **line)
    for name, (value, error) in measured.items():
        look = LOOKS[name]
        left.errorbar(width[name], value, error, **look)
        right.errorbar(voids[name], value, error, label=name, **look)
        right.plot(fit[name], value, **look | {"markerfacecolor": "none", "alpha": 0.7})
    right.plot([0, 0.1], [0, 0.1], color=figures.colour("muted"), lw=0.8)
    left.set(xlabel=r"width $\delta$", ylabel=r"$\phi_0$ minus that of equal spheres")
    right.set(xlabel="increment, predicted", ylabel="increment, measured")
    for ax in (left, right):
        ax.legend(loc="upper left", fontsize=8)
    return fig


def misses(measured, **predicted):
    """Of each prediction: measured minus predicted; root mean square, wide and narrow end, what it says of skewness."""
    found, numbers = {}, {}
    for which, some in predicted.items():
        miss = np.array([one.value - some[name] for name, one in measured.items()])
        found[which] = mean_error(miss)
        numbers |= {
            f"skew-{which}": round(some["1:2, fifth"] - some["1:2, half"], 4),
            f"miss-{which}": round(np.mean(miss**2) ** 0.5, 4),
            f"miss-{which}-tenth": (miss[-1], measured["1:3, tenth"].error),
            f"miss-{which}-narrow": (miss[0], measured["log-normal 0.1"].error),
        }
    return found, numbers


def exponents(onsets, points, nus):
    """Left: activities, each mixture by its phi_c and amplitude. Middle and right: nu_parallel and beta of each."""
    shape = {"figsize": (8.6, 4.0), "width_ratios": [3, 2, 2]}
    fig, (left, middle, right) = plt.subplots(1, 3, **shape)
    for name, one in onsets.items():
        look = LOOKS[name] | {"markersize": 3.5, "elinewidth": 0.8, "capsize": 0}
        phi_c, scale = points[name].phi_c, amplitude(points[name])
        f, e = one.activity / scale, one.activity_error / scale
        left.errorbar(one.phi / phi_c - 1, f, e, **look)
    line, ink = np.array([0.0015, 0.05]), figures.colour("ink")
    left.plot(line, line**critical.BETA, color=ink, lw=1.0, label=r"$\beta=0.84$")
    left.set(xscale="log", yscale="log", xlabel=r"$\phi/\phi_c-1$", ylabel=r"$f_\infty/a$")
    left.set_xticks([0.003, 0.01, 0.03], ["0.003", "0.01", "0.03"])
    left.set_yticks([0.01, 0.03, 0.1], ["0.01", "0.03", "0.1"])
    left.set(xlim=(0.002, 0.07), ylim=(0.003, 0.15))
    left.minorticks_off()
    left.legend(loc="upper left")
    _each(middle, nus, critical.NU_PARALLEL)
    _each(right, {name: one.estimate for name, one in onsets.items()}, critical.BETA)
    right.set_yticks(range(len(NAMES)), [])
    middle.set_xlabel(r"$\nu_\parallel$, from below")
    right.set_xlabel(r"$\beta$, from above")
    return fig


def _each(ax, estimates, target):
    """A row for each mixture; grey: their weighted mean; dotted: the class."""
    mean = weighted_mean(*np.transpose([tuple(one) for one in estimates.values()]))
    for place, (name, (value, error)) in enumerate(estimates.items()):
        ax.errorbar(value, place, xerr=error, **LOOKS[name])
    low, high = mean.value - mean.error, mean.value + mean.error
    ax.axvspan(low, high, color=figures.colour("grid"), zorder=0)
    ax.axvline(target, color=figures.colour("ink"), lw=1.0, ls=":")
    ax.set_yticks(range(len(NAMES)), NAMES)
    ax.invert_yaxis()


def amplitude(point):
    """a of f = a (phi / phi_c - 1)^beta: the amplitude of an onset in relative distances."""
    return point.amplitude * point.phi_c**point.exponent
