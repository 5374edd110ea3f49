"""The scoreboard: what the papers state, and the verdict on each statement from the claims of this build.

The statements are `book/scoreboard.yaml`; the wrong theories of the negative controls are
`book/controls.yaml`. Nothing here knows how a page looks.
"""

import re
from fnmatch import filter as matching
from typing import NamedTuple

import yaml

from mpack.statistics import with_error

from . import places

STATEMENTS = places.ROOT / "book" / "scoreboard.yaml"
CONTROLS = places.ROOT / "book" / "controls.yaml"
CONTRARY = {"agrees": "differs", "differs": "agrees", "undecided": "undecided"}
NUMBER = re.compile(r"\{([^{}:]+)(?::(n|count|agree))?\}")
UNTESTED = "not yet tested"


class Statement(NamedTuple):
    """A statement of a paper with what this build finds."""

    id: str
    where: str
    says: str
    verdict: str  #: "agrees", "differs", "undecided" or "not yet tested"
    found: str  #: in words; of an untested one, why
    claims: list  #: the entries that decide it
    votes: list  #: what each of them says of the statement: "agrees", "differs" or "undecided"


class Part(NamedTuple):
    """A group of statements of one paper."""

    paper: str
    title: str
    statements: list


def papers():
    """The papers as the file has them."""
    return yaml.safe_load(STATEMENTS.read_text(encoding="utf8"))


def wrong_theories():
    """From the id of each negative control to the wrong theory that it is."""
    return yaml.safe_load(CONTROLS.read_text(encoding="utf8"))


def board(entries):
    """The parts of the scoreboard, in the papers' order.

    Parameters
    ----------
    entries : list of dict
        The claims of the book, as `book._tools.claims.gather` gives them.
    """
    known = {entry["id"]: entry for entry in entries}
    return [
        Part(paper["paper"], part["title"], [statement(row, known) for row in part["statements"]])
        for paper in papers()
        for part in paper["parts"]
    ]


def statement(row, known):
    """One statement with its verdict. Raises KeyError if it names a claim that no chapter makes."""
    if "untested" in row:
        return Statement(row["id"], row["where"], row["says"], UNTESTED, row["untested"], [], [])
    for_it = chosen(row.get("claims", ()), known)
    against = chosen(row.get("against", ()), known)
    votes = [one["verdict"] for one in for_it] + [CONTRARY[one["verdict"]] for one in against]
    return Statement(
        row["id"],
        row["where"],
        row["says"],
        together(votes),
        NUMBER.sub(lambda number: _number(number[1], number[2], known), row["found"]),
        for_it + against,
        votes,
    )


def chosen(patterns, known):
    """The claims that patterns name, each once."""
    found = {}
    for pattern in patterns:
        ids = matching(known, pattern)
        if not ids:
            raise KeyError(f"no chapter makes the claim {pattern!r} of {STATEMENTS.name}")
        found |= {id_: known[id_] for id_ in ids}
    return list(found.values())


def together(verdicts):
    """The verdict on a statement that several claims decide."""
    if "differs" in verdicts:
        return "differs"
    return "agrees" if set(verdicts) == {"agrees"} else "undecided"


def _number(pattern, what, known):
    """What stands for {id}, {id:n}, {id:count} or {id:agree}."""
    some = chosen([pattern], known)
    if what == "count":
        return str(len(some))
    if what == "agree":
        return str(sum(one["verdict"] == "agrees" for one in some))
    (entry,) = some
    return f"{entry['n']:,}" if what == "n" else with_error(entry["value"], entry["error"])
