"""`make epub`: the whole book as an EPUB, made from the built pages.

    python -m book._tools.epub

Reading systems have no MathJax: the formulas are MathML, which the book's own MathJax makes of them
in the browser of the tests, and which EPUB 3 has as its own. What came out is checked: by `check`,
and by epubcheck where that is installed (Debian: epubcheck).
"""

import contextlib
import datetime
import hashlib
import html
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import uuid
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from . import carry, together
from .browser import NoBrowser, started
from .carry import NotCarried
from .places import COMPLETE, HTML, relative, say

STYLE = Path(__file__).with_name("ebook.css")
MATHML = "http://www.w3.org/1998/Math/MathML"
CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>\n"
)
TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg", ".gif": "image/gif"}
OBSOLETE = {  # attributes that HTML 4 knew, or that its place does not take
    "*": (
        "align",
        "halign",
        "valign",
        "bgcolor",
        "border",
        "cellpadding",
        "cellspacing",
        "frame",
        "rules",
        "download",
    ),
    "col": ("width",),
    "table": ("width",),
    "td": ("width", "axis"),
    "th": ("width", "axis"),
    "ol": ("compact",),
    "ul": ("compact",),
    "a": ("name",),
}
TEX = re.compile(r'class="math[^>]*>\s*\\[(\[]')
# One formula after another, as MathML; null where TeX has an error.
TO_MATHML = r"""async (formulas) => {
  await MathJax.startup.promise;
  const made = [];
  for (const [tex, display] of formulas) made.push(await MathJax.tex2mmlPromise(tex, {display}));
  return made.map((one) => one.includes("<merror") ? null : one);
}"""
EMPTY = """<!DOCTYPE html><title>formulas</title>
<script>window.MathJax = {startup: {typeset: false}};</script><script src="%s"></script>"""


class Covers(carry.Covers):
    """A file for each page, and the pictures in a folder."""

    def __init__(self):
        super().__init__()
        self.pictures = {}  # from their names here to their files

    def file(self, name):
        """The name of a page's file."""
        return f"{super().place(name, '')}.xhtml"

    def place(self, name, identifier):
        """The same as on the page, as XML takes it."""
        return re.sub(r"^(?![A-Za-z_])|[^\w.-]", "_", identifier) if identifier else "top"

    def link(self, name, identifier):
        return f"{self.file(name)}#{self.place(name, identifier)}"

    def picture(self, path):
        name = re.sub(r"[^\w.-]", "_", path.name)
        self.pictures[name] = path
        return f"images/{name}"


def set_formulas(chapters):
    """Put MathML in the place of every formula."""
    from bs4 import BeautifulSoup

    found = carry.formulas(chapters)
    wanted = list(dict.fromkeys((tex, display) for _, tex, display in found))
    made = dict(zip(wanted, mathml(wanted), strict=True))
    if bad := [tex for (tex, _), one in made.items() if one is None]:
        raise NotCarried(f"MathJax has no MathML for {len(bad)} formulas, the first: {bad[0]!r}")
    for element, tex, display in found:
        number = element.select_one(".eqno")
        kept = number.extract() if number is not None else None
        element.clear()
        if kept is not None:
            element.append(kept)
        formula = BeautifulSoup(made[tex, display], "html.parser").find("math")
        for letters in formula.select("[mathvariant]:not([mathvariant=normal])"):
            letters.string = in_letters(letters.get_text(), letters.attrs.pop("mathvariant"))
        formula.attrs |= {"xmlns": MATHML, "alttext": " ".join(tex.split())}
        element.append(formula)


def in_letters(text, variant):
    """Letters as Unicode has them in a style: a bold x is 𝐱. Many reading systems know no other way."""
    style, made = variant.upper().replace(" ", "-").replace("BOLD-", "BOLD "), ""
    for letter in text:
        plain = re.sub("^(LATIN|GREEK) | LETTER", "", unicodedata.name(letter, ""))
        for name in (f"MATHEMATICAL {style} {plain}", f"{style} {plain}"):
            with contextlib.suppress(KeyError):
                letter = unicodedata.lookup(name)
                break
        made += letter
    return made


def mathml(formulas):
    """MathML of formulas, each (TeX, whether it stands apart), by the book's MathJax."""
    script = (HTML / "_static/vendor/mathjax/tex-mml-chtml.js").resolve()
    with started() as browser, tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "formulas.html"
        empty.write_text(EMPTY % script.as_uri(), encoding="utf8")
        page = browser.new_page()
        page.set_default_timeout(300_000)
        page.goto(empty.as_uri())
        return page.evaluate(TO_MATHML, [list(one) for one in formulas])


