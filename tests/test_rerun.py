"""Reruns: what the page says of each chapter, what `make chapter` takes, and that two may run at once."""

import json
import multiprocessing
import os
import re
import shlex
from pathlib import Path

import bookpages
import pytest
import yaml
from markdown_it import MarkdownIt

from book import chapters
from book._tools import chapter, parameters, places, workshop

ALL = places.chapters()


def papermill_reads(command):
    """The parameters that papermill makes of a command's words."""
    resolve = pytest.importorskip("papermill.cli")._resolve_type
    words, given = iter(shlex.split(command)), {}
    for word in words:
        if word == "-p":
            name = next(words)
            given[name] = resolve(next(words))
        elif word == "-y":
            given |= yaml.safe_load(next(words))
    return given


def to_the_check(name, given):
    """Run the cells of a chapter up to its check, as papermill would."""
    iorw, parameterize = (
        pytest.importorskip("papermill.iorw"),
        pytest.importorskip("papermill.parameterize"),
    )
    notebook = parameterize.parameterize_notebook(
        iorw.load_notebook_node(str(places.ROOT / name)), given
    )
    names = {"In": []}
    for source in (cell.source for cell in notebook.cells if cell.cell_type == "code"):
        names["In"].append(source)
        exec(source, names)
        if "chapters.check(" in source:
            return names


@pytest.mark.parametrize("name", ALL)
def test_parameters_are_those_of_the_notebook(name):
    """Names and values as Python reads the cells, each default within its range."""
    found = parameters.of(name)
    own = to_the_check(name, {})
    notebook = json.loads((places.ROOT / name).read_text(encoding="utf8"))
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    names = {}
    exec("".join(first["source"]), names)
    del names["__builtins__"]
    assert {one.name: one.value for one in found} == names and set(names) <= set(own)
    chapters.check(names, **{one.name: one.allowed for one in found})
    assert all(one.meaning and parameters.extent(one.allowed) for one in found)


@pytest.mark.parametrize("name", ALL)
def test_commands_of_the_page_run(name):
    """What one may copy passes the chapter's own check, and `make chapter` takes it alike."""
    lines = parameters.commands(name, parameters.of(name))
    asked, *others = lines
    words = dict(word.split("=", 1) for word in shlex.split(asked.removeprefix("make chapter ")))
    assert chapter.request(words["NAME"], words["PARAMETERS"]) == (name, {"seed": 7})
    for line in others:
        if "tcp://" not in line:  # there is no cluster at that address
            given = papermill_reads(line)
            names = to_the_check(name, given)
            assert given and all(names[one] == value for one, value in given.items())


@pytest.mark.parametrize(
    ("allowed", "kind", "extent"),
    [
        ((1, 10_000), "integer", "1 to 10,000"),
        ((0, 2**32), "integer", "0 to 2³²"),
        ((1e-4, 0.5), "number", "0.0001 to 0.5"),
        ([(0.05, 0.74)], "list of numbers", "each 0.05 to 0.74"),
        ([(24, 10_000)], "list of integers", "each 24 to 10,000"),
        ({"live", "paper"}, "text", '"live" or "paper"'),
        ({500, 1_000}, "integer", "500 or 1,000"),
        (str, "text", "any"),
        (bool, "yes or no", "True or False"),
    ],
)
def test_types_and_ranges_in_words(allowed, kind, extent):
    assert (parameters.kind(allowed), parameters.extent(allowed)) == (kind, extent)


def test_costs_are_those_of_the_record_and_of_the_manifests(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "EXECUTED", tmp_path)
    name = "notebooks/locating_phi_c.ipynb"
    nothing = parameters.cost(name)
    assert parameters.seconds(nothing) == parameters.memory(nothing) == "not measured"
    (tmp_path / "notebooks").mkdir()
    record = tmp_path / "notebooks/locating_phi_c.made.json"
    record.write_text('{"seconds": 41.7, "peak memory": 512000000}')
    took = parameters.cost(name)
    assert (parameters.seconds(took), parameters.memory(took)) == ("42 s", "0.51 GB")
    hours = [
        json.loads((places.ROOT / f"book/results/{one}/manifest.json").read_text())["core hours"]
        for one in ("phi-c", "phi-c-longer", "phi-c-sizes")
    ]
    assert took.core_hours == pytest.approx(sum(hours))
    assert parameters.core_hours(took, parameters.of(name)) == f"{sum(hours):.1f} core hours"
    other = "notebooks/stochastic_approximations.ipynb"  # a size, and no archive
    assert parameters.core_hours(parameters.cost(other), parameters.of(other)) == "not measured"


