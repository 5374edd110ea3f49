"""From runs to scaling data and to classes: pooled scatter, one guard for two doors, redrawn runs, comparisons."""

import ast
import itertools
import pathlib
import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance

from mpack import scaling
from mpack.scaling import Data, TooLittleData

CLASS = scaling.exponents("Manna", 3)


def table_of(seed, sizes=(500, 1000, 2000, 4000), runs=6, scatter=0.05, law=CLASS):
    """Runs of an order parameter that scales as a class says, with relative scatter falling as N^(-1/4)."""
    rng = np.random.default_rng(seed)
    rows = []
    for k, n in enumerate(sizes):
        length = n ** (1 / 3)
        for x in np.linspace(-1.5, 1.5, 13) + 0.06 * k:
            f = length ** (-law.beta / law.nu_perp) * np.exp(0.8 * x)
            noise = 1 + scatter * (n / 500) ** -0.25 * rng.standard_normal(runs)
            phi = 0.5 + x * length ** (-1 / law.nu_perp)
            rows += [(n, phi, run, f * part, x > 0) for run, part in enumerate(noise)]
    return pd.DataFrame(rows, columns=["n", "phi", "seed", "f", "alive"])


def data_of(seed, **changes):
    options = {"rho": "phi", "a": "f", "n": "n", "dim": 3}
    return Data.from_runs(table_of(seed, **changes), **options)


# ------------------------------------------------------------------------------------------------------------
# from runs


def one_run(n, seed, steps, f_inf, activity):
    series = types.SimpleNamespace(times=np.array([0, 10, 20, steps]), activity=np.array(activity))
    return (n, 0.5, seed, activity[-1] == 0.0, f_inf, steps, series)


def test_what_a_run_tells_depends_on_all_runs_of_its_point():
    rows = [one_run(1, s, 30 + s, 0.0, [1, 0.5, 0.2, 0]) for s in range(2)]  # all absorbed
    rows += [one_run(2, 0, 40, 0.3, [1, 0.5, 0.2, 0.3]), one_run(2, 1, 30, 0.0, [1, 0.5, 0.2, 0])]
    rows += [one_run(3, s, 40, 0.3 + 0.1 * s, [1, 0.5, 0.3, 0.3]) for s in range(2)]
    rows += [one_run(3, 2, 30, 0.0, [1, 0.5, 0.2, 0])]  # one of three
    rows += [one_run(4, s, 40, 0.3 + 0.1 * s, [1, 0.5, 0.38, 0.3]) for s in (1, 0)]
    names = ["n", "phi", "seed", "absorbed", "f_inf", "steps", "series"]
    found = scaling.measured(pd.DataFrame(rows[::-1], columns=names))
    assert found[["n", "seed"]].to_numpy().tolist() == sorted(
        found[["n", "seed"]].to_numpy().tolist()
    )
    nan = np.nan
    f = [nan, nan, nan, nan, 0.3, 0.4, nan, 0.3, 0.4]
    tau = [30, 31, nan, nan, nan, nan, nan, 20, 20]  # 0.38 < 1.1 * 0.35
    assert found.f.to_numpy() == pytest.approx(f, nan_ok=True)
    assert found.tau.to_numpy() == pytest.approx(tau, nan_ok=True)
    assert found.alive.tolist() == [False] * 2 + [True] * 7


def test_pooled_scatter_is_the_scatter_that_was_put_in(seed):
    """4 runs a point: their own errors scatter by a factor of 1.6, the pooled ones, with 3 parameters for 52 points, by
    a quarter of that in the mean: sqrt(polygamma(1, 3/2) 3/52)/2 = 0.12.
    """
    data = data_of(seed, runs=4)
    truth = 0.05 * (np.rint(data.l**3) / 500) ** -0.25 / 2
    own = data.runs.std(axis=1, ddof=1) / data.a / 2
    pooled = data.da / data.a
    assert np.std(np.log(own / truth)) > 0.35
    assert np.std(np.log(pooled / truth)) < 0.25
    assert abs(np.mean(np.log(pooled / truth))) < 0.25


def test_the_unit_of_the_observable_does_not_matter(seed):
    table = table_of(seed)
    options = {"rho": "phi", "a": "f", "n": "n", "dim": 3, "side": "alive"}
    one, other = (Data.from_runs(table.assign(f=table.f * unit), **options) for unit in (1.0, 1e4))
    assert other.da == pytest.approx(1e4 * one.da, rel=1e-9)


