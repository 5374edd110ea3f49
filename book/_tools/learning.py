"""Make the archive of the chapter on learning: `python -m book._tools.learning [STUDY ...] [--workers W]`.

Runs the studies of `book.studies` (all, if none is named) into `book/results/learning/`, a table
each (`book.tables`). A study is replaced whole, when it is done; `comparison` uses what `selection`
found. All of it takes some twenty minutes of one core. With --keep, rows that the archive has
already are taken from it: for a list of specifications that has grown.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from book import studies, tables

from .places import relative, say

SOURCES = (
    "book/studies.py",
    "mpack/contrastive.py",
    "mpack/manifolds.py",
    "mpack/network.py",
    "mpack/observables.py",
    "mpack/_kernels/contrastive.py",
    "mpack/_kernels/network.py",
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
    about = {"specified": list(studies.SPECIFIED[study]), "seconds": round(seconds)}
    noted = {"what": __doc__.splitlines()[0], "sources": SOURCES, "packages": PACKAGES}
    tables.save(folder, study, rows, **noted, **about)
    say(f"{study}: {seconds:.0f} s, {relative(folder / study)}.csv")


def key(spec):
    """A specification as a key of a dictionary."""
    return tuple(sorted(spec.items()))


def kept(study, folder):
    """The rows that the archive has, by their specification."""
    names = studies.SPECIFIED[study]
    rows = studies.archived(study, folder).to_dict("records")
    return {key({name: row[name] for name in names}): row for row in rows}


if __name__ == "__main__":
    sys.exit(main())
