"""Ways in: the doors of a chapter lead where they say, nothing is invented, and what Binder and Colab are given."""

import contextlib
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml
from bookpages import HTML, ROOT, require_book
from bs4 import BeautifulSoup
from packaging.requirements import Requirement
from sphinx.errors import ConfigError

from book._tools import build, colab, places, ways

OURS = "https://github.com/someone/a-book"


def config():
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["sphinx"]["config"]


def links(repository, branch="main"):
    """[(host, address, words)] of the line of a chapter."""
    soup = BeautifulSoup(
        ways.line(repository, branch, "x_y.ipynb", "../book/ways_in.html"), "html.parser"
    )
    return [(urlsplit(a["href"]).netloc, a["href"], a.get_text()) for a in soup("a")]


def test_without_a_repository_no_door_leads_to_a_public_host():
    assert [host for host, _, _ in links("")] == [""]
    assert links("")[0][1] == "../book/ways_in.html"


def test_each_door_says_where_it_leads():
    (hub, one, binder), (host, two, in_colab), (nowhere, _, _) = links(OURS)
    assert hub in binder and host in in_colab and nowhere == ""
    assert urlsplit(one).path == "/v2/gh/someone/a-book/main"
    assert parse_qs(urlsplit(one).query)["urlpath"] == ["lab/tree/_build/reader/x_y.ipynb"]
    assert urlsplit(two).path == "/github/someone/a-book/blob/main/notebooks/x_y.ipynb"


def test_a_repository_elsewhere_has_binder_alone():
    (_, address, _), *rest = links("https://git.example.org/group/book", "a/branch")
    assert "git/https%3A%2F%2Fgit.example.org%2Fgroup%2Fbook/a%2Fbranch?" in address
    assert unquote(address).count("example.org") == 1 and [host for host, _, _ in rest] == [""]


@pytest.mark.parametrize("wrong", ("github.com/a/b", "http://x.org/a", "https://x", 'https://x/"a'))
def test_what_is_no_address_is_refused_before_any_page(wrong):
    with pytest.raises(ConfigError, match="mpack_repository"):
        ways.checked(None, SimpleNamespace(mpack_repository=wrong))


def test_words_of_an_address_cannot_leave_their_attribute():
    assert "<script" not in ways.line(OURS, '"><script>', "x.ipynb", "y.html")


def test_every_built_chapter_has_the_line_and_its_links_lead_somewhere():
    require_book()
    for chapter in places.chapters():
        page = HTML / chapter.replace(".ipynb", ".html")
        soup = BeautifulSoup(page.read_text(encoding="utf8"), "html.parser")
        (line,) = soup.select("article .mpack-ways")
        assert line.find_previous_sibling("h1")
        found = [a["href"] for a in line("a")]
        assert len(found) == (3 if config()["mpack_repository"] else 1)
        assert (page.parent / found[-1]).resolve().exists()


# ------------------------------------------------------------------------------------------------
# the built book has the pages of the table of contents


