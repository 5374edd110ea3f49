"""What every row of an archive must be like, by its specification and its own series: no run is done again.

Of a row: columns are those of the specification, derived numbers those of the series, records and
marks stand where the specification puts them, what was kept is there, of its digest, and nothing
else is. Of the manifest: it says of the rows what they say themselves. What is left for a replay:
the coordinates, the recorded numbers, and what was observed on packings that were not kept; for
nobody: when, where and how long a run was done.
"""

import json
import math
import re
import time

import numpy as np

from mpack import _archive_files as files
from mpack._archive import about
from mpack._columns import DERIVED, SPECIFIED
from mpack._measures import OBSERVABLES
from mpack._rows import DIGITS, marks, unpack
from mpack._tables import derived, stored_series
from mpack.packing import digest_of

CLOSE = 1e-9  # relative, for what goes through libm or FFT: derived numbers and observables
_HASH, _COMMIT = 32, r"[0-9a-f]{7,40}\+?|"  # digits; or nothing, without git


def untrue(content, results, specs, name):
    """A sentence for each thing that does not follow, those of rows with the beginning of their key."""
    found = _manifest(content, results, specs, name)
    for line, result, spec in zip(content.lines, results, specs, strict=True):
        wrong = [*_columns(content, line, result, spec), *contradictions(spec, result)]
        if content.current:
            wrong += differences(
                {name: result[name] for name in DERIVED}, derived(stored_series(result))
            )
        found += [f"row {result['key'][:12]}: {sentence}" for sentence in wrong]
    return found


def _manifest(content, results, specs, name):
    """Where the manifest is not the one of these rows, in a folder of this name."""
    right = json.loads(json.dumps(about(name, results, specs)))
    right |= {
        "format": content.manifest["format"],
        "derived by rule": content.manifest["derived by rule"],
    }
    given = {name: value for name, value in content.manifest.items() if name != "files"}
    known = {files.RUNS, files.SERIES, files.ARRAYS, "series.xz", "arrays.xz"}
    found = [
        f"the manifest names a file {name}"
        for name in content.manifest["files"]
        if name not in known
    ]
    for name in sorted({*right, *given}):
        if repr(right.get(name)) != repr(given.get(name)):
            said = _short(given, name), _short(right, name)
            found.append(f"the manifest has {name!r} {said[0]}, and its rows {said[1]}")
    return found


def _short(said, name):
    if name not in said:
        return "not at all"
    text = repr(said[name])
    return text if len(text) <= 60 else f"{text[:57]}..."


def _columns(content, line, result, spec):
    """Columns that are not those of the specification, and texts that are not as one writes them."""
    numbers = content.manifest["numbers"]
    names = files.header(numbers)
    values = {**files.valued(line, numbers)[0], **result, **spec.columns()}
    right = files.cells(values, numbers, result["numbers"], result["marks"], spec.text)
    return [
        f"{name} is {line[name]!r}, and by the specification {cell!r}"
        if name in SPECIFIED
        else f"{name} is written {line[name]!r} for {cell!r}"
        for name, cell in zip(names, right, strict=True)
        if line[name] != cell
    ]


def contradictions(spec, result):
    """Where the result of a run contradicts its specification or itself."""
    stored = stored_series(result)
    return [
        *_structure(spec, result, stored),
        *_ends(spec, result, stored),
        *_circumstances(result),
        *_observed(spec, result, stored),
        *_states(spec, result),
    ]


def _structure(spec, result, stored):
    """Where the records and marks of a row stand otherwise than by its specification."""
    wrong, steps = [], result["steps"]
    if not result["absorbed"] and steps != spec.steps:
        wrong.append(
            f"the run is stored as active after {steps} steps, and {spec.steps} are specified"
        )
    if not 0 <= steps <= spec.steps:
        return [*wrong, f"{steps} steps are stored, and {spec.steps} specified"]
    planned = [step for step in marks(spec)[0] if step < steps] + [steps]
    if [step for step, _ in result["marks"]] != planned:
        wrong.append(f"marks stand at other steps than {planned}")
    scheduled = spec.schedule()
    if not np.array_equal(stored.times, np.union1d(scheduled[scheduled < steps], [steps])):
        wrong.append("records stand at other steps than the specification says")
    if result["absorbed"] and (result["activity"] != 0.0 or stored.activity[-1] != 0.0):
        wrong.append("the run is stored as absorbed and as active")
    return wrong


