"""What a lesson in a notebook strings figures together with: a tour of states, and a question before its answer.

The pages of the book do the same with links and folds; `book/_tools/live.py` turns one into the
other.
"""

import html

import ipywidgets
import traitlets

from mpack import _check
from mpack.widgets import _sources

TALL = "44px"


class Tour(ipywidgets.VBox):
    """Stops, each some words about a figure and buttons that set it to the states they speak of."""

    def __init__(self, stops):
        rows = []
        for stop in stops:
            if (
                not isinstance(stop, (tuple, list))
                or len(stop) != 2
                or not isinstance(stop[0], str)
            ):
                raise TypeError(
                    f"stops must be pairs (text, [(words, figure, state), ...]); got {stop!r}"
                )
            text, links = stop
            buttons = [_button(*link) for link in links]
            row = ipywidgets.Layout(flex_flow="row wrap", align_items="center", width="100%")
            rows += [ipywidgets.Box(buttons, layout=row)] if buttons else []
            rows.append(ipywidgets.HTMLMath(text))
        super().__init__(rows)

    def first(self):
        """Set the figure to the first state that the words speak of."""
        for row in self.children:
            if isinstance(row, ipywidgets.Box) and row.children:
                row.children[0].click()
                return


class Guided(ipywidgets.Box):
    """A tour beside its figure, one stop at a time, so that words and picture are in view together."""

    def __init__(self, stops, figure):
        from mpack.widgets._live import Figure

        _check.instance("beside", figure, Figure, "an interactive figure")
        self._stops = [Tour([stop]) for stop in stops]
        if not self._stops:
            raise ValueError("stops must hold one stop at least; got none")
        look = ipywidgets.Layout(width="auto", height=TALL)
        self._back = ipywidgets.Button(description="Back", layout=look)
        self._next = ipywidgets.Button(description="Next", button_style="primary", layout=look)
        self._back.on_click(lambda _: self.visit(self.place - 1))
        self._next.on_click(lambda _: self.visit(self.place + 1))
        self._count = ipywidgets.Label()
        middle = ipywidgets.Layout(align_items="center")
        self._head = ipywidgets.HBox([self._back, self._next, self._count], layout=middle)
        self._panel = ipywidgets.VBox(layout=ipywidgets.Layout(flex="1 1 15em"))
        figure.layout.width = "100%"
        framed = ipywidgets.Box(
            [figure], layout=ipywidgets.Layout(flex="3 1 32em", min_width="0", overflow="visible")
        )
        # Reversed: beside the figure where there is room, above it where there is not.
        row = ipywidgets.Layout(
            flex_flow="row-reverse wrap", align_items="flex-start", width="100%"
        )
        super().__init__([self._panel, framed], layout=row)
        self._show(0)

    def _show(self, place):
        self.place = place
        self._back.disabled, self._next.disabled = place == 0, place == len(self._stops) - 1
        self._count.value = f"{place + 1} of {len(self._stops)}"
        self._panel.children = [self._head, self._stops[place]]

    def visit(self, place):
        """Go to a stop, and set the figure to its first state: what *Back* and *Next* do."""
        self._show(min(max(place, 0), len(self._stops) - 1))
        self._stops[self.place].first()


def _button(words, figure, state):
    """A button that sets a figure to a state, given as in the book: "phi=0.7, running"."""
    from mpack.widgets._live import Figure

    _check.instance(
        "figure", figure, Figure, "an interactive figure such as mpack.widgets.Playground()"
    )
    begun, asked = figure.state(), _sources.from_text(figure.figure, state)
    button = ipywidgets.Button(
        description=words,
        tooltip=f"Set the figure: {state}",
        layout=ipywidgets.Layout(width="auto", height=TALL),
    )
    button.on_click(lambda _: figure.set(begun | asked))
    return button


class Prediction(ipywidgets.VBox):
    """A question; its answer is shown once something has been written down."""

    said = traitlets.Unicode("", help="what was written down when the answer was asked for")

    def __init__(self, question, answer):
        self._question = ipywidgets.HTMLMath(_check.instance("question", question, str, "text"))
        self._answer = _check.instance(
            "answer", answer, ipywidgets.Widget, "a widget, such as a tour"
        )
        self._field = ipywidgets.Textarea(
            placeholder="What do you expect, and why?",
            layout=ipywidgets.Layout(width="100%", height="5em"),
        )
        look = ipywidgets.Layout(width="max-content", height=TALL)
        self._look = ipywidgets.Button(
            description="Now look", disabled=True, button_style="primary", layout=look
        )
        self._field.observe(self._written, "value")
        self._look.on_click(lambda _: self.look())
        super().__init__([self._question, self._field, self._look])

    def _written(self, _):
        self._look.disabled = not self._field.value.strip()

    def look(self):
        """Show the answer below what was expected: what *Now look* does. Nothing if nothing has been written."""
        self.said = self._field.value.strip()
        if self.said:
            kept = ipywidgets.HTML(
                f"<p><strong>You expected:</strong> {html.escape(self.said)}</p>"
            )
            self.children = [self._question, kept, self._answer]
