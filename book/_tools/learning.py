"""Make the archive of the chapter on learning: `python -m book._tools.learning [STUDY ...] [--workers W]`.

Runs the studies of `book.studies` (all, if none is named) into `book/results/learning/`: one CSV
file each, with every float exact, and `manifest.json`, which says what they are. A study is
replaced whole, when it is done; `comparison` uses what `selection` found. All of it takes some
twenty minutes of one core. With --keep, rows that the archive has already are taken from it: for a
list of specifications that has grown.
"""

import argparse
import hashlib
import json
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import metadata
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

import mpack
from book import studies
from mpack._files import _replacing

from .places import ROOT, relative, say

SOURCES = (
    "book/studies.py",
    "mpack/contrastive.py",
    "mpack/manifolds.py",
    "mpack/observables.py",
    "mpack/_kernels/contrastive.py",
    "mpack/_kernels/steps.py",
)
PACKAGES = ("numpy", "numba", "scipy", "scikit-learn", "pandas")


def main(arguments=None):
    """Parse the command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m book._tools.learning", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "studies", nargs="*", choices=[[], *studies.ROWS], help="all, if none is named"
    )
    parser.add_argument("--workers", type=int, default=1, help="rows at a time")
    parser.add_argument(
        "--keep", action="store_true", help="run only what the archive does not have"
    )
    parser.add_argument("--folder", type=Path, default=studies.FOLDER, help="where the archive is")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for study in [name for name in studies.ROWS if name in options.studies or not options.studies]:
        run(study, options.folder, options.workers, options.keep)
    return 0


def specs_of(study, folder):
    """The specifications of a study; the comparison needs the selection."""
    if study == "comparison":
        return studies.comparison_specs(studies.selected(studies.archived("selection", folder)))
    return getattr(studies, f"{study}_specs")()


def run(study, folder, workers, keep=False):
    """Run a study, write its file, and renew its entry in the manifest."""
    specs, begun = specs_of(study, folder), time.monotonic()
    done = kept(study, folder) if keep else {}
    missing = [spec for spec in specs if key(spec) not in done]
    say(f"{study}: {len(specs)} rows, {len(missing)} to run")
    with ProcessPoolExecutor(workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        done |= zip(map(key, missing), pool.map(partial(studies.row, study), missing))
    rows = [done[key(spec)] for spec in specs]
    seconds = time.monotonic() - begun
    content = pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()
    put(folder / f"{study}.csv", content)
    note(folder, study, content, rows, seconds)
    say(f"{study}: {seconds:.0f} s, {relative(folder / study)}.csv")


def key(spec):
    """A specification as a key of a dictionary."""
    return tuple(sorted(spec.items()))


def kept(study, folder):
    """The rows that the archive has, by their specification."""
    names = studies.SPECIFIED[study]
    rows = studies.archived(study, folder).to_dict("records")
    return {key({name: row[name] for name in names}): row for row in rows}


def note(folder, study, content, rows, seconds):
    """Say in the manifest what a file is."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf8")) if path.exists() else {"files": {}}
    manifest["what"] = __doc__.splitlines()[0]
    manifest["files"][f"{study}.csv"] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": len(rows),
        "bytes": len(content),
        "columns": list(rows[0]),
        "specified": list(studies.SPECIFIED[study]),
        "seconds": round(seconds),  # of those that were run
        "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "version": mpack.__version__,
        "sources": {name: digest(ROOT / name) for name in SOURCES},
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}",
    }
    put(path, (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode())


def put(path, content):
    """Write a file whole, or leave the one that is there."""
    with _replacing(path) as new:
        new.write_bytes(content)


def digest(path):
    """The start of a source file's SHA-256: enough to tell whether it has changed since."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
