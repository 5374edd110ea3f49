"""Steady activity, relaxation, survival against what is known in closed form."""

import importlib
import math
import pkgutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

import mpack
from mpack import critical, known_answers, statistics


def autoregression(rng, runs, length, tau):
    """AR(1) series of mean 0, variance 1 and integrated autocorrelation time (1 + a)/(1 - a) = tau."""
    a = (tau - 1) / (tau + 1)
    kicks = rng.standard_normal((runs, length + 40 * tau)) * np.sqrt(1 - a * a)
    return lfilter([1], [1, -a], kicks, axis=1)[:, 40 * tau :]


def test_error_of_an_autoregression(seed):
    """400 runs of 400 autocorrelation times, tau = 10 in closed form.

    The mean of tau must lie within 0.7 of it, the mean of (deviation/error)^2 in (0.8, 1.5); both
    are five standard errors from what is expected (9.8 and 1.08): false alarms below 1e-5. The
    error without autocorrelation is caught (10 instead of 1), so is one wrong by a quarter (1.7)
    with power 0.98.
    """
    series = 0.5 + 0.01 * autoregression(np.random.default_rng(seed), 400, 8000, 10)
    found = [critical.steady_activity(np.arange(0, 24_000, 3), row) for row in series]
    assert all(one.points == 4000 and one.spacing == 3 and one.start == 12_000 for one in found)
    assert abs(np.mean([one.tau for one in found]) / 3 - 10) < 0.7
    deviation = np.array([one.value - 0.5 for one in found])
    assert 0.8 < np.mean((deviation / [one.error for one in found]) ** 2) < 1.5
    naive = series[:, 4000:].std(axis=1) / np.sqrt(4000)
    assert np.mean((deviation / naive) ** 2) > 4
    assert np.mean([one.reliable for one in found]) > 0.96  # expected 0.998


def test_unreliable_when_short_or_drifting(seed):
    """Of 200 stretches five autocorrelation times long, or 50 that drift, few look reliable (false alarm < 1e-6)."""
    rng = np.random.default_rng(seed)
    short = 0.5 + 0.01 * autoregression(rng, 200, 400, 40)
    assert (
        np.mean([critical.steady_activity(np.arange(400), row).reliable for row in short]) < 0.06
    )  # expected 0.005
    noise = 0.001 * rng.standard_normal((50, 4000))
    step = np.repeat([0, 0, 3e-4, 0], 1000)  # no long memory, yet the quarters differ
    slow = [critical.steady_activity(np.arange(4000), 0.5 + step + row) for row in noise]
    assert np.mean([one.reliable for one in slow]) < 0.3  # expected 0.00
    assert np.median([one.tau for one in slow]) < 10
    falling = [
        critical.steady_activity(np.arange(4000), 0.5 - 1e-5 * np.arange(4000) + row)
        for row in noise
    ]
    assert np.mean([one.reliable for one in falling]) < 0.1  # expected 0.00
    settled = 0.5 + noise + 0.4 * np.exp(-np.arange(4000) / 100)
    assert (
        np.mean([critical.steady_activity(np.arange(4000), row).reliable for row in settled]) > 0.8
    )  # expected 0.99


def test_other_records_are_left_out(seed):
    """log_spaced beside every(50), and a last step off the grid, change nothing; log_spaced alone is refused."""
    even = np.arange(0, 20_001, 50)
    wave = lambda times: 0.5 + 0.1 * np.sin(times / 7.0)
    both = np.union1d(even, mpack.log_spaced(10).between(0, 20_000))
    alone = critical.steady_activity(even, wave(even))
    assert alone.points == 201
    assert critical.steady_activity(both, wave(both)) == alone
    more = np.append(both, 20_013)
    assert critical.steady_activity(more, wave(more)).spacing == 50
    sparse = mpack.log_spaced(100).between(0, 20_000)
    with pytest.raises(ValueError, match="evenly spaced"):
        critical.steady_activity(sparse, wave(sparse))


def test_absorbed_and_constant_runs():
    gone = critical.steady_activity([0, 10, 17], [0.9, 0.2, 0.0])
    assert (gone.value, gone.error, gone.start, gone.absorbed, gone.reliable) == (
        0.0,
        0.0,
        17,
        True,
        True,
    )
    still = critical.steady_activity(np.arange(200), np.full(200, 0.3))
    assert (still.value, still.error, still.tau, still.reliable) == (
        pytest.approx(0.3),
        0.0,
        1.0,
        True,
    )


