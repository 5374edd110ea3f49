"""What of a chapter's code keeps its books, and is not shown on its page: checks, records, claims, answers.

The notebook keeps every line; the page shows the physics. Hidden are the calls in `CALLS`, loops
and branches that do nothing else, and the words that they alone use: texts, names, relations.
A statement that calls anything else is shown, whatever it is for.
"""

import ast
import re
from typing import NamedTuple

CALLS = {"check", "record", "claims", "answer"}  # of `book.chapters`
WORDS = {"within", "consistent", "above", "below", "control", "len", "round", "int", "float", "str"}
OF_TEXT = {"format", "lower", "upper", "replace", "partition", "rpartition", "removesuffix"}
MARK = "# <-"  # the lines that are the physics
HIDING = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
AUDIT = re.compile(
    r"(?P<name>[\w-]+): (?P<done>[\d,]+) of (?P<all>[\d,]+) archived runs done again just now, in "
    r"part, and every bit was the same\.\n"
)


class Unit(NamedTuple):
    """A simple statement, or the head of a compound one: where it stands, what it uses, sets and changes."""

    cell: int
    node: ast.stmt
    parents: tuple
    uses: frozenset
    sets: frozenset
    changes: frozenset  #: what it sets a part of: x in x[0] = 1 and in x.a = 1


def page_cells(cells):
    """The cells of a notebook without its bookkeeping: code of which nothing is left is not shown."""
    code = [k for k, cell in enumerate(cells) if cell["cell_type"] == "code"]
    shown = dict(zip(code, shown_code([_source(cells[k]) for k in code])))
    return [without(cell, shown[k]) if k in shown else cell for k, cell in enumerate(cells)]


def without(cell, source):
    """A code cell that shows `source` alone."""
    tags = cell["metadata"].get("tags", [])
    if "parameters" in tags or source == _source(cell).rstrip():
        return cell
    if not source.strip():  # the renderer passes over a cell without any code, and over its outputs
        source, tags = (
            "# bookkeeping",
            [*(tag for tag in tags if tag not in HIDING), "remove-input"],
        )
    return {**cell, "source": source, "metadata": {**cell["metadata"], "tags": tags}}


def shown_code(sources):
    """Of each cell's code what a page shows of it."""
    trees = [_parsed(source) for source in sources]
    hidden = _hidden(trees, [source.splitlines() for source in sources])
    return [_cut(source, hidden & _all(tree)) for source, tree in zip(sources, trees)]


def _source(cell):
    return "".join(cell["source"])


def _parsed(source):
    try:
        return ast.parse(source)
    except SyntaxError:  # a magic, of which nothing is hidden
        return ast.Module([], [])


def _all(tree):
    return {node for node in ast.walk(tree) if isinstance(node, ast.stmt)}


def _hidden(trees, lines):
    """The statements that are not shown."""
    hidden = set()
    units = [unit for k, tree in enumerate(trees) for unit in _units(tree.body, k)]
    while True:
        left = [unit for unit in units if not hidden & {unit.node, *unit.parents}]
        more = {
            unit.node
            for place, unit in enumerate(left)
            if not any(MARK in line for line in _lines(unit.node, lines[unit.cell]))
            and (_keeps_books(unit, left, place) or _is_empty(unit, left))
        }
        if not more:
            return hidden
        hidden |= more


def names(source):
    """(names that a cell of code reads before it makes them, names that it makes)."""
    reads, makes = set(), set()
    for unit in _units(_parsed(source).body, 0):
        reads |= unit.uses - makes
        makes |= unit.sets
    return reads, makes


def _units(body, cell, parents=()):
    """Statements in order, the blocks of compound ones after their heads."""
    for node in body:
        blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody", "handlers")]
        compound = any(blocks) and not isinstance(
            node, (ast.FunctionDef, ast.ClassDef, ast.Try, ast.With)
        )
        head = _head(node) if compound else [node]
        uses = {one.id for part in head for one in ast.walk(part) if _is(one, ast.Load)}
        sets = {one.id for part in head for one in ast.walk(part) if _is(one, ast.Store)}
        sets |= {node.name} if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else set()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            sets |= {(one.asname or one.name).partition(".")[0] for one in node.names}
        changes = {base for part in head for one in ast.walk(part) if (base := _whole(one))}
        yield Unit(cell, node, parents, frozenset(uses), frozenset(sets), frozenset(changes))
        if compound:
            for block in blocks:
                yield from _units(block, cell, (*parents, node))


