"""Spheres or ellipsoids that the library moves: what `mpack.widgets.drive(...)` shows.

Front end and kernel talk in custom messages, not in traits: a frame is one message with its numbers
as bytes, made in a thread of its own, and the next one is not sent before the front end has said
that it drew this one. So a slow page, or one that is out of sight, slows the run down and piles
nothing up. A trait, set from two threads, could be torn apart.

From the front end: {"hello"} once it is there, {"drawn": number}, {"go": bool}, {"once": true},
{"stride": steps}, and {"ask": true} when it has heard nothing for a while. From the kernel: a frame
{"frame": number, ...} with a buffer of float32, {"going": bool}, {"error": sentence}, and {"here":
true} to everything but "drawn": a kernel that is gone is missed.
"""

from __future__ import annotations

import threading

import numpy as np
import traitlets

from mpack import _check, simulation, widgets
from mpack._pairs import check_packing
from mpack.observables import nearest_displacements
from mpack.widgets._background import Background

MOST_STRIDE = 1_000_000
MOST_POINTS = 2_000  # of the curve of activity
DIMENSIONS = (2, 3)


class Driven(widgets.Spheres):  # type: ignore[misc, valid-type]  # made from data when asked for
    """The figure of spheres, driven by the library; made by `mpack.widgets.drive`.

    Attributes
    ----------
    trajectory : Run
        The run as far as it has come: the same, bit for bit, as `mpack.simulate` gives.
    error : Exception or None
        What went wrong; it is shown too.
    stride : int
        Steps between two frames.
    """

    driven = traitlets.Bool(True).tag(sync=True)
    _background = None

    def __init__(self, packing, dynamics, *, seed, stride, threads, **look):
        check_packing(packing, centres=True)
        if packing.dim not in DIMENSIONS:
            raise ValueError(f"packing must have dim 2 or 3 to be seen; got dim {packing.dim}")
        self.stride = _check.integer("stride", stride, 1, MOST_STRIDE)
        self.trajectory = simulation.simulate(
            packing, dynamics, steps=0, seed=seed, threads=threads
        )
        self.error, self._threads = None, threads
        self._number = self._drawn = 0  # of the last frame sent, and of the last one drawn
        self._curve = [(0, float(self.trajectory.activity[-1]))]
        self._moved = np.zeros(packing.n, np.float32)
        self._door = threading.Lock()  # one start or stop at a time
        super().__init__(**{"colour": "kick"} | look)

    # ------------------------------------------------------------------------------------------
    # from Python

    @property
    def running(self) -> bool:
        """True while it runs."""
        return self._background is not None and self._background.running

    def start(self, frames: int | None = None) -> None:
        """Run, in the background, from where it is: what *Run* does. At most so many frames, if given."""
        with self._door:
            if self.running or self.trajectory.absorbed:
                return
            self.error = None
            background = Background(lambda background: self._work(background, frames), self._ended)
            self._background = background
            self.send({"going": True})  # before it can say that it has ended
            background.start()

    def stop(self) -> None:
        """Stop, and keep what it has come to: what *Stop* does."""
        if self._background is not None:
            self._background.stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has stopped, at most so long; True if it has."""
        return self._background is None or self._background.wait(seconds)

    def close(self) -> None:
        """Stop, and take the figure off the page."""
        self.stop()
        super().close()

    # ------------------------------------------------------------------------------------------ the
    # front end

    def _heard(self, _, content, buffers):
        """A message from the front end, in the kernel's own thread."""
        if "drawn" in content:
            self._drawn = max(self._drawn, int(content["drawn"]))
            if self._background is not None:
                self._background.wake()
            return
        if "hello" in content:
            self._drawn = self._number
            self._show(series=True)
            self.send({"going": self.running, **self._said()})
        elif "stride" in content:
            self.stride = min(MOST_STRIDE, max(1, int(content["stride"])))
        elif "once" in content:
            self.start(frames=1)
        elif "go" in content:
            self.start() if content["go"] else self.stop()
        self.send({"here": True})

    def _said(self):
        """What is to be said of an error, if there is one."""
        if self.error is None:
            return {}
        known = isinstance(self.error, (ValueError, TypeError))
        return {"error": str(self.error) if known else f"{type(self.error).__name__}: {self.error}"}

    # ------------------------------------------------------------------------------------------ in
    # the background

    def _work(self, background, frames):
        while frames is None or frames > 0:
            run = simulation.simulate(self.trajectory, steps=self.stride, threads=self._threads)
            self._moved = _lengths(self.trajectory.final, run.final)
            self.trajectory = run
            self._note(run)
            if run.absorbed or not background.pause(lambda: self._drawn >= self._number):
                return  # at rest; or stopped meanwhile
            self._show()
            frames = None if frames is None else frames - 1

    def _ended(self):
        self.error = self._background.error
        self._show()
        self.send({"going": False, **self._said()})

    def _note(self, run):
        self._curve.append((run.steps, float(run.activity[-1])))
        if len(self._curve) > MOST_POINTS:
            self._curve[1:-1] = self._curve[1:-1:2]

    def _show(self, series=False):
        """Send a frame: places as shares of the box, lengths moved since the last one, and diameters if not 1.

        Of bodies that are no spheres also orientations and semi-axes.
        """
        run = self.trajectory
        packing = run.final
        places = np.zeros((packing.n, 3), np.float32)
        places[:, : packing.dim] = packing.positions / packing.box
        parts = [places.ravel(), self._moved]
        if not packing.monodisperse:
            parts.append(packing.diameters)
        if packing.bodies is not None:
            parts += [packing.bodies.turns, packing.bodies.semi]
        self._number += 1
        about = {
            "frame": self._number,
            "n": packing.n,
            "dim": packing.dim,
            "bodies": packing.bodies is not None,
            "box": packing.box,
            "phi": packing.phi,
            "steps": run.steps,
            "activity": float(run.activity[-1]),
            "absorbed": run.absorbed,
            "stride": self.stride,
            "digest": run.digest,
            "python": f"mpack.simulate(packing, mpack.{run.dynamics!r}, steps={run.steps}, seed={run.seed})",
        }
        if series:
            about["series"] = self._curve
        numbers = [part.astype(np.float32).ravel() for part in parts]
        self.send(about, [np.concatenate(numbers).tobytes()])

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        data.pop("text/html")  # without a kernel there is nothing to drive it
        return data, metadata


def _lengths(before, after):
    """How far each particle has moved between two packings in one box, in mean diameters, the nearest way."""
    return np.linalg.norm(nearest_displacements(before, after), axis=1).astype(np.float32)
