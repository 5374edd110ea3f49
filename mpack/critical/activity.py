"""Steady activity of a run, with the error that its memory allows, and mean activity of many runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._fits import Undetermined
from mpack.critical._series import even, series
from mpack.statistics import Estimate, jackknife

TRUSTED = 50  # autocorrelation times that a steady stretch must last
STEADY_SIGMAS = 3.0  # how far its two halves may differ, in standard errors
_WINDOW = 5  # Sokal's: correlations are summed up to this many autocorrelation times


@dataclass(frozen=True)
class SteadyActivity:
    """What `steady_activity` found.

    Attributes
    ----------
    value, error : float
        Time average of f_a over the steady stretch and its standard error; 0 and 0 if the run is
        absorbed.
    tau, tau_error : float
        Integrated autocorrelation time in steps, 1 + 2 sum rho, at least one spacing of the
        records; nan if absorbed.
    start : int
        First step of the steady stretch; if absorbed, the step of absorption.
    points, spacing : int
        Records averaged, and the steps between them.
    drift : float
        Second half of the stretch minus the first, in standard errors of that difference.
    absorbed : bool
        True if the last activity is 0.
    reliable : bool
        True if the stretch lasts at least 50 autocorrelation times and |drift| <= 3, or if the run
        is absorbed.

    Examples
    --------
    >>> from mpack import critical
    >>> found = critical.steady_activity([0, 10, 20, 25], [1.0, 0.5, 0.2, 0.0])
    >>> found.absorbed, found.start, found.value, found.reliable
    (True, 25, 0.0, True)
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

    @property
    def estimate(self) -> Estimate:
        """Value and error; n is the number of autocorrelation times averaged, None if absorbed."""
        n = None if self.absorbed else max(1, round(self.points * self.spacing / self.tau))
        return Estimate(self.value, self.error, n)


def steady_activity(
    times: ArrayLike, activity: ArrayLike, *, discard: float = 0.5
) -> SteadyActivity:
    """Steady activity f_inf of one run, with the error that its correlation in time allows.

    Rule, the same for every run: the first half of the steps is equilibration, the rest is
    averaged. With n evenly spaced records of variance s^2 and integrated autocorrelation time tau
    (in records, summed up to Sokal's window W = 5 tau by emcee, at least 1), error^2 = (s^2 tau/n)
    (1 + (2W + 1)/n); the bracket undoes, to first order in 1/n, what taking the mean from the same
    records hides (Wolff, Computer Physics Communications 156,
    143 (2004)).

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
        Trust it where `reliable`. A run still falling gives a too large value, a large `tau` and a
        large `drift`.

    Raises
    ------
    ValueError, TypeError
        If an array is malformed; or if the averaged stretch of an active run does not have at least
        8 evenly spaced records. Others between them, such as those of `log_spaced`, and a last one
        off the grid are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> noise = np.random.default_rng(1).standard_normal(1001)
    >>> found = critical.steady_activity(np.arange(0, 10_010, 10), 0.3 + 0.01 * noise)
    >>> print(found.estimate, found.reliable)
    0.29928 ± 0.00049 True
    """
    times, activity = series(times, activity)
    discard = _check.number("discard", discard, 0.0, 0.9)
    if activity[-1] == 0.0:
        nan = float("nan")
        return SteadyActivity(
            0.0, 0.0, nan, nan, int(times[-1]), 1, 0, 0.0, absorbed=True, reliable=True
        )
    begin = times[0] + discard * (times[-1] - times[0])
    grid, spacing = even(times[times >= begin])
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


