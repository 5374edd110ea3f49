"""The reference of the library: every module has its page, every name its example; prose stays prose; links lead on."""

import inspect
import io
import json
import re
import shutil
import sys
import textwrap
import types
import warnings

import pytest
from bookpages import HTML, require_book
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.application import Sphinx
from sphinx.util.inspect import signature_from_str

from book._tools import places, publicnames, reference, uses

API = places.ROOT / "book" / "api"
NAMED = re.compile(r"^```\{mpack-module\} (\w+)$", re.MULTILINE)


def everything():
    """Every public function, class, method and constant, once."""
    return {entry.name: entry for entry in publicnames.known().values() if entry.kind != "module"}


# The list of pages
# -------------------------------------------------------------------------------------------------


def test_every_public_module_has_a_page_and_every_page_a_module():
    pages = {path.stem: NAMED.findall(path.read_text(encoding="utf8")) for path in API.glob("*.md")}
    assert pages.pop("overview") == []
    assert all(names == [page] for page, names in pages.items()), "a page is called as its module"
    missing = set(publicnames.modules()) - set(pages)
    assert not missing, f"no page in book/api for {', '.join(sorted(missing))}"
    left = set(pages) - set(publicnames.modules())
    assert not left, f"pages without a module: {', '.join(sorted(left))}"


def test_the_overview_and_the_contents_have_every_page_in_one_order():
    listed = [name for name in places.pages() if name.startswith("book/api/")]
    text = (API / "overview.md").read_text(encoding="utf8")
    linked = re.findall(r"^\* \[`(\w+)`\]\((\w+)\.md\): \S", text, re.MULTILINE)
    assert all(shown == page for shown, page in linked)
    assert listed == ["book/api/overview", *(f"book/api/{page}" for _, page in linked)]
    assert sorted(page for _, page in linked) == publicnames.modules()


# Docstrings
# -------------------------------------------------------------------------------------------------


def has_example(entry):
    """An example that runs: of its own, or, for a method, one that calls it in the example of its class."""
    lines = [line for line in reference.parsed(entry.doc)["Examples"] if ">>>" in line]
    return any("doctest: +SKIP" not in line for line in lines)


def without_examples():
    found = set()
    for entry in everything().values():
        if entry.kind in ("data", "property"):
            continue
        if entry.owner is not None:
            shown = "\n".join(reference.parsed(inspect.getdoc(entry.owner))["Examples"])
            if re.search(rf"\.{entry.short}\(", shown):
                continue
        if not has_example(entry):
            found.add(entry.name)
    return found


def test_every_public_function_class_and_method_has_an_example():
    missing = without_examples()
    assert not missing, f"no Examples: {', '.join(sorted(missing))}"


def test_an_example_is_told_from_none():
    def made(doc, owner=None, kind="function"):
        name = "mpack.x.Y.f" if owner else "mpack.x.f"
        return publicnames.Entry(name, name, kind, lambda: 0, inspect.cleandoc(doc), owner)

    assert has_example(made("One.\n\nExamples\n--------\n>>> 1\n1"))
    assert not has_example(made("One.\n\n>>> 1\n1"))
    assert not has_example(made("One.\n\nExamples\n--------\n>>> f()  # doctest: +SKIP"))


def test_docstrings_have_known_sections_and_lists_are_lists():
    """What stands in a list of parameters is a name with its type, not a sentence that lost its section."""
    stray = []
    for name, entry in everything().items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sections = reference.parsed(entry.doc)
        items = [one.name + one.type for title in reference.LISTS for one in sections[title]]
        lost = [text for text in items if "Source" in text or text.endswith(".")]
        stray += [(name, text) for text in lost]
    assert not stray


def test_signatures_are_python():
    for name, entry in everything().items():
        shown = reference.signature(entry)
        assert " at 0x" not in shown and "<" not in shown, name
        if shown:
            signature_from_str(shown)


def test_a_signature_shows_defaults_and_no_types():
    def function(a: int, *b, c: float = 2.0 / 3.0, d=max, **e) -> str:
        pass

    entry = publicnames.Entry("mpack.f", "mpack.f", "function", function, "")
    assert reference.signature(entry) == "(a, *b, c=0.6667, d=max, **e)"


# Prose
# -------------------------------------------------------------------------------------------------


