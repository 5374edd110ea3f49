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
from collections.abc import Iterable
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
    from mpack._kernels import pairs

    _check.instance("packing", packing, Packing, "a Packing")
    tolerance = _check.number("tolerance", tolerance, 0, 1)
    semi, _ = _shapes(packing)
    extents = 2.0 * semi.max(axis=1)
    reach = (1.0 + tolerance) * float(extents.max())
    if not 2.0 * reach <= packing.box:
        raise ValueError(
            f"box must be at least {2.0 * reach:.6g}, two bodies end to end, for tolerance {tolerance:g}; "
            f"got {packing.box:.6g}"
        )
    listed, _ = pairs.sorted_pairs(packing.fixed, packing.box, extents, 1.0 + tolerance, 0.0)
    rows = _rows(packing, listed)
    close = rows[:, 0] < (1.0 + tolerance) ** 2
    return _contacts(listed[close], rows[close], packing.dim)


def contacts_of(packing: Packing, pairs: ArrayLike) -> PairContacts:
    """What `pair_contacts` says, of chosen pairs, whether they overlap or are far from it.

    Parameters
    ----------
    packing : Packing
        Of ellipsoids, ellipses or (d = 2, 3) spheres.
    pairs : array of int, shape (m, 2)
        Particle numbers, the lower first; the nearest images count.

    Returns
    -------
    PairContacts

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, if d > 3, or a pair is none of the packing.

    Examples
    --------
    >>> packing = Packing([[1.0, 1.0], [2.8, 1.0]], box=4.0, axes=(1.0, 0.25))
    >>> contacts_of(packing, [[0, 1]]).mu  # end to end, 1.8 apart, where they reach over 2
    array([0.9])
    """
    _check.instance("packing", packing, Packing, "a Packing")
    listed = np.ascontiguousarray(_check.indices("pairs", pairs, packing.n))
    if listed.ndim != 2 or listed.shape[1] != 2:
        raise ValueError(f"pairs must have shape (m, 2); got {listed.shape}")
    if np.any(listed[:, 0] >= listed[:, 1]):
        raise ValueError("pairs must name the lower number first, and no particle twice")
    return _contacts(listed, _rows(packing, listed), packing.dim)


def _rows(packing, listed):
    """(F, t, contact) of listed pairs (m, 2), as the kernels have them."""
    from mpack._kernels import ellipsoids

    if packing.dim > 3:
        raise ValueError(f"packing must be of dim 2 or 3; got dim = {packing.dim}")
    semi, radii = _shapes(packing)
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
    return found


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


def excluded_volume(axes: ArrayLike, other: ArrayLike | None = None) -> float:
    """Mean volume that a body keeps the centre of another one out of, over all orientations; an area in two dimensions.

    The centres of the bodies that touch a given one surround A + B, the sums of points of both.
    Over independent uniform orientations its volume is, with the volume V, surface S and mean support
    R (half the mean width) of each body,

        V_ex = V_A + V_B + ((d - 1)/2)(S_A R_B + S_B R_A),

    in two dimensions with perimeters S = 2 pi R. Of ellipsoids R and S are mean values of the support
    over all directions, which are symmetric elliptic integrals: no sampling.

    Parameters
    ----------
    axes : array, shape (d,)
        Semi-axes, d = 2 or 3, in [1e-50, 1e50].
    other : array, shape (d,), optional
        Those of the second body; like the first if left out.

    Returns
    -------
    float
        In the unit of the semi-axes to the power d.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, shape or outside its range.

    Notes
    -----
    Source: Isihara, J. Chem. Phys. 18, 1446 (1950); Kihara, Rev. Mod. Phys. 25, 831 (1953). The
    integrals: Carlson's R_G, DLMF 19.16.3, 19.33.

    Examples
    --------
    >>> round(excluded_volume([0.5, 0.5, 0.5]) / (4 * np.pi / 3), 12)  # the ball of radius 1
    1.0
    >>> volume = 4 * np.pi / 3 * 0.8 * 0.5 * 0.5
    >>> round(excluded_volume([0.8, 0.5, 0.5]) / volume, 4)  # 8 for spheres
    8.4822
    """
    rows = [_semi_axes("axes", axes)]
    rows.append(rows[0] if other is None else _semi_axes("other", other, len(rows[0])))
    (va, vb), (sa, sb), (ra, rb) = _convex(np.array(rows))
    return float(va + vb + 0.5 * (len(rows[0]) - 1) * (sa * rb + sb * ra))


def _semi_axes(name, axes, dim=None):
    """Semi-axes of one body."""
    given = _check.reals(name, axes, 1e-50, 1e50)
    if given.shape not in ((2,), (3,)) or (dim is not None and given.shape != (dim,)):
        wanted = "(2,) or (3,)" if dim is None else f"({dim},), as that of axes"
        raise ValueError(f"{name} must have shape {wanted}; got {given.shape}")
    return given


