"""Arrays at the door of a scaling analysis: what is masked or missing becomes nan, what is infinite is refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check


def filled(name: str, value: ArrayLike, ndim: int) -> NDArray[np.float64]:
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


def grid(
    l: ArrayLike, rho: ArrayLike, a: ArrayLike, da: ArrayLike
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """l (k,), rho (k, n), a (k, n), da (k, n), checked; nan in a and da where either is missing."""
    l = _check.array("l", l, (None,))
    if l.size < 2 or l.min() <= 0.0:
        raise ValueError(f"l must hold at least 2 sizes, all > 0; got {l}")
    a, da = filled("a", a, 2), filled("da", da, 2)
    rho = filled("rho", rho, np.ndim(rho) if np.ndim(rho) in (1, 2) else 1)
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
    rho = np.broadcast_to(rho, shape)
    missing = np.isnan(a) | np.isnan(da)
    if np.any(np.isnan(rho) & ~missing):
        raise ValueError("rho must be finite where there is a value; got nan")
    if np.any(da[~missing] < 0.0):
        raise ValueError(f"da must be > 0; the least is {np.nanmin(da):.6g}")
    return (
        l,
        rho,
        np.where(missing, np.nan, a),
        np.where(missing, np.nan, da),
    )


def mean_over_runs(runs: NDArray) -> tuple[NDArray, NDArray]:
    """Mean and its standard error along the last axis, over what is not nan; nan where nothing is."""
    n = np.sum(~np.isnan(runs), axis=-1)
    mean = np.divide(np.nansum(runs, axis=-1), n, out=np.full(n.shape, np.nan), where=n > 0)
    squares = np.nansum((runs - mean[..., None]) ** 2, axis=-1)
    error = np.sqrt(np.divide(squares, n * (n - 1.0), out=np.zeros(n.shape), where=n > 1))
    return mean, np.where(n > 0, error, np.nan)
