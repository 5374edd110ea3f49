"""Bad input to dynamics and simulate: one clear sentence with the name, the value and what is allowed, before
any work.
"""

import copy
import dataclasses
import functools
import inspect
import math
import pickle
import re

import numpy as np
import pytest

import mpack
from mpack.dynamics import Approximation, Dynamics

PACKING = mpack.Packing.random(n=20, phi=0.3, dim=2, seed=1)
RULE = mpack.PairwiseBRO(eps=0.1)
BROS = [mpack.PairwiseBRO, mpack.NonreciprocalBRO, mpack.IndividualBRO]
DESCENTS = [mpack.SGD, mpack.RCD]

OUTSIDE = [0, -1, -0.5, math.nan, math.inf, -math.inf, 2e9, np.float64("nan"), np.float32(-1)]
NO_NUMBER = [None, "0.1", True, False, np.True_, [0.1], np.array([0.1, 0.2]), 1j, object]


def refuses(error, name, *said):
    """`error`, its message beginning with the argument's name and holding what is `said`."""
    return pytest.raises(
        error, match=f"^{name}(?s:.)*" + "(?s:.)*".join(re.escape(str(word)) for word in said)
    )


# ---------------------------------------------------------------------------------------------------
# dynamics


@pytest.mark.parametrize("bro", BROS)
def test_kick_size(bro):
    for value in OUTSIDE:
        with refuses(
            ValueError,
            "eps must be a finite number in (0, 1000000000.0]".replace("(", r"\(").replace(
                "]", r"\]"
            ),
            float(value),
        ):
            bro(eps=value)
    for value in NO_NUMBER:
        with refuses(TypeError, "eps must be a number", "(0", "got"):
            bro(eps=value)
    with refuses(ValueError, "eps must be a finite number", "got inf"):
        bro(eps=10**400)
    with pytest.raises(TypeError, match="eps"):
        bro()


@pytest.mark.parametrize("descent", DESCENTS)
def test_learning_rate(descent):
    for value in OUTSIDE:
        with refuses(ValueError, "alpha", "finite number in (0", "got", float(value)):
            descent(alpha=value, batch_fraction=0.5)
    for value in NO_NUMBER:
        with refuses(TypeError, "alpha", "number", "got"):
            descent(alpha=value, batch_fraction=0.5)


@pytest.mark.parametrize("descent", DESCENTS)
def test_batch_fraction(descent):
    for value in [0, -0.1, 1.0000001, 2, math.nan, math.inf]:
        with refuses(ValueError, "batch_fraction", "(0, 1]", "got", float(value)):
            descent(alpha=0.1, batch_fraction=value)
    for value in ["half", True, [0.5]]:
        with refuses(TypeError, "batch_fraction", "(0, 1]", "got"):
            descent(alpha=0.1, batch_fraction=value)


@pytest.mark.parametrize("descent", DESCENTS)
def test_batch_size(descent):
    for value in [0, -3, 2**62 + 1]:
        with refuses(ValueError, "batch_size", "[1, ", "got", value):
            descent(alpha=0.1, batch_size=value)
    for value in [1.0, 2.5, "3", True, math.nan]:
        with refuses(TypeError, "batch_size", "integer", "got"):
            descent(alpha=0.1, batch_size=value)


@pytest.mark.parametrize("descent", DESCENTS)
def test_one_way_to_say_the_batch(descent):
    with refuses(ValueError, "give either", "batch_fraction in (0, 1]", "batch_size >= 1", "None"):
        descent(alpha=0.1)
    with refuses(ValueError, "give either", "batch_fraction=0.5", "batch_size=3"):
        descent(alpha=0.1, batch_fraction=0.5, batch_size=3)


@pytest.mark.parametrize("descent", DESCENTS)
def test_unknown_potentials(descent):
    for value in ["harmonic", None, 1.0, mpack.Harmonic, object()]:
        with refuses(TypeError, "potential must be one of Linear()", "got", type(value).__name__):
            descent(alpha=0.1, batch_fraction=0.5, potential=value)


def test_numbers_of_any_kind_are_taken():
    """NumPy scalars and integers become plain floats, so that equal dynamics compare equal."""
    assert mpack.PairwiseBRO(eps=np.float32(0.5)) == mpack.PairwiseBRO(eps=0.5)
    assert mpack.SGD(alpha=1, batch_fraction=np.float64(1)) == mpack.SGD(
        alpha=1.0, batch_fraction=1
    )
    rule = mpack.RCD(alpha=1, batch_size=np.int32(4))
    assert type(rule.alpha) is float and type(rule.batch_size) is int
    assert hash(rule) == hash(mpack.RCD(alpha=1.0, batch_size=4))