def test_relaxation_time():
    times = np.arange(0, 1001, 10)
    falling = 0.5 + 0.5 * np.exp(-times / 100.0)  # within 10 % of 0.5 from t = 100 ln 10 = 230.3
    assert critical.relaxation_time(times, falling, 0.5) == (240, 230)
    longer = np.arange(0, 4001, 10)
    assert critical.relaxation_time(longer, 0.5 + 0.5 * np.exp(-longer / 100.0)).steps == 240
    assert critical.relaxation_time([0, 100, 137], [1.0, 0.1, 0.0], 0.5) == (137, 136)
    assert np.isnan(critical.relaxation_time(times, falling, 0.3).steps)
    assert np.isnan(critical.relaxation_time(times, falling, 0.0).steps)
    assert critical.relaxation_time(times, falling, 0.9) == (10, 0)


def test_survival_of_exponential_deaths(seed):
    """2000 lives of mean 100, watched for a random time: exp(-t/100) lies within 4 errors (false alarms 2e-4)."""
    rng = np.random.default_rng(seed)
    life, watched = np.ceil(rng.exponential(100, 2000)), rng.integers(1, 400, 2000)
    at = np.array([50, 100, 200])
    chance, low, high = critical.survival(np.minimum(life, watched), life <= watched, at)
    truth = np.exp(-at / 100)
    assert np.all(np.abs(chance - truth) < 4 * (high - low) / 2)
    thrown_away = critical.survival(np.minimum(life, watched), np.ones(2000, bool), at)[0]
    assert np.all(
        np.abs(thrown_away - truth) > 4 * (high - low) / 2
    )  # censored runs taken for dead


def test_mean_activity_over_all_and_over_survivors():
    histories = [([0, 10, 20], [1.0, 0.6, 0.4]), ([0, 10, 15], [1.0, 0.2, 0.0])]
    mean, error, count = critical.mean_activity(histories, [0, 10, 15, 20])
    assert mean == pytest.approx([1.0, 0.4, 0.25, 0.2])
    assert error == pytest.approx([0.0, 0.2, 0.25, 0.2])
    mean, error, count = critical.mean_activity(histories, [0, 10, 15, 20], surviving=True)
    assert mean == pytest.approx([1.0, 0.4, 0.5, 0.4])
    assert list(count) == [2, 2, 1, 1] and np.isnan(error[2])
    with pytest.raises(ValueError, match="within the records"):
        critical.mean_activity(histories, [21])


@pytest.mark.parametrize(
    ("times", "activity", "message"),
    [
        ([0, 0], [0.5, 0.5], "increasing"),
        ([0, 1.5], [0.5, 0.5], "whole steps"),
        ([0, 1], [0.5, 1.5], r"\[0, 1\]"),
        ([0, 1], [0.5], "shape"),
        ([], [], "at least one"),
    ],
)
def test_malformed_series(times, activity, message):
    with pytest.raises(ValueError, match=message):
        critical.relaxation_time(times, activity, 0.5)


def deaths(rng, phi_c, longest=20_000, scatter=0.4):
    """Absorption times of a scan: (phi, steps, absorbed), tau = 20 (phi_c - phi)^-1.081, lognormal scatter."""
    phi = np.repeat(0.600 + 0.005 * np.arange(9), 4)
    below = np.maximum(phi_c - phi, 0.0)
    with np.errstate(divide="ignore"):
        tau = 20 * below**-1.081 * np.exp(scatter * rng.standard_normal(len(phi)))
    return phi, np.minimum(tau, longest), tau <= longest


