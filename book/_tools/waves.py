"""Make the archive of density waves in the active phase: `python -m book._tools.waves [STUDY ...] [--workers W]`.

Runs the studies of `book.waves` (all, if none is named) into `book/results/waves/`, a table each
(`book.tables`). All of it takes some twenty minutes of one core. With --keep, rows that the archive
has already are taken from it.
"""

import sys

from book import waves

from . import studied

SOURCES = (
    "book/waves.py",
    "mpack/structure.py",
    "mpack/observables.py",
    "mpack/_kernels/steps.py",
)


def main(arguments=None):
    """Parse the command line; the exit status."""
    about, what = __doc__.splitlines()[0], waves.__doc__.splitlines()[0]
    noted = {"about": about, "what": what, "sources": SOURCES}
    return studied.main(waves, arguments, command="waves", **noted)


if __name__ == "__main__":
    sys.exit(main())
