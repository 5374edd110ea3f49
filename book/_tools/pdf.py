"""`make pdf`: the whole book in one PDF, with an outline, tags and links, made from the built pages.

    python -m book._tools.pdf

All pages are put into one document, which the browser of the tests prints. What is wider than the
paper is made smaller until it fits. What came out is packed, and checked: `check` says what it has
to be.
"""

import html
import re
import sys
import tempfile
from pathlib import Path

from . import carry, together
from .browser import NoBrowser, started
from .carry import NotCarried
from .places import HTML, relative, say

STYLE = Path(__file__).with_name("paper.css")
WIDTH = 657  # pixels: A4 without the margins of the style sheet
STYLESHEET = re.compile(r'<link [^>]*href="([^"?]*\.css)[^"]*"[^>]*>')
# The formula's TeX is its alternative text; it is set where it stands, and not to be enlarged.
OPTIONS = """window.MathJax = {
  options: {enableMenu: false, enableAssistiveMml: false, processHtmlClass: "mpack-formula",
    renderActions: {assistiveMml: [], alt: [190, (doc) => { for (const item of doc.math) {
      const root = item.typesetRoot;
      root.setAttribute("role", "img"); root.setAttribute("aria-label", item.math.trim()); } }]}},
};"""
# What is too wide gets smaller, the innermost first, all at once; what is still too wide is told.
FIT = """() => {
  const kinds = "mjx-container[display], table, pre, figure, img, .admonition, dl, ul, ol";
  const every = [...document.querySelectorAll(kinds)];
  const rooms = "article, nav, td, .admonition, li, dd";
  const room = (one) => one.parentElement.closest(rooms).getBoundingClientRect().right;
  const box = (one) =>
    (one.matches("mjx-container") ? one.firstElementChild : one).getBoundingClientRect();
  let wide = [];
  for (let turn = 0; turn < 12; turn += 1) {
    wide = every.filter((one) => box(one).right > room(one) + 0.5);
    if (!wide.length) return [];
    const inner = wide.filter((one) => !wide.some((two) => two !== one && one.contains(two)));
    const scales = inner.map((one) => {
      const at = box(one);
      return Number(one.style.zoom || 1) * 0.995 * Math.max(0.5, (room(one) - at.left) / at.width);
    });
    inner.forEach((one, k) => { one.style.zoom = scales[k]; });
  }
  return wide.map((one) => one.outerHTML.slice(0, 300));
}"""
# MathJax draws letters as what style sheets put before an element. A PDF has tags for text alone: it
# is made text, of the same size at the same place.
AS_TEXT = """() => {
  const stretched = "mjx-stretchy-h, mjx-stretchy-v";  // bars and braces, put together of pieces
  const letters = [...document.querySelectorAll("mjx-c")].filter((one) => !one.closest(stretched));
  const found = letters.map((one) => {
    const drawn = getComputedStyle(one, "::before");
    return [one, drawn.content, drawn.padding, drawn.display, drawn.width];
  });
  for (const [one, content, padding, display, width] of found) {
    if (!/^".*"$/s.test(content)) continue;
    const letter = document.createElement("span");
    letter.textContent = JSON.parse(content);
    Object.assign(letter.style, {padding, display, width});
    one.append(letter);
    one.classList.add("mpack-text");
  }
}"""
NOT_SHOWN = """() => {
  const formulas = document.querySelectorAll("mjx-merror, .mpack-formula:not(:has(mjx-container))");
  const pictures = [...document.images].filter((one) => !one.complete || !one.naturalWidth);
  return [...formulas, ...pictures].map((one) => one.outerHTML.slice(0, 300));
}"""
FOOT = (
    '<div style="font: 8px sans-serif; color: #555; width: 100%; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def document(chapters):
    """The whole book as one page of HTML."""
    title = html.escape(carry.config()["title"])
    page = (HTML / "book/preface.html").read_text(encoding="utf8")
    home = (HTML / "book").resolve()
    styles = dict.fromkeys(
        (home / name).resolve()
        for page in (page, (HTML / f"{chapters[0].name}.html").read_text(encoding="utf8"))
        for name in STYLESHEET.findall(page)
    )
    links = "".join(f'<link rel="stylesheet" href="{path.as_uri()}">' for path in [*styles, STYLE])
    for element, _, _ in carry.formulas(chapters):
        element["class"] = [*element["class"], "mpack-formula"]
    mathjax = (HTML / "_static/vendor/mathjax/tex-mml-chtml.js").resolve().as_uri()
    articles = [str(one.article) for one in chapters]
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>{title}</title>{links}<script>{OPTIONS}</script>'
        f'<script defer src="{mathjax}"></script></head><body>'
        f"{articles[0]}{contents(chapters)}{''.join(articles[1:])}</body></html>"
    )


def contents(chapters):
    """The list of all chapters, part by part."""
    rows = []
    for one in chapters[1:]:
        if one.part:
            rows.append(f'<li class="mpack-part">{html.escape(one.part)}</li>')
        rows.append(f'<li><a href="#{one.article["id"]}">{html.escape(one.title)}</a></li>')
    return (
        '<nav class="mpack-contents"><p class="mpack-title">Contents</p>'
        f"<ol>{''.join(rows)}</ol></nav>"
    )


