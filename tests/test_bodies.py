"""Ellipsoids and ellipses: contact, force and torque, the step of every rule, and that one seed is one trajectory."""

import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpack
from mpack import Packing, ellipsoids
from mpack._body_engine import BodyEngine
from mpack._kernels import homes
from mpack.observables import activity, contacts, energy
from tests import slow_bodies
from tests.reference import DYNAMICS

TILTED, ODD = (0.8, 0.36, 0.48, 0.0), (0.5, 0.5, 0.5, 0.5)
TRIAXIAL = (0.625, 0.5, 0.4)
RULES = [
    mpack.PairwiseBRO(eps=0.05),
    mpack.NonreciprocalBRO(eps=0.05),
    mpack.IndividualBRO(eps=0.05),
    mpack.SGD(alpha=0.1, batch_fraction=0.5),
    mpack.SGD(alpha=0.1, batch_fraction=1.0),
    mpack.RCD(alpha=0.1, batch_fraction=0.5),
]
MORE = [
    mpack.PairwiseBRO(eps=0.05, correlation=0.5),
    mpack.PairwiseBRO(eps=0.05, memory="antithetic"),
    mpack.RandomOrganization(eps=0.05),
    mpack.RandomOrganization(eps=0.05, correlation=0.3),
    mpack.SGD(alpha=0.1, batch_size=40),
    mpack.RCD(alpha=0.1, batch_size=40),
    mpack.SGD(alpha=0.1, batch_fraction=0.5, potential=mpack.Harmonic()),
    mpack.PairwiseBRO(eps=0.05).approximation(),
    mpack.RCD(alpha=0.1, batch_fraction=0.5).approximation(),
    mpack.RandomOrganization(eps=0.05).approximation(),
    mpack.PairwiseBRO(eps=0.05, rotation=2.0),
    mpack.PairwiseBRO(eps=0.05, rotation=None),
]


def two(axes, turns, r, box=8.0):
    """The contact of two bodies of these semi-axes and quaternions, x_A - x_B = r."""
    middle = np.full(len(r), 0.5 * box)
    axes = np.array(axes, dtype=float)
    unit = 2.0 * np.mean(np.prod(axes, axis=1) ** (1.0 / axes.shape[1]))
    places = np.array([middle + r, middle]) / unit
    return ellipsoids.pair_contacts(
        Packing(places, box / unit, axes=axes / unit, orientations=turns), tolerance=1.0
    ), unit


def test_golden_values_in_three_dimensions():
    """To forty digits, from another program."""
    found, _ = two([TRIAXIAL] * 2, [TILTED, ODD], (0.5, 0.3, -0.4))
    assert found.mu[0] ** 2 == pytest.approx(0.4413074354770595, rel=1e-14)
    assert found.supports[0] == pytest.approx((0.5879220922749397, 0.438084434891316), rel=1e-13)
    assert found.energies[0] == pytest.approx(0.1678451281867675, rel=1e-13)
    force = (0.4225167779847136, 0.1271391740315514, -0.2068868265285256)
    assert found.forces[0] == pytest.approx(force, rel=1e-13)
    on_a = (-0.0002994190203037551, 0.04108325216316298, 0.02463560040216317)
    on_b = (0.01150979736624086, 0.02448004576645968, 0.0385498459774752)
    assert found.torques[0] == pytest.approx(np.array([on_a, on_b]), abs=1e-15)


def test_golden_values_with_a_sphere():
    prolate, half = (0.78125, 0.4, 0.4), (0.5, 0.5, 0.5)
    found, unit = two([prolate, half], [TILTED, ODD], (0.5, 0.5, 0.3))
    assert found.mu[0] ** 2 == pytest.approx(0.6976435828585886, rel=1e-13)
    assert found.energies[0] * unit == pytest.approx(0.08237469459496691, rel=1e-13)
    assert np.abs(found.torques[0, 1]).max() < 1e-15  # a sphere is not turned


def test_golden_values_in_two_dimensions():
    found, _ = two([(0.625, 0.4)] * 2, [(1, 0, 0, 0), (0.8, 0, 0, 0.6)], (0.6, 0.5))
    assert found.mu[0] ** 2 == pytest.approx(0.4964404548895136, rel=1e-14)
    assert found.energies[0] == pytest.approx(0.1477073464825325, rel=1e-13)
    assert found.forces[0] == pytest.approx((0.3389722771523123, 0.2978185744521602), rel=1e-13)
    assert found.torques[0] == pytest.approx((-0.06749226377436768, 0.0582872576792277), rel=1e-13)


