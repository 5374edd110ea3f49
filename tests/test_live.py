"""The classroom and the chapters as live notebooks, without Voila: what they are made of, and that they can be run."""

import ast
import html
import json
import re
import socket

import ipywidgets
import pytest
from bookpages import CHAPTERS, ROOT

import mpack
from book._tools import labels, lesson, live, roles
from mpack.widgets._lesson import Guided, Prediction, Tour

PAGE = (ROOT / live.LESSON).read_text(encoding="utf8")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    paths = live.write(tmp_path_factory.mktemp("live"))
    return {path.name: json.loads(path.read_text(encoding="utf8")) for path in paths}


def sources(notebook, kind):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_the_lesson_is_the_page_and_runs(written, monkeypatch):
    """Every figure, link and prediction of the page is there, and every cell can be executed."""
    monkeypatch.setattr("mpack.widgets._explorer.Explorer._draw", lambda _: None)
    made, names = [], {}
    for code in sources(written["Classroom.ipynb"], "code"):
        *lines, last = ast.parse(code).body
        exec(compile(ast.Module(lines, []), "cell", "exec"), names)
        made.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    kind = mpack.widgets._class("playground").__mro__[1]
    guided = [one for one in made if isinstance(one, Guided)]
    beside = [one.children[1].children[0] for one in guided]
    assert made[-1].driven and [one for one in made if isinstance(one, kind)] == made[-1:]
    figures = beside  # each has its tour at its side; the library's own stands at the end
    assert [one.figure for one in figures] == re.findall(r"\{mpack-widget\} (\w+)", PAGE)
    asked = [one for one in made if isinstance(one, Prediction)]
    assert len(asked) == PAGE.count("} Predict first")
    tours = [stop for one in guided for stop in one._stops]
    tours += [one for one in made if isinstance(one, Tour)] + [one._answer for one in asked]
    links = lesson.SET.findall(PAGE[PAGE.index("\n## ") :])
    assert sorted(words_of(tours)) == sorted(re.sub(r"[$*\\{}]", "", words) for words, *_ in links)


def words_of(widgets):
    for widget in widgets:
        if isinstance(widget, ipywidgets.Button):
            yield widget.description
        yield from words_of(getattr(widget, "children", ()))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_has_no_role_left_and_no_solution(written, path):
    notebook = written[path.name]
    for text in sources(notebook, "markdown"):
        assert not roles.ROLE.search(text) and not re.search(r"^`{3,}\{", text, re.MULTILINE), text
    codes = sources(notebook, "code")
    assert "font-size" in codes[0] and not any("answer = None" in code for code in codes)


@pytest.mark.parametrize("path", CHAPTERS[:2], ids=lambda path: path.stem)
def test_without_the_book_a_chapter_runs_whole(path, tmp_path):
    whole = json.loads(path.read_text(encoding="utf8"))
    shown = [code for code in sources(whole, "code") if "chapters.check(" in code]
    assert shown[0] in sources(live.chapter(path, tmp_path / "missing.ipynb"), "code")


def test_what_the_book_computed_is_shown_and_only_what_is_touched_runs(tmp_path):
    """Of four cells the third makes controls: it runs, and so does the first, on which it depends."""
    sources_ = ["a = 2\nprint(a)", "slow()", "b = a\nexplore(b)", "late(b)"]
    codes = [lesson.code_cell(source) | {"id": f"c{i}"} for i, source in enumerate(sources_)]
    picture = {"image/png": "AAAA"}
    outputs = [
        [{"output_type": "stream", "name": "stdout", "text": "2 < 3\n"}],
        [{"output_type": "display_data", "data": picture}],
        [{"output_type": "display_data", "data": {live.VIEW: {}, "text/html": "<b>still</b>"}}],
        [{"output_type": "display_data", "data": {"text/html": "<i>late</i>", "text/plain": "x"}}],
    ]
    empty = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    ran = [cell | {"outputs": output} for cell, output in zip(codes, outputs, strict=True)]
    for name, cells in (("source", codes), ("executed", ran)):
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(empty | {"cells": cells}))
    made = live.chapter(tmp_path / "source.ipynb", tmp_path / "executed.ipynb")
    assert sources(made, "code")[1:] == [f"%%capture\n{sources_[0]}", sources_[2]]
    words = "\n".join(sources(made, "markdown"))
    assert "<pre>2 &lt; 3" in words and "base64,AAAA" in words and "<i>late</i>" in words
    assert "slow()" in words and "still" not in words


