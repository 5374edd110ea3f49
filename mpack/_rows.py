"""One run of a specification: done with marks on the way, told as plain data, and redone in part by an audit.

A run stops at its marks, steps ceil(steps / 2**m), to take the digest of its coordinates. From
these digests and the recorded series a chain is made,

    h_0 = H(key),   h_m = H(h_{m-1}, step of mark m, digest there, all records after mark m-1 up to mark m),

and closed with how the run ended. Its last link vouches for every stored number: whoever has the
row can make the chain again from it, and whoever has a minute can redo the run up to any mark and
compare bits.
"""

import functools
import hashlib
import json
import os
import platform
import struct
import subprocess
import time
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mpack import __version__, simulation, specification
from mpack._looks import values_now
from mpack._measures import measured, state_of

MARKS = 16
STRETCH = 10**7  # particle steps from a checkpoint to the mark after it: under a second
DIGITS = 16  # hexadecimal digits kept of the digest at a mark


class Stopped(Exception):
    """A run that was asked to stop before its end."""


@dataclass(frozen=True, eq=False)
class Series:
    """The recorded series of a run; arrays aligned with `times`, None where it was not kept."""

    times: np.ndarray
    activity: np.ndarray
    energy: np.ndarray | None = None
    msd: np.ndarray | None = None

    def __len__(self):
        return len(self.times)

    def __repr__(self):
        return f"<Series of {len(self.times)} records>"

    def between(self, first, last):
        """The records with first <= time <= last."""
        inside = slice(*np.searchsorted(self.times, [first, last + 1]))
        parts = (None if values is None else values[inside] for values in self.arrays().values())
        return Series(*parts)

    def arrays(self):
        """Name to array, or None, in a fixed order."""
        return {
            "times": self.times,
            "activity": self.activity,
            "energy": self.energy,
            "msd": self.msd,
        }

    def columns(self):
        """The bits of each array that was kept, times first, little-endian, eight bytes a record."""
        kept = [np.ascontiguousarray(self.times, dtype="<i8")]
        kept += [np.ascontiguousarray(self.arrays()[name], dtype="<f8") for name in self.kept]
        return [values.tobytes() for values in kept]

    @property
    def kept(self):
        """Names of the series that were kept, beside the times."""
        return tuple(
            name for name, values in self.arrays().items() if name != "times" and values is not None
        )


def series_of(run, kept):
    """The records of a run, those series that are `kept`."""
    return Series(run.times, **{name: getattr(run, name) for name in kept})


# -------------------------------------------------------------------------------------------------------
# the run


