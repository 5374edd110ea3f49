"""Archives: the rows of a store as a few compact files, the same bytes for the same rows.

A folder holds

    runs.csv.xz     a line a run: specification, result, what is derived, exact decimals of every float
    series.xz       the recorded series of all runs, exact
    arrays.xz       arrays that runs kept, if any did
    manifest.json   what this is: specifications, versions, processors, dates, checksums of the other files

and is replaced as a whole (`mpack._container`): an export may be stopped at any moment.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mpack import _container
from mpack._container import MANIFEST
from mpack._rows import Series, chain, pack, pack_plain, unpack, unpack_plain
from mpack._store import Store, StoreDamaged, StoreError
from mpack._tables import DERIVED, MEASURED, RULE, SPECIFIED, Arrays, derived, frame, stored_series
from mpack._types import AnyPath
from mpack.dynamics import OPTIONS
from mpack.specification import from_text, optional_columns

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 1
_PRESET = 6 | lzma.PRESET_EXTREME


def archives(folder: AnyPath) -> list[Path]:
    """The folders in `folder` that hold archives of runs, sorted by name.

    Others that have a manifest hold results of another kind, which are none of this module's
    business.

    Examples
    --------
    >>> import tempfile, mpack
    >>> from mpack import ensemble
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, ensemble.Store(":memory:") as store:
    ...     table = mpack.sweep(some, store, progress=False)
    ...     manifest = ensemble.export(store, f"{folder}/dilute")
    ...     [path.name for path in archives(folder)]
    ['dilute']
    """
    paths = sorted(Path(folder).glob(f"*/{MANIFEST}"))
    return [path.parent for path in paths if '"archive"' in path.read_text(encoding="utf8")]


# ---------------------------------------------------------------------------------------------------------
# export


def export(store: AnyPath | Store, folder: AnyPath) -> dict[str, Any]:
    """Write all rows of a store as an archive.

    Parameters
    ----------
    store : Store or path
    folder : path
        Made if missing; its name is the archive's. An archive that is there is replaced, whole or
        not at all.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    StoreError
        If the store has no row, or another one is writing the folder.

    Examples
    --------
    >>> import tempfile, mpack
    >>> from mpack import ensemble
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, ensemble.Store(":memory:") as store:
    ...     table = mpack.sweep(some, store, progress=False)
    ...     manifest = export(store, f"{folder}/dilute")
    >>> manifest["archive"], manifest["runs"]
    ('dilute', 3)
    """
    if not isinstance(store, Store):
        with Store(store) as opened:
            return export(opened, folder)
    folder = Path(folder)
    rows = sorted(store.values(), key=lambda row: row["spec"])
    if not rows:
        raise StoreError(f"store {store.path} has no finished run to export")
    specs = [from_text(row["spec"]) for row in rows]
    series = [stored_series(row) for row in rows]
    more = [_derived(store, row, one) for row, one in zip(rows, series)]
    files = {"runs.csv.xz": _runs(rows, specs, more), "series.xz": _all_series(specs, series)}
    if any(len(row["blobs"]) > 1 for row in rows):
        files["arrays.xz"] = _all_arrays(rows)
    return _container.put(folder, files, _about(folder.name, rows, specs))


def _derived(store, row, series):
    """What is derived from a row, made once while the store is open."""
    if row["key"] not in store.derived:
        store.derived[row["key"]] = derived(series)
    return store.derived[row["key"]]


def _runs(rows, specs, more):
    numbers = sorted({name for row in rows for name in row["numbers"]})
    columns = {**SPECIFIED, **MEASURED, **DERIVED}
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write([*columns, *numbers, "marks", "spec"])
    for row, spec, some in zip(rows, specs, more):
        values = {**spec.columns(), **row, **some}
        marks = " ".join(f"{step}:{digest}" for step, digest in row["marks"])
        told = [_told(values[name], kind) for name, kind in columns.items()]
        write([*told, *(_number(row["numbers"], name) for name in numbers), marks, row["spec"]])
    return lzma.compress(text.getvalue().encode(), preset=_PRESET)


def _told(value, kind):
    if kind is str:
        return value
    if kind is bool:
        return "true" if value else "false"
    return repr(kind(value))


def _number(numbers, name):
    return json.dumps(numbers[name]) if name in numbers else ""


def _all_series(specs, series):
    """All series end to end: differences of steps and of active particles, bytes of floats place by place."""
    times = [np.diff(one.times, prepend=0) for one in series]
    counts = [np.rint(one.activity * spec.n).astype(np.int64) for one, spec in zip(series, specs)]
    for one, spec, count in zip(series, specs, counts):
        if not np.array_equal(count / spec.n, one.activity):
            raise StoreDamaged("an activity in the store is no count of particles")
    arrays = {
        "lengths": np.array([len(one) for one in series], dtype=np.int64),
        "times": _planes(np.concatenate(times)),
        "counts": _planes(np.concatenate([np.diff(count, prepend=0) for count in counts])),
    }
    for name in ("energy", "msd"):
        kept = [getattr(one, name) for one in series]
        arrays[f"has_{name}"] = np.array([values is not None for values in kept], dtype=np.uint8)
        arrays[name] = _planes(
            np.concatenate([np.zeros(0), *(values for values in kept if values is not None)])
        )
    return lzma.compress(pack_plain(arrays), preset=_PRESET)


def _planes(values):
    """The bytes of 64-bit numbers, all first bytes before all second ones, which compresses better."""
    return (
        np.ascontiguousarray(values)
        .astype(values.dtype.newbyteorder("<"))
        .view(np.uint8)
        .reshape(-1, 8)
        .T
    )


def _from_planes(planes, kind):
    return np.ascontiguousarray(planes.T).reshape(-1).view(kind)


def _all_arrays(rows):
    blobs = [
        (place, name, pack_plain(unpack(data)))
        for place, row in enumerate(rows)
        for name, data in sorted(row["blobs"].items())
        if name != "series"
    ]
    head = json.dumps([[place, name, len(data)] for place, name, data in blobs])
    return lzma.compress(
        head.encode() + b"\n" + b"".join(data for _, _, data in blobs), preset=_PRESET
    )


def _about(name, rows, specs):
    """What the manifest says of the runs."""
    from mpack._kernels.noise import STREAM_VERSION

    columns = [spec.columns() for spec in specs]
    rules = [getattr(spec.dynamics, "of", spec.dynamics) for spec in specs]
    told = [
        name
        for name, usual in OPTIONS.items()
        if any(getattr(rule, name, usual) != usual for rule in rules)
    ]  # archives without them have the manifest that they always had
    told += ["axes"] if any(spec.axes is not None for spec in specs) else []
    varied = {
        field: _distinct([values[field] for values in columns]) for field in (*SPECIFIED, *told)
    }
    return {
        "archive": name,
        "format": FORMAT,
        "stream": STREAM_VERSION,
        "derived by rule": RULE,
        "runs": len(rows),
        "particle steps": sum(spec.n * row["steps"] for spec, row in zip(specs, rows)),
        "core hours": round(sum(row["wall"] for row in rows) / 3600, 3),
        "finished": [min(row["finished"] for row in rows), max(row["finished"] for row in rows)],
        "versions": _distinct([row["version"] for row in rows]),
        "commits": _distinct([row["commit"] for row in rows]),
        "processors": _distinct([row["cpu"] for row in rows]),
        "numbers": sorted({name for row in rows for name in row["numbers"]}),
        "specifications": varied,
    }


def _distinct(values):
    """The distinct values in order; nan, which stands for "has none", as null."""
    values = {None if value != value else value for value in values}
    return sorted(values, key=lambda value: (value is not None, value))


# -----------------------------------------------------------------------------------------------------------
# read


def read_manifest(folder: AnyPath) -> dict[str, Any]:
    """The manifest of the archive in `folder`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    StoreDamaged
        If it is no manifest.
    StoreError
        If it is of another format.
    """
    manifest = _container.manifest(folder)
    if manifest["format"] != FORMAT:
        raise StoreError(
            f"the archive in {folder} is of format {manifest['format']}, and this version of mpack reads {FORMAT}"
        )
    return manifest


def derived_now(folder: AnyPath) -> bool:
    """True if what an archive derives from its series was derived by the rule of this version.

    Examples
    --------
    >>> import tempfile, mpack
    >>> from mpack import ensemble
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, ensemble.Store(":memory:") as store:
    ...     table = mpack.sweep(some, store, progress=False)
    ...     manifest = ensemble.export(store, f"{folder}/dilute")
    ...     derived_now(f"{folder}/dilute")
    True
    """
    return read_manifest(folder)["derived by rule"] == RULE


def _read(folder, manifest, name):
    """The content of one file of an archive, decompressed."""
    if name not in manifest["files"]:
        return None
    return lzma.decompress(_container.get(folder, manifest, name))


def _lines(folder, manifest):
    """The runs of an archive as dicts of text."""
    text = _read(folder, manifest, "runs.csv.xz").decode()
    return list(csv.DictReader(io.StringIO(text)))


def _read_series(folder, manifest, sizes):
    """The series of all runs, of `sizes` particles."""
    stored = unpack_plain(_read(folder, manifest, "series.xz"))
    ends = np.cumsum(stored["lengths"])
    times = np.split(_from_planes(stored["times"], "<i8"), ends[:-1])
    counts = np.split(_from_planes(stored["counts"], "<i8"), ends[:-1])
    parts = {}
    for name in ("energy", "msd"):
        has = stored[f"has_{name}"].astype(bool)
        cuts = np.cumsum(np.where(has, stored["lengths"], 0))[:-1]
        values = np.split(_from_planes(stored[name], "<f8"), cuts)
        parts[name] = [value if one else None for value, one in zip(values, has)]
    return [
        Series(np.cumsum(time), np.cumsum(count) / size, energy, msd)
        for time, count, size, energy, msd in zip(
            times, counts, sizes, parts["energy"], parts["msd"]
        )
    ]


def _read_arrays(folder, manifest):
    """{place of the run: {name: bytes}} of the arrays that runs kept."""
    data = _read(folder, manifest, "arrays.xz")
    found = {}
    if data is not None:
        head, _, body = data.partition(b"\n")
        at = 0
        for place, name, length in json.loads(head):
            found.setdefault(place, {})[name] = body[at : at + length]
            at += length
    return found


def _valued(line, numbers):
    """A line of the table with its values in their types."""
    kinds = {**SPECIFIED, **MEASURED, **DERIVED}
    values = {
        name: line[name] == "true" if kind is bool else kind(line[name])
        for name, kind in kinds.items()
    }
    found = {name: json.loads(line[name]) for name in numbers if line[name] != ""}
    return values, found


@_container.begun_anew
def load_archive(folder: AnyPath) -> DataFrame:
    """The table of an archive, as `sweep` returns it, with the recorded series of each run in the column `series`.

    Parameters
    ----------
    folder : path
        What `export` wrote.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    FileNotFoundError, StoreDamaged, StoreError
        If there is no such archive, or it cannot be trusted.

    Examples
    --------
    >>> import tempfile, mpack
    >>> from mpack import ensemble
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, ensemble.Store(":memory:") as store:
    ...     table = mpack.sweep(some, store, progress=False)
    ...     manifest = ensemble.export(store, f"{folder}/dilute")
    ...     again = load_archive(f"{folder}/dilute")
    >>> sorted(again.digest) == sorted(table.digest)
    True
    """
    manifest = read_manifest(folder)
    lines = _lines(folder, manifest)
    series = _read_series(folder, manifest, [int(line["n"]) for line in lines])
    arrays = _read_arrays(folder, manifest)
    current = manifest["derived by rule"] == RULE
    rows = []
    for place, line in enumerate(lines):
        values, numbers = _valued(line, manifest["numbers"])
        values |= optional_columns(json.loads(line["spec"]))
        if not current:
            values |= derived(series[place])
        rows.append(
            {
                **values,
                **numbers,
                "key": hashlib.sha256(line["spec"].encode()).hexdigest(),
                "spec": line["spec"],
                "series": series[place],
                "arrays": Arrays(arrays.get(place, {}), unpack_plain),
            }
        )
    return frame(rows)


@_container.begun_anew
def read_results(folder: AnyPath, level: int = 6) -> list[dict[str, Any]]:
    """The results in an archive, as a store gives them; blobs are compressed at a level of zlib, 0 not at all.

    Raises
    ------
    StoreDamaged
        If a number in it was changed: the chain of digests of that run no longer ends as it did.
    """
    manifest = read_manifest(folder)
    lines = _lines(folder, manifest)
    series = _read_series(folder, manifest, [int(line["n"]) for line in lines])
    arrays, current = _read_arrays(folder, manifest), manifest["derived by rule"] == RULE
    found = []
    for place, line in enumerate(lines):
        values, numbers = _valued(line, manifest["numbers"])
        marks = [
            [int(step), digest]
            for step, digest in (mark.split(":") for mark in line["marks"].split(" "))
        ]
        found.append(
            {
                **{name: values[name] for name in (*MEASURED, *(DERIVED if current else ()))},
                "key": hashlib.sha256(line["spec"].encode()).hexdigest(),
                "spec": line["spec"],
                "marks": marks,
                "numbers": numbers,
                "blobs": {
                    name: pack(unpack_plain(data), level)
                    for name, data in arrays.get(place, {}).items()
                }
                | {
                    "series": pack(
                        {k: v for k, v in series[place].arrays().items() if v is not None},
                        level,
                    )
                },
            }
        )
    return found


def broken_chains(results):
    """Keys of the results whose stored numbers no longer make their chain."""
    broken = []
    for result in results:
        if chain(result["key"], result["marks"], stored_series(result), result) != result["chain"]:
            broken.append(result["key"])
    return broken


def import_archive(folder: AnyPath, store: AnyPath | Store) -> int:
    """Put the runs of an archive into a store, from which a sweep goes on; runs that are there are compared.

    Parameters
    ----------
    folder : path
        What `export` wrote.
    store : Store or path

    Returns
    -------
    int
        How many runs were new to the store.

    Raises
    ------
    StoreDamaged
        If the archive is damaged or a number in it was changed.
    DigestMismatch
        If the store has one of its runs with another result.

    Examples
    --------
    >>> import tempfile, mpack
    >>> from mpack import ensemble
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, ensemble.Store(":memory:") as store:
    ...     table = mpack.sweep(some, store, progress=False)
    ...     manifest = ensemble.export(store, f"{folder}/dilute")
    ...     [import_archive(f"{folder}/dilute", where) for where in (":memory:", store)]
    [3, 0]
    """
    if not isinstance(store, Store):
        with Store(store) as opened:
            return import_archive(folder, opened)
    results = read_results(folder)
    if broken := broken_chains(results):
        raise StoreDamaged(
            f"the archive {folder} has {len(broken)} runs whose numbers were changed, e.g. {broken[0]}"
        )
    before = len(store)
    store.put_all(results)
    return len(store) - before
