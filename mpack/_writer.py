"""Frames of a run appended to a GSD file while it runs: whole ones at any moment, each step once.

A frame is what `Packing.save` writes, with the boxes that particles have crossed (`image`), and with
step, activity, energy, digest and what the run is watched by in its log. The first one says of
which run the file is. A file that is there goes on only with that run: its frames are kept and
never written again, and where the run passes them once more, they must be the packings of the run,
to the bit. So a run that was killed, or goes on from an earlier moment, leaves the same frames as
one that never stopped.

Frames are made and written by a thread of their own, while the run goes on. A file has one writer at
a time: see `_lock`.
"""

import concurrent.futures
import contextlib
import json
import os
import sqlite3
import time
from collections import deque
from pathlib import Path

import numpy as np

from mpack import _check, _files, _lock
from mpack.packing import Packing

LOGGED = ("step", "activity", "energy", "digest")
_SECONDS = 1.0  # between writes to the disk, which wait for it: what a kill costs in frames
_SHARE = 0.01  # of all time, at most, that those writes take
_WAITING = 4  # frames at most that the run is ahead of the file


class Writer:
    """The file of a run's frames, to be entered as a context.

    Parameters
    ----------
    path : path
        Ends in .gsd; made if there is none.
    run : Run
        As it is now.
    schedule : schedule
        When frames are written.
    names : sequence of str
        What the run is watched by.

    Raises
    ------
    ValueError, TypeError
        If the name is none for a file of frames; when entered, if another run writes the file, it
        is of another run, or its frames are not those that this run would have written.
    """

    def __init__(self, path, run, schedule, names):
        self.path = _checked_path(path)
        if run.start.dim > 3:
            raise ValueError(
                f"trajectory is for packings of dim 2 and 3, as GSD is; got dim = {run.start.dim}"
            )
        if not self.path.parent.is_dir():
            raise ValueError(f"trajectory must be in a folder that exists; got {str(self.path)!r}")
        self._run, self._schedule = run, schedule
        self._start, self._about = run.start, about(run, names)
        self._there = {}  # step: place, of frames that the run passes again; None if it wrote them
        self._failed = False
        self._torn = False
        self._file, self._written, self._cost = None, 0.0, 0.0
        self._thread, self._waiting = None, deque()

    def __enter__(self):
        with contextlib.ExitStack() as held:
            held.enter_context(_held(self.path))
            self._open()
            self._held = held.pop_all()  # until `__exit__`
        return self

    def _open(self):
        import gsd.hoomd

        if self.path.exists():
            self._compare(self._run, self._schedule)
        if self._torn:
            _without_the_last(self.path)
        if not self.path.exists():
            with _files.replacing(self.path) as temporary:
                gsd.hoomd.open(temporary, "x").close()
        try:
            self._file = gsd.hoomd.open(self.path, "r+")
        except RuntimeError as error:
            raise ValueError(f"trajectory {self.path} is damaged: {error}") from None
        self._thread = concurrent.futures.ThreadPoolExecutor(1)

    def __exit__(self, kind, *error):
        with self._held:
            try:
                while self._waiting and kind is None:
                    self._waiting.popleft().result()
            finally:
                self._thread.shutdown()
                self._file.close()

    def add(self, held, step, activity, energy, values):
        """The frame of this step, from what the engine `held`; where the file has it, it is compared.

        An error of an earlier frame is raised here, or at the end.
        """
        while len(self._waiting) >= _WAITING or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._add, held, step, activity, energy, values))

    def _add(self, held, step, *measured):
        from mpack._engine import settled

        if self._failed:
            return  # no frame after one that is missing
        try:
            fixed, wraps, turns = settled(held)
            packing, image = self._start.moved(fixed, turns), _image(wraps)
            if step not in self._there:
                self._append(packing, image, step, *measured)
            elif self._there[step] is not None:
                self._check(packing, image, step)
        except BaseException:
            self._failed = True
            raise

    def _check(self, packing, image, step):
        """Refuse a file whose frame of this step is another packing."""
        file, place = self._file.file, self._there[step]
        try:
            found = Packing.from_fixed(**_files.read_own(file, place))
            same = found == packing and logged(file, place, "digest") == packing.digest
            same = same and np.array_equal(image_of(file, place, packing.n), image)
            reason = "it is another packing than the run passes"
        except Exception as error:  # whatever a damaged file provokes in gsd
            same, reason = False, str(error)
        if not same:
            raise ValueError(
                f"trajectory {self.path} is damaged in the frame of step {step}: {reason}"
            )

    def _append(self, packing, image, step, activity, energy, values):
        frame = _files.gsd_frame(packing, _files.exact_content(packing))
        frame.configuration.step, frame.particles.image = step, image
        frame.log |= {
            "step": np.array([step], dtype=np.int64),
            "activity": np.array([activity]),
            "energy": np.array([energy]),
            "digest": _bytes(packing.digest),
            **{name: np.array([value]) for name, value in values.items()},
        }
        first = not len(self._file)
        if first:
            frame.log["mpack/run"] = _bytes(json.dumps(self._about))
        self._file.append(frame)
        self._there[step] = None
        self._write_out(first)

    def _write_out(self, now):
        """Hand what was appended to the disk, now or if the last time is long enough ago."""
        clock = time.perf_counter()
        if now or clock - self._written >= max(_SECONDS, self._cost / _SHARE):
            self._file.flush()
            self._written = time.perf_counter()
            self._cost = self._written - clock

    def _compare(self, run, schedule):
        """Refuse a file that is not of this run, or has not the frames that it would have."""
        with _opened(self.path) as file:
            frames = whole_frames(file)
            self._torn = frames < file.nframes
            if not frames:
                return
            try:
                found, steps, absorbed = _said(file, frames)
            except ValueError as error:
                raise ValueError(f"trajectory {self.path} is damaged: {error}") from None
            _check_about(self.path, found, self._about)
            _check_ours(self.path, steps)
            _check_steps(self.path, steps, absorbed, run.steps, schedule)
            for place in np.flatnonzero(steps >= run.steps).tolist():
                self._there[int(steps[place])] = place