def test_closed_forms():
    """Aligned similar bodies: F = r.A^-1.r/(1 + c)**2; end to side, contact at r = a + b."""
    axes, c, r = np.array(TRIAXIAL), 1.3, np.array([0.4, -0.3, 0.2])
    found, _ = two([axes, c * axes], [TILTED] * 2, r)
    body = slow_bodies.matrices([TILTED])[0].T @ r
    assert found.mu[0] ** 2 == pytest.approx(np.sum((body / axes) ** 2) / (1 + c) ** 2, rel=1e-13)
    prolate, across = (0.75, 0.5, 0.5), (math.sqrt(0.5), 0, 0, math.sqrt(0.5))
    found, _ = two([prolate] * 2, [(1, 0, 0, 0), across], (1.25, 0.0, 0.0))
    assert found.mu[0] == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("dim", [2, 3])
def test_all_agree_on_who_overlaps_where_bodies_touch_to_the_last_digit(dim):
    """Discs, spheres and upright bodies at contact and some roundings from it: one answer to every question."""
    rng, moving, touching = np.random.default_rng(dim), mpack.PairwiseBRO(eps=1e-3), 0
    long = np.array([1.3, 0.8, 0.9][:dim]) / (2.0 * math.prod([1.3, 0.8, 0.9][:dim]) ** (1 / dim))
    for trial in range(400):
        axes = np.full((2, dim), 0.5) if trial % 2 else np.tile(long, (2, 1))
        way = rng.normal(size=dim) if trial % 2 else np.eye(dim)[rng.integers(dim)]
        way *= 2.0 * axes[0, np.argmax(np.abs(way))] / math.hypot(*way)
        way *= 1.0 + rng.integers(-3, 4) * 2.0**-53
        places = np.array([np.full(dim, 1.7) + way, np.full(dim, 1.7)])
        both = Packing([*places, np.full(dim, 5.0)], 8.0, axes=[*axes, long])
        said = len(ellipsoids.pair_contacts(both).pairs)
        engine = mpack.simulate(both, moving, steps=0, seed=1)
        assert engine.activity[-1] * 3 == 2 * said, (trial, places)
        mu = ellipsoids.contacts_of(both, [[0, 1]]).mu[0]
        assert (mu < 1.0) == (said == 1) and mu == pytest.approx(1.0, abs=1e-14)
        assert (activity(both), energy(both)) == (engine.activity[-1], engine.energy[-1])
        touching += said
    assert 40 < touching < 360  # both answers are given


def test_one_half_is_no_contact():
    """Negative control: Berne and Pechukas take lambda = 1/2, and see overlaps that are not there."""
    prolate, across = np.array([0.75, 0.5, 0.5]), (math.sqrt(0.5), 0, 0, math.sqrt(0.5))
    frames = slow_bodies.matrices([(1, 0, 0, 0), across])
    a, b = (frame @ np.diag(prolate**2) @ frame.T for frame in frames)
    r = np.array([1.25, 0.0, 0.0])
    assert 0.25 * r @ np.linalg.solve(0.5 * (a + b), r) == pytest.approx(0.9615, abs=1e-4)


AXIS = st.floats(0.35, 3.0)
TURN = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)


@given(
    st.tuples(AXIS, AXIS, AXIS), st.tuples(AXIS, AXIS, AXIS), TURN, TURN, st.floats(0.1, 1.4), TURN
)
@settings(max_examples=60)
def test_contact_function_is_the_maximum(a, b, qa, qb, far, way):
    """SciPy's optimiser finds the same F, to 1e-10 or better, for any two bodies up to an aspect of 8."""
    turns = [np.array(q) / np.linalg.norm(q) for q in (qa, qb)]
    way = np.array(way[:3]) + [0.1, 0, 0]
    n = way / max(np.linalg.norm(way), 0.05)
    forms = [f @ np.diag(np.square(x)) @ f.T for f, x in zip(slow_bodies.matrices(turns), (a, b))]
    r = far * n * sum(math.sqrt(1 / (n @ np.linalg.solve(form, n))) for form in forms)
    found, unit = two([a, b], turns, r, box=40.0)
    expected, _ = slow_bodies.overlap(*forms, r)
    if len(found.mu):
        assert found.mu[0] ** 2 == pytest.approx(expected, rel=1e-9)
    else:
        assert expected > 4.0 * (1 - 1e-9)


