"""The reference of the library: pages made from its docstrings, with links from the chapters and back.

    ```{mpack-module} kicks
    ```

puts everything that `mpack.kicks` offers on a page, as objects of Sphinx's Python domain, so that
links, the index and the search know them. Docstrings have numpydoc's sections; their prose is plain
text with `code` and *emphasis*, and what else Markdown would take for its own is escaped.
"""

import dataclasses
import inspect
import json
import re
import textwrap

from docutils import nodes
from docutils.statemachine import StringList
from numpydoc.docscrape import NumpyDocString
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from . import places, publicnames, uses

PAGES = "book/api/"
LONGEST_VALUE = 60  # of a constant that is shown with it
LISTS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")
ERRORS = ("Raises", "Warns")
TEXTS = ("Notes", "References", "Examples")
SPECIAL = re.compile(r"([\\`*_{}\[\]<>|$~^#&@!])")
FIRST = re.compile(r"^(\d+)([.)])|^([-+:=%])")
INLINE = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)"
    r"|(?<![\w*])\*(?P<stressed>\w(?:[^*\n]*\w)?)\*(?![\w*])",
    re.DOTALL,
)
CLASS = re.compile(r"(?<![`\w.])(?:mpack\.)?[A-Z]\w*(?![`\w(])")
ROW = re.compile(r" +(?P<names>[A-Za-z_]\w*(?:, [A-Za-z_]\w*)*)(?: +(?P<text>\S+(?: \S+)*))?")
# A stroke behind a symbol, neither an apostrophe nor the end of a quotation: v' = v - g.
PRIME = re.compile(r"(?<![\w'])'[^' ]+'|(?<=[^\W_s])'(?![\w'])")
ITEM = re.compile(r"[*-] +(?=\S)")
BAR = re.compile(r"(?<!\\)\|")  # in code, where prose leaves it, a table takes it for its own
BORDER = re.compile(r" *=+(?: +=+)+ *")  # of a simple table, as reStructuredText has them


# Markdown
# -------------------------------------------------------------------------------------------------


def directive(name, argument, body, **options):
    """A MyST directive, fenced by more backticks than anything in its body."""
    longest = max((len(run) for run in re.findall(r"`{3,}", body)), default=2)
    fence = "`" * (longest + 1)
    lines = [f":{key.replace('_', '-')}: {value}".rstrip() for key, value in options.items()]
    return "\n".join([f"{fence}{{{name}}} {argument}", *lines, "", body, fence])


def fenced(language, lines):
    """A block of code, as it stands."""
    return directive("code-block", language, textwrap.dedent("\n".join(lines)).strip("\n"))


def escaped(text):
    """Plain text, with a backslash before what Markdown would take for its own."""
    text = PRIME.sub(lambda found: "\u2032" if found[0] == "'" else found[0], text)
    return SPECIAL.sub(r"\\\1", text)


def prose(text, link=lambda code: None):
    """A paragraph of a docstring as Markdown; `link` says where a piece of code leads."""
    text = " ".join(text.split())
    made, end = [], 0
    for match in INLINE.finditer(text):
        made.append(escaped(text[end : match.start()]))
        made.append(inline(match, link))
        end = match.end()
    made.append(escaped(text[end:]))
    return FIRST.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", "".join(made))


def inline(match, link):
    if match["stressed"]:
        return f"*{escaped(match['stressed'])}*"
    target = link(match["code"].strip())
    if target:
        return f"{{py:obj}}`{match['code'].strip()} <{target}>`"
    return match[0]


def blocks(lines, link):
    """Paragraphs, lists, indented blocks and examples of a docstring as Markdown."""
    made, lines = [], list(lines)
    while lines:
        if not lines[0].strip():
            lines.pop(0)
        elif BORDER.fullmatch(lines[0]):
            made.append(simple(taken(lines, lambda line: line.strip()), link))
        elif lines[0].lstrip().startswith(">>>"):
            made.append(fenced("pycon", taken(lines, lambda line: line.strip())))
        elif lines[0].startswith("  "):
            block = taken(lines, lambda line: not line[:1].strip())
            made.append(names(block, link) or fenced("text", block))
        elif ITEM.match(lines[0]):
            made.append(items(taken(lines, lambda line: line.strip()), link))
        else:
            made.append(prose(" ".join(taken(lines, lambda line: line.strip())), link))
    return "\n\n".join(made)


def taken(lines, belongs):
    """Remove the first lines that belong together, and return them without empty ones at their end."""
    block = [lines.pop(0)]
    while lines and belongs(lines[0]):
        block.append(lines.pop(0))
    while not block[-1].strip():
        block.pop()
    return block


def names(lines, link):
    """A table of names of the library, as a list that leads to them; "" for any other block."""
    rows = [ROW.fullmatch(line) for line in lines if line.strip()]
    if not all(rows) or not all(link(name) for row in rows for name in row["names"].split(", ")):
        return ""
    made = []
    for row in rows:
        linked = ", ".join(prose(f"`{name}`", link) for name in row["names"].split(", "))
        made.append(f"* {linked}{': ' if row['text'] else ''}{prose(row['text'] or '', link)}")
    return "\n".join(made)


