"""The book's roles and directives in plain words, where there is no Sphinx: in Voila, in JupyterLab, in alt texts."""

import re

from book import reading
from mpack.statistics import with_error

ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
FENCE = re.compile(
    r"^(?P<fence>`{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<title>[^\n]*)\n(?P<options>(?::[\w-]+:[^\n]*\n)*)"
    r"(?P<body>.*?)^(?P=fence)[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)


def numbers_of(path):
    """What `plain` needs of an executed chapter: its recorded numbers, and its parameters as exact ones."""
    parameters = reading.parameters(path)
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
    if role.startswith("cite"):
        named = [re.sub(r"^(\w+?)(\d{4}).*", r"\1 \2", key.strip()) for key in body.split(",")]
        return f"({'; '.join(named)})" if role == "cite:p" else " and ".join(named)
    if role == "numref":
        return f"the figure “{body.removeprefix('fig-').replace('-', ' ')}”"
    if role == "eq":
        return f"({body.removeprefix('eq-')})"
    if role in ("ref", "doc") and not target:
        return body.rpartition("/")[2].replace("_", " ")
    return shown


def parameter(name, value):
    """A parameter's value in words: as it was chosen, with commas in large integers (not in a seed)."""
    if isinstance(value, list):
        return ", ".join(parameter(name, one) for one in value)
    if isinstance(value, int) and not isinstance(value, bool) and "seed" not in name:
        return f"{value:,}"
    return str(value)


def plain(text, numbers):
    """Markdown without the book's roles and directives."""
    text = FENCE.sub(lambda fence: _block(fence, numbers), text).replace("](../notebooks/", "](")
    return ROLE.sub(lambda role: words_of(role[1], role[2], numbers), text)


def _block(fence, numbers):
    body, title = plain(fence["body"].strip("\n"), numbers), fence["title"].strip()
    if fence["name"] == "caption":
        return "".join(f"> {line}\n" for line in f"**Figure.** {body}".splitlines())
    if fence["name"] == "math":
        return f"$$\n{body}\n$$\n"
    return f"**{title}**\n\n{body}\n" if title else f"{body}\n"
