"""How long a chapter takes to read: counted from its words, equations, figures and lines of code, never typed."""

import json
import re
from pathlib import Path

# What a student who follows each step takes. Prose of a textbook is read at some two hundred words
# a minute; the rest are seconds for one of them.
WORDS_A_MINUTE = 200
EQUATION, FIGURE, LINE = 45, 20, 4
STEP = 5  # minutes: more would pretend to know the reader

EXERCISES = re.compile(r"^## Exercises$", re.MULTILINE)
AFTERWARDS = re.compile(r"^## (?!Exercises$)", re.MULTILINE)
DISPLAYED = re.compile(r"\$\$.+?\$\$", re.DOTALL)
INLINE = re.compile(r"\$[^$\n]+\$")
FIGURES = re.compile(r"^`{3,}\{(?:caption|mpack-widget)\}", re.MULTILINE)
OPTIONS = re.compile(r"^(?:`{3,}.*|:[\w-]+:.*)$", re.MULTILINE)


def minutes(path):
    """Minutes that the chapter in a notebook file takes, to the next five, without its exercises."""
    cells = json.loads(Path(path).read_text(encoding="utf8"))["cells"]
    seconds = sum(map(_seconds, without_exercises(cells)))
    return max(STEP, STEP * round(seconds / 60 / STEP))


def without_exercises(cells):
    """The cells of a chapter, from its exercises on left out up to the next heading of their rank."""
    inside = False
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            if EXERCISES.search(source):
                source, inside = EXERCISES.split(source)[0], True
            elif inside and (heading := AFTERWARDS.search(source)):
                source, inside = source[heading.start() :], False
            elif inside:
                continue
        if not inside or cell["cell_type"] == "markdown":
            yield {**cell, "source": source}


def _seconds(cell):
    """Of one cell: Markdown by what it holds, code by the lines that are shown."""
    source = cell["source"]
    if cell["cell_type"] == "code":
        hidden = any(tag.startswith(("hide", "remove")) for tag in cell["metadata"].get("tags", ()))
        return 0 if hidden else LINE * sum(bool(line.strip()) for line in source.splitlines())
    equations, figures = len(DISPLAYED.findall(source)), len(FIGURES.findall(source))
    prose = OPTIONS.sub("", INLINE.sub("x", DISPLAYED.sub("", source)))
    words = sum(any(map(str.isalnum, word)) for word in prose.split())
    return EQUATION * equations + FIGURE * figures + 60 * words / WORDS_A_MINUTE