def packing_of(dim, n=60, phi=None, seed=3, axes=None, **more):
    if axes is None:
        axes = (1.6, 1.0, 0.8) if dim == 3 else (1.8, 1.0)
    return Packing.random(n, phi or (0.55 if dim == 3 else 0.8), dim, seed, axes=axes, **more)


@pytest.mark.parametrize("dim", (2, 3))
def test_forces_and_torques_are_the_gradient_of_the_energy(dim):
    """By central differences, moving and turning one body among sixty; and without mu in the levers they are not."""
    packing, h = packing_of(dim), 1e-6
    found = ellipsoids.pair_contacts(packing)
    who = int(np.argmax(np.bincount(found.pairs.ravel())))

    def changed(shift, turn):
        places, turns = packing.positions.copy(), packing.orientations.copy()
        places[who] += shift
        w, x, y, z = turns[who]
        a, b, c = 0.5 * np.array(turn)
        turns[who] = (w - a * x - b * y - c * z, x + a * w + b * z - c * y)[:2] + (
            y + b * w + c * x - a * z,
            z + c * w + a * y - b * x,
        )
        turns[who] /= np.linalg.norm(turns[who])
        moved = Packing(places, packing.box, axes=packing.axes, orientations=turns)
        return energy(moved)

    force, torque = np.zeros(dim), np.zeros(3)
    for (i, j), f, tau in zip(found.pairs, found.forces, found.torques):
        force += f * (int(i == who) - int(j == who))
        torque[2 - 2 * (dim == 3) :] += tau[0] * (i == who) + tau[1] * (j == who)
    for axis in range(dim):
        e = h * np.eye(dim)[axis]
        slope = (changed(e, np.zeros(3)) - changed(-e, np.zeros(3))) / (2 * h)
        assert -slope == pytest.approx(force[axis], abs=1e-7)
    for axis in (2,) if dim == 2 else range(3):
        e = h * np.eye(3)[axis]
        slope = (changed(np.zeros(dim), e) - changed(np.zeros(dim), -e)) / (2 * h)
        assert -slope == pytest.approx(torque[axis], abs=1e-7)
    assert np.abs(torque).max() > 0.01


def test_no_pair_turns_itself_unless_levers_forget_mu():
    packing = packing_of(3, n=200)
    found = ellipsoids.pair_contacts(packing)
    gaps = packing.separation(*found.pairs.T)
    total = found.torques.sum(axis=1) + np.cross(gaps, found.forces)
    assert np.abs(total).max() < 1e-14
    wrong = found.levers / found.mu[:, None, None]
    forces = np.stack((found.forces, -found.forces), axis=1)
    assert np.abs(np.cross(wrong, forces).sum(axis=1) + np.cross(gaps, found.forces)).max() > 0.01


@pytest.mark.parametrize("dim", (2, 3))
@pytest.mark.parametrize("name", DYNAMICS)
def test_two_steps_are_the_reference_s(dim, name):
    """Displacements and turns of every rule, of mixed bodies and spheres; an odd step, too, for rules with a memory."""
    axes = np.ones((60, dim))
    axes[::2, 0], axes[1::3, 1] = 2.0, 0.6
    packing = packing_of(dim, axes=axes, phi=0.4)
    looks = mpack.snapshots(packing, DYNAMICS[name], at=[0, 1, 2], seed=9)
    ends = [look.final for look in looks]
    for number, (before, after) in enumerate(zip(ends, ends[1:])):
        move, turn = slow_bodies.step(before, DYNAMICS[name], 9, number)
        moved = mpack.observables.nearest_displacements(before, after)
        assert moved == pytest.approx(move, abs=1e-9)
        assert slow_bodies.turned(before, after) == pytest.approx(turn, abs=1e-8)
        assert np.abs(move).max() > 1e-3 and np.abs(turn).max() > 1e-3


def test_three_bodies_move_by_the_columns_in_print():
    """k = 2(f, I^-1 tau) on the middle one of three, from another program to twelve digits."""
    places = np.array([[-0.9, 0, 0], [0, 0.1, 0], [0.85, 0.2, 0.1]]) + 4.0
    turns = [(1, 0, 0, 0), TILTED, ODD]
    packing = Packing(places, 8.0, axes=TRIAXIAL, orientations=turns)
    alpha = 1e-3
    after = mpack.simulate(packing, mpack.SGD(alpha=alpha, batch_fraction=1), steps=1, seed=1).final
    one = (0.911457138609, -0.010551121623, 0.158365972780)
    two_ = (-1.137465567303, 0.023778080386, -0.232548823006)
    moved = mpack.observables.nearest_displacements(packing, after)[1]
    assert moved == pytest.approx(0.5 * alpha * np.add(one, two_), abs=1e-15)
    one = (-0.193911389444, 0.777669106259, 1.033942450319)
    two_ = (-0.328453023341, 1.087099211020, 1.550421056684)
    turn = slow_bodies.turned(packing, after)[1]
    assert turn == pytest.approx(0.5 * alpha * np.add(one, two_), abs=1e-14)


