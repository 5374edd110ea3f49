"""A hundred ways to falsify an archive, each with its checksums made anew: refused, or said, without doing a run again.

What only a replay can show is listed, and the replay shows it. What nobody can show is listed, too.
"""

import bz2
import contextlib
import gzip
import hashlib
import json
import lzma
import shutil

import pandas as pd
import pytest

import mpack
from mpack import _archive, _audit, _rows, _tables, ensemble
from mpack._archive_files import ARRAYS, RUNS, SERIES
from mpack._columns import DERIVED, MEASURED, SPECIFIED

CIRCUMSTANCES = ("wall", "version", "commit", "cpu", "finished")
RULES = [mpack.SGD(alpha=0.1, batch_fraction=0.5), mpack.PairwiseBRO(eps=0.05)]
COMMON = {"n": 40, "dim": 2, "steps": 60, "record": mpack.every(6)}
SPECS = [
    *mpack.specs(
        RULES, phi=[0.3, 0.9], observables=("contacts", "packing"), checkpoints=2, **COMMON
    ),
    *mpack.specs(
        RULES[1], phi=0.9, seed=[1, 2], observables="structure_factor", series="activity", **COMMON
    ),
    *mpack.specs(RULES[0], phi=0.8, observables="contacts", watch={"f": mpack.activity}, **COMMON),
]


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """An archive of seven runs."""
    folder = tmp_path_factory.mktemp("honest") / "sample"
    with ensemble.Store(":memory:") as store:
        mpack.sweep(SPECS, store, progress=False)
        ensemble.export(store, folder)
    return folder


class Forger:
    """An archive as tables of text, to be changed, and written with checksums that fit."""

    def __init__(self, folder):
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.raw = {}  # contents that are no table any more
        self.tables = {
            name: pd.read_csv(folder / name, dtype=str, keep_default_na=False)
            for name in (RUNS, SERIES, ARRAYS)
        }
        self.written = {name: self.content(name) for name in self.tables}

    @property
    def runs(self):
        return self.tables[RUNS]

    @property
    def series(self):
        return self.tables[SERIES]

    @property
    def arrays(self):
        return self.tables[ARRAYS]

    def content(self, name):
        return self.tables[name].to_csv(index=False, lineterminator="\n").encode()

    def put(self, name, column, cells):
        """Texts {row: text} in place of those of a column."""
        table = self.tables[name] = self.tables[name].copy()
        table[column] = [cells.get(row, text) for row, text in enumerate(table[column])]

    def write(self):
        for name in self.tables:
            content, data = self.content(name), self.raw.get(name)
            if data is None and self.written.get(name) == content:
                continue
            self.written[name] = content
            data = lzma.compress(content, preset=0) if data is None else data
            (self.folder / name).write_bytes(data)
            if isinstance(self.manifest.get("files"), dict) and name in self.manifest["files"]:
                digest = hashlib.sha256(data).hexdigest()
                self.manifest["files"][name] |= {"sha256": digest, "bytes": len(data)}
        (self.folder / "manifest.json").write_text(json.dumps(self.manifest, indent=1))

    def cover_up(self):
        """Make chains, what is derived and the manifest anew, as a forger would who has this library."""
        self.write()
        results = _archive.results_of(_archive.read(self.folder))
        for row, result in enumerate(results):
            series = _tables.stored_series(result)
            ends = {name: float(series.arrays()[name][-1]) for name in series.kept}
            result |= ends | _tables.derived(series)
            chain = _rows.chain(result["key"], result["marks"], series, result)
            for name, value in {**ends, **_tables.derived(series), "chain": chain}.items():
                told = value if isinstance(value, str) else repr(value)
                self.runs.loc[row, name] = told.lower() if isinstance(value, bool) else told
        specs = [ensemble.from_text(result["spec"]) for result in results]
        self.manifest |= _archive.about(self.folder.name, results, specs)
        self.write()


def verdict(folder, replays=False):
    """refused, said or passed: nothing but the archive's own error may come of any file."""
    try:
        auditor = _audit.Auditor(folder, salt="")
    except (ensemble.StoreError, FileNotFoundError) as error:
        assert str(error)
        return "refused"
    while replays and auditor.waiting:
        auditor.next()
    return "passed" if auditor.found().ok else "said"


# ------------------------------------------------------------------------------------------------
# kinds


def shifted(text):
    """Another value of the same type."""
    if text in ("true", "false"):
        return {"true": "false", "false": "true"}[text]
    if text in ("nan", "NaN"):
        return "1.5"
    try:
        return repr(float(text) * 1.5 + 100.0) if "." in text else str(int(text) + 1)
    except ValueError:
        return text[:-1] + ("0" if text[-1:] != "0" else "1")


