"""Exact sums: of any doubles in any order, energies and displacements from the smallest overlap and kick on."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from summing import summed

import mpack
from mpack import _audit, ensemble
from mpack._engine import cut_sums, exact
from mpack._kernels import sums
from mpack._kernels._jit import bare
from mpack._kernels.state import LIMBS, SPAN


@bare(entry=True)
def added(values, limbs, row):
    for k in range(len(values)):
        sums.tally(limbs, 0, values[k])
    sums.close(limbs, 0, row, 0)


def total(values):
    row = np.zeros(LIMBS, dtype=np.int64)
    added(np.array(values, dtype=float), np.zeros(SPAN, dtype=np.int64), row)
    return exact(row)


TERMS = st.one_of(
    st.floats(-1e200, 1e200),
    st.floats(0, 2.0),
    st.floats(-1e-15, 1e-15),
    st.builds(math.ldexp, st.floats(-1.0, 1.0), st.integers(-300, 300)),
    st.sampled_from(
        [0.0, -0.0, 2.0**-56, 2.0**-57, 2.0**120, 2.0**124, -(2.0**124), 1e200, 1e-300]
    ),
).filter(lambda term: term == 0.0 or abs(term) > 1e-290)  # all bits in reach of the lowest limb


def close_to(found, expected, terms):
    """Equal, but where a share is decided to be just below or just above 2**-28 by its last bits."""
    if found == expected:
        return True
    whole = sum(map(Fraction, terms))
    return abs(Fraction(found) - whole) <= Fraction(1, 2**27) * abs(whole) and abs(
        Fraction(expected) - whole
    ) <= Fraction(1, 2**27) * abs(whole)


@given(st.lists(TERMS, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_a_sum_is_what_it_should_be_in_any_order(terms, random):
    found = total(terms)
    assert close_to(found, summed(terms), terms)
    random.shuffle(terms)
    assert total(terms) == found


@given(st.lists(st.floats(-1e200, 1e200).filter(lambda x: x == 0 or abs(x) > 1e-300), max_size=30))
def test_a_sum_is_right_to_four_parts_in_a_thousand_million(terms):
    whole = sum(map(Fraction, terms))
    assert abs(Fraction(total(terms)) - whole) <= abs(whole) / 2**27


@pytest.mark.parametrize("scale", [1e-250, 1e-40, 1e-18, 1e-9, 1.0, 1e9, 1e40, 1e190])
def test_a_sum_of_equal_terms_is_their_number_times_one(scale):
    assert total([scale] * 1000) == pytest.approx(1000 * scale, rel=4e-9, abs=0)
    assert total([scale, -scale] * 1000) == 0.0


@given(st.lists(st.floats(0, 1e30), max_size=50))
def test_usual_sums_are_the_bits_that_archives_hold(terms):
    """Cut to 2**-56 each, as up to version 0.1, wherever that was right to 4e-9."""
    before = sum(int(Fraction(term) * 2**56) for term in terms)
    if sum(map(Fraction, terms)) * 2**56 - before <= Fraction(before, 2**29):
        assert total(terms) == before / 2**56


# ------------------------------------------------------------------------------------------------
# runs


def pair(overlap, box=8.0):
    return mpack.Packing([[1.0, 1.0], [2.0 - overlap, 1.0]], box=box, diameters=1.0)


@pytest.mark.parametrize("overlap", [1e-3, 1e-6, 1e-9, 1e-12, 1e-15])
@pytest.mark.parametrize(
    "potential",
    [
        *(mpack.Linear(), mpack.Harmonic(), mpack.Harmonic(stiffness=1e40), mpack.Hertzian()),
        mpack.Harmonic(stiffness=1e-60),
    ],
    ids=str,
)
def test_energies_are_right_from_the_smallest_overlap_on(overlap, potential):
    packing = pair(overlap)
    rule = mpack.SGD(alpha=1e-300, batch_fraction=0.5, potential=potential)
    run = mpack.simulate(packing, rule, steps=2, seed=1)
    expected = mpack.energy(packing, potential)
    assert expected > 0 and run.energy == pytest.approx([expected, expected], rel=4e-9, abs=0)


@pytest.mark.parametrize("depth", [1.0, 1e-30, 1e40])
@pytest.mark.parametrize("potential", [mpack.WCA, mpack.LennardJones])
def test_pairs_without_bound_count_so_much_at_most(potential, depth):
    """As archives hold them, in units of the depth."""
    rule = mpack.SGD(alpha=1e-300, batch_fraction=0.5, potential=potential(epsilon=depth))
    for r, bounded in ((1e-12, True), (0.01, False)):
        packing = pair(1.0 - r, box=9.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a push beyond the box
            run = mpack.simulate(packing, rule, steps=0, seed=1)
        expected = 2.0**120 * depth if bounded else mpack.energy(packing, rule.potential)
        assert run.energy[0] == pytest.approx(expected, rel=4e-9, abs=0)


def test_displacements_are_right_from_the_smallest_kick_on():
    """To what is left of the coordinates' grid, 2**-64 of the box."""
    packing = mpack.Packing.random(n=400, phi=0.9, dim=2, seed=1)
    expected = None
    for eps in (1e-2, 1e-4, 1e-6, 1e-8, 1e-9, 1e-11, 1e-13):
        run = mpack.simulate(packing, mpack.PairwiseBRO(eps=eps), steps=1, seed=3)
        share = float(run.msd[-1]) / eps**2
        expected = share if expected is None else expected
        assert share == pytest.approx(expected, rel=1e-3), eps
    moved = mpack.observables.displacements(run)
    assert run.msd[-1] == pytest.approx(np.sum(moved**2) / run.final.n, rel=1e-6)


def test_small_sums_do_not_depend_on_threads_or_resumption():
    packing = mpack.Packing.random(n=300, phi=0.9, dim=2, seed=1)
    rule = mpack.SGD(alpha=1e-9, batch_fraction=0.5, potential=mpack.Harmonic(stiffness=1e-3))
    whole = mpack.simulate(packing, rule, steps=20, seed=3, record=mpack.every(5))
    for threads in (1, 2, 3):
        half = mpack.simulate(
            packing, rule, steps=8, seed=3, record=mpack.every(5), threads=threads
        )
        again = mpack.simulate(half, steps=12, threads=threads)
        assert again.energy.tolist() == whole.energy.tolist()
        assert again.msd.tolist() == whole.msd.tolist()
    assert 0 < whole.msd[-1] < 1e-18


def test_an_audit_knows_the_sums_of_the_earliest_archives(tmp_path):
    """Every bit by that rule; and nothing else passes for it."""
    rule = mpack.SGD(alpha=0.3, batch_fraction=0.5, potential=mpack.Harmonic())
    spec = mpack.Spec(rule, n=30, phi=0.5, dim=2, steps=200, record=(mpack.every(50),))
    with cut_sums():
        before = ensemble.produce(spec.text)
    after = ensemble.produce(spec.text)
    assert before["digest"] == after["digest"] and 0.0 <= before["energy"] < after["energy"]
    for result, ok in ((before, True), (after, True), (after | {"energy": 1e-30}, False)):
        assert (_audit.replay(result).wrong == ()) is ok
