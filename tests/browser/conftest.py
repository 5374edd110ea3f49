"""One headless browser a worker, and the built book over http.

The browser is the machine's Chromium, or Playwright's own. Without either these tests are skipped
and say so; with MPACK_REQUIRE_BROWSER=1 (as in CI) that is a failure. Firefox is a second one,
which is never required.
"""

import contextlib
import http.server
import os
import threading

import pytest
from bookpages import HTML, require_book

from book._tools import serve
from book._tools.browser import NoBrowser, started
from book._tools.browser import firefox as firefox_started


def without_browser(why):
    sentence = f"no browser: {why}"
    pytest.fail(sentence) if os.environ.get("MPACK_REQUIRE_BROWSER") else pytest.skip(sentence)


@pytest.fixture(scope="session")
def browser():
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(started())
        except NoBrowser as why:
            without_browser(why)


@pytest.fixture(scope="session")
def firefox():
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(firefox_started())
        except NoBrowser as why:
            pytest.skip(f"no Firefox: {why}")


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
