"""Pair potentials: what two spheres cost each other at a separation r.

All lengths are in mean diameters; d_ij = R_i + R_j is the contact distance of a pair (additive
radii), 1 for equal spheres. Every potential is short-ranged and exactly zero from its range on, so
every one makes a valid stochastic gradient descent (`mpack.SGD`, `mpack.RCD`).

Two particles at exactly the same point (r = 0) overlap, and their energy is U(0); the direction of
their force is undefined, and the dynamics push them as if they stood 2**-64 of the box apart along
the first axis, the lower label on the positive side. Where U(0) is infinite (WCA, Lennard-Jones)
energies, forces and curvatures are cut at 1e200.
"""

from __future__ import annotations

import functools
import hashlib
import math
import warnings
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._types import FloatOrArray


@dataclass(frozen=True)
class Potential:
    """What all potentials share; use `Linear`, `Harmonic`, `Hertzian`, `WCA`, `LennardJones`, `Tabulated`.

    Examples
    --------
    >>> import mpack
    >>> isinstance(mpack.WCA(), mpack.potentials.Potential)
    True
    """

    _kind: ClassVar[int]

    def __post_init__(self):
        if type(self) is Potential:
            raise TypeError(
                "Potential is a base class; use Linear, Harmonic, Hertzian, WCA, LennardJones, "
                "Tabulated"
            )
        for field in fields(self):
            value = _check.number(field.name, getattr(self, field.name), 0, 1e100, open_low=True)
            object.__setattr__(self, field.name, value)

    @property
    def kind(self) -> int:
        """The potential's number in `mpack._kernels.forces`."""
        return self._kind

    @property
    def parameters(self) -> tuple[float, float]:
        """Its numbers, as the two floats that go to the kernels."""
        values = [getattr(self, field.name) for field in fields(self)]
        first, second = (values + [0.0, 0.0])[:2]
        return first, second

    def energy(self, r: ArrayLike, d: ArrayLike = 1.0) -> FloatOrArray:
        """Energy U(r) of a pair, in the units of the potential's own prefactor (see each one's equation).

        Parameters
        ----------
        r : float or array
            Separation, >= 0.
        d : float or array
            Contact distance d_ij, > 0; broadcast against `r`.

        Returns
        -------
        float or array
            U(r); 0 for r >= range(d).

        Raises
        ------
        ValueError, TypeError
            If a separation is negative or not finite, a contact distance not positive, if their
            shapes do not go together, or if they are no numbers.

        Examples
        --------
        >>> import mpack
        >>> mpack.Harmonic(stiffness=8).energy([0.5, 0.75, 1.0]).tolist()
        [1.0, 0.25, 0.0]
        """
        return self._evaluate("fill_energy", r, d)

    def force(self, r: ArrayLike, d: ArrayLike = 1.0) -> FloatOrArray:
        """Force -dU/dr of a pair, positive when it pushes apart; arguments and errors as for `energy`.

        Examples
        --------
        >>> import mpack
        >>> mpack.Linear().force([0.2, 0.9, 1.1]).tolist()
        [0.5, 0.5, 0.0]
        """
        return self._evaluate("fill_force", r, d)

    def curvature(self, r: ArrayLike, d: ArrayLike = 1.0) -> FloatOrArray:
        """Second derivative d2U/dr2 inside the range; arguments and errors as for `energy`.

        A kink at the range (linear: a step ½ in the force) is not represented.

        Examples
        --------
        >>> import mpack
        >>> mpack.Harmonic(stiffness=8).curvature(1.0, d=2.0).tolist()
        2.0
        """
        return self._evaluate("fill_curvature", r, d)

    def range(self, d: ArrayLike = 1.0) -> FloatOrArray:
        """Separation from which on a pair with contact distance `d` (> 0, float or array) does not interact.

        Examples
        --------
        >>> import mpack
        >>> mpack.LennardJones(cutoff=3).range([1.0, 1.5]).tolist()
        [3.0, 4.5]
        """
        if type(d) is float and 0.0 < d < math.inf:  # asked for at the start of every run
            return self.reach * d
        return self.reach * _distance(d)[()]

    @property
    def reach(self) -> float:
        """The range in units of the contact distance: 1, or the cut-off of Lennard-Jones or a table."""
        return 1.0

    @property
    def steepest(self) -> float:
        """A bound on the size of the force at contact distance 1; infinite where there is none.

        Examples
        --------
        >>> import mpack
        >>> mpack.Harmonic(stiffness=3).steepest, mpack.WCA().steepest
        (3.0, inf)
        """
        return math.inf

    @property
    def table(self) -> NDArray[np.float64]:
        """What the kernels get beside `parameters`: the cubics of a `Tabulated` potential.

        Examples
        --------
        >>> import mpack
        >>> len(mpack.Tabulated([0.1, 0.4, 0.7, 1.0], [3, 2, 1, 0]).table)
        20
        """
        return np.zeros(1)

    def _evaluate(self, kernel, r, d):
        from mpack._kernels import forces

        r, d = separations(r, d)
        out = np.empty(r.size)
        given = (self.kind, *self.parameters, self.table)
        getattr(forces, kernel)(*given, r.ravel(), d.ravel(), out)
        return out.reshape(r.shape)[()]


