"""Learning without labels: views of an image belong together, other images do not.

A small encoder turns an image into features and these into an embedding. A batch of images is shown
in several views, and a loss of the embeddings says how well views of one image stand apart from the
rest. Two losses:

* `NTXent`, the plain contrastive one: every view is drawn to the other views of its image and pushed off
  everything else;
* `PackingLoss`: the views of an image span a ball, and balls that overlap repel: the packing energy of
  this book, in the embedding. It is the loss of contrastive learning as manifold packing (CLAMP,
  Zhang, Heeger and Martiniani, arXiv 2506.13717).

Training runs in `mpack._kernels.contrastive`, bit for bit the same on every machine; losses and
gradients here are plain NumPy, written a second time and compared in the tests. Images have values
in [0, 1] and lengths in embeddings no unit: they lie on the unit sphere.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpack import _check
from mpack._extras import from_extra
from mpack._kernels import contrastive as kernel
from mpack._kernels import noise
from mpack._kernels._jit import plain
from mpack._labels import labelled
from mpack._repr import short_repr

_START_BLOCK = 2**31  # noise blocks from here on never meet a view


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What may happen to an image without making it another: a turn, a shift and grain.

    Parameters
    ----------
    shift : float
        Largest shift along either axis, in pixels, >= 0; uniform.
    turn : float
        Tangent of half the largest turn, in [0, 1]; the turn is 2 arctan t, t uniform in [-turn,
        turn].
    grain : float
        Standard deviation of independent Gaussian noise on every pixel, >= 0.

    Examples
    --------
    >>> from mpack import contrastive
    >>> contrastive.Augmentation(shift=0, turn=0, grain=0.05)
    Augmentation(shift=0.0, turn=0.0, grain=0.05)
    """

    shift: float = 0.5
    turn: float = 0.1
    grain: float = 0.1

    def __post_init__(self):
        for name, high in (("shift", None), ("turn", 1.0), ("grain", None)):
            object.__setattr__(self, name, _check.number(name, getattr(self, name), 0.0, high))

    def views(self, images: ArrayLike, count: int, seed: int, step: int = 0) -> NDArray[np.float64]:
        """Views of images, shape (n, count, pixels), as a batch of training at that step would see them.

        Parameters
        ----------
        images : array_like, shape (n, side**2)
        count, seed, step : int
            Views of each image; noise of purpose "contrastive" at that step, labelled by the number of
            the image.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack import contrastive
        >>> same = contrastive.Augmentation(shift=0, turn=0, grain=0)
        >>> views = same.views(np.full((3, 16), 0.5), count=2, seed=1)
        >>> views.shape, round(float(views[0, 0, 5]), 6)
        ((3, 2, 16), 0.5)
        """
        images = _images("images", images)
        count, step = (
            _check.integer("count", count, 1, 2**31),
            _check.integer("step", step, 0, 2**63 - 1),
        )
        out = np.empty((len(images) * count, images.shape[1]))
        where = math.isqrt(images.shape[1]), np.uint64(_check.seed("seed", seed)), step
        kernel.views_of(
            images, np.arange(len(images)), count, *where, self.shift, self.turn, self.grain, out
        )
        return out.reshape(len(images), count, -1)


