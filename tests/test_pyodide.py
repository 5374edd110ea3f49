"""`make pyodide`: only what was pinned is taken, and pages are told what is there."""

import functools
import hashlib
import http.server
import json
import threading

import pytest
from bookpages import ROOT

from book._tools import pyodide

CORE = {"a.mjs": b"export {}", "b.wasm": b"\0asm"}
MORE = {"numpy.whl": b"PK"}


def pinned(files):
    return {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()
    }


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Small files in place of the real ones, and the folder that they are kept in."""
    monkeypatch.setattr(pyodide, "FILES", pinned(CORE))
    monkeypatch.setattr(pyodide, "EXTRA", pinned(MORE))
    kept = tmp_path / "kept"
    for name, content in CORE.items():
        pyodide.take(content, name, pyodide.FILES[name], kept)
    return kept


def test_what_is_not_the_pinned_file_is_refused(small, tmp_path):
    for wrong in (b"export {};", b"export []", b""):
        with pytest.raises(
            ValueError, match=r"a\.mjs has \d+ bytes, SHA-256 \w{64}; 9, \w{64} wanted"
        ):
            pyodide.take(wrong, "a.mjs", pyodide.FILES["a.mjs"], tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert pyodide.has(small, pyodide.FILES)
    (small / "b.wasm").write_bytes(b"\0asn")
    assert not pyodide.has(small, pyodide.FILES)


def test_pages_are_told_what_is_there(small, tmp_path):
    beside = tmp_path / "beside"
    beside.mkdir()
    told = lambda: json.loads((beside / pyodide.MANIFEST).read_text())
    assert pyodide.place(beside, tmp_path / "nothing") is None
    assert told()["carried"] is None and not (beside / "pyodide").exists()
    assert pyodide.place(beside, small) == told()["carried"] == {"numpy": False}
    assert {path.name for path in (beside / "pyodide").iterdir()} == set(CORE)
    (beside / "pyodide" / "a.mjs").write_bytes(b"broken")  # is mended
    (small / "numpy.whl").write_bytes(MORE["numpy.whl"])
    assert pyodide.place(beside, small) == {"numpy": True}
    assert (beside / "pyodide" / "a.mjs").read_bytes() == CORE["a.mjs"]
    files = told()["files"]
    assert files["b.wasm"] == {"bytes": 4, "sha256": hashlib.sha256(b"\0asm").hexdigest()}
    assert [name for name, one in files.items() if one.get("numpy")] == ["numpy.whl"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Requests are not news."""


def test_numpy_is_taken_where_it_can_be_had_and_done_without_elsewhere(small, tmp_path, capsys):
    site = tmp_path / "site"
    site.mkdir()
    serve = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{server.server_address[1]}/"
        assert pyodide.fetch_numpy(small, at) is False
        assert "NumPy could not be fetched" in capsys.readouterr().out
        (site / "numpy.whl").write_bytes(b"PK and more")
        with pytest.raises(ValueError, match=r"numpy\.whl has 3 bytes"):
            pyodide.fetch_numpy(small, at)
        (site / "numpy.whl").write_bytes(MORE["numpy.whl"])
        assert pyodide.fetch_numpy(small, at) is True
        assert pyodide.has(small, pyodide.EXTRA)
        server.shutdown()
    assert pyodide.fetch_numpy(small, "http://127.0.0.1:9/") is False


def test_without_npm_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(pyodide.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="npm was not found"):
        pyodide.fetch_core(tmp_path)


def test_it_is_light_pinned_and_out_of_git():
    files = pyodide.FILES | pyodide.EXTRA
    assert sum(size for size, _ in files.values()) < 20e6
    assert all(len(digest) == 64 for _, digest in files.values())
    assert (
        pyodide.CORE_AT.startswith(f"https://{pyodide.HOST}/")
        and pyodide.VERSION in pyodide.CORE_AT
    )
    assert pyodide.KEPT.relative_to(ROOT).parts[0] == "_build"


@pytest.mark.skipif(
    not pyodide.has(pyodide.KEPT, pyodide.FILES), reason="no Pyodide here: run `make pyodide` once"
)
def test_numpy_s_pin_is_the_one_of_pyodide_s_own_list():
    listed = json.loads((pyodide.KEPT / "pyodide-lock.json").read_text())["packages"]["numpy"]
    assert listed["file_name"] == pyodide.NUMPY
    assert listed["sha256"] == pyodide.EXTRA[pyodide.NUMPY][1]