def test_points_with_few_runs_or_much_activity_are_left_out(seed):
    table = table_of(seed)
    few = (table.n == 500) & (table.phi < 0.45) & (table.seed > 0)
    options = {"rho": "phi", "a": "f", "n": "n", "dim": 3}
    points = table[~few].groupby(["n", "phi"]).f.agg(["size", "mean"])
    assert len(Data.from_runs(table[~few], **options)) == np.sum(points["size"] >= 2)
    high = points["mean"].median()
    quiet = Data.from_runs(table, **options, most={"f": high})
    assert len(quiet) == np.sum(points["mean"] <= high) < len(data_of(seed))
    assert quiet.a.max() <= high


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"f": 0.0}, {}, "f must differ between the runs"),
        ({"seed": 0}, {}, "seed must tell the runs of a point apart"),
        ({}, {"a": "g"}, "table has no column 'g'"),
        ({}, {"most": {"g": 1.0}}, "table has no column 'g'"),
        ({}, {"least_runs": 1}, "least_runs must be an integer >= 2; got 1"),
        ({}, {"dim": None}, "give l, or n and dim"),
        ({}, {"dim": 0}, "dim must be an integer >= 1"),
        ({"n": -1}, {}, "n must be > 0; in row 0 of the table it is -1"),
        ({"phi": np.nan}, {}, "n and phi must be finite where there is a value of f"),
        ({}, {"least_runs": 50}, "f must differ between the runs"),
    ],
)
def test_bad_runs_are_refused(change, options, message):
    options = {"rho": "phi", "a": "f", "n": "n", "dim": 3} | options
    with pytest.raises((ValueError, TypeError), match=message):
        Data.from_runs(table_of(1).assign(**change), **options)


def test_negative_means_have_no_relative_scatter():
    table = table_of(1)
    with pytest.raises(ValueError, match="f must be > 0, as its scatter is relative"):
        Data.from_runs(table.assign(f=-table.f), rho="phi", a="f", n="n", dim=3)


# ------------------------------------------------------------------------------------------------------------
# two doors, one guard

SIZES, RHO = np.array([4.0, 8.0, 16.0]), np.array([0.1, 0.2, 0.3, 0.4])


