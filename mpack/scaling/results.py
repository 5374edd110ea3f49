"""What a fit found: values, errors and covariances."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from scipy import stats

from mpack import _check


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
