"""`make nbgrader`: the chapters as assignments of an nbgrader course, in `_build/nbgrader`.

    python -m book._tools.nbgrader [FOLDER]
    python -m book._tools.nbgrader try [CHAPTER]      (in .venv-nbgrader)

The folder is a course: `nbgrader_config.py` and, for each chapter, `source/CHAPTER/CHAPTER.ipynb`,
the instructor's version. An exercise is a locked cell; its solution stands between nbgrader's marks,
which `nbgrader generate_assignment` takes out; each number that it asks for is a cell of one point
that grades itself (`book.chapters.grade`, by digests: the number is in no student's file); an
exercise without a number has an answer in words, of one point, for a person to grade. `try` does
what a course would: a release, a student who has everything right and one who has not begun, and
their scores.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from book import reading

from . import labels, places, together
from .classroom import parts
from .lesson import Lesson, code_cell, text_cell
from .places import BUILD, ROOT, relative, say
from .roles import numbers_of

FOLDER = BUILD / "nbgrader"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SCHEMA = 3
CONFIG = """# Of the course that `make nbgrader` writes. Chapters compute: a cell may take minutes.
c = get_config()
c.CourseDirectory.course_id = "spheres"
c.CourseDirectory.root = {root!r}
c.ExecutePreprocessor.timeout = 900
c.ClearSolutions.code_stub = {{"python": "# your solution: set what is None above\\n"}}
c.ClearSolutions.text_stub = "*Your answer.*"
"""


def graded(cell, name, *, grade=False, solution=False, points=0):
    """The cell with what nbgrader knows a cell by; locked unless it is a solution."""
    about = {
        "schema_version": SCHEMA,
        "grade_id": name,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
        "task": False,
        "cell_type": cell["cell_type"],
    }
    if grade:
        about["points"] = points
    return {**cell, "metadata": {**cell["metadata"], "nbgrader": about}}


def key(what):
    """What a number is called in a student's `my_answers`."""
    return what or "the number"


def assigned(code):
    """The code of a solution with each `chapters.answer(exercise, value, what=...)` as `my_answers[...] = value`."""
    lines = code.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    calls = [
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "chapters.answer"
    ]
    data = code.encode()
    for call in sorted(calls, key=lambda call: -call.lineno):
        words = {word.arg: word.value for word in call.keywords}
        value = ast.get_source_segment(code, call.args[1])
        name = ast.get_source_segment(code, words["what"]) if "what" in words else repr(key(""))
        first = starts[call.lineno - 1] + call.col_offset
        last = starts[call.end_lineno - 1] + call.end_col_offset
        data = data[:first] + f"my_answers[{name}] = ({value})".encode() + data[last:]
    return data.decode()


def exercise_cells(label, words, code, answers):
    """The cells of one solution: room for it, with the solution between marks, and what grades it."""
    asked = "".join(f"    {key(answer['what'])!r}: None,\n" for answer in answers)
    empty = f"my_answers = {{\n{asked}}}\n" if answers else ""
    solved = "\n".join(assigned(one) for one in code).rstrip()
    room = code_cell(f"{empty}{BEGIN}\n{solved}\n{END}\n")
    made = [graded(room, f"{label}-code", solution=True)]
    for place, answer in enumerate(answers):
        call = (
            f"assert chapters.grade(\n    {label!r},\n    my_answers[{key(answer['what'])!r}],\n"
            f"    tolerance={answer['tolerance']!r},\n    absolute={answer['absolute']!r},\n"
            f"    what={answer['what']!r},\n    keys={json.dumps(answer['keys'])},\n)\n"
        )
        made.append(graded(code_cell(call), f"{label}-{place + 1}", grade=True, points=1))
    text = text_cell(f"#### In words\n\n{BEGIN}\n{words}\n{END}\n")
    points = 0 if answers else 1
    return [*made, graded(text, f"{label}-words", grade=True, solution=True, points=points)]


