"""The figures' modules, put together from the files of this folder, for the page and for the kernel alike.

A figure NAME is `NAME.json` (what it is called, what it says, its state), `NAME.js` (what it does)
and, if it shows data, `NAME.data.json`. Its module is import-free: a few constants, the shared
files, the parts that it names, and its own file, one after another. Nothing here needs a browser, a
kernel or anywidget.
"""

import base64
import functools
import gzip
import html
import json
import re
from pathlib import Path

from mpack import _check
from mpack.figures import COLOURS

FOLDER = Path(__file__).parent
# What stands around the data: (light, dark). book/_static/book.css has the same shades for the
# page.
FRAME = {
    "card": ("#f6f8fb", "#1c222b"),
    "line": ("#dfe4ec", "#333c49"),
    "bad": ("#bf3f0a", "#ff9a66"),
}
SHARED = ("_page.js", "_runtime.js")
HOST = ("_starts.js", "_bodies.js")  # what `_kernel.js` is made with
KINDS = {"number": float, "integer": int, "choice": str, "flag": bool}
SAFE = 2**53 - 1  # the largest integer that every JavaScript number holds exactly


def names():
    """Every figure, by name."""
    return sorted(
        path.stem
        for path in FOLDER.glob("*.json")
        if not path.name.startswith("_") and not path.stem.endswith(".data")
    )


def class_name(name):
    """KickCloud for kick_cloud."""
    return "".join(part.capitalize() for part in name.split("_"))


@functools.cache
def schema(name):
    """What `NAME.json` says, with its own name and that of its Python class."""
    _check.choice("name", name, names())
    return {"name": name, "class": class_name(name), **json.loads(_read(f"{name}.json"))}


def parts(name):
    """The pieces of a figure's module, in order: (label, text), a label beginning with "_" where others share it."""
    own = schema(name)
    data = FOLDER / f"{name}.data.json"
    constants = {
        "SCHEMA": own,
        "DATA": json.loads(data.read_text(encoding="utf8")) if data.exists() else None,
    }
    return [
        (f"{name} constants", _constants(constants)),
        ("_constants", _shared_constants()),
        *(piece for shared in (*SHARED, *own.get("parts", ())) for piece in _shared(shared)),
        (name, _read(f"{name}.js")),
    ]


def _shared(file):
    """The pieces of a shared file: in front of the host of the kernels stand these, and the files it is made with."""
    if file != "_kernel.js":
        return [(file, _read(file))]
    kernels = ("_kernel constants", _constants({"KERNEL": kernel()}))
    return [kernels, *((part, _read(part)) for part in (*HOST, file))]


def with_kernel(text):
    """The pieces of a module that computes runs and is no figure of this folder, as `mpackFigures.add` takes them.

    In front of `text` stand COLOURS, KERNEL and `mpackKernel`, by the names under which the
    figures' scripts carry them: a page that loads this one loads `shared.js` before.
    """
    return ["_constants", *(label for label, _ in _shared("_kernel.js")), text]


@functools.cache
def kernel():
    """The step kernels for a page, as `_kernel.js` takes them: what they are made of, and the module as text."""
    packed = gzip.compress((FOLDER / "_kernel.wasm").read_bytes(), mtime=0)
    return {**json.loads(_read("_kernel.json")), "wasm": base64.b64encode(packed).decode()}


def module(name):
    """The whole module of a figure, as anywidget takes it for `_esm`."""
    return "\n".join(text for _, text in parts(name))


def scripts():
    """The classic scripts of the book, {file name: text}: what figures share, and one for each figure."""
    shared, files = {}, {}
    for name in names():
        pieces = parts(name)
        shared |= {label: text for label, text in pieces if label.startswith("_")}
        listed = [label if label.startswith("_") else text for label, text in pieces]
        files[f"{name}.js"] = f"mpackFigures.add({_json(name)}, {_json(listed)});\n"
    files["shared.js"] = f"globalThis.mpackFigures = ({_page()})({{}}, {_json(shared)});\n"
    return files


def standalone(name, state=None):
    """A page of its own for a figure, which needs nothing else: text of an HTML file."""
    script = f"globalThis.mpackFigures = ({_page()})({{{_json(name)}: [{_json(module(name))}]}});"
    return _filled(name, state or {}, script.replace("</script", "<\\/script"))


def linked(name):
    """The same beside the book's `scripts()`, which it loads: each is shipped once."""
    page = _filled(name, {}, "")
    both = "".join(f'<script src="{file}.js"></script>' for file in ("shared", name))
    return page.replace("<script></script>", both)


def _filled(name, state, script):
    """The page of `_standalone.html`."""
    fields = {
        "TITLE": html.escape(schema(name)["title"]),
        "NAME": name,
        "STATE": html.escape(json.dumps(checked(name, state))),
        "SCRIPT": script,
    }
    return re.sub(
        "%(TITLE|NAME|STATE|SCRIPT)%", lambda match: fields[match[1]], _read("_standalone.html")
    )


def placeholder(name, state, identifier=None):
    """The element that `_page.js` brings to life: text of an HTML fragment."""
    id = f' data-id="{html.escape(identifier)}"' if identifier else ""
    state = html.escape(json.dumps(state, sort_keys=True))
    return f'<div class="mpack-widget" data-module="{name}"{id} data-state="{state}"></div>'


def checked(name, state):
    """`state` (a dict) with every value as the figure takes it.

    Raises
    ------
    ValueError, TypeError
        If a name is not in the figure's state, or a value outside its range: with the name, the
        value and what is allowed.
    """
    fields = schema(name)["state"]
    for given in state:
        if given not in fields:
            raise ValueError(
                f"{class_name(name)} has nothing called {given!r}; it has {', '.join(fields)}"
            )
    return {given: accept(given, value, fields[given]) for given, value in state.items()}


def accept(name, value, field):
    """One value of a figure's state, checked against its field in the schema."""
    kind = field["kind"]
    if kind == "flag":
        return _check.flag(name, value)
    if kind == "choice":
        return _check.choice(name, value, list(field["options"]))
    check = _check.integer if kind == "integer" else _check.number
    value = check(name, value, field["min"], field["max"])
    if value not in field.get("values", (value,)):
        raise ValueError(
            f"{name} must be one of {', '.join(map(str, field['values']))}; got {value!r}"
        )
    return value


def from_text(name, text):
    """The state that `text` spells: "phi=0.9, dynamics=SGD, running"; a name alone is a flag that is set."""
    fields, state = schema(name)["state"], {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = (part.strip() for part in item.partition("="))
        kind = fields.get(key, {}).get("kind")
        try:
            read = {
                "number": float,
                "integer": int,
                "flag": lambda word: {"": True, "1": True, "0": False}[word],
            }
            state[key] = read.get(kind, str)(value)
        except (ValueError, KeyError):
            raise ValueError(f"{key} of {class_name(name)} is a {kind}; got {value!r}") from None
    return checked(name, state)


def _read(file):
    return (FOLDER / file).read_text(encoding="utf8")


def _page():
    """The text of the function in `_page.js`."""
    text = _read("_page.js").rstrip()
    return text[text.index("function mpackPage") :]


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _constants(values):
    return "\n".join(f"const {name} = {_json(value)};" for name, value in values.items())


def _shared_constants():
    constants = {
        "COLOURS": COLOURS | FRAME,
        "TEMPLATE": _read("_standalone.html"),
        "CSS": _read("_figure.css"),
    }
    return _constants(constants)