def test_the_page_has_every_parameter():
    bookpages.require_book()
    bs4 = pytest.importorskip("bs4")
    soup = bs4.BeautifulSoup((places.HTML / "book/rerun.html").read_text("utf8"), "html.parser")
    for name in ALL:
        section = soup.find(id=f"parameters-of-{Path(name).stem.replace('_', '-')}")
        shown = [row.find("code").get_text() for row in section.select("tbody tr")]
        assert shown == [one.name for one in parameters.of(name)]


# ---------------------------------------------------------------------------------------------
# what papermill reads otherwise than one means it


@pytest.mark.parametrize(
    ("value", "allowed", "said"),
    [
        ("1e-3", (0.0, 1.0), "takes that for text: write 0.001"),
        ("1e-5", (0.0, 1.0), "takes that for text: write 1.0e-05"),
        ("1.0e3", (1, 2_000), "takes that for text: write 1000"),
        (["1e-5", 0.1], [(0.0, 1.0)], r"x\[0\].*write 1.0e-05"),
        ("500", (1, 2_000), "is taken for text: write 500"),
        ("[0.5, 0.6]", [(0.0, 1.0)], r"-p passes a list as text: write -y 'x: \[0.5, 0.6\]'"),
        (500.0, (1, 2_000), "got 500.0; write 500"),
    ],
)
def test_a_value_that_was_read_otherwise_is_explained(value, allowed, said):
    with pytest.raises(TypeError, match=said):
        chapters.check({"x": value}, x=allowed)
    right = yaml.safe_load("[1.0e-05, 1.0e-3]")
    assert right == [1e-5, 1e-3]  # what the sentence says is what YAML takes


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5, "several", None, [], "nan"])
def test_what_cannot_be_meant_is_refused_without_advice(value):
    with pytest.raises((TypeError, ValueError)) as caught:
        chapters.check({"x": value}, x=(1, 2_000))
    assert "write" not in str(caught.value)


# ---------------------------------------------------------------------------------------------
# make chapter


@pytest.mark.parametrize("name", ["packing_by_descent", " packing_by_descent.ipynb",
                                  "notebooks/packing_by_descent.ipynb"])  # fmt: skip
def test_names_of_chapters(name):
    assert chapter.named(name) == "notebooks/packing_by_descent.ipynb"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "none was given"),
        ("packing-by-descent", "Did you mean packing_by_descent"),
        ("manna_colapse", "Did you mean manna_collapse"),
        ("../../etc/passwd", "must be one of the chapters"),
        ("packing_by_descent; rm -r /", "must be one of the chapters"),
        ("notebooks/", "none was given"),
        ("ü\0\n", "must be one of the chapters"),
    ],
)
def test_a_name_of_no_chapter_gets_a_sentence(name, said):
    with pytest.raises(ValueError, match=said) as caught:
        chapter.named(name)
    assert "packing_by_descent" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("n=500  steps=1000", {"n": 500, "steps": 1000}),
        ("eps=1e-3 alpha=1.0e-3", {"eps": 1e-3, "alpha": 1e-3}),
        ("phis=[0.5, 0.6] seed=7", {"phis": [0.5, 0.6], "seed": 7}),
        ("size=paper dask=tcp://here:8786", {"size": "paper", "dask": "tcp://here:8786"}),
        ("dask='' shown='individual BRO'", {"dask": "", "shown": "individual BRO"}),
        ("flag=True", {"flag": True}),
    ],
)
def test_numbers_are_read(text, found):
    assert chapter.numbers(text) == found


@pytest.mark.parametrize("text", ["n", "n = 500", "n=", "=5", "n=1 n=2", "2n=3", "n:500", "-p n 5"])
def test_numbers_of_another_form_get_a_sentence(text):
    with pytest.raises(ValueError, match="PARAMETERS must"):
        chapter.numbers(text)


