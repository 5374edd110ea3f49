"""Potentials against plain NumPy formulas, numerical derivatives, and the instructions they compile to."""

import dataclasses
import math
import re
import warnings

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    if abs(r - potential.range(d)) < 1e-3 * d:
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
    assert {cls().kind for cls in names} == set(range(5))
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
    fresh.compile((numba.int64, numba.float64, numba.float64, line, line, line))
    code = next(iter(fresh.inspect_llvm().values()))
    assert not re.search(r"@(llvm\.)?(pow|exp|log|sin|cos|cbrt|fma|fmuladd)", code)
    assert not re.search(r"\bf(add|sub|mul|div) (fast|contract|reassoc|nnan|ninf|arcp)", code)
    assert "vfmadd" not in next(iter(fresh.inspect_asm().values()))
