"""Which chapters are run, and when: a small book in a temporary folder, driven as `make book` drives it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book._tools.execute import FIRST_STEP
from mpack import _engine

ROOT = Path(__file__).resolve().parents[1]


class Book:
    """A tree with the real tools, a two-module library and three notebooks."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(
            ROOT / "book/_tools", root / "book/_tools", ignore=shutil.ignore_patterns("__pycache__")
        )
        self.write("book/__init__.py", "")
        self.write("mpack/__init__.py", "")
        self.write("mpack/one.py", "VALUE = 1\n")
        self.write("mpack/two.py", "VALUE = 2\n")
        self.write("requirements.txt", "numpy\n")
        self.write("book/results/data.csv", "3\n")
        # The first reads the text of `two` without importing it, as the kernels' cache does: no
        # dependency.
        read = "from pathlib import Path\nPath(one.__file__).with_name('two.py').read_text()"
        self.chapter("first", f"from mpack import one\n{read}\nprint(one.VALUE)")
        self.chapter(
            "second",
            "from mpack import two\nfrom pathlib import Path\n"
            "print(two.VALUE, Path(two.__file__).parents[1].joinpath('book/results/data.csv').read_text())",
        )
        self.contents("first", "second")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def chapter(self, name, code):
        cells = [
            {
                "cell_type": "code",
                "id": "a",
                "metadata": {"tags": ["parameters"]},
                "source": "n = 1",
                "outputs": [],
                "execution_count": None,
            },
            {
                "cell_type": "code",
                "id": "b",
                "metadata": {},
                "source": code,
                "outputs": [],
                "execution_count": None,
            },
        ]
        kernel = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
        self.write(
            f"notebooks/{name}.ipynb",
            json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}),
        )

    def contents(self, *names):
        files = "".join(f"  - file: notebooks/{name}\n" for name in names)
        self.write("_toc.yml", f"format: jb-book\nroot: book/preface\nchapters:\n{files}")

    def execute(self, *names):
        """Run what is due, of all or of `names`: (exit code, chapters run, output)."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, "-m", "book._tools.execute", *names],
            cwd=self.root,
            text=True,
            capture_output=True,
            env=environment,
            check=False,
        )
        ran = {
            line.split("notebooks/")[1].split(".ipynb")[0]
            for line in done.stdout.splitlines()
            if "to run" in line
        }
        return done.returncode, ran, done.stdout + done.stderr

    def result(self, name):
        return self.root / f"_build/executed/notebooks/{name}.ipynb"


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path / "a book with spaces")


def test_a_chapter_that_there_is_not_is_named_before_any_is_run(book):
    code, ran, said = book.execute("notebooks/first.ipynb", "notebooks/fifth.ipynb")
    assert code != 0 and not ran and not book.result("first").exists()
    assert "No such chapter: notebooks/fifth.ipynb." in said and "notebooks/second.ipynb" in said


def test_only_what_depends_on_a_change_is_run_again(book):
    assert book.execute()[:2] == (0, {"first", "second"})
    took = json.loads(book.result("first").with_suffix(".made.json").read_text())
    assert 0 < took["seconds"] < 600 and (os.name == "nt" or 1e7 < took["peak memory"] < 4e9)
    assert book.execute()[:2] == (0, set())

    os.utime(book.root / "mpack/one.py")  # a new date alone changes nothing
    book.write("mpack/two.py", "VALUE = 20\n")
    code, ran, output = book.execute()
    assert (code, ran) == (0, {"second"}), output
    assert "mpack/two.py changed" in output
    assert "20 3" in book.result("second").read_text()

    book.write("book/results/data.csv", "30\n")
    book.chapter("first", "from mpack import one\nprint(-one.VALUE)")
    assert book.execute()[:2] == (0, {"first", "second"})
    assert "20 30" in book.result("second").read_text()

    book.result("first").write_text(
        book.result("first").read_text() + " "
    )  # not the copy that was made
    book.contents("first")
    assert book.execute()[:2] == (0, {"first"})
    assert not book.result("second").exists()

    book.write("requirements.txt", "numpy\nscipy\n")
    assert book.execute()[:2] == (0, {"first"})


def test_a_failed_chapter_leaves_its_traceback_and_no_page(book):
    assert book.execute()[0] == 0
    book.chapter("second", "print('so far')\nraise RuntimeError('the sky fell')")
    code, ran, output = book.execute()
    assert (code, ran) == (1, {"second"})
    assert (
        "RuntimeError: the sky fell" in output and "_build/failed/notebooks/second.ipynb" in output
    )
    assert not book.result("second").exists()
    assert "so far" in (book.root / "_build/failed/notebooks/second.ipynb").read_text()
    assert book.execute()[:2] == (1, {"second"})  # tried again until it works

    book.chapter("second", "import warnings\nwarnings.warn('thin ice')")
    code, _, output = book.execute()
    assert code == 1 and "thin ice" in output and not book.result("second").exists()


def test_a_file_that_was_missing_and_turns_up(book):
    book.chapter(
        "first",
        "from pathlib import Path\nhome = Path('..').resolve()\n"
        "try:\n    print((home / 'book/results/late.csv').read_text())\n"
        "except OSError:\n    print('none yet')",
    )
    book.contents("first")
    assert book.execute()[:2] == (0, {"first"})
    book.write("book/results/late.csv", "here\n")
    assert book.execute()[:2] == (0, {"first"})
    assert "here" in book.result("first").read_text()


def test_the_first_step_of_a_build_compiles_the_step_in_its_dimension(monkeypatch):
    called = []
    real = _engine.advance
    monkeypatch.setattr(
        _engine, "advance", lambda *arguments: called.append(arguments[0]) or real(*arguments)
    )
    for dim in (2, 3):
        exec(FIRST_STEP.format(dim))
    assert {len(dimensions) for dimensions in called} == {2, 3}
