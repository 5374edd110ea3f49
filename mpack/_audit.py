"""Auditing an archive: rows drawn by chance are done again in part, and every bit is compared.

Of a row that is drawn, the run is redone from its start as far as `BUDGET` particle steps go, mark
by mark, and from one of its checkpoints, if it has any, to the mark after it. Compared are the
digests of the coordinates, every recorded number of those stretches, and, where the whole run was
redone, how it ended, what is derived and what was observed. Before that, of every row, the chain of
digests is made again from what is stored, so that no number anywhere can be changed alone, and all
that follows from its specification and its series is held against what is stored (`mpack._follows`).
What an audit cannot see is said by its chance to miss.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mpack import _archive, _check
from mpack._archive_files import sound
from mpack._follows import CLOSE, contradictions, differences, untrue
from mpack._rows import DIGITS, beginning, observed, series_of, state, unpack
from mpack._tables import DERIVED, derived, stored_series
from mpack._types import AnyPath
from mpack.packing import Packing
from mpack.simulation import simulate
from mpack.specification import from_text

if TYPE_CHECKING:
    from pandas import DataFrame

BUDGET = (
    2 * 10**6
)  # particle steps from the start of a row: a tenth of a second where all are active


@dataclass(frozen=True)
class Replay:
    """What was done again of one row."""

    key: str
    label: str  #: the run in words
    steps: int  #: from the start, steps done again
    of: int  #: steps of the run
    late: tuple  #: (first, last) step of the stretch from a checkpoint, or ()
    records: int  #: recorded numbers compared
    particle_steps: int
    wrong: tuple  #: sentences, one for each difference; none if the row is true

    def __str__(self) -> str:
        late = f" and steps {self.late[0]} to {self.late[1]} from a checkpoint" if self.late else ""
        verdict = "; ".join(self.wrong) or "every bit as stored"
        return f"{self.label}: {self.steps} of {self.of} steps{late}, {self.records} numbers: {verdict}"


@dataclass(frozen=True)
class Audit:
    """What an audit of one archive found; `str(audit)` says it in words.

    Examples
    --------
    >>> import tempfile, mpack
    >>> from mpack import ensemble
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, ensemble.Store(":memory:") as store:
    ...     table = mpack.sweep(some, store, progress=False)
    ...     manifest = ensemble.export(store, f"{folder}/dilute")
    ...     found = ensemble.audit(f"{folder}/dilute", seconds=60, most=2)
    >>> len(found.table()), found.plain()["ok"]
    (2, True)
    >>> round(found.missed(1 / 3), 9)  # two of three rows drawn: one false row is the third
    0.333333333
    """

    name: str
    salt: str  #: what the rows were drawn by: the commit, or a digest of the archive
    rows: int  #: runs in the archive
    particle_steps: int  #: of all of them
    replays: list = field(repr=False)  #: of Replay, in the order they were drawn
    broken: list = field(repr=False)  #: keys of rows whose numbers do not make their chain
    left_out: int = 0  #: rows that could not be drawn, being of other dimensions, or begun too late
    #: sentences: what does not follow, in any row, from its specification and its series, or in the manifest
    untrue: list = field(default_factory=list, repr=False)

    @property
    def ok(self) -> bool:
        """True if nothing was found to differ."""
        return not (self.broken or self.untrue or any(replay.wrong for replay in self.replays))

    def missed(self, share: float) -> float:
        """Chance that an audit like this one draws none of the false rows, if `share` of the rows are false.

        Rows are drawn without repetition, so this is C(M - m, k)/C(M, k), close to (1 - share)**k,
        for k of M rows drawn (of those that could be) and m = share * M (at least 1) false ones. A
        row is false here if it differs in the part done again. Another commit draws anew: after c
        of them the chance is the c-th power.
        """
        share = _check.number("share", share, 0, 1)
        rows, drawn = self.rows - self.left_out, len(self.replays)
        false = min(rows, max(1, math.ceil(share * rows - 1e-9)))
        return math.prod(
            (rows - false - k) / (rows - k) for k in range(min(drawn, rows - false + 1))
        )

    @property
    def coverage(self) -> float:
        """Share of the archive's particle steps that were done again."""
        return sum(replay.particle_steps for replay in self.replays) / max(1, self.particle_steps)

    def __str__(self) -> str:
        drawn, wrong = len(self.replays), sum(bool(replay.wrong) for replay in self.replays)
        numbers = sum(replay.records for replay in self.replays)
        rows = f"{self.rows} rows" + (f" ({self.left_out} left out)" if self.left_out else "")
        said = (
            f"{self.name}: {drawn} of {rows} drawn by {self.salt[:12]}, {100 * self.coverage:.2g} % of all "
            f"particle steps done again, {numbers} recorded numbers compared: "
        )
        said += f"{wrong} rows differ" if wrong else "every bit as stored"
        said += (
            f"; {len(self.broken)} rows do not make their chain"
            if self.broken
            else "; all chains hold"
        )
        if self.untrue:
            said += f"; {len(self.untrue)} times something does not follow, first: {self.untrue[0]}"
        chances = ", ".join(
            f"{100 * share:g} % false: {self.missed(share):.2g}, ten commits on {self.missed(share) ** 10:.2g}"
            for share in (0.01, 0.05, 0.2)
        )
        return f"{said}. Chance to draw none of the false rows: {chances}."

    def table(self) -> DataFrame:
        """The rows done again, one a line, for a chapter to show: a pandas DataFrame."""
        import pandas

        lines = [
            {
                "run": replay.label,
                "steps done again": replay.steps,
                "of": replay.of,
                "from a checkpoint": f"{replay.late[0]} to {replay.late[1]}" if replay.late else "",
                "numbers compared": replay.records,
                "verdict": "; ".join(replay.wrong) or "every bit as stored",
            }
            for replay in self.replays
        ]
        return pandas.DataFrame(lines)

    def plain(self) -> dict[str, Any]:
        """As plain data, for `_build/audit.json`."""
        return {
            "archive": self.name,
            "salt": self.salt,
            "rows": self.rows,
            "left_out": self.left_out,
            "ok": self.ok,
            "coverage": self.coverage,
            "missed": {str(share): self.missed(share) for share in (0.01, 0.05, 0.2)},
            "broken": self.broken,
            "untrue": self.untrue,
            "replays": [asdict(replay) for replay in self.replays],
        }


