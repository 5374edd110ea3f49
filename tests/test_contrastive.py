"""mpack.contrastive: losses against their definitions, gradients against differences, the kernel against plain
NumPy, one seed one run.
"""

import math

import numpy as np
import pytest
from scipy import ndimage

from mpack import contrastive
from mpack._kernels import contrastive as kernel
from mpack._kernels import noise
from mpack.contrastive import Augmentation, Encoder, NTXent, PackingLoss, linear_probe, train

LOSSES = [NTXent(0.3), PackingLoss(1.5), PackingLoss(1.5, power=1), PackingLoss(1.1)]


@pytest.fixture
def Z():
    """Embeddings of 5 images in 3 views each."""
    return np.random.default_rng(3).normal(size=(5, 3, 4))


def slopes(f, x, step=1e-6):
    """Gradient of f at x by central differences."""
    out = np.empty_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        out[place] = (f(up) - f(down)) / (2 * step)
    return out


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_gradients_of_the_losses(loss, Z):
    value, gradient = loss.value_and_gradient(Z)
    assert value == loss.value(Z)
    np.testing.assert_allclose(gradient, slopes(loss.value, Z), atol=2e-8)


@pytest.mark.parametrize("loss", [*LOSSES, PackingLoss(1.2, attract=True)], ids=repr)
def test_kernel_agrees_with_numpy(loss, Z):
    value, gradient = loss.value_and_gradient(Z)
    out, told = np.empty((15, 4)), np.empty(3)
    kernel.loss_of(loss.kind, Z.reshape(15, 4), 3, loss.parameter, loss.power, out, told)
    np.testing.assert_allclose(out.reshape(Z.shape), gradient, atol=1e-14)
    assert told[0] == pytest.approx(value, abs=1e-14)
    if isinstance(loss, PackingLoss):
        assert told[1] == loss.activity(Z) and told[2] == pytest.approx(
            loss.balls(Z)[1].mean(), rel=1e-14
        )


def test_attraction_is_the_packing_loss_turned_over(Z):
    one, other = (PackingLoss(1.5, attract=flag).value_and_gradient(Z)[1] for flag in (False, True))
    assert np.array_equal(one, -other)


def test_nt_xent_of_two_views_is_that_of_the_paper(Z):
    """Eq. 1 of Chen et al., term by term."""
    z = Z[:, :2].reshape(-1, 4)
    similar = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) / 0.3 for b in z] for a in z]
    terms = [
        -math.log(math.exp(row[a ^ 1]) / sum(math.exp(s) for b, s in enumerate(row) if b != a))
        for a, row in enumerate(similar)
    ]
    assert NTXent(0.3).value(Z[:, :2]) == pytest.approx(np.mean(terms), rel=1e-13)


def test_packing_energy_of_three_balls_by_hand():
    """Views at fixed distances around three centres; only the first two overlap."""
    centres, spread = np.array([[3.0, 0.0, 0.4], [3.0, 0.9, -0.4], [-6.0, -0.9, 0.0]]), 0.15
    Z = centres[:, None] + spread * np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    assert np.abs(Z.mean(axis=(0, 1))).max() < 1e-15
    u = Z / np.linalg.norm(Z, axis=2, keepdims=True)
    c = u.mean(axis=1)
    trace = ((u - c[:, None]) ** 2).sum(axis=(1, 2))
    radii = 4.5 * np.sqrt(trace / 2)  # two views, three dimensions: the lesser
    d = np.linalg.norm(c[0] - c[1])
    assert d < radii[0] + radii[1] and np.linalg.norm(c[0] - c[2]) > radii[0] + radii[2]
    for power in (1, 2):
        loss = PackingLoss(4.5, power=power)
        energy = (1 - d / (radii[0] + radii[1])) ** power
        assert loss.value(Z) == pytest.approx(math.log(energy + 1e-6), rel=1e-6)
        assert loss.activity(Z) == pytest.approx(2 / 3)
        np.testing.assert_allclose(loss.balls(Z)[1], radii, rtol=1e-9)


def test_without_overlap_nothing_moves():
    Z = np.array([[[1.0, 0.0], [1.0, 0.01]], [[-1.0, 0.0], [-1.0, 0.01]]])
    loss = PackingLoss(2.0)
    assert loss.activity(Z) == 0 and loss.value(Z) == pytest.approx(math.log(1e-6))
    assert np.all(loss.value_and_gradient(Z)[1] == 0)


