"""Classes as balls: what their overlap costs a classifier, what a shift of them costs, and how many fit.

Class i is the uniform density in the ball around x_i with diameter D_i; all classes are equally
likely. A point that lies in several balls may belong to any of them. The best possible rule names
the class of highest density, and what it still gets wrong is the *Bayes error*

    E = 1 - (1/N) int max_i p_i(x) dx,

for equal balls one minus the volume that they cover over the volume that they have. So E is to a
packing what its energy is: zero without overlaps, and for two balls a pair potential, whose force
is the cross-section in which they meet.

Lengths are in mean diameters, boxes are periodic as everywhere in `mpack`, and E is a probability.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._labels import labelled
from mpack._types import FloatOrArray
from mpack.packing import Packing, unit_ball_volume
from mpack.statistics import Estimate, mean_error

_NODES = 48
_HALF_WIDTH = 9.0  # standard deviations; a Gaussian has 2e-19 of its weight beyond
_TABLE = 40.0  # nodes of an interpolated average, per standard deviation


def cap_fraction(h: ArrayLike, dim: int) -> FloatOrArray:
    """Part of a ball's volume that lies beyond a plane at the distance h from its centre.

    A slice at height t of the unit ball is a ball of radius sqrt(1 - t**2), so the part is int_h^1
    (1 - t**2)**((d-1)/2) dt over the same from -1; with u = 1 - t**2 that is an incomplete beta
    function,

        c(h) = 1/2 I(1 - h**2; (d+1)/2, 1/2) for h >= 0, and 1 - c(-h) for h < 0.

    Parameters
    ----------
    h : float or array
        Distance in radii; 1 or more cuts off nothing, -1 or less everything.
    dim : int
        Dimension d >= 1, as high as you like.

    Returns
    -------
    float or array
        In [0, 1].

    Notes
    -----
    I is the regularised incomplete beta function (NIST Digital Library of Mathematical Functions,
    8.17). In three dimensions c = (1 - h)**2 (2 + h)/4.

    Examples
    --------
    >>> from mpack import manifolds
    >>> manifolds.cap_fraction([0.0, 0.5, 1.0], dim=3).round(6).tolist()
    [0.5, 0.15625, 0.0]
    """
    from scipy.special import betainc

    dim = _check.integer("dim", dim, 1)
    x = np.clip(_check.reals("h", h), -1.0, 1.0)
    part = 0.5 * betainc(0.5 * (dim + 1), 0.5, 1.0 - x * x)
    return np.where(x < 0.0, 1.0 - part, part)[()]


@_check.sound
def overlap_volume(r: ArrayLike, dim: int, a: float = 1.0, b: float = 1.0) -> FloatOrArray:
    """Volume common to two balls of diameters a and b whose centres are r apart.

    The spheres meet in a plane at the distance h_a = (r**2 + R_a**2 - R_b**2)/2r from the centre of
    the first and r - h_a from that of the second; the common part is a cap of each. Its slope in r
    is minus the (d-1)-dimensional area in which the spheres meet.

    Parameters
    ----------
    r : float or array
        Distance >= 0.
    dim : int
        Dimension, 1 to 300 (above, volumes of balls leave the range of a float).
    a, b : float
        Diameters > 0.

    Returns
    -------
    float or array

    Examples
    --------
    >>> from mpack import manifolds
    >>> round(float(manifolds.overlap_volume(0.0, dim=3, a=2.0, b=1.0)), 6)
    0.523599
    """
    dim = _check.integer("dim", dim, 1, 300)
    r, (a, b) = _distances(r), _diameters(a, b)
    A, B = 0.5 * max(a, b), 0.5 * min(a, b)
    inside = r <= A - B
    apart = np.where(inside, 1.0, r)  # any number: it is not used
    h = (apart * apart + A * A - B * B) / (2.0 * apart)
    caps = A**dim * cap_fraction(h / A, dim) + B**dim * cap_fraction((apart - h) / B, dim)
    return unit_ball_volume(dim) * np.where(inside, B**dim, caps)[()]


@_check.sound
def two_class_error(r: ArrayLike, dim: int, a: float = 1.0, b: float = 1.0) -> FloatOrArray:
    """Bayes error of two balls of diameters a and b whose centres are r apart.

    Where they overlap the denser one, which is the smaller, is the better guess, and the other
    loses what it has there: E = overlap/(2 max(V_a, V_b)). For equal balls all guesses are as good,
    also that of the nearer centre, and E = 1/2 I(1 - (r/a)**2; (d+1)/2, 1/2), the part of each ball
    beyond the plane half-way.

    Parameters and errors as for `overlap_volume`; for equal balls, any `dim`.

    Returns
    -------
    float or array
        In [0, 1/2].

    Examples
    --------
    >>> from mpack import manifolds
    >>> manifolds.two_class_error([0.0, 0.5, 1.0], dim=1).round(6).tolist()
    [0.5, 0.25, 0.0]
    """
    (a, b), dim = _diameters(a, b), _check.integer("dim", dim, 1)
    if a == b:
        return cap_fraction(_distances(r) / a, dim)
    _check.integer("dim", dim, 1, 300)
    larger = unit_ball_volume(dim) * (0.5 * max(a, b)) ** dim
    return overlap_volume(r, dim, a, b) / (2.0 * larger)


def random_error(n: int, phi: ArrayLike) -> FloatOrArray:
    """Mean Bayes error of n equal balls placed independently and uniformly: the state before anything is learnt.

    A point of the box is missed by all balls with probability (1 - phi/n)**n, so the covered part
    of the box is one minus that and E = 1 - [1 - (1 - phi/n)**n]/phi, which tends to 1 - (1 -
    exp(-phi))/phi.

    Parameters
    ----------
    n : int
        Number of balls >= 1.
    phi : float or array
        Packing fraction, in (0, n].

    Examples
    --------
    >>> from mpack import manifolds
    >>> round(float(manifolds.random_error(n=2, phi=0.5)), 6)
    0.125
    """
    n = _check.integer("n", n, 1)
    phi = _check.reals("phi", phi, 0.0, n, open_low=True)
    with np.errstate(divide="ignore"):  # phi = n: no point is missed by all, exp(-inf) = 0
        missed = n * np.log1p(-phi / n)
    return (1.0 + np.expm1(missed) / phi)[()] if n > 1 else np.zeros_like(phi)[()]


def pair_error(packing: Packing) -> float:
    """Sum over pairs of what two balls confuse: an upper bound of the Bayes error, and the error itself where no
    three meet.

    (1/N) sum over pairs of overlap_ij/max(V_i, V_j): each region counts once for every pair that
    shares it, and k balls that meet lose k - 1 of their k shares but have k (k - 1)/2 pairs.

    Parameters
    ----------
    packing : Packing

    Returns
    -------
    float

    Examples
    --------
    >>> import mpack
    >>> pair = mpack.Packing([[0.0, 0.0], [0.5, 0.0]], box=4.0)
    >>> round(mpack.manifolds.pair_error(pair), 6)
    0.195501
    >>> round(float(mpack.manifolds.two_class_error(0.5, dim=2)), 6)
    0.195501
    """
    _packing("packing", packing)
    (i, j), r = packing.overlaps()[0].T, packing.overlaps()[1]
    if packing.monodisperse:
        return 2.0 * math.fsum(two_class_error(r, packing.dim)) / packing.n
    D = packing.diameters
    parts = [two_class_error(x, packing.dim, D[k], D[m]) for x, k, m in zip(r, i, j)]
    return 2.0 * math.fsum(parts) / packing.n


def bayes_error(packing: Packing, samples: int, seed: int) -> Estimate:
    """Bayes error of any number of balls, by Monte Carlo.

    A class is drawn, and a point of its ball; given that point the best rule errs with probability
    1 - max_i p_i/sum_i p_i, p_i = 1/V_i for the balls that contain it. The mean of that has the
    smaller variance than counting errors.

    Parameters
    ----------
    packing : Packing
    samples : int
        Number of points >= 2; their classes are drawn independently.
    seed : int

    Returns
    -------
    mpack.statistics.Estimate
        n is the number of points.

    Examples
    --------
    >>> import mpack
    >>> apart = mpack.Packing([[0.0, 0.0], [1.5, 0.0]], box=4.0)
    >>> mpack.manifolds.bayes_error(apart, samples=100, seed=1).value
    0.0
    """
    _packing("packing", packing)
    classes, points = _points(packing, samples, seed)
    inverse = packing.diameters ** -float(packing.dim)
    total, best = inverse[classes].copy(), inverse[classes].copy()
    for m, i in _containing(packing, points, classes):
        np.add.at(total, m, inverse[i])
        np.maximum.at(best, m, inverse[i])
    return mean_error(1.0 - best / total)


def transfer_error(packing: Packing, trained: Packing, samples: int, seed: int) -> Estimate:
    """Error of the rule *the class whose centre is nearest in `trained`* for points of `packing`, by Monte Carlo.

    With trained = packing and equal balls this is the best rule (a nearest centre is one of those
    whose ball contains the point), and the error is the Bayes error. With another it says what a
    classifier loses when the classes have moved since.

    Parameters
    ----------
    packing, trained : Packing
        Of the same number of equal balls in the same box.
    samples, seed : int
        As for `bayes_error`.

    Returns
    -------
    mpack.statistics.Estimate
        n is the number of points.

    Examples
    --------
    >>> import mpack
    >>> old = mpack.Packing([[0.0, 0.0], [1.5, 0.0]], box=4.0)
    >>> new = mpack.Packing([[1.5, 0.0], [0.0, 0.0]], box=4.0)
    >>> mpack.manifolds.transfer_error(new, old, samples=100, seed=1).value
    1.0
    """
    for name, what in (("packing", packing), ("trained", trained)):
        if not _packing(name, what).monodisperse:
            raise ValueError(f"{name} must have equal diameters for the rule of the nearest centre")
    if (packing.n, packing.dim, packing.box) != (trained.n, trained.dim, trained.box):
        raise ValueError(
            f"trained must have the n, dim and box of packing; got {trained!r} for {packing!r}"
        )
    classes, points = _points(packing, samples, seed)
    nearest = _tree(trained).query(points)[1]
    return mean_error((nearest != classes).astype(float))


@dataclasses.dataclass(frozen=True)
class ShiftedError:
    """Errors of a packing of equal balls before and after a shift of every centre; see `shifted_error`.

    Examples
    --------
    >>> import mpack
    >>> found = mpack.manifolds.ShiftedError(before=0.1, refitted=0.12, fixed=0.13, sigma=0.05)
    >>> round(found.fixed - found.refitted, 6)
    0.01
    """

    before: float  #: pair sum of the packing as it is
    refitted: float  #: after the shift, by the best rule for the shifted balls
    fixed: float  #: after the shift, by the rule of before
    sigma: float


@_check.sound
def shifted_error(packing: Packing, sigma: float) -> ShiftedError:
    """Mean error after every centre has moved by a Gaussian of standard deviation sigma on every axis, as sums over
    pairs.

    Two ways to go on. *Refitted*: the classifier is trained anew, and a pair at the new distance
    rho confuses c(rho/D); rho is the length of r e + sqrt(2) sigma z, z standard Gaussian in d
    dimensions, so rho**2/2 sigma**2 is non-central chi-square. *Fixed*: the classifier keeps the
    planes half-way between the old centres; a ball whose centre has moved by sigma z towards its
    neighbour reaches beyond by c((r/2 - sigma z)/R). Hence

        refitted = (2/N) sum_pairs <c(rho_ij/D)>,   fixed = (2/N) sum_pairs <c((r_ij/2 - sigma z)/R)>.

    The second is blurred by sigma, the first only by sigma/sqrt(2), since training anew shares the
    shift of a pair between both. Both count regions where three balls meet once too often
    (`pair_error`).

    Parameters
    ----------
    packing : Packing
        Of equal balls, 2 R = D = 1.
    sigma : float
        > 0, in mean diameters; 1 + 9 sqrt(2) sigma must not exceed box/2.

    Returns
    -------
    ShiftedError

    Examples
    --------
    >>> import mpack
    >>> packing = mpack.Packing.random(n=50, phi=0.5, dim=2, seed=1)
    >>> found = mpack.manifolds.shifted_error(packing, sigma=0.05)
    >>> found.before < found.refitted < found.fixed
    True
    """
    if not _packing("packing", packing).monodisperse:
        raise ValueError("packing must have equal diameters")
    sigma = _check.number("sigma", sigma, 0.0, open_low=True)
    reach = 1.0 + _HALF_WIDTH * math.sqrt(2.0) * sigma
    if reach > 0.5 * packing.box:
        raise ValueError(
            f"sigma must be at most {(0.5 * packing.box - 1.0) / (_HALF_WIDTH * math.sqrt(2.0)):.4g} in a box of "
            f"{packing.box:.6g}; got {sigma:g}"
        )
    from mpack._kernels import pairs

    listed = pairs.chunks(packing.fixed, packing.box, packing.diameters, 1.0, reach - 1.0)
    r = np.concatenate([part for _, _, part in listed])
    average = [_interpolated(mean, r, sigma, packing.dim) for mean in (mean_refitted, mean_fixed)]
    before, refitted, fixed = (
        2.0 * math.fsum(part) / packing.n for part in (two_class_error(r, packing.dim), *average)
    )
    return ShiftedError(before, refitted, fixed, sigma)


@_check.sound
def half_point(n: ArrayLike, absorbed: ArrayLike, box: float) -> Estimate:
    """The number of balls that find room in half of the runs: where the capacity of a learner ends.

    A logistic curve, P(absorbed) = 1/(1 + exp((n - n_c)/w)), by maximum likelihood; the error is
    that of n_c in the inverse of the information matrix. A very weak prior on ln w keeps the width
    finite where the runs do not overlap.

    Parameters
    ----------
    n : array_like, shape (m,)
        Number of balls in every run.
    absorbed : array_like, shape (m,)
        1 where the run came to rest, without overlaps; 0 where it did not.
    box : float
        Edge > 0 of the box in mean diameters: sets the scale at which the search starts, 0.01
        box^3.

    Returns
    -------
    mpack.statistics.Estimate
        n_c; its n is the number of runs.

    Raises
    ------
    ValueError, TypeError
        If all runs ended alike, absorbed holds other numbers than 0 and 1, or n_c lies outside the
        range of n.

    Examples
    --------
    >>> from mpack.manifolds import half_point
    >>> found = half_point([60, 60, 61, 61, 62, 62], [1, 1, 1, 0, 0, 0], box=4)
    >>> round(found.value, 6)
    61.0
    """
    n, absorbed = _check.array("n", n, (None,)), _check.array("absorbed", absorbed, (len(n),))
    box = _check.number("box", box, 0.0, open_low=True)
    if not np.all((absorbed == 0.0) | (absorbed == 1.0)):
        raise ValueError("absorbed must hold 0 or 1 for every run; some are neither")
    if not len(n) or absorbed.min() == absorbed.max():
        raise ValueError(
            f"absorbed must hold both 0 and 1 to say where capacity ends; got {_check.short(absorbed)}"
        )
    middle, width = n.mean(), 0.01 * box**3
    x = (n - middle) / width
    centre, slope = _logistic(x, absorbed)
    if not x.min() <= centre <= x.max():
        raise ValueError(
            f"the runs do not bracket capacity: half of them at n = {middle + width * centre:.4g}"
        )
    error = width * math.sqrt(_variance_of_centre(x, centre, slope))
    return Estimate(middle + width * centre, error, len(n))


def _logistic(x, absorbed):
    """Centre and slope of the most likely 1/(1 + exp((x - centre) slope))."""
    from scipy.optimize import minimize

    def surprise(q):
        z = (x - q[0]) * math.exp(min(q[1], 6.0))
        return np.sum(np.logaddexp(0.0, z) - (1.0 - absorbed) * z) + 0.005 * q[1] ** 2

    options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000}
    best = minimize(surprise, [0.0, 0.0], method="Nelder-Mead", options=options)
    return best.x[0], math.exp(min(best.x[1], 6.0))


def _variance_of_centre(x, centre, slope):
    """That of the centre in the inverse of the information matrix of centre and ln slope."""
    from scipy.special import expit

    p = expit((x - centre) * slope)
    weight = p * (1.0 - p)
    u, v = -slope, (x - centre)
    mixed = np.sum(weight * u * v)
    information = np.array([[np.sum(weight * u * u), mixed], [mixed, np.sum(weight * v * v)]])
    return np.linalg.inv(information)[0, 0]


@_check.sound
def class_separation(features: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """How far apart real classes are for their size: |m_a - m_b|/(R_a + R_b) for all pairs.

    m_a is the mean of a class and R_a the root of the mean squared distance from it. Above 1, balls
    of these radii would not overlap; the points inside them need not be where the overlap is.

    Parameters
    ----------
    features : array_like, shape (n, k)
    labels : array_like, shape (n,)
        At least two classes.

    Returns
    -------
    array
        One number a pair of classes, in the order (0, 1), (0, 2), ..., (1, 2), ...

    Raises
    ------
    ValueError
        If there are not n labels of at least two classes.

    Examples
    --------
    >>> from mpack import manifolds
    >>> points = [[0.0], [2.0], [9.0], [11.0]]
    >>> manifolds.class_separation(points, [0, 0, 1, 1]).tolist()
    [4.5]
    """
    features = _check.array("features", features, ("n", "k"))
    labels, names = labelled("labels", labels, len(features))
    if len(names) < 2:
        raise ValueError(
            f"labels must be {len(features)} labels of at least two classes; got shape {labels.shape}"
        )
    members = [features[labels == name] for name in names]
    middle = np.array([some.mean(axis=0) for some in members])
    radius = np.array(
        [math.sqrt(np.mean(np.sum((some - m) ** 2, axis=1))) for some, m in zip(members, middle)]
    )
    a, b = np.triu_indices(len(names), 1)
    return np.linalg.norm(middle[a] - middle[b], axis=1) / (radius[a] + radius[b])


@_check.sound
def mean_refitted(r: ArrayLike, sigma: float, dim: int) -> NDArray[np.float64]:
    """<c(rho/D)> for two equal balls (D = 1) at the distance r after both have moved (see `shifted_error`): array.

    Examples
    --------
    >>> from mpack import manifolds
    >>> manifolds.mean_refitted([0.5, 3.0], sigma=0.01, dim=3).round(3).tolist()
    [0.156, 0.0]
    """
    from scipy.stats import ncx2

    dim = _check.integer("dim", dim, 1, 300)
    s = math.sqrt(2.0) * _check.number("sigma", sigma, 0.0, open_low=True)
    r = _row_of_distances(r)
    rho, weights = _panel(
        np.maximum(r - _HALF_WIDTH * s, 0.0), np.clip(r + _HALF_WIDTH * s, 0.0, 1.0)
    )
    density = 2.0 * rho / s**2 * ncx2.pdf((rho / s) ** 2, dim, (r[:, None] / s) ** 2)
    return np.sum(weights * density * cap_fraction(rho, dim), axis=1)


@_check.sound
def mean_fixed(r: ArrayLike, sigma: float, dim: int) -> NDArray[np.float64]:
    """<c((r/2 - sigma z)/R)> for two equal balls (R = 1/2) at the distance r (see `shifted_error`): array.

    Examples
    --------
    >>> from mpack import manifolds
    >>> manifolds.mean_fixed([0.5, 3.0], sigma=0.01, dim=3).round(3).tolist()
    [0.156, 0.0]
    """
    from scipy.special import ndtr

    s = 2.0 * _check.number(
        "sigma", sigma, 0.0, open_low=True
    )  # in radii, as the distances from here on
    centre = _row_of_distances(r)
    low, high = (np.clip(centre + side * _HALF_WIDTH * s, -1.0, 1.0) for side in (-1.0, 1.0))
    h, weights = _panel(low, high)
    density = np.exp(-0.5 * ((h - centre[:, None]) / s) ** 2) / (math.sqrt(2.0 * math.pi) * s)
    return np.sum(weights * density * cap_fraction(h, dim), axis=1) + ndtr((-1.0 - centre) / s)


def _panel(low, high):
    """Gauss-Legendre nodes and weights (m, nodes) on the intervals from low to high, arrays (m,)."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = 0.5 * (high - low)[:, None]
    return low[:, None] + half * (1.0 + nodes), half * weights


