"""How fast modes turn, what their spectra are, and the noise of given data: against eigenvalues, Fourier transforms,
and the linear system of all second moments.
"""

import itertools

import numpy as np
import pytest

from mpack import limiting
from mpack.limiting import LinearRegressionSGD
from mpack.statistics import mean_errors


def test_phase_per_step_is_the_angle_of_the_eigenvalues():
    """Against NumPy's eigenvalues, of a step and of the Langevin drift; nan exactly where they are real."""
    for eta, beta in ((0.1, 0.9), (0.05, 0.99), (0.7, 0.3), (0.2, 0.0)):
        h = np.geomspace(1e-4, 1.99 * (1 + beta), 60) / eta
        for form, matrices, turned in (
            ("discrete", limiting.step_matrix(eta, beta, h), np.angle),
            ("langevin", np.stack([langevin_drift(eta, beta, x) for x in h]), np.imag),
        ):
            values = np.linalg.eigvals(matrices)
            turning = np.abs(values.imag).max(axis=-1) > 1e-12
            phase = limiting.phase_per_step(eta, beta, h, form=form)
            assert np.array_equal(np.isfinite(phase), turning)
            assert np.allclose(
                phase[turning], np.abs(turned(values)).max(axis=-1)[turning], rtol=1e-9
            )
    assert limiting.phase_per_step(0.1, 0.9, 8.0) > 1.03 * limiting.phase_per_step(
        0.1, 0.9, 8.0, form="langevin"
    )
    with pytest.raises(ValueError, match="form"):
        limiting.phase_per_step(0.1, 0.9, 1.0, form="continuous")


def langevin_drift(eta, beta, h):
    """-eta A: what an infinitesimal step of the Langevin equation does, per step."""
    c = 2 / (eta * (1 + beta))
    return -eta * np.array([[0.0, -1.0], [c * h, c * (1 - beta)]])


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.95])
def test_the_power_spectrum_is_the_transform_of_the_autocorrelation(beta):
    model = LinearRegressionSGD(
        eta=0.3, beta=beta, batch_size=4, spectrum=[2.0, 0.4, 3.0], sigma=0.7
    )
    omega = 2 * np.pi * np.arange(2048) / 2048
    noise = 0.49 * model.rho / 4
    power = limiting.position_spectrum(omega, 0.3, beta, model.h, noise)
    lags = np.arange(40)
    expected = model.autocorrelation(lags).T * model.stationary().position[:, None]
    assert np.allclose(np.fft.ifft(power).real[:, lags], expected, rtol=1e-9, atol=1e-15)
    assert np.allclose(power[1], limiting.position_spectrum(omega, 0.3, beta, 0.4, noise[1]))
    with pytest.raises(ValueError, match="h must lie in"):
        limiting.position_spectrum(omega, 0.3, beta, [1.0, 0.0])


def test_spectral_peak_is_where_the_spectrum_is_largest():
    omega = np.linspace(0, np.pi, 200_001)
    for eta, beta, h in itertools.product((0.1, 1.0), (0.0, 0.2, 0.9, 0.99), (0.01, 0.1, 0.9, 1.9)):
        top = omega[limiting.position_spectrum(omega, eta, beta, h).argmax()]
        assert limiting.spectral_peak(eta, beta, h) == pytest.approx(top, abs=2e-5)
    phase = limiting.phase_per_step(0.1, 0.9, 1.0)
    assert 0 < limiting.spectral_peak(0.1, 0.9, 1.0) < phase
    assert limiting.spectral_peak(0.001, 0.999, 1.0) == pytest.approx(
        limiting.phase_per_step(0.001, 0.999, 1.0), rel=1e-3
    )
    # a band of modes oscillates and has no peak
    assert np.isfinite(limiting.phase_per_step(1.0, 0.9, 0.004))
    assert limiting.spectral_peak(1.0, 0.9, 0.004) == 0.0
    with pytest.raises(ValueError, match="h must lie in"):
        limiting.spectral_peak(0.1, 0.9, -1.0)


