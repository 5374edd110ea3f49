"""Neighbour lists never miss a pair: every step's contacts, as the engine sees them, against all pairs by
brute force.

The engine is watched from outside while its lists live on: the coordinates before each step are
read from its memory, and the activity and energy it records there must be, to the last bit, those
of all pairs. One missed (or invented) contact changes both. What the lists look like inside is the
kernels' own business.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from summing import summed

import mpack
from mpack._engine import Engine, exact
from mpack._kernels.state import LIMBS


def all_contacts(fixed, box, radii):
    """(i, j, r, range) of all pairs in range, by the arithmetic that decides it: doubles, axis by axis."""
    i, j = np.triu_indices(len(fixed), 1)
    square = np.zeros(len(i))
    with np.errstate(over="ignore"):
        for axis in range(fixed.shape[1]):
            gap = (fixed[i, axis] - fixed[j, axis]).astype(np.float64) * (box * 2.0**-64)
            square = square + gap * gap
    square[square == 0.0] = (box * 2.0**-64) ** 2
    touch = radii[i] + radii[j]
    near = square < touch * touch
    return i[near], j[near], np.sqrt(square[near]), touch[near]


def expected_row(fixed, box, radii):
    """(active particles, energy) of the linear potential."""
    i, j, r, touch = all_contacts(fixed, box, radii)
    return len(np.union1d(i, j)), summed(0.5 * (touch - r))


def check(packing, dynamics, steps, skin=None, threads=1, sparse=False, linked=False, forms=None):
    """Every recorded step of a run against all pairs. Returns the activities.

    sparse, linked: begin with sparse steps, with linked cells. `forms` gets whether steps were so.
    """
    engine = Engine(packing, dynamics.recipe(), 3, threads=threads, skin=skin)
    engine.shared["sparse"] = int(sparse)
    engine.shared["linked"] = int(sparse and linked)
    table = engine.schedule(range(steps))
    activities = []
    for number in range(steps):
        fixed = engine.space["fixed"].reshape(packing.n, packing.dim).copy()
        radii = (
            engine.space["radius"].copy() if not packing.monodisperse else np.full(packing.n, 0.5)
        )
        if engine.advance(number + 1) and engine.recorded <= number:
            break
        if forms is not None:
            forms.add((bool(engine.shared["sparse"]), bool(engine.shared["linked"])))
        row = table[number]
        energy = exact(row[1 : 1 + LIMBS])
        assert (int(row[0]), energy) == expected_row(fixed, packing.box, radii), f"step {number}"
        activities.append(int(row[0]) / packing.n)
        if row[0] == 0:
            break
    return activities


RULES = {
    "creep": mpack.SGD(alpha=0.004, batch_fraction=0.5),
    "walk": mpack.RCD(alpha=0.05, batch_fraction=0.5),
    "leap": mpack.PairwiseBRO(eps=0.8),
    "wander": mpack.NonreciprocalBRO(eps=0.1),
}


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_never_a_pair_too_few(data):
    """Any dimension, density, skin, number of threads and rule; boxes at, just under and just over whole
    cells.
    """
    dim = data.draw(st.sampled_from([2, 2, 3, 3, 4]), "dim")
    n = data.draw(st.integers(2, 150), "n")
    skin = data.draw(st.sampled_from([0.01, 0.1, 0.3, 1.0]), "skin")
    sizes = np.ones(n)
    if data.draw(st.booleans(), "polydisperse"):
        sizes = np.linspace(0.4, 1.6, n)
        sizes /= np.mean(sizes)
    cell = sizes.max() + skin + data.draw(st.sampled_from([0.0, 0.2]), "width of a cell")
    cells = data.draw(st.integers(2, {2: 12, 3: 6, 4: 4}[dim]), "cells")
    box = (
        cells
        * cell
        * (
            1.0
            + data.draw(
                st.sampled_from([-1e-6, -1e-9, -1e-15, 0.0, 1e-12, 1e-9, 1e-6, 0.3]), "slack"
            )
        )
    )
    box = max(box, 2.0 * sizes.max())
    positions = np.random.default_rng(data.draw(st.integers(0, 10**6), "seed")).uniform(
        0, box, (n, dim)
    )
    if data.draw(st.booleans(), "on a grid"):  # on the cells' borders and at the cut-off
        positions = np.rint(positions / (0.5 * cell)) * (0.5 * cell)
    packing = mpack.Packing(positions, box, sizes)
    threads = data.draw(st.integers(1, min(n, 2)), "threads")
    dynamics = RULES[data.draw(st.sampled_from(sorted(RULES)), "rule")]
    sparse, linked = data.draw(st.booleans(), "sparse"), data.draw(st.booleans(), "linked")
    check(packing, dynamics, 15, skin, threads, sparse, linked)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dim, phi, threads", [(2, 0.55, 1), (2, 0.9, 2), (3, 0.4, 2), (3, 0.7, 1)])
def test_long_lives(dim, phi, rule, threads):
    """80 steps with the tuned skin: lists that live through many steps, sparse and dense ones and their
    changes.
    """
    packing = mpack.Packing.random(n=250, phi=phi, dim=dim, seed=6)
    check(packing, RULES[rule], 80, threads=threads)


def test_both_forms_were_seen():
    """The dilute runs above end with few active particles, the dense ones with many."""
    activities = check(mpack.Packing.random(n=250, phi=0.4, dim=3, seed=6), RULES["walk"], 80)
    assert activities[0] > 0.5 and activities[-1] < 0.2
    assert check(mpack.Packing.random(n=250, phi=0.9, dim=2, seed=6), RULES["walk"], 20)[-1] > 0.5


@pytest.mark.parametrize("dim, phi, threads", [(2, 0.3, 1), (3, 0.2, 1), (3, 0.2, 2), (4, 0.1, 2)])
def test_kicks_beyond_any_list(dim, phi, threads):
    """Where few particles move, each as far as a skin is wide, linked cells take the place of lists."""
    packing, forms = mpack.Packing.random(n=400, phi=phi, dim=dim, seed=6), set()
    check(packing, mpack.SGD(alpha=1.0, batch_fraction=0.2), 60, threads=threads, forms=forms)
    assert (True, True) in forms and (False, True) not in forms


def test_linked_cells_give_a_list_another_try():
    """Steps may have become short: now and then, at a small share of the cost, a list is made."""
    rule, forms = mpack.SGD(alpha=0.05, batch_fraction=0.5), set()
    packing = mpack.Packing.random(n=300, phi=0.74, dim=2, seed=6)
    later = mpack.simulate(packing, rule, steps=500, seed=1).final
    activities = check(later, rule, 150, sparse=True, linked=True, forms=forms)
    assert min(activities) > 0.0 and max(activities) < 0.4  # sparse steps all along
    assert forms == {(True, True), (True, False)}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_crowd_in_a_linked_cell(threads):
    """More slots in three cells than there is room for: a list serves."""
    positions = np.random.default_rng(3).uniform(0.0, 0.9, (600, 2))
    positions = np.concatenate([positions, 5.0 + 2.0 * np.arange(2)[:, None] * [1.0, 0.0]])
    packing = mpack.Packing(positions, 40.0)
    check(packing, mpack.SGD(alpha=0.5, batch_fraction=0.1), 3, None, threads, True, True)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("place", [0, 2**62, -(2**62), 2**63 - 1, -(2**63), 3 * 2**60])
@pytest.mark.parametrize("units, touches", [(-512, True), (0, False), (512, False)])
def test_at_exactly_the_cut_off(units, touches, place, axis):
    """Box 8: the range is 2**61 units; a float there tells 512 apart (256 below). Anywhere, also across the
    edge.
    """
    fixed = np.zeros((2, 2), dtype=np.int64)
    fixed[:, axis] = [place, (place + 2**61 + units + 2**63) % 2**64 - 2**63]
    for skin in (1e-6, 0.3):
        packing = mpack.Packing.from_fixed(fixed, 8.0)
        engine = Engine(packing, RULES["walk"].recipe(), 3, skin=skin)
        table = engine.schedule([0])
        engine.advance(0)
        assert int(table[0, 0]) == (2 if touches else 0)


@pytest.mark.parametrize("skin", [0.01, 0.1, 0.5])
def test_head_on(skin):
    """Two spheres apart by less than the skin are driven at each other by their neighbours behind: the worst
    case for a list, both ends moving along the line between them.
    """
    for gap in np.linspace(0.0, 2.5 * skin, 26):
        x = np.array([-0.9, 0.0, 1.0 + gap, 1.9 + gap])
        positions = np.stack([x + 3.0, np.full(4, 4.0)], axis=1)
        check(
            mpack.Packing(positions, 10.0), mpack.SGD(alpha=0.02, batch_fraction=1), 40, skin=skin
        )


def test_all_in_one_cell():
    """Boxes with room for one or two cells along an edge only: all pairs are looked at."""
    for dim in (2, 3):
        packing = mpack.Packing.random(n=40, phi=3.0 if dim == 2 else 2.0, dim=dim, seed=1)
        assert packing.box < 4.0
        for skin in (0.01, 0.25, 5.0):
            check(packing, RULES["walk"], 10, skin=skin, threads=2)


def test_a_crowd_in_one_cell():
    """500 particles in a corner of a wide box: cells are as uneven as they can be."""
    positions = np.random.default_rng(1).uniform(0, 1.5, (500, 2))
    check(mpack.Packing(positions, 30.0), mpack.RCD(alpha=0.01, batch_fraction=0.5), 8, threads=2)
