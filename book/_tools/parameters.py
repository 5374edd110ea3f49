"""What a reader may change in a chapter, read from the notebook itself, and the table of it on the page on reruns.

A parameter's default and meaning stand in the chapter's first code cell, what it may be in the
`chapters.check` of the second: nothing is written down twice. The directive `mpack-parameters` makes
a section of each chapter, with commands to copy and with what a run has taken.
"""

import ast
import io
import json
import re
import tokenize
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book import RESULTS

from . import labels, places

CAMPAIGN = re.compile(r'source\.campaign\(\s*"([\w-]+)"')  # what size "paper" does again
GIGABYTE = 1e9


class Parameter(NamedTuple):
    """A parameter of a chapter."""

    name: str
    default: str  #: as the chapter writes it
    allowed: object  #: as `book.chapters.check` takes it
    meaning: str

    @property
    def value(self):
        """The default."""
        return ast.literal_eval(self.default)


def of(chapter):
    """The parameters of a chapter, `notebooks/X.ipynb`, in its order.

    Raises
    ------
    ValueError
        If its first two code cells are not the parameters and their check.
    """
    notebook = json.loads((places.ROOT / chapter).read_text(encoding="utf8"))
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    meanings = _comments(code[0])
    checked = _checked(code[1])
    found = []
    for one in ast.parse(code[0]).body:
        name, default = one.targets[0].id, ast.get_source_segment(code[0], one.value)
        if name not in checked or one.lineno not in meanings:
            raise ValueError(f"{chapter}: the parameter {name} has no range or no comment")
        found.append(Parameter(name, default, checked[name], meanings[one.lineno]))
    return found


def _comments(source):
    """The comment on each line that has one."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ")
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _checked(source):
    """What the call of `chapters.check` in a cell allows: from names to specifications."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    check = next(
        (call for call in calls if ast.unparse(call.func) == "chapters.check"),
        ast.Call(keywords=[]),
    )
    known = {"__builtins__": {}, "bool": bool, "str": str}  # 10**6 is no literal
    return {one.arg: eval(ast.unparse(one.value), known) for one in check.keywords}


def kind(allowed):
    """The type of a parameter, in words."""
    if isinstance(allowed, list):
        return f"list of {kind(allowed[0])}s"
    if isinstance(allowed, tuple):
        whole = all(isinstance(end, int) for end in allowed if end is not None)
        return "integer" if whole else "number"
    if allowed is bool:
        return "yes or no"
    return "text" if allowed is str or isinstance(next(iter(allowed)), str) else "integer"


def extent(allowed):
    """What a parameter may be, in words."""
    if isinstance(allowed, list):
        return f"each {extent(allowed[0])}"
    if isinstance(allowed, tuple):
        low, high = (_written(end) for end in allowed)
        return f"{low} to {high}"
    if allowed is bool:
        return "True or False"
    return "any" if allowed is str else " or ".join(map(_written, sorted(allowed, key=_order)))


def _order(one):
    return (isinstance(one, str), one)


def _written(one):
    """A number or a word, as people write it."""
    if isinstance(one, str):
        return f'"{one}"'
    if isinstance(one, int) and one >= 2**32:
        return f"2{str(one.bit_length() - 1).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return f"{one:,}" if isinstance(one, int) else f"{one:.10g}"


def has_sizes(parameters):
    """Whether a chapter may be run at the size of a paper."""
    return any(one.name == "size" and one.allowed == {"live", "paper"} for one in parameters)


class Cost(NamedTuple):
    """What a chapter takes."""

    seconds: float | None  #: of its last run in this tree
    memory: int | None  #: bytes that its kernel held at most
    core_hours: float | None  #: that the runs took which size "paper" does again
    campaigns: tuple  #: the archives of these


def cost(chapter):
    """What a chapter took when this book was made, and what its archive took."""
    made = (places.EXECUTED / chapter).with_suffix(".made.json")
    record = json.loads(made.read_text(encoding="utf8")) if made.exists() else {}
    text = json.loads((places.ROOT / chapter).read_text(encoding="utf8"))
    code = "\n".join("".join(one["source"]) for one in text["cells"] if one["cell_type"] == "code")
    campaigns = tuple(dict.fromkeys(CAMPAIGN.findall(code)))
    hours = [
        json.loads(manifest(name).read_text(encoding="utf8"))["core hours"] for name in campaigns
    ]
    return Cost(
        record.get("seconds"), record.get("peak memory"), sum(hours) if hours else None, campaigns
    )


