"""Make the archive of the network's walks: `python -m book._tools.walks [STUDY ...] [--workers W]`.

Runs the studies of `book.walks` (all, if none is named) into `book/results/walks/`, a table each
(`book.tables`). A study is replaced whole, when it is done; the others need `minima`. All of it
takes some six minutes of one core.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from book import tables, walks

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
    parser.add_argument("--folder", type=Path, default=walks.FOLDER, help="where the archive is")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for study in [name for name in walks.ROWS if name in options.studies or not options.studies]:
        run(study, options.folder, options.workers)
    return 0


def run(study, folder, workers):
    """Run a study, write its file, and renew its entry in the manifest."""
    specs, begun = getattr(walks, f"{study}_specs")(), time.monotonic()
    say(f"{study}: {len(specs)} rows")
    with ProcessPoolExecutor(workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        rows = list(pool.map(partial(walks.row, study), specs))
    seconds = time.monotonic() - begun
    about = {"specified": list(walks.SPECIFIED[study]), "seconds": round(seconds)}
    noted = {"what": walks.__doc__.splitlines()[0], "sources": SOURCES, "packages": PACKAGES}
    tables.save(folder, study, rows, **noted, **about)
    say(f"{study}: {seconds:.0f} s, {relative(folder / study)}.csv")


if __name__ == "__main__":
    sys.exit(main())