def test_dynamics_never_change():
    with pytest.raises(AttributeError):
        RULE.eps = 0.2


def test_approximations():
    for descent in DESCENTS:
        with refuses(ValueError, "batches of exactly", "batch_size=3", "batch_fraction in (0, 1]"):
            descent(alpha=0.1, batch_size=3).approximation()
    for value in [None, "SGD", mpack.SGD]:
        with refuses(TypeError, "of must be a dynamics", "got"):
            Approximation(value)
    with refuses(ValueError, "of must be", "no approximation itself"):
        Approximation(RULE.approximation())
    for call in (Dynamics().recipe, Dynamics().approximation):
        with refuses(TypeError, "Dynamics is no dynamics of its own"):
            call()


def test_correlations_and_memories():
    for make in (
        mpack.PairwiseBRO,
        mpack.RandomOrganization,
        functools.partial(mpack.SGD, batch_fraction=0.5),
    ):
        for value in (1.5, -2, float("nan")):
            with refuses(ValueError, "correlation must be", "in [-1, 1]", "got"):
                make(0.1, correlation=value)
        with refuses(TypeError, "correlation must be", "got"):
            make(0.1, correlation="equal")
    for make in (mpack.PairwiseBRO, functools.partial(mpack.SGD, batch_fraction=0.5)):
        with refuses(ValueError, "memory must be one of 'antithetic'", "long"):
            make(0.1, memory="long")
    with refuses(ValueError, "correlation must be at most 0.25 at batch_fraction 0.2", "0.3"):
        mpack.SGD(0.1, 0.2, correlation=0.3)
    with refuses(ValueError, "correlation must be -1.0 with batch_size", "0.0"):
        mpack.SGD(0.1, batch_size=5, correlation=0)
    with refuses(ValueError, "memory must be None with batch_size", "antithetic"):
        mpack.SGD(0.1, batch_size=5, memory="antithetic")
    with refuses(ValueError, "antithetic steps have an approximation at batch_fraction 0.5", "0.3"):
        mpack.SGD(0.1, 0.3, memory="antithetic").approximation()
    assert str(mpack.PairwiseBRO(0.1, correlation=-0.0).correlation) == "0.0"


def test_matched():
    for value in [None, "PairwiseBRO", 0.1, mpack.PairwiseBRO]:
        with refuses(TypeError, "dynamics must be a dynamics", "got"):
            mpack.matched(value)
    with refuses(ValueError, "dynamics has no partner", "RandomOrganization"):
        mpack.matched(mpack.RandomOrganization(eps=0.1))
    with refuses(ValueError, "dynamics has no partner unless memory is None", "antithetic"):
        mpack.matched(mpack.PairwiseBRO(eps=0.1, memory="antithetic"))
    with refuses(ValueError, "correlation must be at most 0.333333 at batch_fraction 0.75", "0.4"):
        mpack.matched(mpack.PairwiseBRO(eps=0.1, correlation=0.4))
    for rule in (
        mpack.SGD(alpha=0.1, batch_fraction=0.5),
        mpack.SGD(alpha=0.1, batch_fraction=0.75, potential=mpack.Harmonic()),
        mpack.RCD(alpha=0.1, batch_size=3),
    ):
        with refuses(
            ValueError,
            "only batch_fraction 0.75 with the linear potential",
            "got",
            type(rule).__name__,
        ):
            mpack.matched(rule)


# ---------------------------------------------------------------------------------------------------
# simulate


def test_start():
    for value in [None, PACKING.positions, "start.gsd", RULE]:
        with refuses(TypeError, "start must be a Packing or a Run", type(value).__name__):
            mpack.simulate(value, RULE, steps=1, seed=1)


def test_dynamics():
    for value in [None, "SGD", mpack.SGD, 0.1]:
        with refuses(TypeError, "dynamics must be a dynamics such as"):
            mpack.simulate(PACKING, value, steps=1, seed=1)
    with refuses(TypeError, "Dynamics is no dynamics of its own"):
        mpack.simulate(PACKING, Dynamics(), steps=1, seed=1)