@pytest.mark.parametrize("dim", (2, 3))
@pytest.mark.parametrize("rule", RULES + MORE, ids=str)
def test_one_seed_is_one_trajectory(dim, rule):
    """Whatever the skin, a stop and a resume, threads, recording and looks; a different seed has another."""
    packing = packing_of(dim, n=80)
    whole = mpack.simulate(packing, rule, steps=40, seed=5)
    for skin in (0.06, 0.4):
        other = mpack.simulate(packing, rule, steps=40, seed=5, skin=skin, threads=2)
        assert other.digest == whole.digest
    half = mpack.simulate(packing, rule, steps=13, seed=5, record=mpack.every(3))
    assert mpack.simulate(half, steps=27).digest == whole.digest
    watched = {"q": lambda p: p.orientations[0, 0]}
    looked = mpack.simulate(packing, rule, steps=40, seed=5, record=mpack.every(7), watch=watched)
    assert looked.digest == whole.digest
    if rule != RULES[4]:  # gradient descent draws nothing
        assert mpack.simulate(packing, rule, steps=40, seed=6).digest != whole.digest


def test_golden_digests():
    kept = json.loads(slow_bodies.GOLDEN.read_text())
    for name, start, dynamics in slow_bodies.golden_cases():
        assert mpack.simulate(start, dynamics, steps=60, seed=12).digest == kept[name], name


@pytest.mark.parametrize("dim", (2, 3))
def test_lists_miss_nothing(dim, seed):
    """Activity and energy of a long run with far kicks, of long bodies in a wide box, are those of all pairs."""
    axes = (4.0, 1.0, 0.8)[:dim]
    packing = packing_of(dim, n=300, axes=axes, phi=0.3, seed=seed)
    rule = mpack.PairwiseBRO(eps=0.4, rotation=0.5)
    run = mpack.simulate(packing, rule, steps=30, seed=seed, record=mpack.every(5))
    for steps, share, total in zip(run.times, run.activity, run.energy):
        there = mpack.simulate(packing, rule, steps=int(steps), seed=seed).final
        assert activity(there) == share and energy(there) == pytest.approx(total, rel=1e-12)


def test_a_small_skin_lists_neighbours_alone():
    """In a wide box no skin, chosen or tuned, makes all bodies neighbours of all; in a box without room all are."""
    rule = mpack.PairwiseBRO(eps=0.005)
    wide, narrow = packing_of(3, n=2000, phi=0.3), packing_of(2, n=9, phi=0.45, axes=(1.8, 1.0))
    for skin in (0.01, 0.03, None):
        engine = BodyEngine(wide, rule.recipe(), 1, skin=skin)
        engine.advance(5)
        assert not engine.near["endless"] and engine.near["row"] < 100
    ends = [mpack.simulate(wide, rule, steps=5, seed=1, skin=skin).digest for skin in (0.01, 0.5)]
    assert ends[0] == ends[1]
    one = BodyEngine(narrow, rule.recipe(), 1)
    one.advance(1)
    assert one.near["cells"] == 1


@pytest.mark.parametrize(
    "eps, phi, least, most", ((0.03, 0.75, 0.3, 0.8), (0.75, 0.3, homes.SHORT, homes.SHORT))
)
def test_the_skin_suits_the_kicks_and_changes_nothing(eps, phi, least, most):
    """Short kicks: about a half. Longer than any skin: hardly one. The run is that of any other skin."""
    rule, start = mpack.PairwiseBRO(eps=eps), packing_of(3, n=400, phi=phi, axes=(1.5, 1.0, 1.0))
    tuned, fixed = (
        BodyEngine(start, rule.recipe(), 4),
        BodyEngine(start, rule.recipe(), 4, skin=0.9),
    )
    for engine in (tuned, fixed):
        assert not engine.advance(1000)
    assert tuned.shared["builds"] > 1  # it was chosen again
    assert least <= tuned.shared["skin"] <= most and fixed.shared["skin"] == 0.9
    assert [a.tobytes() for a in tuned.snapshot()] == [a.tobytes() for a in fixed.snapshot()]


