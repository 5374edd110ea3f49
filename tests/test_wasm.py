"""The kernels of the pages: made from these sources; and, in node, the library's bits for every rule and random runs.

`tests/browser/test_kernel.py` does the same in a browser.
"""

import json
import platform
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from bookpages import ROOT

import mpack
from book._tools import wasm, wasmobject
from mpack._kernels import page
from mpack._kernels.noise import PURPOSES
from mpack.widgets import _sources
from tests import kernelcases, reference, slow_bodies
from tests.kernelcases import fresh  # noqa: F401
from tests.reference import DYNAMICS

RUN = """
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const asked = JSON.parse(Buffer.concat(chunks));
const answer = {
  box: (start) => (({ box, diameters }) => [box, diameters[0], diameters.at(-1)])(kernel.random(start)),
  run: (told) => hosted(kernel, told),
  draw: ({ sort, of }) => [...kernel.draw(sort, of)].map(String),
  blake2b: ({ bytes, size }) => kernel.blake2b(Uint8Array.from(bytes), size),
  rooms: ({ start, rule }) => {
    const engine = new kernel.Engine(kernel.random(start), kernel.recipe(rule), 1n);
    return engine.groups.map(({ arrays }) => arrays);
  },
  numbers: ({ start, rule }) => {
    const engine = new kernel.Engine(kernel.random(start), kernel.recipe(rule), 1n);
    return engine.groups.map((group) => {
      const names = Object.keys(group.fields).filter((name) => !(name in group.arrays));
      return Object.fromEntries(names.map((name) => [name, group.get(name)]));
    });
  },
  twin: ({ start, rule, steps }) => {
    const discs = new twin.Discs(start);
    while (discs.step < steps && discs.advance(twin.recipe(rule)));
    return [discs.digest(), discs.step, discs.energy, discs.box];
  },
  pairs: ({ start, factor }) => {
    const { i, j, r } = kernel.pairs(kernel.random(start), factor);
    return [...i].map((one, p) => [one, j[p], r[p]]);
  },
  kicks: ({ start, rule, seed, until, steps }) => {
    const engine = new kernel.Engine(kernel.random(start), kernel.recipe(rule), BigInt(seed));
    engine.advance(until);
    const before = engine.digest(), kicks = steps.map((step) => [...engine.kicks(step)]);
    return [kicks, [...engine.kicks()], before === engine.digest() && engine.step === until];
  },
};
console.log(JSON.stringify(asked.map(({ what, ...told }) => answer[what](told))));
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """ask(what, list of arguments): the host's answers, in node."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    script = tmp_path_factory.mktemp("node") / "host.mjs"
    twin = [_sources.FOLDER / "_exact.js", ROOT / "tests" / "twin.js"]
    texts = [kernelcases.loading(), *(path.read_text(encoding="utf8") for path in twin), RUN]
    script.write_text("\n".join(texts), encoding="utf8")

    def ask(what, listed):
        asked = json.dumps([{"what": what, **one} for one in listed])
        command = [program, str(script)]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


# ------------------------------------------------------------------------------------------------
# how it is made


def test_the_module_is_that_of_these_kernels():
    """Whatever changes a kernel is followed by `python -m book._tools.wasm`, which `make book` calls."""
    told = json.loads(wasm.KNOWN.read_text(encoding="utf8"))
    assert wasm.is_current(), "python -m book._tools.wasm"
    assert told.pop("stamp") == wasm.stamp()
    assert told == json.loads(json.dumps(wasm.known()))


@pytest.mark.slow
def test_made_again_it_has_the_same_bytes():
    pinned = ROOT.joinpath("requirements.txt").read_text(encoding="utf8").split()
    here = (sys.platform, platform.machine(), sys.version_info[:2])
    if here != ("linux", "x86_64", (3, 11)) or not {
        f"{name}=={wasm.version(name)}" for name in ("numba", "llvmlite")
    } <= set(pinned):
        pytest.skip("bytes are compared on Linux, x86-64, Python 3.11, the pinned numba alone")
    assert wasm.module() == wasm.MODULE.read_bytes()