def _convex(axes):
    """Volume, surface and mean support of bodies with these semi-axes (n, d)."""
    from scipy.special import elliprg

    size = np.prod(axes, axis=1)
    if axes.shape[1] == 2:
        support = (4.0 / math.pi) * elliprg(0.0, *np.square(axes).T)
        return math.pi * size, 2.0 * math.pi * support, support
    across = elliprg(*(1.0 / np.square(axes)).T)
    return 4.0 * math.pi / 3.0 * size, 4.0 * math.pi * size * across, elliprg(*np.square(axes).T)


@dataclass(frozen=True, eq=False)
class ContactCorrelation:
    """Pair correlation by contact distance; see `contact_correlation`.

    Examples
    --------
    >>> bodies = Packing.random(n=200, phi=0.1, dim=3, seed=1, axes=(2, 1, 1))
    >>> found = contact_correlation(bodies, mu_max=2.0, bins=4)
    >>> found.mu.tolist(), found.edges.tolist()
    ([0.25, 0.75, 1.25, 1.75], [0.0, 0.5, 1.0, 1.5, 2.0])
    """

    mu: np.ndarray  #: (bins,) middle of each bin
    g: np.ndarray  #: (bins,) g(mu)
    counts: np.ndarray  #: (bins,) int64, pairs in each bin; the relative error of g is counts**-0.5
    edges: np.ndarray  #: (bins + 1,)

    __repr__ = short_repr


def contact_correlation(
    packing: Packing, mu_max: float | None = None, bins: int = 200
) -> ContactCorrelation:
    """Density of pairs at the contact distance mu, relative to bodies that know nothing of each other.

    Two bodies of given orientations have a contact distance below mu if the centre of one lies in A +
    B scaled by mu about that of the other, a volume mu**d V_ex. So of independent bodies, uniform in
    place and orientation, a bin from mu_1 to mu_2 is expected to hold

        (mu_2**d - mu_1**d)/L**d  sum over pairs of V_ex

    pairs, with the mean V_ex of `excluded_volume`, and g = counts/expected averages to 1 for them at
    any n. Contacts are at mu = 1; the gap between surfaces is D (mu - 1), for equal bodies mu - 1 mean
    diameters. For equal spheres g(mu) is g(r) at r = mu. Where orientations are not uniform, as in
    a nematic, g keeps that mean as its unit, and tends to the ratio of the true excluded volume to it.

    Parameters
    ----------
    packing : Packing
        At least 2 bodies or spheres, d = 2 or 3.
    mu_max : float, optional
        Largest contact distance, > 0; the longest body scaled by it is at most half the box long. The
        lesser of 3 and that if left out.
    bins : int
        Bins of equal width from 0 to mu_max, 1 to 10**6.

    Returns
    -------
    ContactCorrelation

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Notes
    -----
    The contact distance is that of Perram and Wertheim, see this module's head; that its level
    surfaces are A + B, scaled, and the normalisation: this book.

    Examples
    --------
    >>> bodies = Packing.random(n=2000, phi=0.5, dim=3, seed=1, axes=(2, 1, 0.8))
    >>> found = contact_correlation(bodies, mu_max=1.5, bins=3)  # independent places
    >>> bool(np.all(abs(found.g - 1) < 4 / found.counts**0.5))
    True
    """
    _check.instance("packing", packing, Packing, "a Packing")
    if packing.n < 2 or packing.dim > 3:
        raise ValueError(f"packing must have 2 particles or more, of dim 2 or 3; got {packing!r}")
    bins = _check.integer("bins", bins, 1, 10**6)
    semi, _ = _shapes(packing)
    most = 0.25 * packing.box / float(semi.max())
    mu_max = min(3.0, most) if mu_max is None else mu_max
    mu_max = _check.number("mu_max", mu_max, 0, most, open_low=True)
    _check.number("mu_max", mu_max, 1e-50)  # its volume is a double
    counts = np.zeros(bins, dtype=np.int64)
    for functions in _contact_functions(packing, semi, mu_max):
        place = np.sqrt(functions[functions < mu_max**2]) * (bins / mu_max)
        counts += np.bincount(np.minimum(place.astype(np.int64), bins - 1), minlength=bins)
    edges = np.linspace(0.0, mu_max, bins + 1)
    shell = np.diff((edges / packing.box) ** packing.dim)
    expected = _excluded_by_all(packing) * shell
    return ContactCorrelation(0.5 * (edges[1:] + edges[:-1]), counts / expected, counts, edges)


