"""Chapters stay thin: their code is the physics, one call, one figure; what others could use is in the library."""

import ast
import json
import re
import statistics
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINES = {"limiting_dynamics": 450}  # of code in a chapter; 300 in the others
IN_ALL = 5_250
MEDIAN, LONGEST = 12, 40  # lines of a cell; parameters and solutions of exercises apart
HIDDEN = 0.25  # share of the lines that a reader does not see at once
WIDEST = 100  # columns: what fits the page at 1300 px without sideways scrolling
EDGE = re.compile(r"\{solution-(start|end)\}")


class Cell(NamedTuple):
    """A code cell: its lines that are not blank, its tags, and whether it is part of a solution."""

    lines: list
    tags: set
    solution: bool


def code(path):
    """The code cells of a notebook."""
    inside = False
    for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            lines = [line for line in source.splitlines() if line.strip()]
            yield Cell(lines, set(cell["metadata"].get("tags", ())), inside)
        for edge in EDGE.finditer(source if cell["cell_type"] == "markdown" else ""):
            inside = edge[1] == "start"


def total(cells):
    """Lines of some cells."""
    return sum(len(cell.lines) for cell in cells)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_is_thin(path):
    cells = list(code(path))
    assert total(cells) <= LINES.get(path.stem, 300)
    told = [len(one.lines) for one in cells if not (one.solution or "parameters" in one.tags)]
    assert statistics.median(told) <= MEDIAN
    assert max(told) <= LONGEST
    hidden = [one for one in cells if any(tag.startswith(("hide", "remove")) for tag in one.tags)]
    assert total(hidden) <= HIDDEN * total(cells)
    assert max(len(line) for one in cells for line in one.lines) <= WIDEST


def test_all_chapters_together_are_thin():
    assert sum(total(code(path)) for path in CHAPTERS) < IN_ALL


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_points_at_the_lines_that_are_its_physics(path):
    """Some lines, two or three of them, are marked `# <-`."""
    marked = [line for cell in code(path) for line in cell.lines if "# <-" in line]
    assert 1 <= len(marked) <= 6


def test_what_a_chapter_draws_beyond_its_lines_fits_a_screen():
    for path in sorted((ROOT / "book" / "demos").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf8"))
        assert ast.get_docstring(tree), path.name
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path.name}: {node.name}"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_cell_prints_the_verdicts_that_its_claims_show(path):
    """`chapters.claims` gives them as a dict; as the last of a cell it needs a semicolon."""
    for cell in code(path):
        last = ast.parse("\n".join(cell.lines)).body[-1]
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
            rest = cell.lines[last.end_lineno - 1].encode()[last.end_col_offset :]
            assert ast.unparse(last.value.func) != "chapters.claims" or rest.startswith(b";")
