"""Copies of the chapters for a class: no solution in a student's, nothing missing that later cells use; both run."""

import ast
import builtins
import json
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from bookpages import CHAPTERS, ROOT
from hypothesis import given
from hypothesis import strategies as st

import mpack
from book import chapters, reading
from book._tools import bookkeeping, classroom, roles

papermill = pytest.importorskip("papermill")


def notebook(path):
    return json.loads(path.read_text(encoding="utf8"))


def sources(book, kind):
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == kind]


def labels(path, directive):
    found = [
        line for cell in notebook(path)["cells"] for line in "".join(cell["source"]).splitlines()
    ]
    return sum(line.lstrip("`").startswith("{" + directive) for line in found)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_has_a_hint_and_a_solution(path):
    assert labels(path, "exercise}") >= 4
    assert labels(path, "exercise}") == labels(path, "hint}") == labels(path, "solution-start}")
    assert labels(path, "solution-start}") == labels(path, "solution-end}")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_students_copy_has_the_exercises_and_no_solution(path):
    whole = notebook(path)
    student, teacher = (classroom.copy(whole, kind, {}, {}) for kind in ("student", "teacher"))
    asked = sum(text.startswith("### Exercise") for text in sources(student, "markdown"))
    assert asked == labels(path, "exercise}")
    inside, solutions = False, []
    for what, content in classroom.parts(whole):
        inside = what == "solution" or inside and what != "end"
        if inside and what in ("text", "code"):
            code = what == "code"
            solutions.append("".join(content["source"]) if code else roles.plain(content, {}))
    student_text = "\n".join(sources(student, "markdown") + sources(student, "code"))
    teacher_text = "\n".join(sources(teacher, "markdown") + sources(teacher, "code"))
    assert len(solutions) >= asked
    for solution in solutions:
        assert solution not in student_text and solution in teacher_text
    for text in (student_text, teacher_text):
        assert "{exercise}" not in text and "{solution" not in text


def names(code):
    """(names that a cell's own level reads before it sets them, names it sets): functions' insides count as read."""
    tree = ast.parse(code)
    read = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    made = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        if isinstance(node, ast.arg):
            made.add(node.arg)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            made |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        if isinstance(node, ast.ExceptHandler) and node.name:
            made.add(node.name)
    return read, made


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_cell_of_a_students_copy_needs_a_solution(path):
    known = set(dir(builtins)) | {"display", "get_ipython"}
    for code in sources(classroom.copy(notebook(path), "student", {}, {}), "code"):
        read, made = names(code)
        known |= made
        assert read <= known, f"{sorted(read - known)} would be missing"


@pytest.mark.parametrize("kind", classroom.KINDS)
def test_a_copy_runs(kind, tmp_path):
    small = {
        "pairs_a_side": 8,
        "n_discs": 60,
        "n": 80,
        "phis": [0.45, 0.5, 0.62, 0.66],
        "steps": 200,
        "runs": 3,
    }
    asked, out = tmp_path / "student.ipynb", tmp_path / "out.ipynb"
    options = {"parameters": small, "progress_bar": False}
    whole = notebook(ROOT / "notebooks" / "packing_by_descent.ipynb")
    answers = {
        "ex-descent-phi": [{"what": "", "tolerance": 0.01, "absolute": False, "keys": ["0" * 12]}]
    }
    asked.write_text(json.dumps(classroom.copy(whole, kind, answers, {})), encoding="utf8")
    papermill.execute_notebook(str(asked), str(out), **options)
    if kind != "student":
        stated = reading.answers(out)
        assert {"ex-descent-phi", "ex-descent-wait"} <= set(stated)
        (spheres,) = [
            entry for entry in stated["ex-descent-phi"] if entry["what"] == "number of spheres"
        ]
        graded = {key: spheres[key] for key in ("tolerance", "absolute", "what", "keys")}
        assert chapters.grade("ex-descent-phi", 1184.2, **graded) is True
        assert chapters.grade("ex-descent-phi", 1240, **graded) is False


def states(value, **options):
    """What `grade` takes, of an answer stated in a solution."""
    kept, show = [], chapters._display
    chapters._display = kept.append
    try:
        chapters.answer("ex", value, **options)
    finally:
        chapters._display = show
    return {key: kept[0][chapters.ANSWER][key] for key in ("tolerance", "absolute", "what", "keys")}


NUMBERS = st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6)


@given(NUMBERS, st.sampled_from([0.001, 0.01, 0.1]), st.floats(-0.85, 0.85))
def test_near_numbers_are_right(value, tolerance, part):
    assert (
        chapters.grade("ex", value * (1 + part * tolerance), **states(value, tolerance=tolerance))
        is True
    )


