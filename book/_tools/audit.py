"""`make audit`: do a sample of the archived runs again, in part, and compare every bit.

    python -m book._tools.audit [NAME ...] [--seconds S] [--row KEY ...] [--salt TEXT] [--whole] [--rows]

Of every row all that follows from its specification and its series is held against what is stored.
Then every archive of `book/results` gets the same share of the time for replays. Which rows are
drawn follows from the commit, so that each commit audits others and nobody chooses them. What was
found goes to `_build/audit.json`; the exit status is 1 if anything differs.
"""

import argparse
import json
import sys
import time

from book import RESULTS, archives
from mpack import _audit, ensemble

from . import places
from .places import relative, say


def main(arguments=None, results=RESULTS, report=places.AUDIT):
    """Parse the command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m book._tools.audit", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", help="archives; all if none is named")
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="for all archives together (default 30)"
    )
    parser.add_argument(
        "--row", action="append", default=[], metavar="KEY", help="a row to do in any case"
    )
    parser.add_argument("--salt", help="draw by this text instead of the commit")
    parser.add_argument("--whole", action="store_true", help="do rows to their end, also long ones")
    parser.add_argument("--rows", action="store_true", help="list every row that is done")
    options = parser.parse_args(arguments)
    folders = [results / name for name in options.names] or ensemble.archives(results)
    if not folders:
        say("There is no archive to audit.")
        return 0
    try:
        found = audit(folders, options)
    except (OSError, ensemble.StoreError) as error:
        say(f"AUDIT FAILED: {error}")
        return 1
    for one in found:
        say(one)
        for replay in one.replays:
            if options.rows or replay.wrong:
                say(f"  {'DIFFERS ' if replay.wrong else ''}{replay}  [{replay.key[:12]}]")
        for key in one.broken:
            say(f"  CHANGED a stored number of row {key[:12]}: its chain of digests does not hold")
        for sentence in one.untrue:
            say(f"  DOES NOT FOLLOW: {sentence}")
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps([one.plain() for one in found], indent=1) + "\n", encoding="utf8")
    return verdict(found, report)


def audit(folders, options):
    """Audit the archives in turn, a row each, until the time is up."""
    auditors = [
        _audit.Auditor(folder, options.salt or archives.commit(), options.row, whole=options.whole)
        for folder in folders
    ]
    clock = time.monotonic()
    while waiting := [one for one in auditors if one.waiting]:
        for one in waiting:
            late = time.monotonic() - clock >= options.seconds
            if late and one.replays and not one.forced:
                one.waiting.clear()
                continue
            clock += one.warm()  # compiling does not count
            one.next()
    return [one.found() for one in auditors]


def verdict(found, report):
    """Say what it comes to; the exit status."""
    rows, drawn = sum(one.rows for one in found), sum(len(one.replays) for one in found)
    if not all(one.ok for one in found):
        say(
            f"AUDIT FAILED: the archive and this code do not agree; see above and {relative(report)}."
        )
        return 1
    say(
        f"Audited {drawn} of {rows} rows: no difference. A row that was false would have escaped this audit with the "
        f"chance said above; the next commit draws others. Details: {relative(report)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
