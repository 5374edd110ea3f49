"""The verdict of every claim beside its rule, in `tests/verdicts.json`, so that git shows who moved what.

    python -m book._tools.verdicts           # after a build: rules and verdicts of the executed chapters
    python -m book._tools.verdicts --rules   # the new rules alone; known verdicts stay as they were, others are awaited

A claim's rule (relation, target, tolerance, resolution, standard errors, control or not) and its
verdict never change in the same commit: a tolerance is set before one looks, and a reader of the
history can see that it was. So a new rule, also that of a new claim, is committed first, with
`--rules`, and next what comes of it; `tests/test_verdicts.py` looks through the history, and
`book._tools.history` says of each claim how it came about. Chapters that have not been executed
keep what the file says. Numbers have three digits, since some targets are computed.
"""

import json
import subprocess
import sys

from book import reading

from . import places
from .places import EXECUTED, ROOT, say

FILE = ROOT / "tests/verdicts.json"
NAME = FILE.relative_to(ROOT).as_posix()
AWAITED = "awaited"  # of a claim whose rule is committed, and whose verdict is not


def rule(claim):
    """A claim's rule in words: 'control: within 0.64, tolerance 0.01, sigmas 3'."""
    parts = [
        ("control: " if claim["control"] else "") + f"{claim['relation']} {claim['target']:.3g}"
    ]
    for name in ("tolerance", "resolution", "sigmas"):
        if claim[name] is not None:
            parts.append(f"{name} {claim[name]:.3g}")
    return ", ".join(parts)


def of_book(before):
    """{chapter: {id: [rule, verdict]}}, of executed chapters as they are, of others as before."""
    found = {}
    for chapter in places.chapters():
        name = chapter.removesuffix(".ipynb")
        if (EXECUTED / chapter).exists():
            entries = reading.claims(EXECUTED / chapter)
            found[name] = {one["id"]: [rule(one), one["verdict"]] for one in entries}
        elif name in before:
            found[name] = before[name]
    return found


def moved(before, after):
    """Claims of both whose rule and verdict differ, sorted."""
    old, new = ({i: e for own in book.values() for i, e in own.items()} for book in (before, after))
    return sorted(i for i in old.keys() & new.keys() if all(a != b for a, b in zip(old[i], new[i])))


def unannounced(before, after):
    """Claims with a verdict of which `before` has no rule, sorted."""
    old = {id_ for own in before.values() for id_ in own}
    return sorted(
        id_
        for own in after.values()
        for id_, one in own.items()
        if id_ not in old and one[1] != AWAITED
    )


def git(*words, asked=None):
    """What git says, or "" where it says nothing: no git, no history, no such file at the time."""
    try:
        done = subprocess.run(
            ["git", *words], input=asked, check=False, cwd=ROOT, capture_output=True, text=True
        )
        return done.stdout
    except OSError:
        return ""


def main(rules_only):
    """Write the file; 1 and no file if a rule and its verdict would change at once."""
    committed = json.loads(git("show", f"HEAD:{NAME}") or "{}")
    after = of_book(json.loads(FILE.read_text(encoding="utf8")) if FILE.exists() else {})
    for name, own in after.items() if rules_only else ():
        for id_, entry in own.items():
            entry[1] = committed.get(name, {}).get(id_, (None, AWAITED))[1]
    if both := moved(committed, after) + (unannounced(committed, after) if committed else []):
        say("rule and verdict change at once; commit the rule first, with --rules:", *both)
        return 1
    FILE.write_text(json.dumps(after, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--rules" in sys.argv[1:]))
