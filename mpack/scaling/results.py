"""What a fit found: values, errors and covariances."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from mpack import _check
from mpack._repr import short_repr
from mpack.statistics import Estimate


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

    Notes
    -----
    A fit of one observable also answers to the names rho_c, nu, zeta and to drho_c, dnu, dzeta for
    their errors.

    Examples
    --------
    >>> from mpack.scaling import Data, collapse
    >>> rho = np.array([0.5, 0.6, 0.7, 0.8])
    >>> data = Data([8, 16], rho, [1 / 8**0.5 + rho, 1 / 4 + rho], 0.01 * np.ones((2, 4)))
    >>> fit = collapse(data, {}, fixed={"rho_c": 0.6, "nu": 2.0, "zeta": -1.0})
    >>> fit.nu, fit.dnu, fit.used
    (2.0, 0.0, 6)
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
    _process: Any = dataclasses.field(default=None, repr=False)

    __repr__ = short_repr

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        if name[:1] == "d" and name[1:] in values:
            return self.errors.get(name[1:], 0.0)
        raise AttributeError(f"'Fit' object has no attribute {name!r}")

    @property
    def correlation(self) -> NDArray:
        """Correlations of the free parameters, C_pq/sqrt(C_pp C_qq), shape (free, free).

        Examples
        --------
        >>> fit = Fit({"nu": 0.6}, {"nu": 0.1}, ("nu",), np.array([[0.01]]), 1.0, 9, 9, "curvature", 1)
        >>> fit.correlation
        array([[1.]])
        """
        d = np.sqrt(np.diag(self.covariance))
        return self.covariance / np.outer(d, d)

    def parameter(self, name: str) -> Estimate:
        """A parameter with its standard error, 0 where it was held; n is the number of points.

        Parameters
        ----------
        name : str

        Returns
        -------
        mpack.statistics.Estimate

        Raises
        ------
        ValueError
            There is no such parameter, or the fit found no error of it.

        Examples
        --------
        >>> fit = Fit({"nu": 0.6}, {"nu": 0.1}, ("nu",), np.array([[0.01]]), 1.0, 9, 9, "curvature", 1)
        >>> print(fit.parameter("nu"))
        0.60 ± 0.10
        """
        _check.choice("name", name, tuple(self.values))
        error = self.errors.get(name, 0.0)
        if not np.isfinite(error):
            raise ValueError(f"name must be a parameter whose error was found; got {name!r}")
        return Estimate(self.values[name], error, self.points)

    def interval(self, name: str, level: float = 0.68) -> tuple[float, float]:
        """The interval of a parameter that holds the truth with probability `level`: (low, high).

        Value -+ the normal quantile times the error. See the chapter for how often it does.

        Parameters
        ----------
        name : str
            Of a free parameter.
        level : float
            In (0, 1).

        Returns
        -------
        (float, float)

        Raises
        ------
        ValueError, TypeError
            The parameter is not free, or level out of range.

        Examples
        --------
        >>> fit = Fit({"nu": 0.6}, {"nu": 0.1}, ("nu",), np.array([[0.01]]), 1.0, 9, 9, "curvature", 1)
        >>> low, high = fit.interval("nu", 0.95)
        >>> round(low, 3), round(high, 3)
        (0.404, 0.796)
        """
        level = _check.number("level", level, 0.0, 1.0, open_low=True, open_high=True)
        if name not in self.free:
            raise ValueError(
                f"name must be one of the free parameters, {', '.join(self.free)}; got {name!r}"
            )
        reach = float(stats.norm.ppf(0.5 + 0.5 * level)) * self.errors[name]
        return self.values[name] - reach, self.values[name] + reach

    def master(self, x: ArrayLike, name: str | None = None) -> tuple[NDArray, NDArray]:
        """Mean and standard deviation of the scaling function F at x, from a Gaussian process.

        Parameters
        ----------
        x : array_like
            Scaled distances from the transition.
        name : str, optional
            Of the observable in a joint fit.

        Returns
        -------
        (array, array)
            Of the shape of x.

        Raises
        ------
        ValueError
            The fit is not by `gaussian_process`, or has no such observable.

        Examples
        --------
        >>> from mpack.scaling import Data, gaussian_process
        >>> rho = np.array([0.5, 0.6, 0.7, 0.8])
        >>> data = Data([8, 16], rho, [1 / 8**0.5 + rho, 1 / 4 + rho], 0.01 * np.ones((2, 4)))
        >>> law = {"rho_c": 0.6, "nu": 2.0, "zeta": 0.0}
        >>> mean, spread = gaussian_process(data, {}, fixed=law).master([0.0])
        >>> bool(abs(mean[0] - 0.9) < 3 * spread[0])
        True
        """
        if self._process is None:
            raise ValueError("master needs a fit by gaussian_process")
        return self._process.predict(np.asarray(x, float), name)

    def table(self) -> pd.DataFrame:
        """Parameter, value, standard error (0 where fixed) as a DataFrame.

        Examples
        --------
        >>> fit = Fit({"nu": 0.6}, {"nu": 0.1}, ("nu",), np.array([[0.01]]), 1.0, 9, 9, "curvature", 1)
        >>> fit.table().to_numpy().tolist()
        [['nu', 0.6, 0.1]]
        """
        rows = [(name, value, self.errors.get(name, 0.0)) for name, value in self.values.items()]
        return pd.DataFrame(rows, columns=["parameter", "value", "error"])

    def distance(
        self,
        other: Fit | Mapping[str, float],
        errors: Mapping[str, float] | None = None,
        *,
        of: Mapping[str, float] | None = None,
        names: Sequence[str] | None = None,
    ) -> float:
        """Chi squared between this fit and another, or the exponents of a class: gap^T C^-1 gap.

        Parameters
        ----------
        other : Fit, or dict of str to float
            C is the sum of both fits' covariances; or this fit's alone, with `errors`^2 added to
            its diagonal.
        errors : dict of str to float, optional
            Standard errors of the values in `other`, such as those of exponents in the literature;
            0 for those left out.
        of : dict of str to float, optional
            Values in place of this fit's own: how far two sets of exponents are from each other, as
            data of this kind see it.
        names : sequence of str, optional
            Free parameters to compare, by default all that `other` has.

        Returns
        -------
        float
            Of len(names) degrees of freedom where the model holds; nan where a fit found no errors.

        Raises
        ------
        ValueError
            A name is not free here, or there is none to compare.

        Examples
        --------
        >>> fit = Fit({"nu": 0.6}, {"nu": 0.1}, ("nu",), np.array([[0.01]]), 1.0, 9, 9, "curvature", 1)
        >>> round(fit.distance({"nu": 0.8}), 12), round(fit.distance({"nu": 0.8}, {"nu": 0.1}), 12)
        (4.0, 2.0)
        """
        values = other.values if isinstance(other, Fit) else other
        there = other.free if isinstance(other, Fit) else other
        names = [key for key in there if key in self.free] if names is None else list(names)
        missing = [key for key in names if key not in self.free or key not in values]
        if missing or not names:
            raise ValueError(
                f"names must be free parameters that both have, of {', '.join(self.free)}; got {names}"
            )
        own = self.values if of is None else of
        gap = np.array([own[key] - values[key] for key in names])
        if isinstance(other, Fit):
            more = other._block(names)
        else:
            more = np.diag([dict(errors or {}).get(key, 0.0) ** 2 for key in names])
        covariance = self._block(names) + more
        if not np.isfinite(covariance).all():
            return float("nan")
        return float(gap @ linalg.pinvh(covariance) @ gap)

    def _block(self, names):
        """Covariance of some of the free parameters."""
        place = [self.free.index(key) for key in names]
        return self.covariance[np.ix_(place, place)]
