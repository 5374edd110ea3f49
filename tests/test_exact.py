"""Bits that must not change: under the symmetries of the torus, with garbage in scratch memory, in compiled
code.

A coordinate is a 64-bit integer that wraps with the box, so shifts by integers, reflections and new
orders of the particles act on trajectories exactly, and so does a change of the unit of length by a
power of two.
"""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import reference

import mpack
from mpack._engine import Engine, exact
from mpack._kernels import _jit
from mpack._kernels import steps as kernels
from mpack._kernels.state import LIMBS

STEPS = 40
SMALL = {name: rule for name, rule in reference.DYNAMICS.items() if "Hertzian" not in name}
TURNED = [name for name in SMALL if name not in reference.KICKED]  # kicks turn with the packing


def run(packing, recipe, labels=None, prepare=None, **options):
    """(coordinates by label, wraps, record) after STEPS steps, recorded every eighth."""
    engine = Engine(packing, recipe, 9, labels=labels, **options)
    if prepare:
        prepare(engine)
    table = engine.schedule(range(0, STEPS + 1, 8))
    engine.advance(STEPS)
    return *engine.snapshot()[:2], table[: engine.recorded].copy()


def assert_equal(outcome, other):
    for mine, yours in zip(outcome, other, strict=True):
        assert np.array_equal(mine, yours)


def moved(packing, fixed):
    return mpack.Packing.from_fixed(fixed, packing.box, packing.diameters)


# -------------------------------------------------------------------------------------------------
# symmetries


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dim", [2, 3])
def test_translation(dim, name):
    """By any integers: everything shifts by just them, what is recorded stays."""
    packing = reference.golden_start(dim, poly=name in ("RCD", "PairwiseBRO"))
    fixed, _, record = run(packing, SMALL[name].recipe())
    random = np.random.default_rng(3)
    for shift in (np.full(dim, -(2**63)), random.integers(-(2**63), 2**63, dim)):
        with np.errstate(over="ignore"):
            there = run(moved(packing, packing.fixed + shift), SMALL[name].recipe())
            assert np.array_equal(there[0], fixed + shift) and np.array_equal(there[2], record)


@pytest.mark.parametrize("name", TURNED)
@pytest.mark.parametrize("dim", [2, 3])
def test_reflection(dim, name):
    """Through the origin, and in one coordinate: pushes are cut toward zero, so they are odd to the bit."""
    packing = reference.golden_start(dim, poly=name in ("RCD", "SGD"))
    fixed, wraps, record = run(packing, SMALL[name].recipe())
    for sign in (np.full(dim, -1), np.array([1] * (dim - 1) + [-1])):
        with np.errstate(over="ignore"):
            there = run(moved(packing, packing.fixed * sign), SMALL[name].recipe())
            assert_equal(there, (fixed * sign, wraps * sign.astype(np.int32), record))


@pytest.mark.parametrize("name", TURNED)
def test_exchange_of_axes(name):
    """In the plane x**2 + y**2 does not care about the order."""
    packing = reference.golden_start(2, poly=False)
    fixed, wraps, record = run(packing, SMALL[name].recipe())
    assert_equal(
        run(moved(packing, packing.fixed[:, ::-1]), SMALL[name].recipe()),
        (fixed[:, ::-1], wraps[:, ::-1], record),
    )


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dim", [2, 3])
def test_relabelling(dim, name):
    """Slots in another order, their labels with them: the same particles do the same."""
    packing = reference.golden_start(dim, poly=name in ("IndividualBRO", "SGD harmonic"))
    order = np.random.default_rng(4).permutation(packing.n)
    shuffled = mpack.Packing.from_fixed(packing.fixed[order], packing.box, packing.diameters[order])
    there = run(shuffled, SMALL[name].recipe(), labels=order.astype(np.uint32))
    assert_equal(there, run(packing, SMALL[name].recipe()))


def test_other_labels_are_other_noise():
    """Negative control: without taking the labels along, the order of the particles does matter."""
    packing = reference.golden_start(3, poly=False)
    order = np.random.default_rng(4).permutation(packing.n)
    there = run(moved(packing, packing.fixed[order]), SMALL["PairwiseBRO"].recipe())[0]
    assert not np.array_equal(there, run(packing, SMALL["PairwiseBRO"].recipe())[0][order])


