"""Programs that a reader edits and runs in a page: the directive, its scripts, and what came of them at the build.

A program stands in `book/programs`, and so does what runs it: `watched.py` takes its text, here and
in the page, where `worker.js` has Pyodide and `page.js` the editor and the library's kernel. The
packages of Pyodide are `pyodide.py`'s affair; a page without them, without http or without scripts
shows the program and what it printed when the page was made.
"""

import contextlib
import functools
import html
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
from docutils import nodes
from docutils.parsers.rst import Directive, directives

import mpack
from mpack.widgets import _sources

from . import places, pyodide

PROGRAMS = places.ROOT / "book" / "programs"
FOLDER = "mpack-program"  # of the scripts, among the static files
STYLE = "program.css"
HOLDER = 'class="mpack-live-program"'
START = """(() => {
  const base = new URL("./", document.currentScript.src).href;
  mpackFigures.add("program", %s);
  for (const node of document.querySelectorAll(".mpack-live-program")) {
    Object.assign(node.dataset, { module: "program", base });
    mpackFigures.mount(node);
  }
})();
"""


def text_of(name):
    """The text of a program, or of what runs it."""
    return (PROGRAMS / name).read_text(encoding="utf8")


@functools.cache
def watched():
    """The module that runs a program, taken from where it lies."""
    spec = importlib.util.spec_from_file_location("watched", PROGRAMS / "watched.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(text):
    """(what `watched.run` tells of a program, what it printed)."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        told = json.loads(watched().run(text))
    return told, printed.getvalue()


def digest(told):
    """The library's digest of the coordinates that a program left."""
    return mpack.packing.digest_of(np.array(told["x"], dtype=object).astype(np.int64))


def library(numbers, dim=2):
    """The library's run with the numbers that a program left, in a box of the same edge to the last bit."""
    n, steps, seed = (int(numbers[name]) for name in ("n", "steps", "seed"))
    start = mpack.Packing.random(n=n, phi=float(numbers["phi"]), dim=dim, seed=seed)
    if start.box != float(numbers["box"]):  # floats round otherwise
        start = mpack.Packing.from_fixed(start.fixed, box=float(numbers["box"]))
    rule = mpack.SGD(alpha=float(numbers["alpha"]), batch_fraction=float(numbers["batch"]))
    return mpack.simulate(start, rule, steps=steps, seed=seed, record=mpack.every(10))


# ------------------------------------------------------------------------------------------------
# the directive


class Program(Directive):
    """A program with what it printed, which comes alive in the page; further ones may be chosen there.

    ```{mpack-program} twenty_lines.py Plain Python
    :name: twenty-lines
    :also: twenty_lines_numpy.py With NumPy
    ```
    """

    required_arguments, optional_arguments, final_argument_whitespace = 1, 1, True
    option_spec = {"name": directives.unchanged_required, "also": directives.unchanged}

    def run(self):
        listed = [(self.arguments[0], self.arguments[1])]
        if "also" in self.options:
            listed.append(tuple(self.options["also"].split(maxsplit=1)))
        environment = self.state.document.settings.env
        for name in [*(name for name, _ in listed), "watched.py"]:
            environment.note_dependency(str(PROGRAMS / name))
        programs = [(title, text_of(name).rstrip()) for name, title in listed]
        holder = (
            f'<div {HOLDER} data-programs="{html.escape(json.dumps(programs))}" '
            f'data-watched="{html.escape(text_of("watched.py"))}"></div>'
        )
        box = nodes.container(classes=["mpack-program"])
        box += [nodes.raw("", holder, format="html"), *self.still(programs[0][1])]
        self.add_name(box)
        return [box]

    def still(self, text):
        """The program as it stands, and what came of it when the page was made."""
        told, printed = run(text)
        if told["error"]:
            raise self.error(f"mpack-program: {told['error']['trace']}")
        own, wanted = digest(told), library(told["numbers"]).digest
        if own != wanted:
            raise self.error(f"mpack-program: the digest is {own}, and the library's {wanted}")
        code = nodes.literal_block(text, text, language="python", linenos=True)
        made = nodes.container(classes=["mpack-made"])
        words = "What it printed when this page was made, step and activity:"
        made += nodes.paragraph("", words)
        made += nodes.literal_block(printed, printed, language="text")
        last = nodes.paragraph("", f"After {told['numbers']['steps']} steps the digest of ")
        last += [nodes.literal("", "x"), nodes.Text(" is "), nodes.literal("", own)]
        last += nodes.Text(", and so is that of the library's run.")
        made += last
        return [code, made]


# ------------------------------------------------------------------------------------------------
# scripts


def scripts():
    """What a page with a program loads beside the figures' shared script: {file name: text}."""
    pieces = json.dumps(_sources.with_kernel(text_of("page.js")), ensure_ascii=False)
    return {"program.js": START % pieces, "worker.js": text_of("worker.js")}


def write_scripts(app, config):
    """Put them among the static files."""
    if not PROGRAMS.exists():  # a book without programs
        return
    folder = places.BUILD / "vendor_static" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in scripts().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf8") != text:
            path.write_text(text, encoding="utf8")


def load_scripts(app, pagename, templatename, context, doctree):
    """A page with a program loads its scripts and its style; no other page does."""
    if HOLDER not in (context.get("body") or ""):
        return
    app.add_js_file("mpack-figures/shared.js", priority=800, loading_method="defer")
    app.add_js_file(f"{FOLDER}/program.js", priority=900, loading_method="defer")
    app.add_css_file(STYLE)


def finish(app, error):
    """Say beside the pages where Python is, and put it there if it was fetched before."""
    folder = Path(app.outdir) / "_static" / FOLDER
    if not error and app.builder.name == "html" and folder.exists():
        pyodide.place(folder)


def setup(app):
    """Called by `sphinxext.setup`."""
    app.add_directive("mpack-program", Program)
    app.connect("config-inited", write_scripts)
    app.connect("html-page-context", load_scripts)
    app.connect("build-finished", finish)
