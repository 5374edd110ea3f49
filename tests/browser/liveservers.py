"""What the tests over Voila and over JupyterLab share: the environment of `make lab`, a server, a page.

That environment (.venv-live) is no part of the book's own: without it these tests are skipped.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from bookpages import ROOT

from book._tools import live

PYTHON = ROOT / ".venv-live/bin/python"
installed = pytest.mark.skipif(
    not PYTHON.exists(), reason="no .venv-live: run `make lab` or `make voila` once"
)


@contextlib.contextmanager
def served(folder, arguments, path="/"):
    """A server for as long as the block lasts: its address.

    `arguments`, a function of a free port, gives what follows the environment's Python; `path` is
    asked for until there is an answer. The user's own settings of Jupyter do not matter; those of
    the server, and its log, go to `folder`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "RUNTIME")}
    own |= {
        f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")
    }
    command, address = [str(PYTHON), *arguments(port)], f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | live.settings() | own,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(server, address + path)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _wait(server, address):
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError):
            urllib.request.urlopen(address)
            return
        time.sleep(0.1)
    raise RuntimeError(f"no answer from {address}: see server.log in its folder")


class LivePage:
    """A page of such a server, the errors on its console, and whom it asked."""

    def __init__(self, browser, address, size=None):
        self.page = browser.new_page(viewport=size or {"width": 1280, "height": 900})
        self.errors, self.hosts, self.own = [], set(), urlsplit(address).netloc
        self.page.on(
            "console", lambda message: message.type == "error" and self.errors.append(message.text)
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._note)

    def _note(self, request):
        if not request.url.startswith(("blob:", "data:")):  # made by the page itself
            self.hosts.add(urlsplit(request.url).netloc)

    def whole(self):
        """No error on the console, nobody asked but its own server."""
        assert not self.errors, self.errors
        assert self.hosts == {self.own}
