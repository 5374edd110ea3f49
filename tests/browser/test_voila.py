"""The classroom as Voila serves it: figures, tours, predictions and the explorer, all with a kernel.

Only where `make voila` has set up its environment (.venv-live): Voila is no part of the book's own.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from bookpages import ROOT

from book._tools import live, places

PYTHON = ROOT / ".venv-live/bin/python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-live: `make voila` has not been set up")


@contextlib.contextmanager
def served(folder):
    """Voila over the notebooks in `folder`: its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--Voila.ip=127.0.0.1", f"--port={port}", "--no-browser"]
    command = [str(PYTHON), *live.arguments(folder, options)[1:]]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **places.settings()}, **quiet)
    try:
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/")
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_the_classroom_by_voila(browser, tmp_path):
    live.write(tmp_path)
    errors = []
    with served(tmp_path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/voila/render/Classroom.ipynb")
        page.wait_for_selector(".mpk canvas", timeout=90_000)
        page.get_by_role("button", name="Not enough").click()
        page.wait_for_function("document.querySelector('.mpk').mpackFigure.state.phi === 0.75", timeout=30_000)
        page.wait_for_function("document.querySelector('.mpk').mpackFigure.figure.report().step > 3", timeout=30_000)
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
        page.wait_for_function("() => { const all = document.querySelectorAll('.mpk');"
            "return all[all.length - 1].mpackFigure.figure.frame.steps > 50; }", timeout=90_000)
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Stop", exact=True).wait_for(state="detached")
        page.close()
    assert not errors
