"""The classroom as Voila serves it: figures, tours, predictions and the explorer, all with a kernel.

Only where `make voila` has set up its environment (.venv-live): Voila is no part of the book's own.
"""

from liveservers import LivePage, installed, served

from book._tools import live
from tests.browser.test_pages import check_accessible
from tests.browser.test_widgets import FIGURES, RUNNING, Shown, by_keyboard, by_the_clock, painted

pytestmark = installed
LESSON = (live.ROOT / live.LESSON).read_text(encoding="utf8")


def arguments(folder):
    """Voila over the notebooks in a folder."""
    return lambda port: live.arguments(
        folder, ["--Voila.ip=127.0.0.1", f"--port={port}", "--no-browser"]
    )[1:]


def test_the_classroom_by_voila(browser, tmp_path):
    live.write(tmp_path / "notebooks")
    with served(tmp_path, arguments(tmp_path / "notebooks")) as address:
        visit = LivePage(browser, address)
        page = visit.page
        page.goto(f"{address}/voila/render/Classroom.ipynb")
        page.wait_for_selector(".mpk canvas", timeout=90_000)
        page.get_by_role("button", name="Next", exact=True).first.click()  # to "Not enough"
        page.wait_for_function(
            "document.querySelector('.mpk').mpackFigure.state.phi === 0.75", timeout=30_000
        )
        page.wait_for_function(
            "document.querySelector('.mpk').mpackFigure.figure.report().step > 3", timeout=30_000
        )
        look = page.get_by_role("button", name="Now look").first
        assert look.is_disabled()
        page.get_by_placeholder("What do you expect").first.fill("Later, I think.")
        page.keyboard.press("Tab")
        look.click()
        page.get_by_text("You expected:").wait_for()
        runs = page.get_by_role("button", name="Run", exact=True)
        runs.nth(runs.count() - 2).click()  # the explorer's
        page.locator("img[alt^='Four plots of a run']").wait_for(timeout=90_000)
        runs.last.click()  # of the spheres that the library drives
        page.wait_for_function(
            "() => { const all = document.querySelectorAll('.mpk');"
            "return all[all.length - 1].mpackFigure.figure.frame.steps > 50; }",
            timeout=90_000,
        )
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Stop", exact=True).wait_for(state="detached")
        figures = [name for name in FIGURES if f"{{mpack-widget}} {name}\n" in LESSON]
        figures.sort(key=lambda name: LESSON.index(f"{{mpack-widget}} {name}\n"))
        for place, name in enumerate(figures):
            figure = Shown(visit, name, place)
            assert min(painted(figure)) > 5
            if name in RUNNING:
                figure.call("figure.reset();")
                by_the_clock(figure)
            by_keyboard(figure)
            figure.whole()
        assert (
            page.locator("mjx-container").count() > 10
            and page.locator(".mpk-apart:visible").count() == 0
        )
        check_accessible(page, ".mpk")
        visit.whole()