def xhtml(title, body):
    """A file of the book."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
        f'lang="en" xml:lang="en"><head><meta charset="utf-8"/><title>{html.escape(title)}</title>'
        f'<link rel="stylesheet" type="text/css" href="{STYLE.name}"/></head>{body}</html>\n'
    )


def strict(chapter):
    """The article of a chapter as the body of a file: what XHTML does not take is put right."""
    from bs4 import BeautifulSoup

    for drawing in chapter.article.select("svg[aria-label]"):  # in a page its table stands below
        words = BeautifulSoup("", "html.parser").new_tag("p")
        words.string = drawing["aria-label"]
        drawing.replace_with(words)
    for one in chapter.article.find_all(True):
        for key in (*OBSOLETE["*"], *OBSOLETE.get(one.name, ())):
            if key in one.attrs:
                del one[key]
    for row in chapter.article.select("table > tr"):  # a browser would put it right
        row.wrap(BeautifulSoup("", "html.parser").new_tag("tbody"))
    chapter.article.name = "section"
    return f"<body>{chapter.article.decode(formatter='minimal')}</body>"


def navigation(chapters, covers):
    """The table of contents, part by part."""
    rows, inside = "", False
    for one in chapters:
        if one.part:
            rows += (
                "</ol></li>" if inside else ""
            ) + f"<li><span>{html.escape(one.part)}</span><ol>"
            inside = True
        rows += f'<li><a href="{covers.file(one.name)}">{html.escape(one.title)}</a></li>'
    rows += "</ol></li>" if inside else ""
    return f'<body><nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{rows}</ol></nav></body>'


def package(chapters, covers):
    """The list of what the book is made of."""
    config = carry.config()
    made = datetime.datetime.fromtimestamp(COMPLETE.stat().st_mtime, datetime.UTC)
    digest = hashlib.sha256("".join(str(one.article) for one in chapters).encode())
    identifier = uuid.UUID(bytes=digest.digest()[:16], version=4)  # the same book, the same name
    items = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        f'<item id="style" href="{STYLE.name}" media-type="text/css"/>',
    ]
    for number, one in enumerate(chapters):
        has = ' properties="mathml"' if one.article.find("math") else ""
        items.append(
            f'<item id="c{number}" href="{covers.file(one.name)}" '
            f'media-type="application/xhtml+xml"{has}/>'
        )
    for number, (name, path) in enumerate(covers.pictures.items()):
        kind = TYPES[path.suffix.lower()]
        items.append(f'<item id="i{number}" href="images/{name}" media-type="{kind}"/>')
    spine = "".join(f'<itemref idref="c{number}"/>' for number in range(len(chapters)))
    access = "".join(
        f'<meta property="schema:{name}">{value}</meta>'
        for name, value in (
            ("accessMode", "textual"), ("accessMode", "visual"),
            ("accessModeSufficient", "textual,visual"), ("accessibilityHazard", "none"),
            ("accessibilityFeature", "alternativeText"), ("accessibilityFeature", "MathML"),
            ("accessibilityFeature", "tableOfContents"),
            ("accessibilityFeature", "structuralNavigation"),
        )
    )  # fmt: skip
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<package xmlns="http://www.idpf.org/2007/opf" '
        'version="3.0" unique-identifier="id" xml:lang="en">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>'
        f"<dc:title>{html.escape(config['title'])}</dc:title>"
        f"<dc:creator>{html.escape(config['author'])}</dc:creator><dc:language>en</dc:language>"
        f'<meta property="dcterms:modified">{made:%Y-%m-%dT%H:%M:%SZ}</meta>{access}</metadata>'
        f"<manifest>{''.join(items)}</manifest><spine>{spine}</spine></package>\n"
    )


def write(path, chapters, covers):
    """Write the file: a zip, in which the type of the whole stands first, and as it is."""
    bodies = {one.name: strict(one) for one in chapters}
    texts = {
        "META-INF/container.xml": CONTAINER,
        "book/book.opf": package(chapters, covers),
        "book/nav.xhtml": xhtml("Contents", navigation(chapters, covers)),
        f"book/{STYLE.name}": STYLE.read_text(encoding="utf8"),
    }
    for one in chapters:
        texts[f"book/{covers.file(one.name)}"] = xhtml(one.title, bodies[one.name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, text in texts.items():
            made.writestr(name, text)
        for name, picture in covers.pictures.items():
            made.write(picture, f"book/images/{name}", zipfile.ZIP_STORED)


def check(path, titles):
    """Raise NotCarried unless an EPUB is what it has to be; else how many formulas it has."""
    with zipfile.ZipFile(path) as made:
        names = set(made.namelist())
        texts = {name: made.read(name).decode() for name in names if name.endswith(".xhtml")}
    trees = {}
    for name, text in texts.items():
        try:
            trees[name] = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise NotCarried(f"{name} is no XML: {error}") from None
    listed = [
        " ".join("".join(link.itertext()).split())
        for link in trees["book/nav.xhtml"].iter("{http://www.w3.org/1999/xhtml}a")
    ]
    if listed != [" ".join(title.split()) for title in titles]:
        raise NotCarried("The contents of the EPUB are not those of the book.")
    if bare := [name for name, text in texts.items() if TEX.search(text)]:
        raise NotCarried(f"Formulas were left as TeX in {bare}.")
    if path.stat().st_size > carry.HEAVIEST:
        raise NotCarried(f"The EPUB weighs {path.stat().st_size / 1e6:.1f} MB.")
    return sum(text.count("<math") for text in texts.values())


def epubcheck(path):
    """What epubcheck says of a file: "" if it finds nothing, None if it is not installed."""
    program = shutil.which("epubcheck")
    if program is None:
        return None
    words = ["--quiet", str(path)]
    try:
        done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    except OSError:  # Debian's is a jar, which not every system runs by itself
        command = ["java", "-jar", program, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}".strip() if done.returncode else ""


def main():
    try:
        carry.require_book()
        covers = Covers()
        chapters = carry.linked(covers)
        say(f"Setting the formulas of {len(chapters)} pages ...")
        set_formulas(chapters)
        path = carry.keep(f"{carry.NAME}.epub")
        unfinished = path.with_suffix(".unfinished.epub")
        write(unfinished, chapters, covers)
        formulas = check(unfinished, [one.title for one in chapters])
        if said := epubcheck(unfinished):
            raise NotCarried(f"epubcheck finds fault:\n{said}")
        checked = "no epubcheck is installed here" if said is None else "epubcheck finds no fault"
        unfinished.replace(path)
    except (NotCarried, NoBrowser) as error:
        say(error)
        return 1
    size = path.stat().st_size / 1e6
    say(
        f"Wrote {relative(path)}: {len(chapters)} files, {formulas} formulas, {size:.1f} MB; {checked}."
    )
    return 0


if __name__ == "__main__":
    with together.alone():
        sys.exit(main())
