"""Displacement for curvatures and noise that were measured, its exponent, and what a series tells of its mode."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gamma as gamma_function

from mpack import _check, statistics
from mpack._types import FloatOrArray
from mpack.limiting import _recursion
from mpack.limiting.model import Stationary
from mpack.limiting.modes import step_matrix
from mpack.statistics import Estimate


@_check.sound
def linear_displacement(
    k: ArrayLike,
    eta: float,
    beta: float,
    curvature: ArrayLike,
    noise_variance: ArrayLike,
    *,
    age: int | None = None,
    per_mode: bool = False,
) -> NDArray[np.float64]:
    """E|theta_(s+k) - theta_s|^2 of the recursion for any curvatures and gradient noise, exactly.

    Parameters
    ----------
    k : int or 1-D array of ints >= 0
        Steps.
    eta, beta : float
        Learning rate and momentum.
    curvature, noise_variance : array_like, shape (d,)
        Curvature of the regularised loss along d orthonormal directions, of any sign, and the
        variance of the *mini-batch* gradient along them. Only this diagonal matters for the sum
        over modes.
    age : int, optional
        s: steps since every mode was started at its optimum with v = 0. None is stationarity, which
        needs 0 < eta curvature < 2 (1 + beta). With an age, flat and slightly negative directions
        are well defined.

    Returns
    -------
    ndarray, shape (len(k),), or (len(k), d) with per_mode=True
        Cov(z_(s+k) - z_s) = (M^k - 1) C_s (M^k - 1)^T + C_k, C_k = sum over j < k of M^j N M^jT.

    Examples
    --------
    >>> from mpack import limiting
    >>> limiting.linear_displacement([1, 2], 0.1, 0.0, [0.0], [1.0], age=0).round(12).tolist()
    [0.01, 0.02]
    """
    eta, beta = _recursion.learning_rate(eta), _recursion.momentum(beta)
    h = _check.array("curvature", curvature, (None,), empty=False)
    power = _check.array("noise_variance", noise_variance, (h.size,))
    if power.min() < 0.0:
        raise ValueError(f"noise_variance must be >= 0; the least is {power.min():.6g}")
    M = step_matrix(eta, beta, h)
    N = power[:, None, None] * np.outer([eta, 1.0], [eta, 1.0])
    if age is None:
        if eta * h.min() <= 0.0 or eta * h.max() >= 2.0 * (1.0 + beta):
            raise ValueError(
                f"curvature must lie in (0, {2.0 * (1.0 + beta) / eta:.6g}) for a stationary state; "
                f"got [{h.min():.6g}, {h.max():.6g}]: give an age"
            )
        moments = linear_moments(eta, beta, h, power)
        part = np.stack(
            [
                _recursion.from_velocities(eta, M, moments, int(step))
                for step in _recursion.whole_steps("k", k)
            ]
        )
    else:
        C = _recursion.noise_sum(M, N, _check.integer("age", age, 0))
        part = np.stack([_since(M, N, C, int(step)) for step in _recursion.whole_steps("k", k)])
    return part if per_mode else part.sum(axis=-1)


@_check.sound
def linear_moments(
    eta: float, beta: float, curvature: ArrayLike, noise_variance: ArrayLike
) -> Stationary:
    """Stationary second moments of the recursion for any curvatures and gradient noise, exactly.

    With s the variance of the mini-batch gradient along a direction of curvature h: E v^2 = s/[(1 -
    beta^2)(1 - eta h/(2 (1 + beta)))], E theta^2 = eta (1 + beta) E v^2/(2 h), E theta v = eta E
    v^2/2.

    Parameters
    ----------
    eta, beta : float
        Learning rate and momentum.
    curvature, noise_variance : array_like, shape (d,)
        As for `linear_displacement`; 0 < curvature < 2 (1 + beta)/eta.

    Returns
    -------
    Stationary

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> from mpack import limiting
    >>> moments = limiting.linear_moments(0.5, 0.0, [1.0], [3.0])  # theta' = theta/2 - xi/2
    >>> moments.position.round(12).tolist(), moments.velocity.round(12).tolist()
    ([1.0], [4.0])
    """
    eta, beta = _recursion.learning_rate(eta), _recursion.momentum(beta)
    h = _check.array("curvature", curvature, (None,), empty=False)
    power = _check.array("noise_variance", noise_variance, (h.size,))
    if eta * h.min() <= 0.0 or eta * h.max() >= 2.0 * (1.0 + beta):
        raise ValueError(
            f"curvature must lie in (0, {2.0 * (1.0 + beta) / eta:.6g}) for a stationary state; "
            f"got [{h.min():.6g}, {h.max():.6g}]"
        )
    velocity = power / (1.0 - beta**2) / (1.0 - eta * h / (2.0 * (1.0 + beta)))
    return Stationary(velocity * eta * (1.0 + beta) / (2.0 * h), velocity, 0.5 * eta * velocity)


def _since(M, N, C, k):
    gain = (_recursion.doubling(M, k)[0] - np.eye(2))[..., 0, :]
    return (
        np.einsum("...a,...ab,...b->...", gain, C, gain) + _recursion.noise_sum(M, N, k)[..., 0, 0]
    )


@_check.sound
def power_law_displacement(tau: ArrayLike, a: float) -> FloatOrArray:
    """sum over i >= 1 of 1 - exp(-tau i^-a) ~ Gamma(1 - 1/a) tau^(1/a) - 1/2 for tau >> 1, a > 1.

    The global displacement of the overdamped power-law spectrum in units of 2 var theta, at tau =
    eta k/(1 - beta). From the integral over i (Mellin) and the first Euler-Maclaurin term; the rest
    is exponentially small or O(1/tau).

    Examples
    --------
    >>> from mpack import limiting
    >>> round(float(limiting.power_law_displacement(100.0, a=2.0)), 4)
    17.2245
    """
    a = _check.number("a", a, 1.0, open_low=True)
    return gamma_function(1.0 - 1.0 / a) * _check.reals("tau", tau, 0.0) ** (1.0 / a) - 0.5


@dataclasses.dataclass(frozen=True)
class ExponentFit:
    """|theta_(s+k) - theta_s|^2 = prefactor k^exponent, fitted on k_min <= k <= k_max.

    `error` is one standard error of the exponent: a jackknife over `runs` runs, or nan when one
    curve was given.

    Examples
    --------
    >>> from mpack import limiting
    >>> fit = limiting.anomalous_exponent([1, 10, 100, 1000], [3.0, 30.0, 300.0, 3000.0])
    >>> round(fit.prefactor, 6), fit.k_min, fit.k_max
    (3.0, 10, 1000)
    """

    exponent: float
    error: float
    prefactor: float
    k_min: int
    k_max: int
    runs: int

    @property
    def estimate(self) -> Estimate:
        """The exponent as an `mpack.statistics.Estimate`; ValueError if one curve was given and there is no error."""
        if self.runs < 2:
            raise ValueError(f"an error of the exponent needs at least 2 runs; got {self.runs}")
        return Estimate(self.exponent, self.error, self.runs)


def anomalous_exponent(
    k: ArrayLike, displacement: ArrayLike, *, window: float = 2.0 / 3.0
) -> ExponentFit:
    """Exponent c of |Delta_k|^2 ~ k^c: a straight line through ln |Delta_k|^2 against ln k.

    The rule of Kunin et al.: the last two thirds, here of the range of ln k, k >= k_max^(1/3) when
    k starts at 1.

    Parameters
    ----------
    k : array_like of int, shape (m,)
        Steps >= 1, increasing; take them evenly spaced in ln k, since every point has the same
        weight.
    displacement : array_like, shape (m,) or (runs, m)
        Squared displacements > 0 in the mean: one curve, or one row for each independent run. Runs
        are averaged first; the error is the jackknife over them.
    window : float in (0, 1]
        Fraction of the range of ln k that is used, counted from its end.

    Returns
    -------
    ExponentFit

    Examples
    --------
    >>> from mpack import limiting
    >>> fit = limiting.anomalous_exponent([1, 10, 100, 1000], [1.0, 100.0, 1e4, 1e6])
    >>> round(fit.exponent, 6)
    2.0
    """
    k = _recursion.whole_steps("k", k)
    if k.size < 3 or k[0] < 1 or np.any(np.diff(k) <= 0):
        raise ValueError(f"k must hold at least 3 increasing steps >= 1; got {k}")
    rows = _check.array("displacement", np.atleast_2d(displacement), (None, k.size))
    window = _check.number("window", window, 0.0, 1.0, open_low=True)
    x = np.log(k)
    use = x >= x[-1] - window * (x[-1] - x[0]) - 1e-12
    if use.sum() < 3:
        raise ValueError(f"window must leave at least 3 points; {window} leaves {use.sum()}")
    x, kept, runs = x[use], rows[:, use], len(rows)
    slope, level = _line(x, kept.mean(axis=0))
    error = np.nan
    if runs > 1:
        left_out = (kept.sum(axis=0) - kept) / (runs - 1)
        slopes = np.array([_line(x, row)[0] for row in left_out])
        error = np.sqrt((runs - 1) * np.mean((slopes - slopes.mean()) ** 2))
    return ExponentFit(slope, float(error), float(np.exp(level)), int(k[use][0]), int(k[-1]), runs)


def autoregression(theta: ArrayLike) -> tuple[float, float]:
    """The autoregression behind stationary runs of one mode, from their first two correlations.

    SGD with momentum is theta_(k+1) = phi_1 theta_k + phi_2 theta_(k-1) + noise with phi_1 = 1 +
    beta - eta h and phi_2 = -beta. With r_l = <theta_k theta_(k+l)>/<theta^2>, the Yule-Walker
    equations give phi_2 = (r_2 - r_1^2)/(1 - r_1^2) and phi_1 = r_1 (1 - phi_2).

    Parameters
    ----------
    theta : array_like, shape (runs, steps)
        Positions, measured from the optimum, of consecutive steps >= 3; averages are over runs and
        steps.

    Returns
    -------
    phi_1, phi_2 : float

    Raises
    ------
    TypeError, ValueError
        If `theta` has another shape, or nothing moves in it.

    Notes
    -----
    Yule, Phil. Trans. R. Soc. A 226, 267 (1927); Walker, Proc. R. Soc. A 131, 518 (1931).

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.limiting import autoregression
    >>> turning = np.cos(2 * np.pi * np.arange(3000) / 6)  # 1 + beta - eta h = 2 cos 60 degrees
    >>> phi_1, phi_2 = autoregression([turning])
    >>> round(phi_1, 2), round(phi_2, 2)
    (1.0, -1.0)
    """
    theta = _check.array("theta", theta, (None, None))
    if not len(theta) or theta.shape[1] < 3:
        raise ValueError(f"theta must hold runs of at least 3 steps; got shape {theta.shape}")
    c0, c1, c2 = ((theta[:, : theta.shape[1] - l] * theta[:, l:]).mean() for l in (0, 1, 2))
    if c0 <= 0.0 or abs(c1) >= c0:
        raise ValueError("theta must move from step to step; its first correlation is 1")
    r1, r2 = c1 / c0, c2 / c0
    phi2 = (r2 - r1**2) / (1 - r1**2)
    return float(r1 * (1 - phi2)), float(phi2)


def discriminant(theta: ArrayLike, *, blocks: int = 20) -> Estimate:
    """Discriminant phi_1^2 + 4 phi_2 of a mode's two eigenvalues, read off stationary runs.

    Below zero they are complex and the mode oscillates; for SGD with momentum it is (1 + beta - eta
    h)^2 - 4 beta. See `autoregression`.

    Parameters
    ----------
    theta : array_like, shape (runs, steps)
        As for `autoregression`.
    blocks : int
        The error is a jackknife over so many blocks of runs, 2 <= blocks <= runs.

    Returns
    -------
    Estimate
        n is the number of runs.

    Raises
    ------
    TypeError, ValueError
        As for `autoregression`, or if there are fewer runs than blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.limiting import discriminant
    >>> noise = np.random.default_rng(1).normal(size=(40, 500))  # no memory: eigenvalues 0, 0
    >>> abs(discriminant(noise).value) < 0.05
    True
    """
    theta = _check.array("theta", theta, (None, None))
    blocks = _check.integer("blocks", blocks, 2, max(len(theta), 2))

    def of(kept):
        phi1, phi2 = autoregression(theta[np.isin(block, kept)])
        return phi1**2 + 4 * phi2

    block = np.repeat(np.arange(blocks), [len(b) for b in np.array_split(theta, blocks)])
    return dataclasses.replace(statistics.jackknife(of, np.arange(blocks)), n=len(theta))


def _line(x, y):
    if y.min() <= 0.0:
        raise ValueError(f"displacement must be > 0 in the mean; the least is {y.min():.6g}")
    slope, level = np.polyfit(x, np.log(y), 1)
    return float(slope), float(level)
