"""One headless browser a worker, and the built book over http.

The browser is the machine's Chromium, or Playwright's own. Without either these tests are skipped and say so;
with MPACK_REQUIRE_BROWSER=1 (as in CI) that is a failure.
"""

import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from bookpages import HTML, require_book

from book._tools import serve

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing may leave the machine: every name but the server's own resolves to nowhere.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def program(playwright):
    """The browser to start, or None."""
    named = os.environ.get("MPACK_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    own = Path(playwright.chromium.executable_path)
    return found or (str(own) if own.exists() else None)


def without_browser(why):
    sentence = f"no browser: {why}"
    pytest.fail(sentence) if os.environ.get("MPACK_REQUIRE_BROWSER") else pytest.skip(sentence)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        without_browser("the package playwright is not installed")
    with sync_playwright() as playwright:
        path = program(playwright)
        if path is None:
            without_browser(f"none of {', '.join(NAMES)} is installed, nor Playwright's own")
        started = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield started
        started.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Requests are not news."""


@pytest.fixture(scope="session")
def address():
    """The built book over http: 'http://127.0.0.1:PORT'."""
    require_book()
    with serve.server(HTML, Quiet) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
