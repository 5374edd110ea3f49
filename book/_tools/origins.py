"""What each figure of the book was made from: its page and cell, and the archives that its data come from.

A figure's data are followed backwards through the code of its chapter, statement by statement: a
name has the archives of all that it was made from. Where a cell draws in a loop, or an object is
changed in place, too much is named rather than too little. What reads an archive outside the
chapter, in `book/demos` or a module of `book`, is found in the same way. No code is run.
"""

import ast
import functools
import json
from typing import NamedTuple

import mpack
from book import chapters

from . import labels, places

ALL_ELSE = "*"  # an archive that is not named where it is read


PICTURES = places.BUILD / "figures"


def data_file(page, figure):
    """The file that holds a figure's data, written if need be; None if it has none.

    Also the page of provenance links to it, and may be read before the figure's own.
    """
    if not figure.get("csv"):
        return None
    path = PICTURES / "data" / f"{figure['name']}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"# {made_from(page, figure['name'])}\n{figure['csv']}"
    if not path.exists() or path.read_text(encoding="utf8") != text:
        path.write_text(text, encoding="utf8")
    return path


def made_from(page, name):
    """What a figure's data come from, as far as is known, in a line that no commit changes.

    A rerun has only archives that it read. Beside them a chapter may have computed what it draws.
    """
    line = f"fig-{name} of {page}, made by its chapter with mpack {mpack.__version__}"
    if not record_of(page).exists():
        return line
    used = sorted(set(archives_for(page, name)) & read_by(page))
    return (
        f"{line} and the archived runs {', '.join(used)}"
        if used
        else f"{line}, from no archived runs"
    )


class Origin(NamedTuple):
    """Where a figure comes from."""

    name: str  #: as in {numref}`fig-NAME`
    page: str  #: from the root, without extension
    cell: int | None  #: counted from 1; None where no cell makes it
    archives: tuple  #: names of folders of `book/results`, sorted
    data: bool  #: whether the page offers its data as a file
    live: bool  #: whether it computes in the page


def origins():
    """Every figure of the book, in its order."""
    return [one for page in places.pages() for one in of_page(page)]


def of_page(page):
    """The figures of a page, in the order in which they are numbered."""
    drawn = drawn_by(page) if page.startswith("notebooks/") else {}
    found = []
    for name, live in labels.figures(page):
        cell, archives, data = drawn.get(name, (None, (), False))
        found.append(Origin(name, page, cell, archives, data, live))
    return found


@functools.cache
def drawn_by(page):
    """{name of a figure: (cell, archives, whether it has data)} of an executed chapter."""
    found = {}
    for number, cell in enumerate(cells_of(page), 1):
        for output in cell.get("outputs", ()):
            if figure := output.get("data", {}).get(chapters.FIGURE):
                name = figure["name"]
                data = data_file(page, figure) is not None
                found[name] = number, tuple(sorted(archives_for(page, name))), data
    return found


def cells_of(page):
    """The cells of an executed chapter; none if it has not been run."""
    path = places.EXECUTED / f"{page}.ipynb"
    return json.loads(path.read_text(encoding="utf8"))["cells"] if path.exists() else []


def archives_for(page, name):
    """The archives that a figure of a chapter was made from."""
    known = archives_by_figure(page)
    return known.get(name, known.get(ALL_ELSE, frozenset()))


@functools.cache
def archives_by_figure(page):
    """`archives_of` an executed chapter."""
    cells = cells_of(page)
    code = ["".join(one["source"]) if one["cell_type"] == "code" else "" for one in cells]
    return archives_of(code, read_by(page))


def record_of(page):
    """Where it says what an executed chapter was made from (`execute`)."""
    return places.EXECUTED / f"{page}.made.json"


def read_by(page):
    """The archives that an executed chapter read, by its record."""
    path = record_of(page)
    if not path.exists():
        return set()
    files = json.loads(path.read_text(encoding="utf8"))["files"]
    return {name.split("/")[2] for name in files if name.startswith("book/results/")}


# The way back from a figure to its archives
# ------------------------------------------------------------------------------------------------


