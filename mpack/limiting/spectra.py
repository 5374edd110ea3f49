"""What a mode sounds like: its phase a step, the power spectrum of its position, and where that peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from mpack import _check
from mpack._types import FloatOrArray
from mpack.limiting import _recursion


def phase_per_step(
    eta: float, beta: float, h: ArrayLike, *, form: str = "discrete"
) -> FloatOrArray:
    """Angle in radians by which a mode of curvature h turns in one step; nan where it does not oscillate.

    Discrete: arccos[(1 + beta - eta h)/(2 sqrt(beta))], the argument of the eigenvalues of
    `step_matrix`. Langevin: eta sqrt(omega^2 - gamma^2), gamma = (1 - beta)/[eta (1 + beta)],
    omega^2 = 2 h/[eta (1 + beta)].

    Parameters
    ----------
    eta, beta : float
        Learning rate and momentum.
    h : array_like
        Curvatures, of any shape.
    form : str
        "discrete": of the recursion. "langevin": of the continuous equation.

    Returns
    -------
    float or ndarray
        In (0, pi), of the shape of h.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range, or `form` has another value.

    Notes
    -----
    Kunin et al., Neural Computation 36, 151 (2024); the discrete form as in Goh, Distill (2017).

    Examples
    --------
    >>> from mpack import limiting
    >>> round(float(limiting.phase_per_step(1.0, 0.81, 1.81)), 6)  # a quarter of a turn
    1.570796
    """
    eta, beta = _recursion.learning_rate(eta), _recursion.momentum(beta)
    h = _check.reals("h", h, -1e100, 1e100)
    if _check.choice("form", form, ("discrete", "langevin")) == "langevin":
        gamma, omega2 = (1.0 - beta) / (1.0 + beta), 2.0 * eta * h / (1.0 + beta)
        square = omega2 - gamma**2
        return np.sqrt(np.where(square > 0.0, square, np.nan))[()]
    half = (1.0 + beta - eta * h) / 2.0  # the real part of the eigenvalues, if they are complex
    return np.arccos(np.where(half**2 < beta, half, np.nan) / np.sqrt(beta or 1.0))[()]


@_check.sound
def position_spectrum(
    omega: ArrayLike, eta: float, beta: float, h: ArrayLike, noise_variance: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Power spectrum of the position of a mode in stationarity, exactly for the recursion.

    theta_(k+1) = phi_1 theta_k - beta theta_(k-1) - eta xi_k with phi_1 = 1 + beta - eta h has
    S(omega) = eta^2 noise_variance/|1 - phi_1 exp(-i omega) + beta exp(-2 i omega)|^2, two-sided:
    its mean over -pi < omega < pi is the variance of theta. Only the noise's having no memory
    matters, neither its shape nor whether it depends on theta.

    Parameters
    ----------
    omega : array_like, shape (m,)
        Angles a step.
    eta, beta : float
    h, noise_variance : array_like, shape (d,)
        Curvatures in (0, 2 (1 + beta)/eta), and the variance of the mini-batch gradient along them.

    Returns
    -------
    ndarray, shape (d, m); (m,) for one h

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range: there is no stationary state elsewhere.

    Notes
    -----
    Box and Jenkins, Time Series Analysis (1970), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import limiting
    >>> omega = np.linspace(-np.pi, np.pi, 4096, endpoint=False)
    >>> model = limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=1, spectrum=[2.0])
    >>> power = limiting.position_spectrum(omega, 0.1, 0.5, 2.0, 2.0)
    >>> round(float(power.mean() / model.stationary().position[0]), 9)
    1.0
    """
    eta, beta, own = _stable(eta, beta, h)
    turn = np.exp(-1j * _check.array("omega", np.atleast_1d(omega), ("angles",), empty=False))
    noise = _check.reals("noise_variance", noise_variance, 0.0)
    if noise.shape not in ((), own.shape):
        raise ValueError(
            f"noise_variance must be one number or have the shape of h, {own.shape}; got {noise.shape}"
        )
    phi = 1.0 + beta - eta * own[..., None]
    size2 = np.abs(1.0 - phi * turn + beta * turn**2) ** 2
    return eta**2 * noise[..., None] / size2


def spectral_peak(eta: float, beta: float, h: ArrayLike) -> FloatOrArray:
    """Angle a step at which `position_spectrum` is largest; 0 where it falls from the start.

    cos omega = (1 + beta)(1 + beta - eta h)/(4 beta): a little below `phase_per_step`, as the
    resonance of every damped oscillator, and towards it as beta goes to 1. A mode that barely
    oscillates has no peak.

    Parameters
    ----------
    eta, beta : float
    h : array_like
        Curvatures in (0, 2 (1 + beta)/eta).

    Returns
    -------
    float or ndarray
        In [0, pi], of the shape of h.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> from mpack import limiting
    >>> float(limiting.spectral_peak(0.1, 0.0, 1.0))  # no momentum
    0.0
    >>> round(float(limiting.spectral_peak(0.1, 0.9, 2.0)), 4)
    0.4574
    """
    eta, beta, own = _stable(eta, beta, h)
    cosine = (1.0 + beta) * (1.0 + beta - eta * own) / max(4.0 * beta, 1e-300)
    return np.arccos(np.clip(cosine, -1.0, 1.0))[()]


