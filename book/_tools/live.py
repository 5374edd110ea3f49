"""`make voila`: the chapters and the classroom as live pages, in large type, served by Voila.

    python -m book._tools.live           writes the notebooks to _build/live and serves them
    python -m book._tools.live write     writes them only

The classroom is the book's page of that name (`book/playground.md`), turned into a notebook: each
figure becomes a live one, the numbered list that sets it a tour at its side, and each prediction a
question that wants an answer before it gives its own. The chapters are copied without exercises'
solutions, with the book's roles written out. Nothing is kept twice.
"""

import html
import json
import os
import re
import sys
from pathlib import Path

from mpack.widgets import _sources

from . import classroom, places
from .places import BUILD, ROOT, relative, say
from .roles import FENCE, numbers_of, plain

FOLDER = BUILD / "live"
LESSON = "book/playground.md"
PORT = 8866
TEMPLATES = Path(__file__).with_name("jupyter")  # of Voila's page; as Jupyter looks for them
SET = re.compile(r"\{mpack-set\}`(.+?)\s*<([a-z0-9-]+):([^`]*)>`", re.DOTALL)
ITEMS = re.compile(r"(?:^\d+\. .*\n?)+", re.MULTILINE)
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
    made = classroom.copy(json.loads(Path(path).read_text(encoding="utf8")), "student", {})
    cells = []
    for cell in made["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cells.append(classroom.text_cell(plain(source, numbers)))
        elif not source.startswith("# your solution"):
            cells.append(_quiet(cell) if "hide-input" in cell["metadata"].get("tags", []) else cell)
    return _notebook(made, [_quiet(classroom.code_cell(f"%%html\n{LARGE}")), *cells])


def _quiet(cell):
    """A code cell of which Voila shows only what it gives."""
    return {**cell, "metadata": {**cell["metadata"], "transient": {"remove_source": True}}}


def _notebook(like, cells):
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place + 1:02d}"
    return {**like, "cells": cells}


# The classroom
# -------------------------------------------------------------------------------------------------


def lesson(text):
    """The classroom page (Markdown) as the cells of a notebook."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    def formula(content, options):
        return (
            f"\\[{html.escape(content)}\\]"
            if options["display_mode"]
            else f"\\({html.escape(content)}\\)"
        )

    markdown = MarkdownIt().use(dollarmath_plugin, renderer=formula)
    return list(_Lesson(markdown).cells(text))


class _Lesson:
    """Goes through the page and remembers which variable each figure has got, and the tour that stands beside it."""

    def __init__(self, markdown):
        self.markdown, self.figures, self.tours = markdown, {}, {}

    def cells(self, text):
        at = 0
        for items in ITEMS.finditer(text):
            for _, name, _ in SET.findall(items[0])[:1]:
                self.tours.setdefault(name, items[0])
        for fence in FENCE.finditer(text):
            yield from self.prose(text[at : fence.start()])
            at = fence.end()
            if fence["name"] == "mpack-widget":
                yield from self.figure(fence)
            elif fence["name"] == "admonition" and FENCE.search(fence["body"]):
                yield self.prediction(fence)
            else:
                yield classroom.text_cell(plain(fence[0], {}))
        yield from self.prose(text[at:])

    def prose(self, text):
        """Text, and tours where it has numbered lists that set figures."""
        at = 0
        for items in ITEMS.finditer(text):
            if not SET.search(items[0]):
                continue
            before, at = text[at : items.start()], items.end()
            if items[0] in self.tours.values():  # stands beside its figure; so does its heading
                yield from self.paragraphs(re.sub(r"\n#+ [^\n]*\n*$", "\n", before))
            else:
                yield from self.paragraphs(before)
                yield classroom.code_cell(self.tour(items[0]))
        yield from self.paragraphs(text[at:])

    def tour(self, items, beside=""):
        """The call for a numbered list."""
        stops = re.split(r"^\d+\. ", items, flags=re.MULTILINE)[1:]
        return f"mpack.widgets.tour([\n{''.join(self.stop(stop) for stop in stops)}]{beside})"

    def paragraphs(self, text):
        if not text.strip():
            return
        if SET.search(text) and self.figures:
            yield classroom.code_cell(f"mpack.widgets.tour([\n{self.stop(text)}])")
        else:
            yield classroom.text_cell(plain(text.strip("\n"), {}))

    def stop(self, text):
        """One stop of a tour: its words as HTML, and its links as (words, variable, state)."""
        links = [
            (words, self.figures[name], state.strip()) for words, name, state in SET.findall(text)
        ]
        words = plain(SET.sub(lambda link: f"*{link[1]}*", text.strip()), {})
        pairs = ", ".join(
            f"({self.label(words)!r}, {name}, {state!r})" for words, name, state in links
        )
        return f"    ({self.markdown.render(words)!r}, [{pairs}]),\n"

    def label(self, words):
        return re.sub(r"[$*\\]|\{|\}", "", plain(words, {}))

    def figure(self, fence):
        options = dict(re.findall(r":([\w-]+): *(.*)\n", fence["options"]))
        name = fence["title"].strip()
        variable = options["name"].removeprefix("fig-").replace("-", "_")
        self.figures[options["name"]] = variable
        state = _sources.from_text(name, options.get("state", ""))
        given = ", ".join(f"{key}={value!r}" for key, value in state.items())
        made = f"{variable} = mpack.widgets.{_sources.class_name(name)}({given})"
        items = self.tours.get(options["name"])
        shown = self.tour(items, f", beside={variable}") if items else variable
        yield classroom.code_cell(f"{made}\n{shown}")
        yield classroom.text_cell(plain(fence["body"].strip("\n"), {}))

    def prediction(self, fence):
        inner = FENCE.search(fence["body"])
        question = self.markdown.render(plain(fence["body"][: inner.start()].strip(), {}))
        head = f"<h3>{html.escape(fence['title'])}</h3>"
        answer = f"mpack.widgets.tour([\n{self.stop(inner['body'])}])"
        return classroom.code_cell(
            f"mpack.widgets.predict(\n    {head + question!r},\n    {answer},\n)"
        )


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
    first = [
        classroom.code_cell(f"import mpack\nfrom IPython.display import HTML\n\nHTML({LARGE!r})")
    ]
    cells = [*first, classroom.text_cell(WELCOME), *lesson(text)]
    cells += [classroom.text_cell(LARGER), classroom.code_cell(EXPLORER)]
    cells += [classroom.text_cell(FLOOD), classroom.code_cell(DRIVE)]
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