@pytest.mark.slow
def test_divergence_finds_phi_c(seed):
    """60 scans with phi_c = 0.6283 off their grid: mean square of deviation/error expected 1.25, in (0.5, 2.6).

    False alarms below 1e-4. Runs stopped ten times earlier change it by no more than the errors
    say, and taking the runs that were stopped for absorbed ones, the negative control, moves phi_c
    by many errors.
    """
    rng = np.random.default_rng(seed)
    scans = [deaths(rng, 0.6283) for _ in range(60)]
    found = [critical.divergence(*scan) for scan in scans]
    z = np.array([(one.phi_c - 0.6283) / one.error for one in found])
    assert 0.5 < np.mean(z**2) < 2.6
    assert np.mean([one.error for one in found]) < 0.002
    assert np.mean([one.scatter for one in found]) == pytest.approx(0.4, abs=0.06)
    known = [critical.divergence(*scan, scatter=0.4) for scan in scans]
    assert (
        0.4 < np.mean([((one.phi_c - 0.6283) / one.error) ** 2 for one in known]) < 2.2
    )  # expected 1.05
    short = [critical.divergence(*scan, longest=4_000) for scan in scans[:20]]
    shift = np.mean([one.phi_c for one in short]) - 0.6283
    assert abs(shift) < 5 * np.mean([one.error for one in short]) / 20**0.5 + 5e-4
    phi, steps, absorbed = scans[0]
    believed = critical.divergence(phi, steps, np.ones(len(phi), bool))
    assert abs(believed.phi_c - 0.6283) > 5 * found[0].error


def test_divergence_with_the_logarithm_of_a_finite_system(seed):
    """The contact process on a complete graph: lambda_c = 1 within 0.003, B = 1/mu; without the logarithm 0.01 off.

    800 runs of 10^6 sites: the error is 0.0006, what corrections leave 0.0012.
    """
    rate = np.repeat(np.arange(0.84, 0.985, 0.02), 100)
    made = known_answers.contact_process(10**6, rate, 3_000, len(rate), np.random.default_rng(seed))
    scan = rate, known_answers.absorbed_after(made), made[:, -1] == 0
    found = critical.divergence(*scan, nu=1.0, reach=0.16, lineages=(1e6, 2.0))
    assert abs(found.phi_c - 1.0) < 0.003 and found.error < 0.001
    assert found.amplitude == pytest.approx(10.0, rel=0.02)
    plain = critical.divergence(*scan, nu=1.0, reach=0.16)
    assert plain.phi_c - 1.0 > 0.01


def test_lineages_of_two_sizes():
    """Of times that obey the law at two sizes, the n0 that was put in; closer to phi_c tau no longer grows."""
    n0, p, distance = 3e4, 1.779, 0.02
    x = np.log(n0 * distance**p) + np.euler_gamma
    assert critical.lineages(1 + np.log(4) / x, 4, distance, p=p) == pytest.approx((n0, p))
    phi = np.array([0.56, 0.58, 0.59, 0.60, 0.61])
    tau = 20 / (0.63 - phi) * (np.log(n0 * (0.63 - phi) ** p) + np.euler_gamma)
    found = critical.divergence(
        phi, tau, np.ones(5, bool), nu=1.0, reach=0.1, lineages=(n0, p), scatter=0.1
    )
    assert found.phi_c == pytest.approx(0.63, abs=1e-5)
    assert found.amplitude == pytest.approx(20, rel=1e-3)
    for wrong, what in (((1e4, 1.0), "p of lineages"), ((0.0, 2.0), "n0"), (3.0, "pair")):
        with pytest.raises((ValueError, TypeError), match=what):
            critical.divergence(phi, tau, np.ones(5, bool), nu=1.0, lineages=wrong)


def test_onset_and_limit(seed):
    """200 draws each: the mean square of deviation/error is 1 within 5 standard errors of it, (0.5, 1.5)."""
    rng = np.random.default_rng(seed)
    phi = 0.57 + 0.005 * np.arange(1, 7)
    law = 10 * (phi - 0.568) ** 0.84
    error = np.full(6, 0.004)
    found = [
        critical.onset(phi, law + error * rng.standard_normal(6), error, most=0.9)
        for _ in range(200)
    ]
    # the error counts chi^2 above its mean: a little too large on purpose
    assert 0.3 < np.mean([((one.phi_c - 0.568) / one.error) ** 2 for one in found]) < 1.3
    wrong = [critical.onset(phi, law, error, beta=0.5, most=0.9) for _ in range(1)]
    assert abs(wrong[0].phi_c - 0.568) > 0.003
    alpha = np.array([0.001, 0.003, 0.01, 0.03, 0.05])
    scale = np.full(5, 0.001)
    limits = [
        critical.to_zero(
            alpha, 0.64 - 0.8 * alpha + scale * rng.standard_normal(5), scale, degree=1
        )
        for _ in range(200)
    ]
    assert 0.5 < np.mean([((one.value - 0.64) / one.error) ** 2 for one in limits]) < 1.5
    assert np.mean([one.chi2 for one in limits]) == pytest.approx(limits[0].freedom, abs=0.9)
    bent = critical.to_zero(alpha, 0.64 - 2.0 * alpha**0.5, scale)
    assert bent.chi2 > 100  # a straight line does not describe a square root


