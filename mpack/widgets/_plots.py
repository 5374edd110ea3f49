"""The standard plots of a run, for the explorer: activity, energy, a picture of the packing, g(r)."""

import io
import time

import numpy as np

from mpack import figures, structure

SIZE = (7.4, 5.8)  # inches
PLACES = {
    "left": 0.09,
    "right": 0.985,
    "top": 0.955,
    "bottom": 0.085,
    "wspace": 0.27,
    "hspace": 0.34,
}


def slice_of(packing, height=None):
    """What a plane z = `height` (the middle of the box if left out) cuts out of spheres: (index, centres, diameters).

    Discs that reach over a wall come several times, as `mpack.figures.periodic_images` gives them.
    """
    height = packing.box / 2 if height is None else height
    away = packing.positions[:, 2] - height
    away -= packing.box * np.round(away / packing.box)
    squared = packing.diameters**2 - 4 * away**2
    cut = np.flatnonzero(squared > 0)
    across = np.sqrt(squared[cut])
    which, centres = figures.periodic_images(packing.positions[cut, :2], across, packing.box)
    return cut[which], centres, across[which]


def draw_slice(ax, packing, height=None):
    """Draw the discs that a plane cuts out of a packing of spheres, active ones in the colour of activity."""
    from matplotlib.collections import EllipseCollection

    which, centres, across = slice_of(packing, height)
    colours = np.where(
        figures.active_discs(packing), figures.colour("active"), figures.colour("inactive")
    )
    look = {"linewidths": 0.5, "edgecolors": figures.colour("paper"), "facecolors": colours[which]}
    place = {"units": "xy", "offsets": centres, "offset_transform": ax.transData}
    ax.add_collection(EllipseCollection(across, across, np.zeros(len(which)), **place, **look))
    ax.set(xlim=(0, packing.box), ylim=(0, packing.box), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(True)


class Plots:
    """The four plots of a run, drawn anew at each call; what takes long is left out while the run goes on.

    Parameters
    ----------
    patience : float
        Seconds that the pair correlation may take while the run goes on.
    """

    def __init__(self, patience=0.1):
        self.patience = patience
        self._correlation = (
            None,
            0.0,
        )  # of the last packing it was worked out for; how long that took

    def draw(self, run, before=None, log=True, over=True):
        """The figure.

        Parameters
        ----------
        run : Run
        before : Run, optional
            Another one, drawn faintly behind.
        log : bool
            Logarithmic axes for what is plotted against steps.
        over : bool
            False while the run goes on.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context(figures.STYLE | {"figure.constrained_layout.use": False}):
            fig = Figure(figsize=SIZE, dpi=figures.PIXELS_PER_INCH)
            (activity, picture), (energy, correlation) = fig.subplots(2, 2)
            fig.subplots_adjust(**PLACES)
            series(activity, run, before, "activity", log)
            figures.activity_axes(activity, log=log)
            if not log:
                activity.set_ylim(0, 1.03)
            activity.set_title(run.dynamics.label)
            series(energy, run, before, "energy", log)
            energy.set(xlabel="steps $k$", ylabel="energy $V/N$")
            for ax in (activity, energy):
                last = max(run.steps, before.steps if before else 0, 10)
                ax.set_xlim((0.9, 1.3 * last) if log else (0, 1.03 * last))
            self._picture(picture, run, before, log)
            self._pair_correlation(correlation, run, over)
        return fig

    def _picture(self, ax, run, before, log):
        packing = run.final
        if packing.dim == 2:
            figures.draw_packing(ax, packing)
            ax.set_title(f"the packing, $\\phi$ = {packing.phi:.4g}")
        elif packing.dim == 3:
            draw_slice(ax, packing)
            ax.set_title(f"slice, $\\phi$ = {packing.phi:.4g}")
        else:  # nothing to look at: how far the particles have come
            series(ax, run, before, "msd", log)
            ax.set(xlabel="steps $k$", ylabel=r"mean square displacement $\Delta^2$")
            ax.set_title(f"{packing.dim} dimensions, $\\phi$ = {packing.phi:.4g}")

    def _pair_correlation(self, ax, run, over):
        found, took = self._correlation
        if run.final.n > 1 and (found is None or over or took < self.patience):
            clock = time.perf_counter()
            found = structure.pair_correlation(run.final, bins=150)
            self._correlation = found, time.perf_counter() - clock
        if found is not None:
            ax.plot(found.r, found.g, color=figures.colour("ink"), linewidth=1.3)
            ax.set(xlim=(0, found.edges[-1]))
        ax.axhline(1, color=figures.colour("muted"), linewidth=0.8, linestyle=":")
        ax.set(xlabel="distance $r$, in mean diameters", ylabel="pair correlation $g(r)$")
        ax.set_ylim(bottom=0)


def png(fig, dense):
    """A figure of `Plots` as PNG on paper, so many pixels per inch."""
    from matplotlib import rc_context

    with rc_context(figures.STYLE), io.BytesIO() as file:
        fig.savefig(file, format="png", dpi=dense, facecolor=figures.colour("paper"))
        return file.getvalue()


def series(ax, run, before, what, log):
    """Plot one recorded series of a run, and of another faintly behind it."""
    if log:
        ax.set(xscale="log", yscale="log")
    seen = np.zeros(0)
    for one, faint in ((before, True), (run, False)):
        if one is None:
            continue
        values = getattr(one, what) / (one.start.n if what == "energy" else 1)
        shown = values > 0 if log else np.ones(len(values), bool)
        shown &= one.times > 0 if log else True
        style = figures.process_style(one.dynamics, marker="", zorder=2 if faint else 3)
        style |= {"alpha": 0.4, "linewidth": 1.2} if faint else {}
        ax.plot(one.times[shown], values[shown], **style)
        if not faint and shown.any():
            end = {"color": style["color"], "markersize": 6, "clip_on": False, "zorder": 4}
            ax.plot(one.times[shown][-1], values[shown][-1], "o", **end)
        seen = np.append(seen, values[shown])
    if not log:
        ax.set_ylim(0, 1.05 * seen.max(initial=0) or 1)
    elif len(seen):  # at least a decade, so that noise does not look like news
        ax.set_ylim(min(0.8 * seen.min(), 0.1 * seen.max()), 1.3 * seen.max())
