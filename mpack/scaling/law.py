"""The scaling law, undone at given parameters, and how well what comes out falls on one curve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack._kernels import collapse as kernels
from mpack.scaling import _parameters
from mpack.scaling._arrays import filled, grid
from mpack.scaling._parameters import transformation


class ScaledData(NamedTuple):
    """What `scaledata` gives: x, y and the error of y, each of shape (k, n) for n points of k sizes.

    Examples
    --------
    >>> rho, one = [0.4, 0.5, 0.6], np.ones((2, 3))
    >>> found = scaledata([4, 9], rho, one, one, rho_c=0.5, nu=2.0, zeta=2.0)  # y = l**(-zeta/nu) a
    >>> found.y[:, 0].round(6).tolist(), round(1 / 9, 6)
    ([0.25, 0.111111], 0.111111)
    """

    x: NDArray
    y: NDArray
    dy: NDArray


def scaledata(
    l: ArrayLike,
    rho: ArrayLike,
    a: ArrayLike,
    da: ArrayLike,
    rho_c: float,
    nu: float,
    zeta: float,
    *,
    b: float = 0.0,
    c: float = 0.0,
    omega: float = 1.0,
) -> ScaledData:
    """Scale data: x = l^(1/nu) (rho - rho_c) + c l^-omega, y = l^(-zeta/nu) a/(1 + b l^-omega), dy likewise.

    Parameters
    ----------
    l : array_like, shape (k,)
        Linear sizes > 0.
    rho : array_like, shape (n,) or (k, n)
        Control parameter, one grid for all sizes or one for each.
    a, da : array_like, shape (k, n)
        Measurements and their standard errors; nan, or masked, where there is none.
    rho_c, nu, zeta : float
        Critical point and exponents; nu > 0.
    b, c, omega : float
        Leading corrections to scaling (see `collapse`); none by default.

    Returns
    -------
    ScaledData
        x, y, dy, each of shape (k, n).

    Raises
    ------
    ValueError, TypeError
        Shapes do not fit, a size or nu or omega is not > 0, or something is infinite.

    Examples
    --------
    >>> one = np.ones((2, 3))
    >>> scaledata([4, 9], [0.4, 0.5, 0.6], one, one, rho_c=0.5, nu=2.0, zeta=2.0).x.round(6)
    array([[-0.2,  0. ,  0.2],
           [-0.3,  0. ,  0.3]])
    """
    l, rho, a, da = grid(l, rho, a, da)
    given = {"rho_c": rho_c, "nu": nu, "zeta": zeta, "b": b, "c": c, "omega": omega}
    values = _parameters.checked(_parameters.declared([None]), given)
    x, factor = transformation(np.log(l)[:, None], rho, values)
    return ScaledData(np.where(np.isnan(a), np.nan, x), a * factor, da * factor)


def quality(x: ArrayLike, y: ArrayLike, dy: ArrayLike) -> float:
    """The quality S of a collapse: the mean squared deviation from the master curve, in units of its variance.

    S = (1/k) sum_i (1/N_i) sum_j (y_ij - Y_ij)^2/(dy_ij^2 + dY_ij^2). Y_ij is the weighted straight
    line through the two points of every other size that bracket x_ij, dY_ij its standard error; N_i
    counts the points of size i that other sizes bracket, k the sizes that have any. S is near 1 for
    a collapse, and much larger for none.

    Parameters
    ----------
    x, y, dy : array_like, shape (k, n)
        Scaled data, as `scaledata` returns them: one row a size, nan where there is no point.

    Returns
    -------
    float
        inf if no point is bracketed.

    Raises
    ------
    ValueError, TypeError
        An array has another number of axes, is infinite somewhere, or dy is not > 0.

    References
    ----------
    J. Houdayer, A. K. Hartmann, Phys. Rev. B 70, 014418 (2004).

    Examples
    --------
    >>> x = [[0.0, 1.0, 2.0], [0.5, 1.5, 2.5]]
    >>> quality(x, x, np.ones((2, 3))), quality(x, x, 0.1 * np.ones((2, 3)))
    (0.0, 0.0)
    >>> round(quality(x, [[0, 1, 2], [1.5, 2.5, 3.5]], np.ones((2, 3))), 3)
    0.667
    """
    x, y, dy = np.broadcast_arrays(
        *(filled(name, v, 2) for name, v in (("x", x), ("y", y), ("dy", dy)))
    )
    there = ~(np.isnan(x) | np.isnan(y) | np.isnan(dy))
    if np.any(dy[there] <= 0.0):
        raise ValueError(f"dy must be > 0; the least is {dy[there].min():.6g}")
    rows = [
        np.flatnonzero(row)[np.argsort(x[i, row], kind="stable")] for i, row in enumerate(there)
    ]
    order = np.concatenate([row + i * x.shape[1] for i, row in enumerate(rows)]).astype(np.int64)
    edges = np.concatenate([[0], np.cumsum([row.size for row in rows])]).astype(np.int64)
    flat = (np.ascontiguousarray(v.ravel()[order]) for v in (x, y, dy))
    return float(kernels.quality(*flat, edges, np.zeros(len(rows), np.int64)))
