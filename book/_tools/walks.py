"""Make the archive of the network's walks: `python -m book._tools.walks [STUDY ...] [--workers W]`.

Runs the studies of `book.walks` (all, if none is named) into `book/results/walks/`, a table each
(`book.tables`). A study is replaced whole, when it is done; the others need `minima`. All of it
takes some ten minutes of one core. With --keep, rows that the archive has already are taken from it.
"""

import sys

from book import walks

from . import studied

SOURCES = (
    "book/walks.py",
    "mpack/network.py",
    "mpack/_kernels/network.py",
    "mpack/_kernels/regression.py",
    "mpack/_kernels/noise.py",
)


def main(arguments=None):
    """Parse the command line; the exit status."""
    about, what = __doc__.splitlines()[0], walks.__doc__.splitlines()[0]
    noted = {"about": about, "what": what, "sources": SOURCES}
    return studied.main(walks, arguments, command="walks", **noted)


if __name__ == "__main__":
    sys.exit(main())
