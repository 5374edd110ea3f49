"""The step kernels as WebAssembly, for the interactive figures: `python -m book._tools.wasm`.

The LLVM IR that numba has of the kernels goes once more through LLVM, for another machine:

    numba, not optimising    IR of a kernel with all that it calls (`extract`)
    llvmlite                 the same for wasm32, optimised, and all kernels as one (`module`)
    wasmobject               the object that LLVM writes as a module that a page can load

with nothing but what numba itself brings. Two files come of it, both beside the figures:
`_kernel.wasm`, and `_kernel.json` with what its host `_kernel.js` must know of the records and
numbers of `mpack._kernels`, and the stamp of all that the module was made from. Where the stamp
still fits, the module stays.
"""

import hashlib
import json
import operator
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from mpack.widgets import _sources

from . import wasmobject
from .places import ROOT, relative, say
from .versions import imported

MODULE = _sources.FOLDER / "_kernel.wasm"
KNOWN = _sources.FOLDER / "_kernel.json"
DIMENSIONS = (2, 3)
TRIPLE = "wasm32-unknown-unknown"
# Never relaxed-simd: what it gives depends on the machine.
FEATURES = "+simd128,+nontrapping-fptoint,+bulk-memory,+sign-ext"
# Kernels most of whose time goes into loops over float64, lane by lane.
BLOCKWISE = ("advance_bodies", "depths")
RECORDS = {
    "space": "state.SPACE",
    "lists": "state.LIST",
    "rule": "state.RULE",
    "shared": "state.SHARED",
    "chunk": "state.CHUNK_RECORD",
    "bodies": "bodies.BODIES",
    "near": "bodies.NEAR",
}
# How the records of bodies say, in a comment, what stands at an address: kind and length.
ARRAY = re.compile(r'^ +"(\w+)",  # (uint|int|float)(8|32|64) \(([\w *,]+)\)', re.MULTILINE)
WORD = re.compile(r"\w+")
NUMBERS = "CHUNK SPAN LIMBS THREAD_COLUMNS CLIPPED PAUSED ABSORBED GROW_LIST GROW_KEYS GROW_CARRY"


def sources():
    """The files that the module is made from: the kernels, what they import of their folder, and this tool."""
    folder = ROOT / "mpack" / "_kernels"
    waiting = [folder / name for name in ("steps.py", "bodies.py", "page.py")]
    found = set(waiting)
    while waiting:
        for name in imported(waiting.pop()):
            path = folder / f"{name.removeprefix('mpack._kernels.').partition('.')[0]}.py"
            if path.exists() and path not in found:
                found.add(path)
                waiting.append(path)
    return [*sorted(found), Path(__file__), Path(wasmobject.__file__)]


