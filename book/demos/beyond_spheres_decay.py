"""How activity of ellipsoids decays, beside that of spheres: analysis and pictures of a part of their chapter."""

from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt

from book import campaigns
from book.chapters import consistent
from book.demos import decay_collapse, where_manna_ends
from book.demos.where_manna_ends import PUSH, STEPS, longest, relaxations, windows
from mpack import critical, figures, scaling

FIRST = 30  # where the first window begins, in steps times the mean push: as for spheres
CONJECTURE = "conjecture of Zhang and Martiniani"


class Decays(NamedTuple):
    """Relaxation curves {phi: [(times, activity), ...]}, the edges of windows, and where these cross."""

    curves: dict
    edges: np.ndarray
    crossed: list


def bodies(table):
    """{process: Decays} of the campaign `ellipsoids_decay`."""
    return {
        process: found
        for process, own in table.groupby("process")
        if (found := _decays(relaxations(own), process))
    }


def spheres(ladder):
    """{process: Decays} of spheres on the uppermost rung of the ladder."""
    rungs = where_manna_ends.by_rung(ladder)
    return {
        process: found
        for (alpha, process), curves in rungs.items()
        if alpha == 1.0 and (found := _decays(curves, process))
    }


def _decays(curves, process):
    if len(curves) < 3 or not longest(curves):  # else its runs are still to come
        return None
    edges = windows(FIRST / PUSH[process], longest(curves))
    return Decays(curves, edges, critical.crossings(curves, edges))


def pairs(found, beside):
    """{process: (crossing of bodies, of spheres)}: the last that both have between the same windows."""
    both = {
        process: where_manna_ends.same_time(own.crossed, beside[process].crossed)
        for process, own in found.items()
        if process in beside
    }
    return {process: same[-1] for process, same in both.items() if same}


def figure(found, collapsed, manna):
    """Above activity against time; below the same with Manna's exponents, bodies over spheres: a column a process."""
    fig, axes = plt.subplots(2, len(found), figsize=(7.8, 6.6), sharey="row", squeeze=False)
    for (above, below), (process, own) in zip(axes.T, found.items()):
        _decaying(above, own, manna)
        above.set_title(process)
        for what, colour in (("spheres", "muted"), ("bodies", process)):
            if (what, process) in collapsed:
                decay_collapse.draw(below, collapsed[what, process], colour, what)
        below.set_xlabel(r"$(\phi/\phi_c-1)\,k^{1/\nu_\parallel}$")
        below.legend(loc="lower right")
    axes[0, 0].set_ylabel("activity $f_a$")
    axes[1, 0].set_ylabel(r"$f_a\,k^\delta$")
    return fig


def _decaying(ax, own, manna):
    """Each run, below the last crossing in one colour and above it in another, with a power at a height of its own."""
    phis = np.array(list(own.curves))
    place = own.crossed[-1].phi.value if own.crossed else phis.mean()
    for phi, runs in own.curves.items():
        colour = figures.colour("series 1" if phi < place else "series 2")
        strength = 1.0 - 0.7 * abs(phi - place) / np.abs(phis - place).max()
        for k, (t, f) in enumerate(runs):
            shown = (t > 0) & (f > 0)
            label = f"{phi:g}" if k == 0 else None
            ax.plot(t[shown], f[shown], color=colour, alpha=strength, lw=0.9, label=label)
    t = np.array([100.0, 5_000.0])
    ax.plot(t, 0.9 * (t / 30) ** -manna, "--", lw=1.2, color=figures.colour("ink"), label="Manna")
    ax.set(xscale="log", yscale="log", xlabel=STEPS)
    ax.legend(loc="lower left", fontsize=8, ncols=2, title=r"$\phi$", columnspacing=0.8)


def rows(found):
    """Each crossing of windows: process, runs, step, place, exponent."""
    return [
        {
            "process": process,
            "runs": sum(map(len, own.curves.values())),
            "step": f"{one.time:,.0f}",
            "φ_c": one.phi,
            "δ": one.delta,
        }
        for process, own in found.items()
        for one in own.crossed
    ]


def collapsed(found, beside):
    """{(what, process): Collapse}, of bodies and of spheres."""
    return {
        (what, process): decay_collapse.collapse(own.curves, own.edges, own.crossed[-1].phi.value)
        for process in found
        for what, some in (("bodies", found), ("spheres", beside))
        for own in [some[process]]
        if own.crossed
    }


def collapse_rows(collapsed):
    """Exponents, S with them, and S with those of each class held."""
    return [
        {"": what, "process": process} | decay_collapse.row(one)
        for (what, process), one in collapsed.items()
    ]


def numbers(found, beside):
    """What the text quotes: exponents of the last crossings, of bodies and of spheres at the same time; runs."""
    made = {
        f"decay-{process.lower()}": own.crossed[-1].delta
        for process, own in found.items()
        if own.crossed
    }
    for process, (_, other) in pairs(found, beside).items():
        made[f"decay-spheres-{process.lower()}"] = other.delta
    classes = {"manna": "Manna", "directed": "directed percolation"}
    made |= {f"decay-{word}": scaling.exponents(name, 3).decay() for word, name in classes.items()}
    runs = sum(len(some) for own in found.values() for some in own.curves.values())
    return made | {"decay-runs": runs, "decay-asked": len(campaigns.ellipsoids_decay())}


def claims(found, beside, collapsed, manna):
    """Bodies decay as the Manna class does, and as spheres do at the same time; so do the exponents of the collapse."""
    text = "Prolate bodies at α = 1, {}: δ of the last crossing less that of {}."
    as_manna = {
        f"delta-{process.lower()}": (text.format(process, "the Manna class"), one - manna)
        for process, own in found.items()
        if own.crossed
        for one in [own.crossed[-1].delta]
    }
    as_spheres = {
        f"delta-alike-{process.lower()}": (
            text.format(process, "spheres, between the same windows"),
            one.delta - other.delta,
        )
        for process, (one, other) in pairs(found, beside).items()
    }
    text = "Prolate bodies at α = 1, {}: {} of the collapse less that of the Manna class."
    of_collapse = {
        f"collapse-{name}-{process.lower()}": (text.format(process, sign), value - known)
        for process in found
        for one in [collapsed.get(("bodies", process))]
        if one and one.delta
        for name, sign, value, known in (
            ("delta", "δ", one.delta, manna),
            ("nu", "ν∥", one.nu_parallel, decay_collapse.NU_PARALLEL),
        )
    }
    return [
        (f"bodies-{name}", what, value, consistent(0.0, 0.2), CONJECTURE)
        for name, (what, value) in (as_manna | as_spheres | of_collapse).items()
    ]
