"""Exponents that are fitted, not assumed: nu_parallel from absorption times, beta from steady activities."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check, _fits
from mpack._fits import Undetermined
from mpack.critical._divergence import likeliest
from mpack.critical.transition import onset
from mpack.statistics import Estimate


def exponent(
    scans: Iterable[Any],
    *,
    trials: ArrayLike | None = None,
    reach: float = 0.03,
    relative: bool = False,
    floor: float = 0.02,
    lineages: tuple[float, float] | None = None,
) -> Estimate:
    """The exponent nu_parallel of scans together, each with a phi_c and an amplitude of its own.

    At each trial exponent every scan is fitted by `divergence`; sum n ln s over the scans, n their
    absorbed runs within reach and s their scatter of ln tau, is minus the logarithm of the
    likelihood, up to a constant. Its smallest value, on a cubic spline through the trials in
    ln nu, is the exponent; where it has risen by one half lies one standard error.

    Parameters
    ----------
    scans : iterable of (phi, steps, absorbed)
        As of `divergence`; see `mpack.critical.scans`.
    trials : array, shape (m,), m >= 4, optional
        Increasing exponents in [0.1, 10]; eight from 0.6 to 3 if left out.
    reach : float
        Of `divergence`; times the largest phi of a scan if `relative`.
    relative : bool
        See `reach`.
    floor : float
        Least error, >= 0: that of the spline.
    lineages : (n0, p), optional
        As of `divergence`; p above all trials.

    Returns
    -------
    Estimate
        n is the number of absorbed runs behind it. A value at one end of the trials is a bound.

    Raises
    ------
    Undetermined
        A ValueError: if a scan has too few absorbed runs (see `divergence`).
    ValueError, TypeError
        If there is no scan or an argument is malformed.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> law = critical.CriticalPoint(0.6283, 0.0, 1.081, 20.0, 0.0, 0)
    >>> phi = np.repeat(0.600 + 0.005 * np.arange(9), 4)
    >>> rng = np.random.default_rng(1)
    >>> print(critical.exponent([critical.invented(law, phi, 20_000, rng) for _ in range(2)]))
    1.04 ± 0.12
    """
    from scipy import interpolate

    scans = [
        (np.asarray(phi, float), np.asarray(steps, float), np.asarray(absorbed, bool))
        for phi, steps, absorbed in scans
    ]
    if not scans:
        raise ValueError("scans must hold at least one; got none")
    trials = _trials(np.geomspace(0.6, 3.0, 8) if trials is None else trials)
    reach = _check.number("reach", reach, 0.0, 1.0, open_low=True)
    floor = _check.number("floor", floor, 0.0)
    cost, runs = np.zeros(len(trials)), 0
    for phi, steps, absorbed in scans:
        width = reach * phi.max() if relative else reach
        fits = [
            likeliest(phi, steps, absorbed, nu=nu, reach=width, lineages=lineages) for nu in trials
        ]
        count = np.count_nonzero(absorbed & (phi >= phi[absorbed].max() - width))
        cost += count * np.log([one.scatter for one in fits])
        runs += int(count)
    fine = np.geomspace(trials[0], trials[-1], 1000)
    smooth = interpolate.CubicSpline(np.log(trials), cost)(np.log(fine))
    inside = fine[smooth < smooth.min() + 0.5]  # one standard error to either side
    error = max(floor, (inside[-1] - inside[0]) / 2)
    return Estimate(fine[np.argmin(smooth)], error, runs)


def _trials(trials: ArrayLike) -> NDArray:
    trials = _check.array("trials", trials, (None,))
    if len(trials) < 4 or np.any(np.diff(trials) <= 0.0) or trials[0] < 0.1 or trials[-1] > 10.0:
        raise ValueError(
            f"trials must be at least 4 increasing exponents in [0.1, 10]; got {_check.short(trials)}"
        )
    return trials


@dataclass(frozen=True)
class Onset:
    """What `onset_exponent` found: f_inf = amplitude (phi - phi_c)^beta.

    Attributes
    ----------
    beta, error : float
        The exponent and its error, in which the change under another largest activity is counted.
    statistical : float
        Its error without that.
    phi_c, amplitude : float
        At that exponent.
    phi, activity, activity_error : arrays, shape (m,)
        The values used.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> found = critical.Onset(0.84, 0.03, 0.02, 0.568, 8.0, *np.ones((3, 2)))
    >>> print(found.estimate, "by", found.estimate.n, "values")
    0.840 ± 0.030 by 2 values
    """

    beta: float
    error: float
    statistical: float
    phi_c: float
    amplitude: float
    phi: NDArray
    activity: NDArray
    activity_error: NDArray

    @property
    def estimate(self) -> Estimate:
        """The exponent with its error; n is the number of values."""
        return Estimate(self.beta, self.error, len(self.phi))

    def law(self, phi: ArrayLike) -> NDArray:
        """The fitted activity.

        Parameters
        ----------
        phi : array
            Packing fractions.

        Returns
        -------
        array
            0 below phi_c.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack import critical
        >>> none = np.empty(0)
        >>> critical.Onset(1.0, 0.1, 0.1, 0.6, 5.0, none, none, none).law([0.5, 0.7]).round(3).tolist()
        [0.0, 0.5]
        """
        return self.amplitude * np.maximum(np.asarray(phi) - self.phi_c, 0.0) ** self.beta


def onset_exponent(
    phi: ArrayLike,
    activity: ArrayLike,
    error: ArrayLike,
    *,
    most: float = 0.5,
    method: str = "profile",
    again: float = 0.75,
) -> Onset:
    """The exponent beta of the steady activity, with phi_c and the amplitude free as well.

    "profile": at 25 exponents from 0.3 to 1.5, `onset` fits the other two; the minimum of the
    parabola through the five chi^2 about the smallest. "direct": all three by least squares at
    once, phi_c kept within 5 % below the smallest phi with activity, beta in [0.2, 3].
    Either error grows by the root of chi^2 per degree of freedom where that is above 1. The fit is
    done again with activities up to `again` times `most`; the change counts as another error, 0.5
    where too few values are left for it.

    Parameters
    ----------
    phi, activity, error : arrays, shape (m,)
        Packing fractions, steady activities and their standard errors, > 0 where used.
    most : float
        Only activities in (0, most] are used, in (0, 1].
    method : str
        "profile" or "direct".
    again : float
        In (0, 1).

    Returns
    -------
    Onset

    Raises
    ------
    Undetermined
        A ValueError: if fewer than 5 values are left, or they do not determine the exponent.
    ValueError, TypeError
        If an argument is malformed.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> phi = 0.57 + 0.004 * np.arange(1, 9)
    >>> f = 8 * (phi - 0.568) ** 0.84
    >>> found = critical.onset_exponent(phi, f, 0.01 * f, method="direct")
    >>> print(found.estimate, f"{found.phi_c:.4f}")
    0.840 ± 0.026 0.5680
    """
    method = _check.choice("method", method, tuple(_METHODS))
    most = _check.number("most", most, 0.0, 1.0, open_low=True)
    again = _check.number("again", again, 0.0, 1.0, open_low=True, open_high=True)
    phi = _check.array("phi", phi, (None,))
    activity = _check.array("activity", activity, (len(phi),))
    error = _check.array("error", error, (len(phi),))
    near = [
        (activity > 0.0) & (activity <= limit) & (error > 0.0) for limit in (most, again * most)
    ]
    used = [(phi[use], activity[use], error[use]) for use in near]
    if len(used[0][0]) < 5:
        raise Undetermined(
            f"beta needs at least 5 activities in (0, {most:g}] with errors; got {len(used[0][0])}"
        )
    beta, statistical, phi_c, amplitude = _METHODS[method](*used[0], most)
    change = 0.5
    if len(used[1][0]) >= 5:
        change = _METHODS[method](*used[1], again * most)[0] - beta
    return Onset(beta, math.hypot(statistical, change), statistical, phi_c, amplitude, *used[0])


def _profile(phi: NDArray, f: NDArray, error: NDArray, most: float) -> tuple[float, ...]:
    """beta, its error, phi_c, amplitude: chi^2 against beta, the other two fitted."""
    trial = np.linspace(0.3, 1.5, 25)
    fits = [onset(phi, f, error, beta=one, most=most) for one in trial]
    chi2 = np.array([one.scatter**2 * (one.points - 2) for one in fits])
    place = int(np.clip(np.argmin(chi2), 2, len(trial) - 3))
    near = slice(place - 2, place + 3)
    curve, slope, _ = np.polyfit(trial[near], chi2[near], 2)
    best = float(np.clip(-slope / (2 * curve), trial[0], trial[-1]))
    spread = max(1.0, chi2.min() / max(1, fits[0].points - 3))
    found = onset(phi, f, error, beta=best, most=most)
    return best, float((spread / max(curve, 1.0)) ** 0.5), found.phi_c, found.amplitude


def _power(x: NDArray, log_a: float, phi_c: float, beta: float) -> NDArray:
    return np.exp(log_a) * np.maximum(x - phi_c, 1e-9) ** beta


def _direct(phi: NDArray, f: NDArray, error: NDArray, most: float) -> tuple[float, ...]:
    """The same, all three fitted at once; phi_c from a little below the smallest phi."""
    from scipy import optimize

    if np.ptp(phi) <= 0.0:
        raise Undetermined("beta needs activities at more than one packing fraction")
    low, high = phi.min() - 0.05 * phi.mean(), phi.min() - 1e-5
    start = [math.log(f.max() / (phi.max() - phi.min())), phi.min() - 0.003, 0.9]
    bounds = ([-9, low, 0.2], [9, high, 3.0])
    best, covariance = _fits.fitted(
        lambda: optimize.curve_fit(
            _power, phi, f, start, error, absolute_sigma=True, bounds=bounds
        ),
        "beta, phi_c and the amplitude of the activity",
    )
    chi2 = np.sum(((f - _power(phi, *best)) / error) ** 2)
    spread = max(1.0, (chi2 / (len(phi) - 3)) ** 0.5)
    error_of_beta = covariance[2, 2] ** 0.5 * spread
    return float(best[2]), float(error_of_beta), float(best[1]), float(np.exp(best[0]))


_METHODS = {"profile": _profile, "direct": _direct}
