"""The figures in JupyterLab, with a kernel: by keys and by clicks, from Python and back; errors; a kernel that is lost.

Only where `make lab` has set up its environment. One notebook, one page, one kernel: the tests of
this module follow one another.
"""

import ast
import json

import pytest
from liveservers import LivePage, installed, served

from mpack.widgets import _sources
from tests.browser.test_pages import check_accessible
from tests.browser.test_widgets import (
    FIGURES,
    RUNNING,
    Shown,
    by_keyboard,
    by_the_clock,
    painted,
    random_state,
)

pytestmark = installed
CELLS = {
    "driven": "mpack.widgets.drive(mpack.Packing.random(n=2000, phi=0.64, dim=3, seed=1), mpack.PairwiseBRO(eps=0.05))",
    "explorer": "mpack.widgets.explore(mpack.Packing.random(n=300, phi=0.6, dim=3, seed=1),\n"
    "    mpack.SGD(alpha=0.1, batch_fraction=0.75), steps=300)",
}
SESSION = "jupyterapp.shell.currentWidget.sessionContext"
BROKEN = """import mpack.widgets._driven, mpack.widgets._explorer
class Broken:
    def simulate(*_, **__): raise ValueError("the box is on fire")
whole, mpack.widgets._{0}.simulation = mpack.widgets._{0}.simulation, Broken"""
MENDED = "mpack.widgets._{0}.simulation = whole"


