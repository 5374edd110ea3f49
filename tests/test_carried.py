"""What the PDF, the EPUB and the zip are made from, and that the commands' own checks can fail.

The commands look at their whole product themselves, each time (`make pdf`, `make epub`, `make zip`);
here stand the pieces, on small pages.
"""

import functools
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import bookpages
import pytest

from book._tools import carry, epub, pdf, zipped
from book._tools.browser import NoBrowser, started
from book._tools.carry import NotCarried

bs4 = pytest.importorskip("bs4")

PICTURE = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress((b"\0" + b"\x80" * 8) * 8)),
        (b"IEND", b""),
    ]
)
"""A grey square."""
FIRST = r"""<html><head><link rel="stylesheet" href="../_static/a.css"></head><body><nav>not this</nav>
<article class="bd-article"><section id="one"><h1><span>1. </span>One<a class="headerlink" href="#one">#</a></h1>
<p>See <a href="#part">here</a>, <a href="../notebooks/two.html#there">there</a>,
<a href="https://host/x">far</a>, <a href="../_downloads/x.csv">data</a>
and <a class="mpack-set" href="#one" data-state="{}">set it</a>.</p>
<script>bad()</script><button>press</button><div class="mpack-widget"></div>
<img class="mpack-light" src="../_images/a.png?v=1" alt="A square." loading="lazy"/>
<img class="mpack-dark" src="../_images/a.png"/>
<details><summary><p class="collapsed">Show</p><p class="expanded">Hide</p></summary>
<pre><span></span><span class="kn">import</span> <span class="nn">mpack</span> <span class="n">x</span></pre></details>
<section id="part"><h2>A part</h2><span class="math notranslate">\(\frac12 &lt; x\)</span>
<div class="math" id="eq"><span class="eqno">(1.1)<a class="headerlink" href="#eq">#</a></span>\[x^2\]</div>
<div class="dropdown admonition" id="eq"><p>again</p></div>
<table><tbody></tbody><tr><td>0</td></tr><tbody><tr><td valign="top" id="9x">1</td></tr></tbody></table>
</section></section></article></body></html>"""
SECOND = """<html><body><article class="bd-article"><section id="two"><h1>2. Two</h1>
<p id="there">There. <a href="../book/one.html">Back</a>.</p></section></article></body></html>"""


