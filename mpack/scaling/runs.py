"""From runs to what a scaling analysis takes: activity and relaxation time of each, and scatter pooled over points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mpack import critical
from mpack.scaling._tables import require_columns

_NEEDED = ("absorbed", "f_inf", "steps", "series")


def measured(
    table: pd.DataFrame, *, by: Sequence[str] = ("n", "phi"), run: str = "seed"
) -> pd.DataFrame:
    """Steady activity f and relaxation time tau of every run, by what all runs of its point did.

    ====================== ========================= =====================================
    of the runs of a point f                         tau
    ====================== ========================= =====================================
    all are absorbed       none                      steps until a run is absorbed
    at least half are      none                      none
    fewer than half are    f_inf of those that live  none
    none is                f_inf                     the first step with (f_a - f)/f < 0.1
    ====================== ========================= =====================================

    In the last row f is the mean over the runs of the point (`mpack.critical.relaxation_time`).
    Runs that are absorbed are left out of f: it is the activity of the quasi-stationary state.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a run, as `mpack.sweep` returns: columns absorbed, f_inf, steps (at which a run
        ended), series (times and activity), and those of `by` and `run`.
    by : sequence of str
        Columns that make a point, in the order in which points are sorted.
    run : str
        Column that tells the runs of a point apart.

    Returns
    -------
    pandas.DataFrame
        The rows, sorted by point and run, with f in [0, 1] and tau in steps (nan where there is
        none), and alive: whether the point is on the active side, that is has a run that lives.

    Raises
    ------
    TypeError, ValueError
        If it is no table, has no rows, or lacks a column.

    References
    ----------
    The rules of Zhang and Martiniani, arXiv:2411.11834, with survivors' averages as in
    S. Luebeck, Int. J. Mod. Phys. B 18, 3977 (2004).

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(500, 0.5, seed, True, 0.0, 90 + seed, None) for seed in range(2)]
    >>> names = ["n", "phi", "seed", "absorbed", "f_inf", "steps", "series"]
    >>> measured(pd.DataFrame(rows, columns=names))[["f", "tau", "alive"]]
        f   tau  alive
    0 NaN  90.0  False
    1 NaN  91.0  False
    """
    by = list(by)
    require_columns(table, (*by, run, *_NEEDED))
    if table.empty:
        raise ValueError("table must hold at least one run; it has no rows")
    points = [_of_point(runs) for _, runs in table.groupby(by)]
    return pd.concat(points, ignore_index=True).sort_values([*by, run])


def _of_point(runs):
    """The runs of one point with f, tau and alive."""
    dead = runs.absorbed.to_numpy(bool)
    f, tau = np.full(len(runs), np.nan), np.full(len(runs), np.nan)
    if dead.all():
        tau = runs.steps.to_numpy(float)
    elif dead.mean() < 0.5:
        f[~dead] = runs.f_inf[~dead]
        if not dead.any():
            level = np.mean(f)
            found = (critical.relaxation_time(s.times, s.activity, level) for s in runs.series)
            tau = np.array([one.steps for one in found])
    return runs.assign(f=f, tau=tau, alive=not dead.all())
