"""Chapters as nbgrader assignments: nothing of a solution is left in a release, every number grades itself."""

import json
import re

import pytest
from bookpages import CHAPTERS

from book import chapters
from book._tools import classroom, nbgrader


def notebook(path):
    return json.loads(path.read_text(encoding="utf8"))


def labels(book):
    return [content[0] for what, content in classroom.parts(book) if what == "exercise"]


def about(cell):
    return cell["metadata"].get("nbgrader", {})


def released(cell):
    """What nbgrader leaves of a cell: a solution's region goes."""
    region = re.compile(rf"{nbgrader.BEGIN}\n.*?{nbgrader.END}\n", re.DOTALL)
    return region.sub("", "".join(cell["source"]))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_each_exercise_is_locked_and_has_room_for_a_solution(path):
    whole = notebook(path)
    made = nbgrader.source(whole, {}, {})["cells"]
    names = [about(cell)["grade_id"] for cell in made if about(cell)]
    assert len(names) == len(set(names)) and len(made) == len({cell["id"] for cell in made})
    for label in labels(whole):
        assert {f"{label}-asked", f"{label}-code", f"{label}-words"} <= set(names)
    for cell in filter(about, made):
        known = about(cell)
        assert known["schema_version"] == nbgrader.SCHEMA and not known["task"]
        assert known["cell_type"] == cell["cell_type"] and known["locked"] != known["solution"]
        if cell["cell_type"] == "markdown":  # by nbgrader's rules both or neither
            assert known["grade"] == known["solution"]
        assert ("points" in known) == known["grade"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_nothing_of_a_solution_is_left_where_marks_are_cut_out(path):
    whole = notebook(path)
    made = nbgrader.source(whole, {}, {})["cells"]
    left = "\n".join(released(cell) for cell in made)
    assert "SOLUTION" not in left and "chapters.answer(" not in left
    inside = False
    for what, content in classroom.parts(whole):
        inside = what == "solution" or inside and what != "end"
        if inside and what == "code":
            assert "".join(content["source"]) not in left
    for cell in made:
        if cell["cell_type"] == "code" and about(cell):
            compile("".join(cell["source"]), path.stem, "exec")  # whole as it is,
            compile(released(cell), path.stem, "exec")  # and for a student


def test_an_answer_becomes_an_entry_wherever_it_stands():
    code = (
        "é, x = 'é', 2.0\n"
        "for name in ('one', 'two'):\n"
        "    chapters.answer('ex', x,\n        what=name, tolerance=0.1)  # both\n"
        "chapters.answer('ex', [1, 2][1])\n"
    )
    names = {"my_answers": {}}
    exec(nbgrader.assigned(code), names)
    assert names["my_answers"] == {"one": 2.0, "two": 2.0, "the number": 2}
    assert nbgrader.assigned("x = 1\n") == "x = 1\n"


@pytest.fixture
def graded(monkeypatch):
    """The cells of an exercise with one answer, 2.5, and what running them and asking for a grade gives."""
    told = []
    monkeypatch.setattr(chapters, "_display", told.append)
    chapters.answer("ex-a", 2.5, what="edge")
    (entry,) = (one[chapters.ANSWER] for one in told)
    cells = nbgrader.exercise_cells(
        "ex-a", "words", ["chapters.answer('ex-a', 2.5, what='edge')"], [entry]
    )
    return cells


def run(*codes):
    names = {"chapters": chapters}
    for code in codes:
        exec(code, names)


def test_a_right_number_gets_its_point_and_others_do_not(graded):
    room, grade, words = graded
    solved, test = "".join(room["source"]), "".join(grade["source"])
    run(solved, test)
    for given in ("", "my_answers['edge'] = 2.4\n", "my_answers['edge'] = 'two'\n"):
        with pytest.raises(AssertionError):
            run(released(room) + given, test)
    run(released(room) + "my_answers['edge'] = 2.501\n", test)
    assert "2.5" not in released(room) and "2.5" not in test
    assert about(grade)["points"] == 1 and about(words)["points"] == 0


def test_an_exercise_without_a_number_has_a_point_for_words():
    room, words = nbgrader.exercise_cells("ex-b", "Because.", ["x = 1\n"], [])
    assert about(words)["points"] == 1 and about(words)["grade"] and about(words)["solution"]
    assert "Because" not in released(words) and "x = 1" not in released(room)
