"""What the tests over Voila and over JupyterLab share: the environment of `make voila` and `make lab`, and a server.

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

import pytest
from bookpages import ROOT

from book._tools import live

PYTHON = ROOT / ".venv-live/bin/python"
installed = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-live: run `make lab` or `make voila` once")


@contextlib.contextmanager
def served(folder, arguments, path="/"):
    """A server for as long as the block lasts: its address.

    `arguments`, a function of a free port, gives what follows the environment's Python; `path` is asked for until
    there is an answer. The user's own settings of Jupyter do not matter: it finds an empty `folder/jupyter`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(folder / "jupyter" / name.lower()) for name in ("CONFIG", "RUNTIME")}
    own |= {f"JUPYTERLAB_{name}_DIR": str(folder / "jupyter" / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    command, address = [str(PYTHON), *arguments(port)], f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | live.settings() | own, stdout=log, stderr=log, start_new_session=True
        )
    try:
        answers(server, address + path)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def answers(server, address):
    """Wait until a page can be had."""
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError):
            urllib.request.urlopen(address)
            return
        time.sleep(0.2)
    pytest.fail(f"no answer from {address}: see server.log in its folder")