@pytest.mark.parametrize("power", [-3, 1, 10])
@pytest.mark.parametrize(
    "name",
    [
        *("PairwiseBRO", "NonreciprocalBRO", "RCD", "SGD approximation", "SGD, B = 40"),
        *("SGD harmonic", "RandomOrganization, c = 0.7"),
    ],
)
def test_lengths_scaled_by_a_power_of_two(name, power):
    """A unit of length 2**power smaller: the same integers. The force of a harmonic pair, k x/d, falls by 2**power."""
    for dim, poly in ((2, True), (3, False)):
        packing = reference.golden_start(dim, poly)
        recipe, factor = SMALL[name].recipe(), 2.0**power
        scaled = SimpleNamespace(
            n=packing.n, dim=dim, fixed=packing.fixed, box=packing.box * factor,
            diameters=packing.diameters * factor, monodisperse=packing.monodisperse,
        )  # fmt: skip
        scale = recipe.scale * factor * (factor if "harmonic" in name else 1.0)
        mine, there = run(packing, recipe), run(scaled, replace(recipe, scale=scale))
        assert_equal(there[:2], mine[:2])
        assert np.array_equal(there[2][:, 0], mine[2][:, 0])
        for row, other in zip(mine[2], there[2]):
            spread = exact(other[1 + LIMBS :]) / factor**2
            assert spread == pytest.approx(exact(row[1 + LIMBS :]), rel=1e-12, abs=1e-12)


# ---------------------------------------------------------------------------------------------
# scratch memory

STATE = {
    "fixed",
    "wraps",
    "coarse",
    "anchor",
    "home",
    "push",
    "carry",
    "radius",
    "radius32",
    "label",
    "origin",
    "active",
}
STATE |= {"gate", "threads_own", "schedule", "record", "tops", "most", "begin"}


def poison(engine):
    """NaN in every float of scratch memory, garbage in every integer (a valid slot where it may be used as
    one).
    """
    random = np.random.default_rng(0)
    for group in (engine.space, engine.lists, engine.shared, *engine.chunks):
        for name, array in group.arrays.items():
            if name in STATE:
                continue
            if array.dtype.kind == "f":
                array.fill(np.nan)
            elif array.dtype == np.uint64 or array.dtype == np.int64:
                array[...] = random.integers(-(2**62), 2**62, array.shape).astype(array.dtype)
            else:
                array[...] = random.integers(0, engine.n, array.shape).astype(array.dtype)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dim, dilute", [(2, False), (2, True), (3, False)])
@pytest.mark.parametrize("name", SMALL)
def test_poisoned_scratch(name, dim, dilute, threads):
    packing = reference.golden_start(dim, poly=dim == 2, dilute=dilute)
    clean = run(packing, SMALL[name].recipe())
    assert_equal(run(packing, SMALL[name].recipe(), prepare=poison, threads=threads), clean)


def test_poison_reaches_scratch():
    """There are floats and integers to poison, among them what contacts are worked on with."""
    engine = Engine(reference.golden_start(2, True), SMALL["RCD"].recipe(), 9)
    poison(engine)
    scratch = [array for group in (engine.lists, *engine.chunks) for array in group.arrays.values()]
    assert len(scratch) > 10 and any(
        np.isnan(array).all() for array in scratch if array.dtype.kind == "f"
    )


# ----------------------------------------------------------------------------------------- integers
# that wrap


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("at", [-(2**63), 2**63 - 1, 0, 2**62])
def test_a_pair_on_the_edge_is_a_pair_anywhere(at, axis):
    """Differences, sums and comparisons across the edge wrap: two particles there do what they do elsewhere,
    and those that cross the edge are counted.
    """
    offsets = np.array([[2**60, 2**59], [-(2**60), -(2**58)], [2**59, -(2**60)]], dtype=np.int64)
    recipe = mpack.NonreciprocalBRO(eps=0.4).recipe()
    plain = run(mpack.Packing.from_fixed(offsets, 6.0), recipe)
    with np.errstate(over="ignore"):
        shift = np.where(np.arange(2) == axis, at, 0).astype(np.int64)
        there = run(mpack.Packing.from_fixed(offsets + shift, 6.0), recipe)
        assert np.array_equal(there[0], plain[0] + shift) and np.array_equal(there[2], plain[2])
        assert unwrapped(offsets, plain) == unwrapped(offsets + shift, there)
        crossed = (
            np.sign(there[0]) != np.sign(offsets + shift) if abs(at) > 2**62 else plain[1] != 0
        )
    assert np.any(there[1]) or not np.any(crossed[:, axis])


