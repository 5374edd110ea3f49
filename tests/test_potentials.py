"""Potentials against plain NumPy formulas, numerical derivatives, and the instructions they compile to."""

import dataclasses
import hashlib
import math
import re
import warnings

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import interpolate

import mpack
from mpack._kernels import forces
from mpack.potentials import Potential, checked

ALL = [
    mpack.Linear(),
    mpack.Harmonic(),
    mpack.Harmonic(stiffness=3.5),
    mpack.Hertzian(),
    mpack.Hertzian(stiffness=0.25),
    mpack.WCA(),
    mpack.WCA(epsilon=2.0),
    mpack.LennardJones(),
    mpack.LennardJones(epsilon=0.5, cutoff=1.5),
    mpack.Tabulated(np.linspace(0.2, 1, 9), (1 - np.linspace(0.2, 1, 9)) ** 2),
    mpack.Tabulated((0.3, 0.5, 0.6, 0.9, 1.1, 1.4), (2.0, 0.7, 0.9, -0.3, -0.1, 0.0)),
]
everyone = pytest.mark.parametrize("potential", ALL, ids=repr)


def formula(potential, r, d):
    """U(r) with powers, from the literature's form of each potential."""
    overlap = np.maximum(1 - r / d, 0)
    if isinstance(potential, mpack.Linear):
        return 0.5 * np.maximum(d - r, 0)
    if isinstance(potential, mpack.Harmonic):
        return potential.stiffness / 2 * overlap**2
    if isinstance(potential, mpack.Hertzian):
        return potential.stiffness * 2 / 5 * overlap**2.5

    if isinstance(potential, mpack.Tabulated):
        spline = interpolate.CubicSpline(potential.r, potential.energies)  # not-a-knot
        low, x = potential.r[0], r / d
        tangent = spline(low) + spline(low, 1) * (x - low)
        return np.where(x < low, tangent, np.where(x < potential.r[-1], spline(x), 0))

    def lennard_jones(length, r):
        return 4 * potential.epsilon * ((length / r) ** 12 - (length / r) ** 6)

    if isinstance(potential, mpack.WCA):
        length = d / 2 ** (1 / 6)
        return np.where(r < d, lennard_jones(length, r) + potential.epsilon, 0)
    return np.where(
        r < potential.cutoff * d, lennard_jones(d, r) - lennard_jones(d, potential.cutoff * d), 0
    )


@everyone
@pytest.mark.parametrize("d", [1.0, 0.7, 1.6])
def test_energy_is_its_formula(potential, d):
    r = np.linspace(0.3, 3.0, 400) * d
    scale = np.maximum(1, (d / r) ** 12)
    assert np.all(np.abs(potential.energy(r, d) - formula(potential, r, d)) <= 1e-14 * scale * 8)


@everyone
@settings(max_examples=100, deadline=None)
@given(st.floats(0.4, 3.0), st.floats(0.5, 2.0))
def test_derivatives(potential, x, d):
    """force = -dU/dr and curvature = -d force/dr by central differences, away from the range."""
    r, h = x * d, 1e-5 * d
    edges = (
        *getattr(potential, "r", ()),
        potential.reach,
    )  # where the third derivative jumps, or more
    if min(abs(x - edge) for edge in edges) < 1e-3:
        return
    slope = (potential.energy(r + h, d) - potential.energy(r - h, d)) / (2 * h)
    bend = (potential.force(r + h, d) - potential.force(r - h, d)) / (2 * h)
    size = 1 + abs(potential.curvature(r, d)) * (1 + 1 / r**2)
    assert potential.force(r, d) == pytest.approx(-slope, abs=1e-6 * size)
    assert potential.curvature(r, d) == pytest.approx(-bend, abs=1e-5 * size)


@everyone
@pytest.mark.parametrize("d", [1.0, 0.7, 1.6])
def test_nothing_from_the_range_on(potential, d):
    edge = potential.range(d)
    inside = np.nextafter(edge, 0)
    for method in (potential.energy, potential.force, potential.curvature):
        assert method(edge, d) == 0.0
        assert method(edge * 1.5, d) == 0.0
    assert abs(potential.energy(inside, d)) < 1e-14  # continuous


