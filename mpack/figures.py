"""The house style in one place: colours with one meaning each, and figures for light and dark pages.

A figure is drawn once, in the light theme. `show` makes a second picture of it by exchanging each
house colour for its dark counterpart, and hands both to the page with caption and alternative text.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._bodies import frames as frames_of
from mpack._extras import from_extra
from mpack.dynamics import Dynamics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import EllipseCollection
    from matplotlib.container import ErrorbarContainer
    from matplotlib.text import Annotation

    from mpack.critical import Budget, CriticalPoint, Limit
    from mpack.packing import Packing
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
    "RO": ("#aa6ef0", "#b414c8"),
    "series 1": ("#046d98", "#31aed1"),
    "series 2": ("#929848", "#d6e468"),
    "series 3": ("#9c1633", "#ce033a"),
    "series 4": ("#5a05aa", "#8a2cea"),
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
    "RO": "X",
}
# What is neither a process nor a state: potentials, dimensions, mixtures, methods, sizes. With "ink"
# and "muted" that makes six.
SERIES = ("series 1", "series 2", "series 3", "series 4")

STYLE: dict[str, Any] = {
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


def use_style() -> None:
    """Make the house style matplotlib's default for this process.

    Examples
    --------
    >>> import matplotlib
    >>> from mpack import figures
    >>> with matplotlib.rc_context():
    ...     figures.use_style()
    ...     matplotlib.rcParams["legend.frameon"]
    False
    """
    with from_extra("figures", "mpack.figures"):
        import matplotlib

    matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # it wants literal keys


def colour(meaning: str | Dynamics) -> str:
    """The colour of a process (its name, or a dynamics), of a state ("active", "inactive", "ink", ...) or of SERIES.

    Examples
    --------
    >>> import mpack
    >>> mpack.figures.colour("SGD"), mpack.figures.colour(mpack.SGD(alpha=0.1, batch_fraction=0.5))
    ('#bf3f0a', '#bf3f0a')
    """
    return COLOURS[_meaning(meaning)][0]


def process_style(dynamics: str | Dynamics, **changes: Any) -> dict[str, Any]:
    """Keyword arguments that draw a process as the whole book does.

    Parameters
    ----------
    dynamics : str or a dynamics
        "BRO", "individual BRO", "non-reciprocal BRO", "SGD", "RCD", "GD" or "RO"; or an object of
        `mpack.dynamics`. A stochastic approximation has its process's hue, dashed, with open
        markers; name it "SGD approximation". A correlation or a memory changes nothing.

    Returns
    -------
    dict
        color, marker, linestyle, markerfacecolor, with `changes` applied; for `Axes.plot` and
        `Axes.errorbar`.

    Examples
    --------
    >>> from mpack import figures
    >>> figures.process_style("SGD approximation", markersize=4)
    {'color': '#bf3f0a', 'marker': 's', 'linestyle': '--', 'markerfacecolor': '#ffffff', 'markersize': 4}
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
    """The name in COLOURS of a process, dynamics or state; a correlation or a memory changes no colour."""
    name = _named(thing).removesuffix(" approximation").removeprefix("antithetic ")
    return _check.choice("meaning", name.partition(", c = ")[0], tuple(COLOURS))


def _named(thing):
    """A name as it is, a dynamics by its label."""
    _check.instance("meaning", thing, (str, Dynamics), "a name or a dynamics")
    return thing if isinstance(thing, str) else thing.label


