"""The page that a run writes, made of nothing but what stands in its JSON file; and that file."""

import datetime
import json
import os
import platform
from importlib import metadata
from pathlib import Path

from llvmlite import binding as llvm

from benchmarks import aims, figures
from benchmarks.rows import Row, ratios, spread
from mpack import _rows
from mpack._processors import allowed_processors

HERE = Path(__file__).parent
RESULTS, DATA, TRIED = HERE / "RESULTS.md", HERE / "results.json", HERE / "tried.md"
COLUMNS = (
    *("row", "rule", "N", "φ", "f_a (its range)", "z, first and last"),
    *("ns a particle-step", "ns an active one", "ratio", "core", "flags"),
)
TIMES = ("row", "f_a (its range)", "time", "ratio", "core", "flags")
AIM_COLUMNS = ("aim", "at", "measured", "verdict")
HOW = """\
A row is one contender. Those of a block take turns, whoever began one round is last in the next, and a ratio is taken
turn by turn with the first row of the block, if nothing else is said. Numbers are medians over the turns, in brackets
the quartiles. **f_a** is the mean activity of the very steps that were timed, in brackets its lowest and highest value:
the steps are the same in every turn, to the bit, by both doors and with any number of threads (a row with other bits is
flagged). **z** is the contacts a particle where these steps begin and end. **core** is the share of a core that each
thread got. A row that died, or left the band of its state, is flagged and takes part in no ratio. *kernel* is an engine
whose list is made and tuned; *simulate* is one call of `mpack.simulate` for the same steps, with all that it does
before and after."""


def about(scale, seconds, load):
    """Where and when this was measured."""
    made = _rows.circumstances()
    names = ("numpy", "numba", "llvmlite", "scipy", "gsd")
    return {
        "processor": made["cpu"],
        "compiled_for": compiled_for(),
        "cores": allowed_processors(),
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in names},
        "mpack": made["version"],
        "commit": made["commit"],
        "mode": "full" if scale.full else "quick",
        "turns": scale.turns,
        "minutes": round(seconds / 60, 1),
        "load": load,
    }


def compiled_for():
    """The kind of processor that code is made for here, and its widest vectors: names of one maker hide both."""
    able = llvm.get_host_cpu_features()
    wide = (name for name in ("avx512f", "avx2", "avx", "sse2", "sve", "neon") if able.get(name))
    return " with ".join([llvm.get_host_cpu_name(), *list(wide)[:1]])


def load_average():
    """How many others want a core, averaged over a minute; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def number(value):
    """Three significant digits, no exponents."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def with_spread(found):
    """Median and quartiles."""
    if found is None:
        return "–"
    middle, low, high = map(number, found)
    return f"{middle} ({low}–{high})"


def table(columns, lines):
    """A Markdown table."""
    rule = "|".join("---" for _ in columns)
    rows = ["| " + " | ".join(line) + " |" for line in (columns, *lines)]
    return "\n".join([rows[0], f"|{rule}|", *rows[1:]])


def line(row, first):
    """A row of a table of particle-steps, or of other times."""
    state, core = row.state, "–" if row.core is None else f"{row.core:.2f}"
    ends = f" ({number(row.lowest)}–{number(row.highest)})" if row.lowest != row.highest else ""
    active = number(row.activity) + ends
    ratio = "–" if row is first else with_spread(spread(ratios(row, first)))
    flags = "; ".join(row.flags) or ("disturbed" if row.disturbed else "")
    if row.unit != "ns":
        value = with_spread(spread(row.values))
        return (
            row.name,
            active,
            value if value == "–" else f"{value} {row.unit}",
            ratio,
            core,
            flags,
        )
    z = "–" if not row.contacts else " → ".join(f"{z:.2f}" for z in row.contacts)
    per = [with_spread(spread(values)) for values in (row.values, row.active_values)]
    where = state["rule"], f"{state['n']:,}", f"{state['phi']:g}"
    return (row.name, *where, active, z, *per, ratio, core, flags)


