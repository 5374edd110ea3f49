"""Averages over the separation of a pair whose ends move at random: what flatness and blurred curvature share."""

import math

import numpy as np

_HALF_WIDTH = 10.0  # in units of s; the density beyond it is below 1e-18 of its peak
_NODES = 64


def lifted(r, s):
    """Separations away from 0, where the density below has its limit: it differs by 1e-16."""
    return np.maximum(r, 1e-8 * s)


def shell_average(value, r, kink, s, dim):
    """Average of value(u) over u = (rho - r)/s, rho = |r e + s z|, z standard Gaussian in `dim` dimensions.

    By Gauss-Legendre, one panel on either side of rho = kink.

    Parameters
    ----------
    value : function
        Takes u, shape (m, nodes), and returns its value there, in the same shape; smooth but at the
        kink.
    r, kink : arrays (m,)
        Separation before, > 0 (see `lifted`), and separation at which `value` may have a kink.
    s : float
        Standard deviation of a separation on every axis, sqrt(2) sigma.
    dim : int
        Dimension.

    Returns
    -------
    array (m,)
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    low, high = np.maximum(-r / s, -_HALF_WIDTH), np.full_like(r, _HALF_WIDTH)
    middle = np.clip((kink - r) / s, low, high)
    total = np.zeros_like(r)
    for a, b in ((low, middle), (middle, high)):
        half = 0.5 * (b - a)
        u = (a + half)[:, None] + half[:, None] * nodes
        total += half * np.sum(value(u) * density(u, r[:, None] / s, dim) * weights, axis=1)
    return total


def density(u, start, dim):
    """Density of u = |start e + z| - start, z standard Gaussian in `dim` dimensions."""
    order = 0.5 * dim - 1.0
    end = start + u
    if dim == 3:  # the Bessel function of order 1/2 is elementary
        return (
            end
            / start
            * -np.expm1(-2.0 * start * end)
            * np.exp(-0.5 * u * u)
            / math.sqrt(2.0 * math.pi)
        )
    return end * (end / start) ** order * _scaled_bessel(order, start * end) * np.exp(-0.5 * u * u)


def _scaled_bessel(order, x):
    """exp(-x) I_order(x), by three terms of its expansion where x > 1e6 (relative error below 1e-17)."""
    from scipy.special import ive

    large = np.maximum(x, 1e6)
    square = 4.0 * order * order
    first = (square - 1.0) / (8.0 * large)
    second = first * (square - 9.0) / (16.0 * large)
    expansion = (1.0 - first + second) / np.sqrt(2.0 * np.pi * large)
    return np.where(x > 1e6, expansion, ive(order, np.minimum(x, 1e6)))