def columns():
    size, rho = (part.ravel() for part in np.meshgrid(SIZES, RHO, indexing="ij"))
    return {"l": size, "rho": rho, "a": 1 + size * rho, "da": 0.1 * np.ones(12)}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["l", "rho", "a", "da"]),
    st.integers(0, 11),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0]),
)
def test_both_doors_take_and_refuse_the_same(name, place, value):
    """A value that an array must not have, a table must not have either; what is left is the same data."""
    change = columns()
    change[name][place] = value

    def by_table():
        return Data.from_table(pd.DataFrame(change), l="l", rho="rho", a="a", da="da")

    def by_arrays():
        """The array door names sizes once: its own l is bad as soon as one row's is."""
        sizes = SIZES.copy()
        if name == "l":
            sizes[place // 4] = value
        return Data(sizes, *(change[key].reshape(3, 4) for key in ("rho", "a", "da")))

    found = []
    for door in (by_table, by_arrays):
        try:
            data = door()
        except ValueError as refusal:
            found.append(str(refusal).partition(" ")[0])
        else:
            found.append([getattr(data, key).tolist() for key in ("l", "rho", "a", "da")])
    assert found[0] == found[1]
    if name in ("l", "rho") and not np.isfinite(value):
        assert found[0] == name
    assert (found[0] == "l") == (name == "l")


def test_rows_of_runs_have_the_same_guard():
    table = pd.concat([pd.DataFrame(columns())] * 3, ignore_index=True)
    table["a"] += 0.01 * np.arange(36) ** 1.5
    assert len(Data.from_table(table, l="l", rho="rho", a="a")) == 12
    for name, value in (("rho", np.nan), ("rho", np.inf), ("l", 0.0), ("l", np.nan), ("a", np.inf)):
        bad = table.copy()
        bad.loc[5, name] = value
        with pytest.raises(ValueError, match=f"^{name} must be"):
            Data.from_table(bad, l="l", rho="rho", a="a")
        bad["a"] = bad.a.where(bad.index != 5)  # no value there: then its place does not matter
        if np.isnan(value):
            found = Data.from_table(bad, l="l", rho="rho", a="a")
            assert found.runs.shape == (12, 3)
            assert np.sum(np.isnan(found.runs)) == 1
    twice = table.assign(sample=0)
    with pytest.raises(ValueError, match="must tell the runs of a point apart"):
        Data.from_table(twice, l="l", rho="rho", a="a", paired="sample")
    with pytest.raises(TypeError, match="a must be an array of numbers"):
        Data.from_table(table.assign(a="x"), l="l", rho="rho", a="a")


# ------------------------------------------------------------------------------------------------------------
# too little data


def test_a_curve_through_all_points_is_no_collapse():
    """Eight points, three free parameters: S falls to nothing where hardly a point takes part, and that is said."""
    refused = 0
    for seed in range(8):
        a = np.random.default_rng(seed).uniform(1, 2, (2, 4))
        data = Data([8.0, 12.0], np.linspace(0.6, 0.7, 4), a, np.full((2, 4), 0.1))
        try:
            assert scaling.collapse(data, {"rho_c": 0.65, "nu": 0.8, "zeta": -0.6}).used > 3
        except TooLittleData as refusal:
            refused += str(refusal).startswith(
                "the least S must let more points of different sizes"
            )
            refused += str(refusal).endswith("of 8 do, for 3 parameters")
    assert refused >= 8


def test_one_control_parameter_does_not_tell_where_the_transition_is():
    data = Data([8.0, 12.0, 16.0], [0.6], [[1.0], [2.0], [3.0]], 0.1 * np.ones((3, 1)))
    with pytest.raises(TooLittleData, match="rho must take at least 2 values"):
        scaling.gaussian_process(data, {"rho_c": 0.5, "nu": 0.8, "zeta": -0.6})
    with pytest.raises(TooLittleData, match="x must take at least 2 values"):
        scaling.gaussian_process(data, {"zeta": -0.6}, fixed={"rho_c": 0.6, "nu": 0.8})


# ------------------------------------------------------------------------------------------------------------
# parameters


def test_an_observable_may_have_any_name(seed):
    """Also that of a parameter, or one that begins like a correction's."""
    one, other = data_of(seed), data_of(seed + 1)
    plain = {"rho_c": 0.5, "nu": 0.6, "zeta_f": -0.8, "zeta_g": -0.8, "c_g": 0.1}
    odd = {"rho_c": 0.5, "nu": 0.6, "zeta_b": -0.8, "zeta_c_f": -0.8, "c_c_f": 0.1}
    fits = [
        scaling.collapse(dict(zip(names, (one, other), strict=True)), start)
        for names, start in ((("f", "g"), plain), (("b", "c_f"), odd))
    ]
    assert list(fits[0].values.values()) == list(fits[1].values.values())
    assert list(fits[1].values) == ["rho_c", "nu", "zeta_b", "zeta_c_f", "c_c_f", "omega"]
    with pytest.raises(TypeError, match="a name in data must be a str; got int"):
        scaling.collapse({1: one}, odd)


# ------------------------------------------------------------------------------------------------------------
# redrawn runs


@pytest.mark.slow
def test_redrawn_means_scatter_like_the_mean(seed):
    """Each point's variance over draws is that of its mean over runs: sum of squares over m (m - 1)."""
    data = data_of(seed, runs=5)
    rng = np.random.default_rng(seed)
    draws = np.array([scaling.redrawn(data, rng).a - data.a for _ in range(300)])
    standard = data.runs.std(axis=1, ddof=1) / 5**0.5
    ratio = np.mean((draws / standard) ** 2)
    assert abs(ratio - 1) < 5 * np.sqrt(2 / draws.size) + 0.01
    assert abs(np.corrcoef(draws.T) - np.eye(len(data))).mean() < 0.1  # points draw on their own


def test_observables_of_a_point_draw_alike_and_one_number_is_taken(seed):
    data = data_of(seed)
    double = Data.from_runs(
        table_of(seed).assign(f=lambda t: 2 * t.f), rho="phi", a="f", n="n", dim=3
    )
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed)
    both = scaling.redrawn({"f": data, "g": double.where(double.rho > 0.5)}, rng)
    other.integers(2**32)
    assert rng.random() == other.random()
    assert both["g"].a == pytest.approx(2 * both["f"].a[data.rho > 0.5])
    assert both["f"].runs is None
    assert np.array_equal(both["f"].da, data.da)