def manifest(campaign):
    """The manifest of an archive of runs."""
    return RESULTS / campaign / "manifest.json"


def seconds(cost):
    """The time of a run, in words."""
    return "not measured" if cost.seconds is None else f"{cost.seconds:.0f} s"


def memory(cost):
    """The memory of a run, in words."""
    return "not measured" if cost.memory is None else f"{cost.memory / GIGABYTE:.2f} GB"


def core_hours(cost, parameters):
    """The time of a run at the size of a paper, in words."""
    if not has_sizes(parameters):
        return "–"
    return "not measured" if cost.core_hours is None else f"{cost.core_hours:.1f} core hours"


def commands(chapter, parameters):
    """Lines to copy, all of which run: another seed, a list, the size of a paper."""
    name = Path(chapter).stem
    papermill = f".venv/bin/papermill {chapter} out.ipynb"
    lines = [
        f'make chapter NAME={name} PARAMETERS="seed=7"',
        f"{papermill} -p seed 7",
    ]
    if (
        some := next((one for one in parameters if isinstance(one.allowed, list)), None)
    ) is not None:
        lines.append(f"{papermill} -y '{some.name}: {json.dumps(some.value)}'")
    if has_sizes(parameters):
        lines.append(f"{papermill} -p size paper")
    if any(one.name == "dask" for one in parameters):
        lines.append(f"{papermill} -p size paper -p dask tcp://address:8786")
    return lines


class Parameters(SphinxDirective):
    """The directive `mpack-parameters`: what each chapter takes, and a section of its parameters."""

    def run(self):
        known = {}
        for chapter in places.chapters():
            known[chapter] = of(chapter), cost(chapter)
            made = (places.EXECUTED / chapter).with_suffix(".made.json")
            needed = [places.ROOT / chapter, made, *map(manifest, known[chapter][1].campaigns)]
            for path in needed:
                self.env.note_dependency(str(path))
        rows = [
            [
                nodes.reference("", labels.titles()[Path(chapter).stem], refid=_id(chapter)),
                *(
                    nodes.Text(text)
                    for text in (seconds(took), memory(took), core_hours(took, some))
                ),
            ]
            for chapter, (some, took) in known.items()
        ]
        head = ("Chapter", "Time, as in the book", "Memory", "Runs of its archive")
        return [
            table(head, rows),
            *(self.section(chapter, *what) for chapter, what in known.items()),
        ]

    def section(self, chapter, parameters, took):
        """A chapter: what a run takes, its parameters, and commands."""
        title = labels.titles()[Path(chapter).stem]
        section = nodes.section(
            "", nodes.title("", title), ids=[_id(chapter)], names=[title.lower()]
        )
        where = nodes.reference(
            "",
            "The chapter",
            refuri=self.env.app.builder.get_relative_uri(self.env.docname, chapter[:-6]),
        )
        live = f": {seconds(took)}, {memory(took)} as the book runs it"
        live = live if took.seconds is not None else ": not measured in this copy of the book"
        paper = ""
        if has_sizes(parameters):
            hours = core_hours(took, parameters)
            several = f" (the archives {', '.join(took.campaigns)})" if took.campaigns else ""
            paper = f'; at size "paper" {hours}{several}, memory not measured'
        section += nodes.paragraph("", "", where, nodes.Text(f"{live}{paper}."))
        rows = [
            [
                nodes.literal("", one.name),
                *(nodes.Text(text) for text in (kind(one.allowed), extent(one.allowed))),
                nodes.literal("", one.default),
                nodes.Text(one.meaning),
            ]
            for one in parameters
        ]
        section += table(("Parameter", "Type", "Range", "Here", "What it is"), rows)
        block = "\n".join(commands(chapter, parameters))
        section += nodes.literal_block(block, block, language="bash")
        return section


def _id(chapter):
    return nodes.make_id(f"parameters-of-{Path(chapter).stem}")


def table(head, rows):
    """A table of inline nodes."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))
    group += nodes.thead("", _row(nodes.Text(name) for name in head))
    group += nodes.tbody("", *map(_row, rows))
    return nodes.table("", group, classes=["mpack-parameters"])


def _row(cells):
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def setup(app):
    """Called by `sphinxext.setup`."""
    app.add_directive("mpack-parameters", Parameters)