def columns():
    """Each column of the runs shifted, emptied, dropped, filled with what is none of its values."""
    for name in [
        *SPECIFIED,
        *MEASURED,
        *DERIVED,
        "z",
        "z_without_rattlers",
        "rattlers",
        "f",
        "marks",
        "spec",
    ]:

        def shift(forger, name=name):
            forger.runs[name] = [shifted(text) if text else "x" for text in forger.runs[name]]

        def fill(forger, text, name=name):
            forger.runs[name] = "x" if not text and name in ("sizes", "paired") else text

        if name not in ("f", "rattlers", "z", "z_without_rattlers"):  # that is left to replays
            yield f"column {name} shifted", shift
        yield f"column {name} emptied", lambda forger, fill=fill: fill(forger, "")
        if name[0] in "abdes":
            yield f"column {name} is a word", lambda forger, fill=fill: fill(forger, "NaN?\x00")
        yield f"column {name} dropped", lambda forger, name=name: forger.runs.pop(name)
    yield "a column twice", lambda f: f.runs.insert(0, "phi.1", f.runs.phi)
    yield "number z dropped everywhere", without_number
    yield "columns in another order", lambda f: f.tables.update({RUNS: f.runs[[*f.runs][::-1]]})
    yield (
        "f_inf of another run",
        lambda f: f.put(RUNS, "f_inf", dict(enumerate(f.runs.f_inf[::-1]))),
    )
    for name in ("phi", "steps", "energy"):
        for text in ("inf", "-1", "1e400", "9" * 400, "[]", "0x10", "１", "1_0", " 1", "True"):
            yield (
                f"{name} is {text[:9]!r}",
                lambda f, name=name, text=text: f.runs.__setitem__(name, text),
            )


def without_number(forger):
    forger.runs.pop("z")
    forger.manifest["numbers"].remove("z")


def manifests():
    """Each key of the manifest changed, removed, of another type."""
    keys = [
        *("archive", "format", "stream", "derived by rule", "runs", "particle steps", "core hours"),
        *("finished", "versions", "commits", "processors", "numbers", "specifications", "files"),
    ]
    for key in keys:
        yield f"manifest without {key}", lambda f, key=key: f.manifest.pop(key)
        for value in (None, 99, "other", ["other"], {"a": 1}, 1e999):
            yield (
                f"manifest's {key} is {value}",
                lambda f, key=key, value=value: f.manifest.__setitem__(key, value),
            )
    yield "manifest says more", lambda f: f.manifest.update(note="all is well")
    for field in ("phi", "seed", "rule", "start"):
        yield (
            f"manifest's specifications without {field}",
            lambda f, field=field: f.manifest["specifications"].pop(field),
        )
        yield (
            f"manifest's specifications with another {field}",
            lambda f, field=field: f.manifest["specifications"][field].append("more"),
        )
    for place in (0, 1):
        yield (
            f"manifest's date {place}",
            lambda f, place=place: f.manifest["finished"].__setitem__(
                place, "2020-01-01T00:00:00Z"
            ),
        )
    for name in (RUNS, SERIES, ARRAYS):
        yield f"manifest without file {name}", lambda f, name=name: f.manifest["files"].pop(name)
    for name in ("../outside", "", "..", "manifest.json", "a\\b", "extra.csv"):
        told = {"sha256": "0" * 64, "bytes": 0}
        yield (
            f"manifest names the file {name!r}",
            lambda f, name=name, told=told: f.manifest["files"].__setitem__(name, told),
        )


def packed(change):
    """Tampering with what a file holds, packed in its own way."""
    return lambda forger, name: forger.raw.__setitem__(name, change(forger.content(name)))


def packed_series(change):
    """The series with another content, packed well."""
    return lambda f: packed(lambda data: lzma.compress(change(data)))(f, SERIES)


