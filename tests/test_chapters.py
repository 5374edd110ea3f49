"""The chapters' helpers: checked parameters, recorded numbers, claims and their verdicts."""

import json
import math

import pytest

from book import chapters, reading


def test_good_parameters_pass():
    names = {"n": 100, "phi": 0.6, "size": "live", "fast": True, "phis": [0.1, 0.5], "steps": 10**7}
    chapters.check(
        names,
        n=(2, 10**6),
        phi=(0.0, 0.74),
        size={"live", "paper"},
        fast=bool,
        phis=[(0.0, 1.0)],
        steps=(1, None),
    )


@pytest.mark.parametrize(
    ("value", "spec", "error", "words"),
    [
        (1, (2, 10), ValueError, ["x", "[2, 10]", "1"]),
        (11, (2, 10), ValueError, ["[2, 10]", "11"]),
        (3.0, (2, 10), TypeError, ["integer", "3.0"]),
        (True, (0, 10), TypeError, ["integer", "True"]),
        ("5", (2, 10), TypeError, ["integer", "'5'"]),
        (0.8, (0.0, 0.74), ValueError, ["[0.0, 0.74]", "0.8"]),
        (math.nan, (0.0, 0.74), ValueError, ["finite", "nan"]),
        (None, (0.0, 0.74), TypeError, ["number", "None"]),
        ("huge", {"live", "paper"}, ValueError, ["'live', 'paper'", "'huge'"]),
        (1, bool, TypeError, ["True or False", "1"]),
        (0.3, [(0.0, 1.0)], TypeError, ["list", "0.3"]),
        ([], [(0.0, 1.0)], TypeError, ["non-empty"]),
        ([0.3, 2.0], [(0.0, 1.0)], ValueError, ["x[1]", "2.0"]),
        (1, "nothing", TypeError, ["unreadable range"]),
    ],
)
def test_bad_values_are_named(value, spec, error, words):
    with pytest.raises(error) as caught:
        chapters.check({"x": value}, x=spec)
    for word in words:
        assert word in str(caught.value)


def test_a_parameter_that_is_not_set_is_named():
    with pytest.raises(
        ValueError, match="'phi' is checked but the parameters cell does not set it"
    ):
        chapters.check({"n": 3}, n=(1, 9), phi=(0.0, 1.0))


def test_an_injected_name_that_the_chapter_lacks_is_refused():
    names = {
        "n": 3,
        "In": ["", "n = 2", "# Parameters\nn = 3\nphy = 0.5\n", "chapters.check(globals())"],
    }
    with pytest.raises(
        ValueError,
        match=r"unknown parameter 'phy' \(did you mean phi\?\); this chapter takes n, phi",
    ):
        chapters.check(names | {"phi": 0.1}, n=(1, 9), phi=(0.0, 1.0))


def test_names_made_later_in_a_session_are_no_parameters():
    names = {"n": 3, "rng": object(), "In": ["", "n = 3", "rng = object()"]}
    chapters.check(names, n=(1, 9))


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.18341, 0.00432, "0.1834 ± 0.0043"),
        (12.3456, 1.2, "12.3 ± 1.2"),
        (1234.5, 56.0, "1234 ± 56"),
        (0.25, None, "0.25"),
        (7, None, "7"),
        (7, 0.0, "7"),
        (1.5e-5, 2e-6, "(1.50 ± 0.20) × 10⁻⁵"),
        (True, None, "True"),
        ("3f2a", None, "3f2a"),
    ],
)
def test_numbers_are_printed_with_their_error(value, error, text):
    assert chapters.with_error(value, error) == text


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (0.641, {"target": 0.64, "tolerance": 0.01, "error": 0.001}, "agrees"),
        (0.641, {"target": 0.64, "tolerance": 0.01, "error": 0.004}, "undecided"),
        (0.66, {"target": 0.64, "tolerance": 0.01, "error": 0.001}, "differs"),
        (0.65, {"target": 0.64, "tolerance": 0.0, "error": 0.0}, "differs"),
        (0.64, {"target": 0.64, "tolerance": 0.0, "error": 0.0}, "agrees"),
        (1.0, {"target": 0.9, "error": 0.05, "relation": "consistent"}, "agrees"),
        (1.0, {"target": 0.8, "error": 0.05, "relation": "consistent"}, "differs"),
        (1.0, {"target": 0.8, "error": 0.05, "relation": "above"}, "agrees"),
        (1.0, {"target": 0.9, "error": 0.05, "relation": "above"}, "undecided"),
        (1.0, {"target": 1.2, "error": 0.05, "relation": "above"}, "differs"),
        (1.0, {"target": 1.2, "error": 0.05, "relation": "below"}, "agrees"),
        (1.0, {"target": 0.8, "error": 0.05, "relation": "below"}, "differs"),
        (1.0, {"target": 0.9, "error": 0.05, "relation": "above", "sigmas": 1.0}, "agrees"),
    ],
)
def test_verdicts(value, options, expected):
    assert chapters.verdict(value, **options) == expected


def test_a_control_passes_by_failing(capsys):
    found = chapters.claim(
        "wrong-rule",
        "The wrong rule.",
        1.3,
        target=1.0,
        tolerance=0.1,
        error=0.01,
        n=9,
        control=True,
    )
    assert found == "differs"
    assert "differs, as it must" in capsys.readouterr().out


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "No Spaces"},
        {"relation": "about"},
        {"tolerance": None},
        {"error": -1.0},
        {"error": math.nan},
        {"value": math.inf},
        {"n": 0},
        {"relation": "above"},  # a tolerance given where there is none
    ],
)
def test_a_claim_is_checked(bad):
    good = {
        "id": "x",
        "text": "t",
        "value": 1.0,
        "target": 1.0,
        "tolerance": 0.1,
        "error": 0.0,
        "n": 1,
    }
    with pytest.raises((ValueError, TypeError)):
        chapters.claim(**(good | bad))


def notebook_with(tmp_path, *bundles):
    outputs = [
        {"output_type": "display_data", "data": bundle, "metadata": {}} for bundle in bundles
    ]
    path = tmp_path / "x.ipynb"
    cells = [
        {"cell_type": "markdown", "source": "#"},
        {"cell_type": "code", "source": "", "outputs": outputs},
    ]
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    return path


def test_records_and_claims_are_read_back(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(chapters, "_display", shown.append)
    chapters.record("f", 0.5, error=0.01, n=8, unit="steps")
    chapters.claim("half", "It is a half.", 0.5, target=0.5, tolerance=0.1, error=0.01, n=8)
    path = notebook_with(tmp_path, *shown)
    assert reading.records(path) == {"f": {"value": 0.5, "error": 0.01, "n": 8, "unit": "steps"}}
    (claim,) = reading.claims(path)
    assert (claim["id"], claim["cell"], claim["verdict"], claim["passed"]) == (
        "half",
        1,
        "agrees",
        True,
    )


def test_a_number_recorded_twice_is_an_error(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(chapters, "_display", shown.append)
    chapters.record("f", 0.5)
    with pytest.raises(ValueError, match="records 'f' twice"):
        reading.records(notebook_with(tmp_path, *shown, *shown))


def test_a_record_is_silent_unless_it_is_to_be_shown(capsys):
    chapters.record("f", 0.5)
    assert capsys.readouterr().out == ""
    chapters.record("f", 0.5, error=0.01, n=8, show=True)
    assert capsys.readouterr().out == "f = 0.500 ± 0.010 (n = 8)\n"


def test_a_recorded_number_is_finite():
    with pytest.raises(ValueError, match="value must be a finite number"):
        chapters.record("f", math.nan)
