"""Looking at runs on the way, and several of them at once."""

import os
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack
from mpack import ensemble

START = mpack.Packing.random(n=60, phi=0.7, dim=2, seed=1)
RULE = mpack.PairwiseBRO(eps=0.1)


@given(gaps=st.lists(st.integers(0, 12), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_snapshots_are_the_moments_of_one_run(gaps):
    at = np.cumsum(gaps)
    looks = list(mpack.snapshots(START, RULE, at=at, seed=3, record=mpack.every(5)))
    assert len(looks) == len(at)
    for step, look in zip(at, looks, strict=True):
        whole = mpack.simulate(START, RULE, steps=int(step), seed=3, record=mpack.every(5))
        assert (look.digest, look.steps) == (whole.digest, whole.steps)
        assert np.array_equal(look.times, whole.times) and np.array_equal(look.msd, whole.msd)


def test_snapshots_of_a_run_that_goes_on():
    run = mpack.simulate(START, RULE, steps=7, seed=3)
    (look,) = mpack.snapshots(run, at=[12])
    assert look.digest == mpack.simulate(START, RULE, steps=12, seed=3).digest
    with pytest.raises(ValueError, match=r"at must be steps in \[7, .*at\[0\] = 6"):
        mpack.snapshots(run, at=[6])


def test_an_absorbed_run_stays():
    thin = mpack.Packing.random(n=60, phi=0.2, dim=2, seed=1)
    looks = list(mpack.snapshots(thin, RULE, at=[0, 5000, 6000], seed=1))
    assert looks[1].absorbed and looks[1].steps == looks[2].steps < 5000
    assert looks[1].digest == looks[2].digest != looks[0].digest


def test_snapshots_do_only_what_is_asked_for():
    many = mpack.snapshots(START, RULE, at=[1, 2**48], seed=1)
    assert next(many).steps == 1  # the second would take years


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"at": [3, 2]}, ValueError, r"at\[1\] = 2 after 3"),
        ({"at": [-1]}, ValueError, r"at\[0\] = -1"),
        ({"at": [2.5]}, TypeError, "at must be"),
        ({"at": 5}, TypeError, "at must be"),
        ({"at": [1], "seed": -1}, ValueError, "seed"),
        ({"at": [1], "threads": 0}, ValueError, "threads"),
    ],
)
def test_bad_input_of_snapshots_at_the_call(options, error, words):
    with pytest.raises(error, match=words):
        mpack.snapshots(START, RULE, **{"seed": 1} | options)


def test_together_keeps_the_order_and_the_bits():
    def end(seed, steps):
        return mpack.simulate(START, RULE, steps=steps, seed=seed).digest

    seeds, steps = range(6), [40, 1, 30, 2, 20, 3]
    expected = [end(*call) for call in zip(seeds, steps, strict=True)]
    for workers in (None, 1, 3):
        assert mpack.together(end, seeds, steps, workers=workers) == expected
    assert mpack.together(end, [], []) == []


def test_together_says_which_call_failed_and_ends_the_others():
    ended = threading.Event()

    def work(name):
        if name == "bad":
            time.sleep(0.05)
            raise ZeroDivisionError("of no use")
        dense = mpack.Packing.random(n=60, phi=0.8, dim=2, seed=1)
        assert mpack.simulate(dense, RULE, steps=2**48, seed=1).interrupted
        ended.set()

    with pytest.raises(ZeroDivisionError, match="of no use") as caught:
        mpack.together(work, ["good", "bad", "never"], workers=2)
    assert caught.value.__notes__ == ["raised by call 2 of 3: work('bad')"]
    assert ended.is_set()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mpack.together(3, [1]), TypeError, "work must be callable; got 3"),
        (lambda: mpack.together(abs), ValueError, "columns must be one at least"),
        (lambda: mpack.together(pow, [1, 2], [1]), ValueError, r"got lengths \[2, 1\]"),
        (lambda: mpack.together(abs, [1], workers=0), ValueError, "workers must be"),
    ],
)
def test_bad_input_of_together(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is Linux's")
def test_processors_are_those_allowed_not_those_there():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert ensemble.processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert ensemble.processors() == len(allowed)
