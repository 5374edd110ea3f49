"""Where things are, and small helpers that several tools share."""
import hashlib
import os
import shutil
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "_build"
EXECUTED = BUILD / "executed"  # executed/notebooks/X.ipynb beside X.made.json, what it was made from
FAILED = BUILD / "failed"  # what a failed chapter got to
HTML = BUILD / "html"
CLAIMS = BUILD / "claims.json"


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


def chapters(toc=None):
    """The pages that are notebooks, in the order of _toc.yml: paths from the root, `notebooks/X.ipynb`."""
    names = _files(yaml.safe_load((toc or ROOT / "_toc.yml").read_text(encoding="utf8")))
    return [f"{name}.ipynb" for name in names if name.startswith("notebooks/")]


def _files(entry):
    """Every `root:` and `file:` of a table of contents, depth first."""
    if isinstance(entry, list):
        return [name for part in entry for name in _files(part)]
    if not isinstance(entry, dict):
        return []
    own = [entry[key].removesuffix(".ipynb") for key in ("root", "file") if key in entry]
    return own + [name for value in entry.values() if isinstance(value, list) for name in _files(value)]


def numba_cache():
    """A folder for numba's compiled kernels that changes with the library's source.

    numba looks at the file of a kernel alone, not at the files of the functions it calls; a cache of its own for
    each state of the source is what keeps a kernel from outliving an edit elsewhere. The latest two are kept.
    """
    digest = hashlib.sha256(f"{sys.version}".encode())
    for path in sorted((ROOT / "mpack").rglob("*.py")):
        source = path.read_bytes()
        if b"numba" in source:
            digest.update(path.name.encode() + source)
    here = BUILD / "numba" / digest.hexdigest()[:16]
    here.mkdir(parents=True, exist_ok=True)
    os.utime(here)
    for old in sorted(here.parent.iterdir(), key=lambda folder: folder.stat().st_mtime)[:-2]:
        shutil.rmtree(old, ignore_errors=True)
    return here


def settings():
    """Environment variables under which chapters and tests run: nothing of the user's own settings matters."""
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part)
    folders = {"IPYTHONDIR": BUILD / "ipython", "MPLCONFIGDIR": BUILD / "matplotlib"}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {**{name: str(folder) for name, folder in folders.items()}, "PYTHONPATH": path,
            "NUMBA_CACHE_DIR": str(numba_cache()), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
