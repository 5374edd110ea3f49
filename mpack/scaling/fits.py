"""The best collapse."""

import numpy as np

from mpack import _check
from mpack.scaling._problem import Problem
from mpack.scaling._valley import carried, minimise
from mpack.scaling.data import Data, TooLittleData
from mpack.scaling.resampling import resampled


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
    problem = Problem(data, start, fixed)
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
        return problem.fit(problem.start, np.zeros((0, 0)), "none", 1)
    theta, count, valley = minimise(problem, tolerance, restarts, smooth)
    if errors == "none":
        return problem.fit(theta, np.full((theta.size,) * 2, np.nan), "none", count)
    if errors == "curvature":
        return problem.fit(theta, carried(problem, theta, valley), "curvature", count)
    samples = resampled(problem, theta, valley, resamples, seed, smooth)
    return problem.fit(theta, np.atleast_2d(np.cov(samples.T)), "bootstrap", count, samples=samples)
