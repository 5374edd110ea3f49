"""Measurements of one observable in systems of several sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack.scaling._arrays import filled, grid, mean_over_runs
from mpack.scaling._parameters import of_observable, transformation
from mpack.scaling._tables import (
    number_column,
    pooled_scatter,
    quiet,
    refuse_cells,
    require_columns,
    wide_table,
)
from mpack.scaling.law import ScaledData

if TYPE_CHECKING:
    from mpack.scaling.results import Fit


class TooLittleData(ValueError):
    """There is not enough to compare: fewer than two sizes, or hardly a point between those of another size.

    Examples
    --------
    >>> Data(l=[8, 8], rho=[0.6, 0.7], a=[[0.2, 0.4], [0.1, 0.3]], da=0.01 * np.ones((2, 2)))
    Traceback (most recent call last):
    mpack.scaling.data.TooLittleData: l must hold at least 2 different sizes with data; got [8.]
    """


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
        and each point runs, of its own. A point without a value, or without an error, is left out.
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
    sizes : array, shape (k,)
        The different sizes, rising.
    log_l : array, shape (points,)
        ln l.

    Raises
    ------
    TooLittleData
        Fewer than two sizes have points.
    ValueError, TypeError
        Where there is a value: l or da is not > 0 or anything is infinite or no number, or one size
        has the same rho twice.

    Examples
    --------
    >>> Data(l=[8, 16], rho=[0.6, 0.7], a=[[0.2, 0.4], [0.1, 0.3]], da=0.01 * np.ones((2, 2)))
    Data(2 sizes from 8 to 16, 4 points)
    """

    l: NDArray[np.float64]
    rho: NDArray[np.float64]
    a: NDArray[np.float64]
    da: NDArray[np.float64]
    runs: NDArray[np.float64] | None
    paired: bool
    edges: NDArray[np.int64]
    sizes: NDArray[np.float64]
    log_l: NDArray[np.float64]

    def __init__(
        self,
        l: ArrayLike,
        rho: ArrayLike,
        a: ArrayLike,
        da: ArrayLike | None = None,
        *,
        paired: bool = False,
    ) -> None:
        runs = None
        if da is None:
            runs = filled("a", a, 3)
            a, da = mean_over_runs(runs)
        ls, rhos, means, errors = grid(l, rho, a, da)
        there = ~np.isnan(means)
        size, _ = np.nonzero(there)
        points = (ls[size], rhos[there], means[there], errors[there])
        self._take(*points, None if runs is None else runs[there], paired)

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        rho: str,
        a: str,
        l: str | None = None,
        n: str | None = None,
        dim: int | None = None,
        da: str | None = None,
        paired: str | None = None,
    ) -> Data:
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

        Returns
        -------
        Data

        Raises
        ------
        TooLittleData, ValueError, TypeError
            As for `Data`, with the column and the row; or a column is missing, or a sample comes
            twice at a point.

        Examples
        --------
        >>> rows = [(n, phi, n**0.1 * phi + run) for n in (8, 27) for phi in (1, 2) for run in (0, 1)]
        >>> table = pd.DataFrame(rows, columns=["n", "phi", "f"])
        >>> Data.from_table(table, rho="phi", a="f", n="n", dim=3)
        Data(2 sizes from 2 to 3, 4 points, up to 2 runs each)
        """
        sizes = _linear_sizes(table, l, n, dim, [rho, a, da, paired])
        places, values = number_column(table, rho), number_column(table, a)
        errors = values if da is None else number_column(table, da)
        there = ~(np.isnan(values) | np.isnan(errors))
        name, wanted = l if n is None else n, "finite where there is a value"
        refuse_cells(table, name, there & np.isnan(sizes), sizes, f"> 0 and {wanted}")
        refuse_cells(table, rho, there & np.isnan(places), places, wanted)
        if da is not None:
            refuse_cells(table, da, there & (errors <= 0.0), errors, "> 0")
            return cls._of(*(v[there] for v in (sizes, places, values, errors)))
        rows = pd.DataFrame({"l": sizes, "rho": places, "a": values})
        if paired is not None:
            rows["run"] = table[paired].to_numpy()
        rows = rows.dropna(subset=["l", "rho"])
        if paired is None:
            rows["run"] = rows.groupby(["l", "rho"]).cumcount()
        wide = wide_table(rows, "l", "rho", "a", "run", 1)
        runs = wide.to_numpy()
        places, rhos = (wide.index.get_level_values(k).to_numpy() for k in (0, 1))
        return cls._of(places, rhos, *mean_over_runs(runs), runs, paired is not None)

    @classmethod
    def from_runs(
        cls,
        table: pd.DataFrame,
        *,
        rho: str,
        a: str,
        run: str = "seed",
        l: str | None = None,
        n: str | None = None,
        dim: int | None = None,
        side: str | None = None,
        least_runs: int = 2,
        most: Mapping[str, float] | None = None,
    ) -> Data:
        """From a table with one row a run, the scatter of runs pooled over points.

        A standard error from r runs is itself uncertain by 1/sqrt(2(r - 1)), and a collapse that
        weighs points by such errors is ruled by those that happen to be small. So the logarithm of
        the relative variance between runs is fitted by a linear function of ln size, ln a and the
        side of the transition, over all points; da = a times the fitted scatter over sqrt(r).

        Parameters
        ----------
        table : pandas.DataFrame
        rho, a, run : str
            Columns of the control parameter, of the observable (> 0; nan where a run has none), and
            of what tells the runs of a point apart.
        l, n, dim :
            As for `from_table`.
        side : str, optional
            Column, the same for all runs of a point, that says on which side of the transition it
            is (bool or number).
        least_runs : int
            Points with fewer runs are left out, >= 2.
        most : dict of str to float, optional
            Points at which the mean of a column over runs is above this are left out before the
            scatter is pooled: {"f": 0.5} keeps activities of up to a half.

        Returns
        -------
        Data
            With `runs`, for a bootstrap.

        Raises
        ------
        TooLittleData, ValueError, TypeError
            As for `Data`; or a column is missing, a run comes twice at a point, a mean is not > 0,
            or no point has runs that differ.

        Examples
        --------
        >>> rng = np.random.default_rng(1)
        >>> rows = [(n, x, run) for n in (8, 27) for x in (0.5, 0.6, 0.7) for run in range(4)]
        >>> table = pd.DataFrame(rows, columns=["n", "phi", "seed"])
        >>> table["f"] = table.phi * (1 + 0.1 * rng.standard_normal(24))
        >>> data = Data.from_runs(table, rho="phi", a="f", n="n", dim=3)
        >>> data, bool(np.all(abs(data.da / data.a - 0.05) < 0.03))
        (Data(2 sizes from 2 to 3, 6 points, up to 4 runs each), True)
        """
        most = dict(most or {})
        _linear_sizes(table, l, n, dim, [rho, a, run, side, *most])
        table = table.assign(
            **{name: number_column(table, name) for name in {rho, a, l or n, *most} if name}
        )
        least_runs = _check.integer("least_runs", least_runs, 2)
        size = l if n is None else n
        table = quiet(table, size, rho, most)
        wide = wide_table(table, size, rho, a, run, least_runs)
        places, rhos = (wide.index.get_level_values(k).to_numpy(float) for k in (0, 1))
        if not np.any(wide.std(axis=1) > 0.0):
            raise TooLittleData(f"{a} must differ between the runs of a point; nowhere does it")
        mean = wide.mean(axis=1).to_numpy()
        if not np.all(mean > 0.0):
            raise ValueError(
                f"{a} must be > 0, as its scatter is relative; a mean is {mean.min():.6g}"
            )
        columns = [np.ones(len(wide)), np.log(places), np.log(mean)]
        if side is not None:
            columns.append(table.groupby([size, rho])[side].first().loc[wide.index].to_numpy(float))
        scatter = pooled_scatter(wide, mean, np.column_stack(columns))
        da = mean * scatter / wide.count(axis=1).to_numpy() ** 0.5
        linear = places if dim is None else places ** (1.0 / dim)
        return cls._of(linear, rhos, mean, da, wide.to_numpy())

    @classmethod
    def _of(cls, l, rho, a, da, runs=None, paired=False):
        """From points as they are, in any order."""
        self = cls.__new__(cls)
        self._take(l, rho, a, da, runs, paired)
        return self

    def _take(self, l, rho, a, da, runs, paired):
        """Check points, whichever door they came through, and sort them."""
        _refuse_bad_places(l, rho, np.ones(len(a), bool))
        order = np.lexsort((rho, l))
        self.l, self.rho, self.a, self.da = (
            np.ascontiguousarray(v[order]) for v in (l, rho, a, da)
        )
        self.runs = None if runs is None else runs[order]
        self.paired = _check.flag("paired", paired)
        self.sizes, counts = np.unique(self.l, return_counts=True)
        self.edges = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._refuse_bad_points()
        self.log_l = np.log(self.l)

    def _refuse_bad_points(self):
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
        bad = ~((self.da > 0.0) & (self.da < np.inf))
        if np.any(bad):
            k = int(np.flatnonzero(bad)[0])
            why = ", where runs do not differ or are fewer than two: leave such points out"
            raise ValueError(
                f"da must be > 0; it is {self.da[k]:.6g} at l = {self.l[k]:.6g}, rho = {self.rho[k]:.6g}"
                + (why if self.runs is not None else "")
            )

    def __len__(self):
        return self.a.size

    def __repr__(self):
        runs = "" if self.runs is None else f", up to {self.runs.shape[1]} runs each"
        sizes = f"{self.sizes.size} sizes from {self.sizes[0]:.4g} to {self.sizes[-1]:.4g}"
        return f"Data({sizes}, {len(self)} points{runs})"

    def where(self, keep: ArrayLike) -> Data:
        """The points for which keep (bool array, shape (points,)) is True, as new Data.

        Examples
        --------
        >>> data = Data([8, 16], [0.6, 0.7], [[0.2, 0.4], [0.1, 0.3]], 0.01 * np.ones((2, 2)))
        >>> data.where(data.rho < 0.65)
        Data(2 sizes from 8 to 16, 2 points)
        """
        keep = _check.array("keep", keep, (len(self),), dtype=bool)
        runs = None if self.runs is None else self.runs[keep]
        return self._of(
            self.l[keep], self.rho[keep], self.a[keep], self.da[keep], runs, self.paired
        )

    def window(
        self,
        rho_c: float,
        nu: float,
        *,
        x: tuple[float, float] = (-np.inf, np.inf),
        l: tuple[float, float] = (0.0, np.inf),
        a: tuple[float, float] = (-np.inf, np.inf),
    ) -> Data:
        """The points with x[0] <= l^(1/nu) (rho - rho_c) <= x[1], and l and a in their ranges, as new Data.

        Parameters
        ----------
        rho_c, nu : float
            Where x is taken; nu > 0.
        x, l, a : (float, float)
            Lowest and highest that stay: of the scaled distance from the transition, of the linear
            size, of the measured value.

        Returns
        -------
        Data

        Raises
        ------
        TooLittleData
            Fewer than two sizes are left.
        ValueError, TypeError
            nu is not > 0, or rho_c no number.

        Examples
        --------
        >>> data = Data([8, 16], [0.6, 0.7], [[0.2, 0.4], [0.1, 0.3]], 0.01 * np.ones((2, 2)))
        >>> data.window(0.6, 1.0, x=(-1, 1))
        Data(2 sizes from 8 to 16, 3 points)
        """
        rho_c = _check.number("rho_c", rho_c)
        nu = _check.number("nu", nu, 0.0, open_low=True)
        scaled = self.l ** (1.0 / nu) * (self.rho - rho_c)
        inside = (scaled >= x[0]) & (scaled <= x[1]) & (self.l >= l[0]) & (self.l <= l[1])
        return self.where(inside & (self.a >= a[0]) & (self.a <= a[1]))

    def with_values(self, a: ArrayLike) -> Data:
        """The same points and errors with other measured values (points,), and without runs: new Data.

        Examples
        --------
        >>> data = Data([8, 16], [0.6, 0.7], [[0.2, 0.4], [0.1, 0.3]], 0.01 * np.ones((2, 2)))
        >>> data.with_values(2 * data.a).a
        array([0.4, 0.8, 0.2, 0.6])
        """
        a = _check.array("a", a, (len(self),))
        return self._of(self.l, self.rho, a, self.da)

    def scaled(self, fit: Fit | dict, name: str | None = None) -> ScaledData:
        """Scale every point with the parameters of a fit.

        Parameters
        ----------
        fit : Fit or dict
            Or its parameters: rho_c, nu, zeta, and b, c, omega where there are corrections.
        name : str, optional
            Of the observable in a joint fit.

        Returns
        -------
        ScaledData
            x, y, dy, each of shape (points,).

        Raises
        ------
        ValueError
            A parameter is missing.

        Examples
        --------
        >>> data = Data([8, 16], [0.6, 0.7], [[0.2, 0.4], [0.1, 0.3]], 0.01 * np.ones((2, 2)))
        >>> data.scaled({"rho_c": 0.6, "nu": 1.0, "zeta": -1.0}).y
        array([1.6, 3.2, 1.6, 4.8])
        """
        values = of_observable(fit if isinstance(fit, dict) else fit.values, name)
        missing = [key for key, value in values.items() if value is None]
        if missing:
            raise ValueError(f"fit must hold {', '.join(missing)} of the observable {name!r}")
        x, factor = transformation(self.log_l, self.rho, values)
        return ScaledData(x, self.a * factor, self.da * factor)


def _linear_sizes(table, l, n, dim, columns):
    """Linear sizes of all rows, from l or from n and dim; refuses a table that lacks one of the columns."""
    if (l is None) == (n is None) or (n is None) != (dim is None):
        raise TypeError("give l, or n and dim")
    require_columns(table, [name for name in (*columns, l, n) if name is not None])
    sizes = number_column(table, l if n is None else n)
    refuse_cells(table, l if n is None else n, sizes <= 0.0, sizes, "> 0")
    return sizes if n is None else sizes ** (1.0 / _check.integer("dim", dim, 1))


def _refuse_bad_places(l, rho, there):
    """Refuse sizes and control parameters that are no numbers, or sizes that are not > 0, where there is a value."""
    for name, value, low in (("l", l, 0.0), ("rho", rho, -np.inf)):
        bad = there & ~((value > low) & (value < np.inf))
        if np.any(bad):
            wanted = "> 0" if name == "l" else "finite"
            raise ValueError(
                f"{name} must be {wanted} where there is a value; got {value[bad][0]:.6g}"
            )
