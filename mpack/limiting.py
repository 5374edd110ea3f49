"""The limiting dynamics of SGD: what stochastic gradient descent does after it has converged.

Stochastic gradient descent with momentum on linear regression, as an underdamped Langevin equation
and as the exact recursion it is. Source: Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka,
Ganguli, Yamins, "The limiting dynamics of SGD: modified loss, phase-space oscillations, and
anomalous diffusion", Neural Computation 36, 151 (2024), arXiv:2107.09133; the discrete results are
derived in the chapter and checked in the tests.

Convention (Kunin et al.): v' = beta v - g_B(theta), theta' = theta + eta v', time t = eta k after k
steps. Parameters, losses and gradients are dimensionless. One mode is an eigenvector of the Hessian
H.

    LinearRegressionSGD     everything known in closed form about one choice of hyperparameters
    regression_data         a data set whose Hessian and gradient noise are known to rounding
    run_regression          an ensemble of real mini-batch runs
    linear_displacement     mean-square displacement for measured curvatures and noise (a network)
    anomalous_exponent      the exponent of a mean-square displacement, with its error
    autoregression          momentum and curvature read off a stationary run
    discriminant            whether a mode oscillates, measured
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gamma as gamma_function

from mpack import _check, statistics
from mpack._kernels import noise, regression
from mpack._repr import short_repr
from mpack._types import FloatOrArray
from mpack.statistics import Estimate

_DATA_BLOCK = np.uint64(2**31)  # noise blocks from here on never meet a batch


# ------------------------------------------------------------------------------------------------------------
# One mode: the building blocks. Arrays of any shape; the last two axes of a matrix are (theta, v).


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
    t, gamma, omega2 = np.broadcast_arrays(
        *(np.asarray(value, float) for value in (t, gamma, omega2))
    )
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
    h = np.asarray(h, float)
    M = np.empty(h.shape + (2, 2))
    M[..., 0, 0] = 1.0 - eta * h
    M[..., 0, 1] = eta * beta
    M[..., 1, 0] = -h
    M[..., 1, 1] = beta
    return M


def _doubling(P, k):
    """P^k and T_k = sum over l < k of (k - l) P^l for int k >= 0, by doubling: no subtraction, so no
    cancellation.

    With G_k = P^0 + ... + P^(k-1): T_k = G_1 + ... + G_k, G_2m = G_m + P^m G_m, T_2m = T_m + m G_m
    + P^m T_m.
    """
    power = np.broadcast_to(np.eye(2), P.shape)
    G, T, m = np.zeros_like(P), np.zeros_like(P), 0
    for digit in bin(k)[2:]:
        power, G, T, m = _mul(power, power), G + _mul(power, G), T + m * G + _mul(power, T), 2 * m
        if digit == "1":
            G = G + power
            power, T, m = _mul(power, P), T + G, m + 1
    return power, T


def _noise_sum(M, N, k):
    """Covariance after int k >= 0 steps of z' = M z + noise of covariance N, from a known start; shapes (...,
    2, 2).
    """
    power = np.broadcast_to(np.eye(2), M.shape)
    C = np.zeros_like(M)
    for digit in bin(k)[2:]:
        C, power = C + _mul(_mul(power, C), _T(power)), _mul(power, power)
        if digit == "1":
            C, power = _mul(_mul(M, C), _T(M)) + N, _mul(power, M)
    return C


def _mul(X, Y):
    """X @ Y for stacks of 2 x 2 matrices, entry by entry: many times faster than numpy's loop over small
    products.
    """
    result = np.empty(np.broadcast_shapes(X.shape, Y.shape))
    for a in (0, 1):
        for b in (0, 1):
            result[..., a, b] = X[..., a, 0] * Y[..., 0, b] + X[..., a, 1] * Y[..., 1, b]
    return result


def _T(M):
    return np.swapaxes(M, -1, -2)


def _learning_rate(eta):
    return _check.number("eta", eta, 0.0, open_low=True)


def _momentum(beta):
    return _check.number("beta", beta, 0.0, 1.0, open_high=True)


def _steps(name: str, k: ArrayLike) -> NDArray[np.int64]:
    """k as a 1-D array of int64 >= 0."""
    array = np.atleast_1d(np.asarray(k))
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be an integer or a 1-D array of integers; got {k!r}")
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must be >= 0; got {int(array.min())}")
    return array.astype(np.int64)


def _time(t: ArrayLike) -> NDArray:
    t = np.asarray(t, float)
    if t.ndim > 1 or not np.all(np.isfinite(t)) or np.any(t < 0.0):
        raise ValueError(f"t must be a finite number >= 0 or a 1-D array of such; got {t!r}")
    return t


# ------------------------------------------------------------------------------------------------------------
# One choice of hyperparameters


@dataclasses.dataclass(frozen=True)
class Stationary:
    """Stationary second moments mode by mode, each of shape (d,): E theta_i^2, E v_i^2, E theta_i v_i (about
    z*).

    Examples
    --------
    >>> import mpack
    >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
    >>> moments = model.stationary(discrete=False)
    >>> moments.position.tolist(), moments.cross.tolist()
    ([0.025, 0.025], [0.0, 0.0])
    """

    position: np.ndarray
    velocity: np.ndarray
    cross: np.ndarray

    __repr__ = short_repr


@dataclasses.dataclass(frozen=True, eq=False)
class LinearRegressionSGD:
    """SGD with momentum near the optimum of a linear regression, solved.

    The loss is L(theta) = <(x . theta - y)^2>/2 + weight_decay |theta|^2/2 with Hessian H +
    weight_decay, H = <x x^T>. A batch of `batch_size` samples, drawn with replacement, gives a
    gradient of covariance sigma^2 H / batch_size.

    Parameters
    ----------
    eta : float
        Learning rate, > 0.
    beta : float
        Momentum, in [0, 1).
    batch_size : int
        S >= 1.
    spectrum : array_like, shape (d,)
        Eigenvalues rho_i >= 0 of H, when H is diagonal. Give this or `hessian`.
    hessian : array_like, shape (d, d)
        H, symmetric and positive semidefinite.
    sigma : float
        Root mean square of the residuals y - x . theta at the optimum, > 0.
    weight_decay : float
        lambda >= 0.
    optimum : array_like, shape (d,), optional
        mu, where the loss is least; zero by default.

    Attributes
    ----------
    rho, h : ndarray, shape (d,)
        Eigenvalues of H, and curvatures h = rho + weight_decay.
    modes : ndarray, shape (d, d)
        Eigenvectors of H as columns. Methods that speak of modes use this order.
    dim : int
        Number of parameters d.
    gamma : float
        Damping rate (1 - beta)/(eta (1 + beta)) per unit of t.
    omega2 : ndarray, shape (d,)
        Squared frequency 2 h/(eta (1 + beta)).
    kappa : float
        batch_size (1 - beta^2)/sigma^2: inverse temperature of the velocities.

    Raises
    ------
    TypeError, ValueError
        With name, value and range: beta outside [0, 1), batch_size < 1, weight_decay < 0, a Hessian
        that is not symmetric or not positive semidefinite, NaN anywhere, and a learning rate for
        which the recursion is unstable, eta max(h) >= 2 (1 + beta).

    Notes
    -----
    Langevin equation: dtheta = v dt, dv = -c [(H + lambda)(theta - mu) + (1 - beta) v] dt
    + [2/(sqrt(eta S) (1 + beta))] sigma sqrt(H) dW with c = 2/(eta (1 + beta)); in one line,
    dz = -A (z - z*) dt + sqrt(2 D/kappa) dW with z = (theta, v), z* = (mu, 0).
    Source: Kunin et al. (2024).

    Examples
    --------
    >>> import mpack
    >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
    >>> model.dim, round(model.kappa, 6), model.oscillates().tolist()
    (2, 3.0, [True, True])
    >>> model.propagator(0.0).shape, model.mode_propagator(0.0).shape
    ((4, 4), (2, 2, 2))
    >>> model.mean([0.0, 2.0], theta0=[1.0, 1.0]).round(3).tolist()
    [[1.0, 1.0, 0.0, 0.0], [-0.001, 0.001, -0.002, -0.009]]
    >>> model.covariance(2.0).shape, bool(model.density([0.0, 0.0, 0.0, 0.0]) > 0)
    ((4, 4), True)
    >>> model.current([0.1, 0.0, 0.0, 0.0]).shape
    (4,)
    """

    eta: float
    beta: float
    batch_size: int
    spectrum: ArrayLike | None = None
    hessian: ArrayLike | None = None
    sigma: float = 1.0
    weight_decay: float = 0.0
    optimum: Any = None  # array_like or None as given, an array from then on
    rho: NDArray[np.float64] = dataclasses.field(init=False, repr=False)
    h: NDArray[np.float64] = dataclasses.field(init=False, repr=False)
    gamma: float = dataclasses.field(init=False, repr=False)
    omega2: NDArray[np.float64] = dataclasses.field(init=False, repr=False)
    kappa: float = dataclasses.field(init=False, repr=False)
    _modes: NDArray[np.float64] | None = dataclasses.field(init=False, repr=False)

    __repr__ = short_repr

    def __post_init__(self):
        put = lambda name, value: object.__setattr__(self, name, value)
        put("eta", _learning_rate(self.eta))
        put("beta", _momentum(self.beta))
        put("batch_size", _check.integer("batch_size", self.batch_size, 1))
        put("sigma", _check.number("sigma", self.sigma, 0.0, open_low=True))
        put("weight_decay", _check.number("weight_decay", self.weight_decay, 0.0))
        rho, modes = _eigenmodes(self.spectrum, self.hessian)
        put("rho", rho)
        put("_modes", modes)  # None for the unit matrix, which a long spectrum could not afford
        put("h", rho + self.weight_decay)
        mu = np.zeros(rho.size) if self.optimum is None else self.optimum
        put("optimum", _check.array("optimum", mu, (rho.size,)))
        if self.eta * self.h.max() >= 2.0 * (1.0 + self.beta):
            raise ValueError(
                f"eta must be below 2 (1 + beta)/max(h) = {2.0 * (1.0 + self.beta) / self.h.max():.6g}, "
                f"or the steepest mode is unstable; got {self.eta}"
            )
        put("gamma", (1.0 - self.beta) / (self.eta * (1.0 + self.beta)))
        put("omega2", 2.0 * self.h / (self.eta * (1.0 + self.beta)))
        put("kappa", self.batch_size * (1.0 - self.beta**2) / self.sigma**2)

    @property
    def dim(self) -> int:
        """Number of parameters d."""
        return self.rho.size

    @property
    def modes(self) -> NDArray[np.float64]:
        """Eigenvectors of H as columns, shape (d, d), in the order of `rho`."""
        return np.eye(self.dim) if self._modes is None else self._modes

    def _to_modes(self, x):
        return x if self._modes is None else x @ self._modes

    def _from_modes(self, x):
        return x if self._modes is None else x @ self._modes.T

    # -- matrices of the Langevin equation, (2d, 2d), in the coordinates of the caller
    # ---------------------------

    def _blocks(self, upper_left, upper_right, lower_left, lower_right):
        E = self.modes
        full = [
            (E * np.broadcast_to(diagonal, self.dim)) @ E.T
            for diagonal in (upper_left, upper_right, lower_left, lower_right)
        ]
        return np.block([full[:2], full[2:]])

    @property
    def _c(self):
        return 2.0 / (self.eta * (1.0 + self.beta))

    @property
    def A(self) -> NDArray[np.float64]:
        """Drift matrix [[0, -I], [c (H + lambda), c (1 - beta) I]], shape (2d, 2d)."""
        return self._blocks(0.0, -1.0, self.omega2, 2.0 * self.gamma)

    @property
    def D(self) -> NDArray[np.float64]:
        """Diffusion matrix diag(0, c (1 - beta) H), shape (2d, 2d); the noise has covariance 2 D/kappa per
        unit t.
        """
        return self._blocks(0.0, 0.0, 0.0, 2.0 * self.gamma * self.rho)

    @property
    def Q(self) -> NDArray[np.float64]:
        """Antisymmetric part [[0, -H], [H, 0]] of the flow: A = (D + Q) U. Shape (2d, 2d)."""
        return self._blocks(0.0, -self.rho, self.rho, 0.0)

    @property
    def B(self) -> NDArray[np.float64]:
        """kappa times the stationary covariance: diag(H (H + lambda)^-1/c, H), shape (2d, 2d). A B + B A^T =
        2 D.
        """
        return self._blocks(self._occupation() / self._c, 0.0, 0.0, self.rho)

    @property
    def U(self) -> NDArray[np.float64]:
        """Inverse of B, the curvature of the modified loss, shape (2d, 2d). ValueError if some rho is 0."""
        self._forbid_flat("U")
        return self._blocks(self._c * self.h / self.rho, 0.0, 0.0, 1.0 / self.rho)

    def _occupation(self):
        """rho/(rho + lambda), and 0 for a mode that is never kicked (rho = 0)."""
        return np.divide(self.rho, self.h, out=np.zeros(self.dim), where=self.rho > 0.0)

    def _forbid_flat(self, name):
        if self.rho.min() <= 0.0:
            raise ValueError(
                f"{name} needs every eigenvalue of H to be > 0; the least is {self.rho.min():g}"
            )

    # -- from the start to stationarity
    # -------------------------------------------------------------------------

    def _assemble(self, P):
        """(..., d, 2, 2) in modes -> (..., 2d, 2d) in the coordinates of the caller."""
        E = self.modes
        block = [[(E * P[..., None, :, a, b]) @ E.T for b in (0, 1)] for a in (0, 1)]
        return np.concatenate([np.concatenate(row, axis=-1) for row in block], axis=-2)

    def mode_propagator(self, t: ArrayLike) -> NDArray[np.float64]:
        """exp(-A t) mode by mode, shape t.shape + (d, 2, 2); see `propagator`."""
        return propagator(_time(t)[..., None], self.gamma, self.omega2)

    def propagator(self, t: ArrayLike) -> NDArray[np.float64]:
        """exp(-A t), shape t.shape + (2d, 2d). t >= 0: a number or a 1-D array, eta times steps."""
        return self._assemble(self.mode_propagator(t))

    def mean(
        self, t: ArrayLike, theta0: ArrayLike, v0: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """E z_t = z* + exp(-A t)(z_0 - z*), shape t.shape + (2d,).

        theta0, v0 : (d,), v0 = 0 by default. The recursion with v_0 = 0 is met to second order in
        eta by reading positions at t = eta (k + 1/2) and velocities at t = eta k: v_k is the slope
        between steps k - 1 and k.
        """
        return self._centre + self.propagator(t) @ (self._phase(theta0, v0) - self._centre)

    def covariance(self, t: ArrayLike) -> NDArray[np.float64]:
        """Cov z_t = [B - exp(-A t) B exp(-A^T t)]/kappa from a known start, shape t.shape + (2d, 2d)."""
        P, B = self.mode_propagator(t), self._mode_B()
        return self._assemble((B - P @ B @ _T(P)) / self.kappa)

    def discrete_mean(
        self, k: ArrayLike, theta0: ArrayLike, v0: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """E z_k of the recursion itself, exactly, shape (len(k), 2d). k: int or 1-D array of ints >= 0.

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.discrete_mean([0, 1], theta0=[1.0, 1.0]).round(12).tolist()
        [[1.0, 1.0, 0.0, 0.0], [0.9, 0.8, -1.0, -2.0]]
        """
        z0 = self._phase(theta0, v0) - self._centre
        powers = np.stack([_doubling(self._M, int(step))[0] for step in _steps("k", k)])
        return self._centre + self._assemble(powers) @ z0

    def discrete_covariance(self, k: ArrayLike) -> NDArray[np.float64]:
        """Cov z_k of the recursion from a known start, exactly, shape (len(k), 2d, 2d): sum of M^j N M^jT, j
        < k.

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.discrete_covariance(1)[0].diagonal().round(12).tolist()
        [0.0025, 0.005, 0.25, 0.5]
        """
        return self._assemble(
            np.stack([_noise_sum(self._M, self._N, int(step)) for step in _steps("k", k)])
        )

    @property
    def _M(self):
        return step_matrix(self.eta, self.beta, self.h)

    @property
    def _N(self):
        kick = np.array([self.eta, 1.0])
        return (self.sigma**2 * self.rho / self.batch_size)[:, None, None] * np.outer(kick, kick)

    @property
    def _centre(self):
        return np.concatenate([self.optimum, np.zeros(self.dim)])

    def _phase(self, theta0, v0):
        v0 = np.zeros(self.dim) if v0 is None else v0
        return np.concatenate(
            [_check.array("theta0", theta0, (self.dim,)), _check.array("v0", v0, (self.dim,))]
        )

    def _mode_B(self):
        B = np.zeros((self.dim, 2, 2))
        B[:, 0, 0], B[:, 1, 1] = self._occupation() / self._c, self.rho
        return B

    # -- stationarity
    # -------------------------------------------------------------------------------------------

    def stationary(self, *, discrete: bool = True) -> Stationary:
        """Stationary second moments of every mode, as a `Stationary`.

        Langevin: var theta = eta sigma^2 rho/[2 S (1 - beta)(rho + lambda)], var v = sigma^2 rho/[S
        (1 - beta^2)], no correlation. Discrete: both divided by 1 - eta h/(2 (1 + beta)), and E
        theta v = eta var v/2, because theta_k - theta_(k-1) = eta v_k. A mode with rho = 0 is never
        kicked and has 0.

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.stationary().velocity.round(4).tolist()
        [0.3448, 0.7143]
        """
        position = (
            self.eta
            * self.sigma**2
            * self._occupation()
            / (2.0 * self.batch_size * (1.0 - self.beta))
        )
        velocity = self.rho / self.kappa
        if not discrete:
            return Stationary(position, velocity, np.zeros(self.dim))
        boost = 1.0 / (1.0 - self.eta * self.h / (2.0 * (1.0 + self.beta)))
        return Stationary(position * boost, velocity * boost, 0.5 * self.eta * velocity * boost)

    def minibatch_factor(self) -> NDArray[np.float64]:
        """By how much real mini-batches of Gaussian inputs enlarge every stationary second moment, shape
        (d,).

        Away from the optimum a sample's gradient x (x . dtheta - r) also fluctuates through x x^T
        dtheta; for Gaussian x its covariance is sigma^2 H + H Tr(H C) + H C H, C = Cov theta. The
        factor of mode i is (1 + T/sigma^2)/(1 - a_i rho_i), with a_i = var theta_i/sigma^2
        (discrete), u_i = rho_i a_i/(1 - a_i rho_i) and T/sigma^2 = sum u/(1 - sum u); exact for
        fresh Gaussian inputs, to first order 1 + var theta (Tr H + rho_i)/sigma^2. inf where no
        stationary state exists (sum u >= 1).

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.minibatch_factor().round(3).tolist()
        [1.12, 1.152]
        """
        a = self.stationary().position / self.sigma**2
        own = 1.0 - a * self.rho
        total = np.sum(a * self.rho / own) if own.min() > 0.0 else np.inf
        if total >= 1.0:
            return np.full(self.dim, np.inf)
        return (1.0 + total / (1.0 - total)) / own

    def loss(self, theta: ArrayLike) -> FloatOrArray:
        """Training loss above its least value, (theta - mu)(H + lambda)(theta - mu)/2; theta (..., d).

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.loss([1.0, 1.0]).tolist()
        1.5
        """
        x = (
            _check.array("theta", theta, (None,) * (np.ndim(theta) - 1) + (self.dim,))
            - self.optimum
        )
        return 0.5 * np.sum(self.h * self._to_modes(x) ** 2, axis=-1)

    def modified_loss(self, z: ArrayLike) -> FloatOrArray:
        """Phi(z) = (z - z*) U (z - z*)/2: stationarity is exp(-kappa Phi), not exp(-loss). z = (theta, v),
        (..., 2d).

        At weight_decay 0 it is |theta - mu|^2/(eta (1 + beta)) + v H^-1 v/2: isotropic in theta,
        whatever H.

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.modified_loss([1.0, 0.0, 0.0, 0.0]).round(6).tolist()
        6.666667
        >>> round(1 / (model.eta * (1 + model.beta)), 6)
        6.666667
        """
        w = self._point(z) - self._centre
        return 0.5 * np.einsum("...i,ij,...j->...", w, self.U, w)

    def density(self, z: ArrayLike) -> FloatOrArray:
        """Stationary probability density of the Langevin equation at z (..., 2d)."""
        self._forbid_flat("density")
        log_norm = self.dim * np.log(2.0 * np.pi / self.kappa) + 0.5 * np.linalg.slogdet(self.B)[1]
        return np.exp(-self.kappa * self.modified_loss(z) - log_norm)

    def current(self, z: ArrayLike) -> NDArray[np.float64]:
        """Stationary probability current J(z) = -Q U (z - z*) p(z), shape (..., 2d); its divergence is
        zero.
        """
        return -(self._point(z) - self._centre) @ (self.Q @ self.U).T * self.density(z)[..., None]

    def _point(self, z):
        return _check.array("z", z, (None,) * (np.ndim(z) - 1) + (2 * self.dim,))

    def circulation(self, *, discrete: bool = True) -> NDArray[np.float64]:
        """E(theta dv/dt - v dtheta/dt) of every mode, shape (d,): minus twice the area swept per unit time.

        Langevin: -2 sigma^2 rho/[S (1 - beta^2)]. Discrete, E(theta_k v_(k+1) - v_k
        theta_(k+1))/eta: -sigma^2 rho/[S (1 - beta)], exactly. In equilibrium (no current) it would
        be zero.

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.circulation().tolist()
        [-0.5, -1.0]
        """
        power = self.sigma**2 * self.rho / self.batch_size
        return -power / (1.0 - self.beta) if discrete else -2.0 * power / (1.0 - self.beta**2)

    def oscillates(self, *, discrete: bool = True) -> NDArray[np.bool_]:
        """Which modes are underdamped, bool (d,). Discrete: |1 + beta - eta h| < 2 sqrt(beta); Langevin:
        omega > gamma.
        """
        if discrete:
            return np.abs(1.0 + self.beta - self.eta * self.h) < 2.0 * np.sqrt(self.beta)
        return self.omega2 > self.gamma**2

    def autocorrelation(self, k: ArrayLike) -> NDArray:
        """Correlation of the position with itself k steps later, in stationarity, exactly for the recursion.

        r(k) = E theta_s theta_(s+k)/E theta_s^2 = [M^k C]_11/C_11, with C the stationary covariance
        of (theta, v) and M that of `step_matrix`.

        Parameters
        ----------
        k : int or 1-D array of ints >= 0
            Steps.

        Returns
        -------
        ndarray, shape (len(k), d)
            Of every mode; nan where rho = 0.

        Raises
        ------
        TypeError, ValueError
            If k holds what is no integer >= 0.

        Examples
        --------
        >>> from mpack.limiting import LinearRegressionSGD
        >>> model = LinearRegressionSGD(eta=0.5, beta=0.0, batch_size=1, spectrum=[1.0])
        >>> model.autocorrelation([0, 1, 2])[:, 0].tolist()
        [1.0, 0.5, 0.25]
        """
        moments = self.stationary()
        P = np.stack([_doubling(self._M, int(step))[0] for step in _steps("k", k)])
        later = P[..., 0, 0] * moments.position + P[..., 0, 1] * moments.cross
        nothing = np.full(later.shape, np.nan)
        return np.divide(later, moments.position, out=nothing, where=moments.position > 0.0)

    # -- displacement
    # -------------------------------------------------------------------------------------------

    def local_displacement(self, *, discrete: bool = True) -> float:
        """E|theta_(k+1) - theta_k|^2 = eta^2 E|v|^2 in stationarity; Langevin: eta^2 sigma^2 Tr H/[S (1 -
        beta^2)].

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> round(model.local_displacement(discrete=False), 12)
        0.01
        """
        return float(self.eta**2 * self.stationary(discrete=discrete).velocity.sum())

    def global_displacement(
        self, k: ArrayLike, *, form: str = "discrete", per_mode: bool = False
    ) -> NDArray[np.float64]:
        """E|theta_(s+k) - theta_s|^2 in stationarity, shape (len(k),), or (len(k), d) with per_mode=True.

        Parameters
        ----------
        k : int or 1-D array of ints
            Steps, >= 0.
        form : str
            "discrete": of the recursion, exactly. "langevin": of the Langevin path,
            2 var theta (1 - [exp(-A eta k)]_11) summed over modes. "kunin": the formula of Kunin et
            al., eta^2 var v [k + 2 k sum_l (1 - l/k) C(l)], C(l) = [exp(-A eta l)]_22, which sums
            Langevin velocities over discrete steps.
        per_mode : bool
            True keeps the modes apart.

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> round(float(model.global_displacement(1)[0]) / model.local_displacement(), 12)
        1.0
        """
        _check.choice("form", form, ("discrete", "langevin", "kunin"))
        k = _steps("k", k)
        if form == "langevin":
            part = 2.0 * self.stationary(discrete=False).position * self._relaxed(self.eta * k)
        else:
            moments = self.stationary(discrete=form == "discrete")
            P = self._M if form == "discrete" else self.mode_propagator(self.eta)
            part = np.stack([_from_velocities(self.eta, P, moments, int(step)) for step in k])
        return part if per_mode else part.sum(axis=-1)

    def _relaxed(self, t):
        """1 - [exp(-A t)]_11 of every mode, without cancellation where flat modes would suffer from it."""
        s = np.sqrt(np.maximum(self.gamma**2 - self.omega2, 0.0))
        over = s > 0.5 * self.gamma
        s = np.where(over, s, 1.0)
        fast, slow = self.gamma + s, self.omega2 / (self.gamma + s)
        t = np.asarray(t, float)[..., None]
        exact = (slow * np.expm1(-fast * t) - fast * np.expm1(-slow * t)) / (2.0 * s)
        return np.where(over, exact, 1.0 - self.mode_propagator(t[..., 0])[..., 0, 0])

    def slope(self, k: ArrayLike) -> NDArray[np.float64]:
        """d ln E|theta_(s+k) - theta_s|^2/d ln k of the Langevin path: the anomalous exponent at k, closed
        form.

        t sum_i 2 var theta_i omega_i^2 S_i(t)/sum_i 2 var theta_i (1 - [exp(-A t)]_11), S = [exp(-A
        t)]_12. Two (ballistic) for k << 1/(1 - beta), one where it diffuses, zero once it is
        confined. k >= 1.

        Examples
        --------
        >>> import mpack
        >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
        >>> model.slope([1, 10, 100]).round(2).tolist()
        [1.77, 0.07, 0.0]
        """
        k = _steps("k", k)
        if k.size and k.min() < 1:
            raise ValueError(f"k must be >= 1; got {int(k.min())}")
        position = self.stationary(discrete=False).position
        rate = (position * self.omega2 * self.mode_propagator(self.eta * k)[..., 0, 1]).sum(axis=-1)
        return self.eta * k * rate / (position * self._relaxed(self.eta * k)).sum(axis=-1)


def _from_velocities(eta, P, moments, k):
    """eta^2 E(v_1 + ... + v_k)^2 with E v_l v_0 = [P^l C]_22, per mode."""
    _, T = _doubling(P, k)
    both = T[..., 1, 0] * moments.cross + T[..., 1, 1] * moments.velocity
    return eta**2 * (2.0 * both - k * moments.velocity)


def _eigenmodes(spectrum, hessian):
    """Eigenvalues (d,) and eigenvectors (d, d; None for the unit matrix) of H, checked."""
    if (spectrum is None) == (hessian is None):
        raise TypeError("give either spectrum or hessian, and not both")
    if spectrum is not None:
        rho = _check.array("spectrum", spectrum, (None,))
        name, modes = "spectrum", None
    else:
        H = _check.array("hessian", hessian, (None, None))
        if H.shape[0] != H.shape[1]:
            raise ValueError(f"hessian must be square; got shape {H.shape}")
        skew = np.abs(H - H.T).max(initial=0.0)
        if skew > 1e-10 * max(np.abs(H).max(initial=0.0), np.finfo(float).tiny):
            raise ValueError(
                f"hessian must be symmetric; it differs from its transpose by {skew:.3g}"
            )
        name, (rho, modes) = "hessian", np.linalg.eigh(0.5 * (H + H.T))
        rho = np.where(np.abs(rho) <= 1e-14 * np.abs(rho).max(initial=0.0), 0.0, rho)
    if rho.size < 1 or rho.min() < 0.0 or rho.max() <= 0.0:
        least = rho.min(initial=0.0)
        raise ValueError(
            f"{name} must hold at least one eigenvalue > 0 and none below 0; the least is {least:.6g}"
        )
    return rho, modes


# ------------------------------------------------------------------------------------------------------------
# Displacement for measured curvatures, and its exponent


def linear_displacement(
    k: ArrayLike,
    eta: float,
    beta: float,
    curvature: ArrayLike,
    noise_variance: ArrayLike,
    *,
    age: int | None = None,
    per_mode: bool = False,
) -> NDArray[np.float64]:
    """E|theta_(s+k) - theta_s|^2 of the recursion for any curvatures and gradient noise, exactly.

    Parameters
    ----------
    k : int or 1-D array of ints >= 0
        Steps.
    eta, beta : float
        Learning rate and momentum.
    curvature, noise_variance : array_like, shape (d,)
        Curvature of the regularised loss along d orthonormal directions, of any sign, and the
        variance of the *mini-batch* gradient along them. Only this diagonal matters for the sum
        over modes.
    age : int, optional
        s: steps since every mode was started at its optimum with v = 0. None is stationarity, which
        needs 0 < eta curvature < 2 (1 + beta). With an age, flat and slightly negative directions
        are well defined.

    Returns
    -------
    ndarray, shape (len(k),), or (len(k), d) with per_mode=True
        Cov(z_(s+k) - z_s) = (M^k - 1) C_s (M^k - 1)^T + C_k, C_k = sum over j < k of M^j N M^jT.

    Examples
    --------
    >>> from mpack import limiting
    >>> limiting.linear_displacement([1, 2], 0.1, 0.0, [0.0], [1.0], age=0).round(12).tolist()
    [0.01, 0.02]
    """
    eta, beta = _learning_rate(eta), _momentum(beta)
    h = _check.array("curvature", curvature, (None,))
    power = _check.array("noise_variance", noise_variance, (h.size,))
    if power.min() < 0.0:
        raise ValueError(f"noise_variance must be >= 0; the least is {power.min():.6g}")
    M = step_matrix(eta, beta, h)
    N = power[:, None, None] * np.outer([eta, 1.0], [eta, 1.0])
    if age is None:
        if eta * h.min() <= 0.0 or eta * h.max() >= 2.0 * (1.0 + beta):
            raise ValueError(
                f"curvature must lie in (0, {2.0 * (1.0 + beta) / eta:.6g}) for a stationary state; "
                f"got [{h.min():.6g}, {h.max():.6g}]: give an age"
            )
        velocity = power / (1.0 - beta**2) / (1.0 - eta * h / (2.0 * (1.0 + beta)))
        moments = Stationary(
            velocity * eta * (1.0 + beta) / (2.0 * h), velocity, 0.5 * eta * velocity
        )
        part = np.stack([_from_velocities(eta, M, moments, int(step)) for step in _steps("k", k)])
    else:
        C = _noise_sum(M, N, _check.integer("age", age, 0))
        part = np.stack([_since(M, N, C, int(step)) for step in _steps("k", k)])
    return part if per_mode else part.sum(axis=-1)


def _since(M, N, C, k):
    gain = (_doubling(M, k)[0] - np.eye(2))[..., 0, :]
    return np.einsum("...a,...ab,...b->...", gain, C, gain) + _noise_sum(M, N, k)[..., 0, 0]


def power_law_displacement(tau: ArrayLike, a: float) -> FloatOrArray:
    """sum over i >= 1 of 1 - exp(-tau i^-a) ~ Gamma(1 - 1/a) tau^(1/a) - 1/2 for tau >> 1, a > 1.

    The global displacement of the overdamped power-law spectrum in units of 2 var theta, at tau =
    eta k/(1 - beta). From the integral over i (Mellin) and the first Euler-Maclaurin term; the rest
    is exponentially small or O(1/tau).

    Examples
    --------
    >>> from mpack import limiting
    >>> round(float(limiting.power_law_displacement(100.0, a=2.0)), 4)
    17.2245
    """
    a = _check.number("a", a, 1.0, open_low=True)
    return gamma_function(1.0 - 1.0 / a) * np.asarray(tau, float) ** (1.0 / a) - 0.5


@dataclasses.dataclass(frozen=True)
class ExponentFit:
    """|theta_(s+k) - theta_s|^2 = prefactor k^exponent, fitted on k_min <= k <= k_max.

    `error` is one standard error of the exponent: a jackknife over `runs` runs, or nan when one
    curve was given.

    Examples
    --------
    >>> from mpack import limiting
    >>> fit = limiting.anomalous_exponent([1, 10, 100, 1000], [3.0, 30.0, 300.0, 3000.0])
    >>> round(fit.prefactor, 6), fit.k_min, fit.k_max
    (3.0, 10, 1000)
    """

    exponent: float
    error: float
    prefactor: float
    k_min: int
    k_max: int
    runs: int

    @property
    def estimate(self) -> Estimate:
        """The exponent as an `mpack.statistics.Estimate`; ValueError if one curve was given and there is no error."""
        if self.runs < 2:
            raise ValueError(f"an error of the exponent needs at least 2 runs; got {self.runs}")
        return Estimate(self.exponent, self.error, self.runs)


def anomalous_exponent(
    k: ArrayLike, displacement: ArrayLike, *, window: float = 2.0 / 3.0
) -> ExponentFit:
    """Exponent c of |Delta_k|^2 ~ k^c: a straight line through ln |Delta_k|^2 against ln k.

    The rule of Kunin et al.: the last two thirds, here of the range of ln k, k >= k_max^(1/3) when
    k starts at 1.

    Parameters
    ----------
    k : array_like of int, shape (m,)
        Steps >= 1, increasing; take them evenly spaced in ln k, since every point has the same
        weight.
    displacement : array_like, shape (m,) or (runs, m)
        Squared displacements > 0 in the mean: one curve, or one row for each independent run. Runs
        are averaged first; the error is the jackknife over them.
    window : float in (0, 1]
        Fraction of the range of ln k that is used, counted from its end.

    Returns
    -------
    ExponentFit

    Examples
    --------
    >>> from mpack import limiting
    >>> fit = limiting.anomalous_exponent([1, 10, 100, 1000], [1.0, 100.0, 1e4, 1e6])
    >>> round(fit.exponent, 6)
    2.0
    """
    k = _steps("k", k)
    if k.size < 3 or k[0] < 1 or np.any(np.diff(k) <= 0):
        raise ValueError(f"k must hold at least 3 increasing steps >= 1; got {k}")
    rows = _check.array("displacement", np.atleast_2d(displacement), (None, k.size))
    window = _check.number("window", window, 0.0, 1.0, open_low=True)
    x = np.log(k)
    use = x >= x[-1] - window * (x[-1] - x[0]) - 1e-12
    if use.sum() < 3:
        raise ValueError(f"window must leave at least 3 points; {window} leaves {use.sum()}")
    x, kept, runs = x[use], rows[:, use], len(rows)
    slope, level = _line(x, kept.mean(axis=0))
    error = np.nan
    if runs > 1:
        left_out = (kept.sum(axis=0) - kept) / (runs - 1)
        slopes = np.array([_line(x, row)[0] for row in left_out])
        error = np.sqrt((runs - 1) * np.mean((slopes - slopes.mean()) ** 2))
    return ExponentFit(slope, float(error), float(np.exp(level)), int(k[use][0]), int(k[-1]), runs)


def autoregression(theta: ArrayLike) -> tuple[float, float]:
    """The autoregression behind stationary runs of one mode, from their first two correlations.

    SGD with momentum is theta_(k+1) = phi_1 theta_k + phi_2 theta_(k-1) + noise with phi_1 = 1 +
    beta - eta h and phi_2 = -beta. With r_l = <theta_k theta_(k+l)>/<theta^2>, the Yule-Walker
    equations give phi_2 = (r_2 - r_1^2)/(1 - r_1^2) and phi_1 = r_1 (1 - phi_2).

    Parameters
    ----------
    theta : array_like, shape (runs, steps)
        Positions, measured from the optimum, of consecutive steps >= 3; averages are over runs and
        steps.

    Returns
    -------
    phi_1, phi_2 : float

    Raises
    ------
    TypeError, ValueError
        If `theta` has another shape, or nothing moves in it.

    Notes
    -----
    Yule, Phil. Trans. R. Soc. A 226, 267 (1927); Walker, Proc. R. Soc. A 131, 518 (1931).

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.limiting import autoregression
    >>> turning = np.cos(2 * np.pi * np.arange(3000) / 6)  # 1 + beta - eta h = 2 cos 60 degrees
    >>> phi_1, phi_2 = autoregression([turning])
    >>> round(phi_1, 2), round(phi_2, 2)
    (1.0, -1.0)
    """
    theta = _check.array("theta", theta, (None, None))
    if not len(theta) or theta.shape[1] < 3:
        raise ValueError(f"theta must hold runs of at least 3 steps; got shape {theta.shape}")
    c0, c1, c2 = ((theta[:, : theta.shape[1] - l] * theta[:, l:]).mean() for l in (0, 1, 2))
    if c0 <= 0.0 or abs(c1) >= c0:
        raise ValueError("theta must move from step to step; its first correlation is 1")
    r1, r2 = c1 / c0, c2 / c0
    phi2 = (r2 - r1**2) / (1 - r1**2)
    return float(r1 * (1 - phi2)), float(phi2)


def discriminant(theta: ArrayLike, *, blocks: int = 20) -> Estimate:
    """Discriminant phi_1^2 + 4 phi_2 of a mode's two eigenvalues, read off stationary runs.

    Below zero they are complex and the mode oscillates; for SGD with momentum it is (1 + beta - eta
    h)^2 - 4 beta. See `autoregression`.

    Parameters
    ----------
    theta : array_like, shape (runs, steps)
        As for `autoregression`.
    blocks : int
        The error is a jackknife over so many blocks of runs, 2 <= blocks <= runs.

    Returns
    -------
    Estimate
        n is the number of runs.

    Raises
    ------
    TypeError, ValueError
        As for `autoregression`, or if there are fewer runs than blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.limiting import discriminant
    >>> noise = np.random.default_rng(1).normal(size=(40, 500))  # no memory: eigenvalues 0, 0
    >>> abs(discriminant(noise).value) < 0.05
    True
    """
    theta = _check.array("theta", theta, (None, None))
    blocks = _check.integer("blocks", blocks, 2, max(len(theta), 2))

    def of(kept):
        phi1, phi2 = autoregression(theta[np.isin(block, kept)])
        return phi1**2 + 4 * phi2

    block = np.repeat(np.arange(blocks), [len(b) for b in np.array_split(theta, blocks)])
    return dataclasses.replace(statistics.jackknife(of, np.arange(blocks)), n=len(theta))


def _line(x, y):
    if y.min() <= 0.0:
        raise ValueError(f"displacement must be > 0 in the mean; the least is {y.min():.6g}")
    slope, level = np.polyfit(x, np.log(y), 1)
    return float(slope), float(level)


# ------------------------------------------------------------------------------------------------------------
# Real mini-batch runs


def regression_data(
    spectrum: ArrayLike,
    n: int,
    *,
    sigma: float = 1.0,
    weights: ArrayLike | None = None,
    labels: str = "paired",
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A data set X (n, d), y (n,) with <x x^T> = diag(spectrum) to rounding and residuals of mean square
    sigma^2.

    Inputs are Gaussian vectors, whitened and scaled. labels="paired": every input comes twice, with
    y = x . w + sigma and y = x . w - sigma, so that the optimum is w and the noise of the gradient
    there is sigma^2 H, both to rounding. labels="gaussian": y = x . w + Gaussian noise, made
    orthogonal to the inputs and of mean square sigma^2: the optimum is w to rounding, while the
    noise of the gradient is sigma^2 H only up to O(sqrt(d/n)).

    Parameters
    ----------
    spectrum : array_like, shape (d,), > 0
    n : int
        Samples, even for paired labels; n >= 4 d.
    weights : array_like, shape (d,), optional
        w; zero by default.
    seed : int

    Examples
    --------
    >>> from mpack import limiting
    >>> X, y = limiting.regression_data([1.0, 2.0], n=16, seed=1)
    >>> (X.T @ X / len(X)).round(6).diagonal().tolist()
    [1.0, 2.0]
    """
    rho = _check.array("spectrum", spectrum, (None,))
    if rho.size < 1 or rho.min() <= 0.0:
        raise ValueError(f"spectrum must hold at least one eigenvalue and all > 0; got {rho}")
    _check.choice("labels", labels, ("paired", "gaussian"))
    n = _check.integer("n", n, 4 * rho.size)
    sigma = _check.number("sigma", sigma, 0.0, open_low=True)
    w = _check.array("weights", np.zeros(rho.size) if weights is None else weights, (rho.size,))
    if labels == "paired" and n % 2:
        raise ValueError(f"n must be even for paired labels; got {n}")
    inputs = n // 2 if labels == "paired" else n
    Z = _gaussians(_check.seed("seed", seed), inputs, rho.size + 1)
    values, vectors = np.linalg.eigh(Z[:, :-1].T @ Z[:, :-1] / inputs)
    X = Z[:, :-1] @ (vectors / np.sqrt(values)) @ vectors.T * np.sqrt(rho)
    if labels == "paired":
        X = np.concatenate([X, X])
        residual = np.concatenate([np.full(inputs, sigma), np.full(inputs, -sigma)])
    else:
        residual = Z[:, -1] - X @ ((X.T @ Z[:, -1]) / (inputs * rho))
        residual *= sigma / np.sqrt(np.mean(residual**2))
    return np.ascontiguousarray(X), X @ w + residual