def test_what_cannot_be_drawn_is_refused(seed):
    data = data_of(seed)
    with pytest.raises(ValueError, match="data must have runs to be drawn from"):
        scaling.redrawn(data.with_values(data.a), 1)
    with pytest.raises(ValueError, match="dim and digits must give the 52 points of data labels"):
        scaling.redrawn(data, 1, digits=1)
    with pytest.raises(TypeError, match=r"data\['f'\] must be a mpack.scaling.Data"):
        scaling.redrawn({"f": 1.0}, 1)
    data.runs[3, 1:] = np.nan
    with pytest.raises(ValueError, match="data must have at least 2 runs at every point"):
        scaling.redrawn(data, 1)


# ------------------------------------------------------------------------------------------------------------
# comparisons

NAMES = ("Manna", "directed percolation", "mean field")
CLASSES = {name: scaling.exponents(name, 3) for name in NAMES}


@pytest.mark.slow
def test_data_of_a_class_are_told_from_those_of_another(seed):
    """Mean field loses by more than three errors on data of Manna; and Manna does on data of mean field."""
    for law, other in (("Manna", "mean field"), ("mean field", "Manna")):
        data = data_of(seed, law=CLASSES[law], scatter=0.02)
        found = scaling.compare(data, CLASSES, 0.5, resamples=12, rng=seed)
        excess, error = found.excess(other, over=law)
        assert excess > 3 * error > 0
        assert found.fits[law].rho_c == pytest.approx(0.5, abs=0.002)
        assert found.fits[law].quality < 2.0


def test_a_comparison_is_a_collapse_for_each_class_on_the_same_draws(seed):
    data = data_of(seed)
    found = scaling.compare(data, CLASSES, 0.5, resamples=3, rng=np.random.default_rng(seed))
    rng, S = np.random.default_rng(seed), []
    for _ in range(3):
        again = scaling.redrawn(data, rng)
        fits = [
            scaling.collapse(again, {"rho_c": 0.5}, fixed=e.parameters(), errors="none")
            for e in CLASSES.values()
        ]
        S.append([fit.quality for fit in fits])
    assert np.array_equal(found.drawn, S)
    table = found.table(over="mean field")
    assert table["class"].tolist() == list(NAMES)
    assert table.excess[2] == 0.0
    assert table.excess[0] == table.S[0] - table.S[2]
    assert table.dexcess[0] == np.std(np.subtract(*np.array(S).T[[0, 2]]), ddof=1)
    alone = scaling.compare(data, {"Manna": CLASS.parameters()}, {"Manna": 0.5})
    assert alone.drawn is None
    assert np.isnan(alone.spread("Manna"))
    assert alone.fits["Manna"].values == found.fits["Manna"].values


def test_a_window_follows_its_centre(seed):
    """From either side the window ends where a fit inside it finds its middle."""
    data = data_of(seed)
    ends = [
        scaling.centre(data, start, fixed=CLASS.parameters(), x=(-1, 1), rounds=6)
        for start in (0.495, 0.505)
    ]
    assert ends[0] == pytest.approx(ends[1], abs=5e-4)
    inside = data.window(ends[0], CLASS.nu_perp, x=(-1, 1))
    fit = scaling.collapse(inside, {"rho_c": ends[0]}, fixed=CLASS.parameters())
    assert fit.rho_c == pytest.approx(ends[0], abs=5e-4)
    assert len(data.window(0.5, 0.6, a=(0, data.a[3]))) == np.sum(data.a <= data.a[3])
    with pytest.raises(ValueError, match="nu must be a finite number > 0"):
        data.window(0.5, 0.0)


def test_the_best_of_several_starts(seed):
    data = data_of(seed)
    starts = [{"rho_c": v} for v in (0.3, 0.47, 0.5, 0.53)]
    best = scaling.best_of(data, starts, fixed=CLASS.parameters())
    assert best.rho_c == pytest.approx(0.5, abs=0.002)
    assert best.errors["rho_c"] > 0
    with pytest.raises(TooLittleData, match="starts must lead to a collapse"):
        scaling.best_of(data, [{"rho_c": 9.0}], fixed=CLASS.parameters())


