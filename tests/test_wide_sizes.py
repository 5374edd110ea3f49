"""Cells that know sizes: whatever the diameters, no pair is missed, and neither candidates nor memory grow."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_neighbours import RULES, check

import mpack
from mpack._engine import Engine
from mpack._kernels import pairs
from mpack._kernels.cells import tiers


def one_in(share, ratio, n, seed=1):
    """Diameters: one sphere in `share` is `ratio` times larger."""
    diameters = np.ones(n)
    diameters[: n // share] = ratio
    return np.random.default_rng(seed).permutation(diameters) / diameters.mean()


@st.composite
def packings(draw, dims=(2, 3, 4)):
    """Two kinds of sizes, a power law, octaves, or a single sphere that is large or small; up to three decades."""
    dim, n = draw(st.sampled_from(dims)), draw(st.integers(2, 150))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    ratio = 10.0 ** draw(st.floats(0.0, 3.0))
    kind = draw(st.sampled_from(["two kinds", "power law", "octaves", "one large", "one small"]))
    diameters = {
        "two kinds": np.where(random.random(n) < draw(st.sampled_from([0.05, 0.5])), ratio, 1.0),
        "power law": ratio ** random.random(n) ** 3,
        "octaves": 2.0 ** np.floor(random.random(n) * np.log2(ratio + 1.0)),
        "one large": np.where(np.arange(n) == n // 2, ratio, 1.0),
        "one small": np.where(np.arange(n) == n // 2, 1.0, ratio),
    }[kind]
    diameters = diameters / diameters.mean()
    volume = (diameters**dim).sum()
    widest = max(
        2.0 * diameters.max(), (volume / draw(st.sampled_from([0.3, 1.0, 3.0]))) ** (1 / dim)
    )
    box = widest * draw(st.sampled_from([1.0, 1.0 + 1e-9, 1.3]))
    return mpack.Packing(random.uniform(0.0, box, (n, dim)), box, diameters)


# Tiers


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=80))
def test_tiers(diameters):
    """Every sphere is in one; sizes of different tiers do not mix; each has as many as there are larger ones."""
    diameters = np.array(diameters)
    order, begin = tiers(diameters)
    assert sorted(order.tolist()) == list(range(len(diameters)))
    assert begin[0] == 0 and begin[-1] == len(diameters) and np.all(np.diff(begin) > 0)
    parts = [diameters[order[a:b]] for a, b in zip(begin, begin[1:])]
    for below, above in zip(parts, parts[1:]):
        assert below.max() < above.min()
    for k, part in enumerate(parts):
        assert len(part) >= sum(map(len, parts[k + 1 :]))
    assert len(parts) <= np.log2(len(diameters)) + 1


@pytest.mark.parametrize(
    "diameters, counts",
    [
        (np.ones(10), [10]),
        (mpack.sizes.bidisperse(100, 1.4), [100]),
        (one_in(100, 10.0, 1000), [990, 10]),
        (np.repeat([1.0, 4.0], [3, 97]), [100]),
        (np.repeat([1.0, 2.0, 4.0, 8.0], [64, 3, 16, 8]), [64, 19, 8]),
    ],
)
def test_tiers_of_known_sizes(diameters, counts):
    assert np.diff(tiers(diameters)[1]).tolist() == counts


# No pair is missed


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_never_a_pair_too_few(data):
    """Every recorded step against all pairs: dense, sparse, linked, any skin, one thread or two."""
    packing = data.draw(packings(), "packing")
    check(
        packing,
        RULES[data.draw(st.sampled_from(sorted(RULES)), "rule")],
        12,
        data.draw(st.sampled_from([None, 0.01, 0.3, 1.0]), "skin"),
        data.draw(st.sampled_from([1, 1, 2]), "threads"),
        data.draw(st.booleans(), "sparse"),
        data.draw(st.booleans(), "linked"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dim, phi, threads", [(2, 0.6, 1), (2, 0.9, 2), (3, 0.5, 2), (3, 0.9, 1)])
def test_long_lives(dim, phi, threads, rule):
    """60 steps with the tuned skin: lists that live through many steps, sparse and dense ones and their changes."""
    sizes = one_in(20, 5.0, 250) if dim == 3 else mpack.sizes.lognormal(250, 0.6, seed=1)
    packing = mpack.Packing.random(n=250, phi=phi, dim=dim, seed=6, diameters=sizes)
    check(packing, RULES[rule], 60, threads=threads)


@pytest.mark.parametrize("dim, phi, threads", [(2, 0.3, 1), (3, 0.2, 2)])
def test_kicks_beyond_any_list(dim, phi, threads):
    """Linked cells of several tiers take the place of lists, also where the window of a large sphere is long."""
    sizes, forms = one_in(100, 12.0, 600), set()
    packing = mpack.Packing.random(n=600, phi=phi, dim=dim, seed=6, diameters=sizes)
    check(packing, mpack.SGD(alpha=1.0, batch_fraction=0.2), 40, threads=threads, forms=forms)
    assert (True, True) in forms


@settings(max_examples=150, deadline=None)
@given(packings((2, 3, 4, 5, 6)), st.sampled_from([(1.0, 0.0), (1.2, 0.0), (1.0, 0.5), (0.0, 1.5)]))
def test_pairs_of_measurements(packing, cutoff):
    """`pairs.sorted_pairs` against all pairs, by the same arithmetic; a cut-off beyond half the box is refused."""
    factor, margin = cutoff
    if factor * packing.diameters.max() + margin > 0.5 * packing.box:
        with pytest.raises(ValueError, match="box/2"):
            pairs.sorted_pairs(packing.fixed, packing.box, packing.diameters, factor, margin)
        return
    found, r = pairs.sorted_pairs(packing.fixed, packing.box, packing.diameters, factor, margin)
    i, j = np.triu_indices(packing.n, 1)
    square = np.zeros(len(i))
    with np.errstate(over="ignore"):
        for axis in range(packing.dim):
            gap = (packing.fixed[i, axis] - packing.fixed[j, axis]).astype(float)
            square += (gap * (packing.box * 2.0**-64)) ** 2
    cut = factor * (0.5 * (packing.diameters[i] + packing.diameters[j])) + margin
    near = square < cut * cut
    assert np.array_equal(found, np.stack((i[near], j[near]), axis=1))
    assert np.array_equal(r, np.sqrt(square[near]))


# What it costs


def candidates(engine):
    """Pairs of slots that were looked at for the list at work, a particle: by the cells, as they were laid."""
    lists, dim, box = engine.lists, engine.dim, float(engine.rule["box"])
    place = engine.space["coarse"][: engine.n, :dim].view(np.uint32) / 2.0**32
    slack = 0.5 * float(engine.shared["wide"]) * float(engine.rule["grain"])
    radius = engine.space["radius"]
    reach = radius + slack * np.maximum(1.0, 2.0 * radius / engine.rule["grain"])
    looked = 0
    for tier, (low, high) in enumerate(zip(lists["begin"], lists["begin"][1:])):
        edge = int(lists["edge"][tier])
        held = np.histogramdd(place[low:high], bins=edge, range=[(0, 1)] * dim)[0]
        if edge == 1:
            looked += held.sum() ** 2 / 2
        else:
            around = held.copy()
            for axis in range(dim):
                around = sum(np.roll(around, shift, axis) for shift in (-1, 0, 1))
            looked += (held * around).sum() / 2
        top = float(reach[low:high].max())
        for slot in range(high, engine.n):  # larger spheres look at this tier
            gap = place[low:high] - place[slot]
            gap = np.abs(gap - np.rint(gap)) * box
            looked += np.all(gap < reach[slot] + top + box / edge, axis=1).sum()
    return looked / engine.n


@pytest.mark.parametrize("dim, ratios", [(2, (4.0, 12.0, 30.0)), (3, (2.5, 5.0, 10.0))])
def test_candidates_do_not_grow_with_the_largest_sphere(dim, ratios):
    """At most four times those of equal spheres, whatever the ratio; one grid for all had ratio**dim times as many."""
    n, found = 3000, []
    for ratio in (1.0001, *ratios):
        share = int(2 * ratio**dim) if ratio > 2 else 2  # a third of the volume is in large ones
        sizes = one_in(min(share, n), ratio, n)
        packing = mpack.Packing.random(n=n, phi=0.25, dim=dim, seed=1, diameters=sizes)
        engine = Engine(packing, RULES["creep"].recipe(), 1, skin=0.2)
        engine.advance(1)
        found.append(candidates(engine))
    assert max(found) < 4.0 * found[0], found


@pytest.mark.parametrize("ratio", [1.0001, 5.0, 20.0])
def test_memory_does_not_grow_with_the_largest_sphere(ratio):
    """20,000 spheres, one of which is large: it was n**2 for a list, and a MemoryError at 200,000."""
    sizes = np.ones(20_000)
    sizes[7] = ratio
    sizes /= sizes.mean()
    packing = mpack.Packing.random(n=20_000, phi=0.2, dim=3, seed=1, diameters=sizes)
    engine = Engine(packing, RULES["walk"].recipe(), 1)
    engine.advance(20)
    assert engine.nbytes / packing.n < 420


# Boxes from the smallest to the largest

EXTREMES = """
import json, sys
import numpy as np
import mpack

