"""Two spheres alone, with the force that jumps: what BRO and its equation do to them, in closed form.

Two equal spheres overlap by a gap g = 1 - r that has to be closed. Under the linear potential they
are pushed apart by the same amount until they no longer overlap, and then left alone.

    bro         the rule, step by step: sums of uniform numbers
    diffusion   its stochastic differential equation: Brownian motion that stops at the border

Both give the averages of many such pairs, so that their difference is the weak error of the
equation, exactly. The rule overshoots the border, on average by 2 eps/3 in the separation; the
equation stops on it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mpack import _check

GRID = 56  # the gap is cut into at least ten times as many intervals
MOST_STEPS = 1000  # of the rule; the distribution of so many uniform numbers is known to rounding


class Averages(NamedTuple):
    """Averages over many pairs of spheres that started from the same separation.

    Attributes
    ----------
    activity : float
        Fraction of pairs that still overlap, P(tau > k).
    energy : float
        <U> of a pair, U = (1 - r)/2 of the linear potential.
    msd : float
        Mean square displacement of a sphere, <(r - r_0)^2>/4: each partner makes half of the way.
        In squared mean diameters.

    Examples
    --------
    >>> from mpack import two_spheres
    >>> found = two_spheres.bro(eps=0.1, gap=0.2, steps=0)  # as they started
    >>> found.activity, round(found.energy, 9), found.msd
    (1.0, 0.1, 0.0)
    """

    activity: float
    energy: float
    msd: float


def bro(eps: float, gap: float, steps: int) -> Averages:
    """Averages of two spheres under BRO, exactly.

    With S_k the sum of k uniform numbers (Irwin and Hall), a pair has come apart by 2 eps S_k while
    it overlaps, so

        f_a = P(2 eps S_k < g),    <U> = 1/2 int_0^g P(2 eps S_k < y) dy,

    and the mean square way grows in each step by that of the pairs that are still active,
    2 eps <2 eps S_j; active> + (4/3) eps^2 P(active). The distribution is that of P. Hall,
    Biometrika 19, 240 (1927); integrals are by Simpson's rule.

    Parameters
    ----------
    eps : float
        Kick size of `mpack.PairwiseBRO`, in mean diameters, in [g/1000, g].
    gap : float
        g = 1 - r_0, in mean diameters, in (0, 1].
    steps : int
        k, in [0, 1000].

    Returns
    -------
    Averages

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> from mpack import two_spheres
    >>> two_spheres.bro(eps=0.1, gap=0.2, steps=1)  # one number decides: is 0.2 u below 0.2?
    Averages(activity=1.0, energy=0.05, msd=0.003333333333333334)
    """
    from scipy import integrate

    gap, eps = _gap_and_kick(gap, eps)
    steps = _check.integer("steps", steps, 0, MOST_STEPS)
    grid = np.linspace(0, gap, 10 * max(GRID, math.ceil(gap / eps - 1e-9)) + 1)
    lasting = np.array([_irwin_hall(grid / (2 * eps), j) for j in range(steps + 1)])
    area = integrate.simpson(lasting, x=grid, axis=1)
    way = gap * lasting[:, -1] - area  # <2 eps S_j; still overlapping>
    way[0] = 0.0
    squares = np.sum(2 * eps * way[:steps] + 4 * eps**2 / 3 * lasting[:steps, -1])
    return Averages(float(lasting[steps, -1]), float(area[steps] / 2), float(squares / 4))


def _irwin_hall(x: np.ndarray, j: int) -> np.ndarray:
    """P(S_j < x) at every x >= 0, S_j the sum of j uniform numbers: the integral of a B-spline.

    `scipy.stats.irwinhall` has the same bits, and makes the spline anew for every x.
    """
    from scipy.interpolate import BSpline

    chance = np.ones(x.shape)
    inside = x < j
    if j:
        chance[inside] = BSpline.basis_element(np.arange(j + 1)).antiderivative()(x[inside])
        chance[x == 0] = 0.0
    return chance


def diffusion(eps: float, gap: float, time: float) -> Averages:
    """Averages of two spheres under the stochastic differential equation of BRO, exactly.

    The separation is Brownian motion with drift, dr = dt + sqrt(eps/3) dW in the time t = k eps,
    stopped when r = 1 is reached. The way y made by those not yet stopped has the density

        N(y; t, v) - exp(6 g/eps) N(y; 2 g + t, v),    y < g,    v = eps t/3:

    a mirror image takes away what has been stopped (N(y; m, v) is the Gaussian of mean m and
    variance v; D. R. Cox and H. D. Miller, The Theory of Stochastic Processes (1965), section 5.7).
    Integrals are by Simpson's rule.

    Parameters
    ----------
    eps : float
        Kick size, in mean diameters, in [g/1000, g].
    gap : float
        g = 1 - r_0, in mean diameters, in (0, 1].
    time : float
        t = k eps, in mean diameters, in (0, 100].

    Returns
    -------
    Averages

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> from mpack import two_spheres
    >>> rule, equation = two_spheres.bro(0.01, 0.2, 20), two_spheres.diffusion(0.01, 0.2, 0.2)
    >>> print(f"{rule.activity:.4f}, {equation.activity:.4f}")  # it stops on the border
    0.5000, 0.4744
    """
    from scipy import integrate, stats

    gap, eps = _gap_and_kick(gap, eps)
    time = _check.number("time", time, 0, 100, open_low=True)
    variance = eps / 3 * time
    y = np.linspace(min(gap, time) - 12 * variance**0.5, gap, 20_001)
    density = stats.norm.pdf(y, time, variance**0.5)
    image = (
        np.exp(-((y - (2 * gap + time)) ** 2) / (2 * variance) + 6 * gap / eps)
        / (2 * np.pi * variance) ** 0.5
    )
    density = density - image  # the mirror image takes away what has been stopped
    active = integrate.simpson(density, x=y)
    energy = integrate.simpson(density * (gap - y), x=y) / 2
    squares = integrate.simpson(density * y**2, x=y) + (1 - active) * gap**2
    return Averages(float(active), float(energy), float(squares / 4))


def _gap_and_kick(gap: float, eps: float) -> tuple[float, float]:
    """Both, if the integrals resolve them."""
    gap = _check.number("gap", gap, 0, 1, open_low=True)
    return gap, _check.number("eps", eps, gap / 1000, gap)
