"""`make student` and `make teacher`: copies of the chapters for a class, without the solutions or with them open.

    python -m book._tools.classroom student|teacher [FOLDER]

A student's copy has, in the place of each solution, an empty cell, or one that checks a number
where the solution states it (`book.chapters.answer`): it says right or not yet, and does not give
the number away. Both kinds run from top to bottom like the chapter itself, and read well in a
notebook that does not know the book's directives.
"""

import json
import re
import sys
from pathlib import Path

from book import reading

from . import places
from .places import BUILD, ROOT, relative, say

KINDS = ("student", "teacher")
_BLOCK = re.compile(
    r"^(?P<fence>`{3,})\{(?P<name>exercise|solution-start|solution-end|hint)\}[ \t]*(?P<label>[\w-]*)[ \t]*\n"
    r"(?P<body>.*?)^(?P=fence)[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)
_LABEL = re.compile(r"^:label:[ \t]*([\w-]+)[ \t]*\n", re.MULTILINE)
_OPTION = re.compile(r"^:[\w-]+:.*\n", re.MULTILINE)


def parts(notebook):
    """The notebook as (kind, content) in order: ("text", str), ("exercise" | "hint", str), ("solution", label),
    ("end", None), ("code", cell).
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
    return name, _OPTION.sub("", body).strip("\n")


def copy(notebook, kind, answers):
    """The notebook for a class.

    Parameters
    ----------
    notebook : dict
        A chapter, as JSON has it.
    kind : str
        "student" or "teacher".
    answers : dict
        From the label of an exercise to its answers, as `book.chapters.answers` gives them.

    Returns
    -------
    dict
    """
    cells, inside, number = [], None, 0
    for what, content in parts(notebook):
        if what == "exercise":
            number += 1
            cells.append(text_cell(f"### Exercise {number}\n\n{content}"))
        elif what == "hint":
            cells.append(
                text_cell(f"<details><summary>A hint</summary>\n\n{content}\n\n</details>")
            )
        elif what == "solution":
            inside = content
            cells += (
                [text_cell("#### Solution")]
                if kind == "teacher"
                else _to_fill_in(content, answers.get(content, []))
            )
        elif what == "end":
            inside = None
        elif kind == "teacher" or inside is None:
            cells.append(text_cell(content) if what == "text" else content)
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place + 1:02d}"
    return {**notebook, "cells": cells}


def _to_fill_in(label, answers):
    """The cells in the place of a solution."""
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


def text_cell(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def code_cell(source):
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def write(kind, folder=None):
    """Copies of all chapters of the book in `folder` (`_build/KIND` if left out); returns the paths written."""
    folder = BUILD / kind if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for chapter in places.chapters():
        notebook = json.loads((ROOT / chapter).read_text(encoding="utf8"))
        executed = places.EXECUTED / chapter
        answers = reading.answers(executed) if executed.exists() else {}
        path = folder / Path(chapter).name
        text = json.dumps(copy(notebook, kind, answers), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf8")
        written.append(path)
    return written


def main(arguments):
    if not arguments or arguments[0] not in KINDS or len(arguments) > 2:
        say(f"Usage: python -m book._tools.classroom {'|'.join(KINDS)} [FOLDER]")
        return 2
    written = write(*arguments)
    folder = written[0].parent
    shown = relative(folder) if folder.is_relative_to(ROOT) else folder
    say(f"Wrote {len(written)} chapters for the {arguments[0]} to {shown}/")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