def markdown():
    """Markdown with what the book adds to it, by the library that MyST is made of."""
    parser = MarkdownIt("commonmark", {"typographer": False}).enable(["table"])
    return parser.use(dollarmath_plugin).use(deflist_plugin)


def read(text):
    """(kinds of blocks and inlines, plain text) as Markdown reads it."""
    tokens = markdown().parse(text)
    inlines = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in tokens} | {child.type for child in inlines}
    return kinds, "".join(child.content for child in inlines)


NASTY = st.text(alphabet=" ab1_*|<>[](){}$\\~^#&@!+-=:%.\"'/", max_size=40)


@given(NASTY)
def test_prose_is_read_as_it_was_written(text):
    text = " ".join(text.split())
    if reference.INLINE.search(text):  # that is a word meant to be stressed
        return
    kinds, plain = read(reference.prose(text))
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    assert plain.replace("\u2032", "'") == text


def test_a_stroke_is_told_from_an_apostrophe():
    text = "v' = v - g' but the spheres' volumes, a sphere's, and 'stationary'."
    found = reference.prose(text)
    assert found.replace("\\", "") == text.replace("v' ", "v\u2032 ").replace("g' ", "g\u2032 ")


def test_the_check_of_prose_can_fail():
    for text in ("rho**2 and x**3", "|x| < 1 <b>", "$a$ costs $b", "- no list", "a_b_ _c_"):
        assert read(text)[1] != text or read(text)[0] != {"paragraph_open", "inline", "text"}


def test_code_and_stress_stay():
    found = reference.prose("*Stop* stops `x**2` and a*b*c; 2**-64", lambda code: None)
    assert found == r"*Stop* stops `x**2` and a\*b\*c; 2\*\*-64"
    linked = reference.prose("see `draw(...)`", lambda code: "mpack.kicks.draw")
    assert linked == "see {py:obj}`draw(...) <mpack.kicks.draw>`"


def test_blocks_of_a_docstring():
    text = """\
    A line
    goes on.

        y = x**2

        z = y

    * one
      more
    * two

    >>> 1 + 1
    2

    End.
    """
    found = reference.blocks(textwrap.dedent(text).splitlines(), lambda code: None)
    tokens = markdown().parse(found)
    fences = [token.content.strip("\n") for token in tokens if token.type == "fence"]
    assert fences == ["y = x**2\n\nz = y", ">>> 1 + 1\n2"]
    texts = [token.content for token in tokens if token.type == "inline"]
    assert texts == ["A line goes on.", "one more", "two", "End."]


def test_a_table_of_names_is_a_list_of_links():
    lines = ["    draw, moments   what a step *does*", "    numbers"]
    found = reference.blocks(lines, lambda code: f"mpack.kicks.{code}")
    draw, moments, numbers = (
        f"{{py:obj}}`{name} <mpack.kicks.{name}>`" for name in ("draw", "moments", "numbers")
    )
    assert found == f"* {draw}, {moments}: what a step *does*\n* {numbers}"
    for block in (["    draw   a   b"], ["    draw   known", "    other   not"]):
        code = reference.blocks(block, lambda code: code if code == "draw" else None)
        assert code.startswith("```{code-block} text")


def test_a_table_between_borders_is_a_table():
    text = """
    Before.

    ========  ====  =============
    name      f     what it *is*
    ========  ====  =============
    `d|e`     a|b   one step, as
                    a whole
    second    none  x*y
    ========  ====  =============

    After.
    """
    lines = textwrap.dedent(text).splitlines()
    found = reference.blocks(lines, lambda code: None)
    tokens = markdown().parse(found)
    kinds = [token.type for token in tokens]
    assert kinds.count("table_open") == 1 and kinds.count("paragraph_open") == 2
    shown = [
        "".join(child.content for child in token.children)
        for token in tokens
        if token.type == "inline"
    ]
    cells = ["name", "f", "what it is", "d|e", "a|b", "one step, as a whole"]
    assert shown == ["Before.", *cells, "second", "none", "x*y", "After."]
    with pytest.raises(ValueError, match="three borders"):
        reference.blocks(lines[:-4], lambda code: None)


def test_no_text_of_the_reference_has_a_border_of_a_table():
    """Only docstrings have them."""
    drawn = [name for name, entry in publicnames.known().items() if "\n====" in entry.doc]
    assert {"mpack.Packing.load", "mpack.scaling.measured"} <= set(drawn)
    for name in publicnames.modules():
        assert "====" not in reference.module_text(name, {}), name


