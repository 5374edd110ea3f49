"""Interactive figures: they compute in the page, live in a notebook and in the static book alike; and an explorer.

>>> import mpack
>>> figure = mpack.widgets.Playground(phi=0.8, dynamics="SGD", alpha=0.1)
>>> figure.phi, figure.n
(0.8, 500)

Every figure is one import-free ES module in anywidget's form. In JupyterLab and Voila it is an
anywidget; in the book, and in a page saved from it, the same module runs by itself
(`mpack/widgets/_page.js`). `ADDING.md` in this folder says how to add one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mpack._extras import from_extra
from mpack.widgets import _sources

if TYPE_CHECKING:
    from ipywidgets import Box, VBox, Widget

    from mpack._schedules import Record
    from mpack.dynamics import Dynamics
    from mpack.packing import Packing
    from mpack.widgets._driven import Driven
    from mpack.widgets._explorer import Explorer

__all__ = [  # noqa: PLE0604
    *(_sources.class_name(name) for name in _sources.names()),
    "drive",
    "explore",
    "predict",
    "tour",
]


def drive(
    packing: Packing,
    dynamics: Dynamics,
    *,
    seed: int = 1,
    stride: int = 1,
    threads: int = 1,
    **look: Any,
) -> Driven:
    """A packing in two or three dimensions, moved by the library while one turns it: at sizes far beyond a page's own.

    The kernel computes in the background and sends frames; it waits with the next one until the
    page has drawn this one, so that nothing piles up, and rests when the figure is out of sight.
    *Stop* stops; an error is shown.

    Parameters
    ----------
    packing : Packing
        In two or three dimensions, of spheres, ellipsoids or ellipses; up to some 10**5 particles.
    dynamics : Dynamics
    seed : int
    threads : int
        As for `mpack.simulate`.
    stride : int
        Steps from one frame to the next, 1 to 10**6.
    **look
        The state of the figure `Spheres` at first: colour, azimuth, zoom, slab, ...

    Returns
    -------
    Driven
        An anywidget: `trajectory` is the run so far; `start()`, `stop()` and `wait()` do what the
        buttons do.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or the box too small for the potential.

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing.random(n=20_000, phi=0.62, dim=3, seed=1)
    >>> figure = mpack.widgets.drive(packing, mpack.PairwiseBRO(eps=0.05), stride=10)
    """
    with from_extra("widgets", "mpack.widgets"):
        from mpack.widgets._driven import Driven

    return Driven(packing, dynamics, seed=seed, stride=stride, threads=threads, **look)


def explore(
    packing: Packing,
    dynamics: Dynamics,
    *,
    steps: int = 2000,
    seed: int = 1,
    record: Record = None,
    threads: int = 1,
) -> Explorer:
    """Any run by hand: sliders for what it depends on, run and stop, progress, and the standard plots.

    The run goes on in the background, so that the notebook stays free, and gives what
    `mpack.simulate` gives, bit for bit. *Stop* keeps what it has come to, *Go on* takes it up
    exactly there. What cannot be run is said in the widget.

    Parameters
    ----------
    packing : Packing
        Where runs start. The slider of the packing fraction stretches or squeezes it, so that a
        random packing becomes the one that `Packing.random` makes at that packing fraction.
    dynamics : Dynamics
        Where the sliders stand at first; its potential stays.
    steps, seed : int
        Likewise; see `mpack.simulate`. At most 2**53 - 1, which is as far as a page can count.
    record : every(k), log_spaced(points_per_decade) or increasing array of steps, optional
        When to record; 20 points per decade if left out.
    threads : int
        As for `mpack.simulate`.

    Returns
    -------
    Explorer
        An ipywidget: `trajectory` is the run shown, `controls` the sliders by name, `python()` the
        call; `start()`, `stop()`, `wait()` and `run()` do what the buttons do.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing.random(n=100, phi=0.62, dim=3, seed=1)
    >>> explorer = mpack.widgets.explore(packing, mpack.PairwiseBRO(eps=0.1))
    >>> print(explorer.python())  # the call that makes the run shown, explorer.trajectory
    mpack.simulate(packing, mpack.PairwiseBRO(eps=0.1), steps=2000, seed=1)
    """
    with from_extra("widgets", "mpack.widgets"):
        from mpack.widgets._explorer import Explorer

    return Explorer(packing, dynamics, steps=steps, seed=seed, record=record, threads=threads)


def tour(stops: Sequence[tuple[str, Sequence[tuple[str, Any, str]]]], beside: Any = None) -> Box:
    r"""Words about figures, with buttons that set them to the states the words speak of.

    Parameters
    ----------
    stops : list of (text, links)
        `text` is HTML, formulas between \( and \); a link is (words, figure, state), the state as
        in the book: "phi=0.7, running" over the state the figure has now.
    beside : interactive figure, optional
        Shown with the tour at its side, one stop at a time. Without it, all stops are shown.

    Returns
    -------
    ipywidgets.Box

    Raises
    ------
    ValueError, TypeError
        If a figure has no such state.

    Examples
    --------
    >>> import mpack
    >>> figure = mpack.widgets.Playground()
    >>> lesson = mpack.widgets.tour([("Crowd them.", [("More", figure, "phi=0.8")])])
    >>> type(lesson).__name__
    'Tour'
    >>> type(mpack.widgets.tour([("Crowd them.", [])], beside=figure)).__name__
    'Guided'
    """
    with from_extra("widgets", "mpack.widgets"):
        from mpack.widgets._lesson import Guided, Tour

    return Tour(stops) if beside is None else Guided(stops, beside)


def predict(question: str, answer: Widget) -> VBox:
    r"""A question that wants something written down before it shows its answer.

    Parameters
    ----------
    question : str
        HTML, formulas between \( and \).
    answer : widget
        For example a `tour`.

    Returns
    -------
    ipywidgets.VBox
        `said` is what was written down.

    Examples
    --------
    >>> import mpack
    >>> mpack.widgets.predict("Will it stop?", mpack.widgets.Playground()).said
    ''
    """
    with from_extra("widgets", "mpack.widgets"):
        from mpack.widgets._lesson import Prediction

    return Prediction(question, answer)


def _class(name: str) -> type:
    with from_extra("widgets", "mpack.widgets"):
        from mpack.widgets import _live

    return _live.make(name)


def __getattr__(name: str) -> Any:
    for figure in _sources.names():
        if _sources.class_name(figure) == name:
            globals()[name] = _class(figure)
            return globals()[name]
    raise AttributeError(f"module 'mpack.widgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
