"""The files of an archive: tables in CSV, compressed by xz, that pandas alone reads.

    runs.csv.xz     a line a run; its number, counted from 0, is `run` in the others
    series.csv.xz   run, step, active[, energy][, msd]: a line a record. `active` counts particles, so that
                    activity is active / n; energies and displacements that were not kept are empty
    arrays.csv.xz   run, kept, array, type, shape, values: a line an array; its values stand in C order

Floats have the fewest digits that give their bits again.
"""

import contextlib
import csv
import io
import json
import lzma

import numpy as np

from mpack import _check
from mpack._columns import DERIVED, MEASURED, SPECIFIED
from mpack._rows import Series, unpack
from mpack._store import StoreDamaged, StoreError

RUNS, SERIES, ARRAYS = "runs.csv.xz", "series.csv.xz", "arrays.csv.xz"
KEPT = ("energy", "msd")  # series that a run may do without
_KINDS = {**SPECIFIED, **MEASURED, **DERIVED}
_READ = {
    name: {"true": True, "false": False}.__getitem__ if kind is bool else kind
    for name, kind in _KINDS.items()
}
# Lines that differ in little make the search for the best match endless: of these few matches are tried.
_THOROUGH = [{"id": lzma.FILTER_LZMA2, "preset": 6 | lzma.PRESET_EXTREME}]
_QUICK = [{"id": lzma.FILTER_LZMA2, "preset": 6, "depth": 8}]
_ROOM, _RATIO = (
    2**26,
    1000,
)  # bytes that any file may unpack to; tables unpack to twenty times their size
_MEMORY = 2**28  # that unpacking may take itself
_MALFORMED = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError),
    *(RecursionError, MemoryError, lzma.LZMAError, csv.Error),
)


@contextlib.contextmanager
def sound(what):
    """What goes wrong in the block is the fault of what is read: StoreDamaged, which says so."""
    try:
        yield
    except StoreError:
        raise
    except _MALFORMED as error:
        said = _check.short(str(error)) if str(error) else type(error).__name__
        raise StoreDamaged(f"{what} is damaged: {said}") from None


def packed(text, filters=_THOROUGH):
    """A text compressed by xz."""
    return lzma.compress(text.encode(), filters=filters)


def unpacked(data):
    """What `packed` compressed, as bytes; ValueError for what is out of all proportion."""
    most = max(_ROOM, _RATIO * len(data))
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    content = decoder.decompress(data, max_length=most)
    if not decoder.eof:
        whole = "it is cut off" if len(content) < most else f"it unpacks to more than {most} bytes"
        raise ValueError(whole)
    if decoder.unused_data:
        raise ValueError("something follows the end")
    return content


# ------------------------------------------------------------------------------------------------
# runs


def header(numbers):
    """The columns of the runs, where these numbers were observed."""
    return [*_KINDS, *numbers, "marks", "spec"]


def cells(values, numbers, found, marks, spec):
    """A line of the runs: the columns of `values`, those `numbers` that were `found`, digests at marks."""
    told = [_told(values[name], kind) for name, kind in _KINDS.items()]
    observed = [json.dumps(found[name]) if name in found else "" for name in numbers]
    return [*told, *observed, " ".join(f"{step}:{digest}" for step, digest in marks), spec]


def _told(value, kind):
    if kind is str:
        return value
    if kind is bool:
        return "true" if value else "false"
    return repr(kind(value))


