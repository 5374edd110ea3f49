"""phi_c of groups, its limit, its budget and exponents: against known answers and independent fits."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from mpack import critical
from mpack.statistics import Estimate

ALPHAS = (0.01, 0.03, 0.1)
ENDS = {"one": 0.640, "two": 0.655}


def law(phi_c, nu=1.081, amplitude=20.0):
    return critical.CriticalPoint(phi_c, 0.0, nu, amplitude, 0.0, 0)


def sweep(rng, scatter=0.3, longest=20_000, c=0.33):
    """The table of invented sweeps: two processes at three kick sizes, swollen spheres."""
    parts = []
    for process, end in ENDS.items():
        for alpha in ALPHAS:
            phi_c = critical.swollen(alpha, end, c)
            phi = np.repeat(np.round(phi_c, 3) + 0.005 * np.arange(-7, 3), 4) - 0.0021
            scan = critical.invented(law(phi_c), phi, longest, rng, scatter=scatter)
            parts.append(
                pd.DataFrame(
                    {"process": process, "alpha": alpha, "steps_asked": longest} | scan._asdict()
                )
            )
    return pd.concat(parts, ignore_index=True)


BY = ["process", "alpha"]


def test_every_group_is_located_within_its_error(seed):
    """6 tables of 6 groups: mean square of deviation/error in (0.3, 2.6), expected 1.1; false alarms below 1e-4."""
    rng = np.random.default_rng(seed)
    z, ratios = [], []
    for _ in range(6):
        found = critical.locate(sweep(rng), BY, pool="alpha")
        assert not found.missing
        for (process, alpha), one in found.items():
            z.append((one.phi_c - critical.swollen(alpha, ENDS[process], 0.33)) / one.error)
            ratios.append(one.scatter / 0.3)
    assert 0.3 < np.mean(np.square(z)) < 2.6
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)


def test_groups_are_fitted_by_divergence_and_share_their_scatter(seed):
    table = sweep(np.random.default_rng(seed))
    alone = critical.locate(table, BY)
    pooled = critical.locate(table, BY, pool="alpha")
    of_all = critical.locate(table, BY, pool=())
    for (process, alpha), one in alone.items():
        rows = table[(table.process == process) & (table.alpha == alpha)]
        assert one == critical.divergence(rows.phi, rows.steps, rows.absorbed)
        mates = [alone[name, alpha].scatter ** 2 for name in ENDS]
        assert pooled[process, alpha].scatter == pytest.approx(np.mean(mates) ** 0.5)
    squares = [one.scatter**2 for one in alone.values()]
    (one_scatter,) = {one.scatter for one in of_all.values()}
    assert one_scatter == pytest.approx(np.mean(squares) ** 0.5)
    assert {key: one.phi_c for key, one in alone.items()} != {
        key: one.phi_c for key, one in pooled.items()
    }


def test_options_reach_the_fits(seed):
    table = sweep(np.random.default_rng(seed))
    rows = table[table.process == "one"]
    for options, fit in (
        ({"nu": 1.3}, {"nu": 1.3}),
        ({"nu": lambda group: 1.0 + group.alpha.iloc[0]}, {"nu": 1.1}),
        ({"reach": 0.02}, {"reach": 0.02}),
        ({"reach": 0.05, "relative": True}, {"reach": 0.05 * rows[rows.alpha == 0.1].phi.max()}),
        ({"share": 0.25}, {"longest": 5_000}),
    ):
        group = rows[rows.alpha == 0.1]
        found = critical.locate(rows, "alpha", **options)
        assert found[0.1] == critical.divergence(group.phi, group.steps, group.absorbed, **fit)
    # the order of the runs is no input
    mixed = rows.sample(frac=1, random_state=seed)
    for alpha, one in critical.locate(mixed, "alpha").items():
        assert one.phi_c == pytest.approx(critical.locate(rows, "alpha")[alpha].phi_c, abs=1e-6)


def test_missing_answers_have_reasons_and_wrong_input_is_none(seed):
    table = sweep(np.random.default_rng(seed))
    table.loc[(table.process == "two") & (table.alpha == 0.1), "absorbed"] = False
    found = critical.locate(table, BY, pool="alpha")
    assert list(found.missing) == [("two", 0.1)]
    assert "got 0" in found.missing["two", 0.1]
    said = found.table()
    assert len(said) == 6
    assert said.phi_c.isna().sum() == 1
    assert said[said.missing != ""].process.tolist() == ["two"]
    assert list(found.curve("one")) == list(ALPHAS)
    assert list(found.curve("two")) == [0.01, 0.03]
    with pytest.raises(ValueError, match="curve takes a value of each of process"):
        found.curve("one", 0.1)
    broken = table.copy()
    broken.loc[3, "phi"] = math.nan
    with pytest.raises(ValueError, match="phi must be finite"):  # once counted as a missing answer
        critical.locate(broken, BY)
    for changes, message in (
        ({"by": ["process", "beta"]}, "missing: beta"),
        ({"pool": "phi"}, "pool must hold columns of by"),
        ({"share": 0.0}, "share must be"),
        ({"nu": 20.0}, "nu must be"),
        ({"reach": -1.0}, "reach must be"),
    ):
        with pytest.raises(ValueError, match=message):
            critical.locate(table, **({"by": BY} | changes))
    with pytest.raises(ValueError, match="table must be a sweep's"):
        critical.locate([1, 2], BY)
    with pytest.raises(TypeError, match="by must be"):
        critical.locate(table, [])


def test_runs_taken_for_absorbed_are_located_wrongly(seed):
    """Negative control: believing that stopped runs were absorbed moves every phi_c by many errors."""
    table = sweep(np.random.default_rng(seed))
    found = critical.locate(table, BY)
    believed = critical.locate(table.assign(absorbed=True), BY)
    for key, one in found.items():
        away = abs(believed[key].phi_c - one.phi_c) if key in believed else math.inf
        assert away > 5 * one.error


def test_scans_of_a_table():
    table = pd.DataFrame({"a": [1, 1, 2], "phi": [0.1, 0.2, 0.3], "steps": 5, "absorbed": True})
    found = critical.scans(table, "a")
    assert [scan.phi.tolist() for scan in found.values()] == [[0.1, 0.2], [0.3]]
    assert found[1].absorbed.dtype == bool


@settings(max_examples=50, deadline=None)
@given(st.floats(0.3, 0.9), st.floats(0.05, 0.5), st.floats(1e-4, 1e-2))
def test_limits_of_laws_are_found_exactly(end, c, error):
    kicks = np.array([0.01, 0.02, 0.05, 0.1])
    for dim in (2, 3):
        points = np.column_stack([kicks, critical.swollen(kicks, end, c, dim), np.full(4, error)])
        found = critical.limit(points, "swollen", dim=dim)
        assert [*found.coefficients] == pytest.approx([end, c], rel=1e-4)
        assert found.spread == 1.0
    straight = np.column_stack([kicks, end - c * kicks, np.full(4, error)])
    found = critical.limit(straight)
    known = np.polyfit(kicks, straight[:, 1], 1, w=1 / straight[:, 2], cov="unscaled")
    assert [*found.coefficients[::-1]] == pytest.approx(known[0], abs=1e-9)
    assert found.error == pytest.approx(known[1][1, 1] ** 0.5)
    own = critical.limit(straight, lambda x, end, slope: end + slope * x, start=(0.5, 0.0))
    assert own.value == pytest.approx(found.value, abs=1e-6)
    assert own.error == pytest.approx(found.error, rel=1e-4)


def test_a_limit_takes_points_as_they_come():
    rows = [(0.01, 0.63, 0.001), (0.02, 0.62, 0.001), (0.2, 0.5, 0.001)]
    points = {a: critical.CriticalPoint(y, e, 1.081, 20.0, 0.3, 30) for a, y, e in rows}
    assert critical.limit(points, largest=0.1).value == critical.limit(rows[:2]).value
    assert critical.limit({a: (y, e) for a, y, e in rows}).value == critical.limit(points).value
    grown = critical.limit(points)
    plain = critical.to_zero(*np.transpose(rows))
    assert grown.error == pytest.approx(plain.error * (plain.chi2 / plain.freedom) ** 0.5)
    for arguments, message in (
        ({"points": rows[:1]}, "at least 2 points"),
        ({"points": {}}, "at least 2 points"),
        ({"points": rows, "law": "cubic"}, "law must be"),
        ({"points": rows, "law": lambda x, end: end}, "start must be given"),
        ({"points": rows[:1], "law": "swollen"}, "as many points"),
        ({"points": [(0.1, 0.6, 0.0)] * 3}, "error must be > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            critical.limit(**arguments)
    flat = [(0.1, 0.6, 0.1)] * 3  # end and c cannot be told apart
    with pytest.raises(critical.Undetermined, match="limit"):
        critical.limit(flat, "swollen")


def test_one_swelling_for_all_or_one_for_each(seed):
    """100 draws each: deviations of limits and swelling are those that the errors say, chi^2 that of its freedom."""
    rng = np.random.default_rng(seed)
    sizes = {"one": np.array([1.0]), "two": np.array([0.7, 0.7, 1.6])}
    x, error = np.array([0.01, 0.03, 0.06, 0.1]), 0.001

    def factor(name, kick, c):
        return critical.shrinkage(sizes[name], kick, c)

    z, chi2 = [], []
    for _ in range(100):
        curves = {
            name: np.column_stack(
                [x, end * factor(name, x, 0.33) + error * rng.standard_normal(4), np.full(4, error)]
            )
            for name, end in ENDS.items()
        }
        found = critical.limits(curves, factor)
        z += [(found.ends[name].value - end) / found.ends[name].error for name, end in ENDS.items()]
        z.append((found.swelling[0] - 0.33) / found.swelling_error[0])
        chi2.append(found.chi2)
    assert 0.5 < np.mean(np.square(z)) < 1.4  # errors grow with chi^2, never shrink
    assert np.mean(chi2) == pytest.approx(5, abs=5 * (10 / 100) ** 0.5)
    each = critical.limits(curves, factor, common=False)
    for k, name in enumerate(ENDS):
        one = critical.limit(
            curves[name], lambda a, end, c, name=name: end * factor(name, a, c), start=(0.65, 0.33)
        )
        assert each.ends[name].value == pytest.approx(one.value, abs=1e-6)
        assert each.swelling[k] == pytest.approx(one.coefficients[1], abs=1e-4)
    # negative control: who swells every size in proportion does not describe the mixture
    wrong = critical.limits(curves, lambda name, a, c: np.exp(-30 * c * a))
    assert wrong.reduced > 3 * found.reduced
    with pytest.raises(critical.Undetermined, match="need more points"):
        critical.limits({"one": curves["one"][:2]}, factor)
    with pytest.raises(critical.Undetermined, match="depend on c"):
        critical.limits(curves, lambda name, a, c: np.ones(len(a)))


@given(st.lists(st.floats(0.2, 3), min_size=1, max_size=20), st.floats(0, 0.5), st.integers(1, 5))
def test_shrinkage_is_between_those_of_its_extremes(diameters, kick, dim):
    found = critical.shrinkage(diameters, kick, 0.33, dim)[0]
    small, large = ((1 + 0.33 * kick / d) ** -dim for d in (min(diameters), max(diameters)))
    assert small * (1 - 1e-12) <= found <= large * (1 + 1e-12)
    equal = critical.shrinkage([1.0], kick, 0.33, dim)[0]
    assert equal == pytest.approx(critical.swollen(kick, 1.0, 0.33, dim))


@given(st.floats(1.5, 100), st.floats(0.3, 2.0), st.integers(1, 4))
def test_finite_size_factor_undoes_finite_size_scaling(ratio, nu, dim):
    sizes = 1000 * np.array([1.0, ratio])
    phi_c = 0.64 - 0.3 * sizes ** (-1 / (dim * nu))
    shift = critical.finite_size_factor(ratio, dim=dim, nu_perp=nu) * (phi_c[1] - phi_c[0])
    assert phi_c[0] + shift == pytest.approx(0.64)
    with pytest.raises(ValueError, match="ratio"):
        critical.finite_size_factor(1.0)


def test_a_budget_adds_its_groups_in_quadrature():
    budget = critical.Budget(Estimate(0.64, 0.003, 656), lambda nu=1.0, reach=0.03: 0.64 * nu)
    budget.vary("nu 1.01", "exponent", nu=1.01)
    budget.vary("nu 0.98", "exponent", nu=0.98)
    budget.vary("reach", reach=0.02)
    budget.add("size", -0.001, counts=0.004)
    assert [one.change for one in budget.changes] == pytest.approx([0.0064, -0.0128, 0.0, -0.001])
    assert budget.parts == pytest.approx(
        {"statistics": 0.003, "exponent": 0.0128, "reach": 0.0, "size": 0.004}
    )
    assert budget.total == pytest.approx((0.003**2 + 0.0128**2 + 0.004**2) ** 0.5)
    assert budget.systematic == pytest.approx((0.0128**2 + 0.004**2) ** 0.5)
    assert budget.largest == "exponent"
    assert budget.estimate == Estimate(0.64, budget.total, 656)
    table = budget.table()
    assert table.source.tolist()[-1] == "total (in quadrature)"
    assert (table.uncertainty[:-1] ** 2).sum() == pytest.approx(budget.total**2)
    with pytest.raises(ValueError, match="'size' already"):
        budget.add("size", 0.1)
    with pytest.raises(ValueError, match="counts must be"):
        budget.add("other", 0.1, counts=-0.1)
    with pytest.raises(ValueError, match="with an analysis"):
        critical.Budget((1.0, 0.1)).vary("x")
    with pytest.raises(TypeError, match="analysis must be callable"):
        critical.Budget((1.0, 0.1), 3)


def test_a_budget_of_the_whole_analysis_holds_the_truth(seed):
    """From runs to the limit, with wrong choices that are known to be wrong: they show, and the truth lies within."""
    table = sweep(np.random.default_rng(seed))

    def end(law="swollen", **how):
        found = critical.locate(table[table.process == "one"], "alpha", **how)
        return critical.limit(found, law)

    budget = critical.Budget(end(), end)
    budget.vary("mean field", "exponent", nu=1.0)
    budget.vary("half of the time", share=0.5)
    budget.vary("far too steep", "wrong on purpose", nu=2.0)
    assert abs(budget.result.value - ENDS["one"]) < 4 * budget.estimate.error
    assert budget.largest == "wrong on purpose"


def brute_exponent(scan):
    """The exponent by maximum likelihood in all four parameters at once, written out anew."""
    phi, steps, absorbed = scan

    def cost(p):
        phi_c, log_b, log_s, nu = p[0] + phi[absorbed].max(), *p[1:]
        below = phi_c - phi
        if p[0] <= 0 or nu <= 0:
            return 1e9
        z = (np.log(steps[absorbed]) - log_b + nu * np.log(below[absorbed])) / np.exp(log_s)
        alive = ~absorbed & (below > 0)
        from scipy.stats import norm

        late = (np.log(steps[alive]) - log_b + nu * np.log(below[alive])) / np.exp(log_s)
        return np.sum(z**2 / 2 + log_s) - np.sum(norm.logsf(late))

    starts = [(gap, 3.0, -1.0, nu) for gap in (1e-3, 4e-3, 1e-2) for nu in (0.8, 1.1, 1.5)]
    how = {"method": "Nelder-Mead", "options": {"maxiter": 4000, "xatol": 1e-7, "fatol": 1e-9}}
    return min((optimize.minimize(cost, start, **how) for start in starts), key=lambda o: o.fun).x[
        3
    ]


def many_deaths(rng, nu, scatter=0.25):
    phi = np.repeat(0.600 + 0.002 * np.arange(16), 4)
    return critical.invented(law(0.6283, nu, 20.0), phi, 1e6, rng, scatter=scatter)


def test_the_exponent_is_that_of_the_likelihood(seed):
    """Of one scan, the profile over trials finds what a search in all parameters finds, within half an error."""
    scan = many_deaths(np.random.default_rng(seed), 1.081)
    found = critical.exponent([scan], trials=np.geomspace(0.6, 3, 12))
    assert abs(found.value - brute_exponent(scan)) < 0.5 * found.error
    assert found.n == scan.absorbed.sum()


@pytest.mark.slow
@pytest.mark.parametrize("nu", [0.8, 1.081, 1.6])
def test_the_exponent_is_found_within_its_error(seed, nu):
    """Five sets of two scans: mean square of deviation/error below 5 (expected 1.2; false alarms below 1e-3)."""
    rng = np.random.default_rng(seed)
    found = [
        critical.exponent([many_deaths(rng, nu) for _ in range(2)], reach=0.05, relative=True)
        for _ in range(5)
    ]
    assert np.mean([((one.value - nu) / one.error) ** 2 for one in found]) < 5
    other = 1.6 if nu < 1.2 else 0.8
    assert np.mean([((one.value - other) / one.error) ** 2 for one in found]) > 8
    assert np.mean([one.error for one in found]) < 0.2


def test_what_is_no_scan():
    with pytest.raises(ValueError, match="at least one"):
        critical.exponent([])
    with pytest.raises(critical.Undetermined, match="at least 5 absorbed"):
        critical.exponent([([0.5], [10.0], [True])])
    scan = many_deaths(np.random.default_rng(1), 1.0)
    for trials in ([1.0, 1.1], [1.0, 1.1, 1.1, 1.2], [0.01, 1, 2, 3]):
        with pytest.raises(ValueError, match="trials must be"):
            critical.exponent([scan], trials=trials)


@pytest.mark.parametrize("method", ["profile", "direct"])
@pytest.mark.parametrize("beta", [0.6, 0.84, 1.1])
def test_the_exponent_of_the_activity_is_found(seed, method, beta):
    """15 draws: deviations are no larger than the errors say, which count another range and so are large."""
    rng = np.random.default_rng(seed)
    phi = 0.57 + 0.003 * np.arange(1, 15)
    f = 6 * (phi - 0.5705) ** beta
    error = 0.01 * f
    most = 1.01 * f.max() if f.max() < 1 else 0.9
    found = [
        critical.onset_exponent(
            phi, f + error * rng.standard_normal(14), error, most=min(most, 1.0), method=method
        )
        for _ in range(15)
    ]
    assert np.mean([((one.beta - beta) / one.error) ** 2 for one in found]) < 1.5
    assert np.mean([one.beta for one in found]) == pytest.approx(beta, abs=0.05)
    assert np.mean([one.phi_c for one in found]) == pytest.approx(0.5705, abs=1e-3)
    for one in found[:5]:
        assert one.statistical <= one.error
        assert one.estimate.n == len(one.phi) == np.sum(one.activity <= most)
        assert one.law(one.phi) == pytest.approx(one.activity, rel=0.2)
        assert np.all(one.law([0.0, 0.5]) < 1e-6)
    wrong = {0.6: 1.1, 0.84: 0.3, 1.1: 0.6}[beta]
    assert np.mean([((one.beta - wrong) / one.error) ** 2 for one in found]) > 4


def test_too_few_values_for_an_exponent():
    phi = 0.57 + 0.005 * np.arange(8)
    f = np.linspace(0.05, 0.8, 8)
    for method in ("profile", "direct"):
        with pytest.raises(critical.Undetermined, match="at least 5"):
            critical.onset_exponent(phi, f, 0.01 * f, most=0.3, method=method)
    few = critical.onset_exponent(phi, f, 0.01 * f, most=0.6, method="direct")
    assert few.error == pytest.approx(math.hypot(few.statistical, 0.5))  # nothing left to try again
    with pytest.raises(ValueError, match="method must be"):
        critical.onset_exponent(phi, f, 0.01 * f, method="guess")
    with pytest.raises(critical.Undetermined, match="more than one packing fraction"):
        critical.onset_exponent(np.full(8, 0.6), f, 0.01 * f, most=1.0, method="direct")