def stamp():
    """Digest of all that the module is made from, numba and llvmlite among it."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(f"{relative(path)}\0{path.read_text(encoding='utf8')}\0".encode())
    for package in ("numba", "llvmlite"):
        digest.update(f"{package} {version(package)}".encode())
    return digest.hexdigest()


# ------------------------------------------------------------------------------------------------
# what the host must know


def known():
    """Records, numbers and names of the kernels, as `_kernel.js` reads them; without the stamp."""
    from mpack import _bodies, packing
    from mpack._engine import DRAWS
    from mpack._kernels import noise, page, state, sums

    records = {}
    for name, dtype in dtypes().items():
        fields = {field: [offset, kind.kind] for field, (kind, offset) in dtype.fields.items()}
        records[name] = {"size": dtype.itemsize, "fields": fields}
    return {
        "stream": noise.STREAM_VERSION,
        "format": packing.FORMAT_VERSION,
        **{name: int(getattr(state, name)) for name in NUMBERS.split()},
        "sums": {name.lower(): int(getattr(sums, name)) for name in ("BITS", "BELOW", "USUAL")},
        "draws": DRAWS,
        "aspect": _bodies.LARGEST_ASPECT,
        "work": page.WORK,
        "sorts": {
            name.lower(): getattr(page, name)
            for name in ("WORDS", "UNIFORMS", "GAUSSIANS", "GAUSSIAN_PAIRS")
        },
        "purposes": noise.PURPOSES,
        "potentials": potentials(),
        "lattices": lattices(),
        "records": records,
        "rooms": rooms(),
    }


def dtypes():
    """{name of a record: its type}."""
    from mpack import _kernels
    from mpack._kernels import bodies, state  # noqa: F401

    return {name: operator.attrgetter(where)(_kernels) for name, where in RECORDS.items()}


def rooms():
    """{record: {array: [its kind, the factors of its length]}} of bodies, as the records say it in comments."""
    from mpack._kernels import bodies

    text, found = Path(bodies.__file__).read_text(encoding="utf8"), {}
    told = {name: (f"{kind[0]}{bits}", length) for name, kind, bits, length in ARRAY.findall(text)}
    for record in ("bodies", "near"):
        fields = dtypes()[record].fields.items()
        found[record] = {
            name: [told[name][0], [factor(word) for word in WORD.findall(told[name][1])]]
            for name, (kind, _) in fields
            if kind.kind == "u"
        }
    return found


def factor(word):
    """A number, one that the kernels of bodies know by this name, or a name that the host knows."""
    from mpack._kernels import ellipsoids

    return int(word) if word.isdigit() else getattr(ellipsoids, word) if word.isupper() else word


def potentials():
    """{name: number, its parameters with their defaults} of every potential that has no table."""
    from dataclasses import fields

    import mpack

    simple = (mpack.Linear, mpack.Harmonic, mpack.Hertzian, mpack.WCA, mpack.LennardJones)
    told = {
        one.__name__: {"kind": one().kind, "given": {at.name: at.default for at in fields(one)}}
        for one in simple
    }
    told["Tabulated"] = {"kind": mpack.Tabulated([0, 1, 2, 3], [3, 2, 1, 0]).kind, "given": {}}
    return told


def lattices():
    """{dimension: {name: the points of one cell, in half cells}}."""
    from mpack.packing import LATTICES, lattice_basis

    return {
        dim: {
            name: lattice_basis(name, dim) for name, own in LATTICES.items() if own in (None, dim)
        }
        for dim in DIMENSIONS
    }


# ------------------------------------------------------------------------------------------------
# IR out of numba


def kernels(dim):
    """{name of the export: (kernel, signature)}; of dimension 0 those that know none."""
    from numba import types
    from numba.np.numpy_support import from_dtype

    from mpack._kernels import bodies, neighbours, page, steps

    word, number, real = types.uint64, types.int64, types.float64
    records = {name: from_dtype(dtype) for name, dtype in dtypes().items()}
    space, lists, *three, turning, near = records.values()
    if dim == 0:
        return {
            "draw": (page.draw, (number, word, word, word, number, word, word, word)),
            "blake2b": (page.blake2b, (word, number, number, word)),
            "random_turns": (page.random_turns, (number, number, word, word)),
            "all_shapes": (page.all_shapes, (number, *[word] * 4)),
            "turns_by_label": (page.turns_by_label, (turning, word)),
        }
    axes, five = types.UniTuple(number, dim), (space, lists, *three)
    named = {
        "advance": (steps.advance, (axes, *five, number, number)),
        "survey": (steps.survey, (axes, *five, word, word, number)),
        "foresee": (steps.foresee, (axes, *five, word, number)),
        "settle_wraps": (neighbours.settle_wraps, (axes, space, number, number)),
        "drop_anchor": (neighbours.drop_anchor, (axes, space, number, number)),
        "random_start": (page.random_start, (axes, number, word, word)),
        "by_label": (page.by_label, (axes, space, word)),
        "advance_bodies": (bodies.advance_bodies, (axes, turning, near, *three, number)),
        "depths": (page.depths, (axes, number, real, *[word] * 5)),
        "bodies_by_label": (page.by_label, (axes, turning, word)),
        "near_pairs": (
            page.near_pairs,
            (axes, number, real, real, number, *[word] * 5, number),
        ),
    }
    return {f"{name}_{dim}": one for name, one in named.items()}


def write_ir(folder, dim):
    """NAME.ll for each kernel: the name of its function, then its IR. Only where numba neither optimises nor caches."""
    for name, (kernel, signature) in kernels(dim).items():
        kernel.compile(signature)
        entry = kernel.overloads[signature].fndesc.llvm_func_name
        text = f"; entry {entry}\n{kernel.inspect_llvm(signature)}"
        (Path(folder) / f"{name}.ll").write_text(text, encoding="utf8")


def extract(folder):
    """`write_ir` of all kernels, in processes of their own.

    numba reads its settings when it is imported; what comes from its cache has no IR; and what it
    has optimised is made for the processor at hand.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "MPACK_"))}
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    running = []
    for dim in (0, *DIMENSIONS):
        cache = Path(folder) / f"cache{dim}"
        own = {"NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": paths}
        code = f"from book._tools import wasm; wasm.write_ir({str(folder)!r}, {dim})"
        command = [sys.executable, "-W", "ignore", "-c", code]
        running.append(subprocess.Popen(command, cwd=ROOT, env=kept | own))
    ended = [process.wait() for process in running]
    if any(ended):
        raise RuntimeError("numba gave no IR of the kernels; see above")