def test_highest_finds_the_peak_of_a_spectrum_and_none_where_there_is_none():
    omega = 2 * np.pi * np.arange(1, 49) / 512
    for h in (1.0, 1.6, 2.0):
        power = limiting.position_spectrum(omega, 0.1, 0.9, h)
        assert limiting.highest(omega, power) == pytest.approx(
            limiting.spectral_peak(0.1, 0.9, h), abs=0.5 * omega[0]
        )
        assert limiting.highest(omega, 7 * power) == pytest.approx(limiting.highest(omega, power))
    assert limiting.highest(omega, 1 / omega) == omega[0]
    assert limiting.highest(omega, omega) == omega[-1]
    assert limiting.highest(omega, 1 + (omega - 0.3) ** 2) in (omega[0], omega[-1])
    for bad in (np.zeros(48), np.ones(47)):
        with pytest.raises(ValueError):
            limiting.highest(omega, bad)


def some_data(n=7, d=2, seed=3):
    """Few samples, skewed inputs, residuals that depend on them: nothing is Gaussian."""
    rng = np.random.default_rng(seed)
    X = rng.exponential(size=(n, d))
    return X, X[:, 0] ** 2 + rng.normal(size=n)


def test_gradient_noise_is_the_covariance_of_single_gradients():
    X, y = some_data()
    seen = limiting.gradient_noise(X, y, weight_decay=0.1)
    mu = np.linalg.solve(X.T @ X / 7 + 0.1 * np.eye(2), X.T @ y / 7)
    gradients = np.array([x * (x @ mu - t) for x, t in zip(X, y)])
    assert np.allclose(seen.optimum, mu) and np.allclose(gradients.mean(axis=0), -0.1 * mu)
    expected = np.cov(gradients.T, bias=True)
    assert np.allclose(seen.modes @ seen.covariance @ seen.modes.T, expected)
    assert np.allclose(seen.modes @ np.diag(seen.rho) @ seen.modes.T, X.T @ X / 7)
    assert seen.rho[0] > seen.rho[1] and seen.sigma**2 == pytest.approx(np.mean((y - X @ mu) ** 2))
    shape = seen.sigma**2 * X.T @ X / 7
    assert seen.distance == pytest.approx(np.linalg.norm(expected - shape) / np.linalg.norm(shape))
    paired = limiting.gradient_noise(*limiting.regression_data([1.0, 0.3], 40, sigma=2.0, seed=1))
    assert paired.distance < 1e-12 and np.allclose(paired.excess, 1.0)
    dead = limiting.gradient_noise(np.c_[X, np.zeros(7)], y, weight_decay=0.1)
    assert np.isnan(dead.excess[2]) and np.allclose(dead.excess[:2], seen.excess)
    with pytest.raises(ValueError, match="weight_decay must be > 0"):
        limiting.gradient_noise(np.c_[X, np.zeros(7)], y)


@pytest.mark.parametrize(("size", "decay", "beta"), [(1, 0.0, 0.0), (1, 0.2, 0.6), (2, 0.1, 0.8)])
def test_data_covariance_solves_the_system_of_all_second_moments(size, decay, beta):
    """Every batch that can be drawn, with its matrix: E z z^T as one linear system, nothing assumed."""
    (X, y), eta = some_data(n=4), 0.02
    d, unit = 2, np.eye(2)
    total, constant, weight = 0.0, 0.0, 4.0**-size
    mu = limiting.gradient_noise(X, y, weight_decay=decay).optimum
    for batch in itertools.product(range(4), repeat=size):
        H = X[list(batch)].T @ X[list(batch)] / size + decay * unit
        kick = -(H @ mu - X[list(batch)].T @ y[list(batch)] / size)
        A = np.block([[unit - eta * H, eta * beta * unit], [-H, beta * unit]])
        b = np.r_[eta * kick, kick]
        total = total + weight * np.kron(A, A)
        constant = constant + weight * np.outer(b, b).ravel()  # E z = 0: no terms across
    exact = np.linalg.solve(np.eye(4 * d * d) - total, constant).reshape(2 * d, 2 * d)
    found = limiting.data_covariance(X, y, eta=eta, beta=beta, batch_size=size, weight_decay=decay)
    assert np.allclose(found, exact[:d, :d], rtol=1e-9)


