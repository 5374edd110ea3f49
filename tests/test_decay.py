"""Decay exponents and the transition from relaxation curves, against laws without noise, synthetic runs with noise of
known size, directed percolation and the sandpile, whose answers are published; ratios of moments against the exact
quasi-stationary state.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mpack import critical, known_answers, scaling

TIMES = np.unique(np.geomspace(1, 30_000, 90).round())
EDGES = [100, 316, 1_000, 3_162, 10_000, 30_000]
PLACES = 0.6 + np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]) * 4e-5


def law(phi, phi_c=0.6, delta=0.45, nu=1.2):
    """ln f with the local exponent delta + (phi_c - phi) t^(1/nu), exactly."""
    return np.log(0.2) - delta * np.log(TIMES) + nu * (phi - phi_c) * TIMES ** (1 / nu)


def noisy(phi, rng, size=0.004, memory=0.8):
    """A run that obeys the law, with noise that forgets at a constant rate per logarithm of time."""
    noise = np.zeros(len(TIMES))
    for k in range(1, len(TIMES)):
        noise[k] = memory * noise[k - 1] + size * rng.standard_normal()
    return TIMES, np.exp(law(phi) + noise)


def test_local_exponents_of_a_power_are_the_power():
    runs = [(TIMES, 0.5 * TIMES**-0.3), (TIMES, 0.2 * TIMES**-0.5)]
    found = critical.local_exponents(runs, EDGES)
    np.testing.assert_allclose(found.delta, [[0.3] * 5, [0.5] * 5], atol=1e-12)
    np.testing.assert_allclose(found.mean, 0.4, atol=1e-12)
    np.testing.assert_allclose(found.error, 0.1, atol=1e-12)
    assert found.at(-1).n == 2 and np.isnan(critical.local_exponents(runs[:1], EDGES).error).all()


def test_a_run_that_dies_has_no_exponent_from_then_on():
    times, activity = [1, 10, 100, 500], [1.0, 0.1, 0.01, 0.0]
    found = critical.local_exponents([(times, activity)], [1, 10, 100, 1_000])
    np.testing.assert_allclose(found.delta[0, :2], 1.0)
    assert np.isnan(found.delta[0, 2])


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([10, 5], "edges must be"),
        ([0.5, 10], "edges must be"),
        ([10], "edges must be"),
        ([10, 100_000], "beyond the last record"),
        ([1.1, 1.2], "two records"),
    ],
)
def test_malformed_windows_are_refused(edges, message):
    with pytest.raises(ValueError, match=message):
        critical.local_exponents([(TIMES, TIMES**-0.5)], edges)


@settings(max_examples=20)
@given(
    delta=st.floats(0.2, 1.2),
    nu=st.floats(0.9, 2.0),
    shift=st.floats(-0.8, 0.8),
)
def test_the_law_without_noise_is_found_whatever_it_is(delta, nu, shift):
    """Two runs that differ by a part in a thousand, at places whose last windows part by 0.3 delta."""
    unit = 0.3 * delta / (2.5 * 30_000 ** (1 / nu))
    phi_c = 0.5 + shift * unit
    wave = 1e-3 * np.sin(TIMES)
    curves = {
        phi: [(TIMES, np.exp(law(phi, phi_c, delta, nu) - 3.0 + sign * wave)) for sign in (1, -1)]
        for phi in 0.5 + unit * np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    }
    found = critical.decay(curves, EDGES)
    assert found.phi_c.value == pytest.approx(phi_c, abs=0.02 * unit)
    assert found.delta.value == pytest.approx(delta, abs=1e-3)
    assert found.nu_parallel.value == pytest.approx(nu, rel=0.01)
    held = critical.decay(curves, EDGES, nu_parallel=nu)
    assert held.delta.value == pytest.approx(delta, abs=1e-3) and held.nu_parallel.error == 0.0


def test_error_bars_hold_the_truth_as_often_as_they_say(seed):
    """Two runs at each of six places: Student's t with six degrees of freedom, in 200 data sets.

    A share of p = 0.68 from 200 sets has an error of 0.033; three of them are allowed, and as much
    for what the normal theory of a fit that is not linear leaves out.
    """
    rng, sets = np.random.default_rng(seed), 200
    truth = {"phi_c": 0.6, "delta": 0.45, "nu_parallel": 1.2}
    inside = dict.fromkeys(truth, 0)
    for _ in range(sets):
        found = critical.decay({phi: [noisy(phi, rng) for _ in range(2)] for phi in PLACES}, EDGES)
        for name, value in truth.items():
            one = getattr(found, name)
            assert one.dof == 6
            inside[name] += abs(one.value - value) < stats.t.ppf(0.8413, 6) * one.error
    for name, count in inside.items():
        assert 0.58 < count / sets < 0.78, (name, count / sets)


def test_crossings_lie_where_the_law_says_and_stay_there(seed):
    """One law at all times: windows cross at (phi_c, delta); the error bars hold it, by Student's t."""
    rng, places, outside = np.random.default_rng(seed), 0.6 + np.array([-2, -1, 1, 2]) * 4e-5, []
    for _ in range(60):
        curves = {phi: [noisy(phi, rng) for _ in range(3)] for phi in places}
        last = critical.crossings(curves, [1_000, 5_000, 30_000])[0]
        assert last.delta.dof == 8
        for one, truth in ((last.phi, 0.6), (last.delta, 0.45)):
            outside.append(abs(one.value - truth) > one.reach(2.0))
    assert np.mean(outside) < 0.12  # 0.046 of normal errors, 120 looks