def _ends(spec, result, stored):
    """Where a row contradicts itself: its last record and its end, digests and marks, what no number can be."""
    wrong = []
    if {*stored.kept} != {"activity", *spec.series}:
        wrong.append(f"the series kept are {', '.join(stored.kept)}, and others are specified")
    for name in stored.kept:
        values = stored.arrays()[name]
        if not np.all(np.isfinite(values)):
            wrong.append(f"{name} is not finite at some step")
        if values[-1] != result[name]:
            wrong.append(
                f"{name} is stored as {result[name]!r}, and its last record is {float(values[-1])!r}"
            )
    if np.any(stored.activity < 0) or np.any(stored.activity > 1):
        wrong.append("activity is no share of particles at some step")
    if stored.msd is not None and np.any(stored.msd < 0):
        wrong.append("msd is negative at some step")
    if not all(np.isfinite([result["activity"], result["energy"], result["msd"]])):
        wrong.append("activity, energy or msd is not finite")
    for step, digest in result["marks"]:
        if not _hexadecimal(digest, DIGITS):
            wrong.append(f"the digest at step {step} is none")
    for name in ("digest", "chain"):
        if not _hexadecimal(result[name], _HASH):
            wrong.append(f"the {name} is none")
    if not result["digest"].startswith(result["marks"][-1][1]):
        wrong.append("the digest of the row is not that of its last mark")
    if result["overflows"] < 0:
        wrong.append(f"overflows is {result['overflows']}")
    return wrong


def _hexadecimal(text, digits):
    return re.fullmatch("[0-9a-f]+", text) is not None and len(text) == digits


def _circumstances(result):
    """Circumstances that cannot be."""
    wrong = []
    if not 0 <= result["wall"] < float("inf"):
        wrong.append(f"wall is {result['wall']}")
    if not result["version"]:
        wrong.append("it has no version")
    if not re.fullmatch(_COMMIT, result["commit"]):
        wrong.append(f"{result['commit']!r} is no commit")
    try:
        time.strptime(result["finished"], "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        wrong.append(f"{result['finished']!r} is no moment")
    return wrong


def _observed(spec, result, stored):
    """What was asked for and is not there, or is there and was not asked for."""
    numbers, arrays = set(), {}
    for name, options in spec.observables:
        observable = OBSERVABLES[name]
        numbers |= {*observable.names(dict(options))}
        arrays |= {name: {*observable.arrays}} if observable.arrays else {}
    if spec.watch:
        watched = {name for name, _ in spec.watch}
        numbers, arrays["watched"] = numbers | watched, {"times", *watched}
    wrong = [f"{name} is missing" for name in sorted(numbers - {*result["numbers"]})]
    wrong += [f"{name} was not asked for" for name in sorted({*result["numbers"]} - numbers)]
    kept = {name: unpack(blob) for name, blob in result["blobs"].items() if not _own(name)}
    for name in sorted({*arrays} | {*kept}):
        has, wanted = kept.get(name, {}), arrays.get(name, set())
        if {*has} - {"orientations"} != wanted:
            wrong.append(f"the arrays of {name} are {', '.join(has) or 'missing'}")
        elif not all(value.size for value in has.values()):
            wrong.append(f"an array of {name} is empty")
    return wrong + (_watched(kept, result, stored) if spec.watch and not wrong else [])


def _own(name):
    return name == "series" or name.startswith("checkpoint ")


def _watched(kept, result, stored):
    """Whether what was watched stands at the recorded steps, and ends as the row says."""
    watched = kept["watched"]
    if not np.array_equal(watched["times"], stored.times):
        return ["watched values stand at other steps than the records"]
    last = {name: float(values[-1]) for name, values in watched.items() if name != "times"}
    return differences({name: result["numbers"][name] for name in last}, last)


def _states(spec, result):
    """Whether the states that were kept are those that the specification asks for, of the digests stored."""
    digests = dict(map(tuple, result["marks"]))
    last = result["steps"]
    ended = {last} if result["absorbed"] else set()  # the run stopped before it was kept
    wanted = {step for step in marks(spec)[1] if step <= last} - ended
    states = {f"checkpoint {step}": digests.get(step) for step in wanted}
    there = {name for name in result["blobs"] if name.startswith("checkpoint ")}
    wrong = [f"{name} is missing" for name in sorted({*states} - there)]
    wrong += [f"{name} was not asked for" for name in sorted(there - {*states})]
    for name in sorted({*states} & there):
        if not _of_digest(spec, unpack(result["blobs"][name]), states[name]):
            wrong.append(f"the state kept at step {name.split()[1]} has not the digest of its mark")
    packing = result["blobs"].get("packing")
    if packing is not None and not _of_digest(spec, unpack(packing), result["digest"]):
        wrong.append("the last packing that was kept has not the digest of the row")
    return wrong


def _of_digest(spec, arrays, digest):
    """Whether arrays are a state of a specification's packing with this digest, or one that begins so."""
    shape = spec.n, spec.dim
    fits = {*arrays} - {"orientations"} == {"fixed", "wraps"}
    if not digest or not fits or any(arrays[part].shape != shape for part in ("fixed", "wraps")):
        return False
    return digest_of(arrays["fixed"], arrays.get("orientations")).startswith(digest)


def differences(stored, again):
    """A sentence for each number that is not the same, to what libm leaves open."""
    return [
        f"{name} is stored as {value!r}, done again {again.get(name)!r}"
        for name, value in stored.items()
        if name not in again or not _close(value, again[name])
    ]


def _close(one, other):
    return (
        one == other or (one != one and other != other) or math.isclose(one, other, rel_tol=CLOSE)
    )
