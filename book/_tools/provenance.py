"""What this book was made with, by whom it was checked, and when: facts, for the page of provenance.

Nothing here names a machine, a user or a path outside the tree.
"""

import json
import platform
import re
from importlib import metadata
from typing import NamedTuple

import yaml
from packaging.requirements import Requirement

from book import RESULTS, reading
from mpack import _rows
from mpack._processors import allowed_processors

from . import bookkeeping, places
from .pins import entries
from .verdicts import git

PINS = places.ROOT / "requirements.txt"
HOSTILE = places.ROOT / "book" / "hostile.yaml"
TOLD = ("numpy", "scipy", "numba", "llvmlite", "pandas", "matplotlib", "gsd")
TOLD += ("ipykernel", "papermill", "jupyter-book", "sphinx")


class Chapter(NamedTuple):
    """How a chapter was run."""

    page: str
    day: str  #: when it was run, as in 2026-11-30
    seconds: float
    seed: int | None  #: its parameter; None where it has none
    audited: list  #: [(archive, rows done again, rows that it has)]


def pins():
    """{package: its pinned version} of those that this Python takes."""
    wanted = map(Requirement, entries(PINS.read_text(encoding="utf8")))
    return {
        one.name: next(iter(one.specifier)).version
        for one in wanted
        if one.marker is None or one.marker.evaluate()
    }


def unpinned():
    """[(package, version here, pinned version)] of all that is not as it is pinned; "" is not installed."""
    return [
        (name, here, version)
        for name, version in pins().items()
        if (here := installed(name)) != version
    ]


def installed(name):
    """The version of a package here, or ""."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def commit():
    """(short name, day, whether tracked files differ from it) of the tree's commit; None without git."""
    name, _, day = git("show", "-s", "--format=%h %cs", "HEAD").strip().partition(" ")
    return (
        (name, day, bool(git("--no-optional-locks", "status", "--porcelain", "-uno").strip()))
        if name
        else None
    )


def made_with():
    """[(what, which)] of this build."""
    made, of = _rows.circumstances(), commit()
    changed = ", with changes since" if of and of[2] else ""
    off = unpinned()
    rows = [
        ("commit", f"{of[0]} of {of[1]}{changed}" if of else "unknown: there is no git here"),
        ("library", f"mpack {made['version']}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("packages", ", ".join(f"{name} {installed(name)}" for name in TOLD if installed(name))),
        (
            "pins",
            f"{len(pins()) - len(off)} of {len(pins())} packages are those of requirements.txt",
        ),
        ("processor", f"{made['cpu']}, {allowed_processors()} cores for this process"),
        ("system", f"{platform.system()} {platform.machine()}"),
    ]
    if off:
        rows.insert(5, ("not as pinned", ", ".join(f"{a} {b or 'missing'}" for a, b, _ in off)))
    return rows


def chapters():
    """How each executed chapter was run, in the book's order."""
    return [chapter(name) for name in places.chapters() if (places.EXECUTED / name).exists()]


def chapter(name):
    """How one chapter was run, from its executed copy."""
    path = places.EXECUTED / name
    notebook = json.loads(path.read_text(encoding="utf8"))
    run = notebook["metadata"].get("papermill", {})
    printed = "".join(
        "".join(output["text"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if output.get("output_type") == "stream"
    )
    audited = [
        (one["name"], number(one["done"]), number(one["all"]))
        for one in bookkeeping.AUDIT.finditer(printed)
    ]
    return Chapter(
        name.removesuffix(".ipynb"),
        (run.get("start_time") or "")[:10],
        run.get("duration") or 0.0,
        reading.parameters(path).get("seed"),
        audited,
    )


def number(text):
    """'1,224' as a number."""
    return int(re.sub(",", "", text))


def audit():
    """[(archive, rows done again, rows that it has, whether all agree)] of the last `make audit`; [] if none."""
    if not places.AUDIT.exists():
        return []
    found = json.loads(places.AUDIT.read_text(encoding="utf8"))
    return [(one["archive"], len(one["replays"]), one["rows"], one["ok"]) for one in found]


class Archive(NamedTuple):
    """What the manifest of an archive says of how it was made."""

    name: str
    rows: int
    hours: float | None  #: of one core
    versions: str  #: of the library
    days: str  #: on which its rows were finished
    commits: list  #: at which its rows were made, with + where something was changed since


def archives():
    """Every archive of the book, sorted by name."""
    return [archive(path) for path in sorted(RESULTS.glob("*/manifest.json"))]


def archive(path):
    """One archive, of runs or of tables."""
    told = json.loads(path.read_text(encoding="utf8"))
    if "runs" in told:
        days = sorted({one[:10] for one in told["finished"]})
        versions, days = words(told["versions"], days)
        commits = [*filter(None, told["commits"])]
        return Archive(path.parent.name, told["runs"], told["core hours"], versions, days, commits)
    tables = told["tables"].values()
    hours = sum(one.get("seconds") or 0 for one in tables) / 3600
    parts = (
        {one.get("version", "") for one in tables},
        {one.get("made", "")[:10] for one in tables},
    )
    rows = sum(one["rows"] for one in tables)
    return Archive(path.parent.name, rows, hours or None, *words(*parts), commits=[])


def words(versions, days):
    """Versions and days in words: the first and the last."""
    versions, days = (sorted(filter(None, some)) for some in (versions, days))
    return ", ".join(versions), " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""


def hostile():
    """The ways in which pages were asked to run code that is not theirs, by `book/hostile.yaml`; [] without it."""
    return (yaml.safe_load(HOSTILE.read_text(encoding="utf8")) or []) if HOSTILE.exists() else []