@_check.sound
def measured_spectrum(
    walk: ArrayLike, segment: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power spectra of stationary runs by Welch's method: half-overlapping segments under a Hann window.

    Two-sided, as `position_spectrum`. A segment is long enough when a peak is wider than 2
    pi/segment. Each segment is measured from its own mean; the window carries what that takes away
    into the first frequency, which is left out, and no further.

    Parameters
    ----------
    walk : array_like, shape (..., steps, d)
        Positions of consecutive steps.
    segment : int
        Steps, 6 <= segment <= steps; even.

    Returns
    -------
    omega : ndarray, shape (segment/2 - 2,)
        Angles a step, 2 pi j/segment for j from 2 to segment/2 - 1.
    power : ndarray, shape (..., d, segment/2 - 2)

    Raises
    ------
    TypeError, ValueError
        If `walk` has too few axes or steps, or the segment is odd.

    Notes
    -----
    Welch, IEEE Trans. Audio Electroacoust. 15, 70 (1967); `scipy.signal.welch`.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import limiting
    >>> turning = np.cos(2 * np.pi * np.arange(640) / 16)[:, None]
    >>> omega, power = limiting.measured_spectrum(turning, 64)
    >>> float(omega[power[0].argmax()]) == 2 * np.pi / 16
    True
    """
    walk = _check.reals("walk", walk)
    if walk.ndim < 2:
        raise ValueError(f"walk must have axes for steps and directions; got shape {walk.shape}")
    segment = _check.integer("segment", segment, 6, walk.shape[-2])
    if segment % 2:
        raise ValueError(f"segment must be even; got {segment}")
    power = signal.welch(walk, nperseg=segment, axis=-2, return_onesided=False)[1]
    half = np.arange(2, segment // 2)
    return 2.0 * np.pi * half / segment, np.swapaxes(power, -1, -2)[..., half]


def highest(omega: ArrayLike, power: ArrayLike) -> float:
    """Where a measured power spectrum peaks: the top of a parabola through the logarithm of what is above half.

    The parabola is fitted to ln power at the frequencies around the largest value at which the
    power stays above half of it. Compare it with what it makes of `position_spectrum` at the same
    frequencies.

    Parameters
    ----------
    omega : array_like, shape (m,)
        Frequencies, increasing.
    power : array_like, shape (m,)
        > 0.

    Returns
    -------
    float
        `omega[0]` if the spectrum is largest there or the parabola has no top within: no peak.

    Raises
    ------
    TypeError, ValueError
        If the arrays have other shapes, or power is not > 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import limiting
    >>> omega = np.linspace(0.1, 1.0, 46)
    >>> round(limiting.highest(omega, np.exp(-20 * (omega - 0.437) ** 2)), 6)
    0.437
    """
    omega = _check.array("omega", omega, (None,))
    power = _check.array("power", power, omega.shape)
    if omega.size < 3 or np.any(np.diff(omega) <= 0.0) or power.min() <= 0.0:
        raise ValueError("omega must hold at least 3 increasing frequencies, and power be > 0")
    top = int(power.argmax())
    low = high = top
    while low > 0 and power[low - 1] > 0.5 * power[top]:
        low -= 1
    while high < omega.size - 1 and power[high + 1] > 0.5 * power[top]:
        high += 1
    low, high = min(low, top - 1), max(high, top + 1)
    if low < 0 or high >= omega.size:
        return float(omega[top])
    near = slice(low, high + 1)
    a, b, _ = np.polyfit(omega[near] - omega[top], np.log(power[near]), 2)
    if a >= 0.0:
        return float(omega[0])
    return float(np.clip(omega[top] - b / (2.0 * a), omega[low], omega[high]))


def _stable(eta: float, beta: float, h: ArrayLike) -> tuple[float, float, NDArray[np.float64]]:
    """Checked, with h an array whose every element has a stationary state."""
    eta, beta = _recursion.learning_rate(eta), _recursion.momentum(beta)
    h = _check.reals("h", h, -1e100, 1e100)
    if not h.size:
        raise ValueError("h must hold one curvature at least; it is empty")
    if not np.all((eta * h > 0.0) & (eta * h < 2.0 * (1.0 + beta))):
        raise ValueError(
            f"h must lie in (0, {2.0 * (1.0 + beta) / eta:.6g}) for a stationary state; got {h}"
        )
    return eta, beta, h
