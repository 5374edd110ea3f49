"""Pictures of the chapter beyond three dimensions."""

import numpy as np
from matplotlib import pyplot as plt

import mpack
from book.demos.where_manna_ends import fan
from mpack import critical, figures, structure
from mpack.packing import unit_ball_volume
from mpack.statistics import Estimate

_SHAPES = (("v", "muted"), ("^", "series 2"), ("o", "ink"), ("s", "series 3"), ("D", "series 1"))
_NAMES = ("2, equal", "2, two sizes", "3", "4", "5")
LOOKS = {
    name: {"color": figures.colour(tint), "marker": mark, "markersize": 5}
    for name, (mark, tint) in zip(_NAMES, _SHAPES, strict=True)
}


def triangular_lattice(edge=20):
    """A patch of the triangular lattice as a packing in a large box, and which of its discs lie inside the patch."""
    grid = [(x + 0.5 * (y % 2), y * 0.75**0.5) for y in range(edge) for x in range(edge)]
    lattice = mpack.Packing(np.array(grid), box=5.0 * edge, diameters=1.0)
    row, column = np.divmod(np.arange(edge**2), edge)
    return lattice, (row > 0) & (row < edge - 1) & (column > 0) & (column < edge - 1)


def crystals(packings):
    """Packings of discs side by side, those of hexatic order above 0.8 marked."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 4.0))
    for ax, (name, packing) in zip(axes, packings.items(), strict=True):
        order = structure.hexatic(packing)
        tint = [figures.colour("series 1" if one > 0.8 else "inactive") for one in order]
        figures.draw_packing(ax, packing, colours=tint, alpha=0.8)
        ax.set_title(name)
    return fig


def limits(located, swollen, found, dim, jammed, densest):
    """Left: phi_c against the learning rate, with the law of swollen spheres. Right: its limits by dimension."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.8))
    curve = np.linspace(0, 0.21, 100)
    for name, law in swollen.items():
        x, y, e = np.transpose([(a, *one.estimate) for a, one in located.curve(name).items()])
        look = LOOKS[name] | {"ls": "none"}
        left.errorbar(x, y, e, label=_label(name), **look)
        height = critical.swollen(curve, *law.coefficients, dim[name])
        left.plot(curve, height, color=look["color"], lw=0.9)
        right.errorbar(dim[name], *found[name], zorder=4, **look)
    left.set(
        xlabel=r"learning rate $\alpha$", ylabel=r"$\phi_c$", xlim=(0, 0.36), ylim=(0.15, 1.02)
    )
    left.legend(loc="center right", fontsize=8)
    d, muted = np.array(list(densest)), figures.colour("muted")
    known = {dim[name]: value for name, value in jammed.items()}
    right.plot(d, [known[k] for k in d], "_", ms=18, color=figures.colour("ink"),
               label="jammed, published")  # fmt: skip
    right.plot(d, list(densest.values()), ":", color=muted, label="densest known")
    right.plot(d, 0.5**d, "--", color=muted, label="$2^{-d}$, any saturated packing")
    right.set(xlabel="dimension $d$", ylabel="packing fraction", yscale="log", xticks=d)
    right.set_yticks([0.03, 0.1, 0.3, 1.0], ["0.03", "0.1", "0.3", "1"])
    right.minorticks_off()
    right.legend(loc="lower left", fontsize=8)
    return fig


def onsets(betas):
    """Steady activity against the relative distance from the fitted transition, with the fitted power laws."""
    fig, ax = plt.subplots(figsize=(6.2, 3.8))
    for name, one in betas.items():
        away = one.phi / one.phi_c - 1
        ax.errorbar(
            away, one.activity, one.activity_error, ls="none", label=_label(name), **LOOKS[name]
        )
        line = np.linspace(one.phi.min(), one.phi.max(), 50)
        ax.plot(line / one.phi_c - 1, one.law(line), color=LOOKS[name]["color"], lw=0.9)
    ax.set(xscale="log", yscale="log", xlabel=r"$(\phi-\phi_c)/\phi_c$", ylabel=r"$f_\infty$")
    ax.set_xticks([0.003, 0.01, 0.03], ["0.003", "0.01", "0.03"])
    ax.set_yticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return fig


def width(n, phi, dim):
    """Edge of the box of n equal spheres, in diameters."""
    return (n * unit_ball_volume(dim) / 2**dim / phi) ** (1 / dim)


def log2_ratio(a, b):
    """log2 of a/b, of two independent estimates; its error has the degrees of freedom of the fewer."""
    error = np.hypot(a.error / a.value, b.error / b.value) / np.log(2)
    freedom = min(a.freedom, b.freedom)
    return Estimate(float(np.log2(a.value / b.value)), float(error), min(a.n, b.n), dof=freedom)


def decays(curves, edges, decay, manna):
    """Local exponents against time at all packing fractions, a panel a dimension; delta where they cross."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
    for ax, (d, own) in zip(axes, curves.items(), strict=True):
        fan(ax, own, edges[d], LOOKS[str(d)]["color"])
        low, high = decay[d].value - decay[d].error, decay[d].value + decay[d].error
        muted, ink = figures.colour("muted"), figures.colour("ink")
        ax.axhspan(low, high, color=muted, alpha=0.35, lw=0, label=r"$\delta$ at the crossing")
        ax.axhline(1.0, color=ink, lw=0.9, ls=":", label="mean field")
        ax.axhline(manna, color=ink, lw=0.9, ls="--", label="Manna, $d=3$")
        ticks = [one for one in (200, 500, 1_000, 2_000) if one < edges[d][-1]]
        ax.set(xscale="log", xlabel="steps $k$", title=f"$d={d}$", ylim=(-0.1, 3.2))
        ax.set_xticks(ticks, [f"{one:,}" for one in ticks])
        ax.minorticks_off()
        ax.legend(fontsize=7, loc="upper left", ncols=2)
    axes[0].set_ylabel(r"local exponent $\delta$")
    return fig


def _label(name):
    """The dimension as a formula, and which discs."""
    return f"$d={name[0]}${name[1:]}"
