"""phi_c of every group of a sweep's runs, and the two sides of the transition as seen by who stops early."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._fits import Undetermined
from mpack.critical._series import need_columns
from mpack.critical.activity import activity_until
from mpack.critical.transition import BETA, NU_PARALLEL, CriticalPoint, divergence, onset
from mpack.statistics import Estimate

if TYPE_CHECKING:
    from pandas import DataFrame


class Scan(NamedTuple):
    """Runs at several packing fractions: what `divergence` takes.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> scan = critical.Scan(np.array([0.60, 0.64]), np.array([90, 5000]), np.array([True, False]))
    >>> scan.phi[scan.absorbed].tolist()
    [0.6]
    """

    phi: NDArray
    steps: NDArray
    absorbed: NDArray


class Located(dict):
    """What `locate` found: a dict from each group's key to its CriticalPoint.

    Attributes
    ----------
    by : tuple of str
        The columns that the keys are made of.
    missing : dict
        From the key of each group without an answer to the reason.

    Examples
    --------
    >>> from mpack import critical
    >>> point = critical.CriticalPoint(0.6, 0.001, 1.081, 20.0, 0.3, 30)
    >>> found = critical.Located({0.1: point}, ("alpha",), {0.2: "no run absorbed"})
    >>> found[0.1].phi_c, found.missing[0.2]
    (0.6, 'no run absorbed')
    """

    def __init__(self, found: Mapping, by: Sequence[str], missing: Mapping) -> None:
        super().__init__(found)
        self.by, self.missing = tuple(by), dict(missing)

    def curve(self, *name: Hashable) -> dict[Any, CriticalPoint]:
        """phi_c against the last column of `by`, where the columns before it have these values.

        Parameters
        ----------
        *name
            One value for each column of `by` but the last.

        Returns
        -------
        dict
            From the last column's value, increasing, to the CriticalPoint: `limit` takes it.

        Raises
        ------
        ValueError
            If the number of values is wrong.

        Examples
        --------
        >>> from mpack import critical
        >>> one = critical.CriticalPoint(0.6, 0.001, 1.081, 20.0, 0.3, 30)
        >>> critical.Located({("GD", 0.1): one}, ("process", "alpha"), {}).curve("GD") == {0.1: one}
        True
        """
        if len(name) != len(self.by) - 1:
            raise ValueError(
                f"curve takes a value of each of {', '.join(self.by[:-1])}; got {len(name)}"
            )
        keys = sorted(key for key in self if key[:-1] == name) if name else sorted(self)
        return {key[-1] if name else key: self[key] for key in keys}

    def table(self) -> DataFrame:
        """One row a group: the columns of `by`, phi_c, error, scatter, points, and why there is no answer.

        Returns
        -------
        pandas.DataFrame

        Examples
        --------
        >>> from mpack import critical
        >>> critical.Located({}, ("alpha",), {0.1: "no run"}).table().missing.tolist()
        ['no run']
        """
        import pandas as pd

        rows = []
        for key in [*self, *self.missing]:
            parts = key if len(self.by) > 1 else (key,)
            row = dict(zip(self.by, parts, strict=True))
            if key in self:
                one = self[key]
                row |= {
                    name: getattr(one, name) for name in ("phi_c", "error", "scatter", "points")
                }
            rows.append(row | {"missing": self.missing.get(key, "")})
        names = [*self.by, "phi_c", "error", "scatter", "points", "missing"]
        return pd.DataFrame(rows, columns=names).sort_values(list(self.by), ignore_index=True)


def locate(
    table: DataFrame,
    by: str | Sequence[str],
    *,
    pool: str | Sequence[str] | None = None,
    nu: float | Callable[[DataFrame], float] = NU_PARALLEL,
    reach: float = 0.03,
    relative: bool = False,
    share: float = 1.0,
    lineages: tuple[float, float] | None = None,
) -> Located:
    """phi_c of every group of runs, by the divergence of the absorption time.

    Few runs know the scatter of ln tau poorly. With `pool`, each group is fitted first by itself,
    the squares of the scatters are averaged over groups alike in these columns, and each is fitted
    again with the root of that mean.

    Parameters
    ----------
    table : pandas.DataFrame
        A sweep's, with the columns phi, steps, steps_asked, absorbed and those of `by`.
    by : str or sequence of str
        Columns that tell groups apart, such as ["process", "alpha"]. A key is a tuple of their
        values, or the value of a single one.
    pool : str or sequence of str, optional
        Those columns of `by` of which groups with equal values share one scatter; an empty sequence
        for one of all groups. Every group has its own if left out.
    nu : float or callable
        The exponent; a callable gives it for a group's rows.
    reach : float
        Width of the range below the transition that is used, as of `divergence`; times the group's
        largest phi if `relative`.
    relative : bool
        See `reach`.
    share : float
        In (0, 1]: all runs as if they had been stopped after this share of the group's longest.
    lineages : (n0, p), optional
        As of `divergence`, for all groups: the law has the logarithm of a finite system.

    Returns
    -------
    Located
        Groups with too few absorbed runs are in its `missing`, with the reason.

    Raises
    ------
    ValueError, TypeError
        If the table lacks a column or an argument is malformed: wrong input is no missing answer.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from mpack import critical
    >>> phi = np.repeat([0.60, 0.61, 0.62, 0.63], 2)
    >>> noise = np.array([1.1, 0.9, 0.95, 1.05, 1.02, 0.98, 1.0, 1.0])
    >>> steps = np.minimum(20 * np.maximum(0.625 - phi, 1e-9) ** -1.081 * noise, 20_000)
    >>> runs = {"phi": phi, "steps": steps, "steps_asked": 20_000, "absorbed": steps < 20_000}
    >>> table = pd.concat([pd.DataFrame(runs | {"alpha": 0.1}), pd.DataFrame(runs | {"alpha": 0.2})])
    >>> found = critical.locate(table[table.alpha.eq(0.1) | table.phi.gt(0.62)], "alpha")
    >>> print(found[0.1].estimate, "|", found.missing[0.2])
    0.62498 ± 0.00050 | phi_c needs at least 5 absorbed runs at 3 packing fractions within reach; got 0
    """
    by, pool = _columns("by", by), None if pool is None else _columns("pool", pool)
    need_columns(table, "phi", "steps", "steps_asked", "absorbed", *by)
    if pool is not None and not set(pool) <= set(by):
        raise ValueError(f"pool must hold columns of by, {', '.join(by)}; got {', '.join(pool)}")
    share = _check.number("share", share, 0.0, 1.0, open_low=True)
    relative = _check.flag("relative", relative)

    def fit(group: DataFrame, scatter: float | None = None) -> CriticalPoint:
        longest = max(1.0, share * group.steps_asked.max())
        return divergence(
            group.phi,
            group.steps,
            group.absorbed,
            nu=nu(group) if callable(nu) else nu,
            reach=reach * group.phi.max() if relative else reach,
            longest=longest,
            scatter=scatter,
            lineages=lineages,
        )

    groups = dict(list(table.groupby(by[0] if len(by) == 1 else list(by))))
    found, missing = {}, {}
    for key, group in groups.items():
        try:
            found[key] = fit(group)
        except Undetermined as reason:
            missing[key] = str(reason)
    if pool is not None:
        scatters = _pooled(found, [by.index(name) for name in pool], len(by))
        found = {key: fit(groups[key], scatters[key]) for key in found}
    return Located(found, by, missing)


def _pooled(found: Mapping, places: list[int], width: int) -> dict:
    """The root of the mean square scatter of the groups alike at these places of their keys."""
    import pandas as pd

    keys = [key if width > 1 else (key,) for key in found]
    alike = [str([key[place] for place in places]) for key in keys]
    squares = pd.Series([one.scatter**2 for one in found.values()], dtype=float)
    return dict(zip(found, squares.groupby(alike).transform("mean") ** 0.5, strict=True))


def _columns(name: str, value: str | Sequence[str]) -> tuple[str, ...]:
    """Names of columns, of one or several."""
    value = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(one, str) for one in value) or (name == "by" and not value):
        raise TypeError(f"{name} must be a column's name, or several; got {_check.short(value)}")
    return value


def scans(table: DataFrame, by: str | Sequence[str]) -> dict[Any, Scan]:
    """The runs of every group of a sweep's table, as `divergence` and `exponent` take them.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns phi, steps, absorbed and those of `by`.
    by : str or sequence of str
        As of `locate`.

    Returns
    -------
    dict
        From each group's key to its Scan.

    Raises
    ------
    ValueError, TypeError
        If the table lacks a column.

    Examples
    --------
    >>> import pandas as pd
    >>> from mpack import critical
    >>> runs = {"phi": [0.5, 0.6], "steps": [10, 99], "absorbed": [True, False], "alpha": 0.1}
    >>> critical.scans(pd.DataFrame(runs), "alpha")[0.1].steps.tolist()
    [10.0, 99.0]
    """
    by = _columns("by", by)
    need_columns(table, "phi", "steps", "absorbed", *by)
    return {
        key: Scan(one.phi.to_numpy(float), one.steps.to_numpy(float), one.absorbed.to_numpy(bool))
        for key, one in table.groupby(by[0] if len(by) == 1 else list(by))
    }


def invented(
    point: CriticalPoint,
    phi: ArrayLike,
    longest: ArrayLike,
    rng: np.random.Generator,
    *,
    scatter: float = 0.25,
) -> Scan:
    """Absorption times that obey the law of divergence, to try an analysis on a known answer.

    tau = amplitude (phi_c - phi)^-exponent, times a log-normal factor; a run is stopped after
    `longest` steps, and above phi_c always.

    Parameters
    ----------
    point : CriticalPoint
        phi_c, exponent and amplitude of the law.
    phi : array, shape (runs,)
        Packing fractions.
    longest : float, or array, shape (runs,)
        Steps asked for, > 0.
    rng : numpy.random.Generator
        One normal number a run is drawn.
    scatter : float
        Standard deviation of ln tau, >= 0.

    Returns
    -------
    Scan

    Raises
    ------
    ValueError, TypeError
        If an argument is malformed.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import critical
    >>> law = critical.CriticalPoint(0.62, 0.0, 1.081, 20.0, 0.0, 0)
    >>> scan = critical.invented(law, [0.52, 0.63], 5000, np.random.default_rng(1), scatter=0.0)
    >>> scan.steps.round().tolist(), scan.absorbed.tolist()
    ([241.0, 5000.0], [True, False])
    """
    point = _check.instance("point", point, CriticalPoint, "a CriticalPoint")
    phi = _check.array("phi", phi, (None,))
    scatter = _check.number("scatter", scatter, 0.0)
    longest = np.broadcast_to(longest, phi.shape).astype(float)
    below = np.maximum(point.phi_c - phi, 1e-12)
    tau = point.amplitude * below**-point.exponent
    tau *= np.exp(scatter * rng.standard_normal(len(tau)))
    return Scan(phi, np.minimum(tau, longest), tau < longest)


class Sides(NamedTuple):
    """What `as_if_stopped` found: phi_c from below (by `divergence`) and from above (by `onset`).

    Examples
    --------
    >>> from mpack import critical
    >>> below, above = (critical.CriticalPoint(x, 0.003, 1.0, 1.0, 0.1, 9) for x in (0.63, 0.62))
    >>> print(critical.Sides(below, above).gap)
    0.0100 ± 0.0042
    """

    below: CriticalPoint
    above: CriticalPoint

    @property
    def gap(self) -> Estimate:
        """phi_c from below minus that from above."""
        return Estimate.of(self.below) - Estimate.of(self.above)


def as_if_stopped(
    table: DataFrame,
    until: float,
    *,
    nu: float = NU_PARALLEL,
    reach: float = 0.03,
    beta: float = BETA,
    most: float = 0.6,
) -> Sides:
    """phi_c from both sides, as an observer sees it who stops every run at step `until`.

    From below the absorption times up to then diverge; from above the activity over the last half
    of that time vanishes: of packing fractions at which every run is still active, its mean and
    standard error over runs.

    Parameters
    ----------
    table : pandas.DataFrame
        A sweep's, of one process and size: phi, steps, absorbed, series.
    until : float
        Steps, >= 1, at most what the active runs did.
    nu, reach : float
        Of `divergence`.
    beta, most : float
        Of `onset`.

    Returns
    -------
    Sides

    Raises
    ------
    Undetermined
        A ValueError: if one side has too few runs.
    ValueError, TypeError
        If the table or a number is malformed.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from types import SimpleNamespace
    >>> from mpack import critical
    >>> times, rng, rows = np.arange(0, 2001, 20), np.random.default_rng(1), []
    >>> for phi in np.repeat([0.54, 0.55, 0.56, 0.59, 0.60, 0.61], 3):
    ...     gone = phi < 0.575
    ...     steps = int(2 * (0.57 - phi) ** -1.081 * rng.uniform(0.9, 1.1)) if gone else 2000
    ...     f = 0.0 if gone else 5 * (phi - 0.57) ** 0.84 * rng.uniform(0.98, 1.02)
    ...     t = np.unique(np.append(times[times < steps], steps))
    ...     series = SimpleNamespace(times=t, activity=np.where(gone & (t < steps), 0.5, f))
    ...     rows.append({"phi": phi, "steps": steps, "absorbed": gone, "series": series})
    >>> sides = critical.as_if_stopped(pd.DataFrame(rows), 2000)
    >>> print(f"{sides.below.phi_c:.3f} {sides.above.phi_c:.3f}")
    0.570 0.570
    """
    import pandas as pd

    need_columns(table, "phi", "steps", "absorbed", "series")
    below = divergence(table.phi, table.steps, table.absorbed, nu=nu, reach=reach, longest=until)
    seen = [activity_until(run.times, run.activity, until) for run in table.series]
    activity = pd.DataFrame({"phi": table.phi, "f": seen}).groupby("phi").f
    alive = (activity.min() > 0) & (activity.count() > 1)
    mean, error = activity.mean()[alive], activity.sem()[alive]
    return Sides(below, onset(mean.index, mean, error, beta=beta, most=most))
