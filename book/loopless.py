"""Relaxation curves of the Mari-Kurchan model, one run a row, and their archive.

`python -m book._tools.loopless` runs them into `book/results/loopless/`. A row is a function of its
specification alone; the columns k... are the numbers of active spheres before these steps.
"""

import numpy as np

from book import RESULTS, tables
from mpack import _check, known_answers

FOLDER = RESULTS / "loopless"
SPECIFIED = {"decay": ("alpha", "phi", "spheres", "steps", "run")}
PLACES = (  # learning rate, spheres, runs, packing fractions: at the rate of 4 about the transition
    (4.0, 4_000, 4, (0.086, 0.089, 0.092, 0.095, 0.098, 0.101)),
    (1.0, 1_000, 2, (0.5, 0.6)),
    (4.0, 32_000, 2, (0.0885, 0.09, 0.0915, 0.093, 0.0945)),
)
STEPS = 600


def decay_specs():
    """Jumps of two diameters about the transition, in two sizes; jumps of half a diameter in a crowd."""
    return [
        {"alpha": alpha, "phi": phi, "spheres": n, "steps": STEPS, "run": run}
        for alpha, n, runs, places in PLACES
        for run in range(runs)
        for phi in places
    ]


def decay_row(alpha, phi, spheres, steps, run):
    """One run from a random start, with the batch fraction 0.2 of the ladder."""
    activity = known_answers.mari_kurchan(spheres, phi, steps, 1, seed=run, alpha=alpha)[0]
    return {f"k{k}": int(round(activity[k] * spheres)) for k in times(steps)}


def times(steps):
    """Steps that are kept, twenty a decade."""
    return np.unique(np.geomspace(1, steps - 1, round(20 * np.log10(steps))).round()).astype(int)


ROWS = {"decay": decay_row}


def row(study, spec):
    """Specification and results of one row, together."""
    return dict(spec) | ROWS[_check.choice("study", study, tuple(ROWS))](**spec)


def archived(study="decay", folder=FOLDER):
    """The archived rows of a study, as a DataFrame; see `book.tables.load` for what it raises."""
    return tables.load(folder, _check.choice("study", study, tuple(ROWS)))


def curves(alpha, spheres, rows=None):
    """{phi: [(steps, share of active spheres), ...]} of one learning rate and size; a dead run ends where it died."""
    rows = archived() if rows is None else rows
    rows, found = rows[(rows.alpha == alpha) & (rows.spheres == spheres)], {}
    for _, one in rows.iterrows():
        k = times(int(one.steps))
        active = one[[f"k{step}" for step in k]].to_numpy(float) / one.spheres
        end = int(np.argmin(active)) + 1 if active.min() == 0.0 else len(k)
        found.setdefault(float(one.phi), []).append((k[:end], active[:end]))
    return found
