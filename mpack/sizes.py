"""Size distributions: relative diameters with mean 1, for `Packing.random(..., diameters=)`.

Two ways to have n spheres stand for a distribution. *Quantiles* (no seed): sphere k has the
diameter below which a share (k + 1/2)/n of the distribution lies. Nothing is random about it, so
two packings differ in their places alone, which is what a comparison of packing fractions wants.
*Draws* (with a seed): independent diameters, noise of purpose "sizes"; then the sample's own width
scatters, too.

Polydispersity means the standard deviation over the mean. Diameters are computed by IEEE + - * /
and square root and by decimal arithmetic, not by libm: the same bits on every machine.
"""

from __future__ import annotations

import decimal
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._box import all_equal, normalised
from mpack.packing import LARGEST_N

DIGITS = decimal.Context(prec=50)
_EXP_DIGITS = decimal.Context(prec=25)
_TWO_PI = decimal.Decimal("6.28318530717958647692528676655900576839433879875021164194989")


def bidisperse(n: int, ratio: float, fraction: float = 0.5) -> NDArray[np.float64]:
    """Two sizes: large spheres `ratio` times as wide as small ones.

    With x the share of large spheres and q the ratio, polydispersity**2 = x (1 - x) (q - 1)**2 / (1
    + x (q - 1))**2.

    Parameters
    ----------
    n : int
        Number of spheres, >= 1.
    ratio : float
        q >= 1, at most 100.
    fraction : float
        Share of large spheres by number, in [0, 1]; `n * fraction` is rounded to the nearest
        integer.

    Returns
    -------
    array (n,)
        Diameters, small ones first; their mean is 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> import mpack
    >>> mpack.sizes.bidisperse(4, ratio=3.0).tolist()
    [0.5, 0.5, 1.5, 1.5]
    """
    n = _check.integer("n", n, 1, LARGEST_N)
    ratio = _check.number("ratio", ratio, 1, 100)
    fraction = _check.number("fraction", fraction, 0, 1)
    large = math.floor(n * fraction + 0.5)
    return normalised("diameters", np.where(np.arange(n) < n - large, 1.0, ratio), n)


def uniform(n: int, polydispersity: float, seed: int | None = None) -> NDArray[np.float64]:
    """Diameters uniform on [1 - w, 1 + w], w = sqrt(3) polydispersity.

    Parameters
    ----------
    n : int
        Number of spheres, >= 1.
    polydispersity : float
        Standard deviation over mean of the distribution, in [0, 0.57).
    seed : int, optional
        Draw them, with this key of the noise; quantiles if left out.

    Returns
    -------
    array (n,)
        Diameters with mean 1, the division by the mean of the n being the last step.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> import mpack
    >>> sizes = mpack.sizes.uniform(1000, polydispersity=0.2)
    >>> round(mpack.sizes.polydispersity_of(sizes), 6)
    0.2
    """
    n = _check.integer("n", n, 1, LARGEST_N)
    half = math.sqrt(3.0) * _check.number("polydispersity", polydispersity, 0, 0.57, open_high=True)
    share = (np.arange(n) + 0.5) / n if seed is None else _drawn("fill_uniform", n, seed)
    return normalised("diameters", 1.0 + half * (2.0 * share - 1.0), n)


