"""The archives of the book, by name: the table of one, and a sample of its runs done again.

`book/results/NAME` holds the runs of the campaign NAME (`book.campaigns`).
"""

import subprocess

from book import RESULTS
from mpack import ensemble


def names():
    """The names of all archives of runs."""
    return [folder.name for folder in ensemble.archives(RESULTS)]


STARTS = (
    1e8  # particle steps of a start that a chapter waits for; `make audit` draws the others, too
)


def load(name):
    """The table of an archive, one row a run, as `mpack.ensemble.load_archive` gives it."""
    return ensemble.load_archive(RESULTS / name)


def audit(name, seconds=5.0, dims=None):
    """Do some runs of an archive again, in part, and compare every bit: see `mpack.ensemble.audit`.

    The rows are drawn by the commit of the tree, so that each commit audits others and nobody
    chooses them; without git, by a digest of the archive. With `dims`, of rows in these dimensions
    alone. Prints one sentence.

    Returns
    -------
    mpack.ensemble.Audit

    Raises
    ------
    RuntimeError
        If anything differs, with all that the audit found.
    """
    found = ensemble.audit(RESULTS / name, seconds=seconds, salt=commit(), dims=dims, starts=STARTS)
    if not found.ok:
        raise RuntimeError(f"the archive and the code do not agree: {found}")
    done = f"{len(found.replays)} of {found.rows:,} archived runs"
    print(f"{name}: {done} done again just now, in part, and every bit was the same.")
    return found


def commit():
    """The commit of the tree that the book is in, or None without git."""
    command = ["git", "-C", str(RESULTS), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