def files():
    """Each file cut, emptied, in another encoding or packing, or a bomb."""
    bomb = lzma.compress(b"0" * (7 * 10**7), preset=0)
    dictionary = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**29}]
    greedy = packed(lambda data: lzma.compress(data, filters=dictionary))
    yield "a dictionary of half a gigabyte", lambda f: greedy(f, RUNS)
    ways = {
        "empty": lambda data: b"",
        "an empty table": lambda data: lzma.compress(b""),
        "the head alone": lambda data: lzma.compress(data.split(b"\n")[0] + b"\n"),
        "cut off": lambda data: lzma.compress(data)[:-20],
        "not packed": lambda data: data,
        "gzip": gzip.compress,
        "bzip2": bz2.compress,
        "lzma alone": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
        "two streams": lambda data: lzma.compress(data) * 2,
        "something behind": lambda data: lzma.compress(data) + b"more",
        "UTF-16": lambda data: lzma.compress(data.decode().encode("utf-16")),
        "no text": lambda data: lzma.compress(b"\xff\xfe\x00" + data),
        "a line cut": lambda data: lzma.compress(data[: len(data) // 2]),
        "a field more": lambda data: lzma.compress(data.replace(b"\n", b",1\n", 3)),
        "an open quote": lambda data: lzma.compress(data.replace(b",", b',"', 30)),
        "a bomb": lambda data: bomb,
    }
    for name in (RUNS, SERIES, ARRAYS):
        for way, change in ways.items():
            yield f"{name}: {way}", lambda f, name=name, change=change: packed(change)(f, name)
        for other in (RUNS, SERIES, ARRAYS):
            if other != name:
                yield (
                    f"{name} is {other}",
                    lambda f, name=name, other=other: f.tables.update({name: f.tables[other]}),
                )


def rows():
    """Rows twice, in another order, of another run, of another archive."""
    yield "a row twice", lambda f: f.tables.update({RUNS: pd.concat([f.runs, f.runs[-1:]])})
    yield "rows in reverse", lambda f: f.tables.update({RUNS: f.runs[::-1]})
    yield "a row less", lambda f: f.tables.update({RUNS: f.runs[1:]})
    yield "no row", lambda f: f.tables.update({RUNS: f.runs[:0]})
    yield (
        "specifications of two rows swapped",
        lambda f: f.put(RUNS, "spec", {0: f.runs.spec[1], 1: f.runs.spec[0]}),
    )
    other = '{"dim":2,"dynamics":{"eps":0.1,"name":"PairwiseBRO"},"mpack":1,"n":40}'
    for text in (
        other,
        "[" * 10**5,
        "{}",
        "null",
        '"',
        SPECS[0].text.replace('"stream":1', '"stream":2'),
    ):
        yield f"a row of {text[:12]}", lambda f, text=text: f.put(RUNS, "spec", {0: text})


def records():
    """Records changed, without and with chains made anew; what is left of these is for replays."""

    def cell(name, value, place=4):
        return lambda f: f.put(SERIES, name, {place: value})

    for name in ("run", "step", "active", "energy", "msd"):
        for value in ("-1", "", "nan", "inf", "9" * 30, "word", "0.5"):
            if (name, value) not in ONLY_BY_REPLAY_CELLS:
                yield f"{name} of a record is {value!r}", cell(name, value)
        yield f"no {name} in the series", lambda f, name=name: f.series.pop(name)
        yield (
            f"{name} of all records reversed",
            lambda f, name=name: f.put(SERIES, name, dict(enumerate(f.series[name][::-1]))),
        )
    yield "a record less", lambda f: f.tables.update({SERIES: f.series.drop(index=3)})
    yield "a record twice", lambda f: f.tables.update({SERIES: f.series.loc[[0, *f.series.index]]})
    yield "records in reverse", lambda f: f.tables.update({SERIES: f.series[::-1]})
    yield "one more column", lambda f: f.series.insert(5, "temperature", "1")
    yield "more active than there are", cell("active", "41")
    yield (
        "series of two runs swapped",
        lambda f: f.put(
            SERIES,
            "run",
            {row: {"0": "1", "1": "0"}.get(run, run) for row, run in enumerate(f.series.run)},
        ),
    )


ONLY_BY_REPLAY_CELLS = {("energy", "0.5"), ("msd", "0.5")}  # once chains are made anew


def kept():
    """States and arrays gone, empty, of another run, of another shape."""

    def change(column, text, what="packing"):
        def do(f):
            f.arrays.loc[f.arrays.kept == what, column] = text

        return do

    def drop(chosen):
        return lambda f: f.tables.update({ARRAYS: f.arrays[~chosen(f.arrays)]})

    for what in ("packing", "checkpoint 20", "structure_factor", "watched"):
        yield f"no {what}", drop(lambda arrays, what=what: arrays.kept == what)
        yield (
            f"one {what} less",
            drop(lambda arrays, what=what: arrays.index == arrays.index[arrays.kept == what][0]),
        )
        yield f"{what} under another name", change("kept", "more", what)
        yield f"{what} of one run", change("run", "0", what)
        yield f"{what} of no run", change("run", "99", what)
        for column, text in [
            *(
                ("shape", "3 7"),
                ("shape", "-1"),
                ("shape", "x"),
                ("shape", "0 2"),
                ("type", "object"),
            ),
            *(
                ("type", "(9,)f8"),
                ("type", "U9"),
                ("type", "?"),
                ("values", ""),
                ("values", "word"),
            ),
            *(("array", "wraps"), ("values", "9" * 40), ("array", "x")),
        ]:
            yield f"{column} of {what} is {text[:9]!r}", change(column, text, what)
    yield "arrays are series", change("kept", "series")

    def swap(f):
        own = f.arrays.index[(f.arrays.kept == "packing") & (f.arrays.array == "fixed")][:2]
        f.arrays.loc[own, "values"] = f.arrays.loc[own[::-1], "values"].to_numpy()

    yield "packings of two runs swapped", swap

    def nudge(f):
        own = f.arrays.index[(f.arrays.kept == "checkpoint 20") & (f.arrays.array == "fixed")][0]
        first, rest = f.arrays.at[own, "values"].split(" ", 1)
        f.arrays.at[own, "values"] = f"{int(first) ^ 1} {rest}"

    yield "one bit of a checkpoint", nudge


KINDS = {
    **{f"columns: {name}": do for name, do in columns()},
    **{f"manifest: {name}": do for name, do in manifests()},
    **{f"files: {name}": do for name, do in files()},
    **{f"rows: {name}": do for name, do in rows()},
    **{f"records: {name}": do for name, do in records()},
    **{f"kept: {name}": do for name, do in kept()},
}


@pytest.fixture
def copy(honest, tmp_path):
    """Copies of the honest archive, under its name."""

    def make():
        shutil.rmtree(tmp_path / "sample", ignore_errors=True)
        return shutil.copytree(honest, tmp_path / "sample")

    return make


def passed(copy, kinds, *, covered=False, replays=False):
    """Those of these tamperings that are not noticed."""
    unnoticed = []
    for name, do in kinds.items():
        forger = Forger(copy())
        do(forger)
        try:
            (forger.cover_up if covered else forger.write)()
        except ensemble.StoreError:
            assert covered  # nothing can be made anew of what cannot be read
            forger.write()
        if name.startswith("columns:"):
            with contextlib.suppress(ensemble.StoreError, FileNotFoundError):
                ensemble.load_archive(forger.folder)
        if verdict(forger.folder, replays) == "passed":
            unnoticed.append(name)
    return unnoticed


def test_an_honest_archive_passes_and_so_does_a_forger_who_changes_nothing(copy):
    assert verdict(copy(), replays=True) == "passed"
    assert not passed(copy, {}) and passed(copy, {"nothing": lambda f: None}) == ["nothing"]
    assert passed(copy, {"nothing": lambda f: None}, covered=True, replays=True) == ["nothing"]


@pytest.mark.parametrize("part", ["columns", "manifest", "files", "rows", "records", "kept"])
def test_every_kind_of_tampering_is_refused_or_said_without_doing_a_run_again(copy, part):
    kinds = {name: do for name, do in KINDS.items() if name.startswith(f"{part}:")}
    assert len(KINDS) > 300 and len(kinds) >= 10
    assert not passed(copy, kinds)


def test_nothing_that_follows_is_covered_up(copy):
    """Chains, derived numbers and the manifest made anew do not help where the specification knows better."""
    own = [f"columns: column {name} shifted" for name in ("rule", "phi", "n", "seed", "paired")]
    own += [f"columns: column {name} emptied" for name in ("z", "rattlers", "marks")]
    own += [name for name in KINDS if name.startswith("records:")]
    own += [name for name in KINDS if name.startswith("kept:") and " of " not in name]
    assert len(own) > 50
    assert set(passed(copy, {name: KINDS[name] for name in own}, covered=True)) <= OTHERWISE_TOLD


OTHERWISE_TOLD = {  # by replays: the numbers could be those of a run
    "records: series of two runs swapped",
    "records: energy of a record is '-1'",
    f"records: energy of a record is '{'9' * 30}'",
    f"records: msd of a record is '{'9' * 30}'",
}


# ------------------------------------------------------------------------------------------------
# what only a replay shows, and what nothing shows


def last(name, column, text):
    """The same in a column and in the last record of each run that has such."""

    def do(forger):
        ends = forger.series.groupby("run").tail(1).index
        forger.put(SERIES, name, dict.fromkeys(ends, text)) if name else None
        forger.put(RUNS, column, dict.fromkeys(range(len(SPECS)), text))

    return do


def another_digest(forger):
    """Of an active run, at a mark on the way."""
    row = list(forger.runs.absorbed).index("false")
    marks = forger.runs.marks[row].split(" ")
    step, digest = marks[2].split(":")
    marks[2] = f"{step}:{digest[::-1]}"
    forger.put(RUNS, "marks", {row: " ".join(marks)})


def cell(name, change, run="1"):
    def do(forger):
        row = forger.series.index[forger.series.run == run][3]
        forger.put(SERIES, name, {row: change(forger.series.at[row, name])})

    return do


def numbers(column, text):
    """An observed number where no packing was kept."""
    return lambda f: f.put(
        RUNS, column, {row: text for row, spec in enumerate(f.runs.spec) if '"watch"' in spec}
    )


def first_value(what, array):
    def do(forger):
        own = forger.arrays.index[(forger.arrays.kept == what) & (forger.arrays.array == array)][0]
        old, *rest = forger.arrays.at[own, "values"].split(" ")
        forger.put(ARRAYS, "values", {own: " ".join([repr(float(old) + 0.5), *rest])})

    return do


ONLY_A_REPLAY_SHOWS = {
    "one particle more is active": cell("active", lambda old: str(abs(int(old) - 1))),
    "an energy": cell("energy", lambda old: repr(float(old) + 2.0**-40)),
    "a displacement": cell("msd", lambda old: repr(float(old) + 2.0**-40)),
    "a digest on the way": another_digest,
    "overflows": lambda f: f.put(RUNS, "overflows", {0: "1"}),
    "an observed number": numbers("z", "3.25"),
    "a structure factor": first_value("structure_factor", "s"),
}


@pytest.mark.parametrize("name", ONLY_A_REPLAY_SHOWS)
def test_what_only_a_replay_shows_it_shows(copy, name):
    kind = {name: ONLY_A_REPLAY_SHOWS[name]}
    assert passed(copy, kind, covered=True) == [name]
    assert not passed(copy, kind, covered=True, replays=True)


NOBODY_CAN_TELL = {  # consistently, in each row and in the manifest: nothing vouches for these
    "wall": "1.5",
    "version": "9.9.9",
    "commit": "0123456789ab",
    "cpu": "Abacus",
    "finished": "2020-02-02T20:20:20Z",
}


def test_what_nobody_can_tell_is_known(copy):
    """When, where, how long and by which version: history has the files, and crates their checksums."""
    kinds = {
        name: lambda f, name=name, text=text: f.put(RUNS, name, dict.fromkeys(range(7), text))
        for name, text in NOBODY_CAN_TELL.items()
    }
    assert passed(copy, kinds, covered=True, replays=True) == [*CIRCUMSTANCES]
    assert not {*passed(copy, kinds)} - {"wall"}  # of so short runs the hours are 0.0


HARMLESS = {  # other spellings of the same numbers, which every reader takes for the same
    "arrays in another order": lambda f: f.tables.update({ARRAYS: f.arrays[::-1]}),
    "lines ended as on Windows": packed_series(lambda data: data.replace(b"\n", b"\r\n")),
    "an empty line": packed_series(lambda data: data + b"\n"),
    "zeros before a count": cell("active", lambda old: f"00{old}"),
    "zeros behind an energy": cell("energy", lambda old: f"{old}000" if "." in old else old),
    "another level of compression": lambda f: None,
}


def test_what_is_harmless_passes(copy):
    assert passed(copy, HARMLESS, replays=True) == [*HARMLESS]


def test_fewer_runs_are_an_archive_of_fewer_runs(copy):
    """Whoever leaves rows out everywhere has an honest, smaller archive: `make archive` counts what is missing."""
    forger = Forger(copy())
    forger.tables[RUNS] = forger.runs[:-1]
    gone = str(len(SPECS) - 1)
    for name in (SERIES, ARRAYS):
        forger.tables[name] = forger.tables[name][forger.tables[name].run != gone]
    forger.manifest["runs"] -= 1
    forger.cover_up()
    assert verdict(forger.folder, replays=True) == "passed"


def test_a_manifest_cannot_have_files_elsewhere_removed(copy, tmp_path):
    forger = Forger(copy())
    (tmp_path / "outside").write_text("mine")
    forger.manifest["files"]["../outside"] = {"sha256": "0" * 64, "bytes": 0}
    forger.write()
    with ensemble.Store(":memory:") as store:
        mpack.sweep(SPECS[:1], store, progress=False)
        ensemble.export(store, forger.folder)
    assert (tmp_path / "outside").read_text() == "mine"
    assert verdict(forger.folder) == "passed"


def test_an_archive_without_manifest_or_name_is_not_overlooked(copy):
    folder = copy()
    (folder / "manifest.json").write_text("{}")
    assert ensemble.archives(folder.parent) == [folder]
    (folder / "manifest.json").unlink()
    assert ensemble.archives(folder.parent) == [folder] and verdict(folder) == "refused"