def unwrapped(fixed, outcome):
    """Displacements as integers without bound."""
    rows = zip(fixed.tolist(), outcome[0].tolist(), outcome[1].tolist())
    return [[last - first + (boxes << 64) for first, last, boxes in zip(*row)] for row in rows]


def test_pushes_that_wrap():
    """Sums of pushes beyond 64 bits wrap like the box: three particles on one, each pushing by 0.4 boxes."""
    fixed = np.array([[0, 0], [2**55, 0], [2**55 + 2**54, 0], [2**55 + 2**53, 0]], dtype=np.int64)
    packing = mpack.Packing.from_fixed(fixed, 8.0)
    alpha = 0.4 * 8.0 * 2.0
    with pytest.warns(RuntimeWarning):
        done = mpack.simulate(packing, mpack.SGD(alpha=alpha, batch_fraction=1), steps=1, seed=1)
    push = int(
        0.5 * (alpha * (2.0**64 / 8.0)) / (2.0**55 * (8.0 / 2.0**64)) * (2.0**55 * (8.0 / 2.0**64))
    )
    expected = (0 - 3 * push + 2**63) % 2**64 - 2**63
    assert abs(int(done.final.fixed[0, 0]) - expected) < 2**14  # four roundings of 53 bits
    assert done.overflows >= 2  # the particles at both ends


# ----------------------------------------------------------------------------------------------
# compiled code


@pytest.fixture(scope="module")
def compiled():
    """LLVM IR and assembly of the whole step in the plane, compiled afresh (numba forgets them for cached
    code).
    """
    import numba

    if _jit.WATCHED:
        pytest.skip("about the kernels as they are in production")
    mpack.simulate(reference.golden_start(2, False), SMALL["PairwiseBRO"], steps=1, seed=1)
    signature = next(
        signature for signature in kernels.advance.signatures if len(signature[0]) == 2
    )
    options = dict(kernels.advance.targetoptions)
    options.pop("nopython", None)
    fresh = numba.njit(**options)(kernels.advance.py_func)
    fresh.compile(signature)
    return fresh.inspect_llvm(signature), fresh.inspect_asm(signature)


@pytest.mark.slow
def test_no_fast_arithmetic(compiled):
    """No flag that lets the compiler reorder, contract or approximate."""
    flags = r"\b(fast|reassoc|contract|arcp|afn|nnan|ninf|nsz)\b"
    lines = [
        line
        for line in compiled[0].splitlines()
        if re.search(r"\bf(add|sub|mul|div|neg|cmp)\b|call .*double", line)
    ]
    assert len(lines) > 500
    assert [line for line in lines if re.search(flags, line)] == []
    assert '"unsafe-fp-math"="true"' not in compiled[0]


@pytest.mark.slow
def test_no_fused_multiply_add(compiled):
    fused = r"\b(vfn?m(add|sub)\w*|fn?m(add|sub|la|ls)\w*)\b"
    assert re.findall(fused, compiled[1]) == [] and "llvm.fma" not in compiled[0]
    assert (
        len(re.findall(r"\bv?(mul|add)[sp][sd]\b|\bf(mul|add)\b", compiled[1])) > 100
    )  # there was something to fuse