random, told = np.random.default_rng(0), []
for dim in range(2, 7):
    for n in (1, 3, 200):
        for ratio in (0.0, 4.0):
            sizes = 10.0 ** random.uniform(0.0, ratio, n)
            sizes /= sizes.mean()
            for wide in (2.0, 2.5, 7.0, 1e2, 1e4, 1e6, 1e9):
                box = min(wide * sizes.max(), 1e9)
                packing = mpack.Packing(random.uniform(0.0, box, (n, dim)), box, sizes)
                rule = mpack.SGD(alpha=3.0, batch_fraction=0.3)
                run = mpack.simulate(packing, rule, steps=3, seed=1)
                at_rest = len(packing.overlaps()[0]) == 0
                told.append((at_rest, run.absorbed and run.steps == 0))
    phi = 1e-16 if dim == 2 else 1e-20  # boxes end at 10**9
    empty = mpack.Packing.random(n=100, phi=phi, dim=dim, seed=1)
    told.append((True, mpack.simulate(empty, mpack.PairwiseBRO(eps=0.01), steps=2, seed=1).absorbed))
print(json.dumps(told))
"""


@pytest.mark.slow
def test_extreme_boxes_in_every_dimension():
    """Two largest diameters wide to 10**9: no product of counts overflows. In a process of its own, which may crash."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXTREMES],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) == 5 * (3 * 2 * 7 + 1)
    assert sum(at_rest for at_rest, _ in told) > 80 and not all(at_rest for at_rest, _ in told)
    assert all(absorbed == at_rest for at_rest, absorbed in told)
