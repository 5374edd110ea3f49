"""The browsers that tests and stills use; they reach no other host.

The machine's Chromium, or Playwright's own, by Playwright; and the machine's Firefox, by itself.
MPACK_CHROMIUM and MPACK_FIREFOX name another program.
"""

import contextlib
import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FIREFOX_NAMES = ("firefox-esr", "firefox")
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


def found(variable, names):
    """The path of a program: the one that an environment variable names, or the first of some names; or None."""
    return os.environ.get(variable) or next(
        (path for name in names if (path := shutil.which(name))), None
    )


def program(playwright):
    """The Chromium to start, or None."""
    own = Path(playwright.chromium.executable_path)
    return found("MPACK_CHROMIUM", NAMES) or (str(own) if own.exists() else None)


@contextlib.contextmanager
def started():
    """A headless Chromium, for as long as the block lasts. Raises NoBrowser."""
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


@contextlib.contextmanager
def firefox():
    """A headless Firefox, see `bidi`, for as long as the block lasts. Raises NoBrowser."""
    from . import bidi

    path = found("MPACK_FIREFOX", FIREFOX_NAMES)
    if path is None:
        raise NoBrowser(f"none of {', '.join(FIREFOX_NAMES)} is installed (Debian: firefox-esr)")
    with bidi.started(path) as browser:
        yield browser