@dataclasses.dataclass(frozen=True)
class NTXent:
    """Normalised-temperature cross-entropy, the loss of SimCLR, for any number of views V of each image.

    With unit vectors u = z/|z| and s_ab = u_a.u_b/temperature, the mean over all views a of

        ln sum_{b != a} exp(s_ab) - mean over the other views p of a's image of s_ap.

    For V = 2 this is the loss of Chen, Kornblith, Norouzi and Hinton, ICML 2020.

    Parameters
    ----------
    temperature : float
        > 0; at least 0.01, so that no exponential leaves the range of a float.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import contrastive
    >>> loss = contrastive.NTXent(temperature=1.0)
    >>> Z = np.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> round(loss.value(Z), 6), round(float(np.log(1 + 2 / np.e)), 6)
    (0.551445, 0.551445)
    >>> loss.value_and_gradient(Z)[1].shape
    (2, 2, 2)
    """

    temperature: float = 0.2

    kind, power = kernel.NT_XENT, 2

    def __post_init__(self):
        object.__setattr__(
            self, "temperature", _check.number("temperature", self.temperature, 0.01)
        )

    @property
    def parameter(self) -> float:
        """The number of the loss that training takes: the temperature."""
        return self.temperature

    def value(self, Z: ArrayLike) -> float:
        """The loss of embeddings Z, shape (images, views, out)."""
        return self.value_and_gradient(Z)[0]

    @_check.sound
    def value_and_gradient(self, Z: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """The loss of embeddings Z, shape (images, views, out), and its gradient, of the same shape."""
        Z = _embeddings(Z)
        images, views, out = Z.shape
        U, norm = _onto_sphere(Z.reshape(-1, out))
        image = np.repeat(np.arange(images), views)
        partner = (image[:, None] == image) & ~np.eye(len(U), dtype=bool)
        s = U @ U.T / self.temperature
        rest = np.exp(s - 1.0 / self.temperature) * ~np.eye(len(U), dtype=bool)
        total = rest.sum(axis=1)
        loss = np.mean(
            np.log(total) + 1.0 / self.temperature - (s * partner).sum(axis=1) / (views - 1)
        )
        slope = (rest / total[:, None] - partner / (views - 1)) / len(U)
        dU = (slope + slope.T) @ U / self.temperature
        return float(loss), _off_sphere(U, norm, dU).reshape(Z.shape)


@dataclasses.dataclass(frozen=True)
class PackingLoss:
    """The packing energy of a batch: images are balls, their views say where and how large, and balls that overlap
    repel.

    The mean of the batch is taken off all embeddings, and they are divided by their lengths. The V
    views u_iv of image i then have the centre c_i, and the ball the radius R_i = scale
    sqrt(T_i/min(V, out)), T_i = sum_v |u_iv - c_i|**2/(V - 1) the trace of their covariance:
    `scale` times the semi-axis that the ellipsoid of the views has on average. With d_ij = |c_i -
    c_j|,

        L = ln(10**-6 + sum over pairs with d_ij < R_i + R_j of (1 - d_ij/(R_i + R_j))**power).

    One term does both: it moves the centres of overlapping balls apart and makes the balls smaller,
    which is what draws views together. Where nothing overlaps there is no gradient: an absorbing
    state.

    Parameters
    ----------
    scale : float
        > 0.
    power : int
        2, as in CLAMP, or 1, the linear repulsion of the rest of this book.
    attract : bool
        True turns the sign of the gradient: a negative control.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import contrastive
    >>> Z = np.array([[[1.0, 0.1], [1.0, -0.1]], [[-1.0, 0.1], [-1.0, -0.1]]])
    >>> loss = contrastive.PackingLoss(scale=1.0)
    >>> centres, radii = loss.balls(Z)
    >>> centres.shape, radii.round(3).tolist(), loss.activity(Z)
    ((2, 2), [0.1, 0.1], 0.0)
    >>> round(loss.value(Z), 3), float(abs(loss.value_and_gradient(Z)[1]).max())
    (-13.816, 0.0)
    """

    scale: float = 2.0
    power: int = 2
    attract: bool = False

    def __post_init__(self):
        object.__setattr__(self, "scale", _check.number("scale", self.scale, 0.0, open_low=True))
        _check.choice("power", self.power, (1, 2))
        _check.flag("attract", self.attract)

    @property
    def kind(self) -> int:
        """The loss's number in `mpack._kernels.contrastive`."""
        return kernel.ATTRACTION if self.attract else kernel.PACKING

    @property
    def parameter(self) -> float:
        """The number of the loss that training takes: the scale."""
        return self.scale

    def balls(self, Z: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres (images, out) and radii (images,) of the balls that embeddings Z (images, views, out) span."""
        u, _ = self._sphere(Z)
        return u.mean(axis=1), self._radii(u)

    def activity(self, Z: ArrayLike) -> float:
        """Fraction of the balls that overlap another."""
        centre, radius = self.balls(Z)
        d, reach = _distances(centre, radius)
        return float(np.mean(np.any(d < reach, axis=1)))

    def value(self, Z: ArrayLike) -> float:
        """The loss of embeddings Z, shape (images, views, out)."""
        centre, radius = self.balls(Z)
        d, reach = _distances(centre, radius)
        depth = np.maximum(1.0 - d / reach, 0.0)
        return float(np.log(kernel.TINY + 0.5 * np.sum(depth**self.power)))

    @_check.sound
    def value_and_gradient(self, Z: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """The loss of embeddings Z, shape (images, views, out), and its gradient (turned over if `attract`)."""
        u, norm = self._sphere(Z)
        centre, radius, views = u.mean(axis=1), self._radii(u), u.shape[1]
        d, reach = _distances(centre, radius)
        depth = np.maximum(1.0 - d / reach, 0.0)
        energy = 0.5 * np.sum(depth**self.power)
        slope = (2.0 * depth if self.power == 2 else np.sign(depth)) / reach
        near = np.where(slope > 0, d, 1.0)
        pull = slope / near
        d_centre = pull @ centre - pull.sum(axis=1)[:, None] * centre
        d_radius = np.sum(slope * near / reach, axis=1)
        away = u - centre[:, None]
        spread = np.sum(away**2, axis=(1, 2)) / (views - 1) + 1e-12
        du = (
            d_centre[:, None] / views
            + (d_radius * radius / (spread * (views - 1)))[:, None, None] * away
        )
        flat = _off_sphere(u.reshape(-1, u.shape[2]), norm, du.reshape(-1, u.shape[2]))
        sign = -1.0 if self.attract else 1.0
        gradient = sign * (flat - flat.mean(axis=0)) / (energy + kernel.TINY)
        return float(np.log(kernel.TINY + energy)), gradient.reshape(u.shape)

    def _sphere(self, Z):
        """Embeddings without their mean on the unit sphere, and their lengths before, one a row."""
        Z = _embeddings(Z)
        flat = Z.reshape(-1, Z.shape[2])
        U, norm = _onto_sphere(flat - flat.mean(axis=0))
        return U.reshape(Z.shape), norm

    def _radii(self, u):
        _, views, out = u.shape
        spread = np.sum((u - u.mean(axis=1, keepdims=True)) ** 2, axis=(1, 2)) / (views - 1) + 1e-12
        return self.scale * np.sqrt(spread / min(out, views))


@dataclasses.dataclass(frozen=True)
class Encoder:
    """features = relu(relu(x W1 + b1) W2 + b2), embedding = features W3 + b3.

    The loss sees the embedding; what is learnt is judged by the features, as in SimCLR and CLAMP.

    Parameters
    ----------
    pixels, hidden, features, out : int
        Widths >= 1; pixels is a square, out >= 2.

    Attributes
    ----------
    size : int
        Number of parameters P. theta is flat: W1 (pixels, hidden), b1, W2 (hidden, features), b2,
        W3 (features, out), b3.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import contrastive
    >>> encoder = contrastive.Encoder(pixels=16, hidden=8, features=4, out=3)
    >>> theta = encoder.start(seed=1)
    >>> encoder.size, theta.shape
    (187, (187,))
    >>> images = np.full((2, 16), 0.5)
    >>> encoder.features_of(theta, images).shape, encoder.embed(theta, images).shape
    ((2, 4), (2, 3))
    """

    pixels: int = 64
    hidden: int = 128
    features: int = 64
    out: int = 32

    __repr__ = short_repr

    def __post_init__(self):
        for name, low in (("pixels", 1), ("hidden", 1), ("features", 1), ("out", 2)):
            _check.integer(name, getattr(self, name), low)
        if math.isqrt(self.pixels) ** 2 != self.pixels:
            raise ValueError(f"pixels must be a square; got {self.pixels}")

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return sum((rows + 1) * columns for rows, columns in self._shapes())

    def start(self, seed: int) -> NDArray[np.float64]:
        """Random parameters, shape (P,): weights Gaussian of variance 2/fan-in (1/fan-in in the last layer), biases
        zero.
        """
        label, draws = np.arange(self.size, dtype=np.uint64), np.empty(self.size)
        block = np.full(self.size, _START_BLOCK, np.uint64)
        noise.fill_gaussian(
            np.uint64(_check.seed("seed", seed)),
            noise.CONTRASTIVE,
            np.uint64(0),
            label,
            block,
            draws,
        )
        gains = [2.0, 2.0, 1.0]
        scale = [
            x
            for gain, (rows, _) in zip(gains, self._shapes())
            for x in (math.sqrt(gain / rows), 0.0)
        ]
        return draws * np.repeat(
            scale, [x for rows, columns in self._shapes() for x in (rows * columns, columns)]
        )

    def features_of(self, theta: ArrayLike, X: ArrayLike) -> NDArray[np.float64]:
        """Features, shape (n, features), of images X (n, pixels)."""
        return self._layers(theta, X)[1]

    def embed(self, theta: ArrayLike, X: ArrayLike) -> NDArray[np.float64]:
        """Embeddings, shape (n, out), of images X (n, pixels)."""
        return self._layers(theta, X)[2]

    def gradient(
        self, theta: ArrayLike, views: ArrayLike, loss: NTXent | PackingLoss
    ) -> tuple[float, NDArray[np.float64]]:
        """Loss of a batch of views (images, views, pixels) and its gradient in theta (P,), by hand: layer by layer
        backwards.

        Examples
        --------
        >>> import numpy as np
        >>> from mpack import contrastive
        >>> encoder = contrastive.Encoder(pixels=16, hidden=8, features=4, out=3)
        >>> views = np.linspace(0, 1, 96).reshape(3, 2, 16)
        >>> theta, loss = encoder.start(seed=1), contrastive.NTXent()
        >>> value, gradient = encoder.gradient(theta, views, loss)
        >>> encoder.gradient(theta - 1e-6 * gradient, views, loss)[0] < value
        True
        """
        views = _check.array("views", views, (None, None, self.pixels))
        W2, W3 = self._split(theta)[2], self._split(theta)[4]
        X = views.reshape(-1, self.pixels)
        A, F, Z = self._layers(theta, X)
        value, dZ = loss.value_and_gradient(Z.reshape(*views.shape[:2], self.out))
        dZ = dZ.reshape(Z.shape)
        dF = (dZ @ W3.T) * (F > 0)
        dA = (dF @ W2.T) * (A > 0)
        parts = [
            part for x, dy in ((X, dA), (A, dF), (F, dZ)) for part in (x.T @ dy, dy.sum(axis=0))
        ]
        return value, np.concatenate([part.ravel() for part in parts])

    def _layers(self, theta, X):
        W1, b1, W2, b2, W3, b3 = self._split(theta)
        A = np.maximum(np.asarray(X) @ W1 + b1, 0.0)
        F = np.maximum(A @ W2 + b2, 0.0)
        return A, F, F @ W3 + b3

    def _shapes(self):
        return [(self.pixels, self.hidden), (self.hidden, self.features), (self.features, self.out)]

    def _split(self, theta):
        theta = _check.array("theta", theta, (self.size,))
        return plain(kernel.split)(theta, self.pixels, self.hidden, self.features, self.out)


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """What a run of `train` ended with and went through, step by step: arrays (steps,).

    activity and radius: fraction of the balls of a batch that overlap another, and their mean
    radius; zero for `NTXent`. digest: of the bits of theta.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import contrastive
    >>> steps = np.zeros(2)
    >>> contrastive.Training(np.zeros(5), steps, steps, steps, digest="").loss.shape
    (2,)
    """

    theta: np.ndarray
    loss: np.ndarray
    activity: np.ndarray
    radius: np.ndarray
    digest: str

    __repr__ = short_repr


def train(
    encoder: Encoder,
    images: ArrayLike,
    loss: NTXent | PackingLoss,
    *,
    rate: float,
    epochs: int,
    seed: int,
    batch: int = 64,
    views: int = 4,
    augmentation: Augmentation = Augmentation(),
    momentum: float = 0.9,
) -> Training:
    """Train an encoder without labels, by SGD with momentum and a learning rate that falls linearly to zero.

    In an epoch every image is in one batch, in random order (but for the remainder). With g the
    gradient of the batch:

        v' = momentum v - g,   theta' = theta + rate (1 - k/steps) v'.

    Start, order and views follow from the seed and do not depend on the loss, so that two losses
    may be compared run by run.

    Parameters
    ----------
    encoder : Encoder
    images : array_like, shape (n, pixels)
    loss : NTXent or PackingLoss
    rate : float
        Learning rate at the first step, > 0.
    epochs, batch, views : int
        At least 1, 2 and 2; a batch holds that many images of the n.
    augmentation : Augmentation
    momentum : float
        In [0, 1).
    seed : int

    Returns
    -------
    Training

    Raises
    ------
    FloatingPointError
        If the parameters are not finite at the end: the rate is too large.

    Examples
    --------
    >>> import numpy as np
    >>> from mpack import contrastive
    >>> encoder = contrastive.Encoder(pixels=16, hidden=8, features=4, out=3)
    >>> images = np.linspace(0, 1, 128).reshape(8, 16)
    >>> loss = contrastive.PackingLoss()
    >>> done = contrastive.train(encoder, images, loss, rate=0.01, epochs=3, seed=1, batch=4, views=2)
    >>> done.loss.shape, done.theta.shape
    ((6,), (187,))
    """
    _check.instance("encoder", encoder, Encoder, "an Encoder")
    _check.instance("loss", loss, (NTXent, PackingLoss), "NTXent or PackingLoss")
    _check.instance("augmentation", augmentation, Augmentation, "an Augmentation")
    images = _images("images", images)
    if images.shape[1] != encoder.pixels:
        raise ValueError(
            f"images must have the {encoder.pixels} pixels of the encoder; got {images.shape[1]}"
        )
    rate = _check.number("rate", rate, 0.0, open_low=True)
    momentum = _check.number("momentum", momentum, 0.0, 1.0, open_high=True)
    epochs, views = _check.integer("epochs", epochs, 1), _check.integer("views", views, 2, 2**15)
    batch = _check.integer("batch", batch, 2, len(images))
    theta, told = encoder.start(seed), np.empty((len(images) // batch * epochs, 3))
    kernel.train(
        images, math.isqrt(encoder.pixels), theta, encoder.hidden, encoder.features,
        loss.kind, loss.parameter, loss.power, views, batch, epochs, rate, momentum,
        np.uint64(seed), augmentation.shift, augmentation.turn, augmentation.grain, told,
    )  # fmt: skip
    if not np.all(np.isfinite(theta)):
        raise FloatingPointError(
            f"the parameters are not finite after training with rate={rate:g}; take a smaller one"
        )
    digest = hashlib.blake2b(theta.astype("<f8").tobytes(), digest_size=16).hexdigest()
    losses, activity, radius = np.ascontiguousarray(told.T)
    return Training(theta, losses, activity, radius, digest)


def linear_probe(
    features: ArrayLike,
    labels: ArrayLike,
    test_features: ArrayLike,
    test_labels: ArrayLike,
    per_class: int | None = None,
) -> float:
    """Accuracy of a linear classifier on frozen features: what they hold that a plane can tell apart.

    Logistic regression on all classes with the penalty |w|**2/2 (scikit-learn, C = 1) after every
    feature has been brought to mean 0 and variance 1 on the training set.

    Parameters
    ----------
    features, labels : array_like, shapes (n, k) and (n,)
        Of the training set.
    test_features, test_labels : array_like, shapes (m, k) and (m,)
    per_class : int, optional
        Use only so many labelled images of each class, the first ones.

    Returns
    -------
    float
        Fraction of the test set whose class is named rightly.

    Examples
    --------
    >>> from mpack import contrastive
    >>> features, labels = [[0.0], [1.0], [10.0], [11.0]], [0, 0, 1, 1]
    >>> contrastive.linear_probe(features, labels, [[0.5], [10.5]], [0, 1])
    1.0
    """
    with from_extra("learning", "mpack.contrastive.linear_probe"):
        from sklearn.linear_model import LogisticRegression

    F = _check.array("features", features, (None, None))
    G, labels = (
        _check.array("test_features", test_features, (None, F.shape[1])),
        labelled("labels", labels, len(F))[0],
    )
    test_labels = labelled("test_labels", test_labels, len(G))[0]
    if per_class is not None:
        per_class = _check.integer("per_class", per_class, 1)
        chosen = np.concatenate(
            [np.flatnonzero(labels == c)[:per_class] for c in np.unique(labels)]
        )
        F, labels = F[chosen], labels[chosen]
    if len(np.unique(labels)) < 2 or not len(G):
        raise ValueError("labels must be of at least two classes, and test_features of one row")
    mean, width = F.mean(axis=0), F.std(axis=0)
    width[width < 1e-9] = 1.0  # a feature that is always zero says nothing
    model = LogisticRegression(max_iter=5000).fit((F - mean) / width, labels)
    return float(model.score((G - mean) / width, test_labels))


def _images(name: str, value: ArrayLike) -> NDArray:
    images = np.ascontiguousarray(_check.array(name, value, ("n", "pixels")))
    if len(images) < 1 or math.isqrt(images.shape[1]) ** 2 != images.shape[1]:
        raise ValueError(f"{name} must be square images, one a row; got shape {images.shape}")
    return images


def _embeddings(Z: ArrayLike) -> NDArray:
    Z = _check.array("Z", Z, ("images", "views", "out"))
    if Z.shape[0] < 2 or Z.shape[1] < 2:
        raise ValueError(f"Z must have at least 2 images and 2 views; got shape {Z.shape}")
    return Z


def _onto_sphere(Z):
    norm = np.sqrt(np.sum(Z * Z, axis=1) + 1e-24)
    return Z / norm[:, None], norm


def _off_sphere(U, norm, dU):
    """Gradient in Z from that in U = Z/|Z|."""
    return (dU - np.sum(U * dU, axis=1, keepdims=True) * U) / norm[:, None]


def _distances(centre, radius):
    """Distances of all pairs of balls, infinite from a ball to itself, and the sums of their radii."""
    d = np.sqrt(np.sum((centre[:, None] - centre) ** 2, axis=2) + 1e-12)
    np.fill_diagonal(d, np.inf)
    return d, radius[:, None] + radius