def audit(
    folder: AnyPath,
    seconds: float = 5.0,
    salt: str | None = None,
    keys: Sequence[str] = (),
    most: int = 200,
    dims: Sequence[int] | None = None,
    whole: bool = False,
    starts: float | None = None,
) -> Audit:
    """Hold every row against its specification and its series; draw some, do a part of each again, compare bits.

    Without doing a run again, of every row: columns are those of the specification, chains of digests
    hold, derived numbers follow from the series, records, marks, states and observables are there as
    the specification asks, and the manifest says what its rows say. So a number that is false was
    made up together with its chain; that a replay shows, of the rows that it does. What nothing shows
    is when, where and how long a run was done, if rows and manifest say the same.

    Parameters
    ----------
    folder : path
        What `mpack.ensemble.export` wrote.
    seconds : float
        No row is begun after so long (compiling and reading the archive do not count); one row is
        done always.
    salt : str, optional
        Which rows: they are taken in the order of SHA-256 of salt and key. A digest of the archive
        if left out; with the commit of what holds the archive, each commit audits others and
        nobody chooses them.
    keys : list of str, optional
        Rows to do first, whatever the order; beginnings of keys are enough.
    most : int
        At most so many rows.
    dims : list of int, optional
        Only rows of these dimensions are drawn; of all if left out. A dimension's kernels are
        compiled before its first row, in half a minute each above three: leave those to an audit
        that has the time. What needs no run is checked of every row.
    whole : bool
        Do each row that is drawn to its end, however long that takes. Otherwise only those of few
        particle steps are, and what was observed on the last packing is compared in these alone,
        and where that packing was kept.
    starts : float, optional
        Rows whose start is another run, of more particle steps than that, are not drawn: such a
        start has to be made whole before the first bit of the row can be compared.

    Returns
    -------
    Audit

    Raises
    ------
    FileNotFoundError, StoreDamaged, StoreError
        If the archive is missing, its files have not the checksums of its manifest, or are damaged.
    ValueError, TypeError
        If `dims` holds no dimension of the archive, or is no list of integers; `starts` is no
        number >= 0, or leaves no row.

    Examples
    --------
    >>> import tempfile, mpack
    >>> from mpack import ensemble
    >>> some = mpack.specs(mpack.PairwiseBRO(eps=0.1), n=20, phi=0.1, steps=5, seed=range(3))
    >>> with tempfile.TemporaryDirectory() as folder, ensemble.Store(":memory:") as store:
    ...     table = mpack.sweep(some, store, progress=False)
    ...     manifest = ensemble.export(store, f"{folder}/dilute")
    ...     audit(f"{folder}/dilute", seconds=60).ok
    True
    """
    if dims is not None:
        dims = _check.array("dims", dims, (None,), dtype=np.int64).tolist()
    if starts is not None:
        starts = _check.number("starts", starts, 0.0)
    auditor = Auditor(folder, salt, keys, dims, _check.flag("whole", whole), starts)
    clock = time.monotonic()
    while auditor.waiting and len(auditor.replays) < most:
        if auditor.replays and time.monotonic() - clock >= seconds and not auditor.forced:
            break
        clock += auditor.warm()
        auditor.next()
    return auditor.found()


