"""How kernels are compiled and imported: no place for a cache, stale and damaged ones, other numbas, none at all."""

import ast
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numba
import numba.core.caching as caching
import numpy as np
import pytest

import mpack
from mpack._kernels import _jit, _notice

LIBRARY = Path(mpack.__file__).parent
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
PLACES = ("UserProvided", "InTree", "UserWide")


def _twice(x):
    return 2 * x


def program(text, **environment):
    """What a fresh Python prints, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------------------------------------
# the cache


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty cache of one's own."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def found(pattern, folder):
    (path,) = folder.rglob(pattern)
    return path


def hits(compiled):
    return sum(compiled.stats.cache_hits.values())


def test_without_a_place_for_a_cache_kernels_compile_in_memory(monkeypatch):
    monkeypatch.setattr(_jit._WingCache._impl_class, "_locator_classes", [])
    for compiled in (_jit.njit(_twice), _jit.bare(_twice, entry=True)):
        assert isinstance(compiled._cache, caching.NullCache)
        assert compiled(21) == 42


def test_the_stamp_of_a_cache_covers_every_kernel(monkeypatch, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("y = 1\n")
    monkeypatch.setattr(_jit, "_WING", tmp_path)
    stamp = _jit._wing_stamp.__wrapped__
    before = stamp()
    assert stamp() == before
    (tmp_path / "b.py").write_text("y = 2\n")
    assert stamp() != before


def test_what_is_compiled_is_found_again(folder):
    assert _jit.njit(_twice)(21) == 42
    again = _jit.njit(_twice)
    assert again(21) == 42
    assert hits(again) == 1


DAMAGES = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "overwritten": lambda content: b"\x80\x05garbage" * 40,
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
def test_a_damaged_cache_is_made_anew(folder, pattern, damage):
    _jit.njit(_twice)(21)
    path = found(pattern, folder)
    path.write_bytes(damage(path.read_bytes()))
    mending, mended = _jit.njit(_twice), _jit.njit(_twice)
    assert mending(21) == 42
    assert hits(mending) == 0
    assert mended(21) == 42
    assert hits(mended) == 1


@pytest.mark.slow
@pytest.mark.parametrize("begin", [0.1, 0.2, 0.4, 0.8])
def test_machine_code_that_a_crash_left_incomplete_is_never_run(folder, begin):
    """numba alone would: of its own file, this is the end of the process."""
    _jit.njit(_twice)(21)
    path = found("*.nbc", folder)
    content = bytearray(path.read_bytes())
    at, length = int(begin * len(content)), len(content) // 20
    content[at : at + length] = bytes(length)
    path.write_bytes(content)
    mending, mended = _jit.njit(_twice), _jit.njit(_twice)
    assert mending(21) == 42
    assert hits(mending) == 0
    assert mended(21) == 42
    assert hits(mended) == 1


@pytest.mark.parametrize("method, pattern", [("_load_index", "*.nbi"), ("_load_data", "*.nbc")])
def test_a_cache_that_may_not_be_read_is_made_anew(monkeypatch, folder, method, pattern):
    _jit.njit(_twice)(21)
    locked, read = found(pattern, folder), getattr(caching.IndexDataCacheFile, method)
    locked.chmod(0)

    def refused(self, *arguments):
        if locked.stat().st_mode & 0o777 == 0:  # what stops all users but root
            raise PermissionError(13, "not yours")
        return read(self, *arguments)

    monkeypatch.setattr(caching.IndexDataCacheFile, method, refused)
    mending, mended = _jit.njit(_twice), _jit.njit(_twice)
    assert mending(21) == 42
    assert hits(mending) == 0
    assert mended(21) == 42
    assert hits(mended) == 1


@pytest.mark.parametrize("room", [0, 200, 2000])
def test_a_full_disk_stops_nothing(folder, room):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    compiled = _jit.njit(_twice)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # as `ulimit -f` does
    try:
        doubled = compiled(21)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert doubled == 42
    assert not list(folder.rglob("*.nbc"))  # it was in earnest
    later = _jit.njit(_twice)
    assert later(21) == 42
    assert list(folder.rglob("*.nbc"))


# ------------------------------------------------------------------------------------------------
# a word while compiling

COMPILING = """
from mpack._kernels import _notice
_notice.PATIENCE = 0.01
import mpack
mpack.Packing.random(n=9, phi=0.1, dim=2, seed=1)
"""


def said_to_a_terminal(folder, **environment):
    """What a fresh Python, whose stderr is a terminal, writes there while it compiles into a folder."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    hidden = dict.fromkeys(("CI", "PYTEST_CURRENT_TEST", "MPACK_QUIET"), "")
    environment = {**os.environ, **hidden, "NUMBA_CACHE_DIR": str(folder), **environment}
    try:
        subprocess.run(
            [sys.executable, "-c", COMPILING], check=True, stderr=theirs, env=environment
        )
        os.write(theirs, b"end\n")
        said = b""
        while not said.endswith(b"end\r\n"):
            said += os.read(ours, 10_000)
        return said.decode().splitlines()[:-1]
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.slow
def test_who_waits_for_a_kernel_is_told_once_and_only_if_there_is_somebody(tmp_path):
    (line,) = said_to_a_terminal(tmp_path)
    assert line.startswith("mpack compiles kernels") and line.endswith("find them on disk")
    assert said_to_a_terminal(tmp_path) == []  # they were found
    assert said_to_a_terminal(tmp_path / "anew", MPACK_QUIET="1") == []
    done = subprocess.run(
        [sys.executable, "-c", COMPILING],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTEST_CURRENT_TEST": "", "NUMBA_CACHE_DIR": str(tmp_path / "again")},
    )
    assert done.stderr == b""