# ------------------------------------------------------------------------------------------------
# IR -> object


def target():
    """LLVM's machine for WebAssembly."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(TRIPLE).create_target_machine(
        cpu="generic", features=FEATURES, opt=3, reloc="static", codemodel="default"
    )


def retargeted(text, machine, export):
    """A module of numba's as one for `machine`; its entry is called `export`."""
    import llvmlite.binding as llvm

    changes = (
        (r"^target datalayout = .*$", f'target datalayout = "{machine.target_data}"'),
        (r"^target triple = .*$", f'target triple = "{TRIPLE}"'),
        # nobody to give way to
        (
            r"^declare i32 @(sched_yield|SwitchToThread)\(\).*$",
            r"define i32 @\1() {\n  ret i32 0\n}",
        ),
        # calls of libm that are one instruction here
        (r"@(floor|sqrt)\(", r"@llvm.\1.f64("),
    )
    for old, new in changes:
        text = re.sub(old, new, text, flags=re.MULTILINE)
    module = llvm.parse_assembly(text)
    link_as(module, "linkonce_odr")
    entry = module.get_function(re.match(r"; entry (\S+)", text)[1])
    entry.linkage, entry.name = "external", export
    return module


def link_as(module, linkage, but=()):
    """Give all that is defined, but these functions, this linkage."""
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name not in but:
            value.linkage = linkage


def optimise(module, machine, exports, vectors):
    """Inlining and all that; only the entries stay to be seen.

    Functions are internal only afterwards: what is internal and called once is always inlined, and
    one function of ten thousand lines is slower in a browser and takes LLVM several times as long.
    vectors: loops go two lanes at a time, which makes ellipsoids faster and spheres slower, for
    products of 64-bit integers take longer so than one by one.
    """
    import llvmlite.binding as llvm

    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = vectors
    tuning.slp_vectorization = tuning.loop_unrolling = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    link_as(module, "internal", but=exports)
    tidy(module, machine)


def tidy(module, machine):
    """Drop what nobody calls; of functions that are alike keep one."""
    import llvmlite.binding as llvm

    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_merge_functions_pass()
    passes.add_strip_dead_prototype_pass()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    passes.run(module, llvm.create_pass_builder(machine, options))


def groups():
    """(names of kernels that share what they call, whether their loops go by lanes): those of one dimension."""
    for dim in (0, *DIMENSIONS):
        for vectors in (False, True):
            names = [name for name in kernels(dim) if name.startswith(BLOCKWISE) == vectors]
            if names:
                yield sorted(names), vectors


def module():
    """The bytes of the module."""
    import llvmlite.binding as llvm

    machine = target()
    empty = f'target datalayout = "{machine.target_data}"\ntarget triple = "{TRIPLE}"\n'
    whole, exports = llvm.parse_assembly(empty), []
    with tempfile.TemporaryDirectory() as folder:
        extract(folder)
        for names, vectors in groups():
            together = llvm.parse_assembly(empty)
            for name in names:
                text = (Path(folder) / f"{name}.ll").read_text(encoding="utf8")
                together.link_in(retargeted(text, machine, name))
            optimise(together, machine, names, vectors)
            whole.link_in(together)
            exports += names
    tidy(whole, machine)
    whole.verify()
    return wasmobject.loadable(machine.emit_object(whole), exports)


# ------------------------------------------------------------------------------------------------
# the two files


def text_of(told):
    """`_kernel.json`: a line for each entry and each record."""
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def is_current():
    """Whether the files beside the figures are those of these kernels."""
    if not MODULE.exists() or not KNOWN.exists():
        return False
    return json.loads(KNOWN.read_text(encoding="utf8"))["stamp"] == stamp()


def ensure():
    """Make anew what is not that of these kernels: the module, and what its host knows of the library."""
    now, made = stamp(), is_current()  # a source that changes meanwhile is noticed next time
    if not made:
        say("Compiling the kernels for the pages ...")
        MODULE.write_bytes(module())
    told = text_of({"stamp": now, **known()})
    if not made or KNOWN.read_text(encoding="utf8") != told:
        KNOWN.write_text(told, encoding="utf8")
        size = MODULE.stat().st_size / 1000
        say(f"Wrote {relative(MODULE)} ({size:.0f} kB) and {relative(KNOWN)}")


if __name__ == "__main__":
    ensure()