@pytest.mark.parametrize(
    "text", ["n=500,seed=7", "n=500, seed=7", "n=500;seed=7", "n=500 seed=7,", "n=500,,seed=7"]
)
def test_commas_in_the_place_of_blanks_get_a_line_to_copy(text):
    with pytest.raises(ValueError, match='must be separated by blanks: "n=500 seed=7"'):
        chapter.numbers(text)
    with pytest.raises(ValueError, match=r""": "x=\[1,2\] s='a,b=1' n=5";"""):
        chapter.numbers("x=[1,2],s='a,b=1';n=5")
    assert chapter.numbers("shown='a,b=1' x=[1,2]") == {"shown": "a,b=1", "x": [1, 2]}


@pytest.mark.parametrize("name", [Path(one).stem for one in places.chapters()])
def test_what_a_rerun_set_is_said_first(name):
    """Below the title, before what the book found with other numbers; all else stays as it was."""
    cells = json.loads((places.ROOT / f"notebooks/{name}.ipynb").read_text(encoding="utf8"))[
        "cells"
    ]
    first, *rest = chapter.noted(cells, {"n": 500, "seed": 7})
    text, note = "".join(cells[0]["source"]), "A rerun, with `n = 500`, `seed = 7`."
    assert first["source"].index(note) < first["source"].index("What we found")
    assert [line for line in first["source"].splitlines() if line][0] == text.splitlines()[0]
    assert first["source"].endswith(text.partition("\n")[2].strip()) and rest == cells[1:]
    assert "the numbers of the book" in chapter.noted(cells, {})[0]["source"]


@pytest.mark.parametrize("value", ["`<b>", "``", "a`b```c", "<b>$x$*", ["`", "``<i>`"], 0.5])
def test_what_a_rerun_set_is_shown_as_it_stands(value):
    """Also backticks and markup: the page has them as code, and none as its own."""
    (note, _) = chapter.noted([{"cell_type": "code", "source": ""}], {"shown": value, "n": 6})
    (line,) = [one for one in note["source"].splitlines() if "A rerun" in one]
    (words,) = (one for one in MarkdownIt().parse(line) if one.type == "inline")
    code = [one.content for one in words.children if one.type == "code_inline"]
    assert code == [f"shown = {value!r}", "n = 6"]
    assert {one.type for one in words.children} == {"text", "code_inline"}


@pytest.mark.parametrize("text", ["`", "a`", "``a", "a", "`` ` ``"])
def test_code_within_words_begins_and_ends_as_it_stands(text):
    (words,) = (one for one in MarkdownIt().parse(chapter.spanned(text)) if one.type == "inline")
    assert [(one.type, one.content) for one in words.children] == [("code_inline", text)]


def test_a_chapter_without_a_title_has_the_note_first():
    code = {"cell_type": "code", "source": "# no title\nn = 5"}
    (note, own) = chapter.noted([code], {"n": 6})
    assert "`n = 6`" in note["source"] and own == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("m=5", "unknown parameter 'm'"),
        ("step=5", "did you mean steps"),
        ("n=5", r"n must be an integer in \[50, 100000\]; got 5"),
        ("n=1e3", "write 1000"),
        ("phis=0.5", "phis must be a non-empty list"),
        ("n=__import__('os')", "n must be an integer"),
    ],
)
def test_what_a_chapter_does_not_take_is_said_before_it_runs(text, said, capsys):
    assert chapter.main(["packing_by_descent", text]) == 2
    assert re.search(said, capsys.readouterr().out)


def test_a_folder_is_called_by_its_numbers():
    assert chapter.slug({}) == "as-in-the-book"
    assert chapter.slug({"n": 500, "phis": [0.5, 0.6]}) == "n-500-phis-0.5-0.6"
    long = [chapter.slug({"phis": [0.5] * 40 + [last]}) for last in (0.6, 0.7)]
    assert long[0] != long[1] and max(map(len, long)) < 80
    assert "/" not in chapter.slug({"dask": "../../x"}) and chapter.slug({"a": ".."}) != ".."


