"""Exponents by the marginal likelihood of the data, the scaling function being a Gaussian process."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mpack import _check
from mpack.scaling._problem import Problem
from mpack.scaling._process import Process
from mpack.scaling.data import Data
from mpack.scaling.results import Fit


def gaussian_process(
    data: Data | Mapping[str, Data],
    start: Mapping[str, float],
    *,
    fixed: Mapping[str, float] | None = None,
    errors: str = "curvature",
    samples: int = 4000,
    seed: int | None = None,
    misfit: bool = True,
) -> Fit:
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

    Raises
    ------
    TooLittleData
        All points lie at one place.
    ValueError, TypeError
        As for `collapse`; or paired data have fewer than five times as many runs as a size has
        points, too few for their covariances.

    References
    ----------
    K. Harada, Phys. Rev. E 84, 056704 (2011).

    Examples
    --------
    >>> l, x = np.array([8.0, 16.0, 32.0]), np.linspace(-2, 2, 9)
    >>> rho = 0.6 + (x + 0.06 * l[:, None] ** 0.5) / l[:, None]
    >>> a = (1 + np.tanh(l[:, None] * (rho - 0.6))) / l[:, None] ** 0.5
    >>> data = Data(l, rho, a, 0.01 * np.ones(a.shape))
    >>> fit = gaussian_process(data, {"rho_c": 0.59}, fixed={"nu": 1.0, "zeta": -0.5})
    >>> round(fit.rho_c, 2), fit.method
    (0.6, 'Gaussian process')
    """
    _check.choice("errors", errors, ("curvature", "sampling"))
    problem = Problem(data, start, fixed)
    process = Process(problem, _check.flag("misfit", misfit))
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
    return problem.fit(
        z[:size] * process.scale,
        covariance[:size, :size] * np.outer(process.scale, process.scale),
        method,
        count,
        samples=drawn,
        log_likelihood=-process.cost(z)[0],
        hyperparameters=process.hyperparameters(z),
        _process=process,
    )
