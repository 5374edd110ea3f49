"""The chapter on kicks with a correlation: its fits find what was put in; its figure in the page; its numbers."""

import json
import math

import numpy as np
import pytest
from chapterruns import Executed

import mpack
from book.campaigns import CORRELATED, CORRELATIONS, correlated_noise
from book.demos import correlated_noise as demo
from mpack import structure
from mpack.widgets import _sources

pd = pytest.importorskip("pandas")
Q = np.linspace(0.25, 2.0, 9)
COUNTS = np.array([9, 16, 40, 60, 100, 150, 200, 200, 200])


def made(kind, rng, *, apart=0.9, chi=None, level=lambda c: 1.0, runs=6, scatter=0.03, q=Q):
    """{c: (q, S of runs, counts)} of the theory, with some scatter of the runs."""
    groups = {}
    for c in CORRELATIONS:
        mean = 0.02 * level(c) * demo.theory(kind, q, c, [apart], chi)
        groups[c] = q, mean * np.exp(scatter * rng.standard_normal((runs, len(q)))), COUNTS
    return groups


@pytest.mark.parametrize("kind", demo.KINDS)
def test_the_lines_find_the_theory_that_made_them(kind, seed):
    rng = np.random.default_rng(seed)
    found = demo.of_kind(kind, made(kind, rng), [0.9])
    assert abs(found.bend.value) < 4.5 * found.bend.error < 0.1
    assert abs(found.gaps["fresh"].value) < 4.5 * found.gaps["fresh"].error < 0.05
    assert abs(found.shape.chi.value - demo.PUSH[kind]) < 6 * found.shape.chi.error + 0.02
    assert abs(found.gaps["other"].value) > 0.05
    if demo.PUSH[kind]:
        assert found.gaps["noise"].value < -0.05


def test_a_bend_and_a_level_are_found(seed):
    """A level 1 - c/4 bends S in c; the shape gives it back, with a chi that is not that of fresh pushes."""
    rng = np.random.default_rng(seed)
    groups = made("SGD", rng, chi=4.0, level=lambda c: 1 - c / 4, scatter=0.01)
    found = demo.of_kind("SGD", groups, [0.9])
    assert found.bend.value < -0.05 and abs(found.gaps["fresh"].value) > 0.1
    assert abs(found.shape.chi.value - 4.0) < 0.5
    assert found.shape.levels[1.0] / found.shape.levels[-1.0] == pytest.approx(0.6, rel=0.05)
    assert found.shape.miss < 0.02


def table(groups, kind="RandomOrganization", n=demo.SMALL):
    """Rows of an archive with these groups."""
    rows = []
    for c, (q, s, counts) in groups.items():
        for run in s:
            looks = {"q": q, "s": np.tile(run, (20, 1)), "frozen": 0 * q, "counts": counts}
            rows.append({"rule": kind, "dim": 3, "n": n, "memory": "", "correlation": c})
            rows[-1] |= {"arrays": {"structure_factors": looks}}
    return demo.spheres(pd.DataFrame(rows))


def test_the_plateau_vanishes_and_the_crossover_goes_as_the_root(seed):
    rng = np.random.default_rng(seed)
    q = np.linspace(0.12, 0.9, 9)
    found = demo.long_waves(table(made("RO", rng, scatter=0.02, q=q)), "RO", 0.8)
    assert list(found) == list(CORRELATIONS)
    assert found[0.0].plateau.value == pytest.approx(0.02, rel=0.05)
    rest, _, chi2 = demo.plateau_line(found)
    assert abs(rest.value) < 4.5 * rest.error < 0.02 and chi2 < 5
    power = demo.crossing_power(found)
    assert abs(power.value - 0.5) < 4.5 * power.error + 0.01 and power.error < 0.05


def test_the_pair_of_the_trivial_limit_is_the_library_s():
    pair = mpack.Packing([[0.0, 0.0, 0.0], [0.6, 0.3, 0.1]], box=6.0)
    vectors = [[1, 0, 0], [2, 0, 1]]
    for c in (-1.0, 0.3):
        rule = mpack.PairwiseBRO(0.01, correlation=c)
        known = structure.wave_noise(pair, rule, vectors)
        assert demo.pair_closed(pair, vectors, 0.01, c) == pytest.approx(known, rel=1e-9)


def test_pairs_that_touch_later_are_counted_by_hand(monkeypatch):
    """Four spheres in a row of which the contacts move on: one of two is kept, one of two nearby is met."""
    x = np.array([1.0, 1.9, 2.8, 4.1])
    now, then = (
        mpack.Packing(np.column_stack((one, 5 + 0 * one, 5 + 0 * one)), box=10.0)
        for one in (x, np.array([1.0, 1.9, 3.2, 4.1]))
    )  # contacts 01, 12 and near 23; then 01, 23; 02 and 13 are 1.8 and 2.2 apart, 02 near for 1.9
    monkeypatch.setattr(demo, "_later", lambda *how: then)
    assert demo.kept("BRO", now, 1) == 0.5
    assert demo.met("BRO", now, 1, steps=10, within=1.5) == 1.0
    assert demo.met("BRO", now, 1, steps=10, within=1.9) == 0.5


