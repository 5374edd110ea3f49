"""The interactive figures without a browser: descriptions, modules, live classes, the book's directive."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bookpages import ROOT

import mpack
from book._tools import figuredata, interactive, places, sphinxext
from mpack.figures import COLOURS
from mpack.widgets import _same, _sources

FIGURES = _sources.names()
CSS = (ROOT / "book/_static/book.css").read_text(encoding="utf8")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_fully_described(name):
    schema = _sources.schema(name)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name) and isinstance(schema["version"], int)
    assert len(schema["summary"]) > 80 and len(schema["try"]) > 80 and len(schema["title"]) > 10
    for key, field in schema["state"].items():
        assert field["kind"] in _sources.KINDS and field["label"], key
        assert _sources.accept(key, field["default"], field) == field["default"], key
        if field["kind"] in ("number", "integer"):
            assert -_sources.SAFE <= field["min"] < field["max"] <= _sources.SAFE, key
            assert field.get("scale") != "log" or field["min"] > 0, key
            assert (field["min"], field["max"]) == (
                min(values := field.get("values", [field["min"], field["max"]])),
                max(values),
            ) and values == sorted(values), key
    for theme in ("light", "dark"):
        still = places.ROOT / f"book/stills/{name}-{theme}.png"
        assert still.exists(), f"python -m book._tools.stills {name}"
    assert _sources.from_text(name, schema["still"])


@pytest.mark.parametrize("name", FIGURES)
def test_a_module_imports_nothing_and_names_no_host(name):
    text = _sources.module(name)
    assert not re.search(r"^\s*import[\s{*]", text, re.MULTILINE)
    assert "require(" not in text and not re.search(r"fetch\(|XMLHttpRequest|WebSocket", text)
    assert not re.search(r"https?://", text)
    assert text.count("export default") == 1
    constants = dict(re.findall(r"^const (COLOURS|SCHEMA) = (.*);$", text, re.MULTILINE))
    assert json.loads(constants["SCHEMA"])["name"] == name
    colours = json.loads(constants["COLOURS"])
    assert {meaning: tuple(pair) for meaning, pair in colours.items()} == COLOURS | _sources.FRAME


def test_the_book_s_scripts_join_to_the_same_modules():
    files = _sources.scripts()
    shared = json.loads(
        files["shared.js"][files["shared.js"].rindex(")({}, ") + len(")({}, ") : -3]
    )
    for name in FIGURES:
        listed = json.loads(
            files[f"{name}.js"].removeprefix(f'mpackFigures.add("{name}", ').removesuffix(");\n")
        )
        assert "\n".join(shared.get(part, part) for part in listed) == _sources.module(name)


def test_the_book_ships_each_script_once():
    """A figure's own page loads those of the book, and holds none; one that is saved holds all."""
    files = _sources.scripts()
    for name in FIGURES:
        page = _sources.linked(name)
        assert re.findall('<script src="(.*?)">', page) == ["shared.js", f"{name}.js"]
        assert {"shared.js", f"{name}.js"} <= set(files) and len(page) < 2000
        assert "<script src" not in _sources.standalone(name).partition("globalThis")[0]


def test_what_the_chapter_says_of_the_sweep_that_runs_in_its_page():
    """Of the figure as it opens: where the curve leaves zero at three moments, the last run that dies, and the next."""
    fields = _sources.schema("sweep")["state"]
    given = {name: fields[name]["default"] for name in ("n", "steps", "seed", "eps", "low", "high")}
    phis = np.round(np.linspace(given["low"], given["high"], 20), 4)[:11]
    common = {"n": given["n"], "steps": given["steps"], "seed": given["seed"], "phi": phis.tolist()}
    specs = mpack.specs(mpack.PairwiseBRO(given["eps"]), record=mpack.every(1), **common)
    table = mpack.sweep(specs, progress=False)
    last = [table.phi[table.absorbed & (table.steps <= k)].max() for k in (250, 500, 2000)]
    assert last[0] < last[1] < last[2] == phis[9]
    assert table.series[9].activity[1000] > 1 / 3
    assert not table.absorbed[10] and not table.reliable[10]


def test_the_frame_has_the_shades_of_the_page():
    for name, place in (("card", "card"), ("line", "line")):
        light, dark = re.findall(rf"--mpack-{place}: (#\w+);", CSS)
        assert _sources.FRAME[name] == (light, dark)
    standalone = _sources.standalone("playground")
    assert COLOURS["paper"][1] in standalone


@pytest.mark.parametrize("name", FIGURES)
def test_the_data_of_a_figure_are_what_the_library_makes(name):
    path = _sources.FOLDER / f"{name}.data.json"
    assert path.exists() == (name in figuredata.MADE)
    if path.exists() and name != "approach":  # below
        assert path.read_text(encoding="utf8") == figuredata.text_of(figuredata.MADE[name]()), (
            "python -m book._tools.figuredata"
        )


