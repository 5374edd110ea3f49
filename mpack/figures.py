"""The house style in one place: colours with one meaning each, and figures for light and dark pages.

A figure is drawn once, in the light theme. `show` makes a second picture of it by exchanging each
house colour for its dark counterpart, and hands both to the page with caption and alternative text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mpack import _check
from mpack.dynamics import Dynamics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

    from mpack.scaling import Data, Fit

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


SIZE_MARKERS = ("o", "s", "^", "D", "v", "P")  # of the sizes in a collapse, smallest first


def draw_collapse(
    ax: Axes,
    data: Data,
    fit: Fit | dict | None = None,
    name: str | None = None,
    *,
    meaning: object = "ink",
    sizes: ArrayLike | None = None,
    label: str | Callable[[float], str] = "$l={:g}$",
    **changes: Any,
) -> list[ErrorbarContainer]:
    """Draw measurements of several sizes with their errors, as measured or scaled with a fit.

    Each size has a marker, and the larger it is the stronger its colour: in a collapse the
    strengths mix.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : mpack.scaling.Data
    fit : mpack.scaling.Fit or dict, optional
        Draws l^(-zeta/nu) a against l^(1/nu) (rho - rho_c) with its parameters; without it, a
        against rho.
    name : str, optional
        Of the observable in a joint fit.
    meaning : str or a dynamics
        Whose colour it has, see `colour`.
    sizes : array_like, optional
        All linear sizes that markers are given to, where several pictures of the same sizes stand
        side by side and some lack one; by default those of the data.
    label : str or callable
        Of a size in the legend: a format of l, or a function from l to text.
    **changes
        Passed to `Axes.errorbar`.

    Returns
    -------
    list of matplotlib.container.ErrorbarContainer
        One a size.

    Raises
    ------
    ValueError
        A size of the data is not among `sizes`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mpack.scaling import Data
    >>> ax, one = Figure().subplots(), np.ones((2, 3))
    >>> data = Data([8, 16], [0.5, 0.6, 0.7], one, 0.1 * one)
    >>> len(draw_collapse(ax, data, {"rho_c": 0.6, "nu": 0.6, "zeta": -0.8}, meaning="SGD"))
    2
    """
    x, y, dy = (data.rho, data.a, data.da) if fit is None else data.scaled(fit, name)
    sizes = np.unique(data.sizes if sizes is None else _check.array("sizes", sizes, (None,)))
    text = label if callable(label) else label.format
    drawn = []
    for k, size in enumerate(data.sizes):
        place = int(np.argmin(np.abs(sizes - size)))
        if not np.isclose(sizes[place], size):
            raise ValueError(f"sizes must hold every size of the data; {size:.6g} is missing")
        look = {
            "linestyle": "none",
            "marker": SIZE_MARKERS[place % len(SIZE_MARKERS)],
            "markersize": 4,
            "elinewidth": 0.8,
            "capsize": 0,
            "color": colour(meaning),
            "alpha": 0.3 + 0.7 * place / max(len(sizes) - 1, 1),
            "label": text(size),
        } | changes
        part = slice(data.edges[k], data.edges[k + 1])
        drawn.append(ax.errorbar(x[part], y[part], dy[part], **look))
    return drawn


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
