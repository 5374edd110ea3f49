"""The aims beside what was measured. An aim is met, missed, or undecided where it lies between the quartiles."""

from dataclasses import dataclass

from benchmarks.rows import ratios, spread


@dataclass(frozen=True)
class Aim:
    """At most (`most`) or at least so much of one row, or of one row over another of its block.

    `of`: "ratio", "value" (in the row's unit), "active" (the same an active particle-step),
    "difference" or "bytes" (a particle).
    """

    text: str
    group: str
    row: str
    aim: float
    most: bool = True
    over: str = ""
    of: str = "ratio"
    unit: str = ""


def _two(name, aim=1.8, door="simulate"):
    rows = f"{name}, {door}, 2 threads", f"{name}, {door}, 1 thread"
    text = f"one thread over two, `{door}`: {name}"
    return Aim(text, "threads", rows[1], aim, most=False, over=rows[0])


DENSE = [f"dense, N = {n:,}" for n in (10_000, 100_000, 1_000_000)]
SMALL = ["dense, N = 1,000", "large kicks"]
QUIET = [f"f_a ≤ {mark}, N = {n}" for n in ("10,000", "100,000") for mark in ("0.1", "0.018")]
AIMS = (
    Aim("N = 10⁶ over 10⁴", "size", "N = 1,000,000, kernel", 1.5, over="N = 10,000, kernel"),
    Aim("dense, N = 10⁴", "size", "N = 10,000, kernel", 14.0, of="value", unit="ns"),
    Aim("memory, N = 10⁴", "size", "N = 10,000, kernel", 400.0, of="bytes", unit="bytes"),
    Aim("plain numba, dense", "codes", "dense, plain numba", 2.5, False, "dense, kernel"),
    Aim("cKDTree + NumPy, dense", "codes", "dense, cKDTree + NumPy", 50.0, False, "dense, kernel"),
    Aim("LAMMPS, descent", "codes", "descent, LAMMPS", 2.0, False, "descent, kernel, 1 thread"),
    Aim(
        *("LAMMPS, descent, 2 threads each", "codes", "descent, LAMMPS, 2 threads", 2.0, False),
        over="descent, kernel, 2 threads",
    ),
    Aim("jax-md, descent", "codes", "descent, jax-md", 5.0, False, "descent, kernel, 1 thread"),
    Aim(
        *("plain numba, near absorption", "codes", "near absorption, plain numba", 20.0, False),
        over="near absorption, kernel",
    ),
    Aim(
        *("an active particle-step at α = 1", "codes", "large kicks, kernel", 300.0),
        of="active",
        unit="ns",
    ),
    Aim(
        *("log-normal 0.5 over equal, z ≤ 3", "wide", "z ≤ 3, log-normal 0.5, kernel", 3.0),
        over="z ≤ 3, equal, kernel",
    ),
    Aim(
        *("log-normal 0.5 over equal, z ≤ 1", "wide", "z ≤ 1, log-normal 0.5, kernel", 3.0),
        over="z ≤ 1, equal, kernel",
    ),
    Aim(
        *("1 in 100 ten times larger over equal", "wide", "z ≤ 1, 1 in 100 is 10, kernel", 3.0),
        over="z ≤ 1, equal, kernel",
    ),
    Aim(
        *("ellipsoids (prolate 1.5) over spheres", "bodies", "dense, prolate 1.5, kernel", 6.0),
        over="dense, equal, kernel",
    ),
    *(_two(name) for name in DENSE),
    *(_two(name, door="kernel") for name in DENSE),
    *(_two(name, 1.0) for name in SMALL + QUIET),
    Aim(
        "overhead of a sweep, a run",
        "around",
        "sweep",
        2.0,
        over="loop",
        of="difference",
        unit="ms",
    ),
    Aim(
        *("a frame in 100 steps over none", "around", "a frame in 100 steps", 1.05),
        over="no trajectory",
    ),
)


def values_of(aim, rows):
    """What each turn says to an aim, or (no turns, why not)."""
    found = {row.name: row for row in rows if row.group == aim.group}
    asked = [found.get(name) for name in (aim.row, aim.over) if name]
    if None in asked:
        return [], "not in this run"
    if any(row.flags for row in asked):
        return [], "flagged: no verdict"
    if aim.of == "ratio":
        return ratios(*asked), ""
    if aim.of == "difference":
        return [a - b for a, b in zip(asked[0].values, asked[1].values)], ""
    if aim.of == "bytes":
        held = asked[0].bytes_per_particle
        return ([], "not in this run") if held is None else ([held], "")
    return (asked[0].active_values if aim.of == "active" else asked[0].values), ""


def verdict(aim, found):
    """Met, missed (by what factor), or undecided."""
    middle, low, high = found
    if low < aim.aim < high:
        return "undecided"
    if (middle <= aim.aim) is aim.most or middle == aim.aim:
        return "met"
    factor = middle / aim.aim if aim.most else aim.aim / middle
    return f"missed by a factor of {factor:.2f}"


def judged(rows):
    """(aim, spread or None, verdict) of every aim.

    Where others were at work on the machine, times say nothing, nor does what needs two cores or a
    disk; what else took turns was slowed alike.
    """
    table, disturbed = [], {(row.group, row.block) for row in rows if row.disturbed}
    unlike = {row.name for row in rows if row.threads > 1 or row.waits}
    blocks = {(row.group, row.name): (row.group, row.block) for row in rows}
    for aim in AIMS:
        values, why = values_of(aim, rows)
        found = spread(values)
        said = why or verdict(aim, found)
        if found and aim.of != "bytes" and blocks[aim.group, aim.row] in disturbed:
            alike = aim.of == "ratio" and not unlike.intersection((aim.row, aim.over))
            said = f"{said}, disturbed" if alike else "disturbed: no verdict"
        table.append((aim, found, said))
    return table
