"""What executed chapters hold for programs: recorded numbers, claims, answers to exercises, parameters.

`book.chapters` puts them beside what the reader sees, as outputs with MIME types of their own.
"""

import json
import re
from pathlib import Path

from book.chapters import ANSWER, CLAIM, PARAMETERS, RECORD


def answers(path):
    """The answers that an executed notebook states: from each exercise's label to a list of what `grade` takes."""
    found = {}
    for _, entry in _stored(path, ANSWER):
        found.setdefault(entry["exercise"], []).append(entry)
    return found


def records(path):
    """The numbers recorded in an executed notebook: a dict from name to value, error, n and unit."""
    found = {}
    for _, entry in _stored(path, RECORD):
        if entry["name"] in found:
            raise ValueError(f"{path} records {entry['name']!r} twice")
        found[entry["name"]] = {key: value for key, value in entry.items() if key != "name"}
    return found


def claims(path):
    """The claims of an executed notebook, in order, each with the number of its `cell`."""
    return [{**entry, "cell": cell} for cell, entry in _stored(path, CLAIM)]


def _stored(path, kind):
    """(cell number, data) of every output of one MIME type in a notebook file."""
    notebook = json.loads(Path(path).read_text(encoding="utf8"))
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            if kind in output.get("data", {}):
                yield number, output["data"][kind]


def parameters(path):
    """The checked parameters of an executed notebook: a dict from name to value."""
    return {name: value for _, entry in _stored(path, PARAMETERS) for name, value in entry.items()}


CAPTION = re.compile(
    r"^(?P<fence>`{3,})\{caption\}[ \t]*(?P<name>[a-z0-9-]+)[ \t]*\n:alt:(?P<alt>[^\n]*)\n"
    r"(?P<text>.*?)^(?P=fence)[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)


def captions(notebook):
    """The captions that stand in a notebook's Markdown: {name of the figure: (alt, caption)}."""
    found = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for block in CAPTION.finditer("".join(cell["source"])):
                if block["name"] in found:
                    raise ValueError(f"the figure {block['name']!r} has two captions")
                found[block["name"]] = block["alt"].strip(), block["text"].strip()
    return found