def test_the_first_page_has_titles_and_pictures_in_the_books_order(written):
    page = (live.SHELF / live.TEMPLATE / "shelf.html").read_text(encoding="utf8")
    links = re.findall(r"voila/render/(\w+)\.ipynb", page)
    assert [f"{name}.ipynb" for name in links] == list(written)
    for name in links[1:]:
        assert html.escape(labels.titles()[name]) in page
    assert page.count("<img ") >= 1 and "://" not in page


def test_the_port_that_is_told_is_free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert port < live.free_port(port) < port + 100
    assert live.GIVEN_PORT.fullmatch("--port=9000")[1] == "9000"


def test_roles_are_written_out():
    numbers = {"x": {"value": 0.5, "error": 0.01, "unit": ""}}
    text = "{term}`activity <f>` {measured}`x` {cite:t}`Kunin2024` {cite:p}`Corte2008,Lubeck2004` "
    text += "{eq}`eq-manna-scaling` {doc}`locating_phi_c` [](../notebooks/manna_collapse.ipynb) "
    text += "{readingtime}`minutes`"
    assert (
        roles.plain(text, numbers)
        == "activity 0.500 ± 0.010 Kunin et al. (2024) (Corté et al., 2008; Lübeck, 2004) (11.2) "
        f"[{labels.titles()['locating_phi_c']}](locating_phi_c.ipynb) "
        "[The Manna collapse](manna_collapse.ipynb) … minutes"
    )
    assert (
        roles.plain("````{note} Careful\n:class: tip\nSo $x$.\n````\n", {})
        == "**Careful**\n\nSo $x$.\n"
    )


def test_a_button_sets_the_figure():
    figure = mpack.widgets.Playground(phi=0.7, arrows=True)
    tour = mpack.widgets.tour(
        [("Words.", [("Denser", figure, "phi=0.9, running"), ("As it was", figure, "")])]
    )
    denser, before = tour.children[0].children
    denser.click()
    assert (figure.phi, figure.arrows, figure.running) == (0.9, True, True)
    before.click()
    assert (figure.phi, figure.running) == (0.7, False)
    with pytest.raises(ValueError, match="phi must be"):
        mpack.widgets.tour([("Words.", [("No", figure, "phi=9")])])
    with pytest.raises(TypeError, match="stops must be pairs"):
        mpack.widgets.tour(["Words."])


def test_a_tour_beside_its_figure_shows_a_stop_at_a_time():
    figure = mpack.widgets.Playground()
    stops = [("One.", [("Denser", figure, "phi=0.9"), ("Less", figure, "phi=0.3")]), ("Two.", [])]
    tour = mpack.widgets.tour([*stops, ("Three.", [("More", figure, "phi=1")])], beside=figure)
    assert figure in tour.children[1].children and tour._back.disabled and figure.phi == 0.6
    for phi, text, count in ((0.6, "Two.", "2 of 3"), (1.0, "Three.", "3 of 3")):
        tour._next.click()
        shown = tour._panel.children[1]
        assert (figure.phi, shown.children[-1].value, tour._count.value) == (phi, text, count)
    assert tour._next.disabled
    tour.visit(0)
    assert figure.phi == 0.9 and len(tour._panel.children) == 2
    with pytest.raises(ValueError, match="stops must hold one"):
        mpack.widgets.tour([], beside=figure)
    with pytest.raises(TypeError, match="beside must be an interactive figure"):
        mpack.widgets.tour(stops, beside="playground")


def test_an_answer_waits_for_a_prediction():
    answer = mpack.widgets.tour([("The answer.", [])])
    asked = mpack.widgets.predict("<p>What?</p>", answer)
    assert answer not in asked.children and asked._look.disabled
    asked._field.value = "  "
    asked.look()
    assert answer not in asked.children
    asked._field.value = "It <b>stops</b>."
    asked._look.click()
    assert (
        answer in asked.children
        and "&lt;b&gt;" in asked.children[1].value
        and asked.said == "It <b>stops</b>."
    )


def test_the_page_of_voila_asks_no_other_host():
    template = live.TEMPLATES / "voila/templates/classroom"
    assert (
        live.settings()["JUPYTER_PATH"].startswith(str(live.SHELF))
        and "--template=classroom" in live.arguments()
    )
    for path in template.iterdir():
        assert "://" not in path.read_text(encoding="utf8")


def test_the_command_heats_one_kernel_and_takes_options():
    command = live.arguments("somewhere", ["--port=9000"])
    assert command[1:4] == ["-m", "voila", "somewhere"] and "--port=9000" in command
    assert any(
        "'Classroom.ipynb': {'pool_size': 1}" in part and "'default': {'pool_size': 0}" in part
        for part in command
    )
