"""No claim's rule changes in the same commit as its verdict; and a control that would be noticed."""

import json

import pytest

from book._tools import verdicts

LOOK_BACK = 30  # commits of the file


def test_a_rule_and_its_verdict_that_move_together_are_noticed():
    """Either alone may change, and claims may come and go; both at once may not."""
    old = ["within 1, tolerance 0.1, sigmas 3", "differs"]
    wider, better = ["within 1, tolerance 0.5, sigmas 3", "differs"], [old[0], "agrees"]
    for new in (old, wider, better):
        assert verdicts.moved({"x": {"a": old, "c": old}}, {"x": {"a": new, "b": wider}}) == []
    both = {"y": {"a": [wider[0], better[1]]}}  # in another chapter, too
    assert verdicts.moved({"x": {"a": old, "b": old}}, both) == ["a"]


def test_no_rule_changed_in_the_same_commit_as_its_verdict():
    """The file as it is against the last commit, and each commit of it against its parents."""
    head = verdicts.git("show", f"HEAD:{verdicts.NAME}")
    if not head:
        pytest.skip("no git, or no committed verdicts")
    now = json.loads(verdicts.FILE.read_text(encoding="utf8"))
    assert verdicts.moved(json.loads(head), now) == []
    asked = ["--no-merges", f"-{LOOK_BACK}", "--format=%H %P", "--", verdicts.NAME]
    for line in verdicts.git("log", *asked).splitlines():
        commit, *parents = line.split()  # the last commit of a shallow clone has no parent
        for parent in parents:
            texts = [verdicts.git("show", f"{one}:{verdicts.NAME}") for one in (parent, commit)]
            both = verdicts.moved(*(json.loads(text or "{}") for text in texts))
            assert both == [], f"{commit[:10]} changes rule and verdict of {both}"
