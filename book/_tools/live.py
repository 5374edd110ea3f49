"""`make voila`: the chapters and the classroom as live pages, in large type, served by Voila.

    python -m book._tools.live           writes the notebooks to _build/live and serves them
    python -m book._tools.live write     writes them only

The classroom is the book's page of that name (`book/playground.md`), turned into a notebook: each
figure becomes a live one, the numbered list that sets it a tour at its side, and each prediction a
question that wants an answer before it gives its own. The chapters are copied without exercises'
solutions, with the book's roles written out. Nothing is kept twice.
"""

import base64
import html
import io
import json
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import yaml

from book.chapters import FIGURE

from . import bookkeeping, classroom, labels, lesson, places, together
from .interactive import VIEW
from .places import BUILD, ROOT, relative, say
from .roles import numbers_of

FOLDER = BUILD / "live"
LESSON = "book/playground.md"
TEMPLATE = "voila/templates/classroom"
GIVEN_PORT = re.compile(r"--(?:Voila\.)?port=(\d+)")
PORT = 8866  # or the next one that is free
TEMPLATES = Path(__file__).with_name("jupyter")  # of Voila's pages; as Jupyter looks for them
SHELF = BUILD / "live-templates"  # the same with the list of what there is
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


def chapter(path, executed):
    """A chapter as a notebook for Voila: what the book computed, and figures that are live.

    A student's copy without the cells to fill in. Where the book has been built, only those cells
    are run that make something to touch, and what they need; all others show what they gave.

    Parameters
    ----------
    path, executed : paths
        The chapter, and its executed copy, which may be missing.
    """
    whole, ran = _read(path), executed.exists()
    made = classroom.copy(whole, "student", {}, numbers_of(executed) if ran else {})
    cells = [
        cell for cell in made["cells"] if not "".join(cell["source"]).startswith("# your solution")
    ]
    cells = list(_as_run(cells, _read(executed))) if ran else [_folded(cell) for cell in cells]
    return _notebook(made, [_quiet(lesson.code_cell(f"%%html\n{LARGE}")), *cells])


def _read(path):
    return json.loads(Path(path).read_text(encoding="utf8"))


def _as_run(cells, executed):
    """The cells of a chapter with the outputs of its executed copy in the place of runs."""
    outputs = {
        "".join(cell["source"]): cell["outputs"]
        for cell in executed["cells"]
        if cell["cell_type"] == "code"
    }
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in codes]
    gave = [outputs.get(source) for source in sources]  # None: made for this notebook
    live = {place for place, found in enumerate(gave) if found is None or _is_touched(found)}
    needed, left = _needed(sources, live), bookkeeping.shown_code(sources)
    places_ = iter(range(len(codes)))
    for cell in cells:
        if cell["cell_type"] != "code":
            yield cell
            continue
        place = next(places_)
        if place in live:
            yield _quiet(cell)
            continue
        yield lesson.text_cell(_shown("" if _is_closed(cell) else left[place], gave[place]))
        if place in needed:  # its outputs stand above
            yield _quiet(lesson.code_cell(f"%%capture\n{sources[place]}"))


def _is_touched(outputs):
    """Whether a cell gave controls."""
    return any(VIEW in one.get("data", {}) for one in outputs)


def _needed(sources, wanted):
    """Places of the cells on whose names the wanted ones depend, through others too."""
    names = [bookkeeping.names(source) for source in sources]
    found, missing = set(), set()
    for place in reversed(range(len(sources))):
        reads, makes = names[place]
        if place in wanted or makes & missing:
            found.add(place)
            missing = (missing - makes) | reads
    return found - set(wanted)


def _is_closed(cell):
    return cell["metadata"].get("jupyter", {}).get("source_hidden", False)


def _shown(code, outputs):
    """What a cell gave when the book was built, under the code that the book shows."""
    code = f"```python\n{code}\n```\n" if code.strip() else ""
    return code + "\n".join(filter(None, (_output(one) for one in outputs)))