def test_observables_apart_average_to_the_joint_quality(seed):
    data = {"f": data_of(seed), "g": data_of(seed + 1, sizes=(500, 1000, 2000))}
    values = {"rho_c": 0.5, "nu": 0.6, "zeta_f": -0.8, "zeta_g": -0.9}
    alone = scaling.apart(data, values)
    joint = scaling.collapse(data, {}, fixed=values).quality
    assert joint == pytest.approx((4 * alone["f"] + 3 * alone["g"]) / 7)
    far = scaling.apart(data, values | {"rho_c": 1e6, "zeta_g": 0.0})
    assert np.isnan(list(far.values())).all()


def test_a_parameter_has_its_error_unless_none_was_found():
    data = data_of(1)
    fit = scaling.collapse(data, {"rho_c": 0.5, "nu": 0.6}, fixed={"zeta": -0.8})
    for name, error in (("rho_c", fit.drho_c), ("nu", fit.dnu), ("zeta", 0.0)):
        found = fit.parameter(name)
        assert (found.value, found.error, found.n) == (fit.values[name], error, len(data))
    assert fit.parameter("nu").error > 0.0
    with pytest.raises(ValueError, match="name must be one of 'rho_c', 'nu', 'zeta'; got 'omega'"):
        fit.parameter("omega")
    blind = scaling.collapse(data, {"rho_c": 0.5}, fixed={"nu": 0.6, "zeta": -0.8}, errors="none")
    with pytest.raises(ValueError, match="whose error was found; got 'rho_c'"):
        blind.parameter("rho_c")


