"""The shapes of bodies that are no spheres, and how they are turned: semi-axes, unit quaternions, checks.

Semi-axes are in mean 2 R_eq, R_eq = (a b c)**(1/3) (two dimensions: (a b)**(1/2)) the radius of the
sphere of the same volume: so an ellipsoid with a = b = c is the sphere of diameter 2a, and a packing
fraction means the same. In two dimensions a body turns about z alone; its third semi-axis, which
cancels out of all that is computed, is the shorter of the two.
"""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._box import DIGITS, all_equal, mean

LARGEST_ASPECT = 10.0  # Newton's six iterations have been tried up to there


@dataclass(frozen=True, eq=False)
class Bodies:
    """Semi-axes (n, 3), quaternions (n, 4) and R_eq (n,) of bodies, read-only."""

    semi: NDArray[np.float64]
    turns: NDArray[np.float64]
    radii: NDArray[np.float64]

    def __post_init__(self):
        for array in (self.semi, self.turns, self.radii):
            array.flags.writeable = False

    def turned(self, turns: NDArray[np.float64]) -> Bodies:
        """The same bodies with other quaternions, taken as they are."""
        return Bodies(self.semi, np.array(turns), self.radii)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bodies) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("semi", "turns", "radii")
        )

    def __hash__(self) -> int:
        return hash((self.semi.tobytes(), self.turns.tobytes()))


def semi_axes(name: str, axes: ArrayLike, n: int, dim: int) -> NDArray[np.float64]:
    """`axes`, of all bodies alike or of each, as an array (n, 3)."""
    if dim not in (2, 3):
        raise ValueError(f"{name} are for dim 2 and 3; got dim = {dim}")
    shape = (dim,) if np.ndim(axes) == 1 else (n, dim)
    given = _check.array(name, axes, shape)
    if np.any(given <= 0):
        raise ValueError(f"{name} must be > 0; got {float(given.min())!r}")
    rows = np.broadcast_to(given, (n, dim))
    aspect = float((rows.max(axis=1) / rows.min(axis=1)).max())
    if aspect > LARGEST_ASPECT:
        raise ValueError(
            f"{name} must have a ratio of {LARGEST_ASPECT:g} at most, the longest of a body to its "
            f"shortest; got {aspect:.6g}"
        )
    return np.ascontiguousarray(np.column_stack((rows, rows.min(axis=1)))[:, :3])


def equal_volume(semi: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    """R_eq of each body, correctly rounded."""
    distinct, which = np.unique(semi[:, :dim], axis=0, return_inverse=True)
    return np.array([_root(row, dim) for row in distinct.tolist()])[which.ravel()]


def _root(row, dim):
    with decimal.localcontext(DIGITS):
        product = decimal.Decimal(1)
        for a in row:
            product *= decimal.Decimal(a)
        return float((product.ln() / dim).exp())


def normalised(name: str, axes: ArrayLike, n: int, dim: int) -> NDArray[np.float64]:
    """Relative semi-axes (n, 3) divided by the mean of 2 R_eq."""
    semi = semi_axes(name, axes, n, dim)
    unit = 2.0 * mean(equal_volume(semi, dim))
    return semi / unit


def bodies(semi: NDArray[np.float64], turns: NDArray[np.float64], dim: int) -> Bodies:
    """The bodies with these semi-axes (n, 3) and quaternions (n, 4).

    Raises
    ------
    ValueError
        If the mean of 2 R_eq is not 1 to 1e-9.
    """
    radii = equal_volume(semi, dim)
    found = 2.0 * mean(radii)
    if not abs(found - 1.0) <= 1e-9:
        raise ValueError(
            "axes must be in units of the mean of 2 R_eq, R_eq the radius of the sphere of the same "
            f"volume: divide axes, box and positions by {found!r}"
        )
    if all_equal(radii):
        radii = np.full(len(semi), 0.5)
    return Bodies(semi, turns, radii)


def are_spheres(semi: NDArray[np.float64], dim: int) -> bool:
    """Whether no body is longer one way than another."""
    return bool(np.all(semi[:, :dim] == semi[:, :1]))


def aspects(axes: NDArray[np.float64]) -> str:
    """Semi-axes (n, d) in words, relative to the shortest, of the first body and of how many kinds."""
    kinds = np.unique(np.round(axes / axes.min(axis=1, keepdims=True), 6), axis=0)
    first = " : ".join(f"{a:.4g}" for a in kinds[-1])
    return first + (f" and {len(kinds) - 1} more" if len(kinds) > 1 else "")


def quaternions(orientations: ArrayLike | None, n: int, dim: int) -> NDArray[np.float64]:
    """Unit quaternions (n, 4); from angles (n,) in two dimensions; all upright if None."""
    if orientations is None:
        return np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    if dim == 2 and np.ndim(orientations) == 1:
        half = 0.5 * _check.array("orientations", orientations, (n,))
        zero = np.zeros(n)
        return np.column_stack((np.cos(half), zero, zero, np.sin(half)))
    turns = _check.array("orientations", orientations, (n, 4))
    norms = np.sqrt(np.sum(turns * turns, axis=1))
    if np.any(np.abs(norms - 1.0) > 1e-6):
        k = int(np.argmax(np.abs(norms - 1.0)))
        raise ValueError(
            f"orientations must be unit quaternions (w, x, y, z); orientations[{k}] has norm {norms[k]:.6g}"
        )
    if dim == 2 and np.any(turns[:, 1:3] != 0.0):
        raise ValueError("orientations must be turns about z in two dimensions: (w, 0, 0, z)")
    exact = np.abs(norms - 1.0) <= 4e-16
    return np.where(exact[:, None], turns, turns / norms[:, None])


def random_turns(n: int, dim: int, seed: int) -> NDArray[np.float64]:
    """Uniform orientations: four Gaussians (two dimensions: two), normalised; labels (particle, block)."""
    from mpack._kernels import noise

    blocks = 2 if dim == 3 else 1
    particle = np.repeat(np.arange(n, dtype=np.uint64), blocks)
    block = np.tile(np.arange(blocks, dtype=np.uint64), n)
    drawn = np.empty((n * blocks, 2))
    noise.fill_gaussian_pair(
        np.uint64(seed), noise.ORIENTATION, np.uint64(0), particle, block, drawn
    )
    turns = np.zeros((n, 4))
    turns[:, [0, 1, 2, 3] if dim == 3 else [0, 3]] = drawn.reshape(n, 2 * blocks)
    squares = turns * turns
    norms = np.sqrt((squares[:, 0] + squares[:, 1]) + (squares[:, 2] + squares[:, 3]))
    return turns / norms[:, None]


def check(potential: Any) -> None:
    """Refuse potentials that bodies cannot have: that reach beyond contact, or push without bound."""
    if not (potential.reach == 1.0 and math.isfinite(potential.steepest)):
        raise ValueError(
            "potential must end at contact and have a bounded force, as Linear, Harmonic, Hertzian "
            f"and such a Tabulated do, for particles that are no spheres; got {potential!r}"
        )


def arguments(found: Bodies | None, dim: int) -> dict[str, Any]:
    """What `Packing.from_fixed` is given besides, to make the same bodies."""
    return {} if found is None else {"axes": found.semi[:, :dim], "orientations": found.turns}


def frames(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrices (n, 3, 3) of quaternions: the body's own axes are their columns."""
    w, x, y, z = turns.T
    rows = (
        (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
        (2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)),
        (2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
