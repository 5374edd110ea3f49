"""Make the archive of the network's walks: `python -m book._tools.walks [STUDY ...] [--workers W]`.

Runs the studies of `book.walks` (all, if none is named) into `book/results/walks/`, a table each
(`book.tables`). A study is replaced whole, when it is done; the others need `minima`. All of it
takes some ten minutes of one core. With --keep, rows that the archive has already are taken from it.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from book import tables, walks

from .learning import key
from .places import relative, say

SOURCES = (
    "book/walks.py",
    "mpack/network.py",
    "mpack/_kernels/network.py",
    "mpack/_kernels/regression.py",
    "mpack/_kernels/noise.py",
)
PACKAGES = ("numpy", "numba", "scipy", "scikit-learn", "pandas")


def main(arguments=None):
    """Parse the command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m book._tools.walks", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "studies", nargs="*", choices=[[], *walks.ROWS], help="all, if none is named"
    )
    parser.add_argument("--workers", type=int, default=1, help="rows at a time")
    parser.add_argument(
        "--keep", action="store_true", help="run only what the archive does not have"
    )
    parser.add_argument("--folder", type=Path, default=walks.FOLDER, help="where the archive is")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for study in [name for name in walks.ROWS if name in options.studies or not options.studies]:
        run(study, options.folder, options.workers, options.keep)
    return 0


def run(study, folder, workers, keep=False):
    """Run a study, write its file, and renew its entry in the manifest."""
    specs, begun = getattr(walks, f"{study}_specs")(), time.monotonic()
    done = kept(study, folder) if keep else {}
    missing = [spec for spec in specs if key(spec) not in done]
    say(f"{study}: {len(specs)} rows, {len(missing)} to run")
    with ProcessPoolExecutor(workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        done |= zip(map(key, missing), pool.map(partial(walks.row, study), missing))
    rows = [done[key(spec)] for spec in specs]
    seconds = time.monotonic() - begun
    about = {"specified": list(walks.SPECIFIED[study]), "seconds": round(seconds)}
    noted = {"what": walks.__doc__.splitlines()[0], "sources": SOURCES, "packages": PACKAGES}
    tables.save(folder, study, rows, **noted, **about)
    say(f"{study}: {seconds:.0f} s, {relative(folder / study)}.csv")


def kept(study, folder):
    """The rows that the archive has, by their specification."""
    names = walks.SPECIFIED[study]
    rows = walks.archived(study, folder).to_dict("records")
    return {key({name: row[name] for name in names}): row for row in rows}


if __name__ == "__main__":
    sys.exit(main())