def end_of(packing, rule, skin, steps=30, swing=1.0, forget=False):
    """What a run ends in; with swings times a number, or without the planes that were noted before each step."""
    engine = BodyEngine(packing, rule.recipe(), 4, skin=skin)
    engine.space["swings"][:] *= swing
    for step in range(1, steps + 1):
        engine.advance(step)
        if forget:
            engine.near["planes"][3::4] = np.inf
    return [array.tobytes() for array in engine.snapshot()]


@pytest.mark.parametrize("dim", (2, 3))
def test_planes_between_neighbours_miss_nothing(dim):
    """Long bodies that turn nearly in place: whatever the skin, a run is that which looks at all pairs at each step.

    Control: planes that ignore that bodies turn miss contacts.
    """
    packing = packing_of(dim, n=200, axes=(5.0, 1.0, 1.0)[:dim], phi=0.45)
    for rule in (mpack.PairwiseBRO(eps=0.01, rotation=0.15), mpack.RandomOrganization(eps=0.1)):
        whole = end_of(packing, rule, 1.0, forget=True)
        for skin in (0.02, 0.2, 1.0):
            assert end_of(packing, rule, skin) == whole
    rule = mpack.PairwiseBRO(eps=0.01, rotation=0.15)
    assert end_of(packing, rule, 1.0, swing=0.0) != end_of(packing, rule, 1.0)


def test_planes_wear_out_without_a_trace():
    """Turns beyond what is kept of them: all are listed anew, and the run stays the same."""
    packing, rule = packing_of(3, n=200), mpack.PairwiseBRO(eps=0.05)
    engine, worn = (BodyEngine(packing, rule.recipe(), 4, skin=0.3) for _ in range(2))
    for one in (engine, worn):
        one.advance(5)
    builds = int(worn.shared["builds"])
    worn.near["coarse"][3::4] = 2**30 - 2
    for one in (engine, worn):
        one.advance(20)
    assert worn.shared["builds"] > builds
    for mine, its in zip(engine.snapshot(), worn.snapshot()):
        assert np.array_equal(mine, its)


def test_pushes_beyond_the_box_are_summed_whole():
    """Times its number, a sum of pushes that has wrapped is that of the reference, modulo the box."""
    packing, rule = packing_of(2, phi=2.5), mpack.IndividualBRO(eps=1.5)
    engine = BodyEngine(packing, rule.recipe(), 9)
    engine.advance(1)
    fixed, _, _ = engine.snapshot()
    move, _ = slow_bodies.step(packing, rule, 9, 0)
    moved = (fixed.view(np.uint64) - packing.fixed.view(np.uint64)).view(np.int64) * 2.0**-64
    off = moved - move / packing.box
    assert np.abs(off - np.round(off)).max() < 1e-8
    assert np.sum(np.abs(move) > 0.5 * packing.box) > 10


@pytest.mark.parametrize("dim", (2, 3))
@pytest.mark.parametrize("rule", (RULES[0], RULES[3], mpack.RandomOrganization(eps=0.1)), ids=str)
def test_the_centre_of_mass_never_moves(dim, rule):
    packing = packing_of(dim, n=200)
    run = mpack.simulate(packing, rule, steps=50, seed=1)
    moved = run.final.fixed.view(np.uint64).sum(axis=0) - packing.fixed.view(np.uint64).sum(axis=0)
    assert run.msd[-1] > 0 and moved.tolist() == [0] * dim


@pytest.mark.parametrize("dim", (2, 3))
def test_bodies_that_are_spheres_are_spheres(dim):
    """Same class, same bits, same digest."""
    plain = Packing.random(100, 0.6, dim, seed=2)
    round_ = Packing.random(100, 0.6, dim, seed=2, axes=(3,) * dim)
    assert round_ == plain and round_.digest == plain.digest and round_.spherical


@pytest.mark.parametrize("dim", (2, 3))
@pytest.mark.parametrize("rule", RULES + MORE, ids=str)
def test_near_spheres_move_as_the_engine_of_spheres_says(dim, rule):
    """Three steps of bodies 1e-12 off the sphere end within 1e-12 of those of spheres, by the other engine.

    They differ in proportion to what the shapes do, by 0.5 of it at most, down to rounding (1e-14 at
    2e-14), and exact spheres never get to the engine of bodies.
    """
    off, phi = 1e-12, {2: 0.8, 3: 0.6}[dim]
    plain = Packing.random(100, phi, dim, seed=2)
    nearly = Packing.random(100, phi, dim, seed=2, axes=(1.0,) * (dim - 1) + (1.0 + off,))
    ends = [mpack.simulate(p, rule, steps=3, seed=1) for p in (plain, nearly)]
    gap = mpack.observables.nearest_displacements(ends[0].final, ends[1].final)
    assert not nearly.spherical and np.abs(gap).max() < off
    assert np.array_equal(ends[0].activity, ends[1].activity) and ends[0].msd[-1] > 0


