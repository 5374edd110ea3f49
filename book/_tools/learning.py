"""Make the archive of the chapter on learning: `python -m book._tools.learning [STUDY ...] [--workers W]`.

Runs the studies of `book.studies` (all, if none is named) into `book/results/learning/`, a table
each (`book.tables`). A study is replaced whole, when it is done; `comparison` uses what `selection`
found. All of it takes some twenty minutes of one core. With --keep, rows that the archive has
already are taken from it: for a list of specifications that has grown.
"""

import sys

from book import studies

from . import studied

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


def specs_of(study, folder):
    """The specifications of a study; the comparison needs the selection."""
    if study == "comparison":
        return studies.comparison_specs(studies.selected(studies.archived("selection", folder)))
    return getattr(studies, f"{study}_specs")()


def main(arguments=None):
    """Parse the command line; the exit status."""
    about = __doc__.splitlines()[0]
    noted = {"about": about, "what": about, "sources": SOURCES}
    return studied.main(studies, arguments, command="learning", specs_of=specs_of, **noted)


if __name__ == "__main__":
    sys.exit(main())
