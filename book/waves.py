"""Density waves in the active phase and what becomes of them at rest, over independent runs, and their archive.

    active       six processes, each at the same distance above its own transition: what fluctuates, what is frozen
    natural      the same in larger boxes, nearer: aged above the transition, then expanded to two places below it

`python -m book._tools.waves` runs them into `book/results/waves/`. A row is a function of its
specification alone, and `digest` is that of its last packing, so that any row can be computed again
and compared bit for bit.
"""

import numpy as np

from book import RESULTS, tables
from book.contacts import compressed
from mpack import _check, observables, structure
from mpack.dynamics import SGD, IndividualBRO, NonreciprocalBRO, PairwiseBRO, matched
from mpack.packing import Packing
from mpack.simulation import simulate, snapshots

FOLDER = RESULTS / "waves"
EPS = 0.15  # kick size of the BROs; the others have the learning rate 0.2
DISTANCE = 0.08  # (phi - phi_c)/phi_c
TRANSITIONS = {  # pilots at this kick size: where local exponents cross in `hidden-order` and, of GD, `manna`
    "SGD": 0.5185,
    "RCD": 0.5205,
    "GD": 0.5156,
    "BRO": 0.522,
    "individual BRO": 0.523,
    "non-reciprocal BRO": 0.5235,
}
RUNS, N = 6, 8_000  # of a process, each from a random start of its own; spheres
STEPS, LOOKS, APART = 500, 20, 60  # steps before the first look; looks; steps from one to the next
Q_MAX = 1.7  # largest wave number, in inverse diameters
NATURAL_RUNS, NATURAL_N = 2, 64_000  # of a process; spheres
AGED_AT, AGE = 0.02, 4_000  # where they age, (phi - phi_c)/phi_c, and for how many steps
PLACES = (-0.01, -0.02)  # where they are expanded to
REST = 100_000  # longest run to rest, in steps
NATURAL_WAVES = {"q_max": 2.0, "per_shell": 150}  # as in the campaign `hidden-distances`


def rules():
    """The six processes at one learning rate, by name: BRO of three kinds, the two that match, and descent."""
    couple = [PairwiseBRO(eps=EPS), IndividualBRO(eps=EPS)]
    descent = SGD(alpha=round(EPS / 0.75, 12), batch_fraction=1.0)
    made = [*couple, *map(matched, couple), descent, NonreciprocalBRO(eps=EPS)]
    return {rule.label: rule for rule in made}


def active_specs():
    """Every process, RUNS runs each, repeat by repeat."""
    return [
        {"process": process, "phi": round(centre * (1 + DISTANCE), 4), "run": run}
        for run in range(RUNS)
        for process, centre in TRANSITIONS.items()
    ]


def active_row(process, phi, run):
    """One run: the two parts of S(q) over its looks, S in the first and second half of them, how far spheres came."""
    rule, seed = rules()[process], 1_000 + run
    start = Packing.random(n=N, phi=phi, dim=3, seed=seed)
    begun = simulate(start, rule, steps=STEPS, seed=seed)
    at = STEPS + APART * np.arange(LOOKS)
    seen = [later.final for later in snapshots(begun, at=at[1:])]
    seen.insert(0, begun.final)
    parts = structure.wave_parts(seen, q_max=Q_MAX)
    whole = [structure.structure_factor(one, q_max=Q_MAX).shell_s for one in seen]
    moved = [
        np.sqrt(np.mean(np.sum(observables.nearest_displacements(seen[0], one) ** 2, axis=1)))
        for one in (seen[1], seen[-1])
    ]
    return {
        "activity": observables.activity(seen[-1]),
        "q": tables.cell(parts.q),
        "counts": tables.cell(parts.counts, ".0f"),
        "moving": tables.cell(parts.moving.mean(axis=0)),
        "frozen": tables.cell(parts.frozen),
        "early": tables.cell(np.mean(whole[: LOOKS // 2], axis=0)),
        "late": tables.cell(np.mean(whole[LOOKS // 2 :], axis=0)),
        "moved": float(moved[0]),
        "crept": float(moved[1]),
        "digest": seen[-1].digest,
    }


def natural_specs():
    """Every process, NATURAL_RUNS runs each, repeat by repeat."""
    return [
        {"process": process, "run": run} for run in range(NATURAL_RUNS) for process in TRANSITIONS
    ]


def placed(process, distance):
    """The packing fraction at a distance from the pilot's transition of a process."""
    return round(TRANSITIONS[process] * (1 + distance), 4)


def natural_row(process, run):
    """One packing: S(q) at half of its age and at its end, still active; then of what it is at rest, expanded.

    Columns of the place number k of PLACES end in k: packing fraction, steps to rest and S.
    """
    rule, seed = rules()[process], 2_000 + run
    start = Packing.random(n=NATURAL_N, phi=placed(process, AGED_AT), dim=3, seed=seed)
    young = simulate(start, rule, steps=AGE // 2, seed=seed, record=())
    aged = simulate(young, steps=AGE - AGE // 2).final
    half, whole = (structure.structure_factor(one, **NATURAL_WAVES) for one in (young.final, aged))
    row = {
        "phi": aged.phi,
        "activity": observables.activity(aged),
        "q": tables.cell(whole.shell_q),
        "counts": tables.cell(whole.shell_counts, ".0f"),
        "half": tables.cell(half.shell_s),
        "aged": tables.cell(whole.shell_s),
    }
    for k, distance in enumerate(PLACES):
        phi = placed(process, distance)
        end = simulate(compressed(aged, phi), rule, steps=REST, seed=seed + 10, record=())
        seen = structure.structure_factor(end.final, **NATURAL_WAVES)
        row |= {f"phi_{k}": phi, f"steps_{k}": end.steps, f"absorbed_{k}": end.absorbed}
        row |= {f"q_{k}": tables.cell(seen.shell_q), f"rest_{k}": tables.cell(seen.shell_s)}
    return row | {"digest": end.final.digest}


ROWS = {"active": active_row, "natural": natural_row}
SPECIFIED = {"active": ("process", "phi", "run"), "natural": ("process", "run")}


def row(study, spec):
    """Specification and results of one row, together."""
    return dict(spec) | ROWS[_check.choice("study", study, tuple(ROWS))](**spec)


def archived(study, folder=None):
    """The archived rows of a study, as a DataFrame; see `book.tables.load` for what it raises."""
    return tables.load(folder or FOLDER, _check.choice("study", study, tuple(ROWS)))