def _is(node, context):
    return isinstance(node, ast.Name) and isinstance(node.ctx, context)


def _whole(node):
    """The name of which an assignment sets a part; None for any other node."""
    if not isinstance(getattr(node, "ctx", None), ast.Store):
        return None
    inside = node
    while isinstance(inside, (ast.Subscript, ast.Attribute)):
        inside = inside.value
    return inside.id if inside is not node and isinstance(inside, ast.Name) else None


def _head(node):
    """What a loop or branch looks at, its blocks apart."""
    return [part for name in ("test", "target", "iter") if (part := getattr(node, name, None))]


def _lines(node, lines):
    head = node.body[0].lineno - 1 if hasattr(node, "body") and node.body else node.end_lineno
    return lines[node.lineno - 1 : max(head, node.lineno)]


def _keeps_books(unit, left, place):
    """Whether a statement is bookkeeping, or words that bookkeeping alone used."""
    node = unit.node
    if isinstance(node, ast.ImportFrom) and node.module == "book.chapters":
        names = {alias.asname or alias.name for alias in node.names}
        return not _used(names, unit, left, place)
    value = getattr(node, "value", None)
    if not isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign)) or value is None:
        return False
    if isinstance(node, ast.Expr):
        return _is_call(value)
    made = unit.sets | unit.changes
    return (_is_call(value) or _is_words(value)) and not _used(made, unit, left, place)


def _is_call(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr in CALLS) == ("chapters", True)
    )


def _is_words(node):
    """Whether an expression calls nothing but what makes texts and relations."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            name = getattr(one.func, "attr", None)
            if not (getattr(one.func, "id", None) in WORDS or name in OF_TEXT):
                return False
        elif isinstance(one, (ast.Lambda, ast.comprehension, ast.Await, ast.NamedExpr)):
            return False
    return True


def _used(names, unit, left, place):
    """Whether a later statement that is shown needs one of the names before it is set anew."""
    open_names = set(names)
    for other in left[place + 1 :]:
        if other.uses & open_names:
            return True
        simple = isinstance(other.node, ast.Assign) and len(other.parents) <= len(unit.parents)
        if simple and set(other.parents) <= set(unit.parents):
            open_names -= other.sets
    return any(
        other.uses & set(names)
        for other in left[:place]
        if isinstance(other.node, ast.FunctionDef) or set(other.parents) & set(unit.parents)
    )


def _is_empty(unit, left):
    """Whether a loop or branch has nothing left in its blocks."""
    if not isinstance(unit.node, (ast.For, ast.If, ast.While)):
        return False
    return not any(unit.node in other.parents for other in left)


def _cut(source, nodes):
    """The source without these statements, and without the comments that introduce them."""
    lines = source.splitlines()
    gone = set()
    for node in nodes:
        span = range(node.lineno - 1, node.end_lineno)
        alone = not lines[span[0]][: node.col_offset].strip()
        after = lines[span[-1]].encode()[node.end_col_offset :].decode().strip(" ;")
        if not alone or (after and not after.startswith("#")):
            continue
        gone |= set(span)
        above = span[0] - 1
        while above >= 0 and lines[above].lstrip().startswith("#") and MARK not in lines[above]:
            gone.add(above)
            above -= 1
    kept = "\n".join("" if k in gone else line.rstrip() for k, line in enumerate(lines))
    if gone:
        kept = _tidied(lines, gone)
    return kept.strip("\n").rstrip()


def _tidied(lines, gone):
    """What is left, with no more blank lines in a row than there were."""
    kept = [line for k, line in enumerate(lines) if k not in gone]
    text = re.sub(r"\n{4,}", "\n\n\n", "\n".join(kept))
    code = [line for line in kept if line.strip() and not line.lstrip().startswith("#")]
    return text if code else ""


def audit_sentence(text):
    """What a cell printed of audits, as one sentence of the text; None if it printed anything else."""
    found = list(AUDIT.finditer(text))
    if not found or AUDIT.sub("", text).strip():
        return None
    parts = [f"{one['done']} of {one['all']} in `{one['name']}`" for one in found]
    some = " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)
    return f"*Audit: of the archived runs {some} were done again for this page, in part; every bit was the same.*"
