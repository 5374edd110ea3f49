"""The chapters under papermill: what may be asked of them, and what they record when run small."""

import json

import papermill
import pytest
from bookpages import CHAPTERS, ROOT
from chapterruns import refusal

from book import reading

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
