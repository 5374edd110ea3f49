"""Results as rows of a table: what each column holds, and what is derived from the recorded series."""

from collections.abc import Mapping

from mpack import critical
from mpack._columns import DERIVED, KNOWN, MEASURED, OPTIONAL, SPECIFIED
from mpack._rows import Series, unpack
from mpack.dynamics import process_label

RULE = 1  # the version of what is derived; what an archive derived by another one is made anew when it is read

# `process` is no column of an archive: it says in words what three others say.
_ORDER = (
    *("rule", "approximation", "process", *list(SPECIFIED)[2:6], *OPTIONAL, *list(SPECIFIED)[6:]),
    *("steps", "absorbed", *DERIVED),
)


class Arrays(Mapping):
    """Arrays stored with a run, unpacked when asked for: arrays["structure_factor"]["q"]."""

    def __init__(self, blobs, how=unpack):
        self._blobs, self._how = blobs, how

    def __getitem__(self, name):
        return self._how(self._blobs[name])

    def __iter__(self):
        return iter(self._blobs)

    def __len__(self):
        return len(self._blobs)

    def __repr__(self):
        return f"<Arrays: {', '.join(self) or 'none'}>"


def derived(series):
    """Steady activity, its error and reliability, and the relaxation time, by `mpack.critical`.

    An absorbed run has f_inf = 0 exactly. A run whose second half holds too few evenly spaced
    records has nan.
    """
    try:
        found = critical.steady_activity(series.times, series.activity)
    except ValueError:  # recorded too rarely, which is no reason to lose the run
        return {name: False if kind is bool else float("nan") for name, kind in DERIVED.items()}
    f_inf, lengths = found.value, found.points * found.spacing / found.tau
    tau_r = critical.relaxation_time(series.times, series.activity, f_inf)
    values = (f_inf, found.error, found.tau, lengths, found.drift, found.reliable, *tau_r)
    return dict(zip(DERIVED, values))


def stored_series(result):
    """The recorded series of a result."""
    return Series(**unpack(result["blobs"]["series"]))


def row(columns, result, more=None):
    """One row of the table: `columns` of the specification, the result, and what is derived from it."""
    series = stored_series(result)
    more = derived(series) if more is None else more
    blobs = {name: data for name, data in result["blobs"].items() if name != "series"}
    facts = {name: result[name] for name in MEASURED}
    return {
        **columns,
        **facts,
        **more,
        **result["numbers"],
        "key": result["key"],
        "spec": result["spec"],
        "series": series,
        "arrays": Arrays(blobs),
    }


def frame(rows):
    """The table of rows: a pandas DataFrame with the columns in their order."""
    import pandas

    rows = [{**row, "process": _process(row)} for row in rows]
    numbers = sorted({name for row in rows for name in row} - KNOWN)
    rest = [name for name in MEASURED if name not in _ORDER]
    order = [*_ORDER, *rest[:4], *numbers, *rest[4:], "key", "spec", "series", "arrays"]
    return pandas.DataFrame({name: _column(pandas, rows, name) for name in order})


def _process(row):
    names = ("rule", "approximation", "batch_fraction", "correlation", "memory")
    return process_label(*(row[name] for name in names))


def _column(pandas, rows, name):
    values = [row.get(name, float("nan")) for row in rows]
    kind = {**SPECIFIED, **OPTIONAL, **MEASURED, **DERIVED}.get(name)
    if kind is int:
        return pandas.Series(values, dtype="int64" if max(values, default=0) < 2**63 else "uint64")
    if kind in (bool, float):
        return pandas.Series(values, dtype=kind)
    if name in ("series", "arrays"):
        return pandas.Series(values, dtype=object)
    return pandas.Series(values) if values else pandas.Series(values, dtype=object)