@given(NUMBERS, st.sampled_from([0.001, 0.01, 0.1]), st.floats(1.2, 50) | st.floats(-8, -1.2))
def test_far_numbers_are_not(value, tolerance, part):
    assert (
        chapters.grade("ex", value * (1 + part * tolerance), **states(value, tolerance=tolerance))
        is False
    )


@given(
    st.floats(-5, 5),
    st.sampled_from([0.01, 0.1, 2.0]),
    st.floats(-3, 3).filter(lambda x: not 0.89 < abs(x) < 1.11),
)
def test_absolute_tolerances(value, tolerance, part):
    right = chapters.grade(
        "ex", value + part * tolerance, **states(value, tolerance=tolerance, absolute=True)
    )
    assert right is (abs(part) < 1)


def test_an_answer_is_not_given_away(capsys):
    graded = states(1184.0)
    assert "1184" not in json.dumps(graded)
    assert chapters.grade("ex", None, **graded) is None
    assert chapters.grade("ex", -1184.0, **graded) is False, "the sign counts"
    assert chapters.grade("ex", 0, **graded) is False
    assert chapters.grade("another exercise", 1184.0, **graded) is False
    assert "put your number" in capsys.readouterr().out


def test_bad_answers_are_refused():
    with pytest.raises(ValueError, match="value must not be 0"):
        states(0.0)
    with pytest.raises(ValueError, match="tolerance"):
        states(1.0, tolerance=0.0)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("1.0", "'1.0' is text"),
        (float("nan"), "a finite real number; you gave nan"),
        (np.inf, "a finite real number"),
        (1j, "a finite real number"),
        ([1.0, 2.0], "one number; you gave 2"),
        ([], "one number; you gave 0"),
        ({1: 2}, "of type dict"),
        (print, "of type builtin"),
        (True, "not True"),
        (..., "put your number"),
    ],
)
def test_what_is_no_number_gets_a_sentence(capsys, answer, told):
    assert chapters.grade("ex", answer, **states(1.0)) is None
    assert told in capsys.readouterr().out


def test_any_form_of_one_number_will_do():
    for answer in (2, 2.0, np.float32(2), np.array([2.0]), [2.0], Fraction(2), Decimal(2)):
        assert chapters.grade("ex", answer, **states(2.0)) is True


def test_a_copy_that_was_changed_is_kept(tmp_path):
    written, kept = classroom.write("student", tmp_path)
    assert len(written) == len(CHAPTERS) and not kept
    mine = written[3]
    mine.write_text("mine", encoding="utf8")
    again, kept = classroom.write("student", tmp_path)
    assert kept == [mine] and mine.read_text(encoding="utf8") == "mine"
    assert len(again) == len(CHAPTERS) - 1


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", classroom.KINDS)
def test_a_copy_has_no_role_left_and_folds_what_the_book_folds(kind, path):
    made = classroom.copy(notebook(path), kind, {}, {})
    for text in sources(made, "markdown"):
        raw = roles.ROLE.search(text) or re.search(
            r"^`{3,}\{|^\$\$ \(|\[\]\(|\((eq|fig|ex)-", text, re.MULTILINE
        )
        assert not raw, raw
    for cell in made["cells"]:
        tags = set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code" and tags & bookkeeping.HIDING:
            assert cell["metadata"]["jupyter"]["source_hidden"]
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and re.fullmatch(r"chapters\.record\([^\n]*\)\s*", source):
            assert cell["metadata"]["jupyter"]["source_hidden"]  # no line of it is physics
    placed = len(re.findall(r"\{mpack-widget\}", path.read_text(encoding="utf8")))
    assert sum("mpack.widgets." in code for code in sources(made, "code")) >= placed


def test_the_times_in_the_teachers_guide():
    """What lesson 1 says the class will read off the playground, by the library, which has the same bits."""
    guide = (ROOT / "book" / "teaching.md").read_text(encoding="utf8")
    assert "about 55 steps at 0.50, 130 at 0.60, 620 at 0.66" in guide

    def steps(phi):
        starts = [mpack.Packing.random(n=500, phi=phi, dim=2, seed=seed) for seed in (1, 2, 3)]
        rule = mpack.PairwiseBRO(eps=0.3)  # as the playground opens
        runs = [
            mpack.simulate(start, rule, steps=3_000, seed=seed)
            for seed, start in enumerate(starts, 1)
        ]
        return [run.steps if run.absorbed else None for run in runs]

    for phi, told in ((0.4, 30), (0.5, 55), (0.6, 130), (0.66, 620)):
        assert abs(np.mean(steps(phi)) / told - 1) < 0.1
    assert steps(0.68).count(None) == 2 and steps(0.7) == steps(0.8) == [None] * 3
