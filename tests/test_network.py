"""mpack.network: the kernel against plain NumPy and PyTorch, derivatives against differences, one seed one
run.
"""

import numpy as np
import pytest

from mpack import limiting
from mpack._kernels import network as kernel
from mpack._kernels import noise
from mpack._kernels._jit import njit
from mpack.network import SmallNetwork


@pytest.fixture(scope="module")
def net():
    """40 images of 6 pixels, a third of them blank, in 3 classes."""
    rng = np.random.default_rng(5)
    X = np.maximum(rng.normal(size=(40, 6)), 0.0)
    return SmallNetwork(X, np.arange(40) % 3, hidden=4, weight_decay=0.01)


def batch_by_hand(seed, step, run, n, size):
    blocks = np.arange((size + 3) // 4, dtype=np.uint64)
    words = np.empty((blocks.size, 2), np.uint64)
    noise.fill_bits(
        np.uint64(seed), noise.NETWORK, np.uint64(step), np.full_like(blocks, run), blocks, words
    )
    quarters = [int(w) >> shift & 0xFFFFFFFF for pair in words for w in pair for shift in (0, 32)]
    return [q * n >> 32 for q in quarters[:size]]


@njit
def exp_and_tanh(x, out):
    for i in range(x.shape[0]):
        out[i, 0], out[i, 1] = kernel.exp(x[i]), kernel.tanh(x[i])


def test_exp_and_tanh_without_libm():
    x = np.concatenate([np.linspace(-40.0, 40.0, 20_001), [-699.0, 699.0, -1e4, 0.0]])
    out = np.empty((x.size, 2))
    exp_and_tanh(x, out)
    np.testing.assert_allclose(out[:, 0], np.exp(np.clip(x, -700, 700)), rtol=1e-15)
    np.testing.assert_allclose(out[:, 1], np.tanh(x), atol=3e-16)


def test_derivatives_against_differences(net):
    theta, step = net.start(3), 1e-5
    sides = [[theta + s * step * row for s in (1, -1)] for row in np.eye(net.size)]
    slopes = np.array([(net.loss(a) - net.loss(b)) / (2 * step) for a, b in sides])
    np.testing.assert_allclose(net.gradient(theta), slopes, atol=1e-9)
    bends = np.array([(net.gradient(a) - net.gradient(b)) / (2 * step) for a, b in sides])
    np.testing.assert_allclose(net.hessian(theta), bends, atol=1e-8)
    mean = net.sample_gradients(theta).mean(axis=0) + net.weight_decay * theta
    np.testing.assert_allclose(mean, net.gradient(theta), atol=1e-14)


def test_kernel_agrees_with_numpy(net):
    start, eta, beta, size = net.start(7), 0.2, 0.8, 6
    runs = net.train(
        [start, start], eta=eta, beta=beta, batch_size=size, record=[0, 1, 30], seed=13
    )
    for r in range(2):
        theta, v, speed2 = start.copy(), np.zeros(net.size), []
        for k in range(30):
            g = (
                net.sample_gradients(theta)[batch_by_hand(13, k, r, 40, size)].mean(axis=0)
                + net.weight_decay * theta
            )
            v = beta * v - g
            theta = theta + eta * v
            speed2.append(v @ v)
            if k == 0:
                np.testing.assert_allclose(runs.theta[r, 1], theta, atol=1e-14)
        np.testing.assert_allclose(runs.theta[r, 2], theta, atol=1e-12)
        np.testing.assert_allclose(runs.v[r], v, atol=1e-12)
        np.testing.assert_allclose(
            runs.speed2[r], [0.0, speed2[0], np.mean(speed2[1:])], rtol=1e-12
        )


def test_one_seed_one_run(net):
    """For any number of threads, any company, any record, and stopped and resumed."""
    starts = [net.start(s) for s in (1, 2, 3)]
    settings = dict(eta=0.1, beta=0.9, batch_size=5, seed=4)
    whole = net.train(starts, record=[0, 50], threads=1, **settings)
    threaded = net.train(starts, record=[0, 7, 21, 50], threads=2, **settings)
    assert np.array_equal(whole.theta[:, -1], threaded.theta[:, -1])
    half = net.train(starts[1:], record=[0, 20], first_run=1, **settings)
    rest = net.train(half.theta[:, -1], v=half.v, record=[20, 50], first_run=1, **settings)
    assert np.array_equal(whole.theta[1:, -1], rest.theta[:, -1]) and np.array_equal(
        whole.v[1:], rest.v
    )


def test_minimum_and_the_quiet_walk_about_it(net, seed):
    """At eta/(S (1 - beta)) = 6e-4 the linear theory with the measured spectra holds: 60 runs, 8 % standard
    error on their mean displacement at most, 5 standard errors and 10 % of curvature effects
    allowed.
    """
    bottom = net.minimum(net.start(1))
    assert np.linalg.norm(net.gradient(bottom)) < 1e-9
    h, variance = net.spectra(bottom)
    assert h[-1] > 0.0
    eta, beta, size, k = 0.01, 0.5, 32, np.array([1, 10, 100, 600])
    runs = net.train([bottom] * 60, eta=eta, beta=beta, batch_size=size, record=[0, *(2000 + np.r_[0, k])], seed=seed,
                     threads=2)  # fmt: skip
    moved = np.sum((runs.theta[:, 2:] - runs.theta[:, 1:2]) ** 2, axis=-1)
    expected = limiting.linear_displacement(k, eta, beta, h, variance / size, age=2000)
    error = moved.std(axis=0, ddof=1) / np.sqrt(60)
    assert np.all(error < 0.16 * expected)
    assert np.all(np.abs(moved.mean(axis=0) - expected) < 5.0 * error + 0.1 * expected)
    isotropic = limiting.linear_displacement(
        k, eta, beta, h, np.full(h.size, variance.mean() / size), age=2000
    )
    assert np.abs(moved.mean(axis=0) / isotropic - 1.0)[-1] > 0.5


def test_sharpness_against_dense_differences(net):
    """Against eigenvalues of the Hessian made of differences of gradients, all of them, anywhere and at rest."""
    for theta in (net.start(3), net.minimum(net.start(1))):
        step = 1e-5 * np.eye(net.size)
        rows = [(net.gradient(theta + s) - net.gradient(theta - s)) / 2e-5 for s in step]
        values = np.linalg.eigvalsh(np.add(rows, np.transpose(rows)) / 2)
        largest, trace = net.sharpness(theta)
        assert largest == pytest.approx(values[-1], abs=1e-7)
        assert trace == pytest.approx(values.sum(), abs=1e-6)


def test_the_trace_is_the_rise_of_the_loss_under_small_shifts(net, seed):
    """(sigma**2/2) Tr H, shifted either way: 4000 pairs, five standard errors; twice the trace fails."""
    theta, sigma = net.minimum(net.start(1)), 1e-3
    shifts = sigma * np.random.default_rng(seed).normal(size=(4000, net.size))
    rises = [(net.loss(theta + s) + net.loss(theta - s)) / 2 - net.loss(theta) for s in shifts]
    mean, error = np.mean(rises), np.std(rises) / np.sqrt(len(rises))
    expected = sigma**2 / 2 * net.sharpness(theta)[1]
    assert abs(mean - expected) < 5 * error < 0.1 * expected


def test_descent_is_training_without_drawing(net):
    """Against the gradients of all samples, step by step; and slow descent ends where `minimum` does."""
    start = net.start(2)
    by_hand, v = start.copy(), np.zeros(net.size)
    for _ in range(20):
        g = net.sample_gradients(by_hand).mean(axis=0) + net.weight_decay * by_hand
        v = 0.8 * v - g
        by_hand = by_hand + 0.1 * v
    np.testing.assert_allclose(net.descend(start, 0.1, 20, beta=0.8), by_hand, atol=1e-12)
    near = net.minimum(net.start(1)) + 0.01 * np.random.default_rng(1).normal(size=net.size)
    slow = net.descend(near, 0.5, 20_000)
    np.testing.assert_allclose(slow, net.minimum(near), atol=1e-4)
    assert np.linalg.norm(net.descend(near, 0.5, 20) - slow) > 1e-3


def test_step_by_step_agreement_with_pytorch(net):
    """Same batches, float64, 100 steps of torch.optim.SGD on torch's own autograd."""
    torch = pytest.importorskip("torch")
    start, eta, beta = net.start(2), 0.2, 0.9
    ours = net.train([start], eta=eta, beta=beta, batch_size=8, record=np.arange(101), seed=6)
    W1, b1, W2, b2 = (torch.tensor(part.copy(), requires_grad=True) for part in net._split(start))
    optimiser = torch.optim.SGD(
        [W1, b1, W2, b2], lr=eta, momentum=beta, weight_decay=net.weight_decay
    )
    X, labels = torch.tensor(net.X), torch.tensor(net.labels)
    for k in range(100):
        batch = batch_by_hand(6, k, 0, 40, 8)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(
            torch.tanh(X[batch] @ W1 + b1) @ W2 + b2, labels[batch]
        ).backward()
        optimiser.step()
        theirs = np.concatenate([part.detach().numpy().ravel() for part in (W1, b1, W2, b2)])
        np.testing.assert_allclose(ours.theta[0, k + 1], theirs, atol=1e-11)


def test_bad_input_is_refused(net):
    X, labels = net.X, net.labels
    fine = dict(theta=[net.start(1)], eta=0.1, beta=0.5, batch_size=2, record=[0, 1], seed=0)
    for kind, words, call in [
        (ValueError, "X must be finite", lambda: SmallNetwork(X * np.nan, labels, 3)),
        (ValueError, "labels must be 40 integers", lambda: SmallNetwork(X, labels[:-1], 3)),
        (ValueError, "labels must be 40 integers", lambda: SmallNetwork(X, labels * 1.0, 3)),
        (ValueError, "labels must use every class", lambda: SmallNetwork(X, labels * 2, 3)),
        (ValueError, "hidden must be", lambda: SmallNetwork(X, labels, 0)),
        (ValueError, "weight_decay must be", lambda: SmallNetwork(X, labels, 2, -1.0)),
        (ValueError, "theta must have shape", lambda: net.train(**fine | dict(theta=net.start(1)))),
        (ValueError, "eta must be", lambda: net.train(**fine | dict(eta=-1.0))),
        (ValueError, "beta must be", lambda: net.train(**fine | dict(beta=1.0))),
        (ValueError, "batch_size must be", lambda: net.train(**fine | dict(batch_size=0))),
        (ValueError, "record must hold", lambda: net.train(**fine | dict(record=[1, 1]))),
        (ValueError, "v must have shape", lambda: net.train(**fine | dict(v=[[0.0]]))),
    ]:
        with pytest.raises(kind, match=words):
            call()


def test_walk_against_every_step(net):
    """Displacements from several origins, and the mean step, against a record of every step."""
    starts, how = [net.start(1), net.start(2)], dict(eta=0.1, beta=0.7, batch_size=5, seed=4)
    lags, origins = np.array([1, 3, 10]), np.array([5, 8, 20])
    walk = net.walk(starts, lags=lags, origins=origins, threads=2, **how)
    path = net.train(starts, record=np.arange(31), **how).theta
    moved = [[((path[:, s + k] - path[:, s]) ** 2).sum(axis=1) for k in lags] for s in origins]
    np.testing.assert_allclose(walk.displacement, np.mean(moved, axis=0).T, rtol=1e-12)
    steps = (np.diff(path[:, 5:], axis=1) ** 2).sum(axis=2)
    np.testing.assert_allclose(walk.local, steps.mean(axis=1), rtol=1e-9)


@pytest.mark.parametrize("bad", [dict(lags=[0, 1]), dict(origins=[0]), dict(lags=[3, 2])])
def test_walk_refuses(net, bad):
    how = dict(eta=0.1, beta=0.7, batch_size=5, seed=4, lags=[1], origins=[1])
    with pytest.raises(ValueError, match=next(iter(bad))):
        net.walk([net.start(1)], **(how | bad))
