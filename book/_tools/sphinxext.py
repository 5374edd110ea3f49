"""The book's Sphinx extension: executed chapters, two-theme figures, measured numbers.

Loaded by `_config.yml`. Nothing here runs a chapter; `execute` did that.
"""

import base64
import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.directives.patches import Figure
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from book import chapters, reading
from mpack.statistics import with_error

from . import (
    bookkeeping,
    citing,
    claimpages,
    dressing,
    findings,
    hover,
    interactive,
    origins,
    parameters,
    places,
    program,
    readingtime,
    reference,
    roles,
    searchtext,
    trustpages,
    ways,
)

log = logging.getLogger(__name__)
PICTURES = origins.PICTURES
DATA = (chapters.RECORD, chapters.CLAIM, chapters.ANSWER, chapters.PARAMETERS)
# The corner of a pandas table: a header cell that heads nothing, which a screen reader would
# announce.
EMPTY_HEADER = re.compile(r"<th[^>]*>(?:&nbsp;|\s)*</th>")


def executed_copy(env, docname):
    """The executed notebook behind a page, or None; noted as a dependency of the page being read."""
    path = places.EXECUTED / f"{docname}.ipynb"
    env.note_dependency(str(path))
    return path if path.exists() else None


def swap(app, docname, source):
    """Read the executed copy in place of an output-free notebook."""
    if not str(app.env.doc2path(docname)).endswith(".ipynb"):
        return
    path = executed_copy(app.env, docname)
    if path is None:
        log.warning(
            "%s has not been run", docname, location=docname, type="mpack", subtype="unexecuted"
        )
        return
    notebook = json.loads(path.read_text(encoding="utf8"))
    interactive.freeze(notebook)
    page = Page(docname, reading.captions(notebook), roles.numbers_of(path))
    cells = bookkeeping.page_cells(notebook["cells"])
    notebook["cells"] = [new for cell in cells for new in page.cells(cell)]
    source[0] = json.dumps(notebook)


class Page(NamedTuple):
    """The cells of a chapter as the page shows them."""

    docname: str
    captions: dict
    numbers: dict

    def cells(self, cell):
        """A cell: its figures follow as Markdown, with their captions, and data for programs are left out."""
        if cell["cell_type"] == "markdown":
            return [{**cell, "source": reading.CAPTION.sub("", "".join(cell["source"]))}]
        if not cell.get("outputs"):
            return [] if is_wordless(cell) else [cell]
        figures = [
            output["data"][chapters.FIGURE]
            for output in cell["outputs"]
            if chapters.FIGURE in output.get("data", {})
        ]
        shown = {**cell, "outputs": without_data(with_folds(cell["outputs"]))}
        audits = [output for output in shown["outputs"] if is_audit(output)]
        shown["outputs"] = [output for output in shown["outputs"] if output not in audits]
        after = [self.sentence(cell, audits)] if audits else []
        after += [self.figure(figure) for figure in figures]
        if not shown["outputs"] and is_wordless(cell):
            return after
        return [shown, *after]

    def sentence(self, cell, audits):
        """A Markdown cell with what a cell printed of its audits, in one sentence."""
        printed = "".join("".join(output["text"]) for output in audits)
        return {
            "cell_type": "markdown",
            "id": f"audit-{cell['id']}"[:64],
            "metadata": {},
            "source": bookkeeping.audit_sentence(printed),
        }

    def figure(self, figure):
        """A Markdown cell with the `mpack-figure` directive for one figure; its two pictures become files."""
        name = figure["name"]
        if name not in self.captions:
            log.warning(
                "the figure %r has no caption",
                name,
                location=self.docname,
                type="mpack",
                subtype="caption",
            )
        alt, caption = self.captions.get(name, ("", ""))
        files = {theme: picture_file(self.docname, figure, theme) for theme in ("light", "dark")}
        lines = [
            f"````{{mpack-figure}} {files['light']}",
            f":dark: {files['dark']}",
            f":name: fig-{name}",
            f":alt: {roles.plain(alt, self.numbers)}",
            f":width: {figure['width']}px",
            *data_option(self.docname, figure),
            "",
            caption,
            "````",
        ]
        return {
            "cell_type": "markdown",
            "id": f"figure-{name}"[:64],
            "metadata": {},
            "source": "\n".join(lines),
        }


