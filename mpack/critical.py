"""Absorbing or active: steady activity, relaxation time, survival, and where the transition lies.

Two states are open to a driven packing. It may find a configuration in which nothing overlaps and stop for ever
(absorbed), or stay active with a steady share f_inf of its particles moving. f_inf rises from zero at phi_c and the
time tau_r to reach either state diverges there (Zhang and Martiniani, arXiv:2411.11834). Everything here is the
statistics of recorded series, without a loop over particles: times in steps, activities in [0, 1].

    steady_activity     f_inf of one run: value, error, autocorrelation time, and whether to trust them
    relaxation_time     tau_r of one run
    survival            the chance that a run is still active (Kaplan-Meier)
    mean_activity       f_a(k) over all runs, or over those that survive
"""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mpack import _check

TRUSTED = 50  # autocorrelation times that a steady stretch must last
STEADY_SIGMAS = 3.0  # how far its two halves may differ, in standard errors
FEWEST = 8  # evenly spaced records that a steady stretch must have
_WINDOW = 5  # Sokal's: correlations are summed up to this many autocorrelation times


@dataclass(frozen=True)
class SteadyActivity:
    """What `steady_activity` found.

    Attributes
    ----------
    value, error : float
        Time average of f_a over the steady stretch and its standard error; 0 and 0 if the run is absorbed.
    tau, tau_error : float
        Integrated autocorrelation time in steps, 1 + 2 sum rho, at least one spacing of the records; nan if absorbed.
    start : int
        First step of the steady stretch; if absorbed, the step of absorption.
    points, spacing : int
        Records averaged, and the steps between them.
    drift : float
        Second half of the stretch minus the first, in standard errors of that difference.
    absorbed : bool
        True if the last activity is 0.
    reliable : bool
        True if the stretch lasts at least 50 autocorrelation times and |drift| <= 3, or if the run is absorbed.
    """

    value: float
    error: float
    tau: float
    tau_error: float
    start: int
    points: int
    spacing: int
    drift: float
    absorbed: bool
    reliable: bool


def steady_activity(times, activity, *, discard=0.5):
    """Steady activity f_inf of one run, with the error that its correlation in time allows.

    Rule, the same for every run: the first half of the steps is equilibration, the rest is averaged. With n evenly
    spaced records of variance s^2 and integrated autocorrelation time tau (in records, summed up to Sokal's window
    W = 5 tau by emcee, at least 1), error^2 = (s^2 tau/n) (1 + (2W + 1)/n); the bracket undoes, to first order in
    1/n, what taking the mean from the same records hides (Wolff, Comput. Phys. Commun. 156, 143 (2004)).

    Parameters
    ----------
    times : int array, shape (m,)
        Steps of the records, increasing.
    activity : array, shape (m,)
        f_a there.
    discard : float
        Share of the steps that counts as equilibration, in [0, 0.9].

    Returns
    -------
    SteadyActivity
        Trust it where `reliable`. A run still falling gives a too large value, a large `tau` and a large `drift`.

    Raises
    ------
    ValueError, TypeError
        If an array is malformed; or if the averaged stretch of an active run does not have at least 8 evenly spaced
        records. Others between them, such as those of `log_spaced`, and a last one off the grid are left out.
    """
    times, activity = _series(times, activity)
    discard = _check.number("discard", discard, 0.0, 0.9)
    if activity[-1] == 0.0:
        nan = float("nan")
        return SteadyActivity(0.0, 0.0, nan, nan, int(times[-1]), 1, 0, 0.0, absorbed=True, reliable=True)
    begin = times[0] + discard * (times[-1] - times[0])
    grid, spacing = _even(times[times >= begin])
    x = activity[np.searchsorted(times, grid)]
    n = len(x)
    tau = autocorrelation_time(x)
    window = 2 * _WINDOW * tau + 1
    error = np.sqrt(np.var(x) * tau / n * (1.0 + window / n))
    half = n // 2
    change = x[-half:].mean() - x[:half].mean()
    drift = float(change / (2.0 * error)) if error > 0.0 else 0.0
    return SteadyActivity(
        value=float(x.mean()),
        error=float(error),
        tau=tau * spacing,
        tau_error=float(tau * spacing * np.sqrt(2.0 * window / n)),
        start=int(grid[0]),
        points=n,
        spacing=spacing,
        drift=drift,
        absorbed=False,
        reliable=bool(n >= TRUSTED * tau and abs(drift) <= STEADY_SIGMAS),
    )


def autocorrelation_time(x):
    """Integrated autocorrelation time of an evenly spaced series, in its spacings: 1 + 2 sum_{t=1}^{W} rho(t).

    Parameters
    ----------
    x : array, shape (n,), n >= 2

    Returns
    -------
    float
        At least 1: what is anticorrelated counts as independent. 1 for a constant series.

    Notes
    -----
    W is the least integer >= 5 tau(W) (Sokal), by `emcee.autocorr.integrated_time`. Biased low when n < 50 tau.
    """
    x = _check.array("x", x, (None,))
    if len(x) < 2:
        raise ValueError(f"x must hold at least 2 values; got {len(x)}")
    if np.ptp(x) <= 1e-14 * np.max(np.abs(x)):
        return 1.0
    from emcee import autocorr

    try:
        tau = autocorr.integrated_time(x, c=_WINDOW, tol=TRUSTED)[0]
    except autocorr.AutocorrError as short:  # too short to trust; the caller sees that from n and tau
        tau = short.tau[0]
    return float(np.clip(tau, 1.0, len(x)))


class Relaxation(NamedTuple):
    """A relaxation time in steps: it lies in (after, steps]. Both nan if the records end before it."""

    steps: float
    after: float