def test_a_directive_holds_what_has_fences_itself():
    inner = reference.directive("code-block", "text", "x")
    outer = reference.directive("py:function", "f()", inner, module="mpack")
    (token,) = markdown().parse(outer)
    assert token.info == "{py:function} f()" and token.content == f":module: mpack\n\n{inner}\n"


# Names and uses
# -------------------------------------------------------------------------------------------------


def test_names_are_called_as_readers_call_them():
    known = publicnames.known()
    assert known["mpack.packing.Packing.random"].name == "mpack.Packing.random"
    assert known["mpack.ensemble.Spec"].name == "mpack.Spec"
    assert known["mpack.kicks"].kind == "module"
    assert {"mpack.kicks.draw", "mpack.simulate", "mpack.SGD.approximation"} - set(known) == {
        "mpack.SGD.approximation"  # told of at the class it comes from
    }
    assert not [name for name in known if "._" in name.replace("mpack._", "")]


def test_a_module_with_everything(monkeypatch):
    """A module made here: what is private, borrowed or without a docstring is left out."""
    made = types.ModuleType("mpack.made")
    code = '''
"""Made.

Text.

    second   comes first here
"""
import math
from math import sqrt
LIMIT = 3  #: largest
def first(): "One."
def second(): "Two."
def _third(): "Three."
class Base:
    "A base."
    def shared(self): "Shared."
    def silent(self): pass
    @property
    def size(self): "Size."
class _Hidden(Base):
    def inner(self): "Inner."
class Open(_Hidden): "Open."
'''
    exec(compile(code, "made.py", "exec"), made.__dict__)
    entry = publicnames.Entry("mpack.made", "mpack.made", "module", made, inspect.getdoc(made))
    monkeypatch.setattr(publicnames, "module", lambda name: entry)
    monkeypatch.setattr(publicnames, "comments", lambda home: {("", "LIMIT"): "largest"})
    found = publicnames.entries.__wrapped__("made")
    assert found[0].short == "second"
    assert {one.short for one in found} == {"first", "second", "Base", "Open", "LIMIT"}
    inside = {
        one.short: [each.short for each in publicnames.members(one)]
        for one in found[1:]
        if isinstance(one.value, type)
    }
    assert inside == {"Base": ["shared", "size"], "Open": ["inner"]}


def test_what_code_speaks_of():
    names = {"mpack.simulate", "mpack.kicks.draw", "mpack.Packing.random"}
    said = {
        "mpack.simulate": "mpack.simulate",
        "mpack.simulate(p, rule)": "mpack.simulate",
        "kicks.draw()": "mpack.kicks.draw",
        "Packing.random": "mpack.Packing.random",
        "simulate": None,
        "draw": None,
        "run.activity": None,
        "x = kicks.draw": None,
    }
    for text, name in said.items():
        assert publicnames.resolve(text, names) == name, text
    assert publicnames.resolve("draw", names, ["mpack.kicks"]) == "mpack.kicks.draw"


def test_uses_are_found_by_what_is_imported():
    code = """
    import mpack
    import mpack.figures as f
    from mpack import kicks as k, Packing
    from mpack.critical import onset
    import numpy as np
    k.draw(1)
    f.colour
    Packing.random(2).overlaps()
    np.simulate, simulate, onset_of
    mpack.sweep(specs)
    """
    notebook = {
        "cells": [
            {"cell_type": "code", "source": ["%matplotlib inline\n", textwrap.dedent(code)]},
            {
                "cell_type": "markdown",
                "source": ["{a}`b`, `mpack.simulate(x)`; {term}`mpack.specs`."],
            },
        ]
    }
    dotted, spoken = uses.read(json.dumps(notebook), True)
    names = publicnames.known()
    assert {name for name in dotted if name in names} - {"mpack.kicks", "mpack.figures"} == {
        "mpack.kicks.draw",
        "mpack.figures.colour",
        "mpack.Packing",
        "mpack.Packing.random",
        "mpack.sweep",
    }
    assert spoken == {"mpack.simulate(x)"}


