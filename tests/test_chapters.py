"""The chapters' helpers: checked parameters, recorded numbers, claims and their verdicts."""

import json
import math

import numpy as np
import pytest

from book import chapters, reading
from book._tools import sphinxext
from mpack.statistics import Estimate


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


def test_what_papermill_adds_of_its_own_is_let_through():
    """Its two names with --inject-paths; a reader's own cell that begins like its comment, whatever is in it."""
    own = (
        "# Parameters\nn = 3\nPAPERMILL_INPUT_PATH = 'a.ipynb'\nPAPERMILL_OUTPUT_PATH = 'b.ipynb'\n"
    )
    mine = "# Parameters\n%matplotlib inline\nphy = 1", "# Parameters\nphy = n\nprint(phy)"
    chapters.check({"n": 3, "In": ["", "n = 2", own, *mine]}, n=(1, 9))


def test_names_made_later_in_a_session_are_no_parameters():
    names = {"n": 3, "rng": object(), "In": ["", "n = 3", "rng = object()"]}
    chapters.check(names, n=(1, 9))


CONSISTENT = {"error": 0.05, "relation": "consistent"}


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
        # what the measurement could not have noticed, it cannot confirm
        (1.0, CONSISTENT | {"target": 0.9, "resolution": 0.2}, "agrees"),
        (1.0, CONSISTENT | {"target": 0.9, "resolution": 0.1}, "undecided"),
        (1.0, CONSISTENT | {"target": 0.8, "resolution": 0.1}, "differs"),
        (2.6, CONSISTENT | {"target": 1.0, "error": 6.5, "resolution": 0.1}, "undecided"),
        # three errors of two, three, eight runs: 236, 19.2, 4.5 standard errors of Student's t
        (1.0, {"target": 0.0, "error": 0.01, "relation": "above", "dof": 1}, "undecided"),
        (1.0, {"target": 0.0, "error": 0.06, "relation": "above", "dof": 2}, "undecided"),
        (1.0, {"target": 0.0, "error": 0.05, "relation": "above", "dof": 2}, "agrees"),
        (1.0, {"target": 0.0, "error": 0.2, "relation": "above", "dof": 7}, "agrees"),
        (1.0, {"target": 0.0, "error": 0.25, "relation": "above", "dof": 7}, "undecided"),
        (0.641, {"target": 0.64, "tolerance": 0.01, "error": 0.001, "dof": 2}, "undecided"),
        (1.0, {"target": 0.8, "error": 0.05, "relation": "consistent", "dof": 3}, "agrees"),
        (0.5, {"target": 0.0, "error": 0.0, "relation": "above", "dof": 0}, "agrees"),
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


@pytest.mark.parametrize(
    ("relation", "same"),
    [
        (chapters.within(0.9, 0.2), {"target": 0.9, "tolerance": 0.2, "relation": "within"}),
        (
            chapters.consistent(0.9, 0.2),
            {"target": 0.9, "relation": "consistent", "resolution": 0.2},
        ),
        (chapters.above(0.9), {"target": 0.9, "relation": "above"}),
        (chapters.below(0.9, sigmas=1.0), {"target": 0.9, "relation": "below", "sigmas": 1.0}),
    ],
)
def test_a_claim_has_the_verdict_of_its_relation(relation, same):
    for value in (0.5, 0.85, 1.0, 1.5):
        for n in (4, 400):
            found = chapters.claims(("x", "t", (value, 0.05, n), relation))
            assert found == {"x": chapters.verdict(value, error=0.05, dof=n - 1, **same)}


def test_an_error_from_few_samples_reaches_farther(monkeypatch):
    shown = []
    monkeypatch.setattr(chapters, "_display", shown.append)
    for n, dof in ((3, None), (3, math.inf), (3, 40), (10_000, None)):
        measured = Estimate(1.0, 0.06, n=n, dof=dof)
        chapters.claims((f"x-{n}-{dof}".lower(), "t", measured, chapters.above(0.0)))
    few, known, pooled, many = (one[chapters.CLAIM] for one in shown)
    assert [one["verdict"] for one in (few, known, pooled, many)] == ["undecided"] + 3 * ["agrees"]
    assert (few["dof"], known["dof"], pooled["dof"], many["dof"]) == (2, None, 40, 9_999)
    assert known["reach"] == pytest.approx(0.18) and few["reach"] == pytest.approx(
        0.06 * 19.206, 1e-4
    )
    assert "would notice a deviation of 1.2" in shown[0]["text/html"]


