"""Fits by SciPy that end in finite numbers or in one clear refusal."""

import warnings

import numpy as np


class Undetermined(ValueError):
    """The data are well formed, but do not determine the number: too few runs, or a fit that has no end.

    Examples
    --------
    >>> from mpack import critical
    >>> critical.limit({0.1: (0.62, 0.001)})
    Traceback (most recent call last):
    mpack._fits.Undetermined: a line needs at least 2 points; got 1
    """


def fitted(fit, what):
    """Parameters and covariance of `fit()`, as `scipy.optimize.curve_fit` returns them; Undetermined if it gives up.

    An infinite covariance says that the points do not determine what is fitted: refused as well.
    """
    from scipy.optimize import OptimizeWarning

    try:
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", OptimizeWarning)  # an infinite covariance, seen below
            found, covariance = fit()
    except RuntimeError as gave_up:
        reason = str(gave_up).partition("\n")[0]
        raise Undetermined(f"the points do not determine {what}: {reason}") from gave_up
    finite(what, found, covariance)
    return found, covariance


def finite(what, *numbers):
    """Undetermined unless all of these numbers and arrays are finite."""
    if not all(np.all(np.isfinite(one)) for one in numbers):
        raise Undetermined(f"the points do not determine {what}: no finite numbers are found")