@dataclass(frozen=True)
class Linear(Potential):
    """Linear repulsion, the model's own potential: U = (d_ij - r)/2, force 1/2, whatever the diameters.

    Source: Zhang and Martiniani, arXiv 2411.11834, Eq. 3.

    Examples
    --------
    >>> import mpack
    >>> mpack.Linear().energy(0.75).tolist()
    0.125
    """

    _kind = 0

    @property
    def steepest(self) -> float:
        """1/2, whatever the diameters."""
        return 0.5


@dataclass(frozen=True)
class Harmonic(Potential):
    """Harmonic repulsion: U = (k/2) (1 - r/d_ij)**2, k the stiffness (an energy; U'' = k/d_ij**2).

    The overlap is measured in units of the pair's own contact distance, as is usual for jammed
    packings. Source: O'Hern, Silbert, Liu, Nagel, Phys. Rev. E 68, 011306 (2003), with exponent 2.

    Parameters
    ----------
    stiffness : float
        k > 0, an energy.

    Examples
    --------
    >>> import mpack
    >>> mpack.Harmonic().energy(0.5).tolist()
    0.125
    """

    stiffness: float = 1.0
    _kind = 1

    @property
    def steepest(self) -> float:
        """The stiffness."""
        return self.stiffness


@dataclass(frozen=True)
class Hertzian(Potential):
    """Hertzian repulsion: U = (2k/5) (1 - r/d_ij)**(5/2), k the stiffness (an energy).

    Source: O'Hern, Silbert, Liu, Nagel, Phys. Rev. E 68, 011306 (2003), with exponent 5/2.

    Parameters
    ----------
    stiffness : float
        k > 0, an energy.

    Examples
    --------
    >>> import mpack
    >>> mpack.Hertzian(stiffness=5).energy(0.0).tolist()
    2.0
    """

    stiffness: float = 1.0
    _kind = 2

    @property
    def steepest(self) -> float:
        """The stiffness."""
        return self.stiffness


@dataclass(frozen=True)
class WCA(Potential):
    """Repulsive part of Lennard-Jones, its minimum at contact: U = epsilon ((d_ij/r)**6 - 1)**2, r < d_ij.

    This is 4 epsilon [(s/r)**12 - (s/r)**6] + epsilon with s = d_ij/2**(1/6). The usual choice s =
    d_ij would make particles interact before they overlap; with this one, interacting, overlapping
    and active mean the same, and the packing fraction has its usual meaning. Source: Weeks,
    Chandler, Andersen, J. Chem. Phys. 54, 5237 (1971).

    Parameters
    ----------
    epsilon : float
        The energy at r = 0.89 d_ij (d_ij/2**(1/6)); > 0.

    Examples
    --------
    >>> import mpack
    >>> round(float(mpack.WCA().energy(0.5 ** (1 / 6))), 12)
    1.0
    """

    epsilon: float = 1.0
    _kind = 3


@dataclass(frozen=True)
class LennardJones(Potential):
    """Lennard-Jones, truncated and shifted: U = 4 epsilon [(d_ij/r)**12 - (d_ij/r)**6] - U_cut.

    It acts for r < cutoff d_ij. The length of the potential is d_ij itself, U_cut makes U
    continuous at the cut-off, and the force jumps there by its small value, as usual. The cut-off
    is in units of d_ij, in [1, 10]. Pairs interact, and are active, up to the cut-off, well before
    they overlap.

    Parameters
    ----------
    epsilon : float
        Depth of the untruncated well, an energy; > 0.
    cutoff : float
        In units of the contact distance, in [1, 10].

    Examples
    --------
    >>> import mpack
    >>> potential = mpack.LennardJones(cutoff=2.5)
    >>> potential.reach, potential.energy(2.5).tolist()
    (2.5, 0.0)
    """

    epsilon: float = 1.0
    cutoff: float = 2.5
    _kind = 4

    def __post_init__(self):
        _check.number("cutoff", self.cutoff, 1, 10)
        super().__post_init__()

    @property
    def reach(self) -> float:
        """The cut-off, in units of the contact distance."""
        return self.cutoff


MOST_POINTS = 10_000  # of a table
PULL = 1e-6  # of the forces around: what a spline may pull by without a warning


