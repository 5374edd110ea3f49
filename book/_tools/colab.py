"""`make colab`: through the door of `binder/colab.py`, in an environment with Colab's own versions.

    python -m book._tools.colab [CHAPTER]

Makes an environment of `binder/colab.txt` on Python 3.13 (any that `make versions` would find) and a
copy of the tree, as `git clone` would, under `_build/colab/`; runs `binder/colab.py` there, which
must not change a version; then a chapter, whose recorded numbers are compared with those of the book
here, bit for bit where they come from the engine. The last line says what came of it.
"""

import os
import shutil
import subprocess
import sys

from book import reading

from . import dist, environment, places, together, versions
from .places import ROOT, say

FOLDER = places.BUILD / "colab"
PYTHON = "3.13"
CHAPTER = "packing_by_descent"


def made(folder, command):
    """An environment of what Colab brings; the path of its Python."""
    shutil.rmtree(folder, ignore_errors=True)
    brought, python = ROOT / "binder" / "colab.txt", environment.interpreter(folder)
    if shutil.which("uv"):
        _step("uv", "venv", "--quiet", "--seed", "--python", command, folder)
        install = ["uv", "pip", "install", "--quiet", "--python", python]
    else:
        _step(command, "-m", "venv", folder)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _step(*install, "--only-binary", ":all:", "-r", brought)
    return python


def _step(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def differing(ours, theirs):
    """Names of recorded numbers that are not the same in both executed copies; all that one lacks are."""
    one, two = reading.records(ours), reading.records(theirs)
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


def main(arguments):
    """All of it; the exit status."""
    chapter = f"{arguments[0] if arguments else CHAPTER}.ipynb"
    found = versions.interpreters([PYTHON])
    if not found:
        say(f"Colab has Python {PYTHON}, and none was found here: nothing was tried.")
        return 1
    say(f"An environment with Colab's packages, on Python {PYTHON} ...")
    python = made(FOLDER / "environment", found[PYTHON])
    tree = FOLDER / "book-of-spheres"
    shutil.rmtree(tree, ignore_errors=True)
    dist.source(tree, ["."])
    settings = {**os.environ, "NUMBA_CACHE_DIR": str(FOLDER / "kernels")}
    settings.pop("PYTHONPATH", None)
    _step(python, "../binder/colab.py", cwd=tree / "notebooks", env=settings)
    say(f"Running {chapter} there ...")
    out = FOLDER / chapter
    run = (python, "-m", "papermill", "--no-progress-bar", "-k", "python3", chapter, out)
    _step(*run, cwd=tree / "notebooks", env=settings, stderr=subprocess.DEVNULL)
    here = places.EXECUTED / "notebooks" / chapter
    if not here.exists():
        say(f"{chapter} runs. (After `make book` its numbers are compared, too.)")
        return 0
    differ = differing(here, out)
    say(
        f"{chapter} runs; {len(reading.records(out))} recorded numbers, {len(differ)} others than here."
    )
    for name in differ:
        say(f"  {name}: {reading.records(here).get(name)} here, {reading.records(out).get(name)}")
    return 0


if __name__ == "__main__":
    with together.alone():
        sys.exit(main(sys.argv[1:]))