def autocorrelation_time(x: ArrayLike) -> float:
    """Integrated autocorrelation time of an evenly spaced series, in its spacings: 1 + 2 sum_{t=1}^{W} rho(t).

    Parameters
    ----------
    x : array, shape (n,), n >= 2

    Returns
    -------
    float
        At least 1: what is anticorrelated counts as independent. 1 for a constant series.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two values or one is not finite.

    Notes
    -----
    W is the least integer >= 5 tau(W) (Sokal), by `emcee.autocorr.integrated_time`. Biased low when
    n < 50 tau.

    Examples
    --------
    >>> from mpack import critical
    >>> critical.autocorrelation_time([0.2, 0.2, 0.2])
    1.0
    """
    x = _check.array("x", x, (None,))
    if len(x) < 2:
        raise ValueError(f"x must hold at least 2 values; got {len(x)}")
    size = float(np.max(np.abs(x)))
    if size == 0.0 or np.ptp(x / size) <= 1e-14:
        return 1.0
    if not 1e-100 < size < 1e100:  # squares are taken: any unit will do
        x = x / size
    from emcee import autocorr

    try:
        tau = autocorr.integrated_time(x, c=_WINDOW, tol=TRUSTED)[0]
    except (
        autocorr.AutocorrError
    ) as short:  # too short to trust; the caller sees that from n and tau
        tau = short.tau[0]
    return float(np.clip(tau, 1.0, len(x)))


