"""Numbers with errors, against SciPy, closed forms and sampling."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpack import statistics
from mpack.statistics import Estimate

reals = st.floats(-1e6, 1e6)
sizes = st.floats(0, 1e6)
estimates = st.builds(Estimate, reals, sizes, st.none() | st.integers(1, 1000))


@given(estimates, estimates, st.floats(-1e3, 1e3))
def test_sums_and_multiples_carry_independent_errors(a, b, factor):
    for both, value in ((a + b, a.value + b.value), (a - b, a.value - b.value)):
        assert both.value == value
        assert both.error == pytest.approx((a.error**2 + b.error**2) ** 0.5)
        assert both.n in (a.n, b.n)
    assert (factor * a).value == factor * a.value
    assert (a * factor).error == abs(factor) * a.error
    assert (-a).error == a.error
    assert a - a.value == Estimate(0.0, a.error, a.n)
    assert (1.0 - a).value == 1.0 - a.value


@pytest.mark.parametrize(("sigmas", "dof"), [(1.0, 1), (2.0, 3), (3.0, 2), (3.0, 7.5), (4.5, 30)])
def test_an_uncertain_error_reaches_as_far_as_its_probability_says(sigmas, dof):
    far = statistics.student(sigmas, dof)
    assert stats.t.sf(far, dof) == pytest.approx(stats.norm.sf(sigmas), rel=1e-9)
    assert far > sigmas
    assert statistics.student(sigmas, None) == statistics.student(sigmas, math.inf) == sigmas


def test_three_reaches_miss_as_seldom_as_they_say(seed):
    """Means of four normal samples beyond `reach(2)`: 4.55 %, within five errors; beyond two errors: 14 %."""
    x = np.random.default_rng(seed).standard_normal((20_000, 4))
    mean, error = statistics.mean_errors(x, axis=1)
    share = np.mean(np.abs(mean) > error * Estimate(0.0, 1.0, n=4).reach(2.0))
    assert abs(share - 0.0455) < 5 * (0.0455 / 20_000) ** 0.5
    assert np.mean(np.abs(mean) > 2 * error) > 0.12


def test_degrees_of_freedom_of_a_sum_are_those_of_welch():
    a, b = Estimate(1.0, 0.3, n=5), Estimate(2.0, 0.4, n=9)
    expected = 0.25**2 / (0.09**2 / 4 + 0.16**2 / 8)
    assert (a - b).freedom == pytest.approx(expected) and (a - b).n == 5
    assert (2 * a).freedom == (a - 1.0).freedom == (a + Estimate(1.0, 0.0, n=3)).freedom == 4
    assert (a + Estimate(0.0, 0.4, n=2, dof=math.inf)).freedom == pytest.approx(
        0.25**2 / 0.09**2 * 4
    )
    assert Estimate(1.0, 0.3).freedom is None and (a + Estimate(1.0, 0.3)).reach(3) > 0
    for dof in (0.0, -1.0, math.nan, "2"):
        with pytest.raises((ValueError, TypeError), match="dof"):
            Estimate(1.0, 0.1, dof=dof)


def test_a_weighted_mean_knows_whether_scatter_made_its_error():
    calm = statistics.weighted_mean([1.0, 1.1], [0.5, 0.5]).estimate
    torn = statistics.weighted_mean([1.0, 2.0], [0.1, 0.1]).estimate
    assert calm.freedom == math.inf and torn.freedom == 1


def test_errors_of_a_difference_are_those_of_a_sample(seed):
    """Scatter of 40,000 differences drawn with errors 3 and 4: 5, within five of its errors (false alarm 1e-6)."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(1, 3, 40_000) - rng.normal(2, 4, 40_000)
    said = Estimate(1, 3) - Estimate(2, 4)
    assert (said.value, said.error) == (-1, 5)
    assert abs(drawn.std() - said.error) < 5 * 5 / (2 * 40_000) ** 0.5