def simple(lines, link):
    """A table between borders of = that mark its columns; a row without a first cell goes on the one above."""
    borders = [k for k, line in enumerate(lines) if BORDER.fullmatch(line)]
    if len(borders) != 3 or borders[-1] != len(lines) - 1:
        raise ValueError(f"a table must have three borders, the last at its end; got {lines!r}")
    starts = [found.start() for found in re.finditer("=+", lines[0])]
    rows = []
    for line in lines:
        row = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None])]
        if BORDER.fullmatch(line):
            continue
        if row[0]:
            rows.append(row)
        else:
            rows[-1] = [f"{above} {more}".strip() for above, more in zip(rows[-1], row)]
    head, *rows = [[BAR.sub(r"\|", prose(cell, link)) for cell in row] for row in rows]
    return table(head, rows)


def table(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + " --- |" * len(head), *lines[1:]])


def items(lines, link):
    """A list: an item goes on where a line is indented."""
    texts = []
    for line in lines:
        if ITEM.match(line):
            texts.append(ITEM.sub("", line, count=1))
        else:
            texts[-1] += f" {line.strip()}"
    return "\n".join(f"* {prose(text, link)}" for text in texts)


def definitions(found, link):
    """What a section lists: names with their types, each with what is said of it."""
    made = []
    for name, kind, description in found:
        term = [f"`{name}`"] if name else []
        types = prose(typed(kind, link), link)
        term += [f"*{types}*" if name else types] if types else []
        body = blocks(description, link)
        if body:
            made.append(f"{' '.join(term)}\n: {textwrap.indent(body, '  ')[2:]}")
        else:  # nothing more to say: a term alone, the others' neighbour
            made.append(f"{' '.join(term)}\n: % nothing")
    return "\n\n".join(made)


def coded(item):
    """The names of errors, given as a type without a name, as code."""
    return "", ", ".join(f"`{name.strip()}`" for name in (item[0] or item[1]).split(","))


def typed(kind, link):
    """A type in which the classes of the library are marked as code."""
    return CLASS.sub(lambda match: f"`{match[0]}`" if link(match[0]) else match[0], kind)


# Docstrings
# -------------------------------------------------------------------------------------------------


def parsed(doc):
    """The sections of a docstring. A first sentence that looks like a call is a sentence all the same."""
    sections = NumpyDocString(doc)
    if sections["Signature"]:
        sections["Summary"] = [sections["Signature"], *sections["Summary"]]
    return sections


def described(entry, link):
    """The docstring of an entry as Markdown."""
    sections = parsed(entry.doc)
    made = [prose(" ".join(sections["Summary"]), link)]
    made.append(blocks(sections["Extended Summary"], link))
    lists = {title: sections[title] for title in LISTS}
    if inspect.isclass(entry.value) and not (lists["Parameters"] or lists["Attributes"]):
        lists["Attributes"] = fields(entry)
    for title, found in lists.items():
        if found:
            shown = [(*coded(one), one[2]) for one in found] if title in ERRORS else found
            made += [f"```{{rubric}} {title}\n```", definitions(shown, link)]
    for title in TEXTS:
        if any(line.strip() for line in sections[title]):
            made += [f"```{{rubric}} {title}\n```", blocks(sections[title], link)]
    if sections["See Also"]:
        made += ["```{rubric} See also\n```", see_also(sections["See Also"], link)]
    return "\n\n".join(part for part in made if part)


def see_also(found, link):
    lines = []
    for names, description in found:
        linked = ", ".join(prose(f"`{name}`", link) for name, _ in names)
        lines.append(f"* {linked}{': ' if description else ''}{prose(' '.join(description), link)}")
    return "\n".join(lines)


def fields(entry):
    """The fields of a data class, with what the comments beside them say: (name, type, lines)."""
    if not dataclasses.is_dataclass(entry.value):
        return []
    said = publicnames.comments(entry.value.__module__)
    return [
        (field.name, type_of(field), [said.get((entry.value.__name__, field.name), "")])
        for field in dataclasses.fields(entry.value)
        if field.name[0] != "_"
    ]


def type_of(field):
    kind = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
    return kind.replace("np.ndarray", "array").replace("numpy.ndarray", "array")


