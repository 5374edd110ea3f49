"""`make book` from the inside, in a temporary folder: a failed build leaves no book and is not forgotten.

Whole builds run as if on the worst of machines: without a home, where text is ASCII by default, and
on a clock that goes back.
"""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import storms

ROOT = Path(__file__).resolve().parents[1]
WITHOUT = shutil.ignore_patterns("__pycache__")


@pytest.fixture
def tree(tmp_path):
    """The real frame and library around two pages, one of them a chapter."""
    root = tmp_path / "a book"
    for folder in ("book/_tools", "book/_static", "book/_templates", "mpack"):
        shutil.copytree(ROOT / folder, root / folder, ignore=WITHOUT)
    for module in (ROOT / "book").glob("*.py"):
        shutil.copy(module, root / "book")
    for name in (
        "_config.yml",
        "requirements.txt",
        "book/references.bib",
        "book/claims.md",
        "book/bibliography.md",
    ):
        shutil.copy(ROOT / name, root / name)
    (root / "book/scoreboard.yaml").write_text("[]\n")  # no paper states anything of these pages
    (root / "book/controls.yaml").write_text("{}\n")
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/preface\nchapters:\n- file: notebooks/short\n"
        "- file: book/claims\n- file: book/bibliography\n"
    )
    (root / "book/preface.md").write_text("# Preface\n\nSee [](../notebooks/short.ipynb).\n")
    (root / "notebooks").mkdir()
    return root


def chapter(root, text, code):
    def cell(kind, source, **more):
        return {
            "cell_type": kind,
            "id": f"c{len(source)}",
            "metadata": {},
            "source": source,
            **more,
        }

    cells = [cell("markdown", text), cell("code", code, outputs=[], execution_count=None)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (root / "notebooks/short.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
    )


def begun(root, **options):
    """A build; its page runs no kernel of the library, so none is compiled for a tree elsewhere."""
    environment = storms.environment(NUMBA_DISABLE_JIT="1")
    return subprocess.Popen(
        [sys.executable, "-m", "book._tools.build"],
        **{"cwd": root, "env": environment, "stdout": subprocess.PIPE},
        **{"stderr": subprocess.STDOUT, "encoding": "utf8", "start_new_session": True, **options},
    )


def build(root, **options):
    """(exit code, output) of a build."""
    with begun(root, **options) as process:
        output = process.communicate()[0]
    return process.returncode, output


CODE = """from book import chapters
chapters.record({"half": (0.5, 0.01, 4)})
chapters.claims(("half", "It is a half.", (0.5, 0.01, 4), chapters.within(0.5, 0.1)));"""


def test_a_build_from_nothing_to_a_failure_and_back(tree):
    page = tree / "_build/html/notebooks/short.html"

    chapter(tree, "# Short\n\nMeasured: {measured}`half`, and {measured}`nothing`.", CODE)
    for _ in range(2):  # a warning is not forgotten by building again
        code, output = build(tree)
        assert code == 1 and "no number 'nothing' was recorded" in output and "NOT built" in output
        assert not page.exists()

    chapter(tree, "# Short\n\nMeasured: {measured}`half`.", CODE)
    code, output = build(tree)
    assert code == 0, output
    assert "Open   file://" in output and "a%20book/_build/html/index.html" in output
    words = page.read_text().replace("\xa0", " ")  # a number does not break
    assert 'Measured: <span class="mpack-measured">0.500 ± 0.010</span>' in words
    (claim,) = json.loads((tree / "_build/claims.json").read_text())["claims"]
    assert (claim["chapter"], claim["verdict"]) == ("notebooks/short", "agrees")
    assert "short.html#claim-half" in (tree / "_build/html/book/claims.html").read_text()

    chapter(tree, "# A longer title\n\nMeasured: {measured}`half`.", CODE)
    assert build(tree)[0] == 0
    assert (
        "A longer title" in (tree / "_build/html/book/bibliography.html").read_text()
    )  # in its margin

    chapter(tree, "# Short", "raise RuntimeError('the sky fell')")
    code, output = build(tree)
    assert code == 1 and "the sky fell" in output
    assert not (tree / "_build/html").exists()


# ------------------------------------------------------------------------------------------------
# two at once, killed, interrupted, without a place to write

WAITS = """import os
import pathlib
import time
pathlib.Path("../kernel").write_text(str(os.getpid()))
while not pathlib.Path("../on").exists():
    time.sleep(0.05)"""


def wait_for(condition):
    """Wait until it holds; a minute is for machines with much else to do."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(process):
    """Whether a process, known by its number, is at work yet."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def children(process):
    """Numbers of all processes that one has started, directly or not."""
    of = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            of.setdefault(int(path.read_text().rsplit(")", 1)[1].split()[1]), []).append(
                int(path.parent.name)
            )
    found = list(of.get(process, []))
    for one in found:
        found += of.get(one, [])
    return found


def in_its_cell(root, process):
    """Wait until the chapter of a build runs; all its processes."""
    wait_for(lambda: (root / "kernel").exists() and (root / "kernel").read_text())
    kernel, found = int((root / "kernel").read_text()), children(process.pid)
    (root / "kernel").unlink()
    assert kernel in found and len(found) >= 2
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_a_second_build_waits_for_the_first_and_a_killed_one_leaves_nothing_behind(tree):
    chapter(tree, "# Short", WAITS)
    first = begun(tree)
    others = in_its_cell(tree, first)
    with begun(tree) as second:
        assert "Another `make` is at work in this tree" in second.stdout.readline()
        first.kill()
        wait_for(lambda: not any(map(alive, others)))
        (tree / "on").touch()
        output = second.communicate()[0]
    assert second.returncode == 0 and "Built the book" in output, output
    assert (tree / "_build/html/notebooks/short.html").exists()
    first.communicate()

    (tree / "on").unlink()
    (tree / "kernel").unlink()
    chapter(tree, "# Short", WAITS + "\n")
    with begun(tree) as third:
        others = in_its_cell(tree, third)
        third.send_signal(signal.SIGINT)
        output = third.communicate()[0]
    assert third.returncode == 130 and "Interrupted: the book was NOT built" in output, output
    wait_for(lambda: not any(map(alive, others)))
    assert not (tree / "_build/html").exists()


def test_a_build_without_room_or_leave_to_write_says_so(tree):
    chapter(tree, "# Short", "")
    code, output = build(tree, preexec_fn=storms.room_for(2048))
    assert code == 1 and "File too large" in output and "NOT built" in output, output
    assert not (tree / "_build/html").exists() and not (tree / "_build/complete.txt").exists()
    shutil.rmtree(tree / "_build")
    with storms.read_only(tree) as as_anyone:
        code, output = build(tree, preexec_fn=as_anyone)
    assert code == 1 and "NOT built" in output and "Traceback" not in output, output
