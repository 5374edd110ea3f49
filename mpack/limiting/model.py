"""Everything about one choice of hyperparameters, in closed form: moments, displacement, circulation."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._repr import short_repr
from mpack._types import FloatOrArray
from mpack.limiting import _recursion
from mpack.limiting.modes import propagator, step_matrix


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
        Root mean square of the residuals y - x . theta at the optimum, 1e-100 to 1e100.
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
        put("eta", _recursion.learning_rate(self.eta))
        put("beta", _recursion.momentum(self.beta))
        put("batch_size", _check.integer("batch_size", self.batch_size, 1))
        put("sigma", _check.number("sigma", self.sigma, 1e-100, 1e100))
        put("weight_decay", _check.number("weight_decay", self.weight_decay, 0.0, 1e100))
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
        return propagator(_recursion.times(t)[..., None], self.gamma, self.omega2)

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
        return self._assemble((B - P @ B @ _recursion.transpose(P)) / self.kappa)

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
        powers = np.stack(
            [_recursion.doubling(self._M, int(step))[0] for step in _recursion.whole_steps("k", k)]
        )
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
            np.stack(
                [
                    _recursion.noise_sum(self._M, self._N, int(step))
                    for step in _recursion.whole_steps("k", k)
                ]
            )
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

    @_check.sound
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
        P = np.stack(
            [_recursion.doubling(self._M, int(step))[0] for step in _recursion.whole_steps("k", k)]
        )
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
        k = _recursion.whole_steps("k", k)
        if form == "langevin":
            part = 2.0 * self.stationary(discrete=False).position * self._relaxed(self.eta * k)
        else:
            moments = self.stationary(discrete=form == "discrete")
            P = self._M if form == "discrete" else self.mode_propagator(self.eta)
            part = np.stack(
                [_recursion.from_velocities(self.eta, P, moments, int(step)) for step in k]
            )
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
        k = _recursion.whole_steps("k", k)
        if k.size and k.min() < 1:
            raise ValueError(f"k must be >= 1; got {int(k.min())}")
        position = self.stationary(discrete=False).position
        rate = (position * self.omega2 * self.mode_propagator(self.eta * k)[..., 0, 1]).sum(axis=-1)
        return self.eta * k * rate / (position * self._relaxed(self.eta * k)).sum(axis=-1)


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
