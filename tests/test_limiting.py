"""mpack.limiting against scipy, exact recursions, plain NumPy, PyTorch, and simulation.

Statistical tests compare a mean over R independent runs with a prediction, in units z of its
standard error, and allow |z| < 5 (a Gaussian exceeds it with probability 6e-7); with at most 100
comparisons a test, the false-alarm rate of each is below 1e-4 at any seed. Sample sizes and the
detectable deviation are given with each.
"""

import itertools

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from mpack import limiting
from mpack._kernels import noise, regression
from mpack.limiting import LinearRegressionSGD
from mpack.statistics import Estimate, mean_errors

Z_ALLOWED = 5.0


def hessian(dim, seed=0):
    G = np.random.default_rng(seed).normal(size=(dim + 3, dim))
    return G.T @ G / (dim + 3)


def model(**changes):
    keys = dict(eta=0.05, beta=0.8, batch_size=8, hessian=hessian(4), sigma=0.7, weight_decay=0.1)
    if "spectrum" in changes:
        del keys["hessian"]
    return LinearRegressionSGD(**(keys | changes))


models = st.builds(
    lambda dim, seed, beta, fraction, decay: model(
        hessian=hessian(dim, seed),
        beta=beta,
        weight_decay=decay,
        eta=fraction * 2.0 * (1.0 + beta) / (np.linalg.eigvalsh(hessian(dim, seed)).max() + decay),
    ),
    st.integers(1, 5), st.integers(0, 1000), st.floats(0.0, 0.99), st.floats(0.01, 0.9), st.floats(0.0, 1.0),
)  # fmt: skip


# -- algebra
# -----------------------------------------------------------------------------------------------------


@given(models)
@settings(max_examples=60, deadline=None)
def test_flow_splits_into_diffusion_and_circulation(m):
    scale = np.abs(m.A).max()
    np.testing.assert_allclose((m.D + m.Q) @ m.U, m.A, atol=1e-9 * scale * np.linalg.cond(m.B))
    np.testing.assert_allclose(m.A @ m.B + m.B @ m.A.T, 2.0 * m.D, atol=1e-12 * np.abs(m.D).max())
    np.testing.assert_allclose(m.Q, -m.Q.T, atol=1e-14)


@given(models)
@settings(max_examples=60, deadline=None)
def test_stationary_covariance_solves_the_lyapunov_equation(m):
    solved = scipy.linalg.solve_continuous_lyapunov(m.A, 2.0 * m.D / m.kappa)
    np.testing.assert_allclose(m.B / m.kappa, solved, atol=1e-9 * np.abs(solved).max())


@given(models, st.floats(0.0, 50.0), st.floats(0.0, 50.0))
@settings(max_examples=60, deadline=None)
def test_propagator_is_a_semigroup(m, s, t):
    np.testing.assert_allclose(
        m.propagator(s + t), m.propagator(s) @ m.propagator(t), atol=1e-11 * np.abs(m.A).max()
    )
    np.testing.assert_array_equal(m.mode_propagator(0.0), np.broadcast_to(np.eye(2), (m.dim, 2, 2)))


@given(models, st.floats(0.0, 5.0))
@settings(max_examples=60, deadline=None)
def test_propagator_is_the_matrix_exponential(m, t):
    expected = scipy.linalg.expm(-m.A * t)
    np.testing.assert_allclose(m.propagator(t), expected, atol=1e-10 * max(1.0, np.abs(m.A).max()))


def test_propagator_has_no_seam_at_critical_damping():
    """Within 1e-8 of the boundary, from both sides, against 40-digit-safe expm of the critical matrix."""
    gamma, t = 1.3, np.array([0.0, 0.1, 1.0, 7.0])
    exact = np.exp(-gamma * t)[:, None, None] * np.stack(
        [np.stack([1 + gamma * t, t], -1), np.stack([-(gamma**2) * t, 1 - gamma * t], -1)], -2
    )
    for off in (0.0, 1e-16, -1e-16, 1e-12, -1e-12, 1e-8, -1e-8):
        got = limiting.propagator(t, gamma, gamma**2 * (1.0 + off))
        np.testing.assert_allclose(got, exact, atol=1e-15 + 30 * abs(off))


def test_propagator_stays_accurate_when_very_overdamped():
    """gamma/omega = 1e6: the slow rate is omega^2/(2 gamma) to 13 digits, and nothing overflows."""
    P = limiting.propagator(np.array([1e6, 1e9]), 1.0, 1e-12)
    np.testing.assert_allclose(P[:, 0, 0], np.exp(-1e-12 * np.array([1e6, 1e9]) / 2.0), rtol=1e-12)
    np.testing.assert_allclose(P[0, 1, 1], -2.5e-13 * np.exp(-5e-7), rtol=1e-11)


