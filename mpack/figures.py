"""The house style in one place: colours with one meaning each, and figures for light and dark pages.

A figure is drawn once, in the light theme. `show` makes a second picture of it by exchanging each
house colour for its dark counterpart, and hands both to the page with caption and alternative text.
"""

import numpy as np

from mpack import _check
from mpack.dynamics import Dynamics

PIXELS_PER_INCH = 100  # on the page

# meaning -> (on light pages, on dark pages). tests/test_figures.py holds them apart for
# colour-blind eyes.
COLOURS = {
    "BRO": ("#1248dc", "#4f84ff"),
    "individual BRO": ("#219a6a", "#2fe39b"),
    "non-reciprocal BRO": ("#4a2a10", "#a3805c"),
    "SGD": ("#bf3f0a", "#e0702a"),
    "RCD": ("#bf57b4", "#ff94ea"),
    "GD": ("#444a57", "#eef3fa"),
    "active": ("#dba400", "#f2d13a"),
    "inactive": ("#a9b6cc", "#5f6b80"),
    "ink": ("#20242c", "#e6eaf1"),
    "muted": ("#666f7f", "#9aa5b5"),
    "grid": ("#e3e7ee", "#2b323d"),
    "paper": ("#ffffff", "#14181e"),
}
MARKERS = {
    "BRO": "o",
    "individual BRO": "D",
    "non-reciprocal BRO": "P",
    "SGD": "s",
    "RCD": "^",
    "GD": "v",
}

STYLE = {
    "figure.dpi": PIXELS_PER_INCH,
    "figure.facecolor": COLOURS["paper"][0],
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "axes.edgecolor": COLOURS["muted"][0],
    "axes.labelcolor": COLOURS["ink"][0],
    "axes.titlecolor": COLOURS["ink"][0],
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["grid"][0],
    "grid.linewidth": 0.8,
    "text.color": COLOURS["ink"][0],
    "xtick.color": COLOURS["muted"][0],
    "ytick.color": COLOURS["muted"][0],
    "xtick.labelcolor": COLOURS["ink"][0],
    "ytick.labelcolor": COLOURS["ink"][0],
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "errorbar.capsize": 2.5,
    "patch.linewidth": 0.8,
    "mathtext.fontset": "stixsans",
}


def use_style():
    """Make the house style matplotlib's default for this process."""
    import matplotlib

    matplotlib.rcParams.update(STYLE)


def colour(meaning):
    """The colour of a process (its name, or a dynamics) or of a state ("active", "inactive", "ink", ...)."""
    return COLOURS[_meaning(meaning)][0]


def process_style(dynamics, **changes):
    """Keyword arguments that draw a process as the whole book does.

    Parameters
    ----------
    dynamics : str or a dynamics
        "BRO", "individual BRO", "non-reciprocal BRO", "SGD", "RCD" or "GD"; or an object of
        `mpack.dynamics`. A stochastic approximation has its process's hue, dashed, with open
        markers; name it "SGD approximation".

    Returns
    -------
    dict
        color, marker, linestyle, markerfacecolor, with `changes` applied; for `Axes.plot` and
        `Axes.errorbar`.
    """
    meaning = _meaning(dynamics)
    if meaning not in MARKERS:
        raise ValueError(f"dynamics must be one of {', '.join(MARKERS)}; got {dynamics!r}")
    style = {"color": COLOURS[meaning][0], "marker": MARKERS[meaning], "linestyle": "-"}
    if _is_approximation(dynamics):
        style |= {"linestyle": "--", "markerfacecolor": COLOURS["paper"][0]}
    return style | changes


def _is_approximation(thing):
    return _named(thing).endswith(" approximation")


def _meaning(thing):
    """The name in COLOURS of a process, dynamics or state."""
    return _check.choice("meaning", _named(thing).removesuffix(" approximation"), tuple(COLOURS))


def _named(thing):
    """A name as it is, a dynamics by its label."""
    _check.instance("meaning", thing, (str, Dynamics), "a name or a dynamics")
    return thing if isinstance(thing, str) else thing.label


def draw_packing(ax, packing, active=None, colours=None, labels=False, **changes):
    """Draw a two-dimensional packing, discs that reach over a wall repeated on the other side.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    packing : mpack.Packing
        In two dimensions; lengths in mean diameters.
    active : array of bool, shape (n,), optional
        Which discs are active. Found from the overlaps when not given.
    colours : sequence of n colours, optional
        Instead of the two colours of active and inactive discs.
    labels : bool
        True numbers the discs.
    **changes
        Passed to `matplotlib.collections.EllipseCollection`.

    Returns
    -------
    matplotlib.collections.EllipseCollection
    """
    from matplotlib.collections import EllipseCollection

    if packing.dim != 2:
        raise ValueError(f"packing must have dim 2 to be drawn as discs; got dim {packing.dim}")
    if colours is None:
        active = active_discs(packing) if active is None else np.asarray(active, bool)
        colours = np.where(active, COLOURS["active"][0], COLOURS["inactive"][0])
    which, centres = periodic_images(packing.positions, packing.diameters, packing.box)
    across = packing.diameters[which]
    look = {
        "linewidths": 0.5,
        "edgecolors": COLOURS["paper"][0],
        "facecolors": np.asarray(colours)[which],
    } | changes
    discs = EllipseCollection(
        across,
        across,
        np.zeros(len(which)),
        units="xy",
        offsets=centres,
        offset_transform=ax.transData,
        **look,
    )
    ax.add_collection(discs)
    ax.set(xlim=(0, packing.box), ylim=(0, packing.box), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    if labels:
        for number, place in enumerate(packing.positions):
            ax.annotate(str(number), place, ha="center", va="center", fontsize=8)
    return discs


def active_discs(packing):
    """Which particles overlap another: a bool array of shape (n,)."""
    active = np.zeros(packing.n, bool)
    active[packing.overlaps()[0].ravel()] = True
    return active


def periodic_images(positions, diameters, box):
    """Every image of every disc that shows inside the box: arrays (index of the disc, centre)."""
    radii = np.broadcast_to(diameters, (len(positions),)) / 2
    which, centres = [], []
    for shift in np.ndindex(3, 3):
        moved = positions + box * (np.array(shift) - 1)
        shows = np.all((moved > -radii[:, None]) & (moved < box + radii[:, None]), axis=1)
        which.append(np.flatnonzero(shows))
        centres.append(moved[shows])
    return np.concatenate(which), np.concatenate(centres)


def draw_kick(ax, start, kick, meaning="ink", **changes):
    """Draw a displacement (in mean diameters) as an arrow from `start`."""
    look = {
        "arrowstyle": "-|>",
        "color": colour(meaning),
        "linewidth": 1.6,
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 10,
    } | changes
    end = np.asarray(start) + np.asarray(kick)
    return ax.annotate("", xy=end, xytext=start, arrowprops=look, zorder=5)


def activity_axes(ax, *, log=True):
    """Label axes for activity against steps."""
    ax.set(xlabel="steps $k$", ylabel="activity $f_a$")
    if log:
        ax.set(xscale="log", yscale="log")
    else:
        ax.set_ylim(bottom=0)
    return ax