def test_without_rotation_nothing_turns():
    packing = packing_of(3)
    still = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.05, rotation=None), steps=20, seed=1)
    assert np.array_equal(still.final.orientations, packing.orientations) and still.msd[-1] > 0
    light = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.05, rotation=0.5), steps=1, seed=1)
    usual = mpack.simulate(packing, mpack.PairwiseBRO(eps=0.05), steps=1, seed=1)
    ratio = slow_bodies.turned(packing, light.final) / slow_bodies.turned(packing, usual.final)
    assert ratio == pytest.approx(np.full((packing.n, 3), 4.0), rel=1e-6, nan_ok=True)


def test_a_packing_of_bodies_is_one():
    packing = packing_of(3, seed=8)
    again = pickle.loads(pickle.dumps(packing))
    assert again == packing and again.digest == packing.digest and hash(again) == hash(packing)
    turned = packing.moved(packing.fixed, orientations=np.roll(packing.orientations, 1, axis=0))
    assert turned != packing and turned.digest != packing.digest
    assert packing.phi == pytest.approx(0.55, rel=1e-12)
    assert np.mean(2 * np.prod(packing.axes, axis=1) ** (1 / 3)) == pytest.approx(1.0, abs=1e-14)
    assert np.linalg.norm(packing.orientations, axis=1) == pytest.approx(
        np.ones(packing.n), abs=1e-15
    )
    assert contacts(packing).pairs == len(ellipsoids.pair_contacts(packing).pairs)


def test_random_orientations_are_uniform():
    """<u u^T> = 1/3 within five standard errors, fourth moments 1/5 and 1/15; of a flat body cos 2 and cos 4 vanish."""
    packing = packing_of(3, n=20_000, phi=0.1)
    u = mpack._bodies.frames(packing.orientations)[:, :, 0]
    bound = 5 / math.sqrt(20_000)
    assert np.abs(u.T @ u / packing.n - np.eye(3) / 3).max() < 0.3 * bound
    assert abs(np.mean(u[:, 0] ** 4) - 1 / 5) < 0.3 * bound
    assert abs(np.mean(u[:, 0] ** 2 * u[:, 1] ** 2) - 1 / 15) < 0.1 * bound
    flat = packing_of(2, n=20_000, phi=0.1).orientations
    angle = 2 * np.arctan2(flat[:, 3], flat[:, 0])
    assert max(abs(np.mean(np.exp(1j * k * angle))) for k in (1, 2, 4)) < bound


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Packing.random(9, 0.3, 3, 1, axes=(11, 1, 1)), ValueError, "ratio of 10 at most"),
        (lambda: Packing.random(9, 0.3, 3, 1, axes=(1, 1)), ValueError, r"axes must have shape"),
        (lambda: Packing.random(9, 0.3, 4, 1, axes=(1, 1, 1, 2)), ValueError, "dim 2 and 3"),
        (
            lambda: Packing.random(9, 0.3, 3, 1, [1] * 9, axes=(2, 1, 1)),
            ValueError,
            "do not go together",
        ),
        (lambda: Packing.random(9, 0.3, 3, 1, axes=(0, 1, 1)), ValueError, "axes must be > 0"),
        (lambda: Packing.random(9, 0.3, 3, 1, aligned=True), ValueError, "aligned needs axes"),
        (lambda: Packing.random(4, 0.6, 3, 1, axes=(9, 1, 1)), ValueError, "phi must be in"),
        (lambda: Packing([[1, 1, 1]], 4, axes=(1, 1, 2)), ValueError, "axes must be in units of"),
        (lambda: Packing([[1, 1]], 4, orientations=[0.2]), ValueError, "orientations need axes"),
        (lambda: Packing([[1, 1]], 1.5, axes=(0.5, 0.5000000001)), ValueError, "box must be in"),
        (
            lambda: packing_of(3).moved(packing_of(3).fixed, [[1, 1, 0, 0]] * 60),
            ValueError,
            "unit quat",
        ),
        (lambda: packing_of(2).moved(packing_of(2).fixed, [ODD] * 60), ValueError, "turns about z"),
        (
            lambda: mpack.PairwiseBRO(eps=0.1, rotation=0),
            ValueError,
            "rotation must be a finite number",
        ),
        (
            lambda: mpack.simulate(
                packing_of(3),
                mpack.SGD(alpha=0.1, batch_fraction=1, potential=mpack.WCA()),
                steps=1,
                seed=1,
            ),
            ValueError,
            "bounded force",
        ),
        (
            lambda: mpack.flatness(packing_of(3), sigma=0.01),
            ValueError,
            "samples and seed must be given",
        ),
        (lambda: activity(packing_of(3), mpack.LennardJones(2)), ValueError, "end at contact"),
        (lambda: energy(packing_of(3), mpack.LennardJones(2)), ValueError, "end at contact"),
        (lambda: energy(packing_of(3), "soft"), TypeError, "potential"),
    ],
)
def test_what_cannot_be_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ------------------------------------------------------------------------------------------------
# files, pictures, observables


