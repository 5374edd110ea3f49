"""Where things are, and small helpers that several tools share."""

import hashlib
import os
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("MPACK_BUILD", "_build")  # another one for a rerun: see `chapter`
EXECUTED = (
    BUILD / "executed"
)  # executed/notebooks/X.ipynb beside X.made.json, what it was made from
FAILED = BUILD / "failed"  # what a failed chapter got to
HTML = BUILD / "html"
CLAIMS = BUILD / "claims.json"
AUDIT = BUILD / "audit.json"
COMPLETE = BUILD / "complete.txt"  # written last: _build/html is the book as the sources have it


def say(*words):
    """One line of progress, at once, also through a pipe."""
    print(*words, flush=True)


def relative(path):
    """A path as a person in the tree would write it."""
    path = Path(path)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def sha256(path):
    """Hex digest of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def pages():
    """Every page of the book, in the order of _toc.yml: paths from the root without extension."""
    return _files(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8")))


def chapters():
    """The pages that are notebooks: `notebooks/X.ipynb`."""
    return [f"{name}.ipynb" for name in pages() if name.startswith("notebooks/")]


def _files(entry):
    """Every `root:` and `file:` of a table of contents, depth first."""
    if isinstance(entry, list):
        return [name for part in entry for name in _files(part)]
    if not isinstance(entry, dict):
        return []
    own = [entry[key].removesuffix(".ipynb") for key in ("root", "file") if key in entry]
    return own + [
        name for value in entry.values() if isinstance(value, list) for name in _files(value)
    ]


def settings():
    """Environment variables for chapters and tests, so that the user's own settings do not matter."""
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part)
    folders = {"IPYTHONDIR": BUILD / "ipython", "MPLCONFIGDIR": BUILD / "matplotlib"}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        **{name: str(folder) for name, folder in folders.items()},
        "OPENBLAS_NUM_THREADS": "1",  # two chapters at a time use two cores; and sums have the same bits on any number
        "PYTHONPATH": path,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
