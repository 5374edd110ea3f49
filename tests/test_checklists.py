"""The journals' checklists: every answer leads to a file that is there, and what is lacking is said to be."""

import re

import pytest
from bookpages import ROOT

TEXT = (ROOT / "book" / "checklists.md").read_text(encoding="utf8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith(("| asked", "| ---"))
]


def test_both_lists_are_there():
    first, second = TEXT.partition("## ReScience C")[::2]
    assert first.count("\n| ") - 2 >= 15 and second.count("\n| ") - 2 >= 10
    assert all(len(row) == 3 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_an_answer_names_files_that_are_there(row):
    named = re.findall(r"`([\w./-]+\.\w+|LICENSE|Containerfile|book/results/LICENSE)`", row[2])
    assert named, row
    for name in named:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    ("what", "there"),
    (
        ("Archived at Zenodo or Software Heritage: *not yet*", "\ndoi:"),
        ("a public address is *not yet* set", None),
    ),
)
def test_not_yet_is_said_no_longer_than_it_is_so(what, there):
    if there is None:
        config = (ROOT / "_config.yml").read_text(encoding="utf8")
        unset = 'mpack_repository: ""' in config
    else:
        unset = there not in (ROOT / "CITATION.cff").read_text(encoding="utf8")
    assert (what in TEXT) == unset


def test_the_accessibility_statement_names_tests_that_are_there():
    text = (ROOT / "book" / "accessibility.md").read_text(encoding="utf8")
    table = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    named = re.findall(r"`((?:tests/)?[\w/]+\.py)`", table)
    assert len(named) >= 12
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "tests" / "browser" / name).exists(), name
