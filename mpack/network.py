"""A network small enough to see through: one hidden layer of tanh units, softmax cross-entropy, weight decay.

Its thousand parameters allow what a large network forbids: the whole Hessian, the covariance of the
gradient noise in every direction, and runs of 10^5 steps in seconds. Trained by
`mpack._kernels.network`; loss, gradients and Hessian here are plain NumPy, written a second time
and compared in the tests.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from mpack import _check
from mpack._kernels import network, noise
from mpack._kernels._jit import plain
from mpack._repr import short_repr

_START_BLOCK = 2**31  # noise blocks from here on never meet a batch


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkRuns:
    """Runs of training: steps (m,), theta (runs, m, P), v (runs, P) at the end.

    speed2 (runs, m): mean of |v|^2 over the steps since the record before; 0 for the first.

    Examples
    --------
    >>> from mpack import network
    >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
    >>> theta = net.start(seed=1)
    >>> runs = net.train([theta], eta=0.1, beta=0.9, batch_size=2, record=[0, 5], seed=2)
    >>> runs.theta.shape, runs.speed2.shape
    ((1, 2, 17), (1, 2))
    """

    steps: np.ndarray
    theta: np.ndarray
    v: np.ndarray
    speed2: np.ndarray

    __repr__ = short_repr


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkWalk:
    """How far runs of training wander: what `SmallNetwork.walk` measured.

    Attributes
    ----------
    lags : ndarray, shape (m,)
        Steps k.
    displacement : ndarray, shape (runs, m)
        |theta_(s+k) - theta_s|^2, the mean over the origins s.
    local : ndarray, shape (runs,)
        |theta_(k+1) - theta_k|^2 = eta^2 |v|^2, the mean over all steps since the first origin.
    theta : ndarray, shape (runs, P)
        Parameters at the end.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack.network import SmallNetwork
    >>> net = SmallNetwork(np.eye(2), [0, 1], hidden=1)
    >>> how = dict(eta=0.1, beta=0.5, batch_size=1, seed=1)
    >>> far = net.walk([net.start(1)], lags=[1, 4], origins=[5, 9], **how)
    >>> far.lags.tolist(), bool(far.displacement[0, 1] > far.displacement[0, 0])
    ([1, 4], True)
    """

    lags: NDArray
    displacement: NDArray
    local: NDArray
    theta: NDArray

    __repr__ = short_repr


@dataclasses.dataclass(frozen=True, eq=False)
class SmallNetwork:
    """p = softmax(tanh(x W1 + b1) W2 + b2), with loss -<ln p[label]> + weight_decay |theta|^2/2.

    Parameters
    ----------
    X : array_like, shape (n, inputs)
    labels : array_like of int, shape (n,)
        Classes 0, 1, ..., each present.
    hidden : int
        Hidden units >= 1.
    weight_decay : float
        lambda >= 0, on every parameter, as in PyTorch.

    Attributes
    ----------
    size : int
        Number of parameters P. theta is flat: W1 (inputs, hidden), b1, W2 (hidden, classes), b2.

    Examples
    --------
    >>> from mpack import network
    >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
    >>> theta = net.start(seed=1)
    >>> net.size, net.classes, theta.shape
    (17, 2, (17,))
    """

    X: np.ndarray
    labels: np.ndarray
    hidden: int
    weight_decay: float = 0.0

    if TYPE_CHECKING:  # arrays are made of what is given

        def __init__(
            self, X: ArrayLike, labels: ArrayLike, hidden: int, weight_decay: float = 0.0
        ) -> None: ...

    __repr__ = short_repr

    def __post_init__(self):
        X = np.ascontiguousarray(_check.array("X", self.X, (None, None)))
        labels = np.asarray(self.labels)
        if labels.shape != (len(X),) or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"labels must be {len(X)} integers; got shape {labels.shape} of {labels.dtype}"
            )
        if len(X) < 1 or not np.array_equal(np.unique(labels), np.arange(labels.max() + 1)):
            raise ValueError(
                f"labels must use every class 0, 1, ... at least once; got {np.unique(labels)}"
            )
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "labels", labels.astype(np.int64))
        object.__setattr__(self, "hidden", _check.integer("hidden", self.hidden, 1))
        object.__setattr__(
            self, "weight_decay", _check.number("weight_decay", self.weight_decay, 0.0)
        )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return (self.X.shape[1] + 1) * self.hidden + (self.hidden + 1) * self.classes

    def start(self, seed: int) -> NDArray[np.float64]:
        """Random parameters, shape (P,): weights Gaussian of variance 1/fan-in, biases zero.

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> int((theta == 0).sum())  # biases
        5
        """
        scale = [1.0 / np.sqrt(self.X.shape[1]), 0.0, 1.0 / np.sqrt(self.hidden), 0.0]
        counts = [
            self.X.shape[1] * self.hidden,
            self.hidden,
            self.hidden * self.classes,
            self.classes,
        ]
        draws = np.empty(self.size)
        label = np.arange(self.size, dtype=np.uint64)
        block = np.full(self.size, _START_BLOCK, np.uint64)
        noise.fill_gaussian(
            np.uint64(_check.seed("seed", seed)), noise.NETWORK, np.uint64(0), label, block, draws
        )
        return draws * np.repeat(scale, counts)

    def probabilities(
        self, theta: NDArray, X: NDArray | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Hidden activities (n, hidden) and class probabilities (n, classes).

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> hidden, p = net.probabilities(theta)
        >>> p.sum(axis=1).round(12).tolist()
        [1.0, 1.0, 1.0, 1.0]
        """
        W1, b1, W2, b2 = self._split(theta)
        a = np.tanh((self.X if X is None else X) @ W1 + b1)
        z = a @ W2 + b2
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return a, p / p.sum(axis=1, keepdims=True)

    def loss(self, theta: NDArray) -> float:
        """Training loss, weight decay included.

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> round(net.loss(0 * theta), 6)  # ln 2: both classes look the same
        0.693147
        """
        p = self.probabilities(theta)[1][np.arange(len(self.X)), self.labels]
        return float(-np.log(p).mean() + 0.5 * self.weight_decay * theta @ theta)

    def accuracy(self, theta: NDArray, X: NDArray, labels: ArrayLike) -> float:
        """Fraction of images whose most probable class is their label.

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> net.accuracy(0 * theta, net.X, net.labels)
        0.5
        """
        return float(np.mean(self.probabilities(theta, X)[1].argmax(axis=1) == labels))

    def gradient(self, theta: NDArray) -> NDArray[np.float64]:
        """Gradient of the training loss, shape (P,).

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> step = 1e-6 * net.gradient(theta)
        >>> net.loss(theta - step) < net.loss(theta)
        True
        """
        a, dz, dh = self._errors(theta)
        parts = [self.X.T @ dh, dh.sum(axis=0), a.T @ dz, dz.sum(axis=0)]
        return (
            np.concatenate([part.ravel() for part in parts]) / len(self.X)
            + self.weight_decay * theta
        )

    def sample_gradients(self, theta: NDArray) -> NDArray[np.float64]:
        """Gradient of every sample's -ln p[label], shape (n, P), without weight decay.

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> mean = net.sample_gradients(theta).mean(axis=0) + net.weight_decay * theta
        >>> bool(abs(mean - net.gradient(theta)).max() < 1e-12)
        True
        """
        a, dz, dh = self._errors(theta)
        parts = [self.X[:, :, None] * dh[:, None, :], dh, a[:, :, None] * dz[:, None, :], dz]
        return np.concatenate([part.reshape(len(self.X), -1) for part in parts], axis=1)

    def hessian(self, theta: NDArray) -> NDArray[np.float64]:
        """Hessian of the training loss, shape (P, P), exactly: the Gauss-Newton part and what tanh bends.

        With J_c = d logit_c/d theta and e = p - onehot: <sum_c p_c (J_c - J)(J_c - J)^T + sum_c e_c
        d^2 logit_c>, J = sum_c p_c J_c. Biases are the weights of a constant input: theta is (W1,
        b1) and then (W2, b2).

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> H = net.hessian(theta)
        >>> H.shape, bool(abs(H - H.T).max() < 1e-12)
        ((17, 17), True)
        """
        n, hidden, classes = len(self.X), self.hidden, self.classes
        W2 = self._split(theta)[2]
        a, p = self.probabilities(theta)
        one = np.ones((n, 1))
        x, a1, slope = np.hstack([self.X, one]), np.hstack([a, one]), 1.0 - a * a
        first = x.shape[1] * hidden
        J = np.zeros((n, classes, self.size))
        for c in range(classes):
            J[:, c, :first] = (x[:, :, None] * (slope * W2[:, c])[:, None, :]).reshape(n, -1)
            J[:, c, first + c :: classes] = a1
        J -= np.einsum("nc,ncp->np", p, J)[:, None]
        J *= np.sqrt(p)[:, :, None]
        rows = J.reshape(n * classes, -1)
        H = rows.T @ rows
        e = p.copy()
        e[np.arange(n), self.labels] -= 1.0
        bend = -2.0 * a * slope * (e @ W2.T)
        for j in range(hidden):
            unit, out = (
                slice(j, first, hidden),
                slice(first + j * classes, first + (j + 1) * classes),
            )
            H[unit, unit] += (x * bend[:, j, None]).T @ x
            across = (x * slope[:, j, None]).T @ e
            H[unit, out] += across
            H[out, unit] += across.T
        return H / n + self.weight_decay * np.eye(self.size)

    def minimum(self, theta: NDArray, tolerance: float = 1e-9) -> NDArray[np.float64]:
        """The minimum of the training loss below theta, (P,): the rule of SGD on the whole batch, then Newton
        steps.

        RuntimeError if |gradient| < tolerance is not reached; start it near the end of training.

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> least = net.minimum(0.1 * theta)
        >>> bool(abs(net.gradient(least)).max() < 1e-9)
        True
        """
        eta, beta, v = 1.0 / linalg.eigvalsh(self.hessian(theta))[-1], 0.95, np.zeros(self.size)
        for _ in range(3000):
            g = self.gradient(theta)
            if np.linalg.norm(g) < 1e-5:
                break
            v = beta * v - g
            theta = theta + eta * v
        for _ in range(40):
            g = self.gradient(theta)
            if np.linalg.norm(g) < tolerance:
                return theta
            move = _newton(self.hessian(theta), g)
            here, fall = self.loss(theta), g @ move
            while self.loss(theta - move) > here - 1e-4 * fall + 1e-14:
                move, fall = 0.5 * move, 0.5 * fall
            theta = theta - move
        raise RuntimeError(
            f"no minimum: |gradient| is {np.linalg.norm(g):.3g}, not < {tolerance:g}"
        )

    def sharpness(self, theta: NDArray) -> tuple[float, float]:
        """Largest eigenvalue and trace of the Hessian of the training loss, weight decay included.

        Near a minimum a Gaussian shift of all parameters, with standard deviation sigma, raises the
        loss by (sigma**2/2) trace on average; the worst shift of length s raises it by (s**2/2)
        times the largest eigenvalue.

        Examples
        --------
        >>> from mpack import network
        >>> net = network.SmallNetwork([[1.0], [-1.0]], [0, 1], hidden=1, weight_decay=0.01)
        >>> largest, trace = net.sharpness([0.0] * net.size)
        >>> round(largest, 6), round(trace, 6)  # all weights 0: 0.01 + sqrt(0.5), 0.5 + 6 * 0.01
        (0.717107, 0.56)
        """
        H = self.hessian(np.asarray(theta, dtype=float))
        top = len(H) - 1
        largest = linalg.eigvalsh(H, subset_by_index=[top, top])[0]
        return float(largest), float(np.trace(H))

    def descend(
        self, theta: NDArray, eta: float, steps: int, *, beta: float = 0.0
    ) -> NDArray[np.float64]:
        """The rule of `train` with the whole batch, v' = beta v - g, theta' = theta + eta v', from rest: (P,).

        For small eta and beta = 0 it follows the gradient downhill, wherever that leads, and cannot
        leap over what is in between; `minimum` is quicker, and might.

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> net.loss(net.descend(theta, 0.1, 50)) < net.loss(theta)
        True
        """
        eta = _check.number("eta", eta, 0.0, open_low=True)
        beta = _check.number("beta", beta, 0.0, 1.0, open_high=True)
        theta = _check.array("theta", theta, (self.size,))
        v = np.zeros(self.size)
        for _ in range(_check.integer("steps", steps, 0)):
            v = beta * v - self.gradient(theta)
            theta = theta + eta * v
        return theta

    def spectra(self, theta: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Curvatures h (P,), largest first, and the variance (P,) of one sample's gradient along each
        eigenvector.

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> curvature, variance = net.spectra(theta)
        >>> curvature.shape, bool(variance.min() >= 0)
        ((17,), True)
        """
        h, E = np.linalg.eigh(self.hessian(theta))
        return h[::-1], np.var(self.sample_gradients(theta) @ E[:, ::-1], axis=0)

    def train(
        self,
        theta: ArrayLike,
        *,
        eta: float,
        beta: float,
        batch_size: int,
        record: ArrayLike,
        seed: int,
        v: ArrayLike | None = None,
        first_run: int = 0,
        threads: int = 1,
    ) -> NetworkRuns:
        """SGD with momentum, batches drawn with replacement: v' = beta v - g, theta' = theta + eta v'.

        Parameters
        ----------
        theta, v : array_like, shape (runs, P)
            Starts; v is zero by default. Row r draws its batches as run first_run + r.
        eta, beta, batch_size : float, float, int
        record : array_like of int, shape (m,)
            Increasing steps; the first one is the step the starts are at, so that training goes on
            where it ended.
        seed, threads : int

        Returns
        -------
        NetworkRuns

        Examples
        --------
        >>> from mpack import network
        >>> X, labels = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> net = network.SmallNetwork(X, labels, hidden=3, weight_decay=0.01)
        >>> theta = net.start(seed=1)
        >>> runs = net.train([theta, theta], eta=0.1, beta=0.9, batch_size=2, record=[0, 50], seed=2)
        >>> bool((runs.theta[0, 1] == runs.theta[1, 1]).all())  # each run has batches of its own
        False
        """
        theta = _check.array("theta", theta, (None, self.size))
        v = np.zeros_like(theta) if v is None else _check.array("v", v, theta.shape)
        eta, beta = (
            _check.number("eta", eta, 0.0, open_low=True),
            _check.number("beta", beta, 0.0, 1.0, open_high=True),
        )
        size, key = (
            _check.integer("batch_size", batch_size, 1),
            np.uint64(_check.seed("seed", seed)),
        )
        first_run, threads = (
            _check.integer("first_run", first_run, 0),
            _check.integer("threads", threads, 1),
        )
        record = _check.array("record", record, (None,), dtype=np.int64)
        if record.size < 1 or record[0] < 0 or np.any(np.diff(record) <= 0):
            raise ValueError(f"record must hold increasing steps >= 0; got {record}")
        out, speed2 = (
            np.empty((len(theta), record.size, self.size)),
            np.empty((len(theta), record.size)),
        )

        def work(r):
            row = slice(r, r + 1)
            network.sgd_runs(
                self.X, self.labels, self.hidden, self.classes, theta[row], v[row], eta, beta,
                self.weight_decay, size, key, first_run + r, record, out[row], speed2[row],
            )  # fmt: skip

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(len(theta))))
        return NetworkRuns(record, out, v, speed2)

    def walk(
        self,
        theta: ArrayLike,
        *,
        eta: float,
        beta: float,
        batch_size: int,
        lags: ArrayLike,
        origins: ArrayLike,
        seed: int,
        first_run: int = 0,
        threads: int = 1,
    ) -> NetworkWalk:
        """Squared displacements of runs of training, from several origins in time.

        Compare with `mpack.limiting.linear_displacement` of the curvatures and noise of `spectra`, at
        an age that is an origin.

        Parameters
        ----------
        theta : array_like, shape (runs, P)
            Starts, with v = 0; row r draws its batches as run first_run + r.
        eta, beta, batch_size : float, float, int
            As for `train`.
        lags : array_like of int, shape (m,)
            Steps k >= 1, increasing.
        origins : array_like of int
            Steps s >= 1 since the start, increasing.
        seed, first_run, threads : int

        Returns
        -------
        NetworkWalk

        Raises
        ------
        TypeError, ValueError
            As for `train`, or if lags or origins are not increasing steps >= 1.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack.network import SmallNetwork
        >>> net = SmallNetwork(np.eye(2), [0, 1], hidden=1)
        >>> how = dict(eta=0.1, beta=0.5, batch_size=1, seed=1)
        >>> far = net.walk([net.start(1)], lags=[1, 4], origins=[5, 9], **how)
        >>> far.displacement.shape, far.local.shape
        ((1, 2), (1,))
        """
        lags, origins = _increasing("lags", lags), _increasing("origins", origins)
        visits = np.add.outer(origins, np.r_[0, lags])
        record = np.unique(visits)
        got = self.train(
            theta,
            eta=eta,
            beta=beta,
            batch_size=batch_size,
            record=np.r_[0, record],
            seed=seed,
            first_run=first_run,
            threads=threads,
        )
        places = 1 + np.searchsorted(record, visits)
        squares = [
            np.sum((got.theta[:, at[1:]] - got.theta[:, at[:1]]) ** 2, axis=-1) for at in places
        ]
        steps = np.diff(record)  # between records; those before the first origin do not count
        speed2 = (got.speed2[:, 2:] * steps).sum(axis=1) / steps.sum()
        return NetworkWalk(lags, np.mean(squares, axis=0), eta**2 * speed2, got.theta[:, -1])

    def _split(self, theta):
        return plain(network.split)(theta, self.X.shape[1], self.hidden, self.classes)

    def _errors(self, theta):
        """Activities, error p - onehot at the output and at the hidden layer."""
        a, dz = self.probabilities(theta)
        dz[np.arange(len(self.X)), self.labels] -= 1.0
        return a, dz, (dz @ self._split(theta)[2].T) * (1.0 - a * a)


def _increasing(name: str, steps: ArrayLike) -> NDArray[np.int64]:
    """Increasing steps >= 1, int64."""
    steps = _check.array(name, steps, (None,), dtype=np.int64)
    if steps.size < 1 or steps[0] < 1 or np.any(np.diff(steps) <= 0):
        raise ValueError(f"{name} must hold increasing steps >= 1; got {steps}")
    return steps


def _newton(H, g):
    """(H + shift)^-1 g with the least shift, in powers of two, that makes the matrix positive definite."""
    shift = 0.0
    while True:
        try:
            return linalg.cho_solve(linalg.cho_factor(H + shift * np.eye(len(H))), g)
        except linalg.LinAlgError:
            shift = max(2.0 * shift, 1e-4)
