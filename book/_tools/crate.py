"""What `book/results` holds, for machines: `ro-crate-metadata.json`, by the rules of RO-Crate 1.1.

    python -m book._tools.crate

Each campaign is a part, described by its function in `book.campaigns` and by its manifest: files with
checksums and sizes, columns, software, dates, licence. Made of these alone, so that the same archives
have the same crate. `make archive` makes it anew with each export. The standard:
https://www.researchobject.org/ro-crate/specification/1.1/.
"""

import json
import sys

from book import RESULTS, campaigns
from mpack import _container, _files
from mpack._archive_files import ARRAYS, RUNS, SERIES

from .columns import described
from .places import relative, say, sha256

NAME = "ro-crate-metadata.json"
LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://schema.org/sha256"},  # younger than that context
]
KINDS = {
    RUNS: "A line a run: its specification, how it ended, what is derived from its series, what was observed.",
    SERIES: "A line a recorded step of a run; `run` is the line of runs.csv.xz, counted from 0.",
    ARRAYS: "A line an array that a run kept: its type, its shape, its values in C order.",
}
LOOSE = {
    "README.md": "How to read all this.",
    "LICENSE": "What may be done with all this.",
}
FORMATS = {
    "csv": "text/csv",
    "xz": "application/x-xz",
    "json": "application/json",
    "md": "text/markdown",
}


def main():
    """Write the crate; the exit status."""
    write(RESULTS)
    say(f"Wrote {relative(RESULTS / NAME)}.")
    return 0


def write(results):
    """Write the crate of a folder of archives."""
    with _files.replacing(results / NAME) as temporary:
        temporary.write_text(text(results), encoding="utf8", newline="\n")


def text(results):
    """The crate of a folder of archives, as it is written."""
    return json.dumps(crate(results), indent=1, ensure_ascii=False) + "\n"


def crate(results):
    """The crate of a folder of archives, as plain data: entities that name each other."""
    folders = sorted(path.parent for path in results.glob(f"*/{_container.MANIFEST}"))
    graph = _Graph()
    parts = [_campaign(graph, folder) for folder in folders]
    parts += [
        _file(graph, results, results / name, what)
        for name, what in LOOSE.items()
        if (results / name).exists()
    ]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": "Runs behind the figures of a book on stochastic gradient descent and driven packings",
        "description": "Simulations of spheres and ellipsoids under biased random organization, stochastic gradient "
        "descent and what lies between, one folder a campaign. One seed is one trajectory, bit for bit, with the "
        "open library mpack that made them.",
        "datePublished": max((graph.dates), default="1970-01-01"),
        "license": {"@id": LICENCE},
        "author": {"@id": "#authors"},
        "publisher": {"@id": "#authors"},
        "hasPart": _plain([{"@id": part} for part in parts]),
    }
    return {"@context": CONTEXT, "@graph": [*_about(), root, *graph.entities.values()]}


def _about():
    """The entities that every crate has beside its root."""
    yield {
        "@id": NAME,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    yield {
        "@id": LICENCE,
        "@type": "CreativeWork",
        "name": "CC0 1.0 Universal",
        "description": "No rights reserved: copy, change, use and publish these data, without asking.",
    }
    yield {"@id": "#authors", "@type": "Organization", "name": "The mpack authors"}


class _Graph:
    """Entities by their @id, and the dates that archives are from."""

    def __init__(self):
        self.entities, self.dates = {}, []

    def add(self, name, kind, /, **more):
        """An entity, unless it is there already; a reference to it."""
        told = {key: _plain(value) for key, value in more.items()}
        self.entities.setdefault(name, {"@id": name, "@type": kind, **told})
        return {"@id": name}


def _plain(value):
    """A list of one thing as that thing, as the standard would have it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _campaign(graph, folder):
    """The entities of one archive; the @id of the folder."""
    manifest = _container.manifest(folder)
    runs = "archive" in manifest
    path = f"{folder.name}/"
    about = _of_runs(graph, folder, manifest) if runs else _of_tables(graph, folder, manifest)
    files = [
        _file(graph, folder.parent, folder / name, KINDS.get(name, "A table."), told)
        for name, told in manifest["files"].items()
    ]
    what = "What the folder holds: specifications, versions, processors, dates, checksums."
    files.append(_file(graph, folder.parent, folder / _container.MANIFEST, what))
    graph.add(
        path,
        "Dataset",
        name=folder.name,
        **about,
        license={"@id": LICENCE},
        hasPart=[{"@id": name} for name in files],
    )
    return path


def _of_runs(graph, folder, manifest):
    first, last = manifest["finished"]
    graph.dates.append(last[:10])
    make = getattr(campaigns, folder.name.replace("-", "_"), None)
    purpose = " ".join((make.__doc__ if make else "Runs.").split())
    commits = ", ".join(filter(None, manifest["commits"])) or "unknown"
    graph.add(
        f"#made-{folder.name}",
        "CreateAction",
        name=f"The runs of {folder.name}",
        description=f"{manifest['particle steps']} particle steps in {manifest['core hours']} core hours on "
        f"{', '.join(manifest['processors'])}; commits {commits}; noise stream {manifest['stream']}.",
        instrument=[_software(graph, version) for version in manifest["versions"]],
        result={"@id": f"{folder.name}/"},
        agent={"@id": "#authors"},
        startTime=first,
        endTime=last,
    )
    columns = [one for name in manifest["files"] for one in described(folder / name, manifest)]
    return {
        "description": f"{purpose} {manifest['runs']} runs.",
        "dateCreated": first[:10],
        "dateModified": last[:10],
        "variableMeasured": [_column(graph, *one) for one in columns],
    }


def _of_tables(graph, folder, manifest):
    tables = manifest["tables"]
    dates = sorted(table["made"] for table in tables.values())
    graph.dates.append(dates[-1])
    graph.add(
        f"#made-{folder.name}",
        "CreateAction",
        name=f"The tables of {folder.name}",
        description="; ".join(
            f"{name}.csv: {table['rows']} rows of {', '.join(table['sources'])}"
            for name, table in tables.items()
        ),
        instrument=[
            _software(graph, version)
            for version in sorted({table["version"] for table in tables.values()})
        ],
        result={"@id": f"{folder.name}/"},
        agent={"@id": "#authors"},
        endTime=dates[-1],
    )
    columns = {name for table in tables.values() for name in table.get("columns", ())}
    more = {"variableMeasured": sorted(columns)} if columns else {}
    return {
        "description": manifest["what"],
        "dateCreated": dates[0],
        "dateModified": dates[-1],
        **more,
    }


def _software(graph, version):
    licence = graph.add("https://spdx.org/licenses/MIT", "CreativeWork", name="MIT License")
    return graph.add(
        f"#mpack-{version}",
        "SoftwareApplication",
        name="mpack",
        version=version,
        license=licence,
        description="Dynamics of spheres and ellipsoids, exact to the bit; the library of this book.",
    )


def _column(graph, table, name, description):
    return graph.add(f"#{table}-{name}", "PropertyValue", name=name, description=description)


def _file(graph, root, path, description, told=None):
    """The entity of a file; its @id. `told`: its size and checksum, where they are known."""
    name = path.relative_to(root).as_posix()
    told = told or {"bytes": path.stat().st_size, "sha256": sha256(path)}
    formats = [FORMATS[ending] for ending in path.name.split(".")[1:]] or ["text/plain"]
    graph.add(
        name,
        "File",
        name=name,
        description=description,
        contentSize=str(told["bytes"]),
        sha256=told["sha256"],
        encodingFormat=formats,
    )
    return name


if __name__ == "__main__":
    sys.exit(main())
