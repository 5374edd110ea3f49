"""What pages get beyond their text: sizes of pictures, cells of numbers, cards, notes, text for the search."""

import json
import re

import pytest
from bookpages import HTML, ROOT, pages, require_book
from bs4 import BeautifulSoup
from docutils import nodes

import mpack
from book._tools import dressing, hover, origins, places, searchtext, sphinxext

CONFIGURATION = """extensions = ["myst_parser", "sphinxcontrib.bibtex"]
bibtex_bibfiles = ["references.bib"]
myst_enable_extensions = ["dollarmath"]
html_theme = "sphinx_book_theme"
html_context = {"default_mode": "light"}
html_scaled_image_link = False
html_static_path = STATIC
numfig = math_numfig = True

def setup(app):
    from book._tools import dressing, hover, searchtext, sphinxext
    app.add_directive("mpack-figure", sphinxext.ThemeFigure)
    for part in (dressing, hover, searchtext):
        part.setup(app)
"""
FIRST = r"""# Where $\phi_c$ lies

A first paragraph that says what this page is about, long enough for a card; see {eq}`eq-one`.

```{toctree}
other
```

| a | b |
| --- | --- |
| 0.9973 ± 0.0014 | words |
| text | 12 ± 3 (n = 20) |

$$
a = b \\ c < d
$$ (eq-one)

The {term}`activity`, {numref}`fig-one`, and [the other page](other.md).

```{mpack-figure} picture-light.png
:dark: picture-dark.png
:data: /numbers.csv
:name: fig-one
:width: 400px
:alt: What it shows.

A caption with $x$ and *stress*.
```
"""
OTHER = """# Other

{numref}`fig-one` and {eq}`eq-one`. {cite:t}`One2020`.

```{glossary}
activity
  The fraction $f_a$ of particles that are active; not {term}`activity`.
```

```{bibliography}
```
"""
REFERENCES = """@article{One2020, author = {One, Ann}, title = {On one thing}, journal = {Journal}, year = 2020,
  url = {https://example.org/one}}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The pages of a small book with our extension: {name: BeautifulSoup}, and its folder."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    folder = tmp_path_factory.mktemp("dressed")
    source = folder / "source"
    source.mkdir()
    for theme in ("light", "dark"):
        still = ROOT / f"book/stills/valley-{theme}.png"
        (source / f"picture-{theme}.png").write_bytes(still.read_bytes())
    (source / "numbers.csv").write_text("x,y\n1,2\n")
    static = [str(ROOT / "book/_static"), str(folder / "build/vendor_static")]
    (source / "conf.py").write_text(f"STATIC = {static}\n{CONFIGURATION}")
    (source / "references.bib").write_text(REFERENCES)
    (source / "index.md").write_text(FIRST)
    (source / "other.md").write_text(OTHER)
    with (
        pytest.MonkeyPatch.context() as patch,
        (folder / "warnings").open("w+") as warnings,
        patch_docutils(),
        docutils_namespace(),  # other tests make books of their own
    ):
        patch.setattr(places, "BUILD", folder / "build")
        patch.setattr(places, "ROOT", source)
        patch.setattr(dressing, "COVER", "picture-light.png")
        Sphinx(
            source, source, folder / "html", folder / "trees", "html", status=None, warning=warnings
        ).build()
        warnings.seek(0)
        again = (
            "already registered"  # what Sphinx says if another test has set it up in this process
        )
        assert not [line for line in warnings.read().splitlines() if again not in line]
    read = lambda path: BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
    return {path.stem: read(path) for path in (folder / "html").glob("*.html")}, folder / "html"


def test_a_picture_has_its_size_in_the_page(built):
    images = built[0]["index"].article.find_all("img")
    width, height = dressing.size_of_file(ROOT / "book/stills/valley-light.png")
    assert [(one["width"], one["height"]) for one in images] == [(str(width), str(height))] * 2


@pytest.mark.parametrize("text,size", [
    ('<svg width="30" height="20px" viewBox="0 0 3 2">', (30, 20)),
    ('<?xml version="1.0"?><svg viewBox="0 0 480 162.5" xmlns="x">', (480, 162)),
    ('<svg width="100%" height="100%" viewBox="0,0,4,5">', (4, 5)),
    ("<svg>", None),
])  # fmt: skip
def test_the_size_of_a_drawing(text, size):
    assert dressing.size_of_drawing(text) == size


def test_a_caption_leads_to_the_data_of_its_figure(built):
    (caption,) = built[0]["index"].find_all("figcaption")
    link = caption.find(class_="mpack-data").a
    assert link.has_attr("download")
    assert (built[1] / link["href"]).read_text() == "x,y\n1,2\n"


@pytest.mark.parametrize("text", [
    "0.9973 ± 0.0014", "−3", "-0.5", "1,000", "12 %", "2.1 × 10⁻⁵", "8.2e-16", "(0.62, 0.64)", "–", "0.641(2)",
])  # fmt: skip
def test_a_cell_with_a_number_stays_on_a_line(text):
    made = dressing.cells_of_numbers(
        f'<table><tr><td class="data">{text}</td><th>{text}</th></tr></table>'
    )
    assert made.count("mpack-number") == 2 and 'class="mpack-number data"' in made
    assert " ± " not in made and " × " not in made


@pytest.mark.parametrize("text", ["3 spheres", "n = 4", "BRO", "", "0.62 to 0.64", "Fig. 1"])
def test_a_cell_with_words_may_wrap(text):
    assert "mpack-number" not in dressing.cells_of_numbers(f"<table><td>{text}</td></table>")


def test_the_errors_of_a_long_row_stand_below_their_numbers():
    def made(columns):
        row = "<td>0.62789 ± 0.00049</td>" * columns
        return dressing.cells_of_numbers(f"<table><tr><td>x</td>{row}</tr></table>")

    assert made(dressing.MANY - 1).count("0.62789\u00a0±\u00a00.00049") == dressing.MANY - 1
    assert made(dressing.MANY).count("0.62789<br>±\u00a00.00049") == dressing.MANY


def test_a_number_among_words_stays_whole(built):
    cells = [cell.get_text() for cell in built[0]["index"].article.find_all("td")]
    assert "12\u00a0±\u00a03 (n = 20)" in cells


def test_a_page_says_what_it_is_to_those_who_get_a_link(built):
    def card(page):
        found = built[0][page].find_all("meta")
        return {
            meta.get("property") or meta.get("name"): meta["content"]
            for meta in found
            if meta.get("content")
        }

    first, other = card("index"), card("other")
    assert first["og:title"] == r"Where \phi_c lies"
    assert first["description"] == first["og:description"]
    assert first["description"].startswith("A first paragraph that says what this page is about")
    assert (built[1] / first["og:image"]).is_file() and first["og:image:alt"] == "What it shows."
    assert (built[1] / other["og:image"]).is_file() and "description" not in other


@pytest.mark.parametrize("text,short", [
    ("One sentence. Another one that is too long.", "One sentence."),
    ("Words without an end that go on", "Words without an…"),
    ("short", "short"),
])  # fmt: skip
def test_a_description_ends_well(text, short):
    assert dressing.shortened(text, 21) == short


def test_links_bring_the_notes_of_what_they_lead_to(built):
    notes = {
        page: json.loads(built[0][page].find(id="mpack-notes").string)
        for page in ("index", "other")
    }
    assert set(notes["index"]) == {"#equation-eq-one", "other.html#term-activity", "#fig-one"}
    kind, text = notes["other"]["index.html#equation-eq-one"]
    assert kind == "equation" and r"\begin{split}a = b \\ c &lt; d\end{split}" in text
    kind, text = notes["index"]["other.html#term-activity"]
    assert kind == "term" and r"\(f_a\)" in text and "<a " not in text
    kind, text = notes["other"]["index.html#fig-one"]
    pictures = BeautifulSoup(text, "html.parser").find_all("img")
    assert [note for note in notes["other"].values() if note[0] == "reference"] == [
        [
            "reference",
            "<p>Ann One. On one thing. <em>Journal</em>, 2020. URL: https://example.org/one.</p>",
        ]
    ]
    assert kind == "figure" and [one["class"] for one in pictures] == [
        ["mpack-light"],
        ["mpack-dark"],
    ]
    assert all((built[1] / one["src"]).is_file() for one in pictures) and "<em>stress</em>" in text


def test_a_reference_is_listed_once(built):
    """The notes are made from it while pages are written: that must leave it as it is."""
    (entry,) = built[0]["other"].find_all(class_="citation")
    assert len(entry.find_all(class_="label")) == len(entry.find_all("p")) == 1


@pytest.mark.parametrize("address,place", [
    ("#a", ("book/x", "a")),
    ("../notebooks/y.html#b", ("notebooks/y", "b")),
    ("y.html", None),
    ("https://example.org/y.html#b", None),
])  # fmt: skip
def test_where_an_address_leads(address, place):
    assert hover.leads_to("book/x", address) == place


def test_a_long_note_ends_with_a_paragraph():
    text = f"<p>{'a' * 500}</p><p>{'b' * 300}</p><p>{'c' * 500}</p>"
    assert hover.cut(text) == text[: text.index("<p>c")]


def test_the_search_has_the_text_of_each_section(built):
    script = (built[1] / "_static" / searchtext.NAME).read_text(encoding="utf8")
    texts = json.loads(script.removeprefix(searchtext.BEGIN).removesuffix(searchtext.END))
    ((anchors, text),) = texts["other"]
    assert "term-activity" in anchors and "The fraction f_a of particles" in text
    assert "a = b" not in texts["index"][0][1] and "A caption with x" in texts["index"][0][1]
    loaded = [
        tag["src"].partition("?")[0] for tag in built[0]["search"].find_all("script", src=True)
    ]
    assert {f"_static/{searchtext.NAME}", "_static/search.js"} <= set(loaded)
    assert f"_static/{searchtext.NAME}" not in str(built[0]["index"].head)


def test_sentences_of_a_section_are_not_those_of_its_subsections():
    inner = nodes.section("", nodes.title("", "Inner"), nodes.paragraph("", "inside"), ids=["in"])
    outer = nodes.section(
        "", nodes.title("", "Outer"), nodes.paragraph("", "outside"), inner, ids=["out"]
    )
    document = nodes.Element("", outer)
    assert searchtext.parts(document) == [[["out"], "outside"], [["in"], "inside"]]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (r"\phi_c", "φ_c"),
        (r"f_\infty\le 0.35", "f_∞≤0.35"),
        (r"\alpha=\tfrac43\epsilon", "α=4/3ε"),
        (r"\mathrm{Bin}(2k, b_f)", "Bin(2k, b_f)"),
        (r"S(q)\propto q^{\frac{1}{4}}", "S(q)∝q^1/4"),
    ],
)
def test_a_formula_in_a_line_of_the_search(formula, text):
    assert searchtext.in_words(formula) == text


def test_a_figure_of_a_chapter_is_written_with_its_data(monkeypatch, tmp_path):
    monkeypatch.setattr(origins, "PICTURES", tmp_path)
    monkeypatch.setattr(origins, "archives_for", lambda page, name: {"second", "first", "unread"})
    monkeypatch.setattr(origins.places, "EXECUTED", tmp_path)
    record = tmp_path / "notebooks/x.made.json"
    record.parent.mkdir()
    read = [f"book/results/{archive}/runs.csv" for archive in ("first", "second", "third")]
    record.write_text(json.dumps({"files": dict.fromkeys(read, "")}))
    (option,) = sphinxext.data_option("notebooks/x", {"name": "one", "csv": "panel,series\n"})
    assert option == f":data: /{places.relative(tmp_path / 'data/one.csv')}"
    assert (tmp_path / "data/one.csv").read_text() == (
        f"# fig-one of notebooks/x, made by its chapter with mpack {mpack.__version__} and the archived "
        "runs first, second\npanel,series\n"
    )
    record.write_text(json.dumps({"files": {"notebooks/x.ipynb": ""}}))
    assert origins.made_from("notebooks/x", "two").endswith(", from no archived runs")
    record.unlink()  # nothing is known, and nothing said
    assert origins.made_from("notebooks/x", "two").endswith(f"with mpack {mpack.__version__}")
    assert sphinxext.data_option("notebooks/x", {"name": "two", "csv": ""}) == []


# The built book
# ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def soups():
    require_book()
    return {
        name: BeautifulSoup((HTML / name).read_text(encoding="utf8"), "html.parser")
        for name in pages()
    }


def test_every_picture_of_the_book_keeps_its_place(soups):
    for page, soup in soups.items():
        for image in soup.article.find_all("img"):
            assert image.get("width") and image.get("height"), (page, image.get("src"))


def test_every_page_has_a_card(soups):
    for page, soup in soups.items():
        card = {meta["property"]: meta["content"] for meta in soup.find_all("meta", property=True)}
        assert {"og:title", "og:image"} <= set(card), page
        image = (HTML / page).parent / card["og:image"]
        assert image.resolve().is_file(), (page, card["og:image"])
    described = [
        page for page, soup in soups.items() if soup.find("meta", attrs={"name": "description"})
    ]
    assert set(pages()) - set(described) <= {"book/bibliography.html"}


def test_most_figures_bring_their_data(soups):
    """Those that show no more than pictures made by hand have none."""
    figures = [
        figure
        for soup in soups.values()
        for figure in soup.find_all("figure")
        if "mpack-interactive" not in figure.get("class", ())
    ]
    with_data = [figure for figure in figures if figure.find(class_="mpack-data")]
    assert len(with_data) > 0.9 * len(figures)


def test_every_equation_term_and_reference_that_is_linked_has_a_note(soups):
    for page, soup in soups.items():
        script = soup.find(id="mpack-notes")
        notes = json.loads(script.string) if script else {}
        for link in soup.article.find_all(
            "a", class_="internal", href=re.compile("#(equation-|term-|fig-)")
        ):
            assert link["href"] in notes, (page, link["href"])


def test_the_text_for_the_search_is_no_burden():
    require_book()
    assert (HTML / "_static" / searchtext.NAME).stat().st_size < 1_500_000
