"""Archives: the rows of a store as a few compact files, the same bytes for the same rows.

A folder holds

    runs.csv.xz     a line a run: specification, result, what is derived
    series.csv.xz   the recorded series of all runs, a line a record
    arrays.csv.xz   arrays that runs kept, if any did
    manifest.json   what this is: specifications, versions, processors, dates, checksums of the other files

all of them tables that pandas alone reads, to the bit (`mpack._archive_files`). It is replaced as a
whole (`mpack._container`): an export may be stopped at any moment.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpack import _archive_files as files
from mpack import _check, _container, _packed
from mpack._archive_files import sound
from mpack._container import MANIFEST
from mpack._rows import Series, chain, pack, unpack_plain
from mpack._store import Store, StoreDamaged, StoreError
from mpack._tables import DERIVED, MEASURED, RULE, SPECIFIED, Arrays, derived, frame, stored_series
from mpack._types import AnyPath
from mpack.dynamics import OPTIONS
from mpack.specification import from_text, optional_columns

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 2
_READ = (1, FORMAT)


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
    told = (
        path for path in Path(folder).glob(f"*/{MANIFEST}") if b'"archive"' in path.read_bytes()
    )
    seen = Path(folder).glob(f"*/{files.RUNS}")  # whatever a manifest says, or if it is gone
    return sorted({path.parent for path in (*told, *seen)})


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
    numbers = observed_numbers(rows)
    lines = [
        files.cells(
            {**spec.columns(), **row, **some}, numbers, row["numbers"], row["marks"], row["spec"]
        )
        for row, spec, some in zip(rows, specs, more)
    ]
    content = {
        files.RUNS: files.packed(files.csv_text([files.header(numbers), *lines])),
        files.SERIES: files.pack_series(specs, series),
    }
    if (arrays := files.pack_arrays(rows)) is not None:
        content[files.ARRAYS] = arrays
    return _container.put(folder, content, about(folder.name, rows, specs))


def observed_numbers(rows):
    """Names of the numbers that were observed in any of the rows, sorted."""
    return sorted({name for row in rows for name in row["numbers"]})


def _derived(store, row, series):
    """What is derived from a row, made once while the store is open."""
    if row["key"] not in store.derived:
        store.derived[row["key"]] = derived(series)
    return store.derived[row["key"]]


def about(name, rows, specs):
    """What a manifest says of these runs."""
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
        "numbers": observed_numbers(rows),
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
        If it is no manifest of an archive.
    StoreError
        If it is of another format, or what it derives follows a rule that this version does not know.
    """
    manifest = _container.manifest(folder)
    if manifest["format"] not in _READ:
        raise StoreError(
            f"the archive in {folder} is of format {manifest['format']}, and this version of mpack reads {_told(_READ)}"
        )
    with sound(f"the manifest of the archive in {folder}"):
        _check.instance("archive", manifest["archive"], str, "a name")
        _check.integer("runs", manifest["runs"], 1)
        rule = _check.integer("derived by rule", manifest["derived by rule"], 1)
        if not all(
            isinstance(name, str)
            for name in _check.instance("numbers", manifest["numbers"], list, "a list")
        ):
            raise TypeError("numbers must be names")
    if rule > RULE:
        raise StoreError(
            f"the archive in {folder} is derived by rule {rule}, and this version of mpack knows "
            f"{_told(range(1, RULE + 1))}"
        )
    return manifest


def _told(numbers):
    return " and ".join(map(str, numbers))


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


@dataclass(frozen=True)
class Content:
    """What an archive holds: a line of text, a series and what else was kept for each run."""

    manifest: dict
    lines: list[dict[str, str]]  #: the columns of each run, as they are written
    series: list[Series]
    kept: dict[int, dict[str, Any]]  #: by run and by name: what `arrays` makes arrays of
    arrays: Callable[[Any], dict[str, Any]]

    @property
    def current(self) -> bool:
        """Whether what is derived follows the rule of this version."""
        return self.manifest["derived by rule"] == RULE

    def rows(self):
        """Number of the run, its values in their types, numbers observed, and key, in turn."""
        for run, line in enumerate(self.lines):
            with sound(f"{files.RUNS}, run {run},"):
                values, found = files.valued(line, self.manifest["numbers"])
                values |= optional_columns(json.loads(line["spec"]))
            yield run, values, found, hashlib.sha256(line["spec"].encode()).hexdigest()