def test_data_covariance_is_that_of_real_runs_where_the_gaussian_formula_is_not():
    X, y = some_data(n=40)
    rule = dict(eta=0.06, beta=0.5, batch_size=2)
    noise = limiting.gradient_noise(X, y)
    model = LinearRegressionSGD(hessian=X.T @ X / 40, sigma=noise.sigma, **rule)
    got = limiting.run_regression(
        model, X, y, record=np.arange(200, 1001, 40), runs=400, seed=5, start=noise.optimum
    )
    along = ((got.theta - noise.optimum) @ noise.modes) ** 2
    mean, error = mean_errors(along.mean(axis=1))
    exact = noise.modes.T @ limiting.data_covariance(X, y, **rule) @ noise.modes
    assert np.all(np.abs(mean - exact.diagonal()) < 5 * error)
    naive = (model.stationary().position * model.minibatch_factor())[::-1]
    assert np.any(np.abs(mean - naive) > 5 * error)


def test_data_covariance_refuses_what_has_no_stationary_state():
    X, y = some_data(n=40)
    with pytest.raises(ValueError, match="curvature must be below"):
        limiting.data_covariance(X, y, eta=10.0, beta=0.5, batch_size=4)
    with pytest.raises(ValueError, match="does not settle"):
        limiting.data_covariance(X, y, eta=0.5, beta=0.5, batch_size=1)


def test_linear_moments_are_those_of_the_model_and_of_many_steps():
    model = LinearRegressionSGD(
        eta=0.4, beta=0.6, batch_size=8, spectrum=[2.0, 0.3], weight_decay=0.1, sigma=0.5
    )
    expected = model.stationary()
    found = limiting.linear_moments(0.4, 0.6, model.h, 0.25 * model.rho / 8)
    for name in ("position", "velocity", "cross"):
        assert np.allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    M, C = limiting.step_matrix(0.4, 0.6, 1.7), np.zeros((2, 2))
    for _ in range(400):
        C = M @ C @ M.T + 3.0 * np.outer([0.4, 1.0], [0.4, 1.0])
    found = limiting.linear_moments(0.4, 0.6, [1.7], [3.0])
    assert np.allclose([found.position[0], found.velocity[0], found.cross[0]], C.ravel()[[0, 3, 1]])
    with pytest.raises(ValueError, match="curvature must lie in"):
        limiting.linear_moments(0.4, 0.6, [0.0], [1.0])


def test_measured_spectrum_of_an_autoregression_is_the_one_in_closed_form():
    """Runs of the recursion itself, against `position_spectrum`; the wrong curvature must fail."""
    rng, eta, beta, h = np.random.default_rng(4), 0.3, 0.8, np.array([2.0, 0.5])
    theta, v, walk = np.zeros((40, 2)), np.zeros((40, 2)), []
    for _ in range(8192 + 200):
        v = beta * v - h * theta - rng.normal(size=(40, 2))
        theta = theta + eta * v
        walk.append(theta)
    walk = np.stack(walk, axis=1)[:, 200:]
    omega, power = limiting.measured_spectrum(walk, 512)
    assert omega.shape == (254,) and power.shape == (40, 2, 254)
    mean, error = mean_errors(power)
    for curvature, agrees in ((h, True), (1.1 * h, False)):
        theory = limiting.position_spectrum(omega, eta, beta, curvature)
        chi2 = np.mean(((mean - theory) / error) ** 2)
        assert bool(chi2 < 1.5) is agrees
    shifted = limiting.measured_spectrum(walk + 100.0, 512)[1]  # a mean is nowhere in it
    assert np.allclose(shifted, power, rtol=1e-6)
    with pytest.raises(ValueError, match="even"):
        limiting.measured_spectrum(walk, 511)
    with pytest.raises(ValueError, match="axes"):
        limiting.measured_spectrum(walk[0, :, 0], 64)
