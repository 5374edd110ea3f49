"""What the pages say of the playground is what happens in it: every state that they link to, run by the library.

The page computes the same bits (tests/browser/test_widgets.py), so no browser is needed.
"""

import functools
import re

import numpy as np
import pytest
from bookpages import ROOT

import mpack
from book._tools import lesson, live
from mpack.widgets import _same, _sources

PAGE = (ROOT / live.LESSON).read_text(encoding="utf8")
LANDING = (ROOT / "book/landing.md").read_text(encoding="utf8")
STOPS = re.split(
    r"^\d+\. ", re.search(r"### A tour in six states\n\n(.*?)\n\n", PAGE, re.DOTALL)[1], flags=re.M
)[1:]


@functools.cache
def run(state, steps, **other):
    """The library's run of a link's state, recorded at twenty steps a decade."""
    whole = _same.whole(_sources.from_text("playground", state) | other)
    start, rule = _same.start_of(whole), _same.dynamics_of(whole)
    record = mpack.log_spaced(20)
    return mpack.simulate(start, rule, steps=steps, seed=whole["seed"], record=record)


def links(text):
    return [
        state.strip() for _, name, state in lesson.SET.findall(text) if name == "fig-playground"
    ]


def at(run, step):
    """Activity, interpolated between recorded steps."""
    return np.interp(step, run.times, run.activity)


def test_every_state_of_the_tour_is_put_to_a_test_below():
    source = (ROOT / "tests/test_tour.py").read_text(encoding="utf8")
    tested = {int(place) for place in re.findall(r"STOPS\[(\d)\]", source)}
    assert tested == set(range(len(STOPS))) and len(STOPS) == 6
    assert [len(links(stop)) for stop in STOPS] == [1, 1, 2, 1, 2, 1]


def test_room_enough():
    done = run(*links(STOPS[0]), 1000)
    assert done.absorbed and f"after {done.steps} steps none" in STOPS[0]
    assert at(done, 1) > at(done, 10) > at(done, 30) > at(done, 100) > 0


def test_the_same_in_three_dimensions():
    (told,) = re.findall(r"^The same in three dimensions.*$", PAGE, re.MULTILINE)
    enough, scarce = (run(state, 3000) for state in links(told))
    assert enough.final.dim == scarce.final.dim == 3 and enough.final.n == 1000
    assert enough.absorbed and f"after {enough.steps} steps" in told
    assert not scarce.absorbed and "nine spheres in ten" in told
    assert np.all(np.abs(scarce.activity[scarce.times >= 100] - 0.92) < 0.06)


def test_what_is_not_round():
    """Of three seeds each: those that turn come to rest, the others do not."""
    (told,) = re.findall(r"^What is not round.*$", PAGE, re.MULTILINE)
    free, stiff = links(told)
    done = run(free, 6000)
    assert done.absorbed and f"at rest after {done.steps} steps" in told
    assert "four in five still overlap after six thousand" in told
    assert run(stiff, 6000).activity[-1] == pytest.approx(0.8, abs=0.05)
    for seed in (2, 3):
        assert run(free, 6000, seed=seed).absorbed
        assert run(stiff, 6000, seed=seed).activity[-1] > 0.5


def test_not_enough():
    done = run(*links(STOPS[1]), 5000)
    late = done.activity[done.times >= 30]
    assert not done.absorbed and "nine tenths" in STOPS[1]
    assert np.all(np.abs(late - 0.9) < 0.05)


def test_in_between():
    long, short = (run(state, 20_000) for state in links(STOPS[2]))
    assert long.absorbed and f"after {long.steps:,} steps" in STOPS[2]
    assert short.absorbed and f"after {short.steps:,}." in STOPS[2]
    assert "From step 30 to step 1,600" in STOPS[2] and "two thirds to a quarter" in STOPS[2]
    assert at(long, 30) == pytest.approx(2 / 3, abs=0.05)
    assert at(long, 1600) == pytest.approx(1 / 4, abs=0.05)
    told = (long.times >= 30) & (long.times <= 1600)
    k, f = long.times[told], np.log(long.activity[told])
    off = {}
    for name, x in (("power", np.log(k)), ("exponential", k)):
        off[name] = np.std(f - np.polyval(np.polyfit(x, f, 1), x))
    assert off["power"] < 0.1 and off["power"] < off["exponential"]


def test_active_discs_come_in_patches():
    """Late in the third state: around an active disc there are more of them than their share."""
    assert "patches" in STOPS[2]
    packing = run(links(STOPS[2])[0], 3000).final
    active = mpack.figures.active_discs(packing)
    apart = packing.positions[active][:, None] - packing.positions[None]
    apart -= packing.box * np.round(apart / packing.box)
    near = (np.hypot(*np.moveaxis(apart, 2, 0)) < 4) & (np.hypot(*np.moveaxis(apart, 2, 0)) > 0)
    around = near[:, active].sum() / near.sum()
    assert 0.05 < active.mean() < 0.3 and around > 1.5 * active.mean()


def test_the_matched_partner():
    bro, sgd = run(*links(STOPS[1]), 5000), run(*links(STOPS[3]), 5000)
    assert mpack.matched(bro.dynamics).alpha == pytest.approx(sgd.dynamics.alpha)
    late = slice(np.searchsorted(bro.times, 30), None)
    np.testing.assert_array_equal(bro.times, sgd.times)
    assert np.all(np.abs(bro.activity - sgd.activity)[late] < 0.06)
    assert abs(np.mean((bro.activity - sgd.activity)[late])) < 0.02


def test_particles_instead_of_pairs():
    """Opposite couples leave the centre of mass where it is, to the last bit; whole gradients do not."""
    moved = []
    for state in links(STOPS[4]):
        done = run(state, 1)
        moved.append((done.final.fixed - done.start.fixed).sum(axis=0))
    assert np.all(moved[0] != 0) and np.all(moved[1] == 0)


def test_small_kicks_and_two_sizes():
    done = run(*links(STOPS[5]), 5000)
    assert done.absorbed and f"State 6 ends, after {done.steps:,} steps" in PAGE
    (wide,) = [state for state in links(PAGE) if "size_ratio" in state]
    mixed = run(wide, 20_000)
    assert not mixed.absorbed and "not within twenty thousand steps" in PAGE
    order = [np.abs(mpack.structure.hexatic(one.final)).mean() for one in (done, mixed)]
    assert order[0] > 0.8 > order[1] + 0.1  # rows, and none


def test_the_first_screen_says_where_its_discs_stop():
    """Below 0.68 all come to rest within a minute's watching; above it none does."""
    state = re.search(r":state: (.*)", LANDING)[1]
    chapter = (ROOT / "notebooks/packing_by_descent.ipynb").read_text(encoding="utf8")
    assert "near 0.68 for these discs" in LANDING and f":state: {state}" in chapter
    for seed in range(1, 5):
        below, above = (run(state, 5000, phi=phi, seed=seed) for phi in (0.66, 0.70))
        assert below.absorbed and not above.absorbed and above.activity[-1] > 0.3
