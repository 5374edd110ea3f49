"""The library stands alone: the book imports it, and it never imports the book, nor looks for its checkout."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = sorted((ROOT / "mpack").rglob("*.py"))
LATE = ("matplotlib", "IPython", "sklearn", "scipy", "pandas", "numba")


def imported(path):
    """The top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_library_never_imports_the_book(path):
    assert not {"book", "notebooks", "tests"} & set(imported(path))


def test_the_arrow_is_seen():
    assert "mpack" in set(imported(ROOT / "book" / "reruns.py"))
    assert "book" in set(imported(ROOT / "book" / "_tools" / "audit.py"))


def test_importing_the_library_brings_nothing_heavy():
    code = f"import mpack, sys; print([name for name in {LATE} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout == "[]\n", done.stderr
