"""One fit in several windows."""

import itertools

import numpy as np
import pandas as pd

from mpack.scaling._problem import Problem
from mpack.scaling.data import TooLittleData
from mpack.scaling.fits import collapse
from mpack.scaling.gaussian import gaussian_process


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
    problem = Problem(data, start, fixed)
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