def alone(test):
    """In a thread of its own: another test of this process may hold a browser, of which a thread has one."""

    @functools.wraps(test)
    def run(*args, **named):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(test, *args, **named).result()

    return run


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A built book of two pages."""
    home = tmp_path / "html"
    files = {"book/one.html": FIRST, "book/preface.html": FIRST, "notebooks/two.html": SECOND,
             "index.html": '<a href="book/one.html">One</a>', "_static/a.css": "p { color: #111 }",
             "_downloads/x.csv": "1"}  # fmt: skip
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (home / "_images").mkdir()
    (home / "_images/a.png").write_bytes(PICTURE)
    (tmp_path / "complete.txt").write_text("ok")
    monkeypatch.setattr(carry.places, "pages", lambda: ["book/one", "notebooks/two"])
    monkeypatch.setattr(carry, "parts", lambda: {"notebooks/two": "The part"})
    for module in (carry, pdf, epub, zipped):
        monkeypatch.setattr(module, "HTML", home)
    for module in (carry, epub, zipped):
        monkeypatch.setattr(module, "COMPLETE", tmp_path / "complete.txt")
    return home


def test_a_page_is_reduced_to_what_can_be_carried(built):
    covers = carry.Covers()
    one, two = carry.chapters(covers)
    text = str(one.article)
    assert (one.title, two.title, one.part, two.part) == ("1. One", "2. Two", None, "The part")
    for gone in ("not this", "bad()", "press", "mpack-widget", "mpack-dark", "headerlink", "Show",
                 "loading", "data-state", "x.csv"):  # fmt: skip
        assert gone not in text
    assert (built / "_images/a.png").as_uri() in text and "<details open" in text
    assert one.article.pre.get_text() == "import mpack x"
    assert [span["class"] for span in one.article.pre.select("span")] == [["kn"]]


def test_links_lead_inside_the_one_document(built):
    covers = carry.Covers()
    chapters = carry.chapters(covers)
    links = [link["href"] for one in chapters for link in one.article.select("a[href]")]
    assert links == ["#book-one--part", "#notebooks-two--there", "https://host/x", "#book-one"]
    assert carry.lost(chapters, covers) == []
    ids = [one["id"] for chapter in chapters for one in chapter.article.select("[id]")]
    assert len(ids) == len(set(ids)) and "book-one--eq" in ids


def test_a_link_that_leads_nowhere_is_found(built):
    (built / "notebooks/two.html").write_text(SECOND.replace('id="there"', ""))
    covers = carry.Covers()
    assert carry.lost(carry.chapters(covers), covers) == ["book/one: #notebooks-two--there"]


def test_formulas_are_found_with_their_tex(built):
    found = [(tex, apart) for _, tex, apart in carry.formulas(carry.chapters(carry.Covers()))]
    assert found == [(r"\frac12 < x", False), ("x^2", True)]


@pytest.fixture
@alone
def printed(built, tmp_path):
    """The two pages as a PDF, without formulas: MathJax is not beside them."""
    chapters = carry.chapters(carry.Covers())
    for element, _, _ in carry.formulas(chapters):
        element.decompose()
    pytest.importorskip("pikepdf")
    try:
        pdf.print_it(pdf.document(chapters), tmp_path / "printed.pdf")
    except NoBrowser as error:
        pytest.skip(str(error))
    with pytest.raises(NotCarried, match="2 headings have 3 outline entries"):
        pdf.pack(tmp_path / "printed.pdf", tmp_path / "book.pdf", ["1. One", "2. Two"])
    assert pdf.headings(chapters) == ["1. One", "A part", "2. Two"]
    pdf.pack(tmp_path / "printed.pdf", tmp_path / "book.pdf", pdf.headings(chapters))
    return tmp_path / "book.pdf"


@alone
def test_formulas_that_are_not_set_are_not_printed(built, tmp_path):
    try:
        with pytest.raises(NotCarried, match="cannot be shown.*frac12"):
            pdf.print_it(pdf.document(carry.chapters(carry.Covers())), tmp_path / "book.pdf")
    except NoBrowser as error:
        pytest.skip(str(error))


def test_a_pdf_has_outline_tags_and_fonts(printed):
    pytest.importorskip("pypdf")
    pages, entries = pdf.check(printed, ["1. One", "2. Two"])
    assert (pages, entries) == (3, 3)  # the contents have a page of their own
    with pytest.raises(NotCarried, match="2 chapters and not the 3"):
        pdf.check(printed, ["1. One", "2. Two", "3. Three"])


@alone
def test_formulas_and_pictures_are_told_in_words(built, tmp_path):
    """Set by the book's MathJax, each with its TeX as alternative text; the link stands for its files."""
    bookpages.require_book()
    pikepdf = pytest.importorskip("pikepdf")
    (built / "_static/vendor").symlink_to(bookpages.HTML / "_static/vendor")
    chapters = carry.chapters(carry.Covers())
    try:
        pdf.print_it(pdf.document(chapters), tmp_path / "printed.pdf")
    except NoBrowser as error:
        pytest.skip(str(error))
    described = pdf.pack(tmp_path / "printed.pdf", tmp_path / "book.pdf", pdf.headings(chapters))
    with pikepdf.open(tmp_path / "book.pdf") as document:
        told = [
            str(one.Alt)
            for one in document.objects
            if isinstance(one, pikepdf.Dictionary) and "/Alt" in one
        ]
    assert described == 3 and sorted(told) == ["A square.", r"\frac12 < x", "x^2"]


@alone
def test_letters_that_became_text_look_as_before(tmp_path):
    """Pixel for pixel, also where bars and braces are stretched."""
    bookpages.require_book()
    tex = (
        r"\overline{|\mathbf g|^2} \underbrace{a+b+c+d}_{e} \left\{\begin{aligned}a\\b\\c\\d\\e"
        r"\end{aligned}\right\} \sqrt{\sum_{i=1}^N x_i^2} \widehat{abc} \left(\frac{\frac ab}{\int_0^1 c}\right)"
    )
    script = (bookpages.HTML / "_static/vendor/mathjax/tex-mml-chtml.js").resolve().as_uri()
    page = tmp_path / "page.html"
    page.write_text(
        f'<!DOCTYPE html><link rel="stylesheet" href="{pdf.STYLE.as_uri()}"><script>{pdf.OPTIONS}'
        f'</script><script src="{script}"></script><p class="mpack-formula">\\({tex}\\)</p>'
    )
    try:
        with started() as browser:
            window = browser.new_page()
            window.goto(page.as_uri())
            window.evaluate("() => MathJax.startup.promise.then(() => document.fonts.ready)")
            pictures = [window.screenshot()]
            window.evaluate(pdf.AS_TEXT)
            pictures.append(window.screenshot())
            assert window.locator("mjx-c.mpack-text").count() > 15
    except NoBrowser as error:
        pytest.skip(str(error))
    assert pictures[0] == pictures[1]


def test_a_pdf_of_another_kind_is_refused(tmp_path, monkeypatch):
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.write(tmp_path / "bare.pdf")
    monkeypatch.setattr(carry, "HEAVIEST", 100)
    with pytest.raises(NotCarried) as caught:
        pdf.check(tmp_path / "bare.pdf", ["One", "Two"])
    for said in ("outline", "no tags", "language", "no title", "weighs", "1 pages for 2"):
        assert said in str(caught.value)


