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

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._types import FloatOrArray


@dataclass(frozen=True)
class Potential:
    """What all pair potentials share; use one of `Linear`, `Harmonic`, `Hertzian`, `WCA`, `LennardJones`.

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
                "Potential is a base class; use Linear, Harmonic, Hertzian, WCA, LennardJones"
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
        return self.reach * _distance(d)[()]

    @property
    def reach(self) -> float:
        """The range in units of the contact distance: 1, or the cut-off of Lennard-Jones."""
        return 1.0

    def _evaluate(self, kernel, r, d):
        from mpack._kernels import forces

        r, d = separations(r, d)
        out = np.empty(r.size)
        getattr(forces, kernel)(self.kind, *self.parameters, r.ravel(), d.ravel(), out)
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


def checked(potential: Potential) -> Potential:
    """`potential` if it is one; TypeError otherwise.

    Examples
    --------
    >>> import mpack
    >>> mpack.potentials.checked(mpack.Linear())
    Linear()
    """
    return _check.instance(
        "potential",
        potential,
        Potential,
        "one of Linear(), Harmonic(), Hertzian(), WCA(), LennardJones()",
    )


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
