"""The browser that tests and stills use: the machine's Chromium, or Playwright's own; it reaches no other host."""

import contextlib
import os
import shutil
from pathlib import Path

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


class NoBrowser(Exception):
    """There is none; the message says what is missing."""


def program(playwright):
    """The browser to start, or None."""
    named = os.environ.get("MPACK_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    own = Path(playwright.chromium.executable_path)
    return found or (str(own) if own.exists() else None)


@contextlib.contextmanager
def started():
    """A headless browser, for as long as the block lasts. Raises NoBrowser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("the package playwright is not installed") from None
    with sync_playwright() as playwright:
        path = program(playwright)
        if path is None:
            raise NoBrowser(f"none of {', '.join(NAMES)} is installed, nor Playwright's own")
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()
