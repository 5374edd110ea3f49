"""The book's roles and directives in plain words, where there is no Sphinx: in Voila, in JupyterLab, in alt texts."""

import re

from book import reading
from mpack.statistics import with_error

from . import labels, readingtime

EQUATION = re.compile(r"^\$\$[ \t]*\(([\w:-]+)\)", re.MULTILINE)
UNNAMED = re.compile(r"\[\]\(((?:[\w./-]*/)?([\w-]+)\.(?:ipynb|md))\)")
OPTION = re.compile(r"^:([\w-]+):[ \t]*(.*)$", re.MULTILINE)
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
FENCE = re.compile(
    r"^(?P<fence>`{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<title>[^\n]*)\n(?P<options>(?::[\w-]+:[^\n]*\n)*)"
    r"(?P<body>.*?)^(?P=fence)[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)


def numbers_of(path):
    """What `plain` needs of a chapter: its recorded numbers, and its parameters and reading time as exact ones."""
    parameters = reading.parameters(path) | {"reading-time": readingtime.minutes(path)}
    exact = {
        name: {"value": value, "error": None, "unit": None} for name, value in parameters.items()
    }
    return exact | reading.records(path)


def words_of(role, body, numbers):
    """What stands for a role of the book where there is no Sphinx."""
    shown, _, target = (part.strip(" >") for part in body.partition("<"))
    if role == "measured":
        entry = numbers.get(body.rpartition(":")[2])
        return with_error(entry["value"], entry["error"], entry["unit"]) if entry else "…"
    if role == "parameter":
        return parameter(body, numbers.get(body, {"value": "…"})["value"])
    if role == "readingtime":
        return f"{numbers.get('reading-time', {'value': '…'})['value']} {body}"
    if role.startswith("cite"):
        named = [labels.references()[key.strip()] for key in body.split(",")]
        if role == "cite:p":
            return f"({'; '.join(f'{who}, {year}' for who, year in named)})"
        return " and ".join(f"{who} ({year})" for who, year in named)
    if role in ("numref", "eq", "ref") and not target:
        return labels.numbers().get(body, body)
    if role == "doc" and not target:
        name = body.rpartition("/")[2]
        title = labels.titles().get(name, name)
        return f"[{title}]({name}.ipynb)" if labels.is_chapter(name) else title
    return shown


def parameter(name, value):
    """A parameter's value in words: as it was chosen, with commas in large integers (not in a seed)."""
    if isinstance(value, list):
        return ", ".join(parameter(name, one) for one in value)
    if isinstance(value, int) and not isinstance(value, bool) and "seed" not in name:
        return f"{value:,}"
    return str(value)


def plain(text, numbers):
    """Markdown without the book's roles and directives, with the numbers that the book prints."""
    text = FENCE.sub(lambda fence: _block(fence, numbers), text)
    text = EQUATION.sub(lambda found: _tag(found[1]) + "$$", text)
    text = UNNAMED.sub(lambda link: f"[{labels.titles().get(link[2], link[2])}]({link[1]})", text)
    text = text.replace("](../notebooks/", "](")
    return ROLE.sub(lambda role: words_of(role[1], role[2], numbers), text)


def _tag(label):
    """What numbers a formula for MathJax."""
    number = labels.numbers().get(label)
    return f"\\tag{{{number.strip('()')}}}\n" if number else ""


def _block(fence, numbers):
    body, title = plain(fence["body"].strip("\n"), numbers), fence["title"].strip()
    options = dict(OPTION.findall(fence["options"]))
    if fence["name"] in ("caption", "mpack-widget", "mpack-figure"):
        label = options.get("name", f"fig-{title}")
        words = f"**{labels.numbers().get(label, 'Figure')}.** {body}"
        return "".join(f"> {line}\n" for line in words.splitlines())
    if fence["name"] == "math":
        return f"$$\n{body}\n{_tag(options.get('label'))}$$\n"
    return f"**{title}**\n\n{body}\n" if title else f"{body}\n"