@everyone
def test_no_infinity_and_no_nan_however_close(potential):
    r = np.concatenate(([0.0, 5e-324], 10.0 ** np.arange(-320.0, 0.0)))
    for method in (potential.energy, potential.force, potential.curvature):
        for d in (1.0, 1e-3, 1e3):
            assert np.all(np.isfinite(method(r, d)))
            assert np.all(np.abs(method(r, d)) <= 1e200)


def test_the_linear_force_is_a_half_whatever_the_diameters():
    d = np.array([0.3, 1.0, 1.7])
    assert np.all(mpack.Linear().force(0.99 * d, d) == 0.5)
    assert mpack.Linear().energy(0.0) == 0.5  # U0 = R


def test_wca_contact_is_the_minimum_of_lennard_jones():
    wca = mpack.WCA(epsilon=1.3)
    assert wca.force(np.nextafter(1.0, 0)) == pytest.approx(0, abs=1e-12)
    assert wca.curvature(np.nextafter(1.0, 0)) == pytest.approx(72 * 1.3, rel=1e-12)


def test_lennard_jones_minimum():
    well = mpack.LennardJones(epsilon=1.3)
    minimum = 2 ** (1 / 6)
    assert well.force(minimum) == pytest.approx(0, abs=1e-13)
    assert well.energy(minimum) == pytest.approx(-1.3 + 4 * 1.3 * (2.5**-6 - 2.5**-12), rel=1e-13)


@everyone
def test_arrays_broadcast_and_scalars_stay_scalar(potential):
    r, d = np.linspace(0.5, 1.5, 6).reshape(2, 3, 1), np.array([0.8, 1.0])
    block = potential.energy(r, d)
    assert block.shape == (2, 3, 2)
    assert block[1, 2, 0] == potential.energy(r[1, 2, 0], 0.8)
    assert np.ndim(potential.energy(0.5)) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert potential.energy(np.empty(0)).shape == (0,)


@everyone
def test_potentials_are_values(potential):
    twin = dataclasses.replace(potential)
    assert twin == potential and hash(twin) == hash(potential)
    assert len(potential.parameters) == 2 and all(
        type(value) is float for value in potential.parameters
    )
    with pytest.raises(AttributeError):
        potential.stiffness = 2.0


