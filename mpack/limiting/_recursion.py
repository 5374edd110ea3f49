"""The arithmetic of a linear recursion on many modes at once, and the checks of its parameters.

Arrays of any shape; the last two axes of a matrix are (theta, v).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check


def doubling(P, k):
    """P^k and T_k = sum over l < k of (k - l) P^l for int k >= 0, by doubling: no subtraction, so no
    cancellation.

    With G_k = P^0 + ... + P^(k-1): T_k = G_1 + ... + G_k, G_2m = G_m + P^m G_m, T_2m = T_m + m G_m
    + P^m T_m.
    """
    power = np.broadcast_to(np.eye(2), P.shape)
    G, T, m = np.zeros_like(P), np.zeros_like(P), 0
    for digit in bin(k)[2:]:
        power, G, T, m = (
            product(power, power),
            G + product(power, G),
            T + m * G + product(power, T),
            2 * m,
        )
        if digit == "1":
            G = G + power
            power, T, m = product(power, P), T + G, m + 1
    return power, T


def noise_sum(M, N, k):
    """Covariance after int k >= 0 steps of z' = M z + noise of covariance N, from a known start; shapes (...,
    2, 2).
    """
    power = np.broadcast_to(np.eye(2), M.shape)
    C = np.zeros_like(M)
    for digit in bin(k)[2:]:
        C, power = C + product(product(power, C), transpose(power)), product(power, power)
        if digit == "1":
            C, power = product(product(M, C), transpose(M)) + N, product(power, M)
    return C


def from_velocities(eta, P, moments, k):
    """eta^2 E(v_1 + ... + v_k)^2 with E v_l v_0 = [P^l C]_22, per mode."""
    _, T = doubling(P, k)
    both = T[..., 1, 0] * moments.cross + T[..., 1, 1] * moments.velocity
    return eta**2 * (2.0 * both - k * moments.velocity)


def product(X, Y):
    """X @ Y for stacks of 2 x 2 matrices, entry by entry: many times faster than numpy's loop over small
    products.
    """
    result = np.empty(np.broadcast_shapes(X.shape, Y.shape))
    for a in (0, 1):
        for b in (0, 1):
            result[..., a, b] = X[..., a, 0] * Y[..., 0, b] + X[..., a, 1] * Y[..., 1, b]
    return result


def transpose(M):
    return np.swapaxes(M, -1, -2)


def learning_rate(eta):
    return _check.number("eta", eta, 1e-100, 1e100)  # its square is a double


def momentum(beta):
    return _check.number("beta", beta, 0.0, 1.0, open_high=True)


def whole_steps(name: str, k: ArrayLike) -> NDArray[np.int64]:
    """k as a 1-D array of int64 >= 0."""
    array = np.atleast_1d(np.asarray(k))
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be an integer or a 1-D array of integers; got {k!r}")
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must be >= 0; got {int(array.min())}")
    if array.size and array.max() >= 2**63:
        raise ValueError(f"{name} must be < 2**63; got {int(array.max())}")
    return array.astype(np.int64)


def times(t: ArrayLike) -> NDArray:
    t = _check.real("t", t, "a finite number >= 0 or a 1-D array of such")
    if t.ndim > 1 or not np.all(np.isfinite(t)) or np.any(t < 0.0):
        raise ValueError(f"t must be a finite number >= 0 or a 1-D array of such; got {t!r}")
    return t