def source(notebook, answers, numbers):
    """The instructor's version of a chapter.

    Parameters
    ----------
    notebook : dict
        As JSON has it.
    answers, numbers : dict
        As for `classroom.copy`.

    Returns
    -------
    dict
    """
    lesson, cells, inside, words, code = Lesson(numbers), [], None, [], []
    for what, content in parts(notebook):
        if what == "exercise":
            label, asked = content
            (asked,) = lesson.cells(f"### {labels.numbers()[label]}\n\n{asked}")
            cells.append(graded(asked, f"{label}-asked"))
        elif what == "hint":
            cells += lesson.cells(f"<details><summary>A hint</summary>\n\n{content}\n\n</details>")
        elif what == "solution":
            inside, words, code = content, [], []
        elif what == "end":
            made = "\n\n".join("".join(c["source"]) for w in words for c in lesson.cells(w))
            cells += exercise_cells(inside, made, code, answers.get(inside, []))
            inside = None
        elif inside is None:
            cells += lesson.cells(content) if what == "text" else [content]
        elif what == "text":
            words.append(content)
        else:
            code.append("".join(content["source"]))
    cells = [{**cell, "id": f"cell-{place + 1:02d}"} for place, cell in enumerate(cells)]
    return {**notebook, "cells": cells}


def write(folder=FOLDER):
    """The whole course; the names of its assignments."""
    names = []
    for chapter in places.chapters():
        executed = places.EXECUTED / chapter
        if not executed.exists():
            raise SystemExit(f"{chapter} has not been run: `make book` first")
        notebook = json.loads((ROOT / chapter).read_text(encoding="utf8"))
        made = source(notebook, reading.answers(executed), numbers_of(executed))
        name = Path(chapter).stem
        path = folder / "source" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
        names.append(name)
    config = folder / "nbgrader_config.py"
    config.write_text(CONFIG.format(root=str(folder.resolve())), encoding="utf8")
    return names


# ------------------------------------------------------------------------------------------------
# a course of two students


def tried(name, folder):
    """Release a chapter, hand in everything and nothing, grade both; {student: (score, of how many)}."""
    # nbgrader starts `alembic` by its name.
    beside = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join((beside, os.environ.get("PATH", "")))
    _nbgrader(folder, "generate_assignment", name, "--force")
    released = folder / "release" / name / f"{name}.ipynb"
    solved = folder / "source" / name / f"{name}.ipynb"
    if BEGIN in released.read_text(encoding="utf8"):
        raise SystemExit(f"{relative(released)} still has a solution in it")
    for student, handed_in in (("all", solved), ("nothing", released)):
        into = folder / "submitted" / student / name
        into.mkdir(parents=True, exist_ok=True)
        shutil.copy(handed_in, into)
    _nbgrader(folder, "autograde", name, "--force", "--create")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        found = {}
        for student in ("all", "nothing"):
            of = book.find_submission_notebook(name, name, student)
            cells = [one for one in of.grades if one.cell.cell_type == "code"]
            found[student] = sum(one.auto_score or 0 for one in cells), len(cells)
    return found


def _nbgrader(folder, *words):
    settings = {**os.environ, **places.settings()}
    command = [sys.executable, "-m", "nbgrader", *words]
    subprocess.run(command, cwd=folder, env=settings, check=True)


def main(arguments):
    """Write the course, or try one assignment of it; the exit status."""
    if arguments[:1] != ["try"]:
        folder = Path(arguments[0]) if arguments else FOLDER
        names = write(folder)
        say(
            f"Wrote {len(names)} assignments to {folder if arguments else relative(FOLDER)}/source/"
        )
        return 0
    (name,) = arguments[1:] or ["packing_by_descent"]
    folder = FOLDER.with_name("nbgrader-tried")
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
    found = tried(name, folder)
    for student, (score, most) in found.items():
        say(f"  who hands in {student}: {score:g} of {most}")
    most = found["all"][1]
    right = most > 0 and found == {"all": (most, most), "nothing": (0, most)}
    say(f"{name}: {'as it should be' if right else 'WRONG'}.")
    return 0 if right else 1


if __name__ == "__main__":
    with together.alone():
        sys.exit(main(sys.argv[1:]))