def draw_packing(
    ax: Axes,
    packing: Packing,
    active: ArrayLike | None = None,
    colours: ArrayLike | None = None,
    labels: bool = False,
    **changes: Any,
) -> EllipseCollection:
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

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import mpack
    >>> packing = mpack.Packing.lattice("square", cells=4, phi=0.5)
    >>> discs = mpack.figures.draw_packing(Figure().add_subplot(), packing)
    >>> len(discs.get_offsets())  # those at a wall are drawn on both sides
    25
    """
    with from_extra("figures", "mpack.figures"):
        from matplotlib.collections import EllipseCollection

    if packing.dim != 2:
        raise ValueError(f"packing must have dim 2 to be drawn as discs; got dim {packing.dim}")
    if colours is None:
        active = active_discs(packing) if active is None else np.asarray(active, bool)
        colours = np.where(active, COLOURS["active"][0], COLOURS["inactive"][0])
    extents = packing.diameters if packing.spherical else 2.0 * packing.axes.max(axis=1)
    which, centres = periodic_images(packing.positions, extents, packing.box)
    widths, heights, angles = (values[which] for values in _outlines(packing, np.eye(3)))
    look = {
        "linewidths": 0.5,
        "edgecolors": COLOURS["paper"][0],
        "facecolors": np.asarray(colours)[which],
    } | changes
    discs = EllipseCollection(
        widths,
        heights,
        angles,
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


def draw_spheres(
    ax: Axes,
    packing: Packing,
    active: ArrayLike | None = None,
    colours: ArrayLike | None = None,
    *,
    azimuth: float = -60.0,
    elevation: float = 20.0,
    **changes: Any,
) -> EllipseCollection:
    """Draw a three-dimensional packing as it is seen from far away, nearer spheres over farther ones, in its box.

    Spheres have their true size on paper, whatever the size of the axes, which are plain ones: the
    box's own edges bear the scales.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Of the usual kind, with two dimensions.
    packing : mpack.Packing
        In three dimensions; lengths in mean diameters.
    active : array of bool, shape (n,), optional
        Which spheres are active. Found from the overlaps when not given.
    colours : sequence of n colours, optional
        Instead of the two colours of active and inactive spheres.
    azimuth, elevation : float
        Where it is seen from, in degrees: around the vertical from the x axis on, and above the
        horizon.
    **changes
        Passed to `matplotlib.collections.EllipseCollection`.

    Returns
    -------
    matplotlib.collections.EllipseCollection
        Two ellipses a sphere: its disc and the light on it.

    Raises
    ------
    ValueError, TypeError
        If the packing has another dimension, or an angle is none.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import mpack
    >>> packing = mpack.Packing.lattice("fcc", cells=2, phi=0.5)
    >>> spheres = mpack.figures.draw_spheres(Figure().add_subplot(), packing, elevation=90)
    >>> len(spheres.get_offsets())
    64
    """
    from matplotlib.collections import EllipseCollection
    from matplotlib.colors import to_rgba, to_rgba_array

    if packing.dim != 3:
        raise ValueError(f"packing must have dim 3 to be drawn as spheres; got dim {packing.dim}")
    view = _view(_check.number("azimuth", azimuth), _check.number("elevation", elevation, -90, 90))
    if colours is None:
        active = active_discs(packing) if active is None else np.asarray(active, bool)
        colours = np.where(active, COLOURS["active"][0], COLOURS["inactive"][0])
    seen = packing.positions @ view.T
    order = np.argsort(seen[:, 2], kind="stable")
    widths, heights, angles = (np.repeat(values[order], 2) for values in _outlines(packing, view))
    widths[1::2] *= 0.45
    heights[1::2] *= 0.45
    centres = np.repeat(seen[order, :2], 2, axis=0)
    centres[1::2] += 0.16 * packing.diameters[order, None] * np.array([-1.0, 1.0])
    faces = np.repeat(to_rgba_array(np.asarray(colours))[order], 2, axis=0)
    faces[1::2] = to_rgba(COLOURS["paper"][0], 0.35)
    edges = np.tile([to_rgba(COLOURS["ink"][0]), to_rgba("none")], (packing.n, 1))
    look = {"linewidths": 0.4, "edgecolors": edges, "facecolors": faces, "zorder": 2} | changes
    where = {"offsets": centres, "offset_transform": ax.transData}
    spheres = EllipseCollection(widths, heights, angles, units="xy", **where, **look)
    ax.add_collection(spheres)
    _draw_box(ax, packing.box, view)
    return spheres


def plot_packing(
    packing: Packing, ax: Axes | None = None, colours: ArrayLike | None = None, **changes: Any
) -> Axes:
    """Draw a packing of two or three dimensions with its box, scales and a legend; see `Packing.plot`.

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing.lattice("fcc", cells=2, phi=0.5)
    >>> mpack.figures.plot_packing(packing, elevation=30).get_aspect()
    1.0
    """
    with from_extra("figures", "mpack.figures"):
        import matplotlib.pyplot as plt
        from matplotlib.ticker import AutoLocator

    with plt.rc_context(STYLE):  # type: ignore[arg-type]  # it wants literal keys
        ax = plt.subplots(figsize=(5.0, 5.0))[1] if ax is None else ax
        if packing.dim == 3:
            draw_spheres(ax, packing, colours=colours, **changes)
        else:
            draw_packing(ax, packing, colours=colours, **changes)
            for axis, name in ((ax.xaxis, "x"), (ax.yaxis, "y")):
                axis.set_major_locator(AutoLocator())
                axis.set_label_text(f"${name}$ (mean diameters)")
            ax.grid(False)
        if colours is None:
            for name in ("active", "inactive"):
                ax.plot([], [], "o", color=COLOURS[name][0], label=name)
            ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    return ax


def _outlines(packing, view):
    """(widths, heights, angles in degrees) of the ellipses that particles look like along the third row of `view`.

    The outline of x.A^-1.x = 1 from far away is y.(V A V^T)^-1.y = 1, V the first two rows.
    """
    if packing.spherical:
        return packing.diameters, packing.diameters, np.zeros(packing.n)
    frames = frames_of(packing.orientations)[:, :, : packing.dim]
    across = view[:2] @ (frames * packing.axes[:, None, :])
    squares, main = np.linalg.eigh(across @ np.swapaxes(across, 1, 2))
    widths, heights = 2.0 * np.sqrt(np.maximum(squares[:, ::-1].T, 0.0))
    return widths, heights, np.degrees(np.arctan2(main[:, 1, 1], main[:, 0, 1]))


def _view(azimuth, elevation):
    """Rows: unit vectors to the right, upwards and towards the eye."""
    around, above = np.radians(azimuth), np.radians(elevation)
    right = [-np.sin(around), np.cos(around), 0.0]
    up = [-np.sin(above) * np.cos(around), -np.sin(above) * np.sin(around), np.cos(above)]
    return np.array([right, up, np.cross(right, up)])


def _draw_box(ax, box, view):
    """The edges of a cube, hidden ones behind everything, and a scale along one edge of each direction."""
    corners = box * np.array(list(np.ndindex(2, 2, 2)), float)
    seen = corners @ view.T
    nearest, farthest = np.argmax(seen[:, 2]), np.argmin(seen[:, 2])
    for one, other in itertools.combinations(range(8), 2):
        if np.sum(corners[one] != corners[other]) == 1:
            hidden, front = farthest in (one, other), nearest in (one, other)
            look = {"zorder": 1 if hidden else 3, "alpha": 0.4 if front else 1.0}
            ax.plot(*seen[[one, other], :2].T, color=COLOURS["muted"][0], lw=0.8, **look)
    front = np.where(
        view[2] > 0, box, 0.0
    )  # the corner of the floor, or ceiling, nearest to the eye
    left = corners[np.argmin(seen[:, 0] + 1e-6 * seen[:, 2])]
    for axis, origin in enumerate((front, front, left)):
        _draw_scale(ax, box, view, axis, np.array([*origin[:2], 0.0]))
    edge = 0.18 * box
    low, high = seen[:, :2].min(axis=0) - edge, seen[:, :2].max(axis=0) + 0.4 * edge
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    ax.set_axis_off()


def _draw_scale(ax, box, view, axis, origin):
    """Numbers and a name along the edge through `origin` in direction `axis`."""
    from matplotlib.ticker import MaxNLocator

    along = np.zeros(3)
    along[axis] = 1.0
    middle = np.full(3, box / 2)
    places = np.where(along > 0, box / 2, origin)
    out = ((places - middle) @ view.T)[:2]
    run = (along @ view.T)[:2]
    if np.hypot(*run) < 0.05:
        return  # seen from its end
    run /= np.hypot(*run)
    out -= (out @ run) * run  # away from the box, across the edge
    out /= max(np.hypot(*out), 1e-9)
    for value in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(0.0, box):
        if 0.0 <= value <= box:
            at = (np.where(along > 0, value, origin) @ view.T)[:2]
            ax.plot(*np.transpose([at, at + 0.02 * box * out]), color=COLOURS["muted"][0], lw=0.8)
            where = at + 0.055 * box * out
            ax.annotate(f"{value:g}", where, ha="center", va="center", fontsize=8)
    turn = np.degrees(np.arctan2(run[1], run[0]))
    turn = (turn + 90) % 180 - 90 if abs(turn) != 90 else 90
    name = f"${'xyz'[axis]}$ (mean diameters)"
    where = (places @ view.T)[:2] + 0.135 * box * out
    ax.annotate(name, where, ha="center", va="center", rotation=turn, fontsize=9)


def active_discs(packing: Packing) -> NDArray[np.bool_]:
    """Which particles overlap another: a bool array of shape (n,).

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing([[1.0, 1.0], [1.5, 1.0], [3.0, 3.0]], box=5.0)
    >>> mpack.figures.active_discs(packing).tolist()
    [True, True, False]
    """
    active = np.zeros(packing.n, bool)
    active[packing.overlaps()[0].ravel()] = True
    return active


def periodic_images(
    positions: NDArray, diameters: ArrayLike, box: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every image of every disc that shows inside the box: arrays (index of the disc, centre).

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import figures
    >>> which, centres = figures.periodic_images(np.array([[0.1, 2.0]]), 1.0, box=4.0)
    >>> centres.tolist()
    [[0.1, 2.0], [4.1, 2.0]]
    """
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
    meaning: str | Dynamics = "ink",
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
        look: dict[str, Any] = {
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


def draw_kick(
    ax: Axes, start: ArrayLike, kick: ArrayLike, meaning: str | Dynamics = "ink", **changes: Any
) -> Annotation:
    """Draw a displacement (in mean diameters) as an arrow from `start`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mpack import figures
    >>> arrow = figures.draw_kick(Figure().add_subplot(), [0, 0], [1, 0.5], "SGD")
    >>> [float(x) for x in arrow.xyann]
    [0.0, 0.0]
    """
    look = {
        "arrowstyle": "-|>",
        "color": colour(meaning),
        "linewidth": 1.6,
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 10,
    } | changes
    end = np.asarray(start) + np.asarray(kick)
    return ax.annotate(
        "", xy=tuple(end), xytext=tuple(np.asarray(start)), arrowprops=look, zorder=5
    )


def activity_axes(ax: Axes, *, log: bool = True) -> Axes:
    """Label axes for activity against steps.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mpack import figures
    >>> figures.activity_axes(Figure().add_subplot()).get_xscale()
    'log'
    """
    ax.set(xlabel="steps $k$", ylabel="activity $f_a$")
    if log:
        ax.set(xscale="log", yscale="log")
    else:
        ax.set_ylim(bottom=0)
    return ax


def draw_divergence(
    ax: Axes,
    scan: tuple[ArrayLike, ArrayLike, ArrayLike],
    point: CriticalPoint | None = None,
    *,
    nu: float | None = None,
    start: float | None = None,
    scale: float = 1.0,
    stopped: dict | None = None,
    law: dict | None = None,
    band: dict | None = None,
    **look: Any,
) -> None:
    """Draw absorption times to the power that makes their divergence a straight line, tau^(-1/nu), and its zero phi_c.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    scan : (phi, steps, absorbed)
        Arrays of one length, a run each, as of `mpack.critical.divergence`.
    point : CriticalPoint, optional
        The fit: drawn as a line to phi_c, and a band of phi_c and its error.
    nu : float, optional
        The exponent; that of `point` if left out.
    start : float, optional
        Packing fraction at which the line begins; the smallest if left out.
    scale : float
        Times the power, such as 1e4.
    stopped, law, band : dict, optional
        Changes of the looks of runs stopped while active (bars: all that is known of them is that
        the true point is lower), of the line (for `Axes.plot`) and of the band (for `Axes.axvspan`).
        {"visible": False} leaves one out.
    **look
        Of the absorbed runs, for `Axes.plot`.

    Raises
    ------
    ValueError
        If neither `point` nor `nu` is given.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mpack import critical, figures
    >>> ax = Figure().subplots()
    >>> point = critical.CriticalPoint(0.62, 0.001, 1.0, 2.0, 0.1, 3)
    >>> figures.draw_divergence(ax, ([0.60, 0.61, 0.63], [100, 200, 999], [True, True, False]), point)
    >>> ax.lines[0].get_ydata().tolist(), ax.lines[2].get_ydata().round(3).tolist()
    ([0.01, 0.005], [0.01, 0.0])
    """
    if nu is not None:
        nu = _check.number("nu", nu, 0.0, open_low=True)
    elif point is not None:
        nu = point.exponent
    else:
        raise ValueError("nu must be given where there is no point")
    phi = _check.array("phi", scan[0], (None,))
    steps = _check.array("steps", scan[1], (len(phi),))
    gone = np.asarray(scan[2], bool)
    power = -1 / nu
    dots: dict[str, Any] = {
        "linestyle": "none",
        "marker": "o",
        "markersize": 5,
        "color": colour("ink"),
    }
    ax.plot(phi[gone], scale * steps[gone] ** power, **dots | _one_name_each(look))
    bars: dict[str, Any] = {"linestyle": "none", "marker": "_", "color": colour("muted")}
    bars |= _one_name_each(stopped or {})
    ax.plot(phi[~gone], scale * steps[~gone] ** power, **bars)
    if point is not None:
        x = np.array([phi.min() if start is None else start, point.phi_c])
        line = {"color": colour("ink")} | (law or {})
        ax.plot(x, scale * (point.phi_c - x) * point.amplitude**power, **line)
        shade = {"color": colour("grid"), "zorder": 0} | (band or {})
        ax.axvspan(point.phi_c - point.error, point.phi_c + point.error, **shade)
    factor = "" if scale == 1.0 else rf"10^{{{np.log10(scale):g}}}\,"
    label = rf"${factor}\tau^{{-1/\nu_\parallel}}$"
    ax.set(xlabel=r"packing fraction $\phi$", ylabel=label)


def draw_limits(
    ax: Axes,
    curves: Mapping[str, Any],
    found: Mapping[str, Limit] | None = None,
    *,
    law: Callable[..., ArrayLike] | None = None,
    largest: float | None = None,
    ends_at: float | None = None,
    apart: float = 0.0,
    looks: Mapping[str, dict] | None = None,
) -> None:
    """Draw phi_c against the kick size with errors, its laws, and the limits of small kicks.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping from name to points
        Each a mapping from kick to what has a value and an error, as of `mpack.critical.limit`.
    found : mapping from name to Limit, optional
        The law of each, drawn from 0 to `largest`.
    law : callable, optional
        law(kicks, *coefficients); a straight line if left out. See `mpack.critical.swollen`.
    largest : float, optional
        Larger kicks are left out; laws end there, or at the largest kick of their curve.
    ends_at : float, optional
        Where the limits are drawn with their errors: left of 0. Not at all if left out.
    apart : float
        How much further left each next limit is.
    looks : mapping from name to dict, optional
        For `Axes.errorbar`; that of the process of this name (`process_style`) if left out.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mpack import critical, figures
    >>> points = {a: (0.64 - 0.8 * a, 0.001) for a in (0.01, 0.02, 0.05)}
    >>> ax = Figure().subplots()
    >>> figures.draw_limits(ax, {"GD": points}, {"GD": critical.limit(points)}, ends_at=-0.01)
    >>> [len(one.get_xdata()) for one in ax.lines if one.get_linestyle() == "-"]
    [200]
    """
    from mpack.statistics import Estimate

    for place, (name, points) in enumerate(curves.items()):
        rows = [(kick, *Estimate.of(one)) for kick, one in points.items()]
        rows = [row for row in rows if largest is None or row[0] <= largest]
        x, y, error = np.reshape(rows, (-1, 3)).T
        look = process_style(name) if looks is None else _one_name_each(looks[name])
        look = {"markersize": 4.5} | look | {"linestyle": "none"}
        ax.errorbar(x, y, error, label=name, **look)
        if found is None:
            continue
        one = found[name]
        grid = np.linspace(0.0, x.max() if largest is None else largest, 200)
        if law is None:
            height: ArrayLike = np.polyval(one.coefficients[::-1], grid)
        else:
            height = law(grid, *one.coefficients)
        ax.plot(grid, height, linestyle="-", color=look["color"], lw=0.8)
        if ends_at is not None:
            at = ends_at - apart * place
            ax.errorbar(at, one.value, one.error, clip_on=False, **look)
    ax.set(xlabel=r"learning rate $\alpha$", ylabel=r"$\phi_c$")


def draw_budget(
    ax: Axes, budget: Budget, *, unit: float = 1e-3, statistics: str = "statistics"
) -> None:
    """Draw an uncertainty budget: a bar for each change, the statistical error first and in ink.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    budget : mpack.critical.Budget
    unit : float
        Of the horizontal axis.
    statistics : str
        Name of the first bar.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mpack import critical, figures
    >>> budget = critical.Budget((0.64, 0.003))
    >>> budget.add("size", -0.001)
    >>> ax = Figure().subplots()
    >>> figures.draw_budget(ax, budget)
    >>> [round(float(bar.get_width()), 6) for bar in ax.patches]
    [-1.0, 3.0]
    """
    unit = _check.number("unit", unit, 0.0, open_low=True)
    rows = [(statistics, budget.result.error, "ink")]
    rows += [(one.what, one.change, "series 1") for one in budget.changes]
    names, values, tints = zip(*rows[::-1], strict=True)
    places = range(len(names))
    ax.barh(places, np.array(values) / unit, color=[colour(tint) for tint in tints], height=0.6)
    ax.set_yticks(places, names)
    ax.axvline(0, color=colour("muted"), lw=0.8)
    ax.set_xlabel(_in_units("change", unit))


def draw_budgets(
    ax: Axes, budgets: Mapping[str, Budget], looks: Mapping[str, dict], *, unit: float = 1e-3
) -> None:
    """Draw several budgets of the same groups: a row for each group, a point for each budget, of what it counts.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    budgets : mapping from name to mpack.critical.Budget
    looks : mapping from name to dict
        For `Axes.plot`.
    unit : float
        Of the horizontal axis.

    Raises
    ------
    ValueError
        If there is no budget, or their groups differ.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mpack import critical, figures
    >>> ax = Figure().subplots()
    >>> figures.draw_budgets(ax, {"GD": critical.Budget((0.64, 0.003))}, {"GD": {"marker": "o"}})
    >>> ax.lines[0].get_xdata().tolist()
    [3.0]
    """
    unit = _check.number("unit", unit, 0.0, open_low=True)
    groups = {tuple(one.parts) for one in budgets.values()}
    if len(groups) != 1:
        raise ValueError(f"budgets must have the same groups; got {len(groups)} different ones")
    (names,) = map(list, groups)
    for name, budget in budgets.items():
        values = np.array(list(budget.parts.values())) / unit
        look = _one_name_each(looks[name]) | {"linestyle": "none", "label": name}
        ax.plot(values, range(len(names)), **look)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel(_in_units("change", unit))


def _one_name_each(look: Mapping[str, Any]) -> dict[str, Any]:
    """A style without matplotlib's short names (ms, ls), so that it can be laid over another."""
    with from_extra("figures", "mpack.figures"):
        from matplotlib import cbook, lines

    return cbook.normalize_kwargs(dict(look), lines.Line2D)


def _in_units(what: str, unit: float) -> str:
    power = np.log10(unit)
    if unit == 1.0:
        return what
    size = rf"$10^{{{round(power)}}}$" if np.isclose(power, round(power)) else f"{unit:g}"
    return f"{what}, in units of {size}"