def test_a_page_too_few_or_too_many_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "pages", lambda: ["book/a", "notebooks/b"])
    for folder, name in (("book", "a"), ("notebooks", "b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.html").write_text("")
    assert build.astray(tmp_path) == ([], [])
    (tmp_path / "book" / "old.html").write_text("")
    (tmp_path / "notebooks" / "b.html").unlink()
    assert build.astray(tmp_path) == (["notebooks/b.html"], ["book/old.html"])


def test_the_built_book_has_the_pages_that_are_listed_and_each_cell_of_a_chapter():
    require_book()
    assert build.astray() == ([], [])
    assert (HTML / ".nojekyll").exists()
    for chapter in places.chapters():
        source = json.loads((ROOT / chapter).read_text(encoding="utf8"))["cells"]
        executed = json.loads((places.EXECUTED / chapter).read_text(encoding="utf8"))["cells"]
        assert [cell["cell_type"] for cell in executed] == [cell["cell_type"] for cell in source]


# ------------------------------------------------------------------------------------------------
# Binder, Colab, the container


def test_binder_gets_the_pins_and_a_python_that_they_are_for():
    folder = ROOT / "binder"
    lines = (folder / "requirements.txt").read_text().splitlines()
    for line in lines:
        assert line[0] == "#" or (folder / line.removeprefix("-r ")).exists()
    python = (folder / "runtime.txt").read_text().strip().removeprefix("python-")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert project["requires-python"] == f">={python}"
    script = folder / "postBuild"
    assert script.stat().st_mode & 0o111 and script.read_text().startswith("#!/bin/bash\n")
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def colab_script():
    spec = importlib.util.spec_from_file_location("colab_script", ROOT / "binder" / "colab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_in_colab_each_installed_package_is_a_constraint_and_only_missing_ones_are_asked_for(
    monkeypatch, capsys
):
    script, calls, here = colab_script(), [], {"numpy": "2.1.3", "numba": "0.61.2"}

    def pip(*words):
        if "-c" in words:
            constraints = words[words.index("-c") + 1].read_text().split()
            assert constraints == ["numpy==2.1.3", "numba==0.61.2"]
            here["gsd"] = "5"
        calls.append(words)

    monkeypatch.setattr(script, "installed", lambda: dict(here))
    monkeypatch.setattr(script, "pip", pip)
    assert script.main() == 0 and "0 changed" in capsys.readouterr().out
    asked = calls[0][calls[0].index("-c") + 2 :]
    assert "gsd" in asked and not {"numpy", "numba"} & set(asked)
    assert calls[1][:2] == ("--no-deps", "-e")


def test_in_colab_a_version_that_changed_is_said(monkeypatch, capsys):
    script, lists = colab_script(), [{"numpy": "2.1.3"}, {"numpy": "2.4.6"}]
    monkeypatch.setattr(script, "installed", lambda: lists.pop(0))
    monkeypatch.setattr(script, "pip", lambda *words: None)
    assert script.main() == 1
    assert "numpy was 2.1.3 and is 2.4.6" in capsys.readouterr().out


def brings(names):
    """The names of the distributions that these require, and theirs, as they are installed here."""
    found, waiting = set(), list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        with contextlib.suppress(metadata.PackageNotFoundError):
            needed = (Requirement(one) for one in metadata.requires(name) or ())
            waiting += [one.name for one in needed if not one.marker or one.marker.evaluate()]
    return found


def test_colab_has_or_is_given_what_chapters_import():
    """What the book's modules and the chapters' drawings import, they find: no other distribution is needed."""
    lines = (ROOT / "binder" / "colab.txt").read_text().splitlines()
    has = {line.partition("==")[0] for line in lines if line and line[0] != "#"}
    given = brings({*colab_script().wanted(), *has} - {"notebook"})
    modules = sorted(
        f"book.demos.{path.stem}" for path in (ROOT / "book" / "demos").glob("[a-z]*.py")
    )
    code = (
        "import importlib, sys; before = set(sys.modules);"
        f"[importlib.import_module(name) for name in {['book.chapters', 'book.reruns', *modules]}];"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    who = metadata.packages_distributions()
    needed = {
        re.sub(r"[-_.]+", "-", who[name][0]).lower() for name in done.stdout.split() if name in who
    }
    assert {"numpy", "matplotlib"} <= needed and needed - {"mpack-sgd"} - given == set()


def test_the_versions_of_colab_lie_within_our_ranges():
    lines = (ROOT / "binder" / "colab.txt").read_text().splitlines()
    brought = dict(line.split("==") for line in lines if "==" in line and line[0] != "#")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    extras = project["optional-dependencies"]
    asked = project["dependencies"] + extras["widgets"] + extras["figures"] + extras["learning"]
    for one in map(Requirement, asked):
        if one.name in brought:
            assert brought[one.name] in one.specifier, one
    assert {"numba", "numpy", "ipywidgets"} <= set(brought)


def test_numbers_that_differ_from_colab_s_are_named(monkeypatch):
    records = {"a": {"x": 1.0, "y": 2.0}, "b": {"x": 1.0, "y": 2.5, "z": 0.0}}
    monkeypatch.setattr(colab.reading, "records", records.__getitem__)
    assert colab.differing("a", "b") == ["y", "z"] and colab.differing("a", "a") == []


def test_a_widget_of_ipywidgets_7_is_shown_by_its_view():
    from book import chapters

    old = chapters._controls(SimpleNamespace(model_id="abc"))
    assert old["application/vnd.jupyter.widget-view+json"]["model_id"] == "abc"
    assert chapters._controls(SimpleNamespace(_repr_mimebundle_=lambda: {"a": 1})) == {"a": 1}


def test_the_container_is_made_of_what_the_tree_has():
    lines = (ROOT / "Containerfile").read_text(encoding="utf8").replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and line[0] != "#"]
    assert steps[0][0] == "FROM" and {word for word, _ in steps} <= {
        *("FROM", "RUN", "WORKDIR", "ENV", "COPY", "VOLUME", "EXPOSE", "CMD")
    }
    assert [words for _, words in steps if "make .venv .venv-live" in words]
    command = json.loads(steps[-1][1])
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    assert command[0] == "make" and f"\n{command[1]}: " in makefile and "$(LAB_OPTIONS)" in makefile
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv*", "_build"} <= set(ignored)
