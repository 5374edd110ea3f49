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


def test_a_new_claim_is_announced_before_its_verdict():
    """Its rule is committed first, with the verdict awaited; then what comes of it."""
    rule, known = "above 0, sigmas 3", {"x": {"a": ["above 1, sigmas 3", "agrees"]}}
    asked = {"x": known["x"] | {"b": [rule, verdicts.AWAITED]}}
    answered = {"x": known["x"] | {"b": [rule, "agrees"]}}
    assert verdicts.unannounced(known, asked) == verdicts.unannounced(asked, answered) == []
    assert verdicts.moved(asked, answered) == []
    assert verdicts.unannounced(known, answered) == ["b"]


def run(monkeypatch, tmp_path, committed, found, *, rules_only):
    """(exit status, what the command wrote) where HEAD has `committed` and the chapters have `found`."""
    file = tmp_path / "verdicts.json"
    monkeypatch.setattr(verdicts, "FILE", file)
    monkeypatch.setattr(verdicts, "git", lambda *_: json.dumps(committed))
    monkeypatch.setattr(verdicts, "of_book", lambda _: json.loads(json.dumps(found)))
    status = verdicts.main(rules_only)
    return status, json.loads(file.read_text()) if file.exists() else None


def test_the_command_writes_rules_first_and_refuses_both_at_once(monkeypatch, tmp_path):
    committed = {"x": {"a": ["above 0, sigmas 3", "differs"]}}
    found = {"x": {"a": ["above 1, sigmas 3", "agrees"], "b": ["above 0, sigmas 3", "agrees"]}}
    assert run(monkeypatch, tmp_path, committed, found, rules_only=False) == (1, None)
    status, rules = run(monkeypatch, tmp_path, committed, found, rules_only=True)
    assert status == 0 and rules == {
        "x": {"a": ["above 1, sigmas 3", "differs"], "b": ["above 0, sigmas 3", verdicts.AWAITED]}
    }
    assert run(monkeypatch, tmp_path, rules, found, rules_only=False) == (0, found)
    assert run(monkeypatch, tmp_path, {}, found, rules_only=False) == (0, found)  # no history


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