def _interpolated(mean, r, sigma, dim):
    """mean(r, sigma, dim) for many r, from a table fine enough for nine digits of its largest value."""
    from scipy.interpolate import CubicSpline

    if r.size == 0:
        return r
    low, high = float(r.min()), float(r.max())
    nodes = 4 + math.ceil(_TABLE * (high - low) / sigma)
    if nodes >= r.size:
        return mean(r, sigma, dim)
    grid = np.linspace(low, high, nodes)
    return CubicSpline(grid, mean(grid, sigma, dim))(r)


def _distances(r: ArrayLike) -> NDArray[np.float64]:
    return _check.reals("r", r, 0.0)


def _row_of_distances(r: ArrayLike) -> NDArray[np.float64]:
    r = np.atleast_1d(_distances(r))
    if r.ndim > 1:
        raise ValueError(f"r must be a number or one row of them; got shape {r.shape}")
    return r


def _diameters(a, b):
    return _check.number("a", a, 0.0, open_low=True), _check.number("b", b, 0.0, open_low=True)


def _packing(name, value):
    _check.instance(name, value, Packing, "a Packing")
    if not value.spherical:
        raise ValueError(f"{name} must be a packing of spheres; got {value!r}")
    return value


def _points(packing, samples, seed):
    """Classes (m,) drawn uniformly and points (m, d), each uniform in the ball of its class.

    A point is a Gaussian vector scaled to the length R u**(1/d), u uniform. Noise: purpose
    CLASS_POINTS, step 0, labels sample and axis.
    """
    from mpack._kernels import noise

    samples, dim = _check.integer("samples", samples, 2, 2**31), packing.dim
    where = np.uint64(_check.seed("seed", seed)), noise.CLASS_POINTS, np.uint64(0)
    label = np.arange(samples, dtype=np.uint64)
    gaussian, uniform = np.empty((dim, samples)), np.empty((2, samples))
    for c in range(dim):
        noise.fill_gaussian(*where, label, np.full_like(label, c), gaussian[c])
    for c in range(2):
        noise.fill_uniform(*where, label, np.full_like(label, dim + c), uniform[c])
    classes = (uniform[0] * packing.n).astype(np.int64)
    length = 0.5 * packing.diameters[classes] * uniform[1] ** (1.0 / dim)
    return classes, packing.positions[classes] + (
        gaussian * (length / np.linalg.norm(gaussian, axis=0))
    ).T


def _tree(packing):
    from scipy.spatial import cKDTree

    return cKDTree(np.mod(packing.positions, packing.box), boxsize=packing.box)


def _containing(packing, points, classes, at_once=20_000):
    """Chunks (m, i): point m lies in the ball i, other than that of its own class."""
    from scipy.spatial import cKDTree

    tree, radii = _tree(packing), 0.5 * packing.diameters
    points = np.mod(points, packing.box)
    for begin in range(0, len(points), at_once):
        some = cKDTree(points[begin : begin + at_once], boxsize=packing.box)
        near = some.sparse_distance_matrix(tree, float(radii.max()), output_type="ndarray")
        m, i = near["i"] + begin, near["j"]
        inside = (near["v"] < radii[i]) & (i != classes[m])
        yield m[inside], i[inside]