def print_it(text, path):
    """Print a page of HTML, when its formulas are set and all is as wide as the paper."""
    with started() as browser, tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "book.html"
        source.write_text(text, encoding="utf8")
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.set_default_timeout(600_000)
        page.emulate_media(media="print")
        page.goto(source.as_uri())
        page.evaluate("() => MathJax.startup?.promise")
        if wrong := page.evaluate(NOT_SHOWN):
            raise NotCarried(f"Formulas or pictures that cannot be shown: {wrong[:3]}")
        page.evaluate(AS_TEXT)
        say("The formulas are set.")
        if left := page.evaluate(FIT):
            raise NotCarried(f"Wider than the paper, even when small: {left[:3]}")
        page.pdf(
            path=path,
            prefer_css_page_size=True,
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOT,
            tagged=True,
            outline=True,
        )


def headings(chapters):
    """The words of all headings, in order."""
    found = [
        one for chapter in chapters for one in chapter.article.select("h1, h2, h3, h4, h5, h6")
    ]
    return words(one.get_text() for one in found)


def pack(printed, path, titles):
    """Write a printed PDF anew, its objects packed and the entries of its outline called by `titles`.

    The browser takes the words of a heading line by line, without the blanks between, or twice.

    Returns
    -------
    int
        How many formulas and pictures have an alternative text.

    Raises
    ------
    NotCarried
        If the outline has another number of entries.
    """
    import pikepdf

    with pikepdf.open(printed) as document:
        with document.open_outline() as outline:
            entries = list(_every(outline.root))
            if len(entries) != len(titles):
                raise NotCarried(f"{len(titles)} headings have {len(entries)} outline entries.")
            for entry, title in zip(entries, titles, strict=True):
                entry.title = title
        document.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        return sum(
            isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure" and "/Alt" in one
            for one in document.objects
        )


def _every(entries):
    """Entries of an outline with those below them, in order."""
    for entry in entries:
        yield entry
        yield from _every(entry.children)


def check(path, titles):
    """Raise NotCarried unless a PDF is what it has to be; else (pages, entries of the outline).

    Its outline has the chapters in their order, it has tags, a language and a title, all fonts are
    in it, every link inside leads to a place of it, and it is light enough.
    """
    from pypdf import PdfReader

    reader = PdfReader(path)
    root, wrong = reader.trailer["/Root"], []
    top = [one.title for one in reader.outline if not isinstance(one, list)]
    if words(top) != words(titles):
        wrong.append(f"its outline has {len(top)} chapters and not the {len(titles)} of the book")
    if "/StructTreeRoot" not in root or not root.get("/MarkInfo", {}).get("/Marked"):
        wrong.append("it has no tags")
    if not root.get("/Lang"):
        wrong.append("it does not say its language")
    if not (reader.metadata and reader.metadata.title):
        wrong.append("it has no title")
    if outside := sorted(fonts_outside(reader)):
        wrong.append(f"fonts that it does not hold: {', '.join(outside)}")
    if Path(path).stat().st_size > carry.HEAVIEST:
        wrong.append(f"it weighs {Path(path).stat().st_size / 1e6:.1f} MB")
    if len(reader.pages) < len(titles):
        wrong.append(f"it has {len(reader.pages)} pages for {len(titles)} chapters")
    if wrong:
        raise NotCarried(f"The PDF is not good: {'; '.join(wrong)}.")
    return len(reader.pages), entries(reader.outline)


def words(titles):
    """Titles without what a browser does to blanks."""
    return [" ".join(title.split()) for title in titles]


def entries(outline):
    """How many entries an outline has on all levels."""
    return sum(entries(one) if isinstance(one, list) else 1 for one in outline)


def fonts_outside(reader):
    """Names of fonts that a PDF uses and does not hold."""
    found, seen = set(), set()
    for page in reader.pages:
        for name, font in (page.get("/Resources", {}).get("/Font") or {}).items():
            font = font.get_object()
            mark = getattr(font.indirect_reference, "idnum", name)
            if mark in seen or font["/Subtype"] == "/Type3":  # its glyphs are drawings of its own
                continue
            seen.add(mark)
            below = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            kept = (
                below.get("/FontDescriptor", {}).get_object() if "/FontDescriptor" in below else {}
            )
            if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(kept):
                found.add(str(font.get("/BaseFont", name)))
    return found


def main():
    try:
        carry.require_book()
        covers = carry.Covers()
        chapters = carry.linked(covers)
        path = carry.keep(f"{carry.NAME}.pdf")
        unfinished = path.with_suffix(".unfinished.pdf")
        say(f"Printing {len(chapters)} pages of the book ...")
        text = document(chapters)
        with tempfile.TemporaryDirectory() as folder:
            printed = Path(folder) / "printed.pdf"
            print_it(text, printed)
            described = pack(printed, unfinished, headings(chapters))
        meant = text.count("mpack-formula") + text.count("<img")
        if described < 0.95 * meant:
            raise NotCarried(f"Of {meant} formulas and pictures {described} are told in words.")
        pages, outline = check(unfinished, [one.title for one in chapters])
        unfinished.replace(path)
    except (NotCarried, NoBrowser) as error:
        say(error)
        return 1
    size = path.stat().st_size / 1e6
    say(
        f"Wrote {relative(path)}: {pages} pages, {size:.1f} MB, tagged, {outline} entries of the "
        f"outline, {described} formulas and pictures with words."
    )
    return 0


if __name__ == "__main__":
    with together.alone():
        sys.exit(main())
