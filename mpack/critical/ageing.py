"""The slow approach to the steady state: mean activity in octaves of time, and what it says of later times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack.critical._series import need_columns, series
from mpack.statistics import Estimate, mean_error

if TYPE_CHECKING:
    from pandas import DataFrame


def octaves(times: ArrayLike, activity: ArrayLike, count: int = 5) -> NDArray:
    """Mean activity in the last octaves of a run's time, (T/2, T] last: of many runs together, whether it is steady.

    One run's `drift` in `steady_activity` is blind to a slow fall that its fluctuations hide; the
    mean of many is not. Where activity nears a limit as k^-theta, the differences of successive
    octaves have the ratio 2^-theta.

    Parameters
    ----------
    times, activity : as for `steady_activity`
        Activity is taken to change linearly from one record to the next.
    count : int
        How many, >= 1.

    Returns
    -------
    array, shape (count,)

    Raises
    ------
    ValueError, TypeError
        If an array is malformed, or the first octave begins before the first record.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> times = np.arange(1, 1001)
    >>> critical.octaves(times, 0.2 + 0.5 / times, 3).round(4).tolist()
    [0.2028, 0.2014, 0.2007]
    """
    times, activity = series(times, activity)
    count = _check.integer("count", count, 1, 60)
    edges = times[-1] / 2.0 ** np.arange(count, -1, -1)
    if edges[0] < times[0] or times[-1] < 2**count:
        raise ValueError(
            f"count must be such that the first octave, from step {edges[0]:g}, begins at least one "
            f"step after the start and not before the first record, at step {times[0]}; got {count}"
        )
    return np.array(
        [
            np.interp(np.linspace(a, b, 65), times, activity).mean()
            for a, b in zip(edges, edges[1:], strict=False)
        ]
    )


def octave_table(table: DataFrame, by: Sequence[str], count: int = 5) -> dict[tuple, NDArray]:
    """`octaves` of the runs of each group that were active to the end, where these are more than half of it.

    Parameters
    ----------
    table : pandas.DataFrame
        A sweep's, with the columns absorbed, series and `by`.
    by : sequence of str
        Columns that tell groups apart, such as ["n", "phi"].
    count : int
        Octaves, >= 1.

    Returns
    -------
    dict
        From each group's key, a tuple, to an array of shape (runs, count). Averaging over survivors
        alone is fair where few have died: other groups are left out.

    Raises
    ------
    ValueError, TypeError
        If the table lacks a column, or a run is not long enough.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from types import SimpleNamespace
    >>> from mpack import critical
    >>> run = SimpleNamespace(times=np.arange(1, 101), activity=np.full(100, 0.25))
    >>> table = pd.DataFrame({"phi": [0.6, 0.6], "absorbed": False, "series": [run, run]})
    >>> {key: m.tolist() for key, m in critical.octave_table(table, ["phi"], 2).items()}
    {(0.6,): [[0.25, 0.25], [0.25, 0.25]]}
    """
    by = [by] if isinstance(by, str) else list(by)
    need_columns(table, "absorbed", "series", *by)
    found = {}
    for key, rows in table.groupby(by):
        alive = rows[~rows.absorbed.astype(bool)]
        if len(alive) > len(rows) / 2:
            runs = [octaves(run.times, run.activity, count) for run in alive.series]
            found[key] = np.array(runs)
    return found


def octave_ratio(
    curves: Iterable[ArrayLike], last: int = -1, *, seed: int = 0, resamples: int = 200
) -> Estimate:
    """What activity falls in one octave over what it falls in the one before: 2^-theta of a power law k^-theta.

    The falls of all curves are added before they are divided; the error is the scatter of that over
    curves drawn again with replacement.

    Parameters
    ----------
    curves : iterable of arrays, shape (runs, count)
        `octaves` of the runs of each point, count >= 3.
    last : int
        Which octave, of 0 ... count - 1 or counted from the end; at least 2.
    seed : int
        Of the drawing.
    resamples : int
        How often, >= 2.

    Returns
    -------
    Estimate
        n is the number of curves.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two curves, their lengths differ, or a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> t = np.arange(1, 10_001)
    >>> curves = [[critical.octaves(t, 0.2 + b * t**-0.5, 4)] for b in (0.3, 0.5, 0.4)]
    >>> round(critical.octave_ratio(curves).value, 3), round(2**-0.5, 3)
    (0.707, 0.707)
    """
    tables = [_check.array("curves", one, (None, None)) for one in curves]
    if len(tables) < 2 or len({one.shape[1] for one in tables}) > 1 or tables[0].shape[1] < 3:
        shapes = sorted({one.shape for one in tables})
        raise ValueError(
            f"curves must be at least two, of as many octaves, 3 or more; got {len(tables)} of {shapes}"
        )
    count = tables[0].shape[1]
    last = _check.integer("last", last, -count, count - 1) % count
    if last < 2:
        raise ValueError(f"last must leave two octaves before it; got {last} of {count}")
    resamples = _check.integer("resamples", resamples, 2)
    sums = np.array([-np.diff(m, axis=1).sum(axis=0)[[last - 1, last - 2]] for m in tables])
    rng = np.random.default_rng(_check.seed("seed", seed))
    draws = rng.integers(len(sums), size=(resamples, len(sums)))
    later, sooner = sums[draws].sum(axis=1).T
    total = sums.sum(axis=0)
    if total[1] == 0.0 or np.any(sooner == 0.0):
        raise ValueError("curves must change in the octave before the last; theirs do not")
    return Estimate(np.divide(*total), np.std(later / sooner, ddof=1), len(tables))


def octave_limit(m: ArrayLike, ratio: float) -> NDArray:
    """f_inf from the last two octaves, if activity nears it as k^-theta with 2^-theta = ratio.

    f_inf = m_last - (m_before - m_last) ratio / (1 - ratio).

    Parameters
    ----------
    m : array, shape (..., count), count >= 2
        `octaves`.
    ratio : float
        In [0, 1); see `octave_ratio`.

    Returns
    -------
    array, shape (...)

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two octaves or the ratio is out of its range.

    Examples
    --------
    >>> from mpack import critical
    >>> float(critical.octave_limit([0.5, 0.4], 0.5))
    0.30000000000000004
    """
    m = _check.reals("m", m)
    ratio = _check.number("ratio", ratio, 0.0, 1.0, open_high=True)
    if m.ndim < 1 or m.shape[-1] < 2:
        raise ValueError(f"m must hold at least 2 octaves; got shape {m.shape}")
    return m[..., -1] - (m[..., -2] - m[..., -1]) * ratio / (1 - ratio)


def octave_forecast(m: ArrayLike, ratio: Estimate, doublings: int = 1) -> Estimate:
    """The last octave's activity after so many doublings of time, from the octaves until now.

    f = f_inf + (m_last - f_inf) ratio^doublings, f_inf by `octave_limit`, mean over runs. The error
    holds the scatter over runs and, to first order, the error of the ratio.

    Parameters
    ----------
    m : array, shape (runs, count)
        `octaves` of at least two runs.
    ratio : Estimate
        By `octave_ratio`; in [0, 0.999).
    doublings : int
        >= 1.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, TypeError
        If an argument is malformed.

    Examples
    --------
    >>> from mpack import critical
    >>> from mpack.statistics import Estimate
    >>> print(critical.octave_forecast([[0.5, 0.4], [0.5, 0.4]], Estimate(0.5, 0.01), 2))
    0.3250 ± 0.0020
    """
    m = _check.array("m", m, (None, None))
    r, error = Estimate.of(ratio)
    r = _check.number("ratio", r, 0.0, 0.999, open_high=True)
    doublings = _check.integer("doublings", doublings, 1)
    each = octave_limit(m, r) + (m[:, -1] - octave_limit(m, r)) * r**doublings
    step = 1e-3
    moved = octave_limit(m, r + step) * (1 - (r + step) ** doublings)
    slope = np.mean(moved + m[:, -1] * (r + step) ** doublings - each) / step
    mean = mean_error(each)
    return Estimate(mean.value, np.hypot(mean.error, slope * error), mean.n)