def test_when_it_is_looked_at_is_what_the_campaign_says():
    sizes = {demo.SMALL: "corr-looks-from", demo.LARGE: "corr-looks-from-large"}
    specs = [spec for spec in correlated_noise() if spec.dim == 3]
    found = demo.look_numbers(pd.DataFrame([{"n": one.n, "steps": one.steps} for one in specs]))
    for spec in specs:
        looks = dict(dict(spec.observables)["structure_factors"])
        assert found[sizes[spec.n]] == spec.steps
        assert (found["corr-looks"], found["corr-looks-apart"]) == (looks["looks"], looks["apart"])
    assert (found["corr-looks-span"], found["corr-runs"]) == (950, len(specs))


def test_bonds_of_independent_centres_have_what_they_share():
    """A sphere and its neighbour have the bond between them in common, one of twelve, where it is mutual."""
    found = demo.no_order(500, 1)
    assert 0.05 < found.value < 1 / 12 and found.error < 0.01


def test_the_noise_of_the_pushes_is_that_of_the_rules():
    """chi = m^2/v from the exact mean and variance of one kick of each rule."""
    pair = mpack.Packing([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]], box=6.0)
    for kind, (rule, _) in CORRELATED.items():
        ends = [mpack.simulate(pair, rule(correlation=0.0), steps=1, seed=k) for k in range(2_000)]
        x = np.array([mpack.observables.displacements(run)[0] for run in ends])
        mean, variance = x.mean(axis=0), x.var(axis=0)
        push = mean[0] ** 2 / (variance.sum() if kind == "RO" else variance[0])
        assert push == pytest.approx(demo.PUSH[kind], rel=0.2, abs=0.02)


def test_order_that_does_not_depend_on_size_has_the_power_zero():
    rng = np.random.default_rng(1)
    plane = {}
    for n in (1_000, 4_000, 16_000):
        plane[n, -1.0] = {300: 0.6 + 0.01 * rng.standard_normal((3, 4))}
        plane[n, 0.0] = {300: n**-0.5 * (1 + 0.1 * rng.standard_normal((3, 4)))}
    plane[4_000, 0.0][900] = plane[4_000, -1.0][900] = np.ones((3, 4))
    assert demo.latest(plane) == 300
    assert abs(demo.size_power(plane, -1.0, 0, 300).value) < 0.02
    assert demo.size_power(plane, 0.0, 1, 300).value == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("kicks", demo.KINDS)
def test_the_figure_in_the_page_has_the_curves_of_the_theory(kicks):
    """The data of the widget, put together as its module does, against `demo.theory` of the same contacts."""
    data = json.loads((_sources.FOLDER / "correlation.data.json").read_text(encoding="utf8"))[kicks]
    assert data["c"] == list(CORRELATIONS)
    assert np.array(data["q"])[data["places"]] == pytest.approx(data["shells"])
    g = np.array(data["g"])[data["places"]]
    assert np.all(np.diff(g) < 0) and 0.9 < g[0] < 1
    shape = 1 + np.outer(data["c"], g) + data["chi"] * (1 - g)
    curves = np.outer(data["levels"], np.array(data["envelope"])[data["places"]]) * shape
    miss = np.log(curves / data["points"])
    assert math.sqrt(np.mean(miss**2)) < 0.25 and abs(np.mean(miss)) < 0.05


def test_as_executed_the_chapter_says_what_the_archive_says():
    chapter = Executed("correlated_noise")
    assert chapter.records["corr-runs"]["value"] >= 27
    for kind in ("bro", "sgd", "ro"):
        assert chapter.claims[f"corr-noise-{kind}"]["verdict"] == "agrees"
        assert abs(chapter.records[f"corr-rest-{kind}"]["value"]) < 0.1
    assert chapter.records["corr-chi-bro"]["value"] > chapter.records["corr-chi-sgd"]["value"] > 1
    assert abs(chapter.records["corr-gap-ro"]["value"]) < 0.05
    assert chapter.records["corr-twice-0-sgd"]["value"] < 1
    for kind in ("bro", "sgd"):  # contacts come again more often than neighbours come near
        assert (
            chapter.records[f"corr-met-{kind}"]["value"]
            < chapter.records[f"corr-again-{kind}"]["value"]
        )
    assert chapter.claims["corr-no-crystal"]["verdict"] == "agrees"
    assert chapter.records["corr-bonds-opposite"]["value"] > -0.3
