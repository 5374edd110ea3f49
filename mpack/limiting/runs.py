"""Real mini-batch runs, on data whose Hessian and gradient noise are known to rounding."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._kernels import noise, regression
from mpack._repr import short_repr
from mpack.limiting import _recursion
from mpack.limiting.model import LinearRegressionSGD, Stationary

_DATA_BLOCK = np.uint64(2**31)  # noise blocks from here on never meet a batch


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
    n = _check.integer("n", n, 4 * rho.size, 2**40)
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
        return np.ascontiguousarray(np.swapaxes(area, 1, 2)).mean(
            axis=2
        ) / _recursion.learning_rate(eta)

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
        theta, k = self.theta, _recursion.whole_steps("k", k)
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
    record = _recursion.whole_steps("record", record)
    if record.size < 1 or np.any(np.diff(record) <= 0):
        raise ValueError(f"record must hold increasing steps; got {record}")
    runs, threads = _check.integer("runs", runs, 1, 2**40), _check.integer("threads", threads, 1)
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