class Auditor:
    """One archive under audit: rows in the order drawn, and what was found so far."""

    def __init__(self, folder, salt=None, keys=(), dims=None, whole=False, starts=None):
        content = _archive.read(folder)
        self.results = _archive.results_of(content, level=0)  # each is unpacked at once
        self.name = Path(folder).resolve().name
        with sound(f"a specification in the archive in {folder}"):
            specs = [from_text(result["spec"]) for result in self.results]
        with sound(f"the archive in {folder}"):
            self.untrue = untrue(content, self.results, specs, self.name)
        self.salt = _archive_digest(self.results) if salt is None else salt
        eligible = _soon_begun(_of_dimensions(self.results, dims, self.name), starts, self.name)
        self.left_out = len(self.results) - len(eligible)
        by_chance = sorted(eligible, key=lambda result: _drawn(self.salt, result["key"]))
        first = [result for key in keys for result in self.results if result["key"].startswith(key)]
        self.forced = len(first)
        self.waiting = first + [result for result in by_chance if result not in first]
        self.broken = _archive.broken_chains(self.results)
        self.replays, self._warmed = [], set()
        self._budget = math.inf if whole else BUDGET

    def warm(self):
        """Have the kernels ready that the next row needs; returns the seconds it took."""
        clock, spec = time.monotonic(), from_text(self.waiting[0]["spec"])
        if spec.dim not in self._warmed:
            small = Packing.random(n=8, phi=0.01, dim=spec.dim, seed=1)
            simulate(small, spec.dynamics, steps=1, seed=1)
            self._warmed.add(spec.dim)
        return time.monotonic() - clock

    def next(self):
        """Do the next row."""
        self.forced = max(0, self.forced - 1)
        self.replays.append(replay(self.waiting.pop(0), self.salt, self._budget))

    def found(self):
        """What was found so far."""
        steps = sum(json.loads(result["spec"])["n"] * result["steps"] for result in self.results)
        rows, out = len(self.results), self.left_out
        return Audit(self.name, self.salt, rows, steps, self.replays, self.broken, out, self.untrue)


def _of_dimensions(results, dims, name):
    """The results whose runs are in one of these dimensions; all of them for None."""
    if dims is None:
        return results
    found = [result for result in results if from_text(result["spec"]).dim in dims]
    if not found:
        raise ValueError(f"dims must hold a dimension of {name}; got {sorted(dims)}")
    return found


def _soon_begun(results, starts, name):
    """The results whose start takes at most so many particle steps."""
    if starts is None:
        return results
    found = [result for result in results if _begun_after(from_text(result["spec"])) <= starts]
    if not found:
        raise ValueError(f"starts must leave a row of {name}; all take more than {starts:g} steps")
    return found


def _begun_after(spec):
    return spec.cost - spec.n * spec.steps


def _drawn(salt, key):
    return hashlib.sha256(f"mpack audit {salt} {key}".encode()).digest()


def _archive_digest(results):
    return hashlib.sha256("".join(result["chain"] for result in results).encode()).hexdigest()


# ------------------------------------------------------------------------------------------------
# one row again


def replay(result, salt="", budget=BUDGET):
    """Do a part of the run of a stored result again and compare; `salt` chooses among its checkpoints.

    Energies and displacements of the earliest archives lack what is below 2**-56 of each term: a
    row is true as well if every bit is as stored by that rule.

    Returns
    -------
    Replay
    """
    from mpack._engine import cut_sums

    found = _replayed(result, salt, budget)
    if found.wrong:
        with cut_sums():
            as_before = _replayed(result, salt, budget)
        found = found if as_before.wrong else as_before
    return found


def _replayed(result, salt, budget):
    spec = from_text(result["spec"])
    stored = stored_series(result)
    if wrong := contradictions(spec, result):  # nobody knows what such a row would make us do
        return Replay(result["key"], spec.label, 0, result["steps"], (), 0, 0, tuple(wrong))
    run, wrong, steps = _from_start(spec, result, budget)
    records = _compare(stored.between(0, steps), _scheduled(spec, run, result["steps"]), wrong)
    if run.steps == result["steps"]:
        wrong += _ending(spec, result, run, stored)
    wrong += _kept_packing(spec, result)
    late, more = _from_checkpoint(spec, result, stored, steps, salt, wrong)
    return Replay(
        key=result["key"],
        label=spec.label,
        steps=steps,
        of=result["steps"],
        late=late,
        records=records + more,
        particle_steps=spec.n * (steps + (late[1] - late[0] if late else 0)),
        wrong=tuple(wrong),
    )


