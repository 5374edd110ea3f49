"""How kernels are compiled and imported: nowhere to write a cache, stale caches, what an import costs."""

import subprocess
import sys

import numba.core.caching

from book._tools.execute import FIRST_STEP
from mpack import _engine
from mpack._kernels import _jit


def _twice(x):
    return 2 * x


def test_without_a_place_for_a_cache_kernels_compile_in_memory(monkeypatch):
    monkeypatch.setattr(_jit._WingCacheImpl, "_locator_classes", [])
    for compiled in (_jit.njit(_twice), _jit.bare(_twice, entry=True)):
        assert isinstance(compiled._cache, numba.core.caching.NullCache)
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


def test_the_first_step_of_a_build_compiles_the_step_in_its_dimension(monkeypatch):
    called = []
    real = _engine.advance
    monkeypatch.setattr(
        _engine, "advance", lambda *arguments: called.append(arguments[0]) or real(*arguments)
    )
    for dim in (2, 3):
        exec(FIRST_STEP.format(dim))
    assert {len(dimensions) for dimensions in called} == {2, 3}


def test_importing_mpack_loads_nothing_heavy():
    code = (
        "import mpack, sys; mpack.Packing; mpack.PairwiseBRO; mpack.simulate; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "mpack.simulation" in loaded
    assert not {
        "numba",
        "scipy",
        "pandas",
        "gsd",
        "dask",
        "matplotlib",
        "ipywidgets",
        "tqdm",
    } & set(loaded)
