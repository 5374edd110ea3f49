"""Fits by SciPy that end in finite numbers or in one clear refusal."""

import warnings

import numpy as np


def fitted(fit, what):
    """Parameters and covariance of `fit()`, as `scipy.optimize.curve_fit` returns them; ValueError if it gives up.

    An infinite covariance says that the points do not determine what is fitted: refused as well.
    """
    from scipy.optimize import OptimizeWarning

    try:
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", OptimizeWarning)  # an infinite covariance, seen below
            found, covariance = fit()
    except RuntimeError as gave_up:
        reason = str(gave_up).partition("\n")[0]
        raise ValueError(f"the points do not determine {what}: {reason}") from gave_up
    if not np.all(np.isfinite(found)) or not np.all(np.isfinite(covariance)):
        raise ValueError(f"the points do not determine {what}: the fit has no finite error")
    return found, covariance
