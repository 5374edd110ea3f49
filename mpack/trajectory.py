"""Trajectories in GSD files: the packings that a run passed, read one at a time.

`mpack.simulate(..., frames=mpack.every(100), trajectory="run.gsd")` writes one;
`mpack.frames("run.gsd")` reads it. Other programs read it, too: OVITO, freud, MDAnalysis, gsd.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from mpack import _check, _files, _writer
from mpack._expressions import dynamics_of
from mpack._types import AnyPath
from mpack._watching import Watch
from mpack.dynamics import Dynamics
from mpack.packing import Packing
from mpack.simulation import Run, simulate

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Trajectory", "frames", "resume"]


def frames(path: AnyPath) -> Trajectory:
    """The frames of a GSD file that `mpack.simulate` or `Packing.save` wrote, read when asked for.

    Parameters
    ----------
    path : path
        Also while a run still writes it: the frames there are now.

    Returns
    -------
    Trajectory
        A sequence of packings; `log` is the table of their steps, activities, energies, digests and
        of what was watched.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or of another program, whose frames `Packing.load` reads.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import mpack
    >>> start, rule = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1), mpack.PairwiseBRO(eps=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "run.gsd"
    ...     how = dict(frames=mpack.every(10), trajectory=path)
    ...     run = mpack.simulate(start, rule, steps=30, seed=1, **how)
    ...     with frames(path) as passed:
    ...         steps, contacts = passed.steps.tolist(), [mpack.contacts(p).mean for p in passed]
    ...         same = passed[-1] == run.final
    >>> steps, len(contacts), same
    ([0, 10, 20, 30], 4, True)
    """
    return Trajectory(path)


def resume(path: AnyPath, dynamics: Dynamics | None = None, watch: Watch | None = None) -> Run:
    """The last frame of a trajectory as a Run: `mpack.simulate(resume(path), steps=...)` goes on exactly.

    For a run whose program was killed: nothing is computed again.

    Parameters
    ----------
    path : path
        A file whose first frame is of step 0, with the same name as `trajectory` if frames are to
        be appended to it.
    dynamics : Dynamics, optional
        The rule of the run; read from the file if left out.
    watch : dict from names to functions of a Packing, optional
        The functions of the run, if it is watched: a file holds their names alone.

    Returns
    -------
    Run
        Without the records before, as `mpack.ensemble.resume` gives it; `record` is yours to say
        again.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        If there is no such file, no run has begun it, or it does not begin at step 0; if `dynamics`
        or the names of `watch` are not those of the run.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import mpack
    >>> start, rule = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1), mpack.PairwiseBRO(eps=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     how = dict(frames=mpack.every(10), trajectory=pathlib.Path(folder) / "run.gsd")
    ...     whole = mpack.simulate(start, rule, steps=15, seed=1, **how)
    ...     begun = mpack.trajectory.resume(how["trajectory"])
    ...     again = mpack.simulate(begun, steps=5, **how)
    >>> begun.steps, again.digest == whole.digest
    (10, True)
    """
    with Trajectory(path) as passed:
        about, steps = passed.run, passed.steps
        if about is None or not len(steps) or steps[0] != 0:
            raise ValueError(
                f"path must be of a trajectory that begins at step 0, whose origin is known; {path} "
                f"begins at {'no run' if about is None or not len(steps) else f'step {steps[0]}'}"
            )
        rule = _rule(about["dynamics"], dynamics)
        begun = simulate(passed[0], rule, steps=0, seed=about["seed"], watch=watch)
        wanted = _writer.about(begun, begun.watch)
        for name in wanted:
            if wanted[name] != about.get(name):
                raise ValueError(
                    f"{name} of the run in {path} is {about.get(name)!r}; got {wanted[name]!r}"
                )
        return _at_the_end(passed, begun)


def _rule(text, given):
    if given is not None:
        return given
    try:
        return dynamics_of(text)
    except (ValueError, TypeError):
        raise ValueError(f"dynamics must be given: the file says {text!r}") from None


def _at_the_end(passed, begun):
    """The run of no steps that the frames are of, as it is at the last of them."""
    final, last = passed[-1], len(passed) - 1
    fields = {name: getattr(begun, name)[:0] for name in ("times", "activity", "energy", "msd")}
    return replace(
        begun,
        final=final,
        steps=int(passed.steps[-1]),
        wraps=np.ascontiguousarray(passed.image(last)[:, : final.dim]),
        watched={name: values[:0] for name, values in begun.watched.items()},
        **fields,
    )


class Trajectory(Sequence[Packing]):
    """Frames of a GSD file as a sequence of packings, see `mpack.frames`; a slice is one, too.

    Nothing is kept in memory but the file's index. A packing's integer coordinates are exact, and
    checked when it is read.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    path : pathlib.Path

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import mpack
    >>> packing = mpack.Packing.lattice("square", cells=4, phi=0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     packing.save(pathlib.Path(folder) / "one.gsd")
    ...     with Trajectory(pathlib.Path(folder) / "one.gsd") as passed:
    ...         len(passed), passed[0] == packing, len(passed[1:])
    (1, True, 0)
    """

    def __init__(self, path: AnyPath) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            raise TypeError(f"path must be the name of a file; got {_check.short(path)}")
        self.path = Path(os.fsdecode(path))
        with open(self.path, "rb"):
            pass  # a missing or unreadable file speaks for itself
        self._file = self._opened()
        self._places = range(_writer.whole_frames(self._file))
        if self._places and not _files.has_exact(self._file, 0):
            self._file.close()
            raise self._refusal("another program wrote them; Packing.load reads such a file")

    def _opened(self):
        """The file; if it was written to meanwhile, so that its tables may not have fitted together, once more."""
        while True:
            before = os.stat(self.path)
            try:
                return _files.open_own(self.path)
            except Exception as error:  # whatever a foreign or hostile file provokes in gsd
                after = os.stat(self.path)
                if (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns):
                    raise self._refusal(error) from None

    def _refusal(self, reason):
        return ValueError(f"{self.path} holds no frames of mpack that can be read: {reason}")

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Packing: ...

    @overload
    def __getitem__(self, place: slice) -> Self: ...

    def __getitem__(self, place: int | slice) -> Packing | Self:
        if isinstance(place, slice):
            part = object.__new__(type(self))
            part.path, part._file, part._places = self.path, self._file, self._places[place]
            return part
        frame = self._places[place]
        try:
            return Packing.from_fixed(**_files.read_own(self._file, frame))
        except Exception as error:
            raise self._refusal(f"frame {frame}: {error}") from None

    def __iter__(self) -> Iterator[Packing]:
        return (self[place] for place in range(len(self)))

    @property
    def steps(self) -> NDArray[np.int64]:
        """The step of each frame, int64; 0 in a file that `Packing.save` wrote."""
        return np.array(
            [self._logged(place, "step") or 0 for place in self._places], dtype=np.int64
        )

    @property
    def log(self) -> DataFrame:
        """A table with one row a frame: activity, energy, digest and what was watched; its index is `steps`.

        Only the columns that the file has: none in one that `Packing.save` wrote.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import mpack
        >>> start = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "run.gsd"
        ...     how = dict(frames=mpack.every(10), trajectory=path)
        ...     how["watch"] = {"pairs": lambda packing: len(packing.overlaps()[0])}
        ...     run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=10, seed=1, **how)
        ...     with mpack.frames(path) as passed:
        ...         passed.log[["activity", "pairs"]]
              activity  pairs
        step
        0          1.0   97.0
        10         1.0   54.0
        """
        import pandas

        found = {name.removeprefix("log/") for name in self._file.find_matching_chunk_names("log/")}
        own = [name for name in ("activity", "energy", "digest") if name in found]
        more = sorted(name for name in found - {*_writer.LOGGED} if "/" not in name)
        columns = {
            name: [self._logged(place, name) for place in self._places] for name in own + more
        }
        return pandas.DataFrame(columns, index=pandas.Index(self.steps, name="step"))

    @property
    def run(self) -> dict[str, Any] | None:
        """Of which run the file is: dynamics, seed, n, phi, dim, watch, ...; None if `Packing.save` wrote it."""
        try:
            return _writer.about_run(self._file)
        except ValueError as error:
            raise self._refusal(error) from None

    def image(self, place: int) -> NDArray[np.int32]:
        """How often each particle had left the box upwards since step 0, int32 (n, 3), in one frame.

        `Packing.centred` of the frame + box * image are unwrapped coordinates, as OVITO and
        MDAnalysis make them.

        Parameters
        ----------
        place : int
            Of the frame, as for a sequence.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import mpack
        >>> start = mpack.Packing.random(n=50, phi=0.9, dim=2, seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     how = dict(frames=[0, 90], trajectory=pathlib.Path(folder) / "run.gsd")
        ...     run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.4), steps=90, seed=1, **how)
        ...     with mpack.frames(how["trajectory"]) as passed:
        ...         way = passed[1].centred() - passed[0].centred() + start.box * passed.image(1)
        >>> bool(abs((way**2).sum(axis=1).mean() / run.msd[-1] - 1) < 1e-12)
        True
        """
        frame = self._places[place]
        try:
            return _writer.image_of(self._file, frame, self[place].n)
        except Exception as error:
            raise self._refusal(f"frame {frame}: {error}") from None

    def _logged(self, place, name):
        if not self._file.chunk_exists(place, f"log/{name}"):
            return None
        try:
            return _writer.logged(self._file, place, name)
        except ValueError as error:
            raise self._refusal(error) from None

    def close(self) -> None:
        """Close the file, for this and its slices; `with` does it, too.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import mpack
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     mpack.Packing.lattice("square", cells=4, phi=0.5).save(f"{folder}/one.gsd")
        ...     passed = mpack.frames(f"{folder}/one.gsd")
        ...     last = passed[-1]
        ...     passed.close()
        >>> last.n
        16
        """
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Trajectory {str(self.path)!r}, {len(self)} frames>"
