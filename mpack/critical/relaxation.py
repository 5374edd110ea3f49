"""How long runs take: to be absorbed, or to come near their steady activity; and who survives."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack.critical._series import need_columns, series
from mpack.critical.activity import steady_activity

if TYPE_CHECKING:
    from pandas import DataFrame


class Relaxation(NamedTuple):
    """A relaxation time in steps: it lies in (after, steps]. Both nan if the records end before it.

    Examples
    --------
    >>> from mpack import critical
    >>> critical.relaxation_time([0, 10, 20, 25], [1.0, 0.5, 0.2, 0.0], 0.0)
    Relaxation(steps=25.0, after=24.0)
    """

    steps: float
    after: float


def relaxation_time(
    times: ArrayLike, activity: ArrayLike, f_inf: float | None = None, *, within: float = 0.1
) -> Relaxation:
    """Relaxation time tau_r of one run: the step of absorption, or the first step with (f_a - f_inf)/f_inf < 0.1.

    Parameters
    ----------
    times, activity : arrays, shape (m,)
        Steps, increasing, and f_a there. Dense enough for the purpose: log_spaced(10) brackets
        tau_r within 26 %.
    f_inf : float, optional
        Steady activity, better that of the whole ensemble than of this run; by `steady_activity` if
        left out. Not used if the run is absorbed.
    within : float
        The 0.1 above, in (0, 1].

    Returns
    -------
    Relaxation
        (steps, after): the first record that fulfils it, and the one before. Absorption is known to
        the step. nan for a run that is active and has never come so near, or whose f_inf is 0.

    Raises
    ------
    ValueError, TypeError
        If an array is malformed or a number out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> times = np.arange(0, 1001, 10)  # 10 % of 0.5 is left after 100 ln 10 = 230.3 steps
    >>> critical.relaxation_time(times, 0.5 + 0.5 * np.exp(-times / 100), 0.5)
    Relaxation(steps=240.0, after=230.0)
    """
    times, activity = series(times, activity)
    within = _check.number("within", within, 0.0, 1.0, open_low=True)
    if activity[-1] == 0.0:
        last = float(times[-1])
        return Relaxation(last, max(last - 1.0, 0.0))
    f_inf = (
        steady_activity(times, activity).value
        if f_inf is None
        else _check.number("f_inf", f_inf, 0.0, 1.0)
    )
    near = np.flatnonzero(activity - f_inf < within * f_inf)
    if not len(near):
        return Relaxation(float("nan"), float("nan"))
    return Relaxation(float(times[near[0]]), float(times[max(near[0] - 1, 0)]))


def relaxation_table(table: DataFrame, by: str = "phi") -> DataFrame:
    """Geometric mean of the relaxation time of each group of runs, and the fate of the group.

    Absorbed groups: the step of absorption. Active ones: when each run first comes within 10 % of
    the group's mean steady activity (`relaxation_time`). A group of both fates has no one time and
    is left out; so is one of which a run never came so near, or was absorbed at once.

    Parameters
    ----------
    table : pandas.DataFrame
        A sweep's, with the columns absorbed, f_inf, series and `by`.
    by : str
        The column that tells groups apart.

    Returns
    -------
    pandas.DataFrame
        `by`, log_tau (mean of ln tau_r, in steps), error (its standard error over runs; nan for a
        single one), absorbed.

    Raises
    ------
    ValueError
        If the table lacks a column.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from types import SimpleNamespace
    >>> from mpack import critical
    >>> runs = [
    ...     SimpleNamespace(times=np.array([0, last]), activity=np.array([1.0, 0.0]))
    ...     for last in (100, 400)
    ... ]
    >>> table = pd.DataFrame({"phi": 0.55, "absorbed": True, "f_inf": 0.0, "series": runs})
    >>> critical.relaxation_table(table).log_tau.map(np.exp).round(6).tolist()
    [200.0]
    """
    import pandas as pd

    need_columns(table, by, "absorbed", "f_inf", "series")
    found = []
    for key, group in table.groupby(by):
        if group.absorbed.nunique() > 1:
            continue
        gone = bool(group.absorbed.all())
        target = None if gone else float(group.f_inf.mean())
        taus = np.array(
            [relaxation_time(one.times, one.activity, target).steps for one in group.series]
        )
        if np.all(taus > 0):
            logs = np.log(taus)
            error = logs.std(ddof=1) / len(taus) ** 0.5 if len(taus) > 1 else float("nan")
            found.append((key, logs.mean(), error, gone))
    return pd.DataFrame(found, columns=[by, "log_tau", "error", "absorbed"])


def survival(
    steps: ArrayLike, absorbed: ArrayLike, at: ArrayLike
) -> tuple[NDArray, NDArray, NDArray]:
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

    Raises
    ------
    ValueError, TypeError
        If an array is malformed, or there is no run.

    Examples
    --------
    >>> from mpack import critical
    >>> chance, low, high = critical.survival([5, 8, 10, 10], [True, True, False, False], [4, 6, 9])
    >>> chance.tolist()
    [1.0, 0.75, 0.5]
    """
    from scipy import stats

    steps = _check.array("steps", steps, (None,))
    absorbed = np.asarray(absorbed)
    if absorbed.shape != steps.shape or absorbed.dtype != bool or not len(steps):
        raise ValueError(f"absorbed must be {len(steps)} booleans, at least one; got {absorbed!r}")
    at = _check.array("at", at, (None,))
    curve = stats.ecdf(stats.CensoredData.right_censored(steps, ~absorbed)).sf
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # no interval before the first death and after the last
        band = curve.confidence_interval(confidence_level=0.6827, method="log-log")
    return curve.evaluate(at), band.low.evaluate(at), band.high.evaluate(at)


def lifetimes(table: DataFrame, by: str | Sequence[str]) -> DataFrame:
    """Mean lifetime of each group of runs, as if death came at a constant rate: all steps over all deaths.

    With D deaths in T steps of all runs of a group, those that outlived their time included, the
    likelihood of a rate r is r^D exp(-r T), so that the mean lifetime is T/D, with error T/D^(3/2).
    Where every run died T/D is the sample mean, and its error that of the mean, whatever the
    distribution.

    Parameters
    ----------
    table : pandas.DataFrame
        A sweep's, with the columns steps, absorbed and those of `by`.
    by : str or sequence of str
        Columns that tell groups apart, such as ["phi", "n"].

    Returns
    -------
    pandas.DataFrame
        Indexed by `by`: runs, deaths, life (in steps), error. life and error are nan where no run
        died, error also where there is one run and it died.

    Raises
    ------
    ValueError
        If the table lacks a column.

    Notes
    -----
    Source: Cox and Oakes, Analysis of Survival Data (1984), section 3.2.

    Examples
    --------
    >>> import pandas as pd
    >>> from mpack import critical
    >>> runs = {"n": 64, "steps": [100, 300, 500, 500], "absorbed": [True, True, False, False]}
    >>> critical.lifetimes(pd.DataFrame(runs), "n").life.tolist()
    [700.0]
    """
    by = [by] if isinstance(by, str) else list(by)
    need_columns(table, "steps", "absorbed", *by)
    groups = table.assign(absorbed=table.absorbed.astype(bool)).groupby(by)
    steps, deaths, runs = groups.steps.sum(), groups.absorbed.sum(), groups.size()
    found = runs.to_frame("runs").assign(deaths=deaths, life=steps / deaths.where(deaths > 0))
    sampled = groups.steps.std() / runs**0.5
    return found.assign(error=sampled.where(deaths == runs, found.life / np.sqrt(deaths)))
