"""A build folder of one's own, beside the book's: for what is made from the book and is not the book.

A rerun chapter, the book as one PDF, the book as an EPUB each need Sphinx once more. They work on
copies, in a folder that is gone when they are done, so that several may be at work at the same
time, and beside `make book`.

    python -m book._tools.workshop BUILDER FOLDER [FILE ...]

is Sphinx there, with the book's configuration.
"""

import contextlib
import os
import shutil
import subprocess
import sys

from filelock import FileLock, Timeout

from .places import BUILD, COMPLETE, ROOT, relative

WORKSHOPS = BUILD / "workshops"
READ = (".doctrees", "figures")  # what Sphinx made of the pages, good if the book is whole
TAKEN = ("executed", "matplotlib", "claims.json")


@contextlib.contextmanager
def opened(purpose):
    """A folder that stands in for `_build`, as long as the block lasts."""
    WORKSHOPS.mkdir(parents=True, exist_ok=True)
    clear()
    folder = WORKSHOPS / f"{purpose}-{os.getpid()}"
    with FileLock(f"{folder}.lock"):
        folder.mkdir()
        try:
            fill(folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(f"{folder}.lock")


def clear():
    """Remove what was left by those that were killed."""
    for lock in WORKSHOPS.glob("*.lock"):
        with contextlib.suppress(Timeout, OSError), FileLock(lock, timeout=0):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink()


def fill(folder):
    """Copy what is at hand; what Sphinx has read only if no build came between."""
    for name in TAKEN:
        _copy(BUILD / name, folder / name)
    if COMPLETE.exists():
        stamp = COMPLETE.stat().st_mtime_ns
        for name in READ:
            _copy(BUILD / name, folder / name)
        if not (COMPLETE.exists() and COMPLETE.stat().st_mtime_ns == stamp):
            for name in READ:
                shutil.rmtree(folder / name, ignore_errors=True)


def _copy(path, target):
    with contextlib.suppress(FileNotFoundError, shutil.Error):  # not made, or being made anew
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copy2(path, target)


def inside(folder, module, *arguments, **options):
    """Run a module of these tools with `folder` in the place of `_build`."""
    environment = {**os.environ, "MPACK_BUILD": relative(folder)}
    command = [sys.executable, "-m", f"book._tools.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, **options)


def sphinx(folder, builder, *files):
    """Sphinx in a workshop: (whether it went well, the folder of what it made, what it warned of)."""
    out = folder / builder
    done = inside(folder, "workshop", builder, str(out), *files, stderr=subprocess.PIPE, text=True)
    return done.returncode == 0, out, done.stderr


def main(builder, out, *files):
    from jupyter_book.sphinx import build_sphinx

    failed = build_sphinx(
        str(ROOT),
        out,
        path_config=str(ROOT / "_config.yml"),
        noconfig=True,
        doctreedir=str(BUILD / ".doctrees"),
        filenames=[str(ROOT / name) for name in files],
        confoverrides={"latex_individualpages": False},
        builder=builder,
        quiet=True,
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