def test_one_page_is_left_with_what_it_shows(tmp_path):
    """Pictures and data of other pages go, links to these lead to the book."""
    out = tmp_path / "html"
    page = (
        '<link href="../_static/a.css?v=1"><img src="../_images/own.png"><a href="other.html#x">o</a>'
        '<a href="../book/claims.html">c</a><a href="https://host/y.html">h</a><a href="#z">z</a>'
        '<a href="one.html">self</a>'
    )
    files = {"notebooks/one.html": page, "notebooks/other.html": "", "book/claims.html": "",
             "_static/a.css": "", "_images/own.png": "", "_images/others.png": "", "search.html": "",
             "searchindex.js": "", "_downloads/ab/x.csv": ""}  # fmt: skip
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    chapter.tidy(out, "notebooks/one.html")
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert left == {"notebooks/one.html", "_static/a.css", "_images/own.png"}
    assert {path.name for path in out.iterdir()} == {"notebooks", "_static", "_images"}
    text = (out / "notebooks/one.html").read_text()
    home = chapter.RERUNS / "packing_by_descent/as-in-the-book/notebooks"
    for address in ("notebooks/other.html", "book/claims.html"):
        link = os.path.relpath(places.HTML / address, home)
        assert f'href="{link}' in text
    assert 'href="https://host/y.html"' in text and 'href="one.html"' in text


def test_a_page_takes_the_place_of_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setattr(chapter, "RERUNS", tmp_path / "reruns")
    for turn in ("first", "second"):
        made = tmp_path / turn / "html"
        made.mkdir(parents=True)
        (made / "page").write_text(turn)
        place = chapter.put(made, "notebooks/mixtures.ipynb", {"n": 200})
    assert place == tmp_path / "reruns/mixtures/n-200"
    assert (place / "page").read_text() == "second"


# ---------------------------------------------------------------------------------------------
# workshops


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A built book of two files."""
    monkeypatch.setattr(workshop, "BUILD", tmp_path)
    monkeypatch.setattr(workshop, "WORKSHOPS", tmp_path / "workshops")
    monkeypatch.setattr(workshop, "COMPLETE", tmp_path / "complete.txt")
    for name in ("executed/notebooks/a.ipynb", ".doctrees/a.doctree", "complete.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_a_workshop_has_copies_and_goes(build):
    with workshop.opened("test") as folder:
        (folder / ".doctrees/a.doctree").write_text("changed")
        assert (folder / "executed/notebooks/a.ipynb").exists()
    assert list(workshop.WORKSHOPS.iterdir()) == []
    assert (build / ".doctrees/a.doctree").read_text() == "{}"


def test_nothing_half_built_is_taken(build):
    (build / "complete.txt").unlink()
    with workshop.opened("test") as folder:
        assert not (folder / ".doctrees").exists() and (folder / "executed").exists()


def _hold(build, ready, done):
    """In another process: a workshop that stays open."""
    workshop.BUILD, workshop.WORKSHOPS = build, build / "workshops"
    workshop.COMPLETE = build / "complete.txt"
    with workshop.opened("test") as folder:
        (folder / "own").write_text(str(os.getpid()))
        ready.set()
        done.wait(30)
        assert (folder / "own").read_text() == str(os.getpid())


def test_without_a_book_no_chapter_is_run(build, monkeypatch, capsys):
    (build / "complete.txt").unlink()
    monkeypatch.setattr(chapter, "run", lambda *_: pytest.fail("it ran"))
    assert chapter.main(["mixtures", "n=200"]) == 1
    assert "make book" in capsys.readouterr().out


def test_what_was_computed_is_kept_when_no_page_comes_of_it(build, monkeypatch, capsys):
    monkeypatch.setattr(chapter, "RERUNS", build / "reruns")
    monkeypatch.setattr(chapter, "run", lambda *_: build / "executed/notebooks/a.ipynb")
    monkeypatch.setattr(chapter, "page", lambda *_: None)
    assert chapter.main(["mixtures", "n=200"]) == 1
    assert (build / "reruns/mixtures-n-200.ipynb").read_text() == "{}"
    assert "No page came of it" in capsys.readouterr().out


def test_two_at_once_and_one_that_was_killed(build):
    context = multiprocessing.get_context("spawn")
    ready, killed, done, never = (context.Event() for _ in range(4))  # none is shared by the two
    one = context.Process(target=_hold, args=(build, ready, done))
    two = context.Process(target=_hold, args=(build, killed, never))
    one.start(), two.start()
    assert ready.wait(30) and killed.wait(30)
    two.kill()
    two.join()
    assert len([path for path in workshop.WORKSHOPS.iterdir() if path.is_dir()]) == 2
    with workshop.opened("test"):  # clears what the dead one left, and leaves the living alone
        assert len([path for path in workshop.WORKSHOPS.iterdir() if path.is_dir()]) == 2
    done.set()
    one.join(30)
    assert one.exitcode == 0 and list(workshop.WORKSHOPS.iterdir()) == []
