"""The playground in three dimensions in JupyterLab and in Voila: the kernels of the pages compute there as well.

Only where `make lab` or `make voila` has set up their environment.
"""

import json

import pytest
from liveservers import LivePage, installed, served

from mpack.widgets import _same
from tests.browser import test_lab, test_voila
from tests.browser.test_widgets import Shown, by_the_clock, painted

pytestmark = installed
STATE = {"dim": "3", "n": 500, "phi": 0.6, "eps": 0.1}
STEPS = 40


def written(folder):
    """A notebook with the playground alone, in a folder."""
    code = f"import mpack\nmpack.widgets.Playground(**{STATE!r})"
    about = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel}
    folder.mkdir()
    cells = [{**about, "id": "cell", "source": code}]
    (folder / "cube.ipynb").write_text(json.dumps({**book, "cells": cells}), encoding="utf8")


def by_lab(page, address):
    """Open it in JupyterLab and run it."""
    page.goto(f"{address}/lab/tree/cube.ipynb")
    ready = "() => window.jupyterapp?.shell?.currentWidget?.context?.isReady"
    page.wait_for_function(ready, timeout=90_000)
    idle = f"() => {test_lab.SESSION}.session?.kernel?.status === 'idle'"
    page.wait_for_function(idle, timeout=90_000)
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")


def by_voila(page, address):
    """Open it as Voila serves it."""
    page.goto(f"{address}/voila/render/cube.ipynb")


@pytest.mark.parametrize(
    "opened, arguments, path",
    ((by_lab, test_lab.arguments, "/api"), (by_voila, test_voila.arguments, "/")),
    ids=("lab", "voila"),
)
def test_the_playground_in_a_cube_has_the_library_s_bits(
    browser, tmp_path, opened, arguments, path
):
    written(tmp_path / "notebooks")
    with served(tmp_path, arguments(tmp_path / "notebooks"), path) as address:
        visit = LivePage(browser, address)
        opened(visit.page, address)
        visit.page.wait_for_selector(".mpk canvas", timeout=90_000)
        figure = Shown(visit, "playground")
        assert min(painted(figure)) > 5
        by_the_clock(figure)
        figure.press("Run")
        figure.wait(f"figure.figure.report().step >= {STEPS}")
        figure.press("Pause")
        figure.settle()
        numbers = figure.report()["numbers"]
        (run,) = _same.runs(STATE, [numbers["step"]])
        assert (numbers["digest"], numbers["active"]) == (
            run.digest,
            round(run.activity[-1] * run.final.n),
        )
        figure.whole()
        visit.whole()
