"""The built book without a screen: what `make pdf` and `make epub` put between covers.

Both begin with the pages in `_build/html`, so that what is carried is what was built. A page is
reduced to its article: figures that move become their stills, what is folded is opened, buttons,
scripts and what only a screen needs are left out, and links lead inside the one document.
"""

import os
from pathlib import Path
from typing import NamedTuple

import yaml

from . import places
from .places import BUILD, COMPLETE, HTML, ROOT

CARRIED = BUILD / "carried"  # where the PDF, the EPUB and the zip go
NAME = "sgd-as-a-driven-packing-of-spheres"
HEAVIEST = 40e6  # bytes
LEFT_OUT = (
    "script, style, noscript, template, button, form, iframe, dialog, .headerlink, .mpack-widget, "
    ".mpack-dark, .mpack-data, .mpack-none, .mpack-filter, [data-programs], [hidden]"
)
NAMED = ("id", "for", "headers", "aria-labelledby", "aria-describedby")
FOR_SCREENS = ("loading", "tabindex", "role", "contenteditable")
PLAIN = {
    "n",
    "p",
    "o",
    "w",
    "nn",
    "nb",
    "fm",
    "pm",
    "sig-paren",
    "l",
    "ld",
    "g",
}  # code of no colour


class NotCarried(Exception):
    """What was made is not what it has to be; the message says why."""


class Chapter(NamedTuple):
    """A page, reduced."""

    name: str  #: from the root of the book, without extension
    part: str | None  #: the caption of the part that begins with it
    title: str  #: with its number
    article: object  #: of BeautifulSoup


class Covers:
    """How places and pictures of the book are called in one document; a link leads to `#` and a place."""

    def __init__(self):
        self.pages = places.pages()

    def place(self, name, identifier):
        """The identifier that stands for one of a page; "" for its beginning."""
        page = name.replace("/", "-").replace("_", "-")
        return f"{page}--{identifier}" if identifier else page

    def link(self, name, identifier):
        """What leads there."""
        return f"#{self.place(name, identifier)}"

    def picture(self, path):
        """The source of a picture, which is a file."""
        return path.as_uri()


def config():
    """Title, author and the like, as `_config.yml` has them."""
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))


def require_book():
    """Raise NotCarried unless a finished book lies in `_build/html`."""
    if not COMPLETE.exists():
        raise NotCarried("There is no finished book in _build/html: run `make book` first.")


def parts():
    """From each page that begins a part to the part's caption."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    return {part["chapters"][0]["file"]: part["caption"] for part in contents["parts"]}


def chapters(covers):
    """All pages of the book, in its order."""
    begin = parts()
    return [reduced(name, covers, begin.get(name)) for name in covers.pages]


def linked(covers):
    """The same, if every link of theirs leads somewhere; else NotCarried."""
    made = chapters(covers)
    if missing := lost(made, covers):
        raise NotCarried(f"{len(missing)} links lead nowhere, the first of them {missing[:3]}")
    return made


def reduced(name, covers, part=None):
    """One page as a `Chapter`."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup((HTML / f"{name}.html").read_text(encoding="utf8"), "html.parser")
    article = soup.select_one("article.bd-article")
    article.attrs = {"class": ["bd-article", "mpack-chapter"]}
    for left in article.select(LEFT_OUT):
        left.decompose()
    _open(article)
    for picture in article.select("img"):
        path = HTML / f"{name}.html"
        picture["src"] = covers.picture((path.parent / picture["src"].partition("?")[0]).resolve())
    for link in article.select("a[href]"):
        _lead(link, name, covers)
    seen = set()
    for one in article.find_all(True):
        if one.get("id") in seen:
            del one["id"]  # of two the first is found, as by a browser
        seen.add(one.get("id"))
        _address(one, name, covers)
    article["id"] = covers.place(name, "")
    return Chapter(name, part, article.h1.get_text().strip(), article)


def _open(article):
    """Open what is folded, and leave out what holds nothing for a reader."""
    for fold in article.select("details"):
        fold["open"] = ""
        if fold.select("summary p"):
            fold.summary.string = "Code"
    for dropdown in article.select(".dropdown, .toggle"):
        dropdown["class"] = [one for one in dropdown["class"] if one not in ("dropdown", "toggle")]
    for body in article.select("tbody:not(:has(tr))"):
        body.decompose()
    for code in article.select("pre span"):
        if set(code.get("class", ())) <= PLAIN and "id" not in code.attrs:
            code.unwrap()  # half of all elements


def _lead(link, name, covers):
    """Let a link lead to a place of the one document, or to another host; else it is words alone."""
    address, _, identifier = link["href"].partition("#")
    if "://" in address or address.startswith("mailto:"):
        return
    target = os.path.normpath(f"{Path(name).parent.as_posix()}/{address}") if address else name
    page = target.removesuffix(".html")
    if page not in covers.pages or "mpack-set" in link.get("class", ()):
        link.name = "span"
        del link["href"]
    else:
        link["href"] = covers.link(page, identifier)


def _address(one, name, covers):
    """Let an element have the identifiers of the one document, and no attribute for screens alone."""
    for key in [key for key in one.attrs if key in FOR_SCREENS or key.startswith("data-")]:
        del one[key]
    for key in set(NAMED) & set(one.attrs):
        value = one[key] if isinstance(one[key], list) else one[key].split()
        one[key] = " ".join(covers.place(name, identifier) for identifier in value)


def lost(chapters, covers):
    """Links inside the book that lead nowhere."""
    known = {covers.link(one.name, "") for one in chapters}
    for one in chapters:
        bare = covers.link(one.name, "").partition("#")[0]
        known |= {f"{bare}#{element['id']}" for element in one.article.select("[id]")}
    return [
        f"{one.name}: {link['href']}"
        for one in chapters
        for link in one.article.select("a[href]")
        if "://" not in link["href"] and not link["href"].startswith("mailto:")
        if link["href"] not in known
    ]


def formulas(chapters):
    """The elements that hold a formula in TeX, each with (TeX, whether it stands apart)."""
    found = []
    for one in chapters:
        for element in one.article.select("span.math, div.math"):
            text = element.get_text().strip()
            number = element.select_one(".eqno")
            if number is not None:
                text = text.removeprefix(number.get_text()).strip()
            if text.startswith((r"\(", r"\[")):
                found.append((element, text[2:-2], text.startswith(r"\[")))
    return found


def keep(path):
    """Where a product goes, with its folder made."""
    CARRIED.mkdir(parents=True, exist_ok=True)
    return CARRIED / path