@pytest.mark.parametrize("loss", [NTXent(0.3), PackingLoss(1.5)], ids=repr)
def test_losses_know_no_scale_and_packing_no_place(loss, Z):
    scaled = Z * (
        1.7 if isinstance(loss, PackingLoss) else np.linspace(0.5, 2, 15).reshape(5, 3, 1)
    )
    moved = scaled + (2.5 if isinstance(loss, PackingLoss) else 0.0)
    assert loss.value(moved) == pytest.approx(loss.value(Z), rel=1e-12)


@pytest.mark.parametrize("loss", [NTXent(0.3), PackingLoss(1.5)], ids=repr)
def test_gradient_of_the_encoder(loss):
    encoder = Encoder(pixels=4, hidden=7, features=6, out=3)
    theta = encoder.start(2) + 0.05  # biases off zero
    views = np.random.default_rng(1).normal(size=(4, 2, 4))
    value, gradient = encoder.gradient(theta, views, loss)

    def total(theta):
        return loss.value(encoder.embed(theta, views.reshape(-1, 4)).reshape(4, 2, 3))

    assert value == pytest.approx(total(theta), rel=1e-13)
    np.testing.assert_allclose(gradient, slopes(total, theta), atol=3e-8)


def test_a_start():
    encoder = Encoder()
    theta = encoder.start(7)
    assert theta.shape == (encoder.size,) and encoder.size == 65 * 128 + 129 * 64 + 65 * 32
    W1, b1, W2, b2, W3, b3 = encoder._split(theta)
    assert not b1.any() and not b2.any() and not b3.any()
    for W, variance in ((W1, 2 / 64), (W2, 2 / 128), (W3, 1 / 64)):
        assert W.var() == pytest.approx(variance, rel=6 * math.sqrt(2 / W.size))
    assert not np.array_equal(theta, encoder.start(8))