def is_wordless(cell):
    """Whether a cell shows no code: nothing of it was left."""
    return "remove-input" in cell.get("metadata", {}).get("tags", ())


def with_folds(outputs):
    """Outputs in which the claims that stand together are one, which opens."""
    kept, run = [], []
    for output in [*outputs, {}]:
        if chapters.CLAIM in output.get("data", {}):
            run.append(output["data"][chapters.CLAIM])
            continue
        if run and not is_silent(output):
            fold = {"text/html": claimpages.folded(run)}
            kept.append({"output_type": "display_data", "metadata": {}, "data": fold})
            run = []
        kept += [output] if output else []
    return kept


def is_silent(output):
    """Whether an output is for programs alone."""
    data = output.get("data", {})
    return bool(data) and set(data) <= set(DATA)


def is_audit(output):
    """Whether an output tells of audits and of nothing else."""
    printed = "".join(output["text"]) if output.get("output_type") == "stream" else ""
    return bookkeeping.audit_sentence(printed) is not None


def without_data(outputs):
    """Outputs for readers alone."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if chapters.FIGURE in data:
            continue
        for kind in DATA:
            data.pop(kind, None)
        if "text/html" in data:
            data["text/html"] = EMPTY_HEADER.sub("<td></td>", "".join(data["text/html"]))
        if output.get("data") != {}:
            kept.append(output)
    return kept


def picture_file(docname, figure, theme):
    """Write one picture and return its name from the root, as directives take it."""
    path = PICTURES / f"{docname.replace('/', '-')}-{figure['name']}-{theme}.png"
    data = base64.b64decode(figure[theme])
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return f"/{places.relative(path)}"


def data_option(page, figure):
    """The line of the directive that names a figure's data, written to a file of their own; none if it has none."""
    path = origins.data_file(page, figure)
    return [f":data: /{places.relative(path)}"] if path else []


class ThemeFigure(Figure):
    """A figure with a second picture for dark pages, and a link to the data that it is made from."""

    option_spec = {
        **Figure.option_spec,
        "dark": directives.unchanged_required,
        "data": directives.unchanged_required,
    }

    def run(self):
        dark, data = self.options.pop("dark"), self.options.pop("data", None)
        made = super().run()
        figure = made[0]
        if isinstance(figure, nodes.figure):
            light = next(iter(figure.findall(nodes.image)))
            second = light.deepcopy()
            second["uri"] = dark
            for image, theme in ((light, "mpack-light"), (second, "mpack-dark")):
                image["classes"] += [theme, "dark-light"]  # the latter: no filter by the theme
                image["loading"] = "lazy"
            light.parent.insert(light.parent.index(light) + 1, second)
            if data:
                figure += data_link(data)
        return made


def data_link(path):
    """The line below a caption that leads to a figure's data."""
    link = addnodes.download_reference("", "", refdoc="", reftarget=path, refdomain="")
    link += nodes.inline("", "Data (CSV)")
    return nodes.legend("", nodes.paragraph("", "", link, classes=["mpack-data"]))


class Measured(SphinxRole):
    """{measured}`name` or {measured}`notebooks/chapter:name`: a recorded number with its error."""

    def run(self):
        docname, _, name = self.text.rpartition(":")
        path = executed_copy(self.env, docname or self.env.docname)
        known = reading.records(path) if path else {}
        if name not in known:
            log.warning(
                "no number %r was recorded in %s",
                name,
                docname or self.env.docname,
                location=self.get_location(),
                type="mpack",
                subtype="measured",
            )
            return [nodes.inline(self.rawtext, "?")], []
        entry = known[name]
        text = with_error(entry["value"], entry["error"], entry["unit"])
        text = text.replace(" ± ", "\u00a0±\u00a0")  # a number is not parted from its error
        words = ["mpack-words"] if isinstance(entry["value"], str) else []  # may break
        return [nodes.inline(self.rawtext, text, classes=["mpack-measured", *words])], []


