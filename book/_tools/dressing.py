"""What every page of the book gets beyond its text: sizes of pictures, cells of numbers, a card for who shares it.

Scripts and styles of the pages are named here too. Each of the scripts does one thing:

* `jump.js`: a link leads to its target, also when the page is still growing;
* `wide.js`: what is wider than the page scrolls in its own box, and says so;
* `enlarge.js`: a picture opens large;
* `notes.js`: what a link leads to, shown beside it (`hover.py` makes the notes).
"""

import html
import posixpath
import re
from urllib.parse import unquote

from docutils import nodes
from PIL import Image

from . import places

SCRIPTS = ("jump.js", "wide.js", "enlarge.js", "notes.js")
EARLY = "easy.js"  # before the page is drawn
STYLES = ("pages.css", "easy.css")
IMAGE = re.compile(r"<img\b[^>]*>")
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
CELL = re.compile(r"<(td|th)\b([^>]*)>(.*?)</\1>", re.DOTALL)
MATHS = re.compile(r"\\[()]")
TAG = re.compile(r"<[^>]*>")
# 0.9973 ± 0.0014, -3, 1,000, 2.1 × 10⁻⁵, 8.2e-16, 12 %, (0.62, 0.64), –
NUMBER = re.compile(r"[−–\-+<>≤≥≈~(\[]?\s*\d[\d.,\s±×·^*eE()\[\]+\-−–⁻⁰¹²³⁴⁵⁶⁷⁸⁹%/∞]*|[–—]")
# Spaces inside a number: around its sign of error or of powers.
INSIDE = re.compile(r"(?<=[\d)⁰¹²³⁴⁵⁶⁷⁸⁹])[ \n]+(±|×)[ \n]+(?=[\d(])")
ERROR = re.compile(r"\d\s+±\s+\d")
MANY = 6  # numbers with errors in a row: more than the page is wide, were they in one line
DESCRIPTION = 200  # characters, as search engines and cards show
COVER = "book/stills/playground-light.png"  # the picture of a page that has none
COVER_NAME = "_static/cover.png"
COVER_SHOWS = "Spheres in a box, those that overlap in another colour."


# Pictures and tables
# --------------------------------------------------------------------------------------------------


def sized(text, page, size_of):
    """HTML in which every picture has its width and height, so that its place is kept before it is there."""

    def with_size(found):
        tag = found[0]
        known = dict(ATTRIBUTE.findall(tag))
        if {"width", "height"} <= set(known) or "src" not in known:
            return tag
        size = size_of(posixpath.normpath(posixpath.join(posixpath.dirname(page), known["src"])))
        if size is None:
            return tag
        return f'<img width="{size[0]}" height="{size[1]}"' + tag.removeprefix("<img")

    return IMAGE.sub(with_size, text)


def size_of_file(path):
    """(width, height) of a picture in pixels, or None if it is none."""
    if path.suffix == ".svg":
        return size_of_drawing(path.read_text(encoding="utf8"))
    with Image.open(path) as picture:
        return picture.size


def size_of_drawing(text):
    """(width, height) of an SVG drawing: its own, or those of its view box."""
    known = dict(ATTRIBUTE.findall(text[text.index("<svg") :].partition(">")[0]))
    if "width" in known and "height" in known and "%" not in known["width"]:
        sizes = known["width"], known["height"]
    elif "viewBox" in known:
        sizes = known["viewBox"].replace(",", " ").split()[2:]
    else:
        return None
    return tuple(round(float(size.removesuffix("px"))) for size in sizes)


def cells_of_numbers(text):
    """HTML in which a number in a table stays on one line; its error below it where a row has MANY of them."""
    return TABLE.sub(lambda found: numbers_kept(found[0]), text)


def numbers_kept(table):
    """One table for `cells_of_numbers`."""
    many = any(len(ERROR.findall(row)) >= MANY for row in table.split("<tr")[1:])

    def kept(found):
        name, attributes, content = found.groups()
        if "mpack-number" in content:  # by whoever made the table
            return found[0]
        content = INSIDE.sub("\u00a0\\1\u00a0", content)
        if NUMBER.fullmatch(html.unescape(TAG.sub("", content)).strip()):
            attributes = with_class(attributes, "mpack-number")
            if many:
                content = content.replace("\u00a0±\u00a0", "<br>±\u00a0")
        return f"<{name}{attributes}>{content}</{name}>"

    return CELL.sub(kept, table)


def with_class(attributes, name):
    """The attributes of a tag with one more class."""
    if 'class="' in attributes:
        return attributes.replace('class="', f'class="{name} ', 1)
    return f'{attributes.rstrip()} class="{name}"'


# Cards
# --------------------------------------------------------------------------------------------------


