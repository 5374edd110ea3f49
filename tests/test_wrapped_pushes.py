"""Particle-wise noise multiplies the sum of all pushes: beyond half the box the result counts modulo the box."""

import warnings

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack

RULES = {
    "IndividualBRO": lambda size: mpack.IndividualBRO(eps=size),
    "its approximation": lambda size: mpack.IndividualBRO(eps=size).approximation(),
    "RCD": lambda size: mpack.RCD(alpha=2.0 * size, batch_fraction=0.6),
    "its approximation too": lambda size: mpack.RCD(
        alpha=2.0 * size, batch_fraction=0.6
    ).approximation(),
}


def moved(packing, rule, seed, **how):
    """(what a step did, what it should have done, overflows), displacements in boxes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        run = mpack.simulate(packing, rule, steps=1, seed=seed, **how)
    expected, _ = reference.step(packing.positions, packing.box, packing.diameters, rule, seed, 0)
    done = (run.final.fixed - packing.fixed).astype(float) * 2.0**-64
    return done, expected / packing.box, run.overflows


def beside(n, box=2.0):
    """One sphere, and n to its left."""
    y = 1.0 + 0.02 * np.arange(n)
    positions = np.column_stack([np.append(np.full(n, 0.1), 0.6), np.append(y, 1.0)])
    return mpack.Packing(positions, box=box, diameters=1.0)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("threads", [1, 2])
def test_four_neighbours_on_one_side(name, threads):
    packing, far = beside(4), 0
    for seed in range(30):
        done, expected, overflows = moved(packing, RULES[name](0.3), seed, threads=threads)
        gap = done - expected
        assert np.abs(gap - np.rint(gap)).max() < 1e-9
        if name != "RCD":
            assert overflows == np.sum(np.abs(expected) >= 0.5)
        far += np.sum(np.abs(expected) > 0.5)
    assert far > 2  # it was about something


@given(
    st.sampled_from(sorted(RULES)),
    st.integers(2, 12),
    st.floats(0.05, 0.45),
    st.integers(0, 2**32),
)
@settings(max_examples=60)
def test_any_crowd(name, neighbours, size, seed):
    done, expected, _ = moved(beside(neighbours), RULES[name](size), seed)
    gap = done - expected
    assert np.abs(gap - np.rint(gap)).max() < 1e-9


def test_a_sum_beyond_the_box_that_noise_makes_small_is_no_overflow():
    """A sum of 0.6 boxes times less than 0.8 is a displacement like any other, and moves so far."""
    packing, rule = beside(4), mpack.IndividualBRO(eps=0.3)
    for seed in range(30):
        done, expected, overflows = moved(packing, rule, seed)
        if np.abs(expected).max() < 0.49:
            assert overflows == 0 and done == pytest.approx(expected, abs=1e-9)