def test_crossings_move_where_the_law_is_not_there_yet(seed):
    """A correction t^(-1/2): what crosses early is not delta, and what crosses late is nearer."""
    rng, found = np.random.default_rng(seed), []
    places = 0.6 + np.array([-8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 32]) * 2e-5
    curves = {}
    for phi in places:
        times, f = noisy(phi, rng, size=1e-4)
        curves[phi] = [(times, f / (1 + 10 / times**0.5) * (1 + k * 1e-4)) for k in (0, 1)]
        curves[phi][1] = (times, noisy(phi, rng, size=1e-4)[1] / (1 + 10 / times**0.5))
    found = [one.delta.value for one in critical.crossings(curves, EDGES)]
    assert len(found) >= 2
    assert found[0] < found[-1] < 0.45  # of 1/(1 + b t^-1/2), b > 0, too small, and rising


@pytest.mark.parametrize("omega", [0.25, 0.5])
def test_a_correction_to_scaling_is_fitted(seed, omega):
    """Local exponents delta + a (t/1000)^-omega at phi_c: found; without it delta is many errors off."""
    rng, amplitude = np.random.default_rng(seed), -0.1
    curves = {}
    for phi in 0.6 + np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]) * 4e-5:
        slow = np.exp(-amplitude / omega * (1 - (TIMES / 1_000) ** -omega))
        curves[phi] = [(t, f * slow) for t, f in (noisy(phi, rng, size=1e-3) for _ in range(3))]
    found = critical.decay(curves, EDGES, nu_parallel=1.2, correction=omega)
    at_t0 = amplitude * (found.t0 / 1_000) ** -omega
    for one, truth in ((found.delta, 0.45), (found.phi_c, 0.6), (found.correction, at_t0)):
        assert abs(one.value - truth) < one.reach(3.0), (one, truth)
    assert found.delta.error < 0.03 and found.nu_parallel.error == 0.0
    assert found.at(found.t0, found.phi_c.value) == found.delta.value + found.correction.value
    plain = critical.decay(curves, EDGES, nu_parallel=1.2)
    assert plain.correction.value == 0.0 and plain.omega == 0.0
    assert abs(plain.delta.value - 0.45) > 5 * plain.delta.error
    assert plain.chi2 / plain.dof > found.chi2 / found.dof


def test_an_exponent_may_be_held(seed):
    rng = np.random.default_rng(seed)
    curves = {phi: [noisy(phi, rng) for _ in range(2)] for phi in PLACES}
    right, wrong = (critical.decay(curves, EDGES, delta=delta) for delta in (0.45, 0.5))
    assert (right.delta.value, right.delta.error) == (0.45, 0.0)
    assert abs(right.phi_c.value - 0.6) < right.phi_c.reach(3.0)
    assert wrong.chi2 > right.chi2
    with pytest.raises(ValueError, match="delta must be"):
        critical.decay(curves, EDGES, delta=0.0)
    with pytest.raises(ValueError, match="correction must be"):
        critical.decay(curves, EDGES, correction=20.0)


def test_what_determines_nothing_is_said(seed):
    rng = np.random.default_rng(seed)
    with pytest.raises(ValueError, match="at least 3 packing fractions"):
        critical.decay({0.6: [noisy(0.6, rng)] * 2}, EDGES)
    with pytest.raises(ValueError, match="at least 2 runs"):
        critical.decay({phi: [noisy(phi, rng)] for phi in PLACES}, EDGES)
    with pytest.raises(ValueError, match="runs that differ"):
        critical.decay({phi: [(TIMES, TIMES**-0.5)] * 2 for phi in PLACES}, EDGES)
    dead = {phi: [([1, 200], [1.0, 0.0])] * 2 for phi in PLACES}
    with pytest.raises(critical.Undetermined, match="active throughout"):
        critical.decay(dead, EDGES)


