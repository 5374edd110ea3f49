"""Any number of threads gives the same bits, also where it changes on the way; which works is found by trying."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack
from mpack import _crew
from mpack._crew import Crew
from mpack._engine import Engine
from mpack._kernels import state
from mpack._kernels.neighbours import SPARE

DENSE = mpack.Packing.random(n=300, phi=0.7, dim=3, seed=4)
DILUTE = mpack.Packing.random(n=300, phi=0.2, dim=3, seed=4)
WIDE = mpack.Packing.random(
    n=300, phi=0.7, dim=3, seed=4, diameters=mpack.sizes.bidisperse(300, 5.0, 0.1)
)
CASES = [
    (DENSE, mpack.PairwiseBRO(eps=0.05)),
    (DENSE, mpack.SGD(alpha=0.05, batch_size=40)),
    (DILUTE, mpack.NonreciprocalBRO(eps=0.05)),
    (DILUTE, mpack.SGD(alpha=1.0, batch_fraction=0.2)),
    (WIDE, mpack.RCD(alpha=0.05, batch_fraction=0.5)),
]


def shared_by(packing, rule, numbers, steps):
    """A run in pieces of `steps` steps, each by so many threads; all that must not depend on it."""
    engine = Engine(packing, rule.recipe(), 7, threads=max(numbers))
    table = engine.schedule(range(0, steps * len(numbers) + 1, 3))
    for place, threads in enumerate(numbers):
        engine.share(threads)
        engine.advance(steps * (place + 1))
    fixed, wraps, _ = engine.snapshot()
    rows = table[: engine.recorded]
    return engine.step, engine.clipped, fixed.tobytes(), wraps.tobytes(), rows.tobytes()


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from(range(len(CASES))),
    st.lists(st.integers(1, 3), min_size=2, max_size=4),
    st.integers(1, 6),
)
def test_threads_that_come_and_go_change_no_bit(case, numbers, steps):
    packing, rule = CASES[case]
    alone = shared_by(packing, rule, [1] * len(numbers), steps)
    assert shared_by(packing, rule, numbers, steps) == alone


@pytest.mark.parametrize("worth", [0, 10**9])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_tries_change_no_bit(case, worth, monkeypatch):
    """With all tries as early and as often as can be."""
    packing, rule = CASES[case]
    whole = mpack.simulate(packing, rule, steps=200, seed=7, record=mpack.every(10))
    monkeypatch.setattr(_crew, "WORTH", worth)
    monkeypatch.setattr(_crew, "ENOUGH", 0.0)
    monkeypatch.setattr(_crew, "TRIED", 0.0)
    monkeypatch.setattr(_crew, "SHORT", 1e9)
    monkeypatch.setattr(_crew, "LONG", 1e9)
    monkeypatch.setattr(_crew, "WAIT", 1)
    tried = mpack.simulate(packing, rule, steps=200, seed=7, record=mpack.every(10), threads=2)
    assert (tried.digest, tried.steps, tried.overflows) == (whole.digest, whole.steps, 0)
    for name in ("times", "activity", "energy", "msd"):
        assert np.array_equal(getattr(tried, name), getattr(whole, name))


def worked(crew, cost, seconds=100.0):
    """Let a crew work for so long at cost[threads] seconds a step; the seconds, and the steps by each number."""
    spent, steps, span = 0.0, {1: 0, crew.most: 0}, 1
    while spent < seconds:
        took = span * cost[crew.count]
        spent, steps[crew.count] = spent + took, steps[crew.count] + span
        usual = max(1, int(span * min(4.0, 0.1 / took)))
        span = crew.after(took, span) or usual
    return spent, steps


@pytest.mark.parametrize("worth", [0, 10**9])
@pytest.mark.parametrize(
    "alone, together", [(1e-4, 6e-5), (1e-4, 3e-4), (2e-5, 1.9e-5), (1e-6, 1e-4)]
)
def test_the_faster_number_does_nearly_all_the_work(worth, alone, together, monkeypatch):
    monkeypatch.setattr(_crew, "WORTH", worth)
    cost, crew = {1: alone, 2: together}, Crew(2, 1_000)
    assert crew.count == (1 if worth else 2)
    spent, steps = worked(crew, cost)
    assert spent < 1.02 * sum(steps.values()) * min(cost.values())


def test_a_preference_that_changes_is_noticed():
    crew = Crew(2, 100_000)
    worked(crew, {1: 1e-4, 2: 6e-5})
    assert crew.count == 2
    cost = {1: 1e-5, 2: 4e-5}
    worked(crew, cost, 20.0)
    spent, steps = worked(crew, cost)
    assert crew.count == 1 and spent < 1.01 * sum(steps.values()) * 1e-5


def test_a_choice_that_turns_out_wrong_is_taken_back_at_once():
    """As where the try fell into a quiet moment of a busy machine."""
    crew = Crew(2, 1_000)
    worked(crew, {1: 1e-4, 2: 6e-5}, 1.0)
    assert crew.count == 2
    worked(crew, {1: 1e-4, 2: 4e-4}, 1.0)
    assert crew.count == 1


def test_a_short_run_of_many_particles_is_not_spent_on_tries():
    _, steps = worked(Crew(2, 10_000), {1: 2e-4, 2: 1.1e-4}, seconds=0.3)
    assert steps[1] == 0
    _, steps = worked(Crew(2, 10_000), {1: 1e-5, 2: 2e-5}, seconds=0.5)  # few of them active
    assert steps[1] > 0.8 * sum(steps.values())


def test_long_steps_are_shared_and_nothing_is_tried():
    crew = Crew(4, 10**6)
    _, steps = worked(crew, {1: 0.04, 4: 0.012})
    assert steps[1] == 0
    alone = Crew(1, 10**6)
    assert alone.count == 1 and alone.after(0.1, 1) is None and alone.count == 1


@pytest.mark.parametrize("n, most", [(2_000, 0.53), (16_000, 0.52)])
def test_threads_list_as_many_pairs_each(n, most):
    """The slabs of two threads meet twice, and each lists the pairs across one of the two borders."""
    packing = mpack.Packing.random(n=n, phi=0.64, dim=3, seed=1)
    engine = Engine(packing, mpack.PairwiseBRO(eps=0.01).recipe(), 3, threads=2)
    engine.advance(30)
    own, room = engine.shared["threads_own"], int(engine.lists["pairs_room"]) - SPARE
    pairs = own[:, state.PAIRS] - [0, room // 2]
    written = own[:, state.OUT]
    assert not engine.shared["sparse"] and pairs.max() / pairs.sum() < most
    assert 0.4 < written[0] / written.sum() < 0.6