def test_a_claim_says_what_it_would_notice():
    def said(measured, relation):
        return chapters.power(chapters._claim("x", "t", measured, relation))

    assert said((1.0, 0.1, 10**6), chapters.above(0.0)) == "would notice a deviation of 0.30"
    assert said((1.0, 0.1, 10**6), chapters.within(1.0, 0.5)) == "would notice a deviation of 0.80"
    assert said((1.0, 0.0, 7), chapters.within(1.0, 0.5)) == "would notice a deviation of 0.5"
    assert said((1.0, 0.0, 7), chapters.above(0.0)) == ""


def test_a_control_passes_by_failing(capsys):
    wrong = chapters.control(chapters.within(1.0, 0.1))
    found = chapters.claims(("wrong-rule", "The wrong rule.", Estimate(1.3, 0.01, n=9), wrong))
    assert found == {"wrong-rule": "differs"}
    assert "differs, as it must" in capsys.readouterr().out


def test_many_claims_in_one_call():
    rows = [(f"x-{k}", "t", (k, 0.1, 4), chapters.above(1.0)) for k in range(3)]
    found = chapters.claims(*rows, show=False)
    assert found == {"x-0": "differs", "x-1": "undecided", "x-2": "agrees"}


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        (("No Spaces", "t", (1.0, 0.1, 2), chapters.above(0)), ValueError, ["id", "No Spaces"]),
        (("x", "t", (1.0, 0.1), chapters.above(0)), ValueError, ["number of samples n", "'x'"]),
        (("x", "t", (1.0, -0.1, 2), chapters.above(0)), ValueError, ["error"]),
        (("x", "t", (1.0, math.nan, 2), chapters.above(0)), ValueError, ["error"]),
        (("x", "t", (math.inf, 0.1, 2), chapters.above(0)), ValueError, ["value"]),
        (("x", "t", (1.0, 0.1, 0), chapters.above(0)), ValueError, ["n must be"]),
        (("x", "t", (1.0, 0.1, 1), chapters.above(0)), ValueError, ["degrees of freedom", "'x'"]),
        (("x", "t", (1.0, 0.1, 2), 0.5), TypeError, ["relation", "float"]),
    ],
)
def test_a_claim_is_checked(row, error, words):
    with pytest.raises(error) as caught:
        chapters.claims(row)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "made",
    [
        lambda: chapters.within(1.0, -0.1),
        lambda: chapters.within(1.0, None),
        lambda: chapters.above(math.nan),
        lambda: chapters.consistent(1.0, 0.1, sigmas=-1.0),
        lambda: chapters.consistent(1.0, 0.0),
        lambda: chapters.consistent(1.0),
    ],
)
def test_a_relation_is_checked(made):
    with pytest.raises((ValueError, TypeError)):
        made()


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
    chapters.record({"f": Estimate(0.5, 0.01, n=8)}, unit="steps")
    chapters.record({"count": 5, "word": "ab", "pair": (1.0, 0.5), "whole": np.int64(3)})
    chapters.claims(("half", "It is a half.", (0.5, 0.01, 8), chapters.within(0.5, 0.1)))
    path = notebook_with(tmp_path, *shown)
    found = reading.records(path)
    assert found["f"] == {"value": 0.5, "error": 0.01, "n": 8, "unit": "steps"}
    assert [found[name]["value"] for name in ("count", "word", "pair", "whole")] == [
        5,
        "ab",
        1.0,
        3,
    ]
    assert found["pair"]["error"] == 0.5 and found["count"]["error"] is None
    (claim,) = reading.claims(path)
    said = claim["id"], claim["cell"], claim["verdict"], claim["passed"]
    assert said == ("half", 1, "agrees", True)