def test_mean_and_covariance_run_from_the_start_to_stationarity():
    m = model(optimum=[1.0, -2.0, 0.5, 0.0])
    z0 = np.arange(8.0)
    np.testing.assert_allclose(m.mean(0.0, z0[:4], z0[4:]), z0, atol=1e-14)
    np.testing.assert_allclose(m.mean(1e5, z0[:4]), [1.0, -2.0, 0.5, 0.0, 0, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(m.covariance(0.0), 0.0, atol=1e-16)
    np.testing.assert_allclose(m.covariance(1e5), m.B / m.kappa, atol=1e-16)
    P, grid = 2.0 * m.D / m.kappa, np.linspace(0.0, 1.5, 3001)
    path = m.propagator(grid)
    quadrature = scipy.integrate.simpson(path @ P @ np.swapaxes(path, 1, 2), x=grid, axis=0)
    np.testing.assert_allclose(
        m.covariance(1.5), quadrature, rtol=1e-7, atol=1e-9 * np.abs(quadrature).max()
    )


def test_density_is_normalised_and_its_current_is_free_of_divergence():
    m = model(spectrum=[0.9], eta=0.4)
    s = np.sqrt(np.diag(m.B) / m.kappa)
    x, v = (np.linspace(-8 * w, 8 * w, 401) for w in s)
    z = np.stack(np.meshgrid(x, v, indexing="ij"), -1)
    p, J = m.density(z), m.current(z)
    assert abs(p.sum() * (x[1] - x[0]) * (v[1] - v[0]) - 1.0) < 1e-10
    divergence = np.gradient(J[..., 0], x, axis=0) + np.gradient(J[..., 1], v, axis=1)
    assert np.abs(divergence).max() < 2e-3 * np.abs(np.gradient(J[..., 0], x, axis=0)).max()
    area = (z[..., 0] * J[..., 1] - z[..., 1] * J[..., 0]).sum() * (x[1] - x[0]) * (v[1] - v[0])
    np.testing.assert_allclose(area, m.circulation(discrete=False)[0], rtol=1e-10)


def test_modified_loss_is_isotropic_in_position_and_only_without_weight_decay():
    z = np.array([np.r_[q, np.zeros(4)] for q in np.linalg.qr(hessian(4, 5))[0]])
    assert (
        np.ptp(model(weight_decay=0.0).modified_loss(z))
        < 1e-12 * model(weight_decay=0.0).modified_loss(z)[0]
    )
    assert np.ptp(model(weight_decay=0.1).modified_loss(z)) > 0.01 * model().modified_loss(z)[0]
    assert np.ptp(model(weight_decay=0.0).loss(z[:, :4])) > 0.1


# -- the recursion, exactly
# --------------------------------------------------------------------------------------


def full_recursion(m):
    dim = m.dim
    H = (m.modes * m.h) @ m.modes.T
    M = np.block(
        [[np.eye(dim) - m.eta * H, m.eta * m.beta * np.eye(dim)], [-H, m.beta * np.eye(dim)]]
    )
    kick = np.concatenate([m.eta * np.eye(dim), np.eye(dim)])
    noise_of_gradient = m.sigma**2 / m.batch_size * (m.modes * m.rho) @ m.modes.T
    return M, kick @ noise_of_gradient @ kick.T


@given(models)
@settings(max_examples=60, deadline=None)
def test_discrete_moments_solve_the_discrete_lyapunov_equation(m):
    C = scipy.linalg.solve_discrete_lyapunov(*full_recursion(m))
    s, E, dim = m.stationary(), m.modes, m.dim
    tolerance = 1e-8 * np.abs(C).max()
    np.testing.assert_allclose((E * s.position) @ E.T, C[:dim, :dim], atol=tolerance)
    np.testing.assert_allclose((E * s.velocity) @ E.T, C[dim:, dim:], atol=tolerance)
    np.testing.assert_allclose((E * s.cross) @ E.T, C[:dim, dim:], atol=tolerance)
    M = full_recursion(m)[0]
    next_ = M @ C
    swept = (E.T @ (next_[dim:, :dim].T - next_[:dim, dim:].T) @ E).diagonal() / m.eta
    np.testing.assert_allclose(-swept, -m.circulation(), atol=1e-7 * np.abs(m.circulation()).max())


def test_discrete_mean_and_covariance_step_by_step():
    m = model(optimum=[1.0, -2.0, 0.5, 0.0])
    M, N = full_recursion(m)
    centre, z, C = np.r_[m.optimum, np.zeros(4)], np.arange(8.0), np.zeros((8, 8))
    means, covariances = (
        m.discrete_mean(np.arange(21), z[:4], z[4:]),
        m.discrete_covariance(np.arange(21)),
    )
    for k in range(21):
        np.testing.assert_allclose(means[k], z, atol=1e-12)
        np.testing.assert_allclose(covariances[k], C, atol=1e-13)
        z, C = centre + M @ (z - centre), M @ C @ M.T + N


@given(models, st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_displacement_of_the_recursion(m, k):
    M, N = full_recursion(m)
    C = scipy.linalg.solve_discrete_lyapunov(M, N)
    expected = 2.0 * np.trace((C - np.linalg.matrix_power(M, k) @ C)[: m.dim, : m.dim])
    scale = 1e-8 * np.trace(C[: m.dim, : m.dim])
    assert abs(m.global_displacement(k)[0] - expected) < scale
    noise_power = m.sigma**2 * m.rho / m.batch_size
    assert (
        abs(limiting.linear_displacement(k, m.eta, m.beta, m.h, noise_power)[0] - expected) < scale
    )
    assert (
        abs(m.global_displacement(1)[0] - m.local_displacement()) < 1e-10 * m.local_displacement()
    )


@given(models, st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_displacement_forms_of_the_langevin_path(m, k):
    """The formula of Kunin et al. summed term by term; the path's own from its correlation function."""
    lag = np.arange(1, k + 1)
    C = m.mode_propagator(m.eta * lag)[:, :, 1, 1]
    terms = k + 2.0 * ((k - lag)[:, None] * C).sum(axis=0)
    kunin = (m.eta**2 * m.stationary(discrete=False).velocity * terms).sum()
    np.testing.assert_allclose(m.global_displacement(k, form="kunin")[0], kunin, rtol=1e-9)
    path = (
        2.0 * m.stationary(discrete=False).position * (1.0 - m.mode_propagator(m.eta * k)[:, 0, 0])
    )
    np.testing.assert_allclose(m.global_displacement(k, form="langevin")[0], path.sum(), rtol=1e-6)


def test_displacement_keeps_its_digits_in_flat_directions():
    """h = 1e-13: free diffusion, eta^2 s^2 k/(1 - beta)^2 up to the ballistic start, where 1 - C cancels 13
    digits.
    """
    m = LinearRegressionSGD(eta=0.1, beta=0.9, batch_size=1, spectrum=[1e-13, 1.0])
    k, beta = 10**6, 0.9
    power = m.eta**2 * 1e-13
    free = power / (1 - beta) ** 2 * (k - 2 * beta * (1 - beta**k) / (1 - beta**2))
    assert abs(m.global_displacement(k, per_mode=True)[0, 0] / free - 1) < 1e-6
    assert abs(m.global_displacement(k, form="langevin", per_mode=True)[0, 0] / free - 1) < 2e-5


def test_kunin_sum_diffuses_where_the_recursion_is_confined():
    """Its sum over discrete steps leaves eta gamma/3 = (1 - beta)/(3 (1 + beta)) per step of every confined
    mode.
    """
    m = LinearRegressionSGD(eta=0.02, beta=0.9, batch_size=4, spectrum=[1.0])
    k = np.array([20_000, 40_000])
    growth = np.diff(m.global_displacement(k, form="kunin"))[0] / 20_000
    expected = (
        m.eta**2 * m.stationary(discrete=False).velocity[0] * (1 - m.beta) / (3 * (1 + m.beta))
    )
    assert abs(growth / expected - 1) < 0.01
    assert abs(np.diff(m.global_displacement(k))[0]) < 1e-12


def test_displacement_at_an_age():
    """A young process, one old enough to be stationary, and a downhill direction, against the full
    covariances.
    """
    eta, beta, h, power = 0.1, 0.7, np.array([0.8, 0.0, -0.01]), np.array([0.3, 0.2, 0.1])
    for age, k in itertools.product((0, 3, 50), (1, 4, 30)):
        got = limiting.linear_displacement(k, eta, beta, h, power, age=age, per_mode=True)[0]
        for i in range(3):
            M, N = limiting.step_matrix(eta, beta, h[i]), power[i] * np.outer([eta, 1], [eta, 1])
            z = [np.zeros((2, 2))]
            for _ in range(age + k):
                z.append(M @ z[-1] @ M.T + N)
            across = (np.linalg.matrix_power(M, k) @ z[age])[0, 0]
            assert abs(got[i] - (z[age + k][0, 0] + z[age][0, 0] - 2 * across)) < 1e-12
    old = limiting.linear_displacement(10, eta, beta, h[:1], power[:1], age=10_000)
    np.testing.assert_allclose(
        old, limiting.linear_displacement(10, eta, beta, h[:1], power[:1]), rtol=1e-12
    )


def test_damping_boundaries():
    for beta in (0.0, 0.5, 0.9, 0.999):
        edge = (1 - beta**0.5) ** 2 / 0.1  # critical damping of the recursion
        for factor, turns in ((0.999, False), (1.001, beta > 0.0)):
            m = LinearRegressionSGD(eta=0.1, beta=beta, batch_size=1, spectrum=[edge * factor])
            eigenvalues = np.linalg.eigvals(limiting.step_matrix(0.1, beta, edge * factor))
            assert m.oscillates()[0] == turns == (np.abs(eigenvalues.imag).max() > 0)
        edge = (1 - beta) ** 2 / (2 * (1 + beta)) / 0.1  # of the Langevin equation
        m = LinearRegressionSGD(
            eta=0.1, beta=beta, batch_size=1, spectrum=[edge * 0.999, edge * 1.001]
        )
        assert list(m.oscillates(discrete=False)) == [False, True]


@pytest.mark.slow
def test_langevin_and_recursion_meet_when_a_step_turns_and_damps_little():
    """eta h = e^2 and 1 - beta = e: positions read at eta (k + 1/2) differ by O(e^2), read at eta k by
    O(e).
    """

    def worst(e, shift):
        m = LinearRegressionSGD(eta=e * e, beta=1.0 - e, batch_size=1, spectrum=[1.0])
        k = np.arange(0, int(6 / e))
        exact = m.discrete_mean(k, [1.0])[:, 0]
        return np.abs(m.mean(m.eta * (k + shift), [1.0])[:, 0] - exact).max()

    orders = [np.log2(worst(0.02, shift) / worst(0.01, shift)) for shift in (0.5, 0.0)]
    assert 1.9 < orders[0] < 2.1
    assert 0.9 < orders[1] < 1.1


def test_slope_is_the_logarithmic_derivative():
    m = LinearRegressionSGD(eta=0.1, beta=0.9, batch_size=8, spectrum=np.arange(1, 301.0) ** -1.5)
    k = np.array([100, 1000, 10000])
    low, high = (m.global_displacement(k + d, form="langevin") for d in (-k // 50, k // 50))
    np.testing.assert_allclose(np.log(high / low) / np.log(51 / 49), m.slope(k), rtol=1e-3)
    assert (
        abs(LinearRegressionSGD(eta=1e-4, beta=0.999, batch_size=1, spectrum=[1.0]).slope(1)[0] - 2)
        < 0.01
    )


@pytest.mark.parametrize("a", [1.2, 1.5, 2.0, 3.0])
def test_power_law_sum_and_exponent(a):
    i = np.arange(1, 2_000_001.0)
    for tau in (30.0, 300.0):
        tail = tau * scipy.special.zeta(a, 2_000_001)
        total = -np.expm1(-tau * i**-a).sum() + tail
        assert abs(limiting.power_law_displacement(tau, a) - total) < 2.0 / tau
    if a < 1.5:
        return  # the sum over modes then converges too slowly for a finite spectrum to show 1/a
    m = LinearRegressionSGD(eta=0.2, beta=0.0, batch_size=1, spectrum=np.arange(1, 30_001.0) ** -a)
    k = np.unique(np.geomspace(100, 20_000, 30).astype(int))
    fitted = limiting.anomalous_exponent(k, m.global_displacement(k)).exponent
    assert abs(fitted - 1.0 / a) < 0.03


def test_anomalous_exponent_on_known_curves():
    k = np.unique(np.geomspace(1, 10_000, 60).astype(int))
    fit = limiting.anomalous_exponent(k, 3.0 * k**0.7)
    assert (
        abs(fit.exponent - 0.7) < 1e-12 and abs(fit.prefactor - 3.0) < 1e-10 and np.isnan(fit.error)
    )
    assert 10_000 ** (1 / 3) <= fit.k_min < 10_000 ** (1 / 3) * 1.3 and fit.k_max == 10_000
    bent = np.where(k < 20, 1e9, 3.0 * k**0.7)
    assert abs(limiting.anomalous_exponent(k, bent).exponent - 0.7) < 1e-12


def test_jackknife_error_of_the_exponent(seed):
    """400 ensembles of 12 runs with multiplicative noise: the stated error is their scatter to 25 %.

    The scatter of 400 values is known to 3.5 %, the mean jackknife error to about 1.5 %: a chance
    of 25 % is nil.
    """
    rng = np.random.default_rng(seed)
    k = np.unique(np.geomspace(1, 1000, 20).astype(int))
    fits = [
        limiting.anomalous_exponent(
            k, k**0.6 * np.exp(0.1 * np.cumsum(rng.normal(size=(12, k.size)), axis=1))
        )
        for _ in range(400)
    ]
    stated, scatter = np.mean([f.error for f in fits]), np.std([f.exponent for f in fits], ddof=1)
    assert abs(stated / scatter - 1) < 0.25


# -- the kernel
# --------------------------------------------------------------------------------------------------


def batch_by_hand(seed, step, run, n, size):
    blocks = np.arange((size + 3) // 4, dtype=np.uint64)
    words = np.empty((blocks.size, 2), np.uint64)
    noise.fill_bits(
        np.uint64(seed), noise.REGRESSION, np.uint64(step), np.full_like(blocks, run), blocks, words
    )
    quarters = [int(w) >> shift & 0xFFFFFFFF for pair in words for w in pair for shift in (0, 32)]
    return [q * n >> 32 for q in quarters[:size]]


@pytest.mark.parametrize("size, dim", [(1, 1), (3, 2), (4, 3), (7, 5), (16, 9)])
def test_kernel_agrees_with_numpy(size, dim):
    m = model(spectrum=np.linspace(1.0, 0.2, dim), batch_size=size, beta=0.6)
    X, y = limiting.regression_data(m.rho, 60, sigma=0.5, weights=np.ones(dim), seed=4)
    got = limiting.run_regression(
        m, X, y, record=[0, 1, 9, 40], runs=3, seed=11, start=np.zeros(dim)
    )
    for r in range(3):
        theta, v = np.zeros(dim), np.zeros(dim)
        for k in range(40):
            batch = batch_by_hand(11, k, r, 60, size)
            v = (
                m.beta * v
                - X[batch].T @ (X[batch] @ theta - y[batch]) / size
                - m.weight_decay * theta
            )
            theta = theta + m.eta * v
            if k + 1 in (1, 9, 40):
                place = [0, 1, 9, 40].index(k + 1)
                np.testing.assert_allclose(got.theta[r, place], theta, atol=1e-13)
                np.testing.assert_allclose(got.v[r, place], v, atol=1e-13)


def test_runs_do_not_depend_on_threads_or_company():
    m = model(spectrum=[1.0, 0.3])
    X, y = limiting.regression_data(m.rho, 100, seed=2)
    one, two = (
        limiting.run_regression(m, X, y, record=[5, 30], runs=9, seed=3, threads=t) for t in (1, 2)
    )
    few = limiting.run_regression(m, X, y, record=[30], runs=4, seed=3)
    assert np.array_equal(one.theta, two.theta) and np.array_equal(one.v, two.v)
    assert np.array_equal(one.theta[:4, 1], few.theta[:, 0])
    other = limiting.run_regression(m, X, y, record=[30], runs=4, seed=4)
    assert not np.any(other.theta == few.theta)


# -- what is read off runs
# --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stationary_runs():
    m = model(spectrum=[1.0, 0.3], beta=0.6, eta=0.3, batch_size=8, sigma=1.0, weight_decay=0.0)
    X, y = limiting.regression_data(m.rho, 4000, seed=2)
    return m, limiting.run_regression(m, X, y, record=np.arange(200, 501), runs=300, seed=3)


def agrees(samples, target):
    """Means over runs within 5 standard errors of a target; the errors are small against it."""
    mean, error = mean_errors(samples)
    assert np.all(error < 0.1 * np.abs(target).max())
    return np.all(np.abs(mean - target) < 5.0 * error)


def test_moments_and_circulation_of_runs(stationary_runs):
    """Means of real runs are the closed forms times the mini-batch factor, and not without it."""
    m, got = stationary_runs
    seen, theory, factor = got.moments(), m.stationary(), m.minibatch_factor()
    for name in ("position", "velocity", "cross"):
        assert agrees(getattr(seen, name), getattr(theory, name) * factor)
    assert not agrees(seen.position, theory.position)
    np.testing.assert_allclose(
        got.moments(optimum=[1.0, 0.0]).position[:, 0], ((got.theta[..., 0] - 1) ** 2).mean(axis=1)
    )
    assert agrees(got.circulation(m.eta), m.circulation() * factor)
    assert not agrees(got.circulation(m.eta), m.circulation(discrete=False) * factor)
    by_hand = [
        th[k] * v[k + 1] - v[k] * th[k + 1]
        for th, v in [(got.theta[7, :, 1], got.v[7, :, 1])]
        for k in range(300)
    ]
    assert got.circulation(m.eta)[7, 1] == pytest.approx(np.mean(by_hand) / m.eta)


def test_autocorrelation_and_autoregression(stationary_runs):
    m, got = stationary_runs
    k = np.array([0, 1, 2, 7, 20])
    powers = [np.linalg.matrix_power(limiting.step_matrix(m.eta, m.beta, 1.0), int(l)) for l in k]
    s = m.stationary()
    C = np.array([[s.position[0], s.cross[0]], [s.cross[0], s.velocity[0]]])
    exact = [(P @ C)[0, 0] / C[0, 0] for P in powers]
    np.testing.assert_allclose(m.autocorrelation(k)[:, 0], exact, rtol=1e-12)
    assert agrees(got.autocorrelation(k)[:, 1:], m.autocorrelation(k)[1:])
    for i, h in enumerate(m.h):
        phi1, phi2 = limiting.autoregression(got.theta[:, :, i])
        assert abs(phi2 + m.beta) < 0.02 and abs(phi1 - (1 + m.beta - m.eta * h)) < 0.02
        found = limiting.discriminant(got.theta[:, :, i])
        exact = (1 + m.beta - m.eta * h) ** 2 - 4 * m.beta
        assert abs(found.value - exact) < 5 * found.error < 0.1 and found.n == 300


def test_error_of_the_discriminant_is_its_scatter():
    """Of 200 ensembles of white noise: the stated error against the scatter, up to the error of both."""
    rng = np.random.default_rng(4)
    found = [limiting.discriminant(rng.normal(size=(40, 60))) for _ in range(200)]
    stated, scatter = np.mean([f.error for f in found]), np.std([f.value for f in found], ddof=1)
    assert abs(stated / scatter - 1) < 0.25


def test_runs_refuse_what_they_cannot_tell(stationary_runs):
    m, got = stationary_runs
    gaps = limiting.RegressionRuns(got.steps[::2], got.theta[:, ::2], got.v[:, ::2])
    for call in (lambda: gaps.circulation(0.1), lambda: gaps.autocorrelation(1)):
        with pytest.raises(ValueError, match="consecutive"):
            call()
    for match, call in {
        "k must be < 301": lambda: got.autocorrelation(301),
        "eta": lambda: got.circulation(0.0),
        "optimum": lambda: got.moments(optimum=[0.0]),
        "at least 3 steps": lambda: limiting.autoregression(np.ones((2, 2))),
        "must move": lambda: limiting.autoregression(np.ones((2, 9))),
        "blocks": lambda: limiting.discriminant(np.eye(5), blocks=6),
        "at least 2 runs": lambda: (
            limiting.anomalous_exponent([1, 4, 9], [1, 2, 4], window=1.0).estimate
        ),
    }.items():
        with pytest.raises(ValueError, match=match):
            call()
    fit = limiting.anomalous_exponent(got.steps[1:], got.displacement())
    assert fit.estimate == Estimate(fit.exponent, fit.error, 300)


@pytest.mark.parametrize("labels", ["paired", "gaussian"])
def test_data_have_the_promised_moments(labels):
    rho, w = np.array([2.0, 0.5, 0.1]), np.array([1.0, -1.0, 0.3])
    X, y = limiting.regression_data(rho, 500, sigma=0.4, weights=w, labels=labels, seed=8)
    residual = y - X @ w
    np.testing.assert_allclose(X.T @ X / 500, np.diag(rho), atol=1e-12)
    np.testing.assert_allclose(X.T @ residual / 500, 0.0, atol=1e-13)
    np.testing.assert_allclose(np.mean(residual**2), 0.16, rtol=1e-12)
    noise_of_gradient = (X * residual[:, None] ** 2).T @ X / 500
    exact = labels == "paired"
    np.testing.assert_allclose(noise_of_gradient, 0.16 * np.diag(rho), atol=1e-12 if exact else 0.3)


def test_batches_are_uniform_and_independent(seed):
    """2e5 draws from 50: chi-squared (49 and 49^2 degrees of freedom) at a false-alarm rate of 1e-6 each."""
    draws = np.empty((50_000, 4), np.int64)
    for step in range(50_000):
        regression.draw_batch(np.uint64(seed), noise.REGRESSION, step, 0, 50, draws[step])
    assert draws.min() >= 0 and draws.max() < 50
    counts = np.bincount(draws.ravel(), minlength=50)
    assert scipy.stats.chi2.sf(((counts - 4000) ** 2 / 4000).sum(), 49) > 1e-6
    pairs = np.bincount(draws[:, 0] * 50 + draws[:, 1], minlength=2500)
    assert scipy.stats.chi2.sf(((pairs - 20) ** 2 / 20).sum(), 2499) > 1e-6


# -- simulation
# --------------------------------------------------------------------------------------------------

RUNS = 4000


def scores(samples, expected):
    """(mean over runs - expected) in standard errors."""
    return (samples.mean(axis=0) - expected) / (samples.std(axis=0, ddof=1) / np.sqrt(len(samples)))


@pytest.fixture(scope="module")
def coarse():
    """Large steps: eta h/(2 (1 + beta)) = 0.2 and 0.06, far from the Langevin limit; noise far above the
    mini-batch correction (1.02), which the finite data set knows to 5 % of itself.
    """
    return LinearRegressionSGD(eta=0.72, beta=0.8, batch_size=64, spectrum=[1.0, 0.3])


@pytest.fixture(scope="module")
def coarse_runs(coarse, request):
    X, y = limiting.regression_data(coarse.rho, 20_000, seed=request.config.getoption("--seed"))
    record = [100, 101, 103, 110, 200, *np.add.outer(np.arange(250, 1000, 50), [0, 1]).ravel()]
    return limiting.run_regression(
        coarse, X, y, record=record, runs=RUNS, seed=request.config.getoption("--seed"), threads=2
    )


def moments_of(runs):
    theta, v = runs.theta[:, -1], runs.v[:, -1]
    return np.concatenate([theta**2, v**2, theta * v], axis=1)


def predicted(m, *, discrete=True):
    s, factor = m.stationary(discrete=discrete), m.minibatch_factor()
    return np.concatenate([s.position * factor, s.velocity * factor, s.cross * factor])


@pytest.mark.slow
def test_stationary_moments_of_real_runs(coarse, coarse_runs):
    """R = 4000: a variance is known to 2.2 %; a deviation of 16 % is found with 99 % probability."""
    assert np.abs(scores(moments_of(coarse_runs), predicted(coarse))).max() < Z_ALLOWED


def test_control_without_the_discrete_correction(coarse, coarse_runs):
    """The Langevin variances are 20 % too small for the steep mode, and its zero covariance is wrong by 20
    SE.
    """
    z = scores(moments_of(coarse_runs), predicted(coarse, discrete=False))
    assert z[0] > Z_ALLOWED and z[4] > Z_ALLOWED


def test_control_with_isotropic_noise(coarse, coarse_runs):
    """Noise of the same trace but isotropic: steep and flat velocities would be alike."""
    s = coarse.stationary()
    isotropic = s.velocity * coarse.rho.mean() / coarse.rho
    z = scores(coarse_runs.v[:, -1] ** 2, isotropic)
    assert z[0] > Z_ALLOWED and z[1] < -Z_ALLOWED


def test_control_with_the_wrong_damping(coarse, coarse_runs):
    wrong = LinearRegressionSGD(eta=0.72, beta=0.7, batch_size=64, spectrum=[1.0, 0.3])
    assert np.abs(scores(moments_of(coarse_runs), predicted(wrong))).max() > Z_ALLOWED


def test_displacement_of_real_runs(coarse, coarse_runs):
    """R = 4000, lags 1 to 100, mean over modes with the mini-batch factor of each."""
    k = coarse_runs.steps[1:5] - coarse_runs.steps[0]
    expected = coarse.global_displacement(k, per_mode=True) @ coarse.minibatch_factor()
    assert np.abs(scores(coarse_runs.displacement()[:, :4], expected)).max() < Z_ALLOWED
    langevin = (
        coarse.global_displacement(k, form="langevin", per_mode=True) @ coarse.minibatch_factor()
    )
    assert np.abs(scores(coarse_runs.displacement()[:, :4], langevin)).max() > Z_ALLOWED


def test_circulation_of_real_runs(coarse, coarse_runs):
    """15 pairs of successive steps, 50 steps (5 decay times) apart: known to 0.7 %; the Langevin value is 10
    % off.
    """
    theta, v = coarse_runs.theta[:, 5:], coarse_runs.v[:, 5:]
    swept = (theta[:, ::2] * v[:, 1::2] - v[:, ::2] * theta[:, 1::2]).mean(axis=1) / coarse.eta
    expected = coarse.circulation() * coarse.minibatch_factor()
    assert np.abs(scores(swept, expected)).max() < Z_ALLOWED
    langevin = coarse.circulation(discrete=False) * coarse.minibatch_factor()
    assert np.abs(scores(swept, langevin)).min() > Z_ALLOWED
    assert np.abs(scores(swept, 0.0 * expected)).min() > Z_ALLOWED


def test_transient_of_real_runs(seed):
    """From a known start to stationarity, d = 2, R = 4000, ten times: mean to 1.6 % of the stationary
    width.
    """
    m = LinearRegressionSGD(eta=0.1, beta=0.9, batch_size=64, spectrum=[1.0, 0.2], sigma=1.0)
    X, y = limiting.regression_data(m.rho, 20_000, seed=seed)
    record, start = np.array([1, 2, 5, 10, 20, 30, 50, 80, 120, 200]), np.array([0.15, -0.3])
    runs = limiting.run_regression(
        m, X, y, record=record, runs=RUNS, seed=seed, start=start, threads=2
    )
    z = np.concatenate([runs.theta, runs.v], axis=2)
    mean = m.discrete_mean(record, start)
    assert np.abs(scores(z, mean)).max() < Z_ALLOWED
    var = np.einsum("kii->ki", m.discrete_covariance(record))
    squares = (z - mean) ** 2
    assert (
        np.abs(scores(squares[:, -1], var[-1] * np.tile(m.minibatch_factor(), 2))).max() < Z_ALLOWED
    )
    wrong = LinearRegressionSGD(eta=0.1, beta=0.85, batch_size=64, spectrum=[1.0, 0.2])
    assert np.abs(scores(z, wrong.discrete_mean(record, start))).max() > Z_ALLOWED


@pytest.mark.slow
def test_minibatch_factor_of_real_runs(seed):
    """S = 2: the factor is 1.30 and 1.23; 20,000 runs know a variance to 1.2 %, and 1 is refused."""
    m = LinearRegressionSGD(eta=0.1, beta=0.8, batch_size=2, spectrum=[1.0, 0.2])
    factor = m.minibatch_factor()
    np.testing.assert_allclose(factor, 1.0 + m.stationary().position * (1.2 + m.rho), rtol=0.15)
    X, y = limiting.regression_data(m.rho, 100_000, seed=seed)
    runs = limiting.run_regression(m, X, y, record=[400], runs=20_000, seed=seed, threads=2)
    s = m.stationary()
    samples = np.concatenate(
        [runs.theta[:, 0] ** 2 / s.position, runs.v[:, 0] ** 2 / s.velocity], axis=1
    )
    slack = 1.0 + 0.05 * (factor - 1.0)  # the fourth moments of 50,000 different inputs
    z = scores(samples, np.tile(factor, 2))
    assert np.abs(z / np.tile(slack, 2)).max() < Z_ALLOWED
    assert scores(samples, 1.0).min() > Z_ALLOWED
    assert np.all(
        np.isinf(
            LinearRegressionSGD(eta=1.0, beta=0.9, batch_size=1, spectrum=[1.0]).minibatch_factor()
        )
    )


# -- PyTorch
# -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_step_by_step_agreement_with_pytorch(decay):
    """Same batches, float64, 200 steps: theta to rounding, and PyTorch's momentum buffer is -v."""
    torch = pytest.importorskip("torch")
    m = model(spectrum=[1.0, 0.4, 0.1], batch_size=5, beta=0.9, weight_decay=decay, eta=0.1)
    X, y = limiting.regression_data(m.rho, 80, weights=[1.0, 2.0, 3.0], seed=4)
    steps = np.arange(1, 201)
    ours = limiting.run_regression(m, X, y, record=steps, runs=1, seed=9, start=np.zeros(3))
    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD(
        [theta], lr=m.eta, momentum=m.beta, weight_decay=decay, dampening=0, nesterov=False
    )
    Xt, yt = torch.tensor(X), torch.tensor(y)
    for k in range(200):
        batch = batch_by_hand(9, k, 0, 80, 5)
        optimiser.zero_grad()
        (0.5 * torch.mean((Xt[batch] @ theta - yt[batch]) ** 2)).backward()
        optimiser.step()
        np.testing.assert_allclose(theta.detach().numpy(), ours.theta[0, k], atol=1e-13)
        buffer = optimiser.state[theta]["momentum_buffer"].numpy()
        np.testing.assert_allclose(-buffer, ours.v[0, k], atol=1e-13)


# -- bad input
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(eta=0.0), "eta must be .*1e-100"),
        (dict(eta=np.nan), "eta must be a finite"),
        (dict(eta=100.0), "eta must be below 2 .1 . beta./max.h."),
        (dict(beta=1.0), r"beta must be .*\[0.0, 1.0\)"),
        (dict(beta=-0.1), "beta must be"),
        (dict(batch_size=0), "batch_size must be an integer >= 1"),
        (dict(sigma=0.0), "sigma must be"),
        (dict(weight_decay=-1e-9), "weight_decay must be"),
        (dict(hessian=[[1.0, 0.2], [0.1, 1.0]]), "hessian must be symmetric"),
        (dict(hessian=[[1.0, 2.0], [2.0, 1.0]]), "none below 0; the least is -1"),
        (dict(hessian=np.ones((2, 3))), "hessian must be square"),
        (dict(hessian=[[np.nan]]), "hessian must be finite"),
        (dict(spectrum=[]), "spectrum must hold at least one"),
        (dict(spectrum=[1.0, -0.1]), "spectrum must hold"),
        (dict(spectrum=[[1.0]]), "spectrum must have shape"),
        (dict(optimum=[1.0]), "optimum must have shape"),
    ],
)
def test_bad_hyperparameters_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        model(**changes)


def test_bad_types_are_refused():
    for changes in (
        dict(batch_size=2.0),
        dict(batch_size=True),
        dict(eta="fast"),
        dict(spectrum=[1], hessian=[[1]]),
    ):
        with pytest.raises(TypeError):
            LinearRegressionSGD(**(dict(eta=0.1, beta=0.5, batch_size=2) | changes))
    with pytest.raises(TypeError, match="either spectrum or hessian"):
        LinearRegressionSGD(eta=0.1, beta=0.5, batch_size=2)


def test_bad_arguments_are_refused():
    m = model(spectrum=[1.0, 0.5])
    X, y = limiting.regression_data(m.rho, 20)
    run = dict(model=m, X=X, y=y, record=[1], runs=1, seed=0)
    bad_calls = [
        (ValueError, "t must be", lambda: m.propagator(-1.0)),
        (ValueError, "k must be >= 0", lambda: m.global_displacement(-1)),
        (TypeError, "k must be an integer", lambda: m.global_displacement(1.5)),
        (ValueError, "form must be one of", lambda: m.global_displacement(1, form="exact")),
        (ValueError, "theta0 must have shape", lambda: m.mean(1.0, [1.0])),
        (ValueError, "z must have shape", lambda: m.modified_loss([1.0, 2.0])),
        (ValueError, "k must be >= 1", lambda: m.slope(0)),
        (ValueError, "U needs every eigenvalue", lambda: model(spectrum=[1.0, 0.0]).U),
        (
            ValueError,
            "curvature must lie in",
            lambda: limiting.linear_displacement(1, 0.1, 0.9, [-1.0], [1.0]),
        ),
        (
            ValueError,
            "noise_variance must be >= 0",
            lambda: limiting.linear_displacement(1, 0.1, 0.9, [1.0], [-1.0]),
        ),
        (ValueError, "a must be", lambda: limiting.power_law_displacement(10.0, 1.0)),
        (ValueError, "increasing steps", lambda: limiting.anomalous_exponent([3, 2, 1], [1, 1, 1])),
        (
            ValueError,
            "displacement must be > 0",
            lambda: limiting.anomalous_exponent([1, 2, 3], [1, 0, 1], window=1),
        ),
        (
            ValueError,
            "window must",
            lambda: limiting.anomalous_exponent([1, 2, 3], [1, 1, 1], window=0),
        ),
        (ValueError, "n must be even", lambda: limiting.regression_data([1.0], 21)),
        (ValueError, r"n must be an integer in \[4, ", lambda: limiting.regression_data([1.0], 3)),
        (
            ValueError,
            "labels must be one of",
            lambda: limiting.regression_data([1.0], 20, labels="noisy"),
        ),
        (
            ValueError,
            "record must hold",
            lambda: limiting.run_regression(**run | dict(record=[5, 5])),
        ),
        (
            ValueError,
            "X must have shape",
            lambda: limiting.run_regression(**run | dict(X=X[:, :1])),
        ),
        (ValueError, "y must have shape", lambda: limiting.run_regression(**run | dict(y=y[:-1]))),
        (
            ValueError,
            "start must be one of",
            lambda: limiting.run_regression(**run | dict(start="anywhere")),
        ),
        (ValueError, "v0 is drawn", lambda: limiting.run_regression(**run | dict(v0=[0.0, 0.0]))),
        (TypeError, "model must be", lambda: limiting.run_regression(**run | dict(model=3))),
    ]
    for kind, words, call in bad_calls:
        with pytest.raises(kind, match=words):
            call()