def test_what_an_estimate_is_made_of():
    assert Estimate.of(0.5) == Estimate(0.5, 0.0)
    assert Estimate.of((0.5, 0.1)) == Estimate.of(np.array([0.5, 0.1])) == Estimate(0.5, 0.1)
    assert Estimate.of(Estimate(1, 2)) == Estimate(1.0, 2.0)
    mean = statistics.weighted_mean([1.0, 2.0], [1.0, 1.0])
    assert Estimate.of(mean) == mean.estimate == 0.0 + mean.estimate
    value, error = Estimate(0.64, 0.01, 7)
    assert (value, error) == (0.64, 0.01)
    assert Estimate.of((0.5, 0.1, 4)) == Estimate(0.5, 0.1, 4)
    for wrong in (True, "0.5", None, (1, 2, 3, 4), {"value": 1}):
        with pytest.raises(TypeError, match="estimate"):
            Estimate.of(wrong)


@pytest.mark.parametrize(
    "parts",
    [
        (math.nan, 0.1),
        (0.5, -0.1),
        (0.5, math.inf),
        (0.5, 0.1, 0),
        (0.5, 0.1, 2.0),
        (0.5, 0.1, 2, 3),
        ("0.5", 0.1),
    ],
)
def test_what_is_no_estimate(parts):
    with pytest.raises((ValueError, TypeError), match=r"value|error|n must|source"):
        Estimate(*parts)
    with pytest.raises(ZeroDivisionError):
        Estimate(1, 1) / 0


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.18341, 0.00432, "0.1834 ± 0.0043"),
        (12.3456, 1.2, "12.3 ± 1.2"),
        (1234.5, 56.0, "1,234 ± 56"),
        (0.25, None, "0.25"),
        (0.0405172, None, "0.0405"),
        (25.9629, 0.0, "26.0"),
        (0.6345, None, "0.6345"),
        (0.63456, None, "0.635"),
        (12345.6, None, "12,300"),
        (40_000.0, None, "40,000"),
        (8.16597e-16, None, "8.17 × 10⁻¹⁶"),
        (13_824, None, "13,824"),
        (0.0, None, "0"),
        (7, None, "7"),
        (7, 0.0, "7"),
        (1.5e-5, 2e-6, "(1.50 ± 0.20) × 10⁻⁵"),
        (-0.5, 0.02, "−0.500 ± 0.020"),
        (-1e-6, 7.6e-4, "(0.0 ± 7.6) × 10⁻⁴"),
        (-12_345, None, "−12,345"),
        (True, None, "True"),
        ("3f2a", None, "3f2a"),
    ],
)
def test_numbers_are_printed_with_their_error(value, error, text):
    assert statistics.with_error(value, error) == text
    if isinstance(value, float) and error:
        assert str(Estimate(value, error)) == statistics.with_error(Estimate(value, error)) == text


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40))
def test_mean_and_error_are_those_of_scipy(x):
    found = statistics.mean_error(x)
    assert found.value == pytest.approx(np.mean(x), abs=1e-12)
    assert found.error == pytest.approx(stats.sem(x), abs=1e-12)
    assert found.n == len(x)
    mean, error = statistics.mean_errors(np.column_stack([x, x]))
    assert mean == pytest.approx([found.value] * 2, abs=1e-9)
    assert error == pytest.approx([found.error] * 2, abs=1e-9)
    # for the mean, the jackknife is the standard error
    assert statistics.jackknife(np.mean, x).error == pytest.approx(found.error, abs=1e-9)


def test_means_of_series_and_tables_to_the_bit():
    x = np.random.default_rng(3).standard_normal((31, 4)) + 5
    one = statistics.mean_error(pd.Series(x[:, 0], index=range(7, 38)))
    assert (one.value, one.error) == (x[:, 0].mean(), x[:, 0].std(ddof=1) / 31**0.5)
    for axis in (0, 1, -1):
        mean, error = statistics.mean_errors(x, axis=axis)
        assert np.array_equal(mean, x.mean(axis=axis))
        assert np.array_equal(error, x.std(axis=axis, ddof=1) / x.shape[axis] ** 0.5)