def test_a_number_recorded_twice_is_an_error(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(chapters, "_display", shown.append)
    chapters.record({"f": 0.5})
    with pytest.raises(ValueError, match="records 'f' twice"):
        reading.records(notebook_with(tmp_path, *shown, *shown))


def test_a_record_is_silent(capsys):
    chapters.record({"f": 0.5, "g": (0.5, 0.01, 8)})
    assert capsys.readouterr().out == ""


def test_a_recorded_number_is_finite():
    with pytest.raises(ValueError, match="f must be a finite number"):
        chapters.record({"f": math.nan})


def test_checked_parameters_are_read_back(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(chapters, "_display", shown.append)
    chapters.check({"n": 3, "phis": [0.5], "In": []}, n=(1, 9), phis=[(0.0, 1.0)])
    assert reading.parameters(notebook_with(tmp_path, *shown)) == {"n": 3, "phis": [0.5]}


def test_a_table_writes_numbers_as_the_book_does():
    rows = [
        {
            "process": "SGD",
            "φ_c": Estimate(0.63512, 0.0012),
            "φ": 0.5,
            "steps": 10_000,
            "steady": True,
        },
        {"process": "GD", "φ_c": (0.64, 0.01), "φ": math.nan, "steps": 12, "steady": None},
    ]
    words = chapters.table(rows, formats={"φ": "{:.3f}"}, caption="c").data.to_dict("records")
    assert list(words[0].values()) == ["SGD", "0.6351 ± 0.0012", "0.500", "10,000", "yes"]
    assert list(words[1].values()) == ["GD", "0.640 ± 0.010", "–", "12", "–"]
    assert chapters.table([(1, 2.5)], ["a", "b"]).data.columns.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="formats"):
        chapters.table(rows, formats={"phi": "{:.3f}"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rho_c", "<i>ρ</i><sub>c</sub>"),
        ("zeta_tau", "<i>ζ</i><sub>τ</sub>"),
        ("nu", "<i>ν</i>"),
        ("φ_c, Manna", "<i>φ</i><sub>c</sub>, Manna"),
        ("S of f∞", "S of <i>f</i><sub>∞</sub>"),
        ("RCD, b_f = 0.1", "RCD, <i>b</i><sub>f</sub> = 0.1"),
        ("half_point of 1:2, fifth", "half_point of 1:2, fifth"),
    ],
)
def test_symbols_of_a_table_are_written_as_symbols(text, shown):
    assert chapters.symbols(text) == shown
    made = chapters.table([(1.5, text)], [text, "b"], caption=text).to_html()
    assert made.count(f">{shown}<") == 3, "a head, a cell and the caption"


CAPTIONED = """Text before.

```{caption} one-figure
:alt: A curve, of {parameter}`n` points.

What to see: {measured}`f`, $x^2$.
```

Text after."""


def test_captions_are_read_from_markdown():
    notebook = {"cells": [{"cell_type": "markdown", "source": CAPTIONED}]}
    alt, text = "A curve, of {parameter}`n` points.", "What to see: {measured}`f`, $x^2$."
    assert reading.captions(notebook) == {"one-figure": (alt, text)}
    with pytest.raises(ValueError, match="one-figure"):
        reading.captions({"cells": notebook["cells"] * 2})


def test_the_page_puts_a_caption_to_its_figure(monkeypatch):
    monkeypatch.setattr(sphinxext, "picture_file", lambda _, figure, theme: f"/{theme}.png")
    figure = {"name": "one-figure", "width": 400, "light": "", "dark": ""}
    notebook = {"cells": [{"cell_type": "markdown", "source": CAPTIONED}]}
    numbers = {"n": {"value": 7, "error": None, "unit": None}}
    page = sphinxext.Page("a", reading.captions(notebook), numbers)
    outputs = [{"output_type": "display_data", "data": {chapters.FIGURE: figure}}]
    (text,) = page.cells(notebook["cells"][0])
    assert "caption" not in text["source"] and text["source"].startswith("Text before.")
    code, shown = page.cells({"cell_type": "code", "source": "", "outputs": outputs})
    assert code["outputs"] == []
    assert ":alt: A curve, of 7 points." in shown["source"]
    assert "What to see: {measured}`f`, $x^2$." in shown["source"]