def test_last_quiet():
    phi, activity = [0.60, 0.61, 0.62, 0.62, 0.63], [0.0, 0.09, 0.0, 0.3, 0.5]
    assert critical.last_quiet(phi, activity) == (0.61, 0.62)
    assert critical.last_quiet(phi, activity, threshold=0.2) == (0.62, 0.63)
    assert np.isnan(critical.last_quiet(phi[:2], activity[:2]).high)
    assert np.isnan(critical.last_quiet(phi[3:], activity[3:]).low)


def test_too_little_for_a_critical_point():
    with pytest.raises(ValueError, match="at least 5 absorbed"):
        critical.divergence([0.6, 0.61, 0.62], [10, 20, 30], [True, True, False])
    with pytest.raises(ValueError, match="at least 3 activities"):
        critical.onset([0.6, 0.61], [0.1, 0.2], [0.01, 0.01])
    with pytest.raises(ValueError, match="more than 1"):
        critical.to_zero([0.1], [0.6], [0.01])


def test_octaves_of_a_power_law():
    """f = f_inf + B k^-theta: differences of octaves have the ratio 2^-theta, and two of them give f_inf."""
    times = np.arange(1, 100_001)
    m = critical.octaves(times, 0.2 + 0.5 * times**-0.4, 6)
    assert np.diff(m)[1:] / np.diff(m)[:-1] == pytest.approx(2**-0.4, rel=1e-3)
    assert m[-1] - (m[-2] - m[-1]) * 2**-0.4 / (1 - 2**-0.4) == pytest.approx(0.2, abs=1e-4)


def test_octaves_of_uneven_records():
    """A straight line recorded anywhere: means are at the middles of the octaves."""
    times = np.array([0, 1, 7, 50, 51, 64])
    assert critical.octaves(times, 1 - times / 64, 3) == pytest.approx(
        [1 - 12 / 64, 1 - 24 / 64, 1 - 48 / 64]
    )
    for bad in ((times, 1 - times / 64, 7), (times[2:], times[2:] / 64, 5), (times, times / 64, 0)):
        with pytest.raises(ValueError, match="count"):
            critical.octaves(*bad)


sane = st.floats(0.5, 0.7)
wild = st.floats(-1e200, 1e200) | st.sampled_from([0.0, 1e199, 1e-300, math.nan])
columns = st.lists(st.tuples(sane, sane, sane), max_size=12) | st.lists(
    st.tuples(*[sane | wild] * 3), max_size=8
)


@settings(max_examples=80, deadline=None)
@given(columns, st.integers(0, 4))
def test_fits_end_in_finite_numbers_or_in_one_refusal(rows, degree):
    """Whatever the arrays: a finite result, or a ValueError; no other exception, no infinity."""
    x, y, e = np.array(rows, float).reshape(-1, 3).T
    for fit in (
        lambda: critical.to_zero(x, y, np.abs(e), degree=degree),
        lambda: critical.onset(x, y, np.abs(e)),
        lambda: critical.divergence(x, np.abs(y), e > 0.55),
        lambda: critical.divergence(x, 1e3 * np.abs(y), np.ones(len(x), bool)),
        lambda: critical.limit(np.transpose([x, y, np.abs(e)]), "swollen"),
    ):
        try:
            found = fit()
        except ValueError:
            continue
        assert np.all(np.isfinite([*found.estimate]))


@pytest.mark.parametrize(
    "activity", [np.full(6, 0.3), 0.3 - 0.001 * np.arange(6), 0.3 + 1e-9 * np.arange(6)]
)
def test_no_onset_where_the_activity_does_not_rise(activity):
    """Once phi_c = -1.5e14: an activity that stays, falls or hardly rises vanishes nowhere near the scan."""
    with pytest.raises(critical.Undetermined, match="phi_c"):
        critical.onset(0.57 + 0.005 * np.arange(6), activity, np.full(6, 0.01))


