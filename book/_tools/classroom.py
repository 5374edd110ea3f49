"""`make student`, `make teacher`, `make lab`: copies of the chapters that read in a notebook as the book does.

    python -m book._tools.classroom student|teacher|reader [FOLDER]

Roles are written out with the numbers of the built book, figures that move are live, and what the
book folds away is folded. A student's copy has, in the place of each solution, an empty cell, or
one that checks a number where the solution states it (`book.chapters.answer`): it says right or not
yet, and does not give the number away. A teacher's copy has the solutions open, a reader's has them
under a line that opens. All kinds run from top to bottom like the chapter itself. A copy that
somebody has changed is never written over.
"""

import json
import re
import sys
from pathlib import Path

from book import reading

from . import bookkeeping, labels, places, together
from .lesson import Lesson, code_cell, text_cell
from .places import BUILD, ROOT, relative, say, sha256
from .roles import numbers_of

KINDS = ("student", "teacher", "reader")
WRITTEN = ".written.json"  # in a folder of copies: the digest that each had when it was written
_BLOCK = re.compile(
    r"^(?P<fence>`{3,})\{(?P<name>exercise|solution-start|solution-end|hint)\}[ \t]*(?P<label>[\w-]*)[ \t]*\n"
    r"(?P<body>.*?)^(?P=fence)[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)
_LABEL = re.compile(r"^:label:[ \t]*([\w-]+)[ \t]*\n", re.MULTILINE)
_OPTION = re.compile(r"^:[\w-]+:.*\n", re.MULTILINE)


def parts(notebook):
    """The notebook as (kind, content) in order: ("text" | "hint", str), ("exercise", (label, str)),
    ("solution", label), ("end", None), ("code", cell).
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            yield "code", cell
            continue
        source, at = "".join(cell["source"]), 0
        for block in _BLOCK.finditer(source):
            if source[at : block.start()].strip():
                yield "text", source[at : block.start()].strip("\n")
            at = block.end()
            yield _block(block)
        if source[at:].strip():
            yield "text", source[at:].strip("\n")


def _block(block):
    name, body = block["name"], block["body"]
    if name == "solution-start":
        return "solution", block["label"]
    if name == "solution-end":
        return "end", None
    text = _OPTION.sub("", body).strip("\n")
    return (name, (_LABEL.search(body)[1], text)) if name == "exercise" else (name, text)


def copy(notebook, kind, answers, numbers):
    """The notebook for a class, or for a reader with a kernel.

    Parameters
    ----------
    notebook : dict
        A chapter, as JSON has it.
    kind : str
        "student", "teacher" or "reader".
    answers : dict
        From the label of an exercise to its answers, as `book.reading.answers` gives them.
    numbers : dict
        The chapter's recorded numbers, as `roles.numbers_of` gives them.

    Returns
    -------
    dict
    """
    lesson, cells, inside = Lesson(numbers), [], None
    for what, content in parts(notebook):
        if what == "exercise":
            label, asked = content
            cells += lesson.cells(f"### {labels.numbers()[label]}\n\n{asked}")
        elif what == "hint":
            cells += lesson.cells(f"<details><summary>A hint</summary>\n\n{content}\n\n</details>")
        elif what == "solution":
            inside = content
            cells += _to_fill_in(content, answers.get(content, []), kind)
        elif what == "end":
            inside = None
        elif kind != "student" or inside is None:
            cells += lesson.cells(content) if what == "text" else [content]
    cells = _folded(cells)
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place + 1:02d}"
    return {**notebook, "cells": cells}


def _folded(cells):
    """The same cells, closed where the book folds their code away or leaves it out."""
    shown = bookkeeping.shown_code(
        ["".join(cell["source"]) if cell["cell_type"] == "code" else "" for cell in cells]
    )
    return [
        _closed(cell) if cell["cell_type"] == "code" and _out_of_sight(cell, left) else cell
        for cell, left in zip(cells, shown, strict=True)
    ]


def _out_of_sight(cell, left):
    tags = set(cell["metadata"].get("tags", ()))
    return bool(tags & bookkeeping.HIDING) or not left.strip() and "parameters" not in tags


def _closed(cell):
    hidden = {**cell["metadata"].get("jupyter", {}), "source_hidden": True}
    return {**cell, "metadata": {**cell["metadata"], "jupyter": hidden}}


def _to_fill_in(label, answers, kind):
    """The cells at the head of a solution, or in its place."""
    if kind != "student":
        head = text_cell("#### Solution")
        if kind == "reader":
            head["metadata"]["jp-MarkdownHeadingCollapsed"] = True  # JupyterLab folds what follows
        return [head]
    if not answers:
        return [code_cell("# your solution\n")]
    return [code_cell(_question(label, answer)) for answer in answers]


def _question(label, answer):
    what = f"  # {answer['what']}" if answer["what"] else ""
    keys = json.dumps(answer["keys"])
    return (
        f"answer = None{what}\n"
        f"chapters.grade({label!r}, answer, tolerance={answer['tolerance']!r}, absolute={answer['absolute']!r}, "
        f"what={answer['what']!r}, keys={keys})\n"
    )


def write(kind, folder=None):
    """Copies of all chapters of the book in `folder` (`_build/KIND` if left out).

    Returns
    -------
    written, kept : lists of paths
        Those made anew, and those left as they are because somebody has changed them.
    """
    folder = BUILD / kind if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / WRITTEN
    digests = json.loads(record.read_text(encoding="utf8")) if record.exists() else {}
    written, kept = [], []
    for chapter in places.chapters():
        path = folder / Path(chapter).name
        if path.exists() and sha256(path) != digests.get(path.name):
            kept.append(path)
            continue
        text = json.dumps(_made(chapter, kind), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf8")
        digests[path.name] = sha256(path)
        written.append(path)
    record.write_text(json.dumps(digests, indent=1) + "\n", encoding="utf8")
    return written, kept


def _made(chapter, kind):
    """The copy of a chapter, with the numbers of the book if that is built."""
    notebook = json.loads((ROOT / chapter).read_text(encoding="utf8"))
    executed = places.EXECUTED / chapter
    if not executed.exists():
        return copy(notebook, kind, {}, {})
    return copy(notebook, kind, reading.answers(executed), numbers_of(executed))


def main(arguments):
    if not arguments or arguments[0] not in KINDS or len(arguments) > 2:
        say(f"Usage: python -m book._tools.classroom {'|'.join(KINDS)} [FOLDER]")
        return 2
    with together.alone():
        written, kept = write(*arguments)
    folder = (written or kept)[0].parent
    shown = relative(folder) if folder.is_relative_to(ROOT) else folder
    say(f"Wrote {len(written)} chapters for the {arguments[0]} to {shown}/")
    for path in kept:
        say(f"  kept {path.name}, which was changed since; remove it for a fresh copy")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