def test_kinds_are_those_of_the_kernels():
    names = {
        mpack.Linear: "LINEAR",
        mpack.Harmonic: "HARMONIC",
        mpack.Hertzian: "HERTZIAN",
        mpack.WCA: "WCA",
    }
    names[mpack.LennardJones] = "LENNARD_JONES"
    kinds = {cls().kind for cls in names}
    assert kinds | {ALL[-1].kind} == set(range(6)) and ALL[-1].kind == forces.TABULATED
    for cls, name in names.items():
        assert cls().kind == getattr(forces, name)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: mpack.Harmonic(stiffness=0), ValueError, ["stiffness", "> 0|(0", "0.0"]),
        (lambda: mpack.Harmonic(stiffness=-1), ValueError, ["stiffness", "-1.0"]),
        (lambda: mpack.Hertzian(stiffness=math.nan), ValueError, ["stiffness", "nan"]),
        (lambda: mpack.WCA(epsilon=math.inf), ValueError, ["epsilon", "inf"]),
        (lambda: mpack.WCA(epsilon="1"), TypeError, ["epsilon", "'1'"]),
        (lambda: mpack.WCA(epsilon=True), TypeError, ["epsilon", "True"]),
        (lambda: mpack.LennardJones(cutoff=0.9), ValueError, ["cutoff", "[1, 10]", "0.9"]),
        (lambda: mpack.LennardJones(cutoff=11), ValueError, ["cutoff", "[1, 10]", "11.0"]),
        (lambda: mpack.LennardJones(cutoff=math.nan), ValueError, ["cutoff", "[1, 10]", "nan"]),
        (lambda: Potential(), TypeError, ["Linear"]),
        (lambda: mpack.Tabulated([0, 1, 2], [1, 1, 0]), ValueError, ["r and energies", "3 and 3"]),
        (lambda: mpack.Tabulated([0, 1, 2, 3], [1, 0]), ValueError, ["r and energies", "4 and 2"]),
        (lambda: mpack.Tabulated([0, 1, 1, 3], [1, 1, 1, 0]), ValueError, ["r[1] = 1, r[2] = 1"]),
        (lambda: mpack.Tabulated([-1, 0, 1, 3], [1, 1, 1, 0]), ValueError, ["[0, 10]", "-1 to 3"]),
        (lambda: mpack.Tabulated([0, 1, 2, 3], [1, 1, 1, 2]), ValueError, ["end at 0", "got 2"]),
        (lambda: mpack.Tabulated([0, 1, 2, 3], [1e99, 1, 1, 0]), ValueError, ["1e80", "1e+99"]),
        (lambda: mpack.Tabulated([0, 1, 2, 3], [math.nan, 1, 1, 0]), ValueError, ["energies"]),
        (lambda: mpack.Tabulated("far", [1, 1, 1, 0]), TypeError, ["r must be"]),
        (lambda: mpack.Linear().energy(-0.1), ValueError, ["r must be", ">= 0", "-0.1"]),
        (lambda: mpack.Linear().force([0.5, math.nan]), ValueError, ["r must be", "nan"]),
        (lambda: mpack.Linear().curvature(0.5, 0.0), ValueError, ["d must be", "> 0", "0.0"]),
        (lambda: mpack.Linear().energy("far"), TypeError, ["r must be", "str"]),
        (lambda: mpack.Linear().energy(None), TypeError, ["r must be", "NoneType"]),
        (lambda: mpack.Linear().energy(1j), TypeError, ["r must be", "complex"]),
        (lambda: mpack.Linear().energy([1, 2], [1, 2, 3]), ValueError, ["r and d", "(2,)", "(3,)"]),
        (lambda: mpack.Linear().range(-1), ValueError, ["d must be", "> 0", "-1.0"]),
        (lambda: mpack.Linear().range("far"), TypeError, ["d must be", "str"]),
        (lambda: checked(mpack.Linear), TypeError, ["potential", "Linear()", "type"]),
        (lambda: checked("linear"), TypeError, ["potential", "str"]),
    ],
)
def test_bad_input(make, error, words):
    with pytest.raises(error) as caught:
        make()
    for word in words:
        assert any(option in str(caught.value) for option in word.split("|")), str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [forces.fill_energy, forces.fill_force, forces.fill_curvature])
def test_compiled_code_calls_no_libm_and_is_strict(kernel):
    fresh = numba.njit(nogil=True, error_model="numpy")(kernel.py_func)
    line = numba.float64[::1]
    fresh.compile((numba.int64, numba.float64, numba.float64, line, line, line, line))
    code = next(iter(fresh.inspect_llvm().values()))
    assert not re.search(r"@(llvm\.)?(pow|exp|log|sin|cos|cbrt|fma|fmuladd)", code)
    assert not re.search(r"\bf(add|sub|mul|div) (fast|contract|reassoc|nnan|ninf|arcp)", code)
    assert "vfmadd" not in next(iter(fresh.inspect_asm().values()))


def test_a_table_of_a_cubic_is_that_cubic():
    """The harmonic repulsion as a table: energy, force and curvature to a few roundings."""
    r = np.sort(np.concatenate(([0.0, 1.0], np.random.default_rng(3).uniform(0.01, 0.99, 40))))
    table, built_in = mpack.Tabulated(r, 0.5 * (1 - r) ** 2), mpack.Harmonic()
    x = np.random.default_rng(4).uniform(0.0, 1.3, 1_000)
    for name, bound in (("energy", 1e-15), ("force", 1e-13), ("curvature", 1e-10)):
        for d in (1.0, 1.7):
            miss = getattr(table, name)(x * d, d) - getattr(built_in, name)(x * d, d)
            assert np.abs(miss).max() < bound, name
    assert table.steepest >= 1.0


