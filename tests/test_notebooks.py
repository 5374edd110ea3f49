"""The chapters under papermill: what may be asked of them, and what they record when run small."""

import json
import re
from itertools import takewhile

import papermill
import pytest
from bookpages import CHAPTERS, ROOT
from chapterruns import refusal

from book import reading
from book._tools import readingtime

DESCENT = ROOT / "notebooks" / "packing_by_descent.ipynb"
SMALL = {
    "pairs_a_side": 8,
    "n_discs": 80,
    "n": 200,
    "phis": [0.45, 0.5, 0.62, 0.66],
    "steps": 400,
    "runs": 3,
}


NAMES = [path.stem for path in CHAPTERS]


OPENING = re.compile(
    r"\A# [^\n]+\n\n(?P<fence>`{3,})\{admonition\} What we found\n:class: tip\n\n"
    r"\*(?P<question>[^*\n]+\?)\*\n\n(?P<found>.+?)\n(?P=fence)\n\n"
    r"\*\*Reading time:\*\* about \{readingtime\}`minutes`[^\n]*\n"
    r"\*\*Needs:\*\* (?P<needs>[^\n]+)\n"
    r"\*\*In a hurry\?\*\* (?P<hurry>[^\n]+)\n",
    re.DOTALL,
)


def opening(path):
    """The first cells of a chapter, taken apart, and all its Markdown and code; a figure may stand among them."""
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    leading = takewhile(lambda cell: cell["cell_type"] == "markdown", cells)
    first = "\n\n".join("".join(cell["source"]) for cell in leading)
    first = re.sub(r"^```\{mpack-widget\}.*?^```\n+", "", first, flags=re.DOTALL | re.MULTILINE)
    found = OPENING.match(first)
    assert found, f"{path.stem} does not open with what was found: {first[:200]}"
    return found, "".join("".join(cell["source"]) for cell in cells)


@pytest.mark.parametrize("path", CHAPTERS, ids=NAMES)
def test_a_chapter_opens_with_its_question_and_its_answer(path):
    found, _ = opening(path)
    numbers = re.findall(r"\{measured\}`([^`]+)`", found["found"])
    assert numbers, "no measured number among what was found"
    assert not any(":" in name for name in numbers), "numbers of the chapter itself"
    assert len(found["found"].split()) < 180, "it is an opening, not the chapter"


@pytest.mark.parametrize("path", CHAPTERS, ids=NAMES)
def test_a_chapter_says_what_it_needs_and_shows_a_way_for_the_hurried(path):
    found, text = opening(path)
    if path != CHAPTERS[[one.stem for one in CHAPTERS].index("packing_by_descent")]:
        assert "{doc}" in found["needs"]
    for name in re.findall(r"\{doc}`([^`]+)`", found["needs"]):
        assert path.with_name(f"{name}.ipynb").exists(), name
    figures = re.findall(r"\{numref\}`fig-([^`]+)`", found["hurry"])
    assert 2 <= len(figures) <= 3
    for name in figures:
        assert re.search(rf"\{{caption\}} {name}\n|:name: fig-{name}\n", text), name


LOST = re.compile(r"[\x00-\x08\x0b-\x1f]|(?<![\\\w])[td]?frac[\d{]|(?<![\\\w])sqrt[\d{]")


@pytest.mark.parametrize("path", CHAPTERS, ids=NAMES)
def test_no_formula_has_lost_its_backslash(path):
    """In a string that is not raw, the backslash of a fraction is lost: "frac34" stands on the page."""
    for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
        if cell["cell_type"] == "markdown":
            for line in "".join(cell["source"]).split("\n"):
                assert not LOST.search(line), line
    assert LOST.search("$b_f=frac34$") and LOST.search("$b_f=\x0crac34$")
    assert not LOST.search(r"$b_f=\frac34$, a fraction of \sqrt{3}")


def notebook(tmp_path, *cells):
    path = tmp_path / "a.ipynb"
    kinds = [{"cell_type": kind, "metadata": more, "source": text} for kind, text, more in cells]
    path.write_text(json.dumps({"cells": kinds}))
    return path