def arguments(folder):
    """JupyterLab over a folder, for nobody else; `window.jupyterapp` lets the tests press its menus."""
    fixed = [
        "--no-browser",
        "--ip=127.0.0.1",
        "--allow-root",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    quiet = [
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    return lambda port: [
        "-m",
        "jupyterlab",
        *fixed,
        *quiet,
        "--LabApp.news_url=None",
        f"--port={port}",
    ]


def notebook():
    """One figure a cell."""
    made = {name: f"mpack.widgets.{_sources.class_name(name)}()" for name in FIGURES} | CELLS
    codes = ["import mpack", *(f"{name} = {code}\n{name}" for name, code in made.items())]
    about = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    cells = [{**about, "id": f"cell-{place}", "source": code} for place, code in enumerate(codes)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}


class Lab(LivePage):
    """JupyterLab with that notebook open, all cells run."""

    def __init__(self, browser, address):
        super().__init__(browser, address)
        self.page.goto(f"{address}/lab/tree/figures.ipynb")
        self.wait("window.jupyterapp?.shell?.currentWidget?.context?.isReady")
        self.wait(f"{SESSION}.session?.kernel?.status === 'idle'")
        self.run_all()

    def wait(self, condition):
        self.page.wait_for_function(f"() => {condition}", timeout=90_000)

    def run_all(self):
        """Run all cells, as its menu does, and wait for the last one."""
        self.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        self.wait(f"document.querySelectorAll('.mpk').length === {len(FIGURES) + 1}")
        self.page.locator("img[alt^='Four plots']").wait_for(timeout=90_000)

    def python(self, expression, code=""):
        """What an expression is in the kernel, after some code."""
        answer = self.page.evaluate(
            f"""async ([code, x]) => (await {SESSION}.session.kernel.requestExecute(
                {{ code, user_expressions: {{ x }} }}).done).content""",
            [code, expression],
        )
        assert answer["status"] == "ok", answer
        found = answer["user_expressions"]["x"]
        assert found["status"] == "ok", found
        return ast.literal_eval(found["data"]["text/plain"])

    def agrees(self, name, figure):
        """Wait until the state in the kernel is the one that is shown: changes are sent one after another."""
        for _ in range(100):
            kept, shown = self.python(f"{name}.state()"), figure.call("return figure.state;")
            if kept == shown:
                return
            self.page.wait_for_timeout(50)
        assert kept == shown

    def figure(self, name):
        places = [*FIGURES, "driven"]
        return Shown(self, "spheres" if name == "driven" else name, places.index(name))


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    (folder / "notebooks/figures.ipynb").write_text(json.dumps(notebook()), encoding="utf8")
    with served(folder, arguments(folder / "notebooks"), "/api") as address:
        yield Lab(browser, address)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_and_its_kernel(lab, name, seed):
    """It draws, moves, answers every control by keys, and tells Python; what Python sets, it shows."""
    figure = lab.figure(name)
    assert min(painted(figure)) > 5
    if name in RUNNING:
        by_the_clock(figure)
    by_keyboard(figure)
    lab.agrees(name, figure)
    left = ("step", "compact")  # the latter hides the clock, which later tests press
    state = {key: value for key, value in random_state(name, seed).items() if key not in left}
    assert lab.python("None", f"{name}.set({state!r})") is None
    figure.wait(
        f"Object.entries({json.dumps(state)}).every(([name, value]) => figure.state[name] === value)"
    )
    figure.settle()
    assert figure.page.locator(".mpk-apart").nth(figure.place).is_hidden()
    figure.whole()
    lab.whole()


def test_axe_finds_nothing_in_the_figures(lab):
    check_accessible(lab.page, ".mpk")


def test_spheres_that_the_kernel_drives(lab):
    """Run, keys that turn it meanwhile, a cell that runs meanwhile, Stop; start and stop from Python; an error."""
    figure = lab.figure("driven")
    figure.press("Run")
    figure.wait("figure.figure.frame.steps > 4")
    assert lab.python("6 * 7") == 42 and lab.python("driven.running")
    turner = figure.within(".mpk-turner")
    turner.focus()
    lab.page.keyboard.press("ArrowLeft")
    figure.press("Stop")
    figure.wait("!figure.figure.driven.going")
    shown = figure.report()
    assert shown["numbers"]["digest"] == lab.python("driven.trajectory.digest")
    assert lab.python("driven.azimuth") == shown["state"]["azimuth"] == 38
    lab.python("None", "driven.start()")
    figure.wait(
        f"figure.figure.driven.going && figure.figure.frame.steps > {shown['numbers']['step'] + 2}"
    )
    lab.python("None", "driven.stop(); driven.wait()")
    figure.wait("!figure.figure.driven.going")
    assert figure.report()["numbers"]["digest"] == lab.python("driven.trajectory.digest")
    lab.python("None", BROKEN.format("driven"))
    figure.press("Run")
    figure.wait("!figure.figure.driven.going && figure.notice.textContent")
    assert "the box is on fire" in figure.notice()
    lab.python("None", MENDED.format("driven"))
    figure.press("One frame")
    figure.wait("!figure.figure.driven.going && !figure.notice.textContent")
    lab.whole()


def test_the_explorer(lab):
    """A slider by key, Run, the numbers in the kernel, the plots; an error."""
    page = lab.page
    page.locator(".noUi-handle:visible").first.focus()
    before = lab.python("explorer.controls['alpha'].value")
    page.keyboard.press("ArrowRight")
    while lab.python("explorer.controls['alpha'].value") == before:
        page.wait_for_timeout(20)
    run = page.locator(".jupyter-button", has_text="Run").last
    run.click()
    page.locator("img[alt*='after 300 steps']").wait_for()
    assert lab.python("explorer.trajectory.steps") == 300
    assert lab.python("explorer.trajectory.dynamics.alpha") > before
    page.get_by_text(lab.python("explorer.trajectory.digest")).wait_for()
    lab.python("None", BROKEN.format("explorer"))
    run.click()
    page.get_by_text("the box is on fire").last.wait_for()
    lab.python("None", MENDED.format("explorer"))
    lab.whole()


def test_a_kernel_that_restarts_or_is_shut_down_is_missed(lab):
    """A sentence in each figure, and nothing worse: what computes in the page goes on; a new kernel mends it."""
    page, driven, play = lab.page, lab.figure("driven"), lab.figure("playground")
    driven.press("Run")
    page.evaluate(f"void {SESSION}.restartKernel()")
    for figure in (driven, play):
        figure.wait("figure.apart.textContent.startsWith('The kernel is gone')")
        assert figure.within(".mpk-apart").is_visible()
    assert "Without it nothing moves" in driven.within(".mpk-apart").inner_text()
    assert driven.within(".mpk-main").inner_text() == "Run"
    page.locator(".mpack-gone").wait_for()
    driven.press("Run")
    by_the_clock(play)
    lab.run_all()
    driven, play = lab.figure("driven"), lab.figure("playground")
    assert page.locator(".mpk-apart:visible").count() == 0
    driven.press("One frame")
    driven.wait("figure.figure.frame.steps > 0 && !figure.figure.driven.going")
    page.evaluate(f"void {SESSION}.shutdown()")
    lab.wait(f"!{SESSION}.session?.kernel")
    for figure, button in ((driven, "Run"), (play, "Run")):
        figure.press(button)
        figure.wait("figure.apart.textContent.startsWith('The kernel is gone')")
    play.wait("figure.figure.report().step > 3")
    play.whole()
    lab.whole()
