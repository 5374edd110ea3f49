"""A page of the book as cells of a notebook: its words without directives, its figures live, its tours to click.

Where there is no Sphinx (in Voila, in JupyterLab) a directive that places a figure becomes a cell
that makes the live one, the numbered list that sets it a tour at its side, another list or a
paragraph that sets it a tour of its own, and a prediction a question that wants an answer before it
gives its own.
"""

import html
import re

from mpack.widgets import _sources

from .roles import FENCE, OPTION, plain

SET = re.compile(r"\{mpack-set\}`(.+?)\s*<([a-z0-9-]+):([^`]*)>`", re.DOTALL)
_ITEMS = re.compile(r"(?:^\d+\. .*\n?)+", re.MULTILINE)
# A numbered list as one piece, else a paragraph.
_PIECE = re.compile(r"(?:^\d+\. .*\n?)+|(?:^(?!\d+\. ).*\S.*\n?)+|\s+", re.MULTILINE)


def text_cell(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def code_cell(source):
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


class Lesson:
    """Turns the text of one page into cells; remembers each figure's variable, and the tour at its side.

    Parameters
    ----------
    numbers : dict
        The page's recorded numbers, as `roles.numbers_of` gives them; empty on a page of prose.
    """

    def __init__(self, numbers):
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin

        self.numbers, self.figures, self.tours = numbers, {}, {}
        self.markdown = MarkdownIt().use(dollarmath_plugin, renderer=_formula)

    def cells(self, text):
        """The cells of a stretch of Markdown, neighbouring words in one."""
        words = []
        for made in self._pieces(text):
            if isinstance(made, str):
                words.append(made)
                continue
            yield from _joined(words)
            words = []
            yield made
        yield from _joined(words)

    def _pieces(self, text):
        """Words (str) and cells of code, in order."""
        at = 0
        for items in _ITEMS.findall(text):
            for _, name, _ in SET.findall(items)[:1]:
                self.tours.setdefault(name, items)
        for fence in FENCE.finditer(text):
            yield from self._prose(text[at : fence.start()])
            at = fence.end()
            if fence["name"] == "mpack-widget":
                yield from self._figure(fence)
            elif fence["name"] == "admonition" and FENCE.search(fence["body"]):
                yield self._prediction(fence)
            else:
                yield plain(fence[0], self.numbers)
        yield from self._prose(text[at:])

    def _prose(self, text):
        """Words, and tours where they set figures."""
        for beside in self.tours.values():  # with its heading
            text = re.sub(
                rf"(?:^#+ [^\n]*\n\s*)?^{re.escape(beside)}", "", text, flags=re.MULTILINE
            )
        for piece in _PIECE.findall(text):
            named = {name for _, name, _ in SET.findall(piece)}
            if named and named <= set(self.figures):  # else the figure stands further down
                yield code_cell(self._tour(piece))
            else:
                yield plain(piece, self.numbers)

    def _tour(self, items, beside=""):
        """The call for a numbered list, or a paragraph."""
        stops = re.split(r"^\d+\. ", items, flags=re.MULTILINE)
        made = "".join(self._stop(stop) for stop in stops if stop.strip())
        return f"mpack.widgets.tour([\n{made}]{beside})"

    def _stop(self, text):
        """One stop of a tour: its words as HTML, and its links as (words, variable, state)."""
        words = plain(SET.sub(lambda link: f"*{link[1]}*", text.strip()), self.numbers)
        pairs = ", ".join(
            f"({self._label(label)!r}, {self.figures[name]}, {state.strip()!r})"
            for label, name, state in SET.findall(text)
        )
        return f"    ({self.markdown.render(words)!r}, [{pairs}]),\n"

    def _label(self, words):
        return re.sub(r"[$*\\]|\{|\}", "", plain(words, self.numbers))

    def _figure(self, fence):
        options = dict(OPTION.findall(fence["options"]))
        name = fence["title"].strip()
        variable = "figure_" + options["name"].removeprefix("fig-").replace("-", "_")
        self.figures[options["name"]] = variable
        state = _sources.from_text(name, options.get("state", ""))
        given = ", ".join(f"{key}={value!r}" for key, value in state.items())
        made = f"import mpack\n\n{variable} = mpack.widgets.{_sources.class_name(name)}({given})"
        items = self.tours.get(options["name"])
        shown = self._tour(items, f", beside={variable}") if items else variable
        yield code_cell(f"{made}\n{shown}")
        yield plain(fence[0], self.numbers)

    def _prediction(self, fence):
        inner = FENCE.search(fence["body"])
        question = self.markdown.render(plain(fence["body"][: inner.start()].strip(), self.numbers))
        head = f"<h3>{html.escape(fence['title'])}</h3>"
        return code_cell(
            f"mpack.widgets.predict(\n    {head + question!r},\n"
            f"    mpack.widgets.tour([\n{self._stop(inner['body'])}]),\n)"
        )


def _joined(words):
    """One cell of words, or none."""
    text = "".join(words).strip("\n")
    return [text_cell(text)] if text.strip() else []


def _formula(content, options):
    """A formula in a tour's HTML, as MathJax looks for it."""
    left, right = ("\\[", "\\]") if options["display_mode"] else ("\\(", "\\)")
    return f"{left}{html.escape(content)}{right}"