def relaxation_time(times, activity, f_inf=None, *, within=0.1):
    """Relaxation time tau_r of one run: the step of absorption, or the first step with (f_a - f_inf)/f_inf < 0.1.

    Parameters
    ----------
    times, activity : arrays, shape (m,)
        Steps, increasing, and f_a there. Dense enough for the purpose: log_spaced(10) brackets tau_r within 26 %.
    f_inf : float, optional
        Steady activity, better that of the whole ensemble than of this run; by `steady_activity` if left out.
        Not used if the run is absorbed.
    within : float
        The 0.1 above, in (0, 1].

    Returns
    -------
    Relaxation
        (steps, after): the first record that fulfils it, and the one before. Absorption is known to the step. nan
        for a run that is active and has never come so near, or whose f_inf is 0.
    """
    times, activity = _series(times, activity)
    within = _check.number("within", within, 0.0, 1.0, open_low=True)
    if activity[-1] == 0.0:
        last = float(times[-1])
        return Relaxation(last, max(last - 1.0, 0.0))
    f_inf = steady_activity(times, activity).value if f_inf is None else _check.number("f_inf", f_inf, 0.0, 1.0)
    near = np.flatnonzero(activity - f_inf < within * f_inf)
    if not len(near):
        return Relaxation(float("nan"), float("nan"))
    return Relaxation(float(times[near[0]]), float(times[max(near[0] - 1, 0)]))


def survival(steps, absorbed, at):
    """Chance that a run is still active after `at` steps, by Kaplan and Meier: runs that ended active count so far.

    Parameters
    ----------
    steps : int array, shape (runs,)
        Steps done, the step of absorption where absorbed.
    absorbed : bool array, shape (runs,)
        Whether the run ended so; else nothing is known of it after its last step.
    at : array, shape (m,)
        Steps.

    Returns
    -------
    probability, low, high : arrays, shape (m,)
        And its 68.3 % interval (log-log, after Greenwood; nan while no run has died).
    """
    from scipy import stats

    steps = _check.array("steps", steps, (None,))
    absorbed = np.asarray(absorbed)
    if absorbed.shape != steps.shape or absorbed.dtype != bool or not len(steps):
        raise ValueError(f"absorbed must be {len(steps)} booleans, at least one; got {absorbed!r}")
    at = _check.array("at", at, (None,))
    curve = stats.ecdf(stats.CensoredData.right_censored(steps, ~absorbed)).sf
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no interval before the first death and after the last
        band = curve.confidence_interval(confidence_level=0.6827, method="log-log")
    return curve.evaluate(at), band.low.evaluate(at), band.high.evaluate(at)


def mean_activity(histories, at, *, surviving=False):
    """Mean activity of an ensemble against time, over all runs or over those still active.

    Parameters
    ----------
    histories : sequence of (times, activity)
        One pair a run; an absorbed run (last activity 0) has activity 0 ever after.
    at : array, shape (m,)
        Steps; each run must be recorded around them, linear in between.
    surviving : bool
        True leaves absorbed runs out of the average from their last step on: the quasi-steady average, which
        forgets that finite systems die. False counts them as 0.

    Returns
    -------
    mean, error : arrays, shape (m,)
        And its standard error over the runs; nan where fewer than two runs are averaged (the mean: where none).
    count : int array, shape (m,)
        Runs averaged.
    """
    at = _check.array("at", at, (None,))
    if not len(histories):
        raise ValueError("histories must hold at least one run; got none")
    rows = np.array([_history(times, activity, at) for times, activity in histories])
    counted = rows > 0.0 if surviving else np.ones(rows.shape, bool)
    count = counted.sum(axis=0)
    divide = np.where(count > 0, count, np.nan)
    mean = np.where(counted, rows, 0.0).sum(axis=0) / divide
    squares = np.where(counted, (rows - mean) ** 2, 0.0).sum(axis=0)
    return mean, np.sqrt(squares / divide / np.where(count > 1, count - 1, np.nan)), count


def _history(times, activity, at):
    """f_a of one run at the steps `at`; absorbed, it stays 0."""
    times, activity = _series(times, activity)
    if len(at) and (at.min() < times[0] or (activity[-1] > 0.0 and at.max() > times[-1])):
        raise ValueError(
            f"at must lie within the records of every active run, {times[0]} to {times[-1]}; "
            f"got {at.min():g} to {at.max():g}"
        )
    return np.interp(at, times, activity)


def _series(times, activity):
    """The two arrays of one run, checked."""
    times = _check.array("times", times, (None,))
    activity = _check.array("activity", activity, (len(times),))
    if not len(times) or np.any(np.diff(times) <= 0) or np.any(times != np.floor(times)):
        raise ValueError("times must be increasing whole steps, at least one")
    if activity.min() < 0.0 or activity.max() > 1.0:
        raise ValueError(f"activity must lie in [0, 1]; got {activity.min():g} to {activity.max():g}")
    return times.astype(np.int64), activity


def _even(times):
    """The evenly spaced steps among `times`, on the grid of their widest gap, and the spacing.

    Records made by `every(k)` and by others besides (log_spaced, the last step) have k for their widest gap.
    """
    spacing = int(np.diff(times).max(initial=1))
    remainders, counts = np.unique(times % spacing, return_counts=True)
    grid = times[times % spacing == remainders[np.argmax(counts)]]
    holes = len(grid) < 2 or np.any(np.diff(grid) != spacing)
    covers = 0.9 * (times[-1] - times[0]) <= grid[-1] - grid[0]
    if holes or not covers or len(grid) < FEWEST:
        raise ValueError(
            f"times must hold at least {FEWEST} evenly spaced records in the averaged stretch, steps {times[0]} to "
            f"{times[-1]} (record=mpack.every(k) gives them); its {len(times)} records are not"
        )
    return grid, spacing
