"""Measurements of one observable in systems of several sizes."""

import numpy as np
import pandas as pd

from mpack import _check
from mpack.scaling._arrays import filled, grid, mean_over_runs
from mpack.scaling._parameters import of_observable, transformation
from mpack.scaling.law import ScaledData


class TooLittleData(ValueError):
    """There is not enough to compare: fewer than two sizes, or hardly a point between those of another size."""


class Data:
    """Measurements of one observable in systems of several sizes.

    Parameters
    ----------
    l : array_like, shape (k,)
        Linear sizes > 0, at least two different ones.
    rho : array_like, shape (n,) or (k, n)
        Control parameter: one grid for all sizes, or one for each.
    a : array_like, shape (k, n) or (k, n, runs)
        Means, with da; or the values of single runs, and da=None: then the mean over runs is used
        with its standard error. nan, or masked, where there is no value: each size may have points,
        and each point runs, of its own.
    da : array_like, shape (k, n), optional
        Standard errors > 0.
    paired : bool
        True if run r of a size is the same sample at every rho (common random numbers, or a
        Newman-Ziff sweep): its values at different rho are then correlated, and it is resampled as
        a whole.

    Attributes
    ----------
    l, rho, a, da : arrays, shape (points,)
        What is there, ordered by size and rho.
    runs : array, shape (points, runs), or None
    edges : int array, shape (k + 1,)
        Size i owns the points edges[i] to edges[i + 1] - 1.
    """

    def __init__(self, l, rho, a, da=None, *, paired=False):  # noqa: E741
        runs = None
        if da is None:
            runs = filled("a", a, 3)
            a, da = mean_over_runs(runs)
        l, rho, a, da = grid(l, rho, a, da)  # noqa: E741
        there = ~np.isnan(a)
        size, _ = np.nonzero(there)
        self._set(
            l[size], rho[there], a[there], da[there], None if runs is None else runs[there], paired
        )

    @classmethod
    def from_table(cls, table, *, rho, a, l=None, n=None, dim=None, da=None, paired=None):  # noqa: E741
        """From a table with one row a run (or, with da, one row a point), such as `mpack.sweep` returns.

        Parameters
        ----------
        table : pandas.DataFrame
        rho, a : str
            Columns of the control parameter and of the observable; rows without an observable (nan)
            count as runs without a value.
        l : str
            Column of linear sizes; or instead
        n, dim : str, int
            column of particle numbers N and dimension d, with l = N^(1/d).
        da : str, optional
            Column of standard errors. Without it, rows of the same size and rho are runs of one
            point.
        paired : str, optional
            Column that names the sample, for runs that are the same at every rho of a size.
        """
        _check.instance("table", table, pd.DataFrame, "a pandas.DataFrame")
        if (l is None) == (n is None) or (n is None) != (dim is None):
            raise TypeError("give l, or n and dim")
        asked = [name for name in (rho, a, l, n, da, paired) if name is not None]
        missing = [name for name in asked if name not in table]
        if missing:
            raise ValueError(f"table has no column {', '.join(map(repr, missing))}")
        sizes = table[l].to_numpy(float) if n is None else table[n].to_numpy(float) ** (1.0 / dim)
        values = table[a].to_numpy(float)
        data = cls.__new__(cls)
        if da is not None:
            there = ~np.isnan(values)
            columns = (sizes, table[rho].to_numpy(float), values, table[da].to_numpy(float))
            data._set(*(column[there] for column in columns), None, False)
            return data
        rows = pd.DataFrame({"l": sizes, "rho": table[rho].to_numpy(float), "a": values})
        rows["run"] = (
            rows.groupby(["l", "rho"]).cumcount() if paired is None else table[paired].to_numpy()
        )
        wide = rows.pivot(index=["l", "rho"], columns="run", values="a").dropna(how="all")
        runs = wide.to_numpy()
        places = (wide.index.get_level_values(k).to_numpy() for k in (0, 1))
        data._set(*places, *mean_over_runs(runs), runs, paired is not None)
        return data

    def _set(self, l, rho, a, da, runs, paired):  # noqa: E741
        """Take points in any order, check and sort them."""
        order = np.lexsort((rho, l))
        self.l, self.rho, self.a, self.da = (
            np.ascontiguousarray(v[order]) for v in (l, rho, a, da)
        )
        self.runs = None if runs is None else runs[order]
        self.paired = _check.flag("paired", paired)
        self.sizes, counts = np.unique(self.l, return_counts=True)
        self.edges = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if self.sizes.size < 2:
            raise TooLittleData(
                f"l must hold at least 2 different sizes with data; got {self.sizes}"
            )
        same = (np.diff(self.l) == 0.0) & (np.diff(self.rho) == 0.0)
        if np.any(same):
            k = int(np.flatnonzero(same)[0])
            raise ValueError(
                f"rho must differ within a size; {self.rho[k]:.6g} comes twice at l = {self.l[k]:.6g}"
            )
        bad = ~(self.da > 0.0)
        if np.any(bad):
            k = int(np.flatnonzero(bad)[0])
            raise ValueError(
                f"da must be > 0; it is {self.da[k]:.6g} at l = {self.l[k]:.6g}, rho = {self.rho[k]:.6g}"
                + (
                    ""
                    if runs is None
                    else ", where runs do not differ or are fewer than two: leave such points out"
                )
            )
        self.log_l = np.log(self.l)

    def __len__(self):
        return self.a.size

    def __repr__(self):
        runs = "" if self.runs is None else f", up to {self.runs.shape[1]} runs each"
        sizes = f"{self.sizes.size} sizes from {self.sizes[0]:.4g} to {self.sizes[-1]:.4g}"
        return f"Data({sizes}, {len(self)} points{runs})"

    def where(self, keep):
        """The points for which keep (bool array, shape (points,)) is True, as new Data."""
        keep = _check.array("keep", keep, (len(self),), dtype=bool)
        data = Data.__new__(Data)
        runs = None if self.runs is None else self.runs[keep]
        data._set(self.l[keep], self.rho[keep], self.a[keep], self.da[keep], runs, self.paired)
        return data

    def window(self, rho_c, nu, *, x=(-np.inf, np.inf), l=(0.0, np.inf)):  # noqa: E741
        """The points with x[0] <= l^(1/nu) (rho - rho_c) <= x[1] and l[0] <= l <= l[1], as new Data."""
        scaled = self.l ** (1.0 / nu) * (self.rho - rho_c)
        return self.where((scaled >= x[0]) & (scaled <= x[1]) & (self.l >= l[0]) & (self.l <= l[1]))

    def scaled(self, fit, name=None):
        """x, y, dy of every point at a fit's parameters (`Fit`, or a dict); name of the observable in a joint fit."""
        values = fit if isinstance(fit, dict) else fit.values
        x, factor = transformation(self.log_l, self.rho, of_observable(values, name))
        return ScaledData(x, self.a * factor, self.da * factor)

    def labels(self):
        """What a run has in common at the points it touches: the size, and rho too unless runs are paired."""
        return [
            (size,) if self.paired else (size, rho)
            for size, rho in zip(self.l.tolist(), self.rho.tolist())
        ]

    def influence(self):
        """(points, runs): what each run adds to the deviation of the mean, so that covariances are sums over runs.

        In units in which the sum of its squares is da**2. An error that does not come from the
        scatter of these very runs, such as one that is pooled over points, would else be smaller
        than the covariances on either side of it.
        """
        away = np.where(np.isnan(self.runs), 0.0, self.runs - self.a[:, None])
        scatter = np.linalg.norm(away, axis=1)
        return (
            away
            * np.divide(self.da, scatter, out=np.zeros_like(scatter), where=scatter > 0.0)[:, None]
        )
