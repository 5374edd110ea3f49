"""Do the errors of a scaling fit mean what they say? Simulation-based calibration, one row a synthetic data set.

    truth        drawn at random
    data         made from it, with so many runs a point
    fit          by each method of `mpack.scaling`, from the same start
    rank         of the truth in the distribution that the fit states: uniform on (0, 1) if its errors are honest

A row is a function of a seed and a number, so that rows can be made in any order, on any machine,
and any of them again (S. Talts et al., arXiv:1804.06788). `python -m book._tools.calibration` makes
the archive that the chapter "Testing the tool on known answers" reads.
"""

import numpy as np
import pandas as pd
from scipy import stats

from book import RESULTS, tables
from mpack import _check, scaling

FOLDER = RESULTS / "calibration"
SIZES = np.array([8.0, 12.0, 16.0, 24.0, 32.0, 48.0])  # linear sizes l
SETS = {0: 400, 4: 80, 8: 80, 16: 80, 32: 80, -4: 80}  # runs a point, see `synthetic`: data sets
START = {"rho_c": 0.68, "nu": 0.75, "zeta": -0.60}
METHODS = ("curvature", "bootstrap", "process")
RESAMPLES = 100
PRIOR = {"rho_c": (0.67, 0.69), "nu": (0.7, 0.9), "zeta": (-0.7, -0.55)}


def order_parameter(x):
    """The scaling function of the synthetic data: exponentially small below x = 0, the power 0.64 above."""
    return np.log1p(np.exp(1.5 * x)) ** 0.64


def synthetic(truth, rng=None, error=0.04, points=15, runs=0):
    """Data that follow the scaling form a = l^(zeta/nu) F(l^(1/nu) (rho - rho_c)), with independent Gaussian noise.

    Parameters
    ----------
    truth : dict
        rho_c, nu, zeta.
    rng : numpy Generator, optional
        Of the noise; none if left out.
    error : float
        Relative standard error of a point, in (0, 1).
    points : int
        Densities of each size, |x| <= 2, staggered from size to size.
    runs : int
        So many runs a point, whose scatter is all that is known of the error; 0 for a mean with its
        true error; -4 for four runs whose relative scatter is pooled over all points.

    Returns
    -------
    mpack.scaling.Data
    """
    step = 4.0 / (points - 1)
    shift = (0.618034 * np.arange(SIZES.size)[:, None] % 1.0 - 0.5) * step
    x, size = np.linspace(-2, 2, points) + shift, SIZES[:, None]
    rho = truth["rho_c"] + x * size ** (-1 / truth["nu"])
    a = size ** (truth["zeta"] / truth["nu"]) * order_parameter(x)
    if not runs:
        noise = 0.0 if rng is None else error * a * rng.standard_normal(a.shape)
        return scaling.Data(SIZES, rho, a + noise, error * a)
    many = abs(runs)
    single = a[..., None] * (1.0 + error * many**0.5 * rng.standard_normal((*a.shape, many)))
    if runs < 0:
        mean = single.mean(axis=-1)
        scatter = np.sqrt(np.mean(single.var(axis=-1, ddof=1) / mean**2))
        return scaling.Data(SIZES, rho, mean, scatter * mean / many**0.5)
    table = {"l": np.repeat(SIZES, points * runs), "rho": np.repeat(rho, runs), "a": single.ravel()}
    return scaling.Data.from_table(pd.DataFrame(table), l="l", rho="rho", a="a")


def fitted(method, data, seed):
    """A fit of the data by one of METHODS."""
    if method == "process":
        return scaling.gaussian_process(data, START)
    return scaling.collapse(data, START, errors=method, resamples=RESAMPLES, seed=seed)


def rank(fit, name, truth):
    """Where the truth lies in what a fit states of a parameter, in (0, 1): among the samples, or by the error."""
    if fit.samples is not None:
        below = np.sum(fit.samples[:, fit.free.index(name)] < truth)
        return (below + 0.5) / (len(fit.samples) + 1)
    return float(stats.norm.cdf((truth - fit.values[name]) / fit.errors[name]))


def specs(seed=1, sets=SETS):
    """What the archive holds: a list of dicts, the arguments of `row`, all kinds of data side by side."""
    every = [
        {"seed": seed, "runs": runs, "number": number}
        for runs, many in sets.items()
        for number in range(many)
    ]
    return sorted(every, key=lambda spec: spec["number"] / sets[spec["runs"]])


def row(seed, runs, number):
    """One data set, fitted by each of METHODS.

    Parameters
    ----------
    seed, number : int
        Which data set.
    runs : int
        Runs a point, see `synthetic`.

    Returns
    -------
    dict
        seed, runs, number; and of each method and parameter METHOD_PARAMETER_error, the stated
        error; _off, (truth - fit)/error; _rank.
    """
    rng = np.random.default_rng(
        [_check.seed("seed", seed), runs % 1000, _check.integer("number", number, 0)]
    )
    truth = {name: rng.uniform(*ends) for name, ends in PRIOR.items()}
    data = synthetic(truth, rng, runs=runs)
    found = {"seed": seed, "runs": runs, "number": number}
    for method in METHODS:
        fit = fitted(method, data, number)
        for name in START:
            found[f"{method}_{name}_error"] = float(fit.errors[name])
            found[f"{method}_{name}_off"] = float(
                (truth[name] - fit.values[name]) / fit.errors[name]
            )
            found[f"{method}_{name}_rank"] = float(rank(fit, name, truth[name]))
    return found


def archived(folder=FOLDER):
    """The rows of the archive, as a DataFrame; see `book.tables.load` for what it raises."""
    return tables.load(folder, "sets")
