"""The noise that given data make, and the stationary state under it, exactly: no assumption on its shape."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._repr import short_repr
from mpack.limiting import _recursion
from mpack.limiting.modes import step_matrix


@dataclasses.dataclass(frozen=True, eq=False)
class GradientNoise:
    """What linear regression on some data needs to know of them: what `gradient_noise` measured.

    Attributes
    ----------
    optimum : ndarray, shape (d,)
        mu, in the coordinates of the inputs.
    sigma : float
        Root mean square of the residuals there.
    rho : ndarray, shape (d,)
        Eigenvalues of H = <x x^T>, largest first.
    modes : ndarray, shape (d, d)
        Its eigenvectors as columns.
    covariance : ndarray, shape (d, d)
        Covariance of one sample's gradient at the optimum, in the basis of the modes.

    Examples
    --------
    >>> from mpack import limiting
    >>> X, y = limiting.regression_data([1.0, 2.0], n=16, seed=1)
    >>> limiting.gradient_noise(X, y).excess.round(9).tolist()  # sigma^2 H to rounding
    [1.0, 1.0]
    """

    optimum: NDArray
    sigma: float
    rho: NDArray
    modes: NDArray
    covariance: NDArray

    __repr__ = short_repr

    @property
    def excess(self) -> NDArray[np.float64]:
        """Variance of a sample's gradient along each mode over sigma^2 rho; nan where rho is zero, (d,)."""
        alive = self.rho > 1e-12 * self.rho[0]
        expected = np.where(alive, self.sigma**2 * self.rho, np.nan)
        return self.covariance.diagonal() / expected

    @property
    def distance(self) -> float:
        """|Sigma - sigma^2 H|/|sigma^2 H| in the Frobenius norm: 0 if the noise has the shape of the Hessian."""
        expected = self.sigma**2 * np.diag(self.rho)
        return float(np.linalg.norm(self.covariance - expected) / np.linalg.norm(expected))


def gradient_noise(X: ArrayLike, y: ArrayLike, *, weight_decay: float = 0.0) -> GradientNoise:
    """Hessian, optimum, and covariance of one sample's gradient there, of linear regression on (X, y).

    Sigma = <r^2 x x^T> - <r x><r x>^T with the residual r = y - x . mu, mu = (H + weight_decay)^-1
    <x y>. It is sigma^2 H where r does not depend on x; on real data it does.

    Parameters
    ----------
    X, y : array_like, shapes (n, d), (n,)
    weight_decay : float
        lambda >= 0; > 0 if H is singular.

    Returns
    -------
    GradientNoise

    Raises
    ------
    TypeError, ValueError
        If a shape or number is wrong, or a direction has no curvature.

    Examples
    --------
    >>> from mpack import limiting
    >>> noise = limiting.gradient_noise([[1.0], [1.0], [2.0]], [1.0, -1.0, 0.0])
    >>> noise.rho.tolist(), round(noise.sigma**2, 6), noise.covariance.round(6).tolist()
    ([2.0], 0.666667, [[0.666667]])
    >>> round(noise.distance, 3)  # sigma^2 H would be 4/3
    0.5
    """
    X = _check.array("X", X, (None, None), empty=False)
    y = _check.array("y", y, (len(X),))
    decay = _check.number("weight_decay", weight_decay, 0.0, 1e100)
    rho, E = np.linalg.eigh(X.T @ X / len(X))
    rho, E = np.maximum(rho[::-1], 0.0), E[:, ::-1]
    if rho[-1] + decay <= 1e-14 * rho[0]:
        raise ValueError("weight_decay must be > 0 where H is singular: there is no single optimum")
    Z = X @ E
    mu = Z.T @ y / len(Z) / (rho + decay)
    r = y - Z @ mu
    covariance = (Z.T * r**2) @ Z / len(Z) - decay**2 * np.outer(mu, mu)
    return GradientNoise(E @ mu, float(np.sqrt(np.mean(r**2))), rho, E, covariance)


