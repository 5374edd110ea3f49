"""What the library offers by name: its modules, functions, classes and their members, as the reference lists them.

A name is public if no part of it begins with an underscore. A package lists its names in `__all__`;
a module without one offers the functions and classes that it defines. What `mpack` itself has
(`mpack.simulate`) is called so, wherever it is defined.
"""

import functools
import importlib.util
import inspect
import pkgutil
import re
from typing import NamedTuple

from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer

import mpack

NAME = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*(?:\(.*\))?", re.DOTALL)


class Entry(NamedTuple):
    """Something with a name: `mpack.simulate`, whose home is `mpack.simulation.simulate`."""

    name: str
    home: str
    kind: str  # of Sphinx's Python domain: module, function, class, exception, data, method, ...
    value: object
    doc: str
    owner: type | None = None

    @property
    def short(self):
        return self.name.rpartition(".")[2]


def modules():
    """The public modules and packages of the library, by name without `mpack.`."""
    return sorted(one.name for one in pkgutil.iter_modules(mpack.__path__) if one.name[0] != "_")


@functools.cache
def module(name):
    """The entry of a module."""
    value = importlib.import_module(f"mpack.{name}")
    return Entry(value.__name__, value.__name__, "module", value, inspect.getdoc(value) or "")


def files(name):
    """The source files behind a module: what its page depends on."""
    value = module(name).value
    parts = pkgutil.iter_modules(getattr(value, "__path__", []), f"{value.__name__}.")
    found = [importlib.util.find_spec(part.name).origin for part in parts]
    return [value.__file__, *found]


@functools.cache
def entries(name):
    """What a module offers, in the order of its list, of the tables of its docstring, or of its source."""
    place = module(name).value
    listed = getattr(place, "__all__", None)
    names = listed or [key for key, value in vars(place).items() if defined(place, key, value)]
    names = [key for key in names if not lent(place, getattr(place, key))]
    documented = comments(place.__name__)
    names = [*names, *(key for owner, key in documented if not owner and key not in names)]
    made = [entry(place, key, documented.get(("", key), "")) for key in names]
    if listed and list(listed) != sorted(listed):
        return made  # in an order of its own
    table = tabled(module(name).doc)
    rest = len(table)
    return sorted(made, key=lambda one: (table.get(one.short, rest), *where(one.value)))


def defined(place, key, value):
    """True for a public function or class that is at home in the module."""
    here = getattr(value, "__module__", None) == place.__name__
    return key[0] != "_" and callable(value) and here


def lent(place, value):
    """True for what another public module offers too: it is told of there."""
    home = getattr(value, "__module__", None) or ""
    other = home.startswith("mpack.") and not f"{home}.".startswith(f"{place.__name__}.")
    return other and not re.search(r"\._", home)


def entry(place, key, comment):
    value = getattr(place, key)
    name = f"mpack.{key}" if mpack.__dict__["_NAMES"].get(key) else f"{place.__name__}.{key}"
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
    else:
        kind = "function" if callable(value) else "data"
    doc = comment if kind == "data" else inspect.getdoc(value) or ""
    return Entry(name, f"{place.__name__}.{key}", kind, value, doc)


def tabled(doc):
    """The place of each name in the indented blocks of a docstring."""
    rows = re.findall(r"^    ([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*)(?:   *\S.*)?$", doc, re.MULTILINE)
    names = [name for row in rows for name in row.split(", ")]
    return {name: place for place, name in reversed(list(enumerate(names)))}


def where(value):
    """(module, line) where something is defined; line 0 for what has none."""
    try:
        line = inspect.findsource(inspect.unwrap(value))[1]
    except (OSError, TypeError):
        line = 0
    return getattr(value, "__module__", None) or "", line


@functools.cache
def comments(home):
    """What comments with `#:` say of constants and fields: {(class or "", name): text}."""
    try:
        found = ModuleAnalyzer.for_module(home).find_attr_docs()
    except PycodeError:
        return {}
    return {key: " ".join(lines).strip() for key, lines in found.items() if key[1][0] != "_"}


def members(owner):
    """The public members of a class that have a docstring, those of private bases among them."""
    made, seen = [], set()
    for base in owner.value.__mro__:
        if base is not owner.value and not hidden(base):
            continue
        for key, value in vars(base).items():
            kind = kind_of(value)
            if kind and key[0] != "_" and key not in seen:
                seen.add(key)
                doc = inspect.cleandoc(getattr(value, "__doc__", None) or "")
                if doc:
                    names = (f"{one}.{key}" for one in (owner.name, owner.home))
                    made.append(Entry(*names, kind, value, doc, owner.value))
    return made


def hidden(base):
    """True for a base class that no page tells of."""
    return base.__module__.startswith("mpack.") and "._" in f"{base.__module__}.{base.__name__}"


def kind_of(value):
    """What kind of member an attribute of a class is, or None for fields and plain data."""
    if isinstance(value, property | functools.cached_property):
        return "property"
    if isinstance(value, classmethod | staticmethod):
        return type(value).__name__
    return "method" if inspect.isfunction(value) else None


@functools.cache
def known():
    """Every public name, and every home, with its entry."""
    found = {}
    for name in modules():
        found[f"mpack.{name}"] = module(name)
        for one in entries(name):
            inside = members(one) if one.kind in ("class", "exception") else []
            for each in (one, *inside):
                found.setdefault(each.home, each)
                found[each.name] = each
    for name in modules():  # what a module offers that is told of at another one
        for key in getattr(module(name).value, "__all__", ()):
            value = getattr(module(name).value, key)
            home = f"{getattr(value, '__module__', '')}.{key}"
            if home in found:
                found.setdefault(f"mpack.{name}.{key}", found[home])
    return found


@functools.cache
def classes():
    """The full name of every class that goes by its name alone."""
    found = {}
    for one in {entry.name: entry for entry in known().values()}.values():
        if inspect.isclass(one.value):
            found.setdefault(one.short, set()).add(one.name)
    return {short: full.pop() for short, full in found.items() if len(full) == 1}


def resolve(text, names, scopes=()):
    """The name in `names` that a piece of code speaks of, or None.

    `mpack.simulate(...)`, `mpack.simulate` and `kicks.draw` are complete; a name alone is looked
    for in the scopes, in their order.
    """
    match = NAME.fullmatch(text.strip())
    if match is None:
        return None
    name = match[1]
    places = [name] if name.startswith("mpack.") else [f"{scope}.{name}" for scope in scopes]
    if "." in name:
        places.append(f"mpack.{name}")
    return next((place for place in places if place in names), None)