def test_steps():
    for value in [-1, 2**48 + 1, -(10**30)]:
        with refuses(
            ValueError, "steps must be an integer in", "[0, 281474976710656]", "got", value
        ):
            mpack.simulate(PACKING, RULE, steps=value, seed=1)
    for value in [1.0, 1e3, "10", True, None, math.nan]:
        with refuses(TypeError, "steps must be an integer in", "got", repr(value)):
            mpack.simulate(PACKING, RULE, steps=value, seed=1)
    with pytest.raises(TypeError, match="steps"):
        mpack.simulate(PACKING, RULE, seed=1)


def test_seed():
    for value in [-1, 2**64]:
        with refuses(ValueError, "seed must be an integer in", f"[0, {2**64 - 1}]", "got", value):
            mpack.simulate(PACKING, RULE, steps=1, seed=value)
    for value in [None, 1.0, "1", True]:
        with refuses(TypeError, "seed must be an integer", "got", repr(value)):
            mpack.simulate(PACKING, RULE, steps=1, seed=value)


def test_threads_and_skin_and_progress():
    for value in [0, -1, 257]:
        with refuses(ValueError, "threads must be an integer in", "[1, 256]", "got", value):
            mpack.simulate(PACKING, RULE, steps=1, seed=1, threads=value)
    for value in [1.0, None, True]:
        with refuses(TypeError, "threads must be an integer", "got"):
            mpack.simulate(PACKING, RULE, steps=1, seed=1, threads=value)
    for value in [0, -0.1, math.nan, math.inf, 10.5]:
        with refuses(
            ValueError,
            "skin must be a finite number in (0, 10]".replace("(", r"\(").replace("]", r"\]"),
            "got",
        ):
            mpack.simulate(PACKING, RULE, steps=1, seed=1, skin=value)
    for value in ["thin", True]:
        with refuses(TypeError, "skin must be a number", "got"):
            mpack.simulate(PACKING, RULE, steps=1, seed=1, skin=value)
    for value in [1, "yes", None]:
        with refuses(TypeError, "progress must be True or False", "got", repr(value)):
            mpack.simulate(PACKING, RULE, steps=1, seed=1, progress=value)


def test_record():
    for value in [
        3,
        "every",
        1.5,
        [0.5, 1.5],
        [[1, 2], [3, 4]],
        [[1], [2, 3]],
        ["1"],
        {1, 2},
        mpack.every,
        [None],
        [True],
        np.array([1], dtype="m8[s]"),
        np.zeros((300, 300)),
    ]:
        with refuses(
            TypeError, "record must be", "every(k)", "log_spaced(points_per_decade)", "array", "got"
        ) as caught:
            mpack.simulate(PACKING, RULE, steps=1, seed=1, record=value)
        assert "\n" not in str(caught.value)
    falling = [
        [2, 1],
        [1, 1],
        [-1, 2],
        np.array([5, 3], dtype=np.uint64),
        np.array([2**63 + 5], dtype=np.uint64),
        np.arange(100_000)[::-1],
    ]
    for value in falling:
        with refuses(
            ValueError, "record must be increasing steps", "[0, ", "got record["
        ) as caught:
            mpack.simulate(PACKING, RULE, steps=1, seed=1, record=value)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
    for value in [np.array([1, 5], dtype=np.uint8), (0, 1), range(3), []]:
        assert mpack.simulate(PACKING, RULE, steps=2, seed=1, record=value).times[-1] == 2


def test_schedules():
    for value in [0, -5, 2**48 + 1]:
        with refuses(ValueError, "k must be an integer in", "[1, ", "got", value):
            mpack.every(value)
    for value in [0, -5, 1001]:
        with refuses(
            ValueError, "points_per_decade must be an integer in", "[1, 1000]", "got", value
        ):
            mpack.log_spaced(value)
    for value in [1.0, None, "2", True]:
        with refuses(TypeError, "k must be an integer", "got"):
            mpack.every(value)
        with refuses(TypeError, "points_per_decade must be an integer", "got"):
            mpack.log_spaced(value)


