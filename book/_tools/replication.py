"""The replication report: from the votes of the claims on each statement of the papers to an outcome.

The statements and the claims that decide them are the scoreboard's; what stood in the way is said
by a rule, and beyond it by `book/replication.yaml`. Nothing here knows how a page looks.
"""

from collections import Counter
from typing import NamedTuple

import yaml

from . import places, scoreboard

OBSTACLES = places.ROOT / "book" / "replication.yaml"
OUTCOMES = ("full", "partial", "not replicated", "out of reach")


class Row(NamedTuple):
    """A statement of a paper, and how far it is replicated."""

    paper: str
    statement: scoreboard.Statement
    outcome: str  #: one of `OUTCOMES`
    obstacles: list  #: names of kinds of obstacles


def outcome(votes):
    """How far a statement is replicated, from what each claim that decides it says of it.

    * no claim decides it: out of reach
    * all agree: full
    * one differs and none agrees: not replicated
    * else, where some agree and others do not, or none is decided: partial
    """
    if not votes:
        return "out of reach"
    if set(votes) == {"agrees"}:
        return "full"
    return "not replicated" if "differs" in votes and "agrees" not in votes else "partial"


def obstacles(votes, own=()):
    """What stood in the way: what the votes show, then what is named for the statement."""
    found = ["coarse"] * ("undecided" in votes)
    if "differs" in votes:
        found.append("conditions" if "agrees" in votes else "contradicted")
    return [*found, *own]


def known():
    """(from each kind of obstacle to its sentence, from ids of statements to their own kinds)."""
    found = yaml.safe_load(OBSTACLES.read_text(encoding="utf8"))
    return found["kinds"], found["statements"]


def report(entries):
    """A row for each statement, in the papers' order.

    Parameters
    ----------
    entries : list of dict
        The claims of the book, as `book._tools.claims.gather` gives them.
    """
    _, own = known()
    return [
        Row(part.paper, one, outcome(one.votes), obstacles(one.votes, own.get(one.id, ())))
        for part in scoreboard.board(entries)
        for one in part.statements
    ]


def counts(rows):
    """How many statements have each outcome, in the order of `OUTCOMES`."""
    many = Counter(row.outcome for row in rows)
    return {word: many[word] for word in OUTCOMES}
