"""One mode: the propagator in continuous time, and the matrix of a step.

Arrays of any shape; the last two axes of a matrix are (theta, v).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check


@_check.sound
def propagator(t: ArrayLike, gamma: ArrayLike, omega2: ArrayLike) -> NDArray[np.float64]:
    """exp(-A t) of one mode of curvature h, [[0, -1], [omega2, 2 gamma]] = A, in closed form.

    Underdamped, with delta = sqrt(omega2 - gamma^2) and S = exp(-gamma t) sin(delta t)/delta: [[C +
    gamma S, S], [-omega2 S, C - gamma S]], C = exp(-gamma t) cos(delta t). Critical damping (S = t
    exp(-gamma t)) and overdamping (sinh, cosh) are its limits, and the result is continuous across
    them: no case is singular.

    Parameters
    ----------
    t, gamma, omega2 : array_like
        Time >= 0 (eta times steps), damping rate >= 0, squared frequency >= 0; they broadcast.

    Returns
    -------
    ndarray, shape (..., 2, 2)
        Exact to rounding; derived in the chapter on limiting dynamics.

    Examples
    --------
    >>> from mpack import limiting
    >>> limiting.propagator(0.0, gamma=0.1, omega2=1.0)[0].tolist()
    [1.0, 0.0]
    """
    given = {"t": t, "gamma": gamma, "omega2": omega2}
    checked = [_check.reals(name, value, 0.0) for name, value in given.items()]
    try:
        t, gamma, omega2 = np.broadcast_arrays(*checked)
    except ValueError:
        shapes = [value.shape for value in checked]
        raise ValueError(
            f"t, gamma and omega2 must have shapes that broadcast; got {shapes}"
        ) from None
    delta2 = omega2 - gamma * gamma
    under = delta2 > 0.0
    delta = np.sqrt(np.where(under, delta2, 0.0))
    decay = np.exp(-gamma * t)
    sine = decay * t * np.sinc(delta * t / np.pi)
    cosine = decay * np.cos(delta * t)
    # Overdamped: slow rate a = gamma - s without cancellation, fast rate gamma + s.
    s = np.sqrt(np.where(under, 0.0, -delta2))
    fast = gamma + s
    slow = np.divide(omega2, fast, out=np.zeros_like(fast), where=fast > 0.0)
    late = np.exp(-fast * t)
    sinh = t * np.exp(-slow * t) * _one_minus_exp_over(2.0 * s * t)
    S = np.where(under, sine, sinh)
    result = np.empty(t.shape + (2, 2))
    result[..., 0, 0] = np.where(under, cosine + gamma * sine, late + fast * sinh)
    result[..., 0, 1] = S
    result[..., 1, 0] = -omega2 * S
    result[..., 1, 1] = np.where(under, cosine - gamma * sine, late - slow * sinh)
    return result


def _one_minus_exp_over(x):
    """(1 - exp(-x))/x for x >= 0, 1 at x = 0."""
    safe = np.where(x > 0.0, x, 1.0)
    return np.where(x > 0.0, -np.expm1(-safe) / safe, 1.0)


@_check.sound
def step_matrix(eta: float, beta: float, h: ArrayLike) -> NDArray[np.float64]:
    """One step of SGD with momentum on a mode of curvature h, without its noise: (theta, v)' = M (theta, v).

    M = [[1 - eta h, eta beta], [-h, beta]], shape (..., 2, 2); the noise xi of the gradient enters
    as -(eta, 1) xi. Its eigenvalues have product beta and sum 1 + beta - eta h: stable for 0 < eta
    h < 2 (1 + beta), oscillating for (1 - sqrt(beta))^2 < eta h < (1 + sqrt(beta))^2.

    Examples
    --------
    >>> from mpack import limiting
    >>> limiting.step_matrix(eta=0.5, beta=0.5, h=1.0).tolist()
    [[0.5, 0.25], [-1.0, 0.5]]
    """
    eta, beta, h = _check.number("eta", eta), _check.number("beta", beta), _check.reals("h", h)
    M = np.empty(h.shape + (2, 2))
    M[..., 0, 0] = 1.0 - eta * h
    M[..., 0, 1] = eta * beta
    M[..., 1, 0] = -h
    M[..., 1, 1] = beta
    return M