def test_the_data_of_the_approach_are_the_archive_s():
    """To the byte, but for the fits: the last digit of those may hang on SciPy."""
    path, made = _sources.FOLDER / "approach.data.json", figuredata.approach()
    kept = json.loads(path.read_text(encoding="utf8"))
    assert path.stat().st_size < 100_000
    for one, other in zip(kept["scans"], made["scans"], strict=True):
        fits = [given.pop("fit", None) or [] for given in (one, other)]
        assert fits[0] == pytest.approx(fits[1], rel=1e-3)
    assert kept.pop("end") == pytest.approx(made.pop("end"), rel=1e-3)
    assert figuredata.text_of(kept) == figuredata.text_of(made), "python -m book._tools.figuredata"


# The state
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state,sentence", [
    ({"fi": 1}, "has nothing called 'fi'; it has dynamics"),
    ({"phi": 7}, "phi must be a finite number in .0.1, 1.2.; got 7"),
    ({"phi": float("nan")}, "phi must be"),
    ({"n": 5}, "n must be an integer in .20, 100000.; got 5"),
    ({"dynamics": "SDG"}, "dynamics must be one of 'PairwiseBRO'.*got 'SDG'"),
])  # fmt: skip
def test_a_state_outside_its_range_is_refused(state, sentence):
    with pytest.raises(ValueError, match=sentence):
        _sources.checked("playground", state)
    with pytest.raises(ValueError, match=sentence):
        mpack.widgets.Playground(**state)


def test_a_state_that_is_not_in_the_list_is_refused():
    with pytest.raises(ValueError, match="alpha must be one of 0.001, 0.003, .*got 0.02"):
        _sources.checked("approach", {"alpha": 0.02})


@pytest.mark.parametrize("state", [{"phi": "0.7"}, {"n": 100.5}, {"arrows": 1}, {"phi": True}])
def test_a_state_of_another_type_is_refused(state):
    with pytest.raises(TypeError):
        _sources.checked("playground", state)


def test_state_as_text():
    assert _sources.from_text("playground", "phi=0.7, dynamics=SGD,running, arrows=0, n = 60") == {
        "phi": 0.7, "dynamics": "SGD", "running": True, "arrows": False, "n": 60}  # fmt: skip
    assert _sources.from_text("playground", "") == {}
    for bad in ("phi", "phi=x", "n=1.5", "running=maybe", "nothing=1"):
        with pytest.raises(ValueError):
            _sources.from_text("playground", bad)


@pytest.mark.parametrize("aspect", (1, 1.6))
def test_the_key_of_a_run_holds_what_it_depends_on_and_no_more(aspect):
    base = {"n": 60, "phi": 0.9, "step": 0, "aspect": aspect}
    for name in ("PairwiseBRO", "RCD", "GD"):
        for batch_size in (0, 7):
            state = {**base, "dynamics": name, "batch_size": batch_size}
            key, run = _same.key(state), list(_same.runs(state, [20]))[-1]
            assert list(_same.runs(key, [20]))[-1].digest == run.digest
            fields = _sources.schema("playground")["state"]
            for other in set(fields) - set(key):  # moving it changes nothing
                field = fields[other]
                last = list(field.get("options", [None]))[-1]
                others = {"flag": not field["default"], "choice": last}
                moved = others.get(field["kind"], field.get("max"))
                if other == "batch_size" and name == "RCD":
                    continue
                assert list(_same.runs(state | {other: moved}, [20]))[-1].digest == run.digest, (
                    other
                )


# Live
# --------------------------------------------------------------------------------------------------------


def test_figures_are_imported_when_first_used():
    code = """import mpack, sys; dir(mpack.widgets); print(*sys.modules)
mpack.widgets.Playground; print('anywidget' in sys.modules)"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert not {"anywidget", "ipywidgets", "numba", "matplotlib"} & set(loaded[0].split())
    assert loaded[1] == "True"


@pytest.mark.parametrize("name", FIGURES)
def test_a_live_figure_has_its_state_as_traits(name):
    make = getattr(mpack.widgets, _sources.class_name(name))
    figure, fields = make(), _sources.schema(name)["state"]
    assert figure.state() == {key: field["default"] for key, field in fields.items()}
    assert set(fields) <= set(figure.trait_names(sync=True))
    assert figure._esm == _sources.module(name)
    assert all(key in make.__doc__ for key in fields)
    data, _ = figure._repr_mimebundle_()
    assert (
        'class="mpack-widget"' in data["text/html"] and f'data-module="{name}"' in data["text/html"]
    )
    assert "application/vnd.jupyter.widget-view+json" in data
    figure.close()


def test_a_live_figure_refuses_what_it_cannot_show():
    figure = mpack.widgets.Playground(phi=0.7, running=True)
    assert repr(figure) == "Playground(phi=0.7, running=True)"
    assert eval(repr(figure), {"Playground": mpack.widgets.Playground}).state() == figure.state()
    with pytest.raises(ValueError, match="phi must be"):
        figure.phi = 3.0
    assert figure.phi == 0.7
    with pytest.raises(AttributeError, match="no attribute 'Plaything'"):
        mpack.widgets.Plaything


# The book
# ----------------------------------------------------------------------------------------------------

PAGE = """# Page

```{{mpack-widget}} {figure}
:name: fig-one
:state: {state}
:still: /still
:alt: What the still shows.

The caption.
```