def _from_start(spec, result, budget):
    """The run from its start, mark by mark while the budget lasts: the run, the differences, the steps done."""
    wrong, run = [], beginning(spec)
    for place, (step, digest) in enumerate(result["marks"]):
        if place > 1 and spec.n * step > budget:
            break
        run = simulate(run, steps=max(0, step - run.steps))
        if run.steps != step or not _has(run.digest, digest):
            again = f"done again step {run.steps} has {run.digest}"
            wrong.append(f"at step {step} the digest is stored as {digest}, {again}")
            break
    return run, wrong, run.steps


def _scheduled(spec, run, last):
    """The records of a run done again that the stored run has as well: scheduled ones, and its last."""
    series = series_of(run, spec.series)
    keep = np.isin(series.times, np.append(spec.schedule(), last))
    return type(series)(
        *(None if values is None else values[keep] for values in series.arrays().values())
    )


def _compare(stored, again, wrong):
    """Add a sentence to `wrong` for each series that differs; returns how many numbers were compared."""
    if not np.array_equal(stored.times, again.times):
        wrong.append(f"records stand at {len(stored)} steps, done again at {len(again)} others")
        return 0
    for name in again.kept:
        one, other = stored.arrays()[name], again.arrays()[name]
        if one is None:
            wrong.append(f"{name} is missing")
            continue
        differs = np.flatnonzero(one.view(np.int64) != other.view(np.int64))
        if len(differs):
            k = differs[0]
            wrong.append(
                f"{name} at step {stored.times[k]} is stored as {float(one[k])!r}, done again {float(other[k])!r}"
                + (f" ({len(differs)} such)" if len(differs) > 1 else "")
            )
    return len(again) * len(again.kept)


def _ending(spec, result, run, stored):
    """Differences in how a run that was done again as a whole ended, in what is derived, and in what was observed."""
    wrong = []
    last = {"absorbed": run.absorbed, "overflows": run.overflows, "digest": run.digest}
    last |= {name: float(getattr(run, name)[-1]) for name in ("activity", "energy", "msd")}
    for name, value in last.items():
        if result[name] != value:
            wrong.append(f"{name} is stored as {result[name]!r}, done again {value!r}")
    numbers, arrays = observed(run, spec)
    wrong += differences(
        {name: result[name] for name in DERIVED if name in result}, derived(stored)
    )
    wrong += _array_differences(result, arrays)
    return wrong + differences(result["numbers"], numbers)


def _kept_packing(spec, result):
    """Differences of what was observed from the last packing, if it was kept."""
    if "packing" not in result["blobs"]:
        return []
    arrays = unpack(result["blobs"]["packing"])
    numbers, _ = observed(state(spec, arrays, result["steps"]), spec)
    return differences(result["numbers"], numbers)


def _array_differences(result, again):
    """A sentence for each kind of arrays that is not the same as made again, to what libm leaves open."""
    wrong = []
    for name, arrays in again.items():
        stored = unpack(result["blobs"][name]) if name in result["blobs"] else {}
        if stored.keys() != arrays.keys():
            wrong.append(f"the arrays of {name} are {', '.join(stored) or 'missing'}")
        wrong += [
            f"{part} of {name} is not as done again"
            for part, value in arrays.items()
            if part in stored and not _alike(stored[part], np.asarray(value))
        ]
    return wrong


def _alike(one, other):
    if one.shape != other.shape or one.dtype.kind in "iu" or not one.size:
        return np.array_equal(one, other)
    most = float(np.nanmax(np.abs(other), initial=0.0))
    return np.allclose(one, other, rtol=CLOSE, atol=CLOSE * most, equal_nan=True)


def _from_checkpoint(spec, result, stored, done, salt, wrong):
    """The stretch from a checkpoint, beyond the steps that are `done`, to the mark after it.

    Returns (first, last) and how many numbers were compared; (), 0 if there is none.
    """
    digests = dict(map(tuple, result["marks"]))
    saved = {
        int(name.split()[1]): name for name in result["blobs"] if name.startswith("checkpoint ")
    }
    late = [step for step in saved if step >= done]
    if not late:
        return (), 0
    step = min(late, key=lambda step: _drawn(salt, f"{result['key']} {step}"))
    arrays = unpack(result["blobs"][saved[step]])
    following = min(mark for mark in digests if mark > step)
    run = simulate(state(spec, arrays, step), steps=following - step)
    if run.steps != following or not _has(run.digest, digests[following]):
        wrong.append(
            f"from the state at step {step} the digest at step {following} is stored as {digests[following]}, done "
            f"again step {run.steps} has {run.digest}"
        )
    again = _scheduled(spec, run, result["steps"])
    return (step, following), _compare(stored.between(step, following), again, wrong)


def _has(digest, beginning):
    """True if the digest begins so; a mark keeps its beginning only."""
    return beginning is not None and len(beginning) == DIGITS and digest.startswith(beginning)
