"""The classroom as Voila serves it: figures, tours, predictions and the explorer, all with a kernel.

Only where `make voila` has set up its environment (.venv-live): Voila is no part of the book's own.
"""

import asyncio
import json
import re
import urllib.error
import urllib.request
import uuid

import pytest
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


# ------------------------------------------------------------------------------------------------
# what a visitor brings is not run

NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {}, "source": "'a page'", "outputs": [], "execution_count": None}
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
DOORS = [
    *(
        ("POST", f"/{path}")
        for path in ("api/kernels", "api/sessions", "api/terminals", "api/shutdown")
    ),
    *(("PUT", f"/api/contents/{path}") for path in ("more.ipynb", "page.ipynb", "more.py")),
    *(
        ("GET", f"/{path}")
        for path in ("api/contents", "api/kernelspecs", "lab", "tree", "edit/page.ipynb")
    ),
    *(
        ("GET", f"/voila/{path}")
        for path in ("files/page.ipynb", "files/more.py", "render/..%2Fmore.ipynb")
    ),
    *(("GET", f"/voila/render/{path}") for path in ("more.py", "%2Fetc%2Fpasswd", "../more.ipynb")),
]
MESSAGES = (
    "execute_request",
    "inspect_request",
    "complete_request",
    "history_request",
    "input_reply",
)


def reply(address, method, path, content=b"{}"):
    """(status, text) of a request."""
    asked = urllib.request.Request(
        address + path, content if method != "GET" else None, method=method
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as got:
            return got.status, got.read().decode(errors="replace")
    except urllib.error.HTTPError as refused:
        return refused.code, ""


def sent(address, kernel, orders):
    """Send messages to a kernel as its page would, and wait for a while; the types of what came back."""
    websocket = pytest.importorskip("tornado.websocket")
    ioloop = pytest.importorskip("tornado.ioloop")

    async def talk():
        url = f"{address.replace('http', 'ws')}/api/kernels/{kernel}/channels"
        talking, came = await websocket.websocket_connect(url), []
        for kind, content in orders:
            header = {
                "msg_id": uuid.uuid4().hex,
                "msg_type": kind,
                "session": "s",
                "username": "",
                "version": "5.3",
            }
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
            await talking.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))

        async def listen():
            while (one := await talking.read_message()) is not None:
                came.append(json.loads(one)["msg_type"])

        listening = asyncio.ensure_future(listen())
        await asyncio.sleep(3)
        listening.cancel()
        return came

    return ioloop.IOLoop().run_sync(talk)


def test_voila_runs_the_page_s_cells_and_nothing_that_a_visitor_sends(tmp_path):
    """Neither by an address, nor through the doors of a Jupyter server, nor by a message to the page's kernel."""
    folder, ran = tmp_path / "notebooks", tmp_path / "ran"
    folder.mkdir()
    (folder / "page.ipynb").write_text(json.dumps(NOTEBOOK))
    order = f"open({str(ran)!r}, 'w')"
    for name in ("more.py", "../more.ipynb"):
        (folder / name).write_text(order if name == "more.py" else json.dumps(NOTEBOOK))
    with served(tmp_path, arguments(folder)) as address:
        status, page = reply(
            address,
            "GET",
            f"/voila/render/page.ipynb?x={order.replace(' ', '')}&voila-kernel={order[:4]}",
        )
        assert status == 200 and "a page" in page
        (kernel,) = set(re.findall(r'"kernelId": ?"([0-9a-f-]+)"', page))
        for method, path in DOORS:
            status, text = reply(address, method, path, json.dumps({"content": NOTEBOOK}).encode())
            assert status >= 400 and order not in text, (method, path, status)
        content = {
            "code": order,
            "silent": False,
            "store_history": False,
            "allow_stdin": False,
            "stop_on_error": True,
        }
        orders = [
            (kind, content | {"value": order, "cursor_pos": 3, "detail_level": 0})
            for kind in MESSAGES
        ]
        came = sent(address, kernel, [("kernel_info_request", {}), *orders])
        assert "kernel_info_reply" in came and not {
            "execute_reply",
            "execute_input",
            "inspect_reply",
        } & {*came}, came
    assert not ran.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["more.py", "page.ipynb"]
