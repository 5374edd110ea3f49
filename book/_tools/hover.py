"""Notes beside links: the definition of a term, an equation, a reference, a numbered figure, without leaving the page.

Made while pages are written, from the documents as Sphinx keeps them. A page carries the notes that
its own links need, as JSON, and `notes.js` shows them; nothing is fetched.
"""

import html
import json
import posixpath
import re

from docutils import nodes
from sphinx import addnodes

LONGEST = 900  # characters of a note's text; more is cut at a word
PLAIN = {nodes.emphasis: "em", nodes.strong: "strong", nodes.literal: "code"}
PLAIN |= {nodes.subscript: "sub", nodes.superscript: "sup", nodes.paragraph: "p"}


class Notes:
    """All that links of the book may lead to: {(page, anchor): a function that makes the note}."""

    def __init__(self, app):
        self.env, self.builder = app.env, app.builder
        self.found = {}
        for name in sorted(self.env.found_docs):
            self.take(name, self.env.get_doctree(name))
        self.take_references()

    def take(self, name, doctree):
        """The terms, equations and figures of a page."""
        for term in doctree.findall(nodes.term):
            definition = term.next_node(nodes.definition, descend=False, siblings=True)
            if definition is not None:
                self.add(name, term, "term", lambda up, it=term, said=definition: defined(it, said))
        for equation in doctree.findall(nodes.math_block):
            self.add(name, equation, "equation", lambda up, it=equation: display(it))
        for figure in doctree.findall(nodes.figure):
            self.add(name, figure, "figure", lambda up, it=figure: self.pictured(it, up))

    def take_references(self):
        """The entries of the bibliography. Its page must not be resolved for this: it would list each twice."""
        if "cite" not in self.env.domains:
            return
        domain = self.env.get_domain("cite")
        for citation in domain.citations:
            key = citation.bibliography_key
            entry = domain.bibliographies[key].citation_nodes[citation.key]
            for anchor in entry["ids"]:
                make = lambda up, it=citation: cited(it)
                self.found[(key.docname, anchor)] = ("reference", make)

    def add(self, name, node, kind, make):
        """Note something down under all its anchors, and those of a target right before it."""
        anchors = list(node.get("ids", ()))
        before = node.parent[: node.parent.index(node)] if node.parent else []
        while before and isinstance(before[-1], nodes.target):
            target = before.pop()
            anchors += [*target.get("ids", ()), *([target["refid"]] if "refid" in target else [])]
        for anchor in anchors:
            self.found.setdefault((name, anchor), (kind, make))

    def pictured(self, figure, up):
        """The picture of a figure, in both themes, and its caption."""
        pictures = []
        for image in figure.findall(nodes.image):
            known = self.env.images.get(image["uri"])
            if known:
                kinds = [one for one in image["classes"] if one.startswith("mpack-")]
                pictures.append(
                    f'<img src="{up}_images/{html.escape(known[1])}" alt="" class="{" ".join(kinds)}">'
                )
        caption = next(figure.findall(nodes.caption), None)
        return "".join(pictures) + (f"<p>{inline(caption)}</p>" if caption is not None else "")

    def of_page(self, name, doctree):
        """The notes that the links of a page need: {address as the page writes it: [kind, note]}."""
        up, needed = "../" * name.count("/"), {}
        for link in doctree.findall(nodes.reference):
            address = link.get("refuri") or (f"#{link['refid']}" if "refid" in link else "")
            place = leads_to(name, address)
            if place in self.found and not heads(link):
                kind, make = self.found[place]
                needed[address] = [kind, make(up)]
        return needed


def leads_to(name, address):
    """(page, anchor) of an address on a page; None for one that leads out of the book, or to no place on a page."""
    path, _, anchor = address.partition("#")
    if ":" in path or not anchor:
        return None
    if not path:
        return name, anchor
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path)).removesuffix(
        ".html"
    ), anchor


def heads(link):
    """Whether a link is a mark of the page itself and not part of its text."""
    return "headerlink" in link["classes"] or isinstance(link.parent, addnodes.compact_paragraph)


def defined(term, definition):
    """A term of the glossary and what it means."""
    return f"<p><strong>{inline(term)}</strong></p>{blocks(definition)}"


def display(equation):
    """An equation as a page has it."""
    text = equation.astext().strip()
    if r"\\" in text:  # as Sphinx does it
        text = rf"\begin{{split}}{text}\end{{split}}"
    return f'<div class="math notranslate nohighlight">\\[{html.escape(text)}\\]</div>'


def cited(citation):
    """An entry of the bibliography without its label."""
    from sphinxcontrib.bibtex.transforms import BibliographyTransform, node_text_transform

    entry = nodes.container("", BibliographyTransform.backend.paragraph(citation.formatted_entry))
    node_text_transform(entry)
    return blocks(entry)


def blocks(node):
    """The paragraphs of a node."""
    return cut("".join(block(child) for child in node.children))


def block(node):
    """One paragraph, or what else stands in its place, as HTML."""
    if isinstance(node, nodes.math_block):
        return display(node)
    if isinstance(node, nodes.paragraph):
        return f"<p>{inline(node)}</p>"
    if isinstance(node, (nodes.raw, nodes.comment, nodes.target)):
        return ""
    return "".join(block(child) for child in node.children)


def inline(node):
    """The text of a node with its emphasis and formulas; links are words here."""
    made = []
    for child in node.children:
        if isinstance(child, nodes.Text):
            made.append(html.escape(child.astext()))
        elif isinstance(child, nodes.math):
            formula = html.escape(child.astext())
            made.append(f'<span class="math notranslate nohighlight">\\({formula}\\)</span>')
        elif not isinstance(child, (nodes.raw, nodes.comment, addnodes.index)):
            tag = next((tag for kind, tag in PLAIN.items() if isinstance(child, kind)), None)
            text = inline(child)
            made.append(f"<{tag}>{text}</{tag}>" if tag and tag != "p" else text)
    return "".join(made)


def cut(text):
    """A note that is too long ends after the last paragraph that fits."""
    parts = re.split(r"(?<=</p>)", text)
    kept = parts.pop(0)
    for part in parts:
        if len(kept) + len(part) > LONGEST:
            break
        kept += part
    return kept


def write(app, pagename, templatename, context, doctree):
    """Put the notes of a page behind its text."""
    if doctree is None:
        return
    if app.mpack_notes is None:
        app.mpack_notes = Notes(app)
    needed = app.mpack_notes.of_page(pagename, doctree)
    if needed:
        text = json.dumps(needed, ensure_ascii=False).replace("</", "<\\/")
        context["body"] += f'<script type="application/json" id="mpack-notes">{text}</script>'


def forget(app, env):
    """Pages may have changed since the last build of this process."""
    app.mpack_notes = None


def setup(app):
    """Called by `sphinxext.setup`."""
    app.mpack_notes = None
    app.connect("env-updated", forget)
    app.connect("html-page-context", write, priority=850)