def _gaussians(seed, rows, columns, *, run=0):
    """Standard Gaussians (rows, columns) that no batch ever meets."""
    a, b = np.divmod(np.arange(rows * columns, dtype=np.uint64), np.uint64(columns))
    out = np.empty(rows * columns)
    noise.fill_gaussian(np.uint64(seed), noise.REGRESSION, np.uint64(run), a, _DATA_BLOCK + b, out)
    return out.reshape(rows, columns)


@dataclasses.dataclass(frozen=True, eq=False)
class RegressionRuns:
    """Positions and velocities of an ensemble: steps (m,), theta and v (runs, m, d).

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import limiting
    >>> walk = np.arange(6.0).reshape(1, 3, 2)
    >>> runs = limiting.RegressionRuns(np.array([0, 1, 2]), walk, np.ones_like(walk))
    >>> runs.displacement().tolist()
    [[8.0, 32.0]]
    """

    steps: np.ndarray
    theta: np.ndarray
    v: np.ndarray

    __repr__ = short_repr

    def displacement(self, origin: int = 0) -> NDArray[np.float64]:
        """|theta - theta at record `origin`|^2 of every run, shape (runs, m - origin - 1): one row a run,
        later records.
        """
        moved = self.theta[:, origin + 1 :] - self.theta[:, origin : origin + 1]
        return np.sum(moved**2, axis=-1)

    def moments(self, optimum: ArrayLike | None = None) -> Stationary:
        """Second moments of every run about the optimum, means over its records, each of shape (runs, d).

        In stationarity their means over runs are those of `LinearRegressionSGD.stationary`, enlarged
        by `LinearRegressionSGD.minibatch_factor`.

        Parameters
        ----------
        optimum : array_like, shape (d,), optional
            mu; zero by default.

        Returns
        -------
        Stationary

        Raises
        ------
        TypeError, ValueError
            If `optimum` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack.limiting import RegressionRuns
        >>> runs = RegressionRuns(np.arange(2), np.array([[[1.0], [3.0]]]), np.array([[[0.0], [2.0]]]))
        >>> seen = runs.moments()
        >>> seen.position.item(), seen.velocity.item(), seen.cross.item()
        (5.0, 2.0, 3.0)
        """
        mu = np.zeros(self.theta.shape[2]) if optimum is None else optimum
        x = self.theta - _check.array("optimum", mu, self.theta.shape[2:])
        pairs = (x, x), (self.v, self.v), (x, self.v)
        return Stationary(*((a * b).mean(axis=1) for a, b in pairs))

    def circulation(self, eta: float) -> NDArray:
        """Minus twice the area that every run sweeps in the plane of each mode per unit of t = eta k.

        <theta_k v_(k+1) - v_k theta_(k+1)>/eta, the mean over the records: that of
        `LinearRegressionSGD.circulation`, where H is diagonal and the optimum zero.

        Parameters
        ----------
        eta : float
            Learning rate of the runs, > 0.

        Returns
        -------
        ndarray, shape (runs, d)

        Raises
        ------
        ValueError
            If the records are not those of consecutive steps.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack.limiting import RegressionRuns
        >>> runs = RegressionRuns(np.arange(2), np.array([[[1.0], [0.0]]]), np.array([[[0.0], [-1.0]]]))
        >>> runs.circulation(eta=0.5).item()  # a quarter of a turn in half a unit of time
        -2.0
        """
        self._need_consecutive()
        theta, v = self.theta, self.v
        area = theta[:, :-1] * v[:, 1:] - v[:, :-1] * theta[:, 1:]
        return np.ascontiguousarray(np.swapaxes(area, 1, 2)).mean(axis=2) / _learning_rate(eta)

    def autocorrelation(self, k: ArrayLike) -> NDArray:
        """Correlation of the positions with themselves k steps later, run by run, shape (runs, len(k), d).

        <theta_s theta_(s+k)>, the mean over s, in units of <theta^2>, the mean over all runs: its
        mean over runs is that of `LinearRegressionSGD.autocorrelation`, where the optimum is zero.

        Parameters
        ----------
        k : int or 1-D array of ints
            Steps, >= 0 and fewer than the records.

        Returns
        -------
        ndarray

        Raises
        ------
        TypeError, ValueError
            If the records are not those of consecutive steps, or k is too large.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack.limiting import RegressionRuns
        >>> there_and_back = np.array([[[1.0], [-1.0], [1.0]]])
        >>> runs = RegressionRuns(np.arange(3), there_and_back, 0 * there_and_back)
        >>> runs.autocorrelation([0, 1, 2]).ravel().tolist()
        [1.0, -1.0, 1.0]
        """
        self._need_consecutive()
        theta, k = self.theta, _steps("k", k)
        count = theta.shape[1]
        if k.size and k.max() >= count:
            raise ValueError(f"k must be < {count}, the number of records; got {int(k.max())}")
        later = [(theta[:, : count - step] * theta[:, step:]).mean(axis=1) for step in k]
        return np.stack(later, axis=1) / (theta**2).mean(axis=(0, 1))

    def _need_consecutive(self):
        if len(self.steps) < 2 or np.any(np.diff(self.steps) != 1):
            raise ValueError(f"records must be those of consecutive steps; got steps {self.steps}")