def test_a_run_goes_on_as_itself():
    run = mpack.simulate(PACKING, RULE, steps=1, seed=1)
    with refuses(ValueError, "dynamics of a Run that goes on is its own", "eps=0.1", "eps=0.2"):
        mpack.simulate(run, mpack.PairwiseBRO(eps=0.2), steps=1)
    with refuses(ValueError, "seed of a Run that goes on is its own, 1; got 2"):
        mpack.simulate(run, steps=1, seed=2)
    again = mpack.simulate(run, mpack.PairwiseBRO(eps=0.1), steps=1, seed=1)
    assert again.digest == mpack.simulate(run, steps=1).digest
    with refuses(ValueError, "steps must be"):
        mpack.simulate(run, steps=-1)
    with refuses(TypeError, "record must be"):
        mpack.simulate(run, steps=1, record="all")


@pytest.mark.parametrize(
    "potential, reach",
    [(mpack.LennardJones(cutoff=2.5), 2.5), (mpack.LennardJones(cutoff=2), 2)],
    ids=str,
)
def test_box_too_narrow_for_the_potential(potential, reach):
    rule = mpack.SGD(alpha=1e-6, batch_fraction=1, potential=potential)
    narrow = mpack.Packing([[0.0, 0.0], [1.2, 0.0]], box=2.0 * reach * (1 - 1e-12))
    with refuses(
        ValueError, "box must be at least twice the largest range", f"{2 * reach:g}", "got"
    ):
        mpack.simulate(narrow, rule, steps=1, seed=1)
    fits = mpack.Packing([[0.0, 0.0], [1.2, 0.0]], box=2.0 * reach)
    assert mpack.simulate(fits, rule, steps=1, seed=1).steps == 1
    sizes = [0.5, 1.5]  # the largest pair decides
    with refuses(ValueError, "box must be", f"{3 * reach:g}", "got"):
        mpack.simulate(
            mpack.Packing([[0.0, 0.0], [1.2, 0.0]], 2.9 * reach, sizes), rule, steps=1, seed=1
        )


def test_refused_before_any_work(monkeypatch):
    """A bad argument is told before the engine is asked for: nothing has been allocated or compiled for it."""

    def engine(*arguments, **options):
        raise AssertionError("work has begun")

    monkeypatch.setattr("mpack._engine.Engine", engine)
    with pytest.raises(AssertionError, match="work has begun"):
        mpack.simulate(PACKING, RULE, steps=1, seed=1)
    for bad in (
        {"steps": -1},
        {"threads": 0},
        {"skin": -1},
        {"seed": -1},
        {"record": "x"},
        {"progress": 2},
    ):
        with pytest.raises((ValueError, TypeError)):
            mpack.simulate(PACKING, RULE, **({"steps": 1, "seed": 1} | bad))


RULES = [
    mpack.PairwiseBRO(eps=0.1, correlation=0.5),
    mpack.NonreciprocalBRO(eps=0.1, rotation=None),
    mpack.IndividualBRO(eps=0.1),
    mpack.RandomOrganization(eps=0.1),
    mpack.SGD(alpha=0.1, batch_fraction=0.5, potential=mpack.Harmonic()),
    mpack.RCD(alpha=0.1, batch_size=3),
    mpack.SGD(alpha=0.1, batch_fraction=0.5).approximation(),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.label)
def test_a_rule_says_what_it_takes(rule):
    """Of each name that it has not; those that it has are as they were, in signature, copy and pickle."""
    kind = type(rule)
    takes = [field.name for field in dataclasses.fields(rule)]
    own = {name: getattr(rule, name) for name in takes}
    with pytest.raises(TypeError) as caught:
        kind(**own, wrong=1)
    assert str(caught.value) == f"{kind.__name__} takes {', '.join(takes)}; got 'wrong'"
    if "potential" not in takes and "of" not in takes:
        with pytest.raises(TypeError, match="the same at any overlap, so it has no potential"):
            kind(**own, potential=mpack.Linear())
    assert list(inspect.signature(kind).parameters) == takes
    again = [pickle.loads(pickle.dumps(rule)), dataclasses.replace(rule), copy.copy(rule)]
    assert all(one == rule and repr(one) == repr(rule) for one in [*again, kind(**own)])


def test_a_rule_guesses_what_was_meant_and_leaves_other_refusals_as_they_are():
    with pytest.raises(TypeError, match=r"got 'epz' \(did you mean eps\?\)"):
        mpack.PairwiseBRO(epz=0.1)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'eps'"):
        mpack.PairwiseBRO()
    with pytest.raises(TypeError, match="eps must be a number"):
        mpack.PairwiseBRO(eps="far")
