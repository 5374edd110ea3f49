"""`make book` from the inside, in a temporary folder: a failed build leaves no book and is not forgotten."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def build(root):
    """(exit code, output) of a build; its page runs no kernel, so none is compiled for a tree elsewhere."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["NUMBA_DISABLE_JIT"] = "1"
    done = subprocess.run(
        [sys.executable, "-m", "book._tools.build"],
        cwd=root,
        text=True,
        capture_output=True,
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


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