def csv_text(lines):
    """Lines as the text of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def read_runs(content, numbers):
    """The runs as dicts of text, with the columns that they must have."""
    table = _texts(content)
    if list(table) != header(numbers):
        odd = sorted(set(table) ^ set(header(numbers)))
        raise ValueError(
            f"its columns are others, or in another order: {', '.join(odd) or 'the same'}"
        )
    return table.to_dict("records")


def _texts(content):
    """A table of texts."""
    import pandas

    table = pandas.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_filter=False)
    if not isinstance(table.index, pandas.RangeIndex):
        raise ValueError("lines have more fields than there are columns")
    return table


def valued(line, numbers):
    """A line of the runs with its values in their types, and the numbers observed."""
    values = {name: read(line[name]) for name, read in _READ.items()}
    return values, {name: _observed(line[name]) for name in numbers if line[name] != ""}


def marks_of(line):
    """The marks in a line of the runs: [step, digest]."""
    marks = (mark.split(":") for mark in line["marks"].split(" "))
    return [[int(step), digest] for step, digest in marks]


def _observed(text):
    value = json.loads(text)
    if type(value) not in (int, float):
        raise TypeError(f"an observed number is {text}")
    return value


# ------------------------------------------------------------------------------------------------
# series


def pack_series(specs, series):
    """All series of runs, a line a record."""
    kept = [name for name in KEPT if any(name in one.kept for one in series)]
    blocks = [",".join(["run", "step", "active", *kept])]
    for run, (spec, one) in enumerate(zip(specs, series)):
        counts = np.rint(one.activity * spec.n).astype(np.int64)
        if not np.array_equal(counts / spec.n, one.activity):
            raise StoreDamaged("an activity in the store is no count of particles")
        columns = [map(str, one.times.tolist()), map(str, counts.tolist())]
        for name in kept:
            values = one.arrays()[name]
            columns.append([""] * len(one) if values is None else map(repr, values.tolist()))
        blocks.extend(f"{run},{','.join(record)}" for record in zip(*columns))
    return packed("\n".join(blocks) + "\n", _QUICK)


def read_series(content, sizes):
    """The series of runs of `sizes` particles."""
    table = _records(content)
    runs = table["run"].to_numpy()
    steps = np.diff(runs, prepend=0, append=len(sizes))
    if not len(runs) or np.any((steps != 0) & (steps != 1)) or steps[-1] != 1 or runs[0] != 0:
        raise ValueError("its runs are not numbered from 0 to the last, each with a record")
    cuts = np.flatnonzero(steps[1:-1]) + 1
    parts = {name: np.split(table[name].to_numpy(), cuts) for name in table}
    for name in KEPT:
        given = parts.get(name, [None] * len(sizes))
        parts[name] = [None if one is None or np.isnan(one[0]) else one for one in given]
    return [
        Series(times, active / size, energy, msd)
        for times, active, size, energy, msd in zip(
            parts["step"], parts["active"], sizes, parts["energy"], parts["msd"], strict=True
        )
    ]


def _records(content):
    """The table of all records, every float as it was written."""
    import pandas

    integers = ("run", "step", "active")
    kinds = dict.fromkeys(integers, "int64") | dict.fromkeys(KEPT, "float64")
    newer = int(pandas.__version__.split(".")[0]) >= 3  # whose parser is exact anyway
    exact = {} if newer else {"float_precision": "round_trip"}
    if not content.isascii():
        raise ValueError("it is not ASCII")
    with np.errstate(invalid="raise"):  # of what is too large for an integer
        table = pandas.read_csv(io.BytesIO(content), dtype=kinds, **exact)
    if list(table) != [name for name in kinds if name in integers or name in table]:
        raise ValueError(f"its columns are {', '.join(map(str, table))}")
    if not isinstance(table.index, pandas.RangeIndex):
        raise ValueError("lines have more fields than there are columns")
    return table


# ------------------------------------------------------------------------------------------------
# arrays


def pack_arrays(rows):
    """The arrays that rows kept beside their series, or None where none did."""
    lines = [
        [run, kept, name, value.dtype.name, *_spelled(value)]
        for run, row in enumerate(rows)
        for kept, blob in sorted(row["blobs"].items())
        if kept != "series"
        for name, value in unpack(blob).items()
    ]
    if not lines:
        return None
    return packed(csv_text([["run", "kept", "array", "type", "shape", "values"], *lines]))


def _spelled(value):
    if value.dtype.kind not in "iuf":
        raise StoreError(f"an array of type {value.dtype} cannot be written as decimals")
    return " ".join(map(str, value.shape)), " ".join(map(repr, value.ravel().tolist()))


def read_arrays(content, runs):
    """{run: {what was kept: {array: its spelling}}}; `array` makes numbers of a spelling."""
    table = _texts(content)
    if list(table) != ["run", "kept", "array", "type", "shape", "values"]:
        raise ValueError(f"its columns are {', '.join(table)}")
    found = {}
    for run, kept, name, *spelling in table.itertuples(index=False, name=None):
        place = int(run)
        if not 0 <= place < runs:
            raise ValueError(f"it has an array of run {place}")
        arrays = found.setdefault(place, {}).setdefault(kept, {})
        if name in arrays or kept == "series":
            raise ValueError(f"it has {name} of {kept} of run {place} twice")
        arrays[name] = spelling
    return found


def arrays_of(spellings):
    """The arrays that were kept under one name."""
    with sound(ARRAYS):
        return {name: _array(*spelling) for name, spelling in spellings.items()}


def _array(kind, shape, values):
    kind, read = np.dtype(kind), {"f": float, "i": int, "u": int}
    value = np.array(list(map(read[kind.kind], values.split())), dtype=kind)
    lengths = [int(length) for length in shape.split()]
    if min(lengths, default=0) < 0:
        raise ValueError(f"an array has the shape {shape}")
    return value.reshape(lengths)