class Names(ast.NodeVisitor):
    """What a piece of code reads, makes and changes in place."""

    def __init__(self, node):
        self.reads, self.makes, self.changes, self.calls = set(), set(), set(), []
        self.visit(node)

    def visit_Name(self, node):
        (self.reads if isinstance(node.ctx, ast.Load) else self.makes).add(node.id)

    def visit_FunctionDef(self, node):
        self.makes.add(node.name)
        self.generic_visit(node)

    def visit_Call(self, node):
        self.calls.append(node)
        method, name = getattr(node.func, "attr", None), base(node.func)
        if method not in (None, "campaign") and name:
            self.changes.add(name)  # rows.append(x), axis.plot(x)
        self.generic_visit(node)

    def _target(self, node):
        if isinstance(node.ctx, ast.Store) and (name := base(node)):
            self.changes.add(name)
        self.generic_visit(node)

    visit_Subscript = visit_Attribute = _target


def base(node):
    """The name that an attribute or an item is taken of, or None."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def archives_of(cells, every):
    """{name of a figure: the archives that it was made from} of a chapter's code, `every` being those that it read."""
    modules, known, shown = {}, {}, {}
    trees = [parsed(cell) for cell in cells]
    imports = [node for tree in trees for node in ast.walk(tree) if is_import(node)]
    for node in imports:
        modules |= dict.fromkeys(((one.asname or one.name).split(".")[0] for one in node.names), "")
        modules |= imported(node)
    for statement in (node for tree in trees for node in tree.body if not is_import(node)):
        names = Names(statement)
        used = frozenset().union(
            *(known.get(name, frozenset()) for name in names.reads), asked(names.calls, modules)
        )
        for name in names.makes:
            known[name] = used
        for name in names.changes - modules.keys() - names.makes:
            known[name] = known.get(name, frozenset()) | used
        for call in names.calls:
            if getattr(call.func, "attr", None) == "show" and base(call.func) == "chapters":
                typed = isinstance(call.args[1], ast.Constant)
                shown[call.args[1].value if typed else ALL_ELSE] = used
    said = frozenset().union(*(one - {ALL_ELSE} for one in (*known.values(), *shown.values())))
    rest = frozenset(every) - said
    return {
        name: frozenset((one - {ALL_ELSE}) | (rest if ALL_ELSE in one else frozenset()))
        for name, one in shown.items()
    }


def parsed(source):
    """A cell's code without its magics."""
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    return ast.parse("\n".join(lines))


def is_import(node):
    return isinstance(node, (ast.Import, ast.ImportFrom))


def imported(node):
    """{name: what it stands for} of what an import takes from the book: "module" or "module:function"."""
    if not isinstance(node, ast.ImportFrom) or node.module not in ("book", "book.demos"):
        module = getattr(node, "module", None) or ""
        if not module.startswith("book."):
            return {}
        return {one.asname or one.name: f"{module}:{one.name}" for one in node.names}
    return {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}


def asked(calls, modules):
    """The archives that some calls read: by name, or by a function of the book that does."""
    found = set()
    for call in calls:
        function = call.func
        method, owner = getattr(function, "attr", None), base(getattr(function, "value", function))
        meant = modules.get(owner or getattr(function, "id", None), "")
        if method == "campaign" or (method == "load" and meant == "book.archives"):
            typed = call.args and isinstance(call.args[0], ast.Constant)
            found.add(call.args[0].value.replace("_", "-") if typed else ALL_ELSE)
        elif meant:
            module, _, name = meant.partition(":")
            found |= readers(module).get(name or method, frozenset())
    return frozenset(found)


@functools.cache
def readers(module):
    """{function of a module of the book: the archives that it reads}; empty for any other module."""
    path = places.ROOT / f"{module.replace('.', '/')}.py"
    if not module.startswith("book.") or module == "book.chapters" or not path.exists():
        return {}
    tree = ast.parse(path.read_text(encoding="utf8"))
    modules = {}
    for node in ast.walk(tree):
        modules |= imported(node) if is_import(node) else {}
    own = folder(tree)
    found = {}
    bodies = {node.name: Names(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name, names in bodies.items():
        outside = {key: value for key, value in modules.items() if not value.startswith(module)}
        found[name] = set(asked(names.calls, outside)) | (
            {own} if "FOLDER" in names.reads else set()
        )
    while True:  # what they call among themselves
        more = {
            name: found[name].union(*(found[one] for one in names.reads & found.keys()))
            for name, names in bodies.items()
        }
        if more == found:
            return {name: frozenset(one) for name, one in found.items() if one}
        found = more


def folder(tree):
    """The archive that a module keeps: X of its line `FOLDER = RESULTS / "X"`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and base(node.targets[0]) == "FOLDER":
            return ast.literal_eval(node.value.right)
    return None
