"""The figures as anywidgets: what `mpack.widgets.Playground(...)` and the like are. Imported when first used."""

from __future__ import annotations

import json
from typing import Any

import anywidget
import traitlets

from mpack.widgets import _sources

_TRAITS = {
    "number": traitlets.Float,
    "integer": traitlets.Int,
    "choice": traitlets.Unicode,
    "flag": traitlets.Bool,
}


class Figure(anywidget.AnyWidget):
    """What all interactive figures share: a checked state, and how they go to a page without a kernel.

    Each entry of the figure's state is a trait: read it to learn what the reader set, assign it to
    move the figure.

    Raises
    ------
    ValueError, TypeError
        When made or assigned to: with the name, the value and what is allowed.
    """

    figure = ""  # the name in mpack.widgets

    def __init__(self, **state: Any) -> None:
        super().__init__(**_sources.checked(self.figure, state))
        self.on_msg(self._heard)

    def _heard(self, _, content, buffers):
        """A message from the front end, which asks now and then whether there is still a kernel."""
        if "ask" in content:
            self.send({"here": True})

    def state(self) -> dict[str, Any]:
        """The whole state, as a dict."""
        return {name: getattr(self, name) for name in _sources.schema(self.figure)["state"]}

    def set(self, state: Any) -> None:
        """Set several entries at once: a dict; all of it is checked before anything moves."""
        accepted = _sources.checked(self.figure, state)
        with self.hold_sync():
            for name, value in accepted.items():
                setattr(self, name, value)

    def __repr__(self):
        fields = _sources.schema(self.figure)["state"]
        changed = {
            name: value for name, value in self.state().items() if value != fields[name]["default"]
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return data | {"text/html": _sources.placeholder(self.figure, self.state())}, metadata


def _validator(name, field):
    @traitlets.validate(name)
    def validate(self, proposal):
        return _sources.accept(name, proposal["value"], field)

    return validate


def _described(schema):
    """The docstring of a figure: what it shows, its state, an example."""
    title = schema["title"].rstrip("?")
    stop = "." if title == schema["title"] else "?"
    state = [
        f"{key} : {field['kind']}, default {json.dumps(field['default'])}"
        for key, field in schema["state"].items()
    ]
    key, field = next(iter(schema["state"].items()))
    value = _sources.KINDS[field["kind"]](field["default"])
    example = [
        ">>> import mpack",
        f">>> figure = mpack.widgets.{schema['class']}({key}={value!r})",
        ">>> figure.set(figure.state())",
        f'>>> figure.state()["{key}"]',
        repr(value),
    ]
    parts = [f"{title}{stop}", "", schema["summary"], "", "Attributes", "----------", *state]
    return "\n".join([*parts, "", "Examples", "--------", *example])


def make(name):
    """The class of one figure."""
    schema = _sources.schema(name)
    members = {
        "__doc__": _described(schema),
        "__module__": "mpack.widgets",
        "figure": name,
        "_esm": _sources.module(name),
    }
    for key, field in schema["state"].items():
        members[key] = _TRAITS[field["kind"]](field["default"]).tag(sync=True)
        members[f"_validate_{key}"] = _validator(key, field)
    return type(schema["class"], (Figure,), members)