def test_no_divergence_where_the_times_do_not_rise():
    phi = np.repeat(0.55 + 0.005 * np.arange(6), 2)
    with pytest.raises(critical.Undetermined, match="diverge"):
        critical.divergence(phi, np.tile([100.0, 103.0], 6), np.ones(12, bool))
    with pytest.raises(ValueError, match="absorbed must have shape"):
        critical.divergence(phi, np.ones(12), np.ones(11, bool))


@pytest.mark.parametrize(
    ("x", "degree"),
    [([1e199, 2e199, 3e199], 1), ([0.1, 0.1, 0.1], 1), ([0.1, 0.2, 0.2], 2), ([1.0, 1 + 1e-15], 1)],
)
def test_no_limit_of_points_that_say_nothing(x, degree):
    with pytest.raises(ValueError, match="x must"):
        critical.to_zero(x, np.full(len(x), 0.6), np.full(len(x), 0.01), degree=degree)


def test_what_has_a_value_and_an_error_is_an_estimate():
    point = critical.CriticalPoint(0.63, 0.001, 1.081, 20.0, 0.3, 40)
    limit = critical.to_zero([0.01, 0.02, 0.03], [0.63, 0.62, 0.61], [0.001] * 3)
    steady = critical.steady_activity(np.arange(200), np.tile([0.2, 0.4], 100))
    assert tuple(point.estimate) == (0.63, 0.001)
    assert point.estimate.n == 40
    assert (limit.estimate.value, limit.estimate.n) == (limit.value, 3)
    assert (steady.estimate.value, steady.estimate.error) == (steady.value, steady.error)
    assert steady.estimate.n == 100  # records as independent as can be counted
    apart = statistics.Estimate.of(limit) - statistics.Estimate.of(point)
    assert apart.error == pytest.approx(math.hypot(limit.error, 0.001))


def test_activity_of_who_stops_early():
    times, f = np.arange(0, 101, 10), np.linspace(1.0, 0.0, 11)
    assert critical.activity_until(times, f, 40) == pytest.approx(np.mean([0.7, 0.6]))
    assert critical.activity_until(times, f, 101) == 0.0
    with pytest.raises(ValueError, match="beyond the last step"):
        critical.activity_until(times, np.maximum(f, 0.1), 101)
    with pytest.raises(ValueError, match="hold records"):
        critical.activity_until([0, 100], [0.5, 0.5], 40)


def test_late_activity_counts_what_still_changes():
    times = np.arange(0, 4001, 10)
    steady = critical.late_activity(times, np.full(401, 0.3))
    assert tuple(steady) == (pytest.approx(0.3), pytest.approx(0.0, abs=1e-12))
    falling = critical.late_activity(times, 0.5 - 1e-5 * times)
    assert falling.error >= 1e-5 * 1000 * 0.99  # from the middle of one quarter to that of the next
    assert tuple(critical.late_activity([0, 10], [0.5, 0.0])) == (0.0, 0.0)


def runs_of(phi, steps, absorbed, f_inf=0.0):
    """A row of a sweep's table, with a series that falls to f_inf as exp(-t/100), or to 0 at its end."""
    times = np.unique(np.append(np.arange(0, steps, 10), steps))
    f = np.where(absorbed & (times == steps), 0.0, f_inf + (1 - f_inf) * np.exp(-times / 100))
    series = SimpleNamespace(times=times, activity=f)
    return {"phi": phi, "steps": steps, "absorbed": absorbed, "f_inf": f_inf, "series": series}


def test_relaxation_of_a_table():
    rows = [runs_of(0.5, steps, True) for steps in (100, 400, 200)]
    rows += [runs_of(0.6, 2000, False, 0.5) for _ in range(2)]
    rows += [runs_of(0.55, 300, True), runs_of(0.55, 2000, False, 0.3)]  # two fates: left out
    found = critical.relaxation_table(pd.DataFrame(rows).astype({"absorbed": bool}))
    assert found.phi.tolist() == [0.5, 0.6]
    assert found.absorbed.tolist() == [True, False]
    logs = np.log([100, 400, 200])
    assert found.log_tau[0] == pytest.approx(logs.mean())
    assert found.error[0] == pytest.approx(logs.std(ddof=1) / 3**0.5)
    assert np.exp(found.log_tau[1]) == pytest.approx(240)  # 100 ln 10 = 230.3, and the next record
    with pytest.raises(ValueError, match="missing: series"):
        critical.relaxation_table(pd.DataFrame(rows).drop(columns="series"))


