"""The lattice models in front of their kernels (the kernels have plain twins in test_scaling.py)."""

import numpy as np
import pytest

from mpack import lattices


def test_percolation_at_its_limits(seed):
    assert lattices.percolation(8, 0.0, 3, seed).tolist() == [0.0] * 3
    assert lattices.percolation(8, 1.0, 3, seed).tolist() == [1.0] * 3


def test_percolation_percolates_between(seed):
    """Far from 0.5927 the largest cluster is small, or holds nearly all occupied sites (0.02: over 10 errors)."""
    below, above = (lattices.percolation(128, p, 20, seed).mean() for p in (0.40, 0.80))
    assert below < 0.02 and abs(above - 0.80) < 0.02


def test_the_sandpile_dies_below_and_lives_above(seed):
    dead, alive = (lattices.sandpile(24, round(rho * 24**2), 2000, 8, seed) for rho in (0.55, 0.95))
    assert dead.shape == alive.shape == (8, 2000)
    assert dead[:, -1].max() == 0.0 and alive[:, -1].min() > 0.1
    assert all(np.all(run[np.argmin(run) :] == 0.0) for run in dead)  # dead is dead


def test_runs_are_independent_and_follow_from_the_seed(seed):
    one = lattices.percolation(16, 0.59, 6, seed)
    assert one.tolist() == lattices.percolation(16, 0.59, 6, seed).tolist()
    assert lattices.percolation(16, 0.59, 9, seed)[:6].tolist() == one.tolist()
    assert (
        len(set(one)) > 1 and one.tolist() != lattices.percolation(16, 0.59, 6, seed + 1).tolist()
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lattices.percolation(1, 0.5, 1, 1), "edge must be an integer in [2, 4096]; got 1"),
        (lambda: lattices.percolation(8, 1.5, 1, 1), "p must be"),
        (lambda: lattices.percolation(8, float("nan"), 1, 1), "p must be"),
        (lambda: lattices.percolation(8, 0.5, 0, 1), "runs must be"),
        (
            lambda: lattices.sandpile(8, 257, 1, 1, 1),
            "grains must be an integer in [1, 256]; got 257",
        ),
        (lambda: lattices.sandpile(8, 10, 0, 1, 1), "steps must be"),
        (lambda: lattices.sandpile(8, 10, 1, 1, -1), "seed must be"),
    ],
)
def test_bad_requests_are_refused(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert message in str(refusal.value)