class Shown:
    """A default as a signature shows it: short numbers, functions by name."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        if isinstance(self.value, float) and len(repr(self.value)) > 8:
            return f"{self.value:.4g}"
        if callable(self.value) and hasattr(self.value, "__name__"):
            return self.value.__name__
        return repr(self.value)


def parameters(entry):
    """What is given to a function, or to make a class."""
    if entry.kind in ("property", "data", "exception", "module"):
        return []
    value = entry.value
    if entry.kind in ("classmethod", "staticmethod"):
        value = value.__func__
    found = list(inspect.signature(value).parameters.values())
    return found[entry.kind in ("method", "classmethod") :]


def signature(entry):
    """The parameters with their defaults, as written; their types stand in the list below."""
    if entry.kind in ("property", "data", "exception", "module"):
        return ""
    factories = {
        field.name: f"{field.default_factory.__name__}()"
        for field in getattr(entry.value, "__dataclass_fields__", {}).values()
        if field.default_factory is not dataclasses.MISSING
    }
    shown = [bare(parameter, factories.get(parameter.name)) for parameter in parameters(entry)]
    return str(inspect.Signature(shown))


def bare(parameter, factory):
    """A parameter without its type, its default made short."""
    default = parameter.default
    if factory:
        default = type("Made", (), {"__repr__": lambda self: factory})()
    elif default is not parameter.empty:
        default = Shown(default)
    return parameter.replace(annotation=parameter.empty, default=default)


# Pages
# -------------------------------------------------------------------------------------------------


class Module(SphinxDirective):
    """{mpack-module} kicks: what a module says of itself, and everything that it offers."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        if name not in publicnames.modules():
            raise self.error(f"mpack-module: the library has no public module {name!r}")
        for path in (*publicnames.files(name), places.ROOT / "_toc.yml"):
            self.env.note_dependency(str(path))
        for chapter in places.chapters():
            for path in uses.sources(chapter):
                self.env.note_dependency(str(path))
        text = module_text(name, uses.used_in(publicnames.known()))
        node = nodes.Element()
        node.document = self.state.document
        self.state.nested_parse(StringList(text.splitlines()), self.content_offset, node)
        return node.children


def module_text(name, used):
    """The page of a module as MyST, below its title."""
    place = publicnames.module(name)
    made = [directive("py:module", place.name, "")]
    made.append(described(place, linker(place)))
    made += [entry_text(entry, used) for entry in publicnames.entries(name)]
    return "\n\n".join(made)


def linker(entry):
    """Where code in a docstring leads: to what the class, the module or the package calls so."""
    names = publicnames.known()
    owner = entry.name if inspect.isclass(entry.value) else entry.name.rpartition(".")[0]
    home = entry.home if entry.kind == "module" else entry.home.rpartition(".")[0]
    scopes = (owner, entry.home, home, home.rpartition(".")[0], "mpack")
    own = {parameter.name for parameter in parameters(entry)}

    def link(code):
        if code in own:
            return None
        found = publicnames.resolve(code, names, scopes) or publicnames.classes().get(code)
        target = found and names[found].name
        return target if target != entry.name else None

    return link


def entry_text(entry, used):
    """An entry and what is inside it, as a directive of the Python domain."""
    link = linker(entry)
    body = [bases(entry), described(entry, link), pages(used.get(entry.name, []))]
    options = {}
    if entry.owner is None:
        options["module"] = entry.name.rpartition(".")[0]
        if entry.kind in ("class", "exception"):
            body += [entry_text(member, used) for member in publicnames.members(entry)]
    if entry.home != entry.name:
        options["canonical"] = entry.home
    if entry.kind == "data" and len(repr(entry.value)) <= LONGEST_VALUE:
        options["value"] = json.dumps(repr(entry.value))
    kind = entry.kind if entry.kind not in ("classmethod", "staticmethod") else "method"
    if kind != entry.kind:
        options[entry.kind] = ""
    text = "\n\n".join(part for part in body if part)
    return directive(f"py:{kind}", f"{entry.short}{signature(entry)}", text, **options)


def bases(entry):
    """The public classes of the library that a class extends."""
    if entry.kind not in ("class", "exception"):
        return ""
    names = publicnames.known()
    found = [f"{one.__module__}.{one.__name__}" for one in entry.value.__mro__[1:]]
    found = [names[one] for one in found if one in names]
    linked = ", ".join(f"{{py:obj}}`{one.short} <{one.name}>`" for one in found)
    return f"Extends {linked}." if found else ""


def pages(docnames):
    """The chapters that use something."""
    if not docnames:
        return ""
    linked = ", ".join(f"{{doc}}`/{name}`" for name in docnames)
    return directive("container", "mpack-used", f"Used in {linked}.")


class LinkNames(SphinxPostTransform):
    """The first mention of a public name on a page of the book, in backticks, leads to its entry."""

    default_priority = 5  # before links are resolved

    def run(self, **options):
        if self.env.docname.startswith(PAGES):
            return
        names, seen = self.env.get_domain("py").objects, set()
        for node in list(self.document.findall(nodes.literal)):
            target = publicnames.resolve(node.astext(), names)
            if target is None or target in seen or inside(node, nodes.reference, nodes.title):
                continue
            seen.add(target)
            link = addnodes.pending_xref(
                "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True
            )
            link["refdoc"], link["refwarn"] = self.env.docname, True
            node.replace_self(link)
            link += node


def inside(node, *kinds):
    """True if a node stands in one of a kind."""
    while node is not None:
        if isinstance(node, (*kinds, addnodes.pending_xref)):
            return True
        node = node.parent
    return False


def setup(app):
    """Called by `sphinxext.setup`."""
    app.add_directive("mpack-module", Module)
    app.add_post_transform(LinkNames)
