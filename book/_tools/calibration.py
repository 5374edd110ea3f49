"""Make the archive of the calibration of scaling fits: `python -m book._tools.calibration`.

Eight hundred data sets, twenty minutes of one core. Rows are kept in `_archive/calibration.csv` as
they are finished, so it may be stopped at any moment and goes on; when all are there,
`book/results/calibration/` is replaced, a table (`book.tables`).
"""

import csv
import sys

from book import calibration, tables

from .places import ROOT, relative, say

KEPT = ROOT / "_archive" / "calibration.csv"
SPECIFIED = ("seed", "runs", "number")
SOURCES = (
    "book/calibration.py",
    "mpack/scaling/__init__.py",
    "mpack/scaling/_arrays.py",
    "mpack/scaling/_draws.py",
    "mpack/scaling/_parameters.py",
    "mpack/scaling/_problem.py",
    "mpack/scaling/_process.py",
    "mpack/scaling/_tables.py",
    "mpack/scaling/_valley.py",
    "mpack/scaling/classes.py",
    "mpack/scaling/comparison.py",
    "mpack/scaling/data.py",
    "mpack/scaling/fits.py",
    "mpack/scaling/gaussian.py",
    "mpack/scaling/law.py",
    "mpack/scaling/resampling.py",
    "mpack/scaling/results.py",
    "mpack/scaling/runs.py",
    "mpack/_kernels/collapse.py",
    "mpack/_kernels/noise.py",
)
PACKAGES = ("numpy", "numba", "scipy", "pandas")


def main():
    """Do what is missing, then write the archive; the exit status."""
    KEPT.parent.mkdir(exist_ok=True)
    specs, done = calibration.specs(), kept()
    missing = [spec for spec in specs if key(spec) not in done]
    say(f"{len(specs)} data sets, {len(missing)} to do")
    with open(KEPT, "a", encoding="utf8", newline="") as file:
        for spec in missing:
            row = done[key(spec)] = calibration.row(**spec)
            lines = csv.DictWriter(file, list(row))
            if file.tell() == 0:
                lines.writeheader()
            lines.writerow(row)
            file.flush()
    archive([done[key(spec)] for spec in specs])
    return 0


def key(spec):
    """A specification, or a row, as a key."""
    return tuple(int(spec[name]) for name in SPECIFIED)


def kept():
    """The rows that are there, by their key; a last line that was cut short is none."""
    if not KEPT.exists():
        return {}
    whole = KEPT.read_text(encoding="utf8")
    whole = whole[: whole.rfind("\n") + 1]
    KEPT.write_text(whole, encoding="utf8")
    rows = [
        {name: float(value) for name, value in row.items()}
        for row in csv.DictReader(whole.splitlines())
    ]
    return {key(row): row | {name: int(row[name]) for name in SPECIFIED} for row in rows}


def archive(rows):
    """Write the archive."""
    noted = {"what": calibration.__doc__.splitlines()[0], "sources": SOURCES, "packages": PACKAGES}
    size = tables.save(calibration.FOLDER, "sets", rows, specified=list(SPECIFIED), **noted)
    say(f"{len(rows)} rows, {size / 1e6:.2f} MB, {relative(calibration.FOLDER)}")


if __name__ == "__main__":
    sys.exit(main())