A {{mpack-set}}`link to <b> <{link}>`.

1. {{mpack-set}}`Denser <fig-one: phi=1>` is a stop.
2. And {{mpack-set}}`this <fig-one: phi=0.2>` is the next.

Not a tour:

1. {{mpack-set}}`Denser <fig-one: phi=1>`.
2. Nothing.
"""


def rendered(
    tmp_path, monkeypatch, figure="playground", state="phi=0.7", link="fig-one: phi=0.9, running"
):
    """(warnings, page) of a small book with one figure and one link."""
    from sphinx.application import Sphinx

    monkeypatch.setattr(places, "BUILD", tmp_path / "build")
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        "extensions = ['myst_parser']\nhtml_static_path = []\n"
        "def setup(app):\n    from book._tools import interactive, sphinxext\n"
        "    interactive.setup(app, sphinxext.ThemeFigure)\n"
    )
    for theme in ("light", "dark"):
        (source / f"still-{theme}.png").write_bytes(
            (ROOT / f"book/stills/playground-{theme}.png").read_bytes()
        )
    (source / "index.md").write_text(PAGE.format(figure=figure, state=state, link=link))
    warnings = (tmp_path / "warnings.txt").open("w+")
    app = Sphinx(
        source, source, tmp_path / "html", tmp_path / "trees", "html", status=None, warning=warnings
    )
    app.build()
    warnings.seek(0)
    again = "already registered"  # what Sphinx says if another test has set it up in this process
    said = [line for line in warnings.read().splitlines() if again not in line]
    return "\n".join(said), (tmp_path / "html/index.html").read_text(encoding="utf8")


def test_the_directive_and_the_link(tmp_path, monkeypatch):
    from bs4 import BeautifulSoup

    warnings, text = rendered(tmp_path, monkeypatch)
    assert not [line for line in warnings.splitlines() if "mpack-figures" not in line], warnings
    page = BeautifulSoup(text, "html.parser")
    figure = page.find("figure", id="fig-one")
    widget = figure.find(class_="mpack-widget")
    assert (widget["data-module"], widget["data-id"], json.loads(widget["data-state"])) == (
        "playground",
        "fig-one",
        {"phi": 0.7},
    )
    assert (
        len(figure.find_all("img", alt="What the still shows.")) == 2
        and "The caption." in figure.figcaption.text
    )
    link = page.find("a", class_="mpack-set")
    assert (link["href"], link.text, json.loads(link["data-state"])) == (
        "#fig-one",
        "link to <b>",
        {"phi": 0.9, "running": True},
    )
    assert ["mpack-tour" in found["class"] for found in page.find_all("ol")] == [True, False]
    loaded = [
        script["src"]
        for script in page.find_all("script", src=True)
        if "mpack-figures" in script["src"]
    ]
    assert [Path(source.split("?")[0]).name for source in loaded] == ["shared.js", "playground.js"]
    written = places.BUILD / "vendor_static/mpack-figures"
    assert {path.name for path in written.iterdir()} == {"shared.js"} | {
        f"{name}.{end}" for name in FIGURES for end in ("js", "html")
    }


@pytest.mark.parametrize("wrong,sentence", [
    ({"figure": "playgroud"}, "must be one of"),
    ({"state": "phi=9"}, "phi must be"),
    ({"link": "fig-two: phi=0.9"}, "no interactive figure 'fig-two'"),
    ({"link": "fig-one: chi=0.9"}, "nothing called 'chi'"),
    ({"link": "fig-one"}, "mpack-set wants"),
])  # fmt: skip
def test_a_mistake_in_the_text_is_a_warning(tmp_path, monkeypatch, wrong, sentence):
    assert sentence in rendered(tmp_path, monkeypatch, **wrong)[0]


def test_controls_that_need_a_kernel_become_what_they_showed():
    view = {
        "data": {interactive.VIEW: {"model_id": "box"}, "text/plain": "VBox()"},
        "output_type": "display_data",
    }
    picture = {"output_type": "display_data", "data": {"image/png": "xyz"}}
    states = {
        "box": {"children": ["IPY_MODEL_slider", "IPY_MODEL_menu", "IPY_MODEL_out"]},
        "slider": {"value": 0.7, "description": "phi"},
        "menu": {"index": 1, "_options_labels": ["BRO", "SGD"], "description": "rule:"},
        "out": {"_model_name": "OutputModel", "outputs": [picture]},
    }
    notebook = {
        "cells": [{"outputs": [view, picture]}, {"source": "text"}],
        "metadata": {
            "widgets": {
                interactive.STATE: {
                    "state": {key: {"state": value} for key, value in states.items()}
                }
            }
        },
    }
    interactive.freeze(notebook)
    note, shown, after = notebook["cells"][0]["outputs"]
    assert (
        "phi 0.7, rule SGD" in note["data"]["text/html"] and "make lab" in note["data"]["text/html"]
    )
    assert shown == after == picture
    assert "widgets" not in notebook["metadata"]
    assert sphinxext.Page("x", {}, {}).cells({"cell_type": "code", **notebook["cells"][0]})