def test_lifetimes_of_exponential_deaths_however_long_one_waits(seed):
    """1000 runs with a mean life of 500 steps, watched for 200, 800 or without end: within four of their errors."""
    lives = np.random.default_rng(seed).exponential(500.0, (3, 1000))
    rows = [
        pd.DataFrame({"n": n, "steps": np.minimum(life, longest), "absorbed": life < longest})
        for n, life, longest in zip((32, 64, 128), lives, (200.0, 800.0, np.inf))
    ]
    found = critical.lifetimes(pd.concat(rows), "n")
    assert np.all(np.abs(found.life - 500) < 4 * found.error)
    assert np.all(found.error < 0.08 * 500) and np.all(np.diff(found.error) < 0)
    assert found.life[128] == pytest.approx(lives[2].mean())
    assert found.error[128] == pytest.approx(lives[2].std(ddof=1) / 1000**0.5)
    # negative control: the mean of what was seen takes stopped runs for dead
    assert rows[0].steps.mean() < 500 - 10 * found.error[32]
    none = rows[0].assign(absorbed=False, phi=0.6)
    assert critical.lifetimes(none, ["phi", "n"])[["life", "error"]].isna().all(axis=None)
    with pytest.raises(ValueError, match="missing: absorbed"):
        critical.lifetimes(none.drop(columns="absorbed"), "n")


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 0.9), st.floats(0.05, 0.3), st.integers(1, 3))
def test_octaves_foretell_a_power_law(theta, f_inf, doublings):
    """With f = f_inf + B k^-theta: the ratio, the limit and the activity after more doublings, all in closed form."""
    times = np.unique(np.geomspace(1, 16_384 * 2**doublings, 4000).round().astype(int))
    late = times <= 16_384
    curves, later = [], []
    for b in (0.3, 0.4, 0.5):
        f = f_inf + b * times**-theta
        curves.append(critical.octaves(times[late], f[late], 5)[None])
        later.append(critical.octaves(times, f, 5)[-1])
    ratio = critical.octave_ratio(curves, seed=3)
    assert ratio.value == pytest.approx(2**-theta, rel=2e-3)
    assert ratio.error < 1e-3
    m = np.concatenate(curves)
    assert critical.octave_limit(m, ratio.value) == pytest.approx(f_inf, abs=3e-3)
    forecast = critical.octave_forecast(m, ratio, doublings)
    assert forecast.value == pytest.approx(np.mean(later), abs=1e-3)
    # negative control: who takes the last octave for steady is wrong by much more
    assert abs(m[:, -1].mean() - np.mean(later)) > 3 * abs(forecast.value - np.mean(later))


def test_octaves_of_a_table_are_those_of_its_survivors():
    alive = [runs_of(0.6, 2000, False, 0.5) for _ in range(2)]
    table = pd.DataFrame([*alive, runs_of(0.6, 900, True), *alive[:1], runs_of(0.6, 900, True)])
    table["n"] = [64, 64, 64, 128, 128]
    found = critical.octave_table(table.astype({"absorbed": bool}), ["n", "phi"], 3)
    assert list(found) == [(64, 0.6)]  # of 128 only half survived
    one = alive[0]["series"]
    assert np.array_equal(found[64, 0.6], [critical.octaves(one.times, one.activity, 3)] * 2)
    for wrong in ([found[64, 0.6]], [found[64, 0.6][:, :2]] * 2):
        with pytest.raises(ValueError, match="curves"):
            critical.octave_ratio(wrong)
    with pytest.raises(ValueError, match="two octaves before"):
        critical.octave_ratio([found[64, 0.6]] * 2, 1)


def test_all_public_names_are_there():
    """What the modules define without an underscore is what `critical` shows."""
    for name in critical.__all__:
        assert hasattr(critical, name), name
    shown = {id(getattr(critical, name)) for name in critical.__all__}
    for module in pkgutil.iter_modules(critical.__path__):
        if module.name.startswith("_"):
            continue
        part = importlib.import_module(f"mpack.critical.{module.name}")
        for name, thing in vars(part).items():
            if getattr(thing, "__module__", None) == part.__name__ and not name.startswith("_"):
                assert id(thing) in shown, name
