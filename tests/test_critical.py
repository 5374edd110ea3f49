"""Steady activity, relaxation, survival against what is known in closed form."""

import numpy as np
import pytest
from scipy.signal import lfilter

import mpack
from mpack import critical


def autoregression(rng, runs, length, tau):
    """AR(1) series of mean 0, variance 1 and integrated autocorrelation time (1 + a)/(1 - a) = tau."""
    a = (tau - 1) / (tau + 1)
    kicks = rng.standard_normal((runs, length + 40 * tau)) * np.sqrt(1 - a * a)
    return lfilter([1], [1, -a], kicks, axis=1)[:, 40 * tau :]


def test_error_of_an_autoregression(seed):
    """400 runs of 400 autocorrelation times, tau = 10 in closed form.

    The mean of tau must lie within 0.7 of it, the mean of (deviation/error)^2 in (0.8, 1.5); both are five standard
    errors from what is expected (9.8 and 1.08): false alarms below 1e-5. The error without autocorrelation is caught
    (10 instead of 1), so is one wrong by a quarter (1.7) with power 0.98.
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
    assert np.mean([critical.steady_activity(np.arange(400), row).reliable for row in short]) < 0.06  # expected 0.005
    noise = 0.001 * rng.standard_normal((50, 4000))
    step = np.repeat([0, 0, 3e-4, 0], 1000)  # no long memory, yet the quarters differ
    slow = [critical.steady_activity(np.arange(4000), 0.5 + step + row) for row in noise]
    assert np.mean([one.reliable for one in slow]) < 0.3  # expected 0.00
    assert np.median([one.tau for one in slow]) < 10
    falling = [critical.steady_activity(np.arange(4000), 0.5 - 1e-5 * np.arange(4000) + row) for row in noise]
    assert np.mean([one.reliable for one in falling]) < 0.1  # expected 0.00
    settled = 0.5 + noise + 0.4 * np.exp(-np.arange(4000) / 100)
    assert np.mean([critical.steady_activity(np.arange(4000), row).reliable for row in settled]) > 0.8  # expected 0.99


def test_other_records_are_left_out(seed):
    """log_spaced beside every(50), and a last step off the grid, change nothing; log_spaced alone is refused."""
    even = np.arange(0, 20_001, 50)
    wave = lambda times: 0.5 + 0.1 * np.sin(times / 7.0)  # noqa: E731
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
    assert (gone.value, gone.error, gone.start, gone.absorbed, gone.reliable) == (0.0, 0.0, 17, True, True)
    still = critical.steady_activity(np.arange(200), np.full(200, 0.3))
    assert (still.value, still.error, still.tau, still.reliable) == (pytest.approx(0.3), 0.0, 1.0, True)


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
    assert np.all(np.abs(thrown_away - truth) > 4 * (high - low) / 2)  # censored runs taken for dead


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