def run_regression(
    model: LinearRegressionSGD,
    X: ArrayLike,
    y: ArrayLike,
    *,
    record: ArrayLike,
    runs: int,
    seed: int,
    start: str | ArrayLike = "stationary",
    v0: ArrayLike | None = None,
    threads: int = 1,
) -> RegressionRuns:
    """Mini-batch SGD with momentum on (X, y), `runs` times, with the hyperparameters of `model`.

    Parameters
    ----------
    model : LinearRegressionSGD
        eta, beta, batch_size, weight_decay; with start="stationary" also the spectrum, optimum and
        sigma.
    X, y : array_like, shapes (n, d), (n,)
    record : array_like of int, shape (m,)
        Increasing steps >= 0 at which to record; the last one ends the run.
    runs, seed : int
        Run r of a seed is the same whatever `runs` and `threads`.
    start : "stationary" or array_like, shape (d,)
        Start of all runs; "stationary" draws each from the exact stationary Gaussian of the
        recursion.
    v0 : array_like, shape (d,), optional
        Starting velocity, zero by default; only with a given start.
    threads : int

    Returns
    -------
    RegressionRuns

    Examples
    --------
    >>> import mpack
    >>> model = mpack.limiting.LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=4, spectrum=[1.0, 2.0])
    >>> X, y = mpack.limiting.regression_data([1.0, 2.0], n=16, seed=1)
    >>> runs = mpack.limiting.run_regression(model, X, y, record=[0, 10], runs=3, seed=2)
    >>> runs.theta.shape
    (3, 2, 2)
    """
    _check.instance("model", model, LinearRegressionSGD, "a LinearRegressionSGD")
    X = np.ascontiguousarray(_check.array("X", X, (None, model.dim)))
    y = _check.array("y", y, (len(X),))
    record = _steps("record", record)
    if record.size < 1 or np.any(np.diff(record) <= 0):
        raise ValueError(f"record must hold increasing steps; got {record}")
    runs, threads = _check.integer("runs", runs, 1), _check.integer("threads", threads, 1)
    theta, v = _starts(model, runs, _check.seed("seed", seed), start, v0)
    out_theta, out_v = np.empty((2, runs, record.size, model.dim))

    def work(rows):
        regression.sgd_runs(
            X, y, theta[rows], v[rows], model.eta, model.beta, model.weight_decay, model.batch_size,
            np.uint64(seed), rows.start, record, out_theta[rows], out_v[rows],
        )  # fmt: skip

    edges = np.linspace(0, runs, min(4 * threads if threads > 1 else 1, runs) + 1).astype(int)
    parts = [slice(int(low), int(high)) for low, high in zip(edges[:-1], edges[1:])]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))
    return RegressionRuns(record, out_theta, out_v)


def _starts(model, runs, seed, start, v0):
    if not isinstance(start, str):
        z = np.tile(model._phase(start, v0), (runs, 1))
        return np.ascontiguousarray(z[:, : model.dim]), np.ascontiguousarray(z[:, model.dim :])
    _check.choice("start", start, ("stationary",))
    if v0 is not None:
        raise ValueError("v0 is drawn with start='stationary'; give it only with an array start")
    s = model.stationary()
    g = _gaussians(seed, runs, 2 * model.dim, run=1)
    x, g = np.sqrt(s.position) * g[:, : model.dim], g[:, model.dim :]
    tilt = np.divide(s.cross, s.position, out=np.zeros(model.dim), where=s.position > 0.0)
    v = tilt * x + np.sqrt(s.velocity - tilt * s.cross) * g
    return model.optimum + model._from_modes(x), np.ascontiguousarray(model._from_modes(v))
