"""Frames a second of the interactive figures that run, each in its own page of the built book, without a GPU."""

from book._tools import places
from book._tools.browser import NoBrowser, started
from mpack.widgets import _sources

SECONDS = 3
# What figures are given to do; the others run as they open.
LOADS = {
    "playground, 1,000 discs": ("playground", "n=1000&phi=0.9&speed=1"),
    "playground, 1,000 spheres": ("playground", "dim=3&n=1000&phi=0.66&speed=30"),
    "playground, 100,000 spheres": ("playground", "dim=3&n=100000&phi=0.66&speed=1000"),
}
WATCH = """seconds => new Promise(done => {
    const figure = document.querySelector('.mpk').mpackFigure, first = figure.frames, start = performance.now();
    setTimeout(() => done((figure.frames - first) / (performance.now() - start) * 1000), seconds * 1000); })"""


def frame_rates():
    """{figure, and what it does: frames a second}; empty where there is no browser, or no built book."""
    folder = places.HTML / "_static" / "mpack-figures"
    running = [name for name in _sources.names() if "running" in _sources.schema(name)["state"]]
    loaded = {figure for figure, _ in LOADS.values()}
    loads = LOADS | {name: (name, "") for name in running if name not in loaded}
    pages = {
        label: (folder / f"{name}.html", f"{name}?v=1&{query}&running=1")
        for label, (name, query) in sorted(loads.items())
    }
    try:
        with started() as browser:
            return {
                label: rate(browser, path, state)
                for label, (path, state) in pages.items()
                if path.exists()
            }
    except NoBrowser:
        return {}


def rate(browser, path, state):
    """Frames a second of one figure, counted by itself from a second after it began."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{path.as_uri()}#{state}")
    page.wait_for_function("() => document.querySelector('.mpk')?.mpackFigure?.frames > 5")
    page.wait_for_timeout(1000)
    found = page.evaluate(WATCH, SECONDS)
    page.close()
    return found