@_container.begun_anew
def read(folder: AnyPath) -> Content:
    """What the archive in `folder` holds.

    Raises
    ------
    FileNotFoundError, StoreDamaged, StoreError
        If there is no such archive, or it cannot be trusted.
    """
    manifest = read_manifest(folder)
    packed = manifest["format"] == 1
    with sound(f"{files.RUNS} of the archive in {folder}"):
        lines = files.read_runs(_content(folder, manifest, files.RUNS), manifest["numbers"])
        sizes = [int(line["n"]) for line in lines]
        texts = [line["spec"] for line in lines]
        if len(lines) != manifest["runs"]:
            raise ValueError(f"it has {len(lines)} runs, and the manifest says {manifest['runs']}")
        if not all(one < other for one, other in zip(texts, texts[1:])):
            raise ValueError(
                "its runs are not in the order of their specifications, or one is there twice"
            )
        if min(sizes) < 1:
            raise ValueError("n must be positive")
    name = "series.xz" if packed else files.SERIES
    with sound(f"{name} of the archive in {folder}"):
        content = _content(folder, manifest, name)
        series = (_packed if packed else files).read_series(content, sizes)
    name, kept = "arrays.xz" if packed else files.ARRAYS, {}
    with sound(f"{name} of the archive in {folder}"):
        if name in manifest["files"]:
            content = _content(folder, manifest, name)
            kept = (
                _packed.read_arrays(content) if packed else files.read_arrays(content, len(lines))
            )
    return Content(manifest, lines, series, kept, unpack_plain if packed else files.arrays_of)


def _content(folder, manifest, name):
    """The content of one file of an archive, decompressed."""
    return files.unpacked(_container.get(folder, manifest, name))


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
    content = read(folder)
    with sound(f"{files.RUNS} of the archive in {folder}"):
        return frame([_row(content, *row) for row in content.rows()])


def _row(content, run, values, found, key):
    more = {} if content.current else derived(content.series[run])
    return {
        **values,
        **more,
        **found,
        "key": key,
        "spec": content.lines[run]["spec"],
        "series": content.series[run],
        "arrays": Arrays(content.kept.get(run, {}), content.arrays),
    }


def results_of(content: Content, level: int = 6) -> list[dict[str, Any]]:
    """The results in an archive, as a store gives them; blobs are compressed at a level of zlib, 0 not at all."""
    facts = (*MEASURED, *(DERIVED if content.current else ()))
    found = []
    for run, values, numbers, key in content.rows():
        with sound(f"marks of run {run} in {files.RUNS}"):
            marks = files.marks_of(content.lines[run])
        kept = content.kept.get(run, {}).items()
        blobs = {name: pack(content.arrays(spelled), level) for name, spelled in kept}
        series = content.series[run].arrays().items()
        blobs["series"] = pack({k: v for k, v in series if v is not None}, level)
        found.append(
            {
                **{name: values[name] for name in facts},
                **{"key": key, "spec": content.lines[run]["spec"], "marks": marks},
                **{"numbers": numbers, "blobs": blobs},
            }
        )
    return found


def broken_chains(results):
    """Keys of the results whose stored numbers no longer make their chain."""
    return [result["key"] for result in results if not _chained(result)]


def _chained(result):
    try:
        made = chain(result["key"], result["marks"], stored_series(result), result)
    except (
        ValueError,
        OverflowError,
        struct.error,
    ):  # a mark that is no digest, a count out of all bounds
        return False
    return made == result["chain"]


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
    results = results_of(read(folder))
    if broken := broken_chains(results):
        raise StoreDamaged(
            f"the archive {folder} has {len(broken)} runs whose numbers were changed, e.g. {broken[0]}"
        )
    before = len(store)
    store.put_all(results)
    return len(store) - before