@pytest.fixture
def ebook(built, tmp_path, monkeypatch):
    monkeypatch.setattr(
        epub,
        "mathml",
        lambda formulas: [f"<math><mi>f{len(tex)}</mi></math>" for tex, _ in formulas],
    )
    covers = epub.Covers()
    chapters = carry.chapters(covers)
    assert carry.lost(chapters, covers) == []
    epub.set_formulas(chapters)
    path = tmp_path / "book.epub"
    epub.write(path, chapters, covers)
    return path


def test_an_epub_is_whole(ebook):
    """Well-formed, its contents those of the book, the type first and unpacked, pictures inside."""
    assert epub.check(ebook, ["1. One", "2. Two"]) == 2
    with zipfile.ZipFile(ebook) as made:
        first, *others = made.infolist()
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        text = made.read("book/book-one.xhtml").decode()
        assert made.read("book/images/a.png") == PICTURE
        assert b'properties="mathml"' in made.read("book/book.opf")
    assert 'alttext="\\frac12 &lt; x"' in text and 'href="notebooks-two.xhtml#there"' in text
    assert "valign" not in text and 'id="_9x"' in text and text.count("<tbody>") == 2


def test_a_drawing_in_a_page_is_words_in_an_epub():
    article = bs4.BeautifulSoup(
        '<article><figure><svg aria-label="Met: one."><path/></svg></figure>'
        '<a download="" href="x.csv">x</a></article>',
        "html.parser",
    ).article
    body = epub.strict(carry.Chapter("book/one", None, "One", article))
    assert "<svg" not in body and "<p>Met: one.</p>" in body and "download" not in body


def test_epubcheck_agrees(ebook):
    said = epub.epubcheck(ebook)
    if said is None:
        pytest.skip("epubcheck is not installed (Debian: epubcheck)")
    assert said == ""


def test_an_epub_that_is_not_whole_is_refused(ebook, built, tmp_path, monkeypatch):
    with pytest.raises(NotCarried, match="contents"):
        epub.check(ebook, ["1. One"])
    chapters = carry.chapters(epub.Covers())
    epub.write(tmp_path / "tex.epub", chapters, epub.Covers())
    with pytest.raises(NotCarried, match="left as TeX in .*book-one"):
        epub.check(tmp_path / "tex.epub", ["1. One", "2. Two"])
    monkeypatch.setattr(epub, "mathml", lambda formulas: [None] * len(formulas))
    with pytest.raises(NotCarried, match="no MathML for 2 formulas"):
        epub.set_formulas(carry.chapters(epub.Covers()))


@alone
def test_formulas_become_mathml():
    """By the book's own MathJax: what TeX means, and an error where it means nothing."""
    bookpages.require_book()
    try:
        made = epub.mathml([(r"\tfrac12", False), (r"\boldsymbol x", True), (r"\frac", False)])
    except NoBrowser as error:
        pytest.skip(str(error))
    assert "<mfrac>" in made[0] and 'display="block"' in made[1] and made[2] is None


@pytest.mark.parametrize(
    ("text", "variant", "found"),
    [
        ("x", "bold", "𝐱"),
        ("ab1", "bold", "𝐚𝐛𝟏"),
        ("τ", "bold-italic", "𝝉"),
        ("B", "script", "ℬ"),
        ("R", "double-struck", "ℝ"),
        ("T", "sans-serif", "𝖳"),
        ("Δ", "normal", "Δ"),
        ("%", "bold", "%"),
        ("x", "bold-italic", "𝒙"),
    ],
)
def test_letters_in_a_style_are_letters_of_their_own(text, variant, found):
    assert epub.in_letters(text, variant) == found


def test_a_zip_is_whole_and_always_the_same(built, tmp_path):
    zipped.write(tmp_path / "a.zip")
    zipped.write(tmp_path / "b.zip")
    assert zipped.check(tmp_path / "a.zip") == 4
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda home: (home / "_images/a.png").unlink(), "lead nowhere.*a.png"),
        (lambda home: (home / "index.html").unlink(), "no index.html"),
        (
            lambda home: (home / "book/x.html").write_text(f"<p>{carry.ROOT}/book</p>"),
            "this machine",
        ),
        (lambda home: (home / "big").write_bytes(bytes(41_000_000)), "weighs 41.0 MB"),
    ],
)
def test_a_zip_that_is_not_whole_is_refused(built, tmp_path, change, said):
    change(built)
    zipped.write(tmp_path / "a.zip")
    with pytest.raises(NotCarried, match=said):
        zipped.check(tmp_path / "a.zip")


@pytest.mark.parametrize("module", [pdf, epub, zipped])
def test_without_a_book_a_sentence_says_what_to_do(module, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(carry, "COMPLETE", tmp_path / "missing")
    assert module.main() == 1
    assert "make book" in capsys.readouterr().out
