"""Finite-size scaling: do data of several sizes fall on one curve, and at which exponents?

    a(rho, l) = l^(zeta/nu) F(l^(1/nu) (rho - rho_c))

a is what was measured at the control parameter rho in a system of linear size l (for N particles in
d dimensions l = N^(1/d)); rho_c, nu and zeta are sought, F is any smooth function. zeta = -beta for
an order parameter, zeta = nu_parallel for a relaxation time, with nu = nu_perp.

    scaledata, quality, autoscale    the three verbs of pyfssa (A. Sorge, 2015), which this module succeeds
    Data                             measurements: means with errors, or single runs; any grid for each size
    collapse                         minimise S; errors by curvature or by a bootstrap over runs; several observables
    gaussian_process                 maximise the marginal likelihood, with F a Gaussian process (Harada 2011)
    windows                          the same fit in several windows, as a table
    exponents                        Manna, directed percolation, mean field, percolation

Which error to trust. The chapter "Testing the tool on known answers" fits 800 synthetic data sets
with known exponents and shows how often intervals cover the truth (`mpack.calibration`). Where the
errors of the points are known, those by curvature, by bootstrap and of the Gaussian process all do
as they say. Where each point has the error that the scatter of its own 4 or 8 runs gives, none
does: intervals are too short by up to a factor of two, those of the Gaussian process least. Pool
the scatter over points. All of it is where the model holds: points lie close enough for straight
lines between neighbours, and corrections to scaling are smaller than the errors. Where it does not
hold, no error bar knows of it; `windows` shows.

Sources: J. Houdayer, A. K. Hartmann, Phys. Rev. B 70, 014418 (2004), the quality S; K. Harada,
Phys. Rev. E 84, 056704 (2011), Gaussian processes; W. Spendley, G. R. Hext, F. R. Himsworth,
Technometrics 4, 441 (1962), and J. A. Nelder, R. Mead, Comput. J. 7, 308 (1965), errors from a
simplex.
"""

import collections
import dataclasses
import functools
import itertools

import numpy as np
import pandas as pd
from scipy import optimize, stats

from mpack import _check
from mpack._kernels import collapse as kernels
from mpack._kernels import noise
from mpack._repr import short_repr

# ------------------------------------------------------------------------------------------------------------
# The three verbs of pyfssa

ScaledData = collections.namedtuple("ScaledData", ("x", "y", "dy"))


def scaledata(l, rho, a, da, rho_c, nu, zeta, *, b=0.0, c=0.0, omega=1.0):  # noqa: E741
    """Scale data: x = l^(1/nu) (rho - rho_c) + c l^-omega, y = l^(-zeta/nu) a/(1 + b l^-omega), dy likewise.

    Parameters
    ----------
    l : array_like, shape (k,)
        Linear sizes > 0.
    rho : array_like, shape (n,) or (k, n)
        Control parameter, one grid for all sizes or one for each.
    a, da : array_like, shape (k, n)
        Measurements and their standard errors; nan, or masked, where there is none.
    rho_c, nu, zeta : float
        Critical point and exponents; nu > 0.
    b, c, omega : float
        Leading corrections to scaling (see `collapse`); none by default.

    Returns
    -------
    ScaledData
        x, y, dy, each of shape (k, n).
    """
    l, rho, a, da = _grid(l, rho, a, da)  # noqa: E741
    values = _scaling_values(rho_c=rho_c, nu=nu, zeta=zeta, b=b, c=c, omega=omega)
    x, factor = _scaled(np.log(l)[:, None], rho, values)
    return ScaledData(np.where(np.isnan(a), np.nan, x), a * factor, da * factor)


def quality(x, y, dy):
    """The quality S of a collapse: the mean squared deviation from the master curve, in units of its variance.

    S = (1/k) sum_i (1/N_i) sum_j (y_ij - Y_ij)^2/(dy_ij^2 + dY_ij^2). Y_ij is the weighted straight
    line through the two points of every other size that bracket x_ij, dY_ij its standard error; N_i
    counts the points of size i that other sizes bracket, k the sizes that have any. S is near 1 for
    a collapse, and much larger for none.

    Parameters
    ----------
    x, y, dy : array_like, shape (k, n)
        Scaled data, as `scaledata` returns them: one row a size, nan where there is no point.

    Returns
    -------
    float
        inf if no point is bracketed.
    """
    x, y, dy = np.broadcast_arrays(
        *(_filled(name, v, 2) for name, v in (("x", x), ("y", y), ("dy", dy)))
    )
    there = ~(np.isnan(x) | np.isnan(y) | np.isnan(dy))
    if np.any(dy[there] <= 0.0):
        raise ValueError(f"dy must be > 0; the least is {dy[there].min():.6g}")
    rows = [
        np.flatnonzero(row)[np.argsort(x[i, row], kind="stable")] for i, row in enumerate(there)
    ]
    order = np.concatenate([row + i * x.shape[1] for i, row in enumerate(rows)]).astype(np.int64)
    edges = np.concatenate([[0], np.cumsum([row.size for row in rows])]).astype(np.int64)
    flat = (np.ascontiguousarray(v.ravel()[order]) for v in (x, y, dy))
    return float(kernels.quality(*flat, edges, np.zeros(len(rows), np.int64)))


def autoscale(
    l,  # noqa: E741
    rho,
    a,
    da=None,
    rho_c0=None,
    nu0=None,
    zeta0=None,
    *,
    fixed=None,
    corrections=None,
    **options,
):
    """Find rho_c, nu and zeta from the best collapse, starting at rho_c0, nu0, zeta0.

    Parameters
    ----------
    l, rho, a, da :
        As for `scaledata`; or a of shape (k, n, runs), single runs, and da=None.
    rho_c0, nu0, zeta0 : float
        Where to start; not needed for what is fixed.
    fixed : dict, optional
        Parameters that stay as given, such as {"nu": 0.593}: any of rho_c, nu, zeta.
    corrections : dict, optional
        Starts of the correction's parameters that are to be fitted: any of b, c, omega (see
        `collapse`).
    **options
        Of `collapse`: errors, resamples, seed, xatol, fatol, restarts, smooth.

    Returns
    -------
    Fit

    Examples
    --------
    >>> fit = autoscale(l, rho, a, da, 0.64, 0.6, -0.8, fixed={"nu": 0.593})  # doctest: +SKIP
    >>> fit.rho_c, fit.drho_c, fit.quality  # doctest: +SKIP
    """
    start = {"rho_c": rho_c0, "nu": nu0, "zeta": zeta0} | dict(corrections or {})
    start = {
        name: value
        for name, value in start.items()
        if value is not None and name not in (fixed or {})
    }
    return collapse(Data(l, rho, a, da), start, fixed=fixed, **options)