@pytest.mark.slow
def test_no_calls_but_to_give_way(compiled):
    """Whatever is called is defined in the same code, but for yielding the processor, moving memory and the
    square root, which IEEE 754 rounds correctly; no function of libm that could differ from machine
    to machine.
    """
    called = set(re.findall(r"call [^\n]*?@\"?([\w.$]+)", compiled[0]))
    defined = set(re.findall(r"define [^\n]*?@\"?([\w.$]+)", compiled[0]))
    harmless = (
        r"llvm\.(mem|[su](min|max|mul|add|sub)|f?abs|ct|fsh|(min|max)num|sqrt|floor|ceil|trunc|rint"
    )
    harmless += r"|assume|lifetime|vector|masked|experimental)"  # masked: loads and stores where a processor has them
    rest = {name for name in called - defined if not re.match(harmless, name)}
    rest = {name for name in rest if not name.startswith(("NRT_", "numba_", "Py", "_Py"))}
    assert "sched_yield" in rest or "SwitchToThread" in rest
    assert rest <= {"sched_yield", "SwitchToThread", "memset", "memcpy", "sqrt"}


@pytest.mark.slow
def test_assembly_names_no_libm(compiled):
    libm = "sin cos tan asin acos atan atan2 sinh cosh tanh exp exp2 expm1 log log2 log10 log1p pow cbrt"
    libm += " hypot fma fmod sqrt"
    words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"[#;].*", "", compiled[1])))
    assert words & {"sched_yield", "SwitchToThread"}  # this is how a call would show
    found = words & {name + suffix for name in libm.split() for suffix in ("", "f")}
    assert found <= {"fsqrt", "fsqrtf"}


def mixed(dispatchers):
    """(how many operations of two integers, those of a signed with an unsigned one)."""
    from numba.core import ir, types

    pairs, wrong = 0, []
    for dispatcher in dispatchers:
        for result in dispatcher.overloads.values():
            typed = getattr(
                result.type_annotation, "calltypes", {}
            )  # not kept of what comes from the cache
            for node, signature in typed.items():
                if isinstance(node, ir.Expr) and node.op in ("binop", "inplace_binop"):
                    ends = [end for end in signature.args if isinstance(end, types.Integer)]
                    pairs += len(ends) == 2
                    if len(ends) == 2 and ends[0].signed != ends[1].signed:
                        wrong.append(f"{dispatcher.py_func.__name__}: {node}, line {node.loc.line}")
    return pairs, wrong


@pytest.mark.slow
def test_signed_and_unsigned_integers_are_never_mixed(compiled):
    """Such a mixture is a float to older versions of numba and a signed integer to later ones: bits would depend on
    the version, and beyond 2**53 be lost. By the types of all that was compiled for the fixture.
    """
    from mpack._kernels import forces, machine, neighbours, noise, state, sums

    everything = [
        vars(module).values()
        for module in (kernels, neighbours, noise, state, forces, machine, sums)
    ]
    dispatchers = {
        id(thing): thing for things in everything for thing in things if hasattr(thing, "py_func")
    }
    pairs, wrong = mixed(dispatchers.values())
    assert pairs > 300 and wrong == []


def test_mixed_integers_would_be_seen():
    """Negative control."""
    import numba

    def add(a, b):
        return a + b

    for other, count in ((numba.uint64, 1), (numba.int64, 0)):
        plain = numba.njit(add)
        plain.compile((numba.int64, other))
        assert len(mixed([plain])[1]) == count


@pytest.mark.slow
def test_no_undefined_overflow_reaches_a_separation(compiled):
    """Differences of coordinates wrap: none may be marked as never overflowing (nsw), or the compiler could
    do without the wrap. Checked for every sum or difference of integers from memory that becomes a
    float.
    """
    turned = 0
    for function in compiled[0].split("\ndefine ")[1:]:
        loaded = set(re.findall(r"(%[\w.]+) = load (?:<\d+ x )?i(?:64|32)", function))
        sums = r"(%[\w.]+) = (?:sub|add) (?:nuw )?(nsw )?(?:<\d+ x )?i(?:64|32)>? (%?[\w.-]+), (%?[\w.-]+)"
        wraps = {
            name: not flag for name, flag, *ends in re.findall(sums, function) if loaded & set(ends)
        }
        for name in re.findall(r"sitofp (?:<\d+ x )?i(?:64|32)>? (%[\w.]+) to", function):
            turned += name in wraps
            assert wraps.get(name, True), name
    assert turned > 4
