"""Which chapters use what of the library: found in their source, without running anything."""

import ast
import functools
import json
import re
from pathlib import Path

from . import places, publicnames

CODE = re.compile(r"(?P<role>\{[\w:-]+\})?(?P<ticks>`+)(?P<code>[^`]+)(?P=ticks)(?!`)")


def sources(chapter):
    """The files that a chapter is written in: the notebook, and its demos where it has some."""
    demos = places.ROOT / "book" / "demos" / f"{Path(chapter).stem}.py"
    return [places.ROOT / chapter, *([demos] if demos.exists() else [])]


def used_in(names, chapters=None):
    """{public name: pages of the chapters that use it, in the order of the book}."""
    found = {}
    for chapter in places.chapters() if chapters is None else chapters:
        page = chapter.removesuffix(".ipynb")
        for name in {name for path in sources(chapter) for name in names_in(path, names)}:
            found.setdefault(name, []).append(page)
    return found


def names_in(path, names):
    """The public names that a notebook or a module uses; a member counts for its class, too."""
    dotted, spoken = read(path.read_text(encoding="utf8"), path.suffix == ".ipynb")
    used = {name for name in dotted if name in names}
    used |= {publicnames.resolve(text, names) for text in spoken} - {None}
    found = {names[name].name for name in used}
    owners = {name.rpartition(".")[0] for name in found if names[name].owner is not None}
    return found | owners


@functools.cache
def read(text, notebook):
    """(dotted names in the code, pieces of code in the prose) of a file's text."""
    if not notebook:
        return frozenset(dotted_names(ast.parse(text))), frozenset()
    parts = {"code": [], "markdown": []}
    for cell in json.loads(text)["cells"]:
        parts.setdefault(cell["cell_type"], []).append("".join(cell["source"]))
    lines = "\n".join(parts["code"]).splitlines()
    code = "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines)
    words = [one for text in parts["markdown"] for one in CODE.finditer(text)]
    spoken = frozenset(one["code"].strip() for one in words if not one["role"])
    return frozenset(dotted_names(ast.parse(code))), spoken


def dotted_names(tree):
    """Every dotted name of the library that the code reads, by its full name."""
    imported = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                top = one.name.partition(".")[0]
                imported[one.asname or top] = one.name if one.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                imported[one.asname or one.name] = f"{node.module}.{one.name}"
    for node in ast.walk(tree):
        name = written(node, imported)
        if name and name.startswith("mpack."):
            yield name


def written(node, imported):
    """The full dotted name that an expression is, or None."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return imported.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = written(node.value, imported)
        return owner and f"{owner}.{node.attr}"
    return None
