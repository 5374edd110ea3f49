"""Frames a second of the interactive figures that run, each in its own page of the built book, without a GPU."""

from book._tools import places
from book._tools.browser import NoBrowser, started
from mpack.widgets import _sources

SECONDS = 3
LOAD = {
    "playground": "v=1&n=1000&phi=0.9&speed=1"
}  # what a figure is given to do; the others run as they open
WATCH = """seconds => new Promise(done => {
    const figure = document.querySelector('.mpk').mpackFigure, first = figure.frames, start = performance.now();
    setTimeout(() => done((figure.frames - first) / (performance.now() - start) * 1000), seconds * 1000); })"""


def frame_rates():
    """{figure: frames a second}; empty where there is no browser, or no built book."""
    folder = places.HTML / "_static" / "mpack-figures"
    running = [name for name in _sources.names() if "running" in _sources.schema(name)["state"]]
    pages = {name: path for name in running if (path := folder / f"{name}.html").exists()}
    try:
        with started() as browser:
            return {name: rate(browser, path, name) for name, path in pages.items()}
    except NoBrowser:
        return {}


def rate(browser, path, name):
    """Frames a second of one figure, counted by itself from a second after it began."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{path.as_uri()}#{name}?{LOAD.get(name, 'v=1')}&running=1")
    page.wait_for_function("() => document.querySelector('.mpk')?.mpackFigure?.frames > 5")
    page.wait_for_timeout(1000)
    found = page.evaluate(WATCH, SECONDS)
    page.close()
    return found