def test_reading_time_is_counted_from_what_there_is_to_read(tmp_path):
    prose = ("markdown", "word $x^2$ " * 1_000, {})
    assert readingtime.minutes(notebook(tmp_path, prose)) == 10
    sums = ("markdown", "$$\na = b\n$$ (eq-one)\n\n" * 20, {})
    assert readingtime.minutes(notebook(tmp_path, prose, sums)) == 25
    code = "code", "x = 1\n\n" * 150, {}
    hidden = "code", "x = 1\n" * 900, {"tags": ["hide-input"]}
    assert readingtime.minutes(notebook(tmp_path, prose, code, hidden)) == 20
    exercises = ("markdown", "More.\n\n## Exercises\n\n" + "word " * 9_000, {})
    end = ("markdown", "## What to read next\n\nWord.", {})
    assert readingtime.minutes(notebook(tmp_path, prose, exercises, code, prose, end)) == 10
    assert readingtime.minutes(notebook(tmp_path, end)) == 5


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_parameter_is_refused_before_any_work(name):
    assert "ValueError: unknown parameter 'sead' (did you mean seed?)" in refusal(name, sead=3)


@pytest.mark.parametrize("name", NAMES)
def test_an_invalid_value_is_refused_before_any_work(name):
    message = refusal(name, seed=-1)
    assert "seed must be an integer" in message and "-1" in message


def test_a_value_out_of_range_is_named_and_papermill_stops_there(tmp_path):
    out = tmp_path / "out.ipynb"
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        papermill.execute_notebook(
            str(DESCENT), str(out), parameters={"phis": [0.5, 0.9]}, progress_bar=False
        )
    assert "phis[1] must be a finite number in [0.05, 0.74]; got 0.9" in caught.value.evalue
    cells = [cell for cell in json.loads(out.read_text())["cells"] if cell["cell_type"] == "code"]
    ran = [number for number, cell in enumerate(cells) if cell["execution_count"] is not None]
    assert "chapters.check" in "".join(cells[ran[-1]]["source"]), "it went on after the check"


def test_the_first_chapter_wants_four_packing_fractions():
    message = refusal("packing_by_descent", phis=[0.6, 0.5, 0.62])
    assert "phis must be four increasing packing fractions" in message


@pytest.fixture(scope="module")
def small(tmp_path_factory, request):
    out = tmp_path_factory.mktemp("descent") / "out.ipynb"
    asked = SMALL | {"seed": request.config.getoption("--seed")}
    papermill.execute_notebook(str(DESCENT), str(out), parameters=asked, progress_bar=False)
    return out


def test_descent_agrees_with_its_closed_forms(small):
    """Every claim against a closed form is a test at three standard errors; five are allowed at a glance."""
    claims = {claim["id"]: claim for claim in reading.claims(small)}
    exact = [
        claim
        for claim in claims.values()
        if claim["source"] == "closed form" and not claim["control"]
    ]
    assert len(exact) == 13
    for claim in exact:
        assert abs(claim["value"] - claim["target"]) < 5 * claim["error"], claim["id"]
        assert claim["n"] >= 12


def test_descent_has_a_control_that_fails(small):
    (control,) = [claim for claim in reading.claims(small) if claim["control"]]
    assert control["verdict"] == "differs" and control["passed"]
    assert control["value"] - control["target"] > 20 * control["error"]


def test_descent_ends_as_its_packing_fraction_says(small):
    recorded = {name: entry["value"] for name, entry in reading.records(small).items()}
    for rule in ("BRO", "SGD", "RCD"):
        assert recorded[f"discs-{rule}-absorbed"] is True
        assert 0 < recorded[f"discs-{rule}-steps"] < 50_000
    assert len({recorded[f"discs-{rule}-digest"] for rule in ("BRO", "SGD", "RCD")}) == 3
    assert recorded["fate-room-activity"] == 0 and recorded["fate-tight-activity"] > 0.5
    claims = {claim["id"]: claim["value"] for claim in reading.claims(small)}
    assert claims["comes-to-rest-450"] == 1
    assert claims["stays-active-660"] > 0.8
    assert 0.3 < recorded["chatter-activity"] < 0.9
