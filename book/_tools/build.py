"""`make book`: run the chapters that are out of date, gather the claims, render, and say which page to open.

What is in `_build/html` is a whole book or nothing: it is moved aside when a chapter fails or a
page warns.
"""

import hashlib
import shutil
import subprocess
import sys
import time

from . import claims, execute, places, together, wasm
from .places import BUILD, COMPLETE, HTML, ROOT, relative, say

DOCTREES = BUILD / ".doctrees"
UNFINISHED = BUILD / "html.unfinished"
RENDERING = BUILD / "rendering.txt"  # there while pages are made, and left when that went wrong
RENDER = (
    "from book._tools.together import end_with_parent; end_with_parent();"
    "from jupyter_book.cli.main import main; main()"
)


def frame_digest():
    """Digest of what shapes every page: configuration, contents, tools, style, packages."""
    digest = hashlib.sha256()
    files = [ROOT / name for name in ("_config.yml", "_toc.yml", "requirements.txt")]
    files += sorted(
        path
        for folder in (
            "book/_tools",
            "book/_static",
            "book/_templates",
            "book/programs",
            "mpack/widgets",
        )
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    for path in files:
        digest.update(relative(path).encode() + path.read_bytes())
    return digest.hexdigest()


def prepare():
    """Take up the last rendering where it can be gone on with, else begin anew.

    A page that warned is not read again, and so does not warn again, as long as it is unchanged:
    what went wrong once must not pass the second time, so after a rendering that did not end well
    nothing of it is kept.
    """
    frame, now = BUILD / "frame.txt", frame_digest()
    COMPLETE.unlink(missing_ok=True)
    if UNFINISHED.exists():
        shutil.rmtree(HTML, ignore_errors=True)
        UNFINISHED.rename(HTML)
    if RENDERING.exists() or not frame.exists() or frame.read_text() != now:
        shutil.rmtree(HTML, ignore_errors=True)
        shutil.rmtree(DOCTREES, ignore_errors=True)
    frame.write_text(now)


def set_aside():
    """A rendering that is not good is not left where it could be read as the book."""
    if HTML.exists():
        shutil.rmtree(UNFINISHED, ignore_errors=True)
        HTML.rename(UNFINISHED)


def render():
    """Jupyter Book with warnings as errors; True if it went well."""
    say("Rendering the pages ...")
    RENDERING.touch()
    program = [sys.executable, "-c", RENDER]
    options = ["build", ".", "-n", "-W", "--keep-going", "-q"]
    done = subprocess.run(
        program + options, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        say(done.stdout)
        return False
    RENDERING.unlink()
    return True


def astray(folder=HTML):
    """Pages that the table of contents lists and the folder lacks, and those that it has beside them."""
    listed = {f"{name}.html" for name in places.pages()}
    made = {
        path.relative_to(folder).as_posix()
        for part in ("book", "notebooks")
        for path in (folder / part).rglob("*.html")
    }
    return sorted(listed - made), sorted(made - listed)


def build():
    """Everything in order; True if the book is whole."""
    BUILD.mkdir(exist_ok=True)
    whole = False
    try:
        wasm.ensure()
        prepare()
        if execute.execute():
            claims.write()
            whole = render()
        if whole and any(astray()):
            whole = False
            say("Pages and _toc.yml do not agree: {} missing, {} too many.".format(*astray()))
    finally:
        if not whole:
            set_aside()
    if whole:
        COMPLETE.write_text("ok\n")
    return whole


def main():
    started = time.monotonic()
    try:
        with together.alone():
            whole = build()
    except KeyboardInterrupt:
        say("Interrupted: the book was NOT built. What was done is kept.")
        raise
    except OSError as error:  # a full disk, a tree in which nothing may be written
        say(f"{type(error).__name__}: {error}")
        whole = False
    if not whole:
        say("The book was NOT built; see above.")
        return 1
    pages = len(places.pages())
    size = sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file()) / 1e6
    seconds = time.monotonic() - started
    say(f"Built the book in {seconds:.0f} s: {pages} pages, {size:.1f} MB, in {relative(HTML)}/")
    say(f"Open   {(HTML / 'index.html').as_uri()}   (or `make serve`)")
    say(f"Claims {relative(places.CLAIMS)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