# ------------------------------------------------------------------------------------------------------------
# Exponents from the literature


@dataclasses.dataclass(frozen=True)
class Exponents:
    """Critical exponents of a universality class in `dim` dimensions, each with its standard error (0: exact).

    beta of the order parameter, nu_perp of the correlation length, nu_parallel of the correlation
    time (None where there is no time).
    """

    name: str
    dim: int
    beta: float
    dbeta: float
    nu_perp: float
    dnu_perp: float
    nu_parallel: float | None
    dnu_parallel: float | None
    source: str


_MEAN_FIELD = "mean-field theory, exact from four dimensions on"
_MANNA = "S. Luebeck, Int. J. Mod. Phys. B 18, 3977 (2004), arXiv:cond-mat/0501259"
_EXPONENTS = {
    "Manna": {
        1: (0.382, 0.019, 1.347, 0.091, 1.876, 0.135, _MANNA),
        2: (0.639, 0.009, 0.799, 0.014, 1.225, 0.029, _MANNA),
        3: (0.840, 0.012, 0.593, 0.013, 1.081, 0.027, _MANNA),
        4: (1.0, 0.0, 0.5, 0.0, 1.0, 0.0, _MEAN_FIELD),
    },
    "directed percolation": {
        1: (
            0.276486,
            8e-6,
            1.096854,
            4e-6,
            1.733847,
            6e-6,
            "I. Jensen, J. Phys. A 32, 5233 (1999)",
        ),
        2: (
            0.5834,
            0.0030,
            0.7333,
            0.0075,
            1.2950,
            0.0060,
            "C. A. Voigt, R. M. Ziff, Phys. Rev. E 56, R6241 (1997)",
        ),
        3: (0.813, 0.009, 0.584, 0.005, 1.110, 0.010, "I. Jensen, Phys. Rev. A 45, R563 (1992)"),
        4: (1.0, 0.0, 0.5, 0.0, 1.0, 0.0, _MEAN_FIELD),
    },
    "mean field": {1: (1.0, 0.0, 0.5, 0.0, 1.0, 0.0, "mean-field theory")},
    "percolation": {
        2: (
            5 / 36,
            0.0,
            4 / 3,
            0.0,
            None,
            None,
            "exact: D. Stauffer, A. Aharony, Introduction to Percolation Theory",
        ),
    },
}


def exponents(name, dim):
    """`Exponents` of "Manna", "directed percolation", "mean field" (any dim) or "percolation" (dim 2)."""
    table = _EXPONENTS[_check.choice("name", name, tuple(_EXPONENTS))]
    dim = _check.integer("dim", dim, 1)
    known = 1 if name == "mean field" else min(dim, 4) if name != "percolation" else dim
    if known not in table:
        raise ValueError(f"dim must be {' or '.join(map(str, table))} for {name}; got {dim}")
    return Exponents(name, dim, *table[known])


# ------------------------------------------------------------------------------------------------------------
# Data


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
            runs = _filled("a", a, 3)
            a, da = _mean_over_runs(runs)
        l, rho, a, da = _grid(l, rho, a, da)  # noqa: E741
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
        data._set(*places, *_mean_over_runs(runs), runs, paired is not None)
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
        self._log_l = np.log(self.l)

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
        values = fit.values if isinstance(fit, Fit) else dict(fit)
        x, factor = _scaled(self._log_l, self.rho, _of_observable(values, name))
        return ScaledData(x, self.a * factor, self.da * factor)

    def _labels(self):
        """What a run has in common at the points it touches: the size, and rho too unless runs are paired."""
        return [
            (size,) if self.paired else (size, rho)
            for size, rho in zip(self.l.tolist(), self.rho.tolist())
        ]

    def _influence(self):
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


def _mean_over_runs(runs):
    """Mean and its standard error along the last axis, over what is not nan; nan where nothing is."""
    n = np.sum(~np.isnan(runs), axis=-1)
    mean = np.divide(np.nansum(runs, axis=-1), n, out=np.full(n.shape, np.nan), where=n > 0)
    squares = np.nansum((runs - mean[..., None]) ** 2, axis=-1)
    error = np.sqrt(np.divide(squares, n * (n - 1.0), out=np.zeros(n.shape), where=n > 1))
    return mean, np.where(n > 0, error, np.nan)