def test_directed_percolation_is_found_and_is_not_manna(seed):
    """One dimension: p_c and exponents are known to six digits, and Manna's delta is a quarter larger."""
    steps, curves = 4_000, {}
    record = np.unique(np.geomspace(1, steps - 1, 60).round()).astype(int)
    for p in known_answers.DIRECTED_P_C + 0.0024 * np.array([-1.5, -0.8, -0.1, 0.6, 1.3]):
        runs = known_answers.directed_percolation(10_000, p, steps, 4, seed)
        curves[p] = [(record, run[record]) for run in runs]
    found = critical.decay(curves, [30, 100, 300, 1_000, steps - 1])
    exact, manna = (scaling.exponents(name, 1) for name in ("directed percolation", "Manna"))
    delta = exact.beta / exact.nu_parallel
    assert abs(found.phi_c.value - known_answers.DIRECTED_P_C) < found.phi_c.reach(3.0) < 0.003
    assert abs(found.delta.value - delta) < found.delta.reach(3.0) < 0.04
    assert abs(found.nu_parallel.value - exact.nu_parallel) < found.nu_parallel.reach(3.0)
    assert abs(found.delta.value - manna.beta / manna.nu_parallel) > found.delta.reach(3.0)


def test_the_sandpile_s_transition_is_found_by_its_decay(seed):
    """Two dimensions: rho_c = 0.71695, and the measured decay exponent of the class from random starts, 0.419(15).

    That is not directed percolation's, 0.4505. Luebeck (2004) for the class.
    """
    edge, steps = 400, 6_000
    record = np.unique(np.geomspace(1, steps - 1, 60).round()).astype(int)
    curves = {}
    for rho in (0.71, 0.713, 0.716, 0.719, 0.722):
        grains = round(rho * edge**2)
        runs = known_answers.sandpile(edge, grains, steps, 2, seed)
        curves[grains / edge**2] = [(record, run[record]) for run in runs]
    found = critical.decay(curves, [30, 100, 300, 1_000, 2_500, steps - 1])
    miss = abs(found.phi_c.value - known_answers.SANDPILE_RHO_C)
    assert miss < found.phi_c.reach(3.0) < 0.005
    assert abs(found.delta.value - 0.419) < 0.045 + found.delta.reach(3.0) < 0.1


def test_the_ring_and_its_plain_twin_agree():
    """Directed percolation by whole arrays, with the same numbers drawn."""
    from mpack._kernels.known_answers import directed_percolation
    from mpack._kernels.noise import KNOWN_ANSWERS, bits, uniform

    edge, p, steps, key = 50, 0.66, 30, np.uint64(77)
    active = np.empty(steps, np.int32)
    directed_percolation(edge, p, steps, key, active)
    now = np.ones(edge, bool)
    for k in range(steps):
        assert active[k] == now.sum()
        words = [
            bits(key, KNOWN_ANSWERS, np.uint64(k), np.uint64(s), np.uint64(2)) for s in range(edge)
        ]
        stay, pass_on = (np.array([uniform(np.uint64(w[m])) < p for w in words]) for m in (0, 1))
        now = (now & stay) | np.roll(now & pass_on, 1)


def test_the_ring_at_its_limits(seed):
    assert known_answers.directed_percolation(10, 1.0, 5, 1, seed).tolist() == [[1.0] * 5]
    assert known_answers.directed_percolation(10, 0.0, 3, 1, seed).tolist() == [[1.0, 0.0, 0.0]]
    for wrong in ({"edge": 1}, {"p": 1.5}, {"steps": 0}, {"runs": 0}):
        name = next(iter(wrong))
        with pytest.raises(ValueError, match=f"{name} must be"):
            known_answers.directed_percolation(
                **{"edge": 8, "p": 0.5, "steps": 2, "runs": 1, "seed": 1, **wrong}
            )


def test_the_exact_ratio_of_moments_nears_its_published_limit():
    """Mean field at the transition, m -> 1.660 (R. Dickman, R. Vidigal, J. Phys. A 35, 1147 (2002)), as N^(-1/2)."""
    small, large = (
        known_answers.CompleteGraph(sites, 1.0, rest=0.0).quasi_steady().moment_ratio
        for sites in (2_000, 32_000)
    )
    assert large + (large - small) / 3 == pytest.approx(1.660, abs=1e-3)


def test_the_ratio_of_moments_of_survivors_is_that_of_the_exact_state(seed):
    """And not that of a place above the transition."""
    sites, steps = 200, 1_500
    runs = known_answers.contact_process(sites, 1.0, steps, 400, seed)
    histories = [(np.arange(steps + 1), run) for run in runs]
    found = critical.moment_ratio(
        [
            (t[: np.argmin(f) + 1], f[: np.argmin(f) + 1]) if f[-1] == 0 else (t, f)
            for t, f in histories
        ],
        begin=400,
    )
    here, above = (
        known_answers.CompleteGraph(sites, rate).quasi_steady().moment_ratio for rate in (1.0, 1.3)
    )
    assert abs(found.value - here) < found.reach(3.0)
    assert abs(found.value - above) > found.reach(3.0)


def test_the_ratio_of_moments_needs_two_survivors():
    with pytest.raises(critical.Undetermined, match="1 survive"):
        critical.moment_ratio([([0, 9], [1.0, 0.5]), ([0, 3], [1.0, 0.0])], begin=5)