def whole_frames(file):
    """How many frames a file has, without one at its end of which a kill has left a part."""
    last = file.nframes - 1
    if last < 0:
        return 0
    ours = [f"log/mpack/{name}" for name in _files.EXACT]
    if file.chunk_exists(0, "log/mpack/run"):
        ours += [f"log/{name}" for name in LOGGED]
    there, before = (
        [file.chunk_exists(place, name) for name in ours] for place in (last, max(last - 1, 0))
    )
    cut_off = any(there) and not all(there) and (last == 0 or all(before))
    return last if cut_off else file.nframes


def logged(file, place, name):
    """What the log of a frame says: a number, or text for the digest; ValueError if it is damaged."""
    try:
        value = file.read_chunk(place, f"log/{name}")
        return bytes(value).decode() if name == "digest" else value.reshape(-1)[0].item()
    except Exception as error:  # whatever a damaged file provokes in gsd
        raise ValueError(f"log/{name} of frame {place} is damaged: {error}") from None


def image_of(file, place, n):
    """How often each particle has left the box upwards since step 0, int32 (n, 3), as a frame says."""
    for frame in (place, 0):
        if file.chunk_exists(frame, "particles/image"):
            return file.read_chunk(frame, "particles/image")
    return np.zeros((n, 3), dtype=np.int32)


def _image(wraps):
    image = np.zeros((len(wraps), 3), dtype=np.int32)
    image[:, : wraps.shape[1]] = wraps
    return image


def about_run(file):
    """What a file says of its run, or None; ValueError if it is damaged."""
    if not file.nframes or not file.chunk_exists(0, "log/mpack/run"):
        return None
    try:
        return dict(json.loads(bytes(file.read_chunk(0, "log/mpack/run")).decode()))
    except Exception as error:
        raise ValueError(f"what it says of its run is damaged: {error}") from None


def _said(file, frames):
    """Of which run a file says that it is; the steps of its frames, -1 where one says none; if the last is at rest."""
    found, steps = about_run(file), np.full(frames, -1)
    for place in range(frames):
        if file.chunk_exists(place, "log/step"):
            steps[place] = logged(file, place, "step")
    rests = found is not None and steps[-1] >= 0 and logged(file, frames - 1, "activity") == 0.0
    return found, steps, rests