def marks(spec):
    """Steps at which the run stops for a digest, increasing, and which of them are checkpoints."""
    halves = {-(-spec.steps // 2**m) for m in range(MARKS)}
    saved = {spec.steps * k // (spec.checkpoints + 1) for k in range(1, spec.checkpoints + 1)} - {0}
    after = {min(step + max(1, STRETCH // spec.n), spec.steps) for step in saved}
    return sorted({0} | halves | saved | after), saved


def beginning(spec):
    """The run of a specification before its first step."""
    return spec.run(steps=0)


def produce(text, attempt=0, threads=1, stop=None):
    """Do the run with this canonical text: what executors are given. Returns plain data (see `pack` for the blobs).

    `attempt` changes nothing but the task: a scheduler that knows tasks by their arguments takes
    the next attempt for another one. Raises Stopped when `stop`, a list that another thread may
    fill, is no longer empty.
    """
    spec = specification.from_text(text)
    clock = time.perf_counter()
    taken, blobs = [], {}
    with simulation.stoppable(stop):
        try:
            run = beginning(spec)
        except KeyboardInterrupt:
            raise Stopped from None
        where, saved = marks(spec)
        for step in where:
            run = _on(run, step, threads)
            taken.append([run.steps, run.digest[:DIGITS]])
            if run.absorbed:
                break
            if step in saved:
                blobs[f"checkpoint {step}"] = pack(state_of(run))
    numbers, arrays = observed(run, spec)
    series = series_of(run, spec.series)
    blobs |= {name: pack(content) for name, content in arrays.items()}
    blobs["series"] = pack(
        {name: values for name, values in series.arrays().items() if values is not None}
    )
    end = ending(run)
    return {
        "key": spec.key,
        "spec": text,
        **end,
        "marks": taken,
        "chain": chain(spec.key, taken, series, end),
        "numbers": numbers,
        "wall": time.perf_counter() - clock,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **circumstances(),
        "blobs": blobs,
    }


def observed(run, spec):
    """Numbers {name: value} and arrays {what: {name: array}}: of the last packing, and of what was watched."""
    numbers, arrays = measured(run, spec.observables)
    if spec.watch:
        numbers |= values_now(run)
        arrays["watched"] = {"times": run.times, **run.watched}
    return numbers, arrays


def _on(run, step, threads):
    """`run` up to `step`."""
    if run.steps < step:
        run = simulation.simulate(run, steps=step - run.steps, threads=threads)
    if run.interrupted:
        raise Stopped
    return run


def ending(run):
    """How a run ended, as plain data."""
    return {
        "steps": run.steps,
        "absorbed": run.absorbed,
        "overflows": run.overflows,
        "activity": float(run.activity[-1]),
        "energy": float(run.energy[-1]),
        "msd": float(run.msd[-1]),
        "digest": run.digest,
    }


def chain(key, taken, series, end):
    """The last link of the chain, 32 hexadecimal digits, from what is stored of the run with this key."""
    link = hashlib.sha256(f"mpack chain 1 {key}".encode()).digest()
    columns, low = series.columns(), np.searchsorted(series.times, 0)
    highs = np.searchsorted(series.times, [step + 1 for step, _ in taken])
    for (step, digest), high in zip(taken, highs):  # with the records since the mark before
        part = hashlib.sha256(link + struct.pack("<q", step) + bytes.fromhex(digest))
        part.update(struct.pack("<q", max(high - low, 0)))
        part.update(b"".join(column[8 * low : 8 * high] for column in columns))
        link, low = part.digest(), high
    flags = struct.pack(
        "<q??q", end["steps"], end["absorbed"], end["overflows"] > 0, end["overflows"]
    )
    numbers = struct.pack("<ddd", end["activity"], end["energy"], end["msd"])
    return hashlib.sha256(link + flags + numbers + end["digest"].encode()).hexdigest()[:32]


def state(spec, arrays, step):
    """A Run at `step` from a stored state (see `state_of`), with no records but those to come."""
    begun = beginning(spec)
    final = begun.start.moved(arrays["fixed"], arrays.get("orientations"))
    empty = {name: getattr(begun, name)[:0] for name in ("times", *specification.SERIES)}
    empty["watched"] = {name: values[:0] for name, values in begun.watched.items()}
    return replace(begun, final=final, wraps=arrays["wraps"], steps=step, **empty)


# ----------------------------------------------------------------------------------------------------
# plain data


def pack(arrays, level=6):
    """Named arrays as bytes: a line of JSON that says names, types and shapes, then the numbers; compressed."""
    return zlib.compress(pack_plain(arrays), level)


def unpack(blob):
    """The named arrays in bytes of `pack`."""
    return unpack_plain(zlib.decompress(blob))


def pack_plain(arrays):
    """As `pack`, not compressed."""
    arrays = {
        name: np.ascontiguousarray(value).astype(_little(value)) for name, value in arrays.items()
    }
    head = [[name, value.dtype.str, list(value.shape)] for name, value in arrays.items()]
    return (
        json.dumps(head).encode() + b"\n" + b"".join(value.tobytes() for value in arrays.values())
    )


def unpack_plain(data):
    """As `unpack`, of what is not compressed."""
    head, _, body = data.partition(b"\n")
    arrays, place = {}, 0
    for name, kind, shape in json.loads(head):
        kind = np.dtype(kind)
        if kind.hasobject:
            raise ValueError(f"{name} is no array of numbers")
        size = kind.itemsize * int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(body[place : place + size], dtype=kind).reshape(shape)
        place += size
    return arrays


def _little(value):
    return np.asarray(value).dtype.newbyteorder("<")


@functools.cache
def circumstances():
    """What a run was made with: version, commit (with a + if the library was changed since), processor."""
    return {"version": __version__, "commit": _commit(), "cpu": _cpu()}


def _commit():
    folder = Path(__file__).parent
    command = ["git", "-C", str(folder)]
    environment = {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
    }  # never in the way of a commit that is being made
    quiet = {"capture_output": True, "text": True, "timeout": 20, "env": environment}
    try:
        if subprocess.run(
            [*command, "ls-files", "--error-unmatch", "__init__.py"], check=True, **quiet
        ).returncode:
            return ""
        commit = subprocess.run(
            [*command, "rev-parse", "--short=12", "HEAD"], check=True, **quiet
        ).stdout.strip()
        changed = subprocess.run(
            [*command, "status", "--porcelain", "--", "."], check=True, **quiet
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""  # no git, or no repository
    return commit + ("+" if changed else "")


def _cpu():
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or os.name
