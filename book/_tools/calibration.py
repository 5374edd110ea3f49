"""Make the archive of the calibration of scaling fits: `python -m book._tools.calibration`.

Eight hundred data sets, twenty minutes of one core. Rows are kept in `_archive/calibration.csv` as
they are finished, so it may be stopped at any moment and goes on; when all are there,
`book/results/calibration/` is replaced: `sets.csv`, every float exact, and `manifest.json`, which
says what it is.
"""

import csv
import hashlib
import json
import platform
import sys
import time
from importlib import metadata

import pandas as pd

import mpack
from book import calibration

from .learning import digest, put
from .places import ROOT, relative, say

KEPT = ROOT / "_archive" / "calibration.csv"
SPECIFIED = ("seed", "runs", "number")
SOURCES = (
    "book/calibration.py",
    "mpack/scaling.py",
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
    calibration.FOLDER.mkdir(parents=True, exist_ok=True)
    content = pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()
    manifest = {
        "what": calibration.__doc__.splitlines()[0],
        "files": {
            "sets.csv": {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
                "rows": len(rows),
            }
        },
        "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "version": mpack.__version__,
        "sources": {name: digest(ROOT / name) for name in SOURCES},
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}",
    }
    put(calibration.FOLDER / "sets.csv", content)
    put(
        calibration.FOLDER / "manifest.json",
        (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode(),
    )
    say(f"{len(rows)} rows, {len(content) / 1e6:.2f} MB, {relative(calibration.FOLDER)}")


if __name__ == "__main__":
    sys.exit(main())