def _contact_functions(packing, semi, mu_max):
    """F of the pairs that may have sqrt(F) < mu_max, in chunks; infinite where they have not."""
    from mpack._kernels import ellipsoids, measured_bodies, pairs

    shapes = np.empty(ellipsoids.WIDTH * packing.n)
    ellipsoids.fill_shapes(packing.orientations.ravel(), semi.ravel(), shapes)
    place, to_length = packing.fixed, packing.box * 2.0**-64
    for i, j, _ in pairs.chunks(place, packing.box, 2.0 * semi.max(axis=1), mu_max, 0.0):
        out = np.empty(len(i))
        measured_bodies.fill_functions(place, to_length, shapes, i, j, mu_max**2, out)
        yield out


def _excluded_by_all(packing):
    """The sum of the mean excluded volumes of all pairs."""
    volume, surface, support = _convex(packing.axes)
    mixed = surface.sum() * support.sum() - (surface * support).sum()
    return (packing.n - 1) * volume.sum() + 0.5 * (packing.dim - 1) * mixed


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
    u = _directions(packing, axis)
    dim = packing.dim
    tensor = (dim * u.T @ u / packing.n - np.eye(dim)) / (dim - 1.0)
    return float(np.linalg.eigvalsh(tensor)[-1])


def _directions(packing, axis):
    """Unit vectors (n, d) along the longest or the shortest axis of each body."""
    _check.instance("packing", packing, Packing, "a Packing")
    _check.choice("axis", axis, ("longest", "shortest"))
    if packing.spherical:
        raise ValueError("packing must be of bodies that are no spheres")
    dim = packing.dim
    which = packing.axes.argmax(axis=1) if axis == "longest" else packing.axes.argmin(axis=1)
    frames = _bodies.frames(packing.orientations)[:, :dim, :dim]
    return np.take_along_axis(frames, which[:, None, None], axis=2)[..., 0]


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


@dataclass(frozen=True)
class Turning:
    """How far bodies have turned from one packing to another; see `turning`.

    Examples
    --------
    >>> upright = Packing([[1.0, 1.0]], box=4.0, axes=(0.8, 0.3125))
    >>> found = turning(upright, upright.moved(upright.fixed, orientations=[0.5]))
    >>> round(found.mean_square, 9), round(found.c1, 9) == round(math.cos(0.5), 9)
    (0.25, True)
    """

    mean_square: float  #: <angle**2>, the angle in [0, pi]
    c1: float  #: <P_1(u.u')> = <u.u'>, u the direction of each body's axis before, u' after
    c2: float  #: <P_2(u.u')>, in two dimensions <cos 2 angle>


def turning(before: Packing, after: Packing, axis: str = "longest") -> Turning:
    """How far bodies have turned between two packings: mean square angle, and correlations C_1, C_2 of an axis.

        <angle**2>,  angle = 2 arccos|q.q'|;   C_l = <P_l(u.u')>,  P_1(x) = x,  P_2(x) = (d x**2 - 1)/(d - 1).

    All three are bounded: they see where a body points, and not how often it has gone around.
    Where all memory is lost C_1 = C_2 = 0 and <angle**2> = pi**2/3 + 2, in two dimensions pi**2/3.
    A half turn that brings a body onto itself leaves C_2 as it is, which so is that of the shape; the
    angle and C_1 know head from tail. `turnings` adds up turns along the way, without bound.

    Parameters
    ----------
    before, after : Packing
        Of the same bodies, no spheres all of them, d = 2 or 3.
    axis : "longest" or "shortest"
        The second for oblate bodies.

    Returns
    -------
    Turning

    Raises
    ------
    TypeError, ValueError
        If one is no packing, they are of other bodies, or of spheres, or `axis` another.

    Notes
    -----
    Source: Kaemmerer, Kob and Schilling, Phys. Rev. E 56, 5450 (1997), for C_l and angles of both
    kinds in a supercooled liquid.

    Examples
    --------
    >>> import mpack
    >>> start = Packing.random(n=200, phi=0.5, dim=3, seed=1, axes=(2, 1, 1))
    >>> run = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=20, seed=1)
    >>> found = turning(run.start, run.final)
    >>> found.c2 < found.c1 < 1
    True

    As a series beside activity and energy, by `watch`:

    >>> watch = {"c2": lambda packing: turning(start, packing).c2}
    >>> how = {"seed": 1, "record": mpack.every(5), "watch": watch}
    >>> series = mpack.simulate(start, mpack.PairwiseBRO(eps=0.1), steps=20, **how).watched["c2"]
    >>> len(series), bool(series[-1] == found.c2)
    (5, True)
    """
    one, two = _directions(before, axis), _directions(after, axis)
    _check_same_bodies("after", after, before)
    angle, cosine = turned_by(before, after), np.einsum("nk,nk->n", one, two)
    dim = before.dim
    second = (dim * cosine**2 - 1.0) / (dim - 1.0)
    return Turning(float(np.mean(angle**2)), float(cosine.mean()), float(second.mean()))