def test_a_notice_speaks_of_the_outermost_and_not_of_what_is_quick(monkeypatch):
    monkeypatch.setattr(_notice, "somebody_looks_on", lambda: True)
    monkeypatch.setattr(_notice, "PATIENCE", 1e9)
    said = []
    notice = _notice.Notice(said.append)
    notice.begin(kept=True)
    timer = notice._timer
    notice.begin(kept=False)
    notice.end()
    assert notice._timer is timer and not timer.finished.is_set()
    timer.function(*timer.args)  # as when the time has come
    notice.end()
    assert timer.finished.is_set() and notice._timer is None
    (line,) = said
    assert "disk" in line
    notice.begin(kept=False)
    assert notice._timer is None  # one word is enough
    notice.end()
    monkeypatch.setattr(_notice, "ENOUGH", -1.0)
    notice.begin(kept=False)
    notice._timer.function(*notice._timer.args)
    notice.end()
    assert "NUMBA_CACHE_DIR" in said[1]


def test_a_kernel_of_a_notebook_looks_on_and_a_shell_without_one_does_not(monkeypatch):
    for name in ("CI", "PYTEST_CURRENT_TEST", "MPACK_QUIET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    for shell, expected in ((SimpleNamespace(kernel=1), True), (SimpleNamespace(), False)):
        module = SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", module)
        assert _notice.somebody_looks_on() is expected
    monkeypatch.setattr(sys, "stderr", None)
    assert not _notice.somebody_looks_on()


# ------------------------------------------------------------------------------------------------
# other versions of numba


def test_a_missing_part_of_numba_is_named_with_the_version():
    for module, name in (("core.caching", "Nothing"), ("core.nothing", "x"), ("np", "a.b")):
        expected = f"mpack needs {_jit.FITTING}; this is numba {numba.__version__}, which lacks "
        with pytest.raises(ImportError, match=re.escape(f"{expected}numba.{module}.{name}")):
            _jit._part(module, name)


@pytest.mark.parametrize("part", ["FunctionCache", "CompileResultCacheImpl", "locators"])
def test_where_our_cache_cannot_be_made_numbas_own_serves(monkeypatch, folder, part):
    for name in [part] if part != "locators" else [f"{place}CacheLocator" for place in PLACES]:
        monkeypatch.delattr(caching, name, raising=False)
        monkeypatch.delattr(caching, f"_{name}", raising=False)
    assert _jit._wing_cache() is None
    monkeypatch.undo()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    monkeypatch.setattr(_jit, "_WingCache", None)
    for _ in range(2):
        compiled = _jit.njit(_twice)
        assert compiled(21) == 42
    assert hits(compiled) == 1


def test_locators_are_found_under_either_name(monkeypatch):
    """Public since numba 0.62."""
    public = [hasattr(caching, f"{place}CacheLocator") for place in PLACES]
    old, new = ("", "_") if all(public) else ("_", "")
    for place in PLACES:
        locator = getattr(caching, f"{old}{place}CacheLocator")
        monkeypatch.setattr(caching, f"{new}{place}CacheLocator", locator, raising=False)
        monkeypatch.delattr(caching, f"{old}{place}CacheLocator")
    assert [locator.__name__ for locator in _jit._locators()] == [f"_Wing{p}" for p in PLACES]


@pytest.mark.skipif(not PYPROJECT.exists(), reason="an installed library has no pyproject.toml")
def test_the_stated_range_is_that_of_the_package():
    stated = tomllib.loads(PYPROJECT.read_text(encoding="utf8"))["project"]["dependencies"]
    assert _jit.FITTING in stated


@pytest.mark.slow
def test_inner_parts_of_numba_are_used_in_one_file():
    """By name: what numba documents may be imported anywhere in the wing, everything else in `_jit` alone."""
    documented = {"numba", "numba.types", "numba.extending.intrinsic", "numba.extending"}
    inner = (
        r"\bcgutils\b|\bpopulate_array\b|\bcaching\b|\._cache\b|\b_nrt\b|\.py_func\b|make_array\b"
    )
    for path in LIBRARY.rglob("*.py"):
        if path.name == "_jit.py":
            continue
        text = path.read_text(encoding="utf8")
        assert re.findall(inner, text) == [], path
        for node in ast.walk(ast.parse(text)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            used = {name for name in names if name.split(".")[0] == "numba"}
            assert used <= documented, path
            assert not used or path.parent.name == "_kernels", path


# ------------------------------------------------------------------------------------------------
# not compiled, and checked

SMALL = """
import json, mpack, mpack._crew
mpack._crew.WORTH = 0  # all threads from the beginning
told = {}
for dim, rule in ((2, mpack.PairwiseBRO(eps=0.1)), (3, mpack.SGD(alpha=0.1, batch_size=9))):
    start = mpack.Packing.random(n=30, phi=0.5, dim=dim, seed=1)
    run = mpack.simulate(start, rule, steps=8, seed=3, record=mpack.every(4), threads=THREADS)
    told[dim] = [run.digest, *map(float, run.energy)]
    bodies = mpack.Packing.random(n=30, phi=0.4, dim=dim, seed=1, axes=(1.5, 1, 1)[:dim])
    told[-dim] = mpack.simulate(bodies, rule, steps=3, seed=3).digest
told["pairs"] = len(start.overlaps()[0])
print(json.dumps(told))
"""


@pytest.mark.slow
def test_plain_python_computes_the_same(tmp_path):
    """With NUMBA_DISABLE_JIT=1, for debuggers and coverage: the kernels themselves, run by the interpreter."""
    one, two = (SMALL.replace("THREADS", threads) for threads in "12")
    compiled = json.loads(program(one))
    assert compiled["2"] != compiled["3"]
    assert json.loads(program(one, NUMBA_DISABLE_JIT="1")) == compiled
    if (
        np.lib.NumpyVersion(np.__version__) >= "2.2.0"
    ):  # before, threads promote integers as NumPy 1 did
        assert json.loads(program(two, NUMBA_DISABLE_JIT="1")) == compiled


BEYOND = """
import numpy as np
from mpack._kernels import machine, memory
from mpack._kernels._jit import bare

@bare(entry=True)
def entry_of(address, k):
    return machine.as_int32(address)[k]

one = np.arange(10, dtype=np.int32)
memory.enter(one)
at = np.uint64(one.ctypes.data)
four = np.uint64(4)
tries = [(at, 9), (at + four, 8), (at, 10), (at + four, 9), (np.uint64(0), 0), (np.uint64(64), 0)]
for address, k in tries:
    try:
        print(entry_of(address, np.uint64(k)), end=" ")
    except IndexError:
        print("beyond", end=" ")
del one
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["MPACK_CHECKED", "NUMBA_DISABLE_JIT"])
def test_a_checked_kernel_does_not_leave_its_array(how):
    """Also from an address inside it, and where there is no array."""
    assert program(BEYOND, **{how: "1"}).split() == ["9", "9"] + ["beyond"] * 4


FAILING = """
import mpack
from mpack import _engine
start = mpack.Packing.random(n=300, phi=0.5, dim=2, seed=1)
engine = _engine.Engine(start, mpack.PairwiseBRO(eps=0.1).recipe(), 1, threads=2)
engine.lists["first"] = engine.lists["first"][:200].copy()
try:
    engine.advance(50)
except (IndexError, RuntimeError) as error:
    print(type(error).__name__)
"""


def test_a_thread_that_fails_does_not_leave_the_others_waiting():
    assert program(FAILING, NUMBA_DISABLE_JIT="1").split() == ["IndexError"]


# ------------------------------------------------------------------------------------------------
# importing


def test_importing_mpack_loads_nothing_heavy():
    code = (
        "import mpack, sys; mpack.Packing; mpack.PairwiseBRO; mpack.simulate; print(*sys.modules)"
    )
    loaded = program(code).split()
    assert "mpack.simulation" in loaded
    heavy = {"numba", "scipy", "pandas", "gsd", "dask", "matplotlib", "ipywidgets", "tqdm"}
    assert not heavy & set(loaded)