def test_chapters_use_what_a_search_for_their_words_finds():
    """Against a plain search for `mpack.simulate(` and the like in the files."""
    used = uses.used_in(publicnames.known())
    for name in ("mpack.simulate", "mpack.sweep", "mpack.matched"):
        texts = {
            path: uses.sources(path)[0].read_text(encoding="utf8") for path in places.chapters()
        }
        found = {path.removesuffix(".ipynb") for path, text in texts.items() if f"{name}(" in text}
        assert found and found <= set(used[name])


# Pages
# -------------------------------------------------------------------------------------------------

CHAPTER = """# `mpack.kicks.draw`

By `kicks.draw()`, again `mpack.kicks.draw`, by `draw` and `kicks.nothing`, then [](book/api/kicks).

```{toctree}
:glob:

book/api/*
```
"""


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    """The reference and a page beside it, by Sphinx alone: {page: its HTML}, objects by name, what was warned of."""
    root = tmp_path_factory.mktemp("pages")
    shutil.copytree(API, root / "book/api")
    (root / "conf.py").write_text(
        "extensions = ['myst_parser', 'made_for_test']\nroot_doc = 'chapter'\nhtml_theme = 'basic'\n"
        "myst_enable_extensions = ['deflist', 'dollarmath']\n"
    )
    (root / "chapter.md").write_text(CHAPTER)
    extension = types.ModuleType("made_for_test")
    extension.setup = reference.setup
    warned = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "chapters", list)
        patch.setitem(sys.modules, "made_for_test", extension)
        folders = (root, root, root / "out", root / "trees")
        app = Sphinx(*folders, "html", {"nitpicky": True}, None, warned)
        app.build()
    pages = {
        path.relative_to(root / "out").with_suffix("").as_posix(): path.read_text(encoding="utf8")
        for path in (root / "out").rglob("*.html")
    }
    again = "already registered"  # what Sphinx says if another test has set it up in this process
    said = [line for line in warned.getvalue().splitlines() if again not in line]
    return pages, dict(app.env.get_domain("py").objects), said


def test_the_reference_is_made_without_a_warning(small_book):
    assert small_book[2] == []


def test_every_name_has_an_entry_on_the_page_of_its_module(small_book):
    pages, objects, _ = small_book
    for name in publicnames.modules():
        for entry in publicnames.entries(name):
            assert objects[entry.name].docname == f"book/api/{name}"
            assert f'id="{entry.name}"' in pages[f"book/api/{name}"]
    assert {"mpack.kicks.Comparison.agrees", "mpack.kicks", "mpack.Packing.random"} <= set(objects)


def test_names_in_docstrings_and_types_are_links(small_book):
    page = small_book[0]["book/api/kicks"]
    assert 'href="#mpack.kicks.draw"' in page  # from `entrywise`
    assert 'href="dynamics.html#mpack.dynamics.Dynamics"' in page  # the type of a parameter
    assert 'href="packing.html#mpack.Packing"' in page


def test_the_first_mention_in_a_chapter_leads_to_the_entry(small_book):
    text = re.search("<p>By .*?</p>", small_book[0]["chapter"])[0]
    links = re.findall(r'href="book/api/kicks.html#([\w.]+)"', text)
    assert links == ["mpack.kicks.draw"]  # not the title, the second mention, unknown names


def test_a_module_that_is_not_there_is_refused():
    directive = object.__new__(reference.Module)
    directive.arguments = ["nothing"]
    directive.error = ValueError
    with pytest.raises(ValueError, match="no public module 'nothing'"):
        directive.run()


def test_the_built_book_finds_every_name_offline():
    require_book()
    folder = HTML / "book/api"
    shown = {page.stem: page.read_text(encoding="utf8") for page in folder.glob("*.html")}
    index = (HTML / "genindex.html").read_text(encoding="utf8")
    search = (HTML / "searchindex.js").read_text(encoding="utf8")
    for name in publicnames.modules():
        for entry in publicnames.entries(name):
            assert f'id="{entry.name}"' in shown[name]
            assert f"book/api/{name}.html#{entry.name}" in index
            assert f'"{entry.name}"' in search
    used = uses.used_in(publicnames.known())["mpack.kicks.draw"]
    part = shown["kicks"].split('id="mpack.kicks.draw"')[1].split('id="mpack.kicks.copies"')[0]
    assert used and all(f'href="../../{page}.html"' in part for page in used)