def _output(output):
    """One output as HTML."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "text/html" in data:
        return "".join(data["text/html"])
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"])}">'
    text = "".join(data.get("text/plain", ""))
    return f"<pre>{html.escape(text)}</pre>" if text.strip() else ""


def _folded(cell):
    return _quiet(cell) if _is_closed(cell) else cell


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


# The first page
# ----------------------------------------------------------------------------------------------


def shelf():
    """What there is, as HTML with pictures, in the order of the book."""
    still = ROOT / "book" / "stills" / "playground-light.png"
    first = _card(
        "Classroom", "The classroom", "figures to touch, questions to answer", still.read_bytes()
    )
    first = first.replace("<li>", '<li class="first">')
    parts = [f"<h1>The classroom</h1><ul>{first}</ul>"]
    number = 0
    for part in yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))["parts"]:
        cards = []
        for entry in part["chapters"]:
            name = Path(entry["file"]).name
            if labels.is_chapter(name):
                number += 1
                title = labels.titles()[name]
                cards.append(_card(name, title, f"chapter {number}", _first_picture(name)))
        if cards:
            parts.append(f"<h2>{html.escape(part['caption'])}</h2><ul>{''.join(cards)}</ul>")
    return f"<main>{''.join(parts)}</main>\n"


def _card(name, title, below, picture):
    """A link with a picture."""
    shown = ""
    if picture:
        shown = (
            f'<img alt="" src="data:image/png;base64,{base64.b64encode(_small(picture)).decode()}">'
        )
    words = f"<span>{html.escape(title)}<small>{html.escape(below)}</small></span>"
    return f'<li><a href="{{{{ base_url }}}}voila/render/{name}.ipynb">{shown}{words}</a></li>'


def _small(picture, width=560):
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image.thumbnail((width, width))
    made = io.BytesIO()
    image.save(made, "PNG", optimize=True)
    return made.getvalue()


def _first_picture(name):
    """The first figure of an executed chapter (PNG, light), or None."""
    path = places.EXECUTED / "notebooks" / f"{name}.ipynb"
    if not path.exists():
        return None
    outputs = (one for cell in _read(path)["cells"] for one in cell.get("outputs", ()))
    figure = next((one["data"][FIGURE] for one in outputs if FIGURE in one.get("data", {})), None)
    return figure and base64.b64decode(figure["light"])


# Serving
# ----------------------------------------------------------------------------------------------


def write(folder=FOLDER):
    """Write the classroom, all chapters and the first page; returns the notebooks' paths, the classroom first."""
    shutil.copytree(TEMPLATES, SHELF, dirs_exist_ok=True)
    (SHELF / TEMPLATE / "shelf.html").write_text(shelf(), encoding="utf8")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = {"Classroom.ipynb": classroom_notebook()}
    for name in places.chapters():
        made[Path(name).name] = chapter(ROOT / name, places.EXECUTED / name)
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
    fixed += ["--template=classroom"]  # in SHELF: nothing is asked of another host
    fixed += [f"--VoilaKernelManager.kernel_pools_config={heated}"]
    return [
        sys.executable,
        "-m",
        "voila",
        str(folder),
        *fixed,
        *options,
        *([] if any(".ip=" in one for one in options) else ["--Voila.ip=127.0.0.1"]),  # once
    ]


def free_port(first=PORT):
    """The first port from PORT on that nobody listens at."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit(
        f"no port from {first} to {first + 99} is free; say make voila VOILA_OPTIONS=--port=..."
    )


def settings():
    """Environment variables for the server."""
    paths = [str(SHELF), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    return places.settings() | {"JUPYTER_PATH": os.pathsep.join(paths)}


def main(given):
    if given[:1] not in ([], ["write"]) and not given[0].startswith("-"):
        say("Usage: python -m book._tools.live [write | options of Voila]")
        return 2
    with together.alone():
        written = write()
    say(f"Wrote the classroom and {len(written) - 1} chapters to {relative(FOLDER)}/")
    if given[:1] == ["write"]:
        return 0
    os.environ.update(settings())
    port = next((match[1] for one in given if (match := GIVEN_PORT.fullmatch(one))), None)
    options = given if port else [*given, f"--port={(port := free_port())}"]
    command = arguments(options=options)
    say(f"Voila serves them at http://127.0.0.1:{port}/  (Ctrl-C ends)")
    os.chdir(ROOT)
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