class Parameter(SphinxRole):
    """{parameter}`name`: the value that a checked parameter of this chapter had."""

    def run(self):
        path = executed_copy(self.env, self.env.docname)
        known = reading.parameters(path) if path else {}
        if self.text not in known:
            place = {"location": self.get_location(), "type": "mpack", "subtype": "parameter"}
            log.warning("%s has no parameter %r", self.env.docname, self.text, **place)
            return [nodes.inline(self.rawtext, "?")], []
        return [nodes.inline(self.rawtext, roles.parameter(self.text, known[self.text]))], []


class ReadingTime(SphinxRole):
    """{readingtime}`minutes`: how long this chapter takes, counted when the page is made, and the unit."""

    def run(self):
        path = executed_copy(self.env, self.env.docname)
        many = readingtime.minutes(path) if path else "?"
        return [nodes.inline(self.rawtext, f"{many} {self.text}")], []


def rewrite_all(app, env):
    """When one page was read again, write all: titles and numbers of others stand in every page's margins."""
    return sorted(env.found_docs) if app.mpack_read else []


def note_read(app, env, docnames):
    """Remember whether any page is read in this build."""
    app.mpack_read = bool(docnames) or bool(env.found_docs - set(env.all_docs))


def finish(app, error):
    """Put the claims file beside the pages, and remove pages that are no longer in the book."""
    if error or app.builder.name != "html":
        return
    out = Path(app.outdir)
    if places.CLAIMS.exists():
        shutil.copyfile(places.CLAIMS, out / "claims.json")
    keep = {f"{name}.html" for name in app.env.found_docs} | {
        "index.html",
        "genindex.html",
        "search.html",
    }
    for folder in ("book", "notebooks"):
        for page in (out / folder).rglob("*.html"):
            if page.relative_to(out).as_posix() not in keep:
                page.unlink()


def vendor(app, config):
    """Put MathJax beside the pages, from the package that carries it, so that formulas need no network."""
    static = places.BUILD / "vendor_static"
    target = static / "vendor" / "mathjax"
    package = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
    source = Path(package) / "static" / "mathjax"
    for part in ("output/chtml/fonts/woff-v2", "input/tex/extensions"):
        shutil.copytree(source / part, target / part, dirs_exist_ok=True)
    shutil.copy2(source / "tex-mml-chtml.js", target)
    config.html_static_path.append(str(static))


def drop_thebe(app, config):
    """Unhook the live-code button's script: it asks other hosts, on every page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one
            for one in listeners
            if not (
                one.handler.__module__ == "sphinx_thebe"
                and one.handler.__name__ in ("init_thebe_core", "update_thebe_context")
            )
        ]


def singlehtml_handlers(app, config):
    """Some extensions register nodes for `singlehtml` alone, which hides all their `html` handlers there."""
    handlers = app.registry.translation_handlers
    handlers["singlehtml"] = {**handlers.get("html", {}), **handlers.get("singlehtml", {})}


def visit_citation(translator, node):
    """An entry of the bibliography, without docutils' roles: axe calls them deprecated and misplaced."""
    translator.body.append(translator.starttag(node, "div", CLASS="citation"))


def depart_citation(translator, node):
    translator.body.append("</div>\n")


def setup(app):
    app.mpack_read = False
    app.add_directive("mpack-figure", ThemeFigure)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.add_role("measured", Measured())
    app.add_role("parameter", Parameter())
    app.add_role("readingtime", ReadingTime())
    app.connect("source-read", swap, priority=100)
    app.connect("env-before-read-docs", note_read)
    app.connect("env-updated", rewrite_all)
    app.connect("config-inited", vendor)
    app.connect("config-inited", singlehtml_handlers)
    app.connect("config-inited", drop_thebe)
    app.connect("build-finished", finish)
    claimpages.setup(app)
    interactive.setup(app, ThemeFigure)
    program.setup(app)
    findings.setup(app, executed_copy)
    reference.setup(app)
    trustpages.setup(app)
    for part in (citing, dressing, hover, parameters, searchtext, ways):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
