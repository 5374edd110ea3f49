"""Interactive figures in the book: the directive, links that set a figure's state, the scripts, frozen controls.

The modules themselves come from `mpack.widgets`; a page that shows one loads what figures share and
that figure's own script, from beside the pages, and nothing from anywhere else.
"""

import html
import json
import re

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from book.chapters import FIGURE
from mpack.widgets import _sources

from . import places

log = logging.getLogger(__name__)
FOLDER = "mpack-figures"  # of the scripts, among the static files
STILLS = "/book/stills"
MODULE = re.compile(r'data-module="(\w+)"')
LINK = re.compile(r"(.+?)\s*<([a-z0-9-]+):(.*)>", re.DOTALL)
VIEW, STATE = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
)


def directive(themed):
    """The directive `mpack-widget`, made from the one for figures in two themes.

    ```{mpack-widget} playground
    :name: fig-playground
    :state: phi=0.7, dynamics=SGD
    :alt: What its still shows, for print and for pages without scripts.

    The caption.
    ```
    """

    class Interactive(themed):
        option_spec = {
            **themed.option_spec,
            "state": directives.unchanged,
            "still": directives.unchanged,
        }

        def run(self):
            name = self.arguments[0]
            try:
                state = _sources.from_text(name, self.options.pop("state", ""))
            except (ValueError, TypeError) as error:
                raise self.error(f"mpack-widget: {error}") from None
            if "name" not in self.options:
                raise self.error(
                    f"mpack-widget: {name} needs a :name:, by which links and readers find it"
                )
            still = self.options.pop("still", f"{STILLS}/{name}")
            self.arguments[0], self.options["dark"] = f"{still}-light.png", f"{still}-dark.png"
            made = super().run()
            figure = made[0]
            if isinstance(figure, nodes.figure):
                self.state.document.settings.env.note_dependency(
                    str(_sources.FOLDER / f"{name}.json")
                )
                figure["classes"].append("mpack-interactive")
                figure["mpack_module"] = name
                page = _sources.placeholder(name, state, figure["ids"][0])
                figure.insert(0, nodes.raw("", page, format="html"))
            return made

    return Interactive


class SetState(SphinxRole):
    """{mpack-set}`words <fig-name: phi=0.75, running>`: a link that gives a figure of this page a state."""

    def run(self):
        match = LINK.fullmatch(self.text)
        if match is None:
            log.warning(
                "mpack-set wants `words <figure: state>`; got %r",
                self.text,
                location=self.get_location(),
            )
            return [nodes.inline(self.rawtext, self.text)], []
        words, figure, state = match.groups()
        node = nodes.raw(self.rawtext, words, format="html")  # completed by `settle_links`
        node["mpack_set"] = (figure, state)
        node.source, node.line = self.get_source_info()
        return [node], []


def settle_links(app, doctree):
    """Write out the links of a page, checked against the figures that are on it."""
    modules = {
        identifier: figure["mpack_module"]
        for figure in doctree.findall(nodes.figure)
        if "mpack_module" in figure
        for identifier in figure["ids"]
    }
    for tour in tours(doctree):
        tour["classes"].append("mpack-tour")
    for node in doctree.findall(nodes.raw):
        if "mpack_set" not in node:
            continue
        figure, text = node["mpack_set"]
        words, state = node.astext(), {}
        try:
            if figure not in modules:
                raise ValueError(f"no interactive figure {figure!r} on this page")
            state = _sources.from_text(modules[figure], text)
        except (ValueError, TypeError) as error:
            log.warning("mpack-set: %s", error, location=node, type="mpack", subtype="set")
        link = (
            f'<a class="mpack-set" href="#{figure}" data-figure="{figure}" '
            f'data-state="{html.escape(json.dumps(state))}">{html.escape(words)}</a>'
        )
        node.children = [nodes.Text(link)]
        del node["mpack_set"]


def tours(doctree):
    """Numbered lists of which every item sets the same figure: they can be read in it, one item after another."""
    for found in doctree.findall(nodes.enumerated_list):
        first = [
            next(
                (raw["mpack_set"][0] for raw in item.findall(nodes.raw) if "mpack_set" in raw), None
            )
            for item in found.children
        ]
        if None not in first and len(set(first)) == 1:
            yield found


def write_scripts(app, config):
    """Put the figures' scripts, and a page of its own for each figure, among the static files."""
    folder = places.BUILD / "vendor_static" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    files = _sources.scripts() | {
        f"{name}.html": _sources.linked(name) for name in _sources.names()
    }
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf8") != text:
            path.write_text(text, encoding="utf8")


def load_scripts(app, pagename, templatename, context, doctree):
    """A page loads the scripts of the figures it shows."""
    shown = sorted(set(MODULE.findall(context.get("body") or "")))
    for place, name in enumerate(["shared", *shown] if shown else []):
        app.add_js_file(f"{FOLDER}/{name}.js", priority=800 + place, loading_method="defer")


def freeze(notebook):
    """Replace controls that need a kernel by what they showed when the chapter ran, and a line on how to move them."""
    widgets = notebook["metadata"].pop("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [
                new for output in cell["outputs"] for new in _frozen(output, widgets)
            ]


def _frozen(output, widgets):
    data = output.get("data", {})
    if VIEW in data and FIGURE in data:  # an explorer, shown as a figure
        view = {"data": {VIEW: data.pop(VIEW)}}
        return [*_frozen(view, widgets), output]
    if VIEW not in data or "text/html" in data:
        data.pop(VIEW, None)
        return [output]
    controls, outputs = [], []
    _collect(widgets, data[VIEW]["model_id"], controls, outputs)
    settings = ", ".join(f"{label} {value}" for label, value in controls)
    note = f"Shown here with {settings}. " if settings else ""
    how = "Open the chapter in JupyterLab (<code>make lab</code>) to move it."
    text = f'<p class="mpack-frozen">{html.escape(note)}{how}</p>'
    return [{"output_type": "display_data", "data": {"text/html": text}, "metadata": {}}, *outputs]


def _collect(widgets, identifier, controls, outputs):
    """Labels and values of the controls below one widget, and what its outputs showed."""
    state = widgets.get(identifier, {}).get("state", {})
    if state.get("_model_name") == "OutputModel":
        outputs.extend(state.get("outputs", []))
    elif state.get("description") and ("value" in state or "index" in state):
        value = (
            state["_options_labels"][state["index"]]
            if state.get("index") is not None
            else state.get("value")
        )
        if not _hidden(widgets, state):
            controls.append((state["description"].rstrip(": "), _written(value)))
    for child in state.get("children", []):
        _collect(widgets, child.removeprefix("IPY_MODEL_"), controls, outputs)


def _hidden(widgets, state):
    layout = str(state.get("layout", "")).removeprefix("IPY_MODEL_")
    return widgets.get(layout, {}).get("state", {}).get("display") == "none"


def _written(value):
    """The value of a control as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else value


def setup(app, themed):
    """Called by `sphinxext.setup`."""
    app.add_directive("mpack-widget", directive(themed))
    app.add_role("mpack-set", SetState())
    app.connect("config-inited", write_scripts)
    app.connect("doctree-read", settle_links)
    app.connect("html-page-context", load_scripts)