def _filled(name, value, ndim):
    """`value` as a float array of `ndim` axes in which what is masked is nan; nan is allowed, inf is not."""
    if np.ma.isMaskedArray(value):
        value = np.ma.filled(np.ma.asarray(value, float), np.nan)
    try:
        value = np.array(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array of numbers; {error}") from None
    if value.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes; got shape {value.shape}")
    if np.any(np.isinf(value)):
        raise ValueError(f"{name} must be finite, or nan where there is no value; got inf")
    return value


def _grid(l, rho, a, da):  # noqa: E741
    """l (k,), rho (k, n), a (k, n), da (k, n), checked; nan in a and da where either is missing."""
    l = _check.array("l", l, (None,))  # noqa: E741
    if l.size < 2 or l.min() <= 0.0:
        raise ValueError(f"l must hold at least 2 sizes, all > 0; got {l}")
    a, da = _filled("a", a, 2), _filled("da", da, 2)
    rho = _filled("rho", rho, np.ndim(rho) if np.ndim(rho) in (1, 2) else 1)
    shape = (l.size, rho.shape[-1])
    for name, value in (
        ("a", a),
        ("da", da),
        ("rho", np.broadcast_to(rho, shape) if rho.ndim == 1 else rho),
    ):
        if value.shape != shape:
            raise ValueError(
                f"{name} must have shape {shape}, sizes by control parameters; got {value.shape}"
            )
    missing = np.isnan(a) | np.isnan(da) | np.isnan(rho)
    if np.any(da[~missing] < 0.0):
        raise ValueError(f"da must be > 0; the least is {np.nanmin(da):.6g}")
    return (
        l,
        np.broadcast_to(rho, shape),
        np.where(missing, np.nan, a),
        np.where(missing, np.nan, da),
    )


# ------------------------------------------------------------------------------------------------------------
# Parameters: one observable has rho_c, nu, zeta, b, c, omega; several share rho_c, nu and omega

_SHARED = ("rho_c", "nu", "omega")
_DEFAULTS = {"b": 0.0, "c": 0.0, "omega": 1.0}


def _scaling_values(**values):
    """Parameters of one observable, checked."""
    values = {name: _check.number(name, value) for name, value in values.items()}
    for name in ("nu", "omega"):
        if values[name] <= 0.0:
            raise ValueError(f"{name} must be > 0; got {values[name]:.6g}")
    return values


def _present(coefficient):
    """Whether a correction, or one of several, is not zero; most fits have none, and ask for it all the time."""
    return bool(coefficient) if isinstance(coefficient, float) else np.any(coefficient)


def _scaled(log_l, rho, values):
    """x, and the factor that turns a into y."""
    nu, zeta = values["nu"], values["zeta"]
    x = np.exp(log_l / nu) * (rho - values["rho_c"])
    factor = np.exp(-zeta / nu * log_l)
    if _present(values["b"]) or _present(values["c"]):
        small = np.exp(-values["omega"] * log_l)
        x, factor = x + values["c"] * small, factor / (1.0 + values["b"] * small)
    return x, factor


def _of_observable(values, name):
    """The parameters of one observable among those of a joint fit: zeta from zeta_NAME, and so on."""
    if name is None:
        return _DEFAULTS | values
    return (
        _DEFAULTS
        | {key: values[key] for key in _SHARED if key in values}
        | {key: values[f"{key}_{name}"] for key in ("zeta", "b", "c") if f"{key}_{name}" in values}
    )


class _Problem:
    """Data of one or several observables and their parameters, free ones first."""

    def __init__(self, data, start, fixed):
        self.joint = isinstance(data, dict)
        self.data = dict(data) if self.joint else {None: data}
        if not self.data:
            raise ValueError("data must hold at least one observable; got {}")
        for name, one in self.data.items():
            _check.instance(
                "data" if name is None else f"data[{name!r}]", one, Data, "a mpack.scaling.Data"
            )
        known = self._names()
        start, fixed = dict(start or {}), dict(fixed or {})
        for what, given in (("start", start), ("fixed", fixed)):
            for key in given:
                if key not in known:
                    raise ValueError(
                        f"{what} must name parameters among {', '.join(known)}; got {key!r}"
                    )
        both = [key for key in start if key in fixed]
        if both:
            raise ValueError(f"{both[0]} must be in start or in fixed, not in both")
        for key in known:
            if key not in start and key not in fixed:
                default = _DEFAULTS.get(key.split("_")[0])
                if default is None:
                    raise ValueError(f"{key} must be given, in start or in fixed")
                fixed[key] = default
        self.free = tuple(key for key in known if key in start)
        self.start = np.array([_check.number(key, start[key]) for key in self.free])
        self.fixed = {key: _check.number(key, value) for key, value in fixed.items()}
        for key in ("nu", "omega"):
            value = (start | self.fixed)[key]
            if value <= 0.0:
                raise ValueError(f"{key} must be > 0; got {value:.6g}")
        self.points = sum(len(one) for one in self.data.values())
        self._kernel_arguments()

    def _names(self):
        """Names of all parameters, in the order rho_c, nu, zeta, b, c, omega."""
        own = [name for name in self.data]
        each = {
            key: [key if name is None else f"{key}_{name}" for name in own]
            for key in ("zeta", "b", "c")
        }
        return ("rho_c", "nu", *each["zeta"], *each["b"], *each["c"], "omega")

    def _kernel_arguments(self):
        self.parts, place = [], 0
        for name, one in self.data.items():
            counts, slope = np.zeros(one.sizes.size, np.int64), np.empty(len(one))
            self.parts.append((name, one, slice(place, place + len(one)), counts, slope))
            place += len(one)
        self.a = np.concatenate([one.a for one in self.data.values()])
        self.da = np.concatenate([one.da for one in self.data.values()])

    def values(self, theta):
        """All parameters as a dict."""
        return self.fixed | dict(zip(self.free, map(float, theta)))

    def shown(self, theta):
        """The same in order, without corrections that are absent."""
        values = self.values(theta)
        absent = {
            key
            for key in values
            if key[:2] in ("b", "b_", "c", "c_") and self.fixed.get(key) == 0.0
        }
        corrected = any(key[:2] in ("b", "b_", "c", "c_") for key in values if key not in absent)
        absent |= set() if corrected else {"omega"}
        return {key: values[key] for key in self._names() if key not in absent}

    def quality(self, theta, a=None):
        """S at free parameters theta, over all sets of all observables; a: other measurements of the same points."""
        a = self.a if a is None else a
        values = self.values(theta)
        if values["nu"] <= 0.0 or values["omega"] <= 0.0:
            return np.inf
        total, used = 0.0, 0
        for name, one, where, counts, _ in self.parts:
            x, factor = _scaled(one._log_l, one.rho, _of_observable(values, name))
            if not (factor.min() > 0.0 and factor.max() < np.inf):  # also where it is nan
                return np.inf
            s = kernels.quality(x, a[where] * factor, one.da * factor, one.edges, counts)
            sets = np.count_nonzero(counts)
            total, used = total + (s * sets if sets else 0.0), used + sets
        return total / used if used else np.inf

    def qualities(self, thetas, a=None):
        """S at every row of thetas (rows, free)."""
        a = self.a if a is None else a
        values = self.fixed | {key: thetas[:, k, None] for k, key in enumerate(self.free)}
        if np.min(values["nu"]) <= 0.0 or np.min(values["omega"]) <= 0.0:
            return np.array([self.quality(theta, a) for theta in thetas])
        total, used = np.zeros(len(thetas)), np.zeros(len(thetas))
        for name, one, where, *_ in self.parts:
            x, factor = _scaled(one._log_l, one.rho, _of_observable(values, name))
            bad = (np.min(factor, axis=-1) <= 0.0) | ~np.isfinite(np.max(factor, axis=-1))
            scaled = (x, a[where] * factor, np.abs(one.da * factor))
            scaled = (
                np.ascontiguousarray(np.broadcast_to(part, (len(thetas), len(one))))
                for part in scaled
            )
            S, sets = np.empty(len(thetas)), np.empty(len(thetas), np.int64)
            kernels.qualities(*scaled, one.edges, S, sets)
            total += np.where(bad, np.inf, np.where(sets > 0, S, 0.0) * sets)
            used += sets
        return np.divide(total, used, out=np.full(len(thetas), np.inf), where=used > 0)

    def used(self, theta):
        """How many points take part in S."""
        self.quality(theta)
        return int(sum(counts.sum() for *_, counts, _ in self.parts))

    def slope(self, theta):
        """dS/da of every point, shape (points,); S is quadratic in a."""
        self.quality(theta)
        values, result = self.values(theta), np.empty(self.points)
        used = sum(np.count_nonzero(counts) for *_, counts, _ in self.parts)
        for name, one, where, counts, slope in self.parts:
            x, factor = _scaled(one._log_l, one.rho, _of_observable(values, name))
            kernels.quality_slope(x, one.a * factor, one.da * factor, one.edges, counts, slope)
            result[where] = slope * factor * (np.count_nonzero(counts) / used)
        return result

    def covariance(self):
        """Covariance of all measurements, (points, points): what runs share, or da^2 on the diagonal."""
        C = np.diag(self.da**2)
        parts = [
            (where, one, one._labels()) for _, one, where, *_ in self.parts if one.runs is not None
        ]
        for (rows, one, own), (columns, other, others) in itertools.product(parts, parts):
            if one is other and not one.paired or one.runs.shape[1] != other.runs.shape[1]:
                continue
            same = np.array([[p == q for q in others] for p in own])
            C[rows, columns] = np.where(same, one._influence() @ other._influence().T, 0.0)
        return C


# ------------------------------------------------------------------------------------------------------------
# Results


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A collapse.

    Attributes
    ----------
    values, errors : dict
        Every parameter; standard errors of the free ones (nan where none could be had).
    free : tuple of str
        Names of the fitted parameters, in the order of `covariance` and of the columns of
        `samples`.
    covariance : array, shape (free, free)
    quality : float
        S at these values.
    points, used : int
        Measurements, and how many of them take part in S.
    method : str
        Where the errors come from: "curvature", "bootstrap", "none", "Gaussian process", "Gaussian
        process, sampled".
    samples : array, shape (samples, free), or None
        Of the bootstrap or of the posterior.
    evaluations : int
        Of S or of the likelihood, to find the values.
    log_likelihood : float or None
        Of a Gaussian process.
    hyperparameters : dict
        Of a Gaussian process, for each observable (None if there is one): amplitude, length,
        misfit.

    A fit of one observable also answers to the names rho_c, nu, zeta and to drho_c, dnu, dzeta for
    their errors.
    """

    values: dict
    errors: dict
    free: tuple
    covariance: np.ndarray
    quality: float
    points: int
    used: int
    method: str
    evaluations: int
    samples: np.ndarray | None = None
    log_likelihood: float | None = None
    hyperparameters: dict = dataclasses.field(default_factory=dict)
    _process: object = dataclasses.field(default=None, repr=False)

    __repr__ = short_repr

    def __getattr__(self, name):
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        if name[:1] == "d" and name[1:] in values:
            return self.errors.get(name[1:], 0.0)
        raise AttributeError(f"'Fit' object has no attribute {name!r}")

    @property
    def correlation(self):
        """Correlations of the free parameters, shape (free, free)."""
        d = np.sqrt(np.diag(self.covariance))
        return self.covariance / np.outer(d, d)

    def interval(self, name, level=0.68):
        """The interval of a parameter that holds the truth with probability `level`: (low, high).

        Value -+ the normal quantile times the error. See the chapter for how often it does.
        """
        level = _check.number("level", level, 0.0, 1.0, open_low=True, open_high=True)
        if name not in self.free:
            raise ValueError(
                f"name must be one of the free parameters, {', '.join(self.free)}; got {name!r}"
            )
        reach = stats.norm.ppf(0.5 + 0.5 * level) * self.errors[name]
        return self.values[name] - reach, self.values[name] + reach

    def master(self, x, name=None):
        """Mean and standard deviation of the scaling function F at x, from a Gaussian process: two arrays."""
        if self._process is None:
            raise ValueError("master needs a fit by gaussian_process")
        return self._process.predict(np.asarray(x, float), name)

    def table(self):
        """Parameter, value, standard error (0 where fixed) as a DataFrame."""
        rows = [(name, value, self.errors.get(name, 0.0)) for name, value in self.values.items()]
        return pd.DataFrame(rows, columns=["parameter", "value", "error"])


def _fit(problem, theta, covariance, method, evaluations, **more):
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diag(covariance))
    return Fit(
        problem.shown(theta),
        dict(zip(problem.free, map(float, errors))),
        problem.free,
        covariance,
        float(problem.quality(theta)),
        problem.points,
        problem.used(theta),
        method,
        int(evaluations),
        **more,
    )


# ------------------------------------------------------------------------------------------------------------
# The best collapse


def collapse(
    data,
    start,
    *,
    fixed=None,
    errors="curvature",
    resamples=200,
    seed=None,
    xatol=1e-5,
    fatol=1e-5,
    restarts=1,
    smooth=True,
):
    """Minimise the quality S, of one observable or of several at once.

        x = l^(1/nu) (rho - rho_c) + c l^-omega,    a = l^(zeta/nu) (1 + b l^-omega) F(x)

    b and c are the two forms that a leading correction to scaling takes when F's own is small: one
    in the amplitude, one in the place. They are 0, and omega is 1, unless start or fixed names
    them.

    Parameters
    ----------
    data : Data, or dict of str to Data
        One observable; or several, by name, that share rho_c, nu and omega and have a zeta, b and c
        of their own, called zeta_NAME, b_NAME, c_NAME. S then averages over all sizes of all
        observables.
    start : dict
        Parameters to fit, and where to begin.
    fixed : dict, optional
        Parameters that stay as given. With all of them fixed, S alone is computed.
    errors : "curvature", "bootstrap" or "none"
        "curvature": S is fitted by a quadratic surface on a simplex that spans its valley; the
        errors of the data are carried to its bottom through it, cov = (2B)^-1 D C D^T (2B)^-1 with
        S = S_min + t^T B t, C the covariance of the data and D = d^2 S/dt da. (pyfssa gives B^-1,
        the reach at which S rises by one, whatever the number of points: several times too large.)
        "bootstrap": runs are drawn anew, with replacement, `resamples` times, at each size and rho,
        and S minimised again, the weights staying as they are; the errors are the spread of the
        results. Data without runs are changed by Gaussian noise of their errors. Observables of a
        joint fit that have as many runs at a size and rho are taken to come from the same runs, in
        the same order, so that correlations between them are kept.
    resamples, seed : int
        For the bootstrap; a seed is then required.
    xatol, fatol : float
        Nelder-Mead stops when the simplex is this small, in every parameter and in S.
    restarts : int
        How often it begins anew, on a simplex that spans the valley of S, so long as S improves.
    smooth : bool
        S steps wherever two points pass each other, and the lowest of its many small dips, which
        Nelder-Mead finds, is in part an accident. True takes the bottom of a quadratic surface
        instead, fitted to S over five standard errors around it. With smooth=False and restarts=0
        the result is pyfssa's.

    Returns
    -------
    Fit
    """
    _check.choice("errors", errors, ("curvature", "bootstrap", "none"))
    problem = _Problem(data, start, fixed)
    tolerance = {
        "xatol": _check.number("xatol", xatol, 0.0, open_low=True),
        "fatol": _check.number("fatol", fatol, 0.0, open_low=True),
    }
    restarts, smooth = _check.integer("restarts", restarts, 0), _check.flag("smooth", smooth)
    if errors == "bootstrap":
        resamples = _check.integer("resamples", resamples, 2)
        seed = _check.seed("seed", seed)
    if problem.used(problem.start) <= len(problem.free):
        raise TooLittleData(
            f"start must let more points of different sizes overlap than parameters are fitted; at these values "
            f"{problem.used(problem.start)} of {problem.points} do, for {len(problem.free)} parameters"
        )
    if not problem.free:
        return _fit(problem, problem.start, np.zeros((0, 0)), "none", 1)
    theta, count, valley = _minimise(problem, tolerance, restarts, smooth)
    if errors == "none":
        return _fit(problem, theta, np.full((theta.size,) * 2, np.nan), "none", count)
    if errors == "curvature":
        return _fit(problem, theta, _carried(problem, theta, valley), "curvature", count)
    samples = _bootstrap(problem, theta, valley, resamples, seed, smooth)
    return _fit(
        problem, theta, np.atleast_2d(np.cov(samples.T)), "bootstrap", count, samples=samples
    )


def _minimise(problem, tolerance, restarts, smooth):
    """(theta, evaluations, valley): the minimum of S and the axes that span its valley (see `_valley`)."""
    found = optimize.minimize(
        problem.quality, problem.start, method="Nelder-Mead", options=tolerance
    )
    theta, best, count = found.x, found.fun, found.nfev
    valley = _valley(problem, theta, best)
    for _ in range(restarts):
        found = _descend(problem, theta, valley.axes)
        count += found.nfev
        better = best - found.fun
        if better > 0.0:
            theta, best = theta + valley.axes @ found.x, found.fun
            valley = _valley(problem, theta, best)
        if better < 1e-3 * valley.rise:
            break
    if smooth:
        for _ in range(2):
            theta = _bottom(problem, theta, valley)
            valley = _valley(problem, theta, problem.quality(theta))
        theta = _bottom(problem, theta, valley)
    return theta, count, valley


def _bottom(problem, theta, valley, a=None):
    """The bottom of the quadratic surface fitted to S around itself, by steps of at most one valley's width.

    Where S has no such surface, the lowest point that Nelder-Mead finds.
    """
    here = theta
    for _ in range(12):
        form, u = _surface(problem, here, valley.axes, a)
        if form is None or np.linalg.eigvalsh(form)[0] <= 0.0:
            return here + valley.axes @ _descend(problem, here, valley.axes, a).x
        far = np.sqrt(u @ u)
        here = here + valley.axes @ (u / max(far, 1.0))
        if far < 0.01:
            break
    return here


def _descend(problem, theta, axes, a=None):
    """Nelder-Mead from theta in units of `axes`, beginning with a simplex of that size."""
    size = theta.size
    simplex = np.vstack([np.zeros(size), np.eye(size)]) - 1.0 / (size + 1.0)
    return optimize.minimize(
        lambda u: problem.quality(theta + axes @ u, a),
        np.zeros(size),
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-6},
    )


@dataclasses.dataclass(frozen=True)
class _Valley:
    """S = floor + (u - u0)^T form (u - u0) at theta + axes u; along each axis (column) S rises by `rise`."""

    axes: np.ndarray
    form: np.ndarray
    rise: float


_SPAN = 5.0  # standard errors that the quadratic surface spans


def _valley(problem, theta, best):
    """Fit a quadratic surface to S around theta, on a scale at which the small steps of S average out.

    The scale is `_SPAN` standard errors, if S times the number of points were chi squared.
    """
    size = theta.size
    rise = _SPAN**2 * max(best, 1e-12) / max(problem.used(theta), 1)
    axes = np.diag([_reach(problem, theta, best, rise, k) for k in range(size)])
    for _ in range(5):
        form, _ = _surface(problem, theta, axes)
        if form is None:  # out of the region where sizes overlap
            axes = 0.5 * axes
            continue
        level, turn = np.linalg.eigh(form)
        level = np.clip(
            level, rise / 16.0, None
        )  # flat, or falling: widen, but not at once to infinity
        axes = axes @ turn * np.sqrt(rise / level)
    form, _ = _surface(problem, theta, axes)
    return _Valley(axes, np.full((size, size), np.nan) if form is None else form, rise)


def _reach(problem, theta, best, rise, k):
    """Step in parameter k at which S has risen by about `rise`, on average over both directions."""
    step = 1e-3 * max(abs(theta[k]), 1e-3)
    unit = np.zeros(theta.size)
    unit[k] = 1.0
    for _ in range(60):
        sides = [problem.quality(theta + sign * step * unit) - best for sign in (-1.0, 1.0)]
        now = 0.5 * sum(sides)
        if 0.25 * rise < now < 4.0 * rise:
            return step
        step *= 0.5 if not now < rise else 1.7
    return step


def _design(size):
    """Points of the simplex that the surface is fitted on: vertices and middles of edges of a cross, at full, at two
    thirds and at one third of its size; shape (points, size)."""
    unit = np.eye(size)
    rays = [sign * unit[p] for p in range(size) for sign in (1.0, -1.0)]
    pairs = itertools.combinations(range(size), 2)
    rays += [
        (one * unit[p] + other * unit[q]) / np.sqrt(2.0)
        for p, q in pairs
        for one, other in itertools.product((1.0, -1.0), repeat=2)
    ]
    return np.vstack([np.zeros(size)] + [part * np.array(rays) for part in (1.0, 2 / 3, 1 / 3)])


@functools.cache
def _least_squares(size):
    """The matrix that turns S on the design into the coefficients of 1, u_p, u_p u_q (p <= q)."""
    u = _design(size)
    pairs = itertools.combinations_with_replacement(range(size), 2)
    return np.linalg.pinv(
        np.column_stack([np.ones(len(u)), u, *(u[:, p] * u[:, q] for p, q in pairs)])
    )


def _surface(problem, theta, axes, a=None):
    """(B, u0) of S = floor + (u - u0)^T B (u - u0) at theta + axes u, by least squares; (None, None) if S has none."""
    size = theta.size
    u = _design(size)
    S = problem.qualities(theta + u @ axes.T, a)
    if not np.all(np.isfinite(S)):
        return None, None
    pairs = list(itertools.combinations_with_replacement(range(size), 2))
    solution = _least_squares(size) @ S
    form = np.zeros((size, size))
    for (p, q), value in zip(pairs, solution[1 + size :]):
        form[p, q] += 0.5 * value
        form[q, p] += 0.5 * value
    if np.linalg.eigvalsh(form)[0] <= 0.0:
        return form, np.zeros(size)
    return form, np.linalg.solve(-2.0 * form, solution[1 : 1 + size])


def _carried(problem, theta, valley):
    """Covariance of the minimum: the errors of the data, carried through the quadratic surface."""
    if not np.all(np.isfinite(valley.form)) or np.linalg.eigvalsh(valley.form)[0] <= 0.0:
        return np.full((theta.size,) * 2, np.nan)
    u = _design(theta.size)
    slopes = np.array([problem.slope(theta + valley.axes @ step) for step in u])
    D = np.linalg.lstsq(np.column_stack([np.ones(len(u)), u]), slopes, rcond=None)[0][1:]
    move = valley.axes @ np.linalg.solve(2.0 * valley.form, D)
    return move @ problem.covariance() @ move.T


# ------------------------------------------------------------------------------------------------------------
# Bootstrap over runs

_PER_BLOCK = 4  # 32-bit words of a block of noise


def _bootstrap(problem, theta, valley, resamples, seed, smooth):
    """Minima of S for measurements drawn anew, shape (resamples, free)."""
    labels = [label for _, one, *_ in problem.parts for label in one._labels()]
    distinct = {label: number for number, label in enumerate(sorted(set(labels)))}
    labels = np.array([distinct[label] for label in labels], np.uint64)
    samples = np.empty((resamples, theta.size))
    for number in range(resamples):
        a = problem.a.copy()
        for _, one, where, *_ in problem.parts:
            a[where] += _deviation(one, labels[where], seed, number)
        if smooth:
            samples[number] = _bottom(problem, theta, valley, a)
        else:
            samples[number] = theta + valley.axes @ _descend(problem, theta, valley.axes, a).x
    return samples


def _deviation(data, labels, seed, number):
    """What the means of `data` differ by when its runs are drawn anew, for the `number`-th time.

    Draws belong to (seed, number, label), label numbering the pairs of size and rho (or sizes, when
    paired). They are enlarged by sqrt(n/(n - 1)), the known shortfall of the bootstrap's variance.
    """
    key = (np.uint64(seed), noise.BOOTSTRAP, np.uint64(number))
    if data.runs is None:
        g = np.empty(len(data))
        noise.fill_gaussian(*key, labels, np.zeros_like(labels), g)
        return data.da * g
    runs = data.runs.shape[1]
    chosen = _draws(key, labels, runs)
    drawn = np.take_along_axis(data.runs, chosen, axis=1)
    there = ~np.isnan(drawn)
    n = there.sum(axis=1)
    mean = np.divide(np.nansum(drawn, axis=1), n, out=data.a.copy(), where=n > 0)
    have = np.sum(~np.isnan(data.runs), axis=1)
    return (mean - data.a) * np.sqrt(have / (have - 1.0))


def _draws(key, labels, runs):
    """Indices in [0, runs), (labels, runs), drawn with replacement; rows of equal label are equal."""
    blocks = -(-runs // _PER_BLOCK)
    distinct, back = np.unique(labels, return_inverse=True)
    a = np.repeat(distinct, blocks)
    b = np.tile(np.arange(blocks, dtype=np.uint64), distinct.size)
    words = np.empty((a.size, 2), np.uint64)
    noise.fill_bits(*key, a, b, words)
    low, high = words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)
    parts = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1).reshape(
        distinct.size, -1
    )[:, :runs]
    return ((parts * np.uint64(runs)) >> np.uint64(32)).astype(np.int64)[back]


# ------------------------------------------------------------------------------------------------------------
# Gaussian processes


def gaussian_process(
    data, start, *, fixed=None, errors="curvature", samples=4000, seed=None, misfit=True
):
    """Maximise the marginal likelihood of the data, with the scaling function a Gaussian process (Harada 2011).

    y = F(x) + noise, F ~ GP(0, k), k(x, x') = amplitude^2 exp(-(x - x')^2/(2 length^2)): smoothness
    is all that is assumed of F, and no straight lines are drawn. The density is that of the data a,
    not of y, so that no value of zeta is favoured for making y small.

    Parameters
    ----------
    data, start, fixed :
        As for `collapse`. Each observable of a joint fit has a scaling function of its own.
    errors : "curvature" or "sampling"
        "curvature": the inverse of minus the second derivatives of the log likelihood, over
        parameters and hyperparameters together (Laplace). "sampling": `samples` Metropolis steps
        through the posterior with flat priors in the parameters and in the logarithms of amplitude
        and length; values are then posterior means.
    samples, seed : int
        For the sampling; a seed is then required.
    misfit : bool
        True adds misfit^2 to the variance of every y and finds it too: data that do not collapse
        within their errors then get larger errors of the exponents, as they should.

    Returns
    -------
    Fit
        With log_likelihood, hyperparameters, and `Fit.master`, the scaling function.
    """
    _check.choice("errors", errors, ("curvature", "sampling"))
    problem = _Problem(data, start, fixed)
    process = _Process(problem, _check.flag("misfit", misfit))
    if errors == "sampling":
        samples = _check.integer("samples", samples, 100)
        seed = _check.seed("seed", seed)
    z, count = process.maximum()
    size = len(problem.free)
    covariance, kept = process.laplace(z)
    drawn, method = None, "Gaussian process"
    if errors == "sampling":
        drawn = process.sample(z, covariance, kept, samples, seed)
        z = z.copy()
        z[:size] = drawn[:, :size].mean(axis=0)
        covariance, drawn = np.atleast_2d(np.cov(drawn.T)), drawn[:, :size] * process.scale
        method += ", sampled"
    else:
        stuck = np.setdiff1d(
            np.arange(size), kept
        )  # on a bound, where a likelihood has no curvature to speak of
        covariance[stuck] = covariance[:, stuck] = np.nan
    process.settle(z)
    return _fit(
        problem,
        z[:size] * process.scale,
        covariance[:size, :size] * np.outer(process.scale, process.scale),
        method,
        count,
        samples=drawn,
        log_likelihood=-process.cost(z)[0],
        hyperparameters=process.hyperparameters(z),
        _process=process,
    )


class _Process:
    """The marginal likelihood of a problem's data and its gradient.

    z holds the free parameters in units of `scale`, then for each observable the logarithms of
    amplitude and length, in units set by the data and by a size l0 in the middle, and the misfit's
    variance in units of the noise's.
    """

    def __init__(self, problem, misfit):
        self.problem, self.free = problem, len(problem.free)
        self.log_l = np.concatenate([one._log_l for one in problem.data.values()])
        self.rho = np.concatenate([one.rho for one in problem.data.values()])
        self.owner = np.concatenate(
            [np.full(len(one), k) for k, one in enumerate(problem.data.values())]
        )
        self.names = list(problem.data)
        self.zetas = ["zeta" if name is None else f"zeta_{name}" for name in self.names]
        self.log_l0 = self.log_l.mean()
        self.noise = problem.covariance()
        self._refuse_bad_noise()
        self.whitener = np.empty_like(self.noise)  # L^-1 of K = L L^T, at the last z
        first = problem.values(problem.start)
        x, factor, _ = self._scaled(first)
        y = np.abs(problem.a * factor)
        self.width = np.array([np.ptp(x[self.owner == k]) for k in range(len(self.names))])
        self.height = np.array([y[self.owner == k].max() for k in range(len(self.names))])
        self.quiet = np.array(
            [np.median((problem.da * factor)[self.owner == k] ** 2) for k in range(len(self.names))]
        )
        self.scale = np.array([self._scale(key, first) for key in problem.free])
        more = [
            (np.log(1e-2), np.log(1e3)),
            (np.log(2e-2), np.log(1e2)),
            (0.0, 1e4 if misfit else 0.0),
        ]
        self.bounds = [self._bounds(key, value) for key, value in zip(problem.free, problem.start)]
        self.bounds += more * len(self.names)

    def _refuse_bad_noise(self):
        for name, one in self.problem.data.items():
            most = np.diff(one.edges).max()
            if one.paired and one.runs is not None and one.runs.shape[1] < 5 * most:
                raise ValueError(
                    f"runs must be at least 5 times the {most} points of a size for paired data; "
                    f"got {one.runs.shape[1]}"
                )

    def _scale(self, key, first):
        if key == "rho_c":
            return 0.05 * np.ptp(self.rho)
        return 0.1 * max(abs(first[key]), 0.3)

    def _bounds(self, key, value):
        """Far enough not to matter, near enough not to overflow."""
        scale = self._scale(key, {key: value})
        if key in ("nu", "omega"):
            return (0.2 * value / scale, 5.0 * value / scale)
        return (value / scale - 50.0, value / scale + 50.0)

    def _scaled(self, values):
        """x, y's factor, and their logarithmic derivatives: a dict from parameter to (dx, dln factor)."""
        x, factor = np.empty_like(self.rho), np.empty_like(self.rho)
        slopes = {}
        for k, name in enumerate(self.names):
            own = self.owner == k
            log_l, mine = self.log_l[own], _of_observable(values, name)
            nu, zeta, b, c, omega = (mine[key] for key in ("nu", "zeta", "b", "c", "omega"))
            x[own], factor[own] = _scaled(log_l, self.rho[own], mine)
            stretch, small = np.exp(log_l / nu), np.exp(-omega * log_l)
            grown = 1.0 + b * small
            zero = np.zeros_like(log_l)
            here = {
                "rho_c": (-stretch, zero),
                "nu": (
                    -stretch * (self.rho[own] - mine["rho_c"]) * log_l / nu**2,
                    zeta / nu**2 * log_l,
                ),
                "zeta": (zero, -log_l / nu),
                "b": (zero, -small / grown),
                "c": (small, zero),
                "omega": (-c * log_l * small, b * log_l * small / grown),
            }
            for key, pair in here.items():
                full = key if name is None or key in _SHARED else f"{key}_{name}"
                for place, part in zip(slopes.setdefault(full, np.zeros((2, self.rho.size))), pair):
                    place[own] = part
        return x, factor, slopes

    def _hyper(self, z, values):
        """Per observable: amplitude of y, length of x, misfit's variance of y; and the derivatives of the logarithms
        of amplitude and length by nu and by zeta, through l0."""
        h = z[self.free :].reshape(-1, 3)
        nu = values["nu"]
        zeta = np.array([_of_observable(values, name)["zeta"] for name in self.names])
        first = self.problem.values(self.problem.start)
        zeta0 = np.array([_of_observable(first, name)["zeta"] for name in self.names])
        shift = self.log_l0 * (zeta0 / first["nu"] - zeta / nu)
        amplitude = self.height * np.exp(h[:, 0] + shift)
        length = self.width * np.exp(h[:, 1] + self.log_l0 * (1.0 / nu - 1.0 / first["nu"]))
        return amplitude, length, self.quiet * h[:, 2] * np.exp(2.0 * shift)

    def cost(self, z):
        """Minus the log likelihood of the data and its gradient by z."""
        values = self.problem.values(z[: self.free] * self.scale)
        x, factor, slopes = self._scaled(values)
        if not 1e-100 < factor.min() <= factor.max() < 1e100:
            return 1e10, np.zeros_like(z)
        amplitude, length, extra = (part[self.owner] for part in self._hyper(z, values))
        up = amplitude / factor
        wide = extra / factor**2
        points = np.empty((4, x.size))
        level = kernels.process(
            x, up, length, self.owner, wide, self.noise, self.problem.a, self.whitener, points
        )
        if not np.isfinite(level):
            return 1e10, np.zeros_like(z)
        return level, -self._gradient(z, values, slopes, points, factor)

    def _gradient(self, z, values, slopes, points, factor):
        """Chain rule from points to z."""
        by_up, by_x, by_length, diagonal = points
        gradient = np.empty_like(z)
        nu = values["nu"]
        zeta = np.array([_of_observable(values, name)["zeta"] for name in self.names])[self.owner]
        for k, key in enumerate(self.problem.free):
            dx, dfactor = slopes[key]
            total = by_x @ dx - by_up @ dfactor
            if key == "nu":
                total += (
                    by_up @ (self.log_l0 * zeta / nu**2) - by_length.sum() * self.log_l0 / nu**2
                )
            elif key in self.zetas:
                total -= by_up[self.owner == self.zetas.index(key)].sum() * self.log_l0 / nu
            gradient[k] = total * self.scale[k]
        extra = self._hyper(z, values)[2]
        h = z[self.free :].reshape(-1, 3)
        for k in range(len(self.names)):
            own, place = self.owner == k, self.free + 3 * k
            wide_part = (diagonal[own] / factor[own] ** 2).sum()
            gradient[place] = by_up[own].sum() - wide_part * extra[k]
            gradient[place + 1] = by_length[own].sum()
            unit = (
                extra[k] / h[k, 2]
                if h[k, 2] > 0.0
                else self._hyper(self._with_misfit(z, k), values)[2][k]
            )
            gradient[place + 2] = 0.5 * wide_part * unit
        return gradient

    def _with_misfit(self, z, k):
        z = z.copy()
        z[self.free + 3 * k + 2] = 1.0
        return z

    def maximum(self):
        """(z, evaluations) of the largest likelihood, from the start with two lengths and from the collapse by S.

        Amplitude, length and misfit first, at the start's parameters: from a poor length, a first
        step in all of them can end where sizes no longer overlap, and a likelihood has a local
        maximum there.
        """
        best, count = None, 0
        for theta, length in (
            (self.problem.start, 0.1),
            (self.problem.start, 0.5),
            (self._collapsed(), 0.5),
        ):
            hyper = np.tile([0.0, np.log(length), 0.1], len(self.names))
            z = np.clip(np.concatenate([theta / self.scale, hyper]), *self._edges())
            for held in (self.free, 0):
                bounds = [(v, v) for v in z[:held]] + self.bounds[held:]
                found = optimize.minimize(
                    self.cost, z, jac=True, method="L-BFGS-B", bounds=bounds,
                    options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-6},
                )  # fmt: skip
                z, count = found.x, count + found.nfev
            if best is None or found.fun < best.fun:
                best = found
        return best.x, count

    def _collapsed(self):
        """Free parameters at the least S that a simplex finds: a start where sizes overlap."""
        return optimize.minimize(self.problem.quality, self.problem.start, method="Nelder-Mead").x

    def _edges(self):
        return np.array(self.bounds).T

    def laplace(self, z):
        """(covariance of z, which of z it covers): the inverse second derivatives; what sits on a bound has none."""
        low, high = self._edges()
        kept = np.flatnonzero((z > low + 1e-7) & (z < high - 1e-7))
        step = np.full(z.size, 1e-3)
        for _ in range(2):  # the second time at a twentieth of a standard error
            H = np.empty((kept.size, kept.size))
            for row, k in enumerate(kept):
                sides = []
                for sign in (1.0, -1.0):
                    moved = z.copy()
                    moved[k] = np.clip(z[k] + sign * step[k], low[k], high[k])
                    sides.append((moved[k], self.cost(moved)[1][kept]))
                H[row] = (sides[0][1] - sides[1][1]) / (sides[0][0] - sides[1][0])
            H = 0.5 * (H + H.T)
            covariance = np.full((z.size, z.size), np.nan)
            if np.linalg.eigvalsh(H)[0] <= 0.0:
                break
            covariance[:] = 0.0
            covariance[np.ix_(kept, kept)] = np.linalg.inv(H)
            step = 0.05 * np.sqrt(np.maximum(np.diag(covariance), 1e-12))
        return covariance, kept

    def sample(self, z, covariance, kept, steps, seed):
        """Metropolis from the maximum, proposals of 2/sqrt(dimension) posterior widths; `steps`/4 more come first.

        Noise: purpose "bootstrap", step 2^40 + number of the Metropolis step.
        """
        if np.any(np.isnan(covariance)):
            covariance = np.diag(np.full(z.size, 1e-4))
        active = np.flatnonzero([low < high for low, high in self.bounds])
        slope = np.abs(self.cost(z)[1])  # what sits on a bound falls off exponentially from there
        free = np.where(
            np.isin(active, kept), 0.0, np.minimum(1.0 / np.maximum(slope[active], 1e-3), 0.3) ** 2
        )
        root = (
            np.linalg.cholesky(covariance[np.ix_(active, active)] + np.diag(free))
            * 2.0
            / np.sqrt(active.size)
        )
        low, high = self._edges()
        now, cost = z.copy(), self.cost(z)[0]
        burn = steps // 4
        out, g, u = np.empty((steps, z.size)), np.empty(active.size), np.empty(1)
        numbers, zero = np.arange(active.size, dtype=np.uint64), np.zeros(active.size, np.uint64)
        for k in range(-burn, steps):
            key = (np.uint64(seed), noise.BOOTSTRAP, np.uint64(2**40 + k + burn))
            noise.fill_gaussian(*key, numbers, zero, g)
            noise.fill_uniform(*key, numbers[:1], zero[:1] + np.uint64(1), u)
            trial = now.copy()
            trial[active] += root @ g
            trial = np.where(
                trial < low, 2.0 * low - trial, trial
            )  # mirrored, so that a bound costs no proposals
            if np.all(trial >= low) and np.all(trial <= high):
                there = self.cost(trial)[0]
                if np.log(max(u[0], 1e-300)) < cost - there:
                    now, cost = trial, there
            if k >= 0:
                out[k] = now
        return out

    def hyperparameters(self, z):
        amplitude, length, extra = self._hyper(z, self.problem.values(z[: self.free] * self.scale))
        return {
            name: {"amplitude": float(a), "length": float(w), "misfit": float(np.sqrt(m))}
            for name, a, w, m in zip(self.names, amplitude, length, extra)
        }

    def settle(self, z):
        """Keep what prediction needs at z."""
        values = self.problem.values(z[: self.free] * self.scale)
        x, factor, _ = self._scaled(values)
        self.amplitude, self.length, _ = self._hyper(z, values)
        self.x, self.up = x, self.amplitude[self.owner] / factor
        self.cost(z)
        self.whitener = self.whitener.copy()

    def predict(self, x, name):
        """Mean and standard deviation of F at x."""
        if name not in self.names:
            raise ValueError(
                f"name must be one of {', '.join(map(repr, self.names))}; got {name!r}"
            )
        k = self.names.index(name)
        gap = (x.ravel()[:, None] - self.x) / self.length[k]
        across = np.where(
            self.owner == k, np.exp(-0.5 * gap * gap) * self.amplitude[k] * self.up, 0.0
        )
        white = across @ self.whitener.T
        mean = white @ (self.whitener @ self.problem.a)
        variance = self.amplitude[k] ** 2 - np.sum(white**2, axis=1)
        return mean.reshape(x.shape), np.sqrt(np.maximum(variance, 0.0)).reshape(x.shape)


