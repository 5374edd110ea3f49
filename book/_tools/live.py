"""`make voila`: the chapters and the classroom as live pages, in large type, served by Voila.

    python -m book._tools.live           writes the notebooks to _build/live and serves them
    python -m book._tools.live write     writes them only

The classroom is the book's page of that name (`book/playground.md`), turned into a notebook: each
figure becomes a live one, each numbered list that sets a figure a tour, and each prediction a
question that wants an answer before it gives its own. The chapters are copied without exercises'
solutions, with the book's roles written out. Nothing is kept twice.
"""

import json
import os
import sys
from pathlib import Path

from . import classroom, lesson, places
from .places import BUILD, ROOT, relative, say
from .roles import numbers_of

FOLDER = BUILD / "live"
LESSON = "book/playground.md"
PORT = 8866
TEMPLATES = Path(__file__).with_name("jupyter")  # of Voila's page; as Jupyter looks for them
# Large type, for the last row of a class; figures and controls grow with it.
LARGE = """<style>
:root { --jp-content-font-size1: 21px; --jp-widgets-font-size: 19px; --jp-code-font-size: 16px; }
.jp-RenderedHTMLCommon, .widget-html-content, .widget-htmlmath-content { font-size: 21px; line-height: 1.5; }
.widget-html-content, .widget-htmlmath-content { white-space: normal; }
.widget-button, .jupyter-button { font-size: 19px; border-radius: 10px; padding: 0 16px; line-height: 1.2; }
.jp-OutputPrompt, .jp-InputPrompt { display: none !important; }
.jp-Cell { max-width: 1180px; margin: 0 auto !important; }
.mpk.mpk { --mpk-size: 19px; }
</style>"""


# Chapters
# ------------------------------------------------------------------------------------------------------


def chapter(path, numbers):
    """A chapter as a notebook for Voila: a student's copy without the cells to fill in, its roles written out."""
    whole = json.loads(Path(path).read_text(encoding="utf8"))
    made = classroom.copy(whole, "student", {}, numbers)
    cells = [
        _quiet(cell) if cell["metadata"].get("jupyter", {}).get("source_hidden") else cell
        for cell in made["cells"]
        if not "".join(cell["source"]).startswith("# your solution")
    ]
    return _notebook(made, [_quiet(lesson.code_cell(f"%%html\n{LARGE}")), *cells])


def _quiet(cell):
    """A code cell of which Voila shows only what it gives."""
    return {**cell, "metadata": {**cell["metadata"], "transient": {"remove_source": True}}}


def _notebook(like, cells):
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place + 1:02d}"
    return {**like, "cells": cells}


# The classroom
# -------------------------------------------------------------------------------------------------


WELCOME = """# The classroom

Figures that compute while you watch, and questions that come before their answers. The buttons below a figure set it to the state that the text beside them speaks of; from there it is yours."""
LARGER = """## Larger than the page

The figures above compute in your browser. With a kernel, as here, the library itself can run: more particles, three dimensions and beyond. Say first what you expect: at which packing fraction does the activity of three-dimensional spheres no longer fall to zero?"""
FLOOD = """### Ten thousand spheres, while you turn them

The same, as a picture that moves. Before you press *Run*: below the transition the activity dies out in knots. Will you see knots above it as well?"""
DRIVE = """many = mpack.Packing.random(n=10_000, phi=0.6, dim=3, seed=1)
mpack.widgets.drive(many, mpack.PairwiseBRO(eps=0.05), stride=10, slab=0.3)"""
EXPLORER = """start = mpack.Packing.random(n=2000, phi=0.6, dim=3, seed=1)
mpack.widgets.explore(start, mpack.SGD(alpha=0.1, batch_fraction=0.75))"""


def classroom_notebook():
    """The lesson as a notebook."""
    text = (ROOT / LESSON).read_text(encoding="utf8")
    text = text[text.index("\n## ") :]  # what stands before is about the page in the book
    first = [lesson.code_cell(f"import mpack\nfrom IPython.display import HTML\n\nHTML({LARGE!r})")]
    cells = [*first, lesson.text_cell(WELCOME), *lesson.Lesson({}).cells(text)]
    cells += [lesson.text_cell(LARGER), lesson.code_cell(EXPLORER)]
    cells += [lesson.text_cell(FLOOD), lesson.code_cell(DRIVE)]
    cells = [_quiet(cell) if cell["cell_type"] == "code" else cell for cell in cells]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    empty = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel}
    return _notebook(empty, cells)


def write(folder=FOLDER):
    """Write the classroom and all chapters as notebooks; returns their paths, the classroom first."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = {"Classroom.ipynb": classroom_notebook()}
    for name in places.chapters():
        executed = places.EXECUTED / name
        made[Path(name).name] = chapter(
            ROOT / name, numbers_of(executed) if executed.exists() else {}
        )
    for path in folder.glob("*.ipynb"):
        if path.name not in made:
            path.unlink()
    for name, notebook in made.items():
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf8")
    return [folder / name for name in made]


def arguments(folder=FOLDER, options=()):
    """The command that serves the notebooks."""
    heated = {
        "default": {"pool_size": 0},
        "Classroom.ipynb": {"pool_size": 1},
    }  # its kernel waits for the first visitor, with all figures made
    fixed = [
        "--preheat_kernel=True",
        "--VoilaConfiguration.default_pool_size=0",
        "--strip_sources=False",
    ]
    fixed += ["--template=classroom"]  # in TEMPLATES: nothing is asked of another host
    fixed += [f"--VoilaKernelManager.kernel_pools_config={heated}"]
    return [
        sys.executable,
        "-m",
        "voila",
        str(folder),
        *fixed,
        *(options or ["--Voila.ip=127.0.0.1", f"--port={PORT}"]),
    ]


def settings():
    """Environment variables for the server."""
    paths = [str(TEMPLATES), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    return places.settings() | {"JUPYTER_PATH": os.pathsep.join(paths)}


def main(given):
    if given[:1] not in ([], ["write"]) and not given[0].startswith("-"):
        say("Usage: python -m book._tools.live [write | options of Voila]")
        return 2
    written = write()
    say(f"Wrote the classroom and {len(written) - 1} chapters to {relative(FOLDER)}/")
    if given[:1] == ["write"]:
        return 0
    os.environ.update(settings())
    command = arguments(options=given)
    say(f"Voila serves them at http://127.0.0.1:{PORT}/  (Ctrl-C ends)")
    os.chdir(ROOT)
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