def section(name, title, words, rows):
    """The tables of a group; how its states are reached."""
    rows = [row for row in rows if row.group == name]
    firsts = {row.block: row for row in reversed(rows)}
    named = {row.name: row for row in rows}
    references = {row.name: named.get(row.reference, firsts[row.block]) for row in rows}
    parts = [f"## {title}", words]
    for unit, columns in (("ns", COLUMNS), ("other", TIMES)):
        chosen = [row for row in rows if (row.unit == "ns") == (unit == "ns")]
        if chosen:
            parts.append(table(columns, [line(row, references[row.name]) for row in chosen]))
    if states := reached(rows):
        parts.append("States:\n\n" + "\n".join(f"* {state}" for state in states))
    return "\n\n".join(parts)


def reached(rows):
    """How the states of some rows were reached, those of several rules in one sentence."""
    rules = {}
    for row in rows:
        if row.state:
            rules.setdefault(protocol(row), {})[row.state["rule"]] = None
    return [f"{'; '.join(found)}: {words}" for words, found in rules.items()]


def protocol(row):
    """A state in words, all but its rule."""
    state = row.state
    sizes = "" if state["sizes"] == "equal" else f", sizes {state['sizes']}"
    low, high = state["band"]
    warm = f", {state['warm']} untimed steps" if state["warm"] else ""
    return (
        f"d = {state['dim']}, N = {state['n']:,}, φ = {state['phi']:g}{sizes}; {state['protocol']}{warm}, then "
        f"{row.steps} step{'s' * (row.steps != 1)} with f_a in {low:g} to {high:g}"
    )


def head(found):
    """What was measured where."""
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    begin, end = found["load"]
    lines = [
        (
            "processor",
            f"{found['processor']} ({found['compiled_for']}), {found['cores']} cores for this process",
        ),
        ("system", f"{found['system']}, Python {found['python']}, {packages}"),
        ("library", f"mpack {found['mpack']}, commit {found['commit'] or 'unknown'}"),
        ("when", f"{found['date']}, {found['minutes']:g} minutes"),
        ("mode", f"{found['mode']}, {found['turns']} turns"),
        ("load", f"{begin} before, {end} after (1 is a core at work all the time)"),
    ]
    return table(("", ""), lines)


def verdicts(rows):
    """The table of aims."""
    lines = []
    for aim, found, said in aims.judged(rows):
        unit = f" {aim.unit}" if aim.unit else ""
        at = f"{'≤' if aim.most else '≥'} {aim.aim:g}{unit}"
        measured = with_spread(found)
        lines.append((aim.text, at, measured + (unit if found else ""), said))
    return table(AIM_COLUMNS, lines)


def page(data):
    """The Markdown of a run, as `read` gives it."""
    rows, frames = data["rows"], data["frames"]
    busy = sum(row.disturbed for row in rows)
    parts = ["# What was measured", "Written by `make bench`; not by hand.", head(data["about"])]
    if busy:
        parts.append(
            f"**{busy} of {len(rows)} rows were disturbed**: their threads got less than a core each, so others were "
            "at work on this machine. Times, and what two threads gain, mean nothing then; other ratios a little."
        )
    parts += ["## Aims", verdicts(rows), "## How to read the tables", HOW]
    parts += [section(*entry, rows) for entry in data["groups"]]
    if frames:
        shown = [
            (name, *map(number, found[:3]), *found[3:]) for name, *found in figures.judged(frames)
        ]
        parts += ["## Figures in a page", table(figures.COLUMNS, shown)]
    parts.append(TRIED.read_text(encoding="utf8").strip())
    return "\n\n".join(parts) + "\n"


def write(data, folder):
    """Both files of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {**data, "rows": [row.as_dict() for row in data["rows"]]}
    text = json.dumps(kept, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / DATA.name).write_text(text + "\n", encoding="utf8")
    (folder / RESULTS.name).write_text(page(read(folder / DATA.name)), encoding="utf8")


def read(path):
    """A run from its JSON file."""
    data = json.loads(Path(path).read_text(encoding="utf8"))
    return {**data, "rows": [Row(**row) for row in data["rows"]]}