@_check.sound
def data_covariance(
    X: ArrayLike,
    y: ArrayLike,
    *,
    eta: float,
    beta: float,
    batch_size: int,
    weight_decay: float = 0.0,
    tolerance: float = 1e-12,
) -> NDArray[np.float64]:
    """Stationary covariance of SGD with momentum on linear regression with the data (X, y), exactly.

    Batches are drawn with replacement from these very samples. With x, r = y - x . mu a sample and
    its residual, H = <x x^T>, and C the covariance of theta - mu, the covariance of a batch's
    gradient, averaged over the stationary state, is
    [<x x^T (r^2 + x C x)> - H C H - weight_decay^2 mu mu^T]/S: what is linear in theta - mu
    averages to zero. It drives the recursion of `step_matrix`, whose stationary covariance C is
    linear in it: a fixed point, found by iteration. The mean is mu = (H + weight_decay)^-1 <x y>.

    Parameters
    ----------
    X, y : array_like, shapes (n, d), (n,)
    eta, beta, batch_size, weight_decay
        As for `LinearRegressionSGD`.
    tolerance : float
        Relative change of C at which the iteration ends.

    Returns
    -------
    ndarray, shape (d, d)
        Cov theta, in the coordinates of X.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range, a direction has no curvature, or there is no stationary
        state: the recursion of the mean is unstable, or that of the mean square is.

    Notes
    -----
    Derived in the chapter; compared in the tests with the linear system of all second moments, and
    with real runs.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import limiting
    >>> X, y = limiting.regression_data([1.0, 2.0], n=4000, seed=1)
    >>> rule = dict(eta=0.1, beta=0.5, batch_size=64)
    >>> model = limiting.LinearRegressionSGD(**rule, spectrum=[1.0, 2.0])
    >>> gaussian = model.stationary().position * model.minibatch_factor()
    >>> bool(np.allclose(limiting.data_covariance(X, y, **rule).diagonal(), gaussian, rtol=2e-3))
    True
    """
    noise = gradient_noise(X, y, weight_decay=weight_decay)
    eta, beta = _recursion.learning_rate(eta), _recursion.momentum(beta)
    size = _check.integer("batch_size", batch_size, 1)
    h = noise.rho + weight_decay
    if eta * h.max() >= 2.0 * (1.0 + beta):
        raise ValueError(
            f"curvature must be below {2.0 * (1.0 + beta) / eta:.6g} for a stationary state; "
            f"got {h.max():.6g}"
        )
    Z = np.asarray(X, float) @ noise.modes
    gain, C = _gain(eta, beta, h) / size, np.zeros((h.size, h.size))
    for _ in range(100_000):
        spread = np.sum((Z @ C) * Z, axis=1)  # <(x . dtheta)^2> of every sample
        more = (Z.T * spread) @ Z / len(Z) - np.outer(noise.rho, noise.rho) * C
        before, C = C, gain * (noise.covariance + more)
        change = np.abs(C - before).max()
        if change <= tolerance * np.abs(C).max():
            return noise.modes @ C @ noise.modes.T
        if not change < 1e200:
            break
    raise ValueError("no stationary state: the mean square of the positions does not settle")


def _gain(eta, beta, h):
    """Stationary E theta_i theta_j of two modes that are driven by one noise of variance 1, (d, d).

    The 2 x 2 block of (theta, v) solves C = M_i C M_j^T + (eta, 1)(eta, 1)^T: four equations a pair.
    """
    M = step_matrix(eta, beta, h)
    both = np.einsum("iab,jcd->ijacbd", M, M).reshape(h.size, h.size, 4, 4)
    kick = np.array([eta * eta, eta, eta, 1.0])
    return np.linalg.solve(
        np.eye(4) - both, np.broadcast_to(kick[:, None], both.shape[:2] + (4, 1))
    )[..., 0, 0]