# ------------------------------------------------------------------------------------------------------------
# Windows


def windows(
    data, start, *, x=(np.inf,), l_min=(0.0,), at=None, fixed=None, method=collapse, **options
):
    """The same fit in several windows: how far the result depends on which data are used.

    Parameters
    ----------
    data, start, fixed :
        As for `collapse`.
    x : sequence of float or of (low, high)
        Windows of x = l^(1/nu) (rho - rho_c); a number w stands for (-w, w).
    l_min : sequence of float
        Smallest sizes.
    at : dict, optional
        rho_c and nu at which x is computed, the same for all fits; by default their starting or
        fixed values.
    method : collapse or gaussian_process
    **options
        Of the method.

    Returns
    -------
    pandas.DataFrame
        A row for each window: low, high, l_min, points, used, quality, and each free parameter with
        its error (dNAME). Windows that leave too little to fit have nan.
    """
    if method not in (collapse, gaussian_process):
        raise ValueError(f"method must be collapse or gaussian_process; got {method!r}")
    problem = _Problem(data, start, fixed)
    at = problem.values(problem.start) | dict(at or {})
    rows = []
    for span, least in itertools.product(x, l_min):
        low, high = (-span, span) if np.ndim(span) == 0 else span
        row = {"low": float(low), "high": float(high), "l_min": float(least)}
        try:
            inside = {
                name: one.window(at["rho_c"], at["nu"], x=(low, high), l=(least, np.inf))
                for name, one in problem.data.items()
            }
            fit = method(inside if problem.joint else inside[None], start, fixed=fixed, **options)
        except TooLittleData:
            rows.append(row)
            continue
        row |= {"points": fit.points, "used": fit.used, "quality": fit.quality}
        for key in fit.free:
            row |= {key: fit.values[key], f"d{key}": fit.errors[key]}
        rows.append(row)
    return pd.DataFrame(rows)