@pytest.mark.parametrize("dim", (2, 3))
@pytest.mark.parametrize("ending", ("npz", "gsd"))
def test_files_keep_every_bit(tmp_path, dim, ending):
    axes = np.ones((60, dim))
    axes[::3, 0] = 2.5
    packing = packing_of(dim, axes=axes, phi=0.3)
    packing.save(tmp_path / f"bodies.{ending}")
    again = Packing.load(tmp_path / f"bodies.{ending}")
    assert again == packing and again.digest == packing.digest


@pytest.mark.parametrize("dim", (2, 3))
def test_hoomd_s_ellipsoids_are_read(tmp_path, dim):
    """Two types by HOOMD's schema, in another unit, as other programs write them; ours as they read it."""
    hoomd = pytest.importorskip("gsd.hoomd")
    kinds = np.array([[2.0, 1.0, 0.7], [1.0, 1.0, 1.0]])[:, :dim]
    packing = packing_of(dim, axes=np.repeat(kinds, 30, axis=0), phi=0.3)
    packing.save(tmp_path / "ours.gsd")
    with hoomd.open(tmp_path / "ours.gsd") as file:
        frame = file[0]
    kinds = [shape["type"] for shape in frame.particles.type_shapes]
    assert kinds == ["Ellipsoid"] * len(kinds) and len(kinds) == len(
        np.unique(packing.axes, axis=0)
    )
    shown = np.array([[s[k] for k in "abc"[:dim]] for s in frame.particles.type_shapes])
    assert shown[frame.particles.typeid] == pytest.approx(packing.axes)
    frame.log = {}
    frame.particles.position *= 3.0
    frame.configuration.box[:dim] *= 3.0
    frame.particles.diameter = None
    for shape in frame.particles.type_shapes:
        shape.update({k: 3.0 * shape[k] for k in "abc"[:dim]})
    with hoomd.open(tmp_path / "theirs.gsd", "w") as file:
        file.append(frame)
    theirs = Packing.load(tmp_path / "theirs.gsd")
    assert theirs.axes == pytest.approx(packing.axes, rel=1e-6)
    gap = mpack.observables.nearest_displacements(
        packing, Packing.from_fixed(theirs.fixed, packing.box)
    )
    assert np.abs(gap).max() < 1e-5 and energy(theirs) == pytest.approx(energy(packing), rel=1e-3)


def test_a_trajectory_of_bodies_resumes(tmp_path):
    packing, rule, path = packing_of(3), RULES[0], tmp_path / "run.gsd"
    options = {"record": mpack.every(5), "frames": mpack.every(5), "trajectory": path}
    mpack.simulate(packing, rule, steps=10, seed=1, **options)
    resumed = mpack.simulate(
        mpack.trajectory.resume(path), steps=10, frames=mpack.every(5), trajectory=path
    )
    whole = mpack.simulate(packing, rule, steps=20, seed=1)
    frames = list(mpack.frames(path))
    assert resumed.digest == whole.digest == frames[-1].digest and len(frames) == 5


@pytest.mark.parametrize("dim", (2, 3))
def test_what_is_drawn_is_the_outline(dim):
    """Ellipses seen along an axis have the extent that the shapes have across it."""
    pytest.importorskip("matplotlib")
    packing = packing_of(dim, n=20, phi=0.2)
    view = np.eye(3)
    widths, heights, angles = mpack.figures._outlines(packing, view)
    turn = np.radians(angles)
    along = np.sqrt((widths * np.cos(turn)) ** 2 + (heights * np.sin(turn)) ** 2)
    assert along / 2 == pytest.approx(np.sqrt(slow_bodies.shapes(packing)[:, 0, 0]), rel=1e-9)
    packing.plot()