@pytest.mark.filterwarnings("ignore:energies only fall")
@pytest.mark.parametrize("order, name", [(4, "energy"), (3, "force"), (2, "curvature")])
def test_a_finer_table_is_closer_by_its_order(order, name):
    """Halving the spacing of points of (1 - r)**5 divides the error by 2**order; the stated bounds hold."""

    def miss(points):
        r = np.linspace(0.0, 1.0, points)
        x = np.linspace(0.3, 0.7, 997)  # far from the ends; the fourth derivative is 120 (1 - x)
        exact = {"energy": (1 - x) ** 5, "force": 5 * (1 - x) ** 4, "curvature": 20 * (1 - x) ** 3}
        return np.abs(getattr(mpack.Tabulated(r, (1 - r) ** 5), name)(x) - exact[name]).max()

    coarse, fine = miss(41), miss(81)
    assert coarse / fine == pytest.approx(2**order, rel=0.2)
    bound = {"energy": 5 / 384, "force": 1 / 24, "curvature": 3 / 8}[name]
    assert coarse < 1.1 * bound * 120 * 0.7 / 40**order


def test_bits_of_a_table_are_for_ever():
    """Made and evaluated by + - * / alone: the same on every machine, or this fails."""
    potential = mpack.Tabulated((0.3, 0.5, 0.6, 0.9, 1.1, 1.4), (2.0, 0.7, 0.9, -0.3, -0.1, 0.0))
    x = np.array([0.1 + k / 40 for k in range(57)])
    bits = b"".join(
        getattr(potential, name)(x, 1.1).tobytes() for name in ("energy", "force", "curvature")
    )
    assert hashlib.sha256(potential.table.tobytes() + bits).hexdigest()[:16] == "bdce0fd16d296992"


def test_a_table_goes_wherever_a_potential_does():
    """Flatness both ways, Hessian, specification and back, descent."""
    r = np.linspace(0.0, 1.0, 30)
    table, built_in = mpack.Tabulated(r, 0.5 * (1 - r) ** 2), mpack.Harmonic()
    packing = mpack.Packing.random(n=60, phi=0.9, dim=2, seed=5)
    for function in (
        lambda potential: mpack.energy(packing, potential),
        lambda potential: mpack.landscape.trace(packing, potential),
        lambda potential: mpack.flatness(packing, 0.01, potential).delta_v,
        lambda potential: mpack.flatness(packing, 0.01, potential, samples=20, seed=1).delta_v,
    ):
        assert function(table) == pytest.approx(function(built_in), rel=1e-9)
    rules = [mpack.SGD(0.2, 0.5, potential=potential) for potential in (table, built_in)]
    ends = [mpack.simulate(packing, rule, steps=20, seed=2).final.positions for rule in rules]
    np.testing.assert_allclose(*ends, atol=1e-9)
    spec = mpack.Spec(rules[0], n=60, phi=0.9, dim=2, steps=3)
    assert mpack.specification.from_text(spec.text) == spec
    assert re.fullmatch(r"Tabulated\(30 points, [0-9a-f]{8}\)", spec.columns()["potential"])


def test_a_spline_that_pulls_where_energies_only_fall_is_told():
    """The true force of (1 - r)**2.5 never pulls; between 50 points of it the spline's does, by the range."""
    r = np.linspace(0.0, 1.0, 50)
    with pytest.warns(UserWarning, match="an attraction; put points closer") as told:
        table = mpack.Tabulated(r, (1.0 - r) ** 2.5)
    (message,) = told
    place, force = map(float, re.findall(r"r = ([\d.]+).*is (-[\d.e-]+)", str(message.message))[0])
    finer = np.linspace(0.9, 1.0, 100_001)
    assert force == pytest.approx(table.force(finer).min(), rel=0.01) and abs(place - 1.0) < 0.03
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mpack.Tabulated(r, 0.5 * (1.0 - r) ** 2)  # exact: pushes everywhere
        mpack.Tabulated(r, (1.0 - r) ** 3)
        mpack.Tabulated(r + 0.5, np.r_[(r[1:] - 0.5) ** 3 - 0.125, 0.0])  # rises: meant to pull
