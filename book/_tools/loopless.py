"""Make the archive of spheres without loops: `python -m book._tools.loopless [STUDY ...] [--workers W]`.

Runs the study of `book.loopless` into `book/results/loopless/`, in some half an hour of one core.
With --keep, rows that the archive has already are taken from it.
"""

import sys

from book import loopless

from . import studied

SOURCES = (
    "book/loopless.py",
    "mpack/known_answers.py",
    "mpack/_kernels/known_answers.py",
    "mpack/_kernels/noise.py",
)


def main(arguments=None):
    """Parse the command line; the exit status."""
    about, what = __doc__.splitlines()[0], loopless.__doc__.splitlines()[0]
    noted = {"about": about, "what": what, "sources": SOURCES}
    return studied.main(loopless, arguments, command="loopless", **noted)


if __name__ == "__main__":
    sys.exit(main())