def test_nematic_order_and_turns():
    bodies = packing_of(3, n=400, phi=0.2)
    assert ellipsoids.nematic_order(bodies) < 0.2
    rule = mpack.PairwiseBRO(eps=0.05)
    after = mpack.simulate(bodies, rule, steps=5, seed=1).final
    angles = ellipsoids.turned_by(bodies, after)
    tangent = np.linalg.norm(slow_bodies.turned(bodies, after), axis=1)
    assert angles == pytest.approx(2 * np.arctan(0.5 * tangent), abs=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        mpack.observables.contact_vectors,
        mpack.structure.bond_order,
        lambda packing: mpack.structure.wave_noise(packing, RULES[0], [[1, 0, 0]]),
        lambda packing: mpack.manifolds.bayes_error(packing, 100, 1),
        lambda packing: mpack.landscape.hessian(packing, mpack.Harmonic()),
        lambda packing: mpack.landscape.kick_covariance(packing, RULES[0]),
        lambda packing: mpack.landscape.settling(packing, RULES[0], [1.0], seed=1),
        lambda packing: mpack.landscape.fluctuations(packing, RULES[3], 16, 1, seed=1),
        lambda packing: mpack.landscape.trajectory(
            mpack.simulate(packing, RULES[0], steps=1, seed=1), 2, 1
        ),
    ],
)
def test_what_is_of_spheres_alone_says_so(call):
    with pytest.raises(ValueError, match="packing (must be|of) (a packing )?of spheres"):
        call(packing_of(3))


def test_specifications_state_shapes_and_turning(tmp_path):
    """Text and back, two kinds of body, no turning; a sweep, its archive, an audit; a start that goes on."""
    rule = mpack.PairwiseBRO(eps=0.05)
    first = mpack.Spec(
        rule,
        n=60,
        phi=0.5,
        steps=40,
        axes=(1.5, 1, 1),
        checkpoints=2,
        observables=("nematic", "packing"),
    )
    kinds = ((1.5, 1, 1), (1, 1, 1))
    still = mpack.Spec(
        mpack.PairwiseBRO(eps=0.05, rotation=None), n=60, phi=0.5, steps=40, axes=kinds
    )
    later = mpack.Spec(rule, n=60, phi=0.45, steps=10, axes=(1.5, 1, 1), start=first)
    upright = mpack.Spec(rule, n=60, phi=0.5, steps=10, axes=(1.5, 1, 1), start="aligned")
    assert '"rotation":1.0' in first.text and '"rotation":"none"' in still.text
    words = "PairwiseBRO(eps=0.05), axes 1.5 : 1 : 1"
    assert first.label.startswith(f"{words}, rotation 1.0, N = 60, ")
    assert still.label.startswith(f"{words} and 1 more, rotation none, N = 60, ")
    for spec in (first, still, later, upright):
        assert mpack.specification.from_text(spec.text) == spec
    assert ellipsoids.nematic_order(upright.packing()) == pytest.approx(1.0)
    assert later.packing().phi == pytest.approx(0.45)
    end = first.run().final
    assert np.array_equal(later.packing().orientations, end.orientations)
    with mpack.ensemble.Store(":memory:") as store:
        table = mpack.sweep([first, still, later], store, progress=False)
        mpack.ensemble.export(store, tmp_path / "bodies")
    assert table.rotation.tolist()[:2] == [1.0, math.inf] and table.digest[0] == end.digest
    assert mpack.ensemble.audit(tmp_path / "bodies").plain()["ok"]
    for bad, words in (
        ({"axes": (1, 2), "dim": 3}, "axes must have shape"),
        ({"axes": (1, 1, 2), "sizes": (1, 2)}, "do not go together"),
        ({"axes": (1, 1, 2), "start": "fcc"}, "axes must be None"),
        ({"start": "aligned"}, "needs axes"),
        ({"axes": (1, 1, 2), "observables": "trace"}, "observables of bodies"),
        ({"observables": "nematic"}, "need axes"),
        ({"observables": "nematic", "axes": (2, 2, 2)}, "need axes"),
    ):
        with pytest.raises(ValueError, match=words):
            mpack.Spec(rule, **({"n": 32, "phi": 0.3, "steps": 1} | bad))