def lognormal(n: int, polydispersity: float, seed: int | None = None) -> NDArray[np.float64]:
    """Diameters exp(w z), z standard Gaussian, w**2 = ln(1 + polydispersity**2).

    Draws of z are cut at 8.6 by the noise generator; quantiles end at those of 1/(2n) and 1 -
    1/(2n).

    Parameters
    ----------
    n : int
        Number of spheres, >= 1.
    polydispersity : float
        Standard deviation over mean of the distribution, in [0, 1]. Quantiles have a little less,
        for want of tails: `polydispersity_of` says how much.
    seed : int, optional
        Draw them, with this key of the noise; quantiles if left out.

    Returns
    -------
    array (n,)
        Diameters with mean 1, the division by the mean of the n being the last step.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> import mpack
    >>> sizes = mpack.sizes.lognormal(1000, polydispersity=0.2)
    >>> round(mpack.sizes.polydispersity_of(sizes), 4), round(mpack.sizes.skewness_of(sizes), 2)
    (0.1998, 0.6)
    """
    n = _check.integer("n", n, 1, LARGEST_N)
    width = decimal.Decimal(_check.number("polydispersity", polydispersity, 0, 1))
    with decimal.localcontext(DIGITS):
        width = (1 + width * width).ln().sqrt()
    z = _normal_quantiles(n) if seed is None else _drawn("fill_gaussian", n, seed)
    with decimal.localcontext(_EXP_DIGITS):
        return normalised(
            "diameters", [float((width * decimal.Decimal(value)).exp()) for value in z.tolist()], n
        )


@_check.sound
def polydispersity_of(diameters: ArrayLike) -> float:
    """Standard deviation of diameters over their mean; 0 for equal ones.

    Examples
    --------
    >>> import mpack
    >>> mpack.sizes.polydispersity_of([0.5, 1.5])
    0.5
    """
    sizes = _some(diameters)
    if all_equal(sizes):
        return 0.0
    return float(sizes.std() / sizes.mean())


@_check.sound
def skewness_of(diameters: ArrayLike) -> float:
    """Third central moment of diameters over the cube of their standard deviation; 0 for equal ones.

    Examples
    --------
    >>> import mpack
    >>> round(mpack.sizes.skewness_of(mpack.sizes.bidisperse(100, ratio=2.0, fraction=0.2)), 12)
    1.5
    """
    sizes = _some(diameters)
    apart, spread = sizes - sizes.mean(), sizes.std()
    if all_equal(sizes) or spread == 0:  # what rounding leaves of equal ones has no skewness
        return 0.0
    return float(np.mean(apart**3) / spread**3)


def _some(diameters: ArrayLike) -> NDArray[np.float64]:
    """At least one, all > 0."""
    sizes = _check.array("diameters", diameters, ("n",))
    if not len(sizes) or sizes.min() <= 0.0:
        raise ValueError(
            f"diameters must be at least one, all > 0; got {_check.short(sizes.tolist())}"
        )
    return sizes


def _drawn(kernel, n, seed):
    """n random numbers of purpose "sizes", label the sphere's."""
    from mpack._kernels import noise

    out = np.empty(n)
    labels = np.arange(n, dtype=np.uint64)
    key = np.uint64(_check.seed("seed", seed))
    getattr(noise, kernel)(
        key, noise.SIZES, np.uint64(0), labels, np.zeros(n, dtype=np.uint64), out
    )
    return out


def _normal_quantiles(n):
    """Quantiles of (k + 1/2)/n of the standard Gaussian, correctly rounded; antisymmetric to the bit."""
    with decimal.localcontext(DIGITS):
        upper = [
            _normal_quantile((decimal.Decimal(k) + decimal.Decimal("0.5")) / n)
            for k in range((n + 1) // 2, n)
        ]
    upper = np.array(upper)
    return np.concatenate((-upper[::-1], np.zeros(n % 2), upper))


def _normal_quantile(share):
    """The Gaussian quantile of a Decimal share > 1/2: a float's worth of a guess, made 30 digits by one Newton step."""
    from statistics import NormalDist

    guess = decimal.Decimal(NormalDist().inv_cdf(float(share)))
    density = (-guess * guess / 2).exp() / _TWO_PI.sqrt()
    term = total = guess  # Phi(x) = 1/2 + density * sum of x**(2k + 1)/(2k + 1)!!
    odd = 1
    while term > total.scaleb(-45):
        odd += 2
        term = term * guess * guess / odd
        total += term
    return float(guess - (decimal.Decimal("0.5") + density * total - share) / density)