def _check_same_bodies(name, packing, first):
    if not np.array_equal(packing.axes, first.axes):
        raise ValueError(f"{name} must be of the bodies of {first!r}; got {packing!r}")


@dataclass(frozen=True, eq=False)
class Turnings:
    """How far bodies have turned since the first of several packings; see `turnings`. Arrays of k.

    Examples
    --------
    >>> upright = Packing([[1.0, 1.0]], box=4.0, axes=(0.8, 0.3125))
    >>> frames = [upright.moved(upright.fixed, orientations=[2.0 * k]) for k in range(5)]
    >>> found = turnings(frames)  # 2 radians a frame, beyond pi from the second on
    >>> found.unbounded.round(9).tolist()
    [0.0, 4.0, 16.0, 36.0, 64.0]
    >>> bool(found.mean_square.max() < math.pi**2), found.largest.round(9).tolist()
    (True, [0.0, 2.0, 2.0, 2.0, 2.0])
    """

    mean_square: np.ndarray  #: <angle**2> since the first, the angle in [0, pi]
    unbounded: np.ndarray  #: <|Phi|**2>, Phi the sum of the rotation vectors from one to the next
    c1: np.ndarray  #: <P_1(u.u')> since the first
    c2: np.ndarray  #: <P_2(u.u')> since the first
    largest: np.ndarray  #: the largest turn of a body since the one before; 0 for the first

    __repr__ = short_repr


def turnings(packings: Iterable[Packing], axis: str = "longest") -> Turnings:
    """How far bodies have turned since the first of several packings, as `turning`, and without bound.

    With dphi_k the rotation vector (axis times angle, in the frame of the box, the shortest way) of a
    body from packing k - 1 to packing k,

        <|Phi_k|**2>,   Phi_k = dphi_1 + ... + dphi_k.

    It does not saturate, and so is for turns what the mean square displacement is for centres. In
    two dimensions it is exact as long as nothing turns by pi from one packing to the next. In three
    turns do not commute: Phi is the time integral of the angular velocity where packings are so near
    each other that `largest` is small; look at half as many to see what it depends on. Diffusion with
    independent isotropic turns has <|Phi|**2> = 2 (d_r) D t, d_r = 3 or 1, and C_1 = exp(-2 D t) or
    exp(-D t).

    Parameters
    ----------
    packings : iterable of Packing
        Of the same bodies: `mpack.frames`, the `final` of `mpack.snapshots`, a list. One at a time
        is held.
    axis : "longest" or "shortest"

    Returns
    -------
    Turnings

    Raises
    ------
    TypeError, ValueError
        If there is none, one is no packing, they are of other bodies, or of spheres, or `axis` another.

    Notes
    -----
    Source: as for `turning`.

    Examples
    --------
    >>> import mpack
    >>> start = Packing.random(n=100, phi=0.5, dim=3, seed=1, axes=(2, 1, 1))
    >>> looks = mpack.snapshots(start, mpack.PairwiseBRO(eps=0.1), at=range(0, 30, 3), seed=1)
    >>> found = turnings(look.final for look in looks)
    >>> bool(found.c1[0] > 1 - 1e-9 > found.c1[-1]), bool(found.unbounded[-1] > 0), len(found.largest)
    (True, True, 10)
    """
    try:
        given = iter(packings)
    except TypeError:
        said = _check.short(packings)
        raise TypeError(f"packings must be an iterable of Packings; got {said}") from None
    rows, first, before, way = [], None, None, 0.0
    for packing in given:
        first = packing if first is None else first
        since = turning(first, packing, axis)
        step = _rotation_vectors(packing if before is None else before, packing)
        way = way + step
        squares = np.sum(np.square(way), axis=1), np.sum(np.square(step), axis=1)
        largest = math.sqrt(float(squares[1].max()))
        rows.append((since.mean_square, squares[0].mean(), since.c1, since.c2, largest))
        before = packing
    if not rows:
        raise ValueError("packings must hold one packing at least; got none")
    return Turnings(*np.array(rows).T)


def _rotation_vectors(before, after):
    """Axis times angle (n, 3) of the shortest turn of each body, in the frame of the box."""
    w, *v = before.orientations.T
    v, a, b = np.array(v), after.orientations[:, 0], after.orientations[:, 1:].T
    scalar = a * w + np.sum(b * v, axis=0)  # q' times the conjugate of q
    vector = b * w - a * v - np.cross(b, v, axis=0)
    length = np.linalg.norm(vector, axis=0)
    sign = np.where(scalar < 0.0, -1.0, 1.0)
    angle = 2.0 * np.arctan2(length, np.abs(scalar))
    return (sign * angle / np.where(length > 0.0, length, 1.0) * vector).T