def test_distance_is_that_of_mahalanobis(seed):
    data = data_of(seed)
    fit = scaling.collapse(data, {"rho_c": 0.5, "nu": 0.6, "zeta": -0.8})
    held, errors = CLASS.parameters(), CLASS.errors()
    C = fit.covariance[1:, 1:] + np.diag([errors["nu"] ** 2, errors["zeta"] ** 2])
    own = [fit.nu, fit.zeta]
    expected = distance.mahalanobis(own, list(held.values()), np.linalg.inv(C)) ** 2
    assert fit.distance(held, errors) == pytest.approx(expected)
    assert fit.distance(fit) == 0.0
    other = scaling.collapse(data_of(seed + 1), {"rho_c": 0.5, "nu": 0.6, "zeta": -0.8})
    assert fit.distance(other) == pytest.approx(other.distance(fit))
    field = CLASSES["mean field"].parameters()
    between = np.array(list(held.values())) - list(field.values())
    power = between @ np.linalg.solve(fit.covariance[1:, 1:], between)
    assert fit.distance(field, of=held) == pytest.approx(power)
    blind = scaling.collapse(data, {"rho_c": 0.5, "nu": 0.6, "zeta": -0.8}, errors="none")
    assert np.isnan(blind.distance(held))
    with pytest.raises(ValueError, match="names must be free parameters that both have"):
        fit.distance({"omega": 1.0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": {}}, "classes must hold at least one class"),
        ({"resamples": 3}, "rng must be a numpy Generator or a seed"),
        ({"resamples": 1, "rng": 1}, "resamples must be an integer >= 2; got 1"),
        ({"resamples": -1}, "resamples must be an integer >= 0"),
        (
            {"classes": {"p": scaling.exponents("percolation", 2)}, "data": {}},
            "at least one observable",
        ),
    ],
)
def test_bad_comparisons_are_refused(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        scaling.compare(**({"data": data_of(1), "classes": CLASSES, "rho_c": 0.5} | options))


def test_classes_name_their_parameters():
    joint = CLASS.parameters(order="f", time="tau")
    assert joint == {"nu": 0.593, "zeta_f": -0.840, "zeta_tau": 1.081}
    assert CLASS.errors(order="f", time="tau") == {"nu": 0.013, "zeta_f": 0.012, "zeta_tau": 0.027}
    assert CLASS.parameters(time="tau") == {"nu": 0.593, "zeta_tau": 1.081}
    with pytest.raises(ValueError, match="time must be left out for percolation"):
        scaling.exponents("percolation", 2).parameters(time="tau")


# ------------------------------------------------------------------------------------------------------------
# the package


def test_no_module_of_the_package_needs_one_that_needs_it():
    folder = pathlib.Path(scaling.__file__).parent
    needs = {}
    for path in folder.glob("[!_]*.py"), folder.glob("_[!_]*.py"):
        for file in path:
            tree = ast.parse(file.read_text(encoding="utf8"))
            taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            named = itertools.chain.from_iterable(
                [f"{node.module}.{name.name}" for name in node.names] + [node.module]
                for node in taken
            )
            parts = (name.removeprefix("mpack.scaling.").split(".")[0] for name in named)
            needs[file.stem] = {part for part in parts if (folder / f"{part}.py").exists()}
    assert "fits" in needs["comparison"]
    while needs:
        free = [name for name, others in needs.items() if not others & needs.keys()]
        assert free, f"a cycle among {sorted(needs)}"
        for name in free:
            del needs[name]


@pytest.mark.parametrize(
    ("span", "word"),
    [
        (0.05, "a curve goes through all 4 points that overlap, of 8"),
        (1.0, r"with rho_c in \[-1.85, 4.15\]"),
        (5.0, "S must rise on all sides"),
    ],
)
def test_eight_points_do_not_determine_three_parameters(span, word):
    """The kind: enough points overlap at the start, and where S is least the answer is still of no worth."""
    l = np.array([8.0, 16.0])
    rho = 1.15 + np.linspace(-span, span, 4)
    a = np.tanh((rho - 1.15) * l[:, None] ** 1.25) * l[:, None] ** -0.3
    a += np.random.default_rng(1).normal(0, 0.01, 8).reshape(2, 4)
    with pytest.raises(TooLittleData, match=word):
        scaling.collapse(
            Data(l, rho, a, np.full((2, 4), 0.01)), {"rho_c": 1.15, "nu": 0.8, "zeta": -0.24}
        )


def test_a_collapse_is_one_of_more_points_than_parameters_or_refused(seed):
    """Small sets of any kind, from starts near and far: no fit that is as good as few points can make any.

    Also those of runs drawn anew. Most are fitted.
    """
    rng, refused = np.random.default_rng(seed), []
    truth = {"rho_c": 0.6, "nu": 1.0, "zeta": -0.5}
    for _ in range(150):
        l = np.sort(rng.choice([4.0, 8, 16, 32, 64], rng.integers(2, 4), replace=False))
        rho = np.linspace(0.5, 0.7, rng.integers(2, 7))
        a = l[:, None] ** -0.5 * (1 + np.tanh((rho - 0.6) * l[:, None]))
        da = rng.choice([0.001, 0.05, 0.3]) * a + 1e-6
        a += da * rng.normal(size=a.shape) * rng.choice([0.0, 1.0, 5.0])
        free = rng.permutation(list(truth))[: rng.integers(1, 4)]
        start = {key: truth[key] * np.exp(0.3 * rng.normal()) for key in free.tolist()}
        how = {"errors": str(rng.choice(["curvature", "none", "bootstrap"])), "resamples": 5}
        how |= {"seed": 1, "smooth": bool(rng.integers(2)), "restarts": int(rng.integers(2))}
        held = {key: value for key, value in truth.items() if key not in start}
        try:
            fit = scaling.collapse(Data(l, rho, a, da), start, fixed=held, **how)
        except TooLittleData:
            refused.append(len(free))
            continue
        assert fit.used > len(free)
        few = fit.used <= len(free) + 3 and how["errors"] != "none"
        assert fit.quality >= (1e-6 if few else 1e-12)
        assert fit.samples is None or np.isfinite(fit.samples).all()
    assert 5 < len(refused) < 100 and set(refused) == {1, 2, 3}


# ------------------------------------------------------------------------------------------------------------
# how activity decays


def test_decay_is_the_ratio_of_the_exponents_but_where_density_is_conserved():
    line = scaling.exponents("directed percolation", 1).decay()
    assert abs(line.value - 0.159464) < 1e-6  # Jensen's own number
    space = scaling.exponents("directed percolation", 3).decay()
    assert space.value == pytest.approx(0.813 / 1.110)
    assert space.error == pytest.approx(0.7324 * np.hypot(0.009 / 0.813, 0.010 / 1.110), rel=1e-4)
    assert scaling.exponents("Manna", 5).decay().value == 1.0
    for dim in (1, 2, 3):  # beta/nu_parallel lies above what was measured
        manna = scaling.exponents("Manna", dim)
        above = manna.beta / manna.nu_parallel - manna.decay().value
        assert above > 1.5 * manna.decay().error > 0.0
    with pytest.raises(ValueError, match="percolation has none"):
        scaling.exponents("percolation", 2).decay()
