"""The text of the pages for the search page, in a script: a page opened from a file may not fetch others.

Sphinx's own search fetches each page that it found, to show the lines around what was asked for.
`search.js` gives it the text from here instead, with or without a server.
"""

import json
import re
import unicodedata
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

NAME = "search-text.js"
BEGIN, END = "window.mpackText = ", ";\n"
UNREAD = (nodes.raw, nodes.comment, nodes.literal_block, nodes.math_block, nodes.target)
UNREAD += (addnodes.toctree, addnodes.index, nodes.image, nodes.doctest_block, nodes.legend)
# What TeX calls by another name than Unicode; Greek letters have theirs in both.
SIGNS = {"le": "≤", "ge": "≥", "lesssim": "≲", "gtrsim": "≳", "ll": "≪", "gg": "≫", "approx": "≈"}
SIGNS |= {"pm": "±", "times": "×", "cdot": "·", "propto": "∝", "sim": "~", "to": "→", "in": "∈"}
SIGNS |= {"infty": "∞", "sum": "∑", "int": "∫", "partial": "∂", "nabla": "∇", "perp": "⊥"}
SIGNS |= {"parallel": "∥", "langle": "⟨", "rangle": "⟩", "sqrt": "√", "ell": "ℓ", "dots": "…"}
SIGNS |= {"ne": "≠", "neq": "≠", "leq": "≤", "geq": "≥", "varphi": "φ"}


def parts(doctree):
    """The text of a page by section: [[anchors, text], ...], the sections in order, each without those in it."""
    found = [[[], text_of(doctree)]] if text_of(doctree) else []
    for section in doctree.findall(nodes.section):
        text = text_of(section)
        anchors = section["ids"] + [
            one for term in section.findall(nodes.term) for one in term["ids"]
        ]
        if text:
            found.append([anchors, text])
    return found


def text_of(section):
    """The prose of a section, without its title and without its subsections."""
    kept = [
        words(child)
        for child in section.children
        if not isinstance(child, (nodes.section, nodes.title))
    ]
    return " ".join(" ".join(kept).split())


def words(node):
    """The words of a node."""
    if isinstance(node, nodes.math):
        return in_words(node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, UNREAD):
        return ""
    text = "".join(words(child) for child in node.children)
    return text if isinstance(node, nodes.Inline) else f" {text} "


def in_words(formula):
    """A short formula as the lines of a search show it: Greek letters and signs, no commands and braces."""

    def sign(command):
        name = command[1]
        case = "SMALL" if name[0].islower() else "CAPITAL"
        try:
            greek = unicodedata.lookup(f"GREEK {case} LETTER {name.upper()}")
        except KeyError:
            greek = ""
        return SIGNS.get(name, greek)

    fractions = re.sub(r"\\t?frac\s*(\w|\{[^{}]*\})\s*(\w|\{[^{}]*\})", r"\1/\2", formula)
    plain = re.sub(r"\\([A-Za-z]+)\s*", sign, fractions)
    return " ".join(re.sub(r"\\[^A-Za-z]|[{}$&]", "", plain).split())


def collect(app, pagename, templatename, context, doctree):
    """Remember the text of a page; give all of it to the page that searches, which is written last."""
    if doctree is not None:
        app.mpack_text[pagename] = parts(doctree)
    elif pagename == "search":
        write(app)
        app.add_js_file(NAME, priority=700)
        app.add_js_file("search.js", priority=950, loading_method="defer")


def write(app):
    """Write the script; of pages that were not written this time, the text is the one it has."""
    path = Path(app.outdir) / "_static" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text("utf8")[len(BEGIN) : -len(END)]) if path.exists() else {}
    known |= app.mpack_text
    missing = app.env.found_docs - set(known)
    known |= {name: parts(app.env.get_doctree(name)) for name in missing}
    texts = {name: known[name] for name in app.env.found_docs}
    text = json.dumps(texts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    path.write_text(f"{BEGIN}{text}{END}", encoding="utf8")


def setup(app):
    """Called by `sphinxext.setup`."""
    app.mpack_text = {}
    app.connect("html-page-context", collect)
