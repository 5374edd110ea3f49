"""What the interactive figures that run keep up in a browser without a GPU, each in its own page of the built book."""

from book._tools import places
from book._tools.browser import NoBrowser, started
from mpack.widgets import _sources

SECONDS = 3
# What figures are given to do; the others run as they open.
LOADS = {
    "playground, 1,000 discs": ("playground", "n=1000&phi=0.9&speed=1"),
    "playground, 1,000 spheres": ("playground", "dim=3&n=1000&phi=0.66&speed=30"),
    "playground, 100,000 discs": ("playground", "n=100000&phi=0.9&speed=1000"),
    "playground, 100,000 spheres": ("playground", "dim=3&n=100000&phi=0.66&speed=1000"),
    "sweep, 20 times 256 spheres": ("sweep", "steps=8000&speed=10000"),
}
# At least so many a second; a screen has 60 frames, of which one or two may be late.
AIMS = {
    "playground, 1,000 spheres": {"frames": 58, "pictures": 28, "steps": 28},
    "playground, 100,000 discs": {"frames": 58, "steps": 5},
    "playground, 100,000 spheres": {"frames": 58, "steps": 5},
    "sweep, 20 times 256 spheres": {"frames": 58},
}
COLUMNS = ("figure", "frames a second", "pictures", "steps", "aim", "")
# Frames: those that the page could paint; pictures: those that the figure drew, one for whatever is new.
WATCH = """seconds => new Promise(done => {
    const figure = document.querySelector('.mpk').mpackFigure, step = () => figure.moment().step ?? null;
    let frames = 0, frame = 0;
    const beat = () => { frames++; frame = requestAnimationFrame(beat); };
    frame = requestAnimationFrame(beat);
    const pictures = figure.frames, begun = step(), start = performance.now();
    setTimeout(() => {
        const rate = (count) => count / (performance.now() - start) * 1000;
        cancelAnimationFrame(frame);
        done({ frames: rate(frames), pictures: rate(figure.frames - pictures),
            steps: begun === null ? null : rate(step() - begun) });
    }, seconds * 1000); })"""


def frame_rates():
    """{figure, and what it does: what `rate` says}; empty where there is no browser, or no built book."""
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
    """{"frames", "pictures", "steps"} a second of a figure, from a second after it began; None: it has none."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{path.as_uri()}#{state}")
    page.wait_for_function("() => document.querySelector('.mpk')?.mpackFigure?.frames > 5")
    page.wait_for_timeout(1000)
    found = page.evaluate(WATCH, SECONDS)
    page.close()
    return found


def judged(rates):
    """Rows of `COLUMNS`, numbers as they are, from what `frame_rates` gives."""
    return [
        (label, *(found[kind] for kind in ("frames", "pictures", "steps")), *verdict(label, found))
        for label, found in rates.items()
    ]


def verdict(label, found):
    """(the aim in words, whether it is met), both empty where there is none."""
    aim = AIMS.get(label, {})
    missed = [kind for kind, least in aim.items() if (found[kind] or 0) < least]
    words = ", ".join(f"{kind} ≥ {least}" for kind, least in aim.items())
    said = f"missed: {', '.join(missed)}" if missed else "met"
    return (words, said) if aim else ("", "")
