"""Run the studies of a module into the tables of its archive (`book.tables`): what `learning`, `walks`, `contacts`,
`loopless` and `waves` share.

Such a module, as `book.studies` or `book.walks`, has FOLDER, ROWS (a function of a row for each
study), SPECIFIED (the columns of its specification), STUDY_specs for each, `row` and `archived`.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from book import tables

from .places import relative, say

PACKAGES = ("numpy", "numba", "scipy", "scikit-learn", "pandas")


def main(module, arguments, *, command, about, what, sources, specs_of=None):
    """Parse the command line and run what it names; the exit status.

    `what` is said of the archive, `sources` are the files that made it, and `specs_of(study,
    folder)` are the specifications of a study, where those are not STUDY_specs() of the module.
    """
    parser = argparse.ArgumentParser(prog=f"python -m book._tools.{command}", description=about)
    parser.add_argument(
        "studies", nargs="*", choices=[[], *module.ROWS], help="all, if none is named"
    )
    parser.add_argument("--workers", type=int, default=1, help="rows at a time")
    parser.add_argument(
        "--keep", action="store_true", help="run only what the archive does not have"
    )
    parser.add_argument(
        "--save-every", type=float, default=60.0, metavar="S", help="seconds between savings"
    )
    parser.add_argument("--folder", type=Path, default=module.FOLDER, help="where the archive is")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for study in [name for name in module.ROWS if name in options.studies or not options.studies]:
        specs, begun = _specs(module, study, options.folder, specs_of), time.monotonic()
        noted = {"what": what, "sources": sources, "packages": PACKAGES}
        for rows in _rows(module, study, specs, options):
            seconds = time.monotonic() - begun
            own = {"specified": list(module.SPECIFIED[study]), "seconds": round(seconds)}
            tables.save(options.folder, study, rows, **noted, **own)
        say(f"{study}: {seconds:.0f} s, {relative(options.folder / study)}.csv")
    return 0


def _specs(module, study, folder, specs_of):
    return specs_of(study, folder) if specs_of else getattr(module, f"{study}_specs")()


def _rows(module, study, specs, options):
    """The rows of a study so far, now and then and at the end; with --keep those of the archive among them."""
    done = _kept(module, study, options.folder) if options.keep else {}
    missing, saved = [spec for spec in specs if _key(spec) not in done], time.monotonic()
    say(f"{study}: {len(specs)} rows, {len(missing)} to run")
    with ProcessPoolExecutor(options.workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        for spec, row in zip(missing, pool.map(partial(module.row, study), missing)):
            done[_key(spec)] = row
            if time.monotonic() - saved >= options.save_every:
                yield [done[_key(spec)] for spec in specs if _key(spec) in done]
                saved = time.monotonic()
    yield [done[_key(spec)] for spec in specs]


def _key(spec):
    """A specification as a key of a dictionary."""
    return tuple(sorted(spec.items()))


def _kept(module, study, folder):
    """The rows that the archive has, by their specification; none if it does not have the study."""
    names = module.SPECIFIED[study]
    try:
        rows = module.archived(study, folder).to_dict("records")
    except (FileNotFoundError, KeyError):
        return {}
    return {_key({name: row[name] for name in names}): row for row in rows}
