"""What the history of `tests/verdicts.json` says of each claim: was its rule there before its verdict.

    python -m book._tools.history    # goes through the commits and writes book/tolerances.json

Git shows in which order things were committed, and no more: whoever looked before committing has
left no trace. So a claim is one of four.

* first:    its rule stood in the history, in an earlier commit than its present verdict, and is unchanged
* together: rule and verdict entered in one commit, and neither has changed since
* moved:    its rule was changed when a verdict stood already
* new:      it is younger than the file

The result is kept in the tree, since a copy of the tree may have no history, or the end of it only.
"""

import json
import sys
from typing import NamedTuple

from . import verdicts
from .places import ROOT, relative, say

FILE = ROOT / "book/tolerances.json"
FORMAT = 1
KINDS = ("first", "together", "moved", "new")
SHORT = 10  # letters of a commit's name


class Entry(NamedTuple):
    """A claim as one commit left it."""

    commit: str
    rule: str
    verdict: str


def flat(text):
    """{id of a claim: (rule, verdict)} of a version of the file; "" is none."""
    book = json.loads(text or "{}")
    return {id_: tuple(entry) for own in book.values() for id_, entry in own.items()}


def walk(commits):
    """{id: its entries, oldest first} of commits, oldest first: (name, parent's text, own text)."""
    found = {}
    for name, before, after in commits:
        old, new = flat(before), flat(after)
        for id_, (rule, verdict) in new.items():
            if old.get(id_) != (rule, verdict):
                found.setdefault(id_, []).append(Entry(name, rule, verdict))
    return found


def kind(entries):
    """Of which kind a claim is, from its entries, oldest first."""
    known = [entry for entry in entries if entry.verdict != verdicts.AWAITED]
    if not known:
        return "new"
    last = entries[-1]
    if any(entry.rule != last.rule for entry in known):
        return "moved"
    return "together" if known[0].commit == entries[0].commit and len(known) == 1 else "first"


def commits(through=None):
    """[(name, day, first line, parents)] of each commit of the file, oldest first, up to one of them."""
    order = ["--topo-order", "--reverse", "--no-merges", *([through] * bool(through))]
    lines = verdicts.git("log", "--format=%H|%P|%cs|%s", *order, "--", verdicts.NAME).splitlines()
    return [tuple(line.split("|", 3)) for line in lines]


def versions(names):
    """{name of a commit: the file as it was then, "" if it was not}, asked for in one go."""
    asked = [f"{name}:{verdicts.NAME}" for name in names]
    told = verdicts.git("cat-file", "--batch", asked="".join(f"{one}\n" for one in asked)).encode()
    found = {}
    for name in names:
        head, _, told = told.partition(b"\n")
        size = 0 if head.endswith(b" missing") else int(head.split()[2])
        found[name], told = told[:size].decode(), told[size + 1 :] if size else told
    return found


def whole():
    """Whether the history is all here: it is not where there is no git, or a shallow copy."""
    return verdicts.git("rev-parse", "--is-shallow-repository").strip() == "false"


def record(through=None):
    """What the file holds, from the history up to a commit (by default, the last)."""
    seen = commits(through)
    before = {name: parents.split()[:1] for name, parents, *_ in seen}
    texts = versions(
        list(dict.fromkeys([*before, *(one for some in before.values() for one in some)]))
    )
    found = walk(
        (name[:SHORT], texts[before[name][0]] if before[name] else "", texts[name])
        for name in before
    )
    return {
        "format": FORMAT,
        "through": seen[-1][0][:SHORT] if seen else "",
        "commits": {name[:SHORT]: [day, line] for name, _, day, line in seen},
        "claims": {id_: claim(entries) for id_, entries in sorted(found.items())},
    }


def claim(entries):
    """[kind, commit of the present rule, commit of the present verdict], and all entries of one that moved."""
    ruled, judged = (since(entries, name)[-1].commit for name in ("rule", "verdict"))
    row = [kind(entries), ruled, judged]
    return row if row[0] != "moved" else [*row, [list(entry) for entry in entries]]


def since(entries, name):
    """The entries that gave a claim another rule, or another verdict, than it had."""
    kept = []
    for entry in entries:
        if not kept or getattr(kept[-1], name) != getattr(entry, name):
            kept.append(entry)
    return kept


def load():
    """The record as the tree has it."""
    return json.loads(FILE.read_text(encoding="utf8"))


def kinds(ids, kept=None):
    """{id: kind} of some claims; those that the record does not know are new."""
    known = (load() if kept is None else kept)["claims"]
    return {id_: known[id_][0] if id_ in known else "new" for id_ in ids}


def main():
    """Write the record; 1 and no file where the history is not all here."""
    if not whole():
        say("The history is not all here: nothing was written.")
        return 1
    kept = record()
    parts = {
        name: json.dumps(value, ensure_ascii=False)
        for name, value in kept.items()
        if name != "claims"
    }
    rows = ",\n".join(
        f"  {json.dumps(id_)}: {json.dumps(row, ensure_ascii=False)}"
        for id_, row in kept["claims"].items()
    )
    head = "".join(f' "{name}": {text},\n' for name, text in parts.items())
    FILE.write_text(f'{{\n{head} "claims": {{\n{rows}\n }}\n}}\n', encoding="utf8")
    many = {word: sum(row[0] == word for row in kept["claims"].values()) for word in KINDS}
    say(f"Wrote {relative(FILE)}:", ", ".join(f"{number} {word}" for word, number in many.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