def test_pairs_forget_what_they_share(seed):
    """200 pairs that share noise ten times their own: the difference is found, which two means would miss."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 10, 200)
    a, b = shared + rng.normal(1, 1, 200), shared + rng.normal(0, 1, 200)
    together = statistics.paired(a, b)
    apart = statistics.mean_error(a) - statistics.mean_error(b)
    assert abs(together.value - 1) < 5 * together.error
    assert together.error == pytest.approx(2**0.5 / 200**0.5, rel=0.3)
    assert apart.error > 5 * together.error


def test_pairs_of_series_are_those_of_their_labels():
    a = pd.Series([1.0, 2.0, 3.0, 9.0], index=[4, 2, 7, 1])
    b = pd.Series([0.5, 1.0, np.nan, 2.5], index=[2, 4, 1, 7])
    assert statistics.paired(a, b) == statistics.mean_error([0.0, 1.5, 0.5])
    both = pd.concat({"a": a, "b": b}, axis=1).dropna()
    gap = both.a - both.b
    found = statistics.paired(a, b)
    assert (found.value, found.error, found.n) == (gap.mean(), gap.std() / len(gap) ** 0.5, 3)
    with pytest.raises(ValueError, match="2 is twice"):
        statistics.paired(a, pd.Series([1.0, 2.0], index=[2, 2]))
    with pytest.raises(ValueError, match="shape"):
        statistics.paired([1.0, 2.0], [1.0])


def test_jackknife_of_a_ratio(seed):
    """Of 2,000 ratios of means of 50, the scatter is what the jackknife says (within 10 %; its error is 1.6 %)."""
    rng = np.random.default_rng(seed)
    data = np.stack([rng.normal(2, 0.5, (2000, 50)), rng.normal(4, 0.5, (2000, 50))], axis=2)

    def ratio(rows):
        return rows[:, 0].mean() / rows[:, 1].mean()

    scatter = np.std([ratio(rows) for rows in data])
    said = np.mean([statistics.jackknife(ratio, rows).error for rows in data[:100]])
    assert said == pytest.approx(scatter, rel=0.1)
    with pytest.raises(ValueError, match=r"function\(samples\)"):
        statistics.jackknife(lambda rows: math.nan, data[0])


@given(st.integers(0, 2**32 - 1), st.integers(3, 20))
def test_lines_are_those_of_scipy(number, count):
    rng = np.random.default_rng(number)
    x, y = np.sort(rng.uniform(-3, 3, count)), rng.normal(0, 1, count)
    free, known = statistics.line(x, y), stats.linregress(x, y)
    assert free.slope.value == pytest.approx(known.slope, abs=1e-9)
    assert free.slope.error == pytest.approx(known.stderr, rel=1e-6)
    assert free.intercept.error == pytest.approx(known.intercept_stderr, rel=1e-6)
    error = rng.uniform(0.1, 2, count)
    weighted = statistics.line(x, y, error)
    design = np.column_stack([x, np.ones(count)]) / error[:, None]
    inverse = np.linalg.inv(design.T @ design)
    best = inverse @ design.T @ (y / error)
    assert [weighted.slope.value, weighted.intercept.value] == pytest.approx(best, abs=1e-7)
    assert weighted.slope.error == pytest.approx(inverse[0, 0] ** 0.5)
    corner = inverse[0, 1] / (inverse[0, 0] * inverse[1, 1]) ** 0.5
    assert weighted.correlation == pytest.approx(corner, abs=1e-6)
    assert weighted.chi2 == pytest.approx(np.sum((design @ best - y / error) ** 2))


def test_lines_are_those_of_polyfit_to_the_bit():
    rng = np.random.default_rng(5)
    x, y, error = np.arange(1.0, 9.0), rng.uniform(1, 2, 8), rng.uniform(0.1, 0.2, 8)
    for found, (best, covariance) in (
        (statistics.line(x, y), np.polyfit(x, y, 1, cov=True)),
        (statistics.line(x, y, error), np.polyfit(x, y, 1, w=1 / error, cov="unscaled")),
    ):
        assert tuple(found.slope) == (best[0], covariance[0, 0] ** 0.5)
        assert tuple(found.intercept) == (best[1], covariance[1, 1] ** 0.5)
    best, covariance = np.polyfit(np.log(x), np.log(y), 1, w=y / error, cov="unscaled")
    assert tuple(statistics.power_law(x, y, error).exponent) == (best[0], covariance[0, 0] ** 0.5)


@pytest.mark.parametrize("logarithms", [True, False])
def test_a_power_law_is_found_within_its_errors(seed, logarithms):
    """300 draws: mean square of deviation/error is 1 within five of its errors; of a wrong exponent, far above."""
    rng = np.random.default_rng(seed)
    x = np.geomspace(1, 10, 8)
    error = 0.02 * x**1.5
    found = [
        statistics.power_law(
            x, 2 * x**1.5 + error * rng.standard_normal(8), error, logarithms=logarithms
        )
        for _ in range(300)
    ]
    for truth, name in ((1.5, "exponent"), (2.0, "amplitude")):
        z = [(getattr(one, name).value - truth) / getattr(one, name).error for one in found]
        assert abs(np.mean(np.square(z)) - 1) < 5 * (2 / 300) ** 0.5
    wrong = [(one.exponent.value - 1.6) / one.exponent.error for one in found]
    assert np.mean(np.square(wrong)) > 10
    assert np.mean([one.chi2 for one in found]) == pytest.approx(6, abs=5 * (12 / 300) ** 0.5)


def test_a_power_law_through_values_of_both_signs():
    x = np.array([0.1, 0.2, 0.4, 0.8])
    found = statistics.power_law(x, -3 * x**2, np.full(4, 0.01), logarithms=False)
    assert (found.exponent.value, found.amplitude.value) == pytest.approx((2, -3))
    with pytest.raises(ValueError, match="y must be > 0"):
        statistics.power_law(x, -3 * x**2)
    with pytest.raises(ValueError, match="error must be given"):
        statistics.power_law(x, x, logarithms=False)


@pytest.mark.parametrize(
    ("fit", "x", "error", "message"),
    [
        (statistics.line, [1.0, 2.0], None, "at least 3"),
        (statistics.line, [1.0], [0.1], "at least 2"),
        (statistics.line, [1.0, 1.0, 1.0], None, "not all the same"),
        (statistics.line, [1.0, 2.0, 3.0], [0.1, 0.0, 0.1], "error must be > 0"),
        (statistics.power_law, [0.0, 2.0, 3.0], None, "x must be > 0"),
        (statistics.power_law, [1.0, math.inf, 3.0], None, "finite"),
    ],
)
def test_what_is_no_line(fit, x, error, message):
    with pytest.raises(ValueError, match=message):
        fit(x, np.ones(len(x)), error)


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(0.01, 10)), min_size=1, max_size=20))
def test_a_weighted_mean_minimises_chi2(pairs):
    values, errors = np.array(pairs).T
    found = statistics.weighted_mean(values, errors)

    def chi2(at):
        return np.sum(((values - at) / errors) ** 2)

    assert found.chi2 == pytest.approx(chi2(found.value))
    assert min(chi2(found.value + d) for d in (-1e-3, 1e-3)) >= found.chi2
    # a mean one error away costs one
    assert chi2(found.value + found.statistical) - found.chi2 == pytest.approx(1, abs=1e-6)
    assert found.error == pytest.approx(found.statistical * max(1, found.reduced) ** 0.5)
    assert found.freedom == len(pairs) - 1
    again = statistics.weighted_mean(values, weights=errors**-2.0)
    assert again == pytest.approx(found, rel=1e-9, abs=1e-9)


def test_scatter_tells_what_is_not_one_number():
    values, errors = [1.0, 2.0, 3.0], [0.1, 0.1, 0.1]
    found = statistics.weighted_mean(values, errors)
    assert found.reduced == pytest.approx(100)
    assert found.error == pytest.approx(0.1 / 3**0.5 * 10)
    sample = statistics.weighted_mean(values, errors, scatter="sample")
    assert sample.error == pytest.approx(1 / 3**0.5)
    for wrong in ({}, {"errors": errors, "weights": errors}, {"errors": [0.1, 0.0, 0.1]}):
        with pytest.raises(ValueError, match=r"errors"):
            statistics.weighted_mean(values, **wrong)
    with pytest.raises(ValueError, match="at least one"):
        statistics.weighted_mean([], [])


def test_log_means_by_loops(seed):
    """Three axes: repeats, quantities that share a scatter, and moments, each moment by itself."""
    samples = np.random.default_rng(seed).lognormal(size=(4, 3, 2))
    found = statistics.log_means(samples)
    assert found.mean == pytest.approx(np.log(stats.gmean(samples, axis=0)))
    assert (found.repeats, found.freedom) == (4, 9)
    for moment in range(2):
        inside = [np.var(np.log(samples[:, q, moment]), ddof=1) for q in range(3)]
        assert found.scatter[moment] == pytest.approx(np.mean(inside) ** 0.5)
    other = statistics.log_means(np.swapaxes(samples, 1, 2), pooled=2)
    assert other.scatter == pytest.approx(found.scatter)
    assert found.error == pytest.approx(found.scatter / 2)
    assert found.ratio_error == pytest.approx(found.error * 2**0.5)


def test_ratios_of_equal_quantities_lie_in_their_band(seed):
    """4000 times 2 repeats of 8 quantities: 5 % of the ratios lie outside, give or take five errors."""
    drawn = np.random.default_rng(seed).lognormal(sigma=0.2, size=(2, 8, 4000))
    found = statistics.log_means(drawn)
    band = stats.t.ppf(0.975, found.freedom) * found.ratio_error
    outside = np.mean(np.abs(found.mean[1] - found.mean[0]) > band)
    assert abs(outside - 0.05) < 5 * (0.05 * 0.95 / 4000) ** 0.5


@pytest.mark.parametrize(
    ("samples", "pooled", "words"),
    [
        (np.ones((1, 3)), 1, r"two repeats.*\(1, 3\)"),
        (np.ones(4), 1, r"two dimensions.*\(4,\)"),
        (np.ones((2, 3)), 0, r"pooled.*0"),
        (np.ones((2, 3)), 2, r"pooled.*2"),
        ([[1.0, 0.0], [1.0, 1.0]], 1, r"samples must be finite and > 0; the least is 0"),
    ],
)
def test_log_means_refuse(samples, pooled, words):
    with pytest.raises(ValueError, match=words):
        statistics.log_means(samples, pooled)


@pytest.mark.slow
def test_the_largest_deviation_raises_false_alarms_at_its_rate(seed):
    """20,000 times 30 true hypotheses at a rate of 5 %: Bonferroni's bound is nearly reached, never exceeded."""
    z = np.random.default_rng(seed).standard_normal((20_000, 30))
    alarms = np.mean([statistics.largest_deviation(row, 0.05).value > 1 for row in z])
    exact = 1 - (1 - 0.05 / 30) ** 30
    assert abs(alarms - exact) < 5 * (exact * (1 - exact) / 20_000) ** 0.5
    found = statistics.largest_deviation([0.5, -4.0], source="here")
    assert found == Estimate(4 / stats.norm.isf(0.00025), 0.0, 2, "here")
    for z, rate, words in (([], 0.1, "z must hold"), ([1.0], 0.0, "rate"), ([1.0], 1.0, "rate")):
        with pytest.raises(ValueError, match=words):
            statistics.largest_deviation(z, rate)


def test_the_error_of_a_share():
    """By hand; on drawn samples the mean error is the scatter of the shares; eight of eight is no certainty."""
    few = statistics.share([True, False, False])
    assert few.value == pytest.approx(1 / 3) and few.n == 3
    assert few.error == pytest.approx((2 / 5 * 3 / 5 / 3) ** 0.5)
    drawn = np.random.default_rng(1).random((4_000, 50)) < 0.3
    found = [statistics.share(one) for one in drawn]
    scatter = np.std([one.value for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(scatter, rel=0.05)
    assert statistics.share(np.ones(8, bool)).error > 0.1
    with pytest.raises(ValueError, match="yes must have one sample"):
        statistics.share([])
    with pytest.raises(TypeError, match="true and false"):
        statistics.share([0.5, 1.0])