def description(doctree):
    """The first sentences of a page, as many as a card shows."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, (nodes.section, nodes.document)):
            text = " ".join(spoken(paragraph).split())
            if len(text) > 60:
                return shortened(text, DESCRIPTION)
    return ""


def spoken(node):
    """The text of a node; formulas as they are written."""
    return "".join(
        child.astext() if isinstance(child, nodes.Text) else spoken(child)
        for child in node.children
        if not isinstance(child, (nodes.raw, nodes.comment, nodes.footnote_reference))
    )


def shortened(text, longest):
    """Text up to the end of a sentence, or else of a word, that leaves it no longer than `longest`."""
    if len(text) <= longest:
        return text
    start = text[: longest - 1]
    sentence = max(start.rfind(end) for end in (". ", "? ", "! "))
    if sentence > longest / 3:
        return start[: sentence + 1]
    return start.rpartition(" ")[0].rstrip(",;:") + "…"


def picture_of(app, doctree):
    """(address from the book's folder, what it shows) of the first picture of a page."""
    for image in doctree.findall(nodes.image):
        name = app.env.images.get(image.get("candidates", {}).get("*", image["uri"]))
        name = name or app.env.images.get(image["uri"])
        if name and not name[1].endswith(".svg"):
            return f"_images/{name[1]}", image.get("alt", "")
    return (COVER_NAME, COVER_SHOWS) if (places.ROOT / COVER).exists() else ("", "")


def card(app, page, context, doctree):
    """The lines in a page's head that say what it is to those who get a link to it."""
    picture, alt = picture_of(app, doctree)
    base = app.config.html_baseurl
    up = base.rstrip("/") + "/" if base else "../" * page.count("/")
    said = {
        "og:type": "article",
        "og:site_name": app.config.html_title or app.config.project,
        "og:title": MATHS.sub("", TAG.sub("", context.get("title", ""))),
        "og:description": description(doctree),
        "og:image": f"{up}{picture}" if picture else "",
        "og:image:alt": shortened(" ".join(alt.split()), DESCRIPTION),
    }
    if base:
        said["og:url"] = f"{up}{page}.html"
    lines = [
        f'<meta property="{name}" content="{html.escape(html.unescape(text))}" />'
        for name, text in said.items()
        if text
    ]
    if picture:
        lines.append('<meta name="twitter:card" content="summary_large_image" />')
    if said["og:description"]:
        lines.append(f'<meta name="description" content="{html.escape(said["og:description"])}" />')
    return "\n".join(lines)


# Sphinx
# --------------------------------------------------------------------------------------------------


def dress(app, pagename, templatename, context, doctree):
    """Called for every page before it is written."""
    if context.get("body"):
        body = sized(context["body"], pagename, lambda name: size_in_book(app, name))
        context["body"] = cells_of_numbers(body)
    if doctree is not None:
        context["metatags"] = context.get("metatags", "") + card(app, pagename, context, doctree)


def size_in_book(app, name):
    """The size of a picture by its address from the book's folder, before it is copied there."""
    name = unquote(name)
    folder, _, file = name.partition("/")
    if name in app.mpack_sizes:
        return app.mpack_sizes[name]
    path = None
    if folder == "_images":
        sources = [source for source, (_, known) in app.env.images.items() if known == file]
        path = places.ROOT / sources[0] if sources else None
    elif folder == "_static":
        path = next((at for at in static_files(app, file) if at.exists()), None)
    app.mpack_sizes[name] = size_of_file(path) if path and path.exists() else None
    return app.mpack_sizes[name]


def static_files(app, file):
    """Where a static file may come from."""
    return [places.ROOT / folder / file for folder in app.config.html_static_path]


def add_cover(app, config):
    """Put the picture of pages without one among the static files."""
    source, target = places.ROOT / COVER, places.BUILD / "vendor_static" / "cover.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.exists():
        target.write_bytes(source.read_bytes())


def visit_legend(translator, node):
    """What follows a caption, inside of its element: docutils opens a second one where a figure has two pictures."""
    if not any(isinstance(child, nodes.caption) for child in node.parent):
        translator.body.append("<figcaption>\n")
    translator.body.append(translator.starttag(node, "div", CLASS="legend"))


def depart_legend(translator, node):
    translator.body.append("</div>\n")


def setup(app):
    """Called by `sphinxext.setup`."""
    app.add_node(nodes.legend, override=True, html=(visit_legend, depart_legend))
    app.mpack_sizes = {}
    app.add_js_file(EARLY, priority=100)
    for name in SCRIPTS:
        app.add_js_file(name, priority=900, loading_method="defer")
    for name in STYLES:
        app.add_css_file(name, priority=900)
    app.connect("config-inited", add_cover)
    app.connect("html-page-context", dress, priority=800)