@dataclass(frozen=True, repr=False)
class Tabulated(Potential):
    """A potential of one's own: U = energies[k] at r = r[k] d_ij, a cubic spline between.

    Force and curvature of the spline are continuous and, at the second point and the last but one,
    its third derivative, too (not-a-knot). It is made and evaluated by + - * / alone, so that the
    bits are the same on every machine. Below r[0] the potential goes on along its tangent, with the
    force that it has there; from r[-1] on it is 0, and energies[-1] must be.

    With points at most h apart and U^(4) the fourth derivative of U, the error of U is of the order
    of (5/384) h**4 max |U^(4)|, that of the force h**3/24 and that of the curvature (3/8) h**2 times
    the same. A cubic is exact to rounding, and so is the harmonic repulsion. Put points closer
    where U bends more; a kink of U inside the range is smoothed over two or three intervals.

    Parameters
    ----------
    r : array-like, shape (points,)
        Separations in units of the contact distance, >= 0, increasing by 1e-6 or more; 4 to 10,000
        of them. The last one is the range, <= 10.
    energies : array-like, shape (points,)
        U there, at most 1e80 in size; the last one 0.

    Raises
    ------
    ValueError, TypeError
        If the arrays are malformed, with the place and the value.

    Warns
    -----
    UserWarning
        Energies only fall, and the spline between them rises somewhere, by more than a millionth of
        the largest force in the intervals around: it swings where points are too far apart, mostly
        next to the range, and would pull where the potential pushes.

    Notes
    -----
    Source: C. de Boor, A Practical Guide to Splines (1978), chapters IV and V.

    Examples
    --------
    >>> import numpy as np
    >>> import mpack
    >>> r = np.linspace(0.2, 1.0, 9)
    >>> soft = mpack.Tabulated(r, 0.5 * (1 - r) ** 2)
    >>> soft.force([0.1, 0.55, 1.0]).round(12).tolist(), soft.reach
    ([0.8, 0.45, 0.0], 1.0)
    >>> mpack.SGD(alpha=0.1, batch_fraction=0.5, potential=soft).potential == soft
    True
    """

    r: tuple[float, ...]
    energies: tuple[float, ...]
    _kind = 5

    def __post_init__(self):
        r = _check.array("r", self.r, (None,))
        u = _check.array("energies", self.energies, (None,))
        if not 4 <= len(r) <= MOST_POINTS or len(u) != len(r):
            raise ValueError(
                f"r and energies must be 4 to {MOST_POINTS} numbers each, and as many; "
                f"got {len(r)} and {len(u)}"
            )
        if r[0] < 0.0 or r[-1] > 10.0:
            raise ValueError(f"r must lie in [0, 10]; got {r[0]:g} to {r[-1]:g}")
        near = np.flatnonzero(np.diff(r) < 1e-6)
        if len(near):
            k = int(near[0])
            raise ValueError(
                f"r must increase by 1e-6 or more; got r[{k}] = {r[k]:g}, r[{k + 1}] = {r[k + 1]:g}"
            )
        if np.abs(u).max() > 1e80:
            raise ValueError(f"energies must be at most 1e80 in size; got {np.abs(u).max():g}")
        if u[-1] != 0.0:
            raise ValueError(
                f"energies must end at 0, at the range; got {u[-1]:g} at r = {r[-1]:g} (shift them, "
                "or go on to where they do)"
            )
        object.__setattr__(self, "r", tuple(r.tolist()))
        object.__setattr__(self, "energies", tuple(u.tolist()))
        if np.all(np.diff(u) <= 0.0):
            self._warn_of_pulls()

    def _warn_of_pulls(self):
        """Tell where the spline of falling energies rises."""
        r, _, c1, c2, c3 = _spline(self.r, self.energies).reshape(-1, 5)[:-1].T
        h = np.diff(self.r)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            turn = np.clip(np.nan_to_num(-c2 / (3.0 * c3)), 0.0, h)
        at = np.array([np.zeros_like(h), turn, h])
        slope = c1 + 2.0 * c2 * at + 3.0 * c3 * at**2
        size = np.pad(np.abs(slope).max(axis=0), 1)
        around = np.maximum.reduce([size[:-2], size[1:-1], size[2:]])
        worst = np.where(slope > PULL * around, slope, 0.0)
        if worst.max() > 0.0:
            end, k = np.unravel_index(worst.argmax(), worst.shape)
            warnings.warn(
                f"energies only fall, but the spline between them rises near r = {(r + at[end])[k]:.4g}: "
                f"its force there is {-slope[end, k]:.3g}, an attraction; put points closer there",
                stacklevel=4,
            )

    def __repr__(self):
        text = ",".join(map(repr, self.r + self.energies))
        sign = hashlib.sha256(text.encode("ascii")).hexdigest()[:8]
        return f"Tabulated({len(self.r)} points, {sign})"

    @property
    def parameters(self) -> tuple[float, float]:
        """The number of points, and the range."""
        return float(len(self.r)), self.reach

    @property
    def reach(self) -> float:
        """The last separation, in units of the contact distance."""
        return self.r[-1]

    @property
    def steepest(self) -> float:
        """The largest sum of the sizes of the terms of the force, at the end of an interval."""
        _, _, c1, c2, c3 = np.abs(self.table.reshape(-1, 5)[:-1].T)
        h = np.diff(self.r)
        return float(np.max(c1 + 2.0 * c2 * h + 3.0 * c3 * h**2))

    @functools.cached_property
    def table(self) -> NDArray[np.float64]:
        """(r, c0, c1, c2, c3) of each point, flat; U = c0 + c1 t + c2 t**2 + c3 t**3, t = r/d_ij - r[k]."""
        return _spline(self.r, self.energies).copy()  # not what others share


