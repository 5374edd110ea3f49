"""What the book calls things: titles, numbers of figures, equations and exercises, authors; without Sphinx.

Sphinx numbers what it renders. The copies of chapters for JupyterLab, Voila and a class are not
rendered by it, and are to say the same: so the same is counted here, from the sources, and a test
compares it with the built book.
"""

import functools
import json
import re
from pathlib import Path

from . import places

_FIGURE = re.compile(
    r"^`{3,}\{caption\}[ \t]+(?P<caption>[\w-]+)"
    r"|^`{3,}\{mpack-(?:widget|figure)\}[^\n]*\n(?::[^\n]*\n)*?:name:[ \t]*(?P<named>[\w-]+)",
    re.MULTILINE,
)
_EQUATION = re.compile(
    r"^\$\$[ \t]*\((?P<after>[\w:-]+)\)"
    r"|^`{3,}\{math\}[^\n]*\n(?::[^\n]*\n)*?:label:[ \t]*(?P<option>[\w:-]+)",
    re.MULTILINE,
)
_EXERCISE = re.compile(
    r"^`{3,}\{exercise\}[^\n]*\n(?::[^\n]*\n)*?:label:[ \t]*(?P<label>[\w-]+)", re.MULTILINE
)
_SECTION = re.compile(r"^\((?P<label>[\w-]+)\)=[ \t]*\n+#+[ \t]+(?P<title>[^\n]+)", re.MULTILINE)
_TITLE = re.compile(r"^#[ \t]+([^\n]+)", re.MULTILINE)


def _prose(page):
    """The Markdown of a page, named as in the table of contents."""
    path = places.ROOT / page
    if (notebook := path.with_name(f"{path.name}.ipynb")).exists():
        cells = json.loads(notebook.read_text(encoding="utf8"))["cells"]
        return "\n\n".join(
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
        )
    markdown = path.with_name(f"{path.name}.md")
    return markdown.read_text(encoding="utf8") if markdown.exists() else ""  # made at build


def _labels(pattern, text):
    """Labels in the order of the page."""
    return [next(filter(None, match.groups())) for match in pattern.finditer(text)]


@functools.cache
def numbers():
    """From each label of a chapter to what the book prints in its place: 'Fig. 1.2', '(2.3)', 'Exercise 1.4'."""
    found = {}
    for chapter, name in enumerate(places.chapters(), 1):
        text = _prose(name.removesuffix(".ipynb"))
        for place, label in enumerate(_labels(_FIGURE, text), 1):
            found["fig-" + label.removeprefix("fig-")] = f"Fig. {chapter}.{place}"
        for place, label in enumerate(_labels(_EQUATION, text), 1):
            found[label] = f"({chapter}.{place})"
        for place, label in enumerate(_labels(_EXERCISE, text), 1):
            found[label] = f"Exercise {chapter}.{place}"
        found |= {one["label"]: one["title"].strip() for one in _SECTION.finditer(text)}
    return found


def figures(page):
    """[(name, whether it computes in the page)] of the figures of a page, as they are numbered."""
    return [
        ((one["caption"] or one["named"]).removeprefix("fig-"), "{mpack-widget}" in one[0])
        for one in _FIGURE.finditer(_prose(page))
    ]


@functools.cache
def titles():
    """From each page's own name (its path's last part) to its title."""
    pages = {Path(name).name: _TITLE.search(_prose(name)) for name in places.pages()}
    return {name: title[1].strip() for name, title in pages.items() if title}


def is_chapter(name):
    """Whether a page's own name is that of a notebook."""
    return f"notebooks/{name}.ipynb" in places.chapters()


@functools.cache
def references():
    """From each key of the bibliography to its authors and its year: ('Zhang and Martiniani', '2024')."""
    from pybtex.database import parse_file

    entries = parse_file(places.ROOT / "book" / "references.bib").entries
    return {key: (_authors(entry), entry.fields.get("year", "")) for key, entry in entries.items()}


def _authors(entry):
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [
        " ".join(str(part) for part in [*one.rich_prelast_names, *one.rich_last_names])
        for one in people
    ]
    if len(names) > 2 or names[1:] == ["others"]:
        return f"{names[0]} et al."
    return " and ".join(names)