def test_it_is_code_alone_and_asks_for_nothing():
    data = wasm.MODULE.read_bytes()
    parts = dict(wasmobject.sections(data))
    assert set(parts) <= {1, 2, 3, wasmobject.EXPORTS, wasmobject.CODE}
    assert wasmobject.imports(parts[wasmobject.IMPORT]) == wasmobject.IMPORTS
    count, _ = wasmobject.from_leb(parts[wasmobject.EXPORTS], 0)
    assert count == sum(len(wasm.kernels(dim)) for dim in (0, *wasm.DIMENSIONS))
    assert "relaxed-simd" not in wasm.FEATURES


def test_what_a_linker_would_have_to_place_is_refused():
    """Objects made here of a few lines of IR: with an array, and with a call of what a page lacks."""
    import llvmlite.binding as llvm

    machine = wasm.target()
    head = f'target datalayout = "{machine.target_data}"\ntarget triple = "{wasm.TRIPLE}"\n'

    def made(text):
        return wasmobject.loadable(machine.emit_object(llvm.parse_assembly(head + text)), ["f"])

    plain = "define i32 @f(i32 %x) {\n %y = add i32 %x, 1\n ret i32 %y\n}"
    assert wasmobject.EXPORTS in dict(wasmobject.sections(made(plain)))
    call = "declare i32 @g(i32)\ndefine i32 @f(i32 %x) {\n %y = call i32 @g(i32 %x)\n ret i32 %y\n}"
    with pytest.raises(ValueError, match="lacks"):
        made(call)
    data = (
        "@t = global [2 x i32] [i32 5, i32 7]\n"
        "define i32 @f(i32 %x) {\n %p = getelementptr [2 x i32], ptr @t, i32 0, i32 %x\n"
        " %y = load i32, ptr %p\n ret i32 %y\n}"
    )
    with pytest.raises(ValueError):
        made(data)


# ------------------------------------------------------------------------------------------------
# the kernels that only pages call, by Python


@pytest.mark.parametrize("length", (0, 1, 127, 128, 129, 256, 5000))
@pytest.mark.parametrize("size", (16, 64))
def test_blake2b_is_hashlib_s(length, size, seed):
    import hashlib

    data = np.random.default_rng([seed, length]).integers(0, 256, length + 1, dtype=np.uint8)
    work = np.zeros(48, dtype=np.uint64)
    page.blake2b(np.uint64(data.ctypes.data), length, size, np.uint64(work.ctypes.data))
    wanted = hashlib.blake2b(data[:length].tobytes(), digest_size=size).digest()
    assert work.tobytes()[:size] == wanted


@pytest.mark.parametrize("dim", (2, 3))
def test_random_turns_and_shapes_are_the_library_s(dim, seed):
    from mpack._kernels import ellipsoids

    start = mpack.Packing.random(n=50, phi=0.1, dim=dim, seed=seed, axes=(2.0, 1.0, 0.7)[:dim])
    turns, shapes, wanted = np.zeros((50, 4)), np.zeros(600), np.zeros(600)
    semi, work = start.bodies.semi.copy(), np.zeros(page.WORK)
    page.random_turns(dim, 50, np.uint64(seed), np.uint64(turns.ctypes.data))
    assert np.array_equal(turns, start.orientations)
    ellipsoids.fill_shapes(turns.ravel(), semi.ravel(), wanted)
    page.all_shapes(50, *(np.uint64(array.ctypes.data) for array in (turns, semi, work, shapes)))
    assert np.array_equal(shapes, wanted) and shapes.all() == (dim == 3)


@pytest.mark.parametrize("dim", (2, 3, 5))
def test_a_random_start_is_the_library_s(dim, seed):
    fixed = np.zeros((50, dim), dtype=np.int64)
    page.random_start((0,) * dim, 50, np.uint64(seed), np.uint64(fixed.ctypes.data))
    assert np.array_equal(fixed, mpack.Packing.random(n=50, phi=0.1, dim=dim, seed=seed).fixed)


