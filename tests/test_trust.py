"""What a stranger relies on: the report, the provenance, the check, the history of the tolerances."""

import json

import pytest

from book._tools import history, verdicts

# The history of the rules
# ------------------------------------------------------------------------------------------------


def version(**claims):
    """A version of the file of verdicts: name = (rule, verdict)."""
    return json.dumps({"chapter": {name: list(entry) for name, entry in claims.items()}})


def kind(*entries):
    """Of which kind a claim is that these commits left so; None where a commit does not have it."""
    texts = ["{}", *(version(a=entry) if entry else "{}" for entry in entries)]
    steps = [(f"c{n}", *pair) for n, pair in enumerate(zip(texts, texts[1:]))]
    return history.kind(history.walk(steps)["a"])


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("r", "agrees")], "together"),
        ([None, ("r", "agrees"), ("r", "agrees")], "together"),
        ([("r", verdicts.AWAITED), ("r", "agrees")], "first"),
        ([("r", "undecided"), ("r", "agrees")], "first"),
        ([("r", verdicts.AWAITED)], "new"),
        ([("r", "agrees"), ("wider", "agrees")], "moved"),
        ([("r", "differs"), ("wider", "differs"), ("wider", "agrees")], "moved"),
        ([("r", verdicts.AWAITED), ("wider", verdicts.AWAITED), ("wider", "agrees")], "first"),
    ],
)
def test_the_history_of_a_claim_says_which_was_first(entries, expected):
    assert kind(*entries) == expected


def test_a_moved_rule_is_told_with_all_that_it_was():
    steps = [
        ("c0", "{}", version(a=("r", "agrees"))),
        ("c1", version(a=("r", "agrees")), version(a=("s", "agrees"))),
    ]
    row = history.claim(history.walk(steps)["a"])
    assert row == ["moved", "c1", "c0", [["c0", "r", "agrees"], ["c1", "s", "agrees"]]]


def test_the_record_of_the_history_is_what_the_history_says():
    """Up to the commit that it names; what came later is new to it."""
    if not history.whole():
        pytest.skip("the history is not all here")
    kept = history.load()
    assert history.record(kept["through"]) == kept
    assert set(history.kinds(["no-such-claim"], kept).values()) == {"new"}