def about(run, names):
    """Of which run a file is, in words that a message can quote: what its first frame says."""
    from mpack._kernels.noise import STREAM_VERSION

    start = run.start
    return {
        "dynamics": repr(run.dynamics),
        "seed": run.seed,
        "start": bytes(_files.exact_content(start)["checksum"]).hex(),
        "n": start.n,
        "phi": start.phi,
        "dim": start.dim,
        "watch": sorted(names),
        "stream": STREAM_VERSION,
    }


def _bytes(text):
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _checked_path(path):
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"trajectory must be the name of a file; got {_check.short(path)}")
    found = Path(os.fsdecode(path))
    if found.suffix.lower() != ".gsd":
        raise ValueError(f"trajectory must end in .gsd; got {str(found)!r}")
    return found


@contextlib.contextmanager
def _held(path):
    """No other writer gets the file while the block runs."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_lock.only_writer(path))
        except _lock.Taken:
            raise ValueError(
                f"trajectory {path} is in use by another run; wait until it has ended, or give "
                "another name"
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise ValueError(
                f"trajectory {path} cannot be locked, so that no other run writes it: {error}"
            ) from None
        yield


@contextlib.contextmanager
def _opened(path):
    try:
        file = _files.open_own(path)
    except Exception as error:
        raise ValueError(f"trajectory {path} is a file that is none: {error}") from None
    with file:
        yield file


def _check_about(path, found, wanted):
    if found is None:
        raise ValueError(f"trajectory {path} is a file that no run has begun; give another name")
    for name, value in wanted.items():
        if found.get(name) != value:
            raise ValueError(
                f"trajectory {path} is of another run: its {name} is {found.get(name)!r}, and that "
                f"of this run {value!r}; give another name"
            )


def _check_ours(path, steps):
    if np.any(steps < 0):
        place = np.argmax(steps < 0)
        raise ValueError(
            f"trajectory {path} has a frame of another program, {place}; give another name"
        )
    if np.any(np.diff(steps) <= 0):
        raise ValueError(f"trajectory {path} is damaged: its steps do not increase")


def _check_steps(path, steps, absorbed, now, schedule):
    """The frames of a file must be those that the run has passed, and the next ones of the schedule."""
    before, after = steps[steps < now], steps[steps >= now]
    if len(before):
        missing = schedule.between(int(before[-1]) + 1, now - 1)
        if len(missing) and not absorbed:
            raise ValueError(
                f"trajectory {path} ends at step {before[-1]}, and the run is at step {now}: the "
                f"frame of step {missing[0]} is missing; give another name"
            )
    if not len(after):
        return
    planned = schedule.between(now, int(after[-1]))
    if absorbed:  # the frame in which a run came to rest stands where it did
        planned = np.union1d(planned, after[-1:])
    if not np.array_equal(planned, after):
        other = np.setxor1d(planned, after)[0]
        verb = "has no frame" if other in planned else "has a frame"
        raise ValueError(
            f"trajectory {path} {verb} of step {other}, unlike frames={schedule!r} of a run at "
            f"step {now}; give another name"
        )


def _without_the_last(path):
    """Write a file anew without the last frame, which a kill has cut off."""
    import gsd.fl

    with _opened(path) as file, _files.replacing(path) as temporary:
        names = file.find_matching_chunk_names("")
        how = {"application": file.application, "schema": file.schema}
        with gsd.fl.open(temporary, "x", schema_version=list(file.schema_version), **how) as copy:
            for place in range(whole_frames(file)):
                for name in names:
                    if file.chunk_exists(place, name):
                        copy.write_chunk(name, _chunk(path, file, place, name))
                copy.end_frame()


def _chunk(path, file, place, name):
    try:
        return file.read_chunk(place, name)
    except Exception as error:  # whatever a damaged file provokes in gsd
        raise ValueError(
            f"trajectory {path} is damaged: {name} of frame {place}: {error}"
        ) from None