def mean_activity(
    histories: Sequence[tuple[ArrayLike, ArrayLike]], at: ArrayLike, *, surviving: bool = False
) -> tuple[NDArray, NDArray, NDArray[np.int64]]:
    """Mean activity of an ensemble against time, over all runs or over those still active.

    Parameters
    ----------
    histories : sequence of (times, activity)
        One pair a run; an absorbed run (last activity 0) has activity 0 ever after.
    at : array, shape (m,)
        Steps; each run must be recorded around them, linear in between.
    surviving : bool
        True leaves absorbed runs out of the average from their last step on: the quasi-steady
        average, which forgets that finite systems die. False counts them as 0.

    Returns
    -------
    mean, error : arrays, shape (m,)
        And its standard error over the runs; nan where fewer than two runs are averaged (the mean:
        where none).
    count : int array, shape (m,)
        Runs averaged.

    Raises
    ------
    ValueError, TypeError
        If there is no run, a series is malformed, or one is not recorded around `at`.

    Examples
    --------
    >>> from mpack import critical
    >>> runs = [([0, 10, 20], [1.0, 0.6, 0.4]), ([0, 10, 15], [1.0, 0.2, 0.0])]
    >>> mean, error, count = critical.mean_activity(runs, [10, 20])
    >>> mean.tolist(), count.tolist()
    ([0.4, 0.2], [2, 2])
    >>> critical.mean_activity(runs, [10, 20], surviving=True)[0].tolist()
    [0.4, 0.4]
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


def moment_ratio(
    histories: Sequence[tuple[ArrayLike, ArrayLike]], begin: float, end: float | None = None
) -> Estimate:
    """Ratio m = <f^2>/<f>^2 of the activity of runs while they survive: at phi_c its value tells the class.

    Averages are over the records at begin <= t <= end of all runs that are still active there, so
    that the mean is the quasi-stationary one. At phi_c, m depends on neither size nor time, once
    the decay is over; above it tends to 1 with the size.

    Parameters
    ----------
    histories : sequence of (times, activity)
        One pair a run, at least two: steps, increasing, and f_a there; an absorbed run ends with
        activity 0. Records should be evenly spaced (a run's weight is the number of its records).
    begin, end : float
        Steps; no end if left out.

    Returns
    -------
    Estimate
        With the jackknife error over runs; n is the number of those with a record that counts.

    Raises
    ------
    Undetermined
        A ValueError: if fewer than two runs survive until `begin`.
    ValueError, TypeError
        If an array is malformed or end < begin.

    Notes
    -----
    Source: R. Dickman and J. Kamphorst Leal da Silva, Phys. Rev. E 58, 4266 (1998).

    Examples
    --------
    >>> from mpack import critical
    >>> runs = [([0, 1, 2, 3], [1.0, 0.1, 0.3, 0.0]), ([0, 1, 2, 3], [1.0, 0.3, 0.1, 0.1])]
    >>> print(critical.moment_ratio(runs, begin=1))
    1.296 ± 0.035
    """
    begin = _check.number("begin", begin, 0.0)
    end = np.inf if end is None else _check.number("end", end, begin)
    sums = []
    for times, activity in histories:
        times, activity = series(times, activity)
        alive = activity[(times >= begin) & (times <= end) & (activity > 0.0)]
        if len(alive):
            sums.append((len(alive), alive.sum(), (alive**2).sum()))
    if len(sums) < 2:
        raise Undetermined(
            f"the runs do not determine the ratio of moments: {len(sums)} survive until step "
            f"{begin:g}; two must"
        )

    def ratio(some: NDArray) -> float:
        count, first, second = some.sum(axis=0)
        return float(second * count / first**2)

    return jackknife(ratio, np.array(sums))


def _history(times: ArrayLike, activity: ArrayLike, at: NDArray) -> NDArray:
    """f_a of one run at the steps `at`; absorbed, it stays 0."""
    times, activity = series(times, activity)
    if len(at) and (at.min() < times[0] or (activity[-1] > 0.0 and at.max() > times[-1])):
        raise ValueError(
            f"at must lie within the records of every active run, {times[0]} to {times[-1]}; "
            f"got {at.min():g} to {at.max():g}"
        )
    return np.interp(at, times, activity)


def late_activity(times: ArrayLike, activity: ArrayLike) -> Estimate:
    """Activity in the last quarter of a run; its error holds how much it changed from the quarter before.

    For a run that is not quite steady: error^2 = error_last^2 + (last - before)^2, error_last that
    of `steady_activity` with the first three quarters discarded.

    Parameters
    ----------
    times, activity : arrays, shape (m,)
        Steps, increasing, and f_a there.

    Returns
    -------
    Estimate
        0 and 0 if the run is absorbed.

    Raises
    ------
    ValueError, TypeError
        As for `steady_activity`, or if the third quarter has no record.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> times = np.arange(0, 4001, 10)
    >>> print(critical.late_activity(times, 0.4 - 0.01 * (times >= 3000)))
    0.3900 ± 0.0100
    """
    times, activity = series(times, activity)
    last = steady_activity(times, activity, discard=0.75)
    if last.absorbed:
        return last.estimate
    third = (times >= times[-1] / 2) & (times < 0.75 * times[-1])
    if not third.any():
        raise ValueError(
            f"times must hold records from step {times[-1] / 2:g} to {0.75 * times[-1]:g}; none do"
        )
    change = last.value - activity[third].mean()
    return Estimate(last.value, math.hypot(last.error, change), last.estimate.n)


def activity_until(times: ArrayLike, activity: ArrayLike, until: float) -> float:
    """Mean activity as an observer sees it who stops at step `until`: over (until/2, until]; 0 if absorbed by then.

    Parameters
    ----------
    times, activity : arrays, shape (m,)
        Steps, increasing, and f_a there; absorbed (last activity 0), it stays 0.
    until : float
        >= 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If an active run ends before `until`, or has no record in that half.

    Examples
    --------
    >>> from mpack import critical
    >>> run = [0, 10, 20, 30], [1.0, 0.5, 0.25, 0.0]
    >>> [critical.activity_until(*run, until) for until in (10, 20, 40)]
    [0.5, 0.25, 0.0]
    """
    times, activity = series(times, activity)
    until = _check.number("until", until, 1.0)
    if times[-1] < until:
        if activity[-1] > 0.0:
            raise ValueError(
                f"until must not lie beyond the last step of an active run, {times[-1]}; got {until:g}"
            )
        return 0.0
    late = (times > until / 2) & (times <= until)
    if not late.any():
        raise ValueError(f"times must hold records from step {until / 2:g} to {until:g}; none do")
    return float(activity[late].mean())
