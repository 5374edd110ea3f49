"""Ellipsoids and ellipses in contact: how deeply two overlap, along which line they push, and how they turn.

Two bodies with shapes A = R diag(a**2) R^T and B overlap if, scaled by mu < 1 about their centres,
they touch. mu = sqrt(F), with the contact function of Perram and Wertheim

    F = max over t > 0 of  t r.adj(A + t B).r / ((1 + t) det(A + t B)),     r = x_A - x_B.

At the maximum s = (A + t B)**-1 r has the direction of the normal n, from B to A; with the supports
h = sqrt(n.A.n) of both along it r.n = mu (h_A + h_B) and t = h_A/h_B. The energy of an overlap is

    U = (D/2)(1 - mu),     D = R_A + R_B,     R = (a b c)**(1/3), in two dimensions (a b)**(1/2),

that of two spheres of diameter D for spheres. Its gradient, at any overlap: the force on A is
f = n D/(2 (h_A + h_B)), on B -f; they act at l_A = -mu A n/h_A and l_B = mu B n/h_B from the
centres, so that the torques are l_A x f and -l_B x f, and l_A x f - l_B x f + r x f = 0.

Lengths are in mean 2 R. Source: Perram and Wertheim, J. Comput. Phys. 58, 409 (1985); Donev,
Torquato and Stillinger, J. Comput. Phys. 202, 765 (2005). The force law: this book.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _bodies, _check
from mpack._repr import short_repr
from mpack.packing import Packing

SAME = 1e-9  # by how much of the longer one semi-axes may differ and count as equal


@dataclass(frozen=True, eq=False)
class PairContacts:
    """Pairs of bodies that overlap, or nearly do: see `pair_contacts`. Arrays of m pairs.

    Examples
    --------
    >>> packing = Packing([[1.0, 1.0], [1.8, 1.0]], box=4.0, axes=(1.0, 0.25))
    >>> found = pair_contacts(packing)  # end to end: two long semi-axes, 2.0, reach over 0.8
    >>> found.pairs.tolist(), found.mu.tolist(), found.normals.tolist()
    ([[0, 1]], [0.4], [[-1.0, 0.0]])
    """

    pairs: np.ndarray  #: (m, 2) int64: particle numbers A < B, in lexicographic order
    mu: np.ndarray  #: (m,) factor at which both touch; < 1 where they overlap
    normals: np.ndarray  #: (m, d) unit normals n, from B to A
    supports: np.ndarray  #: (m, 2) h_A and h_B along the normal
    sizes: np.ndarray  #: (m,) D = R_A + R_B
    levers: (
        np.ndarray
    )  #: (m, 2, d) from the centres of A and B to the points of contact, l_A and l_B

    __repr__ = short_repr

    @property
    def energies(self) -> NDArray[np.float64]:
        """U = (D/2)(1 - mu) of each pair, 0 where it does not overlap."""
        return 0.5 * self.sizes * np.maximum(1.0 - self.mu, 0.0)

    @property
    def forces(self) -> NDArray[np.float64]:
        """Forces on A, (m, d): n D/(2 (h_A + h_B)); 0 where a pair does not overlap."""
        strength = np.where(self.mu < 1.0, 0.5 * self.sizes / self.supports.sum(axis=1), 0.0)
        return strength[:, None] * self.normals

    @property
    def torques(self) -> NDArray[np.float64]:
        """Torques on A and B, (m, 2, 3), or (m, 2) about z in two dimensions: l_A x f and -l_B x f."""
        forces = np.stack((self.forces, -self.forces), axis=1)
        if forces.shape[2] == 2:
            return self.levers[..., 0] * forces[..., 1] - self.levers[..., 1] * forces[..., 0]
        return np.cross(self.levers, forces)


def pair_contacts(packing: Packing, tolerance: float = 0.0) -> PairContacts:
    """All pairs of a packing with mu < 1 + tolerance: the overlaps, and those that miss by so little.

    Parameters
    ----------
    packing : Packing
        Of ellipsoids, ellipses or (d = 2, 3) spheres.
    tolerance : float
        In [0, 1].

    Returns
    -------
    PairContacts

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, if d > 3, or if the box is narrower
        than two bodies, so enlarged, end to end.

    Examples
    --------
    >>> packing = Packing.random(n=200, phi=0.6, dim=3, seed=1, axes=(1.5, 1, 1))
    >>> found = pair_contacts(packing)
    >>> total = found.torques.sum(axis=1) + np.cross(packing.separation(*found.pairs.T), found.forces)
    >>> bool(np.abs(total).max() < 1e-14)  # no pair turns itself
    True
    """
    from mpack._kernels import ellipsoids, pairs

    _check.instance("packing", packing, Packing, "a Packing")
    tolerance = _check.number("tolerance", tolerance, 0, 1)
    if packing.dim > 3:
        raise ValueError(f"packing must be of dim 2 or 3; got dim = {packing.dim}")
    semi, radii = _shapes(packing)
    extents = 2.0 * semi.max(axis=1)
    reach = (1.0 + tolerance) * float(extents.max())
    if not 2.0 * reach <= packing.box:
        raise ValueError(
            f"box must be at least {2.0 * reach:.6g}, two bodies end to end, for tolerance {tolerance:g}; "
            f"got {packing.box:.6g}"
        )
    listed, _ = pairs.sorted_pairs(packing.fixed, packing.box, extents, 1.0 + tolerance, 0.0)
    shapes = np.empty(ellipsoids.WIDTH * packing.n)
    ellipsoids.fill_shapes(packing.orientations.ravel(), semi.ravel(), shapes)
    gaps = np.zeros((3, len(listed)))
    gaps[: packing.dim] = packing.separation(*listed.T).T
    same = ~np.any(gaps != 0.0, axis=0)
    gaps[0, same] = packing.box * 2.0**-64  # the same point: as if one unit apart
    found = np.empty((len(listed), 2 + ellipsoids.CONTACT))
    i, j = listed.T.astype(np.uint32)
    ellipsoids.fill_contacts(
        shapes, radii, np.ascontiguousarray(i), np.ascontiguousarray(j), gaps, found
    )
    close = found[:, 0] < (1.0 + tolerance) ** 2
    return _contacts(listed[close], found[close], packing.dim)


def _contacts(pairs, rows, dim):
    """From rows (F, t, contact) as the kernels have them."""
    t, normals, weight, mu = rows[:, 1], rows[:, 2:5], rows[:, 5], rows[:, 6]
    levers, sizes = rows[:, 7:13].reshape(-1, 2, 3), rows[:, 13]
    both = sizes / weight  # h_A + h_B; t is their ratio
    supports = np.stack((both * t / (1.0 + t), both / (1.0 + t)), axis=1)
    return PairContacts(pairs, mu, normals[:, :dim], supports, sizes, levers[..., :dim])


def _shapes(packing):
    """Semi-axes (n, 3) and R_eq (n,) of a packing."""
    if packing.bodies is not None:
        return packing.bodies.semi, packing.bodies.radii
    radii = 0.5 * packing.diameters
    return np.repeat(radii[:, None], 3, axis=1), radii


def inertia(axes: ArrayLike, rotation: float = 1.0) -> NDArray[np.float64]:
    """Moments of inertia about the body's own axes, of the solid body of mass 1, times rotation**2.

    I_k = rotation**2 (a_l**2 + a_m**2)/5 in three dimensions; rotation**2 (a**2 + b**2)/4 about z in
    two.

    Parameters
    ----------
    axes : array, shape (d,) or (n, d)
        Semi-axes, d = 2 or 3, in (0, 1e100].
    rotation : float
        kappa, in [1e-3, 1e3].

    Returns
    -------
    array, shape (3,) or (n, 3); (1,) or (n, 1) in two dimensions

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> inertia([0.5, 0.5, 0.5]), inertia([0.5, 0.5])  # 2 R**2/5 and R**2/2
    (array([0.1, 0.1, 0.1]), array([0.125]))
    """
    kappa = _check.number("rotation", rotation, 1e-3, 1e3)
    given = _check.reals("axes", axes, 0, 1e100, open_low=True)
    if given.ndim not in (1, 2) or given.shape[-1] not in (2, 3):
        raise ValueError(f"axes must have shape (d,) or (n, d), d = 2 or 3; got {given.shape}")
    squares = given * given
    total = squares.sum(axis=-1, keepdims=True)
    if given.shape[-1] == 2:
        return kappa**2 * total / 4.0
    return kappa**2 * (total - squares) / 5.0


def freedoms(packing: Packing) -> NDArray[np.int64]:
    """How many ways each particle can move or turn so that something changes.

    d ways to move; in three dimensions 3 to turn for bodies with three different axes, 2 for
    spheroids, none for spheres; in two dimensions 1 for ellipses, none for discs. A large packing
    with twice the mean of these contacts a particle has as many contacts as freedoms.

    Parameters
    ----------
    packing : Packing

    Returns
    -------
    array (n,), int64
        Semi-axes that differ by less than 1e-9 of the longer count as equal.

    Raises
    ------
    TypeError
        If `packing` is none.

    Notes
    -----
    Source: Donev, Connelly, Stillinger and Torquato, Phys. Rev. E 75, 051304 (2007), d_f there.

    Examples
    --------
    >>> kinds = [(1, 1, 1), (2, 1, 1), (3, 2, 1)]
    >>> freedoms(Packing.random(n=3, phi=0.01, dim=3, seed=1, axes=kinds)).tolist()
    [3, 5, 6]
    """
    _check.instance("packing", packing, Packing, "a Packing")
    axes = np.sort(packing.axes, axis=1)
    steps = np.count_nonzero(np.diff(axes, axis=1) > SAME * axes[:, 1:], axis=1)
    turns = np.array([0, 1] if packing.dim == 2 else [0, 2, 3])[steps]
    return packing.dim + turns.astype(np.int64)


def nematic_order(packing: Packing, axis: str = "longest") -> float:
    """How far the bodies point the same way: the largest eigenvalue S of Q, 1 if all do, some n**(-1/2) if none.

    Q = <(d u u^T - 1)/(d - 1)>, u the direction of each body's longest or shortest axis. In two
    dimensions S = |<exp(2 i angle)>|.

    Parameters
    ----------
    packing : Packing
        Of bodies that are no spheres.
    axis : "longest" or "shortest"
        The second for oblate bodies.

    Returns
    -------
    float
        In [0, 1] for n large; of spheres among others the direction is that of their first axis.

    Raises
    ------
    TypeError, ValueError
        If `packing` is none or of spheres, or `axis` another.

    Notes
    -----
    Source: de Gennes and Prost, The Physics of Liquid Crystals (1993).

    Examples
    --------
    >>> bodies = {"n": 500, "phi": 0.5, "dim": 3, "seed": 1, "axes": (2, 1, 1)}
    >>> aligned = nematic_order(Packing.random(**bodies, aligned=True))
    >>> aligned, nematic_order(Packing.random(**bodies)) < 0.15
    (1.0, True)
    """
    _check.instance("packing", packing, Packing, "a Packing")
    _check.choice("axis", axis, ("longest", "shortest"))
    if packing.spherical:
        raise ValueError("packing must be of bodies that are no spheres")
    dim = packing.dim
    which = packing.axes.argmax(axis=1) if axis == "longest" else packing.axes.argmin(axis=1)
    frames = _bodies.frames(packing.orientations)[:, :dim, :dim]
    u = np.take_along_axis(frames, which[:, None, None], axis=2)[..., 0]
    tensor = (dim * u.T @ u / packing.n - np.eye(dim)) / (dim - 1.0)
    return float(np.linalg.eigvalsh(tensor)[-1])


def turned_by(before: Packing, after: Packing) -> NDArray[np.float64]:
    """Angle by which each body has turned from one packing to another, the shortest way.

    2 arccos |q . q'| of the quaternions; of bodies with an axis of symmetry, turns about it count.

    Parameters
    ----------
    before, after : Packing
        Of the same number of bodies.

    Returns
    -------
    array (n,)
        In [0, pi], radians.

    Raises
    ------
    TypeError, ValueError
        If one is no packing, or they differ in n.

    Examples
    --------
    >>> upright = Packing([[1.0, 1.0]], box=4.0, axes=(0.8, 0.3125))
    >>> turned_by(upright, upright.moved(upright.fixed, orientations=[0.5])).round(12)
    array([0.5])
    """
    for name, packing in (("before", before), ("after", after)):
        _check.instance(name, packing, Packing, "a Packing")
    if before.n != after.n:
        raise ValueError(f"after must be of the n of before, {before.n}; got {after.n}")
    a, b = before.orientations, after.orientations
    chord = np.minimum(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))
    return 4.0 * np.arcsin(np.minimum(0.5 * chord, math.sqrt(0.5)))