def crowds():
    """Packings of one size and of many, dense, thin, and in boxes with room for one cell only."""
    for dim, phi, n in ((2, 0.6, 300), (3, 0.62, 600), (2, 0.4, 20), (3, 0.6, 40), (3, 1e-3, 60)):
        for sizes in (None, np.linspace(1.0, 2.0, n).tolist()):
            given = {"n": n, "phi": phi, "dim": dim, "seed": "3", "diameters": sizes}
            packing = mpack.Packing.random(**{**given, "seed": 3})
            yield given, packing, min(1.1, 0.5 * packing.box / packing.diameters.max())


def known_pairs(packing, factor):
    """[i, j, r] of the library's pairs, in order."""
    from mpack._kernels import pairs

    both, r = pairs.sorted_pairs(packing.fixed, packing.box, packing.diameters, factor, 0.0)
    return [[*ends, apart] for ends, apart in zip(both.tolist(), r.tolist())]


def test_near_pairs_are_the_library_s():
    for _, packing, factor in crowds():
        n, dim = packing.fixed.shape
        cells = int(packing.box / (factor * packing.diameters.max() * (1 + 1e-9)))
        cells, room, wanted = cells if cells >= 3 else 1, 2000, known_pairs(packing, factor)
        chains, ends = np.zeros(cells**dim + n, np.uint32), np.zeros((room, 2), np.uint32)
        apart = np.zeros(room)
        arrays = (packing.fixed, packing.diameters, chains, ends, apart)
        at = [np.uint64(array.ctypes.data) for array in arrays]
        for most in (len(wanted) // 2, room):  # what does not fit is counted
            found = page.near_pairs((0,) * dim, n, packing.box, factor, cells, *at, most)
            assert found == len(wanted)
        assert sorted([*map(int, ends[p]), float(apart[p])] for p in range(found)) == wanted


# ------------------------------------------------------------------------------------------------
# the host, in node


def test_pairs_of_the_host_are_the_library_s(node):
    cases = list(crowds())
    found = node("pairs", [{"start": given, "factor": factor} for given, _, factor in cases])
    assert [sorted(one) for one in found] == [known_pairs(*rest) for _, *rest in cases]
    given, packing, _ = cases[0]
    (few,) = node("pairs", [{"start": given, "factor": 1.0}])
    assert 0 < len(few) < len(found[0]) and len(few) == len(packing.overlaps()[1])


@pytest.mark.parametrize("dim", (2, 3))
def test_pairs_of_bodies_are_the_library_s(node, dim):
    """Those that touch, and that nearly do: the same pairs, mu to the last bit; another factor gives others."""
    from mpack import ellipsoids

    rng = np.random.default_rng(dim)
    axes = rng.uniform(1, 2.5, (300, dim))
    axes[::5] = 1.3  # discs, spheres
    given = {"n": 300, "phi": 0.5, "dim": dim, "seed": "3", "axes": axes.tolist()}
    packing = mpack.Packing.random(**{**given, "seed": 3})
    found = node("pairs", [{"start": given, "factor": factor} for factor in (1.1, 1.0)])
    for tolerance, pairs in zip((0.1, 0.0), found):
        wanted = ellipsoids.pair_contacts(packing, tolerance)
        assert sorted(pairs) == [[*ends, mu] for ends, mu in zip(wanted.pairs.tolist(), wanted.mu)]
    assert len(found[0]) > len(found[1]) > 64  # more than a block


@pytest.mark.parametrize("axes", (None, [1.6, 1.0]))
@pytest.mark.parametrize("name", ("PairwiseBRO", "IndividualBRO", "SGD", "SGD approximation"))
def test_kicks_of_any_step_are_the_reference_s(node, name, axes):
    """From where a run stands, without moving it: what plain NumPy gives for steps of these numbers."""
    rule, given = DYNAMICS[name], {"n": 60, "phi": 0.8, "dim": 2, "seed": "5", "axes": axes}
    told = {"start": given, "rule": kernelcases.rule_of(rule), "seed": "7", "until": 4}
    ((kicks, coming, unmoved),) = node("kicks", [{**told, "steps": [4, 0, 9, 2**40]}])
    assert unmoved and coming == kicks[0]
    start = mpack.Packing.random(**{**given, "seed": 5})
    final = mpack.simulate(start, rule, steps=4, seed=7).final
    for step, found in zip((4, 0, 9, 2**40), kicks):
        place = (final.positions, final.box, final.diameters, rule, 7, step)
        wanted = (slow_bodies.step(final, rule, 7, step) if axes else reference.step(*place))[0]
        sharp = 1e-9 if axes else 1e-12  # the reference looks for the contacts of bodies
        assert np.allclose(np.reshape(found, (-1, 2)), wanted, rtol=1e-9, atol=sharp)
    assert kicks[0] != kicks[1]


def test_every_rule_has_its_golden_digest(node):
    """No kernel of numba's takes part: what is compared was committed."""
    listed = list(kernelcases.every_rule())
    for (name, kept, _), found in zip(listed, node("run", [told for *_, told in listed])):
        wanted = (kept["digest"], kept["steps"], kept["overflows"])
        assert (found["digest"], found["steps"], found["clipped"]) == wanted, name
        if found["records"]:  # else it was absorbed before
            (record,) = found["records"]
            seen = (
                record["active"],
                float(record["energy"]).hex(),
                (record["squares"] / 200).hex(),
            )
            assert seen == (kept["active"], kept["energy"], kept["msd"]), name


def test_every_rule_of_bodies_has_its_golden_digest(node):
    listed = list(kernelcases.every_rule_of_bodies())
    found = node("run", [told for *_, told in listed])
    digests = {name: one["digest"] for (name, *_), one in zip(listed, found)}
    assert digests == {name: kept for name, kept, _ in listed} and len(digests) == 72


TWIN_RULES = (
    mpack.PairwiseBRO(eps=0.2),
    mpack.PairwiseBRO(eps=0.2).approximation(),
    mpack.NonreciprocalBRO(eps=0.2),
    mpack.IndividualBRO(eps=0.2),
    mpack.IndividualBRO(eps=0.2).approximation(),
    mpack.SGD(alpha=0.25, batch_fraction=0.6),
    mpack.SGD(alpha=0.25, batch_size=20),
    mpack.SGD(alpha=0.05, batch_fraction=1),
    mpack.RCD(alpha=0.25, batch_fraction=0.6),
    mpack.RCD(alpha=0.25, batch_fraction=0.6).approximation(),
    mpack.RCD(alpha=0.25, batch_size=20),
)


def test_the_twin_has_the_same_bits(node, seed):
    """A step written by hand, without a kernel: dense and dilute, of one size and of two."""
    for n, phi, ratio in ((150, 1.1, 1.0), (101, 0.35, 1.4)):
        cases, wanted = [], []
        sizes = None if ratio == 1 else np.where(np.arange(n) < n // 2, 1.0, ratio)
        start = mpack.Packing.random(n=n, phi=phi, dim=2, seed=seed, diameters=sizes)
        for rule in TWIN_RULES:
            run = mpack.simulate(start, rule, steps=200, seed=seed)
            wanted.append([run.digest, run.steps, run.energy[-1], start.box])
            given = {"batch_fraction": 1, "batch_size": 0, **kernelcases.rule_of(rule)}
            given["batch_size"] = given["batch_size"] or 0
            start_of = {"n": n, "phi": phi, "ratio": ratio, "seed": seed}
            cases.append({"start": start_of, "rule": given, "steps": 200})
        elsewhere = {**cases[0], "start": {**cases[0]["start"], "seed": seed + 1}}
        *found, wrong = node("twin", [*cases, elsewhere])
        assert found == wanted and wrong[0] != wanted[0][0]


def test_random_runs_have_the_library_s_bits(node, fresh):  # noqa: F811
    cases = kernelcases.random_cases(fresh, 40)
    for (start, rule, told), found in zip(cases, node("run", [told for *_, told in cases])):
        assert not kernelcases.differences(start, rule, told, found), (start, rule, told)


def test_random_runs_of_bodies_have_the_library_s_bits(node, fresh):  # noqa: F811
    cases = kernelcases.random_bodies(fresh, 40)
    for (start, rule, told), found in zip(cases, node("run", [told for *_, told in cases])):
        assert not kernelcases.differences(start, rule, told, found), (start, rule, told)


def test_another_seed_has_other_bits(node):
    start, rule, told = kernelcases.moving_case()
    elsewhere = {**told["start"], "seed": "6"}
    wrong = [{**told, "seed": "4"}, {**told, "start": elsewhere}]
    right, noise, place = node("run", [told, *wrong])
    assert kernelcases.differences(start, rule, told, right) == []
    assert {"digest", "records"} <= set(kernelcases.differences(start, rule, told, noise))
    assert {"start", "digest"} <= set(kernelcases.differences(start, rule, told, place))


def test_another_seed_or_easier_turning_gives_bodies_other_bits(node):
    start, rule, told = kernelcases.moving_case(axes=[1.8, 1.0])
    turning = {**told["rule"], "rotation": 1.001}
    wrong = [
        {**told, "seed": "4"},
        {**told, "rule": turning},
        {**told, "start": {**told["start"], "aligned": True}},
    ]
    right, noise, easier, upright = node("run", [told, *wrong])
    assert kernelcases.differences(start, rule, told, right) == []
    for found in (noise, easier, upright):
        assert {"digest", "records"} <= set(kernelcases.differences(start, rule, told, found))
    assert "start" in kernelcases.differences(start, rule, told, upright)


def test_the_host_s_arrays_are_the_engine_s(node):
    """Kind and length of every array that a kernel is given, of one size and of many."""
    from mpack._engine import Engine

    for dim, sizes, rule in (
        (2, None, mpack.PairwiseBRO(0.1)),
        (3, [1.0 + 8.0 * (k % 7 == 0) for k in range(90)], mpack.SGD(0.1, batch_size=5)),
        (3, None, mpack.RCD(0.1, batch_size=5, potential=mpack.WCA())),
    ):
        given = {"n": 90, "phi": 0.3, "dim": dim, "seed": "1", "diameters": sizes}
        start = mpack.Packing.random(**{**given, "seed": 1})
        engine = Engine(start, rule.recipe(), 1)
        (found,) = node("rooms", [{"start": given, "rule": kernelcases.rule_of(rule)}])
        groups = (engine.space, engine.lists, engine.rule, engine.shared, engine.chunks[0])
        for wanted, made in zip(map(rooms, groups), map(rooms_told, found), strict=True):
            for shared in {"home", "scratch"} & set(made):  # the same memory twice, in other words
                made[shared] = wanted[shared]
            assert made == wanted


def rooms(group):
    """{array: its kind and length} of the engine's."""
    kinds = {
        name: f"{one.dtype.kind}{8 * one.itemsize} {one.size}" for name, one in group.arrays.items()
    }
    return {name: told for name, told in kinds.items() if group.arrays[name].size}


def rooms_told(arrays):
    """The same of what the host says."""
    return {name: f"{kind} {length}" for name, (kind, _, length) in arrays.items() if length}


@pytest.mark.parametrize("dim", (2, 3))
@pytest.mark.parametrize("n", (7, 90))
def test_the_host_s_arrays_of_bodies_are_the_engine_s(node, dim, n):
    """What the comments in the records state, which the host goes by; and its numbers, but for where they are told."""
    from mpack._body_engine import BodyEngine

    axes = [[1.0 + 0.02 * k] + [1.0] * (dim - 1) for k in range(n)]
    given = {"n": n, "phi": 0.03, "dim": dim, "seed": "1", "axes": axes}
    rule = mpack.SGD(0.1, batch_size=5, rotation=2.759)  # whose square a libm may round otherwise
    engine = BodyEngine(mpack.Packing.random(**{**given, "seed": 1}), rule.recipe(), 1)
    asked = {"start": given, "rule": kernelcases.rule_of(rule)}
    (found,), (numbers,) = node("rooms", [asked]), node("numbers", [asked])
    groups = (engine.space, engine.near, engine.rule, engine.shared, engine.chunk)
    for group, arrays, told in zip(groups, found, numbers, strict=True):
        assert rooms_told(arrays) == rooms(group)
        names = [name for name in group.record.dtype.names if name not in group.arrays]
        wanted = {name: float(group[name]) for name in names}
        assert {name: told.get(name, 0.0) for name in names} == wanted


def test_bodies_without_room_for_their_neighbours_get_it(node):
    """Crowded, so that rows, cells and contacts outgrow the room they have at first."""
    given = {"n": 80, "phi": 4.0, "dim": 2, "seed": "5", "axes": [1.2, 1.0]}
    rule = mpack.PairwiseBRO(eps=0.3)
    told = {"start": given, "rule": kernelcases.rule_of(rule), "seed": "3", "steps": 5}
    start = mpack.Packing.random(**{**given, "seed": 5})
    assert len(start.overlaps()[0]) > 3 * 80 + 64
    (found,) = node("run", [{**told, "times": [1, 5], "looks": [2]}])
    told |= {"times": [1, 5], "looks": [2]}
    assert not kernelcases.differences(start, rule, told, found)


def test_boxes_and_sizes_are_the_library_s(node, seed):
    """The edge of the box is a correctly rounded root: hundreds of packing fractions, to the last bit."""
    rng = random.Random(seed)
    starts = []
    for k in range(400):
        n, ratio = rng.randint(40, 300), round(rng.uniform(1, 2), 4)
        phi = 10 ** rng.uniform(-12, 0) if k % 4 == 0 else round(rng.uniform(0.1, 1.2), k % 17)
        sizes = np.where(np.arange(n) < n // 2, 1.0, ratio).tolist()
        starts.append({"n": n, "phi": phi or 1.0, "dim": 2 + k % 2, "seed": 1, "diameters": sizes})
    for given, found in zip(starts, node("box", starts)):
        start = mpack.Packing.random(**given)
        assert found == [start.box, start.diameters[0], start.diameters[-1]], given


def test_a_box_too_small_is_refused(node):
    given = {"n": 2, "phi": 1.2, "dim": 3, "seed": 1}
    with pytest.raises(ValueError, match="two largest diameters"):
        mpack.Packing.random(**given)
    with pytest.raises(AssertionError, match="two largest diameters wide"):
        node("box", [given])


@pytest.mark.parametrize("sort", ("words", "uniforms", "gaussians", "gaussian_pairs"))
def test_noise_is_the_library_s(node, sort, seed):
    from mpack._kernels import noise

    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 2**32, (2, 50))
    of = {"seed": str(seed), "purpose": "bootstrap", "step": 2**40 + 3}
    of |= {"a": a.tolist(), "b": b.tolist()}
    (found,) = node("draw", [{"sort": sort, "of": of}])
    fill = {"words": "bits", "uniforms": "uniform", "gaussians": "gaussian"}
    name = fill.get(sort, "gaussian_pair")
    shape = (50, 2) if sort in ("words", "gaussian_pairs") else (50,)
    out = np.zeros(shape, dtype=np.uint64 if sort == "words" else np.float64)
    key = (np.uint64(seed), np.uint64(PURPOSES["bootstrap"]), np.uint64(2**40 + 3))
    getattr(noise, f"fill_{name}")(*key, a.astype(np.uint64), b.astype(np.uint64), out)
    read = int if sort == "words" else float
    assert [read(one) for one in found] == out.ravel().tolist()


def test_bytes_are_hashed(node):
    import hashlib

    data = bytes(range(200))
    (found,) = node("blake2b", [{"bytes": list(data), "size": 32}])
    assert found == hashlib.blake2b(data, digest_size=32).hexdigest()
