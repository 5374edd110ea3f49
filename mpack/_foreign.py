"""Packings of other programs: what a file states of one frame, and the arguments of `Packing` that it makes.

A default is never taken for data: what a file does not state and the physics needs, the caller gives,
or the file is refused with a sentence that says what was found and what is needed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpack import _bodies, _check
from mpack._box import all_equal, mean, sizes

SAME = 1e-6  # relative: lengths that differ by less are one length, rounded to float32 or in print


class BadArgument(ValueError):
    """What the caller asked for does not fit the file; the file itself may be in order."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the caller of `Packing.load` says beside the path: checked, as far as it can be without the file.

    Lengths are in the file's unit. `diameters` is a number, an array (n,) or a dict {type: number}.
    """

    frame: int = -1
    diameters: Any = None
    box: float | None = None
    dim: int | None = None

    @classmethod
    def checked(cls, frame=-1, diameters=None, box=None, dim=None):
        if isinstance(diameters, Mapping):
            diameters = {
                str(name): _check.number(f"diameters[{name!r}]", value, 0, open_low=True)
                for name, value in diameters.items()
            }
        elif diameters is not None:
            wanted = "a number, an array of shape (n,) or a dict {type: number}"
            many = _check.real("diameters", diameters, wanted)
            diameters = (
                sizes("diameters", diameters, many.size)
                if many.ndim
                else _check.number("diameters", diameters, 0, open_low=True)
            )
        return cls(
            _check.integer("frame", frame),
            diameters,
            None if box is None else _check.number("box", box, 0, open_low=True),
            None if dim is None else _check.integer("dim", dim, 2, 3),
        )

    def place(self, frames: int) -> int:
        """The number of the frame asked for, counted from 0, in a file of so many."""
        if frames == 0:
            raise ValueError("it has no frame")
        if not -frames <= self.frame < frames:
            raise BadArgument(
                f"frame must be an integer in [{-frames}, {frames - 1}] for a file of"
                f" {frames} frame{'s'[: frames != 1]}; got {self.frame}"
            )
        return self.frame % frames

    def refuse_all(self) -> None:
        """Say that `Packing.save` wrote the file, which needs nothing from the caller."""
        for name in ("diameters", "box", "dim"):
            if getattr(self, name) is not None:
                raise BadArgument(
                    f"{name} must be left out for what Packing.save wrote, which states it exactly;"
                    f" got {_check.short(getattr(self, name))}"
                )


@dataclasses.dataclass
class Stated:
    """One frame as a file states it, in the file's unit of length; None is what it does not state.

    `unit` is the diameter of spheres of one type where no size is stated, if the format has such a default.
    """

    positions: NDArray[np.float64]  # (n, 2) or (n, 3)
    names: list[str]  # of the types
    types: NDArray[np.int64]  # (n,): places in `names`
    lengths: NDArray[np.float64] | None  # (3,): edges of the box
    tilts: Any = (0.0, 0.0, 0.0)  # of xy, xz and yz, in units of an edge
    periodic: Any = (True, True, True)
    dim: int | None = None
    diameters: NDArray[np.float64] | None = None  # (n,)
    axes: NDArray[np.float64] | None = None  # (n, 3): semi-axes, where particles are no spheres
    orientations: NDArray[np.float64] | None = None  # (n, 4), with them
    unit: float | None = None
    doubt: str | None = None  # why its sizes cannot be told

    def present(self) -> list[str]:
        """The types that any particle has."""
        return [self.names[k] for k in np.unique(self.types)]


def arguments(stated: Stated, asked: Asked) -> dict[str, Any]:
    """Arguments of `Packing` from what a file states: all lengths in mean diameters."""
    if len(stated.positions) == 0:
        raise ValueError("it has no particles")
    dim = _dimension(stated, asked.dim)
    box = _edge(stated, dim, asked.box)
    if stated.axes is not None:
        return _of_bodies(stated, asked, dim, box)
    diameters = _diameters(stated, asked.diameters)
    unit = mean(diameters)
    return {
        "positions": stated.positions[:, :dim] / unit,
        "box": box / unit,
        "diameters": np.ones(len(diameters)) if all_equal(diameters) else diameters / unit,
    }


def _of_bodies(stated, asked, dim, box):
    """The same of particles that are no spheres: lengths in the mean of 2 R_eq."""
    if asked.diameters is not None:
        raise BadArgument(
            "diameters must be left out where the file states the shapes of its particles"
        )
    semi = _bodies.semi_axes("its semi-axes", stated.axes[:, :dim], len(stated.axes), dim)
    unit = 2.0 * mean(_bodies.equal_volume(semi, dim))
    return {
        "positions": stated.positions[:, :dim] / unit,
        "box": box / unit,
        "axes": semi[:, :dim] / unit,
        "orientations": stated.orientations,
    }


def _dimension(stated, asked):
    """2 or 3: as the caller says, or the file, or the only way that the file can be meant."""
    thin = stated.lengths is not None and not _same(stated.lengths[2], stated.lengths[0])
    if stated.positions.shape[1] == 2:
        if asked != 2 and not (asked is None and (thin or stated.lengths is None)):
            raise ValueError(
                f"it states no z, and{_said(stated.lengths)}: dim=2 reads it as two-dimensional"
            )
        return 2
    z = stated.positions[:, 2]
    flat, dim = bool(np.all(z == z[0])), asked or stated.dim
    if dim is None:
        if flat and not thin:
            raise ValueError(
                f"all its z are {z[0]:g} and{_said(stated.lengths)}: say which it is, dim=2 or dim=3"
            )
        dim = 2 if flat else 3
    if dim == 2 and not (flat and (stated.dim is None or z[0] == 0)):
        raise ValueError(
            f"it is to have 2 dimensions, but its z are {z.min():g} to {z.max():g}, where all must be 0"
        )
    if dim == 3 and flat and thin:
        raise ValueError(
            f"{'it is to have' if asked else 'it says that it has'} 3 dimensions, but all its z are {z[0]:g} and"
            f"{_said(stated.lengths)}: dim=2 reads it as two-dimensional"
        )
    return dim


def _said(lengths):
    """The box in words."""
    if lengths is None:
        return " it states no box"
    return f" its box is {' x '.join(f'{length:.6g}' for length in lengths)}"


def _same(a, b):
    return abs(a - b) <= SAME * abs(b)


def _edge(stated, dim, asked):
    """The edge length of the square or cube."""
    if stated.lengths is None:
        if asked is None:
            raise ValueError(
                "it states no box: give the edge length of the square or cube by box=, in its unit"
            )
        return asked
    said = _said(stated.lengths)
    if asked is not None:
        raise BadArgument(f"box must be left out where the file states it:{said}; got {asked!r}")
    if not all(abs(tilt) <= SAME for tilt in stated.tilts):
        tilts = ", ".join(f"{tilt:.6g}" for tilt in stated.tilts)
        raise ValueError(f"{said[1:]}, tilted by {tilts}, which is neither a square nor a cube")
    edges = np.asarray(stated.lengths[:dim], dtype=float)
    if not all(_same(edge, edges[0]) for edge in edges):
        raise ValueError(f"{said[1:]}, in {dim} dimensions neither a square nor a cube")
    if not all(stated.periodic[:dim]):
        walls = [axis for axis, free in zip("xyz", stated.periodic[:dim]) if not free]
        raise ValueError(f"it says that it is not periodic along {', '.join(walls)}")
    return float(edges[0])


def _diameters(stated, asked):
    """(n,) diameters: the caller's, or the file's."""
    n = len(stated.positions)
    if asked is not None:
        return _given(stated, asked, n)
    if stated.doubt:
        raise ValueError(
            f"{stated.doubt}: give the right ones by diameters=, in its unit of length"
        )
    if stated.diameters is not None:
        found = np.asarray(stated.diameters, dtype=float)
        if found.shape != (n,):
            raise ValueError(f"it has diameters of shape {found.shape}, where ({n},) is needed")
        bad = np.flatnonzero(~((found > 0) & (found < math.inf)))
        if len(bad):
            raise ValueError(
                f"its diameters must be positive numbers; that of particle {bad[0]} is {found[bad[0]]:g}"
            )
        return found
    present = stated.present()
    if len(present) > 1:
        raise ValueError(
            f"its particles are of {len(present)} types, {_listed(present)}, and it does not state the size of"
            f" each: give it by diameters=, {{type: diameter}} or one for each of the {n} particles"
        )
    if stated.unit is None:
        raise ValueError(
            "it states no sizes: give them by diameters=, in its unit of length;"
            " diameters=1.0 if that is the diameter of its spheres"
        )
    return np.full(n, stated.unit)


def _given(stated, asked, n):
    if not isinstance(asked, dict):
        if np.ndim(asked) and len(asked) != n:
            raise BadArgument(
                f"diameters must have shape ({n},), one for each particle of the file; got ({len(asked)},)"
            )
        return np.array(np.broadcast_to(asked, n), dtype=float)
    present = stated.present()
    if not set(present) <= set(asked):
        raise BadArgument(
            f"diameters must name all types of the file, {_listed(present)}; got {_listed(asked) or 'none'}"
        )
    return np.array([asked.get(name, math.nan) for name in stated.names])[stated.types]


def _listed(names):
    """Names for a message, not too many."""
    said = [repr(str(name)) for name in names]
    return ", ".join(said if len(said) <= 8 else [*said[:6], f"... ({len(said)})"])
