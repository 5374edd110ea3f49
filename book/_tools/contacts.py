"""Make the archive of contacts at the end point: `python -m book._tools.contacts [STUDY ...] [--workers W]`.

Runs the studies of `book.contacts` (all, if none is named) into `book/results/contacts/`, a table
each (`book.tables`). All of it takes less than an hour of one core. With --keep, rows that the
archive has already are taken from it.
"""

import sys

from book import contacts

from . import studied

SOURCES = (
    "book/contacts.py",
    "mpack/landscape.py",
    "mpack/observables.py",
    "mpack/_kernels/steps.py",
)


def main(arguments=None):
    """Parse the command line; the exit status."""
    about, what = __doc__.splitlines()[0], contacts.__doc__.splitlines()[0]
    noted = {"about": about, "what": what, "sources": SOURCES}
    return studied.main(contacts, arguments, command="contacts", **noted)


if __name__ == "__main__":
    sys.exit(main())
