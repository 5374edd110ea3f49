"""Relaxation curves as one: a collapse in which time takes the place of the size, for spheres and for ellipsoids."""

import functools
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from mpack import figures, scaling
from mpack.statistics import Estimate, jackknife

FEWEST = 1e-3  # activity of which a collapse is made
MANNA = scaling.exponents("Manna", 3)
NU_PARALLEL = Estimate(MANNA.nu_parallel, MANNA.dnu_parallel, None, MANNA.source, np.inf)
CLASSES = [MANNA, scaling.exponents("mean field", 3)]
A_DECADE = 4  # windows of time
SHARE = 0.4  # of the points that have to take part: wrong exponents leave few beside one another
WIDTH = (0.02, 0.04)  # what the width of the windows does to delta, nu_parallel: a test has less
ONE = 3.0  # above this S the curves are not one, and the exponents that come nearest mean nothing


class Collapse(NamedTuple):
    """A collapse of relaxation curves: with the exponents of classes held, and with both free; None if S > ONE."""

    data: scaling.Data
    held: dict  # name of a class: scaling.Fit
    delta: Estimate | None
    nu_parallel: Estimate | None
    quality: float
    used: int  # points that have a part in it


def collapse(curves, edges, place):
    """f(k, phi) = k^-delta F((phi - phi_c) k^(1/nu_parallel)) of {phi: [(times, activity), ...]}.

    phi_c is free, looked for at `place` and all over the grid. Errors by leaving out the runs of one seed after
    another, times the root of S where S is above one, and WIDTH.
    """
    data = averaged(curves, edges)
    places = [place, *np.linspace(min(curves), max(curves), 7)]
    held = {
        one.name: scaling.best_of(
            data,
            [{"rho_c": place} for place in places],
            fixed={"nu": one.nu_parallel, "zeta": -one.decay().value * one.nu_parallel},
            share=SHARE,
            errors="none",
        )
        for one in CLASSES
    }
    shared = min(map(len, curves.values()))

    starts = [{"rho_c": one, "nu": nu, "zeta": -0.8} for one in places for nu in (1.1, 2.0)]
    whole = scaling.best_of(data, starts, share=SHARE, errors="none")
    if whole.quality > ONE:
        return Collapse(data, held, None, None, whole.quality, whole.used)

    @functools.cache
    def fitted(*seeds):  # and the runs beyond those that all places have; the weights stay
        kept = [*seeds, *range(shared, data.runs.shape[1])]
        some = data.with_values(np.nanmean(data.runs[:, kept], axis=1))
        return scaling.collapse(some, whole.values, errors="none")

    every = np.arange(shared)
    found = [
        jackknife(lambda seeds, of=of: of(fitted(*seeds.astype(int))), every)
        for of in (lambda fit: -fit.zeta / fit.nu, lambda fit: fit.nu)
    ]
    delta, nu_parallel = (
        replace(one, error=one.error * max(whole.quality, 1.0) ** 0.5)
        + Estimate(0.0, width, dof=np.inf)
        for one, width in zip(found, WIDTH)
    )
    return Collapse(data, held, delta, nu_parallel, whole.quality, whole.used)


def averaged(curves, edges):
    """Mean activity in A_DECADE windows a decade, the scatter of runs pooled over points: there are few of each."""
    first, last = edges[0], edges[-1]
    edges = np.geomspace(first, last, round(A_DECADE * np.log10(last / first)) + 1)
    middles = np.sqrt(edges[1:] * edges[:-1])
    rows = [
        (k, phi, seed, f)
        for phi, runs in curves.items()
        for seed, run in enumerate(runs)
        for k, f in zip(middles, _means(*run, edges))
    ]
    table = pd.DataFrame(rows, columns=["k", "phi", "seed", "f"])
    table = table[table.groupby(["k", "phi"]).f.transform("mean") >= FEWEST]
    return scaling.Data.from_runs(table, l="k", rho="phi", a="f")


def _means(times, activity, edges):
    """Mean activity in each window; none of a run that has died."""
    within = [(times >= a) & (times < b) for a, b in zip(edges[:-1], edges[1:])]
    return [activity[some].mean() if some.any() else 0.0 for some in within]


def draw(ax, one, colour, label=None):
    """Points with Manna's exponents about the phi_c that is best for them, the later the stronger."""
    fit = one.held["Manna"]
    x, y, dy = one.data.scaled(fit)
    down = np.minimum(dy, 0.9 * y)  # to a tenth at most: the axis is logarithmic
    times = np.unique(one.data.l)
    for place, time in enumerate(times):
        own = one.data.l == time
        ax.errorbar(
            x[own] / fit.rho_c,
            y[own],
            [down[own], dy[own]],
            fmt="o",
            ms=3.5,
            lw=0.8,
            color=figures.colour(colour),
            alpha=0.25 + 0.75 * place / max(len(times) - 1, 1),
            label=label if place == len(times) - 1 else None,
        )
    ax.set_yscale("log")
    ax.set_xscale("symlog", linthresh=10.0, linscale=1.5)
    ax.set_xticks([-10, 0, 10, 100], ["\N{MINUS SIGN}10", "0", "10", "100"])


def quality(fit):
    """S with the spread that a chi-squared of so many points has, and their number."""
    return fit.quality, fit.quality * (2 / fit.used) ** 0.5, fit.used


def row(one):
    """Exponents if the curves are one, S with them, and S with those of each class held, each of so many points."""
    free = {"δ": one.delta, "ν∥": one.nu_parallel} if one.delta else {}
    held = {f"S (used), {name}": _of_used(fit) for name, fit in one.held.items()}
    return free | {"S (used), free": _of_used(one)} | held | {"points": len(one.data)}


def _of_used(fit):
    return f"{rounded(fit)} ({fit.used})"


def rounded(fit, digits=2):
    """S as it is written: large ones whole."""
    return f"{fit.quality:.{digits}f}" if fit.quality < 10 else f"{fit.quality:,.0f}"
