"""The best collapse: the parameters at which the quality S is least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpack import _check
from mpack.scaling._draws import resampled
from mpack.scaling._problem import Problem
from mpack.scaling._valley import carried, minimise
from mpack.scaling.data import Data, TooLittleData
from mpack.scaling.results import Fit

NO_MISFIT = 1e-12  # S below which points are on a curve but for rounding
SPARE, TOO_WELL = (
    3,
    1e-6,
)  # and for as few points beyond the parameters: noise does so once in 500 times


def autoscale(
    l: ArrayLike,
    rho: ArrayLike,
    a: ArrayLike,
    da: ArrayLike | None = None,
    rho_c0: float | None = None,
    nu0: float | None = None,
    zeta0: float | None = None,
    *,
    fixed: Mapping[str, float] | None = None,
    corrections: Mapping[str, float] | None = None,
    **options: Any,
) -> Fit:
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

    Raises
    ------
    TooLittleData
        At the start, where S is least, or at a dip on the way there or of runs drawn anew, no more
        points overlap than parameters are fitted; or where S is least, and at most 1, a curve goes
        through all of them, rho_c is far from all data, or S does not rise on all sides.
    ValueError, TypeError
        A parameter is missing, twice there, unknown or out of range, or an option is.

    Examples
    --------
    >>> l, x = np.array([8.0, 16.0, 32.0]), np.linspace(-2, 2, 21)
    >>> rho = 0.6 + (x + 0.03 * l[:, None] ** 0.5) / l[:, None]
    >>> a = (1 + np.tanh(l[:, None] * (rho - 0.6))) / l[:, None] ** 0.5
    >>> fit = autoscale(l, rho, a, 0.05 * a, 0.59, zeta0=-0.4, fixed={"nu": 1.0})
    >>> round(fit.rho_c, 2), round(fit.zeta, 1)
    (0.6, -0.5)
    """
    given: dict[str, float | None] = {"rho_c": rho_c0, "nu": nu0, "zeta": zeta0}
    given |= dict(corrections or {})
    start = {
        name: value
        for name, value in given.items()
        if value is not None and name not in (fixed or {})
    }
    return collapse(Data(l, rho, a, da), start, fixed=fixed, **options)


def collapse(
    data: Data | Mapping[str, Data],
    start: Mapping[str, float],
    *,
    fixed: Mapping[str, float] | None = None,
    errors: str = "curvature",
    resamples: int = 200,
    seed: int | None = None,
    xatol: float = 1e-5,
    fatol: float = 1e-5,
    restarts: int = 1,
    smooth: bool = True,
) -> Fit:
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

    Raises
    ------
    TooLittleData
        At the start, where S is least, or at a dip on the way there or of runs drawn anew, no more
        points overlap than parameters are fitted; or where S is least, and at most 1, a curve goes
        through all of them, rho_c is far from all data, or S does not rise on all sides.
    ValueError, TypeError
        A parameter is missing, twice there, unknown or out of range, or an option is.

    Examples
    --------
    >>> l, x = np.array([8.0, 16.0, 32.0]), np.linspace(-2, 2, 21)
    >>> rho = 0.6 + (x + 0.03 * l[:, None] ** 0.5) / l[:, None]
    >>> a = (1 + np.tanh(l[:, None] * (rho - 0.6))) / l[:, None] ** 0.5
    >>> fit = collapse(Data(l, rho, a, 0.05 * a), {"rho_c": 0.59, "nu": 0.9, "zeta": -0.4})
    >>> round(fit.rho_c, 2), round(fit.nu, 1), round(fit.zeta, 1), fit.method
    (0.6, 1.0, -0.5, 'curvature')
    """
    _check.choice("errors", errors, ("curvature", "bootstrap", "none"))
    problem = Problem(data, start, fixed)
    tolerance = {
        "xatol": _check.number("xatol", xatol, 0.0, open_low=True),
        "fatol": _check.number("fatol", fatol, 0.0, open_low=True),
    }
    restarts, smooth = _check.integer("restarts", restarts, 0), _check.flag("smooth", smooth)
    if errors == "bootstrap":
        resamples = _check.integer("resamples", resamples, 2)
        seed = _check.seed("seed", seed)
    _refuse_too_little(problem, problem.start, "start must let")
    if not problem.free:
        return problem.fit(problem.start, np.zeros((0, 0)), "none", 1)
    theta, count, valley = minimise(
        problem, tolerance, restarts, smooth, errors != "none", refuse=_refuse_too_little
    )
    _refuse_undetermined(problem, theta)
    if errors == "none":
        return problem.fit(theta, np.full((theta.size,) * 2, np.nan), "none", count)
    if errors == "curvature":
        covariance = carried(problem, theta, valley)
        _refuse_flat(problem, theta, covariance)
        return problem.fit(theta, covariance, "curvature", count)
    samples = resampled(problem, theta, valley, resamples, seed, smooth)
    for sample in samples:
        _refuse_too_little(problem, sample, "the least S of runs drawn anew must let")
    return problem.fit(theta, np.atleast_2d(np.cov(samples.T)), "bootstrap", count, samples=samples)


def _refuse_undetermined(problem, theta):
    """Refuse a fit that is good and says nothing: with no transition near the data, or a curve through all points.

    A bad one, of wrong exponents, is an answer wherever its rho_c went.
    """
    if problem.quality(theta) > 1.0:
        return
    where, (low, high) = _where(problem, theta), problem.reach()
    low, high = 2 * low - high, 2 * high - low
    if {"rho_c", "nu"} <= {*problem.free} and not low <= problem.values(theta)["rho_c"] <= high:
        raise TooLittleData(
            f"the least S must lie about the data, with rho_c in [{low:.6g}, {high:.6g}]; it is at "
            f"{where}: these points do not determine the parameters"
        )
    few = problem.used(theta) - len(problem.free) <= SPARE
    if problem.quality(theta) < (TOO_WELL if few else NO_MISFIT):
        raise TooLittleData(
            f"the least S must be that of points with errors; at {where} it is "
            f"{problem.quality(theta):.1g}: a curve goes through all {problem.used(theta)} points "
            f"that overlap, of {problem.points}"
        )


def _refuse_flat(problem, theta, covariance):
    """Refuse a good fit whose S does not rise on all sides: it has no errors, and is no minimum."""
    if problem.quality(theta) <= 1.0 and not np.all(np.diag(covariance) >= 0.0):  # nan, too
        raise TooLittleData(
            f"S must rise on all sides of where it is least; at {_where(problem, theta)}, with "
            f"{problem.used(theta)} of {problem.points} points, it does not: they do not determine "
            "the parameters"
        )


def _refuse_too_little(problem, theta, what="the least S must let"):
    """Refuse parameters at which as many points overlap as are fitted: a curve would go through all of them."""
    used, size = problem.used(theta), len(problem.free)
    if used <= size:
        raise TooLittleData(
            f"{what} more points of different sizes overlap than parameters are fitted; at "
            f"{_where(problem, theta)} {used} of {problem.points} do, for {size} parameters"
        )


def _where(problem, theta):
    return ", ".join(f"{key} = {value:.6g}" for key, value in problem.shown(theta).items())