@pytest.mark.parametrize(
    "loss", [NTXent(0.2), PackingLoss(2.0), PackingLoss(2.0, attract=True)], ids=repr
)
def test_training_is_what_its_docstring_says(loss):
    """Two epochs by hand, in NumPy, with the order and the views of the run."""
    images, seed = np.random.default_rng(5).random((19, 16)), 11
    encoder, augmentation = (
        Encoder(pixels=16, hidden=9, features=8, out=4),
        Augmentation(0.7, 0.2, 0.05),
    )
    asked = {
        "rate": 0.02,
        "epochs": 2,
        "batch": 6,
        "views": 3,
        "augmentation": augmentation,
        "momentum": 0.8,
    }
    run = train(encoder, images, loss, seed=seed, **asked)
    theta, v, order, seen = encoder.start(seed), 0.0, np.arange(19), []
    for k in range(6):
        if k % 3 == 0:
            kernel.order_of(np.uint64(seed), k // 3, order)
        chosen = order[k % 3 * 6 : k % 3 * 6 + 6]
        seen += chosen.tolist()
        value, gradient = encoder.gradient(
            theta, augmentation.views(images, 3, seed, step=k)[chosen], loss
        )
        assert run.loss[k] == pytest.approx(value, abs=1e-12)
        v = 0.8 * v - gradient
        theta = theta + 0.02 * (1 - k / 6) * v
    np.testing.assert_allclose(run.theta, theta, atol=1e-12)
    assert len(set(seen[:18])) == 18 and len(set(seen[18:])) == 18 and seen[:18] != seen[18:]


def test_one_seed_one_run():
    images = np.random.default_rng(5).random((32, 64))
    asked = {"rate": 0.05, "epochs": 3, "batch": 8}
    first, again = (train(Encoder(), images, PackingLoss(2.0), seed=4, **asked) for _ in range(2))
    assert first.digest == again.digest and np.array_equal(first.loss, again.loss)
    assert train(Encoder(), images, PackingLoss(2.0), seed=5, **asked).digest != first.digest
    assert (
        first.digest == "f06397342c612957608db791c08e0d0a"
    )  # anywhere: only IEEE arithmetic, in a fixed order


def test_views_are_turned_shifted_and_interpolated():
    """Against SciPy's interpolation at the same points."""
    image, seed, step = np.random.default_rng(2).random(64), 9, 3
    found = Augmentation(1.5, 0.3, 0.0).views([image, image], 4, seed, step)
    words = np.empty((4, 2, 2), np.uint64)
    for part in range(2):
        blocks = np.arange(4, dtype=np.uint64) * np.uint64(2**16) + np.uint64(part)
        where = np.uint64(seed), noise.CONTRASTIVE, np.uint64(step), np.ones(4, np.uint64)
        noise.fill_bits(*where, blocks, words[:, part])
    u = 2 * (words.reshape(4, 4)[:, :3] >> np.uint64(11)).astype(float) * 2.0**-53 - 1
    y, x = np.indices((8, 8)) - 3.5
    for view in range(4):
        dx, dy, angle = 1.5 * u[view, 0], 1.5 * u[view, 1], 2 * math.atan(0.3 * u[view, 2])
        from_x = math.cos(angle) * x - math.sin(angle) * y + dx + 3.5
        from_y = math.sin(angle) * x + math.cos(angle) * y + dy + 3.5
        expected = ndimage.map_coordinates(
            np.pad(image.reshape(8, 8), 4), [from_y + 4, from_x + 4], order=1
        )
        np.testing.assert_allclose(found[1, view], expected.ravel(), atol=1e-12)


def test_no_augmentation_and_grain_alone(seed):
    images = np.random.default_rng(2).random((5, 64))
    assert np.array_equal(
        Augmentation(0, 0, 0).views(images, 3, 1), np.repeat(images[:, None], 3, axis=1)
    )
    grain = Augmentation(0, 0, 0.2).views(np.zeros((200, 64)), 2, seed).ravel()
    assert abs(grain.mean()) < 5 * 0.2 / math.sqrt(grain.size)
    assert abs(grain.std() / 0.2 - 1) < 5 / math.sqrt(2 * grain.size)


def test_the_probe_finds_planes_and_chance():
    pytest.importorskip("sklearn", reason="an extra: the probe is scikit-learn's")
    random = np.random.default_rng(1)
    labels = np.arange(600) % 3
    features = np.eye(3)[labels] * 4 + random.normal(size=(600, 3)) * 0.1
    features = np.hstack([features, np.zeros((600, 1))])  # a feature that says nothing
    half = slice(0, 300), slice(300, 600)
    seen, unseen = ((features[part], labels[part]) for part in half)
    assert linear_probe(*seen, *unseen) == 1.0
    assert linear_probe(*seen, *unseen, per_class=2) == 1.0
    nothing = random.normal(size=(600, 4))
    assert (
        abs(linear_probe(nothing[:300], labels[:300], nothing[300:], labels[300:]) - 1 / 3) < 0.14
    )  # 5 sigma


def small(images=np.zeros((8, 64)), **changes):
    return train(
        Encoder(),
        images,
        **({"loss": NTXent(), "rate": 0.1, "epochs": 1, "seed": 1, "batch": 4} | changes),
    )


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "temperature", lambda: NTXent(0.0)),
        (ValueError, "scale", lambda: PackingLoss(0.0)),
        (ValueError, "power must be one of 1, 2", lambda: PackingLoss(power=3)),
        (TypeError, "attract", lambda: PackingLoss(attract=1)),
        (ValueError, "turn", lambda: Augmentation(turn=2.0)),
        (ValueError, "pixels must be a square", lambda: Encoder(pixels=63)),
        (ValueError, "out", lambda: Encoder(out=1)),
        (ValueError, "Z must have at least 2", lambda: NTXent().value(np.ones((4, 1, 3)))),
        (TypeError, "loss must be NTXent or PackingLoss", lambda: small(loss="nt-xent")),
        (ValueError, "rate", lambda: small(rate=0.0)),
        (ValueError, "batch", lambda: small(batch=9)),
        (ValueError, "64 pixels of the encoder", lambda: small(np.zeros((8, 16)))),
        (ValueError, "square images", lambda: Augmentation().views(np.zeros((2, 5)), 2, 1)),
        (
            FloatingPointError,
            "take a smaller one",
            lambda: small(np.eye(8, 64), rate=1e300, epochs=4),
        ),
    ],
)
def test_bad_input_is_refused(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_the_two_kinds_are_told_apart():
    assert [NTXent().kind, PackingLoss().kind, PackingLoss(attract=True).kind] == [0, 1, 2]
    assert contrastive.kernel.TINY == 1e-6