@functools.lru_cache(maxsize=8)  # a rule read from each row of an archive has the same table
def _spline(x, u):
    """The cubics of the not-a-knot spline, number by number: no library decides their bits.

    Second derivatives m obey h[k-1] m[k-1] + 2 (h[k-1] + h[k]) m[k] + h[k] m[k+1] = 6 (s[k] - s[k-1]),
    s the slopes of the chords; those at the ends follow from equal third derivatives on both sides
    of the second point and of the last but one.
    """
    n = len(x)
    h = [b - a for a, b in zip(x, x[1:])]
    s = [(b - a) / width for a, b, width in zip(u, u[1:], h)]
    low, diagonal, high = h[:-1], [2.0 * (a + b) for a, b in zip(h, h[1:])], h[1:]
    right = [6.0 * (b - a) for a, b in zip(s, s[1:])]
    first, last = h[0] / h[1], h[-1] / h[-2]
    diagonal[0] += h[0] * (1.0 + first)
    high[0] -= h[0] * first
    diagonal[-1] += h[-1] * (1.0 + last)
    low[-1] -= h[-1] * last
    for k in range(1, n - 2):
        share = low[k] / diagonal[k - 1]
        diagonal[k] -= share * high[k - 1]
        right[k] -= share * right[k - 1]
    m = [0.0] * n
    for k in range(n - 2, 0, -1):  # that at the end is still 0 where it comes first
        m[k] = (right[k - 1] - high[k - 1] * m[k + 1]) / diagonal[k - 1]
    m[0] = (1.0 + first) * m[1] - first * m[2]
    m[-1] = (1.0 + last) * m[-2] - last * m[-3]
    rows = []
    for k in range(n - 1):
        slope = s[k] - h[k] * (2.0 * m[k] + m[k + 1]) / 6.0
        rows.append((x[k], u[k], slope, m[k] / 2.0, (m[k + 1] - m[k]) / (6.0 * h[k])))
    return np.array([*rows, (x[-1], u[-1], 0.0, 0.0, 0.0)]).ravel()


def checked(potential: Potential) -> Potential:
    """`potential` if it is one; TypeError otherwise.

    Examples
    --------
    >>> import mpack
    >>> mpack.potentials.checked(mpack.Linear())
    Linear()
    """
    wanted = (
        "one of Linear(), Harmonic(), Hertzian(), WCA(), LennardJones(), Tabulated(r, energies)"
    )
    _check.instance("potential", potential, Potential, wanted)
    if "_kind" not in vars(type(potential)):  # the kernels would take it for what it derives from
        raise TypeError(
            f"potential must be {wanted}, the ones that the kernels know; got the class "
            f"{type(potential).__name__} of your own (Tabulated takes any numbers)"
        )
    return potential


def separations(r: ArrayLike, d: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Separations and contact distances as arrays of one shape; ValueError or TypeError for what are none.

    Examples
    --------
    >>> import mpack
    >>> r, d = mpack.potentials.separations([0.5, 1.5], 1.0)
    >>> r.tolist(), d.tolist()
    ([0.5, 1.5], [1.0, 1.0])
    """
    r, d = _finite("r", r, 0.0, "finite and >= 0"), _distance(d)
    try:
        shape = np.broadcast_shapes(r.shape, d.shape)
    except ValueError:
        raise ValueError(
            f"r and d must have shapes that broadcast; got {r.shape} and {d.shape}"
        ) from None
    return np.broadcast_to(r, shape).copy(), np.broadcast_to(d, shape).copy()


def _distance(d: ArrayLike) -> NDArray[np.float64]:
    return _finite("d", d, np.nextafter(0.0, 1.0), "finite and > 0")


def _finite(name: str, value: ArrayLike, low: float, wanted: str) -> NDArray[np.float64]:
    result = _check.real(name, value, f"a real number or an array of them, {wanted}")
    bad = ~(np.isfinite(result) & (result >= low))
    if np.any(bad):
        raise ValueError(f"{name} must be {wanted}; got {float(result[bad].flat[0])}")
    return result
